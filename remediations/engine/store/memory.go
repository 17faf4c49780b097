package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/countermand/countermand/remediations/engine"
)

// Memory is a Store for tests. The zero value is ready to use.
type Memory struct {
	mu      sync.Mutex
	records map[string][]byte
	counts  map[string]counted
	latest  map[string]time.Time
	alerts  memoryAlerts
}

// counted is the state of a count.
type counted struct {
	times int
	by    []string
}

// Get implements Store.
func (m *Memory) Get(_ context.Context, id string) (*engine.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.get(id)
}

// Put implements Store.
func (m *Memory) Put(ctx context.Context, r *engine.Record) error {
	return m.Begin(ctx, r, nil)
}

// Begin implements Store. Memory never expires counts.
func (m *Memory) Begin(_ context.Context, r *engine.Record, counts []engine.Count) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	stored, err := m.get(r.ID)
	if err != nil {
		return err
	}
	if r.SameWrite(stored) {
		return nil
	}
	version := 0
	if stored != nil {
		version = stored.Version
	}
	if r.Version != version+1 {
		return engine.ErrConflict
	}
	for _, c := range counts {
		if now := m.counts[c.Key]; now.times >= c.Most {
			return &engine.FullError{Count: c, By: now.by}
		}
	}
	text, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode run record %s: %w", r.ID, err)
	}
	if m.records == nil {
		m.records = map[string][]byte{}
	}
	m.records[r.ID] = text
	for _, c := range counts {
		if m.counts == nil {
			m.counts = map[string]counted{}
		}
		now := m.counts[c.Key]
		now.times++
		if c.By != "" && !slices.Contains(now.by, c.By) {
			now.by = slices.Sorted(slices.Values(append(now.by, c.By)))
		}
		m.counts[c.Key] = now
	}
	return nil
}

// ReadCount implements Store.
func (m *Memory) ReadCount(_ context.Context, key string) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.counts[key].times, nil
}

// NoteLatest implements Store. Memory never expires times.
func (m *Memory) NoteLatest(_ context.Context, key string, at, _ time.Time) (time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.latest == nil {
		m.latest = map[string]time.Time{}
	}
	if last, ok := m.latest[key]; ok && !at.After(last) {
		return last, nil
	}
	m.latest[key] = at.UTC().Truncate(time.Millisecond)
	return m.latest[key], nil
}

// All returns every record, in no order.
func (m *Memory) All() ([]*engine.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []*engine.Record
	for id := range m.records {
		r, err := m.get(id)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}

// get returns the record with an id, or nil. The caller holds the lock.
func (m *Memory) get(id string) (*engine.Record, error) {
	text, ok := m.records[id]
	if !ok {
		return nil, nil
	}
	r := new(engine.Record)
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("decode run record %s: %w", id, err)
	}
	return r, nil
}
