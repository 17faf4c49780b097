// Package ledger makes changes to run records visible. Each record is an object in a bucket. Each hour, a digest lists
// the objects written in the hour before, with their SHA-256, names the previous digest in the same way, and is signed:
// whoever changes, removes, adds or reorders records has to change every digest since, and cannot sign them.
//
//	records/2026/11/21/15/20261121T150405Z-s3-public-policy-0123456789abcdef0123-v2.json
//	digests/2026/11/21/15.json        a Digest
//	digests/2026/11/21/15.json.sig    its signature: ECDSA over the SHA-256 of the digest's bytes, in ASN.1 DER
//
// The hour in a record's key is the hour in which it was written, so that an hour is complete soon after it ends.
package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Objects holds the objects of a ledger: the bucket, or a copy of it.
type Objects interface {
	// Keys yields the keys that begin with prefix and come after another key, in byte order.
	Keys(ctx context.Context, prefix, after string) iter.Seq2[string, error]
	// Open returns an object's content and its size in bytes. The error is fs.ErrNotExist for a missing object, and
	// ErrNotPlainFile for something that cannot be the copy of an object.
	Open(ctx context.Context, key string) (io.ReadCloser, int64, error)
}

// ErrNotPlainFile is the error for something that cannot be the copy of an object: a symbolic link, a device, a file
// that is too large.
var ErrNotPlainFile = errors.New("not a plain file")

// Format is the format that a digest declares.
const Format = "countermand-digest-1"

// A Digest lists what was written in an hour.
type Digest struct {
	Format string `json:"format"`
	Ledger
	Number   int       `json:"number"` // 1 for the first of a chain, then one more each hour
	Begin    time.Time `json:"begin"`  // of the hour, in UTC
	End      time.Time `json:"end"`
	Previous *Link     `json:"previous"` // null for the first of a chain
	Records  []Entry   `json:"records"`  // in the order of their keys
}

// A Ledger says which ledger a digest belongs to. It stays the same until somebody deploys another one.
type Ledger struct {
	Account       string `json:"account"`
	Region        string `json:"region"`
	Bucket        string `json:"bucket"`
	Key           string `json:"key"`           // ARN of the key that signs
	RetentionDays int    `json:"retentionDays"` // after so many days the bucket deletes a record
}

// A Link names the digest that another one continues.
type Link struct {
	Object    string `json:"object"`
	SHA256    string `json:"sha256"`
	Signature []byte `json:"signature"` // base64 in JSON
}

// An Entry is a record that a digest lists.
type Entry struct {
	Object  string `json:"object"`
	SHA256  string `json:"sha256"`
	Bytes   int64  `json:"bytes"`
	Run     string `json:"run"`
	Version int    `json:"version"`
}

// These are the forms of keys.
const (
	recordPrefix = "records/"
	digestPrefix = "digests/"

	hourForm    = "2006/01/02/15"
	changedForm = "20060102T150405Z"
)

// These match a run's id, and a record's key.
var (
	runForm    = regexp.MustCompile(`^[a-z][a-z0-9-]{0,199}$`)
	recordForm = regexp.MustCompile(`^records/([0-9]{4}/[0-9]{2}/[0-9]{2}/[0-9]{2})/([0-9]{8}T[0-9]{6}Z)-([a-z][a-z0-9-]{0,199})-v([1-9][0-9]{0,5})\.json$`)
)

// A recordName is what a record's key says.
type recordName struct {
	hour    time.Time // in which it was written
	changed time.Time // when the run table got this version, to the second
	run     string
	version int
}

// RecordKey returns the key of a version of a run's record.
func RecordKey(written, changed time.Time, run string, version int) (string, error) {
	if !runForm.MatchString(run) || version < 1 || version > 999_999 {
		return "", fmt.Errorf("run %q, version %d: not valid in an object's key", run, version)
	}
	return fmt.Sprintf("%s%s/%s-%s-v%d.json", recordPrefix, written.UTC().Format(hourForm),
		changed.UTC().Format(changedForm), run, version), nil
}

// parseRecordKey parses a record's key, and reports whether it is one.
func parseRecordKey(key string) (recordName, bool) {
	m := recordForm.FindStringSubmatch(key)
	if m == nil {
		return recordName{}, false
	}
	hour, hourErr := time.Parse(hourForm, m[1])
	changed, changedErr := time.Parse(changedForm, m[2])
	version, versionErr := strconv.Atoi(m[4])
	return recordName{hour, changed, m[3], version}, hourErr == nil && changedErr == nil && versionErr == nil
}

// digestKey returns the key of an hour's digest.
func digestKey(hour time.Time) string { return digestPrefix + hour.UTC().Format(hourForm) + ".json" }

// signatureKey returns the key of a digest's signature.
func signatureKey(digest string) string { return digest + ".sig" }

// parseDigestKey returns the hour in the key of a digest or of its signature.
func parseDigestKey(key string) (hour time.Time, signature, ok bool) {
	digest, signature := strings.CutSuffix(key, ".sig")
	hour, err := time.Parse(digestPrefix+hourForm+".json", digest)
	return hour, signature, err == nil && digestKey(hour) == digest
}

// encode returns a digest's bytes: always the same for the same digest.
func (d *Digest) encode() ([]byte, error) {
	text, err := json.MarshalIndent(d, "", " ")
	if err != nil {
		return nil, fmt.Errorf("encode the digest of %s: %w", d.Begin.Format(hourForm), err)
	}
	return append(text, '\n'), nil
}

// decode reads a digest and checks that it is consistent. It does not check whether the digest is in its place.
func decode(text []byte) (*Digest, error) {
	d := new(Digest)
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(d); err != nil {
		return nil, fmt.Errorf("not a digest: %w", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("not a digest: there is text after the JSON object")
	}
	switch {
	case d.Format != Format:
		return nil, fmt.Errorf("its format is %q, but this version of Countermand reads %q", d.Format, Format)
	case !d.Begin.Equal(d.Begin.Truncate(time.Hour)) || !d.End.Equal(d.Begin.Add(time.Hour)):
		return nil, errors.New("it does not cover one hour")
	case (d.Number == 1) != (d.Previous == nil) || d.Number < 1:
		return nil, fmt.Errorf("it is number %d of its chain, which does not fit its previous digest", d.Number)
	}
	for i, e := range d.Records {
		n, ok := parseRecordKey(e.Object)
		switch {
		case !ok || !n.hour.Equal(d.Begin) || n.run != e.Run || n.version != e.Version || len(e.SHA256) != hex.EncodedLen(sha256.Size):
			return nil, fmt.Errorf("its entry %d is not a record of this hour: %q", i+1, e.Object)
		case i > 0 && d.Records[i-1].Object >= e.Object:
			return nil, fmt.Errorf("its entries are not in order: %q", e.Object)
		}
	}
	return d, nil
}

// maxDigest bounds how much of a digest is read, in bytes: about 200,000 records.
const maxDigest = 64 << 20

// maxSignature bounds how much of a signature is read. One of this kind has at most 72 bytes.
const maxSignature = 1 << 10

// read returns a whole object.
func read(ctx context.Context, o Objects, key string, most int64) ([]byte, error) {
	content, size, err := o.Open(ctx, key)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	if size > most {
		return nil, fmt.Errorf("%w: %d bytes, want at most %d", ErrNotPlainFile, size, most)
	}
	text, err := io.ReadAll(io.LimitReader(content, most))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	return text, nil
}

// A hashedObject is what is known about an object's content.
type hashedObject struct {
	sha256 string // in hexadecimal; empty where the size said enough
	bytes  int64
	err    error
}

// parallel is how many objects are read at once. The bucket takes about 30 ms for one.
const parallel = 16

// hashAll hashes objects. If enough is set, and returns true for the size of the i-th object, that object is not read.
func hashAll(ctx context.Context, o Objects, keys []string, enough func(i int, size int64) bool) []hashedObject {
	found := make([]hashedObject, len(keys))
	inParallel(len(keys), func(i int) {
		found[i] = hash(ctx, o, keys[i], func(size int64) bool { return enough != nil && enough(i, size) })
	})
	return found
}

// inParallel calls do for each number below n, and returns when all calls have returned.
func inParallel(n int, do func(i int)) {
	var group sync.WaitGroup
	for first := range min(parallel, n) {
		group.Go(func() {
			for i := first; i < n; i += parallel {
				do(i)
			}
		})
	}
	group.Wait()
}

// hash hashes one object.
func hash(ctx context.Context, o Objects, key string, enough func(size int64) bool) (c hashedObject) {
	body, size, err := o.Open(ctx, key)
	if err != nil {
		return hashedObject{err: err}
	}
	defer body.Close()
	if enough(size) {
		return hashedObject{bytes: size}
	}
	h := sha256.New()
	c.bytes, err = io.Copy(h, body)
	if err != nil {
		return hashedObject{err: fmt.Errorf("read %s: %w", key, err)}
	}
	c.sha256 = hex.EncodeToString(h.Sum(nil))
	return c
}

// sha256Hex returns the SHA-256 of a text in hexadecimal.
func sha256Hex(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// listKeys returns the keys that begin with prefix and come after another key.
func listKeys(ctx context.Context, o Objects, prefix, after string) ([]string, error) {
	var keys []string
	for key, err := range o.Keys(ctx, prefix, after) {
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys, nil
}
