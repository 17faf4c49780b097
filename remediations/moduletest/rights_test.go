package moduletest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3control"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/events/pattern"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/engine"
)

// calls of each kind that modules make.
var (
	getPolicy = call{service: "S3", operation: "GetBucketPolicy", in: &s3.GetBucketPolicyInput{Bucket: aws.String("ledger")}}
	getBlock  = call{service: "S3 Control", operation: "GetPublicAccessBlock", in: &s3control.GetPublicAccessBlockInput{AccountId: aws.String("111122223333")}}
	start     = call{service: "CloudTrail", operation: "StartLogging", in: &cloudtrail.StartLoggingInput{Name: aws.String("arn:aws:cloudtrail:eu-west-1:111122223333:trail/audit")}}
	byName    = call{service: "CloudTrail", operation: "StartLogging", in: &cloudtrail.StartLoggingInput{Name: aws.String("audit")}}
	tag       = call{service: "EC2", operation: "CreateTags", in: &ec2.CreateTagsInput{Resources: []string{"i-0abc", "vol-0abc"}}}
)

func TestResources(t *testing.T) {
	for _, c := range []struct {
		call   call
		region string
		want   string // or part of the error
	}{
		{getPolicy, "eu-west-1", "[arn:aws:s3:::ledger]"},
		{getPolicy, "cn-north-1", "[arn:aws-cn:s3:::ledger]"},
		{getBlock, "eu-west-1", "[*]"},
		{start, "eu-central-1", "[arn:aws:cloudtrail:eu-west-1:111122223333:trail/audit]"},
		{byName, "us-gov-west-1", "[arn:aws-us-gov:cloudtrail:us-gov-west-1:111122223333:trail/audit]"},
		{tag, "eu-west-1", "[arn:aws:ec2:eu-west-1:111122223333:instance/i-0abc arn:aws:ec2:eu-west-1:111122223333:volume/vol-0abc]"},
		{call{service: "EC2", operation: "DescribeTags", in: &ec2.DescribeTagsInput{}}, "eu-west-1", "[*]"},
		{call{service: "EC2", operation: "CreateTags", in: &ec2.CreateTagsInput{Resources: []string{"dopt-0abc"}}}, "eu-west-1",
			`called on "dopt-0abc", and it is not known what that is: add it to remediations/moduletest/rights.go, and its type to remediations/knowledge/iam/actions.go`},
		{call{service: "S3", operation: "GetBucketPolicy", in: &s3.GetBucketPolicyInput{}}, "eu-west-1", "S3.GetBucketPolicy was called without Bucket"},
		{call{service: "EC2", operation: "CreateTags", in: &ec2.CreateTagsInput{}}, "eu-west-1", "EC2.CreateTags was called without Resources"},
		{call{service: "S3", operation: "GetBucketLogging", in: &s3.GetBucketLoggingInput{}}, "eu-west-1",
			"what resources s3:GetBucketLogging takes: add it to remediations/knowledge/iam/actions.go"},
		{call{service: "SNS", operation: "Publish", in: &s3.GetBucketLoggingInput{}}, "eu-west-1",
			"which parameter of SNS.Publish names its resource: add it to remediations/moduletest/rights.go"},
	} {
		c.call.region = c.region
		action, err := engine.IAMAction(c.call.service, c.call.operation)
		if err != nil {
			t.Fatal(err)
		}
		arns, err := resources(c.call, action, "111122223333")
		if got := fmt.Sprint(arns); err == nil && got != c.want || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s.%s: %s, %v, want %s", c.call.service, c.call.operation, got, err, c.want)
		}
	}
}

// TestPermitted gives a module one permission, and has it make one call.
func TestPermitted(t *testing.T) {
	trail := func(place string) string { return "arn:${AWS::Partition}:cloudtrail:" + place + ":trail/*" }
	for _, c := range []struct {
		call       call
		permission remediations.Permission
		want       string // part of the error; "" for none
	}{
		{start, remediations.Permission{Action: "cloudtrail:StartLogging", Resource: trail("${AWS::Region}:${AWS::AccountId}")}, ""},
		{byName, remediations.Permission{Action: "cloudtrail:StartLogging", Resource: trail("${AWS::Region}:${AWS::AccountId}")}, ""},
		{start, remediations.Permission{Action: "cloudtrail:StopLogging", Resource: trail("${AWS::Region}:${AWS::AccountId}")},
			"IAM would refuse cloudtrail:StartLogging on arn:aws:cloudtrail:eu-west-1:111122223333:trail/audit"},
		{start, remediations.Permission{Action: "cloudtrail:StartLogging", Resource: trail("eu-central-1:${AWS::AccountId}")}, "IAM would refuse"},
		{start, remediations.Permission{Action: "cloudtrail:StartLogging", Resource: trail("*:${AWS::AccountId}")}, "in another Region"},
		{start, remediations.Permission{Action: "cloudtrail:StartLogging", Resource: trail("${AWS::Region}:*")}, "in another account"},
		{start, remediations.Permission{Action: "cloudtrail:StartLogging", Resource: trail("*:*"), Why: "it is the organisation's"}, ""},
		{start, remediations.Permission{Action: "cloudtrail:StartLogging", Resource: strings.Replace(trail("${AWS::Region}:${AWS::AccountId}"), "trail/", "", 1)}, "of another type"},
		{start, remediations.Permission{Action: "cloudtrail:StartLogging", Resource: "*", Why: "it is easier"}, "of another type"},
		{tag, remediations.Permission{Action: "ec2:CreateTags", Resource: "arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:instance/*"},
			"IAM would refuse ec2:CreateTags on arn:aws:ec2:eu-west-1:111122223333:volume/vol-0abc"},
		{getPolicy, remediations.Permission{Action: "s3:GetBucketPolicy", Resource: "arn:${AWS::Partition}:s3:::*"}, ""},
		{getPolicy, remediations.Permission{Action: "s3:GetBucketPolicy", Resource: "arn:${AWS::Partition}:s3:::other"}, "IAM would refuse s3:GetBucketPolicy on arn:aws:s3:::ledger"},
		{getPolicy, remediations.Permission{Action: "s3:GetBucketPolicy", Resource: "arn:${AWS::Partition}:s3:::${aws:username}"}, "a variable has no value here"},
		{getBlock, remediations.Permission{Action: "s3:GetAccountPublicAccessBlock", Resource: "*", Why: "it is no resource"}, ""},
		{getBlock, remediations.Permission{Action: "s3:GetAccountPublicAccessBlock", Resource: "arn:${AWS::Partition}:s3:::*"}, "IAM would refuse s3:GetAccountPublicAccessBlock on *"},
	} {
		k := &kit{module: &remediations.Module{Reads: []remediations.Permission{c.permission}}, used: map[remediations.Permission]bool{}}
		c.call.region = "eu-west-1"
		p := &play{event: events.Event{Account: "111122223333", Region: "eu-west-1"}, stage: &stage{calls: []call{c.call}}}
		err := k.permitted(p, 0, k.module.Rights(remediations.Observe))
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s.%s by %s on %s: %v, want %q", c.call.service, c.call.operation, c.permission.Action, c.permission.Resource, err, c.want)
		}
	}
}

// Whoever adds a module whose undo is called otherwise than its right is told.
func TestUnheard(t *testing.T) {
	block := call{service: "S3", operation: "DeletePublicAccessBlock"}
	for _, c := range []struct {
		pattern pattern.Pattern
		want    string
	}{
		{pattern.CloudTrail("s3", "CreateBucket"), ""},
		{pattern.CloudTrail("s3", "PutBucketPublicAccessBlock", "DeletePublicAccessBlock"), ""}, // it hears of a right
		{pattern.CloudTrail("s3", "DeletePublicAccessBlock"), "undo calls DeletePublicAccessBlock, which the pattern watches"},
		{pattern.CloudTrail("s3", "DeletePublicAccessBlock20060301"), "undo calls DeletePublicAccessBlock, which the pattern watches"},
	} {
		k := &kit{module: &remediations.Module{Pattern: c.pattern, Writes: []remediations.Permission{{Action: "s3:PutBucketPublicAccessBlock"}}}}
		if err := k.unheard([]call{getPolicy, block}); c.want == "" && err != nil || c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.pattern, err, c.want)
		}
	}
}
