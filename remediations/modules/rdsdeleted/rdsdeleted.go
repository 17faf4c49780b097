// Package rdsdeleted tells of databases and snapshots that were deleted, and what they can be restored from.
package rdsdeleted

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/rds"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/events/pattern"
	"github.com/countermand/countermand/remediations"
)

const whyAll = "what a deleted database has left is asked for by its resource id, which is in no ARN"

// Module is the remediation.
var Module = &remediations.Module{
	Name:  "rds-deleted",
	Title: "say what a deleted RDS database can be restored from",
	Why: `A database that is deleted is gone with its automated backups, unless somebody has asked for a final snapshot or for the
backups to stay; whoever wants to destroy it asks for neither, and deletes its snapshots as well.`,
	Text: `Told is the deletion of a DB instance or a DB cluster (Aurora, Neptune and DocumentDB among them) and of a snapshot that
somebody has made of one. First comes whether the final snapshot was skipped; then how far it is, whether automated
backups are kept, up to when one can go back in them, and which snapshots stay. The command restores from the best of
these. Instances of a cluster and read replicas hold nothing that their cluster or source does not hold: nothing is said
of them, nor of a deletion that did not happen.

It changes nothing, and there is nothing to undo: a deletion that is under way can't be stopped. It does not see retained
automated backups being deleted, copies in other Regions or accounts, nor snapshots that AWS Backup manages and deletes.`,
	Severity: remediations.High,
	Controls: []string{"ATT&CK/T1485"},
	Default:  remediations.Alert,
	Pattern:  pattern.CloudTrail("rds", eventNames()...),
	Reads: []remediations.Permission{
		{Action: "rds:DescribeDBClusterAutomatedBackups", Resource: "*", Why: whyAll},
		{Action: "rds:DescribeDBClusterSnapshots", Resource: "*", Why: whyAll},
		{Action: "rds:DescribeDBClusters", Resource: "arn:${AWS::Partition}:rds:${AWS::Region}:${AWS::AccountId}:cluster:*"},
		{Action: "rds:DescribeDBInstanceAutomatedBackups", Resource: "*", Why: whyAll},
		{Action: "rds:DescribeDBInstances", Resource: "arn:${AWS::Partition}:rds:${AWS::Region}:${AWS::AccountId}:db:*"},
		{Action: "rds:DescribeDBSnapshots", Resource: "*", Why: whyAll},
	},
	Suspects: suspects,
	Guard:    guard,
}

// deletion is what an event says that was deleted. What the call answers is the database or the snapshot as it was.
type deletion struct {
	kind
	database   string // its name
	resourceID string // what RDS calls it by for good: another one may have its name by now
	engine     string
	purged     string // the name of the snapshot, if that is what was deleted
	final      string // the name of the final snapshot; empty for none
	keeps      bool   // automated backups are to stay
}

// The forms of what becomes part of calls and of commands that people copy, in RDS's spelling.
// https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html
var (
	name     = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
	resource = regexp.MustCompile(`^(db|cluster)-[A-Z0-9]+$`)
	engine   = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
)

// managed is how the names of snapshots begin that AWS Backup manages: only it can delete them.
// https://docs.aws.amazon.com/aws-backup/latest/devguide/deleting-backups.html
const managed = "awsbackup:"

// read takes an event apart.
func read(event events.Event) (deletion, error) {
	r := event.Record
	k, err := kindOf(r.EventName)
	if err != nil {
		return deletion{}, err
	}
	d := deletion{
		kind:       k,
		database:   strings.ToLower(r.Response.Get(k.id).Text()),
		resourceID: r.Response.Get(k.resourceID).Text(),
		engine:     r.Response.Get("engine").Text(),
		final:      strings.ToLower(r.Request.Get("finalDBSnapshotIdentifier").Text()), // not together with skipFinalSnapshot
		keeps:      r.Request.Get("deleteAutomatedBackups").Text() == "false",
	}
	if r.EventName == k.purge {
		d.purged = strings.ToLower(r.Response.Get(k.snapshotID).Text())
	}
	for _, part := range []struct {
		what, text string
		ok         bool
	}{
		{"name of the " + k.noun, d.database, name.MatchString(d.database)},
		{"resource id", d.resourceID, resource.MatchString(d.resourceID)},
		{"engine", d.engine, engine.MatchString(d.engine)},
		{"name of the snapshot", d.purged, r.EventName != k.purge || name.MatchString(d.purged) || strings.HasPrefix(d.purged, managed)},
		{"name of the final snapshot", d.final, d.final == "" || name.MatchString(d.final)},
	} {
		if !part.ok {
			return deletion{}, fmt.Errorf("the record of %s: %q is no %s", r.EventName, part.text, part.what)
		}
	}
	return d, nil
}

// suspects is the database or the snapshot that was deleted. A copy of what another database holds is no loss.
func suspects(event events.Event) ([]remediations.Resource, error) {
	d, err := read(event)
	if err != nil {
		return nil, err
	}
	r := remediations.Resource{ID: d.database, Type: d.resource, Account: event.Account, Region: event.Region}
	switch {
	case strings.HasPrefix(d.purged, managed):
		return nil, nil
	case d.purged != "":
		r.ID, r.Type = d.purged, d.snapshot
	case slices.ContainsFunc(d.copies, func(of string) bool { return event.Record.Response.Get(of).Text() != "" }):
		return nil, nil
	}
	return []remediations.Resource{r}, nil
}

func guard(ctx context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
	d, err := read(*run.Event)
	if err != nil {
		return nil, err
	}
	client := rds.NewFromConfig(run.AWS)
	var (
		live      *database
		snapshots []snapshot
		backups   []backup
	)
	err = remediations.InParallel(
		func() (err error) { live, err = d.kind.read(ctx, client, d); return err },
		func() (err error) { snapshots, err = d.kind.snapshots(ctx, client, d); return err },
		func() (err error) { backups, err = d.kind.backups(ctx, client, d); return err },
	)
	if err != nil {
		return nil, err
	}
	rest := remains(d, live, snapshots, backups)
	if !rest.deleted {
		return nil, nil
	}
	return &remediations.Finding{Resource: r, Reason: rest.reason(), Fix: rest.fix(r), AlertOnly: true}, nil
}
