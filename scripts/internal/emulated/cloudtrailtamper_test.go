//go:build emulator

package emulated

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"

	"github.com/countermand/countermand/remediations/modules/cloudtrailtamper"
)

// atHome makes up for that moto leaves out where a trail is at home.
func atHome(r *http.Request, body string, ask ask) (*http.Response, error) {
	answer, err := ask(body)
	if err != nil || !strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".GetTrail") {
		return answer, err
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	const field = `"TrailARN":`
	return answered(answer.StatusCode, strings.ReplaceAll(string(text), field, `"HomeRegion":"us-east-1",`+field)), nil
}

func TestCloudTrailTamper(t *testing.T) {
	t.Run("moto", func(t *testing.T) { stopsTrail(t, bridged(moto(t), atHome)) })
	t.Run("ministack", func(t *testing.T) { stopsTrail(t, ministack(t)) })
}

func stopsTrail(t *testing.T, cfg aws.Config) {
	t.Helper()
	withBuckets(t, cfg, true, "logs")
	client := cloudtrail.NewFromConfig(cfg)
	var trails []string
	for _, name := range []string{"audit", "second"} {
		trail := must[*cloudtrail.CreateTrailOutput](t)(client.CreateTrail(t.Context(), &cloudtrail.CreateTrailInput{Name: &name, S3BucketName: aws.String("logs")}))
		must[*cloudtrail.StartLoggingOutput](t)(client.StartLogging(t.Context(), &cloudtrail.StartLoggingInput{Name: &name}))
		trails = append(trails, *trail.TrailARN)
	}
	play(t, scene{
		module: cloudtrailtamper.Module, aws: cfg, broken: trails[0],
		state: func() any {
			logging := map[string]bool{}
			for _, id := range trails {
				logging[id] = *must[*cloudtrail.GetTrailStatusOutput](t)(client.GetTrailStatus(t.Context(), &cloudtrail.GetTrailStatusInput{Name: &id})).IsLogging
			}
			return logging
		},
		call: func() call {
			must[*cloudtrail.StopLoggingOutput](t)(client.StopLogging(t.Context(), &cloudtrail.StopLoggingInput{Name: aws.String("audit")}))
			return call{source: "cloudtrail.amazonaws.com", name: "StopLogging", request: `{"name":"audit"}`}
		},
	})
}
