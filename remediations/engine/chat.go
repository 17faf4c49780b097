package engine

import (
	"fmt"
	"strings"

	"github.com/countermand/countermand/remediations"
)

// A chat is a custom notification of Amazon Q Developer in chat applications, which delivers it to Slack and Teams. Its
// texts are the client's markdown.
// https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html
type chat struct {
	Version  string       `json:"version"` // "1.0"
	Source   string       `json:"source"`  // "custom"
	ID       string       `json:"id,omitempty"`
	Content  chatContent  `json:"content"`
	Metadata chatMetadata `json:"metadata"`
}

// chatContent is what a channel shows.
type chatContent struct {
	TextType    string   `json:"textType"` // "client-markdown"
	Title       string   `json:"title"`
	Description string   `json:"description"`
	NextSteps   []string `json:"nextSteps,omitempty"`
	Keywords    []string `json:"keywords,omitempty"`
}

// chatMetadata groups notifications into threads.
type chatMetadata struct {
	ThreadID            string            `json:"threadId"`
	Summary             string            `json:"summary"`
	EventType           string            `json:"eventType"`
	AdditionalContext   map[string]string `json:"additionalContext,omitempty"`
	EnableCustomActions bool              `json:"enableCustomActions"` // no buttons: channels are read-only
}

// Bounds of texts in a channel, in bytes: people read them on a phone, and the mail has everything.
const (
	maxChatReason  = 1_000
	maxChatCommand = 300
)

// newChat returns a notification. Text that somebody else chose must have gone through code.
func newChat(id, thread, title, description string, steps []string, context map[string]string) chat {
	return chat{
		Version: "1.0", Source: "custom", ID: id,
		Content: chatContent{TextType: "client-markdown", Title: title, Description: description, NextSteps: steps},
		Metadata: chatMetadata{
			ThreadID: thread, Summary: title, EventType: "Countermand", AdditionalContext: context,
		},
	}
}

// chatAbout returns the notification about a run. The resource is not in its title, because its name is somebody else's
// choice.
func chatAbout(m *remediations.Module, r *Record) chat {
	var b strings.Builder
	b.WriteString(headlineOf(m, r) + "\n\n")
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
	c := newChat(r.ID, threadOf(r.Resource), title, b.String(), chatSteps(m, r), map[string]string{
		"run": r.ID, "mode": r.Mode.String(), "account": accountDigits(r.Resource.Account),
	})
	c.Content.Keywords = []string{m.Name, m.Severity.String(), string(r.Outcome)}
	return c
}

// chatSteps returns the commands for the next step. A command that would not arrive unchanged is only named.
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

// codeSafe replaces characters that end a span of code, and those that Slack interprets inside one: <!channel> mentions
// everybody, <https://example.com|AWS> is a link.
// https://docs.slack.dev/messaging/formatting-message-text
var codeSafe = strings.NewReplacer("`", "'", "<", "‹", ">", "›")

// code returns text that somebody else chose as a span of code, in which markdown, links and mentions have no effect.
func code(s string, most int) string {
	return "`" + bounded(codeSafe.Replace(bounded(s, most)), most) + "`"
}
