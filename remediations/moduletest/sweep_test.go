package moduletest_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/moduletest"
)

// sweeping is the module that switches versioning back on, with a sweep.
func sweeping() *remediations.Module {
	m := versioning()
	m.Reads = append(m.Reads, remediations.Permission{Action: "s3:ListAllMyBuckets", Resource: "*", Why: "IAM can't narrow a list down"})
	m.Schedule = "rate(1 day)"
	m.Sweep = func(ctx context.Context, run *remediations.Run) iter.Seq2[remediations.Resource, error] {
		return func(yield func(remediations.Resource, error) bool) {
			out, err := s3.NewFromConfig(run.AWS).ListBuckets(ctx, &s3.ListBucketsInput{})
			if err != nil {
				yield(remediations.Resource{}, fmt.Errorf("list buckets: %w", err))
				return
			}
			for _, b := range out.Buckets {
				if !yield(remediations.Resource{ID: aws.ToString(b.Name), Type: "AWS::S3::Bucket", Account: run.Account, Region: run.AWS.Region}, nil) {
					return
				}
			}
		}
	}
	return m
}

// listed is the cases with a list of the one bucket.
func listed() []moduletest.Case {
	all := cases()
	for i, c := range all {
		all[i].World = func() *moduletest.World {
			w := c.World()
			w.Answers = append(w.Answers, moduletest.On(func(*s3.ListBucketsInput) (*s3.ListBucketsOutput, error) {
				return &s3.ListBucketsOutput{Buckets: []types.Bucket{{Name: aws.String("ledger")}}}, nil
			}))
			return w
		}
	}
	return all
}

func TestAcceptsASweepThatObeys(t *testing.T) {
	for _, err := range moduletest.Check(t.Context(), sweeping(), listed()...) {
		t.Error(err)
	}
}

func TestFindsBreaksOfASweep(t *testing.T) {
	type list = iter.Seq2[remediations.Resource, error]
	for name, c := range map[string]struct {
		fault func(*remediations.Module, []moduletest.Case)
		want  string
	}{
		"that lists nothing": {func(m *remediations.Module, _ []moduletest.Case) {
			sweep := m.Sweep
			m.Sweep = func(ctx context.Context, run *remediations.Run) list {
				return func(func(remediations.Resource, error) bool) {
					sweep(ctx, run)(func(remediations.Resource, error) bool { return false })
				}
			}
		}, "a sweep does not: if that is right, say why"},
		"that swallows an error": {func(m *remediations.Module, _ []moduletest.Case) {
			sweep := m.Sweep
			m.Sweep = func(ctx context.Context, run *remediations.Run) list {
				return func(yield func(remediations.Resource, error) bool) {
					for r, err := range sweep(ctx, run) {
						if err != nil || !yield(r, nil) {
							return
						}
					}
				}
			}
		}, "S3 ListBuckets: its error was swallowed"},
		"that panics": {func(m *remediations.Module, _ []moduletest.Case) {
			m.Sweep = func(context.Context, *remediations.Run) list {
				return func(func(remediations.Resource, error) bool) { panic("no list") }
			}
		}, "the module panicked"},
		"with a guard that asks the event": {func(m *remediations.Module, _ []moduletest.Case) {
			guard := m.Guard
			m.Guard = func(ctx context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
				_ = run.Event.Record.EventName
				return guard(ctx, run, r)
			}
		}, "the module panicked"},
		"that finds what it is said not to": {func(_ *remediations.Module, cases []moduletest.Case) {
			cases[0].Unswept = "it is not in the state"
		}, "and the case says that it can't: it is not in the state"},
		"that does not wait": {func(m *remediations.Module, _ []moduletest.Case) {
			guard := m.Guard
			m.Guard = func(ctx context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
				f, err := guard(ctx, run, r)
				if f != nil && run.Event != nil {
					f.Grace = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
				}
				return f, err
			}
		}, "people have time to put AWS::S3::Bucket ledger right, and a sweep does not wait"},
		"in another Region": {func(m *remediations.Module, _ []moduletest.Case) {
			sweep := m.Sweep
			m.Sweep = func(ctx context.Context, run *remediations.Run) list {
				return func(yield func(remediations.Resource, error) bool) {
					for r, err := range sweep(ctx, run) {
						r.Region = "eu-west-2"
						yield(r, err)
					}
				}
			}
		}, "a sweep does not: if that is right, say why"},
	} {
		t.Run(name, func(t *testing.T) {
			m, cases := sweeping(), listed()
			c.fault(m, cases)
			breaches := errors.Join(moduletest.Check(t.Context(), m, cases...)...)
			if breaches == nil || !strings.Contains(breaches.Error(), c.want) {
				t.Errorf("want a breach with %q, got %v", c.want, breaches)
			}
		})
	}
}
