package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"time"
)

// checkRecords compares the records with their digests.
func (v *verifier) checkRecords(ctx context.Context) error {
	listed := map[string]string{} // the key of a record by its SHA-256
	for _, f := range v.trusted() {
		for _, e := range f.digest.Records {
			listed[e.SHA256] = e.Object
		}
	}
	for _, f := range v.trusted() {
		keys := make([]string, len(f.digest.Records))
		for i, e := range f.digest.Records {
			keys[i] = e.Object
		}
		// A file inflated to a huge size is not worth reading.
		tooLarge := func(i int, size int64) bool { return size > max(f.digest.Records[i].Bytes, maxSwappedRecord) }
		for i, c := range hashAll(ctx, v.objects, keys, tooLarge) {
			if err := v.checkRecord(f, f.digest.Records[i], c, listed); err != nil {
				return err
			}
		}
		v.addProgress(len(keys))
	}
	return nil
}

// maxSwappedRecord bounds how many bytes are read of a record that is too long, to find out whether it is another
// record. No record is larger than an item of the run table.
const maxSwappedRecord = 400 << 10

// checkRecord compares one record with its entry.
func (v *verifier) checkRecord(f *storedDigest, e Entry, c hashedObject, listed map[string]string) error {
	over := f.digest.End.AddDate(0, 0, f.digest.RetentionDays)
	other, known := listed[c.sha256]
	switch {
	case errors.Is(c.err, fs.ErrNotExist) && v.Now.After(over):
		v.report.Expired++
	case errors.Is(c.err, fs.ErrNotExist):
		v.addProblem(e.Object, "is missing: %s lists it", f.key)
	case errors.Is(c.err, ErrNotPlainFile):
		v.addProblem(e.Object, "can't be read: %v", c.err)
	case c.err != nil:
		return fmt.Errorf("read record %s: %w", e.Object, c.err)
	case c.sha256 == e.SHA256:
		v.report.Records++
	case known:
		v.addProblem(e.Object, "holds what %s should hold: they were swapped, or one was copied over the other", other)
	case c.bytes != e.Bytes:
		v.addProblem(e.Object, "was changed: it has %d bytes and had %d", c.bytes, e.Bytes)
	default:
		v.addProblem(e.Object, "was changed: its SHA-256 is not the one that %s has for it", f.key)
	}
	return nil
}

// trusted returns the digests that can be trusted.
func (v *verifier) trusted() []*storedDigest {
	return slices.DeleteFunc(slices.Clone(v.digests), func(f *storedDigest) bool { return f.digest == nil })
}

// checkUnlisted reports the records that no digest lists. It skips the hours whose digest is missing or cannot be
// trusted, as that is already reported.
func (v *verifier) checkUnlisted() {
	digests := map[time.Time]*storedDigest{}
	for _, f := range v.digests {
		digests[f.hour] = f
	}
	for _, hour := range slices.SortedFunc(maps.Keys(v.records), time.Time.Compare) {
		f := digests[hour]
		switch {
		case f == nil && !hour.Before(v.report.Until):
			v.report.Open += len(v.records[hour])
		case f == nil && hour.Before(v.report.From):
			for _, key := range v.records[hour] {
				v.addProblem(key, "is older than the oldest digest: nothing proves it")
			}
		case f != nil && f.digest != nil:
			for _, key := range v.records[hour] {
				_, listed := slices.BinarySearchFunc(f.digest.Records, key, func(e Entry, key string) int { return cmp.Compare(e.Object, key) })
				if !listed {
					v.addProblem(key, "is not in %s: it was added after that hour", f.key)
				}
			}
		}
	}
}

// clockSlack is by how much the times of two versions of a run may be out of order: they come from the run table's
// stream, and are approximate.
const clockSlack = time.Minute

// checkVersions checks that the versions of each run follow each other in time, and that a version that was written
// twice is the same. Otherwise the run table was restored to an older state, or a record in it was replaced.
func (v *verifier) checkVersions() {
	type written struct {
		Entry
		changed time.Time
	}
	runs := map[string][]written{}
	for _, f := range v.trusted() {
		for _, e := range f.digest.Records {
			n, _ := parseRecordKey(e.Object) // decode has seen that it is one
			runs[e.Run] = append(runs[e.Run], written{e, n.changed})
		}
	}
	for _, run := range slices.Sorted(maps.Keys(runs)) {
		list := runs[run]
		slices.SortStableFunc(list, func(a, b written) int { return cmp.Compare(a.Version, b.Version) })
		for i := 1; i < len(list); i++ {
			before, after := list[i-1], list[i]
			switch {
			case before.Version == after.Version && before.SHA256 == after.SHA256:
				v.report.Duplicates++
			case before.Version == after.Version:
				v.addProblem(after.Object, "and %s are both version %d of run %s, and differ", before.Object, after.Version, run)
			case after.changed.Before(before.changed.Add(-clockSlack)):
				v.addProblem(after.Object, "is version %d of run %s, and older than version %d, %s", after.Version, run, before.Version, before.Object)
			}
		}
	}
}
