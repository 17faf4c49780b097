package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/countermand/countermand/infra/config"
	"github.com/countermand/countermand/remediations"
)

const (
	mainStack  = "Countermand"
	trailStack = "CountermandTrail"
)

// build adds the stacks to the app. dist is the folder that scripts/build fills; here is where the
// CDK's command line deploys to, for modes that depend on that; now is for warnings, and for how far ahead an exemption
// may end: a configuration that is taken always makes the same templates in one place.
func build(app awscdk.App, modules []*remediations.Module, dist string, here config.Place, now time.Time) error {
	file, err := contextText(app, "config", "countermand.yaml")
	if err != nil {
		return err
	}
	c, err := config.Read(file, modules, here, now)
	if err != nil {
		return err
	}
	for _, m := range modules {
		if err := m.Validate(); err != nil {
			return err
		}
	}
	code := codeFolders{
		remediate: filepath.Join(dist, "remediate-"+c.Architecture),
		summary:   filepath.Join(dist, "summary-"+c.Architecture),
		ledger:    filepath.Join(dist, "ledger-"+c.Architecture),
	}
	for _, folder := range []string{code.remediate, code.summary, code.ledger} {
		if _, err := os.Stat(filepath.Join(folder, "bootstrap")); err != nil {
			return fmt.Errorf("the functions' code is not built, run ./scripts/build: %w", err)
		}
	}
	if c.Trail != nil {
		newTrailStack(app, c)
	}
	var names []string
	for _, m := range modules {
		names = append(names, m.Name)
	}
	return newMainStack(app, c, code, names, now)
}

// codeFolders are the folders with each function's bootstrap.
type codeFolders struct{ remediate, summary, ledger string }

// newStack is a stack in the configured account and Region, or wherever the deployment runs.
func newStack(app awscdk.App, name, description string, c *config.Config) awscdk.Stack {
	env := &awscdk.Environment{}
	if c.Account != "" {
		env.Account = &c.Account
	}
	if c.Region != "" {
		env.Region = &c.Region
	}
	return awscdk.NewStack(app, &name, &awscdk.StackProps{Description: &description, Env: env})
}

// contextText is a text given by -c name=..., and a default where there is none.
func contextText(app awscdk.App, name, otherwise string) (string, error) {
	switch value := app.Node().TryGetContext(&name).(type) {
	case nil:
		return otherwise, nil
	case string:
		return value, nil
	default:
		return "", fmt.Errorf("context %s is %v: want a text", name, value)
	}
}

// sub is a text with ${AWS::...} in it, which CloudFormation fills in.
func sub(text string) *string {
	return awscdk.Fn_Sub(&text, nil)
}

// policy is an IAM policy document.
func policy(statements ...any) map[string]any {
	return map[string]any{"Version": "2012-10-17", "Statement": statements}
}

func output(stack awscdk.Stack, name, description string, value *string) {
	awscdk.NewCfnOutput(stack, &name, &awscdk.CfnOutputProps{Description: &description, Value: value})
}

func number(n int) *float64 { return jsii.Number(float64(n)) }
