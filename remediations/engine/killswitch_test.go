package engine_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/engine"
)

func TestKillSwitch(t *testing.T) {
	stop := func(mode remediations.Mode) remediations.Stop {
		return remediations.Stop{Mode: mode, By: "arn:aws:iam::111122223333:user/olga", Reason: "migration"}
	}
	for _, c := range []struct {
		name    string
		mode    remediations.Mode
		said    remediations.Switch
		unread  error
		outcome engine.Outcome
		alerts  int
		lowered string
		metric  bool
	}{
		{"nothing is stopped", remediations.Enforce, remediations.Switch{}, nil, engine.Remediated, 1, "", false},
		{"all is stopped", remediations.Enforce, remediations.Switch{"all": stop(remediations.Observe)}, nil, engine.Observed, 0, "observe instead of enforce: stopped at observe by arn:aws:iam::111122223333:user/olga", false},
		{"all may alert", remediations.Enforce, remediations.Switch{"all": stop(remediations.Alert)}, nil, engine.Alerted, 1, "alert instead of enforce", false},
		{"the module is stopped", remediations.Alert, remediations.Switch{"door-open": stop(remediations.Observe)}, nil, engine.Observed, 0, "observe instead of alert", false},
		{"another is stopped", remediations.Enforce, remediations.Switch{"window-open": stop(remediations.Observe)}, nil, engine.Remediated, 1, "", false},
		{"it does not raise", remediations.Observe, remediations.Switch{"all": stop(remediations.Alert)}, nil, engine.Observed, 0, "", false},
		{"it can't be read", remediations.Enforce, nil, errors.New("no answer"), engine.Observed, 0, "can't be read: no answer", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(c.mode)
			h.said, h.unread = c.said, c.unread
			r, err := h.deliver(t, opened())
			if err != nil || r.Outcome != c.outcome || len(h.alerts) != c.alerts || h.door.shuts > 0 != (c.outcome == engine.Remediated) {
				t.Errorf("outcome %s (%v), %d alerts, acted %d times; want %s, %d", r.Outcome, err, len(h.alerts), h.door.shuts, c.outcome, c.alerts)
			}
			kept := h.kept(t, r.ID)
			if !strings.Contains(kept.Lowered, c.lowered) || (kept.Lowered == "") != (c.lowered == "") {
				t.Errorf("lowered: %q, want %q", kept.Lowered, c.lowered)
			}
			if got := strings.Contains(h.log.String(), `"SwitchUnreadable":1`); got != c.metric {
				t.Errorf("metric SwitchUnreadable: %t, want %t\n%s", got, c.metric, h.log.String())
			}
		})
	}
}

// The kill switch is read once a minute. After that the old answer no longer counts, even if the switch cannot be read.
func TestSwitchIsAskedOnceAMinute(t *testing.T) {
	const stopped = `{"all": {"mode": "observe", "by": "olga", "reason": "", "at": "2026-03-01T10:00:00Z"}}`
	calls, value, fails := 0, "{}", error(nil)
	cfg := aws.Config{Region: "eu-west-1", APIOptions: []func(*middleware.Stack) error{func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("answer",
			func(_ context.Context, in middleware.InitializeInput, _ middleware.InitializeHandler) (out middleware.InitializeOutput, m middleware.Metadata, err error) {
				if name := aws.ToString(in.Parameters.(*ssm.GetParameterInput).Name); name != remediations.SwitchParameter {
					t.Errorf("asked for %q", name)
				}
				calls++
				out.Result = &ssm.GetParameterOutput{Parameter: &types.Parameter{Value: aws.String(value)}}
				return out, m, fails
			}), middleware.After)
	}}}
	now := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	ask := engine.NewSwitchReader(cfg, remediations.SwitchParameter, func() time.Time { return now })
	for _, step := range []struct {
		name  string
		after time.Duration
		value string
		fails error
		calls int
		stops bool
		err   bool
	}{
		{"the first time", 0, "{}", nil, 1, false, false},
		{"within the minute", 59 * time.Second, stopped, nil, 1, false, false},
		{"after it", time.Second, stopped, nil, 2, true, false},
		{"it can't be read any more", time.Minute, "{}", errors.New("no answer"), 3, false, true},
		{"at once again, as that was no answer", 0, "{", nil, 4, false, true},
		{"it can be read again", 0, "{}", nil, 5, false, false},
		{"and once more within the minute", time.Second, stopped, nil, 5, false, false},
	} {
		now = now.Add(step.after)
		value, fails = step.value, step.fails
		said, err := ask(t.Context())
		if (err != nil) != step.err || len(said) > 0 != step.stops || calls != step.calls {
			t.Errorf("%s: %v (%v), %d calls, want %d", step.name, said, err, calls, step.calls)
		}
	}
}
