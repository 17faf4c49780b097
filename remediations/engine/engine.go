// Package engine runs a module: one straight line from the raw event to the alert.
//
//	raw -> Parse -> authentic? -> Pattern.Match -> Suspects -> for each resource:
//	       Guard (while: exempt? stopped? stale?) -> decide -> Begin (while: Guard) -> Action -> Guard -> End -> alert
//
// Modes, exemptions, records and alerts live here, so that no module can get them wrong.
package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/events/pattern"
	"github.com/countermand/countermand/remediations"
)

// Config is what an engine is built from. Everything is required except Exemptions, Tags if no exemption has a tag,
// Settings and Log.
type Config struct {
	Module     *remediations.Module
	Mode       remediations.Mode
	Sweep      remediations.Mode // how far a sweep may go, at most Mode
	Account    string            // the function's account; events from others are rejected
	AWS        aws.Config        // credentials and endpoints; the Region is set for each resource
	Store      Store
	Switch     func(ctx context.Context) (remediations.Switch, error) // reads the kill switch
	Settings   any                                                    // has the type of the module's Settings; nil for its defaults
	Limits     remediations.Limits                                    // how often it acts
	Alert      func(ctx context.Context, message Message) error       // sends an alert
	Exemptions []remediations.Exemption
	Tags       func(ctx context.Context, region, arn string) (map[string]string, error) // returns a resource's tags; for exemptions with a tag
	Retention  time.Duration                                                            // how long a run record is kept
	Log        *slog.Logger                                                             // one line a run, with its metrics; nil for no log
	Now        func() time.Time
	Wait       func(ctx context.Context, d time.Duration) error // waits for d, or until ctx ends
}

// An Engine runs one module on one event at a time. It is safe for concurrent use.
type Engine struct {
	Config
	matcher *pattern.Matcher
}

// New returns an engine. An error says what is wrong with the configuration. New does not validate the module: that was
// done before it was deployed, and functions do not carry the code for it.
func New(c Config) (*Engine, error) {
	switch {
	case c.Module == nil:
		return nil, errors.New("engine: no module")
	case c.Account == "":
		return nil, errors.New("engine: no account")
	case c.Store == nil || c.Switch == nil || c.Alert == nil || c.Now == nil || c.Wait == nil || c.Retention <= 0:
		return nil, errors.New("engine: store, kill switch, alert, clock, wait and retention are required")
	}
	if err := checkExemptions(c); err != nil {
		return nil, err
	}
	matcher, err := c.Module.Pattern.Compile()
	if err != nil {
		return nil, fmt.Errorf("engine: module %s: pattern: %w", c.Module.Name, err)
	}
	if err := c.Limits.Validate(); err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	if c.Settings == nil {
		c.Settings = c.Module.Settings
	}
	if got, want := reflect.TypeOf(c.Settings), reflect.TypeOf(c.Module.Settings); got != want {
		return nil, fmt.Errorf("engine: module %s has settings of type %v, not %v", c.Module.Name, want, got)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Engine{Config: c, matcher: matcher}, nil
}

// Handle takes one raw EventBridge event all the way and returns the record of each run, in the order of the resources;
// an event that does not get that far has one record without a resource. An error means that the event has to be
// delivered again, and in the end to go to the failure queue. A scheduled event of the module's own rule starts a
// sweep; the records are those of its findings.
func (e *Engine) Handle(ctx context.Context, raw []byte) ([]Record, error) {
	if tick, ok, err := events.ParseTick(raw); ok {
		if err = errors.Join(err, e.checkTick(tick)); err != nil {
			return e.reject(ctx, events.Event{ID: tick.ID}, err)
		}
		return e.sweep(ctx, tick)
	}
	ctx, cancel := context.WithTimeout(ctx, runTime)
	defer cancel()
	event, err := events.Parse(raw)
	if err != nil {
		return e.reject(ctx, event, err)
	}
	if err := event.Authentic(); err != nil {
		return e.reject(ctx, event, fmt.Errorf("not from CloudTrail: %w", err))
	}
	if event.Account != e.Account {
		return e.reject(ctx, event, fmt.Errorf("the event is from account %s, but this function works in %s", event.Account, e.Account))
	}
	matched, err := e.matcher.Match(raw)
	if err != nil {
		return e.reject(ctx, event, fmt.Errorf("match: %w", err))
	}
	if !matched {
		record := e.newRecord(event, remediations.Resource{})
		record.Outcome = NoMatch
		e.logRun(ctx, record)
		return []Record{*record}, nil
	}
	resources, err := e.suspects(event)
	if err == nil && len(resources) == 0 {
		record := e.newRecord(event, remediations.Resource{})
		record.Outcome = Clean
		e.logRun(ctx, record)
		return []Record{*record}, nil
	}
	if err != nil {
		record := e.newRecord(event, remediations.Resource{})
		err = e.fail(ctx, record, fmt.Errorf("find the suspects: %w", err))
		return []Record{*record}, err
	}
	return e.runEach(ctx, event, resources)
}

// parallel is how many resources of an event are handled at once. One call may launch a hundred instances, and the
// function has half a minute.
const parallel = 8

// runEach runs every resource, whatever happens to the others. Resources for which there is no time are left to the
// next delivery, for which the finished ones are duplicates.
func (e *Engine) runEach(ctx context.Context, event events.Event, resources []remediations.Resource) ([]Record, error) {
	work, cancel := workTime(ctx)
	defer cancel()
	records := make([]Record, len(resources))
	reached := len(resources)
	errs := make([]error, len(resources)+1)
	gate := make(chan struct{}, parallel)
	var group sync.WaitGroup
	for i, r := range resources {
		gate <- struct{}{}
		if work.Err() != nil {
			reached = i
			errs[len(resources)] = fmt.Errorf("%s: ran out of time with %d of %d resources left", e.Module.Name, len(resources)-i, len(resources))
			break
		}
		group.Go(func() {
			defer func() { <-gate }()
			record, err := e.run(ctx, &event, e.newRecord(event, r))
			records[i] = *record
			if err != nil {
				errs[i] = fmt.Errorf("%s: %s: %w", e.Module.Name, r, err)
			}
		})
	}
	group.Wait()
	return records[:reached], errors.Join(errs...)
}

// suspects returns the resources that the module suspects.
func (e *Engine) suspects(event events.Event) (resources []remediations.Resource, err error) {
	defer recoverPanic(&err)
	return e.Module.Suspects(event)
}

// ErrPanic is a panic of the module. It ends the run like any other error, so that the record has it.
var ErrPanic = errors.New("the module panicked")

// recoverPanic turns a panic into an error. It has to be deferred.
func recoverPanic(err *error) {
	if problem := recover(); problem != nil {
		*err = fmt.Errorf("%w: %v", ErrPanic, problem)
	}
}

// reject ends an event that nobody may act on.
func (e *Engine) reject(ctx context.Context, event events.Event, err error) ([]Record, error) {
	record := e.newRecord(event, remediations.Resource{})
	record.Outcome, record.Error = Rejected, err.Error()
	e.logRun(ctx, record)
	return []Record{*record}, fmt.Errorf("%s: event rejected: %w", e.Module.Name, err)
}

// newRecord returns the first version of a run's record.
func (e *Engine) newRecord(event events.Event, r remediations.Resource) *Record {
	now := e.Now().UTC()
	rec := event.Record
	return &Record{
		ID:               remediations.RunRow(e.Module.Name, r, event.Key(), event.ReplayName),
		Module:           e.Module.Name,
		Mode:             e.modeFor(event),
		Resource:         r,
		EventID:          event.Key(),
		EventName:        rec.EventName,
		EventTime:        rec.EventTime,
		Principal:        rec.Identity.Principal(),
		countedPrincipal: countedPrincipal(rec.Identity),
		Name:             rec.Identity.Name(),
		SourceIP:         rec.SourceIPAddress,
		UserAgent:        rec.UserAgent,
		Replay:           event.ReplayName,
		Attempt:          1,
		Writer:           rand.Text(),
		Started:          now,
		Expires:          now.Add(e.Retention),
	}
}

// modeFor returns how far a run may go. A replayed event may be about a state that is long gone: it is only observed.
func (e *Engine) modeFor(event events.Event) remediations.Mode {
	if event.ReplayName != "" {
		return remediations.Observe
	}
	return e.Mode
}
