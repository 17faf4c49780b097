package remediations

import (
	"fmt"
	"regexp"
	"strings"
)

// Permission is an IAM right that a module needs.
type Permission struct {
	Action   string // IAM's name, "s3:PutBucketPublicAccessBlock": not always the API operation's
	Resource string // an ARN; may hold ${AWS::Partition}, ${AWS::AccountId} and ${AWS::Region}
	Why      string // required for a wildcard action, and for a Resource that is all that a service has, or in any account or Region
	Only     Condition
}

// Condition narrows a permission to calls that carry one value: iam:PolicyARN, say, of what may be attached. The zero
// value is none.
type Condition struct {
	Key   string // IAM's name of the condition key
	Value string // may hold what a Permission's Resource may
}

// Allows reports whether the permission covers an IAM action. Case does not count, as in IAM.
func (p Permission) Allows(action string) bool {
	pattern, action := strings.ToLower(p.Action), strings.ToLower(action)
	if prefix, wild := strings.CutSuffix(pattern, "*"); wild {
		return strings.HasPrefix(action, prefix)
	}
	return pattern == action
}

// Validate reports what is wrong with a permission: its form, or a wildcard that is not explained.
func (p Permission) Validate() error {
	if !iamAction.MatchString(p.Action) {
		return fmt.Errorf("permission action %q: want service:Action, or service:Prefix*", p.Action)
	}
	if p.Resource != "*" && !strings.HasPrefix(p.Resource, "arn:${AWS::Partition}:") {
		return fmt.Errorf("permission %s: resource %q: want * or an ARN that begins with %q", p.Action, p.Resource, "arn:${AWS::Partition}:")
	}
	if (p.Only.Key == "") != (p.Only.Value == "") {
		return fmt.Errorf("permission %s: a condition needs a key and a value", p.Action)
	}
	for _, variable := range pseudo.FindAllString(p.Resource+p.Only.Value, -1) {
		switch variable {
		case "${AWS::Partition}", "${AWS::AccountId}", "${AWS::Region}":
		default:
			return fmt.Errorf("permission %s: resource holds %s: only AWS::Partition, AWS::AccountId and AWS::Region are known", p.Action, variable)
		}
	}
	if p.Why == "" && (coversService(p.Resource) || strings.Contains(p.Action, "*")) {
		return fmt.Errorf("permission %s on %s: a wildcard needs a Why", p.Action, p.Resource)
	}
	return nil
}

var iamAction = regexp.MustCompile(`^[a-z0-9-]+:([A-Za-z0-9]+|[A-Za-z0-9]*\*)$`)

var pseudo = regexp.MustCompile(`\$\{[^}]*\}`)

// coversService reports whether a resource is all that a service has, of whatever type. A bucket's ARN has neither
// Region nor account nor type, so that for S3 a star alone is no more than every bucket can be named.
func coversService(resource string) bool {
	parts := strings.SplitN(pseudo.ReplaceAllString(resource, "pseudo"), ":", 6) // the parameters have colons
	return len(parts) < 6 || strings.ContainsAny(parts[2], "*?") || strings.Trim(parts[5], "*?:/") == "" && parts[2] != "s3"
}
