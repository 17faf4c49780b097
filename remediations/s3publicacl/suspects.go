package s3publicacl

import (
	"errors"
	"fmt"
	"strings"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
)

// suspects is the bucket of the event, unless the event alone shows that nothing is wrong: what was put is not public,
// public ACLs were just made ineffective, or the bucket belongs to another account, which gets an event of its own.
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

// bucketOf is the bucket's name, and whether the record says that another account owns it. The list of resources counts
// before the parameter, which may be the alias of an access point; old records and those of CreateBucket have no list.
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

// canned is the ready-made ACLs that are not public.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html#canned-acl
var canned = map[string]bool{
	"private": true, "aws-exec-read": true, "bucket-owner-read": true, "bucket-owner-full-control": true, "log-delivery-write": true,
}

// grantHeaders is the headers that grant something. CloudTrail writes them below accessControlList.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketAcl.html
var grantHeaders = []string{
	"accessControlList", "x-amz-grant-full-control", "x-amz-grant-read", "x-amz-grant-read-acp", "x-amz-grant-write", "x-amz-grant-write-acp",
}

// harmless reports whether the record alone shows that it made nothing public.
func harmless(record events.Record) bool {
	request := record.Request
	if record.EventName == "PutBucketPublicAccessBlock" {
		return strings.EqualFold(request.Get("PublicAccessBlockConfiguration", "IgnorePublicAcls").Text(), "true")
	}
	for _, header := range grantHeaders {
		if request.Get(header).Exists() {
			return false
		}
	}
	acl, body := request.Get("x-amz-acl"), request.Get("AccessControlPolicy")
	switch {
	case body.Exists():
		return !acl.Exists() && private(body)
	case acl.Exists():
		return canned[acl.Text()]
	}
	// A bucket that is created without an ACL gets a private one. Of another call that says nothing nothing is known.
	return record.EventName == "CreateBucket" && request.Get("bucketName").Exists()
}

// private reports whether an ACL holds grants to accounts and to the log delivery alone.
func private(body events.Params) bool {
	grants := body.Get("AccessControlList", "Grant").List()
	for _, g := range grants {
		id, uri := g.Get("Grantee", "ID"), g.Get("Grantee", "URI")
		if id.Text() == "" && uri.Text() != logDelivery || id.Exists() && uri.Exists() {
			return false
		}
	}
	return len(grants) > 0
}
