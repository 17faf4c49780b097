package s3bparemoved

import (
	"errors"
	"regexp"
	"strings"

	"github.com/countermand/countermand/events"
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/knowledge/buckets"
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
		if r.ID, foreign, err = buckets.Of(event); err != nil {
			return nil, err
		}
		r.Type = buckets.Type
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
