package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countermand/countermand/infra/config"
	"github.com/countermand/countermand/remediations"
)

// right is what a statement allows, resolved.
type right struct {
	Action, Resource string
	Only             string // what a condition narrows it to: ids of items in the run table, with a space between them, or one policy
}

var here = strings.NewReplacer("${AWS::Partition}", "aws", "${AWS::AccountId}", testAccount, "${AWS::Region}", testRegion)

// TestRoles compares every role with the declaration it is made from: nothing more, nothing less.
func TestRoles(t *testing.T) {
	forEach(t, func(t *testing.T, s *setup, stacks map[string]*template) {
		main := stacks[mainStack]
		c := s.configuration(t)
		modules := c.Modules
		if got := len(main.exceptAlerts("AWS::IAM::Role")); got != len(modules)+len(ledgerFunctions(c)) {
			t.Errorf("%d roles for %d modules and the ledger's %v", got, len(modules), ledgerFunctions(c))
		}
		for _, m := range modules {
			function := main.only(t, "AWS::Lambda::Function", "FunctionName", "countermand-"+m.Name)
			role := main.Resources[at(function.Properties, "Role", "Fn::GetAtt", 0).(string)]
			if diff := cmp.Diff(wantRights(c, m), gotRights(t, main, role)); diff != "" {
				t.Errorf("role of %s in mode %s (-declared +deployed):\n%s", m.Name, m.Mode, diff)
			}
			for property := range role.Properties {
				if property != "AssumeRolePolicyDocument" && property != "Policies" && property != "Description" {
					t.Errorf("role of %s has %s", m.Name, property)
				}
			}
		}
		policies := 0
		for _, m := range modules {
			policies += len(m.Policies)
		}
		if inline, managed := main.ids("AWS::IAM::Policy"), main.ids("AWS::IAM::ManagedPolicy"); len(inline) > 0 || len(managed) != policies {
			t.Errorf("policies beside the roles: %v and %v, of which modules attach %d", inline, managed, policies)
		}
	})
}

func wantRights(c *config.Config, m config.Enabled) map[right]bool {
	arn := func(service, name string) string {
		return "arn:aws:" + service + ":" + testRegion + ":" + testAccount + ":" + name
	}
	log := arn("logs", "log-group:/aws/lambda/countermand-"+m.Name+":*")
	table, items := arn("dynamodb", "table/countermand-runs"), m.Name+"-* LATEST-"+m.Name+"-*"
	want := map[right]bool{}
	declared := m.Reads
	if m.Mode == remediations.Enforce {
		items += " COUNT-*"
		want[right{"dynamodb:UpdateItem", table, items}] = true
		declared = append(append([]remediations.Permission{}, declared...), m.Writes...)
	}
	for _, r := range []right{
		{"dynamodb:GetItem", table, items},
		{"dynamodb:PutItem", table, items},
		{"sns:Publish", arn("sns", "countermand-alerts"), ""},
		{"sns:Publish", arn("sns", "countermand-alerts-critical"), ""},
		{"ssm:GetParameter", arn("ssm", "parameter/countermand/mode"), ""},
		{"sqs:SendMessage", arn("sqs", "countermand-"+m.Name+"-failures"), ""},
		{"logs:CreateLogStream", log, ""},
		{"logs:PutLogEvents", log, ""},
	} {
		want[r] = true
	}
	for _, x := range c.Exemptions {
		if x.Tag != "" && (x.Module == m.Name || x.Module == "all") {
			want[right{"tag:GetResources", "*", ""}] = true
			for action, of := range map[string]string{"iam:ListUserTags": "user", "iam:ListRoleTags": "role", "iam:ListPolicyTags": "policy"} {
				want[right{action, "arn:aws:iam::" + testAccount + ":" + of + "/*", ""}] = true
			}
		}
	}
	if c.Tracing {
		want[right{"xray:PutTraceSegments", "*", ""}] = true
		want[right{"xray:PutTelemetryRecords", "*", ""}] = true
	}
	if m.Mode != remediations.Observe {
		want[right{"dynamodb:UpdateItem", table, "ALERTS-" + m.Name + "-* BACKLOG-" + m.Name}] = true
	}
	for _, p := range declared {
		want[right{p.Action, here.Replace(p.Resource), here.Replace(p.Only.Value)}] = true
	}
	return want
}

// TestTagsAreReadWhereAnExemptionAsks is TestRoles in other words: who has the right, by name.
func TestTagsAreReadWhereAnExemptionAsks(t *testing.T) {
	tm := setupNamed(t, "fixtures").synthesize(t)[mainStack]
	for name, want := range map[string]bool{"alpha-acts": false, "beta-acts": true, "gamma-alerts": false} {
		function := tm.only(t, "AWS::Lambda::Function", "FunctionName", "countermand-"+name)
		role := tm.Resources[at(function.Properties, "Role", "Fn::GetAtt", 0).(string)]
		if got := gotRights(t, tm, role)[right{"tag:GetResources", "*", ""}]; got != want {
			t.Errorf("%s may read tags: %t, want %t", name, got, want)
		}
	}
}

var sidForm = regexp.MustCompile(`^[A-Za-z0-9]+$`)

func gotRights(t *testing.T, tm *template, role *resource) map[right]bool {
	t.Helper()
	got, sids := map[right]bool{}, map[string]bool{}
	for _, statement := range tm.statements(role) {
		if statement["Principal"] != nil {
			want := map[string]any{
				"Effect": "Allow", "Principal": map[string]any{"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole",
			}
			if diff := cmp.Diff(want, statement); diff != "" {
				t.Errorf("who may take the role (-want +got):\n%s", diff)
			}
			continue
		}
		sid, _ := statement["Sid"].(string)
		if !sidForm.MatchString(sid) || sids[sid] {
			t.Errorf("statement id %q is malformed or there twice", sid)
		}
		sids[sid] = true
		action, one := statement["Action"].(string)
		resources, several := statement["Resource"].([]any)
		if !several {
			resources = []any{statement["Resource"]}
		}
		condition, limited := statement["Condition"]
		if !limited && len(statement) != 4 || limited && len(statement) != 5 || statement["Effect"] != "Allow" || !one {
			t.Errorf("statement %v is not of one action", statement)
		}
		for _, resource := range resources {
			name, _ := resource.(string)
			r := right{action, name, narrowed(t, condition)}
			if name == "" || got[r] {
				t.Errorf("%s on %v is allowed twice, or on nothing", action, resource)
			}
			got[r] = true
		}
	}
	return got
}

// narrowed is what a condition asks for, in one of the two forms that a role may have.
func narrowed(t *testing.T, condition any) string {
	t.Helper()
	if condition == nil {
		return ""
	}
	if value, ok := at(condition, "ArnEquals", "iam:PolicyARN").(string); ok {
		if want := map[string]any{"ArnEquals": map[string]any{"iam:PolicyARN": value}}; !cmp.Equal(any(want), condition) {
			t.Errorf("condition %v", condition)
		}
		return value
	}
	keys, _ := at(condition, "ForAllValues:StringLike", "dynamodb:LeadingKeys").([]any)
	want := map[string]any{
		"ForAllValues:StringLike": map[string]any{"dynamodb:LeadingKeys": keys},
	}
	if diff := cmp.Diff(any(want), condition); diff != "" || len(keys) == 0 {
		t.Errorf("condition (-want +got):\n%s", diff)
	}
	return strings.Trim(fmt.Sprint(keys), "[]")
}

// TestInlinePolicies keeps a role's policies well under the 10,240 characters that IAM holds of them.
func TestInlinePolicies(t *testing.T) {
	forEach(t, func(t *testing.T, s *setup, stacks map[string]*template) {
		tm := stacks[mainStack]
		for id, role := range tm.all("AWS::IAM::Role") {
			text, err := json.Marshal(tm.resolve(role.Properties["Policies"]))
			if err != nil || len(text) > 9000 {
				t.Errorf("policies of %s have %d characters (%v)", id, len(text), err)
			}
		}
	})
}

// TestWildcards finds no statement anywhere that allows every action of a service, or anybody anything,
// except that an account governs its own key.
func TestWildcards(t *testing.T) {
	forEach(t, func(t *testing.T, s *setup, stacks map[string]*template) {
		declared := map[string]bool{"kms:GenerateDataKey*": true} // CloudTrail's own documentation of a key's policy
		for _, m := range s.modules() {
			for _, p := range append(append([]remediations.Permission{}, m.Reads...), m.Writes...) {
				declared[p.Action] = true
			}
		}
		for _, tm := range stacks {
			for id, r := range tm.Resources {
				for _, statement := range tm.statements(r) {
					if statement["Effect"] == "Deny" {
						continue
					}
					if statement["Principal"] == "*" {
						t.Errorf("%s allows everybody: %v", id, statement)
					}
					action, ok := statement["Action"].(string)
					ownKey := r.Type == "AWS::KMS::Key" && action == "kms:*" &&
						cmp.Equal(statement["Principal"], map[string]any{"AWS": "arn:aws:iam::" + testAccount + ":root"})
					if list, several := statement["Action"].([]any); several && r.Type == "AWS::IAM::ManagedPolicy" {
						action, ok = fmt.Sprint(list...), true // one that a module attaches
					}
					if !ok || strings.Contains(action, "*") && !declared[action] && !ownKey {
						t.Errorf("%s allows %v", id, statement["Action"])
					}
				}
			}
		}
	})
}
