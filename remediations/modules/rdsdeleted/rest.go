package rdsdeleted

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/countermand/countermand/remediations"
)

// rest is what there is left of a database.
type rest struct {
	deletion
	deleted bool       // what was to be deleted is gone, or goes
	there   bool       // the database is, for a while at least
	going   bool       // and it is being deleted
	last    *snapshot  // the final snapshot; nil if it is not there
	others  []snapshot // other ones that stay and can be restored from, the newest first
	doomed  bool       // there are automated backups, and they go with the database
	until   time.Time  // up to when it can be restored from automated backups that stay; zero if there are none
}

func remains(d deletion, live *database, snapshots []snapshot, backups []backup) rest {
	left := rest{deletion: d, there: live != nil, going: live != nil && isGoing(live.status)}
	left.deleted = !left.there || left.going
	if d.purged != "" {
		left.deleted = !slices.ContainsFunc(snapshots, func(s snapshot) bool { return s.id == d.purged && !isGoing(s.status) })
	}
	for _, s := range snapshots {
		switch {
		case d.final != "" && s.id == d.final:
			left.last = &s
		case !s.automated && s.status == available:
			left.others = append(left.others, s)
		}
	}
	slices.SortFunc(left.others, func(a, b snapshot) int { return cmp.Or(b.made.Compare(a.made), cmp.Compare(a.id, b.id)) })
	for _, b := range backups {
		stays := b.retained || d.keeps || left.there && !left.going
		left.doomed = left.doomed || !stays
		if stays && b.until.After(left.until) {
			left.until = b.until
		}
	}
	return left
}

// available is the status of what can be used.
const available = "available"

// isGoing reports whether a database or a snapshot is being deleted, by its status.
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html#Overview.DBInstance.Status
func isGoing(status string) bool {
	return slices.Contains([]string{"deleting", "delete-precheck", "deleted"}, status)
}

// reason says what was deleted, and what is left to restore it from.
func (l rest) reason() string {
	var parts []string
	say := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	if l.purged == "" && l.final == "" {
		say("no final snapshot is made (skipFinalSnapshot)")
	}
	switch {
	case l.purged != "" && l.there && !l.going:
		say("the snapshot of %s %s was deleted, which is there itself", l.noun, l.database)
	case l.purged != "":
		say("the snapshot of %s %s was deleted, and so is that itself", l.noun, l.database)
	case l.there:
		say("the %s is being deleted", l.noun)
	default:
		say("the %s is deleted", l.noun)
	}
	if l.final != "" {
		say("its final snapshot %s %s", l.final, l.progress())
	}
	switch {
	case !l.until.IsZero():
		say("its automated backups stay, and reach up to %s", l.until.UTC().Format(time.RFC3339))
	case l.doomed:
		say("its automated backups go with it")
	default:
		say("there are no automated backups of it")
	}
	switch n := len(l.others); n {
	case 0:
		say("there is no other snapshot of it")
	default:
		say("other snapshots of it: %d, the newest %s of %s", n, l.others[0].id, l.others[0].made.UTC().Format(time.RFC3339))
	}
	text := strings.Join(parts, "; ")
	if l.lost() {
		text += ": nothing is left in this Region to restore it from"
	}
	return text
}

// progress is how far the final snapshot is.
func (l rest) progress() string {
	switch {
	case l.last == nil:
		return "is not there, or not yet"
	case l.last.status == available:
		return "is there"
	case l.last.status == "creating":
		return fmt.Sprintf("is being made, %d %%", l.last.percent)
	}
	return fmt.Sprintf("can't be used: its status is %q", l.last.status)
}

// usable reports whether the final snapshot is there or on its way; while the database is there, it may still come.
func (l rest) usable() bool {
	if l.last == nil {
		return l.final != "" && l.there
	}
	return l.last.status == available || l.last.status == "creating"
}

// lost reports whether neither the database nor anything to restore it from is left.
func (l rest) lost() bool {
	return (!l.there || l.going) && !l.usable() && l.until.IsZero() && len(l.others) == 0
}

// commands are AWS CLI commands about databases of a kind, with names in braces.
type commands struct {
	deleted      string // waits until the database is deleted: its name is taken as long
	made         string // waits until a snapshot is done
	fromSnapshot string
	fromBackups  string
	snapshot     string // makes one
	afterwards   string // what a restored one may need besides
}

var instanceCommands = commands{
	deleted:      "aws rds wait db-instance-deleted --region {region} --db-instance-identifier {database}",
	made:         "aws rds wait db-snapshot-available --region {region} --db-snapshot-identifier {snapshot}",
	fromSnapshot: "aws rds restore-db-instance-from-db-snapshot --region {region} --db-instance-identifier {database} --db-snapshot-identifier {snapshot}",
	fromBackups: "aws rds restore-db-instance-to-point-in-time --region {region} --source-dbi-resource-id {resource} " +
		"--target-db-instance-identifier {database} --use-latest-restorable-time",
	snapshot: "aws rds create-db-snapshot --region {region} --db-instance-identifier {database} --db-snapshot-identifier {snapshot}",
}

var clusterCommands = commands{
	deleted: "aws rds wait db-cluster-deleted --region {region} --db-cluster-identifier {database}",
	made:    "aws rds wait db-cluster-snapshot-available --region {region} --db-cluster-snapshot-identifier {snapshot}",
	fromSnapshot: "aws {service} restore-db-cluster-from-snapshot --region {region} --db-cluster-identifier {database} " +
		"--snapshot-identifier {snapshot} --engine {engine}",
	fromBackups: "aws rds restore-db-cluster-to-point-in-time --region {region} --source-db-cluster-resource-id {resource} " +
		"--db-cluster-identifier {database} --use-latest-restorable-time",
	snapshot:   "aws {service} create-db-cluster-snapshot --region {region} --db-cluster-identifier {database} --db-cluster-snapshot-identifier {snapshot}",
	afterwards: "# Its DB instances have to be created again, in it: aws {service} create-db-instance --db-cluster-identifier {database} ...",
}

// fix is the commands that restore the database from the best that is left: the final snapshot, which is of its last
// moment, the automated backups, or the newest snapshot. Of a database that is there, they make a new snapshot.
func (l rest) fix(r remediations.Resource) string {
	from, lines := "", []string(nil)
	switch {
	case l.there && !l.going:
		return l.fill(r, l.commands.snapshot, l.purged)
	case l.usable():
		from, lines = l.final, []string{l.commands.made, l.commands.fromSnapshot}
	case !l.until.IsZero():
		lines = []string{l.commands.fromBackups}
	case len(l.others) > 0:
		from, lines = l.others[0].id, []string{l.commands.fromSnapshot}
	default:
		return ""
	}
	if l.going {
		lines = append([]string{l.commands.deleted}, lines...)
	}
	if l.commands.afterwards != "" {
		lines = append(lines, l.commands.afterwards)
	}
	lines = append([]string{
		"# A backup holds no security groups, parameter groups and the like. The event of the deletion does:",
		"aws cloudtrail lookup-events --region {region} --lookup-attributes AttributeKey=EventName,AttributeValue=" + l.kind.deletion,
	}, lines...)
	return l.fill(r, strings.Join(lines, "\n"), from)
}

// fill puts the names into commands.
func (l rest) fill(r remediations.Resource, text, snapshot string) string {
	return strings.NewReplacer(
		"{region}", remediations.Quote(r.Region), "{database}", remediations.Quote(l.database), "{resource}", remediations.Quote(l.resourceID),
		"{snapshot}", remediations.Quote(snapshot), "{engine}", remediations.Quote(l.engine), "{service}", service(l.engine),
	).Replace(text)
}

// service is the AWS CLI's name of what a cluster's engine belongs to.
func service(engine string) string {
	switch engine {
	case "docdb", "neptune":
		return engine
	}
	return "rds"
}
