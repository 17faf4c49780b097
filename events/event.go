package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Event is an EventBridge event that carries a CloudTrail record.
type Event struct {
	ID         string
	DetailType string // "AWS API Call via CloudTrail"
	Source     string // "aws.s3"
	Account    string // 12 digits, set by EventBridge
	Region     string // "eu-west-1"
	Time       time.Time
	ReplayName string // name of the replay that sent it; empty for a live event
	Record     Record // the event's detail
}

// Parse reads the envelope of an EventBridge event and the CloudTrail record in it. It refuses text that
// is not one JSON object, an envelope without a source, a detail that is not an object, and a name that is
// twice in the envelope or in the record, as the pattern and the code behind it could then take different
// ones; everything else is decoded leniently, and Authentic judges it.
func Parse(raw []byte) (Event, error) {
	envelope, err := object(raw)
	if err != nil {
		return Event{}, fmt.Errorf("parse event: %w", err)
	}
	e := Event{
		ID:         text(envelope["id"]),
		DetailType: text(envelope["detail-type"]),
		Source:     text(envelope["source"]),
		Account:    text(envelope["account"]),
		Region:     text(envelope["region"]),
		Time:       instant(envelope["time"]),
		ReplayName: text(envelope["replay-name"]),
	}
	if e.Source == "" {
		return Event{}, errors.New("parse event: the envelope has no source")
	}
	if _, ok := envelope["detail"]; !ok {
		return Event{}, errors.New("parse event: the envelope has no detail")
	}
	if e.Record, err = ParseRecord(envelope["detail"]); err != nil {
		return Event{}, fmt.Errorf("parse event: detail: %w", err)
	}
	if err := unique(raw); err != nil {
		return Event{}, fmt.Errorf("parse event: %w", err)
	}
	if err := unique(envelope["detail"]); err != nil {
		return Event{}, fmt.Errorf("parse event: detail: %w", err)
	}
	return e, nil
}

// Key identifies what happened, whatever number of times it is delivered: the record's event id, or the
// envelope's where the record has none.
func (e Event) Key() string {
	if e.Record.EventID != "" {
		return e.Record.EventID
	}
	return e.ID
}

// Authentic reports why the event can't be what CloudTrail sent; nil if it can. PutEvents refuses a source
// that begins with "aws.", and EventBridge sets account and region itself, but detail is free text for
// anybody who may put events: a record is believed only where it agrees with those three.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events.html
func (e Event) Authentic() error {
	want := "aws." + Label(e.Record.EventSource)
	switch {
	case e.Record.EventSource == "":
		return errors.New("the record has no eventSource")
	case e.Source != want:
		return fmt.Errorf("source is %q, but a record of %s comes from %q", e.Source, e.Record.EventSource, want)
	case e.Account == "" || e.Account != e.Record.RecipientAccountID:
		return fmt.Errorf("account is %q, but the record's recipientAccountId is %q", e.Account, e.Record.RecipientAccountID)
	case e.Region == "" || e.Region != e.Record.AWSRegion:
		return fmt.Errorf("region is %q, but the record's awsRegion is %q", e.Region, e.Record.AWSRegion)
	case e.Key() == "":
		return errors.New("neither the record nor the envelope has an id")
	}
	return nil
}

// Label is the service's name in an eventSource: "s3" of "s3.amazonaws.com".
func Label(eventSource string) string {
	label, _, _ := strings.Cut(eventSource, ".")
	return label
}

// object decodes one JSON object, one level deep.
func object(raw []byte) (map[string]json.RawMessage, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return nil, fmt.Errorf("malformed JSON at byte %d: %w", syntax.Offset, err)
		}
		return nil, errors.New("not a JSON object")
	}
	if fields == nil {
		return nil, errors.New("not a JSON object")
	}
	return fields, nil
}

// unique reports a name that is twice in a JSON object, one level deep. The text must be known to be valid: to
// decode it token by token again would double what Parse costs.
func unique(raw []byte) error {
	seen := map[string]bool{}
	depth := 0
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"':
			begin := i
			for i++; raw[i] != '"'; i++ {
				if raw[i] == '\\' {
					i++
				}
			}
			if depth != 1 || !bytes.HasPrefix(bytes.TrimLeft(raw[i+1:], " \t\r\n"), []byte(":")) {
				continue // a value, or deeper
			}
			name := text(raw[begin : i+1])
			if seen[name] {
				return fmt.Errorf("the name %q is there twice", name)
			}
			seen[name] = true
		}
	}
	return nil
}

// text is the string a field holds, and "" if it holds anything else.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// instant is the RFC 3339 time a field holds, and the zero time if it holds anything else.
func instant(raw json.RawMessage) time.Time {
	t, err := time.Parse(time.RFC3339, text(raw))
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}
