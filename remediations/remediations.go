// Package remediations says what a remediation is: one value that declares what it watches, what it may
// call, how it decides and what it does. Infrastructure, Lambda, tests, documentation and the command line
// all read that value; the engine runs it.
package remediations

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/events/pattern"
)

// Module is one remediation. It holds no state and is never changed after it is declared.
type Module struct {
	Name     string          // "s3-public-policy": in configuration, alerts, Lambda, role, metric, log; without hyphens the folder and package
	Title    string          // what it does, in a line: imperative, lower-case, no period, at most 72 characters
	Why      string          // why it matters: a paragraph, which alerts carry
	Text     string          // what counts as wrong, what is changed, how that is undone, and what is not seen
	Severity Severity        // how bad it is if nobody looks
	Risk     string          // what may break when it acts: one sentence
	Controls []string        // "FSBP/S3.8", "CIS-3.0/2.1.4", "ATT&CK/T1530"
	Default  Mode            // what a new install runs it in: Observe or Alert
	Pattern  pattern.Pattern // EventBridge's own JSON; the rule and the in-handler check are this very value
	Global   bool            // its events appear only in the partition's global Region (IAM), so that it is deployed nowhere else
	Settings any             // what its owner may set, with the values that suit most: a struct, see settings.go; nil for nothing
	Reads    []Permission    // all that Guard and Sweep may call
	Writes   []Permission    // what Action calls besides
	// UndoWrites is what only Undo calls. The function's role never gets it: undo runs with the credentials of
	// the person who asks for it, and a function that restarts a trail must not be able to stop one.
	UndoWrites []Permission
	Policies   []ManagedPolicy // the IAM policies that the action attaches; they are deployed with the module

	// Suspects names the resources that an event makes suspect. It makes no calls: it decides from the
	// event alone. What it cannot tell from the event is suspect, or an error if it can't even be named.
	Suspects func(events.Event) ([]Resource, error)
	// Sweep lists the resources of the function's Region that Guard is to look at, whatever CloudTrail has told or not.
	// An error ends it. nil where the state can't be listed, or is none.
	Sweep    func(context.Context, *Run) iter.Seq2[Resource, error]
	Schedule string // how often that is done: "rate(1 day)"; EventBridge's
	// Guard reads the resource's present state, in as few round trips as that takes (InParallel). nil, nil: nothing is
	// wrong. It may be called several times at once, and is called right before the action. In a sweep there is no event.
	Guard func(context.Context, *Run, Resource) (*Finding, error)
	// Action makes it right: the least change that closes the hole. Idempotent. The finding is of the state as it was
	// a round trip ago: it need not be read again. nil for a module that only alerts.
	Action func(context.Context, *Run, *Finding) error
	// Undo puts back what the finding holds as Before, and returns Changed if the resource is no longer what
	// the finding holds as After. It gets neither event nor settings. nil where it cannot be done.
	Undo func(context.Context, *Run, *Finding) error
}

// Find returns the module of a name; nil if there is none.
func Find(modules []*Module, name string) *Module {
	for _, m := range modules {
		if m.Name == name {
			return m
		}
	}
	return nil
}

// Permission is an IAM right that a module needs.
type Permission struct {
	Action   string // IAM's name, "s3:PutBucketPublicAccessBlock": not always the API operation's
	Resource string // an ARN; may hold ${AWS::Partition}, ${AWS::AccountId} and ${AWS::Region}
	Why      string // required for a wildcard action, and for a Resource that is all that a service has, or in any account or Region
	Only     Condition
}

// Condition narrows a permission to calls that carry one value: iam:PolicyARN, say, of what may be attached. The zero
// value is none.
type Condition struct {
	Key   string // IAM's name of the condition key
	Value string // may hold what a Permission's Resource may
}

// ManagedPolicy is a customer managed IAM policy. Whoever takes the function over can attach that one, and no other.
type ManagedPolicy struct {
	Name     string // without path
	Document string // JSON
	Why      string // what it is for: IAM shows it as its description
}

// Resource is where a module looks.
type Resource struct {
	ID      string `json:"id"`      // what the service's API takes: a bucket's name, a trail's ARN, an instance's id
	Type    string `json:"type"`    // CloudFormation's name of the type: "AWS::S3::Bucket"
	Account string `json:"account"` // 12 digits
	Region  string `json:"region"`  // where its API is called
}

func (r Resource) String() string { return r.Type + " " + r.ID }

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

// Run is what a module is given to work with.
type Run struct {
	Event    *events.Event // nil for Undo, which works from the run record, and in a sweep
	Account  string        // the account it works in; empty for Undo
	AWS      aws.Config    // of the resource's Region; every client is built from it, and what was not declared is refused
	Settings any           // of the type of the module's Settings; nil for Undo
	Log      *slog.Logger
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

// InParallel makes calls that don't depend on one another at the same time, waits for all of them, and joins their errors.
func InParallel(calls ...func() error) error {
	var group sync.WaitGroup
	errs, panics := make([]error, len(calls)), make([]any, len(calls))
	for i, call := range calls {
		group.Go(func() {
			defer func() { panics[i] = recover() }() // where nobody could recover from it, it would end the function
			errs[i] = call()
		})
	}
	group.Wait()
	for _, problem := range panics {
		if problem != nil {
			panic(problem)
		}
	}
	return errors.Join(errs...)
}

// Quote is a word for a POSIX shell. Whatever comes from an event or from AWS is quoted in Fix and Revert:
// people paste these commands.
func Quote(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

// ErrChanged is the refusal of Action and Undo to overwrite what somebody else has decided since: the resource
// is not as it was judged, or as the action left it.
var ErrChanged = errors.New("the resource has changed since")

// ChangedError is ErrChanged with the state that was found.
type ChangedError struct {
	Present json.RawMessage // in the form of Finding.Before
}

func (e *ChangedError) Error() string { return ErrChanged.Error() }

// Unwrap makes it an ErrChanged.
func (e *ChangedError) Unwrap() error { return ErrChanged }

// Changed is Undo's ErrChanged. The present state, in the form of Finding.Before, is for the person who has
// to decide now: it is shown beside what the action left.
func Changed(present any) error {
	state, err := Encode(present)
	if err != nil {
		return fmt.Errorf("encode the present state: %w", err)
	}
	return &ChangedError{Present: state}
}

// ErrNotReady is a guard's answer about a resource that is not as far as to be judged: just created, and not
// visible everywhere. The engine asks again for a few seconds before it calls the run failed.
var ErrNotReady = errors.New("the resource can't be judged yet")

// ErrorCode is the code of an error that AWS answered with ("NoSuchBucketPolicy"), and "" for any other error.
func ErrorCode(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}
