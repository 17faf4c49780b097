// Package buckets is what the modules on S3 buckets have in common: which bucket an event is about, which there are,
// which Block Public Access is in force, and how a policy is read and replaced.
package buckets

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3control"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
)

// Type is CloudFormation's name of the type.
const Type = "AWS::S3::Bucket"

// Of is the name of the bucket that an event is about, and whether the record says that another account owns it. The
// list of resources counts before the parameter, which may be the alias of an access point; old records and those of
// CreateBucket have no list.
func Of(event events.Event) (name string, foreign bool, err error) {
	for _, r := range event.Record.Resources.List() {
		if r.Get("type").Text() != Type {
			continue
		}
		listed, err := named(r.Get("ARN").Text())
		if err != nil {
			return "", false, err
		}
		if name != "" && name != listed {
			return "", false, fmt.Errorf("the record lists two buckets, %s and %s", name, listed)
		}
		name = listed
		if owner := r.Get("accountId").Text(); owner != "" && owner != event.Account {
			foreign = true
		}
	}
	if name == "" {
		name, err = named(event.Record.Request.Get("bucketName").Text())
	}
	return name, foreign, err
}

// form is what the name of a bucket looks like; old ones may have capitals, underscores and 255 characters. It becomes part
// of commands that people copy.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
var form = regexp.MustCompile(`^[A-Za-z0-9._-]{3,255}$`)

// named is a bucket's name, of its name or its ARN.
func named(text string) (string, error) {
	name := text
	if strings.HasPrefix(text, "arn:") {
		parts := strings.SplitN(text, ":", 6)
		if len(parts) < 6 || parts[2] != "s3" || parts[3] != "" || parts[4] != "" {
			return "", fmt.Errorf("%q is not a bucket's ARN", text)
		}
		name = parts[5]
	}
	switch {
	case name == "":
		return "", errors.New("the record names no bucket")
	case !form.MatchString(name):
		return "", fmt.Errorf("%q is not a bucket's name", name)
	}
	return name, nil
}

// Block is Block Public Access. One of the four that is not set is off.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
type Block struct {
	BlockPublicAcls, IgnorePublicAcls, BlockPublicPolicy, RestrictPublicBuckets bool
}

// unset is S3's answer where there is no Block Public Access.
const unset = "NoSuchPublicAccessBlockConfiguration"

// ReadBlock is a bucket's own Block Public Access, with nothing on if it has none, and whether it has one. It is nil
// for a bucket that is gone. Of the bucket's and the account's the stricter counts.
func ReadBlock(ctx context.Context, client *s3.Client, bucket remediations.Resource) (block *Block, set bool, err error) {
	out, err := client.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: &bucket.ID, ExpectedBucketOwner: &bucket.Account})
	switch code := remediations.ErrorCode(err); {
	case code == "NoSuchBucket": // deleted meanwhile
		return nil, false, nil
	case code == unset:
		return &Block{}, false, nil
	case err != nil:
		return nil, false, fmt.Errorf("get public access block of bucket %s: %w", bucket.ID, err)
	case out.PublicAccessBlockConfiguration == nil:
		return nil, false, fmt.Errorf("get public access block of bucket %s: the answer holds none", bucket.ID)
	}
	c := out.PublicAccessBlockConfiguration
	return &Block{
		aws.ToBool(c.BlockPublicAcls), aws.ToBool(c.IgnorePublicAcls), aws.ToBool(c.BlockPublicPolicy), aws.ToBool(c.RestrictPublicBuckets),
	}, true, nil
}

// ReadAccountBlock is an account's Block Public Access, which includes that of its organization, with nothing on if it
// has none, and whether it has one.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_GetPublicAccessBlock.html
func ReadAccountBlock(ctx context.Context, run *remediations.Run, account string) (block Block, set bool, err error) {
	out, err := s3control.NewFromConfig(run.AWS).GetPublicAccessBlock(ctx, &s3control.GetPublicAccessBlockInput{AccountId: &account})
	switch code := remediations.ErrorCode(err); {
	case code == unset:
		return Block{}, false, nil
	case err != nil:
		return Block{}, false, fmt.Errorf("get public access block of account %s: %w", account, err)
	case out.PublicAccessBlockConfiguration == nil:
		return Block{}, false, fmt.Errorf("get public access block of account %s: the answer holds none", account)
	}
	c := out.PublicAccessBlockConfiguration
	return Block{
		aws.ToBool(c.BlockPublicAcls), aws.ToBool(c.IgnorePublicAcls), aws.ToBool(c.BlockPublicPolicy), aws.ToBool(c.RestrictPublicBuckets),
	}, true, nil
}
