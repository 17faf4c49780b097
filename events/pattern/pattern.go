package pattern

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
)

// Pattern is the JSON text of an EventBridge event pattern, as a rule has it. What it means is in the documentation of
// the package.
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
type Matcher struct{ program *program }

// Compile reads the pattern. The error of one that EventBridge would refuse wraps a *SyntaxError with the engine's
// message, or ours where the text is not JSON. Text after the pattern's closing brace is ignored.
func (p Pattern) Compile() (*Matcher, error) {
	rules, err := compilePattern(string(p))
	if err != nil {
		return nil, fmt.Errorf("compile event pattern: %w", err)
	}
	return &Matcher{newProgram([]numberedRules{{0, rules}}, usesEmptyNames(rules))}, nil
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

// hasEmptyName reports whether a path has an empty name before its end.
func hasEmptyName(path string) bool {
	trimmed := strings.TrimRight(path, ".")
	return path == "" || strings.HasPrefix(trimmed, ".") || strings.Contains(trimmed, "..")
}

// Match reports whether the pattern matches an event. An event must be a JSON object; if it is malformed before its
// closing brace the error wraps a *SyntaxError. Text after the brace is ignored. An event made for it can have more
// combinations of array elements than can be tried: that is an error too. The event must not change meanwhile.
func (m *Matcher) Match(event []byte) (bool, error) {
	found, err := m.program.read(event)
	if err != nil {
		return false, err
	}
	defer found.done()
	if err := found.run(); err != nil {
		return false, err
	}
	return len(found.hits) > 0, nil
}

// Set is a number of compiled patterns with names. It is safe for concurrent use.
type Set struct {
	names    []string // sorted; a pattern's number in the programs is its index
	ordinary *program
	// The patterns that make the reader look at members with an empty name are kept apart from the rest, since the
	// others must not see them. Hardly ever are there any; nil then.
	empty  *program
	answer answers
}

// NewSet compiles patterns by name. The error is that of the first one, by name, that does not compile.
func NewSet(patterns map[string]Pattern) (*Set, error) {
	s := &Set{names: slices.Sorted(maps.Keys(patterns))}
	var ordinary, empty []numberedRules
	for i, name := range s.names {
		rules, err := compilePattern(string(patterns[name]))
		if err != nil {
			return nil, fmt.Errorf("compile event pattern %s: %w", name, err)
		}
		if usesEmptyNames(rules) {
			empty = append(empty, numberedRules{i, rules})
		} else {
			ordinary = append(ordinary, numberedRules{i, rules})
		}
	}
	s.ordinary = newProgram(ordinary, false)
	if len(empty) > 0 {
		s.empty = newProgram(empty, true)
	}
	return s, nil
}

// Match returns the names of the patterns that match an event, sorted, as if each were matched alone. The error is
// that of Matcher.Match. The names are shared with other callers and must not be changed.
func (s *Set) Match(event []byte) ([]string, error) {
	found, err := s.ordinary.read(event)
	if err != nil {
		return nil, err
	}
	defer found.done()
	if err := found.run(); err != nil {
		return nil, err
	}
	if s.empty != nil {
		more, err := s.empty.read(event)
		if err != nil {
			return nil, err
		}
		defer more.done()
		if err := more.run(); err != nil {
			return nil, err
		}
		found.hits = append(found.hits, more.hits...)
		slices.Sort(found.hits)
	}
	return s.answer.of(found, s.names), nil
}

// answers are lists of names that have been given before, by the numbers of the patterns. Few combinations of patterns
// match the same event, so that in the long run nothing is allocated for an answer.
type answers struct {
	known atomic.Pointer[map[string][]string]
}

// maxAnswers and maxNames bound the memory that answers take: how many there are, and how many names each has.
const (
	maxAnswers = 1000
	maxNames   = 100
)

func (a *answers) of(m *match, names []string) []string {
	if len(m.hits) == 0 {
		return nil
	}
	m.answer = m.answer[:0]
	for _, i := range m.hits {
		m.answer = binary.AppendUvarint(m.answer, uint64(i))
	}
	known := a.known.Load()
	if known != nil {
		if answer, ok := (*known)[string(m.answer)]; ok {
			return answer
		}
	}
	answer := make([]string, 0, len(m.hits))
	for _, i := range m.hits {
		answer = append(answer, names[i])
	}
	if len(answer) <= maxNames {
		a.learn(known, string(m.answer), answer)
	}
	return answer
}

// learn adds an answer to those known, unless another has been added meanwhile: it will be learnt another time.
func (a *answers) learn(known *map[string][]string, key string, answer []string) {
	learnt := map[string][]string{}
	if known != nil {
		if len(*known) == maxAnswers {
			return
		}
		maps.Copy(learnt, *known)
	}
	learnt[key] = answer
	a.known.CompareAndSwap(known, &learnt)
}
