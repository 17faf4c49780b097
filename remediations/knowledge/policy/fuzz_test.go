package policy_test

import (
	"testing"

	"github.com/countermand/countermand/remediations/knowledge/policy"
)

// FuzzPolicy: whatever the text, what is at fault can be taken out, and what remains is JSON in which nothing is at fault
// that was not before.
func FuzzPolicy(f *testing.F) {
	for _, service := range []policy.Service{policy.S3, policy.Lambda, policy.KMS, policy.Trust} {
		f.Add(string(service), everyone(""))
		f.Add(string(service), allow(`{"AWS":["*"],"Federated":"x"}`, `{"IpAddress":{"aws:SourceIp":["10.0.0.0/8","::/0"]}}`))
		f.Add(string(service), everyone(`{"ForAllValues:StringLikeIfExists":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/*"},"Null":{"aws:PrincipalArn":false}}`))
		f.Add(string(service), fenced(all+`,"Condition":{"StringNotEquals":{"aws:SourceVpce":"vpce-1a2b3c4d"}}`))
		f.Add(string(service), `{"Id":"é","Statement":{"Effect":"Allow","NotPrincipal":1,"NotAction":[],"Resource":"*"},"x":[{}]}`)
		f.Add(string(service), allow(`{"AWS" : ["111122223333" , 999988887777],"Service":"s3.amazonaws.com", "Federated":["x","cognito-identity.amazonaws.com"]}`, ""))
		f.Add(string(service), `{"Statement":{"Effect":"Allow","Action":"sts:*","Principal":{"\u0041WS":["999988887777","111122223333"],"Federated":["www.amazon.com"]}}}`)
	}
	trusted := policy.Trusted{Accounts: []string{"111122223333"}, Organization: "o-a1b2c3d4e5"}
	f.Fuzz(func(t *testing.T, service, text string) {
		document, err := policy.Parse(policy.Service(service), []byte(text))
		if err != nil {
			return
		}
		public, unclear := document.Judge()
		external, untold := document.External(trusted)
		if same, some := document.Without(); some && string(same) != text {
			t.Fatalf("without nothing it is %q", same)
		}
		wrong := append(public[:len(public):len(public)], external...)
		seen := map[string]bool{}
		for _, v := range append(append(wrong[:len(wrong):len(wrong)], unclear...), untold...) {
			if text := v.String(); len(text) > 700 {
				t.Fatalf("the verdict on statement %d has %d bytes: %s", v.Index, len(text), text)
			}
			if seen[v.String()] {
				t.Fatalf("there are two verdicts on statement %d: %s", v.Index, v)
			}
			seen[v.String()] = true
		}
		rest, some := document.Without(wrong...)
		if !some {
			return
		}
		again, err := policy.Parse(policy.Service(service), rest)
		if err != nil {
			t.Fatalf("what remains is %q: %v", rest, err)
		}
		if public, left := again.Judge(); len(public) != 0 || len(left) != len(unclear) {
			t.Fatalf("what remains is %q, of which %v is public and %v unclear, not %v", rest, public, left, unclear)
		}
		if found, left := again.External(trusted); len(found) != 0 || len(left) != len(untold) {
			t.Fatalf("what remains is %q, of which %v is external and %v untold, not %v", rest, found, left, untold)
		}
		if len(wrong) == 0 && !policy.Equal([]byte(text), rest) {
			t.Fatalf("nothing was removed, and %q remains", rest)
		}
	})
}
