package pattern

import (
	"slices"
	"strings"

	"github.com/countermand/countermand/events"
)

// services returns the labels of the services whose calls a rule is about, by eventSource or else by source; none if
// it isn't certain which.
func (l *linter) services(rule subRule) []string {
	var labels []string
	if eventSources, only := l.exact(rule["detail.eventSource"]); only {
		for _, n := range eventSources {
			labels = append(labels, events.Label(n.scalar.text))
		}
		return labels
	}
	if sources, only := l.exact(rule["source"]); only && rule["detail.eventSource"] == nil {
		for _, n := range sources {
			labels = append(labels, strings.TrimPrefix(n.scalar.text, "aws."))
		}
	}
	return labels
}

// names checks the names of calls. With several services, a name is wrong only if it is for each of them.
func (l *linter) names(rule subRule) {
	const path = "detail.eventName"
	services := l.services(rule)
	if len(services) == 0 {
		return
	}
	for _, item := range l.items(rule[path]) {
		name, operand := operatorOf(item)
		message := ""
		for i, label := range services {
			wrong := l.judge(label, name, operand)
			if wrong == "" {
				message = ""
				break
			}
			if i == 0 {
				message = wrong
			}
		}
		if message != "" {
			l.useless(item.at, path, "%s", message)
		}
	}
}

// consoleLogin notes a sign-in in a rule of API calls alone.
func (l *linter) consoleLogin(rule subRule, kind kinds) {
	if !kind.only || !kind.calls || kind.signIns {
		return
	}
	for _, item := range l.items(rule["detail.eventName"]) {
		name, operand := operatorOf(item)
		if (name == "" || name == "exactly") && operand.scalar == (scalar{stringScalar, consoleLogin}) {
			l.useless(item.at, "detail.eventName", "a sign-in is no API call, and its event doesn't have this detail-type: "+
				"write %q and %q, as AWS's pages have both", signIn, otherSignIn)
		}
	}
}

// judge says what is wrong with one matcher of names, for one service.
func (l *linter) judge(label, operator string, operand node) string {
	s := serviceOf(label)
	if s == nil || !isString(operand) {
		return ""
	}
	key := [3]string{label, operator, operand.scalar.text}
	if said, ok := l.judged[key]; ok {
		return said
	}
	switch operator {
	case "", "exactly":
		l.judged[key] = s.wrong(operand.scalar.text)
	case "prefix":
		l.judged[key] = s.wrongPrefix(operand.scalar.text)
	}
	return l.judged[key]
}

// readOnly reports calls that only read. Their events reach only rules in a state of its own, which Countermand's
// rules don't have: with it, they would be called for each look at a resource. Where it isn't certain which service is
// meant, the call may be a data event.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail-management.html
func (l *linter) readOnly(rule subRule) {
	const state = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
	services := l.services(rule)
	if len(services) == 0 || l.noManagement(rule) {
		return
	}
	for _, item := range l.items(rule["detail.eventName"]) {
		name, operand := operatorOf(item)
		if name != "" && name != "exactly" && name != "prefix" || !isString(operand) || !readsOnly(operand.scalar.text) {
			continue
		}
		arrives := func(label string) bool { return delivered(label, operand.scalar.text, name == "prefix") }
		if !slices.ContainsFunc(services, arrives) {
			l.useless(item.at, "detail.eventName", "a rule receives a call whose name begins with Describe, Get or List "+
				"only in the state %s, and Countermand's rules aren't in it: remove the name, or if it is a data event, "+
				`say so with "eventCategory": ["Data"]`, state)
		}
	}
	reads := l.items(rule["detail.readOnly"])
	if len(reads) != 1 || reads[0].scalar != (scalar{literalScalar, "true"}) || rule["detail.eventName"] != nil {
		return
	}
	if !slices.ContainsFunc(services, func(label string) bool { return delivered(label, "", true) }) {
		l.useless(reads[0].at, "detail.readOnly", "a rule receives calls that only read, but for a few, only in the "+
			"state %s, and Countermand's rules aren't in it: remove the field, or write which events are meant "+
			`("eventName")`, state)
	}
}

// noManagement reports whether a rule says that it isn't about management events.
func (l *linter) noManagement(rule subRule) bool {
	categories, only := l.exact(rule["detail.eventCategory"])
	if only && !holds(categories, "Management") {
		return true
	}
	management := l.items(rule["detail.managementEvent"])
	return len(management) == 1 && management[0].scalar == scalar{literalScalar, "false"}
}

// delivered reports whether a call that only reads reaches ordinary rules all the same: a data event, and two calls
// of STS. name is the beginning of the call's name if prefix is true.
func delivered(label, name string, prefix bool) bool {
	names := []string{"GetFederationToken", "GetSessionToken"}
	if label != "sts" {
		names = nil
		if s := serviceOf(label); s != nil {
			names = strings.Fields(s.data)
		}
	}
	return slices.ContainsFunc(names, func(known string) bool {
		return known == name || prefix && strings.HasPrefix(known, name)
	})
}
