package main

import (
	"regexp"
	"strings"
	"testing"
)

// What is no pattern is refused, and the message says what to do with what it seems to be.
func TestMatchSaysWhatIsNoPattern(t *testing.T) {
	const noObject, noList, noName = "Filter is not an object\n", " must be an object or an array\n", ", want a member name in double quotes\n"
	const empty, inEvents = `it is empty: want a pattern, such as {"source": ["aws.s3"]}`, "it seems to hold events: the pattern file comes first"
	const rule = "it is a rule, or holds one: take the pattern out of it, with jq "
	const none = "the AWS CLI prints this for a rule that has no pattern, but a schedule"
	const inYAML, under = "it seems to be YAML: write the pattern as JSON", ", and only what stands under EventPattern"
	const inJava = "it seems to be YAML or JavaScript, with names or texts not in double quotes: write the pattern as JSON"
	const inHCL = "it seems to be Terraform's language: want the JSON that jsonencode makes of it, as terraform console prints it"
	for text, want := range map[string]string{
		"":                        "1:1: " + noObject + empty,
		" \n":                     "1:2: " + noObject + empty,
		"\x1f\x8b\b":              "1:1: " + noObject + "it is gzipped: unpack it first",
		`"{\"a\":[1]}"`:           "1:1: " + noObject + "it is a text that holds a pattern: take it out, with jq -r .",
		`{"id":"1"}` + "\n{}":     `1:7: "id"` + noList + inEvents,
		`{"eventID":"1"}`:         `1:12: "eventID"` + noList + inEvents,
		`{"Events":[{"a":"1"}]}`:  "1:13: Unrecognized match type a\n" + inEvents,
		`{"Records":[{"a":"1"}]}`: "1:14: Unrecognized match type a\n" + inEvents,
		`[{"eventID":"1"}]`:       "1:1: " + noObject + inEvents,
		"[]":                      "1:1: " + noObject + "it is a list: want one pattern, such as the first in it, with jq '.[0]'",

		`{"EventPattern":"{}"}`: `1:17: "EventPattern"` + noList + rule + "-r .EventPattern",
		`{"Type":"AWS::Events::Rule","Properties":{"EventPattern":{"source":["aws.s3"]}}}`: `1:9: "Type"` + noList +
			rule + ".Properties.EventPattern",
		`{"Resources":{"A":{"Type":"x"},"Rule":{"Type":"y","Properties":{"EventPattern":{"source":["aws.s3"]}}}}}`: `1:27: "Type"` +
			noList + rule + ".Resources.Rule.Properties.EventPattern",
		`[{"Name":"a"},{"EventPattern":"{}"}]`: "1:1: " + noObject + rule + "-r '.[1].EventPattern'",
		`{"Rules":[{"EventPattern":"{}"}]}`: "1:12: Unrecognized match type EventPattern\n" +
			rule + "-r '.Rules[0].EventPattern'",
		`{"a-b'":{"c":{"event_pattern":"{}"}}}`:                       `1:31: "event_pattern"` + noList + rule + `-r '.["a-b'\''"].c.event_pattern'`,
		`{"a":{"b":"x"},"detail":{"p":{"eventPattern":"{\"a\":1}"}}}`: `1:11: "b" must be an object or an array`,

		"None\n":                          "1:1: " + noObject + none,
		"null\n":                          "1:1: " + noObject + none,
		"---\nsource: [aws.s3]\n":         "1:1: " + noObject + inYAML,
		"# mine\n\nsource:\n  - aws.s3\n": "1:1: " + noObject + inYAML,
		"Type: AWS::Events::Rule\nX:\n  EventPattern:":          "1:1: " + noObject + inYAML + under,
		`"source": ["aws.s3"]`:                                  "1:1: " + noObject + inYAML,
		"{source: [aws.s3]}":                                    "1:2: unexpected character 's'" + noName + inJava,
		"{'source': ['aws.s3']}":                                `1:2: unexpected character '\''` + noName + inJava,
		"{\n source = [\"aws.s3\"]\n}":                          "2:2: unexpected character 's'" + noName + inHCL,
		"{ \"source\" = [\"aws.s3\"] }":                         "1:12: unexpected character '=', want ':'\n" + inHCL,
		"# x\nresource \"aws_cloudwatch_event_rule\" \"x\" {\n": "1:1: " + noObject + inHCL,
		"event_pattern = jsonencode({":                          "1:1: " + noObject + inHCL,

		"// mine\n{\"source\": [\"aws.s3\"]}":        "1:1: " + noObject + noComments,
		"{\n \"source\": [\"aws.s3\"], # mine\n \"a": "2:24: unexpected character '#'" + noName + noComments,
		"{\"é\": /* x */ [1]}":                       "1:7: unexpected character '/', want a JSON value\n" + noComments,
		`{"a": ["x], "b": ["http://y"]}`:             "1:14: unexpected character 'b', want ',' or ']'",
	} {
		_, _, err := run(t, "{}", map[string]string{"p.json": text}, "match", "p.json", "-")
		position, message, _ := strings.Cut(want, " ")
		wantsError(t, "p.json:"+position+" EventBridge would refuse this pattern: "+message, err)
	}
}

// A rule that compiles as a pattern would match nothing without a word.
func TestMatchRefusesARule(t *testing.T) {
	event := envelope("aws.s3", record("events", "PutRule", `{"eventPattern":"{}"}`))
	for text, path := range map[string]string{
		`{"EventPattern":{"source":["aws.s3"]}}`:                                      ".EventPattern",
		`{"eventPattern":{"source":["aws.s3"]}}`:                                      ".eventPattern",
		`{"event_pattern":{"source":["aws.s3"]}}`:                                     ".event_pattern",
		`{"Properties":{"EventPattern":{"detail":{"a":[1]}}}}`:                        ".Properties.EventPattern",
		`{"Resources":{"R\u001b":{"EventPattern":{"source":["a"]}}}}`:                 `'.Resources["R\u001b"].EventPattern'`,
		`{"source":["aws.s3"],"detail":{"x":{"EventPattern":{"a":[1]}}}}`:             "",
		`{"detail":{"requestParameters":{"eventPattern":["{}"]}},"EventPattern":[1]}`: "",
	} {
		want := ""
		if path != "" {
			want = "p.json: as a pattern this matches no event\nit is a rule, or holds one: take the pattern out of it, with jq " + path
		}
		_, _, err := run(t, event, map[string]string{"p.json": text}, "match", "p.json", "-")
		wantsError(t, want, err)
	}
}

// UTF-16, with or without a byte order mark, is named in whatever is read, and so is how to change it.
func TestUTF16(t *testing.T) {
	const little, big = " is in UTF-16: write it in UTF-8, with iconv -f UTF-16LE -t UTF-8", " is in UTF-16: write it in UTF-8, with iconv -f UTF-16BE -t UTF-8"
	for text, want := range map[string]string{
		"\xff\xfe{\x00}\x00": little, "{\x00}\x00": little, "\xfe\xff\x00{\x00}": big, "\x00{\x00}": big,
	} {
		files := map[string]string{"u.json": text, "p.json": `{"source":["aws.s3"]}`}
		_, _, err := run(t, "{}", files, "match", "u.json", "-")
		wantsError(t, "read the pattern: u.json"+want, err)
		_, _, err = run(t, text, nil, "match", "--corpus", "-")
		wantsError(t, "read the corpus: (standard input)"+want, err)
		for _, args := range [][]string{{"match", "p.json", "u.json"}, {"explain", "u.json"}} {
			_, stderr, err := run(t, "", files, args...)
			wantsError(t, "1 problem above: the rest was read", err)
			wants(t, "standard error", "u.json"+want+"\n", stderr[strings.Index(stderr, "u.json"):])
		}
	}
}

// A file of events that isn't JSON is reported with what it seems to be.
func TestEventsThatAreNoJSON(t *testing.T) {
	for text, want := range map[string]string{
		"Events:\n- AccessKeyId: x\n":         "it seems to be YAML: want JSON, as the AWS CLI prints with --output json",
		"# x\nname = 1":                       "it seems to be Terraform's language: want JSON, as the AWS CLI prints with --output json",
		"None\n":                              "the AWS CLI prints this where it finds nothing",
		"// mine\n" + record("s3", "A", "{}"): "JSON has no comments: remove them",
		"{ # mine\n}":                         "JSON has no comments: remove them",
		"hello":                               "",
		`{"a":1`:                              "",
	} {
		_, stderr, _ := run(t, text, nil, "explain", "-")
		first, _, _ := strings.Cut(stderr, "\n")
		first = regexp.MustCompile("; lines [0-9]+ to [0-9]+ are skipped").ReplaceAllString(first, "")
		_, hint, _ := strings.Cut(first, "; ")
		wants(t, "the hint for "+text, want, hint)
	}
}

// Who forgets --corpus is told, whether or not there are events besides.
func TestMatchOfACorpus(t *testing.T) {
	files := map[string]string{"c.jsonl": oddCorpus, "e.json": "{}"}
	_, _, err := run(t, "", files, "match", "c.jsonl")
	wantsError(t, "c.jsonl holds cases: check it with --corpus c.jsonl\nsee 'go run ./scripts/countermand match --help'", err)
	_, _, err = run(t, "", files, "match", "c.jsonl", "e.json")
	wantsError(t, `c.jsonl:1:7: EventBridge would refuse this pattern: "id" must be an object or an array`+
		"\nit is a file of cases: check it with --corpus", err)
	_, _, err = run(t, "", files, "match", "e.json")
	if err == nil || !strings.HasPrefix(err.Error(), "a pattern file or an event file is missing\n") {
		t.Errorf("without cases: %v", err)
	}
}
