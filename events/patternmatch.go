package events

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"unsafe"
)

// A program is a number of patterns that are matched in one reading of an event.
type program struct {
	patterns  int
	rules     []rule
	paths     pathNode
	positions int
	anchors   []anchor // by position
	always    []int32  // rules that have no anchor

	emptyNames bool // members with an empty name are read
	matches    sync.Pool
}

// A rule is a sub-rule of a pattern, in the order in which the engine decides its fields.
type rule struct {
	pattern int32
	fields  []boundField
}

// A boundField is a field that knows where its leaves are.
type boundField struct {
	field
	position int32
	wanted   []string // the strings of which it wants one; none if it can be satisfied otherwise
}

// An anchor is a path at which rules need a value. Most events have nothing there, or none of the strings that a rule
// wants, and then the rule is not looked at.
type anchor struct {
	wanting map[string][]int32 // rules that want one of some strings, by those
	needing []int32            // rules that need any value
}

// numberedRules are the sub-rules of a pattern that goes by a number.
type numberedRules struct {
	number int
	rules  []subRule
}

// newProgram makes a program of patterns whose numbers are below count.
func newProgram(patterns []numberedRules, count int, emptyNames bool) *program {
	p := &program{patterns: count, paths: pathNode{position: none}, emptyNames: emptyNames}
	for _, pattern := range patterns {
		for _, s := range pattern.rules {
			p.rules = append(p.rules, rule{int32(pattern.number), p.bind(s)})
		}
	}
	p.anchor()
	p.matches.New = func() any { return newMatch(p) }
	return p
}

// bind gives each path of a sub-rule a position.
func (p *program) bind(s subRule) []boundField {
	fields := make([]boundField, 0, len(s))
	for _, f := range s.sorted() {
		at := p.paths.add(f.path)
		if at.position < 0 {
			at.position = int32(p.positions)
			p.positions++
		}
		wanted := wantedStrings(f)
		fields = append(fields, boundField{field{f.path, f.at, gather(f, wanted), f.absent}, at.position, wanted})
	}
	return fields
}

// A place is a path, and a string if it is certain ones that rules want there.
type place struct {
	position int32
	text     string
	any      bool
}

// places calls yield with the places of which one must be in an event for a field to be satisfied. There are none if the
// field may be absent.
func (f *boundField) places(yield func(place) bool) {
	if len(f.wanted) == 0 && !f.absent {
		yield(place{position: f.position, any: true})
	}
	for _, text := range f.wanted {
		if !yield(place{position: f.position, text: text}) {
			return
		}
	}
}

// anchor finds an anchor for each rule that has one: of its fields, that whose places the fewest other rules have.
func (p *program) anchor() {
	rules := map[place]int{}
	for _, r := range p.rules {
		for _, f := range r.fields {
			for at := range f.places {
				rules[at]++
			}
		}
	}
	p.anchors = make([]anchor, p.positions)
	for i, r := range p.rules {
		var best *boundField
		fewest := math.MaxInt
		for k := range r.fields {
			most := 0
			for at := range r.fields[k].places {
				most = max(most, rules[at])
			}
			if 0 < most && most < fewest {
				best, fewest = &r.fields[k], most
			}
		}
		if best == nil {
			p.always = append(p.always, int32(i))
			continue
		}
		for at := range best.places {
			p.anchors[at.position].add(at, int32(i))
		}
	}
}

func (a *anchor) add(at place, rule int32) {
	if at.any {
		a.needing = append(a.needing, rule)
		return
	}
	if a.wanting == nil {
		a.wanting = map[string][]int32{}
	}
	a.wanting[at.text] = append(a.wanting[at.text], rule)
}

// wantedStrings returns the strings of which a field wants one; none if it can be satisfied otherwise.
func wantedStrings(f *field) []string {
	texts := make([]string, 0, len(f.tests))
	for _, t := range f.tests {
		if s, ok := t.(sameScalar); ok && s.kind == stringScalar {
			texts = append(texts, s.text)
		}
	}
	if f.absent || len(texts) < len(f.tests) {
		return nil
	}
	return texts
}

// manyStrings is from how many strings on they are looked up at once.
const manyStrings = 5

// gather returns a field's tests, with one in place of those for the strings it wants if they are many.
func gather(f *field, wanted []string) []test {
	if len(wanted) < manyStrings {
		return f.tests
	}
	any := sameAny{}
	for _, text := range wanted {
		any[text] = struct{}{}
	}
	return []test{any}
}

// A match is one event's leaves and what they match. It is used again for the next event.
type match struct {
	scan
	search
	program *program
	matched []bool  // by pattern
	hits    []int32 // patterns that match, in no order
}

func newMatch(p *program) *match {
	m := &match{program: p, matched: make([]bool, p.patterns)}
	m.emptyNames = p.emptyNames
	m.first = slices.Repeat([]int32{none}, p.positions)
	return m
}

// read reads an event. The caller must call m.done, and not use the event's leaves afterwards.
func (p *program) read(event []byte) (m *match, err error) {
	m = p.matches.Get().(*match)
	m.text = event
	m.words = unsafe.String(unsafe.SliceData(event), len(event)) // the event does not change until done, words do not outlive it
	if !m.scan.event(&p.paths) {
		m.done()
		return nil, malformed(event)
	}
	return m, nil
}

// malformed returns what is wrong with an event.
func malformed(event []byte) error {
	r := &jsonReader{text: event}
	if r.peek() != '{' {
		return fmt.Errorf("read event: %w", r.errorAt(r.at, "Event must be a JSON object"))
	}
	return fmt.Errorf("read event: %w", r.skip())
}

// done empties a match and gives it back.
func (m *match) done() {
	for _, position := range m.touched {
		m.first[position] = none
	}
	for _, pattern := range m.hits {
		m.matched[pattern] = false
	}
	clear(m.leaves)
	m.text, m.words = nil, ""
	m.depth, m.arrays = 0, 0
	m.touched, m.leaves, m.elements = m.touched[:0], m.leaves[:0], m.elements[:0]
	m.decoded, m.hits = m.decoded[:0], m.hits[:0]
	m.program.matches.Put(m)
}

// run finds the patterns that match.
func (m *match) run() {
	m.try(m.program.always)
	for _, position := range m.touched {
		a := &m.program.anchors[position]
		m.try(a.needing)
		if a.wanting == nil {
			continue
		}
		for l := m.first[position]; l >= 0; l = m.leaves[l].next {
			if m.leaves[l].kind == stringScalar {
				m.try(a.wanting[m.leaves[l].text])
			}
		}
	}
}

func (m *match) try(rules []int32) {
	for _, i := range rules {
		r := &m.program.rules[i]
		if !m.matched[r.pattern] && m.matches(r.fields) {
			m.matched[r.pattern] = true
			m.hits = append(m.hits, r.pattern)
		}
	}
}

// matches reports whether each field can be given a leaf, or be absent, so that the choice is consistent: no two
// chosen leaves lie in different elements of one array. A field is absent if no leaf at its path is consistent with
// the leaves chosen for the fields before it.
func (m *match) matches(fields []boundField) bool {
	certain := true
	for i := range fields {
		switch m.outlook(&fields[i]) {
		case impossible:
			return false
		case uncertain:
			certain = false
		}
	}
	return certain || m.search.run(&m.scan, fields)
}

// An outlook is what can be said of a field alone.
type outlook byte

const (
	impossible outlook = iota
	uncertain          // it depends on the elements chosen for other fields
	certain
)

// outlook looks at a field alone. A leaf outside of arrays is consistent with every other choice.
func (s *scan) outlook(f *boundField) outlook {
	found, outside := impossible, false
	for i := s.first[f.position]; i >= 0; i = s.leaves[i].next {
		l := &s.leaves[i]
		if f.satisfiedBy(l) {
			if l.in < 0 {
				return certain
			}
			found = uncertain
		}
		outside = outside || l.in < 0
	}
	switch {
	case !f.absent || outside:
		return found
	case s.first[f.position] < 0:
		return certain
	}
	return uncertain
}

// satisfiedBy reports whether one of the field's tests holds for a leaf.
func (f *field) satisfiedBy(l *leaf) bool {
	for _, t := range f.tests {
		if t.matches(l) {
			return true
		}
	}
	return false
}
