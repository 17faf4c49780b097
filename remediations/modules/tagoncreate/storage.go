package tagoncreate

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/efs"
	efstypes "github.com/aws/aws-sdk-go-v2/service/efs/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	rdstypes "github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3control/types"

	"github.com/countermand/countermand/remediations"
)

// s3Service uses the calls that add single tags. PutBucketTagging replaces all of a bucket's tags, so that one which
// somebody sets at the same time would be lost, and S3 refuses it for buckets whose access depends on their tags.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/buckets-tagging-enable-abac.html
var s3Service = &service{
	read: func(ctx context.Context, cfg aws.Config, t target) (map[string]tags, error) {
		out, err := s3control.NewFromConfig(cfg).ListTagsForResource(ctx, &s3control.ListTagsForResourceInput{AccountId: &t.account, ResourceArn: bucketARN(t)})
		switch remediations.ErrorCode(err) {
		case "NoSuchBucket", "NoSuchResource":
			return nil, errGone
		case "NoSuchTagSet":
			return map[string]tags{t.id(): {}}, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the tags of %s: %w", t.id(), err)
		}
		present := unlist(out.Tags, func(tag s3types.Tag) (*string, *string) { return tag.Key, tag.Value })
		return map[string]tags{t.id(): present}, nil
	},
	add: func(ctx context.Context, cfg aws.Config, t target, set tags) error {
		_, err := s3control.NewFromConfig(cfg).TagResource(ctx, &s3control.TagResourceInput{AccountId: &t.account, ResourceArn: bucketARN(t),
			Tags: list(set, func(key, value *string) s3types.Tag { return s3types.Tag{Key: key, Value: value} })})
		return err
	},
	remove: func(ctx context.Context, cfg aws.Config, t target, drop tags) error {
		_, err := s3control.NewFromConfig(cfg).UntagResource(ctx, &s3control.UntagResourceInput{AccountId: &t.account, ResourceArn: bucketARN(t), TagKeys: keysOf(drop)})
		return err
	},
	adding: func(t target, set tags) string {
		return adds("s3control tag-resource --account-id "+t.account, "--resource-arn", "Key", "Value")(t.named(*bucketARN(t)), set)
	},
	removing: func(t target, drop tags) string {
		return removes("s3control untag-resource --account-id "+t.account, "--resource-arn")(t.named(*bucketARN(t)), drop)
	},
	reads: []string{"s3:ListTagsForResource"}, write: "s3:TagResource", unwrite: "s3:UntagResource",
}

func bucketARN(t target) *string {
	return aws.String("arn:" + remediations.Partition(t.region) + ":s3:::" + t.id())
}

// rdsService tags by ARNs. RDS takes tags while it is still creating what they are for.
var rdsService = &service{
	read: one(func(ctx context.Context, cfg aws.Config, id string) (tags, error) {
		out, err := rds.NewFromConfig(cfg).ListTagsForResource(ctx, &rds.ListTagsForResourceInput{ResourceName: &id})
		if err != nil {
			return nil, err
		}
		return unlist(out.TagList, func(tag rdstypes.Tag) (*string, *string) { return tag.Key, tag.Value }), nil
	}, "DBClusterNotFoundFault", "DBClusterSnapshotNotFoundFault", "DBInstanceNotFound", "DBSnapshotNotFound"),
	add: func(ctx context.Context, cfg aws.Config, t target, set tags) error {
		_, err := rds.NewFromConfig(cfg).AddTagsToResource(ctx, &rds.AddTagsToResourceInput{ResourceName: aws.String(t.id()),
			Tags: list(set, func(key, value *string) rdstypes.Tag { return rdstypes.Tag{Key: key, Value: value} })})
		return err
	},
	remove: func(ctx context.Context, cfg aws.Config, t target, drop tags) error {
		_, err := rds.NewFromConfig(cfg).RemoveTagsFromResource(ctx, &rds.RemoveTagsFromResourceInput{ResourceName: aws.String(t.id()), TagKeys: keysOf(drop)})
		return err
	},
	adding:   adds("rds add-tags-to-resource", "--resource-name", "Key", "Value"),
	removing: removes("rds remove-tags-from-resource", "--resource-name"),
	reads:    []string{"rds:ListTagsForResource"}, write: "rds:AddTagsToResource", unwrite: "rds:RemoveTagsFromResource",
}

// dynamoService waits until a table is created: before that, DynamoDB refuses to tag it.
var dynamoService = &service{
	read: one(func(ctx context.Context, cfg aws.Config, id string) (tags, error) {
		client, present := dynamodb.NewFromConfig(cfg), tags{}
		described, err := client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &id})
		if err != nil {
			return nil, err
		}
		switch {
		case described.Table == nil || aws.ToString(described.Table.TableArn) != id:
			return nil, errNoTags
		case described.Table.TableStatus == dynamotypes.TableStatusCreating:
			return nil, fmt.Errorf("it is being created: %w", remediations.ErrNotReady)
		case described.Table.TableStatus == dynamotypes.TableStatusDeleting:
			return nil, errGone
		}
		for token, more := (*string)(nil), true; more; more = token != nil {
			out, err := client.ListTagsOfResource(ctx, &dynamodb.ListTagsOfResourceInput{ResourceArn: &id, NextToken: token})
			if err != nil {
				return nil, err
			}
			if out.Tags == nil {
				return nil, errNoTags
			}
			for _, tag := range out.Tags {
				present[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
			}
			token = out.NextToken
		}
		return present, nil
	}, "ResourceNotFoundException"),
	add: func(ctx context.Context, cfg aws.Config, t target, set tags) error {
		_, err := dynamodb.NewFromConfig(cfg).TagResource(ctx, &dynamodb.TagResourceInput{ResourceArn: aws.String(t.id()),
			Tags: list(set, func(key, value *string) dynamotypes.Tag { return dynamotypes.Tag{Key: key, Value: value} })})
		return err
	},
	remove: func(ctx context.Context, cfg aws.Config, t target, drop tags) error {
		_, err := dynamodb.NewFromConfig(cfg).UntagResource(ctx, &dynamodb.UntagResourceInput{ResourceArn: aws.String(t.id()), TagKeys: keysOf(drop)})
		return err
	},
	adding:   adds("dynamodb tag-resource", "--resource-arn", "Key", "Value"),
	removing: removes("dynamodb untag-resource", "--resource-arn"),
	reads:    []string{"dynamodb:DescribeTable", "dynamodb:ListTagsOfResource"}, write: "dynamodb:TagResource", unwrite: "dynamodb:UntagResource",
}

var efsService = &service{
	read: one(func(ctx context.Context, cfg aws.Config, id string) (tags, error) {
		present, pages := tags{}, efs.NewListTagsForResourcePaginator(efs.NewFromConfig(cfg), &efs.ListTagsForResourceInput{ResourceId: &id})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, err
			}
			if page.Tags == nil {
				return nil, errNoTags
			}
			present.merge(unlist(page.Tags, func(tag efstypes.Tag) (*string, *string) { return tag.Key, tag.Value }))
		}
		return present, nil
	}, "FileSystemNotFound"),
	add: func(ctx context.Context, cfg aws.Config, t target, set tags) error {
		_, err := efs.NewFromConfig(cfg).TagResource(ctx, &efs.TagResourceInput{ResourceId: aws.String(t.id()),
			Tags: list(set, func(key, value *string) efstypes.Tag { return efstypes.Tag{Key: key, Value: value} })})
		return err
	},
	remove: func(ctx context.Context, cfg aws.Config, t target, drop tags) error {
		_, err := efs.NewFromConfig(cfg).UntagResource(ctx, &efs.UntagResourceInput{ResourceId: aws.String(t.id()), TagKeys: keysOf(drop)})
		return err
	},
	adding:   adds("efs tag-resource", "--resource-id", "Key", "Value"),
	removing: removes("efs untag-resource", "--resource-id"),
	reads:    []string{"elasticfilesystem:ListTagsForResource"}, write: "elasticfilesystem:TagResource", unwrite: "elasticfilesystem:UntagResource",
}

// named is the target under another name.
func (t target) named(name string) target {
	t.ids = []string{name}
	return t
}
