package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	static "github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/countermand/countermand/remediations/ledger"
)

// The tests' ledger has records in its first hour and ends with its third.
var ledgerBegins = time.Date(2025, 3, 1, 9, 0, 0, 0, time.UTC)

const (
	firstRecord  = "records/2025/03/01/09/20250301T090100Z-s3-public-policy-01-v2.json"
	secondRecord = "records/2025/03/01/09/20250301T090101Z-s3-public-policy-01-v3.json"
	firstDigest  = "digests/2025/03/01/09.json"
)

// copied is a folder that a ledger is written into.
type copied struct {
	*folder
	name string
}

func (c copied) Create(_ context.Context, key string, body []byte) error {
	path := filepath.Join(c.name, key)
	return errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, body, 0o600))
}

// newLedger fills the current folder: the copy of a bucket in "copy", and its key in key.der and key.pem.
func newLedger(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	write(t, "key.der", string(der))
	write(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))
	write(t, filepath.Join("copy", firstRecord), `{"version":2}`)
	write(t, filepath.Join("copy", secondRecord), `{"version":3}`)
	f, err := openFolder("copy")
	if err != nil {
		t.Fatal(err)
	}
	maker := ledger.Maker{
		Ledger: ledger.Ledger{Account: "111122223333", Region: "eu-west-1", Bucket: "the-records", Key: "arn", RetentionDays: 36500},
		Store:  copied{f, "copy"},
		Sign:   func(_ context.Context, sum []byte) ([]byte, error) { return ecdsa.SignASN1(rand.Reader, key, sum) },
	}
	if made, err := maker.Make(t.Context(), ledgerBegins.Add(3*time.Hour)); err != nil || made.Digests != 3 {
		t.Fatalf("made %+v, error %v", made, err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// runHere runs the command line in the current folder.
func runHere(load loader, args ...string) (stdout string, err error) {
	var out bytes.Buffer
	root := rootCommand(fixtures, load)
	root.SetArgs(args)
	root.SetOut(&out)
	root.SetErr(io.Discard)
	err = root.Execute()
	return out.String(), err
}

var hexadecimal = regexp.MustCompile(`[0-9a-f]{64}`)

func TestVerify(t *testing.T) {
	newLedger(t)
	const until = "--until=2025-03-01T12:00:00Z"
	for _, key := range []string{"key.der", "key.pem"} {
		out, err := runHere(noAccount, "verify", "copy", "--key", key, until)
		if err != nil {
			t.Error(err)
		}
		wants(t, "the report", `checked: 3 digests, from 2025-03-01 09:00 to 2025-03-01 12:00 UTC; 2 records as written
the chain of digests begins there
newest digest, to be kept for --digest: SHA256
all is well: nothing was changed, removed, added or reordered
`, hexadecimal.ReplaceAllString(out, "SHA256"))
		noted := hexadecimal.FindString(out)
		if _, err := runHere(noAccount, "verify", "copy", "--key", key, until, "--digest", noted); err != nil {
			t.Errorf("the digest that was printed is not found: %v", err)
		}
	}
	out, err := runHere(noAccount, "verify", "copy", "--key", "key.der", until, "--digest", strings.Repeat("0", 64))
	if err == nil || !strings.Contains(out, "holds no digest with the SHA-256 0000") {
		t.Errorf("a digest that never was: %v, and\n%s", err, out)
	}
	out, err = runHere(noAccount, "verify", "copy", "--key", "key.der", "--since=2025-03-01T10:00:00Z", until)
	if err != nil || !strings.HasPrefix(out, "checked: 2 digests, from 2025-03-01 10:00 to 2025-03-01 12:00 UTC; 0 records as written\nnewest") {
		t.Errorf("a part of the time: %v, and\n%s", err, out)
	}
	out, err = runHere(noAccount, "verify", "copy", "--key", "key.der")
	wantsError(t, "1 problem: what was recorded is not as it was written, or not proven", err)
	wants(t, "the report of an old copy", `wrong: digests/2025/03/01/11.json is the newest digest: nothing after 2025-03-01 12:00 UTC is proven
checked: 3 digests, from 2025-03-01 09:00 to 2025-03-01 12:00 UTC; 2 records as written
`, out)
}

func TestFolderKeys(t *testing.T) {
	newLedger(t)
	write(t, "copy/records/2025/03/01/09.json", "")
	f, err := openFolder("copy")
	if err != nil {
		t.Fatal(err)
	}
	keys := func(prefix, after string) string {
		var all []string
		for key, err := range f.Keys(t.Context(), prefix, after) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, key)
		}
		return strings.Join(all, "\n")
	}
	wants(t, "all records", "records/2025/03/01/09.json\n"+firstRecord+"\n"+secondRecord, keys("records/", ""))
	wants(t, "those after the first", secondRecord, keys("records/", firstRecord))
	wants(t, "those of an hour", firstRecord+"\n"+secondRecord, keys("records/2025/03/01/09/", ""))
	wants(t, "those of an hour without any", "", keys("records/2025/03/01/10/", ""))
}

// What is wrong is printed, without what a terminal may take for a command, and is an error in both formats.
func TestVerifyFindsWhatWasChanged(t *testing.T) {
	newLedger(t)
	write(t, filepath.Join("copy", firstRecord), `{"version":7}`)
	write(t, "copy/records/\x1b[2J\nevil", "{}")
	const summary = "2 problems: what was recorded is not as it was written, or not proven"
	args := []string{"verify", "copy", "--key=key.der", "--until=2025-03-01T12:00:00Z"}
	out, err := runHere(noAccount, args...)
	wantsError(t, summary, err)
	wants(t, "the report", "wrong: records/\ufffd[2J\ufffdevil is not the name of a record\n"+
		"wrong: "+firstRecord+" was changed: its SHA-256 is not the one that "+firstDigest+" has for it\n"+
		"checked: 3 digests, from 2025-03-01 09:00 to 2025-03-01 12:00 UTC; 1 record as written\n", out)
	out, err = runHere(noAccount, append(args, "--format=json")...)
	wantsError(t, summary, err)
	var report ledger.Report
	if err := json.Unmarshal([]byte(out), &report); err != nil || len(report.Problems) != 2 || report.Records != 1 || report.Problems[1].Object != firstRecord {
		t.Errorf("%v, and\n%s", err, out)
	}
}

// What somebody has put into the folder leads nowhere else, and ends.
func TestVerifyOfAHostileFolder(t *testing.T) {
	newLedger(t)
	first, digest := filepath.Join("copy", firstRecord), filepath.Join("copy", firstDigest)
	secret, err := os.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}
	write(t, "outside.json", string(secret))
	for name, c := range map[string]struct {
		change func() error
		want   string
	}{
		"a link to the same content outside": {func() error { return os.Symlink("../../../../../../outside.json", first) },
			firstRecord + " can't be read: not a plain file: a symbolic link"},
		"a link to a device": {func() error { return os.Symlink("/dev/zero", first) },
			firstRecord + " can't be read: not a plain file: a symbolic link"},
		"a pipe":   {func() error { return syscall.Mkfifo(first, 0o600) }, firstRecord + " can't be read: not a plain file: a device, a pipe or a socket"},
		"a folder": {func() error { return os.Mkdir(first, 0o700) }, firstRecord + " can't be read: not a plain file: a folder"},
		"a huge record": {func() error { return errors.Join(os.WriteFile(first, nil, 0o600), os.Truncate(first, 1<<40)) },
			firstRecord + " was changed: it has 1099511627776 bytes and had 13"},
		"a huge digest": {func() error { return os.Truncate(digest, 1<<40) },
			firstDigest + " can't be read: not a plain file: 1099511627776 bytes, want at most 67108864"},
		"no JSON": {func() error { return os.WriteFile(digest, []byte("{"), 0o600) }, firstDigest + " does not fit its signature"},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(digest)
			if err := errors.Join(err, os.RemoveAll(first), c.change()); err != nil {
				t.Fatal(err)
			}
			out, err := runHere(noAccount, "verify", "copy", "--key=key.der", "--until=2025-03-01T12:00:00Z")
			if err == nil || !strings.Contains(out, "wrong: "+c.want) {
				t.Errorf("%v, and\n%s\nwant %s", err, out, c.want)
			}
			if err := errors.Join(os.RemoveAll(first), os.WriteFile(first, secret, 0o600), os.WriteFile(digest, text, 0o600)); err != nil {
				t.Fatal(err)
			}
		})
	}
	if err := errors.Join(os.RemoveAll("copy/records"), os.Symlink(t.TempDir(), "copy/records")); err != nil {
		t.Fatal(err)
	}
	if out, err := runHere(noAccount, "verify", "copy", "--key=key.der", "--until=2025-03-01T12:00:00Z"); err == nil {
		t.Errorf("the records are in a folder elsewhere, and all is well:\n%s", out)
	}
}

func TestVerifyRefuses(t *testing.T) {
	newLedger(t)
	write(t, "empty/other", "")
	write(t, "private.pem", string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: []byte{1}})))
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "a folder, or s3:// and the name of a bucket, is missing"},
		{[]string{"copy", "copy", "--key=key.der"}, "want one folder or bucket, got 2"},
		{[]string{"copy"}, "--key is missing: without the ledger's public key, anybody could have signed"},
		{[]string{"copy", "--key=absent"}, "--key absent: open absent: no such file"},
		{[]string{"copy", "--key=empty/other"}, "--key empty/other: want a public key in DER or PEM"},
		{[]string{"copy", "--key=private.pem"}, `--key private.pem: want a public key, got PEM of type "EC PRIVATE KEY"`},
		{[]string{"copy", "--key=key.der", "--since=soon"}, "--since soon: want a duration"},
		{[]string{"copy", "--key=key.der", "--until=soon"}, "--until soon: want a duration"},
		{[]string{"copy", "--key=key.der", "--since=2025-03-01", "--until=2025-03-01"}, "--until 2025-03-01: want at least an hour after --since"},
		{[]string{"copy", "--key=key.der", "--digest=ABC"}, "--digest ABC: want the SHA-256 of a digest"},
		{[]string{"copy", "--key=key.der", "--format=xml"}, `unknown format "xml"`},
		{[]string{"absent", "--key=key.der"}, "open absent: no such file"},
		{[]string{"key.der", "--key=key.der"}, "open key.der: not a directory"},
		{[]string{"empty", "--key=key.der"}, "empty holds neither digests/ nor records/: make a copy of the bucket with\naws s3 sync s3://BUCKET empty"},
		{[]string{"s3://", "--key=key.der"}, `want s3:// and the name of a bucket, got "s3://"`},
		{[]string{"s3://the-records/records", "--key=key.der"}, `want s3:// and the name of a bucket, got "s3://the-records/records"`},
		{[]string{"s3://the-records", "--key=key.der"}, "load your AWS configuration: there is no account"},
	} {
		out, err := runHere(noAccount, append([]string{"verify"}, c.args...)...)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || out != "" {
			t.Errorf("%q: %v, and %q\nwant %s", c.args, err, out, c.want)
		}
	}
}

// bucketOf answers S3's calls from a folder.
type bucketOf string

func (b bucketOf) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := func(status int, body string) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: http.Header{}, Request: r, ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body))}, nil
	}
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case bucket != "the-records" && bucket != "other-records":
		return answer(http.StatusNotFound, `<Error><Code>NoSuchBucket</Code></Error>`)
	case key != "":
		text, err := os.ReadFile(filepath.Join(string(b), key))
		if err != nil {
			return answer(http.StatusNotFound, `<Error><Code>NoSuchKey</Code></Error>`)
		}
		return answer(http.StatusOK, string(text))
	}
	var list strings.Builder
	err := fs.WalkDir(os.DirFS(string(b)), ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.HasPrefix(name, r.URL.Query().Get("prefix")) {
			list.WriteString("<Contents><Key>" + name + "</Key></Contents>")
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return answer(http.StatusOK, "<ListBucketResult>"+list.String()+"</ListBucketResult>")
}

func (b bucketOf) load(context.Context, ...func(*config.LoadOptions) error) (aws.Config, error) {
	return aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String("http://127.0.0.1:1"), HTTPClient: &http.Client{Transport: b},
		Credentials: static.NewStaticCredentialsProvider("test", "test", ""),
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
	}, nil
}

func TestVerifyABucket(t *testing.T) {
	newLedger(t)
	verify := func(place string) (string, error) {
		return runHere(bucketOf("copy").load, "verify", place, "--key=key.der", "--until=2025-03-01T12:00:00Z")
	}
	if out, err := verify("s3://the-records/"); err != nil || !strings.Contains(out, "2 records as written") {
		t.Errorf("%v, and\n%s", err, out)
	}
	out, err := verify("s3://other-records")
	if err == nil || !strings.Contains(out, "wrong: "+firstDigest+" is a digest of the bucket the-records") {
		t.Errorf("another bucket with the same objects: %v, and\n%s", err, out)
	}
	_, err = verify("s3://no-records")
	if err == nil || !strings.HasPrefix(err.Error(), "s3://no-records could not be checked: there is no such bucket") {
		t.Errorf("no bucket: %v", err)
	}
	if err := os.Remove(filepath.Join("copy", secondRecord)); err != nil {
		t.Fatal(err)
	}
	if out, err := verify("s3://the-records"); err == nil || !strings.Contains(out, "wrong: "+secondRecord+" is missing") {
		t.Errorf("a record is missing: %v, and\n%s", err, out)
	}
}
