package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/countermand/countermand/remediations"
)

// A Summary sends one message about the alerts that were folded. All of its fields are required.
type Summary struct {
	Modules []string // whose backlogs are read
	Store   AlertStore
	Alert   func(ctx context.Context, message Message) error
	Now     func() time.Time
}

// Send sends one message about all folded alerts, and returns their number. It then clears the backlogs: if that fails,
// the next summary repeats them, so that none is lost. An error with one module's backlog does not hold up the others.
func (s *Summary) Send(ctx context.Context) (int, error) {
	var backlogs []*Backlog
	var errs []error
	for _, module := range s.Modules {
		backlog, err := s.Store.Backlog(ctx, module)
		if err != nil {
			errs = append(errs, err)
		} else if backlog != nil {
			backlogs = append(backlogs, backlog)
		}
	}
	if len(backlogs) == 0 {
		return 0, errors.Join(errs...)
	}
	if err := s.Alert(ctx, RenderSummary(backlogs, s.Now())); err != nil {
		return 0, errors.Join(append(errs, fmt.Errorf("summary: %w", err))...)
	}
	times := 0
	for _, backlog := range backlogs {
		times += backlog.Times
		errs = append(errs, s.Store.ClearBacklog(ctx, backlog))
	}
	return times, errors.Join(errs...)
}

// FoldedFacts is the content of a summary for machines.
type FoldedFacts struct {
	Times    int               `json:"times"` // alerts
	Critical int               `json:"critical"`
	Modules  []FoldedModule    `json:"modules"`
	Who      []FoldedPrincipal `json:"who"`  // of the runs that backlogs name, by how many
	Runs     []FoldedAlert     `json:"runs"` // some of them, the worst first
	Commands []FoldedCommand   `json:"commands"`
}

// A FoldedModule is the part of a summary about one module.
type FoldedModule struct {
	Module   string                `json:"module"`
	Severity remediations.Severity `json:"severity"`
	Times    int                   `json:"times"`
	Critical int                   `json:"critical"`
	Outcomes map[Outcome]int       `json:"outcomes"`
}

// A FoldedPrincipal counts the runs that one principal caused, among those that the backlogs name.
type FoldedPrincipal struct {
	Principal string `json:"principal"`
	Runs      int    `json:"runs"`
}

// A FoldedCommand lists a module's runs.
type FoldedCommand struct {
	Module string `json:"module"`
	List   string `json:"list"`
}

// Bounds of a summary.
const (
	maxSummaryRuns = 30
	maxSummaryWho  = 10
	maxChatRuns    = 10
	maxSummaryText = 200 // bytes of a resource or a principal
)

// RenderSummary returns the message about backlogs.
func RenderSummary(backlogs []*Backlog, now time.Time) Message {
	f := newFoldedFacts(backlogs, now)
	var severity remediations.Severity
	var names []string
	for _, m := range f.Modules {
		severity = max(severity, m.Severity)
		names = append(names, m.Module)
	}
	subject := fmt.Sprintf("[%s] %s folded: %s", severity, plural(f.Times, "alert was", "alerts were"), strings.Join(names, ", "))
	if len(subject) > maxSubject {
		subject = subject[:maxSubject-3] + "..."
	}
	headline := fmt.Sprintf("Countermand has folded %s, %d of them critical.", plural(f.Times, "alert", "alerts"), f.Critical)
	// One an hour, so that a pager's open incident does not swallow those that come later.
	thread := "summary " + now.UTC().Format("2006-01-02T15")
	m := Message{Subject: subject, Body: summaryBody(headline, f)}
	m.Facts = Facts{
		Kind: SummaryKind, Version: factsVersion, Subject: subject, Title: templateSafe(subject), Text: m.Body, Critical: f.Critical > 0,
		Level: pagingLevel(severity, f.Critical > 0), Module: "summary", Severity: severity, Thread: thread, Folded: f,
	}
	m.chat = summaryChat(headline, subject, names, f)
	return m
}

// newFoldedFacts returns the content of backlogs, worst first.
func newFoldedFacts(backlogs []*Backlog, now time.Time) *FoldedFacts {
	f := &FoldedFacts{}
	since := now
	who := map[string]int{}
	for _, backlog := range backlogs {
		f.Times += backlog.Times
		f.Critical += backlog.Critical
		f.Modules = append(f.Modules, FoldedModule{backlog.Module, backlog.Severity, backlog.Times, backlog.Critical, backlog.Outcomes})
		for _, run := range backlog.Runs {
			who[run.Principal]++
			if run.At.Before(since) {
				since = run.At
			}
			run.Resource, run.Principal = bounded(run.Resource, maxSummaryText), bounded(run.Principal, maxSummaryText)
			f.Runs = append(f.Runs, run)
		}
	}
	hours := int(now.Sub(since)/time.Hour) + 1
	for _, backlog := range backlogs {
		list := fmt.Sprintf("go run ./scripts/countermand runs --module %s --since %dh", backlog.Module, hours)
		f.Commands = append(f.Commands, FoldedCommand{backlog.Module, list})
	}
	for principal, runs := range who {
		f.Who = append(f.Who, FoldedPrincipal{bounded(principal, maxSummaryText), runs})
	}
	slices.SortFunc(f.Who, func(a, b FoldedPrincipal) int {
		return cmp.Or(cmp.Compare(b.Runs, a.Runs), strings.Compare(a.Principal, b.Principal))
	})
	f.Who = f.Who[:min(len(f.Who), maxSummaryWho)]
	f.Runs = worstFirst(f.Runs)
	f.Runs = f.Runs[:min(len(f.Runs), maxSummaryRuns)]
	return f
}

// worstFirst sorts runs: first those that need attention, then critical ones; among these the first run of each
// principal and outcome precedes any second one, so that nobody's many runs hide somebody else's only one.
func worstFirst(runs []FoldedAlert) []FoldedAlert {
	slices.SortFunc(runs, func(a, b FoldedAlert) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), a.At.Compare(b.At), strings.Compare(a.Run, b.Run))
	})
	type place struct{ settled, harmless, nth int }
	places, seen := map[string]place{}, map[string]int{}
	for _, f := range runs {
		var p place
		if !f.Outcome.urgent() {
			p.settled = 1
		}
		if !f.Critical {
			p.harmless = 1
		}
		p.nth = seen[f.Module+f.Group()]
		seen[f.Module+f.Group()]++
		places[f.Run] = p
	}
	slices.SortStableFunc(runs, func(a, b FoldedAlert) int {
		x, y := places[a.Run], places[b.Run]
		return cmp.Or(cmp.Compare(x.settled, y.settled), cmp.Compare(x.harmless, y.harmless), cmp.Compare(x.nth, y.nth))
	})
	return runs
}

// summaryBody returns the e-mail of a summary.
func summaryBody(headline string, f *FoldedFacts) string {
	var b strings.Builder
	section := sections(&b)
	b.WriteString(headline + " They were not sent one by one, as the\n" +
		"same had been told within the hour, or a module had more to tell than anybody reads.\n\n")
	var modules, who, runs, commands []string
	for _, m := range f.Modules {
		modules = append(modules, fmt.Sprintf("%s (%s): %s", m.Module, m.Severity, outcomeCounts(m.Outcomes)))
	}
	section("WHAT CAME OF IT", "%s", strings.Join(modules, "\n"))
	for _, w := range f.Who {
		who = append(who, fmt.Sprintf("%4d  %s", w.Runs, w.Principal))
	}
	for _, r := range f.Runs {
		runs = append(runs, fmt.Sprintf("%s: %s\n  run %s", r.Outcome, r.Resource, r.Run))
	}
	if len(f.Runs) < f.Times {
		runs = append(runs, fmt.Sprintf("and %d more", f.Times-len(f.Runs)))
	}
	if len(who) > 0 {
		section("WHO DID IT (of those that were noted)", "%s", strings.Join(who, "\n"))
	}
	section("WHICH", "%s", strings.Join(runs, "\n"))
	for _, c := range f.Commands {
		commands = append(commands, c.List)
	}
	section("SEE THEM ALL", "In Countermand's repository:\n%s", strings.Join(commands, "\n"))
	return b.String()
}

// outcomeCounts returns the count of each outcome, the most frequent first.
func outcomeCounts(counts map[Outcome]int) string {
	names := slices.SortedFunc(maps.Keys(counts), func(a, b Outcome) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), strings.Compare(string(a), string(b)))
	})
	var parts []string
	for _, o := range names {
		parts = append(parts, fmt.Sprintf("%d %s", counts[o], o))
	}
	return strings.Join(parts, ", ")
}

// summaryChat returns the notification of a summary.
func summaryChat(headline, title string, modules []string, f *FoldedFacts) chat {
	var b strings.Builder
	b.WriteString(headline + "\n\n")
	for _, m := range f.Modules {
		fmt.Fprintf(&b, "*%s* %s\n", m.Module, outcomeCounts(m.Outcomes))
	}
	for i, r := range f.Runs {
		if i == maxChatRuns {
			break
		}
		fmt.Fprintf(&b, "%s %s by %s\n", r.Outcome, code(r.Resource, maxSummaryText), code(r.Principal, maxSummaryText))
	}
	var steps []string
	for _, c := range f.Commands {
		steps = append(steps, "See them all: `"+c.List+"`")
	}
	c := newChat("", "summary", title, b.String(), steps, nil)
	c.Content.Keywords = modules
	return c
}

// plural returns a number with its noun.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
