package engine

import (
	"github.com/countermand/countermand/remediations"
)

// A Message is sent about one run, or about several: one value, in a form for each kind of subscriber.
type Message struct {
	Subject string // at most 100 characters of printable ASCII, SNS's rule for an e-mail's subject
	Body    string // plain text
	Facts   Facts  // the same for machines
	chat    chat   // the same for Slack and Teams
}

// Kinds of messages.
const (
	AlertKind   = "alert"   // about one run
	SummaryKind = "summary" // about alerts that were folded
)

// Render returns the message about a run, for somebody who is woken by it. It uses only the module and the run's
// record, so that it can be sent again later. Parts that are too long for SNS are left out; the record has them.
func Render(m *remediations.Module, r *Record) Message {
	difference := Difference(r.Before, r.After)
	for most := maxPart; most >= leastPart; most /= 2 {
		message := render(m, r, difference, most)
		if forms, err := message.forms(); err != nil || len(forms) <= maxMessage {
			return message
		}
	}
	message := render(m, r, difference, leastPart)
	message.Facts.Text, message.Facts.Cut = "", append(message.Facts.Cut, "text")
	return message
}

// render returns the message with no part longer than most bytes.
func render(m *remediations.Module, r *Record, difference string, most int) Message {
	short := *r
	short.Resource.ID = oneLine(r.Resource.ID, maxID)
	for _, command := range []*string{&short.Fix, &short.LeftFix, &short.Revert} {
		if len(*command) > most {
			*command = "(too long for a message: " + runCommand(r) + " shows it)"
		}
	}
	message := Message{Subject: subjectOf(m, r), Body: emailBody(m, &short, truncate(difference, most))}
	message.Facts = factsOf(m, r, truncate(difference, most), most)
	message.Facts.Subject, message.Facts.Title, message.Facts.Text = message.Subject, templateSafe(message.Subject), message.Body
	message.chat = chatAbout(m, r)
	return message
}

// Bounds of a message.
const (
	// maxMessage is the most bytes of all forms together. SNS takes 256 KB with the attributes.
	// https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
	maxMessage = 250_000
	maxPart    = 20_000 // bytes of what may be of any length: a difference, a state, a command
	leastPart  = 100
	maxID      = 1_024 // bytes of a resource's id
)
