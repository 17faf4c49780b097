package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func topicARN(name string) string {
	return "arn:aws:sns:" + testRegion + ":" + testAccount + ":" + name
}

func TestTopics(t *testing.T) {
	forEach(t, func(t *testing.T, s *setup, stacks map[string]*template) {
		tm, c := stacks[mainStack], s.configuration(t)
		if got := len(tm.all("AWS::SNS::Topic")); got != 2 {
			t.Errorf("%d topics, want 2", got)
		}
		for _, topic := range []string{topicARN("countermand-alerts"), topicARN("countermand-alerts-critical")} {
			if diff := cmp.Diff([]map[string]any{
				{
					"Sid": "Alarms", "Effect": "Allow", "Principal": map[string]any{"Service": "cloudwatch.amazonaws.com"}, "Action": "sns:Publish",
					"Resource": topic, "Condition": map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": testAccount}},
				},
				{
					"Sid": "OnlyTLS", "Effect": "Deny", "Principal": "*", "Action": "sns:Publish",
					"Resource": topic, "Condition": map[string]any{"Bool": map[string]any{"aws:SecureTransport": "false"}},
				},
			}, tm.statements(tm.only(t, "AWS::SNS::TopicPolicy", "Topics", []any{topic}))); diff != "" {
				t.Errorf("topic policy (-want +got):\n%s", diff)
			}
		}
		type told struct{ Topic, Email string }
		want, got := map[told]bool{}, map[told]bool{}
		for _, email := range c.Emails {
			want[told{topicARN("countermand-alerts"), email}] = true
			want[told{topicARN("countermand-alerts-critical"), email}] = true
		}
		for _, email := range c.CriticalEmails {
			want[told{topicARN("countermand-alerts-critical"), email}] = true
		}
		for _, r := range tm.all("AWS::SNS::Subscription") {
			p := tm.resolve(r.Properties).(map[string]any)
			if p["Protocol"] == "email" {
				got[told{p["TopicArn"].(string), p["Endpoint"].(string)}] = true
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("who is told (-want +got):\n%s", diff)
		}
	})
}

// TestSummary follows the schedule to the function, and the function to what it may do.
func TestSummary(t *testing.T) {
	forEach(t, func(t *testing.T, s *setup, stacks map[string]*template) {
		tm, c := stacks[mainStack], s.configuration(t)
		const name = "countermand-summary"
		arn := func(service, resource string) string {
			return "arn:aws:" + service + ":" + testRegion + ":" + testAccount + ":" + resource
		}
		function := tm.only(t, "AWS::Lambda::Function", "FunctionName", name)
		var all []string
		for _, m := range s.modules() {
			all = append(all, m.Name)
		}
		if diff := cmp.Diff(map[string]any{
			"COUNTERMAND_TABLE": "countermand-runs", "COUNTERMAND_TOPIC": topicARN("countermand-alerts"),
			"COUNTERMAND_CRITICAL_TOPIC": topicARN("countermand-alerts-critical"), "COUNTERMAND_MODULES": strings.Join(all, ","),
			"AWS_SDK_UA_APP_ID": name,
		}, at(tm.resolve(function.Properties), "Environment", "Variables")); diff != "" {
			t.Errorf("environment (-want +got):\n%s", diff)
		}
		role := tm.Resources[at(function.Properties, "Role", "Fn::GetAtt", 0).(string)]
		table, log := arn("dynamodb", "table/countermand-runs"), arn("logs", "log-group:/aws/lambda/countermand-summary:*")
		if diff := cmp.Diff(map[right]bool{
			{"dynamodb:GetItem", table, "BACKLOG-*"}: true, {"dynamodb:UpdateItem", table, "BACKLOG-*"}: true, {"dynamodb:DeleteItem", table, "BACKLOG-*"}: true,
			{"sns:Publish", topicARN("countermand-alerts"), ""}: true, {"sns:Publish", topicARN("countermand-alerts-critical"), ""}: true,
			{"logs:CreateLogStream", log, ""}: true, {"logs:PutLogEvents", log, ""}: true,
		}, gotRights(t, tm, role)); diff != "" {
			t.Errorf("rights (-want +got):\n%s", diff)
		}
		if got := tm.only(t, "AWS::Logs::LogGroup", "LogGroupName", "/aws/lambda/"+name).Properties["RetentionInDays"]; got != float64(c.LogRetentionDays) {
			t.Errorf("its log is kept for %v days, want %d", got, c.LogRetentionDays)
		}
		rule := tm.only(t, "AWS::Events::Rule", "Name", name)
		if diff := cmp.Diff(any(map[string]any{
			"Name": name, "Description": "when to tell of folded alerts", "ScheduleExpression": "rate(5 minutes)", "State": "ENABLED",
			"Targets": []any{map[string]any{"Id": "function", "Arn": arn("lambda", "function:"+name)}},
		}), tm.resolve(rule.Properties)); diff != "" {
			t.Errorf("schedule (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(any(map[string]any{
			"FunctionName": name, "Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com", "SourceArn": arn("events", "rule/"+name),
		}), tm.resolve(tm.only(t, "AWS::Lambda::Permission", "FunctionName", name).Properties)); diff != "" {
			t.Errorf("permission (-want +got):\n%s", diff)
		}
		if got := tm.only(t, "AWS::Lambda::EventInvokeConfig", "FunctionName", name).Properties; got["MaximumRetryAttempts"] != 0.0 {
			t.Errorf("it is tried again: %v", got)
		}
		alarm := tm.resolve(tm.only(t, "AWS::CloudWatch::Alarm", "AlarmName", name+"-errors").Properties).(map[string]any)
		for property, want := range map[string]any{
			"Namespace": "AWS/Lambda", "MetricName": "Errors", "Threshold": 0.0, "Period": 300.0, "EvaluationPeriods": 2.0,
			"TreatMissingData": "notBreaching", "AlarmActions": []any{topicARN("countermand-alerts-critical")},
			"Dimensions": []any{map[string]any{"Name": "FunctionName", "Value": name}},
		} {
			if diff := cmp.Diff(want, alarm[property]); diff != "" {
				t.Errorf("alarm's %s (-want +got):\n%s", property, diff)
			}
		}
	})
}
