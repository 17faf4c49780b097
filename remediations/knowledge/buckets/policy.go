package buckets

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/knowledge/policy"
)

// PutPolicy is the policy that the record of a PutBucketPolicy says was put: an object, a text, or nothing.
func PutPolicy(record events.Record) []byte {
	parameter := record.Request.Get("bucketPolicy")
	if text := parameter.Text(); text != "" {
		return []byte(text)
	}
	return parameter.JSON()
}

// Restricts reports whether the record of a PutBucketPublicAccessBlock says that public policies take no effect from
// then on.
func Restricts(record events.Record) bool {
	return strings.EqualFold(record.Request.Get("PublicAccessBlockConfiguration", "RestrictPublicBuckets").Text(), "true")
}

// ReadPolicy is the bucket's policy, and nil if it has none or is gone.
func ReadPolicy(ctx context.Context, client *s3.Client, bucket remediations.Resource) ([]byte, error) {
	out, err := client.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &bucket.ID, ExpectedBucketOwner: &bucket.Account})
	switch code := remediations.ErrorCode(err); {
	case code == "NoSuchBucketPolicy", code == "NoSuchBucket":
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("get policy of bucket %s: %w", bucket.ID, err)
	case aws.ToString(out.Policy) == "":
		return nil, fmt.Errorf("get policy of bucket %s: the answer holds no policy", bucket.ID)
	}
	return []byte(*out.Policy), nil
}

// FoundPolicy is the finding that a bucket's policy must be another one; nil after means none. ReplacePolicy is the
// action for it, and RestorePolicy the undo.
func FoundPolicy(bucket remediations.Resource, reason string, before, after []byte) (*remediations.Finding, error) {
	found, err := remediations.Found(bucket, reason, string(before), state(after))
	if err != nil {
		return nil, err
	}
	found.Fix, found.Revert = command(bucket, after), command(bucket, before)
	return found, nil
}

// UntoldPolicy is the finding that people have to look at a bucket's policy.
func UntoldPolicy(bucket remediations.Resource, reason string, text []byte) (*remediations.Finding, error) {
	found, err := remediations.Found(bucket, reason, string(text), string(text))
	if err != nil {
		return nil, err
	}
	found.AlertOnly = true
	return found, nil
}

// ReplacePolicy replaces the policy that was judged. S3 has no conditional write: what somebody puts in the moment
// between comes with an event of its own.
func ReplacePolicy(ctx context.Context, run *remediations.Run, finding *remediations.Finding) error {
	_, after, err := states(finding)
	if err != nil {
		return err
	}
	client := s3.NewFromConfig(run.AWS)
	if after == nil {
		return remove(ctx, client, finding.Resource)
	}
	return put(ctx, client, finding.Resource, after)
}

// RestorePolicy puts the policy from before back, byte for byte.
func RestorePolicy(ctx context.Context, run *remediations.Run, finding *remediations.Finding) error {
	before, after, err := states(finding)
	if err != nil {
		return err
	}
	client := s3.NewFromConfig(run.AWS)
	present, err := ReadPolicy(ctx, client, finding.Resource)
	switch {
	case err != nil:
		return err
	case !same(present, after):
		return fmt.Errorf("put back policy of bucket %s: %w", finding.Resource.ID, remediations.Changed(state(present)))
	}
	return put(ctx, client, finding.Resource, before)
}

// states is the policy before and after the action; nil after one that leaves none.
func states(finding *remediations.Finding) (before, after []byte, err error) {
	var b, a *string
	if err := errors.Join(json.Unmarshal(finding.Before, &b), json.Unmarshal(finding.After, &a)); err != nil {
		return nil, nil, fmt.Errorf("decode the states of bucket %s: %w", finding.Resource.ID, err)
	}
	if b == nil {
		return nil, nil, fmt.Errorf("decode the states of bucket %s: there is none before the action", finding.Resource.ID)
	}
	if a != nil {
		after = []byte(*a)
	}
	return []byte(*b), after, nil
}

// state is a policy as a finding holds it; nil if there is none.
func state(text []byte) *string {
	if text == nil {
		return nil
	}
	return aws.String(string(text))
}

// same compares policies, of which nil is none. S3 may write white space, and lists of principals, its own way.
func same(a, b []byte) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return bytes.Equal(a, b) || policy.Equal(a, b)
}

func put(ctx context.Context, client *s3.Client, bucket remediations.Resource, text []byte) error {
	_, err := client.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{
		Bucket: &bucket.ID, ExpectedBucketOwner: &bucket.Account, Policy: aws.String(string(text)),
	})
	if err != nil {
		return fmt.Errorf("put policy of bucket %s: %w", bucket.ID, err)
	}
	return nil
}

func remove(ctx context.Context, client *s3.Client, bucket remediations.Resource) error {
	_, err := client.DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: &bucket.ID, ExpectedBucketOwner: &bucket.Account})
	if err != nil {
		return fmt.Errorf("delete policy of bucket %s: %w", bucket.ID, err)
	}
	return nil
}

// command is the AWS CLI command that gives the bucket a policy, or takes it away if there is none.
func command(bucket remediations.Resource, text []byte) string {
	where := fmt.Sprintf("--bucket %s --expected-bucket-owner %s --region %s", remediations.Quote(bucket.ID), remediations.Quote(bucket.Account), remediations.Quote(bucket.Region))
	if text == nil {
		return "aws s3api delete-bucket-policy " + where
	}
	return "aws s3api put-bucket-policy " + where + " --policy " + remediations.Quote(policy.OneLine(string(text)))
}
