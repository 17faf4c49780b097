package tagoncreate

import (
	"fmt"
	"strings"
	"testing"

	"github.com/countermand/countermand/events"
)

func session(role, name, path, more string) string {
	return fmt.Sprintf(`{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE003:%[2]s","arn":"arn:aws:sts::123456789012:assumed-role/%[1]s/%[2]s","accountId":"123456789012","sessionContext":{%[4]s"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLEEXAMPLE003","arn":"arn:aws:iam::123456789012:role/%[3]s%[1]s","accountId":"123456789012","userName":"%[1]s"},"attributes":{"mfaAuthenticated":"false"}}}`, role, name, path, more)
}

func invoked(identity, by string) string {
	return strings.TrimSuffix(identity, "}") + `,"invokedBy":"` + by + `"}`
}

func TestValues(t *testing.T) {
	const (
		sso       = "aws-reserved/sso.amazonaws.com/eu-west-1/"
		terraform = "APN/1.0 HashiCorp/1.0 Terraform/1.9.0 (+https://www.terraform.io) terraform-provider-aws/5.60.0 aws-sdk-go-v2/1.30.3"
		console   = `"sessionCredentialFromConsole":"true",`
	)
	for name, c := range map[string]struct{ identity, agent, more, by, via string }{
		"user, CLI":                {person, "aws-cli/2.15.0 md/awscrt#0.19.19", "", "alice", "cli"},
		"user, Terraform":          {person, terraform, "", "alice", "terraform"},
		"user, S3's brackets":      {person, "[Boto3/1.26.165 Python/3.10.6]", "", "alice", "sdk"},
		"user, Go":                 {person, "aws-sdk-go-v2/1.30.3 os/linux lang/go#1.22", "", "alice", "sdk"},
		"user, unknown agent":      {person, "curl/8.5.0", "", "alice", "api"},
		"user, browser":            {person, "Mozilla/5.0 (X11; Linux x86_64)", console, "alice", "console"},
		"user, old console":        {person, "console.ec2.amazonaws.com", "", "alice", "console"},
		"user, AWS Internal":       {person, "AWS Internal", "", "alice", "console"},
		"user, signin":             {invoked(person, "signin.amazonaws.com"), "signin.amazonaws.com", "", "alice", "console"},
		"user, console's SDK":      {person, "aws-internal/3 aws-sdk-java/1.12.488", console, "alice", "console"},
		"user, CloudShell":         {person, "aws-cli/2.15.0 exec-env/CloudShell", console, "alice", "cli"},
		"user, CloudFormation":     {invoked(person, "cloudformation.amazonaws.com"), "cloudformation.amazonaws.com", "", "alice", "cloudformation"},
		"agent lies":               {person, "cloudformation.amazonaws.com", "", "alice", "api"},
		"root":                     {`{"type":"Root","principalId":"123456789012","arn":"arn:aws:iam::123456789012:root","accountId":"123456789012"}`, "Mozilla/5.0", console, "root", "console"},
		"Identity Center":          {session("AWSReservedSSO_Admin_0123456789abcdef", "alice@example.com", sso, ""), "Mozilla/5.0", console, "alice@example.com", "console"},
		"Identity Center's name":   {session("AWSReservedSSO_Admin_0123456789abcdef", "alice@example.com", "", ""), "Boto3/1.34", "", "AWSReservedSSO_Admin_0123456789abcdef/alice@example.com", "sdk"},
		"source identity":          {session("Admin", "session-1", "", `"sourceIdentity":"alice@example.com",`), "aws-cli/2.15.0", "", "alice@example.com", "cli"},
		"role session":             {session("Admin", "alice@example.com", "teams/", ""), "aws-cli/2.15.0", "", "Admin/alice@example.com", "cli"},
		"instance":                 {session("web", "i-0a1b2c3d4e5f60001", "", ""), "aws-sdk-go-v2/1.30.3", "", "web/i-0a1b2c3d4e5f60001", "sdk"},
		"pipeline":                 {session("deploy", "GitHubActions", "", ""), terraform, "", "deploy/GitHubActions", "terraform"},
		"stack's role":             {invoked(session("cfn", "AWSCloudFormation", "", ""), "cloudformation.amazonaws.com"), "cloudformation.amazonaws.com", "", "cfn/AWSCloudFormation", "cloudformation"},
		"a comma":                  {session("Admin", "alice,bob", "", ""), "aws-cli/2.15.0", "", "Admin/alice_bob", "cli"},
		"AWS's own prefix":         {session("aws:ec2-infrastructure", "i-0a1b2c3d4e5f60001", "", ""), "AWS Internal", "", "aws_ec2-infrastructure/i-0a1b2c3d4e5f60001", "console"},
		"Auto Scaling":             {byGroup, "autoscaling.amazonaws.com", "", "autoscaling.amazonaws.com", "autoscaling"},
		"Auto Scaling as root":     {invoked(`{"type":"Root","principalId":"123456789012","arn":"arn:aws:iam::123456789012:root","accountId":"123456789012"}`, "autoscaling.amazonaws.com"), "autoscaling.amazonaws.com", "", "autoscaling.amazonaws.com", "autoscaling"},
		"Spot":                     {session("AWSServiceRoleForEC2Spot", "spot", "aws-service-role/spot.amazonaws.com/", ""), "spot.amazonaws.com", "", "spot.amazonaws.com", "spot"},
		"a node group":             {invoked(session("AWSServiceRoleForAmazonEKSNodegroup", "EKS", "aws-service-role/eks-nodegroup.amazonaws.com/", ""), "eks-nodegroup.amazonaws.com"), "eks-nodegroup.amazonaws.com", "", "eks-nodegroup.amazonaws.com", "eks-nodegroup"},
		"a fleet in a role's name": {invoked(session("karpenter", "1772442764", "", ""), "ec2fleet.amazonaws.com"), "ec2fleet.amazonaws.com", "", "ec2fleet.amazonaws.com", "ec2fleet"},
		"a service":                {`{"type":"AWSService","invokedBy":"batch.amazonaws.com"}`, "batch.amazonaws.com", "", "batch.amazonaws.com", "batch"},
		"a service without type":   {`{"accountId":"123456789012","invokedBy":"ec2.amazonaws.com"}`, "ec2.amazonaws.com", "", "ec2.amazonaws.com", "ec2"},
	} {
		t.Run(name, func(t *testing.T) {
			event, err := events.Parse(record("CreateVolume", c.identity, c.agent, askVolume, gotVolume, c.more))
			if err != nil {
				t.Fatal(err)
			}
			got, err := values(event.Record, defaults)
			if err != nil {
				t.Fatal(err)
			}
			if got["CreatedBy"] != c.by || got["CreatedVia"] != c.via || got["CreatedAt"] != "2026-03-02T09:12:44Z" {
				t.Errorf("%v, want by %q via %q", got, c.by, c.via)
			}
		})
	}
}

func TestValuesOfHalfARecord(t *testing.T) {
	for _, r := range []events.Record{
		{Identity: events.Identity{UserName: "alice"}},
		{EventTime: at},
	} {
		if got, err := values(r, defaults); err == nil {
			t.Errorf("%+v: %v, want an error", r, got)
		}
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"alice@example.com":             "alice@example.com",
		"a b+c-d=e.f_g:h/i@j":           "a b+c-d=e.f_g:h/i@j",
		"bob (role x)\n\"'\\$`;":        "bob _role x________",
		"Zoë 3":                         "Zoë 3",
		"AWS:x":                         "AWS_x",
		"aws":                           "aws",
		strings.Repeat("é", maxValue*2): strings.Repeat("é", maxValue),
	} {
		if got := clean(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
