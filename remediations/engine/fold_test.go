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

// again opens the door once more and delivers the event of that.
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
	h.door.stuck = true // what gets worse is heard of
	if h.again(t, openedBy(4, "bob", "front")); len(h.alerts) != 4 || !h.alerts[3].Facts.Critical {
		t.Errorf("another outcome: %d alerts, want 4", len(h.alerts))
	}
	h.door.stuck = false
	h.now = h.now.Add(time.Hour)
	if h.again(t, openedBy(5, "bob", "front")); len(h.alerts) != 5 || h.backlog(t).Times != 1 {
		t.Errorf("an hour later: %d alerts, want 5; %d folded, want 1", len(h.alerts), h.backlog(t).Times)
	}
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

// Nobody hides what is done behind many resources that matter to nobody.
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
		t.Errorf("nobody hears of payroll:\n%s", body)
	}
}

// Whoever assumes a role names the session: that must not make a new alert of each.
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
	// A storm of what can wait does not hide what can't. That is folded as well, once it is a storm of its own.
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

// What people are not told of is not counted either: a function that only observes may not write that.
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

// What can't be counted is sent.
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

// The alert that was the first, and could not be sent, is still the first when it is tried again.
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

// A function that dies between folding and writing that down: the next delivery folds again, and it counts once.
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

// A failure is alerted at the first refusal and at the last attempt, each of its own run.
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

// summarize tells of what is folded in a house.
func (h *house) summarize(ctx context.Context) (int, error) {
	s := engine.Summary{Modules: []string{"absent", h.Module.Name}, Store: h.store, Alert: h.Alert, Now: h.Now}
	return s.Send(ctx)
}

func TestSummaryIsSentUntilTheBacklogIsCleared(t *testing.T) {
	h := newHouse(remediations.Enforce)
	for n := range 4 {
		h.again(t, openedBy(n, "bob", "front"))
	}
	h.down = true
	if n, err := h.summarize(t.Context()); n != 0 || err == nil || h.backlog(t).Times != 3 {
		t.Errorf("not sent: %d (%v), %d left", n, err, h.backlog(t).Times)
	}
	h.down, h.store.failTold = false, errors.New("killed")
	if n, err := h.summarize(t.Context()); n != 3 || err == nil || h.backlog(t).Times != 3 {
		t.Errorf("sent, and not taken out: %d (%v), %d left", n, err, h.backlog(t).Times)
	}
	h.store.failTold = nil
	send := h.Alert
	h.Alert = func(ctx context.Context, m engine.Message) error { // meanwhile one more is folded
		h.Alert = send
		h.again(t, openedBy(9, "bob", "front"))
		return send(ctx, m)
	}
	if n, err := h.summarize(t.Context()); n != 3 || err != nil || h.backlog(t).Times != 1 {
		t.Errorf("it grew meanwhile: %d (%v), %d left", n, err, h.backlog(t).Times)
	}
	if n, err := h.summarize(t.Context()); n != 1 || err != nil || h.backlog(t).Times != 0 {
		t.Errorf("the rest: %d (%v), %d left", n, err, h.backlog(t).Times)
	}
	sent := len(h.alerts)
	if n, err := h.summarize(t.Context()); n != 0 || err != nil || len(h.alerts) != sent || sent != 4 {
		t.Errorf("nothing is left: %d (%v), %d messages after %d", n, err, len(h.alerts), sent)
	}
}

// One module's backlog that can't be read does not keep people from hearing of the others.
func TestSummaryDespiteAnUnreadableBacklog(t *testing.T) {
	h := newHouse(remediations.Enforce)
	for n := range 2 {
		h.again(t, openedBy(n, "bob", "front"))
	}
	h.store.failBacklog = "absent"
	if n, err := h.summarize(t.Context()); n != 1 || err == nil || len(h.alerts) != 2 || h.backlog(t).Times != 0 {
		t.Errorf("%d (%v), %d messages", n, err, len(h.alerts))
	}
}

// backlogs are those of two modules, of which one has more to tell than a summary holds.
func backlogs(name string) []*engine.Backlog {
	at := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	one := &engine.Backlog{
		Module: "door-open", Severity: remediations.High, Times: 42, Critical: 1,
		Outcomes: map[engine.Outcome]int{engine.Remediated: 41, engine.Unverified: 1},
	}
	for n := range 40 {
		one.Runs = append(one.Runs, engine.FoldedAlert{
			Module: "door-open", Severity: remediations.High, Run: fmt.Sprintf("door-open-%020d", n), Outcome: engine.Remediated,
			Resource: "AWS::House::Door " + fmt.Sprint(name, n), Principal: "arn:aws:iam::111122223333:user/" + fmt.Sprint(name, n%12),
			At: at.Add(time.Duration(n) * time.Second),
		})
	}
	one.Runs[39].Outcome, one.Runs[39].Critical = engine.Unverified, true
	two := &engine.Backlog{Module: "window-open", Severity: remediations.Low, Times: 1, Outcomes: map[engine.Outcome]int{engine.Alerted: 1}}
	two.Runs = []engine.FoldedAlert{{
		Module: "window-open", Severity: remediations.Low, Run: "window-open-1", Outcome: engine.Alerted,
		Resource: "AWS::House::Window west", Principal: "arn:aws:iam::111122223333:user/bob", At: at,
	}}
	return []*engine.Backlog{one, two}
}

func TestRenderSummary(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 30, 0, 0, time.UTC)
	m := engine.RenderSummary(backlogs("x"), now)
	asked, forms := published(t, m)
	golden(t, "summary", m.Subject+"\n\n"+m.Body)
	golden(t, "summary-facts", indented(t, forms["default"]))
	golden(t, "summary-chat", indented(t, forms["https"]))
	attributes := map[string]string{}
	for name, a := range asked.MessageAttributes {
		attributes[name] = *a.DataType + " " + *a.StringValue
	}
	if diff := cmp.Diff(map[string]string{
		"kind": "String summary", "severity": "String high", "module": `String.Array ["door-open","window-open"]`,
		"outcome": `String.Array ["Alerted","Remediated","Unverified"]`,
	}, attributes); diff != "" {
		t.Error(diff)
	}
	if *asked.TopicArn != "arn:critical" {
		t.Errorf("sent to %s", *asked.TopicArn)
	}
	calm := backlogs("x")[1:]
	if asked, _ = published(t, engine.RenderSummary(calm, now)); *asked.TopicArn != "arn:alerts" {
		t.Errorf("nothing is critical, and it is sent to %s", *asked.TopicArn)
	}
}

// A summary is never too long for SNS either, and holds no text that means something in a chat.
func TestAnySummaryIsTaken(t *testing.T) {
	for _, filler := range []string{`"`, "🚪", "\x01", "<!channel>", "`"} {
		var many []*engine.Backlog
		for n := range 60 {
			for _, d := range backlogs(strings.Repeat(filler, 100)) {
				d.Module = fmt.Sprintf("%s-%020d", d.Module[:4], n)
				many = append(many, d)
			}
		}
		m := engine.RenderSummary(many, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
		asked, forms := published(t, m)
		if len(*asked.Message) > 261_000 || len(m.Subject) > 100 {
			t.Errorf("%q: %d bytes, a subject of %d", filler, len(*asked.Message), len(m.Subject))
		}
		if outside := span.ReplaceAllString(forms["https"], ""); strings.ContainsAny(forms["https"], "<>") || strings.ContainsAny(outside, "`🚪") {
			t.Errorf("%q: %s", filler, outside)
		}
	}
}
