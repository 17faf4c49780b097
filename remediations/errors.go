package remediations

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/smithy-go"
)

// ErrChanged means that Action or Undo refused to overwrite somebody else's change: the resource is no longer in the
// state that was checked, or that the action left.
var ErrChanged = errors.New("the resource has changed since")

// A ChangedError is an ErrChanged that carries the present state.
type ChangedError struct {
	Present json.RawMessage // in the form of Finding.Before
}

// Error implements error.
func (e *ChangedError) Error() string { return ErrChanged.Error() }

// Unwrap returns ErrChanged.
func (e *ChangedError) Unwrap() error { return ErrChanged }

// Changed returns Undo's ErrChanged with the present state, in the form of Finding.Before. The person who decides what
// to do next sees it beside the state that the action left.
func Changed(present any) error {
	state, err := Encode(present)
	if err != nil {
		return fmt.Errorf("encode the present state: %w", err)
	}
	return &ChangedError{Present: state}
}

// ErrNotReady means that a guard cannot check a resource yet: it was just created and is not visible everywhere. The
// engine tries again for a few seconds before the run fails.
var ErrNotReady = errors.New("the resource is not visible everywhere yet")

// ErrorCode returns the AWS error code of err ("NoSuchBucketPolicy"), or the empty string if it has none.
func ErrorCode(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}
