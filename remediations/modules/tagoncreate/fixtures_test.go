package tagoncreate

import (
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/countermand/countermand/events"
)

const (
	instanceA = "i-0a1b2c3d4e5f60001"
	instanceB = "i-0a1b2c3d4e5f60002"
	rootA     = "vol-0a1b2c3d4e5f6000a"
	rootB     = "vol-0a1b2c3d4e5f6000b"
	older     = "vol-0a1b2c3d4e5f60fff" // attached to A, but created before
	eniA      = "eni-0a1b2c3d4e5f6000a"
	eniB      = "eni-0a1b2c3d4e5f6000b" // given to B, but there before
	aVolume   = "vol-0a1b2c3d4e5f6000c"

	person  = `{"type":"IAMUser","principalId":"AIDAEXAMPLEEXAMPLE001","arn":"arn:aws:iam::123456789012:user/dev/alice","accountId":"123456789012","accessKeyId":"AKIAEXAMPLEEXAMPLE01","userName":"alice"}`
	byGroup = `{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE002:AutoScaling","arn":"arn:aws:sts::123456789012:assumed-role/AWSServiceRoleForAutoScaling/AutoScaling","accountId":"123456789012","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLEEXAMPLE002","arn":"arn:aws:iam::123456789012:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling","accountId":"123456789012","userName":"AWSServiceRoleForAutoScaling"},"attributes":{"creationDate":"2026-03-02T09:12:43Z","mfaAuthenticated":"false"}},"invokedBy":"autoscaling.amazonaws.com"}`
)

var at = time.Date(2026, 3, 2, 9, 12, 44, 0, time.UTC)

// call is the EventBridge event of a call, in the shape of real ones.
func call(service, region, name, identity, agent, request, response, more string) []byte {
	raw, err := events.Wrap(fmt.Appendf(nil, `{"eventVersion":"1.09","userIdentity":%s,"eventTime":"2026-03-02T09:12:44Z",
		"eventSource":"%s.amazonaws.com","eventName":%q,"awsRegion":%q,"sourceIPAddress":"203.0.113.7","userAgent":%q,
		%s"requestParameters":%s,"responseElements":%s,"requestID":"0c1d2e3f-4a5b-4c6d-8e7f-901234567890",
		"eventID":"b7c8d9e0-1f2a-4b3c-9d4e-5f60718293a4","readOnly":false,"eventType":"AwsApiCall","managementEvent":true,
		"recipientAccountId":"123456789012","eventCategory":"Management"}`, identity, service, name, region, agent, more, request, response))
	if err != nil {
		panic(err)
	}
	return raw
}

// record is the event of a call to EC2.
func record(name, identity, agent, request, response, more string) []byte {
	return call("ec2", "eu-west-1", name, identity, agent, request, response, more)
}

func launched(identity, agent string, ids ...string) []byte {
	var items []string
	for i, id := range ids {
		items = append(items, fmt.Sprintf(`{"instanceId":%q,"imageId":"ami-0123456789abcdef0","instanceState":{"code":0,"name":"pending"},
			"amiLaunchIndex":%d,"productCodes":{},"instanceType":"t3.nano","launchTime":1772442764000,"rootDeviceType":"ebs","blockDeviceMapping":{},
			"tagSet":{"items":[{"key":"Name","value":"web"}]},"networkInterfaceSet":{}}`, id, i))
	}
	return record("RunInstances", identity, agent,
		fmt.Sprintf(`{"instancesSet":{"items":[{"imageId":"ami-0123456789abcdef0","minCount":%d,"maxCount":%[1]d}]},"instanceType":{"value":"t3.nano"},"blockDeviceMapping":{},"tagSpecificationSet":{"items":[{"resourceType":"instance","tags":[{"key":"Name","value":"web"}]}]}}`, len(ids)),
		`{"requestId":"0c1d2e3f-4a5b-4c6d-8e7f-901234567890","reservationId":"r-0a1b2c3d4e5f60001","ownerId":"123456789012","groupSet":{},"instancesSet":{"items":[`+strings.Join(items, ",")+`]}}`, "")
}

const (
	askVolume = `{"size":"8","zone":"eu-west-1a","volumeType":"gp3","encrypted":true}`
	gotVolume = `{"requestId":"0c1d2e3f-4a5b-4c6d-8e7f-901234567890","volumeId":"` + aVolume + `","size":"8","zone":"eu-west-1a","status":"creating","createTime":1772442764000,"volumeType":"gp3","iops":3000,"encrypted":true,"tagSet":{},"multiAttachEnabled":false}`
)

var (
	oneInstance = launched(person, "aws-cli/2.15.0 command/ec2.run-instances", instanceA)
	two         = launched(person, "aws-cli/2.15.0 command/ec2.run-instances", instanceA, instanceB)
	scaled      = launched(byGroup, "autoscaling.amazonaws.com", instanceB)
	newDisk     = record("CreateVolume", person, "Boto3/1.34.0 md/Botocore#1.34.0", askVolume, gotVolume, "")
	dryRun      = record("CreateVolume", person, "Boto3/1.34.0", askVolume, `null`, `"errorCode":"Client.DryRunOperation","errorMessage":"Request would have succeeded, but DryRun flag is set.",`)
	noQuota     = record("RunInstances", person, "Boto3/1.34.0", `{"instancesSet":{"items":[{"minCount":1,"maxCount":1}]}}`, `null`, `"errorCode":"Client.VcpuLimitExceeded",`)
	lookAlike   = record("CreateTags", person, "Boto3/1.34.0", `{"resourcesSet":{"items":[{"resourceId":"`+instanceA+`"}]},"tagSet":{"items":[{"key":"CreatedBy","value":"bob"}]}}`, `{"_return":true}`, "")
)

// restarted is the event of StartInstances, of an instance that was in a state before.
func restarted(identity, before string) []byte {
	return record("StartInstances", identity, "aws-cli/2.15.0 command/ec2.start-instances", `{"instancesSet":{"items":[{"instanceId":"`+instanceA+`"}]}}`,
		`{"requestId":"0c1d2e3f-4a5b-4c6d-8e7f-901234567890","instancesSet":{"items":[{"instanceId":"`+instanceA+`","currentState":{"code":0,"name":"pending"},"previousState":{"code":80,"name":"`+before+`"}}]}}`, "")
}

// ownCall is the event of one of the module's own calls.
func ownCall(service, region, name, request string) [][]byte {
	identity := strings.NewReplacer("IAMUser", "AssumedRole", "iam::123456789012:user/dev/alice", "sts::123456789012:assumed-role/countermand-tag-on-create/countermand-tag-on-create").Replace(person)
	event := call(service, region, name, identity, "aws-sdk-go-v2/1.47.7", request, "null", "")
	return [][]byte{[]byte(strings.Replace(string(event), "b7c8d9e0", "c8d9e0f1", 1))}
}

// own is the event of the module's own CreateTags.
func own(ids ...string) [][]byte {
	var items []string
	for _, id := range ids {
		items = append(items, `{"resourceId":"`+id+`"}`)
	}
	return ownCall("ec2", "eu-west-1", "CreateTags", `{"resourcesSet":{"items":[`+strings.Join(items, ",")+`]},"tagSet":{"items":[{"key":"CreatedBy","value":"alice"}]}}`)
}

const (
	wrapped = `{"%[1]sResponse":{"xmlns":"http://ec2.amazonaws.com/doc/2016-11-15/","requestId":"0c1d2e3f-4a5b-4c6d-8e7f-901234567890",%s}}`
	here    = ":eu-west-1:123456789012:"
)

// made is one call that creates something, its record's request and response, and by what the API knows what was made.
type made struct {
	service, event, request, response string
	id                                string
	own                               string // the event of the call that tags it
}

func (m made) region() string {
	if m.service == "iam" {
		return "us-east-1"
	}
	return "eu-west-1"
}

func (m made) raw(identity string) []byte {
	return call(m.service, m.region(), m.event, identity, "aws-cli/2.15.0", m.request, m.response, "")
}

// makers is a call of each kind, but for instances and volumes.
var makers = []made{
	{"autoscaling", "CreateAutoScalingGroup", `{"autoScalingGroupName":"web blue","minSize":1,"maxSize":2,"tags":[]}`, `null`, "web blue", "CreateOrUpdateTags"},
	{"dynamodb", "CreateTable", `{"tableName":"orders"}`, `{"tableDescription":{"tableName":"orders","tableStatus":"CREATING","tableArn":"arn:aws:dynamodb` + here + `table/orders"}}`, "arn:aws:dynamodb" + here + "table/orders", "TagResource"},
	{"ec2", "AllocateAddress", `{"domain":"vpc"}`, `{"publicIp":"203.0.113.9","domain":"vpc","allocationId":"eipalloc-0a1b"}`, "eipalloc-0a1b", "CreateTags"},
	{"ec2", "CopyImage", `{"sourceImageId":"ami-0f"}`, `{"imageId":"ami-0a1b"}`, "ami-0a1b", "CreateTags"},
	{"ec2", "CreateInternetGateway", `{}`, `{"internetGateway":{"internetGatewayId":"igw-0a1b","attachmentSet":{}}}`, "igw-0a1b", "CreateTags"},
	{"ec2", "CreateKeyPair", `{"keyName":"ops"}`, `{"keyName":"ops","keyPairId":"key-0a1b","keyMaterial":"<sensitiveDataRemoved>"}`, "key-0a1b", "CreateTags"},
	{"ec2", "CreateLaunchTemplate", `{"CreateLaunchTemplateRequest":{"LaunchTemplateName":"web"}}`, fmt.Sprintf(wrapped, "CreateLaunchTemplate", `"launchTemplate":{"launchTemplateId":"lt-0a1b"}`), "lt-0a1b", "CreateTags"},
	{"ec2", "CreateNatGateway", `{"CreateNatGatewayRequest":{}}`, fmt.Sprintf(wrapped, "CreateNatGateway", `"natGateway":{"natGatewayId":"nat-0a1b","state":"pending"}`), "nat-0a1b", "CreateTags"},
	{"ec2", "CreateNetworkInterface", `{"subnetId":"subnet-0f"}`, `{"networkInterface":{"networkInterfaceId":"eni-0a1b"}}`, "eni-0a1b", "CreateTags"},
	{"ec2", "CreateRouteTable", `{"vpcId":"vpc-0f"}`, `{"routeTable":{"routeTableId":"rtb-0a1b"}}`, "rtb-0a1b", "CreateTags"},
	{"ec2", "CreateSecurityGroup", `{"groupName":"web","vpcId":"vpc-0f"}`, `{"_return":true,"groupId":"sg-0a1b"}`, "sg-0a1b", "CreateTags"},
	{"ec2", "CreateSnapshot", `{"volumeId":"vol-0f"}`, `{"snapshotId":"snap-0a1b","volumeId":"vol-0f","status":"pending"}`, "snap-0a1b", "CreateTags"},
	{"ec2", "CreateSubnet", `{"vpcId":"vpc-0f"}`, `{"subnet":{"subnetId":"subnet-0a1b","vpcId":"vpc-0f"}}`, "subnet-0a1b", "CreateTags"},
	{"ec2", "CreateTransitGateway", `{"CreateTransitGatewayRequest":{}}`, fmt.Sprintf(wrapped, "CreateTransitGateway", `"transitGateway":{"transitGatewayId":"tgw-0a1b","ownerId":123456789012}`), "tgw-0a1b", "CreateTags"},
	{"ec2", "CreateVpc", `{"cidrBlock":"10.0.0.0/16"}`, `{"vpc":{"vpcId":"vpc-0a1b","state":"pending"}}`, "vpc-0a1b", "CreateTags"},
	{"ec2", "CreateVpcEndpoint", `{"CreateVpcEndpointRequest":{"VpcId":"vpc-0f"}}`, fmt.Sprintf(wrapped, "CreateVpcEndpoint", `"vpcEndpoint":{"vpcEndpointId":"vpce-0a1b"}`), "vpce-0a1b", "CreateTags"},
	{"ec2", "CreateVpnGateway", `{"type":"ipsec.1"}`, `{"vpnGateway":{"vpnGatewayId":"vgw-0a1b"}}`, "vgw-0a1b", "CreateTags"},
	{"ecr", "CreateRepository", `{"repositoryName":"team/app"}`, `{"repository":{"repositoryArn":"arn:aws:ecr` + here + `repository/team/app","repositoryName":"team/app"}}`, "arn:aws:ecr" + here + "repository/team/app", "TagResource"},
	{"ecs", "CreateCluster", `{"clusterName":"jobs","tags":[]}`, `{"cluster":{"clusterArn":"arn:aws:ecs` + here + `cluster/jobs","clusterName":"jobs","status":"ACTIVE"}}`, "arn:aws:ecs" + here + "cluster/jobs", "TagResource"},
	{"elasticfilesystem", "CreateFileSystem", `{"creationToken":"shared","encrypted":true}`, `{"fileSystemId":"fs-0a1b","fileSystemArn":"arn:aws:elasticfilesystem` + here + `file-system/fs-0a1b","lifeCycleState":"creating"}`, "fs-0a1b", "TagResource"},
	{"elasticloadbalancing", "CreateLoadBalancer", `{"name":"web","type":"application"}`, `{"loadBalancers":[{"loadBalancerName":"web","loadBalancerArn":"arn:aws:elasticloadbalancing` + here + `loadbalancer/app/web/50dc6c495c0c9188"}]}`, "arn:aws:elasticloadbalancing" + here + "loadbalancer/app/web/50dc6c495c0c9188", "AddTags"},
	{"elasticloadbalancing", "CreateLoadBalancer", `{"loadBalancerName":"old","listeners":[{"protocol":"HTTP"}]}`, `{"dNSName":"old-1.eu-west-1.elb.amazonaws.com"}`, "old", "AddTags"},
	{"elasticloadbalancing", "CreateTargetGroup", `{"name":"web"}`, `{"targetGroups":[{"targetGroupName":"web","targetGroupArn":"arn:aws:elasticloadbalancing` + here + `targetgroup/web/73e2d6bc24d8a067"}]}`, "arn:aws:elasticloadbalancing" + here + "targetgroup/web/73e2d6bc24d8a067", "AddTags"},
	{"iam", "CreateRole", `{"roleName":"app","path":"/team/"}`, `{"role":{"path":"/team/","roleName":"app","arn":"arn:aws:iam::123456789012:role/team/app"}}`, "app", "TagRole"},
	{"iam", "CreateUser", `{"userName":"bob"}`, `{"user":{"path":"/","userName":"bob","arn":"arn:aws:iam::123456789012:user/bob"}}`, "bob", "TagUser"},
	{"kms", "CreateKey", `{"keyUsage":"ENCRYPT_DECRYPT"}`, `{"keyMetadata":{"aWSAccountId":"123456789012","keyId":"1234abcd-12ab-34cd-56ef-1234567890ab","arn":"arn:aws:kms` + here + `key/1234abcd-12ab-34cd-56ef-1234567890ab"}}`, "arn:aws:kms" + here + "key/1234abcd-12ab-34cd-56ef-1234567890ab", "TagResource"},
	{"lambda", "CreateFunction20150331", `{"functionName":"resize"}`, `{"functionName":"resize","functionArn":"arn:aws:lambda` + here + `function:resize:1"}`, "arn:aws:lambda" + here + "function:resize", "TagResource20170331v2"},
	{"logs", "CreateLogGroup", `{"logGroupName":"/aws/lambda/resize"}`, `null`, "arn:aws:logs" + here + "log-group:/aws/lambda/resize", "TagResource"},
	{"rds", "CreateDBCluster", `{"dBClusterIdentifier":"shop"}`, `{"dBClusterIdentifier":"shop","status":"creating","dBClusterArn":"arn:aws:rds` + here + `cluster:shop"}`, "arn:aws:rds" + here + "cluster:shop", "AddTagsToResource"},
	{"rds", "CreateDBClusterSnapshot", `{"dBClusterIdentifier":"shop"}`, `{"dBClusterIdentifier":"shop","dBClusterSnapshotArn":"arn:aws:rds` + here + `cluster-snapshot:friday"}`, "arn:aws:rds" + here + "cluster-snapshot:friday", "AddTagsToResource"},
	{"rds", "CreateDBInstance", `{"dBInstanceIdentifier":"shop-1"}`, `{"dBInstanceIdentifier":"shop-1","dBInstanceStatus":"creating","dBInstanceArn":"arn:aws:rds` + here + `db:shop-1"}`, "arn:aws:rds" + here + "db:shop-1", "AddTagsToResource"},
	{"rds", "CreateDBSnapshot", `{"dBSnapshotIdentifier":"monday"}`, `{"dBSnapshotIdentifier":"monday","dBSnapshotArn":"arn:aws:rds` + here + `snapshot:monday"}`, "arn:aws:rds" + here + "snapshot:monday", "AddTagsToResource"},
	{"s3", "CreateBucket", `{"bucketName":"team-files","Host":"team-files.s3.eu-west-1.amazonaws.com"}`, `null`, "arn:aws:s3:::team-files", "TagResource"},
	{"secretsmanager", "CreateSecret", `{"name":"team/db"}`, `{"arn":"arn:aws:secretsmanager` + here + `secret:team/db-a1B2c3"}`, "arn:aws:secretsmanager" + here + "secret:team/db-a1B2c3", "TagResource"},
	{"sns", "CreateTopic", `{"name":"alarms"}`, `{"topicArn":"arn:aws:sns` + here + `alarms"}`, "arn:aws:sns" + here + "alarms", "TagResource"},
	{"sqs", "CreateQueue", `{"queueName":"jobs.fifo"}`, `{"queueUrl":"https://sqs.eu-west-1.amazonaws.com/123456789012/jobs.fifo"}`, "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs.fifo", "TagQueue"},
}

// more is calls of the kinds above whose records say it in another way.
var more = []made{
	{"ec2", "CopySnapshot", `{"sourceSnapshotId":"snap-0f"}`, `{"snapshotId":"snap-0a1b"}`, "snap-0a1b", ""},
	{"ec2", "CreateImage", `{"instanceId":"i-0f","name":"web"}`, `{"imageId":"ami-0a1b"}`, "ami-0a1b", ""},
	{"ec2", "RegisterImage", `{"name":"web"}`, `{"imageId":"ami-0a1b"}`, "ami-0a1b", ""},
	{"ec2", "CreateSnapshots", `{"CreateSnapshotsRequest":{}}`, fmt.Sprintf(wrapped, "CreateSnapshots", `"snapshotSet":{"item":{"snapshotId":"snap-0a1b"}}`), "snap-0a1b", ""},
	{"ec2", "CreateSnapshots", `{"CreateSnapshotsRequest":{}}`, fmt.Sprintf(wrapped, "CreateSnapshots", `"snapshotSet":{"item":[{"snapshotId":"snap-0a1b"},{"snapshotId":"snap-0a1c"}]}`), "snap-0a1b snap-0a1c", ""},
	{"ec2", "CreateTransitGateway", `{}`, `{"transitGateway":{"transitGatewayId":"tgw-0a1b"}}`, "tgw-0a1b", ""},
	{"kms", "CreateKey", `{}`, `{"keyMetadata":{"AWSAccountId":"123456789012","arn":"arn:aws:kms` + here + `key/mrk-1234"}}`, "arn:aws:kms" + here + "key/mrk-1234", ""},
}

// there is a resource without the tags, and beside it one of somebody else's.
func there(id string) func(*account) {
	return func(a *account) {
		a.set(id, "Name", "web")
		a.set("neighbour", "Owner", "bob")
	}
}

// tagged has all tags on a resource, by somebody else.
func tagged(ids ...string) func(*account) {
	return func(a *account) {
		for _, id := range ids {
			a.set(id, "Owner", "web team")
			a.set(id, "CreatedBy", "terraform-ci")
			a.set(id, "CreatedAt", "2026-03-02T09:12:50Z")
			a.set(id, "CreatedVia", "")
		}
	}
}

func set(id, key, value string) func(*account) {
	return func(a *account) { a.set(id, key, value) }
}

func crowded(id string, n int) func(*account) {
	return func(a *account) {
		a.set(id, "aws:cloudformation:stack-name", "web")
		for i := a.Tags[id].counted(); i < n; i++ {
			a.set(id, fmt.Sprintf("cost-%d", i), "")
		}
	}
}

func shuttingDown(a *account) {
	a.Instances[instanceA].State.Name = types.InstanceStateNameShuttingDown
}
func terminated(a *account) { a.Instances[instanceA].State.Name = types.InstanceStateNameTerminated }
func deleting(a *account)   { a.Volumes[aVolume].State = types.VolumeStateDeleting }

// running is instance A as it was started at a time.
func running(at time.Time) func(*account) {
	return func(a *account) {
		a.Instances[instanceA].LaunchTime = &at
		a.Instances[instanceA].State.Name = types.InstanceStateNameRunning
	}
}

func stopped(a *account) {
	a.Instances[instanceA].LaunchTime = &at
	a.Instances[instanceA].State.Name = types.InstanceStateNameStopped
}

// inGroup makes instance B one of an Auto Scaling group, which may have an owner.
func inGroup(owner string) func(*account) {
	return func(a *account) {
		a.set(instanceB, "aws:autoscaling:groupName", "web blue")
		a.Tags["web blue"] = tags{"Name": "web"}
		if owner != "" {
			a.set("web blue", "Owner", owner)
		}
	}
}

var others = Settings{CreatedByKey: "made-by"}
