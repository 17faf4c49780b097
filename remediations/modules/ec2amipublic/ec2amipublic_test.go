package ec2amipublic_test

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
	"github.com/countermand/countermand/remediations/modules/ec2amipublic"
	"github.com/countermand/countermand/remediations/moduletest"
)

const (
	account = "111122223333"
	partner = "444455556666"
	unknown = "777788889999"
	id      = "ami-0a1b2c3d4e5f60718"
	other   = "ami-0f0e0d0c0b0a09080"
)

// Who makes a call.
const (
	dana = `{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE123:dana","arn":"arn:aws:sts::111122223333:assumed-role/Developer/dana","accountId":"111122223333","accessKeyId":"ASIAEXAMPLEEXAMPLE12",
		"sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLEEXAMPLE123","arn":"arn:aws:iam::111122223333:role/Developer","accountId":"111122223333","userName":"Developer"},"attributes":{"creationDate":"2026-03-02T08:55:12Z","mfaAuthenticated":"true"}}}`
	builder = `{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE456:Ec2ImageBuilderIntegrationService","arn":"arn:aws:sts::111122223333:assumed-role/AWSServiceRoleForImageBuilder/Ec2ImageBuilderIntegrationService","accountId":"111122223333",
		"sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLEEXAMPLE456","arn":"arn:aws:iam::111122223333:role/aws-service-role/imagebuilder.amazonaws.com/AWSServiceRoleForImageBuilder","accountId":"111122223333","userName":"AWSServiceRoleForImageBuilder"},"attributes":{"creationDate":"2026-03-02T09:00:00Z","mfaAuthenticated":"false"}},
		"invokedBy":"imagebuilder.amazonaws.com"}`
	countermand = `{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE789:countermand-ec2-ami-public","arn":"arn:aws:sts::111122223333:assumed-role/countermand-ec2-ami-public/countermand-ec2-ami-public","accountId":"111122223333","accessKeyId":"ASIAEXAMPLEEXAMPLE78",
		"sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLEEXAMPLE789","arn":"arn:aws:iam::111122223333:role/countermand-ec2-ami-public","accountId":"111122223333","userName":"countermand-ec2-ami-public"},"attributes":{"creationDate":"2026-03-02T09:15:01Z","mfaAuthenticated":"false"}}}`
)

// record is the event of a call of ModifyImageAttribute; more is further fields of the record.
func record(t *testing.T, who, eventID, parameters, more string) []byte {
	t.Helper()
	event, err := events.Wrap(fmt.Appendf(nil, `{"eventVersion":"1.10","userIdentity":%s,"eventTime":"2026-03-02T09:14:55Z",
		"eventSource":"ec2.amazonaws.com","eventName":"ModifyImageAttribute","awsRegion":"eu-central-1","sourceIPAddress":"198.51.100.17","userAgent":"aws-cli/2.27.1",
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
	return `{"imageId":"` + id + `","launchPermission":{"` + operation + `":{"items":[` + who + `]}},"attributeType":"launchPermission"}`
}

const (
	everybody = `{"group":"all"}`
	aPartner  = `{"userId":"444455556666"}`
	anUnknown = `{"userId":"777788889999"}`
	anOrg     = `{"organizationArn":"arn:aws:organizations::111122223333:organization/o-a1b2c3d4e5"}`

	org  = "arn:aws:organizations::111122223333:organization/o-a1b2c3d4e5"
	unit = "arn:aws:organizations::111122223333:ou/o-a1b2c3d4e5/ou-a1b2-c3d4e5f6"
)

// shared is who may launch an image, each sorted.
type shared struct{ Groups, Accounts, Orgs, Units []string }

// region is the images of the account.
type region struct {
	Images map[string]*shared
	fail   map[string]string // error code by operation
	answer string            // the id that an answer is about, if that is not the one that was asked for
	writes int
}

func (r *region) describe(in *ec2.DescribeImageAttributeInput) (*ec2.DescribeImageAttributeOutput, error) {
	s := r.Images[aws.ToString(in.ImageId)]
	switch {
	case r.fail["describe"] != "":
		return nil, moduletest.Error(r.fail["describe"])
	case s == nil:
		return nil, moduletest.Error("InvalidAMIID.NotFound")
	case in.Attribute != types.ImageAttributeNameLaunchPermission:
		return &ec2.DescribeImageAttributeOutput{ImageId: in.ImageId}, nil
	}
	out := &ec2.DescribeImageAttributeOutput{ImageId: in.ImageId}
	if r.answer != "" {
		out.ImageId = &r.answer
	}
	for _, a := range s.Accounts {
		out.LaunchPermissions = append(out.LaunchPermissions, types.LaunchPermission{UserId: &a})
	}
	for _, o := range s.Orgs {
		out.LaunchPermissions = append(out.LaunchPermissions, types.LaunchPermission{OrganizationArn: &o})
	}
	for _, u := range s.Units {
		out.LaunchPermissions = append(out.LaunchPermissions, types.LaunchPermission{OrganizationalUnitArn: &u})
	}
	for _, g := range s.Groups {
		out.LaunchPermissions = append(out.LaunchPermissions, types.LaunchPermission{Group: types.PermissionGroup(g)})
	}
	return out, nil
}

// list is two pages of the account's images, of the public ones if that is asked for.
func (r *region) list(in *ec2.DescribeImagesInput) (*ec2.DescribeImagesOutput, error) {
	public := len(in.Filters) == 1 && aws.ToString(in.Filters[0].Name) == "is-public" && slices.Equal(in.Filters[0].Values, []string{"true"})
	if !slices.Equal(in.Owners, []string{"self"}) || len(in.Filters) > 0 && !public {
		return nil, moduletest.Error("InvalidParameterValue")
	}
	if in.NextToken == nil {
		return &ec2.DescribeImagesOutput{NextToken: aws.String("2")}, nil
	}
	out := &ec2.DescribeImagesOutput{}
	for _, id := range slices.Sorted(maps.Keys(r.Images)) {
		if !public || slices.Contains(r.Images[id].Groups, "all") {
			out.Images = append(out.Images, types.Image{ImageId: &id})
		}
	}
	return out, nil
}

func (r *region) modify(in *ec2.ModifyImageAttributeInput) (*ec2.ModifyImageAttributeOutput, error) {
	s := r.Images[aws.ToString(in.ImageId)]
	switch {
	case s == nil:
		return nil, moduletest.Error("InvalidAMIID.NotFound")
	case aws.ToString(in.Attribute) != "launchPermission" || in.LaunchPermission == nil ||
		len(in.LaunchPermission.Add)+len(in.LaunchPermission.Remove) > 500:
		return nil, moduletest.Error("InvalidParameterValue")
	case len(in.LaunchPermission.Add) > 0 && r.fail["add"] != "":
		return nil, moduletest.Error(r.fail["add"])
	}
	for _, p := range in.LaunchPermission.Remove {
		remove(&s.Groups, string(p.Group))
		remove(&s.Accounts, aws.ToString(p.UserId))
		remove(&s.Orgs, aws.ToString(p.OrganizationArn))
		remove(&s.Units, aws.ToString(p.OrganizationalUnitArn))
	}
	for _, p := range in.LaunchPermission.Add {
		add(&s.Groups, string(p.Group))
		add(&s.Accounts, aws.ToString(p.UserId))
		add(&s.Orgs, aws.ToString(p.OrganizationArn))
		add(&s.Units, aws.ToString(p.OrganizationalUnitArn))
	}
	r.writes++
	return &ec2.ModifyImageAttributeOutput{}, nil
}

func remove(set *[]string, who string) {
	*set = slices.DeleteFunc(*set, func(member string) bool { return member == who })
}

func add(set *[]string, who string) {
	if who != "" {
		*set = append(*set, who)
		slices.Sort(*set)
		*set = slices.Compact(*set)
	}
}

// open is a Region with a public image that is also shared one by one, and beside it one that is public, too.
func open() *region {
	return &region{Images: map[string]*shared{
		id:    {Groups: []string{"all"}, Accounts: []string{partner}, Orgs: []string{org}, Units: []string{unit}},
		other: {Groups: []string{"all"}},
	}}
}

func world(changes ...func(*region)) func() *moduletest.World {
	return func() *moduletest.World {
		r := open()
		r.Images[other] = &shared{Groups: []string{"later"}, Accounts: []string{account, partner}, Orgs: []string{org}} // a sweep takes care of all
		for _, change := range changes {
			change(r)
		}
		return &moduletest.World{
			State:   r,
			Change:  func() { r.Images[id] = &shared{Groups: []string{"all"}, Accounts: []string{partner, unknown}} },
			Answers: []moduletest.Answer{moduletest.On(r.describe), moduletest.On(r.list), moduletest.On(r.modify)},
		}
	}
}

func strange(r *region) { r.Images[id].Accounts = []string{account, partner, unknown} }
func private(r *region) { r.Images[id].Groups = []string{} }
func gone(r *region)    { delete(r.Images, id) }
func disabled(r *region) {
	r.fail = map[string]string{"describe": "InvalidAMIID.Unavailable"}
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
	moduletest.Run(t, ec2amipublic.Module,
		trusting(acts("shared with an account that is not trusted", withUnknown, private, strange)),
		trusting(acts("shared with everybody, and such an account", public, strange)),
		trusting(acts("shared with everybody, while others are trusted", public)),
		trusting(idle("shared with a trusted account", record(t, dana, eventID, change("add", aPartner), worked), private)),
		trusting(idle("shared with the organization, while accounts are trusted", record(t, dana, eventID, change("add", anOrg), worked), private)),
		trusting(idle("taken from such an account again", withUnknown, private)),
		idle("shared with an account, none being trusted", withUnknown, private, strange),

		acts("shared with everybody", public),
		acts("shared with everybody, and with nobody else", public, func(r *region) { r.Images[id] = &shared{Groups: []string{"all"}} }),
		acts("flat parameters", record(t, dana, eventID, `{"imageId":"`+id+`","attributeType":"launchPermission","operationType":"add","groupSet":{"items":[{"groupId":"all"}]}}`, worked)),
		acts("parameters as lists", record(t, dana, eventID, `{"imageId":["`+id+`"],"launchPermission":[{"add":{"items":[{"group":"all"}]}}]}`, worked)),
		acts("nothing but the id", record(t, dana, eventID, `{"imageId":"`+id+`"}`, `"responseElements":null,`)),
		acts("by a service", record(t, builder, eventID, change("add", everybody), worked)),
		acts("a partner added to a public one", record(t, dana, eventID, change("add", aPartner), worked)),

		idle("shared with a partner", record(t, dana, eventID, change("add", aPartner), worked), private),
		idle("shared with the organization", record(t, dana, eventID, change("add", anOrg), worked), private),
		idle("shared with a partner by a service", record(t, builder, eventID, change("add", aPartner), worked), private),
		idle("a partner removed", record(t, dana, eventID, change("remove", aPartner), worked), private),
		idle("another attribute of a public one", record(t, dana, eventID, `{"imageId":"`+id+`","description":{"value":"golden image"},"attributeType":"description"}`, worked)),
		idle("shared with a group that is not everybody", public, func(r *region) { r.Images[id].Groups = []string{"later"} }),
		idle("private again", public, private),
		idle("deregistered since", public, gone),
		idle("disabled since", public, disabled),
		idle("the call was refused", record(t, dana, eventID, change("add", everybody), refused)),
		idle("another account's image, refused", record(t, dana, eventID, change("add", everybody), `"errorCode":"Client.AuthFailure","errorMessage":"Not authorized","responseElements":null,`)),
	)
}

// run is a module's run in the Region.
func (r *region) run() *remediations.Run {
	answer := func(in any) (any, error) {
		switch in := in.(type) {
		case *ec2.DescribeImageAttributeInput:
			return r.describe(in)
		case *ec2.DescribeImagesInput:
			return r.list(in)
		case *ec2.ModifyImageAttributeInput:
			return r.modify(in)
		}
		return nil, errors.New("unexpected call")
	}
	return &remediations.Run{AWS: moduletest.Config("eu-central-1", answer), Account: account, Settings: sharing.Settings{}}
}

var image = remediations.Resource{ID: id, Type: "AWS::EC2::Image", Account: account, Region: "eu-central-1"}

// find is what the guard finds about the public image.
func find(t *testing.T) *remediations.Finding {
	t.Helper()
	found, err := ec2amipublic.Module.Guard(t.Context(), open().run(), image)
	if err != nil || found == nil {
		t.Fatalf("the guard found %v, %v", found, err)
	}
	return found
}

func TestFinding(t *testing.T) {
	const command = "aws ec2 modify-image-attribute --region 'eu-central-1' --image-id 'ami-0a1b2c3d4e5f60718' --attribute launchPermission --operation-type "
	want := &remediations.Finding{
		Resource: image,
		Reason:   "the image is public: everybody may launch instances from it",
		Before:   json.RawMessage(`{"public":true}`), After: json.RawMessage(`{"public":false}`),
		Fix: command + "remove --user-groups all", Revert: command + "add --user-groups all",
	}
	if diff := cmp.Diff(want, find(t)); diff != "" {
		t.Errorf("finding differs (-want +got):\n%s", diff)
	}
}

// Everybody else who may launch the image still may, and other images are not touched, by the action and by undo.
func TestNeighboursStay(t *testing.T) {
	found, r, want := find(t), open(), open()
	r.Images[id].Accounts = []string{"222233334444", partner}
	want.Images[id].Accounts, want.Images[id].Groups = r.Images[id].Accounts, []string{}
	for range 2 { // and a second time it changes nothing
		if err := ec2amipublic.Module.Action(t.Context(), r.run(), found); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.Images, r.Images); diff != "" {
			t.Fatalf("after the action (-want +got):\n%s", diff)
		}
	}
	r.Images[id].Accounts = []string{"777788889999"} // somebody's decision since, which is not undo's
	want.Images[id].Groups, want.Images[id].Accounts = []string{"all"}, []string{"777788889999"}
	if err := ec2amipublic.Module.Undo(t.Context(), r.run(), found); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.Images, r.Images); diff != "" {
		t.Errorf("after undo (-want +got):\n%s", diff)
	}
}

// What can't be read is not judged.
func TestGuardIsUnsure(t *testing.T) {
	for name, change := range map[string]func(*region){
		"not ours":               func(r *region) { r.fail = map[string]string{"describe": "AuthFailure"} },
		"no right to ask":        func(r *region) { r.fail = map[string]string{"describe": "UnauthorizedOperation"} },
		"another image's answer": func(r *region) { r.answer = other },
	} {
		r := open()
		change(r)
		if found, err := ec2amipublic.Module.Guard(t.Context(), r.run(), image); err == nil || found != nil {
			t.Errorf("%s: the guard found %v, %v", name, found, err)
		}
	}
}

// Permissions are changed by no more than 500 in a call, and those of trusted accounts never.
func TestManyAccounts(t *testing.T) {
	r := open()
	for i := range 1200 {
		r.Images[id].Accounts = append(r.Images[id].Accounts, fmt.Sprintf("%012d", i))
	}
	before := slices.Sorted(slices.Values(r.Images[id].Accounts))
	run := r.run()
	run.Settings = sharing.Settings{TrustedAccounts: []remediations.AccountID{partner}}
	found, err := ec2amipublic.Module.Guard(t.Context(), run, image)
	if err != nil {
		t.Fatal(err)
	}
	if err := ec2amipublic.Module.Action(t.Context(), run, found); err != nil {
		t.Fatal(err)
	}
	if got := r.Images[id]; !slices.Equal(got.Accounts, []string{partner}) || len(got.Groups) > 0 || r.writes != 3 {
		t.Errorf("after %d writes it is shared with %v", r.writes, got)
	}
	run.Settings = nil
	if err := ec2amipublic.Module.Undo(t.Context(), run, found); err != nil {
		t.Fatal(err)
	}
	if got := r.Images[id]; !slices.Equal(got.Accounts, before) || !slices.Equal(got.Groups, []string{"all"}) || r.writes != 6 {
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
		r.Images[other].Groups = nil
		run := r.run()
		run.Settings = sharing.Settings{TrustedAccounts: test.trusted}
		var got []string
		for s, err := range ec2amipublic.Module.Sweep(t.Context(), run) {
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
	r.Images["ami-'; rm"] = &shared{Groups: []string{"all"}}
	for got, err := range ec2amipublic.Module.Sweep(t.Context(), r.run()) {
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
		{"public again", func(r *region) { r.Images[id].Groups = []string{"all"} }, `{"public":true}`, ""},
		{"deregistered", gone, "null", ""},
		{"disabled", disabled, "null", ""},
		{"can't be read", func(r *region) { r.fail = map[string]string{"describe": "AuthFailure"} }, "", "AuthFailure"},
		{"EC2 says no", func(r *region) { r.fail = map[string]string{"add": "OperationNotPermitted"} }, "", "OperationNotPermitted"},
	} {
		r := open()
		private(r)
		test.change(r)
		err := ec2amipublic.Module.Undo(t.Context(), r.run(), find(t))
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
		if err := ec2amipublic.Module.Undo(t.Context(), r.run(), found); err == nil || errors.Is(err, remediations.ErrChanged) || r.writes > 0 {
			t.Errorf("undo of before %s and after %s returned %v and wrote %d times", found.Before, found.After, err, r.writes)
		}
	}
}

func TestSuspects(t *testing.T) {
	for _, test := range []struct {
		parameters string
		want       bool // whether the image is suspect
		fails      bool
	}{
		{parameters: change("add", everybody), want: true},
		{parameters: change("add", aPartner), want: true},
		{parameters: change("remove", everybody), want: true},
		{parameters: `{"imageId":["` + id + `"]}`, want: true},
		{parameters: `{"imageId":"` + id + `","attributeType":"somethingNew"}`, want: true},
		{parameters: `{"imageId":"` + id + `","attributeType":"description","launchPermission":{"add":{"items":[{"group":"all"}]}}}`, want: true},
		{parameters: `{"imageId":"` + id + `","attributeType":"description","description":{"value":"x"}}`},
		{parameters: `{"imageId":"` + id + `","attributeType":"imdsSupport","imdsSupport":{"value":"v2.0"}}`},
		{parameters: `null`, fails: true},
		{parameters: `{"imageId":""}`, fails: true},
		{parameters: `{"imageId":{"id":"` + id + `"}}`, fails: true},
		{parameters: `{"imageId":["` + id + `","` + other + `"]}`, fails: true},
		{parameters: `{"imageId":"snap-0a1b2c3d4e5f60718"}`, fails: true},
		{parameters: `{"imageId":"arn:aws:ec2:eu-central-1::image/` + id + `"}`, fails: true},
		{parameters: `{"imageId":"ami-0a1b'; rm -rf ~"}`, fails: true},
		{parameters: `{"imageId":"` + id + `\n"}`, fails: true},
		{parameters: `{"attributeType":"description","description":{"value":"x"}}`, fails: true},
	} {
		event, err := events.Parse(record(t, dana, eventID, test.parameters, worked))
		if err != nil {
			t.Fatal(err)
		}
		var want []remediations.Resource
		if test.want {
			want = []remediations.Resource{image}
		}
		got, err := ec2amipublic.Module.Suspects(event)
		if (err != nil) != test.fails || !slices.Equal(got, want) {
			t.Errorf("%s: suspects are %+v, %v", test.parameters, got, err)
		}
	}
}
