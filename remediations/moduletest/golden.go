package moduletest

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countermand/countermand/remediations"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// Golden files of a module, in its folder's testdata.
const (
	policyFile = "policy.golden.json" // all that it may call, with what only undo calls: an IAM policy
	ownFile    = "own.golden.jsonl"   // the events of its own writes, one a line
)

// keepGolden compares the module's golden files with what it declares and does.
func keepGolden(t *testing.T, k *kit) {
	t.Helper()
	policy, err := json.MarshalIndent(remediations.NewPolicy(k.module.UndoRights()), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, policyFile, append(policy, '\n'))
	own, err := lines(k.own)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, ownFile, own)
}

// golden compares a file of the package's testdata with what it should hold, and rewrites it with -update.
func golden(t *testing.T, name string, want []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Errorf("%v: run the test with -update, and read what it writes", err)
		return
	}
	if diff := cmp.Diff(string(got), string(want)); diff != "" {
		t.Errorf("%s is not what the module makes; if that is wanted, run the test with -update (-file +module):\n%s", file, diff)
	}
}

// lines is events one a line, sorted, each once.
func lines(events [][]byte) ([]byte, error) {
	var all [][]byte
	for _, event := range events {
		var line bytes.Buffer
		if err := json.Compact(&line, event); err != nil {
			return nil, err
		}
		all = append(all, append(line.Bytes(), '\n'))
	}
	slices.SortFunc(all, bytes.Compare)
	return bytes.Join(slices.CompactFunc(all, bytes.Equal), nil), nil
}
