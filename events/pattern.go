package events

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Pattern is the JSON text of an EventBridge event pattern, as a rule has it.
//
// It means here what it means to EventBridge, by the documentation and by the behaviour of AWS's own engine, Event
// Ruler: the matchers of exact values, null, prefix, suffix, equals-ignore-case, wildcard, numeric, exists, cidr and
// anything-but, and $or. Fields must all hold, matchers of a field and elements of an event's array are alternatives,
// and what holds in one element of an array of objects must hold in that same element. The engine's oddities are
// kept, so that what a rule delivers is never denied here: a cidr, or a plain string that is an IP address, may hold
// for the other address family or for a number with the same hexadecimal digits, and equals-ignore-case does not know
// characters outside the Basic Multilingual Plane.
//
// What differs from the engine:
//   - A malformed $or is an error. The engine then takes "$or" for the name of a field, which no event has, and the
//     rule never matches.
//   - A pattern expands to 1000 sub-rules at most.
//   - Half of a surrogate pair, alone, is compared as itself. The engine takes it for a question mark in all but
//     exact matches.
//   - Bytes that are not UTF-8 are compared as they are.
//
// The quotas of the service (a pattern's length, wildcards on a bus) are not checked.
type Pattern string

// CloudTrail returns the pattern of successful calls to a service's API, as CloudTrail reports them: service is the
// first label of the record's event source ("s3"), eventNames are the calls, all of them if there are none. The
// text is the same for the same arguments. Nothing is checked: whether the arguments make sense shows in Compile
// and in what matches.
func CloudTrail(service string, eventNames ...string) Pattern {
	names := ""
	if len(eventNames) > 0 {
		names = `"eventName":` + jsonText(eventNames) + `,`
	}
	return Pattern(`{"source":` + jsonText([]string{"aws." + service}) +
		`,"detail-type":["AWS API Call via CloudTrail"],"detail":{` +
		`"eventSource":` + jsonText([]string{service + ".amazonaws.com"}) + `,` + names +
		`"errorCode":[{"exists":false}]}}`)
}

// jsonText returns strings as a JSON array.
func jsonText(s []string) string {
	text, _ := json.Marshal(s) // there is no string that it refuses
	return string(text)
}

// Matcher is a compiled pattern. It is safe for concurrent use.
type Matcher struct {
	program program
}

// Compile reads the pattern. The error of one that EventBridge would refuse wraps a *SyntaxError with the engine's
// message, or ours where the text is not JSON. Text after the pattern's closing brace is ignored.
func (p Pattern) Compile() (*Matcher, error) {
	rules, err := compilePattern(string(p))
	if err != nil {
		return nil, fmt.Errorf("compile event pattern: %w", err)
	}
	m := &Matcher{}
	m.program.wanted.emptyNames = usesEmptyNames(rules)
	m.program.add("", rules)
	return m, nil
}

// usesEmptyNames reports whether a path of the rules has an empty name before its end.
func usesEmptyNames(rules []subRule) bool {
	for _, rule := range rules {
		for path := range rule {
			if hasEmptyName(path) {
				return true
			}
		}
	}
	return false
}

// Match reports whether the pattern matches an event. An event must be a JSON object; if it is malformed before its
// closing brace the error wraps a *SyntaxError. Text after the brace is ignored.
func (m *Matcher) Match(event []byte) (bool, error) {
	leaves, err := m.read(event)
	return err == nil && m.program.patterns[0].matches(leaves), err
}

func (m *Matcher) read(event []byte) ([][]leaf, error) { return readEvent(&m.program, event) }

func readEvent(p *program, event []byte) ([][]leaf, error) {
	leaves, err := p.wanted.read(event)
	if err != nil {
		return nil, fmt.Errorf("read event: %w", err)
	}
	return leaves, nil
}

// Set is a number of compiled patterns with names. It is safe for concurrent use.
type Set struct {
	// The patterns that make the reader look at members with an empty name are kept apart from the rest, since the
	// others must not see them. Hardly ever are there any.
	programs []*program
}

// NewSet compiles patterns by name. The error is that of the first one, by name, that does not compile.
func NewSet(patterns map[string]Pattern) (*Set, error) {
	ordinary, empty := &program{}, &program{wanted: wanted{emptyNames: true}}
	for _, name := range slices.Sorted(maps.Keys(patterns)) {
		rules, err := compilePattern(string(patterns[name]))
		if err != nil {
			return nil, fmt.Errorf("compile event pattern %s: %w", name, err)
		}
		if usesEmptyNames(rules) {
			empty.add(name, rules)
		} else {
			ordinary.add(name, rules)
		}
	}
	s := &Set{programs: []*program{ordinary}}
	if len(empty.patterns) > 0 {
		s.programs = append(s.programs, empty)
	}
	return s, nil
}

// Match returns the names of the patterns that match an event, sorted, as if each were matched alone. The error is
// that of Matcher.Match.
func (s *Set) Match(event []byte) ([]string, error) {
	var names []string
	for _, p := range s.programs {
		leaves, err := readEvent(p, event)
		if err != nil {
			return nil, err
		}
		for _, pattern := range p.patterns {
			if pattern.matches(leaves) {
				names = append(names, pattern.name)
			}
		}
	}
	slices.Sort(names)
	return names, nil
}
