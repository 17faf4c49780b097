package engine

import (
	"context"
	"time"
)

// runTime is the time limit for an event, and for one resource of a sweep. A run's lease ends later.
const runTime = 30 * time.Second

// recordTime is reserved for the record and the alert: the module does not get it.
const recordTime = 5 * time.Second

// maxLease is how long other deliveries leave a started run alone. It ends before Lambda retries a failed invocation
// (after a minute), so that the retry can take over from a function that died.
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
const maxLease = 50 * time.Second

// maxAttempts is how many times Lambda delivers an event that fails: MaximumRetryAttempts is 2.
const maxAttempts = 3

// lease returns the time until which this function may work on the run: never longer than it lives.
func (e *Engine) lease(ctx context.Context) time.Time {
	until := e.Now().Add(maxLease)
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(until) {
		until = deadline
	}
	return until.UTC()
}

// workTime returns ctx with an earlier deadline, so that a module that takes too long leaves time to record it.
func workTime(ctx context.Context) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok {
		return context.WithDeadline(ctx, deadline.Add(-recordTime))
	}
	return context.WithCancel(ctx)
}

// Wait waits for d, or until ctx ends.
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
