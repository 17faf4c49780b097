package iamadmingrant

import (
	"fmt"
	"strings"
	"testing"
)

// one is a document of one statement.
func one(elements string) string { return `{"Version":"2012-10-17","Statement":[{` + elements + `}]}` }

func TestRights(t *testing.T) {
	const (
		allow, deny = `"Effect":"Allow",`, `"Effect":"Deny",`
		on          = `,"Resource":"*"`
	)
	two := func(first, second string) string { return `{"Statement":[{` + first + `},{` + second + `}]}` }
	for _, c := range []struct {
		name, text string
		want       rights
	}{
		{"everything", one(allow + `"Action":"*"` + on), everything},
		{"everything, as lists", one(allow + `"Action":["s3:*","*"],"Resource":["arn:aws:s3:::x","*"]`), everything},
		{"everything, with colons", one(allow + `"Action":"*:*","Resource":"arn:*"`), everything},
		{"everything, with MFA", one(allow + `"Action":"*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}` + on), everything},
		{"one statement that is no list", `{"Id":"x","Statement":{` + allow + `"Action":"*"` + on + `}}`, everything},
		{"all but a service", one(allow + `"NotAction":"aws-portal:*"` + on), everything},
		{"all but some resources", one(allow + `"Action":"*","NotResource":"arn:aws:iam::111122223333:role/Guard"`), everything},
		{"all but taking keys", one(allow + `"NotAction":"iam:CreateAccessKey"` + on), everything},
		{"all of IAM", one(allow + `"Action":"iam:*"` + on), inIAM},
		{"all of IAM, in other letters", one(allow + `"Action":"IAM:*"` + on), inIAM},
		{"all of IAM, with a question mark", one(allow + `"Action":"ia?:?*"` + on), inIAM},
		{"all of this account's IAM", one(allow + `"Action":"iam:*","Resource":"arn:aws:iam::111122223333:*"`), inIAM},
		{"all of any account's IAM, by type", one(allow + `"Action":"iam:*","Resource":["arn:aws:iam::*:user/*","arn:aws:iam::*:role/*","arn:aws:iam::*:group/*","arn:aws:iam::*:policy/*"]`), inIAM},
		{"all of IAM, by first letters", one(allow + `"Action":["iam:A*","iam:C*","iam:P*","iam:S*","iam:U*"]` + on), inIAM},
		{"all of IAM, in two statements", two(allow+`"Action":["iam:A*","iam:C*","iam:P*"]`+on, allow+`"Action":["iam:S*","iam:U*"]`+on), inIAM},
		{"everything, and keys denied", two(allow+`"Action":"*"`+on, deny+`"Action":"iam:CreateAccessKey"`+on), everything},
		{"everything, and IAM denied without MFA", two(allow+`"Action":"*"`+on, deny+`"Action":"iam:*","Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}`+on), everything},
		{"everything, and IAM denied on one role", two(allow+`"Action":"*"`+on, deny+`"Action":"iam:*","Resource":"arn:aws:iam::111122223333:role/Guard"`), everything},
		{"everything, and IAM denied on all but one role", two(allow+`"Action":"*"`+on, deny+`"Action":"iam:*","NotResource":"arn:aws:iam::111122223333:role/Guard"`), everything},

		{"everything, and IAM denied", two(allow+`"Action":"*"`+on, deny+`"Action":"iam:*"`+on), none},
		{"everything, and all but reading denied", two(allow+`"Action":"*"`+on, deny+`"NotAction":["s3:Get*"]`+on), none},
		{"everything denied", one(deny + `"Action":"*"` + on), none},
		{"all but IAM", one(allow + `"NotAction":["iam:*"]` + on), none},
		{"everything on a bucket", one(allow + `"Action":"*","Resource":["arn:aws:s3:::x","arn:aws:s3:::x/*"]`), none},
		{"all of IAM on another account", one(allow + `"Action":"iam:*","Resource":"arn:aws:iam::444455556666:*"`), none},
		{"all of IAM on roles", one(allow + `"Action":"iam:*","Resource":"arn:aws:iam::111122223333:role/*"`), none},
		{"all of IAM on oneself", one(allow + `"Action":"iam:*","Resource":"arn:aws:iam::*:user/${aws:username}"`), none},
		{"all but one's own", one(allow + `"Action":"iam:*","NotResource":"arn:aws:iam::111122223333:*"`), none},
		{"reading IAM", one(allow + `"Action":["iam:Get*","iam:List*"]` + on), none},
		{"one way to everything", one(allow + `"Action":["iam:AttachRolePolicy","iam:PassRole"]` + on), none},
		{"another service's users", one(allow + `"Action":["iamx:*","sso:*"]` + on), none},
		{"another service that ends like it", one(allow + `"Action":"*:Describe*"` + on), none},
	} {
		d, err := parse(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := d.rights(anyOf(resource(userType, "mallory"))); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		``:                  "EOF",
		`?`:                 "invalid character",
		`[]`:                "cannot unmarshal",
		`{}`:                "there is no statement",
		`{"Statement":[]}`:  "there is no statement",
		`{"Statement":[7]}`: "cannot unmarshal",
		one(`"Effect":"Maybe","Action":"*","Resource":"*"`):                             "is not one of IAM's",
		one(`"Effect":"Allow","Resource":"*"`):                                          "is not one of IAM's",
		one(`"Effect":"Allow","Action":"*"`):                                            "is not one of IAM's",
		one(`"Effect":"Allow","Action":"*","NotAction":"*","Resource":"*"`):             "is not one of IAM's",
		one(`"Effect":"Allow","Action":"*","Resource":"*","NotResource":"*"`):           "is not one of IAM's",
		one(`"Effect":"Allow","Action":"*","Resource":"*","Principal":"*"`):             "unknown field",
		one(`"Effect":"Allow","Action":"*","Action":"s3:Get*","Resource":"*"`):          "occurs twice",
		one(`"Effect":"Allow","Effect":"Deny","Action":"*","Resource":"*"`):             "occurs twice",
		`{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}],"Statement":[]}`: "occurs twice",
		one(`"Effect":"Allow","Action":{"a":1},"Resource":"*"`):                         "cannot unmarshal",
	} {
		if d, err := parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v, error %v, want %q", text, d, err, want)
		}
	}
}

func TestLike(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"*", "", true}, {"**", "a", true}, {"a*b*c", "abbbc", true}, {"a*b*c", "abbb", false}, {"?", "", false}, {"?*", "a", true},
		{"", "", true}, {"", "a", false}, {"a", "ab", false}, {"a*", "a", true}, {"*a", "ba", true}, {"*ab", "aab", true},
		{strings.Repeat("a*", 40) + "b", strings.Repeat("a", 5000), false}, // in no time
	} {
		if got := like(c.pattern, c.text); got != c.want {
			t.Errorf("%s", fmt.Sprintf("%.20q, %.20q: %t", c.pattern, c.text, got))
		}
	}
}

// What IAM escapes is read as it was written; a plus sign is one.
func TestUnescaped(t *testing.T) {
	for _, text := range []string{admin, reading, "100% + é \u00e9 \n"} {
		if got, err := unescaped(escape(text)); err != nil || got != text {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	empty, broken := "", "%7B%2"
	for _, text := range []*string{nil, &empty, &broken} {
		if got, err := unescaped(text); err == nil {
			t.Errorf("of no document it made %q", got)
		}
	}
}
