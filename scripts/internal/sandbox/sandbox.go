// Package sandbox shows Countermand at work without an AWS account: it runs an AWS emulator with a trail in
// front of it, deploys Countermand onto it with the CDK command line, attacks it, and checks what happens.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/countermand/countermand/scripts/internal/trail"
)

const (
	account = "111122223333" // countermand.yaml names it too
	region  = "us-east-1"    // where what is done to IAM is heard of, so that every module is deployed
)

// The access keys of those who make calls. The emulator takes any.
const (
	malloryKey = "AKIAMALLORYEXAMPLE00"
	deployKey  = "ASIADEPLOYEXAMPLE000"
	aliceKey   = "ASIAALICEEXAMPLE0000"
	olgaKey    = "ASIAOLGAEXAMPLE00000"
)

// personas are who holds the keys, and where they call from.
func personas(now time.Time) map[string]trail.Persona {
	since := now.Add(-20 * time.Minute)
	return map[string]trail.Persona{
		malloryKey: trail.User(account, "mallory", "198.51.100.23"),
		deployKey:  trail.Session(account, "ci-deploy", "build-4711", "203.0.113.77", since),
		aliceKey: trail.Session(account, "aws-reserved/sso.amazonaws.com/"+region+"/AWSReservedSSO_Developer_0123456789abcdef",
			"alice@example.com", "198.51.100.41", since),
		olgaKey: trail.Session(account, "aws-reserved/sso.amazonaws.com/"+region+"/AWSReservedSSO_Administrator_fedcba9876543210",
			"olga@example.com", "198.51.100.7", since),
	}
}

// sandbox is a running emulator with a trail in front of it.
type sandbox struct {
	root string // of the repository
	dir  string // what it writes while it runs
	*emulator
	trail    *trail.Trail
	endpoint string // of the trail: where everybody but the sandbox itself calls
	stopped  func() error
}

// start empties dir and starts an emulator and its trail.
func start(ctx context.Context, root, dir string) (*sandbox, error) {
	if err := os.RemoveAll(dir); err != nil {
		return nil, fmt.Errorf("empty %s: %w", dir, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make %s: %w", dir, err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the trail: %w", err)
	}
	endpoint := "http://" + l.Addr().String()
	e, err := startEmulator(ctx, root, dir, endpoint)
	if err != nil {
		l.Close()
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "trail.log"))
	if err != nil {
		l.Close()
		e.stop()
		return nil, fmt.Errorf("make the trail's log: %w", err)
	}
	t := trail.New(trail.Options{
		Upstream: e.url,
		Account:  account,
		Personas: personas(time.Now()),
		Now:      time.Now,
		Log:      slog.New(slog.NewTextHandler(log, nil)),
	})
	serving, cancel := context.WithCancel(context.WithoutCancel(ctx))
	served := make(chan error, 1)
	go func() { served <- t.Serve(serving, l) }()
	stopped := func() error {
		// The emulator first: what the trail still has in flight then ends at once.
		e.stop()
		cancel()
		return errors.Join(<-served, log.Close())
	}
	return &sandbox{root: root, dir: dir, emulator: e, trail: t, endpoint: endpoint, stopped: stopped}, nil
}

// config is what an AWS client of somebody is made from, who calls an endpoint.
func config(key, endpoint string) aws.Config {
	return aws.Config{
		Region:       region,
		BaseEndpoint: aws.String(endpoint),
		Credentials:  credentials.NewStaticCredentialsProvider(key, "test", ""),
		HTTPClient:   trail.Client(),
	}
}

// attacker is what the holder of a key attacks with. A call is made once: made again because its answer got
// lost, it would be two attacks.
func (s *sandbox) attacker(key string) aws.Config {
	c := config(key, s.endpoint)
	c.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	return c
}

// own is what the sandbox itself looks and prepares with: past the trail, so that it leaves no events.
func (s *sandbox) own() aws.Config { return config(account, s.url.String()) }
