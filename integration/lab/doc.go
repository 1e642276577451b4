// Package lab drives one PostgreSQL server with many callers through different kinds of connections and measures what
// it costs: time, waiting, processor time on both sides, backends and memory.
//
// It is for finding the right size of a pool by trying it, and for the figures of docs/benchmarks.md, where each way
// of connecting stands beside the others in the same run. The figures belong to the workload; see [Workload].
package lab
