package tagoncreate

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secrettypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	snstypes "github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/countermand/countermand/remediations"
)

func iamTag(key, value *string) iamtypes.Tag        { return iamtypes.Tag{Key: key, Value: value} }
func fromIAM(tag iamtypes.Tag) (key, value *string) { return tag.Key, tag.Value }

// notYet is IAM's answer that it does not know a name: what was created may be shown a moment later.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
func notYet(err error) error {
	if remediations.ErrorCode(err) == "NoSuchEntity" {
		return fmt.Errorf("%w: %w", remediations.ErrNotReady, err)
	}
	return err
}

var roleService = &service{
	read: one(func(ctx context.Context, cfg aws.Config, id string) (tags, error) {
		present, pages := tags{}, iam.NewListRoleTagsPaginator(iam.NewFromConfig(cfg), &iam.ListRoleTagsInput{RoleName: &id})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, notYet(err)
			}
			present.merge(unlist(page.Tags, fromIAM))
		}
		return present, nil
	}),
	add: func(ctx context.Context, cfg aws.Config, t target, set tags) error {
		_, err := iam.NewFromConfig(cfg).TagRole(ctx, &iam.TagRoleInput{RoleName: aws.String(t.id()), Tags: list(set, iamTag)})
		return err
	},
	remove: func(ctx context.Context, cfg aws.Config, t target, drop tags) error {
		_, err := iam.NewFromConfig(cfg).UntagRole(ctx, &iam.UntagRoleInput{RoleName: aws.String(t.id()), TagKeys: keysOf(drop)})
		return err
	},
	adding:   adds("iam tag-role", "--role-name", "Key", "Value"),
	removing: removes("iam untag-role", "--role-name"),
	reads:    []string{"iam:ListRoleTags"}, write: "iam:TagRole", unwrite: "iam:UntagRole",
}

var userService = &service{
	read: one(func(ctx context.Context, cfg aws.Config, id string) (tags, error) {
		present, pages := tags{}, iam.NewListUserTagsPaginator(iam.NewFromConfig(cfg), &iam.ListUserTagsInput{UserName: &id})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, notYet(err)
			}
			present.merge(unlist(page.Tags, fromIAM))
		}
		return present, nil
	}),
	add: func(ctx context.Context, cfg aws.Config, t target, set tags) error {
		_, err := iam.NewFromConfig(cfg).TagUser(ctx, &iam.TagUserInput{UserName: aws.String(t.id()), Tags: list(set, iamTag)})
		return err
	},
	remove: func(ctx context.Context, cfg aws.Config, t target, drop tags) error {
		_, err := iam.NewFromConfig(cfg).UntagUser(ctx, &iam.UntagUserInput{UserName: aws.String(t.id()), TagKeys: keysOf(drop)})
		return err
	},
	adding:   adds("iam tag-user", "--user-name", "Key", "Value"),
	removing: removes("iam untag-user", "--user-name"),
	reads:    []string{"iam:ListUserTags"}, write: "iam:TagUser", unwrite: "iam:UntagUser",
}

// kmsService can look at a key, and tag it, only where the key's policy leaves that to IAM, as the one that KMS makes does.
var kmsService = &service{
	read: one(func(ctx context.Context, cfg aws.Config, id string) (tags, error) {
		present, pages := tags{}, kms.NewListResourceTagsPaginator(kms.NewFromConfig(cfg), &kms.ListResourceTagsInput{KeyId: &id})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, err
			}
			if page.Tags == nil {
				return nil, errNoTags
			}
			present.merge(unlist(page.Tags, func(tag kmstypes.Tag) (*string, *string) { return tag.TagKey, tag.TagValue }))
		}
		return present, nil
	}, "NotFoundException"),
	add: func(ctx context.Context, cfg aws.Config, t target, set tags) error {
		_, err := kms.NewFromConfig(cfg).TagResource(ctx, &kms.TagResourceInput{KeyId: aws.String(t.id()),
			Tags: list(set, func(key, value *string) kmstypes.Tag { return kmstypes.Tag{TagKey: key, TagValue: value} })})
		return err
	},
	remove: func(ctx context.Context, cfg aws.Config, t target, drop tags) error {
		_, err := kms.NewFromConfig(cfg).UntagResource(ctx, &kms.UntagResourceInput{KeyId: aws.String(t.id()), TagKeys: keysOf(drop)})
		return err
	},
	adding:   adds("kms tag-resource", "--key-id", "TagKey", "TagValue"),
	removing: removes("kms untag-resource", "--key-id"),
	reads:    []string{"kms:ListResourceTags"}, write: "kms:TagResource", unwrite: "kms:UntagResource",
}

var secretsService = &service{
	read: one(func(ctx context.Context, cfg aws.Config, id string) (tags, error) {
		out, err := secretsmanager.NewFromConfig(cfg).DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &id})
		switch {
		case err != nil:
			return nil, err
		case aws.ToString(out.ARN) != id:
			return nil, errNoTags
		case out.DeletedDate != nil:
			return nil, errGone
		}
		return unlist(out.Tags, func(tag secrettypes.Tag) (*string, *string) { return tag.Key, tag.Value }), nil
	}, "ResourceNotFoundException"),
	add: func(ctx context.Context, cfg aws.Config, t target, set tags) error {
		_, err := secretsmanager.NewFromConfig(cfg).TagResource(ctx, &secretsmanager.TagResourceInput{SecretId: aws.String(t.id()),
			Tags: list(set, func(key, value *string) secrettypes.Tag { return secrettypes.Tag{Key: key, Value: value} })})
		return err
	},
	remove: func(ctx context.Context, cfg aws.Config, t target, drop tags) error {
		_, err := secretsmanager.NewFromConfig(cfg).UntagResource(ctx, &secretsmanager.UntagResourceInput{SecretId: aws.String(t.id()), TagKeys: keysOf(drop)})
		return err
	},
	adding:   adds("secretsmanager tag-resource", "--secret-id", "Key", "Value"),
	removing: removes("secretsmanager untag-resource", "--secret-id"),
	reads:    []string{"secretsmanager:DescribeSecret"}, write: "secretsmanager:TagResource", unwrite: "secretsmanager:UntagResource",
}

var snsService = &service{
	read: one(func(ctx context.Context, cfg aws.Config, id string) (tags, error) {
		out, err := sns.NewFromConfig(cfg).ListTagsForResource(ctx, &sns.ListTagsForResourceInput{ResourceArn: &id})
		if err != nil {
			return nil, err
		}
		return unlist(out.Tags, func(tag snstypes.Tag) (*string, *string) { return tag.Key, tag.Value }), nil
	}, "ResourceNotFound", "NotFound"),
	add: func(ctx context.Context, cfg aws.Config, t target, set tags) error {
		_, err := sns.NewFromConfig(cfg).TagResource(ctx, &sns.TagResourceInput{ResourceArn: aws.String(t.id()),
			Tags: list(set, func(key, value *string) snstypes.Tag { return snstypes.Tag{Key: key, Value: value} })})
		return err
	},
	remove: func(ctx context.Context, cfg aws.Config, t target, drop tags) error {
		_, err := sns.NewFromConfig(cfg).UntagResource(ctx, &sns.UntagResourceInput{ResourceArn: aws.String(t.id()), TagKeys: keysOf(drop)})
		return err
	},
	adding:   adds("sns tag-resource", "--resource-arn", "Key", "Value"),
	removing: removes("sns untag-resource", "--resource-arn"),
	reads:    []string{"sns:ListTagsForResource"}, write: "sns:TagResource", unwrite: "sns:UntagResource",
}

// sqsService is asked by URLs. A queue without tags is answered without any.
var sqsService = &service{
	read: one(func(ctx context.Context, cfg aws.Config, id string) (tags, error) {
		out, err := sqs.NewFromConfig(cfg).ListQueueTags(ctx, &sqs.ListQueueTagsInput{QueueUrl: queueURL(id)})
		if err != nil {
			return nil, err
		}
		return out.Tags, nil
	}, "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"),
	add: func(ctx context.Context, cfg aws.Config, t target, set tags) error {
		_, err := sqs.NewFromConfig(cfg).TagQueue(ctx, &sqs.TagQueueInput{QueueUrl: queueURL(t.id()), Tags: set})
		return err
	},
	remove: func(ctx context.Context, cfg aws.Config, t target, drop tags) error {
		_, err := sqs.NewFromConfig(cfg).UntagQueue(ctx, &sqs.UntagQueueInput{QueueUrl: queueURL(t.id()), TagKeys: keysOf(drop)})
		return err
	},
	adding: func(t target, set tags) string {
		return addsObject("sqs tag-queue", "--queue-url")(t.named(*queueURL(t.id())), set)
	},
	removing: func(t target, drop tags) string {
		return removes("sqs untag-queue", "--queue-url")(t.named(*queueURL(t.id())), drop)
	},
	reads: []string{"sqs:ListQueueTags"}, write: "sqs:TagQueue", unwrite: "sqs:UntagQueue",
}

// queueURL is a queue's URL by its ARN.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-message-identifiers.html
func queueURL(arn string) *string {
	parts := strings.Split(arn, ":") // checked has seen to it that there are six
	domain := "amazonaws.com"
	if parts[1] == "aws-cn" {
		domain += ".cn"
	}
	return aws.String("https://sqs." + parts[3] + "." + domain + "/" + parts[4] + "/" + parts[5])
}
