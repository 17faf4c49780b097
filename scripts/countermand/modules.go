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
what it watches, what it may call, what can be set, what it does in each mode, what may break and how it is undone.

--policy prints the IAM policy of what a module calls in a mode, or of what somebody calls who undoes it. The
engine's own rights, and those of the commands on the run table, are not in it. CloudFormation fills in
${AWS::Partition}, ${AWS::Region} and ${AWS::AccountId} (Fn::Sub); elsewhere, put yours in their place.`,
		Example: "  " + name + ` modules
  ` + name + ` modules cloudtrail-tamper
  ` + name + ` modules cloudtrail-tamper --policy enforce
  ` + name + ` modules --format json
  ` + name + ` modules --format markdown > CATALOGUE.md`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				return fmt.Errorf("want the name of one module, or none for all, got %d\nsee '%s --help'", len(args), c.CommandPath())
			}
			return nil
		},
	}
	format := format(c, "text", "json", "markdown")
	policy := c.Flags().String("policy", "", "print only the IAM policy for "+list(policyUses, "or"))
	c.RunE = func(c *cobra.Command, args []string) error {
		out := c.OutOrStdout()
		if len(args) == 0 && *policy != "" {
			return errors.New("--policy is for one module: name it")
		}
		if len(args) == 0 {
			return printModules(out, modules, *format)
		}
		m, err := find(modules, args[0])
		switch {
		case err != nil:
			return err
		case *policy != "":
			return printPolicy(out, m, *policy)
		}
		d, err := describe(m)
		switch {
		case err != nil:
			return err
		case *format == "json":
			return writeJSON(out, d, "  ")
		case *format == "markdown":
			_, err = io.WriteString(out, d.markdown())
			return err
		}
		return printModule(out, d)
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

// printModules prints all modules: a table for people, everything in the other formats.
func printModules(out io.Writer, modules []*remediations.Module, format string) error {
	if format == "text" {
		return printTable(out, modules)
	}
	all, err := descriptions(modules)
	switch {
	case err != nil:
		return err
	case format == "json":
		return writeJSON(out, all, "  ")
	}
	_, err = io.WriteString(out, catalogue(all))
	return err
}

func printTable(out io.Writer, modules []*remediations.Module) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tMODE\tSEVERITY\tTITLE")
	for _, m := range modules {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", m.Name, m.Default, m.Severity, m.Title)
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

func printModule(out io.Writer, d description) error {
	p := paintFor(out)
	var b bytes.Buffer
	heading := func(text string) { fmt.Fprintf(&b, "\n%s\n", p.bold(text)) }

	fmt.Fprintf(&b, "%s: %s\n\n%s\n", p.bold(d.Name), d.Title, d.about())
	fmt.Fprintf(&b, "\nSeverity %s, runs in mode %s unless told otherwise\n", d.Severity, d.Mode)

	heading("What it watches")
	b.WriteString(indented(wrapped(d.Watches, 108)))
	if d.Schedule != "" {
		fmt.Fprintf(&b, "  and %s all that is there, whatever was called\n", d.often())
	}
	if d.Global {
		fmt.Fprintf(&b, "  %s\n", globalOnly)
	}

	heading("What it does")
	for _, mode := range []remediations.Mode{remediations.Observe, remediations.Alert, remediations.Enforce} {
		fmt.Fprintf(&b, "  %-8s %s\n", mode, d.does(mode))
	}
	if d.Acts {
		fmt.Fprintf(&b, "  Risk: %s\n  Undo: %s\n", d.Risk, d.Undo)
	}
	if len(d.Settings) > 0 {
		heading("Settings, with their defaults, as in countermand.yaml")
		b.WriteString(indented(d.example()))
	}
	if len(d.Controls) > 0 {
		heading("Controls")
	}
	for _, control := range d.Controls {
		fmt.Fprintf(&b, "  %-18s %s\n", control.ID, control.URL)
	}
	for _, part := range d.rights() {
		heading(part.title)
		printPermissions(&b, part.permissions)
	}
	for _, policy := range d.Policies {
		heading("IAM policy " + policy.Name + ", deployed with it: " + policy.Why)
		if err := printJSON(&b, policy.Document); err != nil {
			return fmt.Errorf("policy %s of module %s: %w", policy.Name, d.Name, err)
		}
	}
	heading("Event pattern")
	if err := printJSON(&b, d.Pattern); err != nil {
		return fmt.Errorf("pattern of module %s: %w", d.Name, err)
	}
	_, err := b.WriteTo(out)
	return err
}

// globalOnly says where a module is deployed whose events appear in one Region only.
const globalOnly = "deployed only in the global Region (us-east-1), where AWS reports these events"

// indented is lines with two spaces before each.
func indented(lines string) string {
	return "  " + strings.ReplaceAll(strings.TrimSuffix(lines, "\n"), "\n", "\n  ") + "\n"
}

// wrapped is a text in lines of at most as many bytes, as far as its words are that short.
func wrapped(text string, width int) string {
	var b strings.Builder
	length := 0
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
		case length+1+len(word) > width:
			b.WriteString("\n")
			length = 0
		default:
			b.WriteString(" ")
			length++
		}
		b.WriteString(word)
		length += len(word)
	}
	return b.String()
}

func printJSON(b *bytes.Buffer, text json.RawMessage) error {
	b.WriteString("  ")
	err := json.Indent(b, text, "  ", "  ")
	b.WriteString("\n")
	return err
}

// rights is some of a module's permissions, and what they are for.
type rights struct {
	title       string
	permissions []permission
}

// rights is the module's permissions by what they are for, without empty parts.
func (d description) rights() []rights {
	return slices.DeleteFunc([]rights{
		{"Permissions to look", d.Reads},
		{"Permissions to act, in mode enforce", d.Writes},
		{"Permissions that who undoes it needs besides; the function has none of them", d.UndoOnly},
	}, func(part rights) bool { return len(part.permissions) == 0 })
}

func printPermissions(b *bytes.Buffer, permissions []permission) {
	for _, p := range permissions {
		fmt.Fprintf(b, "  %s\n      on %s%s\n", p.Action, p.Resource, p.conditionOf())
		if p.Why != "" {
			fmt.Fprintf(b, "      because %s\n", p.Why)
		}
	}
}
