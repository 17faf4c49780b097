// Package ec2snapshotpublic stops sharing EBS snapshots with everybody.
package ec2snapshotpublic

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

const snapshots = "arn:${AWS::Partition}:ec2:${AWS::Region}::snapshot/*"

// Module is the remediation.
var Module = &remediations.Module{
	Name:  "ec2-snapshot-public",
	Title: "stop sharing EBS snapshots with everybody",
	Why:   `A public snapshot is a whole disk that anybody with an AWS account can copy, with the files, keys and passwords on it.`,
	Text: `Public is a snapshot from which everybody may create volumes (the group "all"). Only that group is removed: the accounts
that the snapshot is shared with one by one keep it, whoever they are. With trustedAccounts set, those that are not among
them are removed as well, and no other. Copies that others have made by then stay theirs. Undo shares the snapshot again
with whom it was taken from, unless somebody else has by then; EC2 refuses to make it public while block public access for
snapshots is on.

Where block public access keeps all snapshots of the Region private (block-all-sharing) nothing is wrong. It leaves the
permission as it is, so that a snapshot is public again when it is turned off or down to block-new-sharing. This module
does not notice that, as the event names no snapshot, until it sweeps: then it looks at the account's public snapshots in
the Region, and with trustedAccounts at all of the account's.`,
	Severity: remediations.Critical,
	Risk:     "whoever uses a snapshot that is shared on purpose can't copy it or create volumes from it any more",
	Controls: []string{"FSBP/EC2.1", "ATT&CK/T1537"},
	Default:  remediations.Alert,
	Pattern:  pattern.CloudTrail("ec2", "ModifySnapshotAttribute"),
	Settings: sharing.Settings{},
	Reads: []remediations.Permission{
		{Action: "ec2:DescribeSnapshotAttribute", Resource: snapshots},
		{Action: "ec2:DescribeSnapshots", Resource: "*", Why: "IAM knows no resources of a list"},
		{Action: "ec2:GetSnapshotBlockPublicAccessState", Resource: "*", Why: "the Region's block public access is no resource that IAM could name"},
	},
	Writes: []remediations.Permission{
		{Action: "ec2:ModifySnapshotAttribute", Resource: snapshots},
	},
	Suspects: suspects,
	Sweep:    sweep,
	Schedule: "rate(1 day)",
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

// sweep is the account's snapshots that are public, or all of them if accounts may be wrong, too: no list tells these.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSnapshots.html
func sweep(ctx context.Context, run *remediations.Run) iter.Seq2[remediations.Resource, error] {
	input := &ec2.DescribeSnapshotsInput{OwnerIds: []string{"self"}, MaxResults: aws.Int32(1000)}
	if len(run.Settings.(sharing.Settings).TrustedAccounts) == 0 {
		input.RestorableByUserIds = []string{"all"}
	}
	return func(yield func(remediations.Resource, error) bool) {
		pages := ec2.NewDescribeSnapshotsPaginator(ec2.NewFromConfig(run.AWS), input)
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(remediations.Resource{}, fmt.Errorf("list snapshots in %s: %w", run.AWS.Region, err))
				return
			}
			for _, s := range page.Snapshots {
				r := remediations.Resource{ID: aws.ToString(s.SnapshotId), Type: "AWS::EC2::Snapshot", Account: run.Account, Region: run.AWS.Region}
				if !form.MatchString(r.ID) {
					yield(remediations.Resource{}, fmt.Errorf("list snapshots in %s: the answer names one %q", r.Region, r.ID))
					return
				}
				if !yield(r, nil) {
					return
				}
			}
		}
	}
}

func guard(ctx context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
	client := ec2.NewFromConfig(run.AWS)
	var (
		present *sharing.State
		blocked bool
	)
	err := remediations.InParallel(
		func() (err error) { present, err = read(ctx, client, r.ID); return err },
		func() (err error) { blocked, err = blocksAll(ctx, client, r.Region); return err },
	)
	if err != nil || present == nil {
		return nil, err
	}
	present.Public = present.Public && !blocked
	wrong := run.Settings.(sharing.Settings).Wrong(*present, r.Account)
	if wrong.None() {
		return nil, nil
	}
	finding, err := sharing.Found(r, "the snapshot", "may copy it and create volumes from it", wrong)
	if err != nil {
		return nil, err
	}
	finding.Fix, finding.Revert = command(r, types.OperationTypeRemove, wrong), command(r, types.OperationTypeAdd, wrong)
	return finding, nil
}

// read is with whom the snapshot is shared; nil if it is gone.
func read(ctx context.Context, client *ec2.Client, id string) (*sharing.State, error) {
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
	present := &sharing.State{}
	for _, p := range out.CreateVolumePermissions {
		present.Public = present.Public || p.Group == types.PermissionGroupAll
		if p.UserId != nil {
			present.Accounts = append(present.Accounts, *p.UserId)
		}
	}
	return present, nil
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
		return fmt.Errorf("snapshot %s is gone: %w", id, remediations.Changed(nil))
	case !present.Within(taken).None():
		return fmt.Errorf("share snapshot %s again: %w", id, remediations.Changed(present.Within(taken)))
	}
	return modify(ctx, client, id, types.OperationTypeAdd, taken)
}

// maxChanges is how many permissions a call may change.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifySnapshotAttribute.html
const maxChanges = 500

// modify adds to those who may use the snapshot, or removes them.
func modify(ctx context.Context, client *ec2.Client, id string, operation types.OperationType, who sharing.State) error {
	var permissions []types.CreateVolumePermission
	if who.Public {
		permissions = append(permissions, types.CreateVolumePermission{Group: types.PermissionGroupAll})
	}
	for _, account := range who.Accounts {
		permissions = append(permissions, types.CreateVolumePermission{UserId: &account})
	}
	for some := range slices.Chunk(permissions, maxChanges) {
		change := &types.CreateVolumePermissionModifications{Remove: some}
		if operation == types.OperationTypeAdd {
			change = &types.CreateVolumePermissionModifications{Add: some}
		}
		_, err := client.ModifySnapshotAttribute(ctx, &ec2.ModifySnapshotAttributeInput{
			SnapshotId: &id, Attribute: types.SnapshotAttributeNameCreateVolumePermission, CreateVolumePermission: change,
		})
		if err != nil {
			return fmt.Errorf("modify who may use snapshot %s: %w", id, err)
		}
	}
	return nil
}

// command is the AWS CLI command that adds to those who may use the snapshot, or removes them.
func command(r remediations.Resource, operation types.OperationType, who sharing.State) string {
	return fmt.Sprintf("aws ec2 modify-snapshot-attribute --region %s --snapshot-id %s --attribute createVolumePermission --operation-type %s %s",
		remediations.Quote(r.Region), remediations.Quote(r.ID), operation, who.Words("--group-names", "all", "--user-ids"))
}
