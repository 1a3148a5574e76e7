# entropy.h as Julia sees it.

struct Args
    size::Csize_t
    logits::Ptr{Cvoid}
    dtype::Cint
    num_threads::Cint
    batch::Csize_t
    seq::Csize_t
    vocab::Csize_t
    batch_stride::Cptrdiff_t
    seq_stride::Cptrdiff_t
    temperature::Ptr{Float32}
    temperature_stride::Csize_t
    target::Ptr{Int64}
    row_mask::Ptr{Bool}
    allowed::Ptr{UInt32}
    allowed_stride::Csize_t
    entropy::Ptr{Float32}
    varentropy::Ptr{Float32}
    logsumexp::Ptr{Float32}
    max_logit::Ptr{Float32}
    max_logprob::Ptr{Float32}
    target_logprob::Ptr{Float32}
    argmax::Ptr{Int64}
    support::Ptr{Int64}
end

struct Grads
    size::Csize_t
    entropy::Ptr{Float32}
    logsumexp::Ptr{Float32}
    target_logprob::Ptr{Float32}
    logits::Ptr{Cvoid}
    batch_stride::Cptrdiff_t
    seq_stride::Cptrdiff_t
end

"""
    State(; temperature = 1)

What has been seen of a row of logits, or of a shard of it: enough for every result of the whole. A new one has seen
nothing.

States are values: [`append`](@ref) and `merge` return new ones. They hold no references, and may be stored, sent to
other processes, and reduced: `reduce(merge, states)`.

# Example

```julia
left = append(State(), logits[1:2048])
right = append(State(), logits[2049:end])
entropy(merge(left, right)) # that of logits
stats(merge(left, right), :logsumexp, :argmax)
```
"""
struct State
    version::UInt64
    temperature::Float64
    max::Float64
    ties::Float64
    sum::Float64
    first_moment::Float64
    second_moment::Float64
    argmax::Int64
    support::Int64
    length::Int64
    target_logit::Float64
    flags::UInt64
    reserved::NTuple{4, UInt64}
end

# The functions of the library, found once: looking one up is not allowed while the garbage collector is released,
# as below.
const functions = (:entropy_forward, :entropy_backward, :entropy_forward_states, :entropy_merge_states,
    :entropy_results_of_states, :entropy_state_init, :entropy_state_merge, :entropy_state_add_f32,
    :entropy_state_add_f16, :entropy_state_add_bf16, :entropy_version, :entropy_strerror, :entropy_isa,
    :entropy_set_isa, :entropy_get_num_threads, :entropy_set_num_threads)
for name in functions
    @eval const $name = Ref(C_NULL)
end

function __init__()
    library = Libdl.dlopen(get(ENV, "ENTROPY_LIBRARY", "libentropy.so.0"))
    for name in functions
        getfield(@__MODULE__, name)[] = Libdl.dlsym(library, name)
    end
end

# A ccall during which the garbage collector does not wait for this task. Its arguments must be bits: none may be
# allocated for it.
macro released(call)
    quote
        collecting = ccall(:jl_gc_safe_enter, Int8, ())
        status = $(esc(call))
        ccall(:jl_gc_safe_leave, Cvoid, (Int8,), collecting)
        status
    end
end

function check(status::Cint)
    status == 0 && return
    text = unsafe_string(ccall(entropy_strerror[], Cstring, (Cint,), status))
    status == -2 && throw(DimensionMismatch(text))
    status == -5 && throw(OutOfMemoryError())
    throw(ArgumentError(text))
end

address(r::Ref{T}) where {T} = Base.unsafe_convert(Ptr{T}, r)

function forward(args::Args)
    a = Ref(args)
    GC.@preserve a check(@released ccall(entropy_forward[], Cint, (Ptr{Args},), address(a)))
end

function backward(args::Args, grads::Grads)
    a, g = Ref(args), Ref(grads)
    GC.@preserve a g check(@released ccall(entropy_backward[], Cint, (Ptr{Args}, Ptr{Grads}), address(a), address(g)))
end

"The version of the C library."
version() = VersionNumber(unsafe_string(ccall(entropy_version[], Cstring, ())))

"""
    instruction_set()

`"scalar"`, `"avx2"`, `"avx512"` or `"neon"`: what the library uses.
"""
instruction_set() = unsafe_string(ccall(entropy_isa[], Cstring, ()))

"""
    instruction_set!(name)

Chooses an instruction set; `nothing`: the best one. No result changes. An `ArgumentError` where this machine lacks
it.
"""
instruction_set!(name::AbstractString) = check(ccall(entropy_set_isa[], Cint, (Cstring,), name))
instruction_set!(::Nothing) = check(ccall(entropy_set_isa[], Cint, (Ptr{Cvoid},), C_NULL))

"How many threads a call uses at most."
num_threads() = Int(ccall(entropy_get_num_threads[], Cint, ()))

"""
    num_threads!(n)

Sets how many threads calls use at most; 0: the environment variable `ENTROPY_NUM_THREADS`, or as many as there are
CPUs.
"""
num_threads!(n::Integer) = check(ccall(entropy_set_num_threads[], Cint, (Cint,), n))
