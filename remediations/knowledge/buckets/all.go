package buckets

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/countermand/countermand/remediations"
)

// List is the right that All and Since need.
var List = remediations.Permission{
	Action: "s3:ListAllMyBuckets", Resource: "*", Why: "a list of buckets is no resource that IAM could name",
}

// All is the account's buckets in the function's Region, as a module's Sweep. Those of other Regions are left out by S3.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html
func All(ctx context.Context, run *remediations.Run) iter.Seq2[remediations.Resource, error] {
	return Since(ctx, run, time.Time{})
}

// Since is those of All that S3 dates at a time or later: when a bucket was created or, in some Regions, changed.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_Bucket.html
func Since(ctx context.Context, run *remediations.Run, least time.Time) iter.Seq2[remediations.Resource, error] {
	return func(yield func(remediations.Resource, error) bool) {
		pages := s3.NewListBucketsPaginator(s3.NewFromConfig(run.AWS), &s3.ListBucketsInput{
			BucketRegion: &run.AWS.Region, MaxBuckets: aws.Int32(1000),
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(remediations.Resource{}, fmt.Errorf("list buckets: %w", err))
				return
			}
			for _, b := range page.Buckets {
				if aws.ToString(b.Name) == "" {
					yield(remediations.Resource{}, errors.New("list buckets: the answer holds one without a name"))
					return
				}
				if aws.ToTime(b.CreationDate).Before(least) {
					continue
				}
				if !yield(remediations.Resource{ID: *b.Name, Type: Type, Account: run.Account, Region: run.AWS.Region}, nil) {
					return
				}
			}
		}
	}
}
