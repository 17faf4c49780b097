package selftamper

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/events/pattern"
)

// kind is a type of thing that Countermand consists of.
type kind struct {
	name string         // CloudFormation's name of the type
	what string         // the same in words
	ours *regexp.Regexp // how calls name what is ours, with the groups name and, where that is said, account
}

// named is how calls name what is ours: by its name, by its ARN, or by that without its beginning. Something may follow.
func named(service, before, name, after string) *regexp.Regexp {
	return regexp.MustCompile(`^(?:(?:arn:[a-z-]+:` + service + `:[a-z0-9-]*:)?(?P<account>[0-9]{12}):` + before + `)?(?P<name>` + name + `)` + after + `$`)
}

// own is the name of a thing of ours that a call names so; "" if it is not ours, but another's or another account's.
func (k *kind) own(text, account string) string {
	found := k.ours.FindStringSubmatch(text)
	if found == nil {
		return ""
	}
	if owner := found[k.ours.SubexpIndex("account")]; owner != "" && owner != account {
		return ""
	}
	return found[k.ours.SubexpIndex("name")]
}

// word is the rest of a name.
const word = `[A-Za-z0-9._-]+`

// The things that Countermand's stacks consist of. Their names begin alike; those of roles are made by CloudFormation.
var (
	rule       = &kind{"AWS::Events::Rule", "the rule ", named("events", "rule/(?:default/)?", "countermand-"+word, "")}
	function   = &kind{"AWS::Lambda::Function", "the function ", named("lambda", "function:", "countermand-[a-z0-9-]+", "(?::.+)?")}
	topic      = &kind{"AWS::SNS::Topic", "the topic ", named("sns", "", "countermand-"+word, "(?::.+)?")}
	queue      = &kind{"AWS::SQS::Queue", "the queue ", regexp.MustCompile(`^(?:(?:.*/)?(?P<account>[0-9]{12})/)?(?P<name>countermand-[A-Za-z0-9_-]+)/?$`)}
	table      = &kind{"AWS::DynamoDB::Table", "the table ", named("dynamodb", "table/", "countermand-runs", "")}
	parameter  = &kind{"AWS::SSM::Parameter", "the parameter /countermand/", regexp.MustCompile(`^(?:arn:[a-z-]+:ssm:[a-z0-9-]+:(?P<account>[0-9]{12}):parameter)?/countermand/(?P<name>[A-Za-z0-9._-]+)$`)}
	logOf      = &kind{"AWS::Lambda::Function", "the log of the function ", regexp.MustCompile(`^(?:arn:[a-z-]+:logs:[a-z0-9-]+:(?P<account>[0-9]{12}):log-group:)?/aws/lambda/(?P<name>countermand-[a-z0-9-]+)(?::.*)?$`)}
	alarm      = &kind{"AWS::CloudWatch::Alarm", "the alarm ", named("cloudwatch", "alarm:", "countermand-"+word, "")}
	stack      = &kind{"AWS::CloudFormation::Stack", "the stack ", named("cloudformation", "stack/", "Countermand(?:Trail)?", "(?:/.+)?")}
	bucket     = &kind{"AWS::S3::Bucket", "the bucket ", regexp.MustCompile(`^(?P<name>countermand-records-(?P<account>[0-9]{12})-[a-z0-9-]+)$`)}
	keyAlias   = &kind{"AWS::KMS::Alias", "the signing key's alias ", regexp.MustCompile(`^(?:arn:[a-z-]+:kms:[a-z0-9-]+:(?P<account>[0-9]{12}):)?alias/(?P<name>countermand-[A-Za-z0-9/_-]+)$`)}
	role       = &kind{"AWS::IAM::Role", "the role ", named("iam", "role/", "Countermand(?:Trail)?-"+word, "")}
	userPolicy = &kind{"AWS::IAM::ManagedPolicy", "the policy ", named("iam", "policy/", "countermand-"+word, "")}
)

// call is a call that can disarm or blind Countermand.
type call struct {
	event string // its name in CloudTrail
	kind  *kind
	field string // the request parameter that names what it is about; with ? if the call may do without
	done  string // what it has done, after "the rule x"
}

const (
	deleted   = "was deleted"
	otherSend = "may be used by others, or no longer by whom it was"
	otherRole = "may do something else"
	lentRole  = "was given to a function, which has its rights now"
)

// calls is what is watched, by the label of the service: what takes a part of Countermand away, puts something else in
// its place, or keeps it from hearing or telling. The names are CloudTrail's, see events/pattern/namesdata.go.
var calls = map[string][]call{
	"cloudformation": {
		{"CreateChangeSet", stack, "stackName", "is about to be changed"},
		{"DeleteStack", stack, "stackName", "is being deleted"},
		{"ExecuteChangeSet", stack, "stackName?", "is being changed"}, // without it there is an ARN that does not say whose
		{"UpdateStack", stack, "stackName", "is being changed"},
	},
	"dynamodb": {
		{"DeleteTable", table, "tableName", deleted + ", and with it what undo needs"},
		{"UpdateContinuousBackups", table, "tableName", "has other backups"},
		{"UpdateTable", table, "tableName", "was changed"},
		{"UpdateTimeToLive", table, "tableName", "forgets runs at another time"},
	},
	"events": {
		{"DeleteRule", rule, "name", deleted + ": its module hears of nothing"},
		{"DisableRule", rule, "name", "was disabled: its module hears of nothing"},
		{"PutRule", rule, "name", "was replaced, and may have another pattern or be disabled"},
		{"PutTargets", rule, "rule", "has other targets"},
		{"RemoveTargets", rule, "rule", "has lost targets: what it hears may reach nobody"},
	},
	"iam": {
		{"AttachRolePolicy", role, "roleName", otherRole},
		{"CreatePolicyVersion", userPolicy, "policyArn", "says something else"},
		{"DeletePolicy", userPolicy, "policyArn", deleted},
		{"DeleteRole", role, "roleName", deleted},
		{"DeleteRolePermissionsBoundary", role, "roleName", otherRole},
		{"DeleteRolePolicy", role, "roleName", otherRole},
		{"DetachRolePolicy", role, "roleName", otherRole},
		{"PutRolePermissionsBoundary", role, "roleName", otherRole},
		{"PutRolePolicy", role, "roleName", otherRole},
		{"SetDefaultPolicyVersion", userPolicy, "policyArn", "says something else"},
		{"UpdateAssumeRolePolicy", role, "roleName", "can be assumed by others, or no longer by its function"},
	},
	"kms": {
		{"DeleteAlias", keyAlias, "aliasName", deleted},
		{"UpdateAlias", keyAlias, "aliasName", "is that of another key"},
	},
	"lambda": {
		{"AddPermission20150331v2", function, "functionName", "may be called by others"},
		{"CreateFunction20150331", role, "role", lentRole},
		{"DeleteFunction20150331", function, "functionName", deleted},
		{"DeleteFunctionEventInvokeConfig", function, "functionName", "keeps no longer what it fails at"},
		{"PutFunctionConcurrency20171031", function, "functionName", "may run a number of times at once: if that is 0, never"},
		{"PutFunctionEventInvokeConfig", function, "functionName", "does something else with what it fails at"},
		{"RemovePermission20150331v2", function, "functionName", "may no longer be called by whom it was, such as its rule"},
		{"UpdateFunctionCode20150331v2", function, "functionName", "has other code, which has the rights of its role"},
		{"UpdateFunctionConfiguration20150331v2", function, "functionName", "has another configuration"},
		{"UpdateFunctionConfiguration20150331v2", role, "role?", lentRole},
		{"UpdateFunctionEventInvokeConfig", function, "functionName", "does something else with what it fails at"},
	},
	"logs": {
		{"DeleteLogGroup", logOf, "logGroupName", deleted},
		{"DeleteLogStream", logOf, "logGroupName", "was deleted in part"},
		{"PutRetentionPolicy", logOf, "logGroupName", "is kept for another time"},
	},
	"monitoring": {
		{"DeleteAlarms", alarm, "alarmNames", deleted},
		{"DisableAlarmActions", alarm, "alarmNames", "no longer rings"},
		{"PutMetricAlarm", alarm, "alarmName", "was replaced"},
	},
	"s3": {
		{"DeleteBucket", bucket, "bucketName", deleted},
		{"DeleteBucketPolicy", bucket, "bucketName", "has no policy any more: others may write records"},
		{"PutBucketLifecycle", bucket, "bucketName", "keeps records for another time"},
		{"PutBucketObjectLockConfiguration", bucket, "bucketName", "locks records for another time"},
		{"PutBucketPolicy", bucket, "bucketName", "has another policy: others may write records"},
		{"PutBucketVersioning", bucket, "bucketName", "has versioning on or off"},
	},
	"sns": {
		{"AddPermission", topic, "topicArn", otherSend},
		{"DeleteTopic", topic, "topicArn", deleted + ": people are told of nothing"},
		{"PutDataProtectionPolicy", topic, "resourceArn", "may keep messages back"},
		{"RemovePermission", topic, "topicArn", otherSend},
		{"SetSubscriptionAttributes", topic, "subscriptionArn", "tells a subscriber something else, or nothing"},
		{"SetTopicAttributes", topic, "topicArn", otherSend},
		{"Unsubscribe", topic, "subscriptionArn", "has lost a subscriber"},
	},
	"sqs": {
		{"AddPermission", queue, "queueUrl", otherSend},
		{"DeleteQueue", queue, "queueUrl", deleted + ", with what failed"},
		{"PurgeQueue", queue, "queueUrl", "was emptied: what failed is lost"},
		{"RemovePermission", queue, "queueUrl", otherSend},
		{"SetQueueAttributes", queue, "queueUrl", otherSend},
	},
	"ssm": {
		{"DeleteParameter", parameter, "name", deleted + ": modules can't read the kill switch, and only observe"},
		{"DeleteParameters", parameter, "names", deleted + ": modules can't read the kill switch, and only observe"},
		{"PutParameter", parameter, "name", "was set: somebody has stopped modules, or lets them act again"},
	},
}

// find is what a record may have done; none if it is not watched.
func find(r events.Record) []call {
	var found []call
	for _, c := range calls[events.Label(r.EventSource)] {
		if c.event == r.EventName {
			found = append(found, c)
		}
	}
	return found
}

// values is how the call names what it is about.
func (c call) values(r events.Record) ([]string, error) {
	field, optional := strings.CutSuffix(c.field, "?")
	var list []string
	for _, value := range r.Request.Get(field).List() {
		list = append(list, value.Text())
	}
	switch {
	case !r.Request.Exists(), len(list) == 0 && !optional:
		return nil, fmt.Errorf("the record of %s has no %s", c.event, field)
	case slices.Contains(list, ""):
		return nil, fmt.Errorf("the record of %s has an empty %s", c.event, field)
	}
	return list, nil
}

// watched is all that is watched. A rule can't tell what is ours in all the forms that calls name it in, within the
// length that a pattern may have.
func watched() pattern.Pattern {
	var sources, names []string
	for service, watched := range calls {
		sources = append(sources, "aws."+service)
		for _, c := range watched {
			names = append(names, c.event)
		}
	}
	slices.Sort(names)
	slices.Sort(sources)
	text, _ := json.Marshal(map[string]any{ // texts alone can't fail
		"source": sources, "detail-type": []string{"AWS API Call via CloudTrail"},
		"detail": map[string]any{"eventName": slices.Compact(names), "errorCode": []any{map[string]bool{"exists": false}}},
	})
	return pattern.Pattern(text)
}
