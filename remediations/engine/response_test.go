package engine_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/engine"
	"github.com/countermand/countermand/remediations/engine/store"
)

// A fixedResponse is an AWS that gives the same answer to each try.
type fixedResponse struct {
	status      int
	contentType string
	body        string
	tries       int
}

func (s *fixedResponse) Do(r *http.Request) (*http.Response, error) {
	s.tries++
	return &http.Response{StatusCode: s.status, Header: http.Header{"Content-Type": {s.contentType}}, Body: io.NopCloser(strings.NewReader(s.body)),
		ContentLength: int64(len(s.body)), Request: r}, nil
}

func (s *fixedResponse) config() aws.Config {
	return aws.Config{Region: "eu-west-1", HTTPClient: s, RetryMaxAttempts: 2, Credentials: aws.CredentialsProviderFunc(
		func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIAEXAMPLEEXAMPLE01", SecretAccessKey: "secret"}, nil
		})}
}

// An empty response must not read as "there is nothing": a tag that would exempt, a record of an earlier attempt, a
// policy.
func TestEmptyResponses(t *testing.T) {
	synctest.Test(t, testEmptyResponses) // the SDK waits before it tries again
}

func testEmptyResponses(t *testing.T) {
	const page, tags = "<html>Sign in</html>", `{"PaginationToken": "", "ResourceTagMappingList": []}`
	fenced := func(s *fixedResponse) *s3.Client {
		fence := engine.NewFence(&remediations.Module{
			Reads:  []remediations.Permission{{Action: "s3:GetBucketVersioning"}},
			Writes: []remediations.Permission{{Action: "s3:PutBucketPolicy"}},
		})
		fence.AllowWrites(true)
		return s3.NewFromConfig(fence.Config(s.config(), "eu-west-1"))
	}
	calls := map[string]func(*fixedResponse) error{
		"tags": func(s *fixedResponse) error {
			_, err := engine.NewTagReader(s.config())(t.Context(), "eu-west-1", "arn:aws:s3:::ledger")
			return err
		},
		"record": func(s *fixedResponse) error {
			_, err := store.NewDynamoDB(s.config(), "runs").Get(t.Context(), "id")
			return err
		},
		"read": func(s *fixedResponse) error {
			_, err := fenced(s).GetBucketVersioning(t.Context(), &s3.GetBucketVersioningInput{Bucket: aws.String("ledger")})
			return err
		},
		"write": func(s *fixedResponse) error {
			_, err := fenced(s).PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: aws.String("ledger"), Policy: aws.String("{}")})
			return err
		},
	}
	for _, c := range []struct {
		call   string
		answer fixedResponse
		want   string // in the error; "" for none
		tries  int
	}{
		{"tags", fixedResponse{200, "application/x-amz-json-1.1", "", 0}, "not from AWS: it contains nothing", 2},
		{"tags", fixedResponse{200, "text/html; charset=utf-8", page, 0}, "not from AWS: it contains a web page", 2},
		{"tags", fixedResponse{200, "application/x-amz-json-1.1", tags, 0}, "", 1},
		{"record", fixedResponse{200, "application/x-amz-json-1.0", "", 0}, "not from AWS: it contains nothing", 2},
		{"record", fixedResponse{200, "application/x-amz-json-1.0", "{}", 0}, "", 1},
		{"read", fixedResponse{200, "application/xml", "", 0}, "not from AWS: it contains nothing", 2},
		{"read", fixedResponse{200, "text/html", page, 0}, "not from AWS: it contains a web page", 2},
		{"read", fixedResponse{200, "", "<VersioningConfiguration/>", 0}, "", 1},
		{"read", fixedResponse{500, "text/html", page, 0}, "StatusCode: 500", 2},
		{"write", fixedResponse{204, "", "", 0}, "", 1},
		{"write", fixedResponse{200, "", "", 0}, "", 1},
	} {
		err := calls[c.call](&c.answer)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) || c.answer.tries != c.tries {
			t.Errorf("%s, %d with %q as %q: %v after %d tries, want %q after %d", c.call, c.answer.status, c.answer.body, c.answer.contentType,
				err, c.answer.tries, c.want, c.tries)
		}
	}
}
