package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/countermand/countermand/remediations/modules"
	"github.com/countermand/countermand/scripts/internal/logs"
)

func BenchmarkExplain(b *testing.B) {
	text := []byte(strings.Repeat(record("s3", "GetObject", `{"bucketName":"open","key":"`+strings.Repeat("x", 500)+`"}`)+"\n", 1000))
	x, err := newExplainer(modules.All())
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		out := &output{Writer: &bytes.Buffer{}}
		for e := range logs.Read(bytes.NewReader(text)) {
			if err := x.jsonl(out, "f", e); err != nil {
				b.Fatal(err)
			}
		}
	}
}
