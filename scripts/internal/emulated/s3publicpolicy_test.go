//go:build emulator

package emulated

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/countermand/countermand/remediations/modules/s3publicpolicy"
)

func TestS3PublicPolicy(t *testing.T) {
	both(t, func(t *testing.T, cfg aws.Config) {
		state := withBuckets(t, cfg, false, "reports", "plans")
		putPolicy(t, cfg, "reports", partners+","+onlyTLS)
		putPolicy(t, cfg, "plans", partners)
		play(t, scene{
			module: s3publicpolicy.Module, aws: cfg, state: state, broken: "reports",
			call: func() call { return putPolicy(t, cfg, "reports", partners+","+anyone+","+onlyTLS) },
		})
	})
}
