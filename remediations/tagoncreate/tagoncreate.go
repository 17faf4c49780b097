// Package tagoncreate tags what was just created with who created it, when and how.
package tagoncreate

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
)

const whyDescribe = "EC2's Describe calls can't be limited to resources"

// Module tags new resources.
var Module = &remediations.Module{
	Name: "tag-on-create",
	Doc: `tag new resources with who created them, when and how

A resource that nobody answers for is neither patched nor switched off. CloudTrail knows who made the call,
but keeps it for 90 days only; the tags CreatedBy, CreatedAt and CreatedVia keep it for as long as the
resource lives.

Tagged are instances, with the volumes and network interfaces that were created with them, and volumes.
CreatedBy is the user, the person behind a session where AWS vouches for the name (IAM Identity Center, a
source identity), otherwise role/session; for what a service launches by itself, as Auto Scaling does, it
is the service. CreatedVia is a hint: console, cli, sdk, terraform, or the service that passed the call on.
A tag that is already there is never changed. Undo removes the tags that were added.`,
	Severity: remediations.Low,
	Risk:     "Terraform plans to remove tags that it did not set, unless ignore_tags names them",
	Default:  remediations.Observe,
	Pattern:  events.CloudTrail("ec2", eventNames()...),
	Reads: []remediations.Permission{
		{Action: "ec2:DescribeInstances", Resource: "*", Why: whyDescribe},
		{Action: "ec2:DescribeTags", Resource: "*", Why: whyDescribe},
		{Action: "ec2:DescribeVolumes", Resource: "*", Why: whyDescribe},
	},
	Writes: []remediations.Permission{
		{Action: "ec2:CreateTags", Resource: "arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:instance/*"},
		{Action: "ec2:CreateTags", Resource: "arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:network-interface/*"},
		{Action: "ec2:CreateTags", Resource: "arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:volume/*"},
	},
	UndoWrites: []remediations.Permission{
		{Action: "ec2:DeleteTags", Resource: "arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:instance/*"},
		{Action: "ec2:DeleteTags", Resource: "arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:network-interface/*"},
		{Action: "ec2:DeleteTags", Resource: "arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:volume/*"},
	},
	Suspects: suspects,
	Guard:    guard,
	Action:   action,
	Undo:     undo,
}

func suspects(event events.Event) ([]remediations.Resource, error) {
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.event == event.Record.EventName })
	if i < 0 {
		return nil, fmt.Errorf("nothing is known about what %s creates", event.Record.EventName)
	}
	ids, err := kinds[i].created(event.Record)
	if err != nil {
		return nil, err
	}
	if _, err := values(event.Record); err != nil {
		return nil, err
	}
	var resources []remediations.Resource
	for _, id := range ids {
		resources = append(resources, remediations.Resource{ID: id, Type: kinds[i].resource, Account: event.Account, Region: event.Region})
	}
	return resources, nil
}

// state is what the module reads and changes: for each resource the values of its three tags, nil for one
// that is not there.
type state map[string]map[string]*string

func guard(ctx context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.resource == r.Type })
	if i < 0 {
		return nil, fmt.Errorf("nothing is known about %s", r)
	}
	want, err := values(run.Event.Record)
	if err != nil {
		return nil, err
	}
	client := ec2.NewFromConfig(run.AWS)
	ids, err := kinds[i].inspect(ctx, client, r.ID, run.Event.Record.EventTime)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	present, err := readTags(ctx, client, ids)
	if err != nil {
		return nil, err
	}
	before, after := state{}, state{}
	var lacking, full []string
	for _, id := range ids {
		before[id], after[id] = present[id].ours(), present[id].ours()
		missing := slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return before[id][key] != nil })
		switch {
		case len(missing) == 0:
		case present[id].counted()+len(missing) > maxTags:
			full = append(full, id)
		default:
			lacking = append(lacking, id)
			for _, key := range missing {
				after[id][key] = new(want[key])
			}
		}
	}
	return found(r, lacking, full, before, after)
}

// found is the finding about resources that lack tags; nil if there are none.
func found(r remediations.Resource, lacking, full []string, before, after state) (*remediations.Finding, error) {
	noRoom := fmt.Sprintf("%s can't be tagged with who created it, when and how: it has no room for more than %d tags", several(full), maxTags)
	reason := several(lacking) + " lacks tags that say who created it, when and how"
	switch {
	case len(lacking) == 0 && len(full) == 0:
		return nil, nil
	case len(lacking) == 0:
		reason = noRoom
	case len(full) > 0:
		reason += "; " + noRoom
	}
	finding, err := remediations.Found(r, reason, before, after)
	if err != nil {
		return nil, err
	}
	finding.AlertOnly = len(lacking) == 0
	var fix, revert []string
	for _, c := range additions(before, after) {
		fix = append(fix, c.command("create-tags", r.Region))
		revert = append(revert, c.command("delete-tags", r.Region))
	}
	finding.Fix, finding.Revert = strings.Join(fix, "\n"), strings.Join(revert, "\n")
	return finding, nil
}

// several names resources, or the first of many.
func several(ids []string) string {
	if len(ids) > 4 {
		return fmt.Sprintf("each of %s and %d more created with it", ids[0], len(ids)-1)
	}
	if len(ids) > 1 {
		return "each of " + strings.Join(ids, ", ")
	}
	return strings.Join(ids, "")
}

func action(ctx context.Context, run *remediations.Run, finding *remediations.Finding) error {
	before, after, err := states(finding)
	if err != nil {
		return err
	}
	client := ec2.NewFromConfig(run.AWS)
	for _, c := range additions(before, after) {
		if err := c.create(ctx, client); err != nil {
			return err
		}
	}
	return nil
}

func undo(ctx context.Context, run *remediations.Run, finding *remediations.Finding) error {
	before, after, err := states(finding)
	if err != nil {
		return err
	}
	client := ec2.NewFromConfig(run.AWS)
	present, err := readTags(ctx, client, after.ids())
	if err != nil {
		return err
	}
	// An undo that was interrupted has put back some of it, and the rest is still to do.
	now, changed, done := state{}, "", true
	for _, id := range after.ids() {
		now[id] = present[id].ours()
		done = done && same(now[id], before[id])
		if !between(now[id], before[id], after[id]) {
			changed = id
		}
	}
	if changed != "" || done {
		return fmt.Errorf("tags of %s: %w", cmp.Or(changed, finding.Resource.ID), remediations.Changed(now))
	}
	for _, c := range additions(before, after) {
		if err := c.remove(ctx, client); err != nil {
			return err
		}
	}
	return nil
}

func states(finding *remediations.Finding) (before, after state, err error) {
	if err := errors.Join(json.Unmarshal(finding.Before, &before), json.Unmarshal(finding.After, &after)); err != nil {
		return nil, nil, fmt.Errorf("decode the tags of %s: %w", finding.Resource, err)
	}
	return before, after, nil
}
