package main

import (
	"encoding/json"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/countermand/countermand/infra/config"
	"github.com/countermand/countermand/infra/config/configtest"
	"github.com/countermand/countermand/remediations"
)

func TestExemptionsFillTheEnvironment(t *testing.T) {
	m := config.Enabled{Module: configtest.Modules()[0], Mode: remediations.Enforce}
	of := func(reason int) *config.Config {
		x := remediations.Exemption{Module: m.Name, Resource: "r", Owner: "o", Reason: strings.Repeat("x", reason), Expires: time.Unix(0, 0).UTC()}
		return &config.Config{Exemptions: []remediations.Exemption{x, x}}
	}
	full := sort.Search(maxEnvironment, func(reason int) bool {
		_, err := variables(of(reason), m)
		return err != nil
	})
	got, err := variables(of(full-1), m)
	if err != nil {
		t.Fatal(err)
	}
	measured := len("{}") - len(",")
	for name, value := range got {
		quoted, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		measured += len(name) + len(`"":,`) + len(quoted)
	}
	if measured > 4096 || measured < 4095 { // a letter of the reason is in it twice
		t.Errorf("an environment of %d bytes is taken, and not one that is longer", measured)
	}
	file := writeFile(t, t.TempDir(), "c.yaml", "trail: {existing: true}\nexemptions:\n"+
		"  - {module: alpha-acts, resource: r, owner: o, reason: "+strings.Repeat("x", 4000)+", expires: 2027-01-01}\n")
	_, err = synthesize(t, file, configtest.Modules())
	if want := "the environment of alpha-acts would have 4829 bytes, and Lambda holds 4096: shorten the reasons of its 1 exemptions, or give it fewer, and shorter lists in its settings"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
