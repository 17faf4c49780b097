// Package policy tells what a resource's policy lets in: whether it is public (Judge), whom outside of those who are
// trusted it lets in (External), by which statements, and what remains without them (Without).
//
// Public is what S3 calls public, of whatever service the policy is: every Allow statement is, unless it grants
// access only to fixed principals, or only under a condition that holds fixed values of a key which names an
// owner. Where the statement does not say enough to be sure, or says something that this package does not know,
// it is neither called public nor called safe: it is unclear, and the caller must keep its hands off and say so.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status
//
// Two refinements, both in favour of statements that cannot be reached by the public: a wildcard behind a
// fixed account ("arn:aws:iam::111122223333:role/*") still names an owner, and an Allow statement is not
// public if a Deny statement of the same policy takes everything back from all but fixed values. The first is
// how AWS explains its check: https://aws.amazon.com/blogs/storage/understanding-s3-block-public-access/
package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// Document is a policy, with the text it was read from.
type Document struct {
	service    Service
	text       []byte
	statements []parsedStatement
	spans      []span // where in text each statement is
}

// span is a half-open range of bytes.
type span struct{ start, end int }

// Verdict is what there is to say about one statement.
type Verdict struct {
	Index  int    // of the statement, from 0
	Sid    string // empty if it has none
	Reason string // what it allows, or what can't be told: a clause that follows the statement's name; short
	Deputy bool   // of External: what it lets in is an AWS service, whoever that acts for

	names []namedPrincipal // the principals at fault; none if that is the statement as a whole
}

// String is the verdict in at most 700 bytes, however long the statement is.
func (v Verdict) String() string {
	if v.Sid == "" {
		return fmt.Sprintf("statement %d %s", v.Index+1, v.Reason)
	}
	return fmt.Sprintf("statement %d (%s) %s", v.Index+1, quoted(v.Sid), v.Reason)
}

// Parse reads the policy of a service's resource. It refuses text that is not one JSON object in UTF-8 with one
// Statement, an object or a list; what is odd inside of a statement makes that statement unclear, and leaves the
// others alone.
func Parse(service Service, text []byte) (*Document, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("parse policy: the text is not UTF-8")
	}
	if !json.Valid(text) {
		return nil, errors.New("parse policy: the text is not JSON")
	}
	fields, err := members(text)
	if err != nil {
		return nil, fmt.Errorf("parse policy: %w", err)
	}
	d := &Document{service: service, text: bytes.Clone(text)}
	found := false
	for _, f := range fields {
		switch {
		case f.name == "Statement":
			found = true
			d.spans = statements(text, f.span)
		case strings.EqualFold(f.name, "Statement"):
			return nil, fmt.Errorf("parse policy: the element %s looks like Statement and is not", quoted(f.name))
		}
	}
	if !found {
		return nil, errors.New("parse policy: there is no Statement")
	}
	for _, at := range d.spans {
		d.statements = append(d.statements, service.decode(text[at.start:at.end]))
	}
	return d, nil
}

// statements is where the statements are: the elements of a list, or the only one.
func statements(text []byte, at span) []span {
	if text[at.start] != '[' {
		return []span{at}
	}
	spans := elements(text[at.start:at.end])
	for i := range spans {
		spans[i].start += at.start
		spans[i].end += at.start
	}
	return spans
}

// Judge names the statements that make the policy public, and those of which it can't be told, in the order
// of the policy. A policy with neither is not public.
func (d *Document) Judge() (public, unclear []Verdict) {
	for i, s := range d.statements {
		verdict := Verdict{Index: i, Sid: s.sid}
		switch answer, reason := d.judge(s); answer {
		case yes:
			verdict.Reason = reason
			_, verdict.names = d.service.split(s)
			public = append(public, verdict)
		case unsure:
			verdict.Reason = reason
			unclear = append(unclear, verdict)
		}
	}
	return public, unclear
}

// judge reports whether a statement is public, and why.
func (d *Document) judge(s parsedStatement) (certainty, string) {
	if s.odd != nil {
		return unsure, "can't be judged: " + s.odd.Error()
	}
	if s.effect == "Deny" || s.anyone == "" {
		return no, ""
	}
	narrowed, why := s.narrowed()
	denied, left := d.takesBack(s)
	switch {
	case narrowed == yes || denied == yes:
		return no, ""
	case narrowed == unsure:
		return unsure, "can't be judged: " + why
	case denied == unsure:
		return unsure, "can't be judged: " + left
	}
	return yes, fmt.Sprintf("allows %s to anyone: %s%s", s.allows(), s.anyone, s.idle())
}

// Without is the policy without what verdicts name, byte for byte the same otherwise, and false if none would remain: the
// principals at fault where the verdict knows them and the statement names others as well, and else the statement.
func (d *Document) Without(verdicts ...Verdict) ([]byte, bool) {
	whole, names := map[int]bool{}, map[int][]namedPrincipal{}
	for _, v := range verdicts {
		whole[v.Index] = whole[v.Index] || len(v.names) == 0
		names[v.Index] = append(names[v.Index], v.names...)
	}
	removed, changed := map[int]bool{}, map[int][]byte{}
	for i := range whole {
		rest, some := withoutNames(d.text[d.spans[i].start:d.spans[i].end], names[i])
		if removed[i] = whole[i] || !some; !removed[i] {
			changed[i] = rest
		}
	}
	return cut(d.text, d.spans, removed, changed)
}

// withoutNames is a statement without some of its principals, and false if it would have none.
func withoutNames(statement []byte, names []namedPrincipal) ([]byte, bool) {
	fields, err := members(statement)
	i := slices.IndexFunc(fields, func(m member) bool { return m.name == "Principal" })
	if err != nil || i < 0 || len(names) == 0 || fields[i].value[0] != '{' {
		return nil, false
	}
	types, err := members(fields[i].value)
	if err != nil {
		return nil, false
	}
	removed, changed := map[int]bool{}, map[int][]byte{}
	var whole []span
	for n, t := range types {
		whole = append(whole, t.whole)
		bad := func(text []byte) bool {
			value, err := scalar(text)
			return err == nil && slices.Contains(names, namedPrincipal{t.name, value})
		}
		if t.value[0] != '[' {
			removed[n] = bad(t.value)
			continue
		}
		spans, out := elements(t.value), map[int]bool{}
		for k, at := range spans {
			out[k] = bad(t.value[at.start:at.end])
		}
		rest, some := cut(t.value, spans, out, nil)
		if removed[n] = !some; some {
			changed[n] = slices.Concat(fields[i].value[t.whole.start:t.start], rest)
		}
	}
	rest, some := cut(fields[i].value, whole, removed, changed)
	if !some {
		return nil, false
	}
	return slices.Concat(statement[:fields[i].start], rest, statement[fields[i].end:]), true
}

// cut is a text with a list in it, of which some elements are taken out and some have another text; false if none would
// remain.
func cut(text []byte, list []span, removed map[int]bool, changed map[int][]byte) ([]byte, bool) {
	var kept []int
	for i := range list {
		if !removed[i] {
			kept = append(kept, i)
		}
	}
	if len(kept) == 0 {
		return nil, false
	}
	rest := bytes.Clone(text[:list[0].start])
	for n, i := range kept {
		if n > 0 { // what stands before the element: the comma and its white space
			rest = append(rest, text[list[i-1].end:list[i].start]...)
		}
		if other, ok := changed[i]; ok {
			rest = append(rest, other...)
		} else {
			rest = append(rest, text[list[i].start:list[i].end]...)
		}
	}
	return append(rest, text[list[len(list)-1].end:]...), true
}

// Equal reports whether two policies say the same, whatever their white space, the order of their members, the spelling
// of their strings, and the order in lists of strings: IAM and S3 answer with the principals in another order than they
// were given, and may write a list of one as that one. Text that is not JSON equals nothing.
func Equal(a, b []byte) bool {
	x, errX := decodeJSON(a)
	y, errY := decodeJSON(b)
	return errX == nil && errY == nil && reflect.DeepEqual(x, y)
}

func decodeJSON(text []byte) (any, error) {
	if !json.Valid(text) {
		return nil, errors.New("not JSON")
	}
	var v any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	err := decoder.Decode(&v)
	return unordered(v), err
}

// unordered is a value in which each list of strings is sorted, and one of a single string is that string.
func unordered(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, element := range v {
			v[key] = unordered(element)
		}
	case []any:
		var texts []string
		for i, element := range v {
			if text, ok := element.(string); ok {
				texts = append(texts, text)
			}
			v[i] = unordered(element)
		}
		switch {
		case len(texts) < len(v):
			return v
		case len(texts) == 1:
			return texts[0]
		}
		slices.Sort(texts)
		return texts
	}
	return v
}

// member is a member of a JSON object.
type member struct {
	span  // of the value
	whole span
	name  string
	value json.RawMessage
}

// members is an object's members in their order. A name that occurs twice is an error: which one counts
// would be a guess.
func members(raw []byte) ([]member, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return nil, errors.New("not a JSON object")
	}
	var list []member
	seen := map[string]bool{}
	for decoder.More() {
		before := int(decoder.InputOffset())
		token, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string)
		if seen[name] {
			return nil, fmt.Errorf("the element %s occurs twice", quoted(name))
		}
		seen[name] = true
		m := member{name: name}
		if m.value, m.span, err = next(decoder); err != nil {
			return nil, err
		}
		m.whole = span{before + bytes.IndexByte(raw[before:], '"'), m.end}
		list = append(list, m)
	}
	return list, nil
}

// elements is where the elements of a valid JSON list are.
func elements(raw []byte) []span {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if _, err := decoder.Token(); err != nil {
		return nil
	}
	var list []span
	for decoder.More() {
		_, at, err := next(decoder)
		if err != nil {
			return nil
		}
		list = append(list, at)
	}
	return list
}

func next(decoder *json.Decoder) (json.RawMessage, span, error) {
	var v json.RawMessage
	if err := decoder.Decode(&v); err != nil {
		return nil, span{}, err
	}
	end := int(decoder.InputOffset())
	return v, span{end - len(v), end}, nil
}
