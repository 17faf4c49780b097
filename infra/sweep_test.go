package main

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSweep(t *testing.T) {
	tm := setupNamed(t, "fixtures").synthesize(t)[mainStack]
	const name = "countermand-alpha-acts"
	arn := func(service, resource string) string {
		return "arn:aws:" + service + ":" + testRegion + ":" + testAccount + ":" + resource
	}
	rule := tm.only(t, "AWS::Events::Rule", "Name", name+"-sweep")
	if diff := cmp.Diff(any(map[string]any{
		"Name": name + "-sweep", "Description": "when to look at all that alpha-acts watches", "ScheduleExpression": "rate(6 hours)", "State": "ENABLED",
		"Targets": []any{map[string]any{
			"Id": "function", "Arn": arn("lambda", "function:"+name),
			"DeadLetterConfig": map[string]any{"Arn": arn("sqs", name+"-failures")},
			"RetryPolicy":      map[string]any{"MaximumEventAgeInSeconds": 3600.0, "MaximumRetryAttempts": 185.0},
		}},
	}), tm.resolve(rule.Properties)); diff != "" {
		t.Errorf("rule (-want +got):\n%s", diff)
	}
	permission := tm.only(t, "AWS::Lambda::Permission", "SourceArn", arn("events", "rule/"+name+"-sweep"))
	if diff := cmp.Diff(any(map[string]any{
		"FunctionName": name, "Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com", "SourceArn": arn("events", "rule/"+name+"-sweep"),
	}), tm.resolve(permission.Properties)); diff != "" {
		t.Errorf("permission (-want +got):\n%s", diff)
	}
	if !slices.ContainsFunc(rule.DependsOn, func(id string) bool { return tm.Resources[id] == permission }) {
		t.Error("the rule may send events before it may call the function")
	}
	if timeout := tm.only(t, "AWS::Lambda::Function", "FunctionName", name).Properties["Timeout"]; timeout != 900.0 {
		t.Errorf("a sweep has %v seconds", timeout)
	}
}

func TestPoliciesThatAModuleAttaches(t *testing.T) {
	tm := setupNamed(t, "fixtures").synthesize(t)[mainStack]
	policy := tm.only(t, "AWS::IAM::ManagedPolicy", "ManagedPolicyName", "countermand-alpha")
	if diff := cmp.Diff(any(map[string]any{
		"ManagedPolicyName": "countermand-alpha", "Description": "it denies all", "PolicyDocument": map[string]any{
			"Version": "2012-10-17", "Statement": []any{map[string]any{"Effect": "Deny", "Action": "*", "Resource": "*"}},
		},
	}), tm.resolve(policy.Properties)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
