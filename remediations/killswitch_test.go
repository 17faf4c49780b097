package remediations_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countermand/countermand/remediations"
)

func TestSwitchLowersAndNeverRaises(t *testing.T) {
	observe, alert, enforce := remediations.Observe, remediations.Alert, remediations.Enforce
	s := remediations.Switch{"all": {Mode: alert}, "s3": {Mode: observe}, "ec2": {Mode: enforce}}
	for _, c := range []struct {
		module     string
		mode, want remediations.Mode
		lowered    bool
	}{
		{"other", enforce, alert, true},
		{"other", alert, alert, false},
		{"other", observe, observe, false},
		{"s3", enforce, observe, true},
		{"s3", alert, observe, true},
		{"ec2", enforce, alert, true},
		{"ec2", observe, observe, false},
	} {
		mode, by := s.Lower(c.module, c.mode)
		if mode != c.want || (by != nil) != c.lowered || by != nil && by.Mode != mode {
			t.Errorf("%s in mode %s: %s by %v, want %s", c.module, c.mode, mode, by, c.want)
		}
	}
	if mode, by := remediations.Switch(nil).Lower("s3", enforce); mode != enforce || by != nil {
		t.Errorf("no switch lowers to %s by %v", mode, by)
	}
}

func TestSwitchComesBackAsItWas(t *testing.T) {
	for _, want := range []remediations.Switch{
		{},
		{"all": {Mode: remediations.Alert, By: "arn:aws:iam::111122223333:user/olga", Reason: "a <migration>", At: time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)}},
	} {
		text, err := want.Text()
		if err != nil {
			t.Fatal(err)
		}
		got, err := remediations.ParseSwitch(text)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", text, err, diff)
		}
	}
	if text, err := remediations.Switch(nil).Text(); text != "{}" || err != nil {
		t.Errorf("no switch is %q (%v), want {}", text, err)
	}
}

func TestParseSwitchErrors(t *testing.T) {
	const example = `want an object of strings, such as {"mode": "observe", "by": "olga", "reason": "too loud"}`
	for text, want := range map[string]string{
		``:                                     "not valid JSON: unexpected end of JSON input",
		`on`:                                   "not valid JSON: invalid character 'o' looking for beginning of value",
		`{"all": {"mode": "alert"}} {}`:        "not valid JSON: invalid character '{' after top-level value",
		`{"all": {"mode": "alert", "at": "x"}`: "not valid JSON: unexpected end of JSON input",
		`null`:                                 "want a JSON object, {} if nothing is stopped",
		`"observe"`:                            "want a JSON object, {} if nothing is stopped",
		`[]`:                                   "want a JSON object, {} if nothing is stopped",
		`{"all": "observe"}`:                   `the stop of "all": ` + example,
		`{"all": null}`:                        `the stop of "all": ` + example,
		`{"all": {"mode": 0}}`:                 `the stop of "all": ` + example,
		`{"all": {}}`:                          `the stop of "all": no mode: want observe or alert`,
		`{"all": {"mode": null}}`:              `the stop of "all": "mode" is null: want a string`,
		`{"a": {"mode": "alert"}, "all": {"mode": "stopp"}}`: `the stop of "all": unknown mode "stopp" of a stop: want observe or alert`,
		`{"all": {"mode": "off"}}`:                           `the stop of "all": unknown mode "off" of a stop: want observe or alert`,
		`{"all": {"mode": "enforce"}}`:                       `the stop of "all": unknown mode "enforce" of a stop: want observe or alert`,
		`{"all": {"Mode": "alert"}}`:                         `the stop of "all": unknown field "Mode": want mode, by, reason and at`,
		`{"all": {"mode": "alert", "m": "1"}}`:               `the stop of "all": unknown field "m": want mode, by, reason and at`,
		`{"all": {"mode": "alert", "at": "x"}}`:              `the stop of "all": "at" is "x": want a time such as 2026-11-21T10:00:00Z`,
	} {
		if s, err := remediations.ParseSwitch(text); err == nil || s != nil || err.Error() != "read the kill switch: "+want {
			t.Errorf("%s: %v, %v, want the error %q", text, s, err, want)
		}
	}
}
