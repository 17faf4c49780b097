package iamadmingrant

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
)

// CloudFormation's names of the types.
const (
	userType   = "AWS::IAM::User"
	roleType   = "AWS::IAM::Role"
	groupType  = "AWS::IAM::Group"
	policyType = "AWS::IAM::ManagedPolicy"
)

// call is what a call gives to whom.
type call struct {
	to    string // the type
	named string // the parameter that names them
	given string // the parameter that names what they are given
}

var calls = map[string]call{
	"AddUserToGroup":          {userType, "userName", "groupName"},
	"AttachGroupPolicy":       {groupType, "groupName", "policyArn"},
	"AttachRolePolicy":        {roleType, "roleName", "policyArn"},
	"AttachUserPolicy":        {userType, "userName", "policyArn"},
	"CreatePolicyVersion":     {policyType, "policyArn", ""},
	"PutGroupPolicy":          {groupType, "groupName", "policyName"},
	"PutRolePolicy":           {roleType, "roleName", "policyName"},
	"PutUserPolicy":           {userType, "userName", "policyName"},
	"SetDefaultPolicyVersion": {policyType, "policyArn", "versionId"},
}

// The forms of what becomes part of calls and of commands that people copy.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html
var (
	nameForm    = regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]{1,128}$`)
	policyForm  = regexp.MustCompile(`^arn:aws(-[a-z]+)*:iam::(aws|[0-9]{12}):policy/([!-~]+/)?[A-Za-z0-9_+=,.@-]{1,128}$`)
	versionForm = regexp.MustCompile(`^v[1-9][0-9]{0,9}(\.[A-Za-z0-9-]*)?$`)
)

// suspects is the user, role or group that was given something, or the managed policy of which another version may be in
// effect. What was given stands in the event: two policies of a user are two events, and each is judged alone.
func suspects(event events.Event) ([]remediations.Resource, error) {
	c := calls[event.Record.EventName]
	if _, err := given(event); err != nil {
		return nil, err
	}
	id := event.Record.Request.Get(c.named).Text()
	return []remediations.Resource{{ID: id, Type: c.to, Account: event.Account, Region: event.Region}}, nil
}

// given is what a call has given. A version that the event does not name may be any.
func given(event events.Event) (state, error) {
	record := event.Record
	c, known := calls[record.EventName]
	if !known {
		return state{}, fmt.Errorf("nothing is known about what %s gives", record.EventName)
	}
	text := func(field string, form *regexp.Regexp) (string, error) {
		value := record.Request.Get(field).Text()
		if !form.MatchString(value) {
			return "", fmt.Errorf("the record of %s: %q can't be its %s", record.EventName, value, field)
		}
		return value, nil
	}
	if c.to == policyType {
		arn, err := text(c.named, policyForm)
		if err == nil && !strings.HasPrefix(arn, "arn:"+remediations.Partition(event.Region)+":iam::"+event.Account+":") {
			err = fmt.Errorf("the record of %s: %s is no policy of account %s", record.EventName, arn, event.Account)
		}
		if err != nil {
			return state{}, err
		}
		version := record.Request.Get("versionId").Text()
		if version == "" {
			version = record.Response.Get("policyVersion", "versionId").Text()
		}
		return state{Version: version}, nil
	}
	if _, err := text(c.named, nameForm); err != nil {
		return state{}, err
	}
	var s state
	var err error
	switch c.given {
	case "policyArn":
		s.Attached, err = text(c.given, policyForm)
	case "policyName":
		s.Inline, err = text(c.given, nameForm)
	case "groupName":
		s.Group, err = text(c.given, nameForm)
	}
	return s, err
}
