package iam_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/countermand/countermand/remediations/knowledge/iam"
)

func policy(statements ...string) []byte {
	return fmt.Appendf(nil, `{"Version":"2012-10-17","Statement":[%s]}`, strings.Join(statements, ","))
}

func parse(t *testing.T, documents ...[]byte) *iam.Policy {
	t.Helper()
	p, err := iam.Parse(documents...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
func TestActionsAndResources(t *testing.T) {
	const trail = "arn:aws:cloudtrail:eu-west-1:111122223333:trail/audit"
	for _, c := range []struct {
		action, resource string // of the statement
		called, on       string
		want             bool
	}{
		{`"cloudtrail:GetTrail"`, `"*"`, "cloudtrail:GetTrail", trail, true},
		{`"cloudtrail:GetTrail"`, `"*"`, "cloudtrail:GetTrail", "*", true},
		{`"CloudTrail:gettrail"`, `"*"`, "cloudtrail:GetTrail", trail, true},
		{`"cloudtrail:GetTrail"`, `"*"`, "cloudtrail:GetTrailStatus", trail, false},
		{`"cloudtrail:Get*"`, `"*"`, "cloudtrail:GetTrailStatus", trail, true},
		{`"cloudtrail:GetTrai?"`, `"*"`, "cloudtrail:GetTrail", trail, true},
		{`"cloudtrail:GetTrai?"`, `"*"`, "cloudtrail:GetTrai", trail, false},
		{`"*"`, `"*"`, "s3:GetObject", "arn:aws:s3:::a/b", true},
		{`"*:GetTrail"`, `"*"`, "cloudtrail:GetTrail", trail, true},
		{`["s3:GetObject","cloudtrail:GetTrail"]`, `["arn:aws:s3:::a","` + trail + `"]`, "cloudtrail:GetTrail", trail, true},
		{`["s3:GetObject","cloudtrail:StopLogging"]`, `"*"`, "cloudtrail:GetTrail", trail, false},

		{`"*"`, `"` + trail + `"`, "cloudtrail:GetTrail", trail, true},
		{`"*"`, `"` + trail + `"`, "cloudtrail:GetTrail", trail + "2", false},
		{`"*"`, `"` + trail + `"`, "cloudtrail:GetTrail", "*", false},
		{`"*"`, `"` + strings.ToUpper(trail) + `"`, "cloudtrail:GetTrail", trail, false},
		{`"*"`, `"arn:aws:cloudtrail:*:111122223333:trail/*"`, "cloudtrail:GetTrail", trail, true},
		{`"*"`, `"arn:aws:cloudtrail:*:111122223333:trail/*"`, "cloudtrail:GetTrail", strings.Replace(trail, "111122223333", "444455556666", 1), false},
		{`"*"`, `"arn:aws:cloudtrail:*:111122223333:trail/*"`, "cloudtrail:GetTrail", strings.Replace(trail, "trail/", "dashboard/", 1), false},
		{`"*"`, `"arn:aws:cloudtrail:eu-????-?:*:trail/*"`, "cloudtrail:GetTrail", trail, true},
		{`"*"`, `"arn:aws:cloudtrail:eu-????-??:*:trail/*"`, "cloudtrail:GetTrail", trail, false},

		// A slash is a character like others; a colon ends a part, which only a * at its end goes over.
		{`"*"`, `"arn:aws:s3:::*"`, "s3:GetObject", "arn:aws:s3:::a/b/c", true},
		{`"*"`, `"arn:aws:s3:::a/*/c"`, "s3:GetObject", "arn:aws:s3:::a/b/b/c", true},
		{`"*"`, `"arn:aws:s3:::a/*/d"`, "s3:GetObject", "arn:aws:s3:::a/b/b/c", false},
		{`"*"`, `"arn:aws:sns:eu*t-1:111122223333:a"`, "sns:Publish", "arn:aws:sns:eu-west-1:111122223333:a", true},
		{`"*"`, `"arn:aws:sns:e*3:a:b"`, "sns:Publish", "arn:aws:sns:eu-west-1:111122223333:a:b", false},
		{`"*"`, `"arn:aws:*:111122223333:a:b"`, "sns:Publish", "arn:aws:sns:eu-west-1:111122223333:a:b", true},
		{`"*"`, `"arn:aws:sns:eu-west-1?111122223333:a:b"`, "sns:Publish", "arn:aws:sns:eu-west-1:111122223333:a:b", false},
		{`"*"`, `"arn:aws:logs:eu-west-1:111122223333:log-group:a:*"`, "logs:PutLogEvents", "arn:aws:logs:eu-west-1:111122223333:log-group:a:log-stream:b", true},
		{`"*"`, `"arn:aws:logs:*:111122223333:log-group:*"`, "logs:PutLogEvents", "arn:aws:logs:eu-west-1:111122223333:log-group:a:log-stream:b", true},
	} {
		p := parse(t, policy(`{"Effect":"Allow","Action":`+c.action+`,"Resource":`+c.resource+`}`))
		if got := p.Allows(iam.Request{Action: c.called, Resource: c.on}); got != c.want {
			t.Errorf("%s on %s allows %s on %s: %t, want %t", c.action, c.resource, c.called, c.on, got, c.want)
		}
	}
}

// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_AccessPolicyLanguage_Interplay.html
func TestDenyWins(t *testing.T) {
	allow := `{"Effect":"Allow","Action":"s3:*","Resource":"*"}`
	deny := `{"Effect":"Deny","Action":"s3:Put*","Resource":"arn:aws:s3:::ledger"}`
	for name, documents := range map[string][][]byte{
		"one document": {policy(allow, deny)}, "the other way round": {policy(deny, allow)}, "two documents": {policy(deny), policy(allow)},
	} {
		p := parse(t, documents...)
		for _, c := range []struct {
			action, resource string
			want             bool
		}{
			{"s3:PutBucketPolicy", "arn:aws:s3:::ledger", false},
			{"s3:PutBucketPolicy", "arn:aws:s3:::other", true},
			{"s3:GetBucketPolicy", "arn:aws:s3:::ledger", true},
			{"sns:Publish", "arn:aws:s3:::ledger", false},
		} {
			if got := p.Allows(iam.Request{Action: c.action, Resource: c.resource}); got != c.want {
				t.Errorf("%s: %s on %s: %t, want %t", name, c.action, c.resource, got, c.want)
			}
		}
	}
	if parse(t).Allows(iam.Request{Action: "s3:GetBucketPolicy", Resource: "*"}) {
		t.Error("what nothing allows is allowed")
	}
}

// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
func TestConditions(t *testing.T) {
	const all = `"ForAllValues:StringLike":{"dynamodb:LeadingKeys":["door-*","COUNT-?"]}`
	for _, c := range []struct {
		condition string
		keys      []string
		want      bool
	}{
		{all, []string{"door-1"}, true},
		{all, []string{"door-1", "COUNT-1"}, true},
		{all, []string{"door-1", "window-1"}, false},
		{all, []string{"Door-1"}, false},
		{all, []string{"COUNT-12"}, false},
		{all, []string{"xdoor-1"}, false},
		{all, nil, true},
		{`"ForAllValues:StringLike":{"dynamodb:LeadingKeys":"door-*","dynamodb:Select":"COUNT"}`, []string{"door-1"}, true},
		{`"ForAllValues:StringLike":{"DynamoDB:leadingKeys":"window-*"}`, []string{"door-1"}, false},
		{`"ForAllValues:StringLike":{"dynamodb:LeadingKeys":"a:*b"}`, []string{"a:x:b"}, true},
	} {
		p := parse(t, policy(`{"Effect":"Allow","Action":"dynamodb:GetItem","Resource":"*","Condition":{`+c.condition+`}}`))
		r := iam.Request{Action: "dynamodb:GetItem", Resource: "*"}
		if c.keys != nil {
			r.Keys = map[string][]string{"dynamodb:leadingkeys": c.keys}
		}
		if got := p.Allows(r); got != c.want {
			t.Errorf("%s of %q: %t, want %t", c.condition, c.keys, got, c.want)
		}
	}
}

// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
func TestConditionsOfOneValue(t *testing.T) {
	const arn = "arn:aws:iam::111122223333:policy/countermand-a"
	for _, c := range []struct {
		operator, want string
		got            []string
		allowed        bool
	}{
		{"StringEquals", arn, []string{arn}, true},
		{"StringEquals", arn, []string{arn + "b"}, false},
		{"StringEquals", arn, nil, false},
		{"StringEquals", "arn:aws:iam::111122223333:policy/*", []string{arn}, false},
		{"ArnEquals", arn, []string{arn}, true},
		{"ArnEquals", "arn:aws:iam::111122223333:policy/*", []string{arn}, true},
		{"ArnEquals", "arn:aws:iam::444455556666:policy/*", []string{arn}, false},
		{"ArnEquals", arn, nil, false},
	} {
		p, err := iam.Parse([]byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:AttachUserPolicy","Resource":"*",
			"Condition":{"` + c.operator + `":{"iam:PolicyARN":"` + c.want + `"}}}]}`))
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Allows(iam.Request{Action: "iam:AttachUserPolicy", Resource: "*", Keys: map[string][]string{"iam:policyarn": c.got}}); got != c.allowed {
			t.Errorf("%s %s of %v: %t, want %t", c.operator, c.want, c.got, got, c.allowed)
		}
	}
}

func TestWhatCannotBeJudgedIsAnError(t *testing.T) {
	statement := func(more string) string { return `{"Effect":"Allow","Action":"s3:*","Resource":"*"` + more + `}` }
	for want, document := range map[string][]byte{
		"unexpected EOF":               []byte(`{"Version":"2012-10-17"`),
		"something follows":            append(policy(), policy()...),
		`version "2008-10-17"`:         []byte(`{"Version":"2008-10-17","Statement":[]}`),
		`version ""`:                   []byte(`{"Statement":[]}`),
		`unknown field "Principal"`:    policy(statement(`,"Principal":"*"`)),
		`unknown field "NotAction"`:    policy(`{"Effect":"Allow","NotAction":"s3:*","Resource":"*"}`),
		`unknown field "NotResource"`:  policy(`{"Effect":"Allow","Action":"s3:*","NotResource":"*"}`),
		`effect ""`:                    policy(`{"Action":"s3:*","Resource":"*"}`),
		"want an action":               policy(`{"Effect":"Allow","Resource":"*"}`),
		"and a resource":               policy(`{"Effect":"Allow","Action":"s3:*","Resource":[]}`),
		`resource "ledger"`:            policy(`{"Effect":"Allow","Action":"s3:*","Resource":"ledger"}`),
		"a variable has no value here": policy(`{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::${aws:username}"}`),
		`operator "NumericEquals"`:     policy(statement(`,"Condition":{"NumericEquals":{"a:b":"c"}}`)),
		`operator "ForAnyValue:`:       policy(statement(`,"Condition":{"ForAnyValue:StringLike":{"a:b":"c"}}`)),
		`"${a}": a variable`:           policy(statement(`,"Condition":{"ForAllValues:StringLike":{"a:b":"${a}"}}`)),
		"cannot unmarshal number":      policy(statement(`,"Condition":{"ForAllValues:StringLike":{"a:b":1}}`)),
	} {
		if _, err := iam.Parse(document); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", document, err, want)
		}
	}
}

func TestNarrow(t *testing.T) {
	const own = "arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:"
	for _, c := range []struct{ action, resource, want string }{
		{"ec2:CreateTags", own + "instance/*", ""},
		{"ec2:CreateTags", own + "volume/vol-*", ""},
		{"ec2:CreateTags", "arn:aws:ec2:*:*:volume/*", ""}, // whose and where is for others to judge
		{"ec2:CreateTags", own + "*", "wider than need be"},
		{"ec2:CreateTags", own + "*/*", "wider than need be"},
		{"ec2:CreateTags", own + "image/*", "want it to be like arn:${Partition}:ec2:${Region}:${Account}:network-interface/${NetworkInterfaceId} or"},
		{"ec2:CreateTags", "arn:${AWS::Partition}:s3:::*", "wider than need be"},
		{"ec2:CreateTags", "arn:${AWS::Partition}:*:${AWS::Region}:${AWS::AccountId}:instance/*", "wider than need be"},
		{"ec2:CreateTags", "*", "wider than need be"},
		{"s3:GetBucketPolicy", "arn:${AWS::Partition}:s3:::*", ""},
		{"s3:GetBucketPolicy", "arn:${AWS::Partition}:s3:::ledger", ""},
		{"s3:GetBucketPolicy", "arn:${AWS::Partition}:s3:${AWS::Region}:${AWS::AccountId}:accesspoint/*", "wider than need be"},
		{"logs:PutLogEvents", "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/a:*", "wider than need be"},
		{"logs:PutLogEvents", "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/a:log-stream:*", ""},
		{"ec2:DescribeTags", "*", ""},
		{"ec2:DescribeTags", own + "instance/*", "allows nothing"},
		{"s3:CreateBucket", "arn:${AWS::Partition}:s3:::*", "add it to remediations/knowledge/iam/actions.go"},
		{"s3:GetBucket*", "arn:${AWS::Partition}:s3:::*", "it is not known what resources s3:GetBucket* takes"},
	} {
		err := iam.Narrow(c.action, c.resource)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s on %s: %v, want %q", c.action, c.resource, err, c.want)
		}
	}
}
