package pattern

import (
	"fmt"
	"slices"
	"strings"

	"github.com/countermand/countermand/events"
)

// sdkLabel returns the label by which CloudTrail calls a service, which for some is not the name that SDKs and the
// command line have for it.
func sdkLabel(label string) string {
	switch label {
	case "cloudwatch":
		return "monitoring"
	case "elbv2":
		return "elasticloadbalancing"
	case "eventbridge":
		return "events"
	case "opensearch":
		return "es"
	case "sesv2":
		return "ses"
	case "stepfunctions":
		return "states"
	}
	return label
}

// meantSource returns the source that a text which is none stands for: an eventSource, or a known service in capitals.
// Any other text is returned as it is.
func meantSource(text string) string {
	lower := strings.ToLower(text)
	label, rest, _ := strings.Cut(strings.TrimPrefix(lower, "aws."), ".")
	if rest == "amazonaws.com" || rest == "amazonaws.com.cn" {
		return "aws." + label
	}
	if label, ok := strings.CutPrefix(lower, "aws."); ok && serviceOf(label) != nil {
		return lower
	}
	return text
}

// wrongSource says why no event has a source; "" if that isn't certain. cloudTrail tells that no other events are meant:
// CloudWatch sends those of alarms as aws.cloudwatch.
func wrongSource(text string, cloudTrail bool) string {
	if meant := meantSource(text); meant != text {
		return fmt.Sprintf("no event of AWS's has the source %s: write %s", text, meant)
	}
	label, ours := strings.CutPrefix(text, "aws.")
	switch {
	case ours && strings.Contains(text, "*"):
		return star("source", text)
	case ours && cloudTrail && sdkLabel(label) != label:
		return fmt.Sprintf("CloudTrail's events of this service have the source aws.%s: write that", sdkLabel(label))
	}
	return ""
}

// wrongEventSource says why no event has an eventSource; "" if that isn't certain.
func wrongEventSource(text string) string {
	label := events.Label(text)
	lower := strings.ToLower(label)
	switch {
	case strings.Contains(text, "*"):
		return star("eventSource", text)
	case !strings.Contains(text, ".amazonaws."):
		return fmt.Sprintf("no event has the eventSource %s: write it as in s3.amazonaws.com", text)
	case sdkLabel(label) != label:
		return fmt.Sprintf("CloudTrail's events of this service have the eventSource %s.amazonaws.com: write that",
			sdkLabel(label))
	case lower != label && serviceOf(lower) != nil:
		return fmt.Sprintf("no event has the eventSource %s: write %s.amazonaws.com", text, lower)
	}
	return ""
}

// wrongForm says why no event has a name, whatever the service is, or the prefix or wildcard of one.
func wrongForm(operator, text string) string {
	notLabel := func(c rune) bool { return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' }
	service, name, found := strings.Cut(text, ":")
	switch operator {
	case "", "exactly", "prefix", "wildcard":
		if found && service != "" && !strings.ContainsFunc(service, notLabel) {
			return fmt.Sprintf("an event's name doesn't begin with the service: write %q, and the service as source "+
				"and eventSource", name)
		}
	}
	if (operator == "" || operator == "exactly") && strings.Contains(text, "*") {
		return star("eventName", text)
	}
	return ""
}

// star says that an asterisk means nothing where it is.
func star(field, text string) string {
	return fmt.Sprintf("an asterisk in a plain string is a character, which no %s has: write {\"wildcard\": %q}, or prefix",
		field, text)
}

// wrongTexts notes texts that no event has as source, eventSource or eventName.
func (l *linter) wrongTexts(rule subRule, kind kinds) {
	sources, _ := l.exact(rule["source"])
	for _, n := range sources {
		if wrong := wrongSource(n.scalar.text, kind.only); wrong != "" {
			l.useless(n.at, "source", "%s", wrong)
		}
	}
	if !kind.cloudTrail {
		return
	}
	eventSources, _ := l.exact(rule["detail.eventSource"])
	for _, n := range eventSources {
		if wrong := wrongEventSource(n.scalar.text); wrong != "" {
			l.useless(n.at, "detail.eventSource", "%s", wrong)
		}
	}
	for _, item := range l.items(rule["detail.eventName"]) {
		if name, operand := operatorOf(item); isString(operand) {
			if wrong := wrongForm(name, operand.scalar.text); wrong != "" {
				l.useless(item.at, "detail.eventName", "%s", wrong)
			}
		}
	}
}

// The names of EventBridge's fields, and of those of CloudTrail's in detail that don't depend on the call.
// https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
var (
	envelopeFields = [...]string{
		"account", "detail", "detail-type", "id", "region", "resources", "source", "time", "version",
	}
	recordFields = [...]string{
		"additionalEventData", "apiVersion", "awsRegion", "errorCode", "errorMessage", "eventCategory", "eventID",
		"eventName", "eventSource", "eventTime", "eventType", "eventVersion", "managementEvent", "readOnly",
		"recipientAccountId", "requestID", "requestParameters", "resources", "responseElements", "serviceEventDetails",
		"sessionCredentialFromConsole", "sharedEventID", "sourceIPAddress", "tlsDetails", "userAgent", "userIdentity",
		"userIdentity.accessKeyId", "userIdentity.accountId", "userIdentity.arn", "userIdentity.invokedBy",
		"userIdentity.principalId", "userIdentity.sessionContext", "userIdentity.sessionContext.attributes",
		"userIdentity.sessionContext.attributes.creationDate", "userIdentity.sessionContext.attributes.mfaAuthenticated",
		"userIdentity.sessionContext.sessionIssuer", "userIdentity.sessionContext.sessionIssuer.accountId",
		"userIdentity.sessionContext.sessionIssuer.arn", "userIdentity.sessionContext.sessionIssuer.principalId",
		"userIdentity.sessionContext.sessionIssuer.type", "userIdentity.sessionContext.sessionIssuer.userName",
		"userIdentity.sessionContext.sourceIdentity", "userIdentity.sessionContext.webIdFederationData",
		"userIdentity.type", "userIdentity.userName", "vpcEndpointAccountId", "vpcEndpointId",
	}
)

// maxSpelling is the length, in bytes, from which a path is no misspelling of a field.
const maxSpelling = 80

// spelling reports a field whose name differs from one of EventBridge's or CloudTrail's by case or separators, or that
// is in detail and should be beside it, or the other way round. In detail that is certain only for CloudTrail's events.
func (l *linter) spelling(f *fieldTest, kind kinds) {
	meant, ok := l.meant[f.path]
	if !ok {
		meant = meantPath(f.path)
		l.meant[f.path] = meant
	}
	if meant != "" && (kind.only || !strings.HasPrefix(f.path, "detail.")) {
		l.report(f.at, f.path, "no event has this field: write %s", meant)
	}
}

// meantPath returns the path that one which is misspelt stands for; "" if it isn't.
func meantPath(path string) string {
	if meant := corrected(envelopeFields[:], path); meant != path {
		return meant
	}
	first, _, _ := strings.Cut(path, ".")
	if !slices.Contains(envelopeFields[:], first) && nearestField(recordFields[:], first) != "" {
		return "detail." + corrected(recordFields[:], path)
	}
	below, ok := strings.CutPrefix(path, "detail.")
	if !ok {
		return ""
	}
	if meant := nearestField(envelopeFields[:], below); meant == "source" || meant == "detail-type" {
		return meant
	}
	if meant := corrected(recordFields[:], below); meant != below {
		return "detail." + meant
	}
	return ""
}

// corrected returns a path with what it begins with spelt as in fields, as far as that is one of them.
func corrected(fields []string, path string) string {
	for end := len(path); end > 0; end = strings.LastIndexByte(path[:end], '.') {
		if field := nearestField(fields, path[:end]); field != "" {
			return field + path[end:]
		}
	}
	return path
}

// nearestField returns the field that a path is but for case and separators; "" if it is none.
func nearestField(fields []string, path string) string {
	if len(path) > maxSpelling {
		return ""
	}
	letters := strings.NewReplacer("-", "", "_", "", " ", "")
	for _, field := range fields {
		if strings.EqualFold(letters.Replace(field), letters.Replace(path)) {
			return field
		}
	}
	return ""
}
