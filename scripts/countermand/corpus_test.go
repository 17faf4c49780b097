package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations/modules"
	"github.com/countermand/countermand/scripts/internal/logs"
)

// corpus is a folder of real CloudTrail records in JSON lines, each under "event". It is not part of the
// repository; COUNTERMAND_CORPUS names it if it isn't in its usual place.
func corpus(t *testing.T) []string {
	t.Helper()
	folder, named := os.LookupEnv("COUNTERMAND_CORPUS")
	if !named {
		folder = filepath.Join("..", "..", "..", "shared", "data", "cloudtrail")
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 && named {
		t.Fatalf("no real CloudTrail records in %s, which COUNTERMAND_CORPUS names", folder)
	}
	if len(files) == 0 {
		t.Skipf("no real CloudTrail records in %s: set COUNTERMAND_CORPUS to a folder of them", folder)
	}
	return files
}

// Every module makes something of every real record: in the file it came in, on its own, and in its envelope, with
// the same verdicts each time. That AWS isn't called follows from what Suspects is given, and modules may import.
func TestExplainRealRecords(t *testing.T) {
	files := corpus(t)
	x, err := newExplainer(modules.All())
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, file := range files {
		var lines, stderr bytes.Buffer
		in := &input{out: &output{Writer: &lines}, stderr: &stderr}
		if err := in.each([]string{file}, func(file string, e logs.Entry) error { return x.jsonl(in.out, file, e) }); err != nil {
			t.Errorf("%s: %v\n%s", file, err, stderr.String())
		}
		text := &explainText{explainer: x, all: true}
		single := ""
		for _, record := range records(t, file) {
			total++
			asRecord := verdicts(t, x, text, file, record.index, record.bare)
			single += asRecord
			wrapped, err := events.Wrap(record.bare)
			if err != nil {
				t.Fatalf("%s, record %d: %v", file, record.index, err)
			}
			asEvent := verdicts(t, x, text, file, record.index, wrapped)
			if asEvent != asRecord && !strings.Contains(asEvent, "not authentic") {
				t.Errorf("%s, record %d: a record and its event differ\n%s%s", file, record.index, asRecord, asEvent)
			}
		}
		if single != lines.String() {
			t.Errorf("%s: verdicts on the file and on its records differ", file)
		}
	}
	if total < 1000 {
		t.Errorf("%d records: the folder is not what it should be", total)
	}
}

// verdicts is what explain prints of one value, as lines of JSON. What it prints for people must not fail either.
func verdicts(t *testing.T, x *explainer, text *explainText, file string, index int, value []byte) string {
	t.Helper()
	var out bytes.Buffer
	for e := range logs.Read(bytes.NewReader(value)) {
		if e.Err != nil {
			t.Fatalf("%s, record %d: %v", file, index, e.Err)
		}
		e.Index = index
		if err := x.jsonl(&output{Writer: &out}, file, e); err != nil {
			t.Fatalf("%s, record %d: %v", file, index, err)
		}
		var people bytes.Buffer
		if err := text.event(&output{Writer: &people}, file, e); err != nil || people.Len() == 0 {
			t.Fatalf("%s, record %d: %v, %d characters for people", file, index, err, people.Len())
		}
	}
	return out.String()
}

type realRecord struct {
	index int
	bare  json.RawMessage
}

func records(t *testing.T, file string) []realRecord {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []realRecord
	for i, line := range bytes.Split(bytes.TrimSpace(text), []byte("\n")) {
		var shipped struct{ Event json.RawMessage }
		if err := json.Unmarshal(line, &shipped); err != nil {
			t.Fatalf("%s:%d: %v", file, i+1, err)
		}
		all = append(all, realRecord{i, shipped.Event})
	}
	return all
}
