package pattern

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"unsafe"
)

// A program is a number of patterns that are matched in one reading of an event.
type program struct {
	rules     []matchRule
	paths     pathNode
	positions int
	anchors   []anchor // by position
	always    []int32  // rules that have no anchor

	emptyNames bool // members with an empty name are read
	matches    sync.Pool
}

// A rule is a sub-rule of a pattern, in the order in which the engine decides its fields.
type matchRule struct {
	pattern int32
	fields  []*boundField
}

// A boundField is a field that knows where its leaves are.
type boundField struct {
	fieldTest
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

// newProgram makes a program of patterns, in the order of their numbers.
func newProgram(patterns []numberedRules, emptyNames bool) *program {
	p := &program{paths: pathNode{position: none}, emptyNames: emptyNames}
	for _, pattern := range patterns {
		bound := map[*fieldTest]*boundField{} // sub-rules share fields
		for _, s := range pattern.rules {
			fields := s.sorted()
			r := matchRule{int32(pattern.number), make([]*boundField, len(fields))}
			for i, f := range fields {
				if bound[f] == nil {
					bound[f] = p.bind(f)
				}
				r.fields[i] = bound[f]
			}
			p.rules = append(p.rules, r)
		}
	}
	p.anchor()
	p.matches.New = func() any { return newMatch(p) }
	return p
}

// bind gives the path of a field a position.
func (p *program) bind(f *fieldTest) *boundField {
	at := p.paths.add(f.path)
	if at.position < 0 {
		at.position = int32(p.positions)
		p.positions++
	}
	wanted := wantedStrings(f)
	return &boundField{fieldTest{f.path, f.at, gather(f, wanted), f.absent}, at.position, wanted}
}

// A place is a path, and a string if it is certain ones that rules want there.
type pathKey struct {
	position int32
	text     string
	any      bool
}

// places calls yield with the places of which one must be in an event for a field to be satisfied. There are none if the
// field may be absent.
func (f *boundField) places(yield func(pathKey) bool) {
	if len(f.wanted) == 0 && !f.absent {
		yield(pathKey{position: f.position, any: true})
	}
	for _, text := range f.wanted {
		if !yield(pathKey{position: f.position, text: text}) {
			return
		}
	}
}

// anyWeight is how many rules that want a certain string are as good as one that needs any value: an event that has
// something at a path seldom has the string.
const anyWeight = 8

// anchor finds an anchor for each rule that has one: of its fields, that whose places the fewest other rules have.
func (p *program) anchor() {
	rules := map[pathKey]int{}
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
		for _, f := range r.fields {
			most := 0
			for at := range f.places {
				if at.any {
					most = anyWeight * rules[at]
				} else {
					most = max(most, rules[at])
				}
			}
			if 0 < most && most < fewest {
				best, fewest = f, most
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

func (a *anchor) add(at pathKey, rule int32) {
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
func wantedStrings(f *fieldTest) []string {
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
func gather(f *fieldTest, wanted []string) []test {
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
	search     search
	program    *program
	candidates []int32 // rules that may match
	queued     []bool  // by rule, whether it is among them
	hits       []int32 // patterns that match, in their order
	answer     []byte  // that names them, see answers
}

func newMatch(p *program) *match {
	m := &match{program: p, queued: make([]bool, len(p.rules))}
	m.emptyNames = p.emptyNames
	m.last = slices.Repeat([]int32{none}, p.positions)
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
	err := r.errorAt(0, "malformed JSON")
	if r.peek() != '{' {
		err = r.errorAt(r.at, "Event must be a JSON object")
	} else if fault := r.skip(); fault != nil {
		err = fault
	}
	return fmt.Errorf("read event: %w", err)
}

// done empties a match and gives it back.
func (m *match) done() {
	for _, position := range m.touched {
		m.last[position] = none
	}
	for _, rule := range m.candidates {
		m.queued[rule] = false
	}
	clear(m.leaves)
	m.text, m.words = nil, ""
	m.touched, m.leaves, m.elements, m.arrays = m.touched[:0], m.leaves[:0], m.elements[:0], m.arrays[:0]
	m.decoded, m.candidates, m.hits = m.decoded[:0], m.candidates[:0], m.hits[:0]
	m.program.matches.Put(m)
}

// run finds the patterns that match. It tries the rules in their order, each of them once, so that a pattern fares the
// same alone and with others.
func (m *match) run() error {
	m.queue(m.program.always)
	for _, position := range m.touched {
		a := &m.program.anchors[position]
		m.queue(a.needing)
		if a.wanting == nil {
			continue
		}
		for l := m.last[position]; l >= 0; l = m.leaves[l].before {
			if m.leaves[l].kind == stringScalar {
				m.queue(a.wanting[m.leaves[l].text])
			}
		}
	}
	slices.Sort(m.candidates)
	pattern, matched := int32(none), false
	for _, i := range m.candidates {
		r := &m.program.rules[i]
		if r.pattern != pattern {
			pattern, matched, m.search.work = r.pattern, false, 0
		}
		if matched {
			continue
		}
		var err error
		if matched, err = m.matches(r.fields); err != nil {
			return fmt.Errorf("match event: %w", err)
		}
		if matched {
			m.hits = append(m.hits, pattern)
		}
	}
	return nil
}

// queue adds rules to the candidates.
func (m *match) queue(rules []int32) {
	for _, i := range rules {
		if !m.queued[i] {
			m.queued[i] = true
			m.candidates = append(m.candidates, i)
		}
	}
}

// matches reports whether each field can be given a leaf, or be absent, so that the choice is consistent: no two
// chosen leaves lie in different elements of one array. A field is absent if no leaf at its path is consistent with
// the leaves chosen for the fields before it.
func (m *match) matches(fields []*boundField) (bool, error) {
	certain := true
	for _, f := range fields {
		switch m.outlook(f) {
		case impossible:
			return false, nil
		case uncertain:
			certain = false
		}
	}
	if certain {
		return true, nil
	}
	return m.search.run(&m.scan, fields)
}

// An outlook is what can be said of a field alone.
type outlook byte

const (
	impossible outlook = iota
	uncertain          // it depends on the elements chosen for other fields
	settled
)

// outlook looks at a field alone. A leaf outside of arrays is consistent with every other choice.
func (s *scan) outlook(f *boundField) outlook {
	found, outside := impossible, false
	for i := s.last[f.position]; i >= 0; i = s.leaves[i].before {
		l := &s.leaves[i]
		if f.satisfiedBy(l) {
			if l.in < 0 {
				return settled
			}
			found = uncertain
		}
		outside = outside || l.in < 0
	}
	switch {
	case !f.absent || outside:
		return found
	case s.last[f.position] < 0:
		return settled
	}
	return uncertain
}

// satisfiedBy reports whether one of the field's tests holds for a leaf.
func (f *fieldTest) satisfiedBy(l *scannedLeaf) bool {
	for _, t := range f.tests {
		if t.matches(l) {
			return true
		}
	}
	return false
}
