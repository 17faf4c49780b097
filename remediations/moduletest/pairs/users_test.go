package pairs_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/countermand/countermand/remediations/modules/iamusernomfa"
	"github.com/countermand/countermand/remediations/moduletest"
)

// userRecord is the event of a call to IAM about a user.
func userRecord(name string, parameters map[string]string) []byte {
	parameters["userName"] = "dana"
	text, err := json.Marshal(parameters)
	if err != nil {
		panic(err)
	}
	return fmt.Appendf(nil, `{"version":"0","id":"3e0c5a5e-8a44-4a1b-9f2e-6d1c7b8a9f03","detail-type":"AWS API Call via CloudTrail","source":"aws.iam",
		"account":"111122223333","time":"2026-03-02T09:14:55Z","region":"us-east-1","resources":[],"detail":{"eventVersion":"1.11",
		"userIdentity":{"type":"IAMUser","principalId":"AIDAEXAMPLEEXAMPLE123","arn":"arn:aws:iam::111122223333:user/erin","accountId":"111122223333","userName":"erin"},
		"eventTime":"2026-03-02T09:14:55Z","eventSource":"iam.amazonaws.com","eventName":%q,"awsRegion":"us-east-1","requestParameters":%s,"responseElements":null,
		"eventID":"3e0c5a5e-8a44-4a1b-9f2e-6d1c7b8a9f04","readOnly":false,
		"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"111122223333","eventCategory":"Management"}}`, name, text)
}

// withoutMFA is a world of one user who has had a password for long, and no MFA device.
func withoutMFA() *moduletest.World {
	document := url.PathEscape(iamusernomfa.Module.Policies[0].Document)
	var state struct{ Attached []string }
	return &moduletest.World{
		State: &state,
		Answers: []moduletest.Answer{
			moduletest.On(func(in *iam.GetLoginProfileInput) (*iam.GetLoginProfileOutput, error) {
				since := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
				return &iam.GetLoginProfileOutput{LoginProfile: &types.LoginProfile{UserName: in.UserName, CreateDate: &since}}, nil
			}),
			moduletest.On(func(*iam.ListMFADevicesInput) (*iam.ListMFADevicesOutput, error) {
				return &iam.ListMFADevicesOutput{MFADevices: []types.MFADevice{}}, nil
			}),
			moduletest.On(func(*iam.ListAttachedUserPoliciesInput) (*iam.ListAttachedUserPoliciesOutput, error) {
				out := &iam.ListAttachedUserPoliciesOutput{AttachedPolicies: []types.AttachedPolicy{}}
				for _, arn := range state.Attached {
					out.AttachedPolicies = append(out.AttachedPolicies, types.AttachedPolicy{PolicyArn: &arn})
				}
				return out, nil
			}),
			moduletest.On(func(in *iam.AttachUserPolicyInput) (*iam.AttachUserPolicyOutput, error) {
				state.Attached = append(state.Attached, *in.PolicyArn)
				return &iam.AttachUserPolicyOutput{}, nil
			}),
			moduletest.On(func(in *iam.DetachUserPolicyInput) (*iam.DetachUserPolicyOutput, error) {
				state.Attached = nil
				return &iam.DetachUserPolicyOutput{}, nil
			}),
			moduletest.On(func(in *iam.GetUserInput) (*iam.GetUserOutput, error) {
				return &iam.GetUserOutput{User: &types.User{UserName: in.UserName}}, nil
			}),
			moduletest.On(func(in *iam.GetPolicyInput) (*iam.GetPolicyOutput, error) {
				return &iam.GetPolicyOutput{Policy: &types.Policy{Arn: in.PolicyArn, DefaultVersionId: aws.String("v1")}}, nil
			}),
			moduletest.On(func(in *iam.GetPolicyVersionInput) (*iam.GetPolicyVersionOutput, error) {
				return &iam.GetPolicyVersionOutput{PolicyVersion: &types.PolicyVersion{VersionId: in.VersionId, Document: &document}}, nil
			}),
		},
		Event: func(in any) []byte {
			switch in := in.(type) {
			case *iam.AttachUserPolicyInput:
				return userRecord("AttachUserPolicy", map[string]string{"policyArn": *in.PolicyArn})
			case *iam.DetachUserPolicyInput:
				return userRecord("DetachUserPolicy", map[string]string{"policyArn": *in.PolicyArn})
			}
			return nil
		},
	}
}
