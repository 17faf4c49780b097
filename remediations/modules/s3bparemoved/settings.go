package s3bparemoved

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	controltypes "github.com/aws/aws-sdk-go-v2/service/s3control/types"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/knowledge/buckets"
)

// settings is Block Public Access.
type settings buckets.Block

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

// readBucket is a bucket's own settings, nil if it has none, and whether there is such a bucket.
func readBucket(ctx context.Context, run *remediations.Run, r remediations.Resource) (s *settings, there bool, err error) {
	block, set, err := buckets.ReadBlock(ctx, s3.NewFromConfig(run.AWS), r)
	if !set {
		return nil, block != nil, err
	}
	return (*settings)(block), true, nil
}

// readAccount is an account's settings, with those of its organization; nil if there are none.
func readAccount(ctx context.Context, run *remediations.Run, account string) (*settings, error) {
	block, set, err := buckets.ReadAccountBlock(ctx, run, account)
	if !set {
		return nil, err
	}
	return (*settings)(&block), nil
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
