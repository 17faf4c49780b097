package remediations

import "fmt"

// Limits bound how often functions act, whatever they find. Hours and days are those of the clock, in UTC. All of
// them are at least 1.
type Limits struct {
	Module    int `json:"module"`    // actions of one module in an hour
	Account   int `json:"account"`   // actions of all modules in an hour
	Principal int `json:"principal"` // actions in an hour on what one principal did
	Resource  int `json:"resource"`  // times in a day that one module puts one resource right
}

// Validate reports the first limit that is none.
func (l Limits) Validate() error {
	for _, limit := range []struct {
		name  string
		value int
	}{{"module", l.Module}, {"account", l.Account}, {"principal", l.Principal}, {"resource", l.Resource}} {
		if limit.value < 1 {
			return fmt.Errorf("the limit %q is %d: want 1 or more", limit.name, limit.value)
		}
	}
	return nil
}
