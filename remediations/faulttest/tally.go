package faulttest

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/countermand/countermand/remediations/engine"
)

// tally is the table of faults: what was tried where, and how it ended.
type tally struct {
	module string
	acts   bool // the module has an action
	cases  int
	rows   map[row]map[string]int // how often it ended in which way
	turn   int                    // scenarios so far, also those that were left out
	sample sample
	broken []string // scenarios in which an invariant was breached
}

// row is a fault at a kind of call: the module's reads and writes, the engine's calls to its table, alerts, tags and
// kill switch.
type row struct{ fault, where string }

// plays reports whether the next scenario is played.
func (l *tally) plays() bool {
	l.turn++
	return (l.turn+l.sample.seed)%l.sample.share == 0
}

// enter notes a scenario. One with several faults stands in one row of its own.
func (l *tally) enter(s *scene) {
	r := row{s.plan[0].name, s.plan[0].at.kind}
	if len(s.plan) > 1 {
		r = row{"two faults", "anywhere"}
	}
	end := "failure queue"
	if s.queued == 0 {
		end = ended(s.table.runs())
	}
	l.note(r, end)
}

func (l *tally) note(r row, end string) {
	if l.rows == nil {
		l.rows = map[row]map[string]int{}
	}
	if l.rows[r] == nil {
		l.rows[r] = map[string]int{}
	}
	l.rows[r][end]++
}

// ended is how the runs ended, each way once.
func ended(runs []*engine.Record) string {
	var all []string
	for _, r := range runs {
		all = append(all, string(r.Outcome))
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), "+")
}

// report notes what was breached in a scenario, and how it came to that.
func (l *tally) report(c Case, s *scene) {
	if len(s.breaches) == 0 {
		return
	}
	var plan []string
	for _, k := range s.plan {
		plan = append(plan, k.String())
	}
	l.broken = append(l.broken, fmt.Sprintf("case %q, %s: %s:\n%v\nwhat happened:\n  %s", c.Name, s.setup.name,
		strings.Join(plan, "; "), errors.Join(s.breaches...), strings.Join(s.journal, "\n  ")))
}

// shown is how many breached scenarios are shown in full.
const shown = 10

// check fails if an invariant was breached, or a fault was never tried.
func (l *tally) check(t *testing.T) {
	t.Helper()
	for i, broken := range l.broken {
		if i == shown {
			t.Errorf("%s: and %d more scenarios", l.module, len(l.broken)-shown)
			break
		}
		t.Errorf("%s: %s", l.module, broken)
	}
	if l.sample.share > 1 {
		return // by chance
	}
	for _, f := range faults() {
		if !l.acts && (f.only != nil || f.name == changes) {
			continue // it strikes at what leads to a write
		}
		tried := 0
		for r, ends := range l.rows {
			if r.fault == f.name {
				tried += total(ends)
			}
		}
		if tried == 0 {
			t.Errorf("%s: no case tried the fault %q", l.module, f.name)
		}
	}
}

func total(ends map[string]int) int {
	n := 0
	for _, times := range ends {
		n += times
	}
	return n
}

// String is the table as text.
func (l *tally) String() string {
	var b strings.Builder
	all := 0
	for _, ends := range l.rows {
		all += total(ends)
	}
	fmt.Fprintf(&b, "faults of %s: %d kinds of case, %d scenarios, %d not survived\n", l.module, l.cases, all, len(l.broken))
	fmt.Fprintf(&b, "%-32s %-9s %6s  ended\n", "fault", "at a", "tried")
	rows := slices.SortedFunc(maps.Keys(l.rows), func(a, b row) int {
		return cmp.Or(cmp.Compare(a.fault, b.fault), cmp.Compare(a.where, b.where))
	})
	for _, r := range rows {
		ends := l.rows[r]
		var how []string
		for _, end := range slices.SortedFunc(maps.Keys(ends), func(a, b string) int {
			return cmp.Or(cmp.Compare(ends[b], ends[a]), cmp.Compare(a, b))
		}) {
			how = append(how, fmt.Sprintf("%s %d", end, ends[end]))
		}
		fmt.Fprintf(&b, "%-32s %-9s %6d  %s\n", r.fault, r.where, total(ends), strings.Join(how, ", "))
	}
	return b.String()
}
