package iamadmingrant

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/countermand/countermand/remediations"
)

const noSuchEntity = "NoSuchEntity"

// read is what there is now of what was given: the empty state if nothing is left of it, nil if who had it is gone, too.
func read(ctx context.Context, client *iam.Client, r remediations.Resource, asked state) (*state, error) {
	switch {
	case r.Type == policyType:
		versions, err := versionsOf(ctx, client, r.ID)
		if err != nil || versions == nil {
			return nil, err
		}
		return &state{Version: aws.ToString(versions[0].VersionId)}, nil
	case asked.Group != "":
		return readGroup(ctx, client, r.ID, asked.Group)
	case asked.Inline != "":
		return readInline(ctx, client, r, asked.Inline)
	}
	policies, err := kinds[r.Type].attached(ctx, client, r.ID)
	switch {
	case remediations.ErrorCode(err) == noSuchEntity:
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("list policies attached to %s: %w", r, err)
	case slices.ContainsFunc(policies, func(p types.AttachedPolicy) bool { return strings.EqualFold(aws.ToString(p.PolicyArn), asked.Attached) }):
		return &state{Attached: asked.Attached}, nil
	}
	return &state{}, nil
}

// readInline does not tell a policy that is gone from somebody who is.
func readInline(ctx context.Context, client *iam.Client, r remediations.Resource, policy string) (*state, error) {
	escaped, err := kinds[r.Type].inline(ctx, client, r.ID, policy)
	if remediations.ErrorCode(err) == noSuchEntity {
		return &state{}, nil
	}
	text := ""
	if err == nil {
		text, err = unescaped(escaped)
	}
	if err != nil {
		return nil, fmt.Errorf("get inline policy %s of %s: %w", policy, r, err)
	}
	return &state{Inline: policy, Document: text}, nil
}

func readGroup(ctx context.Context, client *iam.Client, user, group string) (*state, error) {
	pages := iam.NewListGroupsForUserPaginator(client, &iam.ListGroupsForUserInput{UserName: &user})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		switch {
		case remediations.ErrorCode(err) == noSuchEntity:
			return nil, nil
		case err != nil:
			return nil, fmt.Errorf("list groups of user %s: %w", user, err)
		case slices.ContainsFunc(page.Groups, func(g types.Group) bool { return strings.EqualFold(aws.ToString(g.GroupName), group) }):
			return &state{Group: group}, nil
		}
	}
	return &state{}, nil
}

// powers is what a policy gives.
type powers struct {
	rights rights
	by     string // the policy, in words
}

func (p powers) String() string { return p.by + " " + p.rights.String() }

// judge is what was given gives, but for an inline policy, which is read where it is looked for.
func judge(ctx context.Context, client *iam.Client, r remediations.Resource, asked state) (powers, error) {
	switch {
	case asked.Attached != "":
		return judgeManaged(ctx, client, r, asked.Attached, "policy "+asked.Attached+", which is attached,")
	case asked.Group != "":
		return judgeGroup(ctx, client, r, asked.Group)
	}
	return powers{}, nil
}

// judgeManaged is what a managed policy gives; nothing if there is none.
func judgeManaged(ctx context.Context, client *iam.Client, r remediations.Resource, arn, by string) (powers, error) {
	out, err := client.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: &arn})
	switch {
	case remediations.ErrorCode(err) == noSuchEntity:
		return powers{}, nil
	case err != nil:
		return powers{}, fmt.Errorf("get policy %s: %w", arn, err)
	case out.Policy == nil || !strings.EqualFold(aws.ToString(out.Policy.Arn), arn) || aws.ToString(out.Policy.DefaultVersionId) == "":
		return powers{}, fmt.Errorf("get policy %s: the answer names no version of it", arn)
	}
	text, err := readVersion(ctx, client, arn, *out.Policy.DefaultVersionId)
	if err != nil {
		return powers{}, err
	}
	return judgeDocument(r, text, by)
}

// judgeGroup is what a group's policies give, the first that makes an administrator.
func judgeGroup(ctx context.Context, client *iam.Client, r remediations.Resource, group string) (powers, error) {
	var (
		attached []types.AttachedPolicy
		inline   []string
	)
	err := remediations.InParallel(
		func() (err error) { attached, err = aGroup.attached(ctx, client, group); return unlessGone(err) },
		func() (err error) { inline, err = inlineOf(ctx, client, group); return unlessGone(err) },
	)
	if err != nil {
		return powers{}, fmt.Errorf("list policies of group %s: %w", group, err)
	}
	gives := make([]powers, len(attached)+len(inline))
	var calls []func() error
	for i, p := range attached {
		arn := aws.ToString(p.PolicyArn)
		calls = append(calls, func() (err error) {
			gives[i], err = judgeManaged(ctx, client, r, arn, "it is in group "+group+", whose policy "+arn)
			return err
		})
	}
	for i, name := range inline {
		calls = append(calls, func() error {
			own, err := readInline(ctx, client, remediations.Resource{ID: group, Type: groupType}, name)
			if err != nil || own.Inline == "" {
				return err
			}
			gives[len(attached)+i], err = judgeDocument(r, own.Document, "it is in group "+group+", whose inline policy "+name)
			return err
		})
	}
	if err := remediations.InParallel(calls...); err != nil {
		return powers{}, err
	}
	for _, p := range gives {
		if p.rights != none {
			return p, nil
		}
	}
	return powers{}, nil
}

// unlessGone takes the answer that there is no such thing out of an error.
func unlessGone(err error) error {
	if remediations.ErrorCode(err) == noSuchEntity {
		return nil
	}
	return err
}

// inlineOf is the names of a group's inline policies.
func inlineOf(ctx context.Context, client *iam.Client, group string) (names []string, err error) {
	pages := iam.NewListGroupPoliciesPaginator(client, &iam.ListGroupPoliciesInput{GroupName: &group})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		names = append(names, page.PolicyNames...)
	}
	return names, nil
}

func judgeDocument(r remediations.Resource, text, by string) (powers, error) {
	d, err := parse(text)
	if err != nil {
		return powers{}, fmt.Errorf("%s: %s: %w", r, by, err)
	}
	return powers{d.rights(anyOf(r)), by}, nil
}

// within reports whether a permissions boundary keeps whoever has it from being an administrator.
func within(ctx context.Context, client *iam.Client, r remediations.Resource, boundary string) (bool, error) {
	if boundary == "" {
		return false, nil
	}
	gives, err := judgeManaged(ctx, client, r, boundary, "the permissions boundary")
	if err == nil && gives.by == "" {
		err = fmt.Errorf("permissions boundary %s of %s: there is no such policy", boundary, r)
	}
	return gives.rights == none, err
}

// readVersion is the document of a managed policy's version.
func readVersion(ctx context.Context, client *iam.Client, arn, version string) (string, error) {
	out, err := client.GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{PolicyArn: &arn, VersionId: &version})
	text := ""
	switch {
	case err != nil:
	case out.PolicyVersion == nil || aws.ToString(out.PolicyVersion.VersionId) != version:
		err = errors.New("the answer is about another one")
	default:
		text, err = unescaped(out.PolicyVersion.Document)
	}
	if err != nil {
		return "", fmt.Errorf("get version %s of policy %s: %w", version, arn, err)
	}
	return text, nil
}
