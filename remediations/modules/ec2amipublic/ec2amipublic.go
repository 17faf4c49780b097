// Package ec2amipublic stops sharing machine images with everybody.
package ec2amipublic

import (
	"context"
	"fmt"
	"iter"
	"regexp"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/events/pattern"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/knowledge/sharing"
)

const images = "arn:${AWS::Partition}:ec2:${AWS::Region}::image/*"

// Module is the remediation.
var Module = &remediations.Module{
	Name:  "ec2-ami-public",
	Title: "stop sharing machine images (AMIs) with everybody",
	Why: `From a public image anybody with an AWS account can launch an instance, and read what is on its disks: code, keys and
passwords that were left there.`,
	Text: `Public is an image that everybody may launch (the group "all"). Only that group is removed: the accounts, organizations and
organizational units that the image is shared with keep it, whoever they are. With trustedAccounts set, the accounts that
are not among them are removed as well, and nobody else. Instances that were launched by then keep running. Undo shares the
image again with whom it was taken from, unless somebody else has by then; EC2 refuses to make it public while block public
access for AMIs is on.

Block public access for AMIs only keeps images from becoming public, so that it does not count here: those that are
public stay it. Nor is it watched being turned off: that makes no image public, and for up to ten minutes EC2 does not
say how it is set. A sweep looks at the account's public images in the Region, and with trustedAccounts at all of the
account's.`,
	Severity: remediations.Critical,
	Risk:     "whoever launches instances from an image that is shared on purpose can't any more",
	Controls: []string{"ATT&CK/T1537"},
	Default:  remediations.Alert,
	Pattern:  pattern.CloudTrail("ec2", "ModifyImageAttribute"),
	Settings: sharing.Settings{},
	Reads: []remediations.Permission{
		{Action: "ec2:DescribeImageAttribute", Resource: images},
		{Action: "ec2:DescribeImages", Resource: "*", Why: "IAM knows no resources of a list"},
	},
	Writes: []remediations.Permission{
		{Action: "ec2:ModifyImageAttribute", Resource: images},
	},
	Suspects: suspects,
	Sweep:    sweep,
	Schedule: "rate(1 day)",
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

// sweep is the account's images that are public, or all of them if accounts may be wrong, too: no list tells these.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeImages.html
func sweep(ctx context.Context, run *remediations.Run) iter.Seq2[remediations.Resource, error] {
	input := &ec2.DescribeImagesInput{Owners: []string{"self"}, MaxResults: aws.Int32(1000)}
	if len(run.Settings.(sharing.Settings).TrustedAccounts) == 0 {
		input.Filters = []types.Filter{{Name: aws.String("is-public"), Values: []string{"true"}}}
	}
	return func(yield func(remediations.Resource, error) bool) {
		pages := ec2.NewDescribeImagesPaginator(ec2.NewFromConfig(run.AWS), input)
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(remediations.Resource{}, fmt.Errorf("list images in %s: %w", run.AWS.Region, err))
				return
			}
			for _, image := range page.Images {
				r := remediations.Resource{ID: aws.ToString(image.ImageId), Type: "AWS::EC2::Image", Account: run.Account, Region: run.AWS.Region}
				if !form.MatchString(r.ID) {
					yield(remediations.Resource{}, fmt.Errorf("list images in %s: the answer names one %q", r.Region, r.ID))
					return
				}
				if !yield(r, nil) {
					return
				}
			}
		}
	}
}

// guard does not ask for block public access, which leaves public images public.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EnableImageBlockPublicAccess.html
func guard(ctx context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
	present, err := read(ctx, ec2.NewFromConfig(run.AWS), r.ID)
	if err != nil || present == nil {
		return nil, err
	}
	wrong := run.Settings.(sharing.Settings).Wrong(*present, r.Account)
	if wrong.None() {
		return nil, nil
	}
	finding, err := sharing.Found(r, "the image", "may launch instances from it", wrong)
	if err != nil {
		return nil, err
	}
	finding.Fix, finding.Revert = command(r, types.OperationTypeRemove, wrong), command(r, types.OperationTypeAdd, wrong)
	return finding, nil
}

// read is with whom the image is shared; nil if it is gone: deregistered, or in no state that it can be launched from.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
func read(ctx context.Context, client *ec2.Client, id string) (*sharing.State, error) {
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
	present := &sharing.State{}
	for _, p := range out.LaunchPermissions {
		present.Public = present.Public || p.Group == types.PermissionGroupAll
		if p.UserId != nil {
			present.Accounts = append(present.Accounts, *p.UserId)
		}
	}
	return present, nil
}

func action(ctx context.Context, run *remediations.Run, finding *remediations.Finding) error {
	taken, err := sharing.Taken(finding)
	if err != nil {
		return err
	}
	return modify(ctx, ec2.NewFromConfig(run.AWS), finding.Resource.ID, types.OperationTypeRemove, taken)
}

func undo(ctx context.Context, run *remediations.Run, finding *remediations.Finding) error {
	id := finding.Resource.ID
	taken, err := sharing.Taken(finding)
	if err != nil {
		return err
	}
	client := ec2.NewFromConfig(run.AWS)
	present, err := read(ctx, client, id)
	switch {
	case err != nil:
		return err
	case present == nil:
		return fmt.Errorf("image %s is gone: %w", id, remediations.Changed(nil))
	case !present.Within(taken).None():
		return fmt.Errorf("share image %s again: %w", id, remediations.Changed(present.Within(taken)))
	}
	return modify(ctx, client, id, types.OperationTypeAdd, taken)
}

// maxChanges is how many permissions a call changes. EC2 says no number for images; for snapshots it is this one.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifySnapshotAttribute.html
const maxChanges = 500

// modify adds to those who may launch the image, or removes them.
func modify(ctx context.Context, client *ec2.Client, id string, operation types.OperationType, who sharing.State) error {
	var permissions []types.LaunchPermission
	if who.Public {
		permissions = append(permissions, types.LaunchPermission{Group: types.PermissionGroupAll})
	}
	for _, account := range who.Accounts {
		permissions = append(permissions, types.LaunchPermission{UserId: &account})
	}
	for some := range slices.Chunk(permissions, maxChanges) {
		change := &types.LaunchPermissionModifications{Remove: some}
		if operation == types.OperationTypeAdd {
			change = &types.LaunchPermissionModifications{Add: some}
		}
		_, err := client.ModifyImageAttribute(ctx, &ec2.ModifyImageAttributeInput{
			ImageId: &id, Attribute: aws.String(string(types.ImageAttributeNameLaunchPermission)), LaunchPermission: change,
		})
		if err != nil {
			return fmt.Errorf("modify who may launch image %s: %w", id, err)
		}
	}
	return nil
}

// command is the AWS CLI command that adds to those who may launch the image, or removes them.
func command(r remediations.Resource, operation types.OperationType, who sharing.State) string {
	return fmt.Sprintf("aws ec2 modify-image-attribute --region %s --image-id %s --attribute launchPermission --operation-type %s %s",
		remediations.Quote(r.Region), remediations.Quote(r.ID), operation, who.Words("--user-groups", "all", "--user-ids"))
}
