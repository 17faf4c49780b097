package engine

import (
	"context"
	"errors"
	"time"

	"github.com/countermand/countermand/remediations"
)

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

// latestRetention is for how long it is remembered that an event was handled: EventBridge and Lambda have given up on older
// ones long before.
const latestRetention = 48 * time.Hour
