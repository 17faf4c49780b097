package pattern

import (
	"maps"
	"slices"
	"strings"
)

// This file has what AWS's engine, as it is published (Event Ruler 2.0.1), gets wrong. A pattern of that kind means one
// thing by the documentation and here, and a rule with it may deliver something else.

// engineFaults reports what the engine gets wrong in the pattern.
func (l *linter) engineFaults() {
	l.mixtures()
	l.disorder()
	l.lost()
}

// mixtures reports fields that have strings and a numeric < or <=, in whichever sub-rules: the engine, which builds one
// automaton for a field, then loses matches of the strings in about every other build.
func (l *linter) mixtures() {
	texts, below, seen := map[string]bool{}, map[string]node{}, map[*fieldTest]bool{}
	for _, rule := range l.rules {
		for path, f := range rule {
			if seen[f] {
				continue
			}
			seen[f] = true
			for _, item := range l.items(f) {
				if isBelow(item) {
					below[path] = item
				}
				texts[path] = texts[path] || takesStrings(item)
			}
		}
	}
	for path, n := range below {
		if texts[path] {
			l.report(n.at, path, "the field has strings and a numeric < or <=, and AWS's engine may then miss "+
				`events that match: give the number a lower bound too ("numeric": [">=", -5000000000, "<", ...])`)
		}
	}
}

// isBelow reports whether a matcher is a numeric < or <= alone.
func isBelow(matcher node) bool {
	name, operand := operatorOf(matcher)
	return name == "numeric" && strings.HasPrefix(operand.items[0].scalar.text, "<")
}

// takesStrings reports whether a matcher, or what it excludes, is about strings.
func takesStrings(matcher node) bool {
	name, operand := operatorOf(matcher)
	switch name {
	case "":
		return isString(operand)
	case "exists", "numeric":
		return false
	}
	return operands(operand)[0].scalar.kind != numberScalar // a list has something, and either strings or numbers
}

// disorder reports matchers without regard to case that stand behind a wildcard which begins with an asterisk, for the
// same field, be it in another alternative: the engine then takes any byte for the first letter of that matcher's text,
// for the last one if it is a suffix.
func (l *linter) disorder() {
	open := map[string]bool{}
	for _, at := range slices.Sorted(maps.Keys(l.matchers)) {
		f := l.matchers[at]
		for _, item := range f.items {
			switch name, texts := innermost(item); {
			case name == "wildcard" && slices.ContainsFunc(texts, func(n node) bool { return strings.HasPrefix(n.scalar.text, "*") }):
				open[f.path] = true
			case name == "equals-ignore-case" && open[f.path]:
				l.report(item.at, f.path, "behind a wildcard that begins with *, AWS's engine takes any character for "+
					"one letter of a text that it compares without case: write the wildcard last")
			}
		}
	}
}

// innermost returns the operator that is applied to a matcher's texts, and these.
func innermost(matcher node) (name string, texts []node) {
	name, operand := operatorOf(matcher)
	for operand.kind == objectNode {
		name, operand = operatorOf(operand)
	}
	return name, operands(operand)
}

// maxPairs bounds how many pairs of sub-rules are compared. A pattern with more is not judged beyond them.
const maxPairs = 10_000

// lost reports alternatives of $or that the engine takes for one that it has already, and drops: those with the same
// fields as another and, in each, some matcher in common.
func (l *linter) lost() {
	fields := make([][]*fieldTest, len(l.rules))
	for i, rule := range l.rules {
		fields[i] = rule.sorted()
	}
	pairs := 0
	for i, later := range fields {
		for _, earlier := range fields[:i] {
			if pairs++; pairs > maxPairs {
				return
			}
			if at := l.difference(earlier, later); at != nil && l.meet(earlier, later) {
				l.report(at.at, at.path, "AWS's engine takes this alternative for one before it, since they share a value in "+
					"each field, and drops it: let no value be in both, or join them")
				break
			}
		}
	}
}

// difference returns the first field that two sub-rules with the same paths do not have in common; nil if there is none.
func (l *linter) difference(a, b []*fieldTest) *fieldTest {
	if len(a) != len(b) {
		return nil
	}
	for i := range a {
		if a[i] != b[i] && !slices.EqualFunc(l.items(a[i]), l.items(b[i]), sameNode) {
			return b[i]
		}
	}
	return nil
}
