package iamadmingrant

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/countermand/countermand/remediations"
)

// rights is how far a policy's document goes.
type rights int

const (
	none       rights = iota
	inIAM             // whoever may change IAM can have everything
	everything        // all services
)

func (r rights) String() string {
	if r == everything {
		return "allows everything"
	}
	return "allows everything in IAM"
}

// escalations is the actions by each of which, on all resources, one gets every other right. A policy that allows them
// all does not have to be an administrator's by intent to make one.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
var escalations = []string{
	"iam:AddUserToGroup", "iam:AttachGroupPolicy", "iam:AttachRolePolicy", "iam:AttachUserPolicy", "iam:CreateAccessKey",
	"iam:CreateLoginProfile", "iam:CreatePolicyVersion", "iam:PutGroupPolicy", "iam:PutRolePolicy", "iam:PutUserPolicy",
	"iam:SetDefaultPolicyVersion", "iam:UpdateAssumeRolePolicy", "iam:UpdateLoginProfile",
}

// elsewhere is actions of other services, of which nobody but an administrator has all.
var elsewhere = []string{"ec2:RunInstances", "kms:ScheduleKeyDeletion", "organizations:LeaveOrganization", "s3:DeleteBucket", "sts:AssumeRole"}

// anyOf is what a statement must speak of to be about all of an account's IAM: one of each type, of a name that nothing
// but a wildcard can match.
func anyOf(r remediations.Resource) []string {
	account := "arn:" + remediations.Partition(r.Region) + ":iam::" + r.Account + ":"
	return []string{account + "group/\x00", account + "policy/\x00", account + "role/\x00", account + "user/\x00"}
}

// document is a policy of a user, role or group.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
type document struct {
	Version   string
	ID        string `json:"Id"`
	Statement statements
}

type statement struct {
	Sid, Effect           word
	Action, NotAction     list
	Resource, NotResource list
	Condition             json.RawMessage
}

// parse reads a policy as IAM gives it. IAM refuses to store what does not follow its grammar; so does this.
func parse(text string) (document, error) {
	var d document
	if err := decode([]byte(text), &d); err != nil {
		return d, fmt.Errorf("parse policy: %w", err)
	}
	for _, s := range d.Statement {
		if s.Effect != "Allow" && s.Effect != "Deny" || (s.Action == nil) == (s.NotAction == nil) || (s.Resource == nil) == (s.NotResource == nil) {
			return d, fmt.Errorf("parse policy: statement %q is not one of IAM's", s.Sid)
		}
	}
	if len(d.Statement) == 0 {
		return d, errors.New("parse policy: there is no statement")
	}
	return d, nil
}

// rights is what the document allows on all resources, one of each type of which is given. Conditions of what is allowed
// don't count: whoever can fulfil them is an administrator. A Deny counts if it has none.
func (d document) rights(resources []string) rights {
	var listed, left []statement // by Action and by NotAction
	for _, s := range d.Statement {
		switch {
		case s.Effect != "Allow" || !s.reaches(resources):
		case s.Action != nil:
			listed = append(listed, s)
		default:
			left = append(left, s)
		}
	}
	// Where actions are listed, all must be there: who may do one of them is not called an administrator here. Where they
	// are left out of everything else, one that is not left out is enough.
	broad := left
	if all(listed, escalations) {
		broad = slices.Concat(listed, left)
	}
	if !slices.ContainsFunc(escalations, func(action string) bool { return allows(broad, action) && !d.denies(action, resources) }) {
		return none
	}
	if all(broad, elsewhere) {
		return everything
	}
	return inIAM
}

// all reports whether statements speak of each action.
func all(statements []statement, actions []string) bool {
	return !slices.ContainsFunc(actions, func(action string) bool { return !allows(statements, action) })
}

func allows(statements []statement, action string) bool {
	return slices.ContainsFunc(statements, func(s statement) bool { return s.speaksOf(action) })
}

// denies reports whether the document denies an action on all resources, come what may.
func (d document) denies(action string, resources []string) bool {
	return slices.ContainsFunc(d.Statement, func(s statement) bool {
		return s.Effect == "Deny" && s.Condition == nil && s.Resource.matchAll(resources) && s.speaksOf(action)
	})
}

func (s statement) speaksOf(action string) bool {
	if s.NotAction != nil {
		return !s.NotAction.matches(action)
	}
	return s.Action.matches(action)
}

// reaches reports whether a statement that allows is about all resources, or all but some.
func (s statement) reaches(resources []string) bool {
	if s.NotResource != nil {
		return !s.NotResource.matchAll(resources)
	}
	return s.Resource.matchAll(resources)
}

var errTwice = errors.New("an element occurs twice")

// word is a text that is there once.
type word string

// UnmarshalJSON refuses a second one: which of them counts would be a guess.
func (w *word) UnmarshalJSON(text []byte) error {
	if *w != "" {
		return errTwice
	}
	return json.Unmarshal(text, (*string)(w))
}

// list is one text or several.
type list []string

// UnmarshalJSON reads either.
func (l *list) UnmarshalJSON(text []byte) error {
	if *l != nil {
		return errTwice
	}
	var one string
	if err := json.Unmarshal(text, &one); err == nil {
		*l = list{one}
		return nil
	}
	*l = list{}
	return json.Unmarshal(text, (*[]string)(l))
}

func (l list) matches(text string) bool {
	return slices.ContainsFunc(l, func(pattern string) bool { return like(strings.ToLower(pattern), strings.ToLower(text)) })
}

func (l list) matchAll(texts []string) bool {
	return !slices.ContainsFunc(texts, func(text string) bool { return !l.matches(text) })
}

// statements is one statement or several.
type statements []statement

// UnmarshalJSON reads either.
func (s *statements) UnmarshalJSON(text []byte) error {
	if *s != nil {
		return errTwice
	}
	if bytes.HasPrefix(text, []byte("{")) {
		*s = statements{{}}
		return decode(text, &(*s)[0])
	}
	var each []json.RawMessage
	if err := json.Unmarshal(text, &each); err != nil {
		return err
	}
	*s = make(statements, len(each))
	for i := range each {
		if err := decode(each[i], &(*s)[i]); err != nil {
			return err
		}
	}
	return nil
}

// decode reads a JSON value that has no field that v lacks.
func decode(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// like reports whether a text is a pattern in which * is any run of characters and ? any one. It goes through both once,
// and back to the last * where they part.
func like(pattern, text string) bool {
	p, t, star, mark := 0, 0, -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p, t = p+1, t+1
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// unescaped is a document as it was written: IAM answers with it in the form of a URL.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetUserPolicy.html
func unescaped(text *string) (string, error) {
	if text == nil || *text == "" {
		return "", errors.New("the answer holds no document")
	}
	return url.PathUnescape(*text)
}
