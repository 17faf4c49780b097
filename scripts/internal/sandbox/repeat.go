package sandbox

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/countermand/countermand/remediations/engine"
)

// repeat makes the first attack once more. It is taken back again; but people know that already, so that its alert is
// folded, and told by the summary.
func (p *play) repeat(ctx context.Context) error {
	a := attacks()[0]
	p.story.repeat()
	if _, err := a.strike(ctx, p.attacker(a.key)); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, attackTimeout)
	defer cancel()
	var run engine.Record
	err := eventually(ctx, func() error {
		records, err := runs(ctx, p.own())
		if err != nil {
			return err
		}
		run, err = repeated(records, a.module, p.done)
		return err
	})
	if err != nil {
		return err
	}
	p.done = append(p.done, run)
	function := aws.String("countermand-summary") // its schedule would take minutes
	out, err := lambda.NewFromConfig(p.own()).Invoke(ctx, &lambda.InvokeInput{FunctionName: function, Payload: []byte("{}")})
	if err != nil || out.FunctionError != nil {
		return fmt.Errorf("invoke %s: %v %s", *function, err, aws.ToString(out.FunctionError))
	}
	before := len(p.mails)
	err = eventually(ctx, func() error {
		if err := p.mailed(ctx, nil); err != nil {
			return err
		}
		return summarized(p.mails[before:], run)
	})
	if err != nil {
		return err
	}
	p.story.mail(p.mails[before])
	p.story.checked("it was taken back again", "instead of the same alert twice, one summary of what was folded")
	return nil
}

// repeated is the one run of a module that put something right, and that is not among those that did before.
func repeated(records []engine.Record, module string, before []engine.Record) (engine.Record, error) {
	var found []engine.Record
	for _, r := range records {
		known := slices.ContainsFunc(before, func(other engine.Record) bool { return other.ID == r.ID })
		if r.Module == module && r.Outcome == engine.Remediated && !known {
			found = append(found, r)
		}
	}
	if len(found) != 1 || found[0].Alert != engine.AlertFolded {
		return engine.Record{}, fmt.Errorf("expected 1 more run of %s that ended as Remediated, its alert folded\nfound %d: %+v", module, len(found), found)
	}
	return found[0], nil
}

// summarized reports whether the mail that has come is one summary, of one run.
func summarized(mails []mail, run engine.Record) error {
	if len(mails) != 1 || mails[0].Kind != engine.SummaryKind || mails[0].Folded == nil ||
		mails[0].Folded.Times != 1 || len(mails[0].Folded.Runs) != 1 || mails[0].Folded.Runs[0].Run != run.ID {
		return fmt.Errorf("expected 1 summary, of run %s\nfound %d messages: %+v", run.ID, len(mails), mails)
	}
	return nil
}
