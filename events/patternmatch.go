package events

import (
	"encoding/binary"
	"slices"
)

// A program is a number of patterns that are matched in one reading of an event.
type program struct {
	wanted   wanted
	patterns []boundPattern
}

// boundPattern is a named pattern as alternative rules.
type boundPattern struct {
	name  string
	rules []rule
}

// A rule is a sub-rule whose fields know where their leaves are. It has them in the order of their paths.
type rule []boundField

type boundField struct {
	field
	position int
}

// add adds the sub-rules of a pattern.
func (p *program) add(name string, subRules []subRule) {
	bound := boundPattern{name: name}
	for _, s := range subRules {
		var fields rule
		for _, f := range s.sorted() {
			fields = append(fields, boundField{*f, p.wanted.add(f.path)})
		}
		bound.rules = append(bound.rules, fields)
	}
	p.patterns = append(p.patterns, bound)
}

// matches reports whether one of the pattern's rules matches.
func (b boundPattern) matches(leaves [][]leaf) bool {
	return slices.ContainsFunc(b.rules, func(r rule) bool { return r.matches(leaves) })
}

// matches reports whether each field can be given a leaf, or be absent, so that the choice is consistent: no two
// chosen leaves lie in different elements of one array. A field is absent if no leaf at its path is consistent with
// the leaves chosen for the fields before it.
func (r rule) matches(leaves [][]leaf) bool {
	s := search{}
	for i, f := range r {
		c := choices{absent: f.absent}
		if f.absent {
			c.present = leaves[f.position]
		}
		for j := range leaves[f.position] {
			if l := &leaves[f.position][j]; f.satisfiedBy(l) {
				c.satisfying = append(c.satisfying, l)
			}
		}
		if len(c.satisfying) == 0 && !f.absent {
			return false
		}
		s.add(i, c)
	}
	return s.from(0)
}

// satisfiedBy reports whether one of the field's tests holds for a leaf.
func (f field) satisfiedBy(l *leaf) bool {
	return slices.ContainsFunc(f.tests, func(t test) bool { return t.matches(l) })
}

// choices is what can be chosen for one field.
type choices struct {
	satisfying []*leaf
	absent     bool
	present    []leaf // what must not be consistent for the field to be absent
}

// A pick is an array element that the choices so far are bound to.
type pick struct{ array, index int }

// search looks for a consistent choice by trying one field after the other.
type search struct {
	fields  []choices
	picks   []pick
	lastUse map[int]int     // by array, the last field that has to do with it
	failed  map[string]bool // by field and picks that still matter: it was tried, to no avail
}

func (s *search) add(i int, c choices) {
	s.fields = append(s.fields, c)
	for _, l := range c.satisfying {
		s.use(i, l.in)
	}
	for _, l := range c.present {
		s.use(i, l.in)
	}
}

func (s *search) use(field int, m *membership) {
	for ; m != nil; m = m.around {
		if s.lastUse == nil {
			s.lastUse = map[int]int{}
		}
		s.lastUse[m.array] = field
	}
}

// from reports whether the fields from i on can be chosen consistently with the picks so far. Remembering what
// failed keeps the search from growing with the product of independent arrays.
func (s *search) from(i int) bool {
	if i == len(s.fields) {
		return true
	}
	key := s.key(i)
	if s.failed[key] {
		return false
	}
	before := len(s.picks)
	for _, l := range s.fields[i].satisfying {
		if s.choose(l.in) && s.from(i+1) {
			return true
		}
		s.picks = s.picks[:before]
	}
	if s.fields[i].absent && !slices.ContainsFunc(s.fields[i].present, s.consistent) && s.from(i+1) {
		return true
	}
	if s.failed == nil {
		s.failed = map[string]bool{}
	}
	s.failed[key] = true
	return false
}

// choose binds the picks to the elements that m lies in. If that is inconsistent it reports false, and the caller
// restores the picks.
func (s *search) choose(m *membership) bool {
	for ; m != nil; m = m.around {
		i := s.picked(m.array)
		if i < 0 {
			s.picks = append(s.picks, pick{m.array, m.index})
		} else if s.picks[i].index != m.index {
			return false
		}
	}
	return true
}

// consistent reports whether a leaf lies in no other element than those picked.
func (s *search) consistent(l leaf) bool {
	for m := l.in; m != nil; m = m.around {
		if i := s.picked(m.array); i >= 0 && s.picks[i].index != m.index {
			return false
		}
	}
	return true
}

func (s *search) picked(array int) int {
	return slices.IndexFunc(s.picks, func(p pick) bool { return p.array == array })
}

// key identifies the search from a field on: the field and the picks that this or a later field has to do with.
func (s *search) key(i int) string {
	key := binary.AppendUvarint(nil, uint64(i))
	for _, p := range s.picks {
		if s.lastUse[p.array] >= i {
			key = binary.AppendUvarint(key, uint64(p.array))
			key = binary.AppendUvarint(key, uint64(p.index))
		}
	}
	return string(key)
}
