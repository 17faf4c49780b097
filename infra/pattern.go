package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/countermand/countermand/events/pattern"
)

// decodePattern is a pattern as the template holds it. It refuses what would not arrive there as it is
// written: the CDK drops every null, and writes numbers in its own way.
func decodePattern(pattern pattern.Pattern) (map[string]any, error) {
	var written any
	decoder := json.NewDecoder(strings.NewReader(string(pattern)))
	decoder.UseNumber()
	if err := decoder.Decode(&written); err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	if err := arrives(written); err != nil {
		return nil, err
	}
	var fields map[string]any
	if err := json.Unmarshal([]byte(pattern), &fields); err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	return fields, nil
}

func arrives(value any) error {
	switch v := value.(type) {
	case nil:
		return errors.New("null can't be put into a template")
	case json.Number:
		number, err := v.Float64()
		if err != nil {
			return fmt.Errorf("number %s: %w", v, err)
		}
		if text, _ := json.Marshal(number); string(text) != v.String() {
			return fmt.Errorf("number %s would be %s in the template: write that", v, text)
		}
	case []any:
		for _, element := range v {
			if err := arrives(element); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, field := range v {
			if err := arrives(field); err != nil {
				return err
			}
		}
	}
	return nil
}
