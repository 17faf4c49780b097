// Package s3bparemoved switches S3's Block Public Access back on, of a bucket and of the account.
package s3bparemoved

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/countermand/countermand/events/pattern"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/knowledge/buckets"
)

const (
	allBuckets = "arn:${AWS::Partition}:s3:::*"
	whyAccount = "the account's Block Public Access is no resource that IAM could name"
)

// anAccount is the type of an account's setting, beside buckets.Type. It has the account's number as its id.
const anAccount = "AWS::S3::AccountPublicAccessBlock"

// Module is the remediation.
var Module = &remediations.Module{
	Name:  "s3-bpa-removed",
	Title: "switch S3 Block Public Access back on",
	Why: `Block Public Access is what keeps a bucket from becoming public by one wrong policy or ACL. It is switched off right
before that: by an intruder, or by somebody in a hurry.`,
	Text: `If a call leaves one of its four settings off (BlockPublicAcls, IgnorePublicAcls, BlockPublicPolicy,
RestrictPublicBuckets), on a bucket or in the account, all four are switched on. S3 takes the stricter of the bucket's
setting and the account's: a bucket is left alone if each of the four is on for one of them. Countermand keeps no copy of
the settings: a call that switches on some of the four where none was is taken for one that left out the others. Undo puts
the settings back, or removes them again if there were none, unless they have been changed since.

A sweep looks at the buckets in the Region that S3's list dates May 2023 or later: S3 gives new buckets all four since then,
so that somebody has switched off what is off. Of older buckets, and of the account, it can't be told whether they ever had
them. The date may be that of a later change, as of a policy: an old bucket that was changed since is looked at, too.

Buckets that are to be public, such as a website's, can't be listed yet: exempt them. The account itself is exempted by
its number or its ARN, arn:aws:iam::111122223333:root. If a policy of the organization governs the setting, S3 refuses to
change the account's, and people are told. Access points have settings of their own, which are not looked at.`,
	Severity: remediations.High,
	Risk: "what is public on purpose, such as a website served straight from a bucket, stops being reachable, and so does " +
		"what other accounts reach by a policy or an ACL that is public",
	Controls: []string{"FSBP/S3.1", "FSBP/S3.8", "CIS-3.0/2.1.4"},
	Default:  remediations.Alert,
	Pattern: pattern.CloudTrail("s3", deleteAccount, "DeleteBucketPublicAccessBlock", putAccount,
		"PutBucketPublicAccessBlock"),
	Reads: []remediations.Permission{
		{Action: "s3:GetBucketPublicAccessBlock", Resource: allBuckets},
		{Action: "s3:GetAccountPublicAccessBlock", Resource: "*", Why: whyAccount},
		buckets.List,
	},
	Writes: []remediations.Permission{
		{Action: "s3:PutBucketPublicAccessBlock", Resource: allBuckets},
		{Action: "s3:PutAccountPublicAccessBlock", Resource: "*", Why: whyAccount},
	},
	Suspects: suspects,
	Sweep:    sweep,
	Schedule: "rate(1 day)",
	Guard:    guard,
	Action:   action,
	Undo:     undo,
}

// byDefault is since when S3 has given all four settings to all new buckets, in all Regions.
// https://aws.amazon.com/blogs/aws/heads-up-amazon-s3-security-changes-are-coming-in-april-of-2023/
var byDefault = time.Date(2023, time.May, 1, 0, 0, 0, 0, time.UTC)

func sweep(ctx context.Context, run *remediations.Run) iter.Seq2[remediations.Resource, error] {
	return buckets.Since(ctx, run, byDefault)
}

func guard(ctx context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
	if r.Type == anAccount {
		now, err := readAccount(ctx, run, r.Account)
		if err != nil {
			return nil, err
		}
		return judge(r, now, now.or(nil), "the account")
	}
	var (
		now, accounts *settings
		there         bool
	)
	err := remediations.InParallel(
		func() (err error) { now, there, err = readBucket(ctx, run, r); return err },
		func() (err error) { accounts, err = readAccount(ctx, run, r.Account); return err },
	)
	if err != nil || !there {
		return nil, err
	}
	return judge(r, now, now.or(accounts), "the bucket and for its account")
}

// judge is what is wrong with settings, of which nil is none, and with what is in effect.
func judge(r remediations.Resource, now *settings, effective settings, whose string) (*remediations.Finding, error) {
	if effective == allOn {
		return nil, nil
	}
	found, err := remediations.Found(r, fmt.Sprintf("Block Public Access is not all on: %s for %s", effective.off(), whose), now, allOn)
	if err != nil {
		return nil, err
	}
	found.Fix, found.Revert = command(r, &allOn), command(r, now)
	return found, nil
}

func action(ctx context.Context, run *remediations.Run, finding *remediations.Finding) error {
	_, after, err := states(finding)
	if err != nil {
		return err
	}
	return put(ctx, run, finding.Resource, after)
}

func undo(ctx context.Context, run *remediations.Run, finding *remediations.Finding) error {
	before, after, err := states(finding)
	if err != nil {
		return err
	}
	r := finding.Resource
	var present *settings
	if r.Type == anAccount {
		present, err = readAccount(ctx, run, r.Account)
	} else {
		present, _, err = readBucket(ctx, run, r)
	}
	switch {
	case err != nil:
		return err
	case present == nil || *present != *after:
		return fmt.Errorf("put back public access block of %s: %w", r, remediations.Changed(present))
	}
	return put(ctx, run, r, before)
}

// states is the settings before the action, nil for none, and after it.
func states(finding *remediations.Finding) (before, after *settings, err error) {
	if err := errors.Join(json.Unmarshal(finding.Before, &before), json.Unmarshal(finding.After, &after)); err != nil {
		return nil, nil, fmt.Errorf("decode the states of %s: %w", finding.Resource, err)
	}
	if after == nil || *after != allOn {
		return nil, nil, fmt.Errorf("decode the states of %s: not all is on after the action", finding.Resource)
	}
	return before, after, nil
}
