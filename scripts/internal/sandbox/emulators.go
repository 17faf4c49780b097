package sandbox

import (
	"context"
	"os"
	"path/filepath"
)

// Emulators are two emulators of AWS by different people, for tests: what one of them lacks the other may have.
type Emulators struct {
	Ministack string // endpoint
	Moto      string // endpoint
	MotoAWS   string // endpoint of another one, that has AWS's own IAM policies: it takes seconds to be emptied
	running   []*emulator
}

// StartEmulators starts them on this machine, and waits until they answer. They end with this process at the latest.
// root is the repository's folder; all that they write is under dir.
func StartEmulators(ctx context.Context, root, dir string) (*Emulators, error) {
	e := &Emulators{}
	for _, start := range []struct {
		endpoint *string
		with     func() (*emulator, error)
	}{
		{&e.Ministack, func() (*emulator, error) {
			return startEmulator(ctx, root, filepath.Join(dir, "ministack"), "http://127.0.0.1:1")
		}}, // no function calls it
		{&e.Moto, func() (*emulator, error) { return startMoto(ctx, root, filepath.Join(dir, "moto"), "false") }},
		{&e.MotoAWS, func() (*emulator, error) { return startMoto(ctx, root, filepath.Join(dir, "moto-aws"), "true") }},
	} {
		running, err := start.with()
		if err != nil {
			e.Stop()
			return nil, err
		}
		*start.endpoint, e.running = running.url.String(), append(e.running, running)
	}
	return e, nil
}

// Stop ends them.
func (e *Emulators) Stop() {
	for _, r := range e.running {
		r.stop()
	}
}

// startMoto starts the emulator that ./scripts/test installs into .tools/moto, with AWS's own IAM policies ("true") or
// without.
func startMoto(ctx context.Context, root, dir, policies string) (*emulator, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	environment := []string{
		"PATH=" + os.Getenv("PATH"),
		"LANG=C.UTF-8",
		"HOME=" + filepath.Join(dir, "home"),
		"TMPDIR=" + filepath.Join(dir, "tmp"),
		"MOTO_IAM_LOAD_MANAGED_POLICIES=" + policies,
		"MOTO_EC2_LOAD_DEFAULT_AMIS=false", // hundreds, with a snapshot each
		// It runs functions and databases in containers.
		"DOCKER_HOST=unix://" + filepath.Join(dir, "no-docker"),
		"AWS_EC2_METADATA_DISABLED=true",
	}
	python := filepath.Join(root, ".tools", "moto", "bin", "python")
	return startServer(ctx, root, dir, port, "/moto-api/", environment, python, "-m", "moto.server", "-H", "127.0.0.1", "-p", port)
}
