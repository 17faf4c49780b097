package pattern

import (
	"math"
	"strconv"
	"strings"
)

// numberState says what is known of a number in an event.
type numberState byte

const (
	unknownNumber numberState = iota
	comparableValue
	incomparable
)

// comparable returns the value of a leaf that is a number which the engine compares by value.
func (l *scannedLeaf) comparable() (float64, bool) {
	if l.number == unknownNumber {
		l.number = incomparable
		if l.kind == numberScalar {
			if value, ok := comparableNumber(l.text); ok {
				l.value, l.number = value, comparableValue
			}
		}
	}
	return l.value, l.number == comparableValue
}

// comparableNumber returns the value of a JSON number and whether the engine compares it by value: it must be finite
// and exactly what its float64 prints as, which has 17 digits at most. Every number of up to 15 significant digits is,
// unless its exponent is beyond what the engine reads.
func comparableNumber(text string) (float64, bool) {
	written, ok := significant(text)
	if !ok || written.exponent+int64(written.count) > maxMagnitude {
		return 0, false
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, false // too large
	}
	var buffer [32]byte
	shortest, ok := significant(string(strconv.AppendFloat(buffer[:0], value, 'e', -1, 64)))
	return value, ok && written == shortest
}

// maxMagnitude is how many digits the largest float64 has before the point.
const maxMagnitude = 309

// maxDigits is the most significant digits that the shortest decimal of a float64 has.
const maxDigits = 17

// A decimal is a number without its sign: its digits without outer zeros, and the power of ten of the last.
type decimal struct {
	digits   [maxDigits]byte
	count    int
	exponent int64
}

// significant returns the decimal of a JSON number; false if it has more digits or a larger exponent than can be.
func significant(text string) (d decimal, ok bool) {
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		if d.exponent, ok = exponent(text[i+1:]); !ok {
			return d, false
		}
		text = text[:i]
	}
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(text, "-"), ".")
	d.exponent -= int64(len(fraction))
	if d.exponent < -maxExponent || d.exponent > maxExponent {
		return d, false
	}
	zeros := 0 // since the last digit that is none
	for _, part := range [...]string{whole, fraction} {
		for i := range len(part) {
			if part[i] == '0' {
				zeros++
				continue
			}
			if d.count == 0 {
				zeros = 0
			}
			if d.count+zeros >= maxDigits {
				return d, false
			}
			for ; zeros > 0; zeros-- {
				d.digits[d.count] = '0'
				d.count++
			}
			d.digits[d.count] = part[i]
			d.count++
		}
	}
	if d.count == 0 {
		return decimal{}, true
	}
	d.exponent += int64(zeros)
	return d, true
}

// maxExponent is the largest exponent that the engine reads, and the smallest is as far below zero, once the digits
// behind the point are counted in it.
const maxExponent = math.MaxInt32

// exponent reads the exponent of a number; false if it is too large, whatever is behind the point. strconv would do, but
// for the memory that each of its errors takes.
func exponent(text string) (value int64, ok bool) {
	digits := strings.TrimLeft(text, "+-")
	for i := range len(digits) {
		if value = value*10 + int64(digits[i]-'0'); value >= 2*maxExponent {
			return 0, false
		}
	}
	if text[0] == '-' {
		value = -value
	}
	return value, true
}
