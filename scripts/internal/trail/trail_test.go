package trail

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const account = "111122223333"

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// emulator answers calls with what a test says, and keeps the events that are put onto its bus.
type emulator struct {
	*httptest.Server
	answer http.HandlerFunc
	refuse bool // answers PutEvents with an error

	mu   sync.Mutex
	put  []entry
	seen []*http.Request
}

// entry is an event as PutEvents receives it, and where.
type entry struct {
	Source, DetailType, Detail string
	Scope                      credentialScope `json:"-"`
}

func newEmulator(t *testing.T, answer http.HandlerFunc) *emulator {
	t.Helper()
	e := &emulator{answer: answer}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.mu.Lock()
		defer e.mu.Unlock()
		if r.Header.Get("X-Amz-Target") != "AWSEvents.PutEvents" {
			// Read as the real one does: an answer to half a request ends the connection.
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			e.seen = append(e.seen, r)
			e.answer(w, r)
			return
		}
		if e.refuse {
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, `{"__type":"ValidationException","message":"no"}`)
			return
		}
		var in struct{ Entries []entry }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			t.Error(err)
		}
		for i := range in.Entries {
			in.Entries[i].Scope, _ = parseScope(r)
		}
		e.put = append(e.put, in.Entries...)
		io.WriteString(w, `{"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}`)
	}))
	t.Cleanup(e.Close)
	return e
}

// start runs a trail in front of the emulator. stop waits until every event is put.
func (e *emulator) start(t *testing.T) (address string, trail *Trail, stop func()) {
	t.Helper()
	upstream, err := url.Parse(e.URL)
	if err != nil {
		t.Fatal(err)
	}
	trail = New(Options{
		Upstream: upstream,
		Account:  account,
		Personas: map[string]Persona{
			"AKIAMALLORY": User(account, "mallory", "198.51.100.23"),
			"ASIADEPLOY":  Session(account, "ci/deploy", "build-7", "198.51.100.7", noon),
		},
		Now: func() time.Time { return noon },
		Log: slog.New(slog.DiscardHandler),
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- trail.Serve(ctx, l) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-served; err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(stop)
	return "http://" + l.Addr().String(), trail, stop
}

// signed is a request with a signature of a key, for a Region and a service.
func signed(t *testing.T, method, address, key, service, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+key+"/20260301/eu-west-1/"+service+"/aws4_request, SignedHeaders=host, Signature=00")
	r.Header.Set("User-Agent", "aws-cli/2.31")
	return r
}

func send(t *testing.T, r *http.Request) (int, string) {
	t.Helper()
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

// answers is a handler that always gives the same answer.
func answers(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Amz-Request-Id", "REQ1")
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

func TestWholeRecord(t *testing.T) {
	e := newEmulator(t, answers(204, ""))
	address, trail, stop := e.start(t)
	r := signed(t, "PUT", address+"/photos?policy", "AKIAMALLORY", "s3", `{"Version":"2012-10-17","Statement":[]}`)
	if status, _ := send(t, r); status != 204 {
		t.Fatalf("status %d, want the emulator's 204", status)
	}
	stop()
	if len(e.put) != 1 {
		t.Fatalf("%d events, want 1", len(e.put))
	}
	got := e.put[0]
	if got.Source != "aws.s3" || got.DetailType != "AWS API Call via CloudTrail" {
		t.Errorf("envelope is %q, %q", got.Source, got.DetailType)
	}
	if want := (credentialScope{key: account, region: "eu-west-1", service: "events"}); got.Scope != want {
		t.Errorf("put with %+v, want %+v", got.Scope, want)
	}
	var record map[string]any
	if err := json.Unmarshal([]byte(got.Detail), &record); err != nil {
		t.Fatal(err)
	}
	if id, _ := record["eventID"].(string); len(id) != 36 || id != trail.Events()[0].ID {
		t.Errorf("eventID is %q, and %+v is remembered", id, trail.Events())
	}
	delete(record, "eventID")
	var want map[string]any
	if err := json.Unmarshal([]byte(`{
		"eventVersion": "1.11",
		"userIdentity": {"type": "IAMUser", "principalId": "`+unique("AIDA", account+"mallory")+`",
			"arn": "arn:aws:iam::111122223333:user/mallory", "accountId": "111122223333",
			"accessKeyId": "AKIAMALLORY", "userName": "mallory"},
		"eventTime": "2026-03-01T12:00:00Z",
		"eventSource": "s3.amazonaws.com",
		"eventName": "PutBucketPolicy",
		"awsRegion": "eu-west-1",
		"sourceIPAddress": "198.51.100.23",
		"userAgent": "[aws-cli/2.31]",
		"requestParameters": {"bucketPolicy": {"Version": "2012-10-17", "Statement": []}, "bucketName": "photos",
			"Host": "photos.s3.eu-west-1.amazonaws.com", "policy": ""},
		"responseElements": null,
		"requestID": "REQ1",
		"readOnly": false,
		"resources": [{"accountId": "111122223333", "type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::photos"}],
		"eventType": "AwsApiCall",
		"managementEvent": true,
		"recipientAccountId": "111122223333",
		"eventCategory": "Management",
		"tlsDetails": {"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256",
			"clientProvidedHostHeader": "photos.s3.eu-west-1.amazonaws.com"}
	}`), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, record); diff != "" {
		t.Error(diff)
	}
}

func TestCallers(t *testing.T) {
	tests := []struct{ name, key, agent, wantType, wantARN, wantAccount string }{
		{"user", "AKIAMALLORY", "", "IAMUser", "arn:aws:iam::111122223333:user/mallory", account},
		{"session", "ASIADEPLOY", "", "AssumedRole", "arn:aws:sts::111122223333:assumed-role/deploy/build-7", account},
		{"function", account, "aws-sdk-go-v2/1.47 app/countermand-tag-on-create", "AssumedRole",
			"arn:aws:sts::111122223333:assumed-role/countermand-tag-on-create/countermand-tag-on-create", account},
		{"another account", "444455556666", "", "Root", "arn:aws:iam::444455556666:root", "444455556666"},
		{"unknown", "test", "app/countermand-tag-on-create", "IAMUser", "arn:aws:iam::111122223333:user/unknown", account},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := newEmulator(t, answers(200, ""))
			address, _, stop := e.start(t)
			r := signed(t, "DELETE", address+"/photos?policy", test.key, "s3", "")
			r.Header.Set("User-Agent", test.agent)
			send(t, r)
			stop()
			var record struct {
				UserIdentity       struct{ Type, ARN, AccessKeyID string }
				RecipientAccountID string
			}
			if err := json.Unmarshal([]byte(e.put[0].Detail), &record); err != nil {
				t.Fatal(err)
			}
			id := record.UserIdentity
			if id.Type != test.wantType || id.ARN != test.wantARN || record.RecipientAccountID != test.wantAccount || id.AccessKeyID == account {
				t.Errorf("got %+v", record)
			}
			if e.put[0].Scope.key != test.wantAccount {
				t.Errorf("put into account %s, want %s", e.put[0].Scope.key, test.wantAccount)
			}
		})
	}
}

// Every call reaches the emulator as it was made, and its answer the caller; only what writes gives an event.
func TestWhatGivesNoEvent(t *testing.T) {
	tests := []struct{ name, method, path, service, target, body string }{
		{"read of a bucket", "GET", "/photos?policy", "s3", "", ""},
		{"object", "PUT", "/photos/cat.jpg", "s3", "", "meow"},
		{"objects", "POST", "/photos?delete", "s3", "", "<Delete/>"},
		{"buckets", "GET", "/", "s3", "", ""},
		{"read of the account's block", "GET", "/v20180820/configuration/publicAccessBlock", "s3", "", ""},
		{"other call of the account's API", "POST", "/v20180820/jobs", "s3", "", "<x/>"},
		{"read of a trail", "POST", "/", "cloudtrail", "CloudTrail_20131101.GetTrailStatus", `{"Name":"t"}`},
		{"no target", "POST", "/", "cloudtrail", "", `{}`},
		{"read of instances", "POST", "/", "ec2", "", "Action=DescribeInstances&Version=2016-11-15"},
		{"no action", "POST", "/", "ec2", "", "Version=2016-11-15"},
		{"query that can't be read", "POST", "/", "ec2", "", "Action=RunInstances&%zz"},
		{"another service", "POST", "/", "sqs", "AmazonSQS.SendMessage", `{}`},
		{"unsigned", "PUT", "/photos?policy", "", "", `{}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got string
			e := newEmulator(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				got = r.Method + " " + r.Host + r.URL.RequestURI() + " " + string(body)
				w.WriteHeader(418)
				io.WriteString(w, "teapot")
			})
			address, trail, stop := e.start(t)
			r := signed(t, test.method, address+test.path, "AKIAMALLORY", test.service, test.body)
			if test.target != "" {
				r.Header.Set("X-Amz-Target", test.target)
			}
			if test.service == "" {
				r.Header.Del("Authorization")
			}
			r.Host = "photos.example.com"
			if status, body := send(t, r); status != 418 || body != "teapot" {
				t.Errorf("answer %d %q", status, body)
			}
			if want := test.method + " photos.example.com" + test.path + " " + test.body; got != want {
				t.Errorf("the emulator got %q, want %q", got, want)
			}
			stop()
			if len(e.put) != 0 || len(trail.Events()) != 0 {
				t.Errorf("events: %+v", e.put)
			}
		})
	}
}

func TestPresignedCall(t *testing.T) {
	e := newEmulator(t, answers(200, ""))
	address, _, stop := e.start(t)
	r := signed(t, "PUT", address+"/photos?X-Amz-Credential=AKIAMALLORY%2F20260301%2Fus-east-2%2Fs3%2Faws4_request", "x", "s3", "")
	r.Header.Del("Authorization")
	send(t, r)
	stop()
	if len(e.put) != 1 || e.put[0].Scope.region != "us-east-2" || !strings.Contains(e.put[0].Detail, `"CreateBucket"`) {
		t.Errorf("events: %+v", e.put)
	}
}

func TestBodyTooLarge(t *testing.T) {
	e := newEmulator(t, answers(200, ""))
	address, _, stop := e.start(t)
	status, body := send(t, signed(t, "PUT", address+"/photos?policy", "AKIAMALLORY", "s3", strings.Repeat("x", maxBody+1)))
	if status != http.StatusRequestEntityTooLarge || !strings.Contains(body, "too large") {
		t.Errorf("answer %d %q", status, body)
	}
	stop()
	if len(e.seen) != 0 || len(e.put) != 0 {
		t.Errorf("passed on %d, put %d", len(e.seen), len(e.put))
	}
}

// CloudTrail sends nothing over 256 KB to EventBridge; the call itself goes through.
func TestEventTooLarge(t *testing.T) {
	e := newEmulator(t, answers(200, ""))
	address, trail, stop := e.start(t)
	status, _ := send(t, signed(t, "PUT", address+"/photos?policy", "AKIAMALLORY", "s3", `{"Id":"`+strings.Repeat("x", maxEvent)+`"}`))
	stop()
	if status != 200 || len(e.seen) != 1 || len(e.put) != 0 || trail.Lost() != 0 {
		t.Errorf("answer %d, passed on %d, put %d, lost %d", status, len(e.seen), len(e.put), trail.Lost())
	}
}

func TestEmulatorDown(t *testing.T) {
	e := newEmulator(t, nil)
	address, trail, stop := e.start(t)
	e.Close()
	status, body := send(t, signed(t, "PUT", address+"/photos?policy", "AKIAMALLORY", "s3", `{}`))
	if status != http.StatusBadGateway || !strings.Contains(body, "the emulator did not answer") {
		t.Errorf("answer %d %q", status, body)
	}
	stop()
	if len(trail.Events()) != 0 || trail.Lost() != 0 {
		t.Error("a call that was never made gave an event")
	}
}

func TestBusRefuses(t *testing.T) {
	e := newEmulator(t, answers(200, ""))
	e.refuse = true
	address, trail, stop := e.start(t)
	if status, _ := send(t, signed(t, "PUT", address+"/photos?policy", "AKIAMALLORY", "s3", `{}`)); status != 200 {
		t.Errorf("status %d: the caller must not feel it", status)
	}
	stop()
	if trail.Lost() != 1 || len(trail.Events()) != 0 {
		t.Errorf("lost %d, events %+v", trail.Lost(), trail.Events())
	}
}

// A caller that hangs up before the answer does not hide its call.
func TestCallerHangsUp(t *testing.T) {
	arrived, answer := make(chan struct{}), make(chan struct{})
	e := newEmulator(t, func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-answer
	})
	address, _, stop := e.start(t)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	if _, err := http.DefaultClient.Do(signed(t, "DELETE", address+"/photos", "AKIAMALLORY", "s3", "").WithContext(ctx)); err == nil {
		t.Fatal("the call was answered")
	}
	close(answer)
	stop()
	if len(e.put) != 1 {
		t.Errorf("%d events, want 1", len(e.put))
	}
}

func TestManyAtOnce(t *testing.T) {
	const calls = 300
	e := newEmulator(t, answers(200, ""))
	address, trail, stop := e.start(t)
	var all sync.WaitGroup
	for range calls {
		all.Go(func() { send(t, signed(t, "DELETE", address+"/photos?policy", "AKIAMALLORY", "s3", "")) })
	}
	all.Wait()
	stop()
	if len(e.put) != calls || len(trail.Events()) != calls {
		t.Errorf("%d events put, %d remembered, want %d", len(e.put), len(trail.Events()), calls)
	}
}

// Without Block Public Access of the account, S3 says so; the emulator says nothing.
func TestAccountWithoutBlockPublicAccess(t *testing.T) {
	for said, want := range map[string]string{
		"{}": "404 NoSuchPublicAccessBlockConfiguration", "": "404 NoSuchPublicAccessBlockConfiguration",
		"<PublicAccessBlockConfiguration/>": "200 <PublicAccessBlockConfiguration/>",
	} {
		e := newEmulator(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, said) })
		address, _, stop := e.start(t)
		status, body := send(t, signed(t, http.MethodGet, address+accountPath, "AKIAMALLORY", "s3", ""))
		if got := fmt.Sprint(status, " ", body); !strings.HasPrefix(got, want[:4]) || !strings.Contains(got, want[4:]) {
			t.Errorf("%q became %q, want %q", said, got, want)
		}
		stop()
	}
}
