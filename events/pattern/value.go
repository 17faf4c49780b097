package pattern

import (
	"strconv"
	"strings"
)

// A test decides on one leaf. What is said of strings never holds for numbers, literals and null.
type test interface {
	matches(l *scannedLeaf) bool
}

// sameScalar holds for the same kind and text. For a number that is what remains when it can't be compared.
type sameScalar scalar

func (t sameScalar) matches(l *scannedLeaf) bool { return l.scalar == scalar(t) }

// sameAny holds for each of some strings.
type sameAny map[string]struct{}

func (t sameAny) matches(l *scannedLeaf) bool {
	if l.kind != stringScalar {
		return false
	}
	_, ok := t[l.text]
	return ok
}

// sameNumber holds for numbers of equal value, however they are spelled.
type sameNumber float64

func (t sameNumber) matches(l *scannedLeaf) bool {
	value, ok := l.comparable()
	return ok && value == float64(t)
}

// numberRange holds for the numbers between low and high; either may be infinite.
type numberRange struct {
	low, high         float64
	openLow, openHigh bool // the bound itself is outside
}

func (t numberRange) matches(l *scannedLeaf) bool {
	value, ok := l.comparable()
	return ok &&
		(value > t.low || value == t.low && !t.openLow) &&
		(value < t.high || value == t.high && !t.openHigh)
}

// hasPrefix holds for strings with a prefix. The engine compares a value with the quotes around it, so a prefix that
// ends with a quote also matches the value that ends there.
type hasPrefix string

func (t hasPrefix) matches(l *scannedLeaf) bool {
	if l.kind != stringScalar {
		return false
	}
	whole, quoted := strings.CutSuffix(string(t), `"`)
	return strings.HasPrefix(l.text, string(t)) || quoted && l.text == whole
}

// hasSuffix holds for strings with a suffix; quotes count as in hasPrefix.
type hasSuffix string

func (t hasSuffix) matches(l *scannedLeaf) bool {
	if l.kind != stringScalar {
		return false
	}
	whole, quoted := strings.CutPrefix(string(t), `"`)
	return strings.HasSuffix(l.text, string(t)) || quoted && l.text == whole
}

// isPresent holds for every leaf.
type isPresent struct{}

func (isPresent) matches(*scannedLeaf) bool { return true }

// isAbsent stands for exists:false while a field is compiled; no leaf satisfies it.
type isAbsent struct{}

func (isAbsent) matches(*scannedLeaf) bool { return false }

// anythingBut holds for a leaf, of any kind, for which none of its tests holds.
type anythingBut []test

func (t anythingBut) matches(l *scannedLeaf) bool {
	for _, excluded := range t {
		if excluded.matches(l) {
			return false
		}
	}
	return true
}

// wildcard holds for strings that consist of its segments in order, with anything between them.
type wildcard []string

func (t wildcard) matches(l *scannedLeaf) bool {
	if l.kind != stringScalar {
		return false
	}
	last := len(t) - 1
	if last == 0 {
		return l.text == t[0]
	}
	rest, ok := strings.CutPrefix(l.text, t[0])
	if !ok {
		return false
	}
	for _, segment := range t[1:last] {
		i := strings.Index(rest, segment) // leftmost is enough: it leaves the most for what follows
		if i < 0 {
			return false
		}
		rest = rest[i+len(segment):]
	}
	return strings.HasSuffix(rest, t[last])
}

// wildcardSegments splits a wildcard operand at its asterisks and resolves its escapes. It returns the engine's
// message where the operand is wrong; positions in it count bytes from the opening quote.
func wildcardSegments(s string) (segments []string, wrong string) {
	var segment []byte
	for i := 0; i < len(s); i++ {
		next := byte(0)
		if i+1 < len(s) {
			next = s[i+1]
		}
		switch {
		case s[i] == '*' && next == '*':
			return nil, "Consecutive wildcard characters at pos " + strconv.Itoa(i+1)
		case s[i] == '*':
			segments, segment = append(segments, string(segment)), nil
		case s[i] == '\\' && next != '*' && next != '\\':
			return nil, "Invalid escape character at pos " + strconv.Itoa(i+1)
		case s[i] == '\\':
			segment = append(segment, next)
			i++
		default:
			segment = append(segment, s[i])
		}
	}
	return append(segments, string(segment)), ""
}

// comparesNumbers reports whether a test takes numbers by value.
func comparesNumbers(t test) bool {
	switch t := t.(type) {
	case sameNumber, numberRange:
		return true
	case anythingBut:
		return comparesNumbers(t[0])
	}
	return false
}
