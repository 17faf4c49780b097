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
		"take another name":         func(m *remediations.Module) { m.Name = "all" },
		"folded alerts is called":   func(m *remediations.Module) { m.Name = "summary" },
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

func TestAWildcardNeedsAWhy(t *testing.T) {
	for resource, want := range map[string]bool{
		"*":                             true,
		"arn:${AWS::Partition}:*":       true,
		"arn:${AWS::Partition}:ec2:*":   true,
		"arn:${AWS::Partition}:ec2:*:*": true,
		"arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:*":                    true,
		"arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:*":       true,
		"arn:${AWS::Partition}:ec2:*:*:*/*":                                  true,
		"arn:${AWS::Partition}:ec2:*:*:**":                                   true,
		"arn:${AWS::Partition}:*:*:*:instance/*":                             true,
		"arn:${AWS::Partition}:s*:::*":                                       true,
		"arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:instance/*":           false,
		"arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:alerts*": false,
		"arn:${AWS::Partition}:s3:::*":                                       false, // a bucket's ARN has nothing before its name
	} {
		p := remediations.Permission{Action: "s3:GetBucketPolicy", Resource: resource}
		err := p.Validate()
		if got := err != nil && strings.Contains(err.Error(), "on "+resource+": a wildcard needs a Why"); got != want {
			t.Errorf("%s: error %v, want one: %t", resource, err, want)
		}
		p.Why = "there is no narrower one"
		if err := p.Validate(); err != nil {
			t.Errorf("%s, explained: %v", resource, err)
		}
	}
}

func TestAllows(t *testing.T) {
	for _, c := range []struct {
		permission, action string
		want               bool
	}{
		{"s3:GetBucketPolicy", "s3:GetBucketPolicy", true},
		{"s3:GetBucketPolicy", "s3:getbucketpolicy", true},
		{"s3:GetBucketPolicy", "s3:GetBucketPolicyStatus", false},
		{"s3:GetBucket*", "s3:GetBucketPolicyStatus", true},
		{"s3:GetBucket*", "s3control:GetBucket", false},
	} {
		if got := (remediations.Permission{Action: c.permission}).Allows(c.action); got != c.want {
			t.Errorf("%s allows %s: %t, want %t", c.permission, c.action, got, c.want)
		}
	}
}

func TestControlURL(t *testing.T) {
	for control, want := range map[string]string{
		"FSBP/S3.8":         "https://docs.aws.amazon.com/securityhub/latest/userguide/s3-controls.html#s3-8",
		"FSBP/CloudTrail.1": "https://docs.aws.amazon.com/securityhub/latest/userguide/cloudtrail-controls.html#cloudtrail-1",
		"CIS-3.0/2.1.4":     "https://docs.aws.amazon.com/securityhub/latest/userguide/cis-aws-foundations-benchmark.html",
		"ATT&CK/T1562.008":  "https://attack.mitre.org/techniques/T1562/008/",
	} {
		if got, err := remediations.ControlURL(control); got != want || err != nil {
			t.Errorf("%s: %s, %v, want %s", control, got, err, want)
		}
	}
	for _, control := range []string{"", "S3.8", "FSBP/", "FSBP/S3", "CIS-1.2/2.1", "ATT&CK/1562"} {
		if got, err := remediations.ControlURL(control); err == nil {
			t.Errorf("%q: %s", control, got)
		}
	}
}
