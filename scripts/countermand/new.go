package main

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	gofmt "go/format"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"github.com/spf13/cobra"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
)

//go:embed templates
var templates embed.FS

func newCommand(modules []*remediations.Module) *cobra.Command {
	c := &cobra.Command{
		Use:   "new NAME --service SERVICE --event CALL...",
		Short: "begin a module of your own",
		Long: `Write what a new module begins with: its folder in remediations/ with the module, its test and an event, and its line
in remediations/catalog/catalog.go. It compiles, and its test says what is to be filled in until it is a module.
WRITING-A-MODULE.md leads through one.

NAME is lower-case words with hyphens between them. SERVICE is the first label of an eventSource ("s3" of
s3.amazonaws.com), CALL a call as CloudTrail names it, which is not always the API's name.`,
		Example: "  " + name + ` new bucket-versioning --service s3 --event PutBucketVersioning
  ` + name + ` new key-rotation-off --service kms --event DisableKeyRotation --event DisableKey`,
		Args: some(1, "the name of the module"),
	}
	service := c.Flags().String("service", "", "the service whose calls it watches, as s3")
	calls := c.Flags().StringArray("event", nil, "a call that it watches, as PutBucketVersioning; may be given several times")
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) > 1 {
			return fmt.Errorf("want the name of one module, got %d\nsee '%s --help'", len(args), c.CommandPath())
		}
		s := scaffold{Name: args[0], Service: *service, Calls: *calls}
		if err := s.check(modules); err != nil {
			return err
		}
		root, err := repository()
		if err != nil {
			return err
		}
		if err := s.write(root, modules); err != nil {
			return err
		}
		for _, call := range s.unknown() {
			fmt.Fprintf(c.ErrOrStderr(), "no call %s of %s is known here: see that CloudTrail writes just that name\n", call, s.Service)
		}
		_, err = fmt.Fprintf(c.OutOrStdout(), "remediations/%s is begun, and in the catalog. Its test says what is to be filled in:\n"+
			"go test ./remediations/%[1]s\n", s.Package())
		return err
	}
	return c
}

// scaffold is what a new module begins with.
type scaffold struct {
	Name    string
	Service string
	Calls   []string
}

// Package is the name of the module's folder and package.
func (s scaffold) Package() string { return (&remediations.Module{Name: s.Name}).Package() }

// Global reports whether the service's events appear only in the global Region.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-integration.html
func (s scaffold) Global() bool { return s.Service == "iam" }

// Region is where the event of the test comes from.
func (s scaffold) Region() string {
	if s.Global() {
		return "us-east-1"
	}
	return "eu-central-1"
}

var serviceLabel = regexp.MustCompile(`^[a-z0-9-]+$`)

// check reports why there can be no such module.
func (s scaffold) check(modules []*remediations.Module) error {
	if err := remediations.CheckName(s.Name); err != nil {
		return fmt.Errorf("%q: %w", s.Name, err)
	}
	if token.IsKeyword(s.Package()) {
		return fmt.Errorf("%q: its package would be called %s, which Go keeps for itself: take another name", s.Name, s.Package())
	}
	for _, m := range modules {
		if m.Name == s.Name {
			return fmt.Errorf("%q: there is such a module: take another name, or remove its folder and its two lines in remediations/catalog/catalog.go", s.Name)
		}
		// A role's rights in the run table go by the beginning of names.
		if strings.HasPrefix(s.Name+"-", m.Name+"-") || strings.HasPrefix(m.Name+"-", s.Name+"-") {
			return fmt.Errorf("%q: there is %s, and no module's name may begin with another's: take another name", s.Name, m.Name)
		}
	}
	switch {
	case s.Service == "" || len(s.Calls) == 0:
		return fmt.Errorf("say which calls it watches, as --service s3 --event PutBucketVersioning\nsee '%s new --help'", name)
	case !serviceLabel.MatchString(s.Service):
		return fmt.Errorf("service %q: want the first label of its eventSource, as s3 of s3.amazonaws.com", s.Service)
	}
	problems, err := events.CloudTrail(s.Service, s.Calls...).Lint()
	if err != nil {
		return err
	}
	var errs []error
	for _, p := range problems {
		errs = append(errs, fmt.Errorf("%s: %s", p.Path, p.Message)) // the place is in a text that nobody has seen
	}
	return errors.Join(errs...)
}

// unknown is the calls that may well be misspelt: no pattern is refused for them, as not all calls are known here.
func (s scaffold) unknown() []string {
	return slices.DeleteFunc(slices.Clone(s.Calls), func(call string) bool { return events.KnownCall(s.Service, call) })
}

// write writes the files into the repository; none of them if the folder is there.
func (s scaffold) write(root string, modules []*remediations.Module) error {
	catalogFile := filepath.Join(root, "remediations", "catalog", "catalog.go")
	listed, err := os.ReadFile(catalogFile)
	if err != nil {
		return fmt.Errorf("read the catalog: %w", err)
	}
	if listed, err = s.enlist(listed, modules); err != nil {
		return fmt.Errorf("add %s to the catalog: %w", s.Name, err)
	}
	folder := filepath.Join(root, "remediations", s.Package())
	if err := os.Mkdir(folder, 0o755); errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("remediations/%s is there already: take another name, or remove it", s.Package())
	} else if err != nil {
		return fmt.Errorf("make the module's folder: %w", err)
	}
	if err := os.Mkdir(filepath.Join(folder, "testdata"), 0o755); err != nil {
		return fmt.Errorf("make the module's folder: %w", err)
	}
	for file, from := range map[string]string{
		s.Package() + ".go": "module.go.tmpl", s.Package() + "_test.go": "module_test.go.tmpl", "testdata/event.json": "event.json.tmpl",
	} {
		text, err := s.fill(from)
		if err != nil {
			return fmt.Errorf("fill in %s: %w", from, err)
		}
		if err := os.WriteFile(filepath.Join(folder, filepath.FromSlash(file)), text, 0o644); err != nil {
			return fmt.Errorf("write the module: %w", err)
		}
	}
	if err := os.WriteFile(catalogFile, listed, 0o644); err != nil {
		return fmt.Errorf("write the catalog: %w", err)
	}
	return nil
}

// fill is a template with what is known of the module; Go as gofmt has it.
func (s scaffold) fill(file string) ([]byte, error) {
	t, err := template.ParseFS(templates, "templates/"+file)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, s); err != nil {
		return nil, err
	}
	if strings.HasSuffix(file, ".go.tmpl") {
		return gofmt.Source(b.Bytes())
	}
	return b.Bytes(), nil
}

// What the catalog has for each module.
var (
	catalogImport = regexp.MustCompile(`(?m)^\t"github\.com/countermand/countermand/remediations/(\w+)"\n`)
	catalogEntry  = regexp.MustCompile(`(?m)^\t\t(\w+)\.Module,\n`)
)

// enlist is the text of catalog.go with the module in both of its lists: the imports by package, the modules by name.
func (s scaffold) enlist(text []byte, modules []*remediations.Module) ([]byte, error) {
	names := map[string]string{s.Package(): s.Name}
	for _, m := range modules {
		names[m.Package()] = m.Name
	}
	text, err := insert(text, catalogImport, s.Package(), func(a string) string { return a },
		fmt.Sprintf("\t\"github.com/countermand/countermand/remediations/%s\"\n", s.Package()))
	if err != nil {
		return nil, err
	}
	text, err = insert(text, catalogEntry, s.Package(), func(a string) string { return names[a] }, "\t\t"+s.Package()+".Module,\n")
	if err != nil {
		return nil, err
	}
	return gofmt.Source(text)
}

// insert puts a line before the first of those that a pattern matches, and that are by their key behind it; else behind
// the last.
func insert(text []byte, lines *regexp.Regexp, pkg string, key func(pkg string) string, line string) ([]byte, error) {
	found := lines.FindAllSubmatchIndex(text, -1)
	if len(found) == 0 {
		return nil, errors.New("it does not look as it did when this command was written")
	}
	at := found[len(found)-1][1]
	for _, f := range found {
		if key(string(text[f[2]:f[3]])) > key(pkg) {
			at = f[0]
			break
		}
	}
	return slices.Insert(slices.Clone(text), at, []byte(line)...), nil
}
