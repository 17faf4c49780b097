// Package iamroletrustexternal takes those who are not trusted out of a role's trust policy.
package iamroletrustexternal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/countermand/countermand/events/pattern"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/knowledge/policy"
)

// Settings is who may assume roles.
type Settings struct {
	TrustedAccounts     []remediations.AccountID `json:"trustedAccounts" doc:"accounts that may be let in, besides the own"`
	TrustedOrganization string                   `json:"trustedOrganization" doc:"the organization (o-...) that a condition may let in as a whole"`
}

// Check refuses what is no organization's id.
func (s Settings) Check() error { return policy.CheckOrganization(s.TrustedOrganization) }

const roles = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/*"

// Module is the remediation.
var Module = &remediations.Module{
	Name:  "iam-role-trust-external",
	Title: "remove untrusted principals from a role's trust policy",
	Why: `Who can assume a role has all its rights, from outside, without a key or password of this account. An intruder who adds
an account of their own to a trust policy comes back whenever they like, after every key has been changed.`,
	Text: `What counts is a statement that lets anyone assume the role, or another account, its users, roles or identity providers,
or an AWS service that acts for another account; unless that is the role's own account, one of trustedAccounts, or held by
a condition to trustedOrganization (aws:PrincipalOrgID). An external id is no such condition. That an account is a member
of the organization can't be seen from the policy: without a condition it has to be one of trustedAccounts, and so has the
organization's management account, which OrganizationAccountAccessRole and its like let in.

OpenID Connect counts as well where no condition says who of a provider's users is let in: for GitHub, GitLab, Terraform
Cloud and Buildkite by the claim sub with its owner (repo:OWNER/*, and not repo:OWNER*), for GitHub also by repository,
repository_id, enterprise_id or actor_id, else by sub or aud. Who that owner is, nobody can tell: one of an intruder's
passes.

It removes those principals from their statement, or the statement if that names nobody else or lets them in by a
condition. A trust policy can't be empty: in place of the last statement one is put that denies everybody. Users and roles
that have been deleted (AIDA..., AROA...), who are nobody, are left out from the action on, as IAM takes no policy that
names them. Roles of AWS services and of IAM Identity Center, which only these can edit, and what can't be judged are told
of and not touched. Undo puts the policy back, unless it has been changed since.

Who has assumed the role keeps its rights until the session ends, 12 hours at most: revoke the role's sessions. It does
not see whom other services let into roles of theirs, nor that an identity provider of the account was replaced. In an
exemption the role's ARN has no path: the event names the role without it.`,
	Severity: remediations.Critical,
	Risk:     "partners, pipelines and other accounts of yours that are not in trustedAccounts can't assume the role any more",
	Controls: []string{"ATT&CK/T1098", "ATT&CK/T1484.002"},
	Default:  remediations.Alert,
	Pattern:  pattern.CloudTrail("iam", "CreateRole", "UpdateAssumeRolePolicy"),
	Global:   true,
	Settings: Settings{},
	Reads: []remediations.Permission{
		{Action: "iam:GetRole", Resource: roles},
		{Action: "iam:ListRoles", Resource: "*", Why: "IAM can't narrow down the list of roles"},
	},
	Writes:   []remediations.Permission{{Action: "iam:UpdateAssumeRolePolicy", Resource: roles}},
	Suspects: suspects,
	Sweep:    sweep,
	Schedule: "rate(1 day)",
	Guard:    guard,
	Action:   action,
	Undo:     undo,
}

// nobody is the trust policy of a role that nobody may assume.
const nobody = `{"Version":"2012-10-17","Statement":[{"Sid":"Countermand","Effect":"Deny","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}`

func guard(ctx context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
	role, text, err := read(ctx, iam.NewFromConfig(run.AWS), r)
	if err != nil || role == nil {
		return nil, err
	}
	document, err := policy.Parse(policy.Trust, text)
	if err != nil {
		return told(r, text, "it can't be told who may assume the role: "+err.Error())
	}
	wrong, unclear := judge(document, r.Account, run.Settings.(Settings))
	switch {
	case len(wrong) == 0 && len(unclear) == 0:
		return nil, nil
	case len(wrong) == 0:
		return told(r, text, "it can't be told who may assume the role: "+policy.Join(unclear))
	}
	reason := "the role's trust policy lets in those who are not trusted: " + policy.Join(wrong)
	if len(unclear) > 0 { // first, as nobody but people will look after it
		reason = "left alone is what can't be judged: " + policy.Join(unclear) + "; " + reason
	}
	if managed(role) {
		return told(r, text, "only the service that the role is for can change it; "+reason)
	}
	gone := document.Gone()
	if len(gone) > 0 {
		reason += "; IAM takes no policy that names who was deleted, so that is left out, too: " + policy.Join(gone)
	}
	before, _ := document.Without(gone...)
	after, some := document.Without(append(wrong, gone...)...)
	if !some {
		after = []byte(nobody)
	}
	found, err := remediations.Found(r, reason, string(before), string(after))
	if err != nil {
		return nil, err
	}
	found.Fix, found.Revert = command(r, after), command(r, before)
	return found, nil
}

// judge is what is wrong with a trust policy, and what can't be told.
func judge(document *policy.Document, account string, s Settings) (wrong, unclear []policy.Verdict) {
	trusted := policy.Trusted{Accounts: []string{account}, Organization: s.TrustedOrganization}
	for _, other := range s.TrustedAccounts {
		trusted.Accounts = append(trusted.Accounts, string(other))
	}
	public, unsure := document.Judge()
	external, untold := document.External(trusted)
	return append(public, external...), append(unsure, untold...)
}

// told is the finding that people have to look at a trust policy.
func told(r remediations.Resource, text []byte, reason string) (*remediations.Finding, error) {
	found, err := remediations.Found(r, reason, string(text), string(text))
	if err != nil {
		return nil, err
	}
	found.AlertOnly = true
	return found, nil
}

// managed reports whether only AWS can change a role: one that is linked to a service, or a permission set's.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html
// https://docs.aws.amazon.com/singlesignon/latest/userguide/using-service-linked-roles.html
func managed(role *types.Role) bool {
	path := aws.ToString(role.Path)
	return strings.HasPrefix(path, "/aws-service-role/") || strings.HasPrefix(path, "/aws-reserved/")
}

func action(ctx context.Context, run *remediations.Run, finding *remediations.Finding) error {
	_, after, err := states(finding)
	if err != nil {
		return err
	}
	return put(ctx, iam.NewFromConfig(run.AWS), finding.Resource, after)
}

func undo(ctx context.Context, run *remediations.Run, finding *remediations.Finding) error {
	before, after, err := states(finding)
	if err != nil {
		return err
	}
	client := iam.NewFromConfig(run.AWS)
	_, present, err := read(ctx, client, finding.Resource)
	switch {
	case err != nil:
		return err
	case !policy.Equal(present, []byte(after)):
		return fmt.Errorf("put back the trust policy of role %s: %w", finding.Resource.ID, remediations.Changed(string(present)))
	}
	return put(ctx, client, finding.Resource, before)
}

// states is the trust policy before and after the action.
func states(finding *remediations.Finding) (before, after string, err error) {
	err = errors.Join(json.Unmarshal(finding.Before, &before), json.Unmarshal(finding.After, &after))
	if err == nil && (before == "" || after == "") {
		err = errors.New("there is none")
	}
	if err != nil {
		return "", "", fmt.Errorf("decode the states of role %s: %w", finding.Resource.ID, err)
	}
	return before, after, nil
}

// read is a role and its trust policy; nil if there is no such role.
func read(ctx context.Context, client *iam.Client, r remediations.Resource) (*types.Role, []byte, error) {
	if !form.MatchString(r.ID) {
		return nil, nil, fmt.Errorf("%q is not the name of a role", r.ID)
	}
	out, err := client.GetRole(ctx, &iam.GetRoleInput{RoleName: &r.ID})
	switch {
	case remediations.ErrorCode(err) == "NoSuchEntity":
		return nil, nil, nil
	case err != nil:
		return nil, nil, fmt.Errorf("get role %s: %w", r.ID, err)
	case out.Role == nil || !strings.EqualFold(aws.ToString(out.Role.RoleName), r.ID):
		return nil, nil, fmt.Errorf("get role %s: the answer is not about it", r.ID)
	}
	text, err := document(*out.Role)
	return out.Role, text, err
}

// document is a role's trust policy, which IAM encodes as in a URL (RFC 3986).
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_Role.html
func document(role types.Role) ([]byte, error) {
	text, err := url.PathUnescape(aws.ToString(role.AssumeRolePolicyDocument))
	if err == nil && text == "" {
		err = errors.New("the answer holds none")
	}
	if err != nil {
		return nil, fmt.Errorf("read the trust policy of role %s: %w", aws.ToString(role.RoleName), err)
	}
	return []byte(text), nil
}

func put(ctx context.Context, client *iam.Client, r remediations.Resource, text string) error {
	_, err := client.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: &r.ID, PolicyDocument: &text})
	if err != nil {
		return fmt.Errorf("put the trust policy of role %s: %w", r.ID, err)
	}
	return nil
}

// command is the AWS CLI command that gives a role a trust policy.
func command(r remediations.Resource, text []byte) string {
	return fmt.Sprintf("aws iam update-assume-role-policy --role-name %s --policy-document %s",
		remediations.Quote(r.ID), remediations.Quote(policy.OneLine(string(text))))
}
