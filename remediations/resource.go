package remediations

import (
	"fmt"
	"strings"
)

// A Resource is what a module checks: a bucket, a role, a security group.
type Resource struct {
	ID      string `json:"id"`      // as the service's API takes it: a bucket's name, a trail's ARN, an instance's id
	Type    string `json:"type"`    // CloudFormation's name of the type: "AWS::S3::Bucket"
	Account string `json:"account"` // 12 digits
	Region  string `json:"region"`  // where its API is called
}

// String returns the type and ID: "AWS::S3::Bucket reports".
func (r Resource) String() string { return r.Type + " " + r.ID }

// ARN returns the resource's ARN: its ID if the service identifies resources by ARN, otherwise an ARN built from its
// type, ID, account and Region. It returns an error if arnForms lacks the type, or if a part is missing.
func (r Resource) ARN() (string, error) {
	form, ok := arnForms[r.Type]
	if !ok {
		return "", fmt.Errorf("the ARN of %s is unknown: remediations/arn.go has no form for its type", r)
	}
	arn := r.ID
	if !strings.HasPrefix(r.ID, "arn:") {
		arn = strings.NewReplacer("${Partition}", Partition(r.Region), "${Region}", r.Region,
			"${Account}", r.Account, "${Name}", r.ID, "${NameWithPath}", r.ID).Replace(form)
	}
	if part := firstMismatch(arn, form); part >= 0 {
		return "", fmt.Errorf("the ARN of %s would be %q: its %s does not match %s", r, arn, arnParts[part], form)
	}
	return arn, nil
}

// owner returns the account that the resource belongs to: the one in its ARN, if there is one.
func (r Resource) owner() (string, error) {
	arn, err := r.ARN()
	if err != nil {
		return "", err
	}
	if account := strings.SplitN(arn, ":", len(arnParts))[4]; account != "" {
		return account, nil
	}
	return r.Account, nil
}
