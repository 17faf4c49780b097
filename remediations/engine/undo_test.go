package engine_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/engine"
)

// A shelf is a world of one bucket policy, a JSON string, and the undo of a run that changed it.
type shelf struct {
	policy string
	writes int
	broken error     // AWS's answer to a write that succeeded
	onPut  func()    // called during a write
	store  flaky     // of the run records
	now    time.Time // the clock
	module remediations.Module
}

func newShelf() *shelf {
	s := &shelf{policy: "after", now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
	s.module = remediations.Module{
		Name:       "shelf-policy",
		Reads:      []remediations.Permission{{Action: "s3:GetBucketPolicy"}},
		UndoWrites: []remediations.Permission{{Action: "s3:PutBucketPolicy"}},
		Undo: func(ctx context.Context, run *remediations.Run, f *remediations.Finding) error {
			client := s3.NewFromConfig(run.AWS)
			out, err := client.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &f.Resource.ID})
			if err != nil {
				return err
			}
			if `"`+*out.Policy+`"` != string(f.After) {
				return remediations.Changed(*out.Policy)
			}
			_, err = client.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &f.Resource.ID, Policy: aws.String(strings.Trim(string(f.Before), `"`))})
			return err
		},
	}
	return s
}

func (s *shelf) config() aws.Config {
	return aws.Config{APIOptions: []func(*middleware.Stack) error{func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("shelf", func(ctx context.Context, in middleware.InitializeInput, _ middleware.InitializeHandler) (out middleware.InitializeOutput, metadata middleware.Metadata, err error) {
			if err := ctx.Err(); err != nil {
				return out, metadata, err
			}
			switch input := in.Parameters.(type) {
			case *s3.GetBucketPolicyInput:
				out.Result = &s3.GetBucketPolicyOutput{Policy: &s.policy}
			case *s3.PutBucketPolicyInput:
				s.writes++
				s.policy = *input.Policy
				if s.onPut != nil {
					s.onPut()
				}
				out.Result, err = &s3.PutBucketPolicyOutput{}, s.broken
			}
			return out, metadata, err
		}), middleware.After)
	}}}
}

// acted returns the record of a run that wrote.
func acted() *engine.Record {
	at := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	return &engine.Record{
		ID: "shelf-policy-0123456789abcdef0123", Module: "shelf-policy", Mode: remediations.Enforce, Outcome: engine.Remediated,
		Resource: remediations.Resource{ID: "books", Type: "AWS::S3::Bucket", Account: "111122223333", Region: "eu-west-1"},
		Reason:   "the shelf is open", Before: []byte(`"before"`), After: []byte(`"after"`), Fix: "close shelf", Revert: "open shelf",
		Touched: true, Started: at, Expires: at.AddDate(1, 0, 0), Version: 3,
	}
}

func (s *shelf) undoRequest(r *engine.Record) *engine.UndoRequest {
	return &engine.UndoRequest{
		Module: &s.module, Run: r, AWS: s.config(), Store: &s.store, Name: "olga",
		Principal: "arn:aws:iam::111122223333:user/olga", Now: func() time.Time { return s.now },
	}
}

func (s *shelf) kept(t *testing.T) *engine.Record {
	t.Helper()
	r, err := s.store.Get(t.Context(), remediations.UndoRow(acted().ID))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func wantError(t *testing.T, err error, part string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), part) {
		t.Errorf("the error is %v, want one with %q", err, part)
	}
}

func TestUndoIsARunOfItsOwn(t *testing.T) {
	s := newShelf()
	var before *engine.Record
	s.onPut = func() { before = s.kept(t) }
	undo := s.undoRequest(acted())
	if err := undo.Check(t.Context()); err != nil || s.writes > 0 || s.kept(t) != nil {
		t.Fatalf("the check: %v, %d writes, record %v", err, s.writes, s.kept(t))
	}
	if _, err := undo.Undo(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.policy != "before" {
		t.Errorf("the policy is %q", s.policy)
	}
	if before == nil || before.Outcome != engine.Started || !before.Lease.After(s.now) || !before.Ended.IsZero() {
		t.Errorf("while it wrote, the record was %+v", before)
	}
	r := s.kept(t)
	switch {
	case r.Outcome != engine.Undone, r.Undoes != acted().ID, r.Principal != undo.Principal, r.Name != "olga", !r.Touched, r.Ended.IsZero(), !r.Lease.IsZero():
		t.Errorf("the record is %+v", r)
	case string(r.Before) != `"after"`, string(r.After) != `"before"`, r.Fix != "open shelf", r.Revert != "close shelf":
		t.Errorf("the record's states are %s and %s, its commands %q and %q", r.Before, r.After, r.Fix, r.Revert)
	case len(r.Calls) != 2 || !r.Calls[1].Write:
		t.Errorf("the record's calls are %+v", r.Calls)
	case !r.Expires.Equal(s.now.Add(365 * 24 * time.Hour)):
		t.Errorf("the record is kept until %s", r.Expires)
	}
	for _, again := range []func(context.Context) error{undo.Check, func(ctx context.Context) error { _, err := undo.Undo(ctx); return err }} {
		wantError(t, again(t.Context()), "already undone at 2026-03-02 09:00:00 UTC by arn:aws:iam::111122223333:user/olga")
	}
	if s.writes != 1 {
		t.Errorf("%d writes, want 1", s.writes)
	}
}

func TestUndoRefuses(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*shelf, *engine.Record)
		want   string
	}{
		{"what it has not touched", func(_ *shelf, r *engine.Record) { r.Touched, r.Outcome = false, engine.Observed }, "changed nothing (Observed)"},
		{"an undo", func(_ *shelf, r *engine.Record) { r.Undoes = "x" }, "by hand: open shelf"},
		{"a module without one", func(s *shelf, _ *engine.Record) { s.module.Undo = nil }, "has no undo"},
		{"a run that goes on", func(s *shelf, r *engine.Record) { r.Outcome, r.Lease = engine.Started, s.now.Add(time.Second) }, "has not ended yet"},
		{"a run that is tried again", func(s *shelf, r *engine.Record) {
			r.Outcome, r.Attempt, r.Started, r.Lease = engine.Failed, 2, s.now.Add(-5*time.Minute), time.Time{}
		}, "Lambda may retry it"},
		{"what has changed since", func(s *shelf, _ *engine.Record) { s.policy = "another" }, remediations.ErrChanged.Error()},
		{"what is as before already", func(s *shelf, _ *engine.Record) { s.policy = "before" }, "nothing to undo"},
		{"an undeclared call", func(s *shelf, _ *engine.Record) { s.module.UndoWrites = nil }, "not declared"},
		{"a panic", func(s *shelf, _ *engine.Record) {
			s.module.Undo = func(context.Context, *remediations.Run, *remediations.Finding) error { panic("no") }
		}, "panicked"},
		{"a table that can't be read", func(s *shelf, _ *engine.Record) { s.store.failGet = errors.New("no table") }, "no table"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, r := newShelf(), acted()
			test.change(s, r)
			wantError(t, s.undoRequest(r).Check(t.Context()), test.want)
			s.store.failGet = nil
			if s.writes > 0 || s.kept(t) != nil {
				t.Errorf("%d writes, record %v", s.writes, s.kept(t))
			}
		})
	}
}

// The outcome does not matter: a function that died or failed may have written.
func TestUndoOfAnyOutcomeThatWrote(t *testing.T) {
	for _, outcome := range []engine.Outcome{engine.Started, engine.Remediated, engine.Partial, engine.Unverified, engine.Failed, engine.Alerted} {
		s, r := newShelf(), acted()
		r.Outcome = outcome
		if _, err := s.undoRequest(r).Undo(t.Context()); err != nil || s.policy != "before" {
			t.Errorf("%s: %v, the policy is %q", outcome, err, s.policy)
		}
	}
}

// A change between the check and the undo is refused as well, and a failed undo may be tried again.
func TestFailedUndoMayBeTriedAgain(t *testing.T) {
	s := newShelf()
	s.policy = "another"
	undo := s.undoRequest(acted())
	_, err := undo.Undo(t.Context())
	var changed *remediations.ChangedError
	if !errors.As(err, &changed) || string(changed.Present) != `"another"` {
		t.Errorf("the error is %v", err)
	}
	if r := s.kept(t); r.Outcome != engine.Failed || r.Touched || r.Error == "" || r.Ended.IsZero() {
		t.Errorf("the record is %+v", r)
	}
	s.policy = "before" // by somebody else: neither attempt has written
	wantError(t, undo.Check(t.Context()), "nothing to undo")
	if r, err := undo.Undo(t.Context()); err == nil || r.Outcome != engine.Failed {
		t.Errorf("%v, record %+v", err, r)
	}
	s.policy = "after"
	if _, err := undo.Undo(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := s.kept(t); r.Outcome != engine.Undone || r.Attempt != 3 || r.Error != "" || len(r.Calls) != 4 {
		t.Errorf("the record is %+v", r)
	}
}

// If the answer to an undo's write was lost, the next undo completes it without writing.
func TestUndoThatWasInterrupted(t *testing.T) {
	s := newShelf()
	s.broken = &smithy.GenericAPIError{Code: "RequestTimeout"}
	undo := s.undoRequest(acted())
	if _, err := undo.Undo(t.Context()); remediations.ErrorCode(err) != "RequestTimeout" {
		t.Errorf("the error is %v", err)
	}
	if r := s.kept(t); r.Outcome != engine.Failed || !r.Touched {
		t.Errorf("the record is %+v", r)
	}
	if err := undo.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := undo.Undo(t.Context()); err != nil || s.writes != 1 {
		t.Errorf("%v, %d writes", err, s.writes)
	}
	if r := s.kept(t); r.Outcome != engine.Undone {
		t.Errorf("the record is %+v", r)
	}
}

func TestUndoThatDiedIsTakenOverAfterItsLease(t *testing.T) {
	s := newShelf()
	undo := s.undoRequest(acted())
	puts := 0
	s.store.failPut = func(*engine.Record) error {
		if puts++; puts > 1 {
			return errors.New("killed")
		}
		return nil
	}
	_, err := undo.Undo(t.Context())
	wantError(t, err, "could not be recorded: killed")
	s.store.failPut = nil
	for _, try := range []func(context.Context) error{undo.Check, func(ctx context.Context) error { _, err := undo.Undo(ctx); return err }} {
		wantError(t, try(t.Context()), "is being undone since 2026-03-02 09:00:00 UTC by "+undo.Principal)
	}
	s.now = s.now.Add(time.Minute)
	if err := undo.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if r, err := undo.Undo(t.Context()); err != nil || r.Outcome != engine.Undone || r.Attempt != 2 || s.writes != 1 {
		t.Errorf("%v, record %+v, %d writes", err, r, s.writes)
	}
}

// Ctrl-C ends the undo, and its record says so.
func TestInterruptedUndoIsRecorded(t *testing.T) {
	s := newShelf()
	ctx, interrupt := context.WithCancel(t.Context())
	s.onPut, s.broken = interrupt, context.Canceled
	undo := s.undoRequest(acted())
	undo.Store = minding{&s.store}
	if _, err := undo.Undo(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	if r := s.kept(t); r.Outcome != engine.Failed || !r.Touched {
		t.Errorf("the record is %+v", r)
	}
}

// A minding is a store that respects its context, as a table does.
type minding struct{ engine.Store }

func (m minding) Put(ctx context.Context, r *engine.Record) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return m.Store.Put(ctx, r)
}

func TestOfTwoUndosAtOnceOneWrites(t *testing.T) {
	s := newShelf()
	var second error
	s.store.failPut = func(*engine.Record) error {
		s.store.failPut = nil
		_, second = s.undoRequest(acted()).Undo(t.Context())
		return nil
	}
	_, first := s.undoRequest(acted()).Undo(t.Context())
	wantError(t, first, "somebody else has just started")
	if second != nil || s.writes != 1 {
		t.Errorf("%v, %d writes", second, s.writes)
	}
}
