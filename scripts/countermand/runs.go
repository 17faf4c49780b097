package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/engine"
	"github.com/countermand/countermand/remediations/engine/store"
)

func runsCommand(modules []*remediations.Module, load loader) *cobra.Command {
	c := &cobra.Command{
		Use:   "runs",
		Short: "list what Countermand has done",
		Long: `List the runs in the run table, newest first. All filters that are given must apply.

The whole table is read for it, page by page. --format json prints the whole record of each run, one a line.

` + credentials,
		Example: "  " + name + ` runs
  ` + name + ` runs --since 24h --outcome failed --outcome unverified
  ` + name + ` runs --resource acme-invoices --format json`,
	}
	c.Args = func(c *cobra.Command, args []string) error {
		if len(args) > 0 {
			return fmt.Errorf("runs takes no argument, got %q\nfor one run: %s run %s", args[0], name, args[0])
		}
		return nil
	}
	f := c.Flags()
	module := f.String("module", "", "runs of a module of this `NAME`")
	resource := f.String("resource", "", "runs on resources with this `TEXT` in type or id")
	principal := f.String("principal", "", "runs on calls of a principal with this `TEXT` in the ARN")
	outcomes := f.StringArray("outcome", nil, "runs that ended as this `OUTCOME`; can be repeated: "+list(outcomeNames(), "or"))
	since := f.String("since", "", "runs begun since this `TIME`: 24h, 7d, 2026-03-01 or 2026-03-01T10:00:00Z")
	limit := f.Int("limit", 50, "how many runs at most")
	history := historyOf(c, load)
	format := format(c, "text", "json")
	c.RunE = func(c *cobra.Command, _ []string) error {
		q := store.Query{Module: *module, Resource: *resource, Principal: *principal, Limit: *limit}
		if err := readQuery(&q, modules, *outcomes, *since, time.Now()); err != nil {
			return err
		}
		_, store, err := history.open(c.Context())
		if err != nil {
			return err
		}
		p := &scanProgress{stderr: c.ErrOrStderr(), begun: time.Now()}
		found, err := store.List(c.Context(), q, p.show)
		p.end(found.Scanned)
		if err != nil {
			return history.explain(err)
		}
		return printRuns(c.OutOrStdout(), c.ErrOrStderr(), found, *format == "json")
	}
	return c
}

// readQuery checks what was asked for, and adds it to the query.
func readQuery(q *store.Query, modules []*remediations.Module, outcomes []string, since string, now time.Time) error {
	if q.Limit < 1 {
		return fmt.Errorf("--limit %d: want at least 1", q.Limit)
	}
	if q.Module != "" {
		if _, err := find(modules, q.Module); err != nil {
			return err
		}
	}
	for _, o := range outcomes {
		outcome, err := readOutcome(o)
		if err != nil {
			return err
		}
		q.Outcomes = append(q.Outcomes, outcome)
	}
	var err error
	q.Since, err = readSince(since, now)
	return err
}

func outcomeNames() []string {
	var names []string
	for _, o := range engine.Recorded() {
		names = append(names, string(o))
	}
	return names
}

func readOutcome(text string) (engine.Outcome, error) {
	for _, o := range engine.Recorded() {
		if strings.EqualFold(string(o), text) {
			return o, nil
		}
	}
	return "", fmt.Errorf("unknown outcome %q: want %s", text, list(outcomeNames(), "or"))
}

// readSince is the time from which on something is asked for: as readTime, and not in the future.
func readSince(text string, now time.Time) (time.Time, error) {
	at, err := readTime("--since", text, now)
	if err == nil && at.After(now) {
		return at, fmt.Errorf("--since %s is in the future: no run has begun since then", text)
	}
	return at, err
}

// readTime is the time that a duration before now, a day (in UTC) or a time names; zero for "".
func readTime(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	days, dayErr := strconv.Atoi(strings.TrimSuffix(text, "d"))
	duration, durationErr := time.ParseDuration(text)
	at, timeErr := time.Parse(time.RFC3339, text)
	if timeErr != nil {
		at, timeErr = time.Parse(time.DateOnly, text)
	}
	switch {
	case strings.HasSuffix(text, "d") && dayErr == nil:
		at = now.AddDate(0, 0, -days)
	case durationErr == nil:
		at = now.Add(-duration)
	case timeErr != nil:
		return at, fmt.Errorf("%s %s: want a duration such as 24h or 7d, a day such as 2026-03-01, or a time such as 2026-03-01T10:00:00Z", flag, text)
	}
	return at, nil
}

func printRuns(out, stderr io.Writer, found store.Listing, asJSON bool) error {
	if asJSON {
		for _, r := range found.Runs {
			if err := writeJSON(out, r, ""); err != nil {
				return err
			}
		}
		return nil
	}
	if len(found.Runs) == 0 {
		fmt.Fprintf(stderr, "no run found: %s in the table\n", count(found.Scanned, "item"))
		return nil
	}
	if err := printRunTable(out, found.Runs); err != nil {
		return err
	}
	if more := found.Matched - len(found.Runs); more > 0 {
		fmt.Fprintf(stderr, "the newest %d of %d: for more, --limit %d\n", len(found.Runs), found.Matched, found.Matched)
	}
	return nil
}

// maxName bounds what somebody else has chosen in a table, in characters.
const maxName = 40

func printRunTable(out io.Writer, runs []*engine.Record) error {
	rows := [][]string{{"BEGAN (UTC)", "OUTCOME", "MODULE", "CALL", "BY", "RESOURCE", "RUN"}}
	for _, r := range runs {
		call := r.EventName
		if r.Undoes != "" {
			call = "(undo)"
		}
		row := []string{r.Started.UTC().Format(time.DateTime), string(r.Outcome), r.Module, short(call), short(r.Name), r.Resource.ID, r.ID}
		rows = append(rows, row)
	}
	p := paintFor(out)
	return writeTable(out, rows, func(_, column int, cell string) string {
		if column == 1 {
			return p.outcome(engine.Outcome(cell))
		}
		return cell
	})
}

// outcome is an outcome in its colour: what needs somebody to look stands out.
func (p paint) outcome(o engine.Outcome) string {
	switch o {
	case engine.Remediated, engine.Undone:
		return p.good(string(o))
	case engine.Failed, engine.Unverified, engine.Partial:
		return p.alarm(string(o))
	case engine.Clean:
		return p.faint(string(o))
	}
	return string(o)
}

func short(text string) string {
	if runes := []rune(text); len(runes) > maxName {
		return string(runes[:maxName-3]) + "..."
	}
	return text
}

// scanProgress says how much of the run table was read, if that takes over two seconds: all the while to somebody who
// looks at a terminal, once at the end to anybody.
type scanProgress struct {
	stderr io.Writer
	begun  time.Time
	shown  bool
}

func (p *scanProgress) slow() bool { return time.Since(p.begun) > 2*time.Second }

func (p *scanProgress) show(looked int) {
	if p.slow() && isTerminal(p.stderr) {
		p.shown = true
		fmt.Fprintf(p.stderr, "\r%s looked at ...", count(looked, "item"))
	}
}

func (p *scanProgress) end(looked int) {
	if p.shown {
		fmt.Fprint(p.stderr, "\r\033[K")
	}
	if p.slow() {
		fmt.Fprintf(p.stderr, "%s looked at in %s\n", count(looked, "item"), time.Since(p.begun).Round(100*time.Millisecond))
	}
}
