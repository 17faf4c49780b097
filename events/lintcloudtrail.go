package events

import (
	"fmt"
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
		l.settle(which)
	}
	l.enclosing(rule)
	for path, f := range rule {
		if cloudTrail {
			l.absence(rule, f)
		}
		l.existence(path, f, cloudTrail)
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
			_, operand := operator(item)
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
			l.useless(n.at, "detail.eventSource", "no event has the eventSource %s: write it as in s3.amazonaws.com",
				n.scalar.text)
			onlyEventSources = false // which source goes with it is not known
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
