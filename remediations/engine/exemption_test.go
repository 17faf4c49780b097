package engine_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/engine"
)

const frontARN = "arn:aws:s3:::front"

// exempted returns a house whose doors have an ARN, with exemptions and the tags of the front door. asked counts the
// look-ups.
func exempted(mode remediations.Mode, tags map[string]string, asked *int, exemptions ...remediations.Exemption) *house {
	h := newHouse(mode)
	h.door.typ = "AWS::S3::Bucket"
	for _, x := range exemptions {
		x.Module, x.Owner, x.Reason = "door-open", "porters", "deliveries"
		if x.Expires.IsZero() {
			x.Expires = h.now.AddDate(0, 3, 0)
		}
		h.Exemptions = append(h.Exemptions, x)
	}
	h.Tags = func(_ context.Context, region, arn string) (map[string]string, error) {
		*asked++
		if region != "eu-west-1" || arn != frontARN {
			return nil, errors.New("there is no " + arn + " in " + region)
		}
		return tags, nil
	}
	return h
}

func TestExemptions(t *testing.T) {
	const bob, eve = "arn:aws:iam::111122223333:user/bob", "arn:aws:iam::111122223333:user/eve"
	type x = remediations.Exemption
	soon := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name       string
		exemptions []x
		want       engine.Outcome
		matched    string // in the record
		asked      int
	}{
		{"by its ARN", []x{{Resource: "arn:aws:s3:::fr*"}}, engine.Exempt, "resource arn:aws:s3:::fr*", 0},
		{"by another's ARN", []x{{Resource: "arn:aws:s3:::fro"}}, engine.Remediated, "", 0},
		{"by its account", []x{{Account: "111122223333"}}, engine.Exempt, "account 111122223333", 0},
		{"by another account", []x{{Account: "444455556666"}}, engine.Remediated, "", 0},
		{"by who made the call", []x{{Principal: bob}}, engine.Exempt, "principal " + bob, 0},
		{"another principal", []x{{Principal: eve}}, engine.Remediated, "", 0},
		{"by its tag", []x{{Tag: "public=approved"}}, engine.Exempt, "tag public=approved", 1},
		{"by another value of its tag", []x{{Tag: "public=approve"}}, engine.Remediated, "", 1},
		{"by a tag that it has not", []x{{Tag: "private="}}, engine.Remediated, "", 1},
		{"by everything", []x{{Resource: "front", Account: "111122223333", Principal: bob, Tag: "public=approved"}}, engine.Exempt,
			"resource front, account 111122223333, principal " + bob + ", tag public=approved", 1},
		{"by everything but who made the call", []x{{Resource: "front", Account: "111122223333", Principal: eve, Tag: "public=approved"}}, engine.Remediated, "", 0},
		{"by everything but its tag", []x{{Resource: "front", Account: "111122223333", Principal: bob, Tag: "public=no"}}, engine.Remediated, "", 1},
		{"no look-up without need", []x{{Tag: "public=approved"}, {Resource: "front"}}, engine.Exempt, "resource front", 0},
		{"one look-up for all", []x{{Tag: "a=b"}, {Tag: "public=approved"}}, engine.Exempt, "tag public=approved", 1},
		{"of those that cover it the last to end", []x{{Account: "111122223333", Expires: soon}, {Resource: "front"}, {Principal: bob, Expires: soon}}, engine.Exempt, "resource front", 0},
		{"no look-up for one that is over", []x{{Tag: "public=approved", Expires: soon.AddDate(0, 0, -1)}}, engine.Remediated, "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			asked := 0
			h := exempted(remediations.Enforce, map[string]string{"public": "approved"}, &asked, c.exemptions...)
			r, err := h.deliver(t, opened())
			if err != nil || r.Outcome != c.want || h.door.open != (c.want == engine.Exempt) {
				t.Errorf("outcome %s (%v), open %t, want %s", r.Outcome, err, h.door.open, c.want)
			}
			if asked != c.asked {
				t.Errorf("tags were looked up %d times, want %d", asked, c.asked)
			}
			kept := h.kept(t, r.ID)
			if (kept.Exemption != nil) != (c.matched != "") {
				t.Fatalf("the record's exemption is %+v", kept.Exemption)
			}
			if x := kept.Exemption; x != nil {
				want := engine.Exemption{Owner: "porters", Reason: "deliveries", Expires: h.now.AddDate(0, 3, 0), Until: "until 2026-06-01, 92 days left", Matched: c.matched}
				if *x != want {
					t.Errorf("the record's exemption is %+v, want %+v", *x, want)
				}
			}
		})
	}
}

// An unknown answer is not "not exempt": nothing is done, and the run fails, so that it is retried and raises an alarm.
func TestUnclearExemption(t *testing.T) {
	denied := &smithy.GenericAPIError{Code: "AccessDeniedException"}
	const noARN = "the ARN of AWS::House::Door front is unknown"
	silent := errors.New("nobody answers")
	for name, c := range map[string]struct {
		exemption remediations.Exemption
		typ       string // of the door
		lookUp    error
		want      string
		alerts    int
	}{
		"the look-up fails":   {remediations.Exemption{Tag: "public=approved"}, "AWS::S3::Bucket", silent, "exemption of tag public=approved: nobody answers", 0},
		"IAM refuses the tag": {remediations.Exemption{Tag: "public=approved"}, "AWS::S3::Bucket", denied, "AccessDenied", 1},
		"no ARN for its tag":  {remediations.Exemption{Tag: "public=approved"}, "", silent, noARN, 0},
		"no ARN to compare":   {remediations.Exemption{Resource: "arn:aws:s3:::back"}, "", silent, noARN, 0},
		"no ARN of an owner":  {remediations.Exemption{Account: "444455556666"}, "", silent, noARN, 0},
	} {
		for _, mode := range []remediations.Mode{remediations.Alert, remediations.Enforce} {
			asked := 0
			h := exempted(mode, map[string]string{"public": "approved"}, &asked, c.exemption)
			working := h.Tags
			h.Tags = func(context.Context, string, string) (map[string]string, error) { return nil, c.lookUp }
			h.door.typ = c.typ
			r, err := h.deliver(t, opened())
			if err == nil || !strings.Contains(err.Error(), c.want) || r.Outcome != engine.Failed {
				t.Errorf("%s, %s: outcome %s, error %v, want Failed, %q", name, mode, r.Outcome, err, c.want)
			}
			if !h.door.open || h.door.shuts != 0 {
				t.Errorf("%s, %s: it was acted upon", name, mode)
			}
			kept := h.kept(t, r.ID)
			if kept.Outcome != engine.Failed || kept.Reason != "the door is open" || kept.Touched {
				t.Errorf("%s, %s: record %+v", name, mode, kept)
			}
			if len(h.alerts) != c.alerts {
				t.Errorf("%s, %s: %d alerts, want %d", name, mode, len(h.alerts), c.alerts)
			}
			if h.door.typ == "" {
				continue // it stays a door without an ARN
			}
			h.Tags = working
			if again, err := h.deliver(t, opened()); err != nil || again.Attempt != 2 || again.Outcome == engine.Failed || again.Outcome == engine.Duplicate {
				t.Errorf("%s, %s: the next try ended as %s, attempt %d (%v)", name, mode, again.Outcome, again.Attempt, err)
			}
		}
	}
}

// An attempt that could not find out whether it is exempt has changed nothing: undo must restore the state that the
// attempt before it saw.
func TestStateBeforeTheFirstTouchIsKeptWhileTagsFail(t *testing.T) {
	asked := 0
	h := exempted(remediations.Enforce, nil, &asked, remediations.Exemption{Tag: "public=approved"})
	h.store.failPut = func(r *engine.Record) error {
		if r.Outcome != engine.Started {
			return errors.New("killed")
		}
		return nil
	}
	_, _ = h.deliver(t, opened())
	h.store.failPut = nil
	h.Tags = func(context.Context, string, string) (map[string]string, error) {
		return nil, errors.New("nobody answers")
	}
	h.door.open, h.door.state = true, " and broken"
	h.now = h.now.Add(time.Minute)
	failed, err := h.deliver(t, opened())
	if err == nil || failed.Outcome != engine.Failed {
		t.Fatalf("outcome %s (%v), want Failed", failed.Outcome, err)
	}
	if kept := h.kept(t, failed.ID); string(kept.Before) != `{"door":"open","lamp":"on"}` || !kept.Touched {
		t.Errorf("before %s, touched %t", kept.Before, kept.Touched)
	}
}

// A tag may be set between two attempts. That the first one acted is still alerted.
func TestExemptAfterAnAction(t *testing.T) {
	asked := 0
	tags := map[string]string{}
	h := exempted(remediations.Enforce, tags, &asked, remediations.Exemption{Tag: "public=approved"})
	h.store.failPut = func(r *engine.Record) error {
		if r.Outcome != engine.Started {
			return errors.New("killed")
		}
		return nil
	}
	_, _ = h.deliver(t, opened())
	h.store.failPut = nil
	h.door.open, tags["public"] = true, "approved"
	h.now = h.now.Add(time.Minute)
	r, err := h.deliver(t, opened())
	if err != nil || r.Outcome != engine.Exempt || !r.Touched || !h.door.open {
		t.Fatalf("outcome %s (%v), touched %t, open %t", r.Outcome, err, r.Touched, h.door.open)
	}
	if len(h.alerts) != 1 || !strings.Contains(h.alerts[0].Body, "Countermand acted before, and IT IS WRONG AGAIN") || !strings.Contains(h.alerts[0].Body, "TAKE IT BACK") {
		t.Errorf("alerts %v", h.alerts)
	}
}

func TestExemptionThatEndsSoon(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		name   string
		mode   remediations.Mode
		left   time.Duration
		until  string
		ending bool
		alerts int
		event  string
	}{
		{"in good time", remediations.Enforce, 14*day + time.Second, "until 2026-03-15, 15 days left", false, 0, opened()},
		{"two weeks", remediations.Enforce, 14 * day, "until 2026-03-15, 14 days left", true, 1, opened()},
		{"nine days, below enforce", remediations.Alert, 8*day + time.Hour, "until 2026-03-09, 9 days left", true, 1, opened()},
		{"observed", remediations.Observe, 8*day + time.Hour, "until 2026-03-09, 9 days left", true, 0, opened()},
		{"replayed", remediations.Enforce, 8*day + time.Hour, "until 2026-03-09, 9 days left", true, 0, opened(`"version": "0"`, `"version": "0", "replay-name": "march"`)},
		{"the last second", remediations.Enforce, time.Second, "until 2026-03-01, 1 day left", true, 1, opened()},
	} {
		t.Run(c.name, func(t *testing.T) {
			asked := 0
			h := exempted(c.mode, nil, &asked, remediations.Exemption{Resource: "front"})
			h.Exemptions[0].Expires = h.now.Add(c.left)
			r, err := h.deliver(t, c.event)
			if err != nil || r.Outcome != engine.Exempt || !h.door.open {
				t.Fatalf("outcome %s (%v)", r.Outcome, err)
			}
			if r.Exemption.Until != c.until || r.Exemption.Ending != c.ending {
				t.Errorf("the record says %q, ending %t, want %q, %t", r.Exemption.Until, r.Exemption.Ending, c.until, c.ending)
			}
			if got := strings.Contains(h.log.String(), `"ExemptionExpiring":1`) && strings.Contains(h.log.String(), `{"Name":"ExemptionExpiring","Unit":"Count"}`); got != c.ending {
				t.Errorf("metric: %t, want %t: %s", got, c.ending, h.log.String())
			}
			if len(h.alerts) != c.alerts || c.alerts > 0 && !strings.Contains(h.alerts[0].Body, c.until) {
				t.Errorf("alerts %v, want %d that say %q", h.alerts, c.alerts, c.until)
			}
			if second, err := h.deliver(t, c.event); err != nil || second.Outcome != engine.Duplicate || len(h.alerts) != c.alerts {
				t.Errorf("delivered again: %s (%v), %d alerts", second.Outcome, err, len(h.alerts))
			}
		})
	}
}

func TestNewRefusesExemptionsThatAreTooBroad(t *testing.T) {
	asked := 0
	for want, h := range map[string]*house{
		"needs a resource":                exempted(remediations.Enforce, nil, &asked, remediations.Exemption{}),
		"matches no resource":             exempted(remediations.Enforce, nil, &asked, remediations.Exemption{Resource: "arn:aws:s3:::a/*"}),
		"there is no way to look up tags": exempted(remediations.Enforce, nil, &asked, remediations.Exemption{Tag: "a=b"}),
		"a role of any name can be":       exempted(remediations.Enforce, nil, &asked, remediations.Exemption{Principal: "arn:aws:iam::*:role/Porter"}),
		"want key=value exactly":          exempted(remediations.Enforce, nil, &asked, remediations.Exemption{Tag: "public=*"}),
		"needs more than the resour":      exempted(remediations.Enforce, nil, &asked, remediations.Exemption{Resource: "arn:aws:s3:::*"}),
	} {
		if want == "there is no way to look up tags" {
			h.Tags = nil
		}
		if _, err := engine.New(h.Config); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
