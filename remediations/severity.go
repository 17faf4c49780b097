package remediations

// A Severity says how bad it is if nobody reacts.
type Severity int

// The severities, in rising order.
const (
	Low Severity = iota
	Medium
	High
	Critical
)

// severities are the names of the severities, in their order.
var severities = []string{"low", "medium", "high", "critical"}

// String returns the severity in lower case.
func (s Severity) String() string { return nameOf(severities, int(s)) }

// MarshalText writes the severity in lower case.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads low, medium, high or critical.
func (s *Severity) UnmarshalText(text []byte) error {
	i, err := indexOf(severities, string(text), "severity")
	*s = Severity(i)
	return err
}
