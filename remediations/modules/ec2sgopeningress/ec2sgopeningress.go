// Package ec2sgopeningress closes ports of security groups that are open to the internet.
package ec2sgopeningress

import (
	"context"
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/events/pattern"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/knowledge/netset"
)

const groups = "arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:security-group/*"

// Module is the remediation.
var Module = &remediations.Module{
	Name:  "ec2-sg-open-ingress",
	Title: "close ports of security groups that are open to the internet",
	Why: `Whatever listens on a port that is open to everybody is found within minutes, and attacked: passwords of SSH and RDP are
guessed, databases without one are copied and deleted.`,
	Text: `A port is open if the inbound rules that let it through hold all together what counts as the internet: half of all
public addresses or more, or a whole /3 of IPv4 or /8 of IPv6. So 0.0.0.0/0 and ::/0 do, and 0.0.0.0/1 with 128.0.0.0/1,
and everything but 10.0.0.0/8, in rules of their own or in a prefix list; the ranges of a country or of a provider don't,
and other security groups never do. It is put right for protectedPorts, TCP and UDP, without allowedPorts: by default those
of FSBP EC2.19 and of some databases and consoles that ask for no password. Other ports, without allowedPorts, are
only told of, and only if alertOtherPorts says so. ICMP and other protocols have no ports and are left alone.

Only the rules at fault are revoked, by their ids: of those that let a port through the widest first, until the rest is not
the internet. A rule is revoked whole, so that one for all traffic takes harmless ports with it. Undo adds the rules
again with description and tags, unless one of them has been added since. They get new ids, so that undo compares them by
content, and whatever refers to them by id (Terraform does) has to be told. Tags that begin with aws: can't be put back.

Where a group is used, and what network ACLs and routes let through, is not looked at. A prefix list that is changed is
noticed by the next sweep only, as is a rule that EC2 does not show yet. A list whose owner does not share it any more can't
be read: that is alerted. Groups of another account, in a shared VPC, are for that account to judge. A new group
has no inbound rules, so that CreateSecurityGroup is not watched.`,
	Severity: remediations.High,
	Risk:     "whoever connects over a port that is open on purpose is cut off: name it in allowedPorts, or exempt the group",
	Controls: []string{"FSBP/EC2.13", "FSBP/EC2.14", "FSBP/EC2.18", "FSBP/EC2.19", "FSBP/EC2.53", "FSBP/EC2.54", "CIS-3.0/5.2", "CIS-3.0/5.3", "ATT&CK/T1562.007"},
	Default:  remediations.Alert,
	Pattern:  pattern.CloudTrail("ec2", "AuthorizeSecurityGroupIngress", "ModifySecurityGroupRules"),
	Settings: defaults,
	Reads: []remediations.Permission{
		{Action: "ec2:DescribeSecurityGroupRules", Resource: "*", Why: "EC2's Describe calls can't be limited to resources"},
		{Action: "ec2:GetManagedPrefixListEntries", Resource: "arn:${AWS::Partition}:ec2:${AWS::Region}:*:prefix-list/*",
			Why: "a list that a rule names may be AWS's own, or another account's that shares it, and has their name in its ARN"},
	},
	Writes: []remediations.Permission{
		{Action: "ec2:RevokeSecurityGroupIngress", Resource: groups},
	},
	UndoWrites: []remediations.Permission{
		{Action: "ec2:AuthorizeSecurityGroupIngress", Resource: groups},
		{Action: "ec2:CreateTags", Resource: "arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:security-group-rule/*"},
	},
	Suspects: suspects,
	Sweep:    sweep,
	Schedule: "rate(1 day)",
	Guard:    guard,
	Action:   action,
	Undo:     undo,
}

// form is what a group's id looks like. It becomes part of commands that people copy.
var form = regexp.MustCompile(`^sg-[0-9a-f]+$`)

// suspects is the group of the event, whatever rule was added or changed: its state decides. A group may be given by its
// name; which one that was the answer says, in the rules that were added.
func suspects(event events.Event) ([]remediations.Resource, error) {
	request, response := event.Record.Request, event.Record.Response
	id := request.Get("groupId").Text()
	if id == "" {
		id = request.Get("ModifySecurityGroupRulesRequest", "GroupId").Text()
	}
	for _, added := range response.Get("securityGroupRuleSet").List() {
		of := added.Get("groupId").Text()
		if id != "" && of != id {
			return nil, fmt.Errorf("the record of %s is about group %q, and has a rule of %q", event.Record.EventName, id, of)
		}
		id = of
	}
	if !form.MatchString(id) {
		return nil, fmt.Errorf("the record of %s names no security group, but %q", event.Record.EventName, id)
	}
	return []remediations.Resource{group(id, event.Account, event.Region)}, nil
}

func group(id, account, region string) remediations.Resource {
	return remediations.Resource{ID: id, Type: "AWS::EC2::SecurityGroup", Account: account, Region: region}
}

// sweep lists the groups of the account whose rules, whatever ports they are for, are the internet all together, and
// those with a prefix list, which is not read here.
func sweep(ctx context.Context, run *remediations.Run) iter.Seq2[remediations.Resource, error] {
	return func(yield func(remediations.Resource, error) bool) {
		rules, err := list(ctx, ec2.NewFromConfig(run.AWS), nil)
		if err != nil {
			yield(remediations.Resource{}, err)
			return
		}
		watched := run.Settings.(Settings).watched()
		of := map[string][]rule{}
		var ids []string
		for _, r := range rules {
			if r.owner != run.Account || !watched.Meets(r.ports) {
				continue
			}
			if of[r.group] == nil {
				ids = append(ids, r.group)
			}
			of[r.group] = append(of[r.group], r)
		}
		for _, id := range ids {
			listed := slices.ContainsFunc(of[id], func(r rule) bool { return r.list() != "" })
			if !listed && netset.Internet(networks(of[id])) == "" {
				continue
			}
			if !yield(group(id, run.Account, run.AWS.Region), nil) {
				return
			}
		}
	}
}

func guard(ctx context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
	settings := run.Settings.(Settings)
	client := ec2.NewFromConfig(run.AWS)
	rules, err := read(ctx, client, r)
	if err != nil {
		return nil, err
	}
	watched := settings.watched()
	rules = slices.DeleteFunc(rules, func(r rule) bool { return !watched.Meets(r.ports) })
	unread, err := resolve(ctx, client, rules)
	if err != nil {
		return nil, err
	}
	protected, other := judge(rules, settings.protected()), judge(rules, settings.other())
	if protected == nil && other == nil && unread == nil {
		return nil, nil
	}
	reasons := append(protected.reasons(), other.reasons()...)
	for _, id := range unread {
		reasons = append(reasons, fmt.Sprintf("whom prefix list %s lets in can't be told, as its owner does not share it any more", id))
	}
	return found(r, strings.Join(reasons, "; "), protected, other)
}

// found is the finding: about the rules that are revoked, or, if there are none, about those that people are told of.
func found(r remediations.Resource, reason string, protected, other *verdict) (*remediations.Finding, error) {
	if protected == nil {
		var rules []rule
		if other != nil {
			rules = other.rules
		}
		finding, err := remediations.Found(r, reason, stateOf(rules), stateOf(rules))
		if err != nil {
			return nil, err
		}
		finding.AlertOnly = true
		if rules != nil {
			finding.Fix = revokeCommand(r, ids(rules))
		}
		return finding, nil
	}
	rules := protected.rules
	finding, err := remediations.Found(r, reason, stateOf(rules), state{Rules: []rule{}, Revoked: ids(rules)})
	if err != nil {
		return nil, err
	}
	finding.Fix = revokeCommand(r, ids(rules))
	finding.Revert, err = authorizeCommands(r, rules)
	return finding, err
}

// action revokes by ids: what is revoked by its properties may be another rule, or in silence none.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RevokeSecurityGroupIngress.html
func action(ctx context.Context, run *remediations.Run, finding *remediations.Finding) error {
	_, after, err := states(finding)
	if err != nil {
		return err
	}
	_, err = ec2.NewFromConfig(run.AWS).RevokeSecurityGroupIngress(ctx, &ec2.RevokeSecurityGroupIngressInput{
		GroupId: &finding.Resource.ID, SecurityGroupRuleIds: after.Revoked,
	})
	if err != nil {
		return fmt.Errorf("revoke %s of group %s: %w", strings.Join(after.Revoked, ", "), finding.Resource.ID, err)
	}
	return nil
}

func undo(ctx context.Context, run *remediations.Run, finding *remediations.Finding) error {
	before, _, err := states(finding)
	if err != nil {
		return err
	}
	client, id := ec2.NewFromConfig(run.AWS), finding.Resource.ID
	all, err := read(ctx, client, finding.Resource)
	if err != nil {
		return err
	}
	present := slices.DeleteFunc(all, func(r rule) bool { return !slices.ContainsFunc(before.Rules, r.same) })
	if len(present) == 0 {
		if present, err = authorize(ctx, client, id, before.Rules); err != nil {
			return err
		}
	} else if !untagged(present, before.Rules) {
		return fmt.Errorf("add the rules of group %s again: %w", id, remediations.Changed(stateOf(present)))
	}
	return tag(ctx, client, before.Rules, present)
}

// authorize adds rules: all, or, if that fails, none. It returns them as they are now, with their ids.
func authorize(ctx context.Context, client *ec2.Client, id string, rules []rule) ([]rule, error) {
	input := &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &id}
	for _, r := range rules {
		input.IpPermissions = append(input.IpPermissions, r.permission())
	}
	out, err := client.AuthorizeSecurityGroupIngress(ctx, input)
	if err != nil {
		return nil, fmt.Errorf("add %d rules to group %s: %w", len(rules), id, err)
	}
	return parse(out.SecurityGroupRules, &id)
}

// untagged reports whether an undo that was interrupted has added the rules, and not tagged all of them.
func untagged(present, before []rule) bool {
	lacks := false
	for _, want := range before {
		i := slices.IndexFunc(present, want.same)
		switch {
		case i < 0 || present[i].Description != want.Description:
			return false
		case want.tagged(present[i]):
		case len(present[i].Tags) > 0:
			return false
		default:
			lacks = true
		}
	}
	return lacks
}

// tag gives rules that were added their tags. EC2 would take them with the rules, but gives all rules of a call the same,
// and rules that are added by several calls may be there in part.
func tag(ctx context.Context, client *ec2.Client, before, present []rule) error {
	for _, want := range before {
		i := slices.IndexFunc(present, want.same)
		if i < 0 {
			return fmt.Errorf("tag %s: it was added, and is not in the answer", want)
		}
		if want.tagged(present[i]) {
			continue
		}
		input := &ec2.CreateTagsInput{Resources: []string{present[i].id}}
		for _, key := range want.keys() {
			input.Tags = append(input.Tags, types.Tag{Key: &key, Value: aws.String(want.Tags[key])})
		}
		if _, err := client.CreateTags(ctx, input); err != nil {
			return fmt.Errorf("tag rule %s: %w", present[i].id, err)
		}
	}
	return nil
}
