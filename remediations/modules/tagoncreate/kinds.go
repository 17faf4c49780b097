package tagoncreate

import (
	"regexp"
	"slices"
	"strings"
)

// kind is a type of resource that is tagged.
type kind struct {
	resource string         // CloudFormation's name of the type
	service  *service       // whose API tags it
	prefix   string         // of its ARN up to the name, where the API takes ARNs; as in a Permission
	name     *regexp.Regexp // what is behind the prefix, or the id as a whole
	named    bool           // the record has the name only, to which the prefix is to be added
	folds    bool           // its tags' keys are equal if they differ in case only
	right    string         // the resource of the permission to tag it
}

// What names and ids look like. They are wider than each service's rule and narrower than what a shell or an ARN could
// misread.
var (
	word   = regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]+$`)
	words  = regexp.MustCompile(`^[A-Za-z0-9_+=,.@#/-]+$`)
	phrase = regexp.MustCompile(`^[A-Za-z0-9_+=,.@# -]+$`)
)

// place is what follows the service in the ARN of most.
const place = "${AWS::Region}:${AWS::AccountId}:"

// ofEC2 is a kind of EC2's. Its ids begin with the prefix and a hyphen.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/resource-ids.html
func ofEC2(resource, prefix, in, arn string) *kind {
	return &kind{resource: "AWS::EC2::" + resource, service: ec2Service, name: regexp.MustCompile("^" + prefix + "-[0-9a-z]+$"),
		right: "arn:${AWS::Partition}:ec2:" + in + arn + "/*"}
}

// byARN is a kind that is tagged by its ARN, in which * stands for the name.
func byARN(resource string, s *service, arn string, name *regexp.Regexp) *kind {
	service, form, _ := strings.Cut(arn, ":")
	right := "arn:${AWS::Partition}:" + service + ":" + place + form
	prefix, _, _ := strings.Cut(right, "*")
	return &kind{resource: resource, service: s, prefix: prefix, name: name, right: right}
}

var (
	address          = ofEC2("EIP", "eipalloc", place, "elastic-ip")
	endpoint         = ofEC2("VPCEndpoint", "vpce", place, "vpc-endpoint")
	image            = ofEC2("Image", "ami", "${AWS::Region}::", "image")
	instance         = ofEC2("Instance", "i", place, "instance")
	internetGateway  = ofEC2("InternetGateway", "igw", place, "internet-gateway")
	keyPair          = ofEC2("KeyPair", "key", place, "key-pair")
	launchTemplate   = ofEC2("LaunchTemplate", "lt", place, "launch-template")
	natGateway       = ofEC2("NatGateway", "nat", place, "natgateway")
	network          = ofEC2("VPC", "vpc", place, "vpc")
	networkInterface = ofEC2("NetworkInterface", "eni", place, "network-interface")
	routeTable       = ofEC2("RouteTable", "rtb", place, "route-table")
	securityGroup    = ofEC2("SecurityGroup", "sg", place, "security-group")
	snapshot         = ofEC2("Snapshot", "snap", "${AWS::Region}::", "snapshot")
	subnet           = ofEC2("Subnet", "subnet", place, "subnet")
	transitGateway   = ofEC2("TransitGateway", "tgw", place, "transit-gateway")
	volume           = ofEC2("Volume", "vol", place, "volume")
	vpnGateway       = ofEC2("VPNGateway", "vgw", place, "vpn-gateway")

	bucket       = &kind{resource: "AWS::S3::Bucket", service: s3Service, name: word, right: "arn:${AWS::Partition}:s3:::*"}
	scalingGroup = &kind{resource: "AWS::AutoScaling::AutoScalingGroup", service: scalingService, name: phrase,
		right: "arn:${AWS::Partition}:autoscaling:" + place + "autoScalingGroup:*:autoScalingGroupName/*"}
	role = &kind{resource: "AWS::IAM::Role", service: roleService, name: word, folds: true,
		right: "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/*"}
	user = &kind{resource: "AWS::IAM::User", service: userService, name: word, folds: true,
		right: "arn:${AWS::Partition}:iam::${AWS::AccountId}:user/*"}
	fileSystem = &kind{resource: "AWS::EFS::FileSystem", service: efsService, name: regexp.MustCompile("^fs-[0-9a-z]+$"),
		right: "arn:${AWS::Partition}:elasticfilesystem:" + place + "file-system/*"}

	cluster         = byARN("AWS::ECS::Cluster", ecsService, "ecs:cluster/*", word)
	clusterSnapshot = byARN("AWS::RDS::DBClusterSnapshot", rdsService, "rds:cluster-snapshot:*", word)
	dbCluster       = byARN("AWS::RDS::DBCluster", rdsService, "rds:cluster:*", word)
	dbInstance      = byARN("AWS::RDS::DBInstance", rdsService, "rds:db:*", word)
	dbSnapshot      = byARN("AWS::RDS::DBSnapshot", rdsService, "rds:snapshot:*", word)
	function        = byName(byARN("AWS::Lambda::Function", lambdaService, "lambda:function:*", word))
	key             = byARN("AWS::KMS::Key", kmsService, "kms:key/*", word)
	logGroup        = byName(byARN("AWS::Logs::LogGroup", logsService, "logs:log-group:*", words))
	queue           = byARN("AWS::SQS::Queue", sqsService, "sqs:*", word)
	repository      = byARN("AWS::ECR::Repository", ecrService, "ecr:repository/*", words)
	secret          = byARN("AWS::SecretsManager::Secret", secretsService, "secretsmanager:secret:*", words)
	table           = byARN("AWS::DynamoDB::Table", dynamoService, "dynamodb:table/*", word)
	topic           = byARN("AWS::SNS::Topic", snsService, "sns:*", word)
	loadBalancer    = byARN("AWS::ElasticLoadBalancingV2::LoadBalancer", balancerService, "elasticloadbalancing:loadbalancer/*", words)
	targetGroup     = byARN("AWS::ElasticLoadBalancingV2::TargetGroup", balancerService, "elasticloadbalancing:targetgroup/*/*", words)

	classicBalancer = &kind{resource: "AWS::ElasticLoadBalancing::LoadBalancer", service: classicService, name: word,
		right: loadBalancer.right}
)

// kinds is all of them.
func kinds() []*kind {
	list := []*kind{classicBalancer}
	for _, c := range creators {
		if !slices.Contains(list, c.kind) {
			list = append(list, c.kind)
		}
	}
	return list
}

// byName is a kind whose record has the name only.
func byName(k *kind) *kind {
	k.named = true
	return k
}
