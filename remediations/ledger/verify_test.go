package ledger_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countermand/countermand/remediations/ledger"
)

// These are objects of the standard ledger.
const (
	alpha2 = "records/2026/11/21/14/20261121T141000Z-alpha-01-v2.json"
	alpha3 = "records/2026/11/21/14/20261121T141001Z-alpha-01-v3.json"
	beta2  = "records/2026/11/21/15/20261121T151000Z-beta-01-v2.json"
	undo2  = "records/2026/11/21/17/20261121T171000Z-beta-01-undo-v2.json"

	digest14 = "digests/2026/11/21/14.json"
	digest15 = "digests/2026/11/21/15.json"
	digest16 = "digests/2026/11/21/16.json"
	digest17 = "digests/2026/11/21/17.json"
	digest18 = "digests/2026/11/21/18.json"
)

func swap(objects map[string]string, a, b string) { objects[a], objects[b] = objects[b], objects[a] }

// flip changes one bit in the middle of an object.
func flip(objects map[string]string, key string) {
	text := []byte(objects[key])
	text[len(text)/2] ^= 1
	objects[key] = string(text)
}

func sha(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// unfit is reported about a digest with a wrong signature.
const unfit = " does not fit its signature: one of the two was changed, or another key has signed"

// tampered are changes to the standard ledger, and everything that Verify reports about them.
var tampered = map[string]struct {
	tamper func(t *testing.T, f *fixture)
	check  func(c *ledger.Check)
	want   []string
}{
	"one flipped bit in a record": {
		tamper: func(_ *testing.T, f *fixture) { flip(f.objects, alpha2) },
		want:   []string{alpha2 + " was changed: its SHA-256 is not the one that " + digest14 + " has for it"},
	},
	"a longer record": {
		tamper: func(_ *testing.T, f *fixture) { f.objects[alpha2] += "\n" },
		want:   []string{alpha2 + " was changed: it has 30 bytes and had 29"},
	},
	"a huge record": {
		tamper: func(_ *testing.T, f *fixture) { f.objects[alpha2] = strings.Repeat("x", 1<<20) },
		want:   []string{alpha2 + " was changed: it has 1048576 bytes and had 29"},
	},
	"a deleted record": {
		tamper: func(_ *testing.T, f *fixture) { delete(f.objects, beta2) },
		want:   []string{beta2 + " is missing: " + digest15 + " lists it"},
	},
	"two swapped records": {
		tamper: func(_ *testing.T, f *fixture) { swap(f.objects, alpha2, beta2) },
		want: []string{
			alpha2 + " holds what " + beta2 + " should hold: they were swapped, or one was copied over the other",
			beta2 + " holds what " + alpha2 + " should hold: they were swapped, or one was copied over the other",
		},
	},
	"a record added to a closed hour": {
		tamper: func(t *testing.T, f *fixture) { f.record(t, hour(2), hour(2), "gamma-01", 1, "{}") },
		want:   []string{"records/2026/11/21/16/20261121T160000Z-gamma-01-v1.json is not in " + digest16 + ": it was added after that hour"},
	},
	"a record before the beginning": {
		tamper: func(t *testing.T, f *fixture) { f.record(t, hour(-2), hour(-2), "gamma-01", 1, "{}") },
		want:   []string{"records/2026/11/21/12/20261121T120000Z-gamma-01-v1.json is older than the oldest digest: nothing proves it"},
	},
	"a record moved to another hour": {
		tamper: func(_ *testing.T, f *fixture) {
			moved := strings.Replace(alpha2, "/14/", "/16/", 1)
			f.objects[moved] = f.objects[alpha2]
			delete(f.objects, alpha2)
		},
		want: []string{
			alpha2 + " is missing: " + digest14 + " lists it",
			strings.Replace(alpha2, "/14/", "/16/", 1) + " is not in " + digest16 + ": it was added after that hour",
		},
	},
	"one flipped bit in a digest": {
		tamper: func(_ *testing.T, f *fixture) { flip(f.objects, digest15) },
		want:   []string{digest15 + unfit, digest15 + " is not the digest that the next one continues: it was changed or replaced"},
	},
	"one flipped bit in a signature": {
		tamper: func(_ *testing.T, f *fixture) { flip(f.objects, digest15+".sig") },
		want:   []string{digest15 + unfit, digest15 + ".sig is not the signature that the next digest names"},
	},
	"a deleted digest": {
		tamper: func(_ *testing.T, f *fixture) { delete(f.objects, digest15) },
		want:   []string{digest15 + ".sig is the signature of a digest that is not there", digest15 + " is missing"},
	},
	"two deleted digests with their signatures": {
		tamper: func(_ *testing.T, f *fixture) {
			for _, key := range []string{digest15, digest16} {
				delete(f.objects, key)
				delete(f.objects, key+".sig")
			}
		},
		want: []string{digest15 + " is missing, and so are all up to 2026-11-21 17:00 UTC: 2 of them"},
	},
	"a deleted signature": {
		tamper: func(_ *testing.T, f *fixture) { delete(f.objects, digest16+".sig") },
		want:   []string{digest16 + ".sig is missing"},
	},
	"two swapped digests": {
		tamper: func(_ *testing.T, f *fixture) { swap(f.objects, digest15, digest16) },
		want: []string{
			digest15 + " does not fit its signature, and holds the digest of 2026-11-21 16:00 UTC: it was moved or swapped",
			digest16 + " does not fit its signature, and holds the digest of 2026-11-21 15:00 UTC: it was moved or swapped",
			digest16 + " is not the digest that the next one continues: it was changed or replaced",
		},
	},
	"two digests swapped with their signatures": {
		tamper: func(_ *testing.T, f *fixture) {
			swap(f.objects, digest15, digest16)
			swap(f.objects, digest15+".sig", digest16+".sig")
		},
		want: []string{
			digest15 + " holds the digest of 2026-11-21 16:00 UTC: it was moved or swapped",
			digest16 + " holds the digest of 2026-11-21 15:00 UTC: it was moved or swapped",
			digest16 + " is not the digest that the next one continues: it was changed or replaced",
		},
	},
	"the beginning cut off": {
		tamper: func(_ *testing.T, f *fixture) {
			for _, key := range []string{digest14, digest14 + ".sig", alpha2, alpha3} {
				delete(f.objects, key)
			}
		},
		want: []string{digest15 + " is the oldest digest, and number 2 of its chain: those before it are missing"},
	},
	"the end cut off": {
		tamper: func(_ *testing.T, f *fixture) {
			for _, key := range []string{digest17, digest17 + ".sig", digest18, digest18 + ".sig", undo2} {
				delete(f.objects, key)
			}
		},
		want: []string{digest16 + " is the newest digest: nothing after 2026-11-21 17:00 UTC is proven"},
	},
	"all digests gone": {
		tamper: func(_ *testing.T, f *fixture) {
			for key := range f.objects {
				if strings.HasPrefix(key, "digests/") {
					delete(f.objects, key)
				}
			}
		},
		want: []string{"digests/ holds no digest of this time: nothing is proven"},
	},
	"a chain begun anew in the middle": {
		tamper: func(t *testing.T, f *fixture) {
			for _, key := range []string{digest14, digest15, digest16, digest17, digest18} {
				delete(f.objects, key)
				delete(f.objects, key+".sig")
			}
			records := []string{alpha2, alpha3, beta2, undo2}
			kept := map[string]string{}
			for _, key := range records {
				kept[key] = f.objects[key]
				delete(f.objects, key)
			}
			f.make(t, hour(4))
			f.make(t, hour(5))
			for _, key := range records {
				f.objects[key] = kept[key]
			}
		},
		want: []string{
			alpha2 + " is older than the oldest digest: nothing proves it",
			alpha3 + " is older than the oldest digest: nothing proves it",
			beta2 + " is older than the oldest digest: nothing proves it",
			undo2 + " is not in " + digest17 + ": it was added after that hour",
		},
	},
	"a chain begun anew, and an older digest noted": {
		tamper: func(t *testing.T, f *fixture) {
			for key := range f.objects {
				delete(f.objects, key)
			}
			f.make(t, hour(5))
		},
		check: func(c *ledger.Check) { c.Digest = strings.Repeat("0", 64) },
		want: []string{"digests/ holds no digest with the SHA-256 " + strings.Repeat("0", 64) +
			": the chain is another one than it was, or that digest is not of this time"},
	},
	"a second chain after the first": {
		tamper: func(t *testing.T, f *fixture) {
			old := map[string]string{}
			for _, key := range []string{digest14, digest15, digest16} {
				for _, k := range []string{key, key + ".sig"} {
					old[k] = f.objects[k]
					delete(f.objects, k)
				}
			}
			for _, key := range []string{digest17, digest17 + ".sig", digest18, digest18 + ".sig", alpha2, alpha3, beta2} {
				old[key] = f.objects[key]
				delete(f.objects, key)
			}
			f.make(t, hour(4)) // begins with the undo's hour
			f.make(t, hour(5))
			for _, key := range []string{digest14, digest14 + ".sig", digest15, digest15 + ".sig", digest16, digest16 + ".sig", alpha2, alpha3, beta2} {
				f.objects[key] = old[key]
			}
		},
		want: []string{digest17 + " begins a chain anew: nothing says that what was before it is whole"},
	},
	"all signed by another key": {
		tamper: func(t *testing.T, f *fixture) { f.key = newFixture(t).key },
		want: func() (want []string) {
			for _, key := range []string{digest14, digest15, digest16, digest17, digest18} {
				want = append(want, key+" does not fit its signature, like every digest here: is the public key that of arn:aws:kms:eu-west-1:111122223333:key/k?")
			}
			return want
		}(),
	},
	"one signed by another key": {
		tamper: func(t *testing.T, f *fixture) {
			signature, err := newFixture(t).maker.Sign(t.Context(), sumBytes(f.objects[digest18]))
			if err != nil {
				t.Fatal(err)
			}
			f.objects[digest18+".sig"] = string(signature)
		},
		want: []string{digest18 + unfit},
	},
	"a version older than the one before it": {
		tamper: func(t *testing.T, f *fixture) {
			f.record(t, hour(5), hour(0), "beta-01-undo", 3, "{}")
			f.make(t, hour(6))
		},
		want: []string{"records/2026/11/21/19/20261121T140000Z-beta-01-undo-v3.json is version 3 of run beta-01-undo, and older than version 2, " + undo2},
	},
	"a version twice, not the same": {
		tamper: func(t *testing.T, f *fixture) {
			f.record(t, hour(5), hour(5), "beta-01", 2, "{}")
			f.make(t, hour(6))
		},
		want: []string{"records/2026/11/21/19/20261121T190000Z-beta-01-v2.json and " + beta2 + " are both version 2 of run beta-01, and differ"},
	},
	"digests of another account from some hour on": {
		tamper: func(t *testing.T, f *fixture) {
			f.maker.Account = "444455556666"
			f.make(t, hour(6))
		},
		want: []string{"digests/2026/11/21/19.json is of another account, Region or bucket than the digest before"},
	},
	"digests of another bucket": {
		check: func(c *ledger.Check) { c.Bucket, c.Until = "other", hour(1) },
		want:  []string{digest14 + " is a digest of the bucket records"},
	},
	"a time before the beginning": {
		check: func(c *ledger.Check) { c.Since = hour(-3) },
		want:  []string{digest14 + " begins the chain: nothing proves the time before it, from 2026-11-21 11:00 UTC on"},
	},
	"a time whose first digests are gone": {
		tamper: func(_ *testing.T, f *fixture) {
			for _, key := range []string{digest14, digest14 + ".sig", digest15, digest15 + ".sig", alpha2, alpha3, beta2} {
				delete(f.objects, key)
			}
		},
		check: func(c *ledger.Check) { c.Since = hour(0) },
		want:  []string{digest14 + " is missing, and so are all up to 2026-11-21 16:00 UTC: 2 of them"},
	},
}

// Each case is a change to the standard ledger, and everything that Verify reports about it.
func TestVerifyFinds(t *testing.T) {
	for name, c := range tampered {
		t.Run(name, func(t *testing.T) {
			f := standard(t)
			if c.tamper != nil {
				c.tamper(t, f)
			}
			if diff := cmp.Diff(c.want, problems(f.verify(t, c.check))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// sign puts a digest and its signature into the ledger.
func (f *fixture) sign(t *testing.T, key, text string) {
	t.Helper()
	signature, err := f.maker.Sign(t.Context(), sumBytes(text))
	if err != nil {
		t.Fatal(err)
	}
	f.objects[key], f.objects[key+".sig"] = text, string(signature)
}

func sumBytes(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

// accepted are ledgers that are fine, and what Verify counts in them.
var accepted = map[string]struct {
	change func(t *testing.T, f *fixture)
	check  func(c *ledger.Check)
	want   ledger.Report // what differs from the standard ledger's
}{
	"a record written twice": {
		change: func(t *testing.T, f *fixture) {
			f.record(t, hour(5), hour(1).Add(10*time.Minute), "beta-01", 2, f.objects[beta2])
			f.make(t, hour(6))
		},
		want: ledger.Report{From: hour(0), Until: hour(6), Begins: true, Digests: 6, Records: 5, Duplicates: 1},
	},
	"records whose time is over": {
		change: func(_ *testing.T, f *fixture) { delete(f.objects, alpha2); delete(f.objects, alpha3) },
		check:  func(c *ledger.Check) { c.Now, c.Until = hour(30*24+2), hour(5) },
		want:   ledger.Report{From: hour(0), Until: hour(5), Begins: true, Digests: 5, Records: 2, Expired: 2},
	},
	"a part of the time": {
		check: func(c *ledger.Check) {
			c.Since, c.Until = hour(1).Add(59*time.Minute), hour(4).Add(59*time.Minute)
		},
		want: ledger.Report{From: hour(1), Until: hour(4), Digests: 3, Records: 2},
	},
	"a part, with nothing else at hand": {
		change: func(_ *testing.T, f *fixture) {
			for key := range f.objects {
				if !slices.Contains([]string{digest15, digest15 + ".sig", beta2}, key) {
					delete(f.objects, key)
				}
			}
		},
		check: func(c *ledger.Check) { c.Since, c.Until = hour(1), hour(2) },
		want:  ledger.Report{From: hour(1), Until: hour(2), Digests: 1, Records: 1},
	},
	"an old copy, up to its end": {
		check: func(c *ledger.Check) { c.Now, c.Until = hour(200), hour(5) },
		want:  ledger.Report{From: hour(0), Until: hour(5), Begins: true, Digests: 5, Records: 4},
	},
	"up to now, while the last digest is being made": {
		check: func(c *ledger.Check) { c.Now, c.Until = hour(7).Add(-time.Second), hour(7) },
		want:  ledger.Report{From: hour(0), Until: hour(5), Begins: true, Digests: 5, Records: 4},
	},
	"a key that was replaced": {
		change: func(t *testing.T, f *fixture) {
			f.key = newFixture(t).key
			f.maker.Sign = func(_ context.Context, sum []byte) ([]byte, error) { return ecdsa.SignASN1(rand.Reader, f.key, sum) }
			f.maker.Key = "arn:aws:kms:eu-west-1:111122223333:key/l"
			f.make(t, hour(6))
		},
		want: ledger.Report{From: hour(0), Until: hour(6), Begins: true, Digests: 6, Records: 4},
	},
}

// Each case is fine, and counted.
func TestVerifyAccepts(t *testing.T) {
	for name, c := range accepted {
		t.Run(name, func(t *testing.T) {
			f := standard(t)
			first := f.key
			if c.change != nil {
				c.change(t, f)
			}
			got := f.verify(t, func(check *ledger.Check) {
				check.Keys = append(check.Keys, &first.PublicKey)
				if c.check != nil {
					c.check(check)
				}
			})
			got.Newest = ""
			c.want.Problems = []ledger.Problem{}
			if diff := cmp.Diff(&c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A later verification finds the SHA-256 that an earlier one printed.
func TestVerifyFindsADigestThatWasNoted(t *testing.T) {
	f := standard(t)
	noted := f.verify(t, nil).Newest
	if noted != sha(f.objects[digest18]) {
		t.Errorf("newest %s, want the SHA-256 of %s", noted, digest18)
	}
	f.make(t, hour(6))
	if r := f.verify(t, func(c *ledger.Check) { c.Digest = noted }); len(r.Problems) > 0 {
		t.Error(problems(r))
	}
}

// A signed digest that contradicts itself is not trusted, whoever signed it.
func TestVerifyDistrustsNonsense(t *testing.T) {
	first := func(t *testing.T, f *fixture) string { // of two entries, as they stand in the digest
		t.Helper()
		text := f.objects[digest14]
		return text[strings.Index(text, "  {") : strings.Index(text, "},")+3]
	}
	t.Run("entries that are not in order", func(t *testing.T) {
		f := standard(t)
		entry := first(t, f)
		text := strings.Replace(f.objects[digest14], entry, "", 1)
		text = strings.Replace(text, "\n ]", ",\n"+strings.TrimSuffix(entry, ",\n")+"\n ]", 1)
		f.sign(t, digest14, text)
		if got := problems(f.verify(t, nil)); len(got) == 0 || got[0] != digest14+` can't be used: its entries are not in order: "`+alpha2+`"` {
			t.Errorf("got %q", got)
		}
	})
	for name, c := range map[string]struct{ old, new, want string }{
		"no SHA-256":     {`"sha256": "` + sha(`{"id":"beta-01","version":2,"x":1}`), `"sha256": "`, `its entry 1 is not a record of this hour: "` + beta2 + `"`},
		"another format": {`countermand-digest-1`, `countermand-digest-2`, `its format is "countermand-digest-2", but this version of Countermand reads "countermand-digest-1"`},
		"an unknown key": {`"format"`, `"form": 1, "format"`, `not a digest: json: unknown field "form"`},
		"no JSON":        {`{`, ``, `not a digest: `},
		"more JSON":      {"]\n}\n", "]\n}\n{}", `not a digest: there is text after the JSON object`},
		"half an hour":   {`T16:00:00Z`, `T15:30:00Z`, `it does not cover one hour`},
		"no number":      {`"number": 2`, `"number": 0`, `it is number 0 of its chain, which does not fit its previous digest`},
		"number 1":       {`"number": 2`, `"number": 1`, `it is number 1 of its chain, which does not fit its previous digest`},
		"another run":    {`"run": "beta-01"`, `"run": "beta-02"`, `its entry 1 is not a record of this hour: "` + beta2 + `"`},
		"another version": {`"version": 2`, `"version": 3`,
			`its entry 1 is not a record of this hour: "` + beta2 + `"`},
		"another hour's record": {`records/2026/11/21/15/`, `records/2026/11/21/14/`, `its entry 1 is not a record of this hour: "` + strings.Replace(beta2, "/15/", "/14/", 1) + `"`},
		"a path":                {beta2, `records/../../../../etc/passwd`, `its entry 1 is not a record of this hour: "records/../../../../etc/passwd"`},
	} {
		t.Run(name, func(t *testing.T) {
			f := standard(t)
			text := strings.Replace(f.objects[digest15], c.old, c.new, 1)
			if text == f.objects[digest15] {
				t.Fatalf("the digest does not hold %q:\n%s", c.old, text)
			}
			f.sign(t, digest15, text)
			got := problems(f.verify(t, nil))
			if len(got) == 0 || !strings.HasPrefix(got[0], digest15+" can't be used: "+c.want) {
				t.Errorf("got %q, want it to begin with %q", got, c.want)
			}
		})
	}
}

// Something that cannot be an object's copy, or is too large, is a problem of that object only.
func TestVerifyOfOtherThanPlainFiles(t *testing.T) {
	f := standard(t)
	f.fail = func(call, key string) error {
		if call == "open" && (key == alpha2 || key == digest16) {
			return fmt.Errorf("%w: a symbolic link", ledger.ErrNotPlainFile)
		}
		return nil
	}
	f.objects[digest18+".sig"] = strings.Repeat("x", 2000)
	want := []string{
		digest16 + " can't be read: not a plain file: a symbolic link",
		digest18 + ".sig can't be read: not a plain file: 2000 bytes, want at most 1024",
		alpha2 + " can't be read: not a plain file: a symbolic link",
	}
	if diff := cmp.Diff(want, problems(f.verify(t, nil))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
