package pattern

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A SyntaxError says where in a pattern or an event, and why, reading stopped.
type SyntaxError struct {
	Line, Column int // from 1; the column counts characters, not bytes
	Message      string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Message)
}

// maxDepth bounds nesting, so that no text can exhaust the stack. encoding/json has the same bound.
const maxDepth = 10000

// jsonReader reads JSON strictly, one value at a time. It differs from encoding/json in what patterns need: members
// come in order and as often as they are written, numbers keep their spelling, and text after the first value is
// left alone. Bytes that are not UTF-8 pass through strings unchanged.
type jsonReader struct {
	text  []byte
	at    int
	depth int
}

// errorAt makes a SyntaxError for the byte offset at.
func (r *jsonReader) errorAt(at int, format string, args ...any) error {
	before := r.text[:min(at, len(r.text))]
	lineStart := bytes.LastIndexByte(before, '\n') + 1
	return &SyntaxError{
		Line:    bytes.Count(before, []byte{'\n'}) + 1,
		Column:  utf8.RuneCount(before[lineStart:]) + 1,
		Message: fmt.Sprintf(format, args...),
	}
}

// unexpected reports the character at the reader's position.
func (r *jsonReader) unexpected(wanted string) error {
	if r.at >= len(r.text) {
		return r.errorAt(r.at, "unexpected end of text, want %s", wanted)
	}
	c, _ := utf8.DecodeRune(r.text[r.at:])
	return r.errorAt(r.at, "unexpected character %q, want %s", c, wanted)
}

// peek skips white space and returns the next byte, 0 at the end (a NUL is never valid there).
func (r *jsonReader) peek() byte {
	for ; r.at < len(r.text); r.at++ {
		switch c := r.text[r.at]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// object reads an object and calls member after each name, with the reader at the value, which member must read.
func (r *jsonReader) object(member func(name string, at int) error) error {
	return r.list('{', '}', func() error {
		if r.peek() != '"' {
			return r.unexpected("a member name in double quotes")
		}
		at := r.at
		name, err := r.string()
		if err != nil {
			return err
		}
		if r.peek() != ':' {
			return r.unexpected("':'")
		}
		r.at++
		return member(name, at)
	})
}

// array reads an array and calls element with the reader at each element, which element must read.
func (r *jsonReader) array(element func(index int) error) error {
	index := -1
	return r.list('[', ']', func() error {
		index++
		return element(index)
	})
}

// list reads items between brackets, separated by commas.
func (r *jsonReader) list(opening, closing byte, item func() error) error {
	if r.peek() != opening {
		return r.unexpected(fmt.Sprintf("%q", opening))
	}
	if r.depth++; r.depth > maxDepth {
		return r.errorAt(r.at, "nested more than %d deep", maxDepth)
	}
	defer func() { r.depth-- }()
	r.at++
	if r.peek() == closing {
		r.at++
		return nil
	}
	for {
		if err := item(); err != nil {
			return err
		}
		switch r.peek() {
		case ',':
			r.at++
		case closing:
			r.at++
			return nil
		default:
			return r.unexpected(fmt.Sprintf("',' or %q", closing))
		}
	}
}

// scalarKind tells the kinds of JSON value that are not objects or arrays.
type scalarKind byte

const (
	stringScalar  scalarKind = iota
	numberScalar             // its text as written
	literalScalar            // true, false or null
)

// A scalar is a string, decoded, or the text of a number or a literal.
type scalar struct {
	kind scalarKind
	text string
}

// scalar reads a value that is neither object nor array.
func (r *jsonReader) scalar() (scalar, error) {
	switch c := r.peek(); {
	case c == '"':
		text, err := r.string()
		return scalar{stringScalar, text}, err
	case c == '-' || '0' <= c && c <= '9':
		text, err := r.number()
		return scalar{numberScalar, text}, err
	}
	for _, literal := range []string{"true", "false", "null"} {
		if bytes.HasPrefix(r.text[r.at:], []byte(literal)) {
			r.at += len(literal)
			return scalar{literalScalar, literal}, nil
		}
	}
	return scalar{}, r.unexpected("a JSON value")
}

// skip reads and checks a value of any kind.
func (r *jsonReader) skip() error {
	switch r.peek() {
	case '{':
		return r.object(func(string, int) error { return r.skip() })
	case '[':
		return r.array(func(int) error { return r.skip() })
	}
	_, err := r.scalar()
	return err
}

// number reads a number and returns it as written.
func (r *jsonReader) number() (string, error) {
	start := r.at
	r.accept("-")
	if !r.accept("0") && !r.digits() {
		return "", r.unexpected("a digit")
	}
	if r.accept(".") && !r.digits() {
		return "", r.unexpected("a digit after the decimal point")
	}
	if r.accept("eE") {
		r.accept("+-")
		if !r.digits() {
			return "", r.unexpected("a digit in the exponent")
		}
	}
	return string(r.text[start:r.at]), nil
}

// accept takes the next byte if it is one of set.
func (r *jsonReader) accept(set string) bool {
	if r.at < len(r.text) && strings.IndexByte(set, r.text[r.at]) >= 0 {
		r.at++
		return true
	}
	return false
}

// digits takes decimal digits and reports whether there was one.
func (r *jsonReader) digits() bool {
	start := r.at
	for r.accept("0123456789") {
	}
	return r.at > start
}

// string reads a string, with the reader at its opening quote, and decodes it.
func (r *jsonReader) string() (string, error) {
	if end := quoteOrControl(r.text, r.at+1); end < len(r.text) && r.text[end] == '"' {
		if plain := r.text[r.at+1 : end]; bytes.IndexByte(plain, '\\') < 0 {
			r.at = end + 1
			return string(plain), nil
		}
	}
	decoded, err := r.appendString(nil)
	return string(decoded), err
}

// appendString reads a string, with the reader at its opening quote, and appends what it stands for.
func (r *jsonReader) appendString(to []byte) ([]byte, error) {
	r.at++
	start := r.at
	for r.at < len(r.text) {
		switch c := r.text[r.at]; {
		case c == '"':
			to = append(to, r.text[start:r.at]...)
			r.at++
			return to, nil
		case c == '\\':
			to = append(to, r.text[start:r.at]...)
			var err error
			if to, err = r.escape(to); err != nil {
				return nil, err
			}
			start = r.at
		case c < ' ':
			return nil, r.errorAt(r.at, "control character %q in a string must be escaped", c)
		default:
			r.at++
		}
	}
	return nil, r.unexpected("a closing double quote")
}

// escape reads one escape sequence, or a pair that makes one character, and appends what it stands for.
func (r *jsonReader) escape(to []byte) ([]byte, error) {
	at := r.at
	r.at++
	if r.at >= len(r.text) {
		return nil, r.unexpected("an escape character")
	}
	c := r.text[r.at]
	if i := strings.IndexByte(`"\/bfnrt`, c); i >= 0 {
		r.at++
		return append(to, "\"\\/\b\f\n\r\t"[i]), nil
	}
	if c != 'u' {
		return nil, r.errorAt(at, "invalid escape in a string")
	}
	r.at++
	unit, ok := r.hex4()
	if !ok {
		return nil, r.errorAt(at, "\\u wants four hexadecimal digits")
	}
	if utf16.IsSurrogate(unit) {
		return r.surrogate(to, unit), nil
	}
	return utf8.AppendRune(to, unit), nil
}

// surrogate appends the character that unit and a following escape make together. A surrogate that has no partner is
// kept in the three bytes it would have in UTF-8, so that different ones stay different.
func (r *jsonReader) surrogate(to []byte, unit rune) []byte {
	next := r.at
	if r.accept("\\") && r.accept("u") {
		if low, ok := r.hex4(); ok {
			if pair := utf16.DecodeRune(unit, low); pair != utf8.RuneError {
				return utf8.AppendRune(to, pair)
			}
		}
	}
	r.at = next
	return append(to, 0xE0|byte(unit>>12), 0x80|byte(unit>>6)&0x3F, 0x80|byte(unit)&0x3F)
}

// hex4 takes four hexadecimal digits.
func (r *jsonReader) hex4() (rune, bool) {
	if r.at+4 > len(r.text) {
		return 0, false
	}
	var unit rune
	for _, c := range r.text[r.at : r.at+4] {
		digit := strings.IndexByte("0123456789abcdef", c|0x20)
		if digit < 0 || c < '0' {
			return 0, false
		}
		unit = unit<<4 | rune(digit)
	}
	r.at += 4
	return unit, true
}

// nodeKind tells the kinds of node.
type nodeKind byte

const (
	scalarNode nodeKind = iota
	objectNode
	arrayNode
)

// A node is a JSON value with its place in the text.
type node struct {
	kind    nodeKind
	at      int
	scalar  scalar
	members []objectMember
	items   []node
}

// A member is a name and its value in an object.
type objectMember struct {
	name  string
	at    int
	value node
}

// node reads a value of any kind.
func (r *jsonReader) node() (node, error) {
	n := node{kind: scalarNode}
	var err error
	switch r.peek() {
	case '{':
		n.kind, n.at, n.members = objectNode, r.at, make([]objectMember, 0, 4)
		err = r.object(func(name string, at int) error {
			value, err := r.node()
			n.members = append(n.members, objectMember{name, at, value})
			return err
		})
	case '[':
		n.kind, n.at, n.items = arrayNode, r.at, make([]node, 0, 2)
		err = r.array(func(int) error {
			item, err := r.node()
			n.items = append(n.items, item)
			return err
		})
	default:
		n.at = r.at
		n.scalar, err = r.scalar()
	}
	return n, err
}
