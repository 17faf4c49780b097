package engine

import (
	"context"
	"errors"
	"time"
)

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
