package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/scripts/internal/logs"
)

func matchCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "match PATTERN-FILE FILE...",
		Short: "match events with an event pattern, as EventBridge would",
		Long: `Match events with an EventBridge event pattern, and say for each that does not match which field stands
in the way. This is what 'aws events test-event-pattern' does online, an event at a time.

` + inputs + `

Warnings on standard error say what is wrong with a rule that has this pattern: anybody can forge what it
matches, no event has such a name, EventBridge refuses its size. They don't change the exit status.

The exit status says whether all events could be judged, not whether they match. --format json prints a
line for each event: file, record (index in the file, from 0), line, wrapped, match, field and reason.

` + corpusInput,
		Example: "  " + name + ` match pattern.json event.json
  ` + name + ` match pattern.json --format json *.json.gz
  aws events describe-rule --name my-rule --query EventPattern --output text |
    ` + name + ` match - event.json
  ` + name + ` match --corpus events/testdata/patterns.jsonl`,
	}
	corpus := c.Flags().String("corpus", "", "check a `FILE` of cases instead")
	c.Args = func(c *cobra.Command, args []string) error {
		if !c.Flags().Changed("corpus") {
			return some(2, "a pattern file or an event file")(c, args)
		}
		if len(args) > 0 {
			return fmt.Errorf("--corpus takes one file and nothing else: leave out %s\nsee '%s --help'",
				list(args, "and"), c.CommandPath())
		}
		return nil
	}
	format := format(c, "text", "json")
	c.RunE = func(c *cobra.Command, args []string) error {
		in, paint := inputOf(c), paintFor(c.OutOrStdout())
		if c.Flags().Changed("corpus") {
			return checkCorpus(in, *corpus, paint, *format == "json")
		}
		if err := onceStdin(args); err != nil {
			return err
		}
		matcher, err := readPattern(in, args[0])
		if err != nil {
			return err
		}
		m := &matchRun{matcher: matcher, out: in.out, paint: paint, json: *format == "json"}
		err = in.each(in.withoutFolders(args[1:]), m.event)
		if !m.json {
			m.summary(err)
		}
		return err
	}
	return c
}

// withoutFolders returns the files that are no folder, and reports the others.
func (in *input) withoutFolders(files []string) []string {
	return slices.DeleteFunc(slices.Clone(files), func(file string) bool {
		info, err := os.Stat(file)
		folder := err == nil && info.IsDir()
		if folder {
			in.report(file + " is a folder: name the files in it, as in " + filepath.Join(file, "*"))
		}
		return folder
	})
}

// readPattern compiles the pattern in a file, and warns of what whoever wrote it would not want. The error says where
// in the file it is wrong.
func readPattern(in *input, file string) (*events.Matcher, error) {
	text, err := readPatternText(in.stdin, file)
	if err != nil {
		return nil, err
	}
	problems, err := text.Lint()
	var syntax *events.SyntaxError
	if errors.As(err, &syntax) {
		_, advice, _ := strings.Cut(err.Error(), syntax.Message) // what Lint adds to the engine's words
		return nil, fmt.Errorf("%s:%d:%d: EventBridge would refuse this pattern: %s%s",
			called(file), syntax.Line, syntax.Column, printable(syntax.Message+advice), notAPattern([]byte(text)))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", called(file), err)
	}
	for _, p := range problems {
		message := p.Message
		if p.Path != "" {
			message = p.Path + ": " + message
		}
		fmt.Fprintln(in.stderr, printable(fmt.Sprintf("%s:%d:%d: warning: %s", called(file), p.Line, p.Column, message)))
	}
	return text.Compile()
}

// readPatternText returns what a file holds, without the byte order mark with which some editors begin it, and the
// line breaks that end it, which would count as characters of the pattern.
func readPatternText(stdin io.Reader, file string) (events.Pattern, error) {
	in, err := open(stdin, file)
	if err != nil {
		return "", fmt.Errorf("read the pattern: %w", err)
	}
	defer in.Close()
	text, err := io.ReadAll(in)
	if err != nil {
		return "", fmt.Errorf("read the pattern: %w", err)
	}
	text = bytes.TrimPrefix(text, []byte(byteOrderMark))
	return events.Pattern(bytes.TrimRight(text, "\r\n")), nil
}

const byteOrderMark = "\ufeff"

// open opens a file that is no folder, or standard input for "-".
func open(stdin io.Reader, file string) (io.ReadCloser, error) {
	if file == "-" {
		return io.NopCloser(stdin), nil
	}
	if info, err := os.Stat(file); err == nil && info.IsDir() {
		return nil, fmt.Errorf("%s is a folder: name a file in it", file)
	}
	return os.Open(file)
}

// notAPattern says what a text that is no pattern seems to be, and what to do then; "" if it can't tell.
func notAPattern(text []byte) string {
	var value any
	_ = json.NewDecoder(bytes.NewReader(text)).Decode(&value) // what isn't JSON stays nil
	object, _ := value.(map[string]any)
	switch {
	case len(bytes.TrimSpace(text)) == 0:
		return "\nit is empty: want a pattern, such as {\"source\": [\"aws.s3\"]}"
	case bytes.HasPrefix(text, []byte{0x1f, 0x8b}):
		return "\nit is gzipped: unpack it first"
	case bytes.HasPrefix(text, []byte{0xff, 0xfe}), bytes.HasPrefix(text, []byte{0xfe, 0xff}):
		return "\nit is in UTF-16: save it as UTF-8"
	case isText(object["EventPattern"]):
		return "\nit is a rule: take the pattern out of it, with jq -r .EventPattern"
	case isText(value):
		return "\nit is a text that holds a pattern: take it out, with jq -r ."
	case isText(object["id"]), isText(object["eventID"]), object["Records"] != nil, object["Events"] != nil:
		return "\nit seems to hold events: the pattern file comes first"
	}
	return ""
}

func isText(value any) bool {
	_, is := value.(string)
	return is
}

// matchRun matches one event after the other.
type matchRun struct {
	matcher        *events.Matcher
	out            *output
	paint          paint
	json           bool
	total, matched int
}

// verdict is what match prints of an event as JSON.
type verdict struct {
	File    string `json:"file"`
	Record  int    `json:"record"` // index in the file, from 0
	Line    int    `json:"line"`
	Wrapped bool   `json:"wrapped"` // a bare record, in an envelope of ours
	Match   bool   `json:"match"`
	Field   string `json:"field,omitempty"` // that stands in the way
	Reason  string `json:"reason,omitempty"`
}

func (m *matchRun) event(file string, e logs.Entry) error {
	matches, field, err := m.matcher.Explain(e.Event)
	if err != nil {
		return err
	}
	v := verdict{File: file, Record: e.Index, Line: e.Line, Wrapped: e.Wrapped, Match: matches, Field: field}
	if !matches {
		v.Reason = obstacle(e.Event, field)
	}
	m.total++
	if matches {
		m.matched++
	}
	if m.json {
		_ = writeJSON(m.out, v, "") // out keeps the error
		return nil
	}
	text := m.paint.good("match")
	if !matches {
		text = "no match: " + printable(v.Reason)
	}
	if e.Wrapped {
		text += m.paint.faint(" (bare record, wrapped)")
	}
	fmt.Fprintf(m.out, "%s:%d: %s\n", called(file), e.Line, text)
	return nil
}

// summary says how many events matched. The error is what reading them came to.
func (m *matchRun) summary(err error) {
	if m.total == 0 && err == nil {
		fmt.Fprintln(m.out, "no events to match: what was read holds none")
		return
	}
	fmt.Fprintf(m.out, "%d of %s matched\n", m.matched, count(m.total, "event"))
}

// obstacle says what an event has in the field that keeps it from matching.
func obstacle(event []byte, field string) string {
	if field == events.DifferentElements {
		return strings.Trim(field, "()")
	}
	var root any
	if json.Unmarshal(event, &root) != nil {
		return field
	}
	switch values := leaves(root, field); len(values) {
	case 0:
		return field + " is missing"
	case 1:
		return field + " is " + values[0]
	default:
		return field + " is " + list(values[:min(3, len(values))], "and")
	}
}

// leaves is the values at a path, in JSON, each cut to what fits a line. Dots in names count as steps, and lists are
// seen through, as in a pattern.
func leaves(value any, path string) []string {
	switch v := value.(type) {
	case map[string]any:
		var all []string
		for key, inner := range v {
			if key == path {
				all = append(all, leaves(inner, "")...)
			} else if rest, ok := strings.CutPrefix(path, key+"."); ok {
				all = append(all, leaves(inner, rest)...)
			}
		}
		return all
	case []any:
		var all []string
		for _, inner := range v {
			all = append(all, leaves(inner, path)...)
		}
		return all
	}
	if path != "" {
		return nil
	}
	text, _ := json.Marshal(value) // it was JSON before
	if len(text) > 80 {
		return []string{strings.ToValidUTF8(string(text[:80]), "") + "..."}
	}
	return []string{string(text)}
}
