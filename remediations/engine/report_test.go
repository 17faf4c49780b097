package engine_test

import (
	"os"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/engine"
)

func TestReport(t *testing.T) {
	began := doorRun().Started
	for name, test := range map[string]struct {
		change  func(*engine.Record)
		undone  *engine.Record
		unknown bool // the module is gone
	}{
		"remediated": {},
		"unknown":    {unknown: true},
		"clean": {change: func(r *engine.Record) {
			r.Outcome, r.Touched, r.Reason, r.Before, r.After, r.Alert = engine.Clean, false, "", nil, nil, ""
		}},
		"exempt": {change: func(r *engine.Record) {
			r.Outcome, r.Touched, r.Alert = engine.Exempt, false, ""
			r.Exemption = &engine.Exemption{Owner: "web team", Until: "until 2026-06-01, 92 days left", Reason: "the porter sits there", Matched: "resource front"}
		}},
		"contested": {change: func(r *engine.Record) {
			r.Outcome, r.Touched, r.Limit = engine.Contested, false, "3 times that this was put right since 00:00 UTC"
			r.Rivals = []string{"arn:aws:iam::111122223333:user/bob", "arn:aws:iam::111122223333:role/Pipe\nline"}
		}},
		"failed": {change: func(r *engine.Record) {
			r.Outcome, r.Error, r.Alert, r.Attempt = engine.Failed, "action: shut door: AccessDenied", "", 2
			r.Calls = []engine.Call{{Action: "s3:PutBucketPolicy", Write: true, Error: "AccessDenied"}, {Action: "s3:DeleteBucket", Error: "not declared\nby the module", Fenced: true}}
		}},
		"started": {change: func(r *engine.Record) {
			r.Outcome, r.Ended, r.Lease, r.Alert, r.Calls = engine.Started, time.Time{}, began.Add(50*time.Second), "", nil
		}},
		"partial": {change: func(r *engine.Record) {
			r.Outcome, r.Left, r.LeftFix = engine.Partial, "the door has no lock", "house fit-lock --id front"
		}},
		"replay": {change: func(r *engine.Record) {
			r.Outcome, r.Mode, r.Touched, r.Replay, r.Alert = engine.Observed, remediations.Observe, false, "last\x1b[2Jweek", ""
		}},
		"stopped": {change: func(r *engine.Record) {
			r.Outcome, r.Mode, r.Touched, r.Alert = engine.Observed, remediations.Observe, false, ""
			r.Lowered = "observe instead of enforce: stopped at observe by arn:aws:iam::111122223333:user/olga since 2026-03-01 09:00:00 UTC: a\nmigration"
		}},
		"stale": {change: func(r *engine.Record) {
			r.Outcome, r.Touched, r.Reason, r.Before, r.After, r.Alert = engine.Stale, false, "", nil, nil, ""
			r.LaterEvent = began.Add(-time.Second)
		}},
		"takenback":  {undone: &engine.Record{ID: "door-open-0123456789abcdef0123-undo", Outcome: engine.Undone, Ended: began.Add(time.Hour), Principal: "arn:aws:iam::111122223333:user/olga"}},
		"undofailed": {undone: &engine.Record{ID: "door-open-0123456789abcdef0123-undo", Outcome: engine.Failed}},
		"undo": {change: func(r *engine.Record) {
			r.Undoes, r.ID, r.Outcome = r.ID, remediations.UndoRow(r.ID), engine.Undone
			r.EventID, r.EventName, r.EventTime, r.Principal, r.Name = "", "", time.Time{}, "arn:aws:iam::111122223333:user/olga", "olga"
			r.Before, r.After, r.Alert = r.After, r.Before, ""
		}},
	} {
		t.Run(name, func(t *testing.T) {
			r := doorRun()
			r.Attempt, r.Ended, r.Alert = 1, began.Add(1234*time.Millisecond), engine.AlertSent
			r.Calls = []engine.Call{{Action: "s3:GetBucketPolicy"}, {Action: "s3:PutBucketPolicy", Write: true}}
			if test.change != nil {
				test.change(&r)
			}
			module := (&door{}).module()
			module.Undo = module.Action
			if test.unknown {
				module = nil
			}
			golden(t, "report-"+name, engine.Report(module, &r, test.undone))
		})
	}
}

// A new outcome needs a sentence, and an entry in Recorded if records can have it.
func TestEveryOutcomeIsKnown(t *testing.T) {
	source, err := os.ReadFile("outcome.go")
	if err != nil {
		t.Fatal(err)
	}
	outcomes := regexp.MustCompile(`Outcome = "(\w+)"`).FindAllStringSubmatch(string(source), -1)
	if len(outcomes) < 13 {
		t.Fatalf("outcome.go has %d outcomes", len(outcomes))
	}
	logged := []engine.Outcome{engine.NoMatch, engine.Rejected, engine.Duplicate}
	for _, m := range outcomes {
		o := engine.Outcome(m[1])
		if o.Meaning() == engine.Outcome("?").Meaning() {
			t.Errorf("%s has no meaning", o)
		}
		if slices.Contains(engine.Recorded(), o) == slices.Contains(logged, o) {
			t.Errorf("%s: is it recorded, or in the log only?", o)
		}
	}
}
