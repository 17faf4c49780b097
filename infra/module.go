package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/countermand/countermand/events"
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

	// maxEnvironment is how many bytes Lambda holds of a function's environment, measured as JSON.
	// https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
	maxEnvironment = 4096
)

// resourceName is the name of a module's rule and function.
func resourceName(m *remediations.Module) string { return "countermand-" + m.Name }

func queueName(m *remediations.Module) string { return resourceName(m) + "-failures" }

func logGroupName(m *remediations.Module) string { return "/aws/lambda/" + resourceName(m) }

// ruleARN is written out rather than asked of the rule: what refers to the rule is then there before the
// rule sends the first event. A rule on the default bus has no bus in its ARN.
func ruleARN(m *remediations.Module) *string {
	return sub("arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:rule/" + resourceName(m))
}

// newModule adds one module: rule, function, role, log, failure queue and alarms.
func newModule(stack awscdk.Stack, s *shared, m Enabled) error {
	scope := constructs.NewConstruct(stack, &m.Name)
	queue, queuePolicy := newFailureQueue(scope, m.Module)
	logGroup := awslogs.NewCfnLogGroup(scope, jsii.String("Log"), &awslogs.CfnLogGroupProps{
		LogGroupName:    jsii.String(logGroupName(m.Module)),
		RetentionInDays: number(s.config.LogRetentionDays),
	})
	role := awsiam.NewCfnRole(scope, jsii.String("Role"), &awsiam.CfnRoleProps{
		Description: jsii.String("Countermand " + m.Name + " in mode " + m.Mode.String()),
		AssumeRolePolicyDocument: policy(map[string]any{
			"Effect": "Allow", "Principal": map[string]any{"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole",
		}),
		Policies: []any{
			&awsiam.CfnRole_PolicyProperty{PolicyName: jsii.String("module"), PolicyDocument: policy(moduleRights(m)...)},
			&awsiam.CfnRole_PolicyProperty{PolicyName: jsii.String("runtime"), PolicyDocument: policy(runtimeRights(s, logGroup, queue)...)},
		},
	})
	environment, err := environment(s, m)
	if err != nil {
		return err
	}
	function := awslambda.NewCfnFunction(scope, jsii.String("Function"), &awslambda.CfnFunctionProps{
		FunctionName:  jsii.String(resourceName(m.Module)),
		Description:   jsii.String(m.Title()),
		Runtime:       jsii.String("provided.al2023"),
		Handler:       jsii.String("bootstrap"),
		Architectures: jsii.Strings(lambdaArchitecture(s.config.Architecture)),
		Code:          &awslambda.CfnFunction_CodeProperty{S3Bucket: s.code.S3BucketName(), S3Key: s.code.S3ObjectKey()},
		Role:          role.AttrArn(),
		MemorySize:    number(256),
		Timeout:       number(30),
		Environment:   &awslambda.CfnFunction_EnvironmentProperty{Variables: environment},
		LoggingConfig: &awslambda.CfnFunction_LoggingConfigProperty{LogGroup: logGroup.Ref()},
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
	permission := awslambda.NewCfnPermission(scope, jsii.String("Permission"), &awslambda.CfnPermissionProps{
		FunctionName: function.Ref(),
		Action:       jsii.String("lambda:InvokeFunction"),
		Principal:    jsii.String("events.amazonaws.com"),
		SourceArn:    ruleARN(m.Module),
	})
	rule, err := newRule(scope, m.Module, function, queue)
	if err != nil {
		return err
	}
	for _, first := range []awscdk.CfnResource{queuePolicy, invocation, permission} {
		rule.AddDependency(first)
	}
	newAlarms(scope, s.topic, m.Module)
	output(stack, "Failures"+m.Package(), "Events that "+m.Name+" could not handle", queue.Ref())
	return nil
}

func newRule(scope constructs.Construct, m *remediations.Module, function awslambda.CfnFunction, queue awssqs.CfnQueue) (awsevents.CfnRule, error) {
	pattern, err := decodePattern(m.Pattern)
	if err != nil {
		return nil, fmt.Errorf("pattern of %s: %w", m.Name, err)
	}
	return awsevents.NewCfnRule(scope, jsii.String("Rule"), &awsevents.CfnRuleProps{
		Name:         jsii.String(resourceName(m)),
		Description:  jsii.String(m.Title()),
		EventPattern: pattern,
		State:        jsii.String("ENABLED"),
		Targets: []any{&awsevents.CfnRule_TargetProperty{
			Id:               jsii.String("function"),
			Arn:              function.AttrArn(),
			DeadLetterConfig: &awsevents.CfnRule_DeadLetterConfigProperty{Arn: queue.AttrArn()},
			RetryPolicy: &awsevents.CfnRule_RetryPolicyProperty{
				MaximumEventAgeInSeconds: number(eventAge), MaximumRetryAttempts: number(handOffs),
			},
		}},
	}), nil
}

// decodePattern is a pattern as the template holds it. It refuses what would not arrive there as it is
// written: the CDK drops every null, and writes numbers in its own way.
func decodePattern(pattern events.Pattern) (map[string]any, error) {
	var written any
	decoder := json.NewDecoder(strings.NewReader(string(pattern)))
	decoder.UseNumber()
	if err := decoder.Decode(&written); err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	if err := arrives(written); err != nil {
		return nil, err
	}
	var fields map[string]any
	if err := json.Unmarshal([]byte(pattern), &fields); err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	return fields, nil
}

func arrives(value any) error {
	switch v := value.(type) {
	case nil:
		return errors.New("null can't be put into a template")
	case json.Number:
		number, err := v.Float64()
		if err != nil {
			return fmt.Errorf("number %s: %w", v, err)
		}
		if text, _ := json.Marshal(number); string(text) != v.String() {
			return fmt.Errorf("number %s would be %s in the template: write that", v, text)
		}
	case []any:
		for _, element := range v {
			if err := arrives(element); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, field := range v {
			if err := arrives(field); err != nil {
				return err
			}
		}
	}
	return nil
}

// newFailureQueue takes what EventBridge can't hand over and what the function fails at.
func newFailureQueue(scope constructs.Construct, m *remediations.Module) (awssqs.CfnQueue, awssqs.CfnQueuePolicy) {
	queue := awssqs.NewCfnQueue(scope, jsii.String("Failures"), &awssqs.CfnQueueProps{
		QueueName:              jsii.String(queueName(m)),
		MessageRetentionPeriod: number(failureRetention),
		// EventBridge may not use the key that AWS manages for SQS; SQS's own encryption asks nobody.
		SqsManagedSseEnabled: true,
	})
	return queue, awssqs.NewCfnQueuePolicy(scope, jsii.String("FailuresPolicy"), &awssqs.CfnQueuePolicyProps{
		Queues: &[]*string{queue.Ref()},
		PolicyDocument: policy(
			map[string]any{
				"Sid":       "Rule",
				"Effect":    "Allow",
				"Principal": map[string]any{"Service": "events.amazonaws.com"},
				"Action":    "sqs:SendMessage",
				"Resource":  queue.AttrArn(),
				"Condition": map[string]any{"ArnEquals": map[string]any{"aws:SourceArn": ruleARN(m)}},
			},
			map[string]any{
				"Sid":       "OnlyTLS",
				"Effect":    "Deny",
				"Principal": "*",
				"Action":    "sqs:*",
				"Resource":  queue.AttrArn(),
				"Condition": map[string]any{"Bool": map[string]any{"aws:SecureTransport": "false"}},
			},
		),
	})
}

// environment is what functions/remediate reads.
func environment(s *shared, m Enabled) (map[string]*string, error) {
	variables := map[string]string{
		"COUNTERMAND_MODULE":         m.Name,
		"COUNTERMAND_MODE":           m.Mode.String(),
		"COUNTERMAND_TABLE":          runTable,
		"COUNTERMAND_RETENTION_DAYS": strconv.Itoa(s.config.RunRetentionDays),
		// In the user agent of every call, and so in CloudTrail.
		"AWS_SDK_UA_APP_ID": resourceName(m.Module),
		// CloudFormation fills these two in; here they are as long as they get.
		"COUNTERMAND_ACCOUNT": "123456789012",
		"COUNTERMAND_TOPIC":   "arn:aws-us-gov:sns:ap-southeast-99:123456789012:" + alertTopic,
	}
	var exemptions []remediations.Exemption
	for _, x := range s.config.Exemptions {
		if x.Module == m.Name {
			exemptions = append(exemptions, x)
		}
	}
	if exemptions != nil {
		text, err := json.Marshal(exemptions)
		if err != nil {
			return nil, fmt.Errorf("encode the exemptions of %s: %w", m.Name, err)
		}
		variables["COUNTERMAND_EXEMPTIONS"] = string(text)
	}
	measured, err := json.Marshal(variables)
	if err != nil {
		return nil, fmt.Errorf("encode the environment of %s: %w", m.Name, err)
	}
	if len(measured) > maxEnvironment {
		return nil, fmt.Errorf("the environment of %s has %d bytes, of which Lambda holds %d: it has %d exemptions, shorten their reasons or give it fewer",
			m.Name, len(measured), maxEnvironment, len(exemptions))
	}
	values := map[string]*string{}
	for name, value := range variables {
		values[name] = &value
	}
	values["COUNTERMAND_TABLE"] = s.table.Ref()
	values["COUNTERMAND_ACCOUNT"] = awscdk.Aws_ACCOUNT_ID()
	values["COUNTERMAND_TOPIC"] = s.topic.Ref()
	return values, nil
}

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

// runtimeRights is what the engine and Lambda themselves need.
func runtimeRights(s *shared, logGroup awslogs.CfnLogGroup, queue awssqs.CfnQueue) []any {
	return []any{
		allow("RunGet", "dynamodb:GetItem", s.table.AttrArn()),
		allow("RunPut", "dynamodb:PutItem", s.table.AttrArn()),
		allow("Alert", "sns:Publish", s.topic.Ref()),
		allow("Failure", "sqs:SendMessage", queue.AttrArn()),
		allow("LogStream", "logs:CreateLogStream", logGroup.AttrArn()), // ends in ":*": the group's streams,
		allow("LogEvents", "logs:PutLogEvents", logGroup.AttrArn()),
	}
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

// lambdaArchitecture is Lambda's name for one of Go's.
func lambdaArchitecture(goarch string) string {
	if goarch == amd64 {
		return "x86_64"
	}
	return goarch
}
