package remediations_test

import (
	"strings"
	"testing"
	"time"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
)

var (
	end    = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	before = end.Add(-time.Second)
	nobody events.Identity
)

func TestExemptionEnds(t *testing.T) {
	front, back := remediations.Resource{ID: "front"}, remediations.Resource{ID: "back"}
	for _, c := range []struct {
		of, module string
		resource   remediations.Resource
		at         time.Time
		want       bool
	}{
		{"door-open", "door-open", front, before, true},
		{"door-open", "door-open", front, end, false},
		{"door-open", "door-open", back, before, false},
		{"door-open", "window-open", front, before, false},
		{"all", "window-open", front, before, true},
		{"all", "window-open", back, before, false},
		{"all", "window-open", front, end, false},
	} {
		x := remediations.Exemption{Module: c.of, Resource: "front", Expires: end}
		if got, err := x.Covers(c.module, c.resource, nobody, c.at); got != c.want || err != nil {
			t.Errorf("%s: %s, %s at %s: %t, %v, want %t", c.of, c.module, c.resource, c.at, got, err, c.want)
		}
	}
}

func TestExemptionOfAnAccount(t *testing.T) {
	own := remediations.Resource{Type: "AWS::S3::Bucket", ID: "ledger", Account: "111122223333", Region: "eu-west-1"}
	organisations := remediations.Resource{Type: "AWS::CloudTrail::Trail", ID: "arn:aws:cloudtrail:eu-west-1:444455556666:trail/org", Account: "111122223333", Region: "eu-west-1"}
	for _, c := range []struct {
		account  string
		resource remediations.Resource
		want     bool
	}{
		{"111122223333", own, true},
		{"444455556666", own, false},
		{"444455556666", organisations, true}, // who owns the trail, not who sees it
		{"111122223333", organisations, false},
	} {
		x := remediations.Exemption{Module: "m", Account: c.account, Expires: end}
		if got, err := x.Covers("m", c.resource, nobody, before); got != c.want || err != nil {
			t.Errorf("%s covers %s: %t, %v, want %t", c.account, c.resource, got, err, c.want)
		}
	}
}

func TestExemptionOfAPrincipal(t *testing.T) {
	session := func(role, path, name string) events.Identity {
		return events.Identity{Type: "AssumedRole", ARN: "arn:aws:sts::111122223333:assumed-role/" + role + "/" + name, UserName: "Deployer",
			PrincipalID: "AROA:Deployer", SourceIdentity: "Deployer",
			Issuer: events.Issuer{Type: "Role", ARN: "arn:aws:iam::111122223333:role/" + path + role, UserName: role}}
	}
	const roles, sessions = "arn:aws:iam::111122223333:role/", "arn:aws:sts::111122223333:assumed-role/"
	for _, c := range []struct {
		pattern string
		who     events.Identity
		want    bool
	}{
		{roles + "Deployer*", session("Deployer", "", "ci"), true},
		{roles + "Deployer*", session("DeployerX", "", "ci"), true},
		{roles + "Deployer*", session("Admin", "", "Deployer"), false},
		{roles + "Deployer*", session("Admin", "DeployerX/", "ci"), false}, // * ends at a slash
		{roles + "Deployer*", session("Deployer", "team/", "ci"), false},
		{roles + "*/Deployer", session("Deployer", "team/", "ci"), true},
		{roles + "*/Deployer", session("Deployer", "team/x/", "ci"), false},
		{roles + "team/*", session("Deployer", "team/", "ci"), true},
		{sessions + "Deployer/*", session("Deployer", "", "ci"), true},
		{sessions + "Deployer/*", session("Deployer", "team/", "ci"), true}, // a session's ARN has no path
		{sessions + "Deployer/*", session("Admin", "", "Deployer"), false},
		{"arn:aws:iam::444455556666:role/Deployer", session("Deployer", "", "ci"), false},
		{"arn:aws:iam::111122223333:user/bob", events.Identity{Type: "IAMUser", ARN: "arn:aws:iam::111122223333:user/bob"}, true},
		{"arn:aws:iam::111122223333:user/bob", events.Identity{Type: "IAMUser", ARN: "arn:aws:iam::111122223333:user/bobby"}, false},
		{"arn:aws:iam::111122223333:user/bob", events.Identity{Type: "IAMUser", UserName: "arn:aws:iam::111122223333:user/bob"}, false},
		{"arn:aws:iam::111122223333:user/bob", events.Identity{Type: "FederatedUser", ARN: "arn:aws:sts::111122223333:federated-user/x",
			Issuer: events.Issuer{Type: "IAMUser", ARN: "arn:aws:iam::111122223333:user/bob"}}, true},
		{"arn:aws:iam::111122223333:root", events.Identity{Type: "Root", ARN: "arn:aws:iam::111122223333:root"}, true},
		{roles + "Deployer*", nobody, false},
	} {
		x := remediations.Exemption{Module: "m", Principal: c.pattern, Expires: end}
		if err := x.Validate(); err != nil {
			t.Error(err)
		}
		if got, err := x.Covers("m", remediations.Resource{ID: "r"}, c.who, before); got != c.want || err != nil {
			t.Errorf("%s covers %s of %s: %t, %v, want %t", c.pattern, c.who.ARN, c.who.Issuer.ARN, got, err, c.want)
		}
	}
}

func TestExemptionValidate(t *testing.T) {
	for _, x := range []remediations.Exemption{
		{Resource: "ledger"}, {Account: "111122223333"}, {Principal: "arn:aws:iam::111122223333:root"},
		{Principal: "arn:*:iam::111122223333:role/*/x*"}, {Tag: "a=b"}, {Tag: "a=b=c"}, {Tag: "a="}, {Tag: "aws:cloudformation:stack-name=web"},
		{Resource: "arn:aws:s3:::*", Account: "111122223333"}, {Resource: "arn:aws:s3:::public-*"}, {Resource: "arn:aws:s3:::*-public"},
		{Resource: "arn:aws:ec2:eu-*:1111*:instance/i-0abc", Account: "111122223333"},
	} {
		if err := x.Validate(); err != nil {
			t.Errorf("%s: %v", x, err)
		}
	}
	for _, c := range []struct {
		x    remediations.Exemption
		want string
	}{
		{remediations.Exemption{}, "an exemption needs a resource, account, principal or tag"},
		{remediations.Exemption{Resource: "arn:aws:s3:::*"}, "needs more than the resource arn:aws:s3:::*"},
		{remediations.Exemption{Resource: "arn:aws:ec2:*:*:*/**"}, "needs more than the resource"},
		{remediations.Exemption{Resource: "logs-*"}, `want an ARN, such as arn:aws:s3:::public-*, or a resource's id exactly as alerts show it, got "logs-*"`},
		{remediations.Exemption{Resource: "log?"}, "there is no wildcard for a single character"},
		{remediations.Exemption{Resource: "arn:aws:s3:::log?"}, "there is no wildcard for a single character"},
		{remediations.Exemption{Resource: "arn:aws:s3:::ledger/*"}, "its resource does not match arn:${Partition}:s3:::${Name}"},
		{remediations.Exemption{Resource: "arn:aws:s3:eu-west-1::ledger"}, "its Region does not match arn:${Partition}:s3:::${Name}"},
		{remediations.Exemption{Resource: "arn:aws:s3::111122223333:ledger"}, "its account does not match arn:${Partition}:s3:::${Name}"},
		{remediations.Exemption{Resource: "arn:asw:s3:::ledger"}, "its partition does not match"},
		{remediations.Exemption{Resource: "arn:aws:s33:::ledger"}, "its service does not match"},
		{remediations.Exemption{Resource: "arn:aws:ec2:euwest1:111122223333:instance/i-0abc"}, "its Region does not match"},
		{remediations.Exemption{Resource: "arn:aws:ec2:eu-west-1:11112222333:instance/i-0abc"}, "its account does not match"},
		{remediations.Exemption{Resource: "arn:aws:ec2:eu-west-1:111122223333:i-0abc"}, "its resource does not match arn:${Partition}:ec2:${Region}:${Account}:elastic-ip/${Name} or arn"},
		{remediations.Exemption{Resource: "arn:aws"}, "its service does not match"},
		{remediations.Exemption{Resource: "arn:aws:ec2:*:444455556666:instance/i-0abc", Account: "111122223333"}, "can never match: arn:aws:ec2:*:444455556666:instance/i-0abc is not in account 111122223333"},
		{remediations.Exemption{Principal: "Deployer"}, "want the ARN of a role or user"},
		{remediations.Exemption{Principal: "arn:asw:iam::111122223333:role/x"}, "the partition of"},
		{remediations.Exemption{Principal: "arn:aws:s3::111122223333:role/x"}, "the service of"},
		{remediations.Exemption{Principal: "arn:aws:*::111122223333:role/x"}, "the service of"},
		{remediations.Exemption{Principal: "arn:aws:iam:eu-west-1:111122223333:role/x"}, "the Region of"},
		{remediations.Exemption{Principal: "arn:aws:iam::*:role/x"}, "a role of any name can be made in another account"},
		{remediations.Exemption{Principal: "arn:aws:iam::11112222333*:role/x"}, "a role of any name can be made in another account"},
		{remediations.Exemption{Principal: "arn:aws:iam:::role/x"}, "the account of"},
		{remediations.Exemption{Principal: "arn:aws:iam::111122223333:role/*"}, "more of a name than *"},
		{remediations.Exemption{Principal: "arn:aws:iam::111122223333:role/*/*"}, "more of a name than *"},
		{remediations.Exemption{Principal: "arn:aws:iam::111122223333:*/x"}, "the resource of"},
		{remediations.Exemption{Principal: "arn:aws:iam::111122223333:group/x"}, "the resource of"},
		{remediations.Exemption{Principal: "arn:aws:iam::111122223333:role/x?"}, "there is no wildcard for a single character"},
		{remediations.Exemption{Principal: "arn:aws:sts::111122223333:assumed-role/Deployer/alice"}, "chooses the session's name"},
		{remediations.Exemption{Principal: "arn:aws:sts::111122223333:assumed-role/*/alice"}, "chooses the session's name"},
		{remediations.Exemption{Principal: "arn:aws:sts::111122223333:assumed-role/*/*"}, "chooses the session's name"},
		{remediations.Exemption{Principal: "arn:aws:sts::111122223333:federated-user/bob"}, "chooses the session's name"},
		{remediations.Exemption{Tag: "public"}, "want key=value exactly"},
		{remediations.Exemption{Tag: "=approved"}, "want key=value exactly"},
		{remediations.Exemption{Tag: "public=*"}, "want key=value exactly"},
	} {
		if err := c.x.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.x, err, c.want)
		}
	}
}

func TestInOtherAccount(t *testing.T) {
	const own = "111122223333"
	for _, c := range []struct {
		x    remediations.Exemption
		want bool
	}{
		{remediations.Exemption{Account: own}, false},
		{remediations.Exemption{Account: "444455556666"}, true},
		{remediations.Exemption{Resource: "ledger"}, false},
		{remediations.Exemption{Resource: "arn:aws:s3:::ledger"}, false},
		{remediations.Exemption{Resource: "arn:aws:ec2:*:1111*:instance/i-0abc"}, false},
		{remediations.Exemption{Resource: "arn:aws:ec2:*:444455556666:instance/i-0abc"}, true},
		{remediations.Exemption{Principal: "arn:aws:iam::444455556666:role/x"}, false}, // a caller may be of another account
	} {
		if got := c.x.InOtherAccount(own); got != c.want {
			t.Errorf("%s: %t, want %t", c.x, got, c.want)
		}
	}
}

func TestHasTag(t *testing.T) {
	tags := map[string]string{"public": "approved", "empty": "", "a": "b=c"}
	for tag, want := range map[string]bool{
		"public=approved": true, "public=": false, "public=Approved": false, "Public=approved": false, "empty=": true, "none=": false, "a=b=c": true,
	} {
		if got := (remediations.Exemption{Tag: tag}).HasTag(tags); got != want {
			t.Errorf("%s: %t, want %t", tag, got, want)
		}
	}
}

func TestUntil(t *testing.T) {
	x := remediations.Exemption{Expires: end}
	for left, want := range map[time.Duration]string{
		0: "until 2026-06-01, ended", -time.Second: "until 2026-06-01, ended", time.Second: "until 2026-06-01, 1 day left",
		24 * time.Hour: "until 2026-06-01, 1 day left", 24*time.Hour + 1: "until 2026-06-01, 2 days left", 8*24*time.Hour + time.Hour: "until 2026-06-01, 9 days left",
	} {
		if got := x.Until(end.Add(-left)); got != want {
			t.Errorf("%s: %s, want %s", left, got, want)
		}
	}
}

func TestEndsSoon(t *testing.T) {
	x := remediations.Exemption{Expires: end}
	for left, want := range map[time.Duration]bool{
		-time.Second: false, 0: false, time.Second: true, 14 * 24 * time.Hour: true, 14*24*time.Hour + 1: false,
	} {
		if got := x.EndsSoon(end.Add(-left)); got != want {
			t.Errorf("%s before the end: %t, want %t", left, got, want)
		}
	}
}

func TestTagPermissionsAreExplained(t *testing.T) {
	for _, p := range remediations.TagPermissions {
		if err := p.Validate(); err != nil {
			t.Error(err)
		}
	}
}
