// Package lambdapublic takes public statements out of the policies of Lambda functions.
package lambdapublic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/events/pattern"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/knowledge/policy"
)

const functions = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:*"

// Module is the remediation.
var Module = &remediations.Module{
	Name:  "lambda-public",
	Title: "remove public statements from a Lambda function's policy",
	Why: `A function that everybody may invoke runs for strangers, with the rights of its role and at your cost; one that everybody
may change is theirs. It is a quiet way to stay in an account, too.`,
	Text: `Public is a statement of the function's policy, or of the policy of one of its versions or aliases, that lets in anybody,
without a condition that says who. It is removed by its id, and everything else stays. A statement that can't be put back
by AddPermission as it was, or that has no id, is left to people, and so is one of which it can't be told whether it is
public. Undo adds the statements again, unless there are others of these ids by then.

A function's URL that anybody may call without signing in (AuthType NONE, and a statement for it) is often meant to be
so: people are told, and it is closed (AuthType AWS_IAM) only if the setting closeUrls says so; undo opens it again. The
statement for it stays, and means nothing then. With the setting unboundServices people are told of statements, too, that
let an AWS service in whoever it acts for, without a condition on the account or the resource.

It looks once a day at the functions themselves; at versions and aliases only when an event names them. Other accounts
that are let in by name are not its concern.`,
	Severity: remediations.High,
	Risk:     "whoever invokes a function that is public on purpose, without an account of yours, can't any more",
	Controls: []string{"FSBP/Lambda.1", "ATT&CK/T1648"},
	Default:  remediations.Alert,
	Pattern: pattern.CloudTrail("lambda", "AddPermission20150331", "AddPermission20150331v2", "CreateFunctionUrlConfig",
		"PutResourcePolicy", "UpdateFunctionUrlConfig"),
	Settings: Settings{},
	Reads: []remediations.Permission{
		{Action: "lambda:GetFunctionUrlConfig", Resource: functions},
		{Action: "lambda:GetPolicy", Resource: functions},
		{Action: "lambda:ListFunctions", Resource: "*", Why: "Lambda knows no resource of a list that IAM could name"},
	},
	Writes: []remediations.Permission{
		{Action: "lambda:RemovePermission", Resource: functions},
		{Action: "lambda:UpdateFunctionUrlConfig", Resource: functions},
	},
	UndoWrites: []remediations.Permission{
		{Action: "lambda:AddPermission", Resource: functions},
	},
	Suspects: suspects,
	Sweep:    sweep,
	Schedule: "rate(1 day)",
	Guard:    guard,
	Action:   action,
	Undo:     undo,
}

// Settings say how far it goes.
type Settings struct {
	CloseURLs       bool `json:"closeUrls" doc:"whether function URLs that anybody may call without signing in are closed, rather than only told"`
	UnboundServices bool `json:"unboundServices" doc:"whether statements that let an AWS service in whoever it acts for are told"`
}

// suspects is the function, version or alias that the call was about. One of another account is that account's to look
// after.
func suspects(event events.Event) ([]remediations.Resource, error) {
	r := event.Record
	text := r.Request.Get("functionName").Text()
	if text == "" {
		text = r.Request.Get("resourceArn").Text()
	}
	f, err := named(text, r.Request.Get("qualifier").Text(), event.Region)
	switch {
	case err != nil:
		return nil, fmt.Errorf("the record of %s: %w", r.EventName, err)
	case f.account != "" && f.account != event.Account:
		return nil, nil
	}
	return []remediations.Resource{f.resource(event.Account, event.Region)}, nil
}

// sweep lists the functions of the Region.
func sweep(ctx context.Context, run *remediations.Run) iter.Seq2[remediations.Resource, error] {
	return func(yield func(remediations.Resource, error) bool) {
		pages := lambda.NewListFunctionsPaginator(lambda.NewFromConfig(run.AWS), &lambda.ListFunctionsInput{})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(remediations.Resource{}, fmt.Errorf("list functions: %w", err))
				return
			}
			for _, listed := range page.Functions {
				f, err := named(aws.ToString(listed.FunctionName), "", run.AWS.Region)
				if err != nil {
					yield(remediations.Resource{}, fmt.Errorf("list functions: %w", err))
					return
				}
				if !yield(f.resource(run.Account, run.AWS.Region), nil) {
					return
				}
			}
		}
	}
}

// state is all of a function that the action changes.
type state struct {
	Statements []json.RawMessage         `json:"statements,omitempty"` // those at fault, as they are in the policy
	URL        types.FunctionUrlAuthType `json:"url,omitempty"`        // how callers of its URL sign in, where that is changed
}

func guard(ctx context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
	f, err := of(r)
	if err != nil {
		return nil, err
	}
	client := lambda.NewFromConfig(run.AWS)
	var (
		text string
		url  types.FunctionUrlAuthType
	)
	err = remediations.InParallel(
		func() (err error) { text, err = f.policy(ctx, client); return err },
		func() (err error) { url, err = f.url(ctx, client); return err },
	)
	if err != nil || text == "" { // without a policy its URL lets in nobody either who is not of the account
		return nil, err
	}
	return judge(r, f, []byte(text), url, run.Settings.(Settings))
}

// action removes statements by their ids, each in a call of its own. What is gone by then need not be removed.
func action(ctx context.Context, run *remediations.Run, finding *remediations.Finding) error {
	f, c, err := changeOf(finding)
	if err != nil {
		return err
	}
	client := lambda.NewFromConfig(run.AWS)
	for _, p := range c.permissions {
		_, err := client.RemovePermission(ctx, &lambda.RemovePermissionInput{FunctionName: &f.name, Qualifier: f.qualified(), StatementId: &p.Sid})
		if err != nil && remediations.ErrorCode(err) != notFound {
			return fmt.Errorf("remove permission %s of function %s: %w", p.Sid, f, err)
		}
	}
	return f.setURL(ctx, client, c.before.URL, c.after.URL)
}

// undo takes several calls. Where an earlier one has done a part of them, it does the rest.
func undo(ctx context.Context, run *remediations.Run, finding *remediations.Finding) error {
	f, c, err := changeOf(finding)
	if err != nil {
		return err
	}
	client := lambda.NewFromConfig(run.AWS)
	present, err := f.present(ctx, client, c)
	if err != nil {
		return err
	}
	missing, ok := c.missing(present)
	if !ok || len(missing) == 0 && c.before.URL == c.after.URL {
		return fmt.Errorf("function %s: %w", f, remediations.Changed(present))
	}
	for _, p := range missing {
		if _, err := client.AddPermission(ctx, p.input(f)); err != nil {
			return fmt.Errorf("add permission %s to function %s: %w", p.Sid, f, err)
		}
	}
	return f.setURL(ctx, client, c.after.URL, c.before.URL)
}

// present is what there is now in place of what the action has taken away: the statements of these ids, and the URL if
// that was changed.
func (f function) present(ctx context.Context, client *lambda.Client, c change) (s state, err error) {
	var text string
	err = remediations.InParallel(
		func() (err error) { text, err = f.policy(ctx, client); return err },
		func() (err error) {
			if c.before.URL != "" {
				s.URL, err = f.url(ctx, client)
			}
			return err
		},
	)
	if err != nil || text == "" {
		return s, err
	}
	statements, err := split([]byte(text))
	if err != nil {
		return s, fmt.Errorf("policy of function %s: %w", f, err)
	}
	for _, statement := range statements {
		if slices.ContainsFunc(c.permissions, func(p permission) bool { return p.Sid == sid(statement) }) {
			s.Statements = append(s.Statements, statement)
		}
	}
	return s, nil
}

// change is what a finding says that the action changes.
type change struct {
	before, after state
	permissions   []permission // the statements before, as AddPermission writes them
}

// missing is the permissions that are to be put back; false if somebody has changed what the action left.
func (c change) missing(present state) ([]permission, bool) {
	var missing []permission
	for i, p := range c.permissions {
		at := slices.IndexFunc(present.Statements, func(statement json.RawMessage) bool { return sid(statement) == p.Sid })
		switch {
		case at < 0:
			missing = append(missing, p)
		case !policy.Equal(present.Statements[at], c.before.Statements[i]):
			return nil, false
		}
	}
	return missing, present.URL == c.after.URL
}

func changeOf(finding *remediations.Finding) (f function, c change, err error) {
	if f, err = of(finding.Resource); err != nil {
		return f, c, err
	}
	if err := errors.Join(json.Unmarshal(finding.Before, &c.before), json.Unmarshal(finding.After, &c.after)); err != nil {
		return f, c, fmt.Errorf("decode the state of function %s: %w", f, err)
	}
	for _, s := range c.before.Statements {
		p, err := f.parse(s)
		if err != nil {
			return f, c, fmt.Errorf("decode the state of function %s: %w", f, err)
		}
		c.permissions = append(c.permissions, p)
	}
	shut := c.before.URL == types.FunctionUrlAuthTypeNone && c.after.URL == types.FunctionUrlAuthTypeAwsIam
	if !shut && (c.before.URL != c.after.URL || len(c.permissions) == 0) || len(c.after.Statements) > 0 {
		return f, c, fmt.Errorf("the states of function %s are none that the action has changed", f)
	}
	return f, c, nil
}

// setURL changes how callers of the function's URL sign in.
func (f function) setURL(ctx context.Context, client *lambda.Client, from, to types.FunctionUrlAuthType) error {
	if from == to {
		return nil
	}
	_, err := client.UpdateFunctionUrlConfig(ctx, &lambda.UpdateFunctionUrlConfigInput{FunctionName: &f.name, Qualifier: f.qualified(), AuthType: to})
	if err != nil {
		return fmt.Errorf("update the URL of function %s: %w", f, err)
	}
	return nil
}
