package policy

import (
	"fmt"
	"regexp"
	"strings"
)

var variables = regexp.MustCompile(`\$\{[^}]*\}`)

// takesBack reports whether a Deny statement of the policy leaves nothing of an Allow statement to the
// public, and why it can't be told. A Deny that is odd, or may not cover all, takes nothing back.
func (d *Document) takesBack(allow parsedStatement) (certainty, string) {
	result, reason := no, ""
	for i, deny := range d.statements {
		if deny.odd != nil || deny.effect != "Deny" || !deny.everyone || !d.service.covers(deny, allow) {
			continue
		}
		switch a, why := deny.spares(); a {
		case yes:
			return yes, ""
		case unsure:
			result, reason = unsure, fmt.Sprintf("statement %d denies it, but %s", i+1, why)
		}
	}
	return result, reason
}

// covers reports whether a statement speaks of all that another one allows.
func (service Service) covers(s, allow parsedStatement) bool {
	all := string(service) + ":*"
	if s.notAction || s.notRes {
		return false
	}
	actions, resources := allow.actions, allow.resources
	if allow.notAction {
		actions = []string{all}
	}
	if allow.notRes {
		resources = []string{"*"}
	}
	for _, action := range actions {
		if action == "*" { // a bucket policy is asked about S3's actions only
			action = all
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
// with one of the values of StringNotEquals and its like. A request without the key must not escape: that rules
// out ForAnyValue, and Bool without IfExists, as an anonymous request does not have the key.
func (s parsedStatement) spares() (certainty, string) {
	result, reason := yes, ""
	var addresses []string // of all conditions: who comes from one of them is spared
	for _, c := range s.conditions {
		if c.services() {
			result, reason = unsure, "all AWS services are spared, whoever they act for"
			continue
		}
		if c.isUnknown || c.set == "foranyvalue" || !c.negated {
			return no, ""
		}
		if kindOf(c.key) == sourceIP {
			addresses = append(addresses, c.values...)
			c.values = addresses
		}
		switch fixed, why := c.fixed(); fixed {
		case no:
			return no, ""
		case unsure:
			result, reason = unsure, why
		}
	}
	return result, reason
}

// services reports whether a condition spares AWS services that act for themselves. Those that act for a
// caller (aws:ViaAWSService) are another matter: anyone can send one from an account of their own.
func (c condition) services() bool {
	return strings.EqualFold(c.operator, "BoolIfExists") && strings.EqualFold(c.key, "aws:PrincipalIsAWSService") &&
		len(c.values) == 1 && strings.EqualFold(c.values[0], "false")
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
