package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/engine"
)

func TestSameAlertIsSentOnceAnHour(t *testing.T) {
	h := newHouse(remediations.Enforce)
	first, second := h.again(t, openedBy(0, "bob", "front")), h.again(t, openedBy(1, "bob", "front"))
	if len(h.alerts) != 1 || h.kept(t, first.ID).Alert != engine.AlertSent || h.kept(t, second.ID).Alert != engine.AlertFolded {
		t.Errorf("%d alerts, the records say %s and %s", len(h.alerts), h.kept(t, first.ID).Alert, h.kept(t, second.ID).Alert)
	}
	want := []engine.FoldedAlert{{
		Module: "door-open", Severity: remediations.High, Run: second.ID, Outcome: engine.Remediated, Resource: "AWS::House::Door front",
		Principal: "arn:aws:iam::111122223333:user/bob", At: h.now,
	}}
	if diff := cmp.Diff(want, h.backlog(t).Runs); diff != "" {
		t.Error(diff)
	}
	for n, other := range []string{openedBy(2, "alice", "front"), openedBy(3, "bob", "back")} {
		if h.again(t, other); len(h.alerts) != 2+n {
			t.Errorf("another principal or resource: %d alerts, want %d", len(h.alerts), 2+n)
		}
	}
	h.door.stuck = true // a worse problem is alerted
	if h.again(t, openedBy(4, "bob", "front")); len(h.alerts) != 4 || !h.alerts[3].Facts.Critical {
		t.Errorf("another outcome: %d alerts, want 4", len(h.alerts))
	}
	h.door.stuck = false
	h.now = h.now.Add(time.Hour)
	if h.again(t, openedBy(5, "bob", "front")); len(h.alerts) != 5 || h.backlog(t).Times != 1 {
		t.Errorf("an hour later: %d alerts, want 5; %d folded, want 1", len(h.alerts), h.backlog(t).Times)
	}
}

func (f *flaky) ClaimAlert(ctx context.Context, a engine.AlertClaim) (bool, error) {
	if f.failAdmit != nil {
		return false, f.failAdmit
	}
	return f.Memory.ClaimAlert(ctx, a)
}

func (f *flaky) FoldAlert(ctx context.Context, alert engine.FoldedAlert) error {
	if f.failFold != nil {
		return f.failFold
	}
	return f.Memory.FoldAlert(ctx, alert)
}

func (f *flaky) ClearBacklog(ctx context.Context, d *engine.Backlog) error {
	if f.failTold != nil {
		return f.failTold
	}
	return f.Memory.ClearBacklog(ctx, d)
}

func (f *flaky) Backlog(ctx context.Context, module string) (*engine.Backlog, error) {
	if f.failBacklog == module {
		return nil, errors.New("no table")
	}
	return f.Memory.Backlog(ctx, module)
}

// again opens the door once more and delivers that event.
func (h *house) again(t *testing.T, raw string) engine.Record {
	t.Helper()
	h.door.open = true
	r, err := h.deliver(t, raw)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (h *house) backlog(t *testing.T) *engine.Backlog {
	t.Helper()
	d, err := h.store.Backlog(t.Context(), h.Module.Name)
	if err != nil {
		t.Fatal(err)
	}
	if d == nil {
		return &engine.Backlog{}
	}
	return d
}

// The same outcome on the same resource can be worse than before.
func TestADifferentProblemIsAlerted(t *testing.T) {
	h := newHouse(remediations.Alert)
	reason, guard := "one shelf may be read", h.Module.Guard
	h.Module.Guard = func(ctx context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
		f, err := guard(ctx, run, r)
		if f != nil {
			f.Reason = reason
		}
		return f, err
	}
	h.again(t, openedBy(0, "bob", "front"))
	reason = "everything may be written by anybody"
	if h.again(t, openedBy(1, "bob", "front")); len(h.alerts) != 2 {
		t.Errorf("%d alerts, want 2", len(h.alerts))
	}
}

// Nobody can hide a change behind many resources that do not matter.
func TestStormHidesNobodyElse(t *testing.T) {
	h := newHouse(remediations.Enforce)
	h.Limits = remediations.Limits{Module: 30, Account: 60, Principal: 30, Resource: 3}
	h.Module.Severity = remediations.Critical
	for n := range 71 {
		h.again(t, openedBy(n, "mallory", fmt.Sprint("junk", n)))
		h.now = h.now.Add(time.Second)
	}
	r := h.again(t, openedBy(999, "eve", "payroll"))
	if h.kept(t, r.ID).Alert == engine.AlertSent {
		return
	}
	if _, err := h.summarize(t.Context()); err != nil {
		t.Fatal(err)
	}
	if body := h.alerts[len(h.alerts)-1].Body; !strings.Contains(body, "payroll") || !strings.Contains(body, "eve") {
		t.Errorf("nobody is alerted on payroll:\n%s", body)
	}
}

// The caller names the session of a role: a new name must not cause a new alert.
func TestSessionsOfARoleAreOneToAlerts(t *testing.T) {
	h := newHouse(remediations.Alert)
	for n := range 3 {
		h.again(t, strings.ReplaceAll(openedBy(n, "bob", "front"), "arn:aws:iam::111122223333:user/bob",
			fmt.Sprintf("arn:aws:sts::111122223333:assumed-role/Porter/s%d", n)))
	}
	d := h.backlog(t)
	if len(h.alerts) != 1 || d.Times != 2 || d.Runs[0].Principal != "arn:aws:sts::111122223333:assumed-role/Porter" {
		t.Errorf("%d alerts, want 1; folded: %+v", len(h.alerts), d)
	}
}

func TestStormIsFolded(t *testing.T) {
	h := newHouse(remediations.Enforce)
	event := func(n int) string { return openedBy(n, fmt.Sprint("user", n), fmt.Sprint("door", n)) }
	for n := range 25 {
		h.again(t, event(n))
	}
	if len(h.alerts) != 20 || h.backlog(t).Times != 5 {
		t.Errorf("%d alerts and %d folded, want 20 and 5", len(h.alerts), h.backlog(t).Times)
	}
	// A storm of minor alerts does not hide a critical one. Critical alerts are folded as well, in a storm of their own.
	h.door.stuck = true
	for n := range 25 {
		h.again(t, event(100+n))
	}
	d := h.backlog(t)
	if len(h.alerts) != 40 || d.Times != 10 || d.Critical != 5 {
		t.Errorf("%d alerts and %d folded, %d critical, want 40, 10 and 5", len(h.alerts), d.Times, d.Critical)
	}
	h.door.stuck = false
	h.now = h.now.Add(5 * time.Minute)
	if h.again(t, event(200)); len(h.alerts) != 41 {
		t.Errorf("five minutes later: %d alerts, want 41", len(h.alerts))
	}
	other := newHouse(remediations.Enforce)
	other.Module.Name, other.Config.Store = "window-open", h.store
	if other.again(t, event(300)); len(other.alerts) != 1 {
		t.Error("another module's alert was folded")
	}
}

// A run without an alert is not counted either: a function that only observes may not write counts.
func TestSilentRunsAreNotFolded(t *testing.T) {
	h := newHouse(remediations.Observe)
	h.store.failAdmit = errors.New("it was asked")
	for n := range 3 {
		h.again(t, openedBy(n, "bob", "front"))
	}
	if strings.Contains(h.log.String(), "it was asked") {
		t.Error("an alert was counted in mode observe")
	}
}

// An alert that cannot be counted is sent.
func TestAlertIsSentIfItCannotBeFolded(t *testing.T) {
	for name, fault := range map[string]func(*house){
		"not counted": func(h *house) { h.store.failAdmit = errors.New("no table") },
		"not folded":  func(h *house) { h.store.failFold = errors.New("no table") },
	} {
		h := newHouse(remediations.Enforce)
		h.again(t, openedBy(0, "bob", "front"))
		fault(h)
		second := h.again(t, openedBy(1, "bob", "front"))
		if len(h.alerts) != 2 || h.kept(t, second.ID).Alert != engine.AlertSent || h.backlog(t).Times != 0 {
			t.Errorf("%s: %d alerts, the record says %s", name, len(h.alerts), h.kept(t, second.ID).Alert)
		}
	}
}

// A first alert that could not be sent is still the first when it is retried.
func TestAlertThatCouldNotBeSentIsNotFolded(t *testing.T) {
	h := newHouse(remediations.Enforce)
	h.down, h.door.open = true, true
	first, err := h.deliver(t, openedBy(0, "bob", "front"))
	if err == nil {
		t.Fatal("the alert could not be sent, and the delivery did not fail")
	}
	second := h.again(t, openedBy(1, "bob", "front"))
	h.down = false
	h.again(t, openedBy(0, "bob", "front"))
	if len(h.alerts) != 1 || h.alerts[0].Facts.Run != first.ID || h.kept(t, first.ID).Alert != engine.AlertSent {
		t.Errorf("%d alerts, the record says %s", len(h.alerts), h.kept(t, first.ID).Alert)
	}
	if h.kept(t, second.ID).Alert != engine.AlertFolded {
		t.Errorf("the second record says %s", h.kept(t, second.ID).Alert)
	}
}

// A function dies after folding, before it records that: the next delivery folds again, and the alert counts once.
func TestFunctionThatDiesWhileItFolds(t *testing.T) {
	h := newHouse(remediations.Enforce)
	h.again(t, openedBy(0, "bob", "front"))
	h.store.failPut = func(r *engine.Record) error {
		if r.Alert == engine.AlertFolded {
			return errors.New("killed")
		}
		return nil
	}
	second := h.again(t, openedBy(1, "bob", "front"))
	if h.kept(t, second.ID).Alert != engine.AlertPending || h.backlog(t).Times != 1 {
		t.Fatalf("the record says %s, %d are folded, want pending and 1", h.kept(t, second.ID).Alert, h.backlog(t).Times)
	}
	h.store.failPut = nil
	h.now = h.now.Add(time.Minute)
	h.again(t, openedBy(1, "bob", "front"))
	if h.kept(t, second.ID).Alert != engine.AlertFolded || h.backlog(t).Times != 1 || len(h.alerts) != 1 || h.door.shuts != 2 {
		t.Errorf("the record says %s, %d are folded, %d alerts, %d writes", h.kept(t, second.ID).Alert, h.backlog(t).Times, len(h.alerts), h.door.shuts)
	}
}

// A failure is alerted at the first denied call and at the last attempt.
func TestFailuresAreFoldedToo(t *testing.T) {
	h := newHouse(remediations.Enforce)
	h.door.guardErr = errors.New("no answer")
	for n := range 2 {
		for range 3 {
			if _, err := h.deliver(t, openedBy(n, "bob", "front")); err == nil {
				t.Fatal("it did not fail")
			}
		}
	}
	if d := h.backlog(t); len(h.alerts) != 1 || d.Times != 1 || d.Outcomes[engine.Failed] != 1 || d.Critical != 1 {
		t.Errorf("%d alerts, folded %+v", len(h.alerts), d)
	}
}
