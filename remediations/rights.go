package remediations

import (
	"slices"
	"strconv"
	"strings"
)

// A Statement is one statement of an IAM policy. Its Resource may contain the same parameters as a Permission's.
type Statement struct {
	Sid      string // purpose and action: "ReadS3GetBucketPolicy"
	Effect   string // always "Allow": IAM denies everything else
	Action   string
	Resource string

	Condition map[string]map[string]string `json:",omitempty"` // operator, key, value
}

// A Policy is an IAM policy. encoding/json writes it in IAM's form.
type Policy struct {
	Version   string // of the policy language
	Statement []Statement
}

// NewPolicy returns a policy with statements.
func NewPolicy(statements []Statement) Policy {
	if statements == nil {
		statements = []Statement{} // not null in JSON
	}
	return Policy{"2012-10-17", statements}
}

// Rights returns the statements that a function needs to run the module in a mode: its reads, and its writes if it may
// act. The engine's own permissions are added elsewhere.
func (m *Module) Rights(mode Mode) []Statement {
	rights := statementsFor("Read", m.Reads)
	if mode == Enforce {
		rights = append(rights, statementsFor("Write", m.Writes)...)
	}
	return rights
}

// UndoRights returns the statements that a person needs to undo the module's actions: everything that it declares.
func (m *Module) UndoRights() []Statement {
	return slices.Concat(m.Rights(Enforce), statementsFor("Undo", m.UndoWrites))
}

// statementsFor returns a statement for each permission. If an action appears more than once, the later ids are numbered.
func statementsFor(use string, permissions []Permission) []Statement {
	list := []Statement{}
	used := map[string]int{}
	for _, p := range permissions {
		sid := use + sidOf(p.Action)
		if used[sid]++; used[sid] > 1 {
			sid += strconv.Itoa(used[sid])
		}
		list = append(list, Statement{Sid: sid, Effect: "Allow", Action: p.Action, Resource: p.Resource, Condition: p.Only.statement()})
	}
	return list
}

// statement returns the condition in the form of a statement, or nil if there is none.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
func (c Condition) statement() map[string]map[string]string {
	switch {
	case c.Key == "":
		return nil
	case strings.HasPrefix(c.Value, "arn:"):
		return map[string]map[string]string{"ArnEquals": {c.Key: c.Value}}
	}
	return map[string]map[string]string{"StringEquals": {c.Key: c.Value}}
}

// sidOf returns an action in the letters and digits that a statement's id may contain: "S3GetBucketPolicy".
func sidOf(action string) string {
	service, name, _ := strings.Cut(strings.ReplaceAll(action, "*", "Any"), ":")
	var text strings.Builder
	for _, word := range strings.Split(service, "-") {
		if word != "" {
			text.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return text.String() + name
}
