package s3publicacl_test

import (
	"context"
	"encoding/json"
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/s3control"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/modules/s3publicacl"
	"github.com/countermand/countermand/remediations/moduletest"
)

var place = remediations.Resource{ID: bucket, Type: "AWS::S3::Bucket", Account: account, Region: "eu-central-1"}

// stored is a bucket's ACL behind an AWS configuration, with a list of the writes. Nothing keeps it from taking effect.
type stored struct {
	owner  *types.Owner
	grants []types.Grant
	codes  map[string]string // error codes, by operation
	hollow string            // an operation whose answer holds nothing
	writes []*types.AccessControlPolicy
}

func holding(grants ...types.Grant) *stored {
	return &stored{owner: &types.Owner{ID: aws.String(me)}, grants: grants}
}

func (s *stored) run() *remediations.Run {
	missing := func(operation, code string) error {
		if own, ok := s.codes[operation]; ok {
			code = own
		}
		if s.hollow == operation {
			return nil
		}
		return moduletest.Error(code)
	}
	answer := func(in any) (any, error) {
		switch in := in.(type) {
		case *s3.GetBucketAclInput:
			if code, ok := s.codes["acl"]; ok {
				return nil, moduletest.Error(code)
			}
			return &s3.GetBucketAclOutput{Owner: s.owner, Grants: s.grants}, nil
		case *s3.PutBucketAclInput:
			s.grants, s.writes = in.AccessControlPolicy.Grants, append(s.writes, in.AccessControlPolicy)
			return &s3.PutBucketAclOutput{}, nil
		case *s3.GetBucketOwnershipControlsInput:
			return &s3.GetBucketOwnershipControlsOutput{}, missing("ownership", "OwnershipControlsNotFoundError")
		case *s3.GetPublicAccessBlockInput:
			return &s3.GetPublicAccessBlockOutput{}, missing("block", "NoSuchPublicAccessBlockConfiguration")
		case *s3control.GetPublicAccessBlockInput:
			return &s3control.GetPublicAccessBlockOutput{}, missing("account", "NoSuchPublicAccessBlockConfiguration")
		}
		return nil, errors.New("unexpected call")
	}
	return &remediations.Run{AWS: moduletest.Config("eu-central-1", answer)}
}

// find is what the guard finds about a bucket with grants.
func find(t *testing.T, grants ...types.Grant) *remediations.Finding {
	t.Helper()
	found, err := s3publicacl.Module.Guard(t.Context(), holding(grants...).run(), place)
	if err != nil || found == nil {
		t.Fatalf("the guard found %v, %v", found, err)
	}
	return found
}

func TestFinding(t *testing.T) {
	found := find(t, mine, writers, partners, anyone, signedIn)
	const reason = "the bucket ACL is public: READ for anyone (AllUsers), READ_ACP for anyone who has an AWS account (AuthenticatedUsers), WRITE for anyone (AllUsers)"
	if found.Reason != reason {
		t.Errorf("reason is %s\nwant %s", found.Reason, reason)
	}
	const rest = `{"Owner":{"ID":"` + me + `"},"Grants":[{"Grantee":{"Type":"CanonicalUser","ID":"` + me + `"},"Permission":"FULL_CONTROL"},{"Grantee":{"Type":"CanonicalUser","ID":"` + partner + `"},"Permission":"READ"}]}`
	if string(found.After) != rest {
		t.Errorf("after is %s\nwant %s", found.After, rest)
	}
	if found.AlertOnly {
		t.Error("people are only told")
	}
	if only := find(t, anyone); string(only.After) != `{"Owner":{"ID":"`+me+`"},"Grants":[]}` {
		t.Errorf("with nothing left after is %s", only.After)
	}
}

// A shell hands the ACL to the AWS CLI as it is.
func TestCommands(t *testing.T) {
	found := find(t, mine, anyone)
	const start = "aws s3api put-bucket-acl --bucket 'holiday-pictures' --expected-bucket-owner '111122223333' --region 'eu-central-1' --access-control-policy '"
	for command, want := range map[string]json.RawMessage{found.Fix: found.After, found.Revert: found.Before} {
		if !strings.HasPrefix(command, start) {
			t.Errorf("command is %s", command)
		}
		out, err := exec.Command("sh", "-c", `aws() { while [ $# -gt 1 ]; do shift; done; printf %s "$1"; }; `+command).Output()
		if err != nil || string(out) != string(want) {
			t.Errorf("the shell makes it %s, %v\nwant %s", out, err, want)
		}
	}
}

// An action that was carried out already changes nothing, and S3 may list the grants in an order of its own.
func TestActionIsIdempotent(t *testing.T) {
	found := find(t, mine, anyone, partners)
	s := holding(mine, anyone, partners)
	for range 2 {
		if err := s3publicacl.Module.Action(t.Context(), s.run(), found); err != nil || len(s.grants) != 2 {
			t.Fatalf("action returned %v and left %d grants", err, len(s.grants))
		}
	}
	slices.Reverse(s.grants)
	if err := s3publicacl.Module.Undo(t.Context(), s.run(), found); err != nil || len(s.grants) != 3 {
		t.Errorf("undo returned %v and left %d grants", err, len(s.grants))
	}
}

// An empty list of grants is sent as a list: S3 takes an ACL without one for malformed.
func TestNothingLeft(t *testing.T) {
	s := holding(anyone)
	if err := s3publicacl.Module.Action(t.Context(), s.run(), find(t, anyone)); err != nil || s.writes[0].Grants == nil || len(s.writes[0].Grants) != 0 {
		t.Errorf("action returned %v and put %+v", err, s.writes)
	}
}

func TestUndoRefuses(t *testing.T) {
	found := find(t, mine, anyone)
	other := holding(mine)
	other.owner = &types.Owner{ID: aws.String(partner)}
	gone := holding(mine)
	gone.codes = map[string]string{"acl": "NoSuchBucket"}
	for name, c := range map[string]struct {
		s       *stored
		present string
	}{
		"one more grant": {holding(mine, partners), `{"Owner":{"ID":"` + me + `"},"Grants":[{"Grantee":{"Type":"CanonicalUser","ID":"` + me + `"},"Permission":"FULL_CONTROL"},{"Grantee":{"Type":"CanonicalUser","ID":"` + partner + `"},"Permission":"READ"}]}`},
		"another grant":  {holding(partners), `{"Owner":{"ID":"` + me + `"},"Grants":[{"Grantee":{"Type":"CanonicalUser","ID":"` + partner + `"},"Permission":"READ"}]}`},
		"no grant":       {holding(), `{"Owner":{"ID":"` + me + `"},"Grants":[]}`},
		"another owner":  {other, `{"Owner":{"ID":"` + partner + `"},"Grants":[{"Grantee":{"Type":"CanonicalUser","ID":"` + me + `"},"Permission":"FULL_CONTROL"}]}`},
		"gone":           {gone, `null`},
	} {
		var changed *remediations.ChangedError
		err := s3publicacl.Module.Undo(t.Context(), c.s.run(), found)
		if !errors.As(err, &changed) || string(changed.Present) != c.present || len(c.s.writes) > 0 {
			t.Errorf("%s: undo returned %v, wrote %d times and found %+v", name, err, len(c.s.writes), changed)
		}
	}
}

// What can't be put back as it is, and an answer that holds nothing, is an error.
func TestGuardOfGarbage(t *testing.T) {
	for name, g := range map[string]types.Grant{
		"no grantee":         {Permission: types.PermissionRead},
		"no permission":      to(partner, ""),
		"a user without id":  {Grantee: &types.Grantee{Type: types.TypeCanonicalUser}, Permission: types.PermissionRead},
		"a group without":    {Grantee: &types.Grantee{Type: types.TypeGroup}, Permission: types.PermissionRead},
		"a user with a URI":  {Grantee: &types.Grantee{Type: types.TypeCanonicalUser, ID: aws.String(me), URI: aws.String(logs)}, Permission: types.PermissionRead},
		"a group with an id": {Grantee: &types.Grantee{Type: types.TypeGroup, ID: aws.String(me), URI: aws.String(logs)}, Permission: types.PermissionRead},
		"a type of its own":  {Grantee: &types.Grantee{Type: "Robot", ID: aws.String(me)}, Permission: types.PermissionRead},
	} {
		if found, err := s3publicacl.Module.Guard(t.Context(), holding(mine, anyone, g).run(), place); err == nil {
			t.Errorf("%s: the guard found %v, want an error", name, found)
		}
	}
	for _, owner := range []*types.Owner{nil, {}, {ID: aws.String("")}} {
		if found, err := s3publicacl.Module.Guard(t.Context(), (&stored{owner: owner, grants: []types.Grant{anyone}}).run(), place); err == nil {
			t.Errorf("without an owner: the guard found %v, want an error", found)
		}
	}
	for _, operation := range []string{"ownership", "block", "account"} {
		s := holding(mine, anyone)
		s.hollow = operation
		if found, err := s3publicacl.Module.Guard(t.Context(), s.run(), place); err == nil {
			t.Errorf("%s: the guard found %v, want an error", operation, found)
		}
	}
}

// A bucket that is deleted while we look has nothing wrong with it.
func TestBucketDeletedMeanwhile(t *testing.T) {
	for _, operation := range []string{"acl", "ownership", "block"} {
		s := holding(mine, anyone)
		s.codes = map[string]string{operation: "NoSuchBucket"}
		if found, err := s3publicacl.Module.Guard(t.Context(), s.run(), place); found != nil || err != nil {
			t.Errorf("%s: the guard found %v, %v", operation, found, err)
		}
	}
}

// A record that does not hold the states leads to no write.
func TestDamagedFinding(t *testing.T) {
	for _, damage := range []func(*remediations.Finding){
		func(f *remediations.Finding) { f.Before = nil },
		func(f *remediations.Finding) { f.Before = json.RawMessage("null") },
		func(f *remediations.Finding) { f.After = json.RawMessage("null") },
		func(f *remediations.Finding) { f.After = json.RawMessage(`{}`) },
	} {
		found := find(t, mine, anyone)
		damage(found)
		for name, f := range map[string]func(context.Context, *remediations.Run, *remediations.Finding) error{
			"action": s3publicacl.Module.Action, "undo": s3publicacl.Module.Undo,
		} {
			s := holding(mine, anyone)
			if err := f(t.Context(), s.run(), found); err == nil || len(s.writes) > 0 {
				t.Errorf("%s of before %s and after %s returned %v and wrote %d times", name, found.Before, found.After, err, len(s.writes))
			}
		}
	}
}
