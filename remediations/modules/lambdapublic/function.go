package lambdapublic

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/countermand/countermand/remediations"
)

// function is a Lambda function, or a version or an alias of one, each of which has a policy of its own.
type function struct {
	arn       string
	account   string // as it was named; empty if that says none
	name      string
	qualifier string // of a version or an alias; empty for the function itself
}

func (f function) String() string {
	if f.qualifier == "" {
		return f.name
	}
	return f.name + ":" + f.qualifier
}

// form is what a function is named like in calls: by its name or a part of its ARN, with a version or an alias behind.
// It becomes part of commands that people copy.
// https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html
var form = regexp.MustCompile(`^(?:arn:[a-z-]+:lambda:)?(?:([a-z]+(?:-[a-z]+)+-[0-9]+):)?(?:([0-9]{12}):)?(?:function:)?([A-Za-z0-9_-]+)(?::(\$LATEST|[A-Za-z0-9_-]+))?$`)

var (
	alias   = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
	version = regexp.MustCompile(`^[0-9]+$`)
)

// latest is the version that the function itself is.
const latest = "$LATEST"

// named is the function that a call names, with a qualifier in the name or beside it.
func named(text, qualifier, region string) (function, error) {
	parts := form.FindStringSubmatch(text)
	if parts == nil || parts[1] != "" && parts[1] != region {
		return function{}, fmt.Errorf("%q is not the name of a function in %s", text, region)
	}
	f := function{account: parts[2], name: parts[3], qualifier: parts[4]}
	if qualifier != "" {
		if f.qualifier != "" && f.qualifier != qualifier {
			return function{}, fmt.Errorf("function %q is named with the qualifier %q, too", text, qualifier)
		}
		f.qualifier = qualifier
	}
	if f.qualifier == latest {
		f.qualifier = ""
	}
	if f.qualifier != "" && !alias.MatchString(f.qualifier) {
		return function{}, fmt.Errorf("function %q: %q is neither a version nor an alias", text, qualifier)
	}
	return f, nil
}

// resource is the function itself by its name, and a version or an alias by its ARN.
func (f function) resource(account, region string) remediations.Resource {
	r := remediations.Resource{ID: f.name, Type: "AWS::Lambda::Function", Account: account, Region: region}
	if f.qualifier != "" {
		r.ID = arn(f.name, account, region) + ":" + f.qualifier
		r.Type = "AWS::Lambda::Alias"
		if version.MatchString(f.qualifier) {
			r.Type = "AWS::Lambda::Version"
		}
	}
	return r
}

// of is the function that a resource is.
func of(r remediations.Resource) (function, error) {
	f, err := named(r.ID, "", r.Region)
	if err != nil {
		return function{}, err
	}
	f.arn = arn(f.String(), r.Account, r.Region)
	return f, nil
}

func arn(name, account, region string) string {
	return strings.Join([]string{"arn", remediations.Partition(region), "lambda", region, account, "function", name}, ":")
}

// qualified is the version or alias for a call; nil for the function itself.
func (f function) qualified() *string {
	if f.qualifier == "" {
		return nil
	}
	return &f.qualifier
}

const notFound = "ResourceNotFoundException"

// policy is the function's policy; empty if there is none, or no function.
func (f function) policy(ctx context.Context, client *lambda.Client) (string, error) {
	out, err := client.GetPolicy(ctx, &lambda.GetPolicyInput{FunctionName: &f.name, Qualifier: f.qualified()})
	switch {
	case remediations.ErrorCode(err) == notFound:
		return "", nil
	case err != nil:
		return "", fmt.Errorf("get policy of function %s: %w", f, err)
	case aws.ToString(out.Policy) == "":
		return "", fmt.Errorf("get policy of function %s: the answer holds no policy", f)
	}
	return *out.Policy, nil
}

// url is how callers of the function's URL sign in; empty if it has none. Versions have none.
func (f function) url(ctx context.Context, client *lambda.Client) (types.FunctionUrlAuthType, error) {
	if version.MatchString(f.qualifier) {
		return "", nil
	}
	out, err := client.GetFunctionUrlConfig(ctx, &lambda.GetFunctionUrlConfigInput{FunctionName: &f.name, Qualifier: f.qualified()})
	switch {
	case remediations.ErrorCode(err) == notFound:
		return "", nil
	case err != nil:
		return "", fmt.Errorf("get URL of function %s: %w", f, err)
	case out.AuthType == "":
		return "", fmt.Errorf("get URL of function %s: the answer does not say how callers sign in", f)
	case aws.ToString(out.FunctionArn) != f.arn && aws.ToString(out.FunctionArn) != f.arn+":"+latest:
		return "", fmt.Errorf("get URL of function %s: the answer is about %q", f, aws.ToString(out.FunctionArn))
	}
	return out.AuthType, nil
}

// command is an AWS CLI command about the function. All of rest must be quoted, or our own words.
func (f function) command(r remediations.Resource, subcommand string, rest ...string) string {
	words := []string{"aws lambda", subcommand, "--region", remediations.Quote(r.Region), "--function-name", remediations.Quote(f.name)}
	if f.qualifier != "" {
		words = append(words, "--qualifier", remediations.Quote(f.qualifier))
	}
	return strings.Join(append(words, rest...), " ")
}
