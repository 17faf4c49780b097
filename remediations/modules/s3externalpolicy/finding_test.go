package s3externalpolicy_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/modules/s3externalpolicy"
	"github.com/countermand/countermand/remediations/moduletest"
)

// find is what the guard finds about a bucket with a policy, and no event.
func find(t *testing.T, text string, settings s3externalpolicy.Settings) *remediations.Finding {
	t.Helper()
	return findWith(t, text, "NoSuchPublicAccessBlockConfiguration", settings)
}

// findWith is what it finds if S3 answers with an error code about Block Public Access.
func findWith(t *testing.T, text, block string, settings s3externalpolicy.Settings) *remediations.Finding {
	t.Helper()
	answer := func(in any) (any, error) {
		if _, ok := in.(*s3.GetBucketPolicyInput); ok {
			return &s3.GetBucketPolicyOutput{Policy: aws.String(text)}, nil
		}
		if _, ok := in.(*s3.GetPublicAccessBlockInput); ok {
			return nil, moduletest.Error(block)
		}
		return nil, moduletest.Error("NoSuchPublicAccessBlockConfiguration")
	}
	found, err := s3externalpolicy.Module.Guard(t.Context(), &remediations.Run{AWS: moduletest.Config("eu-central-1", answer), Settings: settings},
		remediations.Resource{ID: bucket, Type: "AWS::S3::Bucket", Account: account, Region: "eu-central-1"})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestFinding(t *testing.T) {
	for _, test := range []struct {
		name, text, reason string
		after              *string // nil: none; the text itself: people are only told
	}{
		{"a statement", policyOf(own, outside), `the bucket policy lets in those who are not trusted: statement 2 ("Outside") allows s3:GetObject to those who are not trusted: AWS arn:aws:iam::999988887777:root`, aws.String(policyOf(own))},
		{"a principal", policyOf(mixed), `the bucket policy lets in those who are not trusted: statement 1 ("Mixed") allows s3:GetObject to those who are not trusted: AWS arn:aws:iam::999988887777:user/eve`, aws.String(policyOf(trimmed))},
		{"all", policyOf(outside), `the bucket policy lets in those who are not trusted: statement 1 ("Outside") allows s3:GetObject to those who are not trusted: AWS arn:aws:iam::999988887777:root`, nil},
		{"a network", policyOf(inVPC), `it can't be told whom the bucket policy lets in: statement 1 ("VPC") can't be judged: it can't be told whose aws:SourceVpce "vpce-1a2b3c4d" is`, aws.String(policyOf(inVPC))},
		{"both", policyOf(inVPC, outside), `left alone is what can't be judged: statement 1 ("VPC") can't be judged: it can't be told whose aws:SourceVpce "vpce-1a2b3c4d" is; the bucket policy lets in those who are not trusted: statement 2 ("Outside") allows s3:GetObject to those who are not trusted: AWS arn:aws:iam::999988887777:root`, aws.String(policyOf(inVPC))},
	} {
		found := find(t, test.text, s3externalpolicy.Settings{})
		if found == nil {
			t.Fatalf("%s: nothing was found", test.name)
		}
		var before string
		var after *string
		if json.Unmarshal(found.Before, &before) != nil || json.Unmarshal(found.After, &after) != nil || before != test.text || aws.ToString(after) != aws.ToString(test.after) {
			t.Errorf("%s: before %s\nafter %s", test.name, found.Before, found.After)
		}
		if found.Reason != test.reason {
			t.Errorf("%s: reason is\n%s, want\n%s", test.name, found.Reason, test.reason)
		}
		only := aws.ToString(test.after) == test.text
		if found.AlertOnly != only || (found.Fix == "") != only || (found.Revert == "") != only {
			t.Errorf("%s: alert only %t, fix %q, revert %q", test.name, found.AlertOnly, found.Fix, found.Revert)
		}
	}
}

// A bucket that is deleted while we look has nothing wrong with it.
func TestBucketDeletedMeanwhile(t *testing.T) {
	if found := findWith(t, policyOf(anyone, outside), "NoSuchBucket", s3externalpolicy.Settings{}); found != nil {
		t.Errorf("the guard found %s", found.Reason)
	}
}

// What S3 says is public counts, if it says so.
func TestPolicyStatus(t *testing.T) {
	on, off := true, false
	for _, test := range []struct {
		name         string
		status       *types.PolicyStatus
		code         string
		found, wrong bool
	}{
		{"public", &types.PolicyStatus{IsPublic: &on}, "", false, false},
		{"not public", &types.PolicyStatus{IsPublic: &off}, "", true, false},
		{"the policy is gone", nil, "NoSuchBucketPolicy", false, false},
		{"the bucket is gone", nil, "NoSuchBucket", false, false},
		{"no right", nil, "AccessDenied", false, true},
		{"no status", nil, "", false, true},
		{"an empty status", &types.PolicyStatus{}, "", false, true},
	} {
		answer := func(in any) (any, error) {
			switch in.(type) {
			case *s3.GetBucketPolicyInput:
				return &s3.GetBucketPolicyOutput{Policy: aws.String(policyOf(anyone, outside))}, nil
			case *s3.GetPublicAccessBlockInput:
				return &s3.GetPublicAccessBlockOutput{PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{RestrictPublicBuckets: &on}}, nil
			case *s3.GetBucketPolicyStatusInput:
				if test.code != "" {
					return nil, moduletest.Error(test.code)
				}
				return &s3.GetBucketPolicyStatusOutput{PolicyStatus: test.status}, nil
			}
			return nil, moduletest.Error("NoSuchPublicAccessBlockConfiguration")
		}
		run := &remediations.Run{AWS: moduletest.Config("eu-central-1", answer), Settings: s3externalpolicy.Settings{}}
		found, err := s3externalpolicy.Module.Guard(t.Context(), run, remediations.Resource{ID: bucket, Type: "AWS::S3::Bucket", Account: account, Region: "eu-central-1"})
		if (found != nil) != test.found || (err != nil) != test.wrong {
			t.Errorf("%s: the guard found %v, %v", test.name, found, err)
		}
	}
}

// Who was deleted is left out of all that is put, as S3 takes no policy that names them.
func TestDeleted(t *testing.T) {
	found := find(t, policyOf(gone, own, outside), s3externalpolicy.Settings{})
	var before, after string
	if err := errors.Join(json.Unmarshal(found.Before, &before), json.Unmarshal(found.After, &after)); err != nil {
		t.Fatal(err)
	}
	if before != policyOf(own, outside) || after != policyOf(own) {
		t.Errorf("before is %s\nafter is %s", before, after)
	}
	const why = `; S3 takes no policy that names who was deleted, so that is left out, too: statement 1 ("Gone") names AROAEXAMPLEEXAMPLE123, which was deleted`
	if !strings.HasSuffix(found.Reason, why) || found.AlertOnly {
		t.Errorf("reason is %s", found.Reason)
	}
}

func TestCommands(t *testing.T) {
	found := find(t, `{"Statement":[`+mixed+`]}`, s3externalpolicy.Settings{})
	const put = `aws s3api put-bucket-policy --bucket 'quarterly-reports' --expected-bucket-owner '111122223333' --region 'eu-central-1' --policy `
	if want := put + `'{"Statement":[` + trimmed + `]}'`; found.Fix != want {
		t.Errorf("fix is\n%s, want\n%s", found.Fix, want)
	}
	if want := put + `'{"Statement":[` + strings.Replace(mixed, `", "`, `","`, 1) + `]}'`; found.Revert != want {
		t.Errorf("revert is\n%s, want\n%s", found.Revert, want)
	}
}

func TestSettings(t *testing.T) {
	for _, test := range []struct {
		settings string
		wrong    bool   // whether they are refused
		left     string // what they leave of a policy; "" for nothing found
	}{
		{`{}`, false, policyOf(own)},
		{`{"trustedAccounts":["444455556666"]}`, false, policyOf(own, partner)},
		{`{"trustedOrganization":"o-a1b2c3d4e5"}`, false, policyOf(own, inOrg)},
		{`{"trustedAccounts":["444455556666"],"trustedOrganization":"o-a1b2c3d4e5"}`, false, ""},
		{`{"trustedAccounts":["999988887777"],"trustedOrganization":"o-zzzzzzzzzz"}`, false, policyOf(own)},
		{`{"trustedOrganization":"ours"}`, true, ""},
		{`{"trustedAccounts":["4444"]}`, true, ""},
	} {
		settings, err := s3externalpolicy.Module.ParseSettings([]byte(test.settings))
		if (err != nil) != test.wrong {
			t.Errorf("%s: %v", test.settings, err)
		}
		if err != nil {
			continue
		}
		left := ""
		if found := find(t, policyOf(own, partner, inOrg), settings.(s3externalpolicy.Settings)); found != nil {
			if err := json.Unmarshal(found.After, &left); err != nil {
				t.Fatal(err)
			}
		}
		if left != test.left {
			t.Errorf("%s leaves\n%s, want\n%s", test.settings, left, test.left)
		}
	}
}

func TestSuspects(t *testing.T) {
	mine := []remediations.Resource{{ID: bucket, Type: "AWS::S3::Bucket", Account: account, Region: "eu-central-1"}}
	const block = `{"bucketName":"quarterly-reports","PublicAccessBlockConfiguration":{"RestrictPublicBuckets":%t,"BlockPublicPolicy":true}}`
	for _, test := range []struct {
		name, event, parameters string
		want                    []remediations.Resource
	}{
		{"another account", "PutBucketPolicy", putParameters(policyOf(outside)), mine},
		{"a partner, who may be trusted", "PutBucketPolicy", putParameters(policyOf(partner)), mine},
		{"an organization, which may be trusted", "PutBucketPolicy", putParameters(policyOf(inOrg)), mine},
		{"a network", "PutBucketPolicy", putParameters(policyOf(inVPC)), mine},
		{"the own account", "PutBucketPolicy", putParameters(policyOf(own, logs, noTLS)), nil},
		{"the own account, as text", "PutBucketPolicy", putParameters(quoted(policyOf(own))), nil},
		{"who may be anybody's, by an id", "PutBucketPolicy", putParameters(policyOf(gone)), mine},
		{"public", "PutBucketPolicy", putParameters(policyOf(anyone)), nil},
		{"an empty policy", "PutBucketPolicy", putParameters(`{}`), mine},
		{"no policy", "PutBucketPolicy", `{"bucketName":"quarterly-reports"}`, mine},
		{"policies restricted", "PutBucketPublicAccessBlock", fmt.Sprintf(block, true), nil},
		{"policies only refused", "PutBucketPublicAccessBlock", fmt.Sprintf(block, false), mine},
		{"a block removed", "DeleteBucketPublicAccessBlock", `{"bucketName":"quarterly-reports"}`, mine},
	} {
		event, err := events.Parse(record(t, 9, test.event, test.parameters))
		if err != nil {
			t.Fatal(err)
		}
		got, err := s3externalpolicy.Module.Suspects(event)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(test.want) {
			t.Errorf("%s: suspects are %v, %v; want %v", test.name, got, err, test.want)
		}
		foreign := event
		foreign.Account = "999988887777"
		if got, err := s3externalpolicy.Module.Suspects(foreign); err != nil || len(got) > 0 {
			t.Errorf("%s: of another account's bucket suspects are %v, %v", test.name, got, err)
		}
		for _, cut := range []func(*events.Event){func(e *events.Event) { e.Account = "" }, func(e *events.Event) { e.Region = "" }} {
			nowhere := event
			cut(&nowhere)
			if got, err := s3externalpolicy.Module.Suspects(nowhere); err == nil {
				t.Errorf("%s: without a place suspects are %v", test.name, got)
			}
		}
	}
}
