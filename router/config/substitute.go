package config

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// substitute replaces ${VAR} in every value of the document. Keys are left alone.
func substitute(root *yaml.Node, env func(string) (string, bool)) []error {
	var problems []error
	eachScalar(root, "", map[*yaml.Node]bool{}, func(n *yaml.Node, place string) {
		if !strings.Contains(n.Value, "$") {
			return
		}
		v, err := expand(n.Value, env)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s (line %d): %w", place, n.Line, err))
			return
		}
		n.Value = v
		n.Tag = "!!str" // what a variable holds is text, whatever it looks like
	})
	return problems
}

// eachScalar visits the values, each once, with their place such as instances.pg-a.primary.
func eachScalar(n *yaml.Node, place string, seen map[*yaml.Node]bool, f func(n *yaml.Node, place string)) {
	if seen[n] {
		return
	}
	seen[n] = true
	switch n.Kind {
	case yaml.ScalarNode:
		f(n, place)
	case yaml.AliasNode:
		eachScalar(n.Alias, place, seen, f)
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			eachScalar(n.Content[i+1], join(place, n.Content[i].Value), seen, f)
		}
	default:
		for i, item := range n.Content {
			eachScalar(item, fmt.Sprintf("%s[%d]", place, i), seen, f)
		}
	}
}

func join(place, key string) string {
	if place == "" {
		return key
	}
	return place + "." + key
}

// expand replaces the variables in s once: what they hold is not looked at again.
func expand(s string, env func(string) (string, bool)) (string, error) {
	var b strings.Builder
	for {
		at := strings.Index(s, "${")
		if at < 0 {
			b.WriteString(s)
			return b.String(), nil
		}
		if at > 0 && s[at-1] == '$' {
			b.WriteString(s[:at-1] + "${")
			s = s[at+2:]
			continue
		}
		b.WriteString(s[:at])
		end := strings.IndexByte(s[at:], '}')
		if end < 0 {
			return "", fmt.Errorf("${ has no }; write $${ for the two characters themselves")
		}
		v, err := variable(s[at+2:at+end], env)
		if err != nil {
			return "", err
		}
		b.WriteString(v)
		s = s[at+end+1:]
	}
}

// variable is the value of NAME or NAME:-default.
func variable(expr string, env func(string) (string, bool)) (string, error) {
	name, fallback, hasFallback := strings.Cut(expr, ":-")
	if !isName(name) {
		return "", fmt.Errorf("${%s} is not a variable; write ${NAME} or ${NAME:-default}, and $${ for the two characters "+
			"themselves", expr)
	}
	v, ok := env(name)
	switch {
	case hasFallback && v == "":
		return fallback, nil
	case !ok:
		return "", fmt.Errorf("the variable %s is not set; set it, or write ${%s:-default}", name, name)
	}
	return v, nil
}

func isName(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}
