package events

import "slices"

// DifferentElements is what Explain returns in place of a field when every field is satisfied, but only by values of
// different elements of an array.
const DifferentElements = "(the values are in different elements of an array)"

// Explain reports whether the pattern matches and, if not, the path of the field that stands in the way: the first
// field of the pattern, as it is written, that no value in the event satisfies. Of a pattern's $or alternatives it
// takes the one with the fewest such fields, the first among equals. If each field is satisfied by some value, but
// no choice of values is consistent, field is DifferentElements. The field with the empty name is two double quotes.
// Only when the pattern matches, or with an error, which is that of Match, is field empty.
func (m *Matcher) Explain(event []byte) (matched bool, field string, err error) {
	leaves, err := m.read(event)
	if err != nil {
		return false, "", err
	}
	pattern := m.program.patterns[0]
	if pattern.matches(leaves) {
		return true, "", nil
	}
	var fewest []boundField
	for i, r := range pattern.rules {
		unsatisfied := r.unsatisfied(leaves)
		if i == 0 || len(unsatisfied) < len(fewest) {
			fewest = unsatisfied
		}
	}
	if len(fewest) == 0 {
		return false, DifferentElements, nil
	}
	first := slices.MinFunc(fewest, func(a, b boundField) int { return a.at - b.at })
	if first.path == "" {
		return false, `""`, nil
	}
	return false, first.path, nil
}

// unsatisfied returns the fields that no leaf satisfies. A field that must be absent counts if it is there for
// certain, that is outside of any array; if there is no field to blame, it counts wherever it is.
func (r rule) unsatisfied(leaves [][]leaf) []boundField {
	var certain, possible []boundField
	for _, f := range r {
		present := leaves[f.position]
		if slices.ContainsFunc(present, func(l leaf) bool { return f.satisfiedBy(&l) }) {
			continue
		}
		switch {
		case !f.absent, slices.ContainsFunc(present, func(l leaf) bool { return l.in == nil }):
			certain = append(certain, f)
		case len(present) > 0:
			possible = append(possible, f)
		}
	}
	if len(certain) > 0 {
		return certain
	}
	return possible
}
