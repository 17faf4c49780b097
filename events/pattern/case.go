package pattern

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// foldedText is text in which each character may appear in its lower or its upper case. The engine takes both from
// the pattern, character by character and with the mappings to several characters (ß to SS). The event is not folded:
// a pattern's K does not match the Kelvin sign, the Kelvin sign matches k.
type foldedText []foldedRune

type foldedRune struct{ lower, upper string }

// fold prepares an ignore-case operand.
func fold(s string) foldedText {
	folded := make(foldedText, 0, len(s))
	for i, r := range s {
		_, size := utf8.DecodeRuneInString(s[i:])
		folded = append(folded, foldRune(r, s[i:i+size]))
	}
	return folded
}

func foldRune(r rune, text string) foldedRune {
	switch {
	case r == utf8.RuneError:
		return foldedRune{text, text}
	case r > 0xFFFF:
		return foldedRune{"??", "??"} // the engine writes each half of the surrogate pair as a question mark
	case r == 0x0130:
		return foldedRune{"i\u0307", text} // the one lower case of two characters
	}
	i, ok := slices.BinarySearchFunc(longUppers[:], r, func(u longUpper, r rune) int { return int(u.of - r) })
	if ok {
		return foldedRune{string(unicode.ToLower(r)), longUppers[i].upper}
	}
	return foldedRune{string(unicode.ToLower(r)), string(unicode.ToUpper(r))}
}

// cutPrefix removes the folded text from the front of s. Of the two cases of a character, neither begins nor ends as
// the other does, so at most one fits and there is no choice to come back to.
func (f foldedText) cutPrefix(s string) (rest string, ok bool) {
	for _, r := range f {
		rest, ok := strings.CutPrefix(s, r.lower)
		if !ok {
			if rest, ok = strings.CutPrefix(s, r.upper); !ok {
				return s, false
			}
		}
		s = rest
	}
	return s, true
}

// isSuffix reports whether s ends with the folded text.
func (f foldedText) isSuffix(s string) bool {
	for _, r := range slices.Backward(f) {
		rest, ok := strings.CutSuffix(s, r.lower)
		if !ok {
			if rest, ok = strings.CutSuffix(s, r.upper); !ok {
				return false
			}
		}
		s = rest
	}
	return true
}

// is reports whether s is the folded text.
func (f foldedText) is(s string) bool {
	rest, ok := f.cutPrefix(s)
	return ok && rest == ""
}

// quote is what the engine has around a string when it compares the beginning or the end.
var quote = foldedRune{`"`, `"`}

// sameFolded holds for strings equal to the text but for case.
type sameFolded foldedText

func (t sameFolded) matches(l *scannedLeaf) bool {
	return l.kind == stringScalar && foldedText(t).is(l.text)
}

// hasFoldedPrefix holds for strings that begin with the text but for case; quotes count as in hasPrefix.
type hasFoldedPrefix foldedText

func (t hasFoldedPrefix) matches(l *scannedLeaf) bool {
	if l.kind != stringScalar {
		return false
	}
	if _, ok := foldedText(t).cutPrefix(l.text); ok {
		return true
	}
	last := len(t) - 1
	return last >= 0 && t[last] == quote && foldedText(t[:last]).is(l.text)
}

// hasFoldedSuffix holds for strings that end with the text but for case; quotes count as in hasPrefix.
type hasFoldedSuffix foldedText

func (t hasFoldedSuffix) matches(l *scannedLeaf) bool {
	return l.kind == stringScalar &&
		(foldedText(t).isSuffix(l.text) || len(t) > 0 && t[0] == quote && foldedText(t[1:]).is(l.text))
}

// longUpper is a character whose upper case has several.
type longUpper struct {
	of    rune
	upper string
}

// longUppers are the characters of the Basic Multilingual Plane with an upper case of several characters, whatever
// the language and the place in the word, from the Unicode Character Database (SpecialCasing), in order. Package
// unicode has the mappings to one character only.
var longUppers = [...]longUpper{
	{0x00DF, "SS"}, {0x0149, "\u02bcN"}, {0x01F0, "J\u030c"}, {0x0390, "\u0399\u0308\u0301"},
	{0x03B0, "\u03a5\u0308\u0301"}, {0x0587, "\u0535\u0552"}, {0x1E96, "H\u0331"}, {0x1E97, "T\u0308"},
	{0x1E98, "W\u030a"}, {0x1E99, "Y\u030a"}, {0x1E9A, "A\u02be"}, {0x1F50, "\u03a5\u0313"},
	{0x1F52, "\u03a5\u0313\u0300"}, {0x1F54, "\u03a5\u0313\u0301"}, {0x1F56, "\u03a5\u0313\u0342"}, {0x1F80, "\u1f08\u0399"},
	{0x1F81, "\u1f09\u0399"}, {0x1F82, "\u1f0a\u0399"}, {0x1F83, "\u1f0b\u0399"}, {0x1F84, "\u1f0c\u0399"},
	{0x1F85, "\u1f0d\u0399"}, {0x1F86, "\u1f0e\u0399"}, {0x1F87, "\u1f0f\u0399"}, {0x1F88, "\u1f08\u0399"},
	{0x1F89, "\u1f09\u0399"}, {0x1F8A, "\u1f0a\u0399"}, {0x1F8B, "\u1f0b\u0399"}, {0x1F8C, "\u1f0c\u0399"},
	{0x1F8D, "\u1f0d\u0399"}, {0x1F8E, "\u1f0e\u0399"}, {0x1F8F, "\u1f0f\u0399"}, {0x1F90, "\u1f28\u0399"},
	{0x1F91, "\u1f29\u0399"}, {0x1F92, "\u1f2a\u0399"}, {0x1F93, "\u1f2b\u0399"}, {0x1F94, "\u1f2c\u0399"},
	{0x1F95, "\u1f2d\u0399"}, {0x1F96, "\u1f2e\u0399"}, {0x1F97, "\u1f2f\u0399"}, {0x1F98, "\u1f28\u0399"},
	{0x1F99, "\u1f29\u0399"}, {0x1F9A, "\u1f2a\u0399"}, {0x1F9B, "\u1f2b\u0399"}, {0x1F9C, "\u1f2c\u0399"},
	{0x1F9D, "\u1f2d\u0399"}, {0x1F9E, "\u1f2e\u0399"}, {0x1F9F, "\u1f2f\u0399"}, {0x1FA0, "\u1f68\u0399"},
	{0x1FA1, "\u1f69\u0399"}, {0x1FA2, "\u1f6a\u0399"}, {0x1FA3, "\u1f6b\u0399"}, {0x1FA4, "\u1f6c\u0399"},
	{0x1FA5, "\u1f6d\u0399"}, {0x1FA6, "\u1f6e\u0399"}, {0x1FA7, "\u1f6f\u0399"}, {0x1FA8, "\u1f68\u0399"},
	{0x1FA9, "\u1f69\u0399"}, {0x1FAA, "\u1f6a\u0399"}, {0x1FAB, "\u1f6b\u0399"}, {0x1FAC, "\u1f6c\u0399"},
	{0x1FAD, "\u1f6d\u0399"}, {0x1FAE, "\u1f6e\u0399"}, {0x1FAF, "\u1f6f\u0399"}, {0x1FB2, "\u1fba\u0399"},
	{0x1FB3, "\u0391\u0399"}, {0x1FB4, "\u0386\u0399"}, {0x1FB6, "\u0391\u0342"}, {0x1FB7, "\u0391\u0342\u0399"},
	{0x1FBC, "\u0391\u0399"}, {0x1FC2, "\u1fca\u0399"}, {0x1FC3, "\u0397\u0399"}, {0x1FC4, "\u0389\u0399"},
	{0x1FC6, "\u0397\u0342"}, {0x1FC7, "\u0397\u0342\u0399"}, {0x1FCC, "\u0397\u0399"}, {0x1FD2, "\u0399\u0308\u0300"},
	{0x1FD3, "\u0399\u0308\u0301"}, {0x1FD6, "\u0399\u0342"}, {0x1FD7, "\u0399\u0308\u0342"}, {0x1FE2, "\u03a5\u0308\u0300"},
	{0x1FE3, "\u03a5\u0308\u0301"}, {0x1FE4, "\u03a1\u0313"}, {0x1FE6, "\u03a5\u0342"}, {0x1FE7, "\u03a5\u0308\u0342"},
	{0x1FF2, "\u1ffa\u0399"}, {0x1FF3, "\u03a9\u0399"}, {0x1FF4, "\u038f\u0399"}, {0x1FF6, "\u03a9\u0342"},
	{0x1FF7, "\u03a9\u0342\u0399"}, {0x1FFC, "\u03a9\u0399"}, {0xFB00, "FF"}, {0xFB01, "FI"},
	{0xFB02, "FL"}, {0xFB03, "FFI"}, {0xFB04, "FFL"}, {0xFB05, "ST"},
	{0xFB06, "ST"}, {0xFB13, "\u0544\u0546"}, {0xFB14, "\u0544\u0535"}, {0xFB15, "\u0544\u053b"},
	{0xFB16, "\u054e\u0546"}, {0xFB17, "\u0544\u053d"},
}
