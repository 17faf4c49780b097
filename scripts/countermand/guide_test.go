package main

import (
	"bytes"
	"encoding/json"
	"errors"
	gofmt "go/format"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/countermand/countermand/remediations/modules"
)

// block is a block of code in WRITING-A-MODULE.md: a language, and for a file's text the file's path.
type block struct{ language, path, text string }

var codeBlock = regexp.MustCompile("(?ms)^```(\\w+)(?: (\\S+))?\n(.*?)^```$")

// What WRITING-A-MODULE.md says leads to a module. Each block is a step: sh is commands, of which all lines of the next
// text block must be in the output of the last; a block with a path is that file, or more of it; JSON stands for what is
// in the file under the same name.
func TestGuide(t *testing.T) {
	text, err := os.ReadFile("../../WRITING-A-MODULE.md")
	if err != nil {
		t.Fatal(err)
	}
	g := newGuide(t)
	written := map[string]bool{}
	output := ""
	steps := 0
	for _, match := range codeBlock.FindAllStringSubmatch(string(text), -1) {
		b := block{match[1], match[2], match[3]}
		steps++
		switch {
		case b.language == "sh":
			for line := range strings.Lines(b.text) {
				output = g.run(strings.Fields(line))
			}
		case b.language == "text":
			for line := range strings.Lines(b.text) {
				if !strings.Contains(output, strings.TrimSpace(line)) {
					t.Fatalf("the guide says that %q is printed, but it is\n%s", strings.TrimSpace(line), output)
				}
			}
		case b.language == "json":
			g.replaceJSON(b)
		case b.path != "":
			g.write(b, written[b.path])
			written[b.path] = true
		default:
			t.Fatalf("a block of %q has no path, and is no step:\n%s", b.language, b.text)
		}
	}
	for file := range written {
		if formatted, err := gofmt.Source(g.get(file)); err != nil || !bytes.Equal(formatted, g.get(file)) {
			t.Errorf("%s is not as gofmt would have it (%v)", file, err)
		}
	}
	if steps < 8 || !strings.HasPrefix(output, "ok") {
		t.Errorf("%d steps, and at the end\n%s", steps, output)
	}
}

// guide follows WRITING-A-MODULE.md in a folder that has only what is written there. The rest of the repository is laid
// under it when tests are built, so that nothing else is compiled anew.
type guide struct {
	*testing.T
	root, folder string
}

func newGuide(t *testing.T) *guide {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	g := &guide{t, root, t.TempDir()}
	for _, file := range []string{"cdk.json", "go.mod", "remediations/modules/modules.go"} {
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		g.put(file, text)
	}
	t.Chdir(g.folder)
	return g
}

func (g *guide) put(file string, text []byte) {
	g.Helper()
	path := filepath.Join(g.folder, file)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		g.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		g.Fatal(err)
	}
}

// get is the text of a file that is there: the guide names none that is not.
func (g *guide) get(file string) []byte {
	g.Helper()
	text, err := os.ReadFile(filepath.Join(g.folder, file))
	if err != nil {
		g.Fatal(err)
	}
	return text
}

// write replaces a file's text, or adds to it.
func (g *guide) write(b block, more bool) {
	g.Helper()
	before := g.get(b.path)
	if !more {
		before = nil
	}
	g.put(b.path, append(before, b.text...))
}

// replaceJSON puts a field's value in the place of an empty one.
func (g *guide) replaceJSON(b block) {
	g.Helper()
	field, _, _ := strings.Cut(b.text, ":")
	empty := field + ": {}"
	text := string(g.get(b.path))
	if strings.Count(text, empty) != 1 {
		g.Fatalf("%s does not hold %s once:\n%s", b.path, empty, text)
	}
	g.put(b.path, []byte(strings.Replace(text, empty, strings.TrimSpace(b.text), 1)))
}

// run does a step and returns what it prints.
func (g *guide) run(words []string) string {
	g.Helper()
	line := strings.Join(words, " ")
	if args, ours := strings.CutPrefix(line, name+" "); ours {
		var out bytes.Buffer
		root := rootCommand(modules.All(), noAccount)
		root.SetArgs(strings.Fields(args))
		root.SetOut(&out)
		root.SetErr(&out)
		if err := root.Execute(); err != nil {
			g.Fatalf("%s: %v", line, err)
		}
		return out.String()
	}
	pkg, isTest := strings.CutPrefix(line, "go test ./")
	if !isTest {
		g.Fatalf("the guide calls %q, which this test does not know", line)
	}
	pkg, flags, _ := strings.Cut(pkg, " ")
	return g.test(pkg, strings.Fields(flags)...)
}

// test is 'go test' of a package: its test is built in the repository, with the guide's files laid over it, and runs in
// the guide's folder. Vet can't do that.
func (g *guide) test(pkg string, flags ...string) string {
	g.Helper()
	binary := filepath.Join(g.TempDir(), "test")
	build := exec.CommandContext(g.Context(), "go", "test", "-c", "-vet=off", "-overlay", g.overlay(), "-o", binary, "./"+pkg)
	build.Dir = g.root
	if out, err := build.CombinedOutput(); err != nil {
		g.Fatalf("build the test of %s: %v\n%s", pkg, err, out)
	}
	test := exec.CommandContext(g.Context(), binary, flags...)
	test.Dir = filepath.Join(g.folder, pkg)
	out, err := test.CombinedOutput()
	var failed *exec.ExitError
	switch {
	case errors.As(err, &failed):
		return string(out)
	case err != nil:
		g.Fatalf("test %s: %v", pkg, err)
	}
	return "ok\t" + pkg
}

// overlay is the file that tells Go which files of the repository are others: all of the guide's that are Go.
func (g *guide) overlay() string {
	g.Helper()
	var laid struct{ Replace map[string]string }
	laid.Replace = map[string]string{}
	err := filepath.WalkDir(g.folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") {
			return err
		}
		inside, err := filepath.Rel(g.folder, path)
		laid.Replace[filepath.Join(g.root, inside)] = path
		return err
	})
	if err != nil {
		g.Fatal(err)
	}
	text, err := json.Marshal(laid)
	if err != nil {
		g.Fatal(err)
	}
	file := filepath.Join(g.TempDir(), "overlay.json")
	if err := os.WriteFile(file, text, 0o644); err != nil {
		g.Fatal(err)
	}
	return file
}
