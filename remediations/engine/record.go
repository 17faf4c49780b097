package engine

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"

	"github.com/countermand/countermand/remediations"
)

// A Record is what is kept of a run: enough to trust it, and to undo it.
type Record struct {
	ID         string                `json:"id"`
	Module     string                `json:"module"`
	Mode       remediations.Mode     `json:"mode"`              // how far the run might go, after the kill switch
	Lowered    string                `json:"lowered,omitempty"` // how the kill switch lowered the mode, and who set it
	Outcome    Outcome               `json:"outcome"`
	Resource   remediations.Resource `json:"resource"`
	EventID    string                `json:"eventID"`
	EventName  string                `json:"eventName"`
	EventTime  time.Time             `json:"eventTime"`
	LaterEvent time.Time             `json:"newer,omitzero"` // time of a later event on the resource that was handled before
	Principal  string                `json:"principal"`      // who made the call, as the event says
	Name       string                `json:"name"`           // the principal in a word or two
	SourceIP   string                `json:"sourceIP"`
	UserAgent  string                `json:"userAgent"`
	Replay     string                `json:"replay,omitempty"` // name of the replay that delivered the event
	Undoes     string                `json:"undoes,omitempty"` // id of the run that this one undoes; such a run has no event
	Reason     string                `json:"reason,omitempty"`
	Before     json.RawMessage       `json:"before,omitempty"`
	After      json.RawMessage       `json:"after,omitempty"`
	Between    json.RawMessage       `json:"between,omitempty"` // a third state that a later attempt found: half of the work, or somebody else's change
	Fix        string                `json:"fix,omitempty"`
	Revert     string                `json:"revert,omitempty"`
	Grace      time.Time             `json:"grace,omitzero"`      // people have until then to fix it themselves
	Left       string                `json:"left,omitempty"`      // what is still wrong after the action
	LeftFix    string                `json:"leftFix,omitempty"`   // the command for that
	Exemption  *Exemption            `json:"exemption,omitempty"` // why the resource is left alone
	Limit      string                `json:"limit,omitempty"`     // what kept the module from acting: "30 actions of module ..."
	Rivals     []string              `json:"rivals,omitempty"`    // of a contested resource: who broke it today, including this event's principal
	Calls      []Call                `json:"calls,omitempty"`     // AWS calls in order, the last 100 of each attempt
	Began      bool                  `json:"began,omitempty"`     // this or an earlier attempt began to act, and was counted
	Touched    bool                  `json:"touched,omitempty"`   // the resource may have been changed
	Error      string                `json:"error,omitempty"`
	Alert      string                `json:"alert,omitempty"`
	Attempt    int                   `json:"attempt"` // 1 for the first
	Version    int                   `json:"version"` // raised by every write, which must follow the version that was read
	Writer     string                `json:"writer"`  // random: which delivery wrote this version
	Started    time.Time             `json:"started"`
	Ended      time.Time             `json:"ended,omitzero"`
	Lease      time.Time             `json:"lease,omitzero"` // until then nobody else takes over an unfinished run
	Expires    time.Time             `json:"expires"`        // when the record is deleted

	countedPrincipal string // the principal whose budget the action uses
	earlierCalls     []Call // of earlier attempts
	callCount        int    // AWS calls of this attempt
	budgetLeft       *int   // actions that the module has left this hour
	touchedBefore    bool   // an earlier attempt may have changed the resource
	denied           bool   // IAM denied one of the engine's own calls
	switchUnread     bool   // the kill switch could not be read
}

// Alert states of a record.
const (
	AlertPending = "pending" // to be sent; a later delivery sends it from the record if the function dies or SNS fails
	AlertSent    = "sent"
	AlertFolded  = "folded" // sent in a summary
)

// urgent reports whether somebody has to look at the run: its outcome is urgent, or an earlier attempt acted and the
// resource is still wrong.
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

// setVerified sets the outcome of an action, from what the guard still finds after it.
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

// setNothingLeftToDo notes what the guard finds now in a run that has nothing left to do. If an earlier attempt may have
// acted, the fix counts as its work, and undo restores what that attempt saw.
func (r *Record) setNothingLeftToDo(now *remediations.Finding) {
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

// exemptionEndsSoon reports whether the run is under an exemption that people should be warned about.
func (r *Record) exemptionEndsSoon() bool {
	return r.Outcome == Exempt && r.Exemption != nil && r.Exemption.Ending
}

// needsAlert reports whether a run with this outcome sends an alert.
func (r *Record) needsAlert() bool {
	switch r.Outcome {
	case Alerted, Limited, Contested, Remediated, Partial, Unverified:
		return true
	case Observed: // an earlier attempt may have acted before the kill switch was set
		return r.Touched
	case Exempt: // an earlier attempt may have acted before the exemption
		return r.Touched || r.exemptionEndsSoon() && r.Mode != remediations.Observe
	}
	return false
}

// continueFrom makes the record the next attempt of a run that prior left unfinished, and that may have changed the
// resource. Undo must restore the state before the first change, as long as this attempt aims for the same state.
// Otherwise somebody else has changed the resource in between, and this attempt replaces their state.
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

// replaceFinding notes a state that replaced the one that was assessed.
func (r *Record) replaceFinding(f *remediations.Finding) {
	if r.touchedBefore && bytes.Equal(r.After, f.After) {
		r.setBetween(f.Before)
		return
	}
	r.setFinding(f)
}

// setBetween keeps a state that a later attempt found, unless it equals the state before or after the action. It may be
// half of an earlier attempt's work, or somebody else's change: a person who undoes the run should see it.
func (r *Record) setBetween(state json.RawMessage) {
	if state != nil && !SameState(state, r.Before) && !SameState(state, r.After) {
		r.Between = state
	}
}

// unfinished reports whether something is left to do, and nobody is doing it.
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

// alertPending reports whether the run has ended and its alert is still to be sent.
func (r *Record) alertPending() bool { return r.Alert == AlertPending }
