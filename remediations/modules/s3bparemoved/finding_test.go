package s3bparemoved_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	controltypes "github.com/aws/aws-sdk-go-v2/service/s3control/types"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/modules/s3bparemoved"
	"github.com/countermand/countermand/remediations/moduletest"
)

var (
	theBucket  = remediations.Resource{ID: bucket, Type: "AWS::S3::Bucket", Account: account, Region: "eu-central-1"}
	theAccount = remediations.Resource{ID: account, Type: "AWS::S3::AccountPublicAccessBlock", Account: account, Region: "eu-central-1"}
)

// answers is an AWS configuration that answers the two reads, with a list of the calls that write.
type answers struct {
	bucket  error // nil is an answer that holds nothing
	account func() (*s3control.GetPublicAccessBlockOutput, error)
	writes  []any
}

func (a *answers) run() *remediations.Run {
	answer := func(in any) (any, error) {
		switch in.(type) {
		case *s3.GetPublicAccessBlockInput:
			return &s3.GetPublicAccessBlockOutput{}, a.bucket
		case *s3control.GetPublicAccessBlockInput:
			return a.account()
		}
		a.writes = append(a.writes, in)
		return nil, errors.New("a write")
	}
	return &remediations.Run{AWS: moduletest.Config("eu-central-1", answer)}
}

var unset = moduletest.Error("NoSuchPublicAccessBlockConfiguration")

// having is a bucket without settings, in an account with some; nil for none.
func having(b *block) *answers {
	return &answers{bucket: unset, account: func() (*s3control.GetPublicAccessBlockOutput, error) {
		if b == nil {
			return nil, unset
		}
		return &s3control.GetPublicAccessBlockOutput{PublicAccessBlockConfiguration: &controltypes.PublicAccessBlockConfiguration{
			BlockPublicAcls: &b[0], IgnorePublicAcls: &b[1], BlockPublicPolicy: &b[2], RestrictPublicBuckets: &b[3],
		}}, nil
	}}
}

const allOn = `{"BlockPublicAcls":true,"IgnorePublicAcls":true,"BlockPublicPolicy":true,"RestrictPublicBuckets":true}`

func TestFinding(t *testing.T) {
	const (
		on         = " --public-access-block-configuration BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true"
		ofBucket   = " --bucket 'tax-returns' --expected-bucket-owner '111122223333' --region 'eu-central-1'"
		ofAccount  = " --account-id '111122223333' --region 'eu-central-1'"
		everything = "BlockPublicAcls, IgnorePublicAcls, BlockPublicPolicy and RestrictPublicBuckets are off"
	)
	for _, c := range []struct {
		resource                    remediations.Resource
		accounts                    *block
		reason, before, fix, revert string
	}{
		{theBucket, nil, everything + " for the bucket and for its account", `null`,
			"aws s3api put-public-access-block" + ofBucket + on, "aws s3api delete-public-access-block" + ofBucket},
		{theBucket, acls, "BlockPublicPolicy and RestrictPublicBuckets are off for the bucket and for its account", `null`,
			"aws s3api put-public-access-block" + ofBucket + on, "aws s3api delete-public-access-block" + ofBucket},
		{theAccount, nil, everything + " for the account", `null`,
			"aws s3control put-public-access-block" + ofAccount + on, "aws s3control delete-public-access-block" + ofAccount},
		{theAccount, allBut3, "BlockPublicPolicy is off for the account",
			`{"BlockPublicAcls":true,"IgnorePublicAcls":true,"BlockPublicPolicy":false,"RestrictPublicBuckets":true}`,
			"aws s3control put-public-access-block" + ofAccount + on, "aws s3control put-public-access-block" + ofAccount +
				" --public-access-block-configuration BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=false,RestrictPublicBuckets=true"},
	} {
		found, err := s3bparemoved.Module.Guard(t.Context(), having(c.accounts).run(), c.resource)
		if err != nil || found == nil {
			t.Fatalf("the guard found %v, %v", found, err)
		}
		if want := "Block Public Access is not all on: " + c.reason; found.Reason != want {
			t.Errorf("reason is %s\nwant %s", found.Reason, want)
		}
		if string(found.Before) != c.before || string(found.After) != allOn || found.AlertOnly {
			t.Errorf("before is %s, want %s; after is %s; only told: %t", found.Before, c.before, found.After, found.AlertOnly)
		}
		if found.Fix != c.fix || found.Revert != c.revert {
			t.Errorf("fix is\n%s, want\n%s\nrevert is\n%s, want\n%s", found.Fix, c.fix, found.Revert, c.revert)
		}
	}
}

// Each setting counts, whichever of the two has it.
func TestEverySettingCounts(t *testing.T) {
	for i := range all {
		b := *all
		b[i] = false
		for _, r := range []remediations.Resource{theBucket, theAccount} {
			if found, err := s3bparemoved.Module.Guard(t.Context(), having(&b).run(), r); err != nil || found == nil {
				t.Errorf("%s with %v: the guard found %v, %v", r, b, found, err)
			}
		}
	}
}

// An answer that holds nothing, and a refusal, are no settings that are off.
func TestGuardOfGarbage(t *testing.T) {
	hollow := having(none)
	hollow.bucket = nil
	hollowAccount := &answers{bucket: unset, account: func() (*s3control.GetPublicAccessBlockOutput, error) {
		return &s3control.GetPublicAccessBlockOutput{}, nil
	}}
	denied := having(none)
	denied.bucket = moduletest.Error("AccessDenied")
	for name, c := range map[string]struct {
		a *answers
		r remediations.Resource
	}{
		"the bucket's": {hollow, theBucket}, "its account's": {hollowAccount, theBucket}, "the account's": {hollowAccount, theAccount},
		"a refusal": {denied, theBucket},
	} {
		if found, err := s3bparemoved.Module.Guard(t.Context(), c.a.run(), c.r); err == nil {
			t.Errorf("%s: the guard found %v, want an error", name, found)
		}
	}
}

// A bucket that is gone can't be what the action left.
func TestUndoOfWhatIsGone(t *testing.T) {
	a := having(nil)
	a.bucket = moduletest.Error("NoSuchBucket")
	var changed *remediations.ChangedError
	err := s3bparemoved.Module.Undo(t.Context(), a.run(), &remediations.Finding{Resource: theBucket, Before: json.RawMessage(`null`), After: json.RawMessage(allOn)})
	if !errors.As(err, &changed) || string(changed.Present) != `null` || len(a.writes) > 0 {
		t.Errorf("undo returned %v and wrote %v", err, a.writes)
	}
}

// A record that does not hold the states leads to no write.
func TestDamagedFinding(t *testing.T) {
	for _, r := range []remediations.Resource{theBucket, theAccount} {
		for _, c := range []struct{ before, after string }{{``, allOn}, {`null`, ``}, {`null`, `null`}, {`null`, `{}`}, {`[]`, allOn}} {
			found := &remediations.Finding{Resource: r, Before: json.RawMessage(c.before), After: json.RawMessage(c.after)}
			for name, f := range map[string]func(context.Context, *remediations.Run, *remediations.Finding) error{
				"action": s3bparemoved.Module.Action, "undo": s3bparemoved.Module.Undo,
			} {
				a := having(all)
				if err := f(t.Context(), a.run(), found); err == nil || len(a.writes) > 0 {
					t.Errorf("%s of %s from %q to %q returned %v and wrote %s", name, r, c.before, c.after, err, fmt.Sprint(a.writes))
				}
			}
		}
	}
}
