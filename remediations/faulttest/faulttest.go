// Package faulttest drives the real engine and a module through everything that can go wrong at each of their calls:
// AWS answers with errors or garbage, late or not at all; functions die; events arrive twice or out of order; somebody
// else works on the same resource. Invariants are checked after each scenario, and at each write and alert in it.
//
// The engine, its store in DynamoDB, its alerts, its exemptions and the AWS SDK with its retries are those that are
// deployed. AWS is the case's world, a small table and a list of alerts, which answer behind the SDK's retryer; faults
// of the wire go over HTTP to an endpoint that causes them. Lambda's part, to run a function for half a minute, deliver
// an event three times and then put it into the failure queue, is played in the time of a bubble (see
// testing/synctest), so that an hour takes no time.
package faulttest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
)

// A Case is an event, and the world in which it leaves something wrong.
type Case struct {
	Name  string
	Event []byte
	World func() World // returns a new world for each scenario

	Settings any // the module's settings; nil for its defaults
}

// A World is AWS, as far as a case needs it.
type World struct {
	Answer func(in any) (any, error) // answers a call, by its typed input
	State  func() string
	Change func() // somebody else changes the resource; nil if the case cannot do that
}

// sampled is how many scenarios of a case are chosen at random: those with two faults, or with one or two if an event
// leads to several runs at the same time.
const sampled = 150

// Run plays all scenarios of a module's cases, and logs the table of the faults that it survived. Of cases that make
// the same kinds of calls and end the same way, only the first is played.
func Run(t *testing.T, m *remediations.Module, cases ...Case) {
	t.Helper()
	res := &results{module: m.Name, acts: m.Action != nil, sample: sampleFromEnvironment(t)}
	seen := map[string]bool{}
	for _, c := range cases {
		base := baselineOf(t, m, c, plain, res)
		if shape := base.shape(); !seen[shape] {
			seen[shape] = true
			res.cases++
			playAll(t, m, c, base, res)
		}
	}
	res.check(t)
	t.Log(res)
}

// playAll plays the scenarios of one case.
func playAll(t *testing.T, m *remediations.Module, c Case, base *baseline, res *results) {
	// Seeded by the case's name, so that a failure can be repeated.
	random := rand.New(rand.NewChaCha8(seedOf(c.Name)))
	for i := range sampled {
		all := injections(base.places, c)
		plan := []*injection{all[random.IntN(len(all))], all[random.IntN(len(all))]}
		plan[1].delivery = 1 + random.IntN(2)
		if base.records > 1 && i%2 == 0 {
			plan = plan[:1]
		}
		play(t, m, c, plain, base, res, plan...)
	}
	if base.records > 1 {
		return
	}
	for _, inj := range injections(base.places, c) {
		play(t, m, c, plain, base, res, inj)
	}
	for s, kind := range map[setup]string{exempt: "tags", untagged: "tags", stopped: "switch"} {
		if s == exempt && !taggable(t, m, c) {
			continue
		}
		other := baselineOf(t, m, c, s, res)
		for _, inj := range injections(other.places, c) {
			if inj.place.kind == kind {
				play(t, m, c, s, other, res, inj)
			}
		}
	}
	other := baselineOf(t, m, c, budgetOfOne, res)
	for _, inj := range injections(other.places, c) {
		if inj.duration == oneTry && inj.fault.class != "wire" {
			play(t, m, c, budgetOfOne, other, res, inj)
		}
	}
	if m.Undo != nil && slices.ContainsFunc(base.places, func(p place) bool { return p.kind == "write" }) {
		playUndos(t, m, c, res)
	}
}

// taggable reports whether the case's resources can have tags, and so be exempt by one.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html
func taggable(t *testing.T, m *remediations.Module, c Case) bool {
	t.Helper()
	event, err := events.Parse(c.Event)
	if err != nil {
		t.Fatal(err)
	}
	resources, err := m.Suspects(event)
	if err != nil {
		t.Fatal(err)
	}
	return !slices.ContainsFunc(resources, func(r remediations.Resource) bool {
		switch r.Type {
		case "AWS::IAM::Group", "AWS::IAM::RootUser", "AWS::S3::AccountPublicAccessBlock": // the last is the account's own
			return true
		}
		return false
	})
}

// seedOf returns the seed of a case's random scenarios.
func seedOf(name string) (s [32]byte) {
	copy(s[:], name)
	return s
}

// injections returns each fault at each place where it can strike, for each of its durations.
func injections(places []place, c Case) []*injection {
	changing := c.World().Change != nil
	var all []*injection
	for _, p := range distinct(places) {
		for _, f := range faults() {
			if f.only != nil && !f.only(p) || f.name == changesResource && !changing {
				continue
			}
			for _, d := range f.durations {
				all = append(all, &injection{fault: f, place: p, duration: d, delivery: 1})
			}
		}
	}
	return all
}

// distinct returns the places in a stable order, without the middle pages of a list: its first and last pages are
// enough.
func distinct(places []place) []place {
	var all []place
	for _, p := range places {
		if pages := readsPerLook(places, p); p.kind != "read" || pages < 3 || p.nth%pages < 2 {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.service, b.service), cmp.Compare(a.operation, b.operation),
			cmp.Compare(a.nth, b.nth))
	})
	return all
}

// play plays one scenario and notes its breaches.
func play(t *testing.T, m *remediations.Module, c Case, at setup, base *baseline, res *results, plan ...*injection) {
	t.Helper()
	if !res.next() {
		return
	}
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, m, c, at, plan...)
		s.baseline = base
		s.deliver()
		s.checkEnd()
		if len(plan) == 1 && plan[0].hits == 0 {
			s.breach("the fault never struck")
		}
		res.add(s)
		res.addBreaches(c, s)
	})
}

// baselineOf plays a case without a fault.
func baselineOf(t *testing.T, m *remediations.Module, c Case, at setup, res *results) *baseline {
	t.Helper()
	b := new(baseline)
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, m, c, at)
		s.deliver()
		s.checkEnd()
		if s.failureQueue > 0 {
			s.breach("the run fails without a fault")
		}
		res.addBreaches(c, s)
		*b = baseline{places: s.places, state: s.state(), outcomes: outcomesOf(s.records()), records: len(s.records()),
			before: map[string]string{}}
		for _, r := range s.records() {
			b.before[r.ID] = string(r.Before)
		}
		if s.world.Change == nil {
			return
		}
		other := newScene(t, m, c, at)
		other.world.Change()
		other.deliver()
		b.changed = other.state()
		s.world.Change()
		b.changedAfter = s.state()
	})
	return b
}

// shape returns what makes cases equivalent: their operations, the number of writes, and the outcomes.
func (b *baseline) shape() string {
	var all []string
	writes := 0
	for _, p := range b.places {
		all = append(all, p.service+" "+p.operation)
		if p.kind == "write" {
			writes++
		}
	}
	slices.Sort(all)
	return fmt.Sprint(slices.Compact(all), writes, b.outcomes)
}
