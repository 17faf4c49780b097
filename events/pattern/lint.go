package pattern

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// The service's quotas of characters in a pattern: what everybody has, and what can be asked for.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
const (
	maxCharacters  = 2048
	mostCharacters = 4096

	addressOperands = "mask bits must be < " // ends the engine's words on a mask that leaves a single address
)

// A Problem is something in a pattern that compiles, but that EventBridge refuses all the same, or that doesn't do
// what whoever wrote it must think it does.
type Problem struct {
	Line, Column int    // of the place in the pattern, from 1; the column counts characters
	Path         string // of the field ("detail.eventName"); empty if it isn't about one
	Message      string // what is wrong, why it matters, and what to write instead
}

// String is the problem in one line.
func (p Problem) String() string {
	if p.Path == "" {
		return fmt.Sprintf("line %d, column %d: %s", p.Line, p.Column, p.Message)
	}
	return fmt.Sprintf("line %d, column %d: %s: %s", p.Line, p.Column, p.Path, p.Message)
}

// Lint reports what is wrong with a pattern of CloudTrail's events, although it compiles, in the order of the text:
//   - it is longer than the service takes, even without its white space, or its wildcards are more complex;
//   - anybody who may put events can forge what it matches, as source is missing or not AWS's alone;
//   - source and detail.eventSource don't belong together, or are what SDKs call the service, or detail-type is misspelt;
//   - no event has the name, as CloudTrail writes another one or the service has no such call; names are judged only
//     where there is no doubt, see names.go;
//   - an asterisk is in a plain string, where it is no wildcard;
//   - no event has the field, which is misspelt or in the wrong place, or the value, which is of another type;
//   - a rule receives the event only in a state that Countermand's aren't in, since the call just reads;
//   - a field excludes values with anything-but but may be absent, or asks whether something exists that is never a
//     value;
//   - the documentation doesn't vouch for what is matched: numbers out of bounds;
//   - AWS's engine gets it wrong: strings next to a numeric < or <=, characters that equals-ignore-case doesn't know, a
//     text without case behind a wildcard, alternatives that overlap;
//   - part of the text means nothing: a path that is set again, text after the end.
//
// A value that alternatives share is reported if it is of use in none of them. A pattern that no quota admits is not
// judged beyond its length. How many rules with wildcards a bus has (30 at most) is not a matter of one pattern.
// The error is Compile's; of a cidr for a single address it says what to write.
func (p Pattern) Lint() ([]Problem, error) {
	l, err := newLinter(string(p))
	if err != nil {
		return nil, fmt.Errorf("compile event pattern: %w%s", err, advice(err))
	}
	if l.length() {
		l.text()
		l.values()
		l.wildcards()
		l.engineFaults()
		for _, rule := range l.rules {
			l.rule(rule)
		}
		l.idleValues()
	}
	return l.sorted(), nil
}

// newLinter compiles the text of a pattern for one Lint.
func newLinter(text string) (*linter, error) {
	rules, err := compilePattern(text)
	return &linter{
		reader:   jsonReader{text: []byte(text)},
		rules:    rules,
		matchers: map[int]fieldNode{},
		found:    map[Problem]bool{},
		said:     map[remark]bool{},
		judged:   map[[3]string]string{},
		calls:    map[callFields]bool{},
		reasons:  map[int]remark{},
		idle:     map[int]bool{},
		used:     map[int]bool{},
		meant:    map[string]string{},
		types:    map[string]string{},
		absent:   absentPaths(rules),
		below:    map[string]bool{},
		uses:     map[*fieldTest][]wildcardUse{},
		budget:   maxStateSets,
	}, err
}

// absentPaths returns the paths whose absence some sub-rule takes.
func absentPaths(rules []subRule) map[string]bool {
	paths := map[string]bool{}
	for _, rule := range rules {
		for path, f := range rule {
			if f.absent {
				paths[path] = true
			}
		}
	}
	return paths
}

// advice is what to add to Compile's message.
func advice(err error) string {
	var syntax *SyntaxError
	if errors.As(err, &syntax) && strings.Contains(syntax.Message, addressOperands) {
		return " (a single address is written as a string of its own, without a mask)"
	}
	return ""
}

// linter collects what Lint reports. A pattern may have a thousand sub-rules, most of them with the same fields, so
// that what has been looked at once is remembered.
type linter struct {
	reader   jsonReader
	rules    []subRule
	matchers map[int]fieldNode // by the offset of the array
	found    map[Problem]bool
	said     map[remark]bool
	judged   map[[3]string]string // by service, operator and text, what is wrong with a name
	calls    map[callFields]bool  // those that were checked
	reasons  map[int]remark       // why a value, by its offset, is of no use in some sub-rule
	idle     map[int]bool         // the values that are of no use in the sub-rule being checked
	used     map[int]bool         // the values that are of use in one that was checked
	meant    map[string]string    // by path, what one that is misspelt stands for
	types    map[string]string    // by text, the detail type of CloudTrail's that it means
	absent   map[string]bool      // the paths whose absence some sub-rule takes
	below    map[string]bool      // the paths that the fields of one sub-rule are below
	uses     map[*fieldTest][]wildcardUse
	budget   int // sets of states that complexity may still look at
}

// fieldNode is a field and its matchers, as they are written.
type fieldNode struct {
	path  string
	items []node
}

// remark is a problem whose message is always the same.
type remark struct {
	at            int
	path, message string
}

// report notes a problem at the byte offset at, once.
func (l *linter) report(at int, path, format string, args ...any) {
	if key := (remark{at, path, format}); len(args) == 0 {
		if l.said[key] {
			return
		}
		l.said[key] = true
	}
	var place *SyntaxError
	if errors.As(l.reader.errorAt(at, format, args...), &place) {
		l.found[Problem{Line: place.Line, Column: place.Column, Path: path, Message: place.Message}] = true
	}
}

// sorted returns what was reported, in the order of the text.
func (l *linter) sorted() []Problem {
	var problems []Problem
	for p := range l.found {
		problems = append(problems, p)
	}
	slices.SortFunc(problems, func(a, b Problem) int {
		return cmp.Or(a.Line-b.Line, a.Column-b.Column, cmp.Compare(a.Path, b.Path), cmp.Compare(a.Message, b.Message))
	})
	return problems
}

// length checks the number of characters without the white space between them, which a pattern need not be deployed
// with, and reports whether the pattern is short enough for the rest: what makes it longer can make the rest take long.
func (l *linter) length() bool {
	n := compactLength(l.reader.text)
	if n > maxCharacters {
		l.report(0, "", "the pattern has %d characters, white space outside of strings not counted, and EventBridge "+
			"takes %d (%d if AWS is asked for them): shorten it, or make it two rules", n, maxCharacters, mostCharacters)
	}
	return n <= mostCharacters
}

// compactLength returns the number of characters of JSON text but for the white space between its tokens.
func compactLength(text []byte) int {
	blanks, inString, escaped := 0, false, false
	for _, c := range text {
		switch {
		case escaped:
			escaped = false
		case c == '"':
			inString = !inString
		case inString:
			escaped = c == '\\'
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			blanks++
		}
	}
	return utf8.RuneCount(text) - blanks
}

// text notes where each field's matchers are, and reports what of the text means nothing.
func (l *linter) text() {
	root, err := l.reader.node()
	if err != nil {
		return // it compiled
	}
	l.reader.peek()
	if l.reader.at < len(l.reader.text) {
		l.report(l.reader.at, "", "text after the end of the pattern means nothing: remove it")
	}
	l.fields(root, nil, map[string]bool{})
}

// fields notes the fields of an object at the path steps. set has the paths that are set so far on the way to a
// match; those that were added are returned. Only one branch of a $or is on the way.
func (l *linter) fields(object node, steps []string, set map[string]bool) (added []string) {
	for _, m := range object.members {
		switch {
		case m.name == orKeyword:
			var branches []string
			for _, branch := range m.value.items {
				of := l.fields(branch, steps, set)
				for _, path := range of {
					delete(set, path)
				}
				branches = append(branches, of...)
			}
			for _, path := range branches {
				if !set[path] {
					set[path] = true
					added = append(added, path)
				}
			}
		case m.value.kind == objectNode:
			added = append(added, l.fields(m.value, append(steps, m.name), set)...)
		default:
			path := joinPath(steps, m.name)
			if set[path] {
				l.report(m.at, path, "the field is set before: only the last one counts, so join them")
			} else {
				set[path] = true
				added = append(added, path)
			}
			l.matchers[m.value.at] = fieldNode{path, m.value.items}
		}
	}
	return added
}

// items returns the matchers of a field; none if f is nil.
func (l *linter) items(f *fieldTest) []node {
	if f == nil {
		return nil
	}
	return l.matchers[f.at].items
}

// operatorOf returns the name and the operand of a matcher that is an operator. A plain value has no name and is its
// own operand.
func operatorOf(matcher node) (name string, operand node) {
	if matcher.kind != objectNode {
		return "", matcher
	}
	return matcher.members[0].name, matcher.members[0].value
}

// operands returns an operand, or the operands of a list.
func operands(n node) []node {
	if n.kind == arrayNode {
		return n.items
	}
	return []node{n}
}

// isString reports whether a node is a string.
func isString(n node) bool { return n.kind == scalarNode && n.scalar.kind == stringScalar }

// exact returns the strings that a field's matchers take exactly, and whether they take nothing else. A field that is
// not there takes everything.
func (l *linter) exact(f *fieldTest) (texts []node, only bool) {
	only = f != nil
	for _, item := range l.items(f) {
		name, operand := operatorOf(item)
		if (name == "" || name == "exactly") && isString(operand) {
			texts = append(texts, operand)
		} else {
			only = false
		}
	}
	return texts, only
}
