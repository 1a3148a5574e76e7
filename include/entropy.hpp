/* libentropy for C++17 and later: entropy.h with arrays that know their size, and exceptions.
 *
 * SPDX-License-Identifier: MIT
 *
 *     std::vector<float> logits(rows * vocab), H(rows);
 *     entropy::of(logits, vocab, H);
 *
 * What the results mean, how exact they are and what becomes of -inf, +inf and NaN is said in
 * entropy.h, to which nothing is added here but checks of sizes. What fails throws entropy::error,
 * and has written nothing. Nothing allocates; nothing else throws.
 *
 * Arrays are whatever std::data and std::size know: std::vector, std::array, std::span, arrays; or
 * {pointer, size}. They are borrowed, and must live until the call that reads or writes them has
 * returned. One that is empty is an option not used, or a result not wanted.
 *
 * entropy_version, entropy_isa and the other calls about the machine are used as they are. */
#ifndef ENTROPY_HPP
#define ENTROPY_HPP

#include <cstddef>
#include <cstdint>
#include <exception>
#include <iterator>
#include <type_traits>
#include <utility>
#if defined __STDCPP_FLOAT16_T__ || defined __STDCPP_BFLOAT16_T__
#include <stdfloat>
#endif

#include "entropy.h"

namespace entropy
{

/* A status other than ENTROPY_OK. */
class ENTROPY_API error : public std::exception
{
public:
    explicit error(int status) noexcept : error(status, entropy_strerror(status)) {}
    /* `what` must live as long as the program does. */
    error(int status, const char *what) noexcept : status_(status), what_(what) {}

    int status() const noexcept { return status_; }
    const char *what() const noexcept override { return what_; }

private:
    int status_;
    const char *what_;
};

/* ---- Arrays that are borrowed. ---- */

/* What std::span is to C++20, in every version of the language: the functions below then have one
 * signature, however the files of a program are compiled. */
template <class T> class span
{
    template <class Container>
    using element = std::remove_pointer_t<decltype(std::data(std::declval<Container &>()))>;

public:
    constexpr span() noexcept = default;
    constexpr span(T *data, std::size_t size) noexcept : data_(data), size_(size) {}
    template <class Container, class = decltype(std::size(std::declval<Container &>())),
              /* of the same type, up to const */
              class = std::enable_if_t<std::is_convertible_v<element<Container> (*)[], T (*)[]>>>
    constexpr span(Container &&container) noexcept
        : data_(std::data(container)), size_(std::size(container))
    {
    }

    constexpr T *data() const noexcept { return data_; }
    constexpr std::size_t size() const noexcept { return size_; }
    constexpr bool empty() const noexcept { return size_ == 0; }

private:
    T *data_ = nullptr;
    std::size_t size_ = 0;
};

/* Logits by their bits, for types that the compiler does not know: an array of std::uint16_t is
 * passed as {reinterpret_cast<const entropy::bfloat16 *>(pointer), size}. */
enum class float16 : std::uint16_t {};
enum class bfloat16 : std::uint16_t {};

/* The dtype of logits of type T. Specialise it for a type of your own that has the same bits:
 *
 *     template <> struct entropy::dtype_of<Half> : entropy::dtype<ENTROPY_F16> {}; */
template <int value> using dtype = std::integral_constant<int, value>;
template <class T> struct dtype_of;
template <> struct dtype_of<float> : dtype<ENTROPY_F32> {
};
template <> struct dtype_of<float16> : dtype<ENTROPY_F16> {
};
template <> struct dtype_of<bfloat16> : dtype<ENTROPY_BF16> {
};
#ifdef __STDCPP_FLOAT16_T__
template <> struct dtype_of<std::float16_t> : dtype<ENTROPY_F16> {
};
#endif
#ifdef __STDCPP_BFLOAT16_T__
template <> struct dtype_of<std::bfloat16_t> : dtype<ENTROPY_BF16> {
};
#endif

/* An array of logits of any dtype. */
template <class Void> struct basic_logits {
    Void *data = nullptr;
    std::size_t size = 0;
    int dtype = ENTROPY_F32;

    constexpr basic_logits() noexcept = default;
    template <class T, int value = dtype_of<std::remove_const_t<T>>::value,
              class = std::enable_if_t<std::is_convertible_v<T *, Void *>>>
    constexpr basic_logits(T *pointer, std::size_t elements) noexcept
        : data(pointer), size(elements), dtype(value)
    {
        static_assert(sizeof(T) == (value == ENTROPY_F32 ? 4 : 2), "no logit has this size");
    }
    template <class Container,
              class = decltype(basic_logits(std::data(std::declval<Container &>()), std::size_t{}))>
    constexpr basic_logits(Container &&container) noexcept
        : basic_logits(std::data(container), std::size(container))
    {
    }
};
using logits = basic_logits<const void>;
using mutable_logits = basic_logits<void>;

/* ---- One sweep, every answer: what entropy_args and entropy_grads hold, in parts. ---- */

struct shape {
    std::size_t batch, seq, vocab;
    std::ptrdiff_t batch_stride = 0, seq_stride = 0; /* in elements; 0: dense */
};

struct options {
    float temperature = 1;             /* of all rows, */
    span<const float> temperatures;    /* or, instead of it, of each */
    span<const std::int64_t> target;   /* [batch, seq] */
    span<const std::uint8_t> row_mask; /* [batch, seq] */
    span<const std::uint32_t> allowed; /* a bit for every token, */
    std::size_t allowed_stride = 0;    /* and the words from one row's to the next; 0: the same */
    int num_threads = 0;
};

struct results { /* each [batch, seq] */
    span<float> entropy, varentropy, logsumexp, max_logit, max_logprob, target_logprob;
    span<std::int64_t> argmax, support;
};

struct gradients {
    span<const float> entropy, logsumexp, target_logprob; /* dL / d(result), [batch, seq] */
    mutable_logits logits;                                /* dL / d(logits), written */
    std::ptrdiff_t batch_stride = 0, seq_stride = 0;      /* its own; 0: dense */
};

namespace detail
{

inline void check(int status)
{
    if (status != ENTROPY_OK) throw error(status);
}

inline void check_shape(bool condition, const char *what)
{
    if (!condition) throw error(ENTROPY_ERR_SHAPE, what);
}

/* The array of an option or a result, NULL if it is empty. */
template <class T> T *per_row(span<T> array, std::size_t rows, const char *what)
{
    check_shape(array.empty() || array.size() == rows, what);
    return array.empty() ? nullptr : array.data();
}

/* size -= (n - 1) * stride, unless that is more. */
inline bool take(std::size_t &size, std::size_t n, std::size_t stride)
{
    if (stride != 0 && n - 1 > size / stride) return false;
    size -= (n - 1) * stride;
    return true;
}

/* Whether an array has all of its rows; of strides that cannot be, any answer: the library refuses
 * them. Not for an empty shape. */
inline bool covers(std::size_t size, const shape &s, std::ptrdiff_t batch_stride,
                   std::ptrdiff_t seq_stride)
{
    const auto seq = seq_stride != 0 ? static_cast<std::size_t>(seq_stride) : s.vocab;
    const auto batch = batch_stride != 0 ? static_cast<std::size_t>(batch_stride) : s.seq * seq;
    return s.vocab <= size && take(size -= s.vocab, s.seq, seq) && take(size, s.batch, batch);
}

inline bool covers_masks(const options &o, std::size_t rows, std::size_t vocab)
{
    const std::size_t words = vocab / 32 + (vocab % 32 != 0);
    std::size_t size = o.allowed.size();
    return words <= size && take(size -= words, rows, o.allowed_stride);
}

inline void set_results(entropy_args &a, const results &r)
{
    const std::size_t rows = a.batch * a.seq;
    a.entropy = per_row(r.entropy, rows, "entropy has not one element for each row");
    a.varentropy = per_row(r.varentropy, rows, "varentropy has not one element for each row");
    a.logsumexp = per_row(r.logsumexp, rows, "logsumexp has not one element for each row");
    a.max_logit = per_row(r.max_logit, rows, "max_logit has not one element for each row");
    a.max_logprob = per_row(r.max_logprob, rows, "max_logprob has not one element for each row");
    a.target_logprob =
        per_row(r.target_logprob, rows, "target_logprob has not one element for each row");
    a.argmax = per_row(r.argmax, rows, "argmax has not one element for each row");
    a.support = per_row(r.support, rows, "support has not one element for each row");
}

inline entropy_args args_of(const logits &z, const shape &s, const options &o, const results &r)
{
    const std::size_t rows = s.batch * s.seq;
    const bool any = s.batch != 0 && s.seq != 0;
    check_shape(!any || covers(z.size, s, s.batch_stride, s.seq_stride),
                "logits are fewer than their shape says");
    check_shape(!any || o.allowed.empty() || covers_masks(o, rows, s.vocab),
                "allowed has fewer words than the rows need");
    entropy_args a = {};
    a.size = sizeof a;
    a.logits = z.data;
    a.dtype = z.dtype;
    a.num_threads = o.num_threads;
    a.batch = s.batch;
    a.seq = s.seq;
    a.vocab = s.vocab;
    a.batch_stride = s.batch_stride;
    a.seq_stride = s.seq_stride;
    a.temperature = per_row(o.temperatures, rows, "temperatures has not one element for each row");
    a.temperature_stride = a.temperature != nullptr;
    if (a.temperature == nullptr) a.temperature = &o.temperature;
    a.target = per_row(o.target, rows, "target has not one element for each row");
    a.row_mask = per_row(o.row_mask, rows, "row_mask has not one element for each row");
    a.allowed = o.allowed.empty() ? nullptr : o.allowed.data();
    a.allowed_stride = o.allowed_stride;
    set_results(a, r);
    return a;
}

} // namespace detail

/* entropy_forward. */
inline void forward(const logits &z, const shape &s, const results &r, const options &o = {})
{
    const entropy_args a = detail::args_of(z, s, o, r);
    detail::check(entropy_forward(&a));
}

/* entropy_backward. `known` is what forward wrote: with entropy, max_logit and max_logprob in it, z
 * is swept once, without them twice. */
inline void backward(const logits &z, const shape &s, const gradients &g, const options &o = {},
                     const results &known = {})
{
    const entropy_args a = detail::args_of(z, s, o, known);
    const std::size_t rows = s.batch * s.seq;
    if (g.logits.dtype != z.dtype) {
        throw error(ENTROPY_ERR_VALUE, "the gradient is of another dtype than the logits");
    }
    detail::check_shape(rows == 0 || detail::covers(g.logits.size, s, g.batch_stride, g.seq_stride),
                        "the gradient has fewer elements than its shape says");
    entropy_grads grads = {};
    grads.size = sizeof grads;
    grads.entropy =
        detail::per_row(g.entropy, rows, "dL/dentropy has not one element for each row");
    grads.logsumexp =
        detail::per_row(g.logsumexp, rows, "dL/dlogsumexp has not one element for each row");
    grads.target_logprob = detail::per_row(g.target_logprob, rows,
                                           "dL/dtarget_logprob has not one element for each row");
    grads.logits = g.logits.data;
    grads.batch_stride = g.batch_stride;
    grads.seq_stride = g.seq_stride;
    detail::check(entropy_backward(&a, &grads));
}

/* ---- The simple calls. ---- */

/* The entropy of every row of z, [out.size(), vocab]. */
inline void of(const logits &z, std::size_t vocab, span<float> out)
{
    detail::check_shape(vocab == 0 ? z.size == 0
                                   : z.size % vocab == 0 && z.size / vocab == out.size(),
                        "the output has not one element for each row of logits");
    results r;
    r.entropy = out;
    forward(z, {1, out.size(), vocab}, r);
}

/* The entropy of one row. */
[[nodiscard]] inline float of(const logits &row)
{
    float H = 0;
    of(row, row.size, {&H, 1});
    return H;
}

/* ---- Rows that come in pieces. ---- */

/* entropy_state as a value: 128 bytes without a pointer, which may be copied, stored and sent. */
class state
{
public:
    /* An empty row. */
    state() noexcept { entropy_state_init(&state_); }
    explicit state(double temperature) : state()
    {
        state_.temperature = temperature;
        detail::check(entropy_state_add_f32(&state_, nullptr, 0));
    }
    explicit state(const entropy_state &received) noexcept : state_(received) {}
    const entropy_state &c_state() const noexcept { return state_; }

    /* Appends logits. Multiples of 1024 at a time give the bits of the whole row. */
    state &add(const logits &piece)
    {
        const auto bits = static_cast<const std::uint16_t *>(piece.data);
        switch (piece.dtype) {
        case ENTROPY_F16: detail::check(entropy_state_add_f16(&state_, bits, piece.size)); break;
        case ENTROPY_BF16: detail::check(entropy_state_add_bf16(&state_, bits, piece.size)); break;
        default:
            detail::check(
                entropy_state_add_f32(&state_, static_cast<const float *>(piece.data), piece.size));
        }
        return *this;
    }

    /* Appends what `right` has seen. */
    state &merge(const state &right) noexcept
    {
        entropy_state_merge(&state_, &right.state_);
        return *this;
    }
    state &operator+=(const state &right) noexcept { return merge(right); }
    friend state operator+(state left, const state &right) noexcept { return left += right; }

    float entropy() const noexcept { return entropy_state_entropy(&state_); }
    float varentropy() const noexcept { return entropy_state_varentropy(&state_); }
    float logsumexp() const noexcept { return entropy_state_logsumexp(&state_); }
    float max_logit() const noexcept { return entropy_state_max_logit(&state_); }
    float max_logprob() const noexcept { return entropy_state_max_logprob(&state_); }
    std::int64_t argmax() const noexcept { return entropy_state_argmax(&state_); }
    std::int64_t support() const noexcept { return entropy_state_support(&state_); }

private:
    entropy_state state_;
};
static_assert(sizeof(state) == sizeof(entropy_state) && std::is_trivially_copyable_v<state> &&
                  std::is_standard_layout_v<state>,
              "an array of one is an array of the other");

/* entropy_forward_states: the state of every row. */
inline void forward_states(const logits &z, const shape &s, span<state> out, const options &o = {})
{
    const entropy_args a = detail::args_of(z, s, o, {});
    detail::check_shape(out.size() == s.batch * s.seq, "states are not one for each row");
    detail::check(entropy_forward_states(&a, reinterpret_cast<entropy_state *>(out.data())));
}

/* entropy_merge_states: from[i] is appended to into[i]. */
inline void merge_states(span<state> into, span<const state> from)
{
    detail::check_shape(into.size() == from.size(), "states are merged in pairs");
    detail::check(entropy_merge_states(reinterpret_cast<entropy_state *>(into.data()),
                                       reinterpret_cast<const entropy_state *>(from.data()),
                                       into.size()));
}

/* entropy_results_of_states: one result for each state, 0 where row_mask is. */
inline void results_of_states(span<const state> states, const results &r,
                              span<const std::uint8_t> row_mask = {})
{
    entropy_args a = {};
    a.size = sizeof a;
    a.batch = 1;
    a.seq = states.size();
    a.row_mask =
        detail::per_row(row_mask, states.size(), "row_mask has not one element for each state");
    detail::set_results(a, r);
    detail::check(entropy_results_of_states(reinterpret_cast<const entropy_state *>(states.data()),
                                            states.size(), &a));
}

} // namespace entropy

#endif
