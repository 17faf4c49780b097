package lambdapublic

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/countermand/countermand/remediations"
)

// permission is a statement as AddPermission writes it.
// https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html
type permission struct {
	Sid       string
	Effect    string
	Principal string
	Action    string
	Resource  string
	Condition map[string]map[string]string // operator, key, value
}

// part is a parameter of AddPermission that becomes a condition.
type part struct {
	operator, key string
	flag          string // of the AWS CLI
	set           func(in *lambda.AddPermissionInput, value string)
}

// byURL is the only action that AddPermission takes with the condition on how the callers of a URL sign in.
const byURL = "lambda:InvokeFunctionUrl"

// invoked is the key of a condition that is a yes, and whose parameter has no value in the AWS CLI.
const invoked, urlAuth = "lambda:InvokedViaFunctionUrl", "lambda:FunctionUrlAuthType"

var parts = []part{
	{"ArnLike", "AWS:SourceArn", "--source-arn", func(in *lambda.AddPermissionInput, v string) { in.SourceArn = &v }},
	{"StringEquals", "AWS:SourceAccount", "--source-account", func(in *lambda.AddPermissionInput, v string) { in.SourceAccount = &v }},
	{"StringEquals", "aws:PrincipalOrgID", "--principal-org-id", func(in *lambda.AddPermissionInput, v string) { in.PrincipalOrgID = &v }},
	{"StringEquals", "lambda:EventSourceToken", "--event-source-token", func(in *lambda.AddPermissionInput, v string) { in.EventSourceToken = &v }},
	{"StringEquals", urlAuth, "--function-url-auth-type", func(in *lambda.AddPermissionInput, v string) {
		in.FunctionUrlAuthType = types.FunctionUrlAuthType(v)
	}},
	{"Bool", invoked, "--invoked-via-function-url", func(in *lambda.AddPermissionInput, _ string) { in.InvokedViaFunctionUrl = aws.Bool(true) }},
}

// sidForm is what a statement's id looks like that a call can name.
// https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html
var sidForm = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// parse reads a public statement, and refuses one that AddPermission would not write just so.
func (f function) parse(statement json.RawMessage) (permission, error) {
	d := json.NewDecoder(bytes.NewReader(statement))
	d.DisallowUnknownFields()
	var p permission
	if err := d.Decode(&p); err != nil {
		return permission{}, fmt.Errorf("AddPermission can't write the statement: %w", err)
	}
	known := 0
	for _, part := range parts {
		if v, ok := p.Condition[part.operator][part.key]; ok && (part.key != invoked || v == "true") {
			known++
		}
	}
	for _, keys := range p.Condition {
		known -= len(keys)
	}
	if _, ok := p.Condition["StringEquals"][urlAuth]; ok && p.Action != byURL {
		return permission{}, fmt.Errorf("AddPermission can't write a statement for %q with %s", p.Action, urlAuth)
	}
	if !sidForm.MatchString(p.Sid) || p.Effect != "Allow" || p.Principal != "*" || p.Action == "" || p.Resource != f.arn || known != 0 {
		return permission{}, errors.New("AddPermission can't write the statement")
	}
	return p, nil
}

// input is the call that adds the permission.
func (p permission) input(f function) *lambda.AddPermissionInput {
	in := &lambda.AddPermissionInput{FunctionName: &f.name, Qualifier: f.qualified(), StatementId: &p.Sid, Action: &p.Action, Principal: &p.Principal}
	for _, part := range parts {
		if v, ok := p.Condition[part.operator][part.key]; ok {
			part.set(in, v)
		}
	}
	return in
}

// add is the command that adds the permission.
func (p permission) add(r remediations.Resource, f function) string {
	rest := []string{"--statement-id", remediations.Quote(p.Sid), "--action", remediations.Quote(p.Action), "--principal", remediations.Quote(p.Principal)}
	for _, part := range parts {
		v, ok := p.Condition[part.operator][part.key]
		switch {
		case ok && part.key == invoked:
			rest = append(rest, part.flag)
		case ok:
			rest = append(rest, part.flag, remediations.Quote(v))
		}
	}
	return f.command(r, "add-permission", rest...)
}

// opens reports whether the permission is the one by which anybody may call the function's URL, if callers need not sign
// in. It means nothing otherwise.
// https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
func (p permission) opens() bool {
	return p.only("StringEquals", urlAuth, string(types.FunctionUrlAuthTypeNone))
}

// serves reports whether the permission lets those invoke the function who may call its URL, and nobody else.
func (p permission) serves() bool {
	return p.Action == "lambda:InvokeFunction" && p.only("Bool", invoked, "true")
}

// only reports whether the permission has one condition, and that is this one.
func (p permission) only(operator, key, value string) bool {
	return len(p.Condition) == 1 && len(p.Condition[operator]) == 1 && p.Condition[operator][key] == value
}

// split is a policy's statements.
func split(text []byte) ([]json.RawMessage, error) {
	var document struct{ Statement json.RawMessage }
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("decode its statements: %w", err)
	}
	if !bytes.HasPrefix(document.Statement, []byte("[")) {
		return []json.RawMessage{document.Statement}, nil
	}
	var statements []json.RawMessage
	if err := json.Unmarshal(document.Statement, &statements); err != nil {
		return nil, fmt.Errorf("decode its statements: %w", err)
	}
	return statements, nil
}

// sid is a statement's id; empty if it has none.
func sid(statement json.RawMessage) string {
	var s struct{ Sid string }
	if json.Unmarshal(statement, &s) != nil {
		return ""
	}
	return s.Sid
}
