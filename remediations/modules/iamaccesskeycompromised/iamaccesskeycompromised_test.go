package iamaccesskeycompromised_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/google/go-cmp/cmp"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/modules/iamaccesskeycompromised"
	"github.com/countermand/countermand/remediations/moduletest"
)

const (
	account = "111122223333"
	user    = "report-reader"
	first   = "AKIAEXAMPLEEXAMPLE01"
	second  = "AKIAEXAMPLEEXAMPLE02"
	others  = "AKIAEXAMPLEEXAMPLE03" // another user's

	v1 = "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantine"
	v2 = v1 + "V2"
	v3 = v1 + "V3"
)

// Who makes a call.
const (
	support     = `{"type":"Root","principalId":"111122223333","arn":"arn:aws:iam::111122223333:root","accountId":"111122223333","invokedBy":"AWS Internal"}`
	service     = `{"accountId":"111122223333","invokedBy":"AWS Internal"}`
	dana        = `{"type":"IAMUser","principalId":"AIDAEXAMPLEEXAMPLE456","arn":"arn:aws:iam::111122223333:user/dana","accountId":"111122223333","accessKeyId":"AKIAEXAMPLEEXAMPLE12","userName":"dana"}`
	countermand = `{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE789:countermand-iam-access-key-compromised","arn":"arn:aws:sts::111122223333:assumed-role/countermand-iam-access-key-compromised/countermand-iam-access-key-compromised","accountId":"111122223333","accessKeyId":"ASIAEXAMPLEEXAMPLE78",
		"sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLEEXAMPLE789","arn":"arn:aws:iam::111122223333:role/countermand-iam-access-key-compromised","accountId":"111122223333","userName":"countermand-iam-access-key-compromised"},"attributes":{"creationDate":"2026-03-02T09:15:01Z","mfaAuthenticated":"false"}}}`
)

// record is the event of a call to IAM; more is further fields of the record.
func record(t *testing.T, who, eventID, name, parameters, more string) []byte {
	t.Helper()
	event, err := events.Wrap(fmt.Appendf(nil, `{"eventVersion":"1.10","userIdentity":%s,"eventTime":"2026-03-02T09:14:55Z",
		"eventSource":"iam.amazonaws.com","eventName":%q,"awsRegion":"us-east-1","sourceIPAddress":"AWS Internal","userAgent":"AWS Internal",
		"requestParameters":%s,"responseElements":null,%s"requestID":"7d2a4a0e-6a55-4d0b-8e6b-0b1f7a2c9d01","eventID":%q,"readOnly":false,"eventType":"AwsApiCall","managementEvent":true,
		"recipientAccountId":"111122223333","eventCategory":"Management"}`, who, name, parameters, more, eventID))
	if err != nil {
		t.Fatal(err)
	}
	return event
}

const eventID = "5b1c6f8e-0d5f-4e0c-9a58-3c1d5b9f2d01"

func attach(t *testing.T, who, arn string) []byte {
	return record(t, who, eventID, "AttachUserPolicy", fmt.Sprintf(`{"userName":%q,"policyArn":%q}`, user, arn), "")
}

func put(t *testing.T, name string) []byte {
	return record(t, service, eventID, "PutUserPolicy",
		fmt.Sprintf(`{"userName":%q,"policyName":%q,"policyDocument":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Deny\",\"Action\":\"iam:*\",\"Resource\":\"*\"}]}"}`, user, name), "")
}

// person is a user.
type person struct {
	Keys     map[string]types.StatusType
	Attached []string // ARNs
	Inline   []string // names
}

// directory is the users of an account.
type directory struct {
	Users   map[string]*person
	used    map[string]time.Time // keys
	missing string               // a policy that there is not in this partition
	stray   string               // a name that a list holds besides
	foreign bool                 // whose key it is, is said wrongly
	writes  int
}

func (d *directory) user(name *string) (*person, error) {
	if p := d.Users[aws.ToString(name)]; p != nil {
		return p, nil
	}
	return nil, moduletest.Error("NoSuchEntity")
}

func (d *directory) keys(in *iam.ListAccessKeysInput) (*iam.ListAccessKeysOutput, error) {
	p, err := d.user(in.UserName)
	if err != nil {
		return nil, err
	}
	out := &iam.ListAccessKeysOutput{}
	for _, id := range slices.Sorted(maps.Keys(p.Keys)) {
		out.AccessKeyMetadata = append(out.AccessKeyMetadata, types.AccessKeyMetadata{AccessKeyId: &id, Status: p.Keys[id], UserName: in.UserName})
	}
	return out, nil
}

// page is what a list holds at a marker, one a page, and the next marker.
func page(list []string, marker *string) (one []string, more bool, next *string) {
	at := 0
	for marker != nil && at < len(list) && list[at] != *marker {
		at++
	}
	if at >= len(list) {
		return nil, false, nil
	}
	if at+1 < len(list) {
		return list[at : at+1], true, &list[at+1]
	}
	return list[at:], false, nil
}

func (d *directory) attached(in *iam.ListAttachedUserPoliciesInput) (*iam.ListAttachedUserPoliciesOutput, error) {
	p, err := d.user(in.UserName)
	if err != nil {
		return nil, err
	}
	out := &iam.ListAttachedUserPoliciesOutput{}
	var arns []string
	arns, out.IsTruncated, out.Marker = page(p.Attached, in.Marker)
	for _, arn := range arns {
		out.AttachedPolicies = append(out.AttachedPolicies, types.AttachedPolicy{PolicyArn: &arn, PolicyName: aws.String(arn[strings.LastIndex(arn, "/")+1:])})
	}
	return out, nil
}

func (d *directory) inline(in *iam.ListUserPoliciesInput) (*iam.ListUserPoliciesOutput, error) {
	p, err := d.user(in.UserName)
	if err != nil {
		return nil, err
	}
	out := &iam.ListUserPoliciesOutput{}
	out.PolicyNames, out.IsTruncated, out.Marker = page(p.Inline, in.Marker)
	return out, nil
}

func (d *directory) entities(in *iam.ListEntitiesForPolicyInput) (*iam.ListEntitiesForPolicyOutput, error) {
	arn := aws.ToString(in.PolicyArn)
	switch {
	case arn == d.missing:
		return nil, moduletest.Error("NoSuchEntity")
	case in.EntityFilter != types.EntityTypeUser || in.PolicyUsageFilter != types.PolicyUsageTypePermissionsPolicy:
		return nil, moduletest.Error("InvalidInput")
	}
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(d.Users)), func(name string) bool { return !slices.Contains(d.Users[name].Attached, arn) })
	if d.stray != "" {
		names = append(names, d.stray)
	}
	out := &iam.ListEntitiesForPolicyOutput{}
	names, out.IsTruncated, out.Marker = page(names, in.Marker)
	for _, name := range names {
		out.PolicyUsers = append(out.PolicyUsers, types.PolicyUser{UserName: &name})
	}
	return out, nil
}

func (d *directory) lastUsed(in *iam.GetAccessKeyLastUsedInput) (*iam.GetAccessKeyLastUsedOutput, error) {
	out := &iam.GetAccessKeyLastUsedOutput{AccessKeyLastUsed: &types.AccessKeyLastUsed{Region: aws.String("N/A"), ServiceName: aws.String("N/A")}}
	for name, p := range d.Users {
		if _, theirs := p.Keys[aws.ToString(in.AccessKeyId)]; theirs && !d.foreign {
			out.UserName = &name
		}
	}
	if at, used := d.used[aws.ToString(in.AccessKeyId)]; used {
		out.AccessKeyLastUsed = &types.AccessKeyLastUsed{LastUsedDate: &at, Region: aws.String("eu-west-1"), ServiceName: aws.String("s3")}
	}
	return out, nil
}

func (d *directory) update(in *iam.UpdateAccessKeyInput) (*iam.UpdateAccessKeyOutput, error) {
	p, err := d.user(in.UserName)
	if err != nil {
		return nil, err
	}
	if _, there := p.Keys[aws.ToString(in.AccessKeyId)]; !there {
		return nil, moduletest.Error("NoSuchEntity")
	}
	p.Keys[*in.AccessKeyId] = in.Status
	d.writes++
	return &iam.UpdateAccessKeyOutput{}, nil
}

// quarantined is an account in which a user with two keys is under quarantine, and another has nothing to do with it.
func quarantined() *directory {
	return &directory{
		used: map[string]time.Time{first: time.Date(2026, 3, 2, 10, 10, 0, 0, time.FixedZone("CET", 3600))},
		Users: map[string]*person{
			user: {
				Keys:     map[string]types.StatusType{first: types.StatusTypeActive, second: types.StatusTypeActive},
				Attached: []string{"arn:aws:iam::aws:policy/ReadOnlyAccess", v3}, Inline: []string{"a-queue", "a-topic"},
			},
			"dana": {
				Keys:     map[string]types.StatusType{others: types.StatusTypeActive},
				Attached: []string{"arn:aws:iam::aws:policy/ReadOnlyAccess"}, Inline: []string{},
			},
		},
	}
}

func world(changes ...func(*directory)) func() *moduletest.World {
	return func() *moduletest.World {
		d := quarantined()
		for _, change := range changes {
			change(d)
		}
		expire := func() {
			for id := range d.Users[user].Keys {
				d.Users[user].Keys[id] = types.StatusTypeExpired
			}
		}
		return &moduletest.World{State: d, Change: expire, Answers: []moduletest.Answer{
			moduletest.On(d.keys), moduletest.On(d.attached), moduletest.On(d.inline), moduletest.On(d.entities),
			moduletest.On(d.lastUsed), moduletest.On(d.update),
		}}
	}
}

func under(arns ...string) func(*directory) {
	return func(d *directory) { d.Users[user].Attached = arns }
}
func oldStyle(d *directory) {
	d.Users[user].Attached, d.Users[user].Inline = []string{}, []string{"a-queue", "AWSExposedCredentialPolicy_DO_NOT_REMOVE"}
}
func status(id string, s types.StatusType) func(*directory) {
	return func(d *directory) { d.Users[user].Keys[id] = s }
}
func without(ids ...string) func(*directory) {
	return func(d *directory) {
		for _, id := range ids {
			delete(d.Users[user].Keys, id)
		}
	}
}
func gone(d *directory) { delete(d.Users, user) }

// IAM does not tell names by case: a policy that is attached to REPORT-READER is attached to report-reader.
func TestNamesInAnotherCase(t *testing.T) {
	d := quarantined()
	answer := func(in any) (any, error) {
		switch in := in.(type) {
		case *iam.ListAccessKeysInput:
			in.UserName = aws.String(user)
			return d.keys(in)
		case *iam.ListAttachedUserPoliciesInput:
			in.UserName = aws.String(user)
			return d.attached(in)
		case *iam.ListUserPoliciesInput:
			in.UserName = aws.String(user)
			return d.inline(in)
		case *iam.GetAccessKeyLastUsedInput:
			return d.lastUsed(in)
		}
		return nil, errors.New("unexpected call")
	}
	shouted := remediations.Resource{ID: strings.ToUpper(user), Type: "AWS::IAM::User", Account: account, Region: "us-east-1"}
	found, err := iamaccesskeycompromised.Module.Guard(t.Context(), &remediations.Run{AWS: moduletest.Config("us-east-1", answer)}, shouted)
	if err != nil || found == nil || string(found.After) != `{"AKIAEXAMPLEEXAMPLE01":"Inactive","AKIAEXAMPLEEXAMPLE02":"Inactive"}` {
		t.Errorf("the guard found %+v, %v", found, err)
	}
}

func Test(t *testing.T) {
	deactivated := func(id, eventID string) []byte {
		return record(t, countermand, eventID, "UpdateAccessKey", fmt.Sprintf(`{"status":"Inactive","userName":%q,"accessKeyId":%q}`, user, id), "")
	}
	own := [][]byte{deactivated(first, "5b1c6f8e-0d5f-4e0c-9a58-3c1d5b9f2d02"), deactivated(second, "5b1c6f8e-0d5f-4e0c-9a58-3c1d5b9f2d03")}
	acts := func(name string, event []byte, changes ...func(*directory)) moduletest.Case {
		return moduletest.Case{Name: name, Event: event, World: world(changes...), Acts: true, Own: own}
	}
	idle := func(name string, event []byte, changes ...func(*directory)) moduletest.Case {
		return moduletest.Case{Name: name, Event: event, World: world(changes...)}
	}
	unswept := func(c moduletest.Case) moduletest.Case {
		c.Unswept = "nothing lists the users with an inline policy of a name"
		return c
	}
	byAWS := attach(t, support, v3)
	moduletest.Run(t, iamaccesskeycompromised.Module,
		acts("attached by AWS", byAWS),
		acts("attached by AWS as a service", attach(t, service, v3)),
		acts("attached by somebody else", attach(t, dana, v3)),
		acts("the second version", attach(t, support, v2), under(v2)),
		acts("the first version, which there is in every partition", attach(t, support, v1), under(v1), func(d *directory) { d.missing = v2 }),
		acts("two versions", attach(t, support, v2), under(v3, v2)),
		acts("one key", byAWS, without(second)),
		acts("one of two keys inactive", byAWS, status(first, types.StatusTypeInactive)),
		acts("the policy's ARN is not in the record", record(t, support, eventID, "AttachUserPolicy", `{"userName":"report-reader"}`, "")),
		unswept(acts("the inline policy of earlier years", put(t, "AWSExposedCredentialPolicy_DO_NOT_REMOVE"), oldStyle)),

		idle("inactive already", byAWS, status(first, types.StatusTypeInactive), status(second, types.StatusTypeInactive)),
		idle("expired", byAWS, without(second), status(first, types.StatusTypeExpired)),
		idle("no keys", byAWS, without(first, second)),
		idle("detached since", byAWS, under("arn:aws:iam::aws:policy/ReadOnlyAccess")),
		idle("the user is deleted since", byAWS, gone),
		idle("another policy of AWS's", attach(t, dana, "arn:aws:iam::aws:policy/ReadOnlyAccess")),
		idle("a policy of one's own with such a name", attach(t, dana, "arn:aws:iam::111122223333:policy/AWSCompromisedKeyQuarantineV3"),
			under("arn:aws:iam::111122223333:policy/AWSCompromisedKeyQuarantineV3")),
		idle("detached since, and one of one's own with such a name is attached", byAWS, under("arn:aws:iam::111122223333:policy/AWSCompromisedKeyQuarantineV3")),
		idle("another inline policy", put(t, "a-queue")),
		idle("refused", record(t, dana, eventID, "AttachUserPolicy", "null", `"errorCode":"AccessDenied","errorMessage":"not authorized",`)),
		idle("a role is put under quarantine", record(t, support, eventID, "AttachRolePolicy", fmt.Sprintf(`{"roleName":"Deploy","policyArn":%q}`, v3), "")),
	)
}

// run is a module's run in the account.
func (d *directory) run() *remediations.Run {
	answer := func(in any) (any, error) {
		switch in := in.(type) {
		case *iam.ListAccessKeysInput:
			return d.keys(in)
		case *iam.ListAttachedUserPoliciesInput:
			return d.attached(in)
		case *iam.ListUserPoliciesInput:
			return d.inline(in)
		case *iam.ListEntitiesForPolicyInput:
			return d.entities(in)
		case *iam.GetAccessKeyLastUsedInput:
			return d.lastUsed(in)
		case *iam.UpdateAccessKeyInput:
			return d.update(in)
		}
		return nil, errors.New("unexpected call")
	}
	return &remediations.Run{AWS: moduletest.Config("us-east-1", answer), Account: account}
}

var theUser = remediations.Resource{ID: user, Type: "AWS::IAM::User", Account: account, Region: "us-east-1"}

// find is what the guard finds about the user.
func find(t *testing.T) *remediations.Finding {
	t.Helper()
	found, err := iamaccesskeycompromised.Module.Guard(t.Context(), quarantined().run(), theUser)
	if err != nil || found == nil {
		t.Fatalf("the guard found %v, %v", found, err)
	}
	return found
}

func TestFinding(t *testing.T) {
	command := func(id, status string) string {
		return "aws iam update-access-key --user-name 'report-reader' --access-key-id '" + id + "' --status " + status
	}
	want := &remediations.Finding{
		Resource: theUser,
		Reason: "AWS has put user report-reader under quarantine (AWSCompromisedKeyQuarantineV3), and it has active keys: " +
			"AKIAEXAMPLEEXAMPLE01, used last at 2026-03-02T09:10:00Z for s3 in eu-west-1; AKIAEXAMPLEEXAMPLE02, never used",
		Before: json.RawMessage(`{"AKIAEXAMPLEEXAMPLE01":"Active","AKIAEXAMPLEEXAMPLE02":"Active"}`),
		After:  json.RawMessage(`{"AKIAEXAMPLEEXAMPLE01":"Inactive","AKIAEXAMPLEEXAMPLE02":"Inactive"}`),
		Fix:    command(first, "Inactive") + "\n" + command(second, "Inactive"),
		Revert: command(first, "Active") + "\n" + command(second, "Active"),
	}
	if diff := cmp.Diff(want, find(t)); diff != "" {
		t.Errorf("finding differs (-want +got):\n%s", diff)
	}
}

// The action leaves the quarantine policy and other users alone, and a key that is inactive already is not made active
// by undo.
func TestNeighboursStay(t *testing.T) {
	d, want := quarantined(), quarantined()
	status(second, types.StatusTypeInactive)(d)
	found, err := iamaccesskeycompromised.Module.Guard(t.Context(), d.run(), theUser)
	if err != nil {
		t.Fatal(err)
	}
	status(first, types.StatusTypeInactive)(want)
	status(second, types.StatusTypeInactive)(want)
	if err := iamaccesskeycompromised.Module.Action(t.Context(), d.run(), found); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.Users, d.Users); diff != "" || d.writes != 1 {
		t.Fatalf("after the action, with %d writes (-want +got):\n%s", d.writes, diff)
	}
	status(first, types.StatusTypeActive)(want)
	if err := iamaccesskeycompromised.Module.Undo(t.Context(), d.run(), found); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.Users, d.Users); diff != "" {
		t.Errorf("after undo (-want +got):\n%s", diff)
	}
}

// What can't be read is not judged.
func TestGuardIsUnsure(t *testing.T) {
	d := quarantined()
	d.foreign = true
	if found, err := iamaccesskeycompromised.Module.Guard(t.Context(), d.run(), theUser); err == nil || found != nil {
		t.Errorf("of a key that is somebody else's the guard found %v, %v", found, err)
	}
}

func TestUndo(t *testing.T) {
	for _, c := range []struct {
		name    string
		change  func(*directory)
		present string // what there is now, of a refusal since the state has changed
		writes  int
	}{
		{"both inactive", func(d *directory) { status(first, "Inactive")(d); status(second, "Inactive")(d) }, "", 2},
		{"interrupted after the first", status(second, "Inactive"), "", 1},
		{"both active again", func(*directory) {}, `{"AKIAEXAMPLEEXAMPLE01":"Active","AKIAEXAMPLEEXAMPLE02":"Active"}`, 0},
		{"one deleted", func(d *directory) { without(first)(d); status(second, "Inactive")(d) }, `{"AKIAEXAMPLEEXAMPLE02":"Inactive"}`, 0},
		{"the user deleted", gone, `{}`, 0},
	} {
		found, d := find(t), quarantined()
		c.change(d)
		err := iamaccesskeycompromised.Module.Undo(t.Context(), d.run(), found)
		var changed *remediations.ChangedError
		present := ""
		if errors.As(err, &changed) {
			present = string(changed.Present)
		}
		if present != c.present || (err == nil) != (c.present == "") || d.writes != c.writes {
			t.Errorf("%s: undo returned %v with %q, and wrote %d times", c.name, err, present, d.writes)
		}
	}
}

// A user under two policies is looked at once, and a list that can't be AWS's ends the sweep.
func TestSweep(t *testing.T) {
	d := quarantined()
	d.Users["dana"].Attached, d.Users[user].Attached = []string{v2}, []string{v2, v3}
	var names []string
	for r, err := range iamaccesskeycompromised.Module.Sweep(t.Context(), d.run()) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, r.ID)
	}
	if !slices.Equal(names, []string{"dana", user}) {
		t.Errorf("the sweep listed %q", names)
	}
	for range iamaccesskeycompromised.Module.Sweep(t.Context(), d.run()) {
		break // which must not panic
	}
	d.stray = "$(id)"
	errs := 0
	for r, err := range iamaccesskeycompromised.Module.Sweep(t.Context(), d.run()) {
		if r.ID == d.stray {
			t.Errorf("the sweep listed %q", r.ID)
		}
		if err != nil {
			errs++
		}
	}
	if errs != 1 {
		t.Errorf("of a name that none can have the sweep returned %d errors", errs)
	}
}

func TestSuspects(t *testing.T) {
	want := []remediations.Resource{theUser}
	for parameters, want := range map[string][]remediations.Resource{
		`{"userName":"report-reader","policyArn":"` + v1 + `"}`:                                               want,
		`{"userName":"report-reader","policyArn":"arn:aws-cn:iam::aws:policy/AWSCompromisedKeyQuarantineV4"}`: want,
		`{"userName":"report-reader","policyName":"AWSExposedCredentialPolicy_DO_NOT_REMOVE"}`:                want,
		`{"userName":"report-reader"}`: want,
		`{"userName":"report-reader","policyArn":"arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3/x"}`:       {},
		`{"userName":"report-reader","policyArn":"arn:aws:iam::aws:policy/service-role/AWSCompromisedKeyQuarant"}`: {},
		`{"userName":"report-reader","policyName":"mine"}`:                                                         {},
		`{"policyArn":"` + v3 + `"}`:                  nil,
		`{"userName":"","policyArn":"` + v3 + `"}`:    nil,
		`{"userName":"a'b","policyArn":"` + v3 + `"}`: nil,
		`null`: nil,
	} {
		event, err := events.Parse(record(t, support, eventID, "AttachUserPolicy", parameters, ""))
		if err != nil {
			t.Fatal(err)
		}
		got, err := iamaccesskeycompromised.Module.Suspects(event)
		if (err == nil) != (want != nil) || !slices.Equal(got, want) {
			t.Errorf("%s: suspects are %+v, %v; want %+v", parameters, got, err, want)
		}
	}
}
