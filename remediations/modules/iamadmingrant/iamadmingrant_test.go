package iamadmingrant

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/moduletest"
)

const (
	account  = "111122223333"
	adminARN = "arn:aws:iam::aws:policy/AdministratorAccess"
	readARN  = "arn:aws:iam::aws:policy/ReadOnlyAccess"
	powerARN = "arn:aws:iam::aws:policy/PowerUserAccess"
	ownARN   = "arn:aws:iam::111122223333:policy/team/Release"
	limitARN = "arn:aws:iam::111122223333:policy/Limit"

	admin   = `{ "Version":"2012-10-17", "Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Sid":"caf\u00e9 <&> 100%+"}] }`
	reading = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["s3:Get*","s3:List*"],"Resource":"*"}}`
	power   = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","NotAction":["iam:*","organizations:*","account:*"],"Resource":"*"},
		{"Effect":"Allow","Action":["account:GetAccountInformation","iam:CreateServiceLinkedRole","iam:ListRoles"],"Resource":"*"}]}`
)

// Who makes a call.
const (
	dana = `{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE123:dana","arn":"arn:aws:sts::111122223333:assumed-role/Developer/dana","accountId":"111122223333","accessKeyId":"ASIAEXAMPLEEXAMPLE12",
		"sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLEEXAMPLE123","arn":"arn:aws:iam::111122223333:role/Developer","accountId":"111122223333","userName":"Developer"},"attributes":{"creationDate":"2026-03-02T08:55:12Z","mfaAuthenticated":"true"}}}`
	byStack = `{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE456:AWSCloudFormation","arn":"arn:aws:sts::111122223333:assumed-role/Deploy/AWSCloudFormation","accountId":"111122223333",
		"sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLEEXAMPLE456","arn":"arn:aws:iam::111122223333:role/Deploy","accountId":"111122223333","userName":"Deploy"},"attributes":{"creationDate":"2026-03-02T09:00:00Z","mfaAuthenticated":"false"}},
		"invokedBy":"cloudformation.amazonaws.com"}`
	bySSO = `{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE457:AWSSSO","arn":"arn:aws:sts::111122223333:assumed-role/AWSServiceRoleForSSO/AWSSSO","accountId":"111122223333",
		"sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLEEXAMPLE457","arn":"arn:aws:iam::111122223333:role/aws-service-role/sso.amazonaws.com/AWSServiceRoleForSSO","accountId":"111122223333","userName":"AWSServiceRoleForSSO"},"attributes":{"creationDate":"2026-03-02T09:00:00Z","mfaAuthenticated":"false"}},
		"invokedBy":"sso.amazonaws.com"}`
	ourselves = `{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE789:countermand-iam-admin-grant","arn":"arn:aws:sts::111122223333:assumed-role/countermand-iam-admin-grant/countermand-iam-admin-grant","accountId":"111122223333","accessKeyId":"ASIAEXAMPLEEXAMPLE78",
		"sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLEEXAMPLE789","arn":"arn:aws:iam::111122223333:role/countermand-iam-admin-grant","accountId":"111122223333","userName":"countermand-iam-admin-grant"},"attributes":{"creationDate":"2026-03-02T09:15:01Z","mfaAuthenticated":"false"}}}`
)

// record is the event of a call to IAM; more is further fields of the record.
func record(t *testing.T, who, eventID, name, parameters, response, more string) []byte {
	t.Helper()
	event, err := events.Wrap(fmt.Appendf(nil, `{"eventVersion":"1.10","userIdentity":%s,"eventTime":"2026-03-02T09:14:55Z",
		"eventSource":"iam.amazonaws.com","eventName":%q,"awsRegion":"us-east-1","sourceIPAddress":"198.51.100.17","userAgent":"aws-cli/2.27.1",
		"requestParameters":%s,"responseElements":%s,%s"requestID":"7d2a4a0e-6a55-4d0b-8e6b-0b1f7a2c9d01","eventID":%q,"readOnly":false,"eventType":"AwsApiCall","managementEvent":true,
		"recipientAccountId":"111122223333","eventCategory":"Management"}`, who, name, parameters, response, more, eventID))
	if err != nil {
		t.Fatal(err)
	}
	return event
}

const (
	eventID = "5b1c6f8e-0d5f-4e0c-9a58-3c1d5b9f2e01"
	ownID   = "5b1c6f8e-0d5f-4e0c-9a58-3c1d5b9f2e02"
)

func made(t *testing.T, name, parameters string) []byte {
	return record(t, dana, eventID, name, parameters, "null", "")
}

func own(t *testing.T, name, parameters string) [][]byte {
	return [][]byte{record(t, ourselves, ownID, name, parameters, "null", "")}
}

// parameters is a JSON object of names and values.
func parameters(pairs ...string) string {
	object := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		object[pairs[i]] = pairs[i+1]
	}
	text, _ := json.Marshal(object)
	return string(text)
}

// company is an account in which a user, a role and a group have been made administrators in each way, and others have
// something like it.
func company() *directory {
	return &directory{
		Users: map[string]*holder{
			"mallory": {Attached: []string{readARN}, Inline: map[string]string{"reads": reading}, Groups: []string{"everyone"}},
			"alice":   {Attached: []string{adminARN}, Inline: map[string]string{"all": admin}, Groups: []string{"admins", "everyone"}},
		},
		Roles: map[string]*holder{
			"Build":                        {Attached: []string{readARN}, Inline: map[string]string{}, Path: "/ci/"},
			"AWSReservedSSO_Admin_0123abc": {Attached: []string{adminARN}, Inline: map[string]string{}, Path: "/aws-reserved/sso.amazonaws.com/"},
			"AWSServiceRoleForThings":      {Attached: []string{adminARN}, Inline: map[string]string{}, Path: "/aws-service-role/things.amazonaws.com/"},
		},
		Groups: map[string]*holder{
			"everyone": {Attached: []string{readARN}, Inline: map[string]string{"reads": reading}},
			"admins":   {Attached: []string{readARN, adminARN}, Inline: map[string]string{"reads": reading}},
			"keepers":  {Attached: []string{readARN}, Inline: map[string]string{"all": admin, "reads": reading}},
		},
		Policies: map[string]*managed{
			adminARN: {Default: "v1", Versions: map[string]string{"v1": admin}},
			readARN:  {Default: "v9", Versions: map[string]string{"v8": admin, "v9": reading}},
			powerARN: {Default: "v1", Versions: map[string]string{"v1": power}},
			limitARN: {Default: "v1", Versions: map[string]string{"v1": reading}},
			ownARN:   {Default: "v11", Versions: map[string]string{"v8": admin, "v9": reading, "v10": reading, "v11": admin}},
		},
	}
}

func world(changes ...func(*directory)) func() *moduletest.World {
	return func() *moduletest.World {
		d := company()
		for _, change := range changes {
			change(d)
		}
		return &moduletest.World{State: d, Answers: d.answers(), Change: func() { // as much is given again
			for _, h := range []*holder{d.Users["mallory"], d.Roles["Build"], d.Groups["everyone"]} {
				h.Attached, h.Inline["all"] = []string{adminARN, ownARN, readARN}, `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`
				h.Groups = []string{"admins", "keepers"}
			}
			d.Policies[ownARN].Default = "v11"
		}}
	}
}

func user(change func(*holder)) func(*directory) {
	return func(d *directory) { change(d.Users["mallory"]) }
}
func role(change func(*holder)) func(*directory) {
	return func(d *directory) { change(d.Roles["Build"]) }
}
func group(change func(*holder)) func(*directory) {
	return func(d *directory) { change(d.Groups["everyone"]) }
}

// What a holder was given.
func attached(arns ...string) func(*holder) {
	return func(h *holder) { h.Attached = slices.Sorted(slices.Values(arns)) }
}
func wrote(document string) func(*holder) { return func(h *holder) { h.Inline["all"] = document } }
func joined(groups ...string) func(*holder) {
	return func(h *holder) { h.Groups = slices.Clone(groups) }
}
func within1(arn string) func(*directory) {
	return func(d *directory) { d.Users["mallory"].Boundary, d.Roles["Build"].Boundary = arn, arn }
}
func held(kind string, names ...string) func(*directory) {
	return func(d *directory) {
		for _, name := range names {
			h := map[string]map[string]*holder{"user": d.Users, "role": d.Roles, "group": d.Groups}[kind][name]
			h.Attached = append(h.Attached, ownARN)
		}
	}
}
func versions(inEffect string, documents map[string]string) func(*directory) {
	return func(d *directory) { d.Policies[ownARN] = &managed{inEffect, maps.Clone(documents)} }
}
func gone(d *directory) {
	delete(d.Users, "mallory")
	delete(d.Roles, "Build")
	delete(d.Groups, "everyone")
	delete(d.Policies, ownARN)
}

func Test(t *testing.T) {
	var (
		attachUser  = made(t, "AttachUserPolicy", parameters("userName", "mallory", "policyArn", adminARN))
		attachRole  = made(t, "AttachRolePolicy", parameters("roleName", "Build", "policyArn", adminARN))
		attachGroup = made(t, "AttachGroupPolicy", parameters("groupName", "everyone", "policyArn", adminARN))
		putUser     = made(t, "PutUserPolicy", parameters("userName", "mallory", "policyName", "all", "policyDocument", admin))
		putRole     = made(t, "PutRolePolicy", parameters("roleName", "Build", "policyName", "all", "policyDocument", admin))
		putGroup    = made(t, "PutGroupPolicy", parameters("groupName", "everyone", "policyName", "all", "policyDocument", admin))
		join        = made(t, "AddUserToGroup", parameters("userName", "mallory", "groupName", "admins"))
		joinKeepers = made(t, "AddUserToGroup", parameters("userName", "mallory", "groupName", "keepers"))
		setVersion  = made(t, "SetDefaultPolicyVersion", parameters("policyArn", ownARN, "versionId", "v11"))
		newVersion  = record(t, dana, eventID, "CreatePolicyVersion", `{"policyArn":"`+ownARN+`","policyDocument":"{}","setAsDefault":true}`,
			`{"policyVersion":{"versionId":"v11","isDefaultVersion":true,"createDate":"Mar 2, 2026, 9:14:55 AM"}}`, "")
		notInEffect = record(t, dana, eventID, "CreatePolicyVersion", `{"policyArn":"`+ownARN+`","policyDocument":"{}","setAsDefault":false}`,
			`{"policyVersion":{"versionId":"v12","isDefaultVersion":false,"createDate":"Mar 2, 2026, 9:14:55 AM"}}`, "")

		detached  = own(t, "DetachUserPolicy", parameters("userName", "mallory", "policyArn", adminARN))
		detachedR = own(t, "DetachRolePolicy", parameters("roleName", "Build", "policyArn", adminARN))
		detachedG = own(t, "DetachGroupPolicy", parameters("groupName", "everyone", "policyArn", adminARN))
		deleted   = own(t, "DeleteUserPolicy", parameters("userName", "mallory", "policyName", "all"))
		deletedR  = own(t, "DeleteRolePolicy", parameters("roleName", "Build", "policyName", "all"))
		deletedG  = own(t, "DeleteGroupPolicy", parameters("groupName", "everyone", "policyName", "all"))
		left      = own(t, "RemoveUserFromGroup", parameters("userName", "mallory", "groupName", "admins"))
		leftK     = own(t, "RemoveUserFromGroup", parameters("userName", "mallory", "groupName", "keepers"))
		setBack   = own(t, "SetDefaultPolicyVersion", parameters("policyArn", ownARN, "versionId", "v10"))
	)
	acts := func(name string, event []byte, own [][]byte, changes ...func(*directory)) moduletest.Case {
		return moduletest.Case{Name: name, Event: event, World: world(changes...), Acts: true, Own: own}
	}
	idle := func(name string, event []byte, changes ...func(*directory)) moduletest.Case {
		return moduletest.Case{Name: name, Event: event, World: world(changes...)}
	}
	may := func(c moduletest.Case, allowed ...Principal) moduletest.Case {
		c.Settings = Settings{AllowedPrincipals: allowed}
		return c
	}
	by := func(who, name, parameters string) []byte {
		return record(t, who, eventID, name, parameters, "null", "")
	}
	twoAdmins := attached(readARN, adminARN, ownARN)
	moduletest.Run(t, Module,
		acts("attached to a user", attachUser, detached, user(attached(readARN, adminARN))),
		acts("attached to a role", attachRole, detachedR, role(attached(adminARN))),
		acts("attached to a role by a stack", by(byStack, "AttachRolePolicy", parameters("roleName", "Build", "policyArn", adminARN)), detachedR, role(attached(adminARN))),
		acts("attached to a group", attachGroup, detachedG, group(attached(readARN, adminARN))),
		acts("attached beside another one that was there", attachUser, detached, user(twoAdmins)),
		acts("a policy of one's own", made(t, "AttachUserPolicy", parameters("userName", "mallory", "policyArn", ownARN)),
			own(t, "DetachUserPolicy", parameters("userName", "mallory", "policyArn", ownARN)), user(attached(ownARN, readARN))),
		acts("written for a user", putUser, deleted, user(wrote(admin))),
		acts("written for a role", putRole, deletedR, role(wrote(admin))),
		acts("written for a group", putGroup, deletedG, group(wrote(admin))),
		acts("the document is not in the record", made(t, "PutUserPolicy", parameters("userName", "mallory", "policyName", "all")), deleted, user(wrote(admin))),
		acts("put into a group of administrators", join, left, user(joined("admins", "everyone"))),
		acts("put into a group with an inline policy", joinKeepers, leftK, user(joined("everyone", "keepers"))),
		acts("a new version of a policy", newVersion, setBack, held("role", "Build")),
		acts("another version of a policy", setVersion, setBack, held("group", "everyone")),
		acts("another version of a policy, which is not named", made(t, "SetDefaultPolicyVersion", parameters("policyArn", ownARN)), setBack, held("user", "mallory")),
		acts("a boundary that allows everything", attachUser, detached, user(attached(adminARN)), within1(adminARN)),
		may(acts("others may be administrators", attachUser, detached, user(attached(adminARN))), "arn:aws:iam::111122223333:user/mal", "arn:aws:iam::111122223333:role/*", "arn:aws:iam::444455556666:user/*"),
		may(acts("the group may be one, and not the user", join, left, user(joined("admins", "everyone"))), "arn:aws:iam::111122223333:group/admins"),
		acts("to a role of IAM Identity Center", by(bySSO, "AttachRolePolicy", parameters("roleName", "AWSReservedSSO_Admin_0123abc", "policyArn", adminARN)), nil),
		acts("to a role of a service", made(t, "AttachRolePolicy", parameters("roleName", "AWSServiceRoleForThings", "policyArn", adminARN)), nil),
		acts("no other version", newVersion, nil, held("role", "Build"), versions("v11", map[string]string{"v11": admin})),
		acts("no version that allows less", newVersion, nil, held("role", "Build"), versions("v11", map[string]string{"v9": admin, "v11": admin})),
		may(acts("a version that some may have", newVersion, nil, held("role", "Build"), held("user", "alice")), "arn:aws:iam::*:user/alice"),

		idle("attached, and no administrator's", made(t, "AttachUserPolicy", parameters("userName", "mallory", "policyArn", readARN))),
		idle("attached, all but IAM", made(t, "AttachUserPolicy", parameters("userName", "mallory", "policyArn", powerARN)), user(attached(powerARN))),
		idle("attached to one who is an administrator by another", made(t, "AttachUserPolicy", parameters("userName", "alice", "policyArn", readARN)),
			func(d *directory) { d.Users["alice"].Attached = []string{adminARN, readARN} }),
		idle("detached since", attachUser),
		idle("detached from the role since", attachRole),
		idle("detached from the group since", attachGroup),
		idle("another version of it since", made(t, "AttachUserPolicy", parameters("userName", "mallory", "policyArn", ownARN)), user(attached(ownARN)), versions("v1", map[string]string{"v1": reading, "v2": admin})),
		idle("the user is gone", attachUser, gone),
		idle("the role is gone", attachRole, gone),
		idle("the group is gone", attachGroup, gone),
		idle("written, and no administrator's", made(t, "PutUserPolicy", parameters("userName", "mallory", "policyName", "reads", "policyDocument", reading))),
		idle("written anew since", putUser, user(wrote(reading))),
		idle("deleted since", putRole),
		idle("put into a group of no administrators", made(t, "AddUserToGroup", parameters("userName", "mallory", "groupName", "everyone"))),
		idle("taken out of the group since", join),
		idle("the group is no administrators' any more", join, user(joined("admins")), func(d *directory) { d.Groups["admins"].Attached = nil }),
		idle("the group they joined is gone", join, user(joined("admins")), func(d *directory) { delete(d.Groups, "admins") }),
		idle("within a boundary", attachUser, user(attached(adminARN)), within1(limitARN)),
		idle("a role within a boundary", putRole, role(wrote(admin)), within1(powerARN)),
		idle("a member within a boundary", join, user(joined("admins")), within1(limitARN)),
		idle("a version that nobody has", newVersion),
		idle("a version that is not in effect", notInEffect, held("role", "Build")),
		idle("a version that is not in effect any more", setVersion, held("role", "Build"), func(d *directory) { d.Policies[ownARN].Default = "v8" }),
		idle("a version that is no administrator's", made(t, "SetDefaultPolicyVersion", parameters("policyArn", ownARN, "versionId", "v9")), held("role", "Build"), func(d *directory) { d.Policies[ownARN].Default = "v9" }),
		idle("the policy is gone", setVersion, gone),
		idle("refused", record(t, dana, eventID, "AttachUserPolicy", "null", "null", `"errorCode":"AccessDenied","errorMessage":"not authorized",`), user(attached(adminARN))),
		idle("another call", made(t, "DetachUserPolicy", parameters("userName", "mallory", "policyArn", adminARN)), user(attached(adminARN))),
		may(idle("a user that may be one", attachUser, user(attached(adminARN))), "arn:aws:iam::111122223333:user/mal*"),
		may(idle("a role that may be one, whatever its path", putRole, role(wrote(admin))), "arn:aws:iam::*:role/Build"),
		may(idle("a group that may be one", attachGroup, group(attached(adminARN))), "arn:aws:iam::111122223333:group/every*"),
		may(idle("a version that only those have who may", newVersion, held("role", "Build"), held("user", "alice")), "arn:aws:iam::*:user/alice", "arn:aws:iam::*:role/Build"),
	)
}

// run is a module's run in the account, on an event.
func (d *directory) run(t *testing.T, raw []byte) *remediations.Run {
	t.Helper()
	run := &remediations.Run{AWS: (&moduletest.World{Answers: d.answers()}).Config("us-east-1"), Settings: Settings{}}
	event, err := events.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	run.Event = &event
	return run
}

func resource(kind, id string) remediations.Resource {
	return remediations.Resource{ID: id, Type: kind, Account: account, Region: "us-east-1"}
}

// guarded is what the guard finds in a changed company, about the event of a call.
func guarded(t *testing.T, kind, id, name, parameters string, changes ...func(*directory)) (*remediations.Finding, *directory, error) {
	t.Helper()
	d := company()
	for _, change := range changes {
		change(d)
	}
	found, err := Module.Guard(t.Context(), d.run(t, made(t, name, parameters)), resource(kind, id))
	return found, d, err
}

func TestFinding(t *testing.T) {
	const stays = "; only "
	for _, c := range []struct {
		kind, id, name, parameters string
		changes                    []func(*directory)
		want                       remediations.Finding
	}{
		{userType, "mallory", "AttachUserPolicy", parameters("userName", "mallory", "policyArn", adminARN), []func(*directory){user(attached(readARN, adminARN))}, remediations.Finding{
			Reason: "the user mallory was made an administrator: policy " + adminARN + ", which is attached, allows everything",
			Before: json.RawMessage(`{"attached":"` + adminARN + `"}`), After: json.RawMessage(`{}`),
			Fix:    "aws iam detach-user-policy --user-name 'mallory' --policy-arn '" + adminARN + "'",
			Revert: "aws iam attach-user-policy --user-name 'mallory' --policy-arn '" + adminARN + "'",
		}},
		{roleType, "Build", "PutRolePolicy", parameters("roleName", "Build", "policyName", "all"), []func(*directory){role(wrote(admin))}, remediations.Finding{
			Reason: "the role Build was made an administrator: its inline policy all allows everything",
			Before: json.RawMessage(`{"inline":"all","document":"{ \"Version\":\"2012-10-17\", \"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\",\"Sid\":\"caf\\u00e9 <&> 100%+\"}] }"}`), After: json.RawMessage(`{}`),
			Fix: "aws iam delete-role-policy --role-name 'Build' --policy-name 'all'",
			Revert: "aws iam put-role-policy --role-name 'Build' --policy-name 'all' --policy-document " +
				`'{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Sid":"caf\u00e9 <&> 100%+"}]}'`,
		}},
		{userType, "mallory", "AddUserToGroup", parameters("userName", "mallory", "groupName", "keepers"), []func(*directory){user(joined("keepers"))}, remediations.Finding{
			Reason: "the user mallory was made an administrator: it is in group keepers, whose inline policy all allows everything",
			Before: json.RawMessage(`{"group":"keepers"}`), After: json.RawMessage(`{}`),
			Fix:    "aws iam remove-user-from-group --user-name 'mallory' --group-name 'keepers'",
			Revert: "aws iam add-user-to-group --user-name 'mallory' --group-name 'keepers'",
		}},
		{policyType, ownARN, "SetDefaultPolicyVersion", parameters("policyArn", ownARN, "versionId", "v11"), []func(*directory){held("role", "Build"), held("user", "mallory")}, remediations.Finding{
			Reason: "version v11 of the policy, which is in effect, allows everything; the policy is attached to user mallory, role Build",
			Before: json.RawMessage(`{"version":"v11"}`), After: json.RawMessage(`{"version":"v10"}`),
			Fix:    "aws iam set-default-policy-version --policy-arn '" + ownARN + "' --version-id 'v10'",
			Revert: "aws iam set-default-policy-version --policy-arn '" + ownARN + "' --version-id 'v11'",
		}},
		{policyType, ownARN, "CreatePolicyVersion", parameters("policyArn", ownARN), []func(*directory){held("role", "Build"), versions("v1", map[string]string{"v1": admin})}, remediations.Finding{
			Reason: "version v1 of the policy, which is in effect, allows everything; the policy is attached to role Build; it has no other version that allows less",
			Before: json.RawMessage(`{"version":"v1"}`), After: json.RawMessage(`{"version":"v1"}`), AlertOnly: true,
		}},
		{roleType, "AWSReservedSSO_Admin_0123abc", "AttachRolePolicy", parameters("roleName", "AWSReservedSSO_Admin_0123abc", "policyArn", adminARN), nil, remediations.Finding{
			Reason: "the role AWSReservedSSO_Admin_0123abc was made an administrator: policy " + adminARN + ", which is attached, allows everything" +
				stays + "IAM Identity Center, by its permission set, can change this role",
			Before: json.RawMessage(`{"attached":"` + adminARN + `"}`), After: json.RawMessage(`{"attached":"` + adminARN + `"}`), AlertOnly: true,
		}},
	} {
		found, _, err := guarded(t, c.kind, c.id, c.name, c.parameters, c.changes...)
		if err != nil || found == nil {
			t.Errorf("%s: the guard found %v, %v", c.name, found, err)
			continue
		}
		c.want.Resource = resource(c.kind, c.id)
		if diff := cmp.Diff(&c.want, found); diff != "" {
			t.Errorf("%s: finding differs (-want +got):\n%s", c.name, diff)
		}
	}
}

// Of long lists, what is on the last page counts as well.
func TestPages(t *testing.T) {
	many := []string{"arn:aws:iam::aws:policy/A", "arn:aws:iam::aws:policy/AAA", "arn:aws:iam::aws:policy/AB", adminARN}
	for name, c := range map[string]struct {
		kind, id, parameters string
		change               func(*directory)
	}{
		"AttachUserPolicy":  {userType, "mallory", parameters("userName", "mallory", "policyArn", adminARN), user(attached(many...))},
		"AttachRolePolicy":  {roleType, "Build", parameters("roleName", "Build", "policyArn", adminARN), role(attached(many...))},
		"AttachGroupPolicy": {groupType, "everyone", parameters("groupName", "everyone", "policyArn", adminARN), group(attached(many...))},
		"AddUserToGroup": {userType, "mallory", parameters("userName", "mallory", "groupName", "keepers"), func(d *directory) {
			user(joined("a", "b", "c", "keepers"))(d)
			d.Groups["keepers"].Inline = map[string]string{"a": reading, "b": reading, "c": reading, "d": admin}
		}},
		"SetDefaultPolicyVersion": {policyType, ownARN, parameters("policyArn", ownARN, "versionId", "v5"), func(d *directory) {
			held("role", "Build")(d)
			d.Users = map[string]*holder{}
			for _, name := range []string{"a", "b", "c", "d"} {
				d.Users[name] = &holder{Attached: []string{ownARN}}
			}
			versions("v5", map[string]string{"v1": reading, "v2": admin, "v3": admin, "v4": admin, "v5": admin})(d)
		}},
	} {
		found, _, err := guarded(t, c.kind, c.id, name, c.parameters, c.change)
		if err != nil || found == nil || found.AlertOnly {
			t.Errorf("%s: the guard found %+v, %v", name, found, err)
		}
		if name == "SetDefaultPolicyVersion" && !strings.HasSuffix(found.Reason, "attached to user a, user b, user c and 2 more") {
			t.Errorf("reason: %s", found.Reason)
		}
	}
}

// IAM takes names in any case, and answers with the one that was given first.
func TestCase(t *testing.T) {
	for call, c := range map[string]struct {
		parameters string
		change     func(*holder)
	}{
		"AttachUserPolicy": {parameters("userName", "Mallory", "policyArn", "arn:aws:iam::aws:policy/administratoraccess"), attached(adminARN)},
		"AddUserToGroup":   {parameters("userName", "Mallory", "groupName", "ADMINS"), joined("admins")},
	} {
		found, _, err := guarded(t, userType, "Mallory", call, c.parameters, user(c.change))
		if err != nil || found == nil {
			t.Errorf("%s: the guard found %v, %v", call, found, err)
		}
	}
}

// What can't be read is not judged.
func TestGuardIsUnsure(t *testing.T) {
	foreign := func(d *directory) { d.foreign = true }
	attach := parameters("userName", "mallory", "policyArn", adminARN)
	for name, c := range map[string]struct {
		kind, id, call, parameters string
		changes                    []func(*directory)
	}{
		"another user and policy":        {userType, "mallory", "AttachUserPolicy", attach, []func(*directory){user(attached(adminARN)), foreign}},
		"another role's document":        {roleType, "Build", "PutRolePolicy", parameters("roleName", "Build", "policyName", "all"), []func(*directory){role(wrote(admin)), foreign}},
		"another group's document":       {groupType, "everyone", "PutGroupPolicy", parameters("groupName", "everyone", "policyName", "all"), []func(*directory){group(wrote(admin)), foreign}},
		"a version that is none":         {policyType, ownARN, "SetDefaultPolicyVersion", parameters("policyArn", ownARN), []func(*directory){held("role", "Build"), foreign}},
		"another version's document":     {userType, "mallory", "AttachUserPolicy", attach, []func(*directory){user(attached(adminARN)), func(d *directory) { d.stale = true }}},
		"no version in effect":           {policyType, ownARN, "SetDefaultPolicyVersion", parameters("policyArn", ownARN), []func(*directory){held("role", "Build"), versions("", map[string]string{"v1": admin})}},
		"no document":                    {userType, "mallory", "PutUserPolicy", parameters("userName", "mallory", "policyName", "all"), []func(*directory){user(wrote(""))}},
		"no policy":                      {userType, "mallory", "PutUserPolicy", parameters("userName", "mallory", "policyName", "all"), []func(*directory){user(wrote(`{"Statement":[]}`))}},
		"a boundary that there is not":   {userType, "mallory", "AttachUserPolicy", attach, []func(*directory){user(attached(adminARN)), within1("arn:aws:iam::111122223333:policy/gone")}},
		"a boundary that can't be read":  {userType, "mallory", "AttachUserPolicy", attach, []func(*directory){user(attached(adminARN)), within1(limitARN), func(d *directory) { d.Policies[limitARN].Versions["v1"] = "?" }}},
		"a version without its document": {userType, "mallory", "AttachUserPolicy", attach, []func(*directory){user(attached(adminARN)), func(d *directory) { d.Policies[adminARN].Default = "v7" }}},
	} {
		if found, _, err := guarded(t, c.kind, c.id, c.call, c.parameters, c.changes...); err == nil || found != nil {
			t.Errorf("%s: the guard found %+v, %v", name, found, err)
		}
	}
}

func TestUndoRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		kind, id, call, parameters string
		given, later               func(*directory)
		present                    string // what there is now, of a refusal since that has changed
	}{
		"attached again": {userType, "mallory", "AttachUserPolicy", parameters("userName", "mallory", "policyArn", adminARN),
			user(attached(adminARN)), func(*directory) {}, `{"attached":"` + adminARN + `"}`},
		"the user is gone": {userType, "mallory", "AttachUserPolicy", parameters("userName", "mallory", "policyArn", adminARN),
			user(attached(adminARN)), gone, `null`},
		"another document": {groupType, "everyone", "PutGroupPolicy", parameters("groupName", "everyone", "policyName", "all"),
			group(wrote(admin)), group(wrote(reading)), `{"inline":"all","document":` + quoted(reading) + `}`},
		"in the group again": {userType, "mallory", "AddUserToGroup", parameters("userName", "mallory", "groupName", "admins"),
			user(joined("admins")), func(*directory) {}, `{"group":"admins"}`},
		"a third version": {policyType, ownARN, "SetDefaultPolicyVersion", parameters("policyArn", ownARN),
			held("role", "Build"), func(d *directory) { d.Policies[ownARN].Default = "v8" }, `{"version":"v8"}`},
		"the policy is gone": {policyType, ownARN, "SetDefaultPolicyVersion", parameters("policyArn", ownARN),
			held("role", "Build"), gone, `null`},
	} {
		found, d, err := guarded(t, c.kind, c.id, c.call, c.parameters, c.given)
		if err != nil || found == nil {
			t.Errorf("%s: the guard found %v, %v", name, found, err)
			continue
		}
		c.later(d)
		err = Module.Undo(t.Context(), d.run(t, made(t, c.call, c.parameters)), found)
		var changed *remediations.ChangedError
		if !errors.As(err, &changed) || string(changed.Present) != c.present || d.writes > 0 {
			t.Errorf("%s: undo returned %v, shows %+v, and wrote %d times", name, err, changed, d.writes)
		}
	}
}

func quoted(text string) string {
	raw, _ := remediations.Encode(text)
	return string(raw)
}

// A record that does not hold the states leads to no write.
func TestDamagedFinding(t *testing.T) {
	for _, c := range []struct{ kind, id, before, after string }{
		{userType, "mallory", ``, `{}`},
		{userType, "mallory", `{}`, `{}`},
		{userType, "mallory", `{"attached":"` + adminARN + `"}`, ``},
		{userType, "mallory", `{"attached":"` + adminARN + `"}`, `{"attached":"` + adminARN + `"}`},
		{userType, "mallory", `{"attached":"` + adminARN + `","group":"admins"}`, `{}`},
		{userType, "mallory", `{"version":"v11"}`, `{"version":"v9"}`},
		{policyType, ownARN, `{"version":"v11"}`, `{}`},
		{policyType, ownARN, `{"group":"admins"}`, `{}`},
	} {
		d := company()
		run := d.run(t, made(t, "AttachUserPolicy", "null"))
		f := &remediations.Finding{Resource: resource(c.kind, c.id), Before: json.RawMessage(c.before), After: json.RawMessage(c.after)}
		for name, do := range map[string]error{"action": Module.Action(t.Context(), run, f), "undo": Module.Undo(t.Context(), run, f)} {
			if do == nil || errors.Is(do, remediations.ErrChanged) || d.writes > 0 {
				t.Errorf("%s of before %s and after %s returned %v and wrote %d times", name, c.before, c.after, do, d.writes)
			}
		}
	}
}
