package main

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/events/pattern"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/scripts/internal/logs"
)

func explainCommand(modules []*remediations.Module) *cobra.Command {
	c := &cobra.Command{
		Use:   "explain FILE...",
		Short: "say what the modules would make of events, and which check stops them",
		Long: `Say what each module would make of an event, up to the first call to AWS: is it what CloudTrail sent, does
the module's pattern match, and which resources does it make suspect? What the guard would then find depends
on the resource, so explain ends there and says what it would read.

Events that no module watches are only counted; --all shows every module for every event.

` + inputs + `

--format jsonl prints a line for each event and module whose pattern matches: file, record (index in the
file, from 0), eventID, eventSource, eventName, account, region, principal, module, verdict ("suspect" or
"clean"), resources and reason.`,
		Example: "  " + name + ` explain event.json
  ` + name + ` explain --all event.json
  ` + name + ` explain --format jsonl cloudtrail/*.json.gz > verdicts.jsonl
  aws cloudtrail lookup-events --max-items 50 | ` + name + ` explain -`,
		Args: some(1, "a file"),
	}
	format := format(c, "text", "jsonl")
	all := c.Flags().Bool("all", false, "show every module for every event")
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := onceStdin(args); err != nil {
			return err
		}
		in := inputOf(c)
		x, err := newExplainer(modules)
		if err != nil {
			return err
		}
		if *format == "jsonl" {
			return in.each(args, func(file string, e logs.Entry) error { return x.jsonl(in.out, file, e) })
		}
		t := &explainText{explainer: x, paint: paintFor(c.OutOrStdout()), all: *all}
		err = in.each(args, func(file string, e logs.Entry) error { return t.event(in.out, file, e) })
		t.summary(in.out)
		return err
	}
	return c
}

// explainer asks modules about events.
type explainer struct {
	modules  []*remediations.Module
	matchers []*pattern.Matcher
}

func newExplainer(modules []*remediations.Module) (*explainer, error) {
	x := &explainer{modules: modules}
	for _, m := range modules {
		matcher, err := m.Pattern.Compile()
		if err != nil {
			return nil, fmt.Errorf("module %s: %w", m.Name, err)
		}
		x.matchers = append(x.matchers, matcher)
	}
	return x, nil
}

// opinion is what one module makes of an event.
type opinion struct {
	module    *remediations.Module
	matches   bool
	field     string // that keeps the pattern from matching
	resources []remediations.Resource
	err       error // of Suspects: what can't be told is suspect
}

func (o opinion) suspect() bool { return o.err != nil || len(o.resources) > 0 }

// opinions is what every module makes of an event. The error is that of an event that is none.
//
// Most records concern no module, and parsing costs more than matching: where all is false, a bare record that no
// pattern matches is not parsed, and the event is empty.
func (x *explainer) opinions(e logs.Entry, all bool) (event events.Event, opinions []opinion, err error) {
	opinions = make([]opinion, len(x.modules))
	parse := all || !e.Wrapped
	for i, m := range x.modules {
		o := &opinions[i]
		o.module = m
		if o.matches, o.field, err = x.matchers[i].Explain(e.Event); err != nil {
			return event, nil, err
		}
		parse = parse || o.matches
	}
	if !parse {
		return event, opinions, nil
	}
	if event, err = events.Parse(e.Event); err != nil {
		return event, nil, err
	}
	for i := range opinions {
		if o := &opinions[i]; o.matches {
			o.resources, o.err = o.module.Suspects(event)
		}
	}
	return event, opinions, nil
}

// forged says why an event would be refused before any module sees it. Of a bare record nothing can be said: its
// envelope is ours, and agrees with the record as far as that goes.
func forged(e logs.Entry, event events.Event) error {
	if e.Wrapped {
		return nil
	}
	return event.Authentic()
}

// line is what explain prints of an event and a module as JSON.
type line struct {
	File        string   `json:"file"`
	Record      int      `json:"record"`
	EventID     string   `json:"eventID"`
	EventSource string   `json:"eventSource"`
	EventName   string   `json:"eventName"`
	Account     string   `json:"account"`
	Region      string   `json:"region"`
	Principal   string   `json:"principal"`
	Module      string   `json:"module"`
	Verdict     string   `json:"verdict"`
	Resources   []string `json:"resources"`
	Reason      string   `json:"reason"`
}

func (x *explainer) jsonl(out *output, file string, e logs.Entry) error {
	event, opinions, err := x.opinions(e, false)
	if err != nil {
		return err
	}
	for _, o := range opinions {
		if !o.matches {
			continue
		}
		l := line{
			File: file, Record: e.Index, EventID: event.Record.EventID, EventSource: event.Record.EventSource,
			EventName: event.Record.EventName, Account: event.Account, Region: event.Region,
			Principal: event.Record.Identity.Principal(), Module: o.module.Name,
			Verdict: "clean", Resources: []string{}, Reason: o.reason(),
		}
		if o.suspect() {
			l.Verdict = "suspect"
		}
		for _, r := range o.resources {
			l.Resources = append(l.Resources, r.ID)
		}
		if err := forged(e, event); err != nil {
			l.Reason = "the event would be refused as not authentic, " + err.Error() + "; otherwise: " + l.Reason
		}
		_ = writeJSON(out, l, "") // out keeps the error
	}
	return nil
}

// reason says in a sentence what stops the module, or what it would do next.
func (o opinion) reason() string {
	switch {
	case o.err != nil:
		return o.err.Error()
	case len(o.resources) == 0:
		return "the event makes no resource suspect"
	case len(o.module.Reads) == 0:
		return "next the guard would judge " + count(len(o.resources), "resource") + " by the event alone"
	}
	return "next the guard would read " + count(len(o.resources), "resource") + " with " + list(actions(o.module.Reads), "and")
}

func actions(permissions []remediations.Permission) []string {
	var all []string
	for _, p := range permissions {
		all = append(all, p.Action)
	}
	return all
}

// explainText prints what the modules make of events for people.
type explainText struct {
	*explainer
	paint                          paint
	all                            bool
	total, suspect, clean, notOurs int
	refused                        int
}

func (t *explainText) event(out *output, file string, e logs.Entry) error {
	event, opinions, err := t.opinions(e, t.all)
	if err != nil {
		return err
	}
	t.total++
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n", t.paint.bold(place(file, e)+": "+printable(story(event))))
	if e.Wrapped && t.all {
		fmt.Fprintf(&b, "  %s\n", t.paint.faint("a bare record, taken as EventBridge would deliver it"))
	}
	switch err := forged(e, event); {
	case err != nil:
		t.refused++
		fmt.Fprintf(&b, "  %s: %s\n", t.paint.alarm("not authentic, every module would refuse it"), printable(err.Error()))
	default:
		if !t.opinionsOf(&b, e, event, opinions) && !t.all {
			return nil
		}
	}
	fmt.Fprintln(&b)
	_, _ = b.WriteTo(out) // out keeps the error
	return nil
}

// opinionsOf prints what the modules make of an authentic event, and reports whether any of them watches it.
func (t *explainText) opinionsOf(b *bytes.Buffer, e logs.Entry, event events.Event, opinions []opinion) bool {
	watched, suspect := false, false
	for _, o := range opinions {
		watched = watched || o.matches
		suspect = suspect || o.suspect()
		if !o.matches && t.all {
			fmt.Fprintf(b, "  %s: %s\n", o.module.Name, t.paint.faint("pattern does not match: "+printable(obstacle(decoded(e.Event), o.field))))
		}
		if !o.matches {
			continue
		}
		if !o.suspect() {
			fmt.Fprintf(b, "  %s: %s: %s\n", o.module.Name, t.paint.good("clean"), o.reason())
			continue
		}
		fmt.Fprintf(b, "  %s: %s", o.module.Name, t.paint.alarm("suspect"))
		for i, r := range o.resources {
			fmt.Fprintf(b, "%s %s%s", strings.Repeat(",", min(i, 1)), printable(r.String()), elsewhere(r, event))
		}
		if o.err != nil {
			fmt.Fprintf(b, ", since it can't be told from the event: %s\n", printable(o.err.Error()))
			continue
		}
		fmt.Fprintf(b, "\n    %s\n", t.paint.faint(o.reason()))
	}
	switch {
	case suspect:
		t.suspect++
	case watched:
		t.clean++
	default:
		t.notOurs++
	}
	return watched
}

// elsewhere says where a resource is if not where the event is from.
func elsewhere(r remediations.Resource, event events.Event) string {
	switch {
	case r.Account != event.Account:
		return " (account " + r.Account + ", " + r.Region + ")"
	case r.Region != event.Region:
		return " (" + r.Region + ")"
	}
	return ""
}

// story is who did what, where and when.
func story(event events.Event) string {
	r := event.Record
	text := fmt.Sprintf("%s called %s of %s", r.Identity.Name(), r.EventName, events.Label(r.EventSource))
	if r.Failed() {
		text += " and failed"
		if r.ErrorCode != "" {
			text += " (" + r.ErrorCode + ")"
		}
	}
	if event.Account != "" {
		text += " in " + event.Account
	}
	if event.Region != "" {
		text += " " + event.Region
	}
	if r.SourceIPAddress != "" {
		text += " from " + r.SourceIPAddress
	}
	if !r.EventTime.IsZero() {
		text += " at " + r.EventTime.Format(time.RFC3339)
	}
	if event.ReplayName != "" {
		text += ", replayed by " + event.ReplayName
	}
	return text
}

func (t *explainText) summary(out *output) {
	parts := []string{}
	for _, p := range []struct {
		n    int
		what string
	}{
		{t.suspect, "suspect"}, {t.clean, "clean"}, {t.refused, "not authentic"}, {t.notOurs, "not watched by any module"},
	} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	text := count(t.total, "event")
	if len(parts) > 0 {
		text += ": " + strings.Join(parts, ", ")
	}
	if t.notOurs > 0 && !t.all {
		text += " (--all shows why)"
	}
	fmt.Fprintln(out, text)
}
