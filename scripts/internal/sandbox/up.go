package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// status is what the background process says of itself, in a file.
type status struct {
	Endpoint string // of the trail
	Emulator string // past the trail
}

const (
	stateFile = "state.json" // there as soon as calls are answered
	readyFile = "ready"      // there as soon as Countermand is deployed
)

func upDir(root string) string { return filepath.Join(root, ".sandbox", "up") }

// Up starts a sandbox in a process of its own, deploys Countermand and returns while it runs. background is
// the command line that runs Serve.
func Up(ctx context.Context, root string, out io.Writer, background ...string) error {
	lock, err := takeLock(ctx, root, "up")
	var held *heldError
	switch {
	case errors.As(err, &held):
		return alreadyUp(root, out)
	case err != nil:
		return err
	}
	// The background process takes it next. Who comes between the two is told that it is running.
	lock.release()
	dir := upDir(root)
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("empty %s: %w", dir, err)
	}
	story := &story{out: out}
	story.title("Countermand in a sandbox, to be attacked by hand")
	var b *behind
	err = story.step("Starting the emulator", func() (err error) {
		b, err = startBehind(ctx, root, background)
		return err
	})
	if err != nil {
		return interrupted(ctx, err)
	}
	err = story.step("Deploying the stack with the CDK", func() error {
		if err := deploy(ctx, root, dir, b.status.Emulator, ""); err != nil {
			return err
		}
		return prepare(ctx, b.status.Emulator)
	})
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, readyFile), nil, 0o600)
	}
	if err != nil {
		return interrupted(ctx, errors.Join(err, b.stop()))
	}
	instructions(out, b.status)
	return nil
}

// prepare makes what there is to attack, and the mailbox.
func prepare(ctx context.Context, emulator string) error {
	own := config(account, emulator)
	if err := openMailbox(ctx, own); err != nil {
		return err
	}
	for _, a := range attacks() {
		if a.prepare == nil {
			continue
		}
		if err := a.prepare(ctx, own); err != nil {
			return err
		}
	}
	return nil
}

// alreadyUp says how to use the sandbox that runs.
func alreadyUp(root string, out io.Writer) error {
	s, err := readStatus(root)
	if err != nil {
		return errors.New("another ./scripts/sandbox up is starting right now")
	}
	if _, err := os.Stat(filepath.Join(upDir(root), readyFile)); err != nil {
		return errors.New("a sandbox is running, but Countermand is not deployed yet\nif nobody is deploying it right now: ./scripts/sandbox down")
	}
	fmt.Fprintln(out, "It is running already.")
	instructions(out, s)
	return nil
}

func readStatus(root string) (status, error) {
	var s status
	text, err := os.ReadFile(filepath.Join(upDir(root), stateFile))
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		return s, fmt.Errorf("read the sandbox's state: %w", err)
	}
	return s, nil
}

// behind is the background process.
type behind struct {
	command *exec.Cmd
	exited  chan struct{}
	status  status
}

// startBehind starts the background process and waits until calls are answered.
func startBehind(ctx context.Context, root string, command []string) (*behind, error) {
	path := filepath.Join(root, ".sandbox", "up.log")
	log, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("make the sandbox's log: %w", err)
	}
	defer log.Close()
	b := &behind{command: exec.Command(command[0], command[1:]...), exited: make(chan struct{})}
	b.command.Dir, b.command.Stdout, b.command.Stderr = root, log, log
	b.command.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // it outlives the terminal
	if err := b.command.Start(); err != nil {
		return nil, fmt.Errorf("start the sandbox: %w", err)
	}
	go func() {
		b.command.Wait() // how it ended is in the log
		close(b.exited)
	}()
	for {
		if b.status, err = readStatus(root); err == nil {
			return b, nil
		}
		select {
		case <-b.exited:
			return nil, withLog(errors.New("the sandbox did not start"), path)
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), b.stop())
		case <-time.After(look):
		}
	}
}

// stop ends the background process, which ends the emulator.
func (b *behind) stop() error {
	b.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-b.exited:
	case <-time.After(stopTimeout):
		b.command.Process.Kill()
		<-b.exited
	}
	return nil
}

// Serve runs a sandbox until the context ends. Up starts it in the background.
func Serve(ctx context.Context, root string) error {
	lock, err := takeLock(ctx, root, "up")
	if err != nil {
		return err
	}
	defer lock.release()
	s, err := start(ctx, root, upDir(root))
	if err != nil {
		return err
	}
	text, err := json.Marshal(status{Endpoint: s.endpoint, Emulator: s.url.String()})
	if err != nil {
		return errors.Join(fmt.Errorf("write the sandbox's state: %w", err), s.stopped())
	}
	// Renamed, so that nobody reads half of it.
	path := filepath.Join(s.dir, stateFile)
	if err := errors.Join(os.WriteFile(path+".new", text, 0o600), os.Rename(path+".new", path)); err != nil {
		return errors.Join(fmt.Errorf("write the sandbox's state: %w", err), s.stopped())
	}
	select {
	case <-ctx.Done():
	case <-s.exited:
		err = withLog(errors.New("the emulator ended"), filepath.Join(s.dir, "emulator.log"))
	}
	return errors.Join(err, os.Remove(path), s.stopped())
}

// stopTimeout is how long a sandbox may take to stop before it is ended by force.
const stopTimeout = 10 * time.Second

// Down stops the sandbox that Up has left running.
func Down(ctx context.Context, root string, out io.Writer) error {
	lock, err := takeLock(ctx, root, "up")
	var held *heldError
	switch {
	case err == nil:
		// Nobody runs it. What it left behind, if it was killed, is of no use.
		defer lock.release()
		if err := os.RemoveAll(upDir(root)); err != nil {
			return fmt.Errorf("remove what the sandbox left: %w", err)
		}
		fmt.Fprintln(out, "No sandbox is running.")
		return nil
	case !errors.As(err, &held):
		return err
	case held.pid == 0:
		return errors.New("a sandbox is starting right now: try again")
	}
	if err := syscall.Kill(held.pid, syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop process %d: %w", held.pid, err)
	}
	deadline := time.Now().Add(stopTimeout)
	for {
		lock, err := takeLock(ctx, root, "up")
		if err == nil {
			defer lock.release()
			fmt.Fprintln(out, "The sandbox is stopped.")
			return os.RemoveAll(upDir(root))
		}
		if !errors.As(err, &held) {
			return err
		}
		if time.Now().After(deadline) {
			// The emulator ends with it: it follows the process that started it.
			syscall.Kill(held.pid, syscall.SIGKILL)
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

// Mail prints the alerts that have arrived in the mailbox of the sandbox that runs, and takes them out of it.
func Mail(ctx context.Context, root string, out io.Writer) error {
	s, err := readStatus(root)
	if err != nil {
		return errors.New("no sandbox is running: start one with ./scripts/sandbox up")
	}
	mails, err := takeMail(ctx, config(account, s.Emulator))
	if err != nil {
		return err
	}
	story := &story{out: out}
	for _, m := range mails {
		story.mail(m)
	}
	if len(mails) == 0 {
		story.say("No alert has been mailed since you last looked.")
	}
	return nil
}

// lock is the right to run a sandbox of a kind in this repository. The system releases it with the process.
type lock struct{ file *os.File }

// heldError says that another process has the lock.
type heldError struct {
	name string
	pid  int // 0 if it has not said yet
}

func (e *heldError) Error() string {
	return fmt.Sprintf("another ./scripts/sandbox is running here (process %d)", e.pid)
}

// takeLock takes the lock of a kind of sandbox, play or up, or returns a heldError.
func takeLock(ctx context.Context, root, name string) (*lock, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	folder := filepath.Join(root, ".sandbox")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make %s: %w", folder, err)
	}
	file, err := os.OpenFile(filepath.Join(folder, name+".lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock: %w", err)
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		defer file.Close()
		text, err := io.ReadAll(file)
		if err != nil {
			return nil, fmt.Errorf("read the lock: %w", err)
		}
		pid, _ := strconv.Atoi(strings.TrimSpace(string(text))) // 0 while it is being written
		return nil, &heldError{name: name, pid: pid}
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("take the lock: %w", err)
	}
	if err := errors.Join(file.Truncate(0), writeAt(file, strconv.Itoa(os.Getpid()))); err != nil {
		file.Close()
		return nil, fmt.Errorf("write the lock: %w", err)
	}
	return &lock{file: file}, nil
}

func writeAt(file *os.File, text string) error {
	_, err := file.WriteAt([]byte(text), 0)
	return err
}

func (l *lock) release() {
	l.file.Truncate(0)
	l.file.Close()
}
