//go:build emulator

package emulated

import (
	"cmp"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/countermand/countermand/remediations/modules/ec2sgopeningress"
)

// named makes up for that moto leaves out whose group a rule is of.
func named(_ *http.Request, body string, ask ask) (*http.Response, error) {
	answer, err := ask(body)
	if err != nil || !calls(body, "DescribeSecurityGroupRules") && !calls(body, "AuthorizeSecurityGroupIngress") {
		return answer, err
	}
	xml, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	const id = "</groupId>"
	return answered(answer.StatusCode, strings.ReplaceAll(string(xml), id, id+"<groupOwnerId>"+account+"</groupOwnerId>")), nil
}

// One rule at a time: moto's answer to what adds several holds but one of them. ministack keeps no IPv6.
func TestSGOpenIngress(t *testing.T) {
	t.Run("moto IPv4", func(t *testing.T) { opensSSH(t, bridged(moto(t), named), "0.0.0.0/0", "") })
	t.Run("moto IPv6", func(t *testing.T) { opensSSH(t, bridged(moto(t), named), "", "::/0") })
	t.Run("ministack", func(t *testing.T) { opensSSH(t, ministack(t), "0.0.0.0/0", "") })
}

func opensSSH(t *testing.T, cfg aws.Config, ipv4, ipv6 string) {
	client := ec2.NewFromConfig(cfg)
	vpc := must[*ec2.CreateVpcOutput](t)(client.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})).Vpc.VpcId
	var groups []string
	for _, name := range []string{"bastion", "web"} {
		groups = append(groups, *must[*ec2.CreateSecurityGroupOutput](t)(client.CreateSecurityGroup(t.Context(), &ec2.CreateSecurityGroupInput{
			GroupName: &name, Description: &name, VpcId: vpc,
		})).GroupId)
	}
	open := func(group string, port int32, ipv4, ipv6 string) {
		p := types.IpPermission{IpProtocol: aws.String("tcp"), FromPort: &port, ToPort: &port}
		if ipv4 != "" {
			p.IpRanges = []types.IpRange{{CidrIp: &ipv4, Description: aws.String("for a moment")}}
		}
		if ipv6 != "" {
			p.Ipv6Ranges = []types.Ipv6Range{{CidrIpv6: &ipv6}}
		}
		must[*ec2.AuthorizeSecurityGroupIngressOutput](t)(client.AuthorizeSecurityGroupIngress(t.Context(), &ec2.AuthorizeSecurityGroupIngressInput{
			GroupId: &group, IpPermissions: []types.IpPermission{p},
		}))
	}
	open(groups[0], 22, "192.0.2.0/24", "")
	open(groups[0], 443, "0.0.0.0/0", "")
	open(groups[1], 443, ipv4, ipv6)
	play(t, scene{
		module: ec2sgopeningress.Module, aws: cfg, broken: groups[0],
		// A rule that is added again has another id, and another place in the list.
		state: func() any {
			out := must[*ec2.DescribeSecurityGroupRulesOutput](t)(client.DescribeSecurityGroupRules(t.Context(), &ec2.DescribeSecurityGroupRulesInput{
				Filters: []types.Filter{{Name: aws.String("group-id"), Values: groups}},
			}))
			for i := range out.SecurityGroupRules {
				out.SecurityGroupRules[i].SecurityGroupRuleId, out.SecurityGroupRules[i].SecurityGroupRuleArn = nil, nil
			}
			slices.SortFunc(out.SecurityGroupRules, func(a, b types.SecurityGroupRule) int { return cmp.Compare(text(t, a), text(t, b)) })
			return out.SecurityGroupRules
		},
		call: func() call {
			open(groups[0], 22, ipv4, ipv6)
			ranges := `"ipRanges":{"items":[{"cidrIp":"` + ipv4 + `"}]},"ipv6Ranges":{}`
			if ipv6 != "" {
				ranges = `"ipRanges":{},"ipv6Ranges":{"items":[{"cidrIpv6":"` + ipv6 + `"}]}`
			}
			return call{
				source: "ec2.amazonaws.com", name: "AuthorizeSecurityGroupIngress",
				request: `{"groupId":"` + groups[0] + `","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":22,"toPort":22,"groups":{},` + ranges + `,"prefixListIds":{}}]}}`,
			}
		},
	})
}
