package main

import (
	"context"
	"errors"
	"fmt"

	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/countermand/countermand/remediations"
)

// advised is an error of any command, with what to do next about one of AWS's that its user can mend.
func advised(err error) string {
	var unsent *smithyhttp.RequestSendError
	advice := ""
	switch remediations.ErrorCode(err) {
	case "ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException":
		advice = "AWS does not take these credentials (any more): sign in again, until 'aws sts get-caller-identity' answers"
	}
	if errors.As(err, &unsent) && !errors.Is(err, context.Canceled) {
		advice = "nothing answers there: check the Region, --endpoint and AWS_ENDPOINT_URL; a sandbox has to be up (./scripts/sandbox up)"
	}
	if advice == "" {
		return err.Error()
	}
	return fmt.Sprintf("%v\n%s", err, advice)
}
