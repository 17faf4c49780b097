//go:build emulator

package emulated

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/modules/s3externalpolicy"
)

func TestS3ExternalPolicy(t *testing.T) {
	both(t, func(t *testing.T, cfg aws.Config) {
		state := withBuckets(t, cfg, true, "reports", "plans")
		putPolicy(t, cfg, "reports", own+","+onlyTLS)
		putPolicy(t, cfg, "plans", own)
		play(t, scene{
			module: s3externalpolicy.Module, aws: cfg, state: state, broken: "reports",
			settings: s3externalpolicy.Settings{TrustedAccounts: []remediations.AccountID{"777788889999"}},
			call:     func() call { return putPolicy(t, cfg, "reports", own+","+partners+","+onlyTLS) },
		})
	})
}
