package sandbox

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// healthTimeout is how long the emulator may take to start; it takes a second.
const healthTimeout = 30 * time.Second

// emulator is an AWS emulator that runs as a process group of its own.
type emulator struct {
	url     *url.URL
	health  string // path that answers once it runs
	command *exec.Cmd
	exited  chan struct{}
}

// startEmulator starts the sandbox's emulator on a free port of this machine and waits until it answers. Its
// functions call the endpoint. Everything it writes is under dir.
func startEmulator(ctx context.Context, root, dir, endpoint string) (*emulator, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	return startServer(ctx, root, dir, port, "/_ministack/health", emulatorEnvironment(dir, port, endpoint), python(root), "-m", "ministack")
}

// startServer starts an emulator that will listen on a port of this machine, and waits until it answers on a path.
func startServer(ctx context.Context, root, dir, port, health string, environment []string, command ...string) (*emulator, error) {
	e := &emulator{
		url:    &url.URL{Scheme: "http", Host: net.JoinHostPort("127.0.0.1", port)},
		health: health,
		exited: make(chan struct{}),
	}
	for _, folder := range []string{"tmp", "home"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o700); err != nil {
			return nil, fmt.Errorf("make the emulator's folders: %w", err)
		}
	}
	path := filepath.Join(dir, "emulator.log")
	log, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("make the emulator's log: %w", err)
	}
	defer log.Close()
	if e.command, err = leashed(root, log, command...); err != nil {
		return nil, err
	}
	e.command.Dir, e.command.Env = dir, environment
	if err := e.command.Start(); err != nil {
		return nil, fmt.Errorf("start the emulator: %w\nrun ./scripts/sandbox, which installs it", err)
	}
	go func() {
		e.command.Wait() // how it ended is in the log
		close(e.exited)
	}()
	if err := e.wait(ctx); err != nil {
		e.stop()
		if ctx.Err() != nil {
			return nil, err
		}
		return nil, withLog(fmt.Errorf("start the emulator on %s: %w", e.url.Host, err), path)
	}
	return e, nil
}

// emulatorEnvironment is all of the emulator's environment, and so of the functions': nothing of the
// user's own AWS configuration gets in.
func emulatorEnvironment(dir, port, endpoint string) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"),
		"LANG=C.UTF-8",
		"HOME=" + filepath.Join(dir, "home"),
		"TMPDIR=" + filepath.Join(dir, "tmp"),
		"STATE_DIR=" + filepath.Join(dir, "tmp", "state"),
		"S3_DATA_DIR=" + filepath.Join(dir, "tmp", "s3"),
		"BIND_HOST=127.0.0.1",
		"GATEWAY_PORT=" + port,
		// These two would listen on every address of the machine.
		"IOT_MTLS_ENABLED=0",
		"SFTP_ENABLED=0",
		// It stops containers that it takes for its own.
		"DOCKER_HOST=unix://" + filepath.Join(dir, "no-docker"),
		"MINISTACK_ACCOUNT_ID=" + account,
		"MINISTACK_REGION=" + region,
		"AWS_ENDPOINT_URL=" + endpoint,
		"AWS_SECRET_ACCESS_KEY=test",
		"AWS_EC2_METADATA_DISABLED=true",
	}
}

// freePort is a port that nobody listens on. Between here and its use somebody else may take it; the
// emulator then says so and ends.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}

// wait waits until the emulator is healthy.
func (e *emulator) wait(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, healthTimeout, fmt.Errorf("no answer after %s", healthTimeout))
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, e.url.JoinPath(e.health).String(), nil)
		if err != nil {
			return err
		}
		answer, err := http.DefaultClient.Do(request)
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-e.exited:
			return fmt.Errorf("it ended: %s", e.command.ProcessState)
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// stop ends the emulator and every function that it runs. Nothing of it is worth keeping.
func (e *emulator) stop() {
	kill(e.command)
	<-e.exited
}
