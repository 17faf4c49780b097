package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/engine"
	"github.com/countermand/countermand/remediations/modules"
	"github.com/countermand/countermand/scripts/internal/trail"
)

const (
	mallory  = "arn:aws:iam::111122223333:user/mallory"
	function = "arn:aws:sts::111122223333:assumed-role/countermand-s3-public-policy/countermand-s3-public-policy"
)

// record is the run of a module that put a resource right with one call.
func record(module, resource, event string) engine.Record {
	return engine.Record{
		Module: module, Resource: remediations.Resource{ID: resource}, EventID: event, Outcome: engine.Remediated, Alert: engine.AlertSent,
		Calls: []engine.Call{{Action: "s3:GetBucketPolicy"}, {Action: "s3:PutBucketPolicy", Write: true}},
	}
}

func TestRemediated(t *testing.T) {
	call := trail.Event{ID: "e1"}
	good := record("s3-public-policy", "photos", "e1")
	failed, silent := good, good
	failed.Outcome, failed.Error = engine.Failed, "guard: throttled"
	silent.Alert = engine.AlertPending
	tests := []struct {
		name    string
		records []engine.Record
		want    string // of the error; empty for none
	}{
		{"one run", []engine.Record{good, record("tag-on-create", "photos", "e1"), record("s3-public-policy", "other", "e1")}, ""},
		{"none", nil, "expected 1 run of s3-public-policy\nfound 0"},
		{"of another call", []engine.Record{record("s3-public-policy", "photos", "e2")}, "found 0"},
		{"two", []engine.Record{good, good}, "found 2"},
		{"failed", []engine.Record{failed}, `found Failed, alert "sent", error "guard: throttled"`},
		{"nobody was told", []engine.Record{silent}, `found Remediated, alert "pending"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			done, err := remediated(test.records, "s3-public-policy", []string{"photos"}, call)
			if test.want == "" {
				if err != nil || len(done) != 1 || done[0].Resource.ID != "photos" {
					t.Errorf("got %+v, %v", done, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got error %v, want %q", err, test.want)
			}
		})
	}
}

func TestStruck(t *testing.T) {
	attack := trail.Event{ID: "e1", Name: "PutBucketPolicy", Principal: mallory}
	answer := trail.Event{ID: "e2", Name: "PutBucketPolicy", Principal: function}
	if got, err := struck([]trail.Event{answer, attack}, "PutBucketPolicy"); err != nil || got.ID != "e1" {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, events := range [][]trail.Event{nil, {answer}, {attack, attack}} {
		if _, err := struck(events, "PutBucketPolicy"); err == nil {
			t.Errorf("no error for %+v", events)
		}
	}
}

func TestSettled(t *testing.T) {
	attack := trail.Event{Name: "PutBucketPolicy", Principal: mallory}
	answer := trail.Event{Name: "PutBucketPolicy", Principal: function}
	stray := trail.Event{Name: "CreateTags", Principal: strings.ReplaceAll(function, "s3-public-policy", "tag-on-create")}
	right := record("s3-public-policy", "photos", "e1")
	clean := engine.Record{Module: "s3-public-policy", Outcome: engine.Clean}
	unverified := right
	unverified.Outcome = engine.Unverified
	fenced := right
	fenced.Calls = append(fenced.Calls, engine.Call{Action: "s3:DeleteBucketPolicy", Write: true, Fenced: true})
	tests := []struct {
		name    string
		records []engine.Record
		events  []trail.Event
		want    string // of the error; empty for none
	}{
		{"as it should be", []engine.Record{right, clean}, []trail.Event{attack, answer}, ""},
		{"a call that never left", []engine.Record{fenced, clean}, []trail.Event{attack, answer}, ""},
		{"a loop", []engine.Record{right, right}, []trail.Event{attack, answer, answer}, "found 2: something is put right again and again"},
		{"nothing", nil, []trail.Event{attack}, "found 0"},
		{"still wrong", []engine.Record{right, unverified}, []trail.Event{attack, answer, answer}, "found Unverified"},
		{"a call that no record owns up to", []engine.Record{right}, []trail.Event{attack, answer, answer}, "expected the 1 calls that write of s3-public-policy's run records\nfound 2"},
		{"a call of a module without a run", []engine.Record{right}, []trail.Event{attack, answer, stray}, "expected the 0 calls that write of tag-on-create"},
		{"a call that left no event", []engine.Record{right}, []trail.Event{attack}, "found 0 in the trail"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			own, err := settled(test.records, test.events, 1)
			switch {
			case test.want == "" && (err != nil || own != 1):
				t.Errorf("got %d, %v", own, err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("got error %v, want %q", err, test.want)
			}
		})
	}
}

// Taking a run back is heard of, and let be.
func TestExempted(t *testing.T) {
	at := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	of := func(o engine.Outcome, minute int, undoes string) engine.Record {
		r := engine.Record{Outcome: o, Started: at.Add(time.Duration(minute) * time.Minute), Undoes: undoes, Resource: remediations.Resource{ID: "photos"}}
		if undoes == "" {
			r.EventName = "PutBucketPolicy"
		}
		return r
	}
	undone := of(engine.Remediated, 0, "")
	undone.ID = "run-1"
	undo, heard, other := of(engine.Undone, 1, "run-1"), of(engine.Exempt, 1, ""), of(engine.Exempt, 1, "")
	other.Resource.ID = "films"
	exemption := engine.Exemption{Owner: "olga", Reason: "the invoices are samples", Expires: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC), Matched: "resource photos"}
	heard.Exemption = &exemption
	but := func(change func(*engine.Exemption)) engine.Record {
		r, x := heard, exemption
		change(&x)
		r.Exemption = &x
		return r
	}
	unsaid := heard
	unsaid.Exemption = nil
	for name, test := range map[string]struct {
		records []engine.Record
		right   bool
	}{
		"as it should be":    {[]engine.Record{undone, undo, heard, other}, true},
		"not heard of":       {[]engine.Record{undone, undo, other}, false},
		"not recorded":       {[]engine.Record{undone, heard}, false},
		"failed":             {[]engine.Record{undone, of(engine.Failed, 1, "run-1"), heard}, false},
		"undo of another":    {[]engine.Record{undone, of(engine.Undone, 1, "run-2"), heard}, false},
		"taken back again":   {[]engine.Record{undone, undo, heard, of(engine.Remediated, 2, "")}, false},
		"exempt long before": {[]engine.Record{undone, undo, of(engine.Exempt, -5, "")}, false},
		"no exemption":       {[]engine.Record{undone, undo, unsaid}, false},
		"another owner":      {[]engine.Record{undone, undo, but(func(x *engine.Exemption) { x.Owner = "bob" })}, false},
		"another reason":     {[]engine.Record{undone, undo, but(func(x *engine.Exemption) { x.Reason = "" })}, false},
		"another end":        {[]engine.Record{undone, undo, but(func(x *engine.Exemption) { x.Expires = x.Expires.AddDate(0, 0, 1) })}, false},
		"another exemption":  {[]engine.Record{undone, undo, but(func(x *engine.Exemption) { x.Matched = "tag public=approved" })}, false},
	} {
		left, err := exempted(test.records, undone)
		if (err == nil) != test.right || test.right && left.Outcome != engine.Exempt {
			t.Errorf("%s: %s, %v", name, left.Outcome, err)
		}
	}
}

func TestEnded(t *testing.T) {
	call := trail.Event{ID: "e1"}
	right, other, later := record("s3-public-policy", "photos", "e1"), record("s3-public-policy", "films", "e1"), record("s3-public-policy", "photos", "e2")
	observed, another := right, right
	observed.Outcome = engine.Observed
	another.Module, another.Outcome = "s3-external-policy", engine.Clean
	if r, err := ended([]engine.Record{other, another, right, later}, right.Module, "photos", call, engine.Remediated); err != nil || r.Resource.ID != "photos" || r.EventID != "e1" {
		t.Errorf("%+v, %v", r, err)
	}
	for name, records := range map[string][]engine.Record{"none": {other, another, later}, "otherwise": {observed}, "twice": {right, right}} {
		if _, err := ended(records, right.Module, "photos", call, engine.Remediated); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// The last thing that was wrong is what a story ends with, not that time was up while it was looked at.
func TestEventually(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		looks := 0
		err := eventually(ctx, func() error {
			looks++
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return errors.New("expected 1, found 0")
		})
		if err == nil || err.Error() != "expected 1, found 0" || looks < 2 {
			t.Errorf("got %v after %d looks", err, looks)
		}
		if err := eventually(ctx, func() error { return nil }); err != nil {
			t.Error(err)
		}
	})
}

// The forged event has to be refused for its source alone: everything else about it is in order.
func TestForgery(t *testing.T) {
	text, err := forgery()
	if err != nil {
		t.Fatal(err)
	}
	event, err := events.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if event.Authentic() == nil {
		t.Error("it passes for an event of CloudTrail")
	}
	event.Source = "aws.s3"
	if err := event.Authentic(); err != nil {
		t.Error(err)
	}
}

// A new module is deployed in the sandbox as well, as far as it goes.
func TestConfigurationHasEveryModule(t *testing.T) {
	text := configured()
	for _, m := range modules.All() {
		mode := "alert"
		if m.Action != nil {
			mode = "enforce"
		}
		if !strings.Contains(text, "\n  "+m.Name+": {mode: "+mode+"}\n") {
			t.Errorf("%s is not deployed in mode %s", m.Name, mode)
		}
	}
	for _, line := range []string{"account: \"" + account + "\"\n", "region: " + region + "\n"} {
		if !strings.Contains(text, line) {
			t.Errorf("the configuration does not say %q", line)
		}
	}
	if strings.Contains(text, "${") {
		t.Errorf("something is left to be filled in:\n%s", text)
	}
}

// The statements of the attack are what the check compares with: a policy that is no JSON would compare as
// different for ever.
func TestPolicies(t *testing.T) {
	for _, policy := range []string{policyOf(legitimate), policyOf(legitimate, public)} {
		if !json.Valid([]byte(policy)) {
			t.Errorf("not JSON: %s", policy)
		}
	}
	if sameJSON(policyOf(legitimate), policyOf(legitimate, public)) || !sameJSON(`{"a":1,"b":2}`, `{"b": 2, "a": 1}`) {
		t.Error("policies are not compared by meaning")
	}
}

func TestDifference(t *testing.T) {
	s := &story{}
	for _, test := range []struct{ before, after, want string }{
		{"a\nb\nc\n", "a\nc\n", "      a\n     -b\n      c"},
		{"a\n", "a\n", "     a"},
		{"off\n", "on\n", "     -off\n     +on"},
	} {
		if got := s.difference(test.before, test.after); got != test.want {
			t.Errorf("difference(%q, %q) is\n%s\nwant\n%s", test.before, test.after, got, test.want)
		}
	}
}

func TestRepeatedIsFolded(t *testing.T) {
	before := []engine.Record{{ID: "one", Module: "m", Outcome: engine.Remediated, Alert: engine.AlertSent}}
	second := engine.Record{ID: "two", Module: "m", Outcome: engine.Remediated, Alert: engine.AlertFolded}
	if got, err := repeated(append(before, second), "m", before); err != nil || got.ID != "two" {
		t.Errorf("%s (%v)", got.ID, err)
	}
	sent, other, failed, third := second, second, second, second
	sent.Alert, other.Module, failed.Outcome, third.ID = engine.AlertSent, "n", engine.Failed, "three"
	for name, records := range map[string][]engine.Record{
		"sent": {sent}, "another module's": {other}, "failed": {failed}, "two": {second, third}, "none": nil,
	} {
		if _, err := repeated(append(records, before...), "m", before); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	summary := mail{Kind: engine.SummaryKind, Folded: &engine.FoldedFacts{Times: 1, Runs: []engine.FoldedAlert{{Run: "two"}}}}
	if err := summarized([]mail{summary}, second); err != nil {
		t.Error(err)
	}
	for name, mails := range map[string][]mail{
		"no mail": nil, "two": {summary, summary}, "an alert": {{Kind: engine.AlertKind, Run: "two"}}, "of another": {{Kind: engine.SummaryKind, Folded: &engine.FoldedFacts{Times: 1, Runs: []engine.FoldedAlert{{Run: "one"}}}}},
	} {
		if err := summarized(mails, second); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
