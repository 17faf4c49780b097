package remediations_test

import (
	"testing"

	"github.com/countermand/countermand/events/pattern"
	"github.com/countermand/countermand/remediations"
)

func TestMatchesUndo(t *testing.T) {
	created := pattern.CloudTrail("ec2", "RunInstances")
	for name, c := range map[string]struct {
		pattern          pattern.Pattern
		write, undoWrite string
		want             bool
	}{
		"neither is watched":      {created, "ec2:CreateTags", "ec2:DeleteTags", false},
		"undo is watched":         {pattern.CloudTrail("ec2", "RunInstances", "DeleteTags"), "ec2:CreateTags", "ec2:DeleteTags", true},
		"the action is watched":   {pattern.CloudTrail("ec2", "CreateTags"), "ec2:CreateTags", "ec2:DeleteTags", true},
		"all are watched":         {pattern.CloudTrail("ec2"), "ec2:CreateTags", "ec2:DeleteTags", true},
		"by a prefix":             {`{"detail":{"eventName":[{"prefix":"Delete"}]}}`, "ec2:CreateTags", "ec2:DeleteTags", true},
		"in one of two":           {`{"$or":[{"detail":{"eventName":["DeleteTags"]}},{"source":["aws.s3"]}]}`, "ec2:CreateTags", "ec2:DeleteTags", true},
		"a right that is no call": {pattern.CloudTrail("s3", "PutBucketPolicy"), "s3:PutLifecycleConfiguration", "s3:DeleteBucketPolicy", true},
		"several rights":          {created, "ec2:CreateTags", "ec2:Delete*", true},
	} {
		m := &remediations.Module{
			Pattern:    c.pattern,
			Writes:     []remediations.Permission{{Action: c.write}},
			UndoWrites: []remediations.Permission{{Action: c.undoWrite}},
		}
		if got := m.MatchesUndo(); got != c.want {
			t.Errorf("%s: %t, want %t", name, got, c.want)
		}
	}
}
