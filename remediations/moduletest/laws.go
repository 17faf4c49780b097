package moduletest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/engine"
)

// outcome: in enforce mode the case ends as it says, calls only what is declared, and leaves nothing wrong.
func (k *kit) outcome(c Case) error {
	p, err := k.begin(c, remediations.Enforce)
	if err != nil {
		return err
	}
	before := p.stage.state()
	records, err := k.deliver(p, c.Event)
	for _, call := range p.stage.calls {
		action, err := engine.IAMAction(call.service, call.operation)
		if err != nil {
			return err
		}
		if call.region == "nowhere-1" {
			return fmt.Errorf("%s was called in the function's Region, not in the resource's", action)
		}
	}
	if err != nil {
		return err
	}
	if err := k.permitted(p, 0, k.module.Rights(remediations.Enforce)); err != nil {
		return err
	}
	acted := false
	for _, r := range records {
		if r.Touched {
			k.own = append(k.own, c.Own...)
		}
		for _, call := range r.Calls {
			if call.Fenced {
				return fmt.Errorf("%s was refused, and the module went on: %s", call.Action, call.Error)
			}
		}
		switch r.Outcome {
		case engine.Remediated, engine.Partial, engine.Alerted:
			acted = true
			if r.Touched && len(c.Own) == 0 {
				return errors.New("it is put right, but the case does not say which events that leads to (Own)")
			}
		case engine.Clean, engine.NoMatch:
		default:
			return fmt.Errorf("%s ended as %s", r.Resource, r.Outcome)
		}
		if err := k.explained(r); err != nil {
			return err
		}
	}
	if acted != c.Acts {
		return fmt.Errorf("the case says acts: %t, but the outcomes are %s", c.Acts, outcomes(records))
	}
	if acted && len(p.alerts) == 0 {
		return errors.New("something was wrong, and nobody was told")
	}
	if !acted && p.stage.state() != before {
		return errors.New("nothing was wrong, but the world has changed")
	}
	return nil
}

// explained: a finding says in words and commands what it is about.
func (k *kit) explained(r engine.Record) error {
	switch {
	case !r.Touched && r.Outcome != engine.Alerted:
		return nil
	case r.Reason == "":
		return errors.New("a finding has no reason")
	case r.Touched && r.Fix == "":
		return errors.New("a finding that the action puts right has no Fix command")
	case r.Touched && k.module.Undo != nil && r.Revert == "":
		return errors.New("a finding that can be undone has no Revert command")
	}
	return nil
}

// observes: below enforce nothing is written, and what is decided is recorded.
func (k *kit) observes(c Case) error {
	for mode, want := range map[remediations.Mode]engine.Outcome{remediations.Observe: engine.Observed, remediations.Alert: engine.Alerted} {
		p, err := k.begin(c, mode)
		if err != nil {
			return err
		}
		before := p.stage.state()
		records, err := k.deliver(p, c.Event)
		if err != nil {
			return err
		}
		if p.wrote > 0 || p.stage.state() != before {
			return fmt.Errorf("mode %s wrote to AWS", mode)
		}
		if found := slices.ContainsFunc(records, func(r engine.Record) bool { return r.Outcome == want }); found != c.Acts {
			return fmt.Errorf("mode %s ended as %s", mode, outcomes(records))
		}
		if mode == remediations.Observe && len(p.alerts) > 0 {
			return errors.New("mode observe told people")
		}
	}
	return nil
}

// actsOnce: the same event again changes and tells nothing more.
func (k *kit) actsOnce(c Case) error {
	p, err := k.delivered(c)
	if err != nil {
		return err
	}
	state, wrote, alerts := p.stage.state(), p.wrote, len(p.alerts)
	if _, err := k.deliver(p, c.Event); err != nil {
		return err
	}
	switch {
	case p.stage.state() != state || p.wrote != wrote:
		return errors.New("the second delivery wrote to AWS")
	case len(p.alerts) != alerts:
		return errors.New("the second delivery told people again")
	}
	return nil
}

// rereads: the state decides, not the event. The same call once more, in the world that the action left,
// is not acted upon; and a guard that finds something has read it.
func (k *kit) rereads(c Case) error {
	if k.module.Action == nil {
		return nil
	}
	p, err := k.delivered(c)
	if err != nil {
		return err
	}
	if c.Acts && !slices.ContainsFunc(p.stage.calls, func(c call) bool { return k.reads(c) }) {
		return errors.New("the guard found something without reading anything")
	}
	return k.quiet(p, changed(c.Event, func(event map[string]any) {
		event["id"] = "11111111-1111-4111-8111-111111111111"
		detail(event)["eventID"] = "22222222-2222-4222-8222-222222222222"
	}))
}

// ownEvents: the events of the action's own calls are a no-op, and there is one for each operation that writes.
func (k *kit) ownEvents(c Case) error {
	p, err := k.delivered(c)
	if err != nil {
		return err
	}
	writes, names := map[string]bool{}, map[string]bool{}
	for _, call := range p.stage.calls {
		if !k.reads(call) {
			writes[call.operation] = true
		}
	}
	for i, own := range c.Own {
		event, err := events.Parse(own)
		if err != nil {
			return fmt.Errorf("own event %d: %w", i, err)
		}
		if err := event.Authentic(); err != nil {
			return fmt.Errorf("own event %d: %w", i, err)
		}
		if bytes.Contains(c.Event, []byte(event.Key())) {
			return fmt.Errorf("own event %d has the id of the case's event: it would only be a duplicate", i)
		}
		if err := k.quiet(p, own); err != nil {
			return fmt.Errorf("own event %d (%s): %w", i, event.Record.EventName, err)
		}
		names[event.Record.EventName] = true
	}
	if len(writes) > len(names) { // what an operation's event is called is not always its own name
		return fmt.Errorf("it calls %s, and has own events of %d names only", strings.Join(slices.Sorted(maps.Keys(writes)), ", "), len(names))
	}
	return nil
}

// quiet delivers an event that must not lead to a write. That people are told again of what the action
// could not put right is not a loop.
func (k *kit) quiet(p *play, raw []byte) error {
	state, wrote := p.stage.state(), p.wrote
	records, err := k.deliver(p, raw)
	if err != nil {
		return err
	}
	for _, r := range records {
		if r.Outcome != engine.Clean && r.Outcome != engine.NoMatch && r.Outcome != engine.Alerted {
			return fmt.Errorf("ended as %s", r.Outcome)
		}
	}
	if p.wrote != wrote || p.stage.state() != state {
		return errors.New("it was acted upon")
	}
	return nil
}

// failures: whichever AWS call fails, the error surfaces, and a record says so.
func (k *kit) failures(c Case) error {
	whole, err := k.delivered(c)
	if err != nil {
		return err
	}
	for i, failing := range whole.stage.calls {
		p, err := k.begin(c, remediations.Enforce)
		if err != nil {
			return err
		}
		p.stage.fail, p.stage.fault = i+1, Error("InternalFailure")
		name := fmt.Sprintf("call %d, %s %s", i+1, failing.service, failing.operation)
		if _, err = k.deliver(p, c.Event); err == nil {
			return fmt.Errorf("%s: its error was swallowed", name)
		}
		if remediations.ErrorCode(err) != "InternalFailure" {
			return fmt.Errorf("%s: the error does not wrap AWS's: %w", name, err)
		}
		records, err := p.store.All()
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(records, func(r *engine.Record) bool { return r.Outcome == engine.Failed && r.Error != "" }) {
			return fmt.Errorf("%s: no record says that it failed", name)
		}
		// Lambda tries again, and this time AWS answers.
		p.stage.fail = 0
		if _, err = k.deliver(p, c.Event); err != nil {
			return fmt.Errorf("%s: the next try failed, too: %w", name, err)
		}
		if got, want := p.stage.state(), whole.stage.state(); got != want {
			return fmt.Errorf("%s: the next try left %s, not %s", name, got, want)
		}
	}
	return nil
}

// missingFields: an event without one of its fields neither panics nor leads to a call with an empty name.
func (k *kit) missingFields(c Case) error {
	var event any
	if err := json.Unmarshal(c.Event, &event); err != nil {
		return err
	}
	for _, path := range paths(event, nil) {
		for _, replace := range []any{nil, "", map[string]any{}} {
			p, err := k.begin(c, remediations.Enforce)
			if err != nil {
				return err
			}
			raw := changed(c.Event, func(event map[string]any) { remove(event, path, replace) })
			if err := k.survive(p, raw); err != nil {
				return fmt.Errorf("without %s (%v in its place): %w", strings.Join(path, "."), replace, err)
			}
		}
	}
	return nil
}

// survive delivers an event whatever becomes of it, short of a panic and of a call with an empty name.
func (k *kit) survive(p *play, raw []byte) error {
	if _, err := k.deliver(p, raw); errors.Is(err, engine.ErrPanic) {
		return err // another error is one of the right answers
	}
	for _, call := range p.stage.calls {
		if call.empty != "" {
			return fmt.Errorf("called %s with an empty %s", call.operation, call.empty)
		}
	}
	return nil
}

// undo: it puts the world back as it was, and refuses if somebody has changed it since.
func (k *kit) undo(c Case) error {
	if k.module.Undo == nil || !c.Acts {
		return nil
	}
	p, err := k.begin(c, remediations.Enforce)
	if err != nil {
		return err
	}
	before := p.stage.state()
	records, err := k.deliver(p, c.Event)
	if err != nil {
		return err
	}
	for _, r := range slices.Backward(records) {
		if r.Touched {
			if err := k.undoRun(p, r); err != nil {
				return err
			}
		}
	}
	if got := p.stage.state(); got != before {
		return fmt.Errorf("it left %s, not %s", got, before)
	}
	if err := k.undoRefuses(c); err != nil {
		return err
	}
	return k.undoShows(p, records)
}

// undoShows: undo's refusal holds the present state in the form of Before, which it is after a first undo.
func (k *kit) undoShows(p *play, records []engine.Record) error {
	for _, r := range records {
		if !r.Touched {
			continue
		}
		var changed *remediations.ChangedError
		if err := k.undoRun(p, r); !errors.As(err, &changed) {
			return fmt.Errorf("it was done a second time, and returned %v, not Changed", err)
		}
		if !engine.SameState(changed.Present, r.Before) {
			return fmt.Errorf("it was done a second time, and said that the state is %s, not %s", changed.Present, r.Before)
		}
	}
	return nil
}

func (k *kit) undoRefuses(c Case) error {
	p, err := k.begin(c, remediations.Enforce)
	if err != nil {
		return err
	}
	records, err := k.deliver(p, c.Event)
	if err != nil {
		return err
	}
	p.stage.world.Change()
	state := p.stage.state()
	for _, r := range records {
		if !r.Touched {
			continue
		}
		if err := k.undoRun(p, r); !errors.Is(err, remediations.ErrChanged) {
			return fmt.Errorf("somebody has changed the resource since, and undo returned %v, not ErrChanged", err)
		}
	}
	if p.stage.state() != state {
		return errors.New("somebody has changed the resource since, and undo wrote to it")
	}
	return nil
}

// undoRun gives undo what a person has: the record, and no event.
func (k *kit) undoRun(p *play, r engine.Record) error {
	seen := len(p.stage.calls)
	finding := &remediations.Finding{Resource: r.Resource, Reason: r.Reason, Before: r.Before, After: r.After}
	_, err := engine.Undo(k.ctx, k.module, remediations.Run{AWS: p.stage.config(), Log: p.engine.Log}, finding)
	return errors.Join(err, k.permitted(p, seen, k.module.UndoRights()), k.unheard(p.stage.calls[seen:]))
}

// unheard: people are told that the module does not hear of its undo only if its pattern has none of the calls. An event
// may have a version behind the operation's name.
func (k *kit) unheard(calls []call) error {
	for _, c := range calls {
		if !k.module.MatchesUndo() && !k.reads(c) && strings.Contains(string(k.module.Pattern), `"`+c.operation) {
			return fmt.Errorf("undo calls %s, which the pattern watches, but MatchesUndo says that the pattern matches none", c.operation)
		}
	}
	return nil
}

// delivered is the case's world after its event, in enforce mode.
func (k *kit) delivered(c Case) (*play, error) {
	p, err := k.begin(c, remediations.Enforce)
	if err != nil {
		return nil, err
	}
	_, err = k.deliver(p, c.Event)
	return p, err
}

func (k *kit) reads(c call) bool {
	action, err := engine.IAMAction(c.service, c.operation)
	return err == nil && slices.ContainsFunc(k.module.Reads, func(p remediations.Permission) bool { return p.Allows(action) })
}

func outcomes(records []engine.Record) string {
	var names []string
	for _, r := range records {
		names = append(names, string(r.Outcome))
	}
	return strings.Join(names, ", ")
}
