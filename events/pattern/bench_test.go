package pattern

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// The goals, as ratios to encoding/json's Valid on the same event, measured in turn with it: 0.25 for one rule, 0.30
// for 30, 0.85 for 3,000, without an allocation. Compiling 30 rules: 0.3 ms.

// benchEvent is a call as EventBridge delivers it, of about two kilobytes.
func benchEvent(tb testing.TB) []byte {
	tb.Helper()
	const text = `{
"version":"0","id":"5f0c2a7e-3b1d-5e44-9c6a-8d27f1e0b935","detail-type":"AWS API Call via CloudTrail",
"source":"aws.s3","account":"111122223333","time":"2026-03-04T09:15:27Z","region":"eu-west-1","resources":[],
"detail":{"eventVersion":"1.11",
"userIdentity":{"type":"AssumedRole","principalId":"AROAEXAMPLE5RRZLQ7X2A:carol@example.com",
"arn":"arn:aws:sts::111122223333:assumed-role/Developer/carol@example.com","accountId":"111122223333",
"accessKeyId":"ASIAEXAMPLEQ4XN7W3VB","sessionContext":{"sessionIssuer":{"type":"Role",
"principalId":"AROAEXAMPLE5RRZLQ7X2A","arn":"arn:aws:iam::111122223333:role/Developer",
"accountId":"111122223333","userName":"Developer"},
"attributes":{"creationDate":"2026-03-04T08:58:02Z","mfaAuthenticated":"true"}}},
"eventTime":"2026-03-04T09:15:27Z","eventSource":"s3.amazonaws.com","eventName":"PutBucketPolicy",
"awsRegion":"eu-west-1","sourceIPAddress":"198.51.100.23",
"userAgent":"[aws-cli/2.24.1 md/awscrt#0.23.8 ua/2.0 os/linux#6.8 md/arch#x86_64 lang/python#3.12.9]",
"requestParameters":{"bucketName":"example-invoices-archive",
"Host":"example-invoices-archive.s3.eu-west-1.amazonaws.com","policy":"",
"bucketPolicy":{"Version":"2012-10-17","Statement":[{"Sid":"ReadForAll","Effect":"Allow","Principal":"*",
"Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::example-invoices-archive",
"arn:aws:s3:::example-invoices-archive/*"]}]}},"responseElements":null,
"additionalEventData":{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256",
"bytesTransferredIn":318,"AuthenticationMethod":"AuthHeader","x-amz-id-2":"Xk3vR8Zq0YwJ",
"bytesTransferredOut":0},"requestID":"7N4EXAMPLE2KQ9TB","eventID":"c2b7e9d4-61f3-4a08-b5ce-0d9a7f3e1c86",
"readOnly":false,"resources":[{"accountId":"111122223333","type":"AWS::S3::Bucket",
"ARN":"arn:aws:s3:::example-invoices-archive"}],"eventType":"AwsApiCall","managementEvent":true,
"recipientAccountId":"111122223333","eventCategory":"Management","tlsDetails":{"tlsVersion":"TLSv1.3",
"cipherSuite":"TLS_AES_128_GCM_SHA256",
"clientProvidedHostHeader":"s3.eu-west-1.amazonaws.com"}}}`
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(text)); err != nil {
		tb.Fatal(err)
	}
	if n := compact.Len(); n < 2000 || n > 2100 {
		tb.Fatalf("the event has %d bytes", n)
	}
	return compact.Bytes()
}

// successful is the pattern of successful calls with a condition on their parameters; both lists are JSON.
func successful(service, names, parameters string) Pattern {
	return Pattern(fmt.Sprintf(`{"source":["aws.%s"],"detail-type":["AWS API Call via CloudTrail"],"detail":{`+
		`"eventSource":["%s.amazonaws.com"],"eventName":%s,"errorCode":[{"exists":false}],"requestParameters":{%s}}}`,
		service, service, names, parameters))
}

// benchRules are 30 rules, of which benchMatches match the event, and more up to n of which none does.
func benchRules(n int) map[string]Pattern {
	rules := map[string]Pattern{
		"s3-public-policy":        CloudTrail("s3", "PutBucketPolicy", "PutBucketPublicAccessBlock"),
		"s3-public-acl":           CloudTrail("s3", "PutBucketAcl", "CreateBucket"),
		"s3-bpa-removed":          CloudTrail("s3", "PutAccountPublicAccessBlock", "DeleteAccountPublicAccessBlock"),
		"cloudtrail-tamper":       CloudTrail("cloudtrail", "StopLogging", "DeleteTrail", "UpdateTrail", "PutEventSelectors"),
		"ec2-sg-open-ingress":     CloudTrail("ec2", "AuthorizeSecurityGroupIngress", "ModifySecurityGroupRules"),
		"rds-snapshot-public":     CloudTrail("rds", "ModifyDBSnapshotAttribute", "ModifyDBClusterSnapshotAttribute"),
		"iam-admin-grant":         CloudTrail("iam", "AttachUserPolicy", "AttachRolePolicy", "PutUserPolicy", "PutRolePolicy"),
		"iam-access-key-created":  CloudTrail("iam", "CreateAccessKey"),
		"mfa-removed":             CloudTrail("iam", "DeactivateMFADevice", "DeleteVirtualMFADevice"),
		"iam-role-trust-external": CloudTrail("iam", "UpdateAssumeRolePolicy", "CreateRole"),
		"guardduty-off":           CloudTrail("guardduty", "DeleteDetector", "UpdateDetector", "DisassociateMembers"),
		"config-off":              CloudTrail("config", "StopConfigurationRecorder", "DeleteDeliveryChannel"),
		"kms-policy-public":       CloudTrail("kms", "PutKeyPolicy", "CreateGrant"),
		"rds-deleted":             CloudTrail("rds", "DeleteDBInstance", "DeleteDBCluster", "DeleteDBSnapshot"),
		"flow-logs-deleted":       CloudTrail("ec2", "DeleteFlowLogs"),
		"log-group-deleted":       CloudTrail("logs", "DeleteLogGroup", "DeleteLogStream", "PutRetentionPolicy"),
		"login-profile":           CloudTrail("iam", "CreateLoginProfile", "UpdateLoginProfile"),
		"org-change":              CloudTrail("organizations", "LeaveOrganization", "RemoveAccountFromOrganization"),
		"ec2-ami-public": successful("ec2", `["ModifyImageAttribute"]`,
			`"launchPermission":{"add":{"items":{"group":["all"]}}}`),
		"ec2-snapshot-public": successful("ec2", `["ModifySnapshotAttribute"]`,
			`"createVolumePermission":{"add":{"items":{"group":["all"]}}}`),
		"kms-key-loss":  successful("kms", `["ScheduleKeyDeletion"]`, `"pendingWindowInDays":[{"numeric":[">=",7,"<",30]}]`),
		"lambda-public": successful("lambda", `["AddPermission20150331v2"]`, `"principal":["*"]`),
		"nacl-open": successful("ec2", `["CreateNetworkAclEntry","ReplaceNetworkAclEntry"]`,
			`"ruleAction":["allow"],"ruleNumber":[{"numeric":["<",100]}]`),
		"self-tamper": successful("events", `["DisableRule","RemoveTargets"]`, `"name":[{"wildcard":"countermand-*-rule"}]`),
		"s3-from-a-person": `{"source":["aws.s3"],"detail":{"eventName":[{"prefix":"PutBucket"}],
			"userAgent":[{"anything-but":{"prefix":"[APN/1.0 HashiCorp"}}],"sourceIPAddress":[{"cidr":"198.51.100.0/24"}]}}`,
		"root-activity": `{"detail":{"userIdentity":{"type":["Root"],"invokedBy":[{"exists":false}]},
			"eventType":[{"anything-but":"AwsServiceEvent"}],"readOnly":[false]}}`,
		"signin-no-mfa": `{"detail-type":["AWS Console Sign In via CloudTrail"],"detail":{"eventName":["ConsoleLogin"],
			"responseElements":{"ConsoleLogin":["Success"]},"additionalEventData":{"MFAUsed":[{"equals-ignore-case":"no"}]}}}`,
		"unapproved-region": `{"detail-type":["AWS API Call via CloudTrail"],"detail":{
			"eventName":[{"prefix":"Create"},{"prefix":"Run"},{"prefix":"Put"}],
			"awsRegion":[{"anything-but":["eu-west-1","eu-central-1","us-east-1"]}]}}`,
		"denied": `{"detail":{"errorCode":[{"prefix":"AccessDenied"},{"suffix":"UnauthorizedOperation"}]}}`,
		"tag-on-create": `{"detail-type":["AWS API Call via CloudTrail"],"detail":{"errorCode":[{"exists":false}],"$or":[
			{"eventSource":["ec2.amazonaws.com"],"eventName":["RunInstances","CreateVolume","CreateSnapshot","CreateVpc"]},
			{"eventSource":["s3.amazonaws.com"],"eventName":["CreateBucket"]},
			{"eventSource":["rds.amazonaws.com"],"eventName":["CreateDBInstance"]}]}}`,
	}
	for i := len(rules); i < n; i++ {
		rules[fmt.Sprintf("rule-%04d", i)] = otherRule(i)
	}
	return rules
}

var benchMatches = []string{"s3-from-a-person", "s3-public-policy"}

// otherRule makes a rule for one of 60 services, with one of 100 fields of its own. One in ten names no event.
func otherRule(i int) Pattern {
	services := []string{"s3", "ec2", "iam", "kms", "rds", "lambda", "sns", "sqs", "logs", "config"}
	service := services[i%10]
	if i%60 >= 10 {
		service += fmt.Sprint(i % 60 / 10)
	}
	verb := []string{"Create", "Delete", "Put", "Update", "Modify", "Attach", "Disable"}[i%7]
	condition := []string{`"x"`, `{"prefix":"x-"}`, `{"exists":true}`, `{"anything-but":["x","y"]}`, `{"numeric":["<",100]}`,
		`{"wildcard":"x*y"}`, `{"cidr":"10.0.0.0/8"}`, `{"suffix":"-x"}`, `{"equals-ignore-case":"x"}`, `null`}[i/10%10]
	field := fmt.Sprintf(`"field%02d":[%s]`, i%100, condition)
	if i%10 == 9 {
		return Pattern(fmt.Sprintf(`{"source":[{"prefix":"aws."}],"detail":{"eventName":[{"prefix":%q}],`+
			`"requestParameters":{%s}}}`, verb, field))
	}
	var names []string
	for k := range 1 + i%4 {
		names = append(names, fmt.Sprintf("%sThing%d", verb, (i+k)/7))
	}
	if i%500 == 0 {
		names = append(names, "PutBucketPolicy") // a few are tried on the event, and miss
	}
	list, _ := json.Marshal(names)
	return successful(service, string(list), field)
}

// reportRatio reports how long subject takes in relation to json.Valid on the event. They take turns, many short ones,
// and the shortest of each counts: whatever else the machine does makes turns only longer.
func reportRatio(b *testing.B, event []byte, subject func()) {
	const turns, calls = 500, 10
	turn := func(f func()) time.Duration {
		began := time.Now()
		for range calls {
			f()
		}
		return time.Since(began)
	}
	took, valid := time.Hour, time.Hour
	for range turns {
		took = min(took, turn(subject))
		valid = min(valid, turn(func() { json.Valid(event) }))
	}
	b.ReportMetric(float64(took)/float64(valid), "x-json.Valid")
}

func BenchmarkMatch(b *testing.B) {
	event := benchEvent(b)
	b.Run("1rule", func(b *testing.B) {
		m, err := benchRules(30)["s3-public-policy"].Compile()
		if err != nil {
			b.Fatal(err)
		}
		match := func() {
			if matched, err := m.Match(event); !matched || err != nil {
				b.Fatal(matched, err)
			}
		}
		benchmark(b, event, match)
	})
	for _, n := range []int{30, 3000} {
		b.Run(fmt.Sprintf("%drules", n), func(b *testing.B) {
			set, err := NewSet(benchRules(n))
			if err != nil {
				b.Fatal(err)
			}
			match := func() {
				if names, err := set.Match(event); !slices.Equal(names, benchMatches) || err != nil {
					b.Fatal(names, err)
				}
			}
			benchmark(b, event, match)
		})
	}
}

func benchmark(b *testing.B, event []byte, subject func()) {
	b.ReportAllocs()
	b.SetBytes(int64(len(event)))
	for b.Loop() {
		subject()
	}
	reportRatio(b, event, subject)
}

func BenchmarkCompile(b *testing.B) {
	b.Run("30rules", func(b *testing.B) {
		rules := benchRules(30)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := NewSet(rules); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(b.Elapsed().Seconds()*1000/float64(b.N), "ms/op")
	})
}

func BenchmarkYardstick(b *testing.B) {
	event := benchEvent(b)
	b.Run("json.Valid", func(b *testing.B) {
		benchmark(b, event, func() { json.Valid(event) })
	})
	b.Run("decode-and-recurse", func(b *testing.B) {
		decoded := map[string]map[string]any{}
		for name, pattern := range benchRules(30) {
			var tree map[string]any
			if err := json.Unmarshal([]byte(pattern), &tree); err != nil {
				b.Fatal(err)
			}
			decoded[name] = tree
		}
		benchmark(b, event, func() {
			var names []string
			var tree map[string]any
			if err := json.Unmarshal(event, &tree); err != nil {
				b.Fatal(err)
			}
			for name, pattern := range decoded {
				if plainObject(pattern, tree) {
					names = append(names, name)
				}
			}
			slices.Sort(names)
			if !slices.Equal(names, benchMatches) {
				b.Fatal(names)
			}
		})
	})
}

// plainObject is the obvious way to match, as a yardstick: it knows the operators of the 30 rules, and nothing of
// what is in the same element of an array.
func plainObject(pattern map[string]any, value any) bool {
	fields, _ := value.(map[string]any)
	for key, want := range pattern {
		switch want := want.(type) {
		case map[string]any:
			inner := fields[key]
			if list, ok := inner.([]any); ok {
				if !slices.ContainsFunc(list, func(element any) bool { return plainObject(want, element) }) {
					return false
				}
			} else if !plainObject(want, inner) {
				return false
			}
		case []any:
			if key == "$or" {
				branch := func(branch any) bool { return plainObject(branch.(map[string]any), value) }
				if !slices.ContainsFunc(want, branch) {
					return false
				}
				continue
			}
			leaf, present := fields[key]
			if !slices.ContainsFunc(want, func(matcher any) bool { return plainField(matcher, leaf, present) }) {
				return false
			}
		}
	}
	return true
}

func plainField(matcher, leaf any, present bool) bool {
	operator, ok := matcher.(map[string]any)
	if !ok {
		return present && leaf == matcher
	}
	text, isText := leaf.(string)
	for name, operand := range operator {
		switch name {
		case "exists":
			return present == operand.(bool)
		case "prefix":
			return isText && strings.HasPrefix(text, operand.(string))
		case "suffix":
			return isText && strings.HasSuffix(text, operand.(string))
		case "equals-ignore-case":
			return isText && strings.EqualFold(text, operand.(string))
		case "wildcard":
			head, tail, _ := strings.Cut(operand.(string), "*")
			return isText && len(text) >= len(head)+len(tail) && strings.HasPrefix(text, head) && strings.HasSuffix(text, tail)
		case "cidr":
			network, _ := netip.ParsePrefix(operand.(string))
			address, err := netip.ParseAddr(text)
			return isText && err == nil && network.Contains(address)
		case "numeric":
			number, isNumber := leaf.(float64)
			return isNumber && plainNumeric(operand.([]any), number)
		case "anything-but":
			if list, ok := operand.([]any); ok {
				return present && !slices.ContainsFunc(list, func(not any) bool { return plainField(not, leaf, true) })
			}
			return present && !plainField(operand, leaf, true)
		}
	}
	return false
}

func plainNumeric(bounds []any, number float64) bool {
	for i := 0; i < len(bounds); i += 2 {
		bound := bounds[i+1].(float64)
		if !map[string]bool{"<": number < bound, ">=": number >= bound}[bounds[i].(string)] {
			return false
		}
	}
	return true
}
