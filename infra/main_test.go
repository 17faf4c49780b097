package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/modules"
)

// runApp runs main in a folder with nothing in its environment but what it is given.
func runApp(t *testing.T, folder string, environment ...string) (stderr string, err error) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	app := exec.Command(self)
	app.Dir = folder
	app.Env = append([]string{asApp + "=1", "CDK_OUTDIR=" + filepath.Join(folder, "cdk.out")}, environment...)
	var text bytes.Buffer
	app.Stderr = &text
	err = app.Run()
	return text.String(), err
}

// project is a folder as the CDK's command line finds it.
func project(t *testing.T, text string) string {
	t.Helper()
	folder := t.TempDir()
	writeFile(t, folder, "countermand.yaml", text)
	if err := os.Rename(dist(t), filepath.Join(folder, "dist")); err != nil {
		t.Fatal(err)
	}
	return folder
}

// TestBareEnvironment synthesizes with no credentials, Region or home.
func TestBareEnvironment(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal(err)
	}
	folder := project(t, "trail: {existing: false}")
	if stderr, err := runApp(t, folder, "PATH="+filepath.Dir(node), "HOME="); err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	for _, stack := range []string{mainStack, trailStack} {
		text, err := os.ReadFile(filepath.Join(folder, "cdk.out", stack+".template.json"))
		if err != nil {
			t.Error(err)
		} else if len(parseTemplate(t, text).Resources) == 0 {
			t.Errorf("%s is empty", stack)
		}
	}
}

func TestMainErrors(t *testing.T) {
	path := "PATH=" + os.Getenv("PATH")
	const good = "trail: {existing: true}"
	unbuilt := t.TempDir()
	writeFile(t, unbuilt, "countermand.yaml", good)
	for _, test := range []struct {
		name, folder string
		environment  []string
		want         string
	}{
		{"no node", project(t, good), nil, "countermand: the CDK needs Node.js, and there is no node in PATH: install Node.js 20 or later from https://nodejs.org, or put the path of one into JSII_NODE"},
		{"no configuration", t.TempDir(), []string{path}, "countermand: read configuration: open countermand.yaml: no such file or directory"},
		{"bad configuration", project(t, "trail: 1"), []string{path}, "countermand: countermand.yaml:1:8: want a mapping with the keys existing, kms, retentionDays, objectLockDays and dataEvents, got the number 1"},
		{"not built", unbuilt, []string{path}, "countermand: the functions' code is not built, run ./scripts/build: stat dist/remediate-arm64/bootstrap: no such file or directory"},
		{"other configuration", project(t, good), []string{path, `CDK_CONTEXT_JSON={"config":"other.yaml"}`}, "countermand: read configuration: open other.yaml: no such file or directory"},
		{"configuration is no text", project(t, good), []string{path, `CDK_CONTEXT_JSON={"config":1}`}, "countermand: context config is 1: want a text"},
	} {
		t.Run(test.name, func(t *testing.T) {
			stderr, err := runApp(t, test.folder, test.environment...)
			if err == nil {
				t.Error("exit 0")
			}
			if !strings.Contains(stderr, "\n"+test.want+"\n") {
				t.Errorf("stderr:\n%s\nwant, on lines of its own, %s", stderr, test.want)
			}
		})
	}
}

// TestWarnings: a deployment must not fail because a day has passed, and nobody would notice that the module acts again;
// nor because a limit is odd.
func TestWarnings(t *testing.T) {
	name := modules.All()[0].Name
	folder := project(t, "trail: {existing: true}\nlimits: {account: 1}\nexemptions:\n"+
		"  - {module: "+name+", resource: over, owner: o, reason: r, expires: 2020-01-01}\n")
	if stderr, err := runApp(t, folder, "PATH="+os.Getenv("PATH")); err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	files, err := filepath.Glob(filepath.Join(folder, "cdk.out", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte("aws:cdk:warning")) {
			all = append(all, text...)
		}
	}
	for _, want := range []string{
		"the exemption of resource over from " + name + " ended on 2020-01-01",
		"limits.account (1) is below limits.module (100)",
	} {
		if !bytes.Contains(all, []byte(want)) {
			t.Errorf("no warning %q in %v", want, files)
		}
	}
}

// TestLockfile keeps the name of any registry out of the repository: npm then asks the one it is set to.
func TestLockfile(t *testing.T) {
	text, err := os.ReadFile("../package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	var lock struct {
		Packages map[string]struct{ Version, Resolved, Integrity string }
	}
	if err := json.Unmarshal(text, &lock); err != nil {
		t.Fatal(err)
	}
	if cdk := lock.Packages["node_modules/aws-cdk"]; cdk.Version == "" || cdk.Integrity == "" {
		t.Errorf("the CDK's command line is not locked: %+v", cdk)
	}
	for name, p := range lock.Packages {
		if p.Resolved != "" {
			t.Errorf("%s is resolved at %s", name, p.Resolved)
		}
	}
}

// The place is that of the CDK's command line, and mode, role and rights are those of the place.
func TestModesByPlaceOfTheCommandLine(t *testing.T) {
	folder := project(t, `trail: {existing: true}
modules: {s3-public-policy: {mode: alert, where: [{account: "111122223333", region: eu-west-1, mode: enforce}]}}`)
	stderr, err := runApp(t, folder, "PATH="+os.Getenv("PATH"), "CDK_DEFAULT_ACCOUNT=111122223333", "CDK_DEFAULT_REGION=eu-west-1")
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	text, err := os.ReadFile(filepath.Join(folder, "cdk.out", mainStack+".template.json"))
	if err != nil {
		t.Fatal(err)
	}
	tm := parseTemplate(t, text)
	function := tm.only(t, "AWS::Lambda::Function", "FunctionName", "countermand-s3-public-policy")
	if mode := at(function.Properties, "Environment", "Variables", "COUNTERMAND_MODE"); mode != remediations.Enforce.String() {
		t.Errorf("mode %v", mode)
	}
	role := tm.Resources[at(function.Properties, "Role", "Fn::GetAtt", 0).(string)]
	if !gotRights(t, tm, role)[right{"s3:PutBucketPolicy", "arn:aws:s3:::*", ""}] {
		t.Error("its role may not act")
	}
	manifest, err := os.ReadFile(filepath.Join(folder, "cdk.out", "manifest.json"))
	if err != nil || !strings.Contains(string(manifest), `"aws://111122223333/eu-west-1"`) {
		t.Errorf("%v: the template is not bound to the place:\n%s", err, manifest)
	}
}
