package sandbox

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/countermand/countermand/remediations/engine"
)

// reports is a bucket that mallory attacks while Countermand is stopped, and after that.
const reports = "acme-reports"

// stopReason is why olga stops it.
const stopReason = "why does it change our buckets?"

// The policies of the bucket, without and with the statement that makes it public.
var (
	reportsKept   = strings.ReplaceAll(policyOf(legitimate), bucket, reports)
	reportsPublic = strings.ReplaceAll(policyOf(legitimate, public), bucket, reports)
)

// stopped: while all modules are stopped, an attack is recorded and nothing else; the next one is taken back.
func (p *play) stopped(ctx context.Context) error {
	if err := createBucket(ctx, p.own(), reports); err != nil {
		return err
	}
	if err := putPolicy(ctx, p.own(), reports, reportsKept); err != nil {
		return err
	}
	p.story.stopped()
	if err := p.olga(ctx, stopReason, "stop", "--reason", stopReason); err != nil {
		return err
	}
	left, err := p.expose(ctx, engine.Observed)
	if err != nil {
		return err
	}
	if !strings.Contains(left.Lowered, "olga@example.com") || !strings.Contains(left.Lowered, stopReason) || len(p.mailsAbout(left)) > 0 {
		return fmt.Errorf("run %s:\nexpected that it names olga and her reason, and no alert\nfound %q, and %d alerts", left.ID, left.Lowered, len(p.mailsAbout(left)))
	}
	p.story.say("")
	p.story.outcome(left, left.Lowered)
	shown, err := p.asOlga(ctx, "enforce     observe   olga@example.com", "status")
	if err != nil {
		return err
	}
	if !strings.Contains(shown, stopReason) {
		return fmt.Errorf("countermand status:\nexpected why it is stopped\nfound\n%s", shown)
	}
	if err := p.olga(ctx, stopReason, "resume"); err != nil {
		return err
	}
	right, err := p.expose(ctx, engine.Remediated)
	if err != nil {
		return err
	}
	p.story.say("\n   mallory calls the same once more.")
	p.story.outcome(right, "the bucket is private again")
	p.story.checked("while it was stopped, the attack was recorded, and the bucket left public", "status says who has stopped it, and why",
		"resumed, it takes the next attack back; on AWS that takes up to a minute, as functions ask that seldom")
	return nil
}

// fight: what was put right three times in a day, the first of these by stopped, is left to people, who are told by
// whom it is made wrong.
func (p *play) fight(ctx context.Context) error {
	p.story.fight()
	for range 2 {
		r, err := p.expose(ctx, engine.Remediated)
		if err != nil {
			return err
		}
		p.story.outcome(r, "the bucket is private again")
	}
	r, err := p.expose(ctx, engine.Contested)
	if err != nil {
		return err
	}
	about := p.mailsAbout(r)
	if len(about) != 1 || !slices.Equal(r.Rivals, []string{r.Principal}) || !strings.Contains(about[0].Text, "each time:\n  - "+r.Principal+"\n") {
		return fmt.Errorf("run %s:\nexpected 1 alert that names %s\nfound %+v", r.ID, r.Principal, about)
	}
	p.story.outcome(r, r.Limit)
	p.story.mail(about[0], "WHY NOTHING", "WHO ")
	p.story.checked("what was put right three times in a day is left to people the fourth time", "the alert names mallory")
	return p.noFailures(ctx)
}

// expose is mallory who makes the bucket public, and the run that comes of it. It waits for the alert that an outcome
// leads to, and checks what has become of the policy.
func (p *play) expose(ctx context.Context, want engine.Outcome) (engine.Record, error) {
	before := len(p.trail.Events())
	if err := putPolicy(ctx, p.attacker(malloryKey), reports, reportsPublic); err != nil {
		return engine.Record{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, attackTimeout)
	defer cancel()
	var run engine.Record
	err := eventually(ctx, func() error {
		call, err := struck(p.trail.Events()[before:], "PutBucketPolicy")
		if err != nil {
			return err
		}
		records, err := runs(ctx, p.own())
		if err != nil {
			return err
		}
		if run, err = ended(records, publicBucket().module, reports, call, want); err != nil {
			return err
		}
		if run.Alert == engine.AlertPending {
			return fmt.Errorf("run %s:\nexpected that its alert is sent\nfound that it is pending", run.ID)
		}
		if err := p.mailed(ctx, nil); err != nil {
			return err
		}
		if run.Alert == engine.AlertSent && len(p.mailsAbout(run)) == 0 {
			return fmt.Errorf("run %s:\nexpected its alert\nfound none", run.ID)
		}
		return nil
	})
	if err != nil {
		return run, err
	}
	policy, err := readPolicy(ctx, p.own(), reports)
	expected := reportsPublic
	if want == engine.Remediated {
		expected = reportsKept
	}
	if err == nil && !sameJSON(policy, expected) {
		err = fmt.Errorf("bucket %s:\nexpected the policy\n%s\nfound\n%s", reports, expected, policy)
	}
	return run, err
}
