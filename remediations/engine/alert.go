package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/countermand/countermand/remediations"
)

// sendPendingAlert sends the record's alert, if it is pending, and records that. If sending fails, the next delivery of
// the event sends it from the record.
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
		// The alert was sent and the run is recorded: a retry would only send the alert twice.
		e.Log.WarnContext(ctx, "alert sent or folded, but the record does not say so", "run", record.ID, "error", err)
	}
	return nil
}

// resendAlert sends the pending alert of a run that has ended, from its record. It reports whether there was one that
// nobody else is sending.
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

// alertFailure alerts on a failed run that a retry won't help: AWS denied access, or this was the last attempt.
// Somebody who makes us fail, with a policy that shuts us out, must not keep people from knowing. Other failures are
// retried first.
func (e *Engine) alertFailure(ctx context.Context, record *Record) error {
	refused := accessWasDenied(record) && record.Attempt == 1
	mayAlert := record.Mode != remediations.Observe || record.Touched || record.switchUnread && e.Mode != remediations.Observe
	if !mayAlert || !refused && record.Attempt < maxAttempts {
		return nil
	}
	_, err := e.sendOrFold(ctx, record)
	return err
}

// sendOrFold sends a run's alert, or adds it to the backlog for a summary, and returns the record's new alert state. If
// the store cannot be reached, it sends the alert.
func (e *Engine) sendOrFold(ctx context.Context, record *Record) (string, error) {
	message := Render(e.Module, record)
	counting, cancel := context.WithTimeout(ctx, claimAlertTime)
	defer cancel()
	admitted, err := e.Store.ClaimAlert(counting, e.alertClaim(record, message.Facts.Critical))
	if err == nil && !admitted {
		if err = e.Store.FoldAlert(counting, e.foldedAlert(record, message.Facts.Critical)); err == nil {
			return AlertFolded, nil
		}
	}
	if err != nil {
		e.Log.WarnContext(ctx, "alert was not counted", "run", record.ID, "error", err)
	}
	if err := e.Alert(ctx, message); err != nil {
		return "", fmt.Errorf("alert: %w", err)
	}
	return AlertSent, nil
}

// An on-call engineer can read one mail an hour on the same problem, and a limited number from a module in five
// minutes. Further alerts are folded: counted, and sent together by Summary.
const (
	stormTime      = 5 * time.Minute
	stormAlerts    = 20
	claimAlertTime = 2 * time.Second // for the store to decide whether to send an alert
)

// alertClaim returns what identifies an alert: module, resource, principal, outcome and reason, so that an alert on
// something worse is never folded. Hours are clock hours. Critical alerts and urgent outcomes have their own windows:
// nobody can hide one behind a storm of others.
func (e *Engine) alertClaim(r *Record, critical bool) AlertClaim {
	now := e.Now().UTC()
	hour := now.Truncate(time.Hour)
	window := now.Truncate(stormTime).Format("15:04")
	if critical {
		window += " critical"
	}
	if r.Outcome.urgent() {
		window += " urgent"
	}
	about := sha256.Sum256([]byte(strings.Join([]string{
		r.Resource.Account, r.Resource.Region, r.Resource.Type, r.Resource.ID, withoutSession(r.Principal), string(r.Outcome),
		r.Reason, r.Left,
	}, "\x00")))
	return AlertClaim{
		Key:   remediations.AlertsRow(r.Module, hour),
		About: hex.EncodeToString(about[:10]), Run: r.ID, Window: window, Most: stormAlerts, Expires: hour.Add(2 * time.Hour),
	}
}

// foldedAlert returns a run's alert for the backlog.
func (e *Engine) foldedAlert(r *Record, critical bool) FoldedAlert {
	return FoldedAlert{
		Module: r.Module, Severity: e.Module.Severity, Run: r.ID, Outcome: r.Outcome, Critical: critical, At: e.Now().UTC(),
		Resource: plain(r.Resource.String()), Principal: plain(withoutSession(r.Principal)),
	}
}

// withoutSession returns a principal's ARN without its session name, which the caller chooses.
func withoutSession(principal string) string {
	if strings.Contains(principal, ":assumed-role/") {
		return principal[:strings.LastIndex(principal, "/")]
	}
	return principal
}
