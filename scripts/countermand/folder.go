package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/countermand/countermand/remediations/ledger"
)

// folder is a copy of a ledger's bucket in the file system. Nothing outside of it is opened, whatever is in it.
type folder struct{ root *os.Root }

// openFolder is the copy in a folder, as aws s3 sync makes it.
func openFolder(name string) (*folder, error) {
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, err // says what was done to which folder
	}
	for _, part := range []string{"digests", "records"} {
		if info, err := root.Lstat(part); err == nil && info.IsDir() {
			return &folder{root}, nil
		}
	}
	_ = root.Close() // it was only read
	return nil, fmt.Errorf("%s holds neither digests/ nor records/: make a copy of the bucket with\naws s3 sync s3://BUCKET %[1]s", called(name))
}

// Keys implements ledger.Objects.
func (f *folder) Keys(_ context.Context, prefix, after string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		var keys []string
		err := fs.WalkDir(f.root.FS(), path.Clean(prefix), func(name string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() && name > after {
				keys = append(keys, name)
			}
			return err
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			yield("", err)
			return
		}
		slices.Sort(keys) // "15.json" comes before "15/"
		for _, key := range keys {
			if strings.HasPrefix(key, prefix) && !yield(key, nil) {
				return
			}
		}
	}
}

// Open implements ledger.Objects. What is no plain file is not opened: a link may lead anywhere, a pipe never ends.
func (f *folder) Open(_ context.Context, key string) (io.ReadCloser, int64, error) {
	info, err := f.root.Lstat(key)
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, fmt.Errorf("%w: %s", ledger.ErrNotPlainFile, kind(info.Mode()))
	}
	file, err := f.root.Open(key)
	if err != nil {
		return nil, 0, err
	}
	return file, info.Size(), nil
}

func kind(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSymlink != 0:
		return "a symbolic link"
	case mode.IsDir():
		return "a folder"
	}
	return "a device, a pipe or a socket"
}
