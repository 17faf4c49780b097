package remediations_test

import (
	"context"
	"strings"
	"testing"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/events/pattern"
	"github.com/countermand/countermand/remediations"
)

func validModule() *remediations.Module {
	arn := "arn:${AWS::Partition}:s3:::*"
	return &remediations.Module{
		Name: "door-open", Title: "shut the door", Why: "An open door lets people in.", Text: "Undo opens it again.", Severity: remediations.High,
		Risk: "somebody may be locked out", Controls: []string{"FSBP/S3.8", "CIS-3.0/2.1.4", "ATT&CK/T1562.008"},
		Default: remediations.Alert, Pattern: pattern.CloudTrail("s3", "PutBucketPolicy"),
		Reads:    []remediations.Permission{{Action: "s3:GetBucketPolicy", Resource: arn}},
		Writes:   []remediations.Permission{{Action: "s3:PutBucketPolicy", Resource: arn}},
		Suspects: func(events.Event) ([]remediations.Resource, error) { return nil, nil },
		Guard: func(context.Context, *remediations.Run, remediations.Resource) (*remediations.Finding, error) {
			return nil, nil
		},
		Action: func(context.Context, *remediations.Run, *remediations.Finding) error { return nil },
	}
}

func TestValidate(t *testing.T) {
	if err := validModule().Validate(); err != nil {
		t.Fatal(err)
	}
	for want, fault := range map[string]func(*remediations.Module){
		"name must be":              func(m *remediations.Module) { m.Name = "Door_Open" },
		"choose another name":       func(m *remediations.Module) { m.Name = "all" },
		"that sends summaries":      func(m *remediations.Module) { m.Name = "summary" },
		"of at most 32 characters":  func(m *remediations.Module) { m.Name = strings.Repeat("a", 33) },
		`title "": want a line`:     func(m *remediations.Module) { m.Title = "" },
		`title "Shut`:               func(m *remediations.Module) { m.Title = "Shut the door" },
		`door.": want`:              func(m *remediations.Module) { m.Title = "shut the door." },
		`door\nand`:                 func(m *remediations.Module) { m.Title = "shut the door\nand lock it" },
		`title "shuts`:              func(m *remediations.Module) { m.Title = "shuts the door" },
		"of at most 72 characters":  func(m *remediations.Module) { m.Title = "shut " + strings.Repeat("a", 68) },
		"why is empty":              func(m *remediations.Module) { m.Why = " " },
		"more than a paragraph":     func(m *remediations.Module) { m.Why += "\n\nTwo of them more." },
		"text is empty":             func(m *remediations.Module) { m.Text = "" },
		"severity is invalid(7)":    func(m *remediations.Module) { m.Severity = 7 },
		"default mode is enforce":   func(m *remediations.Module) { m.Default = remediations.Enforce },
		`unknown control "S3.8"`:    func(m *remediations.Module) { m.Controls = []string{"S3.8"} },
		"pattern:":                  func(m *remediations.Module) { m.Pattern = `{"source":[]}` },
		"has no call PutBucketLife": func(m *remediations.Module) { m.Pattern = pattern.CloudTrail("iam", "PutBucketLifecycle") },
		"suspects and guard":        func(m *remediations.Module) { m.Guard = nil },
		"action and writes":         func(m *remediations.Module) { m.Action = nil },
		"undo without an action":    func(m *remediations.Module) { m.Undo, m.Action, m.Writes = m.Action, nil, nil },
		"must state its risk":       func(m *remediations.Module) { m.Risk = "" },
		"declared twice":            func(m *remediations.Module) { m.Reads = append(m.Reads, m.Reads[0]) },
		"want service:Action":       func(m *remediations.Module) { m.Reads[0].Action = "GetBucketPolicy" },
		"or an ARN that begins":     func(m *remediations.Module) { m.Reads[0].Resource = "arn:aws:s3:::*" },
		"resource holds ${Account}": func(m *remediations.Module) { m.Reads[0].Resource = "arn:${AWS::Partition}:s3:::${Account}" },
		"a wildcard needs a Why":    func(m *remediations.Module) { m.Reads[0].Resource = "*" },
		"s3:Get* on arn":            func(m *remediations.Module) { m.Reads[0].Action = "s3:Get*" },
	} {
		m := validModule()
		fault(m)
		if err := m.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
