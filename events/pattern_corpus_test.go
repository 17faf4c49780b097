package events

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
)

// corpusCase is a line of testdata/patterns.jsonl or patterns-more.jsonl: what AWS's engine, Event Ruler 2.0.1, answers
// on a pattern and an event.
type corpusCase struct {
	ID      string          `json:"id"`
	Pattern Pattern         `json:"pattern"`
	Event   string          `json:"event"`
	Want    json.RawMessage `json:"want"`   // true, false or "invalid"
	Strict  string          `json:"strict"` // "invalid": only the engine's fallback accepts the pattern
	Message string          `json:"error"`  // the engine's, where it refuses the pattern
}

func (c corpusCase) group() string { return c.ID[:strings.LastIndexByte(c.ID, '-')] }

func (c corpusCase) want() string {
	if c.Strict != "" {
		return c.Strict
	}
	return strings.Trim(string(c.Want), `"`)
}

// liberties are the groups of the corpus in which answers may differ from the engine's, and why.
var liberties = map[string]string{
	"x-crash":   "a crash of the engine, and what it takes only by accident",
	"x-lone":    "half a surrogate pair is itself here, a question mark in the engine",
	"x-mixed":   "after a wildcard that begins with an asterisk, the engine takes the first letter to fold for any other",
	"x-overlap": "the engine drops an alternative that shares a matcher in each of its fields with an earlier one",
}

// otherMessages are the cases refused with a message of our own, and why.
var otherMessages = map[string]string{
	"ab-inv-003": "the list is empty, which the engine's fallback finds fault with in other words",
	"ab-inv-013": "the list is empty, which the engine's fallback finds fault with in other words",
	"ab-inv-033": "the list is empty, which the engine's fallback finds fault with in other words",
	"x-msg-008":  "the engine names the limit of its number reader",
}

// corpus reads the cases that are answered as the engine does.
func corpus(t testing.TB) []corpusCase {
	return slices.DeleteFunc(everyCase(t), func(c corpusCase) bool { return liberties[c.group()] != "" })
}

// everyCase reads the cases of both files.
func everyCase(t testing.TB) []corpusCase {
	return append(casesOf(t, "testdata/patterns.jsonl"), casesOf(t, "testdata/patterns-more.jsonl")...)
}

func casesOf(t testing.TB, name string) []corpusCase {
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var cases []corpusCase
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var c corpusCase
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		cases = append(cases, c)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return cases
}

func TestPatternCorpus(t *testing.T) {
	type tally struct{ cases, wrong int }
	groups := map[string]tally{}
	for _, c := range everyCase(t) {
		got, err := answer(c.Pattern, c.Event)
		count := groups[c.group()]
		count.cases++
		if got != c.want() {
			count.wrong++
			if liberties[c.group()] == "" {
				t.Errorf("%s: got %s (%v), want %s\npattern %s\nevent   %s", c.ID, got, err, c.want(), c.Pattern, c.Event)
			}
		}
		groups[c.group()] = count
		if got == "invalid" && otherMessages[c.ID] == "" {
			checkMessage(t, c, err)
		}
	}
	for group, count := range groups {
		t.Logf("%-10s %4d cases, %d disagreements %s", group, count.cases, count.wrong, liberties[group])
	}
}

func answer(p Pattern, event string) (string, error) {
	m, err := p.Compile()
	if err != nil {
		return "invalid", err
	}
	matched, err := m.Match([]byte(event))
	switch {
	case err != nil:
		return "malformed event", err
	case matched:
		return "true", nil
	}
	return "false", nil
}

// checkMessage compares the message for a refused pattern with the engine's. On text that isn't JSON the engine
// speaks with its JSON library's words, ours are our own.
func checkMessage(t *testing.T, c corpusCase, err error) {
	var syntax *SyntaxError
	if !errors.As(err, &syntax) {
		t.Errorf("%s: error %v has no position", c.ID, err)
		return
	}
	if strings.HasPrefix(c.Message, "Unexpected") || strings.HasPrefix(c.Message, "Non-standard token") {
		return
	}
	if strings.TrimSpace(c.Message) != "" && strings.TrimSpace(syntax.Message) != strings.TrimSpace(c.Message) {
		t.Errorf("%s: message %q, the engine's is %q\npattern %s", c.ID, syntax.Message, c.Message, c.Pattern)
	}
}
