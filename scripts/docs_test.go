package scripts_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// readmeLines bounds README.md: it shows what Countermand is and how to begin, and leads to the pages that say more.
const readmeLines = 120

func TestReadmeIsShort(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if lines := bytes.Count(text, []byte("\n")); lines > readmeLines {
		t.Errorf("README.md has %d lines, more than %d: move some of it to docs/", lines, readmeLines)
	}
}

func TestLinks(t *testing.T) {
	pages := 0
	tree := os.DirFS(root)
	forEachFile(t, func(file string, text []byte) {
		if strings.HasSuffix(file, ".md") {
			pages++
			for _, broken := range brokenLinks(tree, file, string(text)) {
				t.Error(broken)
			}
		}
	})
	if pages < 15 {
		t.Errorf("%d pages were read: this is not the repository", pages)
	}
}

// Every page can be reached from README.md.
func TestPagesAreLinked(t *testing.T) {
	reached := map[string]bool{"README.md": true}
	for queue := []string{"README.md"}; len(queue) > 0; queue = queue[1:] {
		text, err := os.ReadFile(filepath.Join(root, queue[0]))
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range linksOf(queue[0], string(text)) {
			if strings.HasSuffix(l.file, ".md") && !reached[l.file] {
				reached[l.file] = true
				queue = append(queue, l.file)
			}
		}
	}
	forEachFile(t, func(file string, _ []byte) {
		if path.Ext(file) == ".md" && slices.Contains([]string{".", "docs"}, path.Dir(file)) && !reached[file] {
			t.Errorf("no link leads from README.md to %s", file)
		}
	})
}

// link is a relative link in a page.
type link struct {
	line   int
	file   string // in the repository
	anchor string // "" for none
}

var (
	linkText = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	scheme   = regexp.MustCompile(`^[a-z]+:`)
)

// prose calls do with each line of a page that is not code.
func prose(text string, do func(number int, line string)) {
	code := false
	number := 0
	for line := range strings.Lines(text) {
		number++
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			code = !code
		} else if !code {
			do(number, strings.TrimSpace(line))
		}
	}
}

func linksOf(page, text string) []link {
	var list []link
	prose(text, func(number int, line string) {
		for _, match := range linkText.FindAllStringSubmatch(inlineCode.ReplaceAllString(line, ""), -1) {
			if scheme.MatchString(match[1]) {
				continue
			}
			file, anchor, _ := strings.Cut(match[1], "#")
			if file == "" {
				file = path.Base(page)
			}
			list = append(list, link{number, path.Join(path.Dir(page), file), anchor})
		}
	})
	return list
}

// brokenLinks returns the relative links of a page that lead nowhere, one line each.
func brokenLinks(tree fs.FS, page, text string) []string {
	var broken []string
	for _, l := range linksOf(page, text) {
		target, err := fs.ReadFile(tree, l.file)
		if info, statErr := fs.Stat(tree, l.file); statErr == nil && info.IsDir() && l.anchor == "" {
			continue
		}
		switch {
		case err != nil:
			broken = append(broken, fmt.Sprintf("%s:%d: there is no file %s", page, l.line, l.file))
		case l.anchor != "" && !slices.Contains(anchors(string(target)), l.anchor):
			broken = append(broken, fmt.Sprintf("%s:%d: %s has no heading for #%s", page, l.line, l.file, l.anchor))
		}
	}
	return broken
}

var notInAnchor = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)

// anchors returns the names of a page's headings in links, as GitHub makes them. The same heading again has a number.
func anchors(text string) []string {
	var list []string
	times := map[string]int{}
	prose(text, func(_ int, line string) {
		title := strings.TrimLeft(line, "#")
		if title == line || !strings.HasPrefix(title, " ") {
			return
		}
		name := strings.ReplaceAll(notInAnchor.ReplaceAllString(strings.ToLower(strings.TrimSpace(title)), ""), " ", "-")
		if times[name]++; times[name] > 1 {
			name = fmt.Sprintf("%s-%d", name, times[name]-1)
		}
		list = append(list, name)
	})
	return list
}

func TestLinksNoticeABreach(t *testing.T) {
	folder := t.TempDir()
	files := map[string]string{
		"a.md": "# One, two: `three`\n\n## Same\n\n## Same\n\n```\n# not a heading\n```\n",
		"docs/b.md": "[up](../a.md) [at](../a.md#one-two-three) [second](../a.md#same-1) [here](#b) [folder](../docs) [web](https://example.com/x.md)\n" +
			"# B\n`[code](none.md)`\n```\n[code](none.md)\n```\n",
		"docs/c.md": "[gone](a.md)\n\n[no heading](../a.md#four) [code](../a.md#not-a-heading) [third](../a.md#same-2) [here](#b)\n",
	}
	for name, text := range files {
		file := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got := brokenLinks(os.DirFS(folder), "docs/b.md", files["docs/b.md"]); len(got) > 0 {
		t.Errorf("good links are reported: %v", got)
	}
	want := []string{
		"docs/c.md:1: there is no file docs/a.md",
		"docs/c.md:3: a.md has no heading for #four",
		"docs/c.md:3: a.md has no heading for #not-a-heading",
		"docs/c.md:3: a.md has no heading for #same-2",
		"docs/c.md:3: docs/c.md has no heading for #b",
	}
	if got := brokenLinks(os.DirFS(folder), "docs/c.md", files["docs/c.md"]); !slices.Equal(got, want) {
		t.Errorf("broken links are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// alarmRow is a row of the table of alarms in the runbook: a name, and the topic that it goes to.
var alarmRow = regexp.MustCompile("(?m)^\\| `(countermand-[A-Za-z-]+)` \\| (critical|normal) \\|")

// alarmKinds are the names in which a part stands for a module or a webhook.
var alarmKinds = []struct {
	of   *regexp.Regexp
	name string
}{
	{regexp.MustCompile(`^countermand-(ledger-|summary-).*$`), "$0"},
	{regexp.MustCompile(`^countermand-webhook-.*-failures$`), "countermand-webhook-NAME-failures"},
	{regexp.MustCompile(`^countermand-.*-(unhandled|errors|throttles)$`), "countermand-MODULE-$1"},
}

// Somebody who is woken by an alarm finds it in the runbook. The templates say which there are, and where they go.
func TestRunbookHasEveryAlarm(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs", "runbook.md"))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, row := range alarmRow.FindAllStringSubmatch(string(page), -1) {
		got[row[1]] = row[2]
	}
	want := map[string]string{}
	templates, err := filepath.Glob(filepath.Join(root, "infra", "testdata", "*.Countermand.golden.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range templates {
		for name, topic := range alarmsIn(t, file) {
			want[name] = topic
		}
	}
	if len(want) < 15 {
		t.Errorf("the templates have %d kinds of alarms: where are the others?", len(want))
	}
	for name, topic := range want {
		if got[name] != topic {
			t.Errorf("%s goes to the topic for %s alerts; docs/runbook.md says %q", name, topic, got[name])
		}
	}
	for name := range got {
		if want[name] == "" {
			t.Errorf("docs/runbook.md has the alarm %s, which no template has", name)
		}
	}
}

// alarmsIn returns the kinds of alarms of a template, each with the topic that it goes to.
func alarmsIn(t *testing.T, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var template struct {
		Resources map[string]struct {
			Type       string
			Properties json.RawMessage
		}
	}
	if err := json.Unmarshal(text, &template); err != nil {
		t.Fatal(err)
	}
	kinds := map[string]string{}
	for id, r := range template.Resources {
		if r.Type != "AWS::CloudWatch::Alarm" {
			continue
		}
		var alarm struct {
			AlarmName    string
			AlarmActions []struct{ Ref string }
		}
		if err := json.Unmarshal(r.Properties, &alarm); err != nil || len(alarm.AlarmActions) != 1 {
			t.Fatalf("%s: alarm %s goes to %d topics (%v), want 1", file, id, len(alarm.AlarmActions), err)
		}
		topic := map[string]string{"Alerts": "normal", "CriticalAlerts": "critical"}[alarm.AlarmActions[0].Ref]
		kinds[alarmKind(alarm.AlarmName)] = topic
	}
	return kinds
}

// alarmKind returns an alarm's name in the runbook.
func alarmKind(name string) string {
	for _, kind := range alarmKinds {
		if kind.of.MatchString(name) {
			return kind.of.ReplaceAllString(name, kind.name)
		}
	}
	return name
}
