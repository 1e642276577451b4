package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/keyway-go/keyway/router"
)

// Load reads a file with the environment of the process, and validates what it says. It connects to nothing.
func Load(path string) (router.Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return router.Config{}, fmt.Errorf("config: %w", err)
	}
	c, err := Parse(data, os.LookupEnv)
	if err != nil {
		return router.Config{}, fmt.Errorf("config: %s:\n%w", path, err)
	}
	return c, nil
}

// Parse reads a document. env looks variables up, as [os.LookupEnv] does; nil means that none is set. Everything that
// is wrong comes joined, each as a sentence that begins with its place.
func Parse(data []byte, env func(string) (string, bool)) (router.Config, error) {
	if env == nil {
		env = func(string) (string, bool) { return "", false }
	}
	root, err := document(data)
	if err != nil {
		return router.Config{}, err
	}
	var problems []error
	problems = append(problems, substitute(root, env)...)
	problems = append(problems, unknownKeys(root)...)
	if len(problems) > 0 {
		return router.Config{}, sorted(problems)
	}
	var f file
	if err := root.Decode(&f); err != nil {
		return router.Config{}, decodeError(err)
	}
	if err := bothSecrets(&f); err != nil {
		return router.Config{}, err
	}
	c := f.config(secrets{env: env})
	return c, c.Validate()
}

// document reads exactly one YAML document, a mapping.
func document(data []byte) (*yaml.Node, error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	err := dec.Decode(&doc)
	switch {
	case errors.Is(err, io.EOF):
		return nil, errors.New("the document is empty")
	case err != nil:
		return nil, plain(err)
	case len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode:
		return nil, errors.New("the document must be a mapping of keys to values")
	}
	var more yaml.Node
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, errors.New("the file must hold one document; write one file for each environment")
	}
	return doc.Content[0], nil
}

// plain is an error of the YAML library without its prefix.
func plain(err error) error { return errors.New(strings.TrimPrefix(err.Error(), "yaml: ")) }

// decodeError takes the library's list of errors apart.
func decodeError(err error) error {
	var types *yaml.TypeError
	if !errors.As(err, &types) {
		return plain(err)
	}
	var problems []error
	for _, e := range types.Errors {
		problems = append(problems, errors.New(unmarshalled.ReplaceAllStringFunc(e, func(said string) string {
			m := unmarshalled.FindStringSubmatch(said)
			switch into := m[2]; {
			case into == "string":
				return m[1] + "must be text"
			case strings.HasPrefix(into, "[]"):
				return m[1] + "must be a list: [a, b]"
			default:
				return m[1] + "must be a mapping of keys to values"
			}
		})))
	}
	return sorted(problems)
}

// unmarshalled is what the library says of a value of the wrong form. It quotes the value, which may be a secret in the
// wrong place, and Go's types.
var unmarshalled = regexp.MustCompile(`(?s)^(line \d+: )cannot unmarshal !!\w+.* into (\S+)$`)

func sorted(problems []error) error {
	slices.SortStableFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(problems...)
}

// bothSecrets refuses credentials whose password is given twice.
func bothSecrets(f *file) error {
	var problems []error
	check := func(place string, c credentials) {
		for name, one := range map[string]credential{"app": c.App, "migrator": c.Migrator} {
			if one.PasswordEnv != "" && one.PasswordFile != "" {
				problems = append(problems, fmt.Errorf("%s.%s: give password_env or password_file, not both", place, name))
			}
		}
	}
	check("credentials", f.Credentials)
	for name, in := range f.Instances {
		check("instances."+name+".credentials", in.Credentials)
	}
	return sorted(problems)
}
