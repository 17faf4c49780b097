package pattern

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
)

// tally counts pairs of pattern and event: how many match, miss (or are malformed), and are unknown.
type tally struct{ matched, missed, unknown int }

// compareWithReference is an error where Compile, Match, Explain or a Set of all the patterns answer otherwise than
// the reference.
func compareWithReference(patterns map[string]Pattern, events []string) (tally, error) {
	var count tally
	matchers, compiled, rules := map[string]*Matcher{}, map[string]Pattern{}, map[string][]refRule{}
	for name, pattern := range patterns {
		m, err := pattern.Compile()
		expanded, refErr := refCompile(string(pattern))
		switch {
		case refErr == errReferenceUnknown:
		case (err == nil) != (refErr == nil):
			return count, fmt.Errorf("compile: %v, reference: %v\npattern %s", err, refErr, pattern)
		case err == nil:
			matchers[name], compiled[name], rules[name] = m, pattern, expanded
		}
	}
	set, err := NewSet(compiled)
	if err != nil {
		return count, err
	}
	for _, event := range events {
		var names, unknown []string
		for name, pattern := range compiled {
			want := refDecide(rules[name], event)
			switch want {
			case "unknown":
				unknown = append(unknown, name)
				continue
			case "true":
				names = append(names, name)
			}
			if err := compareMatcher(matchers[name], want, event); err != nil {
				return count, fmt.Errorf("%w\npattern %s\nevent   %s", err, pattern, event)
			}
		}
		count.matched += len(names)
		count.unknown += len(unknown)
		count.missed += len(compiled) - len(names) - len(unknown)
		slices.Sort(names)
		got, err := set.Match([]byte(event))
		got = slices.DeleteFunc(slices.Clone(got), func(name string) bool { return slices.Contains(unknown, name) })
		if err == nil && !slices.Equal(got, names) {
			return count, fmt.Errorf("set: %v, reference: %v\npatterns %s\nevent    %s", got, names, compiled, event)
		}
	}
	return count, nil
}

// compareMatcher is an error where Match or Explain answer otherwise than want.
func compareMatcher(m *Matcher, want, event string) error {
	for range 2 { // the second time with what the first has left behind
		got := "malformed event"
		matched, err := m.Match([]byte(event))
		if err == nil {
			got = strconv.FormatBool(matched)
		}
		if got != want {
			return fmt.Errorf("match: %s (%v), reference: %s", got, err, want)
		}
	}
	got := "malformed event"
	matched, field, err := m.Explain([]byte(event))
	if err == nil {
		got = strconv.FormatBool(matched)
	}
	if got != want || err == nil && matched != (field == "") {
		return fmt.Errorf("explain: %s, field %q (%v), reference: %s", got, field, err, want)
	}
	return nil
}

// TestReference compares the matcher with the reference on generated cases; FuzzReference goes on with other seeds.
func TestReference(t *testing.T) {
	const seeds, patterns, events = 2000, 5, 2
	var all tally
	for seed := range uint64(seeds) {
		count, err := compareWithReference(generated(seed, patterns, events))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		all.matched += count.matched
		all.missed += count.missed
		all.unknown += count.unknown
	}
	t.Logf("seeds 0 to %d: %d match, %d miss or are malformed, %d are unknown to the reference",
		seeds-1, all.matched, all.missed, all.unknown)
}

// TestReferenceCrowd compares where many elements satisfy the first fields and few the last, so that a search that
// remembers what it has tried must not remember too much.
func TestReferenceCrowd(t *testing.T) {
	patterns := map[string]Pattern{
		"present": `{"a":{"a":["x"],"b":{"k":["x"]},"c":["x"]}}`,
		"absent":  `{"a":{"a":["x"],"b":{"k":["x"]},"c":[{"exists":false}]}}`,
		"both":    `{"a":{"a":["x"],"b":{"k":["x"],"l":["x",{"exists":false}]},"c":["x"]},"b":{"a":["x"],"b":{"l":["x"]}}}`,
	}
	for seed := range uint64(60) {
		g := newGenerator(seed)
		crowd := func() refArray {
			var array refArray
			for range 20 {
				var inner refArray
				for range 3 + g.IntN(5) {
					inner = append(inner, refObject{{g.pick("k", "k", "l"), g.pick("x", "x", "y")}})
				}
				c := "y"
				if g.oneIn(12) {
					c = "x"
				}
				array = append(array, refObject{{"a", "x"}, {"b", inner}, {"c", c}})
			}
			return array
		}
		event := g.text(refObject{{"a", crowd()}, {"b", crowd()}})
		if _, err := compareWithReference(patterns, []string{event}); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}
