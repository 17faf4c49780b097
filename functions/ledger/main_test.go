package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countermand/countermand/remediations/engine"
	"github.com/countermand/countermand/remediations/ledger"
)

var now = time.Date(2026, 11, 21, 15, 4, 5, 0, time.UTC)

func clock() time.Time { return now }

// memory is a bucket: objects by key.
type memory struct {
	objects map[string]string
	broken  string // a key that can't be written
}

func (m *memory) Keys(_ context.Context, prefix, after string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, key := range slices.Sorted(maps.Keys(m.objects)) {
			if strings.HasPrefix(key, prefix) && key > after && !yield(key, nil) {
				return
			}
		}
	}
}

func (m *memory) Open(_ context.Context, key string) (io.ReadCloser, int64, error) {
	text, ok := m.objects[key]
	if !ok {
		return nil, 0, fs.ErrNotExist
	}
	return io.NopCloser(strings.NewReader(text)), int64(len(text)), nil
}

func (m *memory) Create(_ context.Context, key string, body []byte) error {
	if key == m.broken {
		return errors.New("slow down")
	}
	if _, ok := m.objects[key]; ok {
		return fs.ErrExist
	}
	m.objects[key] = string(body)
	return nil
}

// item is a run as the run table has it, in the stream's JSON.
func item(t *testing.T, r engine.Record) map[string]any {
	t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]any{"id": map[string]any{"S": r.ID}, "outcome": map[string]any{"S": r.Outcome}, "record": map[string]any{"S": string(text)}}
}

// streamed is an event of changes to these images; nil for a deletion.
func streamed(t *testing.T, images ...map[string]any) []byte {
	t.Helper()
	var records []any
	for i, image := range images {
		change := map[string]any{"SequenceNumber": fmt.Sprint(100 + i), "ApproximateCreationDateTime": now.Unix() - 10, "StreamViewType": "NEW_IMAGE"}
		if image != nil {
			change["NewImage"] = image
			change["Keys"] = map[string]any{"id": image["id"]}
		}
		records = append(records, map[string]any{"eventName": "MODIFY", "dynamodb": change})
	}
	event, err := json.Marshal(map[string]any{"Records": records})
	if err != nil {
		t.Fatal(err)
	}
	return event
}

func record(id string, version int, outcome engine.Outcome) engine.Record {
	return engine.Record{ID: id, Version: version, Outcome: outcome, Reason: "a <b> & \"c\" \u2028 é"}
}

// Every version of a run that has ended is written as it stands in the table; nothing else is.
func TestWrite(t *testing.T) {
	m := &memory{objects: map[string]string{}}
	w := &writer{store: m, now: clock, log: slog.New(slog.DiscardHandler)}
	var images []map[string]any
	want := map[string]string{}
	for i, outcome := range engine.Recorded() {
		r := record("alpha-01", i+1, outcome)
		images = append(images, item(t, r))
		if outcome != engine.Started {
			want[fmt.Sprintf("records/2026/11/21/15/20261121T150355Z-alpha-01-v%d.json", i+1)] = images[i]["record"].(map[string]any)["S"].(string)
		}
	}
	images = append(images, nil, map[string]any{"id": map[string]any{"S": "COUNT-1"}, "times": map[string]any{"N": "4"}})
	for range 2 { // the stream delivers at least once
		answer, err := w.Invoke(t.Context(), streamed(t, images...))
		if err != nil || string(answer) != `{"batchItemFailures":[]}` {
			t.Errorf("answer %s, error %v", answer, err)
		}
		if diff := cmp.Diff(want, m.objects); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// What can't be written is named, and does not keep the rest from being written.
func TestWriteFails(t *testing.T) {
	good, broken := item(t, record("alpha-01", 2, engine.Remediated)), item(t, record("alpha-02", 2, engine.Remediated))
	text := func(s string) any { return map[string]any{"S": s} }
	for name, c := range map[string]struct {
		image map[string]any
		log   string
	}{
		"the bucket fails":     {broken, "slow down"},
		"no record":            {map[string]any{"id": text("alpha-02")}, `attribute \"record\" is no text`},
		"a record of bytes":    {map[string]any{"id": text("alpha-02"), "record": map[string]any{"B": "e30="}}, `attribute \"record\" is no text`},
		"no JSON":              {map[string]any{"id": text("alpha-02"), "record": text("{")}, "decode its record"},
		"another run's record": {map[string]any{"id": text("alpha-02"), "record": good["record"]}, `its record is of run \"alpha-01\"`},
		"no outcome":           {map[string]any{"id": text("a"), "record": text(`{"id":"a","version":1}`)}, `with outcome \"\"`},
		"no version":           {map[string]any{"id": text("a"), "record": text(`{"id":"a","outcome":"Clean"}`)}, "not valid in an object's key"},
		"a path for an id":     {map[string]any{"id": text("a/../b"), "record": text(`{"id":"a/../b","version":1,"outcome":"Clean"}`)}, "not valid in an object's key"},
		"no id":                {map[string]any{"record": good["record"]}, `attribute \"id\" is no text`},
	} {
		t.Run(name, func(t *testing.T) {
			m := &memory{objects: map[string]string{}, broken: "records/2026/11/21/15/20261121T150355Z-alpha-02-v2.json"}
			var log strings.Builder
			w := &writer{store: m, now: clock, log: slog.New(slog.NewJSONHandler(&log, nil))}
			answer, err := w.Invoke(t.Context(), streamed(t, c.image, good))
			if err != nil || string(answer) != `{"batchItemFailures":[{"itemIdentifier":"100"}]}` {
				t.Errorf("answer %s, error %v", answer, err)
			}
			if len(m.objects) != 1 {
				t.Errorf("written: %v", slices.Sorted(maps.Keys(m.objects)))
			}
			if !strings.Contains(log.String(), c.log) {
				t.Errorf("log:\n%s\nwant %s", log.String(), c.log)
			}
		})
	}
}

// An event that can't be answered item by item is an error: the whole batch is delivered again.
func TestWriteRefuses(t *testing.T) {
	w := &writer{store: &memory{objects: map[string]string{}}, now: clock, log: slog.New(slog.DiscardHandler)}
	for _, event := range []string{``, `{"Records":{}}`, `{"Records":[1]}`, `{"Records":[{"dynamodb":{}}]}`, `{"Records":[{"dynamodb":{"SequenceNumber":"1","NewImage":[]}}]}`} {
		if answer, err := w.Invoke(t.Context(), []byte(event)); err == nil {
			t.Errorf("%s: answer %s", event, answer)
		}
	}
}

func newDigester(t *testing.T, m *memory, log io.Writer) (*digester, *ecdsa.PublicKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(_ context.Context, sum []byte) ([]byte, error) { return ecdsa.SignASN1(rand.Reader, key, sum) }
	return &digester{
		maker: &ledger.Maker{Ledger: ledger.Ledger{Bucket: "b", RetentionDays: 1}, Store: m, Sign: sign},
		now:   clock, log: slog.New(slog.NewJSONHandler(log, nil)),
	}, &key.PublicKey
}

// What the two halves write is what Verify takes, and the log's line is the metrics that alarms watch.
func TestDigest(t *testing.T) {
	m := &memory{objects: map[string]string{}}
	w := &writer{store: m, now: clock, log: slog.New(slog.DiscardHandler)}
	if _, err := w.Invoke(t.Context(), streamed(t, item(t, record("alpha-01", 2, engine.Remediated)))); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	d, key := newDigester(t, m, &log)
	for _, at := range []string{"2026-11-21T16:00:00Z", "2026-11-21T16:04:05Z"} { // the second finds nothing to do
		if _, err := d.Invoke(t.Context(), []byte(`{"source":"aws.events","time":"`+at+`"}`)); err != nil {
			t.Fatal(err)
		}
	}
	r, err := ledger.Verify(t.Context(), m, ledger.Check{Keys: []*ecdsa.PublicKey{key}, Now: now})
	if err != nil || len(r.Problems) > 0 || r.Digests != 1 || r.Records != 1 {
		t.Errorf("report %+v, error %v", r, err)
	}
	var lines []map[string]any
	for line := range strings.SplitSeq(strings.TrimSpace(log.String()), "\n") {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatal(err)
		}
		delete(fields, "time")
		lines = append(lines, fields)
	}
	metrics := func(names ...string) map[string]any {
		var list []any
		for _, name := range names {
			list = append(list, map[string]any{"Name": name, "Unit": "Count"})
		}
		return map[string]any{"Timestamp": float64(now.UnixMilli()), "CloudWatchMetrics": []any{map[string]any{
			"Namespace": "Countermand", "Dimensions": []any{[]any{"Module"}}, "Metrics": list,
		}}}
	}
	want := []map[string]any{
		{"level": "INFO", "msg": "digests made", "Module": "ledger", "Digests": 1.0, "Began": 1.0, "records": 1.0,
			"newest": "digests/2026/11/21/15.json", "more": false, "_aws": metrics("Digests", "Began")},
		{"level": "INFO", "msg": "digests made", "Module": "ledger", "Digests": 0.0, "records": 0.0,
			"newest": "", "more": false, "_aws": metrics("Digests")},
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

// A digest is made of hours that are over. What has failed is an error, so that it is tried again.
func TestDigestRefuses(t *testing.T) {
	m := &memory{objects: map[string]string{}}
	d, _ := newDigester(t, m, io.Discard)
	for _, event := range []string{``, `{}`, `{"time":"soon"}`, `{"time":"2026-11-21T16:04:06Z"}`} {
		if _, err := d.Invoke(t.Context(), []byte(event)); err == nil {
			t.Errorf("%s: no error", event)
		}
	}
	m.broken = "digests/2026/11/21/14.json"
	if _, err := d.Invoke(t.Context(), []byte(`{"time":"2026-11-21T15:15:00Z"}`)); err == nil {
		t.Error("no error of a bucket that fails")
	}
	if len(m.objects) > 0 {
		t.Errorf("written: %v", m.objects)
	}
}

// environment is one that is right; changes are put over it, and an empty value takes a variable out.
func environment(changes map[string]string) func(string) string {
	env := map[string]string{
		"COUNTERMAND_LEDGER":         "digest",
		"COUNTERMAND_BUCKET":         "countermand-records-111122223333-eu-west-1",
		"COUNTERMAND_ACCOUNT":        "111122223333",
		"COUNTERMAND_KEY":            "arn:aws:kms:eu-west-1:111122223333:key/k",
		"COUNTERMAND_RETENTION_DAYS": "400",
		"AWS_REGION":                 "eu-west-1",
	}
	maps.Copy(env, changes)
	return func(name string) string { return env[name] }
}

func TestBuild(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	h, err := build(t.Context(), environment(nil), log)
	if err != nil {
		t.Fatal(err)
	}
	want := ledger.Ledger{Account: "111122223333", Region: "eu-west-1", Bucket: "countermand-records-111122223333-eu-west-1",
		Key: "arn:aws:kms:eu-west-1:111122223333:key/k", RetentionDays: 400}
	if d, ok := h.(*digester); !ok || d.maker.Ledger != want {
		t.Errorf("got %+v", h)
	}
	half := map[string]string{"COUNTERMAND_LEDGER": "write", "COUNTERMAND_ACCOUNT": "", "COUNTERMAND_KEY": "", "COUNTERMAND_RETENTION_DAYS": ""}
	if h, err := build(t.Context(), environment(half), log); err != nil {
		t.Error(err)
	} else if _, ok := h.(*writer); !ok {
		t.Errorf("got %T", h)
	}
	for name, c := range map[string]struct {
		changes map[string]string
		want    []string
	}{
		"nothing at all":  {map[string]string{"COUNTERMAND_LEDGER": "", "COUNTERMAND_BUCKET": ""}, []string{"LEDGER is not set", "BUCKET is not set"}},
		"half of it":      {map[string]string{"COUNTERMAND_ACCOUNT": "", "COUNTERMAND_KEY": "", "COUNTERMAND_RETENTION_DAYS": ""}, []string{"ACCOUNT is not set", "KEY is not set", "RETENTION_DAYS is not set"}},
		"an unknown half": {map[string]string{"COUNTERMAND_LEDGER": "read"}, []string{`unknown half "read": want write or digest`}},
		"no days":         {map[string]string{"COUNTERMAND_RETENTION_DAYS": "0"}, []string{"not a number of days"}},
	} {
		_, err := build(t.Context(), environment(c.changes), log)
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, want %q", name, err, want)
			}
		}
	}
	if _, err := (broken{errors.New("not set")}).Invoke(t.Context(), nil); err == nil {
		t.Error("a function that is not configured takes events")
	}
}

// The calls to S3 and KMS, as they go out and as their answers are taken.
func TestCalls(t *testing.T) {
	var got []string
	taken := map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		call := r.Method + " " + r.URL.Path
		if target := r.Header.Get("X-Amz-Target"); target != "" {
			call = target + " " + string(body)
		}
		if after := r.URL.Query().Get("start-after"); after != "" {
			call += " after " + after
		}
		if r.Method == http.MethodPut {
			call += " " + r.Header.Get("If-None-Match")
		}
		got = append(got, call)
		switch {
		case strings.HasPrefix(call, "TrentService.Sign"):
			fmt.Fprint(w, `{"Signature":"c2lnbmVk"}`)
		case r.Method == http.MethodGet && strings.Trim(r.URL.Path, "/") == "b":
			fmt.Fprint(w, `<ListBucketResult></ListBucketResult>`)
		case r.Method == http.MethodPut && taken[r.URL.Path]:
			w.WriteHeader(http.StatusPreconditionFailed)
			fmt.Fprint(w, `<Error><Code>PreconditionFailed</Code></Error>`)
		case r.Method == http.MethodPut:
			taken[r.URL.Path] = true
		default:
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `<Error><Code>NoSuchKey</Code></Error>`)
		}
	}))
	defer server.Close()
	for name, value := range map[string]string{"AWS_ENDPOINT_URL": server.URL, "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"} {
		t.Setenv(name, value)
	}
	h, err := build(t.Context(), environment(map[string]string{"COUNTERMAND_BUCKET": "b"}), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	d := h.(*digester)
	if _, err := d.maker.Make(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"PUT /b/digests/2026/11/21/14.json *",
		"PUT /b/digests/2026/11/21/14.json.sig *",
	}
	if calls := slices.DeleteFunc(slices.Clone(got), func(c string) bool { return !strings.HasPrefix(c, "PUT") }); !slices.Equal(calls, want) {
		t.Errorf("writes %q, want %q", calls, want)
	}
	if !strings.HasSuffix(got[0], " after digests/2026/11/14/15.json") {
		t.Errorf("the newest digest is looked for by %q", got[0])
	}
	signs := slices.IndexFunc(got, func(c string) bool { return strings.HasPrefix(c, "TrentService.Sign ") })
	if signs < 0 || !strings.Contains(got[signs], `"MessageType":"DIGEST"`) || !strings.Contains(got[signs], `"SigningAlgorithm":"ECDSA_SHA_256"`) ||
		!strings.Contains(got[signs], `"KeyId":"arn:aws:kms:eu-west-1:111122223333:key/k"`) {
		t.Errorf("calls %q", got)
	}
	if err := d.maker.Store.Create(t.Context(), "digests/2026/11/21/14.json", nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("written twice: %v", err)
	}
	if _, _, err := d.maker.Store.Open(t.Context(), "absent"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("absent: %v", err)
	}
}
