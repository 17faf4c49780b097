package sandbox

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/modules"
)

//go:embed countermand.yaml
var configuration string

// deployTimeout is how long the CDK may take; it takes seconds.
const deployTimeout = 5 * time.Minute

// deploy deploys the stack that AWS would get, with the command line that would deploy it there. Its calls go to
// the emulator itself: a deployment is not part of what is shown. exemptions is that part of the configuration.
func deploy(ctx context.Context, root, dir, endpoint, exemptions string) error {
	if err := bootstrap(ctx, endpoint); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, deployTimeout, fmt.Errorf("it took longer than %s", deployTimeout))
	defer cancel()
	file := filepath.Join(dir, "countermand.yaml")
	if err := os.WriteFile(file, []byte(configured()+exemptions), 0o600); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	if err := os.MkdirAll(home(root), 0o700); err != nil {
		return fmt.Errorf("make the CDK's folder: %w", err)
	}
	path := filepath.Join(dir, "deploy.log")
	log, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("make the deployment's log: %w", err)
	}
	defer log.Close()
	cdk, err := leashed(root, log, filepath.Join(root, "node_modules", ".bin", "cdk"), "deploy", "Countermand",
		"--require-approval", "never", "--build", "true", // ./scripts/sandbox has built it
		"--output", filepath.Join(dir, "cdk.out"), "-c", "config="+file)
	if err != nil {
		return err
	}
	cdk.Dir, cdk.Env = root, deployEnvironment(root, dir, endpoint)
	if err := cdk.Start(); err != nil {
		return fmt.Errorf("start the CDK: %w\nrun ./scripts/sandbox, which installs what this needs", err)
	}
	unwatch := context.AfterFunc(ctx, func() { kill(cdk) })
	defer unwatch()
	if err := cdk.Wait(); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return withLog(fmt.Errorf("deploy the stack: %w", err), path)
	}
	return nil
}

// configured is the configuration with this machine's architecture and all modules, each as far as it goes.
func configured() string {
	var lines strings.Builder
	for _, m := range modules.All() {
		mode := remediations.Alert
		if m.Action != nil {
			mode = remediations.Enforce
		}
		fmt.Fprintf(&lines, "  %s: {mode: %s}\n", m.Name, mode)
	}
	return strings.NewReplacer("${ARCHITECTURE}", runtime.GOARCH, "${MODULES}", strings.TrimRight(lines.String(), "\n")).Replace(configuration)
}

// bootstrap makes what the CDK command line asks for before it deploys: its bucket, and the word that the
// account is bootstrapped.
func bootstrap(ctx context.Context, endpoint string) error {
	c := config(account, endpoint)
	if err := createBucket(ctx, c, "cdk-hnb659fds-assets-"+account+"-"+region); err != nil {
		return err
	}
	_, err := ssm.NewFromConfig(c).PutParameter(ctx, &ssm.PutParameterInput{
		Name:      aws.String("/cdk-bootstrap/hnb659fds/version"),
		Type:      ssmtypes.ParameterTypeString,
		Value:     aws.String("30"),
		Overwrite: aws.Bool(true),
	})
	if err != nil {
		return fmt.Errorf("put the bootstrap version: %w", err)
	}
	return nil
}

// deployEnvironment is all of the CDK's environment. Its caches are kept from run to run, but not what it
// remembers of accounts.
func deployEnvironment(root, dir, endpoint string) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"),
		"LANG=C.UTF-8",
		"HOME=" + home(root),
		"TMPDIR=" + filepath.Join(dir, "tmp"),
		"CDK_HOME=" + filepath.Join(dir, "cdk"),
		"CDK_DISABLE_VERSION_CHECK=1",
		// It would be sent by a process of its own, which outlives the sandbox.
		"CDK_DISABLE_CLI_TELEMETRY=1",
		"JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20",
		"NO_COLOR=1",
		"AWS_ENDPOINT_URL=" + endpoint,
		"AWS_ACCESS_KEY_ID=" + account,
		"AWS_SECRET_ACCESS_KEY=test",
		"AWS_REGION=" + region,
		"AWS_EC2_METADATA_DISABLED=true",
	}
}

func home(root string) string { return filepath.Join(root, ".sandbox", "home") }
