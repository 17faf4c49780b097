package remediations

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var (
	moduleName = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	iamAction  = regexp.MustCompile(`^[a-z0-9-]+:([A-Za-z0-9]+|[A-Za-z0-9]*\*)$`)
	title      = regexp.MustCompile(`^[a-z].*[^\s.]$`)
	pseudo     = regexp.MustCompile(`\$\{[^}]*\}`)
)

// maxName keeps "countermand-" and the name within the 64 characters of an IAM role's name, with room for
// a Region.
const maxName = 32

// maxTitle keeps a title on one line of a table.
const maxTitle = 72

// summaryFunction is a name that no module may have: its function, log and rule would be those of functions/summary.
const summaryFunction = "summary"

// Package is the name of the module's folder and package: its name without hyphens.
func (m *Module) Package() string { return strings.ReplaceAll(m.Name, "-", "") }

// SweepRule is the name of the rule that has the module sweep.
func (m *Module) SweepRule() string { return "countermand-" + m.Name + "-sweep" }

// Permissions is everything that the module declares: Reads, Writes and UndoWrites.
func (m *Module) Permissions() []Permission { return slices.Concat(m.Reads, m.Writes, m.UndoWrites) }

// CheckName reports why a module can't have a name.
func CheckName(name string) error {
	switch {
	case !moduleName.MatchString(name) || len(name) > maxName:
		return fmt.Errorf("name must be lower-case words with hyphens between them, of at most %d characters", maxName)
	case name == AllModules:
		return fmt.Errorf("an exemption of module %q is one from every module: take another name", AllModules)
	case name == summaryFunction:
		return fmt.Errorf("the function that tells of folded alerts is called %q: take another name", summaryFunction)
	}
	return nil
}

// Validate reports everything that is wrong with a module's declaration; of its pattern, whatever Lint reports.
func (m *Module) Validate() error {
	var errs []error
	wrong := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("module %q: "+format, append([]any{m.Name}, args...)...))
	}
	if err := CheckName(m.Name); err != nil {
		wrong("%w", err)
	}
	errs = append(errs, m.validateTexts()...)
	if m.Severity < Low || m.Severity > Critical {
		wrong("severity is %s", m.Severity)
	}
	if m.Default != Observe && m.Default != Alert {
		wrong("default mode is %s: a new install observes or alerts, and enforces only where its owner says so", m.Default)
	}
	for _, control := range m.Controls {
		if _, err := ControlURL(control); err != nil {
			wrong("%w", err)
		}
	}
	problems, err := m.Pattern.Lint()
	if err != nil {
		wrong("pattern: %w", err)
	}
	for _, p := range problems {
		wrong("pattern: %s", p)
	}
	if m.Suspects == nil || m.Guard == nil {
		wrong("suspects and guard are required")
	}
	if (m.Action != nil) != (len(m.Writes) > 0) {
		wrong("action and writes go together")
	}
	if m.Undo != nil && m.Action == nil {
		wrong("undo without an action")
	}
	if m.Undo == nil && len(m.UndoWrites) > 0 {
		wrong("undo writes without an undo")
	}
	if m.Action != nil && m.Risk == "" {
		wrong("a module that acts must state its risk")
	}
	errs = append(errs, m.validatePermissions()...)
	errs = append(errs, m.validateParts()...)
	return errors.Join(errs...)
}

func (m *Module) validateTexts() []error {
	var errs []error
	first, _, _ := strings.Cut(m.Title, " ")
	thirdPerson := strings.HasSuffix(first, "s") && !strings.HasSuffix(first, "ss") // "restarts", or a noun
	if !title.MatchString(m.Title) || len(m.Title) > maxTitle || thirdPerson {
		errs = append(errs, fmt.Errorf("module %q: title %q: want a line of at most %d characters that says what it does: "+
			"imperative, lower-case, no period, as \"restart a stopped trail\"", m.Name, m.Title, maxTitle))
	}
	switch why := strings.TrimSpace(m.Why); {
	case why == "":
		errs = append(errs, fmt.Errorf("module %q: why is empty: want a paragraph on why it matters", m.Name))
	case strings.Contains(why, "\n\n"):
		errs = append(errs, fmt.Errorf("module %q: why is more than a paragraph: alerts carry it", m.Name))
	}
	if strings.TrimSpace(m.Text) == "" {
		errs = append(errs, fmt.Errorf("module %q: text is empty: want what counts as wrong, what is changed, and how that is undone", m.Name))
	}
	return errs
}

func (m *Module) validatePermissions() []error {
	var errs []error
	seen := map[Permission]bool{}
	for _, p := range m.Permissions() {
		if err := p.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("module %q: %w", m.Name, err))
		}
		key := Permission{Action: p.Action, Resource: p.Resource, Only: p.Only}
		if seen[key] {
			errs = append(errs, fmt.Errorf("module %q: permission %s on %s is declared twice", m.Name, p.Action, p.Resource))
		}
		seen[key] = true
	}
	return errs
}

// Validate reports what is wrong with a permission: its form, or a wildcard that is not explained.
func (p Permission) Validate() error {
	if !iamAction.MatchString(p.Action) {
		return fmt.Errorf("permission action %q: want service:Action, or service:Prefix*", p.Action)
	}
	if p.Resource != "*" && !strings.HasPrefix(p.Resource, "arn:${AWS::Partition}:") {
		return fmt.Errorf("permission %s: resource %q: want * or an ARN that begins with %q", p.Action, p.Resource, "arn:${AWS::Partition}:")
	}
	if (p.Only.Key == "") != (p.Only.Value == "") {
		return fmt.Errorf("permission %s: a condition needs a key and a value", p.Action)
	}
	for _, variable := range pseudo.FindAllString(p.Resource+p.Only.Value, -1) {
		switch variable {
		case "${AWS::Partition}", "${AWS::AccountId}", "${AWS::Region}":
		default:
			return fmt.Errorf("permission %s: resource holds %s: only AWS::Partition, AWS::AccountId and AWS::Region are known", p.Action, variable)
		}
	}
	if p.Why == "" && (coversService(p.Resource) || strings.Contains(p.Action, "*")) {
		return fmt.Errorf("permission %s on %s: a wildcard needs a Why", p.Action, p.Resource)
	}
	return nil
}

// coversService reports whether a resource is all that a service has, of whatever type. A bucket's ARN has neither
// Region nor account nor type, so that for S3 a star alone is no more than every bucket can be named.
func coversService(resource string) bool {
	parts := strings.SplitN(pseudo.ReplaceAllString(resource, "pseudo"), ":", 6) // the parameters have colons
	return len(parts) < 6 || strings.ContainsAny(parts[2], "*?") || strings.Trim(parts[5], "*?:/") == "" && parts[2] != "s3"
}

// Allows reports whether the permission covers an IAM action. Case does not count, as in IAM.
func (p Permission) Allows(action string) bool {
	pattern, action := strings.ToLower(p.Action), strings.ToLower(action)
	if prefix, wild := strings.CutSuffix(pattern, "*"); wild {
		return strings.HasPrefix(action, prefix)
	}
	return pattern == action
}
