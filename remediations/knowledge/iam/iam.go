// Package iam answers what IAM would answer to a call, as far as the policies go that this repository writes:
// identity policies of Allow and Deny statements, with the condition operators that they use. Whatever else a
// policy holds is an error, never a guess. It is for tests; the function links none of it.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
package iam

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Policy is the statements of one or more documents, which count together.
type Policy struct{ statements []statement }

// Request is a call, as IAM sees it.
type Request struct {
	Action   string              // "s3:PutBucketPolicy"
	Resource string              // the ARN of what it is about; "*" for an action that has no resource types
	Keys     map[string][]string // condition keys, by their names in lower case; one that is missing is not in the request
}

// Parse reads policy documents.
func Parse(documents ...[]byte) (*Policy, error) {
	all := new(Policy)
	for _, text := range documents {
		var document struct {
			Version   string
			Statement []statement
		}
		if err := decode(text, &document); err != nil {
			return nil, fmt.Errorf("policy: %w", err)
		}
		if document.Version != "2012-10-17" {
			return nil, fmt.Errorf("policy: version %q: want 2012-10-17", document.Version)
		}
		for i, s := range document.Statement {
			if err := s.check(); err != nil {
				return nil, fmt.Errorf("policy: statement %d (%s): %w", i, s.Sid, err)
			}
		}
		all.statements = append(all.statements, document.Statement...)
	}
	return all, nil
}

// Allows reports whether a statement allows the call, and none denies it.
func (p *Policy) Allows(r Request) bool {
	allowed := false
	for _, s := range p.statements {
		switch {
		case !s.applies(r):
		case s.Effect == "Deny":
			return false
		default:
			allowed = true
		}
	}
	return allowed
}

type statement struct {
	Sid       string
	Effect    string
	Action    list
	Resource  list
	Condition map[string]map[string]list
}

// check reports what of a statement can't be judged here.
func (s statement) check() error {
	if s.Effect != "Allow" && s.Effect != "Deny" {
		return fmt.Errorf("effect %q: want Allow or Deny", s.Effect)
	}
	if len(s.Action) == 0 || len(s.Resource) == 0 {
		return errors.New("want an action and a resource")
	}
	for _, r := range s.Resource {
		if r != "*" && strings.Count(r, ":") < 5 {
			return fmt.Errorf("resource %q: want * or an ARN", r)
		}
	}
	for operator, keys := range s.Condition {
		if operators[operator] == nil {
			return fmt.Errorf("condition operator %q: want one of %s", operator, strings.Join(slices.Sorted(maps.Keys(operators)), ", "))
		}
		for _, values := range keys {
			if err := filled(values); err != nil {
				return err
			}
		}
	}
	return errors.Join(filled(s.Action), filled(s.Resource))
}

// filled reports a variable. CloudFormation's have to be filled in before, and IAM's are known to IAM only.
func filled(texts []string) error {
	for _, text := range texts {
		if strings.Contains(text, "${") {
			return fmt.Errorf("%q: a variable has no value here", text)
		}
	}
	return nil
}

func (s statement) applies(r Request) bool {
	action := func(pattern string) bool { return like(strings.ToLower(pattern), strings.ToLower(r.Action)) }
	resource := func(pattern string) bool { return likeARN(pattern, r.Resource) }
	if !slices.ContainsFunc(s.Action, action) || !slices.ContainsFunc(s.Resource, resource) {
		return false
	}
	for operator, keys := range s.Condition {
		for key, values := range keys {
			if !operators[operator](values, r.Keys[strings.ToLower(key)]) {
				return false
			}
		}
	}
	return true
}

// list is one text or several, which JSON in IAM writes as a string or an array.
type list []string

// UnmarshalJSON reads either.
func (l *list) UnmarshalJSON(text []byte) error {
	var one string
	if err := json.Unmarshal(text, &one); err == nil {
		*l = list{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(l))
}

// decode reads one JSON value that has no field that v lacks.
func decode(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if d.More() {
		return errors.New("something follows the policy")
	}
	return nil
}
