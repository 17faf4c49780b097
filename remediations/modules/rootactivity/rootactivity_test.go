package rootactivity_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/modules/rootactivity"
	"github.com/countermand/countermand/remediations/moduletest"
)

// Who makes a call.
const (
	root = `"type":"Root","principalId":"111122223333","arn":"arn:aws:iam::111122223333:root","accountId":"111122223333"`

	inSession = `{` + root + `,"accessKeyId":"ASIAEXAMPLEEXAMPLE12","sessionContext":{"sessionIssuer":{},"attributes":{"creationDate":"2026-03-02T08:55:12Z","mfaAuthenticated":"true"}}}`
	noMFA     = `{` + root + `,"accessKeyId":"ASIAEXAMPLEEXAMPLE12","sessionContext":{"attributes":{"creationDate":"2026-03-02T08:55:12Z","mfaAuthenticated":"false"}}}`
	withKey   = `{` + root + `,"accessKeyId":"AKIAEXAMPLEEXAMPLE34"}`
	signingIn = `{` + root + `,"accessKeyId":""}`
	oldStyle  = `{` + root + `,"accessKeyId":"ASIAEXAMPLEEXAMPLE12","invokedBy":"signin.amazonaws.com"}`
	scaling   = `{` + root + `,"invokedBy":"autoscaling.amazonaws.com"}`
	assumed   = `{` + root + `,"accessKeyId":"ASIAEXAMPLEEXAMPLE56","sessionContext":{"attributes":{"creationDate":"2026-03-02T08:55:12Z","mfaAuthenticated":"false"},"assumedRoot":"true"}}`
	another   = `{"type":"Root","principalId":"444455556666","arn":"arn:aws:iam::444455556666:root","accountId":"444455556666","accessKeyId":"ASIAEXAMPLEEXAMPLE12"}`
	user      = `{"type":"IAMUser","principalId":"AIDAEXAMPLEEXAMPLE123","arn":"arn:aws:iam::111122223333:user/root","accountId":"111122223333","accessKeyId":"AKIAEXAMPLEEXAMPLE12","userName":"root"}`
)

const (
	browser = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
	cli     = "aws-cli/2.27.1"
)

// event is the event of a record; more is its further fields.
func event(t *testing.T, who, service, name, agent, eventType, more string) []byte {
	t.Helper()
	text, err := events.Wrap(fmt.Appendf(nil, `{"eventVersion":"1.11","userIdentity":%s,"eventTime":"2026-03-02T09:14:55Z",
		"eventSource":"%s.amazonaws.com","eventName":%q,"awsRegion":"us-east-1","sourceIPAddress":"198.51.100.17","userAgent":%q,
		%s"eventID":"5b1c6f8e-0d5f-4e0c-9a58-3c1d5b9f2b01","eventType":%q,"managementEvent":true,
		"recipientAccountId":"111122223333","eventCategory":"Management"}`, who, service, name, agent, more, eventType))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func call(t *testing.T, who, service, name, more string) []byte {
	t.Helper()
	return event(t, who, service, name, cli, "AwsApiCall", more)
}

// signIn is a sign-in with a result and whether MFA was used.
func signIn(t *testing.T, result, mfa string) []byte {
	t.Helper()
	more := `"requestParameters":null,"responseElements":{"ConsoleLogin":"` + result + `"},"readOnly":false,` +
		`"additionalEventData":{"LoginTo":"https://console.aws.amazon.com/console/home?state=hashArgs%23&isauthcode=true","MobileVersion":"No"` + mfa + `},`
	if result == "Failure" {
		more += `"errorMessage":"Failed authentication",`
	}
	return event(t, signingIn, "signin", "ConsoleLogin", browser, "AwsConsoleSignIn", more)
}

// atSignIn is what else may be done before one is signed in: nobody has shown to be the root user.
func atSignIn(t *testing.T, name, result string) []byte {
	t.Helper()
	return event(t, signingIn, "signin", name, browser, "AwsConsoleSignIn", `"requestParameters":null,"responseElements":{"`+name+`":"`+result+`"},`)
}

const (
	worked  = `"requestParameters":null,"responseElements":null,"readOnly":false,`
	refused = `"requestParameters":null,"responseElements":null,"readOnly":false,"errorCode":"AccessDenied","errorMessage":"an explicit deny in a service control policy",`
	looked  = `"requestParameters":null,"responseElements":null,"readOnly":true,`
)

func Test(t *testing.T) {
	world := func() *moduletest.World { return &moduletest.World{} }
	acts := func(name string, event []byte) moduletest.Case {
		return moduletest.Case{Name: name, Event: event, World: world, Acts: true}
	}
	idle := func(name string, event []byte) moduletest.Case {
		return moduletest.Case{Name: name, Event: event, World: world}
	}
	otherSpelling := []byte(strings.Replace(string(signIn(t, "Success", "")), "Console Sign In via", "Console Signin via", 1))
	moduletest.Run(t, rootactivity.Module,
		acts("signed in", signIn(t, "Success", `,"MFAUsed":"Yes"`)),
		acts("signed in, AWS's other spelling", otherSpelling),
		acts("failed to sign in", signIn(t, "Failure", `,"MFAUsed":"No"`)),
		acts("a call in a session", call(t, inSession, "iam", "CreateUser", worked)),
		acts("a call with a key", call(t, withKey, "ec2", "RunInstances", worked)),
		acts("a call without readOnly", call(t, noMFA, "s3", "CreateBucket", "")),
		acts("a call that was refused", call(t, noMFA, "iam", "CreateUser", refused)),
		acts("credentials", call(t, withKey, "sts", "GetSessionToken", looked)),
		acts("in the console, as old records have it", call(t, oldStyle, "iam", "CreateUser", worked)),
		acts("a privileged session of the organization", call(t, assumed, "s3", "DeleteBucketPolicy", worked)),
		acts("a click in the console", event(t, noMFA, "signin", "SwitchRole", browser, "AwsConsoleAction", worked)),

		acts("a new password", atSignIn(t, "PasswordUpdated", "Success")),

		idle("a service in root's name", call(t, scaling, "ec2", "RunInstances", worked)),
		idle("a service-linked role", call(t, inSession, "iam", "CreateServiceLinkedRole", worked)),
		idle("a look", call(t, inSession, "iam", "GenerateCredentialReport", looked)),
		idle("a service's own event", event(t, `{"accountId":"111122223333","invokedBy":"kms.amazonaws.com"}`, "kms", "RotateKey", "", "AwsServiceEvent", worked)),
		idle("another account's root", call(t, another, "s3", "PutBucketPolicy", worked)),
		idle("a user called root", call(t, user, "iam", "CreateUser", worked)),
	)
}

func TestReason(t *testing.T) {
	for _, test := range []struct {
		event []byte
		want  string
	}{
		{signIn(t, "Success", `,"MFAUsed":"Yes"`), "somebody signed in to the console as the root user, from 198.51.100.17, with MFA, by " + browser},
		{signIn(t, "Success", `,"MFAUsed":"YES"`), "somebody signed in to the console as the root user, from 198.51.100.17, with MFA, by " + browser},
		{signIn(t, "Success", `,"MFAUsed":"No"`), "somebody signed in to the console as the root user, from 198.51.100.17, without MFA, by " + browser},
		{signIn(t, "Success", ""), "somebody signed in to the console as the root user, from 198.51.100.17, it is not known whether with MFA, by " + browser},
		{signIn(t, "Failure", `,"MFAUsed":"No"`), "somebody tried to sign in to the console as the root user, and failed"},
		{atSignIn(t, "PasswordUpdated", "Success"), "somebody was at the root user's sign-in page: PasswordUpdated, from 198.51.100.17, by " + browser},
		{atSignIn(t, "EmailUpdated", "Failure"), "somebody was at the root user's sign-in page: EmailUpdated, from 198.51.100.17, by " + browser + "; it failed"},
		{atSignIn(t, "PasswordRecoveryRequested", "Success"), "somebody asked for the means to set a new password of the root user"},
		{call(t, inSession, "iam", "CreateUser", worked), "the root user called CreateUser of iam, from 198.51.100.17, with MFA, by aws-cli/2.27.1"},
		{call(t, noMFA, "iam", "CreateUser", worked), "the root user called CreateUser of iam, from 198.51.100.17, without MFA, by aws-cli/2.27.1"},
		{call(t, withKey, "iam", "CreateUser", refused), "the root user called CreateUser of iam, from 198.51.100.17, without MFA, " +
			"with the access key AKIAEXAMPLEEXAMPLE34, by aws-cli/2.27.1; it was refused (AccessDenied)"},
		{event(t, inSession, "s3", "CreateBucket", "["+strings.Repeat("é", 100)+"]", "AwsApiCall", worked),
			"the root user called CreateBucket of s3, from 198.51.100.17, with MFA, by " + strings.Repeat("é", 75) + "..."},
		{event(t, inSession, "s3", "CreateBucket", "", "AwsApiCall", worked), "the root user called CreateBucket of s3, from 198.51.100.17, with MFA"},
	} {
		e, err := events.Parse(test.event)
		if err != nil {
			t.Fatal(err)
		}
		suspects, err := rootactivity.Module.Suspects(e)
		if err != nil || len(suspects) != 1 {
			t.Fatalf("%s: suspects are %v, %v", test.want, suspects, err)
		}
		if arn, err := suspects[0].ARN(); err != nil || arn != "arn:aws:iam::111122223333:root" {
			t.Errorf("the suspect's ARN is %q, %v", arn, err)
		}
		found, err := rootactivity.Module.Guard(t.Context(), &remediations.Run{Event: &e, Account: e.Account}, suspects[0])
		if err != nil || found == nil || found.Reason != test.want {
			t.Errorf("the guard found %v, %v; want %q", found, err, test.want)
		}
	}
}
