package pattern

import (
	"strconv"
	"strings"
)

// addressRange holds for strings that are IP addresses from low to high, both included, given as hexadecimal digits.
//
// The engine compares the digits one by one and stops as soon as they lie strictly between the bounds, without a look
// at the length. So a range of one address family holds for addresses of the other that begin with such digits, and
// for the digits of a plain number.
type addressRange struct {
	low, high string
	numbers   bool // numbers are compared too; those that have no value to compare always are
}

func (t addressRange) matches(l *scannedLeaf) bool {
	switch {
	case l.kind == stringScalar:
		a, ok := parseAddress(l.text)
		if !ok {
			return false
		}
		digits := a.digits()
		return t.contains(string(digits[:2*a.size]))
	case l.kind == numberScalar:
		_, comparable := l.comparable()
		return (t.numbers || !comparable) && t.contains(l.text)
	}
	return false
}

func (t addressRange) contains(digits string) bool {
	onLow, onHigh := true, true
	for i := range len(t.low) {
		if i == len(digits) || !isDigit(digits[i]) && (digits[i] < 'A' || digits[i] > 'F') {
			return false
		}
		if onLow && digits[i] < t.low[i] || onHigh && digits[i] > t.high[i] {
			return false
		}
		onLow = onLow && digits[i] == t.low[i]
		onHigh = onHigh && digits[i] == t.high[i]
		if !onLow && !onHigh {
			return true
		}
	}
	return true
}

// addressBlock returns the range of a CIDR block, or the engine's message where it is wrong. Bits beyond the mask
// don't matter; a mask that leaves a single address is refused.
func addressBlock(s string) (block addressRange, wrong string) {
	text, mask, found := strings.Cut(strings.TrimRight(s, "/"), "/")
	if !found || strings.Contains(mask, "/") {
		return block, "Malformed CIDR, one '/' required"
	}
	bits, err := strconv.ParseInt(mask, 10, 32)
	if err != nil {
		return block, "Malformed CIDR, mask bits must be an integer"
	}
	if bits < 0 {
		return block, "Malformed CIDR, mask bits must not be negative"
	}
	address, ok := parseAddress(text)
	switch {
	case !ok && looksLikeAddress(text):
		return block, "Invalid IP address: " + text
	case !ok:
		return block, "Nonstandard IP address: " + text
	case address.size == 4 && bits > 31:
		return block, "IPv4 mask bits must be < 32"
	case bits > 127:
		return block, "IPv6 mask bits must be < 128"
	}
	low, high := address, address
	for i, b := range address.bytes {
		free := byte(0xFF) >> min(8, max(0, int(bits)-8*i)) // bits of this byte that the mask leaves free
		low.bytes[i], high.bytes[i] = b&^free, b|free
	}
	return addressRange{low: low.text(), high: high.text()}, ""
}

// addressDigits returns the hexadecimal digits of an IP address, 8 or 32 of them.
func addressDigits(s string) (string, bool) {
	a, ok := parseAddress(s)
	return a.text(), ok
}

// An address is an IP address of four or sixteen bytes.
type ipAddress struct {
	bytes [16]byte
	size  int
}

const hexDigits = "0123456789ABCDEF"

func (a ipAddress) digits() (digits [32]byte) {
	for i, b := range a.bytes {
		digits[2*i], digits[2*i+1] = hexDigits[b>>4], hexDigits[b&15]
	}
	return digits
}

func (a ipAddress) text() string {
	digits := a.digits()
	return string(digits[:2*a.size])
}

// looksLikeAddress reports whether s has the characters of an IPv6 address or the shape of an IPv4 one.
func looksLikeAddress(s string) bool {
	if strings.Contains(s, ":") {
		return strings.Trim(s, "0123456789abcdefABCDEF:") == ""
	}
	dots, before := 0, byte('.')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '.' && before != '.':
			dots++
		case c < '0' || c > '9':
			return false
		}
		before = s[i]
	}
	return dots == 3 && before != '.'
}

// parseAddress reads an IP address as Java does, whose rules differ from net/netip's: leading zeros are decimal in
// IPv4 and without limit in IPv6, an IPv6 address has no zone and no dotted part, and an IPv4-mapped one is IPv4.
func parseAddress(s string) (a ipAddress, ok bool) {
	switch {
	case !looksLikeAddress(s):
		return a, false
	case strings.Contains(s, ":"):
		return parseIPv6(s)
	case len(s) > 15:
		return a, false
	}
	for part := range strings.SplitSeq(s, ".") {
		b, ok := parseGroup(part, 10, 0xFF)
		if !ok {
			return a, false
		}
		a.bytes[a.size] = byte(b)
		a.size++
	}
	return a, true
}

// parseIPv6 reads an IPv6 address of hexadecimal digits and colons. "::" stands for one or more groups of zeros.
func parseIPv6(s string) (a ipAddress, ok bool) {
	head, tail, gap := strings.Cut(s, "::")
	front, ok := hexGroups(head)
	if !ok {
		return a, false
	}
	back, ok := hexGroups(tail)
	missing := 16 - front.size - back.size
	if !ok || gap && missing < 2 || !gap && missing != 0 {
		return a, false
	}
	a = ipAddress{front.bytes, 16}
	copy(a.bytes[16-back.size:], back.bytes[:back.size])
	if mapped, ok := strings.CutPrefix(string(a.bytes[:]), "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xFF\xFF"); ok {
		a = ipAddress{size: 4}
		copy(a.bytes[:], mapped)
	}
	return a, true
}

// hexGroups reads up to eight groups of hexadecimal digits separated by single colons, two bytes each; s may be empty.
func hexGroups(s string) (a ipAddress, ok bool) {
	if s == "" {
		return a, true
	}
	for part := range strings.SplitSeq(s, ":") {
		group, ok := parseGroup(part, 16, 0xFFFF)
		if !ok || a.size == len(a.bytes) {
			return a, false
		}
		a.bytes[a.size], a.bytes[a.size+1] = byte(group>>8), byte(group)
		a.size += 2
	}
	return a, true
}

// parseGroup reads one group of digits, which are known to be digits of the base. strconv would do, but for the memory
// that each of its errors takes.
func parseGroup(digits string, base, most int) (value int, ok bool) {
	for i := range len(digits) {
		digit := int(digits[i] - '0')
		if !isDigit(digits[i]) {
			digit = int(digits[i]|0x20-'a') + 10
		}
		if value = value*base + digit; value > most {
			return 0, false
		}
	}
	return value, digits != ""
}
