package pattern

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"
)

// This is the pattern language a second time, slow and as close to its description as it gets, to compare the
// matcher with. It shares no code with it: encoding/json reads, regular expressions compare what ignores case or
// has wildcards, big.Rat compares numbers, and a choice of values is found by trying them all.
//
// Where it does not know the answer it says so with errReferenceUnknown: half surrogate pairs and bytes that are
// not UTF-8 (encoding/json replaces them), exponents of ten digits (the engine has a limit even for zeros), characters
// of which the case is special beyond refSpecialCase, and more choices than it can try.

var errReferenceUnknown = errors.New("the reference does not know")

type (
	// refObject and refArray are JSON values, in order and with duplicates. The other values are string,
	// json.Number, bool and nil.
	refObject []refMember
	refMember struct {
		key   string
		value any
	}
	refArray []any

	// refRule is an alternative of a pattern without $or: the matchers of each path.
	refRule map[string][]refMatcher

	// refLeaf is a scalar of an event, with the index of the element it is in for each array on the way.
	refLeaf struct {
		value    any
		elements map[int]int
	}
)

var refSurrogate = regexp.MustCompile(`\\u[dD][89a-fA-F]`)

var refHugeExponent = regexp.MustCompile(`[eE][+-]?\d{10}`)

// refRead reads the object at the beginning of text. What follows is ignored.
func refRead(text string) (refObject, error) {
	if !utf8.ValidString(text) || refHugeExponent.MatchString(text) {
		return nil, errReferenceUnknown
	}
	first, err := refFirst(text)
	if err != nil {
		return nil, err
	}
	tokens := json.NewDecoder(bytes.NewReader(first))
	tokens.UseNumber()
	object, ok := refValue(tokens).(refObject)
	if !ok {
		return nil, errors.New("not an object")
	}
	if refSurrogate.MatchString(text) && strings.ContainsRune(fmt.Sprint(object), utf8.RuneError) {
		return nil, errReferenceUnknown
	}
	return object, nil
}

// refFirst returns the first JSON value of text.
func refFirst(text string) (json.RawMessage, error) {
	var first json.RawMessage
	err := json.NewDecoder(strings.NewReader(text)).Decode(&first)
	if err != nil && strings.Contains(err.Error(), "exceeded max depth") {
		return nil, errReferenceUnknown
	}
	return first, err
}

// refValue reads a value from tokens of JSON that is known to be valid.
func refValue(tokens *json.Decoder) any {
	token, err := tokens.Token()
	if err != nil {
		panic(err)
	}
	switch token {
	case json.Delim('{'):
		object := refObject{}
		for tokens.More() {
			key := refValue(tokens).(string)
			object = append(object, refMember{key, refValue(tokens)})
		}
		tokens.Token()
		return object
	case json.Delim('['):
		array := refArray{}
		for tokens.More() {
			array = append(array, refValue(tokens))
		}
		tokens.Token()
		return array
	}
	return token
}

// refCompile expands a pattern to its rules, or says why it is refused.
func refCompile(pattern string) ([]refRule, error) {
	root, err := refRead(pattern)
	if err != nil {
		return nil, err
	}
	rules, err := refExpand(root, nil, []refRule{{}}, false)
	if err != nil {
		return nil, err
	}
	for _, rule := range rules {
		if len(rule) > 256 {
			return nil, errors.New("more than 256 fields")
		}
	}
	return rules, nil
}

var refReserved = strings.Fields(`exactly prefix suffix equals-ignore-case anything-but exists wildcard numeric cidr
	= < <= > >= regex not-wildcard not-equals-ignore-case date-after date-on-or-after date-before date-on-or-before
	in-date-range ip-address-in-range ip-address-not-in-range`)

// refExpand adds the fields of an object to each of the rules; a $or makes a copy of each for each of its branches.
func refExpand(object refObject, keys []string, rules []refRule, inOr bool) ([]refRule, error) {
	if len(object) == 0 {
		return nil, errors.New("empty object")
	}
	var err error
	for _, m := range object {
		if m.key == "$or" {
			rules, err = refBranches(m.value, keys, rules)
		} else if inOr && slices.Contains(refReserved, m.key) {
			err = fmt.Errorf("%q is reserved", m.key)
		} else {
			rules, err = refField(m, keys, rules, inOr)
		}
		if err != nil {
			return nil, err
		}
		if len(rules) > 1000 {
			return nil, errors.New("more than 1000 rules")
		}
	}
	return rules, nil
}

func refBranches(value any, keys []string, rules []refRule) ([]refRule, error) {
	branches, ok := value.(refArray)
	if !ok || len(branches) < 2 {
		return nil, errors.New("$or needs two objects")
	}
	var expanded []refRule
	for _, branch := range branches {
		object, ok := branch.(refObject)
		if !ok {
			return nil, errors.New("$or needs objects")
		}
		var copies []refRule
		for _, rule := range rules {
			fields := refRule{}
			for path, matchers := range rule {
				fields[path] = matchers
			}
			copies = append(copies, fields)
		}
		copies, err := refExpand(object, keys, copies, true)
		if err != nil {
			return nil, err
		}
		expanded = append(expanded, copies...)
	}
	return expanded, nil
}

func refField(m refMember, keys []string, rules []refRule, inOr bool) ([]refRule, error) {
	switch value := m.value.(type) {
	case refObject:
		return refExpand(value, append(slices.Clip(keys), m.key), rules, inOr)
	case refArray:
		path := refPath(keys, m.key)
		matchers, err := refMatchers(value)
		for _, rule := range rules {
			rule[path] = matchers // the last one wins
		}
		return rules, err
	}
	return nil, errors.New("neither object nor array")
}

// refPath is the path of a key of a pattern. An empty key around it vanishes, if there is no other.
func refPath(keys []string, key string) string {
	if around := strings.Join(keys, "."); around != "" {
		return around + "." + key
	}
	return key
}

// refMatch reports whether an event matches one of the rules of a pattern.
func refMatch(rules []refRule, event string) (bool, error) {
	root, err := refRead(event)
	if err != nil {
		return false, err
	}
	flat := refFlat{leaves: map[string][]refLeaf{}, emptyKeys: refUsesEmptyKey(rules)}
	flat.object("", root, nil)
	for _, rule := range rules {
		paths := slices.SortedFunc(maps.Keys(rule), func(a, b string) int {
			return slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
		})
		search := refSearch{rule: rule, leaves: flat.leaves}
		if search.choose(paths, map[int]int{}) {
			return true, nil
		}
		if search.steps > refPatience {
			return false, errReferenceUnknown
		}
	}
	return false, nil
}

// refUsesEmptyKey reports whether empty keys of events count: a path has an empty segment, other than at its end.
func refUsesEmptyKey(rules []refRule) bool {
	for _, rule := range rules {
		for path := range rule {
			front := strings.TrimRight(path, ".")
			if path == "" || front != "" && slices.Contains(strings.Split(front, "."), "") {
				return true
			}
		}
	}
	return false
}

type refFlat struct {
	leaves    map[string][]refLeaf
	emptyKeys bool
	arrays    int
}

// object walks the members of an object; prefix is its path with a dot, empty for the root.
func (f *refFlat) object(prefix string, object refObject, elements map[int]int) {
	for _, m := range object {
		if m.key != "" || f.emptyKeys {
			f.value(prefix+m.key, m.value, elements)
		}
	}
}

func (f *refFlat) value(path string, value any, elements map[int]int) {
	switch value := value.(type) {
	case refObject:
		f.object(path+".", value, elements)
	case refArray:
		id := f.arrays
		f.arrays++
		for i, element := range value {
			switch element.(type) {
			case refObject, refArray:
				f.value(path, element, refMerge(elements, map[int]int{id: i}))
			default:
				f.value(path, element, elements)
			}
		}
	default:
		f.leaves[path] = append(f.leaves[path], refLeaf{value, elements})
	}
}

// refSearch looks for a leaf for each field of a rule. It gives up after refPatience steps.
type refSearch struct {
	rule   refRule
	leaves map[string][]refLeaf
	steps  int
}

const refPatience = 3000

// choose reports whether each of the paths, which are sorted, can be given a leaf that holds, or be absent, so that
// none are in different elements of the same array. Chosen holds the elements of the choices so far.
func (s *refSearch) choose(paths []string, chosen map[int]int) bool {
	if len(paths) == 0 {
		return true
	}
	if s.steps++; s.steps > refPatience {
		return false
	}
	matchers, rest := s.rule[paths[0]], paths[1:]
	absent := true
	for _, leaf := range s.leaves[paths[0]] {
		if !refConsistent(leaf.elements, chosen) {
			continue
		}
		absent = false
		if refHolds(matchers, leaf.value) && s.choose(rest, refMerge(chosen, leaf.elements)) {
			return true
		}
	}
	wantsAbsent := slices.ContainsFunc(matchers, func(m refMatcher) bool { return m.absent })
	return absent && wantsAbsent && s.choose(rest, chosen)
}

func refConsistent(a, b map[int]int) bool {
	for id, element := range a {
		if other, ok := b[id]; ok && other != element {
			return false
		}
	}
	return true
}

func refMerge(a, b map[int]int) map[int]int {
	merged := map[int]int{}
	for _, m := range []map[int]int{a, b} {
		for id, element := range m {
			merged[id] = element
		}
	}
	return merged
}

// refHolds reports whether one of a field's matchers holds for a leaf. Numbers are compared with addresses only
// where they can't be compared with numbers.
func refHolds(matchers []refMatcher, value any) bool {
	_, isNumber := value.(json.Number)
	numbersOnly := isNumber && slices.ContainsFunc(matchers, func(m refMatcher) bool { return m.number })
	for _, m := range matchers {
		if m.holds != nil && !(m.address && numbersOnly) && m.holds(value) {
			return true
		}
	}
	return false
}

var refZero = regexp.MustCompile(`^-?[0.]+([eE].*)?$`)

// refNumber returns a number's value, and whether it can be compared: it is finite, and what its float64 is
// written as.
func refNumber(text json.Number) (*big.Rat, bool) {
	if refZero.MatchString(string(text)) {
		return new(big.Rat), true
	}
	float, err := strconv.ParseFloat(string(text), 64)
	if err != nil || float == 0 {
		return nil, false
	}
	value, _ := new(big.Rat).SetString(string(text))
	shortest, _ := new(big.Rat).SetString(strconv.FormatFloat(float, 'e', -1, 64))
	return value, value.Cmp(shortest) == 0
}

// refAnswer is what a pattern answers on an event: "true", "false", "invalid", "malformed event", or "unknown".
func refAnswer(pattern Pattern, event string) string {
	rules, err := refCompile(string(pattern))
	switch {
	case err == errReferenceUnknown:
		return "unknown"
	case err != nil:
		return "invalid"
	}
	return refDecide(rules, event)
}

// refDecide is refAnswer for a pattern that is compiled.
func refDecide(rules []refRule, event string) string {
	matched, err := refMatch(rules, event)
	switch {
	case err == errReferenceUnknown:
		return "unknown"
	case err != nil:
		return "malformed event"
	}
	return strconv.FormatBool(matched)
}

func TestReferenceCorpus(t *testing.T) {
	cases, unknown := corpus(t), 0
	for _, c := range cases {
		switch got := refAnswer(c.Pattern, c.Event); got {
		case c.want():
		case "unknown":
			unknown++
			t.Logf("%s: unknown: pattern %.200s, event %.200s", c.ID, c.Pattern, c.Event)
		default:
			t.Errorf("%s: got %s, want %s\npattern %s\nevent   %s", c.ID, got, c.want(), c.Pattern, c.Event)
		}
	}
	t.Logf("%d of %d cases are unknown to the reference", unknown, len(cases))
}
