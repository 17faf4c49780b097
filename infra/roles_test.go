package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/events/pattern"
	"github.com/countermand/countermand/infra/config"
	"github.com/countermand/countermand/infra/config/configtest"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/engine"
	"github.com/countermand/countermand/remediations/engine/store"
	"github.com/countermand/countermand/remediations/knowledge/iam"
)

// TestRolesAllowWhatTheEngineDoes runs the engine as each function does, and asks the function's role about each call.
func TestRolesAllowWhatTheEngineDoes(t *testing.T) {
	forEach(t, func(t *testing.T, s *setup, stacks map[string]*template) {
		c := s.configuration(t)
		for _, m := range c.Modules {
			policy := rolePolicy(t, stacks[mainStack], m)
			calls := engineCalls(t, c, m)
			for _, call := range calls {
				if !policy.Allows(call) {
					t.Errorf("role of %s in mode %s refuses %s on %s with %v", m.Name, m.Mode, call.Action, call.Resource, call.Keys)
				}
			}
			if counts := slices.ContainsFunc(calls, func(r iam.Request) bool { return r.Action == "dynamodb:UpdateItem" }); counts != (m.Mode != remediations.Observe) {
				t.Errorf("%s in mode %s counts: %t", m.Name, m.Mode, counts)
			}
		}
	})
}

// TestRolesAllowNothingElse asks each role of the catalogue's modules about what is near to what it may do.
func TestRolesAllowNothingElse(t *testing.T) {
	for _, name := range []string{"default", "enforce"} {
		s := setupNamed(t, name)
		modules := s.configuration(t).Modules
		for _, m := range modules {
			policy := rolePolicy(t, s.synthesize(t)[mainStack], m)
			for _, r := range notAllowed(m, modules) {
				if policy.Allows(r) {
					t.Errorf("%s: role of %s in mode %s allows %s on %s, %v", name, m.Name, m.Mode, r.Action, r.Resource, r.Keys)
				}
			}
		}
	}
}

// notAllowed is what a module's role must refuse.
func notAllowed(m config.Enabled, modules []config.Enabled) []iam.Request {
	table, own := arnOf("dynamodb", "table/"+runTable), runOf(m.Name)
	requests := []iam.Request{
		request("sns:Publish", arnOf("sns", "other")),
		request("sns:Subscribe", arnOf("sns", config.AlertTopic)),
		request("sns:Subscribe", arnOf("sns", config.CriticalTopic)),
		request("sqs:SendMessage", arnOf("sqs", "countermand-other-failures")),
		request("sqs:ReceiveMessage", arnOf("sqs", queueName(resourceName(m.Module)))),
		request("logs:PutLogEvents", arnOf("logs", "log-group:/aws/lambda/other:log-stream:a")),
		request("ssm:GetParameter", arnOf("ssm", "parameter/other")),
		request("ssm:PutParameter", arnOf("ssm", "parameter/countermand/mode")),
		request("iam:PassRole", "arn:aws:iam::"+testAccount+":role/any"),
		request("s3:PutObject", "arn:aws:s3:::"+wantBucket+"/records/2026/11/21/15/any.json"),
		request("kms:Sign", arnOf("kms", "key/any")),
	}
	for _, action := range []string{"dynamodb:DeleteItem", "dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:Query", "dynamodb:Scan"} {
		requests = append(requests, request(action, table, own))
	}
	alerts, backlog := "ALERTS-%s-2026-03-01T10", "BACKLOG-%s"
	for _, action := range []string{"dynamodb:GetItem", "dynamodb:PutItem"} {
		requests = append(requests, request(action, table, fmt.Sprintf(alerts, m.Name)), request(action, table, fmt.Sprintf(backlog, m.Name)))
	}
	if m.Mode == remediations.Observe {
		requests = append(requests, request("dynamodb:UpdateItem", table, fmt.Sprintf(backlog, m.Name)))
	}
	for _, other := range modules {
		if other.Name != m.Name {
			requests = append(requests, request("dynamodb:UpdateItem", table, fmt.Sprintf(alerts, other.Name)),
				request("dynamodb:UpdateItem", table, fmt.Sprintf(backlog, other.Name)))
		}
	}
	for _, action := range []string{"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"} {
		requests = append(requests,
			request(action, arnOf("dynamodb", "table/other"), own),
			request(action, table, "some other"), // nobody's
			request(action, table, runOf(m.Name+"s")),
			request(action, table, "LATEST-"+runOf(m.Name+"s")),
			request(action, table, own, runOf("other-module")))
		for _, other := range modules {
			if other.Name != m.Name {
				requests = append(requests, request(action, table, runOf(other.Name)), request(action, table, "LATEST-"+runOf(other.Name)))
			}
		}
	}
	if m.Mode != remediations.Enforce {
		requests = append(requests, request("dynamodb:UpdateItem", table, own), request("dynamodb:PutItem", table, "COUNT-2026-03-02T09-0"))
	}
	return requests
}

func arnOf(service, name string) string {
	return "arn:aws:" + service + ":" + testRegion + ":" + testAccount + ":" + name
}

// runOf is the id of a run.
func runOf(module string) string { return module + "-0123456789abcdef0123" }

// request is a call on items of the run table, or on none.
func request(action, resource string, ids ...string) iam.Request {
	r := iam.Request{Action: action, Resource: resource}
	if ids != nil {
		r.Keys = map[string][]string{"dynamodb:leadingkeys": ids}
	}
	return r
}

// rolePolicy is both policies of a function's role, as CloudFormation makes them.
func rolePolicy(t *testing.T, tm *template, m config.Enabled) *iam.Policy {
	t.Helper()
	function := tm.only(t, "AWS::Lambda::Function", "FunctionName", resourceName(m.Module))
	role := tm.Resources[at(function.Properties, "Role", "Fn::GetAtt", 0).(string)]
	var documents [][]byte
	for _, p := range tm.resolve(role.Properties["Policies"]).([]any) {
		text, err := json.Marshal(at(p, "PolicyDocument"))
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, text)
	}
	policy, err := iam.Parse(documents...)
	if err != nil {
		t.Fatalf("role of %s: %v", m.Name, err)
	}
	return policy
}

// engineCalls is what IAM is asked when the engine takes an event all the way in a mode, with a stand-in for the module
// of that name, and what Lambda does besides.
func engineCalls(t *testing.T, c *config.Config, m config.Enabled) []iam.Request {
	t.Helper()
	calls := []iam.Request{
		request("sqs:SendMessage", arnOf("sqs", queueName(resourceName(m.Module)))),
		request("logs:CreateLogStream", arnOf("logs", "log-group:"+logGroupName(resourceName(m.Module))+":log-stream:a")),
		request("logs:PutLogEvents", arnOf("logs", "log-group:"+logGroupName(resourceName(m.Module))+":log-stream:a")),
	}
	var mu sync.Mutex // the engine makes several calls at once
	cfg := aws.Config{Region: testRegion, APIOptions: []func(*middleware.Stack) error{func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("test", func(_ context.Context, in middleware.InitializeInput, _ middleware.InitializeHandler) (out middleware.InitializeOutput, metadata middleware.Metadata, err error) {
			var asked []iam.Request
			asked, out.Result, err = answer(in.Parameters)
			mu.Lock()
			defer mu.Unlock()
			calls = append(calls, asked...)
			return out, metadata, err
		}), middleware.After)
	}}}
	store, alert := store.NewDynamoDB(cfg, runTable), engine.NewSNSSender(cfg, arnOf("sns", config.AlertTopic), arnOf("sns", config.CriticalTopic))
	e, err := engine.New(engine.Config{
		Module: standIn(m.Name), Mode: m.Mode, Account: testAccount, AWS: cfg, Store: store, Limits: c.Limits,
		Alert:  alert,
		Switch: engine.NewSwitchReader(cfg, remediations.SwitchParameter, func() time.Time { return configtest.Now }), Retention: time.Hour, Now: func() time.Time { return configtest.Now },
		Wait: func(context.Context, time.Duration) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	records, err := e.Handle(t.Context(), bucketPut(t))
	if err != nil || len(records) != 1 {
		t.Fatalf("%d runs, %v", len(records), err)
	}
	if _, err := store.Get(t.Context(), records[0].ID); err != nil {
		t.Fatal(err)
	}
	if m.Mode != remediations.Observe {
		if err := store.FoldAlert(t.Context(), engine.FoldedAlert{Module: m.Name}); err != nil {
			t.Fatal(err)
		}
	}
	if err := alert(t.Context(), engine.Message{Facts: engine.Facts{Critical: true}}); err != nil {
		t.Fatal(err)
	}
	return calls
}

// answer is what IAM is asked about a call of the engine's, and AWS's answer. A transaction is authorized as the writes
// that it is made of: one by one, or those of an action at once, or with the ids of all of them.
func answer(in any) ([]iam.Request, any, error) {
	id := func(item map[string]types.AttributeValue) string {
		return item["id"].(*types.AttributeValueMemberS).Value
	}
	table := func(name *string) string { return arnOf("dynamodb", "table/"+*name) }
	switch in := in.(type) {
	case *dynamodb.GetItemInput:
		return []iam.Request{request("dynamodb:GetItem", table(in.TableName), id(in.Key))}, &dynamodb.GetItemOutput{}, nil
	case *dynamodb.PutItemInput:
		return []iam.Request{request("dynamodb:PutItem", table(in.TableName), id(in.Item))}, &dynamodb.PutItemOutput{}, nil
	case *dynamodb.UpdateItemInput:
		return []iam.Request{request("dynamodb:UpdateItem", table(in.TableName), id(in.Key))}, &dynamodb.UpdateItemOutput{}, nil
	case *dynamodb.TransactWriteItemsInput:
		var asked []iam.Request
		var all []string
		for _, w := range in.TransactItems {
			switch {
			case w.Put != nil:
				asked = append(asked, request("dynamodb:PutItem", table(w.Put.TableName), id(w.Put.Item)))
			case w.Update != nil:
				asked = append(asked, request("dynamodb:UpdateItem", table(w.Update.TableName), id(w.Update.Key)))
			default:
				return nil, nil, fmt.Errorf("what IAM is asked about %+v is not known", w)
			}
			all = append(all, asked[len(asked)-1].Keys["dynamodb:leadingkeys"]...)
		}
		for _, one := range slices.Clone(asked) {
			asked = append(asked, request(one.Action, one.Resource, all...))
		}
		return asked, &dynamodb.TransactWriteItemsOutput{}, nil
	case *ssm.GetParameterInput:
		value := ssmtypes.Parameter{Value: aws.String("{}")}
		return []iam.Request{request("ssm:GetParameter", arnOf("ssm", "parameter"+*in.Name))}, &ssm.GetParameterOutput{Parameter: &value}, nil
	case *sns.PublishInput:
		return []iam.Request{request("sns:Publish", *in.TopicArn)}, &sns.PublishOutput{}, nil
	}
	return nil, nil, fmt.Errorf("what IAM is asked about %T is not known", in)
}

// standIn finds a bucket wrong until it has acted, and calls nothing.
func standIn(name string) *remediations.Module {
	var right atomic.Bool
	return &remediations.Module{
		Name:    name,
		Pattern: pattern.CloudTrail("s3", "PutBucketPolicy"),
		Suspects: func(e events.Event) ([]remediations.Resource, error) {
			return []remediations.Resource{{ID: "ledger", Type: "AWS::S3::Bucket", Account: e.Account, Region: e.Region}}, nil
		},
		Guard: func(_ context.Context, _ *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
			if right.Load() {
				return nil, nil
			}
			return remediations.Found(r, "it is wrong", "wrong", "right")
		},
		Action: func(context.Context, *remediations.Run, *remediations.Finding) error { right.Store(true); return nil },
	}
}

func bucketPut(t *testing.T) []byte {
	t.Helper()
	event, err := events.Wrap([]byte(strings.NewReplacer("ACCOUNT", testAccount, "REGION", testRegion).Replace(`{
		"eventVersion": "1.11", "eventID": "0e2f3f0a-52a3-4c5e-bb6f-0a4f6c2f7d10", "eventTime": "2026-03-01T10:00:00Z",
		"eventSource": "s3.amazonaws.com", "eventName": "PutBucketPolicy", "eventType": "AwsApiCall", "awsRegion": "REGION",
		"recipientAccountId": "ACCOUNT", "sourceIPAddress": "198.51.100.7", "userAgent": "[aws-cli/2.15]",
		"userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::ACCOUNT:user/bob", "accountId": "ACCOUNT", "userName": "bob"},
		"requestParameters": {"bucketName": "ledger"}, "responseElements": null
	}`)))
	if err != nil {
		t.Fatal(err)
	}
	return event
}
