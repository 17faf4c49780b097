// Package s3publicpolicy takes public statements out of a bucket's policy.
package s3publicpolicy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/buckets"
	"github.com/countermand/countermand/remediations/policy"
)

const allBuckets = "arn:${AWS::Partition}:s3:::*"

// Module is the remediation.
var Module = &remediations.Module{
	Name: "s3-public-policy",
	Doc: `take public statements out of a bucket policy

A bucket policy with one public statement lets anyone on the internet do what that statement allows: read, list,
overwrite or delete what is in the bucket.

Public is what S3 calls public; a policy that Block Public Access (RestrictPublicBuckets, of the bucket or of the
account) keeps from taking effect is left alone. The public statements are removed and everything else stays as it
is; the policy is deleted only if nothing else is in it. A statement of which it can't be told whether it is public
is not touched: people are told. Undo puts the policy back byte for byte, unless it has been changed since. If Block
Public Access refuses public policies by then (BlockPublicPolicy), S3 refuses that as well.

It watches policies being put, and Block Public Access being changed or removed on a bucket. It does not watch the
account's own Block Public Access: without it every bucket is suspect, and the event names none.`,
	Severity: remediations.Critical,
	Risk:     "what is public on purpose, such as a website served straight from the bucket, stops being reachable",
	Controls: []string{"FSBP/S3.2", "FSBP/S3.3", "CIS-3.0/4.8", "ATT&CK/T1530"},
	Default:  remediations.Alert,
	Pattern:  events.CloudTrail("s3", "PutBucketPolicy", "PutBucketPublicAccessBlock", "DeleteBucketPublicAccessBlock"),
	Reads: []remediations.Permission{
		{Action: "s3:GetBucketPolicy", Resource: allBuckets},
		{Action: "s3:GetBucketPublicAccessBlock", Resource: allBuckets},
		{Action: "s3:GetAccountPublicAccessBlock", Resource: "*", Why: "the account's Block Public Access is no resource that IAM could name"},
	},
	Writes: []remediations.Permission{
		{Action: "s3:PutBucketPolicy", Resource: allBuckets},
		{Action: "s3:DeleteBucketPolicy", Resource: allBuckets},
	},
	Suspects: suspects,
	Guard:    guard,
	Action:   action,
	Undo:     undo,
}

// guard does not ask GetBucketPolicyStatus: its answer does not say which statement is public, and right after
// a change it may be the answer to the policy before.
func guard(ctx context.Context, run *remediations.Run, bucket remediations.Resource) (*remediations.Finding, error) {
	client := s3.NewFromConfig(run.AWS)
	var (
		text    []byte
		own     *buckets.Block
		account buckets.Block
	)
	err := remediations.AtOnce(
		func() (err error) { text, err = read(ctx, client, bucket); return err },
		func() (err error) { own, _, err = buckets.ReadBlock(ctx, client, bucket); return err },
		func() (err error) { account, _, err = buckets.ReadAccountBlock(ctx, run, bucket.Account); return err },
	)
	// Where public policies take no effect it does not matter what this one is. BlockPublicPolicy does not matter
	// either, as it only keeps new public policies out.
	if err != nil || text == nil || own == nil || own.RestrictPublicBuckets || account.RestrictPublicBuckets {
		return nil, err
	}
	return judge(bucket, text)
}

// judge is what is wrong with a policy. Of what can't be judged people are told, and it is not touched.
func judge(bucket remediations.Resource, text []byte) (*remediations.Finding, error) {
	document, err := policy.Parse(policy.S3, text)
	if err != nil {
		return untold(bucket, text, err.Error())
	}
	public, unclear := document.Judge()
	switch {
	case len(public) == 0 && len(unclear) == 0:
		return nil, nil
	case len(public) == 0:
		return untold(bucket, text, join(unclear))
	}
	reason := "the bucket policy is public: " + join(public)
	if len(unclear) > 0 { // first, as nobody but people will look after it
		reason = "left alone is what may be public too: " + join(unclear) + "; " + reason
	}
	before, after := string(text), (*string)(nil)
	if rest, some := document.Without(public...); some {
		after = aws.String(string(rest))
	}
	found, err := remediations.Found(bucket, reason, before, after)
	if err != nil {
		return nil, err
	}
	found.Fix, found.Revert = command(bucket, after), command(bucket, &before)
	return found, nil
}

// untold is the finding that it can't be told whether a policy is public.
func untold(bucket remediations.Resource, text []byte, why string) (*remediations.Finding, error) {
	found, err := remediations.Found(bucket, "it can't be told whether the bucket policy is public: "+why, string(text), string(text))
	if err != nil {
		return nil, err
	}
	found.AlertOnly = true
	return found, nil
}

// action replaces the policy that was judged. S3 has no conditional write: what somebody puts in the moment between
// comes with an event of its own.
func action(ctx context.Context, run *remediations.Run, finding *remediations.Finding) error {
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

func undo(ctx context.Context, run *remediations.Run, finding *remediations.Finding) error {
	before, after, err := states(finding)
	if err != nil {
		return err
	}
	client := s3.NewFromConfig(run.AWS)
	present, err := read(ctx, client, finding.Resource)
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

// same compares policies, of which nil is none. S3 may write white space its own way.
func same(a, b []byte) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return bytes.Equal(a, b) || policy.Equal(a, b)
}

// read is the bucket's policy, and nil if it has none or is gone.
func read(ctx context.Context, client *s3.Client, bucket remediations.Resource) ([]byte, error) {
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
