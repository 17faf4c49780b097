package main

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/countermand/countermand/events/pattern"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/modules"
)

// The page is what the modules say of themselves now.
func TestCatalogueIsUpToDate(t *testing.T) {
	all, err := descriptions(modules.All())
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../CATALOGUE.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(page), catalogue(all)); diff != "" {
		t.Errorf("CATALOGUE.md is not what the modules say: run '%s modules --format markdown > CATALOGUE.md' (-page +modules)\n%s", name, diff)
	}
}

// everySetting has one of each kind that a setting can be.
type everySetting struct {
	Trusted []remediations.AccountID `json:"trustedAccounts" doc:"accounts that may be let in"`
	Home    string                   `json:"home" doc:"where it's at: \"here\""`
	Hours   int                      `json:"hours" doc:"how long it waits"`
	Strict  bool                     `json:"strict" doc:"whether it is strict"`
}

// keyModule has all that a module can have.
var keyModule = &remediations.Module{
	Name:     "key-left",
	Title:    "switch off *unused* keys",
	Why:      "A key that nobody uses | is used by <somebody>.",
	Text:     "All of them.",
	Severity: remediations.High,
	Risk:     "a job stops",
	Controls: []string{"FSBP/IAM.3"},
	Default:  remediations.Alert,
	Pattern:  pattern.CloudTrail("iam", "CreateAccessKey", "UpdateAccessKey"),
	Global:   true,
	Settings: everySetting{Trusted: []remediations.AccountID{"111122223333"}, Home: "here", Hours: 24},
	Reads:    []remediations.Permission{{Action: "iam:ListAccessKeys", Resource: "arn:${AWS::Partition}:iam::${AWS::AccountId}:user/*"}},
	Writes: []remediations.Permission{{
		Action: "iam:AttachUserPolicy", Resource: "arn:${AWS::Partition}:iam::${AWS::AccountId}:user/*", Why: "users have no type",
		Only: remediations.Condition{Key: "iam:PolicyARN", Value: "arn:${AWS::Partition}:iam::${AWS::AccountId}:policy/countermand-no"},
	}},
	UndoWrites: []remediations.Permission{{Action: "iam:DetachUserPolicy", Resource: "arn:${AWS::Partition}:iam::${AWS::AccountId}:user/*"}},
	Policies:   []remediations.ManagedPolicy{{Name: "countermand-no", Why: "it denies all", Document: `{"Version":"2012-10-17"}`}},
	Suspects:   bucketModule.Suspects,
	Sweep:      func(context.Context, *remediations.Run) iter.Seq2[remediations.Resource, error] { return nil },
	Schedule:   "rate(6 hours)",
	Guard:      bucketModule.Guard,
	Action:     bucketModule.Action,
	Undo:       bucketModule.Action,
}

func described(t *testing.T, m *remediations.Module) description {
	t.Helper()
	d, err := describe(m)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

const settingsOfKeyModule = `modules:
  key-left:
    mode: alert
    settings:
      trustedAccounts: ["111122223333"]    # accounts that may be let in (list of text)
      home: "here"    # where it's at: "here" (text)
      hours: 24    # how long it waits (number)
      strict: false    # whether it is strict (yes or no)
`

func TestModuleAsMarkdown(t *testing.T) {
	wants(t, "the section", "## key-left\n\n**Switch off \\*unused\\* keys.**\n\n"+
		"A key that nobody uses \\| is used by &lt;somebody>.\n\nAll of them.\n\n"+
		"- **Watches** successful calls of iam: CreateAccessKey, UpdateAccessKey; and every 6 hours all that is there, whatever was called\n"+
		"- **Starts in** `alert`, severity high; deployed only in the global Region (us-east-1), where AWS reports these events\n"+
		"- **Risk** a job stops\n"+
		"- **Undo** countermand undo RUN. The module does not see that, but its sweep finds it: where sweeps enforce, exempt the resource first\n"+
		"- **Controls** [FSBP/IAM.3](https://docs.aws.amazon.com/securityhub/latest/userguide/iam-controls.html#iam-3)\n"+
		"- **Permissions to look**\n  - `iam:ListAccessKeys` on `arn:${AWS::Partition}:iam::${AWS::AccountId}:user/*`\n"+
		"- **Permissions to act, in mode enforce**\n  - `iam:AttachUserPolicy` on `arn:${AWS::Partition}:iam::${AWS::AccountId}:user/*`"+
		" only with iam:PolicyARN arn:${AWS::Partition}:iam::${AWS::AccountId}:policy/countermand-no, because users have no type\n"+
		"- **Permissions that who undoes it needs besides; the function has none of them**\n"+
		"  - `iam:DetachUserPolicy` on `arn:${AWS::Partition}:iam::${AWS::AccountId}:user/*`\n"+
		"- **IAM policy** `countermand-no`, deployed with it: it denies all\n"+
		"\nSettings, with their defaults, as in countermand.yaml:\n\n```yaml\n"+settingsOfKeyModule+"```\n", described(t, keyModule).markdown())

	alone := described(t, trailModule).markdown()
	for _, part := range []string{"\n- **Acts** never: it tells people\n", "  - `cloudtrail:GetTrail` on `*`, because the same\n"} {
		if !strings.Contains(alone, part) {
			t.Errorf("%q is missing in\n%s", part, alone)
		}
	}
	for _, part := range []string{"Risk", "Undo", "Settings", "Controls", "global Region", "every", "to act"} {
		if strings.Contains(alone, part) {
			t.Errorf("a module that only tells people, and no more, has %q:\n%s", part, alone)
		}
	}

	page := catalogue([]description{described(t, keyModule), described(t, bucketModule), described(t, trailModule)})
	for _, line := range []string{
		"| [key-left](#key-left) | switch off \\*unused\\* keys | high | alert | yes | yes | every 6 hours |\n",
		"| [bucket-policy](#bucket-policy) | take public statements out of a bucket's policy | high | alert | yes | no | no |\n",
		"| [trail-stopped](#trail-stopped) | tell when a trail is stopped | low | observe | no | no | no |\n",
		"\n\n## bucket-policy\n",
	} {
		if !strings.Contains(page, line) {
			t.Errorf("%q is missing in\n%s", line, page)
		}
	}
}

func TestModuleInFull(t *testing.T) {
	var out bytes.Buffer
	if err := printModule(&out, described(t, keyModule)); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		"\nWhat it watches\n  successful calls of iam: CreateAccessKey, UpdateAccessKey\n  and every 6 hours all that is there, whatever was called\n" +
			"  deployed only in the global Region (us-east-1), where AWS reports these events\n",
		"  Risk: a job stops\n  Undo: countermand undo RUN. The module does not see that, but its sweep finds it: where sweeps enforce, exempt the resource first\n",
		"\nSettings, with their defaults, as in countermand.yaml\n" + indented(settingsOfKeyModule),
		"  iam:AttachUserPolicy\n      on arn:${AWS::Partition}:iam::${AWS::AccountId}:user/* only with iam:PolicyARN arn:",
		"\nIAM policy countermand-no, deployed with it: it denies all\n  {\n    \"Version\": \"2012-10-17\"\n  }\n",
	} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("%q is missing in\n%s", part, out.String())
		}
	}
}

func TestModuleInFullAsJSON(t *testing.T) {
	text, err := json.Marshal(described(t, keyModule))
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Global         bool
		Schedule, Undo string
		Settings       []struct {
			Name, Kind, Doc string
			Default         any
		}
		Writes   []struct{ Only map[string]string }
		Reads    []struct{ Only map[string]string }
		Policies []struct{ Name, Why string }
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if !got.Global || got.Schedule != "rate(6 hours)" || len(got.Settings) != 4 || len(got.Policies) != 1 || got.Reads[0].Only != nil {
		t.Errorf("something of the module is missing: %s", text)
	}
	wants(t, "a condition", "iam:PolicyARN", got.Writes[0].Only["key"])
	if diff := cmp.Diff(any([]any{"111122223333"}), got.Settings[0].Default); diff != "" {
		t.Errorf("the default differs (-want +got):\n%s", diff)
	}
}

// What is shown as an example can be read, and says what the module takes anyway.
func TestSettingsExampleIsWhatTheModuleHas(t *testing.T) {
	for _, m := range append(modules.All(), keyModule) {
		d := described(t, m)
		var file struct {
			Modules map[string]struct {
				Mode     string
				Settings map[string]any
			}
		}
		if err := yaml.Unmarshal([]byte(d.example()), &file); err != nil {
			t.Fatalf("%v in\n%s", err, d.example())
		}
		wants(t, "the mode of "+m.Name, m.Default.String(), file.Modules[m.Name].Mode)
		if len(file.Modules[m.Name].Settings) != len(d.Settings) {
			t.Errorf("%s has %d settings, and its example\n%s", m.Name, len(d.Settings), d.example())
		}
		if len(d.Settings) == 0 {
			continue
		}
		text, err := json.Marshal(file.Modules[m.Name].Settings)
		if err != nil {
			t.Fatal(err)
		}
		got, err := m.ParseSettings(text)
		if err != nil {
			t.Fatal(err)
		}
		own, err := m.ParseSettings([]byte("{}"))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(own, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("the settings of %s differ (-own +example):\n%s", m.Name, diff)
		}
	}
}

func TestWatched(t *testing.T) {
	for pattern, want := range map[pattern.Pattern]string{
		pattern.CloudTrail("s3", "PutBucketPolicy", "PutBucketAcl"): "successful calls of s3: PutBucketPolicy, PutBucketAcl",
		pattern.CloudTrail("s3"):                                    "successful calls of s3",
		`{"source":["aws.s3"],"detail-type":["AWS API Call via CloudTrail"],"detail":{"eventSource":["s3.amazonaws.com","s3express.amazonaws.com"]}}`:                   "calls of s3 and s3express",
		`{"source":["aws.signin"],"detail-type":["AWS Console Sign In via CloudTrail"],"detail":{"eventSource":["signin.amazonaws.com"],"eventName":["ConsoleLogin"]}}`: "sign-ins of signin: ConsoleLogin",
		`{"source":["aws.ec2"],"detail-type":["AWS API Call via CloudTrail","AWS Console Signin via CloudTrail","AWS Console Sign In via CloudTrail"],"detail":{}}`:     "calls and sign-ins; only where source is aws.ec2",
		`{"detail-type":["AWS API Call via CloudTrail","x"],"detail":{}}`:                                                                                               "events; only where detail-type is AWS API Call via CloudTrail or x",
		`{"detail-type":["AWS API Call via CloudTrail",{"prefix":"x"}],"detail":{}}`:                                                                                    "events; only where detail-type is AWS API Call via CloudTrail or begins with x",
		`{"source":[{"prefix":"aws."}],"detail":{"userIdentity":{"type":["Root"],"invokedBy":[{"exists":false}]},"readOnly":[{"anything-but":"true"},false]}}`:          "events; only where readOnly is false or is not true and userIdentity.invokedBy is missing and userIdentity.type is Root and source begins with aws.",
		`{"detail":{"$or":[{"a":["x"],"b":[{"suffix":"y"}]},{"c":[{"exists":true}]}],"d":[{"anything-but":["p","q"]}]}}`:                                                "events; only where (a is x and b ends with y, or c is there) and d is none of p and q",
		`{"detail":{"errorCode":["AccessDenied"],"n":[{"numeric":[">",5]}],"w":[{"wildcard":"a*"}],"e":[{"equals-ignore-case":"B"}],"x":[null,3]}}`:                     `events; only where e is, in any case, B and errorCode is AccessDenied and n matches {"numeric":[">",5]} and w is like a* and x is null or 3`,
	} {
		got, err := watched(pattern)
		if err != nil {
			t.Fatal(err)
		}
		wants(t, "the words for "+string(pattern), want, got)
	}
	for _, pattern := range []pattern.Pattern{"", "{}", `{"detail":[]}`} {
		if got, err := watched(pattern); err == nil {
			t.Errorf("%s is %q, want an error", pattern, got)
		}
	}
}
