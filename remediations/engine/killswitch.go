package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/countermand/countermand/remediations"
)

// switchAge is for how long a function goes by what the kill switch said. Parameter Store answers some forty calls a
// second in an account, and a storm of events is when it must not be what fails.
// https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-throughput.html
const switchAge = time.Minute

// switchTime is how long the answer may take: the run goes on without, and only observes.
const switchTime = 3 * time.Second

// NewSwitchReader reads the kill switch from a parameter, at most once a minute. What can't be read is asked for again by the next
// run. It is safe for concurrent use; who comes while it is read waits for the answer.
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
		began := now().Round(0) // by the wall's clock: the monotonic one stands still while a function is frozen
		if !read.IsZero() && began.Sub(read) < switchAge {
			return last, nil
		}
		out, err := client.GetParameter(ctx, &ssm.GetParameterInput{Name: &parameter})
		if err != nil {
			return nil, fmt.Errorf("get parameter %s: %w", parameter, err)
		}
		if out.Parameter == nil {
			return nil, fmt.Errorf("get parameter %s: the answer holds none", parameter)
		}
		stops, err := remediations.ParseSwitch(aws.ToString(out.Parameter.Value))
		if err != nil {
			return nil, fmt.Errorf("parameter %s: %w", parameter, err)
		}
		last, read = stops, began
		return stops, nil
	}
}

// applySwitch sets how far the run may go by the kill switch. Who can't be asked is taken to say stop.
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
