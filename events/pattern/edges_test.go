package pattern

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// An edgeCase is a pattern and an event, and what the pattern answers on it: "true", "false" or "malformed event".
type edgeCase struct {
	pattern Pattern
	event   string
	want    string
}

// checkEdge asks a matcher, twice, Explain, a set, and the reference where it knows.
func checkEdge(t *testing.T, e edgeCase) {
	t.Helper()
	askEdge(t, e)
	if ref := refAnswer(e.pattern, e.event); ref != e.want && ref != "unknown" {
		t.Errorf("%s on %.300s: the reference answers %s, want %s", e.pattern, e.event, ref, e.want)
	}
}

// askEdge is checkEdge without the reference, for what takes that too long.
func askEdge(t *testing.T, e edgeCase) {
	t.Helper()
	m, err := e.pattern.Compile()
	if err != nil {
		t.Errorf("%.300s: %v", e.pattern, err)
		return
	}
	if err := compareMatcher(m, e.want, e.event); err != nil {
		t.Errorf("%.300s on %.300s: %v", e.pattern, e.event, err)
	}
	set, err := NewSet(map[string]Pattern{"edge": e.pattern})
	if err != nil {
		t.Fatal(err)
	}
	got := "malformed event"
	names, err := set.Match([]byte(e.event))
	if err == nil {
		got = strconv.FormatBool(len(names) == 1)
	}
	if got != e.want {
		t.Errorf("%.300s on %.300s: a set answers %s (%v), want %s", e.pattern, e.event, got, err, e.want)
	}
}

func TestAddressEdges(t *testing.T) {
	for pattern, wants := range map[Pattern]map[string]string{
		// Groups of an IPv6 address: eight, or fewer and a gap.
		`{"a":[{"cidr":"::/0"}]}`: {
			"true": `"1:2:3:4:5:6:7:8" "1:2:3:4:5:6:7::" "::2:3:4:5:6:7:8" "1:2:3::5:6:7:8"`,
			"false": `"1:2:3:4:5:6:7:8:9" "1:2:3:4:5:6:7" "1:2:3:4:5:6:7:8::" "::1:2:3:4:5:6:7:8" "1:2:3:4::5:6:7:8"
				"::1:2:3:4:5:6:7:8:9" "1:2:3:4:5:6:7:8:9::" "1:2:3:4:5:6:7:8:9:10:11:12:13:14:15:16:17"
				"1:12345::" "1:::2" ":1" "1:"`,
		},
		`{"a":["1:2:3:4:5:6:7:8:9"]}`: {"true": `"1:2:3:4:5:6:7:8:9"`, "false": `"1:2:3:4:5:6:7:8"`},
		// Digits are compared until they lie between the bounds, whatever the family.
		`{"a":[{"cidr":"8000::/1"}]}`: {
			"true":  `"240.0.0.0" "129.0.0.0" "254.255.255.255" "8000::" "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" 9 800000001`,
			"false": `"127.255.255.255" "128.0.0.0" "255.255.255.255" "7fff::" 8 7 80000000`,
		},
		`{"a":[{"cidr":"0.0.0.0/1"}]}`: {
			"true":  `"7ffe::" "0.0.0.0" "127.255.255.255" "::1:0:0" 1.5 6e9 71`,
			"false": `"8000::" "128.0.0.0" 0 0.5 7 7.5 8 -1 -0.5`,
		},
		// A number's point, sign and small e are no digits, its large E is one.
		`{"a":[{"cidr":"64.0.0.0/2"}]}`: {
			"true":  `5 5.5 5e9 70 7E5 4E5 41 40000000e1`,
			"false": `7.5 7 7e5 4 4.5 4e5 4e-5 40e1 7.0E9 -5 -4 0.5 3 8`,
		},
		`{"a":[{"cidr":"16.0.0.0/4"}]}`: {"true": `1E5 11 1E+5 19.5 10000000.5`, "false": `1e5 1 -1 1.5 0 2 10 1000000.5`},
		// Whoever compares numbers in a field, before or behind the addresses, keeps them from these.
		`{"a":[{"numeric":["=",1]},{"cidr":"16.32.48.0/24"}]}`:             {"true": `1 "16.32.48.9"`, "false": `10203040`},
		`{"a":[{"numeric":["=",1]},{"cidr":"16.32.48.0/24"},"x",null]}`:    {"true": `1.0 "16.32.48.9" null`, "false": `10203040`},
		`{"a":["x",{"numeric":["<",1]},{"prefix":"y"},"16.32.48.64"]}`:     {"true": `0 "16.32.48.64" "yy"`, "false": `10203040`},
		`{"a":[{"cidr":"16.32.48.0/24"},1]}`:                               {"true": `1 "16.32.48.9"`, "false": `10203040`},
		`{"a":[1,{"cidr":"16.32.48.0/24"}]}`:                               {"true": `1 "16.32.48.9"`, "false": `10203040`},
		`{"a":[1,"16.32.48.64"]}`:                                          {"true": `1 "16.32.48.64"`, "false": `10203040`},
		`{"a":[{"anything-but":[10203040]},{"cidr":"16.32.48.0/24"},"x"]}`: {"true": `1 "x"`, "false": `10203040`},
		`{"a":["x","16.32.48.64",{"anything-but":["y"]}]}`:                 {"true": `10203040 1`, "false": `"y"`},
		`{"a":["16.32.48.64","x"]}`:                                        {"true": `10203040 "x"`, "false": `1 10203041`},
	} {
		for want, values := range wants {
			for value := range strings.FieldsSeq(values) {
				checkEdge(t, edgeCase{pattern, `{"a":` + value + `}`, want})
			}
		}
	}
	if _, err := Pattern(`{"a":[{"cidr":"1:2:3:4:5:6:7:8:9/64"}]}`).Compile(); err == nil {
		t.Error("a cidr of nine groups compiles")
	}
}

// TestHalfSurrogatesWithoutCase has halves of surrogate pairs where case is ignored: each is itself and nothing else.
func TestHalfSurrogatesWithoutCase(t *testing.T) {
	for pattern, wants := range map[Pattern]map[string]string{
		`{"a":[{"equals-ignore-case":"\ud83d"}]}`: {
			"true":  `"\ud83d" "\uD83D"`,
			"false": `"\ud83e" "\ude00" "?" "??" "???" "\ufffd" "\ufffd\ufffd\ufffd" "\ud83d\ude00" "" "x"`,
		},
		`{"a":[{"equals-ignore-case":"x\ude00Y"}]}`:          {"true": `"X\ude00y"`, "false": `"X\ude01y" "X?y"`},
		`{"a":[{"equals-ignore-case":"\ufffd"}]}`:            {"true": `"\ufffd"`, "false": `"\ud83d" "?"`},
		`{"a":[{"prefix":{"equals-ignore-case":"\ud83d"}}]}`: {"true": `"\ud83d" "\ud83dx"`, "false": `"?x" "x\ud83d"`},
		`{"a":[{"suffix":{"equals-ignore-case":"\ud83d"}}]}`: {"true": `"\ud83d" "x\ud83d"`, "false": `"x?" "\ud83dx"`},
		`{"a":[{"anything-but":{"equals-ignore-case":"\ud83d"}}]}`: {
			"true": `"?" "\ud83e"`, "false": `"\ud83d"`,
		},
	} {
		for want, values := range wants {
			for value := range strings.FieldsSeq(values) {
				checkEdge(t, edgeCase{pattern, `{"a":` + value + `}`, want})
			}
		}
	}
}

// longUpperCases are characters with their upper case of several, by the Unicode Character Database, but for those
// from U+1F80 to U+1FAF.
var longUpperCases = []string{
	"\u00dfSS", "\u0149\u02bcN", "\u01f0J\u030c", "\u0390\u0399\u0308\u0301", "\u03b0\u03a5\u0308\u0301",
	"\u0587\u0535\u0552", "\u1e96H\u0331", "\u1e97T\u0308", "\u1e98W\u030a", "\u1e99Y\u030a", "\u1e9aA\u02be",
	"\u1f50\u03a5\u0313", "\u1f52\u03a5\u0313\u0300", "\u1f54\u03a5\u0313\u0301", "\u1f56\u03a5\u0313\u0342",
	"\u1fb2\u1fba\u0399", "\u1fb3\u0391\u0399", "\u1fb4\u0386\u0399", "\u1fb6\u0391\u0342",
	"\u1fb7\u0391\u0342\u0399", "\u1fbc\u0391\u0399", "\u1fc2\u1fca\u0399", "\u1fc3\u0397\u0399",
	"\u1fc4\u0389\u0399", "\u1fc6\u0397\u0342", "\u1fc7\u0397\u0342\u0399", "\u1fcc\u0397\u0399",
	"\u1fd2\u0399\u0308\u0300", "\u1fd3\u0399\u0308\u0301", "\u1fd6\u0399\u0342", "\u1fd7\u0399\u0308\u0342",
	"\u1fe2\u03a5\u0308\u0300", "\u1fe3\u03a5\u0308\u0301", "\u1fe4\u03a1\u0313", "\u1fe6\u03a5\u0342",
	"\u1fe7\u03a5\u0308\u0342", "\u1ff2\u1ffa\u0399", "\u1ff3\u03a9\u0399", "\u1ff4\u038f\u0399",
	"\u1ff6\u03a9\u0342", "\u1ff7\u03a9\u0342\u0399", "\u1ffc\u03a9\u0399",
	"\ufb00FF", "\ufb01FI", "\ufb02FL", "\ufb03FFI", "\ufb04FFL", "\ufb05ST", "\ufb06ST",
	"\ufb13\u0544\u0546", "\ufb14\u0544\u0535", "\ufb15\u0544\u053b", "\ufb16\u054e\u0546", "\ufb17\u0544\u053d",
}

// TestLongUppers checks that each character with an upper case of several matches that and its lower case, and not
// what has the mappings to one character only.
func TestLongUppers(t *testing.T) {
	uppers := map[rune]string{}
	for _, s := range longUpperCases {
		runes := []rune(s)
		uppers[runes[0]] = string(runes[1:])
	}
	for i, capitals := range []rune{0x1F08, 0x1F28, 0x1F68} { // with an iota below: eight small, eight large
		for k := range rune(16) {
			uppers[0x1F80+16*rune(i)+k] = string(capitals+k%8) + "\u0399"
		}
	}
	if len(uppers) != 102 {
		t.Fatalf("%d characters", len(uppers))
	}
	for r, upper := range uppers {
		m, err := Pattern(fmt.Sprintf(`{"a":[{"equals-ignore-case":"-%c-"}]}`, r)).Compile()
		if err != nil {
			t.Fatal(err)
		}
		lower, title := string(unicode.ToLower(r)), string(unicode.ToTitle(r))
		for text, want := range map[string]bool{
			upper: true, lower: true, title: title == lower, strings.ToLower(upper): false, upper + upper: false, "": false,
		} {
			if got, err := m.Match([]byte(`{"a":"-` + text + `-"}`)); got != want || err != nil {
				t.Errorf("%U on %+q: got %v (%v), want %v", r, text, got, err, want)
			}
		}
	}
}

// TestChoiceAmongMany has events in which one element of many is the right one, wherever it stands, and others are
// right for some of the fields: who remembers too much of what failed misses it.
func TestChoiceAmongMany(t *testing.T) {
	for _, c := range []struct {
		pattern           Pattern
		right, wrong, odd string
		crowd             int
	}{
		{ // a field that may be absent, in arrays of its own
			`{"a":{"a":["x"],"b":{"k":["x"]},"c":[{"exists":false}]}}`,
			`{"a":"x","b":[{"k":"x"}]}`, `{"a":"x","b":[{"k":"x"},{"k":"x"}],"c":1}`, `{"z":1}`, 80,
		},
		{
			`{"a":{"a":["x"],"b":{"k":["x"],"l":["x",{"exists":false}]},"c":["x"]}}`,
			`{"a":"x","b":[{"k":"x"}],"c":"x"}`, `{"a":"x","b":[{"k":"x","l":"y"},{"k":"x","l":"y"}],"c":"x"}`,
			`{"a":"x","b":[{"k":"x"}]}`, 80,
		},
		{ // what matters of an inner array's leaf is the outer array too
			`{"a":{"a":["x"],"b":{"k":["x"]}}}`,
			`{"a":"x","b":[{"k":"x"}]}`, `{"a":"x","b":[{"k":"y"}]}`, `{"b":[{"k":"x"}]}`, 150,
		},
		{
			`{"a":{"a":{"j":["x"]},"b":{"k":["x"]},"c":{"l":["x"]}}}`,
			`{"a":[{"j":"x"}],"b":[[{"k":"x"}]],"c":[{"l":"x"}]}`, `{"a":[{"j":"x"}],"b":[[{"k":"x"}]],"c":[{"l":"y"}]}`,
			`{"b":[{"k":"x"}],"c":[{"l":"x"}]}`, 150,
		},
		{ // three levels
			`{"a":{"a":["x"],"b":{"b":["x"],"c":{"c":["x"]}}}}`,
			`{"a":"x","b":[{"b":"x","c":[{"c":"y"},{"c":"x"}]}]}`, `{"a":"x","b":[{"b":"x","c":[{"c":"y"}]},{"c":[{"c":"x"}]}]}`,
			`{"b":[{"b":"x","c":[{"c":"x"}]}]}`, 150,
		},
	} {
		wrong := strings.Split(strings.Repeat(c.wrong+"\n", c.crowd)+c.odd, "\n")
		for _, elements := range [][]string{wrong, slices.Concat([]string{c.odd}, wrong)} {
			checkEdge(t, edgeCase{c.pattern, `{"a":[` + strings.Join(elements, ",") + `]}`, "false"})
			for _, at := range []int{0, 1, len(elements) / 2, len(elements) - 1, len(elements)} {
				event := `{"a":[` + strings.Join(slices.Insert(slices.Clone(elements), at, c.right), ",") + `]}`
				checkEdge(t, edgeCase{c.pattern, event, "true"})
			}
		}
	}
}

// TestChoiceNeighbours has right and wrong elements next to each other, in all the orders that may be confused.
func TestChoiceNeighbours(t *testing.T) {
	const both, without = `{"a":{"p":[1],"q":[1]}}`, `{"a":{"p":[1],"q":[{"exists":false}]}}`
	for _, e := range []edgeCase{
		{both, `{"a":[{"q":1},{"q":1,"p":1}]}`, "true"}, // the right one's first value is not the first field's
		{both, `{"a":[{"q":1,"p":1},{"q":1}]}`, "true"},
		{both, `{"a":[[{"q":1},{"q":1,"p":1}]]}`, "true"},
		{both, `{"a":[{"q":1},{"p":1},{"q":1}]}`, "false"},
		{both, `{"a":[[{"p":1},{"q":1}],{"q":1}]}`, "false"},
		{both, `{"a":[{"p":1},{"q":1},[{"q":1}]]}`, "false"},
		{both, `{"a":[{"p":1},{"q":1}],"a":[{"q":1}]}`, "true"}, // the other array begins where the first one ends
		{both, `{"a":[{"q":1}],"a":[{"q":1},{"p":1}]}`, "true"},
		{both, `{"a":[[{"p":1}],[{"q":1}]],"a":[[{"q":1}]]}`, "true"},
		{both, `{"a":[[{"p":1},{"q":1}],[{"q":1}]]}`, "false"},
		{without, `{"a":[{"q":1},{"q":1,"p":1},{"q":1}]}`, "false"},
		{without, `{"a":[{"q":1},{"p":1,"q":1},{"q":1}]}`, "false"},
		{without, `{"a":[{"q":1},{"p":1},{"q":1}]}`, "true"},
		{without, `{"a":[{"q":1,"p":1},{"p":1},{"p":1,"q":1}]}`, "true"},
		{without, `{"a":[{"p":1},{"q":1}],"a":[{"q":1}]}`, "false"},
		{without, `{"a":[{"q":1}],"a":[{"q":1},{"p":1}]}`, "false"},
		{without, `{"a":[[{"p":1}],[{"q":1}]]}`, "true"},
	} {
		checkEdge(t, e)
	}
}

// TestChoiceOfArray has a field twice in an event, each time with an array: an element of one is not that of the other
// which has the same number.
func TestChoiceOfArray(t *testing.T) {
	const pattern = `{"a":{"p":[1],"q":[1],"r":[1]}}`
	crowd := strings.Repeat(`{"p":1,"q":1},`, 110)
	few := []string{`[{},{},{"p":1,"q":1}]`, `[{"p":1,"q":1},{},{}]`, `[{},[{"p":1,"q":1}],{}]`}
	many := []string{
		`[` + crowd + `{"r":1}]`, `[{"r":1},` + strings.TrimSuffix(crowd, ",") + `]`, `[` + crowd + `{"r":1},{}]`,
	}
	for _, a := range few {
		for _, b := range many {
			checkEdge(t, edgeCase{pattern, `{"a":` + a + `,"a":` + b + `}`, "true"})
			checkEdge(t, edgeCase{pattern, `{"a":` + b + `,"a":` + a + `}`, "true"})
			checkEdge(t, edgeCase{pattern, `{"a":` + b + `,"a":[{"p":1},{"r":2}]}`, "false"})
			checkEdge(t, edgeCase{pattern, `{"a":[` + b + `,` + a + `]}`, "false"})
		}
	}
}

// TestSideBySide has more objects and arrays beside each other than may be nested in each other.
func TestSideBySide(t *testing.T) {
	const pattern = `{"a":[{"anything-but":"x"},{"exists":false}],"a.y":[{"exists":false}],"z":["z"]}`
	for _, item := range []string{`{}`, `{ }`, `{"x":1}`, `{"x":{}}`, `[]`, `[ ]`, `[1]`, `[[]]`, `[{}]`, `{"x":[]}`} {
		for _, name := range []string{"a", "b"} { // the pattern wants to know of one of them
			const n = maxDepth + 50
			array := `"` + name + `":[` + strings.Repeat(item+",", n) + item + `]`
			members := strings.Repeat(`"`+name+`":`+item+`,`, n) + `"c":1`
			for _, list := range []string{array, members} {
				askEdge(t, edgeCase{pattern, `{` + list + `,"z":"z"}`, "true"})
				askEdge(t, edgeCase{pattern, `{` + list + `,"z":"y"}`, "false"})
				askEdge(t, edgeCase{pattern, `{` + list + `,"z":"z"`, "malformed event"})
			}
		}
	}
}

// TestNestingBound has events that are nested as deep as may be, and one level deeper.
func TestNestingBound(t *testing.T) {
	nested := func(opening string, n int, inside string, closing string) string {
		return strings.Repeat(opening, n) + inside + strings.Repeat(closing, n)
	}
	dotted := func(n int) Pattern {
		return Pattern(`{"` + strings.TrimSuffix(strings.Repeat("a.", n), ".") + `":["x",{"exists":false}]}`)
	}
	for depth, malformed := range map[int]bool{maxDepth - 1: false, maxDepth: false, maxDepth + 1: true} {
		for _, c := range []edgeCase{
			{dotted(depth), nested(`{"a":`, depth, `"x"`, `}`), "true"},
			{dotted(depth), nested(`{"a":`, depth, `"y"`, `}`), "false"},
			{dotted(depth), nested(`{"a":`, depth-1, `{}`, `}`), "true"},
			{dotted(depth - 1), nested(`{"a":`, depth-1, `[]`, `}`), "true"},
			{dotted(2), nested(`{"a":`, depth, `"x"`, `}`), "true"},
			{`{"b":["x"]}`, nested(`{"a":`, depth, `"x"`, `}`), "false"},
			{`{"b":["x"]}`, nested(`{"a":`, depth-1, `{}`, `}`), "false"},
			{`{"b":["x"]}`, `{"a":` + nested(`{"a":`, depth-1, `1`, `}`) + `,"b":"x"}`, "true"},
			{`{"a":["x"]}`, `{"a":` + nested(`[`, depth-1, `"x"`, `]`) + `}`, "true"},
			{`{"a":["x"]}`, `{"a":` + nested(`[`, depth-1, ``, `]`) + `}`, "false"},
			{`{"b":["x"]}`, `{"a":` + nested(`[`, depth-1, `"x"`, `]`) + `}`, "false"},
			{`{"b":["x"]}`, `{"b":"x","a":` + nested(`[`, depth-1, ``, `]`) + `}`, "true"},
			{dotted(depth / 2), nested(`{"a":[`, depth/2, nested(`[`, depth%2, `"x"`, `]`), `]}`), "true"},
			{`{"b":["x"]}`, nested(`{"a":[`, depth/2, nested(`[`, depth%2, `"x"`, `]`), `]}`), "false"},
		} {
			if malformed {
				c.want = "malformed event"
			}
			askEdge(t, c)
			m, _ := c.pattern.Compile()
			_, err := m.Match([]byte(c.event))
			if (err != nil) != malformed || err != nil && !strings.Contains(err.Error(), "nested more than 10000 deep") {
				t.Errorf("%.40s on %.40s, %d deep: %v", c.pattern, c.event, depth, err)
			}
		}
	}
}

// TestMalformedEventsLeaveNothing has a matcher, and a set, read many events that end in the middle of what is nested,
// and then a good one.
func TestMalformedEventsLeaveNothing(t *testing.T) {
	const pattern = `{"a":{"a":["x"]},"b":["x"]}`
	const good = `{"a":[{"a":"y"},{"a":"x"}],"b":"x"}`
	m, err := Pattern(pattern).Compile()
	if err != nil {
		t.Fatal(err)
	}
	set, err := NewSet(map[string]Pattern{"p": pattern})
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{`{`, `{"a":{`, `{"a":[`, `{"c":[`, `{"a":[{"a":"x"},`, `{"a":[{"a":"x"}],"b":"x","c":[}`} {
		for range maxDepth + 1 {
			_, err := m.Match([]byte(bad))
			_, setErr := set.Match([]byte(bad))
			if err == nil || setErr == nil {
				t.Fatalf("%s: %v, %v", bad, err, setErr)
			}
		}
		if ok, err := m.Match([]byte(good)); !ok || err != nil {
			t.Errorf("after many %s: %v (%v)", bad, ok, err)
		}
		if names, err := set.Match([]byte(good)); len(names) != 1 || err != nil {
			t.Errorf("after many %s: %v (%v)", bad, names, err)
		}
	}
}

// TestStringEdges has a control character in place of each closing quote, and each byte in place of each digit of an
// escape, in names and values, wanted or not.
func TestStringEdges(t *testing.T) {
	var texts []string
	for at := range 17 {
		for _, escape := range []string{"", `\n`} {
			before := escape + strings.Repeat("x", at)
			for c := range byte(0x20) {
				end := string([]byte{c})
				texts = append(texts, `{"`+before+end+`:1}`, `{"`+before+end+`:"\n"}`, `{"a":"`+before+end+`}`,
					`{"a":"`+before+end+`,"b":"\n"}`, `{"never":"`+before+end+`}`)
			}
		}
	}
	for c := range 256 {
		end := string([]byte{byte(c)})
		for _, u := range []string{end + "061", "0" + end + "61", "00" + end + "1", "006" + end} {
			texts = append(texts, `{"a":"\u`+u+`"}`, `{"\u`+u+`":"x"}`, `{"q":"\u`+u+`"}`, `{"a":{"b":["\u`+u+`"]}}`)
		}
	}
	set, err := NewSet(scanners())
	if err != nil {
		t.Fatal(err)
	}
	m, err := Pattern(`{"never":["x"]}`).Compile()
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range texts {
		_, err := m.Match([]byte(text))
		_, setErr := set.Match([]byte(text))
		if want := json.Valid([]byte(text)); (err == nil) != want || (setErr == nil) != want {
			t.Errorf("%q: %v, set: %v; valid: %v", text, err, setErr, want)
		}
	}
}

// TestSetAnswerIsNotShared checks that callers of a set who append to its answers don't write to the same memory.
func TestSetAnswerIsNotShared(t *testing.T) {
	patterns := map[string]Pattern{}
	for i := range 9 {
		patterns[strconv.Itoa(i)] = Pattern(fmt.Sprintf(`{"a":[{"numeric":[">=",%d]}]}`, i))
	}
	patterns["empty"] = `{"":[1]}` // kept apart from the others in a set
	set, err := NewSet(patterns)
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range []string{`{"a":%d}`, `{"a":%d,"":1}`} {
		for i := range 9 {
			event := fmt.Appendf(nil, event, i)
			var mine [3][]string // the answer is made for the first, and remembered for the others
			for k := range mine {
				names, err := set.Match(event)
				if err != nil {
					t.Fatal(err)
				}
				mine[k] = append(names, strconv.Itoa(k))
			}
			for k := range mine {
				if last := mine[k][len(mine[k])-1]; last != strconv.Itoa(k) {
					t.Errorf("%s: the answer of call %d ends with what call %s has appended", event, k, last)
				}
			}
		}
	}
}

// TestExplainAbsent has fields that must be absent and are not: they stand in the way for certain where they are
// outside of arrays, and otherwise if nothing else does.
func TestExplainAbsent(t *testing.T) {
	for _, c := range []struct{ pattern, event, want string }{
		{`{"a":[{"exists":false}],"b":["x"]}`, `{"a":1}`, "a"},
		{`{"a":[{"exists":false}],"b":["x"]}`, `{"a":[1,2]}`, "a"}, // scalars are not in an element
		{`{"a":[{"exists":false}],"b":["x"]}`, `{"a":[[1]]}`, "b"},
		{`{"a":[{"exists":false}],"b":["x"]}`, `{"a":[[1],2,[3]]}`, "a"},
		{`{"a":[{"exists":false}],"b":["x"]}`, `{"a":{}}`, "b"},
		{`{"a":[{"exists":false}],"b":["x"]}`, `{"a":[[1]],"b":"x"}`, "a"},
		{`{"a":[{"exists":false}],"b":["x"]}`, `{"b":"x","a":null}`, "a"},
		{`{"a":["y",{"exists":false}],"b":["x"]}`, `{"a":1}`, "a"},
		{`{"a":["y",{"exists":false}],"b":["x"]}`, `{"a":[1,"y"]}`, "b"},
		{`{"b":["x"],"a":[{"exists":false}]}`, `{"a":1}`, "b"},
		{`{"a":{"c":[{"exists":false}]},"b":["x"]}`, `{"a":[{"c":1}]}`, "b"},
		{`{"a":{"c":[{"exists":false}]},"b":["x"]}`, `{"a":[{"c":1}],"a":{"c":2}}`, "a.c"},
		{`{"a":{"c":[{"exists":false}]},"b":["x"]}`, `{"a":{"c":2},"a":[{"c":1}]}`, "a.c"},
		{`{"a":{"c":[{"exists":false}],"d":[1]},"b":["x"]}`, `{"a":[{"c":1,"d":1}],"b":"x"}`, "a.c"},
		{`{"$or":[{"a":[{"exists":false}],"b":["x"]},{"c":["x"]}]}`, `{"a":1}`, "c"}, // one field, not two
		{`{"$or":[{"a":[{"exists":false}],"b":["x"]},{"c":["x"]}]}`, `{"a":[[1]]}`, "b"},
	} {
		m, err := Pattern(c.pattern).Compile()
		if err != nil {
			t.Fatal(err)
		}
		if matched, field, err := m.Explain([]byte(c.event)); matched || field != c.want || err != nil {
			t.Errorf("%s on %s: %v, %q (%v), want %q", c.pattern, c.event, matched, field, err, c.want)
		}
	}
}
