// Package catalog lists the modules: one sorted, visible list. A module that is not in it does not exist.
package catalog

import (
	"github.com/countermand/countermand/remediations"
	"github.com/countermand/countermand/remediations/accesskeycreated"
	"github.com/countermand/countermand/remediations/amipublic"
	"github.com/countermand/countermand/remediations/cloudtrailtamper"
	"github.com/countermand/countermand/remediations/compromisedkey"
	"github.com/countermand/countermand/remediations/consoleloginnomfa"
	"github.com/countermand/countermand/remediations/detectordisabled"
	"github.com/countermand/countermand/remediations/iamadmingrant"
	"github.com/countermand/countermand/remediations/kmskeyloss"
	"github.com/countermand/countermand/remediations/lambdapublic"
	"github.com/countermand/countermand/remediations/mfaoncreateuser"
	"github.com/countermand/countermand/remediations/rdsdeleted"
	"github.com/countermand/countermand/remediations/rdssnapshotpublic"
	"github.com/countermand/countermand/remediations/roletrustexternal"
	"github.com/countermand/countermand/remediations/rootactivity"
	"github.com/countermand/countermand/remediations/s3bparemoved"
	"github.com/countermand/countermand/remediations/s3externalpolicy"
	"github.com/countermand/countermand/remediations/s3publicacl"
	"github.com/countermand/countermand/remediations/s3publicpolicy"
	"github.com/countermand/countermand/remediations/selftamper"
	"github.com/countermand/countermand/remediations/sgopeningress"
	"github.com/countermand/countermand/remediations/snapshotpublic"
	"github.com/countermand/countermand/remediations/tagoncreate"
)

// All is every module, sorted by name.
func All() []*remediations.Module {
	return []*remediations.Module{
		accesskeycreated.Module,
		amipublic.Module,
		cloudtrailtamper.Module,
		compromisedkey.Module,
		consoleloginnomfa.Module,
		detectordisabled.Module,
		iamadmingrant.Module,
		kmskeyloss.Module,
		lambdapublic.Module,
		mfaoncreateuser.Module,
		rdsdeleted.Module,
		rdssnapshotpublic.Module,
		roletrustexternal.Module,
		rootactivity.Module,
		s3bparemoved.Module,
		s3externalpolicy.Module,
		s3publicacl.Module,
		s3publicpolicy.Module,
		selftamper.Module,
		sgopeningress.Module,
		snapshotpublic.Module,
		tagoncreate.Module,
	}
}

// Find is the module of a name; nil if there is none.
func Find(name string) *remediations.Module {
	for _, m := range All() {
		if m.Name == name {
			return m
		}
	}
	return nil
}
