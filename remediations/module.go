// Package remediations says what a module is: one value that declares what it watches, what it may call, how it decides
// and what it does. Infrastructure, Lambda, tests, documentation and the command line all read that value; the engine
// runs it.
package remediations

import (
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/events/pattern"
)

// A Module detects one kind of dangerous change and reverts it. It holds no state and never changes after it is
// declared.
type Module struct {
	Name     string          // "s3-public-policy", the same in configuration, alerts, Lambda, role, metric and log
	Title    string          // what it does, in one line: imperative, lower-case, no period, at most 72 characters
	Why      string          // why it matters: a paragraph, which alerts carry
	Text     string          // what counts as wrong, what is changed, how that is undone, and what is not covered
	Severity Severity        // how bad it is if nobody looks
	Risk     string          // what may break when it acts, in one sentence
	Controls []string        // "FSBP/S3.8", "CIS-3.0/2.1.4", "ATT&CK/T1530"
	Default  Mode            // the mode of a new install: Observe or Alert
	Pattern  pattern.Pattern // EventBridge's own JSON; both the rule and the function's check use this value
	Global   bool            // its events are delivered only in the partition's global Region (IAM), so it is deployed only there
	Settings any             // a struct with defaults, see settings.go; nil if there is nothing to set
	Reads    []Permission    // everything that Guard and Sweep may call
	Writes   []Permission    // what Action may call in addition
	// UndoWrites is what only Undo calls. The function's role never gets it: undo runs with a person's own credentials,
	// and a function that restarts a trail must not be able to stop one.
	UndoWrites []Permission
	Policies   []ManagedPolicy // IAM policies that the action attaches; deployed with the module

	// Suspects returns the resources that an event may have made unsafe. It makes no calls and decides from the event
	// alone. If the event leaves it open whether a resource is affected, the resource is a suspect; if the resource
	// cannot even be named, that is an error.
	Suspects func(events.Event) ([]Resource, error)
	// Sweep lists the resources of the function's Region that Guard should check, whether or not CloudTrail reported
	// them. An error ends the sweep. It is nil if the state cannot be listed.
	Sweep    func(context.Context, *Run) iter.Seq2[Resource, error]
	Schedule string // how often to sweep, as an EventBridge expression: "rate(1 day)"
	// Guard reads the resource's present state, in as few round trips as possible (InParallel). It returns nil, nil if
	// nothing is wrong. It may be called several times at once, and is called right before the action. In a sweep there
	// is no event.
	Guard func(context.Context, *Run, Resource) (*Finding, error)
	// Action fixes the resource with the least change that closes the hole. It is idempotent. The finding is one round
	// trip old, so the state need not be read again. Action is nil for a module that only alerts.
	Action func(context.Context, *Run, *Finding) error
	// Undo restores the state that the finding holds as Before. It returns Changed if the resource is no longer in the
	// state that the finding holds as After. It gets neither event nor settings. It is nil if the action cannot be
	// undone.
	Undo func(context.Context, *Run, *Finding) error
}

// Find returns the module with a name, or nil.
func Find(modules []*Module, name string) *Module {
	for _, m := range modules {
		if m.Name == name {
			return m
		}
	}
	return nil
}

// Package returns the name of the module's folder and package: its name without hyphens.
func (m *Module) Package() string { return strings.ReplaceAll(m.Name, "-", "") }

// SweepRule returns the name of the rule that schedules the module's sweeps.
func (m *Module) SweepRule() string { return "countermand-" + m.Name + "-sweep" }

// Permissions returns all permissions that the module declares: Reads, Writes and UndoWrites.
func (m *Module) Permissions() []Permission { return slices.Concat(m.Reads, m.Writes, m.UndoWrites) }

// A ManagedPolicy is a customer managed IAM policy that a module's action attaches. Somebody who takes over the
// function can attach this policy and no other.
type ManagedPolicy struct {
	Name     string // without path
	Document string // JSON
	Why      string // what it is for: IAM shows it as its description
}
