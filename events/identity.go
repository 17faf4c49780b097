package events

import (
	"encoding/json"
	"strings"
)

// Identity is a record's userIdentity: who made the call. Which fields are set depends on Type.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
type Identity struct {
	Type             string // IAMUser, AssumedRole, Root, AWSService, ...; empty in many service events
	PrincipalID      string
	ARN              string
	AccountID        string // the caller's account
	UserName         string
	AccessKeyID      string
	IdentityProvider string // SAMLUser and WebIdentityUser
	InvokedBy        string // the AWS service that made the call, for itself or on the caller's behalf
	SourceIdentity   string // set when a role was assumed, and kept through role chaining
	OnBehalfOf       string // IdentityCenterUser: the user's id in the identity store
	MFA              bool   // the session was authenticated with a second factor
	Issuer           Issuer // who the session's credentials belong to: the role that was assumed
}

// Issuer is the role or user that issued temporary credentials.
type Issuer struct {
	Type, PrincipalID, ARN, AccountID, UserName string
}

func identity(raw json.RawMessage) Identity {
	id := fieldsOf(raw)
	session := fieldsOf(id["sessionContext"].raw)
	issuer := fieldsOf(session["sessionIssuer"].raw)
	return Identity{
		Type:             id["type"].Text(),
		PrincipalID:      id["principalId"].Text(),
		ARN:              id["arn"].Text(),
		AccountID:        id["accountId"].Text(),
		UserName:         id["userName"].Text(),
		AccessKeyID:      id["accessKeyId"].Text(),
		IdentityProvider: id["identityProvider"].Text(),
		InvokedBy:        id["invokedBy"].Text(),
		SourceIdentity:   session["sourceIdentity"].Text(),
		OnBehalfOf:       id["onBehalfOf"].Get("userId").Text(),
		MFA:              session["attributes"].Get("mfaAuthenticated").Text() == "true",
		Issuer: Issuer{
			Type:        issuer["type"].Text(),
			PrincipalID: issuer["principalId"].Text(),
			ARN:         issuer["arn"].Text(),
			AccountID:   issuer["accountId"].Text(),
			UserName:    issuer["userName"].Text(),
		},
	}
}

// fieldsOf is the fields of an object; none if it is anything else.
func fieldsOf(raw json.RawMessage) map[string]Params {
	members, err := object(Params{raw}.inner())
	if err != nil {
		return nil
	}
	params := make(map[string]Params, len(members))
	for key, value := range members {
		params[key] = Params{value}
	}
	return params
}

// Principal is who made the call, as exactly as the record says: the ARN where there is one, otherwise the
// best identifier that this type of identity has. It is never empty.
func (i Identity) Principal() string {
	switch {
	case i.ARN != "":
		return i.ARN
	case i.Service() != "":
		return i.Service()
	case i.OnBehalfOf != "":
		return "identity-center:" + i.OnBehalfOf
	case i.UserName != "" && i.IdentityProvider != "":
		return i.IdentityProvider + ":" + i.UserName
	}
	for _, id := range []string{i.UserName, i.PrincipalID, i.InvokedBy, i.AccountID} {
		if id != "" {
			return id
		}
	}
	return "unknown"
}

// Service is the AWS service that made the call for itself, such as "autoscaling.amazonaws.com": an
// AWSService identity, one without a type or ARN, or a session of a service-linked role. It is empty for
// people and their roles, even where a service passed the call on for them.
func (i Identity) Service() string {
	linked := strings.Contains(i.Issuer.ARN, ":role/aws-service-role/")
	switch {
	case i.Type == "AWSService", i.Type == "" && i.ARN == "", linked && i.InvokedBy != "":
		return i.InvokedBy
	case linked:
		_, path, _ := strings.Cut(i.Issuer.ARN, ":role/aws-service-role/")
		service, _, _ := strings.Cut(path, "/")
		return service
	}
	return ""
}

// Name is who made the call in a word or two: a user's name, "root", a service, or the person behind an
// assumed role with the role, as in "alice@example.com (role Admin)". Where a role's session says nothing
// about a person (an instance, a function, a generated session name) that session name is what is left.
func (i Identity) Name() string {
	switch {
	case i.Service() != "":
		return i.Service()
	case i.Type == "Root":
		return "root"
	case i.Type == "AssumedRole" || i.Issuer.Type == "Role":
		return i.Person() + " (role " + i.Role() + ")"
	}
	return i.Person()
}

// Person is the name of the user, or of the person behind an assumed role: the source identity where one
// was set, otherwise the session's name, which is the user's for a sign-in through IAM Identity Center.
func (i Identity) Person() string {
	if i.SourceIdentity != "" {
		return i.SourceIdentity
	}
	if i.Type == "AssumedRole" || i.Type == "FederatedUser" || i.Issuer.Type == "Role" {
		for _, s := range []string{afterLast(i.ARN, "/"), afterLast(i.PrincipalID, ":")} {
			if s != "" {
				return s
			}
		}
	}
	if i.Type == "Root" {
		return "root"
	}
	if i.Type == "IAMUser" && (i.UserName == "root" || strings.HasSuffix(i.UserName, ".amazonaws.com")) {
		return "user/" + i.UserName // a name that was chosen to be taken for somebody else's
	}
	if i.UserName != "" {
		return i.UserName
	}
	if name := afterLast(i.ARN, "/"); name != "" {
		return name
	}
	return i.Principal()
}

// Role is the name of the role that was assumed; "unknown" where the record does not say, or there is none.
func (i Identity) Role() string {
	if i.Issuer.UserName != "" {
		return i.Issuer.UserName
	}
	if name := afterLast(i.Issuer.ARN, "/"); name != "" {
		return name
	}
	// arn:aws:sts::123456789012:assumed-role/Admin/session
	parts := strings.Split(i.ARN, "/")
	if len(parts) == 3 {
		return parts[1]
	}
	return "unknown"
}

// afterLast is what follows the last separator; "" if there is none.
func afterLast(s, separator string) string {
	if i := strings.LastIndex(s, separator); i >= 0 {
		return s[i+len(separator):]
	}
	return ""
}
