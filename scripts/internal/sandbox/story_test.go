package sandbox

import (
	"testing"
	"time"
)

func TestExcerpt(t *testing.T) {
	const text = "Look now.\n\nWHY NOTHING WAS DONE\n  a\n\n  b\n\nWHAT HAPPENED\n  c\n\nWHO DID IT\n  d\n\nrun 1\n"
	for want, sections := range map[string][]string{
		text:               nil,
		"Look now.\n\n...": {"WHERE"},
		"Look now.\n\nWHY NOTHING WAS DONE\n  a\n\n  b\n\nWHO DID IT\n  d\n\n...": {"WHO ", "WHY "},
	} {
		if got := excerpt(text, sections); got != want {
			t.Errorf("%q:\n%s\nwant\n%s", sections, got, want)
		}
	}
}

func TestHourLeft(t *testing.T) {
	at := time.Date(2026, 11, 21, 23, 58, 30, 0, time.FixedZone("half an hour ahead", 1800))
	if got := hourLeft(at); got != 31*time.Minute+30*time.Second {
		t.Errorf("of the hour (UTC) of %s, %s are left", at, got)
	}
}
