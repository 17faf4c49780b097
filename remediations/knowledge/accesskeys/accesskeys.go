// Package accesskeys is what the modules on IAM users' access keys have in common: which keys a user has, and how they
// are switched off and on again. It never sees a secret: IAM shows that once, to whoever makes the key.
package accesskeys

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/countermand/countermand/remediations"
)

// Users is the users of the account, for a module's permissions.
const Users = "arn:${AWS::Partition}:iam::${AWS::AccountId}:user/*"

// Type is CloudFormation's name of the type.
const Type = "AWS::IAM::User"

// The forms of what becomes part of calls and of commands that people copy.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_AccessKey.html
var (
	userName = regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]{1,64}$`)
	keyID    = regexp.MustCompile(`^[A-Z0-9]{16,128}$`)
)

// CheckUser refuses what is no user's name.
func CheckUser(name string) error {
	if !userName.MatchString(name) {
		return fmt.Errorf("%q is no user's name", name)
	}
	return nil
}

// SameUser reports whether two names are one user's: IAM does not tell them by case, and a request may have any.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateUser.html
func SameUser(name, other string) bool { return strings.EqualFold(name, other) }

// CheckKey refuses what is no access key's id.
func CheckKey(id string) error {
	if !keyID.MatchString(id) {
		return fmt.Errorf("%q is no access key's id", id)
	}
	return nil
}

// State is the status of access keys, by their ids: "Active", "Inactive" or "Expired".
type State map[string]types.StatusType

// Active is the ids of the keys that can be used, sorted.
func (s State) Active() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(s)), func(id string) bool { return s[id] != types.StatusTypeActive })
}

// Read is a user's keys; none if there is no such user any more.
func Read(ctx context.Context, client *iam.Client, user string) (State, error) {
	state := State{}
	pages := iam.NewListAccessKeysPaginator(client, &iam.ListAccessKeysInput{UserName: &user})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if remediations.ErrorCode(err) == "NoSuchEntity" {
			return State{}, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list access keys of user %s: %w", user, err)
		}
		for _, key := range page.AccessKeyMetadata {
			id := aws.ToString(key.AccessKeyId)
			if owner := aws.ToString(key.UserName); !SameUser(owner, user) {
				return nil, fmt.Errorf("list access keys of user %s: the answer holds one of %q", user, owner)
			}
			if err := CheckKey(id); err != nil {
				return nil, fmt.Errorf("list access keys of user %s: %w", user, err)
			}
			if key.Status == "" {
				return nil, fmt.Errorf("list access keys of user %s: %s has no status", user, id)
			}
			state[id] = key.Status
		}
	}
	return state, nil
}

// Found is the finding that a user's active keys are to be deactivated. Keys that are not active are in the state, and
// stay as they are.
func Found(r remediations.Resource, reason string, present State) (*remediations.Finding, error) {
	after := maps.Clone(present)
	var fix, revert []string
	for _, id := range present.Active() {
		after[id] = types.StatusTypeInactive
		fix = append(fix, command(r, id, types.StatusTypeInactive))
		revert = append(revert, command(r, id, types.StatusTypeActive))
	}
	finding, err := remediations.Found(r, reason, present, after)
	if err != nil {
		return nil, err
	}
	finding.Fix, finding.Revert = strings.Join(fix, "\n"), strings.Join(revert, "\n")
	return finding, nil
}

// Action makes the keys of a finding inactive.
func Action(ctx context.Context, run *remediations.Run, finding *remediations.Finding) error {
	before, after, err := states(finding)
	if err != nil {
		return err
	}
	client := iam.NewFromConfig(run.AWS)
	for _, id := range changed(before, after) {
		if err := set(ctx, client, finding.Resource.ID, id, after[id]); err != nil {
			return err
		}
	}
	return nil
}

// Undo makes them active again. It refuses if one of them is gone, or all are as they were before; if some are, an undo
// was interrupted, and goes on.
func Undo(ctx context.Context, run *remediations.Run, finding *remediations.Finding) error {
	before, after, err := states(finding)
	if err != nil {
		return err
	}
	user, ids := finding.Resource.ID, changed(before, after)
	if len(ids) == 0 {
		return fmt.Errorf("no access key of user %s was deactivated: there is nothing to undo", user)
	}
	client := iam.NewFromConfig(run.AWS)
	all, err := Read(ctx, client, user)
	if err != nil {
		return err
	}
	present := State{}
	for id := range before {
		if status, there := all[id]; there {
			present[id] = status
		}
	}
	drifted := func(id string) bool { return present[id] != before[id] && present[id] != after[id] }
	left := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return present[id] == before[id] })
	if slices.ContainsFunc(ids, drifted) || len(left) == 0 {
		return fmt.Errorf("access keys of user %s: %w", user, remediations.Changed(present))
	}
	for _, id := range left {
		if err := set(ctx, client, user, id, before[id]); err != nil {
			return err
		}
	}
	return nil
}

// states is the keys before and after the action.
func states(finding *remediations.Finding) (before, after State, err error) {
	if err := errors.Join(json.Unmarshal(finding.Before, &before), json.Unmarshal(finding.After, &after)); err != nil {
		return nil, nil, fmt.Errorf("decode the access keys of %s: %w", finding.Resource, err)
	}
	return before, after, nil
}

// changed is the keys that the action deactivates, sorted.
func changed(before, after State) []string {
	return slices.DeleteFunc(before.Active(), func(id string) bool { return after[id] != types.StatusTypeInactive })
}

func set(ctx context.Context, client *iam.Client, user, id string, status types.StatusType) error {
	if _, err := client.UpdateAccessKey(ctx, &iam.UpdateAccessKeyInput{UserName: &user, AccessKeyId: &id, Status: status}); err != nil {
		return fmt.Errorf("make access key %s of user %s %s: %w", id, user, status, err)
	}
	return nil
}

// command is the AWS CLI command that gives a key a status. IAM has one endpoint in a partition: no Region is named.
func command(r remediations.Resource, id string, status types.StatusType) string {
	return fmt.Sprintf("aws iam update-access-key --user-name %s --access-key-id %s --status %s",
		remediations.Quote(r.ID), remediations.Quote(id), status)
}
