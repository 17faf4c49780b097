package pairs_test

import (
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3control"

	"github.com/countermand/countermand/remediations/moduletest"
)

// policyRecord is the event of a call that gives a bucket a policy, or takes it away.
func policyRecord(name string, parameters map[string]any) []byte {
	parameters["bucketName"] = "shared-reports"
	text, err := json.Marshal(parameters)
	if err != nil {
		panic(err)
	}
	return fmt.Appendf(nil, `{"version":"0","id":"3e0c5a5e-8a44-4a1b-9f2e-6d1c7b8a9f01","detail-type":"AWS API Call via CloudTrail","source":"aws.s3",
		"account":"111122223333","time":"2026-03-02T09:14:55Z","region":"eu-central-1","resources":[],"detail":{"eventVersion":"1.11",
		"userIdentity":{"type":"IAMUser","principalId":"AIDAEXAMPLEEXAMPLE123","arn":"arn:aws:iam::111122223333:user/dana","accountId":"111122223333","userName":"dana"},
		"eventTime":"2026-03-02T09:14:55Z","eventSource":"s3.amazonaws.com","eventName":%q,"awsRegion":"eu-central-1","requestParameters":%s,"responseElements":null,
		"eventID":"3e0c5a5e-8a44-4a1b-9f2e-6d1c7b8a9f02","readOnly":false,
		"resources":[{"accountId":"111122223333","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::shared-reports"}],
		"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"111122223333","eventCategory":"Management"}}`, name, text)
}

// policyPut is the event of a policy that was put.
func policyPut(text string) []byte {
	return policyRecord("PutBucketPolicy", map[string]any{"bucketPolicy": json.RawMessage(text)})
}

// bucketPolicy is a world of one bucket with a policy, and no Block Public Access.
func bucketPolicy(text string) func() *moduletest.World {
	return func() *moduletest.World {
		state := &struct{ Policy *string }{&text}
		return &moduletest.World{
			State: state,
			Answers: []moduletest.Answer{
				moduletest.On(func(*s3.GetBucketPolicyInput) (*s3.GetBucketPolicyOutput, error) {
					if state.Policy == nil {
						return nil, moduletest.Error("NoSuchBucketPolicy")
					}
					return &s3.GetBucketPolicyOutput{Policy: state.Policy}, nil
				}),
				moduletest.On(func(in *s3.PutBucketPolicyInput) (*s3.PutBucketPolicyOutput, error) {
					state.Policy = in.Policy
					return &s3.PutBucketPolicyOutput{}, nil
				}),
				moduletest.On(func(*s3.DeleteBucketPolicyInput) (*s3.DeleteBucketPolicyOutput, error) {
					state.Policy = nil
					return &s3.DeleteBucketPolicyOutput{}, nil
				}),
				moduletest.On(func(*s3.GetPublicAccessBlockInput) (*s3.GetPublicAccessBlockOutput, error) {
					return nil, moduletest.Error("NoSuchPublicAccessBlockConfiguration")
				}),
				moduletest.On(func(*s3control.GetPublicAccessBlockInput) (*s3control.GetPublicAccessBlockOutput, error) {
					return nil, moduletest.Error("NoSuchPublicAccessBlockConfiguration")
				}),
			},
			Event: func(in any) []byte {
				switch in := in.(type) {
				case *s3.PutBucketPolicyInput:
					return policyPut(*in.Policy)
				case *s3.DeleteBucketPolicyInput:
					return policyRecord("DeleteBucketPolicy", map[string]any{})
				}
				return nil
			},
		}
	}
}

// openAndShared is a policy with a public statement and one for another account.
const openAndShared = `{"Version":"2012-10-17","Statement":[` +
	`{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::shared-reports/*"},` +
	`{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111122223333:root","arn:aws:iam::999988887777:root"]},"Action":"s3:*","Resource":"*"}]}`
