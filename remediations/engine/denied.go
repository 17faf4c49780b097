package engine

// accessDenied holds the codes with which services say that our role lacks a right.
var accessDenied = map[string]bool{
	"AccessDenied":                 true,
	"AccessDeniedException":        true,
	"AuthorizationError":           true,
	"AuthorizationErrorException":  true,
	"Client.UnauthorizedOperation": true,
	"UnauthorizedOperation":        true,
}

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
