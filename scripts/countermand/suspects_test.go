package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/events/pattern"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/modules"
	"github.com/countermand/countermand/scripts/internal/logs"
)

// mayHearOfFailures is the modules that look at calls that failed, too, and why they do.
var mayHearOfFailures = map[string]string{
	"root-activity": "root that is refused something, or fails to sign in, is somebody at work as root",
}

// Every module looks at every real record, and at it as a call that failed. What it suspects can be exempted, and is
// counted; see suspectsFile.
func TestSuspectsOfRealRecords(t *testing.T) {
	files := corpus(t)
	x, err := newExplainer(modules.All())
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]*suspectCounts{}
	heard := map[string]bool{} // of failures
	sum := sha256.New()
	total := 0
	for _, file := range files {
		for _, record := range records(t, file) {
			total++
			sum.Write(record.bare)
			where := fmt.Sprintf("%s, record %d", file, record.index)
			for _, o := range opinionsOn(t, x, where, record.bare) {
				c := counts[o.module.Name]
				if c == nil {
					c = &suspectCounts{}
					counts[o.module.Name] = c
				}
				c.add(o)
				if o.err != nil {
					t.Logf("%s: %s can't tell: %v", where, o.module.Name, o.err)
				}
				for _, r := range o.resources {
					if _, err := r.ARN(); err != nil {
						t.Errorf("%s: %s suspects %s, which nobody could exempt: %v", where, o.module.Name, r, err)
					}
				}
			}
			for _, o := range opinionsOn(t, x, where, failed(t, record.bare)) {
				if o.matches && mayHearOfFailures[o.module.Name] == "" {
					t.Errorf("%s: %s looks at a call that failed: if it must, say why in mayHearOfFailures", where, o.module.Name)
				}
				heard[o.module.Name] = heard[o.module.Name] || o.matches
			}
		}
	}
	for name := range mayHearOfFailures {
		if !heard[name] {
			t.Errorf("%s looks at no call that failed, though mayHearOfFailures says that it does", name)
		}
	}
	compareSuspects(t, fmt.Sprintf("%d records, SHA-256 %.8x", total, sum.Sum(nil)), counts)
}

// opinionsOn is what every module makes of a bare record.
func opinionsOn(t *testing.T, x *explainer, where string, record []byte) []opinion {
	t.Helper()
	event, err := events.Wrap(record)
	if err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	_, opinions, err := x.opinions(logs.Entry{Event: event, Wrapped: true}, true)
	if err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	return opinions
}

// failed is a record as if its call had been denied, or its sign-in refused; as it is, if it has failed anyway.
func failed(t *testing.T, record []byte) []byte {
	t.Helper()
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(record, &fields); err != nil {
		t.Fatal(err)
	}
	switch {
	case fields["errorCode"] != nil:
		return record
	case string(fields["eventName"]) == `"ConsoleLogin"`: // it has no code
		fields["errorMessage"] = json.RawMessage(`"Failed authentication"`)
		fields["responseElements"] = json.RawMessage(`{"ConsoleLogin":"Failure"}`)
	default:
		fields["errorCode"] = json.RawMessage(`"AccessDenied"`)
	}
	text, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// suspectCounts is what a module makes of all records: how many its pattern matches, and how many of these make
// something suspect, make nothing suspect, or can't be judged.
type suspectCounts struct{ matched, suspect, clean, errors int }

func (c *suspectCounts) add(o opinion) {
	switch {
	case !o.matches:
		return
	case o.err != nil:
		c.errors++
	case len(o.resources) > 0:
		c.suspect++
	default:
		c.clean++
	}
	c.matched++
}

// suspectsFile is the counts of all modules. What stands behind a # in a line says why its numbers are as they are; it
// is written by hand, and stays when the file is rewritten.
const suspectsFile = "testdata/suspects.golden"

var update = flag.Bool("update", false, "rewrite "+suspectsFile+", but for its comments")

// compareSuspects compares the counts with suspectsFile, which is of one set of records: the counts of another one are
// only logged. A module that can't judge some record has to say why.
func compareSuspects(t *testing.T, set string, counts map[string]*suspectCounts) {
	t.Helper()
	text, err := os.ReadFile(suspectsFile)
	if err != nil && !*update {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	comments := map[string]string{}
	for line := range strings.Lines(string(text)) {
		row, comment, _ := strings.Cut(line, " # ")
		name, _, _ := strings.Cut(row, " ")
		comments[name] = strings.TrimSpace(comment)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%-26s matched  suspect  clean  errors\n", set, "module")
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		c := counts[name]
		fmt.Fprintf(&b, "%-26s %7d  %7d  %5d  %6d", name, c.matched, c.suspect, c.clean, c.errors)
		if comments[name] != "" {
			b.WriteString(" # " + comments[name])
		} else if c.errors > 0 && first == set {
			t.Errorf("%s can't judge %s: say why in %s, behind a #", name, count(c.errors, "record"), suspectsFile)
		}
		b.WriteString("\n")
	}
	t.Log("\n" + b.String())
	switch {
	case *update:
		if err := os.WriteFile(suspectsFile, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	case first != set:
		t.Logf("other records than those of %s: the counts are not compared", suspectsFile)
	default:
		if diff := cmp.Diff(string(text), b.String()); diff != "" {
			t.Errorf("%s differs (-file +modules); if that is wanted, run this test with -update:\n%s", suspectsFile, diff)
		}
	}
}

// Records of a hundred services over eleven years have any shape: whatever becomes of a field, a module neither panics
// nor suspects what has no name. Of each call two records of different shapes are changed, field by field.
func TestModulesBearAnyRecord(t *testing.T) {
	files := corpus(t)
	x, err := newExplainer(modules.All())
	if err != nil {
		t.Fatal(err)
	}
	seen, ofCall := map[string]bool{}, map[string]int{}
	changes := 0
	for _, file := range files {
		for _, record := range records(t, file) {
			where := fmt.Sprintf("%s, record %d", file, record.index)
			for i, o := range opinionsOn(t, x, where, record.bare) {
				if !o.matches {
					continue
				}
				call, form := shape(t, record.bare)
				call, form = o.module.Name+call, o.module.Name+call+form
				if seen[form] || ofCall[call] == 2 {
					continue
				}
				seen[form] = true
				ofCall[call]++
				event, err := events.Wrap(record.bare)
				if err != nil {
					t.Fatal(err)
				}
				eachChange(t, event, func(changed []byte) {
					changes++
					if err := bears(t.Context(), o.module, x.matchers[i], changed); err != nil {
						t.Fatalf("%s, %s: %v, of\n%s", where, o.module.Name, err, changed)
					}
				})
			}
		}
	}
	t.Logf("%d shapes of records, %d changes", len(seen), changes)
	if changes < 1000 {
		t.Errorf("%d changes: that is not every field", changes)
	}
}

// bears has a module judge an event where AWS answers nothing. Only what a module must never do is an error.
func bears(ctx context.Context, m *remediations.Module, matcher *pattern.Matcher, raw []byte) (err error) {
	event, err := events.Parse(raw)
	if err != nil || event.Authentic() != nil {
		return nil // no module sees it
	}
	if matched, err := matcher.Match(raw); err != nil || !matched {
		return err
	}
	defer func() {
		if problem := recover(); problem != nil {
			err = fmt.Errorf("panic: %v", problem)
		}
	}()
	suspects, err := m.Suspects(event)
	if err != nil {
		return nil // that it can't be judged is one of the right answers
	}
	for _, r := range suspects {
		if r.ID == "" || r.Type == "" || r.Account == "" || r.Region == "" {
			return fmt.Errorf("it suspects %+v", r)
		}
		run := &remediations.Run{Event: &event, Account: event.Account, AWS: silent(r.Region), Settings: m.Settings, Log: slog.New(slog.DiscardHandler)}
		if finding, err := m.Guard(ctx, run, r); len(m.Reads) > 0 && err == nil && finding == nil {
			return fmt.Errorf("AWS answered nothing, and that is taken for %s being fine", r)
		}
	}
	return nil
}

// silent is an AWS configuration with which no call reaches anybody.
func silent(region string) aws.Config {
	return aws.Config{
		Region: region, HTTPClient: noNetwork{}, Credentials: aws.AnonymousCredentials{},
		Retryer: func() aws.Retryer { return aws.NopRetryer{} },
	}
}

// noNetwork answers no request.
type noNetwork struct{}

func (noNetwork) Do(*http.Request) (*http.Response, error) {
	return nil, errors.New("there is no network")
}

// shape is what a record has in common with others: its call, and which fields it has.
func shape(t *testing.T, record []byte) (call, form string) {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal(record, &fields); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(fields["eventSource"], fields["eventName"]), names(fields)
}

// names is the names of a value's fields, without what they hold and how many of them a list has.
func names(v any) string {
	var b strings.Builder
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			fmt.Fprintf(&b, "{%s %s}", key, names(v[key]))
		}
	case []any:
		if len(v) > 0 {
			fmt.Fprintf(&b, "[%s]", names(v[0]))
		}
	}
	return b.String()
}

// eachChange calls for an event with each field of its record gone, or another, one at a time.
func eachChange(t *testing.T, event []byte, call func([]byte)) {
	t.Helper()
	var root map[string]any
	if err := json.Unmarshal(event, &root); err != nil {
		t.Fatal(err)
	}
	changeEach(root["detail"], func() {
		changed, err := json.Marshal(root)
		if err != nil {
			t.Fatal(err)
		}
		call(changed)
	})
}

// changeEach changes each field of a value in turn, calls for each change, and puts back what was there. Of a list only
// the first element is changed.
func changeEach(v any, call func()) {
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			was := v[key]
			delete(v, key)
			call()
			for _, change := range changesOf(was) {
				v[key] = change
				call()
			}
			v[key] = was
			changeEach(was, call)
		}
	case []any:
		for i, was := range v[:min(1, len(v))] {
			for _, change := range changesOf(was) {
				v[i] = change
				call()
			}
			v[i] = was
			changeEach(was, call)
		}
	}
}

// changesOf is what may stand in a field instead of what is there: other types, and the forms in which CloudTrail
// writes the same.
func changesOf(v any) []any {
	return []any{
		nil, "", "{", "*", 7.5, []any{}, map[string]any{}, []any{v, v}, map[string]any{"items": []any{v}}, map[string]any{"value": v},
	}
}
