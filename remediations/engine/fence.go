package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"

	"github.com/countermand/countermand/remediations"
)

// ErrFenced means that the fence refused a call that the module did not declare, or a write by a guard.
var ErrFenced = errors.New("the fence refused the call")

// maxCalls is how many calls a record lists.
const maxCalls = 100

// A Call is an AWS call that a run made.
type Call struct {
	Action string `json:"action"`           // IAM's name
	Write  bool   `json:"write,omitempty"`  // one of the module's Writes
	Error  string `json:"error,omitempty"`  // AWS's error code, or why the fence refused the call
	Fenced bool   `json:"fenced,omitempty"` // refused by the fence: AWS never saw it
}

// A Fence is SDK middleware in every client that a module builds. It refuses, before it is signed, an operation that
// the module did not declare; it refuses writes until they are allowed; it notes each call; and it turns an empty
// response to a read into an error. It keeps a module to its word: the real boundary is the function's IAM role.
type Fence struct {
	reads, writes []remediations.Permission
	mu            sync.Mutex
	writing       bool
	wrote         bool
	callCount     int
	calls         []Call
}

// NewFence returns a fence that allows a module to read.
func NewFence(m *remediations.Module) *Fence {
	return &Fence{reads: m.Reads, writes: m.Writes}
}

// Config returns cfg for a Region with the fence around every client that is built from it.
func (f *Fence) Config(cfg aws.Config, region string) aws.Config {
	fenced := cfg.Copy()
	fenced.Region = region
	// Before the options of cfg: in tests these answer the call.
	fenced.APIOptions = append([]func(*middleware.Stack) error{f.attach}, cfg.APIOptions...)
	return fenced
}

// AllowWrites allows or forbids writes from now on.
func (f *Fence) AllowWrites(allow bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.writing = allow
}

// Calls returns the calls so far.
func (f *Fence) Calls() []Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Call(nil), f.calls...)
}

// Wrote reports whether a write reached AWS and was not denied by IAM.
func (f *Fence) Wrote() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.wrote
}

// CallCount returns how many calls reached AWS.
func (f *Fence) CallCount() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.callCount
}

// attach adds the fence to a client.
func (f *Fence) attach(stack *middleware.Stack) error {
	if err := addEmptyResponseCheck(stack); err != nil {
		return err
	}
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("Countermand.Fence", f.handle), middleware.After)
}

// handle checks, makes and notes one call.
func (f *Fence) handle(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
	call, err := f.check(awsmiddleware.GetServiceID(ctx), awsmiddleware.GetOperationName(ctx))
	if err != nil {
		call.Error, call.Fenced = err.Error(), true
		f.note(call)
		return middleware.InitializeOutput{}, middleware.Metadata{}, err
	}
	if call.Write {
		ctx = context.WithValue(ctx, writeKey{}, true)
	}
	out, metadata, err := next.HandleInitialize(ctx, in)
	if err != nil {
		if call.Error = remediations.ErrorCode(err); call.Error == "" {
			call.Error = "no answer"
		}
	}
	f.note(call)
	return out, metadata, err
}

// check returns the call for an operation, and an error if the fence refuses it.
func (f *Fence) check(service, operation string) (Call, error) {
	action, err := IAMAction(service, operation)
	if err != nil {
		return Call{Action: service + "." + operation}, fmt.Errorf("%w: %w", ErrFenced, err)
	}
	f.mu.Lock()
	writing := f.writing
	f.mu.Unlock()
	switch {
	case allows(f.reads, action):
		return Call{Action: action}, nil
	case !allows(f.writes, action):
		return Call{Action: action}, fmt.Errorf("%w: %s is not declared by the module", ErrFenced, action)
	case !writing:
		return Call{Action: action, Write: true}, fmt.Errorf("%w: %s is a write, and a guard only reads", ErrFenced, action)
	}
	return Call{Action: action, Write: true}, nil
}

// note keeps a call for the record.
func (f *Fence) note(call Call) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !call.Fenced {
		f.callCount++
		f.wrote = f.wrote || call.Write && !accessDenied[call.Error]
	}
	f.calls = append(f.calls, call)
	if len(f.calls) > maxCalls {
		f.calls = f.calls[len(f.calls)-maxCalls:]
	}
}

// allows reports whether one of the permissions covers an action.
func allows(permissions []remediations.Permission, action string) bool {
	for _, p := range permissions {
		if p.Allows(action) {
			return true
		}
	}
	return false
}
