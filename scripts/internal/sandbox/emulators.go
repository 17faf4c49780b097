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
	running   []*emulator
}

// StartEmulators starts both on this machine, and waits until they answer. They end with this process at the latest.
// root is the repository's folder; all that they write is under dir.
func StartEmulators(ctx context.Context, root, dir string) (*Emulators, error) {
	ministack, err := startEmulator(ctx, root, filepath.Join(dir, "ministack"), "http://127.0.0.1:1") // no function calls it
	if err != nil {
		return nil, err
	}
	moto, err := startMoto(ctx, root, filepath.Join(dir, "moto"))
	if err != nil {
		ministack.stop()
		return nil, err
	}
	return &Emulators{Ministack: ministack.url.String(), Moto: moto.url.String(), running: []*emulator{ministack, moto}}, nil
}

// Stop ends them.
func (e *Emulators) Stop() {
	for _, r := range e.running {
		r.stop()
	}
}

// startMoto starts the emulator that ./scripts/test installs into .tools/moto.
func startMoto(ctx context.Context, root, dir string) (*emulator, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	environment := []string{
		"PATH=" + os.Getenv("PATH"),
		"LANG=C.UTF-8",
		"HOME=" + filepath.Join(dir, "home"),
		"TMPDIR=" + filepath.Join(dir, "tmp"),
		// It runs functions and databases in containers.
		"DOCKER_HOST=unix://" + filepath.Join(dir, "no-docker"),
		"AWS_EC2_METADATA_DISABLED=true",
	}
	python := filepath.Join(root, ".tools", "moto", "bin", "python")
	return startServer(ctx, root, dir, port, "/moto-api/", environment, python, "-m", "moto.server", "-H", "127.0.0.1", "-p", port)
}
