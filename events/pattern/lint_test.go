package pattern

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// lintCase is a pattern and what Lint says of it: one string for each problem, with its place, its path and a part of
// its message.
type lintCase struct {
	pattern Pattern
	want    []string
}

func runLint(t *testing.T, cases []lintCase) {
	t.Helper()
	for _, c := range cases {
		problems, err := c.pattern.Lint()
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		if len(problems) != len(c.want) {
			t.Errorf("%s: %d problems, want %d: %v", c.pattern, len(problems), len(c.want), problems)
			continue
		}
		for i, p := range problems {
			place, message, _ := strings.Cut(c.want[i], "|")
			if !strings.HasPrefix(p.String(), place) || !strings.Contains(p.Message, message) {
				t.Errorf("%s:\n got  %s\n want %s ... %s", c.pattern, p, place, message)
			}
		}
	}
}

// in is a pattern of calls to S3 with one more field, in its second line.
func in(field string) Pattern {
	return Pattern(`{"source":["aws.s3"],"detail-type":["AWS API Call via CloudTrail"],"detail":{` +
		`"eventSource":["s3.amazonaws.com"],` + "\n" + field + `}}`)
}

func TestProblemString(t *testing.T) {
	for want, p := range map[string]Problem{
		"line 2, column 3: too long":                  {Line: 2, Column: 3, Message: "too long"},
		"line 2, column 3: detail.eventName: unknown": {Line: 2, Column: 3, Path: "detail.eventName", Message: "unknown"},
	} {
		if p.String() != want {
			t.Errorf("%s, want %s", p, want)
		}
	}
}

func TestLintFindsNothing(t *testing.T) {
	for _, p := range []Pattern{
		CloudTrail("s3"),
		CloudTrail("s3", "PutBucketPolicy", "PutBucketPublicAccessBlock", "DeleteAccountPublicAccessBlock"),
		CloudTrail("iam", "CreateUser"),
		CloudTrail("lambda", "AddPermission20150331v2", "CreateFunction20150331"),
		CloudTrail("unheard-of", "DoAsYouLike"),
		`{"source":["aws.health"],"detail-type":["AWS Health Event"]}`,
	} {
		if problems, err := p.Lint(); err != nil || len(problems) > 0 {
			t.Errorf("%s: %v, %v", p, problems, err)
		}
	}
}

func TestLintErrors(t *testing.T) {
	const advice = " (a single address is written as a string of its own, without a mask)"
	for pattern, want := range map[Pattern]string{
		`{"source":[]}`: "compile event pattern: line 1, column 11: Empty arrays are not allowed",
		`{"a":[{"cidr":"10.0.0.1/32"}]}`: "compile event pattern: line 1, column 15: IPv4 mask bits must be < 32" +
			advice,
		`{"a":[{"cidr":"::1/128"}]}`: "compile event pattern: line 1, column 15: IPv6 mask bits must be < 128" +
			advice,
	} {
		if _, err := pattern.Lint(); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", pattern, err, want)
		}
	}
}

// ofLength is a pattern of n characters, some of which have several bytes.
func ofLength(n int) Pattern {
	const before, after = `{"source":["aws.s3","aws.äöü`, `"]}`
	return Pattern(before + strings.Repeat("x", n-utf8.RuneCountInString(before+after)) + after)
}

func TestLintLength(t *testing.T) {
	long := in(`"requestParameters":{"a":["` + strings.Repeat("x", mostCharacters) + `"]}, "a":[{"exists":true}], "a.b":[1]`)
	runLint(t, []lintCase{
		{ofLength(2048), nil},
		{ofLength(2049), []string{"line 1, column 1: the pattern has 2049|takes 2048 (4096 if AWS is asked"}},
		{long, []string{"line 1, column 1: the pattern has"}},
		// Up to the most that can be asked for, the rest is judged too.
		{in(`"b":["` + strings.Repeat("x", 3000) + `"],"userAgent":[{"anything-but":"x"}]`), []string{
			"line 1, column 1: the pattern has", "line 2, column 3023: detail.userAgent: |"}},
		{ofLength(4096) + "x", []string{"line 1, column 1: the pattern has 4097"}},
		{ofLength(4095) + "x", []string{"line 1, column 1: the pattern has 4096", "line 1, column 4096: |text after the end"}},
		// White space counts in strings only.
		{Pattern(strings.ReplaceAll(string(ofLength(2048)), ",", ",\n"+strings.Repeat(" \t\r", 2000))), nil},
		{Pattern(strings.ReplaceAll(string(ofLength(2048)), "[", "[ ")) + " \n", nil},
		{Pattern(strings.ReplaceAll(string(ofLength(2048)), "xx", "x ")), nil},
		{Pattern(strings.ReplaceAll(string(ofLength(2049)), "xx", "x ")), []string{"line 1, column 1: the pattern has 2049 characters, white space"}},
		{Pattern(strings.ReplaceAll(string(ofLength(2049)), "xxxx", `x\" `)), []string{"line 1, column 1: the pattern has 2049"}},
	})
}

func TestLintText(t *testing.T) {
	runLint(t, []lintCase{
		{`{"source":["aws.s3"]} junk`, []string{"line 1, column 23: text after the end|remove it"}},
		{`{"source":["aws.s3"]}}`, []string{"line 1, column 22: text after the end|"}},
		{"{\"source\":[\"aws.s3\"]}\x00", []string{"line 1, column 22: text after the end|"}},
		{"{\"source\":[\"aws.s3\"]} \r\n\t", nil},
		{`{"source":["aws.s3"],"a":["x"],"a":["y"]}`, []string{"line 1, column 32: a: |is set before"}},
		{"{\"source\":[\"aws.s3\"],\"a\":{\"b\":[\"x\"]},\n \"a.b\":[\"y\"]}", []string{"line 2, column 2: a.b: |is set before"}},
		{`{"source":["aws.s3"],"a":["x"],"$or":[{"a":["y"]},{"b":["z"]}]}`, []string{"line 1, column 40: a: |is set before"}},
		{`{"source":["aws.s3"],"$or":[{"a":["y"]},{"b":["z"]}],"b":["x"]}`, []string{"line 1, column 54: b: |is set before"}},
		{`{"source":["aws.s3"],"$or":[{"$or":[{"a":["y"]},{"b":["z"]}]},{"c":["x"]}],"b":["x"]}`, []string{"line 1, column 76: b: |"}},
		{`{"source":["aws.s3"],"$or":[{"a":["y"]},{"a":["z"]}]}`, nil}, // one or the other
		{`{"source":["aws.s3"],"a":{"b":["x"]},"a":{"c":["y"]}}`, nil}, // objects are joined
	})
}

func TestLintNumbers(t *testing.T) {
	bounds := "|between -5,000,000,000 and 5,000,000,000 with up to 6 decimals"
	runLint(t, []lintCase{
		{in(`"a":[5000000000, -5e9, 0.123456, 1.50000000, 1e-6, {"numeric":[">",-5000000000,"<=",5e9]}],"eventID":[{"anything-but":[1]}]`), nil},
		{in(`"a":[5000000000.5]`), []string{"line 2, column 6: detail.a: " + bounds}},
		{in(`"a":[-5000000001]`), []string{"line 2, column 6: detail.a: " + bounds}},
		{in(`"a":[0.1234567]`), []string{"line 2, column 6: detail.a: " + bounds}},
		{in(`"a":[1e-7]`), []string{"line 2, column 6: detail.a: " + bounds}},
		{in(`"a":[1e400]`), []string{"line 2, column 6: detail.a: " + bounds}},
		{in(`"a":[{"numeric":["=",6e9]}]`), []string{"line 2, column 22: detail.a: " + bounds}},
		{in(`"a":[{"numeric":[">",1,"<",6e9]}]`), []string{"line 2, column 28: detail.a: " + bounds}},
		{in(`"eventID":[{"anything-but":[1,6e9]}]`), []string{"line 2, column 31: detail.eventID: " + bounds}},
		{in(`"eventID":[{"anything-but":6e9}]`), []string{"line 2, column 28: detail.eventID: " + bounds}},
	})
}

func TestLintFolding(t *testing.T) {
	runLint(t, []lintCase{
		{in(`"a":[{"equals-ignore-case":"äß` + "\uffff" + `"}, {"prefix":"😀"}, "😀"]`), nil},
		{in(`"a":[{"equals-ignore-case":"a😀"}]`), []string{"line 2, column 28: detail.a: |match it exactly"}},
		{in(`"a":[{"prefix":{"equals-ignore-case":"😀"}}]`), []string{"line 2, column 38: detail.a: |two question marks"}},
		{in(`"a":[{"suffix":{"equals-ignore-case":"\ud83d\ude00"}}]`), []string{"line 2, column 38: detail.a: |"}},
		{in(`"eventID":[{"anything-but":{"equals-ignore-case":["a","😀"]}}]`), []string{"line 2, column 55: detail.eventID: |"}},
	})
}

func TestLintMixtures(t *testing.T) {
	runLint(t, []lintCase{
		{in(`"a":["x",{"numeric":["<",5]}]`), []string{"line 2, column 10: detail.a: |may then miss events"}},
		{in(`"a":[{"numeric":["<=",5]},{"prefix":"x"}]`), []string{"line 2, column 6: detail.a: |"}},
		{in(`"eventID":[{"numeric":["<",5]},{"anything-but":["x"]}]`), []string{"line 2, column 12: detail.eventID: |"}},
		{in(`"eventID":[{"numeric":["<",5]},{"anything-but":{"suffix":"x"}}]`), []string{"line 2, column 12: detail.eventID: |"}},
		{in(`"$or":[{"a":["x"]},{"a":[{"numeric":["<",5]}]}]`), []string{"line 2, column 26: detail.a: |"}},
		{in(`"a":["x",{"numeric":[">",5]}]`), nil},
		{in(`"a":["x",{"numeric":[">=",0,"<",5]}]`), nil},
		{in(`"a":[null,7,{"exists":true},{"numeric":["<",5]}]`), nil},
		{in(`"eventID":[{"numeric":["<",5]},{"anything-but":[7,8]}]`), nil},
		{in(`"a":["x"],"b":[{"numeric":["<",5]}]`), nil},
	})
}

func TestLintAbsence(t *testing.T) {
	blind := `|is blind to the others: add {"exists": false}`
	runLint(t, []lintCase{
		{in(`"userIdentity":{"sessionContext":{"sessionIssuer":{"arn":[{"anything-but":["x"]}]}}}`),
			[]string{"line 2, column 59: detail.userIdentity.sessionContext.sessionIssuer.arn: " + blind}},
		{in(`"userIdentity":{"type":[{"anything-but":{"prefix":"x"}}]}`), []string{"line 2, column 25: detail.userIdentity.type: " + blind}},
		{in(`"userAgent":["x",{"anything-but":"x"}]`), []string{"line 2, column 18: detail.userAgent: " + blind}},
		{in(`"userAgent":[{"exists":false},{"anything-but":"x"}]`), nil},
		{in(`"userAgent":["x",{"exists":false}]`), nil},
		{in(`"$or":[{"userAgent":[{"exists":false}]},{"userAgent":[{"anything-but":"x"}]}]`), nil}, // one alternative takes it
		{in(`"$or":[{"userIdentity":{"arn":[{"exists":false}]}},{"userAgent":[{"anything-but":"x"}]}]`), []string{
			"line 2, column 66: detail.userAgent: " + blind}},
		{in(`"errorCode":[{"anything-but":"Client.Throttling"}],"errorMessage":[{"anything-but":{"prefix":"x"}}]`), nil},
		{in(`"eventName":["PutBucketAcl"],"requestParameters":{"a":{"b":[{"anything-but":"x"}]}},"responseElements":{"c":[{"anything-but":1}]}`), nil},
		{in(`"eventName":[{"prefix":"Put"}],"requestParameters":{"a":[{"anything-but":"x"}]}`), []string{
			"line 2, column 58: detail.requestParameters.a: " + blind}},
		{in(`"eventName":["PutBucketAcl"],"additionalEventData":{"a":[{"anything-but":"x"}]}`), []string{
			"line 2, column 58: detail.additionalEventData.a: " + blind}},
		{in(`"responseElements":{"a":[{"anything-but":"x"}]}`), []string{"line 2, column 26: detail.responseElements.a: " + blind}},
		{`{"source":["aws.s3"],"account":[{"anything-but":"1"}],"region":[{"anything-but":"x"}]}`, nil},
		{`{"source":["aws.s3"],"resources":[{"anything-but":"1"}]}`, []string{"line 1, column 35: resources: " + blind}},
		{`{"source":["aws.ec2"],"detail-type":["EC2 Spot"],"detail":{"state":[{"anything-but":"x"}]}}`, nil}, // who knows its fields?
	})
}

// TestLintIdentity has the fields of userIdentity that a type of identity has, and those that it may lack.
func TestLintIdentity(t *testing.T) {
	all := []string{"arn", "accountId", "principalId", "userName", "sessionContext.sessionIssuer.arn", "invokedBy"}
	for types, has := range map[string]string{
		`"AssumedRole"`:               "arn accountId principalId sessionContext.sessionIssuer.arn",
		`{"exactly":"AssumedRole"}`:   "arn accountId principalId sessionContext.sessionIssuer.arn",
		`"IAMUser"`:                   "arn accountId principalId userName",
		`"Root"`:                      "arn accountId principalId",
		`"Root","IAMUser"`:            "arn accountId principalId",
		`"AWSService"`:                "",
		`"Root","AWSService"`:         "",
		`"Root",{"prefix":"Assumed"}`: "",
	} {
		for _, name := range all {
			field := `"userIdentity.type":[` + types + `],"userIdentity.` + name + `":[{"anything-but":"x"}]`
			problems, err := in(field).Lint()
			if want := !slices.Contains(strings.Fields(has), name); err != nil || want != (len(problems) == 1) {
				t.Errorf("%s: %v, %v", field, problems, err)
			}
		}
	}
	signIn := `{"source":["aws.signin"],"detail":{"userIdentity":{"type":["IAMUser"],"arn":[{"anything-but":"x"}]}}}`
	runLint(t, []lintCase{{Pattern(signIn), []string{"line 1, column 78: detail.userIdentity.arn: |"}}}) // a failed one has none
}

// TestLintAlwaysThere has the fields that every event of CloudTrail has, so that anything-but is blind to none.
func TestLintAlwaysThere(t *testing.T) {
	for path := range strings.FieldsSeq("account detail-type id region time version detail.awsRegion detail.eventCategory " +
		"detail.eventID detail.eventName detail.eventSource detail.eventTime detail.eventType detail.eventVersion " +
		"detail.recipientAccountId detail.sourceIPAddress") {
		runLint(t, []lintCase{{Pattern(`{"source":["aws.s3"],"` + path + `":[{"anything-but":"x"}]}`), nil}})
	}
}

func TestLintExistence(t *testing.T) {
	never, always := "|true never holds: ask for a field in it", "|false always holds, as if the field were not in the pattern"
	cases := []lintCase{
		{in(`"requestParameters":[{"exists":true}]`), []string{"line 2, column 22: detail.requestParameters: " + never}},
		{in(`"userIdentity":{"sessionContext":[{"exists":false}]}`), []string{"line 2, column 35: detail.userIdentity.sessionContext: " + always}},
		{in(`"requestParameters":[null]`), nil},
		{in(`"errorCode":[{"exists":false}],"responseElements":{"x":[{"exists":true}]}`), nil},
		{in(`"a":[{"exists":false}],"a-b":["x"],"ab":{"c":["x"]}`), nil},
		{in(`"a":[{"exists":false}],"a-b":["x"],"a":{"b":{"c":["x"]}}`), []string{"line 2, column 6: detail.a: " + always}},
		{in(`"$or":[{"a":[{"exists":true}]},{"a.b":["x"]}]`), nil}, // one or the other
		{in(`"$or":[{"a.b":["x"]},{"a":[{"exists":true}]}]`), nil},
		{`{"source":["aws.ec2"],"detail-type":["EC2 Spot"],"resources":[{"exists":true}]}`, nil},
	}
	for path := range strings.FieldsSeq("resources detail.addendum detail.additionalEventData detail.edgeDeviceDetails " +
		"detail.requestParameters detail.resources detail.responseElements detail.serviceEventDetails detail.tlsDetails " +
		"detail.userIdentity detail.userIdentity.onBehalfOf detail.userIdentity.sessionContext " +
		"detail.userIdentity.sessionContext.attributes detail.userIdentity.sessionContext.sessionIssuer " +
		"detail.userIdentity.sessionContext.webIdFederationData " +
		"detail.userIdentity.sessionContext.webIdFederationData.attributes") {
		cases = append(cases, lintCase{Pattern(`{"source":["aws.s3"],"` + path + `":[{"exists":true}]}`), []string{"line 1, column "}})
	}
	runLint(t, append(cases, lintCase{`{"source":["aws.s3"],"detail":[{"exists":false}]}`, []string{"line 1, column 32: detail: " + always}}))
}

// TestLintCorpus asks for Lint's answer on every pattern of the corpus: it is Compile's error or a list, soon.
func TestLintCorpus(t *testing.T) {
	began := time.Now()
	for _, c := range corpus(t) {
		_, compiled := c.Pattern.Compile()
		problems, err := c.Pattern.Lint()
		if (err == nil) != (compiled == nil) {
			t.Errorf("%s: lint %v, compile %v", c.ID, err, compiled)
		}
		checkPlaces(t, c.Pattern, problems)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("%s for the corpus", took)
	}
}

// checkPlaces checks that each problem is in the text and says something.
func checkPlaces(t *testing.T, pattern Pattern, problems []Problem) {
	t.Helper()
	lines := strings.Split(string(pattern), "\n")
	for _, p := range problems {
		if p.Line < 1 || p.Line > len(lines) || p.Column < 1 || p.Column > utf8.RuneCountInString(lines[p.Line-1])+1 || p.Message == "" {
			t.Errorf("%q: %s is not in the text", pattern, p)
		}
	}
}

// TestLintIsQuick has patterns that are as long as any may be, and made to take long.
func TestLintIsQuick(t *testing.T) {
	fill := func(format string, n int) string {
		var items []string
		for length := 0; length < n; length += len(items[len(items)-1]) + 1 {
			items = append(items, fmt.Sprintf(format, len(items)))
		}
		return strings.Join(items, ",")
	}
	branches := `"$or":[{"a":["1"]},{"a":["2"]},{"a":["3"]},{"a":["4"]},{"a":["5"]},{"a":["6"]},{"a":["7"]},{"a":["8"]},{"a":["9"]}]`
	cubed := branches + "," + strings.ReplaceAll(branches, `"a"`, `"b"`) + "," + strings.ReplaceAll(branches, `"a"`, `"c"`)
	for name, field := range map[string]string{
		"wildcards":       `"a":[` + fill(`{"wildcard":"abab%dabab*ababab*ab"}`, 3800) + `]`,
		"one wildcard":    `"a":[{"wildcard":"` + strings.Repeat("ab*", 1200) + `"}]`,
		"excluded":        `"eventID":[{"anything-but":{"wildcard":[` + fill(`"%dab*ab*ab*aab"`, 3500) + `]}}]`,
		"literals":        `"eventID":[{"anything-but":{"wildcard":[` + fill(`"%dabcdef"`, 3500) + `]}}]`,
		"no repetition":   `"a":[` + fill(`{"wildcard":"*abcdefghijklmnopqrstuvwxyz%d"}`, 500) + `]`,
		"names":           `"eventName":[` + fill(`"Bx%d"`, 3800) + `]`,
		"sub-rules":       cubed + `,"eventName":[` + fill(`"Bx%d"`, 3000) + `]`,
		"wild sub-rules":  cubed + `,"d":[` + fill(`{"wildcard":"%d*a"}`, 3000) + `]`,
		"wild before":     cubed + `,"Z":[` + fill(`{"wildcard":"%d*a"}`, 3000) + `]`,
		"fields":          cubed + `,` + fill(`"f%d":[{"exists":true}]`, 3000),
		"exclusions":      cubed + `,` + fill(`"f%d":[{"anything-but":0}]`, 3000),
		"services, names": `"eventName":[` + fill(`"Bx%d"`, 1800) + `],"eventSource":[` + fill(`"ec2.%d"`, 1800) + `]`,
	} {
		began := time.Now()
		problems, err := in(field).Lint()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		took := time.Since(began)
		t.Logf("%-16s %5d problems %s", name, len(problems), took)
		if took > 30*time.Second {
			t.Errorf("%s: %s", name, took)
		}
	}
}

// FuzzLint looks for a pattern on which Lint panics, differs with Compile on whether it is one, or reports what is not
// there.
func FuzzLint(f *testing.F) {
	seeds(f, func(c corpusCase) { f.Add(string(c.Pattern)) })
	for _, p := range []Pattern{
		CloudTrail("lambda", "CreateFunction", "GetFunction"), in(`"eventName":[{"prefix":"put"}],"readOnly":[true]`),
		in(`"$or":[{"a":[{"wildcard":"*a*a*"}]},{"a":["x",{"numeric":["<",5]}],"a.b":[{"exists":false}]}]`),
	} {
		f.Add(string(p))
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		_, compiled := Pattern(pattern).Compile()
		problems, err := Pattern(pattern).Lint()
		if (err == nil) != (compiled == nil) {
			t.Errorf("lint %v, compile %v", err, compiled)
		}
		checkPlaces(t, Pattern(pattern), problems)
		if _, err := json.Marshal(problems); err != nil {
			t.Error(err)
		}
	})
}
