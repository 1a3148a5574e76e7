package entropy

// #include <entropy.h>
import "C"

import "fmt"

// A Status is why the library refused a call, which has written nothing then. All errors of this package are one, or
// wrap one and say more: compare with [errors.Is].
type Status int

const (
	// ErrNull: an array that is needed was not given.
	ErrNull Status = C.ENTROPY_ERR_NULL
	// ErrShape: a size, or a stride, that cannot be, or an array whose length does not fit the logits.
	ErrShape Status = C.ENTROPY_ERR_SHAPE
	// ErrValue: a temperature outside [2^-64, 2^64], a target outside the vocabulary, what is not a state.
	ErrValue Status = C.ENTROPY_ERR_VALUE
	// ErrISA: an instruction set that does not exist, or not on this machine.
	ErrISA Status = C.ENTROPY_ERR_ISA
	// ErrNoMemory: memory that was needed could not be had.
	ErrNoMemory Status = C.ENTROPY_ERR_NOMEM
)

// Error says what the status means.
func (s Status) Error() string {
	return "entropy: " + C.GoString(C.entropy_strerror(C.int(s)))
}

func check(status C.int) error {
	if status == C.ENTROPY_OK {
		return nil
	}
	return Status(status)
}

func checkLength(name string, length, want int) error {
	if length == want {
		return nil
	}
	return fmt.Errorf("%s has %d elements, not %d: %w", name, length, want, ErrShape)
}
