package tagoncreate

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	scalingtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	classictypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	balancertypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// scalingService does not hand its tags on to instances: these are tagged when they are launched.
var scalingService = &service{
	read: one(readGroup),
	add: func(ctx context.Context, cfg aws.Config, t target, set tags) error {
		_, err := autoscaling.NewFromConfig(cfg).CreateOrUpdateTags(ctx, &autoscaling.CreateOrUpdateTagsInput{Tags: groupTags(t, set)})
		return err
	},
	remove: func(ctx context.Context, cfg aws.Config, t target, drop tags) error {
		_, err := autoscaling.NewFromConfig(cfg).DeleteTags(ctx, &autoscaling.DeleteTagsInput{Tags: groupTags(t, drop)})
		return err
	},
	adding: func(t target, set tags) string {
		return command("autoscaling create-or-update-tags", t.region, "--tags", encoded(groupTags(t, set)))
	},
	removing: func(t target, drop tags) string {
		return command("autoscaling delete-tags", t.region, "--tags", encoded(groupTags(t, drop)))
	},
	write: "autoscaling:CreateOrUpdateTags", unwrite: "autoscaling:DeleteTags",
}

func groupTags(t target, set tags) []scalingtypes.Tag {
	return list(set, func(key, value *string) scalingtypes.Tag {
		return scalingtypes.Tag{ResourceId: aws.String(t.id()), ResourceType: aws.String("auto-scaling-group"),
			PropagateAtLaunch: aws.Bool(false), Key: key, Value: value}
	})
}

// readGroup asks for the group itself: a list of tags would be empty for a group that is gone.
func readGroup(ctx context.Context, cfg aws.Config, name string) (tags, error) {
	out, err := autoscaling.NewFromConfig(cfg).DescribeAutoScalingGroups(ctx, &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{name}})
	switch {
	case err != nil:
		return nil, err
	case len(out.AutoScalingGroups) == 0:
		return nil, errGone
	case len(out.AutoScalingGroups) > 1 || aws.ToString(out.AutoScalingGroups[0].AutoScalingGroupName) != name:
		return nil, fmt.Errorf("the answer is about %q", aws.ToString(out.AutoScalingGroups[0].AutoScalingGroupName))
	}
	return unlist(out.AutoScalingGroups[0].Tags, func(tag scalingtypes.TagDescription) (*string, *string) { return tag.Key, tag.Value }), nil
}

// balancerService is that of load balancers of all types but the first, and of target groups.
var balancerService = &service{
	read: one(func(ctx context.Context, cfg aws.Config, id string) (tags, error) {
		out, err := elasticloadbalancingv2.NewFromConfig(cfg).DescribeTags(ctx, &elasticloadbalancingv2.DescribeTagsInput{ResourceArns: []string{id}})
		if err != nil {
			return nil, err
		}
		if len(out.TagDescriptions) != 1 || aws.ToString(out.TagDescriptions[0].ResourceArn) != id {
			return nil, errNoTags
		}
		return unlist(out.TagDescriptions[0].Tags, func(tag balancertypes.Tag) (*string, *string) { return tag.Key, tag.Value }), nil
	}, "LoadBalancerNotFound", "TargetGroupNotFound"),
	add: func(ctx context.Context, cfg aws.Config, t target, set tags) error {
		_, err := elasticloadbalancingv2.NewFromConfig(cfg).AddTags(ctx, &elasticloadbalancingv2.AddTagsInput{ResourceArns: t.ids,
			Tags: list(set, func(key, value *string) balancertypes.Tag { return balancertypes.Tag{Key: key, Value: value} })})
		return err
	},
	remove: func(ctx context.Context, cfg aws.Config, t target, drop tags) error {
		_, err := elasticloadbalancingv2.NewFromConfig(cfg).RemoveTags(ctx, &elasticloadbalancingv2.RemoveTagsInput{ResourceArns: t.ids, TagKeys: keysOf(drop)})
		return err
	},
	adding:   adds("elbv2 add-tags", "--resource-arns", "Key", "Value"),
	removing: removes("elbv2 remove-tags", "--resource-arns"),
	write:    "elasticloadbalancing:AddTags", unwrite: "elasticloadbalancing:RemoveTags",
}

// classicService is that of Classic Load Balancers, which are known by their names.
var classicService = &service{
	read: one(func(ctx context.Context, cfg aws.Config, id string) (tags, error) {
		out, err := elasticloadbalancing.NewFromConfig(cfg).DescribeTags(ctx, &elasticloadbalancing.DescribeTagsInput{LoadBalancerNames: []string{id}})
		if err != nil {
			return nil, err
		}
		if len(out.TagDescriptions) != 1 || aws.ToString(out.TagDescriptions[0].LoadBalancerName) != id {
			return nil, errNoTags
		}
		return unlist(out.TagDescriptions[0].Tags, func(tag classictypes.Tag) (*string, *string) { return tag.Key, tag.Value }), nil
	}, "LoadBalancerNotFound", "AccessPointNotFound"),
	add: func(ctx context.Context, cfg aws.Config, t target, set tags) error {
		_, err := elasticloadbalancing.NewFromConfig(cfg).AddTags(ctx, &elasticloadbalancing.AddTagsInput{LoadBalancerNames: t.ids,
			Tags: list(set, func(key, value *string) classictypes.Tag { return classictypes.Tag{Key: key, Value: value} })})
		return err
	},
	remove: func(ctx context.Context, cfg aws.Config, t target, drop tags) error {
		_, err := elasticloadbalancing.NewFromConfig(cfg).RemoveTags(ctx, &elasticloadbalancing.RemoveTagsInput{LoadBalancerNames: t.ids,
			Tags: list(drop, func(key, _ *string) classictypes.TagKeyOnly { return classictypes.TagKeyOnly{Key: key} })})
		return err
	},
	adding: adds("elb add-tags", "--load-balancer-names", "Key", "Value"),
	removing: func(t target, drop tags) string {
		keys := list(drop, func(key, _ *string) map[string]*string { return map[string]*string{"Key": key} })
		return command("elb remove-tags", t.region, "--load-balancer-names", t.id(), "--tags", encoded(keys))
	},
	write: "elasticloadbalancing:AddTags", unwrite: "elasticloadbalancing:RemoveTags",
}

var lambdaService = &service{
	read: one(func(ctx context.Context, cfg aws.Config, id string) (tags, error) {
		out, err := lambda.NewFromConfig(cfg).ListTags(ctx, &lambda.ListTagsInput{Resource: &id})
		if err != nil {
			return nil, err
		}
		if out.Tags == nil {
			return nil, errNoTags
		}
		return out.Tags, nil
	}, "ResourceNotFoundException"),
	add: func(ctx context.Context, cfg aws.Config, t target, set tags) error {
		_, err := lambda.NewFromConfig(cfg).TagResource(ctx, &lambda.TagResourceInput{Resource: aws.String(t.id()), Tags: set})
		return err
	},
	remove: func(ctx context.Context, cfg aws.Config, t target, drop tags) error {
		_, err := lambda.NewFromConfig(cfg).UntagResource(ctx, &lambda.UntagResourceInput{Resource: aws.String(t.id()), TagKeys: keysOf(drop)})
		return err
	},
	adding:   addsObject("lambda tag-resource", "--resource"),
	removing: removes("lambda untag-resource", "--resource"),
	reads:    []string{"lambda:ListTags"}, write: "lambda:TagResource", unwrite: "lambda:UntagResource",
}

var logsService = &service{
	read: one(func(ctx context.Context, cfg aws.Config, id string) (tags, error) {
		out, err := cloudwatchlogs.NewFromConfig(cfg).ListTagsForResource(ctx, &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: &id})
		if err != nil {
			return nil, err
		}
		if out.Tags == nil {
			return nil, errNoTags
		}
		return out.Tags, nil
	}, "ResourceNotFoundException"),
	add: func(ctx context.Context, cfg aws.Config, t target, set tags) error {
		_, err := cloudwatchlogs.NewFromConfig(cfg).TagResource(ctx, &cloudwatchlogs.TagResourceInput{ResourceArn: aws.String(t.id()), Tags: set})
		return err
	},
	remove: func(ctx context.Context, cfg aws.Config, t target, drop tags) error {
		_, err := cloudwatchlogs.NewFromConfig(cfg).UntagResource(ctx, &cloudwatchlogs.UntagResourceInput{ResourceArn: aws.String(t.id()), TagKeys: keysOf(drop)})
		return err
	},
	adding:   addsObject("logs tag-resource", "--resource-arn"),
	removing: removes("logs untag-resource", "--resource-arn"),
	reads:    []string{"logs:ListTagsForResource"}, write: "logs:TagResource", unwrite: "logs:UntagResource",
}

var ecsService = &service{
	read: one(func(ctx context.Context, cfg aws.Config, id string) (tags, error) {
		out, err := ecs.NewFromConfig(cfg).ListTagsForResource(ctx, &ecs.ListTagsForResourceInput{ResourceArn: &id})
		if err != nil {
			return nil, err
		}
		if out.Tags == nil {
			return nil, errNoTags
		}
		return unlist(out.Tags, func(tag ecstypes.Tag) (*string, *string) { return tag.Key, tag.Value }), nil
	}, "ClusterNotFoundException", "ResourceNotFoundException"),
	add: func(ctx context.Context, cfg aws.Config, t target, set tags) error {
		_, err := ecs.NewFromConfig(cfg).TagResource(ctx, &ecs.TagResourceInput{ResourceArn: aws.String(t.id()),
			Tags: list(set, func(key, value *string) ecstypes.Tag { return ecstypes.Tag{Key: key, Value: value} })})
		return err
	},
	remove: func(ctx context.Context, cfg aws.Config, t target, drop tags) error {
		_, err := ecs.NewFromConfig(cfg).UntagResource(ctx, &ecs.UntagResourceInput{ResourceArn: aws.String(t.id()), TagKeys: keysOf(drop)})
		return err
	},
	adding:   adds("ecs tag-resource", "--resource-arn", "key", "value"),
	removing: removes("ecs untag-resource", "--resource-arn"),
	reads:    []string{"ecs:ListTagsForResource"}, write: "ecs:TagResource", unwrite: "ecs:UntagResource",
}

var ecrService = &service{
	read: one(func(ctx context.Context, cfg aws.Config, id string) (tags, error) {
		out, err := ecr.NewFromConfig(cfg).ListTagsForResource(ctx, &ecr.ListTagsForResourceInput{ResourceArn: &id})
		if err != nil {
			return nil, err
		}
		if out.Tags == nil {
			return nil, errNoTags
		}
		return unlist(out.Tags, func(tag ecrtypes.Tag) (*string, *string) { return tag.Key, tag.Value }), nil
	}, "RepositoryNotFoundException"),
	add: func(ctx context.Context, cfg aws.Config, t target, set tags) error {
		_, err := ecr.NewFromConfig(cfg).TagResource(ctx, &ecr.TagResourceInput{ResourceArn: aws.String(t.id()),
			Tags: list(set, func(key, value *string) ecrtypes.Tag { return ecrtypes.Tag{Key: key, Value: value} })})
		return err
	},
	remove: func(ctx context.Context, cfg aws.Config, t target, drop tags) error {
		_, err := ecr.NewFromConfig(cfg).UntagResource(ctx, &ecr.UntagResourceInput{ResourceArn: aws.String(t.id()), TagKeys: keysOf(drop)})
		return err
	},
	adding:   adds("ecr tag-resource", "--resource-arn", "Key", "Value"),
	removing: removes("ecr untag-resource", "--resource-arn"),
	reads:    []string{"ecr:ListTagsForResource"}, write: "ecr:TagResource", unwrite: "ecr:UntagResource",
}
