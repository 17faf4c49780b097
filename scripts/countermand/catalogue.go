package main

import (
	"fmt"
	"strings"
)

// catalogueIntro is how CATALOGUE.md begins.
const catalogueIntro = `# Catalogue

What each module watches, judges, changes and may call. This page is made from the modules themselves, by

` + "```" + `
` + name + ` modules --format markdown > CATALOGUE.md
` + "```" + `

so change the module, and never this page. Each module begins by watching: it acts only where countermand.yaml says
` + "`enforce`" + `. What it wrote is taken back by ` + "`countermand undo RUN`" + `, unless somebody has changed it since.
`

// catalogue is a page on all modules, in Markdown: a table to choose from, and a section for each.
func catalogue(all []description) string {
	var b strings.Builder
	b.WriteString(catalogueIntro)
	b.WriteString("\n| module | what it does | severity | starts in | acts | undo | sweep |\n|---|---|---|---|---|---|---|\n")
	for _, d := range all {
		sweep := "no"
		if d.Schedule != "" {
			sweep = d.often()
		}
		fmt.Fprintf(&b, "| [%s](#%[1]s) | %s | %s | %s | %s | %s | %s |\n",
			d.Name, escapedMarkdown(d.Title), d.Severity, d.Mode, yesNo(d.Acts), yesNo(d.Undoes), sweep)
	}
	for _, d := range all {
		b.WriteString("\n" + d.markdown())
	}
	return b.String()
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// markdown is a section on the module.
func (d description) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n\n**%s.**\n\n%s\n\n", d.Name, escapedMarkdown(sentence(d.Title)), escapedMarkdown(d.about()))
	fmt.Fprintf(&b, "- **Watches** %s", escapedMarkdown(d.Watches))
	if d.Schedule != "" {
		fmt.Fprintf(&b, "; and %s all that is there, whatever was called", d.often())
	}
	fmt.Fprintf(&b, "\n- **Starts in** `%s`, severity %s", d.Mode, d.Severity)
	if d.Global {
		b.WriteString("; " + globalOnly)
	}
	if d.Acts {
		fmt.Fprintf(&b, "\n- **Risk** %s\n- **Undo** %s", escapedMarkdown(d.Risk), escapedMarkdown(d.Undo))
	} else {
		b.WriteString("\n- **Acts** never: it tells people")
	}
	if len(d.Controls) > 0 {
		b.WriteString("\n- **Controls** ")
	}
	for i, control := range d.Controls {
		fmt.Fprintf(&b, "%s[%s](%s)", strings.Repeat(", ", min(i, 1)), escapedMarkdown(control.ID), control.URL)
	}
	b.WriteString("\n")
	for _, part := range d.rights() {
		fmt.Fprintf(&b, "- **%s**\n", part.title)
		for _, p := range part.permissions {
			fmt.Fprintf(&b, "  - `%s` on `%s`%s\n", p.Action, p.Resource, escapedMarkdown(p.conditionOf()+because(p)))
		}
	}
	for _, policy := range d.Policies {
		fmt.Fprintf(&b, "- **IAM policy** `%s`, deployed with it: %s\n", policy.Name, escapedMarkdown(policy.Why))
	}
	if len(d.Settings) > 0 {
		fmt.Fprintf(&b, "\nSettings, with their defaults, as in countermand.yaml:\n\n```yaml\n%s```\n", d.example())
	}
	return b.String()
}

func because(p permission) string {
	if p.Why == "" {
		return ""
	}
	return ", because " + p.Why
}

// sentence is a text with a capital letter at its beginning.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// markup is what Markdown takes for more than itself within a line, and how it is written to be no more.
var markup = strings.NewReplacer(`\`, `\\`, "`", "\\`", `*`, `\*`, `_`, `\_`, `<`, `&lt;`, `[`, `\[`, `|`, `\|`)

// escapedMarkdown is plain text as Markdown.
func escapedMarkdown(text string) string { return markup.Replace(text) }
