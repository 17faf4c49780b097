package policy_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countermand/countermand/remediations/knowledge/policy"
)

const (
	own     = "111122223333"
	partner = "444455556666" // trusted, too
	other   = "999988887777"
	org     = "o-a1b2c3d4e5"
)

var trusted = policy.Trusted{Accounts: []string{own, partner}, Organization: org}

// on is a statement's Allow of an action of a service, with a resource where the service has one.
func on(service policy.Service, action, principal, condition string) string {
	s := `{"Effect":"Allow","Principal":` + principal + `,"Action":"` + action + `"`
	if service != policy.ECR && service != policy.Trust {
		s += `,"Resource":"*"`
	}
	if condition != "" {
		s += `,"Condition":` + condition
	}
	return s + "}"
}

// judged is what a policy of statements is said to be: public, external, deputy or unclear, with the reason.
func judged(t *testing.T, service policy.Service, statements string) string {
	t.Helper()
	document, err := policy.Parse(service, []byte(`{"Statement":[`+statements+`]}`))
	if err != nil {
		t.Fatal(err)
	}
	public, unclear := document.Judge()
	external, untold := document.External(trusted)
	var words []string
	add := func(word string, verdicts []policy.Verdict) {
		for _, v := range verdicts {
			if v.Deputy {
				words = append(words, "deputy: "+v.Reason)
				continue
			}
			words = append(words, word+": "+v.Reason)
		}
	}
	add("public", public)
	add("external", external)
	add("unclear", append(unclear, untold...))
	return strings.Join(words, " | ")
}

func TestExternal(t *testing.T) {
	const (
		outside = "external: allows s3:GetObject to those who are not trusted: "
		whose   = "unclear: can't be judged: it can't be told whose "
		anyone  = "external: allows s3:GetObject to those who are not trusted: anyone with "
	)
	for _, test := range []struct{ name, want, principal, condition string }{
		// principals
		{"the own account", "", `{"AWS":"arn:aws:iam::111122223333:root"}`, ""},
		{"a trusted account's number", "", `{"AWS":"444455556666"}`, ""},
		{"a trusted account's role", "", `{"AWS":"arn:aws-cn:iam::444455556666:role/path/x"}`, ""},
		{"another account", outside + "AWS arn:aws:iam::999988887777:root", `{"AWS":"arn:aws:iam::999988887777:root"}`, ""},
		{"another account's number", outside + "AWS 999988887777", `{"AWS":"999988887777"}`, ""},
		{"another account's user", outside + "AWS arn:aws:iam::999988887777:user/eve", `{"AWS":"arn:aws:iam::999988887777:user/eve"}`, ""},
		{"another account's session", outside + "AWS arn:aws:sts::999988887777:assumed-role/r...", `{"AWS":"arn:aws:sts::999988887777:assumed-role/r/eve"}`, ""},
		{"another account beside the own", outside + "AWS 999988887777", `{"AWS":["111122223333","999988887777"]}`, ""},
		{"a canonical user", outside + "CanonicalUser 79a59df900b949e55d96a1e698fbacedfd6e09d9...", `{"CanonicalUser":"79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"}`, ""},
		{"a deleted user", "", `{"AWS":"AIDAEXAMPLEEXAMPLE123"}`, ""},
		{"a deleted role", "", `{"AWS":["AROAEXAMPLEEXAMPLE123","111122223333"]}`, ""},
		{"an access identity of CloudFront", whose + "AWS arn:aws:iam::cloudfront:user/CloudFront ... is", `{"AWS":"arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1EXAMPLE"}`, ""},
		{"an ARN of no account", whose + "AWS arn:aws:iam::1111:role/x is", `{"AWS":"arn:aws:iam::1111:role/x"}`, ""},
		{"the account that writes load balancers' logs", "", `{"AWS":"arn:aws:iam::127311923021:root"}`, ""},
		{"that of the Region Jakarta", "", `{"AWS":"arn:aws:iam::589379963580:root"}`, ""},
		{"a service", "", `{"Service":"cloudtrail.amazonaws.com"}`, ""},
		{"any distribution of CloudFront", "deputy: allows s3:GetObject to Service cloudfront.amazonaws.com in anybody's name: no condition on aws:SourceAccount, aws:SourceArn or aws:SourceOrgID says whose",
			`{"Service":"cloudfront.amazonaws.com"}`, ""},
		{"any distribution of CloudFront, with TLS", "deputy: allows s3:GetObject to Service cloudfront.amazonaws.com in anybody's name: no condition on aws:SourceAccount, aws:SourceArn or aws:SourceOrgID says whose",
			`{"Service":["cloudtrail.amazonaws.com","cloudfront.amazonaws.com"]}`, `{"Bool":{"aws:SecureTransport":"true"}}`},
		{"a distribution of the account", "", `{"Service":"cloudfront.amazonaws.com"}`, `{"StringEquals":{"AWS:SourceArn":"arn:aws:cloudfront::111122223333:distribution/E1EXAMPLE"}}`},
		{"a service for another account", outside + `Service cloudtrail.amazonaws.com with aws:SourceAccount "999988887777"`, `{"Service":"cloudtrail.amazonaws.com"}`, `{"StringEquals":{"aws:SourceAccount":"999988887777"}}`},
		{"a service for a trusted account", "", `{"Service":"cloudtrail.amazonaws.com"}`, `{"ArnLike":{"aws:SourceArn":"arn:aws:cloudtrail:*:444455556666:trail/*"}}`},
		{"a service for another organization", outside + `Service sns.amazonaws.com with aws:SourceOrgID "o-zzzzzzzzzz"`, `{"Service":"sns.amazonaws.com"}`, `{"StringEquals":{"aws:SourceOrgID":"o-zzzzzzzzzz"}}`},
		{"a service with a key of the future", `unclear: can't be judged: the condition StringEquals aws:SourceGalaxy "milky-way" may or may not name an owner`, `{"Service":"sns.amazonaws.com"}`, `{"StringEquals":{"aws:SourceGalaxy":"milky-way"}}`},
		{"what is public", "public: allows s3:GetObject to anyone: its principal is AWS *", `{"AWS":["111122223333","*"]}`, ""},
		{"another account beside what is public", "public: allows s3:GetObject to anyone: its principal is AWS * | " + outside + "AWS 999988887777", `{"AWS":["999988887777","*"]}`, ""},

		// conditions on another account
		{"held to the organization", "", `{"AWS":"999988887777"}`, `{"StringEquals":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}}`},
		{"held to another organization", outside + "AWS 999988887777", `{"AWS":"999988887777"}`, `{"StringEquals":{"aws:PrincipalOrgID":"o-zzzzzzzzzz"}}`},
		{"held to the organization, if any", outside + "AWS 999988887777", `{"AWS":"999988887777"}`, `{"StringEqualsIfExists":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}}`},
		{"held to a part of the organization", "", `{"AWS":"999988887777"}`, `{"ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":"o-a1b2c3d4e5/r-ab12/*"}}`},
		{"held to a part of another organization", outside + "AWS 999988887777", `{"AWS":"999988887777"}`, `{"ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":"o-zzzzzzzzzz/*"}}`},
		{"not of the organization", outside + "AWS 999988887777", `{"AWS":"999988887777"}`, `{"StringNotEquals":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}}`},
		{"from a network", outside + "AWS 999988887777", `{"AWS":"999988887777"}`, `{"IpAddress":{"aws:SourceIp":"203.0.113.7"}}`},
		{"from an endpoint", outside + "AWS 999988887777", `{"AWS":"999988887777"}`, `{"StringEquals":{"aws:SourceVpce":"vpce-1a2b3c4d"}}`},
		{"a tag", outside + "AWS 999988887777", `{"AWS":"999988887777"}`, `{"StringEquals":{"aws:PrincipalTag/team":"blue"}}`},
		{"a key of the future", `unclear: can't be judged: the condition StringEquals aws:SourceGalaxy "milky-way" may or may not name an owner`, `{"AWS":"999988887777"}`, `{"StringEquals":{"aws:SourceGalaxy":"milky-way"}}`},
		{"an operator of the future", `unclear: can't be judged: the condition operator "SoundsLike" is not known`, `{"AWS":"999988887777"}`, `{"SoundsLike":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}}`},
		{"an operator of the future, and the organization", "", `{"AWS":"999988887777"}`, `{"SoundsLike":{"s3:prefix":"x"},"StringEquals":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}}`},

		// anyone, held by conditions
		{"anyone of the organization", "", `"*"`, `{"StringEquals":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}}`},
		{"anyone of another organization", anyone + `aws:PrincipalOrgID "o-zzzzzzzzzz"`, `"*"`, `{"StringEquals":{"aws:PrincipalOrgID":"o-zzzzzzzzzz"}}`},
		{"anyone of one of two organizations", anyone + `aws:PrincipalOrgID "o-zzzzzzzzzz"`, `"*"`, `{"StringEquals":{"aws:PrincipalOrgID":["o-a1b2c3d4e5","o-zzzzzzzzzz"]}}`},
		{"anyone of the account", "", `{"AWS":"*"}`, `{"StringEquals":{"aws:PrincipalAccount":"111122223333"}}`},
		{"anyone of another account", anyone + `aws:PrincipalAccount "999988887777"`, `{"AWS":"*"}`, `{"StringEquals":{"aws:PrincipalAccount":["111122223333","999988887777"]}}`},
		{"anyone by another account's roles", anyone + `aws:PrincipalArn "arn:aws:iam::999988887777:role/*"`, `{"AWS":"*"}`, `{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::999988887777:role/*"}}`},
		{"anyone by the account's roles", "", `{"AWS":"*"}`, `{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/*"}}`},
		{"anyone through an access point of the account", "", `"*"`, `{"StringEquals":{"s3:DataAccessPointAccount":"111122223333"}}`},
		{"anyone through another account's access point", anyone + `s3:DataAccessPointAccount "999988887777"`, `"*"`, `{"StringEquals":{"s3:DataAccessPointAccount":"999988887777"}}`},
		{"anyone of another account, of the organization", "", `"*"`, `{"StringEquals":{"aws:PrincipalAccount":"999988887777","aws:PrincipalOrgID":"o-a1b2c3d4e5"}}`},
		{"anyone from another account's VPC", anyone + `aws:VpceAccount "999988887777"`, `"*"`, `{"StringEquals":{"aws:VpceAccount":"999988887777"}}`},
		{"anyone for another account's bucket", anyone + `aws:SourceAccount "999988887777"`, `"*"`, `{"StringEquals":{"aws:SourceAccount":"999988887777"}}`},
		{"anyone for some bucket", whose + `aws:SourceArn "arn:aws:s3:::inventory" is`, `"*"`, `{"ArnLike":{"aws:SourceArn":"arn:aws:s3:::inventory"}}`},
		{"anyone from an endpoint", whose + `aws:SourceVpce "vpce-1a2b3c4d" is`, `"*"`, `{"StringEquals":{"aws:SourceVpce":"vpce-1a2b3c4d"}}`},
		{"anyone from an endpoint, of the account", "", `"*"`, `{"StringEquals":{"aws:SourceVpce":"vpce-1a2b3c4d","aws:PrincipalAccount":"111122223333"}}`},
		{"anyone from an address", whose + `aws:SourceIp "203.0.113.7" is`, `"*"`, `{"IpAddress":{"aws:SourceIp":"203.0.113.7"}}`},
		{"anyone with a user's id", whose + `aws:userid "AIDAEXAMPLEEXAMPLE123" is`, `"*"`, `{"StringEquals":{"aws:userid":"AIDAEXAMPLEEXAMPLE123"}}`},
		{"the root of another account", anyone + `aws:userid "999988887777"`, `"*"`, `{"StringEquals":{"aws:userid":"999988887777"}}`},
		{"a user of the account's federation", "", `"*"`, `{"StringEquals":{"aws:userid":"111122223333:bob"}}`},
		{"anyone with a key of another account", whose + `s3:x-amz-server-side-encryption-aws-kms-... "arn:aws:kms:eu-west-1:999988887777:key/1" is`, `"*"`, `{"StringEquals":{"s3:x-amz-server-side-encryption-aws-kms-key-id":"arn:aws:kms:eu-west-1:999988887777:key/1"}}`},
		{"a service as anyone", "", `"*"`, `{"StringEquals":{"aws:PrincipalServiceName":"logging.s3.amazonaws.com"}}`},
		{"a service as anyone, for another account", outside + `Service logging.s3.amazonaws.com with aws:SourceAccount "999988887777"`, `"*"`, `{"StringEquals":{"aws:PrincipalServiceName":"logging.s3.amazonaws.com","aws:SourceAccount":"999988887777"}}`},
		{"a service as anyone, for the account", "", `"*"`, `{"StringEquals":{"aws:PrincipalServiceName":"logging.s3.amazonaws.com","aws:SourceAccount":"111122223333"}}`},
		{"a service by both names, for another account", outside + `Service sns.amazonaws.com with aws:SourceAccount "999988887777"`, `{"Service":"sns.amazonaws.com"}`,
			`{"StringEquals":{"aws:PrincipalServiceName":"sns.amazonaws.com","aws:SourceAccount":"999988887777"}}`},
		{"another account, if it is a service", "", `{"AWS":"999988887777"}`, `{"StringEquals":{"aws:PrincipalServiceName":"sns.amazonaws.com"}}`},
		{"what may be public", `unclear: can't be judged: the condition StringEquals aws:PrincipalAccount "ours" may or may not name an owner`, `"*"`, `{"StringEquals":{"aws:PrincipalAccount":"ours"}}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			statement := on(policy.S3, "s3:GetObject", test.principal, test.condition)
			if diff := cmp.Diff(test.want, judged(t, policy.S3, statement)); diff != "" {
				t.Errorf("%s\n%s", statement, diff)
			}
		})
	}
}

// NotPrincipal and NotAction are taken at their word.
func TestExternalOpposites(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{`{"Effect":"Allow","NotPrincipal":{"AWS":"999988887777"},"Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}}}`, ""},
		{`{"Effect":"Allow","NotPrincipal":{"AWS":"111122223333"},"Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-zzzzzzzzzz"}}}`,
			`external: allows s3:* to those who are not trusted: anyone with aws:PrincipalOrgID "o-zzzzzzzzzz"`},
		{`{"Effect":"Allow","Principal":{"AWS":"999988887777"},"NotAction":"s3:DeleteBucket","NotResource":"arn:aws:s3:::x"}`,
			"external: allows all but s3:DeleteBucket to those who are not trusted: AWS 999988887777"},
		{`{"Effect":"Deny","Principal":{"AWS":"999988887777"},"Action":"s3:*","Resource":"*"}`, ""},
	} {
		if diff := cmp.Diff(test.want, judged(t, policy.S3, test.text)); diff != "" {
			t.Errorf("%s\n%s", test.text, diff)
		}
	}
}

// What a Deny statement takes back from those who are not trusted.
func TestExternalDenied(t *testing.T) {
	const everything = `{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"`
	const account = "external: allows s3:GetObject to those who are not trusted: AWS 999988887777"
	for _, test := range []struct{ name, principal, condition, deny, want string }{
		{"all", `{"AWS":"999988887777"}`, "", everything + "}", ""},
		{"all outside of the organization", `{"AWS":"999988887777"}`, "", everything + `,"Condition":{"StringNotEqualsIfExists":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}}}`, ""},
		{"all but services and the organization", `{"AWS":"999988887777"}`, "", everything + `,"Condition":{"StringNotEqualsIfExists":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"},"BoolIfExists":{"aws:PrincipalIsAWSService":"false"}}}`, ""},
		{"all outside of another organization", `{"AWS":"999988887777"}`, "", everything + `,"Condition":{"StringNotEqualsIfExists":{"aws:PrincipalOrgID":"o-zzzzzzzzzz"}}}`, account},
		{"all from elsewhere", `{"AWS":"999988887777"}`, "", everything + `,"Condition":{"StringNotEquals":{"aws:SourceVpce":"vpce-1a2b3c4d"}}}`, account},
		{"without TLS", `{"AWS":"999988887777"}`, "", everything + `,"Condition":{"Bool":{"aws:SecureTransport":"false"}}}`, account},
		{"another action", `{"AWS":"999988887777"}`, "", `{"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"*"}`, account},
		{"to somebody else", `{"AWS":"999988887777"}`, "", `{"Effect":"Deny","Principal":{"AWS":"444455556666"},"Action":"s3:*","Resource":"*"}`, account},
		{"to the organization", `{"AWS":"999988887777"}`, "", everything + `,"Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}}}`, account},
		{"to who is in an organization, and not in ours", `{"AWS":"999988887777"}`, "", everything + `,"Condition":{"ForAnyValue:StringNotLike":{"aws:PrincipalOrgPaths":"o-a1b2c3d4e5/*"}}}`, account},
		{"but to a key of the future", `{"AWS":"999988887777"}`, "", everything + `,"Condition":{"StringNotEquals":{"aws:SourceGalaxy":"milky-way"}}}`,
			`unclear: can't be judged: statement 2 denies it, but the condition StringNotEquals aws:SourceGalaxy "milky-way" may or may not name an owner`},
		{"anyone but the account", `"*"`, "", everything + `,"Condition":{"StringNotEquals":{"aws:PrincipalAccount":["111122223333","444455556666"]}}}`, ""},
		{"anyone but another account", `"*"`, "", everything + `,"Condition":{"StringNotEquals":{"aws:PrincipalAccount":["111122223333","999988887777"]}}}`,
			`external: allows s3:GetObject to those who are not trusted: anyone with aws:PrincipalAccount "999988887777"`},
		{"anyone but from an endpoint", `"*"`, "", everything + `,"Condition":{"StringNotEquals":{"aws:SourceVpce":"vpce-1a2b3c4d"}}}`,
			`unclear: can't be judged: it can't be told whose aws:SourceVpce "vpce-1a2b3c4d" is`},
		{"anyone of another organization, but services", `"*"`, `{"StringEquals":{"aws:PrincipalOrgID":"o-zzzzzzzzzz"}}`, everything + `,"Condition":{"StringNotEqualsIfExists":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"},"BoolIfExists":{"aws:PrincipalIsAWSService":"false"}}}`,
			`external: allows s3:GetObject to those who are not trusted: anyone with aws:PrincipalOrgID "o-zzzzzzzzzz"`},
		{"one service is spared", `{"Service":"sns.amazonaws.com"}`, `{"StringEquals":{"aws:SourceAccount":"999988887777"}}`, everything + `,"Condition":{"StringNotEqualsIfExists":{"aws:PrincipalServiceName":"sns.amazonaws.com"}}}`,
			`external: allows s3:GetObject to those who are not trusted: Service sns.amazonaws.com with aws:SourceAccount "999988887777"`},
		{"all but one service", `{"AWS":"999988887777"}`, "", everything + `,"Condition":{"StringNotEqualsIfExists":{"aws:PrincipalServiceName":"sns.amazonaws.com"}}}`, ""},
		{"anyone but one service", `"*"`, "", everything + `,"Condition":{"StringNotEquals":{"aws:PrincipalServiceName":"sns.amazonaws.com"}}}`, ""},
		{"services are spared", `{"Service":"sns.amazonaws.com"}`, `{"StringEquals":{"aws:SourceAccount":"999988887777"}}`, everything + `,"Condition":{"StringNotEqualsIfExists":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"},"BoolIfExists":{"aws:PrincipalIsAWSService":"false"}}}`,
			`external: allows s3:GetObject to those who are not trusted: Service sns.amazonaws.com with aws:SourceAccount "999988887777"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			statements := on(policy.S3, "s3:GetObject", test.principal, test.condition) + "," + test.deny
			if diff := cmp.Diff(test.want, judged(t, policy.S3, statements)); diff != "" {
				t.Errorf("%s\n%s", statements, diff)
			}
		})
	}
}

// Whom an organization is not named, nobody is trusted for its membership in one.
func TestNoOrganization(t *testing.T) {
	for _, condition := range []string{`{"StringEquals":{"aws:PrincipalOrgID":"` + org + `"}}`, `{"StringLike":{"aws:PrincipalOrgPaths":"` + org + `/*"}}`} {
		document, err := policy.Parse(policy.S3, []byte(everyone(condition)))
		if err != nil {
			t.Fatal(err)
		}
		if external, _ := document.External(policy.Trusted{Accounts: []string{own}}); len(external) != 1 {
			t.Errorf("with %s, external is %v", condition, external)
		}
	}
}

// What an author writes can't make a verdict long.
func TestExternalIsBounded(t *testing.T) {
	for _, filler := range []string{"x", "é", `\u0001`, `\"`} {
		long := strings.Repeat(filler, 2000)
		many := `["` + long + `a","` + long + `b","` + long + `c","` + long + `d"]`
		for _, s := range []string{
			`{"Sid":"` + long + `","Effect":"Allow","Principal":{"Service":` + many + `},"NotAction":` + many + `,"Resource":"*","Condition":{"StringEquals":{"aws:SourceOrgID":"o-zzzzzzzzzz"}}}`,
			`{"Sid":"` + long + `","Effect":"Allow","Principal":{"AWS":` + many + `},"NotAction":` + many + `,"Resource":"*"}`,
			`{"Effect":"Allow","Principal":{"AWS":"999988887777"},"Action":"s3:*","Resource":"*","Condition":{"` + long + `":{"` + long + `":"x"}}}`,
			`{"Effect":"Allow","Principal":{"AWS":"999988887777"},"Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"aws:` + long + `":"` + long + `"}}}`,
			`{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*","Condition":{"StringLike":{"aws:PrincipalArn":"arn:aws:iam::999988887777:role/` + long + `"}}}`,
		} {
			document, err := policy.Parse(policy.S3, []byte(`{"Statement":`+s+`}`))
			if err != nil {
				t.Fatal(err)
			}
			external, unclear := document.External(trusted)
			verdicts := append(external, unclear...)
			if len(verdicts) != 1 || len(verdicts[0].String()) > 700 {
				t.Errorf("%.100s: %.900v", s, verdicts)
			}
		}
	}
}
