package engine

import (
	"fmt"
	"strings"
	"time"

	"github.com/countermand/countermand/remediations"
)

// Report returns everything that is known about a run in plain text. The module is nil if it no longer exists; undone
// is the run that undid this one, or nil.
func Report(m *remediations.Module, r, undone *Record) string {
	var b strings.Builder
	section := sections(&b)
	fmt.Fprintf(&b, "run %s\n%s: %s\n\n", r.ID, r.Outcome, r.Outcome.Meaning())
	if r.Error != "" {
		section("WHAT WENT WRONG", "%s", bounded(r.Error, maxReason))
	}
	if r.Left != "" {
		section("WHAT IS STILL WRONG", "%s\n\n%s", bounded(r.Left, maxReason), r.LeftFix)
	}
	if r.Undoes != "" {
		section("WHAT HAPPENED", "what run %s did to %s\nin account %s, Region %s, was to be taken back",
			r.Undoes, plain(r.Resource.String()), r.Resource.Account, r.Resource.Region)
		section("WHO DID IT", "%s\n%s", plain(r.Name), plain(r.Principal))
		section("WHAT WAS TO BE PUT BACK (- before, + after)", "%s", Difference(r.Before, r.After))
	} else {
		eventSections(section, r, Difference(r.Before, r.After))
	}
	if r.Limit != "" {
		section("WHY NOTHING WAS DONE", "%s", limitText(r))
	}
	if r.Lowered != "" {
		section("HOW FAR IT MIGHT GO", "%s", bounded(r.Lowered, maxReason))
	}
	if r.Exemption != nil {
		section("WHY IT IS LEFT ALONE", "%s", exemptionText(r.Exemption))
	}
	section("AWS CALLS", "%s", callList(r.Calls))
	section("RUN", "%s", runDetails(r))
	switch {
	case undone != nil && undone.Outcome == Undone:
		section("TAKEN BACK", "at %s by %s\nsee run %s", when(undone.Ended), plain(undone.Principal), undone.ID)
	case r.Touched && r.Revert != "" && r.Undoes == "":
		section("TAKE IT BACK", "%s", undoText(m, r))
	}
	return b.String()
}

// callList returns the AWS calls of a run, one a line, each with its result.
func callList(calls []Call) string {
	if len(calls) == 0 {
		return "none are recorded"
	}
	var lines []string
	for _, c := range calls {
		kind, result := "read", "ok"
		if c.Write {
			kind = "write"
		}
		switch {
		case c.Fenced:
			result = "refused by the fence: " + plain(c.Error)
		case c.Error != "":
			result = plain(c.Error)
		}
		lines = append(lines, fmt.Sprintf("%-5s  %s: %s", kind, c.Action, result))
	}
	return strings.Join(lines, "\n")
}

// runDetails says when the run was, which attempt it was, and what became of its alert.
func runDetails(r *Record) string {
	ended := "not ended"
	if !r.Ended.IsZero() {
		ended = "ended " + when(r.Ended) + " (" + r.Ended.Sub(r.Started).Round(time.Millisecond).String() + ")"
	}
	if r.Ended.IsZero() && !r.Lease.IsZero() {
		ended += ", left alone until " + when(r.Lease)
	}
	alert := "none"
	if r.Alert != "" {
		alert = r.Alert
	}
	lines := []string{
		"began " + when(r.Started) + ", " + ended,
		fmt.Sprintf("module %s · mode %s · attempt %d · alert %s", r.Module, r.Mode, r.Attempt, alert),
	}
	if r.EventID != "" {
		lines = append(lines, "event "+plain(r.EventID))
	}
	if !r.LaterEvent.IsZero() {
		lines = append(lines, "an event of "+when(r.LaterEvent)+" was handled before")
	}
	if r.Replay != "" {
		lines = append(lines, "replay "+plain(r.Replay))
	}
	return strings.Join(lines, "\n")
}
