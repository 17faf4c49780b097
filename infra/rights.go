package main

import (
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"

	"github.com/countermand/countermand/infra/config"
	"github.com/countermand/countermand/remediations"
)

// moduleRights is what the module declares, a statement for each action: a role has 10,240 characters for all of them.
func moduleRights(m config.Enabled) []any {
	var statements []any
	resources := map[string][]*string{}
	rights := m.Rights(m.Mode)
	for _, s := range rights {
		if len(s.Condition) == 0 {
			resources[s.Action] = append(resources[s.Action], resourceOf(s.Resource))
		}
	}
	for _, s := range rights {
		switch on := resources[s.Action]; {
		case len(s.Condition) > 0:
			statement := allow(s.Sid, s.Action, resourceOf(s.Resource))
			statement["Condition"] = conditionOf(s.Condition)
			statements = append(statements, statement)
		case len(on) > 0:
			statement := allow(s.Sid, s.Action, nil)
			statement["Resource"] = oneOrMore(on)
			statements = append(statements, statement)
			delete(resources, s.Action)
		}
	}
	return statements
}

// conditionOf is a statement's condition, with CloudFormation's parameters in its values.
func conditionOf(condition map[string]map[string]string) map[string]any {
	filled := map[string]any{}
	for operator, keys := range condition {
		values := map[string]any{}
		for key, value := range keys {
			values[key] = resourceOf(value)
		}
		filled[operator] = values
	}
	return filled
}

// runtimeRights is what the engine and Lambda themselves need for a module. A run that begins to act is put in one
// transaction with its counts: each right in the run table has all ids, so that it does not matter whether IAM is asked
// about the writes one by one or about all at once.
func runtimeRights(s *shared, m config.Enabled, logGroup awslogs.CfnLogGroup, queue awssqs.CfnQueue) []any {
	ids := m.RowPatterns(m.Mode)
	rights := []any{
		allowItems("RunGet", "dynamodb:GetItem", s.table.AttrArn(), ids...),
		allowItems("RunPut", "dynamodb:PutItem", s.table.AttrArn(), ids...),
		allow("Alert", "sns:Publish", s.topic.Ref()),
		allow("AlertCritical", "sns:Publish", s.critical.Ref()),
		allow("Switch", "ssm:GetParameter", sub("arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter"+remediations.SwitchParameter)),
	}
	rights = append(rights, functionRights(logGroup, queue)...)
	if m.Mode != remediations.Observe {
		rights = append(rights, allowItems("AlertCount", "dynamodb:UpdateItem", s.table.AttrArn(), m.AlertRowPatterns()...))
	}
	if m.Mode == remediations.Enforce {
		rights = append(rights, allowItems("RunCount", "dynamodb:UpdateItem", s.table.AttrArn(), ids...))
	}
	if s.config.Tracing { // X-Ray knows no resource that these could be narrowed to
		rights = append(rights, allow("Traces", "xray:PutTraceSegments", jsii.String("*")), allow("Telemetry", "xray:PutTelemetryRecords", jsii.String("*")))
	}
	if slices.ContainsFunc(s.config.ExemptionsOf(m.Name), func(x remediations.Exemption) bool { return x.Tag != "" }) {
		for _, p := range remediations.TagPermissions {
			_, name, _ := strings.Cut(p.Action, ":")
			rights = append(rights, allow("Tags"+name, p.Action, resourceOf(p.Resource)))
		}
	}
	return rights
}

// allowItems allows an action that names its item on those whose ids match a pattern.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
func allowItems(sid, action string, table *string, ids ...string) map[string]any {
	statement := allow(sid, action, table)
	statement["Condition"] = map[string]any{
		"ForAllValues:StringLike": map[string]any{"dynamodb:LeadingKeys": ids},
	}
	return statement
}

// functionRights is what Lambda itself needs for a function.
func functionRights(logGroup awslogs.CfnLogGroup, queue awssqs.CfnQueue) []any {
	return []any{
		allow("Failure", "sqs:SendMessage", queue.AttrArn()),
		allow("LogStream", "logs:CreateLogStream", logGroup.AttrArn()), // ends in ":*": the group's streams,
		allow("LogEvents", "logs:PutLogEvents", logGroup.AttrArn()),
	}
}

func allow(sid, action string, resource *string) map[string]any {
	return map[string]any{"Sid": sid, "Effect": "Allow", "Action": action, "Resource": resource}
}

// resourceOf is a statement's resource. Without a parameter it is no function for CloudFormation to call.
func resourceOf(resource string) *string {
	if strings.Contains(resource, "${") {
		return sub(resource)
	}
	return &resource
}
