package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awspipes"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/countermand/countermand/infra/config"
)

const (
	webhookRate  = 2  // posts a second: PagerDuty takes 120 a minute
	webhookPause = 60 // seconds until what could not be posted is posted again
	webhookTries = 30 // then it goes to the queue of failures
)

// pagerDutyEvent is an event for PagerDuty's Events API v2, made from engine.Facts by the pipe. The connection adds
// the routing key. One service may hear of many accounts and Regions, so that the key of an incident names both. What stands between quotes here is in no danger to need escaping; the rest is an object as it is.
// https://developer.pagerduty.com/docs/events-api-v2/trigger-events/
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-input-transformation.html
const pagerDutyEvent = `{"event_action":"trigger","client":"Countermand","dedup_key":"${AWS::AccountId}/${AWS::Region}/<$.body.module>/<$.body.thread>",` +
	`"payload":{"summary":"<$.body.title>","severity":"<$.body.level>","source":"${AWS::AccountId} ${AWS::Region}",` +
	`"component":"<$.body.module>","custom_details":<$.body>}}`

func newWebhooks(stack awscdk.Stack, s *shared) {
	for _, w := range s.config.Webhooks {
		scope := constructs.NewConstruct(stack, jsii.String("Webhook-"+w.Name))
		topics := []awssns.CfnTopic{s.critical}
		if w.Format == config.PlainJSON {
			topics = append(topics, s.topic)
		}
		queue := newWebhookQueue(scope, w, topics)
		newWebhookAlarm(scope, s, w)
		newWebhookPipe(scope, w, queue, newDestination(scope, w))
	}
}

func webhookName(w config.Webhook) string { return "countermand-webhook-" + w.Name }

// newWebhookQueue takes the messages for a webhook, and keeps those that could not be posted for a person. Alarms have
// no attribute "kind", and are in a form that the webhook does not know: they don't get here.
func newWebhookQueue(scope constructs.Construct, w config.Webhook, topics []awssns.CfnTopic) awssqs.CfnQueue {
	failures := awssqs.NewCfnQueue(scope, jsii.String("Failures"), &awssqs.CfnQueueProps{
		QueueName:              jsii.String(webhookName(w) + "-failures"),
		MessageRetentionPeriod: number(failureRetention),
		SqsManagedSseEnabled:   true,
	})
	queue := awssqs.NewCfnQueue(scope, jsii.String("Queue"), &awssqs.CfnQueueProps{
		QueueName:              jsii.String(webhookName(w)),
		MessageRetentionPeriod: number(failureRetention),
		VisibilityTimeout:      number(webhookPause),
		SqsManagedSseEnabled:   true,
		RedrivePolicy:          map[string]any{"deadLetterTargetArn": failures.AttrArn(), "maxReceiveCount": webhookTries},
	})
	var arns []any
	for _, topic := range topics {
		arns = append(arns, topic.Ref())
	}
	onlyTLS := func(q awssqs.CfnQueue) map[string]any {
		return map[string]any{
			"Sid": "OnlyTLS", "Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": q.AttrArn(),
			"Condition": map[string]any{"Bool": map[string]any{"aws:SecureTransport": "false"}},
		}
	}
	queuePolicy := awssqs.NewCfnQueuePolicy(scope, jsii.String("QueuePolicy"), &awssqs.CfnQueuePolicyProps{
		Queues: &[]*string{queue.Ref()},
		PolicyDocument: policy(map[string]any{
			"Sid": "Topics", "Effect": "Allow", "Principal": map[string]any{"Service": "sns.amazonaws.com"},
			"Action": "sqs:SendMessage", "Resource": queue.AttrArn(),
			"Condition": map[string]any{"ArnEquals": map[string]any{"aws:SourceArn": arns}},
		}, onlyTLS(queue)),
	})
	awssqs.NewCfnQueuePolicy(scope, jsii.String("FailuresPolicy"), &awssqs.CfnQueuePolicyProps{
		Queues: &[]*string{failures.Ref()}, PolicyDocument: policy(onlyTLS(failures)),
	})
	for i, topic := range topics {
		id := []string{"Critical", "Alerts"}[i]
		subscription := awssns.NewCfnSubscription(scope, &id, &awssns.CfnSubscriptionProps{
			TopicArn:           topic.Ref(),
			Protocol:           jsii.String("sqs"),
			Endpoint:           queue.AttrArn(),
			RawMessageDelivery: true,
			FilterPolicy:       map[string]any{"kind": []any{map[string]any{"exists": true}}},
		})
		subscription.AddResourceDependency(queuePolicy, nil)
	}
	return queue
}

// newDestination is the endpoint, and the connection that holds its secret. CloudFormation reads the secret when it
// makes or changes the connection: the template has only its name, and the version that has to be given for a change.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references-secretsmanager.html
func newDestination(scope constructs.Construct, w config.Webhook) awsevents.CfnApiDestination {
	secret := jsii.String("{{resolve:secretsmanager:" + w.Secret + "}}")
	if w.Version != "" {
		secret = jsii.String("{{resolve:secretsmanager:" + w.Secret + ":SecretString:::" + w.Version + "}}")
	}
	authorization := &awsevents.CfnConnection_AuthParametersProperty{
		ApiKeyAuthParameters: &awsevents.CfnConnection_ApiKeyAuthParametersProperty{
			ApiKeyName: jsii.String("Authorization"), ApiKeyValue: secret,
		},
	}
	if w.Format == config.PagerDuty {
		// A connection must have a header of its own; PagerDuty looks at none.
		authorization.ApiKeyAuthParameters = &awsevents.CfnConnection_ApiKeyAuthParametersProperty{
			ApiKeyName: jsii.String("X-Client"), ApiKeyValue: jsii.String("Countermand"),
		}
		authorization.InvocationHttpParameters = &awsevents.CfnConnection_ConnectionHttpParametersProperty{
			BodyParameters: []any{&awsevents.CfnConnection_ParameterProperty{
				Key: jsii.String("routing_key"), Value: secret, IsValueSecret: true,
			}},
		}
	}
	connection := awsevents.NewCfnConnection(scope, jsii.String("Connection"), &awsevents.CfnConnectionProps{
		Name:              jsii.String(webhookName(w)),
		AuthorizationType: jsii.String("API_KEY"),
		AuthParameters:    authorization,
	})
	return awsevents.NewCfnApiDestination(scope, jsii.String("Destination"), &awsevents.CfnApiDestinationProps{
		Name:                         jsii.String(webhookName(w)),
		ConnectionArn:                connection.AttrArn(),
		HttpMethod:                   jsii.String("POST"),
		InvocationEndpoint:           jsii.String(w.URL),
		InvocationRateLimitPerSecond: number(webhookRate),
	})
}

// newWebhookPipe posts what is in the queue, one message at a time.
func newWebhookPipe(scope constructs.Construct, w config.Webhook, queue awssqs.CfnQueue, destination awsevents.CfnApiDestination) {
	role := awsiam.NewCfnRole(scope, jsii.String("Role"), &awsiam.CfnRoleProps{
		Description: jsii.String("Countermand posts alerts to " + w.Name),
		AssumeRolePolicyDocument: policy(map[string]any{
			"Effect": "Allow", "Principal": map[string]any{"Service": "pipes.amazonaws.com"}, "Action": "sts:AssumeRole",
			"Condition": map[string]any{"StringEquals": map[string]any{
				"aws:SourceAccount": awscdk.Aws_ACCOUNT_ID(),
				"aws:SourceArn":     sub("arn:${AWS::Partition}:pipes:${AWS::Region}:${AWS::AccountId}:pipe/" + webhookName(w)),
			}},
		}),
		Policies: []any{&awsiam.CfnRole_PolicyProperty{PolicyName: jsii.String("pipe"), PolicyDocument: policy(
			allow("Receive", "sqs:ReceiveMessage", queue.AttrArn()),
			allow("Delete", "sqs:DeleteMessage", queue.AttrArn()),
			allow("Attributes", "sqs:GetQueueAttributes", queue.AttrArn()),
			allow("Post", "events:InvokeApiDestination", destination.AttrArn()),
		)}},
	})
	template := jsii.String("<$.body>")
	if w.Format == config.PagerDuty {
		template = sub(pagerDutyEvent)
	}
	awspipes.NewCfnPipe(scope, jsii.String("Pipe"), &awspipes.CfnPipeProps{
		Name:    jsii.String(webhookName(w)),
		RoleArn: role.AttrArn(),
		Source:  queue.AttrArn(),
		SourceParameters: &awspipes.CfnPipe_PipeSourceParametersProperty{
			SqsQueueParameters: &awspipes.CfnPipe_PipeSourceSqsQueueParametersProperty{BatchSize: number(1)},
		},
		Target:           destination.AttrArn(),
		TargetParameters: &awspipes.CfnPipe_PipeTargetParametersProperty{InputTemplate: template},
	})
}

// newWebhookAlarm rings where people are told otherwise: the webhook hears of no alarms.
func newWebhookAlarm(scope constructs.Construct, s *shared, w config.Webhook) {
	failures := webhookName(w) + "-failures"
	awscloudwatch.NewCfnAlarm(scope, jsii.String("Alarm-failures"), &awscloudwatch.CfnAlarmProps{
		AlarmName: jsii.String(failures),
		AlarmDescription: jsii.String("What happened: an alert could not be posted to the webhook " + w.Name + " for half an hour. " +
			"What to do: read the message in the queue " + failures + ", which is the alert; " +
			"then see whether the endpoint answers, and whether its secret is right."),
		Namespace:          jsii.String("AWS/SQS"),
		MetricName:         jsii.String("ApproximateNumberOfMessagesVisible"),
		Dimensions:         []any{&awscloudwatch.CfnAlarm_DimensionProperty{Name: jsii.String("QueueName"), Value: &failures}},
		Statistic:          jsii.String("Maximum"),
		Period:             number(60),
		EvaluationPeriods:  number(1),
		Threshold:          number(0),
		ComparisonOperator: jsii.String("GreaterThanThreshold"),
		TreatMissingData:   jsii.String("notBreaching"),
		AlarmActions:       &[]any{s.critical.Ref()},
	})
}
