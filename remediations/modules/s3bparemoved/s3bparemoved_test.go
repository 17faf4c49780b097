package s3bparemoved_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	controltypes "github.com/aws/aws-sdk-go-v2/service/s3control/types"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/modules/s3bparemoved"
	"github.com/countermand/countermand/remediations/moduletest"
)

const (
	account = "111122223333"
	bucket  = "tax-returns"
)

// block is Block Public Access: block and ignore ACLs, block policies, restrict buckets.
type block [4]bool

var (
	all     = &block{true, true, true, true}
	none    = &block{}
	acls    = &block{true, true, false, false}
	rest    = &block{false, false, true, true}
	allBut3 = &block{true, true, false, true}
)

// record is a CloudTrail record of a call, in the event that EventBridge delivers. More is in its place among the fields,
// and resources is the list of them, if the record has one.
func record(t *testing.T, eventID, name, parameters, resources, more string) []byte {
	t.Helper()
	event, err := events.Wrap(fmt.Appendf(nil, `{
		"eventVersion":"1.11",
		"userIdentity":{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE45:noor","arn":"arn:aws:sts::111122223333:assumed-role/Operator/noor","accountId":"111122223333","accessKeyId":"ASIAEXAMPLEEXAMPLE45",
			"sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLEEXAMPLE45","arn":"arn:aws:iam::111122223333:role/Operator","accountId":"111122223333","userName":"Operator"},"attributes":{"creationDate":"2026-03-02T08:55:12Z","mfaAuthenticated":"true"}}%s},
		"eventTime":"2026-03-02T09:14:55Z","eventSource":"s3.amazonaws.com","eventName":%q,"awsRegion":"eu-central-1","sourceIPAddress":"198.51.100.17","userAgent":"[aws-cli/2.27.1]",
		"requestParameters":%s,"responseElements":null,
		"additionalEventData":{"SignatureVersion":"SigV4","AuthenticationMethod":"AuthHeader","bytesTransferredIn":287,"bytesTransferredOut":0},
		"requestID":"EXAMPLEREQUEST01","eventID":%q,"readOnly":false%s,
		"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"111122223333","eventCategory":"Management"}`, more, name, parameters, eventID, resources))
	if err != nil {
		t.Fatal(err)
	}
	return event
}

const (
	listed = `,"resources":[{"accountId":"111122223333","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::tax-returns"}]`

	bucketNamed  = `"publicAccessBlock":"","bucketName":"tax-returns","Host":"tax-returns.s3.eu-central-1.amazonaws.com"`
	accountNamed = `"publicAccessBlock":"","Host":"111122223333.s3-control.eu-central-1.amazonaws.com"`
)

// asked is the parameters of a call that puts settings.
func asked(named string, b block) string {
	return fmt.Sprintf(`{%s,"PublicAccessBlockConfiguration":{"xmlns":"http://s3.amazonaws.com/doc/2006-03-01/","RestrictPublicBuckets":%t,"BlockPublicPolicy":%t,"BlockPublicAcls":%t,"IgnorePublicAcls":%t}}`,
		named, b[3], b[2], b[0], b[1])
}

func removed(t *testing.T) []byte {
	return record(t, "9e1c6f8e-0d5f-4e0c-9a58-3c1d5b9f2c01", "DeleteBucketPublicAccessBlock", "{"+bucketNamed+"}", listed, "")
}

func put(t *testing.T, parameters string) []byte {
	return record(t, "9e1c6f8e-0d5f-4e0c-9a58-3c1d5b9f2c02", "PutBucketPublicAccessBlock", parameters, listed, "")
}

func removedAccounts(t *testing.T) []byte {
	return record(t, "9e1c6f8e-0d5f-4e0c-9a58-3c1d5b9f2c03", "DeleteAccountPublicAccessBlock", "{"+accountNamed+"}", "", "")
}

func putAccounts(t *testing.T, parameters string) []byte {
	return record(t, "9e1c6f8e-0d5f-4e0c-9a58-3c1d5b9f2c04", "PutAccountPublicAccessBlock", parameters, "", "")
}

// state is a bucket's settings and its account's; nil where there are none.
type state struct {
	Gone    bool
	Bucket  *block
	Account *block
}

// world answers for a bucket that belongs to the account.
func world(s state) func() *moduletest.World { return changing(s, false) }

// accounts is one in which somebody else changes the account's settings.
func accounts(s state) func() *moduletest.World { return changing(s, true) }

func changing(s state, accounts bool) func() *moduletest.World {
	return func() *moduletest.World {
		s := s
		mine := func(name, owner *string) error {
			switch {
			case aws.ToString(name) != bucket:
				return fmt.Errorf("unexpected call about bucket %s", aws.ToString(name))
			case s.Gone:
				return moduletest.Error("NoSuchBucket")
			case aws.ToString(owner) != account:
				return moduletest.Error("AccessDenied")
			}
			return nil
		}
		us := func(id *string) error {
			if aws.ToString(id) != account {
				return moduletest.Error("AccessDenied")
			}
			return nil
		}
		unset := moduletest.Error("NoSuchPublicAccessBlockConfiguration")
		return &moduletest.World{
			State: &s,
			Change: func() {
				if accounts {
					s.Account = allBut3
				} else {
					s.Bucket = allBut3
				}
			},
			Answers: []moduletest.Answer{
				moduletest.On(func(in *s3.ListBucketsInput) (*s3.ListBucketsOutput, error) {
					if aws.ToString(in.BucketRegion) != "eu-central-1" {
						return nil, moduletest.Error("InvalidArgument")
					}
					created := time.Date(2023, 5, 1, 0, 0, 0, 0, time.UTC)
					if accounts { // these are not about the bucket
						created = created.Add(-time.Second)
					}
					return &s3.ListBucketsOutput{Buckets: []types.Bucket{{Name: aws.String(bucket), CreationDate: &created}}}, nil
				}),
				moduletest.On(func(in *s3.GetPublicAccessBlockInput) (*s3.GetPublicAccessBlockOutput, error) {
					if err := mine(in.Bucket, in.ExpectedBucketOwner); err != nil {
						return nil, err
					}
					if s.Bucket == nil {
						return nil, unset
					}
					b := *s.Bucket
					return &s3.GetPublicAccessBlockOutput{PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
						BlockPublicAcls: &b[0], IgnorePublicAcls: &b[1], BlockPublicPolicy: &b[2], RestrictPublicBuckets: &b[3],
					}}, nil
				}),
				moduletest.On(func(in *s3.PutPublicAccessBlockInput) (*s3.PutPublicAccessBlockOutput, error) {
					if err := mine(in.Bucket, in.ExpectedBucketOwner); err != nil {
						return nil, err
					}
					c := in.PublicAccessBlockConfiguration
					s.Bucket = &block{*c.BlockPublicAcls, *c.IgnorePublicAcls, *c.BlockPublicPolicy, *c.RestrictPublicBuckets}
					return &s3.PutPublicAccessBlockOutput{}, nil
				}),
				moduletest.On(func(in *s3.DeletePublicAccessBlockInput) (*s3.DeletePublicAccessBlockOutput, error) {
					if err := mine(in.Bucket, in.ExpectedBucketOwner); err != nil {
						return nil, err
					}
					s.Bucket = nil
					return &s3.DeletePublicAccessBlockOutput{}, nil
				}),
				moduletest.On(func(in *s3control.GetPublicAccessBlockInput) (*s3control.GetPublicAccessBlockOutput, error) {
					if err := us(in.AccountId); err != nil {
						return nil, err
					}
					if s.Account == nil {
						return nil, unset
					}
					b := *s.Account
					return &s3control.GetPublicAccessBlockOutput{PublicAccessBlockConfiguration: &controltypes.PublicAccessBlockConfiguration{
						BlockPublicAcls: &b[0], IgnorePublicAcls: &b[1], BlockPublicPolicy: &b[2], RestrictPublicBuckets: &b[3],
					}}, nil
				}),
				moduletest.On(func(in *s3control.PutPublicAccessBlockInput) (*s3control.PutPublicAccessBlockOutput, error) {
					if err := us(in.AccountId); err != nil {
						return nil, err
					}
					c := in.PublicAccessBlockConfiguration
					s.Account = &block{*c.BlockPublicAcls, *c.IgnorePublicAcls, *c.BlockPublicPolicy, *c.RestrictPublicBuckets}
					return &s3control.PutPublicAccessBlockOutput{}, nil
				}),
				moduletest.On(func(in *s3control.DeletePublicAccessBlockInput) (*s3control.DeletePublicAccessBlockOutput, error) {
					if err := us(in.AccountId); err != nil {
						return nil, err
					}
					s.Account = nil
					return &s3control.DeletePublicAccessBlockOutput{}, nil
				}),
			},
		}
	}
}

func Test(t *testing.T) {
	own := [][]byte{record(t, "9e1c6f8e-0d5f-4e0c-9a58-3c1d5b9f2c05", "PutBucketPublicAccessBlock", asked(bucketNamed, *all), listed, "")}
	ownAccounts := [][]byte{record(t, "9e1c6f8e-0d5f-4e0c-9a58-3c1d5b9f2c06", "PutAccountPublicAccessBlock", asked(accountNamed, *all), "", "")}
	const accountsUnswept = "an account never has Block Public Access by default"
	moduletest.Run(t, s3bparemoved.Module,
		// what must be made right
		moduletest.Case{Name: "a bucket's is removed", Event: removed(t), World: world(state{}), Acts: true, Own: own},
		moduletest.Case{Name: "a bucket's is all off", Event: put(t, asked(bucketNamed, *none)), World: world(state{Bucket: none, Account: none}), Acts: true, Own: own},
		moduletest.Case{Name: "one setting of a bucket is off", Event: put(t, asked(bucketNamed, *allBut3)), World: world(state{Bucket: allBut3, Account: acls}), Acts: true, Own: own},
		moduletest.Case{Name: "a setting is left out", Event: put(t, `{`+bucketNamed+`,"PublicAccessBlockConfiguration":{"BlockPublicAcls":true,"IgnorePublicAcls":true}}`),
			World: world(state{Bucket: acls}), Acts: true, Own: own},
		moduletest.Case{Name: "lists, texts and old names", Event: put(t, `{"bucketName":["tax-returns"],"host":["s3.eu-central-1.amazonaws.com"],"publicAccessBlock":[""],"PublicAccessBlockConfiguration":{"BlockPublicAcls":["true"],"IgnorePublicAcls":"true","BlockPublicPolicy":"false","RestrictPublicBuckets":"true"}}`),
			World: world(state{Bucket: allBut3}), Acts: true, Own: own},
		moduletest.Case{Name: "no parameters", Event: put(t, `null`), World: world(state{Bucket: none}), Acts: true, Own: own},
		moduletest.Case{Name: "by a service", Event: record(t, "9e1c6f8e-0d5f-4e0c-9a58-3c1d5b9f2c07", "PutBucketPublicAccessBlock", asked(bucketNamed, *rest), listed, `,"invokedBy":"cloudformation.amazonaws.com"`),
			World: world(state{Bucket: rest}), Acts: true, Own: own},
		moduletest.Case{Name: "the account's is removed", Event: removedAccounts(t), World: accounts(state{Bucket: all}), Acts: true, Own: ownAccounts, Unswept: accountsUnswept},
		moduletest.Case{Name: "a setting of the account is off", Event: putAccounts(t, asked(accountNamed, *allBut3)), World: accounts(state{Bucket: none, Account: allBut3}), Acts: true, Own: ownAccounts, Unswept: accountsUnswept},
		moduletest.Case{Name: "the account's, without parameters", Event: putAccounts(t, `null`), World: accounts(state{Account: none}), Acts: true, Own: ownAccounts, Unswept: accountsUnswept},

		// what must be left alone
		moduletest.Case{Name: "put back already", Event: removed(t), World: world(state{Bucket: all})},
		moduletest.Case{Name: "all on", Event: put(t, asked(bucketNamed, *all)), World: world(state{Bucket: all})},
		moduletest.Case{Name: "the account has all on", Event: removed(t), World: world(state{Account: all})},
		moduletest.Case{Name: "the account has what the bucket lacks", Event: put(t, asked(bucketNamed, *rest)), World: world(state{Bucket: rest, Account: acls})},
		moduletest.Case{Name: "refused by S3", Event: []byte(strings.Replace(string(removed(t)), `"readOnly":false`, `"errorCode":"AccessDenied","errorMessage":"Access Denied","readOnly":false`, 1)), World: world(state{})},
		moduletest.Case{Name: "another account's bucket", Event: []byte(strings.Replace(string(removed(t)), `[{"accountId":"111122223333"`, `[{"accountId":"999988887777"`, 1)), World: world(state{})},
		moduletest.Case{Name: "the bucket is gone", Event: removed(t), World: world(state{Gone: true})},
		moduletest.Case{Name: "the account's is put back already", Event: removedAccounts(t), World: accounts(state{Account: all})},
		moduletest.Case{Name: "another account's settings", Event: putAccounts(t, asked(strings.Replace(accountNamed, account, "999988887777", 1), *none)), World: accounts(state{})},
	)
}

func TestSuspects(t *testing.T) {
	this := []remediations.Resource{{ID: bucket, Type: "AWS::S3::Bucket", Account: account, Region: "eu-central-1"}}
	us := []remediations.Resource{{ID: account, Type: "AWS::S3::AccountPublicAccessBlock", Account: account, Region: "eu-central-1"}}
	const foreign = `"Host":"999988887777.s3-control.eu-central-1.amazonaws.com"`
	for _, test := range []struct {
		name       string
		event      string // PutBucketPublicAccessBlock if empty
		parameters string
		resources  string
		want       []remediations.Resource
		fails      bool
	}{
		{name: "all on", parameters: asked(bucketNamed, *all)},
		{name: "all on, as text", parameters: strings.ReplaceAll(asked(bucketNamed, *all), "true", `"TRUE"`)},
		{name: "no ACLs blocked", parameters: asked(bucketNamed, block{false, true, true, true}), want: this},
		{name: "no ACLs ignored", parameters: asked(bucketNamed, block{true, false, true, true}), want: this},
		{name: "no policies blocked", parameters: asked(bucketNamed, block{true, true, false, true}), want: this},
		{name: "no buckets restricted", parameters: asked(bucketNamed, block{true, true, true, false}), want: this},
		{name: "removed", event: "DeleteBucketPublicAccessBlock", parameters: `{` + bucketNamed + `}`, want: this},
		{name: "by the list", parameters: `null`, resources: listed, want: this},
		{name: "by the list, not by an alias", parameters: `{"bucketName":"x-ap-0123456789abcdef-s3alias"}`, resources: listed, want: this},
		{name: "by an ARN", parameters: `{"bucketName":"arn:aws-cn:s3:::tax-returns"}`, want: this},
		{name: "something else beside it", parameters: `{` + bucketNamed + `}`, resources: `,"resources":[{"type":"AWS::S3::AccessPoint","ARN":"arn:aws:s3:eu-central-1:111122223333:accesspoint/x"}]`, want: this},
		{name: "an owner that is not said", parameters: `null`, resources: strings.Replace(listed, `"accountId":"111122223333",`, "", 1), want: this},
		{name: "somebody else's", parameters: `{` + bucketNamed + `}`, resources: strings.Replace(listed, account, "999988887777", 1)},
		{name: "nothing named", parameters: `null`, fails: true},
		{name: "an empty name", parameters: `{"bucketName":""}`, fails: true},
		{name: "a list without a name", parameters: `{` + bucketNamed + `}`, resources: strings.Replace(listed, bucket, "", 1), fails: true},
		{name: "an access point's ARN", parameters: `{"bucketName":"arn:aws:s3:eu-central-1:111122223333:accesspoint/x"}`, fails: true},
		{name: "an object's ARN", parameters: `{"bucketName":"arn:aws:s3:::tax-returns/x"}`, fails: true},
		{name: "two buckets", parameters: `null`, resources: strings.Replace(listed, `]`, `,{"type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::other"}]`, 1), fails: true},

		{name: "the account's all on", event: "PutAccountPublicAccessBlock", parameters: asked(accountNamed, *all)},
		{name: "the account's not all on", event: "PutAccountPublicAccessBlock", parameters: asked(accountNamed, *allBut3), want: us},
		{name: "the account's removed", event: "DeleteAccountPublicAccessBlock", parameters: `{` + accountNamed + `}`, want: us},
		{name: "the account's, without parameters", event: "DeleteAccountPublicAccessBlock", parameters: `null`, want: us},
		{name: "the account's, of a host that names nobody", event: "DeleteAccountPublicAccessBlock", parameters: `{"Host":"s3-control.eu-central-1.amazonaws.com"}`, want: us},
		{name: "the account's, with a bucket's name", event: "DeleteAccountPublicAccessBlock", parameters: `{` + bucketNamed + `}`, want: us},
		{name: "another account's", event: "DeleteAccountPublicAccessBlock", parameters: `{` + foreign + `}`},
		{name: "another account's, in an old record", event: "DeleteAccountPublicAccessBlock", parameters: strings.Replace(`{`+foreign+`}`, "Host", "host", 1)},
	} {
		t.Run(test.name, func(t *testing.T) {
			name := test.event
			if name == "" {
				name = "PutBucketPublicAccessBlock"
			}
			event, err := events.Parse(record(t, "9e1c6f8e-0d5f-4e0c-9a58-3c1d5b9f2c09", name, test.parameters, test.resources, ""))
			if err != nil {
				t.Fatal(err)
			}
			got, err := s3bparemoved.Module.Suspects(event)
			if (err != nil) != test.fails || fmt.Sprint(got) != fmt.Sprint(test.want) || len(got) > 0 && got[0] != test.want[0] {
				t.Errorf("suspects are %v, %v; want %v, an error: %t", got, err, test.want, test.fails)
			}
		})
	}
}

func TestSuspectsWithoutPlace(t *testing.T) {
	for _, raw := range [][]byte{removed(t), removedAccounts(t)} {
		whole, err := events.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		noAccount, noRegion := whole, whole
		noAccount.Account, noRegion.Region = "", ""
		for name, event := range map[string]events.Event{"account": noAccount, "region": noRegion} {
			if got, err := s3bparemoved.Module.Suspects(event); err == nil {
				t.Errorf("without %s: suspects are %v, want an error", name, got)
			}
		}
	}
}

// The account's setting is exempted like a bucket: by its ARN, by its id as alerts show it, or by the account.
func TestExemptAccount(t *testing.T) {
	event, err := events.Parse(removedAccounts(t))
	if err != nil {
		t.Fatal(err)
	}
	suspects, err := s3bparemoved.Module.Suspects(event)
	if err != nil || len(suspects) != 1 {
		t.Fatalf("suspects are %v, %v", suspects, err)
	}
	for _, c := range []struct {
		exemption remediations.Exemption
		want      bool
	}{
		{remediations.Exemption{Resource: "arn:aws:iam::111122223333:root"}, true},
		{remediations.Exemption{Resource: "111122223333"}, true},
		{remediations.Exemption{Account: "111122223333", Principal: "arn:aws:iam::111122223333:role/Operator"}, true},
		{remediations.Exemption{Resource: "arn:aws:iam::999988887777:root"}, false},
		{remediations.Exemption{Resource: "arn:aws:s3:::tax-*"}, false},
		{remediations.Exemption{Account: "999988887777"}, false},
	} {
		x := c.exemption
		x.Module, x.Expires = s3bparemoved.Module.Name, event.Time.Add(time.Hour)
		if err := x.Validate(); err != nil {
			t.Errorf("%s: %v", x, err)
		}
		if got, err := x.Covers(x.Module, suspects[0], event.Record.Identity, event.Time); err != nil || got != c.want {
			t.Errorf("%s covers it: %t, %v, want %t", x, got, err, c.want)
		}
	}
}
