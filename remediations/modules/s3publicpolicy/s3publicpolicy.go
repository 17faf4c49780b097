// Package s3publicpolicy takes public statements out of a bucket's policy.
package s3publicpolicy

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/countermand/countermand/events/pattern"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/knowledge/buckets"
	"github.com/countermand/countermand/remediations/knowledge/policy"
)

const allBuckets = "arn:${AWS::Partition}:s3:::*"

// Module is the remediation.
var Module = &remediations.Module{
	Name:  "s3-public-policy",
	Title: "remove public statements from a bucket policy",
	Why: `A bucket policy with one public statement lets anyone on the internet do what that statement allows: read, list,
overwrite or delete what is in the bucket.`,
	Text: `Public is what S3 calls public; a policy that Block Public Access (RestrictPublicBuckets, of the bucket or of the
account) keeps from taking effect is left alone. The public statements are removed, or only the principals that let
anyone in where others are named beside them, and everything else stays as it is; the policy is deleted only if nothing
else is in it. A statement of which it can't be told whether it is public is not touched: people are told. Undo puts the
policy back byte for byte, unless it has been changed since; but users and roles that have been deleted (AIDA..., AROA...),
who are nobody, are left out from the action on, as S3 takes no policy that names them. If Block Public Access refuses
public policies by then (BlockPublicPolicy), S3 refuses undo as well.

It watches policies being put, and Block Public Access being changed or removed on a bucket. It does not watch the
account's own Block Public Access: without it every bucket is suspect, and the event names none. A sweep looks at the
policies of all buckets in the Region.`,
	Severity: remediations.Critical,
	Risk:     "what is public on purpose, such as a website served straight from the bucket, stops being reachable",
	Controls: []string{"FSBP/S3.2", "FSBP/S3.3", "CIS-3.0/4.8", "ATT&CK/T1530"},
	Default:  remediations.Alert,
	Pattern:  pattern.CloudTrail("s3", "PutBucketPolicy", "PutBucketPublicAccessBlock", "DeleteBucketPublicAccessBlock"),
	Reads: []remediations.Permission{
		{Action: "s3:GetBucketPolicy", Resource: allBuckets},
		{Action: "s3:GetBucketPublicAccessBlock", Resource: allBuckets},
		{Action: "s3:GetAccountPublicAccessBlock", Resource: "*", Why: "the account's Block Public Access is no resource that IAM could name"},
		buckets.List,
	},
	Writes: []remediations.Permission{
		{Action: "s3:PutBucketPolicy", Resource: allBuckets},
		{Action: "s3:DeleteBucketPolicy", Resource: allBuckets},
	},
	Suspects: suspects,
	Sweep:    buckets.All,
	Schedule: "rate(1 day)",
	Guard:    guard,
	Action:   buckets.ReplacePolicy,
	Undo:     buckets.RestorePolicy,
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
	err := remediations.InParallel(
		func() (err error) { text, err = buckets.ReadPolicy(ctx, client, bucket); return err },
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
	const untold = "it can't be told whether the bucket policy is public: "
	document, err := policy.Parse(policy.S3, text)
	if err != nil {
		return buckets.UntoldPolicy(bucket, untold+err.Error(), text)
	}
	public, unclear := document.Judge()
	switch {
	case len(public) == 0 && len(unclear) == 0:
		return nil, nil
	case len(public) == 0:
		return buckets.UntoldPolicy(bucket, untold+policy.Join(unclear), text)
	}
	reason := "the bucket policy is public: " + policy.Join(public)
	if len(unclear) > 0 { // first, as nobody but people will look after it
		reason = "left alone is what may be public too: " + policy.Join(unclear) + "; " + reason
	}
	gone := document.Gone()
	if len(gone) > 0 {
		reason += "; S3 takes no policy that names who was deleted, so that is left out, too: " + policy.Join(gone)
	}
	before, _ := document.Without(gone...)
	after, _ := document.Without(append(public, gone...)...)
	return buckets.FoundPolicy(bucket, reason, before, after)
}
