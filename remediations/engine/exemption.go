package engine

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
)

// Exemption is what a record says of the exemption that its run is under.
type Exemption struct {
	Owner   string    `json:"owner"`
	Reason  string    `json:"reason"`
	Expires time.Time `json:"expires"`
	Until   string    `json:"until"`            // "until 2027-03-01, 9 days left", as it was then
	Matched string    `json:"matched"`          // which of its parts there are, all of which held
	Ending  bool      `json:"ending,omitempty"` // it ends within remediations.ExemptionNotice
}

// checkExemptions refuses what a configuration file can't have led to, before a mistake in it lets something pass.
func checkExemptions(c Config) error {
	for _, x := range c.Exemptions {
		if err := x.Validate(); err != nil {
			return fmt.Errorf("engine: exemption of %s: %w", x, err)
		}
		if x.Tag != "" && c.Tags == nil {
			return fmt.Errorf("engine: exemption of %s: tags can't be looked up", x)
		}
	}
	return nil
}

// findExemption is the exemption that a run is under, of several the one that lasts longest; nil if there is none. Tags
// are looked up only if that alone decides. An error means that it can't be told: then nothing may be done.
func (e *Engine) findExemption(ctx context.Context, r remediations.Resource, who events.Identity) (*Exemption, error) {
	var covering, tagged []remediations.Exemption
	for _, x := range e.Exemptions {
		covers, err := x.Covers(e.Module.Name, r, who, e.Now())
		switch {
		case err != nil:
			return nil, fmt.Errorf("exemption of %s: %w", x, err)
		case covers && x.Tag != "":
			tagged = append(tagged, x)
		case covers:
			covering = append(covering, x)
		}
	}
	if len(covering) == 0 && len(tagged) > 0 {
		tags, err := e.readTags(ctx, r)
		if err != nil {
			return nil, fmt.Errorf("exemption of %s: %w", tagged[0], err)
		}
		for _, x := range tagged {
			if x.HasTag(tags) {
				covering = append(covering, x)
			}
		}
	}
	return longestLasting(covering, e.Now()), nil
}

// readTags is the resource's tags. IAM's ARNs of snapshots and images have no account in them, and where tags are looked up
// they may have: both are asked for, as a tag that is not found would read as "not exempt".
func (e *Engine) readTags(ctx context.Context, r remediations.Resource) (map[string]string, error) {
	arn, err := r.ARN()
	if err != nil {
		return nil, err
	}
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 || parts[2] != "ec2" || parts[4] != "" {
		return e.Tags(ctx, r.Region, arn)
	}
	parts[4] = r.Account
	var tags, more map[string]string
	err = remediations.InParallel(
		func() (err error) { tags, err = e.Tags(ctx, r.Region, arn); return err },
		func() (err error) { more, err = e.Tags(ctx, r.Region, strings.Join(parts, ":")); return err },
	)
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	maps.Copy(all, more)
	maps.Copy(all, tags)
	return all, nil
}

// exemptsAnyPrincipal reports whether what some principal does to a resource is exempt, its tags aside. A sweep can't tell who
// did what it finds.
func (e *Engine) exemptsAnyPrincipal(r remediations.Resource) bool {
	for _, x := range e.Exemptions {
		somebody := x.Principal != ""
		x.Principal = ""
		covers, err := x.Covers(e.Module.Name, r, events.Identity{}, e.Now())
		if somebody && (covers || err != nil) {
			return true
		}
	}
	return false
}

func longestLasting(exemptions []remediations.Exemption, now time.Time) *Exemption {
	var last *Exemption
	for _, x := range exemptions {
		if last == nil || x.Expires.After(last.Expires) {
			last = &Exemption{
				Owner: x.Owner, Reason: x.Reason, Expires: x.Expires,
				Until: x.Until(now), Matched: x.String(), Ending: x.EndsSoon(now),
			}
		}
	}
	return last
}
