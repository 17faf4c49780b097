package main

import (
	"context"
	"fmt"
	"net/url"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// pinHost keeps S3 Control on the host of a custom endpoint (AWS_ENDPOINT_URL). The SDK puts the account id
// in front of it, as AWS has it, and there a name like 123456789012.127.0.0.1 leads nowhere; the account is
// in the request's headers as well.
func pinHost(endpoint string) func(*middleware.Stack) error {
	return func(stack *middleware.Stack) error {
		return stack.Finalize.Insert(middleware.FinalizeMiddlewareFunc("Countermand.PinHost",
			func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
				request, ok := in.Request.(*smithyhttp.Request)
				if ok && awsmiddleware.GetServiceID(ctx) == "S3 Control" {
					u, err := url.Parse(endpoint)
					if err != nil {
						return middleware.FinalizeOutput{}, middleware.Metadata{}, fmt.Errorf("endpoint %q: %w", endpoint, err)
					}
					request.URL.Host = u.Host
				}
				return next.HandleFinalize(ctx, in)
			}), "ResolveEndpointV2", middleware.After)
	}
}
