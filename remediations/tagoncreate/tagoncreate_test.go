package tagoncreate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/remediationtest"
)

const (
	instanceA = "i-0a1b2c3d4e5f60001"
	instanceB = "i-0a1b2c3d4e5f60002"
	rootA     = "vol-0a1b2c3d4e5f6000a"
	rootB     = "vol-0a1b2c3d4e5f6000b"
	older     = "vol-0a1b2c3d4e5f60fff" // attached to A, but created before
	eniA      = "eni-0a1b2c3d4e5f6000a"
	eniB      = "eni-0a1b2c3d4e5f6000b" // given to B, but there before
	volume    = "vol-0a1b2c3d4e5f6000c"

	person = `{"type":"IAMUser","principalId":"AIDAEXAMPLEEXAMPLE001","arn":"arn:aws:iam::123456789012:user/dev/alice","accountId":"123456789012","accessKeyId":"AKIAEXAMPLEEXAMPLE01","userName":"alice"}`
	group  = `{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE002:AutoScaling","arn":"arn:aws:sts::123456789012:assumed-role/AWSServiceRoleForAutoScaling/AutoScaling","accountId":"123456789012","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLEEXAMPLE002","arn":"arn:aws:iam::123456789012:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling","accountId":"123456789012","userName":"AWSServiceRoleForAutoScaling"},"attributes":{"creationDate":"2026-03-02T09:12:43Z","mfaAuthenticated":"false"}},"invokedBy":"autoscaling.amazonaws.com"}`
)

var at = time.Date(2026, 3, 2, 9, 12, 44, 0, time.UTC)

// record is the EventBridge event of a call to EC2, in the shape of real ones.
func record(name, identity, agent, request, response, more string) []byte {
	raw, err := events.Wrap(fmt.Appendf(nil, `{"eventVersion":"1.09","userIdentity":%s,"eventTime":"2026-03-02T09:12:44Z",
		"eventSource":"ec2.amazonaws.com","eventName":%q,"awsRegion":"eu-west-1","sourceIPAddress":"203.0.113.7","userAgent":%q,
		%s"requestParameters":%s,"responseElements":%s,"requestID":"0c1d2e3f-4a5b-4c6d-8e7f-901234567890",
		"eventID":"b7c8d9e0-1f2a-4b3c-9d4e-5f60718293a4","readOnly":false,"eventType":"AwsApiCall","managementEvent":true,
		"recipientAccountId":"123456789012","eventCategory":"Management"}`, identity, name, agent, more, request, response))
	if err != nil {
		panic(err)
	}
	return raw
}

func launched(identity, agent string, ids ...string) []byte {
	var items []string
	for i, id := range ids {
		items = append(items, fmt.Sprintf(`{"instanceId":%q,"imageId":"ami-0123456789abcdef0","instanceState":{"code":0,"name":"pending"},
			"amiLaunchIndex":%d,"productCodes":{},"instanceType":"t3.nano","launchTime":1772442764000,"rootDeviceType":"ebs","blockDeviceMapping":{},
			"tagSet":{"items":[{"key":"Name","value":"web"}]},"networkInterfaceSet":{}}`, id, i))
	}
	return record("RunInstances", identity, agent,
		fmt.Sprintf(`{"instancesSet":{"items":[{"imageId":"ami-0123456789abcdef0","minCount":%d,"maxCount":%[1]d}]},"instanceType":{"value":"t3.nano"},"blockDeviceMapping":{},"tagSpecificationSet":{"items":[{"resourceType":"instance","tags":[{"key":"Name","value":"web"}]}]}}`, len(ids)),
		`{"requestId":"0c1d2e3f-4a5b-4c6d-8e7f-901234567890","reservationId":"r-0a1b2c3d4e5f60001","ownerId":"123456789012","groupSet":{},"instancesSet":{"items":[`+strings.Join(items, ",")+`]}}`, "")
}

const (
	askVolume = `{"size":"8","zone":"eu-west-1a","volumeType":"gp3","encrypted":true}`
	gotVolume = `{"requestId":"0c1d2e3f-4a5b-4c6d-8e7f-901234567890","volumeId":"` + volume + `","size":"8","zone":"eu-west-1a","status":"creating","createTime":1772442764000,"volumeType":"gp3","iops":3000,"encrypted":true,"tagSet":{},"multiAttachEnabled":false}`
)

var (
	one       = launched(person, "aws-cli/2.15.0 command/ec2.run-instances", instanceA)
	two       = launched(person, "aws-cli/2.15.0 command/ec2.run-instances", instanceA, instanceB)
	scaled    = launched(group, "autoscaling.amazonaws.com", instanceB)
	newDisk   = record("CreateVolume", person, "Boto3/1.34.0 md/Botocore#1.34.0", askVolume, gotVolume, "")
	dryRun    = record("CreateVolume", person, "Boto3/1.34.0", askVolume, `null`, `"errorCode":"Client.DryRunOperation","errorMessage":"Request would have succeeded, but DryRun flag is set.",`)
	noQuota   = record("RunInstances", person, "Boto3/1.34.0", `{"instancesSet":{"items":[{"minCount":1,"maxCount":1}]}}`, `null`, `"errorCode":"Client.VcpuLimitExceeded",`)
	lookAlike = record("CreateTags", person, "Boto3/1.34.0", `{"resourcesSet":{"items":[{"resourceId":"`+instanceA+`"}]},"tagSet":{"items":[{"key":"CreatedBy","value":"bob"}]}}`, `{"_return":true}`, "")
)

// own is the event of the module's own CreateTags.
func own(ids ...string) [][]byte {
	var items []string
	for _, id := range ids {
		items = append(items, `{"resourceId":"`+id+`"}`)
	}
	identity := strings.NewReplacer("IAMUser", "AssumedRole", "iam::123456789012:user/dev/alice", "sts::123456789012:assumed-role/countermand-tag-on-create/countermand-tag-on-create").Replace(person)
	event := record("CreateTags", identity, "aws-sdk-go-v2/1.47.6",
		`{"resourcesSet":{"items":[`+strings.Join(items, ",")+`]},"tagSet":{"items":[{"key":"CreatedAt","value":"2026-03-02T09:12:44Z"},{"key":"CreatedBy","value":"alice"},{"key":"CreatedVia","value":"cli"}]}}`,
		`{"requestId":"1d2e3f40-5b6c-4d7e-8f90-123456789012","_return":true}`, "")
	return [][]byte{[]byte(strings.Replace(string(event), "b7c8d9e0", "c8d9e0f1", 1))}
}

// account is the world: what is there, and its tags.
type account struct {
	Tags      map[string]tags
	Instances map[string]*types.Instance
	Volumes   map[string]*types.Volume
}

func newAccount() *account {
	a := &account{Tags: map[string]tags{}, Instances: map[string]*types.Instance{}, Volumes: map[string]*types.Volume{}}
	add := func(id, root, eni string, created bool) {
		a.Instances[id] = &types.Instance{
			InstanceId: &id, State: &types.InstanceState{Name: types.InstanceStateNamePending}, RootDeviceType: types.DeviceTypeEbs,
			BlockDeviceMappings: []types.InstanceBlockDeviceMapping{{Ebs: &types.EbsInstanceBlockDevice{VolumeId: &root}}},
			NetworkInterfaces: []types.InstanceNetworkInterface{{NetworkInterfaceId: &eni,
				Attachment: &types.InstanceNetworkInterfaceAttachment{DeleteOnTermination: &created}}},
		}
		a.Tags[id] = tags{"Name": "web"}
	}
	add(instanceA, rootA, eniA, true)
	add(instanceB, rootB, eniB, false)
	a.Instances[instanceA].BlockDeviceMappings = append(a.Instances[instanceA].BlockDeviceMappings,
		types.InstanceBlockDeviceMapping{Ebs: &types.EbsInstanceBlockDevice{VolumeId: aws.String(older)}})
	for id, created := range map[string]time.Time{rootA: at, rootB: at.Add(2 * time.Second), older: at.Add(-2 * time.Minute), volume: at} {
		a.Volumes[id] = &types.Volume{VolumeId: &id, CreateTime: &created, State: types.VolumeStateInUse}
	}
	return a
}

func world(changes ...func(*account)) func() *remediationtest.World {
	return func() *remediationtest.World {
		a := newAccount()
		for _, change := range changes {
			change(a)
		}
		somebody := func() {
			for _, id := range []string{instanceA, instanceB, volume} {
				a.set(id, "CreatedBy", "somebody else")
			}
		}
		return &remediationtest.World{State: a, Answers: a.answers(), Change: somebody}
	}
}

func (a *account) set(id, key, value string) {
	if a.Tags[id] == nil {
		a.Tags[id] = tags{}
	}
	a.Tags[id][key] = value
}

func (a *account) answers() []remediationtest.Answer {
	return []remediationtest.Answer{
		remediationtest.On(a.describeInstances), remediationtest.On(a.describeVolumes), remediationtest.On(a.describeTags),
		remediationtest.On(a.createTags), remediationtest.On(a.deleteTags),
	}
}

func (a *account) describeInstances(in *ec2.DescribeInstancesInput) (*ec2.DescribeInstancesOutput, error) {
	instance := a.Instances[in.InstanceIds[0]]
	if instance == nil {
		return nil, remediationtest.Error("InvalidInstanceID.NotFound")
	}
	return &ec2.DescribeInstancesOutput{Reservations: []types.Reservation{{Instances: []types.Instance{*instance}}}}, nil
}

func (a *account) describeVolumes(in *ec2.DescribeVolumesInput) (*ec2.DescribeVolumesOutput, error) {
	out := &ec2.DescribeVolumesOutput{}
	for _, id := range in.VolumeIds {
		if a.Volumes[id] == nil {
			return nil, remediationtest.Error("InvalidVolume.NotFound")
		}
		out.Volumes = append(out.Volumes, *a.Volumes[id])
	}
	return out, nil
}

// describeTags answers with one resource a page.
func (a *account) describeTags(in *ec2.DescribeTagsInput) (*ec2.DescribeTagsOutput, error) {
	ids, out := in.Filters[0].Values, &ec2.DescribeTagsOutput{}
	if i := slices.Index(ids, aws.ToString(in.NextToken)); i > 0 {
		ids = ids[i:]
	}
	for key, value := range a.Tags[ids[0]] {
		out.Tags = append(out.Tags, types.TagDescription{ResourceId: &ids[0], Key: &key, Value: &value})
	}
	if len(ids) > 1 {
		out.NextToken = &ids[1]
	}
	return out, nil
}

func (a *account) createTags(in *ec2.CreateTagsInput) (*ec2.CreateTagsOutput, error) {
	for _, id := range in.Resources {
		for _, t := range in.Tags {
			a.set(id, *t.Key, *t.Value)
		}
		if a.Tags[id].counted() > maxTags {
			return nil, remediationtest.Error("TagLimitExceeded")
		}
	}
	return &ec2.CreateTagsOutput{}, nil
}

func (a *account) deleteTags(in *ec2.DeleteTagsInput) (*ec2.DeleteTagsOutput, error) {
	for _, id := range in.Resources {
		for _, t := range in.Tags {
			if a.Tags[id][*t.Key] == *t.Value {
				delete(a.Tags[id], *t.Key)
			}
		}
		if len(a.Tags[id]) == 0 {
			delete(a.Tags, id)
		}
	}
	return &ec2.DeleteTagsOutput{}, nil
}

// tagged has all three tags on a resource, by somebody else.
func tagged(ids ...string) func(*account) {
	return func(a *account) {
		for _, id := range ids {
			a.set(id, createdBy, "terraform-ci")
			a.set(id, createdAt, "2026-03-02T09:12:50Z")
			a.set(id, createdVia, "")
		}
	}
}

func set(id, key, value string) func(*account) {
	return func(a *account) { a.set(id, key, value) }
}

func crowded(id string, n int) func(*account) {
	return func(a *account) {
		a.set(id, "aws:cloudformation:stack-name", "web")
		for i := a.Tags[id].counted(); i < n; i++ {
			a.set(id, fmt.Sprintf("cost-%d", i), "")
		}
	}
}

func shuttingDown(a *account) {
	a.Instances[instanceA].State.Name = types.InstanceStateNameShuttingDown
}
func terminated(a *account) { a.Instances[instanceA].State.Name = types.InstanceStateNameTerminated }
func deleting(a *account)   { a.Volumes[volume].State = types.VolumeStateDeleting }

func Test(t *testing.T) {
	remediationtest.Run(t, Module,
		remediationtest.Case{Name: "one instance", Event: one, World: world(), Acts: true, Own: own(instanceA, rootA, eniA)},
		remediationtest.Case{Name: "two instances", Event: two, World: world(), Acts: true, Own: own(instanceA, rootA, eniA, instanceB, rootB)},
		remediationtest.Case{Name: "only one of two is tagged", Event: two, World: world(tagged(instanceA, rootA, eniA)), Acts: true, Own: own(instanceB, rootB)},
		remediationtest.Case{Name: "the instance has a tag of its own", Event: one, World: world(set(instanceA, createdVia, "packer")), Acts: true, Own: own(instanceA, rootA, eniA)},
		remediationtest.Case{Name: "the tag in another case is another tag", Event: one, World: world(tagged(rootA, eniA), set(instanceA, "createdby", "alice")), Acts: true, Own: own(instanceA)},
		remediationtest.Case{Name: "launched by Auto Scaling", Event: scaled, World: world(), Acts: true, Own: own(instanceB, rootB)},
		remediationtest.Case{Name: "just enough room", Event: one, World: world(crowded(instanceA, 47)), Acts: true, Own: own(instanceA, rootA, eniA)},
		remediationtest.Case{Name: "no room on the instance", Event: one, World: world(crowded(instanceA, 48)), Acts: true, Own: own(rootA, eniA)},
		remediationtest.Case{Name: "no room on the volume", Event: newDisk, World: world(crowded(volume, 50)), Acts: true, Own: own(volume)},
		remediationtest.Case{Name: "a volume", Event: newDisk, World: world(), Acts: true, Own: own(volume)},
		remediationtest.Case{Name: "the instance has its tags", Event: one, World: world(tagged(instanceA, rootA, eniA))},
		remediationtest.Case{Name: "the instance is terminated", Event: one, World: world(terminated)},
		remediationtest.Case{Name: "the instance is shutting down", Event: one, World: world(shuttingDown)},
		remediationtest.Case{Name: "the volume has its tags", Event: newDisk, World: world(tagged(volume))},
		remediationtest.Case{Name: "the volume is being deleted", Event: newDisk, World: world(deleting)},
		remediationtest.Case{Name: "a dry run", Event: dryRun, World: world()},
		remediationtest.Case{Name: "the launch failed", Event: noQuota, World: world()},
		remediationtest.Case{Name: "somebody tags", Event: lookAlike, World: world()},
	)
}

// answering is a run whose clients see an account.
func answering(t *testing.T, a *account, raw []byte) (*remediations.Run, []remediations.Resource) {
	t.Helper()
	event, err := events.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	resources, err := suspects(event)
	if err != nil {
		t.Fatal(err)
	}
	answer := func(_ context.Context, in middleware.InitializeInput, _ middleware.InitializeHandler) (out middleware.InitializeOutput, metadata middleware.Metadata, err error) {
		switch in := in.Parameters.(type) {
		case *ec2.DescribeInstancesInput:
			out.Result, err = a.describeInstances(in)
		case *ec2.DescribeVolumesInput:
			out.Result, err = a.describeVolumes(in)
		case *ec2.DescribeTagsInput:
			out.Result, err = a.describeTags(in)
		case *ec2.CreateTagsInput:
			out.Result, err = a.createTags(in)
		case *ec2.DeleteTagsInput:
			out.Result, err = a.deleteTags(in)
		}
		return out, metadata, err
	}
	return &remediations.Run{Event: &event, AWS: aws.Config{Region: "eu-west-1", APIOptions: []func(*middleware.Stack) error{func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("test", answer), middleware.After)
	}}}}, resources
}

// act runs guard and action on every resource of an event.
func act(t *testing.T, a *account, raw []byte) *remediations.Finding {
	t.Helper()
	run, resources := answering(t, a, raw)
	var last *remediations.Finding
	for _, r := range resources {
		finding, err := guard(t.Context(), run, r)
		if err != nil {
			t.Fatal(err)
		}
		if err := action(t.Context(), run, finding); err != nil {
			t.Fatal(err)
		}
		last = finding
	}
	return last
}

func TestTags(t *testing.T) {
	a := newAccount()
	a.set(instanceA, createdVia, "packer")
	finding := act(t, a, two)
	want := map[string]tags{
		instanceA: {"Name": "web", createdAt: "2026-03-02T09:12:44Z", createdBy: "alice", createdVia: "packer"},
		rootA:     {createdAt: "2026-03-02T09:12:44Z", createdBy: "alice", createdVia: "cli"},
		eniA:      {createdAt: "2026-03-02T09:12:44Z", createdBy: "alice", createdVia: "cli"},
		instanceB: {"Name": "web", createdAt: "2026-03-02T09:12:44Z", createdBy: "alice", createdVia: "cli"},
		rootB:     {createdAt: "2026-03-02T09:12:44Z", createdBy: "alice", createdVia: "cli"},
	}
	if got, want := encode(t, a.Tags), encode(t, want); got != want {
		t.Errorf("tags\n%s\nwant\n%s", got, want)
	}
	if want := "each of " + instanceB + ", " + rootB + " lacks tags that say who created it, when and how"; finding.Reason != want {
		t.Errorf("reason %q, want %q", finding.Reason, want)
	}
	if want := "aws ec2 create-tags --region eu-west-1 --resources " + instanceB + " " + rootB +
		` --tags 'Key=CreatedAt,Value="2026-03-02T09:12:44Z"' 'Key=CreatedBy,Value="alice"' 'Key=CreatedVia,Value="cli"'`; finding.Fix != want {
		t.Errorf("fix %s, want %s", finding.Fix, want)
	}
	if want := strings.Replace(finding.Fix, "create-tags", "delete-tags", 1); finding.Revert != want {
		t.Errorf("revert %s, want %s", finding.Revert, want)
	}
}

// A tag that somebody changes after the action stays as it is.
func TestUndoLeavesTheTagsOfOthers(t *testing.T) {
	a := newAccount()
	finding := act(t, a, newDisk)
	a.set(volume, createdBy, "bob")
	run, _ := answering(t, a, newDisk)
	if err := undo(t.Context(), run, finding); !errors.Is(err, remediations.ErrChanged) || a.Tags[volume][createdBy] != "bob" {
		t.Errorf("undo: %v, and CreatedBy is %q", err, a.Tags[volume][createdBy])
	}
}

// An undo that was interrupted has removed some of the tags: the next one removes the rest.
func TestInterruptedUndoIsContinued(t *testing.T) {
	a := newAccount()
	finding := act(t, a, one)
	delete(a.Tags[rootA], createdBy)
	delete(a.Tags, eniA)
	run, _ := answering(t, a, one)
	if err := undo(t.Context(), run, finding); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{instanceA, rootA, eniA} {
		for _, key := range keys {
			if value, ok := a.Tags[id][key]; ok {
				t.Errorf("%s still has %s=%s", id, key, value)
			}
		}
	}
	if err := undo(t.Context(), run, finding); !errors.Is(err, remediations.ErrChanged) {
		t.Errorf("once more: %v, want that there is nothing left to do", err)
	}
}

// What EC2 does not show yet is looked for again.
func TestNotYet(t *testing.T) {
	for name, c := range map[string]struct {
		event  []byte
		change func(*account)
	}{
		"instance": {one, func(a *account) { delete(a.Instances, instanceA) }},
		"mapping":  {one, func(a *account) { a.Instances[instanceA].BlockDeviceMappings = nil }},
		"root":     {one, func(a *account) { delete(a.Volumes, rootA) }},
		"volume":   {newDisk, func(a *account) { delete(a.Volumes, volume) }},
	} {
		a := newAccount()
		c.change(a)
		run, resources := answering(t, a, c.event)
		if finding, err := guard(t.Context(), run, resources[0]); !errors.Is(err, remediations.ErrNotYet) {
			t.Errorf("%s: %v, %v; want ErrNotYet", name, finding, err)
		}
	}
}

func TestSuspects(t *testing.T) {
	for name, raw := range map[string][]byte{
		"no id":            record("CreateVolume", person, "x", `null`, `null`, ""),
		"an id to inject":  record("CreateVolume", person, "x", `null`, `{"volumeId":"vol-1; rm -rf /"}`, ""),
		"no instances":     record("RunInstances", person, "x", `null`, `{"instancesSet":{"items":[]}}`, ""),
		"half an instance": record("RunInstances", person, "x", `null`, `{"instancesSet":{"items":[{"instanceId":"`+instanceA+`"},{}]}}`, ""),
		"another event":    record("CreateSnapshot", person, "x", `null`, `{"snapshotId":"snap-1"}`, ""),
		"nobody":           record("CreateVolume", `null`, "x", `null`, gotVolume, ""),
	} {
		event, err := events.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := suspects(event); err == nil {
			t.Errorf("%s: suspects %v, want an error", name, got)
		}
	}
}

func encode(t *testing.T, v any) string {
	t.Helper()
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
