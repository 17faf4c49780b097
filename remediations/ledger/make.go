package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// A Store is a ledger's bucket, to which digests are added.
type Store interface {
	Objects
	// Create writes a new object. The error is fs.ErrExist if it already exists.
	Create(ctx context.Context, key string, body []byte) error
}

// A Maker makes digests.
type Maker struct {
	Ledger
	Store Store
	Sign  func(ctx context.Context, sum []byte) ([]byte, error) // ECDSA over a SHA-256, in ASN.1 DER
}

// A MakeResult is the result of Make.
type MakeResult struct {
	Digests int
	Records int
	Newest  string // key of the newest digest; empty if none was made
	Began   bool   // a chain began, which happens once in a ledger's life
	More    bool   // some hours are left for the next call
}

const (
	// maxHours is how many digests one call makes, after an outage.
	maxHours = 100

	// hourTime is how much time must be left to begin another hour.
	hourTime = time.Minute

	// recentTime is how far back to look for the newest digest before listing all.
	recentTime = 7 * 24 * time.Hour
)

// Make writes the digests of the hours that ended before now, in order, starting after the newest digest, or else at
// the hour of the first record. An hour may be made again: existing objects stay, and it is an error if they differ
// from what would be written.
func (m *Maker) Make(ctx context.Context, now time.Time) (result MakeResult, err error) {
	end := now.UTC().Truncate(time.Hour)
	head, err := m.newest(ctx, end)
	if err != nil {
		return result, err
	}
	next := end.Add(-time.Hour)
	if head != nil {
		next = head.End
	} else if next, err = m.first(ctx, next); err != nil {
		return result, err
	}
	for ; next.Before(end); next = next.Add(time.Hour) {
		deadline, bounded := ctx.Deadline()
		if result.Digests == maxHours || bounded && result.Digests > 0 && time.Until(deadline) < hourTime {
			result.More = true
			break
		}
		if head, err = m.hour(ctx, next, head); err != nil {
			return result, err
		}
		result.Digests++
		result.Records += len(head.Records)
		result.Newest = digestKey(next)
		result.Began = result.Began || head.Previous == nil
	}
	return result, nil
}

// A linkedDigest is a digest with the link by which the next one continues it.
type linkedDigest struct {
	*Digest
	link *Link
}

// newest returns the newest digest with a signature whose hour ended by end, or nil.
func (m *Maker) newest(ctx context.Context, end time.Time) (*linkedDigest, error) {
	for _, after := range []string{digestKey(end.Add(-recentTime)), ""} {
		keys, err := listKeys(ctx, m.Store, digestPrefix, after)
		if err != nil {
			return nil, fmt.Errorf("look for the newest digest: %w", err)
		}
		for i := len(keys) - 1; i > 0; i-- { // a signature comes right after its digest
			hour, signature, ok := parseDigestKey(keys[i])
			if ok && signature && hour.Before(end) && keys[i-1] == digestKey(hour) {
				return m.load(ctx, keys[i-1])
			}
		}
	}
	return nil, nil
}

// load reads a digest that the next one continues. Only Verify checks whether it is genuine: continuing a forged digest
// does not make it genuine.
func (m *Maker) load(ctx context.Context, key string) (*linkedDigest, error) {
	text, err := read(ctx, m.Store, key, maxDigest)
	if err != nil {
		return nil, fmt.Errorf("read the newest digest: %w", err)
	}
	signature, err := read(ctx, m.Store, signatureKey(key), maxSignature)
	if err != nil {
		return nil, fmt.Errorf("read the newest digest's signature: %w", err)
	}
	d, err := decode(text)
	if err != nil {
		return nil, fmt.Errorf("digest %s cannot be continued: %w", key, err)
	}
	return &linkedDigest{d, &Link{Object: key, SHA256: sha256Hex(text), Signature: signature}}, nil
}

// first returns the hour in which a chain begins: that of the first record, or the last hour if no record is older.
func (m *Maker) first(ctx context.Context, last time.Time) (time.Time, error) {
	for key, err := range m.Store.Keys(ctx, recordPrefix, "") {
		if err != nil {
			return last, fmt.Errorf("look for the first record: %w", err)
		}
		if n, ok := parseRecordKey(key); ok {
			if n.hour.Before(last) {
				return n.hour, nil
			}
			break
		}
	}
	return last, nil
}

// hour writes the digest of an hour.
func (m *Maker) hour(ctx context.Context, begin time.Time, previous *linkedDigest) (*linkedDigest, error) {
	d := &Digest{Format: Format, Ledger: m.Ledger, Number: 1, Begin: begin, End: begin.Add(time.Hour)}
	if previous != nil {
		d.Number, d.Previous = previous.Number+1, previous.link
	}
	var err error
	if d.Records, err = m.entries(ctx, begin); err != nil {
		return nil, err
	}
	text, err := d.encode()
	if err != nil {
		return nil, err
	}
	key := digestKey(begin)
	// Signed first: what most likely fails then leaves nothing behind.
	sum := sha256.Sum256(text)
	signature, err := m.Sign(ctx, sum[:])
	if err != nil {
		return nil, fmt.Errorf("sign digest %s: %w", key, err)
	}
	if err := m.create(ctx, key, text); err != nil {
		return nil, err
	}
	err = m.Store.Create(ctx, signatureKey(key), signature)
	if errors.Is(err, fs.ErrExist) { // by another invocation: both signatures are valid
		signature, err = read(ctx, m.Store, signatureKey(key), maxSignature)
	}
	if err != nil {
		return nil, fmt.Errorf("write the signature of digest %s: %w", key, err)
	}
	return &linkedDigest{d, &Link{Object: key, SHA256: sha256Hex(text), Signature: signature}}, nil
}

// entries lists an hour's records. Other objects are left to Verify.
func (m *Maker) entries(ctx context.Context, hour time.Time) ([]Entry, error) {
	listed, err := listKeys(ctx, m.Store, recordPrefix+hour.Format(hourForm)+"/", "")
	if err != nil {
		return nil, fmt.Errorf("list the records of %s: %w", hour.Format(hourForm), err)
	}
	keys, entries := []string{}, []Entry{}
	for _, key := range listed {
		if n, ok := parseRecordKey(key); ok {
			keys = append(keys, key)
			entries = append(entries, Entry{Object: key, Run: n.run, Version: n.version})
		}
	}
	for i, c := range hashAll(ctx, m.Store, keys, nil) {
		if c.err != nil {
			return nil, fmt.Errorf("hash record %s: %w", keys[i], c.err)
		}
		entries[i].SHA256, entries[i].Bytes = c.sha256, c.bytes
	}
	return entries, nil
}

// create writes a digest. One from an invocation that died before it wrote the signature may already exist: it must be
// the same, as no other one gets the signature.
func (m *Maker) create(ctx context.Context, key string, text []byte) error {
	err := m.Store.Create(ctx, key, text)
	if errors.Is(err, fs.ErrExist) {
		var stored []byte
		if stored, err = read(ctx, m.Store, key, maxDigest); err == nil && !bytes.Equal(stored, text) {
			err = errors.New("there is already another one, which does not list what the bucket contains now")
		}
	}
	if err != nil {
		return fmt.Errorf("write digest %s: %w", key, err)
	}
	return nil
}
