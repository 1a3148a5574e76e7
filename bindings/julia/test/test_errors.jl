# An array in memory that this process cannot read, as on another device.
struct Elsewhere <: DenseArray{Float32, 2} end
Base.size(::Elsewhere) = (4, 2)
Base.strides(::Elsewhere) = (1, 4)

x = sample(Float32, 40, 3, 2)
out = fill(-1f0, 3, 2)
untouched = copy(out)

@testset "logits" begin
    for wrong in (Float64.(x), fill(1, 40, 3, 2), Complex{Float32}.(x), view(x, 1:2:40, :, :), view(x, 40:-1:1, :, :),
            view(x, :, 3:-1:1, :), view(sample(Float32, 40, 4, 4, 4), :, 1:3, 1:2, 1:2), PermutedDimsArray(x, (2, 1, 3)),
            fill(1f0), reshape(1f0:120f0, 40, 3), BitArray(undef, 4, 2))
        @test_throws ArgumentError entropy(wrong)
        @test_throws ArgumentError stats(wrong, :entropy)
        @test_throws ArgumentError gradient(wrong; entropy = 1)
        @test_throws ArgumentError states(wrong)
    end
    @test_throws DimensionMismatch entropy(zeros(Float32, 0, 3))
    @test_throws DimensionMismatch entropy(Float32[])
    @test_throws ErrorException entropy(Elsewhere())
    @test_throws ArgumentError append(State(), view(x, 1:2:40, 1, 1))
    @test_throws ArgumentError append(State(), [1.0, 2.0])
end

@testset "outputs" begin
    @test_throws DimensionMismatch entropy!(fill(-1f0, 2, 3), x)
    @test_throws DimensionMismatch entropy!(fill(-1f0, 6), x)
    @test_throws ArgumentError entropy!(zeros(3, 2), x)
    @test_throws ArgumentError entropy!(view(fill(-1f0, 6, 2), 1:2:6, :), x)
    @test_throws ArgumentError stats!((entropie = out,), x)
    @test_throws ArgumentError stats!((argmax = out,), x)
    @test_throws DimensionMismatch stats!((entropy = out, support = zeros(Int64, 1)), x)
    @test_throws ArgumentError stats(x, :entropy, :perplexity)
    @test_throws DimensionMismatch gradient!(zeros(Float32, 40, 3, 3), x; entropy = out)
    @test_throws ArgumentError gradient!(zeros(Float16, 40, 3, 2), x; entropy = out)
    @test_throws DimensionMismatch merge!([State()], State[])
end

@testset "options" begin
    for (kind, options) in (
            (ArgumentError, (temperature = 0,)), (ArgumentError, (temperature = NaN,)), (ArgumentError, (temperature = "hot",)),
            (ArgumentError, (temperature = fill(-1f0, 3, 2),)), (DimensionMismatch, (temperature = ones(Float32, 2, 3),)),
            (ArgumentError, (target = fill(41, 3, 2),)), (DimensionMismatch, (target = [1, 2],)), (ArgumentError, (target = 1,)),
            (InexactError, (target = fill(1.5, 3, 2),)), (DimensionMismatch, (row_mask = trues(6),)),
            (ArgumentError, (allowed = trues(40, 3, 2),)), (DimensionMismatch, (allowed = trues(41),)),
            (DimensionMismatch, (allowed = zeros(UInt32, 1),)), (ArgumentError, (allowed = fill(true, 40),)),
            (ArgumentError, (num_threads = -1,)), (MethodError, (temprature = 1,)))
        @test_throws kind entropy!(out, x; options...)
    end
    @test_throws ArgumentError stats!((target_logprob = out,), x)
    @test_throws DimensionMismatch gradient(x; entropy = ones(Float32, 2, 3))
    @test_throws ArgumentError gradient(x; entropy = 1)
    @test_throws ArgumentError State(temperature = -1)
    @test_throws ArgumentError LibEntropy.instruction_set!("sse2")
    @test_throws ArgumentError LibEntropy.num_threads!(-1)
end
@test same(out, untouched)

@testset "in the library's words" begin
    @test LibEntropy.check(Cint(0)) === nothing
    kinds = (ArgumentError, DimensionMismatch, ArgumentError, ArgumentError, OutOfMemoryError)
    for (i, kind) in enumerate(kinds)
        @test_throws kind LibEntropy.check(Cint(-i))
    end
    text = try
        entropy(x; temperature = 0)
    catch e
        sprint(showerror, e)
    end
    @test occursin("outside its domain", text)
end
