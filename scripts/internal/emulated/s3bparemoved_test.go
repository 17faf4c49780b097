//go:build emulator

package emulated

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	"github.com/aws/aws-sdk-go-v2/service/s3control/types"

	"github.com/countermand/countermand/remediations/modules/s3bparemoved"
)

func TestS3BPARemoved(t *testing.T) {
	both(t, func(t *testing.T, cfg aws.Config) {
		state := withBuckets(t, cfg, true, "reports", "plans")
		play(t, scene{
			module: s3bparemoved.Module, aws: cfg, state: state, broken: "reports",
			call: func() call {
				must[*s3.DeletePublicAccessBlockOutput](t)(s3.NewFromConfig(cfg).DeletePublicAccessBlock(t.Context(), &s3.DeletePublicAccessBlockInput{Bucket: aws.String("reports")}))
				return call{
					source: "s3.amazonaws.com", name: "DeleteBucketPublicAccessBlock",
					request: `{"publicAccessBlock":"","bucketName":"reports","Host":"reports.s3.us-east-1.amazonaws.com"}`,
				}
			},
		})
	})
}

// The account's own. A sweep looks at buckets only.
func TestS3BPARemovedFromAccount(t *testing.T) {
	cfg := moto(t)
	client := s3control.NewFromConfig(cfg)
	put := func(on bool) {
		must[*s3control.PutPublicAccessBlockOutput](t)(client.PutPublicAccessBlock(t.Context(), &s3control.PutPublicAccessBlockInput{
			AccountId: aws.String(account), PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
				BlockPublicAcls: &on, IgnorePublicAcls: aws.Bool(true), BlockPublicPolicy: aws.Bool(true), RestrictPublicBuckets: &on,
			},
		}))
	}
	put(true)
	play(t, scene{
		module: s3bparemoved.Module, aws: cfg, broken: account, unswept: true,
		state: func() any {
			return must[*s3control.GetPublicAccessBlockOutput](t)(client.GetPublicAccessBlock(t.Context(), &s3control.GetPublicAccessBlockInput{AccountId: aws.String(account)})).PublicAccessBlockConfiguration
		},
		call: func() call {
			put(false)
			return call{
				source: "s3.amazonaws.com", name: "PutAccountPublicAccessBlock",
				request: `{"publicAccessBlock":"","Host":"` + account + `.s3-control.us-east-1.amazonaws.com","PublicAccessBlockConfiguration":{"xmlns":"http://awss3control.amazonaws.com/doc/2018-08-20/","RestrictPublicBuckets":false,"BlockPublicPolicy":true,"BlockPublicAcls":false,"IgnorePublicAcls":true},"accountId":"` + account + `"}`,
			}
		},
	})
}
