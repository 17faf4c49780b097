package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/countermand/countermand/remediations/modules"
)

// callOfOurs is a call of the command line in a page: all that follows up to the end of the line, or of the inline code.
var callOfOurs = regexp.MustCompile("go run \\./scripts/countermand ([^`]*)")

// The pages name only commands and flags that are there.
func TestCommandsInPages(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, page := range append(pages, "../../README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range callsIn(string(text)) {
			checked++
			if err := isCommand(line); err != nil {
				t.Errorf("%s: %s: %v", filepath.Base(page), line, err)
			}
		}
	}
	if checked < 15 {
		t.Errorf("%d commands are in the pages: where are the others?", checked)
	}
}

// callsIn returns the arguments of each call of the command line in a page.
func callsIn(page string) []string {
	var calls []string
	code := false
	var prose strings.Builder
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "```") {
			code = !code
		} else if !code {
			prose.WriteString(line)
		} else if match := callOfOurs.FindStringSubmatch(line); match != nil {
			arguments, _, _ := strings.Cut(match[1], "  #")
			arguments, _, _ = strings.Cut(arguments, " >")
			calls = append(calls, strings.TrimSpace(arguments))
		}
	}
	for _, inline := range regexp.MustCompile("`[^`]*`").FindAllString(prose.String(), -1) {
		if match := callOfOurs.FindStringSubmatch(strings.Join(strings.Fields(inline), " ")); match != nil && match[1] != "..." {
			calls = append(calls, match[1])
		}
	}
	return calls
}

// isCommand reports why a call would be refused, before it does anything.
func isCommand(call string) error {
	root := rootCommand(modules.All(), noAccount)
	command, rest, err := root.Find(words(call))
	if err != nil {
		return err
	}
	if command == root {
		return fmt.Errorf("no command")
	}
	if err := command.ParseFlags(rest); err != nil {
		return err
	}
	if err := command.ValidateArgs(command.Flags().Args()); err != nil {
		return err
	}
	return command.ValidateRequiredFlags()
}

// words splits a call as a shell would; double quotes hold words together.
func words(call string) []string {
	var list []string
	for i, part := range strings.Split(call, `"`) {
		if i%2 == 1 {
			list = append(list, part)
		} else {
			list = append(list, strings.Fields(part)...)
		}
	}
	return list
}

func TestCommandsInPagesNoticeABreach(t *testing.T) {
	for _, call := range []string{"steal", "runs --outcom failed", "verify", "modules --formt json", "undo", "sandbox sideways"} {
		if isCommand(call) == nil {
			t.Errorf("%q passes for a command", call)
		}
	}
	got := callsIn("a `go run ./scripts/countermand\nruns --x` b\n```\ngo run ./scripts/countermand stop a  # why\ngo run ./scripts/countermand modules > x\n```\n")
	if want := "[stop a modules runs --x]"; fmt.Sprint(got) != want {
		t.Errorf("the calls of a page are %v, want %s", got, want)
	}
}
