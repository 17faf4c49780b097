package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/spf13/cobra"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/engine"
	"github.com/countermand/countermand/remediations/engine/store"
)

// credentials is what the commands on runs say about whom they call AWS as.
const credentials = `It calls AWS with your own credentials, as the AWS command line does: profile, environment, instance. The
Region is that in which Countermand is deployed; AWS_ENDPOINT_URL leads to a sandbox.`

// loader finds the AWS configuration of whoever calls the command line; a test has one of its own.
type loader func(context.Context, ...func(*config.LoadOptions) error) (aws.Config, error)

// region is the Region that a command's flags name, and where it is called.
type region struct {
	load           loader
	name, endpoint *string
}

// regionOf adds the flags to a command. of is what is there: "the run table".
func regionOf(c *cobra.Command, load loader, of string) *region {
	return &region{
		load:     load,
		name:     c.Flags().String("region", "", "the `REGION` of "+of+" (default: that of your AWS configuration)"),
		endpoint: c.Flags().String("endpoint", "", "`URL` to call instead of AWS (default: AWS_ENDPOINT_URL)"),
	}
}

// open is the AWS configuration.
func (r *region) open(ctx context.Context) (aws.Config, error) {
	var options []func(*config.LoadOptions) error
	if *r.name != "" {
		options = append(options, config.WithRegion(*r.name))
	}
	if *r.endpoint != "" {
		options = append(options, config.WithBaseEndpoint(*r.endpoint))
	}
	cfg, err := r.load(ctx, options...)
	if err != nil {
		return cfg, fmt.Errorf("load your AWS configuration: %w", err)
	}
	if cfg.Region == "" {
		return cfg, errors.New("your AWS configuration names no Region: set AWS_REGION, or --region, to where Countermand is deployed")
	}
	if !regionForm.MatchString(cfg.Region) {
		return cfg, fmt.Errorf("%q is no Region: set AWS_REGION, or --region, to where Countermand is deployed, such as eu-west-1", cfg.Region)
	}
	*r.name = cfg.Region
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		return cfg, fmt.Errorf("your AWS configuration has no credentials that can be used: %w\n"+
			"set AWS_PROFILE, or sign in, with aws sso login for example, until 'aws sts get-caller-identity' answers", err)
	}
	return cfg, nil
}

// regionForm is what the name of a Region looks like. It becomes part of a host's name.
var regionForm = regexp.MustCompile(`^[a-z]+(-[a-z]+)+-[0-9]+$`)

// history is the run table that a command's flags name.
type history struct {
	region *region
	table  *string
}

func historyOf(c *cobra.Command, load loader) *history {
	return &history{region: regionOf(c, load, "the run table"), table: c.Flags().String("table", "countermand-runs", "the run table's `NAME`")}
}

// open is the AWS configuration and the run table.
func (h *history) open(ctx context.Context) (aws.Config, *store.DynamoDB, error) {
	cfg, err := h.region.open(ctx)
	if err != nil {
		return cfg, nil, err
	}
	return cfg, store.NewDynamoDB(cfg, *h.table), nil
}

// get is the record of a run. The error for an unknown one says where to look.
func (h *history) get(ctx context.Context, store engine.Store, id string) (*engine.Record, error) {
	r, err := store.Get(ctx, id)
	switch {
	case err != nil:
		return nil, h.explain(err)
	case r == nil:
		return nil, fmt.Errorf("no run %q in table %s in Region %s: copy the id as a whole from an alert\nfor a list: %s runs",
			id, *h.table, *h.region.name, name)
	}
	return r, nil
}

// explain is an error of the run table, with what to do about one that is not there.
func (h *history) explain(err error) error {
	var absent *types.ResourceNotFoundException
	if errors.As(err, &absent) {
		return fmt.Errorf("there is no table %s in Region %s of this account: is Countermand deployed there?\n"+
			"name another with --region and --table, or another account with AWS_PROFILE", *h.table, *h.region.name)
	}
	return err
}

// moduleOf is the module of a run; nil if this version has none of that name.
func moduleOf(modules []*remediations.Module, r *engine.Record) *remediations.Module {
	for _, m := range modules {
		if m.Name == r.Module {
			return m
		}
	}
	return nil
}

// oneRun is an argument check: the id of one run.
func oneRun(c *cobra.Command, args []string) error {
	if len(args) > 1 {
		return fmt.Errorf("want the id of one run, got %d\nsee '%s --help'", len(args), c.CommandPath())
	}
	if len(args) == 1 && strings.TrimSpace(args[0]) == "" {
		return fmt.Errorf("the id of the run is empty: copy it from an alert\nfor a list: %s runs", name)
	}
	return some(1, "the id of a run")(c, args)
}

// writeText writes text of several lines for a person: what a terminal could take for a command is replaced.
func writeText(w io.Writer, text string) error {
	_, err := io.WriteString(w, printableLines(text))
	return err
}
