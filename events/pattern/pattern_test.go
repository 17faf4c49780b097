package pattern

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestPatternMatch(t *testing.T) {
	for _, c := range []struct {
		pattern Pattern
		matches []string
		misses  []string
	}{
		{ // exact strings
			`{"a":["x","y\n"]}`,
			[]string{`{"a":"x"}`, `{"a":"\u0078"}`, `{"a":"y\u000a"}`, `{"a":["z",["x"]]}`, `{"b":1,"a":"z","a":"x"}`, `{"a":"x"} junk`},
			[]string{`{}`, `{"a":"X"}`, `{"a":"x "}`, `{"a":{"b":"x"}}`, `{"a":[]}`, `{"b":{"a":"x"}}`, `{"A":"x"}`},
		},
		{ // literals and null
			`{"a":[true,null]}`,
			[]string{`{"a":true}`, `{"a":null}`, `{"a":[false,null]}`},
			[]string{`{"a":"true"}`, `{"a":"null"}`, `{"a":false}`, `{"a":""}`, `{}`, `{"a":[]}`, `{"a":{}}`},
		},
		{ // numbers by value
			`{"a":[1000,-0]}`,
			[]string{`{"a":1000}`, `{"a":1e3}`, `{"a":1000.0}`, `{"a":10E+2}`, `{"a":0.0e7}`, `{"a":-0.0}`},
			[]string{`{"a":"1000"}`, `{"a":1001}`, `{"a":1000.0000000000000001}`, `{"a":false}`},
		},
		{ // exponents as far as the engine reads them
			`{"a":[0]}`,
			[]string{`{"a":0e2147483647}`, `{"a":0e-2147483647}`, `{"a":0.0e+0002147483647}`, `{"a":0.000}`},
			[]string{`{"a":0e2147483648}`, `{"a":0e-2147483648}`, `{"a":0.0e-2147483647}`, `{"a":0e99999999999999999999}`, `{"a":1e-400}`},
		},
		{
			`{"a":[10203.04,1e23,5e-324]}`,
			[]string{`{"a":1020304e-2}`, `{"a":0.01020304e6}`, `{"a":100000000000000000000000}`, `{"a":0.5e-323}`},
			[]string{`{"a":10203.040000000001}`, `{"a":100000000000000000000001}`},
		},
		{ // a number without a value to compare is compared with addresses, by its digits
			`{"a":[{"cidr":"6.2.8.4/1"},7]}`,
			[]string{`{"a":21641490976718363}`, `{"a":7.0}`},
			[]string{`{"a":2164149097}`, `{"a":99999999999999999}`},
		},
		{ // numbers that can't be compared, by text
			`{"a":[9007199254740993,1e400]}`,
			[]string{`{"a":9007199254740993}`, `{"a":1e400}`},
			[]string{`{"a":9007199254740992}`, `{"a":9007199254740993.0}`, `{"a":1E400}`, `{"a":"1e400"}`},
		},
		{
			`{"a":[{"exactly":"10.0.0.1"}]}`,
			[]string{`{"a":"10.0.0.1"}`},
			[]string{`{"a":"010.0.0.1"}`},
		},
		{ // a plain string that reads as an address is one
			`{"a":["10.0.0.1","::1"]}`,
			[]string{`{"a":"10.0.0.1"}`, `{"a":"010.000.0.1"}`, `{"a":"::ffff:a00:1"}`, `{"a":"0:0:0:0:0:0:0:1"}`},
			[]string{`{"a":"10.0.0.2"}`, `{"a":"0A000001"}`, `{"a":"::2"}`, `{"a":"10.0.0.1 "}`, `{"a":"10.0.0"}`},
		},
		{
			`{"a":[{"prefix":"ab"}]}`,
			[]string{`{"a":"ab"}`, `{"a":"abc"}`, `{"a":[1,"abc"]}`},
			[]string{`{"a":"a"}`, `{"a":"Ab"}`, `{"a":"cab"}`, `{"a":1}`},
		},
		{ // the engine looks at a value with its quotes
			`{"a":[{"prefix":"ab\""},{"suffix":"\"cd"}]}`,
			[]string{`{"a":"ab"}`, `{"a":"ab\"c"}`, `{"a":"cd"}`, `{"a":"b\"cd"}`},
			[]string{`{"a":"abc"}`, `{"a":"bcd"}`},
		},
		{
			`{"a":[{"prefix":""}]}`,
			[]string{`{"a":""}`, `{"a":"x"}`},
			[]string{`{"a":1}`, `{"a":null}`, `{"a":true}`, `{}`},
		},
		{
			`{"a":[{"suffix":"é"}]}`,
			[]string{`{"a":"café"}`, `{"a":"\u00e9"}`},
			[]string{`{"a":"cafe"}`, `{"a":"éa"}`, `{"a":2}`},
		},
		{
			`{"a":[{"equals-ignore-case":"Straße"}]}`,
			[]string{`{"a":"straße"}`, `{"a":"STRASSE"}`, `{"a":"StraßE"}`},
			[]string{`{"a":"strasse"}`, `{"a":"straße."}`, `{"a":"straß"}`, `{"a":1}`},
		},
		{
			`{"a":[{"prefix":{"equals-ignore-case":"Ab"}},{"suffix":{"equals-ignore-case":"İz"}}]}`,
			[]string{`{"a":"aBx"}`, `{"a":"AB"}`, `{"a":"xİZ"}`, `{"a":"xi̇z"}`},
			[]string{`{"a":"xab"}`, `{"a":"iz"}`, `{"a":12}`},
		},
		{
			`{"a":[{"wildcard":"a*b\\*\\\\*c"}]}`,
			[]string{`{"a":"ab*\\c"}`, `{"a":"axxb*b*\\xc"}`, `{"a":"a*b*\\/\ncc"}`},
			[]string{`{"a":"ab\\c"}`, `{"a":"ab*c"}`, `{"a":"ab*\\"}`, `{"a":"xab*\\c"}`, `{"a":1}`},
		},
		{ // segments don't overlap
			`{"a":[{"wildcard":"ab*ba"},{"wildcard":"?"},{"wildcard":""}]}`,
			[]string{`{"a":"abba"}`, `{"a":"abxba"}`, `{"a":"?"}`, `{"a":""}`},
			[]string{`{"a":"aba"}`, `{"a":"x"}`},
		},
		{
			`{"a":[{"numeric":[">",0,"<=",5]},{"numeric":["=",3.018e2]}]}`,
			[]string{`{"a":0.1}`, `{"a":5.0}`, `{"a":301.80}`, `{"a":[9,1]}`},
			[]string{`{"a":0}`, `{"a":5.000001}`, `{"a":"1"}`, `{"a":null}`, `{"a":3.14159265358979311599796346854}`},
		},
		{
			`{"a":[{"numeric":["<",-1]},{"numeric":[">=",10]}]}`,
			[]string{`{"a":-1.5}`, `{"a":10}`, `{"a":1e300}`},
			[]string{`{"a":-1}`, `{"a":9.99}`, `{"a":1e400}`, `{"a":-1e400}`},
		},
		{
			`{"a":[{"cidr":"10.0.0.77/24"},{"cidr":"2001:db8::/33"}]}`,
			[]string{`{"a":"10.0.0.0"}`, `{"a":"10.0.0.255"}`, `{"a":"2001:DB8:7fff::"}`, `{"a":"::ffff:a00:1"}`},
			[]string{`{"a":"10.0.1.0"}`, `{"a":"2001:db8:8000::"}`, `{"a":"10.0.0.0/24"}`, `{"a":"a"}`, `{"a":"[2001:db8::]"}`},
		},
		{ // the engine compares digits across families, and those of numbers
			`{"a":[{"cidr":"32.1.13.0/24"}],"b":[{"cidr":"16.32.48.0/24"},{"exists":false}],"c":[{"cidr":"0.0.0.0/0"},1]}`,
			[]string{`{"a":"2001:db8::1","b":10203040,"c":1}`, `{"a":"32.1.13.1","c":"::1"}`},
			[]string{`{"a":"32.1.13.1","b":102030,"c":1}`, `{"a":"32.1.13.1","c":2}`},
		},
		{
			`{"a":[{"anything-but":["x","10.0.0.1"]}]}`,
			[]string{`{"a":"y"}`, `{"a":1}`, `{"a":null}`, `{"a":["x","y"]}`, `{"a":"010.0.0.1"}`},
			[]string{`{"a":"x"}`, `{"a":["x","10.0.0.1"]}`, `{}`, `{"a":[]}`, `{"a":{}}`},
		},
		{
			`{"a":[{"anything-but":[1,2.5]}]}`,
			[]string{`{"a":2}`, `{"a":"1"}`, `{"a":1e400}`, `{"a":null}`},
			[]string{`{"a":1.0}`, `{"a":25e-1}`, `{}`},
		},
		{
			`{"a":[{"anything-but":{"prefix":["ab","cd"]}}],"b":[{"anything-but":{"suffix":".png"}}]}`,
			[]string{`{"a":"x","b":"x.jpg"}`, `{"a":1,"b":2}`, `{"a":["ab","x"],"b":null}`},
			[]string{`{"a":"abx","b":"x.jpg"}`, `{"a":"x","b":"x.png"}`, `{"a":"x"}`},
		},
		{
			`{"a":[{"anything-but":{"equals-ignore-case":["ab"]}}],"b":[{"anything-but":{"wildcard":"*/lib/*"}}]}`,
			[]string{`{"a":"abc","b":"/lib"}`, `{"a":1,"b":""}`},
			[]string{`{"a":"AB","b":"x"}`, `{"a":"x","b":"/a/lib/b"}`},
		},
		{ // only leaves exist
			`{"a":{"b":[{"exists":true}]}}`,
			[]string{`{"a":{"b":null}}`, `{"a":[{"b":1},{"c":1}]}`, `{"a.b":""}`},
			[]string{`{"a":{"b":{}}}`, `{"a":{"b":[[],{}]}}`, `{"a":{"b":{"c":1}}}`, `{"a":1}`},
		},
		{
			`{"a":{"b":[{"exists":false}]}}`,
			[]string{`{}`, `{"a":1}`, `{"a":{"b":{}}}`, `{"a":{"b":[[]]}}`},
			[]string{`{"a":{"b":null}}`, `{"a":{"b":{},"b":1}}`, `{"a.b":0}`, `{"a":[1,{"b":2}]}`},
		},
		{
			`{"a":["x",{"exists":false}]}`,
			[]string{`{}`, `{"a":"x"}`, `{"a":["y","x"]}`},
			[]string{`{"a":"y"}`},
		},
		{ // fields of one element of an array
			`{"e":{"f":["b"],"l":["2"]}}`,
			[]string{`{"e":{"f":"b","l":"2"}}`, `{"e":[[{"f":"a","l":"1"},{"f":"b","l":"2"}]]}`, `{"e":[{"f":"b"}],"e":[{"l":"2"}]}`, `{"e":{"f":["a","b"],"l":["2","3"]}}`},
			[]string{`{"e":[{"f":"a","l":"2"},{"f":"b","l":"1"}]}`, `{"e":[{"f":"b"},{"l":"2"}]}`, `{"e":[[{"f":"b"}],[{"l":"2"}]]}`},
		},
		{ // absence is judged by the fields before it
			`{"a":{"m":["1"],"n":[{"exists":false}],"l":[{"exists":false}]}}`,
			[]string{`{"a":[{"m":"1"},{"n":"2"}]}`},
			[]string{`{"a":[{"m":"1"},{"l":"2"}]}`, `{"a":[{"m":"1","n":2}]}`},
		},
		{ // dots are nesting, on both sides; the last of one path counts
			`{"a.b":["w"],"a":{"b":["x"],"c.d":["y"]}}`,
			[]string{`{"a":{"b":"x","c":{"d":"y"}}}`, `{"a.b":"x","a":{"c.d":"y"}}`, `{"a.b":"x","a.c":[{"d":"y"}]}`},
			[]string{`{"a":{"b":"w","c":{"d":"y"}}}`, `{"a.b":"x"}`},
		},
		{ // empty names
			`{"":{"b":["x"]}}`,
			[]string{`{"b":"x"}`},
			[]string{`{"":{"b":"x"}}`},
		},
		{
			`{"a":{"":["x"]}}`,
			[]string{`{"a.":"x"}`},
			[]string{`{"a":{"":"x"}}`},
		},
		{
			`{"a":{"":{"b":["x"]}}}`,
			[]string{`{"a":{"":{"b":"x"}}}`, `{"a..b":"x"}`},
			[]string{`{"a":{"b":"x"}}`},
		},
		{
			`{"$or":[{"a":["x"]},{"d":{"$or":[{"b":["y"]},{"c":["z"]}]},"e":[1]}],"s":[1]}`,
			[]string{`{"a":"x","s":1}`, `{"d":{"b":"y"},"e":1,"s":1}`, `{"d":{"c":"z"},"e":1,"s":1}`},
			[]string{`{"a":"x"}`, `{"d":{"c":"z"},"s":1}`, `{"e":1,"s":1}`, `{}`},
		},
		{ // a branch overrides what is before, what is after overrides the branch
			`{"a":["1"],"$or":[{"a":["2"]},{"b":["3"]}],"b":["4"]}`,
			[]string{`{"a":"2","b":"4"}`, `{"a":"1","b":"4"}`},
			[]string{`{"a":"1","b":"3"}`, `{"a":"2","b":"3"}`},
		},
	} {
		m, err := c.pattern.Compile()
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		for want, events := range map[bool][]string{true: c.matches, false: c.misses} {
			for _, event := range events {
				if got, err := m.Match([]byte(event)); got != want || err != nil {
					t.Errorf("%s\nmatches %s: %v (%v), want %v", c.pattern, event, got, err, want)
				}
			}
		}
	}
}

// TestOddities has the three oddities of the engine that the documentation of the package lists.
func TestOddities(t *testing.T) {
	tests := []struct {
		pattern Pattern
		event   string
		want    bool
	}{
		// Addresses are compared by their digits, whatever the family.
		{`{"a":[{"cidr":"0.0.0.0/0"}]}`, `{"a":"::1"}`, true},
		{`{"a":[{"cidr":"32.1.13.0/24"}]}`, `{"a":"2001:db8::1"}`, true},
		{`{"a":["0.0.0.0"]}`, `{"a":"::"}`, true},
		{`{"a":[{"cidr":"16.32.48.0/24"}]}`, `{"a":10203040}`, true},
		{`{"a":[{"cidr":"16.32.48.0/24"},{"numeric":["=",1]}]}`, `{"a":10203040}`, false},
		{`{"a":[{"cidr":"16.32.48.0/24"}]}`, `{"a":"10203040"}`, false},
		// A character outside the Basic Multilingual Plane is two question marks without case.
		{`{"a":[{"equals-ignore-case":"😀"}]}`, `{"a":"😀"}`, false},
		{`{"a":[{"equals-ignore-case":"😀"}]}`, `{"a":"??"}`, true},
		{`{"a":[{"prefix":{"equals-ignore-case":"x😀"}}]}`, `{"a":"X??y"}`, true},
		{`{"a":["😀"]}`, `{"a":"\ud83d\ude00"}`, true},
		// Half of a surrogate pair is itself, in every matcher.
		{`{"a":["\ud83d"]}`, `{"a":"\ud83d"}`, true},
		{`{"a":["\ud83d"]}`, `{"a":"\ud83e"}`, false},
		{`{"a":[{"prefix":"\ud83d"}]}`, `{"a":"\ud83dx"}`, true},
		{`{"a":[{"prefix":"\ud83d"}]}`, `{"a":"?x"}`, false},
		{`{"a":[{"wildcard":"?*"}]}`, `{"a":"\ud83dx"}`, false},
	}
	for _, test := range tests {
		m, err := test.pattern.Compile()
		if err != nil {
			t.Errorf("%s: %v", test.pattern, err)
			continue
		}
		if got, err := m.Match([]byte(test.event)); got != test.want || err != nil {
			t.Errorf("%s, %s: got %v (%v), want %v", test.pattern, test.event, got, err, test.want)
		}
	}
}

func TestPatternErrors(t *testing.T) {
	for pattern, want := range map[string]string{
		``:           "line 1, column 1: Filter is not an object",
		`[{"a":1}]`:  "line 1, column 1: Filter is not an object",
		`{}`:         "line 1, column 1: Empty objects are not allowed",
		`{"a":"x"}`:  `line 1, column 6: "a" must be an object or an array`,
		`{"a":[[]]}`: "line 1, column 7: Match value must be String, number, true, false, or null",
		"{\n  \"é\": [{\"numeric\": [\">\", 5, \"<\", 5]}]\n}":           "line 2, column 35: Bottom must be less than top",
		`{"a":[{"numeric":["<",5,">",1]}]}`:                              "line 1, column 25: Too many elements in numeric expression",
		`{"a":[{"numeric":[">",1,"<",2,3]}]}`:                            "line 1, column 31: Too many terms in numeric range expression",
		`{"a":[{"numeric":[">",1,">",2]}]}`:                              "line 1, column 25: Bad numeric range operator: >",
		`{"a":[{"numeric":["="]}]}`:                                      "line 1, column 18: Value of equals must be numeric",
		`{"a":[{"numeric":[]}]}`:                                         "line 1, column 18: Invalid member in numeric match: ]",
		`{"a":[{"EXISTS":true}]}`:                                        "line 1, column 8: Unrecognized match type EXISTS",
		`{"a":[{"prefix":{"x":"y"}}]}`:                                   "line 1, column 18: Unsupported prefix pattern: x",
		`{"a":[{"prefix":{"equals-ignore-case":"y","x":1}}]}`:            "line 1, column 43: Only one key allowed in match expression",
		`{"a":[{"anything-but":{}}]}`:                                    "line 1, column 23: Anything-But expression name not found",
		`{"a":[{"anything-but":{"prefix":{"equals-ignore-case":"x"}}}]}`: "line 1, column 33: Value of anything-but must be an array or single string/number value.",
		`{"a":[{"cidr":"10.0.0.1/32"}]}`:                                 "line 1, column 15: IPv4 mask bits must be < 32",
		`{"a":[{"cidr":"::1/128"}]}`:                                     "line 1, column 15: IPv6 mask bits must be < 128",
		`{"a":[{"cidr":"10.0.0.1"}]}`:                                    "line 1, column 15: Malformed CIDR, one '/' required",
		`{"a":[{"cidr":"10.0.0.1/-1"}]}`:                                 "line 1, column 15: Malformed CIDR, mask bits must not be negative",
		`{"a":[{"cidr":"10.0.0.256/8"}]}`:                                "line 1, column 15: Invalid IP address: 10.0.0.256",
		`{"a":[{"wildcard":"x\\"}]}`:                                     "line 1, column 19: Invalid escape character at pos 2",
		`{"$or":[{"a":["x"]}]}`:                                          "line 1, column 8: There must have at least 2 Objects in $or relationship.",
		`{"d":{"$or":[{"cidr":["x"]},{"a":["y"]}]}}`:                     "line 1, column 15: cidr is Ruler reserved fieldName which cannot be used inside $or.",
		`{"a":["x"],}`:                                                   "line 1, column 12: unexpected character '}', want a member name in double quotes",
		`{"a":["x"`:                                                      "line 1, column 10: unexpected end of text, want ',' or ']'",
		`{"a":[01]}`:                                                     "line 1, column 8: unexpected character '1', want ',' or ']'",
		`{"a":["\x"]}`:                                                   "line 1, column 8: invalid escape in a string",
		`{"a":["\u12g4"]}`:                                               `line 1, column 8: \u wants four hexadecimal digits`,
		"{\"a\":[\"\t\"]}":                                               `line 1, column 8: control character '\t' in a string must be escaped`,
	} {
		_, err := Pattern(pattern).Compile()
		if err == nil || err.Error() != "compile event pattern: "+want {
			t.Errorf("%s\ngot  %v\nwant compile event pattern: %s", pattern, err, want)
		}
	}
}

// TestPatternErrorOrder has patterns with two faults, of which the engine names a certain one.
func TestPatternErrorOrder(t *testing.T) {
	for pattern, want := range map[Pattern]string{
		`{"a":[{"numeric":["=",1],"x":1}]}`:                   `Too many elements in numeric expression`,
		`{"a":[{"anything-but":1,"x":1}]}`:                    `Too many elements in numeric expression`,
		`{"a":[{"anything-but":{"prefix":"y","x":1}}]}`:       `Too many elements in numeric expression`,
		`{"a":[{"prefix":"y","x":1}]}`:                        `Only one key allowed in match expression`,
		`{"a":[{"prefix":{"equals-ignore-case":"y","x":1}}]}`: `Only one key allowed in match expression`,
		`{"a":[{"numeric":[">",9e324,""]}]}`:                  `Bad numeric range operator: `,
		`{"a":[{"numeric":["<",57015956499195752,1]}]}`:       `Too many elements in numeric expression`,
		`{"a":[{"numeric":[">",1,"<",9007199254740993,1]}]}`:  `Too many terms in numeric range expression`,
		`{"a":[{"anything-but":{"suffix":["",1]}}]}`:          `Null prefix/suffix not allowed`,
		`{"a":[{"anything-but":{"wildcard":["**",1]}}]}`:      `wildcard match pattern must be a string`,
	} {
		_, err := pattern.Compile()
		var syntax *SyntaxError
		if !errors.As(err, &syntax) || syntax.Message != want {
			t.Errorf("%s: got %v, want %s", pattern, err, want)
		}
	}
}

func TestPatternBounds(t *testing.T) {
	fields := func(n int) string {
		var list []string
		for i := range n {
			list = append(list, fmt.Sprintf(`"f%d":[1]`, i))
		}
		return strings.Join(list, ",")
	}
	ten := `[` + strings.TrimSuffix(strings.Repeat(`{"a":[1]},`, 10), ",") + `]`
	thousand := `"$or":` + ten + `,"x":{"$or":` + ten + `},"y":{"$or":` + ten + `}`
	for text, want := range map[string]string{
		`{` + fields(256) + `}`:                          "",
		`{` + fields(257) + `}`:                          "size of rule exceeds max value of 256 fields",
		`{` + thousand + `}`:                             "",
		`{` + thousand + `,"$or":[{"b":[1]},{"b":[2]}]}`: "$or expands to more than 1000 sub-rules",
		`{` + thousand + `,` + strings.Repeat(`"z":[1],`, 1100) + `"z":[1]}`:                          "the pattern expands to too many fields",
		strings.Repeat(`{"a":`, 900) + `["x"]` + strings.Repeat(`}`, 900):                             "",
		strings.Repeat(`{"a":`, maxDepth+1) + `["x"]` + strings.Repeat(`}`, maxDepth+1):               "nested more than 10000 deep",
		`{` + fields(250) + `,` + strings.Repeat(`"$or":[{`, 4900) + strings.Repeat(`}]`, 4900) + `}`: "the pattern expands to too many fields",
	} {
		_, err := Pattern(text).Compile()
		var syntax *SyntaxError
		if errors.As(err, &syntax); (err == nil) != (want == "") || err != nil && syntax.Message != want {
			t.Errorf("%.60s... (%d bytes): %v, want %q", text, len(text), err, want)
		}
	}
}

func TestMalformedEvents(t *testing.T) {
	m, err := Pattern(`{"a":["x"]}`).Compile()
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range []string{
		``, `[]`, `"a"`, `{`, `{"a":"x"`, `{"a":"x","b":01}`, `{"a":"x","b":{"c":[tru]}}`, `{"a":"x",}`, `{a:1}`,
		`{"a":"x","b":"\ud8"}`, "{\"a\":\"x\",\"b\":\"\n\"}", "\ufeff{}", `{"b":` + strings.Repeat("[", 1<<20),
	} {
		var syntax *SyntaxError
		if matched, err := m.Match([]byte(event)); matched || !errors.As(err, &syntax) {
			t.Errorf("%.40s: matched %v, error %v; want a syntax error", event, matched, err)
		}
	}
}

func TestCloudTrailPattern(t *testing.T) {
	got := CloudTrail("s3", "PutBucketPolicy", "DeleteBucketPolicy")
	want := Pattern(`{"source":["aws.s3"],"detail-type":["AWS API Call via CloudTrail"],` +
		`"detail":{"eventSource":["s3.amazonaws.com"],"eventName":["PutBucketPolicy","DeleteBucketPolicy"],` +
		`"errorCode":[{"exists":false}]}}`)
	if got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	const event = `{"source":"aws.s3","detail-type":"AWS API Call via CloudTrail",
		"detail":{"eventSource":"s3.amazonaws.com","eventName":"PutBucketPolicy"%s}}`
	for _, p := range []Pattern{got, CloudTrail("s3")} {
		m, err := p.Compile()
		if err != nil {
			t.Fatal(err)
		}
		if ok, err := m.Match(fmt.Appendf(nil, event, "")); !ok || err != nil {
			t.Errorf("%s does not match a call (%v)", p, err)
		}
		if ok, err := m.Match(fmt.Appendf(nil, event, `,"errorCode":"AccessDenied"`)); ok || err != nil {
			t.Errorf("%s matches a call that failed (%v)", p, err)
		}
	}
	if _, err := CloudTrail("\"\\\x00\xff", "\n", "").Compile(); err != nil {
		t.Errorf("odd names make a pattern that does not compile: %v", err)
	}
}

func TestExplain(t *testing.T) {
	for _, c := range []struct{ pattern, event, want string }{
		{`{"b":["x"],"a":["y"]}`, `{"a":"y","b":"x"}`, ""},
		{`{"b":["x"],"a":["y"]}`, `{}`, "b"},
		{`{"b":["x"],"a":{"c":["y"]}}`, `{"b":"x"}`, "a.c"},
		{`{"a":{"x":[1],"y":[2]}}`, `{"a":[{"x":1},{"y":2}]}`, DifferentElements},
		{`{"a":{"x":[{"exists":false}],"y":[2]}}`, `{"a":[{"x":1},{"y":3}]}`, "a.y"},
		{`{"a":{"x":[{"exists":false}],"y":[2]}}`, `{"a":[{"x":1},{"y":2}]}`, "a.x"},
		{`{"n":["x"],"errorCode":[{"exists":false}]}`, `{"n":"x","errorCode":"e"}`, "errorCode"},
		{`{"$or":[{"a":[1]},{"b":[1]}],"c":[1]}`, `{"b":1}`, "c"},
		{`{"$or":[{"a":[1]},{"b":[1]}],"c":[1]}`, `{"c":1}`, "a"},
		{`{"a":["x"],"b":[1],"a":["y"]}`, `{}`, "b"},
		{`{"":["x"]}`, `{}`, `""`},
	} {
		m, err := Pattern(c.pattern).Compile()
		if err != nil {
			t.Fatal(err)
		}
		matched, field, err := m.Explain([]byte(c.event))
		if field != c.want || matched != (c.want == "") || err != nil {
			t.Errorf("%s on %s: %v, %q (%v), want %q", c.pattern, c.event, matched, field, err, c.want)
		}
	}
}

// TestExplainAgrees checks on the corpus that Explain and Match decide alike and that a miss is always explained.
func TestExplainAgrees(t *testing.T) {
	for _, c := range corpus(t) {
		m, err := c.Pattern.Compile()
		if err != nil {
			continue
		}
		matched, field, err := m.Explain([]byte(c.Event))
		if fmt.Sprint(matched) != c.want() || matched != (field == "") || err != nil {
			t.Errorf("%s: %v, %q (%v)", c.ID, matched, field, err)
		}
	}
}

// TestManyPaths has more names at one place than are searched one after the other.
func TestManyPaths(t *testing.T) {
	var pattern strings.Builder
	for i := range 3 * fewSteps {
		fmt.Fprintf(&pattern, `"n%d":{"x":[1]},"m%d.y":[2],`, i, i)
	}
	m, err := Pattern(`{` + pattern.String() + `"":[3]}`).Compile()
	if err != nil {
		t.Fatal(err)
	}
	var nested, dotted strings.Builder
	for i := range 3 * fewSteps {
		fmt.Fprintf(&nested, `"m%d":{"y":2},"n%d":{"x":1,"z":0},"o%d.y":2,`, i, i, i)
		fmt.Fprintf(&dotted, `"n%d.x":1,"m%d.y":2,"m%d.z":0,`, i, i, i)
	}
	for event, want := range map[string]bool{
		`{` + nested.String() + `"":3}`:  true,
		`{` + dotted.String() + `"":3}`:  true,
		`{` + nested.String() + `"n":3}`: false,
		`{` + dotted.String() + `".":3}`: false,
	} {
		if got, err := m.Match([]byte(event)); got != want || err != nil {
			t.Errorf("%s: got %v (%v), want %v", event, got, err, want)
		}
	}
}

// TestFoldUnambiguous checks what matching without case relies on: of the two cases of a character, neither begins
// nor ends as the other does.
func TestFoldUnambiguous(t *testing.T) {
	for r := rune(0); r <= 0xFFFF; r++ {
		f := foldRune(r, string(r))
		if f.lower == f.upper {
			continue
		}
		for _, cut := range []func(s, t string) bool{strings.HasPrefix, strings.HasSuffix} {
			if cut(f.lower, f.upper) || cut(f.upper, f.lower) {
				t.Errorf("%U: %+q and %+q", r, f.lower, f.upper)
			}
		}
	}
	if !slices.IsSortedFunc(longUppers[:], func(a, b longUpper) int { return int(a.of - b.of) }) {
		t.Error("longUppers is not in order")
	}
}

func TestComparePaths(t *testing.T) {
	// By UTF-16 units U+1F600 (D83D DE00) comes before U+FF5E, by code points after it.
	sorted := []string{"", "a", "a-b", "a.b", "é", "\U0001F600", "\uff5e", "\uff5ea"}
	if got := slices.SortedFunc(slices.Values([]string{"\uff5ea", "é", "a.b", "\U0001F600", "a", "\uff5e", "", "a-b"}), comparePaths); !slices.Equal(got, sorted) {
		t.Errorf("got %q", got)
	}
}
