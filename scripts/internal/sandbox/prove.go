package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/countermand/countermand/remediations/engine"
	records "github.com/countermand/countermand/remediations/ledger/bucket"
)

const (
	recordBucket = "countermand-records-" + account + "-" + region
	digestMaker  = "countermand-ledger-digest"
)

// tampering is something that somebody does to a copy of the bucket.
type tampering struct {
	title string
	do    func(folder string, records []string) error // records are the keys of those that a digest lists
	want  string                                      // what verify says of it
}

func tamperings() []tampering {
	return []tampering{
		{"One bit of a record is flipped:", func(folder string, records []string) error {
			path := filepath.Join(folder, records[0])
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text[len(text)/2] ^= 1
			return os.WriteFile(path, text, 0o600)
		}, "was changed: its SHA-256"},
		{"A record is deleted:", func(folder string, records []string) error {
			return os.Remove(filepath.Join(folder, records[0]))
		}, "is missing: "},
		{"Two records are swapped:", func(folder string, records []string) error {
			a, b, between := filepath.Join(folder, records[0]), filepath.Join(folder, records[1]), filepath.Join(folder, "between")
			return errors.Join(os.Rename(a, between), os.Rename(b, a), os.Rename(between, b))
		}, "they were swapped"},
	}
}

// prove checks the records of all that has happened, in the bucket and in a copy of it, and then copies in which
// somebody has changed something.
func (p *play) prove(ctx context.Context) error {
	p.story.prove()
	err := p.story.step("Waiting until the records are in the bucket, and making their digest", func() error {
		if _, err := p.settle(ctx); err != nil {
			return err
		}
		if err := p.archived(ctx); err != nil {
			return err
		}
		return p.closeHour(ctx)
	})
	if err != nil {
		return err
	}
	key, err := p.publicKey(ctx)
	if err != nil {
		return err
	}
	folder := filepath.Join(p.dir, "records")
	kept, err := p.download(ctx, folder)
	if err != nil {
		return err
	}
	for _, place := range []string{"s3://" + recordBucket, folder} {
		if err := p.olga(ctx, "all is well", "verify", p.shown(place), "--key", p.shown(key)); err != nil {
			return err
		}
	}
	for i, t := range tamperings() {
		p.story.say("\n   %s", t.title)
		tampered := fmt.Sprintf("%s-%d", folder, i+1)
		if err := os.CopyFS(tampered, os.DirFS(folder)); err != nil {
			return fmt.Errorf("copy the records: %w", err)
		}
		if err := t.do(tampered, kept); err != nil {
			return fmt.Errorf("tamper with the records: %w", err)
		}
		if err := p.olga(ctx, t.want, "verify", p.shown(tampered), "--key", p.shown(key)); err != nil {
			return err
		}
	}
	for _, function := range []string{"ledger-write", "ledger-digest"} {
		failed, err := take(ctx, p.own(), failureQueue(function))
		if err != nil || len(failed) > 0 {
			return errors.Join(err, fmt.Errorf("queue %s:\nexpected nothing\nfound %q", failureQueue(function), failed))
		}
	}
	p.story.checked(fmt.Sprintf("%d records in the bucket are as they were written, and that is signed", len(kept)),
		"a flipped bit, a deleted record and two swapped ones are found, without AWS")
	return nil
}

// shown is a path as a person in the repository would type it.
func (p *play) shown(path string) string {
	if short, err := filepath.Rel(p.root, path); err == nil && filepath.IsAbs(path) {
		return short
	}
	return path
}

// archived waits until the bucket has the last version of every run that has ended.
func (p *play) archived(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, quietTimeout)
	defer cancel()
	return eventually(ctx, func() error {
		all, err := runs(ctx, p.own())
		if err != nil {
			return err
		}
		var keys []string
		for key, err := range records.New(p.own(), recordBucket).Keys(ctx, "records/", "") {
			if err != nil {
				return err
			}
			keys = append(keys, key)
		}
		for _, r := range all {
			end := fmt.Sprintf("-%s-v%d.json", r.ID, r.Version)
			if r.Outcome != engine.Started && !slices.ContainsFunc(keys, func(key string) bool { return strings.HasSuffix(key, end) }) {
				return fmt.Errorf("bucket %s:\nexpected version %d of run %s, %s\nfound %d other records", recordBucket, r.Version, r.ID, r.Outcome, len(keys))
			}
		}
		return nil
	})
}

// closeHour has the digest of this hour made, as the rule would when the hour is over: by an event of that time.
func (p *play) closeHour(ctx context.Context) error {
	event, err := json.Marshal(map[string]any{"source": "aws.events", "detail-type": "Scheduled Event", "time": time.Now().UTC().Truncate(time.Hour).Add(time.Hour)})
	if err != nil {
		return fmt.Errorf("write the scheduled event: %w", err)
	}
	out, err := lambda.NewFromConfig(p.own()).Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String(digestMaker), Payload: event})
	if err != nil {
		return fmt.Errorf("invoke %s: %w", digestMaker, err)
	}
	if out.FunctionError != nil {
		return fmt.Errorf("%s:\nexpected that it makes a digest\nfound %s", digestMaker, out.Payload)
	}
	return nil
}

// publicKey is a file with the key that digests are checked with.
func (p *play) publicKey(ctx context.Context) (string, error) {
	out, err := kms.NewFromConfig(p.own()).GetPublicKey(ctx, &kms.GetPublicKeyInput{KeyId: aws.String("alias/countermand-ledger")})
	if err != nil {
		return "", fmt.Errorf("get the ledger's public key: %w", err)
	}
	file := filepath.Join(p.dir, "key.der")
	if err := os.WriteFile(file, out.PublicKey, 0o600); err != nil {
		return "", fmt.Errorf("write the ledger's public key: %w", err)
	}
	return file, nil
}

// download copies the bucket into a folder, as aws s3 sync does, and returns the records' keys.
func (p *play) download(ctx context.Context, folder string) (kept []string, err error) {
	b := records.New(p.own(), recordBucket)
	for key, err := range b.Keys(ctx, "", "") {
		if err != nil {
			return nil, err
		}
		body, _, err := b.Open(ctx, key)
		if err != nil {
			return nil, err
		}
		text, err := io.ReadAll(body)
		body.Close()
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", key, err)
		}
		path := filepath.Join(folder, filepath.FromSlash(key))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, text, 0o600)); err != nil {
			return nil, fmt.Errorf("copy %s: %w", key, err)
		}
		if strings.HasPrefix(key, "records/") {
			kept = append(kept, key)
		}
	}
	if len(kept) < 2 {
		return nil, fmt.Errorf("bucket %s:\nexpected several records\nfound %d", recordBucket, len(kept))
	}
	return kept, nil
}
