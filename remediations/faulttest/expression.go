package faulttest

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// An expression is a condition or an update of DynamoDB, as far as the store uses that language. Everything else is an
// error.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.html
type expression struct {
	words    []string
	item     item // the stored item; nil if there is none
	names    map[string]string
	values   item
	problems []string
}

// word matches a token.
var word = regexp.MustCompile(`[#:]?[A-Za-z_][A-Za-z0-9_]*|[#:][0-9]+|[(),=<]`)

// parse returns an expression about the stored item.
func parse(text string, stored item, names map[string]string, values item) *expression {
	return &expression{words: word.FindAllString(text, -1), item: stored, names: names, values: values}
}

// err returns what was wrong with the expression.
func (e *expression) err() error {
	if len(e.words) > 0 {
		e.problems = append(e.problems, "unexpected "+strconv.Quote(e.words[0]))
	}
	if len(e.problems) > 0 {
		return fmt.Errorf("the test's table cannot read an expression: %s", strings.Join(e.problems, "; "))
	}
	return nil
}

// take consumes the next token if it is the one that is wanted.
func (e *expression) take(want string) bool {
	if len(e.words) == 0 || e.words[0] != want {
		return false
	}
	e.words = e.words[1:]
	return true
}

// need consumes a token that must be next.
func (e *expression) need(want string) {
	if !e.take(want) {
		e.problems = append(e.problems, "missing "+strconv.Quote(want))
		e.words = nil
	}
}

// next consumes any token.
func (e *expression) next() string {
	if len(e.words) == 0 {
		e.problems = append(e.problems, "unexpected end")
		return ""
	}
	w := e.words[0]
	e.words = e.words[1:]
	return w
}

// name consumes the name of an attribute.
func (e *expression) name() string {
	w := e.next()
	if !strings.HasPrefix(w, "#") {
		return w
	}
	if e.names[w] == "" {
		e.problems = append(e.problems, "no name "+w)
	}
	return e.names[w]
}

// value consumes a value.
func (e *expression) value() types.AttributeValue {
	w := e.next()
	if e.values[w] == nil {
		e.problems = append(e.problems, "no value "+w)
	}
	return e.values[w]
}

// conditionHolds reports whether a condition holds for the stored item.
func conditionHolds(condition *string, stored item, names map[string]string, values item) (bool, error) {
	if condition == nil {
		return true, nil
	}
	e := parse(*condition, stored, names, values)
	held := e.either()
	return held, e.err()
}

// either evaluates terms joined by OR.
func (e *expression) either() bool {
	held := e.both()
	for e.take("OR") {
		held = e.both() || held
	}
	return held
}

// both evaluates terms joined by AND.
func (e *expression) both() bool {
	held := e.term()
	for e.take("AND") {
		held = e.term() && held
	}
	return held
}

// term evaluates a comparison, a function or a parenthesis.
func (e *expression) term() bool {
	if e.take("(") {
		held := e.either()
		e.need(")")
		return held
	}
	if e.take("attribute_not_exists") {
		e.need("(")
		name := e.name()
		e.need(")")
		return e.item[name] == nil
	}
	left := e.item[e.name()]
	operator, right := e.next(), e.value()
	switch {
	case left == nil:
		return false
	case operator == "=":
		return textOf(left) == textOf(right) && numberOf(left) == numberOf(right)
	case operator == "<":
		return numberOf(left) < numberOf(right)
	}
	e.problems = append(e.problems, "unexpected "+strconv.Quote(operator))
	return false
}

// applyUpdate returns the item after an update. key is its key.
func applyUpdate(update *string, stored, key item, names map[string]string, values item) (item, error) {
	next := maps.Clone(stored)
	if next == nil {
		next = maps.Clone(key)
	}
	if update == nil {
		return nil, fmt.Errorf("the test's table needs an update expression")
	}
	e := parse(*update, stored, names, values)
	for len(e.words) > 0 {
		clause := e.next()
		for more := true; more; more = e.take(",") {
			switch clause {
			case "SET":
				e.set(next)
			case "ADD":
				name := e.name()
				next[name] = sum(next[name], e.value())
			case "REMOVE":
				delete(next, e.name())
			default:
				return nil, fmt.Errorf("the test's table does not support the clause %q", clause)
			}
		}
	}
	return next, e.err()
}

// set evaluates one assignment.
func (e *expression) set(next item) {
	name := e.name()
	e.need("=")
	if !e.take("if_not_exists") {
		next[name] = e.value()
		return
	}
	e.need("(")
	present := e.item[e.name()]
	e.need(",")
	if next[name] = e.value(); present != nil {
		next[name] = present
	}
	e.need(")")
}

// sum adds numbers, or joins sets.
func sum(a, b types.AttributeValue) types.AttributeValue {
	if set, ok := b.(*types.AttributeValueMemberSS); ok {
		all := append(namesOf(a), set.Value...)
		slices.Sort(all)
		return &types.AttributeValueMemberSS{Value: slices.Compact(all)}
	}
	return &types.AttributeValueMemberN{Value: strconv.Itoa(numberOf(a) + numberOf(b))}
}
