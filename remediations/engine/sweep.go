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

// sweepEvent is the event name in the record of a sweep's finding.
const sweepEvent = "Sweep"

// unknownPrincipal is the principal in the record of a sweep's finding.
const unknownPrincipal = "nobody that is known: a sweep has found it"

// sweep checks all resources that the module lists, and runs those with a finding. The others leave no record. Findings
// within their grace period are left to people, who were alerted.
func (e *Engine) sweep(ctx context.Context, tick events.Tick) ([]Record, error) {
	began := e.Now()
	s := &sweep{engine: e, tick: tick, gate: make(chan struct{}, parallel)}
	err := s.sweepAll(ctx)
	s.group.Wait()
	attrs := []any{"Module", e.Module.Name, "event", tick.ID, "Swept", s.checked, "Found", len(s.records), "seconds", e.Now().Sub(began).Seconds(),
		"_aws", embedMetrics(e.Now(), []metric{{"Swept", "Count"}, {"Found", "Count"}}, nil)}
	if err != nil {
		attrs = append(attrs, "error", err.Error())
		err = fmt.Errorf("%s: sweep: %w", e.Module.Name, err)
	}
	e.Log.InfoContext(ctx, "sweep ended", attrs...)
	return s.records, errors.Join(append(s.errs, err)...)
}

// A sweep is one sweep in progress.
type sweep struct {
	engine *Engine
	tick   events.Tick
	gate   chan struct{} // bounds how many resources are checked at once
	group  sync.WaitGroup

	mu      sync.Mutex
	checked int
	records []Record // of what is wrong
	errs    []error
}

// sweepAll lists the resources and has each checked. It stops early enough for those in progress to finish.
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
			return fmt.Errorf("list resources: %w", err)
		}
		s.gate <- struct{}{}
		if listing.Err() != nil {
			return fmt.Errorf("ran out of time after %d resources", s.checked)
		}
		s.checked++
		s.group.Go(func() {
			defer func() { <-s.gate }()
			s.sweepResource(ctx, r)
		})
	}
	return listing.Err()
}

// sweepResource checks a resource, and runs it if there is a finding or an error.
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
		acted, err := e.mayHaveActed(ctx, record)
		if !acted {
			s.addResult(r, nil, err)
			return
		}
	}
	record, err = e.run(ctx, nil, record)
	s.addResult(r, record, err)
}

// addResult adds what became of a resource: its record, if there is one, and its error.
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

// newSweepRecord returns the first version of the record of a sweep's finding.
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

// mayHaveActed reports whether an earlier delivery of the sweep's event may have acted on the record's resource without
// finishing. That must be alerted even if nothing is wrong any more.
func (e *Engine) mayHaveActed(ctx context.Context, record *Record) (bool, error) {
	if min(e.Mode, e.Sweep) != remediations.Enforce {
		return false, nil
	}
	prior, err := e.Store.Get(ctx, record.ID)
	if err != nil {
		return false, fmt.Errorf("read an earlier delivery's record: %w", err)
	}
	return prior != nil && prior.Touched && prior.unfinished(e.Now()), nil
}

// useDailyID gives the record of a sweep that does not act an id that is the same all day, as long as the finding is
// the same. So its alert is sent once a day: nobody reads it every hour.
func (e *Engine) useDailyID(ctx context.Context, record *Record, finding *remediations.Finding) error {
	if finding == nil || record.Outcome == Started {
		return nil
	}
	if acted, err := e.mayHaveActed(ctx, record); acted || err != nil {
		return err
	}
	day := []string{record.EventTime.UTC().Format(time.DateOnly), string(record.Outcome), finding.Reason, string(finding.Before)}
	record.ID = remediations.RunRow(e.Module.Name, record.Resource, strings.Join(day, "\x00"), "")
	return nil
}

// checkTick reports why a scheduled event is not for this module.
func (e *Engine) checkTick(t events.Tick) error {
	switch {
	case e.Module.Sweep == nil:
		return errors.New("the module has no sweep")
	case t.Account != e.Account:
		return fmt.Errorf("the scheduled event is from account %s, but this function works in %s", t.Account, e.Account)
	case !strings.HasSuffix(t.Rule, ":rule/"+e.Module.SweepRule()):
		return fmt.Errorf("the scheduled event is from %s, which is not the module's rule", t.Rule)
	}
	return nil
}
