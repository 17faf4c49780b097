package remediations

import "time"

// Exemption keeps a module's hands off one resource until a date. Its owner and reason are there for the
// person who later asks why.
type Exemption struct {
	Module   string    `json:"module"`   // a module's name
	Resource string    `json:"resource"` // a resource's ID, exactly
	Owner    string    `json:"owner"`
	Reason   string    `json:"reason"`
	Expires  time.Time `json:"expires"` // the first instant at which it no longer counts
}

// Covers reports whether the exemption keeps the module's hands off the resource at a time.
func (x Exemption) Covers(module string, r Resource, at time.Time) bool {
	return x.Module == module && x.Resource == r.ID && at.Before(x.Expires)
}
