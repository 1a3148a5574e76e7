package entropy

/*
#include <entropy.h>
#include <stdlib.h>
*/
import "C"

import (
	"fmt"
	"math"
	"strings"
	"unsafe"
)

// Version is that of the C library, "0.1.0" for example.
func Version() string { return C.GoString(C.entropy_version()) }

// ISA is the instruction set in use: "scalar", "avx2", "avx512" or "neon".
func ISA() string { return C.GoString(C.entropy_isa()) }

// SetISA chooses the instruction set of the process; "": the best that this machine has. Results do not change by a
// bit. Where it fails, with [ErrISA], nothing changes.
func SetISA(name string) error {
	if name == "" {
		return check(C.entropy_set_isa(nil))
	}
	if strings.ContainsRune(name, 0) {
		return ErrISA
	}
	c := C.CString(name)
	defer C.free(unsafe.Pointer(c))
	return check(C.entropy_set_isa(c))
}

// NumThreads is how many threads a call may use at most, the caller's included: what SetNumThreads has set, or else the
// environment's ENTROPY_NUM_THREADS, or else the CPUs that the process may use. Results do not change by a bit.
func NumThreads() int { return int(C.entropy_get_num_threads()) }

// SetNumThreads sets NumThreads for the process; 0: the default again.
func SetNumThreads(n int) error {
	if n > math.MaxInt32 || n < 0 {
		return fmt.Errorf("%d threads: %w", n, ErrValue)
	}
	return check(C.entropy_set_num_threads(C.int(n)))
}
