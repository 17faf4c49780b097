package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
)

// looks is how long to wait before each look of the guard that is one of several: at a resource that was
// just created, and after an action. S3, IAM and others answer with an old state for a moment.
var looks = []time.Duration{0, time.Second, 2 * time.Second, 4 * time.Second}

// recordTime is kept back from the module for the record and the alert.
const recordTime = 5 * time.Second

// run takes one resource from the guard to the alert. The record it returns has exactly one outcome.
func (e *Engine) run(ctx context.Context, event events.Event, r remediations.Resource) (*Record, error) {
	record := e.record(event, r)
	if r.ID == "" || r.Region == "" {
		return record, e.fail(ctx, record, errors.New("the module named a resource without an id or a Region"))
	}
	fence := NewFence(e.Module)
	run := &remediations.Run{
		Event: &event,
		AWS:   fence.Config(e.AWS, r.Region),
		Log:   e.Log.With("run", record.ID, "module", e.Module.Name),
	}
	finding, err := e.judge(ctx, run, record)
	record.Calls = fence.Calls()
	if err != nil {
		return record, e.fail(ctx, record, err)
	}
	prior, err := e.claim(ctx, record, finding)
	switch {
	case err != nil:
		return record, e.fail(ctx, record, err)
	case prior != nil:
		return e.deliveredBefore(ctx, record, prior)
	case record.Outcome == Started:
		return record, e.act(ctx, run, fence, record, finding)
	}
	return record, e.tell(ctx, record)
}

// judge finds out what is wrong, and whether hands are kept off it, and notes both in the record.
func (e *Engine) judge(ctx context.Context, run *remediations.Run, record *Record) (*remediations.Finding, error) {
	work, cancel := workTime(ctx)
	defer cancel()
	finding, err := e.guard(work, run, record.Resource)
	if err != nil {
		return nil, fmt.Errorf("guard: %w", err)
	}
	if finding == nil {
		return nil, nil
	}
	record.found(finding)
	record.Exemption, err = e.exempt(work, record.Resource, run.Event.Record.Identity)
	return finding, err
}

// guard asks the module what is wrong, a few times if it can't be told yet.
func (e *Engine) guard(ctx context.Context, run *remediations.Run, r remediations.Resource) (finding *remediations.Finding, err error) {
	for _, wait := range looks {
		if waitErr := e.Wait(ctx, wait); waitErr != nil {
			return nil, errors.Join(err, waitErr)
		}
		if finding, err = e.look(ctx, run, r); !errors.Is(err, remediations.ErrNotYet) {
			break
		}
	}
	return finding, err
}

// look is one look of the guard.
func (e *Engine) look(ctx context.Context, run *remediations.Run, r remediations.Resource) (finding *remediations.Finding, err error) {
	defer recovered(&err)
	return e.Module.Guard(ctx, run, r)
}

// decide is the outcome that a finding leads to; Started if the module may act.
func (e *Engine) decide(record *Record, finding *remediations.Finding) Outcome {
	switch {
	case finding == nil:
		return Clean
	case record.Exemption != nil:
		return Exempt
	case record.Mode == remediations.Observe:
		return Observed
	case record.Mode == remediations.Alert, e.Module.Action == nil, finding.AlertOnly:
		return Alerted
	}
	return Started
}

// act lets the module write, and looks whether that closed the hole.
func (e *Engine) act(ctx context.Context, run *remediations.Run, fence *Fence, record *Record, finding *remediations.Finding) error {
	earlier := record.Calls[:len(record.Calls)-len(fence.Calls())] // of an earlier attempt
	work, cancel := workTime(ctx)
	defer cancel()
	err := e.action(work, run, fence, finding)
	var left *remediations.Finding
	if err == nil {
		left, err = e.verify(work, run, record.Resource)
	}
	record.Calls = slices.Concat(earlier, fence.Calls())
	switch {
	case err != nil:
		return e.end(ctx, record, Failed, fmt.Errorf("action: %w", err))
	case left == nil:
		return e.end(ctx, record, Remediated, nil)
	}
	record.Left, record.LeftFix = left.Reason, left.Fix
	if left.AlertOnly {
		return e.end(ctx, record, Partial, nil)
	}
	return e.end(ctx, record, Unverified, nil)
}

// action runs the module's action, with the fence open for writes no longer than that.
func (e *Engine) action(ctx context.Context, run *remediations.Run, fence *Fence, finding *remediations.Finding) (err error) {
	fence.AllowWrites(true)
	defer fence.AllowWrites(false)
	defer recovered(&err)
	return e.Module.Action(ctx, run, finding)
}

// verify runs the guard until it finds nothing that the module could put right, a few times at most. It
// returns what is still wrong.
func (e *Engine) verify(ctx context.Context, run *remediations.Run, r remediations.Resource) (finding *remediations.Finding, err error) {
	for _, wait := range looks {
		if err := e.Wait(ctx, wait); err != nil {
			return nil, err
		}
		if finding, err = e.look(ctx, run, r); err != nil {
			return nil, fmt.Errorf("look again: %w", err)
		}
		if finding == nil || finding.AlertOnly {
			break
		}
	}
	return finding, nil
}

// Wait waits d, less if ctx ends.
func Wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// workTime is ctx with an earlier deadline: a module that takes too long must leave time for writing down
// that it did.
func workTime(ctx context.Context) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok {
		return context.WithDeadline(ctx, deadline.Add(-recordTime))
	}
	return context.WithCancel(ctx)
}

// wrote reports whether one of the calls was a write that reached AWS, and that IAM did not refuse.
func wrote(calls []Call) bool {
	for _, call := range calls {
		if call.Write && !call.Fenced && !accessDenied[call.Error] {
			return true
		}
	}
	return false
}
