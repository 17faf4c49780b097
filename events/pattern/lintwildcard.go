package pattern

import (
	"fmt"
	"slices"
)

const (
	maxComplexity = 10      // what a field may score; the service refuses a rule with more
	maxStateSets  = 1 << 16 // our bound on the sets of states that are looked at for one pattern
)

// wildcards scores the wildcards of each field. Sub-rules whose fields before it have the same paths, and in each some
// matcher in common, come to it in one state of the engine, which scores their wildcards together. (With sub-rules the
// engine's score also depends on the order in which it takes them; once in a hundred it is some points off this one.)
func (l *linter) wildcards() {
	for path, all := range l.wildcardPlaces() {
		for _, together := range l.meeting(all) {
			place := together[0].f.at
			score, judged := complexity(countUses(together), &l.budget)
			switch {
			case score > maxComplexity:
				l.report(place, path, "a value can match more than %d beginnings of these wildcards at "+
					"once, so EventBridge refuses the rule as too complex: use fewer asterisks, and less that "+
					"repeats after them", maxComplexity)
			case !judged:
				l.report(place, path, "there are too many wildcards to tell how complex they are, and "+
					"EventBridge is likely to refuse the rule: use fewer asterisks")
			}
		}
	}
}

// wildcardPlaces returns where wildcards are, by path.
func (l *linter) wildcardPlaces() map[string][]wildcardPlace {
	places := map[string][]wildcardPlace{}
	for _, rule := range l.rules {
		fields := rule.sorted()
		for i, f := range fields {
			if uses := l.wildcardsOf(f); len(uses) > 0 {
				places[f.path] = append(places[f.path], wildcardPlace{f, fields[:i], uses})
			}
		}
	}
	return places
}

// wildcardPlace is a field with wildcards in a sub-rule, the fields before it, and its uses.
type wildcardPlace struct {
	f      *fieldTest
	before []*fieldTest
	uses   []wildcardUse
}

// wildcardsOf returns the wildcards of a field, matcher by matcher.
func (l *linter) wildcardsOf(f *fieldTest) []wildcardUse {
	uses, ok := l.uses[f]
	if ok {
		return uses
	}
	for _, item := range l.items(f) {
		name, operand := operatorOf(item)
		excluded := name == "anything-but" && operand.kind == objectNode
		if excluded {
			name, operand = operatorOf(operand)
		}
		if name != "wildcard" {
			continue
		}
		var texts []string
		for _, n := range operands(operand) {
			texts = append(texts, n.scalar.text)
		}
		slices.Sort(texts)
		use := wildcardUse{key: fmt.Sprintf("%t %q", excluded, texts)}
		for _, text := range slices.Compact(texts) {
			segments, _ := wildcardSegments(text)
			use.wildcards = append(use.wildcards, segments)
		}
		uses = append(uses, use)
	}
	l.uses[f] = uses
	return uses
}

// meeting groups the places of one path by whether they meet in the engine.
func (l *linter) meeting(places []wildcardPlace) [][]wildcardPlace {
	var groups [][]wildcardPlace
	for _, p := range places {
		together := []wildcardPlace{p}
		apart := groups[:0:0]
		for _, group := range groups {
			if slices.ContainsFunc(group, func(other wildcardPlace) bool { return l.meet(p.before, other.before) }) {
				together = append(group, together...)
			} else {
				apart = append(apart, group)
			}
		}
		groups = append(apart, together)
	}
	return groups
}

// meet reports whether two lists of fields have the same paths and, in each, a matcher in common.
func (l *linter) meet(a, b []*fieldTest) bool {
	return slices.EqualFunc(a, b, func(f, g *fieldTest) bool {
		return f.path == g.path && (f == g || slices.ContainsFunc(l.items(f), func(item node) bool {
			return slices.ContainsFunc(l.items(g), func(other node) bool { return sameNode(item, other) })
		}))
	})
}

// sameNode reports whether two nodes are written alike, but for where they stand.
func sameNode(a, b node) bool {
	sameMember := func(m, n objectMember) bool { return m.name == n.name && sameNode(m.value, n.value) }
	return a.kind == b.kind && a.scalar == b.scalar && slices.EqualFunc(a.items, b.items, sameNode) &&
		slices.EqualFunc(a.members, b.members, sameMember)
}

// countUses returns the uses of the places, those of the same matcher as one.
func countUses(places []wildcardPlace) []wildcardUse {
	var uses []wildcardUse
	index := map[string]int{}
	for _, p := range places {
		for _, use := range p.uses {
			i, ok := index[use.key]
			if !ok {
				i = len(uses)
				index[use.key] = i
				uses = append(uses, use)
			}
			uses[i].times++
		}
	}
	return uses
}

// wildcardUse is one matcher of a field: a wildcard, or all those that an anything-but excludes, and how many times
// it stands there, since every sub-rule brings it again.
type wildcardUse struct {
	key       string     // the same for the same matcher; the order of what it excludes doesn't matter
	wildcards [][]string // the segments of each
	times     int
}

// complexity scores the wildcards of one field as Event Ruler does: the largest number of beginnings of wildcards
// that one and the same value can match at once. *aa scores three: what ends with aa matches *, *a and *aa. The
// score stops as soon as it is over maxComplexity. The sets of states that it looks at are taken from budget; judged is
// false if that did not suffice to tell.
//
// Each beginning is a state of an automaton, and the beginnings that a value matches are a set of states. All sets
// that can be reached are walked, those of the shortest values first.
// https://github.com/aws/event-ruler#ruler-api
func complexity(uses []wildcardUse, budget *int) (score int, judged bool) {
	a := automaton{{}}
	for _, use := range uses {
		a.add(use)
	}
	queue, seen := [][]int{{0}}, map[string]bool{}
	for len(queue) > 0 && score <= maxComplexity {
		set := queue[0]
		queue = queue[1:]
		weight := 0
		for _, at := range set {
			weight += a[at].weight
		}
		score = max(score, weight)
		for _, next := range a.successors(set) {
			key := setKey(next)
			if seen[key] {
				continue
			}
			if *budget--; *budget < 0 {
				return score, false
			}
			seen[key] = true
			queue = append(queue, next)
		}
	}
	return score, true
}

// setKey is a set of states, in order, as a map's key.
func setKey(set []int) string {
	key := make([]byte, 0, 3*len(set))
	for _, at := range set {
		key = append(key, byte(at), byte(at>>8), byte(at>>16))
	}
	return string(key)
}

// automaton has a state for each beginning of a wildcard, the first for the empty one.
type automaton []automatonState

type automatonState struct {
	weight int  // how many beginnings it stands for
	star   bool // ends with an asterisk: every byte leads back here
	then   int  // the state with an asterisk more, which is reached without a byte; 0 if there is none
	edges  []edge
}

type edge struct {
	on byte
	to int
}

// add adds a use. As in the engine, values and wildcards have their quotes, and what the wildcards of a use have in
// common up to and including their first asterisk is shared, as it is by its repetitions.
func (a *automaton) add(use wildcardUse) {
	first := len(*a)
	final := 0
	for _, w := range use.wildcards {
		at := 0
		for i, segment := range w {
			weight := use.times
			switch i {
			case 0:
				segment, weight = `"`+segment, 1
			case 1:
				at = a.asterisk(at, 1)
			default:
				at = a.asterisk(at, weight)
			}
			for _, on := range []byte(segment) {
				at = a.step(at, on, weight, i == 0, first)
			}
		}
		if final == 0 {
			*a = append(*a, automatonState{weight: 1})
			final = len(*a) - 1
		}
		(*a)[at].edges = append((*a)[at].edges, edge{'"', final})
	}
}

// asterisk returns the state with an asterisk after at.
func (a *automaton) asterisk(at, weight int) int {
	if (*a)[at].then == 0 {
		*a = append(*a, automatonState{weight: weight, star: true})
		(*a)[at].then = len(*a) - 1
	}
	return (*a)[at].then
}

// step returns the state with one more byte after at: if shared, one from first on that is there already.
func (a *automaton) step(at int, on byte, weight int, shared bool, first int) int {
	for _, e := range (*a)[at].edges {
		if shared && e.on == on && e.to >= first {
			return e.to
		}
	}
	*a = append(*a, automatonState{weight: weight})
	(*a)[at].edges = append((*a)[at].edges, edge{on, len(*a) - 1})
	return len(*a) - 1
}

// successors returns the sets that one more byte leads to from a set, for each byte that some state is waiting for.
// Any other byte leads to a part of what such a byte leads to, and counts for less.
func (a automaton) successors(set []int) [][]int {
	var stay []int
	var bytes [256]bool
	for _, at := range set {
		if a[at].star {
			stay = append(stay, at)
		}
		for _, e := range a[at].edges {
			bytes[e.on] = true
		}
	}
	var sets [][]int
	for on, wanted := range bytes {
		if !wanted {
			continue
		}
		next := slices.Clone(stay)
		for _, at := range set {
			for _, e := range a[at].edges {
				if int(e.on) == on {
					next = a.enter(next, e.to)
				}
			}
		}
		slices.Sort(next)
		sets = append(sets, slices.Compact(next))
	}
	return sets
}

// enter adds a state to a set, and the one with an asterisk more.
func (a automaton) enter(set []int, at int) []int {
	set = append(set, at)
	if then := a[at].then; then != 0 {
		set = append(set, then)
	}
	return set
}
