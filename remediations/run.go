package remediations

import (
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/countermand/countermand/events"
)

// Run is what a module is given to work with.
type Run struct {
	Event    *events.Event // nil for Undo, which works from the run record, and in a sweep
	Account  string        // the account it works in; empty for Undo
	AWS      aws.Config    // of the resource's Region; every client is built from it, and what was not declared is refused
	Settings any           // of the type of the module's Settings; nil for Undo
	Log      *slog.Logger
}
