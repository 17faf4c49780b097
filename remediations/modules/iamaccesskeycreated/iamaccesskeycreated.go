// Package iamaccesskeycreated makes new access keys inactive that nobody is meant to have.
package iamaccesskeycreated

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/events/pattern"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/knowledge/accesskeys"
)

// Module is the remediation.
var Module = &remediations.Module{
	Name:  "iam-access-key-created",
	Title: "deactivate newly created access keys",
	Why: `An access key works from anywhere, for as long as nobody deletes it, and in most accounts without a second factor. A key
that somebody makes for another user is how an intruder comes back after the door is shut.`,
	Text: `Told of is each new key, as long as it is there and active, but one that a user named in the setting keyUsers has made
for itself. A key that somebody else makes for such a user is told of, too: exempt the role that is meant to do that. The
one new key is made inactive, and no other; undo makes it active again.

A key of the account's root can't be made inactive from here: people are told, as long as the root has any. IAM does not
say which.

Temporary credentials that were obtained with the key in the meantime live on until they expire, up to 36 hours. Keys that
have been there before, and inactive ones that are made active again, are not looked at. In an exemption a user's ARN has
no path: the event names the user without it.`,
	Severity: remediations.High,
	Risk:     "whoever was given the key can't use it; a program that has it already stops working",
	Controls: []string{"FSBP/IAM.4", "CIS-3.0/1.4", "ATT&CK/T1098.001"},
	Default:  remediations.Alert,
	Pattern:  pattern.CloudTrail("iam", "CreateAccessKey"),
	Global:   true,
	Settings: Settings{},
	Reads: []remediations.Permission{
		{Action: "iam:ListAccessKeys", Resource: accesskeys.Users},
		{Action: "iam:GetAccountSummary", Resource: "*", Why: "whether the root has access keys stands in the account's summary, which is no resource that IAM could name"},
	},
	Writes: []remediations.Permission{
		{Action: "iam:UpdateAccessKey", Resource: accesskeys.Users},
	},
	Suspects: suspects,
	Guard:    guard,
	Action:   accesskeys.Action,
	Undo:     accesskeys.Undo,
}

// Settings is what the module's owner may set.
type Settings struct {
	KeyUsers []string `json:"keyUsers" doc:"names of the users that may make access keys for themselves"`
}

// Check refuses names that no user can have.
func (s Settings) Check() error {
	var errs []error
	for _, name := range s.KeyUsers {
		errs = append(errs, accesskeys.CheckUser(name))
	}
	return errors.Join(errs...)
}

// root is the account's root user. CloudFormation has no name for it.
const root = "AWS::IAM::RootUser"

// suspects is the user whose key was made, or the root. Without a user's name in the request it is the caller's own key:
// the response names the user then, and nothing names the root.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateAccessKey.html
func suspects(event events.Event) ([]remediations.Resource, error) {
	r := remediations.Resource{Account: event.Account, Region: event.Region}
	name := event.Record.Request.Get("userName").Text()
	if name == "" && event.Record.Identity.Type == "Root" {
		r.ID, r.Type = event.Account, root
		return []remediations.Resource{r}, nil
	}
	if name == "" {
		name = event.Record.Response.Get("accessKey", "userName").Text()
	}
	if err := accesskeys.CheckUser(name); err != nil {
		return nil, fmt.Errorf("the record of %s: %w", event.Record.EventName, err)
	}
	if _, err := made(event.Record); err != nil {
		return nil, err
	}
	r.ID, r.Type = name, accesskeys.Type
	return []remediations.Resource{r}, nil
}

// made is the id of the key that a call has made.
func made(record events.Record) (string, error) {
	id := record.Response.Get("accessKey", "accessKeyId").Text()
	if err := accesskeys.CheckKey(id); err != nil {
		return "", fmt.Errorf("the record of %s: %w", record.EventName, err)
	}
	return id, nil
}

func guard(ctx context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
	client := iam.NewFromConfig(run.AWS)
	if r.Type == root {
		return guardRoot(ctx, client, r)
	}
	id, err := made(run.Event.Record)
	if err != nil {
		return nil, err
	}
	why := reason(run.Event, r.ID, run.Settings.(Settings))
	if why == "" {
		return nil, nil
	}
	keys, err := accesskeys.Read(ctx, client, r.ID)
	if err != nil || keys[id] != types.StatusTypeActive {
		return nil, err
	}
	return accesskeys.Found(r, fmt.Sprintf("the new access key %s of user %s is active, and %s", id, r.ID, why), accesskeys.State{id: keys[id]})
}

// reason is why the user should not have the key; "" if it may.
func reason(event *events.Event, user string, s Settings) string {
	who := event.Record.Identity
	switch {
	case who.Type != "IAMUser" || !accesskeys.SameUser(who.UserName, user) || who.AccountID != event.Account:
		return "was made by somebody else: " + who.Name()
	case !slices.ContainsFunc(s.KeyUsers, func(name string) bool { return accesskeys.SameUser(name, user) }):
		return "the user is not one of those that may have one (keyUsers)"
	}
	return ""
}

// guardRoot asks whether the root has an access key, active or not: which ones it has only the root itself can list.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountSummary.html
func guardRoot(ctx context.Context, client *iam.Client, r remediations.Resource) (*remediations.Finding, error) {
	out, err := client.GetAccountSummary(ctx, &iam.GetAccountSummaryInput{})
	if err != nil {
		return nil, fmt.Errorf("get summary of account %s: %w", r.Account, err)
	}
	present, told := out.SummaryMap[string(types.SummaryKeyTypeAccountAccessKeysPresent)]
	switch {
	case !told:
		return nil, fmt.Errorf("get summary of account %s: the answer does not say whether the root has access keys", r.Account)
	case present == 0:
		return nil, nil
	}
	return &remediations.Finding{
		Resource: r,
		Reason:   "the account's root has an access key: whoever has that can do everything in the account, and no policy here can limit it",
		Fix: "# With the root's own credentials, in CloudShell say; the first shows KEY:\n" +
			"aws iam list-access-keys\naws iam delete-access-key --access-key-id KEY",
		AlertOnly: true,
	}, nil
}
