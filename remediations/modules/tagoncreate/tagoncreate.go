// Package tagoncreate tags what was just created with who created it, when and how.
package tagoncreate

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/countermand/countermand/remediations"
)

// Module tags new resources.
var Module = &remediations.Module{
	Name:  "tag-on-create",
	Title: "tag new resources with who created them, when and how",
	Why: `A resource that nobody answers for is neither patched nor switched off. CloudTrail knows who made the call,
but keeps it for 90 days only; the tags Owner, CreatedBy, CreatedAt and CreatedVia keep it for as long as the
resource lives.`,
	Text: `Tagged are instances, with the volumes and network interfaces that were created with them, volumes, snapshots,
images, addresses, key pairs, launch templates, networks and what they are made of; buckets, file systems of EFS,
databases of RDS and their snapshots, tables of DynamoDB, functions, clusters of ECS, load balancers and target
groups, Auto Scaling groups, repositories of ECR, log groups, topics, queues, secrets and keys; and, in the global
Region, roles and users.

CreatedBy is the user, the person behind a session where AWS vouches for the name (IAM Identity Center, a
source identity), otherwise role/session; for what a service launches by itself, as Auto Scaling does, it is the
service. Owner is the same, but never a service: there it is the Owner of the Auto Scaling group, if that has one.
What is created with an instance gets the Owner that the instance has. CreatedVia is a hint: console, cli, sdk,
terraform, or the service that passed the call on. A tag that is already there is never changed.

An instance that is started gets StartedBy, which says who did so last, and so is written anew when it is somebody
else: it is the only tag that is. Owner and CreatedBy stay as they are: who starts an instance does not own it.

The keys can be set; an empty one is not written. Undo removes the tags that were added, and puts the former
StartedBy back.

Not seen is that CreateTopic, CreateQueue and CreateCluster, and in us-east-1 CreateBucket, were called for what was
there before: AWS answers them as if they had created it. A key whose policy does not let IAM decide can't be tagged, nor the
snapshots behind an image while they are made. Whether other resources of EC2's than instances and volumes are still
there is not asked: to tag one that is gone fails.`,
	Severity:   remediations.Low,
	Risk:       "Terraform plans to remove tags that it did not set, unless ignore_tags names them",
	Default:    remediations.Observe,
	Pattern:    watched(),
	Settings:   defaults,
	Reads:      reads(),
	Writes:     each(func(s *service) []string { return []string{s.write} }),
	UndoWrites: each(func(s *service) []string { return []string{s.unwrite} }),
	Suspects:   suspects,
	Guard:      guard,
	Action:     action,
	Undo:       undo,
}

// reads is what the guard calls: what can't be narrowed down, and each kind's own.
func reads() []remediations.Permission {
	var list []remediations.Permission
	for _, action := range []string{
		"autoscaling:DescribeAutoScalingGroups", "ec2:DescribeInstances", "ec2:DescribeTags", "ec2:DescribeVolumes",
		"elasticloadbalancing:DescribeTags",
	} {
		list = append(list, remediations.Permission{Action: action, Resource: "*", Why: "IAM can't limit it to resources"})
	}
	return append(list, each(func(s *service) []string { return s.reads })...)
}

// each is permissions for actions of each kind's service, on resources of that kind. Load balancers of all types have one.
func each(actions func(*service) []string) []remediations.Permission {
	var list []remediations.Permission
	for _, k := range kinds() {
		for _, action := range actions(k.service) {
			p := remediations.Permission{Action: action, Resource: k.right}
			switch k {
			case bucket:
				p.Why = "a bucket's ARN has no account and no Region"
			case queue, topic:
				p.Why = "the service's ARNs have no type in them: it is all of its queues or topics, here"
			}
			if !slices.Contains(list, p) {
				list = append(list, p)
			}
		}
	}
	slices.SortFunc(list, func(a, b remediations.Permission) int {
		return cmp.Or(cmp.Compare(a.Action, b.Action), cmp.Compare(a.Resource, b.Resource))
	})
	return list
}

func kindOf(r remediations.Resource) (*kind, error) {
	list := kinds()
	i := slices.IndexFunc(list, func(k *kind) bool { return k.resource == r.Type })
	if i < 0 {
		return nil, fmt.Errorf("nothing is known about %s", r)
	}
	return list[i], nil
}

func guard(ctx context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
	k, err := kindOf(r)
	if err != nil {
		return nil, err
	}
	s := run.Settings.(Settings)
	want, err := values(run.Event.Record, s)
	if err != nil || len(want) == 0 {
		return nil, err
	}
	if run.Event.Record.EventName == startInstances {
		return guardStart(ctx, run, r, want)
	}
	ids, err := together(ctx, run.AWS, r, run.Event.Record.EventTime)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	present, err := k.service.read(ctx, run.AWS, target{ids, r.Account, r.Region})
	if errors.Is(err, errGone) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := adopt(ctx, run.AWS, want, present[r.ID], s.OwnerKey); err != nil {
		return nil, err
	}
	before, after := state{}, state{}
	var lacking, full []string
	for _, id := range ids {
		before[id], after[id] = map[string]*string{}, map[string]*string{}
		missing := 0
		for key := range want {
			before[id][key] = present[id].get(key, k.folds)
			if after[id][key] = before[id][key]; after[id][key] == nil {
				missing++
			}
		}
		switch {
		case missing == 0:
		case present[id].counted()+missing > maxTags:
			full = append(full, id)
		default:
			lacking = append(lacking, id)
			for key, value := range want {
				if after[id][key] == nil {
					after[id][key] = aws.String(value)
				}
			}
		}
	}
	return found(k, r, lacking, full, before, after)
}

// adopt settles the owner of what was launched: the one that the instance has, for what was created with it, and where a
// service launched it, that of its Auto Scaling group, which hands on only some of its tags.
func adopt(ctx context.Context, cfg aws.Config, want, present tags, key string) error {
	if key == "" {
		return nil
	}
	if owner := present[key]; owner != "" {
		want[key] = owner
		return nil
	}
	group := present["aws:autoscaling:groupName"] // which only Auto Scaling can set
	if group == "" {
		return nil
	}
	theirs, err := readGroup(ctx, cfg, group)
	if err != nil && !errors.Is(err, errGone) {
		return fmt.Errorf("read the tags of the Auto Scaling group %s: %w", group, err)
	}
	if owner := theirs[key]; owner != "" {
		want[key] = owner
	}
	return nil
}

// guardStart looks whether an instance says who started it last. If it was started again since, the call does not matter,
// so that late and doubled events change nothing.
func guardStart(ctx context.Context, run *remediations.Run, r remediations.Resource, want tags) (*remediations.Finding, error) {
	running, err := startedAt(ctx, run.AWS, r.ID, run.Event.Record.EventTime)
	if err != nil || !running {
		return nil, err
	}
	present, err := readEC2(ctx, run.AWS, target{[]string{r.ID}, r.Account, r.Region})
	if err != nil {
		return nil, err
	}
	before, after := state{r.ID: {}}, state{r.ID: {}}
	var lacking, full []string
	for key, value := range want {
		was := present[r.ID].get(key, false)
		before[r.ID][key], after[r.ID][key] = was, aws.String(value)
		switch {
		case was == nil && present[r.ID].counted() >= maxTags:
			full, after[r.ID][key] = []string{r.ID}, nil
		case was == nil || *was != value:
			lacking = []string{r.ID}
		}
	}
	return found(instance, r, lacking, full, before, after)
}

// found is the finding about resources that lack tags; nil if there are none.
func found(k *kind, r remediations.Resource, lacking, full []string, before, after state) (*remediations.Finding, error) {
	keys := strings.Join(slices.Sorted(maps.Keys(after[r.ID])), ", ")
	noRoom := fmt.Sprintf("%s can't be tagged with %s: it has no room for more than %d tags", several(full), keys, maxTags)
	reason := fmt.Sprintf("%s lacks tags that say who created or started it (%s)", several(lacking), keys)
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
	finding.Fix = k.commands(r, before, after)
	finding.Revert = k.commands(r, after, before)
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

// commands is the AWS CLI commands that make one state of another.
func (k *kind) commands(r remediations.Resource, from, to state) string {
	var lines []string
	for _, c := range changes(from, to) {
		t := target{c.ids, r.Account, r.Region}
		if len(c.set) > 0 {
			lines = append(lines, k.service.adding(t, c.set))
		}
		if len(c.drop) > 0 {
			lines = append(lines, k.service.removing(t, c.drop))
		}
	}
	return strings.Join(lines, "\n")
}

// write makes one state of another.
func (k *kind) write(ctx context.Context, cfg aws.Config, r remediations.Resource, from, to state) error {
	for _, c := range changes(from, to) {
		t := target{c.ids, r.Account, r.Region}
		if len(c.set) > 0 {
			if err := k.service.add(ctx, cfg, t, c.set); err != nil {
				return fmt.Errorf("tag %s: %w", strings.Join(c.ids, ", "), err)
			}
		}
		if len(c.drop) > 0 {
			if err := k.service.remove(ctx, cfg, t, c.drop); err != nil {
				return fmt.Errorf("untag %s: %w", strings.Join(c.ids, ", "), err)
			}
		}
	}
	return nil
}

func action(ctx context.Context, run *remediations.Run, finding *remediations.Finding) error {
	k, before, after, err := decode(finding)
	if err != nil {
		return err
	}
	return k.write(ctx, run.AWS, finding.Resource, before, after)
}

func undo(ctx context.Context, run *remediations.Run, finding *remediations.Finding) error {
	k, before, after, err := decode(finding)
	if err != nil {
		return err
	}
	r := finding.Resource
	present, err := k.service.read(ctx, run.AWS, target{after.ids(), r.Account, r.Region})
	if errors.Is(err, errGone) {
		return fmt.Errorf("%s is gone: %w", r, remediations.Changed(state{}))
	}
	if err != nil {
		return err
	}
	// An undo that was interrupted has put back some of it, and the rest is still to do.
	now, changed := state{}, ""
	for _, id := range after.ids() {
		now[id] = map[string]*string{}
		for key := range after[id] {
			now[id][key] = present[id].get(key, k.folds)
		}
		if !between(now[id], before[id], after[id]) {
			changed = id
		}
	}
	if changed != "" || len(changes(now, before)) == 0 {
		return fmt.Errorf("tags of %s: %w", cmp.Or(changed, r.ID), remediations.Changed(now))
	}
	return k.write(ctx, run.AWS, r, now, before)
}

func decode(finding *remediations.Finding) (k *kind, before, after state, err error) {
	if k, err = kindOf(finding.Resource); err != nil {
		return nil, nil, nil, err
	}
	if err := errors.Join(json.Unmarshal(finding.Before, &before), json.Unmarshal(finding.After, &after)); err != nil {
		return nil, nil, nil, fmt.Errorf("decode the tags of %s: %w", finding.Resource, err)
	}
	return k, before, after, nil
}
