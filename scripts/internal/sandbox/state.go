package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/countermand/countermand/remediations/engine"
	"github.com/countermand/countermand/remediations/engine/store"
)

const (
	runTable = "countermand-runs"
	mailbox  = "oncall-mailbox"
)

// runs is every run in the run table, newest first.
func runs(ctx context.Context, c aws.Config) ([]engine.Record, error) {
	listing, err := store.NewDynamoDB(c, runTable).List(ctx, store.Query{Limit: math.MaxInt}, func(int) {})
	var records []engine.Record
	for _, r := range listing.Runs {
		records = append(records, *r)
	}
	return records, err
}

// mail is an alert as a queue gets it: the form for machines, which holds what people are mailed.
type mail = engine.Facts

// openMailbox subscribes a queue to the alert topics: no emulator delivers e-mail.
func openMailbox(ctx context.Context, c aws.Config) error {
	if _, err := sqs.NewFromConfig(c).CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String(mailbox)}); err != nil {
		return fmt.Errorf("create queue %s: %w", mailbox, err)
	}
	for _, topic := range []string{"countermand-alerts", "countermand-alerts-critical"} {
		_, err := sns.NewFromConfig(c).Subscribe(ctx, &sns.SubscribeInput{
			TopicArn:   aws.String("arn:aws:sns:" + region + ":" + account + ":" + topic),
			Protocol:   aws.String("sqs"),
			Endpoint:   aws.String("arn:aws:sqs:" + region + ":" + account + ":" + mailbox),
			Attributes: map[string]string{"RawMessageDelivery": "true"},
		})
		if err != nil {
			return fmt.Errorf("subscribe queue %s to %s: %w", mailbox, topic, err)
		}
	}
	return nil
}

// takeMail takes what has arrived out of the mailbox.
func takeMail(ctx context.Context, c aws.Config) ([]mail, error) {
	bodies, err := take(ctx, c, mailbox)
	if err != nil {
		return nil, err
	}
	var mails []mail
	for _, body := range bodies {
		var m mail
		if err := json.Unmarshal([]byte(body), &m); err != nil {
			return nil, fmt.Errorf("read an alert: %w", err)
		}
		mails = append(mails, m)
	}
	return mails, nil
}

// take takes all messages out of a queue.
func take(ctx context.Context, c aws.Config, queue string) ([]string, error) {
	client := sqs.NewFromConfig(c)
	found, err := client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &queue})
	if err != nil {
		return nil, fmt.Errorf("find queue %s: %w", queue, err)
	}
	var bodies []string
	for {
		out, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: found.QueueUrl, MaxNumberOfMessages: 10})
		if err != nil {
			return nil, fmt.Errorf("receive from queue %s: %w", queue, err)
		}
		if len(out.Messages) == 0 {
			return bodies, nil
		}
		for _, m := range out.Messages {
			if m.Body == nil {
				return nil, errors.New("receive from queue " + queue + ": a message has no body")
			}
			bodies = append(bodies, *m.Body)
			if _, err := client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: found.QueueUrl, ReceiptHandle: m.ReceiptHandle}); err != nil {
				return nil, fmt.Errorf("delete from queue %s: %w", queue, err)
			}
		}
	}
}
