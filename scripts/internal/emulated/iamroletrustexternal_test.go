//go:build emulator

package emulated

import (
	"encoding/json"
	"net/url"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/modules/iamroletrustexternal"
)

func TestRoleTrustExternal(t *testing.T) {
	const (
		service = `{"Sid":"Service","Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}`
		partner = `{"Sid":"Partner","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::444455556666:root"},"Action":"sts:AssumeRole"}`
		unknown = `{"Sid":"Unknown","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::777788889999:root"},"Action":"sts:AssumeRole"}`
	)
	trust := func(statements string) *string {
		return aws.String(`{"Version":"2012-10-17","Statement":[` + statements + `]}`)
	}
	both(t, func(t *testing.T, cfg aws.Config) {
		client := iam.NewFromConfig(cfg)
		roles := []string{"report-writer", "deployer"}
		for _, name := range roles {
			must[*iam.CreateRoleOutput](t)(client.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: trust(service + "," + partner)}))
		}
		play(t, scene{
			module: iamroletrustexternal.Module, aws: cfg, broken: "report-writer",
			settings: iamroletrustexternal.Settings{TrustedAccounts: []remediations.AccountID{"444455556666"}},
			state: func() any {
				documents := map[string]string{}
				for _, name := range roles {
					role := must[*iam.GetRoleOutput](t)(client.GetRole(t.Context(), &iam.GetRoleInput{RoleName: &name})).Role
					documents[name] = must[string](t)(url.PathUnescape(*role.AssumeRolePolicyDocument))
				}
				return documents
			},
			call: func() call {
				wrong := trust(service + "," + partner + "," + unknown)
				must[*iam.UpdateAssumeRolePolicyOutput](t)(client.UpdateAssumeRolePolicy(t.Context(), &iam.UpdateAssumeRolePolicyInput{RoleName: aws.String("report-writer"), PolicyDocument: wrong}))
				quoted := must[[]byte](t)(json.Marshal(*wrong))
				return call{
					source: "iam.amazonaws.com", name: "UpdateAssumeRolePolicy",
					request: `{"roleName":"report-writer","policyDocument":` + string(quoted) + `}`,
				}
			},
		})
	})
}
