package localpg

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"hash/fnv"
	"io"
	"os"
	"path/filepath"
)

// makeData makes the data directory: a copy of what initdb made before for the same server, where the options name a
// directory of templates and the cluster needs no password, else by initdb. A template that cannot be used is replaced.
func (c *Cluster) makeData(ctx context.Context) error {
	if c.opts.Templates == "" || c.opts.Auth != "trust" {
		return c.initdb(ctx)
	}
	template, err := c.template()
	if err != nil {
		return err
	}
	if c.fromTemplate(template) == nil {
		return nil
	}
	if err := os.RemoveAll(c.DataDir()); err != nil {
		return err
	}
	if err := c.initdb(ctx); err != nil {
		return err
	}
	_ = keepTemplate(template, c.DataDir()) // the next cluster is made by initdb too
	return nil
}

// template names the file for this server: its version, where it lies and when it was built.
func (c *Cluster) template() (string, error) {
	server := c.opts.Install.Program("postgres")
	info, err := os.Stat(server)
	if err != nil {
		return "", err
	}
	h := fnv.New64a()
	_, _ = fmt.Fprint(h, server, info.ModTime().UnixNano(), c.initArguments())
	return filepath.Join(c.opts.Templates, fmt.Sprintf("%s-%016x.tar", c.opts.Install.Version, h.Sum64())), nil
}

// keepTemplate archives the data directory of a server that never ran. Several processes may do so at once: each
// writes a file of its own, and the last to finish gives it the name.
func keepTemplate(template, data string) error {
	if err := os.MkdirAll(filepath.Dir(template), 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(template), "unfinished-*")
	if err != nil {
		return err
	}
	archive := tar.NewWriter(file)
	err = errors.Join(archive.AddFS(os.DirFS(data)), archive.Close(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), template)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("keep a template: %w", err), os.Remove(file.Name()))
	}
	return nil
}

// fromTemplate unpacks the template and makes it another server.
func (c *Cluster) fromTemplate(template string) error {
	file, err := os.Open(template)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	root, err := c.makeDataRoot()
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	archive := tar.NewReader(file)
	for {
		switch header, err := archive.Next(); {
		case errors.Is(err, io.EOF):
			return newIdentifier(c.DataDir())
		case err != nil:
			return err
		default:
			if err := c.unpack(root, header, archive); err != nil {
				return err
			}
		}
	}
}

func (c *Cluster) makeDataRoot() (*os.Root, error) {
	if err := os.Mkdir(c.DataDir(), 0o700); err != nil {
		return nil, err
	}
	if err := c.account.own(c.DataDir()); err != nil {
		return nil, err
	}
	return os.OpenRoot(c.DataDir())
}

// unpack makes one file or directory, private to the server's account.
func (c *Cluster) unpack(root *os.Root, header *tar.Header, content io.Reader) error {
	name := filepath.FromSlash(header.Name)
	switch header.Typeflag {
	case tar.TypeDir:
		if name = filepath.Clean(name); name == "." {
			return nil
		}
		if err := root.Mkdir(name, 0o700); err != nil {
			return err
		}
	case tar.TypeReg:
		file, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		_, err = io.Copy(file, content)
		if err := errors.Join(err, file.Close()); err != nil {
			return err
		}
	default:
		return fmt.Errorf("%s in a template is neither a file nor a directory", header.Name)
	}
	return c.account.own(filepath.Join(c.DataDir(), name))
}

// walIdentifier is where the first page of a segment of the write-ahead log has the system identifier.
const walIdentifier = 24

// newIdentifier gives the data of a server that never ran a system identifier of its own, by which PostgreSQL and this
// library tell two servers from one. It stands at the head of pg_control, whose checksum covers it, and in the first
// page of the one segment of the log.
func newIdentifier(data string) error {
	controlFile := filepath.Join(data, "global", "pg_control")
	control, err := os.ReadFile(controlFile)
	if err != nil {
		return err
	}
	sum, err := checksumAt(control)
	if err != nil {
		return err
	}
	segments, err := filepath.Glob(filepath.Join(data, "pg_wal", "0*"))
	if err != nil || len(segments) != 1 {
		return fmt.Errorf("a new server has one segment of its log, not %d: %w", len(segments), err)
	}
	log, err := os.OpenFile(segments[0], os.O_RDWR, 0)
	if err != nil {
		return err
	}
	old, id := bytes.Clone(control[:8]), make([]byte, 8)
	binary.NativeEndian.PutUint64(id, randomIdentifier())
	copy(control, id)
	binary.NativeEndian.PutUint32(control[sum:], crc32.Checksum(control[:sum], castagnoli))
	return errors.Join(replaceAt(log, walIdentifier, old, id), log.Close(), os.WriteFile(controlFile, control, 0o600))
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksumAt finds the checksum of pg_control: it follows what it covers, whose length differs between versions.
func checksumAt(control []byte) (int, error) {
	for at := 8; at+4 <= len(control); at += 4 {
		if crc32.Checksum(control[:at], castagnoli) == binary.NativeEndian.Uint32(control[at:]) {
			return at, nil
		}
	}
	return 0, errors.New("pg_control has no checksum that holds")
}

func replaceAt(file *os.File, at int64, old, now []byte) error {
	there := make([]byte, len(old))
	if _, err := file.ReadAt(there, at); err != nil {
		return err
	}
	if !bytes.Equal(there, old) {
		return errors.New("the log of a new server has another system identifier than its pg_control")
	}
	_, err := file.WriteAt(now, at)
	return err
}

// randomIdentifier is positive as a bigint, as the server shows it.
func randomIdentifier() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:])
	return binary.NativeEndian.Uint64(b[:]) >> 1
}
