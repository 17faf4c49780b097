// Command countermand is the command line: it explains modules, patterns and events, and shows Countermand at work,
// without an AWS account; with one, it lists what Countermand has done there, takes it
// back, and stops it.
package main

import (
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/spf13/cobra"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/modules"
)

func main() {
	if err := rootCommand(modules.All(), config.LoadDefaultConfig).Execute(); err != nil {
		fmt.Fprintln(os.Stderr, "countermand:", advised(err))
		os.Exit(1)
	}
}

// name is how the commands are called, in help and examples: a copied line works.
const name = "go run ./scripts/countermand"

func rootCommand(modules []*remediations.Module, load loader) *cobra.Command {
	root := &cobra.Command{
		Use:         "countermand",
		Annotations: map[string]string{cobra.CommandDisplayNameAnnotation: name},
		Short:       "take back dangerous AWS API calls, seconds after they were made",
		Long: `Countermand takes back dangerous AWS API calls, seconds after they were made.

CloudTrail reports a call, an EventBridge rule picks it out, and a Lambda function reads what the
resource looks like now, puts it right and tells people. Each such remediation is a module.

runs, run, undo, stop, resume and status call AWS with your own credentials, and so does verify where it is given a
bucket. The others need no AWS account and call nothing in AWS.`,
		Example: `  ./scripts/sandbox                                          # see it at work
  ` + name + ` modules                       # what is watched, and what happens then
  ` + name + ` modules s3-public-policy      # one module in full
  ` + name + ` explain event.json            # what the modules would make of an event
  ` + name + ` match pattern.json event.json # does an event pattern match?
  ` + name + ` runs --since 24h              # what has Countermand done?
  ` + name + ` verify FOLDER --key key.der   # is what it has recorded as it was written?
  ` + name + ` new NAME --service s3 --event PutBucketPolicy   # begin a module of your own
  ` + name + ` status                        # how far may each module go, and who has stopped it?`,
		SilenceUsage:      true,
		SilenceErrors:     true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.AddCommand(sandboxCommand(), modulesCommand(modules), newCommand(modules), explainCommand(modules), matchCommand(),
		runsCommand(modules, load), runCommand(modules, load), undoCommand(modules, load), verifyCommand(load),
		stopCommand(modules, load), resumeCommand(modules, load), statusCommand(modules, load))
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return fmt.Errorf("%w\nsee '%s --help'", err, c.CommandPath())
	})
	return root
}

// some is an argument check: at least n arguments, or an error that says what is missing.
func some(n int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) < n {
			return fmt.Errorf("%s is missing\nusage: %s\nsee '%s --help'", what, c.UseLine(), c.CommandPath())
		}
		return nil
	}
}

// format adds the flag that says how a command prints: the first of the formats unless told otherwise.
func format(c *cobra.Command, formats ...string) *string {
	value := c.Flags().String("format", formats[0], "how to print: "+list(formats, "or"))
	check := c.Args
	c.Args = func(c *cobra.Command, args []string) error {
		for _, f := range formats {
			if f == *value {
				return check(c, args)
			}
		}
		return fmt.Errorf("unknown format %q: want %s", *value, list(formats, "or"))
	}
	return value
}
