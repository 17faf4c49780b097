package engine

import (
	"context"
	"errors"
	"time"

	"github.com/countermand/countermand/remediations"
)

// maxLease is how long a run is left alone once it has begun. It ends before Lambda tries a failed
// invocation again (after a minute), so that the retry can take over from a function that died.
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
const maxLease = 50 * time.Second

// maxAttempts is how many times Lambda delivers an event that fails: MaximumRetryAttempts is 2.
const maxAttempts = 3

// claim writes the record before anything is done, so that of all deliveries of an event one acts, and a
// run that dies is seen. It returns the record of another delivery where that one has the run.
func (e *Engine) claim(ctx context.Context, record *Record, finding *remediations.Finding) (*Record, error) {
	record.Version = 1
	err := e.begin(ctx, record)
	if !errors.Is(err, ErrConflict) {
		return nil, err
	}
	return e.takeOver(ctx, record, finding)
}

// begin writes the first record of an attempt. If that is to act, it is counted in the same write, and acts only if no
// count is full.
func (e *Engine) begin(ctx context.Context, record *Record) error {
	if record.Outcome != Started {
		e.markEnded(ctx, record)
		return e.Store.Put(ctx, record)
	}
	touched, began, counts := record.Touched, record.Began, e.countsOf(record)
	record.Lease, record.Touched, record.Began = e.lease(ctx), true, true
	err := e.Store.Begin(ctx, record, counts)
	if err == nil {
		return nil
	}
	record.Lease, record.Touched, record.Began = time.Time{}, touched, began
	var full *FullError
	if !errors.As(err, &full) {
		return err
	}
	record.setLimited(full)
	e.markEnded(ctx, record)
	return e.Store.Put(ctx, record)
}

// markEnded makes the record one of a run that has ended, but for its alert.
func (e *Engine) markEnded(ctx context.Context, record *Record) {
	record.Ended, record.Lease = e.Now().UTC(), time.Time{}
	if record.needsAlert() {
		record.Lease, record.Alert = e.lease(ctx), AlertPending
	}
}

// takeOver continues a run that an earlier delivery left unfinished. Where there is nothing to continue it
// returns the earlier delivery's record.
func (e *Engine) takeOver(ctx context.Context, record *Record, finding *remediations.Finding) (*Record, error) {
	prior, err := e.Store.Get(ctx, record.ID)
	if err != nil {
		return nil, err
	}
	if prior == nil || !prior.unfinished(e.Now()) || prior.alertPending() {
		if prior == nil {
			prior = &Record{ID: record.ID, Outcome: Duplicate}
		}
		return prior, nil
	}
	onlyRestIsWrong := prior.Touched && finding != nil && finding.AlertOnly
	if onlyRestIsWrong {
		record.Left, record.LeftFix, record.Before = finding.Reason, finding.Fix, nil
	}
	record.continueFrom(prior)
	// It is right now, at least what could be: the earlier attempt did it, but could not see or say so.
	if record.touchedBefore && (finding == nil || onlyRestIsWrong && record.Outcome == Alerted) {
		record.setFixedBefore(finding)
	}
	if err := e.begin(ctx, record); errors.Is(err, ErrConflict) {
		return &Record{ID: record.ID, Outcome: Duplicate}, nil
	} else if err != nil {
		return nil, err
	}
	return nil, nil
}

// endDuplicate ends a delivery whose run another one has. If that one could not send its alert, it is
// sent now, and nothing else is done again.
func (e *Engine) endDuplicate(ctx context.Context, record, prior *Record) (*Record, error) {
	if sent, err := e.resendAlert(ctx, prior, record.Writer); sent || err != nil {
		return prior, err
	}
	record.Outcome = Duplicate
	e.logRun(ctx, record)
	return record, nil
}

// resendAlert sends the alert of a run that was over but for it, from its record. It reports whether there was one
// to send that nobody else is sending.
func (e *Engine) resendAlert(ctx context.Context, prior *Record, writer string) (bool, error) {
	if !prior.alertPending() || !prior.unfinished(e.Now()) {
		return false, nil
	}
	prior.Version++
	prior.Writer, prior.Lease = writer, e.lease(ctx)
	if err := e.Store.Put(ctx, prior); errors.Is(err, ErrConflict) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	return true, e.sendPendingAlert(ctx, prior)
}

// finish writes the final record of a claimed run, that of a failed one included, of which people are told here.
func (e *Engine) finish(ctx context.Context, record *Record, failure error) error {
	if failure != nil {
		record.fail(failure)
	}
	record.Version++
	e.markEnded(ctx, record)
	err := e.put(ctx, record)
	if failure == nil && err == nil {
		return nil
	}
	defer e.logRun(ctx, record)
	if err != nil {
		return errors.Join(failure, err)
	}
	return errors.Join(failure, e.alertFailure(ctx, record))
}

// put writes a record over one of this delivery's own. An earlier write may have been made though it seemed to fail, or
// not have been made: what stands is asked for, and followed if it is this delivery's.
func (e *Engine) put(ctx context.Context, record *Record) error {
	err := e.Store.Put(ctx, record)
	if !errors.Is(err, ErrConflict) {
		return err
	}
	standing, getErr := e.Store.Get(ctx, record.ID)
	if getErr != nil || standing == nil || standing.Writer != record.Writer {
		return errors.Join(err, getErr)
	}
	record.Version = standing.Version + 1
	return e.Store.Put(ctx, record)
}

// fail ends a run that failed before it was claimed, unless it has ended after all: the answer to a write may be lost.
func (e *Engine) fail(ctx context.Context, record *Record, failure error) error {
	ended, err := e.recordFailure(ctx, record, failure)
	if ended != nil {
		*record = *ended
		return e.sendPendingAlert(ctx, record)
	}
	e.logRun(ctx, record)
	return err
}

// recordFailure writes down that a run failed, and tells people if it won't mend itself. The record does not replace that
// of another delivery, but for one that left the run unfinished. over is this delivery's own record, where that stands
// with an outcome.
func (e *Engine) recordFailure(ctx context.Context, record *Record, failure error) (ended *Record, err error) {
	record.fail(failure)
	record.Ended = e.Now().UTC()
	record.Lease, record.Alert = time.Time{}, "" // of an end that could not be written down
	record.Version = 1
	err = e.Store.Put(ctx, record)
	if !errors.Is(err, ErrConflict) {
		return nil, errors.Join(failure, err, e.alertFailure(ctx, record))
	}
	prior, err := e.Store.Get(ctx, record.ID)
	switch {
	case err != nil || prior == nil:
		return nil, errors.Join(failure, err)
	case prior.Writer == record.Writer && prior.Outcome != Started:
		return prior, nil
	case prior.Writer == record.Writer: // it was claimed after all, and nothing was done yet
		record.Version, record.Began = prior.Version+1, prior.Began
		return nil, errors.Join(failure, e.Store.Put(ctx, record), e.alertFailure(ctx, record))
	case prior.alertPending(): // that alert needs no guard
		_, err = e.resendAlert(ctx, prior, record.Writer)
		return nil, errors.Join(failure, err)
	case !prior.unfinished(e.Now()):
		return nil, failure
	}
	if prior.Touched {
		record.Before = nil // this attempt has changed nothing: what undo must put back is what the earlier one saw
	}
	record.continueFrom(prior)
	if err := e.Store.Put(ctx, record); err != nil && !errors.Is(err, ErrConflict) {
		return nil, errors.Join(failure, err)
	}
	return nil, errors.Join(failure, e.alertFailure(ctx, record))
}

// alertFailure tells people of a run that won't mend itself: AWS refuses us, or this was the last attempt.
// Whoever can make us fail, by a policy that shuts us out, must not thereby keep people from hearing of it.
// Other failures are tried again first.
func (e *Engine) alertFailure(ctx context.Context, record *Record) error {
	refused := accessWasDenied(record) && record.Attempt == 1
	mayAlert := record.Mode != remediations.Observe || record.Touched || record.switchUnread && e.Mode != remediations.Observe
	if !mayAlert || !refused && record.Attempt < maxAttempts {
		return nil
	}
	_, err := e.sendOrFold(ctx, record)
	return err
}

// sendPendingAlert sends the alert of a record that has one to send, and notes that it was sent. If it can't be sent,
// the next delivery of the event sends it from the record.
func (e *Engine) sendPendingAlert(ctx context.Context, record *Record) error {
	defer e.logRun(ctx, record)
	if record.Alert != AlertPending {
		return nil
	}
	alertState, err := e.sendOrFold(ctx, record)
	if err != nil {
		record.denied = accessDenied[remediations.ErrorCode(err)]
		record.Error = err.Error()
		record.Lease = time.Time{}
		record.Version++
		return errors.Join(err, e.Store.Put(ctx, record))
	}
	record.Alert, record.Error = alertState, ""
	record.Version++
	record.Lease = time.Time{}
	if err := e.Store.Put(ctx, record); err != nil {
		// The alert is out and the run is recorded: a retry would only send it twice.
		e.Log.WarnContext(ctx, "alert sent or folded, but the record does not say so", "run", record.ID, "error", err)
	}
	return nil
}

// lease is until when this function surely works on the run: no longer than it may live.
func (e *Engine) lease(ctx context.Context) time.Time {
	until := e.Now().Add(maxLease)
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(until) {
		until = deadline
	}
	return until.UTC()
}

// latestRetention is for how long it is remembered that an event was handled: EventBridge and Lambda have given up on older
// ones long before.
const latestRetention = 48 * time.Hour

// laterEvent notes that the event is handled, and is the time of a later one on the resource that was handled before; zero if
// there is none, or if that can't be told, which stops nothing.
func (e *Engine) laterEvent(ctx context.Context, record *Record) time.Time {
	key := remediations.LatestRow(record.Module, record.Resource)
	latest, err := e.Store.Latest(ctx, key, record.EventTime, e.Now().Add(latestRetention))
	if err != nil {
		e.Log.WarnContext(ctx, "the order of events can't be told", "run", record.ID, "error", err)
		return time.Time{}
	}
	if !latest.After(record.EventTime) {
		return time.Time{}
	}
	return latest
}
