package engine

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"

	"github.com/countermand/countermand/remediations"
)

// Record is what is kept of a run: enough to trust it, and to take it back.
type Record struct {
	ID        string                `json:"id"`
	Module    string                `json:"module"`
	Mode      remediations.Mode     `json:"mode"`              // how far it might go, the kill switch included
	Lowered   string                `json:"lowered,omitempty"` // how the kill switch has lowered that, and who has set it
	Outcome   Outcome               `json:"outcome"`
	Resource  remediations.Resource `json:"resource"`
	EventID   string                `json:"eventID"`
	EventName string                `json:"eventName"`
	EventTime time.Time             `json:"eventTime"`
	Newer     time.Time             `json:"newer,omitzero"` // time of a later event on the resource, if one was handled before
	Principal string                `json:"principal"`      // who made the call, as the event says
	Name      string                `json:"name"`           // the same in a word or two
	SourceIP  string                `json:"sourceIP"`
	UserAgent string                `json:"userAgent"`
	Replay    string                `json:"replay,omitempty"` // name of the replay that delivered the event
	Undoes    string                `json:"undoes,omitempty"` // id of the run that this one takes back; such a run has no event
	Reason    string                `json:"reason,omitempty"`
	Before    json.RawMessage       `json:"before,omitempty"`
	After     json.RawMessage       `json:"after,omitempty"`
	Between   json.RawMessage       `json:"between,omitempty"` // what a later attempt found, if neither: half of the work, or somebody else's state
	Fix       string                `json:"fix,omitempty"`
	Revert    string                `json:"revert,omitempty"`
	Grace     time.Time             `json:"grace,omitzero"`      // people have until then to put it right themselves
	Left      string                `json:"left,omitempty"`      // what is still wrong after the action
	LeftFix   string                `json:"leftFix,omitempty"`   // the command for that
	Exemption *Exemption            `json:"exemption,omitempty"` // what keeps hands off
	Limit     string                `json:"limit,omitempty"`     // what kept the module from acting: "30 actions of module ..."
	Rivals    []string              `json:"rivals,omitempty"`    // of a contested resource: who made it wrong today, this event's principal included
	Calls     []Call                `json:"calls,omitempty"`     // AWS calls in the order they were made, the last 100 of each attempt
	Began     bool                  `json:"began,omitempty"`     // this attempt or an earlier one began to act, and was counted
	Touched   bool                  `json:"touched,omitempty"`   // the resource may have been changed: the module was let write
	Error     string                `json:"error,omitempty"`
	Alert     string                `json:"alert,omitempty"`
	Attempt   int                   `json:"attempt"` // 1 for the first
	Version   int                   `json:"version"` // raised by every write: who writes must have read the one before
	Writer    string                `json:"writer"`  // random: which delivery wrote this version
	Started   time.Time             `json:"started"`
	Ended     time.Time             `json:"ended,omitzero"`
	Lease     time.Time             `json:"lease,omitzero"` // until when nobody else takes an unfinished run over
	Expires   time.Time             `json:"expires"`        // when the record is deleted

	countedPrincipal string // whom the action is counted on
	earlierCalls     []Call // of earlier attempts
	callCount        int    // calls of this attempt
	budgetLeft       *int   // actions that the module has left in this hour, after this one
	touchedBefore    bool   // an earlier attempt may have changed the resource
	denied           bool   // IAM refused a call of the engine's own
	switchUnread     bool   // the kill switch could not be read
}

// Alert states of a record.
const (
	AlertPending = "pending" // to be sent; sent again from the record if the function dies or SNS fails
	AlertSent    = "sent"
	AlertFolded  = "folded" // told in a summary
)

// urgent reports the same of a run, which may also have left wrong what an earlier attempt of it acted upon.
func (r *Record) urgent() bool { return r.Outcome.urgent() || r.Touched && r.Outcome != Remediated }

// fail notes that the run failed, and why.
func (r *Record) fail(err error) {
	r.Outcome, r.Error = Failed, err.Error()
	r.denied = r.denied || accessDenied[remediations.ErrorCode(err)]
}

// setFinding notes what is wrong.
func (r *Record) setFinding(f *remediations.Finding) {
	r.Reason, r.Fix, r.Revert, r.Before, r.After, r.Grace = f.Reason, f.Fix, f.Revert, f.Before, f.After, f.Grace
}

// setVerified is the outcome of an action, by what the guard still finds after it.
func (r *Record) setVerified(left *remediations.Finding) {
	switch {
	case left == nil:
		r.Outcome = Remediated
		return
	case left.AlertOnly:
		r.Outcome = Partial
	default:
		r.Outcome = Unverified
	}
	r.Left, r.LeftFix = left.Reason, left.Fix
}

// setFixedBefore is the outcome of a run that has nothing left to do, by what the guard finds now. Where an earlier attempt
// may have acted, it is that one's doing, and what undo has to put back is what that one saw.
func (r *Record) setFixedBefore(now *remediations.Finding) {
	switch {
	case r.touchedBefore && now == nil:
		r.Outcome = Remediated
	case r.touchedBefore && now.AlertOnly:
		r.setVerified(now)
	case now == nil:
		r.setFinding(&remediations.Finding{})
	default:
		r.setFinding(now)
	}
}

// exemptionEndsSoon reports whether the run is under an exemption that people should hear of before it ends.
func (r *Record) exemptionEndsSoon() bool {
	return r.Outcome == Exempt && r.Exemption != nil && r.Exemption.Ending
}

// needsAlert reports whether people hear of a run that has ended so.
func (r *Record) needsAlert() bool {
	switch r.Outcome {
	case Alerted, Limited, Contested, Remediated, Partial, Unverified:
		return true
	case Observed: // by an attempt after one that may have acted: the kill switch has come in between
		return r.Touched
	case Exempt: // it may have been acted upon before it was exempt
		return r.Touched || r.exemptionEndsSoon() && r.Mode != remediations.Observe
	}
	return false
}

// continueFrom makes the record the next attempt at the run that prior left unfinished, and that may have touched
// the resource already. What undo must put back is the state before the first touch, as long as this attempt
// wants the same: otherwise somebody else has changed the resource in between, and it is their state that
// this attempt replaces.
func (r *Record) continueFrom(prior *Record) {
	r.Version, r.Attempt, r.Began = prior.Version+1, prior.Attempt+1, prior.Began
	if !prior.Touched {
		return
	}
	r.Touched, r.touchedBefore = true, true
	r.earlierCalls, r.Calls = prior.Calls, slices.Concat(prior.Calls, r.Calls)
	if r.Before == nil || bytes.Equal(r.After, prior.After) {
		now := r.Before
		r.Reason, r.Before, r.After, r.Fix, r.Revert, r.Between = prior.Reason, prior.Before, prior.After, prior.Fix, prior.Revert, prior.Between
		r.setBetween(now)
	}
}

// replaceFinding notes a state that has taken the place of the one that was judged.
func (r *Record) replaceFinding(f *remediations.Finding) {
	if r.touchedBefore && bytes.Equal(r.After, f.After) {
		r.setBetween(f.Before)
		return
	}
	r.setFinding(f)
}

// setBetween keeps a state that a later attempt found, unless it is the one before or after the action. It may be half of
// what an earlier attempt did, or what somebody has set since: a person who takes the run back should see it.
func (r *Record) setBetween(state json.RawMessage) {
	if state != nil && !SameState(state, r.Before) && !SameState(state, r.After) {
		r.Between = state
	}
}

// unfinished reports whether there is something left to do about the run, and nobody doing it.
func (r *Record) unfinished(now time.Time) bool {
	if now.Before(r.Lease) {
		return false
	}
	switch r.Outcome {
	case Started, Failed, Clean, Stale:
		return true
	}
	return r.alertPending()
}

// alertPending reports whether the run is over but for its alert.
func (r *Record) alertPending() bool { return r.Alert == AlertPending }
