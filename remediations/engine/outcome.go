package engine

// An Outcome is how a run ended. Every run ends in exactly one.
type Outcome string

// The outcomes. Started is not an outcome: it marks a run in progress, or one whose function died.
const (
	Started    Outcome = "Started"
	NoMatch    Outcome = "NoMatch"    // the pattern does not match: rule and module disagree
	Rejected   Outcome = "Rejected"   // malformed, or not from CloudTrail
	Clean      Outcome = "Clean"      // the guard found nothing wrong
	Stale      Outcome = "Stale"      // nothing wrong, but a later event on the resource was handled before
	Observed   Outcome = "Observed"   // wrong; recorded only, as the mode says
	Alerted    Outcome = "Alerted"    // wrong; an alert was sent
	Exempt     Outcome = "Exempt"     // wrong, but exempt; an alert is sent if the exemption ends soon
	Limited    Outcome = "Limited"    // wrong, but a budget is spent: nothing was done; an alert was sent
	Contested  Outcome = "Contested"  // fixed too often today and wrong again: left alone; the alert says who keeps undoing it
	Duplicate  Outcome = "Duplicate"  // another delivery of the same event has the run
	Remediated Outcome = "Remediated" // fixed and verified
	Partial    Outcome = "Partial"    // fixed as far as the module may; the alert says what is left
	Unverified Outcome = "Unverified" // acted, but still wrong; an alert was sent
	Failed     Outcome = "Failed"     // an error; Lambda retries, then the event goes to the failure queue
	Undone     Outcome = "Undone"     // a person undid an earlier run
)

// Recorded returns the outcomes that a record can have. The others appear only in the function's log.
func Recorded() []Outcome {
	return []Outcome{Started, Clean, Stale, Observed, Alerted, Exempt, Limited, Contested, Remediated, Partial, Unverified, Failed, Undone}
}

// urgent reports whether somebody has to look at a run with this outcome: the module may act, but the resource is not
// fixed.
func (o Outcome) urgent() bool {
	switch o {
	case Limited, Contested, Partial, Unverified, Failed:
		return true
	}
	return false
}

// Meaning returns the outcome in a sentence.
func (o Outcome) Meaning() string {
	switch o {
	case Started:
		return "it is being worked on, or was interrupted"
	case NoMatch:
		return "the pattern does not match: rule and module disagree"
	case Rejected:
		return "malformed, or not what CloudTrail sent"
	case Clean:
		return "nothing was wrong"
	case Stale:
		return "nothing was wrong any more; a later event on the resource was handled before this one"
	case Observed:
		return "wrong; the mode says to record it only"
	case Alerted:
		return "wrong; people were told"
	case Exempt:
		return "wrong; an exemption keeps hands off"
	case Duplicate:
		return "another delivery of the same event has the run"
	case Limited:
		return "wrong, and a budget of the hour was spent: nothing was done; people were told"
	case Contested:
		return "wrong again after it was put right too often that day: nothing was done; people were told"
	case Remediated:
		return "put right, and seen to be right"
	case Partial:
		return "put right as far as the module may; something is left"
	case Unverified:
		return "acted, and still wrong"
	case Failed:
		return "an error"
	case Undone:
		return "a person took back what an earlier run did"
	}
	return "unknown to this version"
}
