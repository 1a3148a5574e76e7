package entropy

/*
#cgo noescape entropy_state_init
#cgo nocallback entropy_state_init
#cgo noescape entropy_state_add_f32
#cgo nocallback entropy_state_add_f32
#cgo noescape entropy_state_add_f16
#cgo nocallback entropy_state_add_f16
#cgo noescape entropy_state_add_bf16
#cgo nocallback entropy_state_add_bf16
#cgo noescape entropy_state_merge
#cgo nocallback entropy_state_merge
#cgo noescape entropy_merge_states
#cgo nocallback entropy_merge_states
#cgo noescape entropy_state_entropy
#cgo nocallback entropy_state_entropy
#cgo noescape entropy_state_varentropy
#cgo nocallback entropy_state_varentropy
#cgo noescape entropy_state_logsumexp
#cgo nocallback entropy_state_logsumexp
#cgo noescape entropy_state_max_logit
#cgo nocallback entropy_state_max_logit
#cgo noescape entropy_state_max_logprob
#cgo nocallback entropy_state_max_logprob
#cgo noescape entropy_state_argmax
#cgo nocallback entropy_state_argmax
#cgo noescape entropy_state_support
#cgo nocallback entropy_state_support
#include <entropy.h>
*/
import "C"

import (
	"encoding/binary"
	"fmt"
	"unsafe"
)

// A State is what has been seen of a row that comes in pieces, or of one shard of it: enough for every result of the
// whole. It has 128 bytes and may be copied, stored and sent. It is made by [NewState] or [ForwardStates]; the zero
// State is none, and its answers are NaN. It is not safe to change one from two goroutines at once.
type State struct {
	c C.entropy_state
}

// NewState returns the state of an empty row whose logits will be divided by temperature, in [2^-64, 2^64].
func NewState(temperature float64) (State, error) {
	var s State
	C.entropy_state_init(&s.c)
	s.c.temperature = C.double(temperature)
	return s, s.AddF32(nil) // which finds out whether it is one
}

// AddF32 adds logits to the row, after those it has. If every piece but the last is a multiple of 1024 logits, the
// results have the bits of the whole row's.
func (s *State) AddF32(logits []float32) error {
	return check(C.entropy_state_add_f32(&s.c, (*C.float)(unsafe.SliceData(logits)), C.size_t(len(logits))))
}

// AddF16 is as [State.AddF32], of the bits of IEEE binary16 numbers.
func (s *State) AddF16(logits []uint16) error {
	return check(C.entropy_state_add_f16(&s.c, (*C.uint16_t)(unsafe.SliceData(logits)), C.size_t(len(logits))))
}

// AddBF16 is as [State.AddF32], of the bits of bfloat16 numbers.
func (s *State) AddBF16(logits []uint16) error {
	return check(C.entropy_state_add_bf16(&s.c, (*C.uint16_t)(unsafe.SliceData(logits)), C.size_t(len(logits))))
}

// Merge appends the logits that from has seen to those of s. States of different temperatures merge to one whose
// answers are NaN.
func (s *State) Merge(from *State) {
	C.entropy_state_merge(&s.c, &from.c)
}

// MergeStates merges from[i] into into[i], for every i.
func MergeStates(into, from []State) error {
	if err := checkLength("from", len(from), len(into)); err != nil {
		return err
	}
	return check(C.entropy_merge_states(pointer(into), pointer(from), C.size_t(len(into))))
}

func pointer(states []State) *C.entropy_state {
	return (*C.entropy_state)(unsafe.Pointer(unsafe.SliceData(states)))
}

// Entropy is in nats; NaN for an empty row.
func (s *State) Entropy() float32 { return float32(C.entropy_state_entropy(&s.c)) }

// Varentropy is in nats^2.
func (s *State) Varentropy() float32 { return float32(C.entropy_state_varentropy(&s.c)) }

// Logsumexp is log sum exp(z / T).
func (s *State) Logsumexp() float32 { return float32(C.entropy_state_logsumexp(&s.c)) }

// MaxLogit is the largest logit.
func (s *State) MaxLogit() float32 { return float32(C.entropy_state_max_logit(&s.c)) }

// MaxLogprob is the log-probability of the largest logit.
func (s *State) MaxLogprob() float32 { return float32(C.entropy_state_max_logprob(&s.c)) }

// Argmax is the lowest index of the largest logit, from the first that was added; -1 where nothing takes part.
func (s *State) Argmax() int { return int(C.entropy_state_argmax(&s.c)) }

// Support is how many logits are above -Inf.
func (s *State) Support() int { return int(C.entropy_state_support(&s.c)) }

// Len is how many logits were added.
func (s *State) Len() int { return int(s.c.length) }

// Temperature is what the logits are divided by.
func (s *State) Temperature() float64 { return float64(s.c.temperature) }

// words is the state as the 16 numbers of 8 bytes that it is.
func (s *State) words() *[16]uint64 { return (*[16]uint64)(unsafe.Pointer(s)) }

// MarshalBinary returns the state as it is sent and stored, on every machine in the same way.
func (s *State) MarshalBinary() ([]byte, error) {
	return s.AppendBinary(make([]byte, 0, C.sizeof_entropy_state))
}

// AppendBinary appends what MarshalBinary returns.
func (s *State) AppendBinary(data []byte) ([]byte, error) {
	return binary.Append(data, binary.LittleEndian, s.words())
}

// UnmarshalBinary sets the state to what MarshalBinary has returned. It fails, and changes nothing, where data is no
// state of this version.
func (s *State) UnmarshalBinary(data []byte) error {
	var read State
	if n, err := binary.Decode(data, binary.LittleEndian, read.words()); err != nil || n != len(data) {
		return fmt.Errorf("a state is not %d bytes: %w", len(data), ErrValue)
	}
	if err := read.AddF32(nil); err != nil {
		return err
	}
	*s = read
	return nil
}
