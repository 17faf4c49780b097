package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/uuid"
)

// refuseTimeout is how long a refused event may take to the failure queue: Lambda tries it three times, the
// emulator seconds apart.
const refuseTimeout = 30 * time.Second

// badInput sends a function what is no event, and an event that CloudTrail did not send. Neither may be
// acted upon, and neither may be dropped in silence. They are handed to the function directly: the
// emulator's rules try once and drop what fails.
func (p *play) badInput(ctx context.Context) error {
	const function = "s3-public-policy"
	malformed := `{"hello":"world"}`
	forged, err := forgery()
	if err != nil {
		return err
	}
	p.story.badInput()
	before := p.writesSoFar()
	client := lambda.NewFromConfig(p.own())
	for _, event := range []string{malformed, forged} {
		_, err := client.Invoke(ctx, &lambda.InvokeInput{
			FunctionName: aws.String("countermand-" + function), InvocationType: types.InvocationTypeEvent, Payload: []byte(event),
		})
		if err != nil {
			return fmt.Errorf("invoke the function of %s: %w", function, err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, refuseTimeout)
	defer cancel()
	var failed []failure
	err = p.story.step("Waiting until Lambda has given up on them", func() error {
		return eventually(ctx, func() error {
			arrived, err := take(ctx, p.own(), failureQueue(function))
			if err != nil {
				return err
			}
			for _, text := range arrived {
				var f failure
				if err := json.Unmarshal([]byte(text), &f); err != nil {
					return fmt.Errorf("read a failed event: %w", err)
				}
				failed = append(failed, f)
			}
			if len(failed) < 2 {
				return fmt.Errorf("queue %s:\nexpected the malformed and the forged event\nfound %d events", failureQueue(function), len(failed))
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	for _, sent := range []string{malformed, forged} {
		found := 0
		for _, f := range failed {
			if sameJSON(string(f.Request), sent) {
				found++
				p.story.refused(f.Response.Message)
			}
		}
		if found != 1 || len(failed) != 2 {
			return fmt.Errorf("queue %s:\nexpected once each the malformed and the forged event\nfound %d of %d times\n%s", failureQueue(function), found, len(failed), sent)
		}
	}
	if after := p.writesSoFar(); after != before {
		return fmt.Errorf("expected no call that writes for a bad event\nfound %d", after-before)
	}
	p.story.checked("neither was acted upon, and both were in the failure queue, where a person finds them")
	return nil
}

// failure is what Lambda says of an event that it has given up on.
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
type failure struct {
	Request  json.RawMessage `json:"requestPayload"`
	Response struct {
		Message string `json:"errorMessage"`
	} `json:"responsePayload"`
}

// forgery is an event that anybody could put onto the bus: its detail says S3, but its source can't.
func forgery() (string, error) {
	text, err := json.Marshal(map[string]any{
		"version": "0", "id": uuid.NewString(), "detail-type": "AWS API Call via CloudTrail", "source": "acme.billing",
		"account": account, "region": region, "time": time.Now().UTC().Format(time.RFC3339), "resources": []any{},
		"detail": map[string]any{
			"eventVersion": "1.11", "eventID": uuid.NewString(), "eventSource": "s3.amazonaws.com", "eventName": "PutBucketPolicy",
			"eventTime": time.Now().UTC().Format(time.RFC3339), "awsRegion": region, "recipientAccountId": account,
			"userIdentity":      map[string]any{"type": "Root", "arn": "arn:aws:iam::" + account + ":root", "accountId": account},
			"requestParameters": map[string]any{"bucketName": bucket},
		},
	})
	if err != nil {
		return "", fmt.Errorf("write the forged event: %w", err)
	}
	return string(text), nil
}

// writesSoFar is how many calls that write Countermand has made.
func (p *play) writesSoFar() int {
	n := 0
	for _, e := range p.trail.Events() {
		if module(e) != "" {
			n++
		}
	}
	return n
}
