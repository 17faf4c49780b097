package remediations

import (
	"fmt"
	"strings"
)

// A Mode says how far a run may go.
type Mode int

// The modes, each of which goes one step further than the one before.
const (
	Observe Mode = iota // decide and record
	Alert               // and alert
	Enforce             // and act
)

// modes are the names of the modes, in their order.
var modes = []string{"observe", "alert", "enforce"}

// String returns the mode as countermand.yaml has it.
func (m Mode) String() string { return nameOf(modes, int(m)) }

// MarshalText writes the mode as it stands in configuration.
func (m Mode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads a mode as it stands in configuration: observe, alert or enforce.
func (m *Mode) UnmarshalText(text []byte) error {
	i, err := indexOf(modes, string(text), "mode")
	*m = Mode(i)
	return err
}

// nameOf returns the i-th name, or "invalid(i)".
func nameOf(names []string, i int) string {
	if i < 0 || i >= len(names) {
		return fmt.Sprintf("invalid(%d)", i)
	}
	return names[i]
}

// indexOf returns the index of a name. The error lists the valid names.
func indexOf(names []string, text, what string) (int, error) {
	for i, n := range names {
		if n == text {
			return i, nil
		}
	}
	return 0, fmt.Errorf("unknown %s %q: want %s", what, text, strings.Join(names, ", "))
}
