package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/engine"
)

func undoCommand(modules []*remediations.Module, load loader) *cobra.Command {
	c := &cobra.Command{
		Use:   "undo RUN",
		Short: "take back what a run did",
		Long: `Put a resource back as it was before a run, whatever the run ended as, if it has written. It shows what it
would put back and asks first. If somebody has changed the resource since, it does nothing and shows that.

The undo is a run of its own in the run table, with who has asked for it. A run is taken back once; an undo that
failed can be tried again. A module in enforce mode that hears of the undo takes the resource back again, unless it
is exempted: exempt it first, and deploy that. Before it asks, it says whether that is so.

` + credentials + `

The credentials need dynamodb:GetItem and dynamodb:PutItem on the run table, and the rights to look, to act and to
undo that '` + name + ` modules MODULE' lists.`,
		Example: "  " + name + ` undo s3-public-policy-0123456789abcdef0123
  ` + name + ` undo s3-public-policy-0123456789abcdef0123 --yes`,
		Args: oneRun,
	}
	yes := c.Flags().Bool("yes", false, "don't ask")
	history := historyOf(c, load)
	c.RunE = func(c *cobra.Command, args []string) error {
		u, err := prepareUndo(c.Context(), modules, history, args[0])
		if err != nil {
			return err
		}
		if err := u.Check(c.Context()); err != nil {
			return history.explain(refusal(u, err))
		}
		if err := writeText(c.OutOrStdout(), proposal(u)); err != nil {
			return err
		}
		if !*yes {
			if err := confirm(c.InOrStdin(), c.OutOrStdout(), isTerminal(c.InOrStdin())); err != nil {
				return err
			}
		}
		ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
		defer stop()
		context.AfterFunc(ctx, stop) // interrupted twice, it ends at once
		return carryOut(ctx, c.OutOrStdout(), u)
	}
	return c
}

// prepareUndo finds the run and its module, and who asks. Whoever asks must be in the resource's account: in another
// one, the same name may be another resource.
func prepareUndo(ctx context.Context, modules []*remediations.Module, h *history, id string) (*engine.UndoRequest, error) {
	cfg, store, err := h.open(ctx)
	if err != nil {
		return nil, err
	}
	r, err := h.get(ctx, store, id)
	if err != nil {
		return nil, err
	}
	m := moduleOf(modules, r)
	if m == nil {
		return nil, fmt.Errorf("run %s is of module %q, which this version of Countermand does not have\nby hand: %s", r.ID, r.Module, r.Revert)
	}
	account, principal, err := callerOf(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if account != r.Resource.Account {
		return nil, fmt.Errorf("these credentials are of account %s, but %s is in account %s: choose others, with AWS_PROFILE for example",
			account, r.Resource, r.Resource.Account)
	}
	return &engine.UndoRequest{
		Module: m, Run: r, AWS: cfg, Store: store, Principal: principal, Name: nameOf(principal), Now: time.Now,
	}, nil
}

// nameOf is a principal in a word or two, as the runs have it.
func nameOf(arn string) string {
	id := events.Identity{ARN: arn, Type: "IAMUser"}
	switch {
	case strings.Contains(arn, ":assumed-role/"):
		id.Type = "AssumedRole"
	case strings.Contains(arn, ":federated-user/"):
		id.Type = "FederatedUser"
	case strings.HasSuffix(arn, ":root"):
		id.Type = "Root"
	}
	return id.Name()
}

// refusal is an error of the check; where the resource has changed since, with what is there now.
func refusal(u *engine.UndoRequest, err error) error {
	if !errors.Is(err, remediations.ErrChanged) {
		return err
	}
	text := fmt.Sprintf("%s\nnothing was done: somebody else has decided about it since", err)
	var changed *remediations.ChangedError
	if errors.As(err, &changed) {
		text += fmt.Sprintf("\n\n- as run %s left it, + as it is now:\n%s", u.Run.ID, engine.Difference(u.Run.After, changed.Present))
	}
	if u.Run.Revert != "" {
		text += "\n\nto put it back all the same, by hand:\n" + u.Run.Revert
	}
	return errors.New(printableLines(text))
}

// proposal says what would be done, and what would come of it.
func proposal(u *engine.UndoRequest) string {
	r := u.Run
	text := fmt.Sprintf("Take back run %s, as %s\n%s in account %s, Region %s\n\n- as it is now, + as it will be:\n%s\n\n",
		r.ID, u.Principal, r.Resource, r.Resource.Account, r.Resource.Region, engine.Difference(r.After, r.Before))
	switch {
	case r.Mode != remediations.Enforce:
	case u.Module.MatchesUndo():
		text += fmt.Sprintf("The module %s was in enforce mode. Unless it is exempted, Countermand takes the resource back again\n"+
			"as soon as CloudTrail tells of this. In countermand.yaml, then deploy:\n%s\n\n", r.Module, engine.ExemptionYAML(r))
	case u.Module.Sweep != nil:
		text += fmt.Sprintf("If sweeps of the module %s enforce, the next one takes the resource back again, unless it is exempted.\n"+
			"In countermand.yaml, then deploy:\n%s\n\n", r.Module, engine.ExemptionYAML(r))
	}
	return text
}

// confirm asks, and is an error unless the answer is yes. Where nobody can be asked, the answer is no.
func confirm(in io.Reader, out io.Writer, terminal bool) error {
	if !terminal {
		return errors.New("nothing was done: there is no terminal to ask on; --yes means yes")
	}
	fmt.Fprint(out, "Put it back? Type yes: ")
	answer, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the answer: %w", err)
	}
	if strings.TrimSpace(answer) != "yes" {
		return errors.New("nothing was done")
	}
	return nil
}

// carryOut takes the run back and says what has come of it.
func carryOut(ctx context.Context, out io.Writer, u *engine.UndoRequest) error {
	record, err := u.Undo(ctx)
	if errors.Is(err, remediations.ErrChanged) {
		err = refusal(u, err)
	}
	if err != nil {
		if record != nil {
			err = fmt.Errorf("%w\nsee %s run %s", err, name, record.ID)
		}
		return err
	}
	_, err = fmt.Fprintf(out, "It is put back. That is recorded as run %s.\n", record.ID)
	return err
}
