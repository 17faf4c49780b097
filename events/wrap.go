package events

import (
	"crypto/sha1"
	"encoding/json"
	"errors"
	"fmt"
)

// DetailType is the detail-type under which EventBridge delivers a CloudTrail record of this eventType.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
func DetailType(eventType string) string {
	switch eventType {
	case "AwsConsoleSignIn":
		return "AWS Console Sign In via CloudTrail"
	case "AwsServiceEvent":
		return "AWS Service Event via CloudTrail"
	case "AwsConsoleAction":
		return "AWS Console Action via CloudTrail"
	case "AwsCloudTrailInsight":
		return "AWS Insight via CloudTrail"
	}
	return "AWS API Call via CloudTrail"
}

// Wrap puts a bare CloudTrail record into the envelope in which EventBridge would deliver it. The id is
// derived from the record's, so wrapping twice gives the same event. A record that does not say whom it was
// delivered to (old ones do not) gets the caller's account.
func Wrap(record []byte) ([]byte, error) {
	r, err := ParseRecord(record)
	if err != nil {
		return nil, fmt.Errorf("wrap record: %w", err)
	}
	if r.EventSource == "" || r.EventName == "" {
		return nil, errors.New("wrap record: not a CloudTrail record: eventSource or eventName is missing")
	}
	account := r.RecipientAccountID
	if account == "" {
		account = r.Identity.AccountID
	}
	fields, err := object(record)
	if err != nil {
		return nil, fmt.Errorf("wrap record: %w", err)
	}
	return json.Marshal(map[string]any{
		"version":     "0",
		"id":          deliveryID(r.EventID + account),
		"detail-type": DetailType(r.EventType),
		"source":      "aws." + Label(r.EventSource),
		"account":     account,
		"time":        text(fields["eventTime"]),
		"region":      r.AWSRegion,
		"resources":   []string{},
		"detail":      json.RawMessage(record),
	})
}

// deliveryID is a UUID of version 5 (RFC 9562) of a name.
func deliveryID(name string) string {
	namespace := [16]byte{0x6b, 0xa7, 0xb8, 0x12, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}
	sum := sha1.Sum(append(namespace[:], name...))
	sum[6] = sum[6]&0x0f | 0x50
	sum[8] = sum[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[0:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}
