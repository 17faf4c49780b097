package pattern

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// maxOperand and maxDecimals bound the numbers that EventBridge documents it compares.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
const (
	maxOperand  = 5e9
	maxDecimals = 6
)

// alwaysThere are the fields that an event of CloudTrail has whatever happened: those of the envelope, and of the
// record those that the documentation doesn't call optional, with recipientAccountId, without which an event is not
// Authentic. userIdentity.type is not among them: what an AWS service does by itself may have no type.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
var alwaysThere = [...]string{
	"account", "detail-type", "id", "region", "source", "time", "version",
	"detail.awsRegion", "detail.eventCategory", "detail.eventID", "detail.eventName", "detail.eventSource",
	"detail.eventTime", "detail.eventType", "detail.eventVersion", "detail.recipientAccountId", "detail.sourceIPAddress",
}

// neverValues are the fields of CloudTrail's events that hold an object or a list, or null. To a pattern, exists
// means a value: for resources that is so because CloudTrail's list is always empty.
var neverValues = [...]string{
	"detail", "resources",
	"detail.addendum", "detail.additionalEventData", "detail.edgeDeviceDetails", "detail.requestParameters",
	"detail.resources", "detail.responseElements", "detail.serviceEventDetails", "detail.tlsDetails",
	"detail.userIdentity", "detail.userIdentity.onBehalfOf", "detail.userIdentity.sessionContext",
	"detail.userIdentity.sessionContext.attributes", "detail.userIdentity.sessionContext.sessionIssuer",
	"detail.userIdentity.sessionContext.webIdFederationData",
	"detail.userIdentity.sessionContext.webIdFederationData.attributes",
}

// values checks the operands of all matchers, wherever they stand.
func (l *linter) values() {
	for _, f := range l.matchers {
		for _, item := range f.items {
			name, operand := operatorOf(item)
			l.numbers(f.path, operand)
			l.folding(f.path, name, operand)
		}
	}
}

// numbers checks the numbers in an operand.
func (l *linter) numbers(path string, operand node) {
	if path == "account" {
		return // where no number is right, see impossibleValue
	}
	for _, n := range operands(operand) {
		if n.kind == scalarNode && n.scalar.kind == numberScalar && !documented(n.scalar.text) {
			l.report(n.at, path, "EventBridge documents numbers between -5,000,000,000 and 5,000,000,000 with up "+
				"to %d decimals, and whether it compares %s is not certain: use a number within these bounds",
				maxDecimals, n.scalar.text)
		}
	}
}

// documented reports whether a number is within the documented bounds.
func documented(text string) bool {
	value, err := strconv.ParseFloat(text, 64)
	if err != nil || math.Abs(value) > maxOperand {
		return false
	}
	if !strings.ContainsAny(text, "eE") {
		_, decimals, _ := strings.Cut(text, ".")
		return len(strings.TrimRight(decimals, "0")) <= maxDecimals
	}
	_, decimals, _ := strings.Cut(strconv.FormatFloat(value, 'f', -1, 64), ".")
	return len(decimals) <= maxDecimals
}

// folding checks the text of equals-ignore-case, which stands alone or inside another operator.
func (l *linter) folding(path, name string, operand node) {
	if operand.kind == objectNode {
		name, operand = operatorOf(operand)
	}
	if name != "equals-ignore-case" {
		return
	}
	for _, n := range operands(operand) {
		if strings.ContainsFunc(n.scalar.text, func(c rune) bool { return c > 0xFFFF }) {
			l.report(n.at, path, "equals-ignore-case takes a character outside of the Basic Multilingual Plane "+
				"(an emoji, say) for two question marks, so the text doesn't even match itself: match it exactly")
		}
	}
}

// absence reports a field that excludes values with anything-but and may be absent, unless it is clear that its absence
// is thought of: the field is there because an error is meant, or because of the rest of the rule, or another sub-rule
// takes its absence.
func (l *linter) absence(rule subRule, f *fieldTest) {
	for _, item := range l.items(f) {
		if name, _ := operatorOf(item); name != "anything-but" {
			continue
		}
		if f.absent || l.absent[f.path] || slices.Contains(alwaysThere[:], f.path) || l.impliedBy(rule, f.path) {
			return
		}
		l.report(item.at, f.path, "anything-but doesn't match an event without the field, and not every event "+
			`has it, so the rule is blind to the others: add {"exists": false} to the list`)
	}
}

// impliedBy reports whether a field of CloudTrail's records is there in what a rule means to match. An excluded error
// means the other errors. Calls that are named decide what they are given and give back.
func (l *linter) impliedBy(rule subRule, path string) bool {
	switch {
	case path == "detail.errorCode" || path == "detail.errorMessage":
		return true
	case strings.HasPrefix(path, "detail.requestParameters.") || strings.HasPrefix(path, "detail.responseElements."):
		_, named := l.exact(rule["detail.eventName"])
		return named
	case strings.HasPrefix(path, callerPath):
		return l.identified(rule, strings.TrimPrefix(path, callerPath))
	}
	return false
}

// callerPath begins the paths of the fields that say who called.
const callerPath = "detail.userIdentity."

// identified reports whether each of the types of identity that a rule takes has a field of userIdentity. A failed
// sign-in says less of who it was.
func (l *linter) identified(rule subRule, name string) bool {
	types, only := l.exact(rule[callerPath+"type"])
	for _, n := range types {
		has := name == "arn" || name == "accountId" || name == "principalId"
		switch n.scalar.text {
		case "AssumedRole":
			has = has || strings.HasPrefix(name, "sessionContext.sessionIssuer.")
		case "IAMUser":
			has = has || name == "userName"
		case "Root":
		default:
			has = false
		}
		if !has {
			return false
		}
	}
	return only && !slices.Contains(l.services(rule), "signin")
}

// existence reports a question for the existence of what never is a value: in CloudTrail's events, or because other
// fields of the rule lie below it.
func (l *linter) existence(path string, f *fieldTest, cloudTrail bool) {
	for _, item := range l.items(f) {
		name, operand := operatorOf(item)
		if name != "exists" || !(cloudTrail && slices.Contains(neverValues[:], path)) && !l.below[path] {
			continue
		}
		if operand.scalar.text == "true" {
			l.report(item.at, path, "exists means a value, which this is not but an object or a list, so that "+
				"true never holds: ask for a field in it")
		} else {
			l.report(item.at, path, "exists means a value, which this is not but an object or a list, so that "+
				"false always holds, as if the field were not in the pattern: ask for a field in it")
		}
	}
}

// enclosing notes the paths that a rule's fields are below: objects or lists, wherever they match.
func (l *linter) enclosing(rule subRule) {
	clear(l.below)
	for path := range rule {
		for i, c := range path {
			if c == '.' {
				l.below[path[:i]] = true
			}
		}
	}
}

// impossible reports values that a field of CloudTrail's events never has.
func (l *linter) impossible(f *fieldTest) {
	for _, item := range l.items(f) {
		name, operand := operatorOf(item)
		if name != "" && name != "exactly" && name != "anything-but" || operand.kind == objectNode {
			continue
		}
		for _, n := range operands(operand) {
			if message := impossibleValue(f.path, n.scalar, name == "anything-but"); message != "" {
				l.report(n.at, f.path, "%s", message)
			}
		}
	}
}

// identityTypes are the values of userIdentity.type.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
var identityTypes = [...]string{
	"AWSAccount", "AWSService", "AssumedRole", "Directory", "FederatedUser", "IAMUser", "IdentityCenterUser", "Role", "Root",
	"SAMLUser", "Unknown", "WebIdentityUser",
}

// impossibleValue says why a field never has a value; "" if that isn't certain.
func impossibleValue(path string, s scalar, excluded bool) string {
	is := func(kind scalarKind, texts ...string) bool { return s.kind == kind && slices.Contains(texts, s.text) }
	switch path {
	case "account", "detail.recipientAccountId", callerPath + "accountId":
		if s.kind == numberScalar {
			return "an account is a text of 12 digits, never a number: write it in quotes"
		}
	case callerPath + "sessionContext.attributes.mfaAuthenticated":
		if is(literalScalar, "true", "false") {
			return fmt.Sprintf("this is a text in CloudTrail's events, never a boolean: write %q", s.text)
		}
	case "detail.additionalEventData.MFAUsed":
		if is(literalScalar, "true", "false") || is(stringScalar, "true", "false") {
			return `this is a text in CloudTrail's events: write "Yes" or "No"`
		}
	case "detail.readOnly", "detail.managementEvent":
		if is(stringScalar, "true", "false") {
			return "this is a boolean in CloudTrail's events, never a text: write " + s.text + " without quotes"
		}
	case "detail.errorCode":
		if is(stringScalar, "") && !excluded {
			return `an errorCode is never empty: for calls that succeeded, write {"exists": false}`
		}
	case callerPath + "type":
		for _, known := range identityTypes {
			if s.kind == stringScalar && s.text != known && strings.EqualFold(s.text, known) {
				return fmt.Sprintf("no identity has this type: write %q", known)
			}
		}
	}
	return ""
}
