package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/events/pattern"
	"github.com/countermand/countermand/remediations"
)

// watched says in words which events a pattern matches: "successful calls of s3: DeleteBucketPolicy, PutBucketPolicy".
// What it has no words for it quotes.
func watched(pattern pattern.Pattern) (string, error) {
	var rule map[string]any
	if err := json.Unmarshal([]byte(pattern), &rule); err != nil {
		return "", err
	}
	detail, ok := rule["detail"].(map[string]any)
	if !ok {
		return "", errors.New("it has no detail")
	}
	kind := "events"
	if kinds := kindsOf(rule["detail-type"]); len(kinds) > 0 {
		kind = list(kinds, "and")
		delete(rule, "detail-type")
	}
	if isMissing(detail["errorCode"]) {
		kind = "successful " + kind
		delete(detail, "errorCode")
	}
	if sources, ok := texts(detail["eventSource"]); ok {
		for i := range sources {
			sources[i] = events.Label(sources[i])
		}
		kind += " of " + list(sources, "and")
		delete(detail, "eventSource")
		delete(rule, "source") // that it fits is what Lint is for
	}
	if names, ok := texts(detail["eventName"]); ok {
		kind += ": " + strings.Join(names, ", ")
		delete(detail, "eventName")
	}
	if more := conditions(rule, ""); len(more) > 0 {
		kind += "; only where " + strings.Join(more, " and ")
	}
	return kind, nil
}

// kinds is what the events of a detail-type tell of. AWS's pages spell that of sign-ins in two ways.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
var kinds = map[string]string{
	"AWS API Call via CloudTrail":        "calls",
	"AWS Console Action via CloudTrail":  "console actions",
	"AWS Console Sign In via CloudTrail": "sign-ins",
	"AWS Console Signin via CloudTrail":  "sign-ins",
	"AWS Service Event via CloudTrail":   "service events",
}

// kindsOf is what events of the detail-types tell of, each once; none if one of them is not known.
func kindsOf(types any) []string {
	var all []string
	names, ok := texts(types)
	for _, name := range names {
		if kinds[name] == "" {
			return nil
		}
		if !slices.Contains(all, kinds[name]) {
			all = append(all, kinds[name])
		}
	}
	if !ok {
		return nil
	}
	return all
}

// texts is the texts of a list, if it is one of texts alone.
func texts(value any) ([]string, bool) {
	values, ok := value.([]any)
	all := []string{}
	for _, v := range values {
		text, isText := v.(string)
		all, ok = append(all, text), ok && isText
	}
	return all, ok
}

// isMissing reports whether a field's matchers are the one that wants it not to be there.
func isMissing(value any) bool {
	matchers, _ := value.([]any)
	return len(matchers) == 1 && matcher(matchers[0]) == "is missing"
}

// conditions says what the fields of a pattern, or of an object in it, must be, sorted by their names. Inside detail,
// they are named without it.
func conditions(fields map[string]any, path string) []string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		inside := strings.TrimPrefix(path+name, "detail.")
		switch value := fields[name].(type) {
		case map[string]any:
			all = append(all, conditions(value, path+name+".")...)
		case []any:
			if name == "$or" {
				all = append(all, alternatives(value, path))
			} else {
				all = append(all, inside+" "+matchers(value))
			}
		}
	}
	return all
}

// alternatives says that one of several objects must match.
func alternatives(objects []any, path string) string {
	var all []string
	for _, o := range objects {
		fields, _ := o.(map[string]any)
		all = append(all, strings.Join(conditions(fields, path), " and "))
	}
	return "(" + strings.Join(all, ", or ") + ")"
}

// matchers says what one of several matchers wants: "is Root or begins with a".
func matchers(list []any) string {
	var values, rest []string
	for _, m := range list {
		switch m := m.(type) {
		case map[string]any:
			rest = append(rest, matcher(m))
		case nil:
			values = append(values, "null")
		default:
			values = append(values, fmt.Sprint(m))
		}
	}
	if len(values) > 0 {
		rest = append([]string{"is " + strings.Join(values, " or ")}, rest...)
	}
	return strings.Join(rest, " or ")
}

// matcher says what a matcher that is an object wants.
func matcher(m any) string {
	object, _ := m.(map[string]any)
	if len(object) == 1 {
		for operator, operand := range object {
			if words := operation(operator, operand); words != "" {
				return words
			}
		}
	}
	text, _ := remediations.Encode(m) // decoded from JSON before
	return "matches " + string(text)
}

// operation says what an operator wants of a text; "" if there are no words for it.
func operation(operator string, operand any) string {
	verbs := map[string]string{
		"prefix": "begins with", "suffix": "ends with", "wildcard": "is like", "equals-ignore-case": "is, in any case,",
	}
	switch operand := operand.(type) {
	case string:
		if verbs[operator] != "" {
			return verbs[operator] + " " + operand
		}
		if operator == "anything-but" {
			return "is not " + operand
		}
	case bool:
		if operator == "exists" && operand {
			return "is there"
		}
		if operator == "exists" {
			return "is missing"
		}
	case []any:
		if names, ok := texts(operand); ok && operator == "anything-but" {
			return "is none of " + list(names, "and")
		}
	}
	return ""
}
