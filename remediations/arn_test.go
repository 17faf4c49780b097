package remediations_test

import (
	"strings"
	"testing"

	"github.com/countermand/countermand/remediations"
)

func TestARN(t *testing.T) {
	for _, c := range []struct{ typ, id, account, region, want string }{
		{"AWS::S3::Bucket", "ledger", "111122223333", "eu-west-1", "arn:aws:s3:::ledger"},
		{"AWS::S3::Bucket", "${Account}", "111122223333", "eu-west-1", "arn:aws:s3:::${Account}"},
		{"AWS::S3::Bucket", "ledger", "111122223333", "cn-north-1", "arn:aws-cn:s3:::ledger"},
		{"AWS::S3::AccountPublicAccessBlock", "111122223333", "111122223333", "eu-west-1", "arn:aws:iam::111122223333:root"},
		{"AWS::S3::AccountPublicAccessBlock", "111122223333", "111122223333", "us-gov-west-1", "arn:aws-us-gov:iam::111122223333:root"},
		{"AWS::EC2::Instance", "i-0abc", "111122223333", "eu-west-1", "arn:aws:ec2:eu-west-1:111122223333:instance/i-0abc"},
		{"AWS::EC2::Instance", "i-0abc", "111122223333", "us-gov-west-1", "arn:aws-us-gov:ec2:us-gov-west-1:111122223333:instance/i-0abc"},
		{"AWS::EC2::Volume", "vol-0abc", "111122223333", "us-isob-east-1", "arn:aws-iso-b:ec2:us-isob-east-1:111122223333:volume/vol-0abc"},
		{"AWS::CloudTrail::Trail", "arn:aws:cloudtrail:us-east-1:444455556666:trail/audit", "111122223333", "us-east-1", "arn:aws:cloudtrail:us-east-1:444455556666:trail/audit"},
		{"AWS::Logs::LogGroup", "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/resize", "111122223333", "eu-west-1", "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/resize"},
		{"AWS::CloudTrail::Trail", "audit", "111122223333", "us-east-1", "arn:aws:cloudtrail:us-east-1:111122223333:trail/audit"},
		{"AWS::IAM::ManagedPolicy", "arn:aws:iam::111122223333:policy/team/deploy/Release", "111122223333", "us-east-1", "arn:aws:iam::111122223333:policy/team/deploy/Release"},
		{"AWS::IAM::ManagedPolicy", "Release", "111122223333", "us-east-1", "arn:aws:iam::111122223333:policy/Release"},
	} {
		got, err := remediations.Resource{Type: c.typ, ID: c.id, Account: c.account, Region: c.region}.ARN()
		if err != nil || got != c.want {
			t.Errorf("%s %s: %s, %v, want %s", c.typ, c.id, got, err, c.want)
		}
	}
	for want, r := range map[string]remediations.Resource{
		"the ARN of AWS::House::Door front is unknown":           {Type: "AWS::House::Door", ID: "front", Account: "111122223333", Region: "eu-west-1"},
		"its Region does not match":                              {Type: "AWS::EC2::Volume", ID: "vol-0abc", Account: "111122223333"},
		"its account does not match":                             {Type: "AWS::EC2::Volume", ID: "vol-0abc", Account: "1111", Region: "eu-west-1"},
		`"arn:aws:s3:::": its resource`:                          {Type: "AWS::S3::Bucket", Account: "111122223333", Region: "eu-west-1"},
		`"arn:aws:s3:::a/b": its resource`:                       {Type: "AWS::S3::Bucket", ID: "a/b", Account: "111122223333", Region: "eu-west-1"},
		`"arn:aws:s3:::a:b": its resource`:                       {Type: "AWS::S3::Bucket", ID: "a:b", Account: "111122223333", Region: "eu-west-1"},
		`"arn:aws:iam::111122223333:policy/": its resource`:      {Type: "AWS::IAM::ManagedPolicy", ID: "arn:aws:iam::111122223333:policy/", Account: "111122223333", Region: "us-east-1"},
		`"arn:aws:iam::111122223333:role/a/b": its resource`:     {Type: "AWS::IAM::Role", ID: "a/b", Account: "111122223333", Region: "us-east-1"},
		`"arn:aws:iam::111122223333:role/Release": its resource`: {Type: "AWS::IAM::ManagedPolicy", ID: "arn:aws:iam::111122223333:role/Release", Account: "111122223333", Region: "us-east-1"},
		"its service does not match":                             {Type: "AWS::CloudTrail::Trail", ID: "arn:aws:s3:::ledger", Account: "111122223333", Region: "eu-west-1"},
	} {
		if got, err := r.ARN(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %s, error %v, want %q", r, got, err, want)
		}
	}
}

// Patterns are tried on the ARNs of other resources.
func TestPatternsOfResources(t *testing.T) {
	bucket := remediations.Resource{Type: "AWS::S3::Bucket", ID: "public-assets-1", Account: "111122223333", Region: "eu-west-1"}
	instance := remediations.Resource{Type: "AWS::EC2::Instance", ID: "i-0abc", Account: "111122223333", Region: "eu-west-1"}
	for _, c := range []struct {
		pattern  string
		resource remediations.Resource
		want     bool
	}{
		{"public-assets-1", bucket, true},
		{"public-assets", bucket, false},
		{"Public-Assets-1", bucket, false},
		{"arn:aws:s3:::public-assets-1", bucket, true},
		{"arn:aws:s3:::public-assets-*", bucket, true},
		{"arn:aws:s3:::*-assets-*", bucket, true},
		{"arn:aws:s3:::*assets*", bucket, true},
		{"arn:aws:s3:::p*s*s*1", bucket, true},
		{"arn:aws:s3:::p*s*s*s*s", bucket, false},
		{"arn:aws:s3:::public-assets-1*", bucket, true}, // none is a run, too
		{"arn:aws:s3:::public-assets-1*1", bucket, false},
		{"arn:aws:s3:::*public-assets-11*", bucket, false},
		{"arn:aws:s3:::ublic-assets-*", bucket, false},
		{"arn:aws:s3:::*-assets", bucket, false},
		{"arn:aws:s3:::Public-assets-*", bucket, false},
		{"arn:*:s3:*:*:public-assets-*", bucket, true},
		{"arn:aws-cn:s3:::public-assets-*", bucket, false},
		{"arn:aws:*:::public-assets-*", bucket, true},
		{"arn:aws:s3:::.*", bucket, false}, // no regular expression
		{"arn:aws:ec2:eu-west-1:111122223333:instance/i-0*", instance, true},
		{"arn:aws:ec2:eu-west-*:111122223333:instance/i-0*", instance, true},
		{"arn:aws:ec2:eu-*:*:instance/i-0*", instance, true},
		{"arn:aws:ec2:*:444455556666:instance/i-0*", instance, false},
		{"arn:aws:ec2:us-*:*:instance/i-0*", instance, false},
		{"arn:aws:ec2:*:*:volume/i-0*", instance, false},
		{"arn:aws:ec2:*:*:*/i-0*", instance, true},
	} {
		x := remediations.Exemption{Module: "m", Resource: c.pattern, Expires: end}
		got, err := x.Covers("m", c.resource, nobody, before)
		if err != nil || got != c.want {
			t.Errorf("%s covers %s: %t, %v, want %t", c.pattern, c.resource, got, err, c.want)
		}
	}
}
