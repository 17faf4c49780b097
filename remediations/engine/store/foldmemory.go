package store

import (
	"context"
	"crypto/rand"
	"maps"
	"slices"
	"strings"

	"github.com/countermand/countermand/remediations/engine"
)

// folds is what a Memory keeps of alerts.
type folds struct {
	sent     map[string]string // runs, by key and what they are about
	windows  map[string]int    // by key and window
	backlogs map[string]*engine.Backlog
}

// Admit implements Folds. Nothing is ever forgotten.
func (m *Memory) Admit(_ context.Context, a engine.Admission) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.folds.sent == nil {
		m.folds.sent, m.folds.windows = map[string]string{}, map[string]int{}
	}
	about, window := a.Key+" "+a.About, a.Key+" "+a.Window
	run, sent := m.folds.sent[about]
	if sent && run != a.Run || !sent && m.folds.windows[window] >= a.Most {
		return false, nil
	}
	m.folds.sent[about] = a.Run
	m.folds.windows[window]++
	return true, nil
}

// Fold implements Folds.
func (m *Memory) Fold(_ context.Context, f engine.Folded) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.folds.backlogs == nil {
		m.folds.backlogs = map[string]*engine.Backlog{}
	}
	g := m.folds.backlogs[f.Module]
	if g == nil {
		g = &engine.Backlog{Module: f.Module, Outcomes: map[engine.Outcome]int{}, Mark: rand.Text()}
		m.folds.backlogs[f.Module] = g
	}
	named := 0
	for _, other := range g.Runs {
		if other.Run == f.Run {
			return nil
		}
		if other.Kind() == f.Kind() {
			named++
		}
	}
	g.Severity = f.Severity
	g.Times++
	g.Outcomes[f.Outcome]++
	if f.Critical {
		g.Critical++
	}
	if named < engine.MaxOfOne && len(g.Runs) < engine.MaxListed {
		g.Runs = append(g.Runs, f)
		slices.SortFunc(g.Runs, func(a, b engine.Folded) int { return strings.Compare(a.Run, b.Run) })
	}
	return nil
}

// Backlog implements Folds.
func (m *Memory) Backlog(_ context.Context, module string) (*engine.Backlog, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	g := m.folds.backlogs[module]
	if g == nil {
		return nil, nil
	}
	read := *g
	read.Outcomes, read.Runs = maps.Clone(g.Outcomes), slices.Clone(g.Runs)
	return &read, nil
}

// Told implements Folds.
func (m *Memory) Told(_ context.Context, d *engine.Backlog) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	g := m.folds.backlogs[d.Module]
	switch {
	case g == nil || g.Mark != d.Mark:
		return nil
	case g.Times == d.Times:
		delete(m.folds.backlogs, d.Module)
		return nil
	}
	g.Mark = rand.Text()
	g.Times -= d.Times
	g.Critical -= d.Critical
	for outcome, n := range d.Outcomes {
		if g.Outcomes[outcome] -= n; g.Outcomes[outcome] == 0 {
			delete(g.Outcomes, outcome)
		}
	}
	g.Runs = slices.DeleteFunc(g.Runs, func(f engine.Folded) bool { return slices.Contains(d.Runs, f) })
	return nil
}
