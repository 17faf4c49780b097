package policy

import (
	"regexp"
	"strings"
)

var variables = regexp.MustCompile(`\$\{[^}]*\}`)

// takesBack reports whether a Deny statement of the policy leaves nothing of an Allow statement to the
// public. It is asked only what is certain: a Deny that this package does not fully understand takes nothing
// back.
func (d *Document) takesBack(allow statement) bool {
	for _, deny := range d.statements {
		if deny.odd == nil && deny.effect == "Deny" && deny.everyone && deny.covers(allow) && deny.spares() {
			return true
		}
	}
	return false
}

// covers reports whether a statement speaks of all that another one allows.
func (s statement) covers(allow statement) bool {
	if s.notAction || s.notRes {
		return false
	}
	actions, resources := allow.actions, allow.resources
	if allow.notAction {
		actions = []string{"s3:*"}
	}
	if allow.notRes {
		resources = []string{"*"}
	}
	for _, action := range actions {
		if action == "*" { // a bucket policy is asked about S3's actions only
			action = "s3:*"
		}
		if !anyContains(s.actions, strings.ToLower(action), strings.ToLower) {
			return false
		}
	}
	for _, resource := range resources {
		// A policy variable may stand for anything, as a wildcard does.
		if !anyContains(s.resources, variables.ReplaceAllString(resource, "*"), strings.Clone) {
			return false
		}
	}
	return true
}

// spares reports whether a Deny statement spares only fixed callers. It denies where all of its conditions
// hold, so whoever escapes one of them is spared: each must be escaped by fixed callers only, which are those
// with one of the values of StringNotEquals and its like, or AWS services. A request without the key must not
// escape: that rules out ForAnyValue, and Bool without IfExists, as an anonymous request does not have the key.
func (s statement) spares() bool {
	for _, c := range s.conditions {
		if c.isUnknown || c.set == "foranyvalue" {
			return false
		}
		key := strings.ToLower(c.key)
		services := key == "aws:principalisawsservice" || key == "aws:viaawsservice"
		if services && strings.EqualFold(c.operator, "BoolIfExists") && len(c.values) == 1 && strings.EqualFold(c.values[0], "false") {
			continue
		}
		if fixed, _ := c.fixed(); !c.negated || fixed != yes {
			return false
		}
	}
	return true
}

// anyContains reports whether one of the patterns matches all that a pattern matches.
func anyContains(patterns []string, inner string, fold func(string) string) bool {
	for _, p := range patterns {
		if contains(fold(p), inner) {
			return true
		}
	}
	return false
}

// contains reports whether outer matches all that inner matches. It may say no where the answer is yes.
// A wildcard of inner is a character like any other here, except that only a * takes it in.
func contains(outer, inner string) bool {
	star, mark := -1, 0
	o, i := 0, 0
	for i < len(inner) {
		switch {
		case o < len(outer) && outer[o] == '*':
			star, mark = o, i
			o++
		case o < len(outer) && (outer[o] == inner[i] || outer[o] == '?') && inner[i] != '*':
			o++
			i++
		case star >= 0:
			mark++
			o, i = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(outer[o:], "*") == ""
}
