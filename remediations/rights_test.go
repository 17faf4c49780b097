package remediations_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/countermand/countermand/remediations"
)

func TestRights(t *testing.T) {
	const arn = "arn:${AWS::Partition}:s3:::*"
	m := &remediations.Module{
		Reads: []remediations.Permission{
			{Action: "s3:GetBucketPolicy", Resource: arn},
			{Action: "s3:GetBucketPolicy", Resource: arn + "/*"},
			{Action: "access-analyzer:List*", Resource: "*", Why: "there is no other"},
		},
		Writes:     []remediations.Permission{{Action: "s3:PutBucketPolicy", Resource: arn}},
		UndoWrites: []remediations.Permission{{Action: "s3:PutBucketPolicy", Resource: arn + "/*"}},
	}
	reads := "ReadS3GetBucketPolicy ReadS3GetBucketPolicy2 ReadAccessAnalyzerListAny"
	for _, c := range []struct {
		what string
		got  []remediations.Statement
		want string
	}{
		{"observe", m.Rights(remediations.Observe), reads},
		{"alert", m.Rights(remediations.Alert), reads},
		{"enforce", m.Rights(remediations.Enforce), reads + " WriteS3PutBucketPolicy"},
		{"undo", m.UndoRights(), reads + " WriteS3PutBucketPolicy UndoS3PutBucketPolicy"},
	} {
		var sids []string
		for _, s := range c.got {
			sids = append(sids, s.Sid)
		}
		if got := strings.Join(sids, " "); got != c.want {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
	}
	text, err := json.Marshal(remediations.NewPolicy(m.Rights(remediations.Observe)[:1]))
	const want = `{"Version":"2012-10-17","Statement":[{"Sid":"ReadS3GetBucketPolicy","Effect":"Allow","Action":"s3:GetBucketPolicy","Resource":"arn:${AWS::Partition}:s3:::*"}]}`
	if err != nil || string(text) != want {
		t.Errorf("got %s, %v\nwant %s", text, err, want)
	}
}

// A module without permissions has a policy with an empty list of statements, not with null.
func TestNoRights(t *testing.T) {
	text, err := json.Marshal(remediations.NewPolicy((&remediations.Module{}).Rights(remediations.Observe)))
	if err != nil || !strings.HasSuffix(string(text), `"Statement":[]}`) {
		t.Errorf("got %s, %v", text, err)
	}
}
