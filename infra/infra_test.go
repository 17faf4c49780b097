package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/countermand/countermand/infra/config"
	"github.com/countermand/countermand/infra/config/configtest"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/modules"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// asApp makes the test binary be the app, so that main is tested as the CDK runs it.
const asApp = "COUNTERMAND_TEST_AS_APP"

func TestMain(m *testing.M) {
	if os.Getenv(asApp) != "" {
		main()
		os.Exit(0)
	}
	flag.Parse()
	if err := findNode(os.Getenv("JSII_NODE")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	jsii.Close()
	os.Exit(code)
}

// setup is a configuration that tests look at the templates of. It is synthesized once.
type setup struct {
	name    string
	config  string // text of the configuration file
	file    string // or its path
	modules func() []*remediations.Module

	stacks map[string]*template
}

var setups = []*setup{
	{name: "default", file: "../countermand.yaml", modules: modules.All},
	{name: "enforce", modules: modules.All, config: enforceAll(modules.All()) + `
trail: {existing: true}
alerts: {emails: [security@example.com, on-call@example.com], critical: {emails: [pager@example.com]}}
logRetentionDays: 30
runRetentionDays: 90
ledger: {lockDays: 7}
account: "123456789012"
`},
	{name: "amd64", modules: modules.All, config: enforceAll(modules.All()) + `
architecture: amd64
trail: {existing: true}
ledger: off
tracing: true
`},
	{name: "fixtures", modules: configtest.Modules, config: `
trail: {existing: true}
ledger: off
modules:
  alpha-acts: {mode: enforce, sweep: enforce, settings: {doors: 3}}
  beta-acts: {mode: alert}
  delta-off: {mode: off}
exemptions:
  - {module: alpha-acts, resource: one, owner: ann@example.com, reason: said so, expires: 2027-01-31}
  - {module: beta-acts, resource: two, owner: bob@example.com, reason: "said \"so\"", expires: 2027-02-28}
  - {module: delta-off, resource: three, owner: eve@example.com, reason: said so, expires: 2027-02-28}
  - {module: beta-acts, resource: "arn:aws:s3:::public-*", tag: public=approved, owner: bob@example.com, reason: said so, expires: 2027-02-28}
  - {module: all, account: "111122223333", principal: "arn:aws:iam::111122223333:role/Deployer*", owner: eve@example.com, reason: said so, expires: 2027-02-28}
`},
	{name: "channels", modules: configtest.Modules, config: `
trail: {existing: true}
region: eu-west-1
alerts:
  chatRegions: [eu-west-1, us-east-1]
  slack:
    - {workspace: T07EA123LEP, channel: C07EZ1ABC23}
    - {workspace: T07EA123LEP, channel: C07EZ1ABC24}
  teams:
    - tenant: 6f1c1f5e-0f0b-4c57-8a3e-0d5d1a7e9b10
      team: 0b7f5a52-6a0e-4b6e-9c53-2f1f5d3c7e21
      channel: 19%3aab1cd2ef3ab4cd5ef6%40thread.tacv2
  webhooks:
    - {name: pager, url: "https://events.pagerduty.com/v2/enqueue", secret: countermand/pagerduty, version: 5e3b7f1c-0a4d-4f8e-9b1a-2c6d8e0f1a3b, format: pagerduty}
    - {name: siem, url: "https://siem.example.com/alerts?source=countermand", secret: siem-token, format: json}
`},
	{name: "trail", modules: configtest.Modules, config: "trail: {existing: false}"},
	{name: "trail-full", modules: configtest.Modules, config: `
trail:
  existing: false
  kms: true
  retentionDays: 400
  objectLockDays: 0
  dataEvents:
    - type: AWS::S3::Object
    - {type: "AWS::S3::Object", arns: ["arn:aws:s3:::payroll/", "arn:aws:s3:::ledger/2026"]}
    - {type: "AWS::Lambda::Function", arns: ["arn:aws:lambda:eu-west-1:123456789012:function:pay"]}
    - type: AWS::DynamoDB::Table
`},
}

// enforceAll is the modules section that lets every module act that can.
func enforceAll(modules []*remediations.Module) string {
	var text strings.Builder
	text.WriteString("modules:\n")
	for _, m := range modules {
		mode := remediations.Alert
		if m.Action != nil {
			mode = remediations.Enforce
		}
		fmt.Fprintf(&text, "  %s: {mode: %s}\n", m.Name, mode)
	}
	return text.String()
}

func (s *setup) synthesize(t *testing.T) map[string]*template {
	t.Helper()
	if s.stacks == nil {
		file := s.file
		if file == "" {
			file = writeFile(t, t.TempDir(), "countermand.yaml", s.config)
		}
		stacks, err := synthesize(t, file, s.modules())
		if err != nil {
			t.Fatal(err)
		}
		s.stacks = stacks
	}
	return s.stacks
}

func (s *setup) configuration(t *testing.T) *config.Config {
	t.Helper()
	text := []byte(s.config)
	if s.file != "" {
		var err error
		if text, err = os.ReadFile(s.file); err != nil {
			t.Fatal(err)
		}
	}
	c, err := config.Parse("countermand.yaml", text, s.modules(), config.Place{}, configtest.Now)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// forEach runs a test on every setup.
func forEach(t *testing.T, test func(t *testing.T, s *setup, stacks map[string]*template)) {
	for _, s := range setups {
		t.Run(s.name, func(t *testing.T) { test(t, s, s.synthesize(t)) })
	}
}

// synthesize is the templates, by stack, that the app makes with the feature flags of cdk.json.
func synthesize(t *testing.T, file string, modules []*remediations.Module) (map[string]*template, error) {
	t.Helper()
	var cdk struct{ Context map[string]any }
	text, err := os.ReadFile("../cdk.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &cdk); err != nil {
		t.Fatal(err)
	}
	cdk.Context["config"] = file
	out := t.TempDir()
	app := awscdk.NewApp(&awscdk.AppProps{Outdir: &out, AnalyticsReporting: jsii.Bool(false), Context: &cdk.Context})
	if err := build(app, modules, dist(t), config.Place{}, configtest.Now); err != nil {
		return nil, err
	}
	app.Synth(nil)
	files, err := filepath.Glob(filepath.Join(out, "*.template.json"))
	if err != nil {
		t.Fatal(err)
	}
	stacks := map[string]*template{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		stacks[strings.TrimSuffix(filepath.Base(file), ".template.json")] = parseTemplate(t, text)
	}
	return stacks, nil
}

// dist is a folder as scripts/build fills it; what the code is does not matter here.
func dist(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, arch := range []string{config.ARM64, config.AMD64} {
		writeFile(t, filepath.Join(root, "remediate-"+arch), "bootstrap", arch)
		writeFile(t, filepath.Join(root, "ledger-"+arch), "bootstrap", "ledger "+arch)
		writeFile(t, filepath.Join(root, "summary-"+arch), "bootstrap", "summary "+arch)
	}
	return root
}

func writeFile(t *testing.T, folder, name, text string) string {
	t.Helper()
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
