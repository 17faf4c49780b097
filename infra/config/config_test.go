package config

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countermand/countermand/infra/config/configtest"
	"github.com/countermand/countermand/remediations"
)

func TestConfigDefaults(t *testing.T) {
	c, err := Parse("c.yaml", []byte("trail: {existing: false}"), nil, Place{}, configtest.Now)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&Config{
		Architecture: "arm64", LogRetentionDays: 90, RunRetentionDays: 365, Limits: defaultLimits, Trail: &Trail{RetentionDays: 365, ObjectLockDays: 30},
		Ledger: &Ledger{LockDays: 30},
	}, c); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestConfig(t *testing.T) {
	c, err := Parse("c.yaml", []byte(`
# comments and empty sections are fine
account: 012345678901
region: ap-southeast-2
architecture: amd64
trail:
  existing: false
  kms: true
  retentionDays: 30
  objectLockDays: 20
  dataEvents:
    - type: AWS::S3::Object
      arns: ["arn:aws:s3:::b/"]
alerts:
  emails:
    - a@example.com
    - b+c@example.co.uk
  critical:
    emails: [pager@example.com]
logRetentionDays: 7
runRetentionDays: 3650
ledger: {lockDays: 3650}
limits: {account: 12, resource: 1}
modules:
  # nothing yet
exemptions:
  - module: alpha-acts
    resource: "007"
    owner: ann
    reason: >
      it is
      folded
    expires: 2027-01-31
`), configtest.Modules(), Place{}, configtest.Now)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Modules) != 4 {
		t.Errorf("%d modules, want all 4", len(c.Modules))
	}
	c.Modules = nil
	if diff := cmp.Diff(&Config{
		Account: "012345678901", Region: "ap-southeast-2", Architecture: "amd64",
		Trail: &Trail{
			KMS: true, RetentionDays: 30, ObjectLockDays: 20,
			DataEvents: []DataEvents{{Type: "AWS::S3::Object", ARNs: []string{"arn:aws:s3:::b/"}}},
		},
		Emails:           []string{"a@example.com", "b+c@example.co.uk"},
		CriticalEmails:   []string{"pager@example.com"},
		LogRetentionDays: 7, RunRetentionDays: 3650, Ledger: &Ledger{LockDays: 3650},
		Limits: remediations.Limits{Module: 100, Account: 12, Principal: 100, Resource: 1},
		Exemptions: []remediations.Exemption{{
			Module: "alpha-acts", Resource: "007", Owner: "ann", Reason: "it is folded",
			Expires: time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC),
		}},
	}, c); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestConfigErrors(t *testing.T) {
	const ok = "trail: {existing: true}\n"
	const keys = "account, region, architecture, trail, alerts, logRetentionDays, runRetentionDays, ledger, tracing, limits, settings, modules"
	for _, test := range []struct{ name, config, want string }{
		{"empty file", "", "c.yaml:1:1: the configuration needs trail"},
		{"only comments", "# nothing\n", "c.yaml:1:1: the configuration needs trail"},
		{"not a mapping", "- a\n", "c.yaml:1:1: want a mapping with the keys " + keys + " and exemptions, got a list"},
		{"two documents", ok + "---\n" + ok, "c.yaml:3:1: want one YAML document in the file"},
		{"unknown key", ok + "trial: 1\n", `c.yaml:2:1: unknown key "trial": want ` + keys + " or exemptions"},
		{"key twice", ok + ok, `c.yaml:2:1: mapping key "trail" already defined at [1:1]`},
		{"syntax", "trail: {existing: true\n", "c.yaml:1:8: could not find flow mapping end token '}'"},
		{"tab", "trail:\n\texisting: true\n", "c.yaml:2:1: found character '\t' that cannot start any token"},

		{"account", ok + "account: 1234\n", `c.yaml:2:10: want an account's 12 digits, got "1234"`},
		{"account type", ok + "account: [1]\n", "c.yaml:2:10: want an account's 12 digits, got a list"},
		{"region", ok + "region: Ireland\n", `c.yaml:2:9: want a Region, such as eu-west-1, got "Ireland"`},
		{"architecture", ok + "architecture: x86_64\n", `c.yaml:2:15: unknown architecture "x86_64": want arm64 or amd64`},
		{"architecture missing", ok + "architecture:\n", "c.yaml:2:15: want arm64 or amd64, got nothing"},

		{"trail empty", "trail:\n", "c.yaml:1:8: trail needs existing"},
		{"trail text", "trail: yes\n", `c.yaml:1:8: want a mapping with the keys existing, kms, retentionDays, objectLockDays and dataEvents, got the text "yes"`},
		{"existing type", "trail: {existing: yes}\n", `c.yaml:1:19: want true or false, got the text "yes"`},
		{"existing and more", "trail:\n  existing: true\n  kms: true\n", "c.yaml:3:8: want no other setting beside existing: true: a trail that exists is not changed"},
		{"trail key", "trail: {existing: false, KMS: true}\n", `c.yaml:1:26: unknown key "KMS": want existing, kms, retentionDays, objectLockDays or dataEvents`},
		{"retention", "trail: {existing: false, retentionDays: 0}\n", "c.yaml:1:41: want a whole number from 1 to 36500, got 0"},
		{"retention type", "trail: {existing: false, retentionDays: a year}\n", `c.yaml:1:41: want a whole number from 1 to 36500, got the text "a year"`},
		{"retention float", "trail: {existing: false, retentionDays: 1.5}\n", "c.yaml:1:41: want a whole number from 1 to 36500, got the number 1.5"},
		{"lock", "trail: {existing: false, retentionDays: 5, objectLockDays: 6}\n", "c.yaml:1:60: want at most retentionDays (5): a locked log can't expire"},
		{"data event type", "trail: {existing: false, dataEvents: [{type: s3}]}\n", `c.yaml:1:46: want a CloudFormation type, such as AWS::S3::Object, got "s3"`},
		{"data event without type", "trail:\n  existing: false\n  dataEvents:\n    - arns: []\n", "c.yaml:4:7: a data event needs type"},
		{"data event ARN", "trail: {existing: false, dataEvents: [{type: AWS::S3::Object, arns: [payroll]}]}\n", `c.yaml:1:70: want an ARN or its beginning, such as arn:aws:s3:::bucket/, got "payroll"`},
		{"bucket without slash", "trail: {existing: false, dataEvents: [{type: AWS::S3::Object, arns: ['arn:aws:s3:::payroll']}]}\n", "c.yaml:1:70: want a slash after the bucket's name: arn:aws:s3:::payroll/"},
		{"data events type", "trail: {existing: false, dataEvents: true}\n", "c.yaml:1:38: want a list, got true"},

		{"e-mail", ok + "alerts: {emails: [nobody]}\n", `c.yaml:2:19: want an e-mail address, such as security@example.com, got "nobody"`},
		{"e-mail with name", ok + "alerts:\n  emails:\n    - Ann <a@example.com>\n", `c.yaml:4:7: want an e-mail address, such as security@example.com, got "Ann <a@example.com>"`},
		{"e-mail type", ok + "alerts: {emails: [1]}\n", "c.yaml:2:19: want a text, got the number 1"},
		{"e-mail empty", ok + "alerts: {emails: ['']}\n", "c.yaml:2:19: want a text, got an empty one"},
		{"e-mail twice", ok + "alerts: {emails: [a@example.com, a@example.com]}\n", "c.yaml:2:34: a@example.com is there twice"},
		{"alerts key", ok + "alerts: {email: [a@example.com]}\n", `c.yaml:2:10: unknown key "email": want emails, critical, slack, teams, chatRegions or webhooks`},
		{"critical key", ok + "alerts: {critical: [a@example.com]}\n", "c.yaml:2:20: want a mapping with the keys emails, got a list"},
		{"critical e-mail", ok + "alerts: {critical: {emails: [x]}}\n", `c.yaml:2:30: want an e-mail address, such as security@example.com, got "x"`},
		{"critical e-mail twice", ok + "alerts:\n  critical: {emails: [a@example.com]}\n  emails: [a@example.com]\n",
			"c.yaml:3:23: a@example.com is told of everything already, as it is in alerts.emails"},

		{"slack", ok + "alerts: {slack: [{workspace: acme, channel: '#alerts'}]}\n", "c.yaml:2:30: want a workspace's id, such as T07EA123LEP, got \"acme\"\n" +
			"c.yaml:2:45: want a channel's id, such as C07EZ1ABC23, got \"#alerts\""},
		{"slack incomplete", ok + "alerts: {slack: [{channel: C1}]}\n", "c.yaml:2:18: a Slack channel needs workspace"},
		{"slack twice", ok + "alerts: {slack: [{workspace: T1, channel: C1}, {workspace: T1, channel: C1}]}\n", "c.yaml:2:48: channel C1 is there twice"},
		{"teams", ok + "alerts: {teams: [{tenant: acme, team: ops, channel: general}]}\n", "c.yaml:2:27: want a tenant's GUID, got \"acme\"\n" +
			"c.yaml:2:39: want a team's GUID, got \"ops\"\nc.yaml:2:53: want a channel's id as in its link, such as 19%3aab1cd2%40thread.tacv2, got \"general\""},
		{"chat Regions", ok + "alerts: {chatRegions: [Ireland, eu-west-1, eu-west-1]}\n", "c.yaml:2:24: want a Region, such as eu-west-1, got \"Ireland\"\n" +
			"c.yaml:2:44: eu-west-1 is there twice"},
		{"webhook", ok + "alerts:\n  webhooks:\n    - {name: Pager, url: 'http://x', secret: 'a b', version: 2, format: xml}\n",
			"c.yaml:4:14: want lower-case words with hyphens between them, got \"Pager\"\n" +
				"c.yaml:4:26: want an https URL without a user or a fragment, got \"http://x\"\n" +
				"c.yaml:4:46: want the name of a secret in Secrets Manager, not the secret, got \"a b\"\n" +
				"c.yaml:4:62: want the VersionId of the secret, 32 to 64 letters, digits and hyphens, got \"2\"\n" +
				"c.yaml:4:73: unknown format \"xml\": want pagerduty or json"},
		{"webhook with a user", ok + "alerts: {webhooks: [{name: a, url: 'https://u:p@x/', secret: s, format: json}]}\n",
			`c.yaml:2:36: want an https URL without a user or a fragment, got "https://u:p@x/"`},
		{"webhook without a secret", ok + "alerts: {webhooks: [{name: a, url: 'https://x/', format: json}]}\n", "c.yaml:2:21: a webhook needs secret"},
		{"webhook with a long name", ok + "alerts: {webhooks: [{name: a234567890123456789012345678901, url: 'https://x/', secret: s, format: json}]}\n",
			"c.yaml:2:28: want at most 30 characters"},
		{"webhook twice", ok + "alerts: {webhooks: [{name: a, url: 'https://x/', secret: s, format: json}, {name: a, url: 'https://y/', secret: s, format: json}]}\n",
			"c.yaml:2:76: webhook a is there twice"},

		{"log retention", ok + "logRetentionDays: 91\n", "c.yaml:2:19: want a number of days that CloudWatch Logs knows, got 91: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653"},
		{"run retention", ok + "runRetentionDays: -1\n", "c.yaml:2:19: want a whole number from 1 to 3650, got -1"},

		{"ledger text", ok + "ledger: on\n", `c.yaml:2:9: want off, or a mapping with the key lockDays, got the text "on"`},
		{"ledger type", ok + "ledger: 5\n", "c.yaml:2:9: want off, or a mapping with the key lockDays, got the number 5"},
		{"ledger false", ok + "ledger: false\n", "c.yaml:2:9: want off, or a mapping with the key lockDays, got false"},
		{"ledger key", ok + "ledger: {days: 5}\n", `c.yaml:2:10: unknown key "days": want lockDays`},
		{"ledger lock", ok + "ledger: {lockDays: 0}\n", "c.yaml:2:20: want a whole number from 1 to 3650, got 0"},
		{"ledger lock and retention", "ledger: {lockDays: 8}\n" + ok + "runRetentionDays: 7\n", "c.yaml:1:20: want at most runRetentionDays (7): a locked record can't expire"},

		{"limit", ok + "limits: {module: 0}\n", "c.yaml:2:18: want a whole number from 1 to 100000, got 0"},
		{"limit type", ok + "limits: 5\n", "c.yaml:2:9: want a mapping with the keys module, account, principal and resource, got the number 5"},
		{"limit key", ok + "limits: {hour: 5}\n", `c.yaml:2:10: unknown key "hour": want module, account, principal or resource`},

		{"module", ok + "modules: {alpha: {mode: alert}}\n", `c.yaml:2:11: unknown module "alpha": want alpha-acts, beta-acts, gamma-alerts or delta-off`},
		{"module without mode", ok + "modules: {alpha-acts: {}}\n", "c.yaml:2:23: alpha-acts needs mode"},
		{"module key", ok + "modules: {alpha-acts: {mode: alert, enabled: true}}\n", `c.yaml:2:37: unknown key "enabled": want mode, where, sweep or settings`},
		{"module as mode", ok + "modules: {alpha-acts: alert}\n", `c.yaml:2:23: want a mapping with the keys mode, where, sweep and settings, got the text "alert"`},
		{"mode", ok + "modules: {alpha-acts: {mode: act}}\n", `c.yaml:2:30: unknown mode "act": want off, observe, alert or enforce`},
		{"mode type", ok + "modules: {alpha-acts: {mode: true}}\n", "c.yaml:2:30: want off, observe, alert or enforce, got true"},
		{"no action", ok + "modules: {gamma-alerts: {mode: enforce}}\n", "c.yaml:2:32: gamma-alerts has no action to enforce: want off, observe or alert"},

		{"where", ok + "modules: {alpha-acts: {mode: alert, where: enforce}}\n", `c.yaml:2:44: want a list, got the text "enforce"`},
		{"where without mode", ok + "modules: {alpha-acts: {mode: alert, where: [{region: eu-west-1}]}}\n", "c.yaml:2:45: a place needs mode"},
		{"where without place", ok + "modules: {alpha-acts: {mode: alert, where: [{mode: enforce}]}}\n", "c.yaml:2:45: a place needs account, region or both"},
		{"where with mode only", ok + "modules: {alpha-acts: {where: [{region: eu-west-1, mode: alert}]}}\n", "c.yaml:2:23: alpha-acts needs mode"},
		{"where: mode", ok + "modules: {alpha-acts: {mode: alert, where: [{region: eu-west-1, mode: act}]}}\n", `c.yaml:2:71: unknown mode "act": want off, observe, alert or enforce`},
		{"where: no action", ok + "modules: {gamma-alerts: {mode: alert, where: [{region: eu-west-1, mode: enforce}]}}\n", "c.yaml:2:73: gamma-alerts has no action to enforce: want off, observe or alert"},
		{"where: account", ok + "modules: {alpha-acts: {mode: alert, where: [{account: prod, mode: enforce}]}}\n", `c.yaml:2:55: want an account's 12 digits, got "prod"`},
		{"where: Region", ok + "modules: {alpha-acts: {mode: alert, where: [{region: Ireland, mode: enforce}]}}\n", `c.yaml:2:54: want a Region, such as eu-west-1, got "Ireland"`},
		{"where: key", ok + "modules: {alpha-acts: {mode: alert, where: [{ou: prod, mode: enforce}]}}\n", `c.yaml:2:46: unknown key "ou": want account, region or mode`},
		{"tracing", ok + "tracing: active\n", `c.yaml:2:10: want true or false, got the text "active"`},

		{"everything at once", "architecture: arm\nalerts: {emails: [x]}\n", "c.yaml:1:1: the configuration needs trail\n" +
			`c.yaml:1:15: unknown architecture "arm": want arm64 or amd64` + "\n" +
			`c.yaml:2:19: want an e-mail address, such as security@example.com, got "x"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := Parse("c.yaml", []byte(test.config), configtest.Modules(), Place{}, configtest.Now)
			switch {
			case err == nil:
				t.Errorf("accepted: %+v", c)
			case err.Error() != test.want:
				t.Errorf("got  %s\nwant %s", err, test.want)
			}
		})
	}
}

func TestRemarks(t *testing.T) {
	const nobody = "nobody is told: name e-mail addresses in the configuration, alerts.emails, or subscribe to the topics " +
		"countermand-alerts and countermand-alerts-critical"
	for _, test := range []struct {
		text string
		want []string
	}{
		{"", []string{nobody}},
		{"alerts: {emails: [a@example.com]}\n", nil},
		{"alerts: {emails: [a@example.com]}\nlimits: {account: 100}\n", nil},
		{"alerts: {emails: [a@example.com]}\nlimits: {account: 12, module: 13}\n",
			[]string{"limits.account (12) is below limits.module (13): no module ever reaches a limit of its own, and one can use up what all have"}},
		{"region: eu-west-1\nalerts: {slack: [{workspace: T1, channel: C1}], chatRegions: [sa-east-1, eu-west-1]}\n", nil},
		{"region: eu-west-1\nalerts: {slack: [{workspace: T1, channel: C1}], chatRegions: [sa-east-1]}\n",
			[]string{nobody, "channels hear nothing of eu-west-1: add it to alerts.chatRegions, deploy it, and then sa-east-1 again"}},
	} {
		c, err := Parse("c.yaml", []byte("trail: {existing: true}\n"+test.text), nil, Place{}, configtest.Now)
		if err != nil {
			t.Errorf("%q: %v", test.text, err)
		} else if diff := cmp.Diff(test.want, c.Remarks()); diff != "" {
			t.Errorf("%q (-want +got):\n%s", test.text, diff)
		}
	}
}

func TestConfigOfTheLedger(t *testing.T) {
	for text, want := range map[string]*Ledger{
		"":                                     {LockDays: 30},
		"ledger:\n":                            {LockDays: 30},
		"ledger: {}\n":                         {LockDays: 30},
		"ledger: {lockDays: 1}\n":              {LockDays: 1},
		"runRetentionDays: 7\n":                {LockDays: 7},
		"ledger: off\n":                        nil,
		"runRetentionDays: 7\nledger: 'off'\n": nil,
	} {
		c, err := Parse("c.yaml", []byte("trail: {existing: true}\n"+text), nil, Place{}, configtest.Now)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		} else if !cmp.Equal(want, c.Ledger) {
			t.Errorf("%q: %+v, want %+v", text, c.Ledger, want)
		}
	}
}

// Some editors begin a file with a byte order mark.
func TestConfigWithByteOrderMark(t *testing.T) {
	for _, config := range []string{"trail: {existing: true}\n", "# a comment\r\ntrail: {existing: true}\r\n"} {
		if _, err := Parse("c.yaml", []byte("\ufeff"+config), nil, Place{}, configtest.Now); err != nil {
			t.Errorf("%q: %v", config, err)
		}
	}
	want := "c.yaml:1:8: trail needs existing"
	if _, err := Parse("c.yaml", []byte("\ufefftrail:\n"), nil, Place{}, configtest.Now); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// A log that is locked for longer than it is kept could not expire.
func TestLockIsNoLongerThanRetention(t *testing.T) {
	c, err := Parse("c.yaml", []byte("trail: {existing: false, retentionDays: 5}\n"), configtest.Modules(), Place{}, configtest.Now)
	if err != nil {
		t.Fatal(err)
	}
	if c.Trail.ObjectLockDays != 5 {
		t.Errorf("logs are locked for %d days, want 5", c.Trail.ObjectLockDays)
	}
}
