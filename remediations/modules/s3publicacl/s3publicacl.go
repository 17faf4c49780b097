// Package s3publicacl takes the grants to everyone out of a bucket's ACL.
package s3publicacl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/countermand/countermand/events/pattern"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/knowledge/buckets"
)

const allBuckets = "arn:${AWS::Partition}:s3:::*"

// Module is the remediation.
var Module = &remediations.Module{
	Name:  "s3-public-acl",
	Title: "remove public grants from a bucket ACL",
	Why: `A grant of a bucket's ACL to AllUsers lets anyone on the internet list the bucket, write into it, or change the ACL
itself; one to AuthenticatedUsers lets anyone who has an AWS account, which is anyone.`,
	Text: `Grants to these two groups are removed, and all others stay as they are: other accounts' and that of S3's log delivery.
A public ACL that takes no effect is left alone: where Block Public Access ignores it (IgnorePublicAcls, of the bucket or
of the account), or where the bucket has ACLs disabled (BucketOwnerEnforced). Undo puts the grants back, unless the ACL
has been changed since. If Block Public Access refuses public ACLs by then (BlockPublicAcls), S3 refuses that as well.

It watches ACLs being put, buckets being created with one, and Block Public Access being changed or removed on a bucket,
which brings a public ACL that was ignored back to life. It does not watch the account's own Block Public Access: without
it every bucket is suspect, and the event names none; a sweep looks at the ACLs of all buckets in the Region. ACLs of
objects are not watched: calls on objects are no management events.`,
	Severity: remediations.Critical,
	Risk:     "what is public on purpose, such as a website's bucket that anyone may list, is no longer",
	Controls: []string{"FSBP/S3.2", "FSBP/S3.3", "CIS-3.0/4.8", "ATT&CK/T1530"},
	Default:  remediations.Alert,
	Pattern: pattern.CloudTrail("s3", "CreateBucket", "DeleteBucketPublicAccessBlock", "PutBucketAcl",
		"PutBucketPublicAccessBlock"),
	Reads: []remediations.Permission{
		{Action: "s3:GetBucketAcl", Resource: allBuckets},
		{Action: "s3:GetBucketOwnershipControls", Resource: allBuckets},
		{Action: "s3:GetBucketPublicAccessBlock", Resource: allBuckets},
		{Action: "s3:GetAccountPublicAccessBlock", Resource: "*", Why: "the account's Block Public Access is no resource that IAM could name"},
		buckets.List,
	},
	Writes: []remediations.Permission{
		{Action: "s3:PutBucketAcl", Resource: allBuckets},
	},
	Suspects: suspects,
	Sweep:    buckets.All,
	Schedule: "rate(1 day)",
	Guard:    guard,
	Action:   action,
	Undo:     undo,
}

// guard asks whether the ACL takes effect, too, although S3 shows one that doesn't as if the public grants were not
// there: right after a change one answer may be older than the other.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
func guard(ctx context.Context, run *remediations.Run, bucket remediations.Resource) (*remediations.Finding, error) {
	client := s3.NewFromConfig(run.AWS)
	var (
		now     *acl
		off     bool
		own     *buckets.Block
		account buckets.Block
	)
	err := remediations.InParallel(
		func() (err error) { now, err = read(ctx, client, bucket); return err },
		func() (err error) { off, err = disabled(ctx, client, bucket); return err },
		func() (err error) { own, _, err = buckets.ReadBlock(ctx, client, bucket); return err },
		func() (err error) { account, _, err = buckets.ReadAccountBlock(ctx, run, bucket.Account); return err },
	)
	// BlockPublicAcls does not matter, as it only keeps new public ACLs out.
	if err != nil || now == nil || off || own == nil || own.IgnorePublicAcls || account.IgnorePublicAcls {
		return nil, err
	}
	public, rest := now.split()
	if len(public) == 0 {
		return nil, nil
	}
	found, err := remediations.Found(bucket, "the bucket ACL is public: "+words(public), now, rest)
	if err != nil {
		return nil, err
	}
	found.Fix, found.Revert = command(bucket, found.After), command(bucket, found.Before)
	return found, nil
}

// action replaces the ACL that was judged. S3 has no conditional write: what somebody puts in the moment between comes
// with an event of its own.
func action(ctx context.Context, run *remediations.Run, finding *remediations.Finding) error {
	_, after, err := states(finding)
	if err != nil {
		return err
	}
	return put(ctx, s3.NewFromConfig(run.AWS), finding.Resource, after)
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
	case present == nil || !present.equal(after):
		return fmt.Errorf("put back ACL of bucket %s: %w", finding.Resource.ID, remediations.Changed(present))
	}
	return put(ctx, client, finding.Resource, before)
}

// states is the ACL before and after the action.
func states(finding *remediations.Finding) (before, after *acl, err error) {
	if err := errors.Join(json.Unmarshal(finding.Before, &before), json.Unmarshal(finding.After, &after)); err != nil {
		return nil, nil, fmt.Errorf("decode the states of bucket %s: %w", finding.Resource.ID, err)
	}
	for _, a := range []*acl{before, after} {
		if a == nil || a.Owner.ID == "" {
			return nil, nil, fmt.Errorf("decode the states of bucket %s: one of them has no owner", finding.Resource.ID)
		}
	}
	return before, after, nil
}
