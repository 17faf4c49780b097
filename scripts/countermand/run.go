package main

import (
	"github.com/spf13/cobra"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/engine"
)

func runCommand(modules []*remediations.Module, load loader) *cobra.Command {
	c := &cobra.Command{
		Use:   "run ID",
		Short: "show one run in full",
		Long: `Show one run in full: what happened, who did it, what was changed, every AWS call, and how to take it
back. The id stands at the end of its alert. --format json prints the record as it is kept.

` + credentials,
		Example: "  " + name + ` run s3-public-policy-0123456789abcdef0123
  ` + name + ` run s3-public-policy-0123456789abcdef0123 --format json`,
		Args: oneRun,
	}
	history := historyOf(c, load)
	format := format(c, "text", "json")
	c.RunE = func(c *cobra.Command, args []string) error {
		_, store, err := history.open(c.Context())
		if err != nil {
			return err
		}
		r, err := history.get(c.Context(), store, args[0])
		if err != nil {
			return err
		}
		if *format == "json" {
			return writeJSON(c.OutOrStdout(), r, "  ")
		}
		undone, err := store.Get(c.Context(), remediations.UndoRow(r.ID))
		if err != nil {
			return err
		}
		return writeText(c.OutOrStdout(), engine.Report(moduleOf(modules, r), r, undone))
	}
	return c
}
