package policy

import "fmt"

// CheckOrganization is what is wrong with the id of an organization; empty is none.
func CheckOrganization(id string) error {
	if id != "" && !forms[orgID].MatchString(id) {
		return fmt.Errorf("want an organization's id, o-a1b2c3d4e5, got %q", id)
	}
	return nil
}
