package trail

import (
	"crypto/sha256"
	"encoding/base32"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Persona is who an access key belongs to.
type Persona struct {
	Identity map[string]any // CloudTrail's userIdentity, without the access key id
	Address  string         // sourceIPAddress
}

// User is an IAM user who calls from an address.
func User(account, name, address string) Persona {
	return Persona{Address: address, Identity: map[string]any{
		"type":        "IAMUser",
		"principalId": unique("AIDA", account+name),
		"arn":         "arn:aws:iam::" + account + ":user/" + name,
		"accountId":   account,
		"userName":    name,
	}}
}

// Session is a session of an assumed role that began at a time and calls from an address.
func Session(account, role, name, address string, since time.Time) Persona {
	id := unique("AROA", account+role)
	path := strings.Split(role, "/")
	return Persona{Address: address, Identity: map[string]any{
		"type":        "AssumedRole",
		"principalId": id + ":" + name,
		"arn":         "arn:aws:sts::" + account + ":assumed-role/" + path[len(path)-1] + "/" + name,
		"accountId":   account,
		"sessionContext": map[string]any{
			"sessionIssuer": map[string]any{
				"type":        "Role",
				"principalId": id,
				"arn":         "arn:aws:iam::" + account + ":role/" + role,
				"accountId":   account,
				"userName":    path[len(path)-1],
			},
			"webIdFederationData": map[string]any{},
			"attributes": map[string]any{
				"creationDate":     since.UTC().Format(time.RFC3339),
				"mfaAuthenticated": "false",
			},
		},
	}}
}

// unique is an id in the form of IAM's, the same for the same name.
func unique(prefix, name string) string {
	sum := sha256.Sum256([]byte(name))
	return prefix + base32.StdEncoding.EncodeToString(sum[:])[:17]
}

// credentialScope is a signature's credential scope: who signed, for where and for what.
type credentialScope struct{ key, region, service string }

var (
	credential = regexp.MustCompile(`Credential=([A-Za-z0-9]+)/[0-9]{8}/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request`)
	accountID  = regexp.MustCompile(`^[0-9]{12}$`)
	function   = regexp.MustCompile(`(?:^| )app/(countermand-[a-z0-9-]+)`)
)

// parseScope reads the scope from the header, or from the query of a presigned call. An unsigned call has none.
func parseScope(r *http.Request) (credentialScope, bool) {
	text := r.Header.Get("Authorization")
	if presigned := r.URL.Query().Get("X-Amz-Credential"); presigned != "" {
		text = "Credential=" + presigned
	}
	m := credential.FindStringSubmatch(text)
	if m == nil {
		return credentialScope{}, false
	}
	return credentialScope{key: m[1], region: m[2], service: m[3]}, true
}

// account is the account that the emulator takes the caller for.
func (s credentialScope) account(usual string) string {
	if accountID.MatchString(s.key) {
		return s.key
	}
	return usual
}

// caller is who made a call. A function of Countermand has an account id for an access key and names itself
// in its user agent; any other holder of such a key is the account's root user.
func (t *Trail) caller(s credentialScope, r *http.Request, account string, now time.Time) Persona {
	if p, ok := t.options.Personas[s.key]; ok {
		return p
	}
	if !accountID.MatchString(s.key) {
		return User(account, "unknown", "192.0.2.1")
	}
	if m := function.FindStringSubmatch(r.UserAgent()); m != nil {
		return Session(account, m[1], m[1], "203.0.113.10", now.Truncate(time.Hour))
	}
	return Persona{Address: "192.0.2.1", Identity: map[string]any{
		"type": "Root", "principalId": account, "arn": "arn:aws:iam::" + account + ":root", "accountId": account,
	}}
}

// write makes the CloudTrail record of a call.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
func (t *Trail) write(s credentialScope, r *http.Request, made *call, seen *exchange, account string) (map[string]any, Event) {
	now := seen.received.UTC()
	who := t.caller(s, r, account, now)
	identity := map[string]any{"accessKeyId": s.key}
	if accountID.MatchString(s.key) {
		identity["accessKeyId"] = unique("ASIA", s.key)[:20]
	}
	for k, v := range who.Identity {
		identity[k] = v
	}
	agent := r.UserAgent()
	if made.source == s3Source {
		agent = "[" + agent + "]"
	}
	record := map[string]any{
		"eventVersion":       "1.11",
		"userIdentity":       identity,
		"eventTime":          now.Format(time.RFC3339),
		"eventSource":        made.source,
		"eventName":          made.name,
		"awsRegion":          s.region,
		"sourceIPAddress":    who.Address,
		"userAgent":          agent,
		"requestParameters":  made.request,
		"responseElements":   nil,
		"requestID":          requestID(seen),
		"eventID":            uuid.NewString(),
		"readOnly":           false,
		"eventType":          "AwsApiCall",
		"managementEvent":    true,
		"recipientAccountId": account,
		"eventCategory":      "Management",
		"tlsDetails": map[string]any{
			"tlsVersion":               "TLSv1.3",
			"cipherSuite":              "TLS_AES_128_GCM_SHA256",
			"clientProvidedHostHeader": made.host,
		},
	}
	if made.bucket != "" {
		record["resources"] = []any{map[string]any{
			"accountId": account, "type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::" + made.bucket,
		}}
	}
	event := Event{Time: now, ID: record["eventID"].(string), Source: made.source, Name: made.name, Region: s.region}
	event.Principal, _ = identity["arn"].(string)
	if seen.status >= 300 {
		code, message := made.failure(seen.status, seen.body)
		record["errorCode"], record["errorMessage"] = code, message
		event.ErrorCode = code
	} else if made.response != nil {
		record["responseElements"] = made.response(seen)
	}
	return record, event
}

func requestID(seen *exchange) string {
	for _, name := range []string{"X-Amz-Request-Id", "X-Amzn-Requestid"} {
		if id := seen.header.Get(name); id != "" {
			return id
		}
	}
	return uuid.NewString()
}
