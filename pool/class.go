package pool

// A Class says what kind of work a connection is for. The zero value is [Interactive].
type Class uint8

const (
	Interactive Class = iota // somebody waits for the answer
	Scatter                  // one of many shards of a query
	Batch                    // work in the background
	Control                  // the machinery: probes, leases, maps
	numClasses
)

var classNames = [numClasses]string{"interactive", "scatter", "batch", "control"}

// String is the name in statistics and metrics.
func (c Class) String() string {
	if c < numClasses {
		return classNames[c]
	}
	return "unknown"
}

// MarshalText gives the name to encoders such as encoding/json.
func (c Class) MarshalText() ([]byte, error) { return []byte(c.String()), nil }
