package engine

// accessDenied holds the error codes with which services say that our role lacks a permission.
var accessDenied = map[string]bool{
	"AccessDenied":                 true,
	"AccessDeniedException":        true,
	"AuthorizationError":           true,
	"AuthorizationErrorException":  true,
	"Client.UnauthorizedOperation": true,
	"UnauthorizedOperation":        true,
}

// accessWasDenied reports whether IAM denied a call of the run.
func accessWasDenied(r *Record) bool {
	if r.denied {
		return true
	}
	for _, call := range r.Calls {
		if accessDenied[call.Error] {
			return true
		}
	}
	return false
}
