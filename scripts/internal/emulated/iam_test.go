//go:build emulator

package emulated

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// withUsers makes users.
func withUsers(t *testing.T, cfg aws.Config, names ...string) {
	t.Helper()
	for _, name := range names {
		must[*iam.CreateUserOutput](t)(iam.NewFromConfig(cfg).CreateUser(t.Context(), &iam.CreateUserInput{UserName: &name}))
	}
}

// withKey makes a user an access key, and returns its id.
func withKey(t *testing.T, cfg aws.Config, user string) string {
	t.Helper()
	return *must[*iam.CreateAccessKeyOutput](t)(iam.NewFromConfig(cfg).CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: &user})).AccessKey.AccessKeyId
}

// keysOf is the status of the access keys of users, by their ids.
func keysOf(t *testing.T, cfg aws.Config, users ...string) map[string]string {
	t.Helper()
	status := map[string]string{}
	for _, user := range users {
		for _, key := range must[*iam.ListAccessKeysOutput](t)(iam.NewFromConfig(cfg).ListAccessKeys(t.Context(), &iam.ListAccessKeysInput{UserName: &user})).AccessKeyMetadata {
			status[*key.AccessKeyId] = string(key.Status)
		}
	}
	return status
}

// attachedTo is the ARNs of the managed policies of users.
func attachedTo(t *testing.T, cfg aws.Config, users ...string) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for _, user := range users {
		for _, p := range must[*iam.ListAttachedUserPoliciesOutput](t)(iam.NewFromConfig(cfg).ListAttachedUserPolicies(t.Context(), &iam.ListAttachedUserPoliciesInput{UserName: &user})).AttachedPolicies {
			all[user] = append(all[user], *p.PolicyArn)
		}
	}
	return all
}
