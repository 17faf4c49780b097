package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/countermand/countermand/remediations/engine"
	"github.com/countermand/countermand/remediations/modules"
)

const (
	attackTimeout = 30 * time.Second // for an attack to be taken back; it takes a second
	quiet         = 2 * time.Second  // without an event or a run: nothing goes on any more
	quietTimeout  = 30 * time.Second
	look          = 100 * time.Millisecond // between two looks at the emulator
)

// Play deploys Countermand onto an emulator, attacks it, tells what happens, and stops everything. Its
// error says what was expected and what was found. self is the command line's own program, which takes one run back.
func Play(ctx context.Context, root string, out io.Writer, self string) (err error) {
	lock, err := takeLock(ctx, root, "play")
	if err != nil {
		return err
	}
	defer lock.release()
	began := time.Now()
	story := &story{out: out}
	var s *sandbox
	defer func() {
		if s != nil {
			err = errors.Join(err, s.stopped())
		}
		err = interrupted(ctx, err)
	}()
	story.title("Countermand in a sandbox: an AWS emulator on this machine, no account, nothing leaves it")
	err = story.step("Starting the emulator", func() (err error) {
		s, err = start(ctx, root, filepath.Join(root, ".sandbox", "play"))
		return err
	})
	if err != nil {
		return err
	}
	if err := story.step("Deploying the stack with the CDK", func() error { return deploy(ctx, root, s.dir, s.url.String(), "") }); err != nil {
		return err
	}
	if err := openMailbox(ctx, s.own()); err != nil {
		return err
	}
	p := &play{sandbox: s, story: story, self: self}
	if err := p.all(ctx); err != nil {
		return fmt.Errorf("%w\nwhat the functions logged is in %s", err, filepath.Join(s.dir, "emulator.log"))
	}
	story.end(time.Since(began))
	return nil
}

// interrupted is what to say if the user has ended it: not which call happened to notice.
func interrupted(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return errors.New("interrupted; everything is stopped")
	}
	return err
}

// play is a sandbox that is being attacked, and what has come of it so far.
type play struct {
	*sandbox
	story *story
	self  string // the command line's own program
	mails []mail
	done  []engine.Record // the runs that put the attacked resources right
}

// all plays the attacks, one of them twice, looks what they have led to, tries bad input, takes one run back, stops
// Countermand for a while, fights with it, and checks the records.
func (p *play) all(ctx context.Context) error {
	if err := p.inOneHour(ctx); err != nil {
		return err
	}
	for i, a := range attacks() {
		if err := p.attack(ctx, i+1, a); err != nil {
			return fmt.Errorf("attack %d, %s: %w", i+1, a.module, err)
		}
	}
	if err := p.repeat(ctx); err != nil {
		return fmt.Errorf("the first attack once more: %w", err)
	}
	if err := p.aftermath(ctx); err != nil {
		return err
	}
	if err := p.badInput(ctx); err != nil {
		return err
	}
	if err := p.takeBack(ctx); err != nil {
		return err
	}
	if err := p.stopped(ctx); err != nil {
		return err
	}
	if err := p.fight(ctx); err != nil {
		return err
	}
	return p.prove(ctx)
}

// playTime is how long a play may take from the first attack to the last; it takes half a minute.
const playTime = 2 * time.Minute

// inOneHour waits for the next hour if this one is nearly over. Alerts are folded by the hour of the clock and fights
// counted by the day (UTC): a play that goes on in the next one would have another story.
func (p *play) inOneHour(ctx context.Context) error {
	left := hourLeft(time.Now())
	if left > playTime {
		return nil
	}
	return p.story.step("Waiting for the next hour, as alerts and fights are counted by the clock", func() error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(left):
			return nil
		}
	})
}

// hourLeft is how much of the hour of the clock (UTC) is left.
func hourLeft(now time.Time) time.Duration { return now.Truncate(time.Hour).Add(time.Hour).Sub(now) }

// attack makes one attack, waits until it is taken back, and tells it.
func (p *play) attack(ctx context.Context, number int, a attack) error {
	if a.prepare != nil {
		if err := a.prepare(ctx, p.own()); err != nil {
			return err
		}
	}
	p.story.chapter(number, a)
	began := time.Now()
	resources, err := a.strike(ctx, p.attacker(a.key))
	if err != nil {
		return err
	}
	attacked, err := a.state(ctx, p.own(), resources)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, attackTimeout)
	defer cancel()
	var done []engine.Record
	err = eventually(ctx, func() (err error) {
		call, err := struck(p.trail.Events(), a.call)
		if err != nil {
			return err
		}
		if err := a.check(ctx, p.own(), resources, call); err != nil {
			return err
		}
		records, err := runs(ctx, p.own())
		if err != nil {
			return err
		}
		if done, err = remediated(records, a.module, resources, call); err != nil {
			return err
		}
		return p.mailed(ctx, done)
	})
	if err != nil {
		return err
	}
	p.done = append(p.done, done...)
	now, err := a.state(ctx, p.own(), resources)
	if err != nil {
		return err
	}
	p.story.told(a, began, done, attacked, now)
	for i, r := range done {
		if m := p.mailsAbout(r)[0]; number == 1 && i == 0 {
			p.story.mail(m)
		} else {
			p.story.subject(m) // one is enough to know what they are like
		}
	}
	p.story.checked(a.right, "one run and one alert for each resource")
	return nil
}

// mailed reports whether the mailbox has exactly one alert about each run.
func (p *play) mailed(ctx context.Context, done []engine.Record) error {
	arrived, err := takeMail(ctx, p.own())
	if err != nil {
		return err
	}
	p.mails = append(p.mails, arrived...)
	for _, r := range done {
		if n := p.mailsAbout(r); len(n) != 1 {
			return fmt.Errorf("%s:\nexpected 1 alert about run %s\nfound %d", r.Resource.ID, r.ID, len(n))
		}
	}
	return nil
}

func (p *play) mailsAbout(r engine.Record) []mail {
	var about []mail
	for _, m := range p.mails {
		if m.Run == r.ID {
			about = append(about, m)
		}
	}
	return about
}

// aftermath waits until nothing happens any more, and checks that nothing has happened that should not
// have: Countermand's own calls are events as well, and must lead to no further call.
func (p *play) aftermath(ctx context.Context) error {
	var records []engine.Record
	err := p.story.step("Waiting until nothing happens any more", func() (err error) {
		records, err = p.settle(ctx)
		return err
	})
	if err != nil {
		return err
	}
	if n := p.trail.Lost(); n > 0 {
		return fmt.Errorf("the trail could not deliver %d events: see %s", n, filepath.Join(p.dir, "trail.log"))
	}
	own, err := settled(records, p.trail.Events(), len(p.done))
	if err != nil {
		return err
	}
	if err := p.mailed(ctx, nil); err != nil {
		return err
	}
	if len(p.mails) != len(p.done) {
		return fmt.Errorf("expected %d messages, found %d", len(p.done), len(p.mails))
	}
	if err := p.noFailures(ctx); err != nil {
		return err
	}
	p.story.checked(fmt.Sprintf("Countermand's own %d calls that write came back as events, and led to no further call", own),
		"no failure queue holds anything")
	return nil
}

// settle waits until neither the trail nor the run table has anything new for a while.
func (p *play) settle(ctx context.Context) ([]engine.Record, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, quietTimeout, fmt.Errorf("expected that nothing happens any more\nfound that after %s it still goes on", quietTimeout))
	defer cancel()
	since, before := time.Now(), [2]int{}
	for {
		records, err := runs(ctx, p.own())
		if err != nil {
			return nil, err
		}
		if now := [2]int{len(p.trail.Events()), len(records)}; now != before {
			since, before = time.Now(), now
		}
		if time.Since(since) > quiet {
			return records, nil
		}
		if err := pause(ctx); err != nil {
			return nil, context.Cause(ctx)
		}
	}
}

// noFailures reports an event in any failure queue.
func (p *play) noFailures(ctx context.Context) error {
	for _, m := range modules.All() {
		failed, err := take(ctx, p.own(), failureQueue(m.Name))
		if err != nil {
			return err
		}
		if len(failed) > 0 {
			return fmt.Errorf("queue %s:\nexpected no failed event\nfound %d, the first of them\n%s", failureQueue(m.Name), len(failed), failed[0])
		}
	}
	return nil
}

func failureQueue(module string) string { return "countermand-" + module + "-failures" }

// eventually calls check until it returns nil or the context ends, and then returns check's last word.
func eventually(ctx context.Context, check func() error) error {
	var last error
	for {
		err := check()
		if err == nil {
			return nil
		}
		if ctx.Err() == nil || last == nil {
			last = err // not that the time was up in the middle of a call
		}
		if pause(ctx) != nil {
			return last
		}
	}
}

func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(look):
		return nil
	}
}
