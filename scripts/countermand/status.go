package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/spf13/cobra"

	"github.com/countermand/countermand/remediations"
)

func statusCommand(modules []*remediations.Module, load loader) *cobra.Command {
	c := &cobra.Command{
		Use:   "status",
		Short: "show how far each module may go, and who has stopped it",
		Long: `Show each module with the mode that is deployed, the mode in force, and who has stopped it, since when and why; and
what keeps a module from hearing or acting at all. It is about one account and one Region.

The deployed mode is read from the function, so that it is what is there, not what countermand.yaml says. The exit
status is 0, whatever is stopped, unless there is an ALARM, or something could not be told.

` + credentials + `

The credentials need ssm:GetParameter on the parameter ` + remediations.SwitchParameter + `, and lambda:GetFunction and
events:DescribeRule on the functions and rules countermand-MODULE.`,
		Example: "  " + name + ` status
  ` + name + ` status --region us-east-1 --format json`,
		Args: cobra.NoArgs,
	}
	region := regionOf(c, load, "the functions")
	format := format(c, "text", "json")
	c.RunE = func(c *cobra.Command, _ []string) error {
		k, cfg, err := region.killSwitch(c.Context())
		if err != nil {
			return err
		}
		s, untold := situationOf(c.Context(), cfg, k, modules)
		if *format == "json" {
			err = writeJSON(c.OutOrStdout(), s, "  ")
		} else {
			err = printSituation(c.OutOrStdout(), s, time.Now())
		}
		return errors.Join(err, untold, s.mend())
	}
	return c
}

// situation is how things stand in an account and a Region.
type situation struct {
	Account    string              `json:"account"`
	Region     string              `json:"region"`
	Switch     remediations.Switch `json:"switch"`               // null if it could not be read
	Unreadable string              `json:"unreadable,omitempty"` // why functions can't read it
	Modules    []standing          `json:"modules"`
}

// The states of a module's function.
const (
	isDeployed  = "deployed"
	notDeployed = "not deployed"
	unknown     = "unknown"
)

// standing is how a module stands. What is not known is null.
type standing struct {
	Module     string             `json:"module"`
	State      string             `json:"state"`      // isDeployed, notDeployed or unknown
	Configured *remediations.Mode `json:"configured"` // as it is deployed
	InForce    *remediations.Mode `json:"inForce"`
	Stop       *remediations.Stop `json:"stop"`
	Alarms     []string           `json:"alarms"` // what keeps it from hearing of events, acting, or being stopped
}

// situationOf asks for all that status shows. What could not be told is in the error, all else in the situation.
func situationOf(ctx context.Context, cfg aws.Config, k *killSwitch, modules []*remediations.Module) (situation, error) {
	s := situation{Account: k.account, Region: k.region, Modules: make([]standing, len(modules))}
	errs := make([]error, len(modules)+1)
	said, _, err := k.read(ctx)
	var unreadable *unreadableError
	if errors.As(err, &unreadable) {
		s.Unreadable = err.Error()
	} else {
		errs[0] = err
	}
	s.Switch = said
	var group sync.WaitGroup
	for i, m := range modules {
		group.Go(func() { s.Modules[i], errs[i+1] = deployedAs(ctx, cfg, m.Name) })
	}
	group.Wait()
	if errs[0] == nil {
		for i := range s.Modules {
			s.Modules[i].lower(said, unreadable != nil)
		}
	}
	return s, errors.Join(errs...)
}

// resourceOf is what a module's function and its rule are called.
func resourceOf(module string) string { return "countermand-" + module }

// deployedAs is how a module is deployed.
func deployedAs(ctx context.Context, cfg aws.Config, module string) (standing, error) {
	s := standing{Module: module, State: unknown, Alarms: []string{}}
	resource := resourceOf(module)
	function, err := lambda.NewFromConfig(cfg).GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: &resource})
	var absent *lambdatypes.ResourceNotFoundException
	switch {
	case errors.As(err, &absent):
		s.State = notDeployed
		return s, nil
	case err != nil:
		return s, fmt.Errorf("%s: get function %s: %w", module, resource, err)
	}
	s.State = isDeployed
	if function.Concurrency != nil && aws.ToInt32(function.Concurrency.ReservedConcurrentExecutions) == 0 {
		s.Alarms = append(s.Alarms, "its function may not run (reserved concurrency 0): events go to the failure queue")
	}
	rule, ruleErr := eventbridge.NewFromConfig(cfg).DescribeRule(ctx, &eventbridge.DescribeRuleInput{Name: &resource})
	var noRule *eventtypes.ResourceNotFoundException
	switch {
	case errors.As(ruleErr, &noRule):
		ruleErr = nil
		s.Alarms = append(s.Alarms, "its rule is gone: it hears of nothing")
	case ruleErr != nil:
		ruleErr = fmt.Errorf("%s: describe rule %s: %w", module, resource, ruleErr)
	case rule.State == eventtypes.RuleStateDisabled:
		s.Alarms = append(s.Alarms, "its rule is disabled: it hears of nothing")
	}
	return s, errors.Join(s.configured(function), ruleErr)
}

// configured reads the mode, and whether the function asks the kill switch, from its environment.
func (s *standing) configured(function *lambda.GetFunctionOutput) error {
	variables := map[string]string{}
	if c := function.Configuration; c != nil && c.Environment != nil {
		variables = c.Environment.Variables
	}
	var mode remediations.Mode
	if err := mode.UnmarshalText([]byte(variables["COUNTERMAND_MODE"])); err != nil {
		return fmt.Errorf("%s: COUNTERMAND_MODE of its function: %w", s.Module, err)
	}
	s.Configured = &mode
	if variables["COUNTERMAND_SWITCH"] != remediations.SwitchParameter {
		s.InForce = &mode
		s.Alarms = append(s.Alarms, "its function does not ask this kill switch, and can't be stopped by it: deploy it again")
	}
	return nil
}

// lower sets the mode in force by the kill switch, if the function asks it.
func (s *standing) lower(said remediations.Switch, unreadable bool) {
	if s.Configured == nil || s.InForce != nil {
		return
	}
	mode, _ := said.Lower(s.Module, *s.Configured)
	if unreadable {
		mode = remediations.Observe
	}
	s.InForce = &mode
	_, s.Stop = said.Lower(s.Module, remediations.Enforce) // also one that lowers nothing
}

func printSituation(out io.Writer, s situation, now time.Time) error {
	p := paintFor(out)
	rows := [][]string{{"MODULE", "CONFIGURED", "IN FORCE", "STOPPED BY", "SINCE (UTC)", "FOR", "REASON"}}
	for _, m := range s.Modules {
		rows = append(rows, m.row(now))
	}
	fmt.Fprintf(out, "Account %s, Region %s\n\n", s.Account, s.Region)
	err := writeTable(out, rows, func(row, column int, cell string) string {
		m := s.Modules[row-1]
		switch {
		case m.State == notDeployed:
			return p.faint(cell)
		case column == 2 && m.InForce != nil && *m.InForce < *m.Configured:
			return p.alarm(cell)
		}
		return cell
	})
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, line := range s.alarms() {
		fmt.Fprintf(&b, "%s %s\n", p.alarm("ALARM"), printable(line))
	}
	for _, key := range slices.Sorted(maps.Keys(s.Switch)) {
		fmt.Fprintf(&b, "%s\n", printable(named(key)+": to go on, "+resumeOf(key)))
	}
	if b.Len() > 0 {
		_, err = fmt.Fprintf(out, "\n%s", b.String())
	}
	return err
}

// row is a module's row in the table.
func (s standing) row(now time.Time) []string {
	row := []string{s.Module, unknown, unknown, "", "", "", ""}
	if s.State == notDeployed {
		row[1], row[2] = notDeployed, ""
	}
	if s.Configured != nil {
		row[1] = s.Configured.String()
	}
	if s.InForce != nil {
		row[2] = s.InForce.String()
	}
	if s.Stop != nil {
		row[3], row[4] = short(nameOf(s.Stop.By)), s.Stop.At.UTC().Format(time.DateTime)
		row[5], row[6] = span(now.Sub(s.Stop.At)), s.Stop.Reason
	}
	return row
}

// alarms is what somebody has to mend, a line each.
func (s situation) alarms() []string {
	var lines []string
	known := map[string]bool{remediations.AllModules: true}
	states := map[string]bool{}
	for _, m := range s.Modules {
		known[m.Module], states[m.State] = true, true
		for _, alarm := range m.Alarms {
			lines = append(lines, m.Module+": "+alarm)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(s.Switch)) {
		if !known[key] {
			lines = append(lines, fmt.Sprintf("the kill switch stops %q, which is no module of this version", key))
		}
	}
	if s.Unreadable != "" {
		lines = append(lines, s.Unreadable)
	}
	switch {
	case s.Unreadable != "" && states[isDeployed]:
		lines = append(lines, "while functions can't read the kill switch, they observe only; to set it anew: "+name+" resume --reset")
	case !states[isDeployed] && !states[unknown]:
		lines = append(lines, "no module is deployed here: choose another Region with --region, or another account with AWS_PROFILE")
	}
	return lines
}

// mend is an error if somebody has to mend something.
func (s situation) mend() error {
	if n := len(s.alarms()); n > 0 {
		return errors.New(count(n, "alarm") + ": something has to be mended")
	}
	return nil
}

// span is a time that has passed, as coarse as one would say it.
func span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "<1m"
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd%02dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}
