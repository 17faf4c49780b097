package engine

import (
	"strings"
	"unicode"
)

// plain is text that somebody else chose, made safe to stand in a message: one line, of bounded length, so
// that a user agent can't forge a section of the alert.
func plain(s string) string { return bounded(s, maxField) }

// bounded is plain with a bound of its own, in bytes.
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

// oneLine is text that somebody else chose, on one line and of bounded length; "" stays what it is.
func oneLine(s string, most int) string {
	if s == "" {
		return ""
	}
	return bounded(s, most)
}

// templateSafe is a text with only such characters as can be put into a template without escaping them.
func templateSafe(s string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune(" []:/._,+=@-", c) {
			return c
		}
		return '?'
	}, s)
}

// truncate is a text with no more than most bytes of it.
func truncate(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "\n(cut; the run record has all of it)"
}

func indent(s string) string {
	return strings.ReplaceAll("  "+strings.ReplaceAll(strings.TrimRight(s, "\n"), "\n", "\n  "), "\n  \n", "\n\n")
}

// accountDigits is an account's number, and nothing else.
func accountDigits(s string) string {
	if strings.Trim(s, "0123456789") != "" {
		return ""
	}
	return s
}
