package ec2sgopeningress_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/knowledge/netset"
	"github.com/countermand/countermand/remediations/modules/ec2sgopeningress"
	"github.com/countermand/countermand/remediations/moduletest"
)

// Who makes a call.
const (
	dana = `{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE123:dana","arn":"arn:aws:sts::111122223333:assumed-role/Developer/dana","accountId":"111122223333","accessKeyId":"ASIAEXAMPLEEXAMPLE12",
		"sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLEEXAMPLE123","arn":"arn:aws:iam::111122223333:role/Developer","accountId":"111122223333","userName":"Developer"},"attributes":{"creationDate":"2026-03-02T08:55:12Z","mfaAuthenticated":"true"}}}`
	stack = `{"type":"IAMUser","principalId":"AIDAEXAMPLEEXAMPLE456","arn":"arn:aws:iam::111122223333:user/deploy","accountId":"111122223333","accessKeyId":"AKIAEXAMPLEEXAMPLE45","userName":"deploy",
		"invokedBy":"cloudformation.amazonaws.com"}`
	cluster = `{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE654:AmazonEKS","arn":"arn:aws:sts::111122223333:assumed-role/AWSServiceRoleForAmazonEKS/AmazonEKS","accountId":"111122223333",
		"sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLEEXAMPLE654","arn":"arn:aws:iam::111122223333:role/aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS","accountId":"111122223333","userName":"AWSServiceRoleForAmazonEKS"},"attributes":{"creationDate":"2026-03-02T09:00:00Z","mfaAuthenticated":"false"}},
		"invokedBy":"eks.amazonaws.com"}`
	countermand = `{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE789:countermand-ec2-sg-open-ingress","arn":"arn:aws:sts::111122223333:assumed-role/countermand-ec2-sg-open-ingress/countermand-ec2-sg-open-ingress","accountId":"111122223333","accessKeyId":"ASIAEXAMPLEEXAMPLE78",
		"sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLEEXAMPLE789","arn":"arn:aws:iam::111122223333:role/countermand-ec2-sg-open-ingress","accountId":"111122223333","userName":"countermand-ec2-sg-open-ingress"},"attributes":{"creationDate":"2026-03-02T09:15:01Z","mfaAuthenticated":"false"}}}`
)

// record is the event of a call; more is further fields of the record.
func record(t *testing.T, who, name, eventID, parameters, more string) []byte {
	t.Helper()
	event, err := events.Wrap(fmt.Appendf(nil, `{"eventVersion":"1.11","userIdentity":%s,"eventTime":"2026-03-02T09:14:55Z",
		"eventSource":"ec2.amazonaws.com","eventName":%q,"awsRegion":"eu-central-1","sourceIPAddress":"198.51.100.17","userAgent":"aws-cli/2.27.1",
		"requestParameters":%s,%s"requestID":"4c8f0a52-9a31-4f0b-8d1e-2b7d6b1e5f01","eventID":%q,"readOnly":false,"eventType":"AwsApiCall","managementEvent":true,
		"recipientAccountId":"111122223333","eventCategory":"Management"}`, who, name, parameters, more, eventID))
	if err != nil {
		t.Fatal(err)
	}
	return event
}

const (
	eventID = "9d0c6c5e-5e0f-4a52-8f4a-6b1d2f7e3c01"
	ownID   = "9d0c6c5e-5e0f-4a52-8f4a-6b1d2f7e3c02"

	authorizes = "AuthorizeSecurityGroupIngress"
	modifies   = "ModifySecurityGroupRules"

	nested = `{"groupId":"` + id + `","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":22,"toPort":22,"groups":{},"ipRanges":{"items":[{"cidrIp":"0.0.0.0/0"}]},"ipv6Ranges":{},"prefixListIds":{}}]}}`
	flat   = `{"groupId":"` + id + `","ipPermissions":{},"ipProtocol":"tcp","fromPort":22,"toPort":22,"cidrIp":"0.0.0.0/0"}`
	named  = `{"groupName":"default","ipPermissions":{},"ipProtocol":"tcp","fromPort":22,"toPort":22,"cidrIp":"0.0.0.0/0"}`
	edited = `{"ModifySecurityGroupRulesRequest":{"SecurityGroupRule":{"SecurityGroupRuleId":"sgr-0001","tag":1,"SecurityGroupRule":{"CidrIpv4":"0.0.0.0/0","FromPort":22,"ToPort":22,"IpProtocol":"tcp"}},"GroupId":"` + id + `"}}`
	// two is the console's edit of two rules at once.
	two = `{"ModifySecurityGroupRulesRequest":{"GroupId":"` + id + `","SecurityGroupRule":[{"SecurityGroupRuleId":"sgr-0001","tag":1,"SecurityGroupRule":{"CidrIpv4":"0.0.0.0/0","FromPort":22,"ToPort":22,"IpProtocol":"tcp"}},
		{"SecurityGroupRuleId":"sgr-0002","tag":2,"SecurityGroupRule":{"CidrIpv6":"::/0","FromPort":22,"ToPort":22,"IpProtocol":"tcp"}}]}}`

	added = `"responseElements":{"requestId":"4c8f0a52-9a31-4f0b-8d1e-2b7d6b1e5f01","_return":true,"securityGroupRuleSet":{"items":[{"groupOwnerId":"111122223333","groupId":"` + id + `",
		"securityGroupRuleId":"sgr-0001","isEgress":false,"ipProtocol":"tcp","fromPort":22,"toPort":22,"cidrIpv4":"0.0.0.0/0"}]}},`
	worked  = `"responseElements":{"requestId":"4c8f0a52-9a31-4f0b-8d1e-2b7d6b1e5f01","_return":true},`
	changed = `"responseElements":{"ModifySecurityGroupRulesResponse":{"xmlns":"http://ec2.amazonaws.com/doc/2016-11-15/","requestId":"4c8f0a52-9a31-4f0b-8d1e-2b7d6b1e5f01","return":true}},`
	refused = `"errorCode":"Client.UnauthorizedOperation","errorMessage":"You are not authorized to perform this operation.","responseElements":null,`
	again   = `"errorCode":"Client.InvalidPermission.Duplicate","errorMessage":"the specified rule already exists","responseElements":null,`
)

func Test(t *testing.T) {
	own := [][]byte{record(t, countermand, "RevokeSecurityGroupIngress", ownID, `{"groupId":"`+id+`","securityGroupRuleIds":{"items":[{"content":"sgr-0001"}]}}`,
		`"responseElements":{"requestId":"4c8f0a52-9a31-4f0b-8d1e-2b7d6b1e5f01","_return":true,"revokedSecurityGroupRuleSet":{"items":[{"groupId":"`+id+`","securityGroupRuleId":"sgr-0001","isEgress":false,"ipProtocol":"tcp","fromPort":22,"toPort":22,"cidrIpv4":"0.0.0.0/0"}]}},`)}
	ssh := record(t, dana, authorizes, eventID, nested, added)
	with := func(rules ...string) func() *region {
		return func() *region {
			var list []*held
			for _, text := range rules {
				list = append(list, let(text))
			}
			return open(list...)
		}
	}
	acts := func(name string, event []byte, r func() *region) moduletest.Case {
		return moduletest.Case{Name: name, Event: event, World: world(r), Acts: true, Own: own}
	}
	idle := func(name string, event []byte, r func() *region) moduletest.Case {
		return moduletest.Case{Name: name, Event: event, World: world(r)}
	}
	lists := func(entries []string, rules ...string) func() *region {
		return func() *region {
			r := with(rules...)()
			r.Lists["pl-0a1b2c3d"] = entries
			return r
		}
	}
	set := func(c moduletest.Case, s ec2sgopeningress.Settings) moduletest.Case { c.Settings = s; return c }
	one := func(port uint16) []netset.Ports { return []netset.Ports{{First: port, Last: port}} }
	port22 := with("tcp 22 0.0.0.0/0")
	moduletest.Run(t, ec2sgopeningress.Module,
		acts("SSH", ssh, port22),
		acts("flat parameters", record(t, dana, authorizes, eventID, flat, added), port22),
		acts("flat parameters, and an old answer", record(t, dana, authorizes, eventID, flat, worked), port22),
		acts("a group by its name", record(t, dana, authorizes, eventID, named, added), port22),
		acts("a rule that was edited", record(t, dana, modifies, eventID, edited, changed), port22),
		acts("two rules that were edited", record(t, dana, modifies, eventID, two, changed), with("tcp 22 0.0.0.0/0", "tcp 22 ::/0")),
		acts("nothing but the id", record(t, dana, authorizes, eventID, `{"groupId":"`+id+`"}`, `"responseElements":null,`), port22),
		acts("by CloudFormation", record(t, stack, authorizes, eventID, nested, added), port22),
		acts("by a service", record(t, cluster, authorizes, eventID, nested, added), port22),
		acts("a harmless rule added to an open group", record(t, dana, authorizes, eventID, `{"groupId":"`+id+`","ipPermissions":{}}`, worked), port22),
		acts("with description and tags", ssh, func() *region {
			return open(let("tcp 22 0.0.0.0/0").and("only for today", "team", "web", "ticket", "4711"), let("udp 3389 0.0.0.0/0").and("RDP", "team", "web"),
				let("tcp 3389 0.0.0.0/0").and("RDP"), let("tcp 5432 ::/0"))
		}),
		acts("a prefix of no bits that begins elsewhere", ssh, with("tcp 22 208.236.235.254/0")),
		acts("all traffic", ssh, with("-1 0.0.0.0/0")),
		acts("all ports", ssh, with("tcp 0-65535 0.0.0.0/0")),
		acts("IPv6", ssh, with("tcp 22 ::/0")),
		acts("UDP, by its number", ssh, with("17 3389 0.0.0.0/0")),
		acts("in two halves", ssh, with("tcp 22 0.0.0.0/1", "tcp 20-30 128.0.0.0/1")),
		acts("a range that ends at a protected port", ssh, with("tcp 9-20 0.0.0.0/0")),
		acts("by a prefix list", ssh, lists([]string{"0.0.0.0/1", "128.0.0.0/1"}, "tcp 22 pl-0a1b2c3d")),
		acts("beside a list that can't be read any more", ssh, with("tcp 22 0.0.0.0/0", "tcp 22 pl-0a1b2c3d")),
		acts("a list that can't be read any more", ssh, with("tcp 22 pl-0a1b2c3d")),
		set(acts("a port of the owner's", ssh, with("tcp 8000 0.0.0.0/0")), ec2sgopeningress.Settings{ProtectedPorts: []netset.Ports{{First: 7999, Last: 8001}}}),
		set(acts("a port that is only told of", ssh, with("tcp 8443 0.0.0.0/0")), ec2sgopeningress.Settings{AllowedPorts: one(443), AlertOtherPorts: true}),
		set(acts("a port that is only told of, beside one that is closed", ssh, with("tcp 8443 0.0.0.0/0", "tcp 22 0.0.0.0/0")),
			ec2sgopeningress.Settings{ProtectedPorts: one(22), AllowedPorts: one(443), AlertOtherPorts: true}),

		idle("closed again", ssh, with()),
		idle("an office", ssh, with("tcp 22 198.51.100.0/24")),
		idle("a provider's ranges", ssh, with("tcp 22 3.0.0.0/8", "tcp 22 52.0.0.0/8", "tcp 22 54.0.0.0/8")),
		idle("all private networks", ssh, with("tcp 22 10.0.0.0/8", "tcp 22 172.16.0.0/12", "tcp 22 192.168.0.0/16")),
		idle("a port of the web", ssh, with("tcp 80 0.0.0.0/0")),
		idle("a port that is not protected", ssh, with("tcp 8443 0.0.0.0/0", "tcp 26-109 0.0.0.0/0")),
		idle("halves of other ports", ssh, with("tcp 22-23 0.0.0.0/4", "tcp 3389 16.0.0.0/4")),
		idle("another group", ssh, with("tcp 22 "+other)),
		idle("another protocol", ssh, with("icmp 22 0.0.0.0/0", "50 0.0.0.0/0", "58 ::/0")),
		idle("a list of some networks", ssh, lists([]string{"198.51.100.0/24", "203.0.113.0/24"}, "tcp 22 pl-0a1b2c3d")),
		idle("a list that can't be read any more, of a port of the web", ssh, with("tcp 443 pl-0a1b2c3d")),
		idle("an empty list", ssh, lists([]string{}, "tcp 22 pl-0a1b2c3d")),
		idle("another account's group", ssh, func() *region { r := port22(); r.Groups[id].Owner = partner; return r }),
		idle("deleted since", ssh, func() *region { r := port22(); delete(r.Groups, id); return r }),
		idle("no rules", ssh, func() *region { r := port22(); r.Groups[id].Rules = nil; return r }),
		idle("the call was refused", record(t, dana, authorizes, eventID, nested, refused), with()),
		idle("the call was refused, as the rule is there already", record(t, dana, authorizes, eventID, nested, again), port22),
		idle("descriptions were changed", record(t, dana, "UpdateSecurityGroupRuleDescriptionsIngress", eventID, nested, worked), port22),
		set(idle("a protected port that is allowed", ssh, port22), ec2sgopeningress.Settings{ProtectedPorts: one(22), AllowedPorts: append(one(22), one(443)...), AlertOtherPorts: true}),
		set(idle("no port that is protected", ssh, port22), ec2sgopeningress.Settings{ProtectedPorts: one(3389)}),
	)
}

func TestSuspects(t *testing.T) {
	group := remediations.Resource{ID: id, Type: "AWS::EC2::SecurityGroup", Account: account, Region: "eu-central-1"}
	for _, test := range []struct {
		parameters, more string
		want             bool
	}{
		{nested, added, true},
		{flat, worked, true},
		{named, added, true},
		{edited, changed, true},
		{two, changed, true},
		{`{"groupName":"default"}`, `"responseElements":{"securityGroupRuleSet":{"items":{"groupId":"` + id + `"}}},`, true},
		{named, worked, false},
		{`null`, worked, false},
		{`{}`, worked, false},
		{`{"groupId":"sg-0a1b'; rm -rf ~"}`, worked, false},
		{`{"groupId":"` + id + `\n"}`, worked, false},
		{`{"groupId":"` + other + `"}`, added, false},
		{`{"groupId":["` + id + `","` + other + `"]}`, worked, false},
		{named, `"responseElements":{"securityGroupRuleSet":{"items":[{"groupId":"` + id + `"},{"groupId":"` + other + `"}]}},`, false},
		{named, `"responseElements":{"securityGroupRuleSet":{"items":[{"groupId":"` + id + `"},{}]}},`, false},
	} {
		event, err := events.Parse(record(t, dana, authorizes, eventID, test.parameters, test.more))
		if err != nil {
			t.Fatal(err)
		}
		got, err := ec2sgopeningress.Module.Suspects(event)
		if (err == nil) != test.want || test.want && !slices.Equal(got, []remediations.Resource{group}) || !test.want && got != nil {
			t.Errorf("%s, %s: suspects are %+v, %v; want the group: %t", test.parameters, test.more, got, err, test.want)
		}
	}
}
