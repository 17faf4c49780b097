package main

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/aws/aws-cdk-go/awscdk/v2"

	"github.com/countermand/countermand/infra/config"
	"github.com/countermand/countermand/remediations"
)

// maxEnvironment is how many bytes Lambda holds of a function's environment, measured as JSON.
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
const maxEnvironment = 4096

// environment is what functions/remediate reads.
func environment(s *shared, m config.Enabled) (map[string]*string, error) {
	variables, err := variables(s.config, m)
	if err != nil {
		return nil, err
	}
	values := map[string]*string{}
	for name, value := range variables {
		values[name] = &value
	}
	values["COUNTERMAND_TABLE"] = s.table.Ref()
	values["COUNTERMAND_ACCOUNT"] = awscdk.Aws_ACCOUNT_ID()
	values["COUNTERMAND_TOPIC"] = s.topic.Ref()
	values["COUNTERMAND_SWITCH"] = s.stop.Ref()
	values["COUNTERMAND_CRITICAL_TOPIC"] = s.critical.Ref()
	return values, nil
}

// variables is the environment with its longest values in place of those that CloudFormation fills in.
func variables(c *config.Config, m config.Enabled) (map[string]string, error) {
	variables := map[string]string{
		"COUNTERMAND_MODULE":         m.Name,
		"COUNTERMAND_MODE":           m.Mode.String(),
		"COUNTERMAND_TABLE":          runTable,
		"COUNTERMAND_ACCOUNT":        "123456789012",
		"COUNTERMAND_TOPIC":          "arn:aws-us-gov:sns:ap-southeast-99:123456789012:" + config.AlertTopic,
		"COUNTERMAND_SWITCH":         remediations.SwitchParameter,
		"COUNTERMAND_CRITICAL_TOPIC": "arn:aws-us-gov:sns:ap-southeast-99:123456789012:" + config.CriticalTopic,
		"COUNTERMAND_RETENTION_DAYS": strconv.Itoa(c.RunRetentionDays),
		// In the user agent of every call, and so in CloudTrail.
		"AWS_SDK_UA_APP_ID": resourceName(m.Module),
	}
	if m.Swept {
		variables["COUNTERMAND_SWEEP"] = m.Sweep.String()
	}
	if m.Settings != nil {
		text, err := json.Marshal(m.Settings)
		if err != nil {
			return nil, fmt.Errorf("encode the settings of %s: %w", m.Name, err)
		}
		variables["COUNTERMAND_SETTINGS"] = string(text)
	}
	limits, err := json.Marshal(c.Limits)
	if err != nil {
		return nil, fmt.Errorf("encode the limits: %w", err)
	}
	variables["COUNTERMAND_LIMITS"] = string(limits)
	exemptions := c.ExemptionsOf(m.Name)
	if exemptions != nil {
		text, err := json.Marshal(exemptions)
		if err != nil {
			return nil, fmt.Errorf("encode the exemptions of %s: %w", m.Name, err)
		}
		variables["COUNTERMAND_EXEMPTIONS"] = string(text)
	}
	measured, err := json.Marshal(variables)
	if err != nil {
		return nil, fmt.Errorf("encode the environment of %s: %w", m.Name, err)
	}
	if len(measured) > maxEnvironment {
		return nil, fmt.Errorf("the environment of %s would have %d bytes, and Lambda holds %d: shorten the reasons of its %d exemptions, or give it fewer, and shorter lists in its settings",
			m.Name, len(measured), maxEnvironment, len(exemptions))
	}
	return variables, nil
}
