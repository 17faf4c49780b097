package catalog_test

import (
	"testing"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/catalog"
	"github.com/countermand/countermand/remediations/iamadmingrant"
	"github.com/countermand/countermand/remediations/mfaoncreateuser"
	"github.com/countermand/countermand/remediations/remediationtest"
	"github.com/countermand/countermand/remediations/s3externalpolicy"
	"github.com/countermand/countermand/remediations/s3publicpolicy"
)

// joints is a world for each two modules of which one's writes make the other look, and act: it shows that they come to
// rest. TestModulesDoNotFight says which are missing. A line is, for example:
//
//	{Name: "two on bucket policies", Event: public, World: bucket(public), Modules: []*remediations.Module{a.Module, b.Module}},
var joints = []remediationtest.Joint{
	{Name: "a policy that is public and shared", Event: policyPut(openAndShared), World: bucketPolicy(openAndShared),
		Modules: []*remediations.Module{s3externalpolicy.Module, s3publicpolicy.Module}},
	{Name: "a password without MFA", Event: userRecord("CreateLoginProfile", map[string]string{}), World: withoutMFA,
		Modules: []*remediations.Module{iamadmingrant.Module, mfaoncreateuser.Module}},
}

// TestModulesDoNotFight feeds what each module writes to every other one: its own events, as its tests keep them.
func TestModulesDoNotFight(t *testing.T) {
	own := map[string][][]byte{}
	for _, m := range catalog.All() {
		var err error
		if own[m.Name], err = remediationtest.OwnEvents("..", m); err != nil {
			t.Fatal(err)
		}
		if m.Action != nil && len(own[m.Name]) == 0 {
			t.Errorf("%s acts, and has no own events", m.Name)
		}
	}
	edges, err := remediationtest.Edges(catalog.All(), own)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d modules, %d pairs, %d of them with something to look at", len(own), len(own)*(len(own)-1), len(edges))
	for _, e := range edges {
		t.Log(e)
	}
	for _, err := range remediationtest.Unsettled(edges, joints) {
		t.Errorf("%v: add one to joints", err)
	}
}

func TestJointWorldsComeToRest(t *testing.T) {
	for _, j := range joints {
		t.Run(j.Name, func(t *testing.T) {
			if err := remediationtest.Settle(t.Context(), j); err != nil {
				t.Error(err)
			}
		})
	}
}
