package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
)

// sweepEvent is what stands for an event's name in the record of what a sweep has found.
const sweepEvent = "Sweep"

// unknownPrincipal is who did what a sweep has found.
const unknownPrincipal = "nobody that is known: a sweep has found it"

// sweep looks at all that the module can list, and runs what is wrong. Nothing is recorded of the rest. What people have
// time left for is theirs until then: whoever made it so has been told.
func (e *Engine) sweep(ctx context.Context, tick events.Tick) ([]Record, error) {
	began := e.Now()
	s := &sweep{engine: e, tick: tick, gate: make(chan struct{}, parallel)}
	err := s.sweepAll(ctx)
	s.group.Wait()
	attrs := []any{"Module", e.Module.Name, "event", tick.ID, "Swept", s.looked, "Found", len(s.records), "seconds", e.Now().Sub(began).Seconds(),
		"_aws", embedMetrics(e.Now(), []metric{{"Swept", "Count"}, {"Found", "Count"}}, nil)}
	if err != nil {
		attrs = append(attrs, "error", err.Error())
		err = fmt.Errorf("%s: sweep: %w", e.Module.Name, err)
	}
	e.Log.InfoContext(ctx, "sweep ended", attrs...)
	return s.records, errors.Join(append(s.errs, err)...)
}

// sweep is one in progress.
type sweep struct {
	engine *Engine
	tick   events.Tick
	gate   chan struct{} // bounds how many resources are looked at at once
	group  sync.WaitGroup

	mu      sync.Mutex
	looked  int
	records []Record // of what is wrong
	errs    []error
}

// sweepAll lists the resources and has each looked at. It stops in time for those that are being worked on then.
func (s *sweep) sweepAll(ctx context.Context) (err error) {
	defer recoverPanic(&err)
	e := s.engine
	listing, cancel := context.WithCancel(ctx)
	if deadline, ok := ctx.Deadline(); ok {
		cancel()
		listing, cancel = context.WithDeadline(ctx, deadline.Add(-runTime))
	}
	defer cancel()
	fence := NewFence(e.Module)
	run := &remediations.Run{
		Account: e.Account, AWS: fence.Config(e.AWS, s.tick.Region), Settings: e.Settings, Log: e.Log.With("module", e.Module.Name),
	}
	for r, err := range e.Module.Sweep(listing, run) {
		if err != nil {
			return fmt.Errorf("list what to look at: %w", err)
		}
		s.gate <- struct{}{}
		if listing.Err() != nil {
			return fmt.Errorf("no time was left after %d resources", s.looked)
		}
		s.looked++
		s.group.Go(func() {
			defer func() { <-s.gate }()
			s.sweepResource(ctx, r)
		})
	}
	return listing.Err()
}

// sweepResource looks at a resource, and runs it if it is wrong, or if that can't be told.
func (s *sweep) sweepResource(ctx context.Context, r remediations.Resource) {
	e := s.engine
	ctx, cancel := context.WithTimeout(ctx, runTime)
	defer cancel()
	run := &remediations.Run{
		Account: e.Account, AWS: NewFence(e.Module).Config(e.AWS, r.Region), Settings: e.Settings, Log: e.Log.With("module", e.Module.Name),
	}
	record := e.newSweepRecord(s.tick, r)
	finding, err := e.guardOnce(ctx, run, r)
	if errors.Is(err, remediations.ErrNotReady) || err == nil && (finding == nil || e.Now().Before(finding.Grace)) {
		begun, err := e.mayHaveActed(ctx, record)
		if !begun {
			s.addResult(r, nil, err)
			return
		}
	}
	record, err = e.run(ctx, nil, record)
	s.addResult(r, record, err)
}

// addResult notes what became of a resource: its record, if there is one, and what went wrong.
func (s *sweep) addResult(r remediations.Resource, record *Record, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if record != nil {
		s.records = append(s.records, *record)
	}
	if err != nil {
		s.errs = append(s.errs, fmt.Errorf("%s: %s: %w", s.engine.Module.Name, r, err))
	}
}

// newSweepRecord is the beginning of the record of what a sweep has found.
func (e *Engine) newSweepRecord(tick events.Tick, r remediations.Resource) *Record {
	record := e.newRecord(events.Event{ID: tick.ID}, r)
	record.Mode = min(e.Mode, e.Sweep)
	if e.exemptsAnyPrincipal(r) {
		record.Mode = min(record.Mode, remediations.Alert)
	}
	record.EventName, record.EventTime = sweepEvent, tick.Time
	record.Principal, record.Name, record.countedPrincipal = unknownPrincipal, "a sweep", "sweeps"
	return record
}

// mayHaveActed reports whether an earlier delivery of the sweep's event may have acted on the record's resource, and has not said
// so. That has to be told also if nothing is wrong any more.
func (e *Engine) mayHaveActed(ctx context.Context, record *Record) (bool, error) {
	if min(e.Mode, e.Sweep) != remediations.Enforce {
		return false, nil
	}
	prior, err := e.Store.Get(ctx, record.ID)
	if err != nil {
		return false, fmt.Errorf("ask what an earlier delivery did: %w", err)
	}
	return prior != nil && prior.Touched && prior.unfinished(e.Now()), nil
}

// useDailyID gives a record of a sweep that does not act the day's id: what people are only told of is one run a day, as
// long as it stays the same. Nobody reads what comes every hour.
func (e *Engine) useDailyID(ctx context.Context, record *Record, finding *remediations.Finding) error {
	if finding == nil || record.Outcome == Started {
		return nil
	}
	if begun, err := e.mayHaveActed(ctx, record); begun || err != nil {
		return err
	}
	day := []string{record.EventTime.UTC().Format(time.DateOnly), string(record.Outcome), finding.Reason, string(finding.Before)}
	record.ID = remediations.RunRow(e.Module.Name, record.Resource, strings.Join(day, "\x00"), "")
	return nil
}

// checkTick says why a scheduled event is not for this module.
func (e *Engine) checkTick(t events.Tick) error {
	switch {
	case e.Module.Sweep == nil:
		return errors.New("the module has nothing to sweep")
	case t.Account != e.Account:
		return fmt.Errorf("the scheduled event is of account %s; this function works in %s", t.Account, e.Account)
	case !strings.HasSuffix(t.Rule, ":rule/"+e.Module.SweepRule()):
		return fmt.Errorf("the scheduled event is of %s, which is not the module's rule", t.Rule)
	}
	return nil
}
