package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/smithy-go/middleware"
	"github.com/google/go-cmp/cmp"

	"github.com/countermand/countermand/events/pattern"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/engine"
)

// published returns a message as it is sent: the call to SNS, and the form for each protocol.
func published(t *testing.T, m engine.Message) (*sns.PublishInput, map[string]string) {
	t.Helper()
	var asked *sns.PublishInput
	cfg := aws.Config{Region: "eu-west-1", APIOptions: []func(*middleware.Stack) error{func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("answer",
			func(_ context.Context, in middleware.InitializeInput, _ middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
				asked = in.Parameters.(*sns.PublishInput)
				return middleware.InitializeOutput{Result: &sns.PublishOutput{}}, middleware.Metadata{}, nil
			}), middleware.Before)
	}}}
	if err := engine.NewSNSSender(cfg, "arn:alerts", "arn:critical")(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	forms := map[string]string{}
	if err := json.Unmarshal([]byte(*asked.Message), &forms); err != nil || *asked.MessageStructure != "json" {
		t.Fatalf("structure %q: %v", *asked.MessageStructure, err)
	}
	return asked, forms
}

func indented(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(text), "", "  "); err != nil {
		t.Fatal(err)
	}
	return b.String() + "\n"
}

// Every kind of subscriber has a form of its own. The e-mails are in alert-*.golden.
func TestForms(t *testing.T) {
	for name, change := range map[string]func(*engine.Record){
		"remediated": func(*engine.Record) {},
		"unmatched":  func(*engine.Record) {}, // the pattern does not match the undo
		"unverified": func(r *engine.Record) {
			r.Outcome, r.Left, r.LeftFix = engine.Unverified, "the door is open", "house shut-door --id 'front <1>'"
		},
		"failed": func(r *engine.Record) {
			r.Outcome, r.Error, r.Reason, r.Touched = engine.Failed, "guard: describe door: AccessDenied", "", false
			r.Before, r.After, r.Fix, r.Revert = nil, nil, "", ""
		},
		"forged": func(r *engine.Record) {
			r.Name, r.Principal = "<!channel> bob", "`*bob* [AWS](https://evil.example)\n# look\u202e"
			r.Reason = "the door <https://evil.example|AWS> is open"
			r.Resource.ID = "front<!here>`"
			r.Fix = "house shut-door --id 'front<!here>`'"
			r.UserAgent, r.SourceIP = "curl\n{\"module\":\"x\"}", ""
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := doorRun()
			change(&r)
			module := (&door{}).module()
			module.Undo = module.Action
			if name == "unmatched" {
				module.Pattern = pattern.CloudTrail("s3", "OpenDoor")
			}
			m := engine.Render(module, &r)
			asked, forms := published(t, m)
			golden(t, "facts-"+name, indented(t, forms["default"]))
			golden(t, "chat-"+name, indented(t, forms["https"]))
			if diff := cmp.Diff(map[string]string{
				"default": forms["default"], "https": forms["https"], "email": m.Body, "sms": m.Subject,
			}, forms); diff != "" {
				t.Error(diff)
			}
			attributes := map[string]string{}
			for name, a := range asked.MessageAttributes {
				attributes[name] = *a.StringValue
			}
			if diff := cmp.Diff(map[string]string{
				"kind": "alert", "module": "door-open", "severity": "high", "outcome": string(r.Outcome),
			}, attributes); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// In a chat, text that somebody else chose is in spans of code, and contains nothing that ends one or that Slack
// interprets in one.
func TestChatTextIsInert(t *testing.T) {
	r := doorRun()
	const evil = "x`<!channel> *b* [a](https://evil.example) <https://evil.example|AWS>\n@here"
	r.Resource.ID, r.EventName, r.Name, r.Principal, r.SourceIP, r.UserAgent = evil, evil, evil, evil, evil, evil
	r.Reason, r.Left, r.Error, r.Limit, r.Lowered, r.Fix, r.LeftFix, r.Revert = evil, evil, evil, evil, evil, evil, evil, evil
	r.Resource.Account, r.Resource.Region, r.EventID = evil, evil, evil
	for _, outcome := range engine.Recorded() {
		r.Outcome = outcome
		for _, undo := range []bool{true, false} {
			module := (&door{}).module()
			if undo {
				module.Undo = module.Action
			}
			_, forms := published(t, engine.Render(module, &r))
			var parsed any
			if err := json.Unmarshal([]byte(forms["https"]), &parsed); err != nil {
				t.Fatal(err)
			}
			for _, text := range texts(parsed) {
				if strings.ContainsAny(text, "<>") {
					t.Errorf("%s: %q", outcome, text)
				}
				if outside := span.ReplaceAllString(text, ""); strings.Contains(outside, "evil") || strings.ContainsAny(outside, "`@") {
					t.Errorf("%s: outside of code there is %q", outcome, outside)
				}
			}
		}
	}
}

var span = regexp.MustCompile("`[^`\n]*`")

// texts returns every string in a JSON value.
func texts(value any) []string {
	var all []string
	switch v := value.(type) {
	case string:
		all = append(all, v)
	case []any:
		for _, element := range v {
			all = append(all, texts(element)...)
		}
	case map[string]any:
		for key, field := range v {
			all = append(all, key)
			all = append(all, texts(field)...)
		}
	}
	return all
}

// SNS takes 256 KB of all forms together, and refuses more: nobody who chooses a name or a policy must be able to
// suppress the alert on it.
func TestAnyMessageIsTaken(t *testing.T) {
	const limit = 262_144
	for _, filler := range []string{"x", `"`, `\`, "<", "é", "🚪", "\u2028", "\x01", "\n", "'"} {
		for _, size := range []int{10, 5_000, 30_000} {
			text := strings.Repeat(filler, size/len(filler))
			state, err := json.Marshal(text)
			if err != nil {
				t.Fatal(err)
			}
			r := doorRun()
			r.Before, r.After = state, json.RawMessage(`{"a":`+string(state)+`}`)
			r.Fix, r.LeftFix, r.Revert, r.Reason, r.Left, r.Error, r.Limit, r.Lowered = text, text, text, text, text, text, text, text
			r.EventName, r.EventID, r.Principal, r.Name, r.SourceIP, r.UserAgent, r.Resource.ID = text, text, text, text, text, text, text
			for range 50 {
				r.Rivals = append(r.Rivals, text)
			}
			r.Exemption = &engine.Exemption{Owner: text, Reason: text, Matched: text}
			for _, outcome := range []engine.Outcome{engine.Alerted, engine.Exempt, engine.Contested, engine.Unverified, engine.Failed} {
				r.Outcome = outcome
				m := engine.Render((&door{}).module(), &r)
				asked, forms := published(t, m)
				if got := len(*asked.Message); got > limit-1000 {
					t.Errorf("%q times %d, %s: %d bytes", filler, size, outcome, got)
				}
				var f engine.Facts
				if err := json.Unmarshal([]byte(forms["default"]), &f); err != nil || f.Run != r.ID || f.Text != m.Body && !slices.Contains(f.Cut, "text") {
					t.Errorf("%q times %d, %s: %v", filler, size, outcome, err)
				}
				if !plainTitle.MatchString(f.Title) {
					t.Errorf("%q times %d, %s: title %q", filler, size, outcome, f.Title)
				}
				if len(forms["https"]) > 20_000 {
					t.Errorf("%q times %d, %s: the chat's form has %d bytes", filler, size, outcome, len(forms["https"]))
				}
			}
		}
	}
}

// plainTitle matches text that a template can contain unescaped.
var plainTitle = regexp.MustCompile(`^[A-Za-z0-9 \[\]:/._,+=@?-]+$`)

// A command is sent whole or not at all: people would paste half of one.
func TestLongPartsAreLeftOut(t *testing.T) {
	long := `"` + strings.Repeat("x", 30_000) + `"`
	r := doorRun()
	r.Before, r.Fix, r.Revert = json.RawMessage(long), "fix "+long, "revert "+long
	m := engine.Render((&door{}).module(), &r)
	if diff := cmp.Diff([]string{"before", "commands.fix", "commands.revert"}, m.Facts.Cut); diff != "" {
		t.Error(diff)
	}
	if m.Facts.Commands.Fix != "" || m.Facts.Commands.Revert != "" || m.Facts.Before != nil || m.Facts.After == nil {
		t.Errorf("%+v", m.Facts)
	}
	if strings.Contains(m.Body, "revert "+long[:100]) || !strings.Contains(m.Body, "run door-open-0123456789abcdef0123 shows it") {
		t.Error("the text holds a part of a command, or does not say where it is")
	}
	if !strings.Contains(m.Body, "the run record has all of it") || len(m.Body) > 30_000 {
		t.Errorf("the difference is not cut: %d bytes", len(m.Body))
	}
}

// An alert goes to one topic: the critical one if it says "Look now", or if the module is critical.
func TestCriticalAlerts(t *testing.T) {
	r := doorRun()
	for _, c := range []struct {
		outcome  engine.Outcome
		severity remediations.Severity
		touched  bool
		critical bool
		level    string
	}{
		{engine.Remediated, remediations.High, true, false, "error"},
		{engine.Remediated, remediations.Medium, true, false, "warning"},
		{engine.Remediated, remediations.Low, true, false, "info"},
		{engine.Remediated, remediations.Critical, true, true, "critical"},
		{engine.Alerted, remediations.High, false, false, "error"},
		{engine.Alerted, remediations.High, true, true, "critical"}, // wrong again
		{engine.Partial, remediations.Low, true, true, "critical"},
		{engine.Unverified, remediations.Low, true, true, "critical"},
		{engine.Limited, remediations.Low, false, true, "critical"},
		{engine.Contested, remediations.Low, false, true, "critical"},
		{engine.Failed, remediations.Low, false, true, "critical"},
		{engine.Exempt, remediations.Low, false, false, "info"},
	} {
		module := (&door{}).module()
		module.Severity, r.Outcome, r.Touched = c.severity, c.outcome, c.touched
		m := engine.Render(module, &r)
		asked, _ := published(t, m)
		if want := map[bool]string{true: "arn:critical", false: "arn:alerts"}[c.critical]; *asked.TopicArn != want || m.Facts.Critical != c.critical || m.Facts.Level != c.level {
			t.Errorf("%s, %s, touched %t: to %s, critical %t, level %s", c.outcome, c.severity, c.touched, *asked.TopicArn, m.Facts.Critical, m.Facts.Level)
		}
		if strings.Contains(m.Body, "Look now") != c.critical && c.severity != remediations.Critical {
			t.Errorf("%s: the text and the topic disagree", c.outcome)
		}
	}
}

// A thread is about a resource, whatever the module and run.
func TestThread(t *testing.T) {
	threads := map[string]bool{}
	for _, change := range []func(*engine.Record){
		func(*engine.Record) {},
		func(r *engine.Record) {
			r.ID, r.Module, r.Outcome, r.Principal = "another", "another", engine.Failed, "another"
		},
		func(r *engine.Record) { r.Resource.ID = "back" },
		func(r *engine.Record) { r.Resource.Region = "eu-central-1" },
		func(r *engine.Record) { r.Resource.Account = "444455556666" },
	} {
		r := doorRun()
		change(&r)
		m := engine.Render((&door{}).module(), &r)
		threads[m.Facts.Thread] = true
		if _, forms := published(t, m); !strings.Contains(forms["https"], `"threadId":"`+m.Facts.Thread+`"`) {
			t.Errorf("the chat's thread is not %s", m.Facts.Thread)
		}
	}
	if len(threads) != 4 {
		t.Errorf("%d threads, want 4: %v", len(threads), threads)
	}
}
