package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// answer is yes, no, or that it can't be told.
type answer int

const (
	no answer = iota
	yes
	unsure
)

// statement is what matters of a statement.
type statement struct {
	odd        error  // why it can't be understood; nothing else is to be relied on then
	sid        string // empty if it has none
	effect     string // "Allow" or "Deny"
	anyone     string // what lets anyone in as a principal; empty if the principals are fixed
	everyone   bool   // its principal is everyone, with no exception
	actions    []string
	resources  []string
	notAction  bool // actions are those that it does not speak of
	notRes     bool
	conditions []condition
}

// decode reads a statement. An element that is not known, or spelled another way, may change what the
// statement means, so it makes the statement odd.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
func decode(raw []byte) statement {
	var s statement
	fields, err := members(raw)
	if err != nil {
		s.odd = err
		return s
	}
	var principals, actions, resources int
	for _, f := range fields {
		switch f.name {
		case "Sid":
			s.sid, err = one(f.value)
		case "Effect":
			s.effect, err = one(f.value)
		case "Principal":
			principals++
			s.anyone, s.everyone, err = principal(f.value)
		case "NotPrincipal":
			principals++
			s.anyone = "NotPrincipal lets in everyone else"
		case "Action", "NotAction":
			actions++
			s.notAction = f.name == "NotAction"
			s.actions, err = texts(f.value)
		case "Resource", "NotResource":
			resources++
			s.notRes = f.name == "NotResource"
			s.resources, err = texts(f.value)
		case "Condition":
			s.conditions, err = conditions(f.value)
		default:
			err = errors.New("it is not known")
		}
		if err != nil {
			s.odd = fmt.Errorf("element %s: %w", quoted(f.name), err)
			return s
		}
	}
	switch {
	case s.effect != "Allow" && s.effect != "Deny":
		s.odd = fmt.Errorf("its effect is %s", quoted(s.effect))
	case principals != 1:
		s.odd = errors.New("it has no principal, or two")
	case actions != 1 || resources != 1:
		s.odd = errors.New("it has no action or no resource, or two")
	}
	return s
}

// canonical is an account's canonical user id. The anonymous user has one as well, of another form.
var canonical = regexp.MustCompile(`^[0-9a-f]{64}$`)

// principal reads a Principal: who of it is anyone, and whether that is everyone. S3 counts only AWS accounts,
// users, roles and services that are written out; its first example of a public policy is a Federated
// principal, behind which anyone can stand.
func principal(raw json.RawMessage) (anyone string, everyone bool, err error) {
	if raw[0] == '"' {
		text, err := one(raw)
		if err != nil {
			return "", false, err
		}
		if text != "*" {
			return "", false, fmt.Errorf("%s is neither * nor an object", quoted(text))
		}
		return "its principal is *", true, nil
	}
	fields, err := members(raw)
	if err != nil {
		return "", false, err
	}
	if len(fields) == 0 {
		return "", false, errors.New("it is empty")
	}
	for _, f := range fields {
		names, err := texts(f.value)
		if err != nil {
			return "", false, fmt.Errorf("%s: %w", short(f.name), err)
		}
		switch f.name {
		case "AWS", "Service", "CanonicalUser":
			for _, name := range names {
				if wild(name) || variable(name) {
					anyone = fmt.Sprintf("its principal is %s %s", f.name, short(name))
				}
				if f.name == "CanonicalUser" && !wild(name) && !canonical.MatchString(name) {
					return "", false, fmt.Errorf("%s is no canonical user's id", quoted(name))
				}
				everyone = everyone || f.name == "AWS" && name == "*"
			}
		case "Federated":
			anyone = "its principal is Federated " + short(names[0])
		default:
			return "", false, fmt.Errorf("principals of type %s are not known", quoted(f.name))
		}
	}
	return anyone, everyone, nil
}

// allows is what the statement allows, in a few words.
func (s statement) allows() string {
	var list []string
	for _, action := range s.actions {
		list = append(list, short(action))
	}
	if s.notAction {
		return "all but " + few(list)
	}
	return few(list)
}

// idle names the conditions that the statement has and that keep nobody out.
func (s statement) idle() string {
	if len(s.conditions) == 0 {
		return ""
	}
	var list []string
	for _, c := range s.conditions {
		list = append(list, short(c.operator)+" "+short(c.key))
	}
	return ", and no condition (" + few(list) + ") holds it to fixed callers"
}

// few names the first of a list.
func few(list []string) string {
	const most = 3
	if len(list) > most {
		list = append(list[:most:most], "...")
	}
	return strings.Join(list, ", ")
}

// short is the beginning of what a policy's author wrote, with what can't be seen escaped: an author must not
// be able to write so much that the rest of an alert is cut.
func short(text string) string {
	const most = 40 // bytes
	var b strings.Builder
	for _, r := range text {
		escaped := strconv.Quote(string(r))
		escaped = escaped[1 : len(escaped)-1]
		if b.Len()+len(escaped) > most {
			return b.String() + "..."
		}
		b.WriteString(escaped)
	}
	return b.String()
}

func quoted(text string) string { return `"` + short(text) + `"` }

// wild reports whether a value holds a wildcard.
func wild(value string) bool { return strings.ContainsAny(value, "*?") }

// variable reports whether a value holds a policy variable.
func variable(value string) bool { return strings.Contains(value, "${") }

// one is a string.
func one(raw json.RawMessage) (string, error) {
	var s *string
	if err := json.Unmarshal(raw, &s); err != nil || s == nil {
		return "", errors.New("it is not a string")
	}
	return *s, nil
}

// texts is a value or a list of values: strings, or the numbers and booleans that conditions may hold.
func texts(raw json.RawMessage) ([]string, error) {
	if raw[0] != '[' {
		text, err := scalar(raw)
		return []string{text}, err
	}
	var list []string
	for _, at := range elements(raw) {
		text, err := scalar(raw[at.start:at.end])
		if err != nil {
			return nil, err
		}
		list = append(list, text)
	}
	if len(list) == 0 {
		return nil, errors.New("the list is empty")
	}
	return list, nil
}

func scalar(raw []byte) (string, error) {
	switch {
	case raw[0] == '"':
		return one(raw)
	case raw[0] == '{', raw[0] == '[', bytes.Equal(raw, []byte("null")):
		return "", errors.New("it is neither a value nor a list of values")
	}
	return string(raw), nil
}
