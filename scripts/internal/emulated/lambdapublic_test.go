//go:build emulator

package emulated

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/modules/lambdapublic"
)

// withFunctions makes functions, and returns the statements of their policies.
func withFunctions(t *testing.T, cfg aws.Config, names ...string) func() any {
	t.Helper()
	role := must[*iam.CreateRoleOutput](t)(iam.NewFromConfig(cfg).CreateRole(t.Context(), &iam.CreateRoleInput{
		RoleName:                 aws.String("functions"),
		AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`),
	})).Role.Arn
	var code bytes.Buffer
	archive := zip.NewWriter(&code)
	file, err := archive.Create("index.py")
	if err != nil {
		t.Fatal(err)
	}
	must[int](t)(file.Write([]byte("def handler(event, context): pass\n")))
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	client := lambda.NewFromConfig(cfg)
	for _, name := range names {
		must[*lambda.CreateFunctionOutput](t)(client.CreateFunction(t.Context(), &lambda.CreateFunctionInput{
			FunctionName: &name, Role: role, Handler: aws.String("index.handler"), Runtime: types.RuntimePython312, Code: &types.FunctionCode{ZipFile: code.Bytes()},
		}))
	}
	return func() any {
		statements := map[string]map[string]any{}
		for _, name := range names {
			out, err := client.GetPolicy(t.Context(), &lambda.GetPolicyInput{FunctionName: &name})
			if remediations.ErrorCode(err) == "ResourceNotFoundException" {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			var policy struct{ Statement []map[string]any }
			if err := json.Unmarshal([]byte(*out.Policy), &policy); err != nil {
				t.Fatal(err)
			}
			for _, s := range policy.Statement {
				statements[name+" "+s["Sid"].(string)] = s
			}
		}
		return statements
	}
}

func TestLambdaPublic(t *testing.T) {
	both(t, func(t *testing.T, cfg aws.Config) {
		state := withFunctions(t, cfg, "resize", "mail")
		add := func(function, id, principal string, source *string) {
			must[*lambda.AddPermissionOutput](t)(lambda.NewFromConfig(cfg).AddPermission(t.Context(), &lambda.AddPermissionInput{
				FunctionName: &function, StatementId: &id, Action: aws.String("lambda:InvokeFunction"), Principal: &principal, SourceAccount: source,
			}))
		}
		add("resize", "bucket", "s3.amazonaws.com", aws.String(account))
		add("mail", "partner", "arn:aws:iam::444455556666:root", nil) // moto keeps an account alone as it is, where AWS makes its root of it
		play(t, scene{
			module: lambdapublic.Module, aws: cfg, broken: "resize", state: state,
			call: func() call {
				add("resize", "anyone", "*", nil)
				return call{
					source: "lambda.amazonaws.com", name: "AddPermission20150331v2",
					request:  `{"functionName":"resize","statementId":"anyone","action":"lambda:InvokeFunction","principal":"*"}`,
					response: `{"statement":"{\"Sid\":\"anyone\",\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"lambda:InvokeFunction\",\"Resource\":\"arn:aws:lambda:us-east-1:` + account + `:function:resize\"}"}`,
				}
			},
		})
	})
}
