package ledger_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countermand/countermand/remediations/ledger"
)

// A memory is a bucket: objects by key.
type memory struct {
	mu      sync.Mutex
	objects map[string]string
	fail    func(call, key string) error // nil: nothing fails
}

func (m *memory) failure(call, key string) error {
	if m.fail == nil {
		return nil
	}
	return m.fail(call, key)
}

func (m *memory) Keys(_ context.Context, prefix, after string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if err := m.failure("list", prefix); err != nil {
			yield("", err)
			return
		}
		for _, key := range slices.Sorted(maps.Keys(m.objects)) {
			if strings.HasPrefix(key, prefix) && key > after && !yield(key, nil) {
				return
			}
		}
	}
}

func (m *memory) Open(_ context.Context, key string) (io.ReadCloser, int64, error) {
	if err := m.failure("open", key); err != nil {
		return nil, 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	text, ok := m.objects[key]
	if !ok {
		return nil, 0, fs.ErrNotExist
	}
	return io.NopCloser(strings.NewReader(text)), int64(len(text)), nil
}

func (m *memory) Create(_ context.Context, key string, body []byte) error {
	if err := m.failure("create", key); err != nil {
		return err
	}
	if _, ok := m.objects[key]; ok {
		return fs.ErrExist
	}
	m.objects[key] = string(body)
	return nil
}

// start is the first hour of the tests' ledgers.
var start = time.Date(2026, 11, 21, 14, 0, 0, 0, time.UTC)

func hour(n int) time.Time { return start.Add(time.Duration(n) * time.Hour) }

// A fixture is a ledger with its key.
type fixture struct {
	*memory
	key   *ecdsa.PrivateKey
	maker *ledger.Maker
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{memory: &memory{objects: map[string]string{}}, key: key}
	f.maker = &ledger.Maker{
		Store:  f.memory,
		Ledger: ledger.Ledger{Account: "111122223333", Region: "eu-west-1", Bucket: "records", Key: "arn:aws:kms:eu-west-1:111122223333:key/k", RetentionDays: 30},
		Sign:   func(_ context.Context, sum []byte) ([]byte, error) { return ecdsa.SignASN1(rand.Reader, key, sum) },
	}
	return f
}

// record puts a version of a run's record into the ledger.
func (f *fixture) record(t *testing.T, written, changed time.Time, run string, version int, body string) string {
	t.Helper()
	key, err := ledger.RecordKey(written, changed, run, version)
	if err != nil {
		t.Fatal(err)
	}
	f.objects[key] = body
	return key
}

func (f *fixture) make(t *testing.T, now time.Time) ledger.MakeResult {
	t.Helper()
	made, err := f.maker.Make(t.Context(), now)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// standard returns a ledger of five hours, with records in the first, second and fourth.
func standard(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t)
	at := hour(0).Add(10 * time.Minute)
	f.record(t, at, at, "alpha-01", 2, `{"id":"alpha-01","version":2}`)
	f.record(t, at, at.Add(time.Second), "alpha-01", 3, `{"id":"alpha-01","version":3}`)
	f.record(t, at.Add(time.Hour), at.Add(time.Hour), "beta-01", 2, `{"id":"beta-01","version":2,"x":1}`)
	f.record(t, at.Add(3*time.Hour), at.Add(3*time.Hour), "beta-01-undo", 2, `{"id":"beta-01-undo","version":2}`)
	if made := f.make(t, hour(5).Add(15*time.Minute)); made.Digests != 5 || made.Records != 4 || !made.Began || made.More ||
		made.Newest != "digests/2026/11/21/18.json" {
		t.Fatalf("made %+v", made)
	}
	return f
}

func (f *fixture) verify(t *testing.T, change func(*ledger.Check)) *ledger.Report {
	t.Helper()
	c := ledger.Check{Keys: []*ecdsa.PublicKey{&f.key.PublicKey}, Now: hour(5).Add(30 * time.Minute), Bucket: "records"}
	if change != nil {
		change(&c)
	}
	report, err := ledger.Verify(t.Context(), f.memory, c)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func problems(r *ledger.Report) []string {
	var list []string
	for _, p := range r.Problems {
		list = append(list, p.Object+" "+p.What)
	}
	return list
}

func TestALedgerThatNobodyTouched(t *testing.T) {
	f := standard(t)
	open := hour(5).Add(time.Minute)
	f.record(t, open, open, "gamma-01", 2, `{}`)
	looked := 0
	r := f.verify(t, func(c *ledger.Check) { c.Progress = func(n int) { looked = n } })
	if r.Newest == "" || looked == 0 {
		t.Errorf("newest %q, looked at %d", r.Newest, looked)
	}
	r.Newest = ""
	want := &ledger.Report{From: hour(0), Until: hour(5), Begins: true, Digests: 5, Records: 4, Open: 1, Problems: []ledger.Problem{}}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestMakeAgainChangesNothing(t *testing.T) {
	f := standard(t)
	before := maps.Clone(f.objects)
	if made := f.make(t, hour(5).Add(15*time.Minute)); made != (ledger.MakeResult{}) {
		t.Errorf("made %+v", made)
	}
	if diff := cmp.Diff(before, f.objects); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
}

func TestMakeIsTheSameInSteps(t *testing.T) {
	once, stepwise := standard(t), newFixture(t)
	for key, body := range once.objects {
		if strings.HasPrefix(key, "records/") {
			stepwise.objects[key] = body
		}
	}
	for n := 1; n <= 5; n++ {
		if made := stepwise.make(t, hour(n).Add(15*time.Minute)); made.Digests != 1 || made.Began != (n == 1) {
			t.Errorf("at hour %d: made %+v", n, made)
		}
	}
	for _, f := range []*fixture{once, stepwise} {
		if got := f.verify(t, nil); len(got.Problems) > 0 {
			t.Error(problems(got))
		}
	}
	if a, b := once.objects["digests/2026/11/21/14.json"], stepwise.objects["digests/2026/11/21/14.json"]; a != b {
		t.Errorf("the first digest depends on when it was made:\n%s\n%s", a, b)
	}
}

// After an outage, the chain is continued in order, a part at a time.
func TestMakeUpForMissedHours(t *testing.T) {
	f := newFixture(t)
	at := hour(0).Add(time.Minute)
	f.record(t, at, at, "alpha-01", 2, `{}`)
	f.make(t, hour(1))
	now := hour(500)
	for n, want := range []int{100, 100, 100, 100, 99, 0} {
		if made := f.make(t, now); made.Digests != want || made.More != (n < 4) {
			t.Fatalf("time %d: made %+v, want %d digests", n, made, want)
		}
	}
	if r := f.verify(t, func(c *ledger.Check) { c.Now = now }); len(r.Problems) > 0 || r.Digests != 500 {
		t.Errorf("%d digests, problems %v", r.Digests, problems(r))
	}
}

// Without records, a chain begins with the last hour. Without time, one call makes one digest and leaves the rest.
func TestWhereAChainBegins(t *testing.T) {
	f := newFixture(t)
	if made := f.make(t, hour(3).Add(time.Minute)); made.Digests != 1 || made.Newest != "digests/2026/11/21/16.json" {
		t.Errorf("made %+v", made)
	}
	f = newFixture(t)
	f.record(t, hour(0), hour(0), "alpha-01", 2, `{}`)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if made, err := f.maker.Make(ctx, hour(3)); err != nil || made.Digests != 1 || !made.More {
		t.Errorf("made %+v, error %v", made, err)
	}
}

// Wherever an invocation dies, the next one completes its work.
func TestMakeAfterAFailure(t *testing.T) {
	want := standard(t).verify(t, nil)
	calls := 0
	for failing := 1; ; failing++ {
		f := standard(t)
		for key := range f.objects {
			if strings.HasPrefix(key, "digests/") {
				delete(f.objects, key)
			}
		}
		calls = 0
		var mu sync.Mutex
		f.fail = func(string, string) error {
			mu.Lock()
			defer mu.Unlock()
			if calls++; calls == failing {
				return errors.New("it is down")
			}
			return nil
		}
		_, err := f.maker.Make(t.Context(), hour(5))
		if calls < failing {
			break // nothing failed any more
		}
		if err == nil || !strings.Contains(err.Error(), "it is down") {
			t.Errorf("call %d failed: error %v", failing, err)
		}
		f.fail = nil
		f.make(t, hour(5))
		got := f.verify(t, nil)
		got.Newest = want.Newest // signatures differ, and digests hold them
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("call %d failed (-want +got):\n%s", failing, diff)
		}
	}
	if calls < 20 {
		t.Errorf("only %d calls were made", calls)
	}
}

// A newest digest that is gone is made again, and the next one names the existing signature.
func TestMakeADigestThatIsGone(t *testing.T) {
	f := standard(t)
	delete(f.objects, "digests/2026/11/21/18.json")
	if made := f.make(t, hour(6)); made.Digests != 2 {
		t.Errorf("made %+v", made)
	}
	if r := f.verify(t, nil); len(r.Problems) > 0 || r.Digests != 6 {
		t.Errorf("%d digests, problems %v", r.Digests, problems(r))
	}
}

// Only a digest that lists the bucket's records is signed.
func TestMakeSignsNoDigestOfOthers(t *testing.T) {
	f := standard(t)
	delete(f.objects, "digests/2026/11/21/18.json.sig")
	f.objects["digests/2026/11/21/18.json"] = strings.Replace(f.objects["digests/2026/11/21/18.json"], `"number": 5`, `"number": 6`, 1)
	if _, err := f.maker.Make(t.Context(), hour(5)); err == nil || !strings.Contains(err.Error(), "already another one") {
		t.Errorf("error %v", err)
	}
	if f.objects["digests/2026/11/21/18.json.sig"] != "" {
		t.Error("it was signed")
	}
	f.maker.Sign = func(context.Context, []byte) ([]byte, error) { return nil, errors.New("the key is disabled") }
	if _, err := f.maker.Make(t.Context(), hour(6)); err == nil {
		t.Error("no error where nothing can be signed")
	}
	if _, there := f.objects["digests/2026/11/21/19.json"]; there {
		t.Error("a digest was written that could not be signed")
	}
}

// Foreign objects in the bucket cannot keep digests from being made.
func TestMakeWithStrangers(t *testing.T) {
	f := newFixture(t)
	strangers := []string{
		"records/2026/11/21/14/x.json", "records/2026/11/21/14/20261121T140000Z-alpha-01-v02.json", "records/zzz",
		"digests/2099/01/01/00.json", "digests/2099/01/01/00.json.sig", "digests/x", "digests/2026/11/21/5.json", "other",
	}
	for _, key := range strangers {
		f.objects[key] = "{}"
	}
	f.record(t, hour(0), hour(0), "alpha-01", 2, `{}`)
	if made := f.make(t, hour(2)); made.Digests != 2 || made.Records != 1 {
		t.Errorf("made %+v", made)
	}
	f.make(t, hour(3))
	r := f.verify(t, func(c *ledger.Check) { c.Until = hour(3) })
	for _, key := range strangers {
		found := slices.ContainsFunc(r.Problems, func(p ledger.Problem) bool { return p.Object == key })
		if want := strings.HasPrefix(key, "records/") || key == "digests/x" || key == "digests/2026/11/21/5.json"; found != want {
			t.Errorf("%s is reported: %t, want %t", key, found, want)
		}
	}
	if r.Digests != 3 || r.Records != 1 {
		t.Errorf("report %+v", r)
	}
}

func TestRecordKey(t *testing.T) {
	key, err := ledger.RecordKey(hour(1).Add(time.Minute), hour(0).Add(59*time.Minute+7*time.Second), "alpha-01", 12)
	if want := "records/2026/11/21/15/20261121T145907Z-alpha-01-v12.json"; key != want || err != nil {
		t.Errorf("%s, %v, want %s", key, err, want)
	}
	for _, run := range []string{"", "COUNT", "a/b", "../a", "a\n", "a.b", "é", strings.Repeat("a", 201)} {
		if key, err := ledger.RecordKey(start, start, run, 1); err == nil {
			t.Errorf("run %q: key %s", run, key)
		}
	}
	for _, version := range []int{0, -1, 1_000_000} {
		if key, err := ledger.RecordKey(start, start, "a", version); err == nil {
			t.Errorf("version %d: key %s", version, key)
		}
	}
}

func TestErrorsOfReadingAreNotProblems(t *testing.T) {
	for _, call := range []string{"list digests/", "list records/", "open digests/2026/11/21/15.json", "open records/2026/11/21/14/20261121T141000Z-alpha-01-v2.json"} {
		f := standard(t)
		f.fail = func(c, key string) error {
			if c+" "+key == call {
				return errors.New("access denied")
			}
			return nil
		}
		r, err := ledger.Verify(t.Context(), f.memory, ledger.Check{Keys: []*ecdsa.PublicKey{&f.key.PublicKey}, Now: hour(5)})
		if err == nil || !strings.Contains(err.Error(), "access denied") {
			t.Errorf("%s: report %+v, error %v", call, r, err)
		}
	}
}
