package scripts_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// notYet lists the beginnings of paths whose texts are not rewritten yet. Run the test with -v to see how many forms
// each folder still has. The list ends empty.
var notYet = []string{
	"CATALOGUE.md",
	"events/", "functions/", "infra/", "remediations/",
	"scripts/countermand/", "scripts/internal/", "scripts/modulelist/",
}

// form is a turn of phrase that a native reader has to read twice.
type form struct {
	name   string
	bad    *regexp.Regexp
	but    *regexp.Regexp // what looks alike and is fine; nil for nothing
	say    string
	caught []string // sentences that have the form
	passes []string // sentences that don't
}

var forms = []form{
	{
		name:   "tell of",
		bad:    regexp.MustCompile(`(?i)\b(tells?|told|telling) of\b|\b(is|are|be|was|were|been|being) told\b`),
		say:    "alert on, report; people are alerted",
		caught: []string{"tell of sign-ins without MFA", "People are told.", "a summary that tells of it"},
		passes: []string{"alert on console sign-ins without MFA", "It tells you what to fill in."},
	},
	{
		name:   "hear",
		bad:    regexp.MustCompile(`(?i)\bhear(s|d|ing)?\b`),
		say:    "receive, see, is delivered",
		caught: []string{"IAM is heard of in us-east-1 only", "Channels hear both topics."},
		passes: []string{"IAM events are delivered only in us-east-1", "shears and hearts"},
	},
	{
		name:   "put right",
		bad:    regexp.MustCompile(`(?i)\bput(s|ting)? ((it|this|that|them|things|(a|the|the same) resources?|resources) )?right\b`),
		say:    "fix",
		caught: []string{"It was put right.", "a module puts the same resource right"},
		passes: []string{"Countermand fixed this.", "put the right role there"},
	},
	{
		name:   "hands off",
		bad:    regexp.MustCompile(`(?i)\bhands off\b`),
		say:    "leave alone",
		caught: []string{"An exemption keeps the module's hands off.", "Unsure means hands off."},
		passes: []string{"An exemption makes the module leave the resource alone.", "EventBridge hands it to a function."},
	},
	{
		name:   "can't be told",
		bad:    regexp.MustCompile(`(?i)\b(can't|cannot|can not|couldn't|could not) (be told|tell)\b|\bcan be told (from|apart|whether)\b`),
		say:    "is unclear, cannot be classified, cannot know, can be distinguished",
		caught: []string{"It can't be told whether it is public.", "could not be told", "A sweep can't tell who made it so."},
		passes: []string{"It is unclear whether it is public.", "A sweep cannot know who caused a state."},
	},
	{
		name: "is none",
		bad: regexp.MustCompile(`(?i)\b(is|are|was|were) none\b|` +
			`\b(hold|holds|held) none\b|\bis no (JSON|number|date|time|role|user|module|ARN|pattern|event|record|kind|value|setting|key|text|object|list|policy|resource|name|mode|Region|account)\b`),
		but:    regexp.MustCompile(`(?i)\b(there|here) (is|are|was|were) (none|no)\b`),
		say:    "is not a valid ..., unexpected ...",
		caught: []string{"%q is none", "its states are none that the action has changed", "it is no JSON", "the answer holds none"},
		passes: []string{"%q is not a valid version", "There is none.", "Where there is no module, stop refuses.", "It is no longer there."},
	},
	{
		name:   "who was deleted",
		bad:    regexp.MustCompile(`(?i)\bwho (was|were|is|are|has been|have been) deleted\b`),
		say:    "deleted principals",
		caught: []string{"a policy that names who was deleted"},
		passes: []string{"a policy that names deleted principals", "who deleted the trail"},
	},
	{
		name:   "take back",
		bad:    regexp.MustCompile(`(?i)\b(take|takes|took|taken|taking)( (it|this|that|them|one|these|all|the \w+|what \w+ \w+))? back\b`),
		but:    regexp.MustCompile(`(?i)\btakes? back dangerous AWS API calls\b`), // the product's own slogan
		say:    "revert; undo, for what a person does",
		caught: []string{"or this is taken back as well", "take one back", "A run is taken back once."},
		passes: []string{"Countermand takes back dangerous AWS API calls, seconds after they were made.", "or Countermand reverts this again"},
	},
	{
		name:   "as far as to be",
		bad:    regexp.MustCompile(`(?i)\bas far as to be\b|\bright as it is\b|\bin silence\b`),
		say:    "ready, correct, silently",
		caught: []string{"it ends in silence"},
		passes: []string{"It never ends silently.", "as far as the module may go"},
	},
	{
		name:   "goes by it",
		bad:    regexp.MustCompile(`(?i)\b(go|goes|went|going) by (it|this|that|them|the (event|state|file|record|switch))\b`),
		say:    "follows it, takes effect",
		caught: []string{"Functions go by it within a minute."},
		passes: []string{"Takes effect within a minute.", "Time goes by."},
	},
	{
		name: "participle first",
		bad: regexp.MustCompile(`(?:^|[.!?] )(?:(Also|Not) )?(?:` +
			`[A-Z]\w*ed( (back|on|off|again|out|in|up|away|alone|too)){0,3}( of)? (is|are)|` +
			`([Tt]old|[Ss]een|[Hh]eard|[Ll]eft( alone)?|[Mm]eant|[Kk]nown|[Tt]aken|[Gg]iven|[Kk]ept|[Ss]hown|noticed|judged|covered)( of)? (is|are)|` +
			`(Judged|Decided|Told|Noticed) by|left alone is|` +
			`(Wrong|Public|Open|Suspect|Missing) (is|are) (a|an|the|what|who|each|every))\b`),
		but:    regexp.MustCompile(`(Need|Speed|Seed|Feed|Embed)ed? (is|are)`),
		say:    "the subject first: Alerts on every new key; Does not cover ...",
		caught: []string{"Told of is each new key.", "It ends. Not seen is a role.", "Switched back on is a detector.", "Not noticed are plans.", "Wrong is a bucket that is open.", "Protected is a key"},
		passes: []string{"Alerts on every new key.", "The region is known.", "Amazon is big. Nobody is.", "Everything removed is listed."},
	},
	{
		name: "take out of",
		bad: regexp.MustCompile(`(?i)\b(take|takes|took|taken|taking)( [\w'-]+){0,8} out of (a|an|the|its|all|it|them)\b|` +
			`\b(make|makes|made|making)( [\w'-]+){0,6} inactive\b|\bbegins? (a|the) (new )?module\b`),
		say:    "remove from; deactivate; scaffold",
		caught: []string{"take those who are not trusted out of a role's trust policy", "make a new access key inactive", "begin a module of your own"},
		passes: []string{"remove untrusted principals from a role's trust policy", "deactivate newly created access keys", "it takes ten minutes"},
	},
	{
		name:   "let loose",
		bad:    regexp.MustCompile(`(?i)\blet loose\b|\bis let (through|in|to|write|act)\b`),
		say:    "allow, may",
		caught: []string{"the action is let loose only then"},
		passes: []string{"the action may run only then", "Let it watch, then let a module act."},
	},
	{
		name:   "whoever",
		bad:    regexp.MustCompile(`(?i)\bwhoever\b|\bnobody that is\b`),
		say:    "name the noun: anyone who, the caller, an attacker",
		caught: []string{"Whoever can make it match is exempt.", "nobody that is known"},
		passes: []string{"Anyone who can make it match is exempt."},
	},
	{
		name:   "a clause as the subject",
		bad:    regexp.MustCompile(`(?:^|[.!?] )(What|Who) [^.?!:]*[^.?!: ]\.(?: |$)`),
		say:    "name the noun: A failed look-up never counts as ...",
		caught: []string{"What can't be looked up is not \"not exempt\".", "It ends. Who may set it can disarm it."},
		passes: []string{"What is wrong, in one sentence? Say it.", "What happened: a run failed.", "What it does"},
	},
	{
		name:   "of whom",
		bad:    regexp.MustCompile(`(?i)\bof whom\b|\bof which it\b`),
		say:    "two sentences",
		caught: []string{"A statement of which it is unclear whether it is public"},
		passes: []string{"the people who use it", "seven bytes of which two are zero"},
	},
	{
		name:   "remediation",
		bad:    regexp.MustCompile(`(?i)\bremediations?\b`),
		but:    regexp.MustCompile(`\S*\bremediations[/.:"]\S*|\S*/remediations\b|\binfra remediations\b`), // the package and its folder
		say:    "module",
		caught: []string{"Each such remediation is a module."},
		passes: []string{"go test ./remediations/... and remediations.Found", "gofmt -l infra remediations scripts", "import \"x/remediations\""},
	},
}

// awkward returns the forms that a text has, each with its words.
func awkward(text string) []string {
	var found []string
	for _, f := range forms {
		searched := text
		if f.but != nil {
			searched = f.but.ReplaceAllString(searched, "_")
		}
		for _, words := range f.bad.FindAllString(searched, -1) {
			found = append(found, fmt.Sprintf("%q (%s): say: %s", strings.TrimLeft(words, ".!? "), f.name, f.say))
		}
	}
	return found
}

// passage is a text that people read, in one line, and where it begins.
type passage struct {
	line int
	text string
}

// docComment is the rule for comments on functions. A noun phrase says what the function "is", a verb what it does.
var docComment = regexp.MustCompile(`^(\w+) (is|are|was)\b`)

func TestEnglish(t *testing.T) {
	awaiting := map[string]int{}
	texts := 0
	report := func(file string, line int, problem string) {
		if slices.ContainsFunc(notYet, func(prefix string) bool { return strings.HasPrefix(file, prefix) }) {
			awaiting[path.Dir(file)]++
			return
		}
		t.Errorf("%s:%d: %s", file, line, problem)
	}
	forEachFile(t, func(file string, text []byte) {
		passages, comments := read(t, file, string(text))
		texts += len(passages)
		for _, p := range passages {
			for _, problem := range awkward(p.text) {
				report(file, p.line, problem)
			}
		}
		for _, c := range comments {
			report(file, c.line, fmt.Sprintf("%q: say what the function returns or does", c.text))
		}
	})
	for name, help := range helpTexts(t) {
		for _, p := range paragraphs(help) {
			texts++
			for _, problem := range awkward(p.text) {
				report("scripts/countermand/"+name, p.line, problem)
			}
		}
	}
	if texts < 1000 {
		t.Errorf("%d texts were read: this is not the repository", texts)
	}
	for _, folder := range slices.Sorted(maps.Keys(awaiting)) {
		t.Logf("%4d to rewrite in %s", awaiting[folder], folder)
	}
	t.Logf("%d texts read", texts)
}

// read returns the passages of a file that people read, and the beginnings of comments on functions that break the rule.
func read(t *testing.T, file, text string) (passages, comments []passage) {
	t.Helper()
	switch {
	case strings.Contains(file, "testdata/") || strings.HasSuffix(file, "_test.go"):
		return nil, nil
	case strings.HasSuffix(file, ".go"):
		passages, comments, err := goTexts(file, text)
		if err != nil {
			t.Fatal(err)
		}
		return passages, comments
	case strings.HasSuffix(file, ".md"):
		return markdown(text), nil
	case strings.HasSuffix(file, ".yaml"), strings.HasSuffix(file, ".tmpl"), strings.HasPrefix(text, "#!"), file == "scripts/tools":
		return paragraphs(text), nil
	}
	return nil, nil
}

// goTexts returns the strings of a Go file, those joined by + as one, and the comments on functions that say what the
// function "is".
func goTexts(file, text string) (passages, comments []passage, err error) {
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, file, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, nil, err
	}
	line := func(n ast.Node) int { return files.Position(n.Pos()).Line }
	check := func(name *ast.Ident, doc *ast.CommentGroup) {
		if match := docComment.FindStringSubmatch(doc.Text()); match != nil && strings.EqualFold(match[1], name.Name) {
			comments = append(comments, passage{line(doc), match[0]})
		}
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.FuncDecl:
			check(n.Name, n.Doc)
		case *ast.InterfaceType:
			for _, method := range n.Methods.List {
				if len(method.Names) == 1 {
					check(method.Names[0], method.Doc)
				}
			}
		case *ast.BinaryExpr:
			if joined, ok := literal(n); ok {
				passages = append(passages, shifted(joined, line(n))...)
				return false
			}
		case *ast.BasicLit:
			if text, ok := literal(n); ok {
				passages = append(passages, shifted(text, line(n))...)
			}
		}
		return true
	})
	return passages, comments, nil
}

// literal returns the text of a string, or of strings joined by +; other operands become a gap.
func literal(n ast.Expr) (string, bool) {
	switch n := n.(type) {
	case *ast.BasicLit:
		if n.Kind == token.STRING {
			text, err := strconv.Unquote(n.Value)
			return text, err == nil
		}
	case *ast.BinaryExpr:
		if n.Op == token.ADD {
			left, isLeft := literal(n.X)
			right, isRight := literal(n.Y)
			if !isLeft {
				left = "_"
			}
			if !isRight {
				right = "_"
			}
			return left + right, isLeft || isRight
		}
	}
	return "", false
}

func shifted(text string, line int) []passage {
	list := paragraphs(text)
	for i := range list {
		list[i].line += line - 1
	}
	return list
}

// commentMark is what begins a comment line in YAML and in shell scripts.
var commentMark = regexp.MustCompile(`^[ \t]*#+!?[ \t]*`)

// paragraphs returns the paragraphs of a text, each in one line.
func paragraphs(text string) []passage {
	var list []passage
	open := false
	number := 0
	for line := range strings.Lines(text) {
		number++
		words := strings.Join(strings.Fields(commentMark.ReplaceAllString(line, "")), " ")
		switch {
		case words == "":
			open = false
		case open:
			list[len(list)-1].text += " " + words
		default:
			list = append(list, passage{number, words})
			open = true
		}
	}
	return list
}

var (
	inlineCode = regexp.MustCompile("`[^`]*`")
	linkTarget = regexp.MustCompile(`\]\([^)]*\)`)
	newBlock   = regexp.MustCompile(`^\s*([-*] |\d+\. |#+ |>)`)
)

// markdown returns the paragraphs, list items, headings and table cells of a page, and the lines of its code.
func markdown(text string) []passage {
	var list []passage
	code := false
	start, block := 0, ""
	flush := func() {
		for cell := range strings.SplitSeq(linkTarget.ReplaceAllString(inlineCode.ReplaceAllString(block, "CODE"), "]"), "|") {
			cell = strings.TrimLeft(strings.ReplaceAll(strings.TrimSpace(cell), "**", ""), "-*# ")
			if cell != "" {
				list = append(list, passage{start, cell})
			}
		}
		block = ""
	}
	number := 0
	for line := range strings.Lines(text) {
		number++
		words := strings.Join(strings.Fields(line), " ")
		fence := strings.HasPrefix(words, "```")
		if fence || code || words == "" || newBlock.MatchString(line) || strings.HasPrefix(words, "|") {
			flush()
		}
		switch {
		case fence:
			code = !code
		case code && words != "":
			list = append(list, passage{number, words})
		case words != "":
			if block == "" {
				start = number
			}
			block = strings.TrimSpace(block + " " + words)
		}
	}
	flush()
	return list
}

// helpTexts returns what each command says of itself, by its name.
func helpTexts(t *testing.T) map[string]string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "countermand")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "./scripts/countermand")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the command line: %v\n%s", err, out)
	}
	help := map[string]string{}
	var ask func(args ...string)
	ask = func(args ...string) {
		out, err := exec.CommandContext(t.Context(), binary, append(args, "--help")...).Output()
		if err != nil {
			t.Fatalf("help of %v: %v", args, err)
		}
		help[strings.Join(append(args, "--help"), " ")] = string(out)
		_, list, _ := strings.Cut(string(out), "Available Commands:\n")
		list, _, _ = strings.Cut(list, "\n\n")
		for line := range strings.Lines(list) {
			if words := strings.Fields(line); len(words) > 0 && words[0] != "help" {
				ask(append(slices.Clone(args), words[0])...)
			}
		}
	}
	ask()
	if len(help) < 10 {
		t.Errorf("%d commands have a help text: where are the others?", len(help))
	}
	return help
}

// Each form catches what it is made for, and passes what is fine.
func TestFormsNoticeABreach(t *testing.T) {
	for _, f := range forms {
		has := func(text string) bool {
			return slices.ContainsFunc(awkward(text), func(problem string) bool { return strings.Contains(problem, "("+f.name+")") })
		}
		for _, text := range f.caught {
			if !has(text) {
				t.Errorf("%s: %q is not caught", f.name, text)
			}
		}
		for _, text := range f.passes {
			if has(text) {
				t.Errorf("%s: %q is caught", f.name, text)
			}
		}
		if len(f.caught) == 0 || len(f.passes) == 0 {
			t.Errorf("%s is never tried", f.name)
		}
	}
}

// The readers find the texts of each kind of file, at their lines.
func TestEnglishIsReadWhereItStands(t *testing.T) {
	source := "package a\n\nimport \"told of\"\n\n// Found is a finding.\nfunc Found() string {\n\treturn \"people \" +\n\t\tname + \"are told\"\n}\n\n" +
		"type S interface {\n\t// get is the state.\n\tget()\n}\n\n// Kept returns what is.\nfunc Kept() {}\n"
	for _, c := range []struct {
		file, text string
		want       []passage
		comments   []passage
	}{
		{"a.go", source, []passage{{7, "people _are told"}}, []passage{{5, "Found is"}, {12, "get is"}}},
		{"a_test.go", source, nil, nil},
		{"a.md", "# What\n\nOne `told of`\ntwo [x](y.md).\n\n| a | b |\n|---|---|\n- item\n```\ntold of\n```\n",
			[]passage{{1, "What"}, {3, "One CODE two [x]."}, {6, "a"}, {6, "b"}, {8, "item"}, {10, "told of"}}, nil},
		{"a.yaml", "# people are\n# told\n\nkey: 1\n", []passage{{1, "people are told"}, {4, "key: 1"}}, nil},
		{"scripts/x", "#!/bin/sh\necho told of\n", []passage{{1, "/bin/sh echo told of"}}, nil},
		{"testdata/a.md", "told of", nil, nil},
		{"a.json", "told of", nil, nil},
	} {
		passages, comments := read(t, c.file, c.text)
		if !slices.Equal(passages, c.want) {
			t.Errorf("%s: %+v, want %+v", c.file, passages, c.want)
		}
		if !slices.Equal(comments, c.comments) {
			t.Errorf("%s: comments %+v, want %+v", c.file, comments, c.comments)
		}
	}
}
