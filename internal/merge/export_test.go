package merge

// Key is the key of one value, for the oracle.
func Key(oid uint32, format int16, c SortColumn, value []byte) ([]byte, bool) {
	return encoderOf(oid, format, c)(nil, value)
}

// Keyed are the types with an order.
func Keyed() map[uint32]string {
	all := map[uint32]string{}
	for oid := range scalars {
		all[oid] = typeName(oid)
	}
	for oid := range elements {
		all[oid] = typeName(oid)
	}
	return all
}

// Encoder makes keys of one type.
func Encoder(oid uint32, format int16, c SortColumn) func(dst, value []byte) ([]byte, bool) {
	return encoderOf(oid, format, c)
}

var (
	NumericToText   = numericToText
	NumericFromText = numericFromText
)
