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

// certainty is yes, no, or that it can't be told.
type certainty int

const (
	no certainty = iota
	yes
	unsure
)

// parsedStatement is what matters of a statement.
type parsedStatement struct {
	odd        error            // why it can't be understood; nothing else is to be relied on then
	sid        string           // empty if it has none
	effect     string           // "Allow" or "Deny"
	anyone     string           // what lets anyone in as a principal; empty if the principals are fixed
	everyone   bool             // its principal is everyone, with no exception
	names      []namedPrincipal // its principals; none of NotPrincipal
	actions    []string
	resources  []string
	notAction  bool // actions are those that it does not speak of
	notRes     bool
	conditions []condition
}

// namedPrincipal is a principal as a statement has it: "AWS", "arn:aws:iam::111122223333:root".
type namedPrincipal struct{ kind, value string }

// decode reads a statement. An element that is not known, or spelled another way, may change what the
// statement means, so it makes the statement odd.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
func (service Service) decode(raw []byte) parsedStatement {
	var s parsedStatement
	fields, err := members(raw)
	if err != nil {
		s.odd = err
		return s
	}
	var principals, actions, resources int
	for _, f := range fields {
		switch f.name {
		case "Sid":
			s.sid, err = decodeText(f.value)
		case "Effect":
			s.effect, err = decodeText(f.value)
		case "Principal":
			principals++
			s.names, err = decodePrincipal(f.value)
			s.anyone, s.everyone = service.anyone(s.names)
		case "NotPrincipal":
			principals++
			s.anyone = "NotPrincipal lets in everyone else"
		case "Action", "NotAction":
			actions++
			s.notAction = f.name == "NotAction"
			s.actions, err = decodeTexts(f.value)
		case "Resource", "NotResource":
			resources++
			s.notRes = f.name == "NotResource"
			s.resources, err = decodeTexts(f.value)
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
	case actions != 1:
		s.odd = errors.New("it has no action, or two")
	case resources != 1 && !service.bare():
		s.odd = errors.New("it has no resource, or two")
	case resources != 0 && service.bare():
		s.odd = errors.New("it has a resource, which such a policy can't have")
	}
	return s
}

// canonical is an account's canonical user id. The anonymous user has one as well, of another form.
var canonical = regexp.MustCompile(`^[0-9a-f]{64}$`)

// decodePrincipal reads a Principal: all that it names, and "*" as the AWS principal that it is. Whose name is written in a
// form that is not known is not told here.
func decodePrincipal(raw json.RawMessage) ([]namedPrincipal, error) {
	if raw[0] == '"' {
		text, err := decodeText(raw)
		if err != nil {
			return nil, err
		}
		if text != "*" {
			return nil, fmt.Errorf("%s is neither * nor an object", quoted(text))
		}
		return []namedPrincipal{{"", "*"}}, nil
	}
	fields, err := members(raw)
	if err != nil {
		return nil, err
	}
	if len(fields) == 0 {
		return nil, errors.New("it is empty")
	}
	var list []namedPrincipal
	for _, f := range fields {
		values, err := decodeTexts(f.value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", short(f.name), err)
		}
		switch f.name {
		case "AWS", "Service", "CanonicalUser", "Federated":
		default:
			return nil, fmt.Errorf("principals of type %s are not known", quoted(f.name))
		}
		for _, value := range values {
			if f.name == "CanonicalUser" && !wild(value) && !canonical.MatchString(value) {
				return nil, fmt.Errorf("%s is no canonical user's id", quoted(value))
			}
			list = append(list, namedPrincipal{f.name, value})
		}
	}
	return list, nil
}

// anyone is what of a statement's principals lets anyone in, and whether that is everyone. S3 counts only AWS accounts,
// users, roles and services that are written out; its first example of a public policy is a Federated principal, behind
// which anyone can stand. A role's trust policy is what Federated principals are made for: External judges them.
func (service Service) anyone(names []namedPrincipal) (anyone string, everyone bool) {
	for _, n := range names {
		switch {
		case n.kind == "":
			return "its principal is *", true
		case service.open(n):
			anyone = fmt.Sprintf("its principal is %s %s", n.kind, short(n.value))
		}
		everyone = everyone || n.kind == "AWS" && n.value == "*"
	}
	return anyone, everyone
}

// open reports whether a principal lets anyone in.
func (service Service) open(n namedPrincipal) bool {
	return wild(n.value) || variable(n.value) || n.kind == "Federated" && service != Trust
}

// split is the statement without those of its principals that let anyone in, and these. Whoever was deleted is nobody, and
// goes with them.
func (service Service) split(s parsedStatement) (rest parsedStatement, open []namedPrincipal) {
	rest = s
	rest.anyone, rest.everyone, rest.names = "", false, nil
	for _, n := range s.names {
		if service.open(n) || n.kind == "AWS" && unique.MatchString(n.value) {
			open = append(open, n)
		} else {
			rest.names = append(rest.names, n)
		}
	}
	return rest, open
}

// allows is what the statement allows, in a few words.
func (s parsedStatement) allows() string {
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
func (s parsedStatement) idle() string {
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

// decodeText is a string.
func decodeText(raw json.RawMessage) (string, error) {
	var s *string
	if err := json.Unmarshal(raw, &s); err != nil || s == nil {
		return "", errors.New("it is not a string")
	}
	return *s, nil
}

// decodeTexts is a value or a list of values: strings, or the numbers and booleans that conditions may hold.
func decodeTexts(raw json.RawMessage) ([]string, error) {
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
		return decodeText(raw)
	case raw[0] == '{', raw[0] == '[', bytes.Equal(raw, []byte("null")):
		return "", errors.New("it is neither a value nor a list of values")
	}
	return string(raw), nil
}
