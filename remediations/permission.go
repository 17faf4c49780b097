package remediations

import (
	"fmt"
	"regexp"
	"strings"
)

// A Permission is an IAM permission that a module needs.
type Permission struct {
	Action   string // IAM's name, "s3:PutBucketPublicAccessBlock", which may differ from the API operation's
	Resource string // an ARN; may hold ${AWS::Partition}, ${AWS::AccountId} and ${AWS::Region}
	Why      string // required for a wildcard action, and for a Resource that covers a whole service, or any account or Region
	Only     Condition
}

// A Condition narrows a permission to calls with one value of a condition key, such as the iam:PolicyARN of a policy to
// attach. The zero value means no condition.
type Condition struct {
	Key   string // the condition key, by IAM's name
	Value string // may hold what a Permission's Resource may
}

// Allows reports whether the permission covers an IAM action. Like IAM, it ignores case.
func (p Permission) Allows(action string) bool {
	pattern, action := strings.ToLower(p.Action), strings.ToLower(action)
	if prefix, wild := strings.CutSuffix(pattern, "*"); wild {
		return strings.HasPrefix(action, prefix)
	}
	return pattern == action
}

// Validate reports a malformed permission, or a wildcard without an explanation.
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
			return fmt.Errorf("permission %s: resource holds %s: want AWS::Partition, AWS::AccountId or AWS::Region", p.Action, variable)
		}
	}
	if p.Why == "" && (coversService(p.Resource) || strings.Contains(p.Action, "*")) {
		return fmt.Errorf("permission %s on %s: a wildcard needs a Why", p.Action, p.Resource)
	}
	return nil
}

// iamAction matches the action of a permission.
var iamAction = regexp.MustCompile(`^[a-z0-9-]+:([A-Za-z0-9]+|[A-Za-z0-9]*\*)$`)

// pseudo matches a pseudo parameter of CloudFormation.
var pseudo = regexp.MustCompile(`\$\{[^}]*\}`)

// coversService reports whether a resource pattern covers a whole service, whatever the type. The ARN of an S3 bucket
// has no Region, account or type, so a lone star there only means every bucket.
func coversService(resource string) bool {
	parts := strings.SplitN(pseudo.ReplaceAllString(resource, "pseudo"), ":", 6) // the parameters have colons
	return len(parts) < 6 || strings.ContainsAny(parts[2], "*?") || strings.Trim(parts[5], "*?:/") == "" && parts[2] != "s3"
}
