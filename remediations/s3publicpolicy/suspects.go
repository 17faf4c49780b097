package s3publicpolicy

import (
	"errors"
	"fmt"
	"strings"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/policy"
)

// suspects is the bucket of the event, unless the event alone shows that nothing is wrong: the policy that
// was put is not public, public policies were just restricted, or the bucket belongs to another account, which
// gets an event of its own.
func suspects(event events.Event) ([]remediations.Resource, error) {
	if event.Account == "" || event.Region == "" {
		return nil, errors.New("the event does not say in which account and Region the bucket is")
	}
	bucket, foreign, err := bucketOf(event)
	if err != nil || foreign || harmless(event.Record) {
		return nil, err
	}
	return []remediations.Resource{{ID: bucket, Type: "AWS::S3::Bucket", Account: event.Account, Region: event.Region}}, nil
}

// bucketOf is the bucket's name, and whether the record says that another account owns it. The list of
// resources counts before the parameter, which may be the alias of an access point; old records have no list.
func bucketOf(event events.Event) (name string, foreign bool, err error) {
	for _, r := range event.Record.Resources.List() {
		if r.Get("type").Text() != "AWS::S3::Bucket" {
			continue
		}
		listed, err := bucketName(r.Get("ARN").Text())
		if err != nil {
			return "", false, err
		}
		if name != "" && name != listed {
			return "", false, fmt.Errorf("the record lists two buckets, %s and %s", name, listed)
		}
		name = listed
		if owner := r.Get("accountId").Text(); owner != "" && owner != event.Account {
			foreign = true
		}
	}
	if name == "" {
		name, err = bucketName(event.Record.Request.Get("bucketName").Text())
	}
	return name, foreign, err
}

// bucketName is a bucket's name, of its name or its ARN.
func bucketName(text string) (string, error) {
	name := text
	if strings.HasPrefix(text, "arn:") {
		parts := strings.SplitN(text, ":", 6)
		if len(parts) < 6 || parts[2] != "s3" || parts[3] != "" || parts[4] != "" {
			return "", fmt.Errorf("%q is not a bucket's ARN", text)
		}
		name = parts[5]
	}
	switch {
	case name == "":
		return "", errors.New("the record names no bucket")
	case strings.ContainsAny(name, ":/*"):
		return "", fmt.Errorf("%q is not a bucket's name", name)
	}
	return name, nil
}

// harmless reports whether the record alone shows that it made nothing public.
func harmless(record events.Record) bool {
	switch record.EventName {
	case "PutBucketPublicAccessBlock":
		return strings.EqualFold(record.Request.Get("PublicAccessBlockConfiguration", "RestrictPublicBuckets").Text(), "true")
	case "PutBucketPolicy":
		parameter := record.Request.Get("bucketPolicy")
		text := []byte(parameter.Text())
		if len(text) == 0 {
			text = parameter.JSON()
		}
		document, err := policy.Parse(text)
		if err != nil {
			return false
		}
		public, unclear := document.Judge()
		return len(public) == 0 && len(unclear) == 0
	}
	return false
}
