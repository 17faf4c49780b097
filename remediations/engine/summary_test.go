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
	h.Alert = func(ctx context.Context, m engine.Message) error { // one more alert is folded meanwhile
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

// If one module's backlog cannot be read, the summary has the others.
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

// A summary is never too long for SNS either, and contains no text that a chat interprets.
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

// backlogs returns those of two modules, one of which is larger than a summary.
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

// summarize sends the summary of a house.
func (h *house) summarize(ctx context.Context) (int, error) {
	s := engine.Summary{Modules: []string{"absent", h.Module.Name}, Store: h.store, Alert: h.Alert, Now: h.Now}
	return s.Send(ctx)
}
