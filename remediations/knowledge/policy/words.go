package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf16"
)

// Join names a few verdicts. Who is told reads the beginning; an author of hundreds of statements must not be able to
// push the rest of an alert out of it.
func Join(verdicts []Verdict) string {
	const most = 4
	var list []string
	for _, v := range verdicts[:min(len(verdicts), most)] {
		list = append(list, v.String())
	}
	if more := len(verdicts) - most; more > 0 {
		list = append(list, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(list, "; ")
}

// OneLine is the same JSON value in one line of printable ASCII, without white space, so that pasting it into a shell
// does what can be read. Outside of strings JSON has nothing else, so an escape is valid wherever one is needed.
func OneLine(text string) string {
	var compact bytes.Buffer
	if json.Compact(&compact, []byte(text)) != nil {
		return text // not JSON: no policy that was judged, so there is nothing to shorten
	}
	var line strings.Builder
	for _, r := range compact.String() {
		if ' ' <= r && r <= '~' {
			line.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&line, `\u%04x`, unit)
		}
	}
	return line.String()
}
