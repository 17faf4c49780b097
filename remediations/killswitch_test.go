package remediations_test

import (
	"strings"
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

func TestSwitchThatCantBeReadForCertain(t *testing.T) {
	for text, want := range map[string]string{
		``:                                     "EOF",
		`null`:                                 "want a JSON object",
		`"observe"`:                            "read the kill switch",
		`{"all": {}}`:                          "has no mode",
		`{"all": null}`:                        "has no mode",
		`{"all": {"mode": "stopp"}}`:           "unknown mode",
		`{"all": {"mode": "off"}}`:             "unknown mode",
		`{"all": {"mode": 0}}`:                 "read the kill switch",
		`{"all": {"mode": "alert", "m": 1}}`:   "unknown field",
		`{"all": {"mode": "alert"}} {}`:        "something follows",
		`{"all": {"mode": "alert", "at": "x"}`: "read the kill switch",
	} {
		if s, err := remediations.ParseSwitch(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v, want an error with %q", text, s, err, want)
		}
	}
}
