package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	static "github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/countermand/countermand/events/pattern"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/engine"
	"github.com/countermand/countermand/remediations/engine/store"
	"github.com/countermand/countermand/remediations/modules/s3publicpolicy"
)

// noAccount is the loader of commands that must not call AWS.
func noAccount(context.Context, ...func(*config.LoadOptions) error) (aws.Config, error) {
	return aws.Config{}, errors.New("there is no account")
}

// cloud is an AWS account with a run table and a bucket whose policy a run has made private.
type cloud struct {
	items   map[string]map[string]types.AttributeValue
	filter  string // of the last scan
	policy  string
	puts    int // of the policy
	account string
	arn     string
	region  string
	refuse  string // operation that is answered with an error
	modules []*remediations.Module
	controls
}

const (
	private = `{"Version":"2012-10-17","Statement":[]}`
	public  = `{"Version":"2012-10-17",  "Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*"}]}`
)

func newCloud() *cloud {
	return &cloud{
		items: map[string]map[string]types.AttributeValue{}, policy: private, account: "111122223333",
		arn: "arn:aws:sts::111122223333:assumed-role/Admin/olga", region: "eu-west-1",
		modules: []*remediations.Module{s3publicpolicy.Module},
	}
}

func (c *cloud) load(_ context.Context, options ...func(*config.LoadOptions) error) (aws.Config, error) {
	chosen := config.LoadOptions{Region: c.region}
	for _, option := range options {
		if err := option(&chosen); err != nil {
			return aws.Config{}, err
		}
	}
	keys := static.NewStaticCredentialsProvider("AKIAOLGAEXAMPLE00000", "test", "")
	return aws.Config{Region: chosen.Region, Credentials: keys, APIOptions: []func(*middleware.Stack) error{func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("cloud", func(_ context.Context, in middleware.InitializeInput, _ middleware.InitializeHandler) (out middleware.InitializeOutput, metadata middleware.Metadata, err error) {
			out.Result, err = c.answer(in.Parameters)
			return out, metadata, err
		}), middleware.After)
	}}}, nil
}

func (c *cloud) answer(input any) (any, error) {
	if c.refuse != "" && strings.Contains(fmt.Sprintf("%T", input), c.refuse) {
		return nil, &smithy.GenericAPIError{Code: "AccessDenied", Message: "not you"}
	}
	switch in := input.(type) {
	case *dynamodb.GetItemInput:
		if *in.TableName != "countermand-runs" {
			return nil, &types.ResourceNotFoundException{}
		}
		return &dynamodb.GetItemOutput{Item: c.items[in.Key["id"].(*types.AttributeValueMemberS).Value]}, nil
	case *dynamodb.PutItemInput:
		c.items[in.Item["id"].(*types.AttributeValueMemberS).Value] = in.Item
		return &dynamodb.PutItemOutput{}, nil
	case *dynamodb.ScanInput:
		c.filter = *in.FilterExpression
		answer := &dynamodb.ScanOutput{ScannedCount: int32(len(c.items))}
		for _, item := range c.items {
			answer.Items = append(answer.Items, item)
		}
		return answer, nil
	case *sts.GetCallerIdentityInput:
		return &sts.GetCallerIdentityOutput{Account: &c.account, Arn: &c.arn}, nil
	case *s3.GetBucketPolicyInput:
		return &s3.GetBucketPolicyOutput{Policy: &c.policy}, nil
	case *s3.PutBucketPolicyInput:
		c.puts++
		c.policy = *in.Policy
		return &s3.PutBucketPolicyOutput{}, nil
	}
	return c.controls.answer(input)
}

// ask runs the command line on the account, without a terminal.
func (c *cloud) ask(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	root := rootCommand(c.modules, c.load)
	root.SetArgs(args)
	root.SetIn(strings.NewReader("yes\n"))
	root.SetOut(&out)
	root.SetErr(&errs)
	err = root.Execute()
	return out.String(), errs.String(), err
}

// acted is the record of a run that made a bucket private.
func acted(id string, change func(*engine.Record)) engine.Record {
	began := time.Date(2026, 3, 1, 10, 0, 5, 0, time.UTC)
	before, _ := remediations.Encode(public)
	after, _ := remediations.Encode(private)
	r := engine.Record{
		ID: id, Module: "s3-public-policy", Mode: remediations.Enforce, Outcome: engine.Remediated,
		Resource: remediations.Resource{ID: "ledger", Type: "AWS::S3::Bucket", Account: "111122223333", Region: "eu-west-1"},
		EventID:  "e-1", EventName: "PutBucketPolicy", EventTime: began.Add(-5 * time.Second),
		Principal: "arn:aws:iam::111122223333:user/mallory", Name: "mallory", SourceIP: "203.0.113.9", UserAgent: "[aws-cli]",
		Reason: "the bucket policy is public", Before: before, After: after, Fix: "aws fix", Revert: "aws revert",
		Calls:   []engine.Call{{Action: "s3:GetBucketPolicy"}, {Action: "s3:PutBucketPolicy", Write: true}},
		Touched: true, Alert: engine.AlertSent, Attempt: 1, Version: 1, Writer: "w", Started: began, Ended: began.Add(time.Second), Expires: began.AddDate(1, 0, 0),
	}
	if change != nil {
		change(&r)
	}
	return r
}

func (c *cloud) keep(t *testing.T, records ...engine.Record) {
	t.Helper()
	cfg, err := c.load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if err := store.NewDynamoDB(cfg, "countermand-runs").Put(t.Context(), &r); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRuns(t *testing.T) {
	c := newCloud()
	c.keep(t,
		acted("run-1", nil),
		acted("run-2", func(r *engine.Record) {
			r.Started, r.Outcome, r.Name = r.Started.Add(time.Hour), engine.Failed, "\x1b[2J"+strings.Repeat("x", 60)
		}),
		acted("run-1-undo", func(r *engine.Record) {
			r.Started, r.Outcome, r.Undoes, r.EventName, r.Name = r.Started.Add(2*time.Hour), engine.Undone, "run-1", "", "olga (role Admin)"
		}))
	stdout, stderr, err := c.ask(t, "runs")
	if err != nil {
		t.Fatal(err)
	}
	wants(t, "standard output", ""+
		"BEGAN (UTC)          OUTCOME     MODULE            CALL             BY                                        RESOURCE  RUN\n"+
		"2026-03-01 12:00:05  Undone      s3-public-policy  (undo)           olga (role Admin)                         ledger    run-1-undo\n"+
		"2026-03-01 11:00:05  Failed      s3-public-policy  PutBucketPolicy  \ufffd[2Jxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...  ledger    run-2\n"+
		"2026-03-01 10:00:05  Remediated  s3-public-policy  PutBucketPolicy  mallory                                   ledger    run-1\n", stdout)
	wants(t, "standard error", "", stderr)

	stdout, stderr, err = c.ask(t, "runs", "--limit", "2", "--format", "json", "--module", "s3-public-policy", "--resource", "led",
		"--principal", "mallory", "--outcome", "failed", "--outcome", "Undone", "--since", "2020-01-01")
	if err != nil || stderr != "" {
		t.Fatal(err, stderr)
	}
	wants(t, "the filter", "attribute_exists(#record) AND #module = :module AND contains(#resource, :resource) AND "+
		"contains(#principal, :principal) AND #started >= :started AND #outcome IN (:outcome0, :outcome1)", c.filter)
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines: %s", len(lines), stdout)
	}
	for i, want := range []string{"run-1-undo", "run-2"} {
		var r engine.Record
		if err := json.Unmarshal([]byte(lines[i]), &r); err != nil || r.ID != want || len(r.Before) == 0 || len(r.Calls) != 2 {
			t.Errorf("line %d: %v, %+v", i, err, r)
		}
	}
	_, stderr, err = c.ask(t, "runs", "--limit", "1")
	wants(t, "standard error", "the newest 1 of 3: for more, --limit 3\n", stderr)
	if err != nil {
		t.Error(err)
	}
	stdout, stderr, err = newCloud().ask(t, "runs")
	wants(t, "of an empty table", "no run found: 0 items in the table\n", stdout+stderr)
	if err != nil {
		t.Error(err)
	}
}

func TestColoursOfOutcomes(t *testing.T) {
	p := paint{on: true}
	if p.outcome(engine.Failed) != p.alarm("Failed") || p.outcome(engine.Undone) != p.good("Undone") || p.outcome(engine.Alerted) != "Alerted" {
		t.Error("an outcome has another colour")
	}
}

func TestReadSince(t *testing.T) {
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"":                          "0001-01-01T00:00:00Z",
		"24h":                       "2026-03-09T12:00:00Z",
		"90m":                       "2026-03-10T10:30:00Z",
		"7d":                        "2026-03-03T12:00:00Z",
		"2026-03-01":                "2026-03-01T00:00:00Z",
		"2026-03-01T10:00:00+01:00": "2026-03-01T10:00:00+01:00",
	} {
		got, err := readSince(text, now)
		if err != nil || got.Format(time.RFC3339) != want {
			t.Errorf("%q: %s, %v, want %s", text, got.Format(time.RFC3339), err, want)
		}
	}
	for text, want := range map[string]string{
		"yesterday": "want a duration such as 24h", "7": "want a duration", "d": "want a duration", "2026-13-01": "want a duration",
		"-1h": "in the future", "-1d": "in the future", "2026-03-11": "in the future",
	} {
		if _, err := readSince(text, now); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestRun(t *testing.T) {
	c := newCloud()
	r := acted("run-1", nil)
	c.keep(t, r)
	stdout, _, err := c.ask(t, "run", "run-1")
	if err != nil {
		t.Fatal(err)
	}
	wants(t, "standard output", engine.Report(s3publicpolicy.Module, &r, nil), stdout)
	if !strings.Contains(stdout, "go run ./scripts/countermand undo run-1\n") {
		t.Error("it does not say how to take it back")
	}
	stdout, _, err = c.ask(t, "run", "run-1", "--format", "json")
	var printed engine.Record
	if err != nil || json.Unmarshal([]byte(stdout), &printed) != nil || printed.ID != "run-1" || printed.Principal != r.Principal {
		t.Errorf("%v: %s", err, stdout)
	}
	if _, _, err := c.ask(t, "undo", "run-1", "--yes"); err != nil {
		t.Fatal(err)
	}
	stdout, _, err = c.ask(t, "run", "run-1")
	if err != nil || !strings.Contains(stdout, "TAKEN BACK") || strings.Contains(stdout, "TAKE IT BACK") {
		t.Errorf("%v: %s", err, stdout)
	}
}

func TestUndo(t *testing.T) {
	c := newCloud()
	c.keep(t, acted("run-1", nil))
	stdout, _, err := c.ask(t, "undo", "run-1")
	if err == nil || !strings.Contains(err.Error(), "--yes means yes") || c.puts > 0 || len(c.items) > 1 {
		t.Errorf("nobody was asked: %v, %d writes, %d records", err, c.puts, len(c.items))
	}
	for _, want := range []string{"as arn:aws:sts::111122223333:assumed-role/Admin/olga\nAWS::S3::Bucket ledger in account 111122223333, Region eu-west-1\n",
		"+      \"Principal\": \"*\",\n", "Unless it is exempted", "    resource: \"ledger\"\n"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("the proposal lacks %q:\n%s", want, stdout)
		}
	}
	stdout, _, err = c.ask(t, "undo", "run-1", "--yes")
	if err != nil || c.policy != public || !strings.HasSuffix(stdout, "It is put back. That is recorded as run run-1-undo.\n") {
		t.Errorf("%v, policy %s: %s", err, c.policy, stdout)
	}
	stdout, _, err = c.ask(t, "runs")
	if err != nil || !strings.Contains(stdout, "(undo)           olga (role Admin)") {
		t.Errorf("%v: %s", err, stdout)
	}
	_, _, err = c.ask(t, "undo", "run-1", "--yes")
	if err == nil || !strings.Contains(err.Error(), "was already undone") || c.puts != 1 {
		t.Errorf("the second undo: %v, %d writes", err, c.puts)
	}
	_, _, err = c.ask(t, "undo", "run-1-undo", "--yes")
	if err == nil || !strings.Contains(err.Error(), "cannot be undone itself\nby hand: aws fix") {
		t.Errorf("the undo of the undo: %v", err)
	}
}

// A module that does not watch what its undo does takes nothing back again.
func TestUndoThatIsNotHeardDoesNotWarn(t *testing.T) {
	c := newCloud()
	deaf := *s3publicpolicy.Module
	deaf.Pattern = pattern.CloudTrail("s3", "CreateBucket")
	deaf.Sweep = nil
	c.modules = []*remediations.Module{&deaf}
	c.keep(t, acted("run-1", nil))
	if stdout, _, err := c.ask(t, "undo", "run-1", "--yes"); err != nil || strings.Contains(stdout, "exempt") {
		t.Errorf("%v: %s", err, stdout)
	}
}

func TestUndoThatASweepFindsWarns(t *testing.T) {
	c := newCloud()
	deaf := *s3publicpolicy.Module
	deaf.Pattern = pattern.CloudTrail("s3", "CreateBucket")
	c.modules = []*remediations.Module{&deaf}
	c.keep(t, acted("run-1", nil))
	const want = "\nIf sweeps of the module s3-public-policy enforce, the next one takes the resource back again"
	if stdout, _, err := c.ask(t, "undo", "run-1", "--yes"); err != nil || !strings.Contains(stdout, want) {
		t.Errorf("%v: %s", err, stdout)
	}
}

func TestUndoOutsideOfEnforceDoesNotWarn(t *testing.T) {
	c := newCloud()
	c.keep(t, acted("run-1", func(r *engine.Record) { r.Mode = remediations.Alert }))
	if stdout, _, err := c.ask(t, "undo", "run-1", "--yes"); err != nil || strings.Contains(stdout, "exempt") {
		t.Errorf("%v: %s", err, stdout)
	}
}

func TestUndoRefusesWhatHasChanged(t *testing.T) {
	c := newCloud()
	c.keep(t, acted("run-1", nil))
	c.policy = `{"Version":"2012-10-17","Statement":[],"Id":"new"}`
	_, _, err := c.ask(t, "undo", "run-1", "--yes")
	wantsError(t, `put back policy of bucket ledger: the resource has changed since
nothing was done: somebody else has decided about it since

- as run run-1 left it, + as it is now:
 {
   "Version": "2012-10-17",
-  "Statement": []
+  "Statement": [],
+  "Id": "new"
 }

to put it back all the same, by hand:
aws revert`, err)
	if c.puts > 0 || len(c.items) != 1 {
		t.Errorf("%d writes, %d records", c.puts, len(c.items))
	}
}

// A failure is recorded, and can be tried again.
func TestUndoThatFails(t *testing.T) {
	c := newCloud()
	c.keep(t, acted("run-1", nil))
	c.refuse = "PutBucketPolicy"
	_, _, err := c.ask(t, "undo", "run-1", "--yes")
	if err == nil || !strings.Contains(err.Error(), "AccessDenied") || !strings.HasSuffix(err.Error(), "see go run ./scripts/countermand run run-1-undo") {
		t.Error(err)
	}
	if stdout, _, err := c.ask(t, "run", "run-1-undo"); err != nil || !strings.Contains(stdout, "write  s3:PutBucketPolicy: AccessDenied") {
		t.Errorf("%v: %s", err, stdout)
	}
	c.refuse = ""
	if _, _, err := c.ask(t, "undo", "run-1", "--yes"); err != nil || c.policy != public {
		t.Errorf("the second try: %v, policy %s", err, c.policy)
	}
}

func TestHistoryErrors(t *testing.T) {
	for _, test := range []struct {
		args   []string
		change func(*cloud)
		want   string
	}{
		{args: []string{"runs", "x"}, want: "runs takes no argument, got \"x\"\nfor one run: go run ./scripts/countermand run x"},
		{args: []string{"runs", "--limit", "0"}, want: "--limit 0: want at least 1"},
		{args: []string{"runs", "--outcome", "good"}, want: `unknown outcome "good": want Started, Clean,`},
		{args: []string{"runs", "--module", "s3publicpolicy"}, want: "did you mean s3-public-policy?"},
		{args: []string{"runs", "--since", "soon"}, want: "--since soon: want"},
		{args: []string{"runs", "--format", "xml"}, want: `unknown format "xml"`},
		{args: []string{"runs"}, change: func(c *cloud) { c.region = "" }, want: "names no Region"},
		{args: []string{"runs"}, change: func(c *cloud) { c.refuse = "Scan" }, want: "AccessDenied"},
		{args: []string{"runs", "--region", "bad region"}, want: `"bad region" is no Region: set AWS_REGION, or --region, to where Countermand is deployed`},
		{args: []string{"runs", "--region", "example.com/eu-west-1"}, want: `"example.com/eu-west-1" is no Region`},
		{args: []string{"run"}, want: "the id of a run is missing"},
		{args: []string{"run", ""}, want: "the id of the run is empty: copy it from an alert\nfor a list: go run ./scripts/countermand runs"},
		{args: []string{"run", "a", "b"}, want: "want the id of one run, got 2"},
		{args: []string{"run", "absent"}, want: "no run \"absent\" in table countermand-runs in Region eu-west-1: copy the id as a whole from an alert\nfor a list: go run ./scripts/countermand runs"},
		{args: []string{"run", "run-1", "--region", "us-east-1", "--table", "others"}, want: "there is no table others in Region us-east-1"},
		{args: []string{"undo"}, want: "the id of a run is missing"},
		{args: []string{"undo", " ", "--yes"}, want: "the id of the run is empty"},
		{args: []string{"undo", "absent", "--yes"}, want: `no run "absent"`},
		{args: []string{"undo", "run-1", "--yes"}, change: func(c *cloud) { c.account = "999999999999" }, want: "these credentials are of account 999999999999, but AWS::S3::Bucket ledger is in account 111122223333"},
		{args: []string{"undo", "run-1", "--yes"}, change: func(c *cloud) { c.refuse = "GetCallerIdentity" }, want: "ask whose credentials these are"},
		{args: []string{"undo", "old", "--yes"}, want: "of module \"long-gone\", which this version of Countermand does not have\nby hand: aws revert"},
		{args: []string{"undo", "watched", "--yes"}, want: "changed nothing (Observed)"},
	} {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			c := newCloud()
			c.keep(t, acted("run-1", nil), acted("old", func(r *engine.Record) { r.Module = "long-gone" }),
				acted("watched", func(r *engine.Record) { r.Outcome, r.Touched = engine.Observed, false }))
			if test.change != nil {
				test.change(c)
			}
			if _, _, err := c.ask(t, test.args...); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is %v, want %q", err, test.want)
			}
			if c.puts > 0 || len(c.items) != 3 {
				t.Errorf("%d writes, %d records", c.puts, len(c.items))
			}
		})
	}
}

func TestNoCredentials(t *testing.T) {
	c := newCloud()
	load := func(ctx context.Context, options ...func(*config.LoadOptions) error) (aws.Config, error) {
		cfg, err := c.load(ctx, options...)
		cfg.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{}, errors.New("no provider has any")
		})
		return cfg, err
	}
	root := rootCommand(c.modules, load)
	root.SetArgs([]string{"runs"})
	wantsError(t, "your AWS configuration has no credentials that can be used: no provider has any\n"+
		"set AWS_PROFILE, or sign in, with aws sso login for example, until 'aws sts get-caller-identity' answers", root.Execute())
}

// What AWS, or nobody, answers is followed by what to do next.
func TestAdvised(t *testing.T) {
	unsent := fmt.Errorf("list the runs: %w", &smithyhttp.RequestSendError{Err: errors.New("connection refused")})
	for want, err := range map[string]error{
		"list the runs: request send failed, connection refused\nnothing answers there: check the Region, --endpoint and AWS_ENDPOINT_URL; " +
			"a sandbox has to be up (./scripts/sandbox up)": unsent,
		"api error ExpiredToken: too late\nAWS does not take these credentials (any more): sign in again, until 'aws sts get-caller-identity' answers": &smithy.GenericAPIError{Code: "ExpiredToken", Message: "too late"},
		"api error AccessDenied: not you":       &smithy.GenericAPIError{Code: "AccessDenied", Message: "not you"},
		"request send failed, context canceled": &smithyhttp.RequestSendError{Err: context.Canceled},
		"something else":                        errors.New("something else"),
	} {
		wants(t, "the error", want, advised(err))
	}
}

func TestConfirm(t *testing.T) {
	for answer, want := range map[string]string{"yes\n": "", " yes \r\n": "", "yes": "", "y\n": "nothing was done", "no\n": "nothing was done", "": "nothing was done", "\n": "nothing was done"} {
		var out bytes.Buffer
		err := confirm(strings.NewReader(answer), &out, true)
		if got := fmt.Sprint(err); err == nil && want != "" || err != nil && got != want {
			t.Errorf("%q: %v, want %q", answer, err, want)
		}
		wants(t, "the question", "Put it back? Type yes: ", out.String())
	}
}

func TestNameOf(t *testing.T) {
	for arn, want := range map[string]string{
		"arn:aws:sts::111122223333:assumed-role/Admin/olga": "olga (role Admin)",
		"arn:aws:iam::111122223333:user/team/olga":          "olga",
		"arn:aws:iam::111122223333:root":                    "root",
		"arn:aws:sts::111122223333:federated-user/olga":     "olga",
	} {
		if got := nameOf(arn); got != want {
			t.Errorf("%s: %q, want %q", arn, got, want)
		}
	}
}
