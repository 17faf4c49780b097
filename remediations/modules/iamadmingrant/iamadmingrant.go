// Package iamadmingrant takes back the rights of an administrator that somebody was just given.
package iamadmingrant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/countermand/countermand/events/pattern"
	"github.com/countermand/countermand/remediations"
)

// What there is in the account, and AWS's own policies.
const (
	users    = "arn:${AWS::Partition}:iam::${AWS::AccountId}:user/*"
	roles    = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/*"
	groups   = "arn:${AWS::Partition}:iam::${AWS::AccountId}:group/*"
	policies = "arn:${AWS::Partition}:iam::${AWS::AccountId}:policy/*"
	ofAWS    = "arn:${AWS::Partition}:iam::aws:policy/*"
)

// Module is the remediation.
var Module = &remediations.Module{
	Name:  "iam-admin-grant",
	Title: "revoke administrator rights that were just granted",
	Why: `Whoever is an administrator can give themselves every other right, hide what they do, and lock everybody else out. To make
one of a user, a role or a group at hand is the commonest step from a small intrusion to a large one.`,
	Text: `Looked at is what the event has given, and nothing that was there before: the one policy that was attached or written
inline, the one group that a user was put into, or the version of a managed policy that is in effect now. It gives the
rights of an administrator if it allows everything on all resources, or everything in IAM; also under a condition, and
also if it leaves out some actions (NotAction, or a Deny) but not those by which one gives oneself rights. What counts is
the document, not its name. A user or role with a permissions boundary that does not allow that has no such rights. Who
may be an administrator is told by the setting allowedPrincipals.

The policy is detached, the inline policy deleted, the user taken out of the group; of a managed policy the newest other
version takes effect that is none of an administrator. Undo attaches it, writes it byte for byte, adds the user or sets
the version again, unless it has changed since. Where no other version will do, where some of those who have the policy
are allowed to, and for roles of IAM Identity Center and of AWS services, which only they can edit, people are told.

Not seen are rights in a policy that was attached before, a boundary that is removed, single actions by which one can
give oneself rights (iam:PassRole, iam:PutUserPolicy on itself), a Deny elsewhere (another policy, an SCP), boundaries of
those who have a managed policy, and rights that are spread over several policies. Whoever attaches what is attached
already makes it new. There is no sweep: who has always been an administrator is nobody's mistake of today.`,
	Severity: remediations.High,
	Risk:     "who was made an administrator on purpose, such as the role of a pipeline, can't work; and a managed policy changes for all who have it",
	Controls: []string{"FSBP/IAM.1", "FSBP/IAM.21", "CIS-3.0/1.16", "ATT&CK/T1098.003"},
	Default:  remediations.Alert,
	Pattern: pattern.CloudTrail("iam", "AddUserToGroup", "AttachGroupPolicy", "AttachRolePolicy", "AttachUserPolicy",
		"CreatePolicyVersion", "PutGroupPolicy", "PutRolePolicy", "PutUserPolicy", "SetDefaultPolicyVersion"),
	Global:   true,
	Settings: Settings{},
	Reads: []remediations.Permission{
		{Action: "iam:GetGroupPolicy", Resource: groups},
		{Action: "iam:GetPolicy", Resource: ofAWS},
		{Action: "iam:GetPolicy", Resource: policies},
		{Action: "iam:GetPolicyVersion", Resource: ofAWS},
		{Action: "iam:GetPolicyVersion", Resource: policies},
		{Action: "iam:GetRole", Resource: roles},
		{Action: "iam:GetRolePolicy", Resource: roles},
		{Action: "iam:GetUser", Resource: users},
		{Action: "iam:GetUserPolicy", Resource: users},
		{Action: "iam:ListAttachedGroupPolicies", Resource: groups},
		{Action: "iam:ListAttachedRolePolicies", Resource: roles},
		{Action: "iam:ListAttachedUserPolicies", Resource: users},
		{Action: "iam:ListEntitiesForPolicy", Resource: policies},
		{Action: "iam:ListGroupPolicies", Resource: groups},
		{Action: "iam:ListGroupsForUser", Resource: users},
		{Action: "iam:ListPolicyVersions", Resource: policies},
	},
	Writes: []remediations.Permission{
		{Action: "iam:DeleteGroupPolicy", Resource: groups},
		{Action: "iam:DeleteRolePolicy", Resource: roles},
		{Action: "iam:DeleteUserPolicy", Resource: users},
		{Action: "iam:DetachGroupPolicy", Resource: groups},
		{Action: "iam:DetachRolePolicy", Resource: roles},
		{Action: "iam:DetachUserPolicy", Resource: users},
		{Action: "iam:RemoveUserFromGroup", Resource: groups},
		{Action: "iam:SetDefaultPolicyVersion", Resource: policies},
	},
	UndoWrites: []remediations.Permission{
		{Action: "iam:AddUserToGroup", Resource: groups},
		{Action: "iam:AttachGroupPolicy", Resource: groups},
		{Action: "iam:AttachRolePolicy", Resource: roles},
		{Action: "iam:AttachUserPolicy", Resource: users},
		{Action: "iam:PutGroupPolicy", Resource: groups},
		{Action: "iam:PutRolePolicy", Resource: roles},
		{Action: "iam:PutUserPolicy", Resource: users},
	},
	Suspects: suspects,
	Guard:    guard,
	Action:   action,
	Undo:     undo,
}

// Settings is what the module's owner may set.
type Settings struct {
	AllowedPrincipals []Principal `json:"allowedPrincipals" doc:"ARNs, without path, of users, roles and groups that may be administrators; * is any run of characters in a name"`
}

// Principal is the ARN of a user, role or group without its path, as "arn:aws:iam::111122223333:role/Admin*". No two of
// a kind have the same name in an account, whatever their paths.
type Principal string

var principal = regexp.MustCompile(`^arn:aws(-[a-z]+)*:iam::([0-9]{12}|\*):(user|role|group)/[A-Za-z0-9_+=,.@*-]+$`)

// UnmarshalText refuses what can be no such ARN.
func (p *Principal) UnmarshalText(text []byte) error {
	if !principal.Match(text) {
		return fmt.Errorf("want an ARN like arn:aws:iam::111122223333:role/Admin*, without a path, got %q", text)
	}
	*p = Principal(text)
	return nil
}

// mayBe reports whether the one of a type and name may be an administrator.
func (s Settings) mayBe(r remediations.Resource, kind, name string) bool {
	arn := "arn:" + remediations.Partition(r.Region) + ":iam::" + r.Account + ":" + kind + "/" + name
	return slices.ContainsFunc(s.AllowedPrincipals, func(p Principal) bool {
		matched, err := path.Match(string(p), arn)
		return err == nil && matched // there is none that a Principal could lead to
	})
}

// state is what was given, as long as it is there. After the action there is nothing, or another version.
type state struct {
	Attached string `json:"attached,omitempty"` // ARN of a policy that is attached
	Inline   string `json:"inline,omitempty"`   // name of an inline policy
	Document string `json:"document,omitempty"` // its text
	Group    string `json:"group,omitempty"`    // name of a group that the user is in
	Version  string `json:"version,omitempty"`  // of the managed policy, that is in effect
}

func guard(ctx context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
	asked, err := given(*run.Event)
	if err != nil {
		return nil, err
	}
	client, settings := iam.NewFromConfig(run.AWS), run.Settings.(Settings)
	if r.Type == policyType {
		return guardPolicy(ctx, client, settings, r, asked.Version)
	}
	k := kinds[r.Type]
	if settings.mayBe(r, k.word, r.ID) {
		return nil, nil
	}
	var (
		present *state
		gives   powers
		who     identity
	)
	err = remediations.InParallel(
		func() (err error) { present, err = read(ctx, client, r, asked); return err },
		func() (err error) { gives, err = judge(ctx, client, r, asked); return err },
		func() (err error) { who, err = k.identity(ctx, client, r.ID); return err },
	)
	if err != nil || present == nil || *present == (state{}) {
		return nil, err
	}
	if present.Inline != "" {
		if gives, err = judgeDocument(r, present.Document, "its inline policy "+present.Inline); err != nil {
			return nil, err
		}
	}
	if gives.rights == none {
		return nil, nil
	}
	if bounded, err := within(ctx, client, r, who.boundary); err != nil || bounded {
		return nil, err
	}
	return found(r, k, *present, gives, who)
}

// found is the finding about what makes somebody an administrator.
func found(r remediations.Resource, k *kind, present state, gives powers, who identity) (*remediations.Finding, error) {
	reason := fmt.Sprintf("the %s %s was made an administrator: %s", k.word, r.ID, gives)
	after := state{}
	if who.owner != "" {
		reason, after = reason+"; only "+who.owner+" can change this role", present
	}
	finding, err := remediations.Found(r, reason, present, after)
	if err != nil {
		return nil, err
	}
	if finding.AlertOnly = who.owner != ""; finding.AlertOnly {
		return finding, nil
	}
	finding.Fix, finding.Revert = takeCommand(r, present), giveCommand(r, present)
	return finding, nil
}

func action(ctx context.Context, run *remediations.Run, finding *remediations.Finding) error {
	before, after, err := states(finding)
	if err != nil {
		return err
	}
	client, name := iam.NewFromConfig(run.AWS), finding.Resource.ID
	if before.Version != "" {
		return setVersion(ctx, client, name, after.Version)
	}
	return take(ctx, client, finding.Resource, before)
}

func undo(ctx context.Context, run *remediations.Run, finding *remediations.Finding) error {
	before, after, err := states(finding)
	if err != nil {
		return err
	}
	client, r := iam.NewFromConfig(run.AWS), finding.Resource
	present, err := read(ctx, client, r, before)
	switch {
	case err != nil:
		return err
	case present == nil:
		return fmt.Errorf("%s is gone: %w", r, remediations.Changed(nil))
	case *present != after:
		return fmt.Errorf("give %s back what it had: %w", r, remediations.Changed(present))
	case before.Version != "":
		return setVersion(ctx, client, r.ID, before.Version)
	}
	return give(ctx, client, r, before)
}

// states is what was given, and what the action leaves of it. It is one thing.
func states(finding *remediations.Finding) (before, after state, err error) {
	if err := errors.Join(json.Unmarshal(finding.Before, &before), json.Unmarshal(finding.After, &after)); err != nil {
		return before, after, fmt.Errorf("decode the states of %s: %w", finding.Resource, err)
	}
	things := 0
	for _, thing := range []string{before.Attached, before.Inline, before.Group, before.Version} {
		if thing != "" {
			things++
		}
	}
	isPolicy := finding.Resource.Type == policyType
	if things != 1 || before == after || (before.Version != "") != isPolicy || (after.Version != "") != isPolicy {
		return before, after, fmt.Errorf("decode the states of %s: %s and %s are not before and after an action", finding.Resource, finding.Before, finding.After)
	}
	return before, after, nil
}
