package config

import (
	"cmp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/countermand/countermand/remediations"
)

// off is how the configuration file leaves a module out.
const off = "off"

// Place is where something is deployed to. What is not known, or does not matter, is empty.
type Place struct {
	Account string // 12 digits
	Region  string
}

// covers reports whether all that is in another place is in this one, too.
func (p Place) covers(other Place) bool {
	return (p.Account == "" || p.Account == other.Account) && (p.Region == "" || p.Region == other.Region)
}

// setting is how far a module may go, if it is deployed.
type setting struct {
	off  bool
	mode remediations.Mode
}

// moduleMode is what the file says of a module.
type moduleMode struct {
	setting
	where    []modeAt
	sweep    *setting // nil if it says nothing of sweeps
	settings ast.Node // nil if it says nothing of them
}

// modeAt is a module's setting in a place. Of several, the first that fits counts.
type modeAt struct {
	Place
	setting
	node ast.Node
}

// modes is what the file says of each module that it names.
func (r *reader) modes(n ast.Node, modules []*remediations.Module) map[string]moduleMode {
	modes := map[string]moduleMode{}
	var fields []field
	for _, m := range modules {
		fields = append(fields, field{name: m.Name, read: func(n ast.Node) {
			var said moduleMode
			var sweep ast.Node
			keys := []field{
				{name: "mode", required: true, read: func(n ast.Node) { said.setting = r.mode(n, m) }},
				{name: "where", read: func(n ast.Node) { said.where = r.where(n, m) }},
			}
			keys = append(keys, r.unless(m.Sweep == nil, m, field{name: "sweep", read: func(n ast.Node) { sweep = n }}),
				r.unless(m.Settings == nil, m, field{name: "settings", read: func(n ast.Node) { said.settings = n }}))
			r.mapping(n, m.Name, keys)
			if sweep != nil {
				said.sweep = r.sweep(sweep, m, said)
			}
			modes[m.Name] = said
		}})
	}
	r.keys(n, "module", fields)
	return modes
}

// unless is a key that a module may have; where it has none such, who sets it is told so.
func (r *reader) unless(none bool, m *remediations.Module, f field) field {
	if none {
		f.read = func(n ast.Node) { r.wrong(n, "%s has no %s", m.Name, f.name) }
	}
	return f
}

// mode reads a mode that a module can be in, or off.
func (r *reader) mode(n ast.Node, m *remediations.Module) setting {
	text := r.oneOf(n, "mode", off, remediations.Observe.String(), remediations.Alert.String(), remediations.Enforce.String())
	s := setting{off: text == off}
	if err := s.mode.UnmarshalText([]byte(text)); err != nil {
		return s // off, or what oneOf has noted
	}
	if s.mode == remediations.Enforce && m.Action == nil {
		r.wrong(n, "%s has no action to enforce: want off, observe or alert", m.Name)
	}
	return s
}

// sweep reads how far a module's sweeps go: no further than the module goes somewhere.
func (r *reader) sweep(n ast.Node, m *remediations.Module, said moduleMode) *setting {
	s, most := r.mode(n, m), said.setting
	for _, at := range said.where {
		if !at.off && (most.off || at.mode > most.mode) {
			most = at.setting
		}
	}
	if !s.off && !most.off && s.mode > most.mode {
		r.wrong(n, "a sweep goes no further than its module, whose mode is %s", most.mode)
	}
	return &s
}

// where reads the places in which a module has another mode.
func (r *reader) where(n ast.Node, m *remediations.Module) []modeAt {
	var list []modeAt
	r.list(n, func(n ast.Node) {
		at := modeAt{node: n}
		before := len(r.problems)
		r.mapping(n, "a place", []field{
			{name: "account", read: func(n ast.Node) { at.Account = r.matching(n, accountID, "an account's 12 digits") }},
			{name: "region", read: func(n ast.Node) { at.Region = r.matching(n, regionName, "a Region, such as eu-west-1") }},
			{name: "mode", required: true, read: func(n ast.Node) { at.setting = r.mode(n, m) }},
		})
		if len(r.problems) > before {
			return
		}
		if at.Place == (Place{}) {
			r.wrong(n, "a place needs account, region or both")
			return
		}
		for _, earlier := range list {
			if earlier.covers(at.Place) {
				r.wrong(n, "this never counts: what line %s says comes first", r.line(earlier.node))
				break
			}
		}
		list = append(list, at)
	})
	return list
}

// enable fills in the modules that are deployed: one that the file does not name runs in its default mode. A template
// that depends on where it is deployed to is bound to that place.
func (r *reader) enable(c *Config, modules []*remediations.Module, modes map[string]moduleMode, settings map[string]any, here Place) {
	here.Account, here.Region = cmp.Or(c.Account, here.Account), cmp.Or(c.Region, here.Region)
	for _, m := range modules {
		said, named := modes[m.Name]
		if !named {
			said.mode = m.Default
		}
		for _, at := range said.where {
			if at.Account != "" {
				c.Account = here.Account
			}
			if at.Region != "" {
				c.Region = here.Region
			}
		}
		s := r.settingIn(here, said)
		if s.off {
			continue
		}
		if m.Global && here.Region != "" {
			c.Region = here.Region
			if global := remediations.GlobalRegion(here.Region); global != "" && global != here.Region {
				c.Elsewhere = append(c.Elsewhere, m.Name)
				continue
			}
		}
		e := Enabled{Module: m, Mode: s.mode, Settings: settings[m.Name]}
		e.Sweep, e.Swept = sweepOf(m, said.sweep, s.mode)
		c.Modules = append(c.Modules, e)
	}
	slices.SortFunc(c.Modules, func(a, b Enabled) int { return strings.Compare(a.Name, b.Name) })
}

// settingIn is a module's setting in a place. If it can't be told, that is noted.
func (r *reader) settingIn(here Place, said moduleMode) setting {
	for _, at := range said.where {
		// What is known may be enough to pass it by.
		known := Place{at.Account, at.Region}
		if here.Account == "" {
			known.Account = ""
		}
		if here.Region == "" {
			known.Region = ""
		}
		switch {
		case !known.covers(here):
			continue
		case known == at.Place:
			return at.setting
		case known.Account != at.Account:
			r.wrong(at.node, "the mode depends on the account, and none is known: name it in this file (account), or call the CDK with credentials for it")
		default:
			r.wrong(at.node, "the mode depends on the Region, and none is known: name it in this file (region), or set AWS_REGION")
		}
		return said.setting
	}
	return said.setting
}
