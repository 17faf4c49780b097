package iamadmingrant

import (
	"slices"
	"testing"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
)

func TestSuspects(t *testing.T) {
	for _, c := range []struct {
		name, parameters string
		want             []remediations.Resource
	}{
		{"AttachUserPolicy", parameters("userName", "mallory", "policyArn", adminARN), []remediations.Resource{resource(userType, "mallory")}},
		{"AttachGroupPolicy", parameters("groupName", "g", "policyArn", "arn:aws:iam::111122223333:policy/a/b~'/c"), []remediations.Resource{resource(groupType, "g")}},
		{"PutRolePolicy", parameters("roleName", "r", "policyName", "p"), []remediations.Resource{resource(roleType, "r")}},
		{"CreatePolicyVersion", parameters("policyArn", ownARN), []remediations.Resource{resource(policyType, ownARN)}},
		{"AttachUserPolicy", parameters("userName", "mallory"), nil},
		{"AttachUserPolicy", parameters("policyArn", adminARN), nil},
		{"AttachUserPolicy", parameters("userName", "mallory", "policyArn", "AdministratorAccess"), nil},
		{"AttachUserPolicy", parameters("userName", "mallory", "policyArn", "arn:aws:iam::aws:policy/a\n"), nil},
		{"AttachUserPolicy", parameters("userName", "mal'lory", "policyArn", adminARN), nil},
		{"PutUserPolicy", parameters("userName", "mallory", "policyName", "a b"), nil},
		{"AddUserToGroup", parameters("userName", "mallory", "groupName", "$(id)"), nil},
		{"SetDefaultPolicyVersion", parameters("policyArn", "arn:aws:iam::444455556666:policy/Release", "versionId", "v1"), nil},
		{"SetDefaultPolicyVersion", parameters("policyArn", readARN, "versionId", "v1"), nil},
		{"SetDefaultPolicyVersion", parameters("versionId", "v1"), nil},
		{"CreatePolicy", parameters("policyName", "p"), nil},
		{"PutUserPolicy", "null", nil},
	} {
		event, err := events.Parse(made(t, c.name, c.parameters))
		if err != nil {
			t.Fatal(err)
		}
		got, err := Module.Suspects(event)
		if (err == nil) != (c.want != nil) || !slices.Equal(got, c.want) {
			t.Errorf("%s of %s: suspects are %+v, %v; want %+v", c.name, c.parameters, got, err, c.want)
		}
	}
}

func TestSettings(t *testing.T) {
	for text, want := range map[string]bool{
		`{"allowedPrincipals":["arn:aws:iam::111122223333:role/Admin*","arn:aws-cn:iam::*:group/admins","arn:aws:iam::*:user/*"]}`: true,
		`{"allowedPrincipals":[]}`: true,
		`{"allowedPrincipals":["arn:aws:iam::111122223333:role/team/Admin"]}`:  false,
		`{"allowedPrincipals":["arn:aws:iam::111122223333:policy/Admin"]}`:     false,
		`{"allowedPrincipals":["arn:aws:sts::111122223333:assumed-role/A/b"]}`: false,
		`{"allowedPrincipals":["arn:aws:iam::111122223333:role/[A-Z]"]}`:       false,
		`{"allowedPrincipals":["Admin"]}`:                                      false,
		`{"allowedPrincipals":["arn:aws:iam::1111:role/Admin"]}`:               false,
		`{"allowedPrincipals":["arn:aws:iam::111122223333:role/a\nb"]}`:        false,
	} {
		if _, err := Module.ParseSettings([]byte(text)); (err == nil) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
}
