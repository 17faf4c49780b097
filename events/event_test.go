package events

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

const envelope = `{"version":"0","id":"6c5e1c0e-8b7c-4d9e-9a53-0f6d6f1f6f01","detail-type":"AWS API Call via CloudTrail","source":"aws.s3",
	"account":"111122223333","time":"2026-03-01T10:00:00Z","region":"eu-west-1","resources":[],"replay-name":"march",
	"detail":{"eventSource":"s3.amazonaws.com","eventName":"PutBucketPolicy","awsRegion":"eu-west-1","recipientAccountId":"111122223333",
	"eventID":"0e2f3f0a-52a3-4c5e-bb6f-0a4f6c2f7d10","eventTime":"2026-03-01T10:00:00Z","readOnly":false}}`

func TestParse(t *testing.T) {
	e, err := Parse([]byte(envelope))
	if err != nil {
		t.Fatal(err)
	}
	if e.Source != "aws.s3" || e.Account != "111122223333" || e.Region != "eu-west-1" || e.ReplayName != "march" ||
		e.DetailType != "AWS API Call via CloudTrail" || !e.Time.Equal(time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)) {
		t.Errorf("envelope: %+v", e)
	}
	if e.Record.EventName != "PutBucketPolicy" || e.Key() != "0e2f3f0a-52a3-4c5e-bb6f-0a4f6c2f7d10" || e.Record.Failed() {
		t.Errorf("record: %+v", e.Record)
	}
	if err := e.Authentic(); err != nil {
		t.Error(err)
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		``:                            "malformed JSON at byte 0",
		`{"source":"aws.s3"`:          "malformed JSON at byte 18",
		envelope + `x`:                "malformed JSON",
		`null`:                        "not a JSON object",
		`"aws.s3"`:                    "not a JSON object",
		`[]`:                          "not a JSON object",
		`{}`:                          "no source",
		`{"source":7,"detail":{}}`:    "no source",
		`{"Source":"aws.s3"}`:         "no source",
		`{"source":"aws.s3"}`:         "no detail",
		`{"source":"a","detail":[]}`:  "detail: not a JSON object",
		`{"source":"a","detail":"x"}`: "detail: not a JSON object",
		strings.Replace(envelope, `"source"`, `"source":"evil","source"`, 1):               `the name "source" is there twice`,
		strings.Replace(envelope, `"region"`, `"sourc\u0065":"aws.s3","region"`, 1):        `the name "source" is there twice`,
		strings.Replace(envelope, `"detail":`, `"detail":{},"detail":`, 1):                 `the name "detail" is there twice`,
		strings.Replace(envelope, `"eventName"`, `"eventName":"GetObject","eventName"`, 1): `detail: the name "eventName" is there twice`,
		strings.Replace(envelope, `"readOnly":false`, `"x":{},"":[],"x":1`, 1):             `detail: the name "x" is there twice`,
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: error %v, want %q", text, err, want)
		}
	}
}

// What CloudTrail passes on of a request is the caller's own, and may hold a name twice.
func TestParseLeavesNestedNamesAlone(t *testing.T) {
	raw := strings.Replace(envelope, `"readOnly":false`, `"requestParameters":{"a":1,"a":2,"source":"x"},"source":"aws.s3","resources":[{"a":1,"a":2}]`, 1)
	if _, err := Parse([]byte(raw)); err != nil {
		t.Error(err)
	}
}

func TestAuthentic(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"own source", `"source":"aws.s3"`, `"source":"my.app"`, `source is "my.app"`},
		{"another service's source", `"source":"aws.s3"`, `"source":"aws.ec2"`, `source is "aws.ec2"`},
		{"the beginning of its source", `"source":"aws.s3"`, `"source":"aws.s"`, `source is "aws.s"`},
		{"no more than aws", `"source":"aws.s3"`, `"source":"aws."`, `source is "aws."`},
		{"more than its source", `"source":"aws.s3"`, `"source":"aws.s3x"`, `source is "aws.s3x"`},
		{"no eventSource", `"eventSource":"s3.amazonaws.com",`, ``, "no eventSource"},
		{"another account", `"account":"111122223333"`, `"account":"444455556666"`, "recipientAccountId"},
		{"no recipient", `"recipientAccountId":"111122223333",`, ``, "recipientAccountId"},
		{"a field in other letters", `"recipientAccountId"`, `"RecipientAccountID"`, "recipientAccountId"},
		{"another Region", `"awsRegion":"eu-west-1"`, `"awsRegion":"us-east-1"`, "awsRegion"},
		{"no Region at all", `eu-west-1`, ``, "region is"},
	} {
		e, err := Parse([]byte(strings.ReplaceAll(envelope, c.old, c.new)))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if err := e.Authentic(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}

func TestParams(t *testing.T) {
	p := Params{json.RawMessage(`{
		"s":"x","n":1.50,"b":true,"null":null,"one":["private"],"two":["a","b"],"value":{"value":"p2.xlarge"},
		"items":{"items":[{"id":"i-1"},{"id":"i-2"}]},"empty":{},"list":[1,2],"object":{"k":"v"},
		"json":"{\"Statement\":[{\"Effect\":\"Allow\"}]}","cut":"{\"Statement\":[{\"Eff"}`)}
	for path, want := range map[string]string{
		"s": "x", "n": "1.50", "b": "true", "null": "", "one": "private", "two": "", "value": "p2.xlarge",
		"empty": "", "object": "", "absent": "", "s.k": "", "object.k": "v", "json.Statement": "", "cut.Statement": "",
	} {
		if got := p.Get(strings.Split(path, ".")...).Text(); got != want {
			t.Errorf("text of %s: %q, want %q", path, got, want)
		}
	}
	for path, want := range map[string]int{
		"items": 2, "empty": 0, "null": 0, "absent": 0, "list": 2, "object": 1, "s": 1, "json.Statement": 1,
	} {
		if got := len(p.Get(strings.Split(path, ".")...).List()); got != want {
			t.Errorf("list of %s has %d elements, want %d", path, got, want)
		}
	}
	if got := p.Get("items").List()[1].Get("id").Text(); got != "i-2" {
		t.Errorf("second item: %q", got)
	}
	if (Params{}).Exists() || p.Get("null").Exists() || !p.Get("empty").Exists() {
		t.Error("only a missing value and null do not exist")
	}
}

func TestRecordIsDecodedLeniently(t *testing.T) {
	for _, text := range []string{
		`{}`,
		`{"eventTime":"Jul 10, 2023 12:23:05 PM","readOnly":"true","userIdentity":null,"requestParameters":"null","responseElements":"x"}`,
		`{"eventTime":7,"eventName":{},"userIdentity":"me","errorCode":null,"awsRegion":["eu-west-1"],"requestParameters":[]}`,
		`{"userIdentity":{"sessionContext":{"sessionIssuer":{},"attributes":{"mfaAuthenticated":true}},"arn":7}}`,
	} {
		r, err := ParseRecord([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if r.Identity.Principal() == "" || r.Identity.Name() == "" || !r.EventTime.IsZero() {
			t.Errorf("%s: %+v", text, r)
		}
	}
}

func TestWrap(t *testing.T) {
	record := `{"eventType":"AwsConsoleSignIn","eventSource":"signin.amazonaws.com","eventName":"ConsoleLogin","awsRegion":"us-east-2",
		"eventTime":"2026-03-01T10:00:00Z","eventID":"0e2f","recipientAccountId":"111122223333","userIdentity":{"accountId":"444455556666"}}`
	raw, err := Wrap([]byte(record))
	if err != nil {
		t.Fatal(err)
	}
	e, err := Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Authentic(); err != nil {
		t.Error(err)
	}
	if e.Source != "aws.signin" || e.DetailType != "AWS Console Sign In via CloudTrail" || e.Account != "111122223333" || e.Region != "us-east-2" || e.Time.IsZero() {
		t.Errorf("%+v", e)
	}
	again, err := Wrap([]byte(record))
	if err != nil || string(again) != string(raw) {
		t.Errorf("wrapped again: %s, %v", again, err)
	}
	for _, text := range []string{`{"eventName":"x"}`, `{"eventSource":"s3.amazonaws.com"}`, `[]`, `{`} {
		if raw, err := Wrap([]byte(text)); err == nil {
			t.Errorf("%s: wrapped as %s", text, raw)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(envelope))
	f.Add([]byte(`{"source":"aws.s3","detail":{"userIdentity":{"type":"AssumedRole","arn":"a/b/c"},"requestParameters":"{\"a\":[{}]}"}}`))
	f.Add([]byte(`{"source":"aws.s3","source":"evil","detail":{"a":1,"a":2}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := Parse(raw)
		if err != nil {
			return
		}
		_ = e.Authentic()
		if e.Record.Identity.Principal() == "" {
			t.Error("an identity without a principal")
		}
		for _, p := range e.Record.Request.List() {
			_, _, _ = p.Text(), p.Get("a", "b"), p.List()
		}
	})
}
