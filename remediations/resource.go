package remediations

import (
	"fmt"
	"strings"
)

// Resource is where a module looks.
type Resource struct {
	ID      string `json:"id"`      // what the service's API takes: a bucket's name, a trail's ARN, an instance's id
	Type    string `json:"type"`    // CloudFormation's name of the type: "AWS::S3::Bucket"
	Account string `json:"account"` // 12 digits
	Region  string `json:"region"`  // where its API is called
}

func (r Resource) String() string { return r.Type + " " + r.ID }

// ARN is the resource's ARN: its ID where the service names its resources by that, and otherwise made from its
// type, ID, account and Region. It is an error if the type has no form in arnForms, or something is missing.
func (r Resource) ARN() (string, error) {
	form, ok := arnForms[r.Type]
	if !ok {
		return "", fmt.Errorf("the ARN of %s is not known: its type has no form in remediations/arn.go", r)
	}
	arn := r.ID
	if !strings.HasPrefix(r.ID, "arn:") {
		arn = strings.NewReplacer("${Partition}", Partition(r.Region), "${Region}", r.Region,
			"${Account}", r.Account, "${Name}", r.ID, "${NameWithPath}", r.ID).Replace(form)
	}
	if part := firstMismatch(arn, form); part >= 0 {
		return "", fmt.Errorf("the ARN of %s would be %q: its %s is not like that of %s", r, arn, arnParts[part], form)
	}
	return arn, nil
}

// owner is the account that the resource belongs to: its ARN's, where that holds one.
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
