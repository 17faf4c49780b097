package moduletest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
)

// Joint is an event, and a world in which several modules work at once. The world has Events.
type Joint struct {
	Name    string
	Event   []byte
	World   func() *World // built afresh for each order of the modules
	Modules []*remediations.Module
}

// restless is how many events of our own a joint world may have before it is called a fight.
const restless = 20

// Settle gives the event to all modules, and then the events of what they write to all of them, until nobody writes any
// more: it is an error if that does not come about, in the order of the modules and the other way round. All enforce,
// with no limit to how often.
func Settle(ctx context.Context, j Joint) error {
	backward := slices.Clone(j.Modules)
	slices.Reverse(backward)
	return errors.Join(j.settle(ctx, j.Modules), j.settle(ctx, backward))
}

func (j Joint) settle(ctx context.Context, modules []*remediations.Module) error {
	event, err := events.Parse(j.Event)
	if err != nil {
		return err
	}
	s := &stage{world: j.World()}
	if s.world.Event == nil {
		return errors.New("its world does not say which events calls lead to (Event)")
	}
	var plays []*play
	for _, m := range modules {
		p, err := newPlay(m, remediations.Enforce, nil, event, s)
		if err != nil {
			return err
		}
		plays = append(plays, p)
	}
	var history []string
	for queue := [][]byte{j.Event}; len(queue) > 0; queue = queue[1:] {
		if len(history) > restless {
			return fmt.Errorf("they don't come to rest: %s, and so on", strings.Join(history[:6], ", "))
		}
		for i, p := range plays {
			seen := len(s.calls)
			if _, err := p.engine.Handle(ctx, numbered(queue[0], len(history))); err != nil {
				return err
			}
			for _, c := range s.calls[seen:] {
				if own := s.world.Event(c.in); own != nil {
					queue = append(queue, own)
					history = append(history, modules[i].Name+" calls "+c.operation)
				}
			}
		}
	}
	return nil
}

// numbered is an event with ids of its own, so that it is not taken for one that was delivered before.
func numbered(raw []byte, n int) []byte {
	return changed(raw, func(event map[string]any) {
		event["id"] = fmt.Sprintf("11111111-1111-4111-8111-%012d", n)
		detail(event)["eventID"] = fmt.Sprintf("22222222-2222-4222-8222-%012d", n)
	})
}
