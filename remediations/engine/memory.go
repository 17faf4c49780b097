package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
)

// Memory is a Store for tests. The zero value is ready for use.
type Memory struct {
	mu      sync.Mutex
	records map[string][]byte
}

// Get implements Store.
func (m *Memory) Get(_ context.Context, id string) (*Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.get(id)
}

// Put implements Store.
func (m *Memory) Put(_ context.Context, r *Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	standing, err := m.get(r.ID)
	if err != nil {
		return err
	}
	if r.same(standing) {
		return nil
	}
	version := 0
	if standing != nil {
		version = standing.Version
	}
	if r.Version != version+1 {
		return ErrConflict
	}
	text, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode run record %s: %w", r.ID, err)
	}
	if m.records == nil {
		m.records = map[string][]byte{}
	}
	m.records[r.ID] = text
	return nil
}

// All is every record, in no order.
func (m *Memory) All() ([]*Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []*Record
	for id := range m.records {
		r, err := m.get(id)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}

func (m *Memory) get(id string) (*Record, error) {
	text, ok := m.records[id]
	if !ok {
		return nil, nil
	}
	r := new(Record)
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("decode run record %s: %w", id, err)
	}
	return r, nil
}
