package pattern

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// This file reads events. It goes over the text once, checks all of it and decodes next to nothing: what no pattern
// asks for is passed by, and a leaf is a piece of the event's own text. It says whether an event is well-formed, not
// where it is not: jsonReader, which knows the same grammar, is asked for that when it comes to an error.

// none stands for no leaf, no element and no position.
const none = -1

// A leaf is a value in an event that is neither object nor array.
type scannedLeaf struct {
	scalar
	in     int32 // the array element it lies in, an index of scan.elements
	before int32 // the one before it at the same path, an index of scan.leaves

	number numberState
	value  float64 // of a number that has been looked at and can be compared
}

// An arrayElement is an element of an array, itself an object or an array, that leaves lie in.
type arrayElement struct {
	array  int32
	around int32 // the element that the array lies in
	leaves span  // that lie in it
}

// span is a range of indexes.
type span struct{ from, to int32 }

// A scan is one reading of an event: where it is and what it has found. It is used again for the next event, so that
// reading allocates nothing once its lists are long enough.
type scan struct {
	text       []byte
	words      string // the same memory as text, for leaves to be parts of
	emptyNames bool   // members with an empty name are read
	backslash  int    // offset of the next one
	depth      int
	leaves     []scannedLeaf
	last       []int32 // by position of the path, the last leaf found there
	touched    []int32 // positions that have leaves
	elements   []arrayElement
	arrays     []int32 // by array, the end of the leaves that lie in it
	decoded    []byte  // the text of leaves and names that were written with escapes
}

// event reads an event from the root of the paths that are looked for. It reports false if the event is not an object
// or is malformed before its closing brace.
func (s *scan) event(root *pathNode) bool {
	s.backslash, s.depth = backslash(s.text, 0), 1
	i := s.space(0)
	return i < len(s.text) && s.text[i] == '{' && s.object(root, i+1, none) >= 0
}

// object reads an object from behind its opening brace. Like all readers of values here it returns the offset behind
// the value, negative if that is malformed, and looks for no leaves where there is no path.
func (s *scan) object(path *pathNode, i int, in int32) int {
	text := s.text
	i = s.space(i)
	if i < len(text) && text[i] == '}' {
		return i + 1
	}
	for i < len(text) && text[i] == '"' {
		end, escaped := quoteOrControl(text, i+1), false
		if end >= s.backslash || text[end] != '"' {
			if end, escaped = s.stringEnd(i + 1); end < 0 {
				return none
			}
		}
		var at *pathNode
		if path != nil {
			at = s.member(path, i+1, end, escaped)
		}
		if i = end + 1; i < len(text) && text[i] != ':' {
			i = s.space(i)
		}
		if i >= len(text) || text[i] != ':' {
			return none
		}
		if i++; i < len(text) && text[i] == '"' {
			i = s.string(at, i+1, in)
		} else {
			i = s.value(at, i, in)
		}
		if i = s.space(i); i < 0 || i >= len(text) {
			return none
		}
		if text[i] == '}' {
			return i + 1
		}
		if text[i] != ',' {
			return none
		}
		i = s.space(i + 1)
	}
	return none
}

// string reads a string from behind its opening quote.
func (s *scan) string(path *pathNode, i int, in int32) int {
	end, escaped := quoteOrControl(s.text, i), false
	if end >= s.backslash || s.text[end] != '"' {
		if end, escaped = s.stringEnd(i); end < 0 {
			return none
		}
	}
	if path != nil && path.position >= 0 {
		words := s.words[i:end]
		if escaped {
			words = s.decode(i)
		}
		s.leaf(path, scalar{stringScalar, words}, in)
	}
	return end + 1
}

// member finds the path of a member whose name lies between two offsets.
func (s *scan) member(path *pathNode, from, to int, escaped bool) *pathNode {
	name := s.words[from:to]
	if escaped {
		name = s.decode(from)
	}
	if name == "" && !s.emptyNames {
		return nil
	}
	return path.find(name)
}

// array reads an array from behind its opening bracket. It leaves no trace in the path. Scalars in it are alternatives
// to each other; what lies in its objects and arrays belongs to one element.
func (s *scan) array(path *pathNode, i int, in int32) int {
	text := s.text
	i = s.space(i)
	if i < len(text) && text[i] == ']' {
		return i + 1
	}
	array := len(s.arrays)
	if path != nil {
		s.arrays = append(s.arrays, none)
	}
	for i < len(text) {
		if c := text[i]; path != nil && (c == '{' || c == '[') {
			i = s.element(path, i, int32(array), in)
		} else {
			i = s.value(path, i, in)
		}
		if i = s.space(i); i < 0 || i >= len(text) {
			return none
		}
		if text[i] == ']' {
			if path != nil {
				s.arrays[array] = int32(len(s.leaves))
			}
			return i + 1
		}
		if text[i] != ',' {
			return none
		}
		i = s.space(i + 1)
	}
	return none
}

// element reads an element of an array that is an object or an array itself.
func (s *scan) element(path *pathNode, i int, array, around int32) int {
	element := len(s.elements)
	s.elements = append(s.elements, arrayElement{array, around, span{from: int32(len(s.leaves))}})
	i = s.value(path, i, int32(element))
	s.elements[element].leaves.to = int32(len(s.leaves))
	return i
}

// value reads a value of any kind, and white space before it.
func (s *scan) value(path *pathNode, i int, in int32) int {
	text := s.text
	if i < len(text) && text[i] <= ' ' {
		i = s.space(i)
	}
	if i >= len(text) {
		return none
	}
	kind, end := literalScalar, none
	switch text[i] {
	case '"':
		return s.string(path, i+1, in)
	case '{', '[':
		if s.depth++; s.depth > maxDepth {
			return none
		}
		if text[i] == '[' {
			end = s.array(path, i+1, in)
		} else {
			if path != nil && !path.inner() {
				path = nil
			}
			end = s.object(path, i+1, in)
		}
		s.depth--
		return end
	case 't', 'f', 'n':
		end = literalEnd(text, i)
	default:
		kind, end = numberScalar, numberEnd(text, i)
	}
	if end >= 0 && path != nil && path.position >= 0 {
		s.leaf(path, scalar{kind, s.words[i:end]}, in)
	}
	return end
}

// leaf keeps a leaf at a path.
func (s *scan) leaf(path *pathNode, value scalar, in int32) {
	last := &s.last[path.position]
	if *last < 0 {
		s.touched = append(s.touched, path.position)
	}
	s.leaves = append(s.leaves, scannedLeaf{scalar: value, in: in, before: *last})
	*last = int32(len(s.leaves) - 1)
}

// space returns the offset of the first byte from i on that is not white space. It takes a negative offset for what it
// is elsewhere, and returns it.
func (s *scan) space(i int) int {
	for uint(i) < uint(len(s.text)) && s.text[i] <= ' ' {
		switch s.text[i] {
		case ' ', '\t', '\n', '\r':
			i++
		default:
			return i
		}
	}
	return i
}

const (
	eachByte = 0x0101010101010101
	highBits = 0x80 * eachByte
)

// stringEnd returns the offset of the quote that ends a string, given that of its first byte, and whether there are
// escapes in it; a negative offset if it is malformed.
func (s *scan) stringEnd(i int) (end int, escaped bool) {
	end = quoteOrControl(s.text, i)
	for s.backslash < end {
		escaped = true
		if i = escapeEnd(s.text, s.backslash+1); i < 0 {
			return none, true
		}
		s.backslash = backslash(s.text, i)
		if i > end { // it was an escaped quote
			end = quoteOrControl(s.text, i)
		}
	}
	if end == len(s.text) || s.text[end] != '"' {
		return none, escaped
	}
	return end, escaped
}

// backslash returns the offset of the first backslash from i on, and the end of the text if there is none. Most events
// have none at all, so that it is cheaper to know where the next one is than to look for it in each string.
func backslash(text []byte, i int) int {
	if at := bytes.IndexByte(text[i:], '\\'); at >= 0 {
		return i + at
	}
	return len(text)
}

// quoteOrControl returns the offset of the first quote or control character from i on, and the end of the text if there
// is none.
//
// It looks at eight bytes at once. A byte x below 0x80 is less than n if and only if x-n has its high bit set; with its
// second bit flipped a quote is 0x20, a space is more, and what was less than a space still is. A borrow can only reach
// bytes behind the first that is found.
func quoteOrControl(text []byte, i int) int {
	for i+8 <= len(text) {
		flipped := binary.LittleEndian.Uint64(text[i:]) ^ 0x02*eachByte
		if found := (flipped - 0x21*eachByte) &^ flipped & highBits; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
		i += 8
	}
	for i < len(text) && text[i] != '"' && text[i] >= ' ' {
		i++
	}
	return i
}

// escapeEnd returns the offset behind an escape, given that of the byte behind its backslash.
func escapeEnd(text []byte, i int) int {
	if i >= len(text) {
		return none
	}
	switch text[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		if i+5 <= len(text) && hexDigit(text[i+1]) && hexDigit(text[i+2]) && hexDigit(text[i+3]) && hexDigit(text[i+4]) {
			return i + 5
		}
	}
	return none
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func hexDigit(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }

// decode returns what a well-formed string with escapes stands for, given the offset behind its opening quote.
func (s *scan) decode(from int) string {
	start := len(s.decoded)
	r := jsonReader{text: s.text, at: from - 1}
	s.decoded, _ = r.appendString(s.decoded)
	return unsafe.String(unsafe.SliceData(s.decoded[start:]), len(s.decoded)-start)
}

// literalEnd returns the offset behind true, false or null.
func literalEnd(text []byte, i int) int {
	switch rest := text[i:]; {
	case len(rest) >= 4 && (string(rest[:4]) == "true" || string(rest[:4]) == "null"):
		return i + 4
	case len(rest) >= 5 && string(rest[:5]) == "false":
		return i + 5
	}
	return none
}

// numberEnd returns the offset behind a number.
func numberEnd(text []byte, i int) int {
	if text[i] == '-' {
		i++
	}
	start := i
	if i = digitsEnd(text, i); i == start || i > start+1 && text[start] == '0' {
		return none
	}
	if i < len(text) && text[i] == '.' {
		i++
		start = i
		if i = digitsEnd(text, i); i == start {
			return none
		}
	}
	if i < len(text) && text[i]|0x20 == 'e' {
		i++
		if i < len(text) && (text[i] == '+' || text[i] == '-') {
			i++
		}
		start = i
		if i = digitsEnd(text, i); i == start {
			return none
		}
	}
	return i
}

func digitsEnd(text []byte, i int) int {
	for i < len(text) && isDigit(text[i]) {
		i++
	}
	return i
}
