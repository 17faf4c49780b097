// Package trail gives an AWS emulator what none of them has: CloudTrail. It is a reverse proxy that passes
// every API call on unchanged, and puts the event that AWS would deliver for a call that writes onto the
// default bus of the call's Region.
//
// It knows the management calls of S3 (buckets, Block Public Access), CloudTrail and EC2. Calls that only
// read, data events and calls of other services give no event, as an ordinary ENABLED rule would see none.
// EC2's parameters follow one general translation: the few calls that CloudTrail writes in another style
// (flow logs, NAT gateways, ModifySecurityGroupRules) are written in the general one here.
package trail

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
)

const (
	maxBody    = 1 << 20   // of a recorded call and of its answer; AWS refuses policies and queries far smaller
	maxEvent   = 256 << 10 // CloudTrail sends nothing larger to EventBridge
	maxFlight  = 128       // calls passed on at a time; more wait
	maxWaiting = 1024      // events waiting to be put; a call whose event finds no room waits
	maxKept    = 10_000    // events remembered for Events
	putTimeout = 20 * time.Second

	// distance is how long each answer waits, as AWS is some way off. Without any, an AWS client at times closes the
	// connection on an answer that has begun before it has seen that its request is sent (see Client).
	distance = 3 * time.Millisecond
)

// Options says what a trail stands in front of, and who its callers are.
type Options struct {
	Upstream *url.URL           // the emulator
	Account  string             // the account of callers whose access key is not an account id
	Personas map[string]Persona // who holds which access key id
	Now      func() time.Time   // the clock
	Log      *slog.Logger
}

// Event is one event that was put onto a bus.
type Event struct {
	Time      time.Time
	ID        string // CloudTrail's eventID
	Source    string // "s3.amazonaws.com"
	Name      string // "PutBucketPolicy"
	Region    string
	Principal string // the caller's ARN
	ErrorCode string // empty if the call succeeded
}

// Trail is the proxy. It is an http.Handler; Serve runs it.
type Trail struct {
	options Options
	proxy   *httputil.ReverseProxy
	bus     *eventbridge.Client
	flight  chan struct{}
	queue   chan delivery

	mu     sync.Mutex
	events []Event
	lost   int
}

// delivery is an event on its way to a bus.
type delivery struct {
	event   Event
	account string
	detail  []byte
}

// New makes a trail. Nothing runs until Serve.
func New(o Options) *Trail {
	t := &Trail{
		options: o,
		flight:  make(chan struct{}, maxFlight),
		queue:   make(chan delivery, maxWaiting),
	}
	t.bus = eventbridge.New(eventbridge.Options{
		BaseEndpoint: aws.String(o.Upstream.String()),
		Credentials:  credentials.NewStaticCredentialsProvider(o.Account, "test", ""),
		Region:       "us-east-1",
		HTTPClient:   Client(),
	})
	t.proxy = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(o.Upstream)
			r.Out.Host = r.In.Host // signatures and virtual hosts name it
		},
		Transport: &http.Transport{
			// The emulator answers twenty times slower over a connection that is kept.
			DisableKeepAlives:  true,
			DisableCompression: true,
			DialContext:        (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		},
		ModifyResponse: capture,
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			o.Log.Warn("the emulator did not answer", "error", err)
			http.Error(w, "the emulator did not answer: "+err.Error(), http.StatusBadGateway)
		},
	}
	return t
}

// Events are the events put so far, oldest first.
func (t *Trail) Events() []Event {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]Event(nil), t.events...)
}

// Lost is how many events could not be put.
func (t *Trail) Lost() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.lost
}

// Serve answers calls on a listener until the context ends, then lets calls in flight finish and puts the
// events that wait. It closes the listener.
func (t *Trail) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler:           t,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       time.Minute,
		ErrorLog:          slog.NewLogLogger(t.options.Log.Handler(), slog.LevelWarn),
	}
	put := make(chan struct{})
	go func() {
		defer close(put)
		for d := range t.queue {
			t.put(context.WithoutCancel(ctx), d)
		}
	}()
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(l) }()

	var err error
	select {
	case err = <-stopped:
	case <-ctx.Done():
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if server.Shutdown(grace) != nil {
			server.Close()
		}
		err = <-stopped
	}
	// Handlers can outlive Close; each holds a place in flight until it has queued its event.
	for range maxFlight {
		t.flight <- struct{}{}
	}
	close(t.queue)
	<-put
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve the trail on %s: %w", l.Addr(), err)
}

// ServeHTTP passes a call on, and queues its event once the caller has the answer.
func (t *Trail) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case t.flight <- struct{}{}:
		defer func() { <-t.flight }()
	case <-r.Context().Done():
		return
	}
	scope, signed := parseScope(r)
	if signed && t.identify(scope, w, r) {
		return
	}
	if !signed || !recorded(scope, r) {
		t.proxy.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "read the call: "+err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	made := recognize(scope, r, body)
	if made == nil {
		t.proxy.ServeHTTP(w, r)
		return
	}
	seen := &exchange{received: t.options.Now()}
	defer func() {
		if seen.status != 0 {
			t.record(scope, r, made, seen)
		}
	}()
	// A caller that hangs up does not hide its call.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), time.Minute)
	defer cancel()
	t.proxy.ServeHTTP(w, r.WithContext(context.WithValue(ctx, exchangeKey{}, seen)))
}

// exchange is what the emulator answered to a recorded call.
type exchange struct {
	received time.Time
	status   int // 0: no answer, so no event
	header   http.Header
	body     []byte
}

type exchangeKey struct{}

// capture keeps a copy of the answer to a recorded call.
func capture(answer *http.Response) error {
	time.Sleep(distance)
	if err := unset(answer); err != nil {
		return err
	}
	seen, ok := answer.Request.Context().Value(exchangeKey{}).(*exchange)
	if !ok {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxBody+1))
	answer.Body.Close()
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if len(body) > maxBody {
		return errors.New("read the answer: it is larger than 1 MiB")
	}
	seen.status, seen.header, seen.body = answer.StatusCode, answer.Header, body
	answer.Body = io.NopCloser(bytes.NewReader(body))
	return nil
}

// record queues the event of a call.
func (t *Trail) record(s credentialScope, r *http.Request, made *call, seen *exchange) {
	account := s.account(t.options.Account)
	record, event := t.write(s, r, made, seen, account)
	detail, err := json.Marshal(record)
	if err != nil {
		t.lose(event, err)
		return
	}
	if len(detail) > maxEvent {
		t.options.Log.Info("event is larger than CloudTrail sends to EventBridge", "event", event.Name, "bytes", len(detail))
		return
	}
	t.queue <- delivery{event: event, account: account, detail: detail}
}

// put puts one event onto the default bus of its Region.
func (t *Trail) put(ctx context.Context, d delivery) {
	ctx, cancel := context.WithTimeout(ctx, putTimeout)
	defer cancel()
	out, err := t.bus.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{{
		Source:     aws.String("aws." + label(d.event.Source)),
		DetailType: aws.String("AWS API Call via CloudTrail"),
		Detail:     aws.String(string(d.detail)),
		Time:       aws.Time(d.event.Time),
	}}}, func(o *eventbridge.Options) {
		o.Region = d.event.Region
		// The emulator takes an access key of twelve digits for the account.
		o.Credentials = credentials.NewStaticCredentialsProvider(d.account, "test", "")
	})
	switch {
	case err != nil:
		t.lose(d.event, err)
		return
	case out.FailedEntryCount > 0:
		t.lose(d.event, fmt.Errorf("refused: %s", aws.ToString(out.Entries[0].ErrorCode)))
		return
	}
	t.options.Log.Info("event put", "event", d.event.Name, "principal", d.event.Principal, "code", d.event.ErrorCode)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.events = append(t.events, d.event)
	if len(t.events) > maxKept {
		t.events = t.events[1:]
	}
}

func (t *Trail) lose(e Event, err error) {
	t.options.Log.Error("event lost", "event", e.Name, "error", err)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lost++
}
