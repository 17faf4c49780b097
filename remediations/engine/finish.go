package engine

import (
	"context"
	"errors"
	"time"
)

// finish writes the final record of a claimed run. If the run failed, finish also alerts.
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

// put replaces one of this delivery's own records. An earlier write may have succeeded although it seemed to fail, or
// the reverse: on a conflict put reads the record, and continues from it if it is this delivery's.
func (e *Engine) put(ctx context.Context, record *Record) error {
	err := e.Store.Put(ctx, record)
	if !errors.Is(err, ErrConflict) {
		return err
	}
	stored, getErr := e.Store.Get(ctx, record.ID)
	if getErr != nil || stored == nil || stored.Writer != record.Writer {
		return errors.Join(err, getErr)
	}
	record.Version = stored.Version + 1
	return e.Store.Put(ctx, record)
}

// fail ends a run that failed before it was claimed. If the run has an outcome after all, because the answer to a write
// was lost, it sends that one's alert.
func (e *Engine) fail(ctx context.Context, record *Record, failure error) error {
	ended, err := e.recordFailure(ctx, record, failure)
	if ended != nil {
		*record = *ended
		return e.sendPendingAlert(ctx, record)
	}
	e.logRun(ctx, record)
	return err
}

// recordFailure writes down that a run failed, and alerts if a retry won't help. It replaces another delivery's record
// only if that one is unfinished. If this delivery's own record has an outcome already, recordFailure returns it.
func (e *Engine) recordFailure(ctx context.Context, record *Record, failure error) (ended *Record, err error) {
	record.fail(failure)
	record.Ended = e.Now().UTC()
	record.Lease, record.Alert = time.Time{}, "" // of an end that could not be recorded
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
	case prior.Writer == record.Writer: // it was claimed after all, but nothing was done yet
		record.Version, record.Began = prior.Version+1, prior.Began
		return nil, errors.Join(failure, e.Store.Put(ctx, record), e.alertFailure(ctx, record))
	case prior.alertPending(): // its alert can be sent without a guard
		_, err = e.resendAlert(ctx, prior, record.Writer)
		return nil, errors.Join(failure, err)
	case !prior.unfinished(e.Now()):
		return nil, failure
	}
	if prior.Touched {
		record.Before = nil // this attempt changed nothing: undo must restore what the earlier one saw
	}
	record.continueFrom(prior)
	if err := e.Store.Put(ctx, record); err != nil && !errors.Is(err, ErrConflict) {
		return nil, errors.Join(failure, err)
	}
	return nil, errors.Join(failure, e.alertFailure(ctx, record))
}
