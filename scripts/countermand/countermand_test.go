package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/events/pattern"
	"github.com/countermand/countermand/remediations"
)

// bucketModule suspects the bucket of a PutBucketPolicy, and can't tell where there is no name.
var bucketModule = &remediations.Module{
	Name:     "bucket-policy",
	Title:    "take public statements out of a bucket's policy",
	Why:      "One statement is enough.",
	Text:     "No other is touched.",
	Severity: remediations.High,
	Risk:     "a website stops being public",
	Controls: []string{"FSBP/S3.8", "ATT&CK/T1530"},
	Default:  remediations.Alert,
	Pattern:  pattern.CloudTrail("s3", "PutBucketPolicy"),
	Reads:    []remediations.Permission{{Action: "s3:GetBucketPolicy", Resource: "arn:${AWS::Partition}:s3:::*"}},
	Writes:   []remediations.Permission{{Action: "s3:PutBucketPolicy", Resource: "arn:${AWS::Partition}:s3:::*"}},
	Suspects: func(e events.Event) ([]remediations.Resource, error) {
		switch bucket := e.Record.Request.Get("bucketName").Text(); bucket {
		case "":
			return nil, errors.New("the record has no bucketName")
		case "private":
			return nil, nil
		default:
			return []remediations.Resource{{ID: bucket, Type: "AWS::S3::Bucket", Account: e.Account, Region: e.Region}}, nil
		}
	},
	Guard: func(context.Context, *remediations.Run, remediations.Resource) (*remediations.Finding, error) {
		panic("the command line calls nothing in AWS")
	},
	Action: func(context.Context, *remediations.Run, *remediations.Finding) error {
		panic("the command line calls nothing in AWS")
	},
}

// trailModule suspects two trails, in another Region and another account.
var trailModule = &remediations.Module{
	Name:    "trail-stopped",
	Title:   "tell when a trail is stopped",
	Why:     "Without it nobody sees anything.",
	Text:    "It changes nothing.",
	Default: remediations.Observe,
	Pattern: pattern.CloudTrail("cloudtrail", "StopLogging"),
	Reads: []remediations.Permission{
		{Action: "cloudtrail:GetTrailStatus", Resource: "*", Why: "trails of an organisation belong to another account"},
		{Action: "cloudtrail:GetTrail", Resource: "*", Why: "the same"},
	},
	Suspects: func(e events.Event) ([]remediations.Resource, error) {
		return []remediations.Resource{
			{ID: "main", Type: "AWS::CloudTrail::Trail", Account: e.Account, Region: "us-east-1"},
			{ID: "org", Type: "AWS::CloudTrail::Trail", Account: "999999999999", Region: e.Region},
		}, nil
	},
	Guard: bucketModule.Guard,
}

var fixtures = []*remediations.Module{bucketModule, trailModule}

// run runs the command line as a user would, in a folder with the files given, and returns what it prints.
func run(t *testing.T, stdin string, files map[string]string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	t.Chdir(t.TempDir())
	for file, text := range files {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out, errs bytes.Buffer
	root := rootCommand(fixtures, noAccount)
	root.SetArgs(args)
	root.SetIn(strings.NewReader(stdin))
	root.SetOut(&out)
	root.SetErr(&errs)
	err = root.Execute()
	return out.String(), errs.String(), err
}

func wants(t *testing.T, what, want, got string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", what, diff)
	}
}

func wantsError(t *testing.T, want string, err error) {
	t.Helper()
	if err == nil {
		err = errors.New("")
	}
	wants(t, "the error", want, err.Error())
}

// record is a CloudTrail record of a call, with its request parameters as JSON.
func record(service, call, parameters string) string {
	return fmt.Sprintf(`{"eventVersion":"1.11","userIdentity":{"type":"AssumedRole","principalId":"AROAEXAMPLE:mallory",`+
		`"arn":"arn:aws:sts::111122223333:assumed-role/Admin/mallory","accountId":"111122223333",`+
		`"sessionContext":{"sessionIssuer":{"type":"Role","userName":"Admin"}}},"eventTime":"2026-03-01T09:30:00Z",`+
		`"eventSource":"%s.amazonaws.com","eventName":%q,"awsRegion":"eu-west-1","sourceIPAddress":"203.0.113.9",`+
		`"requestParameters":%s,"eventID":"e-1","eventType":"AwsApiCall","recipientAccountId":"111122223333"}`,
		service, call, parameters)
}

func envelope(source, record string) string {
	return fmt.Sprintf(`{"version":"0","id":"1","detail-type":"AWS API Call via CloudTrail","source":%q,`+
		`"account":"111122223333","time":"2026-03-01T09:30:00Z","region":"eu-west-1","resources":[],"detail":%s}`, source, record)
}

func TestExplain(t *testing.T) {
	open := record("s3", "PutBucketPolicy", `{"bucketName":"open"}`)
	private := record("s3", "PutBucketPolicy", `{"bucketName":"private"}`)
	refused := strings.Replace(open, `"eventID"`, `"errorCode":"AccessDenied","eventID"`, 1)
	lines := strings.Join([]string{
		open, private, record("s3", "PutBucketPolicy", "null"), refused,
		envelope("aws.cloudtrail", record("cloudtrail", "StopLogging", `{"name":"main"}`)),
		envelope("aws.s3", strings.Replace(open, `"recipientAccountId":"111122223333"`, `"recipientAccountId":"444455556666"`, 1)),
		"{}", `{"detail":{}}`,
	}, "\n")
	stdout, stderr, err := run(t, "", map[string]string{"events.jsonl": lines}, "explain", "events.jsonl", "missing.json")
	who := "mallory (role Admin) called "
	where := " in 111122223333 eu-west-1 from 203.0.113.9 at 2026-03-01T09:30:00Z\n"
	wants(t, "standard output", "events.jsonl:1: "+who+"PutBucketPolicy of s3"+where+
		"  bucket-policy: suspect AWS::S3::Bucket open\n    next the guard would read 1 resource with s3:GetBucketPolicy\n\n"+
		"events.jsonl:2: "+who+"PutBucketPolicy of s3"+where+
		"  bucket-policy: clean: the event makes no resource suspect\n\n"+
		"events.jsonl:3: "+who+"PutBucketPolicy of s3"+where+
		"  bucket-policy: suspect, since it can't be told from the event: the record has no bucketName\n\n"+
		"events.jsonl:5: "+who+"StopLogging of cloudtrail"+where+
		"  trail-stopped: suspect AWS::CloudTrail::Trail main (us-east-1), AWS::CloudTrail::Trail org (account 999999999999, eu-west-1)\n"+
		"    next the guard would read 2 resources with cloudtrail:GetTrailStatus and cloudtrail:GetTrail\n\n"+
		"events.jsonl:6: "+who+"PutBucketPolicy of s3"+where+
		"  not authentic, every module would refuse it: account is \"111122223333\", but the record's recipientAccountId is \"444455556666\"\n\n"+
		"6 events: 3 suspect, 1 clean, 1 not authentic, 1 not watched by any module (--all shows why)\n", stdout)
	wants(t, "standard error",
		"events.jsonl:7: neither an EventBridge event (no detail) nor a CloudTrail record (no eventSource)\n"+
			"events.jsonl:8: parse event: the envelope has no source\n"+
			"open missing.json: no such file or directory\n", stderr)
	wantsError(t, "3 problems above: the rest was read", err)
}

func TestExplainAll(t *testing.T) {
	refused := strings.Replace(record("s3", "PutBucketPolicy", "{}"), `"eventID"`, `"errorCode":"AccessDenied","eventID"`, 1)
	stdout, _, err := run(t, refused, nil, "explain", "--all", "-")
	wantsError(t, "", err)
	wants(t, "standard output", `(standard input):1: mallory (role Admin) called PutBucketPolicy of s3 and failed (AccessDenied)`+
		" in 111122223333 eu-west-1 from 203.0.113.9 at 2026-03-01T09:30:00Z\n"+
		"  a bare record, taken as EventBridge would deliver it\n"+
		"  bucket-policy: pattern does not match: detail.errorCode is \"AccessDenied\"\n"+
		"  trail-stopped: pattern does not match: source is \"aws.s3\"\n\n"+
		"1 event: 1 not watched by any module\n", stdout)
}

func TestExplainLines(t *testing.T) {
	open := record("s3", "PutBucketPolicy", `{"bucketName":"open"}`)
	file := `{"Records":[` + strings.Join([]string{
		record("s3", "GetObject", "{}"), open, record("s3", "PutBucketPolicy", `{"bucketName":"private"}`),
		record("s3", "PutBucketPolicy", "{}"), envelope("aws.s3", strings.Replace(open, "eu-west-1", "eu-west-2", 1)),
	}, ",") + `]}`
	stdout, stderr, err := run(t, "", map[string]string{"a.json": file}, "explain", "--format", "jsonl", "a.json")
	wantsError(t, "", err)
	wants(t, "standard error", "", stderr)
	want := ""
	for _, w := range []struct{ record, verdict, resources, reason string }{
		{"1", "suspect", `["open"]`, "next the guard would read 1 resource with s3:GetBucketPolicy"},
		{"2", "clean", `[]`, "the event makes no resource suspect"},
		{"3", "suspect", `[]`, "the record has no bucketName"},
		{"4", "suspect", `["open"]`, `the event would be refused as not authentic, region is \"eu-west-1\", but the record's awsRegion is \"eu-west-2\";` +
			` otherwise: next the guard would read 1 resource with s3:GetBucketPolicy`},
	} {
		want += `{"file":"a.json","record":` + w.record + `,"eventID":"e-1","eventSource":"s3.amazonaws.com","eventName":"PutBucketPolicy",` +
			`"account":"111122223333","region":"eu-west-1","principal":"arn:aws:sts::111122223333:assumed-role/Admin/mallory",` +
			`"module":"bucket-policy","verdict":"` + w.verdict + `","resources":` + w.resources + `,"reason":"` + w.reason + "\"}\n"
	}
	wants(t, "standard output", want, stdout)
}

func TestExplainWhatReadsNothing(t *testing.T) {
	o := opinion{module: &remediations.Module{Name: "root"}, resources: make([]remediations.Resource, 1)}
	wants(t, "the reason", "next the guard would judge 1 resource by the event alone", o.reason())
}

// Who makes a call chooses parts of its record: they must not reach the terminal as commands.
func TestExplainPrintsNoControlCharacters(t *testing.T) {
	evil := record("s3", "PutBucketPolicy", `{"bucketName":"\u001b[2J\u202egnp"}`)
	evil = strings.Replace(evil, "203.0.113.9", `\u0007\u009b31m`, 1)
	stdout, stderr, err := run(t, evil+"\n\x1b[2J", nil, "explain", "-")
	wantsError(t, "1 problem above: the rest was read", err)
	if i := strings.IndexAny(stdout+stderr, "\x1b\a\u009b\u202e"); i >= 0 {
		t.Errorf("control character at %d of %q", i, stdout+stderr)
	}
}

func TestModules(t *testing.T) {
	stdout, _, err := run(t, "", nil, "modules")
	wantsError(t, "", err)
	wants(t, "the table", "NAME           MODE     SEVERITY  TITLE\n"+
		"bucket-policy  alert    high      take public statements out of a bucket's policy\n"+
		"trail-stopped  observe  low       tell when a trail is stopped\n", stdout)

	stdout, _, err = run(t, "", nil, "modules", "trail-stopped")
	wantsError(t, "", err)
	for _, part := range []string{
		"trail-stopped: tell when a trail is stopped\n\nWithout it nobody sees anything.\n",
		"enforce  the same as alert: this module has no action\n",
		"      \"eventName\": [\n        \"StopLogging\"\n      ],\n",
		"  cloudtrail:GetTrail\n      on *\n      because the same\n",
	} {
		if !strings.Contains(stdout, part) {
			t.Errorf("%q is missing in\n%s", part, stdout)
		}
	}
	if strings.Contains(stdout, "Risk") || strings.Contains(stdout, "to act") {
		t.Errorf("a module without an action has a risk or permissions to act:\n%s", stdout)
	}

	stdout, _, err = run(t, "", nil, "modules", "bucket-policy")
	wantsError(t, "", err)
	for _, part := range []string{
		"enforce  also puts it right; that can't be undone\n  Risk: a website stops being public\n",
		"  ATT&CK/T1530       https://attack.mitre.org/techniques/T1530/\n",
		"Permissions to act, in mode enforce\n  s3:PutBucketPolicy\n",
	} {
		if !strings.Contains(stdout, part) {
			t.Errorf("%q is missing in\n%s", part, stdout)
		}
	}
}

func TestModulePolicy(t *testing.T) {
	for use, want := range map[string]string{
		"observe": "ReadS3GetBucketPolicy", "alert": "ReadS3GetBucketPolicy",
		"enforce": "ReadS3GetBucketPolicy WriteS3PutBucketPolicy", "undo": "ReadS3GetBucketPolicy WriteS3PutBucketPolicy",
	} {
		stdout, _, err := run(t, "", nil, "modules", "bucket-policy", "--policy", use)
		wantsError(t, "", err)
		var policy remediations.Policy
		if err := json.Unmarshal([]byte(stdout), &policy); err != nil {
			t.Fatal(err)
		}
		var sids []string
		for _, s := range policy.Statement {
			sids = append(sids, s.Sid)
		}
		wants(t, "statements for "+use, want, strings.Join(sids, " "))
	}
	_, _, err := run(t, "", nil, "modules", "bucket-policy", "--policy", "all")
	wantsError(t, `unknown policy "all": want observe, alert, enforce or undo`, err)
	_, _, err = run(t, "", nil, "modules", "--policy", "undo")
	wantsError(t, "--policy is for one module: name it", err)
}

func TestModulesAsJSON(t *testing.T) {
	stdout, _, err := run(t, "", nil, "modules", "--format", "json")
	wantsError(t, "", err)
	var all []map[string]any
	if err := json.Unmarshal([]byte(stdout), &all); err != nil || len(all) != len(fixtures) {
		t.Fatalf("%d modules (%v), want %d", len(all), err, len(fixtures))
	}
	one, _, err := run(t, "", nil, "modules", "--format", "json", "bucket-policy")
	wantsError(t, "", err)
	wants(t, "JSON", `{
  "name": "bucket-policy",
  "title": "take public statements out of a bucket's policy",
  "why": "One statement is enough.",
  "text": "No other is touched.",
  "severity": "high",
  "mode": "alert",
  "risk": "a website stops being public",
  "controls": [
    {
      "id": "ATT&CK/T1530",
      "url": "https://attack.mitre.org/techniques/T1530/"
    },
    {
      "id": "FSBP/S3.8",
      "url": "https://docs.aws.amazon.com/securityhub/latest/userguide/s3-controls.html#s3-8"
    }
  ],
  "watches": "successful calls of s3: PutBucketPolicy",
  "pattern": {
    "source": [
      "aws.s3"
    ],
    "detail-type": [
      "AWS API Call via CloudTrail"
    ],
    "detail": {
      "eventSource": [
        "s3.amazonaws.com"
      ],
      "eventName": [
        "PutBucketPolicy"
      ],
      "errorCode": [
        {
          "exists": false
        }
      ]
    }
  },
  "global": false,
  "schedule": "",
  "settings": [],
  "reads": [
    {
      "action": "s3:GetBucketPolicy",
      "resource": "arn:${AWS::Partition}:s3:::*"
    }
  ],
  "writes": [
    {
      "action": "s3:PutBucketPolicy",
      "resource": "arn:${AWS::Partition}:s3:::*"
    }
  ],
  "undoWrites": [],
  "policies": [],
  "acts": true,
  "undoes": false,
  "undo": "not possible: its documentation says why, and what to do instead"
}
`, one)
}

func TestUnknownModule(t *testing.T) {
	for typed, meant := range map[string]string{
		"bucketpolicy": ": did you mean bucket-policy?", "Bucket-Policy": ": did you mean bucket-policy?",
		"buckt-polcy": ": did you mean bucket-policy?", "trail": ": did you mean trail-stopped?",
		"p": "", "guardduty": "",
		"po": ": did you mean bucket-policy?", "pp": ": did you mean trail-stopped?",
	} {
		_, _, err := run(t, "", nil, "modules", typed)
		wantsError(t, fmt.Sprintf("unknown module %q%s\nfor a list: go run ./scripts/countermand modules", typed, meant), err)
	}
}

func TestArgumentErrorsSayWhatToDo(t *testing.T) {
	const run1 = "go run ./scripts/countermand "
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"explain"}, "a file is missing\nusage: " + run1 + "explain FILE... [flags]\nsee '" + run1 + "explain --help'"},
		{[]string{"match", "p"}, "a pattern file or an event file is missing\nusage: " + run1 + "match PATTERN-FILE FILE... [flags]\nsee '" + run1 + "match --help'"},
		{[]string{"explain", "--format", "json", "f"}, `unknown format "json": want text or jsonl`},
		{[]string{"modules", "a", "b"}, "want the name of one module, or none for all, got 2\nsee '" + run1 + "modules --help'"},
		{[]string{"explain", "--colour"}, "unknown flag: --colour\nsee '" + run1 + "explain --help'"},
	} {
		_, _, err := run(t, "", nil, c.args...)
		wantsError(t, c.want, err)
	}
}

// Each command has examples, and its help goes to standard output.
func TestHelp(t *testing.T) {
	for _, command := range rootCommand(fixtures, noAccount).Commands() {
		stdout, _, err := run(t, "", nil, command.Name(), "--help")
		wantsError(t, "", err)
		_, examples, _ := strings.Cut(stdout, "Examples:\n")
		if !strings.HasPrefix(examples, "  "+name+" "+command.Name()) && !strings.HasPrefix(examples, "  ./scripts/"+command.Name()) {
			t.Errorf("help of %s has no example to copy:\n%s", command.Name(), stdout)
		}
	}
}

func TestWriteErrorEndsReading(t *testing.T) {
	t.Chdir(t.TempDir())
	lines := strings.Repeat(record("s3", "PutBucketPolicy", `{"bucketName":"open"}`)+"\n", 100)
	if err := os.WriteFile("e.jsonl", []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	full := &fullDisk{}
	root := rootCommand(fixtures, noAccount)
	root.SetArgs([]string{"explain", "e.jsonl"})
	root.SetOut(full)
	wantsError(t, "no space left", root.Execute())
	if full.writes > 3 {
		t.Errorf("%d writes after the first one failed", full.writes)
	}
}

type fullDisk struct{ writes int }

func (f *fullDisk) Write([]byte) (int, error) {
	f.writes++
	return 0, errors.New("no space left")
}

func TestColourOnlyOnATerminal(t *testing.T) {
	if got := (paint{}).alarm("x"); got != "x" {
		t.Errorf("without a terminal: %q", got)
	}
	if got := (paint{on: true}).alarm("x"); !strings.Contains(got, "\x1b[") {
		t.Errorf("on a terminal: %q", got)
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if paintFor(file).on || paintFor(&bytes.Buffer{}).on {
		t.Error("a file or a buffer is taken for a terminal")
	}
}
