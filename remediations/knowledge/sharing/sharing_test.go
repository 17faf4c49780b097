package sharing_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/knowledge/sharing"
)

const own, partner, stranger, other = "111122223333", "444455556666", "777788889999", "222233334444"

func TestWrong(t *testing.T) {
	all := sharing.State{Public: true, Accounts: []string{stranger, partner, own, other}}
	for _, test := range []struct {
		trusted       []remediations.AccountID
		present, want sharing.State
	}{
		{nil, all, sharing.State{Public: true}},
		{nil, sharing.State{Accounts: all.Accounts}, sharing.State{}},
		{[]remediations.AccountID{partner}, all, sharing.State{Public: true, Accounts: []string{other, stranger}}},
		{[]remediations.AccountID{partner}, sharing.State{Accounts: []string{own, partner}}, sharing.State{}},
	} {
		got := sharing.Settings{TrustedAccounts: test.trusted}.Wrong(test.present, own)
		if diff := cmp.Diff(test.want, got); diff != "" || got.None() != cmp.Equal(got, sharing.State{}) {
			t.Errorf("of %v, with %v trusted (-want +got):\n%s", test.present, test.trusted, diff)
		}
	}
}

func TestWithin(t *testing.T) {
	present := sharing.State{Public: true, Accounts: []string{stranger, partner, other}}
	if got := (sharing.State{}).Within(present); !got.None() {
		t.Errorf("of nothing, %v is within", got)
	}
	for _, test := range []struct{ other, want sharing.State }{
		{sharing.State{}, sharing.State{}},
		{sharing.State{Public: true}, sharing.State{Public: true}},
		{sharing.State{Accounts: []string{own, stranger, other}}, sharing.State{Accounts: []string{other, stranger}}},
	} {
		if diff := cmp.Diff(test.want, present.Within(test.other)); diff != "" {
			t.Errorf("within %v (-want +got):\n%s", test.other, diff)
		}
	}
}

func TestFound(t *testing.T) {
	var many []string
	for i := range 12 {
		many = append(many, fmt.Sprintf("%012d", i))
	}
	for _, test := range []struct {
		wrong          sharing.State
		reason, before string
	}{
		{sharing.State{Public: true}, "the thing is public: everybody may have it", `{"public":true}`},
		{sharing.State{Accounts: []string{stranger}}, "the thing is shared with accounts that are not trusted, which may have it: 777788889999",
			`{"public":false,"accounts":["777788889999"]}`},
		{sharing.State{Accounts: many[:10]}, "the thing is shared with accounts that are not trusted, which may have it: " + strings.Join(many[:10], ", "),
			`{"public":false,"accounts":["` + strings.Join(many[:10], `","`) + `"]}`},
		{sharing.State{Public: true, Accounts: many}, "the thing is public: everybody may have it; the thing is shared with accounts that are not trusted, which may have it: " +
			strings.Join(many[:10], ", ") + " and 2 more", `{"public":true,"accounts":["` + strings.Join(many, `","`) + `"]}`},
	} {
		found, err := sharing.Found(remediations.Resource{ID: "x"}, "the thing", "may have it", test.wrong)
		if err != nil || found.Reason != test.reason || string(found.Before) != test.before || string(found.After) != `{"public":false}` {
			t.Errorf("found %+v, %v", found, err)
		}
		if taken, err := sharing.Taken(found); err != nil || !cmp.Equal(taken, test.wrong) {
			t.Errorf("it takes back %v, %v; want %v", taken, err, test.wrong)
		}
	}
}

func TestTakenIsUnsure(t *testing.T) {
	const shared, not = `{"public":true}`, `{"public":false}`
	for _, states := range [][2]string{{"", not}, {shared, ""}, {"null", not}, {not, not}, {shared, shared}, {shared, `{"accounts":["1"]}`}} {
		f := &remediations.Finding{Before: json.RawMessage(states[0]), After: json.RawMessage(states[1])}
		if taken, err := sharing.Taken(f); err == nil {
			t.Errorf("of %q it takes back %v", states, taken)
		}
	}
}

func TestWords(t *testing.T) {
	for _, test := range []struct {
		state          sharing.State
		accounts, want string
	}{
		{sharing.State{Public: true}, "--users", "--groups all"},
		{sharing.State{Accounts: []string{stranger, other}}, "--users", "--users '777788889999' '222233334444'"},
		{sharing.State{Public: true, Accounts: []string{stranger}}, "--users", "--groups all --users '777788889999'"},
		{sharing.State{Public: true, Accounts: []string{stranger}}, "--groups", "--groups all '777788889999'"},
		{sharing.State{Accounts: []string{stranger}}, "--groups", "--groups '777788889999'"},
	} {
		if got := test.state.Words("--groups", "all", test.accounts); got != test.want {
			t.Errorf("%v is %q, want %q", test.state, got, test.want)
		}
	}
}
