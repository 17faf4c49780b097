package lambdapublic

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/knowledge/policy"
)

// fault is what is wrong with a function's policy and URL, by what becomes of it.
type fault struct {
	removed []json.RawMessage // public statements that are removed, and can be put back
	shut    bool              // the URL is closed
	done    []string          // what that is about
	told    []string          // what is left to people
	fixes   []string          // the commands for what is done
	manual  []string          // the commands for what is told
	reverts []string
}

func judge(r remediations.Resource, f function, text []byte, url types.FunctionUrlAuthType, settings Settings) (*remediations.Finding, error) {
	document, err := policy.Parse(policy.Lambda, text)
	if err != nil {
		return found(r, fault{told: []string{"it can't be told whether the policy is public: " + err.Error()}})
	}
	statements, err := split(text)
	if err != nil {
		return nil, fmt.Errorf("policy of function %s: %w", f, err)
	}
	var x fault
	open := []string(nil)
	public, unclear := document.Judge()
	for _, v := range public {
		p, err := f.parse(statements[v.Index])
		switch {
		case err == nil && (p.opens() || p.serves()):
			if p.opens() && url == types.FunctionUrlAuthTypeNone {
				open = append(open, v.String())
			}
		case err == nil:
			x.removed, x.done = append(x.removed, statements[v.Index]), append(x.done, v.String())
			x.fixes, x.reverts = append(x.fixes, f.remove(r, p.Sid)), append(x.reverts, p.add(r, f))
		default:
			x.told = append(x.told, v.String()+"; it could not be put back as it is")
			if sidForm.MatchString(v.Sid) {
				x.manual = append(x.manual, f.remove(r, v.Sid))
			}
		}
	}
	for _, v := range unclear {
		x.told = append(x.told, v.String())
	}
	if settings.UnboundServices {
		external, _ := document.External(policy.Trusted{Accounts: []string{r.Account}})
		for _, v := range external {
			if v.Deputy {
				x.told = append(x.told, v.String())
			}
		}
	}
	if len(open) > 0 {
		x.url(r, f, open, settings.CloseURLs)
	}
	return found(r, x)
}

// url notes that anybody may call the function's URL.
func (x *fault) url(r remediations.Resource, f function, open []string, shut bool) {
	what := "anybody may call its URL without signing in (AuthType NONE), as " + strings.Join(open, ", and ")
	set := func(auth types.FunctionUrlAuthType) string {
		return f.command(r, "update-function-url-config", "--auth-type", string(auth))
	}
	if x.shut = shut; shut {
		x.done, x.fixes, x.reverts = append(x.done, what), append(x.fixes, set(types.FunctionUrlAuthTypeAwsIam)), append(x.reverts, set(types.FunctionUrlAuthTypeNone))
		return
	}
	x.told, x.manual = append(x.told, what), append(x.manual, set(types.FunctionUrlAuthTypeAwsIam))
}

// remove is the command that removes a statement.
func (f function) remove(r remediations.Resource, sid string) string {
	return f.command(r, "remove-permission", "--statement-id", remediations.Quote(sid))
}

// found is the finding about a fault; nil if there is none.
func found(r remediations.Resource, x fault) (*remediations.Finding, error) {
	if len(x.done) == 0 && len(x.told) == 0 {
		return nil, nil
	}
	before, after := state{Statements: x.removed}, state{}
	if x.shut {
		before.URL, after.URL = types.FunctionUrlAuthTypeNone, types.FunctionUrlAuthTypeAwsIam
	}
	reason := "the function is public: " + strings.Join(x.done, "; and ")
	switch {
	case len(x.done) == 0:
		reason = "the function is, or may be, open to strangers: " + strings.Join(x.told, "; and ")
	case len(x.told) > 0: // first, as nobody but people will look after it
		reason = "left to people is: " + strings.Join(x.told, "; and ") + "; " + reason
	}
	finding, err := remediations.Found(r, reason, before, after)
	if err != nil {
		return nil, err
	}
	finding.Fix, finding.Revert = strings.Join(x.fixes, "\n"), strings.Join(x.reverts, "\n")
	if finding.AlertOnly = len(x.done) == 0; finding.AlertOnly {
		finding.Fix = strings.Join(x.manual, "\n")
	}
	return finding, nil
}
