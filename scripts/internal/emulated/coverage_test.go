package emulated

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/countermand/countermand/remediations/modules"
)

// stubsOnly is why a module is tested with stubs only.
var stubsOnly = map[string]string{
	"signin-no-mfa": "it makes no calls: it decides from the event",
	"root-activity": "it makes no calls: it decides from the event",
	"self-tamper":   "it makes no calls: it decides from the event",
}

// limits is what the emulators lack, by module: the tests here make up for it, or leave it out.
var limits = map[string]string{
	"cloudtrail-tamper":          "moto leaves out a trail's home Region",
	"rds-deleted":                "moto knows no automated backups of clusters, ministack none at all: only an instance is deleted, of moto",
	"s3-bpa-removed":             "ministack knows no Block Public Access of accounts: that is tested with moto only",
	"s3-external-policy":         "neither ever says that a policy is public (GetBucketPolicyStatus); ministack knows no Block Public Access of accounts: there is none",
	"s3-public-policy":           "ministack knows no Block Public Access of accounts: there is none",
	"ec2-sg-open-ingress":        "moto leaves out the owner of a group, and all but one of the rules that a call adds; ministack keeps no IPv6",
	"ec2-snapshot-public":        "moto knows no block public access for snapshots, and one of two forms of ModifySnapshotAttribute; ministack keeps none",
	"detector-disabled":          "ministack has no GuardDuty; moto does not list the standards of Security Hub, of which people are only told",
	"iam-admin-grant":            "ministack can't set a policy's version",
	"s3-public-acl":              "ministack forgets who owns the objects of a new bucket, and changes the owner with an ACL",
	"ec2-ami-public":             "ministack registers no images",
	"rds-snapshot-public":        "ministack can't share a snapshot",
	"tag-on-create":              "ten kinds and instances, of 39; ministack finds no table by its ARN, and lists tags of buckets in another form",
	"iam-access-key-compromised": "ministack has none of the quarantine policies",
}

// TestCoverage: a module has a file here, which plays it, or a reason why it has none.
func TestCoverage(t *testing.T) {
	names := map[string]bool{}
	for _, m := range modules.All() {
		names[m.Name] = true
		source, err := os.ReadFile(m.Package() + "_test.go")
		plays, reason := strings.Contains(string(source), "module: "+m.Package()+".Module,"), stubsOnly[m.Name]
		switch {
		case plays && reason != "":
			t.Errorf("%s is played, and stubsOnly says why it can't be", m.Name)
		case reason != "":
			t.Logf("stubs only: %s: %s", m.Name, reason)
		case err != nil:
			t.Errorf("%s is not tested with an emulator (as the others in scripts/internal/emulated), nor does stubsOnly there say why: %v", m.Name, err)
		case !plays:
			t.Errorf("%s_test.go does not play %s", m.Package(), m.Name)
		case limits[m.Name] != "":
			t.Logf("with limits: %s: %s", m.Name, limits[m.Name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(stubsOnly)) {
		if !names[name] {
			t.Errorf("stubsOnly has %s, which is no module", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(limits)) {
		if !names[name] || stubsOnly[name] != "" {
			t.Errorf("limits has %s, which is no module that is played", name)
		}
	}
}
