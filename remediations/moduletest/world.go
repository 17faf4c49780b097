package moduletest

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
)

// World is a small stateful stub of what a case is about: the answers read and write one state.
type World struct {
	State   any      // pointer to what the answers read and write; worlds are compared by its JSON
	Answers []Answer // one an operation
	Change  func()   // somebody else changes the resource; required where the module has an Undo
	// Event is the event that AWS writes for a call, by its typed input; nil for a call that only reads. It is required
	// in a joint world, where one module's writes are what others look at.
	Event func(in any) []byte
}

// Answer is what a World answers to one operation.
type Answer struct {
	input  reflect.Type
	answer func(in any) (any, error)
}

// On answers an operation by its typed input, as in
//
//	moduletest.On(func(in *s3.GetBucketPolicyInput) (*s3.GetBucketPolicyOutput, error) { ... })
func On[I, O any](f func(*I) (*O, error)) Answer {
	return Answer{
		input: reflect.TypeFor[*I](),
		answer: func(in any) (any, error) {
			out, err := f(in.(*I))
			if err != nil {
				return nil, err
			}
			return out, nil
		},
	}
}

// Error is an answer of AWS with an error code.
func Error(code string) error {
	return &smithy.GenericAPIError{Code: code, Message: "answered by the test's world"}
}

// call is one operation that reached the world.
type call struct {
	service, operation string
	region             string
	in                 any    // the typed input
	empty              string // name of a parameter that was an empty string; "" if none was
}

// Config is an AWS configuration in a Region, whose calls are answered by their typed inputs: for tests of a module that
// need no world.
func Config(region string, answer func(in any) (any, error)) aws.Config {
	return aws.Config{Region: region, APIOptions: []func(*middleware.Stack) error{func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("answer",
			func(_ context.Context, in middleware.InitializeInput, _ middleware.InitializeHandler) (out middleware.InitializeOutput, metadata middleware.Metadata, err error) {
				out.Result, err = answer(in.Parameters)
				return out, metadata, err
			}), middleware.After)
	}}}
}

// Config is an AWS configuration in a Region, in which the world answers.
func (w *World) Config(region string) aws.Config { return Config(region, w.answer) }

// stage is a world that is being played: it answers calls, notes them, and fails one where it is told to.
type stage struct {
	world *World
	mu    sync.Mutex
	calls []call
	fail  int // number of the call that fails, from 1; 0: none
	fault error
}

func (s *stage) config() aws.Config {
	return aws.Config{Region: "nowhere-1", APIOptions: []func(*middleware.Stack) error{func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("Countermand.World", s.handle), middleware.After)
	}}}
}

func (s *stage) handle(ctx context.Context, in middleware.InitializeInput, _ middleware.InitializeHandler) (out middleware.InitializeOutput, metadata middleware.Metadata, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return out, metadata, err
	}
	c := call{
		service: awsmiddleware.GetServiceID(ctx), operation: awsmiddleware.GetOperationName(ctx), region: awsmiddleware.GetRegion(ctx),
		in: in.Parameters, empty: emptyParameter(in.Parameters),
	}
	s.calls = append(s.calls, c)
	if len(s.calls) == s.fail {
		return out, metadata, s.fault
	}
	out.Result, err = s.world.answer(in.Parameters)
	return out, metadata, err
}

// answer is the world's answer to a typed input.
func (w *World) answer(in any) (any, error) {
	for _, a := range w.Answers {
		if a.input == reflect.TypeOf(in) {
			return a.answer(in)
		}
	}
	return nil, fmt.Errorf("the world has no answer to %T: add moduletest.On for it", in)
}

func (s *stage) state() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.world.state()
}

func (w *World) state() string {
	text, err := json.Marshal(w.State)
	if err != nil {
		return fmt.Sprintf("the world's state is not JSON: %v", err)
	}
	return string(text)
}

// emptyParameter is the name of a string parameter that is set, and empty: a name that was not there.
func emptyParameter(in any) string {
	v := reflect.ValueOf(in)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return ""
	}
	for field, value := range v.Elem().Fields() {
		switch value.Kind() {
		case reflect.Pointer:
			if !value.IsNil() && value.Elem().Kind() == reflect.String && value.Elem().String() == "" {
				return field.Name
			}
		case reflect.Slice:
			for i := range value.Len() {
				if e := value.Index(i); e.Kind() == reflect.String && e.String() == "" {
					return field.Name
				}
			}
		}
	}
	return ""
}
