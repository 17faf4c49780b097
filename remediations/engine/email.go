package engine

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/countermand/countermand/remediations"
)

// emailBody returns the e-mail about a run. difference shows what changed, or would change.
func emailBody(m *remediations.Module, r *Record, difference string) string {
	var b strings.Builder
	section := sections(&b)
	b.WriteString(headlineOf(m, r) + "\n\n")
	if r.Outcome == Failed {
		section("WHAT WENT WRONG", "%s", bounded(r.Error, maxReason))
	}
	if r.Left != "" {
		section("WHAT IS STILL WRONG", "%s\n\n%s", bounded(r.Left, maxReason), r.LeftFix)
	}
	if r.Limit != "" {
		section("WHY NOTHING WAS DONE", "%s", limitText(r))
	}
	if r.Lowered != "" {
		section("HOW FAR IT MIGHT GO", "%s", bounded(r.Lowered, maxReason))
	}
	eventSections(section, r, difference)
	section("WHY IT MATTERS", "%s", m.Why)
	if r.Outcome != Remediated && r.Outcome != Partial && r.Fix != "" {
		section("PUT IT RIGHT", "%s\n\nWhat may break: %s.", r.Fix, m.Risk)
	}
	switch {
	case r.Outcome == Exempt && r.Exemption != nil:
		section("WHY IT IS LEFT ALONE", "%s\n\nTo keep it so, give the exemption in countermand.yaml a later end, then deploy.",
			exemptionText(r.Exemption))
	case r.Resource.ID != "":
		section("EXEMPT IT", "In countermand.yaml, then deploy:\n%s", ExemptionYAML(r))
	}
	if r.Touched && r.Revert != "" {
		section("TAKE IT BACK", "%s", undoText(m, r))
	}
	if len(m.Controls) > 0 {
		section("CONTROLS", "%s", controlList(m))
	}
	fmt.Fprintf(&b, "run %s · event %s · module %s (%s) · mode %s\n", r.ID, plain(r.EventID), m.Name, m.Severity, r.Mode)
	return b.String()
}

// sections returns a function that adds a section to a text: a title, and indented text below it.
func sections(b *strings.Builder) func(title, format string, args ...any) {
	return func(title, format string, args ...any) {
		fmt.Fprintf(b, "%s\n%s\n\n", title, indent(fmt.Sprintf(format, args...)))
	}
}

// eventSections adds the sections on the call, its caller, and what it led to.
func eventSections(section func(title, format string, args ...any), r *Record, difference string) {
	if r.EventName == sweepEvent && r.Principal == unknownPrincipal {
		section("WHAT HAPPENED", "A sweep has looked at %s\nat %s in account %s, Region %s.\nHow long it has been so, and who did it, can't be told.",
			plain(r.Resource.String()), when(r.EventTime), r.Resource.Account, r.Resource.Region)
		findingSections(section, r, difference)
		return
	}
	section("WHAT HAPPENED", "%s on %s\nat %s in account %s, Region %s",
		plain(r.EventName), plain(r.Resource.String()), when(r.EventTime), r.Resource.Account, r.Resource.Region)
	later := ""
	if !r.LaterEvent.IsZero() && r.Outcome != Stale {
		later = "\nA later call on it, at " + when(r.LaterEvent) + ", was handled before: it may have been that one."
	}
	section("WHO DID IT", "%s\n%s\nfrom %s with %s%s", plain(r.Name), plain(r.Principal), plain(r.SourceIP), plain(r.UserAgent), later)
	findingSections(section, r, difference)
}

// findingSections adds the sections on what is wrong, and on the change that fixes it.
func findingSections(section func(title, format string, args ...any), r *Record, difference string) {
	if r.Reason != "" {
		section("WHAT IS WRONG", "%s", bounded(r.Reason, maxReason))
		section(changeTitle(r), "%s", difference)
	}
}

// undoText says how to undo the run. The command first checks whether the resource has changed since; the call by hand
// needs no tool. If the module is gone, it is unknown whether it would match its own undo.
func undoText(m *remediations.Module, r *Record) string {
	text := r.Revert
	if m != nil && m.Undo != nil {
		text = fmt.Sprintf("In Countermand's repository:\n%s\nOr by hand, which does not look whether it has changed since:\n%s",
			undoCommand(r), r.Revert)
	}
	switch {
	case m == nil || m.MatchesUndo():
		text = "Exempt it first, or this is taken back as well.\n" + text
	case m.Sweep != nil:
		text = "Where sweeps enforce, exempt it first, or the next one takes this back as well.\n" + text
	}
	return text
}

// undoCommand returns the command that undoes the run.
func undoCommand(r *Record) string { return "go run ./scripts/countermand undo " + r.ID }

// runCommand returns the command that shows the whole run.
func runCommand(r *Record) string { return "go run ./scripts/countermand run " + cmp.Or(r.ID, "RUN") }

// headlineOf says in one line how the run ended, and whether it needs a look at once.
func headlineOf(m *remediations.Module, r *Record) string {
	if r.urgent() {
		return outcomeLine(m, r) + " Look now."
	}
	return outcomeLine(m, r)
}

// outcomeLine says in one line how the run ended.
func outcomeLine(m *remediations.Module, r *Record) string {
	switch r.Outcome {
	case Remediated:
		return fmt.Sprintf("Countermand has put this right (%s), and has seen that it is.", m.Title)
	case Partial:
		return fmt.Sprintf("Countermand has put right what it may (%s), BUT SOMETHING IS STILL WRONG.", m.Title)
	case Unverified:
		return "Countermand acted, BUT IT IS STILL WRONG."
	case Limited:
		return "Countermand has NOT put this right: its budget is spent."
	case Contested:
		return "Countermand has STOPPED putting this right: somebody keeps undoing it."
	case Failed:
		return "Countermand FAILED at this. What was done may still be in place."
	}
	switch {
	case r.Outcome == Exempt && r.Exemption != nil && !r.Touched:
		return fmt.Sprintf("Countermand has changed nothing: this is exempt, but not for long: %s.", r.Exemption.Until)
	case r.Touched:
		return "Countermand acted before, and IT IS WRONG AGAIN."
	case r.Mode == remediations.Alert && r.Lowered != "":
		return "Countermand has changed nothing: somebody has stopped it."
	case r.Mode == remediations.Alert:
		return "Countermand has changed nothing: the module only alerts here."
	case m.Action == nil:
		return "Countermand has changed nothing: this module only alerts."
	case r.Grace.After(r.Started):
		return fmt.Sprintf("Countermand has changed nothing yet: there is time until %s to put it right.", when(r.Grace))
	}
	return "Countermand has changed nothing: this is not for it to put right."
}

// limitText says which limit kept the module from acting.
func limitText(r *Record) string {
	if r.Outcome == Limited {
		return "It has done " + bounded(r.Limit, maxReason) + ", and that is all that it may.\nThe limits are in countermand.yaml."
	}
	text := "There were " + bounded(r.Limit, maxReason) + ": that is all for today.\nWho made it wrong each time:"
	for i, rival := range r.Rivals {
		if i == maxRivals {
			return fmt.Sprintf("%s\n- and %d more", text, len(r.Rivals)-i)
		}
		text += "\n- " + plain(rival)
	}
	return text
}

// subjectOf returns the e-mail's subject. SNS takes up to 100 printable ASCII characters.
func subjectOf(m *remediations.Module, r *Record) string {
	s := fmt.Sprintf("[%s] %s: %s %s", m.Severity, r.Outcome, m.Name, r.Resource.ID)
	s = strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return '?'
		}
		return c
	}, s)
	if len(s) > maxSubject {
		s = s[:maxSubject-3] + "..."
	}
	return s
}

// changeTitle returns the title of the section with the two states.
func changeTitle(r *Record) string {
	switch {
	case SameState(r.Before, r.After):
		return "WHAT IT LOOKS LIKE NOW"
	case r.Touched:
		return "WHAT WAS CHANGED (- before, + after)"
	}
	return "WHAT WOULD PUT IT RIGHT (- now, + then)"
}

// exemptionText says which exemption covers the run, and who owns it.
func exemptionText(x *Exemption) string {
	return fmt.Sprintf("exempt by %s\n%s: %s\nowner: %s", bounded(x.Matched, maxReason), x.Until, bounded(x.Reason, maxReason),
		bounded(x.Owner, maxField))
}

// ExemptionYAML returns the text for countermand.yaml that exempts the run's resource from its module.
func ExemptionYAML(r *Record) string {
	return fmt.Sprintf(`exemptions:
  - module: %s
    resource: %q
    owner: (your team)
    reason: (why it has to be like this)
    expires: %s`, r.Module, r.Resource.ID, r.Started.AddDate(0, 3, 0).Format(time.DateOnly))
}

// controlList returns the module's controls with the pages that explain them.
func controlList(m *remediations.Module) string {
	var lines []string
	for _, control := range m.Controls {
		url, err := remediations.ControlURL(control)
		if err != nil {
			url = "" // Validate has refused such a module
		}
		lines = append(lines, control+"  "+url)
	}
	return strings.Join(lines, "\n")
}

// when returns a time for people.
func when(t time.Time) string {
	if t.IsZero() {
		return "an unknown time"
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// Bounds of the texts in a message: people do not read more.
const (
	maxSubject = 100
	maxField   = 500   // bytes of a field that somebody else chose
	maxReason  = 4_000 // bytes of a reason, which may quote such fields
	maxRivals  = 20
)
