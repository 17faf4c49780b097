package selftamper_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/modules/selftamper"
	"github.com/countermand/countermand/remediations/moduletest"
)

// session is the identity of a role's session; more is its further fields.
func session(role, name, more string) string {
	short := role[strings.LastIndex(role, "/")+1:]
	return fmt.Sprintf(`{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE123:%[2]s","arn":"arn:aws:sts::111122223333:assumed-role/%[3]s/%[2]s","accountId":"111122223333",
		"sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLEEXAMPLE123","arn":"%[1]s","accountId":"111122223333","userName":%[3]q},
		"attributes":{"creationDate":"2026-03-02T08:55:12Z","mfaAuthenticated":"false"}}%[4]s}`, role, name, short, more)
}

const (
	roles   = "arn:aws:iam::111122223333:role/"
	foreign = "arn:aws:iam::444455556666:role/"
	exec    = "cdk-hnb659fds-cfn-exec-role-111122223333-eu-central-1"
	deploy  = "cdk-hnb659fds-deploy-role-111122223333-eu-central-1"

	byCloudFormation = `,"invokedBy":"cloudformation.amazonaws.com"`
)

var dana = session(roles+"Developer", "dana", "")

// record is the event of a call in a Region; more is further fields of the record.
func record(t *testing.T, who, region, service, name, parameters, more string) []byte {
	t.Helper()
	text, err := events.Wrap(fmt.Appendf(nil, `{"eventVersion":"1.11","userIdentity":%s,"eventTime":"2026-03-02T09:14:55Z",
		"eventSource":"%s.amazonaws.com","eventName":%q,"awsRegion":%q,"sourceIPAddress":"198.51.100.17","userAgent":"aws-cli/2.27.1",
		"requestParameters":%s,%s"responseElements":null,"eventID":"5b1c6f8e-0d5f-4e0c-9a58-3c1d5b9f2b01","readOnly":false,"eventType":"AwsApiCall",
		"managementEvent":true,"recipientAccountId":"111122223333","eventCategory":"Management"}`, who, service, name, region, parameters, more))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func by(t *testing.T, who, service, name, parameters string) []byte {
	t.Helper()
	return record(t, who, "eu-central-1", service, name, parameters, "")
}

const (
	disabled = `{"name":"countermand-s3-public-policy"}`
	newCode  = `{"functionName":"countermand-s3-public-policy","publish":false,"dryRun":false}`
	theStack = `{"stackName":"Countermand","changeSetName":"cdk-deploy-change-set"}`
)

func Test(t *testing.T) {
	world := func() *moduletest.World { return &moduletest.World{} }
	acts := func(name string, event []byte) moduletest.Case {
		return moduletest.Case{Name: name, Event: event, World: world, Acts: true}
	}
	idle := func(name string, event []byte) moduletest.Case {
		return moduletest.Case{Name: name, Event: event, World: world}
	}
	ours := moduletest.Case{
		Name: "an own deployment role", World: world, Settings: selftamper.Settings{DeployRoles: []string{"ci/Deployer"}},
		Event: by(t, session(roles+"ci/Deployer", "AWSCloudFormation", byCloudFormation), "lambda", "UpdateFunctionCode20150331v2", newCode),
	}
	noLonger := moduletest.Case{
		Name: "the CDK's role, not set", World: world, Acts: true, Settings: selftamper.Settings{DeployRoles: []string{"ci/Deployer"}},
		Event: by(t, session(roles+exec, "AWSCloudFormation", byCloudFormation), "lambda", "UpdateFunctionCode20150331v2", newCode),
	}
	moduletest.Run(t, selftamper.Module, ours, noLonger,
		acts("a rule is disabled", by(t, dana, "events", "DisableRule", disabled)),
		acts("new code", by(t, dana, "lambda", "UpdateFunctionCode20150331v2", newCode)),
		acts("two alarms at once", by(t, dana, "monitoring", "DeleteAlarms", `{"alarmNames":["other","countermand-limited","countermand-contested"]}`)),
		acts("stopped by its command", by(t, dana, "ssm", "PutParameter", `{"name":"/countermand/mode","value":"HIDDEN_DUE_TO_SECURITY_REASONS","type":"String","overwrite":true}`)),
		acts("a role's policy", record(t, dana, "us-east-1", "iam", "PutRolePolicy", `{"roleName":"Countermand-s3publicpolicyRole1A2B3C4D-EXAMPLE","policyName":"x"}`, "")),
		acts("the stack is deleted, by whoever may deploy it", by(t, session(roles+deploy, "aws-cdk-dana", ""), "cloudformation", "DeleteStack", theStack)),
		acts("the stack is changed by somebody else", by(t, dana, "cloudformation", "ExecuteChangeSet", theStack)),
		acts("by another stack's role", by(t, session(roles+"Other", "AWSCloudFormation", byCloudFormation), "events", "DisableRule", disabled)),
		acts("in CloudFormation by a user", by(t, `{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/mallory","accountId":"111122223333","userName":"mallory"`+byCloudFormation+`}`, "events", "DeleteRule", disabled)),
		acts("with a session named like the deployment's", by(t, session(roles+"Developer", exec, byCloudFormation), "events", "DeleteRule", disabled)),
		acts("the deployment's role, without CloudFormation", by(t, session(roles+exec, "AWSCloudFormation", ""), "events", "DeleteRule", disabled)),
		acts("another account's role of the name", by(t, session(foreign+exec, "AWSCloudFormation", byCloudFormation), "events", "DeleteRule", disabled)),
		acts("a role whose name goes on", by(t, session(roles+exec+"-x", "AWSCloudFormation", byCloudFormation), "events", "DeleteRule", disabled)),
		acts("a role in a path", by(t, session(roles+"x/"+exec, "AWSCloudFormation", byCloudFormation), "events", "DeleteRule", disabled)),

		acts("with a role as that of the deployment in a Region that there is not", by(t, session(roles+strings.Replace(exec, "eu-central-1", "ev-il-1", 1), "AWSCloudFormation", byCloudFormation), "events", "DeleteRule", disabled)),
		acts("a change set of the stack by somebody else", by(t, dana, "cloudformation", "CreateChangeSet", theStack)),
		acts("a function of somebody's with one of the roles", by(t, dana, "lambda", "CreateFunction20150331", `{"functionName":"x","role":"`+roles+`Countermand-s3publicpolicyRole1A2B3C4D-EXAMPLE"}`)),
		acts("a function of somebody's is given one of the roles", by(t, dana, "lambda", "UpdateFunctionConfiguration20150331v2", `{"functionName":"x","role":"`+roles+`Countermand-s3publicpolicyRole1A2B3C4D-EXAMPLE"}`)),

		idle("a change set by its ARN, which was told when it was made", by(t, dana, "cloudformation", "ExecuteChangeSet",
			`{"changeSetName":"arn:aws:cloudformation:eu-central-1:111122223333:changeSet/release/bc9555ba-a949-4c1e-bfb8-f41d04ec5784"}`)),
		idle("a function with another role", by(t, dana, "lambda", "CreateFunction20150331", `{"functionName":"x","role":"`+roles+`x"}`)),
		idle("a deployment", by(t, session(roles+exec, "AWSCloudFormation", byCloudFormation), "lambda", "UpdateFunctionCode20150331v2", newCode)),
		idle("another Region's deployment", record(t, session(roles+strings.Replace(exec, "eu-central-1", "us-gov-west-1", 1), "AWSCloudFormation", byCloudFormation),
			"us-east-1", "iam", "PutRolePolicy", `{"roleName":"Countermand-s3publicpolicyRole1A2B3C4D-EXAMPLE"}`, "")),
		idle("a deployment begins", by(t, session(roles+deploy, "aws-cdk-dana", ""), "cloudformation", "ExecuteChangeSet", theStack)),
		idle("another rule", by(t, dana, "events", "DisableRule", `{"name":"nightly-countermand-report"}`)),
		idle("a call of another service of that name", by(t, dana, "events", "DeleteAlias", `{"name":"countermand-x"}`)),
		idle("refused", record(t, dana, "eu-central-1", "events", "DisableRule", disabled, `"errorCode":"AccessDenied","errorMessage":"no",`)),
	)
}

// Each call that is watched, on what is ours, by all names that it can be given, and on what is not.
func TestSuspects(t *testing.T) {
	const (
		regional = ":eu-central-1:111122223333:"
		other    = ":eu-central-1:444455556666:"
	)
	one := func(field string) func(string) string {
		return func(name string) string { return fmt.Sprintf(`{%q:%q}`, field, name) }
	}
	several := func(field string) func(string) string {
		return func(name string) string { return fmt.Sprintf(`{%q:["x",%q]}`, field, name) }
	}
	for _, test := range []struct {
		service, calls string
		parameters     func(string) string
		arn            string // of the suspect
		ours, others   []string
	}{
		{"events", "DeleteRule DisableRule PutRule", one("name"), "arn:aws:events" + regional + "rule/countermand-x",
			[]string{"countermand-x"}, []string{"counter", "xcountermand-x", "Countermand-x"}},
		{"events", "PutTargets RemoveTargets", one("rule"), "arn:aws:events" + regional + "rule/countermand-x",
			[]string{"countermand-x", "arn:aws:events" + regional + "rule/default/countermand-x"}, []string{"x"}},
		{"lambda", "AddPermission20150331v2 DeleteFunction20150331 DeleteFunctionEventInvokeConfig PutFunctionConcurrency20171031 PutFunctionEventInvokeConfig " +
			"RemovePermission20150331v2 UpdateFunctionCode20150331v2 UpdateFunctionConfiguration20150331v2 UpdateFunctionEventInvokeConfig",
			one("functionName"), "arn:aws:lambda" + regional + "function:countermand-x",
			[]string{"countermand-x", "countermand-x:$LATEST", "111122223333:function:countermand-x", "arn:aws:lambda" + regional + "function:countermand-x", "arn:aws:lambda" + regional + "function:countermand-x:live"},
			[]string{"x", "arn:aws:lambda" + other + "function:countermand-x", "444455556666:function:countermand-x"}},
		{"lambda", "CreateFunction20150331", one("role"), "arn:aws:iam::111122223333:role/Countermand-LedgerRole1A2B-X",
			[]string{roles + "Countermand-LedgerRole1A2B-X"}, []string{roles + "x", foreign + "Countermand-LedgerRole1A2B-X"}},
		{"sns", "AddPermission DeleteTopic RemovePermission SetTopicAttributes", one("topicArn"), "arn:aws:sns" + regional + "countermand-alerts",
			[]string{"arn:aws:sns" + regional + "countermand-alerts"}, []string{"arn:aws:sns" + other + "countermand-alerts", "arn:aws:sns" + regional + "alerts"}},
		{"sns", "PutDataProtectionPolicy", one("resourceArn"), "arn:aws:sns" + regional + "countermand-alerts",
			[]string{"arn:aws:sns" + regional + "countermand-alerts"}, []string{"arn:aws:sns" + regional + "alerts"}},
		{"sns", "SetSubscriptionAttributes Unsubscribe", one("subscriptionArn"), "arn:aws:sns" + regional + "countermand-alerts",
			[]string{"arn:aws:sns" + regional + "countermand-alerts:0b7f5a52-6a0e-4b6e-9c53-2f1f5d3c7e21"}, []string{"arn:aws:sns" + regional + "alerts:countermand-alerts"}},
		{"sqs", "AddPermission DeleteQueue PurgeQueue RemovePermission SetQueueAttributes", one("queueUrl"), "arn:aws:sqs" + regional + "countermand-x-failures",
			[]string{"https://sqs.eu-central-1.amazonaws.com/111122223333/countermand-x-failures", "http://queue.amazonaws.com/111122223333/countermand-x-failures",
				"111122223333/countermand-x-failures", "https://sqs.eu-central-1.amazonaws.com/111122223333/countermand-x-failures/"},
			[]string{"https://sqs.eu-central-1.amazonaws.com/444455556666/countermand-x-failures", "https://sqs.eu-central-1.amazonaws.com/111122223333/x"}},
		{"dynamodb", "DeleteTable UpdateContinuousBackups UpdateTable UpdateTimeToLive", one("tableName"), "arn:aws:dynamodb" + regional + "table/countermand-runs",
			[]string{"countermand-runs", "arn:aws:dynamodb" + regional + "table/countermand-runs"}, []string{"countermand-runs-copy", "arn:aws:dynamodb" + other + "table/countermand-runs"}},
		{"ssm", "DeleteParameter PutParameter", one("name"), "arn:aws:ssm" + regional + "parameter/countermand/mode",
			[]string{"/countermand/mode", "arn:aws:ssm" + regional + "parameter/countermand/mode"}, []string{"/x/countermand/mode", "countermand", "arn:aws:ssm" + other + "parameter/countermand/mode"}},
		{"ssm", "DeleteParameters", several("names"), "arn:aws:ssm" + regional + "parameter/countermand/mode", []string{"/countermand/mode"}, []string{"/mode"}},
		{"logs", "DeleteLogGroup DeleteLogStream PutRetentionPolicy", one("logGroupName"), "arn:aws:lambda" + regional + "function:countermand-x",
			[]string{"/aws/lambda/countermand-x", "arn:aws:logs" + regional + "log-group:/aws/lambda/countermand-x:*"}, []string{"/aws/lambda/x", "countermand-x", "arn:aws:logs" + other + "log-group:/aws/lambda/countermand-x:*"}},
		{"monitoring", "DeleteAlarms DisableAlarmActions", several("alarmNames"), "arn:aws:cloudwatch" + regional + "alarm:countermand-x", []string{"countermand-x"}, []string{"y"}},
		{"monitoring", "PutMetricAlarm", one("alarmName"), "arn:aws:cloudwatch" + regional + "alarm:countermand-x", []string{"countermand-x"}, []string{"y"}},
		{"cloudformation", "CreateChangeSet DeleteStack ExecuteChangeSet UpdateStack", one("stackName"), "arn:aws:cloudformation" + regional + "stack/CountermandTrail/*",
			[]string{"CountermandTrail", "arn:aws:cloudformation" + regional + "stack/CountermandTrail/0b7f5a52-6a0e-4b6e-9c53-2f1f5d3c7e21"}, []string{"CountermandTrails", "arn:aws:cloudformation" + other + "stack/CountermandTrail/1"}},
		{"s3", "DeleteBucket DeleteBucketPolicy PutBucketLifecycle PutBucketObjectLockConfiguration PutBucketPolicy PutBucketVersioning", one("bucketName"),
			"arn:aws:s3:::countermand-records-111122223333-eu-central-1", []string{"countermand-records-111122223333-eu-central-1"}, []string{"countermand-records-444455556666-eu-central-1", "records"}},
		{"kms", "DeleteAlias UpdateAlias", one("aliasName"), "arn:aws:kms" + regional + "alias/countermand-ledger", []string{"alias/countermand-ledger"}, []string{"alias/ledger", "countermand-ledger"}},
		{"iam", "AttachRolePolicy DeleteRole DeleteRolePermissionsBoundary DeleteRolePolicy DetachRolePolicy PutRolePermissionsBoundary PutRolePolicy UpdateAssumeRolePolicy",
			one("roleName"), "arn:aws:iam::111122223333:role/Countermand-LedgerRole1A2B-X", []string{"Countermand-LedgerRole1A2B-X"}, []string{"Countermander", "MyCountermand-x"}},
		{"iam", "CreatePolicyVersion DeletePolicy SetDefaultPolicyVersion", one("policyArn"), "arn:aws:iam::111122223333:policy/countermand-x",
			[]string{"arn:aws:iam::111122223333:policy/countermand-x"}, []string{"arn:aws:iam::aws:policy/countermand-x", "arn:aws:iam::444455556666:policy/countermand-x", "arn:aws:iam::111122223333:policy/x"}},
	} {
		for name := range strings.FieldsSeq(test.calls) {
			for _, mine := range test.ours {
				if got := suspects(t, by(t, dana, test.service, name, test.parameters(mine))); !slices.Equal(got, []string{test.arn}) {
					t.Errorf("%s of %s: suspects are %q, want %s", name, mine, got, test.arn)
				}
			}
			for _, other := range test.others {
				if got := suspects(t, by(t, dana, test.service, name, test.parameters(other))); len(got) > 0 {
					t.Errorf("%s of %s: suspects are %q", name, other, got)
				}
			}
			for _, parameters := range []string{`null`, `{}`, test.parameters("")} {
				if name == "ExecuteChangeSet" && parameters == `{}` {
					continue // the change set's ARN is enough for it
				}
				event, err := events.Parse(by(t, dana, test.service, name, parameters))
				if err != nil {
					t.Fatal(err)
				}
				if got, err := selftamper.Module.Suspects(event); err == nil {
					t.Errorf("%s with the parameters %s: suspects are %v, and no error", name, parameters, got)
				}
			}
		}
	}
}

// suspects is the ARNs of what is suspect. What of an event the pattern does not match is an error of the test.
func suspects(t *testing.T, raw []byte) []string {
	t.Helper()
	matcher, err := selftamper.Module.Pattern.Compile()
	if err != nil {
		t.Fatal(err)
	}
	if matched, err := matcher.Match(raw); err != nil || !matched {
		t.Errorf("the pattern does not match %s: %v", raw, err)
	}
	event, err := events.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	list, err := selftamper.Module.Suspects(event)
	if err != nil {
		t.Errorf("%s: %v", raw, err)
	}
	var arns []string
	for _, r := range list {
		arn, err := r.ARN()
		if err != nil {
			t.Error(err)
		}
		arns = append(arns, arn)
	}
	return arns
}

func TestFinding(t *testing.T) {
	event, err := events.Parse(by(t, dana, "ssm", "PutParameter", `{"name":"/countermand/mode"}`))
	if err != nil {
		t.Fatal(err)
	}
	r := remediations.Resource{ID: "mode", Type: "AWS::SSM::Parameter", Account: "111122223333", Region: "eu-central-1"}
	got, err := selftamper.Module.Guard(t.Context(), &remediations.Run{Event: &event, Settings: selftamper.Module.Settings}, r)
	if err != nil {
		t.Fatal(err)
	}
	want := &remediations.Finding{
		Resource: r,
		Reason:   "the parameter /countermand/mode of Countermand was set: somebody has stopped modules, or lets them act again (PutParameter)",
		Fix: "go run ./scripts/countermand status\n" +
			"npx cdk deploy Countermand # puts back what is gone; what was changed by hand only if the template changes, too",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("finding differs (-want +got):\n%s", diff)
	}
}

func TestSettings(t *testing.T) {
	for name, want := range map[string]bool{"Deployer": true, "ci/Deployer": true, "cdk-x-ACCOUNT-REGION": true,
		"": false, "*": false, "Deploy*": false, "arn:aws:iam::111122223333:role/Deployer": false, "/Deployer": false} {
		err := selftamper.Settings{DeployRoles: []string{name}}.Check()
		if (err == nil) != want {
			t.Errorf("a role %q is taken: %v, want %t", name, err, want)
		}
	}
}
