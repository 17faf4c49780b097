package remediations

import (
	"fmt"
	"regexp"
	"strings"
)

// These match the ids of controls.
var (
	fsbp   = regexp.MustCompile(`^([A-Za-z0-9]+)\.([0-9]+)$`)
	cis    = regexp.MustCompile(`^[0-9]+(\.[0-9]+)+$`)
	attack = regexp.MustCompile(`^T[0-9]{4}(\.[0-9]{3})?$`)
)

// ControlURL returns the URL of the page that explains a control: "FSBP/S3.8" (AWS Foundational Security Best
// Practices), "CIS-3.0/2.1.4" (CIS AWS Foundations Benchmark) or "ATT&CK/T1530" (MITRE ATT&CK).
func ControlURL(control string) (string, error) {
	standard, id, _ := strings.Cut(control, "/")
	switch {
	case standard == "FSBP" && fsbp.MatchString(id):
		m := fsbp.FindStringSubmatch(strings.ToLower(id))
		return fmt.Sprintf("https://docs.aws.amazon.com/securityhub/latest/userguide/%s-controls.html#%s-%s", m[1], m[1], m[2]), nil
	case standard == "CIS-3.0" && cis.MatchString(id):
		return "https://docs.aws.amazon.com/securityhub/latest/userguide/cis-aws-foundations-benchmark.html", nil
	case standard == "ATT&CK" && attack.MatchString(id):
		return "https://attack.mitre.org/techniques/" + strings.ReplaceAll(id, ".", "/") + "/", nil
	}
	return "", fmt.Errorf("unknown control %q: want FSBP/S3.8, CIS-3.0/2.1.4 or ATT&CK/T1530", control)
}
