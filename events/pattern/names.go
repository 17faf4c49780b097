package pattern

import (
	"fmt"
	"slices"
	"strings"
)

// knownService is what is known of the names that CloudTrail writes for one service. It is not everything: AWS adds
// calls, and there are records of what no API has. So a name is wrong only where that is as good as certain, see wrong,
// and a name in the way of a correct pattern is added here.
type knownService struct {
	label    string // of the event source: "s3"
	complete bool   // writes has all calls of the service's API that write
	writes   string // names of management events, but for those that begin with Get, List or Describe
	data     string // names of data events, whatever they begin with
	renamed  string // "CreateAlias=CreateAlias20150331": the API's name, and what CloudTrail writes, with commas between
}

// serviceOf returns what is known of a service by its label; nil if nothing is.
func serviceOf(label string) *knownService {
	i, found := slices.BinarySearchFunc(knownServices[:], label, func(s knownService, label string) int {
		return strings.Compare(s.label, label)
	})
	if !found {
		return nil
	}
	return &knownServices[i]
}

// KnownCall reports whether events of a service, by its label ("s3"), are known to have a name. It knows calls that write,
// of the services that modules are about, and not all of these.
func KnownCall(service, name string) bool {
	s := serviceOf(service)
	return s != nil && s.has(name)
}

// names are all names that the service is known for.
func (s *knownService) names(yield func(string) bool) {
	for _, list := range [...]string{s.writes, s.data} {
		for name := range strings.FieldsSeq(list) {
			if !yield(name) {
				return
			}
		}
	}
	for pair := range strings.FieldsSeq(s.renamed) {
		_, written, _ := strings.Cut(pair, "=")
		for name := range strings.SplitSeq(written, ",") {
			if !yield(name) {
				return
			}
		}
	}
}

func (s *knownService) has(name string) bool {
	for known := range s.names {
		if known == name {
			return true
		}
	}
	return false
}

// readsOnly reports whether a call's name says that it only reads, which EventBridge goes by.
func readsOnly(name string) bool {
	for _, verb := range [...]string{"Describe", "Get", "List"} {
		if rest, ok := strings.CutPrefix(name, verb); ok {
			return rest == "" || 'A' <= rest[0] && rest[0] <= 'Z'
		}
	}
	return false
}

// wrong says what is wrong with the name of a call to the service, and what to write instead; "" if nothing is for
// certain. That is: CloudTrail calls it otherwise; or no call has the name, but one has it in other case or, of a
// service that is known completely, with one character more, less, other, or two swapped; or the one known service
// that has the name is another.
func (s *knownService) wrong(name string) string {
	if s.has(name) {
		return ""
	}
	for pair := range strings.FieldsSeq(s.renamed) {
		if api, written, _ := strings.Cut(pair, "="); api == name {
			return fmt.Sprintf("CloudTrail writes %s for %s, so no event has this name: write that",
				strings.ReplaceAll(written, ",", " or "), name)
		}
	}
	if readsOnly(name) {
		return ""
	}
	for known := range s.names {
		if strings.EqualFold(known, name) || s.complete && oneEdit(known, name) {
			return fmt.Sprintf("%s has no call %s, so no event has this name: did you mean %s?", s.label, name, known)
		}
	}
	if other := onlyService(name); s.complete && other != "" {
		return fmt.Sprintf("%s has no call %s, so no event has this name: it is one of %s, whose events have source "+
			"aws.%s and eventSource %s.amazonaws.com", s.label, name, other, other, other)
	}
	return ""
}

// wrongPrefix is wrong for the beginning of names, where only case and what CloudTrail calls otherwise are certain.
func (s *knownService) wrongPrefix(prefix string) string {
	folded := ""
	for known := range s.names {
		if strings.HasPrefix(known, prefix) {
			return ""
		}
		if len(known) >= len(prefix) && strings.EqualFold(known[:len(prefix)], prefix) {
			folded = known
		}
	}
	for pair := range strings.FieldsSeq(s.renamed) {
		if api, written, _ := strings.Cut(pair, "="); strings.HasPrefix(api, prefix) {
			return fmt.Sprintf("CloudTrail writes %s for %s, so no event has a name that begins with %s: write that",
				strings.ReplaceAll(written, ",", " or "), api, prefix)
		}
	}
	if folded != "" {
		return fmt.Sprintf("no event's name begins with %s: did you mean %s, as in %s?",
			prefix, folded[:len(prefix)], folded)
	}
	return ""
}

// onlyService returns the label of the one known service that has a name; "" if none has it, or several.
func onlyService(name string) string {
	label := ""
	for _, s := range knownServices {
		if s.has(name) {
			if label != "" {
				return ""
			}
			label = s.label
		}
	}
	return label
}

// oneEdit reports whether two names differ by one character that is added, left out or replaced, or by two
// neighbours that are swapped.
func oneEdit(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 1 {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	restA, restB := a[i:], b[i:]
	if len(a) < len(b) {
		return restA == restB[1:]
	}
	return restA == "" || restA[1:] == restB[1:] ||
		restA[0] == restB[1] && restA[1] == restB[0] && restA[2:] == restB[2:]
}
