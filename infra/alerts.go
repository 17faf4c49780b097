package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/jsii-runtime-go"
)

// newTopic is where alerts and alarms go. It is not encrypted at rest: CloudWatch may not use the key
// that AWS manages for SNS, so that its alarms would be lost in silence, and a key of one's own costs a
// dollar a month to hide what is mailed in the clear a moment later. Alerts hold no secrets.
// https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
func newTopic(stack awscdk.Stack, id, name, displayed string, emails ...string) awssns.CfnTopic {
	topic := awssns.NewCfnTopic(stack, &id, &awssns.CfnTopicProps{TopicName: &name, DisplayName: &displayed})
	awssns.NewCfnTopicPolicy(stack, jsii.String(id+"Policy"), &awssns.CfnTopicPolicyProps{
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
		awssns.NewCfnSubscription(stack, jsii.String(id+"-"+email), &awssns.CfnSubscriptionProps{
			TopicArn: topic.Ref(),
			Protocol: jsii.String("email"),
			Endpoint: &email,
		})
	}
	return topic
}
