package s3publicpolicy_test

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
	"github.com/countermand/countermand/remediations/modules/s3publicpolicy"
	"github.com/countermand/countermand/remediations/moduletest"
)

const (
	account = "111122223333"
	bucket  = "quarterly-reports"

	readers = `{"Sid":"Readers","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::444455556666:root"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::quarterly-reports/*"}`
	anyone  = `{"Sid":"Web","Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::quarterly-reports/*"}`
	future  = `{"Sid":"New","Effect":"Allow","Principal":{"Robot":"r2"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::quarterly-reports/*"}`
	noTLS   = `{"Sid":"TLS","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::quarterly-reports/*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}`
	inVPC   = `{"Sid":"VPC","Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::quarterly-reports/*","Condition":{"StringEquals":{"aws:SourceVpce":"vpce-1a2b3c4d"}}}`
	inOrg   = `{"Sid":"Org","Effect":"Allow","Principal":{"AWS":"*"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::quarterly-reports/*","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}}}`
)

// policyOf is a policy in a form that only exact bytes preserve.
func policyOf(statements ...string) string {
	return `{ "Version":"2012-10-17", "Id":"caf\u00e9 <&>", "Statement":[` + strings.Join(statements, ",\n") + `] }`
}

// record is a CloudTrail record of a call to the bucket, in the event that EventBridge delivers.
func record(t *testing.T, eventID, name, parameters string) []byte {
	t.Helper()
	event, err := events.Wrap([]byte(fmt.Sprintf(`{
		"eventVersion":"1.11",
		"userIdentity":{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE123:dana","arn":"arn:aws:sts::111122223333:assumed-role/Developer/dana","accountId":"111122223333","accessKeyId":"ASIAEXAMPLEEXAMPLE12",
			"sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLEEXAMPLE123","arn":"arn:aws:iam::111122223333:role/Developer","accountId":"111122223333","userName":"Developer"},"attributes":{"creationDate":"2026-03-02T08:55:12Z","mfaAuthenticated":"true"}}},
		"eventTime":"2026-03-02T09:14:55Z","eventSource":"s3.amazonaws.com","eventName":%q,"awsRegion":"eu-central-1","sourceIPAddress":"198.51.100.17","userAgent":"[aws-cli/2.27.1]",
		"requestParameters":%s,"responseElements":null,
		"additionalEventData":{"SignatureVersion":"SigV4","AuthenticationMethod":"AuthHeader","bytesTransferredIn":312,"bytesTransferredOut":0},
		"requestID":"EXAMPLEREQUEST01","eventID":%q,"readOnly":false,
		"resources":[{"accountId":"111122223333","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::quarterly-reports"}],
		"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"111122223333","eventCategory":"Management"}`, name, parameters, eventID)))
	if err != nil {
		t.Fatal(err)
	}
	return event
}

func putPolicy(t *testing.T, policy string) []byte {
	return record(t, "5b1c6f8e-0d5f-4e0c-9a58-3c1d5b9f2a01", "PutBucketPolicy", putParameters(policy))
}

func putParameters(policy string) string {
	return `{"bucketPolicy":` + policy + `,"bucketName":"quarterly-reports","Host":"quarterly-reports.s3.eu-central-1.amazonaws.com","policy":""}`
}

func ownPut(t *testing.T, policy string) []byte {
	return record(t, "5b1c6f8e-0d5f-4e0c-9a58-3c1d5b9f2a02", "PutBucketPolicy", putParameters(policy))
}

func ownDelete(t *testing.T) []byte {
	return record(t, "5b1c6f8e-0d5f-4e0c-9a58-3c1d5b9f2a03", "DeleteBucketPolicy",
		`{"bucketName":"quarterly-reports","Host":"quarterly-reports.s3.eu-central-1.amazonaws.com","policy":""}`)
}

func blockRemoved(t *testing.T) []byte {
	return record(t, "5b1c6f8e-0d5f-4e0c-9a58-3c1d5b9f2a04", "DeleteBucketPublicAccessBlock",
		`{"publicAccessBlock":"","bucketName":"quarterly-reports","Host":"quarterly-reports.s3.eu-central-1.amazonaws.com"}`)
}

func blockPut(t *testing.T, restrict bool) []byte {
	return record(t, "5b1c6f8e-0d5f-4e0c-9a58-3c1d5b9f2a05", "PutBucketPublicAccessBlock", fmt.Sprintf(
		`{"publicAccessBlock":"","bucketName":"quarterly-reports","PublicAccessBlockConfiguration":{"xmlns":"http://s3.amazonaws.com/doc/2006-03-01/","RestrictPublicBuckets":%t,"BlockPublicPolicy":true,"BlockPublicAcls":true,"IgnorePublicAcls":true},"Host":"quarterly-reports.s3.eu-central-1.amazonaws.com"}`, restrict))
}

// state is a bucket, and its account's setting. Blocks: nil where there is none.
type state struct {
	Gone         bool
	Policy       *string
	Block        *bool // RestrictPublicBuckets of the bucket
	AccountBlock *bool // and of the account
}

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
					if aws.ToString(in.BucketRegion) != "eu-central-1" {
						return nil, moduletest.Error("InvalidArgument")
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
					return &s3.GetBucketPolicyOutput{Policy: aws.String(*s.Policy)}, nil
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
				moduletest.On(func(in *s3.GetPublicAccessBlockInput) (*s3.GetPublicAccessBlockOutput, error) {
					if err := mine(in.Bucket, in.ExpectedBucketOwner); err != nil {
						return nil, err
					}
					if s.Block == nil {
						return nil, moduletest.Error("NoSuchPublicAccessBlockConfiguration")
					}
					return &s3.GetPublicAccessBlockOutput{PublicAccessBlockConfiguration: &s3types.PublicAccessBlockConfiguration{
						BlockPublicPolicy: aws.Bool(true), RestrictPublicBuckets: s.Block,
					}}, nil
				}),
				moduletest.On(func(in *s3control.GetPublicAccessBlockInput) (*s3control.GetPublicAccessBlockOutput, error) {
					if aws.ToString(in.AccountId) != account {
						return nil, moduletest.Error("AccessDenied")
					}
					if s.AccountBlock == nil {
						return nil, moduletest.Error("NoSuchPublicAccessBlockConfiguration")
					}
					return &s3control.GetPublicAccessBlockOutput{PublicAccessBlockConfiguration: &controltypes.PublicAccessBlockConfiguration{
						BlockPublicPolicy: aws.Bool(true), RestrictPublicBuckets: s.AccountBlock,
					}}, nil
				}),
			},
		}
	}
}

func Test(t *testing.T) {
	with := func(policy string) state { return state{Policy: &policy} }
	on, off := aws.Bool(true), aws.Bool(false)
	mixed := policyOf(readers, anyone, noTLS)
	rest := []([]byte){ownPut(t, policyOf(readers, noTLS))}
	moduletest.Run(t, s3publicpolicy.Module,
		// what must be made right
		moduletest.Case{Name: "a public statement among others", Event: putPolicy(t, mixed),
			World: world(with(mixed)), Acts: true, Own: rest},
		moduletest.Case{Name: "nothing but public statements", Event: putPolicy(t, policyOf(anyone, strings.Replace(anyone, "Web", "Web2", 1))),
			World: world(with(policyOf(anyone, strings.Replace(anyone, "Web", "Web2", 1)))), Acts: true, Own: [][]byte{ownDelete(t)}},
		moduletest.Case{Name: "a public statement that is no list", Event: putPolicy(t, `{"Statement":`+anyone+`}`),
			World: world(with(`{"Statement":` + anyone + `}`)), Acts: true, Own: [][]byte{ownDelete(t)}},
		moduletest.Case{Name: "the block that kept a public policy harmless is removed", Event: blockRemoved(t),
			World: world(with(mixed)), Acts: true, Own: rest},
		moduletest.Case{Name: "the block is put back without its effect on policies", Event: blockPut(t, false),
			World: world(state{Policy: &mixed, Block: off, AccountBlock: off}), Acts: true, Own: rest},
		moduletest.Case{Name: "parameters as a list and a string, and old names", Event: record(t, "5b1c6f8e-0d5f-4e0c-9a58-3c1d5b9f2a06", "PutBucketPolicy",
			`{"bucketPolicy":[`+quoted(mixed)+`],"bucketName":["quarterly-reports"],"host":["s3.eu-central-1.amazonaws.com"],"policy":[""]}`),
			World: world(with(mixed)), Acts: true, Own: rest},
		moduletest.Case{Name: "no parameters", Event: record(t, "5b1c6f8e-0d5f-4e0c-9a58-3c1d5b9f2a07", "PutBucketPolicy", `null`),
			World: world(with(mixed)), Acts: true, Own: rest},
		moduletest.Case{Name: "a policy cut off in the record", Event: record(t, "5b1c6f8e-0d5f-4e0c-9a58-3c1d5b9f2a08", "PutBucketPolicy",
			`{"bucketPolicy":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Eff","bucketName":"quarterly-reports"}`),
			World: world(with(mixed)), Acts: true, Own: rest},

		// what must be left alone
		moduletest.Case{Name: "denied to everyone without TLS", Event: putPolicy(t, policyOf(noTLS)), World: world(with(policyOf(noTLS)))},
		moduletest.Case{Name: "everyone, from one endpoint", Event: putPolicy(t, policyOf(inVPC)), World: world(with(policyOf(inVPC)))},
		moduletest.Case{Name: "everyone, of one organization", Event: blockRemoved(t), World: world(with(policyOf(inOrg, inVPC)))},
		moduletest.Case{Name: "made harmless by the bucket's block", Event: putPolicy(t, mixed), World: world(state{Policy: &mixed, Block: on})},
		moduletest.Case{Name: "made harmless by the account's block", Event: putPolicy(t, mixed), World: world(state{Policy: &mixed, Block: off, AccountBlock: on})},
		moduletest.Case{Name: "put right before we came", Event: putPolicy(t, mixed), World: world(with(policyOf(readers)))},
		moduletest.Case{Name: "the policy is gone", Event: putPolicy(t, mixed), World: world(state{})},
		moduletest.Case{Name: "the bucket is gone", Event: putPolicy(t, mixed), World: world(state{Gone: true})},
		moduletest.Case{Name: "the block is removed from a bucket without a policy", Event: blockRemoved(t), World: world(state{})},
	)
}

// quoted is text as a JSON string.
func quoted(text string) string {
	raw, _ := json.Marshal(text)
	return string(raw)
}

// What can't be told is said, and left alone; what is public beside it is taken out all the same.
func TestUnclear(t *testing.T) {
	only, both, cut := policyOf(future, readers), policyOf(future, anyone), `{"Statement":[{"Effe`
	// What people are only told of has no events of our own; somebody else's put must be a no-op all the same.
	told := [][]byte{ownPut(t, only)}
	breaches := moduletest.Check(t.Context(), s3publicpolicy.Module,
		moduletest.Case{Name: "only unclear", Event: putPolicy(t, only), World: world(state{Policy: &only}), Acts: true, Own: told},
		moduletest.Case{Name: "not a policy", Event: blockRemoved(t), World: world(state{Policy: &cut}), Acts: true, Own: told},
		moduletest.Case{Name: "unclear, but harmless", Event: putPolicy(t, only), World: world(state{Policy: &only, Block: aws.Bool(true)})},
		moduletest.Case{Name: "unclear and public", Event: putPolicy(t, both), World: world(state{Policy: &both}), Acts: true, Own: [][]byte{ownPut(t, policyOf(future))}},
		moduletest.Case{Name: "nothing but public", Event: putPolicy(t, policyOf(anyone)), World: world(state{Policy: aws.String(policyOf(anyone))}), Acts: true, Own: [][]byte{ownDelete(t)}},
	)
	for _, err := range breaches {
		t.Error(err)
	}
}

func TestSuspects(t *testing.T) {
	mine := []remediations.Resource{{ID: bucket, Type: "AWS::S3::Bucket", Account: account, Region: "eu-central-1"}}
	public, private := policyOf(anyone), policyOf(readers, noTLS)
	listed := `{"accountId":"111122223333","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::quarterly-reports"}`
	for _, test := range []struct {
		name       string
		event      string // PutBucketPolicy if empty
		parameters string
		resources  string // a list of mine if empty
		want       []remediations.Resource
		fails      bool
	}{
		{name: "public", parameters: putParameters(public), want: mine},
		{name: "private", parameters: putParameters(private)},
		{name: "private, as text", parameters: putParameters(quoted(private))},
		{name: "unclear", parameters: putParameters(policyOf(future)), want: mine},
		{name: "an empty policy", parameters: putParameters(`{}`), want: mine},
		{name: "a policy that is text", parameters: putParameters(`"no JSON"`), want: mine},
		{name: "a policy in a list of two", parameters: putParameters(`[` + private + `,` + private + `]`), want: mine},
		{name: "no policy", parameters: `{"bucketName":"quarterly-reports"}`, want: mine},
		{name: "policies restricted", event: "PutBucketPublicAccessBlock", parameters: `{"bucketName":"quarterly-reports","PublicAccessBlockConfiguration":{"RestrictPublicBuckets":true}}`},
		{name: "policies restricted, as text", event: "PutBucketPublicAccessBlock", parameters: `{"bucketName":"quarterly-reports","PublicAccessBlockConfiguration":{"RestrictPublicBuckets":"TRUE"}}`},
		{name: "policies only refused", event: "PutBucketPublicAccessBlock", parameters: `{"bucketName":"quarterly-reports","PublicAccessBlockConfiguration":{"BlockPublicPolicy":true}}`, want: mine},
		{name: "a block without its configuration", event: "PutBucketPublicAccessBlock", parameters: `{"bucketName":"quarterly-reports"}`, want: mine},
		{name: "a block removed", event: "DeleteBucketPublicAccessBlock", parameters: `{"bucketName":"quarterly-reports"}`, want: mine},
		{name: "only the parameter", parameters: putParameters(public), resources: `[]`, want: mine},
		{name: "only the parameter, as ARN", parameters: `{"bucketName":"arn:aws-us-gov:s3:::quarterly-reports"}`, resources: `null`, want: mine},
		{name: "an access point's alias", parameters: `{"bucketName":"reports-ap-0123456789abcdef-s3alias"}`, resources: `[{"type":"AWS::S3::AccessPoint","ARN":"arn:aws:s3:eu-central-1:111122223333:accesspoint/reports-ap"},` + listed + `]`, want: mine},
		{name: "somebody else's", parameters: putParameters(public), resources: strings.Replace(`[`+listed+`]`, account, "999988887777", 1)},
		{name: "an owner that is not said", parameters: putParameters(public), resources: `[{"type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::quarterly-reports"}]`, want: mine},
		{name: "nothing named", parameters: `null`, resources: `[]`, fails: true},
		{name: "an empty name", parameters: `{"bucketName":""}`, resources: `null`, fails: true},
		{name: "an ARN without a name", parameters: `{"bucketName":"quarterly-reports"}`, resources: `[{"type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::"}]`, fails: true},
		{name: "an access point's ARN", parameters: `{"bucketName":"arn:aws:s3:eu-central-1:111122223333:accesspoint/x"}`, resources: `null`, fails: true},
		{name: "an object's ARN", parameters: `{"bucketName":"arn:aws:s3:::quarterly-reports/x"}`, resources: `null`, fails: true},
		{name: "an ARN of another service", parameters: `{"bucketName":"arn:aws:sqs:::quarterly-reports"}`, resources: `null`, fails: true},
		{name: "two buckets", parameters: putParameters(public), resources: `[` + listed + `,` + strings.Replace(listed, bucket, "other", 1) + `]`, fails: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			name := test.event
			if name == "" {
				name = "PutBucketPolicy"
			}
			raw := string(record(t, "5b1c6f8e-0d5f-4e0c-9a58-3c1d5b9f2a09", name, test.parameters))
			if test.resources != "" {
				changed := strings.Replace(raw, `[`+listed+`]`, test.resources, 1)
				if changed == raw && test.resources != `[`+listed+`]` {
					t.Fatal("the record does not list the bucket")
				}
				raw = changed
			}
			event, err := events.Parse([]byte(raw))
			if err != nil {
				t.Fatal(err)
			}
			got, err := s3publicpolicy.Module.Suspects(event)
			if (err != nil) != test.fails || fmt.Sprint(got) != fmt.Sprint(test.want) || len(got) > 0 && got[0] != test.want[0] {
				t.Errorf("suspects are %v, %v; want %v, an error: %t", got, err, test.want, test.fails)
			}
		})
	}
}

func TestSuspectsWithoutPlace(t *testing.T) {
	whole, err := events.Parse(blockRemoved(t))
	if err != nil {
		t.Fatal(err)
	}
	noAccount, noRegion := whole, whole
	noAccount.Account, noRegion.Region = "", ""
	for name, event := range map[string]events.Event{"account": noAccount, "region": noRegion} {
		if got, err := s3publicpolicy.Module.Suspects(event); err == nil {
			t.Errorf("without %s: suspects are %v, want an error", name, got)
		}
	}
}
