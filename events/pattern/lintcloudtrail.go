package pattern

import (
	"fmt"
	"slices"
	"strings"

	"github.com/countermand/countermand/events"
)

// apiCall is the detail type of API calls, and detailTypes are all that CloudTrail sends. AWS's pages spell that of
// sign-ins in two ways.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
const (
	apiCall      = "AWS API Call via CloudTrail"
	signIn       = "AWS Console Sign In via CloudTrail"
	otherSignIn  = "AWS Console Signin via CloudTrail"
	consoleLogin = "ConsoleLogin" // the sign-in itself, which is no API call
)

var detailTypes = [...]string{
	apiCall, "AWS Console Action via CloudTrail", signIn, otherSignIn,
	"AWS Insight via CloudTrail", "AWS Network Activity Event via CloudTrail", "AWS Service Event via CloudTrail",
}

// rule checks one sub-rule.
func (l *linter) rule(rule subRule) {
	kind := l.kind(rule)
	var which callFields
	for i, path := range callPaths {
		which[i] = rule[path]
	}
	if !l.calls[which] {
		l.calls[which] = true
		l.detailType(rule)
		l.source(rule)
		l.wrongTexts(rule, kind)
		l.agreement(rule)
		if kind.calls || kind.signIns {
			l.names(rule)
		}
		if kind.calls {
			l.readOnly(rule)
		}
		l.consoleLogin(rule, kind)
		l.settle(which)
	}
	l.enclosing(rule)
	for path, f := range rule {
		if kind.cloudTrail {
			l.absence(rule, f)
		}
		l.existence(path, f, kind.cloudTrail)
		l.spelling(f, kind)
		if kind.only || path == "account" {
			l.impossible(f)
		}
	}
}

// useless notes that the value at the byte offset at matches nothing in the sub-rule that is being checked. Alternatives
// often share a field whose values are each for one of them, so a value is reported only if it is useless in every
// sub-rule that has it; what is said is what was wrong first.
func (l *linter) useless(at int, path, format string, args ...any) {
	l.idle[at] = true
	if _, ok := l.reasons[at]; !ok {
		l.reasons[at] = remark{at, path, fmt.Sprintf(format, args...)}
	}
}

// settle notes which values of one sub-rule are of use in it.
func (l *linter) settle(which callFields) {
	for _, f := range which {
		for _, item := range l.items(f) {
			_, operand := operatorOf(item)
			if !l.idle[item.at] && !l.idle[operand.at] {
				l.used[item.at], l.used[operand.at] = true, true
			}
		}
	}
	clear(l.idle)
}

// idleValues reports the values that no sub-rule has a use for.
func (l *linter) idleValues() {
	for at, reason := range l.reasons {
		if !l.used[at] {
			l.report(at, reason.path, "%s", reason.message)
		}
	}
}

// callPaths are the paths of the fields that say which calls a rule is about, and callFields these fields.
var callPaths = [...]string{
	"detail-type", "source", "detail.eventSource", "detail.eventName", "detail.readOnly", "detail.eventCategory",
	"detail.managementEvent",
}

type callFields [len(callPaths)]*fieldTest

// kinds says what a rule can match of what CloudTrail sends: anything, API calls, sign-ins; and whether it can't match
// anything else.
type kinds struct{ cloudTrail, calls, signIns, only bool }

// kind looks at a rule's detail types, of which one that is misspelt counts as what was meant. Without them, only
// CloudTrail's events have an eventSource.
func (l *linter) kind(rule subRule) kinds {
	types, only := l.exact(rule["detail-type"])
	if !only {
		eventSources, certain := l.exact(rule["detail.eventSource"])
		return kinds{true, true, true, certain && len(eventSources) > 0}
	}
	k := kinds{only: true}
	for _, n := range types {
		meant := l.meantType(n.scalar.text)
		k.cloudTrail = k.cloudTrail || meant != ""
		k.only = k.only && meant != ""
		k.calls = k.calls || meant == apiCall
		k.signIns = k.signIns || meant == signIn || meant == otherSignIn
	}
	return k
}

// meantType returns the detail type of CloudTrail's that a text means; "" if it doesn't mean one.
func (l *linter) meantType(text string) string {
	meant, ok := l.types[text]
	if !ok && slices.Contains(detailTypes[:], text) {
		meant = text
	} else if !ok {
		i := slices.IndexFunc(detailTypes[:], func(known string) bool { return oneEdit(typeLetters(text), typeLetters(known)) })
		if i >= 0 {
			meant = detailTypes[i]
		}
	}
	l.types[text] = meant
	return meant
}

// typeLetters is a detail type without what is easily mistaken: case, white space, and words of the same meaning.
func typeLetters(text string) string {
	text = strings.Join(strings.Fields(strings.ReplaceAll(strings.ToLower(text), "-", " ")), " ")
	text = sameWords.Replace(strings.TrimPrefix(text, "aws "))
	return strings.ReplaceAll(text, " ", "")
}

// sameWords has what people write for the words in CloudTrail's detail types.
var sameWords = strings.NewReplacer("log in", "sign in", "login", "sign in", "log on", "sign in", "logon", "sign in",
	" through ", " via ", " by ", " via ", " from ", " via ")

// detailType reports a detail type that is nearly one of CloudTrail's.
func (l *linter) detailType(rule subRule) {
	types, _ := l.exact(rule["detail-type"])
	for _, n := range types {
		if meant := l.meantType(n.scalar.text); meant != "" && meant != n.scalar.text {
			l.report(n.at, "detail-type", "no event has the detail-type %q: write %q", n.scalar.text, meant)
		}
	}
}

// source checks that source holds for AWS's services only. Nobody else may put events whose source begins with
// "aws.", while all the rest of an event is free text for anybody who may put events.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events.html
func (l *linter) source(rule subRule) {
	f := rule["source"]
	if f == nil {
		l.report(0, "source", "anybody who may put events can forge one that matches, as only a source that "+
			`begins with aws. is AWS's alone: add "source": ["aws.SERVICE"]`)
		return
	}
	for _, item := range l.items(f) {
		name, operand := operatorOf(item)
		ours := false
		switch name {
		case "", "exactly":
			ours = isString(operand) && (strings.HasPrefix(operand.scalar.text, "aws.") ||
				wrongSource(operand.scalar.text, false) != "") // which wrongTexts notes
		case "prefix", "wildcard":
			ours = isString(operand) && strings.HasPrefix(operand.scalar.text, "aws.")
		}
		if !ours {
			l.report(item.at, "source", "this also holds for sources that don't begin with aws., and anybody who "+
				"may put events can forge these: write the services' names, as in aws.s3")
		}
	}
}

// agreement checks that source and detail.eventSource belong together, as Authentic will demand. What is wrong by itself
// says nothing of what goes with it.
func (l *linter) agreement(rule subRule) {
	sources, onlySources := l.exact(rule["source"])
	eventSources, onlyEventSources := l.exact(rule["detail.eventSource"])
	for _, n := range sources {
		onlySources = onlySources && wrongSource(n.scalar.text, true) == ""
	}
	agreed := map[string]bool{}
	for _, n := range eventSources {
		want := "aws." + events.Label(n.scalar.text)
		agreed[want] = true
		switch {
		case wrongEventSource(n.scalar.text) != "":
			onlyEventSources = false
		case !onlySources, holds(sources, want):
		case holds(sources, "aws.cloudtrail"):
			agreed["aws.cloudtrail"] = true // it is this one that is meant to go with it
			l.useless(n.at, "detail.eventSource", "source is the service that was called, not CloudTrail, so the "+
				"rule never matches a call to %s: write the source %s", n.scalar.text, want)
		default:
			l.useless(n.at, "detail.eventSource", "an event with this eventSource has the source %s, which the "+
				"rule doesn't take: add it, or remove the eventSource", want)
		}
	}
	for _, n := range sources {
		if onlyEventSources && !agreed[n.scalar.text] {
			l.useless(n.at, "source", "no eventSource in the rule goes with this source, so it never matches: add "+
				"the eventSource %s.amazonaws.com, or remove the source", strings.TrimPrefix(n.scalar.text, "aws."))
		}
	}
}

func holds(texts []node, text string) bool {
	return slices.ContainsFunc(texts, func(n node) bool { return n.scalar.text == text })
}
