package lambdapublic_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations/modules/lambdapublic"
	"github.com/countermand/countermand/remediations/moduletest"
)

const (
	account = "111122223333"
	name    = "orders"
	alias   = "orders:live"
	version = "orders:7"
	other   = "other"
	prefix  = "arn:aws:lambda:eu-central-1:111122223333:function:"
)

// Who makes a call.
const (
	dana = `{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE123:dana","arn":"arn:aws:sts::111122223333:assumed-role/Developer/dana","accountId":"111122223333","accessKeyId":"ASIAEXAMPLEEXAMPLE12",
		"sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLEEXAMPLE123","arn":"arn:aws:iam::111122223333:role/Developer","accountId":"111122223333","userName":"Developer"},"attributes":{"creationDate":"2026-03-02T08:55:12Z","mfaAuthenticated":"true"}}}`
	stack = `{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE456:AWSCloudFormation","arn":"arn:aws:sts::111122223333:assumed-role/Deploy/AWSCloudFormation","accountId":"111122223333",
		"sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLEEXAMPLE456","arn":"arn:aws:iam::111122223333:role/Deploy","accountId":"111122223333","userName":"Deploy"},"attributes":{"creationDate":"2026-03-02T09:00:00Z","mfaAuthenticated":"false"}},
		"invokedBy":"cloudformation.amazonaws.com"}`
	countermand = `{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE789:countermand-lambda-public","arn":"arn:aws:sts::111122223333:assumed-role/countermand-lambda-public/countermand-lambda-public","accountId":"111122223333","accessKeyId":"ASIAEXAMPLEEXAMPLE78",
		"sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLEEXAMPLE789","arn":"arn:aws:iam::111122223333:role/countermand-lambda-public","accountId":"111122223333","userName":"countermand-lambda-public"},"attributes":{"creationDate":"2026-03-02T09:15:01Z","mfaAuthenticated":"false"}}}`
)

// record is the event of a call; more is further fields of the record.
func record(t *testing.T, who, eventID, name, parameters, more string) []byte {
	t.Helper()
	event, err := events.Wrap(fmt.Appendf(nil, `{"eventVersion":"1.10","userIdentity":%s,"eventTime":"2026-03-02T09:14:55Z",
		"eventSource":"lambda.amazonaws.com","eventName":%q,"awsRegion":"eu-central-1","sourceIPAddress":"198.51.100.17","userAgent":"aws-cli/2.27.1",
		"requestParameters":%s,%s"requestID":"7d2a4a0e-6a55-4d0b-8e6b-0b1f7a2c9d01","eventID":%q,"readOnly":false,"eventType":"AwsApiCall","managementEvent":true,
		"recipientAccountId":"111122223333","eventCategory":"Management"}`, who, name, parameters, more, eventID))
	if err != nil {
		t.Fatal(err)
	}
	return event
}

const (
	eventID = "5b1c6f8e-0d5f-4e0c-9a58-3c1d5b9f2b01"
	add     = "AddPermission20150331v2"
	worked  = `"responseElements":{"statement":"{\"Sid\":\"public\",\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"lambda:InvokeFunction\",\"Resource\":\"` + prefix + `orders\"}"},`
	refused = `"errorCode":"AccessDenied","errorMessage":"not authorized","responseElements":null,`
)

// call is the parameters of AddPermission; more is further ones.
func call(function, more string) string {
	return `{"functionName":"` + function + `","statementId":"public","action":"lambda:InvokeFunction","principal":"*"` + more + `}`
}

// statement is a statement of a function's policy.
func statement(sid, principal, action, function, condition string) json.RawMessage {
	s := `{"Sid":"` + sid + `","Effect":"Allow","Principal":` + principal + `,"Action":"` + action + `","Resource":"` + prefix + function + `"`
	if condition != "" {
		s += `,"Condition":` + condition
	}
	return json.RawMessage(s + "}")
}

const (
	anybody = `"*"`
	openURL = `{"StringEquals":{"lambda:FunctionUrlAuthType":"NONE"}}`
	byURL   = `{"Bool":{"lambda:InvokedViaFunctionUrl":"true"}}`
)

// function is a function, a version or an alias: its policy by the statements' ids, and how callers of its URL sign in.
type function struct {
	Statements map[string]json.RawMessage
	URL        types.FunctionUrlAuthType
}

// region is the functions of an account, by name and qualifier.
type region struct {
	Functions map[string]*function
	fail      map[string]string // error code by operation
	text      string            // what stands in place of a policy
	of        string            // the ARN that the URL is of, if that is not the one that was asked for
	unknown   bool              // how callers of the URL sign in
	writes    []string
}

func (r *region) ask(operation string, name, qualifier *string) (*function, error) {
	id := aws.ToString(name)
	if qualifier != nil {
		id += ":" + *qualifier
	}
	if r.fail[operation] != "" {
		return nil, moduletest.Error(r.fail[operation])
	}
	if f := r.Functions[id]; f != nil {
		return f, nil
	}
	return nil, moduletest.Error("ResourceNotFoundException")
}

func (r *region) get(in *lambda.GetPolicyInput) (*lambda.GetPolicyOutput, error) {
	f, err := r.ask("get", in.FunctionName, in.Qualifier)
	switch {
	case err != nil:
		return nil, err
	case len(f.Statements) == 0:
		return nil, moduletest.Error("ResourceNotFoundException")
	case r.text != "":
		return &lambda.GetPolicyOutput{Policy: aws.String(strings.TrimSpace(r.text))}, nil
	}
	var all []string
	for _, sid := range slices.Sorted(maps.Keys(f.Statements)) {
		all = append(all, string(f.Statements[sid]))
	}
	return &lambda.GetPolicyOutput{Policy: aws.String(`{"Version":"2012-10-17","Id":"default","Statement":[` + strings.Join(all, ",") + `]}`)}, nil
}

func (r *region) url(in *lambda.GetFunctionUrlConfigInput) (*lambda.GetFunctionUrlConfigOutput, error) {
	f, err := r.ask("url", in.FunctionName, in.Qualifier)
	switch {
	case aws.ToString(in.Qualifier) == "7":
		return nil, moduletest.Error("ValidationException") // versions have no URL
	case err != nil:
		return nil, err
	case f.URL == "":
		return nil, moduletest.Error("ResourceNotFoundException")
	}
	out := &lambda.GetFunctionUrlConfigOutput{AuthType: f.URL, FunctionArn: aws.String(prefix + *in.FunctionName)}
	if in.Qualifier != nil {
		*out.FunctionArn += ":" + *in.Qualifier
	}
	if r.of != "" {
		out.FunctionArn = &r.of
	}
	if r.unknown {
		out.AuthType = ""
	}
	return out, nil
}

// list answers one function a page.
func (r *region) list(in *lambda.ListFunctionsInput) (*lambda.ListFunctionsOutput, error) {
	if r.fail["list"] != "" {
		return nil, moduletest.Error(r.fail["list"])
	}
	var names []string
	for id := range r.Functions {
		if !strings.Contains(id, ":") {
			names = append(names, id)
		}
	}
	slices.Sort(names)
	at := len(aws.ToString(in.Marker))
	out := &lambda.ListFunctionsOutput{Functions: []types.FunctionConfiguration{{FunctionName: &names[at]}}}
	if at+1 < len(names) {
		out.NextMarker = aws.String(strings.Repeat("m", at+1))
	}
	return out, nil
}

func (r *region) remove(in *lambda.RemovePermissionInput) (*lambda.RemovePermissionOutput, error) {
	f, err := r.ask("remove", in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	if _, ok := f.Statements[aws.ToString(in.StatementId)]; !ok {
		return nil, moduletest.Error("ResourceNotFoundException")
	}
	r.writes = append(r.writes, "remove "+*in.StatementId)
	delete(f.Statements, *in.StatementId)
	return &lambda.RemovePermissionOutput{}, nil
}

func (r *region) add(in *lambda.AddPermissionInput) (*lambda.AddPermissionOutput, error) {
	f, err := r.ask("add", in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	sid := aws.ToString(in.StatementId)
	if _, ok := f.Statements[sid]; ok {
		return nil, moduletest.Error("ResourceConflictException")
	}
	r.writes = append(r.writes, "add "+sid)
	id := *in.FunctionName
	if in.Qualifier != nil {
		id += ":" + *in.Qualifier
	}
	conditions := map[string]map[string]string{}
	set := func(operator, key string, value *string) {
		if value != nil {
			if conditions[operator] == nil {
				conditions[operator] = map[string]string{}
			}
			conditions[operator][key] = *value
		}
	}
	set("ArnLike", "AWS:SourceArn", in.SourceArn)
	set("StringEquals", "AWS:SourceAccount", in.SourceAccount)
	set("StringEquals", "aws:PrincipalOrgID", in.PrincipalOrgID)
	set("StringEquals", "lambda:EventSourceToken", in.EventSourceToken)
	if in.FunctionUrlAuthType != "" {
		set("StringEquals", "lambda:FunctionUrlAuthType", aws.String(string(in.FunctionUrlAuthType)))
	}
	if aws.ToBool(in.InvokedViaFunctionUrl) {
		set("Bool", "lambda:InvokedViaFunctionUrl", aws.String("true"))
	}
	condition := ""
	if len(conditions) > 0 {
		text, err := json.Marshal(conditions)
		if err != nil {
			return nil, err
		}
		condition = string(text)
	}
	if f.Statements == nil {
		f.Statements = map[string]json.RawMessage{}
	}
	f.Statements[sid] = statement(sid, `"`+*in.Principal+`"`, *in.Action, id, condition)
	return &lambda.AddPermissionOutput{}, nil
}

func (r *region) update(in *lambda.UpdateFunctionUrlConfigInput) (*lambda.UpdateFunctionUrlConfigOutput, error) {
	f, err := r.ask("update", in.FunctionName, in.Qualifier)
	switch {
	case err != nil:
		return nil, err
	case f.URL == "":
		return nil, moduletest.Error("ResourceNotFoundException")
	}
	f.URL = in.AuthType
	r.writes = append(r.writes, "url "+string(in.AuthType))
	return &lambda.UpdateFunctionUrlConfigOutput{AuthType: f.URL}, nil
}

func (r *region) answers() []moduletest.Answer {
	return []moduletest.Answer{moduletest.On(r.get), moduletest.On(r.url), moduletest.On(r.list), moduletest.On(r.remove),
		moduletest.On(r.add), moduletest.On(r.update)}
}

// good is statements that let in nobody unknown.
func good(function string) map[string]json.RawMessage {
	return map[string]json.RawMessage{
		"rule":    statement("rule", `{"Service":"events.amazonaws.com"}`, "lambda:InvokeFunction", function, `{"ArnLike":{"AWS:SourceArn":"arn:aws:events:eu-central-1:111122223333:rule/nightly"}}`),
		"partner": statement("partner", `{"AWS":"arn:aws:iam::444455556666:root"}`, "lambda:InvokeFunction", function, ""),
		"family":  statement("family", anybody, "lambda:InvokeFunction", function, `{"StringEquals":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}}`),
	}
}

// open is a Region with a function that has good statements, and others with such.
func open(changes ...func(*region)) *region {
	r := &region{Functions: map[string]*function{}}
	for _, id := range []string{name, alias, version, other} {
		r.Functions[id] = &function{Statements: good(id)}
	}
	for _, change := range changes {
		change(r)
	}
	return r
}

// has adds a statement to a function, a version or an alias.
func has(function, sid, principal, action, condition string) func(*region) {
	return func(r *region) {
		r.Functions[function].Statements[sid] = statement(sid, principal, action, function, condition)
	}
}

// public is a function that anybody may invoke.
func public(function string) func(*region) {
	return has(function, "public", anybody, "lambda:InvokeFunction", "")
}

// signs is how callers of a URL sign in.
func signs(function string, auth types.FunctionUrlAuthType) func(*region) {
	return func(r *region) { r.Functions[function].URL = auth }
}

// aURL is a URL with the statements that Lambda's console adds.
func aURL(function string, auth types.FunctionUrlAuthType) func(*region) {
	return func(r *region) {
		signs(function, auth)(r)
		has(function, "FunctionURLAllowPublicAccess", anybody, "lambda:InvokeFunctionUrl", openURL)(r)
		has(function, "FunctionURLInvokeAllowPublicAccess", anybody, "lambda:InvokeFunction", byURL)(r)
	}
}

func world(changes ...func(*region)) func() *moduletest.World {
	return func() *moduletest.World {
		r := open(changes...)
		return &moduletest.World{State: r, Answers: r.answers(), Change: func() {
			for id, f := range r.Functions {
				f.Statements["public"] = statement("public", `{"AWS":"arn:aws:iam::444455556666:root"}`, "lambda:InvokeFunction", id, "")
				if f.URL != "" {
					f.URL = types.FunctionUrlAuthTypeNone
				}
			}
		}}
	}
}

func Test(t *testing.T) {
	removed := [][]byte{record(t, countermand, "5b1c6f8e-0d5f-4e0c-9a58-3c1d5b9f2b11", "RemovePermission20150331v2", `{"functionName":"orders","statementId":"public"}`, `"responseElements":null,`)}
	shut := [][]byte{record(t, countermand, "5b1c6f8e-0d5f-4e0c-9a58-3c1d5b9f2b12", "UpdateFunctionUrlConfig", `{"functionName":"orders","authType":"AWS_IAM"}`,
		`"responseElements":{"authType":"AWS_IAM","functionArn":"`+prefix+`orders"},`)}
	acts := func(name string, event []byte, own [][]byte, changes ...func(*region)) moduletest.Case {
		return moduletest.Case{Name: name, Event: event, World: world(changes...), Acts: true, Own: own}
	}
	idle := func(name string, event []byte, changes ...func(*region)) moduletest.Case {
		return moduletest.Case{Name: name, Event: event, World: world(changes...)}
	}
	unswept := func(c moduletest.Case) moduletest.Case {
		c.Unswept = "a sweep looks at functions, not at their versions and aliases"
		return c
	}
	set := func(c moduletest.Case, s lambdapublic.Settings) moduletest.Case {
		c.Settings = s
		return c
	}
	added := record(t, dana, eventID, add, call(name, ""), worked)
	created := record(t, dana, eventID, "CreateFunctionUrlConfig", `{"functionName":"orders","authType":"NONE"}`, `"responseElements":{"functionArn":"`+prefix+`orders","authType":"NONE"},`)
	updated := record(t, dana, eventID, "UpdateFunctionUrlConfig", `{"functionName":"`+prefix+`orders","authType":"NONE","qualifier":"live"}`, `"responseElements":null,`)
	service := has(name, "bucket", `{"Service":"s3.amazonaws.com"}`, "lambda:InvokeFunction", "")
	foreign := has(name, "bucket", `{"Service":"s3.amazonaws.com"}`, "lambda:InvokeFunction", `{"StringEquals":{"AWS:SourceAccount":"444455556666"}}`)
	gone := func(r *region) { delete(r.Functions, name) }

	moduletest.Run(t, lambdapublic.Module,
		acts("anybody may invoke it", added, removed, public(name)),
		acts("and nobody else", added, removed, func(r *region) { clear(r.Functions[name].Statements) }, public(name)),
		acts("the older event", record(t, dana, eventID, "AddPermission20150331", call(name, ""), worked), removed, public(name)),
		acts("by CloudFormation, by ARN", record(t, stack, eventID, add, call(prefix+name, ""), worked), removed, public(name)),
		acts("by a part of the ARN", record(t, dana, eventID, add, call(account+":function:"+name, ""), `"responseElements":null,`), removed, public(name)),
		acts("a policy put as a whole", record(t, dana, eventID, "PutResourcePolicy", `{"resourceArn":"`+prefix+name+`","policy":"{}"}`, `"responseElements":null,`), removed, public(name)),
		acts("two statements", added, removed, public(name), has(name, "token", anybody, "lambda:*", `{"StringEquals":{"lambda:EventSourceToken":"amzn1.ask.skill.1"}}`)),
		acts("whoever has an AWS account, by the URL", created, removed, signs(name, types.FunctionUrlAuthTypeAwsIam),
			has(name, "public", anybody, "lambda:InvokeFunctionUrl", `{"StringEquals":{"lambda:FunctionUrlAuthType":"AWS_IAM"}}`), has(name, "served", anybody, "lambda:InvokeFunction", byURL)),
		unswept(acts("an alias", record(t, dana, eventID, add, call(name, `,"qualifier":"live"`), worked), removed, public(alias))),
		acts("and an open URL", added, removed, public(name), aURL(name, types.FunctionUrlAuthTypeNone)),
		acts("an open URL", created, nil, aURL(name, types.FunctionUrlAuthTypeNone)),
		unswept(acts("an open URL of an alias", updated, nil, aURL(alias, types.FunctionUrlAuthTypeNone))),
		set(acts("an open URL is closed", created, shut, aURL(name, types.FunctionUrlAuthTypeNone)), lambdapublic.Settings{CloseURLs: true}),
		acts("could not be put back", added, nil, has(name, "odd", `{"AWS":"*"}`, "lambda:InvokeFunction", "")),
		acts("can't be told", added, nil, has(name, "odd", anybody, "lambda:InvokeFunction", `{"StringEquals":{"aws:NewKey":"x"}}`)),
		set(acts("a service in anybody's name", added, nil, service), lambdapublic.Settings{UnboundServices: true}),

		idle("removed again", added),
		idle("removed from a version", record(t, dana, eventID, add, call(version, ""), worked)),
		idle("a service in anybody's name, which is not told", added, service),
		set(idle("a service for another account", added, foreign), lambdapublic.Settings{UnboundServices: true}),
		idle("callers of the URL sign in", created, aURL(name, types.FunctionUrlAuthTypeAwsIam)),
		idle("the URL was deleted", created, aURL(name, "")),
		idle("no statement opens the URL", created, signs(name, types.FunctionUrlAuthTypeNone), has(name, "served", anybody, "lambda:InvokeFunction", byURL)),
		idle("no policy", created, signs(name, types.FunctionUrlAuthTypeNone), func(r *region) { clear(r.Functions[name].Statements) }),
		idle("gone", added, gone),
		idle("another account's", record(t, dana, eventID, add, call("444455556666:function:orders", ""), worked), public(name)),
		idle("the call was refused", record(t, dana, eventID, add, "null", refused), public(name)),
	)
}
