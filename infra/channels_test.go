package main

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countermand/countermand/infra/config/configtest"
)

// Channels hear of everything and may do nothing.
func TestChat(t *testing.T) {
	tm := setupNamed(t, "channels").synthesize(t)[mainStack]
	const role = "arn of some AWS::IAM::Role "
	var roles []string
	check := func(typ, name string, want map[string]any) {
		t.Helper()
		got := tm.resolve(tm.only(t, typ, "ConfigurationName", name).Properties).(map[string]any)
		id, ok := strings.CutPrefix(got["IamRoleArn"].(string), role)
		if !ok {
			t.Fatalf("%s has the role %v", name, got["IamRoleArn"])
		}
		roles = append(roles, id)
		delete(got, "IamRoleArn")
		want["ConfigurationName"] = name
		want["GuardrailPolicies"] = []any{"arn:aws:iam::aws:policy/AWSDenyAll"}
		const there = "arn:aws:sns:us-east-1:" + testAccount + ":countermand-alerts"
		want["SnsTopicArns"] = []any{topicARN("countermand-alerts"), topicARN("countermand-alerts-critical"), there, there + "-critical"}
		want["LoggingLevel"] = "ERROR"
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	const slack = "AWS::Chatbot::SlackChannelConfiguration"
	check(slack, "countermand-slack-C07EZ1ABC23", map[string]any{"SlackWorkspaceId": "T07EA123LEP", "SlackChannelId": "C07EZ1ABC23"})
	check(slack, "countermand-slack-C07EZ1ABC24", map[string]any{"SlackWorkspaceId": "T07EA123LEP", "SlackChannelId": "C07EZ1ABC24"})
	check("AWS::Chatbot::MicrosoftTeamsChannelConfiguration", "countermand-teams-a", map[string]any{
		"TeamsTenantId": "6f1c1f5e-0f0b-4c57-8a3e-0d5d1a7e9b10", "TeamId": "0b7f5a52-6a0e-4b6e-9c53-2f1f5d3c7e21",
		"TeamsChannelId": "19%3aab1cd2ef3ab4cd5ef6%40thread.tacv2",
	})
	for _, id := range roles {
		properties := tm.resolve(tm.Resources[id].Properties).(map[string]any)
		delete(properties, "Description")
		if diff := cmp.Diff(map[string]any{"AssumeRolePolicyDocument": map[string]any{
			"Version": "2012-10-17",
			"Statement": []any{map[string]any{
				"Effect": "Allow", "Principal": map[string]any{"Service": "chatbot.amazonaws.com"}, "Action": "sts:AssumeRole",
			}},
		}}, properties); diff != "" {
			t.Errorf("role of the channels (-want +got):\n%s", diff)
		}
	}
}

// TestWebhooks follows an alert from the topics through the queue and the pipe to the endpoint.
func TestWebhooks(t *testing.T) {
	tm := setupNamed(t, "channels").synthesize(t)[mainStack]
	arn := func(service, resource string) string {
		return "arn:aws:" + service + ":" + testRegion + ":" + testAccount + ":" + resource
	}
	for _, w := range []struct {
		name, url string
		topics    []any
		authorize map[string]any
		template  string
	}{
		{"pager", "https://events.pagerduty.com/v2/enqueue", []any{topicARN("countermand-alerts-critical")}, map[string]any{
			"ApiKeyAuthParameters": map[string]any{"ApiKeyName": "X-Client", "ApiKeyValue": "Countermand"},
			"InvocationHttpParameters": map[string]any{"BodyParameters": []any{map[string]any{
				"Key": "routing_key", "Value": "{{resolve:secretsmanager:countermand/pagerduty:SecretString:::5e3b7f1c-0a4d-4f8e-9b1a-2c6d8e0f1a3b}}", "IsValueSecret": true,
			}}},
		}, `{"event_action":"trigger","client":"Countermand","dedup_key":"123456789012/eu-west-1/<$.body.module>/<$.body.thread>",` +
			`"payload":{"summary":"<$.body.title>","severity":"<$.body.level>","source":"123456789012 eu-west-1",` +
			`"component":"<$.body.module>","custom_details":<$.body>}}`},
		{"siem", "https://siem.example.com/alerts?source=countermand",
			[]any{topicARN("countermand-alerts-critical"), topicARN("countermand-alerts")}, map[string]any{
				"ApiKeyAuthParameters": map[string]any{"ApiKeyName": "Authorization", "ApiKeyValue": "{{resolve:secretsmanager:siem-token}}"},
			}, `<$.body>`},
	} {
		name := "countermand-webhook-" + w.name
		queue, failures := arn("sqs", name), arn("sqs", name+"-failures")
		same := func(what string, want, got any) {
			t.Helper()
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s (-want +got):\n%s", w.name, what, diff)
			}
		}
		var topics []any
		for _, r := range tm.all("AWS::SNS::Subscription") {
			p := tm.resolve(r.Properties).(map[string]any)
			if p["Endpoint"] != queue {
				continue
			}
			topics = append(topics, p["TopicArn"])
			same("subscription", map[string]any{
				"TopicArn": p["TopicArn"], "Endpoint": queue, "Protocol": "sqs", "RawMessageDelivery": true,
				"FilterPolicy": map[string]any{"kind": []any{map[string]any{"exists": true}}},
			}, p)
		}
		if len(topics) != len(w.topics) {
			t.Errorf("%s: subscribed to %v, want %v", w.name, topics, w.topics)
		}
		same("queue", any(map[string]any{
			"QueueName": name, "MessageRetentionPeriod": 1209600.0, "VisibilityTimeout": 60.0, "SqsManagedSseEnabled": true,
			"RedrivePolicy": map[string]any{"deadLetterTargetArn": failures, "maxReceiveCount": 30.0},
		}), tm.resolve(tm.only(t, "AWS::SQS::Queue", "QueueName", name).Properties))
		url := "https://sqs." + testRegion + ".amazonaws.com/" + testAccount + "/" + name
		onlyTLS := func(queue string) map[string]any {
			return map[string]any{
				"Sid": "OnlyTLS", "Effect": "Deny", "Principal": "*", "Action": "sqs:*",
				"Resource": queue, "Condition": map[string]any{"Bool": map[string]any{"aws:SecureTransport": "false"}},
			}
		}
		same("queue policy", []map[string]any{{
			"Sid": "Topics", "Effect": "Allow", "Principal": map[string]any{"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage",
			"Resource": queue, "Condition": map[string]any{"ArnEquals": map[string]any{"aws:SourceArn": w.topics}},
		}, onlyTLS(queue)}, tm.statements(tm.only(t, "AWS::SQS::QueuePolicy", "Queues", []any{url})))
		same("policy of the failures", []map[string]any{onlyTLS(failures)},
			tm.statements(tm.only(t, "AWS::SQS::QueuePolicy", "Queues", []any{url + "-failures"})))

		connection := tm.only(t, "AWS::Events::Connection", "Name", name)
		same("connection", any(map[string]any{"Name": name, "AuthorizationType": "API_KEY", "AuthParameters": w.authorize}), tm.resolve(connection.Properties))
		destination := tm.only(t, "AWS::Events::ApiDestination", "Name", name)
		same("destination", any(map[string]any{
			"Name": name, "ConnectionArn": "arn of " + name, "HttpMethod": "POST", "InvocationEndpoint": w.url, "InvocationRateLimitPerSecond": 2.0,
		}), tm.resolve(destination.Properties))

		pipe := tm.only(t, "AWS::Pipes::Pipe", "Name", name)
		role := tm.Resources[at(pipe.Properties, "RoleArn", "Fn::GetAtt", 0).(string)]
		got := tm.resolve(pipe.Properties).(map[string]any)
		delete(got, "RoleArn")
		same("pipe", map[string]any{
			"Name": name, "Source": queue, "Target": "arn of " + name,
			"SourceParameters": map[string]any{"SqsQueueParameters": map[string]any{"BatchSize": 1.0}},
			"TargetParameters": map[string]any{"InputTemplate": w.template},
		}, got)
		same("role", []map[string]any{
			{
				"Effect": "Allow", "Principal": map[string]any{"Service": "pipes.amazonaws.com"}, "Action": "sts:AssumeRole",
				"Condition": map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": testAccount, "aws:SourceArn": arn("pipes", "pipe/"+name)}},
			},
			{"Sid": "Receive", "Effect": "Allow", "Action": "sqs:ReceiveMessage", "Resource": queue},
			{"Sid": "Delete", "Effect": "Allow", "Action": "sqs:DeleteMessage", "Resource": queue},
			{"Sid": "Attributes", "Effect": "Allow", "Action": "sqs:GetQueueAttributes", "Resource": queue},
			{"Sid": "Post", "Effect": "Allow", "Action": "events:InvokeApiDestination", "Resource": "arn of " + name},
		}, tm.statements(role))
		alarm := tm.resolve(tm.only(t, "AWS::CloudWatch::Alarm", "AlarmName", name+"-failures").Properties).(map[string]any)
		same("alarm", []any{topicARN("countermand-alerts-critical")}, alarm["AlarmActions"])
		same("alarm", []any{map[string]any{"Name": "QueueName", "Value": name + "-failures"}}, alarm["Dimensions"])
	}
}

// What the pipe makes of an alert is an event that PagerDuty takes, whatever stands in the alert.
func TestPagerDutyEvent(t *testing.T) {
	body := `{"module":"door-open","thread":"93d9","title":"[high] Failed: door-open a??b","level":"critical","reason":"\"quoted\" \\ <>"}`
	var fields map[string]string
	if err := json.Unmarshal([]byte(body), &fields); err != nil {
		t.Fatal(err)
	}
	event := regexp.MustCompile(`<\$\.body\.?([a-z]*)>`).ReplaceAllStringFunc(pagerDutyEvent, func(path string) string {
		if path == "<$.body>" {
			return body
		}
		value, ok := fields[strings.Trim(strings.TrimPrefix(path, "<$.body."), ">")]
		if !ok {
			t.Errorf("the alert has no %s", path)
		}
		return value
	})
	var parsed struct {
		Action  string `json:"event_action"`
		Dedup   string `json:"dedup_key"`
		Payload struct {
			Summary, Severity, Source string
			Details                   map[string]string `json:"custom_details"`
		}
	}
	if err := json.Unmarshal([]byte(event), &parsed); err != nil {
		t.Fatalf("%v: %s", err, event)
	}
	if parsed.Action != "trigger" || parsed.Dedup != "${AWS::AccountId}/${AWS::Region}/door-open/93d9" || parsed.Payload.Summary != fields["title"] ||
		parsed.Payload.Severity != "critical" || parsed.Payload.Source == "" || !cmp.Equal(parsed.Payload.Details, fields) {
		t.Errorf("%+v", parsed)
	}
}

// Without channels there is nothing of them: an account that has none pays for none.
func TestNoChannels(t *testing.T) {
	hasNone(t, setupNamed(t, "enforce").synthesize(t)[mainStack], "AWS::Chatbot::", "AWS::Pipes::", "AWS::Events::Connection", "AWS::Events::ApiDestination")
}

func hasNone(t *testing.T, tm *template, services ...string) {
	t.Helper()
	for id, r := range tm.Resources {
		for _, service := range services {
			if strings.HasPrefix(r.Type, service) {
				t.Errorf("%s is a %s", id, r.Type)
			}
		}
	}
}

// A channel is connected once in an account: by the stack of one Region, of all that are deployed.
func TestChatIsInOneRegion(t *testing.T) {
	stacks, err := synthesize(t, writeFile(t, t.TempDir(), "c.yaml", `trail: {existing: true}
region: us-east-1
alerts:
  chatRegions: [eu-west-1, us-east-1]
  slack: [{workspace: T07EA123LEP, channel: C07EZ1ABC23}]
`), configtest.Modules())
	if err != nil {
		t.Fatal(err)
	}
	hasNone(t, stacks[mainStack], "AWS::Chatbot::")
}
