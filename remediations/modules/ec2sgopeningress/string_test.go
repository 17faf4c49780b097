package ec2sgopeningress

import (
	"encoding/json"
	"testing"
)

// Undo has rules as the record keeps them: without ids, which are new once they are added again.
func TestRulesOfARecordAreNamed(t *testing.T) {
	for want, r := range map[string]rule{
		"(tcp 22 from 0.0.0.0/0)":        {Protocol: "tcp", From: 22, To: 22, Source: "0.0.0.0/0"},
		"(udp 8000-8100 from ::/0)":      {Protocol: "udp", From: 8000, To: 8100, Source: "::/0"},
		"(all traffic from 0.0.0.0/0)":   {Protocol: "-1", From: -1, To: -1, Source: "0.0.0.0/0"},
		"(tcp 0-65535 from pl-0a1b2c3d)": {Protocol: "tcp", To: 65535, Source: "pl-0a1b2c3d"},
	} {
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var kept rule
		if err := json.Unmarshal(text, &kept); err != nil {
			t.Fatal(err)
		}
		if got := kept.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
