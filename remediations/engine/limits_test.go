package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/engine"
	"github.com/countermand/countermand/remediations/engine/store"
)

// openedBy returns the nth event of somebody opening a door.
func openedBy(n int, who, door string) string {
	return opened("0e2f3f0a", fmt.Sprintf("%08d", n), "user/bob", "user/"+who, `"front"`, fmt.Sprintf("%q", door))
}

func TestBudgets(t *testing.T) {
	anybody := func(n int) (who, door string) { return fmt.Sprint("user", n), fmt.Sprint("door", n) }
	for _, c := range []struct {
		name   string
		limits remediations.Limits
		event  func(n int) (who, door string)
		want   string // what the alert says
	}{
		{"a module's", remediations.Limits{Module: 3, Account: 9, Principal: 9, Resource: 9}, anybody,
			"3 actions of module door-open since 10:00 UTC"},
		{"an account's", remediations.Limits{Module: 9, Account: 3, Principal: 9, Resource: 9}, anybody,
			"3 actions in account 111122223333 since 10:00 UTC"},
		{"a principal's", remediations.Limits{Module: 9, Account: 9, Principal: 3, Resource: 9},
			func(n int) (string, string) { return "bob", fmt.Sprint("door", n) },
			"3 actions on what was done by arn:aws:iam::111122223333:user/bob since 10:00 UTC"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(remediations.Enforce)
			h.Limits = c.limits
			for n := range 3 {
				h.door.open = true
				who, door := c.event(n)
				if r, err := h.deliver(t, openedBy(n, who, door)); r.Outcome != engine.Remediated || err != nil {
					t.Fatalf("event %d: %s (%v)", n, r.Outcome, err)
				}
			}
			h.door.open = true
			who, door := c.event(3)
			r, err := h.deliver(t, openedBy(3, who, door))
			if r.Outcome != engine.Limited || err != nil || h.door.shuts != 3 {
				t.Errorf("%s (%v), %d writes, want Limited and 3", r.Outcome, err, h.door.shuts)
			}
			alert := h.alerts[len(h.alerts)-1]
			if !strings.Contains(alert.Body, c.want) || !strings.Contains(alert.Subject, "Limited") || !strings.Contains(alert.Body, "house shut-door") {
				t.Errorf("the alert lacks %q:\n%s\n%s", c.want, alert.Subject, alert.Body)
			}
			if again, err := h.deliver(t, openedBy(3, who, door)); again.Outcome != engine.Duplicate || err != nil || h.door.shuts != 3 {
				t.Errorf("delivered again: %s (%v)", again.Outcome, err)
			}
			h.now = h.now.Add(time.Hour)
			if r, err := h.deliver(t, openedBy(4, who, door)); r.Outcome != engine.Remediated || err != nil {
				t.Errorf("an hour later: %s (%v)", r.Outcome, err)
			}
		})
	}
}

// A run that only looks or alerts is not counted: budgets are for writes.
func TestBudgetsAreOfWrites(t *testing.T) {
	h := newHouse(remediations.Alert)
	h.Limits = remediations.Limits{Module: 1, Account: 1, Principal: 1, Resource: 1}
	for n := range 5 {
		if r, err := h.deliver(t, openedBy(n, "bob", "front")); r.Outcome != engine.Alerted || err != nil {
			t.Errorf("%s (%v)", r.Outcome, err)
		}
	}
	h.Mode = remediations.Enforce
	if r, err := h.deliver(t, openedBy(5, "bob", "front")); r.Outcome != engine.Remediated || err != nil {
		t.Errorf("%s (%v)", r.Outcome, err)
	}
}

func TestContested(t *testing.T) {
	h := newHouse(remediations.Enforce)
	h.Limits.Resource = 3
	for n, who := range []string{"bob", "alice", "bob"} {
		h.door.open = true
		if r, err := h.deliver(t, openedBy(n, who, "front")); r.Outcome != engine.Remediated || err != nil {
			t.Fatalf("event %d: %s (%v)", n, r.Outcome, err)
		}
	}
	h.door.open = true
	r, err := h.deliver(t, openedBy(3, "carol", "front"))
	if r.Outcome != engine.Contested || err != nil || h.door.shuts != 3 || !h.door.open {
		t.Errorf("%s (%v), %d writes, want Contested and 3", r.Outcome, err, h.door.shuts)
	}
	const user = "arn:aws:iam::111122223333:user/"
	if want := []string{user + "alice", user + "bob", user + "carol"}; !slices.Equal(r.Rivals, want) {
		t.Errorf("rivals %v, want %v", r.Rivals, want)
	}
	if body := h.alerts[len(h.alerts)-1].Body; !strings.Contains(body, "- "+user+"alice") || !strings.Contains(body, "3 times that this was put right") {
		t.Error(body)
	}
	if r, err := h.deliver(t, openedBy(4, "carol", "back")); r.Outcome != engine.Remediated || err != nil {
		t.Errorf("another door: %s (%v)", r.Outcome, err)
	}
	h.now = h.now.Add(14 * time.Hour)
	h.door.open = true
	if r, err := h.deliver(t, openedBy(5, "carol", "front")); r.Outcome != engine.Remediated || err != nil {
		t.Errorf("the next day: %s (%v)", r.Outcome, err)
	}
}

// A retry that takes over from a dead function may write, so it is counted; but it is not a new fight.
func TestRetryIsCounted(t *testing.T) {
	h := newHouse(remediations.Enforce)
	h.Limits = remediations.Limits{Module: 2, Account: 9, Principal: 9, Resource: 1}
	h.door.shutErr = errors.New("no answer")
	for attempt := range 2 {
		h.door.open = true
		if r, err := h.deliver(t, openedBy(0, "bob", "front")); r.Outcome != engine.Failed || err == nil {
			t.Fatalf("attempt %d: %s (%v)", attempt, r.Outcome, err)
		}
	}
	h.door.open = true
	r, err := h.deliver(t, openedBy(0, "bob", "front"))
	if r.Outcome != engine.Limited || err != nil || h.door.shuts != 2 {
		t.Errorf("%s (%v), %d writes, want Limited and 2", r.Outcome, err, h.door.shuts)
	}
	if r.Attempt != 3 {
		t.Errorf("attempt %d, want 3", r.Attempt)
	}
}

func TestLimitsAreRequired(t *testing.T) {
	for _, l := range []remediations.Limits{{}, {Module: 1, Account: 1, Principal: 1}, {Module: 1, Account: -1, Principal: 1, Resource: 1}} {
		h := newHouse(remediations.Enforce)
		h.Limits = l
		if _, err := engine.New(h.Config); err == nil || !strings.Contains(err.Error(), "want 1 or more") {
			t.Errorf("%+v: got %v", l, err)
		}
	}
}

// A delivery that failed before it began to act does not make the next one a retry of an action.
func TestFightIsCountedWhateverCameBefore(t *testing.T) {
	h := newHouse(remediations.Enforce)
	h.Limits.Resource = 1
	for n, want := range []engine.Outcome{engine.Remediated, engine.Contested, engine.Contested} {
		h.door.open, h.door.guardErr = true, errors.New("nobody answers")
		if r, err := h.deliver(t, openedBy(n, "bob", "front")); r.Outcome != engine.Failed || err == nil {
			t.Fatalf("event %d: %s (%v)", n, r.Outcome, err)
		}
		h.door.guardErr = nil
		if r, err := h.deliver(t, openedBy(n, "bob", "front")); r.Outcome != want || err != nil {
			t.Errorf("event %d, delivered again: %s (%v), want %s", n, r.Outcome, err, want)
		}
	}
	if h.door.shuts != 1 {
		t.Errorf("%d writes, want 1", h.door.shuts)
	}
}

// The caller names the session of a role, and must not thereby choose whose budget is used.
func TestSessionsOfARoleAreCountedTogether(t *testing.T) {
	h := newHouse(remediations.Enforce)
	h.Limits.Principal = 1
	session := func(n int) string {
		return strings.ReplaceAll(openedBy(n, "bob", fmt.Sprint("door", n)),
			`"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/bob"`,
			fmt.Sprintf(`"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/Porter/s%d",
				"sessionContext": {"sessionIssuer": {"type": "Role", "arn": "arn:aws:iam::111122223333:role/Porter"}}`, n))
	}
	for n, want := range []engine.Outcome{engine.Remediated, engine.Limited} {
		h.door.open = true
		if r, err := h.deliver(t, session(n)); r.Outcome != want || err != nil {
			t.Errorf("session %d: %s (%v), want %s", n, r.Outcome, err, want)
		}
	}
}

// A counting is a store that keeps the counts of runs.
type counting struct {
	store.Memory
	counts []engine.Count
}

func (c *counting) Begin(ctx context.Context, r *engine.Record, counts []engine.Count) error {
	c.counts = append(c.counts, counts...)
	return c.Memory.Begin(ctx, r, counts)
}

// Counts are kept until their hour or day is over. They are separate for each module, or shared where intended.
func TestCounts(t *testing.T) {
	counter := &counting{}
	for _, name := range []string{"door-open", "window-open"} {
		h := newHouse(remediations.Enforce)
		h.Module.Name = name
		h.Config.Store = counter
		if r, err := h.deliver(t, opened()); r.Outcome != engine.Remediated || err != nil {
			t.Fatalf("%s (%v)", r.Outcome, err)
		}
	}
	if len(counter.counts) != 8 {
		t.Fatalf("%d counts, want 4 for each of two runs", len(counter.counts))
	}
	keys := map[string]int{}
	for i, c := range counter.counts {
		keys[c.Key]++
		over := time.Date(2026, 3, 1, 11, 0, 0, 0, time.UTC)
		if i%4 == 3 {
			over = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
		}
		if !c.Expires.After(over) {
			t.Errorf("%s may be forgotten at %s, before it is over", c.What, c.Expires)
		}
	}
	if len(keys) != 6 { // the account's and the principal's are the same for both modules
		t.Errorf("%d keys, want 6: %v", len(keys), keys)
	}
}

// A run that cannot begin still has a record.
func TestRunThatCannotBegin(t *testing.T) {
	h := newHouse(remediations.Enforce)
	h.store.failPut = func(r *engine.Record) error {
		if r.Outcome == engine.Started {
			return errors.New("too many transactions")
		}
		return nil
	}
	for attempt := 1; attempt <= 3; attempt++ {
		r, err := h.deliver(t, opened())
		if r.Outcome != engine.Failed || err == nil || h.door.shuts != 0 {
			t.Fatalf("%s (%v), %d writes", r.Outcome, err, h.door.shuts)
		}
		if kept := h.kept(t, r.ID); kept.Outcome != engine.Failed || kept.Attempt != attempt {
			t.Errorf("the record says %s, attempt %d, want Failed, %d", kept.Outcome, kept.Attempt, attempt)
		}
	}
	if len(h.alerts) != 1 {
		t.Errorf("%d alerts, want one, of the last attempt", len(h.alerts))
	}
}
