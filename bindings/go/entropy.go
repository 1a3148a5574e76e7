// Package entropy computes the Shannon entropy of language-model logits, and what belongs to it, with the C library
// libentropy: in one sweep over memory, exactly where chains of array operations are not, and with the same bits on
// every CPU.
//
// Nothing is copied, and a call allocates nothing but the result that it was not given. All functions may be called
// from any goroutine at any time.
//
// [F32], [F16] and [BF16] give the entropy of rows. [Forward] gives every result under every option, [Backward] the
// gradient of a loss that depends on them, and a [State] is a row that comes in pieces.
package entropy

/*
#cgo pkg-config: entropy
#cgo noescape entropy_f32
#cgo nocallback entropy_f32
#cgo noescape entropy_f16
#cgo nocallback entropy_f16
#cgo noescape entropy_bf16
#cgo nocallback entropy_bf16
#include <entropy.h>
*/
import "C"

import (
	"fmt"
	"unsafe"
)

// F32 returns the entropy in nats of every row of vocab logits. It writes to out, which has an element for every row;
// if out is nil, it allocates one.
func F32(logits []float32, vocab int, out []float32) ([]float32, error) {
	out, err := output(len(logits), vocab, out)
	if err != nil {
		return nil, err
	}
	from, to := (*C.float)(unsafe.SliceData(logits)), (*C.float)(unsafe.SliceData(out))
	return out, check(C.entropy_f32(from, 1, C.size_t(len(out)), C.size_t(vocab), to))
}

// F16 is as [F32], of the bits of IEEE binary16 numbers.
func F16(logits []uint16, vocab int, out []float32) ([]float32, error) {
	out, err := output(len(logits), vocab, out)
	if err != nil {
		return nil, err
	}
	from, to := (*C.uint16_t)(unsafe.SliceData(logits)), (*C.float)(unsafe.SliceData(out))
	return out, check(C.entropy_f16(from, 1, C.size_t(len(out)), C.size_t(vocab), to))
}

// BF16 is as [F32], of the bits of bfloat16 numbers.
func BF16(logits []uint16, vocab int, out []float32) ([]float32, error) {
	out, err := output(len(logits), vocab, out)
	if err != nil {
		return nil, err
	}
	from, to := (*C.uint16_t)(unsafe.SliceData(logits)), (*C.float)(unsafe.SliceData(out))
	return out, check(C.entropy_bf16(from, 1, C.size_t(len(out)), C.size_t(vocab), to))
}

// output is out, or a new one, if it has an element for each of the rows that n logits are.
func output(n, vocab int, out []float32) ([]float32, error) {
	if n > 0 && (vocab <= 0 || n%vocab != 0) {
		return nil, fmt.Errorf("%d logits are not rows of %d: %w", n, vocab, ErrShape)
	}
	rows := 0
	if n > 0 {
		rows = n / vocab
	}
	if out == nil {
		return make([]float32, rows), nil
	}
	return out, checkLength("out", len(out), rows)
}
