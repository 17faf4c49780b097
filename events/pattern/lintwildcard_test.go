package pattern

import (
	"strings"
	"testing"
)

// scoreOf returns the highest score of the wildcards of any field of a pattern, as if there were no limit.
func scoreOf(t *testing.T, pattern string) int {
	t.Helper()
	l, err := newLinter(pattern)
	if err != nil {
		t.Fatal(err)
	}
	l.text()
	highest := 0
	for _, all := range l.wildcardPlaces() {
		for _, together := range l.meeting(all) {
			score, judged := complexity(countUses(together), &l.budget)
			if !judged {
				t.Errorf("%s is not judged", pattern)
			}
			highest = max(highest, score)
		}
	}
	return highest
}

// TestComplexity has what Event Ruler 2.0.1 answers to evaluateComplexity.
func TestComplexity(t *testing.T) {
	for matchers, want := range map[string]int{
		`"x"`:                                    0,
		`{"wildcard":"x"}`:                       1,
		`{"wildcard":"x*"}`:                      2,
		`{"wildcard":"*"}`:                       2,
		`{"wildcard":"*xy"}`:                     2,
		`{"wildcard":"*xx"}`:                     3,
		`{"wildcard":"*xxx"}`:                    4,
		`{"wildcard":"x*xx"}`:                    3,
		`{"wildcard":"x*yzx"}`:                   2,
		`{"wildcard":"*x*"}`:                     3,
		`{"wildcard":"*x*x*"}`:                   5,
		`{"wildcard":"*x*x*x*x*"}`:               9,
		`{"wildcard":"*é*é*"}`:                   5,
		`{"wildcard":"*\\*\\**"}`:                4,
		`{"wildcard":"*x*y*z*x*y*"}`:             8,
		`{"wildcard":"x*y"},{"wildcard":"z*w"}`:  2,
		`{"wildcard":"*xy"},{"wildcard":"*xyz"}`: 4,
		`{"wildcard":"xy*"},{"wildcard":"xyz*"}`: 4,
		`{"wildcard":"xy*a"},{"wildcard":"xy*b"},{"wildcard":"xy*c"}`:                            6,
		`{"anything-but":{"wildcard":["xy*a","xy*b","xy*c"]}}`:                                   2,
		`{"anything-but":{"wildcard":["*lemon*","*grapefruit*","*melon*"]}}`:                     6,
		`{"wildcard":"*lemon*"},{"wildcard":"*grapefruit*"},{"wildcard":"*melon*"}`:              9,
		`{"wildcard":"*:queue/ONE/*"},{"wildcard":"*:queue/TWO/*"},{"wildcard":"*:queue/SIX/*"}`: 9,
		`{"wildcard":"*x*"},{"wildcard":"*x*"}`:                                                  5,
		`{"wildcard":"bc*"},{"wildcard":"bc*"}`:                                                  2,
		`{"wildcard":"*x*"},{"wildcard":"*x*"},"y",{"prefix":"z"}`:                               5,
		`{"anything-but":{"wildcard":["*x*","*y*","*x*"]}}`:                                      4,
		`{"anything-but":{"wildcard":["*x*","*y"]}},{"anything-but":{"wildcard":["*y","*x*"]}}`:  5,
		`{"wildcard":"*x*"},{"anything-but":{"wildcard":"*x*"}}`:                                 6,
		`{"anything-but":{"wildcard":["*xy","*xz*","*x"]}}`:                                      5,
	} {
		if got := scoreOf(t, `{"a":[`+matchers+`]}`); got != want {
			t.Errorf("%s: %d, want %d", matchers, got, want)
		}
	}
}

// TestComplexityOfSubRules is the same for sub-rules, which the engine takes one after the other.
func TestComplexityOfSubRules(t *testing.T) {
	for pattern, want := range map[string]int{
		`{"$or":[{"b":["1"]},{"b":["2"]},{"b":["3"]},{"b":["4"]}],"a":[{"wildcard":"*x*"}]}`:             9, // a is before b
		`{"$or":[{"b":["1"]},{"b":["2"]},{"b":["3"]},{"b":["4"]}],"c":[{"wildcard":"*x*"}]}`:             3, // b parts them
		`{"$or":[{"b":["1"],"c":[{"wildcard":"*x*"}]},{"b":["2"],"c":[{"wildcard":"*y*"}]}]}`:            3,
		`{"$or":[{"b":["1","0"],"c":[{"wildcard":"*x*"}]},{"b":["2","0"],"c":[{"wildcard":"*y*"}]}]}`:    6,
		`{"$or":[{"b":[{"prefix":"1"}],"c":[{"wildcard":"*x*"}]},{"b":["1"],"c":[{"wildcard":"*y*"}]}]}`: 3,
		`{"$or":[{"b":["1"],"c":[{"wildcard":"*x*"}]},{"c":[{"wildcard":"*y*"}]}]}`:                      3,
		`{"$or":[{"a":["1"],"c":[{"wildcard":"*x*"}]},{"b":["1"],"c":[{"wildcard":"*y*"}]}]}`:            3,
	} {
		if got := scoreOf(t, pattern); got != want {
			t.Errorf("%s: %d, want %d", pattern, got, want)
		}
	}
}

func TestComplexityBudget(t *testing.T) {
	use := []wildcardUse{{wildcards: [][]string{{"", "abc", "def", ""}}, times: 1}}
	for budget, want := range map[int]bool{3: false, 100: true} {
		if score, judged := complexity(use, &budget); judged != want {
			t.Errorf("score %d, judged %t with a budget of %d", score, judged, budget)
		}
	}
}

func TestLintWildcards(t *testing.T) {
	complex := "|more than 10 beginnings of these wildcards at once, so EventBridge refuses"
	one := func(name string) string { return `{"wildcard":"*:queue/` + name + `/*"}` }
	three := one("ONE") + "," + one("TWO") + "," + one("SIX")
	runLint(t, []lintCase{
		{in(`"a":[` + three + `]`), nil},
		{in(`"a":[` + three + "," + one("TEN") + `]`), []string{"line 2, column 5: detail.a: " + complex}},
		{in(`"a":[{"wildcard":"*x*x*x*x*"}],"b":[` + three + `]`), nil}, // each field by itself
		{in(`"a":[{"wildcard":"*x*x*x*x*"},{"wildcard":"*"}]`), nil},    // ten
		{in(`"a":[{"wildcard":"*abcdefghijklmnopqrstuvwxyz0123456789*"},{"wildcard":"*ABCDEFGHIJKLMNOPQRSTUVWXYZ*"},` +
			`{"wildcard":"*a0b1c2d3e4f5g6h7i8j9k0l1m2n3o4p5q6r7s8t9*"}]`), nil}, // 804 sets of states
		{in(`"a":[{"wildcard":"*x*x*x*x*x*"}]`), []string{"line 2, column 5: detail.a: " + complex}},
		{in(`"eventID":[{"anything-but":{"wildcard":["*x*x*x*x*x*"]}}]`), []string{"line 2, column 11: detail.eventID: " + complex}},
	})
}

// TestLintUnjudged has a field that takes more sets of states than Lint looks at.
func TestLintUnjudged(t *testing.T) {
	l, err := newLinter(string(in(`"a":[{"wildcard":"*abcdefgh*"}]`)))
	if err != nil {
		t.Fatal(err)
	}
	l.text()
	l.budget = 5
	l.wildcards()
	if problems := l.sorted(); len(problems) != 1 || !strings.Contains(problems[0].String(), "detail.a: there are too many wildcards to tell") {
		t.Errorf("%v", problems)
	}
}
