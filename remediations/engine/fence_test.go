package engine_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	"github.com/google/go-cmp/cmp"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/engine"
	"github.com/countermand/countermand/remediations/engine/store"
)

// reached returns a configuration whose calls go nowhere: they are counted, and denied by "AWS".
func reached(count *int) aws.Config {
	return aws.Config{Region: "us-east-1", APIOptions: []func(*middleware.Stack) error{func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("reached",
			func(context.Context, middleware.InitializeInput, middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
				*count++
				return middleware.InitializeOutput{}, middleware.Metadata{}, &smithy.GenericAPIError{Code: "AccessDenied"}
			}), middleware.After)
	}}}
}

func TestFence(t *testing.T) {
	m := &remediations.Module{
		Reads:  []remediations.Permission{{Action: "s3:GetBucketPublicAccessBlock"}},
		Writes: []remediations.Permission{{Action: "s3:PutBucketPolicy"}},
	}
	count := 0
	fence := engine.NewFence(m)
	client := s3.NewFromConfig(fence.Config(reached(&count), "eu-west-1"))
	bucket := aws.String("ledger")
	read := func() error {
		_, err := client.GetPublicAccessBlock(t.Context(), &s3.GetPublicAccessBlockInput{Bucket: bucket})
		return err
	}
	write := func() error {
		_, err := client.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: bucket, Policy: aws.String("{}")})
		return err
	}
	undeclared := func() error {
		_, err := client.DeleteBucketPolicy(t.Context(), &s3.DeleteBucketPolicyInput{Bucket: bucket})
		return err
	}
	unknown := func() error {
		_, err := s3control.NewFromConfig(fence.Config(reached(&count), "eu-west-1")).
			GetPublicAccessBlock(t.Context(), &s3control.GetPublicAccessBlockInput{AccountId: aws.String("111122223333")})
		return err
	}
	for _, step := range []struct {
		name    string
		call    func() error
		writes  bool
		reaches bool
	}{
		{"a declared read", read, false, true},
		{"a write while reading", write, false, false},
		{"an undeclared call while reading", undeclared, false, false},
		{"a declared write", write, true, true},
		{"a read while writing", read, true, true},
		{"an undeclared call while writing", undeclared, true, false},
		{"an operation of the same name in another service", unknown, true, false},
	} {
		before := count
		fence.AllowWrites(step.writes)
		err := step.call()
		if reaches := count > before; reaches != step.reaches || errors.Is(err, engine.ErrFenced) == step.reaches {
			t.Errorf("%s: reached AWS: %t, error %v", step.name, reaches, err)
		}
	}
	var got []string
	for _, call := range fence.Calls() {
		if !call.Fenced {
			got = append(got, call.Action+" "+call.Error)
		}
	}
	want := []string{"s3:GetBucketPublicAccessBlock AccessDenied", "s3:PutBucketPolicy AccessDenied", "s3:GetBucketPublicAccessBlock AccessDenied"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if calls := fence.Calls(); len(calls) != 7 {
		t.Errorf("%d calls are noted, want 7", len(calls))
	}
}

// These are the engine's own calls in every function, whatever its mode. Infra's tests check each role for all of them.
func TestEngineCallsOfEveryFunction(t *testing.T) {
	count := 0
	fence := engine.NewFence(&remediations.Module{})
	cfg := fence.Config(reached(&count), "eu-west-1")
	runs, alert := store.NewDynamoDB(cfg, "runs"), engine.NewSNSSender(cfg, "arn:aws:sns:eu-west-1:111122223333:alerts", "arn:aws:sns:eu-west-1:111122223333:critical")
	_, getErr := runs.Get(t.Context(), "id")
	_, timesErr := runs.ReadCount(t.Context(), "count")
	_, latestErr := runs.NoteLatest(t.Context(), "latest", time.Now(), time.Now())
	_, switchErr := engine.NewSwitchReader(cfg, remediations.SwitchParameter, time.Now)(t.Context())
	errs := []error{getErr, timesErr, latestErr, switchErr, runs.Put(t.Context(), &engine.Record{ID: "id", Version: 1}), alert(t.Context(), engine.Message{Subject: "s", Body: "b"})}
	for _, err := range errs {
		if err == nil {
			t.Error("a refused call is not an error")
		}
	}
	var got []string
	for _, call := range fence.Calls() {
		got = append(got, call.Action)
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"dynamodb:GetItem", "dynamodb:PutItem", "sns:Publish", "ssm:GetParameter"}, slices.Compact(got)); diff != "" {
		t.Error(diff)
	}
}
