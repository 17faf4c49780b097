package ec2sgopeningress

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/knowledge/netset"
)

// rule is an inbound rule that lets TCP or UDP in from networks. What is not in JSON is not put back.
type rule struct {
	Protocol    string            `json:"protocol"` // EC2's: "tcp", "udp", or "-1" for all
	From        int32             `json:"fromPort"` // -1 of all protocols
	To          int32             `json:"toPort"`
	Source      string            `json:"source"` // a network, or the id of a prefix list
	Description string            `json:"description,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"` // without those of AWS

	id, group, owner string
	ports            netset.Ports
	networks         []netip.Prefix // of one family; of a prefix list once that is read
}

// state is the rules that the action revokes, or, of a finding that is only told, those that it is about. It has no ids of
// rules that can be put back, as they will have others then.
type state struct {
	Rules   []rule   `json:"rules"`             // sorted by content
	Revoked []string `json:"revoked,omitempty"` // ids, of the state after
}

func stateOf(rules []rule) state { return state{Rules: append([]rule{}, rules...)} }

// states is the state before and after the action.
func states(finding *remediations.Finding) (before, after state, err error) {
	if err := errors.Join(json.Unmarshal(finding.Before, &before), json.Unmarshal(finding.After, &after)); err != nil {
		return before, after, fmt.Errorf("decode the state of group %s: %w", finding.Resource.ID, err)
	}
	if len(before.Rules) == 0 || len(after.Rules) > 0 || len(after.Revoked) != len(before.Rules) {
		return before, after, fmt.Errorf("the rules of group %s before and after are not those of rules that were revoked", finding.Resource.ID)
	}
	return before, after, nil
}

func ids(rules []rule) []string {
	var list []string
	for _, r := range rules {
		list = append(list, r.id)
	}
	return list
}

func networks(rules []rule) []netip.Prefix {
	var list []netip.Prefix
	for _, r := range rules {
		list = append(list, r.networks...)
	}
	return list
}

// read is the rules of a group, none if that is gone, or another account's, which shares its VPC with this one.
func read(ctx context.Context, client *ec2.Client, r remediations.Resource) ([]rule, error) {
	rules, err := list(ctx, client, &r.ID)
	if remediations.ErrorCode(err) == "InvalidGroup.NotFound" {
		return nil, nil
	}
	return slices.DeleteFunc(rules, func(rule rule) bool { return rule.owner != r.Account }), err
}

// list is the rules of a group, or, without one, of all that the account can see.
func list(ctx context.Context, client *ec2.Client, id *string) ([]rule, error) {
	input := &ec2.DescribeSecurityGroupRulesInput{MaxResults: aws.Int32(1000)}
	if id != nil {
		input.Filters = []types.Filter{{Name: aws.String("group-id"), Values: []string{*id}}}
	}
	var all []rule
	for pages := ec2.NewDescribeSecurityGroupRulesPaginator(client, input); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("describe the rules of %s: %w", cmp.Or(aws.ToString(id), "all groups"), err)
		}
		rules, err := parse(page.SecurityGroupRules, id)
		if err != nil {
			return nil, err
		}
		all = append(all, rules...)
	}
	slices.SortFunc(all, compare)
	return all, nil
}

// compare orders rules by group, and by what in a group there is but one of.
func compare(a, b rule) int {
	return cmp.Or(cmp.Compare(a.group, b.group), cmp.Compare(a.Source, b.Source), cmp.Compare(a.Protocol, b.Protocol),
		cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
}

// The forms of ids. They become part of commands that people copy.
var (
	ruleForm = regexp.MustCompile(`^sgr-[0-9a-f]+$`)
	listForm = regexp.MustCompile(`^pl-[0-9a-f]+$`)
)

// parse is those of EC2's rules that are inbound, from networks, and of a protocol with ports. It is an error if one is of
// another group than was asked for, or can't be understood.
func parse(answer []types.SecurityGroupRule, id *string) ([]rule, error) {
	var rules []rule
	for _, a := range answer {
		r := rule{
			Protocol: aws.ToString(a.IpProtocol), Source: cmp.Or(aws.ToString(a.CidrIpv4), aws.ToString(a.CidrIpv6), aws.ToString(a.PrefixListId)),
			Description: aws.ToString(a.Description), id: aws.ToString(a.SecurityGroupRuleId), group: aws.ToString(a.GroupId), owner: aws.ToString(a.GroupOwnerId),
		}
		switch {
		case !form.MatchString(r.group) || id != nil && r.group != *id:
			return nil, fmt.Errorf("describe the rules of %s: the answer has one of %q", cmp.Or(aws.ToString(id), "all groups"), r.group)
		case aws.ToBool(a.IsEgress) || a.ReferencedGroupInfo != nil || len(netset.Transports(r.Protocol)) == 0:
			continue
		case !ruleForm.MatchString(r.id):
			return nil, fmt.Errorf("a rule of group %s has the id %q", r.group, r.id)
		}
		if err := r.understand(a); err != nil {
			return nil, fmt.Errorf("rule %s of group %s: %w", r.id, r.group, err)
		}
		rules = append(rules, r)
	}
	return rules, nil
}

// understand fills in what has to be worked out.
func (r *rule) understand(a types.SecurityGroupRule) error {
	r.From, r.To, r.ports = -1, -1, netset.AllPorts
	if r.Protocol != "-1" {
		if a.FromPort == nil || a.ToPort == nil || *a.FromPort < 0 || *a.FromPort > *a.ToPort || *a.ToPort > 65535 {
			return errors.New("its ports are none")
		}
		r.From, r.To, r.ports = *a.FromPort, *a.ToPort, netset.Ports{First: uint16(*a.FromPort), Last: uint16(*a.ToPort)}
	}
	for _, t := range a.Tags {
		if key := aws.ToString(t.Key); !strings.HasPrefix(key, "aws:") {
			if r.Tags == nil {
				r.Tags = map[string]string{}
			}
			r.Tags[key] = aws.ToString(t.Value)
		}
	}
	if r.list() != "" {
		return nil
	}
	network, err := netip.ParsePrefix(r.Source)
	if err != nil {
		return fmt.Errorf("its source is neither a network nor a prefix list: %w", err)
	}
	r.networks = []netip.Prefix{network}
	return nil
}

// resolve reads the prefix lists of rules, all at once. Those that can't be read, as their owner does not share them any
// more, keep the rules that name them, and are returned; nil if there are none.
// https://docs.aws.amazon.com/vpc/latest/userguide/sharing-managed-prefix-lists.html
func resolve(ctx context.Context, client *ec2.Client, rules []rule) (unread []string, err error) {
	var lists []string
	for _, r := range rules {
		if id := r.list(); id != "" {
			lists = append(lists, id)
		}
	}
	slices.Sort(lists)
	lists = slices.Compact(lists)
	var (
		mu    sync.Mutex
		of    = map[string][]netip.Prefix{}
		calls []func() error
	)
	for _, id := range lists {
		calls = append(calls, func() error {
			entries, err := entries(ctx, client, id)
			mu.Lock()
			defer mu.Unlock()
			if remediations.ErrorCode(err) == "InvalidPrefixListID.NotFound" {
				unread = append(unread, id)
				return nil
			}
			of[id] = entries
			return err
		})
	}
	if err := remediations.InParallel(calls...); err != nil {
		return nil, err
	}
	for i, r := range rules {
		if id := r.list(); id != "" {
			rules[i].networks = of[id]
		}
	}
	slices.Sort(unread)
	return unread, nil
}

// entries is the networks of a prefix list.
func entries(ctx context.Context, client *ec2.Client, id string) ([]netip.Prefix, error) {
	var list []netip.Prefix
	pages := ec2.NewGetManagedPrefixListEntriesPaginator(client, &ec2.GetManagedPrefixListEntriesInput{PrefixListId: &id})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("get the entries of prefix list %s: %w", id, err)
		}
		for _, e := range page.Entries {
			network, err := netip.ParsePrefix(aws.ToString(e.Cidr))
			if err != nil {
				return nil, fmt.Errorf("an entry of prefix list %s: %w", id, err)
			}
			list = append(list, network)
		}
	}
	return list, nil
}

// list is the prefix list that the rule names; "" if it names none.
func (r rule) list() string {
	if listForm.MatchString(r.Source) {
		return r.Source
	}
	return ""
}

// same reports whether two rules of a group can only be the same one: EC2 takes no second rule with the same of these.
func (r rule) same(other rule) bool {
	return r.Source == other.Source && r.Protocol == other.Protocol && r.From == other.From && r.To == other.To
}

// tagged reports whether another rule has the same tags.
func (r rule) tagged(other rule) bool { return maps.Equal(r.Tags, other.Tags) }

// keys is the keys of the rule's tags.
func (r rule) keys() []string { return slices.Sorted(maps.Keys(r.Tags)) }

// String is the rule for people: "sgr-0a1b (tcp 22 from 0.0.0.0/0)".
func (r rule) String() string {
	what := "all traffic"
	if r.Protocol != "-1" {
		what = r.Protocol + " " + netset.Ports{First: uint16(r.From), Last: uint16(r.To)}.String()
	}
	return strings.TrimSpace(fmt.Sprintf("%s (%s from %s)", r.id, what, r.Source)) // one that was revoked has no id any more
}
