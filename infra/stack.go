package main

import (
	"slices"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3assets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsssm"
	"github.com/aws/jsii-runtime-go"

	"github.com/countermand/countermand/infra/config"
	"github.com/countermand/countermand/remediations"
)

const runTable = "countermand-runs"

// shared is what the modules of a stack have in common.
type shared struct {
	config   *config.Config
	code     awss3assets.Asset
	table    awsdynamodb.CfnTable
	topic    awssns.CfnTopic
	critical awssns.CfnTopic // for what somebody should look at now
	stop     awsssm.CfnParameter
}

// newMainStack is the stack of the modules. names are those of all modules, also of such as are off.
func newMainStack(app awscdk.App, c *config.Config, code codeFolders, names []string, now time.Time) error {
	stack := newStack(app, mainStack, "Countermand: takes back dangerous AWS API calls, seconds after they were made", c)
	for _, remark := range c.Remarks() {
		awscdk.Annotations_Of(stack).AddWarningV2(jsii.String("countermand:configuration"), &remark)
	}
	for _, notice := range c.Notices(now) {
		awscdk.Annotations_Of(stack).AddWarningV2(jsii.String("countermand:exemption"), &notice)
	}
	s := &shared{
		config: c,
		code:   awss3assets.NewAsset(stack, jsii.String("Code"), &awss3assets.AssetProps{Path: &code.remediate}),
		table:  newRunTable(stack, c),
		topic:  newTopic(stack, "Alerts", config.AlertTopic, "Countermand", c.Emails...),
		critical: newTopic(stack, "CriticalAlerts", config.CriticalTopic, "Countermand, look now",
			slices.Concat(c.Emails, c.CriticalEmails)...),
		stop: newSwitch(stack),
	}
	newAlarms(stack, s, stackAlarms()...)
	output(stack, "RunTable", "What was found and done", s.table.Ref())
	output(stack, "AlertTopic", "Where alerts and alarms go", s.topic.Ref())
	output(stack, "CriticalAlertTopic", "Where those go that somebody should look at now", s.critical.Ref())
	for _, module := range c.Modules {
		if err := newModule(stack, s, module); err != nil {
			return err
		}
	}
	if c.Ledger != nil {
		newLedger(stack, s, code.ledger)
	}
	newChat(stack, s)
	newWebhooks(stack, s)
	newSummary(stack, s, awss3assets.NewAsset(stack, jsii.String("SummaryCode"), &awss3assets.AssetProps{Path: &code.summary}), names)
	return nil
}

// newRunTable is the record of every run. It outlives the stack: it holds what an undo needs. It has no deletion
// protection, which would make it outlive a deployment that fails, too, and stand in the way of the next one. If somebody
// deletes it, DynamoDB keeps a backup for 35 days, as there is point-in-time recovery.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/PointInTimeRecovery_Howitworks.html
func newRunTable(stack awscdk.Stack, c *config.Config) awsdynamodb.CfnTable {
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
	}
	if c.Ledger != nil {
		props.StreamSpecification = &awsdynamodb.CfnTable_StreamSpecificationProperty{StreamViewType: jsii.String("NEW_IMAGE")}
	}
	table := awsdynamodb.NewCfnTable(stack, jsii.String("Runs"), props)
	keep(table)
	return table
}

// keep lets a resource outlive its stack, but not a deployment that fails before it ever worked: what that leaves behind
// under a fixed name would make every later one fail.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
func keep(resource awscdk.CfnResource) {
	resource.ApplyRemovalPolicy(awscdk.RemovalPolicy_RETAIN_ON_UPDATE_OR_DELETE, nil)
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
