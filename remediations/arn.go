package remediations

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// arnForms holds the ARN of each type of resource that a module checks, by CloudFormation's name of the type. The
// placeholders are those of the service's page.
// https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
var arnForms = map[string]string{
	"AWS::AutoScaling::AutoScalingGroup":        "arn:${Partition}:autoscaling:${Region}:${Account}:autoScalingGroup:*:autoScalingGroupName/${Name}", // * is an id of its own
	"AWS::CloudFormation::Stack":                "arn:${Partition}:cloudformation:${Region}:${Account}:stack/${Name}/*",                              // * is an id of its own
	"AWS::CloudTrail::Trail":                    "arn:${Partition}:cloudtrail:${Region}:${Account}:trail/${Name}",
	"AWS::CloudWatch::Alarm":                    "arn:${Partition}:cloudwatch:${Region}:${Account}:alarm:${Name}",
	"AWS::DynamoDB::Table":                      "arn:${Partition}:dynamodb:${Region}:${Account}:table/${Name}",
	"AWS::EC2::EIP":                             "arn:${Partition}:ec2:${Region}:${Account}:elastic-ip/${Name}",
	"AWS::EC2::Image":                           "arn:${Partition}:ec2:${Region}::image/${Name}",
	"AWS::EC2::Instance":                        "arn:${Partition}:ec2:${Region}:${Account}:instance/${Name}",
	"AWS::EC2::InternetGateway":                 "arn:${Partition}:ec2:${Region}:${Account}:internet-gateway/${Name}",
	"AWS::EC2::KeyPair":                         "arn:${Partition}:ec2:${Region}:${Account}:key-pair/${Name}",
	"AWS::EC2::LaunchTemplate":                  "arn:${Partition}:ec2:${Region}:${Account}:launch-template/${Name}",
	"AWS::EC2::NatGateway":                      "arn:${Partition}:ec2:${Region}:${Account}:natgateway/${Name}",
	"AWS::EC2::NetworkInterface":                "arn:${Partition}:ec2:${Region}:${Account}:network-interface/${Name}",
	"AWS::EC2::RouteTable":                      "arn:${Partition}:ec2:${Region}:${Account}:route-table/${Name}",
	"AWS::EC2::SecurityGroup":                   "arn:${Partition}:ec2:${Region}:${Account}:security-group/${Name}",
	"AWS::EC2::Snapshot":                        "arn:${Partition}:ec2:${Region}::snapshot/${Name}",
	"AWS::EC2::Subnet":                          "arn:${Partition}:ec2:${Region}:${Account}:subnet/${Name}",
	"AWS::EC2::TransitGateway":                  "arn:${Partition}:ec2:${Region}:${Account}:transit-gateway/${Name}",
	"AWS::EC2::VPC":                             "arn:${Partition}:ec2:${Region}:${Account}:vpc/${Name}",
	"AWS::EC2::VPCEndpoint":                     "arn:${Partition}:ec2:${Region}:${Account}:vpc-endpoint/${Name}",
	"AWS::EC2::VPNGateway":                      "arn:${Partition}:ec2:${Region}:${Account}:vpn-gateway/${Name}",
	"AWS::EC2::Volume":                          "arn:${Partition}:ec2:${Region}:${Account}:volume/${Name}",
	"AWS::ECR::Repository":                      "arn:${Partition}:ecr:${Region}:${Account}:repository/${NameWithPath}",
	"AWS::ECS::Cluster":                         "arn:${Partition}:ecs:${Region}:${Account}:cluster/${Name}",
	"AWS::EFS::FileSystem":                      "arn:${Partition}:elasticfilesystem:${Region}:${Account}:file-system/${Name}",
	"AWS::ElasticLoadBalancing::LoadBalancer":   "arn:${Partition}:elasticloadbalancing:${Region}:${Account}:loadbalancer/${Name}",
	"AWS::ElasticLoadBalancingV2::LoadBalancer": "arn:${Partition}:elasticloadbalancing:${Region}:${Account}:loadbalancer/${Name}/${Name}/${Name}",
	"AWS::ElasticLoadBalancingV2::TargetGroup":  "arn:${Partition}:elasticloadbalancing:${Region}:${Account}:targetgroup/${Name}/${Name}",
	"AWS::Events::Rule":                         "arn:${Partition}:events:${Region}:${Account}:rule/${Name}",
	"AWS::GuardDuty::Detector":                  "arn:${Partition}:guardduty:${Region}:${Account}:detector/${Name}",
	"AWS::IAM::Group":                           "arn:${Partition}:iam::${Account}:group/${Name}",
	"AWS::IAM::ManagedPolicy":                   "arn:${Partition}:iam::${Account}:policy/${NameWithPath}",
	"AWS::IAM::Role":                            "arn:${Partition}:iam::${Account}:role/${Name}",
	"AWS::IAM::User":                            "arn:${Partition}:iam::${Account}:user/${Name}",
	"AWS::KMS::Alias":                           "arn:${Partition}:kms:${Region}:${Account}:alias/${Name}",
	"AWS::KMS::Key":                             "arn:${Partition}:kms:${Region}:${Account}:key/${Name}",
	"AWS::Lambda::Alias":                        "arn:${Partition}:lambda:${Region}:${Account}:function:${Name}:${Name}", // by its ARN only
	"AWS::Lambda::Function":                     "arn:${Partition}:lambda:${Region}:${Account}:function:${Name}",
	"AWS::Lambda::Version":                      "arn:${Partition}:lambda:${Region}:${Account}:function:${Name}:${Name}", // by its ARN only
	"AWS::Logs::LogGroup":                       "arn:${Partition}:logs:${Region}:${Account}:log-group:${NameWithPath}",
	"AWS::RDS::DBCluster":                       "arn:${Partition}:rds:${Region}:${Account}:cluster:${Name}",
	"AWS::RDS::DBClusterSnapshot":               "arn:${Partition}:rds:${Region}:${Account}:cluster-snapshot:${Name}",
	"AWS::RDS::DBInstance":                      "arn:${Partition}:rds:${Region}:${Account}:db:${Name}",
	"AWS::RDS::DBSnapshot":                      "arn:${Partition}:rds:${Region}:${Account}:snapshot:${Name}",
	"AWS::S3::Bucket":                           "arn:${Partition}:s3:::${Name}",
	"AWS::SNS::Topic":                           "arn:${Partition}:sns:${Region}:${Account}:${Name}",
	"AWS::SQS::Queue":                           "arn:${Partition}:sqs:${Region}:${Account}:${Name}",
	"AWS::SSM::Parameter":                       "arn:${Partition}:ssm:${Region}:${Account}:parameter/countermand/${Name}", // of ours only
	"AWS::SecretsManager::Secret":               "arn:${Partition}:secretsmanager:${Region}:${Account}:secret:${NameWithPath}",
	"AWS::SecurityHub::Hub":                     "arn:${Partition}:securityhub:${Region}:${Account}:hub/${Name}",

	// A recorder's ARN ends in an id of its own, and a delivery channel has no ARN: exemptions use these.
	// https://docs.aws.amazon.com/config/latest/APIReference/API_ConfigurationRecorder.html
	"AWS::Config::ConfigurationRecorder": "arn:${Partition}:config:${Region}:${Account}:configuration-recorder/${Name}/*",
	"AWS::Config::DeliveryChannel":       "arn:${Partition}:config:${Region}:${Account}:delivery-channel/${Name}",

	// The account's root user. CloudFormation has no name for it.
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns
	"AWS::IAM::RootUser": "arn:${Partition}:iam::${Account}:root",

	// The account's own Block Public Access. It has no ARN of its own and CloudFormation no name for it: the ARN is the
	// account's, and the name AWS Config's.
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns
	// https://docs.aws.amazon.com/config/latest/developerguide/resource-config-reference.html
	"AWS::S3::AccountPublicAccessBlock": "arn:${Partition}:iam::${Account}:root",
}

// arnVariables matches what may replace each placeholder of a form. A value with a * in it is checked less strictly.
var arnVariables = map[string]*regexp.Regexp{
	"${Account}": regexp.MustCompile(`^([0-9]{12}|[0-9]*\*[0-9*]*)$`),
	"${Name}":    regexp.MustCompile(`^[^?]+$`),

	"${NameWithPath}": regexp.MustCompile(`^[^?]+$`), // the only one that may hold slashes; it is the last
	"${Partition}":    regexp.MustCompile(`^(aws(-[a-z]+)*|[a-z-]*\*[a-z*-]*)$`),
	"${Region}":       regexp.MustCompile(`^([a-z]+(-[a-z]+)+-[0-9]+|[a-z0-9-]*\*[a-z0-9*-]*)$`),
}

// arnParts names the parts of an ARN between its first five colons, and after them.
var arnParts = []string{"beginning", "partition", "service", "Region", "account", "resource"}

// matchARN reports whether an ARN matches a pattern. It compares segment by segment, split at colons and slashes: *
// matches any run of characters within its segment, including none, and never crosses a separator.
func matchARN(pattern, arn string) bool {
	return slices.EqualFunc(segments(pattern), segments(arn), matchGlob)
}

// checkARN reports which part of an ARN, which may contain *, matches no resource that a module checks.
func checkARN(arn string) error {
	deepest, nearest := -1, []string(nil)
	for _, form := range slices.Sorted(maps.Values(arnForms)) {
		switch part := firstMismatch(arn, form); {
		case part < 0:
			return nil
		case part > deepest:
			deepest, nearest = part, []string{form}
		case part == deepest:
			nearest = append(nearest, form)
		}
	}
	return fmt.Errorf("its %s does not match %s", arnParts[deepest], strings.Join(nearest, " or "))
}

// firstMismatch returns the first part of an ARN, which may contain *, that cannot match a form, or -1.
func firstMismatch(arn, form string) int {
	got := strings.SplitN(arn, ":", len(arnParts))
	for i, want := range strings.SplitN(form, ":", len(arnParts)) {
		if i >= len(got) || !couldMatch(got[i], want) {
			return i
		}
	}
	return -1
}

// couldMatch reports whether a part of an ARN, which may contain *, can match that of a form.
func couldMatch(part, form string) bool {
	gots, wants := segments(part), segments(form)
	if last := len(wants) - 1; wants[last] == "${NameWithPath}" && len(gots) > last {
		gots = append(gots[:last], strings.Join(gots[last:], ""))
	}
	return slices.EqualFunc(gots, wants, func(got, want string) bool {
		if variable, ok := arnVariables[want]; ok {
			return variable.MatchString(got)
		}
		return matchGlob(got, want)
	})
}

// segments splits a text before and after each colon and slash.
func segments(text string) []string {
	var list []string
	for {
		i := strings.IndexFunc(text, separator)
		if i < 0 {
			return append(list, text)
		}
		list = append(list, text[:i], text[i:i+1])
		text = text[i+1:]
	}
}

// separator reports whether a character ends a segment.
func separator(c rune) bool { return c == ':' || c == '/' }

// matchGlob reports whether a text matches a pattern in which * stands for any run of characters, including none.
func matchGlob(pattern, text string) bool {
	first, rest, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == text
	}
	text, ok := strings.CutPrefix(text, first)
	for ok && strings.Contains(rest, "*") {
		var middle string
		middle, rest, _ = strings.Cut(rest, "*")
		_, text, ok = strings.Cut(text, middle)
	}
	return ok && strings.HasSuffix(text, rest)
}
