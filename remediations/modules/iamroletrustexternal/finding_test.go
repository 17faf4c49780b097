package iamroletrustexternal_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/modules/iamroletrustexternal"
	"github.com/countermand/countermand/remediations/moduletest"
)

var mine = remediations.Resource{ID: name, Type: "AWS::IAM::Role", Account: account, Region: "us-east-1"}

// answering is a run, without an event, in which IAM answers GetRole with a role, and takes every policy.
func answering(role *types.Role) *remediations.Run {
	return &remediations.Run{Account: account, Settings: iamroletrustexternal.Settings{}, AWS: moduletest.Config("us-east-1", func(in any) (any, error) {
		switch in := in.(type) {
		case *iam.GetRoleInput:
			return &iam.GetRoleOutput{Role: role}, nil
		case *iam.UpdateAssumeRolePolicyInput:
			role.AssumeRolePolicyDocument = in.PolicyDocument
			return &iam.UpdateAssumeRolePolicyOutput{}, nil
		}
		return nil, errors.New("unexpected call")
	})}
}

func roleWith(policy string) *types.Role {
	return &types.Role{RoleName: aws.String(name), Path: aws.String("/"), AssumeRolePolicyDocument: aws.String(url.PathEscape(policy))}
}

func find(t *testing.T, role *types.Role) *remediations.Finding {
	t.Helper()
	found, err := iamroletrustexternal.Module.Guard(t.Context(), answering(role), mine)
	if err != nil || found == nil {
		t.Fatalf("the guard found %v, %v", found, err)
	}
	return found
}

func TestFinding(t *testing.T) {
	const lets = "the role's trust policy lets in those who are not trusted: "
	const eve = `statement 1 ("Outside") allows sts:AssumeRole to those who are not trusted: AWS arn:aws:iam::999988887777:root`
	const beside = `{"Sid":"Beside","Effect":"Allow","Principal":{"AWS":["*","999988887777"],"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}`
	linked := roleWith(policyOf(outside))
	linked.Path = aws.String("/aws-service-role/example.amazonaws.com/")
	for _, test := range []struct {
		role                  *types.Role
		reason, before, after string
	}{
		{roleWith(policyOf(outside, own)), lets + eve, policyOf(outside, own), policyOf(own)},
		{roleWith(policyOf(outside)), lets + eve, policyOf(outside), nobody},
		{roleWith(policyOf(outside, anyone, ec2)), lets + `statement 2 ("Anyone") allows sts:AssumeRole to anyone: its principal is AWS *; ` + eve, policyOf(outside, anyone, ec2), policyOf(ec2)},
		{roleWith(policyOf(beside)), lets + `statement 1 ("Beside") allows sts:AssumeRole to anyone: its principal is AWS *; statement 1 ("Beside") allows sts:AssumeRole to those who are not trusted: AWS 999988887777`,
			policyOf(beside), policyOf(strings.Replace(beside, `"AWS":["*","999988887777"],`, "", 1))},
		{roleWith(policyOf(outside, inVPC)), `left alone is what can't be judged: statement 2 ("VPC") can't be judged: it can't be told whose aws:SourceVpc "vpc-1a2b3c4d" is; ` + lets + eve, policyOf(outside, inVPC), policyOf(inVPC)},
		{roleWith(policyOf(outside, gone, own)), lets + eve + `; IAM takes no policy that names who was deleted, so that is left out, too: statement 2 ("Gone") names AROAEXAMPLEEXAMPLE123, which was deleted`, policyOf(outside, own), policyOf(own)},
		{roleWith(policyOf(inVPC)), `it can't be told who may assume the role: statement 1 ("VPC") can't be judged: it can't be told whose aws:SourceVpc "vpc-1a2b3c4d" is`, policyOf(inVPC), policyOf(inVPC)},
		{roleWith(policyOf(future)), `it can't be told who may assume the role: statement 1 ("New") can't be judged: element "Principal": principals of type "Robot" are not known`, policyOf(future), policyOf(future)},
		{linked, `only the service that the role is for can change it; ` + lets + eve, policyOf(outside), policyOf(outside)},
	} {
		found := find(t, test.role)
		var before, after string
		if err := errors.Join(json.Unmarshal(found.Before, &before), json.Unmarshal(found.After, &after)); err != nil {
			t.Fatal(err)
		}
		if found.Reason != test.reason || before != test.before || after != test.after {
			t.Errorf("reason is %s\nwant      %s\nbefore is %s\nafter is %s", found.Reason, test.reason, before, after)
		}
		if only := before == after; found.AlertOnly != only || (found.Fix == "") != only || (found.Revert == "") != only {
			t.Errorf("%s: alert only %t, fix %q, revert %q", test.reason, found.AlertOnly, found.Fix, found.Revert)
		}
	}
}

// An answer about something else, or without a policy, is an error, and a policy that IAM writes another way is the same.
func TestAnswers(t *testing.T) {
	other, empty, broken := roleWith(policyOf(own)), roleWith(""), roleWith("")
	other.RoleName, broken.AssumeRolePolicyDocument = aws.String("another"), aws.String("%7")
	for what, role := range map[string]*types.Role{"no role": nil, "another role": other, "no policy": empty, "a policy in no code": broken} {
		if found, err := iamroletrustexternal.Module.Guard(t.Context(), answering(role), mine); err == nil {
			t.Errorf("%s: the guard found %v", what, found)
		}
	}
	for _, id := range []string{"", "a/b", "a b", "$(x)", strings.Repeat("x", 65)} {
		r := mine
		r.ID = id
		if _, err := iamroletrustexternal.Module.Guard(t.Context(), answering(roleWith(policyOf(own))), r); err == nil {
			t.Errorf("%q was taken for a role's name", id)
		}
	}
	plus := roleWith(strings.Replace(policyOf(outside, own), "Own", "a+b", 1))
	if found := find(t, plus); !strings.Contains(string(found.After), "a+b") {
		t.Errorf("a plus sign has become %s", found.After)
	}
}

func TestUndo(t *testing.T) {
	const two = `{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111122223333:role/a","arn:aws:iam::111122223333:role/b"]},"Action":"sts:AssumeRole"}`
	turned := strings.Replace(strings.Replace(strings.Replace(two, "role/a", "role/x", 1), "role/b", "role/a", 1), "role/x", "role/b", 1)
	found := find(t, roleWith(policyOf(outside, two)))
	for _, test := range []struct {
		name    string
		role    *types.Role
		refused bool
	}{
		{"as it was left, in another order", roleWith(`{"Statement":[` + turned + `],"Version":"2012-10-17"}`), false},
		{"changed since", roleWith(policyOf(own)), true},
	} {
		err := iamroletrustexternal.Module.Undo(t.Context(), answering(test.role), found)
		if errors.Is(err, remediations.ErrChanged) != test.refused || err != nil != test.refused {
			t.Errorf("%s: undo returned %v", test.name, err)
		}
		if left, _ := url.PathUnescape(*test.role.AssumeRolePolicyDocument); (left == policyOf(outside, two)) == test.refused {
			t.Errorf("%s: undo left %s", test.name, left)
		}
	}
	gone := &remediations.Run{AWS: moduletest.Config("us-east-1", func(any) (any, error) { return nil, moduletest.Error("NoSuchEntity") })}
	if err := iamroletrustexternal.Module.Undo(t.Context(), gone, found); !errors.Is(err, remediations.ErrChanged) {
		t.Errorf("of a role that is gone, undo returned %v", err)
	}
	for _, damage := range []func(*remediations.Finding){
		func(f *remediations.Finding) { f.Before = nil },
		func(f *remediations.Finding) { f.Before = json.RawMessage(`""`) },
		func(f *remediations.Finding) { f.After = json.RawMessage("null") },
		func(f *remediations.Finding) { f.After = json.RawMessage("{}") },
	} {
		broken := *found
		damage(&broken)
		role := roleWith(policyOf(two))
		before := *role.AssumeRolePolicyDocument
		if err := iamroletrustexternal.Module.Undo(t.Context(), answering(role), &broken); err == nil || *role.AssumeRolePolicyDocument != before {
			t.Errorf("undo of before %s and after %s returned %v", broken.Before, broken.After, err)
		}
		if err := iamroletrustexternal.Module.Action(t.Context(), answering(role), &broken); err == nil || *role.AssumeRolePolicyDocument != before {
			t.Errorf("action of before %s and after %s returned %v", broken.Before, broken.After, err)
		}
	}
}

func TestCommands(t *testing.T) {
	found := find(t, roleWith(`{"Statement":[`+outside+`, `+strings.Replace(own, "Own", "it's", 1)+`]}`))
	const update = `aws iam update-assume-role-policy --role-name 'report-writer' --policy-document `
	left := strings.Replace(own, "Own", `it'\''s`, 1)
	if want := update + `'{"Statement":[` + left + `]}'`; found.Fix != want {
		t.Errorf("fix is\n%s, want\n%s", found.Fix, want)
	}
	if want := update + `'{"Statement":[` + outside + `,` + left + `]}'`; found.Revert != want {
		t.Errorf("revert is\n%s, want\n%s", found.Revert, want)
	}
}

func TestSettings(t *testing.T) {
	for settings, wrong := range map[string]bool{
		`{}`: false, `{"trustedAccounts":["444455556666"],"trustedOrganization":"o-a1b2c3d4e5"}`: false,
		`{"trustedOrganization":"ours"}`: true, `{"trustedAccounts":["4444"]}`: true,
	} {
		if _, err := iamroletrustexternal.Module.ParseSettings([]byte(settings)); (err != nil) != wrong {
			t.Errorf("%s: %v", settings, err)
		}
	}
}

func TestSuspects(t *testing.T) {
	for _, test := range []struct {
		name, event, parameters, response string
		want                              string // a role's name, "none" or "error"
	}{
		{"another account", "UpdateAssumeRolePolicy", `{"roleName":"report-writer","policyDocument":` + quoted(policyOf(outside)) + `}`, `null`, name},
		{"a partner, who may be trusted", "UpdateAssumeRolePolicy", `{"roleName":"report-writer","policyDocument":` + quoted(policyOf(partner)) + `}`, `null`, name},
		{"the own account", "UpdateAssumeRolePolicy", `{"roleName":"report-writer","policyDocument":` + quoted(policyOf(own, ec2)) + `}`, `null`, "none"},
		{"a new role for the own account", "CreateRole", `{"roleName":"report-writer","assumeRolePolicyDocument":` + quoted(policyOf(own, ec2)) + `}`, `null`, "none"},
		{"a new role for another account", "CreateRole", `{"roleName":"report-writer","assumeRolePolicyDocument":` + quoted(policyOf(outside)) + `}`, `null`, name},
		{"who may be anybody's, by an id", "UpdateAssumeRolePolicy", `{"roleName":"report-writer","policyDocument":` + quoted(policyOf(gone)) + `}`, `null`, name},
		{"a policy that is empty", "CreateRole", `{"roleName":"report-writer","assumeRolePolicyDocument":"{}"}`, `null`, name},
		{"another parameter's policy", "UpdateAssumeRolePolicy", `{"roleName":"report-writer","assumeRolePolicyDocument":` + quoted(policyOf(own)) + `}`, `null`, name},
		{"only a response", "CreateRole", `null`, `{"role":{"roleName":"report-writer"}}`, name},
		{"a response to an update", "UpdateAssumeRolePolicy", `null`, `{"role":{"roleName":"report-writer"}}`, "error"},
		{"no name", "CreateRole", `null`, `null`, "error"},
		{"no role's name", "UpdateAssumeRolePolicy", `{"roleName":"a/b","policyDocument":""}`, `null`, "error"},
	} {
		event, err := events.Parse(record(t, 9, test.event, dana, test.parameters, test.response))
		if err != nil {
			t.Fatal(err)
		}
		got, err := iamroletrustexternal.Module.Suspects(event)
		want := fmt.Sprint([]remediations.Resource{mine})
		if test.want != name {
			want = "[]"
		}
		if (err != nil) != (test.want == "error") || fmt.Sprint(got) != want {
			t.Errorf("%s: suspects are %v, %v; want %s", test.name, got, err, test.want)
		}
	}
}

// A sweep lists those roles only that are not fine, and one that has no policy ends it.
func TestSweep(t *testing.T) {
	list := []types.Role{*roleWith(policyOf(partner, inOrg)), *roleWith(policyOf(outside)), {RoleName: aws.String("broken")}, *roleWith(policyOf(anyone))}
	for given, want := range map[int]string{1: "[]", 2: "[report-writer]", 4: "[report-writer error]", 0: "[error]"} {
		run := &remediations.Run{Account: account, Settings: trusting, AWS: moduletest.Config("us-east-1", func(any) (any, error) {
			return &iam.ListRolesOutput{Roles: append([]types.Role(nil), list[:given]...)}, nil
		})}
		got := []string{}
		for r, err := range iamroletrustexternal.Module.Sweep(t.Context(), run) {
			switch {
			case err != nil:
				got = append(got, "error")
			case r != mine:
				t.Errorf("%+v", r)
			default:
				got = append(got, r.ID)
			}
		}
		if fmt.Sprint(got) != want {
			t.Errorf("of %d roles: %v, want %s", given, got, want)
		}
	}
}
