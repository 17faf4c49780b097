package logs

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
)

// tape is a reader that can go back: it keeps what was read until it is dropped, and counts the lines dropped.
type tape struct {
	kept bytes.Buffer
	r    io.Reader // where more comes from
	read int       // how much of what is kept has been handed out by Read
	line int       // the line in which what is kept begins, from 1
	err  error     // why no more comes from r
}

var errTooLong = fmt.Errorf("a JSON value is longer than %d MB", maxValue>>20)

// Read hands out what is kept, then what comes, keeping it.
func (t *tape) Read(p []byte) (int, error) {
	if t.read == maxValue {
		return 0, errTooLong
	}
	if t.read == t.kept.Len() {
		if err := t.fill(t.read + 1); err != nil {
			return 0, err
		}
	}
	n := copy(p, t.kept.Bytes()[t.read:min(t.kept.Len(), maxValue)])
	t.read += n
	return n, nil
}

// fill reads until at least n bytes are kept. It returns an error if no more come.
func (t *tape) fill(n int) error {
	for t.kept.Len() < n {
		if t.err != nil {
			return t.err
		}
		t.kept.Grow(1 << 15)
		free := t.kept.AvailableBuffer()
		got, err := t.r.Read(free[:cap(free)])
		t.kept.Write(free[:got])
		t.err = err
	}
	return nil
}

// drop gives up the first n bytes of what is kept, and starts reading behind them.
func (t *tape) drop(n int) {
	t.line += bytes.Count(t.kept.Next(n), []byte("\n"))
	t.read = 0
}

// at is the i-th byte of what comes.
func (t *tape) at(i int) (byte, error) {
	if err := t.fill(i + 1); err != nil {
		return 0, err
	}
	return t.kept.Bytes()[i], nil
}

// peek drops white space and returns the byte behind it.
func (t *tape) peek() (byte, error) {
	for {
		switch c, err := t.at(0); {
		case err != nil:
			return 0, err
		case c != ' ' && c != '\t' && c != '\n' && c != '\r':
			return c, nil
		}
		t.drop(1)
	}
}

// skip drops a prefix if it comes next.
func (t *tape) skip(prefix string) {
	if t.fill(len(prefix)) == nil && bytes.HasPrefix(t.kept.Bytes(), []byte(prefix)) {
		t.drop(len(prefix))
	}
}

// skipMatch drops what an expression matches at the beginning of what comes, and reports whether it did.
func (t *tape) skipMatch(expression *regexp.Regexp) bool {
	_ = t.fill(256) // room for white space; at the end of the file less has to do
	found := expression.FindIndex(t.kept.Bytes()[:min(256, t.kept.Len())])
	if found == nil {
		return false
	}
	t.drop(found[1])
	return true
}

// skipLine drops the rest of this line, and reports whether another one comes. It keeps nothing on the way.
func (t *tape) skipLine() bool {
	for {
		if end := bytes.IndexByte(t.kept.Bytes(), '\n'); end >= 0 {
			t.drop(end + 1)
			return t.fill(1) == nil
		}
		t.drop(t.kept.Len())
		if t.fill(1) != nil {
			return false
		}
	}
}
