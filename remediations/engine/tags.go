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

// NewTagReader returns a function that looks up a resource's tags by Region and ARN. A resource without tags, or one
// that does not exist, has none. The tagging API would return none for IAM's users and roles, so IAM is asked for
// these.
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
		if out.ResourceTagMappingList == nil { // AWS returns an empty list if there are no tags
			return nil, errors.New("get tags of " + arn + ": unexpected response: no list")
		}
		tags := map[string]string{}
		for _, mapping := range out.ResourceTagMappingList {
			if aws.ToString(mapping.ResourceARN) != arn {
				return nil, fmt.Errorf("get tags of %s: unexpected response: it is about %q", arn, aws.ToString(mapping.ResourceARN))
			}
			for _, tag := range mapping.Tags {
				tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
			}
		}
		if aws.ToString(out.PaginationToken) != "" {
			return nil, errors.New("get tags of " + arn + ": unexpected response: it is incomplete")
		}
		return tags, nil
	}
}

// parseIAMARN returns the kind ("user") and the name, without its path, of a resource in IAM.
func parseIAMARN(arn string) (kind, name string, ok bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 || parts[2] != "iam" {
		return "", "", false
	}
	kind, path, _ := strings.Cut(parts[5], "/")
	return kind, path[strings.LastIndex(path, "/")+1:], true
}

// iamTags looks up the tags of IAM's resources. Those that cannot have tags, or do not exist, have none.
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
		return nil, fmt.Errorf("get tags of %s: unsupported resource type", arn)
	}
	switch {
	case remediations.ErrorCode(err) == "NoSuchEntity":
		return map[string]string{}, nil
	case err != nil:
		return nil, fmt.Errorf("get tags of %s: %w", arn, err)
	case list == nil: // IAM returns an empty list if there are no tags
		return nil, errors.New("get tags of " + arn + ": unexpected response: no list")
	case more:
		return nil, errors.New("get tags of " + arn + ": unexpected response: it is incomplete")
	}
	tags := map[string]string{}
	for _, tag := range list {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return tags, nil
}
