// Package bucket is a ledger's bucket in S3.
package bucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/countermand/countermand/remediations"
)

// A Bucket implements ledger.Store.
type Bucket struct {
	client *s3.Client
	name   string
}

// New returns the bucket with a name.
func New(cfg aws.Config, name string) *Bucket {
	return &Bucket{client: s3.NewFromConfig(cfg), name: name}
}

// Keys implements ledger.Objects. S3 lists keys in byte order.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
func (b *Bucket) Keys(ctx context.Context, prefix, after string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		in := &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: &prefix}
		if after != "" {
			in.StartAfter = &after
		}
		for pages := s3.NewListObjectsV2Paginator(b.client, in); pages.HasMorePages(); {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield("", fmt.Errorf("list bucket %s: %w", b.name, err))
				return
			}
			for _, object := range page.Contents {
				if !yield(aws.ToString(object.Key), nil) {
					return
				}
			}
		}
	}
}

// Open implements ledger.Objects.
func (b *Bucket) Open(ctx context.Context, key string) (io.ReadCloser, int64, error) {
	out, err := b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: &key})
	var absent *types.NoSuchKey
	if errors.As(err, &absent) {
		return nil, 0, fs.ErrNotExist
	}
	if err != nil {
		return nil, 0, fmt.Errorf("get %s from bucket %s: %w", key, b.name, err)
	}
	return out.Body, aws.ToInt64(out.ContentLength), nil
}

// Create implements ledger.Store. S3 refuses a write to an existing key with PreconditionFailed. A bucket under Object
// Lock requires a checksum: the SDK sends one by default.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
func (b *Bucket) Create(ctx context.Context, key string, body []byte) error {
	_, err := b.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &b.name, Key: &key, Body: bytes.NewReader(body), IfNoneMatch: aws.String("*"),
		ContentType: aws.String("application/octet-stream"), // so that nothing on the way changes its bytes
	})
	if remediations.ErrorCode(err) == "PreconditionFailed" {
		return fs.ErrExist
	}
	if err != nil {
		return fmt.Errorf("put %s into bucket %s: %w", key, b.name, err)
	}
	return nil
}
