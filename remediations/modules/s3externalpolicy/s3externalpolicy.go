// Package s3externalpolicy takes those who are not trusted out of a bucket's policy.
package s3externalpolicy

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/countermand/countermand/events/pattern"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/knowledge/buckets"
	"github.com/countermand/countermand/remediations/knowledge/policy"
)

// Settings is whom bucket policies may let in.
type Settings struct {
	TrustedAccounts     []remediations.AccountID `json:"trustedAccounts" doc:"accounts that may be let in, besides the own"`
	TrustedOrganization string                   `json:"trustedOrganization" doc:"the organization (o-...) that a condition may let in as a whole"`
}

// Check refuses what is no organization's id.
func (s Settings) Check() error { return policy.CheckOrganization(s.TrustedOrganization) }

const allBuckets = "arn:${AWS::Partition}:s3:::*"

// Module is the remediation.
var Module = &remediations.Module{
	Name:  "s3-external-policy",
	Title: "remove untrusted accounts from a bucket policy",
	Why: `A bucket policy that lets in one more account copies nothing and opens nothing to the internet: it hands the data to
somebody, quietly, for as long as it stands, and no check for public buckets ever sees it.`,
	Text: `What counts is a statement that lets in another account, its users or roles, a canonical user, an AWS service that acts
for another account, CloudFront without a condition that says whose distributions, or anyone from another account or
organization by a condition; unless they are the bucket's own account, one of trustedAccounts, or held by a condition to
trustedOrganization (aws:PrincipalOrgID, aws:SourceOrgID). That an account is a member of the organization can't be seen
from the policy: without such a condition it has to be one of trustedAccounts. The accounts from which Elastic Load
Balancing writes its logs are trusted. A Deny statement counts that takes everything back from all others.

It removes those principals from their statement, or the statement if that names nobody else or lets them in by a
condition; the policy is deleted only if nothing else is in it. What is public is left to s3-public-policy, and
so is a policy that S3 itself calls public where Block Public Access (RestrictPublicBuckets) shuts all other accounts out.
Where it can't be told whose a network, a VPC endpoint, or a CloudFront origin access identity is, people are told and
nothing is written. Undo puts the policy back byte for byte, unless it has been changed since; but users and roles that
have been deleted (AIDA..., AROA...), who are nobody, are left out from the action on, as S3 takes no policy that names
them.

It does not see access points' own policies, those of directory buckets, ACLs, what other accounts do with a role of this
one, nor for whom AWS services other than CloudFront act where no condition says so.`,
	Severity: remediations.High,
	Risk:     "partners and other accounts of yours that are not in trustedAccounts lose their access to the bucket",
	Controls: []string{"FSBP/S3.6", "ATT&CK/T1537"},
	Default:  remediations.Alert,
	Pattern:  pattern.CloudTrail("s3", "PutBucketPolicy", "PutBucketPublicAccessBlock", "DeleteBucketPublicAccessBlock"),
	Settings: Settings{},
	Reads: []remediations.Permission{
		buckets.List,
		{Action: "s3:GetBucketPolicy", Resource: allBuckets},
		{Action: "s3:GetBucketPolicyStatus", Resource: allBuckets},
		{Action: "s3:GetBucketPublicAccessBlock", Resource: allBuckets},
		{Action: "s3:GetAccountPublicAccessBlock", Resource: "*", Why: "the account's Block Public Access is no resource that IAM could name"},
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

// trusted is whom the settings let into an account's buckets.
func trusted(account string, s Settings) policy.Trusted {
	t := policy.Trusted{Accounts: []string{account}, Organization: s.TrustedOrganization}
	for _, other := range s.TrustedAccounts {
		t.Accounts = append(t.Accounts, string(other))
	}
	return t
}

func guard(ctx context.Context, run *remediations.Run, bucket remediations.Resource) (*remediations.Finding, error) {
	client := s3.NewFromConfig(run.AWS)
	text, err := buckets.ReadPolicy(ctx, client, bucket)
	if err != nil || text == nil {
		return nil, err
	}
	const untold = "it can't be told whom the bucket policy lets in: "
	document, err := policy.Parse(policy.S3, text)
	if err != nil {
		return buckets.UntoldPolicy(bucket, untold+err.Error(), text)
	}
	external, unclear := document.External(trusted(bucket.Account, run.Settings.(Settings)))
	if len(external) == 0 && len(unclear) == 0 {
		return nil, nil
	}
	if shut, err := restricted(ctx, run, client, bucket, document); shut || err != nil {
		return nil, err
	}
	if len(external) == 0 {
		return buckets.UntoldPolicy(bucket, untold+policy.Join(unclear), text)
	}
	reason := "the bucket policy lets in those who are not trusted: " + policy.Join(external)
	if len(unclear) > 0 { // first, as nobody but people will look after it
		reason = "left alone is what can't be judged: " + policy.Join(unclear) + "; " + reason
	}
	gone := document.Gone()
	if len(gone) > 0 {
		reason += "; S3 takes no policy that names who was deleted, so that is left out, too: " + policy.Join(gone)
	}
	before, _ := document.Without(gone...)
	after, _ := document.Without(append(external, gone...)...)
	return buckets.FoundPolicy(bucket, reason, before, after)
}

// restricted reports whether Block Public Access keeps other accounts out, or the bucket is gone: with
// RestrictPublicBuckets, of the bucket or of the account, nobody but the own account and AWS services gets anything by a
// policy that is public, not even those whom another statement names. What is public there S3 says itself: whoever lets an
// outsider in must not be able to hide that behind a statement that only we call public.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-options
func restricted(ctx context.Context, run *remediations.Run, client *s3.Client, bucket remediations.Resource, document *policy.Document) (bool, error) {
	if public, _ := document.Judge(); len(public) == 0 {
		return false, nil
	}
	var (
		own     *buckets.Block
		account buckets.Block
	)
	err := remediations.InParallel(
		func() (err error) { own, _, err = buckets.ReadBlock(ctx, client, bucket); return err },
		func() (err error) { account, _, err = buckets.ReadAccountBlock(ctx, run, bucket.Account); return err },
	)
	switch {
	case err != nil:
		return false, err
	case own == nil:
		return true, nil
	case !own.RestrictPublicBuckets && !account.RestrictPublicBuckets:
		return false, nil
	}
	return isPublic(ctx, client, bucket)
}

// isPublic reports whether S3 calls the bucket's policy public, or the bucket or its policy is gone.
func isPublic(ctx context.Context, client *s3.Client, bucket remediations.Resource) (bool, error) {
	out, err := client.GetBucketPolicyStatus(ctx, &s3.GetBucketPolicyStatusInput{Bucket: &bucket.ID, ExpectedBucketOwner: &bucket.Account})
	switch code := remediations.ErrorCode(err); {
	case code == "NoSuchBucketPolicy", code == "NoSuchBucket":
		return true, nil
	case err != nil:
		return false, fmt.Errorf("get policy status of bucket %s: %w", bucket.ID, err)
	case out.PolicyStatus == nil || out.PolicyStatus.IsPublic == nil:
		return false, fmt.Errorf("get policy status of bucket %s: the answer does not hold it", bucket.ID)
	}
	return *out.PolicyStatus.IsPublic, nil
}
