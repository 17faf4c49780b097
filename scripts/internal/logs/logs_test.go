package logs_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/scripts/internal/logs"
)

// record is a bare record, envelope an event that holds it.
func record(name string) string {
	return fmt.Sprintf(`{"eventSource":"s3.amazonaws.com","eventName":%q,"eventID":%q,`+
		`"awsRegion":"eu-west-1","recipientAccountId":"111122223333"}`, name, "id-"+name)
}

func envelope(name string) string {
	return `{"source":"aws.s3","account":"111122223333","region":"eu-west-1","detail":` + record(name) + `}`
}

// read is what Read makes of a text, an entry a line: its index and line, and the event's name or the error.
func read(t *testing.T, r io.Reader) string {
	t.Helper()
	var out strings.Builder
	for e := range logs.Read(r) {
		fmt.Fprintf(&out, "%d line %d: ", e.Index, e.Line)
		if e.Err != nil {
			fmt.Fprintf(&out, "error: %v\n", e.Err)
			continue
		}
		event, err := events.Parse(e.Event)
		if err != nil {
			t.Errorf("entry %d is not an event: %v", e.Index, err)
			continue
		}
		fmt.Fprintf(&out, "%s of %s", event.Record.EventName, event.Source)
		if e.Wrapped {
			fmt.Fprint(&out, ", wrapped")
		}
		fmt.Fprintln(&out)
	}
	return out.String()
}

// lookedUp is a record as aws cloudtrail lookup-events prints it: as a text.
func lookedUp(t *testing.T, record string) string {
	t.Helper()
	text, err := json.Marshal(record)
	if err != nil {
		t.Fatal(err)
	}
	return `{"EventId":"x","EventTime":"2026-03-01T10:00:00+00:00","Resources":[],"CloudTrailEvent":` + string(text) + `}`
}

func indented(t *testing.T, text string) string {
	t.Helper()
	var out bytes.Buffer
	if err := json.Indent(&out, []byte(text), "", "  "); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestRead(t *testing.T) {
	a, b, c := record("A"), record("B"), record("C")
	noEvent := "neither an EventBridge event (no detail) nor a CloudTrail record (no eventSource)"
	cases := []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"white space", " \n\r\n\t", ""},
		{"a record", a, "0 line 1: A of aws.s3, wrapped\n"},
		{"an event", envelope("A"), "0 line 1: A of aws.s3\n"},
		{"an indented event", "\n" + indented(t, envelope("A")) + "\n", "0 line 2: A of aws.s3\n"},
		{"lines of both kinds", a + "\n" + envelope("B") + "\n\n" + c,
			"0 line 1: A of aws.s3, wrapped\n1 line 2: B of aws.s3\n2 line 4: C of aws.s3, wrapped\n"},
		{"lines as Windows ends them, with a byte order mark", "\ufeff" + a + "\r\n" + b + "\r\n",
			"0 line 1: A of aws.s3, wrapped\n1 line 2: B of aws.s3, wrapped\n"},
		{"indented values one after the other", indented(t, `{"event":`+a+`}`) + "\n" + indented(t, `{"event":`+b+`}`),
			"0 line 1: A of aws.s3, wrapped\n1 line 10: B of aws.s3, wrapped\n"},
		{"values in one line", a + b + " " + c,
			"0 line 1: A of aws.s3, wrapped\n1 line 1: B of aws.s3, wrapped\n2 line 1: C of aws.s3, wrapped\n"},
		{"as shippers wrap records", `{"host":"h","event":` + a + "}\n" + `{"event":` + envelope("B") + `}`,
			"0 line 1: A of aws.s3, wrapped\n1 line 2: B of aws.s3\n"},
		{"a log file", `{"Records":[` + a + `,` + b + `]}`,
			"0 line 1: A of aws.s3, wrapped\n1 line 1: B of aws.s3, wrapped\n"},
		{"an indented log file", indented(t, `{"Records":[`+a+`,`+b+`]}`),
			"0 line 3: A of aws.s3, wrapped\n1 line 10: B of aws.s3, wrapped\n"},
		{"log files one after the other", `{"Records":[` + a + `]}{"Records":[]}` + "\n" + `{"Records":[` + b + `]}`,
			"0 line 1: A of aws.s3, wrapped\n1 line 2: B of aws.s3, wrapped\n"},
		{"fields behind the records", `{"Records":[` + a + `], "next": {"a": [1]}}` + "\n" + b,
			"0 line 1: A of aws.s3, wrapped\n1 line 2: B of aws.s3, wrapped\n"},
		{"fields before the records", `{"next":1,"Records":[` + a + `,7,` + b + `]}`,
			"0 line 1: A of aws.s3, wrapped\n1 line 1: error: not a JSON object\n2 line 1: B of aws.s3, wrapped\n"},
		{"as lookup-events prints them", indented(t, `{"Events":[`+lookedUp(t, a)+`,`+lookedUp(t, b)+`],"NextToken":"x"}`) + "\n" + c,
			"0 line 3: A of aws.s3, wrapped\n1 line 9: B of aws.s3, wrapped\n2 line 18: C of aws.s3, wrapped\n"},
		{"as lookup-events prints them, the token first", `{"NextToken":"x","Events":[` + lookedUp(t, a) + `,7]}`,
			"0 line 1: A of aws.s3, wrapped\n1 line 1: error: not a JSON object\n"},
		{"one of lookup-events", lookedUp(t, a), "0 line 1: A of aws.s3, wrapped\n"},
		{"what lookup-events does not print", `{"CloudTrailEvent":"{"}` + "\n" + `{"CloudTrailEvent":7}` + "\n" + `{"Events":7}`,
			"0 line 1: error: CloudTrailEvent: not a JSON object\n1 line 2: error: CloudTrailEvent: not a JSON object\n" +
				"2 line 3: error: the value of Events is not a list\n"},
		{"a list", `[` + a + `,` + "\n" + envelope("B") + `]`,
			"0 line 1: A of aws.s3, wrapped\n1 line 2: B of aws.s3\n"},
		{"a list of log files", `[{"Records":[` + a + `]},{"Records":[` + b + `]}]`,
			"0 line 1: A of aws.s3, wrapped\n1 line 1: B of aws.s3, wrapped\n"},

		{"not JSON", "hello\nworld\n" + a,
			"0 line 1: error: malformed JSON: invalid character 'h' looking for beginning of value; lines 1 to 2 are skipped\n" +
				"1 line 3: A of aws.s3, wrapped\n"},
		{"a line cut in a string", a[:40] + "\n" + b,
			"0 line 1: error: malformed JSON: invalid character '\\n' in string literal\n1 line 2: B of aws.s3, wrapped\n"},
		{"a line cut behind a colon", `{"a":` + "\n" + a + "\n" + b,
			"0 line 1: error: malformed JSON, noticed in line 3: invalid character '{' after object key:value pair\n" +
				"1 line 2: A of aws.s3, wrapped\n2 line 3: B of aws.s3, wrapped\n"},
		{"the last line cut", a + "\n" + b[:len(b)-1],
			"0 line 1: A of aws.s3, wrapped\n1 line 2: error: malformed JSON: the file ends inside a value\n"},
		{"text behind a value", a + " and so on\n" + b,
			"0 line 1: A of aws.s3, wrapped\n1 line 1: error: malformed JSON: invalid character 'a' looking for beginning of value\n" +
				"2 line 2: B of aws.s3, wrapped\n"},
		{"an indented value damaged", strings.Replace(indented(t, `{"event":`+a+`}`), `":`, `"=`, 2) + "\n" + b,
			"0 line 1: error: malformed JSON, noticed in line 2: invalid character '=' after object key; lines 1 to 9 are skipped\n" +
				"1 line 10: B of aws.s3, wrapped\n"},
		{"values that are no events", "7\n{}\n[1]\nnull\n" + `{"event":[]}` + "\n" + `{"Records":{}}` + "\n" + a,
			"0 line 1: error: not a JSON object\n1 line 2: error: " + noEvent + "\n2 line 3: error: not a JSON object\n" +
				"3 line 4: error: not a JSON object\n4 line 5: error: event: not a JSON object\n" +
				"5 line 6: error: the value of Records is not a list\n6 line 7: A of aws.s3, wrapped\n"},
		{"a record without a name", `{"eventSource":"s3.amazonaws.com"}`,
			"0 line 1: error: wrap record: not a CloudTrail record: eventSource or eventName is missing\n"},
		{"a log file cut between records", `{"Records":[` + a + `,`,
			"0 line 1: A of aws.s3, wrapped\n1 line 1: error: the file ends inside a list\n"},
		{"a log file cut in a record", `{"Records":[` + a + `,` + b[:30],
			"0 line 1: A of aws.s3, wrapped\n1 line 1: error: malformed JSON: the file ends inside a value\n"},
		{"a log file cut behind its list", `{"Records":[` + a + `]`,
			"0 line 1: A of aws.s3, wrapped\n1 line 1: error: malformed JSON: the object around the list does not end after it\n"},
		{"a log file without a comma", "{\"Records\":[\n" + a + "\n" + b + ",\n" + c + "]}",
			"0 line 2: A of aws.s3, wrapped\n1 line 3: error: malformed JSON: '{' where a comma or the end of the list belongs\n" +
				"2 line 4: C of aws.s3, wrapped\n"},
		{"a log file damaged in a line", "{\"Records\":[\n" + a + ",\n" + b[:30] + ",\n" + c + "]}\n" + a,
			"0 line 2: A of aws.s3, wrapped\n1 line 3: error: malformed JSON: invalid character '\\n' in string literal\n" +
				"2 line 4: C of aws.s3, wrapped\n3 line 5: A of aws.s3, wrapped\n"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, read(t, strings.NewReader(c.text))); diff != "" {
				t.Errorf("entries differ (-want +got):\n%s", diff)
			}
		})
	}
}

// The line of an entry in a list does not tell which one it is, nor that of a second one in the same line.
func TestReadTellsWhatIsListed(t *testing.T) {
	a := record("A")
	for text, want := range map[string][]bool{
		a + "\n" + a:                             {false, false},
		a + a + "\n" + a:                         {false, true, false},
		"[" + a + "]\n" + a:                      {true, false},
		"{\"Records\":[\n" + a + ",7]}\n" + a:    {true, true, false},
		`{"next":1,"Records":[` + a + "]}\n" + a: {true, false},
	} {
		var got []bool
		for e := range logs.Read(strings.NewReader(text)) {
			got = append(got, e.Listed)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

func zipped(t *testing.T, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestReadGzip(t *testing.T) {
	first, second := zipped(t, record("A")), zipped(t, record("B"))
	want := "0 line 1: A of aws.s3, wrapped\n1 line 1: B of aws.s3, wrapped\n"
	if diff := cmp.Diff(want, read(t, bytes.NewReader(append(first, second...)))); diff != "" {
		t.Errorf("two gzip files in one (-want +got):\n%s", diff)
	}
	for cut := 2; cut < len(first); cut++ {
		got := read(t, bytes.NewReader(first[:cut]))
		if strings.Count(got, "error: read") != 1 || !strings.HasSuffix(got, "EOF\n") {
			t.Errorf("cut after %d of %d bytes: %q, want one error that says so", cut, len(first), got)
		}
	}
}

func TestReadErrorIsReportedOnce(t *testing.T) {
	broken := io.MultiReader(strings.NewReader(record("A")+"\n{"), readError{})
	want := "0 line 1: A of aws.s3, wrapped\n1 line 2: error: read: the disk is on fire\n"
	if diff := cmp.Diff(want, read(t, broken)); diff != "" {
		t.Errorf("entries differ (-want +got):\n%s", diff)
	}
}

type readError struct{}

func (readError) Read([]byte) (int, error) { return 0, errors.New("the disk is on fire") }

func TestReadStopsWhenTold(t *testing.T) {
	for range logs.Read(io.MultiReader(strings.NewReader(record("A")+"\n"), forever{})) {
		return
	}
	t.Error("no entry")
}

// forever is one record after another, without end.
type forever struct{}

func (forever) Read(p []byte) (int, error) { return copy(p, record("A")+"\n"), nil }

// However long the file, the memory in use is that of a few records.
func TestReadInFlatMemory(t *testing.T) {
	const size = 12 << 20
	filler := strings.Repeat(`"`+strings.Repeat("x", 1000)+`",`, 50)
	value := strings.TrimSuffix(record("A"), "}") + `,"requestParameters":[` + filler + `0]}`
	for name, text := range map[string][3]string{
		"lines":      {"", value + "\n", ""},
		"a log file": {`{"Records":[`, value + ",", value + "]}"},
	} {
		t.Run(name, func(t *testing.T) {
			middle := repeat{text: text[1], times: size / len(text[1])}
			entries := 0
			var peak, now runtime.MemStats
			for e := range logs.Read(io.MultiReader(strings.NewReader(text[0]), &middle, strings.NewReader(text[2]))) {
				if e.Err != nil {
					t.Fatal(e.Err)
				}
				if entries++; entries%100 == 0 {
					runtime.GC()
					runtime.ReadMemStats(&now)
					peak.HeapAlloc = max(peak.HeapAlloc, now.HeapAlloc)
				}
			}
			if entries < size/len(text[1]) {
				t.Errorf("%d entries, want %d", entries, size/len(text[1]))
			}
			if peak.HeapAlloc > 6<<20 {
				t.Errorf("%d MB in use while reading %d MB", peak.HeapAlloc>>20, size>>20)
			}
		})
	}
}

// repeat is a text a number of times.
type repeat struct {
	text  string
	times int
	at    int
}

func (r *repeat) Read(p []byte) (int, error) {
	if r.times == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.text[r.at:])
	if r.at += n; r.at == len(r.text) {
		r.at = 0
		r.times--
	}
	return n, nil
}

func TestReadRefusesAValueWithoutEnd(t *testing.T) {
	text := `{"a":"` + strings.Repeat("x", 33<<20) + "\"}\n" + record("A")
	want := "0 line 1: error: read: a JSON value is longer than 32 MB\n1 line 2: A of aws.s3, wrapped\n"
	if diff := cmp.Diff(want, read(t, strings.NewReader(text))); diff != "" {
		t.Errorf("entries differ (-want +got):\n%s", diff)
	}
}

// Whatever the file holds: reading ends, entries are numbered one after the other, each is an event or an error,
// and a valid record in a line of its own at the end is found.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		record("A"), envelope("A"), `{"Records":[` + record("A") + `,{}]}`, `[` + record("A") + `]`,
		`{"event":` + record("A") + `}`, `{"Events":[{"CloudTrailEvent":"{\"eventSource\":\"a\",\"eventName\":\"b\"}"}]}`, `{"a":`, "\x1f\x8b", "\ufeff{}", `{"Records":[],"a":1}`, "{\n\"a\": 1\n}\n]",
	} {
		f.Add([]byte(seed))
	}
	last := record("TheLast")
	f.Fuzz(func(t *testing.T, data []byte) {
		if bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
			for range logs.Read(bytes.NewReader(data)) { // the rest is not plain text
			}
			return
		}
		// Two lines, since damage that shows only in the first line behind it costs that line.
		text := append(bytes.Clone(data), "\n"+last+"\n"+last+"\n"...)
		index, line, found := 0, 0, false
		for e := range logs.Read(bytes.NewReader(text)) {
			if e.Index != index {
				t.Fatalf("index %d follows %d", e.Index, index-1)
			}
			index++
			if e.Line < line || e.Line < 1 {
				t.Fatalf("line %d follows line %d", e.Line, line)
			}
			line = e.Line
			if (e.Err == nil) == (e.Event == nil) {
				t.Fatalf("event %q, error %v", e.Event, e.Err)
			}
			if e.Err == nil && !json.Valid(e.Event) {
				t.Fatalf("not JSON: %q", e.Event)
			}
			found = found || bytes.Contains(e.Event, []byte("TheLast"))
		}
		if !found {
			t.Fatalf("the record behind %q is not read", data)
		}
	})
}
