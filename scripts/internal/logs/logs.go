// Package logs reads CloudTrail records and EventBridge events from the files that people keep them in:
// a JSON value, JSON lines, a list, CloudTrail's own {"Records": [...]}, or what aws cloudtrail lookup-events
// prints, plain or gzipped. It holds one record in memory at a time, and goes on after what it can't read.
package logs

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
	"strings"

	"github.com/klauspost/compress/gzip"

	"github.com/countermand/countermand/events"
)

// Entry is one event of a file, or what is wrong where one should be.
type Entry struct {
	Line    int    // where it begins in the uncompressed text, from 1
	Index   int    // its place among the file's entries, from 0; what can't be read counts too
	Event   []byte // an EventBridge event; valid until the next entry is read
	Wrapped bool   // the file held the bare record, and the envelope around it is ours
	Listed  bool   // its line may hold others: it is in a list, or not the first in its line
	Err     error  // what is wrong; there is no Event then
}

// maxValue bounds one JSON value in bytes. A record has at most 256 KB, and lists of records are not held.
const maxValue = 32 << 20

// recordsList is how a CloudTrail log file begins, and what lookup-events prints.
var recordsList = regexp.MustCompile(`^\{\s*"(Records|Events)"\s*:\s*\[`)

// Read reads the events of a file one after the other. Bare CloudTrail records, also in the {"event": {...}}
// that log shippers put around them, are wrapped as EventBridge would deliver them.
func Read(r io.Reader) iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		s := &scanner{yield: yield}
		text, err := plain(r)
		if err != nil {
			s.fail(1, err)
			return
		}
		s.tape = tape{r: text, line: 1}
		s.skip("\ufeff") // some editors begin a file with a byte order mark
		for s.step() {
		}
	}
}

// plain is the text of a file that may be gzipped, which its first two bytes tell.
func plain(r io.Reader) (io.Reader, error) {
	buffered := bufio.NewReaderSize(r, 1<<16)
	if magic, _ := buffered.Peek(2); !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return buffered, nil
	}
	unzipped, err := gzip.NewReader(buffered)
	if err != nil {
		return nil, fmt.Errorf("read gzip header: %w", err)
	}
	return unzipped, nil
}

// scanner takes a file apart into entries.
type scanner struct {
	tape
	yield func(Entry) bool
	index int
	list  container
	inner bool // what is yielded is in a list that is not the scanner's own
	last  int  // the line of the entry before
	comma bool // the next thing in the list is a comma or its end
	value json.RawMessage
}

// container is what the scanner is inside of.
type container int

const (
	noList container = iota
	array
	records
)

// step reads the next piece of the file: an entry, or the punctuation of a list. It reports whether to go on.
func (s *scanner) step() bool {
	c, err := s.peek()
	switch {
	case err == io.EOF && s.list == noList:
		return false
	case err == io.EOF:
		s.fail(s.line, errors.New("the file ends inside a list"))
		return false
	case err != nil:
		s.fail(s.line, fmt.Errorf("read: %w", err))
		return false
	case s.list == noList && c == '[':
		s.drop(1)
		s.list, s.comma = array, false
		return true
	case s.list == noList && c == '{' && s.skipMatch(recordsList):
		s.list, s.comma = records, false
		return true
	case s.list != noList && c == ']':
		s.drop(1)
		return s.endList()
	case s.list != noList && s.comma && c == ',':
		s.drop(1)
		s.comma = false
		return true
	case s.list != noList && s.comma:
		return s.damaged(fmt.Errorf("malformed JSON: %q where a comma or the end of the list belongs", c))
	}
	line := s.line
	if err := s.decode(""); err != nil {
		return s.damaged(err)
	}
	s.comma = true
	return s.classify(line, s.value, true)
}

// endList reads what follows the last element of a list.
func (s *scanner) endList() bool {
	ended := s.list
	s.list = noList
	if ended == array {
		return true
	}
	switch c, _ := s.peek(); c {
	case '}':
		s.drop(1)
		return true
	case ',': // fields behind the list, which make an object of their own
		s.drop(1)
		if err := s.decode("{"); err != nil {
			return s.damaged(err)
		}
		return true
	}
	return s.damaged(errors.New("malformed JSON: the object around the list does not end after it"))
}

// decode reads the JSON value that comes next, with a prefix before it, and moves on behind it. If it can't, it
// stays where it is.
func (s *scanner) decode(prefix string) error {
	decoder := json.NewDecoder(io.MultiReader(strings.NewReader(prefix), s))
	err := decoder.Decode(&s.value)
	if err == nil {
		s.drop(int(decoder.InputOffset()) - len(prefix))
		return nil
	}
	s.read = 0
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		before := s.kept.Bytes()[:min(max(0, int(syntax.Offset)-1), s.kept.Len())]
		if lines := bytes.Count(before, []byte("\n")); lines > 0 {
			return fmt.Errorf("malformed JSON, noticed in line %d: %w", s.line+lines, err)
		}
		return fmt.Errorf("malformed JSON: %w", err)
	case (err == io.EOF || err == io.ErrUnexpectedEOF) && s.err == io.EOF:
		return errors.New("malformed JSON: the file ends inside a value")
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		err = s.err // a file that can't be read any further, such as a gzip file that was cut
	}
	return fmt.Errorf("read: %w", err)
}

// damaged reports what is wrong in this line, and goes on with the next one that begins an object. Lines that
// are passed over are named, so that nothing is lost in silence.
func (s *scanner) damaged(err error) bool {
	first, last := s.line, s.line
	more := s.skipLine()
	for ; more && s.kept.Bytes()[0] != '{'; more = s.skipLine() {
		last = s.line
	}
	if last > first {
		err = fmt.Errorf("%w; lines %d to %d are skipped", err, first, last)
	}
	s.comma = false
	// At the end of the file this report is the last: that a list is open, or that the file can't be read
	// any further, is the same damage.
	return s.fail(first, err) && more
}

// classify yields the event that a value is, or, at the top of the file, the events that it holds.
func (s *scanner) classify(line int, value json.RawMessage, top bool) bool {
	fields, err := object(value)
	if err != nil {
		return s.fail(line, err)
	}
	if shipped := fields["event"]; shipped != nil && fields["detail"] == nil && fields["eventSource"] == nil {
		if fields, err = object(shipped); err != nil {
			return s.fail(line, fmt.Errorf("event: %w", err))
		}
		value = shipped
	}
	if looked := fields["CloudTrailEvent"]; looked != nil {
		var record string // the record as a text
		_ = json.Unmarshal(looked, &record)
		value = json.RawMessage(record)
		if fields, err = object(value); err != nil {
			return s.fail(line, fmt.Errorf("CloudTrailEvent: %w", err))
		}
	}
	switch {
	case fields["detail"] != nil:
		return s.entry(Entry{Line: line, Event: value})
	case fields["eventSource"] != nil:
		event, err := events.Wrap(value)
		if err != nil {
			return s.fail(line, err)
		}
		return s.entry(Entry{Line: line, Event: event, Wrapped: true})
	case fields["Records"] != nil && top:
		return s.nested(line, "Records", fields["Records"])
	case fields["Events"] != nil && top:
		return s.nested(line, "Events", fields["Events"])
	}
	return s.fail(line, errors.New("neither an EventBridge event (no detail) nor a CloudTrail record (no eventSource)"))
}

// nested yields the events of a Records or Events list that is not the first field of its object, or in a list itself.
func (s *scanner) nested(line int, name string, list json.RawMessage) bool {
	var values []json.RawMessage
	if json.Unmarshal(list, &values) != nil {
		return s.fail(line, fmt.Errorf("the value of %s is not a list", name))
	}
	s.inner = true
	defer func() { s.inner = false }()
	for _, value := range values {
		if !s.classify(line, value, false) {
			return false
		}
	}
	return true
}

func object(value json.RawMessage) (map[string]json.RawMessage, error) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(value, &fields) != nil || fields == nil {
		return nil, errors.New("not a JSON object")
	}
	return fields, nil
}

func (s *scanner) fail(line int, err error) bool { return s.entry(Entry{Line: line, Err: err}) }

func (s *scanner) entry(e Entry) bool {
	e.Index = s.index
	s.index++
	e.Listed = s.list != noList || s.inner || e.Line == s.last
	s.last = e.Line
	return s.yield(e)
}
