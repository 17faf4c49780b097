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

// A baseline is the result of a case without faults.
type baseline struct {
	places       []place // the operations in order
	state        string  // of the world, at the end
	changed      string  // the state if somebody changes the world before the event
	outcomes     string  // of the runs
	records      int
	before       map[string]string // the state that undo has to restore, by run
	changedAfter string            // the state if somebody changes the world afterwards
}

// breach notes that an invariant does not hold.
func (s *scene) breach(format string, args ...any) {
	s.breaches = append(s.breaches, fmt.Errorf(format, args...))
}

// checkWrite checks what must hold when a write to AWS begins, whatever becomes of it.
func (s *scene) checkWrite(i *invocation, op *awsOperation) {
	r := s.checkBeforeIsDurable(i, op)
	s.checkBudgetIsCounted(i, op, r)
	s.checkExemptAndStopped(op, r)
	if i.name == replayName {
		s.breach("%s: a replayed event led to a write", op.place)
	}
}

// checkBeforeIsDurable checks that when a write begins, the table holds this delivery's record of the run: started,
// leased, and with the state from before.
func (s *scene) checkBeforeIsDurable(i *invocation, op *awsOperation) *engine.Record {
	input, err := json.Marshal(op.input)
	if err != nil {
		s.breach("%s: encode its input: %v", op.place, err)
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
			"before; there is none", op.place)
	}
	return found
}

// checkBudgetIsCounted checks that when a write begins, the action has been counted and the limit is kept.
func (s *scene) checkBudgetIsCounted(i *invocation, op *awsOperation, r *engine.Record) {
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

// checkNoActionTwice checks that nobody writes to a resource that is already fixed, not even a retry. The SDK's own
// tries of one call are one action. A concurrent run of another event is invisible between the last read and the write.
func (s *scene) checkNoActionTwice(op *awsOperation) {
	if op.applied || s.baseline == nil || s.world.State() != s.baseline.state || s.struckAfterLastRead(anotherMeanwhile) {
		return
	}
	s.breach("%s: the resource was already fixed, and was written again", op.place)
}

// struckAfterLastRead reports whether somebody else has interfered after the guard last read everything before the
// write.
func (s *scene) struckAfterLastRead(name string) bool {
	return slices.ContainsFunc(s.plan, func(inj *injection) bool {
		return inj.name == name && inj.hits > 0 && !readsAllAgain(s.baseline.places, inj.place)
	})
}

// readsAllAgain reports whether the module reads everything again between a place and the first write. The guard runs
// twice before a write; the first run ends before the second begins, and Begin runs together with the second.
func readsAllAgain(places []place, at place) bool {
	write := slices.IndexFunc(places, func(p place) bool { return p.kind == "write" })
	if struck := slices.Index(places, at); struck < 0 || struck >= write || at.operation == "TransactWriteItems" {
		return false
	}
	return at.kind != "read" || at.nth <= readsPerLook(places, at)
}

// readsPerLook returns how often one run of the guard makes a call.
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

// checkExemptAndStopped checks that nothing is written to an exempt resource, or while the module is stopped, even if
// that could not be read.
func (s *scene) checkExemptAndStopped(op *awsOperation, r *engine.Record) {
	if s.setup.mayNotWrite() {
		s.breach("%s: %s, but AWS was written to", op.place, s.setup.name)
	}
	if r != nil && r.Mode != remediations.Enforce && !s.undoing {
		s.breach("%s: the run is in mode %s, but AWS was written to", op.place, r.Mode)
	}
}

// checkAlert checks what must hold when an alert is sent: the table has the run as the alert describes it. If the write
// to the table fails, the alert and the failed invocation are the only traces.
func (s *scene) checkAlert(m engine.Message) {
	s.alerts = append(s.alerts, m)
	s.journal = append(s.journal, "alert: "+m.Subject)
	says := func(r *engine.Record) bool {
		said := engine.Render(s.module, r)
		return said.Body == m.Body && said.Subject == m.Subject
	}
	if slices.ContainsFunc(s.table.runs(), says) || s.failureWasTakenOver(says) {
		return
	}
	if !strings.Contains(m.Subject, " "+string(engine.Failed)+":") || !s.struck("table") {
		s.breach("an alert was sent that does not match the table: %s", m.Subject)
	}
}

// failureWasTakenOver reports whether an alert was true of a failure that a duplicate took over in between: a failure's
// record and its alert are two steps, and a failed run may be retried at once.
func (s *scene) failureWasTakenOver(says func(*engine.Record) bool) bool {
	return slices.ContainsFunc(s.plan, func(inj *injection) bool {
		return inj.name == duplicateMeanwhile && inj.hits > 0 && inj.place.kind == "alert"
	}) &&
		slices.ContainsFunc(s.history, func(v version) bool { return v.record.Outcome == engine.Failed && says(v.record) })
}

// checkEnd checks what must hold after all deliveries.
func (s *scene) checkEnd() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.checkOneOutcome()
	s.checkEveryRunIsAlerted()
	s.checkFixedOrAlerted()
	s.checkSingleFaultIsSurvived()
	s.checkChangesAreKept()
	s.checkFirstStateIsKept()
	s.checkAlertedOnce()
}

// settled reports whether a record has its final outcome.
func settled(r *engine.Record) bool {
	return r.Outcome != engine.Started && r.Outcome != engine.Failed && !nothingWrong(r)
}

// nothingWrong reports whether the guard found nothing.
func nothingWrong(r *engine.Record) bool {
	return r.Outcome == engine.Clean || r.Outcome == engine.Stale
}

// checkOneOutcome checks that each run ends in exactly one outcome, or its event is in the failure queue.
func (s *scene) checkOneOutcome() {
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
			s.breach("run %s ended as each of %v: want one outcome", id, slices.Sorted(maps.Keys(outcomes)))
		}
	}
	runs := s.table.runs()
	if s.failureQueue > 0 {
		if len(runs) == 0 && !s.struck("table") && !s.struck("death") {
			s.breach("the event is in the failure queue, but no record is Failed")
		}
		return
	}
	if s.baseline != nil && len(runs) < s.baseline.records {
		s.breach("the event is done, but led to %d records: want %d", len(runs), s.baseline.records)
	}
	for _, r := range runs {
		if !settled(r) && !nothingWrong(r) {
			s.breach("the event is done, but run %s is %s", r.ID, r.Outcome)
		}
	}
}

// checkEveryRunIsAlerted checks that people are alerted on each run that found something, or its event is in the
// failure queue; and that a record says what was written to.
func (s *scene) checkEveryRunIsAlerted() {
	runs := s.table.runs()
	touched := slices.ContainsFunc(runs, func(r *engine.Record) bool { return r.Touched })
	if s.writes > 0 && !touched {
		s.breach("AWS was written to, but no record says so")
	}
	for _, r := range runs {
		if r.Outcome == engine.Remediated && s.writes == 0 {
			s.breach("run %s is Remediated, but nothing was written to AWS", r.ID)
		}
	}
	if s.failureQueue > 0 {
		return
	}
	for _, r := range runs {
		if !r.Touched && (nothingWrong(r) || r.Outcome == engine.Exempt || r.Outcome == engine.Observed) {
			continue
		}
		alerted := slices.ContainsFunc(s.alerts, func(m engine.Message) bool { return strings.Contains(m.Body, "run "+r.ID+" ") })
		if !alerted && !s.table.inBacklog(r) {
			s.breach("run %s ended as %s, but nobody was alerted", r.ID, r.Outcome)
		}
	}
}

// checkFixedOrAlerted checks that a resource that is still wrong in the end was alerted, or its event is in the failure
// queue.
func (s *scene) checkFixedOrAlerted() {
	if s.baseline == nil || s.failureQueue > 0 || s.setup.mayNotWrite() || s.wasStruckBy(changesResource) || s.world.State() == s.baseline.state {
		return
	}
	for _, r := range s.table.runs() {
		switch r.Outcome {
		case engine.Alerted, engine.Limited, engine.Contested, engine.Partial, engine.Unverified:
			return // checkEveryRunIsAlerted checks the alert
		case engine.Observed:
			if r.Lowered != "" && s.struck("switch") {
				return // an alarm rings
			}
		}
	}
	s.breach("the end state is %s, not %s, and nobody was alerted", s.world.State(), s.baseline.state)
}

// checkSingleFaultIsSurvived checks that a single fault that lasts for one try, or for the first delivery, does not
// change the end.
func (s *scene) checkSingleFaultIsSurvived() {
	if s.baseline == nil || s.setup.limit == 1 || len(s.plan) != 1 || s.plan[0].duration == forever || s.wasStruckBy(changesResource) {
		return
	}
	if s.plan[0].name == writeWithoutEffect || s.plan[0].corruptsRead() || s.plan[0].place.kind == "switch" && s.plan[0].fault.class != "death" {
		return // checkFixedOrAlerted still holds: a write without effect is noticed and alerted; without the switch a run observes
	}
	if s.failureQueue > 0 {
		s.breach("the fault was over, but the event is in the failure queue")
	}
	if got := s.world.State(); got != s.baseline.state {
		s.breach("the fault was over, but the end state is %s: want %s", got, s.baseline.state)
	}
	if got := outcomesOf(s.table.runs()); s.plan[0].fault.class != "interference" && got != s.baseline.outcomes {
		s.breach("the fault was over, but the runs ended as %s: want %s", got, s.baseline.outcomes)
	}
}

// checkFirstStateIsKept checks that undo restores the state before the first attempt, however many attempts there were.
func (s *scene) checkFirstStateIsKept() {
	others := func(inj *injection) bool { return inj.fault.class == "interference" || inj.corruptsRead() }
	if s.baseline == nil || s.failureQueue > 0 || slices.ContainsFunc(s.plan, others) {
		return
	}
	for _, r := range s.table.runs() {
		if want := s.baseline.before[r.ID]; r.Touched && string(r.Before) != want {
			s.breach("run %s has the state before %s: want %s", r.ID, r.Before, want)
		}
	}
}

// checkChangesAreKept checks that somebody's change before the last read is not overwritten. With several resources,
// one may be checked before the change and another one after it.
func (s *scene) checkChangesAreKept() {
	if s.baseline == nil || s.baseline.records != 1 || len(s.plan) != 1 || !s.wasStruckBy(changesResource) {
		return
	}
	after := s.plan[0].afterFirstWrite(s.baseline.places)
	if s.plan[0].place.kind == "write" || !after && s.struckAfterLastRead(changesResource) {
		return
	}
	want := []string{s.baseline.changed}
	if after { // it was fixed before
		want = append(want, s.baseline.state, s.baseline.changedAfter)
	}
	if got := s.world.State(); !slices.Contains(want, got) {
		s.breach("somebody changed the resource at %s, and the end state is %s: want %s", s.plan[0].place, got, strings.Join(want, " or "))
	}
}

// afterFirstWrite reports whether the injection comes after the first write.
func (inj *injection) afterFirstWrite(places []place) bool {
	write := slices.IndexFunc(places, func(p place) bool { return p.kind == "write" })
	return write >= 0 && slices.Index(places, inj.place) > write
}

// checkAlertedOnce checks that a run's end is alerted once. If the answer to the alert, or the record that it was sent,
// was lost, it may be alerted twice: that is better than not at all.
func (s *scene) checkAlertedOnce() {
	if s.struck("alert") || s.struck("table") || s.struck("death") {
		return
	}
	times := map[string]int{}
	for _, m := range s.alerts {
		if !strings.Contains(m.Subject, " "+string(engine.Failed)+":") {
			if times[m.Body]++; times[m.Body] == 2 {
				s.breach("people were alerted twice: %s", m.Subject)
			}
		}
	}
}

// wasStruckBy reports whether a fault of the plan struck.
func (s *scene) wasStruckBy(name string) bool {
	return slices.ContainsFunc(s.plan, func(inj *injection) bool { return inj.name == name && inj.hits > 0 })
}

// outcomesOf returns how runs ended, in words.
func outcomesOf(runs []*engine.Record) string {
	var all []string
	for _, r := range runs {
		all = append(all, string(r.Outcome))
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}
