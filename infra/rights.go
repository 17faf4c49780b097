package main

import (
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"

	"github.com/countermand/countermand/remediations"
)

// moduleRights is what the module declares, a statement each: reads, and writes only where it may act.
func moduleRights(m Enabled) []any {
	used := map[string]int{}
	var statements []any
	add := func(kind string, permissions []remediations.Permission) {
		for _, p := range permissions {
			sid := kind + sidOf(p.Action)
			if used[sid]++; used[sid] > 1 {
				sid += strconv.Itoa(used[sid])
			}
			statements = append(statements, allow(sid, p.Action, resourceOf(p)))
		}
	}
	add("Read", m.Reads)
	if m.Mode == remediations.Enforce {
		add("Write", m.Writes)
	}
	return statements
}

// runtimeRights is what the engine and Lambda themselves need for a module. Only what may act is counted.
func runtimeRights(s *shared, m Enabled, logGroup awslogs.CfnLogGroup, queue awssqs.CfnQueue) []any {
	rights := []any{
		allow("RunGet", "dynamodb:GetItem", s.table.AttrArn()),
		allow("RunPut", "dynamodb:PutItem", s.table.AttrArn()),
		allow("Alert", "sns:Publish", s.topic.Ref()),
		allow("Switch", "ssm:GetParameter", sub("arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter"+remediations.SwitchParameter)),
		allow("Failure", "sqs:SendMessage", queue.AttrArn()),
		allow("LogStream", "logs:CreateLogStream", logGroup.AttrArn()), // ends in ":*": the group's streams,
		allow("LogEvents", "logs:PutLogEvents", logGroup.AttrArn()),
	}
	if m.Mode == remediations.Enforce {
		rights = append(rights, allow("RunCount", "dynamodb:UpdateItem", s.table.AttrArn()))
	}
	if slices.ContainsFunc(s.config.exemptionsOf(m.Name), func(x remediations.Exemption) bool { return x.Tag != "" }) {
		rights = append(rights, allow("Tags", remediations.TagLookup.Action, resourceOf(remediations.TagLookup)))
	}
	return rights
}

func allow(sid, action string, resource *string) map[string]any {
	return map[string]any{"Sid": sid, "Effect": "Allow", "Action": action, "Resource": resource}
}

func resourceOf(p remediations.Permission) *string {
	if strings.Contains(p.Resource, "${") {
		return sub(p.Resource)
	}
	return &p.Resource
}

// sidOf is an action in the letters and digits that a statement's id may have: "S3GetBucketPolicy".
func sidOf(action string) string {
	service, name, _ := strings.Cut(strings.ReplaceAll(action, "*", "Any"), ":")
	var sid strings.Builder
	for _, word := range strings.Split(service, "-") {
		if word != "" {
			sid.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return sid.String() + name
}
