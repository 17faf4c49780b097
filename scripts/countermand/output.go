package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/fatih/color"
	"github.com/mattn/go-isatty"
)

// paint colours text for a terminal, and leaves it alone anywhere else.
type paint struct{ on bool }

// paintFor is the paint for a writer. NO_COLOR (https://no-color.org) turns colours off.
func paintFor(w io.Writer) paint { return paint{on: os.Getenv("NO_COLOR") == "" && isTerminal(w)} }

// isTerminal reports whether a reader or a writer is a terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

func (p paint) as(text string, attributes ...color.Attribute) string {
	if !p.on {
		return text
	}
	c := color.New(attributes...)
	c.EnableColor()
	return c.Sprint(text)
}

func (p paint) bold(text string) string  { return p.as(text, color.Bold) }
func (p paint) faint(text string) string { return p.as(text, color.Faint) }
func (p paint) good(text string) string  { return p.as(text, color.FgGreen) }
func (p paint) alarm(text string) string { return p.as(text, color.FgRed, color.Bold) }

// printable is text from an event without what a terminal may take for a command, or what hides other text:
// whoever makes a call chooses some of its record.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}

// printableLines is printable for text of several lines.
func printableLines(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = printable(lines[i])
	}
	return strings.Join(lines, "\n")
}

// writeTable writes rows of as many cells each, the first of them the heading, in columns. colour paints the cell in a
// row, 1 for the first below the heading, and a column, 0 for the first.
func writeTable(w io.Writer, rows [][]string, colour func(row, column int, cell string) string) error {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i := range row {
			row[i] = printable(row[i])
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	p := paintFor(w)
	var b strings.Builder
	for n, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			padding := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2)
			if n == 0 {
				cell = p.bold(cell)
			} else {
				cell = colour(n, i, cell)
			}
			line.WriteString(cell + padding)
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeJSON writes a value as JSON for people and programs: <, > and & as they are, and what printable takes out as
// \u escapes.
func writeJSON(w io.Writer, v any, indent string) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(escaped(b.Bytes()))
	return err
}

// escaped is JSON with an escape for each character that does not print. The encoder has escaped those of ASCII, and
// the others can stand in texts only.
func escaped(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		switch {
		case r < 0x7f || unicode.IsPrint(r):
			out = utf8.AppendRune(out, r)
		case r <= 0xffff:
			out = fmt.Appendf(out, `\u%04x`, r)
		default:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		}
		i += size
	}
	return out
}

// list is "a, b or c".
func list(items []string, conjunction string) string {
	if len(items) < 2 {
		return strings.Join(items, "")
	}
	last := len(items) - 1
	return strings.Join(items[:last], ", ") + " " + conjunction + " " + items[last]
}

// count is "1 event" or "2 events".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
