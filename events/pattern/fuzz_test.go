package pattern

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// seeds adds a quarter of the corpus.
func seeds(f *testing.F, add func(c corpusCase)) {
	for i, c := range corpus(f) {
		if i%4 == 0 || c.group() == "struct" {
			add(c)
		}
	}
}

var bytesThatMatter = []string{
	`"`, `\`, `\"`, `\\`, `\n`, `\u00e9`, "\x00", "\x1f", "\x7f", "\x80", "\xff", "é", "😀", "{", "}", `",`, `\""`,
}

// nastyTexts are events, and texts that are none, of the sort that a scanner which reads words at a time gets wrong.
func nastyTexts() []string {
	texts := []string{
		"", " ", "{", "{}", "{}}", "{} {", "\ufeff{}", "[]", "null", `"{}"`, " \t\r\n{ \t\r\n} \t\r\n",
		"{\"a\"\v:1}", "{\"a\":1\u00a0}", `{"a":1`, `{"a":-`, `{"a":-0}`, `{"a":01}`, `{"a":+1}`, `{"a":.5}`,
		`{"a":1.}`, `{"a":1.e1}`, `{"a":1e}`, `{"a":1e+}`, `{"a":1E-07}`, `{"a":1.5e300}`,
		`{"a":12345678901234567890123}`, `{"a":0x1}`, `{"a":NaN}`, `{"a":1_0}`, `{"a":1"b":2}`, `{"a":1,}`,
		`{"a":1,,"b":2}`, `{,"a":1}`, `{"a"}`, `{"a":}`, `{"a" 1}`, `{"a":1 2}`, `{a:1}`, `{'a':1}`, `{1:1}`,
		`{"a":[1,]}`, `{"a":[,1]}`, `{"a":[1 2]}`, `{"a":[1}`, `{"a":{"b":1]}`, `{"a":[]]`, `{"a":tru}`,
		`{"a":truE}`, `{"a":nullx}`, `{"a":falsefalse}`, `{"a":t`, `{"a":null`, `{"a":"x`, `{"a`, `{"a":"\`,
		`{"a":"\"`, `{"a":"\\"}`, `{"a":"\\\"}`, `{"a":"\\\\"}`, `{"a":"\x"}`, `{"a":"\u00e9"}`,
		`{"a":"\u00E"}`, `{"a":"\u00g9"}`, `{"a":"\u"}`, `{"a":"\ud83d\ude00"}`, `{"a":"\ud83d"}`,
		`{"a":"\ude00\ud83d"}`, "{\"a\":\"\x7f\"}", "{\"a\":\"\xff\"}", "{\"\xc3\":1}", "{\"a\":\"\x00\"}",
		"{\"a\":\"\n\"}", "{\"a\n\":1}", "{\"a\":1}\x00", "{\"a\":1\x00}", `{"":{"":[{"":""}]}}`,
		`{"a":1,"a":[1,{"a":1}]}`, `{"\u0061":{"\u0062":"\u0063"},"never\u0000":{}}`,
		` { "a" : [ 1 , { "b" : "x" } , [ ] , { } , null ] , "c" : true } `, strings.Repeat(`{"a":`,
			300) + `"x"` + strings.Repeat(`}`, 300), `{"a":` + strings.Repeat(`[`, 300) + `1` + strings.Repeat(`]`,
			300) + `}`, strings.Repeat(`{"a":[`, 300), `{"a":"` + strings.Repeat(`\"`,
			40) + `","b":"` + strings.Repeat(`\\`, 41) + `"}`,
	}
	for _, digits := range []string{
		"x06a", "0x6a", "00xa", "006x", "006@", "006G", "006`", "006g", "006:", "006/", "006", "006A", "006F",
	} {
		texts = append(texts, `{"a":"\u`+digits+`"}`, `{"\u`+digits+`":"x"}`)
	}
	for at := range 9 { // a control character in place of the quote at the end
		front := strings.Repeat("x", at)
		for _, end := range []string{"\x00", "\x01", "\x1f", `\n` + "\x01"} {
			texts = append(texts, `{"`+front+end+`:1}`, `{"a":"`+front+end+`}`, `{"a":"`+front+end+`,"b":"\n"}`)
		}
	}
	for c := range 256 {
		texts = append(texts, `{"a":"xxx`+string([]byte{byte(c)})+`yyyyyyyy"}`, `{"a":1`+string([]byte{byte(c)})+`}`)
	}
	for at := range 17 { // a byte that matters at each place of a word, the string at the end of the text
		front, back := strings.Repeat("x", at), strings.Repeat("y", 16-at)
		for _, what := range bytesThatMatter {
			texts = append(texts, `{"a":"`+front+what+back+`"}`, `{"`+front+what+`":"`+back+`"}`)
		}
		texts = append(texts, `{"a":"`+front, `{"a":"`+front+`"`, `{"a":"`+front+`"}`)
		texts = append(texts, `{"a":`+strings.Repeat("7", at+1), `{"a":`+strings.Repeat(" ", at)+"1}")
	}
	return texts
}

// scanners are patterns that make a matcher walk an event in different ways: over it, into it, to its numbers, to
// what is absent, for many patterns at once.
func scanners() map[string]Pattern {
	patterns := map[string]Pattern{
		"over":   `{"never":["x"]}`,
		"into":   `{"a":{"a":{"b":[{"exists":true}]},"b":["x"]},"b":[{"prefix":"x"}]}`,
		"scalar": `{"a":[{"exists":true}]}`,
		"absent": `{"a":[{"exists":false}],"b":{"c":[{"exists":false}]}}`,
		"number": `{"a":[1,{"numeric":[">",5]},{"cidr":"10.0.0.0/8"}]}`,
		"empty":  `{"":["x"],"a..b":["x"]}`,
		"or":     `{"$or":[{"a":[{"wildcard":"*x*"}]},{"b":[{"anything-but":"x"}]},{"c":[{"equals-ignore-case":"x"}]}]}`,
	}
	for i := range 40 {
		name := strconv.Itoa(i)
		patterns[name] = Pattern(fmt.Sprintf(`{"a":["x","%d"],"b%d":[{"exists":true}],"c":{"d":["%d"]}}`, i, i, i))
	}
	return patterns
}

// FuzzScanner looks for a text of which a matcher or a set does not find out whether it begins with a JSON object, as
// encoding/json does, or of which it does not find a value.
func FuzzScanner(f *testing.F) {
	seeds(f, func(c corpusCase) { f.Add([]byte(c.Event)) })
	for _, text := range nastyTexts() {
		f.Add([]byte(text))
	}
	patterns := scanners()
	set, err := NewSet(patterns)
	if err != nil {
		f.Fatal(err)
	}
	matchers := map[string]*Matcher{}
	for name, pattern := range patterns {
		if len(name) > 2 { // the others are for the set
			if matchers[name], err = pattern.Compile(); err != nil {
				f.Fatal(err)
			}
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		first, firstErr := refFirst(string(text))
		if firstErr == errReferenceUnknown {
			return
		}
		isObject := firstErr == nil && first[0] == '{'
		for name, m := range matchers {
			if _, err := m.Match(text); (err == nil) != isObject {
				t.Fatalf("%s: %v, encoding/json: %v", name, err, firstErr)
			}
		}
		if _, err := set.Match(text); (err == nil) != isObject {
			t.Fatalf("set: %v, encoding/json: %v", err, firstErr)
		}
		if isObject {
			end := bytes.IndexByte(text, '{') + len(first)
			cutOff(t, matchers, text[:end])
			findsValues(t, string(first))
		}
	})
}

// cutOff checks that an object is one without what follows, and none without its end.
func cutOff(t *testing.T, matchers map[string]*Matcher, object []byte) {
	t.Helper()
	for end := len(object); end >= 0 && end > len(object)-40; end-- {
		text := bytes.Clone(object[:end])
		for name, m := range matchers {
			if _, err := m.Match(slices.Clip(text)); (err != nil) != (end < len(object)) {
				t.Fatalf("%s: %q: %v", name, text, err)
			}
		}
	}
}

// findsValues checks that patterns made from an event's first values match it: where the reader takes a value for
// another, or ends it elsewhere, they don't.
func findsValues(t *testing.T, event string) {
	t.Helper()
	root, err := refRead(event)
	if err != nil {
		return // not UTF-8, or half a surrogate pair
	}
	flat := refFlat{leaves: map[string][]refLeaf{}}
	flat.object("", root, nil)
	paths := slices.Sorted(maps.Keys(flat.leaves))
	for _, path := range paths[:min(3, len(paths))] {
		leaf := flat.leaves[path][len(flat.leaves[path])-1]
		value, _ := json.Marshal(leaf.value)
		key, _ := json.Marshal(path)
		pattern := fmt.Sprintf(`{%s:[%s]}`, key, value)
		if _, ok := leaf.value.(string); ok {
			pattern = fmt.Sprintf(`{%s:[{"exactly":%s}]}`, key, value)
		}
		if got, err := answer(Pattern(pattern), event); path != "$or" && got != "true" {
			t.Errorf("%s (%v)\npattern %s\nevent   %s", got, err, pattern, event)
		}
	}
}

// FuzzCompile looks for a pattern that makes Compile panic, that fails without a position in it, or of which the
// reference thinks otherwise.
func FuzzCompile(f *testing.F) {
	seeds(f, func(c corpusCase) { f.Add(string(c.Pattern)) })
	for _, text := range nastyTexts() {
		f.Add(text)
		f.Add(`{"a":[` + text + `]}`)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		m, err := Pattern(pattern).Compile()
		var syntax *SyntaxError
		if err != nil && !errors.As(err, &syntax) {
			t.Fatalf("error %v has no position", err)
		}
		if err != nil {
			lines := strings.Split(pattern, "\n")
			if syntax.Line < 1 || syntax.Line > len(lines) || syntax.Column < 1 ||
				syntax.Column > utf8.RuneCountInString(lines[syntax.Line-1])+1 {
				t.Errorf("error %v is not in the pattern", err)
			}
		}
		if err == nil && m == nil {
			t.Error("neither matcher nor error")
		}
		if _, refErr := refCompile(pattern); refErr != errReferenceUnknown && (err == nil) != (refErr == nil) {
			t.Errorf("compile: %v, reference: %v", err, refErr)
		}
	})
}

// FuzzMatch looks for a pattern and an event on which Match panics, or on which Explain answers otherwise.
func FuzzMatch(f *testing.F) {
	seeds(f, func(c corpusCase) { f.Add(string(c.Pattern), []byte(c.Event)) })
	for _, text := range nastyTexts() {
		f.Add(`{"a":["xxxxxxxxxxxxxxxx",{"anything-but":{"suffix":"y"}},{"numeric":["<",7]}]}`, []byte(text))
	}
	f.Fuzz(func(t *testing.T, pattern string, event []byte) {
		m, err := Pattern(pattern).Compile()
		if err != nil {
			return
		}
		before := bytes.Clone(event)
		matched, err := m.Match(event)
		again, againErr := m.Match(event)
		if again != matched || (againErr == nil) != (err == nil) {
			t.Errorf("match %v (%v), the second time %v (%v)", matched, err, again, againErr)
		}
		explained, field, explainErr := m.Explain(event)
		if explained != matched || (explainErr != nil) != (err != nil) || err == nil && matched != (field == "") {
			t.Errorf("match %v (%v), explain %v, %q (%v)", matched, err, explained, field, explainErr)
		}
		if !bytes.Equal(event, before) {
			t.Errorf("the event is %q now", event)
		}
	})
}

// FuzzSet looks for patterns, one a line, that answer otherwise in a set than alone.
func FuzzSet(f *testing.F) {
	var lines []string
	seeds(f, func(c corpusCase) {
		lines = append(lines[max(0, len(lines)-4):], strings.ReplaceAll(string(c.Pattern), "\n", " "))
		f.Add(strings.Join(lines, "\n"), []byte(c.Event))
	})
	for seed := range uint64(50) {
		patterns, events := generated(seed, 8, 1)
		var texts []string
		for _, name := range slices.Sorted(maps.Keys(patterns)) {
			texts = append(texts, strings.ReplaceAll(string(patterns[name]), "\n", " "))
		}
		f.Add(strings.Join(texts, "\n"), []byte(events[0]))
	}
	f.Fuzz(func(t *testing.T, text string, event []byte) {
		patterns := map[string]Pattern{}
		var alone []string
		var malformed bool
		for i, line := range strings.Split(text, "\n") {
			m, err := Pattern(line).Compile()
			if err != nil || len(patterns) == 100 {
				continue
			}
			name := strconv.Itoa(i)
			patterns[name] = Pattern(line)
			matched, err := m.Match(event)
			malformed = err != nil
			if matched {
				alone = append(alone, name)
			}
		}
		set, err := NewSet(patterns)
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(alone)
		for range 2 {
			names, err := set.Match(event)
			if len(patterns) > 0 && (err != nil) != malformed || !slices.Equal(names, alone) {
				t.Fatalf("set %v (%v), alone %v (malformed: %v)", names, err, alone, malformed)
			}
		}
	})
}

// FuzzReference compares the matcher with the reference: on a pattern and an event or, where both are empty, on
// generated ones, alone and in a set.
func FuzzReference(f *testing.F) {
	seeds(f, func(c corpusCase) { f.Add(uint64(0), string(c.Pattern), c.Event) })
	for seed := range uint64(50) {
		f.Add(3000+seed, "", "")
		patterns, events := generated(1000+seed, 1, 1)
		f.Add(seed, string(patterns["0"]), events[0])
	}
	f.Fuzz(func(t *testing.T, seed uint64, pattern, event string) {
		patterns, events := map[string]Pattern{"": Pattern(pattern)}, []string{event}
		if pattern == "" && event == "" {
			patterns, events = generated(seed, 10, 3)
		}
		if _, err := compareWithReference(patterns, events); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
	})
}
