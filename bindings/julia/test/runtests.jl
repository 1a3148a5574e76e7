using LibEntropy, Test
using LibEntropy: gradient, gradient!
using Base.Threads: @spawn, nthreads

include("reference.jl")

# The test is of numbers, NaN where NaN is expected and nowhere else.
near(got, expected, bound) = isnan(expected) ? isnan(got) : got == expected || abs(big(got) - expected) <= bound
relative(x) = iszero(x) ? zero(x) : abs(x) * (4e-7 + 7e-8 * abs(log(abs(x))))
same(a, b) = a === b
same(a::AbstractArray, b::AbstractArray) = size(a) == size(b) && all(map(===, a, b))
same(a::NamedTuple, b::NamedTuple) = keys(a) == keys(b) && all(map(same, values(a), values(b)))

# Rows of every kind that matters to a binding; what is hard for the arithmetic is the C library's to test.
function sample(::Type{T}, vocab, size...) where {T}
    x = T.(8 .* sin.(1.7f0 .* reshape(1:vocab * prod(size), vocab, size...) .^ 1.3f0))
    columns = reshape(x, vocab, :)
    columns[3, 1] = 60
    columns[1:2:end, 2] .= -Inf
    columns[[2, 5], 3] .= 20
    x
end

@testset "LibEntropy" begin
    @testset "$name" for name in ("rows", "gradient", "state", "errors", "package")
        include("test_$name.jl")
    end
end
