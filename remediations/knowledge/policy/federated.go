package policy

import (
	"math"
	"regexp"
	"slices"
	"strings"
)

// provider is the ARN of an account's identity provider.
var provider = regexp.MustCompile(`^arn:[^:]+:iam::([0-9]{12}):(saml|oidc)-provider/(.+)$`)

// shared are the identity providers at which many have their users and pipelines, and the claims that say whose a token
// is: without a condition on one of these all who are with the same provider are let in. The first four are AWS's own
// names of providers, which no account has to set up.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc_secure-by-default.html
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif
var shared = map[string][]string{
	"accounts.google.com":            {"sub", "aud", "oaud"},
	"cognito-identity.amazonaws.com": {"sub", "aud"},
	"graph.facebook.com":             {"id", "app_id"},
	"www.amazon.com":                 {"user_id", "app_id"},

	"agent.buildkite.com": {"sub"},
	"api.pulumi.com/oidc": {"sub", "aud"},
	"app.terraform.io":    {"sub"},
	"gitlab.com":          {"sub"},
	"oidc-configuration.audit-log.githubusercontent.com": {"sub"},
	github:                                  {"sub"},
	"vstoken.actions.githubusercontent.com": {"sub"},
}

const github = "token.actions.githubusercontent.com"

// owning are GitHub's other claims that say whose a token is, and how many separators (: and /) stand before a wildcard in
// them at least; none for a number, which is fixed or says nothing. A workflow (job_workflow_ref) is no such claim: others
// can call it from theirs.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif
var owning = map[string]int{"actor_id": none, "enterprise_id": none, "repository": 1, "repository_id": none}

const none = math.MaxInt

// federated is whose an identity provider of a trust policy is. One of an account that is not trusted is somebody
// else's, and so are the users of one of OpenID Connect unless a condition says who of them is let in. The users of one
// of SAML are all those of the account.
func (s parsedStatement) federated(principal string, t Trusted) (whose, string) {
	host := principal
	if parts := provider.FindStringSubmatch(principal); parts != nil {
		switch {
		case !t.has(parts[1]):
			return others, ""
		case parts[2] == "saml":
			return ours, ""
		}
		host = strings.ToLower(parts[3])
	} else if shared[principal] == nil {
		return unclearWhose, ""
	}
	claims := shared[host]
	if claims == nil {
		claims = []string{"sub", "aud"}
	}
	if slices.ContainsFunc(s.conditions, func(c condition) bool { return c.claims(host, claims) }) {
		return ours, ""
	}
	return others, ", and no condition says whose " + strings.Join(claims, " or ")
}

// claims reports whether a condition holds one of a provider's claims to fixed values.
func (c condition) claims(host string, claims []string) bool {
	if c.matching == never || c.negated || c.ifExists || c.set == "forallvalues" {
		return false
	}
	claim, ok := strings.CutPrefix(strings.ToLower(c.key), host+":")
	before, known := 2, slices.Contains(claims, claim)
	if !known && host == github {
		before, known = owning[claim]
	}
	return ok && known && !slices.ContainsFunc(c.values, func(v string) bool { return !tenant(v, before) })
}

// tenant reports whether a claim's value says whose it is. Those with a wildcard do if it stands behind the owner, as in
// repo:OWNER/* and organization:OWNER:*, with so many separators before it; as in repo:OWNER* it takes in owners whose
// names only begin so.
func tenant(v string, before int) bool {
	if variable(v) {
		return false
	}
	fixed := v
	if i := strings.IndexAny(v, "*?"); i >= 0 {
		fixed = v[:i]
		return strings.Count(fixed, ":")+strings.Count(fixed, "/") >= before
	}
	return fixed != ""
}
