package iamroletrustexternal

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/knowledge/policy"
)

// form is what the name of a role looks like. It becomes part of commands that people copy.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
var form = regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]{1,64}$`)

// suspects is the role of the event, unless the event alone shows that it lets in nobody but the own account, whoever is
// trusted. It does not show that of a unique id (AIDA..., AROA...): IAM takes anybody's, and shows the ARN from then on.
func suspects(event events.Event) ([]remediations.Resource, error) {
	r := event.Record
	name, text := r.Request.Get("roleName").Text(), r.Request.Get("policyDocument").Text()
	if r.EventName == "CreateRole" {
		text = r.Request.Get("assumeRolePolicyDocument").Text()
		if name == "" {
			name = r.Response.Get("role", "roleName").Text()
		}
	}
	if !form.MatchString(name) {
		return nil, fmt.Errorf("the record of %s names no role, but %q", r.EventName, name)
	}
	document, err := policy.Parse(policy.Trust, []byte(text))
	if err == nil && len(document.Gone()) == 0 && fine([]byte(text), event.Account, Settings{}) {
		return nil, nil
	}
	return []remediations.Resource{role(name, event.Account, event.Region)}, nil
}

// fine reports whether it is certain that a trust policy lets in only those who are trusted.
func fine(text []byte, account string, s Settings) bool {
	document, err := policy.Parse(policy.Trust, text)
	if err != nil {
		return false
	}
	wrong, unclear := judge(document, account, s)
	return len(wrong) == 0 && len(unclear) == 0
}

// role is the resource of a name. Its ARN is made without the role's path, which most events and calls don't give.
func role(name, account, region string) remediations.Resource {
	return remediations.Resource{ID: name, Type: "AWS::IAM::Role", Account: account, Region: region}
}

// sweep lists the roles whose trust policy, which the list holds, is not fine.
func sweep(ctx context.Context, run *remediations.Run) iter.Seq2[remediations.Resource, error] {
	return func(yield func(remediations.Resource, error) bool) {
		fail := func(err error) { yield(remediations.Resource{}, fmt.Errorf("list roles: %w", err)) }
		pages := iam.NewListRolesPaginator(iam.NewFromConfig(run.AWS), &iam.ListRolesInput{})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err == nil && page.Roles == nil { // IAM's is empty if there are none
				err = errors.New("the answer holds no list")
			}
			if err != nil {
				fail(err)
				return
			}
			for _, r := range page.Roles {
				text, err := document(r)
				if err != nil {
					fail(err)
					return
				}
				if !fine(text, run.Account, run.Settings.(Settings)) && !yield(role(aws.ToString(r.RoleName), run.Account, run.AWS.Region), nil) {
					return
				}
			}
		}
	}
}
