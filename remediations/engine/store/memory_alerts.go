package store

import (
	"context"
	"crypto/rand"
	"maps"
	"slices"
	"strings"

	"github.com/countermand/countermand/remediations/engine"
)

// memoryAlerts is what a Memory keeps of alerts.
type memoryAlerts struct {
	sent     map[string]string // runs, by key and alert
	windows  map[string]int    // counts, by key and window
	backlogs map[string]*engine.Backlog
}

// ClaimAlert implements AlertStore. Memory never expires anything.
func (m *Memory) ClaimAlert(_ context.Context, a engine.AlertClaim) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.alerts.sent == nil {
		m.alerts.sent, m.alerts.windows = map[string]string{}, map[string]int{}
	}
	about, window := a.Key+" "+a.About, a.Key+" "+a.Window
	run, sent := m.alerts.sent[about]
	if sent && run != a.Run || !sent && m.alerts.windows[window] >= a.Most {
		return false, nil
	}
	m.alerts.sent[about] = a.Run
	m.alerts.windows[window]++
	return true, nil
}

// FoldAlert implements AlertStore.
func (m *Memory) FoldAlert(_ context.Context, f engine.FoldedAlert) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.alerts.backlogs == nil {
		m.alerts.backlogs = map[string]*engine.Backlog{}
	}
	backlog := m.alerts.backlogs[f.Module]
	if backlog == nil {
		backlog = &engine.Backlog{Module: f.Module, Outcomes: map[engine.Outcome]int{}, Mark: rand.Text()}
		m.alerts.backlogs[f.Module] = backlog
	}
	named := 0
	for _, other := range backlog.Runs {
		if other.Run == f.Run {
			return nil
		}
		if other.Group() == f.Group() {
			named++
		}
	}
	backlog.Severity = f.Severity
	backlog.Times++
	backlog.Outcomes[f.Outcome]++
	if f.Critical {
		backlog.Critical++
	}
	if named < engine.MaxGroupRuns && len(backlog.Runs) < engine.MaxBacklogRuns {
		backlog.Runs = append(backlog.Runs, f)
		slices.SortFunc(backlog.Runs, func(a, b engine.FoldedAlert) int { return strings.Compare(a.Run, b.Run) })
	}
	return nil
}

// Backlog implements AlertStore.
func (m *Memory) Backlog(_ context.Context, module string) (*engine.Backlog, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	backlog := m.alerts.backlogs[module]
	if backlog == nil {
		return nil, nil
	}
	read := *backlog
	read.Outcomes, read.Runs = maps.Clone(backlog.Outcomes), slices.Clone(backlog.Runs)
	return &read, nil
}

// ClearBacklog implements AlertStore.
func (m *Memory) ClearBacklog(_ context.Context, sent *engine.Backlog) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	backlog := m.alerts.backlogs[sent.Module]
	switch {
	case backlog == nil || backlog.Mark != sent.Mark:
		return nil
	case backlog.Times == sent.Times:
		delete(m.alerts.backlogs, sent.Module)
		return nil
	}
	backlog.Mark = rand.Text()
	backlog.Times -= sent.Times
	backlog.Critical -= sent.Critical
	for outcome, n := range sent.Outcomes {
		if backlog.Outcomes[outcome] -= n; backlog.Outcomes[outcome] == 0 {
			delete(backlog.Outcomes, outcome)
		}
	}
	backlog.Runs = slices.DeleteFunc(backlog.Runs, func(f engine.FoldedAlert) bool { return slices.Contains(sent.Runs, f) })
	return nil
}
