package s3bparemoved

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	controltypes "github.com/aws/aws-sdk-go-v2/service/s3control/types"

	"github.com/countermand/countermand/remediations"
)

// settings is Block Public Access. One that is not set is off.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
type settings struct {
	BlockPublicAcls, IgnorePublicAcls, BlockPublicPolicy, RestrictPublicBuckets bool
}

var allOn = settings{true, true, true, true}

// named is the settings by their names, in the order of the documentation.
func (s settings) named() []struct {
	name string
	on   bool
} {
	return []struct {
		name string
		on   bool
	}{
		{"BlockPublicAcls", s.BlockPublicAcls},
		{"IgnorePublicAcls", s.IgnorePublicAcls},
		{"BlockPublicPolicy", s.BlockPublicPolicy},
		{"RestrictPublicBuckets", s.RestrictPublicBuckets},
	}
}

// or is what is in effect where both hold; nil is none.
func (s *settings) or(other *settings) settings {
	var a, b settings
	if s != nil {
		a = *s
	}
	if other != nil {
		b = *other
	}
	return settings{
		a.BlockPublicAcls || b.BlockPublicAcls, a.IgnorePublicAcls || b.IgnorePublicAcls,
		a.BlockPublicPolicy || b.BlockPublicPolicy, a.RestrictPublicBuckets || b.RestrictPublicBuckets,
	}
}

// off says which settings are off: "BlockPublicAcls and IgnorePublicAcls are off".
func (s settings) off() string {
	var list []string
	for _, n := range s.named() {
		if !n.on {
			list = append(list, n.name)
		}
	}
	if len(list) == 1 {
		return list[0] + " is off"
	}
	last := len(list) - 1
	return strings.Join(list[:last], ", ") + " and " + list[last] + " are off"
}

// command is the AWS CLI command that gives a resource its settings, or takes them away if there are none.
func command(r remediations.Resource, s *settings) string {
	service, of := "s3api", "--bucket "+remediations.Quote(r.ID)+" --expected-bucket-owner "
	if r.Type == anAccount {
		service, of = "s3control", "--account-id "
	}
	of += remediations.Quote(r.Account) + " --region " + remediations.Quote(r.Region)
	if s == nil {
		return "aws " + service + " delete-public-access-block " + of
	}
	var list []string
	for _, n := range s.named() {
		list = append(list, fmt.Sprintf("%s=%t", n.name, n.on))
	}
	return "aws " + service + " put-public-access-block " + of + " --public-access-block-configuration " + strings.Join(list, ",")
}

// unset is S3's answer where there are no settings.
const unset = "NoSuchPublicAccessBlockConfiguration"

// readBucket is a bucket's own settings, nil if it has none, and whether there is such a bucket.
func readBucket(ctx context.Context, run *remediations.Run, r remediations.Resource) (s *settings, there bool, err error) {
	out, err := s3.NewFromConfig(run.AWS).GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: &r.ID, ExpectedBucketOwner: &r.Account})
	switch code := remediations.ErrorCode(err); {
	case code == "NoSuchBucket": // deleted meanwhile
		return nil, false, nil
	case code == unset:
		return nil, true, nil
	case err != nil:
		return nil, false, fmt.Errorf("get public access block of bucket %s: %w", r.ID, err)
	case out.PublicAccessBlockConfiguration == nil:
		return nil, false, fmt.Errorf("get public access block of bucket %s: the answer holds none", r.ID)
	}
	c := out.PublicAccessBlockConfiguration
	return &settings{
		aws.ToBool(c.BlockPublicAcls), aws.ToBool(c.IgnorePublicAcls), aws.ToBool(c.BlockPublicPolicy), aws.ToBool(c.RestrictPublicBuckets),
	}, true, nil
}

// readAccount is an account's settings, with those of its organization; nil if there are none.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_GetPublicAccessBlock.html
func readAccount(ctx context.Context, run *remediations.Run, account string) (*settings, error) {
	out, err := s3control.NewFromConfig(run.AWS).GetPublicAccessBlock(ctx, &s3control.GetPublicAccessBlockInput{AccountId: &account})
	switch code := remediations.ErrorCode(err); {
	case code == unset:
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("get public access block of account %s: %w", account, err)
	case out.PublicAccessBlockConfiguration == nil:
		return nil, fmt.Errorf("get public access block of account %s: the answer holds none", account)
	}
	c := out.PublicAccessBlockConfiguration
	return &settings{
		aws.ToBool(c.BlockPublicAcls), aws.ToBool(c.IgnorePublicAcls), aws.ToBool(c.BlockPublicPolicy), aws.ToBool(c.RestrictPublicBuckets),
	}, nil
}

// put gives a resource its settings; nil removes them.
func put(ctx context.Context, run *remediations.Run, r remediations.Resource, s *settings) error {
	var err error
	if r.Type == anAccount {
		err = putAccountSettings(ctx, s3control.NewFromConfig(run.AWS), r.Account, s)
	} else {
		err = putBucketSettings(ctx, s3.NewFromConfig(run.AWS), r, s)
	}
	if err != nil {
		return fmt.Errorf("put public access block of %s: %w", r, err)
	}
	return nil
}

func putAccountSettings(ctx context.Context, client *s3control.Client, account string, s *settings) error {
	if s == nil {
		_, err := client.DeletePublicAccessBlock(ctx, &s3control.DeletePublicAccessBlockInput{AccountId: &account})
		return err
	}
	_, err := client.PutPublicAccessBlock(ctx, &s3control.PutPublicAccessBlockInput{
		AccountId: &account, PublicAccessBlockConfiguration: &controltypes.PublicAccessBlockConfiguration{
			BlockPublicAcls: &s.BlockPublicAcls, IgnorePublicAcls: &s.IgnorePublicAcls,
			BlockPublicPolicy: &s.BlockPublicPolicy, RestrictPublicBuckets: &s.RestrictPublicBuckets,
		}})
	return err
}

func putBucketSettings(ctx context.Context, client *s3.Client, r remediations.Resource, s *settings) error {
	if s == nil {
		_, err := client.DeletePublicAccessBlock(ctx, &s3.DeletePublicAccessBlockInput{Bucket: &r.ID, ExpectedBucketOwner: &r.Account})
		return err
	}
	_, err := client.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{
		Bucket: &r.ID, ExpectedBucketOwner: &r.Account, PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
			BlockPublicAcls: &s.BlockPublicAcls, IgnorePublicAcls: &s.IgnorePublicAcls,
			BlockPublicPolicy: &s.BlockPublicPolicy, RestrictPublicBuckets: &s.RestrictPublicBuckets,
		}})
	return err
}
