package remediations

import (
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/countermand/countermand/events"
)

// A Run is what the engine gives a module to work with.
type Run struct {
	Event    *events.Event // nil in a sweep, and for Undo, which works from the run record
	Account  string        // the function's account; empty for Undo
	AWS      aws.Config    // for the resource's Region; build every client from it: it refuses undeclared calls
	Settings any           // has the type of the module's Settings; nil for Undo
	Log      *slog.Logger
}
