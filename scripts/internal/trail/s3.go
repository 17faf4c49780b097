package trail

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"sort"
	"strconv"
	"strings"
)

// bucketCalls are CloudTrail's names for writing and for deleting what a bucket's query names. The empty
// query is the bucket itself. What is not here is a data event or no call.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-s3-info.html
var bucketCalls = map[string][2]string{
	"":                    {"CreateBucket", "DeleteBucket"},
	"accelerate":          {"PutAccelerateConfiguration", ""},
	"acl":                 {"PutBucketAcl", ""},
	"analytics":           {"PutAnalyticsConfiguration", "DeleteAnalyticsConfiguration"},
	"cors":                {"PutBucketCors", "DeleteBucketCors"},
	"encryption":          {"PutBucketEncryption", "DeleteBucketEncryption"},
	"intelligent-tiering": {"PutBucketIntelligentTieringConfiguration", "DeleteBucketIntelligentTieringConfiguration"},
	"inventory":           {"PutInventoryConfiguration", "DeleteInventoryConfiguration"},
	"lifecycle":           {"PutBucketLifecycle", "DeleteBucketLifecycle"},
	"logging":             {"PutBucketLogging", ""},
	"metrics":             {"PutMetricsConfiguration", "DeleteMetricsConfiguration"},
	"notification":        {"PutBucketNotification", ""},
	"object-lock":         {"PutBucketObjectLockConfiguration", ""},
	"ownershipControls":   {"PutBucketOwnershipControls", "DeleteBucketOwnershipControls"},
	"policy":              {"PutBucketPolicy", "DeleteBucketPolicy"},
	"publicAccessBlock":   {"PutBucketPublicAccessBlock", "DeleteBucketPublicAccessBlock"},
	"replication":         {"PutBucketReplication", "DeleteBucketReplication"},
	"requestPayment":      {"PutBucketRequestPayment", ""},
	"tagging":             {"PutBucketTagging", "DeleteBucketTagging"},
	"versioning":          {"PutBucketVersioning", ""},
	"website":             {"PutBucketWebsite", "DeleteBucketWebsite"},
}

const accountPath = "/v20180820/configuration/publicAccessBlock"

func isAccountCall(r *http.Request) bool { return r.URL.Path == accountPath }

// isBucketCall reports whether the path names a bucket and no object.
func isBucketCall(r *http.Request) bool {
	name := strings.Trim(r.URL.Path, "/")
	return name != "" && !strings.Contains(name, "/") && !strings.HasPrefix(r.URL.Path, "/v20180820/")
}

// bucketCall reads a call about a bucket. Only path-style addresses are read: the SDKs use no others for an
// endpoint that is an IP address.
func bucketCall(s credentialScope, r *http.Request, body []byte) *call {
	query := r.URL.Query()
	marker := ""
	for _, key := range sortedKeys(query) {
		if _, known := bucketCalls[key]; known && key != "" {
			marker = key
		} else if key == "delete" || key == "uploads" {
			return nil // of objects
		}
	}
	name := ""
	switch r.Method {
	case http.MethodPut:
		name = bucketCalls[marker][0]
	case http.MethodDelete:
		name = bucketCalls[marker][1]
	}
	if name == "" {
		return nil
	}
	bucket := strings.Trim(r.URL.Path, "/")
	host := bucket + ".s3." + s.region + ".amazonaws.com"
	request := map[string]any{"bucketName": bucket, "Host": host}
	if marker != "" {
		request[marker] = ""
	}
	addHeaders(request, r.Header)
	if marker == "policy" {
		addPolicy(request, body)
	} else {
		addDocument(request, body)
	}
	return &call{source: s3Source, name: name, bucket: bucket, host: host, request: request, failure: s3Failure}
}

// accountCall reads a call about the account's Block Public Access.
func accountCall(s credentialScope, r *http.Request, body []byte) *call {
	name := map[string]string{http.MethodPut: "PutAccountPublicAccessBlock", http.MethodDelete: "DeleteAccountPublicAccessBlock"}[r.Method]
	if name == "" {
		return nil
	}
	host := r.Header.Get("X-Amz-Account-Id") + ".s3-control." + s.region + ".amazonaws.com"
	request := map[string]any{"publicAccessBlock": "", "Host": host}
	addDocument(request, body)
	return &call{source: s3Source, name: name, host: host, request: request, failure: s3Failure}
}

// addHeaders adds the parameters that travel as headers. Grants are nested, the canned ACL is not.
func addHeaders(request map[string]any, header http.Header) {
	grants := map[string]any{}
	for name := range header {
		lower := strings.ToLower(name)
		switch {
		case strings.HasPrefix(lower, "x-amz-grant-"):
			grants[lower] = header.Get(name)
		case lower == "x-amz-acl", lower == "x-amz-object-ownership", lower == "x-amz-expected-bucket-owner":
			request[lower] = header.Get(name)
		}
	}
	if len(grants) > 0 {
		request["accessControlList"] = grants
	}
}

// addPolicy adds a bucket policy: an object, or the text of one that can't be read.
func addPolicy(request map[string]any, body []byte) {
	if len(body) == 0 {
		return
	}
	var policy map[string]any
	if json.Unmarshal(body, &policy) != nil {
		request["bucketPolicy"] = string(body)
		return
	}
	request["bucketPolicy"] = json.RawMessage(body)
}

// addDocument adds an XML body under its root's name. One that can't be read is left out, as S3 would refuse it.
func addDocument(request map[string]any, body []byte) {
	if len(body) == 0 {
		return
	}
	root, err := readXML(body)
	if err != nil {
		return
	}
	value := root.value()
	if value == nil {
		value = ""
	}
	request[root.name] = value
}

// s3Failure reads S3's error document.
func s3Failure(status int, body []byte) (code, message string) {
	var answer struct {
		Code    string
		Message string
		Error   struct{ Code, Message string } // of the account's API
	}
	if xml.Unmarshal(body, &answer) != nil {
		return unknownFailure(status)
	}
	switch {
	case answer.Code != "":
		return answer.Code, answer.Message
	case answer.Error.Code != "":
		return answer.Error.Code, answer.Error.Message
	}
	return unknownFailure(status)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}

// unset gives S3's answer where the account has no Block Public Access: the emulator answers that with nothing, and 200.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_GetPublicAccessBlock.html
func unset(answer *http.Response) error {
	if r := answer.Request; r.Method != http.MethodGet || r.URL.Path != accountPath || answer.StatusCode != http.StatusOK {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxBody))
	answer.Body.Close()
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if text := strings.TrimSpace(string(body)); text == "{}" || text == "" {
		body = []byte(`<ErrorResponse><Error><Code>NoSuchPublicAccessBlockConfiguration</Code>` +
			`<Message>The public access block configuration was not found</Message></Error></ErrorResponse>`)
		answer.StatusCode, answer.Status = http.StatusNotFound, "404 Not Found"
		answer.Header.Set("Content-Type", "application/xml")
	}
	answer.Header.Set("Content-Length", strconv.Itoa(len(body)))
	answer.ContentLength, answer.Body = int64(len(body)), io.NopCloser(bytes.NewReader(body))
	return nil
}
