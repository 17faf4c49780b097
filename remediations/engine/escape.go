package engine

import (
	"strings"
	"unicode"
)

// plain makes text that somebody else chose safe for a message: one line of bounded length, so that a user agent cannot
// forge a section of the alert.
func plain(s string) string { return bounded(s, maxField) }

// bounded is plain with its own bound, in bytes.
func bounded(s string, most int) string {
	rest := ""
	if len(s) > most {
		s, rest = strings.ToValidUTF8(s[:most], ""), "..."
	}
	s = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) || unicode.Is(unicode.Cf, c) || c == '\u2028' || c == '\u2029' {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(s, "?"))
	if strings.TrimSpace(s) == "" {
		return "unknown"
	}
	return s + rest
}

// oneLine is bounded, but leaves the empty string empty.
func oneLine(s string, most int) string {
	if s == "" {
		return ""
	}
	return bounded(s, most)
}

// templateSafe replaces characters that would need escaping in JSON, XML or a shell.
func templateSafe(s string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune(" []:/._,+=@-", c) {
			return c
		}
		return '?'
	}, s)
}

// truncate returns at most a number of bytes of a text.
func truncate(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "\n(cut; the run record has all of it)"
}

// indent indents each line of a text by two spaces.
func indent(s string) string {
	return strings.ReplaceAll("  "+strings.ReplaceAll(strings.TrimRight(s, "\n"), "\n", "\n  "), "\n  \n", "\n\n")
}

// accountDigits returns an account number, or the empty string if there is anything else in it.
func accountDigits(s string) string {
	if strings.Trim(s, "0123456789") != "" {
		return ""
	}
	return s
}
