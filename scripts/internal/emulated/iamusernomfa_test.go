//go:build emulator

package emulated

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/countermand/countermand/remediations/modules/iamusernomfa"
)

func TestMFAOnCreateUser(t *testing.T) {
	both(t, func(t *testing.T, cfg aws.Config) {
		client := iam.NewFromConfig(cfg)
		withUsers(t, cfg, "alice", "deploy")
		policy := iamusernomfa.Module.Policies[0]
		arn := *must[*iam.CreatePolicyOutput](t)(client.CreatePolicy(t.Context(), &iam.CreatePolicyInput{PolicyName: &policy.Name, PolicyDocument: &policy.Document})).Policy.Arn
		hasPassword := false
		type state struct {
			Password bool
			Policies map[string][]string
		}
		play(t, scene{
			module: iamusernomfa.Module, aws: cfg, broken: "alice",
			settings: iamusernomfa.Settings{GraceHours: 24}, later: 25 * time.Hour,
			state: func() any { return state{hasPassword, attachedTo(t, cfg, "alice", "deploy")} },
			after: func(time.Time) any { return state{true, map[string][]string{"alice": {arn}}} },
			call: func() call {
				must[*iam.CreateLoginProfileOutput](t)(client.CreateLoginProfile(t.Context(), &iam.CreateLoginProfileInput{UserName: aws.String("alice"), Password: aws.String("not-a-secret-1")}))
				hasPassword = true
				return call{
					source: "iam.amazonaws.com", name: "CreateLoginProfile", request: `{"userName":"alice","passwordResetRequired":true}`,
					response: `{"loginProfile":{"userName":"alice","createDate":"Mar 2, 2026, 9:12:44 AM","passwordResetRequired":true}}`,
				}
			},
		})
	})
}
