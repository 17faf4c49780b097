package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/countermand/countermand/events/pattern"
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
line for each event: file, record (index in the file, from 0), line, eventID, eventSource, eventName, wrapped,
match, field and reason.

` + corpusInput,
		Example: "  " + name + ` match pattern.json event.json
  ` + name + ` match pattern.json --format json *.json.gz
  aws events describe-rule --name my-rule --query EventPattern --output text |
    ` + name + ` match - event.json
  ` + name + ` match --corpus events/pattern/testdata/patterns.jsonl`,
	}
	corpus := c.Flags().String("corpus", "", "check a `FILE` of cases instead")
	c.Args = func(c *cobra.Command, args []string) error {
		if !c.Flags().Changed("corpus") {
			if len(args) == 1 && holdsCases(args[0]) {
				return fmt.Errorf("%s holds cases: check it with --corpus %s\nsee '%s --help'",
					called(args[0]), called(args[0]), c.CommandPath())
			}
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
		err = in.each(args[1:], m.event)
		if !m.json {
			m.summary(err)
		}
		return err
	}
	return c
}

// readPattern compiles the pattern in a file, and warns of what whoever wrote it would not want. The error says where
// in the file it is wrong.
func readPattern(in *input, file string) (*pattern.Matcher, error) {
	text, err := readPatternText(in.stdin, file)
	if err != nil {
		return nil, err
	}
	problems, err := text.Lint()
	var syntax *pattern.SyntaxError
	if errors.As(err, &syntax) {
		_, advice, _ := strings.Cut(err.Error(), syntax.Message) // what Lint adds to the engine's words
		return nil, fmt.Errorf("%s:%d:%d: EventBridge would refuse this pattern: %s%s",
			called(file), syntax.Line, syntax.Column, printable(syntax.Message+advice),
			notAPattern([]byte(text), syntax.Line, syntax.Column))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", called(file), err)
	}
	if hint := ruleHint(firstValue([]byte(text))); hint != "" {
		return nil, fmt.Errorf("%s: as a pattern this matches no event\n%s", called(file), printable(hint))
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
func readPatternText(stdin io.Reader, file string) (pattern.Pattern, error) {
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
	return pattern.Pattern(bytes.TrimRight(text, "\r\n")), nil
}

const byteOrderMark = "\ufeff"

// matchRun matches one event after the other.
type matchRun struct {
	matcher        *pattern.Matcher
	out            *output
	paint          paint
	json           bool
	total, matched int
}

// verdict is what match prints of an event as JSON.
type verdict struct {
	File        string `json:"file"`
	Record      int    `json:"record"` // index in the file, from 0
	Line        int    `json:"line"`
	EventID     string `json:"eventID"` // this and the next two are empty if it isn't an event of CloudTrail
	EventSource string `json:"eventSource"`
	EventName   string `json:"eventName"`
	Wrapped     bool   `json:"wrapped"` // a bare record, in an envelope of ours
	Match       bool   `json:"match"`
	Field       string `json:"field,omitempty"` // that stands in the way
	Reason      string `json:"reason,omitempty"`
}

func (m *matchRun) event(file string, e logs.Entry) error {
	matches, field, err := m.matcher.Explain(e.Event)
	if err != nil {
		return err
	}
	event := decoded(e.Event)
	detail, _ := event["detail"].(map[string]any)
	v := verdict{
		File: file, Record: e.Index, Line: e.Line, Wrapped: e.Wrapped, Match: matches, Field: field,
		EventID: textOf(detail["eventID"]), EventSource: textOf(detail["eventSource"]), EventName: textOf(detail["eventName"]),
	}
	if !matches {
		v.Reason = obstacle(event, field)
	}
	m.total++
	if matches {
		m.matched++
	}
	if m.json {
		_ = writeJSON(m.out, v, "") // out keeps the error
		return nil
	}
	answer := m.paint.good("match")
	if !matches {
		answer = "no match: " + printable(v.Reason)
	}
	if e.Wrapped {
		answer += m.paint.faint(" (bare record, wrapped)")
	}
	where := place(file, e)
	if name := shortened(cmp.Or(v.EventName, textOf(event["detail-type"])), 80); name != "" {
		where += " " + printable(name)
	}
	fmt.Fprintf(m.out, "%s: %s\n", where, answer)
	return nil
}

// decoded is an event's fields. Numbers stay as they are written.
func decoded(event []byte) map[string]any {
	var fields map[string]any
	d := json.NewDecoder(bytes.NewReader(event))
	d.UseNumber()
	_ = d.Decode(&fields) // what the matcher has read is an object
	return fields
}

// textOf is a value that is a text, or "".
func textOf(value any) string {
	s, _ := value.(string)
	return s
}

// shortened is a text, cut if it has more bytes than that.
func shortened(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "..."
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
func obstacle(event map[string]any, field string) string {
	if field == pattern.DifferentElements {
		return strings.Trim(field, "()")
	}
	switch values := leaves(event, field); len(values) {
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
	return []string{shortened(string(text), 80)}
}
