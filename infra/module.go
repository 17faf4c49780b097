package main

import (
	"encoding/json"
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/countermand/countermand/infra/config"
	"github.com/countermand/countermand/remediations"
)

const (
	// eventAge is for how many seconds EventBridge and Lambda go on trying to hand over an event. That
	// bridges a throttled account or a service's bad quarter of an hour. After an hour it is no longer
	// "seconds after": a person should look before anything is taken back, and is told by the alarm on the
	// failure queue.
	eventAge = 3600

	// handOffs is how often EventBridge tries in that time: its own maximum.
	handOffs = 185

	// retries is how often Lambda runs the function again for an event, one and two minutes later: its own
	// maximum.
	retries = 2

	// failureRetention is for how many seconds a failed event waits for a person: 14 days, SQS's maximum.
	failureRetention = 14 * 24 * 3600
)

// resourceName is the name of a module's rule and function.
func resourceName(m *remediations.Module) string { return "countermand-" + m.Name }

// queueName is the name of a function's failure queue.
func queueName(function string) string { return function + "-failures" }

func logGroupName(function string) string { return "/aws/lambda/" + function }

// ruleARN is written out rather than asked of the rule: what refers to the rule is then there before the
// rule sends the first event. A rule on the default bus has no bus in its ARN.
func ruleARN(name string) *string {
	return sub("arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:rule/" + name)
}

// newModule adds one module: rule, function, role, log, failure queue and alarms.
func newModule(stack awscdk.Stack, s *shared, m config.Enabled) error {
	scope := constructs.NewConstruct(stack, &m.Name)
	queue := newFailureQueue(scope, resourceName(m.Module))
	function, err := newFunction(scope, s, m, queue)
	if err != nil {
		return err
	}
	rules := []string{resourceName(m.Module)}
	if m.Swept {
		rules = append(rules, m.SweepRule())
	}
	ready := handOver(scope, function, queue, rules...)
	rule, err := newRule(scope, m.Module, function, queue)
	if err != nil {
		return err
	}
	for _, first := range ready {
		rule.AddResourceDependency(first, nil)
	}
	if m.Swept {
		newSweep(scope, m.Module, function, queue, ready)
	}
	if err := newPolicies(scope, m.Module); err != nil {
		return err
	}
	newAlarms(scope, s, alarmsOf(m.Module)...)
	output(stack, "Failures"+m.Package(), "Events that "+m.Name+" could not handle", queue.Ref())
	return nil
}

// handOver lets the rules of these names call a function, and has what can't be handed over, or fails, end in the queue.
// It returns what has to be there before a rule sends its first event.
func handOver(scope constructs.Construct, function awslambda.CfnFunction, queue awssqs.CfnQueue, rules ...string) []awscdk.CfnResource {
	var arns []*string
	for _, name := range rules {
		arns = append(arns, ruleARN(name))
	}
	queuePolicy := newFailureQueuePolicy(scope, queue, map[string]any{
		"Sid":       "Rule",
		"Effect":    "Allow",
		"Principal": map[string]any{"Service": "events.amazonaws.com"},
		"Action":    "sqs:SendMessage",
		"Resource":  queue.AttrArn(),
		"Condition": map[string]any{"ArnEquals": map[string]any{"aws:SourceArn": oneOrMore(arns)}},
	})
	invocation := awslambda.NewCfnEventInvokeConfig(scope, jsii.String("Invocation"), &awslambda.CfnEventInvokeConfigProps{
		FunctionName:             function.Ref(),
		Qualifier:                jsii.String("$LATEST"),
		MaximumRetryAttempts:     number(retries),
		MaximumEventAgeInSeconds: number(eventAge),
		DestinationConfig: &awslambda.CfnEventInvokeConfig_DestinationConfigProperty{
			OnFailure: &awslambda.CfnEventInvokeConfig_OnFailureProperty{Destination: queue.AttrArn()},
		},
	})
	ready := []awscdk.CfnResource{queuePolicy, invocation}
	for i, arn := range arns {
		id := "Permission"
		if i > 0 {
			id = "SweepPermission"
		}
		ready = append(ready, awslambda.NewCfnPermission(scope, &id, &awslambda.CfnPermissionProps{
			FunctionName: function.Ref(),
			Action:       jsii.String("lambda:InvokeFunction"),
			Principal:    jsii.String("events.amazonaws.com"),
			SourceArn:    arn,
		}))
	}
	return ready
}

// oneOrMore is one value as itself.
func oneOrMore(values []*string) any {
	if len(values) == 1 {
		return values[0]
	}
	return values
}

// newSweep has a module's function look at everything, on schedule.
func newSweep(scope constructs.Construct, m *remediations.Module, function awslambda.CfnFunction, queue awssqs.CfnQueue, ready []awscdk.CfnResource) {
	rule := awsevents.NewCfnRule(scope, jsii.String("Sweep"), &awsevents.CfnRuleProps{
		Name:               jsii.String(m.SweepRule()),
		Description:        jsii.String("when to look at all that " + m.Name + " watches"),
		ScheduleExpression: &m.Schedule,
		State:              jsii.String("ENABLED"),
		Targets:            []any{target(function, queue)},
	})
	for _, first := range ready {
		rule.AddResourceDependency(first, nil)
	}
}

// newPolicies makes the IAM policies that a module attaches. They are there in every mode: what has been attached once
// stays so until it is undone.
func newPolicies(scope constructs.Construct, m *remediations.Module) error {
	for _, p := range m.Policies {
		var document map[string]any
		if err := json.Unmarshal([]byte(p.Document), &document); err != nil {
			return fmt.Errorf("policy %s of %s: %w", p.Name, m.Name, err)
		}
		awsiam.NewCfnManagedPolicy(scope, jsii.String("Policy-"+p.Name), &awsiam.CfnManagedPolicyProps{
			ManagedPolicyName: &p.Name,
			Description:       &p.Why,
			PolicyDocument:    document,
		})
	}
	return nil
}

// newFunction is the module's function, with a role and a log of its own.
func newFunction(scope constructs.Construct, s *shared, m config.Enabled, queue awssqs.CfnQueue) (awslambda.CfnFunction, error) {
	variables, err := environment(s, m)
	if err != nil {
		return nil, err
	}
	logGroup := newLogGroup(scope, s.config, resourceName(m.Module))
	policies := []any{&awsiam.CfnRole_PolicyProperty{PolicyName: jsii.String("runtime"), PolicyDocument: policy(runtimeRights(s, m, logGroup, queue)...)}}
	if rights := moduleRights(m); len(rights) > 0 { // a module that goes by the event alone has none
		policies = append([]any{&awsiam.CfnRole_PolicyProperty{PolicyName: jsii.String("module"), PolicyDocument: policy(rights...)}}, policies...)
	}
	role := newRole(scope, "Countermand "+m.Name+" in mode "+m.Mode.String(), policies...)
	var tracing *awslambda.CfnFunction_TracingConfigProperty
	if s.config.Tracing {
		tracing = &awslambda.CfnFunction_TracingConfigProperty{Mode: jsii.String("Active")}
	}
	return awslambda.NewCfnFunction(scope, jsii.String("Function"), &awslambda.CfnFunctionProps{
		FunctionName:  jsii.String(resourceName(m.Module)),
		Description:   jsii.String(m.Title),
		Runtime:       jsii.String("provided.al2023"),
		Handler:       jsii.String("bootstrap"),
		Architectures: jsii.Strings(lambdaArchitecture(s.config.Architecture)),
		Code:          &awslambda.CfnFunction_CodeProperty{S3Bucket: s.code.S3BucketName(), S3Key: s.code.S3ObjectKey()},
		Role:          role.AttrArn(),
		MemorySize:    number(256),
		Timeout:       number(timeout(m)),
		Environment:   &awslambda.CfnFunction_EnvironmentProperty{Variables: variables},
		TracingConfig: tracing,
		LoggingConfig: &awslambda.CfnFunction_LoggingConfigProperty{LogGroup: logGroup.Ref()},
	}), nil
}

// timeout is for how many seconds a module's function may run. An event is given half a minute by the engine; a sweep has
// all the time that Lambda gives.
func timeout(m config.Enabled) int {
	if m.Swept {
		return 900
	}
	return 30
}

// newLogGroup is the log of a function.
func newLogGroup(scope constructs.Construct, c *config.Config, function string) awslogs.CfnLogGroup {
	return awslogs.NewCfnLogGroup(scope, jsii.String("Log"), &awslogs.CfnLogGroupProps{
		LogGroupName:    jsii.String(logGroupName(function)),
		RetentionInDays: number(c.LogRetentionDays),
	})
}

// newRole is the role of a function, with these policies and no others.
func newRole(scope constructs.Construct, description string, policies ...any) awsiam.CfnRole {
	return awsiam.NewCfnRole(scope, jsii.String("Role"), &awsiam.CfnRoleProps{
		Description: &description,
		AssumeRolePolicyDocument: policy(map[string]any{
			"Effect": "Allow", "Principal": map[string]any{"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole",
		}),
		Policies: policies,
	})
}

func newRule(scope constructs.Construct, m *remediations.Module, function awslambda.CfnFunction, queue awssqs.CfnQueue) (awsevents.CfnRule, error) {
	pattern, err := decodePattern(m.Pattern)
	if err != nil {
		return nil, fmt.Errorf("pattern of %s: %w", m.Name, err)
	}
	return awsevents.NewCfnRule(scope, jsii.String("Rule"), &awsevents.CfnRuleProps{
		Name:         jsii.String(resourceName(m)),
		Description:  jsii.String(m.Title),
		EventPattern: pattern,
		State:        jsii.String("ENABLED"),
		Targets:      []any{target(function, queue)},
	}), nil
}

// target is a function as a rule's target.
func target(function awslambda.CfnFunction, queue awssqs.CfnQueue) any {
	return &awsevents.CfnRule_TargetProperty{
		Id:               jsii.String("function"),
		Arn:              function.AttrArn(),
		DeadLetterConfig: &awsevents.CfnRule_DeadLetterConfigProperty{Arn: queue.AttrArn()},
		RetryPolicy: &awsevents.CfnRule_RetryPolicyProperty{
			MaximumEventAgeInSeconds: number(eventAge), MaximumRetryAttempts: number(handOffs),
		},
	}
}

// newFailureQueue takes what can't be handed to a function and what that fails at.
func newFailureQueue(scope constructs.Construct, function string) awssqs.CfnQueue {
	return awssqs.NewCfnQueue(scope, jsii.String("Failures"), &awssqs.CfnQueueProps{
		QueueName:              jsii.String(queueName(function)),
		MessageRetentionPeriod: number(failureRetention),
		// EventBridge may not use the key that AWS manages for SQS; SQS's own encryption asks nobody.
		SqsManagedSseEnabled: true,
	})
}

// newFailureQueuePolicy says who may use a failure queue besides whom IAM lets.
func newFailureQueuePolicy(scope constructs.Construct, queue awssqs.CfnQueue, statements ...any) awssqs.CfnQueuePolicy {
	return awssqs.NewCfnQueuePolicy(scope, jsii.String("FailuresPolicy"), &awssqs.CfnQueuePolicyProps{
		Queues: &[]*string{queue.Ref()},
		PolicyDocument: policy(append(statements, map[string]any{
			"Sid":       "OnlyTLS",
			"Effect":    "Deny",
			"Principal": "*",
			"Action":    "sqs:*",
			"Resource":  queue.AttrArn(),
			"Condition": map[string]any{"Bool": map[string]any{"aws:SecureTransport": "false"}},
		})...),
	})
}

// lambdaArchitecture is Lambda's name for one of Go's.
func lambdaArchitecture(goarch string) string {
	if goarch == config.AMD64 {
		return "x86_64"
	}
	return goarch
}
