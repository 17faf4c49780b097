//go:build emulator

package emulated

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/countermand/countermand/remediations/modules/s3publicacl"
)

func TestS3PublicACL(t *testing.T) {
	cfg := moto(t) // ministack keeps no ACL
	state := withBuckets(t, cfg, false, "reports", "plans")
	play(t, scene{
		module: s3publicacl.Module, aws: cfg, state: state, broken: "reports",
		call: func() call {
			must[*s3.PutBucketAclOutput](t)(s3.NewFromConfig(cfg).PutBucketAcl(t.Context(), &s3.PutBucketAclInput{Bucket: aws.String("reports"), ACL: types.BucketCannedACLPublicRead}))
			return call{
				source: "s3.amazonaws.com", name: "PutBucketAcl",
				request: `{"acl":"","bucketName":"reports","x-amz-acl":"public-read","Host":"reports.s3.us-east-1.amazonaws.com"}`,
			}
		},
	})
}
