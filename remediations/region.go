package remediations

import (
	"strings"
)

// Partition is the AWS partition that a Region is in.
func Partition(region string) string {
	for prefix, partition := range partitions {
		if strings.HasPrefix(region, prefix) {
			return partition
		}
	}
	return "aws"
}

// partitions is how the names of Regions begin that are not in the partition "aws".
// https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html
var partitions = map[string]string{
	"cn-": "aws-cn", "us-gov-": "aws-us-gov", "us-iso-": "aws-iso", "us-isob-": "aws-iso-b",
	"eu-isoe-": "aws-iso-e", "us-isof-": "aws-iso-f", "eusc-": "aws-eusc",
}

// GlobalRegion is the Region of the same partition in which what is done to global services is heard of; empty if that is
// not known.
func GlobalRegion(region string) string { return globalRegions[Partition(region)] }

// globalRegions is where what is done to global services (IAM, above all) is heard of, by partition.
// https://repost.aws/knowledge-center/eventbridge-rule-triggers-iam-single-region
var globalRegions = map[string]string{"aws": "us-east-1", "aws-us-gov": "us-gov-west-1", "aws-cn": "cn-north-1"}
