//go:build emulator

package emulated

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/countermand/countermand/remediations/modules/iamaccesskeycreated"
)

func TestAccessKeyCreated(t *testing.T) {
	both(t, func(t *testing.T, cfg aws.Config) {
		withUsers(t, cfg, "deploy", "reports")
		old, others := withKey(t, cfg, "deploy"), withKey(t, cfg, "reports")
		var made string
		play(t, scene{
			module: iamaccesskeycreated.Module, aws: cfg, broken: "deploy",
			state: func() any { return keysOf(t, cfg, "deploy", "reports") },
			after: func(time.Time) any { return map[string]string{old: "Active", others: "Active", made: "Inactive"} },
			call: func() call {
				made = withKey(t, cfg, "deploy")
				return call{
					source: "iam.amazonaws.com", name: "CreateAccessKey", request: `{"userName":"deploy"}`,
					response: `{"accessKey":{"userName":"deploy","accessKeyId":"` + made + `","status":"Active","createDate":"Mar 2, 2026, 9:14:55 AM"}}`,
				}
			},
		})
	})
}
