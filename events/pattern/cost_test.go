package pattern

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// alternating is n elements, or members, one of each in turn.
func alternating(n int, items ...string) string {
	var list strings.Builder
	for i := range n {
		if i > 0 {
			list.WriteByte(',')
		}
		list.WriteString(items[i%len(items)])
	}
	return list.String()
}

// alternatives is a $or of n branches, each a field that wants its number or what else is given.
func alternatives(n int, field, other string) string {
	var branches []string
	for i := range n {
		branches = append(branches, fmt.Sprintf(`{"%s":[%d,%s]}`, field, i, other))
	}
	return `"$or":[` + strings.Join(branches, ",") + `]`
}

// TestHostileEvents has events that would take minutes if the time grew with the square of their size, or with the
// product of their arrays. It has no clock: it ends or it doesn't.
func TestHostileEvents(t *testing.T) {
	const perElement = `{"a":{"p":[1],"q":[{"exists":false}]}}`
	const four = `{"a":{"p":[1],"q":[1],"r":[1],"s":[1]}}`
	manyRules := Pattern(`{"e":{` + alternatives(30, "f", `"b"`) + `},"e.l":["2"],` +
		alternatives(30, "g", `{"exists":false}`) + `}`)
	nested := func(inside string) string {
		return `{"e":` + strings.Repeat("[", 900) + inside + strings.Repeat("]", 900) + `}`
	}
	thrice := func(elements string) string { return `{` + alternating(3, `"a":[`+elements+`]`) + `}` }
	for name, c := range map[string]struct {
		pattern Pattern
		event   string
		want    string // or too many combinations, where bounded
		bounded bool
	}{
		"one rule wanted by many values": {
			`{"a":["x"],"b":[{"prefix":"q"}]}`,
			`{"a":[` + alternating(50_000, `"x"`) + `],"b":[` + alternating(50_000, `1`) + `]}`, "false", false,
		},
		"crossed elements": {
			`{"e":{"f":["b"],"l":["2"]}}`, `{"e":[` + alternating(20_000, `{"f":"b"}`, `{"l":"2"}`) + `]}`, "false", false,
		},
		"crossed elements, and one that is right": {
			`{"e":{"f":["b"],"l":["2"]}}`,
			`{"e":[` + alternating(20_000, `{"f":"b"}`, `{"l":"2"}`) + `,{"f":"b","l":"2"}]}`, "true", false,
		},
		"crossed elements of inner arrays": {
			`{"e":{"f":{"g":["b"]},"l":{"m":["2"]}}}`,
			`{"e":[` + alternating(20_000, `{"f":[{"g":"b"},{"g":"c"}],"l":[{"m":"1"}]}`, `{"l":[{"m":"2"}]}`) + `]}`,
			"false", false,
		},
		"arrays one after the other": {
			`{"e":{"f":["b"],"l":["2"]}}`,
			`{"e":[` + alternating(10_000, `[{"f":"b"},{"l":"2"}]`) + `]}`, "false", false,
		},
		"arrays nested deep": {
			`{"e":{"f":["b"],"l":["2"]}}`, nested(alternating(200, `{"f":"b"}`, `{"l":"2"}`)), "false", false,
		},
		"arrays nested deep, around one element that is right": {
			`{"e":{"f":["b"],"l":["2"]}}`,
			nested(alternating(200, `{"f":"b"}`, `{"l":"2"}`) + `,{"f":"b","l":"2"}`), "true", false,
		},
		"absent from no element": {perElement, `{"a":[` + alternating(20_000, `{"p":1,"q":1}`) + `]}`, "false", false},
		"absent from the last element": {
			perElement, `{"a":[` + alternating(20_000, `{"p":1,"q":1}`) + `,{"p":1}]}`, "true", false,
		},
		"absent from the first element": {
			perElement, `{"a":[{"p":1},` + alternating(20_000, `{"p":1,"q":1}`) + `]}`, "true", false,
		},
		"absent from no element, behind arrays nested deep": {
			perElement,
			`{"a":[` + strings.Repeat("[", 2_000) + `{"q":1}` + strings.Repeat("]", 2_000) + `,` +
				alternating(3_000, `{"p":1,"q":1}`) + `]}`, "false", true,
		},
		"many rules crossed": {manyRules, `{"e":[` + alternating(200, `{"f":"b"}`, `{"l":"2"}`) + `]}`, "false", false},
		"many rules crossed, many elements": {
			manyRules, `{"e":[` + alternating(2_000, `{"f":"b"}`, `{"l":"2"}`) + `]}`, "false", true,
		},
		"several arrays at a path, enough for the fields": {
			four, thrice(alternating(1_000, `{"p":1,"q":1,"r":1}`) + `,{"s":1}`), "true", true,
		},
		"several arrays at a path, fewer than the fields": {
			four, thrice(alternating(1_000, `{"p":1}`, `{"q":1}`, `{"r":1}`) + `,{"s":1}`), "false", true,
		},
		"several arrays at a path, none with the last field outside of the first": {
			four, `{"a":[` + alternating(1_000, `{"p":1}`) + `,{"s":1}],` +
				alternating(2, `"a":[`+alternating(1_000, `{"q":1}`, `{"r":1}`)+`]`) + `}`, "false", true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := c.pattern.Compile()
			if err != nil {
				t.Fatal(err)
			}
			matched, err := m.Match([]byte(c.event))
			if c.bounded && err != nil && strings.Contains(err.Error(), "too many combinations") {
				return
			}
			if err != nil || strconv.FormatBool(matched) != c.want {
				t.Errorf("got %v (%v), want %s", matched, err, c.want)
			}
			askEdge(t, edgeCase{c.pattern, c.event, c.want})
		})
	}
}

// TestHostileEventInSet has a call with many permissions, none of them what the first of two patterns wants, and a
// second pattern of the same call.
func TestHostileEventInSet(t *testing.T) {
	const head = `{"source":["aws.ec2"],"detail":{"eventName":["AuthorizeSecurityGroupIngress"],`
	set, err := NewSet(map[string]Pattern{
		"open": head + `"requestParameters":{"ipPermissions":{"items":{"ipProtocol":["tcp"],` +
			`"ipRanges":{"items":{"cidrIp":["0.0.0.0/0"]}}}}}}}`,
		"any": head + `"errorCode":[{"exists":false}]}}`,
	})
	if err != nil {
		t.Fatal(err)
	}
	const tcp = `{"ipProtocol":"tcp","fromPort":22,"ipRanges":{"items":[{"cidrIp":"10.0.0.0/8"},{"cidrIp":"192.0.2.0/24"}]}}`
	const open = `{"ipProtocol":"udp","fromPort":53,"ipRanges":{"items":[{"cidrIp":"198.51.100.0/24"},{"cidrIp":"0.0.0.0/0"}]}}`
	for more, want := range map[string]string{
		``: "[any]",
		`,{"ipProtocol":"tcp","ipRanges":{"items":[{"cidrIp":"0.0.0.0/0"}]}}`: "[any open]",
	} {
		event := `{"source":"aws.ec2","detail":{"eventName":"AuthorizeSecurityGroupIngress",` +
			`"requestParameters":{"groupId":"sg-1","ipPermissions":{"items":[` + alternating(2_000, tcp, open) + more + `]}}}}`
		if names, err := set.Match([]byte(event)); fmt.Sprint(names) != want || err != nil {
			t.Errorf("got %v (%v), want %s", names, err, want)
		}
	}
}

// TestHostilePatterns has patterns whose paths, sub-rules and fields multiply. To compile them may be refused, but not
// take long, and no more may their matcher.
func TestHostilePatterns(t *testing.T) {
	deep := func(n int, inside string) string {
		return strings.Repeat(`{"a":`, n) + `{` + inside + `}` + strings.Repeat(`}`, n)
	}
	var fields []string
	for i := range 200 {
		fields = append(fields, fmt.Sprintf(`"%d":[1]`, i))
	}
	ten := `"$or":[` + alternating(10, `{"x":[1]}`) + `]`
	for name, pattern := range map[string]string{
		"deep paths, many sub-rules":      deep(500, alternating(3, ten)+`,`+strings.Join(fields, ",")),
		"deep paths, then many sub-rules": deep(500, strings.Join(fields, ",")+`,`+alternating(3, ten)),
		"one deep path, often":            deep(5_000, alternating(20_000, `"z":[1]`)),
		"one long name, often":            `{` + alternating(20, `"`+strings.Repeat("a.", 5_000)+`z":[1]`) + `}`,
	} {
		t.Run(name, func(t *testing.T) {
			m, err := Pattern(pattern).Compile()
			if err != nil {
				t.Logf("%d bytes: %v", len(pattern), err)
				return
			}
			event := strings.Repeat(`{"a":`, 5_000) + `{"x":1,"z":1}` + strings.Repeat(`}`, 5_000)
			if _, err := m.Match([]byte(event)); err != nil {
				t.Error(err)
			}
		})
	}
}
