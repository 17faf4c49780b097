package events

import (
	"slices"
	"strings"
)

// apiCall is the detail type of API calls, and detailTypes are all that CloudTrail sends. AWS's pages spell that of
// sign-ins in two ways.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
const apiCall = "AWS API Call via CloudTrail"

var detailTypes = [...]string{
	apiCall, "AWS Console Action via CloudTrail",
	"AWS Console Sign In via CloudTrail", "AWS Console Signin via CloudTrail",
	"AWS Insight via CloudTrail", "AWS Network Activity Event via CloudTrail", "AWS Service Event via CloudTrail",
}

// rule checks one sub-rule.
func (l *linter) rule(rule subRule) {
	cloudTrail, calls := l.kind(rule)
	var which callFields
	for i, path := range callPaths {
		which[i] = rule[path]
	}
	if !l.calls[which] {
		l.calls[which] = true
		l.detailType(rule)
		l.source(rule)
		l.agreement(rule)
		if calls {
			l.names(rule)
			l.readOnly(rule)
		}
	}
	l.enclosing(rule)
	for path, f := range rule {
		if cloudTrail {
			l.absence(path, f)
		}
		l.existence(path, f, cloudTrail)
	}
}

// callPaths are the paths of the fields that say which calls a rule is about, and callFields these fields.
var callPaths = [...]string{
	"detail-type", "source", "detail.eventSource", "detail.eventName", "detail.readOnly", "detail.eventCategory",
	"detail.managementEvent",
}

type callFields [len(callPaths)]*field

// kind reports whether a rule can match what CloudTrail sends, and API calls among it. A detail type that is
// misspelt counts as what was meant.
func (l *linter) kind(rule subRule) (cloudTrail, calls bool) {
	types, only := l.exact(rule["detail-type"])
	if !only {
		return true, true
	}
	for _, n := range types {
		meant := strings.TrimSpace(n.scalar.text)
		for _, known := range detailTypes {
			if strings.EqualFold(meant, known) {
				cloudTrail = true
				calls = calls || known == apiCall
			}
		}
	}
	return cloudTrail, calls
}

// detailType reports a detail type of CloudTrail's with other case or with space around it.
func (l *linter) detailType(rule subRule) {
	types, _ := l.exact(rule["detail-type"])
	for _, n := range types {
		for _, known := range detailTypes {
			meant := strings.EqualFold(strings.TrimSpace(n.scalar.text), known)
			if meant && !slices.Contains(detailTypes[:], n.scalar.text) {
				l.report(n.at, "detail-type", "no event has the detail-type %q: write %q", n.scalar.text, known)
			}
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
		name, operand := operator(item)
		ours := false
		switch name {
		case "", "exactly", "prefix", "wildcard":
			ours = isString(operand) && strings.HasPrefix(operand.scalar.text, "aws.")
		}
		if !ours {
			l.report(item.at, "source", "this also holds for sources that don't begin with aws., and anybody who "+
				"may put events can forge these: write the services' names, as in aws.s3")
		}
	}
}

// agreement checks that source and detail.eventSource belong together, as Authentic will demand.
func (l *linter) agreement(rule subRule) {
	sources, onlySources := l.exact(rule["source"])
	eventSources, onlyEventSources := l.exact(rule["detail.eventSource"])
	agreed := map[string]bool{}
	for _, n := range eventSources {
		want := "aws." + Label(n.scalar.text)
		agreed[want] = true
		switch {
		case !strings.Contains(n.scalar.text, ".amazonaws."):
			l.report(n.at, "detail.eventSource", "no event has the eventSource %s: write it as in s3.amazonaws.com",
				n.scalar.text)
			return
		case !onlySources, holds(sources, want):
		case holds(sources, "aws.cloudtrail"):
			agreed["aws.cloudtrail"] = true // it is this one that is meant to go with it
			l.report(n.at, "detail.eventSource", "source is the service that was called, not CloudTrail, so the "+
				"rule never matches a call to %s: write the source %s", n.scalar.text, want)
		default:
			l.report(n.at, "detail.eventSource", "an event with this eventSource has the source %s, which the "+
				"rule doesn't take: add it, or remove the eventSource", want)
		}
	}
	for _, n := range sources {
		if onlyEventSources && !agreed[n.scalar.text] {
			l.report(n.at, "source", "no eventSource in the rule goes with this source, so it never matches: add "+
				"the eventSource %s.amazonaws.com, or remove the source", strings.TrimPrefix(n.scalar.text, "aws."))
		}
	}
}

func holds(texts []node, text string) bool {
	return slices.ContainsFunc(texts, func(n node) bool { return n.scalar.text == text })
}

// services returns the labels of the services whose calls a rule is about, by eventSource or else by source; none if
// it isn't certain which.
func (l *linter) services(rule subRule) []string {
	var labels []string
	if eventSources, only := l.exact(rule["detail.eventSource"]); only {
		for _, n := range eventSources {
			labels = append(labels, Label(n.scalar.text))
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
		name, operand := operator(item)
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
			l.report(item.at, path, "%s", message)
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
// rules don't have: with it, they would be called for each look at a resource.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail-management.html
func (l *linter) readOnly(rule subRule) {
	const state = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
	if l.noManagement(rule) {
		return
	}
	services := l.services(rule)
	for _, item := range l.items(rule["detail.eventName"]) {
		name, operand := operator(item)
		if name != "" && name != "exactly" && name != "prefix" || !isString(operand) || !readsOnly(operand.scalar.text) {
			continue
		}
		arrives := func(label string) bool { return delivered(label, operand.scalar.text, name == "prefix") }
		if !slices.ContainsFunc(services, arrives) {
			l.report(item.at, "detail.eventName", "only rules in the state %s receive a call whose name begins "+
				"with Describe, Get or List, and Countermand deploys none: remove it, or if it is a data event, "+
				`say so with "eventCategory": ["Data"]`, state)
		}
	}
	reads := l.items(rule["detail.readOnly"])
	if len(reads) != 1 || reads[0].scalar != (scalar{literalScalar, "true"}) || rule["detail.eventName"] != nil {
		return
	}
	if !slices.ContainsFunc(services, func(label string) bool { return delivered(label, "", true) }) {
		l.report(reads[0].at, "detail.readOnly", "only rules in the state %s receive calls that only read, but "+
			"for a few, and Countermand deploys none: remove the field, or write which events are meant "+
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
