package buckets_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations/knowledge/buckets"
)

// What becomes part of calls and of commands that people copy has the form of a bucket's name.
func TestOf(t *testing.T) {
	for name, ok := range map[string]bool{
		"quarterly-reports": true, "a.b.c": true, "Old_Bucket.of.2006": true, strings.Repeat("x", 255): true, "arn:aws:s3:::quarterly-reports": true,
		"": false, "ab": false, "..": false, "a b": false, "a?b": false, "it's": false, "$(x)": false, "a\nb": false, "a/b": false, "*": false,
		strings.Repeat("x", 256): false, "arn:aws:s3:::a b": false, "arn:aws:s3:::": false, "arn:aws:s3:eu-west-1:111122223333:accesspoint/x": false,
	} {
		text, err := json.Marshal(name)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := events.Wrap([]byte(`{"eventVersion":"1.10","userIdentity":{"type":"Root","accountId":"111122223333"},"eventTime":"2026-03-02T09:14:55Z",
			"eventSource":"s3.amazonaws.com","eventName":"PutBucketPolicy","awsRegion":"eu-central-1","sourceIPAddress":"198.51.100.17",
			"requestParameters":{"bucketName":` + string(text) + `},"responseElements":null,"eventID":"9a1e5c70-3b2d-4f68-9c11-5d7e8f0a1b01","readOnly":false,
			"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"111122223333","eventCategory":"Management"}`))
		if err != nil {
			t.Fatal(err)
		}
		event, err := events.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		got, foreign, err := buckets.Of(event)
		if want := strings.TrimPrefix(name, "arn:aws:s3:::"); (err == nil) != ok || foreign || ok && got != want {
			t.Errorf("%q: %q, %t, %v", name, got, foreign, err)
		}
	}
}
