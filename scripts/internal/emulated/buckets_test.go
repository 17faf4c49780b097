//go:build emulator

package emulated

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/countermand/countermand/remediations"
)

// Statements of bucket policies.
const (
	partners = `{"Sid":"Partners","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::444455556666:root"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::reports/*"}`
	own      = `{"Sid":"Own","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::reports/*"}`
	anyone   = `{"Sid":"Web","Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::reports/*"}`
	onlyTLS  = `{"Sid":"TLS","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::reports/*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}`
)

// bucket is what is looked at of one.
type bucket struct {
	Policy string
	Block  *types.PublicAccessBlockConfiguration
	Grants []types.Grant
}

// withBuckets makes buckets of these names, and returns what there is of them. A new bucket of an emulator has no Block
// Public Access, where AWS gives it all of it: those that are closed get it here.
func withBuckets(t *testing.T, cfg aws.Config, closed bool, names ...string) func() any {
	t.Helper()
	client := s3.NewFromConfig(cfg)
	for _, name := range names {
		must[*s3.CreateBucketOutput](t)(client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name, ObjectOwnership: types.ObjectOwnershipBucketOwnerPreferred}))
		if closed {
			block(t, cfg, name, true)
		}
	}
	return func() any {
		all := map[string]bucket{}
		for _, name := range names {
			var b bucket
			policy, err := client.GetBucketPolicy(t.Context(), &s3.GetBucketPolicyInput{Bucket: &name})
			if err == nil {
				b.Policy = *policy.Policy
			} else if remediations.ErrorCode(err) != "NoSuchBucketPolicy" {
				t.Fatal(err)
			}
			access, err := client.GetPublicAccessBlock(t.Context(), &s3.GetPublicAccessBlockInput{Bucket: &name})
			if err == nil {
				b.Block = access.PublicAccessBlockConfiguration
			} else if remediations.ErrorCode(err) != "NoSuchPublicAccessBlockConfiguration" {
				t.Fatal(err)
			}
			b.Grants = must[*s3.GetBucketAclOutput](t)(client.GetBucketAcl(t.Context(), &s3.GetBucketAclInput{Bucket: &name})).Grants
			all[name] = b
		}
		return all
	}
}

// block sets all of a bucket's Block Public Access.
func block(t *testing.T, cfg aws.Config, name string, on bool) {
	t.Helper()
	must[*s3.PutPublicAccessBlockOutput](t)(s3.NewFromConfig(cfg).PutPublicAccessBlock(t.Context(), &s3.PutPublicAccessBlockInput{
		Bucket: &name, PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
			BlockPublicAcls: &on, IgnorePublicAcls: &on, BlockPublicPolicy: &on, RestrictPublicBuckets: &on,
		},
	}))
}

// putPolicy puts a policy of these statements onto a bucket.
func putPolicy(t *testing.T, cfg aws.Config, name, statements string) call {
	t.Helper()
	policy := `{"Version":"2012-10-17","Id":"caf\u00e9 <&>","Statement":[` + statements + `]}`
	must[*s3.PutBucketPolicyOutput](t)(s3.NewFromConfig(cfg).PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: &name, Policy: &policy}))
	return call{
		source: "s3.amazonaws.com", name: "PutBucketPolicy",
		request: `{"bucketPolicy":` + policy + `,"bucketName":"` + name + `","Host":"` + name + `.s3.us-east-1.amazonaws.com","policy":""}`,
	}
}

// both runs a test on both emulators.
func both(t *testing.T, f func(*testing.T, aws.Config)) {
	t.Run("moto", func(t *testing.T) { f(t, moto(t)) })
	t.Run("ministack", func(t *testing.T) { f(t, ministack(t)) })
}
