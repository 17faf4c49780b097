package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awschatbot"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/countermand/countermand/infra/config"
)

// newChat tells channels of alerts and alarms, those of other Regions, too. They only hear: their role has no rights, and
// their guardrail denies whatever somebody gives it later.
// https://docs.aws.amazon.com/chatbot/latest/adminguide/understanding-permissions.html
func newChat(stack awscdk.Stack, s *shared) {
	if !s.config.HeardInChat() || s.config.ChatRegions[0] != s.config.Region {
		return
	}
	topics := []*string{s.topic.Ref(), s.critical.Ref()}
	for _, region := range s.config.ChatRegions[1:] {
		arn := "arn:${AWS::Partition}:sns:" + region + ":${AWS::AccountId}:"
		topics = append(topics, sub(arn+config.AlertTopic), sub(arn+config.CriticalTopic))
	}
	var slackTopics []any
	for _, topic := range topics {
		slackTopics = append(slackTopics, topic)
	}
	scope := constructs.NewConstruct(stack, jsii.String("Chat"))
	role := awsiam.NewCfnRole(scope, jsii.String("Role"), &awsiam.CfnRoleProps{
		Description: jsii.String("Countermand's channels, which may nothing but hear"),
		AssumeRolePolicyDocument: policy(map[string]any{
			"Effect": "Allow", "Principal": map[string]any{"Service": "chatbot.amazonaws.com"}, "Action": "sts:AssumeRole",
		}),
	})
	guardrails := &[]*string{sub("arn:${AWS::Partition}:iam::aws:policy/AWSDenyAll")}
	for _, c := range s.config.Slack {
		name := "countermand-slack-" + c.Channel
		awschatbot.NewCfnSlackChannelConfiguration(scope, &name, &awschatbot.CfnSlackChannelConfigurationProps{
			ConfigurationName: &name,
			SlackWorkspaceId:  jsii.String(c.Workspace),
			SlackChannelId:    jsii.String(c.Channel),
			IamRoleArn:        role.AttrArn(),
			GuardrailPolicies: guardrails,
			SnsTopicArns:      &slackTopics,
			LoggingLevel:      jsii.String("ERROR"), // of what it can't deliver
		})
	}
	for i, c := range s.config.Teams {
		name := "countermand-teams-" + string(rune('a'+i)) // a channel's id has characters that a name may not have
		awschatbot.NewCfnMicrosoftTeamsChannelConfiguration(scope, &name, &awschatbot.CfnMicrosoftTeamsChannelConfigurationProps{
			ConfigurationName: &name,
			TeamsTenantId:     jsii.String(c.Tenant),
			TeamId:            jsii.String(c.Team),
			TeamsChannelId:    jsii.String(c.Channel),
			IamRoleArn:        role.AttrArn(),
			GuardrailPolicies: guardrails,
			SnsTopicArns:      &topics,
			LoggingLevel:      jsii.String("ERROR"),
		})
	}
}
