package main

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
)

func environment(without string) func(string) string {
	env := map[string]string{
		"COUNTERMAND_TABLE":          "countermand-runs",
		"COUNTERMAND_TOPIC":          "arn:aws:sns:eu-west-1:111122223333:countermand-alerts",
		"COUNTERMAND_CRITICAL_TOPIC": "arn:aws:sns:eu-west-1:111122223333:countermand-alerts-critical",
		"COUNTERMAND_MODULES":        "door-open,window-open",
	}
	delete(env, without)
	return func(name string) string { return env[name] }
}

func TestBuild(t *testing.T) {
	s, err := build(t.Context(), environment(""))
	if err != nil || !slices.Equal(s.Modules, []string{"door-open", "window-open"}) || s.Store == nil || s.Alert == nil || s.Now == nil {
		t.Errorf("%+v (%v)", s, err)
	}
	for _, name := range []string{"COUNTERMAND_TABLE", "COUNTERMAND_TOPIC", "COUNTERMAND_CRITICAL_TOPIC", "COUNTERMAND_MODULES"} {
		if _, err := build(t.Context(), environment(name)); err == nil || !strings.Contains(err.Error(), name+" is not set") {
			t.Errorf("without %s: error %v", name, err)
		}
	}
}

// A function that can't work must say so: that is what rings the alarm.
func TestHandleFails(t *testing.T) {
	broken := errors.New("environment: COUNTERMAND_TABLE is not set")
	if err := (&handler{broken: broken, log: slog.New(slog.DiscardHandler)}).handle(t.Context()); !errors.Is(err, broken) {
		t.Errorf("not configured: error %v", err)
	}
}
