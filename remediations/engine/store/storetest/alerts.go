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

// maxRuns is how many runs a backlog names, and maxGroupRuns how many of one principal and outcome.
const (
	maxRuns      = 200
	maxGroupRuns = 5
)

// alertContract checks what a store keeps of alerts.
func alertContract(t *testing.T, store engine.Store, prefix string) {
	t.Run("an alert is claimed by one run", func(t *testing.T) { testClaims(t, store, prefix+"admit") })
	t.Run("a window is bounded", func(t *testing.T) { testWindow(t, store, prefix+"window") })
	t.Run("a window is bounded under concurrency", func(t *testing.T) { testFlood(t, store, prefix+"flood") })
	t.Run("folded alerts are in the backlog", func(t *testing.T) { testBacklog(t, store, prefix+"backlog") })
	t.Run("a backlog names a bounded number of runs", func(t *testing.T) { testLongBacklog(t, store, prefix+"long") })
	t.Run("clearing keeps newer alerts", func(t *testing.T) { testClear(t, store, prefix+"told") })
	t.Run("concurrent folds are cleared once", func(t *testing.T) { testFoldWhileCleared(t, store, prefix+"folding") })
}

// alertClaim returns a claim in a window of three alerts.
func alertClaim(key, about, run, window string) engine.AlertClaim {
	return engine.AlertClaim{Key: key, About: about, Run: run, Window: window, Most: 3, Expires: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}
}

// claimAlert claims an alert and checks the answer.
func claimAlert(t *testing.T, store engine.Store, a engine.AlertClaim, want bool) {
	t.Helper()
	if got, err := store.ClaimAlert(t.Context(), a); got != want || err != nil {
		t.Errorf("%+v: claimed %t (%v), want %t", a, got, err, want)
	}
}

// testClaims checks that an alert is claimed by one run, which may claim it again.
func testClaims(t *testing.T, store engine.Store, key string) {
	claimAlert(t, store, alertClaim(key, "a", "one", "w"), true)
	claimAlert(t, store, alertClaim(key, "a", "two", "w"), false)
	claimAlert(t, store, alertClaim(key, "a", "two", "v"), false)
	claimAlert(t, store, alertClaim(key, "a", "one", "w"), true) // a retry of an alert that could not be sent
	claimAlert(t, store, alertClaim(key, "b", "two", "w"), true)
	claimAlert(t, store, alertClaim(key+"-later", "a", "two", "w"), true)
}

// testWindow checks that a window allows three alerts.
func testWindow(t *testing.T, store engine.Store, key string) {
	for i := range 3 {
		claimAlert(t, store, alertClaim(key, fmt.Sprint(i), "one", "w"), true)
	}
	claimAlert(t, store, alertClaim(key, "3", "one", "w"), false)
	claimAlert(t, store, alertClaim(key, "0", "one", "w"), true) // claimed before
	claimAlert(t, store, alertClaim(key, "3", "one", "v"), true) // a refused claim leaves no trace
}

// testFlood checks the same for concurrent claims.
func testFlood(t *testing.T, store engine.Store, key string) {
	var mu sync.Mutex
	var group sync.WaitGroup
	claimed := 0
	for i := range 12 {
		group.Go(func() {
			ok, err := store.ClaimAlert(context.WithoutCancel(t.Context()), alertClaim(key, fmt.Sprint(i), "run", "w"))
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if ok {
				claimed++
			}
		})
	}
	group.Wait()
	if claimed != 3 {
		t.Errorf("%d were claimed, want 3", claimed)
	}
}

// foldedAlert returns an alert whose principal is named like the run.
func foldedAlert(module, run string, outcome engine.Outcome, critical bool) engine.FoldedAlert {
	return engine.FoldedAlert{
		Module: module, Severity: remediations.High, Run: run, Outcome: outcome, Resource: "AWS::S3::Bucket ledger <1>",
		Principal: "arn:aws:iam::111122223333:user/" + run, Critical: critical, At: time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC),
	}
}

// foldAlerts folds alerts.
func foldAlerts(t *testing.T, store engine.Store, alerts ...engine.FoldedAlert) {
	t.Helper()
	for _, f := range alerts {
		if err := store.FoldAlert(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
}

// getBacklog returns a module's backlog.
func getBacklog(t *testing.T, store engine.Store, module string) *engine.Backlog {
	t.Helper()
	backlog, err := store.Backlog(t.Context(), module)
	if err != nil {
		t.Fatal(err)
	}
	return backlog
}

// compare compares two backlogs, marks aside.
func compare(t *testing.T, want, got *engine.Backlog) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(engine.Backlog{}, "Mark"), cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}

// testBacklog checks what a backlog contains.
func testBacklog(t *testing.T, store engine.Store, module string) {
	compare(t, nil, getBacklog(t, store, module))
	one, two := foldedAlert(module, "one", engine.Remediated, false), foldedAlert(module, "two", engine.Unverified, true)
	foldAlerts(t, store, two, one, foldedAlert(module+"-other", "three", engine.Remediated, false))
	want := &engine.Backlog{
		Module: module, Severity: remediations.High, Times: 2, Critical: 1,
		Outcomes: map[engine.Outcome]int{engine.Remediated: 1, engine.Unverified: 1}, Runs: []engine.FoldedAlert{one, two},
	}
	compare(t, want, getBacklog(t, store, module))
	foldAlerts(t, store, one) // a retry
	compare(t, want, getBacklog(t, store, module))
}

// testLongBacklog checks that a backlog names a bounded number of runs, in total and of one group.
func testLongBacklog(t *testing.T, store engine.Store, module string) {
	for i := range maxRuns + 2 {
		foldAlerts(t, store, foldedAlert(module, fmt.Sprintf("run%03d", i), engine.Remediated, false))
	}
	backlog := getBacklog(t, store, module)
	if backlog.Times != maxRuns+2 || backlog.Outcomes[engine.Remediated] != maxRuns+2 || len(backlog.Runs) != maxRuns {
		t.Errorf("%d alerts, outcomes %v, %d runs", backlog.Times, backlog.Outcomes, len(backlog.Runs))
	}
	clearBacklog(t, store, backlog)
	ofBob := func(run string, outcome engine.Outcome) engine.FoldedAlert {
		f := foldedAlert(module, run, outcome, false)
		f.Principal = "arn:aws:iam::111122223333:user/bob"
		return f
	}
	for i := range maxGroupRuns + 3 { // one principal's many runs do not hide others
		foldAlerts(t, store, ofBob(fmt.Sprintf("run%03d", i), engine.Limited))
	}
	foldAlerts(t, store, ofBob("worse", engine.Failed), foldedAlert(module, "eve", engine.Limited, false))
	backlog = getBacklog(t, store, module)
	if backlog.Times != maxGroupRuns+5 || len(backlog.Runs) != maxGroupRuns+2 || backlog.Runs[0].Run != "eve" || backlog.Runs[maxGroupRuns+1].Run != "worse" {
		t.Errorf("%d alerts, runs %+v", backlog.Times, backlog.Runs)
	}
	clearBacklog(t, store, backlog)
	foldAlerts(t, store, ofBob("again", engine.Limited))
	if backlog = getBacklog(t, store, module); len(backlog.Runs) != 1 {
		t.Errorf("clearing made no room: %+v", backlog.Runs)
	}
}

// clearBacklog removes a backlog.
func clearBacklog(t *testing.T, store engine.Store, backlog *engine.Backlog) {
	t.Helper()
	if err := store.ClearBacklog(t.Context(), backlog); err != nil {
		t.Fatal(err)
	}
}

// testClear checks that clearing removes what was read, and nothing else.
func testClear(t *testing.T, store engine.Store, module string) {
	one, two, three := foldedAlert(module, "one", engine.Remediated, false), foldedAlert(module, "two", engine.Failed, true), foldedAlert(module, "three", engine.Failed, true)
	foldAlerts(t, store, one, two)
	first := getBacklog(t, store, module)
	clearBacklog(t, store, first)
	compare(t, nil, getBacklog(t, store, module))
	clearBacklog(t, store, first) // by a slower function: nothing is left

	foldAlerts(t, store, one, two)
	clearBacklog(t, store, first) // another backlog with the same content
	second := getBacklog(t, store, module)
	if second == nil || second.Times != 2 {
		t.Fatalf("a backlog was cleared that nobody has sent: %+v", second)
	}
	foldAlerts(t, store, three)
	clearBacklog(t, store, second)
	rest := &engine.Backlog{
		Module: module, Severity: remediations.High, Times: 1, Critical: 1, Outcomes: map[engine.Outcome]int{engine.Failed: 1}, Runs: []engine.FoldedAlert{three},
	}
	compare(t, rest, getBacklog(t, store, module))
	clearBacklog(t, store, second)
	compare(t, rest, getBacklog(t, store, module))
	clearBacklog(t, store, getBacklog(t, store, module))
	compare(t, nil, getBacklog(t, store, module))

	// Clearing makes room for other runs.
	for i := range maxRuns {
		foldAlerts(t, store, foldedAlert(module, fmt.Sprintf("run%03d", i), engine.Remediated, false))
	}
	full := getBacklog(t, store, module)
	foldAlerts(t, store, foldedAlert(module, "unnamed", engine.Remediated, false))
	clearBacklog(t, store, full)
	foldAlerts(t, store, one)
	compare(t, &engine.Backlog{
		Module: module, Severity: remediations.High, Times: 2, Outcomes: map[engine.Outcome]int{engine.Remediated: 2}, Runs: []engine.FoldedAlert{one},
	}, getBacklog(t, store, module))
}

// testFoldWhileCleared checks that each of many alerts is in exactly one of several backlogs.
func testFoldWhileCleared(t *testing.T, store engine.Store, module string) {
	const alerts = 30
	var group sync.WaitGroup
	for i := range alerts {
		group.Go(func() {
			if err := store.FoldAlert(context.WithoutCancel(t.Context()), foldedAlert(module, fmt.Sprint(i), engine.Remediated, i%2 == 0)); err != nil {
				t.Error(err)
			}
		})
	}
	times, runs := 0, map[string]int{}
	take := func() {
		backlog := getBacklog(t, store, module)
		if backlog == nil {
			return
		}
		clearBacklog(t, store, backlog)
		times += backlog.Times
		for _, f := range backlog.Runs {
			runs[f.Run]++
		}
	}
	for range 5 {
		take()
	}
	group.Wait()
	take()
	if times != alerts || len(runs) != alerts {
		t.Errorf("%d alerts of %d runs were cleared, want %d", times, len(runs), alerts)
	}
	compare(t, nil, getBacklog(t, store, module))
}
