package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countermand/countermand/infra/config"
)

const wantBucket = "countermand-records-" + testAccount + "-" + testRegion

// ledgerFunctions is the ledger's functions, if there is a ledger.
func ledgerFunctions(c *config.Config) []string {
	if c.Ledger == nil {
		return nil
	}
	return []string{"countermand-ledger-digest", "countermand-ledger-write"}
}

// ofLedger runs a test on each setup that has a ledger.
func ofLedger(t *testing.T, test func(t *testing.T, c *config.Config, tm *template)) {
	ran := 0
	forEach(t, func(t *testing.T, s *setup, stacks map[string]*template) {
		if c := s.configuration(t); c.Ledger != nil {
			ran++
			test(t, c, stacks[mainStack])
		}
	})
	if ran < 2 {
		t.Errorf("%d setups have a ledger", ran)
	}
}

func (tm *template) roleOf(t *testing.T, function string) *resource {
	t.Helper()
	r := tm.only(t, "AWS::Lambda::Function", "FunctionName", function)
	return tm.Resources[at(r.Properties, "Role", "Fn::GetAtt", 0).(string)]
}

// Neither half has the other's rights, and no module has any on the bucket or the key.
func TestLedgerRights(t *testing.T) {
	ofLedger(t, func(t *testing.T, c *config.Config, tm *template) {
		here := testRegion + ":" + testAccount + ":"
		stream := "arn:aws:dynamodb:" + here + "table/countermand-runs/stream/*"
		bucket := "arn:aws:s3:::" + wantBucket
		for name, want := range map[string]map[right]bool{
			"countermand-ledger-write": {
				{"s3:PutObject", bucket + "/records/*", ""}: true,
				{"dynamodb:DescribeStream", stream, ""}:     true,
				{"dynamodb:GetShardIterator", stream, ""}:   true,
				{"dynamodb:GetRecords", stream, ""}:         true,
				{"dynamodb:ListStreams", stream, ""}:        true,
			},
			"countermand-ledger-digest": {
				{"s3:ListBucket", bucket, ""}:               true,
				{"s3:GetObject", bucket + "/records/*", ""}: true,
				{"s3:GetObject", bucket + "/digests/*", ""}: true,
				{"s3:PutObject", bucket + "/digests/*", ""}: true,
			},
		} {
			log := "arn:aws:logs:" + here + "log-group:/aws/lambda/" + name + ":*"
			want[right{"sqs:SendMessage", "arn:aws:sqs:" + here + name + "-failures", ""}] = true
			want[right{"logs:CreateLogStream", log, ""}] = true
			want[right{"logs:PutLogEvents", log, ""}] = true
			if diff := cmp.Diff(want, gotRights(t, tm, tm.roleOf(t, name))); diff != "" {
				t.Errorf("role of %s (-want +got):\n%s", name, diff)
			}
		}
		for _, m := range c.Modules {
			declared := map[string]bool{}
			for _, p := range m.Permissions() {
				declared[p.Action] = true
			}
			for got := range gotRights(t, tm, tm.roleOf(t, "countermand-"+m.Name)) {
				if strings.Contains(got.Resource, wantBucket) || strings.HasPrefix(got.Action, "kms:") && !declared[got.Action] || got.Action == "kms:Sign" {
					t.Errorf("%s may %v", m.Name, got)
				}
			}
		}
	})
}

func TestLedgerFunctions(t *testing.T) {
	ofLedger(t, func(t *testing.T, c *config.Config, tm *template) {
		for name, want := range map[string]struct {
			timeout     float64
			environment map[string]any
		}{
			"countermand-ledger-write": {60, map[string]any{"COUNTERMAND_LEDGER": "write", "COUNTERMAND_BUCKET": wantBucket}},
			"countermand-ledger-digest": {900, map[string]any{
				"COUNTERMAND_LEDGER": "digest", "COUNTERMAND_BUCKET": wantBucket, "COUNTERMAND_ACCOUNT": testAccount,
				"COUNTERMAND_KEY": tm.attribute([]any{tm.ids("AWS::KMS::Key")[0], "Arn"}), "COUNTERMAND_RETENTION_DAYS": fmt.Sprint(c.RunRetentionDays),
			}},
		} {
			want.environment["AWS_SDK_UA_APP_ID"] = name
			got := tm.resolve(tm.only(t, "AWS::Lambda::Function", "FunctionName", name).Properties).(map[string]any)
			if diff := cmp.Diff(want.environment, at(got, "Environment", "Variables")); diff != "" {
				t.Errorf("environment of %s (-want +got):\n%s", name, diff)
			}
			for property, want := range map[string]any{
				"Runtime": "provided.al2023", "Handler": "bootstrap", "Timeout": want.timeout,
				"LoggingConfig": map[string]any{"LogGroup": "/aws/lambda/" + name},
			} {
				if diff := cmp.Diff(want, got[property]); diff != "" {
					t.Errorf("%s of %s (-want +got):\n%s", property, name, diff)
				}
			}
			log := tm.only(t, "AWS::Logs::LogGroup", "LogGroupName", "/aws/lambda/"+name)
			if got := log.Properties["RetentionInDays"]; got != float64(c.LogRetentionDays) {
				t.Errorf("log of %s is kept for %v days, want %d", name, got, c.LogRetentionDays)
			}
			// It is another program than the modules'.
			module := tm.only(t, "AWS::Lambda::Function", "FunctionName", "countermand-"+c.Modules[0].Name)
			if cmp.Equal(at(got, "Code", "S3Key"), at(tm.resolve(module.Properties), "Code", "S3Key")) {
				t.Errorf("%s runs the modules' code", name)
			}
		}
	})
}

// A change that can't be written neither holds up the others for ever nor gets lost unseen.
func TestStream(t *testing.T) {
	ofLedger(t, func(t *testing.T, _ *config.Config, tm *template) {
		mapping := tm.only(t, "AWS::Lambda::EventSourceMapping", "", nil)
		if diff := cmp.Diff(any(map[string]any{
			"FunctionName": "countermand-ledger-write", "EventSourceArn": "stream of countermand-runs",
			"StartingPosition": "TRIM_HORIZON", "BatchSize": 100.0, "BisectBatchOnFunctionError": true, "MaximumRetryAttempts": 30.0,
			"FunctionResponseTypes": []any{"ReportBatchItemFailures"},
			"DestinationConfig": map[string]any{"OnFailure": map[string]any{
				"Destination": "arn:aws:sqs:" + testRegion + ":" + testAccount + ":countermand-ledger-write-failures",
			}},
		}), tm.resolve(mapping.Properties)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// The digest's rule is a module's in all but what makes it send an event.
func TestEachHour(t *testing.T) {
	ofLedger(t, func(t *testing.T, _ *config.Config, tm *template) {
		const name = "countermand-ledger-digest"
		rule := tm.only(t, "AWS::Events::Rule", "Name", name)
		if rule.Properties["ScheduleExpression"] != "cron(15 * * * ? *)" || rule.Properties["State"] != "ENABLED" || rule.Properties["EventPattern"] != nil {
			t.Errorf("rule: %v", rule.Properties)
		}
		here := testRegion + ":" + testAccount + ":"
		queue := "arn:aws:sqs:" + here + name + "-failures"
		if diff := cmp.Diff(any([]any{map[string]any{
			"Id": "function", "Arn": "arn:aws:lambda:" + here + "function:" + name,
			"DeadLetterConfig": map[string]any{"Arn": queue},
			"RetryPolicy":      map[string]any{"MaximumEventAgeInSeconds": 3600.0, "MaximumRetryAttempts": 185.0},
		}}), tm.resolve(rule.Properties["Targets"])); diff != "" {
			t.Errorf("target (-want +got):\n%s", diff)
		}
		permission := tm.only(t, "AWS::Lambda::Permission", "FunctionName", name)
		if diff := cmp.Diff(any(map[string]any{
			"FunctionName": name, "Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com", "SourceArn": "arn:aws:events:" + here + "rule/" + name,
		}), tm.resolve(permission.Properties)); diff != "" {
			t.Errorf("permission (-want +got):\n%s", diff)
		}
		invocation := tm.only(t, "AWS::Lambda::EventInvokeConfig", "FunctionName", name)
		if got := at(tm.resolve(invocation.Properties), "DestinationConfig", "OnFailure", "Destination"); got != queue {
			t.Errorf("what fails goes to %v", got)
		}
		for _, first := range []*resource{permission, invocation} {
			if !slices.ContainsFunc(rule.DependsOn, func(id string) bool { return tm.Resources[id] == first }) {
				t.Errorf("the rule may send events before %s is there", first.Type)
			}
		}
	})
}

// TestRecordBucket is what the emulator drops in silence: the lock above all.
func TestRecordBucket(t *testing.T) {
	ofLedger(t, func(t *testing.T, c *config.Config, tm *template) {
		bucket := tm.only(t, "AWS::S3::Bucket", "BucketName", wantBucket)
		p := bucket.Properties
		if p["ObjectLockEnabled"] != true || at(p, "VersioningConfiguration", "Status") != "Enabled" {
			t.Errorf("the bucket is not locked and versioned: %v", p)
		}
		if diff := cmp.Diff(map[string]any{
			"ObjectLockEnabled": "Enabled",
			"Rule":              map[string]any{"DefaultRetention": map[string]any{"Mode": "GOVERNANCE", "Days": float64(c.Ledger.LockDays)}},
		}, p["ObjectLockConfiguration"]); diff != "" {
			t.Errorf("lock (-want +got):\n%s", diff)
		}
		for _, flag := range []string{"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"} {
			if at(p, "PublicAccessBlockConfiguration", flag) != true {
				t.Errorf("%s is off", flag)
			}
		}
		for i, want := range []map[string]any{
			{"Id": "expire", "Status": "Enabled", "Prefix": "records/", "ExpirationInDays": float64(c.RunRetentionDays),
				"NoncurrentVersionExpiration": map[string]any{"NoncurrentDays": 90.0}},
			{"Id": "tidy", "Status": "Enabled", "Prefix": "records/", "ExpiredObjectDeleteMarker": true},
		} {
			if diff := cmp.Diff(any(want), at(p, "LifecycleConfiguration", "Rules", i)); diff != "" {
				t.Errorf("lifecycle (-want +got):\n%s", diff)
			}
		}
		if len(at(p, "LifecycleConfiguration", "Rules").([]any)) != 2 {
			t.Error("digests expire, too")
		}
		if !bucket.kept() {
			t.Error("the bucket goes with the stack")
		}
		arn := "arn:aws:s3:::" + wantBucket
		only := func(sid, path, function string) map[string]any {
			role := at(tm.only(t, "AWS::Lambda::Function", "FunctionName", function).Properties, "Role", "Fn::GetAtt").([]any)
			return map[string]any{
				"Sid": sid, "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": arn + path,
				"Condition": map[string]any{"ArnNotEquals": map[string]any{"aws:PrincipalArn": tm.attribute(role)}},
			}
		}
		deny := func(sid, operator, key, value string) map[string]any {
			return map[string]any{
				"Sid": sid, "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": []any{arn, arn + "/*"},
				"Condition": map[string]any{operator: map[string]any{key: value}},
			}
		}
		if diff := cmp.Diff([]map[string]any{
			only("OnlyWriteWritesRecords", "/records/*", "countermand-ledger-write"),
			only("OnlyDigestWritesDigests", "/digests/*", "countermand-ledger-digest"),
			{
				"Sid": "NoFunctionChangesThis", "Effect": "Deny", "Principal": "*",
				"Action": []any{"s3:PutBucketPolicy", "s3:DeleteBucketPolicy"}, "Resource": arn,
				"Condition": map[string]any{"ArnLike": map[string]any{"aws:PrincipalArn": "arn:aws:iam::" + testAccount + ":role/Countermand-*"}},
			},
			deny("OnlyTLS", "Bool", "aws:SecureTransport", "false"),
			deny("OnlyTLS12", "NumericLessThan", "s3:TlsVersion", "1.2"),
		}, tm.statements(tm.only(t, "AWS::S3::BucketPolicy", "", nil))); diff != "" {
			t.Errorf("policy (-want +got):\n%s", diff)
		}
	})
}

// TestSigningKey: an administrator may change who signs, which CloudTrail reports, and may not sign.
func TestSigningKey(t *testing.T) {
	ofLedger(t, func(t *testing.T, _ *config.Config, tm *template) {
		key := tm.only(t, "AWS::KMS::Key", "", nil)
		if key.Properties["KeySpec"] != "ECC_NIST_P256" || key.Properties["KeyUsage"] != "SIGN_VERIFY" {
			t.Errorf("key: %v", key.Properties)
		}
		if !key.kept() {
			t.Error("the key goes with the stack")
		}
		role := tm.attribute(at(tm.only(t, "AWS::Lambda::Function", "FunctionName", "countermand-ledger-digest").Properties, "Role", "Fn::GetAtt").([]any))
		if diff := cmp.Diff([]map[string]any{
			{
				"Sid": "Account", "Effect": "Allow", "Principal": map[string]any{"AWS": "arn:aws:iam::" + testAccount + ":root"},
				"Action": "kms:*", "Resource": "*",
			},
			{"Sid": "DigestSigns", "Effect": "Allow", "Principal": map[string]any{"AWS": role}, "Action": "kms:Sign", "Resource": "*"},
			{
				"Sid": "NobodyElseSigns", "Effect": "Deny", "Principal": "*", "Action": "kms:Sign", "Resource": "*",
				"Condition": map[string]any{"ArnNotEquals": map[string]any{"aws:PrincipalArn": role}},
			},
		}, tm.statements(key)); diff != "" {
			t.Errorf("policy (-want +got):\n%s", diff)
		}
		alias := tm.only(t, "AWS::KMS::Alias", "AliasName", "alias/countermand-ledger")
		if tm.Resources[at(alias.Properties, "TargetKeyId", "Ref").(string)] != key {
			t.Errorf("alias of %v", alias.Properties["TargetKeyId"])
		}
	})
}

// Without a ledger there is nothing of it.
func TestLedgerOff(t *testing.T) {
	tm := setupNamed(t, "amd64").synthesize(t)[mainStack]
	for _, typ := range []string{"AWS::S3::Bucket", "AWS::KMS::Key", "AWS::KMS::Alias", "AWS::Lambda::EventSourceMapping"} {
		if ids := tm.ids(typ); len(ids) > 0 {
			t.Errorf("%s: %v", typ, ids)
		}
	}
	if strings.Contains(string(tm.text), "edger") {
		t.Error("the template speaks of a ledger")
	}
}
