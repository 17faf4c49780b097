package engine

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// An emptyResponseError is a success response with no content, or with a web page: something between us and AWS has
// answered. The SDK turns most such responses into an empty result, which would read as "there is nothing": no tags, no
// statements, no record.
type emptyResponseError struct{ operation, holds string }

// Error implements error.
func (e *emptyResponseError) Error() string {
	return fmt.Sprintf("the response to %s is not from AWS: it contains %s", e.operation, e.holds)
}

// RetryableError tells the SDK to retry.
func (e *emptyResponseError) RetryableError() bool { return true }

// RefuseEmptyResponses returns cfg with clients that refuse empty responses. Use it for calls that AWS always answers
// with content.
func RefuseEmptyResponses(cfg aws.Config) aws.Config {
	whole := cfg.Copy()
	whole.APIOptions = append(whole.APIOptions, func(stack *middleware.Stack) error { return addEmptyResponseCheck(stack) })
	return whole
}

// addEmptyResponseCheck adds the innermost middleware: it sees what came over the wire.
func addEmptyResponseCheck(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("Countermand.EmptyResponse",
		func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
			middleware.DeserializeOutput, middleware.Metadata, error) {
			out, metadata, err := next.HandleDeserialize(ctx, in)
			response, ok := out.RawResponse.(*smithyhttp.Response)
			head := ok && response.Request != nil && response.Request.Method == http.MethodHead
			if err != nil || !ok || head || response.StatusCode != http.StatusOK {
				return out, metadata, err
			}
			if holds := emptyContent(response); holds != "" && !mayBeEmpty(ctx) {
				_ = response.Body.Close() // the error is what matters
				return out, metadata, &emptyResponseError{awsmiddleware.GetOperationName(ctx), holds}
			}
			return out, metadata, nil
		}), middleware.After)
}

// emptyContent says what a response has instead of content, or returns the empty string if it has content. The body can
// still be read.
func emptyContent(response *smithyhttp.Response) string {
	if kind, _, err := mime.ParseMediaType(response.Header.Get("Content-Type")); err == nil && kind == "text/html" {
		return "a web page"
	}
	buffered := bufio.NewReader(response.Body)
	if _, err := buffered.Peek(1); err == io.EOF {
		return "nothing"
	}
	response.Body = struct {
		io.Reader
		io.Closer
	}{buffered, response.Body}
	return ""
}

// writeKey is the context key of a module's write.
type writeKey struct{}

// mayBeEmpty reports whether the call is a module's write, which S3 answers without content. The result of a write is
// verified afterwards.
func mayBeEmpty(ctx context.Context) bool { return ctx.Value(writeKey{}) != nil }
