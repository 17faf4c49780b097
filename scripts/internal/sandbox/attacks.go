package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	cttypes "github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/scripts/internal/trail"
)

// attack is something that somebody does, and what must come of it.
type attack struct {
	module string
	title  string
	story  string // who does what, from where
	key    string // whose access key
	call   string // CloudTrail's name of the call
	what   string // what state shows
	// prepare makes what is attacked.
	prepare func(ctx context.Context, own aws.Config) error
	// strike makes the call, and returns the ids of the resources it is about.
	strike func(ctx context.Context, attacker aws.Config) ([]string, error)
	// state is what was attacked, as the emulator has it: text for people.
	state func(ctx context.Context, own aws.Config, resources []string) (string, error)
	// check compares that with what it must be in the end. call is the event of the attack.
	check func(ctx context.Context, own aws.Config, resources []string, call trail.Event) error
	right string // what check has seen, in a sentence
}

func attacks() []attack { return []attack{publicBucket(), stoppedTrail(), untaggedInstances()} }

const (
	bucket = "acme-invoices"
	// legitimate is a statement that the bucket's owner wants, and that has to survive.
	legitimate = `{
      "Sid": "AuditorsRead",
      "Effect": "Allow",
      "Principal": {"AWS": "arn:aws:iam::444455556666:role/auditor"},
      "Action": ["s3:GetObject", "s3:ListBucket"],
      "Resource": ["arn:aws:s3:::acme-invoices", "arn:aws:s3:::acme-invoices/2026/*"],
      "Condition": {"Bool": {"aws:SecureTransport": "true"}}
    }`
	public = `{
      "Sid": "JustForAMoment",
      "Effect": "Allow",
      "Principal": "*",
      "Action": "s3:GetObject",
      "Resource": "arn:aws:s3:::acme-invoices/*"
    }`
)

// policyOf is a bucket policy of statements.
func policyOf(statements ...string) string {
	return `{
  "Version": "2012-10-17",
  "Statement": [
    ` + strings.Join(statements, ",\n    ") + `
  ]
}`
}

func publicBucket() attack {
	return attack{
		module: "s3-public-policy",
		title:  "A bucket becomes public",
		story:  "mallory, an IAM user, calls from 198.51.100.23 and lets the whole world read bucket " + bucket + ".",
		key:    malloryKey,
		call:   "PutBucketPolicy",
		what:   "the bucket's policy",
		prepare: func(ctx context.Context, own aws.Config) error {
			if err := createBucket(ctx, own, bucket); err != nil {
				return err
			}
			return putPolicy(ctx, own, bucket, policyOf(legitimate))
		},
		strike: func(ctx context.Context, mallory aws.Config) ([]string, error) {
			return []string{bucket}, putPolicy(ctx, mallory, bucket, policyOf(legitimate, public))
		},
		state: func(ctx context.Context, own aws.Config, _ []string) (string, error) {
			policy, err := readPolicy(ctx, own, bucket)
			return pretty(policy), err
		},
		check: func(ctx context.Context, own aws.Config, _ []string, _ trail.Event) error {
			policy, err := readPolicy(ctx, own, bucket)
			if err != nil {
				return err
			}
			want := policyOf(legitimate)
			if !sameJSON(policy, want) {
				return fmt.Errorf("bucket %s:\nexpected the policy\n%s\nfound\n%s", bucket, pretty(want), pretty(policy))
			}
			return nil
		},
		right: "the public statement is gone, and the legitimate one is as it was",
	}
}

func putPolicy(ctx context.Context, c aws.Config, bucket, policy string) error {
	_, err := s3.NewFromConfig(c).PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: aws.String(bucket), Policy: &policy})
	if err != nil {
		return fmt.Errorf("put the policy of bucket %s: %w", bucket, err)
	}
	return nil
}

func readPolicy(ctx context.Context, c aws.Config, bucket string) (string, error) {
	out, err := s3.NewFromConfig(c).GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: aws.String(bucket)})
	if err != nil {
		return "", fmt.Errorf("get the policy of bucket %s: %w", bucket, err)
	}
	return aws.ToString(out.Policy), nil
}

func createBucket(ctx context.Context, own aws.Config, name string) error {
	_, err := s3.NewFromConfig(own).CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name})
	if err != nil && remediations.ErrorCode(err) != "BucketAlreadyOwnedByYou" { // the SDK may have tried twice
		return fmt.Errorf("create bucket %s: %w", name, err)
	}
	return nil
}

func stoppedTrail() attack {
	const name = "acme-main"
	id := "arn:aws:cloudtrail:" + region + ":" + account + ":trail/" + name
	status := func(ctx context.Context, own aws.Config) (bool, error) {
		out, err := cloudtrail.NewFromConfig(own).GetTrailStatus(ctx, &cloudtrail.GetTrailStatusInput{Name: &id})
		if err != nil {
			return false, fmt.Errorf("get the status of trail %s: %w", name, err)
		}
		return aws.ToBool(out.IsLogging), nil
	}
	return attack{
		module: "cloudtrail-tamper",
		title:  "The trail is stopped",
		story:  "Somebody holds the role ci-deploy, in a session called build-4711, and calls from 203.0.113.77:\nthe multi-Region trail " + name + " logs no more.",
		key:    deployKey,
		call:   "StopLogging",
		what:   "the trail's status",
		prepare: func(ctx context.Context, own aws.Config) error {
			const logs = "acme-trail-logs"
			if err := createBucket(ctx, own, logs); err != nil {
				return err
			}
			client := cloudtrail.NewFromConfig(own)
			_, err := client.CreateTrail(ctx, &cloudtrail.CreateTrailInput{
				Name: aws.String(name), S3BucketName: aws.String(logs),
				IsMultiRegionTrail: aws.Bool(true), IncludeGlobalServiceEvents: aws.Bool(true), EnableLogFileValidation: aws.Bool(true),
			})
			if err != nil {
				return fmt.Errorf("create trail %s: %w", name, err)
			}
			_, err = client.PutEventSelectors(ctx, &cloudtrail.PutEventSelectorsInput{
				TrailName:      aws.String(name),
				EventSelectors: []cttypes.EventSelector{{ReadWriteType: cttypes.ReadWriteTypeAll, IncludeManagementEvents: aws.Bool(true)}},
			})
			if err != nil {
				return fmt.Errorf("put the event selectors of trail %s: %w", name, err)
			}
			if _, err := client.StartLogging(ctx, &cloudtrail.StartLoggingInput{Name: aws.String(name)}); err != nil {
				return fmt.Errorf("start trail %s: %w", name, err)
			}
			return nil
		},
		strike: func(ctx context.Context, deploy aws.Config) ([]string, error) {
			if _, err := cloudtrail.NewFromConfig(deploy).StopLogging(ctx, &cloudtrail.StopLoggingInput{Name: aws.String(name)}); err != nil {
				return nil, fmt.Errorf("stop trail %s: %w", name, err)
			}
			return []string{id}, nil
		},
		state: func(ctx context.Context, own aws.Config, _ []string) (string, error) {
			logging, err := status(ctx, own)
			return fmt.Sprintf("IsLogging: %t\n", logging), err
		},
		check: func(ctx context.Context, own aws.Config, _ []string, _ trail.Event) error {
			logging, err := status(ctx, own)
			if err == nil && !logging {
				err = fmt.Errorf("trail %s:\nexpected IsLogging: true\nfound IsLogging: false", name)
			}
			return err
		},
		right: "the trail is logging",
	}
}

func untaggedInstances() attack {
	tags := func(ctx context.Context, own aws.Config, ids []string) (map[string]map[string]string, error) {
		out, err := ec2.NewFromConfig(own).DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: ids})
		if err != nil {
			return nil, fmt.Errorf("describe instances %v: %w", ids, err)
		}
		found := map[string]map[string]string{}
		for _, r := range out.Reservations {
			for _, i := range r.Instances {
				of := map[string]string{}
				for _, tag := range i.Tags {
					of[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
				}
				found[aws.ToString(i.InstanceId)] = of
			}
		}
		return found, nil
	}
	return attack{
		module: "tag-on-create",
		title:  "Instances that nobody owns",
		story:  "alice@example.com, signed in through IAM Identity Center as Developer, calls from 198.51.100.41\nand launches two instances without a tag. No attack: but in a month nobody will know whose they are.",
		key:    aliceKey,
		call:   "RunInstances",
		what:   "the instances' tags",
		strike: func(ctx context.Context, alice aws.Config) ([]string, error) {
			out, err := ec2.NewFromConfig(alice).RunInstances(ctx, &ec2.RunInstancesInput{
				ImageId: aws.String("ami-0123456789abcdef0"), InstanceType: ec2types.InstanceTypeT3Micro,
				MinCount: aws.Int32(2), MaxCount: aws.Int32(2),
			})
			if err != nil {
				return nil, fmt.Errorf("run instances: %w", err)
			}
			var ids []string
			for _, i := range out.Instances {
				ids = append(ids, aws.ToString(i.InstanceId))
			}
			slices.Sort(ids)
			return ids, nil
		},
		state: func(ctx context.Context, own aws.Config, ids []string) (string, error) {
			found, err := tags(ctx, own, ids)
			if err != nil {
				return "", err
			}
			text, err := json.Marshal(found)
			return pretty(string(text)), err
		},
		check: func(ctx context.Context, own aws.Config, ids []string, call trail.Event) error {
			found, err := tags(ctx, own, ids)
			if err != nil {
				return err
			}
			want := map[string]string{
				"Owner": "alice@example.com", "CreatedBy": "alice@example.com", "CreatedAt": call.Time.Format(time.RFC3339), "CreatedVia": "sdk",
			}
			if len(ids) != 2 {
				return fmt.Errorf("expected 2 instances, found %v", ids)
			}
			for _, id := range ids {
				if !reflect.DeepEqual(found[id], want) {
					return fmt.Errorf("instance %s:\nexpected the tags %v\nfound %v", id, want, found[id])
				}
			}
			return nil
		},
		right: "both instances say who launched them, when and how",
	}
}

// pretty is JSON for people, or the text itself where it is none.
func pretty(text string) string {
	var b bytes.Buffer
	if json.Indent(&b, []byte(text), "", "  ") != nil {
		return text + "\n"
	}
	return b.String() + "\n"
}

// sameJSON reports whether two texts are the same JSON value.
func sameJSON(a, b string) bool {
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}
