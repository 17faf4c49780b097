package remediations

import (
	"slices"
	"strconv"
	"strings"
)

// Statement is one right, in the form of a statement of an IAM policy. Its Resource may hold what a Permission's may.
type Statement struct {
	Sid      string // what it is for, and the action: "ReadS3GetBucketPolicy"
	Effect   string // always "Allow": what is not allowed is denied
	Action   string
	Resource string

	Condition map[string]map[string]string `json:",omitempty"` // operator, key, value
}

// Policy is an IAM policy, which encoding/json writes as IAM reads it.
type Policy struct {
	Version   string // of the policy language
	Statement []Statement
}

// NewPolicy is a policy of statements.
func NewPolicy(statements []Statement) Policy {
	if statements == nil {
		statements = []Statement{} // JSON's null is no list
	}
	return Policy{"2012-10-17", statements}
}

// Rights is what a function that runs the module in a mode may do for it: look, and write where it may act. The
// engine's own rights come on top.
func (m *Module) Rights(mode Mode) []Statement {
	rights := statements("Read", m.Reads)
	if mode == Enforce {
		rights = append(rights, statements("Write", m.Writes)...)
	}
	return rights
}

// UndoRights is what a person needs to take back what the module did: all that it declares.
func (m *Module) UndoRights() []Statement {
	return slices.Concat(m.Rights(Enforce), statements("Undo", m.UndoWrites))
}

// statements is a statement for each permission. Those of one action are numbered from the second on.
func statements(use string, permissions []Permission) []Statement {
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

// statement is the condition in the form that a statement has it in; nil if there is none.
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

// sidOf is an action in the letters and digits that a statement's id may have: "S3GetBucketPolicy".
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
