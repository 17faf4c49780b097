package faulttest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/engine"
)

// baseline is what comes of a case if nothing goes wrong.
type baseline struct {
	places       []place // the operations in their order
	state        string  // of the world, at the end
	changed      string  // the same if somebody changes it before
	outcomes     string  // of the runs
	records      int
	before       map[string]string // what undo has to put back, by run
	changedAfter string            // the same if somebody changes it afterwards
}

func (s *scene) breach(format string, args ...any) {
	s.breaches = append(s.breaches, fmt.Errorf(format, args...))
}

// checkWrite checks what must hold when a write to AWS is begun, whatever becomes of it.
func (s *scene) checkWrite(i *invocation, op *operation) {
	r := s.beforeIsDurable(i, op)
	s.budgetIsCounted(i, op, r)
	s.exemptAndStoppedAreNotWritten(op, r)
	if i.name == replayName {
		s.breach("%s: a replayed event led to a write", op.place)
	}
}

// beforeIsDurable: when a write is begun the table holds this delivery's record of the run, started, leased and with
// the state from before.
func (s *scene) beforeIsDurable(i *invocation, op *operation) *engine.Record {
	input, err := json.Marshal(op.input)
	if err != nil {
		s.breach("%s: its input is no JSON: %v", op.place, err)
	}
	var found *engine.Record
	for _, r := range s.table.runs() {
		last := slices.IndexFunc(s.history, func(v version) bool { return v.record.ID == r.ID && v.record.Version == r.Version })
		switch {
		case r.Outcome != engine.Started || !r.Touched || len(r.Before) == 0 || !time.Now().Before(r.Lease):
		case last < 0 || s.history[last].delivery != i.name || s.undoing != (r.Undoes != ""):
		case found == nil || strings.Contains(string(input), r.Resource.ID):
			found = r
		}
	}
	if found == nil {
		s.breach("%s: before a write the table must hold this delivery's record, Started, with a lease and the state from "+
			"before; it holds none", op.place)
	}
	return found
}

// budgetIsCounted: when a write is begun the action has been counted, and the limit is kept.
func (s *scene) budgetIsCounted(i *invocation, op *operation, r *engine.Record) {
	if s.undoing {
		return // a person has no budget
	}
	key := i.name
	if r != nil {
		key += " " + r.ID
	}
	s.acted[key] = true
	if counted := s.table.countedActions(); counted < len(s.acted) {
		s.breach("%s: the module has acted %d times, and %d are counted", op.place, len(s.acted), counted)
	}
	if len(s.acted) > s.setup.limit {
		s.breach("%s: the module has acted %d times, and its limit is %d", op.place, len(s.acted), s.setup.limit)
	}
}

// noActionTwice: what is right is not written again, not by a retry either. The SDK's own tries of one call are one
// action; and nobody can see what the run of another event does between the last look and the write.
func (s *scene) noActionTwice(op *operation) {
	if op.applied || s.baseline == nil || s.world.State() != s.baseline.state || s.inTheGap("another event meanwhile") {
		return
	}
	s.breach("%s: it was right already, and was written again", op.place)
}

// inTheGap reports whether somebody else has struck where the guard does not look at everything again before the write.
func (s *scene) inTheGap(name string) bool {
	return slices.ContainsFunc(s.plan, func(k *injection) bool {
		return k.name == name && k.hits > 0 && !readsAllAgain(s.baseline.places, k.at)
	})
}

// readsAllAgain reports whether all that the module reads it reads again between a place and the first write. It looks twice
// before it writes. What belongs to the first look is over when the second begins; Begin is at the same time as that.
func readsAllAgain(places []place, at place) bool {
	write := slices.IndexFunc(places, func(p place) bool { return p.kind == "write" })
	if struck := slices.Index(places, at); struck < 0 || struck >= write || at.operation == "TransactWriteItems" {
		return false
	}
	return at.kind != "read" || at.nth <= readsPerLook(places, at)
}

// readsPerLook is how many calls of an operation there are in one look of the guard.
func readsPerLook(places []place, of place) int {
	n := 0
	for _, p := range places {
		if p.kind == "write" {
			break
		}
		if p.service == of.service && p.operation == of.operation {
			n++
		}
	}
	return n / 2
}

// handsAreKeptOff: nothing is written to what an exemption covers, or while the module is stopped, whether or not that
// could be looked up.
func (s *scene) exemptAndStoppedAreNotWritten(op *operation, r *engine.Record) {
	if s.setup.mayNotWrite() {
		s.breach("%s: %s, and AWS was written to all the same", op.place, s.setup.name)
	}
	if r != nil && r.Mode != remediations.Enforce && !s.undoing {
		s.breach("%s: the run is in mode %s, and AWS was written to all the same", op.place, r.Mode)
	}
}

// checkAlert checks what must hold at the moment of an alert: the run that it is about stands in the table, ended as the alert
// says. Of a failure to write to the table itself the alert is the only trace, beside the failed invocation.
func (s *scene) checkAlert(m engine.Message) {
	s.alerts = append(s.alerts, m)
	s.journal = append(s.journal, "told: "+m.Subject)
	says := func(r *engine.Record) bool {
		said := engine.Render(s.module, r)
		return said.Body == m.Body && said.Subject == m.Subject
	}
	if slices.ContainsFunc(s.table.runs(), says) || s.failureWasTakenOver(says) {
		return
	}
	if !strings.Contains(m.Subject, " "+string(engine.Failed)+":") || !s.struck("table") {
		s.breach("an alert went out whose run does not stand so in the table: %s", m.Subject)
	}
}

// failureWasTakenOver reports whether an alert was true of a failure that a duplicate took over in between: the record of a failure
// and its alert are two steps, and a run that has failed may be tried again at once.
func (s *scene) failureWasTakenOver(says func(*engine.Record) bool) bool {
	return slices.ContainsFunc(s.plan, func(k *injection) bool {
		return k.name == "a duplicate meanwhile" && k.hits > 0 && k.at.kind == "alert"
	}) &&
		slices.ContainsFunc(s.history, func(v version) bool { return v.record.Outcome == engine.Failed && says(v.record) })
}

// checkEnd checks what must hold when all deliveries are over.
func (s *scene) checkEnd() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.oneOutcome()
	s.everyRunIsAlerted()
	s.fixedOrAlerted()
	s.singleFaultIsSurvived()
	s.changesAreKept()
	s.firstStateIsKept()
	s.alertedOnce()
}

// settled reports whether a record says how a run ended, for good.
func settled(r *engine.Record) bool {
	return r.Outcome != engine.Started && r.Outcome != engine.Failed && !nothingWrong(r)
}

// nothingWrong reports whether nothing was wrong.
func nothingWrong(r *engine.Record) bool {
	return r.Outcome == engine.Clean || r.Outcome == engine.Stale
}

// oneOutcome: each run ends in exactly one outcome, or its event is in the failure queue.
func (s *scene) oneOutcome() {
	ends := map[string]map[engine.Outcome]bool{}
	for _, v := range s.history {
		if settled(v.record) {
			if ends[v.record.ID] == nil {
				ends[v.record.ID] = map[engine.Outcome]bool{}
			}
			ends[v.record.ID][v.record.Outcome] = true
		}
	}
	for id, outcomes := range ends {
		if len(outcomes) > 1 {
			s.breach("run %s has ended as each of %v: want one outcome", id, slices.Sorted(maps.Keys(outcomes)))
		}
	}
	runs := s.table.runs()
	if s.queued > 0 {
		if len(runs) == 0 && !s.struck("table") && !s.struck("death") {
			s.breach("the event is in the failure queue, and no record says that it failed")
		}
		return
	}
	if s.baseline != nil && len(runs) < s.baseline.records {
		s.breach("the event was dealt with, and led to %d records: want %d", len(runs), s.baseline.records)
	}
	for _, r := range runs {
		if !settled(r) && !nothingWrong(r) {
			s.breach("the event was dealt with, and run %s stands as %s", r.ID, r.Outcome)
		}
	}
}

// nobodyIsToldNothing: of each run that found something people hear, or its event is in the failure queue; and what was
// written to is known to have been touched.
func (s *scene) everyRunIsAlerted() {
	runs := s.table.runs()
	touched := slices.ContainsFunc(runs, func(r *engine.Record) bool { return r.Touched })
	if s.writes > 0 && !touched {
		s.breach("AWS was written to, and no record says so")
	}
	for _, r := range runs {
		if r.Outcome == engine.Remediated && s.writes == 0 {
			s.breach("run %s says that it has put it right, and nothing was written to AWS", r.ID)
		}
	}
	if s.queued > 0 {
		return
	}
	for _, r := range runs {
		if !r.Touched && (nothingWrong(r) || r.Outcome == engine.Exempt || r.Outcome == engine.Observed) {
			continue
		}
		told := slices.ContainsFunc(s.alerts, func(m engine.Message) bool { return strings.Contains(m.Body, "run "+r.ID+" ") })
		if !told && !s.table.inBacklog(r) {
			s.breach("run %s ended as %s, and nobody was told", r.ID, r.Outcome)
		}
	}
}

// rightOrSaid: what is still wrong in the end is in the failure queue, or people were told so.
func (s *scene) fixedOrAlerted() {
	if s.baseline == nil || s.queued > 0 || s.setup.mayNotWrite() || s.struckBy(changes) || s.world.State() == s.baseline.state {
		return
	}
	for _, r := range s.table.runs() {
		switch r.Outcome {
		case engine.Alerted, engine.Limited, engine.Contested, engine.Partial, engine.Unverified:
			return // nobodyIsToldNothing has seen to the alert
		case engine.Observed:
			if r.Lowered != "" && s.struck("switch") {
				return // an alarm rings
			}
		}
	}
	s.breach("it is %s in the end, not %s, and nobody was told", s.world.State(), s.baseline.state)
}

// onesFaultIsSurvived: one fault of one try, or one that is over with the first delivery, changes nothing of how it ends.
func (s *scene) singleFaultIsSurvived() {
	if s.baseline == nil || s.setup.limit == 1 || len(s.plan) != 1 || s.plan[0].duration == forever || s.struckBy(changes) {
		return
	}
	if s.plan[0].name == noEffect || s.plan[0].corruptsRead() || s.plan[0].at.kind == "switch" && s.plan[0].fault.class != "death" {
		return // rightOrSaid holds all the same: what had no effect is seen, and said; who can't read the switch observes
	}
	if s.queued > 0 {
		s.breach("the fault was over, and the event is in the failure queue all the same")
	}
	if got := s.world.State(); got != s.baseline.state {
		s.breach("the fault was over, and it is %s in the end: want %s", got, s.baseline.state)
	}
	if got := outcomes(s.table.runs()); s.plan[0].fault.class != "company" && got != s.baseline.outcomes {
		s.breach("the fault was over, and it ended as %s: want %s", got, s.baseline.outcomes)
	}
}

// firstStateIsKept: however many attempts it took, what undo has to put back is the state before the first of them.
func (s *scene) firstStateIsKept() {
	others := func(k *injection) bool { return k.fault.class == "company" || k.corruptsRead() }
	if s.baseline == nil || s.queued > 0 || slices.ContainsFunc(s.plan, others) {
		return
	}
	for _, r := range s.table.runs() {
		if want := s.baseline.before[r.ID]; r.Touched && string(r.Before) != want {
			s.breach("run %s says that before it there was %s: want %s", r.ID, r.Before, want)
		}
	}
}

// changesAreKept: what somebody has changed before the last look is not overwritten. Of several resources one may be
// judged before the change and another after it.
func (s *scene) changesAreKept() {
	if s.baseline == nil || s.baseline.records != 1 || len(s.plan) != 1 || !s.struckBy(changes) {
		return
	}
	after := s.plan[0].after(s.baseline.places)
	if s.plan[0].at.kind == "write" || !after && s.inTheGap(changes) {
		return
	}
	want := []string{s.baseline.changed}
	if after { // it was put right before
		want = append(want, s.baseline.state, s.baseline.changedAfter)
	}
	if got := s.world.State(); !slices.Contains(want, got) {
		s.breach("somebody changed it at %s, and it is %s in the end: want %s", s.plan[0].at, got, strings.Join(want, " or "))
	}
}

// after reports whether the strike comes after the first write.
func (k *injection) after(places []place) bool {
	write := slices.IndexFunc(places, func(p place) bool { return p.kind == "write" })
	return write >= 0 && slices.Index(places, k.at) > write
}

// toldOnce: people are told of a run's end once. They may be told twice if the answer to the alert, or the record that it
// was sent, was lost: that is better than not at all.
func (s *scene) alertedOnce() {
	if s.struck("alert") || s.struck("table") || s.struck("death") {
		return
	}
	times := map[string]int{}
	for _, m := range s.alerts {
		if !strings.Contains(m.Subject, " "+string(engine.Failed)+":") {
			if times[m.Body]++; times[m.Body] == 2 {
				s.breach("people were told twice: %s", m.Subject)
			}
		}
	}
}

func (s *scene) struckBy(name string) bool {
	return slices.ContainsFunc(s.plan, func(k *injection) bool { return k.name == name && k.hits > 0 })
}

// outcomes is how runs ended, in words.
func outcomes(runs []*engine.Record) string {
	var all []string
	for _, r := range runs {
		all = append(all, string(r.Outcome))
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}
