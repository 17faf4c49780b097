package signinnomfa_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/modules/signinnomfa"
	"github.com/countermand/countermand/remediations/moduletest"
)

// Who signs in.
const (
	alice   = `{"type":"IAMUser","principalId":"AIDAEXAMPLEEXAMPLE123","arn":"arn:aws:iam::111122223333:user/people/alice","accountId":"111122223333","userName":"alice"}`
	root    = `{"type":"Root","principalId":"111122223333","arn":"arn:aws:iam::111122223333:root","accountId":"111122223333","accessKeyId":""}`
	sso     = `{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE123:alice","arn":"arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/alice","accountId":"111122223333"}`
	another = `{"type":"IAMUser","principalId":"AIDAEXAMPLEEXAMPLE456","arn":"arn:aws:iam::444455556666:user/alice","accountId":"444455556666","userName":"alice"}`
	noName  = `{"type":"IAMUser","principalId":"AIDAEXAMPLEEXAMPLE123","arn":"arn:aws:iam::111122223333:user/alice","accountId":"111122223333"}`
	strange = `{"type":"IAMUser","principalId":"AIDAEXAMPLEEXAMPLE123","accountId":"111122223333","userName":"x'; rm -rf ~"}`
)

// signIn is the event of a sign-in; mfa is what additionalEventData holds besides.
func signIn(t *testing.T, who, result, mfa string) []byte {
	t.Helper()
	more := ""
	if result != "Success" {
		more = `"errorMessage":"Failed authentication",`
	}
	text, err := events.Wrap(fmt.Appendf(nil, `{"eventVersion":"1.11","userIdentity":%s,"eventTime":"2026-03-02T09:14:55Z",
		"eventSource":"signin.amazonaws.com","eventName":"ConsoleLogin","awsRegion":"eu-north-1","sourceIPAddress":"198.51.100.17",
		"userAgent":"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0","requestParameters":null,%s
		"responseElements":{"ConsoleLogin":%q},"additionalEventData":{"LoginTo":"https://console.aws.amazon.com/sns","MobileVersion":"No"%s},
		"eventID":"5b1c6f8e-0d5f-4e0c-9a58-3c1d5b9f2b01","readOnly":false,"eventType":"AwsConsoleSignIn","managementEvent":true,
		"recipientAccountId":"111122223333","eventCategory":"Management"}`, who, more, result, mfa))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

const (
	without  = `,"MFAUsed":"No"`
	withMFA  = `,"MFAUsed":"Yes"`
	shouting = `,"MFAUsed":"YES"`
	saml     = `,"MFAUsed":"No","SamlProviderArn":"arn:aws:iam::111122223333:saml-provider/corp"`
)

func Test(t *testing.T) {
	world := func() *moduletest.World { return &moduletest.World{} }
	acts := func(name string, event []byte) moduletest.Case {
		return moduletest.Case{Name: name, Event: event, World: world, Acts: true}
	}
	idle := func(name string, event []byte) moduletest.Case {
		return moduletest.Case{Name: name, Event: event, World: world}
	}
	otherSpelling := strings.Replace(string(signIn(t, alice, "Success", without)), "Console Sign In via", "Console Signin via", 1)
	moduletest.Run(t, signinnomfa.Module,
		acts("a user", signIn(t, alice, "Success", without)),
		acts("a user, AWS's other spelling", []byte(otherSpelling)),
		acts("root", signIn(t, root, "Success", without)),

		idle("a user with MFA", signIn(t, alice, "Success", withMFA)),
		idle("root with MFA, in capitals", signIn(t, root, "Success", shouting)),
		idle("failed", signIn(t, alice, "Failure", without)),
		idle("IAM Identity Center", signIn(t, sso, "Success", without)),
		idle("SAML", signIn(t, sso, "Success", saml)),
		idle("another account's user", signIn(t, another, "Success", without)),
	)
}

func TestSuspects(t *testing.T) {
	const none, wrong = "none", "error"
	for _, test := range []struct {
		event []byte
		want  string // the ARN of who signed in, none, or an error
	}{
		{signIn(t, alice, "Success", without), "arn:aws:iam::111122223333:user/alice"},
		{signIn(t, root, "Success", without), "arn:aws:iam::111122223333:root"},
		{signIn(t, alice, "Success", shouting), none},
		{signIn(t, alice, "Success", saml), none},
		{signIn(t, alice, "Failure", without), none},
		{signIn(t, another, "Success", without), none},
		{signIn(t, alice, "Success", ""), wrong},
		{signIn(t, alice, "Success", `,"MFAUsed":"Maybe"`), wrong},
		{signIn(t, sso, "Success", without), wrong}, // the pattern has none
		{signIn(t, noName, "Success", without), wrong},
		{signIn(t, strange, "Success", without), wrong},
	} {
		event, err := events.Parse(test.event)
		if err != nil {
			t.Fatal(err)
		}
		suspects, err := signinnomfa.Module.Suspects(event)
		got := none
		switch {
		case err != nil:
			got = wrong
		case len(suspects) > 0:
			if got, err = suspects[0].ARN(); err != nil {
				t.Error(err)
			}
		}
		if got != test.want {
			t.Errorf("%s: suspects are %s, want %s", test.event, got, test.want)
		}
	}
}

func TestReason(t *testing.T) {
	for who, want := range map[string]string{
		alice: "the IAM user alice signed in to the console without MFA, from 198.51.100.17",
		root:  "the root user signed in to the console without MFA, from 198.51.100.17",
	} {
		event, err := events.Parse(signIn(t, who, "Success", without))
		if err != nil {
			t.Fatal(err)
		}
		suspects, err := signinnomfa.Module.Suspects(event)
		if err != nil || len(suspects) != 1 {
			t.Fatalf("suspects are %v, %v", suspects, err)
		}
		found, err := signinnomfa.Module.Guard(t.Context(), &remediations.Run{Event: &event}, suspects[0])
		if err != nil || found == nil || found.Reason != want {
			t.Errorf("the guard found %v, %v; want %q", found, err, want)
		}
	}
}
