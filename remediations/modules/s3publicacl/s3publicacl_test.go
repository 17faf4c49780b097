package s3publicacl_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	controltypes "github.com/aws/aws-sdk-go-v2/service/s3control/types"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/modules/s3publicacl"
	"github.com/countermand/countermand/remediations/moduletest"
)

const (
	account = "111122223333"
	bucket  = "holiday-pictures"
	me      = "1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a"
	partner = "2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b"

	global = "http://acs.amazonaws.com/groups/global/"
	logs   = "http://acs.amazonaws.com/groups/s3/LogDelivery"
)

// to is a grant of a permission to an account's canonical id, or to a group's URI.
func to(who string, permission types.Permission) types.Grant {
	if strings.HasPrefix(who, "http") {
		return types.Grant{Grantee: &types.Grantee{Type: types.TypeGroup, URI: &who}, Permission: permission}
	}
	return types.Grant{Grantee: &types.Grantee{Type: types.TypeCanonicalUser, ID: &who, DisplayName: aws.String("somebody")}, Permission: permission}
}

var (
	mine     = to(me, types.PermissionFullControl)
	partners = to(partner, types.PermissionRead)
	logging  = to(logs, types.PermissionWrite)
	anyone   = to(global+"AllUsers", types.PermissionRead)
	writers  = to(global+"AllUsers", types.PermissionWrite)
	signedIn = to(global+"AuthenticatedUsers", types.PermissionReadAcp)
)

// record is a CloudTrail record of a call to the bucket, in the event that EventBridge delivers. More is in its place
// among the fields.
func record(t *testing.T, eventID, name, parameters, more string) []byte {
	t.Helper()
	event, err := events.Wrap(fmt.Appendf(nil, `{
		"eventVersion":"1.11",
		"userIdentity":{"type":"IAMUser","principalId":"AIDAEXAMPLEEXAMPLE12","arn":"arn:aws:iam::111122223333:user/kim","accountId":"111122223333","accessKeyId":"AKIAEXAMPLEEXAMPLE12","userName":"kim"},
		"eventTime":"2026-03-02T09:14:55Z","eventSource":"s3.amazonaws.com","eventName":%q,"awsRegion":"eu-central-1","sourceIPAddress":"198.51.100.17","userAgent":"[aws-cli/2.27.1]",
		"requestParameters":%s,"responseElements":null,%s
		"additionalEventData":{"SignatureVersion":"SigV4","AuthenticationMethod":"AuthHeader","bytesTransferredIn":0,"bytesTransferredOut":0},
		"requestID":"EXAMPLEREQUEST01","eventID":%q,"readOnly":false,
		"resources":[{"accountId":"111122223333","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::holiday-pictures"}],
		"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"111122223333","eventCategory":"Management"}`, name, parameters, more, eventID))
	if err != nil {
		t.Fatal(err)
	}
	return event
}

// The three forms in which a call can say what the ACL is to be, and the marker of the call itself.
const (
	ready   = `{"bucketName":"holiday-pictures","Host":"holiday-pictures.s3.eu-central-1.amazonaws.com","acl":"","x-amz-acl":"public-read"}`
	old     = `{"bucketName":["holiday-pictures"],"host":["s3.eu-central-1.amazonaws.com"],"acl":[""],"x-amz-acl":["public-read"]}`
	headers = `{"bucketName":"holiday-pictures","Host":"holiday-pictures.s3.eu-central-1.amazonaws.com","acl":"","accessControlList":{"x-amz-grant-write":"uri=http://acs.amazonaws.com/groups/global/AllUsers"}}`
)

// body is the parameters of a call with an ACL as its body, of grants in CloudTrail's form.
func body(grants string) string {
	return `{"bucketName":"holiday-pictures","Host":"holiday-pictures.s3.eu-central-1.amazonaws.com","acl":"","AccessControlPolicy":{"xmlns":"http://s3.amazonaws.com/doc/2006-03-01/","Owner":{"ID":"` + me + `"},"AccessControlList":{"Grant":` + grants + `}}}`
}

// granted is a grant in CloudTrail's form.
func granted(kind, key, who string) string {
	return `{"Grantee":{"xsi:type":"` + kind + `","xmlns:xsi":"http://www.w3.org/2001/XMLSchema-instance","` + key + `":"` + who + `"},"Permission":"READ"}`
}

var (
	userGrant   = granted("CanonicalUser", "ID", me)
	publicGrant = granted("Group", "URI", global+"AllUsers")
	logGrant    = granted("Group", "URI", logs)
)

func put(t *testing.T, parameters string) []byte {
	return record(t, "7d1c6f8e-0d5f-4e0c-9a58-3c1d5b9f2b01", "PutBucketAcl", parameters, "")
}

func own(t *testing.T, grants string) [][]byte {
	return [][]byte{record(t, "7d1c6f8e-0d5f-4e0c-9a58-3c1d5b9f2b02", "PutBucketAcl", body(grants), "")}
}

func created(t *testing.T, more string) []byte {
	return record(t, "7d1c6f8e-0d5f-4e0c-9a58-3c1d5b9f2b03", "CreateBucket",
		`{"CreateBucketConfiguration":{"LocationConstraint":"eu-central-1","xmlns":"http://s3.amazonaws.com/doc/2006-03-01/"},"bucketName":"holiday-pictures","Host":"s3.eu-central-1.amazonaws.com"`+more+`}`, "")
}

func blockRemoved(t *testing.T) []byte {
	return record(t, "7d1c6f8e-0d5f-4e0c-9a58-3c1d5b9f2b04", "DeleteBucketPublicAccessBlock",
		`{"publicAccessBlock":"","bucketName":"holiday-pictures","Host":"holiday-pictures.s3.eu-central-1.amazonaws.com"}`, "")
}

func blockParameters(ignore string) string {
	return `{"publicAccessBlock":"","bucketName":"holiday-pictures","PublicAccessBlockConfiguration":{"xmlns":"http://s3.amazonaws.com/doc/2006-03-01/","RestrictPublicBuckets":true,"BlockPublicPolicy":true,"BlockPublicAcls":true,"IgnorePublicAcls":` + ignore + `},"Host":"holiday-pictures.s3.eu-central-1.amazonaws.com"}`
}

// state is a bucket, and its account's setting. Blocks are IgnorePublicAcls; nil where there is no setting.
type state struct {
	Gone         bool
	Grants       []types.Grant
	Ownership    types.ObjectOwnership // empty where there is no setting
	Block        *bool
	AccountBlock *bool
}

// world answers for a bucket that belongs to the account.
func world(s state) func() *moduletest.World {
	return func() *moduletest.World {
		s := s
		mineOnly := func(name, owner *string) error {
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
			Change: func() { s.Grants = []types.Grant{mine, to(partner, types.PermissionWrite)} },
			Answers: []moduletest.Answer{
				moduletest.On(func(in *s3.ListBucketsInput) (*s3.ListBucketsOutput, error) {
					if aws.ToString(in.BucketRegion) != "eu-central-1" {
						return nil, moduletest.Error("InvalidArgument")
					}
					return &s3.ListBucketsOutput{Buckets: []types.Bucket{{Name: aws.String(bucket)}}}, nil
				}),
				moduletest.On(func(in *s3.GetBucketAclInput) (*s3.GetBucketAclOutput, error) {
					if err := mineOnly(in.Bucket, in.ExpectedBucketOwner); err != nil {
						return nil, err
					}
					return &s3.GetBucketAclOutput{Owner: &types.Owner{ID: aws.String(me), DisplayName: aws.String("me")}, Grants: s.Grants}, nil
				}),
				moduletest.On(func(in *s3.PutBucketAclInput) (*s3.PutBucketAclOutput, error) {
					if err := mineOnly(in.Bucket, in.ExpectedBucketOwner); err != nil {
						return nil, err
					}
					if in.AccessControlPolicy == nil || in.AccessControlPolicy.Grants == nil || aws.ToString(in.AccessControlPolicy.Owner.ID) != me {
						return nil, moduletest.Error("MalformedACLError")
					}
					s.Grants = nil
					for _, g := range in.AccessControlPolicy.Grants { // S3 looks the names up, and keeps no order
						who := aws.ToString(g.Grantee.ID) + aws.ToString(g.Grantee.URI)
						if to(who, "").Grantee.Type != g.Grantee.Type {
							return nil, moduletest.Error("MalformedXML")
						}
						s.Grants = append(s.Grants, to(who, g.Permission))
					}
					return &s3.PutBucketAclOutput{}, nil
				}),
				moduletest.On(func(in *s3.GetBucketOwnershipControlsInput) (*s3.GetBucketOwnershipControlsOutput, error) {
					if err := mineOnly(in.Bucket, in.ExpectedBucketOwner); err != nil {
						return nil, err
					}
					if s.Ownership == "" {
						return nil, moduletest.Error("OwnershipControlsNotFoundError")
					}
					return &s3.GetBucketOwnershipControlsOutput{OwnershipControls: &types.OwnershipControls{
						Rules: []types.OwnershipControlsRule{{ObjectOwnership: s.Ownership}},
					}}, nil
				}),
				moduletest.On(func(in *s3.GetPublicAccessBlockInput) (*s3.GetPublicAccessBlockOutput, error) {
					if err := mineOnly(in.Bucket, in.ExpectedBucketOwner); err != nil {
						return nil, err
					}
					if s.Block == nil {
						return nil, moduletest.Error("NoSuchPublicAccessBlockConfiguration")
					}
					return &s3.GetPublicAccessBlockOutput{PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
						BlockPublicAcls: aws.Bool(true), RestrictPublicBuckets: aws.Bool(true), IgnorePublicAcls: s.Block,
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
						BlockPublicAcls: aws.Bool(true), RestrictPublicBuckets: aws.Bool(true), IgnorePublicAcls: s.AccountBlock,
					}}, nil
				}),
			},
		}
	}
}

func Test(t *testing.T) {
	with := func(grants ...types.Grant) func() *moduletest.World { return world(state{Grants: grants}) }
	on, off := aws.Bool(true), aws.Bool(false)
	public := []types.Grant{mine, anyone}
	rest := own(t, userGrant)
	moduletest.Run(t, s3publicacl.Module,
		// what must be made right
		moduletest.Case{Name: "a canned ACL", Event: put(t, ready), World: with(mine, anyone), Acts: true, Own: rest},
		moduletest.Case{Name: "good neighbours", Event: put(t, headers),
			World: with(mine, logging, anyone, partners, writers, signedIn), Acts: true,
			Own: own(t, "["+userGrant+","+granted("CanonicalUser", "ID", partner)+","+logGrant+"]")},
		moduletest.Case{Name: "anyone who has an account", Event: put(t, body("["+userGrant+","+granted("Group", "URI", global+"AuthenticatedUsers")+"]")),
			World: with(mine, signedIn), Acts: true, Own: rest},
		moduletest.Case{Name: "nothing but a public grant", Event: put(t, body(publicGrant)), World: with(anyone), Acts: true, Own: own(t, `""`)},
		moduletest.Case{Name: "created with it", Event: created(t, `,"x-amz-acl":"public-read-write","x-amz-object-ownership":"ObjectWriter"`),
			World: world(state{Grants: []types.Grant{mine, anyone, writers}, Ownership: types.ObjectOwnershipObjectWriter}), Acts: true, Own: rest},
		moduletest.Case{Name: "the block that kept it harmless is removed", Event: blockRemoved(t), World: with(mine, anyone), Acts: true, Own: rest},
		moduletest.Case{Name: "the block is put back without its effect on ACLs",
			Event: record(t, "7d1c6f8e-0d5f-4e0c-9a58-3c1d5b9f2b05", "PutBucketPublicAccessBlock", blockParameters("false"), ""),
			World: world(state{Grants: public, Ownership: types.ObjectOwnershipBucketOwnerPreferred, Block: off, AccountBlock: off}), Acts: true, Own: rest},
		moduletest.Case{Name: "old names and lists", Event: put(t, old), World: with(mine, anyone), Acts: true, Own: rest},
		moduletest.Case{Name: "no parameters", Event: put(t, `null`), World: with(mine, anyone), Acts: true, Own: rest},
		moduletest.Case{Name: "made by a service", Event: []byte(strings.Replace(string(put(t, ready)), `"userName":"kim"`, `"userName":"kim","invokedBy":"cloudformation.amazonaws.com"`, 1)),
			World: with(mine, anyone), Acts: true, Own: rest},

		// what must be left alone
		moduletest.Case{Name: "private", Event: put(t, ready), World: with(mine)},
		moduletest.Case{Name: "the partner and the log delivery", Event: put(t, headers), World: with(mine, partners, logging)},
		moduletest.Case{Name: "a group that is called like it", Event: put(t, headers), World: with(mine, to("http://acs.example.com/groups/global/AllUsers", types.PermissionRead))},
		moduletest.Case{Name: "ACLs are disabled", Event: put(t, ready), World: world(state{Grants: public, Ownership: types.ObjectOwnershipBucketOwnerEnforced})},
		moduletest.Case{Name: "ignored on the bucket", Event: put(t, ready), World: world(state{Grants: public, Block: on})},
		moduletest.Case{Name: "ignored in the account", Event: put(t, ready), World: world(state{Grants: public, Block: off, AccountBlock: on})},
		moduletest.Case{Name: "created without an ACL", Event: created(t, ""), World: with(mine)},
		moduletest.Case{Name: "refused by S3", Event: record(t, "7d1c6f8e-0d5f-4e0c-9a58-3c1d5b9f2b06", "PutBucketAcl", ready,
			`"errorCode":"AccessControlListNotSupported","errorMessage":"The bucket does not allow ACLs",`), World: with(mine, anyone)},
		moduletest.Case{Name: "another account's bucket", Event: []byte(strings.Replace(string(put(t, ready)), `"resources":[{"accountId":"111122223333"`, `"resources":[{"accountId":"999988887777"`, 1)),
			World: with(mine, anyone)},
		moduletest.Case{Name: "the bucket is gone", Event: put(t, ready), World: world(state{Gone: true})},
	)
}

func TestSuspects(t *testing.T) {
	this := []remediations.Resource{{ID: bucket, Type: "AWS::S3::Bucket", Account: account, Region: "eu-central-1"}}
	listed := `{"accountId":"111122223333","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::holiday-pictures"}`
	named := func(more string) string { return `{"bucketName":"holiday-pictures"` + more + `}` }
	for _, test := range []struct {
		name       string
		event      string // PutBucketAcl if empty
		parameters string
		resources  string // a list of mine if empty
		want       []remediations.Resource
		fails      bool
	}{
		{name: "canned public", parameters: ready, want: this},
		{name: "canned for anyone with an account", parameters: named(`,"x-amz-acl":"authenticated-read"`), want: this},
		{name: "canned private", parameters: named(`,"x-amz-acl":"private"`)},
		{name: "canned private, as a list", parameters: named(`,"x-amz-acl":["log-delivery-write"]`)},
		{name: "canned, of a name that is not known", parameters: named(`,"x-amz-acl":"public-soon"`), want: this},
		{name: "canned private with a header", parameters: named(`,"x-amz-acl":"private","x-amz-grant-read":"id=1"`), want: this},
		{name: "headers", parameters: headers, want: this},
		{name: "a body of one grant", parameters: body(userGrant)},
		{name: "a body of two", parameters: body("[" + userGrant + "," + logGrant + "]")},
		{name: "a public body", parameters: body("[" + userGrant + "," + publicGrant + "]"), want: this},
		{name: "a body with canned private", parameters: strings.Replace(body(userGrant), `"acl":""`, `"x-amz-acl":"private"`, 1), want: this},
		{name: "a body of no grants", parameters: body(`""`), want: this},
		{name: "a body without a list", parameters: named(`,"AccessControlPolicy":{"Owner":{"ID":"1"}}`), want: this},
		{name: "a grantee by mail", parameters: body(granted("AmazonCustomerByEmail", "EmailAddress", "x@example.com")), want: this},
		{name: "a grantee twofold", parameters: body(strings.Replace(publicGrant, `"URI"`, `"ID":"1","URI"`, 1)), want: this},
		{name: "nothing said", parameters: named(""), want: this},
		{name: "created", event: "CreateBucket", parameters: named("")},
		{name: "created private", event: "CreateBucket", parameters: named(`,"x-amz-acl":"private"`)},
		{name: "created public", event: "CreateBucket", parameters: named(`,"x-amz-acl":"public-read"`), want: this},
		{name: "created with headers", event: "CreateBucket", parameters: named(`,"accessControlList":{"x-amz-grant-read":"id=1"}`), want: this},
		{name: "created with headers beside", event: "CreateBucket", parameters: named(`,"x-amz-grant-full-control":"id=1"`), want: this},
		{name: "created without parameters", event: "CreateBucket", parameters: `null`, want: this},
		{name: "ACLs ignored", event: "PutBucketPublicAccessBlock", parameters: blockParameters(`true`)},
		{name: "ACLs ignored, as text", event: "PutBucketPublicAccessBlock", parameters: blockParameters(`"TRUE"`)},
		{name: "ACLs only refused", event: "PutBucketPublicAccessBlock", parameters: blockParameters(`false`), want: this},
		{name: "a block without its configuration", event: "PutBucketPublicAccessBlock", parameters: named(""), want: this},
		{name: "a block removed", event: "DeleteBucketPublicAccessBlock", parameters: named(""), want: this},
		{name: "only the parameter", parameters: ready, resources: `null`, want: this},
		{name: "only the parameter, as ARN", parameters: `{"bucketName":"arn:aws-us-gov:s3:::holiday-pictures"}`, resources: `[]`, want: this},
		{name: "something else beside it", parameters: ready, resources: `[{"type":"AWS::S3::AccessPoint","ARN":"arn:aws:s3:eu-central-1:111122223333:accesspoint/x"},` + listed + `]`, want: this},
		{name: "somebody else's", parameters: ready, resources: strings.Replace(`[`+listed+`]`, account, "999988887777", 1)},
		{name: "an owner that is not said", parameters: ready, resources: `[{"type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::holiday-pictures"}]`, want: this},
		{name: "nothing named", parameters: `null`, resources: `[]`, fails: true},
		{name: "an empty name", parameters: `{"bucketName":""}`, resources: `null`, fails: true},
		{name: "an ARN without a name", parameters: ready, resources: `[{"type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::"}]`, fails: true},
		{name: "an access point's ARN", parameters: `{"bucketName":"arn:aws:s3:eu-central-1:111122223333:accesspoint/x"}`, resources: `null`, fails: true},
		{name: "an object's ARN", parameters: `{"bucketName":"arn:aws:s3:::holiday-pictures/x"}`, resources: `null`, fails: true},
		{name: "two buckets", parameters: ready, resources: `[` + listed + `,` + strings.Replace(listed, bucket, "other", 1) + `]`, fails: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			name := test.event
			if name == "" {
				name = "PutBucketAcl"
			}
			raw := string(record(t, "7d1c6f8e-0d5f-4e0c-9a58-3c1d5b9f2b09", name, test.parameters, ""))
			if test.resources != "" {
				changed := strings.Replace(raw, `[`+listed+`]`, test.resources, 1)
				if changed == raw {
					t.Fatal("the record does not list the bucket")
				}
				raw = changed
			}
			event, err := events.Parse([]byte(raw))
			if err != nil {
				t.Fatal(err)
			}
			got, err := s3publicacl.Module.Suspects(event)
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
		if got, err := s3publicacl.Module.Suspects(event); err == nil {
			t.Errorf("without %s: suspects are %v, want an error", name, got)
		}
	}
}
