package remediations

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
)

// A module's settings are a struct. Each field has a json tag, its name in countermand.yaml, and a doc tag, which
// describes it in a sentence. It is a string, an integer, a boolean, a type that reads itself from text (such as
// AccountID), or a list of one of these, so that a mistake in a file can be shown at its place. A name has the same
// type in all modules: the file can set it for all modules that have it.
//
//	type Settings struct {
//		TrustedAccounts []remediations.AccountID `json:"trustedAccounts" doc:"accounts that may be let in"`
//	}
//
// The struct may have a method Check() error for checks across fields.

// A Setting is one field of a module's settings.
type Setting struct {
	Name    string          // in countermand.yaml
	Doc     string          // a sentence
	Kind    string          // "text", "number", "yes or no", or a list of these
	Default json.RawMessage // the module's own value
	Index   int             // of the struct's field
}

// DescribeSettings returns what a module's owner may set, in the order of its struct.
func (m *Module) DescribeSettings() ([]Setting, error) {
	if m.Settings == nil {
		return nil, nil
	}
	v := reflect.ValueOf(m.Settings)
	if v.Kind() != reflect.Struct {
		return nil, fmt.Errorf("settings are a %s: want a struct", v.Kind())
	}
	var list []Setting
	for i := range v.NumField() {
		f := v.Type().Field(i)
		s := Setting{Name: f.Tag.Get("json"), Doc: f.Tag.Get("doc"), Index: i}
		var err error
		switch s.Kind, err = settingKind(f.Type); {
		case err != nil:
			return nil, fmt.Errorf("setting %s: %w", f.Name, err)
		case !f.IsExported() || !settingName.MatchString(s.Name) || s.Doc == "":
			return nil, fmt.Errorf("setting %s: want an exported field with the tags json (its name) and doc", f.Name)
		}
		if s.Default, err = json.Marshal(v.Field(i).Interface()); err != nil {
			return nil, fmt.Errorf("setting %s: %w", f.Name, err)
		}
		if string(s.Default) == "null" {
			s.Default = json.RawMessage("[]")
		}
		list = append(list, s)
	}
	return list, nil
}

// settingName matches a setting's name.
var settingName = regexp.MustCompile(`^[a-z][a-zA-Z0-9]*$`)

// settingKind says in words what values of a type contain.
func settingKind(t reflect.Type) (string, error) {
	if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return "text", nil
	}
	switch t.Kind() {
	case reflect.String:
		return "text", nil
	case reflect.Int:
		return "number", nil
	case reflect.Bool:
		return "yes or no", nil
	case reflect.Slice:
		if t.Elem().Kind() != reflect.Slice {
			kind, err := settingKind(t.Elem())
			return "list of " + kind, err
		}
	}
	return "", fmt.Errorf("unsupported setting type %s", t)
}

// ParseSettings reads settings from JSON on top of the module's defaults. An unknown name is an error.
func (m *Module) ParseSettings(text []byte) (any, error) {
	if m.Settings == nil {
		return nil, errors.New("the module has no settings")
	}
	own, err := json.Marshal(m.Settings)
	if err != nil {
		return nil, fmt.Errorf("encode the module's own settings: %w", err)
	}
	value := reflect.New(reflect.TypeOf(m.Settings)) // not a copy: that would share the lists
	for _, source := range [][]byte{own, text} {
		d := json.NewDecoder(bytes.NewReader(source))
		d.DisallowUnknownFields()
		if err := d.Decode(value.Interface()); err != nil {
			return nil, fmt.Errorf("decode settings: %w", err)
		}
	}
	settings := value.Elem().Interface()
	return settings, CheckSettings(settings)
}

// CheckSettings reports what is wrong with settings as a whole, by their method Check.
func CheckSettings(settings any) error {
	if c, ok := settings.(interface{ Check() error }); ok {
		return c.Check()
	}
	return nil
}

// An AccountID is the id of an AWS account: 12 digits.
type AccountID string

// accountID matches an AccountID.
var accountID = regexp.MustCompile(`^[0-9]{12}$`)

// UnmarshalText reads 12 digits.
func (a *AccountID) UnmarshalText(text []byte) error {
	if !accountID.Match(text) {
		return fmt.Errorf("want an account's 12 digits, got %q", text)
	}
	*a = AccountID(text)
	return nil
}
