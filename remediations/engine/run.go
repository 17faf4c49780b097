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

// maxLease is how long a run is left alone once it has begun. It ends before Lambda tries a failed
// invocation again (after a minute), so that the retry can take over from a function that died.
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
const maxLease = 50 * time.Second

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
	work, cancel := workTime(ctx)
	finding, err := e.guard(work, run, r)
	cancel()
	record.Calls = fence.Calls()
	if err != nil {
		return record, e.fail(ctx, record, fmt.Errorf("guard: %w", err))
	}
	prior, err := e.claim(ctx, record, finding)
	switch {
	case err != nil:
		record.fail(err)
		e.log(ctx, record)
		return record, err
	case prior != nil:
		return e.deliveredBefore(ctx, record, prior)
	case record.Outcome == Started:
		return record, e.act(ctx, run, fence, record, finding)
	}
	return record, e.tell(ctx, record)
}

// guard asks the module what is wrong, a few times if it can't be told yet.
func (e *Engine) guard(ctx context.Context, run *remediations.Run, r remediations.Resource) (finding *remediations.Finding, err error) {
	for _, wait := range looks {
		if waitErr := e.Wait(ctx, wait); waitErr != nil {
			return nil, errors.Join(err, waitErr)
		}
		if finding, err = e.Module.Guard(ctx, run, r); !errors.Is(err, remediations.ErrNotYet) {
			break
		}
	}
	return finding, err
}

// decide is the outcome that a finding leads to; Started if the module may act.
func (e *Engine) decide(record *Record, finding *remediations.Finding) Outcome {
	if finding == nil {
		return Clean
	}
	for _, x := range e.Exemptions {
		if x.Covers(e.Module.Name, record.Resource, e.Now()) {
			record.Exemption = fmt.Sprintf("%s, until %s: %s", x.Owner, x.Expires.Format(time.DateOnly), x.Reason)
			return Exempt
		}
	}
	switch {
	case record.Mode == remediations.Observe:
		return Observed
	case record.Mode == remediations.Alert, e.Module.Action == nil, finding.AlertOnly:
		return Alerted
	}
	return Started
}

// claim writes the record before anything is done, so that of all deliveries of an event one acts, and a
// run that dies is seen. It returns the record of another delivery where that one has the run.
func (e *Engine) claim(ctx context.Context, record *Record, finding *remediations.Finding) (*Record, error) {
	record.Outcome = e.decide(record, finding)
	if finding != nil {
		record.Reason, record.Fix, record.Revert = finding.Reason, finding.Fix, finding.Revert
		record.Before, record.After = finding.Before, finding.After
	}
	switch record.Outcome {
	case Started:
		record.Lease, record.Touched = e.lease(ctx), true
	case Alerted:
		record.Lease, record.Alert = e.lease(ctx), AlertPending
	default:
		record.Ended = e.Now().UTC()
	}
	record.Version = 1
	err := e.Store.Put(ctx, record)
	if !errors.Is(err, ErrConflict) {
		return nil, err
	}
	return e.takeOver(ctx, record)
}

// takeOver continues a run that an earlier delivery left unfinished. Where there is nothing to continue it
// returns the earlier delivery's record.
func (e *Engine) takeOver(ctx context.Context, record *Record) (*Record, error) {
	prior, err := e.Store.Get(ctx, record.ID)
	if err != nil {
		return nil, err
	}
	if prior == nil || !prior.unfinished(e.Now()) || prior.Alert == AlertPending {
		if prior == nil {
			prior = &Record{ID: record.ID, Outcome: Duplicate}
		}
		return prior, nil
	}
	record.follow(prior)
	if record.Touched && record.Outcome == Clean {
		// It is right now: the earlier attempt did it, but could not see or say so.
		record.Outcome, record.Alert, record.Lease = Remediated, AlertPending, e.lease(ctx)
	}
	if err := e.Store.Put(ctx, record); errors.Is(err, ErrConflict) {
		return &Record{ID: record.ID, Outcome: Duplicate}, nil
	} else if err != nil {
		return nil, err
	}
	return nil, nil
}

// deliveredBefore ends a delivery whose run another one has. If that one could not send its alert, it is
// sent now, from the record, and nothing else is done again.
func (e *Engine) deliveredBefore(ctx context.Context, record, prior *Record) (*Record, error) {
	if prior.Alert == AlertPending && prior.unfinished(e.Now()) {
		prior.Version++
		prior.Writer = record.Writer
		prior.Lease = e.lease(ctx)
		err := e.Store.Put(ctx, prior)
		if err == nil {
			return prior, e.tell(ctx, prior)
		}
		if !errors.Is(err, ErrConflict) {
			return prior, err
		}
	}
	record.Outcome = Duplicate
	e.log(ctx, record)
	return record, nil
}

// act lets the module write, and looks whether that closed the hole.
func (e *Engine) act(ctx context.Context, run *remediations.Run, fence *Fence, record *Record, finding *remediations.Finding) error {
	before := record.Calls[:len(record.Calls)-len(fence.Calls())] // of an earlier attempt
	work, cancel := workTime(ctx)
	defer cancel()
	fence.AllowWrites(true)
	err := e.Module.Action(work, run, finding)
	fence.AllowWrites(false)
	right := false
	if err == nil {
		right, err = e.verify(work, run, record.Resource)
	}
	record.Calls = append(before, fence.Calls()...)
	switch {
	case err != nil:
		return e.end(ctx, record, Failed, fmt.Errorf("action: %w", err))
	case !right:
		return e.end(ctx, record, Unverified, nil)
	}
	return e.end(ctx, record, Remediated, nil)
}

// verify runs the guard until it finds nothing that the module could put right, a few times at most.
func (e *Engine) verify(ctx context.Context, run *remediations.Run, r remediations.Resource) (bool, error) {
	for _, wait := range looks {
		if err := e.Wait(ctx, wait); err != nil {
			return false, err
		}
		finding, err := e.Module.Guard(ctx, run, r)
		if err != nil {
			return false, fmt.Errorf("look again: %w", err)
		}
		if finding == nil || finding.AlertOnly {
			return true, nil
		}
	}
	return false, nil
}

// end writes the final record of a claimed run, and tells people.
func (e *Engine) end(ctx context.Context, record *Record, outcome Outcome, failure error) error {
	record.Outcome = outcome
	record.Ended = e.Now().UTC()
	record.Version++
	if failure != nil {
		record.fail(failure)
		record.Lease = time.Time{}
		record.Touched = wrote(record.Calls)
	} else {
		record.Alert = AlertPending
		record.Lease = e.lease(ctx)
	}
	if err := e.Store.Put(ctx, record); err != nil {
		e.log(ctx, record)
		return errors.Join(failure, err)
	}
	if failure != nil {
		e.log(ctx, record)
		return failure
	}
	return e.tell(ctx, record)
}

// fail ends a run that failed before it was claimed. Its record does not replace that of another delivery,
// but for one that left the run unfinished.
func (e *Engine) fail(ctx context.Context, record *Record, failure error) error {
	record.fail(failure)
	record.Ended = e.Now().UTC()
	record.Version = 1
	defer e.log(ctx, record)
	err := e.Store.Put(ctx, record)
	if !errors.Is(err, ErrConflict) {
		return errors.Join(failure, err)
	}
	prior, err := e.Store.Get(ctx, record.ID)
	if err != nil || prior == nil || !prior.unfinished(e.Now()) || prior.Alert == AlertPending {
		return errors.Join(failure, err)
	}
	record.follow(prior)
	if err := e.Store.Put(ctx, record); err != nil && !errors.Is(err, ErrConflict) {
		return errors.Join(failure, err)
	}
	return failure
}

// tell sends the alert of a record that has one to send, and notes that it was sent. If it can't be sent,
// the next delivery of the event sends it from the record.
func (e *Engine) tell(ctx context.Context, record *Record) error {
	defer e.log(ctx, record)
	if record.Alert != AlertPending {
		return nil
	}
	if err := e.Alert(ctx, Render(e.Module, record)); err != nil {
		err = fmt.Errorf("alert: %w", err)
		record.denied = accessDenied[remediations.ErrorCode(err)]
		record.Error = err.Error()
		record.Lease = time.Time{}
		record.Version++
		return errors.Join(err, e.Store.Put(ctx, record))
	}
	record.Alert, record.Error = AlertSent, ""
	record.Version++
	record.Lease = time.Time{}
	if record.Ended.IsZero() {
		record.Ended = e.Now().UTC()
	}
	if err := e.Store.Put(ctx, record); err != nil {
		// The alert is out and the run is recorded: a retry would only send it twice.
		e.Log.WarnContext(ctx, "alert sent, but the record does not say so", "run", record.ID, "error", err)
	}
	return nil
}

// workTime is ctx with an earlier deadline: a module that takes too long must leave time for writing down
// that it did.
func workTime(ctx context.Context) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok {
		return context.WithDeadline(ctx, deadline.Add(-recordTime))
	}
	return context.WithCancel(ctx)
}

// lease is until when this function surely works on the run: no longer than it may live.
func (e *Engine) lease(ctx context.Context) time.Time {
	until := e.Now().Add(maxLease)
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(until) {
		until = deadline
	}
	return until.UTC()
}

// wrote reports whether one of the calls was a write that reached AWS.
func wrote(calls []Call) bool {
	for _, call := range calls {
		if call.Write && !call.Fenced {
			return true
		}
	}
	return false
}

// Undo takes back what a module did, with the fence around it. It returns remediations.ErrChanged if the
// resource has changed since, and an error if the module can't undo.
func Undo(ctx context.Context, m *remediations.Module, run remediations.Run, finding *remediations.Finding) ([]Call, error) {
	if m.Undo == nil {
		return nil, fmt.Errorf("module %s can't undo what it does", m.Name)
	}
	fence := NewFence(m)
	fence.writes = slices.Concat(m.Writes, m.UndoWrites)
	fence.AllowWrites(true)
	run.AWS = fence.Config(run.AWS, finding.Resource.Region)
	err := m.Undo(ctx, &run, finding)
	return fence.Calls(), err
}
