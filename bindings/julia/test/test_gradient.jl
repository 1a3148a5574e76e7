@testset "formula, $type" for (type, precision) in ((Float32, 0.0), (Float16, eps(Float16)))
    x = sample(type, 40, 3, 2)
    target = [1 0; 40 7; 2 2]
    dH, dlse, dlogp = [0.5 -1; 2 0; 1 1], [0.25 0; 0 1; -1 1], [1.0 1; -2 0; 1 3]
    T = Float32[1 2; 0.5 1; 0.7 3]
    keywords = (entropy = dH, logsumexp = dlse, target_logprob = dlogp, target = target, temperature = T)
    got = gradient(x; keywords...)
    @test got isa Array{type, 3} && size(got) == size(x)
    for i in 1:3, j in 1:2
        r = reference(x[:, i, j]; T = T[i, j], target = target[i, j])
        expected = reference_gradient(r, dH[i, j], dlse[i, j], dlogp[i, j], target[i, j]; T = T[i, j])
        p = exp.(r.logp)
        for k in 1:40
            logp = isfinite(r.logp[k]) ? abs(r.logp[k]) : big(0)
            H_part = p[k] * abs(dH[i, j])
            logp_part = abs(dlogp[i, j]) * (k == target[i, j] ? 1 - p[k] : p[k])
            terms = (H_part * (logp + r.entropy) + p[k] * abs(dlse[i, j]) + logp_part) / T[i, j]
            errors = (H_part * (relative(r.entropy) + relative(r.max_logprob)) +
                p[k] * abs(dlogp[i, j]) * relative(r.max_logprob)) / T[i, j]
            smallest = type === Float16 ? nextfloat(Float16(0)) : floatmin(Float32)
            rounding = max(precision, eps(Float32)) * abs(expected[k]) + smallest
            @test near(got[k, i, j], expected[k], (1e-6 + 2e-7 * logp) * terms + errors + rounding)
        end
    end

    # what stats has given saves a sweep, and is read: a wrong one shows
    results = stats(x, :max_logit, :entropy, :max_logprob; temperature = T)
    @test same(gradient(x; keywords..., results = results), got)
    results.entropy[1] += 1
    @test !same(gradient(x; keywords..., results = results)[:, 1, 1], got[:, 1, 1])

    # in place, between gaps, of one row, of skipped rows
    place = copy(x)
    @test gradient!(place, place; keywords...) === place && same(place, got)
    wide = fill(type(-1), 50, 3, 2)
    gradient!(view(wide, 1:40, :, :), x; keywords...)
    @test same(wide[1:40, :, :], got) && all(wide[41:50, :, :] .== -1)
    turned = Array{type}(undef, 40, 2, 3)
    gradient!(PermutedDimsArray(turned, (1, 3, 2)), x; keywords...)
    @test same(permutedims(turned, (1, 3, 2)), got)
    @test same(gradient(x[:, 2, 1]; entropy = 2, target_logprob = -2, target = 40, temperature = 0.5), got[:, 2, 1])
    @test all(iszero, gradient(x; entropy = dH, row_mask = falses(3, 2)))
    @test all(iszero, gradient(x))
end
