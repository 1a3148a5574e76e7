"""
    LibEntropy

The Shannon entropy of language-model logits, and what else one sweep over them gives: varentropy,
log-probabilities, log-sum-exp, argmax, gradients. A row of logits is a column, `logits[:, i, j, ...]`: the
vocabulary comes first.

  - [`entropy`](@ref), [`entropy!`](@ref): the entropy of every row
  - [`stats`](@ref), [`stats!`](@ref): any of the results
  - [`LibEntropy.gradient`](@ref), [`LibEntropy.gradient!`](@ref): the gradient of a loss that depends on them (not
    exported: Zygote has a `gradient`, too)
  - [`State`](@ref), [`states`](@ref): rows that come in pieces, from several tasks or machines

Logits are `Float32` or `Float16`, or `Core.BFloat16` where Julia has it, in any array in memory whose first axis is
contiguous: an `Array`, a view such as `@view logits[1:vocab, 1:end-1, :]`, a `PermutedDimsArray`. They are read
where they are, never copied, and other tasks' garbage collection does not wait for a call.

Special values and error bounds are those of `entropy.h`: a token of logit `-Inf` takes no part; a row with a `NaN`,
with `Inf`, or of nothing but `-Inf` has entropy `NaN`.
"""
module LibEntropy

import Libdl

export entropy, entropy!, stats, stats!, State, append, states

include("library.jl")
include("arrays.jl")
include("rows.jl")
include("state.jl")

end
