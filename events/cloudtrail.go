package events

import (
	"encoding/json"
	"time"
)

// Record is a CloudTrail record. Records of eleven years and a hundred services differ, so a field that is
// missing or has an unexpected type is empty rather than an error.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
type Record struct {
	EventVersion       string
	EventID            string
	EventTime          time.Time // zero if missing or malformed
	EventSource        string    // "s3.amazonaws.com"
	EventName          string    // not always the API's name: "PutBucketPublicAccessBlock"
	EventType          string    // "AwsApiCall"; empty in old records
	AWSRegion          string
	RecipientAccountID string // the account the record was delivered to; the caller's may differ
	SourceIPAddress    string // an address, a service's name or "AWS Internal"
	UserAgent          string // chosen by the caller: never proof of anything
	ErrorCode          string // empty if the call succeeded, and for a failed sign-in
	ErrorMessage       string
	ReadOnly           bool
	FromConsole        bool // made with the credentials of a console session: CloudTrail says so, not the caller
	Identity           Identity
	Request            Params // requestParameters
	Response           Params // responseElements
	Additional         Params // additionalEventData: what belongs to neither, such as whether a sign-in was with MFA
	Resources          Params // resources: a list of {accountId, type, ARN}
}

// ParseRecord decodes a CloudTrail record. The only error is text that is not a JSON object.
func ParseRecord(raw []byte) (Record, error) {
	r, err := object(raw)
	if err != nil {
		return Record{}, err
	}
	return Record{
		EventVersion:       text(r["eventVersion"]),
		EventID:            text(r["eventID"]),
		EventTime:          instant(r["eventTime"]),
		EventSource:        text(r["eventSource"]),
		EventName:          text(r["eventName"]),
		EventType:          text(r["eventType"]),
		AWSRegion:          text(r["awsRegion"]),
		RecipientAccountID: text(r["recipientAccountId"]),
		SourceIPAddress:    text(r["sourceIPAddress"]),
		UserAgent:          text(r["userAgent"]),
		ErrorCode:          text(r["errorCode"]),
		ErrorMessage:       text(r["errorMessage"]),
		ReadOnly:           Params{r["readOnly"]}.Text() == "true",
		FromConsole:        Params{r["sessionCredentialFromConsole"]}.Text() == "true",
		Identity:           identity(r["userIdentity"]),
		Request:            Params{r["requestParameters"]},
		Response:           Params{r["responseElements"]},
		Additional:         Params{r["additionalEventData"]},
		Resources:          Params{r["resources"]},
	}, nil
}

// Failed reports whether the call was refused or failed. A failed console sign-in has a message but no code.
func (r Record) Failed() bool { return r.ErrorCode != "" || r.ErrorMessage != "" }

// Params is a JSON value of unknown shape: what a call was given or gave back. CloudTrail writes the same
// parameter as a string, a number, a list of one, {"value": ...} or {"items": [...]}, and whole parameter
// objects as text; the look-ups see through all of these. The zero value is a missing one.
type Params struct{ raw json.RawMessage }

// Get steps through objects, a key at a time, and is missing as soon as a step is.
func (p Params) Get(path ...string) Params {
	for _, key := range path {
		fields, err := object(p.inner())
		if err != nil {
			return Params{}
		}
		p = Params{fields[key]}
	}
	return p
}

// Exists reports whether there is a value that is not null.
func (p Params) Exists() bool { return len(p.raw) > 0 && string(p.raw) != "null" }

// Text is a string as it is, a number or boolean as written, and the text of a list's only element or of
// {"value": ...}. Of anything else it is "".
func (p Params) Text() string {
	if !p.Exists() {
		return ""
	}
	switch p.raw[0] {
	case '"':
		return text(p.raw)
	case '[':
		var list []json.RawMessage
		if json.Unmarshal(p.raw, &list) == nil && len(list) == 1 {
			return Params{list[0]}.Text()
		}
		return ""
	case '{':
		return p.Get("value").Text()
	}
	return string(p.raw)
}

// List is the elements of a list or of {"items": [...]}, nothing for {} or a missing value, and otherwise
// the value itself as the only element: CloudTrail writes a list of one as that one.
func (p Params) List() []Params {
	if !p.Exists() {
		return nil
	}
	raw := p.inner()
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil {
		params := make([]Params, len(list))
		for i, element := range list {
			params[i] = Params{element}
		}
		return params
	}
	if fields, err := object(raw); err == nil {
		if len(fields) == 0 {
			return nil
		}
		if items, ok := fields["items"]; ok {
			return Params{items}.List()
		}
	}
	return []Params{p}
}

// JSON is the value as it was written; nil if it is missing.
func (p Params) JSON() json.RawMessage { return p.raw }

// inner is the object or list that a string holds as JSON text, and the value itself otherwise.
func (p Params) inner() json.RawMessage {
	if len(p.raw) > 0 && p.raw[0] == '"' {
		if s := text(p.raw); len(s) > 1 && (s[0] == '{' || s[0] == '[') && json.Valid([]byte(s)) {
			return json.RawMessage(s)
		}
	}
	return p.raw
}
