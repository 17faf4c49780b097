package sandbox

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/countermand/countermand/remediations/engine"
	"github.com/countermand/countermand/scripts/internal/trail"
)

// struck is the event of an attack's call. It is an error if there is not exactly one.
func struck(events []trail.Event, call string) (trail.Event, error) {
	var found []trail.Event
	for _, e := range events {
		if e.Name == call && module(e) == "" {
			found = append(found, e)
		}
	}
	if len(found) != 1 {
		return trail.Event{}, fmt.Errorf("expected 1 event %s\nfound %d", call, len(found))
	}
	return found[0], nil
}

// module is the module whose function made a call, empty if somebody else made it.
func module(e trail.Event) string {
	_, role, own := strings.Cut(e.Principal, ":assumed-role/countermand-")
	if !own {
		return ""
	}
	name, _, _ := strings.Cut(role, "/")
	return name
}

// remediated is the run of each resource that an attack was about. It is an error if one has not exactly
// one run for the call, or one that ended otherwise.
func remediated(records []engine.Record, module string, resources []string, call trail.Event) ([]engine.Record, error) {
	var done []engine.Record
	for _, id := range resources {
		var of []engine.Record
		for _, r := range records {
			if r.Module == module && r.Resource.ID == id && r.EventID == call.ID {
				of = append(of, r)
			}
		}
		if len(of) != 1 {
			return nil, fmt.Errorf("%s:\nexpected 1 run of %s\nfound %d", id, module, len(of))
		}
		if of[0].Outcome != engine.Remediated || of[0].Alert != engine.AlertSent {
			return nil, fmt.Errorf("%s:\nexpected a run of %s that ended as Remediated, its alert sent\nfound %s, alert %q, error %q",
				id, module, of[0].Outcome, of[0].Alert, of[0].Error)
		}
		done = append(done, of[0])
	}
	return done, nil
}

// settled judges everything that has happened, when nothing happens any more: every run ended well, as many
// resources were put right as were attacked, and Countermand made exactly the calls that its run records own
// up to. Its own calls are events as well: one that led to another would show here. It returns how many
// calls that write Countermand made.
func settled(records []engine.Record, events []trail.Event, acted int) (int, error) {
	right := 0
	claimed, seen := map[string]int{}, map[string]int{}
	for _, r := range records {
		switch r.Outcome {
		case engine.Remediated:
			right++
		case engine.Clean:
		default:
			return 0, fmt.Errorf("expected only runs that ended as Remediated or Clean\nfound %s of %s for %s: %s", r.Outcome, r.Module, r.Resource.ID, r.Error)
		}
		for _, c := range r.Calls {
			if c.Write && !c.Fenced {
				claimed[r.Module]++
			}
		}
	}
	if right != acted {
		return 0, fmt.Errorf("expected %d runs that ended as Remediated\nfound %d: something is put right again and again, or not at all", acted, right)
	}
	own := 0
	for _, e := range events {
		if m := module(e); m != "" {
			own++
			seen[m]++
			claimed[m] += 0 // so that it is compared
		}
	}
	for m, calls := range claimed {
		if seen[m] != calls {
			return 0, fmt.Errorf("expected the %d calls that write of %s's run records\nfound %d in the trail", calls, m, seen[m])
		}
	}
	return own, nil
}

// exempted is the run that heard of the undo of another and kept its hands off, for the exemption that was deployed. It
// is an error if taking that run back has not led to one that ended as Undone, and to this one alone.
func exempted(records []engine.Record, undone engine.Record) (engine.Record, error) {
	var left engine.Record
	found := map[engine.Outcome]int{}
	for _, r := range records {
		if r.Resource.ID == undone.Resource.ID && r.Started.After(undone.Started) && (r.Undoes == undone.ID || r.EventName == undone.EventName) {
			found[r.Outcome]++
			if r.Outcome == engine.Exempt {
				left = r
			}
		}
	}
	if found[engine.Undone] != 1 || found[engine.Exempt] != 1 || found[engine.Remediated] != 0 {
		return left, fmt.Errorf("%s:\nexpected a run that ended as Undone and one that ended as Exempt\nfound %v", undone.Resource.ID, found)
	}
	x, ends := left.Exemption, undone.Started.AddDate(0, 3, 0).Format(time.DateOnly)
	if x == nil || x.Owner != exempter || x.Reason != exemptReason || x.Expires.Format(time.DateOnly) != ends || x.Matched != "resource "+undone.Resource.ID {
		return left, fmt.Errorf("%s:\nexpected that it is exempt for %s until %s: %s\nfound %+v", undone.Resource.ID, exempter, ends, exemptReason, x)
	}
	return left, nil
}

// ended is the one run of a module on a resource for a call. Other modules may have looked at it, too. It is an error if there is not one, or if it ended otherwise.
func ended(records []engine.Record, module, resource string, call trail.Event, as engine.Outcome) (engine.Record, error) {
	var found []engine.Record
	for _, r := range records {
		if r.Module == module && r.Resource.ID == resource && r.EventID == call.ID {
			found = append(found, r)
		}
	}
	if len(found) != 1 || found[0].Outcome != as {
		return engine.Record{}, fmt.Errorf("%s:\nexpected 1 run of %s that ended as %s\nfound %+v", resource, module, as, found)
	}
	return found[0], nil
}

// writes are the calls that write of a run, by IAM's names.
func writes(r engine.Record) []string {
	var names []string
	for _, c := range r.Calls {
		if c.Write && !slices.Contains(names, c.Action) {
			names = append(names, c.Action)
		}
	}
	return names
}
