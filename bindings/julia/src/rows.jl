const float_results = (:entropy, :varentropy, :logsumexp, :max_logit, :max_logprob, :target_logprob)
const result_names = (float_results..., :argmax, :support)
result_type(name) = name in float_results ? Float32 : Int64

# Options: what the library reads besides the logits, kept from the garbage collector by whoever holds this.
struct Options{T, G, R, A}
    temperature::T
    target::G
    row_mask::R
    allowed::A
    allowed_stride::Int
    num_threads::Int
end

function Options(logits; temperature = nothing, target = nothing, row_mask = nothing, allowed = nothing,
        num_threads::Integer = 0)
    Options(temperature_of(temperature, logits), target_of(target, logits),
        per_row(Bool, row_mask, logits, "row_mask"), allowed, mask_stride(allowed, logits), Int(num_threads))
end

temperature_of(T::Real, logits) = Ref(Float32(T))
temperature_of(T, logits) = per_row(Float32, T, logits, "temperature")

# The library counts tokens from 0; negative: none.
target_of(::Nothing, logits) = nothing
target_of(target, logits) = map(token -> token - 1, per_row(Int64, target, logits, "target"))

# Words of 32 tokens from one row's mask to the next; 0: one mask for all.
words(logits) = cld(size(logits, 1), 32)
mask_stride(::Nothing, logits) = 0
function mask_stride(allowed::BitArray, logits)
    size(allowed) == (size(logits, 1),) && return 0
    size(allowed) == size(logits) || throw(DimensionMismatch("allowed is $(size(allowed)), logits are $(size(logits))"))
    size(logits, 1) % 32 == 0 ||
        throw(ArgumentError("a BitArray of masks needs a vocabulary that is a multiple of 32: pass UInt32 words"))
    words(logits)
end
function mask_stride(allowed::Array{UInt32}, logits)
    size(allowed) == (words(logits),) && return 0
    size(allowed) == (words(logits), rows(logits)...) && return words(logits)
    throw(DimensionMismatch("allowed is $(size(allowed)): $(size(logits)) logits have $(words(logits)) words a row"))
end
mask_stride(allowed, logits) =
    throw(ArgumentError("allowed is a BitArray, or an Array of UInt32 words, not $(typeof(allowed))"))

# The arguments of a call. Pointers into `logits`, `out` and `o`, which the caller preserves.
function Args(logits::AbstractArray{T}, l::Layout, out::NamedTuple, o::Options) where {T}
    Args(sizeof(Args), pointer(logits), dtype(T), o.num_threads, l.batch, l.seq, l.vocab, l.x_strides[1], l.x_strides[2],
        pointer_to(Float32, o.temperature), o.temperature isa AbstractArray, pointer_to(Int64, o.target),
        pointer_to(Bool, o.row_mask), pointer_to(UInt32, o.allowed), o.allowed_stride, result_pointers(out)...)
end

# Each name by itself, so that the compiler knows the types.
result_pointers(out::NamedTuple) = (
    pointer_to(Float32, get(out, :entropy, nothing)),
    pointer_to(Float32, get(out, :varentropy, nothing)),
    pointer_to(Float32, get(out, :logsumexp, nothing)),
    pointer_to(Float32, get(out, :max_logit, nothing)),
    pointer_to(Float32, get(out, :max_logprob, nothing)),
    pointer_to(Float32, get(out, :target_logprob, nothing)),
    pointer_to(Int64, get(out, :argmax, nothing)),
    pointer_to(Int64, get(out, :support, nothing)))

function forward(logits, out::NamedTuple, o::Options)
    dtype(eltype(logits))
    l = Layout(logits)
    GC.@preserve logits out o forward(Args(logits, l, out, o))
end

"""
    entropy!(out, logits; options...)

The entropy of every row, in nats, written to `out`, an array of `Float32` of the size of `logits` without its first
axis. Allocates nothing, but for a temperature that is a number and for targets. See [`entropy`](@ref).
"""
function entropy!(out::AbstractArray, logits::AbstractArray; options...)
    require_result(Float32, out, logits, "out")
    forward(logits, (entropy = out,), Options(logits; options...))
    out
end

"""
    entropy(logits; options...)

The Shannon entropy of every row `logits[:, i, j, ...]`, in nats: a number for a vector, else an array of `Float32`
of the size of `logits` without its first axis.

# Options

  - `temperature`: a number, or an array of one for each row; logits are divided by it
  - `row_mask`: an array of `Bool`, one for each row; where it is `false` the row is not read, and its results are 0
  - `allowed`: which tokens take part: a `BitVector` over the vocabulary, for all rows; a `BitArray` of the size of
    `logits`, if the vocabulary is a multiple of 32; or `UInt32` words, for all rows or each: token `i` is bit
    `(i - 1) % 32` of word `(i - 1) ÷ 32 + 1`
  - `target`: see [`stats`](@ref)
  - `num_threads`: at most so many; 0: [`LibEntropy.num_threads`](@ref)

Relative error at most `4e-7 + 7e-8 |log H|`. The same logits have the same bits on every machine.

# Example

```julia
logits = randn(Float32, 32_000, 16, 4) # vocabulary, sequence, batch
H = entropy(logits)                    # 16×4
H = entropy(logits; temperature = 0.7)
```
"""
entropy(logits::AbstractArray; options...) = entropy!(Array{Float32}(undef, rows(logits)), logits; options...)
entropy(logits::AbstractVector; options...) = entropy!(fill(0f0), logits; options...)[]

"""
    stats!(results::NamedTuple, logits; options...)

Writes the results whose names `results` has to the arrays that it holds, as in
`stats!((entropy = H, argmax = best), logits)`. Each is of the size of `logits` without its first axis; `argmax` and
`support` are of `Int64`, all others of `Float32`. See [`stats`](@ref).
"""
function stats!(results::NamedTuple, logits::AbstractArray; options...)
    for name in keys(results)
        name in result_names || throw(ArgumentError("there is no result $name, but $(join(result_names, ", "))"))
        require_result(result_type(name), results[name], logits, name)
    end
    o = Options(logits; options...)
    forward(logits, results, o)
    haskey(results, :argmax) && count_from_1!(results.argmax, i -> o.row_mask !== nothing && !o.row_mask[i])
    results
end

# 0 where there is none: in rows that are skipped, and in those in which no token takes part.
function count_from_1!(argmax, skipped)
    for (i, k) in enumerate(eachindex(argmax))
        argmax[k] = skipped(i) ? 0 : argmax[k] + 1
    end
end

allocate(names, size) = NamedTuple{names}(map(name -> Array{result_type(name)}(undef, size), names))
unwrap(results, ::AbstractArray) = results
unwrap(results, ::AbstractVector) = map(only_element, results)
only_element(x) = x[]

"""
    stats(logits, names::Symbol...; options...)

A named tuple of the results that are named, of every row, in one sweep: arrays of the size of `logits` without its
first axis, or numbers if `logits` is a vector. With `p` the softmax of `logits / temperature` over the tokens that
take part:

  - `:entropy` `-Σ p log p`
  - `:varentropy` `Σ p (log p + H)²`
  - `:logsumexp` `log Σ exp(logits / temperature)`
  - `:max_logit` the largest logit that takes part, as given
  - `:max_logprob` `log p` of it
  - `:target_logprob` `log p` of the row's target: with the option `target`, an array of one token for each row; 0
    or less: none
  - `:argmax` the first token of the largest logit; 0: none
  - `:support` how many tokens take part

Options are those of [`entropy`](@ref).

# Example

```julia
s = stats(logits, :entropy, :target_logprob; target = tokens)
perplexity = exp(-sum(s.target_logprob) / length(tokens))
```
"""
function stats(logits::AbstractArray, names::Symbol...; options...)
    all(in(result_names), names) || throw(ArgumentError("there are no results but $(join(result_names, ", "))"))
    unwrap(stats!(allocate(names, rows(logits)), logits; options...), logits)
end

"""
    gradient!(dlogits, logits; entropy, logsumexp, target_logprob, results, options...)

Writes to `dlogits` the gradient of a loss with respect to the logits, from its gradients with respect to three
results: `entropy`, `logsumexp` and `target_logprob`, each one value for each row, or not given, which is 0.
`dlogits` is like `logits` in type and size, and may be `logits` itself.

`results`: what [`stats`](@ref) has given, with the same options, if it holds `entropy`, `max_logit` and
`max_logprob`: the rows are then swept once instead of twice. Further options are those of [`entropy`](@ref).
"""
function gradient!(dlogits::AbstractArray, logits::AbstractArray; entropy = nothing, logsumexp = nothing,
        target_logprob = nothing, results::NamedTuple = NamedTuple(), options...)
    eltype(dlogits) === eltype(logits) ||
        throw(ArgumentError("the gradient is $(eltype(dlogits)), logits are $(eltype(logits))"))
    dtype(eltype(logits))
    o = Options(logits; options...)
    l = Layout(logits, dlogits)
    dH = per_row(Float32, entropy, logits, "entropy")
    dlse = per_row(Float32, logsumexp, logits, "logsumexp")
    dlogp = per_row(Float32, target_logprob, logits, "target_logprob")
    out = (entropy = per_row(Float32, get(results, :entropy, nothing), logits, "results.entropy"),
        max_logit = per_row(Float32, get(results, :max_logit, nothing), logits, "results.max_logit"),
        max_logprob = per_row(Float32, get(results, :max_logprob, nothing), logits, "results.max_logprob"))
    GC.@preserve logits dlogits o dH dlse dlogp out begin
        grads = Grads(sizeof(Grads), pointer_to(Float32, dH), pointer_to(Float32, dlse), pointer_to(Float32, dlogp),
            pointer(dlogits), l.y_strides...)
        backward(Args(logits, l, out, o), grads)
    end
    dlogits
end

"""
    gradient(logits; entropy, logsumexp, target_logprob, results, options...)

[`LibEntropy.gradient!`](@ref) in a new array.
"""
gradient(logits::AbstractArray{T, N}; options...) where {T, N} =
    gradient!(Array{T, N}(undef, size(logits)), logits; options...)
