package remediations

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// SwitchParameter is the name of the kill switch in the SSM Parameter Store, in each Region that Countermand is
// deployed to.
const SwitchParameter = "/countermand/mode"

// Switch is what the kill switch says: a stop by the name of its module, or AllModules. The empty one stops nothing.
// As JSON: {"all": {"mode": "observe", "by": "arn:...", "reason": "...", "at": "2026-11-21T10:00:00Z"}}.
type Switch map[string]Stop

// Stop is how far a module may go until somebody resumes it. It can lower a mode, and never raise it.
type Stop struct {
	Mode   Mode      `json:"mode"`   // Observe or Alert
	By     string    `json:"by"`     // ARN of who stopped it
	Reason string    `json:"reason"` // for those who find it stopped
	At     time.Time `json:"at"`
}

func (s Stop) String() string {
	text := fmt.Sprintf("stopped at %s by %s since %s", s.Mode, s.By, s.At.UTC().Format("2006-01-02 15:04:05 UTC"))
	if s.Reason != "" {
		text += ": " + s.Reason
	}
	return text
}

// ParseSwitch reads a kill switch. What can't be read for certain is an error, and then nothing may be done: a mode
// that is misspelt must not pass for none.
func ParseSwitch(text string) (Switch, error) {
	var raw map[string]*struct {
		Mode   *Mode     `json:"mode"`
		By     string    `json:"by"`
		Reason string    `json:"reason"`
		At     time.Time `json:"at"`
	}
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&raw); err != nil {
		return nil, fmt.Errorf("read the kill switch: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("read the kill switch: something follows the JSON object")
	}
	if raw == nil {
		return nil, errors.New(`read the kill switch: want a JSON object, {} if nothing is stopped`)
	}
	s := Switch{}
	for module, stop := range raw {
		if stop == nil || stop.Mode == nil {
			return nil, fmt.Errorf("read the kill switch: the stop of %q has no mode", module)
		}
		s[module] = Stop{*stop.Mode, stop.By, stop.Reason, stop.At}
	}
	return s, nil
}

// Text is the switch as it stands in the parameter.
func (s Switch) Text() (string, error) {
	if s == nil {
		s = Switch{}
	}
	text, err := Encode(s)
	return string(text), err
}

// Lower is how far a module may go whose mode is given, and the stop that lowers it; nil if none does.
func (s Switch) Lower(module string, mode Mode) (Mode, *Stop) {
	var by *Stop
	for _, name := range []string{AllModules, module} {
		if stop, ok := s[name]; ok && stop.Mode < mode {
			mode, by = stop.Mode, &stop
		}
	}
	return mode, by
}
