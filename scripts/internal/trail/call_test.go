package trail

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// mapping is a call, what the emulator answers, and the record that must come of it.
type mapping struct {
	name                    string
	method, path            string
	header                  map[string]string
	body                    string
	status                  int
	answer                  string
	event                   string // eventName
	request, response       string // JSON
	errorCode, errorMessage string
}

// check makes each call and compares the record.
func check(t *testing.T, service string, tests []mapping) {
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := newEmulator(t, answers(test.status, test.answer))
			address, trail, stop := e.start(t)
			r := signed(t, test.method, address+test.path, "AKIAMALLORY", service, test.body)
			for key, value := range test.header {
				r.Header.Set(key, value)
			}
			if status, body := send(t, r); status != test.status || body != test.answer {
				t.Errorf("the caller got %d %q", status, body)
			}
			stop()
			if len(e.put) != 1 {
				t.Fatalf("%d events, want 1", len(e.put))
			}
			var record map[string]any
			if err := json.Unmarshal([]byte(e.put[0].Detail), &record); err != nil {
				t.Fatal(err)
			}
			if record["eventName"] != test.event || trail.Events()[0].Name != test.event {
				t.Errorf("eventName is %v, want %s", record["eventName"], test.event)
			}
			for field, want := range map[string]string{"requestParameters": test.request, "responseElements": test.response} {
				var wanted any
				if err := json.Unmarshal([]byte(want), &wanted); err != nil {
					t.Fatalf("%s: %v", field, err)
				}
				if diff := cmp.Diff(wanted, record[field]); diff != "" {
					t.Errorf("%s:\n%s", field, diff)
				}
			}
			code, failed := record["errorCode"]
			message, described := record["errorMessage"]
			if test.errorCode == "" {
				if failed || described {
					t.Errorf("a success has errorCode %v, errorMessage %v", code, message)
				}
			} else if code != test.errorCode || message != test.errorMessage {
				t.Errorf("error is %v: %v", code, message)
			}
		})
	}
}

const s3Error = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>NoSuchBucket</Code><Message>The bucket does not exist</Message></Error>`

func TestS3(t *testing.T) {
	const host = `"bucketName": "photos", "Host": "photos.s3.eu-west-1.amazonaws.com"`
	check(t, "s3", []mapping{
		{
			name: "public policy", method: "PUT", path: "/photos?policy",
			body:   `{"Statement":{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*"}}`,
			status: 204, event: "PutBucketPolicy",
			request:  `{` + host + `, "policy": "", "bucketPolicy": {"Statement": {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}}}`,
			response: `null`,
		},
		{
			name: "policy that can't be read", method: "PUT", path: "/photos/?policy=", body: `{"Statement":`,
			status: 204, event: "PutBucketPolicy",
			request:  `{` + host + `, "policy": "", "bucketPolicy": "{\"Statement\":"}`,
			response: `null`,
		},
		{
			name: "policy of a bucket that is not there", method: "PUT", path: "/photos?policy", body: `{}`,
			status: 404, answer: s3Error, event: "PutBucketPolicy",
			request:  `{` + host + `, "policy": "", "bucketPolicy": {}}`,
			response: `null`, errorCode: "NoSuchBucket", errorMessage: "The bucket does not exist",
		},
		{
			name: "policy removed", method: "DELETE", path: "/photos?policy", status: 204, event: "DeleteBucketPolicy",
			header:  map[string]string{"X-Amz-Expected-Bucket-Owner": account},
			request: `{` + host + `, "policy": "", "x-amz-expected-bucket-owner": "111122223333"}`, response: `null`,
		},
		{
			name: "block public access", method: "PUT", path: "/photos?publicAccessBlock",
			body: `<PublicAccessBlockConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><BlockPublicAcls>true</BlockPublicAcls>` +
				`<RestrictPublicBuckets>false</RestrictPublicBuckets></PublicAccessBlockConfiguration>`,
			status: 200, event: "PutBucketPublicAccessBlock",
			request: `{` + host + `, "publicAccessBlock": "", "PublicAccessBlockConfiguration":
				{"xmlns": "http://s3.amazonaws.com/doc/2006-03-01/", "BlockPublicAcls": true, "RestrictPublicBuckets": false}}`,
			response: `null`,
		},
		{
			name: "block public access removed", method: "DELETE", path: "/photos?publicAccessBlock", status: 204,
			event: "DeleteBucketPublicAccessBlock", request: `{` + host + `, "publicAccessBlock": ""}`, response: `null`,
		},
		{
			name: "document that can't be read", method: "PUT", path: "/photos?publicAccessBlock", body: `<Public`,
			status: 500, answer: "oops", event: "PutBucketPublicAccessBlock", request: `{` + host + `, "publicAccessBlock": ""}`,
			response: `null`, errorCode: "InternalFailure", errorMessage: "Internal Server Error",
		},
		{
			name: "document nested without end", method: "PUT", path: "/photos?cors", body: strings.Repeat("<a>", 10_000) + strings.Repeat("</a>", 10_000),
			status: 200, event: "PutBucketCors", request: `{` + host + `, "cors": ""}`, response: `null`,
		},
		{
			name: "account's block", method: "PUT", path: accountPath, header: map[string]string{"X-Amz-Account-Id": account},
			body:   `<PublicAccessBlockConfiguration><BlockPublicPolicy>false</BlockPublicPolicy></PublicAccessBlockConfiguration>`,
			status: 200, event: "PutAccountPublicAccessBlock",
			request: `{"publicAccessBlock": "", "Host": "111122223333.s3-control.eu-west-1.amazonaws.com",
				"PublicAccessBlockConfiguration": {"BlockPublicPolicy": false}}`,
			response: `null`,
		},
		{
			name: "account's block removed", method: "DELETE", path: accountPath, header: map[string]string{"X-Amz-Account-Id": account},
			status: 403, answer: `<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>`,
			event:    "DeleteAccountPublicAccessBlock",
			request:  `{"publicAccessBlock": "", "Host": "111122223333.s3-control.eu-west-1.amazonaws.com"}`,
			response: `null`, errorCode: "AccessDenied", errorMessage: "no",
		},
		{
			name: "bucket", method: "PUT", path: "/photos", header: map[string]string{"X-Amz-Acl": "private"},
			body:   `<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>`,
			status: 200, event: "CreateBucket",
			request: `{` + host + `, "x-amz-acl": "private",
				"CreateBucketConfiguration": {"LocationConstraint": "eu-west-1", "xmlns": "http://s3.amazonaws.com/doc/2006-03-01/"}}`,
			response: `null`,
		},
		{
			name: "grant in a header", method: "PUT", path: "/photos?acl", status: 200, event: "PutBucketAcl",
			header:   map[string]string{"X-Amz-Grant-Read": "uri=http://acs.amazonaws.com/groups/global/AllUsers"},
			request:  `{` + host + `, "acl": "", "accessControlList": {"x-amz-grant-read": "uri=http://acs.amazonaws.com/groups/global/AllUsers"}}`,
			response: `null`,
		},
		{
			name: "grants in a document", method: "PUT", path: "/photos?acl", status: 200, event: "PutBucketAcl",
			body: `<AccessControlPolicy><AccessControlList>` +
				`<Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"><ID>a1</ID></Grantee><Permission>READ</Permission></Grant>` +
				`<Grant><Permission>WRITE</Permission></Grant></AccessControlList></AccessControlPolicy>`,
			request: `{` + host + `, "acl": "", "AccessControlPolicy": {"AccessControlList": {"Grant": [
				{"Grantee": {"xsi:type": "CanonicalUser", "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance", "ID": "a1"}, "Permission": "READ"},
				{"Permission": "WRITE"}]}}}`,
			response: `null`,
		},
	})
}

func TestCloudTrail(t *testing.T) {
	target := func(name string) map[string]string {
		return map[string]string{"X-Amz-Target": "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101." + name}
	}
	check(t, "cloudtrail", []mapping{
		{
			name: "stop", method: "POST", path: "/", header: target("StopLogging"), body: `{"Name":"main"}`,
			status: 200, answer: `{}`, event: "StopLogging", request: `{"name": "main"}`, response: `null`,
		},
		{
			name: "stop of a trail that is not there", method: "POST", path: "/", header: target("StopLogging"), body: `{"Name":"gone"}`,
			status: 400, answer: `{"__type":"com.amazonaws.cloudtrail#TrailNotFoundException","message":"Unknown trail: gone"}`,
			event: "StopLogging", request: `{"name": "gone"}`, response: `null`,
			errorCode: "TrailNotFoundException", errorMessage: "Unknown trail: gone",
		},
		{
			name: "update", method: "POST", path: "/", header: target("UpdateTrail"), body: `{"Name":"main","EnableLogFileValidation":false}`,
			status: 200, answer: `{"Name":"main","TrailARN":"arn:aws:cloudtrail:eu-west-1:111122223333:trail/main","LogFileValidationEnabled":false}`,
			event: "UpdateTrail", request: `{"name": "main", "enableLogFileValidation": false}`,
			response: `{"name": "main", "trailARN": "arn:aws:cloudtrail:eu-west-1:111122223333:trail/main", "logFileValidationEnabled": false}`,
		},
		{
			name: "selectors", method: "POST", path: "/", header: target("PutEventSelectors"),
			body:   `{"TrailName":"main","EventSelectors":[{"ReadWriteType":"ReadOnly","IncludeManagementEvents":false}]}`,
			status: 200, answer: `{"TrailARN":"arn"}`, event: "PutEventSelectors",
			request:  `{"trailName": "main", "eventSelectors": [{"readWriteType": "ReadOnly", "includeManagementEvents": false}]}`,
			response: `{"trailARN": "arn"}`,
		},
		{
			name: "parameters that can't be read", method: "POST", path: "/", header: target("DeleteTrail"), body: `{"Name":`,
			status: 500, answer: `<html>`, event: "DeleteTrail", request: `null`, response: `null`,
			errorCode: "InternalFailure", errorMessage: "Internal Server Error",
		},
	})
}

func TestEC2(t *testing.T) {
	form := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
	check(t, "ec2", []mapping{
		{
			name: "two instances", method: "POST", path: "/", header: form,
			body: "Action=RunInstances&Version=2016-11-15&ImageId=ami-1&MinCount=2&MaxCount=2&InstanceType=t3.micro&UserData=c2VjcmV0" +
				"&SecurityGroupId.1=sg-1&TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=web",
			status: 200,
			answer: `<RunInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r-1</requestId><reservationId>r-2</reservationId>
				<groupSet/><instancesSet>
				<item><instanceId>i-1</instanceId><instanceState><code>0</code><name>pending</name></instanceState><keyName></keyName>
					<launchTime>2026-03-01T12:00:00.000Z</launchTime><blockDeviceMapping/><tagSet><item><key>Name</key><value>web</value></item></tagSet></item>
				<item><instanceId>i-2</instanceId><sourceDestCheck>true</sourceDestCheck><amiLaunchIndex>1</amiLaunchIndex>
					<privateIpAddressesSet><item><primary>true</primary></item></privateIpAddressesSet></item>
				</instancesSet></RunInstancesResponse>`,
			event: "RunInstances",
			request: `{"instancesSet": {"items": [{"imageId": "ami-1", "minCount": 2, "maxCount": 2}]}, "instanceType": "t3.micro",
				"userData": "<sensitiveDataRemoved>", "groupSet": {"items": [{"groupId": "sg-1"}]}, "blockDeviceMapping": {},
				"monitoring": {"enabled": false}, "disableApiTermination": false, "disableApiStop": false,
				"tagSpecificationSet": {"items": [{"resourceType": "instance", "tags": [{"key": "Name", "value": "web"}]}]}}`,
			response: `{"requestId": "r-1", "reservationId": "r-2", "groupSet": {}, "instancesSet": {"items": [
				{"instanceId": "i-1", "instanceState": {"code": 0, "name": "pending"}, "launchTime": 1772366400000, "blockDeviceMapping": {},
					"tagSet": {"items": [{"key": "Name", "value": "web"}]}},
				{"instanceId": "i-2", "sourceDestCheck": true, "amiLaunchIndex": 1, "privateIpAddressesSet": {"item": [{"primary": true}]}}]}}`,
		},
		{
			name: "refused launch", method: "POST", path: "/", header: form,
			body:   "Action=RunInstances&ImageId=ami-1&MinCount=1&MaxCount=1&BlockDeviceMapping.1.DeviceName=%2Fdev%2Fxvda&BlockDeviceMapping.1.Ebs.VolumeSize=8",
			status: 400, answer: `<Response><Errors><Error><Code>VcpuLimitExceeded</Code><Message>too many</Message></Error></Errors><RequestID>1</RequestID></Response>`,
			event: "RunInstances",
			request: `{"instancesSet": {"items": [{"imageId": "ami-1", "minCount": 1, "maxCount": 1}]}, "monitoring": {"enabled": false},
				"disableApiTermination": false, "disableApiStop": false,
				"blockDeviceMapping": {"items": [{"deviceName": "/dev/xvda", "ebs": {"volumeSize": 8}}]}}`,
			response: `null`, errorCode: "Client.VcpuLimitExceeded", errorMessage: "too many",
		},
		{
			name: "volume", method: "POST", path: "/", header: form, body: "Action=CreateVolume&Size=10&AvailabilityZone=eu-west-1a&Encrypted=true",
			status: 200, event: "CreateVolume",
			answer: `<CreateVolumeResponse><volumeId>vol-1</volumeId><size>10</size><availabilityZone>eu-west-1a</availabilityZone>` +
				`<createTime>2026-03-01T12:00:00Z</createTime><tagSet/></CreateVolumeResponse>`,
			request:  `{"size": "10", "zone": "eu-west-1a", "encrypted": true}`,
			response: `{"volumeId": "vol-1", "size": "10", "zone": "eu-west-1a", "createTime": 1772366400000, "tagSet": {}}`,
		},
		{
			name: "tags", method: "POST", path: "/", header: form,
			body:   "Action=CreateTags&ResourceId.1=i-1&ResourceId.2=vol-1&Tag.1.Key=CreatedBy&Tag.1.Value=alice&Tag.2.Key=Empty&Tag.2.Value=",
			status: 200, answer: `<CreateTagsResponse><requestId>r</requestId><return>true</return></CreateTagsResponse>`, event: "CreateTags",
			request: `{"resourcesSet": {"items": [{"resourceId": "i-1"}, {"resourceId": "vol-1"}]},
				"tagSet": {"items": [{"key": "CreatedBy", "value": "alice"}, {"key": "Empty", "value": ""}]}}`,
			response: `{"requestId": "r", "_return": true}`,
		},
		{
			name: "eleven instances in order", method: "POST", path: "/", header: form,
			body: "Action=StopInstances&Force=false&InstanceId.1=i-1&InstanceId.2=i-2&InstanceId.3=i-3&InstanceId.4=i-4&InstanceId.5=i-5" +
				"&InstanceId.6=i-6&InstanceId.7=i-7&InstanceId.8=i-8&InstanceId.9=i-9&InstanceId.10=i-10&InstanceId.11=i-11",
			status: 200, answer: `not XML`, event: "StopInstances",
			request: `{"force": false, "instancesSet": {"items": [{"instanceId": "i-1"}, {"instanceId": "i-2"}, {"instanceId": "i-3"}, {"instanceId": "i-4"},
				{"instanceId": "i-5"}, {"instanceId": "i-6"}, {"instanceId": "i-7"}, {"instanceId": "i-8"}, {"instanceId": "i-9"}, {"instanceId": "i-10"}, {"instanceId": "i-11"}]}}`,
			response: `null`,
		},
		{
			name: "open security group", method: "POST", path: "/", header: form,
			body: "Action=AuthorizeSecurityGroupIngress&GroupId=sg-1&IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=22&IpPermissions.1.ToPort=22" +
				"&IpPermissions.1.IpRanges.1.CidrIp=0.0.0.0%2F0",
			status: 200, answer: `<AuthorizeSecurityGroupIngressResponse><return>true</return></AuthorizeSecurityGroupIngressResponse>`,
			event: "AuthorizeSecurityGroupIngress",
			request: `{"groupId": "sg-1", "ipPermissions": {"items": [{"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "groups": {},
				"ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}, "ipv6Ranges": {}, "prefixListIds": {}}]}}`,
			response: `{"_return": true}`,
		},
		{
			name: "open security group, flat", method: "GET", path: "/?Action=AuthorizeSecurityGroupIngress&GroupId=sg-1&IpProtocol=tcp&FromPort=22&ToPort=22&CidrIp=0.0.0.0%2F0",
			status: 503, answer: `<Response><Errors><Error><Code>Unavailable</Code><Message>later</Message></Error></Errors></Response>`,
			event:    "AuthorizeSecurityGroupIngress",
			request:  `{"groupId": "sg-1", "ipPermissions": {}, "ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "cidrIp": "0.0.0.0/0"}`,
			response: `null`, errorCode: "Server.Unavailable", errorMessage: "later",
		},
		{
			name: "keys without end", method: "POST", path: "/", header: form,
			body: "Action=CreateVpc&CidrBlock=10.0.0.0%2F16&" + strings.Repeat("A.", 100_000) + "A=1", status: 200, answer: `<CreateVpcResponse/>`,
			event: "CreateVpc", request: `{"cidrBlock": "10.0.0.0/16"}`, response: `{}`,
		},
	})
}

// What is recorded is decided before the body is read, so it must not miss a call that is one.
func TestRecordedCoversRecognized(t *testing.T) {
	for _, method := range []string{http.MethodPut, http.MethodDelete} {
		for marker := range bucketCalls {
			r := signed(t, method, "http://127.0.0.1/photos?"+marker, "AKIAMALLORY", "s3", "")
			s, _ := parseScope(r)
			if recognize(s, r, nil) != nil && !recorded(s, r) {
				t.Errorf("%s ?%s is recognized but not recorded", method, marker)
			}
		}
	}
}
