package rdsdeleted_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/google/go-cmp/cmp"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/modules/rdsdeleted"
	"github.com/countermand/countermand/remediations/moduletest"
)

// run is a module's run in the Region.
func (r *region) run(event *events.Event) *remediations.Run {
	answer := func(in any) (any, error) {
		switch in := in.(type) {
		case *rds.DescribeDBInstancesInput:
			return r.instances(in)
		case *rds.DescribeDBClustersInput:
			return r.clusters(in)
		case *rds.DescribeDBSnapshotsInput:
			return r.snapshots(in)
		case *rds.DescribeDBClusterSnapshotsInput:
			return r.clusterSnapshots(in)
		case *rds.DescribeDBInstanceAutomatedBackupsInput:
			return r.backups(in)
		case *rds.DescribeDBClusterAutomatedBackupsInput:
			return r.clusterBackups(in)
		}
		return nil, errors.New("unexpected call")
	}
	return &remediations.Run{Event: event, AWS: moduletest.Config("eu-central-1", answer)}
}

// find is what the guard finds about the event's only suspect.
func find(t *testing.T, raw []byte, r *region) (*remediations.Finding, error) {
	t.Helper()
	event, err := events.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	suspects, err := rdsdeleted.Module.Suspects(event)
	if err != nil || len(suspects) != 1 {
		t.Fatalf("suspects are %v, %v", suspects, err)
	}
	return rdsdeleted.Module.Guard(t.Context(), r.run(&event), suspects[0])
}

// The command lines, as they are pasted.
const (
	where    = "# A backup holds no security groups, parameter groups and the like. The event of the deletion does:\n"
	lookup   = where + "aws cloudtrail lookup-events --region 'eu-central-1' --lookup-attributes AttributeKey=EventName,AttributeValue=DeleteDBInstance\n"
	lookups  = where + "aws cloudtrail lookup-events --region 'eu-central-1' --lookup-attributes AttributeKey=EventName,AttributeValue=DeleteDBCluster\n"
	wait     = "aws rds wait db-instance-deleted --region 'eu-central-1' --db-instance-identifier 'orders'\n"
	waits    = "aws rds wait db-cluster-deleted --region 'eu-central-1' --db-cluster-identifier 'orders'\n"
	fromLast = "aws rds wait db-snapshot-available --region 'eu-central-1' --db-snapshot-identifier 'orders-final'\n" +
		"aws rds restore-db-instance-from-db-snapshot --region 'eu-central-1' --db-instance-identifier 'orders' --db-snapshot-identifier 'orders-final'"
	fromOther   = "aws rds restore-db-instance-from-db-snapshot --region 'eu-central-1' --db-instance-identifier 'orders' --db-snapshot-identifier 'orders-new'"
	fromBackups = "aws rds restore-db-instance-to-point-in-time --region 'eu-central-1' --source-dbi-resource-id 'db-EXAMPLEORDERS' " +
		"--target-db-instance-identifier 'orders' --use-latest-restorable-time"
	backwards = "aws rds restore-db-cluster-to-point-in-time --region 'eu-central-1' --source-db-cluster-resource-id 'cluster-EXAMPLEORDERS' " +
		"--db-cluster-identifier 'orders' --use-latest-restorable-time\n"
	members = "# Its DB instances have to be created again, in it: aws rds create-db-instance --db-cluster-identifier 'orders' ..."
)

func TestFindings(t *testing.T) {
	last := func(status string, percent int32) func(*region) {
		return also("orders-final", status, percent, moment(9, 15))
	}
	older, newer := also("orders-old", "available", 100, moment(1, 0)), also("orders-new", "available", 100, moment(2, 0))
	half := also("orders-half", "creating", 50, moment(9, 0))
	for _, test := range []struct {
		name   string
		event  []byte
		region *region
		reason string
		fix    string
	}{
		{"nothing kept", deleteInstance(t, skip), going(),
			"no final snapshot is made (skipFinalSnapshot); the DB instance is being deleted; its automated backups go with it; " +
				"there is no other snapshot of it: nothing is left in this Region to restore it from", ""},
		{"nothing kept, gone", deleteInstance(t, skip), with(gone, half),
			"no final snapshot is made (skipFinalSnapshot); the DB instance is deleted; there are no automated backups of it; " +
				"there is no other snapshot of it: nothing is left in this Region to restore it from", ""},
		{"no word of a final snapshot", deleteInstance(t, `"deleteAutomatedBackups":true`), with(noBackup),
			"no final snapshot is made (skipFinalSnapshot); the DB instance is being deleted; there are no automated backups of it; " +
				"there is no other snapshot of it: nothing is left in this Region to restore it from", ""},
		{"backups begun, and nothing in them", deleteInstance(t, skip+keep), with(func(r *region) { r.Until = time.Time{} }),
			"no final snapshot is made (skipFinalSnapshot); the DB instance is being deleted; there are no automated backups of it; " +
				"there is no other snapshot of it: nothing is left in this Region to restore it from", ""},
		{"other snapshots", deleteInstance(t, skip), with(older, newer, half),
			"no final snapshot is made (skipFinalSnapshot); the DB instance is being deleted; its automated backups go with it; " +
				"other snapshots of it: 2, the newest orders-new of 2026-03-02T02:00:00Z", lookup + wait + fromOther},
		{"backups to be kept", deleteInstance(t, skip+keep), with(older),
			"no final snapshot is made (skipFinalSnapshot); the DB instance is being deleted; its automated backups stay, and reach up to 2026-03-02T09:10:00Z; " +
				"other snapshots of it: 1, the newest orders-old of 2026-03-02T01:00:00Z", lookup + wait + fromBackups},
		{"backups kept", deleteInstance(t, skip), with(retained),
			"no final snapshot is made (skipFinalSnapshot); the DB instance is deleted; its automated backups stay, and reach up to 2026-03-02T09:10:00Z; " +
				"there is no other snapshot of it", lookup + fromBackups},
		{"final snapshot not there yet", deleteInstance(t, final), going(),
			"the DB instance is being deleted; its final snapshot orders-final is not there, or not yet; its automated backups go with it; " +
				"there is no other snapshot of it", lookup + wait + fromLast},
		{"final snapshot being made", deleteInstance(t, final), with(last("creating", 43)),
			"the DB instance is being deleted; its final snapshot orders-final is being made, 43 %; its automated backups go with it; " +
				"there is no other snapshot of it", lookup + wait + fromLast},
		{"final snapshot, and backups", deleteInstance(t, final+keep), with(retained, last("available", 100), older),
			"the DB instance is deleted; its final snapshot orders-final is there; its automated backups stay, and reach up to 2026-03-02T09:10:00Z; " +
				"other snapshots of it: 1, the newest orders-old of 2026-03-02T01:00:00Z", lookup + fromLast},
		{"final snapshot gone", deleteInstance(t, final), with(gone),
			"the DB instance is deleted; its final snapshot orders-final is not there, or not yet; there are no automated backups of it; " +
				"there is no other snapshot of it: nothing is left in this Region to restore it from", ""},
		{"final snapshot has failed", deleteInstance(t, final), with(gone, last("failed", 7), newer),
			`the DB instance is deleted; its final snapshot orders-final can't be used: its status is "failed"; there are no automated backups of it; ` +
				"other snapshots of it: 1, the newest orders-new of 2026-03-02T02:00:00Z", lookup + fromOther},
		{"cluster", deleteCluster(t, final), with(last("creating", 1)),
			"the DB cluster is being deleted; its final snapshot orders-final is being made, 1 %; its automated backups go with it; there is no other snapshot of it",
			lookups + waits + "aws rds wait db-cluster-snapshot-available --region 'eu-central-1' --db-cluster-snapshot-identifier 'orders-final'\n" +
				"aws rds restore-db-cluster-from-snapshot --region 'eu-central-1' --db-cluster-identifier 'orders' --snapshot-identifier 'orders-final' --engine 'aurora-mysql'\n" + members},
		{"cluster, backups kept", deleteCluster(t, skip+keep), with(retained),
			"no final snapshot is made (skipFinalSnapshot); the DB cluster is deleted; its automated backups stay, and reach up to 2026-03-02T09:10:00Z; " +
				"there is no other snapshot of it", lookups + backwards + members},
		{"snapshot", deleteSnapshot(t), with(status("available"), older),
			"the snapshot of DB instance orders was deleted, which is there itself; its automated backups stay, and reach up to 2026-03-02T09:10:00Z; " +
				"other snapshots of it: 1, the newest orders-old of 2026-03-02T01:00:00Z",
			"aws rds create-db-snapshot --region 'eu-central-1' --db-instance-identifier 'orders' --db-snapshot-identifier 'orders-yearly'"},
		{"the last snapshot", deleteSnapshot(t), with(gone),
			"the snapshot of DB instance orders was deleted, and so is that itself; there are no automated backups of it; " +
				"there is no other snapshot of it: nothing is left in this Region to restore it from", ""},
		{"snapshot of a cluster", deleteClusterSnapshot(t), with(noBackup, newer),
			"the snapshot of DB cluster orders was deleted, and so is that itself; there are no automated backups of it; " +
				"other snapshots of it: 1, the newest orders-new of 2026-03-02T02:00:00Z",
			lookups + waits + "aws docdb restore-db-cluster-from-snapshot --region 'eu-central-1' --db-cluster-identifier 'orders' --snapshot-identifier 'orders-new' --engine 'docdb'\n" +
				strings.Replace(members, "aws rds", "aws docdb", 1)},
		{"snapshot of a cluster that is there", deleteClusterSnapshot(t), with(status("available")),
			"the snapshot of DB cluster orders was deleted, which is there itself; its automated backups stay, and reach up to 2026-03-02T09:10:00Z; " +
				"there is no other snapshot of it",
			"aws docdb create-db-cluster-snapshot --region 'eu-central-1' --db-cluster-identifier 'orders' --db-cluster-snapshot-identifier 'orders-yearly'"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := find(t, test.event, test.region)
			if err != nil || got == nil {
				t.Fatalf("the guard found %v, %v", got, err)
			}
			if diff := cmp.Diff(test.reason, got.Reason); diff != "" {
				t.Errorf("reason (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.fix, got.Fix); diff != "" {
				t.Errorf("fix (-want +got):\n%s", diff)
			}
			if !got.AlertOnly {
				t.Error("it is not for people only")
			}
			for _, asked := range test.region.asked {
				if asked != instance && asked != cluster {
					t.Errorf("asked about %q", asked)
				}
			}
		})
	}
}

// What can't be read is not judged.
func TestGuardIsUnsure(t *testing.T) {
	for name, test := range map[string]struct {
		event  []byte
		region *region
	}{
		"no instance":                   {deleteInstance(t, skip), with(func(r *region) { r.empty = true })},
		"no cluster":                    {deleteCluster(t, skip), with(func(r *region) { r.empty = true })},
		"instance without a status":     {deleteSnapshot(t), with(status(" "), func(r *region) { r.Of = " " })},
		"snapshots of another instance": {deleteInstance(t, skip), with(func(r *region) { r.Of = another })},
		"snapshots of another cluster":  {deleteCluster(t, skip), with(func(r *region) { r.Of = another })},
		"backups of another instance":   {deleteInstance(t, skip), with(func(r *region) { r.Of, r.Snapshots = another, nil })},
		"backups of another cluster":    {deleteCluster(t, skip), with(func(r *region) { r.Of, r.Snapshots = another, nil })},
		"snapshot without a status":     {deleteInstance(t, skip), with(also("orders-odd", "", 0, moment(0, 0)))},
	} {
		if found, err := find(t, test.event, test.region); err == nil || found != nil {
			t.Errorf("%s: the guard found %v, %v", name, found, err)
		}
	}
}

func TestSuspects(t *testing.T) {
	for _, test := range []struct{ name, parameters, answer, kind, id string }{
		{"DeleteDBInstance", skip, anOrder, "AWS::RDS::DBInstance", "orders"},
		{"DeleteDBInstance", `"skipFinalSnapshot":"true"`, strings.Replace(anOrder, `"orders"`, `"Orders"`, 1), "AWS::RDS::DBInstance", "orders"},
		{"DeleteDBCluster", skip, aCluster, "AWS::RDS::DBCluster", "orders"},
		{"DeleteDBSnapshot", skip, aPurge, "AWS::RDS::DBSnapshot", "orders-yearly"},
		{"DeleteDBClusterSnapshot", skip, aClusters, "AWS::RDS::DBClusterSnapshot", "orders-yearly"},

		{name: "DeleteDBInstance", parameters: skip, answer: aCluster},
		{name: "DeleteDBInstance", parameters: skip, answer: strings.Replace(anOrder, `"orders"`, `"orders'; rm -rf ~"`, 1)},
		{name: "DeleteDBInstance", parameters: skip, answer: strings.Replace(anOrder, "db-EXAMPLEORDERS", "db-EXAMPLE'", 1)},
		{name: "DeleteDBInstance", parameters: skip, answer: strings.Replace(anOrder, "postgres", "postgres --x", 1)},
		{name: "DeleteDBInstance", parameters: `"finalDBSnapshotIdentifier":"x'y"`, answer: anOrder},
		{name: "DeleteDBSnapshot", parameters: skip, answer: strings.Replace(aPurge, "orders-yearly", "rds:orders-2026", 1)},
		{name: "DeleteDBSnapshot", parameters: skip, answer: anOrder},
		{name: "DeleteDBProxy", parameters: skip, answer: anOrder},
	} {
		event, err := events.Parse(record(t, dana, test.name, "{"+test.parameters+"}", answered(test.answer)))
		if err != nil {
			t.Fatal(err)
		}
		got, err := rdsdeleted.Module.Suspects(event)
		if test.id == "" {
			if err == nil || got != nil {
				t.Errorf("%s of %s: suspects are %v, %v", test.name, test.answer, got, err)
			}
			continue
		}
		want := []remediations.Resource{{ID: test.id, Type: test.kind, Account: account, Region: "eu-central-1"}}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s of %s: %v (-want +got):\n%s", test.name, test.answer, err, diff)
		}
	}
}
