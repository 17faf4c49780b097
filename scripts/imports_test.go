package scripts_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	self = "github.com/countermand/countermand/"
	sdk  = "github.com/aws/aws-sdk-go-v2/"
)

// importRule says what packages may import besides the standard library, and what may not even come in through
// others. Names are paths inside the repository or full import paths; "x/*" is one element below x, "x/..." is x and
// all below. The first rule that names a package is the one for it.
type importRule struct {
	packages string
	may      []string
	not      []string // of the standard library, which is free otherwise
	links    []string // must not be among all that it depends on
	reason   string
}

// notForLambda is what only the command line and infra need.
var notForLambda = []string{
	"infra/...", "scripts/...", "remediations/knowledge/iam", "remediations/moduletest",
	"github.com/aws/aws-cdk-go/...", "github.com/aws/constructs-go/...", "github.com/aws/jsii-runtime-go/...",
	"github.com/spf13/...", "github.com/goccy/go-yaml/...", "gopkg.in/yaml.v3", "github.com/klauspost/compress/...",
	"github.com/fatih/color", "github.com/schollz/progressbar/...",
}

// pastTheFence is what reaches the network, files, the environment or other programs without Run.AWS, where what
// a module did not declare is refused and what it does is recorded. The SDK's own imports of these are fine.
var pastTheFence = []string{
	"net", "net/http/...", "net/rpc/...", "net/smtp", "crypto/tls", "database/sql/...",
	"os", "os/exec", "syscall", "plugin", "unsafe", "C",
}

var importRules = []importRule{
	{
		packages: "events",
		reason:   "anybody may use the events and the pattern language, and trust them, without taking anything else in",
	},
	{
		packages: "events/pattern",
		may:      []string{"events"},
		reason:   "anybody may use the events and the pattern language, and trust them, without taking anything else in",
	},
	{
		packages: "remediations",
		may:      []string{"events", "events/pattern", sdk + "aws", "github.com/aws/smithy-go"},
		reason:   "what a module is depends on no service",
	},
	{
		packages: "remediations/knowledge/policy",
		not:      pastTheFence,
		reason:   "what is public is decided without AWS, so that it can be tested and fuzzed alone",
	},
	{
		packages: "remediations/knowledge/netset",
		not:      pastTheFence,
		reason:   "what the internet is is decided without AWS, so that it can be tested and fuzzed alone",
	},
	{
		packages: "remediations/knowledge/buckets",
		may:      []string{"events", "remediations", "remediations/knowledge/policy", sdk + "aws", sdk + "service/s3", sdk + "service/s3control"},
		not:      pastTheFence,
		reason:   "it does what modules on buckets have in common, through Run.AWS alone",
	},
	{
		packages: "remediations/knowledge/accesskeys",
		may:      []string{"remediations", sdk + "aws", sdk + "service/iam/..."},
		not:      pastTheFence,
		reason:   "it reads and changes what modules on access keys have in common, through Run.AWS alone",
	},
	{
		packages: "remediations/knowledge/sharing",
		may:      []string{"remediations"},
		not:      pastTheFence,
		reason:   "with whom something may be shared is decided without AWS, so that it can be tested alone",
	},
	{
		packages: "remediations/knowledge/iam",
		not:      pastTheFence,
		reason:   "what IAM would answer is worked out from the policy alone",
	},
	{
		packages: "remediations/modules",
		may:      []string{"remediations", "remediations/modules/*"},
		links:    []string{"remediations/engine", "remediations/moduletest", "infra", "scripts/..."},
		reason:   "it lists the modules and does nothing else",
	},
	{
		packages: "remediations/engine",
		may: []string{"events", "events/pattern", "remediations", sdk + "aws/...", sdk + "service/dynamodb/...", sdk + "service/sns/...",
			sdk + "service/ssm/...", sdk + "service/resourcegroupstaggingapi/...", sdk + "service/iam/...", "github.com/aws/smithy-go/...", "github.com/aymanbagabas/go-udiff"},
		reason: "it runs any module and knows none",
	},
	{
		packages: "remediations/engine/store",
		may:      []string{"remediations", "remediations/engine", sdk + "aws", sdk + "service/dynamodb/..."},
		reason:   "it keeps the engine's records and decides nothing",
	},
	{
		packages: "remediations/engine/store/storetest",
		may:      []string{"remediations", "remediations/engine", "github.com/google/go-cmp/..."},
		reason:   "it is for tests of the engine's stores",
	},
	{
		packages: "remediations/ledger",
		not:      pastTheFence,
		reason:   "whoever checks records should have to trust nothing but the standard library",
	},
	{
		packages: "remediations/ledger/bucket",
		may:      []string{"remediations", "remediations/ledger", sdk + "aws", sdk + "service/s3/..."},
		reason:   "it is a ledger's bucket and nothing else",
	},
	{
		packages: "remediations/faulttest",
		may:      []string{"events", "events/pattern", "remediations", "remediations/engine", "remediations/engine/store", sdk + "aws/...", sdk + "service/...", "github.com/aws/smithy-go/..."},
		reason:   "what goes wrong goes wrong for any module, and it knows none",
	},
	{
		packages: "remediations/moduletest/...",
		may: []string{"events", "remediations", "remediations/engine", "remediations/engine/store", "remediations/faulttest", "remediations/knowledge/iam", sdk + "aws/...", "github.com/aws/smithy-go/...",
			"github.com/google/go-cmp/..."},
		reason: "the laws hold for any module, and it knows none",
	},
	{
		packages: "remediations/modules/*",
		may:      []string{"events", "events/pattern", "remediations", "remediations/knowledge/accesskeys", "remediations/knowledge/buckets", "remediations/knowledge/policy", "remediations/knowledge/netset", "remediations/knowledge/sharing", sdk + "aws", sdk + "aws/arn", sdk + "service/..."},
		not:      pastTheFence,
		reason:   "a module decides and acts, through Run.AWS alone; modes, records and alerts are the engine's, and modules don't know each other",
	},
	{
		packages: "functions/ledger",
		may: []string{"remediations/ledger", "remediations/ledger/bucket", sdk + "aws", sdk + "config", sdk + "service/kms/...",
			"github.com/aws/aws-lambda-go/..."},
		links:  append([]string{"remediations/modules", "remediations/engine"}, notForLambda...),
		reason: "what keeps the records has nothing of what makes them",
	},
	{
		packages: "functions/...",
		may: []string{"events", "remediations", "remediations/modules", "remediations/engine", "remediations/engine/store", sdk + "aws/...", sdk + "config",
			sdk + "service/...", "github.com/aws/smithy-go/...", "github.com/aws/aws-lambda-go/..."},
		links:  append([]string{"remediations/ledger", "remediations/ledger/bucket"}, notForLambda...),
		reason: "what is linked into the function is loaded at each cold start and runs with its rights",
	},
	{
		packages: "infra/config",
		may:      []string{"remediations", "github.com/goccy/go-yaml/..."},
		links:    []string{"remediations/modules", "remediations/engine", "functions/...", "scripts/...", "github.com/aws/aws-cdk-go/..."},
		reason:   "the command line reads the configuration as the CDK app does, without a CDK, and for any modules",
	},
	{
		packages: "infra/config/configtest",
		may:      []string{"events", "events/pattern", "remediations"},
		reason:   "it has modules for tests, and nothing else",
	},
	{
		packages: "infra",
		may: []string{"events", "events/pattern", "infra/config", "remediations", "remediations/modules", "github.com/aws/aws-cdk-go/...",
			"github.com/aws/constructs-go/...", "github.com/aws/jsii-runtime-go/..."},
		links:  []string{"remediations/engine", "functions/...", "scripts/..."},
		reason: "it deploys what the modules declare, and runs nothing",
	},
	{
		packages: "scripts/...",
		may:      []string{"..."},
		links:    []string{"infra", "functions/...", "github.com/aws/aws-cdk-go/..."},
		reason:   "the command line must build in seconds, and the CDK takes minutes",
	},
}

// named reports whether a pattern of an importRule names a package.
func named(pattern, path string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "..."); ok {
		return strings.HasPrefix(path+"/", prefix)
	}
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		rest, ok := strings.CutPrefix(path, prefix)
		return ok && rest != "" && !strings.Contains(rest, "/")
	}
	return pattern == path
}

func anyNames(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return named(p, path) })
}

// graph is what each package imports, our own by their paths in the repository. What our own import of the
// standard library is in it behind std.
type graph map[string][]string

const std = "std:"

// breaches is what packages of ours import against the rules, sorted.
func breaches(imports graph, ours []string) []string {
	var found []string
	for _, path := range ours {
		i := slices.IndexFunc(importRules, func(r importRule) bool { return named(r.packages, path) })
		if i < 0 {
			found = append(found, path+": no rule says what this package may import")
			continue
		}
		r := importRules[i]
		for _, imported := range imports[path] {
			name, standard := strings.CutPrefix(imported, std)
			if standard && anyNames(r.not, name) || !standard && !anyNames(r.may, name) {
				found = append(found, fmt.Sprintf("%s imports %s: %s", path, name, r.reason))
			}
		}
		for linked, through := range imports.all(path) {
			if anyNames(r.links, linked) {
				found = append(found, fmt.Sprintf("%s links %s through %s: %s", path, linked, through, r.reason))
			}
		}
	}
	slices.Sort(found)
	return found
}

// all is every package that one depends on, with the package through which it was found first.
func (g graph) all(path string) map[string]string {
	through := map[string]string{}
	for queue := []string{path}; len(queue) > 0; queue = queue[1:] {
		for _, imported := range g[queue[0]] {
			if _, seen := through[imported]; !seen {
				through[imported] = queue[0]
				queue = append(queue, imported)
			}
		}
	}
	return through
}

func TestImports(t *testing.T) {
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Standard,Imports", "./...")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	type listed struct {
		ImportPath string
		Standard   bool
		Imports    []string
	}
	packages := map[string]listed{}
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := decoder.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("what go list prints: %v", err)
		}
		packages[p.ImportPath] = p
	}
	imports := graph{}
	var ours []string
	for _, path := range slices.Sorted(maps.Keys(packages)) {
		if packages[path].Standard {
			continue
		}
		name, own := strings.CutPrefix(path, self)
		if own {
			ours = append(ours, name)
		}
		for _, imported := range packages[path].Imports {
			switch {
			case !packages[imported].Standard && imported != "C":
				imports[name] = append(imports[name], strings.TrimPrefix(imported, self))
			case own:
				imports[name] = append(imports[name], std+imported)
			}
		}
	}
	if !slices.Contains(ours, "functions/remediate") || len(imports) < 50 {
		t.Fatalf("go list knows %d packages, ours are %v: this is not the repository", len(imports), ours)
	}
	for _, b := range breaches(imports, ours) {
		t.Error(b)
	}
}

func TestImportRulesNoticeABreach(t *testing.T) {
	const cobra, zip = "github.com/spf13/cobra", "github.com/klauspost/compress/gzip"
	imports := graph{
		"events":                        {"github.com/aws/smithy-go", std + "os"},
		"remediations":                  {"events", sdk + "aws", sdk + "service/s3"},
		"remediations/knowledge/policy": {"events"},
		"remediations/modules":          {"remediations", "remediations/modules/good", "remediations/modules/bad"},
		"remediations/engine":           {"remediations", "remediations/modules"},
		"remediations/modules/good":     {"events", "remediations", "remediations/knowledge/policy", sdk + "aws/arn", sdk + "service/s3/types"},
		"remediations/modules/bad":      {"remediations/modules/good", "remediations/engine", sdk + "config", "fancy.example/x", std + "net/http", std + "os/exec", std + "net/netip"},
		"remediations/ledger":           {"remediations", std + "net/http"},
		"functions/remediate":           {"remediations/modules", "fancy.example/x"},
		"functions/ledger":              {"remediations/engine", "remediations/ledger"},
		"infra":                         {"remediations/modules", "github.com/aws/aws-cdk-go/awscdk/v2/awss3"},
		"infra/config":                  {"remediations", "remediations/modules", "github.com/aws/aws-cdk-go/awscdk/v2/awss3"},
		"scripts/countermand":           {cobra, "infra"},
		"tools/x":                       {},
		"fancy.example/x":               {zip, cobra},
		"github.com/aws/aws-cdk-go/awscdk/v2/awss3": {"github.com/aws/jsii-runtime-go"},
	}
	var ours []string
	for path := range imports {
		if !strings.Contains(path, ".") {
			ours = append(ours, path)
		}
	}
	reasons := map[string]string{}
	for _, r := range importRules {
		reasons[r.packages] = r.reason
	}
	module, lambda, command := reasons["remediations/modules/*"], reasons["functions/..."], reasons["scripts/..."]
	want := []string{
		"events imports github.com/aws/smithy-go: " + reasons["events"],
		"functions/ledger imports remediations/engine: " + reasons["functions/ledger"],
		"functions/ledger links " + zip + " through fancy.example/x: " + reasons["functions/ledger"],
		"functions/ledger links " + cobra + " through fancy.example/x: " + reasons["functions/ledger"],
		"functions/ledger links remediations/modules through remediations/engine: " + reasons["functions/ledger"],
		"functions/ledger links remediations/engine through functions/ledger: " + reasons["functions/ledger"],
		"functions/remediate imports fancy.example/x: " + lambda,
		"functions/remediate links " + zip + " through fancy.example/x: " + lambda,
		"functions/remediate links " + cobra + " through fancy.example/x: " + lambda,
		"infra links remediations/engine through remediations/modules/bad: " + reasons["infra"],
		"infra/config imports github.com/aws/aws-cdk-go/awscdk/v2/awss3: " + reasons["infra/config"],
		"infra/config imports remediations/modules: " + reasons["infra/config"],
		"infra/config links github.com/aws/aws-cdk-go/awscdk/v2/awss3 through infra/config: " + reasons["infra/config"],
		"infra/config links remediations/engine through remediations/modules/bad: " + reasons["infra/config"],
		"infra/config links remediations/modules through infra/config: " + reasons["infra/config"],
		"remediations imports " + sdk + "service/s3: " + reasons["remediations"],
		"remediations/modules/bad imports " + sdk + "config: " + module,
		"remediations/modules/bad imports fancy.example/x: " + module,
		"remediations/modules/bad imports net/http: " + module,
		"remediations/modules/bad imports os/exec: " + module,
		"remediations/modules/bad imports remediations/engine: " + module,
		"remediations/modules/bad imports remediations/modules/good: " + module,
		"remediations/modules links remediations/engine through remediations/modules/bad: " + reasons["remediations/modules"],
		"remediations/engine imports remediations/modules: " + reasons["remediations/engine"],
		"remediations/ledger imports net/http: " + reasons["remediations/ledger"],
		"remediations/ledger imports remediations: " + reasons["remediations/ledger"],
		"remediations/knowledge/policy imports events: " + reasons["remediations/knowledge/policy"],
		"scripts/countermand links github.com/aws/aws-cdk-go/awscdk/v2/awss3 through infra: " + command,
		"scripts/countermand links infra through scripts/countermand: " + command,
		"tools/x: no rule says what this package may import",
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, breaches(imports, ours)); diff != "" {
		t.Errorf("breaches differ (-want +got):\n%s", diff)
	}
}
