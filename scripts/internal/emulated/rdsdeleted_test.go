//go:build emulator

package emulated

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"

	"github.com/countermand/countermand/remediations/modules/rdsdeleted"
)

func TestRDSDeleted(t *testing.T) {
	cfg := moto(t)
	client := rds.NewFromConfig(cfg)
	id := withDatabase(t, cfg)
	must[*rds.CreateDBSnapshotOutput](t)(client.CreateDBSnapshot(t.Context(), &rds.CreateDBSnapshotInput{
		DBInstanceIdentifier: aws.String("orders"), DBSnapshotIdentifier: aws.String("orders-yearly"),
	}))
	play(t, scene{
		module: rdsdeleted.Module, aws: cfg, broken: "orders", alerts: true,
		state: func() any {
			var left []string
			for _, i := range must[*rds.DescribeDBInstancesOutput](t)(client.DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{})).DBInstances {
				left = append(left, *i.DBInstanceIdentifier)
			}
			for _, s := range must[*rds.DescribeDBSnapshotsOutput](t)(client.DescribeDBSnapshots(t.Context(), &rds.DescribeDBSnapshotsInput{})).DBSnapshots {
				left = append(left, *s.DBSnapshotIdentifier)
			}
			return left
		},
		call: func() call {
			must[*rds.DeleteDBInstanceOutput](t)(client.DeleteDBInstance(t.Context(), &rds.DeleteDBInstanceInput{DBInstanceIdentifier: aws.String("orders"), SkipFinalSnapshot: aws.Bool(true)}))
			return call{
				source: "rds.amazonaws.com", name: "DeleteDBInstance",
				request:  `{"dBInstanceIdentifier":"orders","skipFinalSnapshot":true}`,
				response: `{"dBInstanceIdentifier":"orders","dbiResourceId":"` + id + `","engine":"postgres","dBInstanceStatus":"deleting"}`,
			}
		},
	})
}
