package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/countermand/countermand/events/pattern"
)

func TestMatch(t *testing.T) {
	files := map[string]string{
		"p.json": `{"source": ["aws.s3"], "detail": {"eventName": [{"prefix": "Put"}], "requestParameters": {"bucketName": ["a"], "x": [1]}}}`,
		"e.jsonl": strings.Join([]string{
			record("s3", "PutBucketPolicy", `{"bucketName":["a","b"],"x":[{"y":2},1]}`),
			envelope("aws.s3", record("s3", "PutBucketPolicy", `{"bucketName":["b","c"],"x":1}`)),
			record("s3", "PutBucketPolicy", `{"bucketName":"a"}`),
			record("ec2", "RunInstances", `{}`),
			record("s3", "Put"+strings.Repeat("é", 100), `{"bucketName":"`+strings.Repeat("é", 100)+`"}`),
			`{"eventName":"x"`,
		}, "\n"),
	}
	stdout, stderr, err := run(t, "", files, "match", "p.json", "e.jsonl")
	wants(t, "standard output", "e.jsonl:1 PutBucketPolicy: match (bare record, wrapped)\n"+
		"e.jsonl:2 PutBucketPolicy: no match: detail.requestParameters.bucketName is \"b\" and \"c\"\n"+
		"e.jsonl:3 PutBucketPolicy: no match: detail.requestParameters.x is missing (bare record, wrapped)\n"+
		"e.jsonl:4 RunInstances: no match: source is \"aws.ec2\" (bare record, wrapped)\n"+
		"e.jsonl:5 Put"+strings.Repeat("é", 38)+"...: no match: detail.requestParameters.bucketName is \""+strings.Repeat("é", 39)+"... (bare record, wrapped)\n"+
		"1 of 5 events matched\n", stdout)
	wants(t, "standard error", "e.jsonl:6: malformed JSON: the file ends inside a value\n", stderr)
	wantsError(t, "1 problem above: the rest was read", err)

	stdout, _, err = run(t, envelope("aws.s3", record("s3", "X", "{}")), files, "match", "p.json", "--format", "json", "-")
	wantsError(t, "", err)
	wants(t, "JSON", `{"file":"-","record":0,"line":1,"eventID":"e-1","eventSource":"s3.amazonaws.com","eventName":"X",`+
		`"wrapped":false,"match":false,"field":"detail.eventName","reason":"detail.eventName is \"X\""}`+"\n", stdout)
}

// Events of one line can be told apart: by their place in the file, and their name.
func TestMatchNamesTheEvent(t *testing.T) {
	a, b := record("s3", "A", "{}"), record("s3", "B", "{}")
	looked, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	state := `{"source":"aws.ec2","detail-type":"EC2 Instance State-change\u202e","detail":{"EventName":"no"}}`
	custom := `{"source":"mine","detail-type":7,"detail":{"eventName":["no"]}}`
	for text, want := range map[string]string{
		a + "\n" + b:                                    "e:1 A\ne:2 B\n",
		`{"Records":[` + a + `,7,` + b + `]}`:           "e:1 [0] A\ne:1 [1]: not a JSON object\ne:1 [2] B\n",
		`{"x":1,"Records":[` + a + "\n," + b + `]}` + a: "e:1 [0] A\ne:1 [1] B\ne:2 A\n",
		"[" + a + "," + b + "]":                         "e:1 [0] A\ne:1 [1] B\n",
		"[" + a + "]\n" + b:                             "e:1 [0] A\ne:2 B\n",
		a + b + "\n" + a:                                "e:1 A\ne:1 [1] B\ne:2 A\n",
		`{"Events":[{"CloudTrailEvent":` + string(looked) + `},{"CloudTrailEvent":` + string(looked) + `}]}`: "e:1 [0] B\ne:1 [1] B\n",
		state + "\n" + custom: "e:1 EC2 Instance State-change�\ne:2\n",
	} {
		stdout, stderr, _ := run(t, "", map[string]string{"p": `{"source":[{"exists":true}]}`, "e": text}, "match", "p", "e")
		lines := strings.Split(stdout, "\n")
		got := strings.NewReplacer(": match (bare record, wrapped)", "", ": match", "").Replace(strings.Join(lines[:len(lines)-2], "\n")) + "\n"
		if !strings.Contains(want, "not a JSON object") {
			wants(t, "the names", want, got)
			continue
		}
		wants(t, "the names and the problem", want, strings.Replace(got, "\n", "\n"+stderr[strings.Index(stderr, "e:1"):], 1))
	}
}

func TestMatchSaysWhatIsWrongWithAPattern(t *testing.T) {
	for pattern, want := range map[string]string{
		"{\"a\": [1]\n \"b\": [2]}": `p.json:2:2: EventBridge would refuse this pattern: unexpected character '"', want ',' or '}'`,
		`{"a": "b"}`:                `p.json:1:7: EventBridge would refuse this pattern: "a" must be an object or an array`,
		`[1]`: `p.json:1:1: EventBridge would refuse this pattern: Filter is not an object` +
			"\nit is a list: want one pattern, such as the first in it, with jq '.[0]'",
		`{"a": [{"cidr": "192.0.2.1/32"}]}`: `p.json:1:17: EventBridge would refuse this pattern: IPv4 mask bits must be < 32` +
			" (a single address is written as a string of its own, without a mask)",
	} {
		_, _, err := run(t, "{}", map[string]string{"p.json": pattern}, "match", "p.json", "-")
		wantsError(t, want, err)
	}
	_, _, err := run(t, "", nil, "match", "p.json", "-")
	wantsError(t, "read the pattern: open p.json: no such file or directory", err)
	_, _, err = run(t, `{"a":[{"exists":true}]}`, nil, "match", "-", "-")
	wantsError(t, "- is named twice, but standard input can be read once", err)
}

// What Lint reports is a line of standard error each, and changes nothing else.
func TestMatchWarns(t *testing.T) {
	const text = "{\n  \"source\": [\"aws.s3\"],\n  \"detail\": {\"eventName\": [\"PutBucketEncryption\"], " +
		`"a\nb\u001b": [{"anything-but": "x"}]}}` + " and more\n"
	event := envelope("aws.s3", record("s3", "PutBucketEncryption", "{}"))
	problems, err := pattern.Pattern(text).Lint()
	if err != nil || len(problems) != 2 {
		t.Fatalf("problems %v, error %v", problems, err)
	}
	warnings := func(file string) string {
		return file + ":3:67: warning: detail.a�b�: " + problems[0].Message + "\n" +
			file + ":3:92: warning: " + problems[1].Message + "\n"
	}
	stdout, stderr, err := run(t, event, map[string]string{"p.json": text}, "match", "p.json", "-")
	wantsError(t, "", err)
	wants(t, "standard output", "(standard input):1 PutBucketEncryption: no match: detail.a�b� is missing\n0 of 1 event matched\n", stdout)
	wants(t, "standard error", warnings("p.json"), stderr)

	stdout, stderr, err = run(t, text, map[string]string{"e.json": event}, "match", "--format", "json", "-", "e.json")
	wantsError(t, "", err)
	wants(t, "lines of JSON", "1", strconv.Itoa(strings.Count(stdout, "\n")))
	wants(t, "standard error", warnings("(standard input)"), stderr)
}

// The line break that ends a file is not part of a pattern that has just the size that EventBridge takes.
func TestMatchWarnsOfSize(t *testing.T) {
	const before, after = `{"source":["aws.s3"],"detail":{"eventName":["`, `"]}}`
	for size, want := range map[int]string{
		2048: "",
		2049: "p.json:1:1: warning: the pattern has 2049 characters",
	} {
		pattern := before + strings.Repeat("x", size-len(before+after)) + after + "\r\n"
		_, stderr, err := run(t, envelope("aws.s3", "{}"), map[string]string{"p.json": pattern}, "match", "p.json", "-")
		wantsError(t, "", err)
		got, _, _ := strings.Cut(stderr, ",")
		wants(t, "the warning", want, got)
	}
}

// Files of any shape are judged as far as they go, and what can't be read is reported.
func TestMatchOddFiles(t *testing.T) {
	yes := envelope("aws.s3", record("s3", "A", "{}"))
	no := envelope("aws.ec2", record("ec2", "A", "{}"))
	files := map[string]string{
		"p.json":     "\ufeff" + `{"source":["aws.s3"]}` + "\r\n",
		"list.json":  "[" + yes + ",\n" + no + "]\n",
		"mixed.json": yes + "\r\n{\"detail\": oops}\n" + no + "\n{\"a\":1}\n17\n" + yes,
		"empty.json": "",
		"none.json":  "[]",
	}
	stdout, stderr, err := run(t, "", files, "match", "p.json", "list.json", "missing.json", ".", "mixed.json", "empty.json")
	wants(t, "standard output", "list.json:1 [0] A: match\nlist.json:2 [1] A: no match: source is \"aws.ec2\"\n"+
		"mixed.json:1 A: match\nmixed.json:3 A: no match: source is \"aws.ec2\"\nmixed.json:6 A: match\n3 of 5 events matched\n", stdout)
	wants(t, "standard error", "open missing.json: no such file or directory\n"+
		". is a folder: name a file in it, or all with *\n"+
		"mixed.json:2: malformed JSON: invalid character 'o' looking for beginning of value\n"+
		"mixed.json:4: neither an EventBridge event (no detail) nor a CloudTrail record (no eventSource)\n"+
		"mixed.json:5: not a JSON object\n", stderr)
	wantsError(t, "5 problems above: the rest was read", err)

	stdout, stderr, err = run(t, "", files, "match", "p.json", "empty.json", "none.json")
	wants(t, "what is said of no events", "no events to match: what was read holds none\n", stdout+stderr)
	wantsError(t, "", err)

	stdout, _, err = run(t, "", files, "match", "p.json", ".")
	wants(t, "standard output", "0 of 0 events matched\n", stdout)
	wantsError(t, "1 problem above: the rest was read", err)

	stdout, _, err = run(t, files["p.json"], files, "match", "-", "list.json", "--format", "json")
	wants(t, "lines of JSON", "2", strconv.Itoa(strings.Count(stdout, "\n")))
	wantsError(t, "", err)

	_, _, err = run(t, "", nil, "match", ".", "e.json")
	wantsError(t, "read the pattern: . is a folder: name a file in it", err)
}

// A folder is reported like a file that can't be read, to whichever command.
func TestFolders(t *testing.T) {
	for _, args := range [][]string{{"match", "p.json"}, {"explain"}} {
		t.Run(args[0], func(t *testing.T) {
			files := map[string]string{"p.json": `{"source":["aws.s3"]}`, "e.json": "[" + record("s3", "A", "{}") + "]"}
			stdout, stderr, err := run(t, "", files, append(args, "..", "e.json")...)
			wants(t, "standard error", ".. is a folder: name a file in it, or all with ../*\n", stderr)
			wantsError(t, "1 problem above: the rest was read", err)
			if !strings.Contains(stdout, "1 event") {
				t.Errorf("the event is not read:\n%s", stdout)
			}
		})
	}
}

// What a terminal may take for a command, and what hides other text, is escaped in JSON, which means the same.
func TestJSONHasNoControlCharacters(t *testing.T) {
	const evil = "\u009b31m\u202egnp\u2066\u200b\x7f\U000e0041é<\U0001f600"
	quoted, err := json.Marshal(evil)
	if err != nil {
		t.Fatal(err)
	}
	events := record("s3", "PutBucketPolicy", `{"bucketName":`+string(quoted)+`}`)
	cases := `{"id":` + string(quoted) + `,"pattern":"{","event":"{}","want":true}`
	for _, args := range [][]string{
		{"explain", "--format", "jsonl", "e.jsonl"},
		{"match", "--format", "json", "p.json", "e.jsonl"},
		{"match", "--format", "json", "--corpus", "c.jsonl"},
	} {
		files := map[string]string{"p.json": `{"detail":{"requestParameters":{"bucketName":["x"]}}}`, "e.jsonl": events, "c.jsonl": cases}
		stdout, _, _ := run(t, "", files, args...)
		const want = `\u009b31m\u202egnp\u2066\u200b\u007f\udb40\udc41é<` + "\U0001f600"
		if !strings.Contains(strings.ReplaceAll(stdout, `\\u003c`, "<"), want) {
			t.Errorf("%s: %s is missing in\n%s", args, want, stdout)
		}
		var value any
		if err := json.Unmarshal([]byte(stdout), &value); err != nil {
			t.Errorf("%s: not JSON: %v", args, err)
		}
		// In the reason of match the value is JSON, in which < is escaped.
		if parsed := strings.ReplaceAll(fmt.Sprint(value), `\u003c`, "<"); !strings.Contains(parsed, evil) {
			t.Errorf("%s: means another text:\n%q", args, parsed)
		}
	}
}

// patternCorpus is the text of the corpus with which the pattern language is tested.
func patternCorpus(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "events", "pattern", "testdata", "patterns.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestCorpus(t *testing.T) {
	text := patternCorpus(t)
	cases := strings.Count(text, "\n")
	stdout, stderr, err := run(t, text, nil, "match", "--corpus", "-")
	wantsError(t, "", err)
	wants(t, "standard error", "", stderr)
	want := strconv.Itoa(cases) + " cases: " + strconv.Itoa(cases) + " agree, 0 disagree\n"
	if _, total, _ := strings.Cut(stdout, "\n\n"); cases < 1000 || total != want {
		t.Errorf("the end is %q, want %q", total, want)
	}
	if !strings.HasPrefix(stdout, "GROUP       CASES  AGREE  DISAGREE\nab-eic          4      4         0\n") {
		t.Errorf("the table begins otherwise:\n%s", stdout)
	}
}

// One answer that is wrong in the file is found, whichever it is.
func TestCorpusWithAFlippedAnswer(t *testing.T) {
	text := patternCorpus(t)
	for _, c := range []struct{ from, to string }{
		{`"want": true`, `"want": false`}, {`"want": false`, `"want": true`}, {`"want": "invalid"`, `"want": false`},
		{`"strict": "invalid"`, `"lenient": "invalid"`},
	} {
		flipped := strings.Replace(text, c.from, c.to, 1)
		if flipped == text {
			t.Fatalf("the corpus holds no %s", c.from)
		}
		stdout, _, err := run(t, "", map[string]string{"c.jsonl": flipped}, "match", "--corpus", "c.jsonl")
		wantsError(t, "1 of "+strconv.Itoa(strings.Count(text, "\n"))+" cases disagree", err)
		line := strconv.Itoa(1 + strings.Count(text[:strings.Index(text, c.from)], "\n"))
		if !strings.Contains(stdout, "\nc.jsonl:"+line+": ") {
			t.Errorf("line %s is not named in\n%s", line, stdout)
		}
	}
}

// oddCorpus has cases of three groups, two of which disagree, a case whose event is malformed, and lines that are none.
const oddCorpus = "\ufeff" + `{"id":"eq-1","pattern":"{\"a\":[1]}","event":"{\"a\":1}","want":true,"note":"of readers"}` + "\r\n" +
	`{"id":"eq-2\u001b","pattern":"{\"a\":[1]}","event":"{\"a\":2}","want":true}

{"id":"alone","pattern":"{\"a\":","event":"{}","want":"invalid"}
{"id":"eq-or-1","pattern":"{\"a\":1}\u001b","event":"{}","want":true}
{"id":"eq-or-2","pattern":"{\"a\":1}","event":"{}","want":true,"strict":"invalid"}
{"id":"eq-3","pattern":"{\"a\":[1]}","event":"[\u001b","want":false}
{"id":"eq-4","pattern":{"a":[1]},"event":"{}","want":true}
{"id":"eq-4","pattern":"{}","event":"{}","want":"yes"}
{"id":"eq-4","pattern":"{}","event":"{}","want":[true]}
{"id":"eq-4","pattern":"{}","event":"{}","want":true,"strict":"no"}
{"id":"eq-4","pattern":"{}","event":"{}"}
{"id":"eq-4","pattern":"{}","want":true}
{"id":"eq-4","event":"{}","want":true}
{"pattern":"{}","event":"{}","want":true}
[]
{"id":"eq-4"`

func TestCorpusDisagrees(t *testing.T) {
	stdout, stderr, err := run(t, "", map[string]string{"c.jsonl": oddCorpus}, "match", "--corpus", "c.jsonl")
	wants(t, "standard output", `GROUP  CASES  AGREE  DISAGREE
alone      1      1         0
eq         3      1         2
eq-or      2      1         1

c.jsonl:2: eq-2�: want true, got false
  pattern {"a":[1]}
  event   {"a":2}

c.jsonl:5: eq-or-1: want true, got invalid
  pattern {"a":1}�
  event   {}
  compile event pattern: line 1, column 6: "a" must be an object or an array

c.jsonl:7: eq-3: want false, got malformed event
  pattern {"a":[1]}
  event   [�
  read event: line 1, column 1: Event must be a JSON object

6 cases: 3 agree, 3 disagree
`, stdout)
	shape := ": want {\"id\": \"GROUP-1\", \"pattern\": \"JSON\", \"event\": \"JSON\", \"want\": true, false or \"invalid\"}\n"
	wants(t, "standard error", "c.jsonl:8: unexpected object in pattern"+shape+
		"c.jsonl:9: unexpected value in want"+shape+
		"c.jsonl:10: unexpected value in want"+shape+
		"c.jsonl:11: unexpected value in strict"+shape+
		"c.jsonl:12: want is missing"+shape+
		"c.jsonl:13: event is missing"+shape+
		"c.jsonl:14: pattern is missing"+shape+
		"c.jsonl:15: id is missing"+shape+
		"c.jsonl:16: unexpected array"+shape+
		"c.jsonl:17: malformed JSON: unexpected end of JSON input"+shape, stderr)
	wantsError(t, "3 of 6 cases disagree, and 10 problems above: the rest was judged", err)

	first, _, _ := strings.Cut(oddCorpus, "\n")
	_, _, err = run(t, first+"\n[]", nil, "match", "--corpus", "-")
	wantsError(t, "1 problem above: the rest was judged", err)
}

func TestCorpusReportsAWriteError(t *testing.T) {
	root := rootCommand(fixtures, noAccount)
	root.SetArgs([]string{"match", "--corpus", "-"})
	root.SetIn(strings.NewReader(oddCorpus))
	root.SetOut(&fullDisk{})
	root.SetErr(&bytes.Buffer{})
	wantsError(t, "no space left", root.Execute())
}

func TestCorpusAsJSON(t *testing.T) {
	first5 := strings.Join(strings.SplitAfter(oddCorpus, "\n")[:5], "")
	stdout, stderr, err := run(t, first5, nil, "match", "--format", "json", "--corpus", "-")
	wantsError(t, "2 of 4 cases disagree", err)
	wants(t, "standard error", "", stderr)
	wants(t, "JSON", `{
  "cases": 4,
  "agree": 2,
  "disagree": 2,
  "groups": [
    {
      "group": "alone",
      "cases": 1,
      "agree": 1,
      "disagree": 0
    },
    {
      "group": "eq",
      "cases": 2,
      "agree": 1,
      "disagree": 1
    },
    {
      "group": "eq-or",
      "cases": 1,
      "agree": 0,
      "disagree": 1
    }
  ],
  "disagreements": [
    {
      "id": "eq-2\u001b",
      "line": 2,
      "pattern": "{\"a\":[1]}",
      "event": "{\"a\":2}",
      "want": true,
      "got": false
    },
    {
      "id": "eq-or-1",
      "line": 5,
      "pattern": "{\"a\":1}\u001b",
      "event": "{}",
      "want": true,
      "got": "invalid",
      "reason": "compile event pattern: line 1, column 6: \"a\" must be an object or an array"
    }
  ]
}
`, stdout)
}

// Names of fields are those and no others, and a case whose id another one has is judged and reported.
func TestCorpusNamesAndIDs(t *testing.T) {
	const good = `{"id":"a-1","pattern":"{\"a\":[1]}","event":"{\"a\":1}","want":true`
	stdout, stderr, err := run(t, good+`,"Want":false,"STRICT":"invalid","Pattern":7}`, nil, "match", "--corpus", "-")
	wantsError(t, "", err)
	wants(t, "standard error", "", stderr)
	if !strings.HasSuffix(stdout, "\n1 case: 1 agree, 0 disagree\n") {
		t.Errorf("other names are taken for these:\n%s", stdout)
	}
	_, stderr, _ = run(t, strings.Replace(good, `"want"`, `"Want"`, 1)+"}", nil, "match", "--corpus", "-")
	wants(t, "standard error", "(standard input):1: want is missing: want "+caseShape+"\n", stderr)

	twice := good + "}\n\n" + good + "}\n" + strings.Replace(good, "true", "false", 1) + "}\n"
	stdout, stderr, err = run(t, twice, nil, "match", "--corpus", "-")
	wants(t, "standard error", "(standard input):3: line 1 has the id a-1, too: give each case its own\n"+
		"(standard input):4: line 1 has the id a-1, too: give each case its own\n", stderr)
	wantsError(t, "1 of 3 cases disagree, and 2 problems above: the rest was judged", err)
	if !strings.Contains(stdout, "\n(standard input):4: a-1: want false, got true\n") {
		t.Errorf("the last one isn't judged:\n%s", stdout)
	}
}

// Lines may be as long as they like; people are shown the beginning.
func TestCorpusOfBigLines(t *testing.T) {
	value := strings.Repeat("x", 1<<20)
	lines := 0
	line := func(want bool) string {
		lines++
		text, err := json.Marshal(map[string]any{
			"id": "big-" + strconv.Itoa(lines), "pattern": `{"a":["` + value + `"]}`, "event": `{"a":"` + value + `"}`, "want": want,
		})
		if err != nil {
			t.Fatal(err)
		}
		return string(text) + "\n"
	}
	stdout, _, err := run(t, line(true)+line(false)+line(true), nil, "match", "--corpus", "-")
	wantsError(t, "1 of 3 cases disagree", err)
	if !strings.Contains(stdout, "xxx... (1048584 bytes; --format json has all)\n") || len(stdout) > 10_000 {
		t.Errorf("%d bytes, which are too many or don't say what was left out:\n%s", len(stdout), excerpt(stdout))
	}
	stdout, _, _ = run(t, line(false), nil, "match", "--format", "json", "--corpus", "-")
	if !strings.Contains(stdout, value) {
		t.Error("JSON does not have the whole event")
	}
}

func TestCorpusErrorsSayWhatToDo(t *testing.T) {
	const help = "\nsee 'go run ./scripts/countermand match --help'"
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--corpus", "c", "p.json", "e.json"}, "--corpus takes one file and nothing else: leave out p.json and e.json" + help},
		{[]string{"--corpus"}, "flag needs an argument: --corpus" + help},
		{[]string{"--corpus", "c", "--format", "yaml"}, `unknown format "yaml": want text or json`},
		{[]string{"--corpus", "missing"}, "read the corpus: open missing: no such file or directory"},
		{[]string{"--corpus", "."}, "read the corpus: . is a folder: name a file in it"},
		{[]string{"--corpus", "-"}, "(standard input) holds no case: want a line for each, as " + caseShape},
	} {
		_, _, err := run(t, "\n", nil, append([]string{"match"}, c.args...)...)
		wantsError(t, c.want, err)
	}
}
