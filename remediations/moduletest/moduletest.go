// Package moduletest checks the laws that every module obeys. A module gets all of them from one call:
//
//	func Test(t *testing.T) {
//		moduletest.Run(t, s3publicaccess.Module,
//			moduletest.Case{Name: "removed", Event: deleted, World: bucket(nil), Acts: true, Own: own},
//			moduletest.Case{Name: "put back already", Event: deleted, World: bucket(allBlocked)},
//		)
//	}
//
// It runs the real engine with an in-memory store; AWS is a stateful stub that answers typed inputs.
package moduletest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/engine"
	"github.com/countermand/countermand/remediations/engine/store"
	"github.com/countermand/countermand/remediations/faulttest"
)

// Case is an event, a world that it happens in, and whether the module must find something wrong there.
type Case struct {
	Name  string
	Event []byte        // the EventBridge event
	World func() *World // builds the world afresh; called once a law
	Acts  bool          // whether the guard must find something
	Own   [][]byte      // the events that AWS writes for the action's own writes; required if it is put right

	Settings any    // what the module's owner has set; nil: the module's own
	Unswept  string // why a sweep can't find what the event leads to: it is not in the state; only of a case that acts
}

// Run checks every law for every case, what only all the cases together can show, and the module's golden files:
// its policy, and the events of its own writes. Then it plays the faults of each case that acts (see faulttest), and
// logs the table of them. It is called once a module; with -update it rewrites the files.
func Run(t *testing.T, m *remediations.Module, cases ...Case) {
	t.Helper()
	k := check(t.Context(), m, cases)
	for _, err := range k.breaches {
		t.Error(err)
	}
	if len(k.breaches) > 0 {
		return // what is wrong without a fault would only be repeated
	}
	keepGolden(t, k)
	var acting []faulttest.Case
	for _, c := range cases {
		if c.Acts {
			acting = append(acting, faulttest.Case{Name: c.Name, Event: c.Event, Settings: c.Settings, World: func() faulttest.World {
				w := c.World()
				return faulttest.World{Answer: w.answer, State: w.state, Change: w.Change}
			}})
		}
	}
	faulttest.Run(t, m, acting...)
}

// Check is Run without a test and without golden files: it returns every breach.
func Check(ctx context.Context, m *remediations.Module, cases ...Case) []error {
	return check(ctx, m, cases).breaches
}

func check(ctx context.Context, m *remediations.Module, cases []Case) *kit {
	k := &kit{ctx: ctx, module: m, used: map[remediations.Permission]bool{}}
	if err := m.Validate(); err != nil {
		k.breaches = []error{err}
		return k
	}
	acting, idle := false, false
	for _, c := range cases {
		acting, idle = acting || c.Acts, idle || !c.Acts
		k.check(c)
	}
	if !acting || !idle {
		k.breach("there must be a case that acts and one that must not")
	}
	if len(k.breaches) == 0 {
		k.everyPermissionIsUsed()
	}
	k.everyPermissionIsNarrow()
	return k
}

// kit gathers the breaches of one module.
type kit struct {
	ctx      context.Context // of the one check that it lives for
	module   *remediations.Module
	used     map[remediations.Permission]bool // those that some case's call needed
	own      [][]byte                         // the events of its own writes, of all cases
	breaches []error
}

func (k *kit) breach(format string, args ...any) {
	k.breaches = append(k.breaches, fmt.Errorf(k.module.Name+": "+format, args...))
}

// check runs the laws of one case. The first asks for no more than the case says; where that is already
// broken, the others would only repeat it.
func (k *kit) check(c Case) {
	law := func(name string, f func(Case) error) bool {
		if err := f(c); err != nil {
			k.breach("case %q: %s: %w", c.Name, name, err)
			return false
		}
		return true
	}
	if !law("the case is complete", k.complete) || !law("the outcome is the case's", k.outcome) {
		return
	}
	law("observe and alert write nothing", k.observes)
	law("delivering the event twice acts once", k.actsOnce)
	law("a later event finds nothing to do", k.rereads)
	law("the events of its own action are a no-op", k.ownEvents)
	law("every failing AWS call surfaces", k.failures)
	law("every missing field is borne", k.missingFields)
	law("undo restores the world, or refuses", k.undo)
	law("a sweep finds it, too", k.sweeps)
}

// play is one world with an engine in it.
type play struct {
	event  events.Event // the case's
	stage  *stage
	engine *engine.Engine
	store  *store.Memory
	mu     sync.Mutex
	alerts []engine.Message
	wrote  int // number of calls that were writes, of all records
}

// begin builds a fresh world and an engine for it.
func (k *kit) begin(c Case, mode remediations.Mode) (*play, error) {
	event, err := events.Parse(c.Event)
	if err != nil {
		return nil, err
	}
	return newPlay(k.module, mode, c.Settings, event, &stage{world: c.World()})
}

// newPlay is a module at work on a stage, a minute after an event.
func newPlay(m *remediations.Module, mode remediations.Mode, settings any, event events.Event, s *stage) (*play, error) {
	p := &play{event: event, stage: s, store: &store.Memory{}}
	var err error
	p.engine, err = engine.New(engine.Config{
		Module:   m,
		Mode:     mode,
		Sweep:    mode,
		Account:  event.Account,
		Settings: settings,
		AWS:      s.config(),
		Store:    p.store,
		Alert: func(_ context.Context, m engine.Message) error {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.alerts = append(p.alerts, m)
			return nil
		},
		Switch:    func(context.Context) (remediations.Switch, error) { return nil, nil },
		Retention: 24 * time.Hour,
		Limits:    remediations.Limits{Module: 1000, Account: 1000, Principal: 1000, Resource: 1000},
		Now:       func() time.Time { return event.Time.Add(time.Minute) },
		Wait:      func(context.Context, time.Duration) error { return nil },
	})
	return p, err
}

// deliver gives the engine an event. The records are the runs that it led to.
func (k *kit) deliver(p *play, raw []byte) ([]engine.Record, error) {
	records, err := p.engine.Handle(k.ctx, raw)
	for _, r := range records {
		for _, call := range r.Calls {
			if call.Write && !call.Fenced {
				p.wrote++
			}
		}
	}
	return records, err
}

// complete checks that the case holds what the laws need.
func (k *kit) complete(c Case) error {
	if c.World == nil {
		return errors.New("it has no world")
	}
	event, err := events.Parse(c.Event)
	if err != nil {
		return err
	}
	if err := event.Authentic(); err != nil {
		return fmt.Errorf("its event is not one that AWS would send: %w", err)
	}
	if k.module.Undo != nil && c.Acts && c.World().Change == nil {
		return errors.New("its world can't be changed by somebody else (Change)")
	}
	return k.haveARNs(event)
}

// haveARNs: every suspect has an ARN, by which it can be exempted. What Suspects refuses is for other laws.
func (k *kit) haveARNs(event events.Event) error {
	suspects, err := k.module.Suspects(event)
	if err != nil {
		return nil
	}
	for _, r := range suspects {
		arn, err := r.ARN()
		if err != nil {
			return err
		}
		if err := remediations.CheckResource(arn); err != nil {
			return fmt.Errorf("%s can't be exempted by its ARN: %w", r, err)
		}
	}
	return nil
}
