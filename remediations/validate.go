package remediations

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Validate reports everything that is wrong with a module's declaration, including what Lint reports about its pattern.
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

// CheckName reports why a module cannot have a name.
func CheckName(name string) error {
	switch {
	case !moduleName.MatchString(name) || len(name) > maxName:
		return fmt.Errorf("name must be lower-case words with hyphens between them, of at most %d characters", maxName)
	case name == AllModules:
		return fmt.Errorf("%q stands for all modules in an exemption: choose another name", AllModules)
	case name == summaryFunction:
		return fmt.Errorf("%q is the function that sends summaries: choose another name", summaryFunction)
	}
	return nil
}

// moduleName matches a module's name.
var moduleName = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// maxName keeps "countermand-" and the name within the 64 characters of an IAM role's name, with room for a Region.
const maxName = 32

// summaryFunction is a reserved name: the module's function, log and rule would be those of functions/summary.
const summaryFunction = "summary"

// validateTexts reports what is wrong with the module's title, why and text.
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

// title matches a module's title.
var title = regexp.MustCompile(`^[a-z].*[^\s.]$`)

// maxTitle keeps a title on one line of a table.
const maxTitle = 72

// validatePermissions reports invalid and duplicate permissions.
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

// validateParts reports what is wrong with the module's settings, schedule and policies.
func (m *Module) validateParts() []error {
	var errs []error
	if err := m.validateSettings(); err != nil {
		errs = append(errs, fmt.Errorf("module %q: %w", m.Name, err))
	}
	if (m.Sweep != nil) != (m.Schedule != "") {
		errs = append(errs, fmt.Errorf("module %q: sweep and schedule go together", m.Name))
	}
	if m.Schedule != "" && !schedule.MatchString(m.Schedule) {
		errs = append(errs, fmt.Errorf("module %q: schedule %q: want rate(1 day), rate(6 hours) or the like", m.Name, m.Schedule))
	}
	for _, p := range m.Policies {
		if !strings.HasPrefix(p.Name, "countermand-") || p.Why == "" || !json.Valid([]byte(p.Document)) {
			errs = append(errs, fmt.Errorf("module %q: policy %q: want a name that begins with countermand-, a why, and a document in JSON", m.Name, p.Name))
		}
	}
	return errs
}

// schedule matches EventBridge's rate expressions.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
var schedule = regexp.MustCompile(`^rate\((1 (minute|hour|day)|([2-9]|[1-9][0-9]+) (minutes|hours|days))\)$`)

// validateSettings reports what is wrong with the module's default settings, which pass the same checks as its owner's.
func (m *Module) validateSettings() error {
	if m.Settings == nil {
		return nil
	}
	if _, err := m.DescribeSettings(); err != nil {
		return err
	}
	_, err := m.ParseSettings([]byte("{}"))
	return err
}
