// Package iamaccesskeycompromised makes the access keys of users inactive that AWS has put under quarantine.
package iamaccesskeycompromised

import (
	"context"
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/events/pattern"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/knowledge/accesskeys"
)

// Module is the remediation.
var Module = &remediations.Module{
	Name:  "iam-access-key-compromised",
	Title: "deactivate the access keys of users that AWS has quarantined",
	Why: `AWS has found an access key of this user where everybody can read it, such as in a public repository. Its quarantine
policy denies some actions that intruders are fond of; everything else that the user may do, whoever has the key may do.`,
	Text: `AWS attaches the policy AWSCompromisedKeyQuarantine, or a later version of it, to the user; in earlier years it wrote the
inline policy AWSExposedCredentialPolicy_DO_NOT_REMOVE. As long as the user has one of them, its active keys are made
inactive: all of them, as nothing but AWS's support case and mail says which one was found. The reason tells when, where
and for what each was used last. Undo makes those active again that were. The quarantine policy stays: AWS asks not to
remove it before its case is closed; until then a key that is made active again is found again.

Temporary credentials that were obtained with a key live on until they expire, up to 36 hours. A password of the user is
not looked at. AWS Health tells of such keys as well (AWS_RISK_CREDENTIALS_EXPOSED), which is no event of CloudTrail and
is not heard here. Keys of the account's root get no quarantine policy. A sweep finds attached policies, no inline ones.`,
	Severity: remediations.Critical,
	Risk:     "programs that work with one of the user's keys stop working, also with one that nobody else has seen",
	Controls: []string{"ATT&CK/T1552.001", "ATT&CK/T1078.004"},
	Default:  remediations.Alert,
	Pattern:  pattern.CloudTrail("iam", "AttachUserPolicy", "PutUserPolicy"),
	Global:   true,
	Reads: []remediations.Permission{
		{Action: "iam:GetAccessKeyLastUsed", Resource: accesskeys.Users},
		{Action: "iam:ListAccessKeys", Resource: accesskeys.Users},
		{Action: "iam:ListAttachedUserPolicies", Resource: accesskeys.Users},
		{Action: "iam:ListEntitiesForPolicy", Resource: "arn:${AWS::Partition}:iam::aws:policy/AWSCompromisedKeyQuarantine*"},
		{Action: "iam:ListUserPolicies", Resource: accesskeys.Users},
	},
	Writes: []remediations.Permission{
		{Action: "iam:UpdateAccessKey", Resource: accesskeys.Users},
	},
	Suspects: suspects,
	Sweep:    sweep,
	Schedule: "rate(1 day)",
	Guard:    guard,
	Action:   accesskeys.Action,
	Undo:     accesskeys.Undo,
}

// attached is the ARN of a quarantine policy, and versions those there are.
// https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSCompromisedKeyQuarantineV3.html
var attached = regexp.MustCompile(`^arn:aws(-[a-z]+)*:iam::aws:policy/AWSCompromisedKeyQuarantine(V[0-9]+)?$`)

var versions = []string{"", "V2", "V3"}

// inline is the name of the quarantine policy that AWS wrote before there were those.
const inline = "AWSExposedCredentialPolicy_DO_NOT_REMOVE"

// suspects is the user that a policy was attached to or written for, unless the event shows that it is another policy.
func suspects(event events.Event) ([]remediations.Resource, error) {
	request := event.Record.Request
	arn, written := request.Get("policyArn").Text(), request.Get("policyName").Text()
	if arn != "" && !attached.MatchString(arn) || written != "" && written != inline {
		return nil, nil
	}
	name := request.Get("userName").Text()
	if err := accesskeys.CheckUser(name); err != nil {
		return nil, fmt.Errorf("the record of %s: %w", event.Record.EventName, err)
	}
	return []remediations.Resource{{ID: name, Type: accesskeys.Type, Account: event.Account, Region: event.Region}}, nil
}

// sweep is the users that a quarantine policy is attached to, each once.
func sweep(ctx context.Context, run *remediations.Run) iter.Seq2[remediations.Resource, error] {
	return func(yield func(remediations.Resource, error) bool) {
		client := iam.NewFromConfig(run.AWS)
		seen := map[string]bool{}
		for _, version := range versions {
			arn := "arn:" + remediations.Partition(run.AWS.Region) + ":iam::aws:policy/AWSCompromisedKeyQuarantine" + version
			pages := iam.NewListEntitiesForPolicyPaginator(client, &iam.ListEntitiesForPolicyInput{
				PolicyArn: &arn, EntityFilter: types.EntityTypeUser, PolicyUsageFilter: types.PolicyUsageTypePermissionsPolicy,
			})
			for pages.HasMorePages() {
				page, err := pages.NextPage(ctx)
				if remediations.ErrorCode(err) == "NoSuchEntity" { // not every partition has each
					break
				}
				if err != nil {
					yield(remediations.Resource{}, fmt.Errorf("list users with policy %s: %w", arn, err))
					return
				}
				for _, user := range page.PolicyUsers {
					name := aws.ToString(user.UserName)
					if err := accesskeys.CheckUser(name); err != nil {
						yield(remediations.Resource{}, fmt.Errorf("list users with policy %s: %w", arn, err))
						return
					}
					r := remediations.Resource{ID: name, Type: accesskeys.Type, Account: run.Account, Region: run.AWS.Region}
					if !seen[name] && !yield(r, nil) {
						return
					}
					seen[name] = true
				}
			}
		}
	}
}

func guard(ctx context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
	client := iam.NewFromConfig(run.AWS)
	var (
		keys   accesskeys.State
		policy [2]string
	)
	err := remediations.InParallel(
		func() (err error) { keys, err = accesskeys.Read(ctx, client, r.ID); return err },
		func() (err error) { policy[0], err = readAttached(ctx, client, r.ID); return err },
		func() (err error) { policy[1], err = readInline(ctx, client, r.ID); return err },
	)
	active := keys.Active()
	if err != nil || policy[0]+policy[1] == "" || len(active) == 0 {
		return nil, err
	}
	uses := make([]string, len(active))
	var calls []func() error
	for i, id := range active {
		calls = append(calls, func() (err error) { uses[i], err = lastUse(ctx, client, r.ID, id); return err })
	}
	if err := remediations.InParallel(calls...); err != nil {
		return nil, err
	}
	reason := fmt.Sprintf("AWS has put user %s under quarantine (%s), and it has active keys: %s", r.ID,
		strings.Join(slices.DeleteFunc(policy[:], func(name string) bool { return name == "" }), ", "), strings.Join(uses, "; "))
	return accesskeys.Found(r, reason, keys)
}

// readAttached is the quarantine policy that is attached to a user; "" if none is, or the user is gone.
func readAttached(ctx context.Context, client *iam.Client, user string) (string, error) {
	pages := iam.NewListAttachedUserPoliciesPaginator(client, &iam.ListAttachedUserPoliciesInput{UserName: &user})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		switch {
		case remediations.ErrorCode(err) == "NoSuchEntity":
			return "", nil
		case err != nil:
			return "", fmt.Errorf("list policies attached to user %s: %w", user, err)
		}
		for _, p := range page.AttachedPolicies {
			if attached.MatchString(aws.ToString(p.PolicyArn)) {
				return aws.ToString(p.PolicyName), nil
			}
		}
	}
	return "", nil
}

// readInline is the inline quarantine policy that a user has; "" if it has none, or is gone.
func readInline(ctx context.Context, client *iam.Client, user string) (string, error) {
	pages := iam.NewListUserPoliciesPaginator(client, &iam.ListUserPoliciesInput{UserName: &user})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		switch {
		case remediations.ErrorCode(err) == "NoSuchEntity":
			return "", nil
		case err != nil:
			return "", fmt.Errorf("list inline policies of user %s: %w", user, err)
		case slices.Contains(page.PolicyNames, inline):
			return inline, nil
		}
	}
	return "", nil
}

// lastUse is when, where and for what a key was used last, in words.
func lastUse(ctx context.Context, client *iam.Client, user, id string) (string, error) {
	out, err := client.GetAccessKeyLastUsed(ctx, &iam.GetAccessKeyLastUsedInput{AccessKeyId: &id})
	switch {
	case err != nil:
		return "", fmt.Errorf("get last use of access key %s: %w", id, err)
	case !accesskeys.SameUser(aws.ToString(out.UserName), user) || out.AccessKeyLastUsed == nil:
		return "", fmt.Errorf("get last use of access key %s of user %s: the answer is about user %q", id, user, aws.ToString(out.UserName))
	case out.AccessKeyLastUsed.LastUsedDate == nil:
		return id + ", never used", nil
	}
	last := out.AccessKeyLastUsed
	return fmt.Sprintf("%s, used last at %s for %s in %s", id, last.LastUsedDate.UTC().Format(time.RFC3339),
		aws.ToString(last.ServiceName), aws.ToString(last.Region)), nil
}
