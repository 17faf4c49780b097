package ledger

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"
)

// A Check says what to verify.
type Check struct {
	Keys     []*ecdsa.PublicKey // of the ledger; several after its key was replaced
	Since    time.Time          // first hour to check; zero for the beginning of the chain
	Until    time.Time          // end of the hours to check; zero for the present
	Now      time.Time
	Bucket   string            // required bucket of the digests; empty for any
	Digest   string            // SHA-256 of a digest that must still be in the chain; empty for none
	Progress func(objects int) // called with the number of objects checked so far
}

// A Report is the result of Verify.
type Report struct {
	From       time.Time `json:"from"`  // beginning of the digests that were checked
	Until      time.Time `json:"until"` // end of the chain
	Begins     bool      `json:"begins"`
	Digests    int       `json:"digests"`
	Records    int       `json:"records"`    // unchanged
	Duplicates int       `json:"duplicates"` // of these, written twice, as deliveries are at least once
	Expired    int       `json:"expired"`    // deleted after their retention
	Open       int       `json:"open"`       // written since the newest digest, so not proven yet
	Newest     string    `json:"newest"`     // SHA-256 of the newest digest
	Problems   []Problem `json:"problems"`
}

// A Problem is something that differs from what was written.
type Problem struct {
	Object string `json:"object"`
	What   string `json:"what"` // completes a sentence that begins with the object
}

// maxDelay is how old the end of a chain may be: one hour to pass, and one to make its digest.
const maxDelay = 2 * time.Hour

// Verify checks digests and records. An error means that the check could not be done; problems with the ledger are in
// the report.
func Verify(ctx context.Context, o Objects, c Check) (*Report, error) {
	v := &verifier{Check: c, objects: o, report: &Report{Problems: []Problem{}}, records: map[time.Time][]string{}}
	v.Since, v.Until = v.Since.UTC().Truncate(time.Hour), v.Until.UTC().Truncate(time.Hour)
	if err := v.list(ctx); err != nil {
		return nil, err
	}
	if err := v.load(ctx); err != nil {
		return nil, err
	}
	v.checkChain()
	v.checkEnds()
	if err := v.checkRecords(ctx); err != nil {
		return nil, err
	}
	v.checkUnlisted()
	v.checkVersions()
	return v.report, nil
}

// A verifier is one check in progress.
type verifier struct {
	Check
	objects     Objects
	report      *Report
	digests     []*storedDigest        // by hour
	records     map[time.Time][]string // keys by hour
	objectCount int
}

// A storedDigest is a digest as it is stored.
type storedDigest struct {
	key       string
	hour      time.Time
	text      []byte
	signature []byte
	digest    *Digest // nil if it cannot be trusted
}

// addProblem reports a problem.
func (v *verifier) addProblem(object, format string, args ...any) {
	v.report.Problems = append(v.report.Problems, Problem{object, fmt.Sprintf(format, args...)})
}

// addProgress reports that n more objects were checked.
func (v *verifier) addProgress(n int) {
	v.objectCount += n
	if v.Progress != nil {
		v.Progress(v.objectCount)
	}
}

// within reports whether an hour is to be checked.
func (v *verifier) within(hour time.Time) bool {
	return !hour.Before(v.Since) && (v.Until.IsZero() || hour.Before(v.Until))
}

// list finds the digests and records of the hours to be checked.
func (v *verifier) list(ctx context.Context) error {
	keys, err := listKeys(ctx, v.objects, digestPrefix, "")
	if err != nil {
		return fmt.Errorf("list the digests: %w", err)
	}
	v.addProgress(len(keys))
	for _, key := range keys {
		hour, signature, ok := parseDigestKey(key)
		switch {
		case !ok:
			v.addProblem(key, "is not the name of a digest or of its signature")
		case v.within(hour) && !signature:
			v.digests = append(v.digests, &storedDigest{key: key, hour: hour})
		case v.within(hour):
			if _, there := slices.BinarySearch(keys, digestKey(hour)); !there {
				v.addProblem(key, "is the signature of a digest that is not there")
			}
		}
	}
	slices.SortFunc(v.digests, func(a, b *storedDigest) int { return a.hour.Compare(b.hour) })
	if keys, err = listKeys(ctx, v.objects, recordPrefix, ""); err != nil {
		return fmt.Errorf("list the records: %w", err)
	}
	v.addProgress(len(keys))
	for _, key := range keys {
		n, ok := parseRecordKey(key)
		switch {
		case !ok:
			v.addProblem(key, "is not the name of a record")
		case v.within(n.hour):
			v.records[n.hour] = append(v.records[n.hour], key)
		}
	}
	return nil
}

// load reads the digests and decides which of them to trust.
func (v *verifier) load(ctx context.Context) error {
	errs := make([][2]error, len(v.digests))
	inParallel(len(v.digests), func(i int) {
		f := v.digests[i]
		f.text, errs[i][0] = read(ctx, v.objects, f.key, maxDigest)
		f.signature, errs[i][1] = read(ctx, v.objects, signatureKey(f.key), maxSignature)
	})
	valid := 0
	var mismatched []*storedDigest
	for i, f := range v.digests {
		readable, err := v.readable(f.key, errs[i][0])
		signatureReadable, signatureErr := v.readable(signatureKey(f.key), errs[i][1])
		switch {
		case err != nil || signatureErr != nil:
			return errors.Join(err, signatureErr)
		case !readable || !signatureReadable: // reported already
		case v.signed(f):
			valid++
			v.trust(f)
		default:
			mismatched = append(mismatched, f)
		}
	}
	for _, f := range mismatched {
		what := "does not fit its signature: one of the two was changed, or another key has signed"
		if d, err := decode(f.text); err == nil && !d.Begin.Equal(f.hour) {
			what = fmt.Sprintf("does not fit its signature, and holds the digest of %s: it was moved or swapped", formatHour(d.Begin))
		} else if err == nil && valid == 0 {
			what = "does not fit its signature, like every digest here: is the public key that of " + d.Key + "?"
		}
		v.addProblem(f.key, "%s", what)
	}
	return nil
}

// readable reports whether an object could be read, and otherwise reports a problem. An error means that reading failed
// for reasons that say nothing about the object.
func (v *verifier) readable(key string, err error) (bool, error) {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		v.addProblem(key, "is missing")
	case errors.Is(err, ErrNotPlainFile):
		v.addProblem(key, "can't be read: %v", err)
	case err != nil:
		return false, fmt.Errorf("read %s: %w", key, err)
	}
	return err == nil, nil
}

// signed reports whether one of the keys signed a digest.
func (v *verifier) signed(f *storedDigest) bool {
	sum := sha256.Sum256(f.text)
	return slices.ContainsFunc(v.Keys, func(key *ecdsa.PublicKey) bool { return ecdsa.VerifyASN1(key, sum[:], f.signature) })
}

// trust decodes a digest with a valid signature, and keeps it if it is in its place.
func (v *verifier) trust(f *storedDigest) {
	d, err := decode(f.text)
	switch {
	case err != nil:
		v.addProblem(f.key, "can't be used: %v", err)
	case !d.Begin.Equal(f.hour):
		v.addProblem(f.key, "holds the digest of %s: it was moved or swapped", formatHour(d.Begin))
	case v.Bucket != "" && d.Bucket != v.Bucket:
		v.addProblem(f.key, "is a digest of the bucket %s", d.Bucket)
	default:
		f.digest = d
	}
}

// checkChain checks that each digest continues the one before.
func (v *verifier) checkChain() {
	for i, f := range v.digests {
		v.report.Digests++
		if i == 0 {
			continue
		}
		previous := v.digests[i-1]
		if gap := previous.hour.Add(time.Hour); !gap.Equal(f.hour) {
			v.addProblem(digestKey(gap), "is missing%s", andMore(gap, f.hour))
		}
		if f.digest == nil {
			continue
		}
		link := f.digest.Previous
		switch {
		case link == nil:
			v.addProblem(f.key, "begins a chain anew: nothing says that what was before it is whole")
		case !previous.hour.Add(time.Hour).Equal(f.hour): // reported already
		case previous.text != nil && link.SHA256 != sha256Hex(previous.text):
			v.addProblem(previous.key, "is not the digest that the next one continues: it was changed or replaced")
		case previous.signature != nil && !bytes.Equal(link.Signature, previous.signature):
			v.addProblem(signatureKey(previous.key), "is not the signature that the next digest names")
		case previous.digest != nil && !sameLedger(f.digest, previous.digest):
			v.addProblem(f.key, "is of another account, Region or bucket than the digest before")
		}
	}
}

// sameLedger reports whether two digests are of one account, Region and bucket.
func sameLedger(a, b *Digest) bool {
	return a.Account == b.Account && a.Region == b.Region && a.Bucket == b.Bucket
}

// checkEnds checks where the chain begins and ends.
func (v *verifier) checkEnds() {
	if len(v.digests) == 0 {
		v.addProblem(digestPrefix, "holds no digest of this time: nothing is proven")
		return
	}
	first, last := v.digests[0], v.digests[len(v.digests)-1]
	v.report.From, v.report.Until = first.hour, last.hour.Add(time.Hour)
	v.report.Newest = sha256Hex(last.text)
	begins := first.digest != nil && first.digest.Previous == nil
	v.report.Begins = begins
	unbounded := v.Since.IsZero()
	switch {
	case unbounded && first.digest != nil && !begins:
		v.addProblem(first.key, "is the oldest digest, and number %d of its chain: those before it are missing", first.digest.Number)
	case !unbounded && first.hour.After(v.Since) && begins:
		v.addProblem(first.key, "begins the chain: nothing proves the time before it, from %s on", formatHour(v.Since))
	case !unbounded && first.hour.After(v.Since):
		v.addProblem(digestKey(v.Since), "is missing%s", andMore(v.Since, first.hour))
	}
	end := v.Now.Add(-maxDelay)
	if !v.Until.IsZero() && v.Until.Before(end) {
		end = v.Until
	}
	if v.report.Until.Before(end) {
		v.addProblem(last.key, "is the newest digest: nothing after %s is proven", formatHour(v.report.Until))
	}
	if v.Digest != "" && !slices.ContainsFunc(v.digests, func(f *storedDigest) bool { return f.digest != nil && sha256Hex(f.text) == v.Digest }) {
		v.addProblem(digestPrefix, "holds no digest with the SHA-256 %s: the chain is another one than it was, or that digest is not of this time", v.Digest)
	}
}

// hours returns the number of hours between two times.
func hours(from, to time.Time) int { return int(to.Sub(from) / time.Hour) }

// andMore says that all digests between two hours are missing, if there is more than one.
func andMore(from, to time.Time) string {
	if n := hours(from, to); n > 1 {
		return fmt.Sprintf(", and so are all up to %s: %d of them", formatHour(to), n)
	}
	return ""
}

// formatHour returns an hour for people.
func formatHour(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
