package pattern

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// refMatcher is one of a field's alternatives.
type refMatcher struct {
	holds   func(value any) bool // nil for absent
	absent  bool                 // {"exists": false}
	number  bool                 // compares numbers
	address bool                 // compares addresses
}

// refMatchers reads the array of a field.
func refMatchers(array refArray) ([]refMatcher, error) {
	if len(array) == 0 {
		return nil, errors.New("empty array")
	}
	var matchers []refMatcher
	for _, element := range array {
		m, err := refMatcherOf(element)
		if err != nil {
			return nil, err
		}
		matchers = append(matchers, m)
	}
	return matchers, nil
}

func refMatcherOf(value any) (refMatcher, error) {
	switch v := value.(type) {
	case string:
		if digits, ok := refAddress(v); ok {
			return refRange(digits, digits), nil
		}
		return refStrings(func(s string) bool { return s == v }), nil
	case json.Number:
		return refSameNumber(v), nil
	case nil, bool:
		return refMatcher{holds: func(leaf any) bool { return leaf == v }}, nil
	case refObject:
		if len(v) == 1 {
			return refOperator(v[0].key, v[0].value)
		}
	}
	return refMatcher{}, fmt.Errorf("not a matcher: %v", value)
}

func refStrings(holds func(string) bool) refMatcher {
	return refMatcher{holds: func(leaf any) bool {
		s, ok := leaf.(string)
		return ok && holds(s)
	}}
}

func refSameNumber(want json.Number) refMatcher {
	wanted, comparable := refNumber(want)
	return refMatcher{number: true, holds: func(leaf any) bool {
		n, ok := leaf.(json.Number)
		if !ok || !comparable {
			return ok && n == want
		}
		value, ok := refNumber(n)
		return ok && value.Cmp(wanted) == 0
	}}
}

func refOperator(name string, operand any) (refMatcher, error) {
	switch name {
	case "exactly", "equals-ignore-case", "wildcard":
		if text, ok := operand.(string); ok {
			return refText(name, text)
		}
	case "prefix", "suffix":
		if text, ok := operand.(string); ok {
			return refText(name, text)
		}
		if o, ok := operand.(refObject); ok && len(o) == 1 && o[0].key == "equals-ignore-case" {
			if text, ok := o[0].value.(string); ok {
				return refText(name+" equals-ignore-case", text)
			}
		}
	case "exists":
		if present, ok := operand.(bool); ok {
			if !present {
				return refMatcher{absent: true}, nil
			}
			return refMatcher{holds: func(any) bool { return true }}, nil
		}
	case "cidr":
		if text, ok := operand.(string); ok {
			return refCIDR(text)
		}
	case "numeric":
		if array, ok := operand.(refArray); ok {
			return refNumeric(array)
		}
	case "anything-but":
		return refAnythingBut(operand)
	}
	return refMatcher{}, fmt.Errorf("not an operator: %s", name)
}

// refText is the matcher of an operator on text. A prefix or suffix is looked for in the value within its quotes.
func refText(operator, text string) (refMatcher, error) {
	var expression string
	var err error
	quoted := false
	switch operator {
	case "exactly":
		expression = regexp.QuoteMeta(text)
	case "prefix":
		expression, quoted = regexp.QuoteMeta(`"`+text)+".*", true
	case "suffix":
		expression, quoted = ".*"+regexp.QuoteMeta(text+`"`), true
	case "equals-ignore-case":
		expression, err = refIgnoreCase(text)
	case "prefix equals-ignore-case":
		expression, err = refIgnoreCase(`"` + text)
		expression, quoted = expression+".*", true
	case "suffix equals-ignore-case":
		expression, err = refIgnoreCase(text + `"`)
		expression, quoted = ".*"+expression, true
	case "wildcard":
		expression, err = refWildcard(text)
	}
	if err != nil {
		return refMatcher{}, err
	}
	whole := regexp.MustCompile(`(?s)\A(?:` + expression + `)\z`)
	return refStrings(func(s string) bool {
		if quoted {
			s = `"` + s + `"`
		}
		return whole.MatchString(s)
	}), nil
}

var refSpecialCase = map[rune]struct{ lower, upper string }{
	'ß': {"ß", "SS"}, 'ﬁ': {"ﬁ", "FI"}, 'İ': {"i\u0307", "İ"}, 'ΰ': {"ΰ", "\u03a5\u0308\u0301"},
}

// refPlainCase are characters of which Go's simple mapping is the whole mapping.
const refPlainCase = "éÉẞıſ\u212aσςΣǄǅǆ"

// refIgnoreCase is the regular expression of the upper or the lower case of each character.
func refIgnoreCase(text string) (string, error) {
	expression := ""
	for _, c := range text {
		lower, upper := string(unicode.ToLower(c)), string(unicode.ToUpper(c))
		special, ok := refSpecialCase[c]
		switch {
		case ok:
			lower, upper = special.lower, special.upper
		case c > 0xFFFF:
			lower, upper = "??", "??"
		case c >= utf8.RuneSelf && !strings.ContainsRune(refPlainCase, c):
			return "", errReferenceUnknown
		}
		expression += "(?:" + regexp.QuoteMeta(lower) + "|" + regexp.QuoteMeta(upper) + ")"
	}
	return expression, nil
}

func refWildcard(text string) (string, error) {
	expression := ""
	for rest := text; rest != ""; {
		switch {
		case strings.HasPrefix(rest, "**"):
			return "", errors.New("consecutive wildcards")
		case rest[0] == '*':
			expression, rest = expression+".*", rest[1:]
		case strings.HasPrefix(rest, `\*`), strings.HasPrefix(rest, `\\`):
			expression, rest = expression+regexp.QuoteMeta(rest[1:2]), rest[2:]
		case rest[0] == '\\':
			return "", errors.New("invalid escape")
		default:
			_, size := utf8.DecodeRuneInString(rest)
			expression, rest = expression+regexp.QuoteMeta(rest[:size]), rest[size:]
		}
	}
	return expression, nil
}

// refNumeric reads [op, number] or [lower op, number, upper op, number].
func refNumeric(array refArray) (refMatcher, error) {
	if len(array) != 2 && len(array) != 4 {
		return refMatcher{}, errors.New("numeric needs one bound or two")
	}
	var operators []string
	var bounds []*big.Rat
	for i := 0; i < len(array); i += 2 {
		operator, isString := array[i].(string)
		number, isNumber := array[i+1].(json.Number)
		if !isString || !isNumber || !slices.Contains([]string{"=", "<", "<=", ">", ">="}, operator) {
			return refMatcher{}, errors.New("not a numeric bound")
		}
		bound, ok := refNumber(number)
		if !ok {
			return refMatcher{}, errors.New("cannot compare number")
		}
		operators, bounds = append(operators, operator), append(bounds, bound)
	}
	if len(array) == 4 && (operators[0][0] != '>' || operators[1][0] != '<' || bounds[0].Cmp(bounds[1]) >= 0) {
		return refMatcher{}, errors.New("not a range")
	}
	return refMatcher{number: true, holds: func(leaf any) bool {
		number, ok := leaf.(json.Number)
		if !ok {
			return false
		}
		value, ok := refNumber(number)
		for i, operator := range operators {
			if ok {
				order := value.Cmp(bounds[i])
				ok = strings.HasSuffix(operator, "=") && order == 0 || operator[0] == '<' && order < 0 ||
					operator[0] == '>' && order > 0
			}
		}
		return ok
	}}, nil
}

func refAnythingBut(operand any) (refMatcher, error) {
	operator := "exactly"
	if object, ok := operand.(refObject); ok {
		known := []string{"prefix", "suffix", "equals-ignore-case", "wildcard"}
		if len(object) != 1 || !slices.Contains(known, object[0].key) {
			return refMatcher{}, errors.New("not anything-but")
		}
		operator, operand = object[0].key, object[0].value
	}
	list, ok := operand.(refArray)
	if !ok {
		list = refArray{operand}
	}
	if len(list) == 0 {
		return refMatcher{}, errors.New("anything-but nothing")
	}
	var excluded []refMatcher
	var number bool
	for i, element := range list {
		m, err := refExcluded(operator, element)
		if err != nil {
			return refMatcher{}, err
		}
		if i > 0 && m.number != number {
			return refMatcher{}, errors.New("anything-but of strings and numbers")
		}
		number = m.number
		excluded = append(excluded, m)
	}
	return refMatcher{number: number, holds: func(leaf any) bool { return !refHolds(excluded, leaf) }}, nil
}

func refExcluded(operator string, element any) (refMatcher, error) {
	switch v := element.(type) {
	case string:
		if v == "" && (operator == "prefix" || operator == "suffix") {
			return refMatcher{}, errors.New("empty prefix or suffix")
		}
		return refText(operator, v)
	case json.Number:
		if _, comparable := refNumber(v); comparable && operator == "exactly" {
			return refSameNumber(v), nil
		}
	}
	return refMatcher{}, errors.New("anything-but needs strings or numbers")
}

// refAddress returns the upper-case hexadecimal digits of an IPv4 or IPv6 address, 8 or 32.
func refAddress(text string) (string, bool) {
	separator, most := ":", 4
	if !strings.Contains(text, ":") {
		separator, most = ".", 3
		if len(text) > 15 {
			return "", false
		}
	} else if strings.ContainsAny(text, ".%") {
		return "", false
	}
	parts := strings.Split(text, separator)
	for i, part := range parts { // netip allows no leading zeros
		for len(part) > 1 && (part[0] == '0' || len(part) > most) {
			if part[0] != '0' {
				return "", false
			}
			part = part[1:]
		}
		parts[i] = part
	}
	address, err := netip.ParseAddr(strings.Join(parts, separator))
	return fmt.Sprintf("%X", address.Unmap().AsSlice()), err == nil
}

func refCIDR(text string) (refMatcher, error) {
	text = strings.TrimRight(text, "/") // Java's split forgets the empty parts at the end
	address, mask, _ := strings.Cut(text, "/")
	digits, ok := refAddress(address)
	bits, err := strconv.Atoi(mask)
	if !ok || err != nil || bits < 0 || bits >= 4*len(digits) {
		return refMatcher{}, errors.New("not a cidr")
	}
	if mask != strconv.Itoa(bits) {
		return refMatcher{}, errReferenceUnknown
	}
	first, _ := new(big.Int).SetString(digits, 16)
	host := new(big.Int).Lsh(big.NewInt(1), uint(4*len(digits)-bits))
	host.Sub(host, big.NewInt(1))
	first.AndNot(first, host)
	last := new(big.Int).Or(first, host)
	return refRange(fmt.Sprintf("%0*X", len(digits), first), fmt.Sprintf("%0*X", len(digits), last)), nil
}

// refRange holds for what has hexadecimal digits between two addresses: it is read from the left until it is
// strictly inside, or one of the bounds. Numbers count with their text.
func refRange(first, last string) refMatcher {
	return refMatcher{address: true, holds: func(leaf any) bool {
		var digits string
		switch leaf := leaf.(type) {
		case string:
			digits, _ = refAddress(leaf)
		case json.Number:
			digits = string(leaf)
		}
		for n := 1; n <= min(len(digits), len(first)); n++ {
			head := digits[:n]
			if !strings.Contains("0123456789ABCDEF", head[n-1:]) {
				return false
			}
			if first[:n] < head && head < last[:n] {
				return true
			}
		}
		return strings.HasPrefix(digits, first) || strings.HasPrefix(digits, last)
	}}
}
