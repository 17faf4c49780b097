package s3bparemoved

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
)

// CloudTrail's names of the two calls on the account; the API calls them like those on a bucket.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-s3-info.html
const (
	putAccount    = "PutAccountPublicAccessBlock"
	deleteAccount = "DeleteAccountPublicAccessBlock"
)

// suspects is the bucket or the account of the event, unless the event alone shows that nothing is wrong: all settings
// were switched on, or they are another account's, which gets an event of its own.
func suspects(event events.Event) ([]remediations.Resource, error) {
	if event.Account == "" || event.Region == "" {
		return nil, errors.New("the event does not say in which account and Region it was")
	}
	r := remediations.Resource{ID: event.Account, Type: anAccount, Account: event.Account, Region: event.Region}
	var foreign bool
	if name := event.Record.EventName; name == putAccount || name == deleteAccount {
		foreign = ofAnother(event)
	} else {
		var err error
		if r.ID, foreign, err = bucketOf(event); err != nil {
			return nil, err
		}
		r.Type = aBucket
	}
	if foreign || switchesAllOn(event.Record) {
		return nil, nil
	}
	return []remediations.Resource{r}, nil
}

// switchesAllOn reports whether the call was one that switches all settings on. One that is left out is off.
func switchesAllOn(record events.Record) bool {
	asked := record.Request.Get("PublicAccessBlockConfiguration")
	for _, n := range allOn.named() {
		if !strings.EqualFold(asked.Get(n.name).Text(), "true") {
			return false
		}
	}
	return true
}

// accountHost is the beginning of S3 Control's host name: the number of the account that is asked about.
var accountHost = regexp.MustCompile(`^([0-9]{12})\.s3-control`)

// ofAnother reports whether a call was about the settings of another account than the event's. A record says so in the
// host's name only.
func ofAnother(event events.Event) bool {
	host := event.Record.Request.Get("Host").Text()
	if host == "" {
		host = event.Record.Request.Get("host").Text() // in old records
	}
	found := accountHost.FindStringSubmatch(host)
	return found != nil && found[1] != event.Account
}

// bucketOf is the bucket's name, and whether the record says that another account owns it. The list of resources counts
// before the parameter, which may be the alias of an access point; old records have no list.
func bucketOf(event events.Event) (name string, foreign bool, err error) {
	for _, r := range event.Record.Resources.List() {
		if r.Get("type").Text() != aBucket {
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
