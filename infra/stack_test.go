package main

import (
	stdcmp "cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countermand/countermand/events/pattern"
	"github.com/countermand/countermand/infra/config"
	"github.com/countermand/countermand/infra/config/configtest"
	"github.com/countermand/countermand/remediations"
)

func TestRules(t *testing.T) {
	forEach(t, func(t *testing.T, s *setup, stacks map[string]*template) {
		main, modules := stacks[mainStack], s.configuration(t).Modules
		ledger, sweeps := len(ledgerFunctions(s.configuration(t))), 0
		for _, m := range modules {
			if m.Swept {
				sweeps++
			}
		}
		for typ, more := range map[string]int{ // what the ledger has of each: a rule calls only one of its functions
			"AWS::Events::Rule": ledger / 2, "AWS::Lambda::Permission": ledger / 2, "AWS::Lambda::EventInvokeConfig": ledger / 2,
			"AWS::SQS::Queue": ledger, "AWS::SQS::QueuePolicy": ledger, "AWS::Logs::LogGroup": ledger, "AWS::Lambda::Function": ledger,
		} {
			if typ == "AWS::Events::Rule" || typ == "AWS::Lambda::Permission" {
				more += sweeps
			}
			if got := len(main.exceptAlerts(typ)); got != len(modules)+more {
				t.Errorf("%d of %s for %d modules and %d more", got, typ, len(modules), more)
			}
		}
		for _, m := range modules {
			checkRule(t, main, m)
			checkFunction(t, main, m, s.configuration(t))
		}
	})
}

// checkRule follows an event: from the pattern to the function that may be called, and to the queue that
// may be written to if it can't be.
func checkRule(t *testing.T, tm *template, m config.Enabled) {
	t.Helper()
	name := "countermand-" + m.Name
	arn := func(service, resource string) string {
		return "arn:aws:" + service + ":" + testRegion + ":" + testAccount + ":" + resource
	}
	function, queue, rule := arn("lambda", "function:"+name), arn("sqs", name+"-failures"), arn("events", "rule/"+name)
	var rules any = rule
	if m.Swept {
		rules = []any{rule, rule + "-sweep"}
	}

	r := tm.only(t, "AWS::Events::Rule", "Name", name)
	var pattern any
	if err := json.Unmarshal([]byte(m.Pattern), &pattern); err != nil {
		t.Fatal(err)
	}
	got := tm.resolve(r.Properties).(map[string]any)
	delete(got, "Description")
	want := map[string]any{
		"Name": name, "State": "ENABLED", "EventPattern": pattern,
		"Targets": []any{map[string]any{
			"Id": "function", "Arn": function,
			"DeadLetterConfig": map[string]any{"Arn": queue},
			"RetryPolicy":      map[string]any{"MaximumEventAgeInSeconds": 3600.0, "MaximumRetryAttempts": 185.0},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rule of %s (-want +got):\n%s", m.Name, diff)
	}
	if compact, err := json.Marshal(pattern); err != nil || len(compact) > 2048 {
		t.Errorf("pattern of %s has %d characters, EventBridge takes 2048 (%v)", m.Name, len(compact), err)
	}

	permission := tm.only(t, "AWS::Lambda::Permission", "SourceArn", rule)
	if diff := cmp.Diff(any(map[string]any{
		"FunctionName": name, "Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com", "SourceArn": rule,
	}), tm.resolve(permission.Properties)); diff != "" {
		t.Errorf("permission of %s (-want +got):\n%s", m.Name, diff)
	}

	invocation := tm.only(t, "AWS::Lambda::EventInvokeConfig", "FunctionName", name)
	if diff := cmp.Diff(any(map[string]any{
		"FunctionName": name, "Qualifier": "$LATEST", "MaximumRetryAttempts": 2.0, "MaximumEventAgeInSeconds": 3600.0,
		"DestinationConfig": map[string]any{"OnFailure": map[string]any{"Destination": queue}},
	}), tm.resolve(invocation.Properties)); diff != "" {
		t.Errorf("invocation of %s (-want +got):\n%s", m.Name, diff)
	}

	if diff := cmp.Diff(any(map[string]any{
		"QueueName": name + "-failures", "MessageRetentionPeriod": 1209600.0, "SqsManagedSseEnabled": true,
	}), tm.resolve(tm.only(t, "AWS::SQS::Queue", "QueueName", name+"-failures").Properties)); diff != "" {
		t.Errorf("queue of %s (-want +got):\n%s", m.Name, diff)
	}
	url := "https://sqs." + testRegion + ".amazonaws.com/" + testAccount + "/" + name + "-failures"
	queuePolicy := tm.only(t, "AWS::SQS::QueuePolicy", "Queues", []any{url})
	if diff := cmp.Diff([]map[string]any{
		{
			"Sid": "Rule", "Effect": "Allow", "Principal": map[string]any{"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage",
			"Resource": queue, "Condition": map[string]any{"ArnEquals": map[string]any{"aws:SourceArn": rules}},
		},
		{
			"Sid": "OnlyTLS", "Effect": "Deny", "Principal": "*", "Action": "sqs:*",
			"Resource": queue, "Condition": map[string]any{"Bool": map[string]any{"aws:SecureTransport": "false"}},
		},
	}, tm.statements(queuePolicy)); diff != "" {
		t.Errorf("queue policy of %s (-want +got):\n%s", m.Name, diff)
	}
	for _, first := range []*resource{permission, invocation, queuePolicy} {
		if !slices.ContainsFunc(r.DependsOn, func(id string) bool { return tm.Resources[id] == first }) {
			t.Errorf("rule of %s may send events before %s is there", m.Name, first.Type)
		}
	}
}

func checkFunction(t *testing.T, tm *template, m config.Enabled, c *config.Config) {
	t.Helper()
	name := "countermand-" + m.Name
	got := tm.resolve(tm.only(t, "AWS::Lambda::Function", "FunctionName", name).Properties).(map[string]any)
	want := map[string]any{
		"COUNTERMAND_MODULE":         m.Name,
		"COUNTERMAND_MODE":           m.Mode.String(),
		"COUNTERMAND_ACCOUNT":        testAccount,
		"COUNTERMAND_TABLE":          "countermand-runs",
		"COUNTERMAND_SWITCH":         "/countermand/mode",
		"COUNTERMAND_TOPIC":          "arn:aws:sns:" + testRegion + ":" + testAccount + ":countermand-alerts",
		"COUNTERMAND_CRITICAL_TOPIC": "arn:aws:sns:" + testRegion + ":" + testAccount + ":countermand-alerts-critical",
		"COUNTERMAND_RETENTION_DAYS": fmt.Sprint(c.RunRetentionDays),
		"COUNTERMAND_LIMITS": fmt.Sprintf(`{"module":%d,"account":%d,"principal":%d,"resource":%d}`,
			c.Limits.Module, c.Limits.Account, c.Limits.Principal, c.Limits.Resource),
		"AWS_SDK_UA_APP_ID": name,
	}
	if m.Swept {
		want["COUNTERMAND_SWEEP"] = m.Sweep.String()
	}
	if m.Settings != nil {
		text, err := json.Marshal(m.Settings)
		if err != nil {
			t.Fatal(err)
		}
		want["COUNTERMAND_SETTINGS"] = string(text)
	}
	variables := at(got, "Environment", "Variables").(map[string]any)
	if text, ok := variables["COUNTERMAND_EXEMPTIONS"]; ok {
		var exemptions []remediations.Exemption
		if err := json.Unmarshal([]byte(text.(string)), &exemptions); err != nil || len(exemptions) == 0 {
			t.Errorf("exemptions of %s: %v: %v", m.Name, text, err)
		}
		for _, x := range exemptions {
			if !slices.Contains(c.Exemptions, x) || x.Module != m.Name && x.Module != "all" {
				t.Errorf("%s has the exemption %+v, which is not its own", m.Name, x)
			}
		}
		delete(variables, "COUNTERMAND_EXEMPTIONS")
	} else if slices.ContainsFunc(c.Exemptions, func(x remediations.Exemption) bool { return x.Module == m.Name || x.Module == "all" }) {
		t.Errorf("%s lacks its exemptions", m.Name)
	}
	if diff := cmp.Diff(want, variables); diff != "" {
		t.Errorf("environment of %s (-want +got):\n%s", m.Name, diff)
	}
	if description, _ := got["Description"].(string); description != m.Title || len(description) > 256 {
		t.Errorf("%s is described as %q, which must be its title and have at most 256 characters", m.Name, description)
	}
	architecture := map[string]string{config.ARM64: "arm64", config.AMD64: "x86_64"}[c.Architecture]
	for property, want := range map[string]any{
		"Runtime": "provided.al2023", "Handler": "bootstrap", "Architectures": []any{architecture},
		"LoggingConfig": map[string]any{"LogGroup": "/aws/lambda/" + name},
	} {
		if diff := cmp.Diff(want, got[property]); diff != "" {
			t.Errorf("%s of %s (-want +got):\n%s", property, m.Name, diff)
		}
	}
	// Lambda tries a failed run again a minute after it, at the earliest. By then the lease of the run that was
	// cut off must be over, and it is never longer than the function may live. In a sweep the engine sees to that.
	if timeout, _ := got["Timeout"].(float64); timeout <= 0 || timeout > 45 && !m.Swept || timeout > 900 {
		t.Errorf("%s may run for %v seconds, want at most 45", m.Name, got["Timeout"])
	}
	log := tm.only(t, "AWS::Logs::LogGroup", "LogGroupName", "/aws/lambda/"+name)
	if got := log.Properties["RetentionInDays"]; got != float64(c.LogRetentionDays) {
		t.Errorf("log of %s is kept for %v days, want %d", m.Name, got, c.LogRetentionDays)
	}
}

func TestExemptionsReachTheirModule(t *testing.T) {
	tm := setupNamed(t, "fixtures").synthesize(t)[mainStack]
	function := tm.only(t, "AWS::Lambda::Function", "FunctionName", "countermand-beta-acts")
	want := `[{"module":"beta-acts","resource":"two","owner":"bob@example.com","reason":"said \"so\"","expires":"2027-02-28T00:00:00Z"},` +
		`{"module":"beta-acts","resource":"arn:aws:s3:::public-*","tag":"public=approved","owner":"bob@example.com","reason":"said so","expires":"2027-02-28T00:00:00Z"},` +
		`{"module":"all","account":"111122223333","principal":"arn:aws:iam::111122223333:role/Deployer*","owner":"eve@example.com","reason":"said so","expires":"2027-02-28T00:00:00Z"}]`
	if got := at(function.Properties, "Environment", "Variables", "COUNTERMAND_EXEMPTIONS"); got != want {
		t.Errorf("got %v\nwant %s", got, want)
	}
}

func TestAlarms(t *testing.T) {
	forEach(t, func(t *testing.T, s *setup, stacks map[string]*template) {
		tm := stacks[mainStack]
		type metric struct{ Namespace, Name, Dimension, Value, Statistic string }
		want, got := map[metric]bool{}, map[metric]bool{}
		for _, total := range []string{"SwitchUnreadable", "Limited", "Contested", "Rejected", "Unverified", "AccessDenied"} {
			want[metric{"Countermand", total, "<nil>", "<nil>", "Sum"}] = true
		}
		for _, m := range s.configuration(t).Modules {
			name := "countermand-" + m.Name
			want[metric{"AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", name + "-failures", "Maximum"}] = true
			want[metric{"AWS/Lambda", "Errors", "FunctionName", name, "Sum"}] = true
			want[metric{"AWS/Lambda", "Throttles", "FunctionName", name, "Sum"}] = true
		}
		for _, name := range ledgerFunctions(s.configuration(t)) {
			want[metric{"AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", name + "-failures", "Maximum"}] = true
			want[metric{"AWS/Lambda", "Errors", "FunctionName", name, "Sum"}] = true
		}
		if s.configuration(t).Ledger != nil {
			want[metric{"AWS/Lambda", "IteratorAge", "FunctionName", "countermand-ledger-write", "Maximum"}] = true
			want[metric{"Countermand", "Digests", "Module", "ledger", "Sum"}] = true
			want[metric{"Countermand", "Began", "Module", "ledger", "Sum"}] = true
		}
		for id, r := range tm.all("AWS::CloudWatch::Alarm") {
			p := tm.resolve(r.Properties).(map[string]any)
			text := func(path ...any) string { return fmt.Sprint(at(p, path...)) }
			if name := text("AlarmName"); strings.HasPrefix(name, summaryName) || strings.HasPrefix(name, "countermand-webhook-") {
				continue // of other tests
			}
			got[metric{
				text("Namespace"), text("MetricName"), text("Dimensions", 0, "Name"), text("Dimensions", 0, "Value"), text("Statistic"),
			}] = true
			topic := "countermand-alerts-critical"
			switch text("MetricName") { // it mends itself, or is about the proof of what was done
			case "Errors", "Throttles", "IteratorAge", "Digests", "Began":
				topic = "countermand-alerts"
			}
			if text("AlarmActions") != "[arn:aws:sns:"+testRegion+":"+testAccount+":"+topic+"]" {
				t.Errorf("%s tells %s", id, text("AlarmActions"))
			}
			rings := fmt.Sprintf("%s %v, %s, %v of %v s", text("ComparisonOperator"), p["Threshold"], text("TreatMissingData"), p["EvaluationPeriods"], p["Period"])
			wanted := map[string]string{
				"Digests":     "LessThanThreshold 1, breaching, 2 of 3600 s",
				"IteratorAge": "GreaterThanThreshold 900000, notBreaching, 1 of 60 s",
			}[text("MetricName")]
			if rings != stdcmp.Or(wanted, "GreaterThanThreshold 0, notBreaching, 1 of 60 s") {
				t.Errorf("%s rings at the wrong time: %s", id, rings)
			}
			description := text("AlarmDescription")
			if !strings.Contains(description, "What happened: ") || !strings.Contains(description, "What to do: ") || len(description) > 1024 {
				t.Errorf("%s does not say what happened and what to do, in 1024 characters: %s", id, description)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("alarms (-want +got):\n%s", diff)
		}
	})
}

// A first deployment that has failed can be done again: nothing of it stays under a fixed name.
func TestNothingStaysOfAFailedDeployment(t *testing.T) {
	forEach(t, func(t *testing.T, _ *setup, stacks map[string]*template) {
		for stack, tm := range stacks {
			for id, r := range tm.Resources {
				if r.DeletionPolicy == "Retain" || r.Properties["DeletionProtectionEnabled"] == true {
					t.Errorf("%s of %s is in the way of the next deployment", id, stack)
				}
			}
		}
	})
}

func TestSharedResources(t *testing.T) {
	forEach(t, func(t *testing.T, s *setup, stacks map[string]*template) {
		tm := stacks[mainStack]
		table := tm.only(t, "AWS::DynamoDB::Table", "TableName", "countermand-runs")
		want := map[string]any{
			"TableName": "countermand-runs", "BillingMode": "PAY_PER_REQUEST",
			"AttributeDefinitions":             []any{map[string]any{"AttributeName": "id", "AttributeType": "S"}},
			"KeySchema":                        []any{map[string]any{"AttributeName": "id", "KeyType": "HASH"}},
			"TimeToLiveSpecification":          map[string]any{"AttributeName": "expires", "Enabled": true},
			"PointInTimeRecoverySpecification": map[string]any{"PointInTimeRecoveryEnabled": true},
		}
		if s.configuration(t).Ledger != nil {
			want["StreamSpecification"] = map[string]any{"StreamViewType": "NEW_IMAGE"}
		}
		if diff := cmp.Diff(want, table.Properties); diff != "" {
			t.Errorf("run table (-want +got):\n%s", diff)
		}
		if !table.kept() {
			t.Error("the run table goes with the stack")
		}
	})
}

// TestSize keeps a stack well under the 500 resources that CloudFormation allows, where a new module would
// not deploy any more.
func TestSize(t *testing.T) {
	forEach(t, func(t *testing.T, s *setup, stacks map[string]*template) {
		for name, tm := range stacks {
			t.Logf("stack %s has %d resources", name, len(tm.Resources))
			if len(tm.Resources) > 400 {
				t.Errorf("stack %s has %d resources: split it by service", name, len(tm.Resources))
			}
		}
	})
}

func TestOutputs(t *testing.T) {
	tm := setupNamed(t, "fixtures").synthesize(t)[mainStack]
	got := map[string]any{}
	for name, output := range tm.Outputs {
		got[name] = tm.resolve(output.Value)
	}
	queue := func(name string) string {
		return "https://sqs." + testRegion + ".amazonaws.com/" + testAccount + "/countermand-" + name + "-failures"
	}
	if diff := cmp.Diff(map[string]any{
		"RunTable":            "countermand-runs",
		"AlertTopic":          "arn:aws:sns:" + testRegion + ":" + testAccount + ":countermand-alerts",
		"CriticalAlertTopic":  "arn:aws:sns:" + testRegion + ":" + testAccount + ":countermand-alerts-critical",
		"Failuresalphaacts":   queue("alpha-acts"),
		"Failuresbetaacts":    queue("beta-acts"),
		"Failuresgammaalerts": queue("gamma-alerts"),
	}, got); diff != "" {
		t.Errorf("outputs (-want +got):\n%s", diff)
	}
}

func TestModes(t *testing.T) {
	got := map[string]remediations.Mode{}
	for _, m := range setupNamed(t, "fixtures").configuration(t).Modules {
		got[m.Name] = m.Mode
	}
	if diff := cmp.Diff(map[string]remediations.Mode{
		"alpha-acts": remediations.Enforce, "beta-acts": remediations.Alert, "gamma-alerts": remediations.Observe,
	}, got); diff != "" {
		t.Errorf("modes (-want +got):\n%s", diff)
	}
}

func TestPatternsThatWouldNotArrive(t *testing.T) {
	for text, want := range map[string]string{
		`{"source":["aws.s3"],"a":[null]}`:                  `pattern of alpha-acts: null can't be put into a template`,
		`{"source":["aws.s3"],"a":{"b":["x",null]}}`:        `pattern of alpha-acts: null can't be put into a template`,
		`{"source":["aws.s3"],"a":[{"numeric":[">",1e2]}]}`: `pattern of alpha-acts: number 1e2 would be 100 in the template: write that`,
		`{"source":["aws.s3"],"a":[1.50]}`:                  `pattern of alpha-acts: number 1.50 would be 1.5 in the template: write that`,
	} {
		modules := configtest.Modules()
		modules[0].Pattern = pattern.Pattern(text)
		file := writeFile(t, t.TempDir(), "countermand.yaml", "trail: {existing: true}")
		_, err := synthesize(t, file, modules)
		if err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

// TestModulesThatDoNotValidate has modules whose declaration is wrong, down to a pattern that compiles but does not
// lint clean: nothing is synthesized.
func TestModulesThatDoNotValidate(t *testing.T) {
	for want, fault := range map[string]func(*remediations.Module){
		`module "alpha-acts": a module that acts must state its risk`: func(m *remediations.Module) { m.Risk = "" },
		`module "alpha-acts": pattern: line 1, column 1: source: anybody who may put events can forge one`: func(m *remediations.Module) {
			m.Pattern = `{"detail":{"eventName":["PutBucketPolicy"]}}`
		},
	} {
		modules := configtest.Modules()
		fault(modules[0])
		file := writeFile(t, t.TempDir(), "countermand.yaml", "trail: {existing: true}")
		if _, err := synthesize(t, file, modules); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func setupNamed(t *testing.T, name string) *setup {
	t.Helper()
	for _, s := range setups {
		if s.name == name {
			return s
		}
	}
	t.Fatalf("no setup %s", name)
	return nil
}
