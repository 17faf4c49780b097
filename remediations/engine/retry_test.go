package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/engine"
)

// killed is a store that takes claims only, as if the function died while it works.
func killed(r *engine.Record) error {
	if r.Outcome != engine.Started {
		return errors.New("killed")
	}
	return nil
}

func TestReplayHasARunOfItsOwn(t *testing.T) {
	replayed := opened(`"version": "0"`, `"version": "0", "replay-name": "march"`)
	h := newHouse(remediations.Enforce)
	if r, err := h.deliver(t, replayed); err != nil || r.Outcome != engine.Observed {
		t.Fatalf("replay: %s (%v), want Observed", r.Outcome, err)
	}
	if r, err := h.deliver(t, opened()); err != nil || r.Outcome != engine.Remediated {
		t.Errorf("the event itself: %s (%v), want Remediated", r.Outcome, err)
	}
	if r, err := h.deliver(t, replayed); err != nil || r.Outcome != engine.Duplicate {
		t.Errorf("the same replay again: %s (%v), want Duplicate", r.Outcome, err)
	}
}

func TestPermanentFailureIsAlerted(t *testing.T) {
	refused := &smithy.GenericAPIError{Code: "AccessDenied", Message: "explicit deny in a resource-based policy"}
	for _, c := range []struct {
		name   string
		mode   remediations.Mode
		err    error
		alerts []int // after each of three deliveries
	}{
		{"refused by AWS", remediations.Enforce, refused, []int{1, 1, 2}},
		{"refused by AWS, alert", remediations.Alert, refused, []int{1, 1, 2}},
		{"refused by AWS, observe", remediations.Observe, refused, []int{0, 0, 0}},
		{"no answer", remediations.Enforce, errors.New("no answer"), []int{0, 0, 1}},
	} {
		h := newHouse(c.mode)
		h.Module.Guard = func(ctx context.Context, run *remediations.Run, _ remediations.Resource) (*remediations.Finding, error) {
			if remediations.ErrorCode(c.err) == "" {
				return nil, c.err
			}
			count := 0
			cfg := reached(&count)
			run.AWS.APIOptions = append(run.AWS.APIOptions, cfg.APIOptions...)
			_, err := s3.NewFromConfig(run.AWS).GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: aws.String("ledger")})
			return nil, err
		}
		h.Module.Reads = []remediations.Permission{{Action: "s3:GetBucketPolicy", Resource: "arn:${AWS::Partition}:s3:::*"}}
		for i, want := range c.alerts {
			if r, err := h.deliver(t, opened()); err == nil || r.Outcome != engine.Failed {
				t.Errorf("%s: delivery %d: %s (%v), want Failed", c.name, i+1, r.Outcome, err)
			}
			if len(h.alerts) != want {
				t.Errorf("%s: %d alerts after delivery %d, want %d", c.name, len(h.alerts), i+1, want)
			}
		}
		if len(h.alerts) > 0 && !strings.Contains(h.alerts[0].Body, "WHAT WENT WRONG") {
			t.Errorf("%s: the alert does not say what went wrong:\n%s", c.name, h.alerts[0].Body)
		}
	}
}

func TestOneResourceDoesNotStopTheOthers(t *testing.T) {
	var ids []string
	for i := range 30 {
		ids = append(ids, fmt.Sprintf("door-%d", i))
	}
	h := newHouse(remediations.Enforce)
	h.Log = nil
	h.Mode = remediations.Observe
	h.door.stuckIDs = map[string]bool{"door-3": true, "door-17": true}
	e, err := engine.New(h.Config)
	if err != nil {
		t.Fatal(err)
	}
	records, err := e.Handle(t.Context(), []byte(opened("front", strings.Join(ids, ","))))
	if err == nil || !strings.Contains(err.Error(), "door-3: guard: nobody answers") || !strings.Contains(err.Error(), "door-17: guard: nobody answers") {
		t.Errorf("error %v", err)
	}
	for i, r := range records {
		want := engine.Observed
		if h.door.stuckIDs[ids[i]] {
			want = engine.Failed
		}
		if r.Resource.ID != ids[i] || r.Outcome != want {
			t.Errorf("%d: %s of %s, want %s of %s", i, r.Outcome, r.Resource.ID, want, ids[i])
		}
	}
	if len(records) != len(ids) {
		t.Errorf("%d records, want %d", len(records), len(ids))
	}
}

func TestLeftoverResourcesWaitForTheNextDelivery(t *testing.T) {
	h := newHouse(remediations.Observe)
	e, err := engine.New(h.Config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second) // less than the record needs
	defer cancel()
	records, err := e.Handle(ctx, []byte(opened("front", "front,back")))
	if err == nil || !strings.Contains(err.Error(), "ran out of time with 2 of 2 resources left") || len(records) != 0 {
		t.Errorf("%d records, error %v", len(records), err)
	}
	if records, err = e.Handle(t.Context(), []byte(opened("front", "front,back"))); err != nil || len(records) != 2 {
		t.Errorf("next delivery: %d records, error %v", len(records), err)
	}
}

func TestRetryAfterSomebodyElsesChangeKeepsTheirState(t *testing.T) {
	h := newHouse(remediations.Enforce)
	h.store.failPut = killed
	if _, err := h.deliver(t, opened()); err == nil {
		t.Fatal("the first delivery did not notice that it died")
	}
	h.store.failPut = nil
	h.now = h.now.Add(time.Minute)
	h.door.open, h.door.state = true, ", newly painted"
	r, err := h.deliver(t, opened())
	if err != nil || r.Outcome != engine.Remediated {
		t.Fatalf("outcome %s (%v)", r.Outcome, err)
	}
	if before, after := string(r.Before), string(r.After); !strings.Contains(before, "painted") || !strings.Contains(after, "painted") {
		t.Errorf("before %s, after %s: undo would put back what somebody else has replaced", before, after)
	}
}

func TestRetryAfterAPartialFixSaysWhatWasDone(t *testing.T) {
	h := newHouse(remediations.Enforce)
	h.door.noLock = true
	h.store.failPut = killed
	if _, err := h.deliver(t, opened()); err == nil {
		t.Fatal("the first delivery did not notice that it died")
	}
	h.store.failPut = nil
	h.now = h.now.Add(time.Minute)
	r, err := h.deliver(t, opened())
	if err != nil || r.Outcome != engine.Partial || r.Reason != "the door is open" || r.Left != "the door has no lock" || r.Revert == "" {
		t.Errorf("outcome %s (%v), reason %q, left %q, revert %q", r.Outcome, err, r.Reason, r.Left, r.Revert)
	}
	if len(h.alerts) != 1 || !strings.Contains(h.alerts[0].Body, "the door has no lock") || !strings.Contains(h.alerts[0].Body, "TAKE IT BACK") {
		t.Errorf("alerts %v", h.alerts)
	}
}

// Two retries may find the same dead run: only one takes it over.
func TestTakeOverIsWonOnce(t *testing.T) {
	h := newHouse(remediations.Enforce)
	h.store.failPut = killed
	if _, err := h.deliver(t, opened()); err == nil {
		t.Fatal("the first delivery did not notice that it died")
	}
	h.door.open = true
	shuts := h.door.shuts
	h.now = h.now.Add(time.Minute)
	h.store.failPut = func(r *engine.Record) error {
		if r.Version == 2 { // somebody else takes over first
			h.store.failPut = nil
			other := *r
			other.Writer = "another"
			if err := h.store.Memory.Put(context.Background(), &other); err != nil {
				t.Error(err)
			}
		}
		return nil
	}
	if r, err := h.deliver(t, opened()); err != nil || r.Outcome != engine.Duplicate || h.door.shuts != shuts {
		t.Errorf("outcome %s (%v), acted %d times more", r.Outcome, err, h.door.shuts-shuts)
	}
}

func TestAlertThatIsBeingSentIsNotSentTwice(t *testing.T) {
	h := newHouse(remediations.Alert)
	var during engine.Record
	send := h.Alert
	h.Alert = func(ctx context.Context, m engine.Message) error {
		if during.Outcome == "" {
			during.Outcome = engine.Started // so that this happens once
			var err error
			if during, err = h.deliver(t, opened()); err != nil {
				t.Error(err)
			}
		}
		return send(ctx, m)
	}
	if _, err := h.deliver(t, opened()); err != nil {
		t.Fatal(err)
	}
	if during.Outcome != engine.Duplicate || len(h.alerts) != 1 {
		t.Errorf("a delivery meanwhile ended as %s; %d alerts, want Duplicate and 1", during.Outcome, len(h.alerts))
	}
}

func TestFailureDoesNotReplaceAnotherDeliverysRecord(t *testing.T) {
	h := newHouse(remediations.Enforce)
	first, err := h.deliver(t, opened())
	if err != nil {
		t.Fatal(err)
	}
	h.door.guardErr = errors.New("no answer")
	if _, err := h.deliver(t, opened()); err == nil {
		t.Error("the second delivery did not fail")
	}
	if kept := h.kept(t, first.ID); kept.Outcome != engine.Remediated {
		t.Errorf("the record now says %s", kept.Outcome)
	}
}

func TestFenceIsShutAgainAfterTheAction(t *testing.T) {
	h := newHouse(remediations.Enforce)
	guard := h.Module.Guard
	count, looked := 0, 0
	h.Module.Guard = func(ctx context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
		if looked++; looked > 1 {
			cfg := run.AWS.Copy()
			cfg.APIOptions = append(cfg.APIOptions, reached(&count).APIOptions...)
			_, err := s3.NewFromConfig(cfg).PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: aws.String("ledger"), Policy: aws.String("{}")})
			if !errors.Is(err, engine.ErrFenced) {
				t.Errorf("a write by the guard after the action: %v", err)
			}
		}
		return guard(ctx, run, r)
	}
	if r, err := h.deliver(t, opened()); err != nil || r.Outcome != engine.Remediated || looked < 2 || count != 0 {
		t.Errorf("outcome %s (%v), %d looks, %d writes reached AWS", r.Outcome, err, looked, count)
	}
}

func TestPendingAlertIsSentThoughTheGuardFails(t *testing.T) {
	h := newHouse(remediations.Enforce)
	h.down = true
	first, err := h.deliver(t, opened())
	if err == nil {
		t.Fatal("the alert could not be sent, and the delivery did not fail")
	}
	h.down = false
	h.door.guardErr = errors.New("throttled")
	if _, err := h.deliver(t, opened()); err == nil || len(h.alerts) != 1 {
		t.Errorf("error %v, %d alerts, want 1", err, len(h.alerts))
	}
	if kept := h.kept(t, first.ID); kept.Outcome != engine.Remediated || kept.Alert != engine.AlertSent {
		t.Errorf("the record says %s, alert %s", kept.Outcome, kept.Alert)
	}
}

func TestRunDoesNotForgetThatItTouchedTheResource(t *testing.T) {
	h := newHouse(remediations.Enforce)
	h.store.failPut = killed
	if _, err := h.deliver(t, opened()); err == nil {
		t.Fatal("the first delivery did not notice that it died")
	}
	h.store.failPut = nil
	h.now, h.door.open = h.now.Add(time.Minute), true // reads are stale for a moment
	h.Module.Action = func(context.Context, *remediations.Run, *remediations.Finding) error {
		return errors.New("throttled before it wrote")
	}
	if _, err := h.deliver(t, opened()); err == nil {
		t.Fatal("the second delivery did not fail")
	}
	h.now, h.door.open = h.now.Add(time.Minute), false
	if r, err := h.deliver(t, opened()); err != nil || r.Outcome != engine.Remediated || len(h.alerts) != 1 || r.Before == nil {
		t.Errorf("outcome %s (%v), %d alerts, before %s", r.Outcome, err, len(h.alerts), r.Before)
	}
}

// A fix by a person, after AWS denied our write, is not our doing.
func TestRefusedWriteIsNotRemediated(t *testing.T) {
	h := newHouse(remediations.Enforce)
	h.Module.Action = func(ctx context.Context, run *remediations.Run, _ *remediations.Finding) error {
		count := 0
		run.AWS.APIOptions = append(run.AWS.APIOptions, reached(&count).APIOptions...)
		_, err := s3.NewFromConfig(run.AWS).PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: aws.String("ledger"), Policy: aws.String("{}")})
		return err
	}
	if r, err := h.deliver(t, opened()); err == nil || r.Touched || len(h.alerts) != 1 {
		t.Errorf("refused: %s (%v), touched %t, %d alerts", r.Outcome, err, r.Touched, len(h.alerts))
	}
	h.door.open = false
	if r, err := h.deliver(t, opened()); err != nil || r.Outcome != engine.Clean {
		t.Errorf("fixed by somebody else: %s (%v), want Clean", r.Outcome, err)
	}
}

func TestTimeMayRunOutInTheMiddle(t *testing.T) {
	var ids []string
	for i := range 100 {
		ids = append(ids, fmt.Sprintf("door-%d", i))
	}
	h := newHouse(remediations.Observe)
	h.Log = nil
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var looked atomic.Int32
	h.Module.Guard = func(context.Context, *remediations.Run, remediations.Resource) (*remediations.Finding, error) {
		if looked.Add(1) == 20 {
			cancel()
		}
		return nil, nil
	}
	e, err := engine.New(h.Config)
	if err != nil {
		t.Fatal(err)
	}
	records, err := e.Handle(ctx, []byte(opened("front", strings.Join(ids, ","))))
	if err == nil || len(records) < 20 || len(records) == len(ids) {
		t.Errorf("%d records, error %v", len(records), err)
	}
	for i, r := range records {
		if r.Resource.ID != ids[i] || r.Outcome != engine.Clean {
			t.Errorf("%d: %s of %q", i, r.Outcome, r.Resource.ID)
		}
	}
}

// A finding that could not be recorded is not a permanent failure: the next delivery reports it.
func TestFindingThatCouldNotBeRecordedIsTriedAgain(t *testing.T) {
	h := newHouse(remediations.Alert)
	h.store.failPut = func(r *engine.Record) error {
		if r.Outcome == engine.Alerted {
			return errors.New("throttled")
		}
		return nil
	}
	first, err := h.deliver(t, opened())
	if err == nil {
		t.Fatal("the first delivery did not notice that its record is missing")
	}
	if kept := h.kept(t, first.ID); kept.Outcome != engine.Failed || kept.Alert != "" || !kept.Lease.IsZero() {
		t.Errorf("the record says %s, alert %q, lease %s: want a failure without an alert yet", kept.Outcome, kept.Alert, kept.Lease)
	}
	h.store.failPut = nil
	h.now = h.now.Add(time.Minute)
	if r, err := h.deliver(t, opened()); err != nil || r.Outcome != engine.Alerted || len(h.alerts) != 1 {
		t.Errorf("the next delivery: %s (%v), %d alerts, want Alerted and 1", r.Outcome, err, len(h.alerts))
	}
}

// Somebody stops the module between two attempts. If the first may have acted, people must know.
func TestEarlierActionIsAlertedAfterAStop(t *testing.T) {
	h := newHouse(remediations.Enforce)
	h.store.failPut = killed
	if _, err := h.deliver(t, opened()); err == nil {
		t.Fatal("the first delivery did not notice that it died")
	}
	h.store.failPut, h.door.open = nil, true
	h.now = h.now.Add(time.Minute)
	h.said = remediations.Switch{remediations.AllModules: {Mode: remediations.Observe, By: "olga"}}
	if r, err := h.deliver(t, opened()); err != nil || r.Outcome != engine.Observed || !r.Touched || len(h.alerts) != 1 {
		t.Errorf("%s (%v), touched %t, %d alerts: want Observed, and an alert", r.Outcome, err, r.Touched, len(h.alerts))
	}
}
