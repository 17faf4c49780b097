package rdsdeleted_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations/modules/rdsdeleted"
	"github.com/countermand/countermand/remediations/moduletest"
)

const (
	account  = "111122223333"
	instance = "db-EXAMPLEORDERS" // resource ids
	cluster  = "cluster-EXAMPLEORDERS"
	another  = "db-EXAMPLEANOTHER"
	eventID  = "5b1c6f8e-0d5f-4e0c-9a58-3c1d5b9f2b01"
)

// Who makes a call.
const (
	dana = `{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE123:dana","arn":"arn:aws:sts::111122223333:assumed-role/Developer/dana","accountId":"111122223333","accessKeyId":"ASIAEXAMPLEEXAMPLE12",
		"sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLEEXAMPLE123","arn":"arn:aws:iam::111122223333:role/Developer","accountId":"111122223333","userName":"Developer"},"attributes":{"creationDate":"2026-03-02T08:55:12Z","mfaAuthenticated":"true"}}}`
	stack = `{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE456:AWSCloudFormation","arn":"arn:aws:sts::111122223333:assumed-role/Deploy/AWSCloudFormation","accountId":"111122223333",
		"sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLEEXAMPLE456","arn":"arn:aws:iam::111122223333:role/Deploy","accountId":"111122223333","userName":"Deploy"},"attributes":{"creationDate":"2026-03-02T09:00:00Z","mfaAuthenticated":"false"}},
		"invokedBy":"cloudformation.amazonaws.com"}`
)

// record is the event of a call; more is further fields of the record.
func record(t *testing.T, who, name, parameters, more string) []byte {
	t.Helper()
	event, err := events.Wrap(fmt.Appendf(nil, `{"eventVersion":"1.10","userIdentity":%s,"eventTime":"2026-03-02T09:14:55Z",
		"eventSource":"rds.amazonaws.com","eventName":%q,"awsRegion":"eu-central-1","sourceIPAddress":"198.51.100.17","userAgent":"aws-cli/2.27.1",
		"requestParameters":%s,%s"requestID":"7d2a4a0e-6a55-4d0b-8e6b-0b1f7a2c9d01","eventID":%q,"readOnly":false,"eventType":"AwsApiCall","managementEvent":true,
		"recipientAccountId":"111122223333","eventCategory":"Management"}`, who, name, parameters, more, eventID))
	if err != nil {
		t.Fatal(err)
	}
	return event
}

// What calls ask for, and what they are answered.
const (
	skip      = `"skipFinalSnapshot":true`
	final     = `"skipFinalSnapshot":false,"finalDBSnapshotIdentifier":"orders-final"`
	keep      = `,"deleteAutomatedBackups":false`
	anOrder   = `"dBInstanceIdentifier":"orders","dbiResourceId":"db-EXAMPLEORDERS","engine":"postgres","dBInstanceStatus":"deleting"`
	aCluster  = `"dBClusterIdentifier":"orders","dbClusterResourceId":"cluster-EXAMPLEORDERS","engine":"aurora-mysql","status":"available"`
	aPurge    = `"dBSnapshotIdentifier":"orders-yearly","dBInstanceIdentifier":"orders","dbiResourceId":"db-EXAMPLEORDERS","engine":"postgres","status":"deleted"`
	aClusters = `"dBClusterSnapshotIdentifier":"orders-yearly","dBClusterIdentifier":"orders","dbClusterResourceId":"cluster-EXAMPLEORDERS","engine":"docdb","status":"available"`
)

func answered(fields string) string { return `"responseElements":{` + fields + `},` }

func deleteInstance(t *testing.T, parameters string) []byte {
	return record(t, dana, "DeleteDBInstance", `{"dBInstanceIdentifier":"Orders",`+parameters+`}`, answered(anOrder))
}

func deleteCluster(t *testing.T, parameters string) []byte {
	return record(t, dana, "DeleteDBCluster", `{"dBClusterIdentifier":"orders",`+parameters+`}`, answered(aCluster))
}

func deleteSnapshot(t *testing.T) []byte {
	return record(t, dana, "DeleteDBSnapshot", `{"dBSnapshotIdentifier":"orders-yearly"}`, answered(aPurge))
}

func deleteClusterSnapshot(t *testing.T) []byte {
	return record(t, dana, "DeleteDBClusterSnapshot", `{"dBClusterSnapshotIdentifier":"orders-yearly"}`, answered(aClusters))
}

// region is the databases called orders, their snapshots and their automated backups. Its two kinds of databases are in
// the same state.
type region struct {
	Status    string // of the database; empty if it is gone
	Of        string // resource id that answers have, if not the one asked for
	Snapshots map[string]snap
	Backup    string // status of the automated backup; empty if there is none
	Until     time.Time
	empty     bool // answers hold nothing

	mu    sync.Mutex
	asked []string
}

func (r *region) ask(resourceID *string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, aws.ToString(resourceID))
}

type snap struct {
	Type, Status string
	Percent      int32
	Made         time.Time
}

func (r *region) resource(own string) *string {
	if r.Of != "" {
		return &r.Of
	}
	return &own
}

func (r *region) instances(in *rds.DescribeDBInstancesInput) (*rds.DescribeDBInstancesOutput, error) {
	switch {
	case r.empty:
		return &rds.DescribeDBInstancesOutput{}, nil
	case r.Status == "" || aws.ToString(in.DBInstanceIdentifier) != "orders":
		return nil, moduletest.Error("DBInstanceNotFound")
	}
	return &rds.DescribeDBInstancesOutput{DBInstances: []types.DBInstance{{
		DBInstanceIdentifier: in.DBInstanceIdentifier, DbiResourceId: r.resource(instance), DBInstanceStatus: &r.Status}}}, nil
}

func (r *region) clusters(in *rds.DescribeDBClustersInput) (*rds.DescribeDBClustersOutput, error) {
	switch {
	case r.empty:
		return &rds.DescribeDBClustersOutput{}, nil
	case r.Status == "" || aws.ToString(in.DBClusterIdentifier) != "orders":
		return nil, moduletest.Error("DBClusterNotFoundFault")
	}
	return &rds.DescribeDBClustersOutput{DBClusters: []types.DBCluster{{
		DBClusterIdentifier: in.DBClusterIdentifier, DbClusterResourceId: r.resource(cluster), Status: &r.Status}}}, nil
}

// page is the name of the snapshot on a page, and the marker of the next one: each has one.
func (r *region) page(marker *string) (name string, next *string) {
	var names []string
	for n := range r.Snapshots {
		names = append(names, n)
	}
	slices.Sort(names)
	at := slices.Index(names, aws.ToString(marker)) // the first, without a marker
	if at < 0 && len(names) > 0 {
		at = 0
	}
	if at+1 < len(names) && at >= 0 {
		next = &names[at+1]
	}
	if at < 0 {
		return "", nil
	}
	return names[at], next
}

func (r *region) snapshots(in *rds.DescribeDBSnapshotsInput) (*rds.DescribeDBSnapshotsOutput, error) {
	r.ask(in.DbiResourceId)
	name, next := r.page(in.Marker)
	out := &rds.DescribeDBSnapshotsOutput{Marker: next}
	if s := r.Snapshots[name]; name != "" {
		out.DBSnapshots = []types.DBSnapshot{{DBSnapshotIdentifier: &name, DbiResourceId: r.resource(instance), SnapshotType: &s.Type,
			Status: &s.Status, PercentProgress: &s.Percent, SnapshotCreateTime: &s.Made}}
	}
	return out, nil
}

func (r *region) clusterSnapshots(in *rds.DescribeDBClusterSnapshotsInput) (*rds.DescribeDBClusterSnapshotsOutput, error) {
	r.ask(in.DbClusterResourceId)
	name, next := r.page(in.Marker)
	out := &rds.DescribeDBClusterSnapshotsOutput{Marker: next}
	if s := r.Snapshots[name]; name != "" {
		out.DBClusterSnapshots = []types.DBClusterSnapshot{{DBClusterSnapshotIdentifier: &name, DbClusterResourceId: r.resource(cluster), SnapshotType: &s.Type,
			Status: &s.Status, PercentProgress: &s.Percent, SnapshotCreateTime: &s.Made}}
	}
	return out, nil
}

func (r *region) window() *types.RestoreWindow {
	if r.Until.IsZero() {
		return nil
	}
	return &types.RestoreWindow{LatestTime: &r.Until}
}

func (r *region) backups(in *rds.DescribeDBInstanceAutomatedBackupsInput) (*rds.DescribeDBInstanceAutomatedBackupsOutput, error) {
	r.ask(in.DbiResourceId)
	if r.Backup == "" {
		return nil, moduletest.Error("DBInstanceAutomatedBackupNotFound")
	}
	return &rds.DescribeDBInstanceAutomatedBackupsOutput{DBInstanceAutomatedBackups: []types.DBInstanceAutomatedBackup{{
		DbiResourceId: r.resource(instance), Status: &r.Backup, RestoreWindow: r.window()}}}, nil
}

func (r *region) clusterBackups(in *rds.DescribeDBClusterAutomatedBackupsInput) (*rds.DescribeDBClusterAutomatedBackupsOutput, error) {
	r.ask(in.DbClusterResourceId)
	if r.Backup == "" {
		return nil, moduletest.Error("DBClusterAutomatedBackupNotFoundFault")
	}
	return &rds.DescribeDBClusterAutomatedBackupsOutput{DBClusterAutomatedBackups: []types.DBClusterAutomatedBackup{{
		DbClusterResourceId: r.resource(cluster), Status: &r.Backup, RestoreWindow: r.window()}}}, nil
}

func (r *region) answers() []moduletest.Answer {
	return []moduletest.Answer{moduletest.On(r.instances), moduletest.On(r.clusters), moduletest.On(r.snapshots),
		moduletest.On(r.clusterSnapshots), moduletest.On(r.backups), moduletest.On(r.clusterBackups)}
}

// going is a Region where the database is being deleted, with automated backups and the snapshots that these made.
func going() *region {
	return &region{Status: "deleting", Backup: "active", Until: moment(9, 10), Snapshots: map[string]snap{
		"rds:orders-2026-03-02": {Type: "automated", Status: "available", Made: moment(3, 0)},
	}}
}

func moment(hour, minute int) time.Time { return time.Date(2026, 3, 2, hour, minute, 0, 0, time.UTC) }

func with(changes ...func(*region)) *region {
	r := going()
	for _, change := range changes {
		change(r)
	}
	return r
}

func world(changes ...func(*region)) func() *moduletest.World {
	return func() *moduletest.World {
		r := with(changes...)
		return &moduletest.World{State: r, Answers: r.answers()}
	}
}

func status(s string) func(*region) { return func(r *region) { r.Status = s } }
func gone(r *region)                { r.Status, r.Backup = "", "" }
func retained(r *region)            { r.Status, r.Backup = "", "retained" }
func noBackup(r *region)            { r.Backup = "" }

// also adds a snapshot that somebody made.
func also(name, status string, percent int32, made time.Time) func(*region) {
	return func(r *region) { r.Snapshots[name] = snap{"manual", status, percent, made} }
}

func Test(t *testing.T) {
	acts := func(name string, event []byte, changes ...func(*region)) moduletest.Case {
		return moduletest.Case{Name: name, Event: event, World: world(changes...), Acts: true}
	}
	idle := func(name string, event []byte, changes ...func(*region)) moduletest.Case {
		return moduletest.Case{Name: name, Event: event, World: world(changes...)}
	}
	yearly := also("orders-yearly", "available", 100, moment(1, 0))
	replica := func(field string) []byte {
		return record(t, dana, "DeleteDBInstance", `{"dBInstanceIdentifier":"orders",`+skip+`}`, answered(anOrder+`,"`+field+`":"other"`))
	}
	moduletest.Run(t, rdsdeleted.Module,
		acts("instance, nothing kept", deleteInstance(t, skip)),
		acts("instance, by CloudFormation", record(t, stack, "DeleteDBInstance", `{"dBInstanceIdentifier":"orders",`+skip+`}`, answered(anOrder))),
		acts("instance, deletion is checked", deleteInstance(t, skip), status("delete-precheck")),
		acts("instance, gone", deleteInstance(t, skip), gone),
		acts("instance, and another one of its name", deleteInstance(t, skip), gone, func(r *region) { r.Status, r.Of, r.Snapshots = "available", another, nil }),
		acts("instance, final snapshot is being made", deleteInstance(t, final), also("orders-final", "creating", 43, moment(9, 15))),
		acts("instance, backups kept", deleteInstance(t, skip+keep), retained),
		acts("cluster", deleteCluster(t, skip)),
		acts("cluster, gone", deleteCluster(t, final), gone, also("orders-final", "available", 100, moment(9, 15))),
		acts("snapshot", deleteSnapshot(t), status("available")),
		acts("snapshot is being deleted", deleteSnapshot(t), gone, also("orders-yearly", "deleting", 100, moment(1, 0))),
		acts("snapshot of a cluster", deleteClusterSnapshot(t), status("available")),

		idle("instance is there", deleteInstance(t, skip), status("available")),
		idle("cluster is there", deleteCluster(t, skip), status("available")),
		idle("member of a cluster", replica("dBClusterIdentifier")),
		idle("read replica of an instance", replica("readReplicaSourceDBInstanceIdentifier")),
		idle("read replica of a cluster", replica("readReplicaSourceDBClusterIdentifier")),
		idle("replica of a cluster", record(t, dana, "DeleteDBCluster", `{"dBClusterIdentifier":"orders",`+skip+`}`,
			answered(aCluster+`,"replicationSourceIdentifier":"arn:aws:rds:eu-west-1:111122223333:cluster:orders"`))),
		idle("snapshot is there", deleteSnapshot(t), yearly),
		idle("snapshot of a cluster is there", deleteClusterSnapshot(t), yearly),
		idle("snapshot of AWS Backup", record(t, dana, "DeleteDBSnapshot", `{"dBSnapshotIdentifier":"awsbackup:job-5b1c6f8e"}`,
			answered(strings.Replace(aPurge, "orders-yearly", "awsbackup:job-5b1c6f8e", 1)))),
		idle("the call was refused", record(t, dana, "DeleteDBInstance", `{"dBInstanceIdentifier":"orders",`+skip+`}`,
			`"errorCode":"InvalidParameterCombination","errorMessage":"Cannot delete protected DB Instance","responseElements":null,`)),
		idle("is being deleted already", record(t, dana, "DeleteDBInstance", `{"dBInstanceIdentifier":"orders",`+skip+`}`,
			`"errorCode":"InvalidDBInstanceStateFault","errorMessage":"Instance orders is already being deleted.","responseElements":null,`)),
	)
}
