package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/events/pattern"
)

// begin runs new in a repository with the fixtures' modules, and returns what it prints.
func begin(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	t.Chdir(t.TempDir())
	for file, text := range map[string]string{
		"cdk.json": "{}", "go.mod": "module example.com/ours\n", "docs/a": "", "remediations/modules/taken/data": "",
		"remediations/modules/bucketpolicy/bucketpolicy.go": declares("bucket-policy"),
		"remediations/modules/s3a/s3a.go":                   declares("s3-a"),
	} {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir("docs") // it finds the repository from any folder in it
	var out, errs bytes.Buffer
	root := rootCommand(fixtures, noAccount)
	root.SetArgs(append([]string{"new"}, args...))
	root.SetOut(&out)
	root.SetErr(&errs)
	err = root.Execute()
	t.Chdir("..")
	return out.String(), errs.String(), err
}

// declares is the source of a module, as far as the list of modules looks.
func declares(name string) string {
	return "package " + strings.ReplaceAll(name, "-", "") + "\n\nvar Module = &remediations.Module{Name: \"" + name + "\"}\n"
}

func readText(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestNew(t *testing.T) {
	stdout, stderr, err := begin(t, "key-left", "--service", "iam", "--event", "CreateAccessKey", "--event", "UpdateAccessKey")
	wantsError(t, "", err)
	wants(t, "standard error", "", stderr)
	wants(t, "standard output", "remediations/modules/keyleft is begun. Its test says what is to be filled in:\n"+
		"go test ./remediations/modules/keyleft\n", stdout)

	list := readText(t, "remediations/modules/modules.go")
	for _, part := range []string{
		"\t\"example.com/ours/remediations/modules/bucketpolicy\"\n\t\"example.com/ours/remediations/modules/keyleft\"\n",
		"bucketpolicy.Module,\n\t\tkeyleft.Module,\n\t\ts3a.Module,\n",
	} {
		if !strings.Contains(list, part) {
			t.Errorf("%q is missing in\n%s", part, list)
		}
	}

	module := readText(t, "remediations/modules/keyleft/keyleft.go")
	for _, part := range []string{
		"package keyleft\n", "\tName:     \"key-left\",\n", `pattern.CloudTrail("iam", "CreateAccessKey", "UpdateAccessKey"),`, "\tGlobal:   true,",
	} {
		if !strings.Contains(module, part) {
			t.Errorf("%q is missing in\n%s", part, module)
		}
	}
	event := authentic(t, "remediations/modules/keyleft/testdata/event.json")
	wants(t, "the event's Region", "us-east-1", event.Region)
	matched, err := pattern.CloudTrail("iam", "CreateAccessKey").Compile()
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := matched.Match([]byte(readText(t, "remediations/modules/keyleft/testdata/event.json"))); !ok || err != nil {
		t.Errorf("the event does not match the pattern: %v", err)
	}
}

func TestNewInEachRegion(t *testing.T) {
	_, stderr, err := begin(t, "vault-open", "--service", "glacier", "--event", "SetVaultAccessPolicy")
	wantsError(t, "", err)
	wants(t, "standard error", "no call SetVaultAccessPolicy of glacier is known here: see that CloudTrail writes just that name\n", stderr)
	if module := readText(t, "remediations/modules/vaultopen/vaultopen.go"); strings.Contains(module, "Global") {
		t.Errorf("a module that is not on IAM is global:\n%s", module)
	}
	wants(t, "the event's Region", "eu-central-1", authentic(t, "remediations/modules/vaultopen/testdata/event.json").Region)
}

// authentic is the event of a file, which CloudTrail could have sent.
func authentic(t *testing.T, file string) events.Event {
	t.Helper()
	event, err := events.Parse([]byte(readText(t, file)))
	if err != nil {
		t.Fatal(err)
	}
	if err := event.Authentic(); err != nil {
		t.Error(err)
	}
	return event
}

// A broken module elsewhere must not leave the new one behind, unlisted.
func TestNewBesideABrokenModule(t *testing.T) {
	_, _, err := begin(t, "key-left", "--service", "iam", "--event", "CreateAccessKey")
	wantsError(t, "", err)
	if err := os.WriteFile("remediations/modules/s3a/s3a.go", []byte("module"), 0o600); err != nil {
		t.Fatal(err)
	}
	root := rootCommand(fixtures, noAccount)
	root.SetArgs([]string{"new", "door-open", "--service", "s3", "--event", "PutBucketPolicy"})
	if err := root.Execute(); err == nil || !strings.Contains(err.Error(), "s3a.go:1:1: expected 'package'") {
		t.Errorf("error %v, want the broken module's", err)
	}
	if _, err := os.Stat("remediations/modules/dooropen"); err == nil {
		t.Error("it failed, and the new module's folder is there")
	}
}

func TestNewRefuses(t *testing.T) {
	calls := []string{"--service", "s3", "--event", "PutBucketPolicy"}
	for want, args := range map[string][]string{
		"the name of the module is missing":             calls,
		"want the name of one module, got 2":            append([]string{"a", "b"}, calls...),
		`"Left": name must be lower-case words`:         append([]string{"Left"}, calls...),
		`"all": "all" stands for all modules`:           append([]string{"all"}, calls...),
		`"ty-pe": its package would be called type`:     append([]string{"ty-pe"}, calls...),
		"there is such a module: take another name, or": append([]string{"bucket-policy"}, calls...),
		"no module's name may begin with another's":     append([]string{"bucket-policy-two"}, calls...),
		"may begin with another's: take another":        append([]string{"trail"}, calls...),
		"remediations/modules/taken is there already":   append([]string{"ta-ken"}, calls...),
		"say which calls it watches":                    {"left", "--service", "s3"},
		"as --service s3 --event PutBucketVersioning":   {"left", "--event", "PutBucketPolicy"},
		"want the first label of its eventSource":       {"left", "--service", "s3.amazonaws.com", "--event", "PutBucketPolicy"},
		"detail.eventName: ":                            {"left", "--service", "s3", "--event", "PutBucketPolcy"},
	} {
		_, _, err := begin(t, args...)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v, want %q", args, err, want)
		}
		if folders, err := os.ReadDir("remediations/modules"); err != nil || len(folders) != 3 {
			t.Errorf("%v: it was refused, and there are %d folders (%v)", args, len(folders), err)
		}
	}
	t.Chdir(t.TempDir())
	root := rootCommand(fixtures, noAccount)
	root.SetArgs(append([]string{"new", "left"}, calls...))
	wantsError(t, "this is not Countermand's repository: change into it first", root.Execute())
}
