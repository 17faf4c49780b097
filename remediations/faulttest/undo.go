package faulttest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/engine"
	"github.com/countermand/countermand/remediations/engine/store"
)

// person is who undoes a run.
const person = "arn:aws:iam::111122223333:user/olga"

// playUndos plays a person's undo of a case's runs, with each fault at each of its calls.
func playUndos(t *testing.T, m *remediations.Module, c Case, res *results) {
	t.Helper()
	var places []place
	before := c.World().State()
	synctest.Test(t, func(t *testing.T) {
		s := sceneAfterAction(t, m, c)
		if end := s.undoThreeTimes(); end != string(engine.Undone) || s.state() != before {
			s.breach("the undo without a fault ended as %s and left %s, want Undone and %s", end, s.state(), before)
		}
		places = s.places
		res.addBreaches(c, s)
	})
	for _, inj := range injections(places, c) {
		if inj.fault.class == "interference" && inj.name != changesResource || inj.name == writeWithoutEffect || !res.next() {
			continue
		}
		synctest.Test(t, func(t *testing.T) {
			s := sceneAfterAction(t, m, c)
			afterAction := s.state()
			s.plan = []*injection{inj}
			end := s.undoThreeTimes()
			s.mu.Lock()
			defer s.mu.Unlock()
			s.checkUndo(end, before, afterAction, places)
			if inj.hits == 0 {
				s.breach("the fault never struck")
			}
			res.addBreaches(c, s)
			res.count(row{inj.name, "undo"}, end)
		})
	}
}

// sceneAfterAction returns a scene in which the module has fixed something. Later operations are counted from zero.
func sceneAfterAction(t *testing.T, m *remediations.Module, c Case) *scene {
	s := newScene(t, m, c, plain)
	s.deliver()
	s.undoing, s.places, s.writes, s.journal = true, nil, 0, nil
	return s
}

// undoThreeTimes does what the command "countermand undo" does, for a person who tries three times, and returns how
// that ended: "Undone", "refused" if somebody has changed the resource, or "an error".
func (s *scene) undoThreeTimes() string {
	end := "an error"
	for n := 1; n <= 3; n++ {
		i := &invocation{scene: s, name: fmt.Sprintf("undo %d", n), number: n, counts: map[string]int{}}
		ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
		err := s.undo(ctx, i)
		cancel()
		s.note("%s: %v, died %t", i.name, err, i.died())
		switch {
		case i.died():
		case err == nil:
			return string(engine.Undone)
		case errors.Is(err, remediations.ErrChanged):
			return "refused"
		}
		time.Sleep(2 * time.Minute)
	}
	return end
}

// undo undoes every run that has touched something.
func (s *scene) undo(ctx context.Context, i *invocation) error {
	cfg := i.config(s.event.Region)
	for _, r := range s.records() {
		if !r.Touched || r.Undoes != "" {
			continue
		}
		if undone := s.table.items[remediations.UndoRow(r.ID)]; undone != nil && textOf(undone["outcome"]) == string(engine.Undone) {
			continue
		}
		t := &engine.UndoRequest{Module: s.module, Run: r, AWS: cfg, Store: store.NewDynamoDB(cfg, "runs"),
			Principal: person, Name: "olga", Now: time.Now}
		if err := t.Check(ctx); err != nil {
			return err
		}
		if _, err := t.Undo(ctx); err != nil {
			return err
		}
	}
	return nil
}

// checkUndo checks what must hold after an undo: the resource is as it was before the run, or as the run left it; what
// the person was told is true; and somebody's change in between was not overwritten.
func (s *scene) checkUndo(end, before, acted string, places []place) {
	state, inj := s.world.State(), s.plan[0]
	if inj.name == changesResource {
		s.checkChangeSurvivesUndo(end, acted, places)
		return
	}
	recorded := false
	for _, r := range s.table.runs() {
		recorded = recorded || r.Outcome == engine.Undone
	}
	switch {
	case end == string(engine.Undone) && (state != before || !recorded):
		s.breach("the undo reported success; the state is %s, want %s; recorded: %t", state, before, recorded)
	case end == "refused" && inj.corruptsRead() && s.writes == 0:
	case end == "refused":
		s.breach("nobody changed the resource, but the undo was refused")
	case s.writes == 0 && state != acted:
		s.breach("the undo wrote nothing, but the state is %s, not %s", state, acted)
	case end != string(engine.Undone) && inj.duration != forever:
		s.breach("the fault was over, but the undo ended as %s", end)
	}
}

// checkChangeSurvivesUndo checks that an undo is refused if somebody changed the resource before the last read. Between
// that read and the write nobody can see a change; a service whose write is conditional protects it even then.
func (s *scene) checkChangeSurvivesUndo(end, acted string, places []place) {
	if !readsAllAgain(places, s.plan[0].place) {
		return
	}
	if end == string(engine.Undone) || s.writes > 0 {
		s.breach("somebody changed the resource at %s; the undo ended as %s and wrote %d times: want a refusal and no write",
			s.plan[0].place, end, s.writes)
	}
	if state := s.world.State(); state == acted {
		s.breach("somebody changed the resource, but its state is still %s", state)
	}
}
