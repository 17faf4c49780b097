// Package iamusernomfa lets IAM users who sign in with a password alone do no more than set up MFA.
package iamusernomfa

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/events/pattern"
	"github.com/countermand/countermand/remediations"
)

const users = "arn:${AWS::Partition}:iam::${AWS::AccountId}:user/*"

// onlyPolicy narrows a right to the one policy that the module attaches.
var onlyPolicy = remediations.Condition{Key: "iam:PolicyARN", Value: "arn:${AWS::Partition}:iam::${AWS::AccountId}:policy/" + policyName}

// Settings is what the module's owner may set.
type Settings struct {
	GraceHours int `json:"graceHours" doc:"hours that a user has, from getting a password on, to set up MFA"`
}

// Check refuses a time that is none.
func (s Settings) Check() error {
	if s.GraceHours < 0 || s.GraceHours > 90*24 {
		return fmt.Errorf("graceHours is %d: want 0 to %d (90 days)", s.GraceHours, 90*24)
	}
	return nil
}

// Module is the remediation.
var Module = &remediations.Module{
	Name:  "iam-user-no-mfa",
	Title: "restrict users without MFA until they set it up",
	Why: `A password alone can be guessed, phished or reused from another site, and it is all that the console asks of an IAM
user who has no MFA device.`,
	Text: `Wrong is a user with a password and no MFA device. They have graceHours, from getting the password on, to set it up; a
sweep then attaches the policy countermand-require-mfa to them, which is deployed with this module, if sweeps may
enforce. Signed in without MFA they can do no more than set up MFA for themselves and change their password; once it is
set up, and they have signed in again, they can do what they could before. From a user who has MFA the policy is taken
off. Undo takes it off or puts it back; exempt the user first, or the next sweep does it again.

Access keys are left alone, so that programs go on working: the policy denies what is done in a session without MFA, and
calls with a long-term key are in none. (AWS's own example denies these as well.) It does not keep whoever knows the
password from setting up an MFA device of their own: nobody can do that for a user.

Not seen are users of IAM Identity Center and of identity providers, the root user, and policies of others that demand
MFA already: a user is held twice then, to no harm. IAM lets a user have ten managed policies, unless AWS has raised
that: with one more the run fails, and people are told. An exemption names the user without path. What an event misses,
as IAM shows a new password a moment later in places, the next sweep finds.`,
	Severity: remediations.Medium,
	Risk:     "users without MFA can do nothing in the console but set it up, and whoever deletes a user by API has to detach the policy first",
	Controls: []string{"FSBP/IAM.5", "CIS-3.0/1.10", "ATT&CK/T1078.004"},
	Default:  remediations.Alert,
	Pattern:  pattern.CloudTrail("iam", "CreateLoginProfile", "CreateUser", "EnableMFADevice"),
	Global:   true,
	Settings: Settings{GraceHours: 24},
	Reads: []remediations.Permission{
		{Action: "iam:GetLoginProfile", Resource: users},
		{Action: "iam:ListAttachedUserPolicies", Resource: users},
		{Action: "iam:ListMFADevices", Resource: users},
		{Action: "iam:ListUsers", Resource: "*", Why: "IAM can't narrow down the list of users"},
	},
	Writes: []remediations.Permission{
		{Action: "iam:AttachUserPolicy", Resource: users, Only: onlyPolicy},
		{Action: "iam:DetachUserPolicy", Resource: users, Only: onlyPolicy},
	},
	Policies: []remediations.ManagedPolicy{{
		Name: policyName, Document: policyDocument,
		Why: "Denies all but setting up MFA in a session without MFA. Countermand attaches it to users without MFA and detaches it.",
	}},
	Suspects: suspects,
	Sweep:    sweep,
	Schedule: "rate(1 hour)",
	Guard:    guard,
	Action:   action,
	Undo:     undo,
}

// form is what the name of a user looks like. It becomes part of commands that people copy.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateUser.html
var form = regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]{1,64}$`)

// rootName is how IAM's events call the root user, who has no policies.
const rootName = "AWS ROOT USER"

// suspects is the user of the event. Without a name in the request the caller's own password was created: a user's, whom
// the response names, or root's.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateLoginProfile.html
func suspects(event events.Event) ([]remediations.Resource, error) {
	r := event.Record
	name := r.Request.Get("userName").Text()
	switch {
	case name == rootName || name == "" && r.Identity.Type == "Root":
		return nil, nil
	case name == "":
		name = r.Response.Get("loginProfile").Get("userName").Text()
	}
	if !form.MatchString(name) {
		return nil, fmt.Errorf("the record of %s names no user, but %q", r.EventName, name)
	}
	return []remediations.Resource{user(name, event.Account, event.Region)}, nil
}

// user is the resource of a name. Its ARN is made without the user's path, which most events and calls don't give.
func user(name, account, region string) remediations.Resource {
	return remediations.Resource{ID: name, Type: "AWS::IAM::User", Account: account, Region: region}
}

func sweep(ctx context.Context, run *remediations.Run) iter.Seq2[remediations.Resource, error] {
	return func(yield func(remediations.Resource, error) bool) {
		pages := iam.NewListUsersPaginator(iam.NewFromConfig(run.AWS), &iam.ListUsersInput{})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err == nil && page.Users == nil { // IAM's is empty if there are none
				err = errNoList
			}
			if err != nil {
				yield(remediations.Resource{}, fmt.Errorf("list users: %w", err))
				return
			}
			for _, u := range page.Users {
				if !yield(user(aws.ToString(u.UserName), run.Account, run.AWS.Region), nil) {
					return
				}
			}
		}
	}
}

// state is all of a user that the action changes.
type state struct {
	Held bool `json:"held"` // the policy is attached
}

func guard(ctx context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
	if !form.MatchString(r.ID) {
		return nil, fmt.Errorf("%q is not the name of a user", r.ID)
	}
	client := iam.NewFromConfig(run.AWS)
	var (
		since   time.Time
		devices int
		present *state
	)
	err := remediations.InParallel(
		func() (err error) { since, err = password(ctx, client, r.ID); return err },
		func() (err error) { devices, err = mfaDevices(ctx, client, r.ID); return err },
		func() (err error) { present, err = read(ctx, client, r); return err },
	)
	switch {
	case err != nil || present == nil:
		return nil, err
	case devices > 0 && present.Held:
		return found(r, "the user has MFA by now, and is still held by the policy "+policyName, *present)
	case devices > 0 || present.Held || since.IsZero():
		return nil, nil
	}
	finding, err := found(r, "the user has a password and no MFA device: the password alone opens the console", *present)
	if err != nil {
		return nil, err
	}
	finding.Grace = since.Add(time.Duration(run.Settings.(Settings).GraceHours) * time.Hour)
	return finding, nil
}

// found is the finding about a user whose state has to be the other one.
func found(r remediations.Resource, reason string, now state) (*remediations.Finding, error) {
	finding, err := remediations.Found(r, reason, now, state{Held: !now.Held})
	if err != nil {
		return nil, err
	}
	finding.Fix, finding.Revert = command(r, !now.Held), command(r, now.Held)
	return finding, nil
}

var errNoList = errors.New("the answer holds no list")

// noEntity is IAM's answer about a user who does not exist, and about one without a password.
const noEntity = "NoSuchEntity"

// password is since when the user has one; zero if there is none, or no user.
func password(ctx context.Context, client *iam.Client, name string) (time.Time, error) {
	out, err := client.GetLoginProfile(ctx, &iam.GetLoginProfileInput{UserName: &name})
	switch {
	case remediations.ErrorCode(err) == noEntity:
		return time.Time{}, nil
	case err != nil:
		return time.Time{}, fmt.Errorf("get the login profile of user %s: %w", name, err)
	case out.LoginProfile == nil || out.LoginProfile.CreateDate == nil || !strings.EqualFold(aws.ToString(out.LoginProfile.UserName), name):
		return time.Time{}, fmt.Errorf("get the login profile of user %s: the answer is not about that", name)
	}
	return *out.LoginProfile.CreateDate, nil
}

// mfaDevices is how many the user has, of whatever kind; none if there is no user.
func mfaDevices(ctx context.Context, client *iam.Client, name string) (int, error) {
	devices := 0
	pages := iam.NewListMFADevicesPaginator(client, &iam.ListMFADevicesInput{UserName: &name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if remediations.ErrorCode(err) == noEntity {
			return 0, nil
		}
		if err == nil && page.MFADevices == nil {
			err = errNoList
		}
		if err != nil {
			return 0, fmt.Errorf("list the MFA devices of user %s: %w", name, err)
		}
		for _, d := range page.MFADevices {
			if !strings.EqualFold(aws.ToString(d.UserName), name) {
				return 0, fmt.Errorf("list the MFA devices of user %s: the answer holds one of %q", name, aws.ToString(d.UserName))
			}
			devices++
		}
	}
	return devices, nil
}

// read is the user's state; nil if there is no user.
func read(ctx context.Context, client *iam.Client, r remediations.Resource) (*state, error) {
	present := &state{}
	pages := iam.NewListAttachedUserPoliciesPaginator(client, &iam.ListAttachedUserPoliciesInput{UserName: &r.ID})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if remediations.ErrorCode(err) == noEntity {
			return nil, nil
		}
		if err == nil && page.AttachedPolicies == nil {
			err = errNoList
		}
		if err != nil {
			return nil, fmt.Errorf("list the policies of user %s: %w", r.ID, err)
		}
		for _, p := range page.AttachedPolicies {
			present.Held = present.Held || aws.ToString(p.PolicyArn) == policyARN(r)
		}
	}
	return present, nil
}

func action(ctx context.Context, run *remediations.Run, finding *remediations.Finding) error {
	var after state
	if err := json.Unmarshal(finding.After, &after); err != nil {
		return fmt.Errorf("decode the state of user %s: %w", finding.Resource.ID, err)
	}
	return hold(ctx, iam.NewFromConfig(run.AWS), finding.Resource, after.Held)
}

func undo(ctx context.Context, run *remediations.Run, finding *remediations.Finding) error {
	r := finding.Resource
	var before, after state
	if err := errors.Join(json.Unmarshal(finding.Before, &before), json.Unmarshal(finding.After, &after)); err != nil {
		return fmt.Errorf("decode the state of user %s: %w", r.ID, err)
	}
	if before == after {
		return fmt.Errorf("user %s was the same before and after: there is nothing to undo", r.ID)
	}
	client := iam.NewFromConfig(run.AWS)
	present, err := read(ctx, client, r)
	switch {
	case err != nil:
		return err
	case present == nil:
		return fmt.Errorf("user %s is gone: %w", r.ID, remediations.Changed(nil))
	case *present != after:
		return fmt.Errorf("policy %s of user %s: %w", policyName, r.ID, remediations.Changed(present))
	}
	return hold(ctx, client, r, before.Held)
}

// hold attaches the policy to the user, or detaches it.
func hold(ctx context.Context, client *iam.Client, r remediations.Resource, held bool) error {
	policy := policyARN(r)
	if held {
		if _, err := client.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: &r.ID, PolicyArn: &policy}); err != nil {
			return fmt.Errorf("attach policy %s to user %s: %w", policyName, r.ID, err)
		}
		return nil
	}
	if _, err := client.DetachUserPolicy(ctx, &iam.DetachUserPolicyInput{UserName: &r.ID, PolicyArn: &policy}); err != nil {
		return fmt.Errorf("detach policy %s from user %s: %w", policyName, r.ID, err)
	}
	return nil
}

// command is the AWS CLI command that attaches the policy to the user, or detaches it.
func command(r remediations.Resource, held bool) string {
	subcommand := "detach-user-policy"
	if held {
		subcommand = "attach-user-policy"
	}
	return fmt.Sprintf("aws iam %s --region %s --user-name %s --policy-arn %s",
		subcommand, remediations.Quote(r.Region), remediations.Quote(r.ID), remediations.Quote(policyARN(r)))
}
