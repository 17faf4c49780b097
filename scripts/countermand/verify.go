package main

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/ledger"
	"github.com/countermand/countermand/remediations/ledger/bucket"
)

func verifyCommand(load loader) *cobra.Command {
	c := &cobra.Command{
		Use:   "verify FOLDER|s3://BUCKET",
		Short: "check that no record was changed, removed, added or reordered",
		Long: `Check the records of runs, and the signed digests that list them, in a copy of the bucket or in the bucket itself.

Each hour a digest lists the records that were written, with their SHA-256, and names the digest before it. It is
signed with a key that is in KMS and can't leave it: with the public key, anybody can check it anywhere. What is
found is said in a sentence each, and the exit status is 0 only if all is well, from the beginning of the chain (or
--since) up to two hours ago (or --until).

Whoever can remove everything can begin a chain anew, which is whole in itself. So keep the SHA-256 of the newest
digest that is printed, somewhere else: with --digest, the next check makes sure that it is in the chain still.

To make a copy, and to get the key:
  aws s3 sync s3://countermand-records-ACCOUNT-REGION records
  aws kms get-public-key --key-id alias/countermand-ledger --query PublicKey --output text | base64 -d > key.der

With a folder, nothing in AWS is called. With a bucket:
` + credentials + `
The credentials need s3:ListBucket and s3:GetObject on the bucket.`,
		Example: "  " + name + ` verify records --key key.der
  ` + name + ` verify records --key key.der --since 2026-11-01 --until 2026-12-01
  ` + name + ` verify s3://countermand-records-111122223333-eu-west-1 --key key.der --since 7d --format json`,
	}
	c.Args = func(c *cobra.Command, args []string) error {
		if len(args) > 1 {
			return fmt.Errorf("want one folder or bucket, got %d\nsee '%s --help'", len(args), c.CommandPath())
		}
		return some(1, "a folder, or s3:// and the name of a bucket,")(c, args)
	}
	f := c.Flags()
	keys := f.StringArray("key", nil, "`FILE` with the public key, DER or PEM; can be repeated, after the ledger got another key")
	since := f.String("since", "", "only hours from this `TIME` on: 24h, 7d, 2026-03-01 or 2026-03-01T10:00:00Z")
	until := f.String("until", "", "only hours up to this `TIME`, as for --since")
	digest := f.String("digest", "", "`SHA256` of a digest, which an earlier check has printed: it must be there still")
	region := regionOf(c, load, "the bucket")
	format := format(c, "text", "json")
	c.RunE = func(c *cobra.Command, args []string) error {
		p := &scanProgress{stderr: c.ErrOrStderr(), begun: time.Now()}
		looked := 0
		check := ledger.Check{Now: time.Now(), Progress: func(n int) { looked = n; p.show(n) }}
		if err := readCheck(&check, *keys, *since, *until, *digest); err != nil {
			return err
		}
		objects, err := openLedger(c.Context(), region, args[0], &check)
		if err != nil {
			return err
		}
		report, err := ledger.Verify(c.Context(), objects, check)
		p.end(looked)
		if err != nil {
			return fmt.Errorf("%s could not be checked: %w", called(args[0]), explainBucket(err))
		}
		return printReport(c.OutOrStdout(), report, *format == "json")
	}
	return c
}

var sha256Form = regexp.MustCompile(`^[0-9a-f]{64}$`)

// readCheck reads the flags.
func readCheck(check *ledger.Check, keys []string, since, until, digest string) (err error) {
	if len(keys) == 0 {
		return errors.New("--key is missing: without the ledger's public key, anybody could have signed\n" +
			"aws kms get-public-key --key-id alias/countermand-ledger --query PublicKey --output text | base64 -d > key.der")
	}
	for _, file := range keys {
		key, err := readKey(file)
		if err != nil {
			return fmt.Errorf("--key %s: %w", called(file), err)
		}
		check.Keys = append(check.Keys, key)
	}
	if digest != "" && !sha256Form.MatchString(digest) {
		return fmt.Errorf("--digest %s: want the SHA-256 of a digest, 64 hexadecimal digits in lower case", digest)
	}
	check.Digest = digest
	if check.Since, err = readSince(since, check.Now); err != nil {
		return err
	}
	if check.Until, err = readTime("--until", until, check.Now); err != nil {
		return err
	}
	if until != "" && check.Until.Sub(check.Since) < time.Hour {
		return fmt.Errorf("--until %s: want at least an hour after --since", until)
	}
	return nil
}

// maxKey bounds what is read of a public key, in bytes. One of this kind has about 200.
const maxKey = 64 << 10

func readKey(file string) (*ecdsa.PublicKey, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxKey))
	if err != nil {
		return nil, err
	}
	return ledger.ParsePublicKey(text)
}

var bucketForm = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// openLedger is the bucket or the folder that an argument names.
func openLedger(ctx context.Context, r *region, place string, check *ledger.Check) (ledger.Objects, error) {
	named, ok := strings.CutPrefix(place, "s3://")
	if !ok {
		return openFolder(place)
	}
	check.Bucket = strings.TrimSuffix(named, "/")
	if !bucketForm.MatchString(check.Bucket) {
		return nil, fmt.Errorf("want s3:// and the name of a bucket, got %q", place)
	}
	cfg, err := r.open(ctx)
	if err != nil {
		return nil, err
	}
	return bucket.New(cfg, check.Bucket), nil
}

// explainBucket is an error of the bucket, with what to do about one that is not there.
func explainBucket(err error) error {
	if remediations.ErrorCode(err) == "NoSuchBucket" {
		return errors.New("there is no such bucket: its name is in the outputs of the stack Countermand, unless the ledger is off")
	}
	return err
}

// printReport prints a report. It is an error if anything is wrong.
func printReport(out io.Writer, r *ledger.Report, asJSON bool) error {
	if asJSON {
		if err := writeJSON(out, r, "  "); err != nil {
			return err
		}
	} else if err := writeText(out, reportText(paintFor(out), r)); err != nil {
		return err
	}
	if n := len(r.Problems); n > 0 {
		return fmt.Errorf("%s: what was recorded is not as it was written, or not proven", count(n, "problem"))
	}
	return nil
}

func reportText(p paint, r *ledger.Report) string {
	var b strings.Builder
	for _, problem := range r.Problems {
		fmt.Fprintf(&b, "%s %s %s\n", p.alarm("wrong:"), printable(problem.Object), printable(problem.What))
	}
	if r.Digests == 0 {
		return b.String()
	}
	at := func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }
	fmt.Fprintf(&b, "checked: %s, from %s to %s UTC; %s as written", count(r.Digests, "digest"), at(r.From), at(r.Until), count(r.Records, "record"))
	if r.Duplicates > 0 {
		fmt.Fprintf(&b, ", %d of them twice", r.Duplicates)
	}
	b.WriteString("\n")
	if r.Expired > 0 {
		fmt.Fprintf(&b, "expired: %s, whose time was over\n", count(r.Expired, "record"))
	}
	if r.Open > 0 {
		fmt.Fprintf(&b, "not proven yet: %s newer than the newest digest\n", count(r.Open, "record"))
	}
	if len(r.Problems) > 0 {
		return b.String()
	}
	if r.Begins {
		b.WriteString("the chain of digests begins there\n")
	}
	fmt.Fprintf(&b, "newest digest, to be kept for --digest: %s\n", r.Newest)
	b.WriteString(p.good("all is well: nothing was changed, removed, added or reordered") + "\n")
	return b.String()
}
