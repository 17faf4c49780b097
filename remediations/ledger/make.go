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

// Store is a ledger's bucket, to which digests are added.
type Store interface {
	Objects
	// Create writes an object that is not there yet. The error is fs.ErrExist for one that is.
	Create(ctx context.Context, key string, body []byte) error
}

// Maker makes digests.
type Maker struct {
	Ledger
	Store Store
	Sign  func(ctx context.Context, sum []byte) ([]byte, error) // ECDSA over a SHA-256, in ASN.1 DER
}

// MakeResult is what came of Make.
type MakeResult struct {
	Digests int
	Records int
	Newest  string // the newest digest's key; empty if none was made
	Began   bool   // a chain began: once in a ledger's life
	More    bool   // there are hours left, for the next time
}

const (
	// maxHours is how many digests are made at once, after a time in which none could be made.
	maxHours = 100

	// hourTime is what has to be left of a deadline to begin another hour.
	hourTime = time.Minute

	// recentTime is how far back the newest digest is looked for before all are listed.
	recentTime = 7 * 24 * time.Hour
)

// Make writes the digests of the hours that were over at a time, in order, from the one after the newest digest on;
// where there is none, from the hour of the first record. An hour may be made again: what it wrote stays as it is,
// and is an error if it isn't what would be written.
func (m *Maker) Make(ctx context.Context, now time.Time) (made MakeResult, err error) {
	end := now.UTC().Truncate(time.Hour)
	head, err := m.newest(ctx, end)
	if err != nil {
		return made, err
	}
	next := end.Add(-time.Hour)
	if head != nil {
		next = head.End
	} else if next, err = m.first(ctx, next); err != nil {
		return made, err
	}
	for ; next.Before(end); next = next.Add(time.Hour) {
		deadline, bounded := ctx.Deadline()
		if made.Digests == maxHours || bounded && made.Digests > 0 && time.Until(deadline) < hourTime {
			made.More = true
			break
		}
		if head, err = m.hour(ctx, next, head); err != nil {
			return made, err
		}
		made.Digests++
		made.Records += len(head.Records)
		made.Newest = digestKey(next)
		made.Began = made.Began || head.Previous == nil
	}
	return made, nil
}

// linkedDigest is a digest to be continued.
type linkedDigest struct {
	*Digest
	link *Link
}

// newest is the newest digest with a signature whose hour was over at a time; nil if there is none.
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

// load reads a digest that the next one continues. Whether it is genuine is for Verify: one that isn't stays one that
// isn't, whatever continues it.
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
		return nil, fmt.Errorf("digest %s can't be continued: %w", key, err)
	}
	return &linkedDigest{d, &Link{Object: key, SHA256: sha256Hex(text), Signature: signature}}, nil
}

// first is the hour in which a chain begins: that of the first record, or the last hour if none is older.
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
	if errors.Is(err, fs.ErrExist) { // of another invocation: both fit
		signature, err = read(ctx, m.Store, signatureKey(key), maxSignature)
	}
	if err != nil {
		return nil, fmt.Errorf("write the signature of digest %s: %w", key, err)
	}
	return &linkedDigest{d, &Link{Object: key, SHA256: sha256Hex(text), Signature: signature}}, nil
}

// entries lists an hour's records. What is not named as a record is left to Verify to find.
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

// create writes a digest. One that stands there already, of an invocation that died before it wrote the signature,
// has to be the same: no other one gets it.
func (m *Maker) create(ctx context.Context, key string, text []byte) error {
	err := m.Store.Create(ctx, key, text)
	if errors.Is(err, fs.ErrExist) {
		var standing []byte
		if standing, err = read(ctx, m.Store, key, maxDigest); err == nil && !bytes.Equal(standing, text) {
			err = errors.New("another one stands there, which does not list what the bucket holds now")
		}
	}
	if err != nil {
		return fmt.Errorf("write digest %s: %w", key, err)
	}
	return nil
}
