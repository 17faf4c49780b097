package rdssnapshotpublic

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/rds"

	"github.com/countermand/countermand/remediations"
)

// kind is a kind of snapshot. RDS has the same operations twice, under different names.
type kind struct {
	event      string // the call that shares it, by CloudTrail's name
	parameter  string // which names it in that call's record
	resource   string // CloudFormation's name of its type
	noun       string
	arn        string // what stands before its name in its ARN's last part
	gone       string // RDS's answer where there is none
	subcommand string // of aws rds
	flag       string // of that, before its name
	describe   func(ctx context.Context, client *rds.Client, id string) (shared, error)
	modify     func(ctx context.Context, client *rds.Client, id string, add, remove []string) error
	list       func(ctx context.Context, client *rds.Client) iter.Seq2[string, error] // the names of all that can be shared
}

// shared is who may restore a snapshot: accounts' ids, and everybody.
type shared struct {
	id      string // of the snapshot
	restore []string
}

var kinds = []kind{
	{
		event: "ModifyDBClusterSnapshotAttribute", parameter: "dBClusterSnapshotIdentifier",
		resource: "AWS::RDS::DBClusterSnapshot", noun: "DB cluster snapshot", arn: "cluster-snapshot:",
		gone: "DBClusterSnapshotNotFoundFault", subcommand: "modify-db-cluster-snapshot-attribute", flag: "--db-cluster-snapshot-identifier",
		describe: describeCluster, modify: modifyCluster, list: listCluster,
	},
	{
		event: "ModifyDBSnapshotAttribute", parameter: "dBSnapshotIdentifier",
		resource: "AWS::RDS::DBSnapshot", noun: "DB snapshot", arn: "snapshot:",
		gone: "DBSnapshotNotFound", subcommand: "modify-db-snapshot-attribute", flag: "--db-snapshot-identifier",
		describe: describeInstance, modify: modifyInstance, list: listInstance,
	},
}

func eventNames() []string {
	var names []string
	for _, k := range kinds {
		names = append(names, k.event)
	}
	return names
}

func kindOf(is func(kind) bool) (kind, bool) {
	i := slices.IndexFunc(kinds, is)
	if i < 0 {
		return kind{}, false
	}
	return kinds[i], true
}

func kindOfResource(r remediations.Resource) (kind, error) {
	k, ok := kindOf(func(k kind) bool { return k.resource == r.Type })
	if !ok {
		return kind{}, fmt.Errorf("nothing is known about %s", r)
	}
	return k, nil
}

// form is what the name of a snapshot that can be shared looks like: of one that somebody has made, in RDS's spelling.
// Those that RDS makes by itself have a colon in it. It becomes part of commands that people copy.
// https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSnapshot.html
var form = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

// named is the name of a snapshot, of that in any spelling or of its ARN, and with an ARN the account that owns it.
func (k kind) named(text, region string) (owner, name string, err error) {
	name = strings.ToLower(text)
	if strings.HasPrefix(name, "arn:") {
		a, err := arn.Parse(name)
		rest, ok := strings.CutPrefix(a.Resource, k.arn)
		if err != nil || !ok || a.Service != "rds" || a.Region != region || a.AccountID == "" {
			return "", "", fmt.Errorf("%q is not the ARN of a %s in %s", text, k.noun, region)
		}
		owner, name = a.AccountID, rest
	}
	if !form.MatchString(name) {
		return "", "", fmt.Errorf("%q is not the name of a %s", text, k.noun)
	}
	return owner, name, nil
}

// restoring is the attribute that says who may restore a snapshot.
const restoring = "restore"

var errNoAnswer = errors.New("the answer holds no attributes")

func describeInstance(ctx context.Context, client *rds.Client, id string) (shared, error) {
	out, err := client.DescribeDBSnapshotAttributes(ctx, &rds.DescribeDBSnapshotAttributesInput{DBSnapshotIdentifier: &id})
	if err != nil {
		return shared{}, err
	}
	result := out.DBSnapshotAttributesResult
	if result == nil {
		return shared{}, errNoAnswer
	}
	s := shared{id: aws.ToString(result.DBSnapshotIdentifier)}
	for _, a := range result.DBSnapshotAttributes {
		if aws.ToString(a.AttributeName) == restoring {
			s.restore = append(s.restore, a.AttributeValues...)
		}
	}
	return s, nil
}

func describeCluster(ctx context.Context, client *rds.Client, id string) (shared, error) {
	out, err := client.DescribeDBClusterSnapshotAttributes(ctx, &rds.DescribeDBClusterSnapshotAttributesInput{DBClusterSnapshotIdentifier: &id})
	if err != nil {
		return shared{}, err
	}
	result := out.DBClusterSnapshotAttributesResult
	if result == nil {
		return shared{}, errNoAnswer
	}
	s := shared{id: aws.ToString(result.DBClusterSnapshotIdentifier)}
	for _, a := range result.DBClusterSnapshotAttributes {
		if aws.ToString(a.AttributeName) == restoring {
			s.restore = append(s.restore, a.AttributeValues...)
		}
	}
	return s, nil
}

func modifyInstance(ctx context.Context, client *rds.Client, id string, add, remove []string) error {
	_, err := client.ModifyDBSnapshotAttribute(ctx, &rds.ModifyDBSnapshotAttributeInput{
		DBSnapshotIdentifier: &id, AttributeName: aws.String(restoring), ValuesToAdd: add, ValuesToRemove: remove,
	})
	return err
}

func modifyCluster(ctx context.Context, client *rds.Client, id string, add, remove []string) error {
	_, err := client.ModifyDBClusterSnapshotAttribute(ctx, &rds.ModifyDBClusterSnapshotAttributeInput{
		DBClusterSnapshotIdentifier: &id, AttributeName: aws.String(restoring), ValuesToAdd: add, ValuesToRemove: remove,
	})
	return err
}
