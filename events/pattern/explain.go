package pattern

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
	found, err := m.program.read(event)
	if err != nil {
		return false, "", err
	}
	defer found.done()
	if err := found.run(); err != nil {
		return false, "", err
	}
	if len(found.hits) > 0 {
		return true, "", nil
	}
	return false, found.obstacle(), nil
}

// obstacle returns what Explain says of an event that no rule of the program matches.
func (m *match) obstacle() string {
	var fewest []*boundField
	for i := range m.program.rules {
		unsatisfied := m.unsatisfied(m.program.rules[i].fields)
		if i == 0 || len(unsatisfied) < len(fewest) {
			fewest = unsatisfied
		}
	}
	if len(fewest) == 0 {
		return DifferentElements
	}
	first := slices.MinFunc(fewest, func(a, b *boundField) int { return a.at - b.at })
	if first.path == "" {
		return `""`
	}
	return first.path
}

// unsatisfied returns the fields that no leaf satisfies. A field that must be absent counts if it is there for
// certain, that is outside of any array; if there is no field to blame, it counts wherever it is.
func (m *match) unsatisfied(fields []*boundField) []*boundField {
	var certain, possible []*boundField
	for _, f := range fields {
		satisfied, present, outside := false, false, false
		for l := m.last[f.position]; l >= 0; l = m.leaves[l].before {
			satisfied = satisfied || f.satisfiedBy(&m.leaves[l])
			present, outside = true, outside || m.leaves[l].in < 0
		}
		switch {
		case satisfied:
		case !f.absent, outside:
			certain = append(certain, f)
		case present:
			possible = append(possible, f)
		}
	}
	if len(certain) > 0 {
		return certain
	}
	return possible
}
