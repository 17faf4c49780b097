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

	"github.com/countermand/countermand/events/pattern"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/scripts/internal/modulelist"
)

//go:embed templates
var templates embed.FS

func newCommand(modules []*remediations.Module) *cobra.Command {
	c := &cobra.Command{
		Use:   "new NAME --service SERVICE --event CALL...",
		Short: "begin a module of your own",
		Long: `Write what a new module begins with: its folder in remediations/modules with the module, its test and an event,
and the list of modules anew. It compiles, and its test says what is to be filled in until it is a module.
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
		if err := s.write(root); err != nil {
			return err
		}
		for _, call := range s.unknown() {
			fmt.Fprintf(c.ErrOrStderr(), "no call %s of %s is known here: see that CloudTrail writes just that name\n", call, s.Service)
		}
		_, err = fmt.Fprintf(c.OutOrStdout(), "%s/%s is begun. Its test says what is to be filled in:\n"+
			"go test ./%[1]s/%[2]s\n", moduleFolder, s.Package())
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

// moduleFolder is where the modules are, in a repository.
const moduleFolder = "remediations/modules"

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
			return fmt.Errorf("%q: there is such a module: take another name, or remove its folder and run go generate ./remediations/modules", s.Name)
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
	problems, err := pattern.CloudTrail(s.Service, s.Calls...).Lint()
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
	return slices.DeleteFunc(slices.Clone(s.Calls), func(call string) bool { return pattern.KnownCall(s.Service, call) })
}

// write writes the module's folder into the repository, and the list of modules anew. It writes nothing if the folder
// is there.
func (s scaffold) write(root string) error {
	folder := filepath.Join(root, filepath.FromSlash(moduleFolder), s.Package())
	// A module that cannot be listed would be found only after the new one's files are there.
	if _, err := modulelist.Text(filepath.Dir(folder)); err != nil {
		return fmt.Errorf("list the modules: %w", err)
	}
	if err := os.Mkdir(folder, 0o755); errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s/%s is there already: take another name, or remove it", moduleFolder, s.Package())
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
	if err := modulelist.Write(filepath.Dir(folder)); err != nil {
		return fmt.Errorf("list the modules: %w", err)
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
