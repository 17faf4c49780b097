package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
)

// notAPattern says what a text that is no pattern seems to be, and what to do then, in a line of its own; "" if it
// can't tell. The line and column, from 1, are where reading it stopped.
func notAPattern(text []byte, line, column int) string {
	hint := notAPatternButJSON(firstValue(text))
	switch language := languageOf(text); {
	case hint != "":
	case len(bytes.TrimSpace(text)) == 0:
		hint = `it is empty: want a pattern, such as {"source": ["aws.s3"]}`
	case bytes.HasPrefix(text, []byte{0x1f, 0x8b}):
		hint = "it is gzipped: unpack it first"
	case slices.Contains([]string{"None", "null"}, string(bytes.TrimSpace(text))):
		hint = "the AWS CLI prints this for a rule that has no pattern, but a schedule"
	case language == langTerraform:
		hint = "it seems to be Terraform's language: want the JSON that jsonencode makes of it, as terraform console prints it"
	case language != "":
		hint = "it seems to be " + language + ": write the pattern as JSON"
		if inYAML.Match(text) {
			hint += ", and only what stands under EventPattern"
		}
	case comment.Match(behind(text, line, column)):
		hint = noComments
	}
	if hint == "" {
		return ""
	}
	return "\n" + printable(hint)
}

const noComments = "JSON has no comments: remove them"

// notAPatternButJSON does the same for the JSON value with which the text begins, nil if there is none.
func notAPatternButJSON(value any) string {
	object, _ := value.(map[string]any)
	list, isList := value.([]any)
	if len(list) > 0 {
		object, _ = list[0].(map[string]any)
	}
	if hint := ruleHint(value); hint != "" {
		return hint
	}
	switch {
	case strings.HasPrefix(strings.TrimSpace(textOf(value)), "{"):
		return "it is a text that holds a pattern: take it out, with jq -r ."
	case isCase(object):
		return "it is a file of cases: check it with --corpus"
	case isText(object["id"]), isText(object["eventID"]), object["Records"] != nil, object["Events"] != nil:
		return "it seems to hold events: the pattern file comes first"
	case isList:
		return "it is a list: want one pattern, such as the first in it, with jq '.[0]'"
	}
	return ""
}

// notEvents says what a file that isn't JSON seems to hold, given its beginning and what is wrong there; "" if it
// can't tell.
func notEvents(head []byte, err error) string {
	switch language := languageOf(head); {
	case string(bytes.TrimSpace(head)) == "None":
		return "; the AWS CLI prints this where it finds nothing"
	case language != "":
		return "; it seems to be " + language + ": want JSON, as the AWS CLI prints with --output json"
	case strings.Contains(err.Error(), "invalid character '/'"), strings.Contains(err.Error(), "invalid character '#'"):
		return "; " + noComments
	}
	return ""
}

// firstValue is the JSON value with which a text begins; nil if there is none.
func firstValue(text []byte) any {
	var value any
	if json.NewDecoder(bytes.NewReader(text)).Decode(&value) != nil {
		return nil
	}
	return value
}

func isText(value any) bool {
	_, is := value.(string)
	return is
}

// isCase reports whether an object is a case of a corpus rather than a pattern.
func isCase(object map[string]any) bool { return isText(object["pattern"]) && isText(object["event"]) }

// holdsCases reports whether a file, and no pipe, begins with a case of a corpus.
func holdsCases(file string) bool {
	if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() {
		return false
	}
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	defer f.Close()
	line, _ := io.ReadAll(io.LimitReader(f, 1<<20))
	object, _ := firstValue(bytes.TrimPrefix(line, []byte(byteOrderMark))).(map[string]any)
	return isCase(object)
}

// ruleHint says how to take a rule's pattern out of a value that holds a rule: what describe-rule or list-rules print,
// a resource of CloudFormation, a whole template, Terraform's JSON. It is "" if the value holds none.
func ruleHint(value any) string {
	path, isText := findPattern(value, "")
	if path == "" {
		return ""
	}
	if !plainPath.MatchString(path) {
		path = "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	if isText {
		path = "-r " + path
	}
	return "it is a rule, or holds one: take the pattern out of it, with jq " + path
}

var (
	plainPath = regexp.MustCompile(`^[\w.]+$`)
	plainName = regexp.MustCompile(`^[A-Za-z_]\w*$`)
)

// findPattern finds the first pattern of a rule in a value, by what such a field is called. It returns where it is, as
// jq has it, and whether it is written as a text. Details are not searched: those of events may have such a field.
func findPattern(value any, path string) (at string, asText bool) {
	switch v := value.(type) {
	case map[string]any:
		for _, name := range []string{"EventPattern", "eventPattern", "event_pattern"} {
			_, isObject := v[name].(map[string]any)
			if isObject || isText(v[name]) {
				return path + "." + name, !isObject
			}
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if name == "detail" {
				continue
			}
			if at, asText := findPattern(v[name], path+step(path, name)); at != "" {
				return at, asText
			}
		}
	case []any:
		for i, inner := range v {
			if at, asText := findPattern(inner, fmt.Sprintf("%s[%d]", strings.Repeat(".", root(path))+path, i)); at != "" {
				return at, asText
			}
		}
	}
	return "", false
}

// step is how jq goes from a path to a field.
func step(path, name string) string {
	if plainName.MatchString(name) {
		return "." + name
	}
	quoted, _ := json.Marshal(name) // a text
	return strings.Repeat(".", root(path)) + "[" + string(quoted) + "]"
}

// root is 1 for the empty path, behind which jq wants a dot before a bracket, and 0 otherwise.
func root(path string) int {
	if path == "" {
		return 1
	}
	return 0
}

// Languages that people write patterns in.
const (
	langYAML       = "YAML"
	langTerraform  = "Terraform's language"
	langJavaScript = "YAML or JavaScript, with names or texts not in double quotes"
)

var (
	comment    = regexp.MustCompile(`^\s*(//|/\*|#)`)
	inYAML     = regexp.MustCompile(`(?mi)^\s*event_?pattern\s*:`)
	yamlLine   = regexp.MustCompile(`^(---$|--- |%YAML|- |["']?\w[\w. -]*["']?\s*:(\s|$))`)
	hclLine    = regexp.MustCompile(`^((resource|data|module|locals|variable|terraform|provider)\b[^:]*\{|[\w-]+\s*=|jsonencode\()`)
	hclObject  = regexp.MustCompile(`^\{\s*("[^"]*"|[\w-]+)\s*=`)
	javaObject = regexp.MustCompile(`^[\[{][\[{\s]*(\w+\s*:|')`)
)

// languageOf is the language in which a text seems to be written that isn't JSON; "" if it can't tell.
func languageOf(text []byte) string {
	for comment.Match(text) { // which several languages have
		_, rest, _ := bytes.Cut(bytes.TrimLeft(text, " \t\r\n"), []byte("\n"))
		text = rest
	}
	text = bytes.TrimSpace(text)
	line, _, _ := bytes.Cut(text, []byte("\n"))
	line = bytes.TrimSpace(line)
	switch {
	case hclObject.Match(text), hclLine.Match(line):
		return langTerraform
	case yamlLine.Match(line):
		return langYAML
	case javaObject.Match(text):
		return langJavaScript
	}
	return ""
}

// behind is the text from a line and column on, from 1; columns are characters.
func behind(text []byte, line, column int) []byte {
	for ; line > 1; line-- {
		_, text, _ = bytes.Cut(text, []byte("\n"))
	}
	rest := []rune(string(text))
	return []byte(string(rest[min(max(0, column-1), len(rest)):]))
}
