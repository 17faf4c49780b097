package trail

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
)

const (
	s3Source         = "s3.amazonaws.com"
	ec2Source        = "ec2.amazonaws.com"
	cloudtrailSource = "cloudtrail.amazonaws.com"
)

// call is a call that writes, as CloudTrail puts it.
type call struct {
	source   string // "s3.amazonaws.com"
	name     string // CloudTrail's name of it
	bucket   string // the bucket it is about, if it is about one
	host     string // the host that AWS would have been called by
	request  any    // requestParameters
	response func(*exchange) any
	failure  func(status int, body []byte) (code, message string)
}

// recorded reports whether a call may be one that CloudTrail records here, before its body is read.
func recorded(s credentialScope, r *http.Request) bool {
	switch s.service {
	case "s3":
		return r.Method != http.MethodGet && r.Method != http.MethodHead && (isAccountCall(r) || isBucketCall(r))
	case "cloudtrail", "ec2":
		return true
	}
	return false
}

// recognize says what a call is; nil for one that gives no event.
func recognize(s credentialScope, r *http.Request, body []byte) *call {
	switch {
	case s.service == "s3" && isAccountCall(r):
		return accountCall(s, r, body)
	case s.service == "s3":
		return bucketCall(s, r, body)
	case s.service == "cloudtrail":
		return trailCall(s, r, body)
	}
	return ec2Call(s, r, body)
}

var reading = regexp.MustCompile(`^(Describe|Get|List|Lookup|Search)`)

// label is the service's name in an event source.
func label(source string) string {
	name, _, _ := strings.Cut(source, ".")
	return name
}

func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

// trailCall reads a call of CloudTrail's own JSON protocol.
func trailCall(s credentialScope, r *http.Request, body []byte) *call {
	target := r.Header.Get("X-Amz-Target")
	name := target[strings.LastIndex(target, ".")+1:]
	if name == "" || reading.MatchString(name) {
		return nil
	}
	var request any
	if json.Unmarshal(body, &request) != nil {
		request = nil // CloudTrail has null where the service could not read the parameters
	}
	return &call{
		source:  cloudtrailSource,
		name:    name,
		host:    "cloudtrail." + s.region + ".amazonaws.com",
		request: lowerKeys(request),
		response: func(seen *exchange) any {
			var answer map[string]any
			if json.Unmarshal(seen.body, &answer) != nil || len(answer) == 0 {
				return nil
			}
			return lowerKeys(answer)
		},
		failure: jsonFailure,
	}
}

// lowerKeys is a value with every key as CloudTrail writes it: TrailARN is trailARN.
func lowerKeys(v any) any {
	switch v := v.(type) {
	case map[string]any:
		lowered := make(map[string]any, len(v))
		for key, value := range v {
			lowered[lowerFirst(key)] = lowerKeys(value)
		}
		return lowered
	case []any:
		for i := range v {
			v[i] = lowerKeys(v[i])
		}
	}
	return v
}

// jsonFailure reads the error of a JSON protocol.
func jsonFailure(status int, body []byte) (code, message string) {
	var answer struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	if json.Unmarshal(body, &answer) != nil || answer.Type == "" {
		return unknownFailure(status)
	}
	return answer.Type[strings.LastIndex(answer.Type, "#")+1:], answer.Message
}

func unknownFailure(status int) (code, message string) {
	return "InternalFailure", http.StatusText(status)
}
