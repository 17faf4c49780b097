//go:build emulator

// Package emulated tests the modules against emulators of AWS that others have written, so that what a module takes
// for AWS's answer is not only what its author believes. A file is a module's; TestCoverage lists those without one.
package emulated

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	gocmp "github.com/google/go-cmp/cmp"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/engine"
	"github.com/countermand/countermand/remediations/engine/store"
	"github.com/countermand/countermand/scripts/internal/sandbox"
)

// The account that both emulators take a caller for.
const account = "123456789012"

var emulators *sandbox.Emulators

func TestMain(m *testing.M) { os.Exit(main(m)) }

func main(m *testing.M) int {
	root, err := filepath.Abs("../../..")
	dir, mkErr := os.MkdirTemp("", "emulated")
	if err != nil || mkErr != nil {
		fmt.Fprintln(os.Stderr, err, mkErr)
		return 1
	}
	defer os.RemoveAll(dir)
	if emulators, err = sandbox.StartEmulators(context.Background(), root, dir); err != nil {
		fmt.Fprintf(os.Stderr, "%v\nrun ./scripts/test, which installs what is missing\n", err)
		return 1
	}
	defer emulators.Stop()
	return m.Run()
}

// moto is an emptied account of moto's.
func moto(t *testing.T) aws.Config {
	t.Helper()
	return motoAt(t, emulators.Moto)
}

// motoAt is an emptied account of the moto at an endpoint.
func motoAt(t *testing.T, endpoint string) aws.Config {
	t.Helper()
	post(t, endpoint+"/moto-api/reset")
	cfg := config(endpoint)
	// It calls its answers in JSON web pages, and such are refused.
	return bridged(cfg, func(_ *http.Request, body string, ask ask) (*http.Response, error) {
		answer, err := ask(body)
		if err != nil {
			return nil, err
		}
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			return nil, err
		}
		if json.Valid(text) {
			answer.Header.Set("Content-Type", "application/json")
		}
		answer.Body = io.NopCloser(bytes.NewReader(text))
		return answer, nil
	})
}

// ministack is an emptied account of ministack's, which knows no Block Public Access of accounts: there is none.
func ministack(t *testing.T) aws.Config {
	t.Helper()
	post(t, emulators.Ministack+"/_ministack/reset")
	return bridged(config(emulators.Ministack), func(r *http.Request, body string, ask ask) (*http.Response, error) {
		if r.URL.Path == "/v20180820/configuration/publicAccessBlock" {
			return answered(http.StatusNotFound, "<ErrorResponse><Error><Code>NoSuchPublicAccessBlockConfiguration</Code></Error></ErrorResponse>"), nil
		}
		return ask(body)
	})
}

func post(t *testing.T, url string) {
	t.Helper()
	answer, err := http.Post(url, "application/json", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode/100 != 2 {
		t.Fatalf("%s answers %s", url, answer.Status)
	}
}

func config(endpoint string) aws.Config {
	_, host, _ := strings.Cut(endpoint, "://")
	dialer := &net.Dialer{}
	return aws.Config{
		Region:       "us-east-1",
		BaseEndpoint: &endpoint,
		Credentials:  credentials.NewStaticCredentialsProvider(account, "test", ""),
		// The SDK puts the account before the host of some endpoints, and such a name exists nowhere.
		HTTPClient: &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, host)
		}}},
		Retryer: func() aws.Retryer { return aws.NopRetryer{} },
	}
}

// bridge makes up for what an emulator lacks: it answers a call itself, or asks the emulator, with another body or the
// same, and may change the answer.
type bridge func(r *http.Request, body string, ask ask) (*http.Response, error)

// ask has the emulator answer.
type ask func(body string) (*http.Response, error)

// bridged is a configuration with a bridge in front of the emulator. Every bridge says what it is for.
func bridged(cfg aws.Config, b bridge) aws.Config {
	cfg.HTTPClient = crossing{cfg.HTTPClient, b}
	return cfg
}

type crossing struct {
	inner  aws.HTTPClient
	bridge bridge
}

// Do makes a call.
func (c crossing) Do(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	return c.bridge(r, string(body), func(body string) (*http.Response, error) {
		r.Body, r.ContentLength = http.NoBody, int64(len(body))
		if body != "" {
			r.Body = io.NopCloser(strings.NewReader(body))
		}
		return c.inner.Do(r)
	})
}

func answered(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

// calls reports whether the body of a call to a query API is of an operation.
func calls(body, operation string) bool { return strings.HasPrefix(body, "Action="+operation+"&") }

// scene is a module's case: a world that is right, and a call that makes it wrong.
type scene struct {
	module   *remediations.Module
	settings any // nil: the module's own
	aws      aws.Config
	call     func() call            // makes it, and says what CloudTrail tells of it
	broken   string                 // the id of the resource that it makes wrong
	state    func() any             // all that the module may change, of that resource and of its good neighbours
	after    func(at time.Time) any // what the module leaves of a call at that time; nil: what was there before it
	later    time.Duration
	unswept  bool // a sweep can't find it
	alerts   bool // the module only tells people of it
}

// call is what CloudTrail tells of a call.
type call struct {
	source   string // "ec2.amazonaws.com"
	name     string
	request  string // JSON: requestParameters
	response string // JSON: responseElements; empty for null
	made     string // the id of the resource that it has made, if that is what is wrong
}

// event is the event of a call that a person has made just now.
func (c call) event(t *testing.T, region string, at time.Time) []byte {
	t.Helper()
	if c.response == "" {
		c.response = "null"
	}
	event, err := events.Wrap(fmt.Appendf(nil, `{"eventVersion":"1.10","userIdentity":{"type":"AssumedRole",
		"principalId":"AROAEXAMPLEEXAMPLE123:dana","arn":"arn:aws:sts::%[1]s:assumed-role/Developer/dana","accountId":"%[1]s","accessKeyId":"ASIAEXAMPLEEXAMPLE12",
		"sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLEEXAMPLE123","arn":"arn:aws:iam::%[1]s:role/Developer","accountId":"%[1]s","userName":"Developer"},
		"attributes":{"creationDate":%[2]q,"mfaAuthenticated":"true"}}},"eventTime":%[2]q,"eventSource":%[3]q,"eventName":%[4]q,"awsRegion":%[5]q,
		"sourceIPAddress":"198.51.100.17","userAgent":"aws-cli/2.27.1","requestParameters":%[6]s,"responseElements":%[7]s,
		"requestID":"7d2a4a0e-6a55-4d0b-8e6b-0b1f7a2c9d01","eventID":"5b1c6f8e-0d5f-4e0c-9a58-3c1d5b9f2b01","readOnly":false,"eventType":"AwsApiCall",
		"managementEvent":true,"recipientAccountId":"%[1]s","eventCategory":"Management"}`,
		account, at.UTC().Format(time.RFC3339), c.source, c.name, region, c.request, c.response))
	if err != nil {
		t.Fatal(err)
	}
	return event
}

// play plays a scene: the module finds nothing in the world that is right; when it was made wrong, a sweep finds what is
// wrong and nothing else; on the event the module puts it right; and undone, all is as the call had left it.
func play(t *testing.T, s scene) {
	t.Helper()
	right := s.present(t)
	if s.module.Sweep != nil {
		s.sweeps(t, "before the call")
	}
	made := s.call()
	s.broken = cmp.Or(made.made, s.broken)
	wrong := s.present(t)
	if wrong == right {
		t.Fatalf("the emulator has not stored what the call did: %s", wrong)
	}
	if s.module.Sweep != nil && !s.unswept {
		s.sweeps(t, "after the call", s.broken)
	}
	store, e := s.engine(t, remediations.Enforce)
	now := time.Now()
	event := made.event(t, s.aws.Region, now)
	records, err := e.Handle(t.Context(), event)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(records, func(r engine.Record) bool { return r.Resource.ID == s.broken })
	if i < 0 {
		t.Fatalf("no run is about %s: %+v", s.broken, records)
	}
	want, left := engine.Remediated, right
	if s.after != nil {
		left = text(t, s.after(now))
	}
	if s.alerts {
		want, left = engine.Alerted, wrong
	}
	if records[i].Outcome != want {
		t.Fatalf("the outcome is %s, not %s: %s %s", records[i].Outcome, want, records[i].Reason, records[i].Error)
	}
	for j, r := range records {
		if j != i && r.Outcome != engine.Clean {
			t.Errorf("%s of %s, which is as it should be", r.Outcome, r.Resource)
		}
	}
	if diff := gocmp.Diff(left, s.present(t)); diff != "" {
		t.Fatalf("after the module:\n%s", diff)
	}
	if s.alerts {
		return
	}
	if s.module.Sweep != nil {
		s.sweeps(t, "after the module")
	}
	if s.module.Undo == nil {
		return
	}
	s.undo(t, store, records[i].ID)
	if diff := gocmp.Diff(wrong, s.present(t)); diff != "" {
		t.Fatalf("after the undo:\n%s", diff)
	}
}

// undo takes a run back.
func (s scene) undo(t *testing.T, store *store.Memory, id string) {
	t.Helper()
	run, err := store.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	back := &engine.UndoRequest{
		Module: s.module, Run: run, AWS: s.aws, Store: store,
		Principal: "arn:aws:iam::" + account + ":user/olga", Name: "olga", Now: time.Now,
	}
	if record, err := back.Undo(t.Context()); err != nil || record.Outcome != engine.Undone {
		t.Fatalf("undo: %v, %+v", err, record)
	}
}

// sweeps checks what a sweep finds.
func (s scene) sweeps(t *testing.T, when string, want ...string) {
	t.Helper()
	_, e := s.engine(t, remediations.Alert)
	records, err := e.Handle(t.Context(), fmt.Appendf(nil, `{"version":"0","id":"c2f5a1b0-6f7e-4c1f-9a3d-0d9d4f1f7c11","detail-type":"Scheduled Event",
		"source":"aws.events","account":%q,"time":%q,"region":%q,"resources":["arn:aws:events:%[3]s:%[1]s:rule/%[4]s"],"detail":{}}`,
		account, time.Now().UTC().Format(time.RFC3339), s.aws.Region, s.module.SweepRule()))
	if err != nil {
		t.Fatalf("sweep %s: %v", when, err)
	}
	var found []string
	for _, r := range records {
		found = append(found, r.Resource.ID)
		if r.Outcome != engine.Alerted {
			t.Errorf("sweep %s: %s of %s", when, r.Outcome, r.Resource)
		}
	}
	if diff := gocmp.Diff(want, found); diff != "" {
		t.Fatalf("what a sweep finds %s:\n%s", when, diff)
	}
}

// engine is a real one, but for the waiting.
func (s scene) engine(t *testing.T, mode remediations.Mode) (*store.Memory, *engine.Engine) {
	t.Helper()
	store := &store.Memory{}
	e, err := engine.New(engine.Config{
		Module: s.module, Mode: mode, Sweep: mode, Account: account, Settings: s.settings, AWS: s.aws, Store: store,
		Alert:     func(context.Context, engine.Message) error { return nil },
		Switch:    func(context.Context) (remediations.Switch, error) { return nil, nil },
		Retention: 24 * time.Hour,
		Limits:    remediations.Limits{Module: 1000, Account: 1000, Principal: 1000, Resource: 1000},
		Now:       func() time.Time { return time.Now().Add(s.later) },
		Wait:      func(context.Context, time.Duration) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return store, e
}

// present is the state as text.
func (s scene) present(t *testing.T) string {
	t.Helper()
	return text(t, s.state())
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// must is the answer to a call that is not to fail.
func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
