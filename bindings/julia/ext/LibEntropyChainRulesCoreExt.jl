# How automatic differentiation by ChainRules goes through `entropy`.
module LibEntropyChainRulesCoreExt

using LibEntropy
import ChainRulesCore
using ChainRulesCore: AbstractZero, NoTangent, unthunk

function ChainRulesCore.rrule(::typeof(entropy), logits::AbstractArray{<:AbstractFloat}; options...)
    results = stats(logits, :entropy, :max_logit, :max_logprob; options...)
    function entropy_pullback(tangent)
        dH = unthunk(tangent)
        dH isa AbstractZero && return NoTangent(), dH
        return NoTangent(), LibEntropy.gradient(logits; entropy = dH, results = results, options...)
    end
    return results.entropy, entropy_pullback
end

end
