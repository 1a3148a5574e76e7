const state_names = (:entropy, :varentropy, :logsumexp, :max_logit, :max_logprob, :argmax, :support)

@testset "pieces" begin
    x = sample(Float32, 5000, 3)[:, 3]
    whole = stats(x, state_names...)
    @test same(stats(append(State(), x), state_names...), whole)
    @test same(stats(append(append(State(), view(x, 1:2048)), view(x, 2049:5000)), state_names...), whole)
    left, middle, right = (append(State(), x[range]) for range in (1:1000, 1001:1700, 1701:5000))
    for s in (merge(left, middle, right), reduce(merge, [left, middle, right]), merge(left, merge(middle, right)))
        got = stats(s, state_names...)
        @test near(got.entropy, big(whole.entropy), 3 * relative(whole.entropy)) && entropy(s) === got.entropy
        @test near(got.max_logprob, big(whole.max_logprob), 3 * relative(whole.max_logprob))
        @test got.argmax == whole.argmax && got.support == whole.support && got.max_logit == whole.max_logit
    end
    @test stats(merge(right, left), :argmax).argmax != whole.argmax
    @test isbitstype(State) && sizeof(State) == 128
    @test isnan(entropy(State())) && stats(State(), :argmax, :support) == (argmax = 0, support = 0)
    @test append(State(), Float32[]) === State()

    half = append(State(), Float16[1, 2, 0.5])
    @test half === append(State(), Float32[1, 2, 0.5])
    @test entropy(append(State(temperature = 2), Float16[1, 2, 0.5])) === entropy(Float32[1, 2, 0.5]; temperature = 2)
    @test isnan(entropy(merge(half, append(State(temperature = 2), Float32[1])))) # of two temperatures: none
end

@testset "many rows" begin
    x = sample(Float32, 64, 4, 3)
    target = [(5i + j) % 65 for i in 1:4, j in 1:3]
    keep = [i + j != 4 for i in 1:4, j in 1:3]
    keywords = (target = target, row_mask = keep, temperature = 0.8)
    whole = stats(x, LibEntropy.result_names...; keywords...)
    s = states(x; keywords...)
    @test s isa Matrix{State} && same(stats(s, LibEntropy.result_names...), whole)

    # shards of the vocabulary: the target is counted from the shard's first token
    shard(range) = states(view(x, range, :, :); keywords...,
        target = map(t -> t in range ? t - first(range) + 1 : 0, target))
    left, right = shard(1:32), shard(33:64)
    merged = merge.(left, right)
    got = stats(merged, LibEntropy.result_names...)
    for i in eachindex(keep)
        @test near(got.entropy[i], big(whole.entropy[i]), 3 * relative(whole.entropy[i]))
        @test near(got.target_logprob[i], big(whole.target_logprob[i]),
            3 * (relative(whole.max_logprob[i]) + eps(whole.target_logprob[i])))
    end
    @test got.argmax == whole.argmax && got.support == whole.support
    @test merge!(left, right) === left && left == merged
    @test isempty(stats(State[], :entropy).entropy)
end
