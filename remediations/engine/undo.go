package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/countermand/countermand/remediations"
)

// An UndoRequest is a person's request to undo one run, with that person's credentials. The undo is recorded as a run
// of its own, so that everybody sees who decided it. All fields are required.
type UndoRequest struct {
	Module    *remediations.Module // the run's module
	Run       *Record              // the run to undo
	AWS       aws.Config           // that person's credentials; the Region is set for the resource
	Store     Store
	Principal string // that person's ARN
	Name      string // that person in a word or two
	Now       func() time.Time
}

// retryTime is how long after an attempt Lambda has certainly made the next one: it waits one minute, then two.
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
const retryTime = 10 * time.Minute

// Check reports why the run cannot be undone, without writing anything: the run changed nothing, it was undone already,
// or the resource has changed since (remediations.ChangedError). It does the same as Undo up to the first write, which
// the fence refuses.
func (u *UndoRequest) Check(ctx context.Context) error {
	prior, err := u.earlierUndo(ctx)
	if err != nil {
		return err
	}
	calls, err := runUndo(ctx, u.Module, u.run(), u.finding(), false)
	switch {
	case err != nil && slices.ContainsFunc(calls, func(c Call) bool { return c.Write && c.Fenced }):
		return nil
	case u.isRestored(err) && prior != nil && prior.Touched:
		return nil // only the record is left to write
	case u.isRestored(err):
		return fmt.Errorf("%s is already in the state before run %s: nothing to undo", u.Run.Resource, u.Run.ID)
	}
	return err
}

// Undo undoes the run. It first writes the undo's own record: if the undo dies, that is visible, and the next one takes
// over after its lease. The record ends as Undone or Failed; it is nil if the undo did not start.
func (u *UndoRequest) Undo(ctx context.Context) (*Record, error) {
	prior, err := u.earlierUndo(ctx)
	if err != nil {
		return nil, err
	}
	record := u.newRecord(prior)
	if err := u.Store.Put(ctx, record); errors.Is(err, ErrConflict) {
		return nil, fmt.Errorf("somebody else has just started to undo run %s", u.Run.ID)
	} else if err != nil {
		return nil, err
	}
	// No longer than the lease: by then the next undo may be at work.
	work, cancel := context.WithTimeout(ctx, maxLease-recordTime)
	calls, err := runUndo(work, u.Module, u.run(), u.finding(), true)
	cancel()
	// An earlier attempt may have restored it, and died before it could record that.
	if prior != nil && prior.Touched && u.isRestored(err) {
		err = nil
	}
	record.Calls = slices.Concat(record.Calls, calls)
	return record, u.finish(ctx, record, prior, err)
}

// earlierUndo returns the record of an earlier undo that may be tried again, or nil. It returns an error if the run
// cannot be undone (again).
func (u *UndoRequest) earlierUndo(ctx context.Context) (*Record, error) {
	r := u.Run
	switch {
	case r.Undoes != "":
		return nil, fmt.Errorf("run %s is the undo of run %s, and cannot be undone itself\nby hand: %s", r.ID, r.Undoes, r.Revert)
	case !r.Touched:
		return nil, fmt.Errorf("run %s changed nothing (%s): nothing to undo", r.ID, r.Outcome)
	case u.Module.Undo == nil:
		return nil, fmt.Errorf("module %s has no undo", u.Module.Name)
	case r.Outcome == Started && u.Now().Before(r.Lease):
		return nil, fmt.Errorf("run %s has not ended yet: try again after %s", r.ID, when(r.Lease))
	case (r.Outcome == Started || r.Outcome == Failed) && r.Attempt < maxAttempts && u.Now().Before(r.Started.Add(retryTime)):
		return nil, fmt.Errorf("run %s failed, and Lambda may retry it, which would undo the undo: try again after %s",
			r.ID, when(r.Started.Add(retryTime)))
	}
	prior, err := u.Store.Get(ctx, remediations.UndoRow(r.ID))
	switch {
	case err != nil:
		return nil, err
	case prior == nil:
		return nil, nil
	case prior.Outcome == Undone:
		return nil, fmt.Errorf("run %s was already undone at %s by %s: see run %s",
			r.ID, when(prior.Ended), plain(prior.Principal), prior.ID)
	case u.Now().Before(prior.Lease):
		return nil, fmt.Errorf("run %s is being undone since %s by %s\nif that was interrupted, try again after %s",
			r.ID, when(prior.Started), plain(prior.Principal), when(prior.Lease))
	}
	return prior, nil
}

// newRecord returns the record before anything is done. Its states and commands are those of the run, swapped.
func (u *UndoRequest) newRecord(prior *Record) *Record {
	r, now := u.Run, u.Now().UTC()
	record := &Record{
		ID:        remediations.UndoRow(r.ID),
		Undoes:    r.ID,
		Module:    r.Module,
		Mode:      r.Mode,
		Outcome:   Started,
		Resource:  r.Resource,
		Principal: u.Principal,
		Name:      u.Name,
		Reason:    r.Reason,
		Before:    r.After,
		After:     r.Before,
		Fix:       r.Revert,
		Revert:    r.Fix,
		Touched:   true,
		Attempt:   1,
		Version:   1,
		Writer:    rand.Text(),
		Started:   now,
		Lease:     now.Add(maxLease),
		Expires:   now.Add(r.Expires.Sub(r.Started)), // kept as long as the run's record
	}
	if prior != nil {
		record.Attempt, record.Version, record.Calls = prior.Attempt+1, prior.Version+1, prior.Calls
	}
	return record
}

// finish records how the undo ended, even if it was interrupted.
func (u *UndoRequest) finish(ctx context.Context, record, prior *Record, failure error) error {
	record.Outcome, record.Ended, record.Lease = Undone, u.Now().UTC(), time.Time{}
	record.Version++
	if failure != nil {
		record.fail(failure)
		record.Touched = prior != nil && prior.Touched || wrote(record.Calls)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer cancel()
	if err := u.Store.Put(ctx, record); err != nil {
		return errors.Join(failure, fmt.Errorf("the undo ended as %s, but could not be recorded: %w", record.Outcome, err))
	}
	return failure
}

// isRestored reports whether an error of the module's Undo says that the resource is in the state before the run.
func (u *UndoRequest) isRestored(err error) bool {
	var changed *remediations.ChangedError
	return errors.As(err, &changed) && SameState(changed.Present, u.Run.Before)
}

// run returns what the module's Undo works with.
func (u *UndoRequest) run() remediations.Run {
	return remediations.Run{AWS: u.AWS, Log: slog.New(slog.DiscardHandler)}
}

// finding returns the run's finding, from its record.
func (u *UndoRequest) finding() *remediations.Finding {
	r := u.Run
	return &remediations.Finding{Resource: r.Resource, Reason: r.Reason, Before: r.Before, After: r.After, Fix: r.Fix, Revert: r.Revert}
}

// Undo runs a module's Undo inside the fence. It returns remediations.ErrChanged if the resource has changed since, and
// an error if the module cannot undo.
func Undo(ctx context.Context, m *remediations.Module, run remediations.Run, finding *remediations.Finding) ([]Call, error) {
	return runUndo(ctx, m, run, finding, true)
}

// runUndo is Undo. Unless write is set, it gets as far as the first write.
func runUndo(ctx context.Context, m *remediations.Module, run remediations.Run, finding *remediations.Finding, write bool) (calls []Call, err error) {
	if m.Undo == nil {
		return nil, fmt.Errorf("module %s has no undo", m.Name)
	}
	fence := NewFence(m)
	fence.writes = slices.Concat(m.Writes, m.UndoWrites)
	fence.AllowWrites(write)
	run.AWS = fence.Config(run.AWS, finding.Resource.Region)
	defer func() { calls = fence.Calls() }()
	defer recoverPanic(&err)
	return nil, m.Undo(ctx, &run, finding)
}

// wrote reports whether one of the calls was a write that reached AWS and was not denied by IAM.
func wrote(calls []Call) bool {
	return slices.ContainsFunc(calls, func(c Call) bool { return c.Write && !c.Fenced && !accessDenied[c.Error] })
}
