// Package rdssnapshotpublic stops sharing snapshots of databases with everybody.
package rdssnapshotpublic

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/rds"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/events/pattern"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/knowledge/sharing"
)

const (
	instanceSnapshots = "arn:${AWS::Partition}:rds:${AWS::Region}:${AWS::AccountId}:snapshot:*"
	clusterSnapshots  = "arn:${AWS::Partition}:rds:${AWS::Region}:${AWS::AccountId}:cluster-snapshot:*"

	whyAll = "a list names no snapshot, but takes in those of all databases"
)

// Module is the remediation.
var Module = &remediations.Module{
	Name:  "rds-snapshot-public",
	Title: "stop sharing RDS snapshots with everybody",
	Why:   `A public snapshot is a whole database that anybody with an AWS account can copy and restore, with all that is in it.`,
	Text: `Public is a snapshot that everybody may restore ("all"), of a DB instance or of a DB cluster (Aurora, Neptune and
DocumentDB among them). Only that is removed: the accounts that the snapshot is shared with one by one keep it, whoever they
are. With trustedAccounts set, those that are not among them are removed as well, and no other. Copies that others have made
by then stay theirs. Undo shares the snapshot again with whom it was taken from, unless somebody else has by then.

A sweep looks at all snapshots of the account in the Region that somebody has made: RDS has no list of those that are
shared. Those that RDS makes by itself can't be.`,
	Severity: remediations.Critical,
	Risk:     "whoever copies or restores a snapshot that is shared on purpose can't any more",
	Controls: []string{"FSBP/RDS.1", "FSBP/DocumentDB.3", "FSBP/Neptune.3", "ATT&CK/T1537"},
	Default:  remediations.Alert,
	Pattern:  pattern.CloudTrail("rds", eventNames()...),
	Settings: sharing.Settings{},
	Reads: []remediations.Permission{
		{Action: "rds:DescribeDBClusterSnapshotAttributes", Resource: clusterSnapshots},
		{Action: "rds:DescribeDBSnapshotAttributes", Resource: instanceSnapshots},
		{Action: "rds:DescribeDBClusterSnapshots", Resource: "*", Why: whyAll},
		{Action: "rds:DescribeDBSnapshots", Resource: "*", Why: whyAll},
	},
	Writes: []remediations.Permission{
		{Action: "rds:ModifyDBClusterSnapshotAttribute", Resource: clusterSnapshots},
		{Action: "rds:ModifyDBSnapshotAttribute", Resource: instanceSnapshots},
	},
	Suspects: suspects,
	Sweep:    sweep,
	Schedule: "rate(1 day)",
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

// everybody is the value that stands for all accounts.
// https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBSnapshotAttribute.html
const everybody = "all"

func guard(ctx context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
	k, err := kindOfResource(r)
	if err != nil {
		return nil, err
	}
	present, err := k.read(ctx, rds.NewFromConfig(run.AWS), r.ID)
	if err != nil || present == nil {
		return nil, err
	}
	wrong := run.Settings.(sharing.Settings).Wrong(*present, r.Account)
	if wrong.None() {
		return nil, nil
	}
	finding, err := sharing.Found(r, "the "+k.noun, "may copy and restore it", wrong)
	if err != nil {
		return nil, err
	}
	finding.Fix, finding.Revert = k.command(r, "--values-to-remove", wrong), k.command(r, "--values-to-add", wrong)
	return finding, nil
}

// read is with whom the snapshot is shared; nil if it is gone.
func (k kind) read(ctx context.Context, client *rds.Client, id string) (*sharing.State, error) {
	found, err := k.describe(ctx, client, id)
	switch {
	case remediations.ErrorCode(err) == k.gone:
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("describe who may restore %s %s: %w", k.noun, id, err)
	case !strings.EqualFold(found.id, id):
		return nil, fmt.Errorf("describe who may restore %s %s: the answer is about %q", k.noun, id, found.id)
	}
	present := &sharing.State{}
	for _, who := range found.restore {
		if who == everybody {
			present.Public = true
		} else {
			present.Accounts = append(present.Accounts, who)
		}
	}
	return present, nil
}

func action(ctx context.Context, run *remediations.Run, finding *remediations.Finding) error {
	k, err := kindOfResource(finding.Resource)
	if err != nil {
		return err
	}
	taken, err := sharing.Taken(finding)
	if err != nil {
		return err
	}
	return k.change(ctx, rds.NewFromConfig(run.AWS), finding.Resource.ID, nil, values(taken))
}

func undo(ctx context.Context, run *remediations.Run, finding *remediations.Finding) error {
	k, err := kindOfResource(finding.Resource)
	if err != nil {
		return err
	}
	taken, err := sharing.Taken(finding)
	if err != nil {
		return err
	}
	id, client := finding.Resource.ID, rds.NewFromConfig(run.AWS)
	present, err := k.read(ctx, client, id)
	switch {
	case err != nil:
		return err
	case present == nil:
		return fmt.Errorf("%s %s is gone: %w", k.noun, id, remediations.Changed(nil))
	case !present.Within(taken).None():
		return fmt.Errorf("share %s %s again: %w", k.noun, id, remediations.Changed(present.Within(taken)))
	}
	return k.change(ctx, client, id, values(taken), nil)
}

// values is a state in the attribute's values. RDS shares a snapshot with 20 accounts at most, which a call takes at once.
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ShareSnapshot.html
func values(who sharing.State) []string {
	if who.Public {
		return append([]string{everybody}, who.Accounts...)
	}
	return who.Accounts
}

func (k kind) change(ctx context.Context, client *rds.Client, id string, add, remove []string) error {
	if err := k.modify(ctx, client, id, add, remove); err != nil {
		return fmt.Errorf("modify who may restore %s %s: %w", k.noun, id, err)
	}
	return nil
}

// command is the AWS CLI command that adds to those who may restore the snapshot, or removes them.
func (k kind) command(r remediations.Resource, flag string, who sharing.State) string {
	return strings.Join([]string{"aws rds", k.subcommand, "--region", remediations.Quote(r.Region), k.flag, remediations.Quote(r.ID),
		"--attribute-name restore", who.Words(flag, everybody, flag)}, " ")
}
