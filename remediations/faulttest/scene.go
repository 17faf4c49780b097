package faulttest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	tagtypes "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/engine"
	"github.com/countermand/countermand/remediations/engine/store"
)

// lambdaTime is how long Lambda lets a function run.
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
const lambdaTime = 30 * time.Second

// retries are the waits before each delivery of an event.
var retries = []time.Duration{0, time.Minute, 2 * time.Minute}

// A setup is the configuration of the engine in a scene.
type setup struct {
	name       string
	limit      int  // the module's actions per hour
	exemptions bool // there is an exemption with a tag
	tagged     bool // the resource has that tag
	stopped    bool // the kill switch says to observe only
}

// mayNotWrite reports whether the module must not write.
func (s setup) mayNotWrite() bool { return s.tagged || s.stopped }

// These are the setups that are played.
var (
	plain       = setup{name: "plain", limit: 1000}
	budgetOfOne = setup{name: "a budget of one action", limit: 1}
	exempt      = setup{name: "exempt by a tag", limit: 1000, exemptions: true, tagged: true}
	stopped     = setup{name: "stopped by the kill switch", limit: 1000, stopped: true}
	untagged    = setup{name: "not exempt, as the tag is not there", limit: 1000, exemptions: true}
)

// A scene is one scenario: a module, its case's world, the run table, and the plan of what goes wrong.
type scene struct {
	t         *testing.T
	module    *remediations.Module
	setup     setup
	raw       []byte
	settings  any // the module's settings
	event     events.Event
	world     World
	worldCopy World // a copy of the world, for writes without effect
	plan      []*injection
	baseline  *baseline // the result without faults; nil while that is being determined

	mu           sync.Mutex
	table        *table
	places       []place   // every operation that began
	history      []version // of the records, in the order in which they became durable
	alerts       []engine.Message
	acted        map[string]bool // attempts that wrote to AWS, by delivery and resource
	writes       int             // writes to AWS that were made
	undelivered  [][]byte        // other events whose delivery failed
	failureQueue int             // events in the failure queue
	undoing      bool            // a person undoes the run
	journal      []string        // what happened, to explain a breach
	breaches     []error
}

// A version is a record as it became durable, and the delivery that wrote it.
type version struct {
	delivery string
	record   *engine.Record
}

// newScene returns the scene of a case, at the time when the event arrives.
func newScene(t *testing.T, m *remediations.Module, c Case, s setup, plan ...*injection) *scene {
	t.Helper()
	event, err := events.Parse(c.Event)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Until(event.Time.Add(20 * time.Second))) // events take this long to arrive
	return &scene{
		t: t, module: m, setup: s, raw: c.Event, settings: c.Settings, event: event, world: c.World(), worldCopy: c.World(), plan: plan,
		table: newTable(), acted: map[string]bool{},
	}
}

// An invocation is one delivery to one function, or one command of a person. After its death nothing that it still does
// has an effect: for everybody else it is a killed process.
type invocation struct {
	scene  *scene
	name   string
	number int // which delivery of the case's event, from 1; 0 for another event
	mu     sync.Mutex
	counts map[string]int // operations so far, by name
	dead   bool
}

// replayName is the name of an invocation for a replayed event.
const replayName = "a replay"

// errDead is the result of every call after the function's death.
var errDead = errors.New("the function is dead")

// die kills the invocation.
func (i *invocation) die() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.dead = true
}

// died reports whether the invocation is dead.
func (i *invocation) died() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.dead
}

// engine returns the engine of an invocation.
func (s *scene) engine(i *invocation) *engine.Engine {
	cfg := i.config(s.event.Region)
	c := engine.Config{
		Module: s.module, Mode: remediations.Enforce, Account: s.event.Account, AWS: cfg,
		Settings: s.settings,
		Store:    store.NewDynamoDB(cfg, "runs"),
		Alert:    engine.NewSNSSender(cfg, "arn:aws:sns:eu-west-1:111122223333:alerts", "arn:aws:sns:eu-west-1:111122223333:critical"),
		Tags: func(ctx context.Context, region, arn string) (map[string]string, error) {
			return engine.NewTagReader(cfg)(context.WithValue(ctx, forTags{}, true), region, arn)
		},
		Switch:    engine.NewSwitchReader(cfg, remediations.SwitchParameter, time.Now),
		Limits:    remediations.Limits{Module: s.setup.limit, Account: 1000, Principal: 1000, Resource: 1000},
		Retention: 24 * time.Hour,
		Now:       time.Now,
		Wait:      engine.Wait,
	}
	if s.setup.exemptions {
		c.Exemptions = []remediations.Exemption{{Module: remediations.AllModules, Tag: exemptTag + "=yes", Owner: "web team",
			Reason: "it is to be like this", Expires: s.event.Time.AddDate(0, 6, 0)}}
	}
	e, err := engine.New(c)
	if err != nil {
		s.t.Fatal(err)
	}
	return e
}

// exemptTag is the key of the tag that exempts a resource.
const exemptTag = "left-alone"

// invoke runs the function once. It reports whether the event is done: no error, and the function lived.
func (s *scene) invoke(i *invocation, raw []byte) bool {
	ctx, cancel := context.WithTimeout(s.t.Context(), lambdaTime)
	defer cancel()
	stop := context.AfterFunc(ctx, i.die) // Lambda kills the function then
	records, err := s.engine(i).Handle(ctx, raw)
	stop()
	var outcomes []string
	for _, r := range records {
		outcomes = append(outcomes, string(r.Outcome))
	}
	s.note("%s ended: %s, error %v, died %t", i.name, strings.Join(outcomes, ", "), err, i.died())
	return err == nil && !i.died()
}

// deliverAsLambda delivers an event until it is done, three times at most, and then puts it into the failure queue.
func (s *scene) deliverAsLambda(raw []byte, name string, from int) {
	for n := from; n <= len(retries); n++ {
		time.Sleep(retries[n-1])
		i := &invocation{scene: s, name: fmt.Sprintf("%s %d", name, n), counts: map[string]int{}}
		if bytes.Equal(raw, s.raw) && from == 1 {
			i.number = n
		}
		if s.invoke(i, raw) {
			return
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failureQueue++
}

// deliver delivers the case's event, and then other events whose delivery in between failed.
func (s *scene) deliver() {
	s.deliverAsLambda(s.raw, "delivery", 1)
	for _, raw := range s.undelivered {
		s.deliverAsLambda(raw, "another", 2)
	}
}

// deliverMeanwhile delivers an event once, in the middle of something else.
func (s *scene) deliverMeanwhile(name string, raw []byte) {
	if !s.invoke(&invocation{scene: s, name: name, counts: map[string]int{}}, raw) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.undelivered = append(s.undelivered, raw)
	}
}

// apply returns the true answer to an operation, after its effect on AWS, the table or people.
func (s *scene) apply(i *invocation, op *awsOperation) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if op.kind == tagLookup {
		return s.tags(op.input)
	}
	switch in := op.input.(type) {
	case *sns.PublishInput:
		var forms map[string]string
		if err := json.Unmarshal([]byte(aws.ToString(in.Message)), &forms); err != nil {
			return nil, fmt.Errorf("decode the alert's forms: %w", err)
		}
		s.checkAlert(engine.Message{Subject: aws.ToString(in.Subject), Body: forms["email"]})
		return &sns.PublishOutput{}, nil
	case *ssm.GetParameterInput:
		value := "{}"
		if s.setup.stopped {
			value = `{"all": {"mode": "observe", "by": "olga", "reason": "", "at": "2026-01-01T00:00:00Z"}}`
		}
		return &ssm.GetParameterOutput{Parameter: &ssmtypes.Parameter{Name: in.Name, Value: &value}}, nil
	case *dynamodb.GetItemInput, *dynamodb.PutItemInput, *dynamodb.UpdateItemInput, *dynamodb.DeleteItemInput,
		*dynamodb.TransactWriteItemsInput:
		out, err := s.table.answer(in)
		s.noteRecords(i)
		return out, err
	}
	if op.write {
		s.checkNoActionTwice(op)
	}
	out, err := s.world.Answer(op.input)
	op.applied = op.applied || err == nil
	if op.write && err == nil {
		s.writes++
		s.journal = append(s.journal, fmt.Sprintf("%s: %s wrote", i.name, op.place))
	}
	return out, err
}

// tags returns the true answer to a look-up of the resource's tags.
func (s *scene) tags(in any) (any, error) {
	ofIAM, of := []iamtypes.Tag{}, []tagtypes.Tag{}
	if s.setup.tagged {
		ofIAM = append(ofIAM, iamtypes.Tag{Key: aws.String(exemptTag), Value: aws.String("yes")})
		of = append(of, tagtypes.Tag{Key: aws.String(exemptTag), Value: aws.String("yes")})
	}
	switch in := in.(type) {
	case *iam.ListUserTagsInput:
		return &iam.ListUserTagsOutput{Tags: ofIAM}, nil
	case *iam.ListRoleTagsInput:
		return &iam.ListRoleTagsOutput{Tags: ofIAM}, nil
	case *iam.ListPolicyTagsInput:
		return &iam.ListPolicyTagsOutput{Tags: ofIAM}, nil
	case *resourcegroupstaggingapi.GetResourcesInput:
		out := &resourcegroupstaggingapi.GetResourcesOutput{ResourceTagMappingList: []tagtypes.ResourceTagMapping{}, PaginationToken: aws.String("")}
		if s.setup.tagged {
			out.ResourceTagMappingList = append(out.ResourceTagMappingList, tagtypes.ResourceTagMapping{ResourceARN: &in.ResourceARNList[0], Tags: of})
		}
		return out, nil
	}
	return nil, fmt.Errorf("tags are looked up by %T", in)
}

// noteRecords keeps the records that have become durable.
func (s *scene) noteRecords(i *invocation) {
	for _, r := range s.table.newRecords() {
		s.history = append(s.history, version{i.name, r})
		s.journal = append(s.journal, fmt.Sprintf("%s: record %s version %d: %s, alert %q, touched %t, error %q",
			i.name, r.ID, r.Version, r.Outcome, r.Alert, r.Touched, r.Error))
	}
}

// note adds a line to the journal.
func (s *scene) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.journal = append(s.journal, fmt.Sprintf(format, args...))
}

// state returns the state of the world.
func (s *scene) state() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.world.State()
}

// records returns the stored run records.
func (s *scene) records() []*engine.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.table.runs()
}
