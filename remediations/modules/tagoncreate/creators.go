package tagoncreate

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/events/pattern"
	"github.com/countermand/countermand/remediations"
)

// creator is a call that creates resources, or starts them.
type creator struct {
	source string // the first label of the record's event source
	event  string // CloudTrail's name of the call
	kind   *kind  // of what it creates
	ids    func(events.Record) []string
}

const startInstances = "StartInstances" // creates nothing: it is only asked who made it

// creators is every call that the module hears of, and where its record has the ids. They come from responseElements,
// as the request has none, or not the whole one; only where the response is empty is the name taken from the request.
var creators = []creator{
	{"autoscaling", "CreateAutoScalingGroup", scalingGroup, request("autoScalingGroupName")},
	{"dynamodb", "CreateTable", table, response("tableDescription", "tableArn")},
	{"ec2", "AllocateAddress", address, response("allocationId")},
	{"ec2", "CopyImage", image, response("imageId")},
	{"ec2", "CopySnapshot", snapshot, response("snapshotId")},
	{"ec2", "CreateImage", image, response("imageId")},
	{"ec2", "CreateInternetGateway", internetGateway, response("internetGateway", "internetGatewayId")},
	{"ec2", "CreateKeyPair", keyPair, response("keyPairId")},
	{"ec2", "CreateLaunchTemplate", launchTemplate, response("launchTemplate", "launchTemplateId")},
	{"ec2", "CreateNatGateway", natGateway, response("natGateway", "natGatewayId")},
	{"ec2", "CreateNetworkInterface", networkInterface, response("networkInterface", "networkInterfaceId")},
	{"ec2", "CreateRouteTable", routeTable, response("routeTable", "routeTableId")},
	{"ec2", "CreateSecurityGroup", securityGroup, response("groupId")},
	{"ec2", "CreateSnapshot", snapshot, response("snapshotId")},
	{"ec2", "CreateSnapshots", snapshot, response("snapshotSet", "item", "snapshotId")},
	{"ec2", "CreateSubnet", subnet, response("subnet", "subnetId")},
	{"ec2", "CreateTransitGateway", transitGateway, response("transitGateway", "transitGatewayId")},
	{"ec2", "CreateVolume", volume, response("volumeId")},
	{"ec2", "CreateVpc", network, response("vpc", "vpcId")},
	{"ec2", "CreateVpcEndpoint", endpoint, response("vpcEndpoint", "vpcEndpointId")},
	{"ec2", "CreateVpnGateway", vpnGateway, response("vpnGateway", "vpnGatewayId")},
	{"ec2", "RegisterImage", image, response("imageId")},
	{"ec2", "RunInstances", instance, response("instancesSet", "instanceId")},
	{"ec2", startInstances, instance, started},
	{"ecr", "CreateRepository", repository, response("repository", "repositoryArn")},
	{"ecs", "CreateCluster", cluster, response("cluster", "clusterArn")},
	{"elasticfilesystem", "CreateFileSystem", fileSystem, response("fileSystemId")},
	{"elasticloadbalancing", "CreateLoadBalancer", loadBalancer, response("loadBalancers", "loadBalancerArn")},
	{"elasticloadbalancing", "CreateTargetGroup", targetGroup, response("targetGroups", "targetGroupArn")},
	{"iam", "CreateRole", role, response("role", "roleName")},
	{"iam", "CreateUser", user, response("user", "userName")},
	{"kms", "CreateKey", key, response("keyMetadata", "arn")},
	{"lambda", "CreateFunction20150331", function, response("functionName")},
	{"logs", "CreateLogGroup", logGroup, request("logGroupName")},
	{"rds", "CreateDBCluster", dbCluster, response("dBClusterArn")},
	{"rds", "CreateDBClusterSnapshot", clusterSnapshot, response("dBClusterSnapshotArn")},
	{"rds", "CreateDBInstance", dbInstance, response("dBInstanceArn")},
	{"rds", "CreateDBSnapshot", dbSnapshot, response("dBSnapshotArn")},
	{"s3", "CreateBucket", bucket, request("bucketName")},
	{"secretsmanager", "CreateSecret", secret, response("arn")},
	{"sns", "CreateTopic", topic, response("topicArn")},
	{"sqs", "CreateQueue", queue, response("queueUrl")},
}

// watched is all of the calls. That it takes each name from each of the services does no harm: find says which go
// together.
func watched() pattern.Pattern {
	var sources, eventSources, names []string
	for _, c := range creators {
		if !slices.Contains(sources, "aws."+c.source) {
			sources, eventSources = append(sources, "aws."+c.source), append(eventSources, c.source+".amazonaws.com")
		}
		names = append(names, c.event)
	}
	text, _ := json.Marshal(map[string]any{ // there is nothing in it that can't be encoded
		"source":      sources,
		"detail-type": []string{"AWS API Call via CloudTrail"},
		"detail": map[string]any{
			"eventSource": eventSources, "eventName": names, "errorCode": []any{map[string]bool{"exists": false}},
		},
	})
	return pattern.Pattern(text)
}

// find is the creator of a record; nil if its call is none of them.
func find(r events.Record) *creator {
	i := slices.IndexFunc(creators, func(c creator) bool {
		return c.event == r.EventName && c.source == events.Label(r.EventSource)
	})
	if i < 0 {
		return nil
	}
	return &creators[i]
}

// suspects is what a record says was created. What it does not say, or not in the form that such an id has, is an error.
func suspects(event events.Event) ([]remediations.Resource, error) {
	c := find(event.Record)
	if c == nil {
		return nil, nil
	}
	if _, err := values(event.Record, defaults); err != nil {
		return nil, err
	}
	kind, ids := c.kind, c.ids(event.Record)
	if kind == loadBalancer && len(ids) == 0 {
		kind, ids = classicBalancer, request("loadBalancerName")(event.Record) // the older API, whose answer has no ARN
	}
	if len(ids) == 0 && c.event != startInstances {
		return nil, fmt.Errorf("the record of %s does not say what was created", c.event)
	}
	var resources []remediations.Resource
	for _, id := range ids {
		id, err := kind.checked(id, event.Account, event.Region)
		if err != nil {
			return nil, err
		}
		r := remediations.Resource{ID: id, Type: kind.resource, Account: event.Account, Region: event.Region}
		if _, err := r.ARN(); err != nil {
			return nil, err
		}
		resources = append(resources, r)
	}
	return resources, nil
}

// checked is an id from a record in the form that the API takes, if it can be one, of this account and Region. It becomes
// part of commands that people copy.
func (k *kind) checked(id, account, region string) (string, error) {
	if k == queue {
		id = queueARN(id, region)
	}
	prefix := strings.NewReplacer("${AWS::Partition}", remediations.Partition(region),
		"${AWS::Region}", region, "${AWS::AccountId}", account).Replace(k.prefix)
	if k.named {
		id = prefix + id
	}
	name, ok := strings.CutPrefix(id, prefix)
	if !ok {
		return "", fmt.Errorf("%q is no %s of account %s in %s", id, k.resource, account, region)
	}
	if !k.name.MatchString(name) {
		return "", fmt.Errorf("%q is no name of %s", name, k.resource)
	}
	return id, nil
}

// queueARN is the ARN of a queue by its URL, https://sqs.eu-west-1.amazonaws.com/111122223333/jobs; anything else is
// returned as it is.
func queueARN(url, region string) string {
	parts := strings.Split(url, "/")
	if len(parts) != 5 {
		return url
	}
	return "arn:" + remediations.Partition(region) + ":sqs:" + region + ":" + parts[3] + ":" + parts[4]
}

// response reads ids from responseElements. In newer calls of EC2 there is one more level, named like the call.
func response(path ...string) func(events.Record) []string {
	return func(r events.Record) []string {
		elements := r.Response
		if wrapped := elements.Get(r.EventName + "Response"); wrapped.Exists() {
			elements = wrapped
		}
		return texts(elements, path)
	}
}

// request reads a name from requestParameters.
func request(name string) func(events.Record) []string {
	return func(r events.Record) []string { return texts(r.Request, []string{name}) }
}

// texts is what is found at the end of a path that may lead over lists; an empty text where a list's element has none.
func texts(p events.Params, path []string) []string {
	if len(path) == 0 {
		return []string{p.Text()}
	}
	next := p.Get(path[0])
	if !next.Exists() {
		return nil
	}
	var all []string
	for _, element := range next.List() {
		if found := texts(element, path[1:]); found != nil {
			all = append(all, found...)
		} else {
			all = append(all, "")
		}
	}
	return all
}

// started is the instances that a call has started: those that were running before are in its answer as well.
func started(r events.Record) []string {
	var ids []string
	for _, item := range r.Response.Get("instancesSet").List() {
		if item.Get("previousState", "name").Text() == "stopped" {
			ids = append(ids, item.Get("instanceId").Text())
		}
	}
	return ids
}
