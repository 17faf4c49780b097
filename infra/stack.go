package main

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3assets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsssm"
	"github.com/aws/jsii-runtime-go"

	"github.com/countermand/countermand/remediations"
)

const (
	runTable   = "countermand-runs"
	alertTopic = "countermand-alerts"
)

// shared is what the modules of a stack have in common.
type shared struct {
	config *Config
	code   awss3assets.Asset
	table  awsdynamodb.CfnTable
	topic  awssns.CfnTopic
	stop   awsssm.CfnParameter
}

// newMainStack is the stack of the modules. code and ledger are the folders with the functions' bootstraps.
func newMainStack(app awscdk.App, config *Config, code, ledger string, now time.Time) error {
	stack := newStack(app, mainStack, "Countermand: takes back dangerous AWS API calls, seconds after they were made", config)
	if len(config.Emails) == 0 {
		awscdk.Annotations_Of(stack).AddWarningV2(jsii.String("countermand:nobody-is-told"),
			jsii.String("nobody is told: name e-mail addresses in the configuration, alerts.emails, or subscribe to the topic "+alertTopic))
	}
	for _, notice := range config.notices(now) {
		awscdk.Annotations_Of(stack).AddWarningV2(jsii.String("countermand:exemption"), &notice)
	}
	s := &shared{
		config: config,
		code:   awss3assets.NewAsset(stack, jsii.String("Code"), &awss3assets.AssetProps{Path: &code}),
		table:  newRunTable(stack, config),
		topic:  newAlertTopic(stack, config.Emails),
		stop:   newSwitch(stack),
	}
	newAlarms(stack, s.topic, stackAlarms()...)
	output(stack, "RunTable", "What was found and done", s.table.Ref())
	output(stack, "AlertTopic", "Where alerts and alarms go", s.topic.Ref())
	for _, module := range config.Modules {
		if err := newModule(stack, s, module); err != nil {
			return err
		}
	}
	if config.Ledger != nil {
		newLedger(stack, s, ledger)
	}
	return nil
}

// newRunTable is the record of every run. It outlives the stack: it holds what an undo needs.
func newRunTable(stack awscdk.Stack, config *Config) awsdynamodb.CfnTable {
	props := &awsdynamodb.CfnTableProps{
		TableName:            jsii.String(runTable),
		BillingMode:          jsii.String("PAY_PER_REQUEST"),
		AttributeDefinitions: []any{&awsdynamodb.CfnTable_AttributeDefinitionProperty{AttributeName: jsii.String("id"), AttributeType: jsii.String("S")}},
		KeySchema:            []any{&awsdynamodb.CfnTable_KeySchemaProperty{AttributeName: jsii.String("id"), KeyType: jsii.String("HASH")}},
		TimeToLiveSpecification: &awsdynamodb.CfnTable_TimeToLiveSpecificationProperty{
			AttributeName: jsii.String("expires"), Enabled: true,
		},
		PointInTimeRecoverySpecification: &awsdynamodb.CfnTable_PointInTimeRecoverySpecificationProperty{
			PointInTimeRecoveryEnabled: true,
		},
		DeletionProtectionEnabled: true,
	}
	if config.Ledger != nil {
		props.StreamSpecification = &awsdynamodb.CfnTable_StreamSpecificationProperty{StreamViewType: jsii.String("NEW_IMAGE")}
	}
	table := awsdynamodb.NewCfnTable(stack, jsii.String("Runs"), props)
	table.ApplyRemovalPolicy(awscdk.RemovalPolicy_RETAIN, nil)
	return table
}

// newSwitch is the kill switch. It begins with nothing stopped; what people set later stays, as a deployment changes a
// parameter only where the template has changed.
func newSwitch(stack awscdk.Stack) awsssm.CfnParameter {
	return awsssm.NewCfnParameter(stack, jsii.String("Switch"), &awsssm.CfnParameterProps{
		Name:        jsii.String(remediations.SwitchParameter),
		Description: jsii.String("Countermand's kill switch. Set it with: countermand stop, countermand resume"),
		Type:        jsii.String("String"),
		Value:       jsii.String("{}"),
	})
}

// newAlertTopic is where alerts and alarms go. It is not encrypted at rest: CloudWatch may not use the key
// that AWS manages for SNS, so that its alarms would be lost in silence, and a key of one's own costs a
// dollar a month to hide what is mailed in the clear a moment later. Alerts hold no secrets.
// https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
func newAlertTopic(stack awscdk.Stack, emails []string) awssns.CfnTopic {
	topic := awssns.NewCfnTopic(stack, jsii.String("Alerts"), &awssns.CfnTopicProps{
		TopicName:   jsii.String(alertTopic),
		DisplayName: jsii.String("Countermand"),
	})
	awssns.NewCfnTopicPolicy(stack, jsii.String("AlertsPolicy"), &awssns.CfnTopicPolicyProps{
		Topics: &[]*string{topic.Ref()},
		PolicyDocument: policy(
			map[string]any{
				"Sid":       "Alarms",
				"Effect":    "Allow",
				"Principal": map[string]any{"Service": "cloudwatch.amazonaws.com"},
				"Action":    "sns:Publish",
				"Resource":  topic.Ref(),
				"Condition": map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": awscdk.Aws_ACCOUNT_ID()}},
			},
			map[string]any{
				"Sid":       "OnlyTLS",
				"Effect":    "Deny",
				"Principal": "*",
				"Action":    "sns:Publish",
				"Resource":  topic.Ref(),
				"Condition": map[string]any{"Bool": map[string]any{"aws:SecureTransport": "false"}},
			},
		),
	})
	for _, email := range emails {
		awssns.NewCfnSubscription(stack, jsii.String("Subscription-"+email), &awssns.CfnSubscriptionProps{
			TopicArn: topic.Ref(),
			Protocol: jsii.String("email"),
			Endpoint: &email,
		})
	}
	return topic
}
