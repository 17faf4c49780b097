package tagoncreate

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
)

// kind is a kind of resource that is tagged.
type kind struct {
	event    string // the call that creates it, by CloudTrail's name
	resource string // CloudFormation's name of its type
	// created is the ids that the record says were created.
	created func(events.Record) ([]string, error)
	// inspect is the id of the resource and of what was created with it; none if it is deleted. That EC2,
	// which is eventually consistent, does not show it yet is ErrNotYet.
	inspect func(ctx context.Context, client *ec2.Client, id string, at time.Time) ([]string, error)
}

var kinds = []kind{
	{event: "CreateVolume", resource: "AWS::EC2::Volume", created: newVolume, inspect: inspectVolume},
	{event: "RunInstances", resource: "AWS::EC2::Instance", created: newInstances, inspect: inspectInstance},
}

func eventNames() []string {
	var names []string
	for _, k := range kinds {
		names = append(names, k.event)
	}
	return names
}

// form is what an id of EC2 looks like. It becomes part of commands that people copy.
var form = regexp.MustCompile(`^(i|vol)-[0-9a-z]+$`)

func checked(ids ...string) ([]string, error) {
	for _, id := range ids {
		if !form.MatchString(id) {
			return nil, fmt.Errorf("%q is not the id of an instance or a volume", id)
		}
	}
	return ids, nil
}

func newVolume(r events.Record) ([]string, error) {
	return checked(r.Response.Get("volumeId").Text())
}

// newInstances reads the ids from the response: the request has none, and a call may launch several.
func newInstances(r events.Record) ([]string, error) {
	var ids []string
	for _, item := range r.Response.Get("instancesSet").List() {
		ids = append(ids, item.Get("instanceId").Text())
	}
	if len(ids) == 0 {
		return nil, errors.New("the record of RunInstances names no instance")
	}
	return checked(ids...)
}

func inspectVolume(ctx context.Context, client *ec2.Client, id string, _ time.Time) ([]string, error) {
	volumes, err := describeVolumes(ctx, client, id)
	if err != nil {
		return nil, err
	}
	for _, v := range volumes {
		if aws.ToString(v.VolumeId) != id {
			continue
		}
		if v.State == types.VolumeStateDeleting || v.State == types.VolumeStateDeleted {
			return nil, nil
		}
		return []string{id}, nil
	}
	return nil, fmt.Errorf("volume %s is not there: %w", id, remediations.ErrNotYet)
}

// launch is how long after the call the volumes of an instance are surely created. What was created at
// another time was only attached to it.
const launch = time.Minute

func inspectInstance(ctx context.Context, client *ec2.Client, id string, at time.Time) ([]string, error) {
	instance, err := describeInstance(ctx, client, id)
	if err != nil {
		return nil, err
	}
	if instance.State != nil && (instance.State.Name == types.InstanceStateNameTerminated || instance.State.Name == types.InstanceStateNameShuttingDown) {
		return nil, nil
	}
	var attached []string
	for _, m := range instance.BlockDeviceMappings {
		if m.Ebs != nil && aws.ToString(m.Ebs.VolumeId) != "" {
			attached = append(attached, *m.Ebs.VolumeId)
		}
	}
	if len(attached) == 0 && instance.RootDeviceType == types.DeviceTypeEbs {
		return nil, fmt.Errorf("instance %s has no volumes: %w", id, remediations.ErrNotYet)
	}
	ids := []string{id}
	if len(attached) > 0 {
		volumes, err := describeVolumes(ctx, client, attached...)
		if err != nil {
			return nil, err
		}
		for _, v := range volumes {
			if v.CreateTime != nil && v.CreateTime.Sub(at).Abs() <= launch {
				ids = append(ids, aws.ToString(v.VolumeId))
			}
		}
	}
	for _, i := range instance.NetworkInterfaces {
		// Only one that the launch creates can be told to go with the instance: this leaves out those that
		// were there before.
		// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceNetworkInterfaceSpecification.html
		if i.Attachment != nil && aws.ToBool(i.Attachment.DeleteOnTermination) && aws.ToString(i.NetworkInterfaceId) != "" {
			ids = append(ids, *i.NetworkInterfaceId)
		}
	}
	return ids, nil
}

func describeInstance(ctx context.Context, client *ec2.Client, id string) (*types.Instance, error) {
	out, err := client.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{id}})
	switch {
	case remediations.ErrorCode(err) == "InvalidInstanceID.NotFound":
		return nil, fmt.Errorf("describe instance %s: %w: %w", id, remediations.ErrNotYet, err)
	case err != nil:
		return nil, fmt.Errorf("describe instance %s: %w", id, err)
	}
	for _, reservation := range out.Reservations {
		for _, instance := range reservation.Instances {
			if aws.ToString(instance.InstanceId) == id {
				return &instance, nil
			}
		}
	}
	return nil, fmt.Errorf("instance %s is not there: %w", id, remediations.ErrNotYet)
}

func describeVolumes(ctx context.Context, client *ec2.Client, ids ...string) ([]types.Volume, error) {
	out, err := client.DescribeVolumes(ctx, &ec2.DescribeVolumesInput{VolumeIds: ids})
	switch {
	case remediations.ErrorCode(err) == "InvalidVolume.NotFound":
		return nil, fmt.Errorf("describe volumes %s: %w: %w", strings.Join(ids, ", "), remediations.ErrNotYet, err)
	case err != nil:
		return nil, fmt.Errorf("describe volumes %s: %w", strings.Join(ids, ", "), err)
	}
	return out.Volumes, nil
}
