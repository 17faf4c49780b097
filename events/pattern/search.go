package pattern

import (
	"encoding/binary"
	"errors"
	"slices"
)

// This file finds consistent choices: where leaves lie in elements of arrays, what holds in one element has to hold in
// that same element.

// errCombinations is the answer where finding a consistent choice takes too long. No event that means well comes near.
var errCombinations = errors.New("its arrays have too many combinations of elements to be judged")

// maxSearch bounds the work for one pattern and one event, in leaves and elements looked at: some 20 milliseconds.
const maxSearch = 1 << 22

// A search looks for a consistent choice of leaves by trying one field after the other. It is used again for the next
// rule.
//
// Leaves are found, and kept, in the order of the text, so that those of an array or of an element are next to one
// another. What the choices so far leave open for a field is found by leaping over the rest: the time is about that of
// the leaves, unless a field has leaves in several arrays that do not lie in each other.
type search struct {
	scan   *scan
	fields []*boundField
	found  []int32       // leaves, of one field after the other
	lists  []fieldLeaves // by field
	picks  []int32       // by array, the element that the choices so far are bound to; none
	trail  []int32       // arrays that have a pick, in the order in which they were bound
	work   int           // for the pattern's rules so far

	// Once it takes long, the search remembers what it has tried to no avail. That keeps it from growing with the product
	// of independent arrays.
	steps   int
	failed  map[string]bool // by field, and picks that still matter
	lastUse map[int32]int   // by array, the last field that has to do with it
	key     []byte
}

// fieldLeaves are ranges of search.found: the leaves that satisfy a field and, if it may be absent, all at its path.
type fieldLeaves struct{ satisfying, present span }

const (
	patience = 100 // steps that a search takes before it begins to remember
	noteWork = 16  // what remembering a step counts as work: it takes memory too
)

// run reports whether each field can be given a leaf, or be absent, consistently.
func (s *search) run(in *scan, fields []*boundField) (bool, error) {
	s.scan, s.fields = in, fields
	s.steps, s.failed, s.lastUse = 0, nil, nil
	s.found, s.lists, s.trail = s.found[:0], s.lists[:0], s.trail[:0]
	s.picks = slices.Grow(s.picks[:0], len(in.arrays))[:len(in.arrays)]
	for i := range s.picks {
		s.picks[i] = none
	}
	for _, f := range fields {
		lists := fieldLeaves{satisfying: s.gather(f, false)}
		if f.absent {
			lists.present = s.gather(f, true)
		}
		s.lists = append(s.lists, lists)
	}
	s.work += len(s.found) + len(s.picks)
	found := s.from(0)
	if !found && s.work > maxSearch {
		return false, errCombinations
	}
	return found, nil
}

// gather lists the leaves at the path of a field, those that satisfy it or all.
func (s *search) gather(f *boundField, all bool) span {
	from := int32(len(s.found))
	for l := s.scan.last[f.position]; l >= 0; l = s.scan.leaves[l].before {
		if all || f.satisfiedBy(&s.scan.leaves[l]) {
			s.found = append(s.found, l)
		}
	}
	slices.Reverse(s.found[from:]) // leaves are linked from the last one back
	return span{from, int32(len(s.found))}
}

// from reports whether the fields from i on can be chosen consistently with the picks so far.
func (s *search) from(i int) bool {
	if i == len(s.fields) {
		return true
	}
	s.work++
	if s.steps++; s.steps > patience && s.hasFailed(i) || s.work > maxSearch {
		return false
	}
	bound := len(s.trail)
	leaves := s.found[s.lists[i].satisfying.from:s.lists[i].satisfying.to]
	for at := s.open(leaves, 0); at < len(leaves); at = s.open(leaves, at+1) {
		s.choose(s.scan.leaves[leaves[at]].in)
		if s.from(i + 1) {
			return true
		}
		s.release(bound)
	}
	if s.fields[i].absent && s.isAbsent(i) && s.from(i+1) {
		return true
	}
	if s.steps > patience && s.work <= maxSearch {
		s.work += noteWork
		s.failed[string(s.keyOf(i))] = true
	}
	return false
}

// open returns the index of the first leaf, from index at on, that is consistent with the picks. It leaps over arrays
// and elements that are not. There is none if the work is too much.
func (s *search) open(leaves []int32, at int) int {
	for at < len(leaves) && s.work <= maxSearch {
		to := s.leap(leaves[at])
		if to < 0 {
			return at
		}
		skipped, _ := slices.BinarySearch(leaves[at:], to)
		at += skipped
	}
	return len(leaves)
}

// leap returns the leaf before which, from a leaf on, none is consistent with the picks; none if this one is.
func (s *search) leap(leaf int32) int32 {
	to := int32(none)
	for in := s.scan.leaves[leaf].in; in >= 0; in = s.scan.elements[in].around {
		s.work++
		e := &s.scan.elements[in]
		switch picked := s.picks[e.array]; {
		case picked == in: // and so are those around it
			return to
		case picked < 0:
		case leaf < s.scan.elements[picked].leaves.from:
			to = s.scan.elements[picked].leaves.from
		default:
			to = s.scan.arrays[e.array]
		}
	}
	return to
}

// choose binds the picks to an element and those around it, with which they are consistent.
func (s *search) choose(in int32) {
	for ; in >= 0; in = s.scan.elements[in].around {
		s.work++
		array := s.scan.elements[in].array
		if s.picks[array] == in {
			return
		}
		s.picks[array] = in
		s.trail = append(s.trail, array)
	}
}

// release takes back all picks but the first ones.
func (s *search) release(bound int) {
	for _, array := range s.trail[bound:] {
		s.picks[array] = none
	}
	s.trail = s.trail[:bound]
}

// isAbsent reports whether no leaf at the path of a field is consistent with the picks.
func (s *search) isAbsent(field int) bool {
	leaves := s.found[s.lists[field].present.from:s.lists[field].present.to]
	return s.open(leaves, 0) == len(leaves) && s.work <= maxSearch
}

// hasFailed reports whether the same search has been tried from field i on.
func (s *search) hasFailed(i int) bool {
	if s.failed == nil {
		s.failed, s.lastUse = map[string]bool{}, map[int32]int{}
		for field, lists := range s.lists {
			s.use(field, lists.satisfying)
			s.use(field, lists.present)
		}
	}
	return s.failed[string(s.keyOf(i))]
}

// use notes the arrays that leaves of a field lie in.
func (s *search) use(field int, leaves span) {
	for _, l := range s.found[leaves.from:leaves.to] {
		for in := s.scan.leaves[l].in; in >= 0; in = s.scan.elements[in].around {
			s.work++
			array := s.scan.elements[in].array
			if last, ok := s.lastUse[array]; ok && last == field {
				break // and the arrays around it
			}
			s.lastUse[array] = field
		}
	}
}

// keyOf identifies the search from a field on: the field and the picks that this or a later field has to do with.
func (s *search) keyOf(i int) []byte {
	s.key = binary.AppendUvarint(s.key[:0], uint64(i))
	for _, array := range s.trail {
		s.work++
		if s.lastUse[array] >= i {
			s.key = binary.AppendUvarint(s.key, uint64(s.picks[array]))
		}
	}
	return s.key
}
