package remediations

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// A Finding says what a guard found wrong with a resource.
type Finding struct {
	Resource  Resource
	Reason    string          // what is wrong with the resource, in one sentence
	Before    json.RawMessage // the present state: all that Undo needs
	After     json.RawMessage // the state that the action will leave: Undo compares with it
	Fix       string          // the AWS CLI command that does the same as Action
	Revert    string          // the AWS CLI command that does the same as Undo
	AlertOnly bool            // the action cannot fix this: an alert is sent, nothing is written
	Grace     time.Time       // people have until then to fix it themselves: until then only an alert is sent; zero means no grace
}

// Found returns the finding for a resource, with its state before and after encoded as JSON.
func Found(r Resource, reason string, before, after any) (*Finding, error) {
	b, err := Encode(before)
	if err != nil {
		return nil, fmt.Errorf("encode the state of %s: %w", r, err)
	}
	a, err := Encode(after)
	if err != nil {
		return nil, fmt.Errorf("encode the state of %s: %w", r, err)
	}
	return &Finding{Resource: r, Reason: reason, Before: b, After: a}, nil
}

// Encode returns a value as JSON with <, > and & unescaped. json.Marshal turns each of these into six bytes, so a
// policy full of them could make a run record too large to write.
func Encode(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
