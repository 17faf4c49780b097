// Package config reads countermand.yaml: what is deployed, and how far it may go. It needs no CDK, so that the command
// line reads the file as the CDK app does.
package config

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/countermand/countermand/remediations"
)

// Config is what is deployed: a configuration file, checked, with its defaults filled in.
type Config struct {
	Account          string   // 12 digits; empty for the account that the deployment runs in
	Region           string   // empty for the Region that the deployment runs in
	Architecture     string   // arm64 or amd64
	Trail            *Trail   // nil if the account has one already
	Emails           []string // who is told
	CriticalEmails   []string // who is told of critical alerts only
	Slack            []Slack
	Teams            []Teams
	ChatRegions      []string // channels are connected by the stack in the first, and hear of all of these
	Webhooks         []Webhook
	LogRetentionDays int     // of the functions' logs
	RunRetentionDays int     // of the run records
	Ledger           *Ledger // nil if records are in the run table only
	Tracing          bool    // let AWS X-Ray trace the modules' functions
	Limits           remediations.Limits
	Modules          []Enabled // sorted by name
	Elsewhere        []string  // modules that are left out here, as their events are in another Region only
	Exemptions       []remediations.Exemption
}

// Enabled is a module that is deployed, how far it may go, and what its owner has set.
type Enabled struct {
	*remediations.Module
	Mode     remediations.Mode
	Swept    bool
	Sweep    remediations.Mode // how far its sweeps may go
	Settings any               // of the type of the module's; nil if it has none
}

// Trail is the trail to make.
type Trail struct {
	KMS            bool // encrypt the logs with a key of their own
	RetentionDays  int
	ObjectLockDays int // for so long nobody deletes a log without the right to bypass governance; 0 for no lock
	DataEvents     []DataEvents
}

// DataEvents are events of one type of resource that a trail logs besides management events.
type DataEvents struct {
	Type string   // "AWS::S3::Object"
	ARNs []string // how the resources' ARNs begin; none for all
}

// Ledger is how records are kept where a change in them is seen.
type Ledger struct {
	LockDays int // for so long nobody deletes one without the right to bypass governance
}

// What functions run on.
const (
	ARM64 = "arm64"
	AMD64 = "amd64"
)

// S3Object is the type of data events that a trail logs of objects in S3.
const S3Object = "AWS::S3::Object"

// lockDays is for how long logs and records are locked if the file does not say: long enough to notice an intruder who
// would rather have them gone.
const lockDays = 30

// logRetentions is what CloudWatch Logs can be told.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
var logRetentions = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

var (
	accountID    = regexp.MustCompile(`^[0-9]{12}$`)
	regionName   = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]$`)
	resourceType = regexp.MustCompile(`^AWS::[A-Za-z0-9]+::[A-Za-z0-9]+$`)
)

// Read reads a configuration file, as of now. here is where it is deployed to unless the file says so itself. Its
// error names everything that is wrong, by line and column.
func Read(file string, modules []*remediations.Module, here Place, now time.Time) (*Config, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return Parse(file, text, modules, here, now)
}

// Parse reads the text of a configuration file as Read does.
func Parse(file string, text []byte, modules []*remediations.Module, here Place, now time.Time) (*Config, error) {
	r := &reader{file: file}
	root, err := r.parse(text)
	if err != nil {
		return nil, err
	}
	c := &Config{Architecture: ARM64, LogRetentionDays: 90, RunRetentionDays: 365, Limits: defaultLimits}
	modes := map[string]moduleMode{}
	var ledger, channels, shared ast.Node
	r.mapping(root, "the configuration", []field{
		{name: "account", read: func(n ast.Node) { c.Account = r.matching(n, accountID, "an account's 12 digits") }},
		{name: "region", read: func(n ast.Node) { c.Region = r.matching(n, regionName, "a Region, such as eu-west-1") }},
		{name: "architecture", read: func(n ast.Node) { c.Architecture = r.oneOf(n, "architecture", ARM64, AMD64) }},
		{name: "trail", required: true, read: func(n ast.Node) { c.Trail = r.trail(n) }},
		{name: "alerts", read: func(n ast.Node) { channels = r.alerts(n, c) }},
		{name: "logRetentionDays", read: func(n ast.Node) { c.LogRetentionDays = r.logRetention(n) }},
		{name: "runRetentionDays", read: func(n ast.Node) { c.RunRetentionDays = r.number(n, 1, 3650) }},
		{name: "ledger", read: func(n ast.Node) { ledger = n }},
		{name: "tracing", read: func(n ast.Node) { c.Tracing = r.boolean(n) }},
		{name: "limits", read: func(n ast.Node) { r.limits(n, &c.Limits) }},
		{name: "settings", read: func(n ast.Node) { shared = n }},
		{name: "modules", read: func(n ast.Node) { modes = r.modes(n, modules) }},
		{name: "exemptions", read: func(n ast.Node) { c.Exemptions = r.exemptions(n, modules, now) }},
	})
	c.Ledger = r.ledger(ledger, c.RunRetentionDays)
	settings := r.settings(modules, shared, modes)
	if err := r.err(); err != nil {
		return nil, err
	}
	r.settleChat(c, channels, here)
	r.enable(c, modules, modes, settings, here)
	return c, r.err()
}

// defaultLimits let a module keep up with a deployment that goes wrong, and stop it soon after when it is the module
// that goes wrong.
var defaultLimits = remediations.Limits{Module: 100, Account: 300, Principal: 100, Resource: 3}

// limits reads what the file says of limits into those that hold otherwise.
func (r *reader) limits(n ast.Node, l *remediations.Limits) {
	limit := func(name string, value *int) field {
		return field{name: name, read: func(n ast.Node) { *value = r.number(n, 1, 100_000) }}
	}
	r.mapping(n, "limits", []field{
		limit("module", &l.Module), limit("account", &l.Account), limit("principal", &l.Principal),
		limit("resource", &l.Resource),
	})
}

// Remarks says what in the file is likely not what was meant.
func (c *Config) Remarks() []string {
	var remarks []string
	if len(c.Emails) == 0 && !c.HeardInChat() {
		remarks = append(remarks, "nobody is told: name e-mail addresses in the configuration, alerts.emails, or subscribe to the topics "+
			AlertTopic+" and "+CriticalTopic)
	}
	if len(c.Slack)+len(c.Teams) > 0 && !c.HeardInChat() {
		remarks = append(remarks, fmt.Sprintf("channels hear nothing of %s: add it to alerts.chatRegions, deploy it, and then %s again", c.Region, c.ChatRegions[0]))
	}
	if len(c.Elsewhere) > 0 {
		remarks = append(remarks, fmt.Sprintf("%s: left out here, as what they watch is heard of in %s only; deploy there, too",
			strings.Join(c.Elsewhere, ", "), remediations.GlobalRegion(c.Region)))
	}
	if c.Limits.Account < c.Limits.Module {
		remarks = append(remarks, fmt.Sprintf("limits.account (%d) is below limits.module (%d): no module ever reaches a limit of its own, and one can use up what all have",
			c.Limits.Account, c.Limits.Module))
	}
	return remarks
}

func (r *reader) trail(n ast.Node) *Trail {
	t := &Trail{RetentionDays: 365}
	existing := false
	var locked, other ast.Node // other: the first setting that only a new trail has
	setting := func(name string, read func(ast.Node)) field {
		return field{name: name, read: func(n ast.Node) {
			if other == nil {
				other = n
			}
			read(n)
		}}
	}
	r.mapping(n, "trail", []field{
		{name: "existing", required: true, read: func(n ast.Node) { existing = r.boolean(n) }},
		setting("kms", func(n ast.Node) { t.KMS = r.boolean(n) }),
		setting("retentionDays", func(n ast.Node) { t.RetentionDays = r.number(n, 1, 36500) }),
		setting("objectLockDays", func(n ast.Node) { t.ObjectLockDays, locked = r.number(n, 0, 36500), n }),
		setting("dataEvents", func(n ast.Node) { t.DataEvents = r.dataEvents(n) }),
	})
	if existing {
		if other != nil {
			r.wrong(other, "want no other setting beside existing: true: a trail that exists is not changed")
		}
		return nil
	}
	switch {
	case locked == nil:
		t.ObjectLockDays = min(lockDays, t.RetentionDays)
	case t.ObjectLockDays > t.RetentionDays:
		r.wrong(locked, "want at most retentionDays (%d): a locked log can't expire", t.RetentionDays)
	}
	return t
}

// ledger reads what the file says of the ledger; nothing is as good as an empty mapping. It comes after the rest, as
// records are kept for retentionDays.
func (r *reader) ledger(n ast.Node, retentionDays int) *Ledger {
	if text, ok := n.(*ast.StringNode); ok && text.Value == off {
		return nil
	}
	if _, ok := n.(ast.MapNode); !ok && !empty(n) {
		r.wrong(n, "want off, or a mapping with the key lockDays, got %s", kindOf(n))
		return nil
	}
	l := &Ledger{LockDays: min(lockDays, retentionDays)}
	r.mapping(n, "ledger", []field{{name: "lockDays", read: func(n ast.Node) {
		l.LockDays = r.number(n, 1, 3650)
		if retentionDays > 0 && l.LockDays > retentionDays {
			r.wrong(n, "want at most runRetentionDays (%d): a locked record can't expire", retentionDays)
		}
	}}})
	return l
}

func (r *reader) dataEvents(n ast.Node) []DataEvents {
	var list []DataEvents
	r.list(n, func(n ast.Node) {
		var d DataEvents
		r.mapping(n, "a data event", []field{
			{name: "type", required: true, read: func(n ast.Node) {
				d.Type = r.matching(n, resourceType, "a CloudFormation type, such as AWS::S3::Object")
			}},
			{name: "arns", read: func(n ast.Node) {
				r.list(n, func(n ast.Node) { d.ARNs = append(d.ARNs, r.arn(n, d.Type)) })
			}},
		})
		list = append(list, d)
	})
	return list
}

// arn is how the ARNs of a type begin. Without the slash after it, a bucket's name also begins the names of
// other buckets.
func (r *reader) arn(n ast.Node, typ string) string {
	arn := r.text(n)
	switch {
	case arn == "":
	case !strings.HasPrefix(arn, "arn:") || strings.Count(arn, ":") < 5:
		r.wrong(n, "want an ARN or its beginning, such as arn:aws:s3:::bucket/, got %q", arn)
	case typ == S3Object && !strings.Contains(arn, "/"):
		r.wrong(n, "want a slash after the bucket's name: %s/", arn)
	}
	return arn
}

func (r *reader) logRetention(n ast.Node) int {
	days := r.number(n, 1, logRetentions[len(logRetentions)-1])
	if days > 0 && !slices.Contains(logRetentions, days) {
		r.wrong(n, "want a number of days that CloudWatch Logs knows, got %d: %s", days, strings.Trim(strings.ReplaceAll(fmt.Sprint(logRetentions), " ", ", "), "[]"))
	}
	return days
}
