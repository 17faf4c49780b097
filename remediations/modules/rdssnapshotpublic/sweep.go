package rdssnapshotpublic

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"

	"github.com/countermand/countermand/remediations"
)

// manual is the snapshots that somebody of the account has made. No other can be shared; "public" is those of everybody,
// whoever owns them.
// https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBSnapshots.html
const manual = "manual"

// sweep is the snapshots that can be shared, of DB instances and of DB clusters.
func sweep(ctx context.Context, run *remediations.Run) iter.Seq2[remediations.Resource, error] {
	client := rds.NewFromConfig(run.AWS)
	return func(yield func(remediations.Resource, error) bool) {
		for _, k := range kinds {
			for name, err := range k.list(ctx, client) {
				if err == nil && strings.Contains(name, ":") { // made by AWS Backup, as its name says
					continue
				}
				if err == nil {
					_, name, err = k.named(name, run.AWS.Region)
				}
				if err != nil {
					yield(remediations.Resource{}, fmt.Errorf("list %ss in %s: %w", k.noun, run.AWS.Region, err))
					return
				}
				if !yield(remediations.Resource{ID: name, Type: k.resource, Account: run.Account, Region: run.AWS.Region}, nil) {
					return
				}
			}
		}
	}
}

func listInstance(ctx context.Context, client *rds.Client) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		pages := rds.NewDescribeDBSnapshotsPaginator(client, &rds.DescribeDBSnapshotsInput{SnapshotType: aws.String(manual)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield("", err)
				return
			}
			for _, s := range page.DBSnapshots {
				if !yield(aws.ToString(s.DBSnapshotIdentifier), nil) {
					return
				}
			}
		}
	}
}

func listCluster(ctx context.Context, client *rds.Client) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		pages := rds.NewDescribeDBClusterSnapshotsPaginator(client, &rds.DescribeDBClusterSnapshotsInput{SnapshotType: aws.String(manual)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield("", err)
				return
			}
			for _, s := range page.DBClusterSnapshots {
				if !yield(aws.ToString(s.DBClusterSnapshotIdentifier), nil) {
					return
				}
			}
		}
	}
}
