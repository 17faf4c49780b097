package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/engine"
)

// named is how many runs a backlog names, and alike how many of these by one principal that ended alike.
const (
	named = 200
	alike = 5
)

// folds checks what a store keeps of alerts.
func folds(t *testing.T, store engine.Store, prefix string) {
	t.Run("an alert is admitted once, and its run again", func(t *testing.T) { admitted(t, store, prefix+"admit") })
	t.Run("a window admits no more than it holds", func(t *testing.T) { window(t, store, prefix+"window") })
	t.Run("of many alerts at once, as many are admitted as the window holds", func(t *testing.T) { flood(t, store, prefix+"flood") })
	t.Run("what is folded is in the backlog", func(t *testing.T) { backlogged(t, store, prefix+"backlog") })
	t.Run("a backlog names so many runs, and counts the others", func(t *testing.T) { long(t, store, prefix+"long") })
	t.Run("what is told is gone, and what came since is not", func(t *testing.T) { told(t, store, prefix+"told") })
	t.Run("what is folded while it is told is told once", func(t *testing.T) { folding(t, store, prefix+"folding") })
}

func admission(key, about, run, window string) engine.Admission {
	return engine.Admission{Key: key, About: about, Run: run, Window: window, Most: 3, Expires: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}
}

func admit(t *testing.T, store engine.Store, a engine.Admission, want bool) {
	t.Helper()
	if got, err := store.Admit(t.Context(), a); got != want || err != nil {
		t.Errorf("%+v: admitted %t (%v), want %t", a, got, err, want)
	}
}

func admitted(t *testing.T, store engine.Store, key string) {
	admit(t, store, admission(key, "a", "one", "w"), true)
	admit(t, store, admission(key, "a", "two", "w"), false)
	admit(t, store, admission(key, "a", "two", "v"), false)
	admit(t, store, admission(key, "a", "one", "w"), true) // it could not be sent, and is tried again
	admit(t, store, admission(key, "b", "two", "w"), true)
	admit(t, store, admission(key+"-later", "a", "two", "w"), true)
}

func window(t *testing.T, store engine.Store, key string) {
	for i := range 3 {
		admit(t, store, admission(key, fmt.Sprint(i), "one", "w"), true)
	}
	admit(t, store, admission(key, "3", "one", "w"), false)
	admit(t, store, admission(key, "0", "one", "w"), true) // was admitted before
	admit(t, store, admission(key, "3", "one", "v"), true) // what was refused was not noted
}

func flood(t *testing.T, store engine.Store, key string) {
	var mu sync.Mutex
	var group sync.WaitGroup
	let := 0
	for i := range 12 {
		group.Go(func() {
			ok, err := store.Admit(context.WithoutCancel(t.Context()), admission(key, fmt.Sprint(i), "run", "w"))
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if ok {
				let++
			}
		})
	}
	group.Wait()
	if let != 3 {
		t.Errorf("%d were admitted, want 3", let)
	}
}

func folded(module, run string, outcome engine.Outcome, critical bool) engine.Folded {
	return engine.Folded{
		Module: module, Severity: remediations.High, Run: run, Outcome: outcome, Resource: "AWS::S3::Bucket ledger <1>",
		Principal: "arn:aws:iam::111122223333:user/" + run, Critical: critical, At: time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC),
	}
}

func fold(t *testing.T, store engine.Store, alerts ...engine.Folded) {
	t.Helper()
	for _, f := range alerts {
		if err := store.Fold(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
}

func backlog(t *testing.T, store engine.Store, module string) *engine.Backlog {
	t.Helper()
	d, err := store.Backlog(t.Context(), module)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func compare(t *testing.T, want, got *engine.Backlog) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(engine.Backlog{}, "Mark"), cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}

func backlogged(t *testing.T, store engine.Store, module string) {
	compare(t, nil, backlog(t, store, module))
	one, two := folded(module, "one", engine.Remediated, false), folded(module, "two", engine.Unverified, true)
	fold(t, store, two, one, folded(module+"-other", "three", engine.Remediated, false))
	want := &engine.Backlog{
		Module: module, Severity: remediations.High, Times: 2, Critical: 1,
		Outcomes: map[engine.Outcome]int{engine.Remediated: 1, engine.Unverified: 1}, Runs: []engine.Folded{one, two},
	}
	compare(t, want, backlog(t, store, module))
	fold(t, store, one) // a retry, whose first try had come so far
	compare(t, want, backlog(t, store, module))
}

func long(t *testing.T, store engine.Store, module string) {
	for i := range named + 2 {
		fold(t, store, folded(module, fmt.Sprintf("run%03d", i), engine.Remediated, false))
	}
	d := backlog(t, store, module)
	if d.Times != named+2 || d.Outcomes[engine.Remediated] != named+2 || len(d.Runs) != named {
		t.Errorf("%d alerts, outcomes %v, %d runs", d.Times, d.Outcomes, len(d.Runs))
	}
	tell(t, store, d)
	ofBob := func(run string, outcome engine.Outcome) engine.Folded {
		f := folded(module, run, outcome, false)
		f.Principal = "arn:aws:iam::111122223333:user/bob"
		return f
	}
	for i := range alike + 3 { // nobody's many keep others from being named
		fold(t, store, ofBob(fmt.Sprintf("run%03d", i), engine.Limited))
	}
	fold(t, store, ofBob("worse", engine.Failed), folded(module, "eve", engine.Limited, false))
	d = backlog(t, store, module)
	if d.Times != alike+5 || len(d.Runs) != alike+2 || d.Runs[0].Run != "eve" || d.Runs[alike+1].Run != "worse" {
		t.Errorf("%d alerts, runs %+v", d.Times, d.Runs)
	}
	tell(t, store, d)
	fold(t, store, ofBob("again", engine.Limited))
	if d = backlog(t, store, module); len(d.Runs) != 1 {
		t.Errorf("what was told made no room: %+v", d.Runs)
	}
}

func tell(t *testing.T, store engine.Store, d *engine.Backlog) {
	t.Helper()
	if err := store.Told(t.Context(), d); err != nil {
		t.Fatal(err)
	}
}

func told(t *testing.T, store engine.Store, module string) {
	one, two, three := folded(module, "one", engine.Remediated, false), folded(module, "two", engine.Failed, true), folded(module, "three", engine.Failed, true)
	fold(t, store, one, two)
	first := backlog(t, store, module)
	tell(t, store, first)
	compare(t, nil, backlog(t, store, module))
	tell(t, store, first) // by a function that was slower: there is nothing left

	fold(t, store, one, two)
	tell(t, store, first) // another backlog, though it reads the same
	second := backlog(t, store, module)
	if second == nil || second.Times != 2 {
		t.Fatalf("a backlog was taken out that nobody has told: %+v", second)
	}
	fold(t, store, three)
	tell(t, store, second)
	rest := &engine.Backlog{
		Module: module, Severity: remediations.High, Times: 1, Critical: 1, Outcomes: map[engine.Outcome]int{engine.Failed: 1}, Runs: []engine.Folded{three},
	}
	compare(t, rest, backlog(t, store, module))
	tell(t, store, second)
	compare(t, rest, backlog(t, store, module))
	tell(t, store, backlog(t, store, module))
	compare(t, nil, backlog(t, store, module))

	// What is told makes room for other names.
	for i := range named {
		fold(t, store, folded(module, fmt.Sprintf("run%03d", i), engine.Remediated, false))
	}
	full := backlog(t, store, module)
	fold(t, store, folded(module, "unnamed", engine.Remediated, false))
	tell(t, store, full)
	fold(t, store, one)
	compare(t, &engine.Backlog{
		Module: module, Severity: remediations.High, Times: 2, Outcomes: map[engine.Outcome]int{engine.Remediated: 2}, Runs: []engine.Folded{one},
	}, backlog(t, store, module))
}

func folding(t *testing.T, store engine.Store, module string) {
	const alerts = 30
	var group sync.WaitGroup
	for i := range alerts {
		group.Go(func() {
			if err := store.Fold(context.WithoutCancel(t.Context()), folded(module, fmt.Sprint(i), engine.Remediated, i%2 == 0)); err != nil {
				t.Error(err)
			}
		})
	}
	times, runs := 0, map[string]int{}
	take := func() {
		d := backlog(t, store, module)
		if d == nil {
			return
		}
		tell(t, store, d)
		times += d.Times
		for _, f := range d.Runs {
			runs[f.Run]++
		}
	}
	for range 5 {
		take()
	}
	group.Wait()
	take()
	if times != alerts || len(runs) != alerts {
		t.Errorf("%d alerts of %d runs were told, want %d", times, len(runs), alerts)
	}
	compare(t, nil, backlog(t, store, module))
}
