package remediations

import (
	"strings"
)

// Quote returns a word quoted for a POSIX shell. Quote everything in Fix and Revert that comes from an event or from
// AWS: people paste these commands.
func Quote(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }
