package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/countermand/countermand/remediations/engine"
)

// addition is a statement that somebody adds to the policy after Countermand has put it right.
const addition = `{
      "Sid": "BackupRead",
      "Effect": "Allow",
      "Principal": {"AWS": "arn:aws:iam::111122223333:role/backup"},
      "Action": "s3:GetObject",
      "Resource": "arn:aws:s3:::acme-invoices/*"
    }`

// Who exempts the bucket, and why.
const (
	exempter     = "olga"
	exemptReason = "the invoices are samples"
)

// takeBack takes back what Countermand did to the public bucket, as its owner would: with the command line, and with
// an exemption deployed before, as the module enforces.
func (p *play) takeBack(ctx context.Context) error {
	i := len(p.done) - 1 // the last: it was attacked twice
	for i >= 0 && p.done[i].Resource.ID != bucket {
		i--
	}
	if i < 0 {
		return fmt.Errorf("expected a run that put bucket %s right\nfound none", bucket)
	}
	run := p.done[i]
	p.story.takeBack()
	if err := p.undoOfChanged(ctx, run); err != nil {
		return err
	}
	exempt := strings.NewReplacer("(your team)", exempter, "(why it has to be like this)", exemptReason).Replace(engine.ExemptionYAML(&run))
	err := p.story.step("Deploying an exemption of the bucket", func() error {
		return deploy(ctx, p.root, p.dir, p.url.String(), exempt+"\n")
	})
	if err != nil {
		return err
	}
	if err := p.undoOfExempt(ctx, run); err != nil {
		return err
	}
	if err := p.olga(ctx, "was already undone", "undo", run.ID, "--yes"); err != nil {
		return err
	}
	if err := p.olga(ctx, bucket, "runs", "--resource", bucket); err != nil {
		return err
	}
	p.story.checked("what has changed since is not undone", "the policy is back, byte for byte as mallory wrote it",
		"Countermand heard of it, kept its hands off what is exempt, and says by which exemption", "a run is taken back once")
	return nil
}

// undoOfChanged: somebody has changed the policy since, and undo leaves that alone.
func (p *play) undoOfChanged(ctx context.Context, run engine.Record) error {
	changed := policyOf(legitimate, addition)
	if err := putPolicy(ctx, p.own(), bucket, changed); err != nil {
		return err
	}
	p.story.say("   Meanwhile somebody has let the role backup read it.")
	args := []string{"undo", run.ID, "--yes"}
	printed, _, err := p.unseen(ctx, "\n+      \"Sid\": \"BackupRead\",\n", args...)
	if err != nil {
		return err
	}
	// It ends with the long command that would put it back all the same.
	what, _, _ := strings.Cut(printed, "\n\nto put it back all the same")
	p.story.typed(args, what)
	if err := p.policyIs(ctx, changed); err != nil {
		return err
	}
	p.story.say("\n   They take that out again.")
	return putPolicy(ctx, p.own(), bucket, policyOf(legitimate))
}

// undoOfExempt: the policy is put back, and stays.
func (p *play) undoOfExempt(ctx context.Context, run engine.Record) error {
	if err := p.olga(ctx, "It is put back", "undo", run.ID, "--yes"); err != nil {
		return err
	}
	wanted := policyOf(legitimate, public)
	if err := p.policyIs(ctx, wanted); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, attackTimeout)
	defer cancel()
	var left engine.Record
	err := eventually(ctx, func() error {
		records, err := runs(ctx, p.own())
		if err != nil {
			return err
		}
		left, err = exempted(records, run)
		return err
	})
	if err != nil {
		return err
	}
	x := left.Exemption
	p.story.say("\n   %s by %s, owner %s, %s: %s", faint.Sprint("exempt "), x.Matched, x.Owner, x.Until, x.Reason)
	return p.policyIs(ctx, wanted)
}

// olga runs the command line as olga, and shows what it printed. Its exit status is 0 unless it refuses, and what it
// prints holds a text.
func (p *play) olga(ctx context.Context, want string, args ...string) error {
	_, err := p.asOlga(ctx, want, args...)
	return err
}

// asOlga is olga, and returns what was printed.
func (p *play) asOlga(ctx context.Context, want string, args ...string) (string, error) {
	printed, refused, err := p.unseen(ctx, want, args...)
	if err == nil {
		p.story.command(args, printed, refused)
	}
	return printed, err
}

// unseen is asOlga, and shows nothing.
func (p *play) unseen(ctx context.Context, want string, args ...string) (text string, refused bool, err error) {
	command := exec.CommandContext(ctx, p.self, args...)
	command.Dir = p.root
	command.Env = []string{
		"HOME=" + filepath.Join(p.dir, "home"), // nothing of the user's own AWS configuration gets in
		"PATH=" + os.Getenv("PATH"),
		"NO_COLOR=1",
		"AWS_ENDPOINT_URL=" + p.endpoint,
		"AWS_ACCESS_KEY_ID=" + olgaKey,
		"AWS_SECRET_ACCESS_KEY=test",
		"AWS_REGION=" + region,
		"AWS_EC2_METADATA_DISABLED=true",
	}
	printed, err := command.CombinedOutput()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		return "", false, fmt.Errorf("run countermand %s: %w", args[0], err)
	}
	refused = strings.Contains("\n"+string(printed), "\ncountermand: ")
	if refused != (err != nil) || !strings.Contains(string(printed), want) {
		return "", refused, fmt.Errorf("countermand %s:\nexpected that it says %q\nfound %v, and\n%s", strings.Join(args, " "), want, command.ProcessState, printed)
	}
	return string(printed), refused, nil
}

// policyIs compares the bucket's policy with a text, byte for byte.
func (p *play) policyIs(ctx context.Context, want string) error {
	policy, err := readPolicy(ctx, p.own(), bucket)
	if err == nil && policy != want {
		err = fmt.Errorf("bucket %s:\nexpected the policy, byte for byte\n%s\nfound\n%s", bucket, want, policy)
	}
	return err
}
