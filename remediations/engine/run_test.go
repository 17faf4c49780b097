package engine_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/engine"
)

// looked counts how often the guard runs, and calls a function each time, with 1 for the first.
func (h *house) looked(at func(n int)) *int {
	looks, guard := 0, h.Module.Guard
	h.Module.Guard = func(ctx context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
		looks++
		at(looks)
		return guard(ctx, run, r)
	}
	return &looks
}

func (d *door) set(change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change()
}

// A state that changes between assessment and action is assessed again.
func TestStateThatChangesUnderTheRun(t *testing.T) {
	for _, c := range []struct {
		name    string
		at      func(d *door, n int)
		outcome engine.Outcome
		shuts   int
		alerts  int
		before  string
		touched bool
	}{
		{"nothing", func(*door, int) {}, engine.Remediated, 1, 1, `{"door":"open","lamp":"on"}`, true},
		{"fixed by somebody", func(d *door, n int) {
			if n == 2 {
				d.open = false
			}
		}, engine.Clean, 0, 0, ``, false},
		{"fixed, then worse", func(d *door, n int) {
			if n == 2 {
				d.open, d.noLock = false, true
			}
		}, engine.Alerted, 0, 1, `"no lock"`, false},
		{"changed once", func(d *door, n int) {
			if n == 2 {
				d.state = "!"
			}
		}, engine.Remediated, 1, 1, `{"door":"open","lamp":"on!"}`, true},
		{"changed all the time", func(d *door, n int) { d.state += "!" }, engine.Failed, 0, 0, `{"door":"open","lamp":"on!!!!"}`, false},
		{"can't be read any more", func(d *door, n int) {
			if n == 2 {
				d.guardErr = errors.New("no answer")
			}
		}, engine.Failed, 0, 0, `{"door":"open","lamp":"on"}`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(remediations.Enforce)
			h.looked(func(n int) { h.door.set(func() { c.at(h.door, n) }) })
			r, err := h.deliver(t, opened())
			if r.Outcome != c.outcome || (err != nil) != (c.outcome == engine.Failed) {
				t.Errorf("outcome %s (%v), want %s", r.Outcome, err, c.outcome)
			}
			if h.door.shuts != c.shuts || len(h.alerts) != c.alerts {
				t.Errorf("acted %d times and alerted %d times, want %d and %d", h.door.shuts, len(h.alerts), c.shuts, c.alerts)
			}
			kept := h.kept(t, r.ID)
			if string(kept.Before) != c.before || kept.Touched != c.touched || kept.Outcome != c.outcome || kept.Ended.IsZero() {
				t.Errorf("the record says %s, touched %t, before %s, ended %s", kept.Outcome, kept.Touched, kept.Before, kept.Ended)
			}
		})
	}
}

// The state that undo restores is recorded before anything is written to AWS, even if it has changed meanwhile.
func TestStateBeforeIsDurableBeforeTheAction(t *testing.T) {
	h := newHouse(remediations.Enforce)
	h.looked(func(n int) {
		if n == 2 {
			h.door.set(func() { h.door.state = "!" })
		}
	})
	action := h.Module.Action
	var seen *engine.Record
	h.Module.Action = func(ctx context.Context, run *remediations.Run, f *remediations.Finding) error {
		all, err := h.store.All()
		if err != nil || len(all) != 1 {
			t.Fatalf("%d records (%v), want 1", len(all), err)
		}
		if seen = all[0]; string(seen.Before) != string(f.Before) || seen.Outcome != engine.Started || !seen.Touched {
			t.Errorf("while it acts the record says %s, touched %t, before %s; the finding's is %s", seen.Outcome, seen.Touched, seen.Before, f.Before)
		}
		return action(ctx, run, f)
	}
	if r, err := h.deliver(t, opened()); err != nil || r.Outcome != engine.Remediated || seen == nil {
		t.Errorf("outcome %s (%v)", r.Outcome, err)
	}
}

// A run that had to wait before it could begin runs the guard again.
func TestOldRecheckIsRepeated(t *testing.T) {
	h := newHouse(remediations.Enforce)
	h.store.failPut = func(r *engine.Record) error {
		if r.Version == 1 {
			h.now = h.now.Add(1500 * time.Millisecond)
			h.door.set(func() { h.door.state = "!" })
		}
		return nil
	}
	r, err := h.deliver(t, opened())
	if err != nil || r.Outcome != engine.Remediated || !strings.Contains(string(r.Before), "on!") {
		t.Errorf("outcome %s (%v), before %s", r.Outcome, err, r.Before)
	}
}

// A change that happens after the recheck, while the run is still beginning, is noticed as well.
func TestRecheckDuringASlowBeginIsTooOld(t *testing.T) {
	h := newHouse(remediations.Enforce)
	looked := make(chan bool)
	n := h.looked(func(n int) {
		if n == 3 {
			h.door.set(func() { h.door.state = "!" }) // only a third run of the guard sees it
		}
		if n == 2 {
			close(looked)
		}
	})
	h.store.failPut = func(r *engine.Record) error {
		if r.Version == 1 {
			<-looked
			h.now = h.now.Add(1500 * time.Millisecond)
		}
		return nil
	}
	if r, err := h.deliver(t, opened()); err != nil || !strings.Contains(string(r.Before), "on!") || *n < 4 {
		t.Errorf("outcome %s (%v), before %s, %d looks", r.Outcome, err, r.Before, *n)
	}
}

// try delivers an event as Lambda does, a minute after the last time.
func (h *house) try(t *testing.T, raw string) (engine.Record, error) {
	t.Helper()
	r, err := h.deliver(t, raw)
	h.now = h.now.Add(61 * time.Second)
	return r, err
}

// A lossy is a store whose answers to Begin get lost.
type lossy struct {
	*flaky
	lose bool
}

func (l *lossy) Begin(ctx context.Context, r *engine.Record, counts []engine.Count) error {
	if err := l.flaky.Begin(ctx, r, counts); err != nil || !l.lose {
		return err
	}
	return errors.New("no answer")
}

// A run that began, although the answer was lost, has done nothing and says so.
func TestBeginWhoseAnswerIsLost(t *testing.T) {
	h := newHouse(remediations.Enforce)
	l := &lossy{h.store, true}
	h.Store = l
	for n := range 3 {
		r, err := h.try(t, opened())
		if kept := h.kept(t, r.ID); err == nil || kept.Outcome != engine.Failed || kept.Touched || kept.Attempt != n+1 {
			t.Errorf("attempt %d: %v; the record says %s, touched %t, attempt %d", n+1, err, kept.Outcome, kept.Touched, kept.Attempt)
		}
	}
	if len(h.alerts) != 1 || h.door.shuts != 0 {
		t.Errorf("%d alerts, and acted %d times; want an alert on the failure", len(h.alerts), h.door.shuts)
	}
	l.lose = false
	h.door.set(func() { h.door.open = false }) // by somebody
	if r, err := h.try(t, opened()); err != nil || r.Outcome != engine.Clean {
		t.Errorf("outcome %s (%v), want Clean: it was not this that put it right", r.Outcome, err)
	}
}

// The run's end is recorded whether or not a write in the middle succeeded.
func TestEndAfterAWriteThatFailed(t *testing.T) {
	for _, made := range []bool{false, true} {
		h := newHouse(remediations.Enforce)
		h.looked(func(n int) {
			if n == 2 {
				h.door.set(func() { h.door.state = "!" })
			}
		})
		h.store.failPut = func(r *engine.Record) error {
			if r.Version != 2 || r.Outcome != engine.Started {
				return nil
			}
			if made {
				if err := h.store.Memory.Put(t.Context(), r); err != nil {
					t.Error(err)
				}
			}
			return errors.New("no answer")
		}
		r, err := h.try(t, opened())
		if kept := h.kept(t, r.ID); err == nil || kept.Outcome != engine.Failed || kept.Touched || kept.Ended.IsZero() {
			t.Errorf("made %t: %v; the record says %s, touched %t", made, err, kept.Outcome, kept.Touched)
		}
		h.door.set(func() { h.door.open = false })
		if r, err := h.try(t, opened()); err != nil || r.Outcome != engine.Clean || len(h.alerts) != 0 {
			t.Errorf("made %t: outcome %s (%v), %d alerts, want Clean: nothing was done", made, r.Outcome, err, len(h.alerts))
		}
	}
}

// If somebody stops a module in the middle of a run, a failure after its action is still alerted.
func TestStopDoesNotHideAFailureAfterAWrite(t *testing.T) {
	h := newHouse(remediations.Enforce)
	h.store.failPut = killed
	for range 3 {
		if _, err := h.try(t, opened()); err == nil {
			t.Fatal("no error")
		}
		h.store.failPut, h.door.guardErr = nil, errors.New("no answer")
		h.said = remediations.Switch{"all": {Mode: remediations.Observe, By: "olga"}}
	}
	if len(h.alerts) != 1 || h.door.shuts != 1 {
		t.Errorf("%d alerts, acted %d times", len(h.alerts), h.door.shuts)
	}
}

// A module that only observes sends no alerts, whatever cannot be read.
func TestObserveStaysSilent(t *testing.T) {
	h := newHouse(remediations.Observe)
	h.unread, h.door.guardErr = errors.New("no answer"), errors.New("no answer")
	for range 3 {
		_, _ = h.try(t, opened())
	}
	if len(h.alerts) != 0 {
		t.Errorf("%d alerts", len(h.alerts))
	}
}

// A late event may act; the alert says that a later call may have been the cause.
func TestLateEventThatActsSaysSo(t *testing.T) {
	h := newHouse(remediations.Enforce)
	h.door.open = false
	if r, err := h.deliver(t, opened("0e2f3f0a", "aaaaaaaa", "2026-03-01T10:00:00Z", "2026-03-01T10:00:04Z")); err != nil || r.Outcome != engine.Clean {
		t.Fatalf("outcome %s (%v)", r.Outcome, err)
	}
	h.door.open = true
	r, err := h.deliver(t, opened())
	if err != nil || r.Outcome != engine.Remediated || len(h.alerts) != 1 || !strings.Contains(h.alerts[0].Body, "A later call on it, at 2026-03-01 10:00:04 UTC") {
		t.Errorf("outcome %s (%v), %d alerts", r.Outcome, err, len(h.alerts))
	}
}

// A run goes on if the order of events is unknown.
func TestUnknownOrderOfEvents(t *testing.T) {
	h := newHouse(remediations.Enforce)
	h.Store = &unordered{h.store}
	if r, err := h.deliver(t, opened()); err != nil || r.Outcome != engine.Remediated {
		t.Errorf("outcome %s (%v)", r.Outcome, err)
	}
}

type unordered struct{ *flaky }

func (*unordered) NoteLatest(context.Context, string, time.Time, time.Time) (time.Time, error) {
	return time.Time{}, errors.New("throttled")
}

// A later attempt that finds a third state keeps it beside the one before the first change.
func TestStateInBetweenIsKept(t *testing.T) {
	h := newHouse(remediations.Enforce)
	h.Module.Guard = func(_ context.Context, _ *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
		if !h.door.open {
			return nil, nil
		}
		return remediations.Found(r, "the door is open", "open"+h.door.state, "shut")
	}
	h.store.failPut = killed
	if _, err := h.deliver(t, opened()); err == nil {
		t.Fatal("it did not notice that it died")
	}
	h.store.failPut = nil
	h.door.set(func() { h.door.open, h.door.state = true, ", with a chain" })
	h.now = h.now.Add(time.Minute)
	r, err := h.deliver(t, opened())
	if err != nil || r.Outcome != engine.Remediated || string(r.Before) != `"open"` || string(r.Between) != `"open, with a chain"` {
		t.Errorf("outcome %s (%v), before %s, between %s", r.Outcome, err, r.Before, r.Between)
	}
}

// Whoever keeps the kill switch and the resource from being read must not thereby suppress the alert.
func TestFailureIsAlertedIfTheSwitchIsUnreadable(t *testing.T) {
	h := newHouse(remediations.Enforce)
	h.unread, h.door.guardErr = errors.New("no answer"), errors.New("no answer")
	for range 3 {
		if _, err := h.deliver(t, opened()); err == nil {
			t.Fatal("no error")
		}
	}
	if len(h.alerts) != 1 {
		t.Errorf("%d alerts, want 1", len(h.alerts))
	}
}

// A late event that finds nothing says that it is late; one that finds something acts.
func TestStale(t *testing.T) {
	at := func(second, id string) string {
		return opened("2026-03-01T10:00:00Z", "2026-03-01T10:00:"+second+"Z", "0e2f3f0a", id)
	}
	h := newHouse(remediations.Enforce)
	for _, step := range []struct {
		raw     string
		open    bool
		outcome engine.Outcome
	}{
		{at("30", "aaaaaaaa"), true, engine.Remediated},
		{at("20", "bbbbbbbb"), false, engine.Stale},
		{at("30", "cccccccc"), false, engine.Clean},
		{at("40", "dddddddd"), false, engine.Clean},
		{at("35", "eeeeeeee"), true, engine.Remediated},
		{at("20", "bbbbbbbb"), false, engine.Stale}, // again
		{opened("front", "back", "2026-03-01T10:00:00Z", "2026-03-01T10:00:10Z"), false, engine.Clean},
	} {
		h.door.open = step.open
		h.now = h.now.Add(time.Minute)
		r, err := h.deliver(t, step.raw)
		if err != nil || r.Outcome != step.outcome {
			t.Errorf("event of %s, door open %t: %s (%v), want %s", r.EventTime, step.open, r.Outcome, err, step.outcome)
		}
		if want := time.Date(2026, 3, 1, 10, 0, 30, 0, time.UTC); r.Outcome == engine.Stale && r.LaterEvent.Before(want) {
			t.Errorf("newer: %s, want %s or later", r.LaterEvent, want)
		}
	}
}
