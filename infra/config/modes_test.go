package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countermand/countermand/infra/config/configtest"
)

// staged is a module that enforces in one account but for one of its Regions, is off in a Region otherwise, and alerts.
const staged = `trail: {existing: true}
modules:
  alpha-acts:
    mode: alert
    where:
      - {account: "111122223333", region: us-east-1, mode: observe}
      - {account: "111122223333", mode: enforce}
      - {region: eu-west-3, mode: off}
  beta-acts: {mode: off, where: [{region: eu-west-3, mode: enforce}]}
`

func TestModesByPlace(t *testing.T) {
	const prod, dev = "111122223333", "444455556666"
	const account = ":9: the mode depends on the account, and none is known: name it in this file (account), or call the CDK with credentials for it"
	const region = ":9: the mode depends on the Region, and none is known: name it in this file (region), or set AWS_REGION"
	for _, test := range []struct {
		file        string // what it says of the place
		here, bound Place
		alpha, beta string // off, a mode, or empty with an error
		err         string
	}{
		{here: Place{prod, "eu-west-1"}, alpha: "enforce", beta: "off"},
		{here: Place{prod, "us-east-1"}, alpha: "observe", beta: "off"},
		{here: Place{prod, "eu-west-3"}, alpha: "enforce", beta: "enforce"},
		{here: Place{dev, "us-east-1"}, alpha: "alert", beta: "off"},
		{here: Place{dev, "eu-west-3"}, alpha: "off", beta: "enforce"},
		{file: "account: " + prod, here: Place{dev, "us-east-1"}, bound: Place{prod, "us-east-1"}, alpha: "observe", beta: "off"},
		{file: "region: us-east-1", here: Place{prod, "eu-west-3"}, bound: Place{prod, "us-east-1"}, alpha: "observe", beta: "off"},
		{here: Place{"", "us-east-1"}, err: "c.yaml:7" + account},
		{here: Place{"", "eu-west-1"}, err: "c.yaml:8" + account},
		{here: Place{prod, ""}, err: "c.yaml:7" + region + "\nc.yaml:10:34" + strings.TrimPrefix(region, ":9")},
		{here: Place{dev, ""}, err: "c.yaml:9" + region + "\nc.yaml:10:34" + strings.TrimPrefix(region, ":9")},
	} {
		// The first line is kept, so that places in the file are those of staged but for one line.
		c, err := Parse("c.yaml", []byte(test.file+"\n"+staged), configtest.Modules(), test.here, configtest.Now)
		if err != nil || test.err != "" {
			if err == nil || err.Error() != test.err {
				t.Errorf("%+v:\ngot  %v\nwant %s", test.here, err, test.err)
			}
			continue
		}
		got := map[string]string{"alpha-acts": off, "beta-acts": off}
		for _, m := range c.Modules {
			got[m.Name] = m.Mode.String()
		}
		want := map[string]string{"alpha-acts": test.alpha, "beta-acts": test.beta, "gamma-alerts": "observe", "delta-off": "observe"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s in %+v (-want +got):\n%s", test.file, test.here, diff)
		}
		if test.bound == (Place{}) {
			test.bound = test.here
		}
		if bound := (Place{c.Account, c.Region}); bound != test.bound {
			t.Errorf("%s in %+v: bound to %+v", test.file, test.here, bound)
		}
	}
}

// What is the same everywhere can be deployed anywhere.
func TestModesByPlaceBindNoMoreThanTheyMust(t *testing.T) {
	for where, want := range map[string]Place{
		"": {}, "{account: 444455556666, mode: off}": {Account: "111122223333"}, "{region: us-east-1, mode: off}": {Region: "eu-west-1"},
	} {
		c, err := Parse("c.yaml", []byte("trail: {existing: true}\nmodules: {alpha-acts: {mode: alert, where: ["+where+"]}}"),
			configtest.Modules(), Place{"111122223333", "eu-west-1"}, configtest.Now)
		if err != nil {
			t.Fatal(err)
		}
		if got := (Place{c.Account, c.Region}); got != want {
			t.Errorf("%s: bound to %+v, want %+v", where, got, want)
		}
	}
}

func TestPlacesThatNeverCount(t *testing.T) {
	const a, r, both = "{account: 111122223333, mode: alert}", "{region: eu-west-1, mode: alert}", "{account: 111122223333, region: eu-west-1, mode: off}"
	for _, test := range []struct {
		places []string
		never  bool
	}{
		{[]string{a, r}, false}, {[]string{both, a}, false}, {[]string{both, r}, false}, {[]string{r, a, both}, true},
		{[]string{a, both}, true}, {[]string{r, both}, true}, {[]string{a, r, a}, true}, {[]string{both, r, both}, true},
	} {
		text := "trail: {existing: true}\nmodules:\n  alpha-acts:\n    mode: alert\n    where:\n    - " + strings.Join(test.places, "\n    - ") + "\n"
		_, err := Parse("c.yaml", []byte(text), configtest.Modules(), Place{"111122223333", "eu-west-1"}, configtest.Now)
		if test.never != (err != nil) || test.never && !strings.Contains(err.Error(), "this never counts: what line 6 says comes first") {
			t.Errorf("%v: %v", test.places, err)
		}
	}
}
