package sandbox

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aymanbagabas/go-udiff"
	"github.com/fatih/color"
	"github.com/mattn/go-isatty"
	"github.com/schollz/progressbar/v3"

	"github.com/countermand/countermand/remediations/engine"
)

// story tells people what happens, in colour on a terminal only.
type story struct{ out io.Writer }

// The colours turn themselves off where standard output is no terminal, and for NO_COLOR.
var (
	bold  = color.New(color.Bold)
	faint = color.New(color.Faint)
	good  = color.New(color.FgGreen)
	bad   = color.New(color.FgRed)
)

func (s *story) say(format string, args ...any) { fmt.Fprintf(s.out, format+"\n", args...) }

func (s *story) title(text string) { s.say("%s\n", bold.Sprint(text)) }

// step does something that takes a while, and shows that it goes on.
func (s *story) step(label string, do func() error) error {
	began := time.Now()
	if isatty.IsTerminal(os.Stderr.Fd()) {
		bar := progressbar.NewOptions(-1, progressbar.OptionSetDescription(label), progressbar.OptionSetWriter(os.Stderr),
			progressbar.OptionSpinnerType(14), progressbar.OptionClearOnFinish(), progressbar.OptionSetElapsedTime(true))
		defer bar.Finish()
	} else {
		s.say("%s ...", label)
	}
	if err := do(); err != nil {
		return err
	}
	s.say("%s %s %s", good.Sprint("✓"), label, faint.Sprintf("(%.1f s)", time.Since(began).Seconds()))
	return nil
}

func (s *story) chapter(number int, a attack) {
	s.say("\n%s", bold.Sprintf("%d. %s", number, a.title))
	s.say("%s\n", indented(a.story))
}

// told tells what Countermand made of an attack, from its run records and the emulator.
func (s *story) told(a attack, struck time.Time, done []engine.Record, attacked, now string) {
	for _, r := range done {
		reads, names := 0, writes(r)
		for _, c := range r.Calls {
			if !c.Write {
				reads++
			}
		}
		s.say("   %s %s by %s", faint.Sprint("saw    "), r.EventName, r.Name)
		s.say("   %s %s: %s", faint.Sprint("found  "), r.Resource.ID, r.Reason)
		s.say("   %s %s, with %d calls that only read before and after it", faint.Sprint("did    "), strings.Join(names, ", "), reads)
		s.say("   %s %s, %d ms after the call", faint.Sprint("outcome"), good.Sprint(r.Outcome), r.Ended.Sub(struck).Milliseconds())
	}
	s.say("\n   What the emulator says of %s (- after the attack, + now):", a.what)
	s.say("%s", s.difference(attacked, now))
}

// difference shows both states whole, line by line.
func (s *story) difference(before, after string) string {
	text, err := udiff.ToUnified("", "", before, udiff.Lines(before, after), strings.Count(before, "\n"))
	if before == after || err != nil {
		// Countermand was faster than the sandbox could look.
		text = after
	}
	var lines []string
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		switch {
		case strings.HasPrefix(line, "--- "), strings.HasPrefix(line, "+++ "), strings.HasPrefix(line, "@@"):
			continue
		case strings.HasPrefix(line, "-"):
			line = bad.Sprint(line)
		case strings.HasPrefix(line, "+"):
			line = good.Sprint(line)
		}
		lines = append(lines, "     "+line)
	}
	return strings.Join(lines, "\n")
}

// subject shows that an alert was mailed.
func (s *story) subject(m mail) { s.say("\n   %s %s", faint.Sprint("mailed "), m.Subject) }

// mail shows an alert as it was mailed; of its sections only those that begin with one of some words, if there are any.
func (s *story) mail(m mail, sections ...string) {
	s.subject(m)
	for line := range strings.SplitSeq(strings.TrimSpace(excerpt(m.Text, sections)), "\n") {
		s.say("   %s %s", faint.Sprint("│"), line)
	}
}

// excerpt is the headline of an alert's text and those sections that begin with one of some words; all of it if there
// are none. A section's title is not indented, and all below it is.
func excerpt(text string, sections []string) string {
	if len(sections) == 0 {
		return text
	}
	kept, keep := []string{}, true
	for line := range strings.SplitSeq(text, "\n") {
		if line != "" && line[0] != ' ' && len(kept) > 0 {
			keep = slices.ContainsFunc(sections, func(begin string) bool { return strings.HasPrefix(line, begin) })
		}
		if keep {
			kept = append(kept, line)
		}
	}
	return strings.TrimRight(strings.Join(kept, "\n"), "\n") + "\n\n..."
}

func (s *story) checked(facts ...string) {
	s.say("")
	for _, fact := range facts {
		s.say("   %s %s", good.Sprint("✓"), fact)
	}
}

func (s *story) repeat() {
	s.say("\n%s", bold.Sprint("4. The same once more"))
	s.say("%s", indented("mallory makes bucket "+bucket+" public again, within the hour."))
}

func (s *story) badInput() {
	s.say("\n%s", bold.Sprint("5. What is no event, and what is forged"))
	s.say("%s\n", indented("The function is handed a JSON text that is no event, and an event that says it is from S3 but came from\nelsewhere: anybody who may put events onto the bus can write that."))
}

func (s *story) refused(message string) { s.say("   %s %s", faint.Sprint("refused"), message) }

func (s *story) takeBack() {
	s.say("\n%s", bold.Sprint("6. It was meant to be public"))
	s.say("%s\n", indented("olga, who owns bucket "+bucket+", wants back what Countermand took away the second time, in chapter 4."))
}

func (s *story) prove() {
	s.say("\n%s", bold.Sprint("9. Prove it"))
	s.say("%s\n", indented("Every record went to a bucket as well, and each hour a signed digest lists the new ones. olga does not have\nto believe the table, or whoever may write to it. A digest is made when its hour is over: here, for the show, at once."))
}

func (s *story) stopped() {
	s.say("\n%s", bold.Sprint("7. Somebody stops it"))
	s.say("%s", indented("olga has no time to find out why Countermand does what it does, and stops it. Then mallory makes another bucket,\n"+reports+", public."))
}

func (s *story) fight() {
	s.say("\n%s", bold.Sprint("8. Somebody fights it"))
	s.say("%s\n", indented("mallory makes bucket "+reports+" public again, and again."))
}

// outcome tells how a run ended, and what else there is to say of it.
func (s *story) outcome(r engine.Record, more string) {
	s.say("   %s %s: %s", faint.Sprint("outcome"), good.Sprint(r.Outcome), more)
}

// command shows a command as somebody types it, and what it printed; of a long text the beginning where it refused,
// and the end where it did not.
func (s *story) command(args []string, printed string, refused bool) {
	lines := strings.Split(strings.TrimSpace(printed), "\n")
	switch {
	case len(lines) <= 10:
	case refused:
		lines = append(lines[:2], "...")
	default:
		lines = append([]string{"..."}, lines[len(lines)-1])
	}
	s.typed(args, strings.Join(lines, "\n"))
}

// typed shows a command as somebody types it, and all that it printed.
func (s *story) typed(args []string, printed string) {
	typed := "$ go run ./scripts/countermand"
	for _, arg := range args {
		if strings.Contains(arg, " ") {
			arg = strconv.Quote(arg)
		}
		typed += " " + arg
	}
	s.say("\n   %s", bold.Sprint(typed))
	s.say("%s", indented(strings.TrimSpace(printed)))
}

func (s *story) end(took time.Duration) {
	s.say("\n%s %s", bold.Sprint("All of it was dealt with."), faint.Sprintf("(%.0f s)", took.Seconds()))
	s.say("On AWS the same takes longer: CloudTrail needs seconds, at times minutes, to report a call.")
	s.say("Everything is stopped. To attack it by hand: ./scripts/sandbox up")
}

func indented(text string) string { return "   " + strings.ReplaceAll(text, "\n", "\n   ") }
