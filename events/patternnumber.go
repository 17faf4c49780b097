package events

import (
	"math"
	"strconv"
)

// numberState says what is known of a number in an event.
type numberState byte

const (
	unknownNumber numberState = iota
	comparableValue
	incomparable
)

// comparable returns the value of a leaf that is a number which the engine compares by value.
func (l *leaf) comparable() (float64, bool) {
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
// and exactly what its float64 prints as, which has 17 digits at most. Every number of up to 15 significant digits is.
func comparableNumber(text string) (float64, bool) {
	written, ok := significant(text)
	if !ok {
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

// maxDigits is the most significant digits that the shortest decimal of a float64 has.
const maxDigits = 17

// A decimal is a number without its sign: its digits without outer zeros, and the power of ten of the last.
type decimal struct {
	digits   [maxDigits]byte
	count    int
	exponent int
}

// significant returns the decimal of a JSON number; false if it has too many digits.
func significant(text string) (d decimal, ok bool) {
	zeros, exponent, fraction := 0, 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '.':
			fraction = true
			continue
		case c == 'e' || c == 'E':
			exponent = boundedInt(text[i+1:])
			i = len(text)
			continue
		case c == '-':
			continue
		case c == '0':
			zeros++
		default:
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
			d.digits[d.count] = c
			d.count++
		}
		if fraction {
			d.exponent--
		}
	}
	if d.count == 0 {
		return decimal{}, true
	}
	d.exponent += exponent + zeros
	return d, true
}

// boundedInt reads an integer and cuts it to a size that can't overflow in sums.
func boundedInt(text string) int {
	n, _ := strconv.Atoi(text) // out of range it returns the nearest integer
	return max(math.MinInt32, min(n, math.MaxInt32))
}
