package pattern

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"maps"
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
	Strict  json.RawMessage `json:"strict"` // the answer that is given here instead, on purpose; the note says why
	Message string          `json:"error"`  // the engine's, where it refuses the pattern
}

func (c corpusCase) group() string { return c.ID[:strings.LastIndexByte(c.ID, '-')] }

func (c corpusCase) want() string {
	want := c.Want
	if c.Strict != nil {
		want = c.Strict
	}
	return strings.Trim(string(want), `"`)
}

// otherMessages are the cases refused with a message of our own, and why.
var otherMessages = map[string]string{
	"ab-inv-003": "the list is empty, which the engine's fallback finds fault with in other words",
	"ab-inv-013": "the list is empty, which the engine's fallback finds fault with in other words",
	"ab-inv-033": "the list is empty, which the engine's fallback finds fault with in other words",
	"x-msg-008":  "the engine names the limit of its number reader",
}

// corpus reads the cases of both files.
func corpus(t testing.TB) []corpusCase {
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
	groups := map[string]int{}
	for _, c := range corpus(t) {
		groups[c.group()]++
		got, err := answer(c.Pattern, c.Event)
		if got != c.want() {
			t.Errorf("%s: got %s (%v), want %s\npattern %s\nevent   %s", c.ID, got, err, c.want(), c.Pattern, c.Event)
		}
		if got == "invalid" && otherMessages[c.ID] == "" {
			checkMessage(t, c, err)
		}
		if bytes.Equal(c.Strict, c.Want) {
			t.Errorf("%s: strict is what the engine answers", c.ID)
		}
	}
	for _, group := range slices.Sorted(maps.Keys(groups)) {
		t.Logf("%-10s %4d cases", group, groups[group])
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
