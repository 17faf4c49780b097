package events

import "testing"

func TestIdentity(t *testing.T) {
	for name, c := range map[string]struct{ json, principal, who, person, service string }{
		"IAMUser": {
			json:      `{"type":"IAMUser","principalId":"AIDA","arn":"arn:aws:iam::111122223333:user/dev/alice","accountId":"111122223333","userName":"alice"}`,
			principal: "arn:aws:iam::111122223333:user/dev/alice", who: "alice", person: "alice",
		},
		"AssumedRole through Identity Center": {
			json: `{"type":"AssumedRole","principalId":"AROA:alice@example.com","arn":"arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/alice@example.com",
				"sessionContext":{"sessionIssuer":{"type":"Role","arn":"arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123456789abcdef","userName":"AWSReservedSSO_Admin_0123456789abcdef"},"attributes":{"mfaAuthenticated":"false"}}}`,
			principal: "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/alice@example.com",
			who:       "alice@example.com (role AWSReservedSSO_Admin_0123456789abcdef)", person: "alice@example.com",
		},
		"AssumedRole with a source identity": {
			json: `{"type":"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/Deploy/session-7",
				"sessionContext":{"sourceIdentity":"bob","sessionIssuer":{"type":"Role","userName":"Deploy"}}}`,
			principal: "arn:aws:sts::111122223333:assumed-role/Deploy/session-7", who: "bob (role Deploy)", person: "bob",
		},
		"AssumedRole without an issuer": {
			json:      `{"type":"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/Deploy/i-0123456789abcdef0"}`,
			principal: "arn:aws:sts::111122223333:assumed-role/Deploy/i-0123456789abcdef0", who: "i-0123456789abcdef0 (role Deploy)", person: "i-0123456789abcdef0",
		},
		"Root": {
			json:      `{"type":"Root","principalId":"111122223333","arn":"arn:aws:iam::111122223333:root","accountId":"111122223333"}`,
			principal: "arn:aws:iam::111122223333:root", who: "root", person: "root",
		},
		"AWSService": {
			json:      `{"type":"AWSService","invokedBy":"cloudtrail.amazonaws.com"}`,
			principal: "cloudtrail.amazonaws.com", who: "cloudtrail.amazonaws.com", person: "cloudtrail.amazonaws.com", service: "cloudtrail.amazonaws.com",
		},
		"no type, a service": {
			json:      `{"accountId":"111122223333","invokedBy":"secretsmanager.amazonaws.com"}`,
			principal: "secretsmanager.amazonaws.com", who: "secretsmanager.amazonaws.com", person: "secretsmanager.amazonaws.com", service: "secretsmanager.amazonaws.com",
		},
		"a service-linked role": {
			json: `{"type":"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/AWSServiceRoleForAutoScaling/AutoScaling","invokedBy":"autoscaling.amazonaws.com",
				"sessionContext":{"sessionIssuer":{"type":"Role","arn":"arn:aws:iam::111122223333:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling","userName":"AWSServiceRoleForAutoScaling"}}}`,
			principal: "arn:aws:sts::111122223333:assumed-role/AWSServiceRoleForAutoScaling/AutoScaling", who: "autoscaling.amazonaws.com", person: "AutoScaling", service: "autoscaling.amazonaws.com",
		},
		"a person through CloudFormation": {
			json:      `{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/alice","userName":"alice","invokedBy":"cloudformation.amazonaws.com"}`,
			principal: "arn:aws:iam::111122223333:user/alice", who: "alice", person: "alice",
		},
		"FederatedUser": {
			json: `{"type":"FederatedUser","principalId":"111122223333:carol","arn":"arn:aws:sts::111122223333:federated-user/carol",
				"sessionContext":{"sessionIssuer":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/broker","userName":"broker"}}}`,
			principal: "arn:aws:sts::111122223333:federated-user/carol", who: "carol", person: "carol",
		},
		"SAMLUser": {
			json:      `{"type":"SAMLUser","principalId":"hash:dave@example.com","userName":"dave@example.com","identityProvider":"hash"}`,
			principal: "hash:dave@example.com", who: "dave@example.com", person: "dave@example.com",
		},
		"WebIdentityUser": {
			json:      `{"type":"WebIdentityUser","principalId":"accounts.google.com:app:123","userName":"123","identityProvider":"accounts.google.com"}`,
			principal: "accounts.google.com:123", who: "123", person: "123",
		},
		"IdentityCenterUser": {
			json:      `{"type":"IdentityCenterUser","accountId":"111122223333","onBehalfOf":{"userId":"94482488-3041-7000-8000-example","identityStoreArn":"arn:aws:identitystore::111122223333:identitystore/d-1"},"credentialId":"EXAMPLE"}`,
			principal: "identity-center:94482488-3041-7000-8000-example", who: "identity-center:94482488-3041-7000-8000-example", person: "identity-center:94482488-3041-7000-8000-example",
		},
		"AWSAccount": {
			json:      `{"type":"AWSAccount","principalId":"AIDAEXAMPLE","accountId":"777788889999"}`,
			principal: "AIDAEXAMPLE", who: "AIDAEXAMPLE", person: "AIDAEXAMPLE",
		},
		"IAMUser who would pass for root": {
			json:      `{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/root","userName":"root"}`,
			principal: "arn:aws:iam::111122223333:user/root", who: "user/root", person: "user/root",
		},
		"IAMUser who would pass for a service": {
			json:      `{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/eks.amazonaws.com","userName":"eks.amazonaws.com"}`,
			principal: "arn:aws:iam::111122223333:user/eks.amazonaws.com", who: "user/eks.amazonaws.com", person: "user/eks.amazonaws.com",
		},
		"none": {json: `null`, principal: "unknown", who: "unknown", person: "unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			id := identity([]byte(c.json))
			for what, pair := range map[string][2]string{
				"Principal": {id.Principal(), c.principal}, "Name": {id.Name(), c.who}, "Person": {id.Person(), c.person}, "Service": {id.Service(), c.service},
			} {
				if pair[0] != pair[1] {
					t.Errorf("%s is %q, want %q", what, pair[0], pair[1])
				}
			}
		})
	}
}
