package remediations

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// SwitchParameter is the name of the kill switch in the SSM Parameter Store, in each Region that Countermand is
// deployed to.
const SwitchParameter = "/countermand/mode"

// A Switch is the content of the kill switch: stops by module name, or AllModules. An empty switch stops nothing. As
// JSON: {"all": {"mode": "observe", "by": "arn:...", "reason": "...", "at": "2026-11-21T10:00:00Z"}}.
type Switch map[string]Stop

// A Stop limits how far a module may go until somebody resumes it. It can lower a mode, but never raise it.
type Stop struct {
	Mode   Mode      `json:"mode"`   // Observe or Alert
	By     string    `json:"by"`     // ARN of the person who stopped it
	Reason string    `json:"reason"` // for people who find it stopped
	At     time.Time `json:"at"`
}

// String returns for people who stopped the module, when and why.
func (s Stop) String() string {
	text := fmt.Sprintf("stopped at %s by %s since %s", s.Mode, s.By, s.At.UTC().Format("2006-01-02 15:04:05 UTC"))
	if s.Reason != "" {
		text += ": " + s.Reason
	}
	return text
}

// ParseSwitch reads a kill switch. Anything ambiguous is an error, and then no module may act: a misspelt mode must not
// count as no stop, nor may a stop that stops nothing, as its author meant to stop something.
func ParseSwitch(text string) (Switch, error) {
	var stops map[string]json.RawMessage
	err := json.Unmarshal([]byte(text), &stops)
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return nil, fmt.Errorf("read the kill switch: not valid JSON: %w", err)
	case err != nil || stops == nil:
		return nil, errors.New("read the kill switch: want a JSON object, {} if nothing is stopped")
	}
	s := Switch{}
	for _, module := range slices.Sorted(maps.Keys(stops)) {
		if s[module], err = parseStop(stops[module]); err != nil {
			return nil, fmt.Errorf("read the kill switch: the stop of %q: %w", module, err)
		}
	}
	return s, nil
}

// parseStop reads one stop.
func parseStop(text json.RawMessage) (Stop, error) {
	var stop Stop
	var fields map[string]*string
	if err := json.Unmarshal(text, &fields); err != nil || fields == nil {
		return stop, errors.New(`want an object of strings, such as {"mode": "observe", "by": "olga", "reason": "too loud"}`)
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		value := fields[name]
		if value == nil {
			return stop, fmt.Errorf("%q is null: want a string", name)
		}
		switch name {
		case "mode":
			mode, err := ParseStopMode(*value)
			if err != nil {
				return stop, err
			}
			stop.Mode = mode
		case "by":
			stop.By = *value
		case "reason":
			stop.Reason = *value
		case "at":
			at, err := time.Parse(time.RFC3339, *value)
			if err != nil {
				return stop, fmt.Errorf(`"at" is %q: want a time such as 2026-11-21T10:00:00Z`, *value)
			}
			stop.At = at
		default:
			return stop, fmt.Errorf("unknown field %q: want mode, by, reason and at", name)
		}
	}
	if fields["mode"] == nil {
		return stop, errors.New("no mode: want observe or alert")
	}
	return stop, nil
}

// ParseStopMode reads the mode of a stop: observe or alert. A stop at enforce would stop nothing.
func ParseStopMode(text string) (Mode, error) {
	var mode Mode
	if err := mode.UnmarshalText([]byte(text)); err != nil || mode == Enforce {
		return Observe, fmt.Errorf("unknown mode %q of a stop: want observe or alert", text)
	}
	return mode, nil
}

// Text returns the switch in the form of the parameter.
func (s Switch) Text() (string, error) {
	if s == nil {
		s = Switch{}
	}
	text, err := Encode(s)
	return string(text), err
}

// Lower returns the mode that the switch leaves to a module with a given mode, and the stop that lowered it, or nil.
func (s Switch) Lower(module string, mode Mode) (Mode, *Stop) {
	var by *Stop
	for _, name := range []string{AllModules, module} {
		if stop, ok := s[name]; ok && stop.Mode < mode {
			mode, by = stop.Mode, &stop
		}
	}
	return mode, by
}
