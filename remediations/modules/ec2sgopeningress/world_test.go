package ec2sgopeningress_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/modules/ec2sgopeningress"
	"github.com/countermand/countermand/remediations/moduletest"
)

const (
	account = "111122223333"
	partner = "444455556666"
	id      = "sg-0a1b2c3d4e5f60718"
	other   = "sg-0f0e0d0c0b0a09080"
)

// held is a rule as EC2 holds it. Its id is no state: a rule that is put back has another one.
type held struct {
	Protocol    string
	Ports       []int32 // from and to; none: EC2 tells of none
	Source      string  // a network, a prefix list or a group
	Description string
	Tags        map[string]string
	Egress      bool
	id          string
}

// let is an inbound rule: "tcp 22 0.0.0.0/0", "tcp 20-25 ::/0", "-1 pl-0a1b".
func let(text string) *held {
	words := strings.Fields(text)
	h := &held{Protocol: words[0], Source: words[len(words)-1]}
	if len(words) == 3 {
		from, to, ok := strings.Cut(words[1], "-")
		if !ok {
			to = from
		}
		for _, end := range []string{from, to} {
			n, err := strconv.Atoi(end)
			if err != nil {
				panic(err)
			}
			h.Ports = append(h.Ports, int32(n))
		}
	} else {
		h.Ports = []int32{-1, -1}
	}
	return h
}

// and is the rule with a description and tags, given as key and value in turn.
func (h *held) and(description string, tags ...string) *held {
	h.Description = description
	for i := 0; i < len(tags); i += 2 {
		if h.Tags == nil {
			h.Tags = map[string]string{}
		}
		h.Tags[tags[i]] = tags[i+1]
	}
	return h
}

func (h *held) key() string { return fmt.Sprint(h.Source, h.Protocol, h.Ports, h.Egress) }

func (h *held) clone() *held {
	c := *h
	c.Tags = maps.Clone(h.Tags)
	return &c
}

// group is a security group.
type group struct {
	Owner string
	Rules []*held // sorted by content
}

// region is the groups of a Region, and its prefix lists; one that is nil is not shared any more.
type region struct {
	Groups map[string]*group
	Lists  map[string][]string
	fail   map[string]string // error code by operation
	size   int               // of a page
	turned bool              // rules are shown in reverse
	ids    int               // given out so far
	writes int
	answer func(*types.SecurityGroupRule) // changes an answer
}

func (r *region) add(of string, rules ...*held) {
	g := r.Groups[of]
	for _, h := range rules {
		r.ids++
		h.id = fmt.Sprintf("sgr-%04x", r.ids)
		g.Rules = append(g.Rules, h)
	}
	slices.SortFunc(g.Rules, func(a, b *held) int { return cmp.Compare(a.key(), b.key()) })
}

// shown is a rule as EC2 shows it.
func (r *region) shown(of string, h *held) types.SecurityGroupRule {
	a := types.SecurityGroupRule{
		GroupId: &of, GroupOwnerId: aws.String(r.Groups[of].Owner), SecurityGroupRuleId: aws.String(h.id),
		IpProtocol: aws.String(h.Protocol), IsEgress: aws.Bool(h.Egress),
	}
	if h.Ports != nil {
		a.FromPort, a.ToPort = aws.Int32(h.Ports[0]), aws.Int32(h.Ports[1])
	}
	if h.Description != "" {
		a.Description = aws.String(h.Description)
	}
	switch {
	case strings.HasPrefix(h.Source, "sg-"):
		a.ReferencedGroupInfo = &types.ReferencedSecurityGroup{GroupId: aws.String(h.Source)}
	case strings.HasPrefix(h.Source, "pl-"):
		a.PrefixListId = aws.String(h.Source)
	case strings.Contains(h.Source, ":"):
		a.CidrIpv6 = aws.String(h.Source)
	default:
		a.CidrIpv4 = aws.String(h.Source)
	}
	for _, key := range slices.Sorted(maps.Keys(h.Tags)) {
		a.Tags = append(a.Tags, types.Tag{Key: aws.String(key), Value: aws.String(h.Tags[key])})
	}
	if r.answer != nil {
		r.answer(&a)
	}
	return a
}

func (r *region) describe(in *ec2.DescribeSecurityGroupRulesInput) (*ec2.DescribeSecurityGroupRulesOutput, error) {
	if r.fail["describe"] != "" {
		return nil, moduletest.Error(r.fail["describe"])
	}
	of := slices.Sorted(maps.Keys(r.Groups))
	for _, f := range in.Filters {
		if aws.ToString(f.Name) != "group-id" {
			return nil, moduletest.Error("InvalidParameterValue")
		}
		of = f.Values
	}
	var all []types.SecurityGroupRule
	for _, name := range of {
		if g := r.Groups[name]; g != nil {
			for _, h := range g.Rules {
				all = append(all, r.shown(name, h))
			}
		}
	}
	if r.turned {
		slices.Reverse(all)
	}
	first := 0
	if in.NextToken != nil {
		first, _ = strconv.Atoi(*in.NextToken)
	}
	out := &ec2.DescribeSecurityGroupRulesOutput{SecurityGroupRules: all[first:]}
	if size := cmp.Or(r.size, int(aws.ToInt32(in.MaxResults))); len(all)-first > size {
		out.SecurityGroupRules, out.NextToken = all[first:first+size], aws.String(strconv.Itoa(first+size))
	}
	return out, nil
}

func (r *region) entries(in *ec2.GetManagedPrefixListEntriesInput) (*ec2.GetManagedPrefixListEntriesOutput, error) {
	list := r.Lists[aws.ToString(in.PrefixListId)]
	switch {
	case r.fail["entries"] != "":
		return nil, moduletest.Error(r.fail["entries"])
	case list == nil:
		return nil, moduletest.Error("InvalidPrefixListID.NotFound")
	}
	first := 0
	if in.NextToken != nil {
		first = 1
	}
	out := &ec2.GetManagedPrefixListEntriesOutput{}
	if first == 0 && len(list) > 1 {
		list, out.NextToken = list[:1], aws.String("more")
	} else {
		list = list[first:]
	}
	for _, cidr := range list {
		out.Entries = append(out.Entries, types.PrefixListEntry{Cidr: aws.String(cidr)})
	}
	return out, nil
}

func (r *region) revoke(in *ec2.RevokeSecurityGroupIngressInput) (*ec2.RevokeSecurityGroupIngressOutput, error) {
	g := r.Groups[aws.ToString(in.GroupId)]
	switch {
	case g == nil:
		return nil, moduletest.Error("InvalidGroup.NotFound")
	case len(in.SecurityGroupRuleIds) == 0 || in.IpPermissions != nil || in.CidrIp != nil:
		return nil, moduletest.Error("InvalidParameterCombination")
	}
	for _, sgr := range in.SecurityGroupRuleIds {
		if !slices.ContainsFunc(g.Rules, func(h *held) bool { return h.id == sgr && !h.Egress }) {
			return nil, moduletest.Error("InvalidSecurityGroupRuleId.NotFound")
		}
	}
	g.Rules = slices.DeleteFunc(g.Rules, func(h *held) bool { return slices.Contains(in.SecurityGroupRuleIds, h.id) })
	r.writes++
	return &ec2.RevokeSecurityGroupIngressOutput{Return: aws.Bool(true)}, nil
}

func (r *region) authorize(in *ec2.AuthorizeSecurityGroupIngressInput) (*ec2.AuthorizeSecurityGroupIngressOutput, error) {
	of := aws.ToString(in.GroupId)
	g := r.Groups[of]
	switch {
	case r.fail["authorize"] != "":
		return nil, moduletest.Error(r.fail["authorize"])
	case g == nil:
		return nil, moduletest.Error("InvalidGroup.NotFound")
	}
	var added []*held
	for _, p := range in.IpPermissions {
		h := held{Protocol: *p.IpProtocol, Ports: []int32{-1, -1}}
		if (p.FromPort == nil) != (h.Protocol == "-1") { // EC2 would pass over ports of all protocols, or take none as all
			return nil, moduletest.Error("InvalidParameterValue")
		}
		if p.FromPort != nil {
			h.Ports = []int32{*p.FromPort, *p.ToPort}
		}
		for _, s := range p.IpRanges {
			h.Source, h.Description = *s.CidrIp, aws.ToString(s.Description)
		}
		for _, s := range p.Ipv6Ranges {
			h.Source, h.Description = *s.CidrIpv6, aws.ToString(s.Description)
		}
		for _, s := range p.PrefixListIds {
			h.Source, h.Description = *s.PrefixListId, aws.ToString(s.Description)
		}
		if slices.ContainsFunc(g.Rules, func(old *held) bool { return old.key() == h.key() }) {
			return nil, moduletest.Error("InvalidPermission.Duplicate")
		}
		added = append(added, &h)
	}
	r.add(of, added...)
	r.writes++
	out := &ec2.AuthorizeSecurityGroupIngressOutput{Return: aws.Bool(true)}
	for _, h := range added {
		out.SecurityGroupRules = append(out.SecurityGroupRules, r.shown(of, h))
	}
	return out, nil
}

func (r *region) tag(in *ec2.CreateTagsInput) (*ec2.CreateTagsOutput, error) {
	if r.fail["tag"] != "" {
		return nil, moduletest.Error(r.fail["tag"])
	}
	for _, g := range r.Groups {
		for _, h := range g.Rules {
			if slices.Contains(in.Resources, h.id) {
				for _, t := range in.Tags {
					h.and(h.Description, *t.Key, *t.Value)
				}
			}
		}
	}
	r.writes++
	return &ec2.CreateTagsOutput{}, nil
}

// answers is what the Region answers.
func (r *region) answers() []moduletest.Answer {
	return []moduletest.Answer{moduletest.On(r.describe), moduletest.On(r.entries), moduletest.On(r.revoke),
		moduletest.On(r.authorize), moduletest.On(r.tag)}
}

// open is a Region with a group that has some rules, good ones besides, and beside it another one that is fine.
func open(rules ...*held) *region {
	r := &region{Groups: map[string]*group{id: {Owner: account}, other: {Owner: account}}, Lists: map[string][]string{}}
	r.add(id, rules...)
	r.add(id, good()...)
	r.add(other, let("tcp 443 0.0.0.0/0").and("the site"), let("tcp 22 198.51.100.7/32"))
	return r
}

// good is rules that are nobody's fault.
func good() []*held {
	out := let("-1 0.0.0.0/0")
	out.Egress = true
	return []*held{
		let("tcp 443 0.0.0.0/0").and("the site"), let("tcp 443 ::/0"), let("tcp 22 203.0.113.0/24").and("the office", "team", "web"),
		let("-1 " + other), let("icmp 8 0.0.0.0/0"), let("icmp 0.0.0.0/0"), out,
	}
}

// world is that Region, in which somebody else adds the rules that are wrong with another description, or changes that.
func world(r func() *region) func() *moduletest.World {
	return func() *moduletest.World {
		r := r()
		var first []*held
		if g := r.Groups[id]; g != nil {
			for _, h := range g.Rules {
				first = append(first, h.clone())
			}
		}
		return &moduletest.World{State: r, Answers: r.answers(), Change: func() {
			g := r.Groups[id]
			for _, h := range first {
				if !slices.ContainsFunc(g.Rules, func(now *held) bool { return now.key() == h.key() }) {
					r.add(id, h.clone())
				}
			}
			for _, h := range g.Rules {
				h.Description = "somebody else's"
			}
		}}
	}
}

// run is a module's run in the Region, with the module's own settings, changed.
func (r *region) run(t *testing.T, change func(*ec2sgopeningress.Settings)) *remediations.Run {
	t.Helper()
	settings := ec2sgopeningress.Module.Settings.(ec2sgopeningress.Settings)
	if change != nil {
		change(&settings)
	}
	answer := func(in any) (any, error) {
		switch in := in.(type) {
		case *ec2.DescribeSecurityGroupRulesInput:
			return r.describe(in)
		case *ec2.GetManagedPrefixListEntriesInput:
			return r.entries(in)
		case *ec2.RevokeSecurityGroupIngressInput:
			return r.revoke(in)
		case *ec2.AuthorizeSecurityGroupIngressInput:
			return r.authorize(in)
		case *ec2.CreateTagsInput:
			return r.tag(in)
		}
		return nil, fmt.Errorf("unexpected call of %T", in)
	}
	return &remediations.Run{Account: account, Settings: settings, AWS: moduletest.Config("eu-central-1", answer)}
}
