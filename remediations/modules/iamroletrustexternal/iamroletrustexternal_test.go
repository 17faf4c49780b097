package iamroletrustexternal_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/modules/iamroletrustexternal"
	"github.com/countermand/countermand/remediations/moduletest"
)

const (
	account = "111122223333"
	name    = "report-writer"

	own     = `{"Sid":"Own","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:AssumeRole"}`
	ec2     = `{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}`
	saml    = `{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:saml-provider/idp"},"Action":"sts:AssumeRoleWithSAML","Condition":{"StringEquals":{"SAML:aud":"https://signin.aws.amazon.com/saml"}}}`
	partner = `{"Sid":"Partner","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::444455556666:root"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"4711"}}}`
	inOrg   = `{"Sid":"Org","Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}}}`
	inVPC   = `{"Sid":"VPC","Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:SourceVpc":"vpc-1a2b3c4d"}}}`
	outside = `{"Sid":"Outside","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::999988887777:root"},"Action":"sts:AssumeRole"}`
	anyone  = `{"Sid":"Anyone","Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}`
	mixed   = `{"Sid":"Mixed","Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111122223333:role/a","arn:aws:iam::999988887777:user/eve"],"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}`
	trimmed = `{"Sid":"Mixed","Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111122223333:role/a"],"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}`
	gone    = `{"Sid":"Gone","Effect":"Allow","Principal":{"AWS":"AROAEXAMPLEEXAMPLE123"},"Action":"sts:AssumeRole"}`
	future  = `{"Sid":"New","Effect":"Allow","Principal":{"Robot":"r2"},"Action":"sts:AssumeRole"}`
	nobody  = `{"Version":"2012-10-17","Statement":[{"Sid":"Countermand","Effect":"Deny","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}`
)

// github lets in who comes from GitHub with one of these subjects; none for whoever does.
func github(subjects string) string {
	s := `{"Sid":"GitHub","Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},"Action":"sts:AssumeRoleWithWebIdentity",` +
		`"Condition":{"StringEquals":{"token.actions.githubusercontent.com:aud":"sts.amazonaws.com"}`
	if subjects != "" {
		s += `,"StringLike":{"token.actions.githubusercontent.com:sub":"` + subjects + `"}`
	}
	return s + "}}"
}

// trusting are settings that trust the partner and the organization.
var trusting = iamroletrustexternal.Settings{TrustedAccounts: []remediations.AccountID{"444455556666"}, TrustedOrganization: "o-a1b2c3d4e5"}

func policyOf(statements ...string) string {
	return "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n" + strings.Join(statements, ",\n") + "\n]}"
}

const dana = `{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE123:dana","arn":"arn:aws:sts::111122223333:assumed-role/Developer/dana","accountId":"111122223333","accessKeyId":"ASIAEXAMPLEEXAMPLE12",
	"sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLEEXAMPLE123","arn":"arn:aws:iam::111122223333:role/Developer","accountId":"111122223333","userName":"Developer"},"attributes":{"creationDate":"2026-03-02T08:55:12Z","mfaAuthenticated":"true"}}}`

// record is the event of a call to IAM by dana, or by CloudFormation with dana's role.
func record(t *testing.T, number int, event, who, parameters, response string) []byte {
	t.Helper()
	raw, err := events.Wrap(fmt.Appendf(nil, `{"eventVersion":"1.10","userIdentity":%s,"eventTime":"2026-03-02T09:14:55Z",
		"eventSource":"iam.amazonaws.com","eventName":%q,"awsRegion":"us-east-1","sourceIPAddress":"198.51.100.17","userAgent":"aws-cli/2.27.1",
		"requestParameters":%s,"responseElements":%s,"requestID":"7d2a4a0e-6a55-4d0b-8e6b-0b1f7a2c9d01","eventID":"9a1e5c70-3b2d-4f68-9c11-5d7e8f0a1b%02d","readOnly":false,"eventType":"AwsApiCall",
		"managementEvent":true,"recipientAccountId":"111122223333","eventCategory":"Management","tlsDetails":{"tlsVersion":"TLSv1.3","clientProvidedHostHeader":"iam.amazonaws.com"}}`, who, event, parameters, response, number))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func quoted(text string) string {
	raw, _ := json.Marshal(text)
	return string(raw)
}

func updated(t *testing.T, policy string) []byte {
	return record(t, 1, "UpdateAssumeRolePolicy", dana, `{"policyDocument":`+quoted(policy)+`,"roleName":"report-writer"}`, `null`)
}

func created(t *testing.T, policy string) []byte {
	byStack := strings.TrimSuffix(dana, "}") + `,"invokedBy":"cloudformation.amazonaws.com"}`
	return record(t, 2, "CreateRole", byStack, `{"path":"/service/","roleName":"report-writer","assumeRolePolicyDocument":`+quoted(policy)+`,"maxSessionDuration":3600}`,
		`{"role":{"path":"/service/","roleName":"report-writer","roleId":"AROAEXAMPLEEXAMPLE456","arn":"arn:aws:iam::111122223333:role/service/report-writer","createDate":"Mar 2, 2026 9:14:55 AM","assumeRolePolicyDocument":`+quoted(url.PathEscape(policy))+`}}`)
}

func ownUpdate(t *testing.T, policy string) [][]byte {
	return [][]byte{record(t, 3, "UpdateAssumeRolePolicy", dana, `{"policyDocument":`+quoted(policy)+`,"roleName":"report-writer"}`, `null`)}
}

// state is a role beside others; empty where there is none.
type state struct {
	Path, Policy string
}

func with(statements ...string) state { return state{"/service/", policyOf(statements...)} }

// world answers for a role, and in lists for a fine one on another page.
func world(s state) func() *moduletest.World {
	return func() *moduletest.World {
		s := s
		none := moduletest.Error("NoSuchEntity")
		role := func(name, path, policy string) types.Role {
			return types.Role{RoleName: &name, Path: &path, Arn: aws.String("arn:aws:iam::111122223333:role" + path + name),
				AssumeRolePolicyDocument: aws.String(url.PathEscape(policy))}
		}
		return &moduletest.World{
			State:  &s,
			Change: func() { s.Policy = policyOf(saml) },
			Answers: []moduletest.Answer{
				moduletest.On(func(in *iam.GetRoleInput) (*iam.GetRoleOutput, error) {
					if *in.RoleName != name || s.Policy == "" {
						return nil, none
					}
					r := role(name, s.Path, s.Policy)
					return &iam.GetRoleOutput{Role: &r}, nil
				}),
				moduletest.On(func(in *iam.UpdateAssumeRolePolicyInput) (*iam.UpdateAssumeRolePolicyOutput, error) {
					if *in.RoleName != name || s.Policy == "" {
						return nil, none
					}
					s.Policy = *in.PolicyDocument
					return &iam.UpdateAssumeRolePolicyOutput{}, nil
				}),
				moduletest.On(func(in *iam.ListRolesInput) (*iam.ListRolesOutput, error) {
					if in.Marker == nil {
						return &iam.ListRolesOutput{Roles: []types.Role{role("web", "/", policyOf(ec2))}, IsTruncated: true, Marker: aws.String("next")}, nil
					}
					out := &iam.ListRolesOutput{Roles: []types.Role{}}
					if s.Policy != "" {
						out.Roles = append(out.Roles, role(name, s.Path, s.Policy))
					}
					return out, nil
				}),
			},
		}
	}
}

func Test(t *testing.T) {
	neighbours := []string{own, outside, ec2, saml, mixed, github("repo:acme/*")}
	bad, rest := policyOf(neighbours...), policyOf(own, ec2, saml, trimmed, github("repo:acme/*"))
	moduletest.Run(t, iamroletrustexternal.Module,
		// what must be made right
		moduletest.Case{Name: "another account, alone and beside the own", Event: updated(t, bad), World: world(with(neighbours...)), Acts: true, Own: ownUpdate(t, rest)},
		moduletest.Case{Name: "a new role for another account, by a stack", Event: created(t, policyOf(outside)), World: world(with(outside)), Acts: true, Own: ownUpdate(t, nobody)},
		moduletest.Case{Name: "anyone", Event: updated(t, policyOf(anyone, ec2)), World: world(with(anyone, ec2)), Acts: true, Own: ownUpdate(t, policyOf(ec2))},
		moduletest.Case{Name: "anyone on GitHub", Event: updated(t, policyOf(ec2, github(""))), World: world(with(ec2, github(""))), Acts: true, Own: ownUpdate(t, policyOf(ec2))},
		moduletest.Case{Name: "a partner who is not trusted", Event: updated(t, policyOf(partner, own)), World: world(with(partner, own)), Acts: true, Own: ownUpdate(t, policyOf(own))},
		moduletest.Case{Name: "another account beside those who are trusted", Event: updated(t, policyOf(partner, outside, inOrg)), Settings: trusting,
			World: world(with(partner, outside, inOrg)), Acts: true, Own: ownUpdate(t, policyOf(partner, inOrg))},
		moduletest.Case{Name: "an organization that is not trusted", Event: updated(t, policyOf(inOrg, own)), World: world(with(inOrg, own)), Acts: true, Own: ownUpdate(t, policyOf(own))},
		moduletest.Case{Name: "a policy that is cut off in the record", Event: record(t, 4, "UpdateAssumeRolePolicy", dana, `{"policyDocument":"{\"Version\":\"2012","roleName":"report-writer"}`, `null`),
			World: world(with(own, outside)), Acts: true, Own: ownUpdate(t, policyOf(own))},
		moduletest.Case{Name: "a name only in the response", Event: record(t, 5, "CreateRole", dana, `null`, `{"role":{"path":"/","roleName":"report-writer","arn":"arn:aws:iam::111122223333:role/report-writer"}}`),
			World: world(with(own, outside)), Acts: true, Own: ownUpdate(t, policyOf(own))},

		// what must be left alone
		moduletest.Case{Name: "the own account, services and users", Event: updated(t, policyOf(own, ec2, saml)), World: world(with(own, ec2, saml))},
		moduletest.Case{Name: "a new role for a service", Event: created(t, policyOf(ec2)), World: world(with(ec2))},
		moduletest.Case{Name: "those who are trusted", Event: updated(t, policyOf(partner, inOrg)), Settings: trusting, World: world(with(partner, inOrg))},
		moduletest.Case{Name: "a repository", Event: updated(t, policyOf(github("repo:acme/app:ref:refs/heads/main"))), World: world(with(github("repo:acme/app:ref:refs/heads/main")))},
		moduletest.Case{Name: "somebody who was deleted", Event: updated(t, policyOf(gone, own)), World: world(with(gone, own))},
		moduletest.Case{Name: "nobody, as we leave it", Event: updated(t, nobody), World: world(state{"/", nobody})},
		moduletest.Case{Name: "put right before we came", Event: updated(t, bad), World: world(with(own))},
		moduletest.Case{Name: "the role is gone", Event: updated(t, bad), World: world(state{})},
	)
}

// What can't be judged, or only AWS can change, is told of and left alone; what is beside it is taken out all the same.
func TestToldOf(t *testing.T) {
	told := ownUpdate(t, policyOf(inVPC)) // what people are only told of has no events of our own
	linked := state{"/aws-service-role/example.amazonaws.com/", policyOf(outside)}
	set := state{"/aws-reserved/sso.amazonaws.com/eu-west-1/", policyOf(outside, saml)}
	breaches := moduletest.Check(t.Context(), iamroletrustexternal.Module,
		moduletest.Case{Name: "a network", Event: updated(t, policyOf(inVPC)), World: world(with(inVPC)), Acts: true, Own: told},
		moduletest.Case{Name: "a network, and another account", Event: updated(t, policyOf(inVPC, outside)), World: world(with(inVPC, outside)), Acts: true, Own: told},
		moduletest.Case{Name: "not a policy", Event: updated(t, policyOf(outside)), World: world(state{"/", `{"Statement":1`}), Acts: true, Own: told},
		moduletest.Case{Name: "a role of a service", Event: updated(t, linked.Policy), World: world(linked), Acts: true, Own: told},
		moduletest.Case{Name: "a role of a permission set", Event: updated(t, set.Policy), World: world(set), Acts: true, Own: told},
		moduletest.Case{Name: "nobody else", Event: updated(t, policyOf(own)), World: world(with(own))},
	)
	for _, err := range breaches {
		t.Error(err)
	}
}
