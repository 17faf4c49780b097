package iamaccesskeycreated_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/google/go-cmp/cmp"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/modules/iamaccesskeycreated"
	"github.com/countermand/countermand/remediations/moduletest"
)

const (
	account = "111122223333"
	user    = "report-reader"
	key     = "AKIAEXAMPLEEXAMPLE01" // the new one
	old     = "AKIAEXAMPLEEXAMPLE00" // another of the same user
	others  = "AKIAEXAMPLEEXAMPLE03" // another user's
)

// Who makes a call.
const (
	herself = `{"type":"IAMUser","principalId":"AIDAEXAMPLEEXAMPLE123","arn":"arn:aws:iam::111122223333:user/report-reader","accountId":"111122223333","accessKeyId":"ASIAEXAMPLEEXAMPLE11","userName":"report-reader",
		"sessionContext":{"attributes":{"creationDate":"2026-03-02T08:55:12Z","mfaAuthenticated":"true"}}}`
	mallory = `{"type":"IAMUser","principalId":"AIDAEXAMPLEEXAMPLE456","arn":"arn:aws:iam::111122223333:user/mallory","accountId":"111122223333","accessKeyId":"AKIAEXAMPLEEXAMPLE12","userName":"mallory"}`
	dana    = `{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE123:dana","arn":"arn:aws:sts::111122223333:assumed-role/Developer/dana","accountId":"111122223333","accessKeyId":"ASIAEXAMPLEEXAMPLE12",
		"sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLEEXAMPLE123","arn":"arn:aws:iam::111122223333:role/Developer","accountId":"111122223333","userName":"Developer"},"attributes":{"creationDate":"2026-03-02T08:55:12Z","mfaAuthenticated":"true"}}}`
	byStack = `{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE456:AWSCloudFormation","arn":"arn:aws:sts::111122223333:assumed-role/Deploy/AWSCloudFormation","accountId":"111122223333",
		"sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLEEXAMPLE456","arn":"arn:aws:iam::111122223333:role/Deploy","accountId":"111122223333","userName":"Deploy"},"attributes":{"creationDate":"2026-03-02T09:00:00Z","mfaAuthenticated":"false"}},
		"invokedBy":"cloudformation.amazonaws.com"}`
	theRoot     = `{"type":"Root","principalId":"111122223333","arn":"arn:aws:iam::111122223333:root","accountId":"111122223333","accessKeyId":"ASIAEXAMPLEEXAMPLE13","sessionContext":{"attributes":{"creationDate":"2026-03-02T08:55:12Z","mfaAuthenticated":"true"}}}`
	countermand = `{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE789:countermand-iam-access-key-created","arn":"arn:aws:sts::111122223333:assumed-role/countermand-iam-access-key-created/countermand-iam-access-key-created","accountId":"111122223333","accessKeyId":"ASIAEXAMPLEEXAMPLE78",
		"sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLEEXAMPLE789","arn":"arn:aws:iam::111122223333:role/countermand-iam-access-key-created","accountId":"111122223333","userName":"countermand-iam-access-key-created"},"attributes":{"creationDate":"2026-03-02T09:15:01Z","mfaAuthenticated":"false"}}}`
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
	eventID = "5b1c6f8e-0d5f-4e0c-9a58-3c1d5b9f2c01"
	ownID   = "5b1c6f8e-0d5f-4e0c-9a58-3c1d5b9f2c02"
	forUser = `{"userName":"report-reader"}`
	ofUser  = `{"accessKey":{"userName":"report-reader","accessKeyId":"AKIAEXAMPLEEXAMPLE01","status":"Active","createDate":"Mar 2, 2026, 9:14:55 AM"}}`
	ofRoot  = `{"accessKey":{"accessKeyId":"AKIAEXAMPLEEXAMPLE01","status":"Active","createDate":"Mar 2, 2026, 9:14:55 AM"}}`
)

func created(t *testing.T, who, parameters, response string) []byte {
	return record(t, who, eventID, "CreateAccessKey", parameters, response, "")
}

// directory is the users of an account with their keys.
type directory struct {
	Users    map[string]map[string]types.StatusType
	RootKeys int32 // 1 if the root has any
	silent   bool  // the account's summary says nothing of the root's keys
	foreign  bool  // the list of keys is another user's
	anyCase  bool  // a user is found by its name in capitals, too
	odd      string
	writes   int
}

func (d *directory) list(in *iam.ListAccessKeysInput) (*iam.ListAccessKeysOutput, error) {
	name := aws.ToString(in.UserName)
	if d.anyCase {
		name = strings.ToLower(name)
	}
	keys, there := d.Users[name]
	if !there {
		return nil, moduletest.Error("NoSuchEntity")
	}
	out := &iam.ListAccessKeysOutput{}
	ids := slices.Sorted(maps.Keys(keys))
	if len(ids) > 1 && in.Marker == nil { // a page of one key each
		out.IsTruncated, out.Marker, ids = true, aws.String("more"), ids[:1]
	} else if in.Marker != nil {
		ids = ids[1:]
	}
	for _, id := range ids {
		one := types.AccessKeyMetadata{AccessKeyId: aws.String(id + d.odd), Status: keys[id], UserName: &name}
		if d.foreign {
			one.UserName = aws.String("somebody")
		}
		out.AccessKeyMetadata = append(out.AccessKeyMetadata, one)
	}
	return out, nil
}

func (d *directory) summary(*iam.GetAccountSummaryInput) (*iam.GetAccountSummaryOutput, error) {
	if d.silent {
		return &iam.GetAccountSummaryOutput{SummaryMap: map[string]int32{"AccountMFAEnabled": 1}}, nil
	}
	return &iam.GetAccountSummaryOutput{SummaryMap: map[string]int32{"AccountAccessKeysPresent": d.RootKeys, "AccountMFAEnabled": 1}}, nil
}

func (d *directory) update(in *iam.UpdateAccessKeyInput) (*iam.UpdateAccessKeyOutput, error) {
	keys := d.Users[aws.ToString(in.UserName)]
	if _, there := keys[aws.ToString(in.AccessKeyId)]; !there {
		return nil, moduletest.Error("NoSuchEntity")
	}
	keys[*in.AccessKeyId] = in.Status
	d.writes++
	return &iam.UpdateAccessKeyOutput{}, nil
}

// directoryWithKeys is an account in which a user has a new key beside an old one, another user has a key, and the root has one.
func directoryWithKeys() *directory {
	return &directory{RootKeys: 1, Users: map[string]map[string]types.StatusType{
		user:      {key: types.StatusTypeActive, old: types.StatusTypeActive},
		"mallory": {others: types.StatusTypeActive},
	}}
}

func world(changes ...func(*directory)) func() *moduletest.World {
	return func() *moduletest.World {
		d := directoryWithKeys()
		for _, change := range changes {
			change(d)
		}
		return &moduletest.World{
			State:   d,
			Change:  func() { d.Users[user][key] = types.StatusTypeActive },
			Answers: []moduletest.Answer{moduletest.On(d.list), moduletest.On(d.summary), moduletest.On(d.update)},
		}
	}
}

func inactive(d *directory) { d.Users[user][key] = types.StatusTypeInactive }
func expired(d *directory)  { d.Users[user][key] = types.StatusTypeExpired }
func deleted(d *directory)  { delete(d.Users[user], key) }
func gone(d *directory)     { delete(d.Users, user) }
func noRoot(d *directory)   { d.RootKeys = 0 }

func settings(users ...string) iamaccesskeycreated.Settings {
	return iamaccesskeycreated.Settings{KeyUsers: users}
}

func Test(t *testing.T) {
	own := [][]byte{record(t, countermand, ownID, "UpdateAccessKey", `{"status":"Inactive","userName":"report-reader","accessKeyId":"AKIAEXAMPLEEXAMPLE01"}`, "null", "")}
	acts := func(name string, event []byte, changes ...func(*directory)) moduletest.Case {
		return moduletest.Case{Name: name, Event: event, World: world(changes...), Acts: true, Own: own}
	}
	idle := func(name string, event []byte, changes ...func(*directory)) moduletest.Case {
		return moduletest.Case{Name: name, Event: event, World: world(changes...)}
	}
	with := func(c moduletest.Case, s iamaccesskeycreated.Settings) moduletest.Case {
		c.Settings = s
		return c
	}
	byDana := created(t, dana, forUser, ofUser)
	itself := created(t, herself, "null", ofUser)
	root := created(t, theRoot, "null", ofRoot)
	alert := func(c moduletest.Case) moduletest.Case { c.Own = nil; return c }
	moduletest.Run(t, iamaccesskeycreated.Module,
		acts("made by a role for a user", byDana),
		acts("made by another user", created(t, mallory, forUser, ofUser)),
		acts("made by the root for a user", created(t, theRoot, forUser, ofUser)),
		acts("made by a stack", created(t, byStack, forUser, ofUser)),
		acts("made by the user itself, and nobody is meant to have one", itself),
		acts("made by the user itself, by name", created(t, herself, forUser, ofUser)),
		acts("the only key", byDana, func(d *directory) { delete(d.Users[user], old) }),
		with(acts("made by the user itself, and others are meant to have one", itself), settings("mallory")),
		with(acts("made by a user of the same name in another account", created(t, strings.ReplaceAll(herself, account, "444455556666"), forUser, ofUser)), settings(user)),
		with(acts("made by somebody of the same name who is no user", created(t, strings.Replace(herself, "IAMUser", "SAMLUser", 1), forUser, ofUser)), settings(user)),
		with(acts("made by another user for one that is meant to make its own", created(t, mallory, forUser, ofUser)), settings(user, "mallory")),
		alert(acts("the root's own", root)),
		alert(acts("the root's own, with empty parameters", created(t, theRoot, "{}", ofRoot))),

		with(idle("made by a user that is meant to have one", itself), settings("mallory", user)),
		idle("inactive again", byDana, inactive),
		idle("expired", byDana, expired),
		idle("deleted since", byDana, deleted),
		idle("the user is deleted since", byDana, gone),
		idle("the root's own is deleted since", root, noRoot),
		idle("refused", record(t, mallory, eventID, "CreateAccessKey", "null", "null", `"errorCode":"AccessDenied","errorMessage":"not authorized",`)),
		idle("one too many", record(t, herself, eventID, "CreateAccessKey", forUser, "null", `"errorCode":"LimitExceededException","errorMessage":"Cannot exceed quota",`)),
		idle("another kind of credential", record(t, dana, eventID, "CreateServiceSpecificCredential", forUser, "null", "")),
	)
}

// run is a module's run in the account, on an event; nil for undo.
func (d *directory) run(t *testing.T, raw []byte) *remediations.Run {
	t.Helper()
	answer := func(in any) (any, error) {
		switch in := in.(type) {
		case *iam.ListAccessKeysInput:
			return d.list(in)
		case *iam.GetAccountSummaryInput:
			return d.summary(in)
		case *iam.UpdateAccessKeyInput:
			return d.update(in)
		}
		return nil, errors.New("unexpected call")
	}
	run := &remediations.Run{AWS: moduletest.Config("us-east-1", answer), Settings: iamaccesskeycreated.Settings{}}
	if raw != nil {
		event, err := events.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		run.Event = &event
	}
	return run
}

var (
	theUser = remediations.Resource{ID: user, Type: "AWS::IAM::User", Account: account, Region: "us-east-1"}
	aRoot   = remediations.Resource{ID: account, Type: "AWS::IAM::RootUser", Account: account, Region: "us-east-1"}
)

// find is what the guard finds about the new key.
func find(t *testing.T) *remediations.Finding {
	t.Helper()
	found, err := iamaccesskeycreated.Module.Guard(t.Context(), directoryWithKeys().run(t, created(t, dana, forUser, ofUser)), theUser)
	if err != nil || found == nil {
		t.Fatalf("the guard found %v, %v", found, err)
	}
	return found
}

func TestFinding(t *testing.T) {
	const command = "aws iam update-access-key --user-name 'report-reader' --access-key-id 'AKIAEXAMPLEEXAMPLE01' --status "
	want := &remediations.Finding{
		Resource: theUser,
		Reason:   "the new access key AKIAEXAMPLEEXAMPLE01 of user report-reader is active, and was made by somebody else: dana (role Developer)",
		Before:   json.RawMessage(`{"AKIAEXAMPLEEXAMPLE01":"Active"}`), After: json.RawMessage(`{"AKIAEXAMPLEEXAMPLE01":"Inactive"}`),
		Fix: command + "Inactive", Revert: command + "Active",
	}
	if diff := cmp.Diff(want, find(t)); diff != "" {
		t.Errorf("finding differs (-want +got):\n%s", diff)
	}
	itself, err := iamaccesskeycreated.Module.Guard(t.Context(), directoryWithKeys().run(t, created(t, herself, "null", ofUser)), theUser)
	if err != nil || itself == nil || !strings.HasSuffix(itself.Reason, "is active, and the user is not one of those that may have one (keyUsers)") {
		t.Errorf("of the user's own key the guard found %+v, %v", itself, err)
	}
	root, err := iamaccesskeycreated.Module.Guard(t.Context(), directoryWithKeys().run(t, created(t, theRoot, "null", ofRoot)), aRoot)
	if err != nil || root == nil || !root.AlertOnly || !strings.Contains(root.Fix, "delete-access-key --access-key-id KEY") || root.Revert != "" {
		t.Errorf("of the root's key the guard found %+v, %v", root, err)
	}
}

// The user's other key and other users' keys stay as they are, with the action and with undo.
func TestNeighboursStay(t *testing.T) {
	found, d, want := find(t), directoryWithKeys(), directoryWithKeys()
	inactive(want)
	for range 2 { // and a second time it changes nothing
		if err := iamaccesskeycreated.Module.Action(t.Context(), d.run(t, nil), found); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.Users, d.Users); diff != "" {
			t.Fatalf("after the action (-want +got):\n%s", diff)
		}
	}
	d.Users[user][old] = types.StatusTypeInactive // somebody's decision since, which is not undo's
	want = directoryWithKeys()
	want.Users[user][old] = types.StatusTypeInactive
	if err := iamaccesskeycreated.Module.Undo(t.Context(), d.run(t, nil), found); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.Users, d.Users); diff != "" {
		t.Errorf("after undo (-want +got):\n%s", diff)
	}
}

// IAM does not tell names by case: who makes a key for REPORT-READER makes one for report-reader.
func TestNamesInAnotherCase(t *testing.T) {
	d := directoryWithKeys()
	d.anyCase = true
	shouted := remediations.Resource{ID: strings.ToUpper(user), Type: theUser.Type, Account: account, Region: theUser.Region}
	byMallory := created(t, mallory, `{"userName":"REPORT-READER"}`, strings.ReplaceAll(ofUser, user, shouted.ID))
	found, err := iamaccesskeycreated.Module.Guard(t.Context(), d.run(t, byMallory), shouted)
	if err != nil || found == nil || string(found.After) != `{"AKIAEXAMPLEEXAMPLE01":"Inactive"}` {
		t.Errorf("the guard found %+v, %v", found, err)
	}
	run := d.run(t, created(t, herself, `{"userName":"REPORT-READER"}`, ofUser))
	run.Settings = settings("Report-Reader")
	if found, err = iamaccesskeycreated.Module.Guard(t.Context(), run, shouted); err != nil || found != nil {
		t.Errorf("of a key that the user may make the guard found %+v, %v", found, err)
	}
}

// What can't be read is not judged.
func TestGuardIsUnsure(t *testing.T) {
	for name, c := range map[string]struct {
		resource remediations.Resource
		change   func(*directory)
	}{
		"another user's keys":                 {theUser, func(d *directory) { d.foreign = true }},
		"no key's id":                         {theUser, func(d *directory) { d.odd = "'; id" }},
		"a key without a status":              {theUser, func(d *directory) { d.Users[user][key] = "" }},
		"a summary without the root's access": {aRoot, func(d *directory) { d.silent = true }},
	} {
		d := directoryWithKeys()
		c.change(d)
		if found, err := iamaccesskeycreated.Module.Guard(t.Context(), d.run(t, created(t, dana, forUser, ofUser)), c.resource); err == nil || found != nil {
			t.Errorf("%s: the guard found %v, %v", name, found, err)
		}
	}
}

func TestUndoRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(*directory)
		present string // what there is now
	}{
		"active again":       {func(*directory) {}, `{"AKIAEXAMPLEEXAMPLE01":"Active"}`},
		"deleted":            {deleted, `{}`},
		"the user's deleted": {gone, `{}`},
		"expired":            {expired, `{"AKIAEXAMPLEEXAMPLE01":"Expired"}`},
	} {
		d := directoryWithKeys()
		c.change(d)
		err := iamaccesskeycreated.Module.Undo(t.Context(), d.run(t, nil), find(t))
		var changed *remediations.ChangedError
		if !errors.As(err, &changed) || string(changed.Present) != c.present || d.writes > 0 {
			t.Errorf("%s: undo returned %v, and wrote %d times", name, err, d.writes)
		}
	}
}

// A record that does not hold the states leads to no write.
func TestDamagedFinding(t *testing.T) {
	for _, damage := range []func(*remediations.Finding){
		func(f *remediations.Finding) { f.Before = nil },
		func(f *remediations.Finding) { f.After = nil },
		func(f *remediations.Finding) { f.Before = json.RawMessage("null") },
		func(f *remediations.Finding) { f.Before = f.After },
		func(f *remediations.Finding) { f.After = f.Before },
	} {
		found, d := find(t), directoryWithKeys()
		inactive(d)
		damage(found)
		if err := iamaccesskeycreated.Module.Undo(t.Context(), d.run(t, nil), found); err == nil || errors.Is(err, remediations.ErrChanged) || d.writes > 0 {
			t.Errorf("undo of before %s and after %s returned %v and wrote %d times", found.Before, found.After, err, d.writes)
		}
	}
}

func TestSuspects(t *testing.T) {
	for _, c := range []struct {
		who, parameters, response string
		want                      []remediations.Resource
	}{
		{dana, forUser, ofUser, []remediations.Resource{theUser}},
		{herself, "null", ofUser, []remediations.Resource{theUser}},
		{theRoot, forUser, ofUser, []remediations.Resource{theUser}},
		{theRoot, "null", ofRoot, []remediations.Resource{aRoot}},
		{theRoot, "null", "null", []remediations.Resource{aRoot}},
		{dana, "null", ofRoot, nil},
		{dana, forUser, "null", nil},
		{dana, forUser, `{"accessKey":{"userName":"report-reader"}}`, nil},
		{dana, `{"userName":"x; rm -rf ~"}`, ofUser, nil},
		{dana, `{"userName":"x\n"}`, ofUser, nil},
		{dana, `{"userName":{"a":1}}`, `{"accessKey":{"accessKeyId":"AKIAEXAMPLEEXAMPLE01"}}`, nil},
		{dana, forUser, `{"accessKey":{"userName":"report-reader","accessKeyId":"AKIA'$(id)'EXAMPLE"}}`, nil},
	} {
		event, err := events.Parse(created(t, c.who, c.parameters, c.response))
		if err != nil {
			t.Fatal(err)
		}
		got, err := iamaccesskeycreated.Module.Suspects(event)
		if (err == nil) != (c.want != nil) || !slices.Equal(got, c.want) {
			t.Errorf("%s, %s: suspects are %+v, %v; want %+v", c.parameters, c.response, got, err, c.want)
		}
	}
}

func TestSettings(t *testing.T) {
	for text, want := range map[string]bool{
		`{"keyUsers":["ci-deploy","svc.backup@example.com"]}`: true,
		`{"keyUsers":[]}`:                 true,
		`{"keyUsers":["team/ci-deploy"]}`: false,
		`{"keyUsers":["ci-*"]}`:           false,
		`{"keyUsers":[""]}`:               false,
	} {
		if _, err := iamaccesskeycreated.Module.ParseSettings([]byte(text)); (err == nil) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
}
