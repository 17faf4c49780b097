package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/aymanbagabas/go-udiff"
)

var assetHash = regexp.MustCompile(`[0-9a-f]{64}`)

// TestGolden shows what a change does to the templates. -update rewrites them.
func TestGolden(t *testing.T) {
	want := map[string][]string{
		"default":    {mainStack},
		"enforce":    {mainStack},
		"amd64":      {mainStack},
		"fixtures":   {mainStack},
		"channels":   {mainStack},
		"trail":      {mainStack, trailStack},
		"trail-full": {mainStack, trailStack},
	}
	var files []string
	forEach(t, func(t *testing.T, s *setup, stacks map[string]*template) {
		if len(stacks) != len(want[s.name]) {
			t.Errorf("%d stacks, want %v", len(stacks), want[s.name])
		}
		for _, stack := range want[s.name] {
			if stacks[stack] == nil {
				t.Fatalf("stack %s is missing", stack)
			}
			if len(stacks) > 1 && stack == mainStack {
				continue // the same whether there is a trail or not
			}
			file := filepath.Join("testdata", s.name+"."+stack+".golden.json")
			files = append(files, file)
			compareGolden(t, file, stacks[stack].text)
		}
	})
	present, err := filepath.Glob(filepath.Join("testdata", "*.golden.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range present {
		if !slices.Contains(files, file) {
			t.Errorf("%s is the template of nothing: delete it", file)
		}
	}
}

func compareGolden(t *testing.T, file string, text []byte) {
	t.Helper()
	var indented bytes.Buffer
	if err := json.Indent(&indented, assetHash.ReplaceAll(text, []byte("ASSET")), "", " "); err != nil {
		t.Fatal(err)
	}
	got := indented.String() + "\n"
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := udiff.Unified(file, "synthesized", string(want), got); diff != "" {
		t.Errorf("the template has changed; if that is wanted: go test ./infra -update\n%s", diff)
	}
}
