package moduletest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/engine"
)

// sweeps: what an event makes the module find, a sweep of the same world finds without it; it comes to the same end,
// writes nothing unless it is let, and its failing calls surface. What the case calls Unswept, no sweep finds.
func (k *kit) sweeps(c Case) error {
	if k.module.Sweep == nil || !c.Acts {
		return nil
	}
	tick, err := k.tick(c)
	if err != nil {
		return err
	}
	found, whole, err := k.swept(c, tick, remediations.Alert)
	if err != nil {
		return err
	}
	if whole.wrote > 0 {
		return errors.New("in mode alert it wrote to AWS")
	}
	if err := k.sweepFinds(c, found); err != nil {
		return err
	}
	if err := k.sweepEnds(c, tick); err != nil {
		return err
	}
	for i, failing := range whole.stage.calls {
		p, err := k.begin(c, remediations.Alert)
		if err != nil {
			return err
		}
		p.stage.fail, p.stage.fault = i+1, Error("InternalFailure")
		records, err := k.deliver(p, tick)
		if err == nil && maps.Equal(wrong(records), found) {
			continue // it has looked a second time
		}
		if remediations.ErrorCode(err) != "InternalFailure" {
			return fmt.Errorf("call %d, %s %s: its error was swallowed: %v", i+1, failing.service, failing.operation, err)
		}
	}
	return nil
}

// swept is what a sweep of the case's world finds in a mode.
func (k *kit) swept(c Case, tick []byte, mode remediations.Mode) (map[remediations.Resource]bool, *play, error) {
	p, err := k.begin(c, mode)
	if err != nil {
		return nil, nil, err
	}
	records, err := k.deliver(p, tick)
	if err != nil {
		return nil, nil, err
	}
	if err := k.permitted(p, 0, k.module.Rights(mode)); err != nil {
		return nil, nil, err
	}
	return wrong(records), p, nil
}

// wrong is the resources that something was found wrong with.
func wrong(records []engine.Record) map[remediations.Resource]bool {
	found := map[remediations.Resource]bool{}
	for _, r := range records {
		switch r.Outcome {
		case engine.Alerted, engine.Remediated, engine.Partial:
			found[r.Resource] = true // one that is right is recorded only if it was looked at twice
		}
	}
	return found
}

// sweepFinds compares what a sweep finds with what the event leads to.
func (k *kit) sweepFinds(c Case, found map[remediations.Resource]bool) error {
	p, err := k.begin(c, remediations.Alert)
	if err != nil {
		return err
	}
	records, err := k.deliver(p, c.Event)
	if err != nil {
		return err
	}
	for _, r := range records {
		waits := r.Grace.After(p.engine.Now())
		switch wrong := r.Outcome == engine.Alerted; {
		case wrong && !waits && c.Unswept == "" && !found[r.Resource]:
			return fmt.Errorf("the event makes it find %s, and a sweep does not: if that is right, say why (Unswept)", r.Resource)
		case wrong && waits && found[r.Resource]:
			return fmt.Errorf("people have time to put %s right, and a sweep does not wait", r.Resource)
		case c.Unswept != "" && found[r.Resource]:
			return fmt.Errorf("a sweep finds %s, and the case says that it can't: %s", r.Resource, c.Unswept)
		}
	}
	return nil
}

// sweepEnds: where a sweep may act, it leaves no other world than the event does.
func (k *kit) sweepEnds(c Case, tick []byte) error {
	if c.Unswept != "" {
		return nil
	}
	p, err := k.delivered(c)
	if err != nil {
		return err
	}
	_, s, err := k.swept(c, tick, remediations.Enforce)
	if err != nil {
		return err
	}
	if got, want := s.stage.state(), p.stage.state(); got != want {
		return fmt.Errorf("in mode enforce it left %s, and the event leads to %s", got, want)
	}
	return nil
}

// tick is the scheduled event of the module's rule, where and when the case's event is from.
func (k *kit) tick(c Case) ([]byte, error) {
	p, err := k.begin(c, remediations.Alert)
	if err != nil {
		return nil, err
	}
	rule := fmt.Sprintf("arn:%s:events:%s:%s:rule/%s", remediations.Partition(p.event.Region), p.event.Region, p.event.Account, k.module.SweepRule())
	return json.Marshal(map[string]any{
		"version": "0", "id": "33333333-3333-4333-8333-333333333333", "detail-type": "Scheduled Event", "source": "aws.events",
		"account": p.event.Account, "time": p.event.Time.Format(time.RFC3339), "region": p.event.Region,
		"resources": []string{rule}, "detail": map[string]any{},
	})
}
