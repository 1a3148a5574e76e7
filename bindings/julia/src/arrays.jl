# Julia's arrays as the library sees them.

"""
    LibEntropy.dtype(T)

How the library reads logits of type `T`: 0 as binary32, 1 as binary16, 2 as bfloat16. A type of the same bits can
be added: `LibEntropy.dtype(::Type{BFloat16}) = Cint(2)`.
"""
dtype(::Type{Float32}) = Cint(0)
dtype(::Type{Float16}) = Cint(1)
@static if isdefined(Core, :BFloat16)
    dtype(::Type{Core.BFloat16}) = Cint(2)
end
dtype(::Type{T}) where {T} = throw(ArgumentError("logits are Float32, Float16 or BFloat16, not $T"))

# An array without the vocabulary: what results have.
rows(logits::AbstractArray) = Base.tail(size(logits))
rows(::AbstractArray{<:Any, 0}) = throw(ArgumentError("logits have a vocabulary, and so at least one axis"))

const InMemory = Union{StridedArray, PermutedDimsArray}

require_contiguous(x::InMemory) = stride(x, 1) == 1 || size(x, 1) <= 1 ||
    throw(ArgumentError("the logits of a row are not contiguous in memory: copy them"))
require_contiguous(x::AbstractArray) = throw(ArgumentError("$(typeof(x)) is not an array in memory: collect it"))

# The rows of x as [seq, batch], and the distances between them; y is of the same shape, and has distances of its
# own. Axes along which the rows of both are evenly spaced are taken together.
struct Layout
    batch::Int
    seq::Int
    vocab::Int
    x_strides::NTuple{2, Int} # of batch and seq
    y_strides::NTuple{2, Int}
end

function Layout(x::AbstractArray, y::AbstractArray = x)
    size(x) == size(y) || throw(DimensionMismatch("logits are $(size(x)), and their gradient $(size(y))"))
    require_contiguous(x)
    require_contiguous(y)
    0 in rows(x) && return Layout(0, 0, size(x, 1), (0, 0), (0, 0))
    size(x, 1) == 0 && throw(DimensionMismatch("the vocabulary is empty"))
    batch, seq, outer, inner = 1, 1, (0, 0), (0, 0)
    for k in 2:ndims(x)
        n, step = size(x, k), (stride(x, k), stride(y, k))
        n == 1 && continue
        minimum(step) > 0 || throw(ArgumentError("rows are in reverse, or the same: copy them"))
        if seq == 1
            seq, inner = n, step
        elseif batch == 1 && step == seq .* inner
            seq *= n
        elseif batch == 1
            batch, outer = n, step
        elseif step == batch .* outer
            batch *= n
        else
            throw(ArgumentError("rows are spaced in more than two ways: copy them"))
        end
    end
    Layout(batch, seq, size(x, 1), (outer[1], inner[1]), (outer[2], inner[2]))
end

# An array that the library writes: one element of type T for each row, without gaps.
function require_result(::Type{T}, out::AbstractArray, logits::AbstractArray, name) where {T}
    eltype(out) === T || throw(ArgumentError("$name is $T, not $(eltype(out))"))
    size(out) == rows(logits) || throw(DimensionMismatch("$name is $(size(out)), the rows are $(rows(logits))"))
    out isa InMemory || throw(ArgumentError("$name is not an array in memory"))
    dense = 1
    for k in 1:ndims(out)
        size(out, k) == 1 || stride(out, k) == dense || isempty(out) || throw(ArgumentError("$name has gaps"))
        dense *= size(out, k)
    end
end

# One value of type T for each row, to read: the array itself if it is that, else a copy.
per_row(::Type{T}, ::Nothing, logits, name) where {T} = nothing
function per_row(::Type{T}, values::AbstractArray, logits, name) where {T}
    size(values) == rows(logits) || throw(DimensionMismatch("$name is $(size(values)), the rows are $(rows(logits))"))
    convert(Array{T}, values)
end
per_row(::Type{T}, value::Number, logits::AbstractVector, name) where {T} = fill(convert(T, value))
per_row(::Type, value, logits, name) = throw(ArgumentError("$name is not an array of one value for each row"))

# NULL for what is not there.
pointer_to(::Type{T}, ::Nothing) where {T} = Ptr{T}(C_NULL)
pointer_to(::Type{T}, x::AbstractArray) where {T} = Ptr{T}(pointer(x))
pointer_to(::Type{T}, x::BitArray) where {T} = Ptr{T}(pointer(x.chunks))
pointer_to(::Type{T}, x::Ref) where {T} = Ptr{T}(address(x))
