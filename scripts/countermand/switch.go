package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/spf13/cobra"

	"github.com/countermand/countermand/remediations"
)

// maxSwitch is how many bytes a standard parameter holds.
// https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html
const maxSwitch = 4096

// maxStopReason bounds the reason of a stop, in characters: a parameter has to hold one for each module.
const maxStopReason = 200

// killSwitch is the kill switch of an account and a Region, and who asks for it.
type killSwitch struct {
	client                  *ssm.Client
	account, region, caller string
}

// killSwitch is the kill switch there, and the AWS configuration that it is called with.
func (r *region) killSwitch(ctx context.Context) (*killSwitch, aws.Config, error) {
	cfg, err := r.open(ctx)
	if err != nil {
		return nil, cfg, err
	}
	account, caller, err := callerOf(ctx, cfg)
	if err != nil {
		return nil, cfg, err
	}
	return &killSwitch{ssm.NewFromConfig(cfg), account, cfg.Region, caller}, cfg, nil
}

// callerOf is whose credentials these are: an account's 12 digits and an ARN.
func callerOf(ctx context.Context, cfg aws.Config) (account, arn string, err error) {
	caller, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", "", fmt.Errorf("ask whose credentials these are: %w", err)
	}
	return aws.ToString(caller.Account), aws.ToString(caller.Arn), nil
}

func (k *killSwitch) where() string { return fmt.Sprintf("account %s, Region %s", k.account, k.region) }

// unreadableError is a kill switch that says nothing: a function that asks it only observes.
type unreadableError struct{ why string }

func (e *unreadableError) Error() string {
	return fmt.Sprintf("parameter %s: %s", remediations.SwitchParameter, e.why)
}

// read is what the switch says, and its version: 0 if there is none, -1 if that is not known. The error is an
// *unreadableError where functions can't read it either.
func (k *killSwitch) read(ctx context.Context) (remediations.Switch, int64, error) {
	out, err := k.client.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(remediations.SwitchParameter)})
	var absent *types.ParameterNotFound
	switch {
	case errors.As(err, &absent):
		return nil, 0, &unreadableError{"there is no kill switch in " + k.where()}
	case err != nil:
		return nil, -1, fmt.Errorf("get parameter %s: %w", remediations.SwitchParameter, err)
	case out.Parameter == nil:
		return nil, -1, fmt.Errorf("get parameter %s: the answer holds none", remediations.SwitchParameter)
	}
	said, err := remediations.ParseSwitch(aws.ToString(out.Parameter.Value))
	if err != nil {
		return nil, out.Parameter.Version, &unreadableError{err.Error()}
	}
	return said, out.Parameter.Version, nil
}

// write replaces the switch that had a version, and looks whether it has. Parameter Store takes no condition: that
// somebody else has written in between is seen afterwards only, by the version.
func (k *killSwitch) write(ctx context.Context, said remediations.Switch, version int64) error {
	text, err := said.Text()
	if err != nil {
		return fmt.Errorf("write the kill switch: %w", err)
	}
	if len(text) > maxSwitch {
		return fmt.Errorf("nothing was changed: the kill switch would have %d bytes, and a standard parameter holds %d\n"+
			"give a shorter reason, stop all modules at once by naming none, or resume what need not be stopped", len(text), maxSwitch)
	}
	put, err := k.client.PutParameter(ctx, &ssm.PutParameterInput{
		Name: aws.String(remediations.SwitchParameter), Value: &text, Type: types.ParameterTypeString, Overwrite: aws.Bool(true),
	})
	if err != nil {
		return fmt.Errorf("put parameter %s: %w", remediations.SwitchParameter, err)
	}
	see := fmt.Sprintf("see %s status, and aws ssm get-parameter-history --name %s", name, remediations.SwitchParameter)
	if version >= 0 && put.Version != version+1 {
		return fmt.Errorf("the kill switch is set, but somebody else has set it at the same time, and that is overwritten\n%s", see)
	}
	now, _, err := k.read(ctx)
	if err != nil {
		return fmt.Errorf("the kill switch is set, but can't be read back: %w", err)
	}
	if got, err := now.Text(); err != nil || got != text {
		return fmt.Errorf("the kill switch was set, and reads otherwise now: somebody else has set it since\nit says: %s\n%s", printable(got), see)
	}
	return nil
}

// switchAnswer is what stop and resume print as JSON.
type switchAnswer struct {
	Account string              `json:"account"`
	Region  string              `json:"region"`
	Switch  remediations.Switch `json:"switch"` // as it is now
}

func (k *killSwitch) answer(said remediations.Switch) switchAnswer {
	return switchAnswer{k.account, k.region, said}
}

// stops is every stop of a switch, a line each.
func stops(said remediations.Switch) string {
	var lines strings.Builder
	for _, key := range slices.Sorted(maps.Keys(said)) {
		fmt.Fprintf(&lines, "  %s\n", printable(fmt.Sprintf("%s: %s", named(key), said[key])))
	}
	return lines.String()
}

// named is a stop's key for people.
func named(key string) string {
	if key == remediations.AllModules {
		return "all modules"
	}
	return key
}

// resumeOf is the command that lifts the stop under a key.
func resumeOf(key string) string {
	if key == remediations.AllModules {
		return name + " resume"
	}
	return name + " resume " + key
}

// keys are the stops' keys of modules that a user names, sorted, each once; that of all of them if none is named.
func keys(modules []string) []string {
	if len(modules) == 0 {
		return []string{remediations.AllModules}
	}
	return slices.Compact(slices.Sorted(slices.Values(modules)))
}

// knownModules is an argument check: names of modules.
func knownModules(modules []*remediations.Module) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		var names []string
		for _, m := range modules {
			names = append(names, m.Name)
		}
		for _, arg := range args {
			if !slices.Contains(names, arg) {
				return fmt.Errorf("unknown module %q: want %s; for all of them, name none\nsee '%s --help'", arg, list(names, "or"), c.CommandPath())
			}
		}
		return nil
	}
}

// checkReason reports a reason that nobody could read in a table.
func checkReason(reason string) error {
	switch n := utf8.RuneCountInString(reason); {
	case strings.TrimSpace(reason) == "":
		return errors.New("--reason is missing: whoever finds it stopped will ask why")
	case !utf8.ValidString(reason) || strings.ContainsFunc(reason, func(r rune) bool { return !unicode.IsPrint(r) }):
		return errors.New("--reason: want one line of text")
	case n > maxStopReason:
		return fmt.Errorf("--reason has %d characters: want at most %d", n, maxStopReason)
	}
	return nil
}
