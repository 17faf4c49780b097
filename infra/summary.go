package main

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3assets"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/countermand/countermand/remediations"
)

// summaryName is the name of the function that tells of folded alerts, and of its rule.
const summaryName = "countermand-summary"

// summaryEvery is how often it looks whether there is something to tell, and how long an alert waits in it at most.
const summaryEvery = "rate(5 minutes)"

// newSummary adds the function that tells of folded alerts: with a role, a log and an alarm of its own, as a module's.
// It has no failure queue: nothing is in its event, and what one run has not told the next one does.
func newSummary(stack awscdk.Stack, s *shared, code awss3assets.Asset, modules []string) {
	scope := constructs.NewConstruct(stack, jsii.String("Summary"))
	logGroup := newLogGroup(scope, s.config, summaryName)
	role := newRole(scope, "Countermand tells of folded alerts", &awsiam.CfnRole_PolicyProperty{
		PolicyName: jsii.String("runtime"), PolicyDocument: policy(
			allowItems("BacklogGet", "dynamodb:GetItem", s.table.AttrArn(), remediations.AllBacklogRows),
			allowItems("BacklogDelete", "dynamodb:DeleteItem", s.table.AttrArn(), remediations.AllBacklogRows),
			allowItems("BacklogUpdate", "dynamodb:UpdateItem", s.table.AttrArn(), remediations.AllBacklogRows),
			allow("Alert", "sns:Publish", s.topic.Ref()),
			allow("AlertCritical", "sns:Publish", s.critical.Ref()),
			allow("LogStream", "logs:CreateLogStream", logGroup.AttrArn()),
			allow("LogEvents", "logs:PutLogEvents", logGroup.AttrArn()),
		),
	})
	function := awslambda.NewCfnFunction(scope, jsii.String("Function"), &awslambda.CfnFunctionProps{
		FunctionName:  jsii.String(summaryName),
		Description:   jsii.String("tells people of the alerts that were folded"),
		Runtime:       jsii.String("provided.al2023"),
		Handler:       jsii.String("bootstrap"),
		Architectures: jsii.Strings(lambdaArchitecture(s.config.Architecture)),
		Code:          &awslambda.CfnFunction_CodeProperty{S3Bucket: code.S3BucketName(), S3Key: code.S3ObjectKey()},
		Role:          role.AttrArn(),
		MemorySize:    number(256),
		Timeout:       number(60),
		Environment: &awslambda.CfnFunction_EnvironmentProperty{Variables: map[string]*string{
			"COUNTERMAND_TABLE":          s.table.Ref(),
			"COUNTERMAND_TOPIC":          s.topic.Ref(),
			"COUNTERMAND_CRITICAL_TOPIC": s.critical.Ref(),
			"COUNTERMAND_MODULES":        jsii.String(strings.Join(modules, ",")), // one that is off may have left something
			"AWS_SDK_UA_APP_ID":          jsii.String(summaryName),
		}},
		LoggingConfig: &awslambda.CfnFunction_LoggingConfigProperty{LogGroup: logGroup.Ref()},
	})
	newSummarySchedule(scope, function)
	dimension := &awscloudwatch.CfnAlarm_DimensionProperty{Name: jsii.String("FunctionName"), Value: jsii.String(summaryName)}
	const text = "What happened: alerts were folded, as there were too many, and people can't be told of them. " +
		"What to do: the log /aws/lambda/" + summaryName + " says why; it is tried again every five minutes. " +
		"Meanwhile `go run ./scripts/countermand runs` lists what happened."
	awscloudwatch.NewCfnAlarm(scope, jsii.String("Alarm-errors"), &awscloudwatch.CfnAlarmProps{
		AlarmName:          jsii.String(summaryName + "-errors"),
		AlarmDescription:   jsii.String(text),
		Namespace:          jsii.String("AWS/Lambda"),
		MetricName:         jsii.String("Errors"),
		Dimensions:         []any{dimension},
		Statistic:          jsii.String("Sum"),
		Period:             number(300),
		EvaluationPeriods:  number(2), // once is nothing: the next run tells it
		Threshold:          number(0),
		ComparisonOperator: jsii.String("GreaterThanThreshold"),
		TreatMissingData:   jsii.String("notBreaching"),
		AlarmActions:       &[]any{s.critical.Ref()},
	})
}

// newSummarySchedule runs the function. What fails is not tried again before its time.
func newSummarySchedule(scope constructs.Construct, function awslambda.CfnFunction) {
	invocation := awslambda.NewCfnEventInvokeConfig(scope, jsii.String("Invocation"), &awslambda.CfnEventInvokeConfigProps{
		FunctionName:             function.Ref(),
		Qualifier:                jsii.String("$LATEST"),
		MaximumRetryAttempts:     number(0),
		MaximumEventAgeInSeconds: number(300),
	})
	permission := awslambda.NewCfnPermission(scope, jsii.String("Permission"), &awslambda.CfnPermissionProps{
		FunctionName: function.Ref(),
		Action:       jsii.String("lambda:InvokeFunction"),
		Principal:    jsii.String("events.amazonaws.com"),
		SourceArn:    ruleARN(summaryName),
	})
	rule := awsevents.NewCfnRule(scope, jsii.String("Schedule"), &awsevents.CfnRuleProps{
		Name:               jsii.String(summaryName),
		Description:        jsii.String("when to tell of folded alerts"),
		ScheduleExpression: jsii.String(summaryEvery),
		State:              jsii.String("ENABLED"),
		Targets:            []any{&awsevents.CfnRule_TargetProperty{Id: jsii.String("function"), Arn: function.AttrArn()}},
	})
	rule.AddResourceDependency(invocation, nil)
	rule.AddResourceDependency(permission, nil)
}
