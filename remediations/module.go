// Package remediations says what a remediation is: one value that declares what it watches, what it may
// call, how it decides and what it does. Infrastructure, Lambda, tests, documentation and the command line
// all read that value; the engine runs it.
package remediations

import (
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/events/pattern"
)

// Module is one remediation. It holds no state and is never changed after it is declared.
type Module struct {
	Name     string          // "s3-public-policy": in configuration, alerts, Lambda, role, metric, log; without hyphens the folder and package
	Title    string          // what it does, in a line: imperative, lower-case, no period, at most 72 characters
	Why      string          // why it matters: a paragraph, which alerts carry
	Text     string          // what counts as wrong, what is changed, how that is undone, and what is not seen
	Severity Severity        // how bad it is if nobody looks
	Risk     string          // what may break when it acts: one sentence
	Controls []string        // "FSBP/S3.8", "CIS-3.0/2.1.4", "ATT&CK/T1530"
	Default  Mode            // what a new install runs it in: Observe or Alert
	Pattern  pattern.Pattern // EventBridge's own JSON; the rule and the in-handler check are this very value
	Global   bool            // its events appear only in the partition's global Region (IAM), so that it is deployed nowhere else
	Settings any             // what its owner may set, with the values that suit most: a struct, see settings.go; nil for nothing
	Reads    []Permission    // all that Guard and Sweep may call
	Writes   []Permission    // what Action calls besides
	// UndoWrites is what only Undo calls. The function's role never gets it: undo runs with the credentials of
	// the person who asks for it, and a function that restarts a trail must not be able to stop one.
	UndoWrites []Permission
	Policies   []ManagedPolicy // the IAM policies that the action attaches; they are deployed with the module

	// Suspects names the resources that an event makes suspect. It makes no calls: it decides from the
	// event alone. What it cannot tell from the event is suspect, or an error if it can't even be named.
	Suspects func(events.Event) ([]Resource, error)
	// Sweep lists the resources of the function's Region that Guard is to look at, whatever CloudTrail has told or not.
	// An error ends it. nil where the state can't be listed, or is none.
	Sweep    func(context.Context, *Run) iter.Seq2[Resource, error]
	Schedule string // how often that is done: "rate(1 day)"; EventBridge's
	// Guard reads the resource's present state, in as few round trips as that takes (InParallel). nil, nil: nothing is
	// wrong. It may be called several times at once, and is called right before the action. In a sweep there is no event.
	Guard func(context.Context, *Run, Resource) (*Finding, error)
	// Action makes it right: the least change that closes the hole. Idempotent. The finding is of the state as it was
	// a round trip ago: it need not be read again. nil for a module that only alerts.
	Action func(context.Context, *Run, *Finding) error
	// Undo puts back what the finding holds as Before, and returns Changed if the resource is no longer what
	// the finding holds as After. It gets neither event nor settings. nil where it cannot be done.
	Undo func(context.Context, *Run, *Finding) error
}

// Find returns the module of a name; nil if there is none.
func Find(modules []*Module, name string) *Module {
	for _, m := range modules {
		if m.Name == name {
			return m
		}
	}
	return nil
}

// Package is the name of the module's folder and package: its name without hyphens.
func (m *Module) Package() string { return strings.ReplaceAll(m.Name, "-", "") }

// SweepRule is the name of the rule that has the module sweep.
func (m *Module) SweepRule() string { return "countermand-" + m.Name + "-sweep" }

// Permissions is everything that the module declares: Reads, Writes and UndoWrites.
func (m *Module) Permissions() []Permission { return slices.Concat(m.Reads, m.Writes, m.UndoWrites) }

// ManagedPolicy is a customer managed IAM policy. Whoever takes the function over can attach that one, and no other.
type ManagedPolicy struct {
	Name     string // without path
	Document string // JSON
	Why      string // what it is for: IAM shows it as its description
}
