package moduletest_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/events/pattern"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/moduletest"
)

// wantsStatus is a module that looks when one of the calls was made, and wants a bucket's versioning to be something.
func wantsStatus(name, status string, calls ...string) *remediations.Module {
	m := versioning()
	m.Name, m.Pattern = name, pattern.CloudTrail("s3", calls...)
	m.Guard = func(ctx context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
		found, err := read(ctx, run, r.ID)
		if err != nil || found == status {
			return nil, err
		}
		return remediations.Found(r, "it is "+found, found, status)
	}
	m.Action = func(ctx context.Context, run *remediations.Run, f *remediations.Finding) error {
		return write(ctx, run, f.Resource.ID, status)
	}
	return m
}

// wantsPolicy is a module that looks when one of the calls was made, and wants a bucket to have a policy.
func wantsPolicy(name, policy string, calls ...string) *remediations.Module {
	m := wantsStatus(name, "", calls...)
	arn := "arn:${AWS::Partition}:s3:::*"
	m.Reads = []remediations.Permission{{Action: "s3:GetBucketPolicy", Resource: arn}}
	m.Writes = []remediations.Permission{{Action: "s3:PutBucketPolicy", Resource: arn}}
	m.Guard = func(ctx context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
		out, err := s3.NewFromConfig(run.AWS).GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &r.ID})
		if err != nil || *out.Policy == policy {
			return nil, err
		}
		return remediations.Found(r, "it is "+*out.Policy, *out.Policy, policy)
	}
	m.Action = func(ctx context.Context, run *remediations.Run, f *remediations.Finding) error {
		_, err := s3.NewFromConfig(run.AWS).PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &f.Resource.ID, Policy: &policy})
		return err
	}
	return m
}

// called is the event of a call on the bucket.
func called(name string) []byte {
	return bytes.ReplaceAll(cases()[0].Event, []byte("PutBucketVersioning"), []byte(name))
}

// shared is a bucket that several modules look at.
func shared() *moduletest.World {
	state := struct{ Status, Policy string }{"Suspended", "none"}
	return &moduletest.World{
		State: &state,
		Answers: []moduletest.Answer{
			moduletest.On(func(*s3.GetBucketVersioningInput) (*s3.GetBucketVersioningOutput, error) {
				return &s3.GetBucketVersioningOutput{Status: types.BucketVersioningStatus(state.Status)}, nil
			}),
			moduletest.On(func(in *s3.PutBucketVersioningInput) (*s3.PutBucketVersioningOutput, error) {
				state.Status = string(in.VersioningConfiguration.Status)
				return &s3.PutBucketVersioningOutput{}, nil
			}),
			moduletest.On(func(*s3.GetBucketPolicyInput) (*s3.GetBucketPolicyOutput, error) {
				return &s3.GetBucketPolicyOutput{Policy: aws.String(state.Policy)}, nil
			}),
			moduletest.On(func(in *s3.PutBucketPolicyInput) (*s3.PutBucketPolicyOutput, error) {
				state.Policy = *in.Policy
				return &s3.PutBucketPolicyOutput{}, nil
			}),
		},
		Event: func(in any) []byte {
			switch in.(type) {
			case *s3.PutBucketVersioningInput:
				return called("PutBucketVersioning")
			case *s3.PutBucketPolicyInput:
				return called("PutBucketPolicy")
			}
			return nil
		},
	}
}

const (
	onVersioning = "PutBucketVersioning"
	onPolicy     = "PutBucketPolicy"
)

func TestSettle(t *testing.T) {
	on := wantsStatus("on", "Enabled", onVersioning)
	for name, c := range map[string]struct {
		modules []*remediations.Module
		want    string // part of the error; "" for none
	}{
		"one alone":           {[]*remediations.Module{on}, ""},
		"two that agree":      {[]*remediations.Module{on, wantsStatus("on-too", "Enabled", onVersioning)}, ""},
		"two that fight":      {[]*remediations.Module{on, wantsStatus("off", "Suspended", onVersioning)}, "on calls PutBucketVersioning, off calls PutBucketVersioning, on calls"},
		"one after the other": {[]*remediations.Module{on, wantsPolicy("policy", "good", onVersioning)}, ""},
		"a circle that ends": {[]*remediations.Module{
			wantsStatus("on", "Enabled", onVersioning, onPolicy), wantsPolicy("policy", "good", onVersioning, onPolicy)}, ""},
		"a fight of three over two things": {[]*remediations.Module{
			wantsStatus("on", "Enabled", onVersioning, onPolicy), wantsPolicy("policy", "good", onVersioning, onPolicy), wantsPolicy("another", "better", onPolicy)}, "they don't come to rest"},
		"one that fails": {[]*remediations.Module{on, failing()}, "GetBucketAcl"},
	} {
		err := moduletest.Settle(t.Context(), moduletest.Joint{Event: called(onVersioning), World: shared, Modules: c.modules})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	dumb := func() *moduletest.World { w := shared(); w.Event = nil; return w }
	if err := moduletest.Settle(t.Context(), moduletest.Joint{Event: called(onVersioning), World: dumb}); err == nil {
		t.Error("a world without events can't show anything")
	}
}

// Which of two modules is asked first must not decide whether they come to rest.
func TestSettleTriesBothOrders(t *testing.T) {
	var orders []string
	look := func(name string) *remediations.Module {
		m := wantsStatus(name, "Suspended", onVersioning)
		guard := m.Guard
		m.Guard = func(ctx context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
			orders = append(orders, name)
			return guard(ctx, run, r)
		}
		return m
	}
	err := moduletest.Settle(t.Context(), moduletest.Joint{Event: called(onVersioning), World: shared, Modules: []*remediations.Module{look("a"), look("b")}})
	if got := strings.Join(orders, ""); err != nil || got != "abba" {
		t.Errorf("asked in the order %s (%v), want abba", got, err)
	}
}

func failing() *remediations.Module {
	m := wantsStatus("fails", "Enabled", onVersioning)
	m.Reads = append(m.Reads, remediations.Permission{Action: "s3:GetBucketAcl", Resource: "arn:${AWS::Partition}:s3:::*"})
	m.Guard = func(ctx context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
		_, err := s3.NewFromConfig(run.AWS).GetBucketAcl(ctx, &s3.GetBucketAclInput{Bucket: &r.ID})
		return nil, err
	}
	return m
}

func TestEdges(t *testing.T) {
	on, policy := wantsStatus("on", "Enabled", onVersioning), wantsPolicy("policy", "good", onPolicy, onVersioning)
	mute, deaf := wantsStatus("mute", "Enabled", onPolicy), wantsStatus("deaf", "Enabled", "DeleteBucketPolicy")
	mute.Action = nil
	innocent := wantsStatus("innocent", "Enabled", onVersioning)
	innocent.Suspects = func(events.Event) ([]remediations.Resource, error) { return nil, nil }
	own := map[string][][]byte{
		"on":     {called(onVersioning)},
		"policy": {called(onPolicy), called(onPolicy)},
	}
	edges, err := moduletest.Edges([]*remediations.Module{on, policy, mute, deaf, innocent}, own)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"on writes (PutBucketVersioning), policy looks, and acts if it finds something",
		"policy writes (PutBucketPolicy), mute looks, and never acts",
	}
	var got []string
	for _, e := range edges {
		got = append(got, e.String())
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	own["policy"] = [][]byte{bytes.Replace(called(onVersioning), []byte("bucketName"), []byte("bucket"), 1)}
	if _, err := moduletest.Edges([]*remediations.Module{on, policy}, own); err == nil || !strings.Contains(err.Error(), "on, on an event of what policy writes") {
		t.Errorf("a module that can't read another's events: %v", err)
	}
}

func TestUnsettled(t *testing.T) {
	acts := func(from, to string) moduletest.Edge {
		return moduletest.Edge{From: from, To: to, Events: []string{onPolicy}, Acts: true}
	}
	joint := func(names ...string) moduletest.Joint {
		var j moduletest.Joint
		for _, name := range names {
			j.Modules = append(j.Modules, &remediations.Module{Name: name})
		}
		return j
	}
	circle := []moduletest.Edge{acts("a", "b"), acts("b", "c"), acts("c", "a"), acts("c", "d")}
	for name, c := range map[string]struct {
		edges  []moduletest.Edge
		joints []moduletest.Joint
		want   []string // parts of the errors
	}{
		"nothing":                     {nil, nil, nil},
		"a look":                      {[]moduletest.Edge{{From: "a", To: "b"}}, nil, nil},
		"an edge":                     {[]moduletest.Edge{acts("a", "b")}, nil, []string{"a writes (PutBucketPolicy), b looks"}},
		"an edge with another's":      {[]moduletest.Edge{acts("a", "b")}, []moduletest.Joint{joint("a", "c"), joint("b")}, []string{"a writes"}},
		"an edge that is shown":       {[]moduletest.Edge{acts("a", "b")}, []moduletest.Joint{joint("c", "b", "a")}, nil},
		"a circle of two":             {[]moduletest.Edge{acts("a", "b"), acts("b", "a")}, nil, []string{"a writes", "b writes", "this circle comes to rest: a, b"}},
		"a circle of two, shown":      {[]moduletest.Edge{acts("a", "b"), acts("b", "a")}, []moduletest.Joint{joint("a", "b")}, nil},
		"a circle, shown in pairs":    {circle, []moduletest.Joint{joint("a", "b"), joint("b", "c"), joint("c", "a"), joint("c", "d")}, []string{"this circle comes to rest: a, b, c"}},
		"a circle, shown as a whole":  {circle, []moduletest.Joint{joint("a", "b", "c"), joint("c", "d")}, nil},
		"a circle that a look breaks": {[]moduletest.Edge{acts("a", "b"), {From: "b", To: "a"}}, []moduletest.Joint{joint("a", "b")}, nil},
	} {
		errs := moduletest.Unsettled(c.edges, c.joints)
		if len(errs) != len(c.want) {
			t.Errorf("%s: %v, want %v", name, errs, c.want)
			continue
		}
		for i, err := range errs {
			if !strings.Contains(err.Error(), c.want[i]) {
				t.Errorf("%s: %v, want %q", name, err, c.want[i])
			}
		}
	}
}

func TestOwnEvents(t *testing.T) {
	parent := t.TempDir()
	m := &remediations.Module{Name: "door-open"}
	if _, err := moduletest.OwnEvents(parent, m); err == nil || !strings.Contains(err.Error(), "the test of door-open writes it, with -update") {
		t.Errorf("error %v", err)
	}
	folder := filepath.Join(parent, "dooropen", "testdata")
	for text, want := range map[string]int{"": 0, "{}\n": 1, "{}\n[]\n": 2} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "own.golden.jsonl"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if got, err := moduletest.OwnEvents(parent, m); err != nil || len(got) != want {
			t.Errorf("%q: %d events, %v, want %d", text, len(got), err, want)
		}
	}
}
