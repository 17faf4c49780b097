package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/countermand/countermand/remediations"
)

// Facts is a message for machines, as JSON: queues, functions, Firehose and webhooks receive it. infra builds
// PagerDuty's event from module, thread, title and level.
type Facts struct {
	Kind       string                `json:"kind"`    // AlertKind or SummaryKind
	Version    string                `json:"version"` // "1"
	Subject    string                `json:"subject"` // as in the e-mail
	Title      string                `json:"title"`   // the subject without characters that need escaping in JSON, XML or a shell
	Text       string                `json:"text"`    // the whole e-mail; empty if the message would otherwise be too long
	Critical   bool                  `json:"critical"`
	Level      string                `json:"level"`             // critical, error, warning or info: the words of paging services
	Module     string                `json:"module"`            // "summary" for a summary, whose modules are in Folded
	Severity   remediations.Severity `json:"severity"`          // low, medium, high or critical; the worst one for a summary
	Thread     string                `json:"thread"`            // one id per resource, 20 hexadecimal digits; or "summary" and the hour
	Outcome    Outcome               `json:"outcome,omitempty"` // for a summary, see Folded
	Run        string                `json:"run,omitempty"`
	Mode       string                `json:"mode,omitempty"`
	Account    string                `json:"account,omitempty"`
	Region     string                `json:"region,omitempty"`
	Resource   *FactsResource        `json:"resource,omitempty"`
	Event      *FactsEvent           `json:"event,omitempty"`
	Principal  string                `json:"principal,omitempty"` // ARN of who made the call
	Name       string                `json:"name,omitempty"`      // the principal in a word or two
	SourceIP   string                `json:"sourceIP,omitempty"`
	UserAgent  string                `json:"userAgent,omitempty"`
	Reason     string                `json:"reason,omitempty"`     // what is wrong
	Left       string                `json:"left,omitempty"`       // what is still wrong after the action
	Error      string                `json:"error,omitempty"`      // why the run failed
	Limit      string                `json:"limit,omitempty"`      // what kept the module from acting
	Lowered    string                `json:"lowered,omitempty"`    // who stopped the module, and why
	Before     json.RawMessage       `json:"before,omitempty"`     // the resource's state, in the module's form
	After      json.RawMessage       `json:"after,omitempty"`      // the state that the action left, or would leave
	Difference string                `json:"difference,omitempty"` // of the two states, as in the text
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

// Commands are shell commands, except Exempt. A command that is too long is left out, and named in Cut.
type Commands struct {
	Fix     string `json:"fix,omitempty"`     // fixes the resource
	LeftFix string `json:"leftFix,omitempty"` // fixes what is still wrong
	Revert  string `json:"revert,omitempty"`  // reverts the fix, without checking whether the resource has changed since
	Undo    string `json:"undo,omitempty"`    // undoes the run, in Countermand's repository
	Exempt  string `json:"exempt,omitempty"`  // text for countermand.yaml
}

// factsVersion is raised when a field of Facts is removed or changes its meaning. New fields may be added at any time.
const factsVersion = "1"

// factsOf returns the run for machines, without the fields that repeat the e-mail.
func factsOf(m *remediations.Module, r *Record, difference string, most int) Facts {
	f := Facts{
		Kind: AlertKind, Version: factsVersion, Critical: isCritical(m, r), Level: pagingLevel(m.Severity, isCritical(m, r)),
		Module: m.Name, Severity: m.Severity, Thread: threadOf(r.Resource), Outcome: r.Outcome, Run: r.ID, Mode: r.Mode.String(),
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

// isCritical reports whether somebody should look now: the outcome is urgent, or the module is critical.
func isCritical(m *remediations.Module, r *Record) bool {
	return m.Severity == remediations.Critical || r.urgent()
}

// pagingLevel returns the severity in the four words that paging services use.
// https://developer.pagerduty.com/docs/events-api-v2/trigger-events/
func pagingLevel(s remediations.Severity, critical bool) string {
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

// threadOf returns the same id for all messages about one resource, whatever the module, so that a fight is one thread.
func threadOf(r remediations.Resource) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{r.Account, r.Region, r.Type, r.ID}, "\x00")))
	return hex.EncodeToString(sum[:10])
}
