package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The account and Region that templates are read in.
const (
	testAccount = "123456789012"
	testRegion  = "eu-west-1"
)

// template is a CloudFormation template as plain data.
type template struct {
	text      []byte
	Resources map[string]*resource
	Outputs   map[string]struct{ Value any }
}

type resource struct {
	Type                string
	Properties          map[string]any
	DependsOn           []string
	DeletionPolicy      string
	UpdateReplacePolicy string
}

// kept reports whether a resource outlives its stack, and does not outlive a deployment that fails to make it.
func (r *resource) kept() bool {
	return r.DeletionPolicy == "RetainExceptOnCreate" && r.UpdateReplacePolicy == "Retain"
}

func parseTemplate(t *testing.T, text []byte) *template {
	t.Helper()
	parsed := &template{text: text}
	if err := json.Unmarshal(text, parsed); err != nil {
		t.Fatal(err)
	}
	return parsed
}

// all is the resources of a type by logical id.
func (tm *template) all(typ string) map[string]*resource {
	found := map[string]*resource{}
	for id, r := range tm.Resources {
		if r.Type == typ {
			found[id] = r
		}
	}
	return found
}

// exceptAlerts is the resources of a type but for those that only tell people: the summary, channels and webhooks.
func (tm *template) exceptAlerts(typ string) map[string]*resource {
	found := tm.all(typ)
	maps.DeleteFunc(found, func(id string, _ *resource) bool {
		return slices.ContainsFunc([]string{"Summary", "Chat", "Webhook"}, func(scope string) bool { return strings.HasPrefix(id, scope) })
	})
	return found
}

// only is the one resource of a type whose property has a value.
func (tm *template) only(t *testing.T, typ, property string, value any) *resource {
	t.Helper()
	var found []*resource
	for _, r := range tm.all(typ) {
		if property == "" || fmt.Sprint(tm.resolve(r.Properties[property])) == fmt.Sprint(value) {
			found = append(found, r)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d resources of type %s have %s %v, want 1", len(found), typ, property, value)
	}
	return found[0]
}

// resolve fills in a value as CloudFormation would, in testAccount and testRegion. Of resources without a
// fixed name it makes one of the type and the logical id.
func (tm *template) resolve(value any) any {
	switch v := value.(type) {
	case []any:
		list := make([]any, len(v))
		for i, element := range v {
			list[i] = tm.resolve(element)
		}
		return list
	case map[string]any:
		if len(v) == 1 {
			for key, argument := range v {
				if text, ok := tm.function(key, argument); ok {
					return text
				}
			}
		}
		fields := map[string]any{}
		for key, field := range v {
			fields[key] = tm.resolve(field)
		}
		return fields
	}
	return value
}

func (tm *template) function(name string, argument any) (string, bool) {
	switch name {
	case "Ref":
		return tm.ref(argument.(string)), true
	case "Fn::GetAtt":
		return tm.attribute(argument.([]any)), true
	case "Fn::Join":
		var parts []string
		for _, part := range tm.resolve(argument.([]any)[1]).([]any) {
			parts = append(parts, part.(string))
		}
		return strings.Join(parts, argument.([]any)[0].(string)), true
	case "Fn::Sub":
		text, variables := argument, map[string]any{}
		if list, ok := argument.([]any); ok {
			text, variables = list[0], list[1].(map[string]any)
		}
		return subVariable.ReplaceAllStringFunc(text.(string), func(variable string) string {
			name := variable[2 : len(variable)-1]
			if value, ok := variables[name]; ok {
				return tm.resolve(value).(string)
			}
			return tm.ref(name)
		}), true
	}
	return "", false
}

var subVariable = regexp.MustCompile(`\$\{[^}]+\}`)

func (tm *template) ref(id string) string {
	switch id {
	case "AWS::Partition":
		return "aws"
	case "AWS::AccountId":
		return testAccount
	case "AWS::Region":
		return testRegion
	}
	r := tm.Resources[id]
	switch {
	case r == nil:
		return "missing:" + id
	case r.Type == "AWS::SNS::Topic":
		return "arn:aws:sns:" + testRegion + ":" + testAccount + ":" + tm.name(id)
	case r.Type == "AWS::SQS::Queue":
		return "https://sqs." + testRegion + ".amazonaws.com/" + testAccount + "/" + tm.name(id)
	}
	return tm.name(id)
}

// attribute is the ARN of a resource, or of a table's stream: the templates use no other attribute.
func (tm *template) attribute(argument []any) string {
	id, name := argument[0].(string), argument[1].(string)
	r := tm.Resources[id]
	if r != nil && r.Type == "AWS::DynamoDB::Table" && name == "StreamArn" {
		return "stream of " + tm.name(id)
	}
	if r == nil || name != "Arn" {
		return "missing:" + id + "." + name
	}
	here := testRegion + ":" + testAccount + ":"
	switch r.Type {
	case "AWS::SQS::Queue":
		return "arn:aws:sqs:" + here + tm.name(id)
	case "AWS::DynamoDB::Table":
		return "arn:aws:dynamodb:" + here + "table/" + tm.name(id)
	case "AWS::Lambda::Function":
		return "arn:aws:lambda:" + here + "function:" + tm.name(id)
	case "AWS::Logs::LogGroup":
		return "arn:aws:logs:" + here + "log-group:" + tm.name(id) + ":*"
	case "AWS::S3::Bucket":
		return "arn:aws:s3:::" + tm.name(id)
	}
	return "arn of " + tm.name(id)
}

func (tm *template) name(id string) string {
	r := tm.Resources[id]
	for _, property := range []string{"FunctionName", "TableName", "QueueName", "TopicName", "LogGroupName", "TrailName", "BucketName", "Name"} {
		if name, ok := tm.resolve(r.Properties[property]).(string); ok {
			return name
		}
	}
	return "some " + r.Type + " " + id
}

// statements is the statements of every policy in a resource, resolved.
func (tm *template) statements(r *resource) []map[string]any {
	var documents []any
	for _, property := range []string{"AssumeRolePolicyDocument", "PolicyDocument", "KeyPolicy"} {
		if document, ok := r.Properties[property]; ok {
			documents = append(documents, document)
		}
	}
	inline, _ := r.Properties["Policies"].([]any)
	for _, p := range inline {
		documents = append(documents, p.(map[string]any)["PolicyDocument"])
	}
	var all []map[string]any
	for _, document := range documents {
		for _, statement := range tm.resolve(document).(map[string]any)["Statement"].([]any) {
			all = append(all, statement.(map[string]any))
		}
	}
	return all
}

// ids is the logical ids of a type, sorted.
func (tm *template) ids(typ string) []string {
	return slices.Sorted(maps.Keys(tm.all(typ)))
}

// at steps through nested objects and lists.
func at(value any, path ...any) any {
	for _, step := range path {
		switch key := step.(type) {
		case string:
			fields, _ := value.(map[string]any)
			value = fields[key]
		case int:
			list, _ := value.([]any)
			if key >= len(list) {
				return nil
			}
			value = list[key]
		}
	}
	return value
}
