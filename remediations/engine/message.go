package engine

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/countermand/countermand/remediations"
)

// Message is what is sent about a run, or about several: one value, in a form for each kind of subscriber.
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

// factsVersion is raised when a field of Facts goes or changes its meaning. New fields may come at any time.
const factsVersion = "1"

// Facts is a message for machines, as JSON: what queues, functions, Firehose and webhooks get. infra makes PagerDuty's
// event from module, thread, title and level.
type Facts struct {
	Kind       string                `json:"kind"`    // AlertKind or SummaryKind
	Version    string                `json:"version"` // "1"
	Subject    string                `json:"subject"` // as of the e-mail
	Title      string                `json:"title"`   // the subject in characters that mean nothing in JSON, XML or a shell
	Text       string                `json:"text"`    // the whole e-mail; "" if nothing else is left to cut
	Critical   bool                  `json:"critical"`
	Level      string                `json:"level"`             // critical, error, warning or info: the words of paging services
	Module     string                `json:"module"`            // of a summary "summary"; its modules are in Folded
	Severity   remediations.Severity `json:"severity"`          // low, medium, high or critical; of a summary the worst
	Thread     string                `json:"thread"`            // the same for all about one resource: 20 hexadecimal digits; or "summary" and the hour
	Outcome    Outcome               `json:"outcome,omitempty"` // of a summary: in Folded
	Run        string                `json:"run,omitempty"`
	Mode       string                `json:"mode,omitempty"`
	Account    string                `json:"account,omitempty"`
	Region     string                `json:"region,omitempty"`
	Resource   *FactsResource        `json:"resource,omitempty"`
	Event      *FactsEvent           `json:"event,omitempty"`
	Principal  string                `json:"principal,omitempty"` // ARN of who made the call
	Name       string                `json:"name,omitempty"`      // the same in a word or two
	SourceIP   string                `json:"sourceIP,omitempty"`
	UserAgent  string                `json:"userAgent,omitempty"`
	Reason     string                `json:"reason,omitempty"`     // what is wrong
	Left       string                `json:"left,omitempty"`       // what is still wrong after the action
	Error      string                `json:"error,omitempty"`      // of a run that failed
	Limit      string                `json:"limit,omitempty"`      // what kept the module from acting
	Lowered    string                `json:"lowered,omitempty"`    // who has stopped the module, and why
	Before     json.RawMessage       `json:"before,omitempty"`     // the resource's state, in the module's form
	After      json.RawMessage       `json:"after,omitempty"`      // what the action has made, or would make, of it
	Difference string                `json:"difference,omitempty"` // of the two, as in the text
	Commands   *Commands             `json:"commands,omitempty"`
	Controls   []string              `json:"controls,omitempty"`
	Started    time.Time             `json:"started,omitzero"`
	Ended      time.Time             `json:"ended,omitzero"`
	Attempt    int                   `json:"attempt,omitempty"`
	Cut        []string              `json:"cut,omitempty"`    // fields that were too long: `countermand run` shows them
	Folded     *FoldedFacts          `json:"folded,omitempty"` // of a summary
}

// FactsResource is the resource of a run.
type FactsResource struct {
	ID   string `json:"id"`
	Type string `json:"type"` // CloudFormation's name of it
}

// FactsEvent is the call that a run is about.
type FactsEvent struct {
	ID   string    `json:"id"`
	Name string    `json:"name"`
	Time time.Time `json:"time,omitzero"`
}

// Commands are for a shell, but for Exempt. One that is too long is left out, and named in Cut.
type Commands struct {
	Fix     string `json:"fix,omitempty"`     // puts it right
	LeftFix string `json:"leftFix,omitempty"` // puts right what is left
	Revert  string `json:"revert,omitempty"`  // takes it back, and does not look whether the resource has changed since
	Undo    string `json:"undo,omitempty"`    // takes it back, in Countermand's repository
	Exempt  string `json:"exempt,omitempty"`  // text for countermand.yaml
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

// NewSNSSender sends messages to one of two topics: critical ones to the second.
func NewSNSSender(cfg aws.Config, topic, critical string) func(context.Context, Message) error {
	client := sns.NewFromConfig(cfg)
	return func(ctx context.Context, m Message) error {
		to := topic
		if m.Facts.Critical {
			to = critical
		}
		forms, err := m.forms()
		if err != nil {
			return fmt.Errorf("encode a message for %s: %w", to, err)
		}
		_, err = client.Publish(ctx, &sns.PublishInput{
			TopicArn: &to, Subject: &m.Subject, Message: &forms, MessageStructure: aws.String("json"),
			MessageAttributes: m.attributes(),
		})
		if err != nil {
			return fmt.Errorf("publish to %s: %w", to, err)
		}
		return nil
	}
}

// forms is the message as SNS takes it: the text that each protocol delivers. Machines get the default, so that it is
// there once: there are four such protocols. https is that of Amazon Q Developer in chat applications, which feeds
// Slack and Teams; people's own endpoints get that form as well.
// https://docs.aws.amazon.com/sns/latest/dg/sns-send-custom-platform-specific-payloads-mobile-devices.html
func (m Message) forms() (string, error) {
	facts, err := remediations.Encode(m.Facts)
	if err != nil {
		return "", err
	}
	notification, err := remediations.Encode(m.chat)
	if err != nil {
		return "", err
	}
	forms, err := remediations.Encode(map[string]string{
		"default": string(facts), "email": m.Body, "sms": m.Subject, "https": string(notification),
	})
	return string(forms), err
}

// attributes are what subscribers can filter by. A summary has more than one module and outcome, of which one has to
// match a filter.
// https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html
func (m Message) attributes() map[string]types.MessageAttributeValue {
	attributes := map[string]types.MessageAttributeValue{}
	one := func(name, value string) {
		attributes[name] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: &value}
	}
	one("kind", m.Facts.Kind)
	one("severity", m.Facts.Severity.String())
	if m.Facts.Folded == nil {
		one("module", m.Facts.Module)
		one("outcome", string(m.Facts.Outcome))
		return attributes
	}
	var modules, ended []string
	for _, part := range m.Facts.Folded.Modules {
		modules = append(modules, `"`+part.Module+`"`)
		for outcome := range part.Outcomes {
			ended = append(ended, `"`+string(outcome)+`"`)
		}
	}
	slices.Sort(ended)
	for name, values := range map[string][]string{"module": modules, "outcome": slices.Compact(ended)} {
		attributes[name] = types.MessageAttributeValue{
			DataType: aws.String("String.Array"), StringValue: aws.String("[" + strings.Join(values, ",") + "]"),
		}
	}
	return attributes
}

// Render is the message about a run, for somebody who is woken by it: from the module and the run's record
// alone, so that it can be sent again later. What is too long for SNS is left out, and is in the record.
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

// render is the message with no part longer than most bytes.
func render(m *remediations.Module, r *Record, difference string, most int) Message {
	short := *r
	short.Resource.ID = oneLine(r.Resource.ID, maxID)
	for _, command := range []*string{&short.Fix, &short.LeftFix, &short.Revert} {
		if len(*command) > most {
			*command = "(too long for a message: " + runCommand(r) + " shows it)"
		}
	}
	message := Message{Subject: subject(m, r), Body: emailBody(m, &short, truncate(difference, most))}
	message.Facts = factsOf(m, r, truncate(difference, most), most)
	message.Facts.Subject, message.Facts.Title, message.Facts.Text = message.Subject, templateSafe(message.Subject), message.Body
	message.chat = chatAbout(m, r)
	return message
}

// truncate is a text with no more than most bytes of it.
func truncate(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "\n(cut; the run record has all of it)"
}

// factsOf is the run for machines, but for what stands in the e-mail as it is.
func factsOf(m *remediations.Module, r *Record, difference string, most int) Facts {
	f := Facts{
		Kind: AlertKind, Version: factsVersion, Critical: critical(m, r), Level: level(m.Severity, critical(m, r)),
		Module: m.Name, Severity: m.Severity, Thread: thread(r.Resource), Outcome: r.Outcome, Run: r.ID, Mode: r.Mode.String(),
		Account: r.Resource.Account, Region: r.Resource.Region,
		Resource:  &FactsResource{ID: oneLine(r.Resource.ID, maxID), Type: r.Resource.Type},
		Event:     &FactsEvent{ID: oneLine(r.EventID, maxField), Name: oneLine(r.EventName, maxField), Time: r.EventTime},
		Principal: oneLine(r.Principal, maxField), Name: oneLine(r.Name, maxField),
		SourceIP: oneLine(r.SourceIP, maxField), UserAgent: oneLine(r.UserAgent, maxField),
		Reason: oneLine(r.Reason, maxReason), Left: oneLine(r.Left, maxReason), Error: oneLine(r.Error, maxReason),
		Limit: oneLine(r.Limit, maxReason), Lowered: oneLine(r.Lowered, maxReason), Commands: &Commands{}, Controls: m.Controls,
		Started: r.Started, Ended: r.Ended, Attempt: r.Attempt,
	}
	if r.Reason != "" {
		f.Difference = difference
	}
	set := func(name string, length, most int, set func()) {
		switch {
		case length > most:
			f.Cut = append(f.Cut, name)
		case length > 0:
			set()
		}
	}
	if json.Valid(r.Before) && json.Valid(r.After) {
		set("before", len(r.Before), most, func() { f.Before = r.Before })
		set("after", len(r.After), most, func() { f.After = r.After })
	}
	set("commands.fix", len(r.Fix), most, func() { f.Commands.Fix = r.Fix })
	set("commands.leftFix", len(r.LeftFix), most, func() { f.Commands.LeftFix = r.LeftFix })
	if r.Touched {
		set("commands.revert", len(r.Revert), most, func() { f.Commands.Revert = r.Revert })
		if r.Revert != "" && m.Undo != nil {
			f.Commands.Undo = undoCommand(r)
		}
	}
	if r.Outcome != Exempt {
		set("commands.exempt", len(r.Resource.ID), maxID, func() { f.Commands.Exempt = ExemptionYAML(r) })
	}
	return f
}

// templateSafe is a text with only such characters as can be put into a template without escaping them.
func templateSafe(s string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune(" []:/._,+=@-", c) {
			return c
		}
		return '?'
	}, s)
}

// oneLine is text that somebody else chose, on one line and of bounded length; "" stays what it is.
func oneLine(s string, most int) string {
	if s == "" {
		return ""
	}
	return bounded(s, most)
}

// critical reports whether somebody should look now: the alert says so, or the module is about what can't wait.
func critical(m *remediations.Module, r *Record) bool {
	return m.Severity == remediations.Critical || r.urgent()
}

// level is how bad it is in the four words that paging services have.
// https://developer.pagerduty.com/docs/events-api-v2/trigger-events/
func level(s remediations.Severity, critical bool) string {
	switch {
	case critical:
		return "critical"
	case s == remediations.High:
		return "error"
	case s == remediations.Medium:
		return "warning"
	}
	return "info"
}

// thread is the same for all messages about one resource, whatever module they are of: a fight is one thread.
func thread(r remediations.Resource) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{r.Account, r.Region, r.Type, r.ID}, "\x00")))
	return hex.EncodeToString(sum[:10])
}

// runCommand is the command that shows the whole run.
func runCommand(r *Record) string { return "go run ./scripts/countermand run " + cmp.Or(r.ID, "RUN") }
