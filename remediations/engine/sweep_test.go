package engine_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/engine"
)

// sweeping gives the house's module a sweep of these doors.
func (h *house) sweeping(doors ...string) {
	h.Sweep = remediations.Alert
	h.Module.Schedule = "rate(1 day)"
	h.Module.Sweep = func(_ context.Context, run *remediations.Run) iter.Seq2[remediations.Resource, error] {
		return func(yield func(remediations.Resource, error) bool) {
			for _, id := range doors {
				if id == "broken list" {
					yield(remediations.Resource{}, errors.New("no list"))
					return
				}
				if !yield(remediations.Resource{ID: id, Type: "AWS::House::Door", Account: run.Account, Region: run.AWS.Region}, nil) {
					return
				}
			}
		}
	}
}

// due returns the event of the module's schedule; replacements change its text.
func due(replace ...string) string {
	return strings.NewReplacer(replace...).Replace(`{"version": "0", "id": "9d1f6a1e-3a1c-4b75-8c3e-5a0b7c1d2e01", "detail-type": "Scheduled Event",
		"source": "aws.events", "account": "111122223333", "time": "2026-03-01T10:00:00Z", "region": "eu-west-1",
		"resources": ["arn:aws:events:eu-west-1:111122223333:rule/countermand-door-open-sweep"], "detail": {}}`)
}

func (h *house) sweep(t *testing.T, ctx context.Context, raw string) ([]engine.Record, error) {
	t.Helper()
	e, err := engine.New(h.Config)
	if err != nil {
		t.Fatal(err)
	}
	return e.Handle(ctx, []byte(raw))
}

func TestASweepFindsWhatNoEventReported(t *testing.T) {
	for _, c := range []struct {
		mode, sweep remediations.Mode
		want        engine.Outcome
		alerts      int
	}{
		{remediations.Enforce, remediations.Enforce, engine.Remediated, 1},
		{remediations.Enforce, remediations.Alert, engine.Alerted, 1},
		{remediations.Alert, remediations.Enforce, engine.Alerted, 1},
		{remediations.Enforce, remediations.Observe, engine.Observed, 0},
		{remediations.Observe, remediations.Alert, engine.Observed, 0},
	} {
		h := newHouse(c.mode)
		h.sweeping("front")
		h.Sweep = c.sweep
		records, err := h.sweep(t, t.Context(), due())
		if err != nil || len(records) != 1 || records[0].Outcome != c.want || len(h.alerts) != c.alerts {
			t.Errorf("mode %s, sweep %s: %v, %v, %d alerts, want %s and %d", c.mode, c.sweep, records, err, len(h.alerts), c.want, c.alerts)
			continue
		}
		if h.door.open != (c.want != engine.Remediated) {
			t.Errorf("mode %s, sweep %s: the door is open: %t", c.mode, c.sweep, h.door.open)
		}
		kept := h.kept(t, records[0].ID)
		if kept.EventName != "Sweep" || kept.EventID != "9d1f6a1e-3a1c-4b75-8c3e-5a0b7c1d2e01" || !strings.HasPrefix(kept.Principal, "nobody that is known") {
			t.Errorf("the record says %s, %s, %s", kept.EventName, kept.EventID, kept.Principal)
		}
	}
}

func TestAnAlertOfASweepBlamesNobody(t *testing.T) {
	h := newHouse(remediations.Alert)
	h.sweeping("front")
	if _, err := h.sweep(t, t.Context(), due()); err != nil {
		t.Fatal(err)
	}
	body := h.alerts[0].Body
	if !strings.Contains(body, "A sweep has looked at AWS::House::Door front") || strings.Contains(body, "WHO DID IT") {
		t.Error(body)
	}
}

// A sweep cannot know who caused a state, so it does not revert what an exempt principal may have done.
func TestASweepOnlyAlertsWhereAPrincipalIsExempt(t *testing.T) {
	const bob = "arn:aws:iam::111122223333:user/bob"
	soon, past := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		exemption remediations.Exemption
		want      engine.Outcome
	}{
		"for all":                     {remediations.Exemption{Module: "door-open", Principal: bob, Expires: soon}, engine.Alerted},
		"for this":                    {remediations.Exemption{Module: "all", Principal: bob, Resource: "front", Expires: soon}, engine.Alerted},
		"for some with a tag":         {remediations.Exemption{Module: "door-open", Principal: bob, Tag: "a=b", Expires: soon}, engine.Alerted},
		"for another door":            {remediations.Exemption{Module: "door-open", Principal: bob, Resource: "back", Expires: soon}, engine.Remediated},
		"from another module":         {remediations.Exemption{Module: "window-open", Principal: bob, Expires: soon}, engine.Remediated},
		"no longer":                   {remediations.Exemption{Module: "door-open", Principal: bob, Expires: past}, engine.Remediated},
		"any principal, another door": {remediations.Exemption{Module: "door-open", Resource: "back", Expires: soon}, engine.Remediated},
	} {
		h := newHouse(remediations.Enforce)
		h.sweeping("front")
		h.Sweep = remediations.Enforce
		c.exemption.Owner, c.exemption.Reason = "porters", "deliveries"
		h.Exemptions = []remediations.Exemption{c.exemption}
		h.Tags = func(context.Context, string, string) (map[string]string, error) { return nil, nil }
		h.door.typ = "AWS::S3::Bucket"
		records, err := h.sweep(t, t.Context(), due())
		if err != nil || len(records) != 1 || records[0].Outcome != c.want {
			t.Errorf("%s: %v, %v, want %s", name, records, err, c.want)
		}
	}
}

func TestASweepKeepsNoRecordOfCleanResources(t *testing.T) {
	h := newHouse(remediations.Enforce)
	h.sweeping("front", "back")
	h.door.open = false
	records, err := h.sweep(t, t.Context(), due())
	if err != nil || len(records) != 0 {
		t.Errorf("%v, %v", records, err)
	}
	all, err := h.store.All()
	if err != nil || len(all) != 0 {
		t.Errorf("%d records are kept (%v)", len(all), err)
	}
	if !strings.Contains(h.log.String(), `"Swept":2`) || !strings.Contains(h.log.String(), `"Found":0`) {
		t.Error(h.log.String())
	}
}

func TestASweepAlertsTheSameOnceADay(t *testing.T) {
	h := newHouse(remediations.Alert)
	h.sweeping("front")
	again := func(id, clock string, alerts int) {
		t.Helper()
		if _, err := h.sweep(t, t.Context(), due("9d1f6a1e", id, "2026-03-01T10:00:00Z", clock)); err != nil || len(h.alerts) != alerts {
			t.Errorf("at %s: %v, %d alerts, want %d", clock, err, len(h.alerts), alerts)
		}
	}
	again("00000001", "2026-03-01T10:00:00Z", 1)
	again("00000002", "2026-03-01T11:00:00Z", 1)
	h.door.state = ", a window is broken"
	h.now = h.now.Add(2 * time.Hour) // within the hour it would be folded
	again("00000003", "2026-03-01T12:00:00Z", 2)
	h.now = h.now.Add(24 * time.Hour)
	again("00000004", "2026-03-02T10:00:00Z", 3)
}

// A sweep acted, but could not verify or record it. The next delivery finds nothing wrong, but still alerts.
func TestASweepAlertsWhatAnEarlierDeliveryDid(t *testing.T) {
	noEnd := func(h *house) {
		h.store.failPut = func(r *engine.Record) error {
			if r.Outcome != engine.Started {
				return errors.New("the table is gone")
			}
			return nil
		}
	}
	for name, c := range map[string]struct {
		first func(*house) // how the first delivery fails
		then  func(*house)
		want  engine.Outcome
	}{
		"the end could not be written down": {noEnd, func(*house) {}, engine.Remediated},
		"the alert could not be sent":       {func(h *house) { h.down = true }, func(*house) {}, engine.Remediated},
		"and something is left that it cannot fix": {noEnd, func(h *house) {
			h.Module.Guard = func(_ context.Context, _ *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
				return &remediations.Finding{Resource: r, Reason: "the lock is broken", AlertOnly: true}, nil
			}
		}, engine.Partial},
	} {
		h := newHouse(remediations.Enforce)
		h.sweeping("front")
		h.Sweep = remediations.Enforce
		c.first(h)
		if _, err := h.sweep(t, t.Context(), due()); err == nil || h.door.open || len(h.alerts) != 0 {
			t.Fatalf("%s: %v, the door is open: %t, %d alerts", name, err, h.door.open, len(h.alerts))
		}
		h.store.failPut, h.down = nil, false
		c.then(h)
		h.now = h.now.Add(time.Minute)
		records, err := h.sweep(t, t.Context(), due())
		if err != nil || len(records) != 1 || records[0].Outcome != c.want || len(h.alerts) != 1 || h.door.shuts != 1 {
			t.Errorf("%s: %v, %v, %d alerts, shut %d times, want %s", name, records, err, len(h.alerts), h.door.shuts, c.want)
		}
	}
}

// If an earlier delivery failed without acting, and the resource is fine now, there is nothing to alert.
func TestASweepIsSilentAboutFixedResources(t *testing.T) {
	h := newHouse(remediations.Enforce)
	h.sweeping("front")
	h.Sweep, h.door.stuckIDs = remediations.Enforce, map[string]bool{"front": true}
	if records, err := h.sweep(t, t.Context(), due()); err == nil || len(records) != 1 || records[0].Outcome != engine.Failed {
		t.Fatalf("%v, %v", records, err)
	}
	h.door.stuckIDs, h.door.open = nil, false
	h.now = h.now.Add(time.Minute)
	if records, err := h.sweep(t, t.Context(), due()); err != nil || len(records) != 0 || len(h.alerts) != 0 {
		t.Errorf("%v, %v, %d alerts", records, err, len(h.alerts))
	}
}

func TestASweepFailsIfTheEarlierRecordIsUnreadable(t *testing.T) {
	h := newHouse(remediations.Enforce)
	h.sweeping("front")
	h.Sweep, h.door.open, h.store.failGet = remediations.Enforce, false, errors.New("the table is gone")
	if records, err := h.sweep(t, t.Context(), due()); err == nil || !strings.Contains(err.Error(), "the table is gone") || len(records) != 0 {
		t.Errorf("%v, %v", records, err)
	}
}

// If a sweep may no longer act, people are still alerted once a day; and again when it may act.
func TestAStoppedSweepAlertsTheSameOnceADay(t *testing.T) {
	h := newHouse(remediations.Enforce)
	h.sweeping("front")
	h.Sweep = remediations.Enforce
	again := func(clock string, said remediations.Switch, want engine.Outcome, alerts int) {
		t.Helper()
		h.said = said
		records, err := h.sweep(t, t.Context(), due("9d1f6a1e", "0000"+strings.ReplaceAll(clock, ":", ""), "T10:00", "T"+clock))
		if err != nil || len(records) != 1 || records[0].Outcome != want || len(h.alerts) != alerts {
			t.Errorf("at %s: %v, %v, %d alerts, want %s and %d", clock, records, err, len(h.alerts), want, alerts)
		}
		h.now = h.now.Add(2 * time.Hour) // within the hour it would be folded
	}
	observe := remediations.Switch{"all": {Mode: remediations.Observe}}
	alert := remediations.Switch{"all": {Mode: remediations.Alert}}
	again("10:00", observe, engine.Observed, 0)
	again("12:00", alert, engine.Alerted, 1)
	again("14:00", alert, engine.Duplicate, 1)
	again("16:00", nil, engine.Remediated, 2)
}

func TestASweepAlertsWhatWasObservedBefore(t *testing.T) {
	h := newHouse(remediations.Alert)
	h.sweeping("front")
	h.said = remediations.Switch{"all": {Mode: remediations.Observe}}
	if _, err := h.sweep(t, t.Context(), due()); err != nil || len(h.alerts) != 0 {
		t.Fatalf("%v, %d alerts", err, len(h.alerts))
	}
	h.said = nil
	if _, err := h.sweep(t, t.Context(), due("9d1f6a1e", "9d1f6a1f", "T10:00", "T11:00")); err != nil || len(h.alerts) != 1 {
		t.Errorf("%v, %d alerts, want 1", err, len(h.alerts))
	}
}

func TestASweepThatMayActDoesSoEachTime(t *testing.T) {
	h := newHouse(remediations.Enforce)
	h.sweeping("front")
	h.Sweep = remediations.Enforce
	for i, id := range []string{"00000001", "00000002"} {
		h.door.open = true
		if _, err := h.sweep(t, t.Context(), due("9d1f6a1e", id)); err != nil || h.door.shuts != i+1 {
			t.Errorf("sweep %s: %v, shut %d times", id, err, h.door.shuts)
		}
	}
}

func TestASweepGoesOnWhereOneResourceFails(t *testing.T) {
	h := newHouse(remediations.Alert)
	h.sweeping("front", "side", "back")
	h.door.stuckIDs = map[string]bool{"side": true}
	records, err := h.sweep(t, t.Context(), due())
	if err == nil || !strings.Contains(err.Error(), "AWS::House::Door side") || len(records) != 3 || len(h.alerts) != 2 {
		t.Fatalf("%v, %v, %d alerts", records, err, len(h.alerts))
	}
	// Lambda delivers the event again: the others are not alerted again.
	h.door.stuckIDs = nil
	if _, err := h.sweep(t, t.Context(), due()); err != nil || len(h.alerts) != 3 {
		t.Errorf("%v, %d alerts", err, len(h.alerts))
	}
}

func TestASweepThatCannotList(t *testing.T) {
	h := newHouse(remediations.Alert)
	h.sweeping("front", "broken list")
	records, err := h.sweep(t, t.Context(), due())
	if err == nil || !strings.Contains(err.Error(), "no list") || len(records) != 1 {
		t.Errorf("%v, %v", records, err)
	}
}

func TestASweepWithoutTimeSaysSo(t *testing.T) {
	h := newHouse(remediations.Alert)
	h.sweeping("front", "back")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // less than one resource may take
	defer cancel()
	records, err := h.sweep(t, ctx, due())
	if err == nil || !strings.Contains(err.Error(), "ran out of time after 0 resources") || len(records) != 0 {
		t.Errorf("%v, %v", records, err)
	}
}

func TestScheduledEventsThatAreNotForTheModule(t *testing.T) {
	for want, raw := range map[string]string{
		"from account 444455556666":  due("111122223333", "444455556666"),
		"is not the module's rule":   due("rule/countermand-door-open-sweep", "rule/countermand-door-sweep"),
		"it lacks id":                due(`"id": "9d1f6a1e-3a1c-4b75-8c3e-5a0b7c1d2e01"`, `"id": ""`),
		"is there twice":             due(`"version": "0"`, `"region": "us-east-1"`),
		"its one rule":               due(`["arn`, `["arn:aws:events:eu-west-1:111122223333:rule/other", "arn`),
		"the module has no sweep":    "",
		"not from CloudTrail":        due(`"source": "aws.events"`, `"source": "my.app"`),
		"the record has no eventSou": due("Scheduled Event", "Another Event"),
	} {
		h := newHouse(remediations.Enforce)
		if raw != "" {
			h.sweeping("front")
		} else {
			raw = due()
		}
		records, err := h.sweep(t, t.Context(), raw)
		if err == nil || !strings.Contains(err.Error(), want) || len(records) != 1 || records[0].Outcome != engine.Rejected || !h.door.open {
			t.Errorf("%v, %v, want %q", records, err, want)
		}
	}
}

func TestGracePeriod(t *testing.T) {
	h := newHouse(remediations.Enforce)
	h.sweeping("front")
	h.Sweep = remediations.Enforce
	guard := h.Module.Guard
	h.Module.Guard = func(ctx context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
		f, err := guard(ctx, run, r)
		if f != nil {
			f.Grace = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
		}
		return f, err
	}
	r, err := h.deliver(t, opened())
	if err != nil || r.Outcome != engine.Alerted || !h.door.open || len(h.alerts) != 1 {
		t.Fatalf("%s, %v, %d alerts", r.Outcome, err, len(h.alerts))
	}
	if !strings.Contains(h.alerts[0].Body, "nothing yet: there is time until 2026-03-02 10:00:00 UTC") {
		t.Error(h.alerts[0].Body)
	}
	if records, err := h.sweep(t, t.Context(), due()); err != nil || len(records) != 0 || len(h.alerts) != 1 {
		t.Errorf("a sweep before its end: %v, %v, %d alerts", records, err, len(h.alerts))
	}
	h.now = h.now.Add(24 * time.Hour)
	records, err := h.sweep(t, t.Context(), due("9d1f6a1e", "9d1f6a1f"))
	if err != nil || len(records) != 1 || records[0].Outcome != engine.Remediated || h.door.open {
		t.Errorf("a sweep after its end: %v, %v", records, err)
	}
}

type doorSettings struct {
	Lamp bool `json:"lamp" doc:"whether a lamp has to be on"`
}

func TestSettingsReachTheGuard(t *testing.T) {
	h := newHouse(remediations.Enforce)
	h.Module.Settings = doorSettings{Lamp: true}
	var got []any
	guard := h.Module.Guard
	h.Module.Guard = func(ctx context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
		got = append(got, run.Settings)
		return guard(ctx, run, r)
	}
	if _, err := h.deliver(t, opened()); err != nil {
		t.Fatal(err)
	}
	h.Settings = doorSettings{}
	if _, err := h.deliver(t, opened("0e2f3f0a", "0e2f3f0b")); err != nil {
		t.Fatal(err)
	}
	if first, last := fmt.Sprint(got[0]), fmt.Sprint(got[len(got)-1]); first != "{true}" || last != "{false}" {
		t.Errorf("first %s, then %s", first, last)
	}
	h.Settings = 3
	if _, err := engine.New(h.Config); err == nil || !strings.Contains(err.Error(), "has settings of type engine_test.doorSettings, not int") {
		t.Error(err)
	}
}
