//go:build emulator

package emulated

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/countermand/countermand/remediations/modules/iamaccesskeycompromised"
)

func TestCompromisedKey(t *testing.T) {
	const quarantine = "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3"
	cfg := motoAt(t, emulators.MotoAWS)
	withUsers(t, cfg, "deploy", "reports")
	leaked, others := withKey(t, cfg, "deploy"), withKey(t, cfg, "reports")
	type state struct {
		Keys     map[string]string
		Policies map[string][]string
	}
	play(t, scene{
		module: iamaccesskeycompromised.Module, aws: cfg, broken: "deploy",
		state: func() any { return state{keysOf(t, cfg, "deploy", "reports"), attachedTo(t, cfg, "deploy", "reports")} },
		after: func(time.Time) any {
			return state{map[string]string{leaked: "Inactive", others: "Active"}, map[string][]string{"deploy": {quarantine}}}
		},
		call: func() call {
			must[*iam.AttachUserPolicyOutput](t)(iam.NewFromConfig(cfg).AttachUserPolicy(t.Context(), &iam.AttachUserPolicyInput{
				UserName: aws.String("deploy"), PolicyArn: aws.String(quarantine),
			}))
			return call{source: "iam.amazonaws.com", name: "AttachUserPolicy", request: `{"userName":"deploy","policyArn":"` + quarantine + `"}`}
		},
	})
}
