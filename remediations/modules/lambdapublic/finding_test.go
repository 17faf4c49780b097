package lambdapublic_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/modules/lambdapublic"
	"github.com/countermand/countermand/remediations/moduletest"
)

// run is a module's run in the Region.
func (r *region) run(settings lambdapublic.Settings) *remediations.Run {
	answer := func(in any) (any, error) {
		switch in := in.(type) {
		case *lambda.GetPolicyInput:
			return r.get(in)
		case *lambda.GetFunctionUrlConfigInput:
			return r.url(in)
		case *lambda.ListFunctionsInput:
			return r.list(in)
		case *lambda.RemovePermissionInput:
			return r.remove(in)
		case *lambda.AddPermissionInput:
			return r.add(in)
		case *lambda.UpdateFunctionUrlConfigInput:
			return r.update(in)
		}
		return nil, errors.New("unexpected call")
	}
	return &remediations.Run{Account: account, AWS: moduletest.Config("eu-central-1", answer), Settings: settings}
}

var (
	itself  = remediations.Resource{ID: name, Type: "AWS::Lambda::Function", Account: account, Region: "eu-central-1"}
	aliased = remediations.Resource{ID: prefix + alias, Type: "AWS::Lambda::Alias", Account: account, Region: "eu-central-1"}
	seventh = remediations.Resource{ID: prefix + version, Type: "AWS::Lambda::Version", Account: account, Region: "eu-central-1"}

	closing = lambdapublic.Settings{CloseURLs: true}
)

func find(t *testing.T, r *region, of remediations.Resource, settings lambdapublic.Settings) *remediations.Finding {
	t.Helper()
	found, err := lambdapublic.Module.Guard(t.Context(), r.run(settings), of)
	if err != nil || found == nil {
		t.Fatalf("the guard found %v, %v", found, err)
	}
	return found
}

// cli is an AWS CLI command about the function.
func cli(subcommand, rest string) string {
	return "aws lambda " + subcommand + " --region 'eu-central-1' --function-name 'orders' " + rest
}

const (
	invoking = ` ("public") allows lambda:InvokeFunction to anyone: its principal is *`
	opening  = `anybody may call its URL without signing in (AuthType NONE), as statement 1 ("FunctionURLAllowPublicAccess") allows lambda:InvokeFunctionUrl to anyone: ` +
		`its principal is *, and no condition (StringEquals lambda:FunctionUrlAuthType) holds it to fixed callers`
)

func TestFindings(t *testing.T) {
	none := types.FunctionUrlAuthTypeNone
	for _, test := range []struct {
		name     string
		region   *region
		resource remediations.Resource
		settings lambdapublic.Settings
		want     remediations.Finding // without Before and After
		sids     []string             // of the statements before
		url      string
	}{
		{"public", open(public(name)), itself, lambdapublic.Settings{}, remediations.Finding{
			Reason: "the function is public: statement 3" + invoking,
			Fix:    cli("remove-permission", "--statement-id 'public'"),
			Revert: cli("add-permission", "--statement-id 'public' --action 'lambda:InvokeFunction' --principal '*'"),
		}, []string{"public"}, ""},
		{"an alias", open(public(alias)), aliased, lambdapublic.Settings{}, remediations.Finding{
			Reason: "the function is public: statement 3" + invoking,
			Fix:    cli("remove-permission", "--qualifier 'live' --statement-id 'public'"),
			Revert: cli("add-permission", "--qualifier 'live' --statement-id 'public' --action 'lambda:InvokeFunction' --principal '*'"),
		}, []string{"public"}, ""},
		{"all that AddPermission can say", open(has(name, "public", anybody, "lambda:InvokeFunctionUrl", `{"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::*"},"StringEquals":{"AWS:SourceAccount":"*",`+
			`"aws:PrincipalOrgID":"*","lambda:EventSourceToken":"it's","lambda:FunctionUrlAuthType":"AWS_IAM"},"Bool":{"lambda:InvokedViaFunctionUrl":"true"}}`)),
			itself, lambdapublic.Settings{}, remediations.Finding{
				Reason: `the function is public: statement 3 ("public") allows lambda:InvokeFunctionUrl to anyone: its principal is *, and no condition (`,
				Fix:    cli("remove-permission", "--statement-id 'public'"),
				Revert: cli("add-permission", "--statement-id 'public' --action 'lambda:InvokeFunctionUrl' --principal '*' --source-arn 'arn:aws:s3:::*' --source-account '*' "+
					`--principal-org-id '*' --event-source-token 'it'\''s' --function-url-auth-type 'AWS_IAM' --invoked-via-function-url`),
			}, []string{"public"}, ""},
		{"more than the URL needs", open(has(name, "public", anybody, "lambda:*", byURL)), itself, lambdapublic.Settings{}, remediations.Finding{
			Reason: `the function is public: statement 3 ("public") allows lambda:* to anyone: its principal is *, and no condition (`,
			Fix:    cli("remove-permission", "--statement-id 'public'"),
			Revert: cli("add-permission", "--statement-id 'public' --action 'lambda:*' --principal '*' --invoked-via-function-url"),
		}, []string{"public"}, ""},
		{"not as the URL needs it", open(has(name, "public", anybody, "lambda:InvokeFunctionUrl", `{"StringEquals":{"lambda:FunctionUrlAuthType":"NONE","lambda:EventSourceToken":"x"}}`)),
			itself, lambdapublic.Settings{}, remediations.Finding{
				Reason: `the function is public: statement 3 ("public") allows lambda:InvokeFunctionUrl to anyone: its principal is *, and no condition (`,
				Fix:    cli("remove-permission", "--statement-id 'public'"),
				Revert: cli("add-permission", "--statement-id 'public' --action 'lambda:InvokeFunctionUrl' --principal '*' --event-source-token 'x' --function-url-auth-type 'NONE'"),
			}, []string{"public"}, ""},
		{"an open URL", open(aURL(name, none)), itself, lambdapublic.Settings{}, remediations.Finding{
			Reason: "the function is, or may be, open to strangers: " + opening,
			Fix:    cli("update-function-url-config", "--auth-type AWS_IAM"), AlertOnly: true,
		}, nil, ""},
		{"an open URL that is to be closed", open(aURL(name, none)), itself, closing, remediations.Finding{
			Reason: "the function is public: " + opening,
			Fix:    cli("update-function-url-config", "--auth-type AWS_IAM"),
			Revert: cli("update-function-url-config", "--auth-type NONE"),
		}, nil, "NONE"},
		{"both", open(public(name), aURL(name, none)), itself, closing, remediations.Finding{
			Reason: "the function is public: statement 5" + invoking + "; and " + opening,
			Fix:    cli("remove-permission", "--statement-id 'public'") + "\n" + cli("update-function-url-config", "--auth-type AWS_IAM"),
			Revert: cli("add-permission", "--statement-id 'public' --action 'lambda:InvokeFunction' --principal '*'") + "\n" +
				cli("update-function-url-config", "--auth-type NONE"),
		}, []string{"public"}, "NONE"},
		{"one of two", open(public(name), aURL(name, none)), itself, lambdapublic.Settings{}, remediations.Finding{
			Reason: "left to people is: " + opening + "; the function is public: statement 5" + invoking,
			Fix:    cli("remove-permission", "--statement-id 'public'"),
			Revert: cli("add-permission", "--statement-id 'public' --action 'lambda:InvokeFunction' --principal '*'"),
		}, []string{"public"}, ""},
		{"not as AddPermission writes it", open(has(name, "public", `{"AWS":"*"}`, "lambda:InvokeFunction", "")), itself, closing, remediations.Finding{
			Reason: `the function is, or may be, open to strangers: statement 3 ("public") allows lambda:InvokeFunction to anyone: its principal is AWS *; it could not be put back as it is`,
			Fix:    cli("remove-permission", "--statement-id 'public'"), AlertOnly: true,
		}, nil, ""},
		{"no id that a call could name", open(has(name, "p'u", anybody, "lambda:InvokeFunction", "")), itself, closing, remediations.Finding{
			Reason:    `the function is, or may be, open to strangers: statement 2 ("p'u") allows lambda:InvokeFunction to anyone: its principal is *; it could not be put back as it is`,
			AlertOnly: true,
		}, nil, ""},
		{"another operator", open(has(name, "public", anybody, "lambda:InvokeFunction", `{"StringLike":{"AWS:SourceArn":"arn:aws:s3:::*"}}`)), itself, closing, remediations.Finding{
			Reason: `the function is, or may be, open to strangers: statement 3 ("public") allows lambda:InvokeFunction to anyone: its principal is *, and no condition (StringLike AWS:SourceArn) holds it to fixed callers; it could not be put back as it is`,
			Fix:    cli("remove-permission", "--statement-id 'public'"), AlertOnly: true,
		}, nil, ""},
		{"not by the URL", open(has(name, "public", anybody, "lambda:InvokeFunction", `{"Bool":{"lambda:InvokedViaFunctionUrl":"false"}}`)), itself, closing, remediations.Finding{
			Reason: `the function is, or may be, open to strangers: statement 3 ("public") allows lambda:InvokeFunction to anyone: its principal is *, and no condition (Bool lambda:InvokedViaFunctionUrl) holds it to fixed callers; it could not be put back as it is`,
			Fix:    cli("remove-permission", "--statement-id 'public'"), AlertOnly: true,
		}, nil, ""},
		{"what is for the URL alone, of another action", open(has(name, "public", anybody, "lambda:AddPermission", `{"StringEquals":{"lambda:FunctionUrlAuthType":"NONE"}}`)), itself, closing, remediations.Finding{
			Reason: `the function is, or may be, open to strangers: statement 3 ("public") allows lambda:AddPermission to anyone: its principal is *, and no condition (StringEquals lambda:FunctionUrlAuthType) holds it to fixed callers; it could not be put back as it is`,
			Fix:    cli("remove-permission", "--statement-id 'public'"), AlertOnly: true,
		}, nil, ""},
		{"another resource", open(func(r *region) {
			r.Functions[name].Statements["public"] = statement("public", anybody, "lambda:InvokeFunction", other, "")
		}), itself, closing, remediations.Finding{
			Reason: "the function is, or may be, open to strangers: statement 3" + invoking + "; it could not be put back as it is",
			Fix:    cli("remove-permission", "--statement-id 'public'"), AlertOnly: true,
		}, nil, ""},
		{"no policy that can be read", open(func(r *region) { r.text = `{"Version":"2012-10-17"}` }), itself, closing, remediations.Finding{
			Reason:    "the function is, or may be, open to strangers: it can't be told whether the policy is public: parse policy: there is no Statement",
			AlertOnly: true,
		}, nil, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := find(t, test.region, test.resource, test.settings)
			var before, after struct {
				Statements []struct{ Sid string }
				URL        string
			}
			if err := errors.Join(json.Unmarshal(got.Before, &before), json.Unmarshal(got.After, &after)); err != nil {
				t.Fatal(err)
			}
			var sids []string
			for _, s := range before.Statements {
				sids = append(sids, s.Sid)
			}
			if !slices.Equal(sids, test.sids) || before.URL != test.url {
				t.Errorf("before is %s, want %v, %q", got.Before, test.sids, test.url)
			}
			if len(after.Statements) > 0 || (after.URL == "AWS_IAM") != (test.url != "") {
				t.Errorf("after is %s", got.After)
			}
			if strings.HasSuffix(test.want.Reason, "(") && strings.HasPrefix(got.Reason, test.want.Reason) {
				got.Reason = test.want.Reason // the order of conditions is of no matter
			}
			test.want.Resource, test.want.Before, test.want.After = test.resource, got.Before, got.After
			if diff := cmp.Diff(&test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// The action removes what is at fault and nothing else, and undo puts it back as it was.
func TestNeighboursStay(t *testing.T) {
	all := has(name, "all", anybody, "lambda:*", `{"StringEquals":{"lambda:EventSourceToken":"amzn1.ask.skill.1"}}`)
	for _, test := range []struct {
		name     string
		resource remediations.Resource
		changes  []func(*region)
		done     []string
		back     []string
	}{
		{"two statements", itself, []func(*region){public(name), all}, []string{"remove all", "remove public"}, []string{"add all", "add public"}},
		{"a statement and the URL", itself, []func(*region){public(name), aURL(name, types.FunctionUrlAuthTypeNone)}, []string{"remove public", "url AWS_IAM"}, []string{"add public", "url NONE"}},
		{"an alias", aliased, []func(*region){public(alias), aURL(alias, types.FunctionUrlAuthTypeNone)}, []string{"remove public", "url AWS_IAM"}, []string{"add public", "url NONE"}},
		{"a version", seventh, []func(*region){public(version)}, []string{"remove public"}, []string{"add public"}},
	} {
		before, r, want := open(test.changes...), open(test.changes...), open(test.changes...)
		found := find(t, r, test.resource, closing)
		id := strings.TrimPrefix(test.resource.ID, prefix)
		for _, gone := range []string{"public", "all"} {
			delete(want.Functions[id].Statements, gone)
		}
		if want.Functions[id].URL != "" {
			want.Functions[id].URL = types.FunctionUrlAuthTypeAwsIam
		}
		if err := lambdapublic.Module.Action(t.Context(), r.run(closing), found); err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if diff := cmp.Diff(want.Functions, r.Functions); diff != "" || !slices.Equal(r.writes, test.done) {
			t.Errorf("%s: the action wrote %v (-want +got):\n%s", test.name, r.writes, diff)
		}
		has(id, "later", `{"AWS":"arn:aws:iam::444455556666:root"}`, "lambda:InvokeFunction", "")(r) // somebody's, which is not undo's
		has(id, "later", `{"AWS":"arn:aws:iam::444455556666:root"}`, "lambda:InvokeFunction", "")(before)
		r.writes = nil
		if err := lambdapublic.Module.Undo(t.Context(), r.run(lambdapublic.Settings{}), found); err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		sameFunctions := cmp.Comparer(func(a, b json.RawMessage) bool { return same(a, b) })
		if diff := cmp.Diff(before.Functions, r.Functions, sameFunctions); diff != "" || !slices.Equal(r.writes, test.back) {
			t.Errorf("%s: undo wrote %v (-want +got):\n%s", test.name, r.writes, diff)
		}
	}
}

// same reports whether two texts are the same JSON.
func same(a, b json.RawMessage) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && cmp.Equal(x, y)
}

// What is gone by then is no fault of the action, and undo goes on where an earlier one has stopped.
func TestHalfOfTheWork(t *testing.T) {
	changes := []func(*region){public(name), has(name, "all", anybody, "lambda:*", ""), aURL(name, types.FunctionUrlAuthTypeNone)}
	r := open(changes...)
	found := find(t, r, itself, closing)
	delete(r.Functions[name].Statements, "all")
	if err := lambdapublic.Module.Action(t.Context(), r.run(closing), found); err != nil || !slices.Equal(r.writes, []string{"remove public", "url AWS_IAM"}) {
		t.Errorf("the action returned %v, and wrote %v", err, r.writes)
	}
	for _, test := range []struct {
		name   string
		there  []func(*region)
		writes []string
	}{
		{"one statement is back", []func(*region){public(name)}, []string{"add all", "url NONE"}},
		{"both are", []func(*region){public(name), has(name, "all", anybody, "lambda:*", "")}, []string{"url NONE"}},
	} {
		half := open(aURL(name, types.FunctionUrlAuthTypeAwsIam))
		for _, change := range test.there {
			change(half)
		}
		err := lambdapublic.Module.Undo(t.Context(), half.run(closing), found)
		if diff := cmp.Diff(open(changes...).Functions, half.Functions); err != nil || diff != "" || !slices.Equal(half.writes, test.writes) {
			t.Errorf("%s: undo returned %v and wrote %v (-want +got):\n%s", test.name, err, half.writes, diff)
		}
	}
}

// What can't be read is not judged.
func TestGuardIsUnsure(t *testing.T) {
	for what, change := range map[string]func(*region){
		"no right to the policy":    func(r *region) { r.fail = map[string]string{"get": "AccessDeniedException"} },
		"no right to the URL":       func(r *region) { r.fail = map[string]string{"url": "AccessDeniedException"} },
		"an empty policy":           func(r *region) { r.text = " " },
		"another function's URL":    func(r *region) { r.of = prefix + other },
		"nothing about the callers": func(r *region) { r.unknown = true },
	} {
		r := open(public(name), aURL(name, types.FunctionUrlAuthTypeNone), change)
		if found, err := lambdapublic.Module.Guard(t.Context(), r.run(closing), itself); err == nil || found != nil {
			t.Errorf("%s: the guard found %v, %v", what, found, err)
		}
	}
	odd := itself
	odd.ID = "orders'; rm -rf ~"
	if found, err := lambdapublic.Module.Guard(t.Context(), open().run(closing), odd); err == nil || found != nil {
		t.Errorf("the guard found %v, %v", found, err)
	}
}

func TestUndoRefuses(t *testing.T) {
	for _, test := range []struct {
		name    string
		change  func(*region)
		present string // what there is now, of a refusal since the state has changed
		code    string // of AWS's error otherwise
	}{
		{"another statement of that id", has(name, "public", `{"AWS":"444455556666"}`, "lambda:GetFunction", ""),
			`{"statements":[{"Sid":"public","Effect":"Allow","Principal":{"AWS":"444455556666"},"Action":"lambda:GetFunction","Resource":"arn:aws:lambda:eu-central-1:111122223333:function:orders"}],"url":"AWS_IAM"}`, ""},
		{"the URL is open again", signs(name, types.FunctionUrlAuthTypeNone), `{"url":"NONE"}`, ""},
		{"the URL was deleted", signs(name, ""), `{}`, ""},
		{"deleted", func(r *region) { delete(r.Functions, name) }, `{}`, ""},
		{"the policy can't be read", func(r *region) { r.fail = map[string]string{"get": "AccessDeniedException"} }, "", "AccessDeniedException"},
		{"the URL can't be read", func(r *region) { r.fail = map[string]string{"url": "AccessDeniedException"} }, "", "AccessDeniedException"},
	} {
		r := open(public(name), aURL(name, types.FunctionUrlAuthTypeNone))
		found := find(t, r, itself, closing)
		if err := lambdapublic.Module.Action(t.Context(), r.run(closing), found); err != nil {
			t.Fatal(err)
		}
		test.change(r)
		r.writes = nil
		err := lambdapublic.Module.Undo(t.Context(), r.run(closing), found)
		var changed *remediations.ChangedError
		present := ""
		if errors.As(err, &changed) {
			present = string(changed.Present)
		}
		if err == nil || present != test.present || remediations.ErrorCode(err) != test.code || len(r.writes) > 0 {
			t.Errorf("%s: undo returned %v with %q, and wrote %v", test.name, err, present, r.writes)
		}
	}
}

// A record that does not hold the states leads to no write.
func TestDamagedFinding(t *testing.T) {
	const public = `{"Sid":"public","Effect":"Allow","Principal":"*","Action":"lambda:InvokeFunction","Resource":"` + prefix + `orders"}`
	for _, damage := range [][2]string{
		{"", "{}"},
		{"{}", "{}"},
		{`{"statements":[` + public + `]}`, ""},
		{`{"statements":[` + public + `]}`, `{"statements":[` + public + `]}`},
		{`{"statements":[` + public + `],"url":"NONE"}`, "{}"},
		{`{"statements":[` + strings.Replace(public, `"*"`, `{"AWS":"*"}`, 1) + `]}`, "{}"},
		{`{"statements":[` + strings.Replace(public, `"*"`, `"444455556666"`, 1) + `]}`, "{}"},
		{`{"statements":[` + strings.Replace(public, "Allow", "Deny", 1) + `]}`, "{}"},
		{`{"url":"AWS_IAM"}`, `{"url":"NONE"}`},
	} {
		r := open(signs(name, types.FunctionUrlAuthTypeNone))
		found := &remediations.Finding{Resource: itself, Before: json.RawMessage(damage[0]), After: json.RawMessage(damage[1])}
		for _, step := range []func() error{
			func() error { return lambdapublic.Module.Action(t.Context(), r.run(closing), found) },
			func() error { return lambdapublic.Module.Undo(t.Context(), r.run(closing), found) },
		} {
			if err := step(); err == nil || errors.Is(err, remediations.ErrChanged) || len(r.writes) > 0 {
				t.Errorf("before %s and after %s led to %v and to %v", found.Before, found.After, err, r.writes)
			}
		}
	}
}

func TestSweep(t *testing.T) {
	r := open()
	r.Functions["a"], r.Functions["b"] = &function{}, &function{}
	var got []remediations.Resource
	for f, err := range lambdapublic.Module.Sweep(t.Context(), r.run(closing)) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, f)
		if len(got) == 4 {
			break
		}
	}
	var want []remediations.Resource
	for _, id := range []string{"a", "b", name, other} {
		f := itself
		f.ID = id
		want = append(want, f)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("swept (-want +got):\n%s", diff)
	}
	r.Functions["b; rm -rf ~"] = &function{}
	errs := 0
	for _, err := range lambdapublic.Module.Sweep(t.Context(), r.run(closing)) {
		if err != nil {
			errs++
		}
	}
	if errs != 1 {
		t.Errorf("an answer that is no function's name led to %d errors", errs)
	}
}

func TestSuspects(t *testing.T) {
	for _, test := range []struct {
		parameters string
		want       *remediations.Resource
		foreign    bool
	}{
		{`{"functionName":"orders"}`, &itself, false},
		{`{"functionName":"orders:$LATEST"}`, &itself, false},
		{`{"functionName":"orders","qualifier":"$LATEST"}`, &itself, false},
		{`{"functionName":"function:orders"}`, &itself, false},
		{`{"functionName":"111122223333:orders"}`, &itself, false},
		{`{"functionName":"111122223333:function:orders"}`, &itself, false},
		{`{"functionName":"arn:aws:lambda:eu-central-1:111122223333:function:orders"}`, &itself, false},
		{`{"resourceArn":"arn:aws:lambda:eu-central-1:111122223333:function:orders:live","policy":"{}"}`, &aliased, false},
		{`{"functionName":"orders:live"}`, &aliased, false},
		{`{"functionName":"orders:live","qualifier":"live"}`, &aliased, false},
		{`{"functionName":"111122223333:function:orders","qualifier":"live"}`, &aliased, false},
		{`{"functionName":"arn:aws:lambda:eu-central-1:111122223333:function:orders:7"}`, &seventh, false},
		{`{"functionName":"orders","qualifier":"7"}`, &seventh, false},
		{`{"functionName":"arn:aws:lambda:eu-central-1:444455556666:function:orders"}`, nil, true},

		{`null`, nil, false},
		{`{}`, nil, false},
		{`{"functionName":""}`, nil, false},
		{`{"functionName":"orders'; rm -rf ~"}`, nil, false},
		{`{"functionName":"orders","qualifier":"'"}`, nil, false},
		{`{"functionName":"orders:live","qualifier":"7"}`, nil, false},
		{`{"functionName":"arn:aws:lambda:eu-west-1:111122223333:function:orders"}`, nil, false},
		{`{"functionName":"arn:aws:s3:::orders"}`, nil, false},
	} {
		event, err := events.Parse(record(t, dana, eventID, add, test.parameters, worked))
		if err != nil {
			t.Fatal(err)
		}
		got, err := lambdapublic.Module.Suspects(event)
		var want []remediations.Resource
		if test.want != nil {
			want = append(want, *test.want)
		}
		if diff := cmp.Diff(want, got); diff != "" || (err == nil) != (test.want != nil || test.foreign) {
			t.Errorf("%s: %v (-want +got):\n%s", test.parameters, err, diff)
		}
		for _, r := range got {
			if arn, err := r.ARN(); err != nil || !strings.HasPrefix(arn, prefix+name) {
				t.Errorf("%s: its ARN is %s, %v", test.parameters, arn, err)
			}
		}
	}
}
