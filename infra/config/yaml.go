package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// reader walks a YAML document and notes everything in it that is not as it should be, each with its place,
// so that a person can mend the file in one go.
type reader struct {
	file     string
	problems []problem
}

type problem struct {
	line, column int
	text         string
}

// field is a key that a mapping may have.
type field struct {
	name     string
	required bool
	read     func(value ast.Node)
}

// parse returns the document's root; nil if the file is empty.
func (r *reader) parse(text []byte) (ast.Node, error) {
	file, err := parser.ParseBytes(bytes.TrimPrefix(text, []byte("\ufeff")), 0) // some editors begin a file with a byte order mark
	if err != nil {
		var located yaml.Error
		if errors.As(err, &located) && located.GetToken() != nil {
			r.at(located.GetToken().Position, "%s", located.GetMessage())
			return nil, r.err()
		}
		return nil, fmt.Errorf("parse %s: %w", r.file, err)
	}
	var root ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if root != nil {
			r.wrong(doc.Body, "want one YAML document in the file")
			return nil, r.err()
		}
		root = doc.Body
	}
	return root, nil
}

// err is everything that was noted, in the order of the file, and once: what is said for many is read for each of them.
func (r *reader) err() error {
	slices.SortStableFunc(r.problems, func(a, b problem) int {
		return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.column, b.column))
	})
	var errs []error
	for i, p := range r.problems {
		if !slices.Contains(r.problems[:i], p) {
			errs = append(errs, fmt.Errorf("%s:%d:%d: %s", r.file, p.line, p.column, p.text))
		}
	}
	return errors.Join(errs...)
}

func (r *reader) wrong(n ast.Node, format string, args ...any) {
	r.at(place(n), format, args...)
}

func (r *reader) at(p *token.Position, format string, args ...any) {
	r.problems = append(r.problems, problem{p.Line, p.Column, fmt.Sprintf(format, args...)})
}

func (r *reader) line(n ast.Node) string { return strconv.Itoa(place(n).Line) }

// place is where a value begins. The token of a mapping in block style is its first colon.
func place(n ast.Node) *token.Position {
	switch n := n.(type) {
	case nil:
		return &token.Position{Line: 1, Column: 1}
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return place(n.Values[0])
		}
	case *ast.MappingValueNode:
		return n.Key.GetToken().Position
	}
	return n.GetToken().Position
}

// mapping reads a mapping and reports whether it has all that it must have. what names it in messages.
func (r *reader) mapping(n ast.Node, what string, fields []field) bool {
	found, ok := r.keys(n, "key", fields)
	if !ok {
		return false
	}
	complete := true
	for _, f := range fields {
		if f.required && !found[f.name] {
			r.wrong(n, "%s needs %s", what, f.name)
			complete = false
		}
	}
	return complete
}

// keys reads the values of a mapping whose keys are known, and returns those it has. kind is what a key is.
func (r *reader) keys(n ast.Node, kind string, fields []field) (found map[string]bool, ok bool) {
	var names []string
	for _, f := range fields {
		names = append(names, f.name)
	}
	found = map[string]bool{}
	if empty(n) {
		return found, true
	}
	m, ok := n.(ast.MapNode)
	if !ok {
		r.wrong(n, "want %s, got %s", list(names, "and", "a mapping with the keys "), kindOf(n))
		return nil, false
	}
	for entries := m.MapRange(); entries.Next(); {
		key := entries.Key().GetToken().Value
		i := slices.Index(names, key)
		if i < 0 {
			r.wrong(entries.Key(), "unknown %s %q: want %s", kind, key, list(names, "or", ""))
			continue
		}
		found[key] = true
		fields[i].read(entries.Value())
	}
	return found, true
}

// list reads the elements of a list.
func (r *reader) list(n ast.Node, read func(ast.Node)) {
	if empty(n) {
		return
	}
	sequence, ok := n.(*ast.SequenceNode)
	if !ok {
		r.wrong(n, "want a list, got %s", kindOf(n))
		return
	}
	for _, element := range sequence.Values {
		read(element)
	}
}

// text reads a text that is not empty; it returns "" only where it noted why.
func (r *reader) text(n ast.Node) string {
	var text string
	switch n := n.(type) {
	case *ast.StringNode:
		text = strings.TrimSpace(n.Value)
	case *ast.LiteralNode:
		text = strings.TrimSpace(n.Value.Value)
	default:
		r.wrong(n, "want a text, got %s", kindOf(n))
		return ""
	}
	if text == "" {
		r.wrong(n, "want a text, got an empty one")
	}
	return text
}

// matching reads a text of a form. Digits need no quotes around them.
func (r *reader) matching(n ast.Node, form *regexp.Regexp, want string) string {
	var text string
	switch n := n.(type) {
	case *ast.StringNode:
		text = n.Value
	case *ast.IntegerNode:
		text = n.GetToken().Value
	default:
		r.wrong(n, "want %s, got %s", want, kindOf(n))
		return ""
	}
	if !form.MatchString(text) {
		r.wrong(n, "want %s, got %q", want, text)
	}
	return text
}

func (r *reader) oneOf(n ast.Node, kind string, names ...string) string {
	text, ok := n.(*ast.StringNode)
	switch {
	case !ok:
		r.wrong(n, "want %s, got %s", list(names, "or", ""), kindOf(n))
		return ""
	case !slices.Contains(names, text.Value):
		r.wrong(n, "unknown %s %q: want %s", kind, text.Value, list(names, "or", ""))
	}
	return text.Value
}

func (r *reader) number(n ast.Node, least, most int) int {
	if integer, ok := n.(*ast.IntegerNode); ok {
		number, err := strconv.Atoi(integer.GetToken().Value)
		if err == nil && number >= least && number <= most {
			return number
		}
		r.wrong(n, "want a whole number from %d to %d, got %s", least, most, integer.GetToken().Value)
		return 0
	}
	r.wrong(n, "want a whole number from %d to %d, got %s", least, most, kindOf(n))
	return 0
}

func (r *reader) boolean(n ast.Node) bool {
	boolean, ok := n.(*ast.BoolNode)
	if !ok {
		r.wrong(n, "want true or false, got %s", kindOf(n))
		return false
	}
	return boolean.Value
}

// empty reports whether a mapping or list has nothing in it because nothing, or only comments, stands
// after its key.
func empty(n ast.Node) bool {
	if n == nil {
		return true
	}
	_, null := n.(*ast.NullNode)
	return null
}

func kindOf(n ast.Node) string {
	switch n := n.(type) {
	case *ast.NullNode:
		return "nothing"
	case *ast.StringNode:
		return fmt.Sprintf("the text %q", n.Value)
	case *ast.LiteralNode:
		return "a text"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "the number " + n.GetToken().Value
	case *ast.BoolNode:
		return n.GetToken().Value
	case *ast.SequenceNode:
		return "a list"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	}
	return "YAML's " + strings.ToLower(n.Type().String()) + ", which is not supported here"
}

// list is "a, b or c", after a lead if there is more than nothing to list.
func list(names []string, conjunction, lead string) string {
	switch last := len(names) - 1; last {
	case -1:
		return "none: there are none"
	case 0:
		return lead + names[0]
	default:
		return lead + strings.Join(names[:last], ", ") + " " + conjunction + " " + names[last]
	}
}
