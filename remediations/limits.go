package remediations

import "fmt"

// Limits bound how often functions act, whatever they find. Hours and days are clock hours and calendar days in UTC.
// Each limit is at least 1.
type Limits struct {
	Module    int `json:"module"`    // actions of one module per hour
	Account   int `json:"account"`   // actions of all modules per hour
	Principal int `json:"principal"` // actions per hour on changes made by one principal
	Resource  int `json:"resource"`  // times per day that one module fixes one resource
}

// Validate reports the first limit below 1.
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
