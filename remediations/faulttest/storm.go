package faulttest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/events/pattern"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/engine"
)

// stormLimits are spent long before a storm's events are over.
var stormLimits = remediations.Limits{Module: 200, Account: 1000, Principal: 25, Resource: 2}

// The storm's people and doors. Each person's and each door's budget is spent.
const (
	people = 20
	doors  = 150
)

// A storm is many events at once: people open doors, and a module shuts them.
type storm struct {
	store        engine.Store
	prefix       string // of the events' ids, so that a store can take several storms
	mu           sync.Mutex
	open         map[string]bool
	acted        map[string]int // by event, by person and by door
	alerts       map[string]int // by run
	deliveries   map[string][]*engine.Record
	failureQueue int
	foldedBefore int // alerts that were folded before
}

// Storm delivers n events with a number of workers, one in ten of them twice. It checks that no budget is exceeded,
// each event ends in one stored outcome, no run acts twice, and each run is alerted once, alone or in a summary.
func Storm(t *testing.T, store engine.Store, prefix string, n, workers int) {
	t.Helper()
	s := &storm{
		store: store, prefix: prefix, open: map[string]bool{}, acted: map[string]int{}, alerts: map[string]int{},
		deliveries: map[string][]*engine.Record{},
	}
	e := s.engine(t)
	s.foldedBefore = s.backlogSize(t)
	random := rand.New(rand.NewPCG(1, 2))
	jobs := make(chan string)
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for job := range jobs {
				s.deliver(context.WithoutCancel(t.Context()), e, job)
			}
		})
	}
	for i := range n {
		raw := s.event(i, random.IntN(people), random.IntN(doors))
		jobs <- raw
		if i%10 == 0 {
			jobs <- raw
		}
	}
	close(jobs)
	group.Wait()
	s.check(t, n)
}

// engine returns an engine with budgets and a clock that stands still.
func (s *storm) engine(t *testing.T) *engine.Engine {
	t.Helper()
	at := time.Date(2026, 3, 1, 10, 1, 0, 0, time.UTC)
	e, err := engine.New(engine.Config{
		Module: s.module(), Mode: remediations.Enforce, Account: "111122223333", AWS: aws.Config{}, Store: s.store, Limits: stormLimits,
		Alert: func(_ context.Context, m engine.Message) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.alerts[runOf(m.Body)]++
			return nil
		},
		Switch:    func(context.Context) (remediations.Switch, error) { return remediations.Switch{}, nil },
		Retention: 24 * time.Hour,
		Now:       func() time.Time { return at },
		Wait:      func(context.Context, time.Duration) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// module returns the module that shuts doors.
func (s *storm) module() *remediations.Module {
	return &remediations.Module{
		Name: "door-open", Title: "shut doors", Why: "An open door lets people in.", Text: "Undo opens it again.", Risk: "somebody is locked out",
		Pattern: pattern.CloudTrail("s3", "OpenDoor"),
		Suspects: func(e events.Event) ([]remediations.Resource, error) {
			door := e.Record.Request.Get("door").Text()
			return []remediations.Resource{{ID: door, Type: "AWS::S3::Bucket", Account: e.Account, Region: e.Region}}, nil
		},
		Guard: func(_ context.Context, _ *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if !s.open[r.ID] {
				return nil, nil
			}
			return remediations.Found(r, "the door is open", "open", "shut")
		},
		Action: func(_ context.Context, run *remediations.Run, f *remediations.Finding) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.open[f.Resource.ID] = false
			s.acted[run.Event.Key()]++
			s.acted[run.Event.Record.Identity.ARN]++
			s.acted[f.Resource.ID]++
			return nil
		},
	}
}

// event returns the i-th event: somebody opens a door.
func (s *storm) event(i, who, door int) string {
	return fmt.Sprintf(`{"version": "0", "id": "e", "detail-type": "AWS API Call via CloudTrail", "source": "aws.s3",
		"account": "111122223333", "time": "2026-03-01T10:00:00Z", "region": "eu-west-1", "resources": [], "detail": {
		"eventVersion": "1.11", "eventID": "%s%d", "eventTime": "2026-03-01T10:00:00Z", "eventSource": "s3.amazonaws.com",
		"eventName": "OpenDoor", "eventType": "AwsApiCall", "awsRegion": "eu-west-1", "recipientAccountId": "111122223333",
		"userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/u%d", "accountId": "111122223333",
			"userName": "u%[3]d"},
		"requestParameters": {"door": "%[1]sdoor%[4]d"}}}`, s.prefix, i, who, door)
}

// deliver opens the event's door and delivers the event as Lambda does: three times at most.
func (s *storm) deliver(ctx context.Context, e *engine.Engine, raw string) {
	event, err := events.Parse([]byte(raw))
	if err != nil {
		panic(err) // cannot happen: the test made the event
	}
	s.mu.Lock()
	s.open[event.Record.Request.Get("door").Text()] = true
	s.mu.Unlock()
	for attempt := 1; ; attempt++ {
		records, err := e.Handle(ctx, []byte(raw))
		s.mu.Lock()
		if err == nil {
			s.deliveries[event.Key()] = append(s.deliveries[event.Key()], &records[0])
		} else if attempt == len(retries) {
			s.failureQueue++
		}
		s.mu.Unlock()
		if err == nil || attempt == len(retries) {
			return
		}
	}
}

// check checks what must hold after the storm.
func (s *storm) check(t *testing.T, n int) {
	t.Helper()
	outcomes, alerts, actions := map[engine.Outcome]int{}, map[string]int{}, 0
	for i := range n {
		id := fmt.Sprint(s.prefix, i)
		actions += s.acted[id]
		if s.acted[id] > 1 {
			t.Errorf("the run of event %s acted %d times", id, s.acted[id])
		}
		r, err := s.outcome(t.Context(), id)
		if err != nil {
			t.Errorf("event %s: %v", id, err)
			continue
		}
		outcomes[r.Outcome]++
		if acted := r.Outcome == engine.Remediated || r.Outcome == engine.Unverified; acted != (s.acted[id] == 1) {
			t.Errorf("event %s ended as %s, and acted %d times", id, r.Outcome, s.acted[id])
		}
		alerts[r.Alert]++
		if sent := s.alerts[r.ID]; (r.Alert == engine.AlertSent) != (sent == 1) || sent > 1 || (r.Outcome == engine.Clean) != (r.Alert == "") {
			t.Errorf("event %s ended as %s, its alert is %q, and %d alerts were sent", id, r.Outcome, r.Alert, sent)
		}
	}
	t.Logf("%d events: %v; %d actions; alerts %v; %d in the failure queue", n, outcomes, actions, alerts, s.failureQueue)
	if got := s.backlogSize(t) - s.foldedBefore; got != alerts[engine.AlertFolded] || got == 0 {
		t.Errorf("the backlog has grown by %d alerts: want the %d of the records, and some", got, alerts[engine.AlertFolded])
	}
	if s.failureQueue > 0 {
		t.Errorf("%d events are in the failure queue, but nothing was wrong with the store", s.failureQueue)
	}
	if actions == 0 || actions > stormLimits.Module || outcomes[engine.Limited] == 0 || outcomes[engine.Contested] == 0 {
		t.Errorf("%d actions, outcomes %v: want some actions, at most %d, and full counts of both kinds", actions, outcomes,
			stormLimits.Module)
	}
	for i := range people {
		who := fmt.Sprintf("arn:aws:iam::111122223333:user/u%d", i)
		if s.acted[who] > stormLimits.Principal {
			t.Errorf("%d actions on what %s did: want at most %d", s.acted[who], who, stormLimits.Principal)
		}
	}
	for i := range doors {
		door := fmt.Sprint(s.prefix, "door", i)
		if s.acted[door] > stormLimits.Resource {
			t.Errorf("%s was shut %d times: want at most %d", door, s.acted[door], stormLimits.Resource)
		}
	}
}

// backlogSize returns how many alerts of the storm's module were folded so far.
func (s *storm) backlogSize(t *testing.T) int {
	t.Helper()
	backlog, err := s.store.Backlog(t.Context(), s.module().Name)
	if err != nil {
		t.Fatal(err)
	}
	if backlog == nil {
		return 0
	}
	return backlog.Times
}

// outcome returns the stored record of an event, which must be the one that its winning delivery returned.
func (s *storm) outcome(ctx context.Context, id string) (*engine.Record, error) {
	var won *engine.Record
	for _, r := range s.deliveries[id] {
		switch {
		case r.Outcome == engine.Duplicate:
		case won == nil || nothingWrong(won): // a duplicate may check a clean resource again
			won = r
		case nothingWrong(r):
		default:
			return nil, fmt.Errorf("two deliveries ended, as %s and %s", won.Outcome, r.Outcome)
		}
	}
	if won == nil {
		return nil, errors.New("no delivery ended in an outcome")
	}
	kept, err := s.store.Get(ctx, won.ID)
	if err != nil {
		return nil, err
	}
	if kept == nil || kept.Outcome != won.Outcome || kept.Alert == engine.AlertPending {
		return nil, fmt.Errorf("it ended as %s, and the store holds %+v", won.Outcome, kept)
	}
	return kept, nil
}

// runOf returns the run that an alert is about: its last line names it.
func runOf(body string) string {
	_, rest, _ := strings.Cut(body, "\nrun ")
	id, _, _ := strings.Cut(rest, " ")
	return id
}
