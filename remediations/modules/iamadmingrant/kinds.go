package iamadmingrant

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/countermand/countermand/remediations"
)

// kind is what IAM's calls are for those who can have policies. Each of its functions takes a name, and those that read
// return AWS's error as it is: NoSuchEntity says that there is no such thing.
type kind struct {
	word     string // "user": in ARNs, in commands and for people
	identity func(context.Context, *iam.Client, string) (identity, error)
	attached func(context.Context, *iam.Client, string) ([]types.AttachedPolicy, error)
	inline   func(ctx context.Context, client *iam.Client, name, policy string) (*string, error) // the text, escaped
	attach   func(ctx context.Context, client *iam.Client, name, arn string) error
	detach   func(ctx context.Context, client *iam.Client, name, arn string) error
	put      func(ctx context.Context, client *iam.Client, name, policy, document string) error
	remove   func(ctx context.Context, client *iam.Client, name, policy string) error
}

var kinds = map[string]*kind{userType: &aUser, roleType: &aRole, groupType: &aGroup}

// identity is what limits a user or role.
type identity struct {
	boundary string // ARN of the permissions boundary; "" if there is none
	owner    string // who alone can change it; "" if we can
}

var aUser = kind{
	word: "user",
	identity: func(ctx context.Context, client *iam.Client, name string) (identity, error) {
		out, err := client.GetUser(ctx, &iam.GetUserInput{UserName: &name})
		switch {
		case remediations.ErrorCode(err) == noSuchEntity:
			return identity{}, nil
		case err != nil:
			return identity{}, fmt.Errorf("get user %s: %w", name, err)
		case out.User == nil || !strings.EqualFold(aws.ToString(out.User.UserName), name):
			return identity{}, fmt.Errorf("get user %s: the answer is about another one", name)
		}
		return identity{boundary: boundary(out.User.PermissionsBoundary)}, nil
	},
	attached: func(ctx context.Context, client *iam.Client, name string) (list []types.AttachedPolicy, err error) {
		pages := iam.NewListAttachedUserPoliciesPaginator(client, &iam.ListAttachedUserPoliciesInput{UserName: &name})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, err
			}
			list = append(list, page.AttachedPolicies...)
		}
		return list, nil
	},
	inline: func(ctx context.Context, client *iam.Client, name, policy string) (*string, error) {
		out, err := client.GetUserPolicy(ctx, &iam.GetUserPolicyInput{UserName: &name, PolicyName: &policy})
		if err != nil {
			return nil, err
		}
		return out.PolicyDocument, same(name, out.UserName, policy, out.PolicyName)
	},
	attach: func(ctx context.Context, client *iam.Client, name, arn string) error {
		_, err := client.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: &name, PolicyArn: &arn})
		return err
	},
	detach: func(ctx context.Context, client *iam.Client, name, arn string) error {
		_, err := client.DetachUserPolicy(ctx, &iam.DetachUserPolicyInput{UserName: &name, PolicyArn: &arn})
		return err
	},
	put: func(ctx context.Context, client *iam.Client, name, policy, document string) error {
		_, err := client.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: &name, PolicyName: &policy, PolicyDocument: &document})
		return err
	},
	remove: func(ctx context.Context, client *iam.Client, name, policy string) error {
		_, err := client.DeleteUserPolicy(ctx, &iam.DeleteUserPolicyInput{UserName: &name, PolicyName: &policy})
		return err
	},
}

var aRole = kind{
	word: "role",
	identity: func(ctx context.Context, client *iam.Client, name string) (identity, error) {
		out, err := client.GetRole(ctx, &iam.GetRoleInput{RoleName: &name})
		switch {
		case remediations.ErrorCode(err) == noSuchEntity:
			return identity{}, nil
		case err != nil:
			return identity{}, fmt.Errorf("get role %s: %w", name, err)
		case out.Role == nil || !strings.EqualFold(aws.ToString(out.Role.RoleName), name):
			return identity{}, fmt.Errorf("get role %s: the answer is about another one", name)
		}
		return identity{boundary(out.Role.PermissionsBoundary), owner(aws.ToString(out.Role.Path))}, nil
	},
	attached: func(ctx context.Context, client *iam.Client, name string) (list []types.AttachedPolicy, err error) {
		pages := iam.NewListAttachedRolePoliciesPaginator(client, &iam.ListAttachedRolePoliciesInput{RoleName: &name})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, err
			}
			list = append(list, page.AttachedPolicies...)
		}
		return list, nil
	},
	inline: func(ctx context.Context, client *iam.Client, name, policy string) (*string, error) {
		out, err := client.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: &name, PolicyName: &policy})
		if err != nil {
			return nil, err
		}
		return out.PolicyDocument, same(name, out.RoleName, policy, out.PolicyName)
	},
	attach: func(ctx context.Context, client *iam.Client, name, arn string) error {
		_, err := client.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: &name, PolicyArn: &arn})
		return err
	},
	detach: func(ctx context.Context, client *iam.Client, name, arn string) error {
		_, err := client.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: &name, PolicyArn: &arn})
		return err
	},
	put: func(ctx context.Context, client *iam.Client, name, policy, document string) error {
		_, err := client.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &name, PolicyName: &policy, PolicyDocument: &document})
		return err
	},
	remove: func(ctx context.Context, client *iam.Client, name, policy string) error {
		_, err := client.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: &name, PolicyName: &policy})
		return err
	},
}

// aGroup has no boundary: those of its users are theirs.
var aGroup = kind{
	word:     "group",
	identity: func(context.Context, *iam.Client, string) (identity, error) { return identity{}, nil },
	attached: func(ctx context.Context, client *iam.Client, name string) (list []types.AttachedPolicy, err error) {
		pages := iam.NewListAttachedGroupPoliciesPaginator(client, &iam.ListAttachedGroupPoliciesInput{GroupName: &name})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, err
			}
			list = append(list, page.AttachedPolicies...)
		}
		return list, nil
	},
	inline: func(ctx context.Context, client *iam.Client, name, policy string) (*string, error) {
		out, err := client.GetGroupPolicy(ctx, &iam.GetGroupPolicyInput{GroupName: &name, PolicyName: &policy})
		if err != nil {
			return nil, err
		}
		return out.PolicyDocument, same(name, out.GroupName, policy, out.PolicyName)
	},
	attach: func(ctx context.Context, client *iam.Client, name, arn string) error {
		_, err := client.AttachGroupPolicy(ctx, &iam.AttachGroupPolicyInput{GroupName: &name, PolicyArn: &arn})
		return err
	},
	detach: func(ctx context.Context, client *iam.Client, name, arn string) error {
		_, err := client.DetachGroupPolicy(ctx, &iam.DetachGroupPolicyInput{GroupName: &name, PolicyArn: &arn})
		return err
	},
	put: func(ctx context.Context, client *iam.Client, name, policy, document string) error {
		_, err := client.PutGroupPolicy(ctx, &iam.PutGroupPolicyInput{GroupName: &name, PolicyName: &policy, PolicyDocument: &document})
		return err
	},
	remove: func(ctx context.Context, client *iam.Client, name, policy string) error {
		_, err := client.DeleteGroupPolicy(ctx, &iam.DeleteGroupPolicyInput{GroupName: &name, PolicyName: &policy})
		return err
	},
}

// same reports an answer about another policy than the one that was asked for. IAM does not tell names apart by case, and
// answers with the one that was given first.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
func same(name string, gotName *string, policy string, gotPolicy *string) error {
	if !strings.EqualFold(aws.ToString(gotName), name) || !strings.EqualFold(aws.ToString(gotPolicy), policy) {
		return fmt.Errorf("the answer is about policy %q of %q", aws.ToString(gotPolicy), aws.ToString(gotName))
	}
	return nil
}

func boundary(b *types.AttachedPermissionsBoundary) string {
	if b == nil {
		return ""
	}
	return aws.ToString(b.PermissionsBoundaryArn)
}

// owner is who alone can change a role, by its path.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html
// https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html
func owner(path string) string {
	switch {
	case strings.HasPrefix(path, "/aws-reserved/"):
		return "IAM Identity Center, by its permission set,"
	case strings.HasPrefix(path, "/aws-service-role/"):
		return "its AWS service"
	}
	return ""
}
