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

// results is the table of faults: what was tried where, and how it ended.
type results struct {
	module    string
	acts      bool // the module has an action
	cases     int
	rows      map[row]map[string]int // how often each end occurred
	scenarios int                    // scenarios so far, including those not played
	sample    sample
	broken    []string // scenarios in which an invariant was breached
}

// A row is a fault at a kind of call: the module's reads and writes, the engine's calls to its table, alerts, tags and
// kill switch.
type row struct{ fault, where string }

// next advances to the next scenario, and reports whether it is played.
func (res *results) next() bool {
	res.scenarios++
	return (res.scenarios+res.sample.seed)%res.sample.share == 0
}

// add counts a scenario. Those with several faults share one row.
func (res *results) add(s *scene) {
	r := row{s.plan[0].name, s.plan[0].place.kind}
	if len(s.plan) > 1 {
		r = row{"two faults", "anywhere"}
	}
	end := "failure queue"
	if s.failureQueue == 0 {
		end = outcomesOnce(s.table.runs())
	}
	res.count(r, end)
}

// count counts one end in a row.
func (res *results) count(r row, end string) {
	if res.rows == nil {
		res.rows = map[row]map[string]int{}
	}
	if res.rows[r] == nil {
		res.rows[r] = map[string]int{}
	}
	res.rows[r][end]++
}

// outcomesOnce returns how the runs ended, each outcome once.
func outcomesOnce(runs []*engine.Record) string {
	var all []string
	for _, r := range runs {
		all = append(all, string(r.Outcome))
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), "+")
}

// addBreaches notes the breaches of a scenario, with its journal.
func (res *results) addBreaches(c Case, s *scene) {
	if len(s.breaches) == 0 {
		return
	}
	var plan []string
	for _, inj := range s.plan {
		plan = append(plan, inj.String())
	}
	res.broken = append(res.broken, fmt.Sprintf("case %q, %s: %s:\n%v\nwhat happened:\n  %s", c.Name, s.setup.name,
		strings.Join(plan, "; "), errors.Join(s.breaches...), strings.Join(s.journal, "\n  ")))
}

// maxShown is how many breached scenarios are shown in full.
const maxShown = 10

// check fails the test if an invariant was breached, or a fault was never tried.
func (res *results) check(t *testing.T) {
	t.Helper()
	for i, broken := range res.broken {
		if i == maxShown {
			t.Errorf("%s: and %d more scenarios", res.module, len(res.broken)-maxShown)
			break
		}
		t.Errorf("%s: %s", res.module, broken)
	}
	if res.sample.share > 1 {
		return // a sample need not try every fault
	}
	for _, f := range faults() {
		if !res.acts && (f.only != nil || f.name == changesResource) {
			continue // it can only strike what leads to a write
		}
		tried := 0
		for r, ends := range res.rows {
			if r.fault == f.name {
				tried += total(ends)
			}
		}
		if tried == 0 {
			t.Errorf("%s: no case tried the fault %q", res.module, f.name)
		}
	}
}

// total returns the number of ends.
func total(ends map[string]int) int {
	n := 0
	for _, times := range ends {
		n += times
	}
	return n
}

// String returns the table as text.
func (res *results) String() string {
	var b strings.Builder
	all := 0
	for _, ends := range res.rows {
		all += total(ends)
	}
	fmt.Fprintf(&b, "faults of %s: %d kinds of case, %d scenarios, %d not survived\n", res.module, res.cases, all, len(res.broken))
	fmt.Fprintf(&b, "%-32s %-9s %6s  ended\n", "fault", "at a", "tried")
	rows := slices.SortedFunc(maps.Keys(res.rows), func(a, b row) int {
		return cmp.Or(cmp.Compare(a.fault, b.fault), cmp.Compare(a.where, b.where))
	})
	for _, r := range rows {
		ends := res.rows[r]
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
