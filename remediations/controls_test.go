package remediations_test

import (
	"testing"

	"github.com/countermand/countermand/remediations"
)

func TestControlURL(t *testing.T) {
	for control, want := range map[string]string{
		"FSBP/S3.8":         "https://docs.aws.amazon.com/securityhub/latest/userguide/s3-controls.html#s3-8",
		"FSBP/CloudTrail.1": "https://docs.aws.amazon.com/securityhub/latest/userguide/cloudtrail-controls.html#cloudtrail-1",
		"CIS-3.0/2.1.4":     "https://docs.aws.amazon.com/securityhub/latest/userguide/cis-aws-foundations-benchmark.html",
		"ATT&CK/T1562.008":  "https://attack.mitre.org/techniques/T1562/008/",
	} {
		if got, err := remediations.ControlURL(control); got != want || err != nil {
			t.Errorf("%s: %s, %v, want %s", control, got, err, want)
		}
	}
	for _, control := range []string{"", "S3.8", "FSBP/", "FSBP/S3", "CIS-1.2/2.1", "ATT&CK/1562"} {
		if got, err := remediations.ControlURL(control); err == nil {
			t.Errorf("%q: %s", control, got)
		}
	}
}
