package events

import "encoding/binary"

// This file finds consistent choices: where leaves lie in elements of arrays, what holds in one element has to hold in
// that same element.

// A pick is an array element that the choices so far are bound to.
type pick struct{ array, index int32 }

// A search looks for a consistent choice of leaves by trying one field after the other. It is used again for the next
// rule.
type search struct {
	scan       *scan
	fields     []boundField
	satisfying []int32 // leaves, of one field after the other
	ends       []int   // by field, where its leaves end
	picks      []pick

	// Once it takes long, the search remembers what it has tried to no avail. That keeps it from growing with the product
	// of independent arrays.
	steps   int
	failed  map[string]bool // by field, and picks that still matter
	lastUse map[int32]int   // by array, the last field that has to do with it
	key     []byte
}

// patience is how many steps a search takes before it begins to remember.
const patience = 100

// run reports whether each field can be given a leaf, or be absent, consistently.
func (s *search) run(in *scan, fields []boundField) bool {
	s.scan, s.fields, s.steps = in, fields, 0
	s.satisfying, s.ends, s.picks = s.satisfying[:0], s.ends[:0], s.picks[:0]
	for i := range fields {
		f := &fields[i]
		for l := in.first[f.position]; l >= 0; l = in.leaves[l].next {
			if f.satisfiedBy(&in.leaves[l]) {
				s.satisfying = append(s.satisfying, l)
			}
		}
		s.ends = append(s.ends, len(s.satisfying))
	}
	found := s.from(0, 0)
	s.scan, s.fields, s.failed, s.lastUse = nil, nil, nil, nil
	return found
}

// from reports whether the fields from i on, whose leaves begin at start, can be chosen consistently with the picks so
// far.
func (s *search) from(i, start int) bool {
	if i == len(s.fields) {
		return true
	}
	if s.steps++; s.steps > patience && s.hasFailed(i) {
		return false
	}
	before := len(s.picks)
	for _, l := range s.satisfying[start:s.ends[i]] {
		if s.choose(s.scan.leaves[l].in) && s.from(i+1, s.ends[i]) {
			return true
		}
		s.picks = s.picks[:before]
	}
	if f := &s.fields[i]; f.absent && s.isAbsent(f) && s.from(i+1, s.ends[i]) {
		return true
	}
	if s.steps > patience {
		s.failed[string(s.keyOf(i))] = true
	}
	return false
}

// choose binds the picks to an element and those around it. If that is inconsistent it reports false, and the caller
// restores the picks.
func (s *search) choose(in int32) bool {
	for ; in >= 0; in = s.scan.elements[in].around {
		e := &s.scan.elements[in]
		i := s.picked(e.array)
		if i < 0 {
			s.picks = append(s.picks, pick{e.array, e.index})
		} else if s.picks[i].index != e.index {
			return false
		}
	}
	return true
}

// isAbsent reports whether no leaf of a field is consistent with the picks.
func (s *search) isAbsent(f *boundField) bool {
	for l := s.scan.first[f.position]; l >= 0; l = s.scan.leaves[l].next {
		if s.consistent(s.scan.leaves[l].in) {
			return false
		}
	}
	return true
}

// consistent reports whether an element is in no other than those picked.
func (s *search) consistent(in int32) bool {
	for ; in >= 0; in = s.scan.elements[in].around {
		e := &s.scan.elements[in]
		if i := s.picked(e.array); i >= 0 && s.picks[i].index != e.index {
			return false
		}
	}
	return true
}

// picked returns the index of an array's pick, none if it has none.
func (s *search) picked(array int32) int {
	for i := range s.picks {
		if s.picks[i].array == array {
			return i
		}
	}
	return none
}

// hasFailed reports whether the same search has been tried from field i on.
func (s *search) hasFailed(i int) bool {
	if s.failed == nil {
		s.failed, s.lastUse = map[string]bool{}, map[int32]int{}
		start := 0
		for i := range s.fields {
			s.use(i, s.satisfying[start:s.ends[i]])
			start = s.ends[i]
		}
	}
	return s.failed[string(s.keyOf(i))]
}

// use notes the arrays that a field has to do with: those of the leaves that satisfy it, and of all if it may be absent.
func (s *search) use(field int, satisfying []int32) {
	note := func(l int32) {
		for in := s.scan.leaves[l].in; in >= 0; in = s.scan.elements[in].around {
			s.lastUse[s.scan.elements[in].array] = field
		}
	}
	for _, l := range satisfying {
		note(l)
	}
	if f := &s.fields[field]; f.absent {
		for l := s.scan.first[f.position]; l >= 0; l = s.scan.leaves[l].next {
			note(l)
		}
	}
}

// keyOf identifies the search from a field on: the field and the picks that this or a later field has to do with.
func (s *search) keyOf(i int) []byte {
	s.key = binary.AppendUvarint(s.key[:0], uint64(i))
	for _, p := range s.picks {
		if s.lastUse[p.array] >= i {
			s.key = binary.AppendUvarint(s.key, uint64(p.array))
			s.key = binary.AppendUvarint(s.key, uint64(p.index))
		}
	}
	return s.key
}
