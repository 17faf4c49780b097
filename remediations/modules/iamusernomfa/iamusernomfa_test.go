package iamusernomfa_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/modules/iamusernomfa"
	"github.com/countermand/countermand/remediations/moduletest"
)

const (
	ourPolicy = "arn:aws:iam::123456789012:policy/countermand-require-mfa"
	namesake  = "arn:aws:iam::aws:policy/countermand-require-mfa"
	password  = "arn:aws:iam::aws:policy/IAMUserChangePassword"

	alice = `{"userName":"alice"}`
)

// at is when all events happen.
var at = time.Date(2026, 3, 2, 9, 12, 44, 0, time.UTC)

// record is the EventBridge event of a call to IAM, in the shape of real ones.
func record(name, identity, request, response, more string) []byte {
	raw, err := events.Wrap(fmt.Appendf(nil, `{"eventVersion":"1.09","userIdentity":%s,"eventTime":"2026-03-02T09:12:44Z",
		"eventSource":"iam.amazonaws.com","eventName":%q,"awsRegion":"us-east-1","sourceIPAddress":"203.0.113.7",
		"userAgent":"aws-cli/2.15.0 md/awscrt#0.19.19 command/iam",%s"requestParameters":%s,"responseElements":%s,
		"requestID":"3c2d5a7e-8a11-4c54-9d0e-0f2f3b6f9a11","eventID":"6f1f3c0a-51b7-4f0e-8a5e-0d1c6f1b2c3d","readOnly":false,
		"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"123456789012","eventCategory":"Management"}`,
		identity, name, more, request, response))
	if err != nil {
		panic(err)
	}
	return raw
}

const (
	admin = `{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE001:carol","arn":"arn:aws:sts::123456789012:assumed-role/Admin/carol",
		"accountId":"123456789012","accessKeyId":"ASIAEXAMPLEEXAMPLE01","sessionContext":{"sessionIssuer":{"type":"Role",
		"principalId":"AROAEXAMPLEEXAMPLE001","arn":"arn:aws:iam::123456789012:role/Admin","accountId":"123456789012","userName":"Admin"},
		"attributes":{"creationDate":"2026-03-02T08:55:01Z","mfaAuthenticated":"true"}}}`
	self  = `{"type":"IAMUser","principalId":"AIDAEXAMPLEEXAMPLE001","arn":"arn:aws:iam::123456789012:user/dev/alice","accountId":"123456789012","accessKeyId":"ASIAEXAMPLEEXAMPLE02","userName":"alice"}`
	root  = `{"type":"Root","principalId":"123456789012","arn":"arn:aws:iam::123456789012:root","accountId":"123456789012","accessKeyId":"ASIAEXAMPLEEXAMPLE03"}`
	stack = `{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE004:AWSCloudFormation","arn":"arn:aws:sts::123456789012:assumed-role/cfn/AWSCloudFormation",
		"accountId":"123456789012","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLEEXAMPLE004",
		"arn":"arn:aws:iam::123456789012:role/cfn","accountId":"123456789012","userName":"cfn"},"attributes":{"mfaAuthenticated":"false"}},
		"invokedBy":"cloudformation.amazonaws.com"}`
)

func call(name, request, response string) []byte { return record(name, admin, request, response, "") }

var (
	gotPassword = call("CreateLoginProfile", `{"userName":"alice","passwordResetRequired":true}`,
		`{"loginProfile":{"userName":"alice","createDate":"Mar 2, 2026, 9:12:44 AM","passwordResetRequired":true}}`)
	gotOwn = record("CreateLoginProfile", self, `null`,
		`{"loginProfile":{"userName":"alice","createDate":"Mar 2, 2026, 9:12:44 AM","passwordResetRequired":false}}`, "")
	created = call("CreateUser", `{"userName":"alice","path":"/dev/","tags":[]}`,
		`{"user":{"path":"/dev/","userName":"alice","userId":"AIDAEXAMPLEEXAMPLE001","arn":"arn:aws:iam::123456789012:user/dev/alice","createDate":"Mar 2, 2026, 9:12:40 AM"}}`)
	createdByStack = record("CreateUser", stack, alice,
		`{"user":{"path":"/","userName":"alice","userId":"AIDAEXAMPLEEXAMPLE001","arn":"arn:aws:iam::123456789012:user/alice","createDate":"Mar 2, 2026, 9:12:40 AM"}}`, "")
	enabled = record("EnableMFADevice", self, `{"userName":"alice","serialNumber":"arn:aws:iam::123456789012:mfa/phone"}`, `null`, "")
	rootMFA = record("EnableMFADevice", root, `{"userName":"AWS ROOT USER","serialNumber":"arn:aws:iam::123456789012:mfa/root-account-mfa-device"}`, `null`, "")
	rootOwn = record("CreateLoginProfile", root, `null`, `{"loginProfile":{"userName":"123456789012"}}`, "")
	refused = record("CreateLoginProfile", admin, `null`, `null`, `"errorCode":"AccessDenied","errorMessage":"User is not authorized",`)
	taken   = record("CreateLoginProfile", admin, alice, `null`, `"errorCode":"EntityAlreadyExistsException","errorMessage":"Login Profile for user alice already exists.",`)
)

// person is a user of the world.
type person struct {
	Password *time.Time
	Devices  []string
	Policies []string
}

// longAgo is when a password was set whose owner has had time enough.
var longAgo = at.Add(-48 * time.Hour)

// world has alice as given, and two good neighbours: bob with a password and MFA, and a program without either.
func world(change func(*person)) func() *moduletest.World {
	return func() *moduletest.World {
		all := map[string]*person{
			"alice": {Password: &longAgo, Policies: []string{password}},
			"bob":   {Password: &longAgo, Devices: []string{"arn:aws:iam::123456789012:mfa/bob"}, Policies: []string{namesake}},
			"build": {Policies: []string{password}},
		}
		if change != nil {
			change(all["alice"])
		} else {
			delete(all, "alice")
		}
		before := slices.Clone(all["alice"].policies())
		return &moduletest.World{State: &all, Answers: answers(all), Change: func() { all["alice"].Policies = before }}
	}
}

// policies is those of somebody; none of nobody.
func (p *person) policies() []string {
	if p == nil {
		return nil
	}
	return p.Policies
}

var noEntity = moduletest.Error("NoSuchEntity")

func answers(all map[string]*person) []moduletest.Answer {
	return []moduletest.Answer{
		moduletest.On(func(in *iam.GetLoginProfileInput) (*iam.GetLoginProfileOutput, error) {
			p := all[*in.UserName]
			if p == nil || p.Password == nil {
				return nil, noEntity
			}
			return &iam.GetLoginProfileOutput{LoginProfile: &types.LoginProfile{UserName: in.UserName, CreateDate: p.Password}}, nil
		}),
		moduletest.On(func(in *iam.ListMFADevicesInput) (*iam.ListMFADevicesOutput, error) {
			p := all[*in.UserName]
			if p == nil {
				return nil, noEntity
			}
			devices := []types.MFADevice{}
			for _, serial := range p.Devices {
				devices = append(devices, types.MFADevice{UserName: in.UserName, SerialNumber: &serial})
			}
			return &iam.ListMFADevicesOutput{MFADevices: devices}, nil
		}),
		moduletest.On(func(in *iam.ListAttachedUserPoliciesInput) (*iam.ListAttachedUserPoliciesOutput, error) {
			p := all[*in.UserName]
			if p == nil {
				return nil, noEntity
			}
			page := []types.AttachedPolicy{}
			for _, arn := range p.Policies {
				page = append(page, types.AttachedPolicy{PolicyArn: &arn})
			}
			return &iam.ListAttachedUserPoliciesOutput{AttachedPolicies: page}, nil
		}),
		moduletest.On(func(in *iam.ListUsersInput) (*iam.ListUsersOutput, error) {
			if in.Marker == nil { // two pages, the first without anybody
				return &iam.ListUsersOutput{Users: []types.User{}, IsTruncated: true, Marker: aws.String("rest")}, nil
			}
			page := []types.User{}
			for _, name := range slices.Sorted(maps.Keys(all)) {
				page = append(page, types.User{UserName: &name})
			}
			return &iam.ListUsersOutput{Users: page}, nil
		}),
		moduletest.On(func(in *iam.AttachUserPolicyInput) (*iam.AttachUserPolicyOutput, error) {
			p := all[*in.UserName]
			if p == nil {
				return nil, noEntity
			}
			if !slices.Contains(p.Policies, *in.PolicyArn) {
				p.Policies = append(p.Policies, *in.PolicyArn)
			}
			return &iam.AttachUserPolicyOutput{}, nil
		}),
		moduletest.On(func(in *iam.DetachUserPolicyInput) (*iam.DetachUserPolicyOutput, error) {
			p := all[*in.UserName]
			if p == nil || !slices.Contains(p.Policies, *in.PolicyArn) {
				return nil, noEntity
			}
			p.Policies = slices.DeleteFunc(p.Policies, func(arn string) bool { return arn == *in.PolicyArn })
			return &iam.DetachUserPolicyOutput{}, nil
		}),
	}
}

func unprotected(*person)  {}
func noPassword(p *person) { p.Password = nil }
func justNow(p *person)    { p.Password = &at }
func withMFA(p *person)    { p.Devices = []string{"arn:aws:iam::123456789012:mfa/phone"} }
func withKey(p *person)    { p.Devices = []string{"arn:aws:iam::123456789012:u2f/user/alice/key-EXAMPLE"} }
func held(p *person)       { p.Policies = append(p.Policies, ourPolicy) }
func lookalike(p *person)  { p.Policies = append(p.Policies, namesake) }

func both(changes ...func(*person)) func(*person) {
	return func(p *person) {
		for _, change := range changes {
			change(p)
		}
	}
}

func own(name string) [][]byte {
	raw := call(name, `{"userName":"alice","policyArn":"`+ourPolicy+`"}`, `null`)
	return [][]byte{[]byte(strings.ReplaceAll(string(raw), "6f1f3c0a-51b7", "7f1f3c0a-51b7"))}
}

func Test(t *testing.T) {
	attach, detach := own("AttachUserPolicy"), own("DetachUserPolicy")
	moduletest.Run(t, iamusernomfa.Module,
		moduletest.Case{Name: "a password and no MFA", Event: gotPassword, World: world(unprotected), Acts: true, Own: attach},
		moduletest.Case{Name: "the caller's own password", Event: gotOwn, World: world(unprotected), Acts: true, Own: attach},
		moduletest.Case{Name: "created, with a path", Event: created, World: world(unprotected), Acts: true, Own: attach},
		moduletest.Case{Name: "created by a stack", Event: createdByStack, World: world(unprotected), Acts: true, Own: attach},
		moduletest.Case{Name: "another's policy of the name", Event: gotPassword, World: world(lookalike), Acts: true, Own: attach},
		moduletest.Case{Name: "MFA was taken off again", Event: enabled, World: world(unprotected), Acts: true, Own: attach},
		moduletest.Case{Name: "no time is given", Event: gotPassword, World: world(justNow), Acts: true, Own: attach,
			Settings: iamusernomfa.Settings{}},
		moduletest.Case{Name: "released", Event: enabled, World: world(both(withMFA, held)), Acts: true, Own: detach},
		moduletest.Case{Name: "released, by a security key", Event: enabled, World: world(both(withKey, held)), Acts: true, Own: detach},
		moduletest.Case{Name: "released, without a password", Event: enabled, World: world(both(withMFA, held, noPassword)), Acts: true, Own: detach},

		moduletest.Case{Name: "MFA by now", Event: gotPassword, World: world(withMFA)},
		moduletest.Case{Name: "held already", Event: gotPassword, World: world(held)},
		moduletest.Case{Name: "no password", Event: created, World: world(noPassword)},
		moduletest.Case{Name: "no password, held", Event: created, World: world(both(noPassword, held))},
		moduletest.Case{Name: "gone", Event: gotPassword, World: world(nil)},
		moduletest.Case{Name: "MFA of one who was not held", Event: enabled, World: world(withMFA)},
		moduletest.Case{Name: "MFA of root", Event: rootMFA, World: world(unprotected)},
		moduletest.Case{Name: "a password of root", Event: rootOwn, World: world(unprotected)},
		moduletest.Case{Name: "refused", Event: refused, World: world(unprotected)},
		moduletest.Case{Name: "failed", Event: taken, World: world(unprotected)},
	)
}

var user = remediations.Resource{ID: "alice", Type: "AWS::IAM::User", Account: "123456789012", Region: "us-east-1"}

// reads is what IAM answers to the guard about alice, who has no MFA, and bob, who has, and to the sweep; each with a
// change.
func reads(change func(any)) *remediations.Run {
	return &remediations.Run{Account: "123456789012", Settings: iamusernomfa.Module.Settings, AWS: moduletest.Config("us-east-1", func(in any) (any, error) {
		var out any
		switch in := in.(type) {
		case *iam.GetLoginProfileInput:
			out = &iam.GetLoginProfileOutput{LoginProfile: &types.LoginProfile{UserName: in.UserName, CreateDate: &longAgo}}
		case *iam.ListMFADevicesInput:
			devices := []types.MFADevice{}
			if *in.UserName == "bob" {
				devices = append(devices, types.MFADevice{UserName: in.UserName})
			}
			out = &iam.ListMFADevicesOutput{MFADevices: devices}
		case *iam.ListAttachedUserPoliciesInput:
			out = &iam.ListAttachedUserPoliciesOutput{AttachedPolicies: []types.AttachedPolicy{}}
		case *iam.ListUsersInput:
			out = &iam.ListUsersOutput{Users: []types.User{{UserName: aws.String("alice")}, {UserName: aws.String("bob")}}}
		}
		change(out)
		return out, nil
	})}
}

// having is a change that gives the user these policies and devices.
func having(policies []string, devices ...string) func(any) {
	return func(out any) {
		switch out := out.(type) {
		case *iam.ListAttachedUserPoliciesOutput:
			for _, arn := range policies {
				out.AttachedPolicies = append(out.AttachedPolicies, types.AttachedPolicy{PolicyArn: &arn})
			}
		case *iam.ListMFADevicesOutput:
			for _, serial := range devices {
				out.MFADevices = append(out.MFADevices, types.MFADevice{UserName: aws.String("alice"), SerialNumber: &serial})
			}
		}
	}
}

func TestFinding(t *testing.T) {
	attach := "aws iam attach-user-policy --region 'us-east-1' --user-name 'alice' --policy-arn '" + ourPolicy + "'"
	detach := strings.Replace(attach, "attach", "detach", 1)
	for name, c := range map[string]struct {
		change                     func(any)
		grace                      time.Time
		reason, before, fix, other string
	}{
		"to hold": {having([]string{password}), longAgo.Add(24 * time.Hour),
			"the user has a password and no MFA device: the password alone opens the console", `{"held":false}`, attach, detach},
		"to release": {having([]string{password, ourPolicy}, "arn:aws:iam::123456789012:mfa/phone"), time.Time{},
			"the user has MFA by now, and is still held by the policy countermand-require-mfa", `{"held":true}`, detach, attach},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := iamusernomfa.Module.Guard(t.Context(), reads(c.change), user)
			if err != nil || f == nil {
				t.Fatal(f, err)
			}
			if f.Reason != c.reason || !f.Grace.Equal(c.grace) || string(f.Before) != c.before || f.Fix != c.fix || f.Revert != c.other || f.AlertOnly {
				t.Errorf("%+v, before %s", f, f.Before)
			}
		})
	}
}

// The time that people have is their owner's to say, and counts from the password on.
func TestGrace(t *testing.T) {
	for hours, want := range map[int]time.Time{0: longAgo, 24: longAgo.Add(24 * time.Hour), 72: at.Add(24 * time.Hour)} {
		run := reads(func(any) {})
		run.Settings = iamusernomfa.Settings{GraceHours: hours}
		f, err := iamusernomfa.Module.Guard(t.Context(), run, user)
		if err != nil || f == nil || !f.Grace.Equal(want) {
			t.Errorf("%d hours: %+v, %v, want until %s", hours, f, err, want)
		}
	}
}

// An answer that is not about what was asked for, or holds nothing, says nothing of the user.
func TestOtherAnswers(t *testing.T) {
	for name, change := range map[string]func(any){
		"another's password": func(out any) {
			if o, ok := out.(*iam.GetLoginProfileOutput); ok {
				o.LoginProfile.UserName = aws.String("bob")
			}
		},
		"a password without a date": func(out any) {
			if o, ok := out.(*iam.GetLoginProfileOutput); ok {
				o.LoginProfile.CreateDate = nil
			}
		},
		"no password": func(out any) {
			if o, ok := out.(*iam.GetLoginProfileOutput); ok {
				o.LoginProfile = nil
			}
		},
		"another's device": func(out any) {
			if o, ok := out.(*iam.ListMFADevicesOutput); ok {
				o.MFADevices = []types.MFADevice{{UserName: aws.String("bob")}}
			}
		},
		"no devices": func(out any) {
			if o, ok := out.(*iam.ListMFADevicesOutput); ok {
				o.MFADevices = nil
			}
		},
		"no policies": func(out any) {
			if o, ok := out.(*iam.ListAttachedUserPoliciesOutput); ok {
				o.AttachedPolicies = nil
			}
		},
	} {
		if f, err := iamusernomfa.Module.Guard(t.Context(), reads(change), user); err == nil {
			t.Errorf("%s: found %v, want an error", name, f)
		}
	}
	strange := user
	strange.ID = "alice; rm -rf /"
	if f, err := iamusernomfa.Module.Guard(t.Context(), reads(func(any) {}), strange); err == nil {
		t.Errorf("a strange name: found %v, want an error", f)
	}
}

// Of a user who is gone nothing can be taken back, nor of one who was left as they were.
func TestUndoRefuses(t *testing.T) {
	gone := &remediations.Run{AWS: moduletest.Config("us-east-1", func(any) (any, error) { return nil, noEntity })}
	finding := &remediations.Finding{Resource: user, Before: []byte(`{"held":false}`), After: []byte(`{"held":true}`)}
	var changed *remediations.ChangedError
	if err := iamusernomfa.Module.Undo(t.Context(), gone, finding); !errors.As(err, &changed) || string(changed.Present) != "null" {
		t.Errorf("%v, want that the user is gone", err)
	}
	finding.Before = finding.After
	if err := iamusernomfa.Module.Undo(t.Context(), gone, finding); err == nil || errors.Is(err, remediations.ErrChanged) {
		t.Errorf("the same before and after: %v, want another error", err)
	}
}

func TestSweep(t *testing.T) {
	list := func(change func(any)) (names []string, errs int) {
		run := reads(change)
		for r, err := range iamusernomfa.Module.Sweep(t.Context(), run) {
			if err != nil {
				errs++
				continue
			}
			if r.Account != "123456789012" || r.Region != "us-east-1" || r.Type != user.Type {
				t.Errorf("%+v", r)
			}
			if f, err := iamusernomfa.Module.Guard(t.Context(), run, r); err != nil || (f != nil) != (r.ID == "alice") {
				t.Errorf("%s: found %v, %v", r.ID, f, err)
			}
			names = append(names, r.ID)
		}
		return names, errs
	}
	if names, errs := list(func(any) {}); !slices.Equal(names, []string{"alice", "bob"}) || errs != 0 {
		t.Errorf("%v, %d errors", names, errs)
	}
	if names, errs := list(func(out any) { out.(*iam.ListUsersOutput).Users = nil }); len(names) != 0 || errs != 1 {
		t.Errorf("an answer without a list: %v, %d errors, want one", names, errs)
	}
	for r := range iamusernomfa.Module.Sweep(t.Context(), reads(func(any) {})) {
		if r.ID != "alice" {
			t.Errorf("went on to %s after it was told to stop", r.ID)
		}
		break
	}
}

func TestSuspects(t *testing.T) {
	for _, c := range []struct {
		raw  []byte
		want string // "": nobody; "error"
	}{
		{gotPassword, "alice"}, {gotOwn, "alice"}, {created, "alice"}, {enabled, "alice"}, {rootMFA, ""}, {rootOwn, ""},
		{call("CreateUser", `{"userName":"a.b+c=d,e@f_g-h"}`, `null`), "a.b+c=d,e@f_g-h"},
		{call("CreateUser", `null`, `null`), "error"},
		{call("CreateUser", `{"userName":""}`, `null`), "error"},
		{call("CreateUser", `{"userName":"dev/alice"}`, `null`), "error"},
		{call("CreateUser", `{"userName":"alice$(id)"}`, `null`), "error"},
		{call("CreateUser", `{"userName":"HIDDEN DUE TO SECURITY REASONS"}`, `null`), "error"},
		{call("CreateUser", `{"userName":"`+strings.Repeat("a", 65)+`"}`, `null`), "error"},
	} {
		event, err := events.Parse(c.raw)
		if err != nil {
			t.Fatal(err)
		}
		got, err := iamusernomfa.Module.Suspects(event)
		switch {
		case c.want == "error":
			if err == nil {
				t.Errorf("%s: suspects %v, want an error", event.Record.Request, got)
			}
		case err != nil || len(got) > 1 || (len(got) == 1) != (c.want != "") || len(got) == 1 && got[0].ID != c.want:
			t.Errorf("%s: %v, %v; want %q", event.Record.EventName, got, err, c.want)
		case len(got) == 1 && (got[0].Account != "123456789012" || got[0].Region != "us-east-1"):
			t.Errorf("%+v", got[0])
		}
	}
}

func TestSettings(t *testing.T) {
	for text, ok := range map[string]bool{`{}`: true, `{"graceHours":0}`: true, `{"graceHours":2160}`: true, `{"graceHours":-1}`: false, `{"graceHours":2161}`: false} {
		if _, err := iamusernomfa.Module.ParseSettings([]byte(text)); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// The policy's statements, by what they are for. That a user can get out of it, and that access keys are left alone, is
// what this module stands or falls with.
func TestPolicy(t *testing.T) {
	var policy struct {
		Statement []struct {
			Sid, Effect       string
			Action, NotAction any
			Resource          any
			Condition         map[string]map[string]string
		}
	}
	if err := json.Unmarshal([]byte(iamusernomfa.Module.Policies[0].Document), &policy); err != nil {
		t.Fatal(err)
	}
	var allowed, spared []string
	for _, s := range policy.Statement {
		switch s.Effect {
		case "Allow":
			allowed = append(allowed, texts(s.Action)...)
			if s.NotAction != nil || len(s.Condition) > 0 {
				t.Errorf("%s: %+v", s.Sid, s)
			}
		case "Deny":
			spared = texts(s.NotAction)
			if s.Action != nil || s.Resource != "*" || len(s.Condition) != 1 || s.Condition["Bool"]["aws:MultiFactorAuthPresent"] != "false" {
				t.Errorf("%s: %+v", s.Sid, s)
			}
		}
	}
	if len(spared) == 0 {
		t.Fatal("it denies nothing")
	}
	for _, action := range allowed {
		if !slices.Contains(spared, action) {
			t.Errorf("it allows %s, and denies it", action)
		}
	}
	for _, action := range spared {
		for _, word := range []string{"Deactivate", "Delete", "AccessKey", "*"} {
			if strings.Contains(action, word) {
				t.Errorf("without MFA, %s could be called", action)
			}
		}
	}
}

func texts(v any) []string {
	if s, ok := v.(string); ok {
		return []string{s}
	}
	var list []string
	for _, each := range v.([]any) {
		list = append(list, each.(string))
	}
	return list
}
