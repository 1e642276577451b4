package config

import (
	"fmt"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
)

// file is the YAML document. Its tags are the format; config.schema.json describes the same.
type file struct {
	Environment    string              `yaml:"environment"`
	Application    string              `yaml:"application"`
	Catalog        string              `yaml:"catalog"`
	Schema         string              `yaml:"schema"`
	Budget         budget              `yaml:"budget"`
	Pool           connections         `yaml:"pool"`
	Credentials    credentials         `yaml:"credentials"`
	ConnectTimeout duration            `yaml:"connect_timeout"`
	ExecMode       string              `yaml:"exec_mode"`
	Instances      map[string]instance `yaml:"instances"`
	Shards         map[string]database `yaml:"shards"`
	Tables         map[string]table    `yaml:"tables"`
	Observe        []string            `yaml:"observe"`

	security `yaml:",inline"`
}

type budget struct {
	Connections number `yaml:"connections"`
	Processes   number `yaml:"processes"`
}

type credentials struct {
	App      credential `yaml:"app"`
	Migrator credential `yaml:"migrator"`
}

type credential struct {
	User         string `yaml:"user"`
	PasswordEnv  string `yaml:"password_env"`
	PasswordFile string `yaml:"password_file"`
}

type security struct {
	SSLMode     string `yaml:"sslmode"`
	SSLRootCert string `yaml:"sslrootcert"`
	SSLCert     string `yaml:"sslcert"`
	SSLKey      string `yaml:"sslkey"`
}

type instance struct {
	Home        string      `yaml:"home"`
	Primary     string      `yaml:"primary"`
	Direct      string      `yaml:"direct"`
	Pooler      string      `yaml:"pooler"`
	Replicas    []string    `yaml:"replicas"`
	Credentials credentials `yaml:"credentials"`

	security `yaml:",inline"`
}

type database struct {
	Instance string `yaml:"instance"`
	Database string `yaml:"database"`
}

type table struct {
	Key       names  `yaml:"key"`
	Reference truth  `yaml:"reference"`
	Home      string `yaml:"home"`
}

// Scalars that are not strings are read from their text, because a substituted variable is always text.

type number int

// UnmarshalYAML implements yaml.Unmarshaler.
func (n *number) UnmarshalYAML(node *yaml.Node) error {
	v, err := strconv.Atoi(node.Value)
	if node.Kind != yaml.ScalarNode || err != nil {
		return fmt.Errorf("line %d: must be a whole number", node.Line)
	}
	*n = number(v)
	return nil
}

type truth bool

// UnmarshalYAML implements yaml.Unmarshaler.
func (t *truth) UnmarshalYAML(node *yaml.Node) error {
	switch node.Value {
	case "true":
		*t = true
	case "false":
		*t = false
	default:
		return fmt.Errorf("line %d: must be true or false", node.Line)
	}
	return nil
}

type duration time.Duration

// UnmarshalYAML implements yaml.Unmarshaler.
func (d *duration) UnmarshalYAML(node *yaml.Node) error {
	v, err := time.ParseDuration(node.Value)
	if err != nil {
		return fmt.Errorf("line %d: must be a duration such as 500ms or 5s", node.Line)
	}
	*d = duration(v)
	return nil
}

// names is one name or a list of them.
type names []string

// UnmarshalYAML implements yaml.Unmarshaler.
func (n *names) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		*n = names{node.Value}
		return nil
	}
	var list []string
	if err := node.Decode(&list); err != nil {
		return fmt.Errorf("line %d: must be a column or a list of columns", node.Line)
	}
	*n = list
	return nil
}

// config makes the struct of the document.
func (f *file) config(s secrets) router.Config {
	c := router.Config{
		Environment: f.Environment, Application: f.Application, Catalog: shard.ID(f.Catalog), Schema: f.Schema,
		Budget:         router.Budget{Connections: int(f.Budget.Connections), Processes: int(f.Budget.Processes)},
		Pool:           f.Pool.config(),
		Credentials:    f.Credentials.resolve("credentials", s),
		TLS:            f.tls(),
		ConnectTimeout: time.Duration(f.ConnectTimeout),
		ExecMode:       router.ExecMode(f.ExecMode),
		Instances:      make(map[string]router.Instance, len(f.Instances)),
		Shards:         make(map[shard.ID]router.Shard, len(f.Shards)),
		Observe:        f.Observe,
		Tables:         make(map[string]router.Table, len(f.Tables)),
	}
	for name, in := range f.Instances {
		c.Instances[name] = router.Instance{
			Primary: in.Primary, Direct: in.Direct, Pooler: in.Pooler, Replicas: in.Replicas,
			Home: shard.ID(in.Home), Credentials: in.Credentials.resolve("instances."+name+".credentials", s), TLS: in.tls(),
		}
	}
	for id, s := range f.Shards {
		c.Shards[shard.ID(id)] = router.Shard{Instance: s.Instance, Database: s.Database}
	}
	for name, t := range f.Tables {
		c.Tables[name] = router.Table{Key: t.Key, Reference: bool(t.Reference), Home: shard.ID(t.Home)}
	}
	return c
}

func (s security) tls() router.TLS {
	return router.TLS{Mode: router.TLSMode(s.SSLMode), RootCert: s.SSLRootCert, Cert: s.SSLCert, Key: s.SSLKey}
}
