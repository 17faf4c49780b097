package rdssnapshotpublic_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/google/go-cmp/cmp"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/knowledge/sharing"
	"github.com/countermand/countermand/remediations/modules/rdssnapshotpublic"
	"github.com/countermand/countermand/remediations/moduletest"
)

const (
	account = "111122223333"
	partner = "444455556666"
	unknown = "777788889999"
	id      = "orders-before-upgrade" // of a DB instance's snapshot, and of a DB cluster's as well
	other   = "orders-2026-03"

	ofInstance = "ModifyDBSnapshotAttribute"
	ofCluster  = "ModifyDBClusterSnapshotAttribute"
)

// Who makes a call.
const (
	dana = `{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE123:dana","arn":"arn:aws:sts::111122223333:assumed-role/Developer/dana","accountId":"111122223333","accessKeyId":"ASIAEXAMPLEEXAMPLE12",
		"sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLEEXAMPLE123","arn":"arn:aws:iam::111122223333:role/Developer","accountId":"111122223333","userName":"Developer"},"attributes":{"creationDate":"2026-03-02T08:55:12Z","mfaAuthenticated":"true"}}}`
	stack = `{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE456:AWSCloudFormation","arn":"arn:aws:sts::111122223333:assumed-role/Deploy/AWSCloudFormation","accountId":"111122223333",
		"sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLEEXAMPLE456","arn":"arn:aws:iam::111122223333:role/Deploy","accountId":"111122223333","userName":"Deploy"},"attributes":{"creationDate":"2026-03-02T09:00:00Z","mfaAuthenticated":"false"}},
		"invokedBy":"cloudformation.amazonaws.com"}`
	countermand = `{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE789:countermand-rds-snapshot-public","arn":"arn:aws:sts::111122223333:assumed-role/countermand-rds-snapshot-public/countermand-rds-snapshot-public","accountId":"111122223333","accessKeyId":"ASIAEXAMPLEEXAMPLE78",
		"sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLEEXAMPLE789","arn":"arn:aws:iam::111122223333:role/countermand-rds-snapshot-public","accountId":"111122223333","userName":"countermand-rds-snapshot-public"},"attributes":{"creationDate":"2026-03-02T09:15:01Z","mfaAuthenticated":"false"}}}`
)

const (
	eventID = "5b1c6f8e-0d5f-4e0c-9a58-3c1d5b9f2d01"
	ownID   = "5b1c6f8e-0d5f-4e0c-9a58-3c1d5b9f2d02"
)

// record is the event of a call; more is further fields of the record.
func record(t *testing.T, who, id, name, parameters, more string) []byte {
	t.Helper()
	event, err := events.Wrap(fmt.Appendf(nil, `{"eventVersion":"1.08","userIdentity":%s,"eventTime":"2026-03-02T09:14:55Z",
		"eventSource":"rds.amazonaws.com","eventName":%q,"awsRegion":"eu-central-1","sourceIPAddress":"198.51.100.17","userAgent":"aws-cli/2.27.1",
		"requestParameters":%s,%s"requestID":"7d2a4a0e-6a55-4d0b-8e6b-0b1f7a2c9d01","eventID":%q,"readOnly":false,"eventType":"AwsApiCall","managementEvent":true,
		"recipientAccountId":"111122223333","eventCategory":"Management"}`, who, name, parameters, more, id))
	if err != nil {
		t.Fatal(err)
	}
	return event
}

// change is the event of a call that changes who may restore the snapshot, which values name.
func change(t *testing.T, who, eventID, name, values string) []byte {
	parameter, attributes := "dBSnapshotIdentifier", "dBSnapshotAttributes"
	if name == ofCluster {
		parameter, attributes = "dBClusterSnapshotIdentifier", "dBClusterSnapshotAttributes"
	}
	return record(t, who, eventID, name, `{"`+parameter+`":"`+id+`","attributeName":"restore",`+values+`}`,
		`"responseElements":{"`+parameter+`":"`+id+`","`+attributes+`":[{"attributeName":"restore","attributeValues":[]}]},`)
}

const (
	everybodyAdded   = `"valuesToAdd":["all"]`
	everybodyRemoved = `"valuesToRemove":["all"]`
	partnerAdded     = `"valuesToAdd":["444455556666"]`
	unknownAdded     = `"valuesToAdd":["777788889999"]`
)

// region is who may restore each snapshot of the account, sorted.
type region struct {
	Instances, Clusters map[string][]string
	fail                map[string]string // error code by operation
	answer              string            // the id that an answer is about, if that is not the one that was asked for
	empty               bool              // whether an answer holds nothing
	writes              int
}

func (r *region) describeInstance(in *rds.DescribeDBSnapshotAttributesInput) (*rds.DescribeDBSnapshotAttributesOutput, error) {
	values, err := r.describe(r.Instances, in.DBSnapshotIdentifier, "DBSnapshotNotFound")
	if err != nil || r.empty {
		return &rds.DescribeDBSnapshotAttributesOutput{}, err
	}
	return &rds.DescribeDBSnapshotAttributesOutput{DBSnapshotAttributesResult: &types.DBSnapshotAttributesResult{
		DBSnapshotIdentifier: r.about(in.DBSnapshotIdentifier),
		DBSnapshotAttributes: []types.DBSnapshotAttribute{
			{AttributeName: aws.String("later"), AttributeValues: []string{"all"}},
			{AttributeName: aws.String("restore"), AttributeValues: values},
		},
	}}, nil
}

func (r *region) describeCluster(in *rds.DescribeDBClusterSnapshotAttributesInput) (*rds.DescribeDBClusterSnapshotAttributesOutput, error) {
	values, err := r.describe(r.Clusters, in.DBClusterSnapshotIdentifier, "DBClusterSnapshotNotFoundFault")
	if err != nil || r.empty {
		return &rds.DescribeDBClusterSnapshotAttributesOutput{}, err
	}
	return &rds.DescribeDBClusterSnapshotAttributesOutput{DBClusterSnapshotAttributesResult: &types.DBClusterSnapshotAttributesResult{
		DBClusterSnapshotIdentifier: r.about(in.DBClusterSnapshotIdentifier),
		DBClusterSnapshotAttributes: []types.DBClusterSnapshotAttribute{
			{AttributeName: aws.String("later"), AttributeValues: []string{"all"}},
			{AttributeName: aws.String("restore"), AttributeValues: values},
		},
	}}, nil
}

func (r *region) describe(snapshots map[string][]string, id *string, none string) ([]string, error) {
	values, there := snapshots[aws.ToString(id)]
	switch {
	case r.fail["describe"] != "":
		return nil, moduletest.Error(r.fail["describe"])
	case !there:
		return nil, moduletest.Error(none)
	}
	return slices.Clone(values), nil
}

func (r *region) about(id *string) *string {
	if r.answer != "" {
		return &r.answer
	}
	return id
}

func (r *region) modifyInstance(in *rds.ModifyDBSnapshotAttributeInput) (*rds.ModifyDBSnapshotAttributeOutput, error) {
	return &rds.ModifyDBSnapshotAttributeOutput{}, r.modify(r.Instances, in.DBSnapshotIdentifier, in.AttributeName, in.ValuesToAdd, in.ValuesToRemove)
}

func (r *region) modifyCluster(in *rds.ModifyDBClusterSnapshotAttributeInput) (*rds.ModifyDBClusterSnapshotAttributeOutput, error) {
	return &rds.ModifyDBClusterSnapshotAttributeOutput{}, r.modify(r.Clusters, in.DBClusterSnapshotIdentifier, in.AttributeName, in.ValuesToAdd, in.ValuesToRemove)
}

func (r *region) modify(snapshots map[string][]string, id, attribute *string, add, remove []string) error {
	values, there := snapshots[aws.ToString(id)]
	switch {
	case !there:
		return moduletest.Error("DBSnapshotNotFound")
	case aws.ToString(attribute) != "restore":
		return moduletest.Error("InvalidParameterValue")
	}
	values = slices.DeleteFunc(values, func(v string) bool { return slices.Contains(remove, v) })
	values = append(values, add...)
	slices.Sort(values)
	snapshots[*id] = slices.Compact(values)
	r.writes++
	return nil
}

// open is a Region with a public snapshot of each kind that is also shared with a partner, and beside it public ones.
func open() *region {
	return &region{
		Instances: map[string][]string{id: {partner, "all"}, other: {"all"}},
		Clusters:  map[string][]string{id: {partner, "all"}, other: {"all"}},
	}
}

// world is one of snapshots of one kind: of the other kind, and beside it, there are such that a sweep leaves alone.
func world(event string, changes ...func(*region)) func() *moduletest.World {
	return func() *moduletest.World {
		r := open()
		r.Instances[other], r.Clusters[other] = []string{account, partner}, []string{account, partner}
		for _, change := range changes {
			change(r)
		}
		if event == ofInstance {
			delete(r.Clusters, id)
		} else {
			delete(r.Instances, id)
		}
		return &moduletest.World{
			State: r,
			Change: func() {
				r.Instances[id], r.Clusters[id] = []string{partner, unknown, "all"}, []string{partner, unknown, "all"}
			},
			Answers: []moduletest.Answer{
				moduletest.On(r.describeInstance), moduletest.On(r.describeCluster),
				moduletest.On(r.modifyInstance), moduletest.On(r.modifyCluster),
				moduletest.On(r.listInstances), moduletest.On(r.listClusters),
			},
		}
	}
}

func strange(r *region) {
	r.Instances[id], r.Clusters[id] = []string{account, partner, unknown}, []string{account, partner, unknown}
}
func both(r *region) {
	r.Instances[id], r.Clusters[id] = []string{partner, unknown, "all"}, []string{partner, unknown, "all"}
}
func private(r *region) { r.Instances[id], r.Clusters[id] = []string{partner}, []string{partner} }
func gone(r *region)    { delete(r.Instances, id); delete(r.Clusters, id) }

func Test(t *testing.T) {
	var cases []moduletest.Case
	for name, kind := range map[string]string{ofInstance: "DB snapshot", ofCluster: "DB cluster snapshot"} {
		public := change(t, dana, eventID, name, everybodyAdded)
		own := [][]byte{change(t, countermand, ownID, name, everybodyRemoved)}
		acts := func(what string, event []byte, changes ...func(*region)) {
			cases = append(cases, moduletest.Case{Name: kind + ": " + what, Event: event, World: world(name, changes...), Acts: true, Own: own})
		}
		idle := func(what string, event []byte, changes ...func(*region)) {
			cases = append(cases, moduletest.Case{Name: kind + ": " + what, Event: event, World: world(name, changes...)})
		}
		parameter := "dBSnapshotIdentifier"
		arn := "arn:aws:rds:eu-central-1:111122223333:snapshot:"
		if name == ofCluster {
			parameter, arn = "dBClusterSnapshotIdentifier", "arn:aws:rds:eu-central-1:111122223333:cluster-snapshot:"
		}
		named := func(text string) []byte {
			return record(t, dana, eventID, name, `{"`+parameter+`":`+text+`,"attributeName":"restore","valuesToAdd":["all"]}`, `"responseElements":null,`)
		}
		trusting := func() {
			cases[len(cases)-1].Settings = sharing.Settings{TrustedAccounts: []remediations.AccountID{partner}}
		}
		acts("shared with an account that is not trusted", change(t, dana, eventID, name, unknownAdded), strange)
		trusting()
		acts("shared with everybody, and such an account", public, both)
		trusting()
		acts("shared with everybody, while others are trusted", public)
		trusting()
		idle("shared with a trusted account", change(t, dana, eventID, name, partnerAdded), private)
		trusting()
		idle("shared with an account, none being trusted", change(t, dana, eventID, name, unknownAdded), strange)
		acts("shared with everybody", public)
		acts("shared with everybody, and with nobody else", public, func(r *region) { r.Instances[id], r.Clusters[id] = []string{"all"}, []string{"all"} })
		acts("nothing but the name", record(t, dana, eventID, name, `{"`+parameter+`":"`+id+`"}`, `"responseElements":null,`))
		acts("named in another spelling", named(`"Orders-Before-Upgrade"`))
		acts("named by its ARN", named(`"`+arn+id+`"`))
		acts("named in a list", named(`["`+id+`"]`))
		acts("by a service", change(t, stack, eventID, name, everybodyAdded))
		acts("a partner added to a public one", change(t, dana, eventID, name, partnerAdded))

		idle("shared with a partner", change(t, dana, eventID, name, partnerAdded), private)
		idle("shared with a partner by a service", change(t, stack, eventID, name, partnerAdded), private)
		idle("private again", public, private)
		idle("shared with nobody", public, func(r *region) { r.Instances[id], r.Clusters[id] = nil, nil })
		idle("deleted since", public, gone)
		idle("the call was refused", record(t, dana, eventID, name, `{"`+parameter+`":"`+id+`","attributeName":"restore","valuesToAdd":["all"]}`,
			`"errorCode":"InvalidParameterValueException","errorMessage":"An encrypted snapshot can't be public","responseElements":null,`))
		idle("another account's", named(`"`+strings.Replace(arn, account, partner, 1)+id+`"`))
	}
	slices.SortFunc(cases, func(a, b moduletest.Case) int { return strings.Compare(a.Name, b.Name) })
	moduletest.Run(t, rdssnapshotpublic.Module, cases...)
}

// run is a module's run in the Region.
func (r *region) run() *remediations.Run {
	answer := func(in any) (any, error) {
		switch in := in.(type) {
		case *rds.DescribeDBSnapshotAttributesInput:
			return r.describeInstance(in)
		case *rds.DescribeDBClusterSnapshotAttributesInput:
			return r.describeCluster(in)
		case *rds.DescribeDBSnapshotsInput:
			return r.listInstances(in)
		case *rds.DescribeDBClusterSnapshotsInput:
			return r.listClusters(in)
		case *rds.ModifyDBSnapshotAttributeInput:
			return r.modifyInstance(in)
		case *rds.ModifyDBClusterSnapshotAttributeInput:
			return r.modifyCluster(in)
		}
		return nil, errors.New("unexpected call")
	}
	return &remediations.Run{AWS: moduletest.Config("eu-central-1", answer), Account: account, Settings: sharing.Settings{}}
}

var (
	instance = remediations.Resource{ID: id, Type: "AWS::RDS::DBSnapshot", Account: account, Region: "eu-central-1"}
	cluster  = remediations.Resource{ID: id, Type: "AWS::RDS::DBClusterSnapshot", Account: account, Region: "eu-central-1"}
)

// find is what the guard finds about a public snapshot.
func find(t *testing.T, r remediations.Resource) *remediations.Finding {
	t.Helper()
	found, err := rdssnapshotpublic.Module.Guard(t.Context(), open().run(), r)
	if err != nil || found == nil {
		t.Fatalf("the guard found %v, %v", found, err)
	}
	return found
}

func TestFinding(t *testing.T) {
	for _, test := range []struct {
		resource        remediations.Resource
		reason, command string
	}{
		{instance, "the DB snapshot is public: everybody may copy and restore it",
			"aws rds modify-db-snapshot-attribute --region 'eu-central-1' --db-snapshot-identifier 'orders-before-upgrade' --attribute-name restore"},
		{cluster, "the DB cluster snapshot is public: everybody may copy and restore it",
			"aws rds modify-db-cluster-snapshot-attribute --region 'eu-central-1' --db-cluster-snapshot-identifier 'orders-before-upgrade' --attribute-name restore"},
	} {
		want := &remediations.Finding{
			Resource: test.resource, Reason: test.reason,
			Before: json.RawMessage(`{"public":true}`), After: json.RawMessage(`{"public":false}`),
			Fix: test.command + " --values-to-remove all", Revert: test.command + " --values-to-add all",
		}
		if diff := cmp.Diff(want, find(t, test.resource)); diff != "" {
			t.Errorf("finding differs (-want +got):\n%s", diff)
		}
	}
}

// Accounts that may restore the snapshot still may, and others, also of the same name, are not touched, by the action
// and by undo.
func TestNeighboursStay(t *testing.T) {
	for _, resource := range []remediations.Resource{instance, cluster} {
		found, r, want := find(t, resource), open(), open()
		mine := func(r *region) map[string][]string {
			if resource == instance {
				return r.Instances
			}
			return r.Clusters
		}
		mine(want)[id] = []string{partner}
		for range 2 { // and a second time it changes nothing
			if err := rdssnapshotpublic.Module.Action(t.Context(), r.run(), found); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]any{want.Instances, want.Clusters}, []any{r.Instances, r.Clusters}); diff != "" {
				t.Fatalf("%s after the action (-want +got):\n%s", resource, diff)
			}
		}
		mine(r)[id], mine(want)[id] = []string{"777788889999"}, []string{"777788889999", "all"} // somebody's decision since, which is not undo's
		if err := rdssnapshotpublic.Module.Undo(t.Context(), r.run(), found); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]any{want.Instances, want.Clusters}, []any{r.Instances, r.Clusters}); diff != "" {
			t.Errorf("%s after undo (-want +got):\n%s", resource, diff)
		}
	}
}

// What can't be read is not judged.
func TestGuardIsUnsure(t *testing.T) {
	for name, change := range map[string]func(*region){
		"no right to ask":           func(r *region) { r.fail = map[string]string{"describe": "AccessDenied"} },
		"another snapshot's answer": func(r *region) { r.answer = other },
		"an empty answer":           func(r *region) { r.empty = true },
	} {
		for _, resource := range []remediations.Resource{instance, cluster} {
			r := open()
			change(r)
			if found, err := rdssnapshotpublic.Module.Guard(t.Context(), r.run(), resource); err == nil || found != nil {
				t.Errorf("%s, %s: the guard found %v, %v", resource, name, found, err)
			}
		}
	}
	strange := remediations.Resource{ID: id, Type: "AWS::RDS::DBInstance", Account: account, Region: "eu-central-1"}
	if found, err := rdssnapshotpublic.Module.Guard(t.Context(), open().run(), strange); err == nil || found != nil {
		t.Errorf("of a database the guard found %v, %v", found, err)
	}
}

func TestUndoRefuses(t *testing.T) {
	for _, test := range []struct {
		name    string
		change  func(*region)
		present string // what there is now, of a refusal since the state has changed
		code    string // of AWS's error otherwise
	}{
		{"public again", func(r *region) { r.Instances[id], r.Clusters[id] = []string{"all"}, []string{"all"} }, `{"public":true}`, ""},
		{"deleted", gone, "null", ""},
		{"can't be read", func(r *region) { r.fail = map[string]string{"describe": "AccessDenied"} }, "", "AccessDenied"},
	} {
		for _, resource := range []remediations.Resource{instance, cluster} {
			r := open()
			private(r)
			test.change(r)
			err := rdssnapshotpublic.Module.Undo(t.Context(), r.run(), find(t, resource))
			var changed *remediations.ChangedError
			present := ""
			if errors.As(err, &changed) {
				present = string(changed.Present)
			}
			if err == nil || present != test.present || remediations.ErrorCode(err) != test.code || r.writes > 0 {
				t.Errorf("%s, %s: undo returned %v with %q, and wrote %d times", resource, test.name, err, present, r.writes)
			}
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
		func(f *remediations.Finding) { f.Resource.Type = "AWS::RDS::DBInstance" },
	} {
		found, r := find(t, instance), open()
		private(r)
		damage(found)
		if err := rdssnapshotpublic.Module.Undo(t.Context(), r.run(), found); err == nil || errors.Is(err, remediations.ErrChanged) || r.writes > 0 {
			t.Errorf("undo of %s before %s and after %s returned %v and wrote %d times", found.Resource, found.Before, found.After, err, r.writes)
		}
	}
}

func TestSuspects(t *testing.T) {
	const none = "none"
	for _, test := range []struct {
		event, parameters string
		want              string // the name, or none; an error if empty
	}{
		{ofInstance, `{"dBSnapshotIdentifier":"orders-1"}`, "orders-1"},
		{ofInstance, `{"dBSnapshotIdentifier":"Orders-1","attributeName":"restore","valuesToRemove":["all"]}`, "orders-1"},
		{ofInstance, `{"dBSnapshotIdentifier":"arn:aws:rds:eu-central-1:111122223333:snapshot:orders-1"}`, "orders-1"},
		{ofInstance, `{"dBSnapshotIdentifier":"arn:aws:rds:eu-central-1:444455556666:snapshot:orders-1"}`, none},
		{ofInstance, `{"dBSnapshotIdentifier":"arn:aws:rds:eu-central-1::snapshot:orders-1"}`, ""},
		{ofInstance, `{"dBSnapshotIdentifier":"arn:aws:rds:eu-west-1:111122223333:snapshot:orders-1"}`, ""},
		{ofInstance, `{"dBSnapshotIdentifier":"arn:aws:rds:eu-central-1:111122223333:cluster-snapshot:orders-1"}`, ""},
		{ofInstance, `{"dBSnapshotIdentifier":"arn:aws:rds:eu-central-1:111122223333:orders-1"}`, ""},
		{ofInstance, `{"dBSnapshotIdentifier":"arn:aws:ec2:eu-central-1:111122223333:snapshot:orders-1"}`, ""},
		{ofInstance, `{"dBSnapshotIdentifier":"arn:aws:rds"}`, ""},
		{ofInstance, `{"dBSnapshotIdentifier":"rds:orders-2026-03-02-04-05"}`, ""},
		{ofInstance, `{"dBSnapshotIdentifier":"orders'; rm -rf ~"}`, ""},
		{ofInstance, `{"dBSnapshotIdentifier":"orders\n"}`, ""},
		{ofInstance, `{"dBSnapshotIdentifier":""}`, ""},
		{ofInstance, `{"dBSnapshotIdentifier":{"name":"orders-1"}}`, ""},
		{ofInstance, `{"dBClusterSnapshotIdentifier":"orders-1"}`, ""},
		{ofInstance, `null`, ""},
		{ofCluster, `{"dBClusterSnapshotIdentifier":"orders-1"}`, "orders-1"},
		{ofCluster, `{"dBClusterSnapshotIdentifier":"arn:aws:rds:eu-central-1:111122223333:cluster-snapshot:orders-1"}`, "orders-1"},
		{ofCluster, `{"dBClusterSnapshotIdentifier":"arn:aws:rds:eu-central-1:111122223333:snapshot:orders-1"}`, ""},
		{ofCluster, `{"dBSnapshotIdentifier":"orders-1"}`, ""},
		{"CopyDBSnapshot", `{"dBSnapshotIdentifier":"orders-1"}`, ""},
	} {
		event, err := events.Parse(record(t, dana, eventID, test.event, test.parameters, ""))
		if err != nil {
			t.Fatal(err)
		}
		var want []remediations.Resource
		if test.want != "" && test.want != none {
			resource := instance
			if test.event == ofCluster {
				resource = cluster
			}
			resource.ID = test.want
			want = []remediations.Resource{resource}
		}
		got, err := rdssnapshotpublic.Module.Suspects(event)
		if (err != nil) != (test.want == "") || !slices.Equal(got, want) {
			t.Errorf("%s %s: suspects are %+v, %v; want %q", test.event, test.parameters, got, err, test.want)
		}
	}
}
