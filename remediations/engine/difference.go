package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"

	"github.com/aymanbagabas/go-udiff"
)

// Difference returns two states line by line: "-" before lines that only the first has, "+" before lines that only the
// second has. If they are the same, it returns that state.
func Difference(first, second json.RawMessage) string {
	before, after := pretty(first), pretty(second)
	if before == after {
		return strings.TrimRight(before, "\n")
	}
	// Show both states whole, not only the lines around a change: people read this once, in a hurry.
	edits := udiff.Lines(before, after)
	unified, err := udiff.ToUnified("before", "after", before, edits, strings.Count(before, "\n"))
	if err != nil {
		unified = "- " + before + "\n+ " + after
	}
	var lines []string
	for _, line := range strings.Split(strings.TrimRight(unified, "\n"), "\n") {
		if strings.HasPrefix(line, "--- ") || strings.HasPrefix(line, "+++ ") || strings.HasPrefix(line, "@@") || strings.HasPrefix(line, `\ `) {
			continue
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// SameState reports whether two states look the same to people.
func SameState(a, b json.RawMessage) bool { return pretty(a) == pretty(b) }

// pretty returns a state as indented JSON that ends in a newline. A string that contains a JSON document, as policies
// do, is shown as that document.
func pretty(state json.RawMessage) string {
	if len(state) == 0 || string(state) == "null" {
		return "nothing\n"
	}
	var document string
	if json.Unmarshal(state, &document) == nil && json.Valid([]byte(document)) {
		state = json.RawMessage(document)
	}
	var b bytes.Buffer
	if json.Indent(&b, state, "", "  ") != nil {
		return printable(string(state)) + "\n"
	}
	return printable(b.String()) + "\n"
}

// printable returns JSON with escapes for characters that are invisible or reorder text. They occur only in strings,
// where an escape means the same.
func printable(text string) string {
	var b strings.Builder
	for _, c := range text {
		if c == '\n' || unicode.IsPrint(c) {
			b.WriteRune(c)
			continue
		}
		for _, unit := range utf16.Encode([]rune{c}) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}
