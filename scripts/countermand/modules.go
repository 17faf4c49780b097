package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/countermand/countermand/remediations"
)

func modulesCommand(modules []*remediations.Module) *cobra.Command {
	c := &cobra.Command{
		Use:   "modules [NAME]",
		Short: "list the modules, or show one in full",
		Long: `List the modules with the mode that a new install runs them in, or show one in full: why it matters,
what it watches, what it may call, what it does in each mode and what may break.

--policy prints the IAM policy of what a module calls in a mode, or of what somebody calls who undoes it. The
engine's own rights, and those of the commands on the run table, are not in it. CloudFormation fills in
${AWS::Partition}, ${AWS::Region} and ${AWS::AccountId} (Fn::Sub); elsewhere, put yours in their place.`,
		Example: "  " + name + ` modules
  ` + name + ` modules cloudtrail-tamper
  ` + name + ` modules cloudtrail-tamper --policy enforce
  ` + name + ` modules --format json`,
		Args: cobra.MaximumNArgs(1),
	}
	format := format(c, "text", "json")
	policy := c.Flags().String("policy", "", "print only the IAM policy for "+list(policyUses, "or"))
	c.RunE = func(c *cobra.Command, args []string) error {
		out := c.OutOrStdout()
		if len(args) == 0 && *policy != "" {
			return errors.New("--policy is for one module: name it")
		}
		if len(args) == 0 {
			if *format == "json" {
				return writeJSON(out, descriptions(modules), "  ")
			}
			return printTable(out, modules)
		}
		m, err := find(modules, args[0])
		if err != nil {
			return err
		}
		switch {
		case *policy != "":
			return printPolicy(out, m, *policy)
		case *format == "json":
			return writeJSON(out, describe(m), "  ")
		}
		return printModule(out, m)
	}
	return c
}

// policyUses is what a module's policy can be printed for: a mode, or undo.
var policyUses = []string{"observe", "alert", "enforce", "undo"}

func printPolicy(out io.Writer, m *remediations.Module, use string) error {
	if use == "undo" {
		return writeJSON(out, remediations.NewPolicy(m.UndoRights()), "  ")
	}
	var mode remediations.Mode
	if err := mode.UnmarshalText([]byte(use)); err != nil {
		return fmt.Errorf("unknown policy %q: want %s", use, list(policyUses, "or"))
	}
	return writeJSON(out, remediations.NewPolicy(m.Rights(mode)), "  ")
}

func printTable(out io.Writer, modules []*remediations.Module) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tMODE\tSEVERITY\tTITLE")
	for _, m := range modules {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", m.Name, m.Default, m.Severity, m.Title())
	}
	return w.Flush()
}

// find is the module of a name. The error for an unknown one names those that may have been meant.
func find(modules []*remediations.Module, wanted string) (*remediations.Module, error) {
	var near []string
	for _, m := range modules {
		if m.Name == wanted {
			return m, nil
		}
		if isNear(m.Name, wanted) {
			near = append(near, m.Name)
		}
	}
	if len(near) == 0 {
		return nil, fmt.Errorf("unknown module %q\nfor a list: %s modules", wanted, name)
	}
	return nil, fmt.Errorf("unknown module %q: did you mean %s?\nfor a list: %s modules", wanted, list(near, "or"), name)
}

// isNear reports whether a name may have been meant by what was typed: part of it, or a few keys off.
func isNear(name, typed string) bool {
	name, typed = plain(name), plain(typed)
	return len(typed) > 1 && strings.Contains(name, typed) || distance(name, typed) <= 1+len(name)/5
}

// plain is a name as its package has it, since hyphens and case are what is easiest forgotten.
func plain(name string) string { return strings.ToLower(strings.ReplaceAll(name, "-", "")) }

// distance is the number of letters to insert, remove or replace to make one word the other (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

func printModule(out io.Writer, m *remediations.Module) error {
	p := paintFor(out)
	var b bytes.Buffer
	heading := func(text string) { fmt.Fprintf(&b, "\n%s\n", p.bold(text)) }

	_, doc, _ := strings.Cut(m.Doc, "\n")
	fmt.Fprintf(&b, "%s: %s\n\n%s\n", p.bold(m.Name), m.Title(), strings.TrimSpace(doc))
	fmt.Fprintf(&b, "\nSeverity %s, runs in mode %s unless told otherwise\n", m.Severity, m.Default)

	heading("What it does")
	for _, mode := range []remediations.Mode{remediations.Observe, remediations.Alert, remediations.Enforce} {
		fmt.Fprintf(&b, "  %-8s %s\n", mode, does(m, mode))
	}
	if m.Action != nil {
		fmt.Fprintf(&b, "  Risk: %s\n", m.Risk)
	}

	heading("Controls")
	for _, control := range m.Controls {
		url, err := remediations.ControlURL(control)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "  %-18s %s\n", control, url)
	}

	heading("Event pattern")
	b.WriteString("  ")
	if err := json.Indent(&b, []byte(m.Pattern), "  ", "  "); err != nil {
		return fmt.Errorf("pattern of module %s: %w", m.Name, err)
	}
	b.WriteString("\n")

	heading("Permissions to look")
	printPermissions(&b, m.Reads)
	if len(m.Writes) > 0 {
		heading("Permissions to act, in mode enforce")
		printPermissions(&b, m.Writes)
	}
	if len(m.UndoWrites) > 0 {
		heading("Permissions that who undoes it needs besides; the function has none of them")
		printPermissions(&b, m.UndoWrites)
	}
	_, err := b.WriteTo(out)
	return err
}

// does says what a module does in a mode.
func does(m *remediations.Module, mode remediations.Mode) string {
	switch {
	case mode == remediations.Observe:
		return "reads the resource, decides and records what it would have done"
	case mode == remediations.Alert:
		return "also tells people"
	case m.Action == nil:
		return "the same as alert: this module has no action"
	case m.Undo == nil:
		return "also puts it right; that can't be undone"
	}
	return "also puts it right; that can be undone"
}

func printPermissions(b *bytes.Buffer, permissions []remediations.Permission) {
	for _, p := range permissions {
		fmt.Fprintf(b, "  %s\n      on %s\n", p.Action, p.Resource)
		if p.Why != "" {
			fmt.Fprintf(b, "      because %s\n", p.Why)
		}
	}
}

// description is a module as JSON.
type description struct {
	Name     string                `json:"name"`
	Title    string                `json:"title"`
	Doc      string                `json:"doc"`
	Severity remediations.Severity `json:"severity"`
	Mode     remediations.Mode     `json:"mode"` // of a new install
	Risk     string                `json:"risk"`
	Controls []control             `json:"controls"`
	Pattern  json.RawMessage       `json:"pattern"`
	Reads    []permission          `json:"reads"`
	Writes   []permission          `json:"writes"`
	UndoOnly []permission          `json:"undoWrites"`
	Acts     bool                  `json:"acts"`
	Undoes   bool                  `json:"undoes"`
}

type control struct {
	ID  string `json:"id"`
	URL string `json:"url"`
}

type permission struct {
	Action   string `json:"action"`
	Resource string `json:"resource"`
	Why      string `json:"why,omitempty"`
}

func descriptions(modules []*remediations.Module) []description {
	all := []description{}
	for _, m := range modules {
		all = append(all, describe(m))
	}
	return all
}

func describe(m *remediations.Module) description {
	d := description{
		Name: m.Name, Title: m.Title(), Doc: m.Doc, Severity: m.Severity, Mode: m.Default, Risk: m.Risk,
		Controls: []control{}, Pattern: json.RawMessage(m.Pattern),
		Reads: permissions(m.Reads), Writes: permissions(m.Writes), UndoOnly: permissions(m.UndoWrites),
		Acts: m.Action != nil, Undoes: m.Undo != nil,
	}
	for _, id := range slices.Sorted(slices.Values(m.Controls)) {
		url, _ := remediations.ControlURL(id) // "" for what is not a control; Validate refuses such a module
		d.Controls = append(d.Controls, control{id, url})
	}
	return d
}

func permissions(declared []remediations.Permission) []permission {
	all := []permission{}
	for _, p := range declared {
		all = append(all, permission{Action: p.Action, Resource: p.Resource, Why: p.Why})
	}
	return all
}
