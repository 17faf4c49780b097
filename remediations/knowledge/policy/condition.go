package policy

import (
	"fmt"
	"regexp"
	"strings"
)

// condition is one operator and key of a Condition with its values, of which one must match. The conditions
// of a statement must all hold.
type condition struct {
	operator  string // as written
	key       string // as written; case does not count
	values    []string
	matching  matching
	negated   bool
	set       string // "foranyvalue", "forallvalues" or ""
	ifExists  bool
	isUnknown bool // the operator is not one that this package knows
}

// matching is how an operator compares.
type matching int

const (
	never      matching = iota // it does not compare with names: Bool, Null, numbers, dates
	exact                      // the whole string
	like                       // wildcards; one can stand for any text, colons too
	arn                        // wildcards within each of an ARN's six parts
	addressKey                 // a range of addresses
)

type operator struct {
	matching matching
	negated  bool
}

// operators are the condition operators in lower case, without set prefix and IfExists.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
var operators = map[string]operator{
	"stringequals":              {exact, false},
	"stringequalsignorecase":    {exact, false},
	"stringlike":                {like, false},
	"arnequals":                 {arn, false}, // wildcards count here as in ArnLike
	"arnlike":                   {arn, false},
	"ipaddress":                 {addressKey, false},
	"stringnotequals":           {exact, true},
	"stringnotequalsignorecase": {exact, true},
	"stringnotlike":             {like, true},
	"arnnotequals":              {arn, true},
	"arnnotlike":                {arn, true},
	"notipaddress":              {addressKey, true},
	"bool":                      {never, false},
	"null":                      {never, false},
	"binaryequals":              {never, false},
	"numericequals":             {never, false},
	"numericnotequals":          {never, false},
	"numericlessthan":           {never, false},
	"numericlessthanequals":     {never, false},
	"numericgreaterthan":        {never, false},
	"numericgreaterthanequals":  {never, false},
	"dateequals":                {never, false},
	"datenotequals":             {never, false},
	"datelessthan":              {never, false},
	"datelessthanequals":        {never, false},
	"dategreaterthan":           {never, false},
	"dategreaterthanequals":     {never, false},
}

// kind is what the values of a condition key are.
type kind int

const (
	strange     kind = iota // a global key that is not in the table: newer than it
	anybodys                // says nothing about who calls, or what the caller may choose
	accountID               // an account
	orgID                   // an organization
	orgPath                 // an organization's path: the organization is enough
	vpcID                   // a VPC
	endpointID              // a VPC endpoint
	serviceKey              // an AWS service
	keyARN                  // a KMS key's ARN
	ownedARN                // an ARN: its account is enough
	sourceARN               // an ARN, or a bucket's, which names no account
	accessPoint             // an access point's ARN: its account is enough, and its name has no colons
	userID                  // aws:userid
	endpoint                // where a topic's messages go: the ARN of a queue or function, or an address
	sourceIP                // aws:SourceIp
)

// keys are the condition keys in lower case. Those from aws:PrincipalOrgID to s3:x-amz-... are the list of
// S3's definition; the other ones that count came later or are spelled out there as "an AWS principal, user,
// role, or service principal", and name an owner just as well.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
//
// Of the keys of a service two name an owner. The others say something about the request: kms:ViaService that it came
// through a service, for anyone; lambda:FunctionUrlAuthType AWS_IAM that the caller has some AWS account.
// https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
// https://docs.aws.amazon.com/sns/latest/dg/sns-using-identity-based-policies.html
var keys = map[string]kind{
	"aws:principalorgid":        orgID,
	"aws:sourceip":              sourceIP,
	"aws:sourcearn":             sourceARN,
	"aws:sourcevpc":             vpcID,
	"aws:sourcevpce":            endpointID,
	"aws:sourceowner":           accountID,
	"aws:sourceaccount":         accountID,
	"aws:userid":                userID,
	"s3:dataaccesspointarn":     accessPoint,
	"s3:dataaccesspointaccount": accountID,
	"s3:x-amz-server-side-encryption-aws-kms-key-id": keyARN,

	"aws:principalaccount":          accountID,
	"aws:principalarn":              ownedARN,
	"aws:principalorgpaths":         orgPath,
	"aws:principalservicename":      serviceKey,
	"aws:principalservicenameslist": serviceKey,
	"aws:sourceorgid":               orgID,
	"aws:sourceorgpaths":            orgPath,
	"aws:sourcevpcarn":              ownedARN,
	"aws:vpceaccount":               accountID,
	"aws:vpceorgid":                 orgID,
	"aws:vpceorgpaths":              orgPath,

	"kms:calleraccount": accountID,
	"sns:endpoint":      endpoint,

	"aws:calledvia":                    anybodys,
	"aws:calledviafirst":               anybodys,
	"aws:calledvialast":                anybodys,
	"aws:currenttime":                  anybodys,
	"aws:epochtime":                    anybodys,
	"aws:federatedprovider":            anybodys,
	"aws:multifactorauthage":           anybodys,
	"aws:multifactorauthpresent":       anybodys,
	"aws:principalisawsservice":        anybodys,
	"aws:principaltype":                anybodys,
	"aws:referer":                      anybodys,
	"aws:requestedregion":              anybodys,
	"aws:resourceaccount":              anybodys,
	"aws:resourceorgid":                anybodys,
	"aws:resourceorgpaths":             anybodys,
	"aws:securetransport":              anybodys,
	"aws:sourceidentity":               anybodys,
	"aws:tagkeys":                      anybodys,
	"aws:tokenissuetime":               anybodys,
	"aws:useragent":                    anybodys,
	"aws:username":                     anybodys, // there are many Andrews
	"aws:viaawsservice":                anybodys,
	"aws:vpcsourceip":                  anybodys, // every VPC has the same private addresses
	"aws:ec2instancesourceprivateipv4": anybodys,
}

// forms are what values without wildcards look like that name one owner. Any other value may be one that AWS
// gives to callers who have none: aws:PrincipalAccount and aws:userid of an anonymous request are "anonymous",
// and a KMS key that is no ARN is looked for in the caller's own account.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#principaltable
var forms = map[kind]*regexp.Regexp{
	accountID:   accountPattern,
	orgID:       regexp.MustCompile(`^o-[a-z0-9]{10,32}$`),
	orgPath:     regexp.MustCompile(`^o-[a-z0-9]{10,32}/`),
	vpcID:       regexp.MustCompile(`^vpc-[0-9a-f]{8,17}$`),
	endpointID:  regexp.MustCompile(`^vpce-[0-9a-f]{8,17}$`),
	serviceKey:  regexp.MustCompile(`^[a-z0-9-]+(\.[a-z0-9-]+)*\.amazonaws\.com(\.cn)?$`),
	keyARN:      regexp.MustCompile(`^arn:[^:]+:kms:[^:]+:[0-9]{12}:(key|alias)/.`),
	ownedARN:    regexp.MustCompile(`^arn:[^:]+:[^:]+:[^:]*:[0-9]{12}:.`),
	sourceARN:   regexp.MustCompile(`^arn:[^:]+:(s3::|[^:]+:[^:]*:[0-9]{12}):.`),
	accessPoint: regexp.MustCompile(`^arn:[^:]+:[^:]+:[^:]*:[0-9]{12}:.`),
	endpoint:    regexp.MustCompile(`^arn:[^:]+:[^:]+:[^:]*:[0-9]{12}:.`),
	userID:      regexp.MustCompile(`^((AIDA|AROA)[A-Z0-9]{12,}|[0-9]{12})(:.+)?$`),
}

// kindOf is a key's kind. Global keys that are not in the table are strange; those of a service say something
// about the request.
func kindOf(key string) kind {
	key = strings.ToLower(key)
	if k, ok := keys[key]; ok {
		return k
	}
	prefix, _, tagged := strings.Cut(key, "/")
	switch {
	case tagged && (prefix == "aws:principaltag" || prefix == "aws:requesttag" || prefix == "aws:resourcetag"):
		return anybodys
	case strings.HasPrefix(key, "aws:"):
		return strange
	}
	return anybodys
}

// conditions reads a Condition: operators, each with keys, each with values.
func conditions(raw []byte) ([]condition, error) {
	byOperator, err := members(raw)
	if err != nil {
		return nil, err
	}
	var list []condition
	for _, op := range byOperator {
		byKey, err := members(op.value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", short(op.name), err)
		}
		for _, k := range byKey {
			values, err := decodeTexts(k.value)
			if err != nil {
				return nil, fmt.Errorf("%s %s: %w", short(op.name), short(k.name), err)
			}
			list = append(list, newCondition(op.name, k.name, values))
		}
	}
	return list, nil
}

func newCondition(written, key string, values []string) condition {
	c := condition{operator: written, key: key, values: values}
	base := strings.ToLower(written)
	if prefix, rest, ok := strings.Cut(base, ":"); ok && (prefix == "foranyvalue" || prefix == "forallvalues") {
		c.set, base = prefix, rest
	}
	base, c.ifExists = strings.CutSuffix(base, "ifexists")
	op, known := operators[base]
	c.matching, c.negated, c.isUnknown = op.matching, op.negated, !known
	return c
}

// narrowed reports whether the statement's conditions hold it to fixed callers: one that does is enough.
func (s parsedStatement) narrowed() (certainty, string) {
	result, reason := no, ""
	for _, c := range s.conditions {
		switch a, why := c.narrows(s.present(c.key)); a {
		case yes:
			return yes, ""
		case unsure:
			result, reason = unsure, why
		}
	}
	return result, reason
}

// present reports whether the statement demands that a key is there at all.
func (s parsedStatement) present(key string) bool {
	for _, c := range s.conditions {
		isNull := strings.EqualFold(c.operator, "Null") && strings.EqualFold(c.key, key)
		if isNull && len(c.values) == 1 && strings.EqualFold(c.values[0], "false") {
			return true
		}
	}
	return false
}

// narrows reports whether a condition of an Allow statement holds only for fixed callers. IfExists and
// ForAllValues hold as well for a request without the key, such as an anonymous one, unless another
// condition demands the key.
func (c condition) narrows(present bool) (certainty, string) {
	switch {
	case c.isUnknown:
		return unsure, fmt.Sprintf("the condition operator %s is not known", quoted(c.operator))
	case c.negated || c.matching == never:
		return no, ""
	case (c.ifExists || c.set == "forallvalues") && !present:
		return no, ""
	}
	return c.fixed()
}

// fixed reports whether all values of the condition are fixed and name an owner.
func (c condition) fixed() (certainty, string) {
	if kindOf(c.key) == sourceIP {
		return fixedAddresses(c.values), fmt.Sprintf("the addresses of %s may or may not be too many", short(c.key))
	}
	result, reason := yes, ""
	for _, v := range c.values {
		switch c.fixedValue(v) {
		case no:
			return no, ""
		case unsure:
			result, reason = unsure, fmt.Sprintf("the condition %s %s %s may or may not name an owner", short(c.operator), short(c.key), quoted(v))
		}
	}
	return result, reason
}

func (c condition) fixedValue(v string) certainty {
	k := kindOf(c.key)
	switch {
	case k == anybodys || variable(v) || strings.EqualFold(v, "anonymous"):
		return no
	case k == strange:
		return unsure
	case !wild(v):
		if forms[k].MatchString(v) {
			return yes
		}
		return unsure
	}
	switch k {
	case ownedARN, sourceARN, accessPoint:
		return fixedAccount(v, c.matching, k)
	case endpoint:
		return fixedEndpoint(v, c.matching)
	case orgPath:
		org, _, ok := strings.Cut(v, "/")
		switch {
		case !ok || wild(org):
			return no
		case forms[orgID].MatchString(org):
			return yes
		}
		return unsure
	case userID:
		// A role's id names the role, yet S3's definition takes the pattern "AROLEID:*" out.
		id, _, ok := strings.Cut(v, ":")
		if ok && strings.HasPrefix(id, "ARO") && !wild(id) {
			return unsure
		}
	}
	return no
}

var accountPattern = regexp.MustCompile(`^[0-9]{12}$`)

// fixedAccount reports whether an ARN with a wildcard names an account. StringLike does not know the parts of
// an ARN: a wildcard before the account may swallow another account, with the one that is written here in the
// path of that one's role.
func fixedAccount(v string, m matching, k kind) certainty {
	parts := strings.SplitN(v, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" || !accountPattern.MatchString(parts[4]) {
		return no
	}
	if m == like && k != accessPoint && wild(strings.Join(parts[:4], ":")) {
		return unsure
	}
	return yes
}

// fixedEndpoint reports whether a pattern of a topic's subscribers names one owner. "*@example.com" is a domain's
// addresses: whose that is can't be told.
func fixedEndpoint(v string, m matching) certainty {
	if strings.HasPrefix(v, "arn:") {
		return fixedAccount(v, m, endpoint)
	}
	if domain := v[strings.LastIndex(v, "@")+1:]; len(domain) < len(v) && !wild(domain) {
		return unsure
	}
	return no
}
