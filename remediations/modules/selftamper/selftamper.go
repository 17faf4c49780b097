// Package selftamper tells of changes to Countermand itself.
package selftamper

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
)

// Settings is what the module's owner may set.
type Settings struct {
	DeployRoles []string `json:"deployRoles" doc:"names of the roles with which CloudFormation deploys Countermand; ACCOUNT and REGION in them stand for where"`
}

// roleName is a role's name, with the path before it if it has one.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_Role.html
var roleName = regexp.MustCompile(`^[\w+=,.@-]+(/[\w+=,.@-]+)*$`)

// Check refuses what is no role's name, such as its ARN.
func (s Settings) Check() error {
	for _, name := range s.DeployRoles {
		if !roleName.MatchString(name) {
			return fmt.Errorf("deployRoles: %q is no role's name", name)
		}
	}
	return nil
}

// Module is the remediation.
var Module = &remediations.Module{
	Name:  "self-tamper",
	Title: "alert on changes to Countermand itself",
	Why: `Who wants to do something that Countermand would take back disarms it first; and who can put other code into one of its
functions has the rights of that function's role.`,
	Text: `Told of are calls that delete, disable, replace or empty a part of Countermand: its rules and their targets, functions,
topics, queues, alarms, logs, roles and policies, the run table, the records' bucket, the stacks, and the parameters
below /countermand, the kill switch among them: "countermand stop" is told, too, and by whom; and calls that give one of
its roles to another function. They are known by their names, which begin with countermand- or, made by CloudFormation,
with Countermand. Nothing is changed: see what is wrong with "countermand status", and deploy again.

A deployment is not told of: calls that CloudFormation makes with one of the roles in deployRoles, and what these roles
ask it to do. Those that the CDK makes by default are set; whoever deploys otherwise has to name a role, or is told of
each deployment. The role is what AWS says that the session is of; its name, which the caller chooses, does not count. The
deletion of a stack is always told. Who may deploy other stacks with one of these roles, as with the CDK's all that may use
the CDK, can change Countermand by such a stack without being told of: name a role of Countermand's own to see that.

The function that tells of this can itself be disabled or deleted: it hears of that only if it is not the first. So keep
one Countermand in another Region, or a rule of your own on DisableRule and DeleteFunction20150331. IAM is seen in the
partition's global Region only. The policy and the deletion of the signing key are not seen here, as their events hold no
name of ours; subscriptions that are added, secrets, webhooks' connections and the trail are not either.`,
	Severity: remediations.Critical,
	Risk:     "a deployment puts back what somebody has changed on purpose",
	Controls: []string{"ATT&CK/T1562.001", "ATT&CK/T1562.008"},
	Default:  remediations.Alert,
	Pattern:  watched(),
	Settings: Settings{DeployRoles: []string{"cdk-hnb659fds-cfn-exec-role-ACCOUNT-REGION", "cdk-hnb659fds-deploy-role-ACCOUNT-REGION"}},
	Suspects: suspects,
	Guard:    guard,
}

// suspects is what of Countermand the event is about.
func suspects(event events.Event) ([]remediations.Resource, error) {
	var list []remediations.Resource
	for _, c := range find(event.Record) { // none: the pattern has all names with all services
		values, err := c.values(event.Record)
		if err != nil {
			return nil, err
		}
		for _, value := range values {
			if name := c.kind.own(value, event.Account); name != "" {
				list = append(list, remediations.Resource{ID: name, Type: c.kind.name, Account: event.Account, Region: event.Region})
			}
		}
	}
	return list, nil
}

// guard has only the event to judge by: it is told of whoever could make things right again meanwhile.
func guard(_ context.Context, run *remediations.Run, r remediations.Resource) (*remediations.Finding, error) {
	watched := find(run.Event.Record)
	i := slices.IndexFunc(watched, func(c call) bool { return c.kind.name == r.Type })
	if i < 0 || deploys(*run.Event, run.Settings.(Settings).DeployRoles) {
		return nil, nil
	}
	c := watched[i]
	return &remediations.Finding{
		Resource: r,
		Reason:   fmt.Sprintf("%s%s of Countermand %s (%s)", c.kind.what, r.ID, c.done, c.event),
		Fix:      "go run ./scripts/countermand status\nnpx cdk deploy Countermand # puts back what is gone; what was changed by hand only if the template changes, too",
	}, nil
}

// deploys reports whether an event is part of a deployment: CloudFormation acts with one of the roles, or such a role
// tells it to. IAM is told of in one Region whatever Region is deployed to; of all else, REGION is the event's, as whoever
// may make roles could make one of that name for a Region without.
func deploys(event events.Event, roles []string) bool {
	r := event.Record
	if r.EventName == "DeleteStack" || r.Identity.InvokedBy != cloudFormation && r.EventSource != cloudFormation {
		return false
	}
	own := "arn:" + remediations.Partition(event.Region) + ":iam::" + event.Account + ":role/"
	name, ours := strings.CutPrefix(r.Identity.Issuer.ARN, own)
	region := regexp.QuoteMeta(event.Region)
	if r.EventSource == "iam.amazonaws.com" {
		region = `[a-z]+(-[a-z]+)+-[0-9]+`
	}
	return ours && slices.ContainsFunc(roles, func(role string) bool {
		form := strings.NewReplacer("ACCOUNT", event.Account, "REGION", region).Replace(regexp.QuoteMeta(role))
		return regexp.MustCompile("^" + form + "$").MatchString(name)
	})
}

const cloudFormation = "cloudformation.amazonaws.com"
