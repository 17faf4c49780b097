package remediations

import (
	"errors"
	"sync"
)

// InParallel makes calls that don't depend on one another at the same time, waits for all of them, and joins their errors.
func InParallel(calls ...func() error) error {
	var group sync.WaitGroup
	errs, panics := make([]error, len(calls)), make([]any, len(calls))
	for i, call := range calls {
		group.Go(func() {
			defer func() { panics[i] = recover() }() // where nobody could recover from it, it would end the function
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
