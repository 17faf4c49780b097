package remediations

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// Finding is what a guard found wrong with a resource.
type Finding struct {
	Resource  Resource
	Reason    string          // one sentence: what is wrong, in terms of the resource
	Before    json.RawMessage // the state as it is: all that Undo needs
	After     json.RawMessage // the state as the action will leave it: what Undo compares with
	Fix       string          // the AWS CLI command that does by hand what Action does
	Revert    string          // the AWS CLI command that does by hand what Undo does
	AlertOnly bool            // the action can't put this right: people are told, nothing is written
	Grace     time.Time       // people have until then to put it right themselves: they are told, nothing is written; zero: none
}

// Found is a finding about a resource, its state before and after as JSON.
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

// Encode is a value as JSON, with <, > and & as they are: json.Marshal makes six bytes of each, so that who
// fills a policy with them could make a run record too large to be written.
func Encode(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
