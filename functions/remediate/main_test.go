package main

import (
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3control"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/modules"
)

// environment is one that is right; changes are put over it, and an empty value takes a variable out.
func environment(changes map[string]string) func(string) string {
	env := map[string]string{
		"COUNTERMAND_MODULE":         modules.All()[0].Name,
		"COUNTERMAND_MODE":           "enforce",
		"COUNTERMAND_ACCOUNT":        "111122223333",
		"COUNTERMAND_TABLE":          "countermand-runs",
		"COUNTERMAND_TOPIC":          "arn:aws:sns:eu-west-1:111122223333:countermand-alerts",
		"COUNTERMAND_CRITICAL_TOPIC": "arn:aws:sns:eu-west-1:111122223333:countermand-alerts-critical",
		"COUNTERMAND_SWITCH":         "/countermand/mode",
		"COUNTERMAND_RETENTION_DAYS": "400",
		"COUNTERMAND_SETTINGS":       "{}",
		"COUNTERMAND_SWEEP":          "alert",
		"COUNTERMAND_LIMITS":         `{"module":4,"account":3,"principal":2,"resource":1}`,
	}
	maps.Copy(env, changes)
	return func(name string) string { return env[name] }
}

func TestBuildReadsTheEnvironment(t *testing.T) {
	for _, m := range modules.All() {
		exemption := remediations.Exemption{Module: m.Name, Resource: "ledger", Tag: "public=approved", Owner: "web", Reason: "a website", Expires: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)}
		text, err := json.Marshal([]remediations.Exemption{exemption})
		if err != nil {
			t.Fatal(err)
		}
		e, err := build(t.Context(), environment(map[string]string{"COUNTERMAND_MODULE": m.Name, "COUNTERMAND_EXEMPTIONS": string(text)}), slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(e.Settings, m.Settings) && m.Settings != nil || e.Sweep != remediations.Alert {
			t.Errorf("%s: settings %v, sweep %s", m.Name, e.Settings, e.Sweep)
		}
		if e.Module != m || e.Mode != remediations.Enforce || e.Account != "111122223333" || e.Retention != 400*24*time.Hour ||
			e.Limits != (remediations.Limits{Module: 4, Account: 3, Principal: 2, Resource: 1}) || len(e.Exemptions) != 1 || e.Exemptions[0] != exemption {
			t.Errorf("%s: %+v", m.Name, e.Config)
		}
	}
}

func TestBuildRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		changes map[string]string
		want    []string
	}{
		"an unknown module":  {map[string]string{"COUNTERMAND_MODULE": "s3-pubic-policy"}, []string{`unknown module "s3-pubic-policy": want one of`, modules.All()[0].Name}},
		"an unknown mode":    {map[string]string{"COUNTERMAND_MODE": "Enforce"}, []string{`unknown mode "Enforce": want observe, alert, enforce`}},
		"nothing at all":     {map[string]string{"COUNTERMAND_MODULE": "", "COUNTERMAND_MODE": "", "COUNTERMAND_ACCOUNT": "", "COUNTERMAND_TABLE": "", "COUNTERMAND_TOPIC": "", "COUNTERMAND_CRITICAL_TOPIC": "", "COUNTERMAND_SWITCH": "", "COUNTERMAND_RETENTION_DAYS": ""}, []string{"MODULE is not set", "MODE is not set", "ACCOUNT is not set", "TABLE is not set", "TOPIC is not set", "CRITICAL_TOPIC is not set", "SWITCH is not set", "RETENTION_DAYS is not set"}},
		"no limits":          {map[string]string{"COUNTERMAND_LIMITS": ""}, []string{"LIMITS is not set"}},
		"an unknown sweep":   {map[string]string{"COUNTERMAND_SWEEP": "often"}, []string{"COUNTERMAND_SWEEP", `unknown mode "often"`}},
		"torn limits":        {map[string]string{"COUNTERMAND_LIMITS": `{"module":`}, []string{"COUNTERMAND_LIMITS"}},
		"a limit of nothing": {map[string]string{"COUNTERMAND_LIMITS": `{"module":1}`}, []string{`the limit "account" is 0`}},
		"a retention of 0":   {map[string]string{"COUNTERMAND_RETENTION_DAYS": "0"}, []string{"not a number of days"}},
		"a torn exemption":   {map[string]string{"COUNTERMAND_EXEMPTIONS": `[{"module":`}, []string{"COUNTERMAND_EXEMPTIONS"}},
		"no exemption":       {map[string]string{"COUNTERMAND_EXEMPTIONS": `[{"module":"all","expires":"2026-06-01T00:00:00Z"}]`}, []string{"an exemption needs a resource"}},
		"a broken exemption": {map[string]string{"COUNTERMAND_EXEMPTIONS": `[{"expires":"soon"}]`}, []string{"COUNTERMAND_EXEMPTIONS"}},
	} {
		_, err := build(t.Context(), environment(c.changes), slog.New(slog.DiscardHandler))
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, want %q", name, err, want)
			}
		}
	}
}

// An event that is not dealt with must be an error: that is what takes it to the failure queue.
func TestInvokeFailsRatherThanLosesAnEvent(t *testing.T) {
	broken := errors.New("environment: COUNTERMAND_MODULE is not set")
	if _, err := (&handler{broken: broken}).Invoke(t.Context(), []byte(`{}`)); !errors.Is(err, broken) {
		t.Errorf("not configured: error %v", err)
	}
	e, err := build(t.Context(), environment(nil), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range []string{``, `{`, `{"detail":{}}`, `{"source":"my.app","detail":{"eventSource":"s3.amazonaws.com"}}`} {
		if _, err := (&handler{engine: e}).Invoke(t.Context(), []byte(event)); err == nil {
			t.Errorf("%q: no error", event)
		}
	}
}

func TestS3ControlStaysOnTheCustomEndpoint(t *testing.T) {
	var paths []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		paths = append(paths, r.URL.Path+" "+r.Header.Get("X-Amz-Account-Id"))
		w.WriteHeader(http.StatusNotFound)
	}))
	defer server.Close()
	t.Setenv("AWS_ENDPOINT_URL", server.URL)
	t.Setenv("AWS_REGION", "eu-west-1")
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	e, err := build(t.Context(), environment(nil), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = s3control.NewFromConfig(e.AWS).GetPublicAccessBlock(t.Context(), &s3control.GetPublicAccessBlockInput{AccountId: aws.String("111122223333")})
	_, _ = s3.NewFromConfig(e.AWS).GetPublicAccessBlock(t.Context(), &s3.GetPublicAccessBlockInput{Bucket: aws.String("ledger")})
	want := []string{"/v20180820/configuration/publicAccessBlock 111122223333", "/ledger "}
	if len(paths) != 2 || paths[0] != want[0] || strings.TrimSuffix(paths[1], "/") != strings.TrimSuffix(want[1], "/") {
		t.Errorf("requests %q, want %q", paths, want)
	}
}
