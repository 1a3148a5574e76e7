// entropy.hpp gives the bits of the C calls that it makes, from every kind of array, and never
// allocates.
#include "problem.hpp"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <new>
#include <numeric>
#if __cplusplus > 201703L
#include <span>
#endif

static int allocations = 0;

// Not inlined: at -O1 gcc sees half of each pair, and warns that free() is given what new gave.
__attribute__((noinline)) void *operator new(std::size_t size)
{
    allocations++;
    if (void *p = std::malloc(size)) return p;
    throw std::bad_alloc();
}
__attribute__((noinline)) void operator delete(void *p) noexcept
{
    std::free(p);
}
__attribute__((noinline)) void operator delete(void *p, std::size_t) noexcept
{
    std::free(p);
}

namespace
{

// ---- What the compiler must accept, and refuse.

using entropy::logits;
using entropy::mutable_logits;
using entropy::span;

static_assert(std::is_constructible_v<logits, std::vector<float> &>);
static_assert(std::is_constructible_v<logits, const std::vector<float> &>);
static_assert(std::is_constructible_v<logits, const Half *, size_t>);
static_assert(!std::is_constructible_v<logits, std::vector<double> &>);
static_assert(!std::is_constructible_v<logits, std::vector<std::uint16_t> &>); // which of the two?
static_assert(!std::is_constructible_v<logits, const double *, size_t>);
static_assert(std::is_constructible_v<mutable_logits, std::vector<float> &>);
static_assert(!std::is_constructible_v<mutable_logits, const std::vector<float> &>);
static_assert(std::is_constructible_v<span<float>, std::vector<float> &>);
static_assert(!std::is_constructible_v<span<float>, const std::vector<float> &>);
static_assert(!std::is_constructible_v<span<float>, std::vector<double> &>);
static_assert(!std::is_constructible_v<span<const float>, float &>);
static_assert(std::is_constructible_v<span<const float>, span<float>>);
static_assert(std::is_trivially_copyable_v<span<float>> &&
              sizeof(span<float>) == 2 * sizeof(void *));
static_assert(std::is_nothrow_default_constructible_v<entropy::state>);
static_assert(std::is_base_of_v<std::exception, entropy::error>);

void test_of(void **)
{
    const problem p;
    std::vector<float> expected(rows), H(rows);
    assert_int_equal(entropy_f32(p.z.data(), 1, rows, vocab, expected.data()), ENTROPY_OK);
    const std::vector<float> z(p.z.begin(), p.z.begin() + rows * vocab);
    const auto check = [&] {
        assert_same(H.data(), expected.data(), rows * sizeof(float));
        H.assign(rows, -1);
    };
    entropy::of(z, vocab, H);
    check();
    entropy::of({z.data(), z.size()}, vocab, {H.data(), H.size()});
    check();
#if __cplusplus > 201703L
    entropy::of(std::span(z), vocab, std::span(H));
    check();
    entropy::of(std::span<const float, rows * vocab>(z), vocab, std::span<float, rows>(H));
    check();
#endif
    const float one = entropy::of(logits(z.data() + vocab, vocab));
    assert_same(&one, &expected[1], sizeof one);

    const float array[] = {1, 2, 3};
    const std::array<float, 3> same = {1, 2, 3};
    assert_true(entropy::of(array) > 0 && entropy::of(array) == entropy::of(same));

    // float16 and bfloat16: 1, 2, 0.5
    const std::uint16_t f16[] = {0x3c00, 0x4000, 0x3800}, bf16[] = {0x3f80, 0x4000, 0x3f00};
    float of_f16 = -1, of_bf16 = -2;
    assert_int_equal(entropy_f16(f16, 1, 1, 3, &of_f16), ENTROPY_OK);
    assert_int_equal(entropy_bf16(bf16, 1, 1, 3, &of_bf16), ENTROPY_OK);
    assert_true(of_f16 == of_bf16);
    const Half half[] = {{0x3c00}, {0x4000}, {0x3800}};
    assert_true(entropy::of(half) == of_f16);
    assert_true(entropy::of({reinterpret_cast<const entropy::float16 *>(f16), 3}) == of_f16);
    assert_true(entropy::of({reinterpret_cast<const entropy::bfloat16 *>(bf16), 3}) == of_bf16);
    assert_false(entropy::of({reinterpret_cast<const entropy::bfloat16 *>(f16), 3}) == of_f16);
#ifdef __STDCPP_FLOAT16_T__
    assert_true(entropy::of(std::vector<std::float16_t>{1.0f16, 2.0f16, 0.5f16}) == of_f16);
#endif
#ifdef __STDCPP_BFLOAT16_T__
    assert_true(entropy::of(std::vector<std::bfloat16_t>{1.0bf16, 2.0bf16, 0.5bf16}) == of_bf16);
#endif
    entropy::of(std::vector<float>{}, 0, std::vector<float>{});
    entropy::of(std::vector<float>{}, 10, std::vector<float>{});
}

void test_forward(void **)
{
    const problem p;
    arrays expected, got;
    entropy_args a = p.args();
    expected.ask(a);
    assert_int_equal(entropy_forward(&a), ENTROPY_OK);
    entropy::forward(p.z, p.shape(), got.results(), p.options());
    assert_same(&got, &expected, sizeof got);
    assert_true(got.H[0] > 0 && got.H[7] == 0 && got.support[0] < static_cast<int64_t>(vocab));

    // one temperature and one mask for all rows, dense strides, some results
    const float T = 0.7f;
    a = p.args();
    a.batch_stride = a.seq_stride = 0;
    a.temperature = &T;
    a.temperature_stride = 0;
    a.allowed_stride = 0;
    a.row_mask = nullptr;
    a.argmax = expected.argmax.data();
    a.entropy = expected.H.data();
    assert_int_equal(entropy_forward(&a), ENTROPY_OK);
    entropy::options o;
    o.temperature = T;
    o.allowed = span<const std::uint32_t>(p.allowed.data(), words);
    entropy::results r;
    r.argmax = got.argmax;
    r.entropy = got.H;
    entropy::forward(p.z, {batch, seq, vocab}, r, o);
    assert_same(&got, &expected, sizeof got);
}

void test_backward(void **)
{
    const problem p;
    std::vector<float> expected(rows * vocab, -1), got(rows * vocab, -1), place = p.z;
    entropy_args a = p.args();
    entropy_grads g = {};
    g.size = sizeof g;
    g.entropy = p.dL.data();
    g.target_logprob = p.dL.data();
    std::vector<float> shifted(p.dL.begin() + 1, p.dL.end());
    shifted.push_back(0.25f);
    g.logsumexp = shifted.data();
    g.logits = expected.data();
    assert_int_equal(entropy_backward(&a, &g), ENTROPY_OK);

    entropy::gradients dL;
    dL.entropy = p.dL;
    dL.logsumexp = shifted;
    dL.target_logprob = p.dL;
    dL.logits = got;
    entropy::backward(p.z, p.shape(), dL, p.options());
    assert_same(got.data(), expected.data(), got.size() * sizeof(float));
    assert_true(std::fabs(got[0]) > 0);

    // with what forward wrote, and only if all three are there: a wrong one shows that it is read
    arrays known;
    entropy::forward(p.z, p.shape(), known.results(), p.options());
    got.assign(got.size(), -1);
    entropy::backward(p.z, p.shape(), dL, p.options(), known.results());
    assert_same(got.data(), expected.data(), got.size() * sizeof(float));
    known.H[0] += 1;
    entropy::backward(p.z, p.shape(), dL, p.options(), known.results());
    assert_true(std::memcmp(got.data(), expected.data(), vocab * sizeof(float)) != 0);

    // in place
    dL.logits = place;
    dL.batch_stride = (seq + 1) * padded;
    dL.seq_stride = padded;
    entropy::backward(place, p.shape(), dL, p.options());
    for (size_t b = 0; b < batch; b++)
        for (size_t s = 0; s < seq; s++)
            assert_same(&place[(b * (seq + 1) + s) * padded], &expected[(b * seq + s) * vocab],
                        vocab * sizeof(float));
    assert_same(&place[vocab], &p.z[vocab], (padded - vocab) * sizeof(float));
}

void test_state(void **)
{
    std::vector<float> z(5000);
    for (size_t i = 0; i < z.size(); i++) z[i] = static_cast<float>(i * 37 % 5003) / 256;
    const size_t half = 2048;
    entropy::state whole, left, right;
    whole.add(z);
    left.add({z.data(), half});
    right.add({z.data() + half, z.size() - half});
    entropy_state expected, c_right;
    entropy_state_init(&expected);
    entropy_state_init(&c_right);
    assert_int_equal(entropy_state_add_f32(&expected, z.data(), half), ENTROPY_OK);
    assert_same(&left.c_state(), &expected, sizeof expected);
    assert_int_equal(entropy_state_add_f32(&c_right, z.data() + half, z.size() - half), ENTROPY_OK);
    entropy_state_merge(&expected, &c_right);

    const entropy::state sum = left + right;
    assert_same(&sum.c_state(), &expected, sizeof expected);
    entropy::state appended = left;
    appended += right;
    assert_same(&appended, &expected, sizeof expected);
    const std::array<entropy::state, 2> shards = {left, right};
    const entropy::state reduced = std::accumulate(shards.begin(), shards.end(), entropy::state());
    assert_same(&reduced, &expected, sizeof expected);
    assert_same(&entropy::state(expected).c_state(), &expected, sizeof expected);
    assert_true((right + left).argmax() != sum.argmax());

    arrays one;
    entropy::results r;
    r.entropy = {one.H.data(), 1};
    r.varentropy = {one.V.data(), 1};
    r.logsumexp = {one.lse.data(), 1};
    r.max_logit = {one.top.data(), 1};
    r.max_logprob = {one.top_log_p.data(), 1};
    r.argmax = {one.argmax.data(), 1};
    r.support = {one.support.data(), 1};
    entropy::forward(z, {1, 1, z.size()}, r);
    assert_true(whole.entropy() == one.H[0] && whole.varentropy() == one.V[0] &&
                whole.logsumexp() == one.lse[0]);
    assert_true(whole.max_logit() == one.top[0] && whole.max_logprob() == one.top_log_p[0]);
    assert_true(whole.argmax() == one.argmax[0] && whole.support() == one.support[0]);
    assert_true(sum.argmax() == whole.argmax() && sum.support() == 5000);

    const std::uint16_t f16[] = {0x3c00, 0x4000, 0x3800}, bf16[] = {0x3f80, 0x4000, 0x3f00};
    const float f32[] = {1, 2, 0.5f};
    const float H = entropy::state().add(f32).entropy();
    assert_true(H > 0);
    assert_true(
        entropy::state().add({reinterpret_cast<const entropy::float16 *>(f16), 3}).entropy() == H);
    assert_true(
        entropy::state().add({reinterpret_cast<const entropy::bfloat16 *>(bf16), 3}).entropy() ==
        H);
    const float H2 = entropy::state(2).add(f32).entropy();
    assert_true(H2 > H);
    assert_true(std::isnan(entropy::state().entropy()));
    assert_true(std::isnan((entropy::state(2).add(f32) + entropy::state().add(f32)).entropy()));
    assert_true(entropy::state().add(std::vector<float>{}).c_state().length == 0);
}

void test_states(void **)
{
    const problem p;
    std::vector<entropy::state> states(rows), twice(rows);
    std::vector<entropy_state> expected(rows);
    entropy_args a = p.args();
    assert_int_equal(entropy_forward_states(&a, expected.data()), ENTROPY_OK);
    entropy::forward_states(p.z, p.shape(), states, p.options());
    assert_same(states.data(), expected.data(), rows * sizeof(entropy_state));

    arrays got, direct;
    entropy::forward(p.z, p.shape(), direct.results(), p.options());
    entropy::results_of_states(states, got.results());
    assert_same(&got, &direct, sizeof got);

    twice = states;
    entropy::merge_states(twice, states);
    assert_int_equal(entropy_merge_states(expected.data(), expected.data(), rows), ENTROPY_OK);
    assert_same(twice.data(), expected.data(), rows * sizeof(entropy_state));

    std::vector<std::uint8_t> row_mask(rows, 1);
    row_mask[0] = 0;
    entropy::results_of_states(states, got.results(), row_mask);
    assert_true(got.H[0] == 0 && direct.H[0] > 0 && got.H[1] == direct.H[1]);
    entropy::merge_states({}, {});
    entropy::results_of_states({}, {});
}

// No call allocates. What an exception needs, the C++ runtime does not take from operator new.
void test_allocations(void **)
{
    const problem p;
    arrays got;
    std::vector<float> dz(rows * vocab);
    std::vector<entropy::state> states(rows);
    entropy::gradients dL;
    dL.entropy = p.dL;
    dL.logits = dz;
    const int before = allocations;
    float total = entropy::of(p.z);
    entropy::forward(p.z, p.shape(), got.results(), p.options());
    entropy::backward(p.z, p.shape(), dL, p.options(), got.results());
    entropy::forward_states(p.z, p.shape(), states, p.options());
    entropy::merge_states(states, states);
    entropy::results_of_states(states, got.results());
    total += (states[0] + states[0]).entropy();
    try {
        entropy::of(p.z, vocab, {});
    } catch (const entropy::error &e) {
        total += static_cast<float>(e.status());
    }
    assert_int_equal(allocations - before, 0);
    assert_false(std::isnan(total));
    operator delete(operator new(1));
    assert_int_equal(allocations - before, 1); // they are counted
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(test_of),       cmocka_unit_test(test_forward),
        cmocka_unit_test(test_backward), cmocka_unit_test(test_state),
        cmocka_unit_test(test_states),   cmocka_unit_test(test_allocations),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
