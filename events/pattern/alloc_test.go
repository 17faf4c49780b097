//go:build !race

// The race detector makes a sync.Pool forget things at random, so that there is always something to allocate: these
// tests are run without it.

package pattern

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestMatchAllocatesNothing matches ten times a run, as AllocsPerRun rounds down.
func TestMatchAllocatesNothing(t *testing.T) {
	event := benchEvent(t)
	check := func(name string, match func()) {
		t.Helper()
		allocations := testing.AllocsPerRun(100, func() {
			for range 10 {
				match()
			}
		})
		if allocations != 0 {
			t.Errorf("%s: %v allocations in ten matches", name, allocations)
		}
	}
	for name, pattern := range benchRules(30) {
		m, err := pattern.Compile()
		if err != nil {
			t.Fatal(err)
		}
		check(name, func() {
			if matched, err := m.Match(event); matched != slices.Contains(benchMatches, name) || err != nil {
				t.Fatal(matched, err)
			}
		})
	}
	for _, n := range []int{30, 3000} {
		set, err := NewSet(benchRules(n))
		if err != nil {
			t.Fatal(err)
		}
		check(fmt.Sprintf("%d rules", n), func() {
			if names, err := set.Match(event); !slices.Equal(names, benchMatches) || err != nil {
				t.Fatal(names, err)
			}
		})
	}
}

// checkAllocations reports a match that allocates, even if less and less often: after ten of them, ten thousand more
// make the runtime grow a list at least twenty times.
func checkAllocations(t *testing.T, pattern Pattern, event string) {
	t.Helper()
	m, err := pattern.Compile()
	if err != nil {
		t.Fatal(err)
	}
	set, err := NewSet(map[string]Pattern{"p": pattern})
	if err != nil {
		t.Fatal(err)
	}
	text, n := bytes.Clone([]byte(event)), 10 // the first time, which AllocsPerRun does not count
	allocations := testing.AllocsPerRun(1, func() {
		for range n {
			_, err := m.Match(text)
			_, setErr := set.Match(text)
			if err != nil || setErr != nil {
				t.Fatal(err, setErr)
			}
		}
		n = 10_000
	})
	if allocations >= 10 {
		t.Errorf("%s on %.200s: %v allocations in %d matches", pattern, event, allocations, 2*n)
	}
}

func TestManyMatchesAllocateNothing(t *testing.T) {
	const event = `{"\u0061":[{"p":"x\u0041","q":"\ty","\u0071":[["z\\"]]},{"p":"z","q":"xA"},{"r":[{},{"s":1}]}],` +
		`"b":[[1,2],["\n"]],"c":{"\u0064":"\u0065","d":[[],{"e":null}]}}`
	for pattern, want := range map[Pattern]string{
		`{"a":{"p":["xA"],"q":["z\\"]},"b":[2],"c":{"d":["e"]}}`:                                "true",
		`{"a":{"p":["xA"],"q":["xA"]},"b":["\n"],"c":{"d":["e"]}}`:                              "false",
		`{"a":{"p":["z"],"q":["xA"],"r":[{"exists":false}]},"c":{"d":{"e":[null]}}}`:            "true",
		`{"a":{"p":[{"prefix":"x"}],"r":{"s":[1,{"exists":false}]}},"b":[{"exists":true}]}`:     "true",
		`{"$or":[{"a":{"p":["z"],"q":["y"]}},{"a":{"q":["xA"],"r":{"s":[1]}}},{"b":["none"]}]}`: "false",
	} {
		checkEdge(t, edgeCase{pattern, event, want})
		checkAllocations(t, pattern, event)
	}
}

// TestOddValuesAllocateNothing has numbers that can't be compared, and texts that look like addresses and are none.
func TestOddValuesAllocateNothing(t *testing.T) {
	for _, value := range []string{
		`1e400`, `-1e400`, `1e-400`, `1e99999999999999999999`, `12345678901234567890123`,
		`0.1000000000000000055511151231257827`,
		`"999.1.1.1"`, `"1.1.1.256"`, `"1.1.1.99999999999999999999"`, `"12345:1"`, `"::12345"`, `"1:2:3:4:5:6:7:8:9"`,
		`"1:::2"`, `"::` + strings.Repeat("1", 1000) + `"`, `"` + strings.Repeat("1:", 500) + `1"`,
		`"1.1.1.` + strings.Repeat("1", 1000) + `"`,
	} {
		for _, matcher := range []string{
			`7`, `{"numeric":["<",5]}`, `{"anything-but":7}`, `{"cidr":"10.0.0.0/8"}`, `{"cidr":"2001:db8::/32"}`, `"10.0.0.1"`,
			`"::1"`, `7,{"cidr":"10.0.0.0/8"}`,
		} {
			checkAllocations(t, Pattern(`{"a":[`+matcher+`]}`), `{"a":`+value+`}`)
		}
	}
}
