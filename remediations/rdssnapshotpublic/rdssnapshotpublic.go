// Package rdssnapshotpublic stops sharing snapshots of databases with everybody.
package rdssnapshotpublic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/rds"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
)

const (
	instanceSnapshots = "arn:${AWS::Partition}:rds:${AWS::Region}:${AWS::AccountId}:snapshot:*"
	clusterSnapshots  = "arn:${AWS::Partition}:rds:${AWS::Region}:${AWS::AccountId}:cluster-snapshot:*"
)

// Module is the remediation.
var Module = &remediations.Module{
	Name: "rds-snapshot-public",
	Doc: `stop sharing RDS snapshots with everybody

A public snapshot is a whole database that anybody with an AWS account can copy and restore, with all that is in it.

Public is a snapshot that everybody may restore ("all"), of a DB instance or of a DB cluster (Aurora, Neptune and
DocumentDB among them). Only that is removed. The accounts that the snapshot is shared with one by one keep it, whoever
they are: which ones are trusted is not known here. Copies that others have made by then stay theirs. Undo shares the
snapshot with everybody again, unless somebody else has by then.`,
	Severity: remediations.Critical,
	Risk:     "whoever copies or restores a snapshot that is public on purpose can't any more",
	Controls: []string{"FSBP/RDS.1", "FSBP/DocumentDB.3", "FSBP/Neptune.3", "ATT&CK/T1537"},
	Default:  remediations.Alert,
	Pattern:  events.CloudTrail("rds", eventNames()...),
	Reads: []remediations.Permission{
		{Action: "rds:DescribeDBClusterSnapshotAttributes", Resource: clusterSnapshots},
		{Action: "rds:DescribeDBSnapshotAttributes", Resource: instanceSnapshots},
	},
	Writes: []remediations.Permission{
		{Action: "rds:ModifyDBClusterSnapshotAttribute", Resource: clusterSnapshots},
		{Action: "rds:ModifyDBSnapshotAttribute", Resource: instanceSnapshots},
	},
	Suspects: suspects,
	Guard:    guard,
	Action:   action,
	Undo:     undo,
}

// suspects is the snapshot of the event, whoever it was shared with or taken from: its state decides. One of another
// account is that account's to look after.
func suspects(event events.Event) ([]remediations.Resource, error) {
	k, ok := kindOf(func(k kind) bool { return k.event == event.Record.EventName })
	if !ok {
		return nil, fmt.Errorf("nothing is known about what %s shares", event.Record.EventName)
	}
	owner, name, err := k.named(event.Record.Request.Get(k.parameter).Text(), event.Region)
	switch {
	case err != nil:
		return nil, fmt.Errorf("the record of %s: %w", event.Record.EventName, err)
	case owner != "" && owner != event.Account:
		return nil, nil
	}
	return []remediations.Resource{{ID: name, Type: k.resource, Account: event.Account, Region: event.Region}}, nil
}

// state is all of a snapshot that the action changes. Whom else it is shared with is left alone both ways, so that a
// change of that stands in nobody's way.
type state struct {
	Public bool `json:"public"`
}

// everybody is the value that stands for all accounts.
// https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBSnapshotAttribute.html
const everybody = "all"

func guard(ctx context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
	k, err := kindOfResource(r)
	if err != nil {
		return nil, err
	}
	present, err := k.read(ctx, rds.NewFromConfig(run.AWS), r.ID)
	if err != nil || present == nil || !present.Public {
		return nil, err
	}
	finding, err := remediations.Found(r, "the "+k.noun+" is public: everybody may copy and restore it", state{Public: true}, state{})
	if err != nil {
		return nil, err
	}
	finding.Fix, finding.Revert = k.command(r, "--values-to-remove"), k.command(r, "--values-to-add")
	return finding, nil
}

// read is the snapshot's state; nil if it is gone.
func (k kind) read(ctx context.Context, client *rds.Client, id string) (*state, error) {
	found, err := k.describe(ctx, client, id)
	switch {
	case remediations.ErrorCode(err) == k.gone:
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("describe who may restore %s %s: %w", k.noun, id, err)
	case !strings.EqualFold(found.id, id):
		return nil, fmt.Errorf("describe who may restore %s %s: the answer is about %q", k.noun, id, found.id)
	}
	return &state{Public: slices.Contains(found.restore, everybody)}, nil
}

func action(ctx context.Context, run *remediations.Run, finding *remediations.Finding) error {
	k, err := kindOfResource(finding.Resource)
	if err != nil {
		return err
	}
	return k.change(ctx, rds.NewFromConfig(run.AWS), finding.Resource.ID, nil, []string{everybody})
}

func undo(ctx context.Context, run *remediations.Run, finding *remediations.Finding) error {
	k, err := kindOfResource(finding.Resource)
	if err != nil {
		return err
	}
	id := finding.Resource.ID
	var before, after state
	if err := errors.Join(json.Unmarshal(finding.Before, &before), json.Unmarshal(finding.After, &after)); err != nil {
		return fmt.Errorf("decode the state of %s %s: %w", k.noun, id, err)
	}
	if !before.Public || after.Public {
		return fmt.Errorf("%s %s was not public before, or still is after: there is nothing to undo", k.noun, id)
	}
	client := rds.NewFromConfig(run.AWS)
	present, err := k.read(ctx, client, id)
	switch {
	case err != nil:
		return err
	case present == nil:
		return fmt.Errorf("%s %s is gone: %w", k.noun, id, remediations.Changed(nil))
	case *present != after:
		return fmt.Errorf("share %s %s again: %w", k.noun, id, remediations.Changed(present))
	}
	return k.change(ctx, client, id, []string{everybody}, nil)
}

func (k kind) change(ctx context.Context, client *rds.Client, id string, add, remove []string) error {
	if err := k.modify(ctx, client, id, add, remove); err != nil {
		return fmt.Errorf("modify who may restore %s %s: %w", k.noun, id, err)
	}
	return nil
}

// command is the AWS CLI command that adds everybody to those who may restore the snapshot, or removes them.
func (k kind) command(r remediations.Resource, flag string) string {
	return strings.Join([]string{"aws rds", k.subcommand, "--region", remediations.Quote(r.Region), k.flag, remediations.Quote(r.ID),
		"--attribute-name restore", flag, everybody}, " ")
}
