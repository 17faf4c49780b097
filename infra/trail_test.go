package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const wantTrail = "arn:aws:cloudtrail:" + testRegion + ":" + testAccount + ":trail/countermand"

func trailTemplate(t *testing.T, name string) *template {
	t.Helper()
	return setupNamed(t, name).synthesize(t)[trailStack]
}

func TestTrail(t *testing.T) {
	for _, name := range []string{"trail", "trail-full"} {
		t.Run(name, func(t *testing.T) {
			tm := trailTemplate(t, name)
			trail := tm.only(t, "AWS::CloudTrail::Trail", "TrailName", "countermand")
			for _, property := range []string{"IsLogging", "IsMultiRegionTrail", "IncludeGlobalServiceEvents", "EnableLogFileValidation"} {
				if trail.Properties[property] != true {
					t.Errorf("%s is %v", property, trail.Properties[property])
				}
			}
			if trail.Properties["EventSelectors"] != nil {
				t.Error("a trail has advanced event selectors or the others, not both")
			}
			if !strings.HasPrefix(fmt.Sprint(trail.DependsOn), "[LogsPolicy") {
				t.Errorf("the trail is made before it may write: depends on %v", trail.DependsOn)
			}
			for id, r := range tm.Resources {
				if !r.kept() {
					t.Errorf("%s goes with the stack", id)
				}
			}
		})
	}
}

func TestLogBucket(t *testing.T) {
	for _, name := range []string{"trail", "trail-full"} {
		t.Run(name, func(t *testing.T) {
			tm := trailTemplate(t, name)
			p := tm.only(t, "AWS::S3::Bucket", "", nil).Properties
			if at(p, "VersioningConfiguration", "Status") != "Enabled" {
				t.Error("the bucket is not versioned")
			}
			for _, flag := range []string{"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"} {
				if at(p, "PublicAccessBlockConfiguration", flag) != true {
					t.Errorf("%s is off", flag)
				}
			}
			bucket := tm.attribute([]any{"Logs", "Arn"})
			cloudTrail := map[string]any{"Service": "cloudtrail.amazonaws.com"}
			all := []any{bucket, bucket + "/*"}
			if diff := cmp.Diff([]map[string]any{
				{
					"Sid": "TrailLooks", "Effect": "Allow", "Principal": cloudTrail, "Action": "s3:GetBucketAcl", "Resource": bucket,
					"Condition": map[string]any{"StringEquals": map[string]any{"aws:SourceArn": wantTrail}},
				},
				{
					"Sid": "TrailWrites", "Effect": "Allow", "Principal": cloudTrail, "Action": "s3:PutObject", "Resource": bucket + "/AWSLogs/" + testAccount + "/*",
					"Condition": map[string]any{"StringEquals": map[string]any{"aws:SourceArn": wantTrail, "s3:x-amz-acl": "bucket-owner-full-control"}},
				},
				{
					"Sid": "OnlyTLS", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": all,
					"Condition": map[string]any{"Bool": map[string]any{"aws:SecureTransport": "false"}},
				},
				{
					"Sid": "OnlyTLS12", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": all,
					"Condition": map[string]any{"NumericLessThan": map[string]any{"s3:TlsVersion": "1.2"}},
				},
			}, tm.statements(tm.only(t, "AWS::S3::BucketPolicy", "", nil))); diff != "" {
				t.Errorf("bucket policy (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLogRetention(t *testing.T) {
	for name, want := range map[string]struct {
		expire float64
		lock   any
	}{
		"trail-full": {400, nil},
		"trail": {365, map[string]any{
			"ObjectLockEnabled": "Enabled",
			"Rule":              map[string]any{"DefaultRetention": map[string]any{"Mode": "GOVERNANCE", "Days": 30.0}},
		}},
	} {
		p := trailTemplate(t, name).only(t, "AWS::S3::Bucket", "", nil).Properties
		if got := at(p, "LifecycleConfiguration", "Rules", 0, "ExpirationInDays"); got != want.expire {
			t.Errorf("%s: logs expire after %v days, want %v", name, got, want.expire)
		}
		if diff := cmp.Diff(want.lock, p["ObjectLockConfiguration"]); diff != "" {
			t.Errorf("%s: object lock (-want +got):\n%s", name, diff)
		}
		if (p["ObjectLockEnabled"] == true) != (want.lock != nil) {
			t.Errorf("%s: object lock enabled is %v", name, p["ObjectLockEnabled"])
		}
	}
}

func TestSelectors(t *testing.T) {
	field := func(name string, operators map[string]any) map[string]any {
		operators["Field"] = name
		return operators
	}
	equals := func(name, value string) map[string]any { return field(name, map[string]any{"Equals": []any{value}}) }
	management := map[string]any{"Name": "Management events", "FieldSelectors": []any{equals("eventCategory", "Management")}}
	data := func(typ string, arn map[string]any) map[string]any {
		fields := []any{equals("eventCategory", "Data"), equals("resources.type", typ)}
		if arn != nil {
			fields = append(fields, field("resources.ARN", arn))
		}
		return map[string]any{"Name": "Data events of " + typ, "FieldSelectors": fields}
	}
	full := trailTemplate(t, "trail-full")
	logs := []any{full.attribute([]any{"Logs", "Arn"}) + "/"}
	for name, want := range map[string][]any{
		"trail": {management},
		"trail-full": {
			management,
			data("AWS::S3::Object", map[string]any{"NotStartsWith": logs}),
			data("AWS::S3::Object", map[string]any{"StartsWith": []any{"arn:aws:s3:::payroll/", "arn:aws:s3:::ledger/2026"}, "NotStartsWith": logs}),
			data("AWS::Lambda::Function", map[string]any{"StartsWith": []any{"arn:aws:lambda:eu-west-1:123456789012:function:pay"}}),
			data("AWS::DynamoDB::Table", nil),
		},
	} {
		tm := trailTemplate(t, name)
		got := tm.resolve(tm.only(t, "AWS::CloudTrail::Trail", "", nil).Properties["AdvancedEventSelectors"])
		if diff := cmp.Diff(any(want), got); diff != "" {
			t.Errorf("%s: selectors (-want +got):\n%s", name, diff)
		}
	}
}

func TestLogKey(t *testing.T) {
	plain := trailTemplate(t, "trail")
	if ids := plain.ids("AWS::KMS::Key"); len(ids) > 0 || plain.only(t, "AWS::CloudTrail::Trail", "", nil).Properties["KMSKeyId"] != nil {
		t.Errorf("there is a key that nobody asked for: %v", ids)
	}
	tm := trailTemplate(t, "trail-full")
	key := tm.only(t, "AWS::KMS::Key", "", nil)
	if got := tm.resolve(tm.only(t, "AWS::CloudTrail::Trail", "", nil).Properties["KMSKeyId"]); got != tm.attribute([]any{"Key", "Arn"}) {
		t.Errorf("the trail encrypts with %v", got)
	}
	if key.Properties["EnableKeyRotation"] != true {
		t.Error("the key is not rotated")
	}
	cloudTrail := map[string]any{"Service": "cloudtrail.amazonaws.com"}
	if diff := cmp.Diff([]map[string]any{
		{
			"Sid": "Account", "Effect": "Allow", "Principal": map[string]any{"AWS": "arn:aws:iam::" + testAccount + ":root"},
			"Action": "kms:*", "Resource": "*",
		},
		{
			"Sid": "TrailEncrypts", "Effect": "Allow", "Principal": cloudTrail, "Action": "kms:GenerateDataKey*", "Resource": "*",
			"Condition": map[string]any{
				"StringEquals": map[string]any{"aws:SourceArn": wantTrail},
				"StringLike": map[string]any{
					"kms:EncryptionContext:aws:cloudtrail:arn": "arn:aws:cloudtrail:*:" + testAccount + ":trail/*",
				},
			},
		},
		{
			"Sid": "TrailLooks", "Effect": "Allow", "Principal": cloudTrail, "Action": "kms:DescribeKey", "Resource": "*",
			"Condition": map[string]any{"StringEquals": map[string]any{"aws:SourceArn": wantTrail}},
		},
	}, tm.statements(key)); diff != "" {
		t.Errorf("key policy (-want +got):\n%s", diff)
	}
}
