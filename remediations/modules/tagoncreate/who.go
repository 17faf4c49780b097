package tagoncreate

import (
	"errors"
	"strings"
	"time"
	"unicode"

	"github.com/countermand/countermand/events"
)

// values is what the tags say about a call, by their keys. A record that does not say who made it, or when, is an error:
// a tag that is wrong is worse than none. A service is nobody who owns something.
func values(r events.Record, s Settings) (tags, error) {
	if r.EventTime.IsZero() {
		return nil, errors.New("the record has no eventTime")
	}
	who := maker(r.Identity)
	if who == "unknown" {
		return nil, errors.New("the record does not say who made the call")
	}
	if r.EventName == startInstances {
		return named(tags{s.StartedByKey: clean(who)}), nil
	}
	all := tags{
		s.CreatedAtKey:  clean(r.EventTime.UTC().Format(time.RFC3339)),
		s.CreatedByKey:  clean(who),
		s.CreatedViaKey: clean(via(r)),
	}
	if launcher(r.Identity) == "" {
		all[s.OwnerKey] = clean(who)
	}
	return named(all), nil
}

// named is tags without those whose key is empty: nobody wants them.
func named(t tags) tags {
	delete(t, "")
	return t
}

// launchers are the services that create resources when they see fit, whoever's name the call is made in.
var launchers = map[string]bool{
	"autoscaling": true, "batch": true, "ec2fleet": true, "eks": true, "eks-nodegroup": true,
	"elasticmapreduce": true, "spot": true, "spotfleet": true,
}

// launcher is the service that created a resource by itself; empty if somebody asked for it.
func launcher(i events.Identity) string {
	if service := i.Service(); service != "" {
		return service
	}
	if launchers[events.Label(i.InvokedBy)] {
		return i.InvokedBy
	}
	return ""
}

// maker is who answers for a call. The name of a role's session is whatever its caller chose, so it
// stands for a person only where AWS vouches for it.
func maker(i events.Identity) string {
	session := i.Type == "AssumedRole" || i.Issuer.Type == "Role"
	switch {
	case launcher(i) != "":
		return launcher(i)
	case session && i.SourceIdentity == "" && !strings.Contains(i.Issuer.ARN, ":role/aws-reserved/sso.amazonaws.com/"):
		return i.Role() + "/" + i.Person()
	}
	return i.Person()
}

// via is how a call was made: by the service that passed it on, or else as the user agent says, which is
// the caller's own choice.
func via(r events.Record) string {
	service := launcher(r.Identity)
	if service == "" {
		service = r.Identity.InvokedBy
	}
	switch label := events.Label(service); {
	case label == "signin":
		return "console"
	case strings.Contains(service, ".amazonaws.com") && label != "internal":
		return label
	}
	agent := strings.Trim(r.UserAgent, "[]")
	switch {
	case strings.Contains(agent, " Terraform/"):
		return "terraform"
	case strings.HasPrefix(agent, "aws-cli/"):
		return "cli"
	case r.FromConsole:
		return "console"
	}
	for _, c := range agents {
		if strings.HasPrefix(agent, c.prefix) {
			return c.via
		}
	}
	if strings.Contains(agent, "aws-sdk-") {
		return "sdk"
	}
	return "api"
}

// agents is how the user agents of some callers begin. "AWS Internal" without a service is the console's.
var agents = []struct{ prefix, via string }{
	{"AWS Internal", "console"},
	{"console.", "console"},
	{"signin.amazonaws.com", "console"},
	{"Mozilla/", "console"},
	{"Boto3/", "sdk"},
	{"Botocore/", "sdk"},
}

// maxValue is how many characters a tag's value can have.
const maxValue = 256

// clean makes a tag value of text: of the characters that all services take in tags, at most maxValue.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions
func clean(s string) string {
	runes := []rune(strings.Map(func(c rune) rune {
		if unicode.IsLetter(c) || unicode.IsDigit(c) || strings.ContainsRune(" +-=._:/@", c) {
			return c
		}
		return '_'
	}, s))
	if len(runes) > 3 && strings.EqualFold(string(runes[:4]), "aws:") {
		runes[3] = '_' // the prefix is AWS's own
	}
	return string(runes[:min(len(runes), maxValue)])
}
