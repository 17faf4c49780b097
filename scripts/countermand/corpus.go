package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/countermand/countermand/events/pattern"
)

// corpusInput is what match says about --corpus.
const corpusInput = `--corpus checks a file of cases with known answers instead, a line each:
  ` + caseShape + `
where "invalid" is a pattern that EventBridge refuses. "strict" overrides want, where the answer is another than
that of AWS's engine on purpose: a pattern that the engine accepts only by falling back to an older reader, or
that it gets wrong. The group of a case is its id up to the last hyphen. The groups are printed, then each
case that is answered otherwise; the exit status is 0 if there is none, each line holds a case, and no two
have the same id. --format json prints an object: cases, agree, disagree, groups, disagreements.`

const caseShape = `{"id": "GROUP-1", "pattern": "JSON", "event": "JSON", "want": true, false or "invalid"}`

// corpusCase is a pattern, an event and what the answer should be. Further fields of a line are for its readers.
type corpusCase struct {
	id             string
	pattern, event *string
	want, strict   any
}

// answers to a case besides true and false.
const (
	invalid        = "invalid"
	malformedEvent = "malformed event" // which no case wants
)

// corpusReport is how the answers compare with those of a corpus.
type corpusReport struct {
	tally
	Groups        []tally        `json:"groups"` // by name
	Disagreements []disagreement `json:"disagreements"`
	lines         map[string]int // by the ids of the cases
}

// tally counts the cases of a group, or of all.
type tally struct {
	Group    string `json:"group,omitempty"`
	Cases    int    `json:"cases"`
	Agree    int    `json:"agree"`
	Disagree int    `json:"disagree"`
}

func (t *tally) add(agrees bool) {
	t.Cases++
	if agrees {
		t.Agree++
	} else {
		t.Disagree++
	}
}

// disagreement is a case to which our answer is another. Answers are true, false or text.
type disagreement struct {
	ID      string `json:"id"`
	Line    int    `json:"line"`
	Pattern string `json:"pattern"`
	Event   string `json:"event"`
	Want    any    `json:"want"`
	Got     any    `json:"got"`
	Reason  string `json:"reason,omitempty"` // why the pattern is invalid, or the event malformed
}

// checkCorpus judges the cases of a file and prints how the answers compare. The error says that some differ, or that
// not all could be judged.
func checkCorpus(in *input, file string, p paint, asJSON bool) error {
	r := &corpusReport{Groups: []tally{}, Disagreements: []disagreement{}, lines: map[string]int{}}
	if err := r.read(in, file); err != nil {
		return fmt.Errorf("read the corpus: %w", err)
	}
	if asJSON {
		_ = writeJSON(in.out, r, "  ") // out keeps the error
	} else {
		r.print(in.out, called(file), p)
	}
	unread := count(in.failed, "problem") + " above: the rest was judged"
	switch {
	case in.out.err != nil:
		return in.out.err
	case r.Disagree > 0 && in.failed > 0:
		return fmt.Errorf("%d of %s disagree, and %s", r.Disagree, count(r.Cases, "case"), unread)
	case r.Disagree > 0:
		return fmt.Errorf("%d of %s disagree", r.Disagree, count(r.Cases, "case"))
	case in.failed > 0:
		return errors.New(unread)
	case r.Cases == 0:
		return fmt.Errorf("%s holds no case: want a line for each, as %s", called(file), caseShape)
	}
	return nil
}

// read judges a file line by line, and reports the lines that hold no case. Lines may be of any length.
func (r *corpusReport) read(in *input, file string) error {
	f, err := open(in.stdin, file)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewReader(f)
	for number := 1; ; number++ {
		line, err := lines.ReadBytes('\n')
		if err != nil && err != io.EOF {
			return err
		}
		if number == 1 {
			line = bytes.TrimPrefix(line, []byte(byteOrderMark))
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			if problem := r.line(number, line); problem != nil {
				in.report(fmt.Sprintf("%s:%d: %v", called(file), number, problem))
			}
		}
		if err == io.EOF {
			return nil
		}
	}
}

// line judges the case of a line. The error says why it is none, or that another line has its id.
func (r *corpusReport) line(number int, text []byte) error {
	var c corpusCase
	if err := c.decode(text); err != nil {
		return fmt.Errorf("%w: want %s", err, caseShape)
	}
	want := c.want
	if c.strict != nil {
		want = c.strict
	}
	got, reason := judge(*c.pattern, *c.event)
	r.add(got == want)
	r.group(c.id).add(got == want)
	if got != want {
		r.Disagreements = append(r.Disagreements, disagreement{
			ID: c.id, Line: number, Pattern: *c.pattern, Event: *c.event, Want: want, Got: got, Reason: reason,
		})
	}
	if first := r.lines[c.id]; first > 0 {
		return fmt.Errorf("line %d has the id %s, too: give each case its own", first, c.id)
	}
	r.lines[c.id] = number
	return nil
}

// decode fills in a case. Names are compared exactly, which encoding/json doesn't do when it fills a struct.
func (c *corpusCase) decode(text []byte) error {
	var fields map[string]json.RawMessage
	err := json.Unmarshal(text, &fields)
	var mistyped *json.UnmarshalTypeError
	switch {
	case errors.As(err, &mistyped):
		return fmt.Errorf("unexpected %s", mistyped.Value)
	case err != nil:
		return fmt.Errorf("malformed JSON: %w", err)
	}
	for _, f := range []struct {
		name string
		into any
	}{{"id", &c.id}, {"pattern", &c.pattern}, {"event", &c.event}, {"want", &c.want}, {"strict", &c.strict}} {
		if fields[f.name] == nil {
			continue
		}
		if err := json.Unmarshal(fields[f.name], f.into); errors.As(err, &mistyped) {
			return fmt.Errorf("unexpected %s in %s", mistyped.Value, f.name)
		}
	}
	return c.check()
}

// check says what a case lacks.
func (c *corpusCase) check() error {
	switch {
	case c.id == "":
		return errors.New("id is missing")
	case c.pattern == nil:
		return errors.New("pattern is missing")
	case c.event == nil:
		return errors.New("event is missing")
	case c.want == nil:
		return errors.New("want is missing")
	case c.want != true && c.want != false && c.want != invalid:
		return errors.New("unexpected value in want")
	case c.strict != nil && c.strict != true && c.strict != false && c.strict != invalid:
		return errors.New("unexpected value in strict")
	}
	return nil
}

// judge is our answer on a pattern and an event: true, false, or a text and its reason.
func judge(text, event string) (got any, reason string) {
	matcher, err := pattern.Pattern(text).Compile()
	if err != nil {
		return invalid, err.Error()
	}
	matched, err := matcher.Match([]byte(event))
	if err != nil {
		return malformedEvent, err.Error()
	}
	return matched, ""
}

// group is the tally of a case's group, valid until the next call. An id without a hyphen is a group of its own.
func (r *corpusReport) group(id string) *tally {
	group := id
	if last := strings.LastIndexByte(id, '-'); last >= 0 {
		group = id[:last]
	}
	byName := func(t tally, name string) int { return strings.Compare(t.Group, name) }
	i, found := slices.BinarySearchFunc(r.Groups, group, byName)
	if !found {
		r.Groups = slices.Insert(r.Groups, i, tally{Group: group})
	}
	return &r.Groups[i]
}

// print prints the report for people.
func (r *corpusReport) print(out *output, file string, p paint) {
	width := len("GROUP")
	for _, g := range r.Groups {
		width = max(width, len(g.Group))
	}
	fmt.Fprintf(out, "%-*s  CASES  AGREE  DISAGREE\n", width, "GROUP")
	for _, g := range r.Groups {
		fmt.Fprintf(out, "%-*s  %5d  %5d  %8d\n", width, printable(g.Group), g.Cases, g.Agree, g.Disagree)
	}
	for _, d := range r.Disagreements {
		where := fmt.Sprintf("%s:%d: %s:", file, d.Line, d.ID)
		fmt.Fprintf(out, "\n%s want %v, got %s\n", p.bold(printable(where)), d.Want, p.alarm(fmt.Sprint(d.Got)))
		fmt.Fprintf(out, "  pattern %s\n  event   %s\n", printable(excerpt(d.Pattern)), printable(excerpt(d.Event)))
		if d.Reason != "" {
			fmt.Fprintf(out, "  %s\n", printable(d.Reason))
		}
	}
	fmt.Fprintf(out, "\n%s: %d agree, %d disagree\n", count(r.Cases, "case"), r.Agree, r.Disagree)
}

// excerpt is the beginning of a text, as much as people may want to read of it.
func excerpt(text string) string {
	const most = 2000
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + fmt.Sprintf("... (%d bytes; --format json has all)", len(text))
}
