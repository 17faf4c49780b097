package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countermand/countermand/remediations/knowledge/policy"
)

// allow is a policy of one Allow statement with a principal and, if there is one, a condition.
func allow(principal, condition string) string {
	return `{"Version":"2012-10-17","Statement":[` + statement("Allow", principal, condition) + `]}`
}

func statement(effect, principal, condition string) string {
	s := fmt.Sprintf(`{"Effect":%q,"Principal":%s,"Action":"s3:GetObject","Resource":"arn:aws:s3:::reports/*"`, effect, principal)
	if condition != "" {
		s += `,"Condition":` + condition
	}
	return s + "}"
}

// everyone is a policy that allows everyone under a condition.
func everyone(condition string) string { return allow(`"*"`, condition) }

// fenced is a policy that allows everyone, and a Deny statement with these members besides its effect.
func fenced(deny string) string {
	return `{"Statement":[` + statement("Allow", `"*"`, "") + `,{"Effect":"Deny",` + deny + `}]}`
}

const all = `"Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::reports","arn:aws:s3:::reports/*"]`

func TestJudge(t *testing.T) {
	const public, private, unclear = "public", "private", "unclear"
	for _, test := range []struct{ name, want, text string }{
		// principals
		{"everyone", public, everyone("")},
		{"every AWS principal", public, allow(`{"AWS":"*"}`, "")},
		{"everyone in a list", public, allow(`{"AWS":["arn:aws:iam::111122223333:root","*"]}`, "")},
		{"an account", private, allow(`{"AWS":"111122223333"}`, "")},
		{"an account's root", private, allow(`{"AWS":"arn:aws:iam::111122223333:root"}`, "")},
		{"two roles", private, allow(`{"AWS":["arn:aws:iam::111122223333:role/a","arn:aws:iam::444455556666:role/b"]}`, "")},
		{"a deleted user's id", private, allow(`{"AWS":"AIDAEXAMPLEEXAMPLE123"}`, "")},
		{"a distribution's origin access identity", private, allow(`{"AWS":"arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1EXAMPLE"}`, "")},
		{"any account's root", public, allow(`{"AWS":"arn:aws:iam::*:root"}`, "")},
		{"a policy variable", public, allow(`{"AWS":"arn:aws:iam::111122223333:user/${aws:username}"}`, "")},
		{"a canonical user", private, allow(`{"CanonicalUser":"79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"}`, "")},
		{"any canonical user", public, allow(`{"CanonicalUser":"*"}`, "")},
		{"a service", private, allow(`{"Service":"cloudtrail.amazonaws.com"}`, "")},
		{"any service", public, allow(`{"Service":"*"}`, "")},
		{"a web identity provider", public, allow(`{"Federated":"graph.facebook.com"}`, "")},
		{"a service and a web identity provider", public, allow(`{"Service":"s3.amazonaws.com","Federated":"accounts.google.com"}`, "")},
		{"a web identity provider from one endpoint", private, allow(`{"Federated":"graph.facebook.com"}`, `{"StringEquals":{"aws:SourceVpce":"vpce-1a2b3c4d"}}`)},
		{"everyone but one", public, `{"Statement":{"Effect":"Allow","NotPrincipal":{"AWS":"111122223333"},"Action":"s3:*","Resource":"*"}}`},
		{"everyone but one, from one VPC", private, `{"Statement":{"Effect":"Allow","NotPrincipal":{"AWS":"111122223333"},"Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"aws:SourceVpc":"vpc-91237329"}}}}`},
		{"a type of principal of the future", unclear, allow(`{"Robot":"r2"}`, "")},
		{"a principal that is neither", unclear, allow(`"111122223333"`, "")},
		{"an empty principal", unclear, allow(`{}`, "")},
		{"an empty list of principals", unclear, allow(`{"AWS":[]}`, "")},
		{"principals in a list", unclear, allow(`["*"]`, "")},
		{"null as principal", unclear, allow(`null`, "")},
		{"a principal twice", unclear, allow(`{"AWS":"111122223333","AWS":"*"}`, "")},

		// effects and shapes
		{"deny everyone without TLS", private, `{"Statement":[` + statement("Deny", `"*"`, `{"Bool":{"aws:SecureTransport":"false"}}`) + `]}`},
		{"one statement without a list", public, `{"Statement":` + statement("Allow", `"*"`, "") + `}`},
		{"no statements", private, `{"Version":"2012-10-17","Statement":[]}`},
		{"lists of actions and resources", public, `{"Statement":{"Effect":"Allow","Principal":"*","Action":["s3:GetObject","s3:PutObject"],"Resource":["*"]}}`},
		{"all but an action", public, `{"Statement":{"Effect":"Allow","Principal":"*","NotAction":"s3:DeleteBucket","NotResource":"arn:aws:s3:::other/*"}}`},
		{"an effect in lower case", unclear, `{"Statement":[` + statement("allow", `"*"`, "") + `]}`},
		{"no effect", unclear, `{"Statement":{"Principal":"*","Action":"s3:*","Resource":"*"}}`},
		{"an element in lower case", unclear, `{"Statement":{"effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}}`},
		{"an unknown element", unclear, `{"Statement":{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*","Until":"2030"}}`},
		{"an element twice", unclear, `{"Statement":{"Effect":"Deny","Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}}`},
		{"no principal", unclear, `{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`},
		{"principal and its opposite", unclear, `{"Statement":{"Effect":"Allow","Principal":"*","NotPrincipal":"*","Action":"s3:*","Resource":"*"}}`},
		{"no resource", unclear, `{"Statement":{"Effect":"Allow","Principal":"*","Action":"s3:*"}}`},
		{"a statement that is text", unclear, `{"Statement":["allow all"]}`},
		{"null as statement", unclear, `{"Statement":[null]}`},

		// conditions that hold fixed values
		{"a VPC", private, everyone(`{"StringEquals":{"aws:SourceVpc":"vpc-91237329"}}`)},
		{"any VPC", public, everyone(`{"StringLike":{"aws:SourceVpc":"vpc-*"}}`)},
		{"a VPC, or any", public, everyone(`{"StringLike":{"aws:SourceVpc":["vpc-91237329","vpc-*"]}}`)},
		{"two endpoints", private, everyone(`{"StringEquals":{"aws:sourceVpce":["vpce-1a2b3c4d","vpce-2a2b3c4d"]}}`)},
		{"a key in another case", private, everyone(`{"StringEquals":{"AWS:SOURCEVPCE":"vpce-1a2b3c4d"}}`)},
		{"an organization", private, everyone(`{"StringEquals":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}}`)},
		{"any organization", public, everyone(`{"StringLike":{"aws:PrincipalOrgID":"o-*"}}`)},
		{"an organization, if any", public, everyone(`{"StringEqualsIfExists":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}}`)},
		{"an organization, if any, and there is one", private, everyone(`{"StringEqualsIfExists":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"},"Null":{"aws:principalorgid":"false"}}`)},
		{"there is an organization", public, everyone(`{"Null":{"aws:PrincipalOrgID":"false"}}`)},
		{"there is no organization", public, everyone(`{"StringEqualsIfExists":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"},"Null":{"aws:PrincipalOrgID":"true"}}`)},
		{"paths of an organization", private, everyone(`{"ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":"o-a1b2c3d4e5/r-ab12/ou-ab12-*/*"}}`)},
		{"all paths in an organization", public, everyone(`{"ForAllValues:StringLike":{"aws:PrincipalOrgPaths":"o-a1b2c3d4e5/*"}}`)},
		{"all paths in an organization, and there is one", private, everyone(`{"ForAllValues:StringLike":{"aws:PrincipalOrgPaths":"o-a1b2c3d4e5/*"},"Null":{"aws:PrincipalOrgPaths":false}}`)},
		{"paths of any organization", public, everyone(`{"ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":"o-a*/r-ab12/*"}}`)},
		{"an account by condition", private, everyone(`{"StringEquals":{"aws:PrincipalAccount":"111122223333"}}`)},
		{"an account as a number", private, everyone(`{"StringEquals":{"aws:SourceAccount":111122223333}}`)},
		{"an owner", private, everyone(`{"StringEquals":{"aws:SourceOwner":"111122223333"}}`)},
		{"a service by condition", private, everyone(`{"StringEquals":{"aws:PrincipalServiceName":"logging.s3.amazonaws.com"}}`)},
		{"a source", private, everyone(`{"ArnEquals":{"aws:SourceArn":"arn:aws:s3:::inventory"}}`)},
		{"any source", public, everyone(`{"ArnLike":{"aws:SourceArn":"arn:aws:s3:::*"}}`)},
		{"a source of an account", private, everyone(`{"ArnLike":{"aws:SourceArn":"arn:aws:cloudfront::111122223333:distribution/*"}}`)},
		{"a source of an account in any Region", private, everyone(`{"ArnLike":{"aws:SourceArn":"arn:aws:sns:*:111122223333:*"}}`)},
		{"a source of any account", public, everyone(`{"ArnLike":{"aws:SourceArn":"arn:aws:sns:eu-west-1:*:topic"}}`)},
		{"a wildcard that may swallow an account", unclear, everyone(`{"StringLike":{"aws:PrincipalArn":"arn:aws:iam:*:111122223333:role/*"}}`)},
		{"roles of an account", private, everyone(`{"StringLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/*"}}`)},
		{"a role's name in any account", public, everyone(`{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/Admin"}}`)},
		{"access points of an account", private, everyone(`{"StringLike":{"s3:DataAccessPointArn":"arn:aws:s3:us-west-2:123456789012:accesspoint/*"}}`)},
		{"access points of an account in any Region", private, everyone(`{"StringLike":{"s3:DataAccessPointArn":"arn:aws:s3:*:123456789012:accesspoint/*"}}`)},
		{"any account's access points", public, everyone(`{"StringLike":{"s3:DataAccessPointArn":"arn:aws:s3:us-west-2:*:accesspoint/*"}}`)},
		{"an access point account", private, everyone(`{"StringEquals":{"s3:DataAccessPointAccount":"123456789012"}}`)},
		{"a KMS key", private, everyone(`{"StringEquals":{"s3:x-amz-server-side-encryption-aws-kms-key-id":"arn:aws:kms:eu-west-1:111122223333:key/1"}}`)},
		{"a user's id", private, everyone(`{"StringEquals":{"aws:userid":"AIDAEXAMPLEEXAMPLE123"}}`)},
		{"sessions of a role's id", unclear, everyone(`{"StringLike":{"aws:userid":"AROAEXAMPLEEXAMPLE123:*"}}`)},
		{"any session of a name", public, everyone(`{"StringLike":{"aws:userid":"*:alice"}}`)},
		{"an account in no account's form", unclear, everyone(`{"StringEquals":{"aws:PrincipalAccount":"ours"}}`)},
		{"an organization in no organization's form", unclear, everyone(`{"StringEquals":{"aws:PrincipalOrgID":"ours"}}`)},
		{"a path without an organization", unclear, everyone(`{"StringEquals":{"aws:PrincipalOrgPaths":"ours/r-ab12/"}}`)},
		{"paths without an organization", unclear, everyone(`{"ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":"ours/*"}}`)},
		{"a VPC in no VPC's form", unclear, everyone(`{"StringEquals":{"aws:SourceVpc":"vpce-1a2b3c4d"}}`)},
		{"a user's id in no id's form", unclear, everyone(`{"StringEquals":{"aws:userid":"alice"}}`)},
		{"an account's root by its user id", private, everyone(`{"StringEquals":{"aws:userid":"111122223333"}}`)},
		{"a session of a role's id", private, everyone(`{"StringEquals":{"aws:userid":"AROAEXAMPLEEXAMPLE123:dana"}}`)},
		{"a service in no service's form", unclear, everyone(`{"StringEquals":{"aws:PrincipalServiceName":"logging"}}`)},
		{"a principal without an account", unclear, everyone(`{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam:::role/Admin"}}`)},
		{"a source without an account that is no bucket", unclear, everyone(`{"ArnEquals":{"aws:SourceArn":"arn:aws:sns:eu-west-1::topic"}}`)},
		{"a KMS key of the caller's account", unclear, everyone(`{"StringEquals":{"s3:x-amz-server-side-encryption-aws-kms-key-id":"alias/reports"}}`)},
		{"an access point without an account", unclear, everyone(`{"StringEquals":{"s3:DataAccessPointArn":"reports-ap"}}`)},
		{"a variable as value", public, everyone(`{"StringEquals":{"aws:SourceVpc":"${aws:PrincipalTag/vpc}"}}`)},

		// what an anonymous caller has
		{"the anonymous account", public, everyone(`{"StringEquals":{"aws:PrincipalAccount":"anonymous"}}`)},
		{"the anonymous user's id", public, everyone(`{"StringEquals":{"aws:userid":"anonymous"}}`)},
		{"the anonymous account, in any case", public, everyone(`{"StringEqualsIgnoreCase":{"aws:PrincipalAccount":"ANONYMOUS"}}`)},
		{"the anonymous user's id, in any case", public, everyone(`{"StringEqualsIgnoreCase":{"aws:userid":"Anonymous"}}`)},
		{"the anonymous account by StringLike", public, everyone(`{"StringLike":{"aws:PrincipalAccount":"anonymous"}}`)},
		{"an account, or the anonymous one", public, everyone(`{"StringEquals":{"aws:PrincipalAccount":["111122223333","anonymous"]}}`)},
		{"a user's id, or the anonymous one", public, everyone(`{"StringEquals":{"aws:userid":["alice","AIDAEXAMPLEEXAMPLE123","anonymous"]}}`)},
		{"the anonymous account, and there is one", public, everyone(`{"StringEqualsIfExists":{"aws:PrincipalAccount":"anonymous"},"Null":{"aws:PrincipalAccount":"false"}}`)},
		{"the anonymous account of an organization", private, everyone(`{"StringEquals":{"aws:PrincipalAccount":"anonymous","aws:PrincipalOrgID":"o-a1b2c3d4e5"}}`)},
		{"the anonymous canonical user", unclear, allow(`{"CanonicalUser":"65a011a29cdf8ec533ec3d1ccaae921c"}`, "")},
		{"denied but to the anonymous account", public, fenced(all + `,"Condition":{"StringNotEquals":{"aws:PrincipalAccount":"anonymous"}}`)},
		{"denied but to an account and the anonymous one", public, fenced(all + `,"Condition":{"StringNotEqualsIgnoreCase":{"aws:PrincipalAccount":["111122223333","Anonymous"]}}`)},
		{"denied but to the anonymous user's id", public, fenced(all + `,"Condition":{"StringNotLike":{"aws:userid":["AIDAEXAMPLEEXAMPLE123","anonymous"]}}`)},

		// addresses
		{"an address", private, everyone(`{"IpAddress":{"aws:SourceIp":"203.0.113.7"}}`)},
		{"a network", private, everyone(`{"IpAddress":{"aws:SourceIp":["203.0.113.0/24","2001:db8::/32"]}}`)},
		{"the whole internet", public, everyone(`{"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}}`)},
		{"the whole internet in halves", public, everyone(`{"IpAddress":{"aws:SourceIp":["0.0.0.0/1","128.0.0.0/1"]}}`)},
		{"IPv6's whole internet", public, everyone(`{"IpAddress":{"aws:SourceIp":["203.0.113.0/24","::/0"]}}`)},
		{"as wide as may be", private, everyone(`{"IpAddress":{"aws:SourceIp":"9.0.0.0/8"}}`)},
		{"a bit too wide", public, everyone(`{"IpAddress":{"aws:SourceIp":"8.0.0.0/7"}}`)},
		{"a bit too wide in IPv6", public, everyone(`{"IpAddress":{"aws:SourceIp":"2001:db8::/31"}}`)},
		{"private addresses", private, everyone(`{"IpAddress":{"aws:SourceIp":["10.0.0.0/8","172.16.0.0/12","192.168.0.0/16"]}}`)},
		{"IPv4 in IPv6", unclear, everyone(`{"IpAddress":{"aws:SourceIp":"::ffff:0.0.0.0/96"}}`)},
		{"no address", unclear, everyone(`{"IpAddress":{"aws:SourceIp":"office"}}`)},
		{"addresses by wildcard", public, everyone(`{"StringLike":{"aws:SourceIp":"203.*"}}`)},
		{"the whole internet in 256 networks", public, everyone(`{"IpAddress":{"aws:SourceIp":[` + eighths(0, 256) + `]}}`)},
		{"the whole internet but one network", public, everyone(`{"IpAddress":{"aws:SourceIp":[` + eighths(1, 256) + `]}}`)},
		{"a bit too wide in halves", public, everyone(`{"IpAddress":{"aws:SourceIp":["8.0.0.0/8","9.0.0.0/8"]}}`)},
		{"a bit too wide in pieces that are apart", public, everyone(`{"IpAddress":{"aws:SourceIp":["9.0.0.0/8","17.0.0.0/8"]}}`)},
		{"wider than may be, and less than a bit", unclear, everyone(`{"IpAddress":{"aws:SourceIp":["9.0.0.0/8","203.0.113.7"]}}`)},
		{"as wide as may be, twice", private, everyone(`{"IpAddress":{"aws:SourceIp":["9.0.0.0/8","9.1.2.3/8","9.128.0.0/9","9.9.9.9"]}}`)},
		{"as wide as may be, in halves", private, everyone(`{"IpAddress":{"aws:SourceIp":["9.128.0.0/9","9.0.0.0/9"]}}`)},
		{"as wide as may be in both families, and private ones", private, everyone(`{"IpAddress":{"aws:SourceIp":["9.0.0.0/8","2001:db8::/32","10.0.0.0/8","10.1.2.3"]}}`)},
		{"a bit too wide in IPv6 in halves", public, everyone(`{"IpAddress":{"aws:SourceIp":["2001:db8::/32","2001:db9::/32"]}}`)},
		{"wider than may be in IPv6, and less than a bit", unclear, everyone(`{"IpAddress":{"aws:SourceIp":["2001:db8::/32","2001:db9::1"]}}`)},
		{"private addresses in any VPC", public, everyone(`{"IpAddress":{"aws:VpcSourceIp":"10.0.0.0/8"}}`)},
		{"an address, if any", public, everyone(`{"IpAddressIfExists":{"aws:SourceIp":"203.0.113.7"}}`)},

		// conditions that keep nobody out
		{"not from a network", public, everyone(`{"NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`)},
		{"not from a VPC", public, everyone(`{"StringNotEquals":{"aws:SourceVpc":"vpc-91237329"}}`)},
		{"not a role", public, everyone(`{"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/x"}}`)},
		{"a referer", public, everyone(`{"StringLike":{"aws:Referer":["https://www.example.com/*"]}}`)},
		{"a user agent", public, everyone(`{"StringEquals":{"aws:UserAgent":"our-secret-agent"}}`)},
		{"TLS", public, everyone(`{"Bool":{"aws:SecureTransport":"true"}}`)},
		{"MFA", public, everyone(`{"Bool":{"aws:MultiFactorAuthPresent":true}}`)},
		{"until a date", public, everyone(`{"DateLessThan":{"aws:CurrentTime":"2030-01-01T00:00:00Z"}}`)},
		{"a prefix", public, everyone(`{"StringEquals":{"s3:prefix":"public/"},"NumericLessThanEquals":{"s3:max-keys":10}}`)},
		{"a tag of the caller", public, everyone(`{"StringEquals":{"aws:PrincipalTag/team":"blue"}}`)},
		{"a user's name", public, everyone(`{"StringEquals":{"aws:username":"andrew"}}`)},
		{"the bucket's own account", public, everyone(`{"StringEquals":{"aws:ResourceAccount":"111122223333"}}`)},
		{"a web identity's application", public, allow(`{"Federated":"graph.facebook.com"}`, `{"StringEquals":{"graph.facebook.com:app_id":"123"}}`)},
		{"a referer and an organization", private, everyone(`{"StringLike":{"aws:Referer":"https://example.com/*"},"StringEquals":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}}`)},
		{"two keys of one operator", private, everyone(`{"StringEquals":{"s3:x-amz-acl":"bucket-owner-full-control","aws:SourceAccount":"111122223333"}}`)},
		{"no condition in the condition", public, everyone(`{}`)},

		// conditions that are not understood
		{"a global key of the future", unclear, everyone(`{"StringEquals":{"aws:SourceGalaxy":"milky-way"}}`)},
		{"a global key of the future with a wildcard, and an organization", private, everyone(`{"StringLike":{"aws:SourceGalaxy":"milky-*","aws:PrincipalOrgID":"o-a1b2c3d4e5"}}`)},
		{"not a global key of the future", public, everyone(`{"StringNotEquals":{"aws:SourceGalaxy":"milky-way"}}`)},
		{"an operator of the future", unclear, everyone(`{"SoundsLike":{"aws:SourceVpc":"vpc-91237329"}}`)},
		{"an operator of the future and a VPC", private, everyone(`{"SoundsLike":{"s3:prefix":"x"},"StringEquals":{"aws:SourceVpc":"vpc-91237329"}}`)},
		{"a condition that is a list", unclear, everyone(`[]`)},
		{"an operator without keys", unclear, everyone(`{"StringEquals":"aws:SourceVpc"}`)},
		{"a key without values", unclear, everyone(`{"StringEquals":{"aws:SourceVpc":[]}}`)},
		{"a value that is an object", unclear, everyone(`{"StringEquals":{"aws:SourceVpc":{"is":"vpc-91237329"}}}`)},
		{"a key twice", unclear, everyone(`{"StringEquals":{"aws:SourceVpc":"vpc-91237329","aws:SourceVpc":"vpc-2"}}`)},

		// what a Deny statement takes back
		{"denied but from an endpoint", private, fenced(all + `,"Condition":{"StringNotEquals":{"aws:SourceVpce":"vpce-1a2b3c4d"}}`)},
		{"denied but from an endpoint, if any", private, fenced(all + `,"Condition":{"StringNotEqualsIfExists":{"aws:SourceVpce":"vpce-1a2b3c4d"}}`)},
		{"denied but from a network", private, fenced(all + `,"Condition":{"NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`)},
		{"denied but from half of the internet", public, fenced(all + `,"Condition":{"NotIpAddress":{"aws:SourceIp":"0.0.0.0/1"}}`)},
		{"denied but from the whole internet in 256 networks", public, fenced(all + `,"Condition":{"NotIpAddress":{"aws:SourceIp":[` + eighths(0, 256) + `]}}`)},
		{"denied but from too many networks, by two conditions", public, fenced(all + `,"Condition":{"NotIpAddress":{"aws:SourceIp":"8.0.0.0/8"},"NotIpAddressIfExists":{"aws:SourceIp":"9.0.0.0/8"}}`)},
		{"denied but to an account in no account's form", unclear, fenced(all + `,"Condition":{"StringNotEquals":{"aws:PrincipalAccount":"ours"}}`)},
		{"a denial that may leave some, and one that leaves none", private, `{"Statement":[` + statement("Allow", `"*"`, "") + `,{"Effect":"Deny",` + all + `,"Condition":{"StringNotEquals":{"aws:PrincipalAccount":"ours"}}},{"Effect":"Deny",` + all + `}]}`},
		{"denied but through services", public, fenced(all + `,"Condition":{"BoolIfExists":{"aws:ViaAWSService":"false"}}`)},
		{"denied but to an organization and through services", public, fenced(all + `,"Condition":{"StringNotEqualsIfExists":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"},"BoolIfExists":{"aws:PrincipalIsAWSService":"false","aws:ViaAWSService":"false"}}`)},
		{"denied but to services", unclear, fenced(all + `,"Condition":{"BoolIfExists":{"aws:PrincipalIsAWSService":"false"}}`)},
		{"denied but to an organization and to services", unclear, fenced(all + `,"Condition":{"StringNotEqualsIfExists":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"},"BoolIfExists":{"aws:PrincipalIsAWSService":"false"}}`)},
		{"an anonymous caller escapes Bool", public, fenced(all + `,"Condition":{"StringNotEqualsIfExists":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"},"Bool":{"aws:PrincipalIsAWSService":"false"}}`)},
		{"an anonymous caller escapes ForAnyValue", public, fenced(all + `,"Condition":{"ForAnyValue:StringNotLike":{"aws:PrincipalOrgPaths":"o-a1b2c3d4e5/*"}}`)},
		{"ForAllValues lets nobody escape", private, fenced(all + `,"Condition":{"ForAllValues:StringNotLike":{"aws:PrincipalOrgPaths":"o-a1b2c3d4e5/*"}}`)},
		{"TLS lets anyone escape", public, fenced(all + `,"Condition":{"Bool":{"aws:SecureTransport":"false"},"StringNotEquals":{"aws:SourceVpce":"vpce-1a2b3c4d"}}`)},
		{"denied from an endpoint only", public, fenced(all + `,"Condition":{"StringEquals":{"aws:SourceVpce":"vpce-1a2b3c4d"}}`)},
		{"denied altogether", private, fenced(all)},
		{"another action denied", public, fenced(`"Principal":"*","Action":"s3:PutObject","Resource":"*"`)},
		{"the action denied by wildcard, in another case", private, fenced(`"Principal":{"AWS":"*"},"Action":["S3:get*"],"Resource":"*"`)},
		{"another resource denied", public, fenced(`"Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::reports"`)},
		{"part of the resource denied", public, fenced(`"Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::reports/?"`)},
		{"one caller denied", public, fenced(`"Principal":{"AWS":"111122223333"},"Action":"s3:*","Resource":"*"`)},
		{"all but one caller denied", public, fenced(`"NotPrincipal":{"AWS":"111122223333"},"Action":"s3:*","Resource":"*"`)},
		{"all but this action denied", public, fenced(`"Principal":"*","NotAction":"s3:GetObject","Resource":"*"`)},
		{"all but this resource denied", public, fenced(`"Principal":"*","Action":"s3:*","NotResource":"arn:aws:s3:::reports/*"`)},
		{"all but an action denied", public, fenced(`"Principal":"*","NotAction":"s3:PutObject","Resource":"*"`)},
		{"an odd denial", "public unclear", fenced(all + `,"Until":"2030"`)},
	} {
		t.Run(test.name, func(t *testing.T) {
			document, err := policy.Parse(policy.S3, []byte(test.text))
			if err != nil {
				t.Fatal(err)
			}
			if got := answer(document); got != test.want {
				publics, unclears := document.Judge()
				t.Errorf("%s\nis %s, want %s\n%v %v", test.text, got, test.want, publics, unclears)
			}
		})
	}
}

// eighths is a list of the networks of eight bits from one first byte to before another.
func eighths(from, to int) string {
	var list []string
	for n := from; n < to; n++ {
		list = append(list, fmt.Sprintf(`"%d.0.0.0/8"`, n))
	}
	return strings.Join(list, ",")
}

func answer(d *policy.Document) string {
	public, unclear := d.Judge()
	var words []string
	if len(public) > 0 {
		words = append(words, "public")
	}
	if len(unclear) > 0 {
		words = append(words, "unclear")
	}
	if len(words) == 0 {
		return "private"
	}
	return strings.Join(words, " ")
}

// What a Deny statement takes back is at least what it is certain to cover.
func TestDenialCovers(t *testing.T) {
	const form = `{"Statement":[{"Effect":"Allow","Principal":"*",%s},{"Effect":"Deny","Principal":"*",%s}]}`
	for _, test := range []struct {
		allow, deny string
		want        string
	}{
		{`"NotAction":"s3:PutObject","Resource":"arn:aws:s3:::b/*"`, `"Action":"s3:Get*","Resource":"*"`, "public"},
		{`"NotAction":"s3:GetObject","Resource":"arn:aws:s3:::b/*"`, `"Action":"s3:Get*","Resource":"*"`, "public"},
		{`"NotAction":"s3:PutObject","Resource":"arn:aws:s3:::b/*"`, `"Action":"s3:*","Resource":"*"`, "private"},
		{`"Action":"*","Resource":"arn:aws:s3:::b/*"`, `"Action":"s3:*","Resource":"*"`, "private"},
		{`"Action":"s3:*","NotResource":"arn:aws:s3:::b/x"`, `"Action":"*","Resource":"arn:aws:s3:::b/*"`, "public"},
		{`"Action":"s3:*","NotResource":"arn:aws:s3:::b/x"`, `"Action":"*","Resource":"*"`, "private"},
		{`"Action":"s3:G*t","Resource":"*"`, `"Action":"s3:G*","Resource":"*"`, "private"},
		{`"Action":"s3:G*","Resource":"*"`, `"Action":"s3:G?","Resource":"*"`, "public"},
		{`"Action":"s3:G*","Resource":"*"`, `"Action":"s3:G*t","Resource":"*"`, "public"},
		{`"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/${aws:username}"`, `"Action":"s3:*","Resource":"arn:aws:s3:::b/?*"`, "public"},
		{`"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/${aws:username}"`, `"Action":"s3:*","Resource":"arn:aws:s3:::b/*"`, "private"},
		{`"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/x"`, `"Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:username}"`, "public"},
		{`"Action":"s3:GetObject","Resource":["arn:aws:s3:::b/x","arn:aws:s3:::b/y"]`, `"Action":"s3:*","Resource":"arn:aws:s3:::b/x"`, "public"},
	} {
		text := fmt.Sprintf(form, test.allow, test.deny)
		document, err := policy.Parse(policy.S3, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := answer(document); got != test.want {
			t.Errorf("%s\nis %s, want %s", text, got, test.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":                   "",
		"text that was cut":         `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Princ`,
		"a list":                    `[]`,
		"null":                      `null`,
		"a string":                  `"{}"`,
		"no statement":              `{"Version":"2012-10-17"}`,
		"a statement in lower case": `{"Statement":[],"statement":[]}`,
		"two statements elements":   `{"Statement":[],"Statement":[]}`,
		"more after the policy":     `{"Statement":[]}{}`,
		"bytes that are not UTF-8":  "{\"Id\":\"\xff\",\"Statement\":[]}",
	} {
		if _, err := policy.Parse(policy.S3, []byte(text)); err == nil {
			t.Errorf("%s: it was accepted", name)
		}
	}
}

func TestWithout(t *testing.T) {
	const text = `{ "Version" : "2012-10-17",
  "Statement": [ {"Sid":"a"} ,
    {"Sid":"b"},	{"Sid":"c"}
  ],
  "Id": "keep \u00e9 me", "Future": [1, 2.50] }`
	for _, test := range []struct {
		name    string
		text    string
		without []int
		want    string // empty if none remains
	}{
		{"none", text, nil, text},
		{"the first", text, []int{0}, strings.Replace(text, "{\"Sid\":\"a\"} ,\n    ", "", 1)},
		{"the one between", text, []int{1}, strings.Replace(text, " ,\n    {\"Sid\":\"b\"}", "", 1)},
		{"the last", text, []int{2}, strings.Replace(text, ",\t{\"Sid\":\"c\"}", "", 1)},
		{"all but the last", text, []int{1, 0}, strings.Replace(text, "{\"Sid\":\"a\"} ,\n    {\"Sid\":\"b\"},\t", "", 1)},
		{"all", text, []int{0, 1, 2}, ""},
		{"the only one, not in a list", `{"Statement": {"Sid":"a"} }`, []int{0}, ""},
		{"none of the only one", `{"Statement": {"Sid":"a"} }`, nil, `{"Statement": {"Sid":"a"} }`},
	} {
		document, err := policy.Parse(policy.S3, []byte(test.text))
		if err != nil {
			t.Fatal(err)
		}
		var verdicts []policy.Verdict
		for _, i := range test.without {
			verdicts = append(verdicts, policy.Verdict{Index: i})
		}
		got, some := document.Without(verdicts...)
		if diff := cmp.Diff(test.want, string(got)); diff != "" || some != (test.want != "") {
			t.Errorf("%s: some remain: %t\n%s", test.name, some, diff)
		}
	}
}

func TestEqual(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{`{"Statement":[],"Id":"x"}`, "{ \"Id\": \"\\u0078\",\n\"Statement\": [ ] }", true},
		{`{"Statement":[{"Sid":"a"},{"Sid":"b"}]}`, `{"Statement":[{"Sid":"b"},{"Sid":"a"}]}`, false},
		{`{"Principal":{"AWS":["a","b","c"]}}`, `{"Principal":{"AWS":["c","a","b"]}}`, true},
		{`{"Principal":{"AWS":["a","b"]}}`, `{"Principal":{"AWS":["a","c"]}}`, false},
		{`{"Action":["a"]}`, `{"Action":"a"}`, true},
		{`{"Action":[]}`, `{"Action":""}`, false},
		{`{"x":[1,"a"]}`, `{"x":["a",1]}`, false},
		{`{"n":12345678901234567890}`, `{"n":12345678901234567891}`, false},
		{`{}`, `{}{}`, false},
		{``, ``, false},
	} {
		if got := policy.Equal([]byte(test.a), []byte(test.b)); got != test.want {
			t.Errorf("Equal(%s, %s) is %t", test.a, test.b, got)
		}
	}
}
