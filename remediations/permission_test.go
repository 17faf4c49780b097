package remediations_test

import (
	"strings"
	"testing"

	"github.com/countermand/countermand/remediations"
)

func TestAWildcardNeedsAWhy(t *testing.T) {
	for resource, want := range map[string]bool{
		"*":                             true,
		"arn:${AWS::Partition}:*":       true,
		"arn:${AWS::Partition}:ec2:*":   true,
		"arn:${AWS::Partition}:ec2:*:*": true,
		"arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:*":                    true,
		"arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:*":       true,
		"arn:${AWS::Partition}:ec2:*:*:*/*":                                  true,
		"arn:${AWS::Partition}:ec2:*:*:**":                                   true,
		"arn:${AWS::Partition}:*:*:*:instance/*":                             true,
		"arn:${AWS::Partition}:s*:::*":                                       true,
		"arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:instance/*":           false,
		"arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:alerts*": false,
		"arn:${AWS::Partition}:s3:::*":                                       false, // a bucket's ARN has nothing before its name
	} {
		p := remediations.Permission{Action: "s3:GetBucketPolicy", Resource: resource}
		err := p.Validate()
		if got := err != nil && strings.Contains(err.Error(), "on "+resource+": a wildcard needs a Why"); got != want {
			t.Errorf("%s: error %v, want one: %t", resource, err, want)
		}
		p.Why = "there is no narrower one"
		if err := p.Validate(); err != nil {
			t.Errorf("%s, explained: %v", resource, err)
		}
	}
}

func TestAllows(t *testing.T) {
	for _, c := range []struct {
		permission, action string
		want               bool
	}{
		{"s3:GetBucketPolicy", "s3:GetBucketPolicy", true},
		{"s3:GetBucketPolicy", "s3:getbucketpolicy", true},
		{"s3:GetBucketPolicy", "s3:GetBucketPolicyStatus", false},
		{"s3:GetBucket*", "s3:GetBucketPolicyStatus", true},
		{"s3:GetBucket*", "s3control:GetBucket", false},
	} {
		if got := (remediations.Permission{Action: c.permission}).Allows(c.action); got != c.want {
			t.Errorf("%s allows %s: %t, want %t", c.permission, c.action, got, c.want)
		}
	}
}
