package portable

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"

	"tenantry/tenants"
)

// Sum counts the rows of a table, and has a hash of them that doesn't depend on their order.
type Sum struct {
	Table string `json:"table"`
	Rows  int64  `json:"rows"`
	Hash  string `json:"hash"`
}

// hasher makes a Sum. The hash is the sum of the rows' SHA-256 hashes, in four numbers of 64 bits.
type hasher struct {
	rows  int64
	total [4]uint64
	text  []byte
}

// begin begins a row, put adds a value to it, and end ends it.
func (h *hasher) begin() { h.text = h.text[:0] }

func (h *hasher) put(v tenants.Value) {
	h.text = append(h.text, byte(v.Type))
	switch v.Type {
	case tenants.Integer:
		h.text = binary.BigEndian.AppendUint64(h.text, uint64(v.Int))
	case tenants.Real:
		h.text = binary.BigEndian.AppendUint64(h.text, math.Float64bits(v.Real))
	case tenants.Text, tenants.Blob:
		h.text = binary.AppendUvarint(h.text, uint64(len(v.Bytes)))
		h.text = append(h.text, v.Bytes...)
	}
}

func (h *hasher) end() {
	h.rows++
	row := sha256.Sum256(h.text)
	for i := range h.total {
		h.total[i] += binary.BigEndian.Uint64(row[8*i:])
	}
}

// subtract takes the rows of another hasher away.
func (h *hasher) subtract(other *hasher) {
	h.rows -= other.rows
	for i := range h.total {
		h.total[i] -= other.total[i]
	}
}

func (h *hasher) sum(table string) Sum {
	var all []byte
	for _, part := range h.total {
		all = binary.BigEndian.AppendUint64(all, part)
	}
	return Sum{table, h.rows, hex.EncodeToString(all)}
}
