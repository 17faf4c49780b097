package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/countermand/countermand/remediations"
)

// switchAge is how long a function relies on the kill switch it has read. Parameter Store answers about forty calls a
// second in an account, and it must not be what fails in a storm of events.
// https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-throughput.html
const switchAge = time.Minute

// switchTime is how long reading the switch may take. Without it the run goes on, but only observes.
const switchTime = 3 * time.Second

// NewSwitchReader returns a function that reads the kill switch from a parameter, at most once a minute. After an error
// the next call reads again. The function is safe for concurrent use: other callers wait while one reads.
func NewSwitchReader(cfg aws.Config, parameter string, now func() time.Time) func(context.Context) (remediations.Switch, error) {
	var (
		client = ssm.NewFromConfig(cfg)
		gate   = make(chan struct{}, 1)
		read   time.Time
		last   remediations.Switch
	)
	return func(ctx context.Context) (remediations.Switch, error) {
		ctx, cancel := context.WithTimeout(ctx, switchTime)
		defer cancel()
		select {
		case gate <- struct{}{}:
			defer func() { <-gate }()
		case <-ctx.Done():
			return nil, fmt.Errorf("get parameter %s: %w", parameter, ctx.Err())
		}
		began := now().Round(0) // wall clock: the monotonic one stops while a function is frozen
		if !read.IsZero() && began.Sub(read) < switchAge {
			return last, nil
		}
		out, err := client.GetParameter(ctx, &ssm.GetParameterInput{Name: &parameter})
		if err != nil {
			return nil, fmt.Errorf("get parameter %s: %w", parameter, err)
		}
		if out.Parameter == nil {
			return nil, fmt.Errorf("get parameter %s: unexpected response: no parameter", parameter)
		}
		stops, err := remediations.ParseSwitch(aws.ToString(out.Parameter.Value))
		if err != nil {
			return nil, fmt.Errorf("parameter %s: %w", parameter, err)
		}
		last, read = stops, began
		return stops, nil
	}
}

// applySwitch sets how far the run may go after the kill switch. An unreadable switch counts as a stop.
func (r *Record) applySwitch(stops remediations.Switch, err error) {
	if err != nil {
		r.Lowered = fmt.Sprintf("observe instead of %s: the kill switch can't be read: %v", r.Mode, err)
		r.switchUnread, r.denied = true, r.denied || accessDenied[remediations.ErrorCode(err)]
		r.Mode = remediations.Observe
		return
	}
	mode, by := stops.Lower(r.Module, r.Mode)
	if by != nil {
		r.Lowered = fmt.Sprintf("%s instead of %s: %s", mode, r.Mode, by)
	}
	r.Mode = mode
}
