package s3publicpolicy_test

import (
	"context"
	"encoding/json"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3control"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/knowledge/policy"
	"github.com/countermand/countermand/remediations/modules/s3publicpolicy"
	"github.com/countermand/countermand/remediations/moduletest"
)

// stored is a bucket's policy behind an AWS configuration, with a list of the writes. Nothing is blocked.
type stored struct {
	policy *string
	block  string // error code of what asks for the bucket's block
	writes []string
}

func (s *stored) run() *remediations.Run {
	answer := func(in any) (any, error) {
		switch in := in.(type) {
		case *s3.GetBucketPolicyInput:
			if s.policy == nil {
				return nil, moduletest.Error("NoSuchBucketPolicy")
			}
			return &s3.GetBucketPolicyOutput{Policy: s.policy}, nil
		case *s3.PutBucketPolicyInput:
			s.policy, s.writes = in.Policy, append(s.writes, *in.Policy)
			return &s3.PutBucketPolicyOutput{}, nil
		case *s3.DeleteBucketPolicyInput:
			s.policy, s.writes = nil, append(s.writes, "")
			return &s3.DeleteBucketPolicyOutput{}, nil
		case *s3.GetPublicAccessBlockInput:
			if s.block != "" {
				return nil, moduletest.Error(s.block)
			}
			return nil, moduletest.Error("NoSuchPublicAccessBlockConfiguration")
		case *s3control.GetPublicAccessBlockInput:
			return nil, moduletest.Error("NoSuchPublicAccessBlockConfiguration")
		}
		return nil, errors.New("unexpected call")
	}
	return &remediations.Run{AWS: moduletest.Config("eu-central-1", answer)}
}

// find is what the guard finds about a bucket with a policy.
func find(t *testing.T, text string) *remediations.Finding {
	t.Helper()
	found, err := s3publicpolicy.Module.Guard(t.Context(), (&stored{policy: &text}).run(),
		remediations.Resource{ID: bucket, Type: "AWS::S3::Bucket", Account: account, Region: "eu-central-1"})
	if err != nil || found == nil {
		t.Fatalf("the guard found %v, %v", found, err)
	}
	return found
}

func TestFinding(t *testing.T) {
	text := policyOf(readers, anyone)
	found := find(t, text)
	if want := `the bucket policy is public: statement 2 ("Web") allows s3:GetObject to anyone: its principal is *`; found.Reason != want {
		t.Errorf("reason is %s\nwant %s", found.Reason, want)
	}
	var before, after string
	if err := errors.Join(json.Unmarshal(found.Before, &before), json.Unmarshal(found.After, &after)); err != nil {
		t.Fatal(err)
	}
	if before != text || after != policyOf(readers) {
		t.Errorf("before is %s\nafter is %s", before, after)
	}
	beside := strings.Replace(anyone, `"*"`, `{"AWS":["*","arn:aws:iam::444455556666:root"]}`, 1)
	if err := json.Unmarshal(find(t, policyOf(beside)).After, &after); err != nil || after != policyOf(strings.Replace(beside, `"*",`, "", 1)) {
		t.Errorf("%v; after is %s", err, after)
	}
	if only := find(t, policyOf(anyone)); string(only.After) != "null" {
		t.Errorf("with nothing left after is %s", only.After)
	}
	if found.AlertOnly {
		t.Error("people are only told")
	}
	if told := find(t, policyOf(future)); !told.AlertOnly || !strings.Contains(told.Reason, `"Robot"`) || told.Fix != "" {
		t.Errorf("what is unclear leads to %+v", told)
	}
}

// Whoever writes the policy can't push out of sight what is left alone: it comes first, and all is bounded.
func TestReasonIsBounded(t *testing.T) {
	long := strings.Repeat("x", 300)
	fill := strings.NewReplacer("@", long)
	var list []string
	for range 16 {
		list = append(list, fill.Replace(`{"Sid":"@","Effect":"Allow","Principal":{"CanonicalUser":"@*"},"NotAction":["s3:1@","s3:2@","s3:3@","s3:4@"],"Resource":"*",`+
			`"Condition":{"ForAllValues:StringNotEqualsIgnoreCaseIfExists":{"s3:1@":"@","s3:2@":"@","s3:3@":"@","s3:4@":"@"}}}`))
	}
	for range 12 {
		list = append(list, fill.Replace(`{"Sid":"@","Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*","Condition":{"StringNotEqualsIgnoreCaseIfExists@":{"@":[null]}}}`))
	}
	found := find(t, policyOf(list...))
	if len(found.Reason) > 4000 {
		t.Errorf("the reason has %d bytes", len(found.Reason))
	}
	const first = `left alone is what may be public too: statement 17 ("xxx`
	if !strings.HasPrefix(found.Reason, first) {
		t.Errorf("reason is %s\nwant %s first", found.Reason, first)
	}
	unclear, public, _ := strings.Cut(found.Reason, "; the bucket policy is public: ")
	if !strings.HasSuffix(unclear, "; and 8 more") || !strings.HasSuffix(public, "; and 12 more") {
		t.Errorf("reason is %s", found.Reason)
	}
	if told := find(t, policyOf(list[16:]...)); !strings.HasSuffix(told.Reason, "; and 8 more") || len(told.Reason) > 2000 {
		t.Errorf("what is unclear leads to %s", told.Reason)
	}
}

// Who was deleted is left out of all that is put, as S3 takes no policy that names them.
func TestDeleted(t *testing.T) {
	gone := strings.Replace(readers, `"arn:aws:iam::444455556666:root"`, `"AROAEXAMPLEEXAMPLE123"`, 1)
	found := find(t, policyOf(gone, readers, anyone))
	var before, after string
	if err := errors.Join(json.Unmarshal(found.Before, &before), json.Unmarshal(found.After, &after)); err != nil {
		t.Fatal(err)
	}
	if before != policyOf(readers, anyone) || after != policyOf(readers) {
		t.Errorf("before is %s\nafter is %s", before, after)
	}
	const why = `; S3 takes no policy that names who was deleted, so that is left out, too: statement 1 ("Readers") names AROAEXAMPLEEXAMPLE123, which was deleted`
	if !strings.HasSuffix(found.Reason, why) {
		t.Errorf("reason is %s", found.Reason)
	}
}

// A bucket that is deleted while we look has nothing wrong with it.
func TestBucketDeletedMeanwhile(t *testing.T) {
	s := &stored{policy: aws.String(policyOf(anyone)), block: "NoSuchBucket"}
	found, err := s3publicpolicy.Module.Guard(t.Context(), s.run(), remediations.Resource{ID: bucket, Type: "AWS::S3::Bucket", Account: account, Region: "eu-central-1"})
	if found != nil || err != nil {
		t.Errorf("the guard found %v, %v", found, err)
	}
}

func TestCommands(t *testing.T) {
	found := find(t, `{"Statement":[`+anyone+`]}`)
	const where = ` --bucket 'quarterly-reports' --expected-bucket-owner '111122223333' --region 'eu-central-1'`
	if want := "aws s3api delete-bucket-policy" + where; found.Fix != want {
		t.Errorf("fix is\n%s, want\n%s", found.Fix, want)
	}
	if want := "aws s3api put-bucket-policy" + where + ` --policy '{"Statement":[` + anyone + `]}'`; found.Revert != want {
		t.Errorf("revert is\n%s, want\n%s", found.Revert, want)
	}
}

// A shell hands the policy to the AWS CLI as it is, whatever is in it.
func TestCommandsInShell(t *testing.T) {
	odd := "{\n\t\"Id\": \"it's $HOME `id` \\\" \\\\ ! é \u202e\U0001F600 \u007f \u009b\",\n\t\"Statement\": [" + readers + ",\n" + anyone + "]}"
	found := find(t, odd)
	rest := strings.Replace(odd, ",\n"+anyone, "", 1)
	for command, want := range map[string]string{found.Fix: rest, found.Revert: odd} {
		if strings.ContainsFunc(command, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("not one line of printable ASCII: %q", command)
		}
		out, err := exec.Command("sh", "-c", `aws() { while [ $# -gt 1 ]; do shift; done; printf %s "$1"; }; `+command).Output()
		if err != nil {
			t.Fatal(err)
		}
		if !policy.Equal(out, []byte(want)) {
			t.Errorf("the shell makes it\n%s, want\n%s", out, want)
		}
	}
}

// An action that was carried out already changes nothing, and white space is nobody's change.
func TestActionIsIdempotent(t *testing.T) {
	for _, test := range []struct {
		text, rest string // what remains, as S3 may write it; empty for none
	}{
		{policyOf(readers, anyone), compact(t, policyOf(readers))},
		{policyOf(anyone), ""},
	} {
		found := find(t, test.text)
		s := &stored{policy: aws.String(compact(t, test.text))}
		if err := s3publicpolicy.Module.Action(t.Context(), s.run(), found); err != nil || len(s.writes) != 1 {
			t.Fatalf("action returned %v and wrote %q", err, s.writes)
		}
		if test.rest != "" {
			s.policy = &test.rest
		}
		if err := s3publicpolicy.Module.Action(t.Context(), s.run(), found); err != nil || len(s.writes) != 2 || s.writes[0] != s.writes[1] {
			t.Errorf("the second time action returned %v, and all it wrote is %q", err, s.writes)
		}
		if err := s3publicpolicy.Module.Undo(t.Context(), s.run(), found); err != nil || aws.ToString(s.policy) != test.text {
			t.Errorf("undo returned %v and left %s", err, aws.ToString(s.policy))
		}
	}
}

// A record that does not hold the states leads to no write.
func TestDamagedFinding(t *testing.T) {
	for _, damage := range []func(*remediations.Finding){
		func(f *remediations.Finding) { f.Before = nil },
		func(f *remediations.Finding) { f.Before = json.RawMessage("null") },
		func(f *remediations.Finding) { f.After = nil },
		func(f *remediations.Finding) { f.After = json.RawMessage(`{}`) },
	} {
		found := find(t, policyOf(anyone))
		damage(found)
		for name, f := range map[string]func(context.Context, *remediations.Run, *remediations.Finding) error{
			"action": s3publicpolicy.Module.Action, "undo": s3publicpolicy.Module.Undo,
		} {
			s := &stored{policy: aws.String(policyOf(anyone))}
			if err := f(t.Context(), s.run(), found); err == nil || len(s.writes) > 0 {
				t.Errorf("%s of before %s and after %s returned %v and wrote %q", name, found.Before, found.After, err, s.writes)
			}
		}
	}
}

func compact(t *testing.T, text string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
