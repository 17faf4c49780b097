package remediations

import (
	"errors"
	"sync"
)

// InParallel runs independent calls at the same time, waits for all of them, and joins their errors. A panic in a call
// is raised again in the caller.
func InParallel(calls ...func() error) error {
	var group sync.WaitGroup
	errs, panics := make([]error, len(calls)), make([]any, len(calls))
	for i, call := range calls {
		group.Go(func() {
			defer func() { panics[i] = recover() }() // a panic in a goroutine would end the process
			errs[i] = call()
		})
	}
	group.Wait()
	for _, problem := range panics {
		if problem != nil {
			panic(problem)
		}
	}
	return errors.Join(errs...)
}
