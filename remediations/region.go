package remediations

import "strings"

// Partition returns the AWS partition that a Region is in.
func Partition(region string) string {
	for prefix, partition := range partitions {
		if strings.HasPrefix(region, prefix) {
			return partition
		}
	}
	return "aws"
}

// partitions maps the prefixes of Regions outside the partition "aws" to their partitions.
// https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html
var partitions = map[string]string{
	"cn-": "aws-cn", "us-gov-": "aws-us-gov", "us-iso-": "aws-iso", "us-isob-": "aws-iso-b",
	"eu-isoe-": "aws-iso-e", "us-isof-": "aws-iso-f", "eusc-": "aws-eusc",
}

// GlobalRegion returns the Region of the same partition in which events of global services are delivered, or the empty
// string if it is unknown.
func GlobalRegion(region string) string { return globalRegions[Partition(region)] }

// globalRegions holds the Region in which events of global services (above all IAM) are delivered, by partition.
// https://repost.aws/knowledge-center/eventbridge-rule-triggers-iam-single-region
var globalRegions = map[string]string{"aws": "us-east-1", "aws-us-gov": "us-gov-west-1", "aws-cn": "cn-north-1"}
