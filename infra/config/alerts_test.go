package config

import (
	"strings"
	"testing"

	"github.com/countermand/countermand/infra/config/configtest"
)

const inChat = `
trail: {existing: true}
alerts:
  chatRegions: [eu-west-1, us-east-1]
  slack: [{workspace: T07EA123LEP, channel: C07EZ1ABC23}]
`

func TestChatRegions(t *testing.T) {
	for _, test := range []struct {
		config string
		here   Place
		region string // that the template is bound to
		heard  bool
		err    string
	}{
		{inChat, Place{Region: "eu-west-1"}, "eu-west-1", true, ""},
		{inChat, Place{Region: "us-east-1"}, "us-east-1", true, ""},
		{inChat, Place{Region: "sa-east-1"}, "sa-east-1", false, ""},
		{inChat + "region: us-east-1\n", Place{Region: "sa-east-1"}, "us-east-1", true, ""},
		{inChat, Place{}, "", false, "c.yaml:5:10: what is made of channels depends on the Region, and none is known: name it in this file (region), or set AWS_REGION"},
		{strings.Replace(inChat, "chatRegions: [eu-west-1, us-east-1]", "emails: []", 1), Place{Region: "eu-west-1"}, "", false,
			"c.yaml:5:10: want chatRegions beside it: the Regions that channels hear of, and first the one whose stack connects them, as a channel is connected once in an account"},
		{strings.Replace(inChat, "slack:", "teams: # nothing yet\n  #", 1), Place{Region: "eu-west-1"}, "", false, ""},
	} {
		c, err := Parse("c.yaml", []byte(test.config), configtest.Modules(), test.here, configtest.Now)
		if err != nil {
			if err.Error() != test.err {
				t.Errorf("%+v: got  %s\nwant %s", test, err, test.err)
			}
		} else if test.err != "" || c.Region != test.region || c.HeardInChat() != test.heard {
			t.Errorf("%+v: Region %q, heard %v", test, c.Region, c.HeardInChat())
		}
	}
}
