package iam

import "slices"

// operators is the condition operators that are known: whether a condition's values hold for those that a key has in
// the request.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
var operators = map[string]func(values, got []string) bool{
	"ForAllValues:StringLike": allLike,
	"StringEquals":            func(values, got []string) bool { return len(got) == 1 && slices.Contains(values, got[0]) },
	"ArnEquals": func(values, got []string) bool {
		return len(got) == 1 && slices.ContainsFunc(values, func(pattern string) bool { return likeARN(pattern, got[0]) })
	},
}

// allLike also holds where the request does not have the key.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
func allLike(values, got []string) bool {
	return !slices.ContainsFunc(got, func(value string) bool {
		return !slices.ContainsFunc(values, func(pattern string) bool { return like(pattern, value) })
	})
}

// like reports whether a text is a pattern in which * is any run of characters and ? any one.
func like(pattern, text string) bool { return glob(pattern, text, false) }

// likeARN is like for ARNs: a wildcard stays between two colons, but that a * which ends its part may reach on.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
func likeARN(pattern, arn string) bool { return glob(pattern, arn, true) }

func glob(pattern, text string, parts bool) bool {
	for ; pattern != ""; pattern, text = pattern[1:], text[1:] {
		if pattern[0] == '*' {
			within := parts && len(pattern) > 1 && pattern[1] != ':'
			return reach(pattern[1:], text, within, parts)
		}
		if text == "" || pattern[0] != text[0] && (pattern[0] != '?' || parts && text[0] == ':') {
			return false
		}
	}
	return text == ""
}

// reach reports whether some end of a text is a pattern; within: without a colon before it.
func reach(pattern, text string, within, parts bool) bool {
	for {
		if glob(pattern, text, parts) {
			return true
		}
		if text == "" || within && text[0] == ':' {
			return false
		}
		text = text[1:]
	}
}
