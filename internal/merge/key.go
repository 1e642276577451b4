package merge

import (
	"slices"

	"github.com/jackc/pgx/v5/pgtype"
)

const (
	text   = pgtype.TextFormatCode
	binary = pgtype.BinaryFormatCode
)

// encoder appends the key of a value to dst: bytes that compare as the server compares the values, and no key of a type
// is the beginning of another. Values that the server calls equal have one key, however they print. It returns false for
// what is no value of the type.
type encoder func(dst, value []byte) ([]byte, bool)

// scalar is a type with an order that does not depend on anything but the value.
type scalar struct {
	name         string
	binary, text encoder
	collated     bool // only where the collation sorts by bytes
}

const (
	lsnOID      = 3220
	lsnArrayOID = 3221
	mac8Array   = 775
	xid8OID     = pgtype.XID8OID
)

var scalars = map[uint32]scalar{
	pgtype.BoolOID:        {name: "boolean", binary: boolBinary, text: boolText},
	pgtype.Int2OID:        {name: "smallint", binary: signedBinary(2), text: signedText(16)},
	pgtype.Int4OID:        {name: "integer", binary: signedBinary(4), text: signedText(32)},
	pgtype.Int8OID:        {name: "bigint", binary: signedBinary(8), text: signedText(64)},
	pgtype.OIDOID:         {name: "oid", binary: bytesBinary(4), text: unsignedText(32)},
	xid8OID:               {name: "xid8", binary: bytesBinary(8), text: unsignedText(64)},
	pgtype.Float4OID:      {name: "real", binary: float4Binary, text: floatText(32)},
	pgtype.Float8OID:      {name: "double precision", binary: float8Binary, text: floatText(64)},
	pgtype.NumericOID:     {name: "numeric", binary: numericBinary, text: numericText},
	pgtype.DateOID:        {name: "date", binary: signedBinary(4), text: dateText},
	pgtype.TimeOID:        {name: "time", binary: signedBinary(8), text: timeText},
	pgtype.TimetzOID:      {name: "time with time zone", binary: timetzBinary, text: timetzText},
	pgtype.TimestampOID:   {name: "timestamp", binary: signedBinary(8), text: timestampText(false)},
	pgtype.TimestamptzOID: {name: "timestamp with time zone", binary: signedBinary(8), text: timestampText(true)},
	pgtype.IntervalOID:    {name: "interval", binary: intervalBinary, text: intervalText},
	pgtype.UUIDOID:        {name: "uuid", binary: bytesBinary(16), text: uuidText},
	pgtype.ByteaOID:       {name: "bytea", binary: escaped, text: byteaText},
	pgtype.QCharOID:       {name: `"char"`, binary: bytesBinary(1), text: qcharText},
	pgtype.NameOID:        {name: "name", binary: escaped, text: escaped, collated: true},
	pgtype.TextOID:        {name: "text", binary: escaped, text: escaped, collated: true},
	pgtype.VarcharOID:     {name: "character varying", binary: escaped, text: escaped, collated: true},
	pgtype.BPCharOID:      {name: "character", binary: unpadded, text: unpadded, collated: true},
	pgtype.InetOID:        {name: "inet", binary: inetBinary, text: inetText},
	pgtype.CIDROID:        {name: "cidr", binary: inetBinary, text: inetText},
	pgtype.MacaddrOID:     {name: "macaddr", binary: bytesBinary(6), text: macaddrText(6)},
	pgtype.Macaddr8OID:    {name: "macaddr8", binary: bytesBinary(8), text: macaddrText(8)},
	pgtype.BitOID:         {name: "bit", binary: bitBinary, text: bitText},
	pgtype.VarbitOID:      {name: "bit varying", binary: bitBinary, text: bitText},
	lsnOID:                {name: "pg_lsn", binary: bytesBinary(8), text: lsnText},
}

// elements gives the element type of an array type.
var elements = map[uint32]uint32{
	pgtype.BoolArrayOID:        pgtype.BoolOID,
	pgtype.Int2ArrayOID:        pgtype.Int2OID,
	pgtype.Int4ArrayOID:        pgtype.Int4OID,
	pgtype.Int8ArrayOID:        pgtype.Int8OID,
	pgtype.OIDArrayOID:         pgtype.OIDOID,
	pgtype.XID8ArrayOID:        xid8OID,
	pgtype.Float4ArrayOID:      pgtype.Float4OID,
	pgtype.Float8ArrayOID:      pgtype.Float8OID,
	pgtype.NumericArrayOID:     pgtype.NumericOID,
	pgtype.DateArrayOID:        pgtype.DateOID,
	pgtype.TimeArrayOID:        pgtype.TimeOID,
	pgtype.TimetzArrayOID:      pgtype.TimetzOID,
	pgtype.TimestampArrayOID:   pgtype.TimestampOID,
	pgtype.TimestamptzArrayOID: pgtype.TimestamptzOID,
	pgtype.IntervalArrayOID:    pgtype.IntervalOID,
	pgtype.UUIDArrayOID:        pgtype.UUIDOID,
	pgtype.ByteaArrayOID:       pgtype.ByteaOID,
	pgtype.QCharArrayOID:       pgtype.QCharOID,
	pgtype.NameArrayOID:        pgtype.NameOID,
	pgtype.TextArrayOID:        pgtype.TextOID,
	pgtype.VarcharArrayOID:     pgtype.VarcharOID,
	pgtype.BPCharArrayOID:      pgtype.BPCharOID,
	pgtype.InetArrayOID:        pgtype.InetOID,
	pgtype.CIDRArrayOID:        pgtype.CIDROID,
	pgtype.MacaddrArrayOID:     pgtype.MacaddrOID,
	mac8Array:                  pgtype.Macaddr8OID,
	pgtype.BitArrayOID:         pgtype.BitOID,
	pgtype.VarbitArrayOID:      pgtype.VarbitOID,
	lsnArrayOID:                lsnOID,
}

// encoderOf is nil when values of the type cannot be ordered here.
func encoderOf(oid uint32, format int16, c SortColumn) encoder {
	switch oid {
	case 0:
		return nil
	case c.LabelsOf:
		return labelEncoder(c.Labels)
	case c.LabelArray:
		return arrayEncoder(format, labelEncoder(c.Labels))
	}
	if element, ok := elements[oid]; ok {
		if e := encoderOf(element, format, c); e != nil {
			return arrayEncoder(format, e)
		}
		return nil
	}
	t, ok := scalars[oid]
	if !ok || t.collated && !c.Bytewise {
		return nil
	}
	if format == binary {
		return t.binary
	}
	return t.text
}

// labelEncoder orders the labels of an enum, which are sent as text in both formats.
func labelEncoder(labels []string) encoder {
	return func(dst, v []byte) ([]byte, bool) {
		i := slices.Index(labels, string(v))
		return append32(dst, uint32(i)), i >= 0
	}
}
