//go:build emulator

package emulated

import (
	"encoding/json"
	"net/url"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/countermand/countermand/remediations/modules/iamadmingrant"
)

const (
	administrator = "arn:aws:iam::aws:policy/AdministratorAccess"
	everything    = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
	oneBucket     = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::reports/*"}]}`
)

func TestIAMAdminGrant(t *testing.T) {
	t.Run("moto", func(t *testing.T) { grantsAll(t, motoAt(t, emulators.MotoAWS)) })
	t.Run("ministack", func(t *testing.T) { grantsAll(t, ministack(t)) })
}

func grantsAll(t *testing.T, cfg aws.Config) {
	t.Helper()
	client := iam.NewFromConfig(cfg)
	withUsers(t, cfg, "alice", "chief")
	attach := func(user, policy string) {
		must[*iam.AttachUserPolicyOutput](t)(client.AttachUserPolicy(t.Context(), &iam.AttachUserPolicyInput{UserName: &user, PolicyArn: &policy}))
	}
	reports := must[*iam.CreatePolicyOutput](t)(client.CreatePolicy(t.Context(), &iam.CreatePolicyInput{PolicyName: aws.String("reports"), PolicyDocument: aws.String(oneBucket)}))
	attach("alice", *reports.Policy.Arn)
	attach("chief", administrator)
	play(t, scene{
		module: iamadmingrant.Module, aws: cfg, broken: "alice",
		state: func() any { return attachedTo(t, cfg, "alice", "chief") },
		call: func() call {
			attach("alice", administrator)
			return call{source: "iam.amazonaws.com", name: "AttachUserPolicy", request: `{"userName":"alice","policyArn":"` + administrator + `"}`}
		},
	})
}

func TestIAMAdminGrantInline(t *testing.T) {
	both(t, func(t *testing.T, cfg aws.Config) {
		client := iam.NewFromConfig(cfg)
		must[*iam.CreateRoleOutput](t)(client.CreateRole(t.Context(), &iam.CreateRoleInput{
			RoleName:                 aws.String("report-writer"),
			AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`),
		}))
		put := func(name, document string) {
			must[*iam.PutRolePolicyOutput](t)(client.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: aws.String("report-writer"), PolicyName: &name, PolicyDocument: &document}))
		}
		put("reports", oneBucket)
		play(t, scene{
			module: iamadmingrant.Module, aws: cfg, broken: "report-writer",
			state: func() any {
				documents := map[string]string{}
				for _, name := range must[*iam.ListRolePoliciesOutput](t)(client.ListRolePolicies(t.Context(), &iam.ListRolePoliciesInput{RoleName: aws.String("report-writer")})).PolicyNames {
					out := must[*iam.GetRolePolicyOutput](t)(client.GetRolePolicy(t.Context(), &iam.GetRolePolicyInput{RoleName: aws.String("report-writer"), PolicyName: &name}))
					documents[name] = must[string](t)(url.PathUnescape(*out.PolicyDocument))
				}
				return documents
			},
			call: func() call {
				put("helper", everything)
				quoted := must[[]byte](t)(json.Marshal(everything))
				return call{source: "iam.amazonaws.com", name: "PutRolePolicy", request: `{"roleName":"report-writer","policyName":"helper","policyDocument":` + string(quoted) + `}`}
			},
		})
	})
}

func TestIAMAdminGrantVersion(t *testing.T) {
	cfg := moto(t) // ministack can't set a version
	client := iam.NewFromConfig(cfg)
	withUsers(t, cfg, "alice")
	arn := must[*iam.CreatePolicyOutput](t)(client.CreatePolicy(t.Context(), &iam.CreatePolicyInput{PolicyName: aws.String("reports"), PolicyDocument: aws.String(oneBucket)})).Policy.Arn
	must[*iam.AttachUserPolicyOutput](t)(client.AttachUserPolicy(t.Context(), &iam.AttachUserPolicyInput{UserName: aws.String("alice"), PolicyArn: arn}))
	play(t, scene{
		module: iamadmingrant.Module, aws: cfg, broken: *arn,
		state: func() any {
			return must[*iam.GetPolicyOutput](t)(client.GetPolicy(t.Context(), &iam.GetPolicyInput{PolicyArn: arn})).Policy.DefaultVersionId
		},
		call: func() call {
			made := must[*iam.CreatePolicyVersionOutput](t)(client.CreatePolicyVersion(t.Context(), &iam.CreatePolicyVersionInput{PolicyArn: arn, PolicyDocument: aws.String(everything), SetAsDefault: true}))
			return call{
				source: "iam.amazonaws.com", name: "CreatePolicyVersion",
				request:  `{"policyArn":"` + *arn + `","policyDocument":"{}","setAsDefault":true}`,
				response: `{"policyVersion":{"versionId":"` + *made.PolicyVersion.VersionId + `","isDefaultVersion":true,"createDate":"Mar 2, 2026, 9:14:55 AM"}}`,
			}
		},
	})
}
