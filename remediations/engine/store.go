package engine

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Store keeps run records, and what became of their alerts.
type Store interface {
	// Get is the record of an id; nil if there is none. It sees every write that was made before.
	Get(ctx context.Context, id string) (*Record, error)
	// Put writes a record whose Version is one more than that of the record it replaces, 1 if there must be
	// none yet. It returns ErrConflict, and writes nothing, if another record stands there. A version that
	// the same Writer has written already is written: the answer to a write may be lost, and the SDK then
	// makes it again.
	Put(ctx context.Context, r *Record) error
	// Begin is Put of a record with which a run begins to act, and raises counts by one, all or nothing. It returns a
	// *FullError for the first count that is full; a conflict goes before that. A count is kept until it expires.
	Begin(ctx context.Context, r *Record, counts []Count) error
	// Times is how often a count was raised.
	Times(ctx context.Context, key string) (int, error)
	// Latest notes a time under a key, if none later is there, and returns the latest, to the millisecond. It is kept
	// until it expires.
	Latest(ctx context.Context, key string, at, expires time.Time) (time.Time, error)
	AlertStore
}

// ErrConflict is Put's refusal: the record that stands is not the one that was read.
var ErrConflict = errors.New("the run record was written by somebody else")

// same reports whether two records are one write.
func (r *Record) SameWrite(other *Record) bool {
	return other != nil && r.Writer != "" && r.Writer == other.Writer && r.Version == other.Version && r.Outcome == other.Outcome
}

// A Count is how often something was done in an hour or a day. It goes up with a run's first record or not at all.
type Count struct {
	Key     string    // of what, and when
	Most    int       // how far it goes
	What    string    // the same for people: "actions of s3-public-policy since 13:00 UTC"
	Outcome Outcome   // of a run that finds it full
	By      string    // who is noted with it; nobody if empty
	Expires time.Time // when it can be forgotten
}

// FullError is a store's refusal to begin a run: a count is full. Nothing was written.
type FullError struct {
	Count Count
	By    []string // who is noted with it, sorted
}

func (e *FullError) Error() string { return fmt.Sprintf("%d %s", e.Count.Most, e.Count.What) }
