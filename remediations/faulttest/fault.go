package faulttest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/engine"
)

// A place is where a fault strikes: the nth operation of a name in a delivery. Operations are counted by name, so that
// those that an engine runs concurrently have stable places.
type place struct {
	service, operation string
	nth                int
	kind               string // the module's "read" and "write"; the engine's "table", "alert", "tags" and "switch"
}

// String returns the place for the journal.
func (p place) String() string { return fmt.Sprintf("%s %s no. %d", p.service, p.operation, p.nth) }

// An operation is one call of an SDK method. It may be tried several times.
type awsOperation struct {
	place
	input   any
	write   bool
	applied bool // one of its tries took effect
	tries   int
}

// A duration is how long a fault stays.
type duration string

const (
	oneTry      duration = "one try"
	oneDelivery duration = "one delivery"
	forever     duration = "for good"
)

// An injection is a fault at a place.
type injection struct {
	fault
	place    place
	duration duration
	delivery int // the first delivery that it strikes, from 1
	hits     int
}

// String returns the injection for the journal.
func (inj *injection) String() string {
	return fmt.Sprintf("%s at %s, %s", inj.name, inj.place, inj.duration)
}

// appliesTo reports whether the injection strikes a try.
func (inj *injection) appliesTo(i *invocation, op *awsOperation) bool {
	if op.service != inj.place.service || op.operation != inj.place.operation {
		return false
	}
	switch {
	case i.number == inj.delivery && inj.duration == oneTry:
		return inj.hits == 0 && op.nth == inj.place.nth
	case i.number == inj.delivery:
		return op.nth >= inj.place.nth
	}
	return i.number > inj.delivery && inj.duration == forever
}

// A try is one try of an operation that a fault strikes.
type try struct {
	i    *invocation
	op   *awsOperation
	wire func(behaviour string) (any, error) // sends the request to an endpoint that misbehaves
}

// apply returns the true answer.
func (t *try) apply() (any, error) { return t.i.scene.apply(t.i, t.op) }

// A fault is something that goes wrong.
type fault struct {
	name      string
	only      func(place) bool // nil if it can strike anywhere
	durations []duration
	inject    func(*try) (any, error)
	class     string // "answer", "wire", "death" or "interference"
}

// These are the durations that faults can have.
var anyDuration, onlyOneTry, oneTryOrForever = []duration{oneTry, oneDelivery, forever}, []duration{oneTry}, []duration{oneTry, forever}

// faults returns everything that goes wrong.
func faults() []fault {
	all := []fault{
		{name: "throttled", durations: anyDuration, class: "answer", inject: errorCode("ThrottlingException",
			map[string]string{"S3": "SlowDown", "S3 Control": "SlowDown", "EC2": "RequestLimitExceeded", "SNS": "Throttled",
				"DynamoDB": "ProvisionedThroughputExceededException"})},
		{name: "an internal error", durations: anyDuration, class: "answer", inject: errorCode("InternalFailure",
			map[string]string{"S3": "InternalError"})},
		{name: "access denied", durations: anyDuration, class: "answer", inject: errorCode("AccessDeniedException",
			map[string]string{"S3": "AccessDenied", "S3 Control": "AccessDenied", "EC2": "UnauthorizedOperation",
				"SNS": "AuthorizationError"})},
		{name: "the transaction met another", durations: anyDuration, class: "answer", inject: transactionConflict,
			only: func(p place) bool { return p.operation == "TransactWriteItems" }},
		{name: writeWithoutEffect, durations: anyDuration, class: "answer", only: func(p place) bool { return p.kind == "write" },
			inject: func(t *try) (any, error) {
				t.i.scene.mu.Lock()
				defer t.i.scene.mu.Unlock()
				return t.i.scene.worldCopy.Answer(t.op.input)
			}},
		{name: "dies before", durations: oneTryOrForever, class: "death", inject: func(t *try) (any, error) {
			t.i.die()
			return nil, errDead
		}},
		{name: "dies after", durations: oneTryOrForever, class: "death", inject: func(t *try) (any, error) {
			_, _ = t.apply()
			t.i.die()
			return nil, errDead
		}},
	}
	for _, w := range []struct {
		name, behaviour string
		applied         bool
	}{
		{"500 as HTML", "500", false}, {"503 as HTML", "503", false},
		{"reset", "reset", false}, {"reset, and it was done", "reset", true},
		{"no answer", "silent", false}, {"no answer, and it was done", "silent", true},
		{"an answer past the deadline", "late", true}, {"an answer cut off", "truncated", true},
		{garbageAnswer, "garbage", true}, {"an answer of HTML", "html", true}, {"an empty answer", "empty", true},
	} {
		all = append(all, fault{name: w.name, durations: anyDuration, class: "wire", inject: func(t *try) (any, error) {
			if w.applied {
				if _, err := t.apply(); err != nil {
					return nil, err // a refused call has no effect
				}
			}
			return t.wire(w.behaviour)
		}})
	}
	return append(all, interferences()...)
}

// interferences returns what others do in the middle of a delivery.
func interferences() []fault {
	during := func(name string, others func(*scene)) fault {
		return fault{name: name, durations: onlyOneTry, class: "interference", inject: func(t *try) (any, error) {
			others(t.i.scene)
			return t.apply()
		}}
	}
	return []fault{
		during(duplicateMeanwhile, func(s *scene) { s.deliverMeanwhile("a duplicate", s.raw) }),
		during(anotherMeanwhile, func(s *scene) { s.deliverMeanwhile("another event", s.anotherEvent()) }),
		during("a replay meanwhile", func(s *scene) { s.deliverMeanwhile(replayName, s.replayedEvent()) }),
		during(changesResource, func(s *scene) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.world.Change()
			s.journal = append(s.journal, "somebody changed the resource")
		}),
	}
}

// These faults are named in invariants.
const (
	anotherMeanwhile   = "another event meanwhile"
	duplicateMeanwhile = "a duplicate meanwhile"

	changesResource = "somebody changes the resource"
	garbageAnswer   = "an answer of garbage"

	writeWithoutEffect = "a write without effect"
)

// corruptsRead reports whether the module reads garbage. If it reads a text, such as a policy, it cannot distinguish
// garbage from the resource's content: it has to leave the resource alone and alert.
func (inj *injection) corruptsRead() bool {
	return inj.name == garbageAnswer && inj.place.kind == "read"
}

// anotherEvent returns an event of the same call, made once more.
func (s *scene) anotherEvent() []byte {
	return bytes.ReplaceAll(s.raw, []byte(s.event.Key()), []byte("99999999-9999-4999-8999-999999999999"))
}

// replayedEvent returns the case's event as a replay.
func (s *scene) replayedEvent() []byte {
	return append([]byte(`{"replay-name":"march",`), bytes.TrimSpace(s.raw)[1:]...)
}

// errorCode answers with an error code, which differs by service.
func errorCode(code string, services map[string]string) func(*try) (any, error) {
	return func(t *try) (any, error) {
		if own, ok := services[t.op.service]; ok {
			return nil, &smithy.GenericAPIError{Code: own, Message: "answered by the test"}
		}
		return nil, &smithy.GenericAPIError{Code: code, Message: "answered by the test"}
	}
}

// transactionConflict answers that the transaction collided with another one.
func transactionConflict(*try) (any, error) {
	return nil, &types.TransactionCanceledException{Message: aws.String("Transaction cancelled"),
		CancellationReasons: []types.CancellationReason{{Code: aws.String("TransactionConflict")}, {Code: aws.String("None")}}}
}

// config returns an AWS configuration whose calls the scene answers, each try separately: it answers behind the SDK's
// retryer.
func (i *invocation) config(region string) aws.Config {
	return aws.Config{
		Region: region, HTTPClient: wire(),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIAEXAMPLEEXAMPLE01", SecretAccessKey: "secret"}, nil
		}),
		APIOptions: []func(*middleware.Stack) error{func(stack *middleware.Stack) error {
			err := stack.Initialize.Add(middleware.InitializeMiddlewareFunc("Faulttest.Begin", i.begin), middleware.After)
			if err != nil {
				return err
			}
			return stack.Finalize.Insert(middleware.FinalizeMiddlewareFunc("Faulttest.Try", i.try), "Retry", middleware.After)
		}},
	}
}

// operationKey is the context key of an operation.
type operationKey struct{}

// forTags is the context key of the engine's tag look-ups. A module may make the same calls.
type forTags struct{}

// tagLookup is the kind of these calls.
const tagLookup = "tags"

// begin starts an operation.
func (i *invocation) begin(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
	middleware.InitializeOutput, middleware.Metadata, error) {
	op := &awsOperation{input: in.Parameters}
	op.service, op.operation = awsmiddleware.GetServiceID(ctx), awsmiddleware.GetOperationName(ctx)
	if op.kind, op.write = i.scene.kindOf(op.service, op.operation); ctx.Value(forTags{}) != nil {
		op.kind, op.write = tagLookup, false
	}
	i.mu.Lock()
	i.counts[op.service+op.operation]++
	op.nth = i.counts[op.service+op.operation]
	i.mu.Unlock()
	if i.scene.noteOperation(i, op); i.died() {
		return middleware.InitializeOutput{}, middleware.Metadata{}, errDead
	}
	return next.HandleInitialize(context.WithValue(ctx, operationKey{}, op), in)
}

// noteOperation notes an operation, and checks what must hold when it starts.
func (s *scene) noteOperation(i *invocation, op *awsOperation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.places = append(s.places, op.place)
	if op.write && !i.died() {
		s.checkWrite(i, op)
	}
}

// kindOf returns the kind of an operation, and whether it writes to AWS. A declared operation is the module's, even if
// the engine uses the same service.
func (s *scene) kindOf(service, operation string) (string, bool) {
	if action, err := engine.IAMAction(service, operation); err == nil && s.module != nil {
		allows := func(p remediations.Permission) bool { return p.Allows(action) }
		switch {
		case slices.ContainsFunc(s.module.Writes, allows), slices.ContainsFunc(s.module.UndoWrites, allows):
			return "write", true
		case slices.ContainsFunc(s.module.Reads, allows):
			return "read", false
		}
	}
	switch service {
	case "DynamoDB":
		return "table", false
	case "SNS":
		return "alert", false
	case "SSM":
		return "switch", false
	}
	return "read", false
}

// try answers one try of an operation: truly, or as planned.
func (i *invocation) try(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
	out middleware.FinalizeOutput, metadata middleware.Metadata, err error) {
	op, ok := ctx.Value(operationKey{}).(*awsOperation)
	if !ok {
		return out, metadata, fmt.Errorf("an operation that never began")
	}
	op.tries++
	if i.died() {
		return out, metadata, errDead
	}
	if err := ctx.Err(); err != nil {
		return out, metadata, &aws.RequestCanceledError{Err: err}
	}
	t := &try{i: i, op: op, wire: func(behaviour string) (any, error) {
		in.Request.(*smithyhttp.Request).Header.Set(wireHeader, behaviour)
		var err error
		out, metadata, err = next.HandleFinalize(ctx, in)
		return out.Result, err
	}}
	answer := t.apply
	if inj := i.scene.nextInjection(i, op); inj != nil {
		answer = func() (any, error) { return inj.inject(t) }
	}
	out.Result, err = answer()
	if err == nil && i.died() {
		return out, metadata, errDead
	}
	return out, metadata, err
}

// nextInjection returns the injection that strikes a try, or nil.
func (s *scene) nextInjection(i *invocation, op *awsOperation) *injection {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, inj := range s.plan {
		if inj.appliesTo(i, op) {
			inj.hits++
			s.journal = append(s.journal, fmt.Sprintf("%s: %s at %s, try %d", i.name, inj.name, op.place, op.tries))
			return inj
		}
	}
	return nil
}

// struck reports whether the plan struck at a place of a kind, or with a fault of a class.
func (s *scene) struck(kind string) bool {
	for _, inj := range s.plan {
		if inj.hits > 0 && (inj.place.kind == kind || strings.Contains(inj.fault.class, kind)) {
			return true
		}
	}
	return false
}
