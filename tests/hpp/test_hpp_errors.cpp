// entropy.hpp throws entropy::error for every error, before anything is written, and before
// anything is read that is not there.
#include "problem.hpp"

#include <limits>
#include <string>

namespace
{

using entropy::options;
using entropy::results;
using entropy::shape;
using entropy::span;

// The call throws an error with this status, and text that contains `what`.
template <class Call> void assert_error(int status, const char *what, Call call)
{
    int caught = ENTROPY_OK;
    std::string text;
    try {
        call();
    } catch (const entropy::error &e) {
        caught = e.status();
        text = static_cast<const std::exception &>(e).what();
    }
    assert_int_equal(caught, status);
    if (text.find(what) == std::string::npos)
        fail_msg("\"%s\" does not say \"%s\"", text.c_str(), what);
}

// So does forward, with options that `change` makes of those of the problem; it writes nothing.
template <class Change> void assert_refused(int status, const char *what, Change change)
{
    const problem p;
    arrays got;
    options o = p.options();
    results r = got.results();
    change(o, r);
    assert_error(status, what, [&] { entropy::forward(p.z, p.shape(), r, o); });
    const arrays untouched;
    assert_same(&got, &untouched, sizeof got);
}

void test_sizes(void **)
{
    const problem p;
    float one[1] = {1};
    int64_t one_int[1] = {0};
    const std::uint8_t one_byte[1] = {1};
    const auto refused = [](const char *what, auto change) {
        assert_refused(ENTROPY_ERR_SHAPE, what, change);
    };
    refused("temperatures ", [&](options &o, results &) { o.temperatures = one; });
    refused("target ", [&](options &o, results &) { o.target = one_int; });
    refused("row_mask ", [&](options &o, results &) { o.row_mask = one_byte; });
    refused("entropy ", [&](options &, results &r) { r.entropy = one; });
    refused("varentropy ", [&](options &, results &r) { r.varentropy = one; });
    refused("logsumexp ", [&](options &, results &r) { r.logsumexp = one; });
    refused("max_logit ", [&](options &, results &r) { r.max_logit = one; });
    refused("max_logprob ", [&](options &, results &r) { r.max_logprob = one; });
    refused("target_logprob ", [&](options &, results &r) { r.target_logprob = one; });
    refused("argmax ", [&](options &, results &r) { r.argmax = one_int; });
    refused("support ", [&](options &, results &r) { r.support = one_int; });

    // masks that end with the last row's, and one word earlier
    constexpr size_t just = (rows - 1) * (words + 1) + words;
    options o = p.options();
    o.allowed = {p.allowed.data(), just};
    entropy::forward(p.z, p.shape(), {}, o);
    refused("allowed ", [&](options &short_, results &) {
        short_.allowed = {p.allowed.data(), just - 1};
    });
    refused("allowed ", [&](options &short_, results &) {
        short_.allowed = {p.allowed.data(), words - 1};
        short_.allowed_stride = 0;
    });
}

// Shapes that the logits do not have, also where sizes overflow.
void test_shapes(void **)
{
    const problem p;
    const shape s = p.shape();
    constexpr auto huge = std::numeric_limits<size_t>::max();
    constexpr auto far = std::numeric_limits<std::ptrdiff_t>::max();
    const shape wrong[] = {
        {batch, seq, vocab, s.batch_stride * 2, s.seq_stride},
        {batch, seq, vocab, s.batch_stride, s.batch_stride},
        {batch, seq + 1, padded + 1, s.batch_stride, s.seq_stride},
        {1, 1, p.z.size() + 1},
        {1, huge, 1},
        {huge, 1, 1},
        {huge, huge, huge},
        {size_t{1} << 63, 2, 1},
        {2, 2, 1, far, far},
        {1, 2, 1, 1, -1},
        {2, 1, 1, -1, 1},
        {2, 1, 1, 0, -1},
        {rows, 1, 0},
        {1, rows, vocab, 0, vocab - 1},
    };
    std::vector<float> dz(p.z.size());
    entropy::gradients dL;
    dL.logits = dz;
    for (const shape &w : wrong) {
        assert_error(ENTROPY_ERR_SHAPE, "", [&] { entropy::forward(p.z, w, {}); });
        assert_error(ENTROPY_ERR_SHAPE, "", [&] { entropy::backward(p.z, w, dL); });
    }
    entropy::forward(p.z, {batch, seq + 1, padded}, {}); // to the last element
    entropy::forward({}, {0, seq, vocab}, {});
    entropy::forward({}, {batch, 0, 0}, {});
    entropy::backward({}, {batch, 0, 0}, {});
}

// What the library itself refuses, in its words.
void test_refusals(void **)
{
    const auto refused = [](int status, auto change) {
        assert_refused(status, entropy_strerror(status), change);
    };
    std::vector<int64_t> target(rows, vocab);
    refused(ENTROPY_ERR_VALUE, [&](options &o, results &) { o.target = target; });
    refused(ENTROPY_ERR_VALUE, [](options &o, results &) { o.num_threads = -1; });
    refused(ENTROPY_ERR_VALUE, [](options &o, results &) {
        o.temperatures = {};
        o.temperature = std::numeric_limits<float>::quiet_NaN();
    });
    refused(ENTROPY_ERR_NULL, [](options &o, results &) { o.target = {}; });
    refused(ENTROPY_ERR_SHAPE, [](options &o, results &) { o.allowed_stride = words - 1; });
}

void test_simple(void **)
{
    using vector = std::vector<float>;
    const float *null = nullptr;
    float H[2] = {0, 0};
    const auto refused = [&H](int status, const char *what, const entropy::logits &z, size_t n,
                              span<float> out) {
        assert_error(status, what, [&] { entropy::of(z, n, out); });
        assert_true(H[0] == 0 && H[1] == 0);
    };
    refused(ENTROPY_ERR_SHAPE, "output", vector(4), 4, H);
    refused(ENTROPY_ERR_SHAPE, "output", vector(5), 2, H);
    refused(ENTROPY_ERR_SHAPE, "output", vector(3), 2, {H, 1});
    refused(ENTROPY_ERR_SHAPE, "output", vector(3), 0, H);
    refused(ENTROPY_ERR_SHAPE, "output", vector(3), 3, {});
    refused(ENTROPY_ERR_SHAPE, entropy_strerror(ENTROPY_ERR_SHAPE), vector(), 0, H);
    refused(ENTROPY_ERR_NULL, entropy_strerror(ENTROPY_ERR_NULL), {null, 2}, 1, H);
    assert_error(ENTROPY_ERR_SHAPE, "", [&] { H[0] = entropy::of(vector()); });
}

void test_gradients(void **)
{
    const problem p;
    const std::vector<float> few(rows - 1), many(rows + 1);
    std::vector<float> dz(rows * vocab);
    std::vector<Half> dz16(rows * vocab);
    const auto refused = [&](int status, const char *what, auto change) {
        entropy::gradients dL;
        dL.entropy = p.dL;
        dL.logits = dz;
        change(dL);
        assert_error(status, what, [&] { entropy::backward(p.z, p.shape(), dL, p.options()); });
        assert_true(dz == std::vector<float>(dz.size()));
    };
    refused(ENTROPY_ERR_VALUE, "dtype", [&](auto &g) { g.logits = dz16; });
    refused(ENTROPY_ERR_SHAPE, "gradient", [&](auto &g) { g.logits = {dz.data(), dz.size() - 1}; });
    refused(ENTROPY_ERR_SHAPE, "gradient", [](auto &g) { g.seq_stride = padded; });
    refused(ENTROPY_ERR_SHAPE, "gradient", [](auto &g) { g.logits = {}; });
    refused(ENTROPY_ERR_SHAPE, "dL/dentropy ", [&](auto &g) { g.entropy = few; });
    refused(ENTROPY_ERR_SHAPE, "dL/dlogsumexp ", [&](auto &g) { g.logsumexp = many; });
    refused(ENTROPY_ERR_SHAPE, "dL/dtarget_logprob ", [&](auto &g) { g.target_logprob = few; });
}

void test_states(void **)
{
    const problem p;
    arrays got;
    std::vector<entropy::state> states(rows - 1), before = states;
    assert_error(ENTROPY_ERR_SHAPE, "states",
                 [&] { entropy::forward_states(p.z, p.shape(), states, p.options()); });
    assert_error(ENTROPY_ERR_SHAPE, "states", [&] { entropy::merge_states(states, {}); });
    assert_error(ENTROPY_ERR_SHAPE, "entropy ",
                 [&] { entropy::results_of_states(states, got.results()); });
    assert_error(ENTROPY_ERR_SHAPE, "row_mask ",
                 [&] { entropy::results_of_states(states, {}, p.row_mask); });
    assert_same(states.data(), before.data(), states.size() * sizeof states[0]);
    const arrays untouched;
    assert_same(&got, &untouched, sizeof got);

    const float *null = nullptr;
    assert_error(ENTROPY_ERR_VALUE, "", [] { entropy::state cold(0); });
    assert_error(ENTROPY_ERR_NULL, "", [&] { entropy::state().add({null, 2}); });
    assert_error(ENTROPY_ERR_VALUE, "", [] {
        entropy::state(entropy_state{}).add(std::vector<float>(1)); // of no version
    });
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),     cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_refusals),  cmocka_unit_test(test_simple),
        cmocka_unit_test(test_gradients), cmocka_unit_test(test_states),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
