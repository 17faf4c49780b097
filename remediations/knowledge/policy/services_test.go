package policy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countermand/countermand/remediations/knowledge/policy"
)

func TestServices(t *testing.T) {
	const inAnybodysName = " in anybody's name: no condition on aws:SourceAccount, aws:SourceArn or aws:SourceOrgID says whose"
	const root, foreign = `{"AWS":"arn:aws:iam::111122223333:root"}`, `{"AWS":"arn:aws:iam::999988887777:root"}`
	for _, test := range []struct {
		name                         string
		service                      policy.Service
		action, principal, condition string
		want                         string
	}{
		// Lambda
		{"anyone", policy.Lambda, "lambda:InvokeFunction", `"*"`, "", "public: allows lambda:InvokeFunction to anyone: its principal is *"},
		{"a function's open URL", policy.Lambda, "lambda:InvokeFunctionUrl", `"*"`, `{"StringEquals":{"lambda:FunctionUrlAuthType":"NONE"}}`,
			"public: allows lambda:InvokeFunctionUrl to anyone: its principal is *, and no condition (StringEquals lambda:FunctionUrlAuthType) holds it to fixed callers"},
		{"a URL for all with an AWS account", policy.Lambda, "lambda:InvokeFunctionUrl", `{"AWS":"*"}`, `{"StringEquals":{"lambda:FunctionUrlAuthType":"AWS_IAM"}}`,
			"public: allows lambda:InvokeFunctionUrl to anyone: its principal is AWS *, and no condition (StringEquals lambda:FunctionUrlAuthType) holds it to fixed callers"},
		{"through the URL", policy.Lambda, "lambda:InvokeFunction", `"*"`, `{"Bool":{"lambda:InvokedViaFunctionUrl":"true"}}`,
			"public: allows lambda:InvokeFunction to anyone: its principal is *, and no condition (Bool lambda:InvokedViaFunctionUrl) holds it to fixed callers"},
		{"the organization's", policy.Lambda, "lambda:InvokeFunction", `"*"`, `{"StringEquals":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}}`, ""},
		{"another account", policy.Lambda, "lambda:InvokeFunction", foreign, "", "external: allows lambda:InvokeFunction to those who are not trusted: AWS arn:aws:iam::999988887777:root"},
		{"a URL for another account", policy.Lambda, "lambda:InvokeFunctionUrl", foreign, `{"StringEquals":{"lambda:FunctionUrlAuthType":"AWS_IAM"}}`,
			"external: allows lambda:InvokeFunctionUrl to those who are not trusted: AWS arn:aws:iam::999988887777:root"},
		{"a service", policy.Lambda, "lambda:InvokeFunction", `{"Service":"s3.amazonaws.com"}`, "", "deputy: allows lambda:InvokeFunction to Service s3.amazonaws.com" + inAnybodysName},
		{"a service for a rule", policy.Lambda, "lambda:InvokeFunction", `{"Service":"events.amazonaws.com"}`, `{"ArnLike":{"AWS:SourceArn":"arn:aws:events:eu-west-1:111122223333:rule/x"}}`, ""},
		{"a service for another account's rule", policy.Lambda, "lambda:InvokeFunction", `{"Service":"events.amazonaws.com"}`, `{"ArnLike":{"AWS:SourceArn":"arn:aws:events:eu-west-1:999988887777:rule/x"}}`,
			`external: allows lambda:InvokeFunction to those who are not trusted: Service events.amazonaws.com with AWS:SourceArn "arn:aws:events:eu-west-1:999988887777:ru..."`},
		{"a service for a bucket", policy.Lambda, "lambda:InvokeFunction", `{"Service":"s3.amazonaws.com"}`, `{"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::inbox"}}`, ""},
		{"a service for any account's", policy.Lambda, "lambda:InvokeFunction", `{"Service":"sns.amazonaws.com"}`, `{"ArnLike":{"AWS:SourceArn":"arn:aws:sns:*:*:x"}}`, "deputy: allows lambda:InvokeFunction to Service sns.amazonaws.com" + inAnybodysName},
		{"a service for an account, if any", policy.Lambda, "lambda:InvokeFunction", `{"Service":"s3.amazonaws.com"}`, `{"StringEqualsIfExists":{"AWS:SourceAccount":"111122223333"}}`, "deputy: allows lambda:InvokeFunction to Service s3.amazonaws.com" + inAnybodysName},
		{"a skill", policy.Lambda, "lambda:InvokeFunction", `{"Service":"alexa-appkit.amazon.com"}`, `{"StringEquals":{"lambda:EventSourceToken":"amzn1.ask.skill.1"}}`, ""},
		{"no skill", policy.Lambda, "lambda:InvokeFunction", `{"Service":"alexa-appkit.amazon.com"}`, `{"StringNotEquals":{"lambda:EventSourceToken":"amzn1.ask.skill.1"}}`,
			"deputy: allows lambda:InvokeFunction to Service alexa-appkit.amazon.com" + inAnybodysName},
		{"a skill's token and anyone", policy.Lambda, "lambda:InvokeFunction", `"*"`, `{"StringEquals":{"lambda:EventSourceToken":"amzn1.ask.skill.1"}}`,
			"public: allows lambda:InvokeFunction to anyone: its principal is *, and no condition (StringEquals lambda:EventSourceToken) holds it to fixed callers"},

		// SNS and SQS
		{"a topic as it is made", policy.SNS, "SNS:Publish", `{"AWS":"*"}`, `{"StringEquals":{"AWS:SourceOwner":"111122223333"}}`, ""},
		{"another's topic", policy.SNS, "SNS:Publish", `{"AWS":"*"}`, `{"StringEquals":{"AWS:SourceOwner":"999988887777"}}`,
			`external: allows SNS:Publish to those who are not trusted: anyone with AWS:SourceOwner "999988887777"`},
		{"subscribers of the account", policy.SNS, "SNS:Subscribe", `{"AWS":"*"}`, `{"ArnLike":{"sns:Endpoint":"arn:aws:sqs:*:111122223333:*"}}`, ""},
		{"subscribers of another account", policy.SNS, "SNS:Subscribe", `{"AWS":"*"}`, `{"StringLike":{"sns:Endpoint":"arn:aws:sqs:eu-west-1:999988887777:*"}}`,
			`external: allows SNS:Subscribe to those who are not trusted: anyone with sns:Endpoint "arn:aws:sqs:eu-west-1:999988887777:*"`},
		{"subscribers of a domain", policy.SNS, "SNS:Subscribe", `{"AWS":"*"}`, `{"StringLike":{"sns:Endpoint":"*@example.com"}}`,
			`unclear: can't be judged: the condition StringLike sns:Endpoint "*@example.com" may or may not name an owner`},
		{"subscribers of any domain", policy.SNS, "SNS:Subscribe", `{"AWS":"*"}`, `{"StringLike":{"sns:Endpoint":"*@*.com"}}`,
			"public: allows SNS:Subscribe to anyone: its principal is AWS *, and no condition (StringLike sns:Endpoint) holds it to fixed callers"},
		{"subscribers of any account", policy.SNS, "SNS:Subscribe", `{"AWS":"*"}`, `{"StringLike":{"sns:Endpoint":"arn:aws:sqs:*"}}`,
			"public: allows SNS:Subscribe to anyone: its principal is AWS *, and no condition (StringLike sns:Endpoint) holds it to fixed callers"},
		{"a protocol", policy.SNS, "SNS:Subscribe", `{"AWS":"*"}`, `{"StringEquals":{"sns:Protocol":"https"}}`,
			"public: allows SNS:Subscribe to anyone: its principal is AWS *, and no condition (StringEquals sns:Protocol) holds it to fixed callers"},
		{"EventBridge", policy.SNS, "sns:Publish", `{"Service":"events.amazonaws.com"}`, "", "deputy: allows sns:Publish to Service events.amazonaws.com" + inAnybodysName},
		{"a topic's queue", policy.SQS, "sqs:SendMessage", `{"Service":"sns.amazonaws.com"}`, `{"ArnEquals":{"aws:SourceArn":"arn:aws:sns:eu-west-1:111122223333:x"}}`, ""},
		{"any topic's queue", policy.SQS, "sqs:SendMessage", `{"Service":"sns.amazonaws.com"}`, "", "deputy: allows sqs:SendMessage to Service sns.amazonaws.com" + inAnybodysName},
		{"any topic's queue, by both names", policy.SQS, "sqs:SendMessage", `{"Service":"sns.amazonaws.com"}`, `{"StringEquals":{"aws:PrincipalServiceName":"sns.amazonaws.com"}}`,
			"deputy: allows sqs:SendMessage to Service sns.amazonaws.com" + inAnybodysName},
		{"any topic's queue, by the other name", policy.SQS, "sqs:SendMessage", `"*"`, `{"StringEquals":{"aws:PrincipalServiceName":"sns.amazonaws.com"}}`,
			"deputy: allows sqs:SendMessage to Service sns.amazonaws.com" + inAnybodysName},
		{"a topic's queue, by the other name", policy.SQS, "sqs:SendMessage", `"*"`, `{"StringEquals":{"aws:PrincipalServiceName":"sns.amazonaws.com"},"ArnEquals":{"aws:SourceArn":"arn:aws:sns:eu-west-1:111122223333:x"}}`, ""},
		{"a bucket's queue, by the other name", policy.SQS, "sqs:SendMessage", `"*"`, `{"StringEquals":{"aws:PrincipalServiceName":"s3.amazonaws.com"},"ArnEquals":{"aws:SourceArn":"arn:aws:s3:::x"}}`, ""},
		{"an open queue", policy.SQS, "SQS:*", `"*"`, "", "public: allows SQS:* to anyone: its principal is *"},
		{"a queue as it is shared", policy.SQS, "SQS:SendMessage", `{"AWS":["arn:aws:iam::111122223333:root","arn:aws:iam::999988887777:root"]}`, "",
			"external: allows SQS:SendMessage to those who are not trusted: AWS arn:aws:iam::999988887777:root"},

		// KMS
		{"a key's own account", policy.KMS, "kms:*", root, "", ""},
		{"another account's key", policy.KMS, "kms:Decrypt", foreign, "", "external: allows kms:Decrypt to those who are not trusted: AWS arn:aws:iam::999988887777:root"},
		{"through S3, by the account", policy.KMS, "kms:Decrypt", `{"AWS":"*"}`, `{"StringEquals":{"kms:CallerAccount":"111122223333","kms:ViaService":"s3.eu-west-1.amazonaws.com"}}`, ""},
		{"through S3, by another account", policy.KMS, "kms:Decrypt", `{"AWS":"*"}`, `{"StringEquals":{"kms:CallerAccount":"999988887777","kms:ViaService":"s3.eu-west-1.amazonaws.com"}}`,
			`external: allows kms:Decrypt to those who are not trusted: anyone with kms:CallerAccount "999988887777"`},
		{"through S3, by anyone", policy.KMS, "kms:Decrypt", `{"AWS":"*"}`, `{"StringEquals":{"kms:ViaService":"s3.eu-west-1.amazonaws.com"}}`,
			"public: allows kms:Decrypt to anyone: its principal is AWS *, and no condition (StringEquals kms:ViaService) holds it to fixed callers"},
		{"a service's use of a key", policy.KMS, "kms:GenerateDataKey*", `{"Service":"cloudtrail.amazonaws.com"}`, "", ""},
		{"a distribution's use of a key", policy.KMS, "kms:Decrypt", `{"Service":"cloudfront.amazonaws.com"}`, "", ""},

		// Secrets Manager and ECR
		{"another account's secret", policy.SecretsManager, "secretsmanager:GetSecretValue", foreign, "", "external: allows secretsmanager:GetSecretValue to those who are not trusted: AWS arn:aws:iam::999988887777:root"},
		{"another account's images", policy.ECR, "ecr:BatchGetImage", foreign, "", "external: allows ecr:BatchGetImage to those who are not trusted: AWS arn:aws:iam::999988887777:root"},
		{"images for functions", policy.ECR, "ecr:BatchGetImage", `{"Service":"lambda.amazonaws.com"}`, "", ""},
		{"images for all", policy.ECR, "ecr:BatchGetImage", `"*"`, "", "public: allows ecr:BatchGetImage to anyone: its principal is *"},
		{"images, by their providers", policy.ECR, "ecr:BatchGetImage", `{"Federated":"www.amazon.com"}`, "", "public: allows ecr:BatchGetImage to anyone: its principal is Federated www.amazon.com"},
	} {
		t.Run(test.name, func(t *testing.T) {
			statement := on(test.service, test.action, test.principal, test.condition)
			if diff := cmp.Diff(test.want, judged(t, test.service, statement)); diff != "" {
				t.Errorf("%s\n%s", statement, diff)
			}
		})
	}
}

// A load balancer writes its logs into buckets only, and what a Deny covers depends on the service.
func TestServicesDiffer(t *testing.T) {
	logs := `{"AWS":"arn:aws:iam::127311923021:root"}`
	if got := judged(t, policy.SQS, on(policy.SQS, "sqs:SendMessage", logs, "")); got != "external: allows sqs:SendMessage to those who are not trusted: AWS arn:aws:iam::127311923021:root" {
		t.Error(got)
	}
	for _, service := range []policy.Service{policy.SNS, policy.SQS, policy.KMS, policy.Lambda, policy.SecretsManager} {
		for action, want := range map[string]string{string(service) + ":*": "", "s3:*": "public: allows * to anyone: its principal is *"} {
			text := on(service, "*", `"*"`, "") + `,{"Effect":"Deny","Principal":"*","Action":"` + action + `","Resource":"*"}`
			if got := judged(t, service, text); got != want {
				t.Errorf("%s: %s", text, got)
			}
		}
	}
}

// A Deny that spares a service by its name leaves it what a principal would: in buckets all, in queues nobody can tell.
func TestDeniedButToAService(t *testing.T) {
	for service, want := range map[policy.Service]string{
		policy.S3: "", policy.SQS: "unclear: can't be judged: statement 2 denies it, but AWS services are spared, whoever they act for",
	} {
		all := string(service) + ":*"
		text := on(service, all, `"*"`, "") + `,{"Effect":"Deny","Principal":"*","Action":"` + all + `","Resource":"*",` +
			`"Condition":{"StringNotEquals":{"aws:PrincipalServiceName":"sns.amazonaws.com"}}}`
		if got := judged(t, service, text); got != want {
			t.Errorf("%s: %s", text, got)
		}
	}
}

func TestTrust(t *testing.T) {
	const (
		github  = `{"Federated":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"}`
		outside = "external: allows sts:AssumeRole to those who are not trusted: "
		sub     = outside + "Federated arn:aws:iam::111122223333:oidc-provider/..., and no condition says whose sub"
		subAud  = sub + " or aud"
		eks     = `{"Federated":"arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE"}`
	)
	for _, test := range []struct{ name, principal, condition, want string }{
		{"a service", `{"Service":"ec2.amazonaws.com"}`, "", ""},
		{"the account", `{"AWS":"111122223333"}`, "", ""},
		{"another account", `{"AWS":"arn:aws:iam::999988887777:root"}`, "", outside + "AWS arn:aws:iam::999988887777:root"},
		{"another account with an external id", `{"AWS":"999988887777"}`, `{"StringEquals":{"sts:ExternalId":"secret"}}`, outside + "AWS 999988887777"},
		{"another account's anchor", `{"Service":"rolesanywhere.amazonaws.com"}`, `{"ArnEquals":{"aws:SourceArn":"arn:aws:rolesanywhere:eu-west-1:999988887777:trust-anchor/x"}}`,
			outside + `Service rolesanywhere.amazonaws.com with aws:SourceArn "arn:aws:rolesanywhere:eu-west-1:99998888..."`},
		{"anyone", `{"AWS":"*"}`, "", "public: allows sts:AssumeRole to anyone: its principal is AWS *"},
		{"anyone of the organization", `{"AWS":"*"}`, `{"StringEquals":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}}`, ""},
		{"the account's SAML", `{"Federated":"arn:aws:iam::111122223333:saml-provider/idp"}`, `{"StringEquals":{"SAML:aud":"https://signin.aws.amazon.com/saml"}}`, ""},
		{"another account's SAML", `{"Federated":"arn:aws:iam::999988887777:saml-provider/idp"}`, "", outside + "Federated arn:aws:iam::999988887777:saml-provider/..."},
		{"any provider", `{"Federated":"*"}`, "", "public: allows sts:AssumeRole to anyone: its principal is Federated *"},
		{"a provider that is none", `{"Federated":"example.com"}`, `{"StringEquals":{"example.com:sub":"x"}}`, "unclear: can't be judged: it can't be told whose Federated example.com is"},

		{"GitHub", github, "", sub},
		{"GitHub by audience", github, `{"StringEquals":{"token.actions.githubusercontent.com:aud":"sts.amazonaws.com"}}`, sub},
		{"GitHub by repository", github, `{"StringEquals":{"token.actions.githubusercontent.com:sub":"repo:acme/app:ref:refs/heads/main"}}`, ""},
		{"GitHub by owner", github, `{"StringLike":{"Token.Actions.GithubUserContent.com:SUB":"repo:acme/*"}}`, ""},
		{"GitHub by the beginning of an owner", github, `{"StringLike":{"token.actions.githubusercontent.com:sub":"repo:acme*"}}`, sub},
		{"GitHub by the name of a repository", github, `{"StringLike":{"token.actions.githubusercontent.com:sub":"repo:*/app:*"}}`, sub},
		{"GitHub by one owner or any", github, `{"StringLike":{"token.actions.githubusercontent.com:sub":["repo:acme/*","*"]}}`, sub},
		{"GitHub by owner, if any", github, `{"StringLikeIfExists":{"token.actions.githubusercontent.com:sub":"repo:acme/*"}}`, sub},
		{"GitHub by owner, for all there are", github, `{"ForAllValues:StringLike":{"token.actions.githubusercontent.com:sub":"repo:acme/*"}}`, sub},
		{"GitHub by not an owner", github, `{"StringNotLike":{"token.actions.githubusercontent.com:sub":"repo:acme/*"}}`, sub},
		{"GitHub by a variable", github, `{"StringLike":{"token.actions.githubusercontent.com:sub":"${aws:username}"}}`, sub},
		{"GitHub by an operator of the future", github, `{"SoundsLike":{"token.actions.githubusercontent.com:sub":"repo:acme/*"}}`, `unclear: can't be judged: the condition operator "SoundsLike" is not known`},
		{"GitHub by audience, in capitals", `{"Federated":"arn:aws:iam::111122223333:oidc-provider/Token.Actions.GithubUserContent.com"}`, `{"StringEquals":{"token.actions.githubusercontent.com:aud":"sts.amazonaws.com"}}`, sub},
		{"GitHub by a repository's number", github, `{"StringEquals":{"token.actions.githubusercontent.com:repository_id":"4711"},"StringLike":{"token.actions.githubusercontent.com:sub":"repo:*:ref:refs/heads/main"}}`, ""},
		{"GitHub by a repository alone", github, `{"StringEquals":{"token.actions.githubusercontent.com:repository":"acme/app"}}`, ""},
		{"GitHub by an owner's repositories", github, `{"StringLike":{"token.actions.githubusercontent.com:repository":"acme/*"}}`, ""},
		{"GitHub by the beginning of a repository's owner", github, `{"StringLike":{"token.actions.githubusercontent.com:repository":"acme*"}}`, sub},
		{"GitHub by an enterprise", github, `{"StringEquals":{"token.actions.githubusercontent.com:enterprise_id":"42"}}`, ""},
		{"GitHub by some enterprises", github, `{"StringLike":{"token.actions.githubusercontent.com:enterprise_id":"4*"}}`, sub},
		{"GitHub by a person", github, `{"StringEquals":{"token.actions.githubusercontent.com:actor_id":"7"}}`, ""},
		{"another provider's repository", eks, `{"StringEquals":{"oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE:repository":"acme/app"}}`, subAud},
		{"GitHub by a branch", github, `{"StringEquals":{"token.actions.githubusercontent.com:ref":"refs/heads/main"}}`, sub},
		{"GitHub by an environment", github, `{"StringEquals":{"token.actions.githubusercontent.com:environment":"production"}}`, sub},
		{"GitHub by a workflow, which others can use", github, `{"StringEquals":{"token.actions.githubusercontent.com:job_workflow_ref":"acme/app/.github/workflows/x.yml@refs/heads/main"}}`, sub},
		{"GitHub of another account", `{"Federated":"arn:aws:iam::999988887777:oidc-provider/token.actions.githubusercontent.com"}`, `{"StringEquals":{"token.actions.githubusercontent.com:sub":"repo:acme/app:ref:refs/heads/main"}}`,
			outside + "Federated arn:aws:iam::999988887777:oidc-provider/..."},
		{"a pool's identities", `{"Federated":"cognito-identity.amazonaws.com"}`, `{"StringEquals":{"cognito-identity.amazonaws.com:aud":"eu-west-1:00000000-1111-2222-3333-444444444444"}}`, ""},
		{"any pool's identities", `{"Federated":"cognito-identity.amazonaws.com"}`, `{"ForAnyValue:StringLike":{"cognito-identity.amazonaws.com:amr":"authenticated"}}`,
			outside + "Federated cognito-identity.amazonaws.com, and no condition says whose sub or aud"},
		{"a cluster", eks, "", subAud},
		{"a cluster's account", eks, `{"StringEquals":{"oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE:sub":"system:serviceaccount:app:web"}}`, ""},
		{"another cluster's account", eks, `{"StringEquals":{"oidc.eks.eu-west-1.amazonaws.com/id/OTHER:sub":"system:serviceaccount:app:web"}}`, subAud},
		{"a cluster's audience", eks, `{"StringEquals":{"oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE:aud":"sts.amazonaws.com"}}`, ""},
		{"a cluster's empty subject", eks, `{"StringEquals":{"oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE:sub":""}}`, subAud},
	} {
		t.Run(test.name, func(t *testing.T) {
			statement := on(policy.Trust, "sts:AssumeRole", test.principal, test.condition)
			if diff := cmp.Diff(test.want, judged(t, policy.Trust, statement)); diff != "" {
				t.Errorf("%s\n%s", statement, diff)
			}
		})
	}
}

// A statement of a role or a repository has no resource; all others do.
func TestResourceElement(t *testing.T) {
	with := `{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"*","Resource":"*"}`
	without := `{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"*"}`
	for _, service := range []policy.Service{policy.S3, policy.SNS, policy.SQS, policy.KMS, policy.Lambda, policy.SecretsManager, policy.ECR, policy.Trust} {
		good, bad, why := with, without, "unclear: can't be judged: it has no resource, or two"
		if service == policy.ECR || service == policy.Trust {
			good, bad, why = without, with, "unclear: can't be judged: it has a resource, which such a policy can't have"
		}
		if got := judged(t, service, good); got != "" {
			t.Errorf("%s: %s", service, got)
		}
		if got := judged(t, service, bad); got != why {
			t.Errorf("%s: %s", service, got)
		}
	}
}

// Only those at fault go, with the rest of the statement as it was, byte for byte.
func TestWithoutPrincipals(t *testing.T) {
	for _, test := range []struct{ name, principal, want string }{
		{"one of two", `{ "AWS" : [ "999988887777" , "111122223333" ] }`, `{ "AWS" : [ "111122223333" ] }`},
		{"the last of three", `{"AWS":["111122223333","444455556666",  "arn:aws:iam::999988887777:root"]}`, `{"AWS":["111122223333","444455556666"]}`},
		{"two of three", `{"AWS":["999988887777","111122223333","arn:aws:iam::999988887777:root"]}`, `{"AWS":["111122223333"]}`},
		{"a number", `{"AWS":[999988887777,"111122223333"]}`, `{"AWS":["111122223333"]}`},
		{"a type", `{ "AWS":"999988887777" , "Service" : "ec2.amazonaws.com" }`, `{ "Service" : "ec2.amazonaws.com" }`},
		{"a type's list", `{"Service":"ec2.amazonaws.com", "\u0041WS": ["999988887777","999988887777"]}`, `{"Service":"ec2.amazonaws.com"}`},
		{"of one type a few, of another all", `{"AWS": ["111122223333", "999988887777"],"Federated":"arn:aws:iam::999988887777:saml-provider/x"}`, `{"AWS": ["111122223333"]}`},
		{"all", `{"AWS":["999988887777"]}`, ""},
		{"all of both types", `{"AWS":["999988887777"],"Federated":"arn:aws:iam::999988887777:saml-provider/x"}`, ""},
	} {
		const before, after = `{"Version":"2012-10-17", "Statement" : [{"Sid":"keep","Effect":"Deny","Principal":"*","Action":"sts:TagSession"}`, `]}`
		sharp := func(principal string) string {
			if principal == "" {
				return before + after
			}
			return before + ` , {"Effect":"Allow", "Principal":` + principal + ` ,"Action":"sts:AssumeRole"}` + after
		}
		document, err := policy.Parse(policy.Trust, []byte(sharp(test.principal)))
		if err != nil {
			t.Fatal(err)
		}
		external, _ := document.External(trusted)
		rest, _ := document.Without(external...)
		if diff := cmp.Diff(sharp(test.want), string(rest)); diff != "" {
			t.Errorf("%s:\n%s", test.name, diff)
		}
	}
}

// What is public goes without those who are named beside it, and these are judged for themselves.
func TestWithoutAnyone(t *testing.T) {
	for _, test := range []struct {
		name, principal         string
		private, trusted, after string // the principal without what is public, without outsiders, and without both
	}{
		{"beside a role", `{"AWS":["*","arn:aws:iam::111122223333:role/a"]}`, `{"AWS":["arn:aws:iam::111122223333:role/a"]}`, `{"AWS":["*","arn:aws:iam::111122223333:role/a"]}`,
			`{"AWS":["arn:aws:iam::111122223333:role/a"]}`},
		{"beside a service", `{"AWS":"*","Service":"ec2.amazonaws.com"}`, `{"Service":"ec2.amazonaws.com"}`, `{"AWS":"*","Service":"ec2.amazonaws.com"}`, `{"Service":"ec2.amazonaws.com"}`},
		{"beside an outsider", `{"AWS":["999988887777","*"]}`, `{"AWS":["999988887777"]}`, `{"AWS":["*"]}`, ""},
		{"any provider beside a service", `{"Federated":"*","Service":"ec2.amazonaws.com"}`, `{"Service":"ec2.amazonaws.com"}`, `{"Federated":"*","Service":"ec2.amazonaws.com"}`, `{"Service":"ec2.amazonaws.com"}`},
		{"beside who was deleted", `{"AWS":["*","AIDAEXAMPLEEXAMPLE123"]}`, "", `{"AWS":["*","AIDAEXAMPLEEXAMPLE123"]}`, ""},
		{"alone", `{"AWS":"*"}`, "", `{"AWS":"*"}`, ""},
		{"alone, in short", `"*"`, "", `"*"`, ""},
	} {
		of := func(principal string) string {
			text := `{"Statement":[` + on(policy.Trust, "sts:TagSession", `{"AWS":"111122223333"}`, "")
			if principal != "" {
				text += "," + on(policy.Trust, "sts:AssumeRole", principal, "")
			}
			return text + "]}"
		}
		document, err := policy.Parse(policy.Trust, []byte(of(test.principal)))
		if err != nil {
			t.Fatal(err)
		}
		public, _ := document.Judge()
		external, _ := document.External(trusted)
		for _, part := range []struct {
			want     string
			verdicts []policy.Verdict
		}{{test.private, public}, {test.trusted, external}, {test.after, append(slices.Clone(public), external...)}} {
			if left, _ := document.Without(part.verdicts...); string(left) != of(part.want) {
				t.Errorf("%s: left is %s, want %s", test.name, left, of(part.want))
			}
		}
	}
}

// A service that a condition names is no principal that could go by itself.
func TestWithoutServed(t *testing.T) {
	const keep = `{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"s3:*","Resource":"*"}`
	bad := on(policy.S3, "s3:GetObject", `{"AWS":"*"}`, `{"StringEquals":{"aws:PrincipalServiceName":"sns.amazonaws.com","aws:SourceAccount":"999988887777"}}`)
	document, err := policy.Parse(policy.S3, []byte(`{"Statement":[`+keep+`,`+bad+`]}`))
	if err != nil {
		t.Fatal(err)
	}
	external, _ := document.External(trusted)
	if left, _ := document.Without(external...); string(left) != `{"Statement":[`+keep+`]}` {
		t.Errorf("left is %s", left)
	}
}

// A statement can let in several whom different things are wrong with.
func TestMixedFaults(t *testing.T) {
	const all = `{"AWS":["999988887777","arn:aws:iam::cloudfront:user/x","111122223333"],"Service":"sns.amazonaws.com"}`
	const want = "external: allows sqs:SendMessage to those who are not trusted: AWS 999988887777 | " +
		"deputy: allows sqs:SendMessage to Service sns.amazonaws.com in anybody's name: no condition on aws:SourceAccount, aws:SourceArn or aws:SourceOrgID says whose | " +
		"unclear: can't be judged: it can't be told whose AWS arn:aws:iam::cloudfront:user/x is"
	if diff := cmp.Diff(want, judged(t, policy.SQS, on(policy.SQS, "sqs:SendMessage", all, ""))); diff != "" {
		t.Error(diff)
	}
}

// Who was deleted can be left out together with those at fault; a statement for nobody else goes as a whole.
func TestGone(t *testing.T) {
	document, err := policy.Parse(policy.Trust, []byte(`{"Statement":[`+strings.Join([]string{
		on(policy.Trust, "sts:AssumeRole", `{"AWS":["AROAEXAMPLEEXAMPLE123","111122223333","999988887777","AROAEXAMPLEEXAMPLE123"]}`, ""),
		on(policy.Trust, "sts:TagSession", `{"AWS":["999988887777","AIDAEXAMPLEEXAMPLE123"]}`, ""),
		on(policy.Trust, "sts:SetSourceIdentity", `{"AWS":"AIDAEXAMPLEEXAMPLE123"}`, ""),
		on(policy.Trust, "sts:AssumeRole", `{"AWS":["*","AIDAEXAMPLEEXAMPLE123"]}`, ""),
		on(policy.Trust, "sts:SetContext", `{"Service":"ec2.amazonaws.com"}`, ""),
	}, ",")+`]}`))
	if err != nil {
		t.Fatal(err)
	}
	gone := document.Gone()
	external, _ := document.External(trusted)
	public, _ := document.Judge()
	if got, want := policy.Join(gone), "statement 1 names AROAEXAMPLEEXAMPLE123, which was deleted; statement 2 names AIDAEXAMPLEEXAMPLE123, which was deleted; statement 3 names AIDAEXAMPLEEXAMPLE123, which was deleted; statement 4 names AIDAEXAMPLEEXAMPLE123, which was deleted"; got != want {
		t.Errorf("gone is %s", got)
	}
	before, _ := document.Without(gone...)
	after, _ := document.Without(append(append(gone, external...), public...)...)
	for got, want := range map[string]string{
		string(before): `{"Statement":[` + strings.Join([]string{
			on(policy.Trust, "sts:AssumeRole", `{"AWS":["111122223333","999988887777"]}`, ""),
			on(policy.Trust, "sts:TagSession", `{"AWS":["999988887777"]}`, ""),
			on(policy.Trust, "sts:AssumeRole", `{"AWS":["*"]}`, ""),
			on(policy.Trust, "sts:SetContext", `{"Service":"ec2.amazonaws.com"}`, ""),
		}, ",") + `]}`,
		string(after): `{"Statement":[` + strings.Join([]string{
			on(policy.Trust, "sts:AssumeRole", `{"AWS":["111122223333"]}`, ""),
			on(policy.Trust, "sts:SetContext", `{"Service":"ec2.amazonaws.com"}`, ""),
		}, ",") + `]}`,
	} {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}
