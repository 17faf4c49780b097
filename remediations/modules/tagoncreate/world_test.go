package tagoncreate

import (
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	scalingtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/efs"
	efstypes "github.com/aws/aws-sdk-go-v2/service/efs/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	classictypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	balancertypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	rdstypes "github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3control/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secrettypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	snstypes "github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/countermand/countermand/remediations/moduletest"
)

// account is the world: what is there, and its tags. Other resources than instances and volumes are there if they are in
// Tags, by the name that their API takes.
type account struct {
	Tags      map[string]tags
	Instances map[string]*types.Instance
	Volumes   map[string]*types.Volume
	Creating  bool   // the table is
	gone      string // an error's code, which the reading of everything but EC2's is answered with
}

// answer is how an operation is answered: for the kit, and for a test that calls the module by itself.
type answer struct {
	kit moduletest.Answer
	try func(in any) (out any, err error, mine bool)
}

func on[I, O any](f func(*I) (*O, error)) answer {
	return answer{moduletest.On(f), func(in any) (any, error, bool) {
		i, mine := in.(*I)
		if !mine {
			return nil, nil, false
		}
		out, err := f(i)
		return out, err, true
	}}
}

func forKit(all []answer) []moduletest.Answer {
	var list []moduletest.Answer
	for _, a := range all {
		list = append(list, a.kit)
	}
	return list
}

func newAccount() *account {
	a := &account{Tags: map[string]tags{}, Instances: map[string]*types.Instance{}, Volumes: map[string]*types.Volume{}}
	add := func(id, root, eni string, created bool) {
		a.Instances[id] = &types.Instance{
			InstanceId: &id, State: &types.InstanceState{Name: types.InstanceStateNamePending}, RootDeviceType: types.DeviceTypeEbs,
			BlockDeviceMappings: []types.InstanceBlockDeviceMapping{{Ebs: &types.EbsInstanceBlockDevice{VolumeId: &root}}},
			NetworkInterfaces: []types.InstanceNetworkInterface{{NetworkInterfaceId: &eni,
				Attachment: &types.InstanceNetworkInterfaceAttachment{DeleteOnTermination: &created}}},
		}
		a.Tags[id] = tags{"Name": "web"}
	}
	add(instanceA, rootA, eniA, true)
	add(instanceB, rootB, eniB, false)
	a.Instances[instanceA].BlockDeviceMappings = append(a.Instances[instanceA].BlockDeviceMappings,
		types.InstanceBlockDeviceMapping{Ebs: &types.EbsInstanceBlockDevice{VolumeId: aws.String(older)}})
	for id, created := range map[string]time.Time{rootA: at, rootB: at.Add(2 * time.Second), older: at.Add(-2 * time.Minute), aVolume: at} {
		a.Volumes[id] = &types.Volume{VolumeId: &id, CreateTime: &created, State: types.VolumeStateInUse}
	}
	return a
}

func world(changes ...func(*account)) func() *moduletest.World {
	return func() *moduletest.World {
		a := newAccount()
		for _, change := range changes {
			change(a)
		}
		somebody := func() {
			for _, id := range append(slices.Collect(maps.Keys(a.Tags)), instanceA, instanceB, aVolume) {
				a.set(id, "CreatedBy", "somebody else")
				a.set(id, "StartedBy", "somebody else")
				a.set(id, others.CreatedByKey, "somebody else")
			}
		}
		return &moduletest.World{State: a, Answers: forKit(a.answers()), Change: somebody}
	}
}

func (a *account) set(id, key, value string) {
	if a.Tags[id] == nil {
		a.Tags[id] = tags{}
	}
	a.Tags[id][key] = value
}

func (a *account) answers() []answer {
	return slices.Concat([]answer{
		on(a.describeInstances), on(a.describeVolumes), on(a.describeTags),
		on(a.createTags), on(a.deleteTags),
	}, a.storage(), a.compute(), a.identity(), a.messaging())
}

func (a *account) describeInstances(in *ec2.DescribeInstancesInput) (*ec2.DescribeInstancesOutput, error) {
	instance := a.Instances[in.InstanceIds[0]]
	if instance == nil {
		return nil, moduletest.Error("InvalidInstanceID.NotFound")
	}
	return &ec2.DescribeInstancesOutput{Reservations: []types.Reservation{{Instances: []types.Instance{*instance}}}}, nil
}

func (a *account) describeVolumes(in *ec2.DescribeVolumesInput) (*ec2.DescribeVolumesOutput, error) {
	out := &ec2.DescribeVolumesOutput{}
	for _, id := range in.VolumeIds {
		if a.Volumes[id] == nil {
			return nil, moduletest.Error("InvalidVolume.NotFound")
		}
		out.Volumes = append(out.Volumes, *a.Volumes[id])
	}
	return out, nil
}

// describeTags answers with one resource a page.
func (a *account) describeTags(in *ec2.DescribeTagsInput) (*ec2.DescribeTagsOutput, error) {
	ids, out := in.Filters[0].Values, &ec2.DescribeTagsOutput{}
	if i := slices.Index(ids, aws.ToString(in.NextToken)); i > 0 {
		ids = ids[i:]
	}
	for key, value := range a.Tags[ids[0]] {
		out.Tags = append(out.Tags, types.TagDescription{ResourceId: &ids[0], Key: &key, Value: &value})
	}
	if len(ids) > 1 {
		out.NextToken = &ids[1]
	}
	return out, nil
}

func (a *account) createTags(in *ec2.CreateTagsInput) (*ec2.CreateTagsOutput, error) {
	for _, id := range in.Resources {
		for _, t := range in.Tags {
			a.set(id, *t.Key, *t.Value)
		}
		if a.Tags[id].counted() > maxTags {
			return nil, moduletest.Error("TagLimitExceeded")
		}
	}
	return &ec2.CreateTagsOutput{}, nil
}

func (a *account) deleteTags(in *ec2.DeleteTagsInput) (*ec2.DeleteTagsOutput, error) {
	for _, id := range in.Resources {
		for _, t := range in.Tags {
			if a.Tags[id][*t.Key] == *t.Value {
				delete(a.Tags[id], *t.Key)
			}
		}
		if len(a.Tags[id]) == 0 {
			delete(a.Tags, id)
		}
	}
	return &ec2.DeleteTagsOutput{}, nil
}

// read is the tags of a resource that is not EC2's, in an API's own type.
func read[T any](a *account, id string, tag func(key, value *string) T) ([]T, error) {
	if a.gone != "" {
		return nil, moduletest.Error(a.gone)
	}
	return append([]T{}, list(a.Tags[id], tag)...), nil
}

// object is the same for the APIs whose tags are one.
func (a *account) object(id string) (map[string]string, error) {
	if a.gone != "" {
		return nil, moduletest.Error(a.gone)
	}
	return maps.Clone(a.Tags[id]), nil
}

func (a *account) add(id string, set tags) { maps.Copy(a.Tags[id], set) }

func (a *account) drop(id string, keys []string) {
	for _, key := range keys {
		delete(a.Tags[id], key)
	}
}

func (a *account) storage() []answer {
	return []answer{
		on(func(in *s3control.ListTagsForResourceInput) (*s3control.ListTagsForResourceOutput, error) {
			list, err := read(a, *in.ResourceArn, func(k, v *string) s3types.Tag { return s3types.Tag{Key: k, Value: v} })
			return &s3control.ListTagsForResourceOutput{Tags: list}, err
		}),
		on(func(in *s3control.TagResourceInput) (*s3control.TagResourceOutput, error) {
			a.add(*in.ResourceArn, unlist(in.Tags, func(t s3types.Tag) (*string, *string) { return t.Key, t.Value }))
			return &s3control.TagResourceOutput{}, nil
		}),
		on(func(in *s3control.UntagResourceInput) (*s3control.UntagResourceOutput, error) {
			a.drop(*in.ResourceArn, in.TagKeys)
			return &s3control.UntagResourceOutput{}, nil
		}),
		on(func(in *rds.ListTagsForResourceInput) (*rds.ListTagsForResourceOutput, error) {
			list, err := read(a, *in.ResourceName, func(k, v *string) rdstypes.Tag { return rdstypes.Tag{Key: k, Value: v} })
			return &rds.ListTagsForResourceOutput{TagList: list}, err
		}),
		on(func(in *rds.AddTagsToResourceInput) (*rds.AddTagsToResourceOutput, error) {
			a.add(*in.ResourceName, unlist(in.Tags, func(t rdstypes.Tag) (*string, *string) { return t.Key, t.Value }))
			return &rds.AddTagsToResourceOutput{}, nil
		}),
		on(func(in *rds.RemoveTagsFromResourceInput) (*rds.RemoveTagsFromResourceOutput, error) {
			a.drop(*in.ResourceName, in.TagKeys)
			return &rds.RemoveTagsFromResourceOutput{}, nil
		}),
		on(func(in *dynamodb.ListTagsOfResourceInput) (*dynamodb.ListTagsOfResourceOutput, error) {
			list, err := read(a, *in.ResourceArn, func(k, v *string) dynamotypes.Tag { return dynamotypes.Tag{Key: k, Value: v} })
			return &dynamodb.ListTagsOfResourceOutput{Tags: list}, err
		}),
		on(func(in *dynamodb.TagResourceInput) (*dynamodb.TagResourceOutput, error) {
			a.add(*in.ResourceArn, unlist(in.Tags, func(t dynamotypes.Tag) (*string, *string) { return t.Key, t.Value }))
			return &dynamodb.TagResourceOutput{}, nil
		}),
		on(func(in *dynamodb.UntagResourceInput) (*dynamodb.UntagResourceOutput, error) {
			a.drop(*in.ResourceArn, in.TagKeys)
			return &dynamodb.UntagResourceOutput{}, nil
		}),
		on(func(in *dynamodb.DescribeTableInput) (*dynamodb.DescribeTableOutput, error) {
			if a.gone != "" {
				return nil, moduletest.Error(a.gone)
			}
			status := dynamotypes.TableStatusActive
			if a.Creating {
				status = dynamotypes.TableStatusCreating
			}
			return &dynamodb.DescribeTableOutput{Table: &dynamotypes.TableDescription{TableArn: in.TableName, TableStatus: status}}, nil
		}),
	}
}

func (a *account) compute() []answer {
	return []answer{
		on(func(in *ecs.ListTagsForResourceInput) (*ecs.ListTagsForResourceOutput, error) {
			list, err := read(a, *in.ResourceArn, func(k, v *string) ecstypes.Tag { return ecstypes.Tag{Key: k, Value: v} })
			return &ecs.ListTagsForResourceOutput{Tags: list}, err
		}),
		on(func(in *ecs.TagResourceInput) (*ecs.TagResourceOutput, error) {
			a.add(*in.ResourceArn, unlist(in.Tags, func(t ecstypes.Tag) (*string, *string) { return t.Key, t.Value }))
			return &ecs.TagResourceOutput{}, nil
		}),
		on(func(in *ecs.UntagResourceInput) (*ecs.UntagResourceOutput, error) {
			a.drop(*in.ResourceArn, in.TagKeys)
			return &ecs.UntagResourceOutput{}, nil
		}),
		on(func(in *efs.ListTagsForResourceInput) (*efs.ListTagsForResourceOutput, error) {
			list, err := read(a, *in.ResourceId, func(k, v *string) efstypes.Tag { return efstypes.Tag{Key: k, Value: v} })
			return &efs.ListTagsForResourceOutput{Tags: list}, err
		}),
		on(func(in *efs.TagResourceInput) (*efs.TagResourceOutput, error) {
			a.add(*in.ResourceId, unlist(in.Tags, func(t efstypes.Tag) (*string, *string) { return t.Key, t.Value }))
			return &efs.TagResourceOutput{}, nil
		}),
		on(func(in *efs.UntagResourceInput) (*efs.UntagResourceOutput, error) {
			a.drop(*in.ResourceId, in.TagKeys)
			return &efs.UntagResourceOutput{}, nil
		}),
		on(func(in *lambda.ListTagsInput) (*lambda.ListTagsOutput, error) {
			present, err := a.object(*in.Resource)
			return &lambda.ListTagsOutput{Tags: present}, err
		}),
		on(func(in *lambda.TagResourceInput) (*lambda.TagResourceOutput, error) {
			a.add(*in.Resource, in.Tags)
			return &lambda.TagResourceOutput{}, nil
		}),
		on(func(in *lambda.UntagResourceInput) (*lambda.UntagResourceOutput, error) {
			a.drop(*in.Resource, in.TagKeys)
			return &lambda.UntagResourceOutput{}, nil
		}),
		on(func(in *cloudwatchlogs.ListTagsForResourceInput) (*cloudwatchlogs.ListTagsForResourceOutput, error) {
			present, err := a.object(*in.ResourceArn)
			return &cloudwatchlogs.ListTagsForResourceOutput{Tags: present}, err
		}),
		on(func(in *cloudwatchlogs.TagResourceInput) (*cloudwatchlogs.TagResourceOutput, error) {
			a.add(*in.ResourceArn, in.Tags)
			return &cloudwatchlogs.TagResourceOutput{}, nil
		}),
		on(func(in *cloudwatchlogs.UntagResourceInput) (*cloudwatchlogs.UntagResourceOutput, error) {
			a.drop(*in.ResourceArn, in.TagKeys)
			return &cloudwatchlogs.UntagResourceOutput{}, nil
		}),
		on(func(in *ecr.ListTagsForResourceInput) (*ecr.ListTagsForResourceOutput, error) {
			list, err := read(a, *in.ResourceArn, func(k, v *string) ecrtypes.Tag { return ecrtypes.Tag{Key: k, Value: v} })
			return &ecr.ListTagsForResourceOutput{Tags: list}, err
		}),
		on(func(in *ecr.TagResourceInput) (*ecr.TagResourceOutput, error) {
			a.add(*in.ResourceArn, unlist(in.Tags, func(t ecrtypes.Tag) (*string, *string) { return t.Key, t.Value }))
			return &ecr.TagResourceOutput{}, nil
		}),
		on(func(in *ecr.UntagResourceInput) (*ecr.UntagResourceOutput, error) {
			a.drop(*in.ResourceArn, in.TagKeys)
			return &ecr.UntagResourceOutput{}, nil
		}),
		on(func(in *autoscaling.DescribeAutoScalingGroupsInput) (*autoscaling.DescribeAutoScalingGroupsOutput, error) {
			name := in.AutoScalingGroupNames[0]
			if a.Tags[name] == nil || a.gone != "" {
				return &autoscaling.DescribeAutoScalingGroupsOutput{}, nil
			}
			list := list(a.Tags[name], func(k, v *string) scalingtypes.TagDescription { return scalingtypes.TagDescription{Key: k, Value: v} })
			return &autoscaling.DescribeAutoScalingGroupsOutput{AutoScalingGroups: []scalingtypes.AutoScalingGroup{{AutoScalingGroupName: &name, Tags: list}}}, nil
		}),
		on(func(in *autoscaling.CreateOrUpdateTagsInput) (*autoscaling.CreateOrUpdateTagsOutput, error) {
			for _, t := range in.Tags {
				a.set(*t.ResourceId, *t.Key, *t.Value)
			}
			return &autoscaling.CreateOrUpdateTagsOutput{}, nil
		}),
		on(func(in *autoscaling.DeleteTagsInput) (*autoscaling.DeleteTagsOutput, error) {
			for _, t := range in.Tags {
				delete(a.Tags[*t.ResourceId], *t.Key)
			}
			return &autoscaling.DeleteTagsOutput{}, nil
		}),
		on(func(in *elasticloadbalancingv2.DescribeTagsInput) (*elasticloadbalancingv2.DescribeTagsOutput, error) {
			list, err := read(a, in.ResourceArns[0], func(k, v *string) balancertypes.Tag { return balancertypes.Tag{Key: k, Value: v} })
			return &elasticloadbalancingv2.DescribeTagsOutput{TagDescriptions: []balancertypes.TagDescription{{ResourceArn: &in.ResourceArns[0], Tags: list}}}, err
		}),
		on(func(in *elasticloadbalancingv2.AddTagsInput) (*elasticloadbalancingv2.AddTagsOutput, error) {
			a.add(in.ResourceArns[0], unlist(in.Tags, func(t balancertypes.Tag) (*string, *string) { return t.Key, t.Value }))
			return &elasticloadbalancingv2.AddTagsOutput{}, nil
		}),
		on(func(in *elasticloadbalancingv2.RemoveTagsInput) (*elasticloadbalancingv2.RemoveTagsOutput, error) {
			a.drop(in.ResourceArns[0], in.TagKeys)
			return &elasticloadbalancingv2.RemoveTagsOutput{}, nil
		}),
		on(func(in *elasticloadbalancing.DescribeTagsInput) (*elasticloadbalancing.DescribeTagsOutput, error) {
			list, err := read(a, in.LoadBalancerNames[0], func(k, v *string) classictypes.Tag { return classictypes.Tag{Key: k, Value: v} })
			return &elasticloadbalancing.DescribeTagsOutput{TagDescriptions: []classictypes.TagDescription{{LoadBalancerName: &in.LoadBalancerNames[0], Tags: list}}}, err
		}),
		on(func(in *elasticloadbalancing.AddTagsInput) (*elasticloadbalancing.AddTagsOutput, error) {
			a.add(in.LoadBalancerNames[0], unlist(in.Tags, func(t classictypes.Tag) (*string, *string) { return t.Key, t.Value }))
			return &elasticloadbalancing.AddTagsOutput{}, nil
		}),
		on(func(in *elasticloadbalancing.RemoveTagsInput) (*elasticloadbalancing.RemoveTagsOutput, error) {
			for _, t := range in.Tags {
				delete(a.Tags[in.LoadBalancerNames[0]], *t.Key)
			}
			return &elasticloadbalancing.RemoveTagsOutput{}, nil
		}),
	}
}

func (a *account) identity() []answer {
	return []answer{
		on(func(in *iam.ListRoleTagsInput) (*iam.ListRoleTagsOutput, error) {
			list, err := read(a, *in.RoleName, func(k, v *string) iamtypes.Tag { return iamtypes.Tag{Key: k, Value: v} })
			return &iam.ListRoleTagsOutput{Tags: list}, err
		}),
		on(func(in *iam.TagRoleInput) (*iam.TagRoleOutput, error) {
			a.add(*in.RoleName, unlist(in.Tags, func(t iamtypes.Tag) (*string, *string) { return t.Key, t.Value }))
			return &iam.TagRoleOutput{}, nil
		}),
		on(func(in *iam.UntagRoleInput) (*iam.UntagRoleOutput, error) {
			a.drop(*in.RoleName, in.TagKeys)
			return &iam.UntagRoleOutput{}, nil
		}),
		on(func(in *iam.ListUserTagsInput) (*iam.ListUserTagsOutput, error) {
			list, err := read(a, *in.UserName, func(k, v *string) iamtypes.Tag { return iamtypes.Tag{Key: k, Value: v} })
			return &iam.ListUserTagsOutput{Tags: list}, err
		}),
		on(func(in *iam.TagUserInput) (*iam.TagUserOutput, error) {
			a.add(*in.UserName, unlist(in.Tags, func(t iamtypes.Tag) (*string, *string) { return t.Key, t.Value }))
			return &iam.TagUserOutput{}, nil
		}),
		on(func(in *iam.UntagUserInput) (*iam.UntagUserOutput, error) {
			a.drop(*in.UserName, in.TagKeys)
			return &iam.UntagUserOutput{}, nil
		}),
		on(func(in *kms.ListResourceTagsInput) (*kms.ListResourceTagsOutput, error) {
			list, err := read(a, *in.KeyId, func(k, v *string) kmstypes.Tag { return kmstypes.Tag{TagKey: k, TagValue: v} })
			return &kms.ListResourceTagsOutput{Tags: list}, err
		}),
		on(func(in *kms.TagResourceInput) (*kms.TagResourceOutput, error) {
			a.add(*in.KeyId, unlist(in.Tags, func(t kmstypes.Tag) (*string, *string) { return t.TagKey, t.TagValue }))
			return &kms.TagResourceOutput{}, nil
		}),
		on(func(in *kms.UntagResourceInput) (*kms.UntagResourceOutput, error) {
			a.drop(*in.KeyId, in.TagKeys)
			return &kms.UntagResourceOutput{}, nil
		}),
		on(func(in *secretsmanager.DescribeSecretInput) (*secretsmanager.DescribeSecretOutput, error) {
			list, err := read(a, *in.SecretId, func(k, v *string) secrettypes.Tag { return secrettypes.Tag{Key: k, Value: v} })
			return &secretsmanager.DescribeSecretOutput{ARN: in.SecretId, Tags: list}, err
		}),
		on(func(in *secretsmanager.TagResourceInput) (*secretsmanager.TagResourceOutput, error) {
			a.add(*in.SecretId, unlist(in.Tags, func(t secrettypes.Tag) (*string, *string) { return t.Key, t.Value }))
			return &secretsmanager.TagResourceOutput{}, nil
		}),
		on(func(in *secretsmanager.UntagResourceInput) (*secretsmanager.UntagResourceOutput, error) {
			a.drop(*in.SecretId, in.TagKeys)
			return &secretsmanager.UntagResourceOutput{}, nil
		}),
	}
}

func (a *account) messaging() []answer {
	return []answer{
		on(func(in *sns.ListTagsForResourceInput) (*sns.ListTagsForResourceOutput, error) {
			list, err := read(a, *in.ResourceArn, func(k, v *string) snstypes.Tag { return snstypes.Tag{Key: k, Value: v} })
			return &sns.ListTagsForResourceOutput{Tags: list}, err
		}),
		on(func(in *sns.TagResourceInput) (*sns.TagResourceOutput, error) {
			a.add(*in.ResourceArn, unlist(in.Tags, func(t snstypes.Tag) (*string, *string) { return t.Key, t.Value }))
			return &sns.TagResourceOutput{}, nil
		}),
		on(func(in *sns.UntagResourceInput) (*sns.UntagResourceOutput, error) {
			a.drop(*in.ResourceArn, in.TagKeys)
			return &sns.UntagResourceOutput{}, nil
		}),
		on(func(in *sqs.ListQueueTagsInput) (*sqs.ListQueueTagsOutput, error) {
			present, err := a.object(*in.QueueUrl)
			return &sqs.ListQueueTagsOutput{Tags: present}, err
		}),
		on(func(in *sqs.TagQueueInput) (*sqs.TagQueueOutput, error) {
			a.add(*in.QueueUrl, in.Tags)
			return &sqs.TagQueueOutput{}, nil
		}),
		on(func(in *sqs.UntagQueueInput) (*sqs.UntagQueueOutput, error) {
			a.drop(*in.QueueUrl, in.TagKeys)
			return &sqs.UntagQueueOutput{}, nil
		}),
	}
}
