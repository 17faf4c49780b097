package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
)

// countsOf returns the counts that an action of the run raises. A retry of a run that began before does not count as
// one more time that somebody broke the resource.
func (e *Engine) countsOf(r *Record) []Count {
	day := e.Now().UTC().Truncate(24 * time.Hour)
	counts := []Count{
		e.moduleCount(),
		e.hourlyCount(e.Limits.Account, "in account", e.Account),
		e.hourlyCount(e.Limits.Principal, "on what was done by", r.countedPrincipal),
	}
	if r.Began {
		return counts
	}
	of := []string{r.Module, r.Resource.Account, r.Resource.Region, r.Resource.Type, r.Resource.ID}
	return append(counts, Count{
		Key: remediations.CountRow(day, of...), Most: e.Limits.Resource, Outcome: Contested, By: r.Principal, Expires: day.Add(48 * time.Hour),
		What: "times that this was put right since 00:00 UTC",
	})
}

// hourlyCount returns a count of actions in this hour.
func (e *Engine) hourlyCount(most int, of ...string) Count {
	hour := e.Now().UTC().Truncate(time.Hour)
	return Count{
		Key: remediations.CountRow(hour, of...), Most: most, Outcome: Limited, Expires: hour.Add(2 * time.Hour),
		What: fmt.Sprintf("actions %s since %s UTC", strings.Join(of, " "), hour.Format("15:04")),
	}
}

// moduleCount returns the count of the module's actions in this hour.
func (e *Engine) moduleCount() Count {
	return e.hourlyCount(e.Limits.Module, "of module", e.Module.Name)
}

// budgetLeft returns how many more actions the module has in this hour. If the store fails it returns nil: the run goes
// on.
func (e *Engine) budgetLeft(ctx context.Context, r *Record) *int {
	count := e.moduleCount()
	times, err := e.Store.ReadCount(ctx, count.Key)
	if err != nil {
		e.Log.WarnContext(ctx, "the remaining budget is unknown", "run", r.ID, "error", err)
		return nil
	}
	left := max(count.Most-times, 0)
	return &left
}

// countedPrincipal returns the principal whose budget an action uses. It is the role rather than the session, as the
// caller names the session.
func countedPrincipal(who events.Identity) string { return cmp.Or(who.Issuer.ARN, who.Principal()) }

// setLimited ends a run for which a count is full: nothing is done, and an alert is sent.
func (r *Record) setLimited(full *FullError) {
	r.Outcome, r.Limit = full.Count.Outcome, full.Error()
	if by := append(slices.Clone(full.By), r.Principal); r.Outcome == Contested {
		slices.Sort(by)
		r.Rivals = slices.Compact(by)
	}
}
