package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/countermand/countermand/remediations"
)

// description is what a module says of itself, as JSON. The other formats print the same.
type description struct {
	Name     string                `json:"name"`
	Title    string                `json:"title"`
	Why      string                `json:"why"`  // it matters
	Text     string                `json:"text"` // what it changes, and how that is undone
	Severity remediations.Severity `json:"severity"`
	Mode     remediations.Mode     `json:"mode"` // of a new install
	Risk     string                `json:"risk"`
	Controls []control             `json:"controls"`
	Watches  string                `json:"watches"` // the pattern in words
	Pattern  json.RawMessage       `json:"pattern"`
	Global   bool                  `json:"global"`   // deployed only in the global Region
	Schedule string                `json:"schedule"` // of its sweep, "rate(1 day)"; "" if it has none
	Settings []setting             `json:"settings"`
	Reads    []permission          `json:"reads"`
	Writes   []permission          `json:"writes"`
	UndoOnly []permission          `json:"undoWrites"`
	Policies []managedPolicy       `json:"policies"` // that are deployed with it
	Acts     bool                  `json:"acts"`
	Undoes   bool                  `json:"undoes"`
	Undo     string                `json:"undo"` // how, or that it can't be, in words
}

type control struct {
	ID  string `json:"id"`
	URL string `json:"url"`
}

type setting struct {
	Name    string          `json:"name"`
	Kind    string          `json:"kind"` // in words: "list of text"
	Doc     string          `json:"doc"`
	Default json.RawMessage `json:"default"`
}

type permission struct {
	Action   string     `json:"action"`
	Resource string     `json:"resource"`
	Why      string     `json:"why,omitempty"`
	Only     *condition `json:"only,omitempty"`
}

// condition narrows a permission to calls in which a condition key has a value.
type condition struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

type managedPolicy struct {
	Name     string          `json:"name"`
	Why      string          `json:"why"`
	Document json.RawMessage `json:"document"`
}

func descriptions(modules []*remediations.Module) ([]description, error) {
	all := []description{}
	for _, m := range modules {
		d, err := describe(m)
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, nil
}

// describe is a module's description. Its errors are of what Validate refuses, too.
func describe(m *remediations.Module) (description, error) {
	d := description{
		Name: m.Name, Title: m.Title, Why: m.Why, Text: m.Text, Severity: m.Severity, Mode: m.Default, Risk: m.Risk,
		Controls: []control{}, Pattern: json.RawMessage(m.Pattern), Global: m.Global, Schedule: m.Schedule,
		Settings: []setting{}, Policies: []managedPolicy{},
		Reads: permissions(m.Reads), Writes: permissions(m.Writes), UndoOnly: permissions(m.UndoWrites),
		Acts: m.Action != nil, Undoes: m.Undo != nil, Undo: undoOf(m),
	}
	var err error
	if d.Watches, err = watched(m.Pattern); err != nil {
		return d, fmt.Errorf("pattern of module %s: %w", m.Name, err)
	}
	for _, id := range slices.Sorted(slices.Values(m.Controls)) {
		url, err := remediations.ControlURL(id)
		if err != nil {
			return d, fmt.Errorf("module %s: %w", m.Name, err)
		}
		d.Controls = append(d.Controls, control{id, url})
	}
	settings, err := m.DescribeSettings()
	if err != nil {
		return d, fmt.Errorf("module %s: %w", m.Name, err)
	}
	for _, s := range settings {
		d.Settings = append(d.Settings, setting{s.Name, s.Kind, s.Doc, s.Default})
	}
	for _, p := range m.Policies {
		d.Policies = append(d.Policies, managedPolicy{p.Name, p.Why, json.RawMessage(p.Document)})
	}
	return d, nil
}

// about returns all that the module says of itself below its title.
func (d description) about() string {
	return strings.TrimSpace(d.Why) + "\n\n" + strings.TrimSpace(d.Text)
}

func permissions(declared []remediations.Permission) []permission {
	all := []permission{}
	for _, p := range declared {
		described := permission{Action: p.Action, Resource: p.Resource, Why: p.Why}
		if p.Only != (remediations.Condition{}) {
			described.Only = &condition{p.Only.Key, p.Only.Value}
		}
		all = append(all, described)
	}
	return all
}

// undoOf says how what a module did is taken back, or that it can't be. What exactly is put back is in its Text.
func undoOf(m *remediations.Module) string {
	switch {
	case m.Action == nil:
		return "it changes nothing"
	case m.Undo == nil:
		return "not possible: its documentation says why, and what to do instead"
	case m.MatchesUndo():
		return "countermand undo RUN. The module may see that: while it enforces, exempt the resource first"
	case m.Schedule != "":
		return "countermand undo RUN. The module does not see that, but its sweep finds it: where sweeps enforce, exempt the resource first"
	}
	return "countermand undo RUN. The module does not see that"
}

// does says what a module does in a mode.
func (d description) does(mode remediations.Mode) string {
	switch {
	case mode == remediations.Observe && len(d.Reads) == 0:
		return "decides from the event, and records that it would have told people"
	case mode == remediations.Observe:
		return "reads the resource, decides and records what it would have done"
	case mode == remediations.Alert:
		return "also tells people"
	case !d.Acts:
		return "the same as alert: this module has no action"
	case !d.Undoes:
		return "also puts it right; that can't be undone"
	}
	return "also puts it right; that can be undone"
}

// often is the schedule of the sweep in words: "every day", "every 6 hours". Validate lets no other forms pass.
func (d description) often() string {
	return "every " + strings.TrimPrefix(strings.TrimSuffix(strings.TrimPrefix(d.Schedule, "rate("), ")"), "1 ")
}

// example is what countermand.yaml may say of the module: its settings, as they are if nothing is said.
func (d description) example() string {
	var b strings.Builder
	fmt.Fprintf(&b, "modules:\n  %s:\n    mode: %s\n    settings:\n", d.Name, d.Mode)
	for _, s := range d.Settings {
		fmt.Fprintf(&b, "      %s: %s    # %s (%s)\n", s.Name, s.Default, s.Doc, s.Kind)
	}
	return b.String()
}

// conditionOf says what narrows a permission, with a space before it; "" if nothing does.
func (p permission) conditionOf() string {
	if p.Only == nil {
		return ""
	}
	return fmt.Sprintf(" only with %s %s", p.Only.Key, p.Only.Value)
}
