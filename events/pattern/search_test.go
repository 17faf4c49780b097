package pattern

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestIndependentArrays checks that a choice from many arrays that do not concern each other is not tried in every
// combination: there are 8 to the 40th.
func TestIndependentArrays(t *testing.T) {
	var pattern, event strings.Builder
	for i := range 40 {
		fmt.Fprintf(&pattern, `"a%02d":{"x":[{"exists":true}]},`, i)
		fmt.Fprintf(&event, `"a%02d":[%s{"x":1}],`, i, strings.Repeat(`{"x":1},`, 7))
	}
	m, err := Pattern(`{` + pattern.String() + `"z":{"x":[1],"y":[2]}}`).Compile()
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := m.Match([]byte(`{` + event.String() + `"z":[{"x":1},{"y":2}]}`)); ok || err != nil {
		t.Errorf("matched %v (%v)", ok, err)
	}
}

// TestTooManyCombinations has events that can't be judged within bounds, since one path has several arrays: an error,
// and never an answer, be it that a field is absent.
func TestTooManyCombinations(t *testing.T) {
	array := func(element, last string) string {
		return `"a":[` + strings.Repeat(element+",", 400) + last + `]`
	}
	for pattern, event := range map[Pattern]string{
		`{"a":{"p":[1],"q":[1],"r":[1],"s":[1]}}`: array(`{"p":1}`, `{"s":1}`) + `,` + array(`{"q":1}`, `{"s":1}`) + `,` +
			array(`{"r":1}`, `{"s":1}`),
		`{"a":{"p":[1],"q":[1],"r":[1],"t":[{"exists":false}]}}`: array(`{"p":1,"t":1}`, `{}`) + `,` +
			array(`{"q":1,"t":1}`, `{}`) + `,` + array(`{"r":1,"t":1}`, `{}`),
	} {
		m, err := pattern.Compile()
		if err != nil {
			t.Fatal(err)
		}
		if matched, err := m.Match([]byte(`{` + event + `}`)); matched || !errors.Is(err, errCombinations) {
			t.Errorf("%s: matched %v (%v), want %v", pattern, matched, err, errCombinations)
		}
		set, err := NewSet(map[string]Pattern{"first": `{"b":[1]}`, "second": pattern})
		if err != nil {
			t.Fatal(err)
		}
		if names, err := set.Match([]byte(`{"b":1,` + event + `}`)); names != nil || !errors.Is(err, errCombinations) {
			t.Errorf("%s: in a set: matched %v (%v), want %v", pattern, names, err, errCombinations)
		}
		if matched, field, err := m.Explain([]byte(`{` + event + `}`)); matched || field != "" || !errors.Is(err, errCombinations) {
			t.Errorf("%s: explained %v, %q (%v), want %v", pattern, matched, field, err, errCombinations)
		}
	}
}
