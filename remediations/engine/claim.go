package engine

import (
	"context"
	"errors"
	"time"

	"github.com/countermand/countermand/remediations"
)

// claim writes the record before anything is done, so that only one of several deliveries of an event acts, and a run
// that dies is visible. If another delivery has the run, claim returns its record.
func (e *Engine) claim(ctx context.Context, record *Record, finding *remediations.Finding) (*Record, error) {
	record.Version = 1
	err := e.begin(ctx, record)
	if !errors.Is(err, ErrConflict) {
		return nil, err
	}
	return e.takeOver(ctx, record, finding)
}

// begin writes the first record of an attempt. If the run is to act, the same write counts it, and it acts only if no
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

// markEnded marks the record as ended, with an alert to send if it needs one.
func (e *Engine) markEnded(ctx context.Context, record *Record) {
	record.Ended, record.Lease = e.Now().UTC(), time.Time{}
	if record.needsAlert() {
		record.Lease, record.Alert = e.lease(ctx), AlertPending
	}
}

// takeOver continues a run that an earlier delivery left unfinished. If there is nothing to continue, it returns the
// earlier delivery's record.
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
	onlyAlertsLeft := prior.Touched && finding != nil && finding.AlertOnly
	if onlyAlertsLeft {
		record.Left, record.LeftFix, record.Before = finding.Reason, finding.Fix, nil
	}
	record.continueFrom(prior)
	// The resource is fixed as far as possible: the earlier attempt did it, but could not verify or record it.
	if record.touchedBefore && (finding == nil || onlyAlertsLeft && record.Outcome == Alerted) {
		record.setNothingLeftToDo(finding)
	}
	if err := e.begin(ctx, record); errors.Is(err, ErrConflict) {
		return &Record{ID: record.ID, Outcome: Duplicate}, nil
	} else if err != nil {
		return nil, err
	}
	return nil, nil
}

// endDuplicate ends a delivery whose run belongs to another one. If that one could not send its alert, the alert is
// sent now; nothing else is repeated.
func (e *Engine) endDuplicate(ctx context.Context, record, prior *Record) (*Record, error) {
	if sent, err := e.resendAlert(ctx, prior, record.Writer); sent || err != nil {
		return prior, err
	}
	record.Outcome = Duplicate
	e.logRun(ctx, record)
	return record, nil
}

// laterEvent notes that the event is being handled. It returns the time of a later event on the resource that was
// handled before, or zero if there is none. If the store fails it also returns zero: the run goes on.
func (e *Engine) laterEvent(ctx context.Context, record *Record) time.Time {
	key := remediations.LatestRow(record.Module, record.Resource)
	latest, err := e.Store.NoteLatest(ctx, key, record.EventTime, e.Now().Add(latestRetention))
	if err != nil {
		e.Log.WarnContext(ctx, "the order of events is unknown", "run", record.ID, "error", err)
		return time.Time{}
	}
	if !latest.After(record.EventTime) {
		return time.Time{}
	}
	return latest
}

// latestRetention is how long handled events are remembered. EventBridge and Lambda have given up on older events long
// before.
const latestRetention = 48 * time.Hour
