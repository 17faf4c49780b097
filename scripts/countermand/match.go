package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
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

The exit status says whether all events could be judged, not whether they match. --format json prints a
line for each event: file, record (index in the file, from 0), line, wrapped, match, field and reason.`,
		Example: "  " + name + ` match pattern.json event.json
  ` + name + ` match pattern.json --format json *.json.gz
  aws events describe-rule --name my-rule --query EventPattern --output text |
    ` + name + ` match - event.json`,
		Args: some(2, "a pattern file or an event file"),
	}
	format := format(c, "text", "json")
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := onceStdin(args); err != nil {
			return err
		}
		matcher, err := readPattern(c.InOrStdin(), args[0])
		if err != nil {
			return err
		}
		in := inputOf(c)
		m := &matchRun{matcher: matcher, out: in.out, paint: paintFor(c.OutOrStdout()), json: *format == "json"}
		err = in.each(args[1:], m.event)
		if !m.json {
			fmt.Fprintf(m.out, "%d of %s matched\n", m.matched, count(m.total, "event"))
		}
		return err
	}
	return c
}

// readPattern compiles the pattern in a file. The error says where in the file it is wrong.
func readPattern(stdin io.Reader, file string) (*events.Matcher, error) {
	var text []byte
	var err error
	if file == "-" {
		text, err = io.ReadAll(stdin)
	} else {
		text, err = os.ReadFile(file)
	}
	if err != nil {
		return nil, fmt.Errorf("read the pattern: %w", err)
	}
	matcher, err := events.Pattern(text).Compile()
	var syntax *events.SyntaxError
	if errors.As(err, &syntax) {
		return nil, fmt.Errorf("%s:%d:%d: EventBridge would refuse this pattern: %s",
			called(file), syntax.Line, syntax.Column, syntax.Message)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", called(file), err)
	}
	return matcher, nil
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
