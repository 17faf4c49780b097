package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/countermand/countermand/remediations"
)

// NewSNSSender returns a function that publishes messages to one of two topics: critical ones to the second.
func NewSNSSender(cfg aws.Config, topic, critical string) func(context.Context, Message) error {
	client := sns.NewFromConfig(cfg)
	return func(ctx context.Context, m Message) error {
		to := topic
		if m.Facts.Critical {
			to = critical
		}
		forms, err := m.forms()
		if err != nil {
			return fmt.Errorf("encode a message for %s: %w", to, err)
		}
		_, err = client.Publish(ctx, &sns.PublishInput{
			TopicArn: &to, Subject: &m.Subject, Message: &forms, MessageStructure: aws.String("json"),
			MessageAttributes: m.attributes(),
		})
		if err != nil {
			return fmt.Errorf("publish to %s: %w", to, err)
		}
		return nil
	}
}

// forms returns the message as SNS takes it: a text for each protocol. Machines get the default form, as there are four
// such protocols. https is the form of Amazon Q Developer in chat applications, which feeds Slack and Teams; other
// HTTPS endpoints get it as well.
// https://docs.aws.amazon.com/sns/latest/dg/sns-send-custom-platform-specific-payloads-mobile-devices.html
func (m Message) forms() (string, error) {
	facts, err := remediations.Encode(m.Facts)
	if err != nil {
		return "", err
	}
	notification, err := remediations.Encode(m.chat)
	if err != nil {
		return "", err
	}
	forms, err := remediations.Encode(map[string]string{
		"default": string(facts), "email": m.Body, "sms": m.Subject, "https": string(notification),
	})
	return string(forms), err
}

// attributes returns what subscribers can filter by. A summary has several modules and outcomes; a filter matches if
// one of them does.
// https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html
func (m Message) attributes() map[string]types.MessageAttributeValue {
	attributes := map[string]types.MessageAttributeValue{}
	one := func(name, value string) {
		attributes[name] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: &value}
	}
	one("kind", m.Facts.Kind)
	one("severity", m.Facts.Severity.String())
	if m.Facts.Folded == nil {
		one("module", m.Facts.Module)
		one("outcome", string(m.Facts.Outcome))
		return attributes
	}
	var modules, ended []string
	for _, part := range m.Facts.Folded.Modules {
		modules = append(modules, `"`+part.Module+`"`)
		for outcome := range part.Outcomes {
			ended = append(ended, `"`+string(outcome)+`"`)
		}
	}
	slices.Sort(ended)
	for name, values := range map[string][]string{"module": modules, "outcome": slices.Compact(ended)} {
		attributes[name] = types.MessageAttributeValue{
			DataType: aws.String("String.Array"), StringValue: aws.String("[" + strings.Join(values, ",") + "]"),
		}
	}
	return attributes
}
