package config

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countermand/countermand/infra/config/configtest"
	"github.com/countermand/countermand/remediations"
)

func TestSettings(t *testing.T) {
	const modules = "modules:\n  alpha-acts: "
	for _, c := range []struct {
		name, text string
		want       configtest.HouseSettings
	}{
		{"none", "", configtest.HouseSettings{TrustedAccounts: []remediations.AccountID{"111122223333"}, Doors: 1}},
		{"a module that is not named", "settings: {doors: 2}\n", configtest.HouseSettings{TrustedAccounts: []remediations.AccountID{"111122223333"}, Doors: 2}},
		{"its own", modules + "{mode: alert, settings: {trustedAccounts: [444455556666, '012345678901'], doors: 4, shut: true, owner: ann}}\n",
			configtest.HouseSettings{TrustedAccounts: []remediations.AccountID{"444455556666", "012345678901"}, Doors: 4, Shut: true, Owner: "ann"}},
		{"of all, and its own", "settings: {doors: 5, owner: bob}\n" + modules + "{mode: alert, settings: {owner: ann}}\n",
			configtest.HouseSettings{TrustedAccounts: []remediations.AccountID{"111122223333"}, Doors: 5, Owner: "ann"}},
		{"an empty text", modules + "{mode: alert, settings: {owner: \"\"}}\n", configtest.HouseSettings{TrustedAccounts: []remediations.AccountID{"111122223333"}, Doors: 1}},
		{"an empty list", modules + "{mode: alert, settings: {trustedAccounts: []}}\n", configtest.HouseSettings{TrustedAccounts: []remediations.AccountID{}, Doors: 1}},
	} {
		config, err := Parse("c.yaml", []byte("trail: {existing: true}\n"+c.text), configtest.Modules(), Place{}, configtest.Now)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		i := slices.IndexFunc(config.Modules, func(m Enabled) bool { return m.Name == "alpha-acts" })
		if diff := cmp.Diff(any(c.want), config.Modules[i].Settings); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestSettingsAndSweepsThatAreWrong(t *testing.T) {
	for text, want := range map[string]string{
		"settings: {windows: 2}":                                  `c.yaml:2:12: unknown setting "windows": want trustedAccounts, doors, shut or owner`,
		"settings: {doors: two}":                                  `c.yaml:2:19: want a whole number from 0 to 2147483647, got the text "two"`,
		"settings: {doors: 0}":                                    `c.yaml:2:19: alpha-acts: a house needs a door`,
		"modules: {alpha-acts: {mode: off, settings: {shut: 1}}}": `c.yaml:2:52: want true or false, got the number 1`,
		"modules: {alpha-acts: {mode: alert, settings: {trustedAccounts: [12]}}}":         `c.yaml:2:66: want an account's 12 digits, got "12"`,
		"modules: {alpha-acts: {mode: alert, settings: {trustedAccounts: 12}}}":           `c.yaml:2:65: want a list, got the number 12`,
		"modules: {alpha-acts: {mode: alert, settings: {trustedAccounts: [[]]}}}":         `c.yaml:2:66: want a text, got a list`,
		"modules: {alpha-acts: {mode: alert, settings: 3}}":                               `c.yaml:2:47: want a mapping with the keys trustedAccounts, doors, shut and owner, got the number 3`,
		"modules: {beta-acts: {mode: alert, settings: {}}}":                               `c.yaml:2:46: beta-acts has no settings`,
		"modules: {beta-acts: {mode: alert, sweep: off}}":                                 `c.yaml:2:43: beta-acts has no sweep`,
		"modules: {alpha-acts: {mode: alert, sweep: enforce}}":                            `c.yaml:2:44: a sweep goes no further than its module, whose mode is alert`,
		"modules: {alpha-acts: {mode: alert, sweep: on}}":                                 `c.yaml:2:44: unknown mode "on": want off, observe, alert or enforce`,
		"modules: {alpha-acts: {sweep: observe}}":                                         `c.yaml:2:23: alpha-acts needs mode`,
		"settings: {doors: 0, owner: ann}":                                                `c.yaml:2:19: alpha-acts: a house needs a door`,
		"settings: {doors: x}\nmodules: {alpha-acts: {mode: alert, settings: {shut: x}}}": "c.yaml:2:19: want a whole number from 0 to 2147483647, got the text \"x\"\nc.yaml:3:54: want true or false, got the text \"x\"",
	} {
		_, err := Parse("c.yaml", []byte("trail: {existing: true}\n"+text+"\n"), configtest.Modules(), Place{}, configtest.Now)
		if err == nil || err.Error() != want {
			t.Errorf("%s:\ngot  %v\nwant %s", text, err, want)
		}
	}
}

func TestHowFarASweepGoes(t *testing.T) {
	for text, want := range map[string]string{
		"":                                "observe", // the module's own mode
		"{mode: alert}":                   "alert",
		"{mode: enforce}":                 "alert",
		"{mode: enforce, sweep: off}":     "none",
		"{mode: enforce, sweep: enforce}": "enforce",
		"{mode: alert, sweep: observe}":   "observe",
		"{mode: alert, sweep: enforce, where: [{region: eu-west-3, mode: enforce}]}": "alert",
		"{mode: off, sweep: enforce, where: [{region: eu-west-1, mode: enforce}]}":   "enforce",
	} {
		if text != "" {
			text = "modules: {alpha-acts: " + text + "}\n"
		}
		c, err := Parse("c.yaml", []byte("trail: {existing: true}\n"+text), configtest.Modules(), Place{Region: "eu-west-1"}, configtest.Now)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got := "none"
		if i := slices.IndexFunc(c.Modules, func(m Enabled) bool { return m.Name == "alpha-acts" }); c.Modules[i].Swept {
			got = c.Modules[i].Sweep.String()
		}
		if got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// TestGlobalModules are deployed only where their events are heard of, and where that is not known.
func TestGlobalModules(t *testing.T) {
	modules := configtest.Modules()
	modules[2].Global = true // gamma-alerts
	for region, there := range map[string]bool{"us-east-1": true, "eu-west-1": false, "us-gov-west-1": true, "us-gov-east-1": false, "cn-north-1": true, "us-iso-east-1": true, "": true} {
		c, err := Parse("c.yaml", []byte("trail: {existing: true}\nalerts: {emails: [a@example.com]}\n"), modules, Place{Region: region}, configtest.Now)
		if err != nil {
			t.Fatal(err)
		}
		got := slices.ContainsFunc(c.Modules, func(m Enabled) bool { return m.Name == "gamma-alerts" })
		if got != there || c.Region != region {
			t.Errorf("%s: deployed %t, bound to %q", region, got, c.Region)
		}
		if said := strings.Contains(fmt.Sprint(c.Remarks()), "gamma-alerts: left out here"); said == there {
			t.Errorf("%s: remarks %v", region, c.Remarks())
		}
	}
}

// What is said for all modules is wrong once, however many read it.
func TestSettingsOfManyThatAreWrong(t *testing.T) {
	modules := configtest.Modules()
	modules[1].Settings = modules[0].Settings
	_, err := Parse("c.yaml", []byte("trail: {existing: true}\nsettings: {doors: two}\n"), modules, Place{}, configtest.Now)
	if want := `c.yaml:2:19: want a whole number from 0 to 2147483647, got the text "two"`; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
