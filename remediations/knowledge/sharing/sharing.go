// Package sharing is what the modules on shared snapshots and images have in common: with whom these may be shared, and
// what of it is taken back.
package sharing

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/countermand/countermand/remediations"
)

// Settings is what the owner of such a module may set.
type Settings struct {
	TrustedAccounts []remediations.AccountID `json:"trustedAccounts" doc:"accounts that may be let in besides the own; if there are none, only what lets in everybody is wrong"`
}

// State is with whom something is shared: in a finding, all of it that the action changes. With whom else it is shared
// is left alone both ways, so that a change of that stands in nobody's way.
type State struct {
	Public   bool     `json:"public"`             // everybody
	Accounts []string `json:"accounts,omitempty"` // ids
}

// None reports whether it is shared with nobody.
func (s State) None() bool { return !s.Public && len(s.Accounts) == 0 }

// Within is what of a state is also in another, sorted.
func (s State) Within(other State) State {
	left := State{Public: s.Public && other.Public}
	for _, account := range s.Accounts {
		if slices.Contains(other.Accounts, account) {
			left.Accounts = append(left.Accounts, account)
		}
	}
	slices.Sort(left.Accounts)
	return left
}

// Wrong is what of a state should not be, of something that an account owns, sorted.
func (s Settings) Wrong(present State, owner string) State {
	wrong := State{Public: present.Public}
	if len(s.TrustedAccounts) == 0 {
		return wrong
	}
	for _, account := range present.Accounts {
		if account != owner && !slices.Contains(s.TrustedAccounts, remediations.AccountID(account)) {
			wrong.Accounts = append(wrong.Accounts, account)
		}
	}
	slices.Sort(wrong.Accounts)
	return wrong
}

// maxNamed is how many accounts a reason names.
const maxNamed = 10

// Found is the finding that a thing ("the snapshot") is shared wrongly; what they may do is that "may copy it".
func Found(r remediations.Resource, thing, may string, wrong State) (*remediations.Finding, error) {
	var reasons []string
	if wrong.Public {
		reasons = append(reasons, thing+" is public: everybody "+may)
	}
	if n := len(wrong.Accounts); n > 0 {
		named, more := strings.Join(wrong.Accounts[:min(n, maxNamed)], ", "), ""
		if n > maxNamed {
			more = fmt.Sprintf(" and %d more", n-maxNamed)
		}
		reasons = append(reasons, fmt.Sprintf("%s is shared with accounts that are not trusted, which %s: %s%s", thing, may, named, more))
	}
	return remediations.Found(r, strings.Join(reasons, "; "), wrong, State{})
}

// Taken is what a finding's action takes back, and its undo gives again.
func Taken(f *remediations.Finding) (State, error) {
	var before, after State
	if err := errors.Join(json.Unmarshal(f.Before, &before), json.Unmarshal(f.After, &after)); err != nil {
		return State{}, fmt.Errorf("decode the states of %s: %w", f.Resource, err)
	}
	if before.None() || !after.None() {
		return State{}, fmt.Errorf("%s was not shared before, or still is after: there is nothing to take back", f.Resource)
	}
	return before, nil
}

// Words is everybody, by what an AWS CLI command calls that, and the accounts: each in quotes, behind a flag. Flags may
// be the same.
func (s State) Words(everybodyFlag, everybody, accountsFlag string) string {
	var words []string
	if s.Public {
		words = append(words, everybodyFlag, everybody)
	}
	if len(s.Accounts) > 0 && !(s.Public && accountsFlag == everybodyFlag) {
		words = append(words, accountsFlag)
	}
	for _, account := range s.Accounts {
		words = append(words, remediations.Quote(account))
	}
	return strings.Join(words, " ")
}
