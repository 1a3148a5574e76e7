@testset "no allocation" begin
    dense, views, out = sample(Float32, 100, 3, 2), view(sample(Float16, 100, 4, 2), 1:90, 1:3, :), zeros(Float32, 3, 2)
    keep = fill(true, 3, 2)
    plain(x) = @allocated entropy!(out, x)
    masked(x) = @allocated entropy!(out, x; row_mask = keep)
    for x in (dense, views), call in (plain, masked)
        call(x)
        @test call(x) == 0
    end
end

@testset "the collector does not wait for a call" begin
    # One long call on another thread; collections begin and end while it lasts. If they waited, one at most could.
    if nthreads() < 2
        @info "the collector is not tested: that takes a second thread, JULIA_NUM_THREADS=2"
    else
        x = zeros(Float16, 2^27)
        entropy(x[1:10])
        GC.gc(false)
        began, ended = Threads.Atomic{Bool}(false), Threads.Atomic{Bool}(false)
        task = @spawn begin
            began[] = true
            entropy(x; num_threads = 1)
            ended[] = true
        end
        while !began[]
            yield()
        end
        collections = 0
        while !ended[] && collections < 100
            GC.gc(false)
            collections += !ended[]
        end
        wait(task)
        @test collections >= 3
    end
end

@testset "the machine" begin
    before = LibEntropy.instruction_set()
    x = sample(Float32, 3000, 3)
    H = entropy(x)
    LibEntropy.instruction_set!("scalar")
    @test LibEntropy.instruction_set() == "scalar" && same(entropy(x), H)
    LibEntropy.instruction_set!(before)
    LibEntropy.num_threads!(3)
    @test LibEntropy.num_threads() == 3
    LibEntropy.num_threads!(0)
    project = read(joinpath(@__DIR__, "..", "Project.toml"), String)
    @test occursin("\nversion = \"$(LibEntropy.version())\"\n", project)
end

@testset "names" begin
    @test isempty(detect_ambiguities(LibEntropy))
    for name in [names(LibEntropy); :gradient; :gradient!; :dtype]
        @test haskey(Docs.meta(LibEntropy), Docs.Binding(LibEntropy, name))
    end
end

@testset "README" begin
    parts = split(read(joinpath(@__DIR__, "..", "README.md"), String), r"```(julia)?\n")
    example, expected = parts[2], parts[4]
    file = tempname()
    open(file, "w") do io
        redirect_stdout(io) do
            include_string(Module(), example)
        end
    end
    @test read(file, String) == expected
end

# ChainRulesCore itself where it is installed; else what of it the extension needs, so that the rule is run all the
# same.
if Base.find_package("ChainRulesCore") === nothing
    @info "ChainRulesCore is not installed: the rule is tested with a stand-in"
    @eval Main module ChainRulesCore
    abstract type AbstractZero end
    struct NoTangent <: AbstractZero end
    struct ZeroTangent <: AbstractZero end
    struct Thunk{F}
        f::F
    end
    unthunk(x) = x
    unthunk(x::Thunk) = x.f()
    function rrule end
    end
    # without a package of that name the extension's `import` finds the module in Main
    extension = read(joinpath(@__DIR__, "..", "ext", "LibEntropyChainRulesCoreExt.jl"), String)
    include_string(Main, replace(extension, r"(import|using) ChainRulesCore" => s"\1 ..ChainRulesCore"))
else
    @eval Main import ChainRulesCore
    isdefined(Base, :get_extension) || include(joinpath(@__DIR__, "..", "ext", "LibEntropyChainRulesCoreExt.jl"))
end
@testset "rule of ChainRules" begin
    C = Main.ChainRulesCore
    for x in (sample(Float32, 30, 3, 2), sample(Float16, 30, 3)[:, 3])
        H, pullback = C.rrule(entropy, x; temperature = 0.9)
        @test same(H, entropy(x; temperature = 0.9))
        dH = x isa Vector ? 2.0 : [1.0 -1; 0.5 2; 0 3]
        none, dx = pullback(dH)
        @test none === C.NoTangent() && same(dx, gradient(x; entropy = dH, temperature = 0.9))
        @test any(!iszero, dx)
        @test pullback(C.ZeroTangent()) === (C.NoTangent(), C.ZeroTangent())
    end
    _, pullback = C.rrule(entropy, sample(Float32, 5, 3))
    thunk = isdefined(C, :Thunk) ? C.Thunk(() -> ones(Float32, 3)) : ones(Float32, 3)
    @test same(pullback(thunk)[2], gradient(sample(Float32, 5, 3); entropy = ones(3)))
end
