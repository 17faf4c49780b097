package rdsdeleted

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"

	"github.com/countermand/countermand/remediations"
)

// kind is a kind of database. RDS has the same operations twice, under different names, and so have Aurora, Neptune and
// DocumentDB, whose clusters are RDS's.
type kind struct {
	noun        string   // "DB instance"
	deletion    string   // the call that deletes one
	purge       string   // the call that deletes a snapshot of one
	resource    string   // CloudFormation's name of its type
	snapshot    string   // and of its snapshots' type
	id          string   // its name in records
	snapshotID  string   // its snapshots' name in records
	resourceID  string   // what RDS calls it by for good, in records
	copies      []string // what a record has of one whose data is elsewhere
	gone        string   // RDS's answer where there is none
	noBackup    string   // and where it has no automated backup
	commands    commands
	describe    func(ctx context.Context, client *rds.Client, id string) ([]database, error)
	snapshotsOf func(ctx context.Context, client *rds.Client, resourceID string) ([]snapshot, error)
	backupsOf   func(ctx context.Context, client *rds.Client, resourceID string) ([]backup, error)
}

// database is what there is to know about one that is still there.
type database struct{ resourceID, status string }

// snapshot is a snapshot of a database.
type snapshot struct {
	resourceID string // of the database
	id         string
	automated  bool // made by RDS itself: it goes with the database
	status     string
	percent    int32 // how much of it is done
	made       time.Time
}

// backup is the automated backup of a database, which can be restored as of any second within its window.
type backup struct {
	resourceID string    // of the database
	retained   bool      // it stays without the database
	until      time.Time // the last second of its window; zero while nothing can be restored from it
}

var kinds = []kind{
	{
		noun: "DB instance", deletion: "DeleteDBInstance", purge: "DeleteDBSnapshot",
		resource: "AWS::RDS::DBInstance", snapshot: "AWS::RDS::DBSnapshot",
		id: "dBInstanceIdentifier", snapshotID: "dBSnapshotIdentifier", resourceID: "dbiResourceId",
		copies: []string{"dBClusterIdentifier", "readReplicaSourceDBInstanceIdentifier", "readReplicaSourceDBClusterIdentifier"},
		gone:   "DBInstanceNotFound", noBackup: "DBInstanceAutomatedBackupNotFound", commands: instanceCommands,
		describe: describeInstance, snapshotsOf: instanceSnapshots, backupsOf: instanceBackups,
	},
	{
		noun: "DB cluster", deletion: "DeleteDBCluster", purge: "DeleteDBClusterSnapshot",
		resource: "AWS::RDS::DBCluster", snapshot: "AWS::RDS::DBClusterSnapshot",
		id: "dBClusterIdentifier", snapshotID: "dBClusterSnapshotIdentifier", resourceID: "dbClusterResourceId",
		copies: []string{"replicationSourceIdentifier"},
		gone:   "DBClusterNotFoundFault", noBackup: "DBClusterAutomatedBackupNotFoundFault", commands: clusterCommands,
		describe: describeCluster, snapshotsOf: clusterSnapshots, backupsOf: clusterBackups,
	},
}

func eventNames() []string {
	var names []string
	for _, k := range kinds {
		names = append(names, k.deletion, k.purge)
	}
	slices.Sort(names)
	return names
}

// kindOf is the kind of database that an event is about.
func kindOf(eventName string) (kind, error) {
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.deletion == eventName || k.purge == eventName })
	if i < 0 {
		return kind{}, fmt.Errorf("nothing is known about what %s deletes", eventName)
	}
	return kinds[i], nil
}

// read is the database as it is now; nil if it is gone, or if the one of its name is another one.
func (k kind) read(ctx context.Context, client *rds.Client, d deletion) (*database, error) {
	found, err := k.describe(ctx, client, d.database)
	switch {
	case remediations.ErrorCode(err) == k.gone:
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("describe %s %s: %w", k.noun, d.database, err)
	case len(found) != 1 || found[0].resourceID == "" || found[0].status == "":
		return nil, fmt.Errorf("describe %s %s: the answer holds %d of them, or no resource id or status", k.noun, d.database, len(found))
	case found[0].resourceID != d.resourceID:
		return nil, nil
	}
	return &found[0], nil
}

func (k kind) snapshots(ctx context.Context, client *rds.Client, d deletion) ([]snapshot, error) {
	found, err := k.snapshotsOf(ctx, client, d.resourceID)
	if err != nil {
		return nil, fmt.Errorf("describe the snapshots of %s %s: %w", k.noun, d.database, err)
	}
	for _, s := range found {
		if s.resourceID != d.resourceID || s.id == "" || s.status == "" {
			return nil, fmt.Errorf("describe the snapshots of %s %s: the answer holds %q, %q, of %q", k.noun, d.database, s.id, s.status, s.resourceID)
		}
	}
	return found, nil
}

func (k kind) backups(ctx context.Context, client *rds.Client, d deletion) ([]backup, error) {
	found, err := k.backupsOf(ctx, client, d.resourceID)
	switch {
	case remediations.ErrorCode(err) == k.noBackup:
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("describe the automated backups of %s %s: %w", k.noun, d.database, err)
	}
	for _, b := range found {
		if b.resourceID != d.resourceID {
			return nil, fmt.Errorf("describe the automated backups of %s %s: the answer is about %q", k.noun, d.database, b.resourceID)
		}
	}
	return found, nil
}

func describeInstance(ctx context.Context, client *rds.Client, id string) ([]database, error) {
	out, err := client.DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{DBInstanceIdentifier: &id})
	if err != nil {
		return nil, err
	}
	var found []database
	for _, d := range out.DBInstances {
		found = append(found, database{aws.ToString(d.DbiResourceId), aws.ToString(d.DBInstanceStatus)})
	}
	return found, nil
}

func describeCluster(ctx context.Context, client *rds.Client, id string) ([]database, error) {
	out, err := client.DescribeDBClusters(ctx, &rds.DescribeDBClustersInput{DBClusterIdentifier: &id})
	if err != nil {
		return nil, err
	}
	var found []database
	for _, d := range out.DBClusters {
		found = append(found, database{aws.ToString(d.DbClusterResourceId), aws.ToString(d.Status)})
	}
	return found, nil
}

// automatic is the type of the snapshots that RDS makes by itself.
// https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBSnapshots.html
const automatic = "automated"

func instanceSnapshots(ctx context.Context, client *rds.Client, resourceID string) ([]snapshot, error) {
	var found []snapshot
	pages := rds.NewDescribeDBSnapshotsPaginator(client, &rds.DescribeDBSnapshotsInput{DbiResourceId: &resourceID})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, s := range page.DBSnapshots {
			found = append(found, snapshot{
				resourceID: aws.ToString(s.DbiResourceId), id: aws.ToString(s.DBSnapshotIdentifier),
				automated: aws.ToString(s.SnapshotType) == automatic, status: aws.ToString(s.Status),
				percent: aws.ToInt32(s.PercentProgress), made: aws.ToTime(s.SnapshotCreateTime),
			})
		}
	}
	return found, nil
}

func clusterSnapshots(ctx context.Context, client *rds.Client, resourceID string) ([]snapshot, error) {
	var found []snapshot
	pages := rds.NewDescribeDBClusterSnapshotsPaginator(client, &rds.DescribeDBClusterSnapshotsInput{DbClusterResourceId: &resourceID})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, s := range page.DBClusterSnapshots {
			found = append(found, snapshot{
				resourceID: aws.ToString(s.DbClusterResourceId), id: aws.ToString(s.DBClusterSnapshotIdentifier),
				automated: aws.ToString(s.SnapshotType) == automatic, status: aws.ToString(s.Status),
				percent: aws.ToInt32(s.PercentProgress), made: aws.ToTime(s.SnapshotCreateTime),
			})
		}
	}
	return found, nil
}

// retained is the status of an automated backup whose database is deleted.
// https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBInstanceAutomatedBackup.html
const retained = "retained"

func instanceBackups(ctx context.Context, client *rds.Client, resourceID string) ([]backup, error) {
	var found []backup
	pages := rds.NewDescribeDBInstanceAutomatedBackupsPaginator(client, &rds.DescribeDBInstanceAutomatedBackupsInput{DbiResourceId: &resourceID})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, b := range page.DBInstanceAutomatedBackups {
			found = append(found, backup{resourceID: aws.ToString(b.DbiResourceId), retained: aws.ToString(b.Status) == retained})
			if b.RestoreWindow != nil {
				found[len(found)-1].until = aws.ToTime(b.RestoreWindow.LatestTime)
			}
		}
	}
	return found, nil
}

func clusterBackups(ctx context.Context, client *rds.Client, resourceID string) ([]backup, error) {
	var found []backup
	pages := rds.NewDescribeDBClusterAutomatedBackupsPaginator(client, &rds.DescribeDBClusterAutomatedBackupsInput{DbClusterResourceId: &resourceID})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, b := range page.DBClusterAutomatedBackups {
			found = append(found, backup{resourceID: aws.ToString(b.DbClusterResourceId), retained: aws.ToString(b.Status) == retained})
			if b.RestoreWindow != nil {
				found[len(found)-1].until = aws.ToTime(b.RestoreWindow.LatestTime)
			}
		}
	}
	return found, nil
}
