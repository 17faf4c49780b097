// Package storetest is the contract of a run store, as a test.
package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/engine"
)

// Contract checks a store. The ids of its records begin with prefix, so that a store that outlives the test can be
// checked again.
func Contract(t *testing.T, store engine.Store, prefix string) {
	ctx := t.Context()
	t.Run("a missing record is nil", func(t *testing.T) {
		if r, err := store.Get(ctx, prefix+"absent"); r != nil || err != nil {
			t.Errorf("got %v, %v", r, err)
		}
	})
	t.Run("a record is read as it was written", func(t *testing.T) {
		want := record(prefix + "whole")
		put(t, store, want, nil)
		if diff := cmp.Diff(want, get(t, store, want.ID), cmpopts.IgnoreUnexported(engine.Record{})); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a second first version is refused", func(t *testing.T) {
		want := record(prefix + "twice")
		put(t, store, want, nil)
		other := record(want.ID)
		other.Outcome, other.Writer = engine.Failed, "another"
		put(t, store, other, engine.ErrConflict)
		if diff := cmp.Diff(want, get(t, store, want.ID), cmpopts.IgnoreUnexported(engine.Record{})); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("versions are consecutive", func(t *testing.T) {
		r := record(prefix + "versions")
		r.Version = 2
		put(t, store, r, engine.ErrConflict)
		for r.Version = 1; r.Version <= 3; r.Version++ {
			put(t, store, r, nil)
		}
		r.Version, r.Writer = 3, "another"
		put(t, store, r, engine.ErrConflict)
		r.Version = 5
		put(t, store, r, engine.ErrConflict)
		if got := get(t, store, r.ID).Version; got != 3 {
			t.Errorf("version is %d, want 3", got)
		}
	})
	t.Run("a write may be repeated", func(t *testing.T) {
		r := record(prefix + "lost")
		put(t, store, r, nil)
		put(t, store, r, nil)
		r.Version = 2
		put(t, store, r, nil)
		put(t, store, r, nil)
		r.Version = 1
		put(t, store, r, engine.ErrConflict)
	})
	t.Run("a run begins only if no count is full", func(t *testing.T) { testCounts(t, store, prefix+"counted") })
	t.Run("concurrent runs begin up to the count's limit", func(t *testing.T) { testCrowd(t, store, prefix+"crowd") })
	t.Run("a count is raised once per run", func(t *testing.T) { testTimes(t, store, prefix+"times") })
	t.Run("the latest time is kept", func(t *testing.T) { testLatest(t, store, prefix+"latest") })
	t.Run("one of many concurrent writers is first", func(t *testing.T) { testRace(t, store, prefix+"race") })
	alertContract(t, store, prefix)
}

// testCounts checks that Begin raises all counts or none.
func testCounts(t *testing.T, store engine.Store, id string) {
	count := func(key string, most int, by string) engine.Count {
		return engine.Count{Key: id + key, Most: most, By: by, What: "times", Expires: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}
	}
	begin := func(n int, counts ...engine.Count) error {
		return store.Begin(t.Context(), record(fmt.Sprint(id, n)), counts)
	}
	for n, by := range []string{"bob", "alice", "bob"} {
		if err := begin(n, count("wide", 9, ""), count("narrow", 3, by)); err != nil {
			t.Fatal(err)
		}
	}
	var full *engine.FullError
	if err := begin(3, count("wide", 9, ""), count("narrow", 3, "carol")); !errors.As(err, &full) || full.Count.Key != id+"narrow" {
		t.Fatalf("got %v, want the narrow count", err)
	}
	if diff := cmp.Diff([]string{"alice", "bob"}, full.By); diff != "" {
		t.Error(diff)
	}
	if r, err := store.Get(t.Context(), id+"3"); r != nil || err != nil {
		t.Errorf("the refused record was written: %v, %v", r, err)
	}
	// The refusal raised neither count: three of the wide one's nine are used.
	for n := range 6 {
		if err := begin(10+n, count("wide", 9, "")); err != nil {
			t.Fatal(err)
		}
	}
	if err := begin(20, count("wide", 9, "")); !errors.As(err, &full) || len(full.By) != 0 {
		t.Errorf("got %v, want a full count with nobody noted", err)
	}
	other := record(id + "0")
	other.Writer = "another"
	if err := store.Begin(t.Context(), other, []engine.Count{count("wide", 9, "")}); !errors.Is(err, engine.ErrConflict) {
		t.Errorf("got %v, want a conflict, which goes before a full count", err)
	}
	again := record(id + "1")
	if err := store.Begin(t.Context(), again, []engine.Count{count("new", 1, "")}); err != nil {
		t.Errorf("the same write once more: %v", err)
	}
}

// testTimes checks how often a count was raised.
func testTimes(t *testing.T, store engine.Store, id string) {
	count := engine.Count{Key: id, Most: 2, What: "times", Expires: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}
	for n, want := range []int{0, 1, 2, 2} {
		if got, err := store.ReadCount(t.Context(), id); got != want || err != nil {
			t.Errorf("before run %d: %d times (%v), want %d", n, got, err, want)
		}
		_ = store.Begin(t.Context(), record(fmt.Sprint(id, n)), []engine.Count{count}) // the third is refused
	}
}

// testLatest checks that the latest time is kept.
func testLatest(t *testing.T, store engine.Store, id string) {
	first, expires := time.Date(2026, 3, 1, 10, 0, 0, 5_000_000, time.UTC), time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, step := range []struct{ at, want time.Duration }{
		{0, 0}, {-time.Hour, 0}, {0, 0}, {time.Millisecond, time.Millisecond}, {0, time.Millisecond}, {time.Hour, time.Hour}, {time.Minute, time.Hour},
	} {
		got, err := store.NoteLatest(t.Context(), id, first.Add(step.at), expires)
		if err != nil || !got.Equal(first.Add(step.want)) {
			t.Errorf("at %s: %s (%v), want %s", step.at, got, err, first.Add(step.want))
		}
	}
}

// testCrowd checks a count under concurrency.
func testCrowd(t *testing.T, store engine.Store, id string) {
	const runs, most = 12, 5
	var begun, full int
	var mu sync.Mutex
	var group sync.WaitGroup
	for i := range runs {
		group.Go(func() {
			count := engine.Count{Key: id, Most: most, What: "times", Expires: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}
			err := store.Begin(context.WithoutCancel(t.Context()), record(fmt.Sprint(id, i)), []engine.Count{count})
			mu.Lock()
			defer mu.Unlock()
			switch refused := new(engine.FullError); {
			case err == nil:
				begun++
			case errors.As(err, &refused):
				full++
			default:
				t.Error(err)
			}
		})
	}
	group.Wait()
	if begun != most || full != runs-most {
		t.Errorf("%d begun and %d refused, want %d and %d", begun, full, most, runs-most)
	}
}

// testRace checks that one of several concurrent first versions is written.
func testRace(t *testing.T, store engine.Store, id string) {
	const claimants = 8
	var first, conflicts int
	var mu sync.Mutex
	var group sync.WaitGroup
	for i := range claimants {
		group.Go(func() {
			r := record(id)
			r.Writer = fmt.Sprint(i)
			err := store.Put(context.WithoutCancel(t.Context()), r)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				first++
			case errors.Is(err, engine.ErrConflict):
				conflicts++
			default:
				t.Error(err)
			}
		})
	}
	group.Wait()
	if first != 1 || conflicts != claimants-1 {
		t.Errorf("%d were first and %d refused, want 1 and %d", first, conflicts, claimants-1)
	}
}

// put writes a record and checks the error.
func put(t *testing.T, store engine.Store, r *engine.Record, want error) {
	t.Helper()
	if err := store.Put(t.Context(), r); !errors.Is(err, want) {
		t.Fatalf("put version %d of %s: got %v, want %v", r.Version, r.ID, err, want)
	}
}

// get returns a record that must exist.
func get(t *testing.T, store engine.Store, id string) *engine.Record {
	t.Helper()
	r, err := store.Get(t.Context(), id)
	if err != nil || r == nil {
		t.Fatalf("get %s: %v, %v", id, r, err)
	}
	return r
}

// record returns a record with all kinds of fields.
func record(id string) *engine.Record {
	at := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	return &engine.Record{
		ID: id, Module: "bucket-versioning", Mode: remediations.Enforce, Outcome: engine.Remediated,
		Resource: remediations.Resource{ID: "ledger", Type: "AWS::S3::Bucket", Account: "111122223333", Region: "eu-west-1"},
		EventID:  "0e2f3f0a-52a3-4c5e-bb6f-0a4f6c2f7d10", EventName: "PutBucketVersioning", EventTime: at,
		Principal: "arn:aws:iam::111122223333:user/bob", Name: "bob", SourceIP: "198.51.100.7", UserAgent: "[aws-cli/2.15]",
		Reason: "versioning is off", Before: json.RawMessage(`"{ \"spaces\" :  \"are kept\" }"`), After: json.RawMessage(`null`),
		Fix: "fix", Revert: "revert", Calls: []engine.Call{{Action: "s3:PutBucketVersioning", Write: true}}, Touched: true,
		Alert: engine.AlertSent, Attempt: 1, Version: 1, Writer: "one", Started: at, Ended: at.Add(time.Second), Expires: at.Add(time.Hour),
	}
}
