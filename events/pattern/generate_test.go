package pattern

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"unicode/utf16"
)

// generator makes events, and patterns that match about half of them. The same seed makes the same ones.
type generator struct {
	*rand.Rand
	addresses bool // about addresses, and numbers with the digits of one
	manyKeys  bool // of many different keys
	crowded   bool // of few keys and values, in long arrays: there are many choices
}

func newGenerator(seed uint64) *generator {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 0))}
	g.addresses, g.manyKeys, g.crowded = g.oneIn(6), g.oneIn(12), g.oneIn(12)
	return g
}

func (g *generator) oneIn(n int) bool { return g.IntN(n) == 0 }

func (g *generator) pick(from ...string) string { return from[g.IntN(len(from))] }

func (g *generator) key() string {
	switch {
	case g.manyKeys && !g.oneIn(4):
		return strconv.Itoa(g.IntN(25)) + g.pick("", "", "", ".a")
	case g.crowded:
		return g.pick("a", "b", "c")
	case g.oneIn(20):
		return g.pick("", "", "a.b", "b.", ".a", ".", "é", "a\"\\", "😀", "a key that is longer than two words")
	}
	return g.pick("a", "a", "b", "b", "c", "d", "aa", "detail")
}

func (g *generator) word() string {
	switch {
	case g.addresses && !g.oneIn(4):
		return g.pick("10.0.0.1", "010.0.0.1", "10.0.0.2", "10.0.1.255", "0.0.0.0", "10.0.0", "10.0.0.256", "32.1.13.184",
			"32.1.13.0", "::", "::1", "0:0:0:0:0:0:0:1", "::00001", "::ffff:a00:1", "2001:db8::1", "2001:DB8:0::1",
			"1::2::3", "fe80::1%0")
	case g.oneIn(2):
		return g.pick("", "x", "X", "xy", "xyz", "é", "É", "SS", "ss", "ß", "ﬁ", "FI", "ς", "Σ", "1", "1.0", "true",
			"null", "x*y", "\\", "\"", "x\"", "\"x", "😀", "??", "\n", "PutBucketPolicy", "a text of some twenty by",
			"café au lait, déjà vu")
	}
	letters := []string{"x", "x", "y", "X", "*", "\"", "é"}
	word := ""
	for n := g.IntN(4) * (1 + g.IntN(4)); n > 0; n-- {
		word += g.pick(letters...)
		if g.oneIn(20) {
			word += string(rune(g.IntN(0x100)))
		}
	}
	return word
}

func (g *generator) number() json.Number {
	if g.addresses {
		return json.Number(g.pick("10203040", "0", "1", "7", "1E3", "1e3", "0.5", "-1", "1020304050", "2001", "20010"))
	}
	return json.Number(g.pick("0", "-0", "0.0e7", "1", "1.0", "10e-1", "2", "-1", "5.5", "1000", "1e3", "1E+3", "0.1",
		"1.000001", "1e400", "1e-400", "9007199254740993", "9007199254740992", "0.10000000000000001",
		"12345678901234567890"))
}

func (g *generator) scalar() any {
	if g.crowded {
		return g.pick("x", "y", "z")
	}
	switch g.IntN(8) {
	case 0, 1:
		return g.number()
	case 2:
		return []any{nil, true, false}[g.IntN(3)]
	}
	return g.word()
}

// event makes an object that is nested up to depth deep.
func (g *generator) event(depth int) refObject {
	object := refObject{}
	for range 1 + g.IntN(4) {
		key := g.key()
		object = append(object, refMember{key, g.value(depth - 1)})
		if g.oneIn(15) {
			object = append(object, refMember{key, g.value(depth - 1)})
		}
	}
	if g.oneIn(20) {
		return refObject{}
	}
	return object
}

func (g *generator) value(depth int) any {
	switch choice := g.IntN(10); {
	case depth <= 0 || choice < 3:
		return g.scalar()
	case choice < 5 || choice < 7 && !g.crowded:
		return g.event(depth)
	}
	length, deeper := g.IntN(4), g.IntN(2)
	if g.crowded {
		length, deeper = 2+g.IntN(5), 1
	}
	array := refArray{}
	for range length {
		array = append(array, g.value(depth-deeper))
	}
	return array
}

// pattern makes fields for an object of an event, most of them about what is there.
func (g *generator) pattern(about refObject, depth int) refObject {
	fields := refObject{}
	count := 1 + g.IntN(2)*g.IntN(3)
	if g.crowded {
		count += 2
	}
	for range count {
		if depth > 0 && g.oneIn(6) {
			branches := refArray{g.pattern(about, depth-1), g.pattern(about, depth-1)}
			if g.oneIn(3) {
				branches = append(branches, g.pattern(about, depth-1))
			}
			fields = append(fields, refMember{"$or", branches})
			continue
		}
		member := refMember{g.key(), g.scalar()}
		if len(about) > 0 && !g.oneIn(12) {
			member = about[g.IntN(len(about))]
		}
		fields = append(fields, g.field(member, depth))
	}
	return fields
}

// field makes a field for a member of an event.
func (g *generator) field(about refMember, depth int) refMember {
	value := about.value
	for {
		array, ok := value.(refArray)
		if !ok || len(array) == 0 {
			break
		}
		value = array[g.IntN(len(array))]
	}
	object, ok := value.(refObject)
	if !ok || depth <= 0 || len(object) == 0 || g.oneIn(20) {
		return refMember{about.key, g.matchers(value)}
	}
	if g.oneIn(6) { // the path in one key
		inner := g.field(object[g.IntN(len(object))], depth-1)
		return refMember{about.key + "." + inner.key, inner.value}
	}
	return refMember{about.key, g.pattern(object, depth-1)}
}

func (g *generator) matchers(about any) refArray {
	array := refArray{}
	for range 1 + g.IntN(2)*g.IntN(3) {
		switch about.(type) {
		case refObject, refArray:
			about = g.scalar()
		}
		array = append(array, g.matcher(about))
		if g.oneIn(2) {
			about = g.scalar()
		}
	}
	if g.oneIn(15) {
		array = refArray{about}
		for range 4 + g.IntN(8) {
			array = append(array, g.word())
		}
	}
	return array
}

// matcher makes a matcher that often holds for a scalar.
func (g *generator) matcher(about any) any {
	if g.oneIn(5) {
		exists := refObject{{"exists", !g.oneIn(4)}}
		but := refObject{{"anything-but", g.word()}}
		return []any{exists, but, about}[g.IntN(3)]
	}
	switch about := about.(type) {
	case string:
		return g.wordMatcher(about)
	case json.Number:
		return g.numberMatcher(about)
	}
	return about
}

func (g *generator) wordMatcher(about string) any {
	letters := []rune(about)
	cut := g.IntN(len(letters) + 1)
	head, tail := string(letters[:cut]), string(letters[cut:])
	escape := strings.NewReplacer(`\`, `\\`, "*", `\*`).Replace
	ignoreCase := func(s string) refObject { return refObject{{"equals-ignore-case", g.swapCase(s)}} }
	if g.addresses && g.oneIn(2) {
		address := g.pick("10.0.0.1", "0.0.0.0", "16.32.48.64", "32.1.13.184", "2001:db8::", "::", "2000::")
		return refObject{{"cidr", address + g.pick("/0", "/1", "/3", "/8", "/16", "/24", "/31")}}
	}
	switch g.IntN(16) {
	case 0:
		return refObject{{"prefix", head + g.pick("", "", "", "\"")}}
	case 1:
		return refObject{{"suffix", g.pick("", "", "", "\"") + tail}}
	case 2:
		return ignoreCase(about)
	case 3:
		return refObject{{"prefix", ignoreCase(head)}}
	case 4:
		return refObject{{"suffix", ignoreCase(tail)}}
	case 5:
		return refObject{{"wildcard", escape(head) + "*"}}
	case 6:
		return refObject{{"wildcard", g.wildcard(letters)}}
	case 7:
		return refObject{{"exactly", about}}
	case 8:
		return refObject{{"anything-but", refArray{g.word(), g.word(), g.word()}}}
	case 9:
		operator := g.pick("prefix", "suffix", "equals-ignore-case", "wildcard")
		texts := refArray{escape(g.word()) + "x", "y" + escape(g.word())}
		return refObject{{"anything-but", refObject{{operator, texts}}}}
	}
	return about
}

// swapCase changes the case of some letters, of which the reference knows the case.
func (g *generator) swapCase(word string) string {
	swapped := ""
	for _, c := range word {
		switch g.IntN(4) {
		case 0:
			swapped += strings.ToUpper(string(c))
		case 1:
			swapped += strings.ToLower(string(c))
		default:
			swapped += string(c)
		}
	}
	for _, c := range swapped {
		if c >= 0x80 && c <= 0xFFFF && refSpecialCase[c].upper == "" && !strings.ContainsRune(refPlainCase, c) {
			return word[:strings.IndexFunc(word+"é", func(c rune) bool { return c >= 0x80 })]
		}
	}
	return swapped
}

// wildcard replaces some letters by an asterisk, and escapes the rest.
func (g *generator) wildcard(letters []rune) string {
	var b strings.Builder
	starred := false
	for _, c := range letters {
		if g.oneIn(3) {
			if !starred {
				b.WriteByte('*')
			}
			starred = true
			continue
		}
		if c == '*' || c == '\\' {
			b.WriteByte('\\')
		}
		b.WriteRune(c)
		starred = false
	}
	if !starred && g.oneIn(3) {
		b.WriteByte('*')
	}
	return b.String()
}

func (g *generator) numberMatcher(about json.Number) any {
	numeric := func(operands ...any) any { return refObject{{"numeric", refArray(operands)}} }
	if _, comparable := refNumber(about); !comparable {
		return about
	}
	switch g.IntN(8) {
	case 0:
		return numeric(g.pick("=", "<=", ">="), about)
	case 1:
		return numeric(g.pick("<", ">"), about)
	case 2:
		return numeric(g.pick(">", ">="), json.Number("-1.5"), g.pick("<", "<="), json.Number("1e3"))
	case 3:
		return refObject{{"anything-but", refArray{json.Number("1"), json.Number("1e3")}}}
	case 4:
		return refObject{{"anything-but", about}}
	case 5:
		return refObject{{"exists", true}}
	}
	return about
}

// text writes a value as JSON, with white space and escapes here and there.
func (g *generator) text(value any) string {
	loose := g.oneIn(3)
	space := func() string {
		if !loose || !g.oneIn(3) {
			return ""
		}
		return g.pick(" ", "  ", "\n", "\t\r", "          ")
	}
	var b strings.Builder
	var write func(value any)
	write = func(value any) {
		b.WriteString(space())
		switch value := value.(type) {
		case refObject:
			for i, m := range value {
				b.WriteString([]string{"{", ","}[min(i, 1)] + space() + g.quote(m.key, loose) + space() + ":")
				write(m.value)
			}
			b.WriteString([]string{"{}", "}"}[min(len(value), 1)])
		case refArray:
			for i, element := range value {
				b.WriteString([]string{"[", ","}[min(i, 1)])
				write(element)
			}
			b.WriteString([]string{"[]", "]"}[min(len(value), 1)])
		case string:
			b.WriteString(g.quote(value, loose))
		case nil:
			b.WriteString("null")
		default:
			fmt.Fprint(&b, value)
		}
		b.WriteString(space())
	}
	write(value)
	return b.String()
}

// quote writes a string, with more escapes than it needs if it is loose.
func (g *generator) quote(s string, loose bool) string {
	var b strings.Builder
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			b.WriteString(`\` + string(c))
		case c < ' ' || loose && g.oneIn(8):
			for _, unit := range utf16.Encode([]rune{c}) {
				fmt.Fprintf(&b, g.pick(`\u%04x`, `\u%04X`), unit)
			}
		default:
			b.WriteRune(c)
		}
	}
	return `"` + b.String() + `"`
}

// generated makes patterns and events, of which each pattern is about one event.
func generated(seed uint64, patterns, events int) (map[string]Pattern, []string) {
	g := newGenerator(seed)
	byName := map[string]Pattern{}
	var texts []string
	var trees []refObject
	for range events {
		tree := g.event(4)
		trees = append(trees, tree)
		text := g.text(tree) + g.pick("", "", " ", "x", "}")
		if g.oneIn(25) {
			text = text[:g.IntN(len(text)+1)]
		}
		texts = append(texts, text)
	}
	for i := range patterns {
		byName[strconv.Itoa(i)] = Pattern(g.text(g.pattern(trees[i%events], 3)))
	}
	return byName, texts
}
