package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
)

// guardDelays are the waits before each look of the guard when it looks several times: at a resource that was just
// created, and after an action. S3, IAM and others return stale state for a moment.
var guardDelays = []time.Duration{0, time.Second, 2 * time.Second, 4 * time.Second}

// run takes a record's resource from the guard to the alert. The record that it returns has exactly one outcome. In a
// sweep there is no event.
func (e *Engine) run(ctx context.Context, event *events.Event, record *Record) (*Record, error) {
	r := record.Resource
	if r.ID == "" || r.Region == "" {
		return record, e.fail(ctx, record, errors.New("the module named a resource without an id or a Region"))
	}
	fence := NewFence(e.Module)
	run := &remediations.Run{
		Event:    event,
		Account:  e.Account,
		AWS:      fence.Config(e.AWS, r.Region),
		Settings: e.Settings,
		Log:      e.Log.With("run", record.ID, "module", e.Module.Name),
	}
	finding, err := e.assess(ctx, run, record)
	record.Calls, record.callCount = fence.Calls(), fence.CallCount()
	if err != nil {
		return record, e.fail(ctx, record, err)
	}
	record.Outcome = e.decide(record, finding)
	if event == nil {
		if err := e.useDailyID(ctx, record, finding); err != nil {
			return record, e.fail(ctx, record, err)
		}
	}
	wait := e.startRecheck(ctx, run, record)
	prior, err := e.claim(ctx, record, finding)
	rechecked := wait()
	switch {
	case err != nil:
		return record, e.fail(ctx, record, err)
	case prior != nil:
		return e.endDuplicate(ctx, record, prior)
	case record.Outcome == Started:
		err = e.act(ctx, run, fence, record, finding, rechecked)
		if err = e.finish(ctx, record, err); err != nil {
			return record, err
		}
	}
	return record, e.sendPendingAlert(ctx, record)
}

// assess finds out at the same time what is wrong, whether the resource is exempt, and how far the run may go, and
// notes it in the record.
func (e *Engine) assess(ctx context.Context, run *remediations.Run, record *Record) (*remediations.Finding, error) {
	work, cancel := workTime(ctx)
	defer cancel()
	var (
		group                sync.WaitGroup
		stops                remediations.Switch
		exemption            *Exemption
		switchErr, exemptErr error
		who                  events.Identity
	)
	if run.Event != nil {
		who = run.Event.Record.Identity
		group.Go(func() { record.LaterEvent = e.laterEvent(work, record) })
	}
	group.Go(func() { stops, switchErr = e.Switch(work) })
	group.Go(func() { exemption, exemptErr = e.findExemption(work, record.Resource, who) })
	finding, err := e.guardUntilReady(work, run, record.Resource)
	group.Wait()
	record.applySwitch(stops, switchErr)
	if err != nil {
		return nil, fmt.Errorf("guard: %w", err)
	}
	if finding == nil || run.Event == nil && e.Now().Before(finding.Grace) {
		return nil, nil
	}
	record.setFinding(finding)
	record.Exemption = exemption
	return finding, exemptErr
}

// guardUntilReady runs the guard, and again a few times while the resource is not ready.
func (e *Engine) guardUntilReady(ctx context.Context, run *remediations.Run, r remediations.Resource) (finding *remediations.Finding, err error) {
	for _, wait := range guardDelays {
		if waitErr := e.Wait(ctx, wait); waitErr != nil {
			return nil, errors.Join(err, waitErr)
		}
		if finding, err = e.guardOnce(ctx, run, r); !errors.Is(err, remediations.ErrNotReady) {
			break
		}
	}
	return finding, err
}

// guardOnce runs the guard once.
func (e *Engine) guardOnce(ctx context.Context, run *remediations.Run, r remediations.Resource) (finding *remediations.Finding, err error) {
	defer recoverPanic(&err)
	return e.Module.Guard(ctx, run, r)
}

// decide returns the outcome that a finding leads to, or Started if the module may act.
func (e *Engine) decide(record *Record, finding *remediations.Finding) Outcome {
	switch {
	case finding == nil && !record.LaterEvent.IsZero():
		return Stale
	case finding == nil:
		return Clean
	case record.Exemption != nil:
		return Exempt
	case record.Mode == remediations.Observe:
		return Observed
	case record.Mode == remediations.Alert, e.Module.Action == nil, finding.AlertOnly, e.Now().Before(finding.Grace):
		return Alerted
	}
	return Started
}

// startRecheck runs the guard again while the run is being claimed, if the run is to act: the first finding is a round
// trip old by then. The function that it returns waits for the result.
func (e *Engine) startRecheck(ctx context.Context, run *remediations.Run, record *Record) func() recheck {
	if record.Outcome != Started {
		return func() recheck { return recheck{} }
	}
	work, cancel := workTime(ctx)
	done := make(chan recheck, 1)
	began := e.Now()
	r := record.Resource
	go func() {
		defer cancel()
		finding, err := e.guardOnce(work, run, r)
		done <- recheck{finding, err, began}
	}()
	return func() recheck { return <-done }
}

// A recheck is the result of running the guard again.
type recheck struct {
	finding *remediations.Finding
	err     error
	at      time.Time
}

// maxRecheckAge is how old a recheck may be for the module to act on it: a transaction that meets others has to wait.
const maxRecheckAge = time.Second

// maxChanges is how often the state may change during a run before the run leaves it to the next attempt.
const maxChanges = 3

// act allows the module to write, and checks whether that closed the hole. The outcome is in the record, unless the run
// failed.
func (e *Engine) act(ctx context.Context, run *remediations.Run, fence *Fence, record *Record, finding *remediations.Finding, latest recheck) error {
	work, cancel := workTime(ctx)
	defer cancel()
	defer func() {
		record.Calls, record.callCount = slices.Concat(record.earlierCalls, fence.Calls()), fence.CallCount()
	}()
	finding, err := e.confirm(work, run, record, finding, latest)
	if err != nil {
		record.Touched = record.touchedBefore
		return fmt.Errorf("recheck before the action: %w", err)
	}
	if record.Outcome != Started {
		record.Touched = record.touchedBefore
		return nil
	}
	if err := e.runAction(work, run, fence, finding); err != nil {
		record.Touched = record.touchedBefore || fence.Wrote()
		return fmt.Errorf("action: %w", err)
	}
	var group sync.WaitGroup
	group.Go(func() { record.budgetLeft = e.budgetLeft(work, record) })
	left, err := e.verify(work, run, record.Resource)
	group.Wait()
	if err != nil {
		record.Touched = record.touchedBefore || fence.Wrote()
		return err
	}
	record.setVerified(left)
	return nil
}

// confirm returns the finding to act on: the recorded one, if it still holds. If the state has changed, confirm records
// the new one while the guard runs again. If no action is needed or allowed any more, it sets the outcome.
func (e *Engine) confirm(ctx context.Context, run *remediations.Run, record *Record, finding *remediations.Finding, latest recheck) (*remediations.Finding, error) {
	for range maxChanges {
		if latest.err == nil && e.Now().Sub(latest.at) > maxRecheckAge {
			latest.finding, latest.err = e.guardOnce(ctx, run, record.Resource)
		}
		switch {
		case latest.err != nil:
			return nil, latest.err
		case sameFinding(latest.finding, finding):
			return finding, nil
		}
		finding = latest.finding
		if record.Outcome = e.decide(record, finding); record.Outcome != Started {
			record.setNothingLeftToDo(finding)
			return nil, nil
		}
		record.replaceFinding(finding)
		record.Version++
		wait := e.startRecheck(ctx, run, record)
		err := e.put(ctx, record)
		latest = wait()
		if err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("the state changed %d times during the run: %w", maxChanges, remediations.ErrChanged)
}

// sameFinding reports whether two findings have the same state before and after.
func sameFinding(a, b *remediations.Finding) bool {
	return a != nil && b != nil && a.AlertOnly == b.AlertOnly && bytes.Equal(a.Before, b.Before) && bytes.Equal(a.After, b.After)
}

// runAction runs the module's action. The fence allows writes only meanwhile.
func (e *Engine) runAction(ctx context.Context, run *remediations.Run, fence *Fence, finding *remediations.Finding) (err error) {
	fence.AllowWrites(true)
	defer fence.AllowWrites(false)
	defer recoverPanic(&err)
	return e.Module.Action(ctx, run, finding)
}

// verify runs the guard until it finds nothing that the module could fix, a few times at most. It returns what is still
// wrong.
func (e *Engine) verify(ctx context.Context, run *remediations.Run, r remediations.Resource) (finding *remediations.Finding, err error) {
	for _, wait := range guardDelays {
		if err := e.Wait(ctx, wait); err != nil {
			return nil, err
		}
		if finding, err = e.guardOnce(ctx, run, r); err != nil {
			return nil, fmt.Errorf("verify: %w", err)
		}
		if finding == nil || finding.AlertOnly {
			break
		}
	}
	return finding, nil
}
