package s3externalpolicy_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	controltypes "github.com/aws/aws-sdk-go-v2/service/s3control/types"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/modules/s3externalpolicy"
	"github.com/countermand/countermand/remediations/moduletest"
)

const (
	account = "111122223333"
	bucket  = "quarterly-reports"

	action  = `"Action":"s3:GetObject","Resource":"arn:aws:s3:::quarterly-reports/*"}`
	own     = `{"Sid":"Own","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/Reports"},` + action
	partner = `{"Sid":"Partner","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::444455556666:root"},` + action
	logs    = `{"Sid":"Logs","Effect":"Allow","Principal":{"Service":"logging.s3.amazonaws.com"},"Action":"s3:PutObject","Resource":"arn:aws:s3:::quarterly-reports/logs/*","Condition":{"StringEquals":{"aws:SourceAccount":"111122223333"}}}`
	noTLS   = `{"Sid":"TLS","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::quarterly-reports/*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}`
	inOrg   = `{"Sid":"Org","Effect":"Allow","Principal":"*","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}},` + action
	inVPC   = `{"Sid":"VPC","Effect":"Allow","Principal":"*","Condition":{"StringEquals":{"aws:SourceVpce":"vpce-1a2b3c4d"}},` + action
	anyone  = `{"Sid":"Web","Effect":"Allow","Principal":"*",` + action
	outside = `{"Sid":"Outside","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::999988887777:root"},` + action
	mixed   = `{"Sid":"Mixed","Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111122223333:root", "arn:aws:iam::999988887777:user/eve"]},` + action
	trimmed = `{"Sid":"Mixed","Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111122223333:root"]},` + action
	gone    = `{"Sid":"Gone","Effect":"Allow","Principal":{"AWS":"AROAEXAMPLEEXAMPLE123"},` + action
)

// trusting are settings that trust the partner and the organization.
var trusting = s3externalpolicy.Settings{TrustedAccounts: []remediations.AccountID{"444455556666"}, TrustedOrganization: "o-a1b2c3d4e5"}

// policyOf is a policy in a form that only exact bytes preserve.
func policyOf(statements ...string) string {
	return `{ "Version":"2012-10-17", "Id":"caf\u00e9 <&>", "Statement":[` + strings.Join(statements, ",\n") + `] }`
}

// record is a CloudTrail record of a call to the bucket, in the event that EventBridge delivers.
func record(t *testing.T, number int, name, parameters string) []byte {
	t.Helper()
	event, err := events.Wrap([]byte(fmt.Sprintf(`{
		"eventVersion":"1.11",
		"userIdentity":{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE123:dana","arn":"arn:aws:sts::111122223333:assumed-role/Developer/dana","accountId":"111122223333","accessKeyId":"ASIAEXAMPLEEXAMPLE12",
			"sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLEEXAMPLE123","arn":"arn:aws:iam::111122223333:role/Developer","accountId":"111122223333","userName":"Developer"},"attributes":{"creationDate":"2026-03-02T08:55:12Z","mfaAuthenticated":"true"}}},
		"eventTime":"2026-03-02T09:14:55Z","eventSource":"s3.amazonaws.com","eventName":%q,"awsRegion":"eu-central-1","sourceIPAddress":"198.51.100.17","userAgent":"[aws-cli/2.27.1]",
		"requestParameters":%s,"responseElements":null,
		"additionalEventData":{"SignatureVersion":"SigV4","AuthenticationMethod":"AuthHeader","bytesTransferredIn":312,"bytesTransferredOut":0},
		"requestID":"EXAMPLEREQUEST01","eventID":"7d2f1a90-4c1b-4a7e-8b55-2e6f0c9d3a%02d","readOnly":false,
		"resources":[{"accountId":"111122223333","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::quarterly-reports"}],
		"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"111122223333","eventCategory":"Management"}`, name, parameters, number)))
	if err != nil {
		t.Fatal(err)
	}
	return event
}

func putParameters(policy string) string {
	return `{"bucketPolicy":` + policy + `,"bucketName":"quarterly-reports","Host":"quarterly-reports.s3.eu-central-1.amazonaws.com","policy":""}`
}

func putPolicy(t *testing.T, policy string) []byte {
	return record(t, 1, "PutBucketPolicy", putParameters(policy))
}

func ownPut(t *testing.T, policy string) [][]byte {
	return [][]byte{record(t, 2, "PutBucketPolicy", putParameters(policy))}
}

func ownDelete(t *testing.T) [][]byte {
	return [][]byte{record(t, 3, "DeleteBucketPolicy", `{"bucketName":"quarterly-reports","Host":"quarterly-reports.s3.eu-central-1.amazonaws.com","policy":""}`)}
}

func blockRemoved(t *testing.T) []byte {
	return record(t, 4, "DeleteBucketPublicAccessBlock", `{"publicAccessBlock":"","bucketName":"quarterly-reports","Host":"quarterly-reports.s3.eu-central-1.amazonaws.com"}`)
}

// state is a bucket, and its account's setting. Blocks: nil where there is none.
type state struct {
	Gone         bool
	Policy       *string
	Block        *bool // RestrictPublicBuckets of the bucket
	AccountBlock *bool // and of the account
	Private      bool  // S3 calls its policy not public, whatever is in it
}

func with(statements ...string) state { return state{Policy: aws.String(policyOf(statements...))} }

// world answers for a bucket that belongs to the account.
func world(s state) func() *moduletest.World {
	return func() *moduletest.World {
		s := s
		mine := func(name, owner *string) error {
			switch {
			case s.Gone || aws.ToString(name) != bucket:
				return moduletest.Error("NoSuchBucket")
			case aws.ToString(owner) != account:
				return moduletest.Error("AccessDenied")
			}
			return nil
		}
		return &moduletest.World{
			State:  &s,
			Change: func() { s.Policy = aws.String(policyOf(noTLS)) },
			Answers: []moduletest.Answer{
				moduletest.On(func(in *s3.ListBucketsInput) (*s3.ListBucketsOutput, error) {
					if s.Gone || aws.ToString(in.BucketRegion) != "eu-central-1" {
						return &s3.ListBucketsOutput{}, nil
					}
					return &s3.ListBucketsOutput{Buckets: []s3types.Bucket{{Name: aws.String(bucket)}}}, nil
				}),
				moduletest.On(func(in *s3.GetBucketPolicyInput) (*s3.GetBucketPolicyOutput, error) {
					if err := mine(in.Bucket, in.ExpectedBucketOwner); err != nil {
						return nil, err
					}
					if s.Policy == nil {
						return nil, moduletest.Error("NoSuchBucketPolicy")
					}
					return &s3.GetBucketPolicyOutput{Policy: s.Policy}, nil
				}),
				moduletest.On(func(in *s3.PutBucketPolicyInput) (*s3.PutBucketPolicyOutput, error) {
					if err := mine(in.Bucket, in.ExpectedBucketOwner); err != nil {
						return nil, err
					}
					s.Policy = aws.String(*in.Policy)
					return &s3.PutBucketPolicyOutput{}, nil
				}),
				moduletest.On(func(in *s3.DeleteBucketPolicyInput) (*s3.DeleteBucketPolicyOutput, error) {
					if err := mine(in.Bucket, in.ExpectedBucketOwner); err != nil {
						return nil, err
					}
					s.Policy = nil
					return &s3.DeleteBucketPolicyOutput{}, nil
				}),
				moduletest.On(func(in *s3.GetBucketPolicyStatusInput) (*s3.GetBucketPolicyStatusOutput, error) {
					if err := mine(in.Bucket, in.ExpectedBucketOwner); err != nil {
						return nil, err
					}
					public := !s.Private && strings.Contains(aws.ToString(s.Policy), anyone)
					return &s3.GetBucketPolicyStatusOutput{PolicyStatus: &s3types.PolicyStatus{IsPublic: &public}}, nil
				}),
				moduletest.On(func(in *s3.GetPublicAccessBlockInput) (*s3.GetPublicAccessBlockOutput, error) {
					if err := mine(in.Bucket, in.ExpectedBucketOwner); err != nil {
						return nil, err
					}
					if s.Block == nil {
						return nil, moduletest.Error("NoSuchPublicAccessBlockConfiguration")
					}
					return &s3.GetPublicAccessBlockOutput{PublicAccessBlockConfiguration: &s3types.PublicAccessBlockConfiguration{RestrictPublicBuckets: s.Block}}, nil
				}),
				moduletest.On(func(in *s3control.GetPublicAccessBlockInput) (*s3control.GetPublicAccessBlockOutput, error) {
					if aws.ToString(in.AccountId) != account {
						return nil, moduletest.Error("AccessDenied")
					}
					if s.AccountBlock == nil {
						return nil, moduletest.Error("NoSuchPublicAccessBlockConfiguration")
					}
					return &s3control.GetPublicAccessBlockOutput{PublicAccessBlockConfiguration: &controltypes.PublicAccessBlockConfiguration{RestrictPublicBuckets: s.AccountBlock}}, nil
				}),
			},
		}
	}
}

func Test(t *testing.T) {
	on, off := aws.Bool(true), aws.Bool(false)
	neighbours := []string{own, outside, logs, noTLS, mixed}
	bad, rest := policyOf(neighbours...), policyOf(own, logs, noTLS, trimmed)
	open := policyOf(anyone, outside)
	moduletest.Run(t, s3externalpolicy.Module,
		// what must be made right
		moduletest.Case{Name: "another account, alone and beside the own", Event: putPolicy(t, bad), World: world(with(neighbours...)), Acts: true, Own: ownPut(t, rest)},
		moduletest.Case{Name: "nothing but another account", Event: putPolicy(t, policyOf(outside)), World: world(with(outside)), Acts: true, Own: ownDelete(t)},
		moduletest.Case{Name: "a partner who is not trusted", Event: putPolicy(t, policyOf(own, partner)), World: world(with(own, partner)), Acts: true, Own: ownPut(t, policyOf(own))},
		moduletest.Case{Name: "another account beside a trusted one", Event: putPolicy(t, policyOf(partner, inOrg, outside)), Settings: trusting,
			World: world(with(partner, inOrg, outside)), Acts: true, Own: ownPut(t, policyOf(partner, inOrg))},
		moduletest.Case{Name: "an organization that is not trusted", Event: putPolicy(t, policyOf(inOrg, own)), World: world(with(inOrg, own)), Acts: true, Own: ownPut(t, policyOf(own))},
		moduletest.Case{Name: "a public statement, which is not ours, beside it", Event: putPolicy(t, open), World: world(with(anyone, outside)), Acts: true, Own: ownPut(t, policyOf(anyone))},
		moduletest.Case{Name: "the block that kept it harmless is removed", Event: blockRemoved(t),
			World: world(state{Policy: &open, Block: off, AccountBlock: off}), Acts: true, Own: ownPut(t, policyOf(anyone))},
		moduletest.Case{Name: "a policy that is not public, with a block that is for such", Event: putPolicy(t, policyOf(outside, own)),
			World: world(state{Policy: aws.String(policyOf(outside, own)), Block: on, AccountBlock: on}), Acts: true, Own: ownPut(t, policyOf(own))},
		moduletest.Case{Name: "a block that is for what S3 calls public", Event: putPolicy(t, open),
			World: world(state{Policy: &open, Block: on, Private: true}), Acts: true, Own: ownPut(t, policyOf(anyone))},
		moduletest.Case{Name: "parameters as a list and a string, and old names", Event: record(t, 5, "PutBucketPolicy",
			`{"bucketPolicy":[`+quoted(bad)+`],"bucketName":["quarterly-reports"],"host":["s3.eu-central-1.amazonaws.com"],"policy":[""]}`),
			World: world(with(neighbours...)), Acts: true, Own: ownPut(t, rest)},
		moduletest.Case{Name: "no parameters", Event: record(t, 6, "PutBucketPolicy", `null`), World: world(with(neighbours...)), Acts: true, Own: ownPut(t, rest)},

		// what must be left alone
		moduletest.Case{Name: "the own account and services", Event: putPolicy(t, policyOf(own, logs, noTLS)), World: world(with(own, logs, noTLS))},
		moduletest.Case{Name: "those who are trusted", Event: putPolicy(t, policyOf(partner, inOrg)), Settings: trusting, World: world(with(partner, inOrg))},
		moduletest.Case{Name: "public", Event: putPolicy(t, policyOf(anyone)), World: world(with(anyone))},
		moduletest.Case{Name: "somebody who was deleted", Event: putPolicy(t, policyOf(gone)), World: world(with(gone))},
		moduletest.Case{Name: "made harmless by the bucket's block", Event: putPolicy(t, open), World: world(state{Policy: &open, Block: on})},
		moduletest.Case{Name: "made harmless by the account's block", Event: putPolicy(t, open), World: world(state{Policy: &open, AccountBlock: on})},
		moduletest.Case{Name: "put right before we came", Event: putPolicy(t, bad), World: world(with(own))},
		moduletest.Case{Name: "the policy is gone", Event: putPolicy(t, bad), World: world(state{})},
		moduletest.Case{Name: "the bucket is gone", Event: putPolicy(t, bad), World: world(state{Gone: true})},
		moduletest.Case{Name: "the block is removed from a bucket without a policy", Event: blockRemoved(t), World: world(state{})},
	)
}

// quoted is text as a JSON string.
func quoted(text string) string {
	raw, _ := json.Marshal(text)
	return string(raw)
}

// What can't be told is said, and left alone; what is beside it is taken out all the same, if S3 would let it.
func TestUnclear(t *testing.T) {
	only, both, cut := policyOf(inVPC, own), policyOf(inVPC, outside), `{"Statement":[{"Effe`
	told := ownPut(t, only) // what people are only told of has no events of our own
	breaches := moduletest.Check(t.Context(), s3externalpolicy.Module,
		moduletest.Case{Name: "a network", Event: putPolicy(t, only), World: world(state{Policy: &only}), Acts: true, Own: told},
		moduletest.Case{Name: "a network, and another account", Event: putPolicy(t, both), World: world(state{Policy: &both}), Acts: true, Own: ownPut(t, policyOf(inVPC))},
		moduletest.Case{Name: "not a policy", Event: blockRemoved(t), World: world(state{Policy: &cut}), Acts: true, Own: told},
		moduletest.Case{Name: "a public policy and another account", Event: putPolicy(t, policyOf(anyone, outside)), World: world(with(anyone, outside)), Acts: true, Own: ownPut(t, policyOf(anyone))},
		moduletest.Case{Name: "nothing but another account", Event: putPolicy(t, policyOf(outside)), World: world(with(outside)), Acts: true, Own: ownDelete(t)},
		moduletest.Case{Name: "made harmless by the account's block", Event: putPolicy(t, policyOf(anyone, outside)),
			World: world(state{Policy: aws.String(policyOf(anyone, outside)), AccountBlock: aws.Bool(true)})},
		moduletest.Case{Name: "fine", Event: putPolicy(t, policyOf(own)), World: world(with(own))},
	)
	for _, err := range breaches {
		t.Error(err)
	}
}
