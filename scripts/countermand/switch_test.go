package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/modules/cloudtrailtamper"
	"github.com/countermand/countermand/remediations/modules/s3publicpolicy"
	"github.com/countermand/countermand/remediations/modules/tagoncreate"
)

// controls is the part of an account that says how far modules may go: the kill switch, functions and rules.
type controls struct {
	said      *string // what the kill switch says
	version   int64
	before    func() // happens right before the switch is set,
	after     func() // and right after
	functions map[string]*lambda.GetFunctionOutput
	rules     map[string]eventtypes.RuleState
}

func (c *controls) set(text string) {
	c.said = &text
	c.version++
}

func (c *controls) answer(input any) (any, error) {
	switch in := input.(type) {
	case *ssm.GetParameterInput:
		if c.said == nil || *in.Name != "/countermand/mode" {
			return nil, &ssmtypes.ParameterNotFound{}
		}
		return &ssm.GetParameterOutput{Parameter: &ssmtypes.Parameter{Value: c.said, Version: c.version}}, nil
	case *ssm.PutParameterInput:
		if *in.Name != "/countermand/mode" || in.Type != ssmtypes.ParameterTypeString || !*in.Overwrite {
			return nil, fmt.Errorf("put parameter with %+v", in)
		}
		if c.before != nil {
			c.before()
		}
		c.set(*in.Value)
		out := &ssm.PutParameterOutput{Version: c.version}
		if c.after != nil {
			c.after()
		}
		return out, nil
	case *lambda.GetFunctionInput:
		if function := c.functions[*in.FunctionName]; function != nil {
			return function, nil
		}
		return nil, &lambdatypes.ResourceNotFoundException{}
	case *eventbridge.DescribeRuleInput:
		if state := c.rules[*in.Name]; state != "" {
			return &eventbridge.DescribeRuleOutput{State: state}, nil
		}
		return nil, &eventtypes.ResourceNotFoundException{}
	}
	return nil, fmt.Errorf("the account has no answer to %T", input)
}

// newControlled is an account with three modules, of which two are deployed.
func newControlled(said string) *cloud {
	c := newCloud()
	c.modules = []*remediations.Module{cloudtrailtamper.Module, s3publicpolicy.Module, tagoncreate.Module}
	c.functions = map[string]*lambda.GetFunctionOutput{
		"countermand-cloudtrail-tamper": functionIn("alert"), "countermand-s3-public-policy": functionIn("enforce"),
	}
	c.rules = map[string]eventtypes.RuleState{
		"countermand-cloudtrail-tamper": eventtypes.RuleStateEnabled, "countermand-s3-public-policy": eventtypes.RuleStateEnabled,
	}
	c.set(said)
	return c
}

func functionIn(mode string) *lambda.GetFunctionOutput {
	return &lambda.GetFunctionOutput{Configuration: &lambdatypes.FunctionConfiguration{Environment: &lambdatypes.EnvironmentResponse{
		Variables: map[string]string{"COUNTERMAND_MODE": mode, "COUNTERMAND_SWITCH": "/countermand/mode"},
	}}}
}

// says is the switch as functions read it. The times of stops, which are the test's own, are taken out.
func (c *cloud) says(t *testing.T) string {
	t.Helper()
	said, err := remediations.ParseSwitch(*c.said)
	if err != nil {
		t.Fatal(err)
	}
	for key, stop := range said {
		if age := time.Since(stop.At); stop.By == c.arn && (age < 0 || age > time.Minute) {
			t.Errorf("%s was stopped at %s", key, stop.At)
		}
		stop.At = time.Time{}
		said[key] = stop
	}
	text, err := said.Text()
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer(`,"at":"0001-01-01T00:00:00Z"`, "", c.arn, "olga").Replace(text)
}

const (
	byBob   = `{"mode":"alert","by":"arn:aws:iam::111122223333:user/bob","reason":"noise","at":"2026-03-01T10:00:00Z"}`
	bobSays = `{"mode":"alert","by":"arn:aws:iam::111122223333:user/bob","reason":"noise"}`
	olgas   = `{"mode":"observe","by":"olga","reason":"a test"}`
)

func TestStop(t *testing.T) {
	for _, test := range []struct {
		name, said, want, stderr string
		args                     []string
		unwritten                bool
	}{
		{name: "all", said: `{}`, want: `{"all":` + olgas + `}`},
		{name: "one", said: `{}`, args: []string{"s3-public-policy"}, want: `{"s3-public-policy":` + olgas + `}`},
		{name: "two, one of them twice", said: `{}`, args: []string{"tag-on-create", "s3-public-policy", "tag-on-create"},
			want: `{"s3-public-policy":` + olgas + `,"tag-on-create":` + olgas + `}`},
		{name: "to alert", said: `{}`, args: []string{"--mode", "alert"}, want: `{"all":{"mode":"alert","by":"olga","reason":"a test"}}`},
		{name: "beside another", said: `{"s3-public-policy":` + byBob + `}`, want: `{"all":` + olgas + `,"s3-public-policy":` + bobSays + `}`},
		{name: "further than before", said: `{"all":` + byBob + `}`, want: `{"all":` + olgas + `}`},
		{name: "as far as before, for another reason", said: `{"all":` + byBob + `}`, args: []string{"--mode", "alert"},
			want: `{"all":{"mode":"alert","by":"olga","reason":"a test"}}`},
		{name: "less far than before", said: `{"all":` + strings.Replace(byBob, "alert", "observe", 1) + `}`, args: []string{"--mode", "alert"},
			want:   `{"all":` + strings.Replace(bobSays, "alert", "observe", 1) + `}`,
			stderr: "Nothing was changed for all modules: what goes further stands, with its own reason:\n  stopped at observe by arn:aws:iam::111122223333:user/bob since 2026-03-01 10:00:00 UTC: noise\nTo let it go as far as alert: go run ./scripts/countermand resume, and stop it again.\n", unwritten: true},
		{name: "one less far than before, and another", said: `{"s3-public-policy":` + strings.Replace(byBob, "alert", "observe", 1) + `}`,
			args:   []string{"--mode", "alert", "s3-public-policy", "tag-on-create"},
			want:   `{"s3-public-policy":` + strings.Replace(bobSays, "alert", "observe", 1) + `,"tag-on-create":{"mode":"alert","by":"olga","reason":"a test"}}`,
			stderr: "Nothing was changed for s3-public-policy: "},
		{name: "torn", said: `{"s3-public-policy":`, args: []string{"tag-on-create"},
			want: `{"all":` + olgas + `,"tag-on-create":` + olgas + `}`, stderr: "parameter /countermand/mode: read the kill switch: not valid JSON: unexpected end of JSON input\nIt is set anew, and stops all modules at observe."},
		{name: "not ours, to alert", said: `on`, args: []string{"--mode", "alert"}, want: `{"all":` + olgas + `}`, stderr: "It is set anew"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newControlled(test.said)
			stdout, stderr, err := c.ask(t, append([]string{"stop", "--reason", " a test "}, test.args...)...)
			if err != nil {
				t.Fatal(err)
			}
			wants(t, "the switch", test.want, c.says(t))
			if (stderr == "") != (test.stderr == "") || !strings.Contains(stderr, test.stderr) {
				t.Errorf("standard error: %s", stderr)
			}
			const kept = "Nothing was changed"
			if strings.Contains(stderr, kept) != strings.Contains(test.stderr, kept) {
				t.Errorf("whether something else stands: %s", stderr)
			}
			if (c.version == 1) != test.unwritten {
				t.Errorf("the switch has version %d", c.version)
			}
			if !strings.HasPrefix(stdout, "Stopped in account 111122223333, Region eu-west-1, and in no other:\n") {
				t.Errorf("standard output: %s", stdout)
			}
		})
	}
}

func TestStopWhereThereIsNoSwitch(t *testing.T) {
	c := newControlled("")
	c.said, c.version = nil, 0
	_, stderr, err := c.ask(t, "stop", "s3-public-policy", "--reason", "a test")
	if err != nil {
		t.Fatal(err)
	}
	wants(t, "the switch", `{"all":`+olgas+`,"s3-public-policy":`+olgas+`}`, c.says(t))
	wants(t, "standard error", "parameter /countermand/mode: there is no kill switch in account 111122223333, Region eu-west-1\n"+
		"It is set anew, and stops all modules at observe. What stood there, if anything: aws ssm get-parameter-history --name /countermand/mode\n", stderr)
}

// Where no module is deployed there is nothing to stop, and a switch would be in the way of the first deployment.
func TestStopWhereNothingIsDeployed(t *testing.T) {
	for _, command := range [][]string{{"stop", "--reason", "a test"}, {"resume", "--reset"}} {
		c := newControlled("")
		c.said, c.version, c.functions = nil, 0, nil
		_, stderr, err := c.ask(t, append(command, "--region", "us-east-1")...)
		wantsError(t, "nothing was changed: Countermand is not deployed in account 111122223333, Region us-east-1, which has no function countermand-MODULE\n"+
			"choose another Region with --region, or another account with AWS_PROFILE", err)
		if c.said != nil || stderr != "" {
			t.Errorf("%s: the switch is %v: %s", command[0], c.said, stderr)
		}
	}
}

// Stopping must work for who may not see what is deployed.
func TestStopWhereItCantBeAsked(t *testing.T) {
	c := newControlled(`{}`)
	c.refuse = "GetFunction"
	_, stderr, err := c.ask(t, "stop", "--reason", "a test")
	if err != nil {
		t.Fatal(err)
	}
	wants(t, "the switch", `{"all":`+olgas+`}`, c.says(t))
	if !strings.HasPrefix(stderr, "Whether Countermand is deployed in account 111122223333, Region eu-west-1 can't be told: get function countermand-cloudtrail-tamper: ") ||
		!strings.HasSuffix(stderr, "The kill switch is set all the same. If it is not deployed there, nothing is stopped.\n") {
		t.Errorf("standard error: %s", stderr)
	}
}

// What comes of a stop depends on the mode in force, whichever stop that is of.
func TestWhoIsTold(t *testing.T) {
	both := "people are told of it, but not by what is stopped at observe:\n  go run ./scripts/countermand runs --outcome alerted --outcome observed"
	nobody := "nobody is told of it:\n  go run ./scripts/countermand runs --outcome observed"
	people := "people are told of it:\n  go run ./scripts/countermand runs --outcome alerted"
	observed := strings.Replace(byBob, "alert", "observe", 1)
	for _, c := range []struct {
		said string
		keys []string
		want string
	}{
		{`{"all":` + byBob + `}`, []string{"all"}, people},
		{`{"all":` + observed + `}`, []string{"all"}, nobody},
		{`{"all":` + byBob + `,"s3-public-policy":` + observed + `}`, []string{"all"}, both},
		{`{"all":` + observed + `,"s3-public-policy":` + byBob + `}`, []string{"s3-public-policy"}, nobody},
		{`{"all":` + byBob + `,"s3-public-policy":` + observed + `}`, []string{"s3-public-policy"}, nobody},
		{`{"s3-public-policy":` + byBob + `,"tag-on-create":` + observed + `}`, []string{"s3-public-policy"}, people},
		{`{"s3-public-policy":` + byBob + `,"tag-on-create":` + observed + `}`, []string{"s3-public-policy", "tag-on-create"}, both},
	} {
		said, err := remediations.ParseSwitch(c.said)
		if err != nil {
			t.Fatal(err)
		}
		wants(t, c.said+" of "+strings.Join(c.keys, ", "), c.want, told(said, c.keys))
	}
}

func TestStopSaysWhatIsStopped(t *testing.T) {
	c := newControlled(`{}`)
	k := &killSwitch{account: c.account, region: c.region}
	said, err := remediations.ParseSwitch(`{"s3-public-policy":` + strings.Replace(byBob, "noise", `no\nise`, 1) + `}`)
	if err != nil {
		t.Fatal(err)
	}
	wants(t, "text", `Stopped in account 111122223333, Region eu-west-1, and in no other:
  s3-public-policy: stopped at alert by arn:aws:iam::111122223333:user/bob since 2026-03-01 10:00:00 UTC: no`+"\ufffd"+`ise

Functions go by it within a minute at most; a run that acts by then ends what it has begun.
Events are still looked at and recorded. What is wrong stays as it is, and people are told of it:
  go run ./scripts/countermand runs --outcome alerted
To go on:
  go run ./scripts/countermand resume s3-public-policy
`, stopped(k, said, []string{"s3-public-policy"}))
	stdout, _, err := c.ask(t, "stop", "--reason", "a test")
	if err != nil || !strings.Contains(stdout, "nobody is told of it:\n  go run ./scripts/countermand runs --outcome observed\n") ||
		!strings.HasSuffix(stdout, "To go on:\n  go run ./scripts/countermand resume\n") {
		t.Errorf("%v: %s", err, stdout)
	}
	stdout, _, err = c.ask(t, "stop", "--reason", "a <test>", "--format", "json")
	var answer switchAnswer
	if err != nil || json.Unmarshal([]byte(stdout), &answer) != nil || answer.Account != c.account || answer.Region != c.region ||
		answer.Switch["all"].Reason != "a <test>" {
		t.Errorf("%v: %s", err, stdout)
	}
}

func TestResume(t *testing.T) {
	both := `{"all":` + byBob + `,"s3-public-policy":` + byBob + `}`
	for _, test := range []struct {
		name, said, want, stdout string
		args                     []string
	}{
		{name: "all", said: `{"all":` + byBob + `}`, want: `{}`, stdout: `Resumed in account 111122223333, Region eu-west-1:
  all modules: stopped at alert by arn:aws:iam::111122223333:user/bob since 2026-03-01 10:00:00 UTC: noise

Functions go by it within a minute at most.
What was wrong meanwhile stays as it is, until it is changed again:
  go run ./scripts/countermand runs --outcome observed --outcome alerted --since 2026-03-01T10:00:00Z
`},
		{name: "all, and one stays stopped", said: both, want: `{"s3-public-policy":` + bobSays + `}`, stdout: "\nStill stopped:\n  s3-public-policy: stopped at alert"},
		{name: "one, and all stay stopped", said: both, args: []string{"s3-public-policy"}, want: `{"all":` + bobSays + `}`, stdout: "\nStill stopped:\n  all modules: stopped at alert"},
		{name: "one of no module", said: `{"gone":` + byBob + `}`, args: []string{"gone"}, want: `{}`, stdout: "  gone: stopped at alert"},
		{name: "torn", said: `{`, args: []string{"--reset"}, want: `{}`, stdout: "The kill switch of account 111122223333, Region eu-west-1 is set anew.\n\nFunctions go by it within a minute at most.\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newControlled(test.said)
			stdout, stderr, err := c.ask(t, append([]string{"resume"}, test.args...)...)
			if err != nil || stderr != "" {
				t.Fatal(err, stderr)
			}
			wants(t, "the switch", test.want, c.says(t))
			if !strings.Contains(stdout, test.stdout) {
				t.Errorf("standard output: %s", stdout)
			}
		})
	}
}

// Whatever goes wrong before the switch is set leaves it as it was.
func TestSwitchErrors(t *testing.T) {
	many := `{"cloudtrail-tamper":` + strings.Replace(byBob, "noise", strings.Repeat("x", 3800), 1) + `}`
	for _, test := range []struct {
		said   string // {} if empty
		args   []string
		change func(*cloud)
		want   string
	}{
		{args: []string{"stop"}, want: "--reason is missing"},
		{args: []string{"stop", "--reason", " "}, want: "--reason is missing"},
		{args: []string{"stop", "--reason", "a\nb"}, want: "want one line of text"},
		{args: []string{"stop", "--reason", "a\xff"}, want: "want one line of text"},
		{args: []string{"stop", "--reason", strings.Repeat("ä", 201)}, want: "--reason has 201 characters: want at most 200"},
		{args: []string{"stop", "s3", "--reason", "x"}, want: `unknown module "s3": want cloudtrail-tamper, s3-public-policy or tag-on-create; for all of them, name none`},
		{args: []string{"stop", "--mode", "enforce", "--reason", "x"}, want: `--mode: unknown mode "enforce" of a stop: want observe or alert`},
		{args: []string{"stop", "--mode", "off", "--reason", "x"}, want: `--mode: unknown mode "off" of a stop: want observe or alert`},
		{args: []string{"stop", "--reason", strings.Repeat("ä", 200)}, said: many, want: "bytes, and a standard parameter holds 4096"},
		{args: []string{"stop", "--reason", "x"}, change: func(c *cloud) { c.region = "" }, want: "names no Region"},
		{args: []string{"stop", "--reason", "x"}, change: func(c *cloud) { c.refuse = "GetCallerIdentity" }, want: "ask whose credentials these are"},
		{args: []string{"stop", "--reason", "x"}, change: func(c *cloud) { c.refuse = "PutParameter" }, want: "put parameter /countermand/mode"},
		{args: []string{"resume"}, want: "nothing was changed: there is no stop of all modules in account 111122223333, Region eu-west-1: nothing is stopped"},
		{args: []string{"resume", "s3-public-policy", "tag-on-create"}, said: `{"s3-public-policy":` + byBob + `}`,
			want: "there is no stop of tag-on-create in account 111122223333, Region eu-west-1\n  s3-public-policy: stopped at alert by"},
		{args: []string{"resume"}, said: `{"all": {"mode": "of"}}`, want: "nothing was changed: parameter /countermand/mode: read the kill switch: the stop of \"all\": unknown mode \"of\""},
		{args: []string{"resume", "--reset"}, said: `{"all":` + byBob + `}`, want: "needs no --reset"},
		{args: []string{"resume"}, change: func(c *cloud) { c.refuse = "GetParameter" }, want: "get parameter /countermand/mode"},
		{args: []string{"status", "x"}, want: `unknown command "x"`},
		{args: []string{"status"}, change: func(c *cloud) { c.refuse = "GetCallerIdentity" }, want: "ask whose credentials these are"},
	} {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			if test.said == "" {
				test.said = "{}"
			}
			c := newControlled(test.said)
			if test.change != nil {
				test.change(c)
			}
			if _, _, err := c.ask(t, test.args...); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is %v, want %q", err, test.want)
			}
			if *c.said != test.said || c.version != 1 {
				t.Errorf("version %d: %s", c.version, *c.said)
			}
		})
	}
}

// Stopping must work for who may not see what stands there. That it can't be checked is an error all the same.
func TestStopUnseen(t *testing.T) {
	c := newControlled(`{"s3-public-policy":` + byBob + `}`)
	c.refuse = "GetParameter"
	_, stderr, err := c.ask(t, "stop", "tag-on-create", "--reason", "a test")
	if err == nil || !strings.Contains(err.Error(), "the kill switch is set, but can't be read back") || !strings.Contains(stderr, "It is set anew") {
		t.Errorf("%v: %s", err, stderr)
	}
	wants(t, "the switch", `{"all":`+olgas+`,"tag-on-create":`+olgas+`}`, c.says(t))
}

// Two who set the switch at once are told of each other.
func TestSwitchSetByTwo(t *testing.T) {
	for _, command := range [][]string{{"stop", "--reason", "a test"}, {"resume"}} {
		c := newControlled(`{"all":` + byBob + `}`)
		c.before = func() { c.set(`{"tag-on-create":` + byBob + `}`) }
		if _, _, err := c.ask(t, command...); err == nil || !strings.Contains(err.Error(), "somebody else has set it at the same time, and that is overwritten") {
			t.Errorf("%s: %v", command[0], err)
		}
		c = newControlled(`{"all":` + byBob + `}`)
		c.after = func() { c.set(`{"tag-on-create":` + byBob + `}`) }
		if _, _, err := c.ask(t, command...); err == nil || !strings.Contains(err.Error(), "reads otherwise now: somebody else has set it since\nit says: {\"tag-on-create\"") {
			t.Errorf("%s: %v", command[0], err)
		}
	}
}

func TestSwitchMadeByTwo(t *testing.T) {
	c := newControlled("")
	c.said, c.version = nil, 0
	c.before = func() { c.set(`{}`) }
	if _, _, err := c.ask(t, "stop", "--reason", "a test"); err == nil || !strings.Contains(err.Error(), "and that is overwritten") {
		t.Error(err)
	}
}

func TestStatus(t *testing.T) {
	c := newControlled(`{"all":` + byBob + `,"s3-public-policy":` + strings.NewReplacer("alert", "observe", "noise", `it fights\u001b[2J`).Replace(byBob) + `,"gone":` + byBob + `}`)
	c.functions["countermand-s3-public-policy"].Concurrency = &lambdatypes.Concurrency{ReservedConcurrentExecutions: aws.Int32(0)}
	delete(c.rules, "countermand-s3-public-policy")
	c.rules["countermand-cloudtrail-tamper"] = eventtypes.RuleStateDisabled
	cfg, err := c.load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	k := &killSwitch{ssm.NewFromConfig(cfg), c.account, c.region, c.arn}
	s, err := situationOf(t.Context(), cfg, k, c.modules)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := printSituation(&out, s, time.Date(2026, 3, 1, 12, 5, 0, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	wants(t, "status", `Account 111122223333, Region eu-west-1

MODULE             CONFIGURED    IN FORCE  STOPPED BY  SINCE (UTC)          FOR    REASON
cloudtrail-tamper  alert         alert     bob         2026-03-01 10:00:00  2h05m  noise
s3-public-policy   enforce       observe   bob         2026-03-01 10:00:00  2h05m  it fights`+"\ufffd"+`[2J
tag-on-create      not deployed

ALARM cloudtrail-tamper: its rule is disabled: it hears of nothing
ALARM s3-public-policy: its function may not run (reserved concurrency 0): events go to the failure queue
ALARM s3-public-policy: its rule is gone: it hears of nothing
ALARM the kill switch stops "gone", which is no module of this version
all modules: to go on, go run ./scripts/countermand resume
gone: to go on, go run ./scripts/countermand resume gone
s3-public-policy: to go on, go run ./scripts/countermand resume s3-public-policy
`, out.String())
	stdout, stderr, err := c.ask(t, "status")
	wantsError(t, "4 alarms: something has to be mended", err)
	if stderr != "" || !strings.HasPrefix(stdout, "Account 111122223333, Region eu-west-1\n\nMODULE ") || !strings.HasSuffix(stdout, " resume s3-public-policy\n") {
		t.Errorf("%s%s", stdout, stderr)
	}
}

func TestStatusAsJSON(t *testing.T) {
	c := newControlled(`{"all":` + byBob + `}`)
	stdout, _, err := c.ask(t, "status", "--format", "json")
	if err != nil {
		t.Fatal(err)
	}
	var got, want any
	if err := json.Unmarshal([]byte(stdout), &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(`{"account":"111122223333","region":"eu-west-1","switch":{"all":`+byBob+`},"modules":[
		{"module":"cloudtrail-tamper","state":"deployed","configured":"alert","inForce":"alert","stop":`+byBob+`,"alarms":[]},
		{"module":"s3-public-policy","state":"deployed","configured":"enforce","inForce":"alert","stop":`+byBob+`,"alarms":[]},
		{"module":"tag-on-create","state":"not deployed","configured":null,"inForce":null,"stop":null,"alarms":[]}]}`), &want); err != nil {
		t.Fatal(err)
	}
	wants(t, "JSON", fmt.Sprint(want), fmt.Sprint(got))
}

// What can't be told is neither shown as if it could nor hidden by what can.
func TestStatusOfWhatIsUnknown(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*cloud)
		lines  []string // of standard output
		err    string   // none if empty
	}{
		"no switch": {func(c *cloud) { c.said = nil }, []string{
			"s3-public-policy   enforce       observe", "ALARM parameter /countermand/mode: there is no kill switch in account 111122223333, Region eu-west-1",
			"ALARM while functions can't read the kill switch, they observe only; to set it anew: go run ./scripts/countermand resume --reset"}, "2 alarms: something has to be mended"},
		"torn switch":      {func(c *cloud) { c.set(`[]`) }, []string{"s3-public-policy   enforce       observe", "ALARM parameter /countermand/mode: read the kill switch"}, "2 alarms: something has to be mended"},
		"nothing deployed": {func(c *cloud) { c.said, c.functions = nil, nil }, []string{"s3-public-policy   not deployed", "ALARM parameter /countermand/mode: there is no", "ALARM no module is deployed here"}, "2 alarms: something has to be mended"},
		"switch refused":   {func(c *cloud) { c.refuse = "GetParameter" }, []string{"s3-public-policy   enforce       unknown"}, "get parameter /countermand/mode"},
		"function refused": {func(c *cloud) { c.refuse = "GetFunction" }, []string{"s3-public-policy   unknown     unknown"}, "s3-public-policy: get function countermand-s3-public-policy"},
		"rule refused":     {func(c *cloud) { c.refuse = "DescribeRule" }, []string{"s3-public-policy   enforce       enforce"}, "s3-public-policy: describe rule countermand-s3-public-policy"},
		"no mode": {func(c *cloud) { c.functions["countermand-s3-public-policy"] = functionIn("") },
			[]string{"s3-public-policy   unknown       unknown", "cloudtrail-tamper  alert         alert"}, "s3-public-policy: COUNTERMAND_MODE of its function"},
		"a function that does not ask": {func(c *cloud) {
			delete(c.functions["countermand-s3-public-policy"].Configuration.Environment.Variables, "COUNTERMAND_SWITCH")
			c.set(`{"all":` + byBob + `}`)
		}, []string{"s3-public-policy   enforce       enforce\n", "ALARM s3-public-policy: its function does not ask this kill switch"}, "1 alarm: something has to be mended"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newControlled("{}")
			test.change(c)
			stdout, _, err := c.ask(t, "status")
			for _, line := range test.lines {
				if !strings.Contains(stdout, "\n"+line) {
					t.Errorf("no %q in\n%s", line, stdout)
				}
			}
			if strings.Contains(stdout, "--reset") != strings.HasSuffix(name, " switch") {
				t.Errorf("when to reset it:\n%s", stdout)
			}
			if strings.Contains(stdout, "no module is deployed here") != (name == "nothing deployed") {
				t.Errorf("whether a module is deployed:\n%s", stdout)
			}
			if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("the error is %v, want %q", err, test.err)
			}
		})
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		59 * time.Second: "<1m", 61 * time.Second: "1m", 59 * time.Minute: "59m", 60 * time.Minute: "1h00m",
		23*time.Hour + 59*time.Minute: "23h59m", 49*time.Hour + 59*time.Minute: "2d01h",
	} {
		if got := span(d); got != want {
			t.Errorf("%s: %s, want %s", d, got, want)
		}
	}
}
