package ec2sgopeningress

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/countermand/countermand/remediations"
)

// permission is the rule as it is added.
func (r rule) permission() types.IpPermission {
	p := types.IpPermission{IpProtocol: &r.Protocol}
	if r.Protocol != "-1" {
		p.FromPort, p.ToPort = &r.From, &r.To
	}
	var description *string
	if r.Description != "" {
		description = &r.Description
	}
	switch {
	case r.list() != "":
		p.PrefixListIds = []types.PrefixListId{{PrefixListId: &r.Source, Description: description}}
	case strings.Contains(r.Source, ":"):
		p.Ipv6Ranges = []types.Ipv6Range{{CidrIpv6: &r.Source, Description: description}}
	default:
		p.IpRanges = []types.IpRange{{CidrIp: &r.Source, Description: description}}
	}
	return p
}

// revokeCommand is the AWS CLI command that revokes rules.
func revokeCommand(r remediations.Resource, ids []string) string {
	line := command("revoke", r) + " --security-group-rule-ids"
	for _, id := range ids {
		line += " " + remediations.Quote(id)
	}
	return line
}

// authorizeCommands is the AWS CLI commands that add rules: one for all that have the same tags, as a command gives all of
// its rules the same.
func authorizeCommands(r remediations.Resource, rules []rule) (string, error) {
	var lines []string
	for left := slices.Clone(rules); len(left) > 0; {
		first, permissions := left[0], []any{}
		left = slices.DeleteFunc(left, func(other rule) bool {
			if first.tagged(other) {
				permissions = append(permissions, other.argument())
			}
			return first.tagged(other)
		})
		text, err := remediations.Encode(permissions)
		if err != nil {
			return "", fmt.Errorf("encode the rules of %s: %w", r, err)
		}
		line := command("authorize", r) + " --ip-permissions " + remediations.Quote(string(text))
		if len(first.Tags) > 0 {
			var tags []map[string]string
			for _, key := range first.keys() {
				tags = append(tags, map[string]string{"Key": key, "Value": first.Tags[key]})
			}
			text, err := remediations.Encode([]any{map[string]any{"ResourceType": "security-group-rule", "Tags": tags}})
			if err != nil {
				return "", fmt.Errorf("encode the tags of %s: %w", first, err)
			}
			line += " --tag-specifications " + remediations.Quote(string(text))
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n"), nil
}

// argument is the rule as the command takes it, in JSON.
func (r rule) argument() map[string]any {
	p := map[string]any{"IpProtocol": r.Protocol}
	if r.Protocol != "-1" {
		p["FromPort"], p["ToPort"] = r.From, r.To
	}
	list, key := "IpRanges", "CidrIp"
	switch {
	case r.list() != "":
		list, key = "PrefixListIds", "PrefixListId"
	case strings.Contains(r.Source, ":"):
		list, key = "Ipv6Ranges", "CidrIpv6"
	}
	source := map[string]string{key: r.Source}
	if r.Description != "" {
		source["Description"] = r.Description
	}
	p[list] = []any{source}
	return p
}

// command is the beginning of the AWS CLI command that does something to the group's inbound rules.
func command(verb string, r remediations.Resource) string {
	return fmt.Sprintf("aws ec2 %s-security-group-ingress --region %s --group-id %s", verb, remediations.Quote(r.Region), remediations.Quote(r.ID))
}
