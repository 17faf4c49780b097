// Package amipublic stops sharing machine images with everybody.
package amipublic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
)

const images = "arn:${AWS::Partition}:ec2:${AWS::Region}::image/*"

// Module is the remediation.
var Module = &remediations.Module{
	Name: "ami-public",
	Doc: `stop sharing machine images (AMIs) with everybody

From a public image anybody with an AWS account can launch an instance, and read what is on its disks: code, keys and
passwords that were left there.

Public is an image that everybody may launch (the group "all"). Only that group is removed. The accounts, organizations
and organizational units that the image is shared with keep it, whoever they are: which ones are trusted is not known
here. Instances that were launched by then keep running. Undo shares the image with everybody again, unless somebody
else has by then; EC2 refuses that while block public access for AMIs is on.

Block public access for AMIs only keeps images from becoming public, so that it does not count here: those that are
public stay it. Nor is it watched being turned off: that makes no image public, and for up to ten minutes EC2 does not
say how it is set.`,
	Severity: remediations.Critical,
	Risk:     "whoever launches instances from an image that is public on purpose can't any more",
	Controls: []string{"ATT&CK/T1537"},
	Default:  remediations.Alert,
	Pattern:  events.CloudTrail("ec2", "ModifyImageAttribute"),
	Reads: []remediations.Permission{
		{Action: "ec2:DescribeImageAttribute", Resource: images},
	},
	Writes: []remediations.Permission{
		{Action: "ec2:ModifyImageAttribute", Resource: images},
	},
	Suspects: suspects,
	Guard:    guard,
	Action:   action,
	Undo:     undo,
}

// form is what an image's id looks like. It becomes part of commands that people copy.
var form = regexp.MustCompile(`^ami-[0-9a-f]+$`)

// suspects is the image of the event, whoever it was shared with or taken from: its state decides. A call that was
// about something else than sharing it makes nobody ask for that.
func suspects(event events.Event) ([]remediations.Resource, error) {
	request := event.Record.Request
	id := request.Get("imageId").Text()
	if !form.MatchString(id) {
		return nil, fmt.Errorf("the record of %s names no image, but %q", event.Record.EventName, id)
	}
	if other(request.Get("attributeType").Text()) && !request.Get("launchPermission").Exists() {
		return nil, nil
	}
	return []remediations.Resource{{ID: id, Type: "AWS::EC2::Image", Account: event.Account, Region: event.Region}}, nil
}

// other reports whether an attribute is one that does not share the image. A call modifies one only.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyImageAttribute.html
func other(attribute string) bool { return attribute == "description" || attribute == "imdsSupport" }

// state is all of an image that the action changes. Whom else it is shared with is left alone both ways, so that a
// change of that stands in nobody's way, and so that thousands of accounts don't make a record too large to write.
type state struct {
	Public bool `json:"public"`
}

// guard does not ask for block public access, which leaves public images public.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EnableImageBlockPublicAccess.html
func guard(ctx context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
	present, err := read(ctx, ec2.NewFromConfig(run.AWS), r.ID)
	if err != nil || present == nil || !present.Public {
		return nil, err
	}
	finding, err := remediations.Found(r, "the image is public: everybody may launch instances from it", state{Public: true}, state{})
	if err != nil {
		return nil, err
	}
	finding.Fix, finding.Revert = command(r, types.OperationTypeRemove), command(r, types.OperationTypeAdd)
	return finding, nil
}

// read is the image's state; nil if it is gone: deregistered, or in no state that it can be launched from.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
func read(ctx context.Context, client *ec2.Client, id string) (*state, error) {
	out, err := client.DescribeImageAttribute(ctx, &ec2.DescribeImageAttributeInput{
		ImageId: &id, Attribute: types.ImageAttributeNameLaunchPermission,
	})
	switch code := remediations.ErrorCode(err); {
	case code == "InvalidAMIID.NotFound", code == "InvalidAMIID.Unavailable":
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("describe who may launch image %s: %w", id, err)
	case aws.ToString(out.ImageId) != id:
		return nil, fmt.Errorf("describe who may launch image %s: the answer is about %q", id, aws.ToString(out.ImageId))
	}
	return &state{Public: slices.ContainsFunc(out.LaunchPermissions, func(p types.LaunchPermission) bool {
		return p.Group == types.PermissionGroupAll
	})}, nil
}

func action(ctx context.Context, run *remediations.Run, finding *remediations.Finding) error {
	all := []types.LaunchPermission{{Group: types.PermissionGroupAll}}
	return modify(ctx, ec2.NewFromConfig(run.AWS), finding.Resource.ID, &types.LaunchPermissionModifications{Remove: all})
}

func undo(ctx context.Context, run *remediations.Run, finding *remediations.Finding) error {
	id := finding.Resource.ID
	var before, after state
	if err := errors.Join(json.Unmarshal(finding.Before, &before), json.Unmarshal(finding.After, &after)); err != nil {
		return fmt.Errorf("decode the state of image %s: %w", id, err)
	}
	if !before.Public || after.Public {
		return fmt.Errorf("image %s was not public before, or still is after: there is nothing to undo", id)
	}
	client := ec2.NewFromConfig(run.AWS)
	present, err := read(ctx, client, id)
	switch {
	case err != nil:
		return err
	case present == nil:
		return fmt.Errorf("image %s is gone: %w", id, remediations.Changed(nil))
	case *present != after:
		return fmt.Errorf("share image %s again: %w", id, remediations.Changed(present))
	}
	all := []types.LaunchPermission{{Group: types.PermissionGroupAll}}
	return modify(ctx, client, id, &types.LaunchPermissionModifications{Add: all})
}

func modify(ctx context.Context, client *ec2.Client, id string, change *types.LaunchPermissionModifications) error {
	_, err := client.ModifyImageAttribute(ctx, &ec2.ModifyImageAttributeInput{
		ImageId: &id, Attribute: aws.String(string(types.ImageAttributeNameLaunchPermission)), LaunchPermission: change,
	})
	if err != nil {
		return fmt.Errorf("modify who may launch image %s: %w", id, err)
	}
	return nil
}

// command is the AWS CLI command that adds everybody to those who may launch the image, or removes them.
func command(r remediations.Resource, operation types.OperationType) string {
	return fmt.Sprintf("aws ec2 modify-image-attribute --region %s --image-id %s --attribute launchPermission --operation-type %s --user-groups all",
		remediations.Quote(r.Region), remediations.Quote(r.ID), operation)
}
