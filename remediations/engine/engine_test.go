package engine_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/events/pattern"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/engine"
	"github.com/countermand/countermand/remediations/engine/store"
)

// A door is a world of one door that must be shut, and the module that shuts it.
type door struct {
	mu       sync.Mutex
	open     bool
	stuck    bool            // shutting it has no effect
	guardErr error           // what the guard returns
	notYet   int             // how many times the guard is not ready
	noLock   bool            // it has no lock, which the module cannot fix
	state    string          // further state of the door
	stuckIDs map[string]bool // doors for which the guard fails
	shutErr  error           // what the action returns after it has shut the door
	shuts    int             // how many times the action shut it
	hang     bool            // the action waits for its context
	typ      string          // of the doors; AWS::House::Door if it is empty
}

func (d *door) module() *remediations.Module {
	return &remediations.Module{
		Name: "door-open", Title: "shut the door", Why: "An open door lets people in.", Text: "Undo opens it again.", Risk: "somebody may be locked out",
		Severity: remediations.High, Default: remediations.Alert, Controls: []string{"FSBP/S3.8", "ATT&CK/T1562.008"},
		Pattern: pattern.CloudTrail("s3", "OpenDoor", "PutBucketPolicy"),
		Writes:  []remediations.Permission{{Action: "s3:PutBucketPolicy", Resource: "arn:${AWS::Partition}:s3:::*"}},
		Suspects: func(e events.Event) ([]remediations.Resource, error) {
			id := e.Record.Request.Get("door").Text()
			switch id {
			case "unnamed":
				return nil, errors.New("the event names no door")
			case "none":
				return nil, nil
			}
			var doors []remediations.Resource
			for _, id := range strings.Split(id, ",") {
				doors = append(doors, remediations.Resource{ID: id, Type: cmp.Or(d.typ, "AWS::House::Door"), Account: e.Account, Region: e.Region})
			}
			return doors, nil
		},
		Guard: func(_ context.Context, _ *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
			d.mu.Lock()
			defer d.mu.Unlock()
			if d.notYet--; d.notYet >= 0 {
				return nil, fmt.Errorf("describe door: %w", remediations.ErrNotReady)
			}
			if d.stuckIDs[r.ID] {
				return nil, errors.New("nobody answers")
			}
			if d.guardErr == nil && !d.open && d.noLock {
				f, err := remediations.Found(r, "the door has no lock", "no lock", "no lock")
				if err == nil {
					f.AlertOnly, f.Fix = true, "house fit-lock --id front"
				}
				return f, err
			}
			if d.guardErr != nil || !d.open {
				return nil, d.guardErr
			}
			f, err := remediations.Found(r, "the door is open", map[string]any{"door": "open", "lamp": "on" + d.state}, map[string]any{"door": "shut", "lamp": "on" + d.state})
			if err == nil {
				f.Fix, f.Revert = "house shut-door --id front", "house open-door --id front"
			}
			return f, err
		},
		Action: func(ctx context.Context, _ *remediations.Run, _ *remediations.Finding) error {
			d.mu.Lock()
			defer d.mu.Unlock()
			if d.hang {
				<-ctx.Done()
				return ctx.Err()
			}
			d.shuts++
			d.open = d.stuck
			return d.shutErr
		},
	}
}

// A house is an engine around a door.
type house struct {
	engine.Config
	door   *door
	store  *flaky
	log    bytes.Buffer
	alerts []engine.Message
	down   bool // alerts can't be sent
	said   remediations.Switch
	unread error // of the kill switch
	now    time.Time
}

// A flaky is a store that fails on demand.
type flaky struct {
	store.Memory
	failPut     func(*engine.Record) error
	failGet     error
	failAdmit   error
	failFold    error
	failTold    error
	failBacklog string // the module whose backlog cannot be read
}

func (f *flaky) Get(ctx context.Context, id string) (*engine.Record, error) {
	if f.failGet != nil {
		return nil, f.failGet
	}
	return f.Memory.Get(ctx, id)
}

func (f *flaky) Put(ctx context.Context, r *engine.Record) error { return f.Begin(ctx, r, nil) }

func (f *flaky) Begin(ctx context.Context, r *engine.Record, counts []engine.Count) error {
	if f.failPut != nil {
		if err := f.failPut(r); err != nil {
			return err
		}
	}
	return f.Memory.Begin(ctx, r, counts)
}

func newHouse(mode remediations.Mode) *house {
	h := &house{door: &door{open: true}, store: &flaky{}, now: time.Date(2026, 3, 1, 10, 0, 5, 0, time.UTC)}
	h.Config = engine.Config{
		Module: h.door.module(), Mode: mode, Account: "111122223333", AWS: aws.Config{}, Store: h.store,
		Alert: func(_ context.Context, m engine.Message) error {
			if h.down {
				return errors.New("the topic is gone")
			}
			h.alerts = append(h.alerts, m)
			return nil
		},
		Switch: func(context.Context) (remediations.Switch, error) {
			return h.said, h.unread
		},
		Retention: 24 * time.Hour,
		Limits:    remediations.Limits{Module: 100, Account: 100, Principal: 100, Resource: 100},
		Log:       slog.New(slog.NewJSONHandler(&h.log, nil)),
		Now:       func() time.Time { return h.now },
		Wait:      func(context.Context, time.Duration) error { return nil },
	}
	return h
}

func (h *house) deliver(t *testing.T, raw string) (engine.Record, error) {
	t.Helper()
	return h.deliverCtx(t, t.Context(), raw)
}

func (h *house) deliverCtx(t *testing.T, ctx context.Context, raw string) (engine.Record, error) {
	t.Helper()
	e, err := engine.New(h.Config)
	if err != nil {
		t.Fatal(err)
	}
	records, err := e.Handle(ctx, []byte(raw))
	if len(records) != 1 {
		t.Fatalf("got %d records, want 1", len(records))
	}
	return records[0], err
}

func (h *house) kept(t *testing.T, id string) *engine.Record {
	t.Helper()
	r, err := h.store.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if r == nil {
		t.Fatalf("there is no record of %s", id)
	}
	return r
}

// opened returns the event of somebody opening a door; replacements change its text.
func opened(replace ...string) string {
	return strings.NewReplacer(replace...).Replace(`{
		"version": "0", "id": "6c5e1c0e-8b7c-4d9e-9a53-0f6d6f1f6f01", "detail-type": "AWS API Call via CloudTrail",
		"source": "aws.s3", "account": "111122223333", "time": "2026-03-01T10:00:00Z", "region": "eu-west-1", "resources": [],
		"detail": {
			"eventVersion": "1.11", "eventID": "0e2f3f0a-52a3-4c5e-bb6f-0a4f6c2f7d10", "eventTime": "2026-03-01T10:00:00Z",
			"eventSource": "s3.amazonaws.com", "eventName": "OpenDoor", "eventType": "AwsApiCall",
			"awsRegion": "eu-west-1", "recipientAccountId": "111122223333", "sourceIPAddress": "198.51.100.7", "userAgent": "[aws-cli/2.15]",
			"userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/bob", "accountId": "111122223333", "userName": "bob"},
			"requestParameters": {"door": "front"}, "responseElements": null
		}
	}`)
}

// exemptUntil returns a change of a house: the front door is exempt.
func exemptUntil(expires time.Time) func(*house) {
	return func(h *house) {
		h.Exemptions = []remediations.Exemption{{Module: "door-open", Resource: "front", Owner: "porters", Reason: "deliveries", Expires: expires}}
	}
}

// outcomes are ways to each outcome.
var outcomes = []struct {
	name   string
	mode   remediations.Mode
	house  func(*house)
	event  string
	want   engine.Outcome
	err    string // part of the error
	shut   bool
	alerts int
}{
	{name: "malformed JSON", event: `{"source":`, want: engine.Rejected, err: "malformed JSON"},
	{name: "no object", event: `[]`, want: engine.Rejected, err: "not a JSON object"},
	{name: "no source", event: opened(`"source": "aws.s3",`, ``), want: engine.Rejected, err: "no source"},
	{name: "no detail", event: `{"source":"aws.s3"}`, want: engine.Rejected, err: "no detail"},
	{name: "a forged source", event: opened(`"source": "aws.s3"`, `"source": "my.app"`), want: engine.Rejected, err: "not from CloudTrail"},
	{name: "a forged account", event: opened(`"recipientAccountId": "111122223333"`, `"recipientAccountId": "444455556666"`), want: engine.Rejected, err: "recipientAccountId"},
	{name: "a forged Region", event: opened(`"awsRegion": "eu-west-1"`, `"awsRegion": "us-east-1"`), want: engine.Rejected, err: "awsRegion"},
	{name: "another account", event: opened("111122223333", "444455556666"), want: engine.Rejected, err: "this function works in"},
	{name: "another call", event: opened("OpenDoor", "CloseDoor"), want: engine.NoMatch},
	{name: "a failed call", event: opened(`"requestParameters"`, `"errorCode": "AccessDenied", "requestParameters"`), want: engine.NoMatch},
	{name: "no suspects", event: opened("front", "none"), want: engine.Clean},
	{name: "no name for the suspect", event: opened("front", "unnamed"), want: engine.Failed, err: "names no door"},
	{name: "an empty name", event: opened("front", ""), want: engine.Failed, err: "without an id"},
	{name: "nothing wrong", house: func(h *house) { h.door.open = false }, want: engine.Clean},
	{name: "the guard fails", house: func(h *house) { h.door.guardErr = errors.New("no answer") }, want: engine.Failed, err: "guard: no answer"},
	{name: "not visible at first", house: func(h *house) { h.door.notYet = 3 }, want: engine.Remediated, shut: true, alerts: 1},
	{name: "never visible", house: func(h *house) { h.door.notYet = 4 }, want: engine.Failed, err: "not visible everywhere yet"},
	{name: "observe", mode: remediations.Observe, want: engine.Observed},
	{name: "alert", mode: remediations.Alert, want: engine.Alerted, alerts: 1},
	{name: "enforce", want: engine.Remediated, shut: true, alerts: 1},
	{name: "enforce, but the module only alerts", house: func(h *house) { h.Module.Action, h.Module.Writes = nil, nil }, want: engine.Alerted, alerts: 1},
	{name: "exempt", house: exemptUntil(time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)), want: engine.Exempt},
	{name: "no longer exempt", house: exemptUntil(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)), want: engine.Remediated, shut: true, alerts: 1},
	{name: "a replay", event: opened(`"version": "0"`, `"version": "0", "replay-name": "march"`), want: engine.Observed},
	{name: "something is left", house: func(h *house) { h.door.noLock = true }, want: engine.Partial, shut: true, alerts: 1},
	{name: "the module panics", house: func(h *house) {
		h.Module.Guard = func(context.Context, *remediations.Run, remediations.Resource) (*remediations.Finding, error) {
			panic("nil map")
		}
	}, want: engine.Failed, err: "the module panicked: nil map"},
	{name: "exempt is another", house: func(h *house) {
		exemptUntil(time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC))(h)
		h.Exemptions[0].Resource = "fron"
	}, want: engine.Remediated, shut: true, alerts: 1},
	{name: "the action fails", house: func(h *house) { h.door.shutErr = errors.New("no key") }, want: engine.Failed, err: "action: no key", shut: true},
	{name: "the action changes nothing", house: func(h *house) { h.door.stuck = true }, want: engine.Unverified, alerts: 1},
	{name: "no table", house: func(h *house) {
		h.store.failPut = func(*engine.Record) error { return errors.New("table not found") }
	}, want: engine.Failed, err: "table not found"},
}

func TestOutcomes(t *testing.T) {
	for _, c := range outcomes {
		t.Run(c.name, func(t *testing.T) {
			if c.mode == remediations.Observe && c.name != "observe" {
				c.mode = remediations.Enforce
			}
			if c.event == "" {
				c.event = opened()
			}
			h := newHouse(c.mode)
			if c.house != nil {
				c.house(h)
			}
			wasOpen := h.door.open
			r, err := h.deliver(t, c.event)
			if r.Outcome != c.want {
				t.Errorf("outcome %s (%v), want %s", r.Outcome, err, c.want)
			}
			if (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("error %v, want %q", err, c.err)
			}
			if h.door.open != (wasOpen && !c.shut) {
				t.Errorf("the door is open: %t", h.door.open)
			}
			if len(h.alerts) != c.alerts {
				t.Errorf("%d alerts, want %d", len(h.alerts), c.alerts)
			}
			if got := strings.Count(h.log.String(), `"run ended"`); got != 1 {
				t.Errorf("%d log lines say how the run ended, want 1:\n%s", got, h.log.String())
			}
			for _, metric := range []string{fmt.Sprintf("%q:1", c.want), `"Dimensions":[["Module"]]`, `"Namespace":"Countermand"`} {
				if !strings.Contains(h.log.String(), metric) {
					t.Errorf("the log line lacks %s: %s", metric, h.log.String())
				}
			}
		})
	}
}

func TestDeliveredTwice(t *testing.T) {
	for _, mode := range []remediations.Mode{remediations.Observe, remediations.Alert, remediations.Enforce} {
		h := newHouse(mode)
		first, err := h.deliver(t, opened())
		if err != nil {
			t.Fatal(err)
		}
		h.door.open = true // by somebody else, whose event has not arrived yet
		second, err := h.deliver(t, opened())
		if err != nil || second.Outcome != engine.Duplicate {
			t.Errorf("%s: the second delivery ended as %s (%v), want Duplicate", mode, second.Outcome, err)
		}
		if kept := h.kept(t, first.ID); kept.Outcome != first.Outcome {
			t.Errorf("%s: the record now says %s, not %s", mode, kept.Outcome, first.Outcome)
		}
		if h.door.shuts > 1 || len(h.alerts) > 1 {
			t.Errorf("%s: acted %d times, alerted %d times", mode, h.door.shuts, len(h.alerts))
		}
	}
}

func TestDeliveredTwiceAtOnce(t *testing.T) {
	h := newHouse(remediations.Enforce)
	h.Log = nil
	e, err := engine.New(h.Config)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if _, err := e.Handle(t.Context(), []byte(opened())); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if h.door.shuts != 1 || len(h.alerts) != 1 {
		t.Errorf("acted %d times, alerted %d times, want once", h.door.shuts, len(h.alerts))
	}
}

func TestAlertIsSentAgainWithoutActingAgain(t *testing.T) {
	for _, mode := range []remediations.Mode{remediations.Alert, remediations.Enforce} {
		h := newHouse(mode)
		h.down = true
		first, err := h.deliver(t, opened())
		if err == nil || !strings.Contains(err.Error(), "the topic is gone") {
			t.Fatalf("%s: error %v", mode, err)
		}
		shuts := h.door.shuts
		h.down = false
		again, err := h.deliver(t, opened())
		if err != nil || again.Outcome != first.Outcome || len(h.alerts) != 1 {
			t.Errorf("%s: outcome %s (%v), %d alerts", mode, again.Outcome, err, len(h.alerts))
		}
		if h.door.shuts != shuts {
			t.Errorf("%s: acted again", mode)
		}
		if kept := h.kept(t, first.ID); kept.Alert != engine.AlertSent {
			t.Errorf("%s: the record says the alert is %s", mode, kept.Alert)
		}
	}
}

func TestFunctionThatDiesIsTakenOver(t *testing.T) {
	h := newHouse(remediations.Enforce)
	h.store.failPut = func(r *engine.Record) error {
		if r.Outcome != engine.Started {
			return errors.New("killed")
		}
		return nil
	}
	first, err := h.deliver(t, opened())
	if err == nil {
		t.Fatal("the first delivery did not notice that it died")
	}
	if kept := h.kept(t, first.ID); kept.Outcome != engine.Started || !kept.Touched {
		t.Fatalf("the record says %s, touched %t", kept.Outcome, kept.Touched)
	}
	h.store.failPut = nil
	if early, err := h.deliver(t, opened()); err != nil || early.Outcome != engine.Duplicate {
		t.Errorf("while it may still live: %s (%v), want Duplicate", early.Outcome, err)
	}
	h.now = h.now.Add(time.Minute)
	again, err := h.deliver(t, opened())
	if err != nil || again.Outcome != engine.Remediated || again.Attempt != 2 {
		t.Errorf("outcome %s, attempt %d (%v), want Remediated, 2", again.Outcome, again.Attempt, err)
	}
	if string(again.Before) != `{"door":"open","lamp":"on"}` || again.Reason == "" || len(h.alerts) != 1 {
		t.Errorf("before %s, reason %q, %d alerts", again.Before, again.Reason, len(h.alerts))
	}
}

func TestStateBeforeTheFirstTouchIsKept(t *testing.T) {
	h := newHouse(remediations.Enforce)
	h.store.failPut = func(r *engine.Record) error {
		if r.Outcome != engine.Started {
			return errors.New("killed")
		}
		return nil
	}
	_, _ = h.deliver(t, opened())
	h.store.failPut = nil
	h.door.guardErr = errors.New("no answer")
	h.now = h.now.Add(time.Minute)
	failed, err := h.deliver(t, opened())
	if err == nil || failed.Outcome != engine.Failed {
		t.Fatalf("outcome %s (%v), want Failed", failed.Outcome, err)
	}
	if kept := h.kept(t, failed.ID); kept.Outcome != engine.Failed || !kept.Touched || string(kept.Before) != `{"door":"open","lamp":"on"}` {
		t.Errorf("outcome %s, touched %t, before %s", kept.Outcome, kept.Touched, kept.Before)
	}
}

func TestModuleThatHangsLeavesTimeForTheRecord(t *testing.T) {
	h := newHouse(remediations.Enforce)
	h.door.hang = true
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second+time.Second)
	defer cancel()
	r, err := h.deliverCtx(t, ctx, opened())
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("error %v", err)
	}
	if kept := h.kept(t, r.ID); kept.Outcome != engine.Failed {
		t.Errorf("the record says %s", kept.Outcome)
	}
}
