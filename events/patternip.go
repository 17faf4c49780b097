package events

import (
	"encoding/hex"
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
	numbers   bool // numbers are compared too
}

func (t addressRange) matches(l *leaf) bool {
	switch {
	case l.kind == stringScalar:
		digits, ok := addressDigits(l.text)
		return ok && t.contains(digits)
	case l.kind == numberScalar && t.numbers:
		return t.contains(l.text)
	}
	return false
}

func (t addressRange) contains(digits string) bool {
	onLow, onHigh := true, true
	for i := range len(t.low) {
		if i == len(digits) || strings.IndexByte("0123456789ABCDEF", digits[i]) < 0 {
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
	case len(address) == 4 && bits > 31:
		return block, "IPv4 mask bits must be < 32"
	case bits > 127:
		return block, "IPv6 mask bits must be < 128"
	}
	low, high := make([]byte, len(address)), make([]byte, len(address))
	for i, b := range address {
		free := byte(0xFF) >> min(8, max(0, int(bits)-8*i)) // bits of this byte that the mask leaves free
		low[i], high[i] = b&^free, b|free
	}
	return addressRange{low: hexDigits(low), high: hexDigits(high)}, ""
}

// addressDigits returns the hexadecimal digits of an IP address, 8 or 32 of them.
func addressDigits(s string) (string, bool) {
	address, ok := parseAddress(s)
	return hexDigits(address), ok
}

func hexDigits(address []byte) string { return strings.ToUpper(hex.EncodeToString(address)) }

// looksLikeAddress reports whether s has the characters of an IPv6 address or the shape of an IPv4 one.
func looksLikeAddress(s string) bool {
	if strings.Contains(s, ":") {
		return strings.Trim(s, "0123456789abcdefABCDEF:") == ""
	}
	parts := strings.Split(s, ".")
	for _, part := range parts {
		if part == "" || strings.Trim(part, "0123456789") != "" {
			return false
		}
	}
	return len(parts) == 4
}

// parseAddress reads an IP address as Java does, whose rules differ from net/netip's: leading zeros are decimal in
// IPv4 and without limit in IPv6, an IPv6 address has no zone and no dotted part, and an IPv4-mapped one is IPv4.
func parseAddress(s string) ([]byte, bool) {
	switch {
	case !looksLikeAddress(s):
		return nil, false
	case strings.Contains(s, ":"):
		return parseIPv6(s)
	case len(s) > 15:
		return nil, false
	}
	address := make([]byte, 0, 4)
	for part := range strings.SplitSeq(s, ".") {
		b, err := strconv.ParseUint(part, 10, 8)
		if err != nil {
			return nil, false
		}
		address = append(address, byte(b))
	}
	return address, true
}

// parseIPv6 reads an IPv6 address of hexadecimal digits and colons. "::" stands for one or more groups of zeros.
func parseIPv6(s string) ([]byte, bool) {
	head, tail, gap := strings.Cut(s, "::")
	front, ok := groups(head)
	if !ok {
		return nil, false
	}
	back, ok := groups(tail)
	missing := 16 - len(front) - len(back)
	if !ok || gap && missing < 2 || !gap && missing != 0 {
		return nil, false
	}
	address := append(front, make([]byte, missing)...)
	address = append(address, back...)
	if strings.HasPrefix(string(address), "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xFF\xFF") {
		return address[12:], true
	}
	return address, true
}

// groups reads groups of hexadecimal digits separated by single colons, two bytes each; s may be empty.
func groups(s string) ([]byte, bool) {
	var bytes []byte
	if s == "" {
		return nil, true
	}
	for part := range strings.SplitSeq(s, ":") {
		group, err := strconv.ParseUint(part, 16, 16)
		if err != nil {
			return nil, false
		}
		bytes = append(bytes, byte(group>>8), byte(group))
	}
	return bytes, true
}
