package ec2snapshotpublic_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/knowledge/sharing"
	"github.com/countermand/countermand/remediations/modules/ec2snapshotpublic"
	"github.com/countermand/countermand/remediations/moduletest"
)

const (
	account = "111122223333"
	partner = "444455556666"
	unknown = "777788889999"
	id      = "snap-0a1b2c3d4e5f60718"
	other   = "snap-0f0e0d0c0b0a09080"
)

// Who makes a call.
const (
	dana = `{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE123:dana","arn":"arn:aws:sts::111122223333:assumed-role/Developer/dana","accountId":"111122223333","accessKeyId":"ASIAEXAMPLEEXAMPLE12",
		"sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLEEXAMPLE123","arn":"arn:aws:iam::111122223333:role/Developer","accountId":"111122223333","userName":"Developer"},"attributes":{"creationDate":"2026-03-02T08:55:12Z","mfaAuthenticated":"true"}}}`
	lifecycle = `{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE456:dlm","arn":"arn:aws:sts::111122223333:assumed-role/AWSDataLifecycleManagerDefaultRole/dlm","accountId":"111122223333",
		"sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLEEXAMPLE456","arn":"arn:aws:iam::111122223333:role/service-role/AWSDataLifecycleManagerDefaultRole","accountId":"111122223333","userName":"AWSDataLifecycleManagerDefaultRole"},"attributes":{"creationDate":"2026-03-02T09:00:00Z","mfaAuthenticated":"false"}},
		"invokedBy":"dlm.amazonaws.com"}`
	countermand = `{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE789:countermand-ec2-snapshot-public","arn":"arn:aws:sts::111122223333:assumed-role/countermand-ec2-snapshot-public/countermand-ec2-snapshot-public","accountId":"111122223333","accessKeyId":"ASIAEXAMPLEEXAMPLE78",
		"sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLEEXAMPLE789","arn":"arn:aws:iam::111122223333:role/countermand-ec2-snapshot-public","accountId":"111122223333","userName":"countermand-ec2-snapshot-public"},"attributes":{"creationDate":"2026-03-02T09:15:01Z","mfaAuthenticated":"false"}}}`
)

// record is the event of a call of ModifySnapshotAttribute; more is further fields of the record.
func record(t *testing.T, who, eventID, parameters, more string) []byte {
	t.Helper()
	event, err := events.Wrap(fmt.Appendf(nil, `{"eventVersion":"1.10","userIdentity":%s,"eventTime":"2026-03-02T09:14:55Z",
		"eventSource":"ec2.amazonaws.com","eventName":"ModifySnapshotAttribute","awsRegion":"eu-central-1","sourceIPAddress":"198.51.100.17","userAgent":"aws-cli/2.27.1",
		"requestParameters":%s,%s"requestID":"7d2a4a0e-6a55-4d0b-8e6b-0b1f7a2c9d01","eventID":%q,"readOnly":false,"eventType":"AwsApiCall","managementEvent":true,
		"recipientAccountId":"111122223333","eventCategory":"Management"}`, who, parameters, more, eventID))
	if err != nil {
		t.Fatal(err)
	}
	return event
}

const (
	eventID = "5b1c6f8e-0d5f-4e0c-9a58-3c1d5b9f2b01"
	ownID   = "5b1c6f8e-0d5f-4e0c-9a58-3c1d5b9f2b02"
	worked  = `"responseElements":{"requestId":"7d2a4a0e-6a55-4d0b-8e6b-0b1f7a2c9d01","_return":true},`
	refused = `"errorCode":"Client.OperationNotPermitted","errorMessage":"Public sharing is blocked","responseElements":null,`
)

// change is the parameters that add or remove somebody.
func change(operation, who string) string {
	return `{"snapshotId":"` + id + `","createVolumePermission":{"` + operation + `":{"items":[` + who + `]}},"attributeType":"CREATE_VOLUME_PERMISSION"}`
}

const (
	everybody = `{"group":"all"}`
	aPartner  = `{"userId":"444455556666"}`
	anUnknown = `{"userId":"777788889999"}`
)

// shared is who may create volumes from a snapshot, both sorted.
type shared struct{ Groups, Accounts []string }

// region is the snapshots of the account, and block public access.
type region struct {
	Block     types.SnapshotBlockPublicAccessState
	Snapshots map[string]*shared
	fail      map[string]string // error code by operation
	answer    string            // the id that an answer is about, if that is not the one that was asked for
	writes    int
}

func (r *region) describe(in *ec2.DescribeSnapshotAttributeInput) (*ec2.DescribeSnapshotAttributeOutput, error) {
	s := r.Snapshots[aws.ToString(in.SnapshotId)]
	switch {
	case r.fail["describe"] != "":
		return nil, moduletest.Error(r.fail["describe"])
	case s == nil:
		return nil, moduletest.Error("InvalidSnapshot.NotFound")
	case in.Attribute != types.SnapshotAttributeNameCreateVolumePermission:
		return &ec2.DescribeSnapshotAttributeOutput{SnapshotId: in.SnapshotId}, nil
	}
	out := &ec2.DescribeSnapshotAttributeOutput{SnapshotId: in.SnapshotId}
	if r.answer != "" {
		out.SnapshotId = &r.answer
	}
	for _, a := range s.Accounts {
		out.CreateVolumePermissions = append(out.CreateVolumePermissions, types.CreateVolumePermission{UserId: &a})
	}
	for _, g := range s.Groups {
		out.CreateVolumePermissions = append(out.CreateVolumePermissions, types.CreateVolumePermission{Group: types.PermissionGroup(g)})
	}
	return out, nil
}

// list is two pages of the account's snapshots that a user may restore; of all of them if none is named.
func (r *region) list(in *ec2.DescribeSnapshotsInput) (*ec2.DescribeSnapshotsOutput, error) {
	if !slices.Equal(in.OwnerIds, []string{"self"}) || len(in.RestorableByUserIds) > 0 && !slices.Equal(in.RestorableByUserIds, []string{"all"}) {
		return nil, moduletest.Error("InvalidParameterValue")
	}
	if in.NextToken == nil {
		return &ec2.DescribeSnapshotsOutput{NextToken: aws.String("2")}, nil
	}
	out := &ec2.DescribeSnapshotsOutput{}
	for _, id := range slices.Sorted(maps.Keys(r.Snapshots)) {
		if len(in.RestorableByUserIds) == 0 || slices.Contains(r.Snapshots[id].Groups, "all") {
			out.Snapshots = append(out.Snapshots, types.Snapshot{SnapshotId: &id})
		}
	}
	return out, nil
}

func (r *region) block(*ec2.GetSnapshotBlockPublicAccessStateInput) (*ec2.GetSnapshotBlockPublicAccessStateOutput, error) {
	if r.fail["block"] != "" {
		return nil, moduletest.Error(r.fail["block"])
	}
	return &ec2.GetSnapshotBlockPublicAccessStateOutput{State: r.Block}, nil
}

func (r *region) modify(in *ec2.ModifySnapshotAttributeInput) (*ec2.ModifySnapshotAttributeOutput, error) {
	s := r.Snapshots[aws.ToString(in.SnapshotId)]
	switch {
	case s == nil:
		return nil, moduletest.Error("InvalidSnapshot.NotFound")
	case in.Attribute != types.SnapshotAttributeNameCreateVolumePermission || in.CreateVolumePermission == nil ||
		len(in.CreateVolumePermission.Add)+len(in.CreateVolumePermission.Remove) > 500:
		return nil, moduletest.Error("InvalidParameterValue")
	case len(in.CreateVolumePermission.Add) > 0 && r.fail["add"] != "":
		return nil, moduletest.Error(r.fail["add"])
	}
	for _, p := range in.CreateVolumePermission.Remove {
		s.Groups = slices.DeleteFunc(s.Groups, func(g string) bool { return g == string(p.Group) })
		s.Accounts = slices.DeleteFunc(s.Accounts, func(a string) bool { return a == aws.ToString(p.UserId) })
	}
	for _, p := range in.CreateVolumePermission.Add {
		if p.Group != "" {
			s.Groups = sorted(s.Groups, string(p.Group))
		}
		if p.UserId != nil {
			s.Accounts = sorted(s.Accounts, *p.UserId)
		}
	}
	r.writes++
	return &ec2.ModifySnapshotAttributeOutput{}, nil
}

func sorted(set []string, more string) []string {
	set = append(set, more)
	slices.Sort(set)
	return slices.Compact(set)
}

// open is a Region with a public snapshot that is also shared with a partner, and beside it one that is public, too.
func open() *region {
	return &region{Block: types.SnapshotBlockPublicAccessStateUnblocked, Snapshots: map[string]*shared{
		id:    {Groups: []string{"all"}, Accounts: []string{partner}},
		other: {Groups: []string{"all"}, Accounts: []string{}},
	}}
}

func world(changes ...func(*region)) func() *moduletest.World {
	return func() *moduletest.World {
		r := open()
		r.Snapshots[other] = &shared{Groups: []string{"later"}, Accounts: []string{account, partner}} // a sweep takes care of all
		for _, change := range changes {
			change(r)
		}
		return &moduletest.World{
			State:   r,
			Change:  func() { r.Snapshots[id] = &shared{Groups: []string{"all"}, Accounts: []string{partner, unknown}} },
			Answers: []moduletest.Answer{moduletest.On(r.describe), moduletest.On(r.list), moduletest.On(r.block), moduletest.On(r.modify)},
		}
	}
}

func strange(r *region) { r.Snapshots[id].Accounts = []string{account, partner, unknown} }
func private(r *region) { r.Snapshots[id].Groups = []string{} }
func gone(r *region)    { delete(r.Snapshots, id) }
func blocked(state types.SnapshotBlockPublicAccessState) func(*region) {
	return func(r *region) { r.Block = state }
}

func Test(t *testing.T) {
	own := [][]byte{record(t, countermand, ownID, change("remove", everybody), worked)}
	acts := func(name string, event []byte, changes ...func(*region)) moduletest.Case {
		return moduletest.Case{Name: name, Event: event, World: world(changes...), Acts: true, Own: own}
	}
	idle := func(name string, event []byte, changes ...func(*region)) moduletest.Case {
		return moduletest.Case{Name: name, Event: event, World: world(changes...)}
	}
	trusting := func(c moduletest.Case) moduletest.Case {
		c.Settings = sharing.Settings{TrustedAccounts: []remediations.AccountID{partner}}
		return c
	}
	public := record(t, dana, eventID, change("add", everybody), worked)
	withUnknown := record(t, dana, eventID, change("add", anUnknown), worked)
	moduletest.Run(t, ec2snapshotpublic.Module,
		trusting(acts("shared with an account that is not trusted", withUnknown, private, strange)),
		trusting(acts("shared with everybody, and such an account", public, strange)),
		trusting(acts("shared with such an account, while it is no longer public", withUnknown, strange, blocked(types.SnapshotBlockPublicAccessStateBlockAllSharing))),
		trusting(acts("shared with everybody, while others are trusted", public)),
		trusting(idle("shared with a trusted account", record(t, dana, eventID, change("add", aPartner), worked), private)),
		trusting(idle("taken from such an account again", withUnknown, private)),
		idle("shared with an account, none being trusted", withUnknown, private, strange),

		acts("shared with everybody", public),
		acts("shared with everybody, and with nobody else", public, func(r *region) { r.Snapshots[id].Accounts = []string{} }),
		acts("flat parameters", record(t, dana, eventID, `{"snapshotId":"`+id+`","attributeType":"CREATE_VOLUME_PERMISSION","operationType":"add","groupSet":{"items":[{"groupId":"all"}]}}`, worked)),
		acts("parameters as lists", record(t, dana, eventID, `{"snapshotId":["`+id+`"],"createVolumePermission":[{"add":{"items":[{"group":"all"}]}}]}`, worked)),
		acts("nothing but the id", record(t, dana, eventID, `{"snapshotId":"`+id+`"}`, `"responseElements":null,`)),
		acts("by a service", record(t, lifecycle, eventID, change("add", everybody), worked)),
		acts("a partner added to a public one", record(t, dana, eventID, change("add", aPartner), worked)),
		acts("only new sharing is blocked", public, blocked(types.SnapshotBlockPublicAccessStateBlockNewSharing)),

		idle("shared with a partner", record(t, dana, eventID, change("add", aPartner), worked), private),
		idle("shared with a partner by a service", record(t, lifecycle, eventID, change("add", aPartner), worked), private),
		idle("a partner removed", record(t, dana, eventID, change("remove", aPartner), worked), private),
		idle("shared with a group that is not everybody", public, func(r *region) { r.Snapshots[id].Groups = []string{"later"} }),
		idle("private again", public, private),
		idle("all sharing is blocked", public, blocked(types.SnapshotBlockPublicAccessStateBlockAllSharing)),
		idle("deleted since", public, gone),
		idle("the call was refused", record(t, dana, eventID, change("add", everybody), refused)),
		idle("another account's snapshot, refused", record(t, dana, eventID, change("add", everybody), `"errorCode":"Client.AuthFailure","errorMessage":"Not authorized","responseElements":null,`)),
	)
}

// run is a module's run in the Region.
func (r *region) run() *remediations.Run {
	answer := func(in any) (any, error) {
		switch in := in.(type) {
		case *ec2.DescribeSnapshotAttributeInput:
			return r.describe(in)
		case *ec2.DescribeSnapshotsInput:
			return r.list(in)
		case *ec2.GetSnapshotBlockPublicAccessStateInput:
			return r.block(in)
		case *ec2.ModifySnapshotAttributeInput:
			return r.modify(in)
		}
		return nil, errors.New("unexpected call")
	}
	return &remediations.Run{AWS: moduletest.Config("eu-central-1", answer), Account: account, Settings: sharing.Settings{}}
}

var snapshot = remediations.Resource{ID: id, Type: "AWS::EC2::Snapshot", Account: account, Region: "eu-central-1"}

// find is what the guard finds about the public snapshot.
func find(t *testing.T) *remediations.Finding {
	t.Helper()
	found, err := ec2snapshotpublic.Module.Guard(t.Context(), open().run(), snapshot)
	if err != nil || found == nil {
		t.Fatalf("the guard found %v, %v", found, err)
	}
	return found
}

func TestFinding(t *testing.T) {
	const command = "aws ec2 modify-snapshot-attribute --region 'eu-central-1' --snapshot-id 'snap-0a1b2c3d4e5f60718' --attribute createVolumePermission --operation-type "
	want := &remediations.Finding{
		Resource: snapshot,
		Reason:   "the snapshot is public: everybody may copy it and create volumes from it",
		Before:   json.RawMessage(`{"public":true}`), After: json.RawMessage(`{"public":false}`),
		Fix: command + "remove --group-names all", Revert: command + "add --group-names all",
	}
	if diff := cmp.Diff(want, find(t)); diff != "" {
		t.Errorf("finding differs (-want +got):\n%s", diff)
	}
}

// Everybody else who may use the snapshot still may, and other snapshots are not touched, by the action and by undo.
func TestNeighboursStay(t *testing.T) {
	found, r, want := find(t), open(), open()
	r.Snapshots[id].Accounts = []string{"222233334444", partner}
	want.Snapshots[id].Accounts, want.Snapshots[id].Groups = r.Snapshots[id].Accounts, []string{}
	for range 2 { // and a second time it changes nothing
		if err := ec2snapshotpublic.Module.Action(t.Context(), r.run(), found); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.Snapshots, r.Snapshots); diff != "" {
			t.Fatalf("after the action (-want +got):\n%s", diff)
		}
	}
	r.Snapshots[id].Accounts = []string{"777788889999"} // somebody's decision since, which is not undo's
	want.Snapshots[id] = &shared{Groups: []string{"all"}, Accounts: []string{"777788889999"}}
	if err := ec2snapshotpublic.Module.Undo(t.Context(), r.run(), found); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.Snapshots, r.Snapshots); diff != "" {
		t.Errorf("after undo (-want +got):\n%s", diff)
	}
}

// What can't be read is not judged.
func TestGuardIsUnsure(t *testing.T) {
	for name, change := range map[string]func(*region){
		"not ours":                   func(r *region) { r.fail = map[string]string{"describe": "AuthFailure"} },
		"no right to ask":            func(r *region) { r.fail = map[string]string{"describe": "UnauthorizedOperation"} },
		"no right to ask for blocks": func(r *region) { r.fail = map[string]string{"block": "UnauthorizedOperation"} },
		"another snapshot's answer":  func(r *region) { r.answer = other },
	} {
		r := open()
		change(r)
		if found, err := ec2snapshotpublic.Module.Guard(t.Context(), r.run(), snapshot); err == nil || found != nil {
			t.Errorf("%s: the guard found %v, %v", name, found, err)
		}
	}
}

// Permissions are changed by no more than EC2 takes in a call, and those of trusted accounts never.
func TestManyAccounts(t *testing.T) {
	r := open()
	for i := range 1200 {
		r.Snapshots[id].Accounts = append(r.Snapshots[id].Accounts, fmt.Sprintf("%012d", i))
	}
	before := slices.Sorted(slices.Values(r.Snapshots[id].Accounts))
	run := r.run()
	run.Settings = sharing.Settings{TrustedAccounts: []remediations.AccountID{partner}}
	found, err := ec2snapshotpublic.Module.Guard(t.Context(), run, snapshot)
	if err != nil {
		t.Fatal(err)
	}
	if err := ec2snapshotpublic.Module.Action(t.Context(), run, found); err != nil {
		t.Fatal(err)
	}
	if got := r.Snapshots[id]; !slices.Equal(got.Accounts, []string{partner}) || len(got.Groups) > 0 || r.writes != 3 {
		t.Errorf("after %d writes it is shared with %v", r.writes, got)
	}
	run.Settings = nil
	if err := ec2snapshotpublic.Module.Undo(t.Context(), run, found); err != nil {
		t.Fatal(err)
	}
	if got := r.Snapshots[id]; !slices.Equal(got.Accounts, before) || !slices.Equal(got.Groups, []string{"all"}) || r.writes != 6 {
		t.Errorf("after undo, with %d writes, it is shared with %d accounts and %v", r.writes, len(got.Accounts), got.Groups)
	}
}

// Only what may be wrong is looked at.
func TestSweep(t *testing.T) {
	for _, test := range []struct {
		trusted []remediations.AccountID
		want    []string
	}{{nil, []string{id}}, {[]remediations.AccountID{partner}, []string{id, other}}} {
		r := open()
		r.Snapshots[other].Groups = nil
		run := r.run()
		run.Settings = sharing.Settings{TrustedAccounts: test.trusted}
		var got []string
		for s, err := range ec2snapshotpublic.Module.Sweep(t.Context(), run) {
			if err != nil {
				t.Error(err)
			}
			got = append(got, s.ID)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("with %v trusted it looks at %q, want %q", test.trusted, got, test.want)
		}
	}
}

func TestSweepIsUnsure(t *testing.T) {
	r := open()
	r.Snapshots["snap-'; rm"] = &shared{Groups: []string{"all"}}
	for got, err := range ec2snapshotpublic.Module.Sweep(t.Context(), r.run()) {
		if err == nil {
			t.Errorf("it lists %v", got)
		}
		break
	}
}

func TestUndoRefuses(t *testing.T) {
	for _, test := range []struct {
		name    string
		change  func(*region)
		present string // what there is now, of a refusal since the state has changed
		code    string // of AWS's error otherwise
	}{
		{"public again", func(r *region) { r.Snapshots[id].Groups = []string{"all"} }, `{"public":true}`, ""},
		{"deleted", gone, "null", ""},
		{"can't be read", func(r *region) { r.fail = map[string]string{"describe": "AuthFailure"} }, "", "AuthFailure"},
		{"EC2 says no", func(r *region) { r.fail = map[string]string{"add": "OperationNotPermitted"} }, "", "OperationNotPermitted"},
	} {
		r := open()
		private(r)
		test.change(r)
		err := ec2snapshotpublic.Module.Undo(t.Context(), r.run(), find(t))
		var changed *remediations.ChangedError
		present := ""
		if errors.As(err, &changed) {
			present = string(changed.Present)
		}
		if err == nil || present != test.present || remediations.ErrorCode(err) != test.code || r.writes > 0 {
			t.Errorf("%s: undo returned %v with %q, and wrote %d times", test.name, err, present, r.writes)
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
		found, r := find(t), open()
		private(r)
		damage(found)
		if err := ec2snapshotpublic.Module.Undo(t.Context(), r.run(), found); err == nil || errors.Is(err, remediations.ErrChanged) || r.writes > 0 {
			t.Errorf("undo of before %s and after %s returned %v and wrote %d times", found.Before, found.After, err, r.writes)
		}
	}
}

func TestSuspects(t *testing.T) {
	for parameters, want := range map[string]bool{
		change("add", everybody):             true,
		change("add", aPartner):              true,
		change("remove", everybody):          true,
		`{"snapshotId":["` + id + `"]}`:      true,
		`null`:                               false,
		`{}`:                                 false,
		`{"snapshotId":""}`:                  false,
		`{"snapshotId":{"id":"` + id + `"}}`: false,
		`{"snapshotId":["` + id + `","` + other + `"]}`:                  false,
		`{"snapshotId":"vol-0a1b2c3d4e5f60718"}`:                         false,
		`{"snapshotId":"snap-0a1b'; rm -rf ~"}`:                          false,
		`{"snapshotId":"` + id + `\n"}`:                                  false,
		`{"snapshotId":"arn:aws:ec2:eu-central-1::snapshot/` + id + `"}`: false,
	} {
		event, err := events.Parse(record(t, dana, eventID, parameters, worked))
		if err != nil {
			t.Fatal(err)
		}
		got, err := ec2snapshotpublic.Module.Suspects(event)
		if (err == nil) != want || want && !slices.Equal(got, []remediations.Resource{snapshot}) || !want && got != nil {
			t.Errorf("%s: suspects are %+v, %v; want the snapshot: %t", parameters, got, err, want)
		}
	}
}
