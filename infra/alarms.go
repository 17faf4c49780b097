package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/countermand/countermand/remediations"
)

// alarm rings when a metric is above a value, mostly zero, for a minute.
type alarm struct {
	id, name          string
	namespace, metric string
	dimension, value  string // none if the dimension is empty
	critical          bool   // somebody should look now
	text              string // what happened, and what to do
	above             int    // rings when the metric is above it
	absent            bool   // rings, instead, when the metric is zero or not there in two hours
}

// alarmsOf is the alarms of a module. Each watches one metric as it is: an expression over metrics of which
// some have never been written can't be trusted to ring.
//
// The queue's alarm covers more than it says: what EventBridge can't hand over (FailedInvocations) and what
// the engine fails at (Failed) ends there, and Errors has rung for the latter a few minutes before.
func alarmsOf(m *remediations.Module) []alarm {
	name, queue := resourceName(m), queueName(resourceName(m))
	lambda := func(id, metric, text string) alarm { return lambdaAlarm(name, id, metric, text) }
	return []alarm{
		unhandled(name,
			"What happened: an event was given up on, after every retry; what it reported may still be in place. "+
				"What to do: read the message in the queue "+queue+" (its attributes or its requestContext say why) and look at the resource it names; "+
				"mend the cause, invoke the function "+name+" with the event (the message, or its requestPayload), and delete the message."),
		lambda("errors", "Errors",
			"What happened: a run failed, and is tried again after one and after two minutes. "+
				"What to do: if the alarm "+name+"-unhandled follows, do what it says; if it does not, a retry has made it good. The log "+logGroupName(name)+" says why."),
		lambda("throttles", "Throttles",
			"What happened: Lambda held events back, so that they are handled late, and given up on after an hour. "+
				"What to do: see what uses up the account's concurrent executions, and whether somebody set the reserved concurrency of "+name+"."),
	}
}

// unhandled rings when something is in a function's failure queue.
func unhandled(function, text string) alarm {
	return alarm{
		id: "unhandled", name: function + "-unhandled", namespace: "AWS/SQS", metric: "ApproximateNumberOfMessagesVisible",
		dimension: "QueueName", value: queueName(function), critical: true, text: text,
	}
}

// lambdaAlarm watches what Lambda counts of a function.
func lambdaAlarm(function, id, metric, text string) alarm {
	return alarm{id: id, name: function + "-" + id, namespace: "AWS/Lambda", metric: metric, dimension: "FunctionName", value: function, text: text}
}

// stackAlarms are those that a stack has one of each, of metrics that functions count without their module.
func stackAlarms() []alarm {
	total := func(id, metric, text string) alarm {
		return alarm{id: id, name: "countermand-" + id, namespace: "Countermand", metric: metric, critical: true, text: text}
	}
	const whose = "The metric of the same name by module, in the namespace Countermand, says whose. "
	return []alarm{
		total("rejected", "Rejected",
			"What happened: an event claimed to be from CloudTrail and can't be. Somebody who may put events or invoke a function may be testing the defence. "+
				"What to do: nothing was changed; find out from CloudTrail who called PutEvents or Invoke, the function's log has the time and the reason. "+whose),
		total("unverified", "Unverified",
			"What happened: a resource was put right, and was still wrong when looked at again. "+
				"What to do: countermand runs --outcome unverified lists it; look at it now, somebody or something may be changing it back."),
		total("access-denied", "AccessDenied",
			"What happened: AWS refused a call that a module needs, so that it may be blind or unable to act. "+
				"What to do: see in the function's log which call, then look for a service control policy, a resource policy or a changed role that denies it. "+whose),
		total("switch-unreadable", "SwitchUnreadable",
			"What happened: the kill switch, the parameter "+remediations.SwitchParameter+", could not be read, so that functions observe only: nothing is put right. "+
				"What to do: run countermand status, which says what is wrong with it; countermand resume --reset sets it anew. If it is well, see in the functions' logs who refuses them."),
		total("limited", "Limited",
			"What happened: a budget of the hour is spent, so that what was found wrong was only alerted. "+
				"What to do: countermand runs --outcome limited lists it; put it right by hand. A flood of calls by one principal may be meant to use the budget up; limits are in countermand.yaml."),
		total("contested", "Contested",
			"What happened: a resource was put right too often today and is wrong again, so that it is left as it is. "+
				"What to do: countermand runs --outcome contested lists it, with who keeps making it wrong: exempt it, or stop them."),
	}
}

func newAlarms(scope constructs.Construct, s *shared, alarms ...alarm) {
	for _, a := range alarms {
		topic := s.topic
		if a.critical {
			topic = s.critical
		}
		var dimensions []any
		if a.dimension != "" {
			dimensions = []any{&awscloudwatch.CfnAlarm_DimensionProperty{Name: &a.dimension, Value: &a.value}}
		}
		props := &awscloudwatch.CfnAlarmProps{
			AlarmName:          &a.name,
			AlarmDescription:   &a.text,
			Namespace:          &a.namespace,
			MetricName:         &a.metric,
			Dimensions:         dimensions,
			Statistic:          jsii.String(a.statistic()),
			Period:             number(60),
			EvaluationPeriods:  number(1),
			Threshold:          number(a.above),
			ComparisonOperator: jsii.String("GreaterThanThreshold"),
			// Metrics of what went wrong are only written when something did.
			TreatMissingData: jsii.String("notBreaching"),
			AlarmActions:     &[]any{topic.Ref()},
		}
		if a.absent {
			props.Period, props.EvaluationPeriods = number(3600), number(2)
			props.Threshold, props.ComparisonOperator = number(1), jsii.String("LessThanThreshold")
			props.TreatMissingData = jsii.String("breaching")
		}
		awscloudwatch.NewCfnAlarm(scope, jsii.String("Alarm-"+a.id), props)
	}
}

// statistic adds up counts; a queue's depth and an age are levels.
func (a alarm) statistic() string {
	if a.namespace == "AWS/SQS" || a.metric == "IteratorAge" {
		return "Maximum"
	}
	return "Sum"
}
