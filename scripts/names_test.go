package scripts_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var majorVersion = regexp.MustCompile(`^v[0-9]+$`)

// importedAs returns the name by which a file knows an import, as far as its path tells.
func importedAs(spec *ast.ImportSpec) string {
	if spec.Name != nil {
		return spec.Name.Name
	}
	path, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return ""
	}
	parts := strings.Split(path, "/")
	last := parts[len(parts)-1]
	if majorVersion.MatchString(last) && len(parts) > 1 {
		last = parts[len(parts)-2]
	}
	return last
}

// packageNames returns the names that the files of a package declare for all of it.
func packageNames(files []*ast.File) map[string]bool {
	names := map[string]bool{}
	for _, file := range files {
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil {
					names[d.Name.Name] = true
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					switch s := s.(type) {
					case *ast.TypeSpec:
						names[s.Name.Name] = true
					case *ast.ValueSpec:
						for _, n := range s.Names {
							names[n.Name] = true
						}
					}
				}
			}
		}
	}
	delete(names, "_")
	return names
}

// localNames returns the names that a file's functions declare for themselves.
func localNames(file *ast.File) []*ast.Ident {
	var locals []*ast.Ident
	fields := func(list *ast.FieldList) {
		if list != nil {
			for _, f := range list.List {
				locals = append(locals, f.Names...)
			}
		}
	}
	defined := func(expressions ...ast.Expr) {
		for _, e := range expressions {
			if id, ok := e.(*ast.Ident); ok {
				locals = append(locals, id)
			}
		}
	}
	for _, d := range file.Decls {
		function, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		fields(function.Recv)
		ast.Inspect(function, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncType:
				fields(n.Params)
				fields(n.Results)
			case *ast.AssignStmt:
				if n.Tok == token.DEFINE {
					defined(n.Lhs...)
				}
			case *ast.RangeStmt:
				if n.Tok == token.DEFINE {
					defined(n.Key, n.Value)
				}
			case *ast.ValueSpec:
				locals = append(locals, n.Names...)
			case *ast.TypeSpec:
				locals = append(locals, n.Name)
			}
			return true
		})
	}
	return locals
}

// hiding returns, one line each, the local names of a package's files that hide an import or a name of the package: a
// reader who meets one has to look up which of the two is meant.
func hiding(positions *token.FileSet, files []*ast.File) []string {
	names := packageNames(files)
	var found []string
	for _, file := range files {
		hidden := maps.Clone(names)
		for _, spec := range file.Imports {
			hidden[importedAs(spec)] = true
		}
		for _, local := range localNames(file) {
			if hidden[local.Name] {
				found = append(found, fmt.Sprintf("%s: the local name %s hides a package's", positions.Position(local.Pos()), local.Name))
			}
		}
	}
	return found
}

// hidingYet lists the folders whose code still has such names. A folder that has none left must leave the list, which
// ends empty.
var hidingYet = []string{
	"infra", "infra/config",
	"remediations/modules/detectordisabled", "remediations/modules/ec2sgopeningress", "remediations/modules/iamadmingrant",
	"remediations/modules/iamroletrustexternal", "remediations/modules/lambdapublic", "remediations/modules/rdsdeleted",
	"remediations/modules/s3publicacl", "remediations/modules/selftamper", "remediations/modules/tagoncreate",
	"remediations/moduletest", "scripts/countermand", "scripts/internal/sandbox",
}

func TestNoLocalNameHidesAPackages(t *testing.T) {
	folders := map[string][]string{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && (entry.Name() == "node_modules" || path != root && strings.HasPrefix(entry.Name(), ".")) {
			return filepath.SkipDir
		}
		if err == nil && strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			folders[filepath.Dir(path)] = append(folders[filepath.Dir(path)], path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(folders) < 40 {
		t.Errorf("%d folders of Go: this is not the repository", len(folders))
	}
	for _, folder := range slices.Sorted(maps.Keys(folders)) {
		positions := token.NewFileSet()
		var files []*ast.File
		for _, name := range folders[folder] {
			file, err := parser.ParseFile(positions, name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, file)
		}
		inside, err := filepath.Rel(root, folder)
		if err != nil {
			t.Fatal(err)
		}
		found := hiding(positions, files)
		if slices.Contains(hidingYet, filepath.ToSlash(inside)) {
			if len(found) == 0 {
				t.Errorf("%s hides no name any more: take it out of hidingYet", inside)
			}
			continue
		}
		for _, line := range found {
			t.Error(line)
		}
	}
}

func TestHidingIsNoticed(t *testing.T) {
	const other = "package a\n\nfunc bolt() {}\n\nconst latch = 1\n"
	for text, want := range map[string]int{
		"func f(bolt int) {}":                                1,
		"func f() (bolt int) { return 0 }":                   1,
		"func (bolt t) f() {}":                               1,
		"func f() { latch := 1; _ = latch }":                 1,
		"func f() { for latch := range 3 { _ = latch }}":     1,
		"func f() { var store int; _ = store }":              1,
		"func f() { cobra := 1; _ = cobra }":                 1,
		"func f() { func(bolt int) {}(1) }":                  1,
		"func f() { v := struct{ bolt int }{}; _ = v.bolt }": 0,
		"func (k key) bolt() {}":                             0,
		"func f() { latch = 2 }":                             0,
		"type t struct{ bolt int }":                          0,
	} {
		positions := token.NewFileSet()
		var files []*ast.File
		for _, source := range []string{other, "package a\n\nimport (\n\t\"x/store\"\n\t\"x/cobra/v2\"\n)\n\n" + text + "\n"} {
			file, err := parser.ParseFile(positions, "a.go", source, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, file)
		}
		if got := hiding(positions, files); len(got) != want {
			t.Errorf("%s: %d names hide a package's, want %d: %v", text, len(got), want, got)
		}
	}
}
