// Package signinnomfa tells of sign-ins to the console without MFA.
package signinnomfa

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
)

// Module is the remediation.
var Module = &remediations.Module{
	Name:  "signin-no-mfa",
	Title: "alert on console sign-ins without MFA",
	Why: `Who signs in with a password alone needs nothing but that: somebody who has guessed, phished or bought it gets in the same
way.`,
	Text: `Told of is each successful sign-in of an IAM user or of the root user for which CloudTrail says that MFA was not used.
Nothing is changed. A session that is open already has to be ended by taking the user's rights.

Not told of are people who come by a role: through IAM Identity Center, SAML or another identity provider. CloudTrail
writes that they used no MFA, whether they did or not, as it was not AWS that asked for it. Nor are access keys seen, which
sign in to nothing. A sign-in is reported in the Region of its endpoint, and which one that is depends on the browser's
cookies: deploy this module to us-east-1, us-east-2, eu-north-1 and ap-southeast-2, and to the Regions you use.`,
	Severity: remediations.Medium,
	Controls: []string{"CIS-3.0/4.2", "ATT&CK/T1078.004"},
	Default:  remediations.Alert,
	// AWS's pages spell the detail-type of sign-ins in two ways.
	// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
	// https://repost.aws/knowledge-center/root-user-account-eventbridge-rule
	Pattern: `{"source":["aws.signin"],"detail-type":["AWS Console Sign In via CloudTrail","AWS Console Signin via CloudTrail"],` +
		`"detail":{"eventSource":["signin.amazonaws.com"],"eventName":["ConsoleLogin"],` +
		`"userIdentity":{"type":["IAMUser","Root"]},"responseElements":{"ConsoleLogin":["Success"]},"errorCode":[{"exists":false}]}}`,
	Suspects: suspects,
	Guard:    guard,
}

// userName is what an IAM user's name looks like.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_User.html
var userName = regexp.MustCompile(`^[\w+=,.@-]{1,64}$`)

// suspects is the user who signed in, unless the event shows that it was with MFA, or that another provider asked for it.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-aws-console-sign-in-events.html
func suspects(event events.Event) ([]remediations.Resource, error) {
	r := event.Record
	switch used := strings.ToLower(r.Additional.Get("MFAUsed").Text()); {
	case r.Response.Get("ConsoleLogin").Text() != "Success", r.Identity.AccountID != event.Account,
		r.Additional.Get("SamlProviderArn").Exists(), used == "yes":
		return nil, nil
	case used != "no":
		return nil, fmt.Errorf("the record of a sign-in does not say whether it was with MFA, but %q", used)
	}
	user := remediations.Resource{Account: event.Account, Region: event.Region}
	switch r.Identity.Type {
	case "Root":
		user.ID, user.Type = event.Account, "AWS::IAM::RootUser"
	case "IAMUser":
		user.ID, user.Type = r.Identity.UserName, "AWS::IAM::User"
		if !userName.MatchString(user.ID) {
			return nil, fmt.Errorf("the record of a sign-in names no user, but %q", user.ID)
		}
	default:
		return nil, errors.New("the record of a sign-in is neither of an IAM user nor of the root user")
	}
	if _, err := user.ARN(); err != nil {
		return nil, err
	}
	return []remediations.Resource{user}, nil
}

// guard has only the event to judge by: a sign-in leaves no state. That the user has MFA by now makes it no other.
func guard(_ context.Context, run *remediations.Run, user remediations.Resource) (*remediations.Finding, error) {
	who := "the IAM user " + user.ID
	if user.Type == "AWS::IAM::RootUser" {
		who = "the root user"
	}
	return &remediations.Finding{
		Resource: user,
		Reason:   fmt.Sprintf("%s signed in to the console without MFA, from %s", who, run.Event.Record.SourceIPAddress),
	}, nil
}
