package engine

import (
	"context"
	"time"
)

// runTime is for how long an event may be worked on, and one resource of a sweep. The lease of a run ends later.
const runTime = 30 * time.Second

// recordTime is kept back from the module for the record and the alert.
const recordTime = 5 * time.Second

// maxLease is how long a run is left alone once it has begun. It ends before Lambda tries a failed
// invocation again (after a minute), so that the retry can take over from a function that died.
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
const maxLease = 50 * time.Second

// maxAttempts is how many times Lambda delivers an event that fails: MaximumRetryAttempts is 2.
const maxAttempts = 3

// lease is until when this function surely works on the run: no longer than it may live.
func (e *Engine) lease(ctx context.Context) time.Time {
	until := e.Now().Add(maxLease)
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(until) {
		until = deadline
	}
	return until.UTC()
}

// workTime is ctx with an earlier deadline: a module that takes too long must leave time for writing down
// that it did.
func workTime(ctx context.Context) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok {
		return context.WithDeadline(ctx, deadline.Add(-recordTime))
	}
	return context.WithCancel(ctx)
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
