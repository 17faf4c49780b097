package moduletest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/events/pattern"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/moduletest"
)

// TestAcceptsAModuleThatObeys and TestFindsBreaks play a module that switches S3 versioning back on: right,
// and then with one deliberate fault after another.
func TestAcceptsAModuleThatObeys(t *testing.T) {
	moduletest.Run(t, versioning(), cases()...)
}

func TestFindsBreaks(t *testing.T) {
	faults := []struct {
		name  string
		fault func(*remediations.Module)
		want  string // part of a breach
	}{
		{"a swallowed AWS error", func(m *remediations.Module) {
			guard := m.Guard
			m.Guard = func(ctx context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
				f, err := guard(ctx, run, r)
				if remediations.ErrorCode(err) != "" {
					return nil, nil
				}
				return f, err
			}
		}, "its error was swallowed"},
		{"a swallowed error of the action", func(m *remediations.Module) {
			action := m.Action
			m.Action = func(ctx context.Context, run *remediations.Run, f *remediations.Finding) error {
				_ = action(ctx, run, f)
				return nil
			}
		}, "swallowed"},
		{"an error that hides its cause", func(m *remediations.Module) {
			guard := m.Guard
			m.Guard = func(ctx context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
				f, err := guard(ctx, run, r)
				if err != nil {
					err = errors.New("something went wrong")
				}
				return f, err
			}
		}, "does not wrap AWS's"},
		{"a missing permission", func(m *remediations.Module) {
			m.Reads = []remediations.Permission{{Action: "s3:GetBucketTagging", Resource: "arn:${AWS::Partition}:s3:::*"}}
		}, "s3:GetBucketVersioning is not declared"},
		{"a permission too many", func(m *remediations.Module) {
			m.Writes = append(m.Writes, remediations.Permission{Action: "s3:DeleteBucket", Resource: "arn:${AWS::Partition}:s3:::*"})
		}, "s3:DeleteBucket is declared, but no case calls it"},
		{"a right to another bucket", func(m *remediations.Module) {
			m.Reads[0].Resource = "arn:${AWS::Partition}:s3:::journal"
		}, "IAM would refuse s3:GetBucketVersioning on arn:aws:s3:::ledger"},
		{"a right to write to another bucket", func(m *remediations.Module) {
			m.Writes[0].Resource = "arn:${AWS::Partition}:s3:::journal"
		}, "the outcome is the case's: IAM would refuse s3:PutBucketVersioning on arn:aws:s3:::ledger"},
		{"a right to more than buckets", func(m *remediations.Module) {
			m.Reads[0].Resource, m.Reads[0].Why = "*", "it is easier"
		}, "s3:GetBucketVersioning on * is wider than need be"},
		{"a second right to what one is enough for", func(m *remediations.Module) {
			m.Writes = append(m.Writes, remediations.Permission{Action: "s3:PutBucketVersioning", Resource: "arn:${AWS::Partition}:s3:::journal"})
		}, "s3:PutBucketVersioning is declared, but no case calls it on arn:${AWS::Partition}:s3:::journal"},
		{"an undeclared call", func(m *remediations.Module) {
			action := m.Action
			m.Action = func(ctx context.Context, run *remediations.Run, f *remediations.Finding) error {
				if _, err := s3.NewFromConfig(run.AWS).DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: &f.Resource.ID}); err != nil {
					return err
				}
				return action(ctx, run, f)
			}
		}, "s3:DeleteBucketPolicy is not declared"},
		{"a guard that writes", func(m *remediations.Module) {
			guard, action := m.Guard, m.Action
			m.Guard = func(ctx context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
				f, err := guard(ctx, run, r)
				if f != nil {
					err = errors.Join(err, action(ctx, run, f))
				}
				return f, err
			}
		}, "a guard only reads"},
		{"a wildcard without Why", func(m *remediations.Module) {
			m.Reads[0].Resource = "*"
		}, "a wildcard needs a Why"},
		{"a guard that does not re-read", func(m *remediations.Module) {
			m.Guard = func(_ context.Context, _ *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
				return remediations.Found(r, "the event says so", "Suspended", "Enabled")
			}
		}, "ended as"},
		{"a guard that never finds anything", func(m *remediations.Module) {
			m.Guard = func(ctx context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
				_, err := read(ctx, run, r.ID)
				return nil, err
			}
		}, "the case says acts: true"},
		{"an action that does nothing", func(m *remediations.Module) {
			m.Action = func(context.Context, *remediations.Run, *remediations.Finding) error { return nil }
		}, "ended as Unverified"},
		{"an undo that forgets to look", func(m *remediations.Module) {
			m.Undo = func(ctx context.Context, run *remediations.Run, f *remediations.Finding) error {
				return write(ctx, run, f.Resource.ID, "Suspended")
			}
		}, "not ErrChanged"},
		{"an undo that does not say what it found", func(m *remediations.Module) {
			undo := m.Undo
			m.Undo = func(ctx context.Context, run *remediations.Run, f *remediations.Finding) error {
				if err := undo(ctx, run, f); errors.Is(err, remediations.ErrChanged) {
					return remediations.ErrChanged
				}
				return nil
			}
		}, "not Changed"},
		{"an undo that says something else than what it found", func(m *remediations.Module) {
			undo := m.Undo
			m.Undo = func(ctx context.Context, run *remediations.Run, f *remediations.Finding) error {
				if err := undo(ctx, run, f); errors.Is(err, remediations.ErrChanged) {
					return remediations.Changed(map[string]string{"status": "Suspended"})
				}
				return nil
			}
		}, "said that the state is"},
		{"an undo that asks the event", func(m *remediations.Module) {
			undo := m.Undo
			m.Undo = func(ctx context.Context, run *remediations.Run, f *remediations.Finding) error {
				_ = run.Event.Record.EventName
				return undo(ctx, run, f)
			}
		}, "the module panicked"},
		{"an undo that puts nothing back", func(m *remediations.Module) {
			undo := m.Undo
			m.Undo = func(ctx context.Context, run *remediations.Run, f *remediations.Finding) error {
				f.Before = f.After
				return undo(ctx, run, f)
			}
		}, "undo restores the world"},
		{"a panic on a missing field", func(m *remediations.Module) {
			m.Suspects = func(e events.Event) ([]remediations.Resource, error) {
				name := e.Record.Request.Get("bucketName").Text()
				_ = name[0]
				return suspects(e)
			}
		}, "the module panicked"},
		{"a panic of the guard", func(m *remediations.Module) {
			guard := m.Guard
			m.Guard = func(ctx context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
				_ = run.Event.Record.Identity.UserName[0]
				return guard(ctx, run, r)
			}
		}, "the module panicked"},
		{"an undeclared call whose refusal is ignored", func(m *remediations.Module) {
			action := m.Action
			m.Action = func(ctx context.Context, run *remediations.Run, f *remediations.Finding) error {
				_, _ = s3.NewFromConfig(run.AWS).DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: &f.Resource.ID})
				return action(ctx, run, f)
			}
		}, "was refused, and the module went on"},
		{"a write without an event", func(m *remediations.Module) {
			action := m.Action
			m.Writes = append(m.Writes, remediations.Permission{Action: "s3:DeleteBucketPolicy", Resource: "arn:${AWS::Partition}:s3:::*"})
			m.Action = func(ctx context.Context, run *remediations.Run, f *remediations.Finding) error {
				if _, err := s3.NewFromConfig(run.AWS).DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: &f.Resource.ID}); err != nil {
					return err
				}
				return action(ctx, run, f)
			}
		}, "it calls DeleteBucketPolicy, PutBucketVersioning, and has own events of 1 names only"},
		{"a call in the wrong Region", func(m *remediations.Module) {
			guard := m.Guard
			m.Guard = func(ctx context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
				there := *run
				there.AWS.Region = "nowhere-1"
				return guard(ctx, &there, r)
			}
		}, "not in the resource's"},
		{"a call with an empty name", func(m *remediations.Module) {
			m.Guard = func(ctx context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
				r.ID = run.Event.Record.Request.Get("bucketName").Text()
				return guard(ctx, run, r)
			}
			m.Suspects = func(e events.Event) ([]remediations.Resource, error) {
				return []remediations.Resource{{ID: "from somewhere else", Type: "AWS::S3::Bucket", Account: e.Account, Region: e.Region}}, nil
			}
		}, "with an empty Bucket"},
		{"a resource without an ARN", func(m *remediations.Module) {
			suspects := m.Suspects
			m.Suspects = func(e events.Event) ([]remediations.Resource, error) {
				resources, err := suspects(e)
				for i := range resources {
					resources[i].Type = "AWS::House::Door"
				}
				return resources, err
			}
		}, "the ARN of AWS::House::Door ledger is unknown"},
		{"no commands for people", func(m *remediations.Module) {
			guard := m.Guard
			m.Guard = func(ctx context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
				f, err := guard(ctx, run, r)
				if f != nil {
					f.Fix = ""
				}
				return f, err
			}
		}, "no Fix command"},
	}
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			m := versioning()
			f.fault(m)
			breaches := moduletest.Check(t.Context(), m, cases()...)
			for _, err := range breaches {
				if strings.Contains(err.Error(), f.want) {
					return
				}
			}
			t.Errorf("want a breach with %q, got %v", f.want, breaches)
		})
	}
}

func TestAsksForCompleteCases(t *testing.T) {
	whole := cases()
	incomplete := whole[0]
	incomplete.Own = nil
	for want, breaches := range map[string][]error{
		"does not say which events that leads to": moduletest.Check(t.Context(), versioning(), incomplete, whole[1]),
		"a case that acts and one that must not":  moduletest.Check(t.Context(), versioning(), whole[0]),
	} {
		if len(breaches) == 0 || !strings.Contains(errors.Join(breaches...).Error(), want) {
			t.Errorf("want a breach with %q, got %v", want, breaches)
		}
	}
}

func versioning() *remediations.Module {
	return &remediations.Module{
		Name:     "bucket-versioning",
		Title:    "switch S3 versioning back on",
		Why:      "Without it, what is overwritten is lost.",
		Text:     "Undo suspends it again.",
		Severity: remediations.Medium,
		Risk:     "old versions cost storage",
		Default:  remediations.Alert,
		Pattern:  pattern.CloudTrail("s3", "PutBucketVersioning"),
		Reads:    []remediations.Permission{{Action: "s3:GetBucketVersioning", Resource: "arn:${AWS::Partition}:s3:::*"}},
		Writes:   []remediations.Permission{{Action: "s3:PutBucketVersioning", Resource: "arn:${AWS::Partition}:s3:::*"}},
		Suspects: suspects,
		Guard:    guard,
		Action: func(ctx context.Context, run *remediations.Run, f *remediations.Finding) error {
			return write(ctx, run, f.Resource.ID, "Enabled")
		},
		Undo: func(ctx context.Context, run *remediations.Run, f *remediations.Finding) error {
			status, err := read(ctx, run, f.Resource.ID)
			if err != nil {
				return err
			}
			var before, after string
			if err := errors.Join(json.Unmarshal(f.Before, &before), json.Unmarshal(f.After, &after)); err != nil {
				return err
			}
			if status != after {
				return remediations.Changed(status)
			}
			return write(ctx, run, f.Resource.ID, before)
		},
	}
}

func suspects(e events.Event) ([]remediations.Resource, error) {
	bucket := e.Record.Request.Get("bucketName").Text()
	if bucket == "" {
		return nil, errors.New("the event names no bucket")
	}
	return []remediations.Resource{{ID: bucket, Type: "AWS::S3::Bucket", Account: e.Account, Region: e.Region}}, nil
}

func guard(ctx context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
	status, err := read(ctx, run, r.ID)
	if err != nil || status == "Enabled" {
		return nil, err
	}
	f, err := remediations.Found(r, "versioning is off", status, "Enabled")
	if err != nil {
		return nil, err
	}
	f.Fix, f.Revert = "aws s3api put-bucket-versioning ...", "aws s3api put-bucket-versioning ..."
	return f, nil
}

func read(ctx context.Context, run *remediations.Run, bucket string) (string, error) {
	out, err := s3.NewFromConfig(run.AWS).GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &bucket})
	if err != nil {
		return "", fmt.Errorf("get versioning of %s: %w", bucket, err)
	}
	return string(out.Status), nil
}

func write(ctx context.Context, run *remediations.Run, bucket, status string) error {
	_, err := s3.NewFromConfig(run.AWS).PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{
		Bucket:                  &bucket,
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatus(status)},
	})
	if err != nil {
		return fmt.Errorf("put versioning of %s: %w", bucket, err)
	}
	return nil
}

func cases() []moduletest.Case {
	event := []byte(`{
		"version": "0", "id": "6c5e1c0e-8b7c-4d9e-9a53-0f6d6f1f6f01", "detail-type": "AWS API Call via CloudTrail",
		"source": "aws.s3", "account": "111122223333", "time": "2026-03-01T10:00:00Z", "region": "eu-west-1", "resources": [],
		"detail": {
			"eventVersion": "1.11", "eventID": "0e2f3f0a-52a3-4c5e-bb6f-0a4f6c2f7d10", "eventTime": "2026-03-01T10:00:00Z",
			"eventSource": "s3.amazonaws.com", "eventName": "PutBucketVersioning", "eventType": "AwsApiCall",
			"awsRegion": "eu-west-1", "recipientAccountId": "111122223333", "sourceIPAddress": "198.51.100.7", "userAgent": "[aws-cli/2.15]",
			"userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/bob", "accountId": "111122223333", "userName": "bob"},
			"requestParameters": {"bucketName": "ledger", "versioning": ""}, "responseElements": null
		}
	}`)
	own := bytes.Replace(event, []byte("0e2f3f0a-52a3-4c5e-bb6f-0a4f6c2f7d10"), []byte("c7a4b7a7-6a0e-4b0a-8a58-1d9a3fb0c001"), 1)
	return []moduletest.Case{
		{Name: "suspended", Event: event, World: bucket("Suspended"), Acts: true, Own: [][]byte{own}},
		{Name: "enabled already", Event: event, World: bucket("Enabled")},
	}
}

func bucket(status string) func() *moduletest.World {
	return func() *moduletest.World {
		state := status
		return &moduletest.World{
			State: &state,
			Answers: []moduletest.Answer{
				moduletest.On(func(*s3.GetBucketVersioningInput) (*s3.GetBucketVersioningOutput, error) {
					return &s3.GetBucketVersioningOutput{Status: types.BucketVersioningStatus(state)}, nil
				}),
				moduletest.On(func(in *s3.PutBucketVersioningInput) (*s3.PutBucketVersioningOutput, error) {
					state = string(in.VersioningConfiguration.Status)
					return &s3.PutBucketVersioningOutput{}, nil
				}),
				moduletest.On(func(in *s3.DeleteBucketPolicyInput) (*s3.DeleteBucketPolicyOutput, error) {
					return &s3.DeleteBucketPolicyOutput{}, nil
				}),
			},
			Change: func() { state = "Somebody else's" },
		}
	}
}
