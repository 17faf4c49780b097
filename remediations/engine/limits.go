package engine

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/countermand/countermand/events"
)

// A Count is how often something was done in an hour or a day. It goes up with a run's first record or not at all.
type Count struct {
	Key     string    // of what, and when
	Most    int       // how far it goes
	What    string    // the same for people: "actions of s3-public-policy since 13:00 UTC"
	Outcome Outcome   // of a run that finds it full
	By      string    // who is noted with it; nobody if empty
	Expires time.Time // when it can be forgotten
}

// FullError is a store's refusal to begin a run: a count is full. Nothing was written.
type FullError struct {
	Count Count
	By    []string // who is noted with it, sorted
}

func (e *FullError) Error() string { return fmt.Sprintf("%d %s", e.Count.Most, e.Count.What) }

// counts are what an action of the run adds to. A retry of a run that began before is not one more time that somebody
// breaks the resource.
func (e *Engine) counts(r *Record) []Count {
	hour, day := e.Now().UTC().Truncate(time.Hour), e.Now().UTC().Truncate(24*time.Hour)
	hourly := func(most int, of ...string) Count {
		return Count{
			Key: countKey(hour, of...), Most: most, Outcome: Limited, Expires: hour.Add(2 * time.Hour),
			What: fmt.Sprintf("actions %s since %s UTC", strings.Join(of, " "), hour.Format("15:04")),
		}
	}
	counts := []Count{
		hourly(e.Limits.Module, "of module", r.Module),
		hourly(e.Limits.Account, "in account", e.Account),
		hourly(e.Limits.Principal, "on what was done by", r.counted),
	}
	if r.Began {
		return counts
	}
	of := []string{r.Module, r.Resource.Account, r.Resource.Region, r.Resource.Type, r.Resource.ID}
	return append(counts, Count{
		Key: countKey(day, of...), Most: e.Limits.Resource, Outcome: Contested, By: r.Principal, Expires: day.Add(48 * time.Hour),
		What: "times that this was put right since 00:00 UTC",
	})
}

// countedOn is whom an action is counted on. Whoever assumes a role names the session, so that it is the role that counts.
func countedOn(who events.Identity) string { return cmp.Or(who.Issuer.ARN, who.Principal()) }

// countKey names a count. A run's id never begins like it: a module's name has no capital letter.
func countKey(since time.Time, of ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(of, "\x00")))
	return "COUNT-" + since.Format("2006-01-02T15") + "-" + hex.EncodeToString(sum[:10])
}

// stop ends a run that found a count full: nothing is done, and people are told.
func (r *Record) stop(full *FullError) {
	r.Outcome, r.Limit = full.Count.Outcome, full.Error()
	if by := append(slices.Clone(full.By), r.Principal); r.Outcome == Contested {
		slices.Sort(by)
		r.Rivals = slices.Compact(by)
	}
}
