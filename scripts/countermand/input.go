package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/countermand/countermand/scripts/internal/logs"
)

// inputs is what the commands say about the files they take.
const inputs = `A file holds EventBridge events or bare CloudTrail records: one JSON value, JSON lines, a list, or a
CloudTrail log file ({"Records": [...]}) or the output of aws cloudtrail lookup-events, plain or gzipped,
of any length; - is standard input. Bare records, also in the {"event": {...}} that log shippers put
around them, are wrapped in the envelope in which EventBridge would deliver them.

An event is named as FILE:LINE, and [INDEX] behind it in a list: its place in the file, from 0. What can't be
read is reported on standard error, the rest goes on, and the exit status is 1. It is 0 if there is no event
in a file.`

// input reads files for a command.
type input struct {
	stdin  io.Reader
	out    *output
	stderr io.Writer
	bar    *progressbar.ProgressBar
	begun  time.Time
	size   int64 // of all files together; 0 if it isn't known
	read   int64
	failed int
}

func inputOf(c *cobra.Command) *input {
	return &input{stdin: c.InOrStdin(), out: &output{Writer: c.OutOrStdout()}, stderr: c.ErrOrStderr()}
}

// each reads files and calls do with each entry that is an event. What do returns is what is wrong with that
// entry; it is reported like an entry that can't be read. The error counts all that was reported, or is that of
// writing to out, which ends it at once.
func (in *input) each(files []string, do func(file string, e logs.Entry) error) error {
	in.begun = time.Now()
	in.size = totalSize(files)
	for _, file := range files {
		if in.out.err != nil {
			break
		}
		if err := in.file(file, do); err != nil {
			in.report(err.Error())
		}
	}
	if in.bar != nil {
		_ = in.bar.Finish() // its errors are those of writing to a terminal
	}
	if in.out.err != nil {
		return in.out.err
	}
	if in.failed > 0 {
		return fmt.Errorf("%s above: the rest was read", count(in.failed, "problem"))
	}
	return nil
}

func (in *input) file(file string, do func(string, logs.Entry) error) error {
	f, err := open(in.stdin, file)
	if errors.Is(err, errFolder) {
		return fmt.Errorf("%w, or all with %s", err, filepath.Join(file, "*"))
	}
	if err != nil {
		return err // says what was done to which file
	}
	defer f.Close()
	head, _ := f.Peek(f.Buffered())
	head = bytes.Clone(head)
	for e := range logs.Read(&counter{f, &in.read}) {
		err := e.Err
		if err == nil {
			err = do(file, e)
		} else if e.Index == 0 {
			err = fmt.Errorf("%w%s", err, notEvents(head, err))
		}
		if err != nil {
			in.report(fmt.Sprintf("%s: %v", place(file, e), err))
		}
		if in.out.err != nil {
			return nil // each returns it
		}
		in.progress()
	}
	return nil
}

var errFolder = errors.New("is a folder: name a file in it")

// openFile is a file that is read. Its first bytes are buffered from the beginning.
type openFile struct {
	*bufio.Reader
	io.Closer
}

// open opens a file, or standard input for "-". A folder is errFolder; UTF-16, which nothing here reads, is an error.
func open(stdin io.Reader, file string) (*openFile, error) {
	s := &openFile{bufio.NewReader(stdin), io.NopCloser(stdin)}
	if file != "-" {
		if info, err := os.Stat(file); err == nil && info.IsDir() {
			return nil, fmt.Errorf("%s %w", called(file), errFolder)
		}
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		s = &openFile{bufio.NewReader(f), f}
	}
	if encoding := utf16Of(s.Reader); encoding != "" {
		_ = s.Close() // it was only read
		return nil, fmt.Errorf("%s is in UTF-16: write it in UTF-8, with iconv -f %s -t UTF-8", called(file), encoding)
	}
	return s, nil
}

// utf16Of is the kind of UTF-16 in which a text is, or "". Its first two bytes tell: a byte order mark, or a character
// of which one byte is zero, as JSON begins with ASCII and has no zero bytes.
func utf16Of(r *bufio.Reader) string {
	head, _ := r.Peek(2) // an error comes again
	switch {
	case len(head) < 2:
		return ""
	case head[0] == 0xff && head[1] == 0xfe, head[0] != 0 && head[1] == 0:
		return "UTF-16LE"
	case head[0] == 0xfe && head[1] == 0xff, head[0] == 0 && head[1] != 0:
		return "UTF-16BE"
	}
	return ""
}

func (in *input) report(problem string) {
	in.failed++
	if in.bar != nil {
		_ = in.bar.Clear()
	}
	fmt.Fprintln(in.stderr, printable(problem))
}

// progress shows how far reading is, once it has taken two seconds, to somebody who looks at a terminal to which
// nothing else is written.
func (in *input) progress() {
	if in.bar == nil {
		if in.size == 0 || !isTerminal(in.stderr) || isTerminal(in.out.Writer) || time.Since(in.begun) < 2*time.Second {
			return
		}
		in.bar = progressbar.NewOptions64(in.size, progressbar.OptionSetWriter(in.stderr), progressbar.OptionShowBytes(true),
			progressbar.OptionThrottle(200*time.Millisecond), progressbar.OptionClearOnFinish())
	}
	_ = in.bar.Set64(min(in.read, in.size))
}

// called is what messages call a file.
func called(file string) string {
	if file == "-" {
		return "(standard input)"
	}
	return printable(file)
}

// place says where an entry is: FILE:LINE, and "[INDEX]" behind it where the line alone may not tell.
func place(file string, e logs.Entry) string {
	text := fmt.Sprintf("%s:%d", called(file), e.Line)
	if e.Listed {
		text += fmt.Sprintf(" [%d]", e.Index)
	}
	return text
}

// totalSize is the size of all files together, and 0 if one of them isn't a plain file.
func totalSize(files []string) int64 {
	var total int64
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil || !info.Mode().IsRegular() {
			return 0
		}
		total += info.Size()
	}
	return total
}

// output remembers the first error of writing, so that it need not be asked for each time.
type output struct {
	io.Writer
	err error
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.Writer.Write(p)
	if o.err == nil {
		o.err = err
	}
	return n, err
}

// counter counts the bytes that are read.
type counter struct {
	io.Reader
	read *int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	*c.read += int64(n)
	return n, err
}

// onceStdin reports that standard input was named twice.
func onceStdin(files []string) error {
	seen := false
	for _, file := range files {
		if file == "-" && seen {
			return errors.New("- is named twice, but standard input can be read once")
		}
		seen = seen || file == "-"
	}
	return nil
}
