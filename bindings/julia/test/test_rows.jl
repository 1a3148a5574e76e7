const all_names = LibEntropy.result_names

function compare(got, r, T = 1)
    @test near(got.entropy, r.entropy, relative(r.entropy))
    @test near(got.varentropy, r.varentropy, 2e-6 * (r.varentropy + (r.entropy + r.max_logprob)^2))
    @test near(got.logsumexp, r.logsumexp, eps(Float32(max(abs(r.logsumexp), abs(r.max_logit / T)))) + 4e-7)
    @test got.max_logit == r.max_logit
    @test near(got.max_logprob, r.max_logprob, relative(r.max_logprob))
    @test near(got.target_logprob, r.target_logprob, relative(r.max_logprob) + eps(Float32(r.target_logprob)))
    @test got.argmax == r.argmax
    @test got.support == r.support
end

row(results, i...) = map(x -> x[i...], results)

@testset "formulas, $type" for type in (Float32, Float16)
    x = sample(type, 70, 4, 3)
    target = [(5i + j) % 71 for i in 1:4, j in 1:3] # one of them 0
    temperature = Float32[0.5 + i / j for i in 1:4, j in 1:3]
    allowed = BitVector([i % 3 != 1 for i in 1:70])
    got = stats(x, all_names...; target = target)
    with_options = stats(x, all_names...; target = target, temperature = temperature, allowed = allowed)
    for i in 1:4, j in 1:3
        compare(row(got, i, j), reference(x[:, i, j]; target = target[i, j]))
        T = temperature[i, j]
        compare(row(with_options, i, j), reference(x[:, i, j]; T = T, allowed = allowed, target = target[i, j]), T)
    end
    # a row by itself: numbers
    compare(stats(x[:, 2, 3], all_names...; target = target[2, 3]), reference(x[:, 2, 3]; target = target[2, 3]))
    @test same(entropy(x), got.entropy) && same(entropy(x[:, 2, 3]), got.entropy[2, 3])
    @test entropy(x) isa Matrix{Float32} && entropy(x[:, 1, 1]) isa Float32 && got.argmax isa Matrix{Int64}
end

@testset "special values" begin
    n, i = NaN32, Inf32
    x = Float32[-i -i n i 1; -i 5 1 1 1; -i -i 2 i 1]
    s = stats(x, all_names...; target = [1, 2, 1, 1, 0], row_mask = [true, true, true, true, false])
    @test same(s.entropy, Float32[n, 0, n, n, 0])
    @test same(s.logsumexp, Float32[-i, 5, n, i, 0])
    @test s.argmax == [0, 2, 0, 1, 0]
    @test s.support == [0, 1, 2, 3, 0]
    @test same(s.target_logprob, Float32[n, 0, n, n, 0])
end

@testset "layouts" begin
    x = sample(Float32, 50, 3, 4, 2, 3)
    expected = [entropy(x[:, i]) for i in CartesianIndices((3, 4, 2, 3))]
    @test same(entropy(x), expected)
    @test same(entropy(view(x, :, 2, 1, 1, :)), expected[2, 1, 1, :])
    @test same(entropy(view(x, :, :, 2:3, 1, 1)), expected[:, 2:3, 1, 1])
    @test same(entropy(view(x, :, 1:2, 2:3, 1, 1)), expected[1:2, 2:3, 1, 1])
    @test same(entropy(view(x, :, 1:2, :, :, :)), expected[1:2, :, :, :]) # two ways: within the first axis, and the rest
    @test same(entropy(view(x, :, :, :, 2:2, :)), expected[:, :, 2:2, :])
    @test same(entropy(view(x, 1:30, :, 1:2:3, 1, 1)), entropy(x[1:30, :, 1:2:3, 1, 1]))
    @test same(entropy(PermutedDimsArray(x[:, :, :, 1, 1], (1, 3, 2))), permutedims(expected[:, :, 1, 1]))
    @test same(entropy(reshape(x, 50, :)), vec(expected))
    @test same(entropy(reinterpret(Float32, reinterpret(UInt32, x[:, :, 1, 1, 1]))), expected[:, 1, 1, 1])
    @test size(entropy(zeros(Float32, 5, 0, 3))) == (0, 3) && size(entropy(zeros(Float32, 0, 0))) == (0,)

    out = fill(-1f0, 3, 4)
    @test entropy!(out, x[:, :, :, 1, 1]) === out && same(out, expected[:, :, 1, 1])
    wide = fill(-1f0, 3, 6)
    entropy!(view(wide, :, 2:5), x[:, :, :, 1, 1])
    @test same(wide[:, 2:5], out) && all(wide[:, [1, 6]] .== -1)
    scalar = fill(-1f0)
    entropy!(scalar, x[:, 1, 1, 1, 1])
    @test scalar[] === expected[1]
end

@testset "options" begin
    x = sample(Float32, 64, 3, 4)
    H = entropy(x)
    @test same(entropy(x; temperature = 1), H) && same(entropy(x; temperature = ones(3, 4)), H)
    @test same(entropy(x; temperature = 0.7), entropy(x; temperature = fill(0.7f0, 3, 4)))
    @test !same(entropy(x; temperature = 0.7), H)
    keep = [isodd(i + j) for i in 1:3, j in 1:4]
    @test same(entropy(x; row_mask = keep), ifelse.(keep, H, 0f0))
    @test same(entropy(x; row_mask = BitArray(keep)), ifelse.(keep, H, 0f0))
    @test same(entropy(x; num_threads = 1), H)

    # masks: for all rows and for each, as bits and as words
    mask = BitArray([i * j % 5 != k % 3 for i in 1:64, j in 1:3, k in 1:4])
    masked = ifelse.(mask, x, -Inf32)
    @test same(entropy(x; allowed = mask), entropy(masked))
    words = [reduce(|, UInt32(mask[32w + b + 1, j, k]) << b for b in 0:31) for w in 0:1, j in 1:3, k in 1:4]
    @test same(entropy(x; allowed = words), entropy(masked))
    @test same(entropy(x; allowed = words[:, 2, 3]), entropy(x; allowed = mask[:, 2, 3]))
    @test same(entropy(x; allowed = mask[:, 2, 3]), entropy(ifelse.(mask[:, 2, 3], x, -Inf32)))
    @test same(entropy(x[:, 1, 1]; allowed = mask[:, 1, 1]), entropy(masked[:, 1, 1]))
    short = x[1:50, :, :] # the last word is partly used
    @test same(entropy(short; allowed = mask[1:50, 1, 1]), entropy(ifelse.(mask[1:50, 1, 1], short, -Inf32)))

    out = (argmax = zeros(Int64, 3, 4), entropy = zeros(Float32, 3, 4))
    @test stats!(out, x; row_mask = keep) === out
    @test out.argmax == [keep[j, k] ? argmax(x[:, j, k]) : 0 for j in 1:3, k in 1:4]
    @test stats(x) === NamedTuple()
end

# bfloat16, as a type of somebody else's
primitive type Bits16 16 end
LibEntropy.dtype(::Type{Bits16}) = Cint(2)
@testset "bfloat16" begin
    x = reinterpret(Float32, reinterpret(UInt32, sample(Float32, 40, 3)) .& 0xffff0000)
    short = reinterpret(Bits16, UInt16.(reinterpret(UInt32, collect(x)) .>> 16))
    @test same(entropy(short), entropy(collect(x)))
    if isdefined(Core, :BFloat16)
        @test same(entropy(reinterpret(Core.BFloat16, short)), entropy(collect(x)))
    end
end
