package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"

	"github.com/countermand/countermand/remediations"
)

// NewTagReader looks up a resource's tags, in its Region and by its ARN; none if it has none or does not exist.
// The tagging API does not know IAM's users and roles, so that it would read as none: IAM is asked for these.
// https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html
// https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/supported-services.html
func NewTagReader(cfg aws.Config) func(ctx context.Context, region, arn string) (map[string]string, error) {
	return func(ctx context.Context, region, arn string) (map[string]string, error) {
		there := RefuseEmptyResponses(cfg)
		there.Region = region
		if kind, name, ok := parseIAMARN(arn); ok {
			return iamTags(ctx, iam.NewFromConfig(there), kind, name, arn)
		}
		out, err := resourcegroupstaggingapi.NewFromConfig(there).GetResources(ctx,
			&resourcegroupstaggingapi.GetResourcesInput{ResourceARNList: []string{arn}})
		if err != nil {
			return nil, fmt.Errorf("get tags of %s: %w", arn, err)
		}
		if out.ResourceTagMappingList == nil { // AWS's is empty if there is nothing to say
			return nil, errors.New("get tags of " + arn + ": the answer holds no list")
		}
		tags := map[string]string{}
		for _, mapping := range out.ResourceTagMappingList {
			if aws.ToString(mapping.ResourceARN) != arn {
				return nil, fmt.Errorf("get tags of %s: the answer is about %q", arn, aws.ToString(mapping.ResourceARN))
			}
			for _, tag := range mapping.Tags {
				tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
			}
		}
		if aws.ToString(out.PaginationToken) != "" {
			return nil, errors.New("get tags of " + arn + ": the answer is not complete")
		}
		return tags, nil
	}
}

// parseIAMARN is what of IAM an ARN is of: its kind ("user") and name, without a path.
func parseIAMARN(arn string) (kind, name string, ok bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 || parts[2] != "iam" {
		return "", "", false
	}
	kind, path, _ := strings.Cut(parts[5], "/")
	return kind, path[strings.LastIndex(path, "/")+1:], true
}

// iamTags looks up the tags of what IAM can tag of its own; none of the rest, and of what does not exist.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html
func iamTags(ctx context.Context, client *iam.Client, kind, name, arn string) (map[string]string, error) {
	var (
		list []types.Tag
		more bool
		err  error
	)
	switch kind {
	case "user":
		var out *iam.ListUserTagsOutput
		if out, err = client.ListUserTags(ctx, &iam.ListUserTagsInput{UserName: &name}); err == nil {
			list, more = out.Tags, out.IsTruncated
		}
	case "role":
		var out *iam.ListRoleTagsOutput
		if out, err = client.ListRoleTags(ctx, &iam.ListRoleTagsInput{RoleName: &name}); err == nil {
			list, more = out.Tags, out.IsTruncated
		}
	case "policy":
		var out *iam.ListPolicyTagsOutput
		if out, err = client.ListPolicyTags(ctx, &iam.ListPolicyTagsInput{PolicyArn: &arn}); err == nil {
			list, more = out.Tags, out.IsTruncated
		}
	case "root", "group":
		return map[string]string{}, nil
	default:
		return nil, fmt.Errorf("get tags of %s: it is not known how", arn)
	}
	switch {
	case remediations.ErrorCode(err) == "NoSuchEntity":
		return map[string]string{}, nil
	case err != nil:
		return nil, fmt.Errorf("get tags of %s: %w", arn, err)
	case list == nil: // IAM's is empty if there are none
		return nil, errors.New("get tags of " + arn + ": the answer holds no list")
	case more:
		return nil, errors.New("get tags of " + arn + ": the answer is not complete")
	}
	tags := map[string]string{}
	for _, tag := range list {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return tags, nil
}
