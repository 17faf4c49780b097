// Package pairs_test lets the modules meet: where two look at what the other writes, they must come to rest.
package pairs_test

import (
	"testing"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/modules"
	"github.com/countermand/countermand/remediations/modules/iamadmingrant"
	"github.com/countermand/countermand/remediations/modules/iamusernomfa"
	"github.com/countermand/countermand/remediations/modules/s3externalpolicy"
	"github.com/countermand/countermand/remediations/modules/s3publicpolicy"
	"github.com/countermand/countermand/remediations/moduletest"
)

// joints is a world for each two modules of which one's writes make the other look, and act: it shows that they come to
// rest. TestModulesDoNotFight says which are missing. A line is, for example:
//
//	{Name: "two on bucket policies", Event: public, World: bucket(public), Modules: []*remediations.Module{a.Module, b.Module}},
var joints = []moduletest.Joint{
	{Name: "a policy that is public and shared", Event: policyPut(openAndShared), World: bucketPolicy(openAndShared),
		Modules: []*remediations.Module{s3externalpolicy.Module, s3publicpolicy.Module}},
	{Name: "a password without MFA", Event: userRecord("CreateLoginProfile", map[string]string{}), World: withoutMFA,
		Modules: []*remediations.Module{iamadmingrant.Module, iamusernomfa.Module}},
}

// TestModulesDoNotFight feeds what each module writes to every other one: its own events, as its tests keep them.
func TestModulesDoNotFight(t *testing.T) {
	own := map[string][][]byte{}
	for _, m := range modules.All() {
		var err error
		if own[m.Name], err = moduletest.OwnEvents("../../modules", m); err != nil {
			t.Fatal(err)
		}
		if m.Action != nil && len(own[m.Name]) == 0 {
			t.Errorf("%s acts, and has no own events", m.Name)
		}
	}
	edges, err := moduletest.Edges(modules.All(), own)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d modules, %d pairs, %d of them with something to look at", len(own), len(own)*(len(own)-1), len(edges))
	for _, e := range edges {
		t.Log(e)
	}
	for _, err := range moduletest.Unsettled(edges, joints) {
		t.Errorf("%v: add one to joints", err)
	}
}

func TestJointWorldsComeToRest(t *testing.T) {
	for _, j := range joints {
		t.Run(j.Name, func(t *testing.T) {
			if err := moduletest.Settle(t.Context(), j); err != nil {
				t.Error(err)
			}
		})
	}
}
