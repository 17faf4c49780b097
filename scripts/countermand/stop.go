package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/spf13/cobra"

	"github.com/countermand/countermand/remediations"
)

func stopCommand(modules []*remediations.Module, load loader) *cobra.Command {
	c := &cobra.Command{
		Use:   "stop [MODULE...]",
		Short: "keep modules from acting, at once and without a deployment",
		Long: `Keep modules from acting, all of them unless some are named, until somebody resumes them. In mode observe, what is
wrong is still recorded; in mode alert, people are told as well. Functions go by it within a minute at most.

It sets the kill switch, the parameter ` + remediations.SwitchParameter + ` of this Region: other Regions have their own. It can lower a
module's mode, and never raise it. A module that is stopped further already stays so.

` + credentials + `

The credentials need ssm:GetParameter and ssm:PutParameter on the parameter, and lambda:GetFunction on the functions
countermand-MODULE, to see that there is something to stop.`,
		Example: "  " + name + ` stop --reason "it fights the migration, ticket 4711"
  ` + name + ` stop s3-public-policy --mode alert --reason "false alarms"
  ` + name + ` status
  ` + name + ` resume`,
		Args: knownModules(modules),
	}
	to := c.Flags().String("mode", remediations.Observe.String(), "how far they may still go, as a `MODE`: observe or alert")
	reason := c.Flags().String("reason", "", "why, as one line of `TEXT`, for those who find it stopped (required)")
	region := regionOf(c, load, "the kill switch")
	format := format(c, "text", "json")
	c.RunE = func(c *cobra.Command, args []string) error {
		mode, err := remediations.ParseStopMode(*to)
		if err != nil {
			return fmt.Errorf("--mode: %w", err)
		}
		if err := checkReason(*reason); err != nil {
			return err
		}
		k, cfg, err := region.killSwitch(c.Context())
		if err != nil {
			return err
		}
		note := noteTo(c)
		if err := k.deployed(c.Context(), cfg, modules, note); err != nil {
			return err
		}
		stop := remediations.Stop{Mode: mode, By: k.caller, Reason: strings.TrimSpace(*reason), At: time.Now().UTC().Truncate(time.Second)}
		said, err := k.stop(c.Context(), keys(args), stop, note)
		if err != nil {
			return err
		}
		if *format == "json" {
			return writeJSON(c.OutOrStdout(), k.answer(said), "  ")
		}
		return writeText(c.OutOrStdout(), stopped(k, said, args))
	}
	return c
}

// noteTo tells what else there is to know on a command's standard error.
func noteTo(c *cobra.Command) func(string) {
	return func(text string) { fmt.Fprintln(c.ErrOrStderr(), printableLines(text)) }
}

// askTime is how long may be asked whether Countermand is deployed: whoever stops it is in a hurry.
const askTime = 10 * time.Second

// deployed is an error if no module's function is there: a switch that is set there stops nothing, and is in the way of
// a later deployment. Where that can't be told it is noted, and no error: stopping must work for who may do little else.
func (k *killSwitch) deployed(ctx context.Context, cfg aws.Config, modules []*remediations.Module, note func(string)) error {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	client := lambda.NewFromConfig(cfg)
	for _, m := range modules {
		_, err := client.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: aws.String(resourceOf(m.Name))})
		var absent *lambdatypes.ResourceNotFoundException
		switch {
		case errors.As(err, &absent):
			continue
		case err != nil:
			note(fmt.Sprintf("Whether Countermand is deployed in %s can't be told: get function %s: %v\n"+
				"The kill switch is set all the same. If it is not deployed there, nothing is stopped.", k.where(), resourceOf(m.Name), err))
		}
		return nil
	}
	return fmt.Errorf("nothing was changed: Countermand is not deployed in %s, which has no function countermand-MODULE\n"+
		"choose another Region with --region, or another account with AWS_PROFILE", k.where())
}

// stop adds a stop under some keys, and returns the switch as it is then. What else there is to know is noted.
func (k *killSwitch) stop(ctx context.Context, keys []string, stop remediations.Stop, note func(string)) (remediations.Switch, error) {
	said, version, err := k.read(ctx)
	anew := err != nil
	if anew {
		// Functions that can't read it only observe. With one module's stop in its place, all others would act again.
		note(fmt.Sprintf("%v\nIt is set anew, and stops all modules at observe. What stood there, if anything: "+
			"aws ssm get-parameter-history --name %s", err, remediations.SwitchParameter))
		all := stop
		all.Mode = remediations.Observe
		said = remediations.Switch{remediations.AllModules: all}
	}
	changed := anew
	for _, key := range keys {
		stands, ok := said[key]
		switch {
		case !ok || stop.Mode <= stands.Mode:
			said[key], changed = stop, true
		case !anew:
			note(fmt.Sprintf("Nothing was changed for %s: what goes further stands, with its own reason:\n  %s\n"+
				"To let it go as far as %s: %s, and stop it again.", named(key), stands, stop.Mode, resumeOf(key)))
		}
	}
	if !changed {
		return said, nil
	}
	return said, k.write(ctx, said, version)
}

// stopped says what is stopped, and what that means for the modules that were named.
func stopped(k *killSwitch, said remediations.Switch, args []string) string {
	return fmt.Sprintf(`Stopped in %s, and in no other:
%s
Functions go by it within a minute at most; a run that acts by then ends what it has begun.
Events are still looked at and recorded. What is wrong stays as it is, and %s
To go on:
  %s
`, k.where(), stops(said), told(said, keys(args)), strings.Join(append([]string{name, "resume"}, args...), " "))
}

// told says who hears of what is wrong, by the modes in force of what is stopped under some keys, and how to list it.
func told(said remediations.Switch, keys []string) string {
	if slices.Contains(keys, remediations.AllModules) {
		keys = slices.Collect(maps.Keys(said)) // a module's own stop may go further
	}
	inForce := map[remediations.Mode]bool{}
	for _, key := range keys {
		mode, _ := said.Lower(key, remediations.Enforce)
		inForce[mode] = true
	}
	who, outcomes := "nobody is told of it", "--outcome observed"
	switch {
	case inForce[remediations.Observe] && inForce[remediations.Alert]:
		who, outcomes = "people are told of it, but not by what is stopped at observe", "--outcome alerted --outcome observed"
	case inForce[remediations.Alert]:
		who, outcomes = "people are told of it", "--outcome alerted"
	}
	return fmt.Sprintf("%s:\n  %s runs %s", who, name, outcomes)
}

func resumeCommand(modules []*remediations.Module, load loader) *cobra.Command {
	c := &cobra.Command{
		Use:   "resume [MODULE...]",
		Short: "let modules that were stopped go on",
		Long: `Lift the stop of all modules; of a module, if it is named. Who has stopped one module does not lose that stop when
somebody resumes all. Functions go by it within a minute at most. What was left alone meanwhile stays as it is until
somebody calls for it again: it is listed by runs.

` + credentials + `

The credentials need ssm:GetParameter and ssm:PutParameter on the parameter ` + remediations.SwitchParameter + `.`,
		Example: "  " + name + ` resume
  ` + name + ` resume s3-public-policy`,
		Args: cobra.ArbitraryArgs, // a stop may be of a module that this version does not know
	}
	reset := c.Flags().Bool("reset", false, "set a kill switch that can't be read anew, so that nothing is stopped any more")
	region := regionOf(c, load, "the kill switch")
	format := format(c, "text", "json")
	c.RunE = func(c *cobra.Command, args []string) error {
		k, cfg, err := region.killSwitch(c.Context())
		if err != nil {
			return err
		}
		if *reset {
			if err := k.deployed(c.Context(), cfg, modules, noteTo(c)); err != nil {
				return err
			}
		}
		said, lifted, err := k.resume(c.Context(), args, *reset)
		if err != nil {
			return err
		}
		if *format == "json" {
			return writeJSON(c.OutOrStdout(), k.answer(said), "  ")
		}
		return writeText(c.OutOrStdout(), resumed(k, said, lifted))
	}
	return c
}

// resume lifts the stops of modules, or that of all of them, and returns the switch as it is then, and what it lifted.
func (k *killSwitch) resume(ctx context.Context, modules []string, reset bool) (said, lifted remediations.Switch, err error) {
	said, version, err := k.read(ctx)
	switch {
	case err != nil && !reset:
		return nil, nil, fmt.Errorf("nothing was changed: %w\nwhile functions can't read it, they observe only; see %s status\n"+
			"to set it anew, so that nothing is stopped any more: %s resume --reset", err, name, name)
	case err != nil:
		return remediations.Switch{}, nil, k.write(ctx, remediations.Switch{}, version)
	case reset:
		return nil, nil, fmt.Errorf("nothing was changed: the kill switch can be read, and needs no --reset: see %s status", name)
	}
	lifted = remediations.Switch{}
	for _, key := range keys(modules) {
		stop, ok := said[key]
		if !ok {
			return nil, nil, fmt.Errorf("nothing was changed: there is no stop of %s in %s%s", printable(named(key)), k.where(), others(said))
		}
		lifted[key] = stop
	}
	maps.DeleteFunc(said, func(key string, _ remediations.Stop) bool { _, is := lifted[key]; return is })
	return said, lifted, k.write(ctx, said, version)
}

// others is which stops there are, for who has named one that is not there.
func others(said remediations.Switch) string {
	if len(said) == 0 {
		return ": nothing is stopped"
	}
	return "\n" + strings.TrimRight(stops(said), "\n")
}

// resumed says what was lifted, what is left, and what that means.
func resumed(k *killSwitch, said, lifted remediations.Switch) string {
	text := "Resumed in " + k.where() + ":\n" + stops(lifted)
	if len(lifted) == 0 {
		text = "The kill switch of " + k.where() + " is set anew.\n"
	}
	if len(said) > 0 {
		text += "\nStill stopped:\n" + stops(said)
	}
	text += "\nFunctions go by it within a minute at most.\n"
	var since time.Time
	for _, stop := range lifted {
		if since.IsZero() || stop.At.Before(since) {
			since = stop.At
		}
	}
	if since.IsZero() {
		return text
	}
	return text + fmt.Sprintf("What was wrong meanwhile stays as it is, until it is changed again:\n  %s runs --outcome observed --outcome alerted --since %s\n",
		name, since.UTC().Format(time.RFC3339))
}
