package pattern

import (
	"fmt"
	"testing"
)

// call is a pattern of calls to a service with one more field of the record, in its second line.
func call(service, field string) Pattern {
	return Pattern(fmt.Sprintf(`{"source":["aws.%s"],"detail-type":["AWS API Call via CloudTrail"],"detail":{`+
		`"eventSource":["%s.amazonaws.com"],`+"\n%s}}", service, service, field))
}

func TestLintSource(t *testing.T) {
	forged, others := `|anybody who may put events can forge one that matches`, "|this also holds for sources that don't begin with aws."
	runLint(t, []lintCase{
		{`{"detail-type":["AWS API Call via CloudTrail"]}`, []string{"line 1, column 1: source: " + forged}},
		{`{"detail":{"source":["aws.s3"]}}`, []string{"line 1, column 1: source: " + forged}},
		{`{"$or":[{"source":["aws.s3"]},{"account":["1"]}]}`, []string{"line 1, column 1: source: " + forged}},
		{`{"source":["aws.s3","mine"]}`, []string{"line 1, column 21: source: " + others}},
		{`{"source":["aws"]}`, []string{"line 1, column 12: source: " + others}},
		{`{"source":[{"prefix":"aws"}]}`, []string{"line 1, column 12: source: " + others}},
		{`{"source":[{"wildcard":"*.s3"}]}`, []string{"line 1, column 12: source: " + others}},
		{`{"source":[{"suffix":"aws.s3"}]}`, []string{"line 1, column 12: source: " + others}},
		{`{"source":[{"equals-ignore-case":"aws.s3"}]}`, []string{"line 1, column 12: source: " + others}},
		{`{"source":[{"prefix":{"equals-ignore-case":"aws."}}]}`, []string{"line 1, column 12: source: " + others}},
		{`{"source":[{"anything-but":"mine"}]}`, []string{"line 1, column 12: source: " + others}},
		{`{"source":[{"exists":true}]}`, []string{"line 1, column 12: source: " + others}},
		{`{"source":["aws.s3",{"exists":false}]}`, []string{"line 1, column 21: source: " + others}},
		{`{"source":[null]}`, []string{"line 1, column 12: source: " + others}},
		{`{"source":["aws.s3",{"exactly":"aws.ec2"},{"prefix":"aws."},{"wildcard":"aws.s*"}]}`, nil},
		{`{"$or":[{"source":["aws.s3"]},{"source":["aws.ec2"]}]}`, nil},
		{`{"$or":[{"account":["1"]},{"region":["1"]}],"source":["aws.s3"]}`, nil},
	})
}

func TestLintAgreement(t *testing.T) {
	const path = "detail.eventSource: "
	runLint(t, []lintCase{
		{`{"source":["aws.s3"],"detail":{"eventSource":["ec2.amazonaws.com"]}}`, []string{
			"line 1, column 12: source: |no eventSource in the rule goes with this source",
			"line 1, column 47: " + path + "|has the source aws.ec2, which the rule doesn't take"}},
		{`{"source":["aws.cloudtrail"],"detail":{"eventSource":["s3.amazonaws.com"]}}`, []string{
			"line 1, column 55: " + path + "|source is the service that was called, not CloudTrail"}},
		{`{"source":["aws.cloudtrail"],"detail":{"eventSource":["s3.amazonaws.com","iam.amazonaws.com"]}}`, []string{
			"line 1, column 55: " + path + "|write the source aws.s3", "line 1, column 74: " + path + "|write the source aws.iam"}},
		{`{"source":["aws.s3"],"detail":{"eventSource":["s3.amazonaws.com","iam.amazonaws.com"]}}`, []string{
			"line 1, column 66: " + path + "|has the source aws.iam"}},
		{`{"source":["aws.s3","aws.iam"],"detail":{"eventSource":["s3.amazonaws.com"]}}`, []string{
			"line 1, column 21: source: |add the eventSource iam.amazonaws.com"}},
		{`{"source":["aws.s3"],"detail":{"eventSource":["aws.s3"]}}`, []string{"line 1, column 47: " + path + "|write it as in s3.amazonaws.com"}},
		{`{"source":["aws.s3"],"detail":{"eventSource":["s3"]}}`, []string{"line 1, column 47: " + path + "|no event has the eventSource s3"}},
		{`{"source":["aws.s3"],"$or":[{"detail":{"eventSource":["s3.amazonaws.com"]}},{"detail":{"eventSource":["iam.amazonaws.com"]}}]}`,
			[]string{"line 1, column 103: " + path + "|has the source aws.iam"}},
		// A field that alternatives share has values for each of them.
		{`{"source":["aws.s3","aws.iam"],"detail":{"$or":[{"eventSource":["s3.amazonaws.com"]},{"eventSource":["iam.amazonaws.com"]}]}}`, nil},
		{`{"$or":[{"source":["aws.s3"]},{"source":["aws.iam"]}],"detail":{"eventSource":["s3.amazonaws.com","iam.amazonaws.com"]}}`, nil},
		{`{"source":["aws.s3","aws.iam","aws.kms"],"detail":{"$or":[{"eventSource":["s3.amazonaws.com"]},{"eventSource":["iam.amazonaws.com"]}]}}`,
			[]string{"line 1, column 31: source: |add the eventSource kms.amazonaws.com"}},
		{`{"$or":[{"source":["aws.s3"]},{"source":["aws.iam"]}],"detail":{"eventSource":["s3.amazonaws.com","kms.amazonaws.com"]}}`, []string{
			"line 1, column 42: source: |add the eventSource iam", "line 1, column 99: " + path + "|has the source aws.kms"}},
		{`{"source":["aws.s3"],"detail":{"$or":[{"eventSource":["s3.amazonaws.com"]},{"eventName":["PutBucketPolicy"]}]}}`, nil},
		{`{"source":["aws.s3"],"detail":{"eventSource":["s3amazonaws.com"]}}`, []string{"line 1, column 47: " + path + "|write it as in s3.amazonaws.com"}},
		{`{"source":["aws.s3"],"detail":{"eventSource":["s3","iam.amazonaws.com"]}}`, []string{
			"line 1, column 47: " + path + "|no event has", "line 1, column 52: " + path + "|has the source aws.iam"}},
		{`{"$or":[{"source":["aws.s3"],"detail":{"eventSource":["s3.amazonaws.com"]}},` +
			`{"source":["aws.iam"],"detail":{"eventSource":["iam.amazonaws.com"]}}]}`, nil},
		{`{"source":["aws.cloudtrail"],"detail":{"eventSource":["cloudtrail.amazonaws.com"]}}`, nil},
		{`{"source":["aws.s3","aws.iam"],"detail":{"eventSource":["iam.amazonaws.com","s3.amazonaws.com"]}}`, nil},
		{`{"source":["aws.s3","aws.iam"],"detail":{"eventSource":["iam.amazonaws.com",{"prefix":"s3"}]}}`, nil},
		{`{"source":[{"prefix":"aws."}],"detail":{"eventSource":["s3.amazonaws.com"]}}`, nil},
		{`{"source":["aws.s3"]}`, nil},
		{`{"source":[{"exactly":"aws.s3"}],"detail":{"eventSource":[{"exactly":"iam.amazonaws.com"}]}}`, []string{
			"line 1, column 23: source: |", "line 1, column 70: " + path + "|has the source aws.iam"}},
	})
}

func TestLintDetailType(t *testing.T) {
	known := make([]lintCase, 0, len(detailTypes))
	for _, name := range detailTypes {
		known = append(known, lintCase{Pattern(`{"source":["aws.s3"],"detail-type":["` + name + `"]}`), nil})
	}
	runLint(t, append(known, []lintCase{
		{`{"source":["aws.s3"],"detail-type":[" AWS API Call via CloudTrail"]}`, []string{
			`line 1, column 37: detail-type: |no event has the detail-type " AWS API Call via CloudTrail": write "AWS API Call via CloudTrail"`}},
		{`{"source":["aws.s3"],"detail-type":["AWS Api Call via CloudTrail"],"detail":{"eventName":["GetBucketAcl"],"a":[{"anything-but":1}]}}`,
			[]string{"line 1, column 37: detail-type: ", "line 1, column 91: detail.eventName: ", "line 1, column 112: detail.a: "}},
		{`{"source":["aws.s3"],"detail-type":["AWS API call via Cloudtrail"]}`, []string{"line 1, column 37: detail-type: |write"}},
		{`{"source":["aws.s3"],"detail-type":["AWS Console Sign in via CloudTrail"]}`, []string{"line 1, column 37: detail-type: |Sign In"}},
		{`{"source":["aws.signin"],"detail-type":["AWS Console Login via CloudTrail"]}`, []string{
			`line 1, column 41: detail-type: |write "AWS Console Sign In via CloudTrail"`}},
		{`{"source":["aws.signin"],"detail-type":["AWS Console Log-in via CloudTrail"]}`, []string{"line 1, column 41: detail-type: |Sign In"}},
		{`{"source":["aws.s3"],"detail-type":["AWS API Call through CloudTrail"]}`, []string{`line 1, column 37: detail-type: |write "AWS API Call via`}},
		{`{"source":["aws.s3"],"detail-type":["AWS API Calls via CloudTrail"]}`, []string{"line 1, column 37: detail-type: |write"}},
		{`{"source":["aws.s3"],"detail-type":["API Call via CloudTrail"]}`, []string{"line 1, column 37: detail-type: |write"}},
		{`{"source":["aws.s3"],"detail-type":["AWS Service Event via CloudTrial"]}`, []string{"line 1, column 37: detail-type: |Service Event"}},
		{`{"source":["aws.s3"],"detail-type":["AWS Health Event","AWS API Gateway via CloudTrail"]}`, nil},
		{`{"source":["aws.s3"],"detail-type":["Object Created","",{"prefix":"aws api call"}]}`, nil},
	}...))
}

func TestLintNames(t *testing.T) {
	const path = "line 2, column 14: detail.eventName: "
	name := func(service, matcher string) Pattern { return call(service, `"eventName":[`+matcher+`]`) }
	runLint(t, []lintCase{
		{name("s3", `"PutPublicAccessBlock"`), []string{path + "|writes PutBucketPublicAccessBlock or PutAccountPublicAccessBlock for"}},
		{name("s3", `"PutBucketLifecycleConfiguration"`), []string{path + "|writes PutBucketLifecycle for"}},
		{name("s3", `"PutBucketLifecycle","PutBucketEncryption","DeleteBucketCors","DeleteObject"`), nil},
		{name("lambda", `"CreateFunction"`), []string{path + "|writes CreateFunction20150331 for CreateFunction"}},
		{name("lambda", `{"exactly":"AddPermission"}`), []string{path + "|writes AddPermission20150331v2"}},
		{name("lambda", `"UpdateFunctionCode20150331v2","CreateFunctionUrlConfig","Invoke"`), nil},
		{name("lambda", `{"prefix":"UpdateFunctionCode"}`), nil},
		{name("s3", `{"prefix":"PutPublicAccess"}`), []string{path + "|writes PutBucketPublicAccessBlock or PutAccountPublicAccessBlock for"}},
		{name("s3", `{"prefix":"putBucket"}`), []string{path + "|did you mean PutBucket, as in PutBucket"}},
		{name("s3", `{"prefix":"PutB"},{"prefix":"Put"},{"prefix":""},{"prefix":"FrobnicateBucket"}`), nil},
		{name("s3", `"CreateUser"`), []string{path + "|it is one of iam, whose events have source aws.iam and eventSource iam.amazonaws.com"}},
		{name("cloudtrail", `"PutBucketAcl"`), []string{path + "|cloudtrail has no call PutBucketAcl"}},
		{name("s3", `"UntagResource","PutResourcePolicy"`), nil}, // others have them, but so may S3 one day
		{name("s3", `"PutBucketPolcy"`), []string{path + "|did you mean PutBucketPolicy?"}},
		{name("s3", `"PutBucketPolciy"`), []string{path + "|did you mean PutBucketPolicy?"}},
		{name("s3", `"PutBucketPolicies"`), nil},
		{name("iam", `"createUser"`), []string{path + "|did you mean CreateUser?"}},
		{name("signin", `"Consolelogin"`), []string{path + "|did you mean ConsoleLogin?"}},
		{name("signin", `"ConsoleLogon","CreateUser"`), nil},                                                     // not all of its names are known
		{name("iam", `{"prefix":"createuser"}`), []string{path + "|did you mean CreateUser, as in CreateUser?"}}, // a whole name
		{name("transfer", `"CreateUser","createuser"`), nil},
		{name("s3", `"FrobnicateBucket",{"suffix":"User"},{"anything-but":"CreateUser"}`), nil},
		{`{"source":["aws.cloudtrail"],"detail":{"eventName":["PutBucketAcl"]}}`, []string{"line 1, column 53: detail.eventName: |it is one of s3"}},
		{`{"source":["aws.s3","aws.iam"],"detail":{"eventName":["CreateUser","PutBucketAcl"]}}`, nil},
		{`{"source":["aws.s3","aws.iam"],"detail":{"eventName":["CreateUsr"]}}`, nil}, // S3 might have it
		{`{"source":["aws.iam","aws.iam"],"detail":{"eventName":["CreateUsr"]}}`, []string{"line 1, column 56: detail.eventName: |"}},
		{`{"source":["aws.iam","aws.kms"],"detail":{"eventName":["PutBucketAcl"]}}`, []string{"line 1, column 56: detail.eventName: |iam has no"}},
		{`{"source":["aws.iam"],"detail":{"$or":[{"eventName":["CreateUser"]},{"eventName":["CreateUsr"]}]}}`,
			[]string{"line 1, column 83: detail.eventName: |did you mean CreateUser"}},
		{`{"$or":[{"source":["aws.iam"]},{"source":["aws.kms"]}],"detail":{"eventName":["PutBucketAcl"]}}`, []string{
			"line 1, column 79: detail.eventName: |iam has no call"}},
		{`{"$or":[{"source":["aws.iam"]},{"source":["aws.s3"]}],"detail":{"eventName":["PutBucketAcl","CreateUser"]}}`, nil}, // each has its own
		{`{"source":["aws.iam","aws.transfer"],"detail":{"eventName":["CreateUsr"]}}`, nil},
		{`{"source":[{"prefix":"aws."}],"detail":{"eventName":["CreateUsr"]}}`, nil},
		{`{"source":["aws.s3"],"detail":{"eventSource":["s3.amazonaws.com",{"prefix":"i"}],"eventName":["PutBucketPolcy"]}}`, nil},
		{`{"source":["aws.iam"],"detail-type":["AWS Service Event via CloudTrail"],"detail":{"eventName":["CreateUsr"]}}`, nil},
		{`{"source":["aws.iam"],"detail-type":["AWS API Call via CloudTrail","AWS Service Event via CloudTrail"],"detail":{"eventName":["CreateUsr"]}}`,
			[]string{"line 1, column 127: detail.eventName: |did you mean CreateUser"}},
	})
}

func TestLintReadOnly(t *testing.T) {
	const path, state = "line 2, column 14: detail.eventName: ", "|only in the state ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS, and Countermand's rules aren't in it: remove the name"
	name := func(service, matcher string) Pattern { return call(service, `"eventName":[`+matcher+`]`) }
	runLint(t, []lintCase{
		{name("s3", `"GetBucketAcl"`), []string{path + state}},
		{name("kms", `"DescribeKey"`), []string{path + state}},
		{name("unheard-of", `"ListThings"`), []string{path + state}},
		{name("kms", `{"prefix":"Describe"}`), []string{path + state}},
		{name("kms", `{"exactly":"DescribeKey"}`), []string{path + state}},
		{name("s3", `{"prefix":"GetBucket"}`), []string{path + state}},
		{name("sts", `"GetCallerIdentity"`), []string{path + state}},
		{name("sts", `"GetSessionToken","GetFederationToken","AssumeRole"`), nil},
		{name("iam", `"GetSessionToken"`), []string{path + state}},
		{name("s3", `"GetObject","ListObjects",{"prefix":"GetObject"},{"prefix":"Get"}`), nil}, // data events
		{name("s3", `"GetObjec"`), []string{path + state}},                                     // and nothing of how it is spelt
		{name("s3", `"GetObjectTag"`), []string{path + state}},
		{name("dynamodb", `"GetItem"`), nil},
		{name("ebs", `"GetSnapshotBlock"`), nil},
		{name("unheard-of", `"GettyImage","Listen",{"anything-but":"GetThing"}`), nil},
		{call("unheard-of", `"eventName":["GetThing"],"eventCategory":["Data"]`), nil},
		{call("unheard-of", `"eventName":["GetThing"],"managementEvent":[false]`), nil},
		{call("unheard-of", `"eventName":["GetThing"],"managementEvent":[true,false]`), []string{path + state}},
		{call("unheard-of", `"eventName":["GetThing"],"managementEvent":[false,true]`), []string{path + state}},
		{call("unheard-of", `"eventName":["GetThing"],"eventCategory":["Data","Management"]`), []string{path + state}},
		{call("iam", `"readOnly":[true]`), []string{"line 2, column 13: detail.readOnly: |a rule receives calls that only read, but for a few, only in the state"}},
		{call("iam", `"readOnly":[false]`), nil},
		{call("iam", `"readOnly":[true,false]`), nil},
		{call("iam", `"readOnly":["true"]`), []string{"line 2, column 13: detail.readOnly: |this is a boolean"}},
		{call("sts", `"readOnly":[true]`), nil},
		{call("s3", `"readOnly":[true]`), nil},
		{call("kms", `"readOnly":[true],"eventName":["Decrypt"]`), nil},
		{`{"source":["aws.iam"],"detail-type":["AWS Service Event via CloudTrail"],"detail":{"eventName":["GetThing"]}}`, nil},
		// It isn't certain which service is meant, or only one alternative receives it.
		{`{"source":[{"prefix":"aws."}],"detail":{"eventName":["GetThing"],"readOnly":[true]}}`, nil},
		{`{"source":["aws.iam"],"detail":{"eventSource":[{"prefix":"iam"}],"eventName":["GetUser"]}}`, nil},
		{`{"source":[{"prefix":"aws."}],"detail":{"readOnly":[true]}}`, nil},
		{`{"source":["aws.iam","aws.s3"],"detail":{"eventName":["GetObject"]}}`, nil},
		{`{"source":["aws.iam","aws.kms"],"detail":{"eventName":["GetObject"]}}`, []string{"line 1, column 56: detail.eventName: " + state}},
		{`{"$or":[{"source":["aws.iam"]},{"source":["aws.sts"]}],"detail":{"eventName":["GetSessionToken","CreateUser"]}}`, nil},
		{call("unheard-of", `"$or":[{"eventCategory":["Management"]},{"eventCategory":["Data"]}],"eventName":["GetThing"]`), nil},
		{call("unheard-of", `"$or":[{"managementEvent":[true]},{"managementEvent":[false]}],"eventName":["GetThing"]`), nil},
		{call("unheard-of", `"$or":[{"awsRegion":["a"]},{"awsRegion":["b"]}],"eventName":["GetThing"]`), []string{"line 2, column 62: detail.eventName: " + state}},
	})
}

func TestLintSignIn(t *testing.T) {
	signIn := func(types, name string) Pattern {
		return Pattern(`{"source":["aws.signin"],"detail-type":[` + types + "],\n" + `"detail":{"eventName":["` + name + `"]}}`)
	}
	const api, one, other = `"AWS API Call via CloudTrail"`, `"AWS Console Sign In via CloudTrail"`, `"AWS Console Signin via CloudTrail"`
	const path = "line 2, column 24: detail.eventName: "
	runLint(t, []lintCase{
		{signIn(one, "ConsoleLogin"), nil},
		{signIn(one+","+other, "CheckMfa"), nil},
		{signIn(one, "consoleLogin"), []string{path + "|did you mean ConsoleLogin?"}},
		{signIn(other, "switchrole"), []string{path + "|did you mean SwitchRole?"}},
		{signIn(`"AWS Service Event via CloudTrail"`, "switchrole"), nil},
		{signIn(api, "ConsoleLogin"), []string{path + `|write "AWS Console Sign In via CloudTrail" and "AWS Console Signin`}},
		{signIn(api+`,"AWS Service Event via CloudTrail"`, "ConsoleLogin"), []string{path + "|a sign-in is no API call"}},
		{signIn(api+","+one, "ConsoleLogin"), nil},
		{signIn(api+`,{"prefix":"AWS Console"}`, "ConsoleLogin"), nil},
		{signIn(api+`,"Some Other"`, "ConsoleLogin"), nil}, // whatever that is
		{signIn(api, "SwitchRole"), nil},                   // nobody knows which of the rest are
		{Pattern(`{"source":["aws.signin"],"detail":{"eventName":["ConsoleLogin"]}}`), nil},
		{Pattern(`{"source":["aws.signin"],"$or":[{"detail-type":[` + api + `]},{"detail-type":[` + one + `]}],"detail":{"eventName":["ConsoleLogin"]}}`), nil},
	})
}
