package moduletest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
)

// Edge says that what one module writes makes another look.
type Edge struct {
	From, To string   // modules
	Events   []string // names of From's own events that make a resource suspect to To
	Acts     bool     // whether To can act, so that events may lead back
}

func (e Edge) String() string {
	then := "looks, and acts if it finds something"
	if !e.Acts {
		then = "looks, and never acts"
	}
	return fmt.Sprintf("%s writes (%s), %s %s", e.From, strings.Join(e.Events, ", "), e.To, then)
}

// OwnEvents is the events of the module's own writes, as Run keeps them; parent is the folder of all modules.
func OwnEvents(parent string, m *remediations.Module) ([][]byte, error) {
	text, err := os.ReadFile(filepath.Join(parent, m.Package(), "testdata", ownFile))
	if err != nil {
		return nil, fmt.Errorf("%w: the test of %s writes it, with -update", err, m.Name)
	}
	return slices.Collect(bytes.Lines(text)), nil
}

// Edges is what the modules' own events, by a module's name, make suspect to the others, sorted.
func Edges(modules []*remediations.Module, own map[string][][]byte) ([]Edge, error) {
	var edges []Edge
	for _, from := range modules {
		for _, to := range modules {
			if from == to { // the laws have seen to that
				continue
			}
			names, err := wakes(to, own[from.Name])
			if err != nil {
				return nil, fmt.Errorf("%s, on an event of what %s writes: %w", to.Name, from.Name, err)
			}
			if len(names) > 0 {
				edges = append(edges, Edge{From: from.Name, To: to.Name, Events: names, Acts: to.Action != nil})
			}
		}
	}
	return edges, nil
}

// wakes is the names of the events in which a module suspects something.
func wakes(m *remediations.Module, raw [][]byte) ([]string, error) {
	matcher, err := m.Pattern.Compile()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, text := range raw {
		matched, err := matcher.Match(text)
		if err != nil {
			return nil, err
		}
		if !matched {
			continue
		}
		event, err := events.Parse(text)
		if err != nil {
			return nil, err
		}
		suspects, err := m.Suspects(event)
		if err != nil {
			return nil, err
		}
		if len(suspects) > 0 {
			names = append(names, event.Record.EventName)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// Unsettled reports every edge that ends in an act, and every circle of them, for which no joint has all its modules.
func Unsettled(edges []Edge, joints []Joint) []error {
	next := map[string][]string{}
	var errs []error
	for _, e := range edges {
		if !e.Acts {
			continue
		}
		next[e.From] = append(next[e.From], e.To)
		if !together(joints, []string{e.From, e.To}) {
			errs = append(errs, fmt.Errorf("no joint world shows that it comes to rest: %s", e))
		}
	}
	seen := map[string]bool{}
	for _, e := range edges {
		circle := circleOf(next, e.From)
		if name := strings.Join(circle, ", "); len(circle) > 1 && !seen[name] {
			seen[name] = true
			if !together(joints, circle) {
				errs = append(errs, fmt.Errorf("no joint world shows that this circle comes to rest: %s", name))
			}
		}
	}
	return errs
}

// circleOf is the modules that one's events can reach and that can reach it, sorted; itself included.
func circleOf(next map[string][]string, module string) []string {
	circle := []string{module}
	for other := range reach(next, module) {
		if other != module && reach(next, other)[module] {
			circle = append(circle, other)
		}
	}
	slices.Sort(circle)
	return circle
}

// reach is the modules that one's events lead to, over others as well.
func reach(next map[string][]string, from string) map[string]bool {
	reached := map[string]bool{}
	for queue := next[from]; len(queue) > 0; queue = queue[1:] {
		if !reached[queue[0]] {
			reached[queue[0]] = true
			queue = slices.Concat(queue, next[queue[0]])
		}
	}
	return reached
}

// together reports whether a joint has all of some modules.
func together(joints []Joint, names []string) bool {
	return slices.ContainsFunc(joints, func(j Joint) bool {
		return !slices.ContainsFunc(names, func(name string) bool {
			return !slices.ContainsFunc(j.Modules, func(m *remediations.Module) bool { return m.Name == name })
		})
	})
}
