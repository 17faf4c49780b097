package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The test binary plays the other programs: the Python that runs the emulator, what Up leaves running, and
// a process that dies with a command on its leash.
func TestMain(m *testing.M) {
	var err error
	switch {
	case len(os.Args) > 1 && os.Args[1] == "-c":
		err = fakePython()
	case len(os.Args) > 2 && os.Args[1] == "serve":
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		err = Serve(ctx, os.Args[2])
	case len(os.Args) > 2 && os.Args[1] == "hold":
		err = hold(os.Args[2])
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// fakePython is the emulator: healthy on its port, or dead at once if the file "dies" is there.
func fakePython() error {
	if _, err := os.Stat("../../dies"); err == nil {
		return errors.New("ERROR: the port is already in use")
	}
	pid := []byte(strconv.Itoa(os.Getpid()))
	if err := os.WriteFile("../../emulator.pid", pid, 0o600); err != nil {
		return err
	}
	go http.ListenAndServe(net.JoinHostPort(os.Getenv("BIND_HOST"), os.Getenv("GATEWAY_PORT")), http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// repository is a folder with the test binary where Python is looked for. A sandbox has its folder two
// levels below.
func repository(t *testing.T, python string) string {
	t.Helper()
	root := t.TempDir()
	path := filepath.Join(root, ".tools", "emulator", "bin")
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(python, filepath.Join(path, "python")); err != nil {
		t.Fatal(err)
	}
	return root
}

func self(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// gone waits until a process has ended.
func gone(t *testing.T, pid int) {
	t.Helper()
	for range 100 {
		// A process that has ended but was not waited for still takes signals.
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err := syscall.Kill(pid, 0); errors.Is(err, syscall.ESRCH) || bytes.Contains(status, []byte(") Z ")) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("process %d is still there", pid)
}

func pidIn(t *testing.T, path string) int {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func TestEmulatorThatDies(t *testing.T) {
	root := repository(t, self(t))
	if err := os.WriteFile(filepath.Join(root, "dies"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(root, ".sandbox", "play")
	_, err := start(t.Context(), root, dir)
	for _, want := range []string{"start the emulator on 127.0.0.1:", "exit status 1", "ERROR: the port is already in use", filepath.Join(dir, "emulator.log")} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q: %v", want, err)
		}
	}
}

func TestEmulatorNotInstalled(t *testing.T) {
	_, err := start(t.Context(), t.TempDir(), t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "run ./scripts/sandbox") {
		t.Errorf("got %v", err)
	}
}

func TestEmulatorInterrupted(t *testing.T) {
	root := repository(t, self(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := start(ctx, root, filepath.Join(root, ".sandbox", "play")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// Nothing of the user's own AWS configuration reaches the emulator or the functions, and nobody outside
// this machine reaches them.
func TestEnvironments(t *testing.T) {
	for _, name := range []string{"AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_CONFIG_FILE", "HTTP_PROXY", "HOME"} {
		t.Setenv(name, "the-user's-own")
	}
	emulator := strings.Join(emulatorEnvironment("/d", "1", "http://trail"), "\n")
	cdk := strings.Join(deployEnvironment("/r", "/d", "http://emulator"), "\n")
	if strings.Contains(emulator+cdk, "the-user's-own") {
		t.Errorf("the user's own environment is in\n%s\n%s", emulator, cdk)
	}
	for _, want := range []string{"BIND_HOST=127.0.0.1", "IOT_MTLS_ENABLED=0", "SFTP_ENABLED=0", "AWS_ENDPOINT_URL=http://trail"} {
		if !strings.Contains(emulator, want+"\n") {
			t.Errorf("the emulator's environment has no %s", want)
		}
	}
}

func TestUpAndDown(t *testing.T) {
	root := repository(t, self(t))
	if err := os.MkdirAll(upDir(root), 0o700); err != nil {
		t.Fatal(err)
	}
	b, err := startBehind(t.Context(), root, []string{self(t), "serve", root})
	if err != nil {
		t.Fatal(err)
	}
	emulator := pidIn(t, filepath.Join(root, "emulator.pid"))
	answer, err := http.Get(b.status.Endpoint + "/_ministack/health")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()

	// Another up says that it is running, once Countermand is deployed there.
	if err := Up(t.Context(), root, io.Discard, "never-run"); err == nil || !strings.Contains(err.Error(), "not deployed yet") {
		t.Errorf("up while the first one deploys: %v", err)
	}
	if err := os.WriteFile(filepath.Join(upDir(root), readyFile), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := Up(t.Context(), root, &out, "never-run"); err != nil || !strings.Contains(out.String(), "running already") || !strings.Contains(out.String(), b.status.Endpoint) {
		t.Errorf("up again: %v\n%s", err, out.String())
	}

	out.Reset()
	if err := Down(t.Context(), root, &out); err != nil || out.String() != "The sandbox is stopped.\n" {
		t.Errorf("down: %v, %q", err, out.String())
	}
	gone(t, emulator)
	<-b.exited
	out.Reset()
	if err := Down(t.Context(), root, &out); err != nil || out.String() != "No sandbox is running.\n" {
		t.Errorf("down again: %v, %q", err, out.String())
	}
}

// A background process that was killed leaves its state behind. It is not taken for one that runs.
func TestUpAfterKill(t *testing.T) {
	root := repository(t, self(t))
	if err := os.MkdirAll(upDir(root), 0o700); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		b, err := startBehind(t.Context(), root, []string{self(t), "serve", root})
		if err != nil {
			t.Fatal(err)
		}
		emulator := pidIn(t, filepath.Join(root, "emulator.pid"))
		if err := b.command.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-b.exited
		gone(t, emulator)
		if _, err := readStatus(root); err != nil {
			t.Fatal("the test is of no use: ", err)
		}
		// What Up does first.
		lock, err := takeLock(t.Context(), root, "up")
		if err != nil {
			t.Fatal(err)
		}
		lock.release()
		if err := os.RemoveAll(upDir(root)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBackgroundThatDies(t *testing.T) {
	root := repository(t, self(t))
	for _, path := range []string{upDir(root), filepath.Join(root, "dies")} {
		if err := os.MkdirAll(path, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	_, err := startBehind(t.Context(), root, []string{self(t), "serve", root})
	if err == nil || !strings.Contains(err.Error(), "the port is already in use") || !strings.Contains(err.Error(), "up.log") {
		t.Errorf("got %v", err)
	}
}

func TestLock(t *testing.T) {
	root := t.TempDir()
	first, err := takeLock(t.Context(), root, "play")
	if err != nil {
		t.Fatal(err)
	}
	var held *heldError
	if _, err := takeLock(t.Context(), root, "play"); !errors.As(err, &held) || held.pid != os.Getpid() {
		t.Errorf("a second one: %v", err)
	}
	other, err := takeLock(t.Context(), root, "up")
	if err != nil {
		t.Fatal("one of another kind: ", err)
	}
	other.release()
	first.release()
	again, err := takeLock(t.Context(), root, "play")
	if err != nil {
		t.Fatal("after its release: ", err)
	}
	again.release()
}

// hold runs a command on a leash, says so and waits to be killed.
func hold(root string) error {
	c, err := leashed(root, os.Stderr, "sh", "-c", "sleep 1000 & echo $! > "+root+"/child.new && mv "+root+"/child.new "+root+"/child && wait")
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	return c.Wait()
}

// However a process ends, what it has on a leash ends with it, down to the last child.
func TestLeash(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Fatal("python3 is not in PATH: the sandbox and its tests need it")
	}
	root := repository(t, python)
	holder := exec.Command(self(t), "hold", root)
	holder.Stderr = os.Stderr
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	var child int
	for range 200 {
		if _, err := os.Stat(filepath.Join(root, "child")); err == nil {
			child = pidIn(t, filepath.Join(root, "child"))
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if child == 0 {
		t.Fatal("the command did not start")
	}
	if err := syscall.Kill(child, 0); err != nil {
		t.Fatalf("the command's child is not there: %v", err)
	}
	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	holder.Wait()
	gone(t, child)
}
