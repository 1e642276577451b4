package catalog

import (
	"fmt"
	"slices"
)

// Function is a name under which all functions of a schema are registered as local: they read no tables, and their results
// follow from their arguments and the session's settings. It is not changed once it is part of a [Registry].
type Function struct {
	Schema, Name string
	Signatures   []Signature
}

// Signature is one function of a name.
type Signature struct {
	Arguments  string // types with their schemas, separated by commas
	Definition string // a hash of what it is, equal on servers where it is the same
	Immutable  bool   // its result follows from its arguments alone
}

// Immutable reports whether all functions of the name are.
func (f *Function) Immutable() bool {
	return !slices.ContainsFunc(f.Signatures, func(s Signature) bool { return !s.Immutable })
}

// registeredFunction is a name of keyway.functions as the database describes it.
type registeredFunction struct {
	Schema     string `json:"schema"`
	Name       string `json:"name"`
	Signatures []struct {
		Arguments  string `json:"arguments"`
		Definition string `json:"definition"` // now; "" when it is gone
		Immutable  bool   `json:"immutable"`
		Same       bool   `json:"same"` // as it was registered
	} `json:"signatures"`
	Others int  `json:"others"` // functions of that name that are not registered
	Taken  bool `json:"taken"`  // PostgreSQL has functions of that name
}

// WithFunctions returns r with functions, under another version.
func (r *Registry) WithFunctions(version int64, functions ...*Function) *Registry {
	c := *r
	c.Version, c.functions = version, functions
	return &c
}

// Function returns the registered functions of that name, spelled as PostgreSQL stores it.
func (r *Registry) Function(schema, name string) (*Function, bool) {
	for _, f := range r.functions {
		if f.Name == name && f.Schema == schema {
			return f, true
		}
	}
	return nil, false
}

// Functions returns the functions sorted by schema and name. The slice is the caller's.
func (r *Registry) Functions() []*Function { return slices.Clone(r.functions) }

// FunctionDrift returns what is wrong with registered functions that are not in the registry because they are no longer
// what was registered. The slice is the caller's.
func (r *Registry) FunctionDrift() []*DriftError { return slices.Clone(r.functionDrift) }

// FunctionDriftOf returns why the functions of that name are missing although they are registered; nil when they are not.
func (r *Registry) FunctionDriftOf(schema, name string) *DriftError {
	for _, d := range r.functionDrift {
		if d.Name == name && d.Schema == schema {
			return d
		}
	}
	return nil
}

// addFunctions takes the names whose functions are all what was registered.
func (r *Registry) addFunctions(found []registeredFunction) {
	for i := range found {
		f, why := found[i].function()
		if why != "" {
			r.functionDrift = append(r.functionDrift, &DriftError{Schema: f.Schema, Name: f.Name, Function: true, Reason: why})
			continue
		}
		r.functions = append(r.functions, f)
	}
}

// function returns what is registered, or why that is no longer true. A call by name may mean any function of the name, so
// one that is not what was registered takes the others with it.
func (n *registeredFunction) function() (f *Function, why string) {
	f = &Function{Schema: n.Schema, Name: n.Name}
	for _, s := range n.Signatures {
		switch {
		case s.Definition == "":
			return f, fmt.Sprintf("the function with the arguments (%s) does not exist; if it was dropped: "+
				"select keyway.forget_function('%s', '%s')", s.Arguments, n.Schema, n.Name)
		case !s.Same:
			return f, fmt.Sprintf("the function with the arguments (%s) was changed; register it again: keyway.local_function", s.Arguments)
		}
		f.Signatures = append(f.Signatures, Signature{Arguments: s.Arguments, Definition: s.Definition, Immutable: s.Immutable})
	}
	switch {
	case n.Others > 0:
		return f, "there is another function of that name, which a call may mean; register it too"
	case n.Taken:
		return f, "PostgreSQL has functions of that name, which a call may mean; give it another name"
	}
	return f, ""
}
