package config

import (
	"fmt"
	"slices"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/countermand/countermand/remediations"
)

// maxExemption is for how many days an exemption may be given: a year, and a month in which to look at it again.
const maxExemption = 400

func (r *reader) exemptions(n ast.Node, modules []*remediations.Module, now time.Time) []remediations.Exemption {
	names := []string{remediations.AllModules}
	for _, m := range modules {
		names = append(names, m.Name)
	}
	lines := map[remediations.Exemption]string{} // by what they are of
	var list []remediations.Exemption
	r.list(n, func(n ast.Node) {
		x, ok := r.exemption(n, names, now)
		if ok {
			of := x
			of.Owner, of.Reason, of.Expires = "", "", time.Time{}
			if first, twice := lines[of]; twice {
				r.wrong(n, "the exemption of %s from %s is there already, in line %s", x, x.Module, first)
			} else {
				lines[of] = r.line(n)
			}
		}
		list = append(list, x)
	})
	return list
}

// exemption reads one exemption, and reports whether nothing is wrong with it.
func (r *reader) exemption(n ast.Node, modules []string, now time.Time) (x remediations.Exemption, ok bool) {
	before := len(r.problems)
	r.mapping(n, "an exemption", []field{
		{name: "module", required: true, read: func(n ast.Node) { x.Module = r.oneOf(n, "module", modules...) }},
		{name: "resource", read: func(n ast.Node) { x.Resource = r.checked(n, remediations.CheckResource) }},
		{name: "account", read: func(n ast.Node) { x.Account = r.matching(n, accountID, "an account's 12 digits") }},
		{name: "principal", read: func(n ast.Node) { x.Principal = r.checked(n, remediations.CheckPrincipal) }},
		{name: "tag", read: func(n ast.Node) { x.Tag = r.checked(n, remediations.CheckTag) }},
		{name: "owner", required: true, read: func(n ast.Node) { x.Owner = r.text(n) }},
		{name: "reason", required: true, read: func(n ast.Node) { x.Reason = r.text(n) }},
		{name: "expires", required: true, read: func(n ast.Node) { x.Expires = r.end(n, now) }},
	})
	if len(r.problems) > before {
		return x, false
	}
	if err := x.Validate(); err != nil {
		r.wrong(n, "%s", err)
		return x, false
	}
	return x, true
}

// checked reads a text that a check finds nothing wrong with.
func (r *reader) checked(n ast.Node, check func(string) error) string {
	text := r.text(n)
	if text == "" {
		return ""
	}
	if err := check(text); err != nil {
		r.wrong(n, "%s", err)
	}
	return text
}

// end is the instant at which a day begins in UTC. It may be over, but not too far ahead.
func (r *reader) end(n ast.Node, now time.Time) time.Time {
	text := r.text(n)
	if text == "" {
		return time.Time{}
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		r.wrong(n, "want a date, such as 2027-01-31, got %q", text)
	} else if last := now.UTC().AddDate(0, 0, maxExemption); day.After(last) {
		r.wrong(n, "want a date at most %d days ahead, until %s, got %s: an exemption is looked at again once a year",
			maxExemption, last.Format(time.DateOnly), text)
	}
	return day
}

// Notices says of each exemption that keeps no module's hands off at a time, or soon won't, why. That is no
// error: a deployment must not fail because a day has passed.
func (c *Config) Notices(now time.Time) []string {
	var notices []string
	for _, x := range c.Exemptions {
		deployed := slices.ContainsFunc(c.Modules, func(m Enabled) bool { return x.AppliesTo(m.Name) })
		name := fmt.Sprintf("the exemption of %s from %s", x, x.Module)
		ends := x.Expires.Format(time.DateOnly)
		switch {
		case !deployed:
			notices = append(notices, name+" does nothing: the module is off")
		case !now.Before(x.Expires):
			notices = append(notices, name+" ended on "+ends+": delete it, or give it another day")
		case c.Account != "" && x.InOtherAccount(c.Account):
			notices = append(notices, name+" is one of another account than "+c.Account+", where this is deployed to: only an organisation's trail can match it")
		case c.Account != "" && x == (remediations.Exemption{Module: x.Module, Account: c.Account, Owner: x.Owner, Reason: x.Reason, Expires: x.Expires}):
			notices = append(notices, name+" is one of every resource there is in the account: mode: off says that as well, and is seen")
		case x.EndsSoon(now):
			notices = append(notices, fmt.Sprintf("%s (%s) counts %s: delete it, or give it another day", name, x.Owner, x.Until(now)))
		}
	}
	return notices
}

// ExemptionsOf is the exemptions from a module.
func (c *Config) ExemptionsOf(module string) []remediations.Exemption {
	var list []remediations.Exemption
	for _, x := range c.Exemptions {
		if x.AppliesTo(module) {
			list = append(list, x)
		}
	}
	return list
}
