package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countermand/countermand/remediations/knowledge/policy"
)

func TestVerdicts(t *testing.T) {
	document, err := policy.Parse(policy.S3, []byte(`{"Statement":[
		`+statement("Allow", `{"AWS":"111122223333"}`, "")+`,
		{"Sid":"Web","Effect":"Allow","Principal":"*","Action":["s3:A","s3:B","s3:C","s3:D"],"Resource":"*","Condition":{"StringLike":{"aws:Referer":"https://example.com/*"}}},
		{"Sid":"New","Effect":"Allow","Principal":{"Robot":"r2"},"Action":"s3:*","Resource":"*"},
		{"Effect":"Allow","NotPrincipal":{"AWS":"111122223333"},"NotAction":"s3:PutObject","Resource":"*"},
		{"Effect":"Allow","Principal":"*","Action":"s3:ListBucket","Resource":"arn:aws:s3:::reports"},
		{"Effect":"Deny","Principal":"*","Action":"s3:List*","Resource":"arn:aws:s3:::reports","Condition":{"BoolIfExists":{"aws:PrincipalIsAWSService":"false"}}},
		{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":["9.0.0.0/8","203.0.113.7"]}}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	public, unclear := document.Judge()
	var got []string
	for _, v := range append(public, unclear...) {
		got = append(got, v.String())
	}
	want := []string{
		`statement 2 ("Web") allows s3:A, s3:B, s3:C, ... to anyone: its principal is *, and no condition (StringLike aws:Referer) holds it to fixed callers`,
		`statement 4 allows all but s3:PutObject to anyone: NotPrincipal lets in everyone else`,
		`statement 3 ("New") can't be judged: element "Principal": principals of type "Robot" are not known`,
		`statement 5 can't be judged: statement 6 denies it, but all AWS services are spared, whoever they act for`,
		`statement 7 can't be judged: the addresses of aws:SourceIp may or may not be too many`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What an author writes can't make a verdict long, wherever in a statement it stands.
func TestVerdictsAreBounded(t *testing.T) {
	for _, filler := range []string{"x", "é", "\U000e0001", `\u0001`, `\"`, "*"} {
		long := strings.Repeat(filler, 5000)
		many := strings.Repeat(`"`+long[:len(filler)*50]+`",`, 100) + `"z"`
		var keys []string
		for n := range 300 {
			keys = append(keys, fmt.Sprintf(`"s3:%d%s":"x"`, n, long[:len(filler)*60]))
		}
		for _, s := range []string{
			`{"Sid":"` + long + `","Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}`,
			`{"Effect":"Allow","Principal":{"AWS":"*` + long + `"},"Action":["` + long + `"],"Resource":"*"}`,
			`{"Effect":"Allow","Principal":{"Federated":[` + many + `]},"NotAction":[` + many + `],"Resource":"*"}`,
			`{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{` + strings.Join(keys, ",") + `}}}`,
			`{"Effect":"` + long + `","Principal":"*","Action":"s3:*","Resource":"*"}`,
			`{"Effect":"Allow","Principal":"` + long + `","Action":"s3:*","Resource":"*"}`,
			`{"Effect":"Allow","Principal":{"` + long + `":"x"},"Action":"s3:*","Resource":"*"}`,
			`{"Effect":"Allow","Principal":{"` + long + `":[]},"Action":"s3:*","Resource":"*"}`,
			`{"` + long + `":1}`,
			`{"` + long + `":1,"` + long + `":1}`,
			everyone(`{"` + long + `":{"s3:prefix":"x"}}`),
			everyone(`{"` + long + `":[]}`),
			everyone(`{"` + long + `":{"` + long + `":[]}}`),
			everyone(`{"StringEquals":{"` + long + `":"x","` + long + `":"x"}}`),
			everyone(`{"StringEquals":{"aws:` + long + `":"x` + long + `"}}`),
			everyone(`{"StringEquals":{"aws:userid":"x` + strings.ReplaceAll(long, "*", "y") + `"}}`),
		} {
			if !strings.HasPrefix(s, `{"Version"`) {
				s = `{"Statement":[` + s + `]}`
			}
			document, err := policy.Parse(policy.S3, []byte(s))
			if err != nil {
				t.Fatal(err)
			}
			public, unclear := document.Judge()
			for _, v := range append(public, unclear...) {
				if text := v.String(); len(text) > 700 {
					t.Errorf("%d bytes: %s", len(text), text[:700])
				}
			}
			if len(public)+len(unclear) != 1 {
				t.Errorf("%.200s is public %.200v, unclear %.200v", s, public, unclear)
			}
		}
		if _, err := policy.Parse(policy.S3, []byte(`{"`+long+`":1,"`+long+`":1}`)); err == nil || len(err.Error()) > 200 {
			t.Errorf("the error is %v", err)
		}
	}
}
