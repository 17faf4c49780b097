package pattern

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
)

// TestSet checks that a set answers as its patterns do alone, on events of the corpus and from several
// goroutines. An empty path ("") is among the used ones, so the set has both kinds of program.
func TestSet(t *testing.T) {
	patterns, matchers, events := map[string]Pattern{}, map[string]*Matcher{}, map[string]bool{}
	for i, c := range corpus(t) {
		if i%4 == 0 {
			events[c.Event] = true
		}
		if m, err := c.Pattern.Compile(); err == nil {
			patterns[c.ID], matchers[c.ID] = c.Pattern, m
		}
	}
	set, err := NewSet(patterns)
	if err != nil {
		t.Fatal(err)
	}
	if set.empty == nil {
		t.Error("no pattern has an empty name before the end of a path")
	}
	var wait sync.WaitGroup
	for share := range slices.Chunk(slices.Collect(maps.Keys(events)), 1+len(events)/4) {
		wait.Go(func() {
			for _, event := range share {
				compareSet(t, set, matchers, event)
			}
		})
	}
	wait.Wait()
}

func compareSet(t *testing.T, set *Set, matchers map[string]*Matcher, event string) {
	var want []string
	for name, m := range matchers {
		if ok, err := m.Match([]byte(event)); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if ok {
			want = append(want, name)
		}
	}
	slices.Sort(want)
	got, err := set.Match([]byte(event))
	if !slices.Equal(got, want) || err != nil {
		t.Errorf("%s: set has %v (%v), patterns alone %v", event, got, err, want)
	}
}

// TestSetAnswers asks a set for more combinations of names than it keeps.
func TestSetAnswers(t *testing.T) {
	patterns := map[string]Pattern{}
	const fields = "abcdefghijk"
	for _, name := range fields {
		patterns[string(name)] = Pattern(fmt.Sprintf(`{"%c":[1]}`, name))
	}
	set, err := NewSet(patterns)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for combination := range 1 << len(fields) {
			var want []string
			event := `{"z":0`
			for i, name := range fields {
				if combination>>i&1 == 1 {
					want = append(want, string(name))
					event += fmt.Sprintf(`,"%c":1`, name)
				}
			}
			if got, err := set.Match([]byte(event + `}`)); !slices.Equal(got, want) || err != nil {
				t.Fatalf("%s: got %v (%v), want %v", event, got, err, want)
			}
		}
	}
	if known := len(*set.answer.known.Load()); known != maxAnswers {
		t.Errorf("%d answers are kept, want %d", known, maxAnswers)
	}
}

func TestNewSetError(t *testing.T) {
	_, err := NewSet(map[string]Pattern{"a": `{"a":[1]}`, "c": `[]`, "b": `{}`})
	const want = "compile event pattern b: line 1, column 1: Empty objects are not allowed"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	set, err := NewSet(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := set.Match([]byte(`{"a":}`)); err == nil {
		t.Error("an empty set accepts a malformed event")
	}
}
