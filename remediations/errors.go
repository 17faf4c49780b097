package remediations

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/smithy-go"
)

// ErrChanged is the refusal of Action and Undo to overwrite what somebody else has decided since: the resource
// is not as it was judged, or as the action left it.
var ErrChanged = errors.New("the resource has changed since")

// ChangedError is ErrChanged with the state that was found.
type ChangedError struct {
	Present json.RawMessage // in the form of Finding.Before
}

func (e *ChangedError) Error() string { return ErrChanged.Error() }

// Unwrap makes it an ErrChanged.
func (e *ChangedError) Unwrap() error { return ErrChanged }

// Changed is Undo's ErrChanged. The present state, in the form of Finding.Before, is for the person who has
// to decide now: it is shown beside what the action left.
func Changed(present any) error {
	state, err := Encode(present)
	if err != nil {
		return fmt.Errorf("encode the present state: %w", err)
	}
	return &ChangedError{Present: state}
}

// ErrNotReady is a guard's answer about a resource that is not as far as to be judged: just created, and not
// visible everywhere. The engine asks again for a few seconds before it calls the run failed.
var ErrNotReady = errors.New("the resource can't be judged yet")

// ErrorCode is the code of an error that AWS answered with ("NoSuchBucketPolicy"), and "" for any other error.
func ErrorCode(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}
