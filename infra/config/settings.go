package config

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"slices"

	"github.com/goccy/go-yaml/ast"

	"github.com/countermand/countermand/remediations"
)

// settings is each module's settings: its own, with what the file says of all modules that have one of a name, and of
// this one, put over them.
func (r *reader) settings(modules []*remediations.Module, shared ast.Node, said map[string]moduleMode) map[string]any {
	common := map[string]ast.Node{}
	var fields []field
	for _, m := range modules {
		for _, name := range settingNames(m) {
			if !slices.ContainsFunc(fields, func(f field) bool { return f.name == name }) {
				fields = append(fields, field{name: name, read: func(n ast.Node) { common[name] = n }})
			}
		}
	}
	r.keys(shared, "setting", fields)
	all := map[string]any{}
	for _, m := range modules {
		if m.Settings != nil {
			all[m.Name] = r.settingsOf(m, common, said[m.Name].settings)
		}
	}
	return all
}

// settingsOf is the settings of one module.
func (r *reader) settingsOf(m *remediations.Module, common map[string]ast.Node, own ast.Node) any {
	settings, err := m.ParseSettings([]byte("{}")) // a copy
	declared, listErr := m.DescribeSettings()
	if err != nil || listErr != nil {
		return m.Settings // which Validate refuses
	}
	value := reflect.New(reflect.TypeOf(settings)).Elem()
	value.Set(reflect.ValueOf(settings))
	defaults := reflect.ValueOf(settings)
	before := len(r.problems)
	nodes := map[int]ast.Node{} // where each setting is that the file has, by its index
	var last ast.Node
	var fields []field
	for _, s := range declared {
		read := func(n ast.Node) {
			nodes[s.Index], last = n, n
			if text, ok := n.(*ast.StringNode); ok && text.Value == "" && value.Field(s.Index).Kind() == reflect.String {
				value.Field(s.Index).SetString("") // Check says if it may be empty
				return
			}
			r.value(n, value.Field(s.Index))
		}
		if n, ok := common[s.Name]; ok {
			read(n)
		}
		fields = append(fields, field{name: s.Name, read: read})
	}
	if own != nil {
		r.keys(own, "setting", fields)
	}
	if err := remediations.CheckSettings(value.Interface()); err != nil && len(r.problems) == before && last != nil {
		at := last
		for i, n := range nodes {
			if alone := with(defaults, i, value.Field(i)); fmt.Sprint(remediations.CheckSettings(alone)) == err.Error() {
				at = n // it is wrong by itself
			}
		}
		r.wrong(at, "%s: %v", m.Name, err)
	}
	return value.Interface()
}

// with is a copy of settings with another value of one of them.
func with(settings reflect.Value, index int, value reflect.Value) any {
	changed := reflect.New(settings.Type()).Elem()
	changed.Set(settings)
	changed.Field(index).Set(value)
	return changed.Interface()
}

func settingNames(m *remediations.Module) []string {
	var names []string
	declared, err := m.DescribeSettings()
	if err != nil {
		return nil // which Validate refuses
	}
	for _, s := range declared {
		names = append(names, s.Name)
	}
	return names
}

// value reads a setting of any of the types that there are (see remediations/settings.go).
func (r *reader) value(n ast.Node, v reflect.Value) {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		text, ok := r.scalar(n)
		if !ok {
			return
		}
		if err := u.UnmarshalText([]byte(text)); err != nil {
			r.wrong(n, "%v", err)
		}
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(r.text(n))
	case reflect.Int:
		v.SetInt(int64(r.number(n, 0, math.MaxInt32)))
	case reflect.Bool:
		v.SetBool(r.boolean(n))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 0, 0))
		r.list(n, func(n ast.Node) {
			element := reflect.New(v.Type().Elem()).Elem()
			r.value(n, element)
			v.Set(reflect.Append(v, element))
		})
	}
}

// scalar is a text as it stands in the file. Digits need no quotes around them.
func (r *reader) scalar(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.IntegerNode:
		return n.GetToken().Value, true
	}
	r.wrong(n, "want a text, got %s", kindOf(n))
	return "", false
}

// sweepOf is how far a module's sweeps go if the module goes as far as a mode; false if there are none. If the file does
// not say, people are told, and nothing is put right: it may have been so for years.
func sweepOf(m *remediations.Module, said *setting, mode remediations.Mode) (remediations.Mode, bool) {
	switch {
	case m.Sweep == nil || said != nil && said.off:
		return 0, false
	case said == nil:
		return min(mode, remediations.Alert), true
	}
	return min(mode, said.mode), true
}
