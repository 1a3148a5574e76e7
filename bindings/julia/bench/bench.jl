# What an entropy costs here, and as it is otherwise written in Julia.
#
#   julia --project=. bench/bench.jl
using LibEntropy

const vocab, n = 151_936, 16

# StatsBase.entropy of NNlib.softmax, and what is written by hand: arrays of the size of the logits.
function by_softmax(x)
    e = exp.(x .- maximum(x; dims = 1))
    p = e ./ sum(e; dims = 1)
    vec(-sum(pᵢ -> pᵢ > 0 ? pᵢ * log(pᵢ) : zero(pᵢ), p; dims = 1))
end

# log-sum-exp minus the mean logit.
function by_logsumexp(x)
    top = maximum(x; dims = 1)
    e = exp.(x .- top)
    total = sum(e; dims = 1)
    vec(log.(total) .+ top .- sum(e .* x; dims = 1) ./ total)
end

# The same without arrays: a loop over each row, vectorised as far as Julia's exp is.
function by_loop(x)
    map(eachcol(x)) do z
        top = maximum(z)
        total = moment = 0f0
        @inbounds @simd for i in eachindex(z)
            d = z[i] - top
            e = exp(d)
            total += e
            moment += d * e
        end
        log(total) - moment / total
    end
end

function median_time(f, x)
    f(x)
    times = sort([@elapsed f(x) for _ in 1:9])
    times[5]
end

x = 3 .* randn(Float32, vocab, n)
halves = Float16.(x)
out = zeros(Float32, n)
single(x) = entropy!(out, x; num_threads = 1)
baseline = median_time(single, x)
println("$n rows of $vocab logits, one thread, $(LibEntropy.instruction_set()), Julia $VERSION; entropy! of Float32 = 1")
for (name, f, data) in (("entropy! Float32", single, x), ("entropy! Float16", single, halves), ("sum(logits)", sum, x),
        ("loop", by_loop, x), ("logsumexp", by_logsumexp, x), ("softmax", by_softmax, x))
    time = median_time(f, data)
    number(value, digits) = lpad(round(value; digits = digits), 8)
    println(rpad(name, 20), number(1e9 * time / length(x), 2), " ns a logit", number(time / baseline, 1),
        number((@allocated f(data)) / 2^20, 1), " MB")
end

# A short row: what a call costs.
short, one = randn(Float32, 18), fill(0f0)
calls(f) = (for _ in 1:10_000 f() end)
println("a row of 18: ", round(1e5 * median_time(_ -> calls(() -> entropy!(one, short)), nothing); digits = 1), " ns")
