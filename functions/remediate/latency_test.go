package main

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/engine"
)

// roundTrip is how long every answer of AWS takes in BenchmarkMutation.
const roundTrip = 15 * time.Millisecond

// An attack for each module that closes a hole, as the events of real records have it.
var (
	publicPolicy = `"eventSource":"s3.amazonaws.com","eventName":"PutBucketPolicy","requestParameters":{"bucketName":"ledger","bucketPolicy":{}},"responseElements":null`
	stopLogging  = `"eventSource":"cloudtrail.amazonaws.com","eventName":"StopLogging","requestParameters":{"name":"main"},"responseElements":null`
)

// BenchmarkMutation is the function as it is deployed and warm, against endpoints that answer after 15 ms, with
// everything that is checked before an act: the kill switch (asked anew each time), an exemption by tag, the order of
// events, the budgets. It reports after how many of these round trips from the event the call that puts it right
// arrives at AWS, and how many the whole run takes, its verification, record and alert included: medians.
func BenchmarkMutation(b *testing.B) {
	for _, c := range []struct{ module, source, call string }{
		{"s3-public-policy", "aws.s3", publicPolicy},
		{"cloudtrail-tamper", "aws.cloudtrail", stopLogging},
	} {
		b.Run(c.module, func(b *testing.B) {
			cloud := &cloud{}
			server := httptest.NewServer(cloud)
			defer server.Close()
			for name, value := range map[string]string{
				"AWS_ENDPOINT_URL": server.URL, "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
			} {
				b.Setenv(name, value)
			}
			getenv := environment(map[string]string{
				"COUNTERMAND_MODULE":     c.module,
				"COUNTERMAND_EXEMPTIONS": `[{"module":"all","tag":"public=approved","owner":"web","reason":"a website","expires":"2100-01-01T00:00:00Z"}]`,
			})
			deployed, err := build(b.Context(), getenv, slog.New(slog.DiscardHandler))
			if err != nil {
				b.Fatal(err)
			}
			clock := time.Now()
			config := deployed.Config
			config.Switch = engine.NewSwitchReader(config.AWS, remediations.SwitchParameter, func() time.Time {
				clock = clock.Add(time.Hour) // what the kill switch has said is old each time
				return clock
			})
			e, err := engine.New(config)
			if err != nil {
				b.Fatal(err)
			}
			var mutated, whole []time.Duration
			for i := range b.N + 1 {
				cloud.attack()
				raw := attack(c.source, c.call, i)
				began := time.Now()
				records, err := e.Handle(b.Context(), raw)
				if err != nil || len(records) != 1 || records[0].Outcome != engine.Remediated {
					b.Fatalf("%v: %+v", err, records)
				}
				if i > 0 { // the first has opened the connections
					mutated, whole = append(mutated, cloud.mutated.Sub(began)), append(whole, time.Since(began))
				}
			}
			b.ReportMetric(median(mutated)/float64(roundTrip), "roundtrips/mutation")
			b.ReportMetric(median(whole)/float64(roundTrip), "roundtrips/run")
		})
	}
}

// median leaves out what else the machine does.
func median(times []time.Duration) float64 {
	slices.Sort(times)
	return float64(times[len(times)/2])
}

func attack(source, call string, number int) []byte {
	at := time.Now().UTC().Format(time.RFC3339)
	return fmt.Appendf(nil, `{"version":"0","id":"6c5e1c0e-8b7c-4d9e-9a53-%012d","detail-type":"AWS API Call via CloudTrail","source":%q,
		"account":"111122223333","time":%q,"region":"eu-west-1","resources":[],"detail":{"eventVersion":"1.11",
		"eventID":"0e2f3f0a-52a3-4c5e-bb6f-%012d","eventTime":%q,"eventType":"AwsApiCall","awsRegion":"eu-west-1",
		"recipientAccountId":"111122223333","sourceIPAddress":"198.51.100.7","userAgent":"[aws-cli/2.15]","managementEvent":true,"readOnly":false,
		"userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/bob","accountId":"111122223333","userName":"bob"},%s}}`,
		number, source, at, number, at, call)
}

// cloud is as much of AWS as the two modules and the engine call, in the state that the last attack has left.
type cloud struct {
	mu      sync.Mutex
	broken  bool
	mutated time.Time // when the call that put it right arrived
}

func (c *cloud) attack() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken = true
}

func (c *cloud) mend() {
	c.broken, c.mutated = false, time.Now()
}

func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	_, target, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if cut := strings.LastIndex(target, "."); cut >= 0 {
		target = target[cut+1:]
	}
	query := r.URL.Query()
	c.mu.Lock()
	status, answer := http.StatusOK, "{}"
	switch {
	case target == "GetParameter":
		answer = `{"Parameter":{"Value":"{}"}}`
	case target == "GetResources":
		answer = `{"ResourceTagMappingList":[]}`
	case target == "GetTrail":
		answer = `{"Trail":{"Name":"main","HomeRegion":"eu-west-1","IsMultiRegionTrail":true,"IncludeGlobalServiceEvents":true,"LogFileValidationEnabled":true,"S3BucketName":"logs"}}`
	case target == "GetTrailStatus":
		answer = fmt.Sprintf(`{"IsLogging":%t}`, !c.broken)
	case target == "GetEventSelectors":
		answer = `{"EventSelectors":[{"ReadWriteType":"All","IncludeManagementEvents":true}]}`
	case target == "StartLogging":
		c.mend()
	case target != "":
	case strings.Contains(r.URL.Path, "publicAccessBlock"): // S3 Control
		status, answer = http.StatusNotFound, `<ErrorResponse><Error><Code>NoSuchPublicAccessBlockConfiguration</Code></Error></ErrorResponse>`
	case query.Has("publicAccessBlock"):
		status, answer = http.StatusNotFound, `<Error><Code>NoSuchPublicAccessBlockConfiguration</Code></Error>`
	case query.Has("policy") && r.Method == http.MethodGet && !c.broken:
		status, answer = http.StatusNotFound, `<Error><Code>NoSuchBucketPolicy</Code></Error>`
	case query.Has("policy") && r.Method == http.MethodGet:
		policy, _ := json.Marshal(map[string]any{"Statement": []any{map[string]string{
			"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::ledger/*"}}})
		answer = string(policy)
	case query.Has("policy"):
		c.mend()
		status, answer = http.StatusNoContent, ""
	default: // SNS
		answer = `<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>`
	}
	c.mu.Unlock()
	time.Sleep(roundTrip)
	w.Header().Set("X-Amz-Crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE([]byte(answer))), 10)) // DynamoDB's client checks it
	w.WriteHeader(status)
	_, _ = io.WriteString(w, answer)
}
