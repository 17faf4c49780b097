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

// emptyResponseError is a success that holds nothing, or a web page: something on the way has answered instead of AWS. The SDK
// makes an empty result of most such answers, which reads as "there is none": no tags, no statements, no record.
type emptyResponseError struct{ operation, holds string }

func (e *emptyResponseError) Error() string {
	return fmt.Sprintf("the answer to %s is not AWS's: it holds %s", e.operation, e.holds)
}

// RetryableError tells the SDK to try again.
func (e *emptyResponseError) RetryableError() bool { return true }

// RefuseEmptyResponses is cfg with clients that refuse hollow answers. It is for calls that AWS always answers with something.
func RefuseEmptyResponses(cfg aws.Config) aws.Config {
	whole := cfg.Copy()
	whole.APIOptions = append(whole.APIOptions, func(stack *middleware.Stack) error { return addEmptyResponseCheck(stack) })
	return whole
}

// addEmptyResponseCheck is the innermost middleware: what it returns is what came over the wire.
func addEmptyResponseCheck(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("Countermand.WholeAnswer",
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

// emptyContent is what a hollow answer holds; "" for any other one, whose body can be read as before.
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

type writeKey struct{}

// mayBeEmpty reports whether the call is a module's write, to which S3 answers with nothing. What became of a write is
// looked at afterwards.
func mayBeEmpty(ctx context.Context) bool { return ctx.Value(writeKey{}) != nil }
