// Package rootactivity tells of what is done as the account's root user.
package rootactivity

import (
	"context"
	"fmt"
	"strings"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
)

// Module is the remediation.
var Module = &remediations.Module{
	Name:  "root-activity",
	Title: "alert on root user activity",
	Why: `The root user may do everything, and no policy of the account holds it back. It is needed for a handful of tasks a year:
whatever else is done as root is a mistake, or somebody who has its password or a key.`,
	Text: `Told of are its sign-ins and each call that changes something, with where it came from, whether with MFA, and by what
program. So are calls that were refused, and sign-ins that failed: somebody knows the account's e-mail address, and tries
passwords. As everybody who knows it can do so, and ask for a new password, these are told once an hour and the rest in a
summary. Also told are what else is done at the sign-in page, such as setting a password, and sessions that AWS
Organizations' management account opens as root in a member account (sts:AssumeRoot).

Not told of are calls that only read, but for those that give out credentials, and what an AWS service does in root's
name: making its service-linked role, or launching the instances of an Auto Scaling group that root has made.

Nothing is changed: nobody can take rights from the root user. Change its password, remove its access keys, and close its
sessions by signing out everywhere. A sign-in as root is reported in the partition's global Region, and a call in the
Region that it was made in: deploy this module to all Regions that are enabled, whether they are used or not.`,
	Severity: remediations.Critical,
	Controls: []string{"CIS-3.0/1.7", "CIS-3.0/4.3", "ATT&CK/T1078.004"},
	Default:  remediations.Alert,
	// AWS's pages spell the detail-type of sign-ins in two ways.
	// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
	// https://repost.aws/knowledge-center/root-user-account-eventbridge-rule
	Pattern: `{"source":[{"prefix":"aws."}],"detail-type":["AWS API Call via CloudTrail","AWS Console Action via CloudTrail",` +
		`"AWS Console Sign In via CloudTrail","AWS Console Signin via CloudTrail"],"detail":{"userIdentity":{"type":["Root"]}}}`,
	Suspects: suspects,
	Guard:    guard,
}

// suspects is the account's root user, unless the event is not its own doing, or nothing to tell of.
func suspects(event events.Event) ([]remediations.Resource, error) {
	r := event.Record
	switch {
	case r.Identity.Type != "Root":
		return nil, fmt.Errorf("the record of %s is not of the root user, but of type %q", r.EventName, r.Identity.Type)
	case r.Identity.AccountID != event.Account: // of another account, which hears of it as well
		return nil, nil
	case byService(r.Identity), r.EventName == "CreateServiceLinkedRole", r.ReadOnly && !credentials[r.EventName]:
		return nil, nil
	}
	root := remediations.Resource{ID: event.Account, Type: "AWS::IAM::RootUser", Account: event.Account, Region: event.Region}
	if _, err := root.ARN(); err != nil {
		return nil, err
	}
	return []remediations.Resource{root}, nil
}

// byService reports whether an AWS service made the call in root's name. That the console is a service, too, is in old
// records only.
func byService(i events.Identity) bool {
	return i.InvokedBy != "" && i.InvokedBy != "signin.amazonaws.com"
}

// credentials is the calls that only read for CloudTrail, and give out credentials.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_Operations.html
var credentials = map[string]bool{"GetFederationToken": true, "GetSessionToken": true}

// guard has only the event to judge by: what was done leaves no state of the root user.
func guard(_ context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
	return &remediations.Finding{Resource: r, Reason: reason(run.Event.Record)}, nil
}

// reason says what was done. It is the same for what is not worth a message of its own: of failed sign-ins it doesn't
// say where they came from, as who tries passwords can come from anywhere.
func reason(r events.Record) string {
	if r.EventName == "ConsoleLogin" {
		if r.Response.Get("ConsoleLogin").Text() != "Success" {
			return "somebody tried to sign in to the console as the root user, and failed"
		}
		return "somebody signed in to the console as the root user, " + how(r, signedInWithMFA(r))
	}
	if r.EventType == "AwsConsoleSignIn" {
		return atSignIn(r)
	}
	text := fmt.Sprintf("the root user called %s of %s, %s", name(r.EventName), name(events.Label(r.EventSource)), how(r, calledWithMFA(r.Identity)))
	if r.Failed() {
		text += "; it was refused"
		if r.ErrorCode != "" {
			text += " (" + name(r.ErrorCode) + ")"
		}
	}
	return text
}

// atSignIn says what somebody did who was not signed in then, nor had to be the root user: everybody who knows the
// account's e-mail address can ask for a new password.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-aws-console-sign-in-events.html
func atSignIn(r events.Record) string {
	if r.EventName == "PasswordRecoveryRequested" {
		return "somebody asked for the means to set a new password of the root user"
	}
	text := "somebody was at the root user's sign-in page: " + name(r.EventName) + ", " + how(r, "")
	if r.Response.Get(r.EventName).Text() != "Success" {
		text += "; it failed"
	}
	return text
}

// how is where a call came from, whether with MFA, if that is known to matter, and by what program.
func how(r events.Record, mfa string) string {
	text := "from " + name(r.SourceIPAddress)
	if mfa != "" {
		text += ", " + mfa
	}
	if agent := program(r.UserAgent); agent != "" {
		text += ", by " + agent
	}
	return text
}

// signedInWithMFA is what a sign-in's record says of MFA.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-aws-console-sign-in-events.html
func signedInWithMFA(r events.Record) string {
	switch strings.ToLower(r.Additional.Get("MFAUsed").Text()) {
	case "yes":
		return "with MFA"
	case "no":
		return "without MFA"
	}
	return "it is not known whether with MFA"
}

// calledWithMFA is what a call's record says of MFA. A call that is not made in a session is made with an access key,
// which root should have none of.
func calledWithMFA(i events.Identity) string {
	switch {
	case i.MFA:
		return "with MFA"
	case strings.HasPrefix(i.AccessKeyID, "AKIA"):
		return "without MFA, with the access key " + name(i.AccessKeyID)
	}
	return "without MFA"
}

// Bounds of what somebody else chose.
const (
	maxName    = 100
	maxProgram = 150
)

func name(text string) string {
	if text == "" {
		return "unknown"
	}
	return cut(text, maxName)
}

// program is a user agent without the brackets that some services put around it. It is chosen by the caller.
func program(agent string) string { return cut(strings.Trim(agent, "[]"), maxProgram) }

func cut(text string, most int) string {
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + "..."
	}
	return text
}
