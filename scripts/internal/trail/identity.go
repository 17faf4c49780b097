package trail

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// identify answers a persona who asks STS whose credentials it has, and reports whether that was asked: the emulator
// takes everybody for the root user.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
func (t *Trail) identify(s credentialScope, w http.ResponseWriter, r *http.Request) bool {
	persona, known := t.options.Personas[s.key]
	if s.service != "sts" || !known {
		return false
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "read the call: "+err.Error(), http.StatusRequestEntityTooLarge)
		return true
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	query, err := url.ParseQuery(string(body))
	if err != nil || query.Get("Action") != "GetCallerIdentity" {
		return false
	}
	answer := struct {
		XMLName xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ GetCallerIdentityResponse"`
		ARN     string   `xml:"GetCallerIdentityResult>Arn"`
		ID      string   `xml:"GetCallerIdentityResult>UserId"`
		Account string   `xml:"GetCallerIdentityResult>Account"`
	}{
		ARN: fmt.Sprint(persona.Identity["arn"]), ID: fmt.Sprint(persona.Identity["principalId"]), Account: fmt.Sprint(persona.Identity["accountId"]),
	}
	w.Header().Set("Content-Type", "text/xml")
	if err := xml.NewEncoder(w).Encode(answer); err != nil {
		t.options.Log.Warn("the caller hung up", "error", err)
	}
	return true
}
