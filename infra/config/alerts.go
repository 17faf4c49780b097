package config

import (
	"cmp"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// The names of the topics that alerts go to.
const (
	AlertTopic    = "countermand-alerts"
	CriticalTopic = "countermand-alerts-critical"
)

// Slack is a channel in Slack. Its workspace has been authorized once, in the console of Amazon Q Developer in chat
// applications.
type Slack struct{ Workspace, Channel string }

// Teams is a channel in Microsoft Teams. Its team has been authorized once, as with Slack.
type Teams struct{ Tenant, Team, Channel string }

// Webhook is an endpoint that alerts are posted to.
type Webhook struct {
	Name    string // in names of its resources
	URL     string
	Secret  string // name of a secret in Secrets Manager: a text, not JSON
	Version string // VersionId of the secret; empty for the one that is current when the webhook is made
	Format  string // pagerduty or json
}

// The formats of webhooks.
const (
	PagerDuty = "pagerduty" // an event for the Events API v2, with the secret as its routing key; of critical alerts only
	PlainJSON = "json"      // engine.Facts, with the secret as the header Authorization
)

// The forms of ids and names are those that AWS takes.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-chatbot-slackchannelconfiguration.html
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-chatbot-microsoftteamschannelconfiguration.html
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
var (
	slackWorkspace = regexp.MustCompile(`^[0-9A-Z]{1,255}$`)
	slackChannel   = regexp.MustCompile(`^[A-Za-z0-9]{1,100}$`)
	guid           = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)
	teamsChannel   = regexp.MustCompile(`^[A-Za-z0-9_=+/.,-]+%3[aA][A-Za-z0-9_=+/.,-]+%40[A-Za-z0-9_=+/.,-]+$`)
	webhookForm    = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	secretName     = regexp.MustCompile(`^[A-Za-z0-9/_+=.@-]{1,512}$`)
	secretVersion  = regexp.MustCompile(`^[A-Za-z0-9-]{32,64}$`)
)

// maxTeams is how many channels in Teams have a letter as their name; maxWebhook keeps a pipe's name in 64 characters.
const (
	maxTeams   = 26
	maxWebhook = 30
)

// alerts reads who is told, and how. It returns where the file speaks of channels, or nil.
func (r *reader) alerts(n ast.Node, c *Config) (channels ast.Node) {
	var critical ast.Node
	r.mapping(n, "alerts", []field{
		{name: "emails", read: func(n ast.Node) { c.Emails = r.emails(n, nil) }},
		{name: "critical", read: func(n ast.Node) { critical = n }},
		{name: "slack", read: func(n ast.Node) { c.Slack, channels = r.slack(n), n }},
		{name: "teams", read: func(n ast.Node) { c.Teams, channels = r.teams(n), n }},
		{name: "chatRegions", read: func(n ast.Node) { c.ChatRegions = r.regions(n) }},
		{name: "webhooks", read: func(n ast.Node) { c.Webhooks = r.webhooks(n) }},
	})
	if critical != nil {
		r.mapping(critical, "critical", []field{
			{name: "emails", read: func(n ast.Node) { c.CriticalEmails = r.emails(n, c.Emails) }},
		})
	}
	if len(c.Slack)+len(c.Teams) == 0 {
		return nil
	}
	return channels
}

// HeardInChat reports whether channels, if there are any, hear of what is deployed here.
func (c *Config) HeardInChat() bool {
	return len(c.Slack)+len(c.Teams) > 0 && slices.Contains(c.ChatRegions, c.Region)
}

// settleChat decides whether the channels are connected here. Amazon Q Developer refuses a second configuration of a
// name or of a channel in an account, whatever the Region: the stack in the first of chatRegions has it, and no other.
// So a template with channels is bound to a Region.
func (r *reader) settleChat(c *Config, channels ast.Node, here Place) {
	switch {
	case channels == nil:
	case len(c.ChatRegions) == 0:
		r.wrong(channels, "want chatRegions beside it: the Regions that channels hear of, and first the one whose stack connects them, as a channel is connected once in an account")
	case cmp.Or(c.Region, here.Region) == "":
		r.wrong(channels, "what is made of channels depends on the Region, and none is known: name it in this file (region), or set AWS_REGION")
	default:
		c.Region = cmp.Or(c.Region, here.Region)
	}
}

// regions reads names of Regions.
func (r *reader) regions(n ast.Node) []string {
	var list []string
	r.list(n, func(n ast.Node) {
		region := r.matching(n, regionName, "a Region, such as eu-west-1")
		if slices.Contains(list, region) {
			r.wrong(n, "%s is there twice", region)
		}
		list = append(list, region)
	})
	return list
}

// emails reads addresses. Those under alerts are told of everything.
func (r *reader) emails(n ast.Node, everything []string) []string {
	var list []string
	r.list(n, func(n ast.Node) {
		text := r.text(n)
		if text == "" {
			return
		}
		switch address, err := mail.ParseAddress(text); {
		case err != nil || address.Address != text:
			r.wrong(n, "want an e-mail address, such as security@example.com, got %q", text)
		case slices.Contains(list, text):
			r.wrong(n, "%s is there twice", text)
		case slices.Contains(everything, text):
			r.wrong(n, "%s is told of everything already, as it is in alerts.emails", text)
		}
		list = append(list, text)
	})
	return list
}

func (r *reader) slack(n ast.Node) []Slack {
	var list []Slack
	r.list(n, func(n ast.Node) {
		var c Slack
		r.mapping(n, "a Slack channel", []field{
			{name: "workspace", required: true, read: func(n ast.Node) {
				c.Workspace = r.matching(n, slackWorkspace, "a workspace's id, such as T07EA123LEP")
			}},
			{name: "channel", required: true, read: func(n ast.Node) {
				c.Channel = r.matching(n, slackChannel, "a channel's id, such as C07EZ1ABC23")
			}},
		})
		if slices.ContainsFunc(list, func(other Slack) bool { return other.Channel == c.Channel }) {
			r.wrong(n, "channel %s is there twice", c.Channel)
		}
		list = append(list, c)
	})
	return list
}

func (r *reader) teams(n ast.Node) []Teams {
	var list []Teams
	r.list(n, func(n ast.Node) {
		var c Teams
		r.mapping(n, "a Teams channel", []field{
			{name: "tenant", required: true, read: func(n ast.Node) { c.Tenant = r.matching(n, guid, "a tenant's GUID") }},
			{name: "team", required: true, read: func(n ast.Node) { c.Team = r.matching(n, guid, "a team's GUID") }},
			{name: "channel", required: true, read: func(n ast.Node) {
				c.Channel = r.matching(n, teamsChannel, "a channel's id as in its link, such as 19%3aab1cd2%40thread.tacv2")
			}},
		})
		switch {
		case slices.Contains(list, c):
			r.wrong(n, "channel %s is there twice", c.Channel)
		case len(list) == maxTeams:
			r.wrong(n, "want at most %d channels", maxTeams)
		}
		list = append(list, c)
	})
	return list
}

func (r *reader) webhooks(n ast.Node) []Webhook {
	var list []Webhook
	r.list(n, func(n ast.Node) {
		var w Webhook
		r.mapping(n, "a webhook", []field{
			{name: "name", required: true, read: func(n ast.Node) {
				w.Name = r.matching(n, webhookForm, "lower-case words with hyphens between them")
				if len(w.Name) > maxWebhook {
					r.wrong(n, "want at most %d characters", maxWebhook)
				}
			}},
			{name: "url", required: true, read: func(n ast.Node) { w.URL = r.endpoint(n) }},
			{name: "secret", required: true, read: func(n ast.Node) {
				w.Secret = r.matching(n, secretName, "the name of a secret in Secrets Manager, not the secret")
			}},
			{name: "version", read: func(n ast.Node) {
				w.Version = r.matching(n, secretVersion, "the VersionId of the secret, 32 to 64 letters, digits and hyphens")
			}},
			{name: "format", required: true, read: func(n ast.Node) { w.Format = r.oneOf(n, "format", PagerDuty, PlainJSON) }},
		})
		if slices.ContainsFunc(list, func(other Webhook) bool { return other.Name == w.Name && w.Name != "" }) {
			r.wrong(n, "webhook %s is there twice", w.Name)
		}
		list = append(list, w)
	})
	return list
}

// endpoint is a URL that an API destination takes. A * would be one of its variables.
func (r *reader) endpoint(n ast.Node) string {
	text := r.text(n)
	if text == "" {
		return ""
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" || strings.ContainsAny(text, "{}$* ") {
		r.wrong(n, "want an https URL without a user or a fragment, got %q", text)
	}
	return text
}
