# Every result straight from its formula, in BigFloat.
function reference(z::AbstractVector; T = 1, allowed = trues(length(z)), target = 0)
    y = [allowed[i] ? big(z[i]) / big(T) : big(-Inf) for i in eachindex(z)]
    top = maximum(y)
    lse = top + log(sum(exp.(y .- top)))
    logp = y .- lse
    taking_part = filter(isfinite, logp)
    H = -sum(exp.(taking_part) .* taking_part)
    V = sum(exp.(taking_part) .* (taking_part .+ H) .^ 2)
    (entropy = H, varentropy = V, logsumexp = lse, max_logit = z[argmax(y)], max_logprob = maximum(logp),
        target_logprob = target > 0 ? logp[target] : big(0), argmax = argmax(y), support = length(taking_part), logp = logp)
end

# dL / dz for dL/dH, dL/dlse and dL/dlog p[target].
function reference_gradient(r, dH, dlse, dlogp, target; T = 1)
    p = exp.(r.logp)
    H_part = [iszero(p[i]) ? big(0) : -p[i] * (r.logp[i] + r.entropy) for i in eachindex(p)]
    hot = [i == target for i in eachindex(p)]
    (dH .* H_part .+ dlse .* p .+ (target > 0 ? dlogp .* (hot .- p) : zero(p))) ./ T
end
