package iamadmingrant

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/countermand/countermand/remediations/moduletest"
)

// holder is a user, role or group.
type holder struct {
	Attached []string          // ARNs
	Inline   map[string]string // documents by name
	Groups   []string          // of a user
	Boundary string            // ARN
	Path     string
}

// managed is a managed policy.
type managed struct {
	Default  string
	Versions map[string]string // documents
}

// directory is the IAM of an account.
type directory struct {
	Users, Roles, Groups map[string]*holder
	Policies             map[string]*managed // by ARN
	foreign              bool                // answers are about something else
	stale                bool                // answers are about another version
	writes               int
}

// find is what has a name, in whatever case.
func find[T any](m map[string]*T, name *string) (*T, error) {
	for key, found := range m {
		if strings.EqualFold(key, aws.ToString(name)) {
			return found, nil
		}
	}
	return nil, moduletest.Error(noSuchEntity)
}

// answered is a name as an answer has it, which need not be as it was asked for.
func (d *directory) answered(name *string) *string {
	if d.foreign {
		return aws.String("somebody-else")
	}
	return aws.String(strings.ToLower(aws.ToString(name)))
}

// escape is how IAM writes documents into its answers.
func escape(text string) *string {
	return aws.String(strings.ReplaceAll(url.QueryEscape(text), "+", "%20"))
}

// page is three of a list, and the marker of the next.
func page[T any](list []T, marker *string) (three []T, more bool, next *string) {
	const most = 3
	at := len(aws.ToString(marker))
	if at+most < len(list) {
		return list[at : at+most], true, aws.String(strings.Repeat("x", at+most))
	}
	return list[min(at, len(list)):], false, nil
}

func policiesOf(h *holder) (list []types.AttachedPolicy) {
	for _, arn := range h.Attached {
		list = append(list, types.AttachedPolicy{PolicyArn: &arn, PolicyName: aws.String(arn[strings.LastIndex(arn, "/")+1:])})
	}
	return list
}

func (d *directory) attach(h *holder, err error, arn *string) error {
	if err != nil {
		return err
	}
	if _, err := find(d.Policies, arn); err != nil {
		return err
	}
	d.writes++
	if !slices.Contains(h.Attached, *arn) {
		h.Attached = append(h.Attached, *arn)
		slices.Sort(h.Attached)
	}
	return nil
}

func (d *directory) detach(h *holder, err error, arn *string) error {
	if err != nil {
		return err
	}
	if !slices.Contains(h.Attached, *arn) {
		return moduletest.Error(noSuchEntity)
	}
	d.writes++
	h.Attached = slices.DeleteFunc(h.Attached, func(a string) bool { return a == *arn })
	return nil
}

func (d *directory) put(h *holder, err error, name, document *string) error {
	if err == nil {
		d.writes++
		h.Inline[*name] = *document
	}
	return err
}

func (d *directory) remove(h *holder, err error, name *string) error {
	if err != nil {
		return err
	}
	if _, there := h.Inline[*name]; !there {
		return moduletest.Error(noSuchEntity)
	}
	d.writes++
	delete(h.Inline, *name)
	return nil
}

func inlineText(h *holder, err error, name *string) (*string, error) {
	if err != nil {
		return nil, err
	}
	text, there := h.Inline[aws.ToString(name)]
	if !there {
		return nil, moduletest.Error(noSuchEntity)
	}
	return escape(text), nil
}

// names is who has a policy attached, sorted.
func names(holders map[string]*holder, arn string) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(holders)), func(n string) bool { return !slices.Contains(holders[n].Attached, arn) })
}

func bounded(h *holder) *types.AttachedPermissionsBoundary {
	if h.Boundary == "" {
		return nil
	}
	return &types.AttachedPermissionsBoundary{PermissionsBoundaryArn: &h.Boundary}
}

// answers is what IAM answers.
func (d *directory) answers() []moduletest.Answer {
	return slices.Concat(d.ofUsers(), d.ofRoles(), d.ofGroups(), d.ofPolicies())
}

func (d *directory) ofUsers() []moduletest.Answer {
	return []moduletest.Answer{
		moduletest.On(func(in *iam.GetUserInput) (*iam.GetUserOutput, error) {
			h, err := find(d.Users, in.UserName)
			if err != nil {
				return nil, err
			}
			return &iam.GetUserOutput{User: &types.User{UserName: d.answered(in.UserName), PermissionsBoundary: bounded(h)}}, nil
		}),
		moduletest.On(func(in *iam.ListAttachedUserPoliciesInput) (*iam.ListAttachedUserPoliciesOutput, error) {
			h, err := find(d.Users, in.UserName)
			if err != nil {
				return nil, err
			}
			out := &iam.ListAttachedUserPoliciesOutput{}
			out.AttachedPolicies, out.IsTruncated, out.Marker = page(policiesOf(h), in.Marker)
			return out, nil
		}),
		moduletest.On(func(in *iam.GetUserPolicyInput) (*iam.GetUserPolicyOutput, error) {
			h, err := find(d.Users, in.UserName)
			text, err := inlineText(h, err, in.PolicyName)
			if err != nil {
				return nil, err
			}
			return &iam.GetUserPolicyOutput{UserName: d.answered(in.UserName), PolicyName: in.PolicyName, PolicyDocument: text}, nil
		}),
		moduletest.On(func(in *iam.ListGroupsForUserInput) (*iam.ListGroupsForUserOutput, error) {
			h, err := find(d.Users, in.UserName)
			if err != nil {
				return nil, err
			}
			out, groups := &iam.ListGroupsForUserOutput{}, []string(nil)
			groups, out.IsTruncated, out.Marker = page(h.Groups, in.Marker)
			for _, g := range groups {
				out.Groups = append(out.Groups, types.Group{GroupName: &g})
			}
			return out, nil
		}),
		moduletest.On(func(in *iam.AttachUserPolicyInput) (*iam.AttachUserPolicyOutput, error) {
			h, err := find(d.Users, in.UserName)
			return &iam.AttachUserPolicyOutput{}, d.attach(h, err, in.PolicyArn)
		}),
		moduletest.On(func(in *iam.DetachUserPolicyInput) (*iam.DetachUserPolicyOutput, error) {
			h, err := find(d.Users, in.UserName)
			return &iam.DetachUserPolicyOutput{}, d.detach(h, err, in.PolicyArn)
		}),
		moduletest.On(func(in *iam.PutUserPolicyInput) (*iam.PutUserPolicyOutput, error) {
			h, err := find(d.Users, in.UserName)
			return &iam.PutUserPolicyOutput{}, d.put(h, err, in.PolicyName, in.PolicyDocument)
		}),
		moduletest.On(func(in *iam.DeleteUserPolicyInput) (*iam.DeleteUserPolicyOutput, error) {
			h, err := find(d.Users, in.UserName)
			return &iam.DeleteUserPolicyOutput{}, d.remove(h, err, in.PolicyName)
		}),
	}
}

func (d *directory) ofRoles() []moduletest.Answer {
	return []moduletest.Answer{
		moduletest.On(func(in *iam.GetRoleInput) (*iam.GetRoleOutput, error) {
			h, err := find(d.Roles, in.RoleName)
			if err != nil {
				return nil, err
			}
			return &iam.GetRoleOutput{Role: &types.Role{RoleName: d.answered(in.RoleName), Path: &h.Path, PermissionsBoundary: bounded(h)}}, nil
		}),
		moduletest.On(func(in *iam.ListAttachedRolePoliciesInput) (*iam.ListAttachedRolePoliciesOutput, error) {
			h, err := find(d.Roles, in.RoleName)
			if err != nil {
				return nil, err
			}
			out := &iam.ListAttachedRolePoliciesOutput{}
			out.AttachedPolicies, out.IsTruncated, out.Marker = page(policiesOf(h), in.Marker)
			return out, nil
		}),
		moduletest.On(func(in *iam.GetRolePolicyInput) (*iam.GetRolePolicyOutput, error) {
			h, err := find(d.Roles, in.RoleName)
			text, err := inlineText(h, err, in.PolicyName)
			if err != nil {
				return nil, err
			}
			return &iam.GetRolePolicyOutput{RoleName: d.answered(in.RoleName), PolicyName: in.PolicyName, PolicyDocument: text}, nil
		}),
		moduletest.On(func(in *iam.AttachRolePolicyInput) (*iam.AttachRolePolicyOutput, error) {
			h, err := find(d.Roles, in.RoleName)
			return &iam.AttachRolePolicyOutput{}, d.attach(h, err, in.PolicyArn)
		}),
		moduletest.On(func(in *iam.DetachRolePolicyInput) (*iam.DetachRolePolicyOutput, error) {
			h, err := find(d.Roles, in.RoleName)
			return &iam.DetachRolePolicyOutput{}, d.detach(h, err, in.PolicyArn)
		}),
		moduletest.On(func(in *iam.PutRolePolicyInput) (*iam.PutRolePolicyOutput, error) {
			h, err := find(d.Roles, in.RoleName)
			return &iam.PutRolePolicyOutput{}, d.put(h, err, in.PolicyName, in.PolicyDocument)
		}),
		moduletest.On(func(in *iam.DeleteRolePolicyInput) (*iam.DeleteRolePolicyOutput, error) {
			h, err := find(d.Roles, in.RoleName)
			return &iam.DeleteRolePolicyOutput{}, d.remove(h, err, in.PolicyName)
		}),
	}
}

func (d *directory) ofGroups() []moduletest.Answer {
	return []moduletest.Answer{
		moduletest.On(func(in *iam.ListAttachedGroupPoliciesInput) (*iam.ListAttachedGroupPoliciesOutput, error) {
			h, err := find(d.Groups, in.GroupName)
			if err != nil {
				return nil, err
			}
			out := &iam.ListAttachedGroupPoliciesOutput{}
			out.AttachedPolicies, out.IsTruncated, out.Marker = page(policiesOf(h), in.Marker)
			return out, nil
		}),
		moduletest.On(func(in *iam.ListGroupPoliciesInput) (*iam.ListGroupPoliciesOutput, error) {
			h, err := find(d.Groups, in.GroupName)
			if err != nil {
				return nil, err
			}
			out := &iam.ListGroupPoliciesOutput{}
			out.PolicyNames, out.IsTruncated, out.Marker = page(slices.Sorted(maps.Keys(h.Inline)), in.Marker)
			return out, nil
		}),
		moduletest.On(func(in *iam.GetGroupPolicyInput) (*iam.GetGroupPolicyOutput, error) {
			h, err := find(d.Groups, in.GroupName)
			text, err := inlineText(h, err, in.PolicyName)
			if err != nil {
				return nil, err
			}
			return &iam.GetGroupPolicyOutput{GroupName: d.answered(in.GroupName), PolicyName: in.PolicyName, PolicyDocument: text}, nil
		}),
		moduletest.On(func(in *iam.AttachGroupPolicyInput) (*iam.AttachGroupPolicyOutput, error) {
			h, err := find(d.Groups, in.GroupName)
			return &iam.AttachGroupPolicyOutput{}, d.attach(h, err, in.PolicyArn)
		}),
		moduletest.On(func(in *iam.DetachGroupPolicyInput) (*iam.DetachGroupPolicyOutput, error) {
			h, err := find(d.Groups, in.GroupName)
			return &iam.DetachGroupPolicyOutput{}, d.detach(h, err, in.PolicyArn)
		}),
		moduletest.On(func(in *iam.PutGroupPolicyInput) (*iam.PutGroupPolicyOutput, error) {
			h, err := find(d.Groups, in.GroupName)
			return &iam.PutGroupPolicyOutput{}, d.put(h, err, in.PolicyName, in.PolicyDocument)
		}),
		moduletest.On(func(in *iam.DeleteGroupPolicyInput) (*iam.DeleteGroupPolicyOutput, error) {
			h, err := find(d.Groups, in.GroupName)
			return &iam.DeleteGroupPolicyOutput{}, d.remove(h, err, in.PolicyName)
		}),
		moduletest.On(func(in *iam.AddUserToGroupInput) (*iam.AddUserToGroupOutput, error) {
			h, err := find(d.Users, in.UserName)
			if err != nil {
				return nil, err
			}
			d.writes++
			if !slices.Contains(h.Groups, *in.GroupName) {
				h.Groups = append(h.Groups, *in.GroupName)
				slices.Sort(h.Groups)
			}
			return &iam.AddUserToGroupOutput{}, nil
		}),
		moduletest.On(func(in *iam.RemoveUserFromGroupInput) (*iam.RemoveUserFromGroupOutput, error) {
			h, err := find(d.Users, in.UserName)
			if err != nil {
				return nil, err
			}
			d.writes++
			h.Groups = slices.DeleteFunc(h.Groups, func(g string) bool { return g == *in.GroupName })
			return &iam.RemoveUserFromGroupOutput{}, nil
		}),
	}
}

func (d *directory) ofPolicies() []moduletest.Answer {
	return []moduletest.Answer{
		moduletest.On(func(in *iam.GetPolicyInput) (*iam.GetPolicyOutput, error) {
			p, err := find(d.Policies, in.PolicyArn)
			if err != nil {
				return nil, err
			}
			return &iam.GetPolicyOutput{Policy: &types.Policy{Arn: d.answered(in.PolicyArn), DefaultVersionId: &p.Default}}, nil
		}),
		moduletest.On(func(in *iam.GetPolicyVersionInput) (*iam.GetPolicyVersionOutput, error) {
			p, err := find(d.Policies, in.PolicyArn)
			if err != nil {
				return nil, err
			}
			text, there := p.Versions[aws.ToString(in.VersionId)]
			if !there {
				return nil, moduletest.Error(noSuchEntity)
			}
			if d.stale {
				in.VersionId = aws.String("v99")
			}
			return &iam.GetPolicyVersionOutput{PolicyVersion: &types.PolicyVersion{VersionId: d.answered(in.VersionId), Document: escape(text)}}, nil
		}),
		moduletest.On(func(in *iam.ListPolicyVersionsInput) (*iam.ListPolicyVersionsOutput, error) {
			p, err := find(d.Policies, in.PolicyArn)
			if err != nil {
				return nil, err
			}
			out, ids := &iam.ListPolicyVersionsOutput{}, []string(nil)
			ids, out.IsTruncated, out.Marker = page(slices.Sorted(maps.Keys(p.Versions)), in.Marker)
			for _, id := range ids {
				out.Versions = append(out.Versions, types.PolicyVersion{VersionId: d.answered(&id), IsDefaultVersion: id == p.Default})
			}
			return out, nil
		}),
		moduletest.On(func(in *iam.ListEntitiesForPolicyInput) (*iam.ListEntitiesForPolicyOutput, error) {
			arn := aws.ToString(in.PolicyArn)
			if _, err := find(d.Policies, in.PolicyArn); err != nil {
				return nil, err
			}
			if in.PolicyUsageFilter != types.PolicyUsageTypePermissionsPolicy {
				return nil, moduletest.Error("InvalidInput")
			}
			out, users := &iam.ListEntitiesForPolicyOutput{}, []string(nil)
			users, out.IsTruncated, out.Marker = page(names(d.Users, arn), in.Marker)
			for _, name := range users {
				out.PolicyUsers = append(out.PolicyUsers, types.PolicyUser{UserName: &name})
			}
			if out.IsTruncated {
				return out, nil
			}
			for _, name := range names(d.Roles, arn) {
				out.PolicyRoles = append(out.PolicyRoles, types.PolicyRole{RoleName: &name})
			}
			for _, name := range names(d.Groups, arn) {
				out.PolicyGroups = append(out.PolicyGroups, types.PolicyGroup{GroupName: &name})
			}
			return out, nil
		}),
		moduletest.On(func(in *iam.SetDefaultPolicyVersionInput) (*iam.SetDefaultPolicyVersionOutput, error) {
			p, err := find(d.Policies, in.PolicyArn)
			if err != nil {
				return nil, err
			}
			if _, there := p.Versions[aws.ToString(in.VersionId)]; !there {
				return nil, moduletest.Error(noSuchEntity)
			}
			d.writes++
			p.Default = *in.VersionId
			return &iam.SetDefaultPolicyVersionOutput{}, nil
		}),
	}
}
