package remediations

import (
	"strings"
)

// Quote is a word for a POSIX shell. Whatever comes from an event or from AWS is quoted in Fix and Revert:
// people paste these commands.
func Quote(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }
