// Command infra is the CDK app: it turns countermand.yaml and the catalog of modules into CloudFormation.
// The CDK's command line runs it, as cdk.json says; -c config=FILE names another configuration.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/countermand/countermand/infra/config"
	"github.com/countermand/countermand/remediations/modules"
)

func main() {
	if err := run(); err != nil {
		// What Node's keeper writes when it ends, ends without a newline, and ours would be glued to it.
		fmt.Fprintf(os.Stderr, "\ncountermand: %v\n", err)
		os.Exit(1)
	}
}

func run() (err error) {
	if err := findNode(os.Getenv("JSII_NODE")); err != nil {
		return err
	}
	defer jsii.Close()
	// The CDK's library reports what it can't synthesize by a panic.
	defer func() {
		if problem := recover(); problem != nil {
			err = fmt.Errorf("synthesize: %v", problem)
		}
	}()
	app := awscdk.NewApp(&awscdk.AppProps{AnalyticsReporting: jsii.Bool(false)})
	here := config.Place{Account: os.Getenv("CDK_DEFAULT_ACCOUNT"), Region: os.Getenv("CDK_DEFAULT_REGION")}
	if err := build(app, modules.All(), "dist", here, time.Now()); err != nil {
		return err
	}
	app.Synth(nil)
	return nil
}

// findNode reports a missing Node.js: the CDK's library runs in one, and panics without.
func findNode(named string) error {
	if named != "" {
		return nil
	}
	if _, err := exec.LookPath("node"); err != nil {
		return errors.New("the CDK needs Node.js, and there is no node in PATH: install Node.js 20 or later from https://nodejs.org, or put the path of one into JSII_NODE")
	}
	return nil
}
