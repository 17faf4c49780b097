// Package snapshotpublic stops sharing EBS snapshots with everybody.
package snapshotpublic

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

const snapshots = "arn:${AWS::Partition}:ec2:${AWS::Region}::snapshot/*"

// Module is the remediation.
var Module = &remediations.Module{
	Name: "snapshot-public",
	Doc: `stop sharing EBS snapshots with everybody

A public snapshot is a whole disk that anybody with an AWS account can copy, with the files, keys and passwords on it.

Public is a snapshot from which everybody may create volumes (the group "all"). Only that group is removed. The
accounts that the snapshot is shared with one by one keep it, whoever they are: which ones are trusted is not known
here. Copies that others have made by then stay theirs. Undo shares the snapshot with everybody again, unless somebody
else has by then; EC2 refuses that while block public access for snapshots is on.

Where block public access keeps all snapshots of the Region private (block-all-sharing) nothing is wrong. It leaves the
permission as it is, so that a snapshot is public again when it is turned off or down to block-new-sharing. This module
does not notice that: the event names no snapshot.`,
	Severity: remediations.Critical,
	Risk:     "whoever uses a snapshot that is public on purpose can't copy it or create volumes from it any more",
	Controls: []string{"FSBP/EC2.1", "ATT&CK/T1537"},
	Default:  remediations.Alert,
	Pattern:  events.CloudTrail("ec2", "ModifySnapshotAttribute"),
	Reads: []remediations.Permission{
		{Action: "ec2:DescribeSnapshotAttribute", Resource: snapshots},
		{Action: "ec2:GetSnapshotBlockPublicAccessState", Resource: "*", Why: "the Region's block public access is no resource that IAM could name"},
	},
	Writes: []remediations.Permission{
		{Action: "ec2:ModifySnapshotAttribute", Resource: snapshots},
	},
	Suspects: suspects,
	Guard:    guard,
	Action:   action,
	Undo:     undo,
}

// form is what a snapshot's id looks like. It becomes part of commands that people copy.
var form = regexp.MustCompile(`^snap-[0-9a-f]+$`)

// suspects is the snapshot of the event, whoever it was shared with or taken from: its state decides.
func suspects(event events.Event) ([]remediations.Resource, error) {
	id := event.Record.Request.Get("snapshotId").Text()
	if !form.MatchString(id) {
		return nil, fmt.Errorf("the record of %s names no snapshot, but %q", event.Record.EventName, id)
	}
	return []remediations.Resource{{ID: id, Type: "AWS::EC2::Snapshot", Account: event.Account, Region: event.Region}}, nil
}

// state is all of a snapshot that the action changes. Whom else it is shared with is left alone both ways, so that a
// change of that stands in nobody's way, and so that thousands of accounts don't make a record too large to write.
type state struct {
	Public bool `json:"public"`
}

func guard(ctx context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
	client := ec2.NewFromConfig(run.AWS)
	var (
		present *state
		blocked bool
	)
	err := remediations.AtOnce(
		func() (err error) { present, err = read(ctx, client, r.ID); return err },
		func() (err error) { blocked, err = blocksAll(ctx, client, r.Region); return err },
	)
	if err != nil || present == nil || !present.Public || blocked {
		return nil, err
	}
	finding, err := remediations.Found(r, "the snapshot is public: everybody may copy it and create volumes from it", state{Public: true}, state{})
	if err != nil {
		return nil, err
	}
	finding.Fix, finding.Revert = command(r, types.OperationTypeRemove), command(r, types.OperationTypeAdd)
	return finding, nil
}

// read is the snapshot's state; nil if it is gone.
func read(ctx context.Context, client *ec2.Client, id string) (*state, error) {
	out, err := client.DescribeSnapshotAttribute(ctx, &ec2.DescribeSnapshotAttributeInput{
		SnapshotId: &id, Attribute: types.SnapshotAttributeNameCreateVolumePermission,
	})
	switch {
	case remediations.ErrorCode(err) == "InvalidSnapshot.NotFound":
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("describe who may use snapshot %s: %w", id, err)
	case aws.ToString(out.SnapshotId) != id:
		return nil, fmt.Errorf("describe who may use snapshot %s: the answer is about %q", id, aws.ToString(out.SnapshotId))
	}
	return &state{Public: slices.ContainsFunc(out.CreateVolumePermissions, func(p types.CreateVolumePermission) bool {
		return p.Group == types.PermissionGroupAll
	})}, nil
}

// blocksAll reports whether public snapshots are private all the same. With block-new-sharing they are not.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EnableSnapshotBlockPublicAccess.html
func blocksAll(ctx context.Context, client *ec2.Client, region string) (bool, error) {
	out, err := client.GetSnapshotBlockPublicAccessState(ctx, &ec2.GetSnapshotBlockPublicAccessStateInput{})
	if err != nil {
		return false, fmt.Errorf("get block public access for snapshots in %s: %w", region, err)
	}
	return out.State == types.SnapshotBlockPublicAccessStateBlockAllSharing, nil
}

func action(ctx context.Context, run *remediations.Run, finding *remediations.Finding) error {
	all := []types.CreateVolumePermission{{Group: types.PermissionGroupAll}}
	return modify(ctx, ec2.NewFromConfig(run.AWS), finding.Resource.ID, &types.CreateVolumePermissionModifications{Remove: all})
}

func undo(ctx context.Context, run *remediations.Run, finding *remediations.Finding) error {
	id := finding.Resource.ID
	var before, after state
	if err := errors.Join(json.Unmarshal(finding.Before, &before), json.Unmarshal(finding.After, &after)); err != nil {
		return fmt.Errorf("decode the state of snapshot %s: %w", id, err)
	}
	if !before.Public || after.Public {
		return fmt.Errorf("snapshot %s was not public before, or still is after: there is nothing to undo", id)
	}
	client := ec2.NewFromConfig(run.AWS)
	present, err := read(ctx, client, id)
	switch {
	case err != nil:
		return err
	case present == nil:
		return fmt.Errorf("snapshot %s is gone: %w", id, remediations.Changed(nil))
	case *present != after:
		return fmt.Errorf("share snapshot %s again: %w", id, remediations.Changed(present))
	}
	all := []types.CreateVolumePermission{{Group: types.PermissionGroupAll}}
	return modify(ctx, client, id, &types.CreateVolumePermissionModifications{Add: all})
}

func modify(ctx context.Context, client *ec2.Client, id string, change *types.CreateVolumePermissionModifications) error {
	_, err := client.ModifySnapshotAttribute(ctx, &ec2.ModifySnapshotAttributeInput{
		SnapshotId: &id, Attribute: types.SnapshotAttributeNameCreateVolumePermission, CreateVolumePermission: change,
	})
	if err != nil {
		return fmt.Errorf("modify who may use snapshot %s: %w", id, err)
	}
	return nil
}

// command is the AWS CLI command that adds everybody to those who may use the snapshot, or removes them.
func command(r remediations.Resource, operation types.OperationType) string {
	return fmt.Sprintf("aws ec2 modify-snapshot-attribute --region %s --snapshot-id %s --attribute createVolumePermission --operation-type %s --group-names all",
		remediations.Quote(r.Region), remediations.Quote(r.ID), operation)
}
