package sandbox

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

//go:embed leash.py
var leash string

// python is the Python that ./scripts/sandbox has installed the emulator for.
func python(root string) string { return filepath.Join(root, ".tools", "emulator", "bin", "python") }

// leashed is a command that is not started yet. It will be a process group of its own, and end with this
// process, however this one ends: nothing of a sandbox outlives it. What it prints goes to a log.
func leashed(root string, log *os.File, command ...string) (*exec.Cmd, error) {
	c := exec.Command(python(root), append([]string{"-c", leash}, command...)...)
	c.Stdout, c.Stderr = log, log
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if _, err := c.StdinPipe(); err != nil {
		return nil, fmt.Errorf("prepare %s: %w", command[0], err)
	}
	return c, nil
}

// kill ends a command that was started, and everything it has started.
func kill(c *exec.Cmd) {
	if err := syscall.Kill(-c.Process.Pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		c.Process.Kill()
	}
}

// logTail is how many lines of a log an error shows.
const logTail = 20

// withLog adds the end of a log to an error, and where the whole of it is.
func withLog(err error, path string) error {
	text, readErr := os.ReadFile(path)
	if readErr != nil {
		return err
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	lines = lines[max(0, len(lines)-logTail):]
	return fmt.Errorf("%w\n  %s\nthe whole log is in %s", err, strings.Join(lines, "\n  "), path)
}
