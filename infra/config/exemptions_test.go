package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/infra/config/configtest"
	"github.com/countermand/countermand/remediations"
)

func TestExemptions(t *testing.T) {
	c, err := Parse("c.yaml", []byte(`
trail: {existing: true}
exemptions:
  - module: all
    resource: arn:aws:s3:::public-assets-*
    account: 011122223333
    principal: arn:aws:iam::111122223333:role/Deployer*
    tag: public=approved
    owner: web team
    reason: the marketing site
    expires: 2027-03-01
  - {module: alpha-acts, account: "111122223333", owner: o, reason: r, expires: 2020-01-01}
`), configtest.Modules(), Place{}, configtest.Now)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]remediations.Exemption{
		{
			Module: "all", Resource: "arn:aws:s3:::public-assets-*", Account: "011122223333", Principal: "arn:aws:iam::111122223333:role/Deployer*",
			Tag: "public=approved", Owner: "web team", Reason: "the marketing site", Expires: time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC),
		},
		{Module: "alpha-acts", Account: "111122223333", Owner: "o", Reason: "r", Expires: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)},
	}, c.Exemptions); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestExemptionErrors(t *testing.T) {
	const modules = "all, alpha-acts, beta-acts, gamma-alerts or delta-off"
	const who = "want the ARN of a role or user, such as arn:aws:iam::111122223333:role/Deployer*"
	one := func(fields string) string { return "exemptions: [{" + fields + "}]\n" }
	// with is an exemption by one more field.
	with := func(field string) string {
		return one("module: alpha-acts, owner: o, reason: r, expires: 2027-01-01, " + field)
	}
	for _, test := range []struct{ name, config, want string }{
		{"incomplete", "exemptions:\n  - module: alpha-acts\n    resource: r\n", "c.yaml:3:5: an exemption needs owner\nc.yaml:3:5: an exemption needs reason\nc.yaml:3:5: an exemption needs expires"},
		{"module", one("module: alpha, resource: r, owner: o, reason: r, expires: 2027-01-01"), `c.yaml:2:23: unknown module "alpha": want ` + modules},
		{"date", one("module: alpha-acts, resource: r, owner: o, reason: r, expires: 2027-02-29"), `c.yaml:2:78: want a date, such as 2027-01-31, got "2027-02-29"`},
		{"date type", one("module: alpha-acts, resource: r, owner: o, reason: r, expires: 2027"), "c.yaml:2:78: want a text, got the number 2027"},
		{"too far ahead", one("module: alpha-acts, resource: r, owner: o, reason: r, expires: 2027-07-07"), "c.yaml:2:78: want a date at most 400 days ahead, until 2027-07-06, got 2027-07-07: an exemption is looked at again once a year"},
		{"key", with("resource: r, until: x"), `c.yaml:2:90: unknown key "until": want module, resource, account, principal, tag, owner, reason or expires`},
		{"of everything", one("module: alpha-acts, owner: o, reason: r, expires: 2027-01-01"), "c.yaml:2:14: an exemption needs a resource, account, principal or tag; to exempt everything, set the module's mode: off"},
		{"of every bucket", with("resource: 'arn:aws:s3:::*'"), "c.yaml:2:14: an exemption needs more than the resource arn:aws:s3:::*; to exempt everything, set the module's mode: off"},
		{"twice", "exemptions:\n" + strings.Repeat("  - {module: alpha-acts, resource: r, owner: o, reason: r, expires: 2027-01-01}\n", 2), "c.yaml:4:5: the exemption of resource r from alpha-acts is there already, in line 3"},
		{"alias", one("module: &a alpha-acts, resource: r, owner: o, reason: r, expires: 2027-01-01"), "c.yaml:2:23: want " + modules + ", got YAML's anchor, which is not supported here"},
		{"no list", "exemptions: {module: all}\n", "c.yaml:2:13: want a list, got a mapping"},

		{"resource type", with("resource: 7"), "c.yaml:2:87: want a text, got the number 7"},
		{"resource empty", with("resource: ''"), "c.yaml:2:87: want a text, got an empty one"},
		{"id with a star", with("resource: 'logs-*'"), `c.yaml:2:87: want an ARN, such as arn:aws:s3:::public-*, or a resource's id exactly as alerts show it, got "logs-*"`},
		{"pattern of one letter", with("resource: 'log?'"), `c.yaml:2:87: want * for any run of characters, got "log?": there is no wildcard for a single character`},
		{"ARN with a Region", with("resource: 'arn:aws:s3:eu-west-1::logs'"), `c.yaml:2:87: "arn:aws:s3:eu-west-1::logs" matches no resource: its Region does not match arn:${Partition}:s3:::${Name}`},
		{"ARN of an object", with("resource: 'arn:aws:s3:::logs/*'"), `c.yaml:2:87: "arn:aws:s3:::logs/*" matches no resource: its resource does not match arn:${Partition}:s3:::${Name}`},
		{"account", with("account: 1234"), `c.yaml:2:86: want an account's 12 digits, got "1234"`},
		{"account pattern", with("account: '11112222*'"), `c.yaml:2:86: want an account's 12 digits, got "11112222*"`},
		{"principal", with("principal: Deployer"), `c.yaml:2:88: ` + who + `, got "Deployer"`},
		{"principal of any account", with("principal: 'arn:aws:iam::*:role/x'"), `c.yaml:2:88: ` + who + `; the account of "arn:aws:iam::*:role/x" is wrong: want 12 digits, as a role of any name can be made in another account`},
		{"tag", with("tag: public"), `c.yaml:2:82: want key=value exactly, such as public=approved, got "public": tags take no patterns`},
		{"ARN of another account", with("account: '111122223333', resource: 'arn:aws:ec2:*:444455556666:instance/i-0'"), "c.yaml:2:14: the exemption can never match: arn:aws:ec2:*:444455556666:instance/i-0 is not in account 111122223333"},
		{"two at once", with("tag: public, resource: 'log?'"), `c.yaml:2:82: want key=value exactly, such as public=approved, got "public": tags take no patterns` + "\n" +
			`c.yaml:2:100: want * for any run of characters, got "log?": there is no wildcard for a single character`},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := Parse("c.yaml", []byte("trail: {existing: true}\n"+test.config), configtest.Modules(), Place{}, configtest.Now)
			switch {
			case err == nil:
				t.Errorf("accepted: %+v", c.Exemptions)
			case err.Error() != test.want:
				t.Errorf("got  %s\nwant %s", err, test.want)
			}
		})
	}
}

// The longest exemption, and two that differ in a part only, are fine.
func TestExemptionsThatAreFine(t *testing.T) {
	for _, config := range []string{
		"[{module: alpha-acts, resource: r, owner: o, reason: r, expires: 2027-07-06}]",
		"[{module: alpha-acts, resource: r, owner: o, reason: r, expires: 2027-01-01}, {module: beta-acts, resource: r, owner: o, reason: r, expires: 2027-01-01}]",
		"[{module: all, resource: r, owner: o, reason: r, expires: 2027-01-01}, {module: all, resource: r, tag: a=b, owner: o, reason: r, expires: 2027-01-01}]",
	} {
		if _, err := Parse("c.yaml", []byte("trail: {existing: true}\nexemptions: "+config), configtest.Modules(), Place{}, configtest.Now); err != nil {
			t.Error(err)
		}
	}
}

func TestNotices(t *testing.T) {
	c, err := Parse("c.yaml", []byte(`
trail: {existing: true}
account: "111122223333"
modules:
  beta-acts: {mode: observe}
  delta-off: {mode: off}
exemptions:
  - {module: alpha-acts, resource: over, owner: o, reason: r, expires: 2026-05-31}
  - {module: alpha-acts, resource: over-now, owner: o, reason: r, expires: 2026-06-01}
  - {module: beta-acts, resource: counts, owner: o, reason: r, expires: 2026-06-16}
  - {module: beta-acts, resource: ends, owner: o, reason: r, expires: 2026-06-15}
  - {module: all, tag: a=b, account: "111122223333", owner: web team, reason: r, expires: 2026-06-02}
  - {module: delta-off, resource: asleep, owner: o, reason: r, expires: 2026-06-02}
  - {module: delta-off, resource: both, owner: o, reason: r, expires: 2026-01-01}
  - {module: alpha-acts, account: "444455556666", owner: o, reason: r, expires: 2027-01-01}
  - {module: alpha-acts, account: "111122223333", owner: o, reason: r, expires: 2027-01-01}
`), configtest.Modules(), Place{}, configtest.Now)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{
		"the exemption of resource over from alpha-acts ended on 2026-05-31: delete it, or give it another day",
		"the exemption of resource over-now from alpha-acts ended on 2026-06-01: delete it, or give it another day",
		"the exemption of resource ends from beta-acts (o) counts until 2026-06-15, 14 days left: delete it, or give it another day",
		"the exemption of account 111122223333, tag a=b from all (web team) counts until 2026-06-02, 1 day left: delete it, or give it another day",
		"the exemption of resource asleep from delta-off does nothing: the module is off",
		"the exemption of resource both from delta-off does nothing: the module is off",
		"the exemption of account 444455556666 from alpha-acts is one of another account than 111122223333, where this is deployed to: only an organisation's trail can match it",
		"the exemption of account 111122223333 from alpha-acts is one of every resource there is in the account: mode: off says that as well, and is seen",
	}, c.Notices(configtest.Now)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestAlertsExemptionIsOneThatIsTaken feeds the text that an alert asks its reader to put into the configuration
// to its reader, from the engine's own golden files.
func TestAlertsExemptionIsOneThatIsTaken(t *testing.T) {
	files, err := filepath.Glob("../../remediations/engine/testdata/alert-*.golden")
	if err != nil {
		t.Fatal(err)
	}
	door := *configtest.Modules()[0]
	door.Name = "door-open"
	exempted := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, rest, found := strings.Cut(string(text), "\n  In countermand.yaml, then deploy:\n")
		if !found {
			continue
		}
		block, _, _ := strings.Cut(rest, "\n\n")
		yaml := "trail: {existing: true}\n" + strings.ReplaceAll("\n"+block, "\n  ", "\n") + "\n"
		c, err := Parse(filepath.Base(file), []byte(yaml), []*remediations.Module{&door}, Place{}, time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))
		if err != nil {
			t.Errorf("%v in\n%s", err, yaml)
			continue
		}
		for _, x := range c.Exemptions {
			id := x.Resource
			exempted[id] = true
			trail := remediations.Resource{ID: id, Type: "AWS::CloudTrail::Trail", Account: "111122223333", Region: "eu-west-1"}
			if covers, err := x.Covers("door-open", trail, events.Identity{}, configtest.Now.AddDate(0, 0, -1)); err != nil || !covers {
				t.Errorf("%s: %s does not cover what it was written for: %v", file, x, err)
			}
		}
	}
	if !exempted["front"] || !exempted["arn:aws:cloudtrail:eu-west-1:111122223333:trail/front"] || len(exempted) != 2 {
		t.Errorf("exempted were %v, want an id and an ARN", exempted)
	}
}
