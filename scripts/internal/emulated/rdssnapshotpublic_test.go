//go:build emulator

package emulated

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/knowledge/sharing"
	"github.com/countermand/countermand/remediations/modules/rdssnapshotpublic"
)

func TestRDSSnapshotPublic(t *testing.T) {
	cfg := moto(t)
	client := rds.NewFromConfig(cfg)
	withDatabase(t, cfg)
	names := []string{"orders-yearly", "orders-monthly"}
	for _, name := range names {
		must[*rds.CreateDBSnapshotOutput](t)(client.CreateDBSnapshot(t.Context(), &rds.CreateDBSnapshotInput{DBInstanceIdentifier: aws.String("orders"), DBSnapshotIdentifier: &name}))
	}
	share := func(with ...string) {
		must[*rds.ModifyDBSnapshotAttributeOutput](t)(client.ModifyDBSnapshotAttribute(t.Context(), &rds.ModifyDBSnapshotAttributeInput{
			DBSnapshotIdentifier: &names[0], AttributeName: aws.String("restore"), ValuesToAdd: with,
		}))
	}
	share("444455556666")
	play(t, scene{
		module: rdssnapshotpublic.Module, aws: cfg, broken: names[0],
		settings: sharing.Settings{TrustedAccounts: []remediations.AccountID{"444455556666"}},
		state: func() any {
			all := map[string][]string{}
			for _, name := range names {
				out := must[*rds.DescribeDBSnapshotAttributesOutput](t)(client.DescribeDBSnapshotAttributes(t.Context(), &rds.DescribeDBSnapshotAttributesInput{DBSnapshotIdentifier: &name}))
				for _, a := range out.DBSnapshotAttributesResult.DBSnapshotAttributes {
					all[name+" "+*a.AttributeName] = slices.Sorted(slices.Values(a.AttributeValues))
				}
			}
			return all
		},
		call: func() call {
			share("777788889999", "all")
			return call{
				source: "rds.amazonaws.com", name: "ModifyDBSnapshotAttribute",
				request: `{"dBSnapshotIdentifier":"orders-yearly","attributeName":"restore","valuesToAdd":["777788889999","all"]}`,
			}
		},
	})
}

// withDatabase makes a database, "orders", and returns RDS's own id of it.
func withDatabase(t *testing.T, cfg aws.Config) string {
	t.Helper()
	out := must[*rds.CreateDBInstanceOutput](t)(rds.NewFromConfig(cfg).CreateDBInstance(t.Context(), &rds.CreateDBInstanceInput{
		DBInstanceIdentifier: aws.String("orders"), Engine: aws.String("postgres"), DBInstanceClass: aws.String("db.t3.micro"),
		AllocatedStorage: aws.Int32(20), MasterUsername: aws.String("owner"), MasterUserPassword: aws.String("not-a-secret-1"),
	}))
	return *out.DBInstance.DbiResourceId
}
