package remediations_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countermand/countermand/remediations"
)

type doorSettings struct {
	Accounts []remediations.AccountID `json:"accounts" doc:"accounts that may come in"`
	Locks    int                      `json:"locks" doc:"how many locks a door has"`
	Shut     bool                     `json:"shut" doc:"whether doors are to be shut"`
	Sign     string                   `json:"sign" doc:"what stands on the door"`
}

func (d doorSettings) Check() error {
	if d.Shut && d.Locks == 0 {
		return errors.New("a door that is to be shut needs a lock")
	}
	return nil
}

func houseModule() *remediations.Module {
	return &remediations.Module{Name: "house", Settings: doorSettings{Accounts: []remediations.AccountID{"111122223333"}, Locks: 1}}
}

func TestParseSettings(t *testing.T) {
	m := houseModule()
	got, err := m.ParseSettings([]byte(`{"accounts":["444455556666","777788889999"],"shut":true}`))
	if err != nil {
		t.Fatal(err)
	}
	want := doorSettings{Accounts: []remediations.AccountID{"444455556666", "777788889999"}, Locks: 1, Shut: true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(houseModule().Settings, m.Settings); diff != "" {
		t.Errorf("the module's own settings have changed: %s", diff)
	}
}

func TestParseSettingsErrors(t *testing.T) {
	for text, want := range map[string]string{
		`{"doors":1}`:               "unknown field",
		`{"accounts":["12"]}`:       "12 digits",
		`{"locks":"two"}`:           "locks",
		`{"locks":0,"shut":true}`:   "needs a lock",
		`{"accounts":"1111222233"}`: "accounts",
	} {
		if _, err := houseModule().ParseSettings([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error with %q", text, err, want)
		}
	}
	if _, err := (&remediations.Module{}).ParseSettings([]byte("{}")); err == nil {
		t.Error("a module without settings has read some")
	}
}

func TestDescribeSettings(t *testing.T) {
	got, err := houseModule().DescribeSettings()
	if err != nil {
		t.Fatal(err)
	}
	want := []remediations.Setting{
		{Name: "accounts", Doc: "accounts that may come in", Kind: "list of text", Default: []byte(`["111122223333"]`), Index: 0},
		{Name: "locks", Doc: "how many locks a door has", Kind: "number", Default: []byte(`1`), Index: 1},
		{Name: "shut", Doc: "whether doors are to be shut", Kind: "yes or no", Default: []byte(`false`), Index: 2},
		{Name: "sign", Doc: "what stands on the door", Kind: "text", Default: []byte(`""`), Index: 3},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestDescribeSettingsErrors(t *testing.T) {
	for want, settings := range map[string]any{
		"want a struct": "text",
		"unsupported setting type": struct {
			A map[string]string `json:"a" doc:"d"`
		}{},
		"tags json": struct {
			A int `json:"a"`
		}{},
		"12 digits": struct {
			A remediations.AccountID `json:"a" doc:"d"`
		}{"none"},
	} {
		m := houseModule()
		m.Settings = settings
		if err := m.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%T: %v, want an error with %q", settings, err, want)
		}
	}
}
