// Package scripts_test checks what holds for the repository as a whole.
package scripts_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/modules"
	"github.com/countermand/countermand/scripts/internal/modulelist"
)

const root = ".." // of the repository, seen from this package

// modulesFolder holds a folder for each module, and the list of them.
var modulesFolder = filepath.Join(root, "remediations", "modules")

// A module that isn't in the list would be compiled, tested and never deployed.
func TestModuleListIsGenerated(t *testing.T) {
	want, err := modulelist.Text(modulesFolder)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(modulesFolder, modulelist.FileName))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("the list of modules is not up to date: run go generate ./remediations/modules")
	}
}

// A reader finds a module by its name, and nothing else where the modules are.
func TestModulesFolderHoldsModulesOnly(t *testing.T) {
	var listed []string
	for _, m := range modules.All() {
		listed = append(listed, m.Package())
	}
	entries, err := os.ReadDir(modulesFolder)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.Name() != modulelist.FileName && !slices.Contains(listed, entry.Name()) {
			t.Errorf("remediations/modules/%s is no module", entry.Name())
		}
	}
	if len(entries) != len(listed)+1 {
		t.Errorf("%d modules, and %d entries in remediations/modules", len(listed), len(entries))
	}
}

// The laws, and the faults that come with them, hold for a module only if its test asks for them.
func TestEveryModuleIsTested(t *testing.T) {
	for _, m := range modules.All() {
		tests, err := filepath.Glob(filepath.Join(modulesFolder, m.Package(), "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		tested := slices.ContainsFunc(tests, func(name string) bool {
			text, err := os.ReadFile(name)
			return err == nil && bytes.Contains(text, []byte("\tmoduletest.Run(t, "))
		})
		if !tested {
			t.Errorf("no test of module %s calls moduletest.Run", m.Name)
		}
	}
}

func TestModulesAreSortedAndValid(t *testing.T) {
	all := modules.All()
	if !slices.IsSortedFunc(all, func(a, b *remediations.Module) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("modules.All() is not sorted by name")
	}
	for i, m := range all {
		if err := m.Validate(); err != nil {
			t.Error(err)
		}
		if i > 0 && m.Name == all[i-1].Name {
			t.Errorf("module %q is there twice", m.Name)
		}
		for _, other := range all {
			if strings.HasPrefix(other.Name, m.Name+"-") {
				t.Errorf("the role of %q would allow it the runs of %q: one of them needs another name", m.Name, other.Name)
			}
		}
		if remediations.Find(modules.All(), m.Name) != m {
			t.Errorf("remediations.Find(modules.All(), %q) is not the module of this name", m.Name)
		}
	}
}

// lambdaLimit bounds a function's zip file in bytes: what is loaded at each cold start. Each service that a module calls
// costs 0.1 to 0.3 MB of the one artifact that all modules share.
const lambdaLimit = 8_000_000

func TestLambdaIsSmall(t *testing.T) {
	for _, function := range []string{"remediate", "ledger"} {
		t.Run(function, func(t *testing.T) { isSmall(t, "./functions/"+function) })
	}
}

func isSmall(t *testing.T, function string) {
	t.Helper()
	bootstrap := filepath.Join(t.TempDir(), "bootstrap")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-tags", "lambda.norpc",
		"-ldflags", "-s -w -buildid=", "-o", bootstrap, function)
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=arm64")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the function: %v\n%s", err, out)
	}
	binary, err := os.ReadFile(bootstrap)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(binary, []byte("pattern.(*linter)")) {
		t.Error("the function carries Pattern.Lint, which is for modules before they are deployed")
	}
	size := zippedSize(t, binary)
	t.Logf("%.2f MB, %.2f MB zipped", float64(len(binary))/1e6, float64(size)/1e6)
	if size > lambdaLimit {
		t.Errorf("the function's zip has %d bytes, more than %d: look at 'go list -deps %s' for what came in",
			size, lambdaLimit, function)
	}
}

func zippedSize(t *testing.T, binary []byte) int {
	t.Helper()
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	file, err := archive.Create("bootstrap")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write(binary); err != nil {
		t.Fatal(err)
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Len()
}

// rule is something that no file may hold.
type rule struct {
	files  *regexp.Regexp // their paths
	not    *regexp.Regexp // paths that are left out; nil for none
	holds  *regexp.Regexp
	reason string
}

// The texts are put together from pieces, so that this file does not hold them.
var rules = []rule{
	{
		files:  regexp.MustCompile(``),
		holds:  regexp.MustCompile(`(^|[^\w.~-])/(wo` + `rk|ro` + `ot|ho` + `me|Us` + `ers)/`),
		reason: "a path of somebody's machine: nobody else has it",
	},
	{
		files: regexp.MustCompile(``),
		holds: regexp.MustCompile(`(proxy|sum)\.golang\.` + `org|registry\.(npmjs\.` + `org|yarnpkg\.` + `com)|pypi\.` +
			`org|files\.pythonhosted\.` + `org`),
		reason: "a registry's host name: which one is used is the reader's choice",
	},
	{
		files:  regexp.MustCompile(``),
		holds:  regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME)\b`),
		reason: "what is left to do is done, or written where it is found: not in the code",
	},
	{
		files:  regexp.MustCompile(`\.go$`),
		holds:  regexp.MustCompile(`(?m)^func in` + `it\(`),
		reason: "what happens before main is hard to see and to test: call a function",
	},
	{
		files:  regexp.MustCompile(`\.go$`),
		holds:  regexp.MustCompile(`(?m)^\s*(import )?_ "([^e]|e[^m])`), // "embed" can't be imported otherwise
		reason: "a blank import works out of sight: call a function",
	},
	{
		files:  regexp.MustCompile(`\.go$`),
		not:    regexp.MustCompile(`_test\.go$|/main\.go$`),
		holds:  regexp.MustCompile(`context\.Backg` + `round\(\)`),
		reason: "a context comes from the caller, so that the work can be stopped",
	},
	{
		files:  regexp.MustCompile(`\.go$`),
		holds:  regexp.MustCompile(`(?m)^package (util|utils|common|helpers?|misc|types)$`),
		reason: "a name that says nothing about what is in the package",
	},
}

// breaks is what a text breaks, one line a rule.
func breaks(path string, text []byte) []string {
	var found []string
	for _, r := range rules {
		if !r.files.MatchString(path) || r.not != nil && r.not.MatchString(path) {
			continue
		}
		if at := r.holds.FindIndex(text); at != nil {
			line := 1 + bytes.Count(text[:at[0]], []byte("\n"))
			found = append(found, fmt.Sprintf("%s:%d: %q: %s", path, line, bytes.TrimSpace(text[at[0]:at[1]]), r.reason))
		}
	}
	if lines := bytes.Count(text, []byte("\n")); strings.HasSuffix(path, ".go") && lines >= 500 {
		found = append(found, fmt.Sprintf("%s: %d lines: a file should fit a reader's head, in under 500", path, lines))
	}
	return found
}

func TestFiles(t *testing.T) {
	files := 0
	forEachFile(t, func(path string, text []byte) {
		files++
		for _, b := range breaks(path, text) {
			t.Error(b)
		}
	})
	if files < 20 {
		t.Errorf("%d files were checked: this is not the repository", files)
	}
}

// forEachFile calls check with each file of the repository, by its path there with slashes. What is built or installed is
// left out.
func forEachFile(t *testing.T, check func(path string, text []byte)) {
	t.Helper()
	generated := map[string]bool{".git": true} // and what .gitignore names
	ignored, err := os.ReadFile(filepath.Join(root, ".gitignore"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Fields(string(ignored)) {
		generated[strings.Trim(line, "/")] = true
	}
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		inside, err := filepath.Rel(root, path)
		switch {
		case err != nil:
			return err
		case generated[filepath.ToSlash(inside)] && entry.IsDir():
			return filepath.SkipDir
		case generated[filepath.ToSlash(inside)] || !entry.Type().IsRegular():
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		check(filepath.ToSlash(inside), text)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A check that nothing can fail checks nothing: each rule is broken once, and kept in what looks alike.
func TestRulesNoticeABreach(t *testing.T) {
	for _, broken := range []struct{ path, text string }{
		{"a.md", "see /ro" + "ot/x"}, {"a.json", "https://registry.npmjs." + "org/aws-cdk"}, {"a.yaml", "# TO" + "DO: more"},
		{"a.go", "package a\n\nfunc in" + "it() {}"}, {"a.go", "import (\n\t_ \"errors\"\n)"},
		{"a/b.go", "ctx := context.Backg" + "round()"}, {"a.go", "package util\n"}, {"a.go", strings.Repeat("\n", 500)},
	} {
		if got := breaks(broken.path, []byte(broken.text)); len(got) != 1 {
			t.Errorf("%s holding %q: %d breaches, want 1: %v", broken.path, broken.text, len(got), got)
		}
	}
	for _, kept := range []struct{ path, text string }{
		{"a.md", "arn:aws:iam::111122223333:root, assumed-role/root/x, https://example.com/home/"}, {"a.sh", "in" + "it() {"},
		{"a_test.go", "context.Backg" + "round()"}, {"functions/a/main.go", "context.Backg" + "round()"},
		{"a.go", strings.Repeat("\n", 499)}, {"a.go", "import _ \"embed\"\n\nfor _, x := range y {}\nvar _ I = x"},
	} {
		if got := breaks(kept.path, []byte(kept.text)); len(got) > 0 {
			t.Errorf("%s holding %q: %v, want no breach", kept.path, kept.text, got)
		}
	}
}
