package plan

import (
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"
)

// ResultColumn is a column of the rows that the shards send, as the server describes it.
type ResultColumn struct {
	Name string
	Type uint32 // the oid of its type
}

// finalQuery is what a server does over the rows of all shards. It is written when the columns' types are known.
type finalQuery struct {
	distinct bool      // the rows are made distinct first
	on       []SortKey // DISTINCT ON
	order    []SortKey
	hidden   int
	ties     bool
	equal    []collation // how the columns are compared with distinct

	grouped *groupedQuery // of a statement that groups; then nothing else is set
}

// Final writes the query that a server runs over the rows of all shards, given as the relation parts with the columns
// c1, c2 and so on: one for each of columns, which are those that the shards sent. Its arguments are those of
// [ScatterBinding.FinalArgs]; parts must be made of further ones, or be a table.
//
// The error is a [*Refusal] when the types show that the result would not be exact: sums of floats, text under a
// collation that is not known.
func (s *Scatter) Final(columns []ResultColumn) (string, error) {
	if s.final == nil {
		return "", refuse(Inexact, -1, "the plan has no final query", "")
	}
	if s.final.grouped != nil {
		return s.final.grouped.write(columns, s.approximate)
	}
	return s.final.write(columns)
}

func (f *finalQuery) write(columns []ResultColumn) (string, error) {
	visible := columns[:len(columns)-f.hidden]
	if err := f.comparable(visible); err != nil {
		return "", err
	}
	order, err := orderText(f.order, columns)
	if err != nil {
		return "", err
	}
	from := "parts"
	switch {
	case len(f.on) > 0:
		on, err := keysText(f.on, columns)
		if err != nil {
			return "", err
		}
		from = "(select distinct on (" + strings.Join(on, ", ") + ") * from parts" + order + ") as parts"
	case f.distinct:
		from = "(select distinct * from parts) as parts"
	}
	outs := make([]string, 0, len(visible))
	for i, c := range visible {
		outs = append(outs, "parts.c"+strconv.Itoa(i+1)+" as "+quote(c.Name))
	}
	text := "select " + strings.Join(outs, ", ") + " from " + from + order
	if f.ties {
		return text + " offset $2 fetch first ($1) rows with ties", nil
	}
	return text + " limit $1 offset $2", nil
}

// comparable refuses to make rows distinct by text whose equality is not that of bytes.
func (f *finalQuery) comparable(visible []ResultColumn) error {
	for i, c := range visible {
		if !f.distinct || !collatable(c.Type) {
			continue
		}
		if i >= len(f.equal) || !f.equal[i].known || f.equal[i].loose {
			return notComparable(c.Name)
		}
	}
	return nil
}

func notComparable(name string) *Refusal {
	return &Refusal{Reason: Inexact, Offset: -1,
		Detail: "the collation by which the text of the column " + quote(name) + " is compared is not known, or calls different texts equal",
		Hint:   `write COLLATE "C" behind the expression, or group by the key`}
}

// keysText writes the columns of an order.
func keysText(keys []SortKey, columns []ResultColumn) ([]string, error) {
	texts := make([]string, 0, len(keys))
	for _, k := range keys {
		i := k.Column
		if i < 0 {
			i += len(columns)
		}
		if i < 0 || i >= len(columns) {
			return nil, refuse(Inexact, -1, "the shards sent fewer columns than the statement has", "bring their schemas to the same version")
		}
		text := "parts.c" + strconv.Itoa(i+1)
		if collatable(columns[i].Type) {
			if !k.CollationKnown {
				return nil, notOrderable(columns[i].Name)
			}
			if k.Collation != "" {
				text += " collate " + k.Collation
			}
		}
		texts = append(texts, text)
	}
	return texts, nil
}

func notOrderable(name string) *Refusal {
	return &Refusal{Reason: Inexact, Offset: -1,
		Detail: "the collation by which the text of the column " + quote(name) + " is ordered is not known",
		Hint:   `write COLLATE "C" in its ORDER BY`}
}

func orderText(keys []SortKey, columns []ResultColumn) (string, error) {
	if len(keys) == 0 {
		return "", nil
	}
	texts, err := keysText(keys, columns)
	if err != nil {
		return "", err
	}
	for i, k := range keys {
		texts[i] += map[bool]string{false: " asc", true: " desc"}[k.Desc] + map[bool]string{false: " nulls last", true: " nulls first"}[k.NullsFirst]
	}
	return " order by " + strings.Join(texts, ", "), nil
}

// collatableTypes are those of pg_catalog whose values a collation compares. name is always compared as "C".
var collatableTypes = []uint32{
	pgtype.TextOID, pgtype.VarcharOID, pgtype.BPCharOID, pgtype.TextArrayOID, pgtype.VarcharArrayOID, pgtype.BPCharArrayOID,
}

func collatable(oid uint32) bool { return slices.Contains(collatableTypes, oid) }
