package tagoncreate

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/countermand/countermand/remediations"
)

// ec2Service tags several resources in one call. It reads the tags of all kinds by one API, which does not say whether a
// resource is there: only instances and volumes are asked for themselves.
var ec2Service = &service{
	read: readEC2,
	add: func(ctx context.Context, cfg aws.Config, t target, set tags) error {
		_, err := ec2.NewFromConfig(cfg).CreateTags(ctx, &ec2.CreateTagsInput{Resources: t.ids, Tags: list(set, ec2Tag)})
		return err
	},
	// The values are named, too: EC2 then leaves a tag alone whose value has changed.
	// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteTags.html
	remove: func(ctx context.Context, cfg aws.Config, t target, drop tags) error {
		_, err := ec2.NewFromConfig(cfg).DeleteTags(ctx, &ec2.DeleteTagsInput{Resources: t.ids, Tags: list(drop, ec2Tag)})
		return err
	},
	adding:   func(t target, set tags) string { return ec2Command("create-tags", t, set) },
	removing: func(t target, drop tags) string { return ec2Command("delete-tags", t, drop) },
	write:    "ec2:CreateTags", unwrite: "ec2:DeleteTags",
}

func ec2Tag(key, value *string) types.Tag { return types.Tag{Key: key, Value: value} }

func ec2Command(subcommand string, t target, set tags) string {
	pairs := list(set, func(k, v *string) map[string]*string { return map[string]*string{"Key": k, "Value": v} })
	return command("ec2 "+subcommand, t.region) + " --resources " + quoted(t.ids) + " --tags " + remediations.Quote(encoded(pairs))
}

func readEC2(ctx context.Context, cfg aws.Config, t target) (map[string]tags, error) {
	all := map[string]tags{}
	for _, id := range t.ids {
		all[id] = tags{}
	}
	pages := ec2.NewDescribeTagsPaginator(ec2.NewFromConfig(cfg), &ec2.DescribeTagsInput{
		Filters: []types.Filter{{Name: aws.String("resource-id"), Values: t.ids}},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("describe tags of %s: %w", strings.Join(t.ids, ", "), err)
		}
		for _, tag := range page.Tags {
			present, asked := all[aws.ToString(tag.ResourceId)]
			if !asked {
				return nil, fmt.Errorf("describe tags of %s: the answer is about %q", strings.Join(t.ids, ", "), aws.ToString(tag.ResourceId))
			}
			present[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
		}
	}
	return all, nil
}

// launch is how long after the call the volumes of an instance are surely created, and its start is shown. What was
// created at another time was only attached to it.
const launch = time.Minute

// together is a resource's id with those of what was created with it, which is tagged alike; none if it is deleted. That
// EC2, which is eventually consistent, does not show it yet is ErrNotReady.
func together(ctx context.Context, cfg aws.Config, r remediations.Resource, at time.Time) ([]string, error) {
	switch r.Type {
	case instance.resource:
		return inspectInstance(ctx, ec2.NewFromConfig(cfg), r.ID, at)
	case volume.resource:
		return inspectVolume(ctx, ec2.NewFromConfig(cfg), r.ID)
	}
	return []string{r.ID}, nil
}

func inspectVolume(ctx context.Context, client *ec2.Client, id string) ([]string, error) {
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
	return nil, fmt.Errorf("volume %s is not there: %w", id, remediations.ErrNotReady)
}

func inspectInstance(ctx context.Context, client *ec2.Client, id string, at time.Time) ([]string, error) {
	i, err := describeInstance(ctx, client, id)
	if err != nil || ended(i) {
		return nil, err
	}
	var attached []string
	for _, m := range i.BlockDeviceMappings {
		if m.Ebs != nil && aws.ToString(m.Ebs.VolumeId) != "" {
			attached = append(attached, *m.Ebs.VolumeId)
		}
	}
	if len(attached) == 0 && i.RootDeviceType == types.DeviceTypeEbs {
		return nil, fmt.Errorf("instance %s has no volumes: %w", id, remediations.ErrNotReady)
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
	for _, n := range i.NetworkInterfaces {
		// Only one that the launch creates can be told to go with the instance: this leaves out those that
		// were there before.
		// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceNetworkInterfaceSpecification.html
		if n.Attachment != nil && aws.ToBool(n.Attachment.DeleteOnTermination) && aws.ToString(n.NetworkInterfaceId) != "" {
			ids = append(ids, *n.NetworkInterfaceId)
		}
	}
	return ids, nil
}

func ended(i *types.Instance) bool {
	return i.State != nil && (i.State.Name == types.InstanceStateNameTerminated || i.State.Name == types.InstanceStateNameShuttingDown)
}

// startedAt reports whether an instance runs since a call at that time. If it was started again since, the call does not
// matter any more.
func startedAt(ctx context.Context, cfg aws.Config, id string, at time.Time) (bool, error) {
	i, err := describeInstance(ctx, ec2.NewFromConfig(cfg), id)
	if err != nil {
		return false, err
	}
	if i.State == nil || i.State.Name != types.InstanceStateNamePending && i.State.Name != types.InstanceStateNameRunning {
		return false, nil
	}
	since := aws.ToTime(i.LaunchTime)
	if since.Before(at.Add(-launch)) {
		return false, fmt.Errorf("instance %s runs since %s, before the call to start it: %w", id, since.Format(time.RFC3339), remediations.ErrNotReady)
	}
	return since.Before(at.Add(launch)), nil
}

func describeInstance(ctx context.Context, client *ec2.Client, id string) (*types.Instance, error) {
	out, err := client.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{id}})
	switch {
	case remediations.ErrorCode(err) == "InvalidInstanceID.NotFound":
		return nil, fmt.Errorf("describe instance %s: %w: %w", id, remediations.ErrNotReady, err)
	case err != nil:
		return nil, fmt.Errorf("describe instance %s: %w", id, err)
	}
	for _, reservation := range out.Reservations {
		for _, i := range reservation.Instances {
			if aws.ToString(i.InstanceId) == id {
				return &i, nil
			}
		}
	}
	return nil, fmt.Errorf("instance %s is not there: %w", id, remediations.ErrNotReady)
}

func describeVolumes(ctx context.Context, client *ec2.Client, ids ...string) ([]types.Volume, error) {
	out, err := client.DescribeVolumes(ctx, &ec2.DescribeVolumesInput{VolumeIds: ids})
	switch {
	case remediations.ErrorCode(err) == "InvalidVolume.NotFound":
		return nil, fmt.Errorf("describe volumes %s: %w: %w", strings.Join(ids, ", "), remediations.ErrNotReady, err)
	case err != nil:
		return nil, fmt.Errorf("describe volumes %s: %w", strings.Join(ids, ", "), err)
	}
	return out.Volumes, nil
}
