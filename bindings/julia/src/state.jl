function State(; temperature::Real = 1)
    s = Ref{State}()
    ccall(entropy_state_init[], Cvoid, (Ref{State},), s)
    new = s[]
    field(name) = name === :temperature ? Float64(temperature) : getfield(new, name)
    append(State(map(field, fieldnames(State))...), Float32[])
end

"""
    append(state, logits::AbstractVector)

The state of a row in which `logits` follow what `state` has seen. If every piece but the last is a multiple of 1024
logits, the results are those of the whole row to the last bit, else within twice the error.
"""
function append(state::State, logits::AbstractVector{T}) where {T}
    require_contiguous(logits)
    type = dtype(T)
    add = (entropy_state_add_f32, entropy_state_add_f16, entropy_state_add_bf16)[type + 1][]
    s = Ref(state)
    GC.@preserve s logits begin
        first, n = pointer(logits), length(logits)
        check(@released ccall(add, Cint, (Ptr{State}, Ptr{Cvoid}, Csize_t), address(s), first, n))
    end
    s[]
end

"""
    merge(left::State, right::State...)

The state of a row in which what `right` has seen follows what `left` has.
"""
function Base.merge(left::State, right::State)
    into = Ref(left)
    ccall(entropy_state_merge[], Cvoid, (Ref{State}, Ref{State}), into, right)
    into[]
end
Base.merge(left::State, right::State, more::State...) = merge(merge(left, right), more...)

"""
    merge!(into::Array{State}, from::Array{State})

Replaces `into[i]` by `merge(into[i], from[i])`, for every `i`.
"""
function Base.merge!(into::Array{State}, from::Array{State})
    size(into) == size(from) || throw(DimensionMismatch("states are $(size(into)) and $(size(from))"))
    check(ccall(entropy_merge_states[], Cint, (Ptr{State}, Ptr{State}, Csize_t), into, from, length(into)))
    into
end

"""
    states(logits; options...)

The [`State`](@ref) of every row of `logits`, in an array of its size without the first axis. Options are those of
[`entropy`](@ref); a `target` makes the state remember its logit.
"""
function states(logits::AbstractArray{T}; options...) where {T}
    out = Array{State}(undef, rows(logits))
    dtype(T)
    o = Options(logits; options...)
    l = Layout(logits)
    GC.@preserve logits out o begin
        args, first = Ref(Args(logits, l, NamedTuple(), o)), pointer(out)
        GC.@preserve args begin
            check(@released ccall(entropy_forward_states[], Cint, (Ptr{Args}, Ptr{State}), address(args), first))
        end
    end
    out
end

"""
    stats(state, names::Symbol...)
    stats(states::Array{State}, names::Symbol...)

The results of rows that came in pieces: numbers, or arrays of the size of `states`. See [`stats`](@ref).
"""
function stats(states::Array{State}, names::Symbol...)
    all(in(result_names), names) || throw(ArgumentError("there are no results but $(join(result_names, ", "))"))
    out = allocate(names, size(states))
    GC.@preserve out begin
        args = Ref(Args(sizeof(Args), C_NULL, 0, 0, 1, length(states), 0, 0, 0, C_NULL, 0, C_NULL, C_NULL, C_NULL, 0,
            result_pointers(out)...))
        check(ccall(entropy_results_of_states[], Cint, (Ptr{State}, Csize_t, Ref{Args}), states, length(states), args))
    end
    haskey(out, :argmax) && count_from_1!(out.argmax, i -> states[i].length == 0)
    out
end
stats(state::State, names::Symbol...) = map(only_element, stats(fill(state), names...))

"""
    entropy(state)

The entropy of the row that the state has seen.
"""
entropy(state::State) = stats(state, :entropy).entropy
