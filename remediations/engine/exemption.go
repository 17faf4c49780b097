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

// An Exemption is what a record says about the exemption that covers its run.
type Exemption struct {
	Owner   string    `json:"owner"`
	Reason  string    `json:"reason"`
	Expires time.Time `json:"expires"`
	Until   string    `json:"until"`            // "until 2027-03-01, 9 days left", at the time of the run
	Matched string    `json:"matched"`          // the parts of the exemption, all of which matched
	Ending  bool      `json:"ending,omitempty"` // it ends within remediations.ExemptionNotice
}

// checkExemptions refuses exemptions that no checked configuration file contains, before a mistake in one lets
// something pass.
func checkExemptions(c Config) error {
	for _, x := range c.Exemptions {
		if err := x.Validate(); err != nil {
			return fmt.Errorf("engine: exemption of %s: %w", x, err)
		}
		if x.Tag != "" && c.Tags == nil {
			return fmt.Errorf("engine: exemption of %s: there is no way to look up tags", x)
		}
	}
	return nil
}

// findExemption returns the exemption that covers a run, of several the one that lasts longest, or nil. It looks up
// tags only if they decide. An error means that the answer is unknown: then nothing may be done.
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

// readTags returns the resource's tags. The ARNs of snapshots and images contain no account in IAM, but may do so in
// the tagging API. It asks for both, as a missed tag would read as "not exempt".
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

// exemptsAnyPrincipal reports whether some principal's calls on a resource are exempt, tags aside. A sweep cannot know
// who caused a state.
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

// longestLasting returns the exemption that ends last, or nil.
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
