package pattern

import (
	"slices"
	"strings"
	"testing"
	"unicode"
)

// TestKnownServices checks the form of the registry: everything is in order, there once, and a name.
func TestKnownServices(t *testing.T) {
	if !slices.IsSortedFunc(knownServices[:], func(a, b knownService) int { return strings.Compare(a.label, b.label) }) {
		t.Error("the services are not in the order of their labels")
	}
	for _, s := range knownServices {
		if serviceOf(s.label).label != s.label {
			t.Errorf("%s is not found", s.label)
		}
		for _, list := range []string{s.writes, s.data, s.renamed} {
			names := strings.Fields(list)
			if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
				t.Errorf("%s: the names are not in order, or one is there twice: %s", s.label, list)
			}
		}
		for name := range s.names {
			if strings.ContainsFunc(name, func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) }) || !unicode.IsUpper(rune(name[0])) {
				t.Errorf("%s: %q is no name", s.label, name)
			}
			if wrong := s.wrong(name); wrong != "" {
				t.Errorf("%s: %s", s.label, wrong)
			}
		}
		for _, name := range strings.Fields(s.writes) {
			if readsOnly(name) || slices.Contains(strings.Fields(s.data), name) {
				t.Errorf("%s: %s is not an event of a call that writes", s.label, name)
			}
		}
		for pair := range strings.FieldsSeq(s.renamed) {
			if api, written, ok := strings.Cut(pair, "="); !ok || written == "" || s.wrong(api) == "" {
				t.Errorf("%s: %s renames nothing", s.label, pair)
			}
		}
	}
	if s := serviceOf("unheard-of"); s != nil {
		t.Errorf("%s is known as unheard-of", s.label)
	}
}

// TestRecordedNames has names from the records of all kinds of services that CloudTrail did write.
func TestRecordedNames(t *testing.T) {
	for label, names := range map[string]string{
		"s3": "CopyObject CreateBucket DeleteBucket DeleteBucketLifecycle GetAccelerateConfiguration GetBucketLifecycle " +
			"GetBucketObjectLockConfiguration PutBucketAcl PutBucketLifecycle PutBucketPolicy PutBucketPublicAccessBlock JobCreated",
		"lambda":         "AddPermission20150331v2 CreateFunction20150331 UpdateFunctionCode20150331v2 UpdateFunctionConfiguration20150331v2",
		"kms":            "CancelKeyDeletion DeleteKey Decrypt GenerateMac ReEncrypt RotateKey SynchronizeMultiRegionKey",
		"ec2":            "ModifySecurityGroupRules SharedSnapshotVolumeCreated RunInstances AuthorizeSecurityGroupIngress DeleteFlowLogs",
		"secretsmanager": "EndSecretVersionDelete StartSecretVersionDelete PutSecretValue",
		"rds":            "ModifyDBSnapshotAttribute DeleteDBInstance",
		"signin":         "CheckMfa ConsoleLogin PasswordUpdated",
	} {
		for name := range strings.FieldsSeq(names) {
			if wrong := serviceOf(label).wrong(name); wrong != "" {
				t.Errorf("%s: %s", label, wrong)
			}
		}
	}
}

func TestOneEdit(t *testing.T) {
	for pair, want := range map[[2]string]bool{
		{"abc", "abc"}:   true,
		{"abc", "ab"}:    true,
		{"bc", "abc"}:    true,
		{"abc", "axc"}:   true,
		{"abc", "abx"}:   true,
		{"abcd", "acbd"}: true,
		{"ab", "ba"}:     true,
		{"abc", "a"}:     false,
		{"abcd", "axcx"}: false,
		{"abc", "cba"}:   false,
		{"abcd", "abdx"}: false,
		{"abc", "xabcx"}: false,
		{"abcd", "bac"}:  false,
		{"", "a"}:        true,
		{"abcd", "bacx"}: false,
		{"a", "b"}:       true,
		{"", ""}:         true,
	} {
		if got := oneEdit(pair[0], pair[1]); got != want {
			t.Errorf("%q: %t", pair, got)
		}
		if got := oneEdit(pair[1], pair[0]); got != want {
			t.Errorf("%q, the other way round: %t", pair, got)
		}
	}
}

func TestKnownCall(t *testing.T) {
	for _, c := range []struct {
		service, name string
		want          bool
	}{
		{"ec2", "DeleteTags", true},
		{"ec2", "PutBucketPolicy", false},
		{"s3", "PutLifecycleConfiguration", false}, // a right, and no call
		{"lambda", "AddPermission20150331v2", true},
		{"lambda", "AddPermission", false}, // which events call otherwise
		{"house", "OpenDoor", false},
	} {
		if got := KnownCall(c.service, c.name); got != c.want {
			t.Errorf("%s of %s: %t, want %t", c.name, c.service, got, c.want)
		}
	}
}
