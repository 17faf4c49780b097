package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/countermand/countermand/scripts/internal/sandbox"
)

// sandboxCommand shows Countermand at work on an emulator of AWS.
func sandboxCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "sandbox",
		Short: "see Countermand at work on an AWS emulator (use ./scripts/sandbox)",
		Long: `Deploys Countermand onto an AWS emulator on this machine, plays three attacks, checks that each was taken back,
undoes one of these on request, stops Countermand for a while, fights with it, and finds what was changed in copies of
the records. It needs no AWS account. Everything is stopped at the end, and if it is interrupted.

./scripts/sandbox installs what this needs, builds Countermand and then calls it.`,
		Example: `  ./scripts/sandbox       # play the attacks
  ./scripts/sandbox up    # leave it running, to attack it by hand
  ./scripts/sandbox mail  # the alerts that it has mailed since you last looked
  ./scripts/sandbox down  # stop it`,
		Args: cobra.NoArgs,
		RunE: inSandbox(func(ctx context.Context, c *cobra.Command, root string) error {
			self, err := os.Executable()
			if err != nil {
				return fmt.Errorf("find the command line itself: %w", err)
			}
			return sandbox.Play(ctx, root, c.OutOrStdout(), self)
		}),
	}
	c.AddCommand(
		&cobra.Command{
			Use:     "up",
			Short:   "leave a sandbox running, to attack it by hand",
			Example: "  ./scripts/sandbox up",
			Args:    cobra.NoArgs,
			RunE: inSandbox(func(ctx context.Context, c *cobra.Command, root string) error {
				self, err := os.Executable()
				if err != nil {
					return fmt.Errorf("find the command line itself: %w", err)
				}
				return sandbox.Up(ctx, root, c.OutOrStdout(), self, "sandbox", "serve")
			}),
		},
		&cobra.Command{
			Use:     "mail",
			Short:   "print the alerts that the sandbox has mailed since you last looked",
			Example: "  ./scripts/sandbox mail",
			Args:    cobra.NoArgs,
			RunE: inSandbox(func(ctx context.Context, c *cobra.Command, root string) error {
				return sandbox.Mail(ctx, root, c.OutOrStdout())
			}),
		},
		&cobra.Command{
			Use:     "down",
			Short:   "stop the sandbox that up left running",
			Example: "  ./scripts/sandbox down",
			Args:    cobra.NoArgs,
			RunE: inSandbox(func(ctx context.Context, c *cobra.Command, root string) error {
				return sandbox.Down(ctx, root, c.OutOrStdout())
			}),
		},
		&cobra.Command{
			Use:    "serve",
			Short:  "run a sandbox until it is told to stop",
			Hidden: true, // what up runs in the background
			Args:   cobra.NoArgs,
			RunE: inSandbox(func(ctx context.Context, _ *cobra.Command, root string) error {
				return sandbox.Serve(ctx, root)
			}),
		},
	)
	return c
}

// inSandbox runs a command in the repository, until it is done or interrupted. Interrupted twice, it ends
// at once.
func inSandbox(run func(ctx context.Context, c *cobra.Command, root string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, _ []string) error {
		root, err := repository()
		if err != nil {
			return err
		}
		ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
		defer stop()
		context.AfterFunc(ctx, stop)
		return run(ctx, c, root)
	}
}

// repository is the folder that the sandbox deploys from, and that modules are in: the one with cdk.json, here or above.
func repository() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the current folder: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "cdk.json")); err == nil {
			return folder, nil
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			return "", errors.New("this is not Countermand's repository: change into it first")
		}
		folder = parent
	}
}
