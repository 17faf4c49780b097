package engine

import (
	"fmt"
	"strings"

	"github.com/countermand/countermand/remediations"
)

// chat is a custom notification of Amazon Q Developer in chat applications, which brings it to Slack and Teams. Its
// texts are markdown, as the client understands it.
// https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html
type chat struct {
	Version  string       `json:"version"` // "1.0"
	Source   string       `json:"source"`  // "custom"
	ID       string       `json:"id,omitempty"`
	Content  chatContent  `json:"content"`
	Metadata chatMetadata `json:"metadata"`
}

type chatContent struct {
	TextType    string   `json:"textType"` // "client-markdown"
	Title       string   `json:"title"`
	Description string   `json:"description"`
	NextSteps   []string `json:"nextSteps,omitempty"`
	Keywords    []string `json:"keywords,omitempty"`
}

type chatMetadata struct {
	ThreadID            string            `json:"threadId"`
	Summary             string            `json:"summary"`
	EventType           string            `json:"eventType"`
	AdditionalContext   map[string]string `json:"additionalContext,omitempty"`
	EnableCustomActions bool              `json:"enableCustomActions"` // no buttons: channels only hear
}

// Bounds of what stands in a channel, in bytes: it is read on a telephone, and the mail has all of it.
const (
	maxChatReason  = 1_000
	maxChatCommand = 300
)

// newChat is a notification. Of its texts only what went through code may be somebody else's.
func newChat(id, thread, title, description string, steps []string, context map[string]string) chat {
	return chat{
		Version: "1.0", Source: "custom", ID: id,
		Content: chatContent{TextType: "client-markdown", Title: title, Description: description, NextSteps: steps},
		Metadata: chatMetadata{
			ThreadID: thread, Summary: title, EventType: "Countermand", AdditionalContext: context,
		},
	}
}

// chatAbout is the notification about a run. The resource is not in its title: who names a resource chooses the name.
func chatAbout(m *remediations.Module, r *Record) chat {
	var b strings.Builder
	b.WriteString(headline(m, r) + "\n\n")
	line := func(title, format string, args ...any) {
		fmt.Fprintf(&b, "*%s* %s\n", title, fmt.Sprintf(format, args...))
	}
	line("What happened:", "%s on %s at %s", code(r.EventName, maxField), code(r.Resource.String(), maxField),
		when(r.EventTime))
	line("Who did it:", "%s %s from %s", code(r.Name, maxField), code(r.Principal, maxField), code(r.SourceIP, maxField))
	for _, part := range []struct{ title, text string }{
		{"What went wrong:", r.Error}, {"What is wrong:", r.Reason}, {"What is still wrong:", r.Left},
		{"Why nothing was done:", r.Limit}, {"How far it might go:", r.Lowered},
	} {
		if part.text != "" {
			line(part.title, "%s", code(part.text, maxChatReason))
		}
	}
	title := fmt.Sprintf("[%s] %s: %s", m.Severity, r.Outcome, m.Name)
	c := newChat(r.ID, thread(r.Resource), title, b.String(), chatSteps(m, r), map[string]string{
		"run": r.ID, "mode": r.Mode.String(), "account": accountDigits(r.Resource.Account),
	})
	c.Content.Keywords = []string{m.Name, m.Severity.String(), string(r.Outcome)}
	return c
}

// chatSteps are the commands for the next step. One that would not arrive as it is, is named only.
func chatSteps(m *remediations.Module, r *Record) []string {
	var steps []string
	step := func(title, command string) {
		switch {
		case command == "":
		case len(command) > maxChatCommand || strings.ContainsAny(command, "`<>&\n"):
			steps = append(steps, fmt.Sprintf("%s: the command is in the mail, and `%s` shows it", title, runCommand(r)))
		default:
			steps = append(steps, title+": `"+command+"`")
		}
	}
	if r.Outcome != Remediated && r.Outcome != Partial {
		step("Put it right", r.Fix)
	}
	step("Put the rest right", r.LeftFix)
	back := "Take it back"
	if m.MatchesUndo() {
		back += ", after you have exempted it"
	}
	switch {
	case !r.Touched || r.Revert == "":
	case m.Undo != nil:
		step(back, undoCommand(r))
	default:
		step(back, r.Revert)
	}
	step("See all of it", runCommand(r))
	return steps
}

// codeSafe takes out of a text what could end a span of code, and what Slack reads inside of one as well: a mention
// of everybody is <!channel>, a link <https://example.com|AWS>.
// https://docs.slack.dev/messaging/formatting-message-text
var codeSafe = strings.NewReplacer("`", "'", "<", "‹", ">", "›")

// code is text that somebody else chose as a span of code, in which markdown, links and mentions mean nothing.
func code(s string, most int) string {
	return "`" + bounded(codeSafe.Replace(bounded(s, most)), most) + "`"
}
