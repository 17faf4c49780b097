package tagoncreate

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cmpdiff "github.com/google/go-cmp/cmp"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/moduletest"
)

func Test(t *testing.T) {
	moduletest.Run(t, Module, cases()...)
}

func cases() []moduletest.Case {
	all := []moduletest.Case{
		{Name: "one instance", Event: oneInstance, World: world(), Acts: true, Own: own(instanceA, rootA, eniA)},
		{Name: "two instances", Event: two, World: world(), Acts: true, Own: own(instanceA, rootA, eniA, instanceB, rootB)},
		{Name: "launched by Auto Scaling", Event: scaled, World: world(inGroup("web team")), Acts: true, Own: own(instanceB, rootB)},
		{Name: "no room on the volume", Event: newDisk, World: world(crowded(aVolume, 50)), Acts: true, Own: own(aVolume)},
		{Name: "a volume", Event: newDisk, World: world(), Acts: true, Own: own(aVolume)},
		{Name: "another key", Event: newDisk, World: world(tagged(aVolume)), Acts: true, Own: own(aVolume), Settings: others},
		{Name: "started", Event: restarted(person, "stopped"), World: world(running(at)), Acts: true, Own: own(instanceA)},
		{Name: "started by somebody else before", Event: restarted(person, "stopped"), World: world(running(at), set(instanceA, "StartedBy", "bob")), Acts: true, Own: own(instanceA)},

		{Name: "the instance has its tags", Event: oneInstance, World: world(tagged(instanceA, rootA, eniA))},
		{Name: "the instance is terminated", Event: oneInstance, World: world(terminated)},
		{Name: "the instance is shutting down", Event: oneInstance, World: world(shuttingDown)},
		{Name: "the volume has its tags", Event: newDisk, World: world(tagged(aVolume))},
		{Name: "the volume is being deleted", Event: newDisk, World: world(deleting)},
		{Name: "a dry run", Event: dryRun, World: world()},
		{Name: "the launch failed", Event: noQuota, World: world()},
		{Name: "somebody tags", Event: lookAlike, World: world()},
		{Name: "it was running before", Event: restarted(person, "running"), World: world(running(at))},
		{Name: "started by the same before", Event: restarted(person, "stopped"), World: world(running(at), set(instanceA, "StartedBy", "alice"))},
		{Name: "started again since", Event: restarted(person, "stopped"), World: world(running(at.Add(time.Hour)), set(instanceA, "StartedBy", "bob"))},
		{Name: "stopped since", Event: restarted(person, "stopped"), World: world(stopped)},
		{Name: "nobody wants to know who starts", Event: restarted(person, "stopped"), World: world(running(at)), Settings: others},
	}
	for _, m := range makers {
		name := m.event + " of " + m.id
		all = append(all, moduletest.Case{Name: name, Event: m.raw(person), World: world(there(m.id)), Acts: true,
			Own: ownCall(m.service, m.region(), m.own, `{"tags":[{"key":"CreatedBy","value":"alice"}]}`)})
		if m.service != "ec2" {
			all = append(all, moduletest.Case{Name: name + ", with tags", Event: m.raw(person), World: world(tagged(m.id))})
		}
	}
	return all
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
	cfg := moduletest.Config(event.Region, func(in any) (any, error) {
		for _, each := range a.answers() {
			if out, err, mine := each.try(in); mine {
				return out, err
			}
		}
		return nil, fmt.Errorf("nobody answers %T", in)
	})
	return &remediations.Run{Event: &event, Settings: defaults, AWS: cfg}, resources
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
	a.set(instanceA, "CreatedVia", "packer")
	a.set(instanceA, "Owner", `web "team"`)
	finding := act(t, a, two)
	when, who := "2026-03-02T09:12:44Z", "alice"
	want := map[string]tags{
		instanceA: {"Name": "web", "CreatedAt": when, "CreatedBy": who, "CreatedVia": "packer", "Owner": `web "team"`},
		rootA:     {"CreatedAt": when, "CreatedBy": who, "CreatedVia": "cli", "Owner": `web "team"`},
		eniA:      {"CreatedAt": when, "CreatedBy": who, "CreatedVia": "cli", "Owner": `web "team"`},
		instanceB: {"Name": "web", "CreatedAt": when, "CreatedBy": who, "CreatedVia": "cli", "Owner": who},
		rootB:     {"CreatedAt": when, "CreatedBy": who, "CreatedVia": "cli", "Owner": who},
	}
	if got, want := encode(t, a.Tags), encode(t, want); got != want {
		t.Errorf("tags\n%s\nwant\n%s", got, want)
	}
	if want := "each of " + instanceB + ", " + rootB + " lacks tags that say who created or started it (CreatedAt, CreatedBy, CreatedVia, Owner)"; finding.Reason != want {
		t.Errorf("reason %q, want %q", finding.Reason, want)
	}
	pairs := `'[{"Key":"CreatedAt","Value":"2026-03-02T09:12:44Z"},{"Key":"CreatedBy","Value":"alice"},{"Key":"CreatedVia","Value":"cli"},{"Key":"Owner","Value":"alice"}]'`
	if want := "aws ec2 create-tags --region eu-west-1 --resources '" + instanceB + "' '" + rootB + "' --tags " + pairs; finding.Fix != want {
		t.Errorf("fix %s, want %s", finding.Fix, want)
	}
	if want := strings.Replace(finding.Fix, "create-tags", "delete-tags", 1); finding.Revert != want {
		t.Errorf("revert %s, want %s", finding.Revert, want)
	}
}

// Who owns what a service launches is a question to its Auto Scaling group; a service owns nothing.
func TestOwnerOfAGroup(t *testing.T) {
	for owner, want := range map[string]string{"web team": "web team", "": "none"} {
		a := newAccount()
		inGroup(owner)(a)
		act(t, a, scaled)
		for _, id := range []string{instanceB, rootB} {
			if got := aws.ToString(cmp.Or(a.Tags[id].get("Owner", false), aws.String("none"))); got != want || a.Tags[id]["CreatedBy"] != "autoscaling.amazonaws.com" {
				t.Errorf("group of %q: %s has %v", owner, id, a.Tags[id])
			}
		}
	}
	a := newAccount()
	a.set(instanceB, "aws:autoscaling:groupName", "gone")
	act(t, a, scaled)
	if _, owned := a.Tags[instanceB]["Owner"]; owned {
		t.Errorf("of a group that is gone it has %v", a.Tags[instanceB])
	}
}

// Every call is tagged by its own API, its commands are what a person would call, and undo leaves what was there.
func TestEveryKind(t *testing.T) {
	var commands []string
	for _, m := range slices.Concat(makers, more) {
		a := &account{Tags: map[string]tags{}}
		ids := strings.Fields(m.id)
		if m.service != "ec2" {
			ids = []string{m.id}
		}
		for _, id := range ids {
			a.Tags[id] = tags{"Name": "web", "CreatedVia": "packer"}
		}
		finding := act(t, a, m.raw(person))
		want := tags{"Name": "web", "CreatedAt": "2026-03-02T09:12:44Z", "CreatedBy": "alice", "CreatedVia": "packer", "Owner": "alice"}
		for _, id := range ids {
			if !maps.Equal(a.Tags[id], want) {
				t.Errorf("%s: %s has %v", m.event, id, a.Tags[id])
			}
		}
		if m.own != "" {
			commands = append(commands, finding.Fix, finding.Revert)
		}
	}
	got := strings.Join(commands, "\n") + "\n"
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile("testdata/commands.golden", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/commands.golden")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmpdiff.Diff(string(want), got); diff != "" {
		t.Errorf("the commands are not those of testdata/commands.golden:\n%s", diff)
	}
}

// What was deleted since is nothing to tag, and nothing that undo could change.
func TestGone(t *testing.T) {
	codes := map[string]string{
		"autoscaling": "-", "dynamodb": "ResourceNotFoundException", "ecr": "RepositoryNotFoundException", "ecs": "ClusterNotFoundException", "elasticfilesystem": "FileSystemNotFound", "elasticloadbalancing": "LoadBalancerNotFound",
		"kms": "NotFoundException", "lambda": "ResourceNotFoundException", "logs": "ResourceNotFoundException", "rds": "DBInstanceNotFound",
		"s3": "NoSuchBucket", "secretsmanager": "ResourceNotFoundException", "sns": "NotFound", "sqs": "AWS.SimpleQueueService.NonExistentQueue",
	}
	for _, m := range makers {
		a := &account{Tags: map[string]tags{m.id: {}}}
		finding := act(t, a, m.raw(person))
		run, resources := answering(t, a, m.raw(person))
		switch {
		case m.service == "ec2":
			continue
		case m.service == "iam":
			a.gone = "NoSuchEntity"
			if _, err := guard(t.Context(), run, resources[0]); !errors.Is(err, remediations.ErrNotReady) {
				t.Errorf("%s: %v, want ErrNotReady", m.event, err)
			}
			continue
		}
		a.gone = codes[m.service]
		if again, err := guard(t.Context(), run, resources[0]); again != nil || err != nil {
			t.Errorf("%s: %v, %v", m.event, again, err)
		}
		if err := undo(t.Context(), run, finding); !errors.Is(err, remediations.ErrChanged) {
			t.Errorf("%s: undo returned %v, want ErrChanged", m.event, err)
		}
		a.gone = "AccessDeniedException"
		if _, err := guard(t.Context(), run, resources[0]); m.service != "autoscaling" && remediations.ErrorCode(err) != a.gone {
			t.Errorf("%s: %v, want the error that AWS answered", m.event, err)
		}
	}
}

// IAM takes keys that differ in case only for one: to add Owner would overwrite owner.
func TestKeysThatFold(t *testing.T) {
	for _, m := range makers {
		a := &account{Tags: map[string]tags{m.id: {"owner": "bob"}}}
		act(t, a, m.raw(person))
		if _, added := a.Tags[m.id]["Owner"]; added != (m.service != "iam") || a.Tags[m.id]["owner"] != "bob" {
			t.Errorf("%s: %v", m.event, a.Tags[m.id])
		}
	}
}

// StartedBy is written over, and undo puts back who was there.
func TestStartedBy(t *testing.T) {
	a := newAccount()
	running(at)(a)
	a.set(instanceA, "StartedBy", "bob")
	event := restarted(person, "stopped")
	finding := act(t, a, event)
	if got, want := encode(t, a.Tags[instanceA]), encode(t, tags{"Name": "web", "StartedBy": "alice"}); got != want {
		t.Errorf("tags %s, want %s", got, want)
	}
	if want := "aws ec2 create-tags --region eu-west-1 --resources '" + instanceA + `' --tags '[{"Key":"StartedBy","Value":"bob"}]'`; finding.Revert != want {
		t.Errorf("revert %s, want %s", finding.Revert, want)
	}
	run, _ := answering(t, a, event)
	if err := undo(t.Context(), run, finding); err != nil || a.Tags[instanceA]["StartedBy"] != "bob" {
		t.Errorf("undo: %v, and StartedBy is %q", err, a.Tags[instanceA]["StartedBy"])
	}
	crowded(instanceA, 50)(a)
	if finding := act(t, a, event); finding.AlertOnly || a.Tags[instanceA]["StartedBy"] != "alice" {
		t.Errorf("to write over it needs no room: %+v", finding)
	}
	delete(a.Tags[instanceA], "StartedBy")
	a.set(instanceA, "another", "")
	run, resources := answering(t, a, event)
	if finding, err := guard(t.Context(), run, resources[0]); err != nil || !finding.AlertOnly {
		t.Errorf("no room: %+v, %v", finding, err)
	}
}

// A tag that somebody changes after the action stays as it is.
func TestUndoLeavesTheTagsOfOthers(t *testing.T) {
	a := newAccount()
	finding := act(t, a, newDisk)
	a.set(aVolume, "CreatedBy", "bob")
	run, _ := answering(t, a, newDisk)
	if err := undo(t.Context(), run, finding); !errors.Is(err, remediations.ErrChanged) || a.Tags[aVolume]["CreatedBy"] != "bob" {
		t.Errorf("undo: %v, and CreatedBy is %q", err, a.Tags[aVolume]["CreatedBy"])
	}
}

// An undo that was interrupted has removed some of the tags: the next one removes the rest.
func TestInterruptedUndoIsContinued(t *testing.T) {
	a := newAccount()
	finding := act(t, a, oneInstance)
	delete(a.Tags[rootA], "CreatedBy")
	delete(a.Tags, eniA)
	run, _ := answering(t, a, oneInstance)
	if err := undo(t.Context(), run, finding); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{instanceA, rootA, eniA} {
		for _, key := range []string{"Owner", "CreatedBy", "CreatedAt", "CreatedVia"} {
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
		"instance": {oneInstance, func(a *account) { delete(a.Instances, instanceA) }},
		"mapping":  {oneInstance, func(a *account) { a.Instances[instanceA].BlockDeviceMappings = nil }},
		"root":     {oneInstance, func(a *account) { delete(a.Volumes, rootA) }},
		"volume":   {newDisk, func(a *account) { delete(a.Volumes, aVolume) }},
		"started":  {restarted(person, "stopped"), running(at.Add(-time.Hour))},
		"table":    {makers[1].raw(person), func(a *account) { a.Creating = true }},
	} {
		a := newAccount()
		c.change(a)
		run, resources := answering(t, a, c.event)
		if finding, err := guard(t.Context(), run, resources[0]); !errors.Is(err, remediations.ErrNotReady) {
			t.Errorf("%s: %v, %v; want ErrNotReady", name, finding, err)
		}
	}
}

// A record that does not say what was created, or names something that can't be that, is an error.
func TestSuspects(t *testing.T) {
	for name, raw := range map[string][]byte{
		"no id":            record("CreateVolume", person, "x", `null`, `null`, ""),
		"an id to inject":  record("CreateVolume", person, "x", `null`, `{"volumeId":"vol-1; rm -rf /"}`, ""),
		"of another kind":  record("CreateVolume", person, "x", `null`, `{"volumeId":"i-1"}`, ""),
		"no instances":     record("RunInstances", person, "x", `null`, `{"instancesSet":{"items":[]}}`, ""),
		"half an instance": record("RunInstances", person, "x", `null`, `{"instancesSet":{"items":[{"instanceId":"`+instanceA+`"},{}]}}`, ""),
		"half a start":     record("StartInstances", person, "x", `null`, `{"instancesSet":{"items":[{"previousState":{"name":"stopped"}}]}}`, ""),
		"nobody":           record("CreateVolume", `null`, "x", `null`, gotVolume, ""),
		"another account":  call("sns", "eu-west-1", "CreateTopic", person, "x", `null`, `{"topicArn":"arn:aws:sns:eu-west-1:210987654321:alarms"}`, ""),
		"another Region":   call("sns", "eu-west-1", "CreateTopic", person, "x", `null`, `{"topicArn":"arn:aws:sns:eu-west-2:123456789012:alarms"}`, ""),
		"another queue":    call("sqs", "eu-west-1", "CreateQueue", person, "x", `null`, `{"queueUrl":"https://sqs.eu-west-1.amazonaws.com/210987654321/jobs"}`, ""),
		"no queue":         call("sqs", "eu-west-1", "CreateQueue", person, "x", `null`, `{"queueUrl":"jobs"}`, ""),
		"a name to inject": call("autoscaling", "eu-west-1", "CreateAutoScalingGroup", person, "x", `{"autoScalingGroupName":"web'; id"}`, `null`, ""),
		"no bucket":        call("s3", "eu-west-1", "CreateBucket", person, "x", `null`, `null`, ""),
		"no balancer":      call("elasticloadbalancing", "eu-west-1", "CreateLoadBalancer", person, "x", `null`, `null`, ""),
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

// The pattern takes each name from each service; a call of the name that is another service's is nobody's.
func TestNamesOfOtherServices(t *testing.T) {
	event, err := events.Parse(call("rds", "eu-west-1", "CreateUser", person, "x", `{"userName":"bob"}`, `{"user":{"userName":"bob"}}`, ""))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := suspects(event); len(got) > 0 || err != nil {
		t.Errorf("suspects %v, %v", got, err)
	}
}

func TestSettings(t *testing.T) {
	for name, s := range map[string]Settings{
		"nothing":        {},
		"AWS's own":      {OwnerKey: "aws:owner"},
		"AWS's in part":  {OwnerKey: "AWS:owner"},
		"a quote":        {CreatedByKey: "a'b"},
		"too long":       {CreatedByKey: strings.Repeat("a", 129)},
		"twice":          {CreatedByKey: "Owner", OwnerKey: "Owner"},
		"twice for IAM":  {CreatedByKey: "owner", OwnerKey: "Owner"},
		"twice, started": {StartedByKey: "Owner", OwnerKey: "Owner"},
	} {
		if s.Check() == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for _, s := range []Settings{defaults, others, {OwnerKey: "corp:team/owner"}} {
		if err := s.Check(); err != nil {
			t.Errorf("%+v: %v", s, err)
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
