package engine

// Outcome is how a run ended. Every run ends in exactly one.
type Outcome string

// The outcomes. Started is not one: it marks a run that is being worked on, or whose function died.
const (
	Started    Outcome = "Started"
	NoMatch    Outcome = "NoMatch"    // the pattern does not match: the rule and the module disagree
	Rejected   Outcome = "Rejected"   // malformed, or not what CloudTrail sent
	Clean      Outcome = "Clean"      // the guard found nothing wrong
	Stale      Outcome = "Stale"      // the same, and a later event on the resource was handled before
	Observed   Outcome = "Observed"   // wrong; the mode says to record it only
	Alerted    Outcome = "Alerted"    // wrong; people were told
	Exempt     Outcome = "Exempt"     // wrong; an exemption keeps hands off, and people are told if it ends soon
	Limited    Outcome = "Limited"    // wrong, and a budget is spent: nothing was done; people were told
	Contested  Outcome = "Contested"  // put right too often today and wrong again: hands off; people were told who fights
	Duplicate  Outcome = "Duplicate"  // another delivery of the same event is dealt with or being dealt with
	Remediated Outcome = "Remediated" // put right, and seen to be right
	Partial    Outcome = "Partial"    // put right as far as the module may; people were told of the rest
	Unverified Outcome = "Unverified" // acted, and still wrong; people were told
	Failed     Outcome = "Failed"     // an error; Lambda tries again, then the failure queue has the event
	Undone     Outcome = "Undone"     // a person took back what an earlier run did
)

// Recorded are the outcomes that a record can have. The others are in the function's log only.
func Recorded() []Outcome {
	return []Outcome{Started, Clean, Stale, Observed, Alerted, Exempt, Limited, Contested, Remediated, Partial, Unverified, Failed, Undone}
}

// urgent reports whether somebody has to look at what ended so: the module may act, and it is not put right.
func (o Outcome) urgent() bool {
	switch o {
	case Limited, Contested, Partial, Unverified, Failed:
		return true
	}
	return false
}

// Meaning is an outcome in a sentence.
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
