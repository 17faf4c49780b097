package engine

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A Store keeps run records, counts, and the state of alerts.
type Store interface {
	// Get returns the record with an id, or nil. It sees every earlier write.
	Get(ctx context.Context, id string) (*Record, error)
	// Put writes a record whose Version is one more than that of the record it replaces, or 1 for the first. It returns
	// ErrConflict and writes nothing if another record is there. A version that the same Writer has already written
	// counts as written: the SDK repeats a write whose answer was lost.
	Put(ctx context.Context, r *Record) error
	// Begin is Put for a record with which a run begins to act. It also raises counts by one, all or nothing. It
	// returns a *FullError for the first count that is full; a conflict takes precedence. A count is kept until it
	// expires.
	Begin(ctx context.Context, r *Record, counts []Count) error
	// ReadCount returns how often a count was raised.
	ReadCount(ctx context.Context, key string) (int, error)
	// NoteLatest notes a time under a key, unless a later one is there, and returns the latest, to the millisecond. It is
	// kept until it expires.
	NoteLatest(ctx context.Context, key string, at, expires time.Time) (time.Time, error)
	AlertStore
}

// ErrConflict means that the stored record is not the one that was read before the write.
var ErrConflict = errors.New("the run record was written by somebody else")

// SameWrite reports whether two records are one write.
func (r *Record) SameWrite(other *Record) bool {
	return other != nil && r.Writer != "" && r.Writer == other.Writer && r.Version == other.Version && r.Outcome == other.Outcome
}

// A Count limits how often something is done in an hour or a day. It is raised together with a run's first record, or
// not at all.
type Count struct {
	Key     string    // names what is counted, and the hour or day
	Most    int       // the limit
	What    string    // the count for people: "actions of s3-public-policy since 13:00 UTC"
	Outcome Outcome   // of a run for which the count is full
	By      string    // who is noted with the count; empty for nobody
	Expires time.Time // when the count may be deleted
}

// A FullError is a store's refusal to begin a run because a count is full. Nothing was written.
type FullError struct {
	Count Count
	By    []string // who is noted with the count, sorted
}

// Error implements error. A record's Limit is this text.
func (e *FullError) Error() string { return fmt.Sprintf("%d %s", e.Count.Most, e.Count.What) }
