package events

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
)

func seeds(f *testing.F, add func(c corpusCase)) {
	for i, c := range corpus(f) {
		if i%4 == 0 || c.group() == "struct" {
			add(c)
		}
	}
}

// FuzzCompile looks for a pattern that makes Compile panic, or that fails without a position.
func FuzzCompile(f *testing.F) {
	seeds(f, func(c corpusCase) { f.Add(string(c.Pattern)) })
	f.Fuzz(func(t *testing.T, pattern string) {
		m, err := Pattern(pattern).Compile()
		var syntax *SyntaxError
		if err != nil && (!errors.As(err, &syntax) || syntax.Line < 1 || syntax.Column < 1) {
			t.Errorf("error %v has no position", err)
		}
		if err == nil && m == nil {
			t.Error("neither matcher nor error")
		}
	})
}

// FuzzMatch looks for a pattern and an event on which Match panics, or on which a set or Explain answers otherwise.
func FuzzMatch(f *testing.F) {
	seeds(f, func(c corpusCase) { f.Add(string(c.Pattern), []byte(c.Event)) })
	f.Fuzz(func(t *testing.T, pattern string, event []byte) {
		m, err := Pattern(pattern).Compile()
		if err != nil {
			return
		}
		matched, err := m.Match(event)
		if malformed := err != nil; malformed && json.Valid(event) && event[firstByte(event)] == '{' {
			t.Errorf("a JSON object is an error: %v", err)
		}
		explained, field, explainErr := m.Explain(event)
		if explained != matched || (explainErr != nil) != (err != nil) || err == nil && matched != (field == "") {
			t.Errorf("match %v (%v), explain %v, %q (%v)", matched, err, explained, field, explainErr)
		}
		set, err := NewSet(map[string]Pattern{"p": Pattern(pattern), "all": `{"$or":[{"":{"":{"b":[1]}}},{"x":[{"exists":false}]},{"x":[{"exists":true}]}]}`})
		if err != nil {
			t.Fatal(err)
		}
		if names, err := set.Match(event); err == nil && slices.Contains(names, "p") != matched {
			t.Errorf("match %v, set %v", matched, names)
		}
	})
}

// firstByte returns the index of the first byte that is not white space.
func firstByte(text []byte) int {
	return slices.IndexFunc(text, func(c byte) bool { return c != ' ' && c != '\t' && c != '\n' && c != '\r' })
}

// FuzzJSONReader compares the reader with encoding/json: what is valid, and what strings mean.
func FuzzJSONReader(f *testing.F) {
	seeds(f, func(c corpusCase) { f.Add([]byte(c.Pattern)); f.Add([]byte(c.Event)) })
	for _, text := range []string{"", " ", "1", "-", "-0.0e+1", "01", `"\ud83d\ude00"`, `"\uDEAD"`, "\"\x7f\"", "nul", "[1,]", "[", "{}{}"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		skipped := &jsonReader{text: text}
		err := skipped.skip()
		valid := err == nil && skipped.peek() == 0 && skipped.at == len(text)
		if valid != json.Valid(text) {
			t.Fatalf("valid %v (%v), encoding/json %v", valid, err, !valid)
		}
		built := &jsonReader{text: text}
		n, nodeErr := built.node()
		if (nodeErr != nil) != (err != nil) || built.at > len(text) {
			t.Fatalf("node: %v, skip: %v", nodeErr, err)
		}
		var want string
		if valid && n.kind == scalarNode && json.Unmarshal(text, &want) == nil && n.scalar.kind == stringScalar {
			// encoding/json replaces what is not UTF-8, half a surrogate pair included.
			if got, _ := json.Marshal(n.scalar.text); !sameUnlessReplaced(got, want) {
				t.Errorf("read %q, encoding/json %q", n.scalar.text, want)
			}
		}
	})
}

// sameUnlessReplaced compares a marshalled string with want, which may have had bytes replaced.
func sameUnlessReplaced(marshalled []byte, want string) bool {
	var got string
	if err := json.Unmarshal(marshalled, &got); err != nil {
		return false
	}
	return got == want || slices.Contains([]rune(want), '\uFFFD')
}
