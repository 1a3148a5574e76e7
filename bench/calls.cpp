#include "bench/calls.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>
#include <limits>
#include <random>

Problem::Problem(const Site &at, int dtype, Kind kind, std::size_t width)
    : site(at), rows(bytes_in(at.place) / (width * size_of(dtype))), vocab(width),
      items(rows * vocab), bytes(items * size_of(dtype)),
      entropy(rows, std::numeric_limits<float>::quiet_NaN())
{
    args.size = sizeof args;
    args.logits = rows_of(at, dtype, kind, width);
    args.dtype = dtype;
    args.batch = 1;
    args.seq = rows;
    args.vocab = vocab;
    args.entropy = entropy.data();
}

bool Problem::sound()
{
    if (!states.empty() && entropy_results_of_states(states.data(), rows, &args) != ENTROPY_OK) {
        return false;
    }
    const auto *gradient = static_cast<const float *>(grads.logits);
    return entropy.front() > 0 && entropy.back() > 0 &&
           (gradient == nullptr || (gradient[0] != 0 && std::isfinite(gradient[0])));
}

namespace
{

template <class T> const T *logits(const Problem &p)
{
    return static_cast<const T *>(p.args.logits);
}

int forward(Problem &p)
{
    return entropy_forward(&p.args);
}

int backward(Problem &p)
{
    return entropy_backward(&p.args, &p.grads);
}

int states(Problem &p)
{
    return entropy_forward_states(&p.args, p.states.data());
}

int pieces(Problem &p)
{
    constexpr std::size_t piece = 4096;
    int status = ENTROPY_OK;
    for (std::size_t row = 0; row < p.rows; row++) {
        entropy_state state;
        entropy_state_init(&state);
        for (std::size_t i = 0; i < p.vocab && status == ENTROPY_OK; i += piece) {
            status = entropy_state_add_f32(&state, logits<float>(p) + row * p.vocab + i,
                                           std::min(piece, p.vocab - i));
        }
        p.entropy[row] = entropy_state_entropy(&state);
    }
    return status;
}

void want_nothing_more(Problem &) {}

// Everything that costs next to nothing beside the entropy.
void want_free_results(Problem &p)
{
    p.args.logsumexp = p.room(p.logsumexp);
    p.args.max_logit = p.room(p.max_logit);
    p.args.max_logprob = p.room(p.max_logprob);
    p.args.argmax = p.room(p.argmax);
}

void want_gradient(Problem &p)
{
    want_free_results(p);
    entropy_forward(&p.args);
    p.ones.assign(p.rows, 1);
    p.grads.size = sizeof p.grads;
    p.grads.entropy = p.ones.data();
    p.grads.logits = scratch_of(p.site);
    *static_cast<float *>(p.grads.logits) = 0;
    p.bytes *= 2;
}

// From the second iteration on the logits are gradients, which take as long: each is read and
// written whatever its value.
void want_gradient_in_place(Problem &p)
{
    want_gradient(p);
    std::memcpy(p.grads.logits, p.args.logits, p.bytes / 2);
    p.args.logits = p.grads.logits;
}

void want_states(Problem &p)
{
    p.room(p.states);
}

// A state takes the place of a row of 32 logits.
void make_states(Problem &p)
{
    want_states(p);
    states(p);
    p.items = p.rows;
    p.bytes = p.rows * sizeof(entropy_state);
}

const Call calls[] = {
    {"f32", ENTROPY_F32, want_nothing_more,
     [](Problem &p) {
         return entropy_f32(logits<float>(p), 1, p.rows, p.vocab, p.entropy.data());
     }},
    {"f16", ENTROPY_F16, want_nothing_more,
     [](Problem &p) {
         return entropy_f16(logits<std::uint16_t>(p), 1, p.rows, p.vocab, p.entropy.data());
     }},
    {"bf16", ENTROPY_BF16, want_nothing_more,
     [](Problem &p) {
         return entropy_bf16(logits<std::uint16_t>(p), 1, p.rows, p.vocab, p.entropy.data());
     }},
    {"all results", ENTROPY_F32,
     [](Problem &p) {
         want_free_results(p);
         p.args.target = p.room(p.target);
         p.args.target_logprob = p.room(p.target_logprob);
         p.args.varentropy = p.room(p.varentropy);
         p.args.support = p.room(p.support);
     },
     forward},
    {"varentropy", ENTROPY_F32, [](Problem &p) { p.args.varentropy = p.room(p.varentropy); },
     forward},
    {"argmax and support", ENTROPY_F32,
     [](Problem &p) {
         p.args.argmax = p.room(p.argmax);
         p.args.support = p.room(p.support);
     },
     forward},
    {"free results", ENTROPY_F32, want_free_results, forward},
    {"allowed", ENTROPY_F32,
     [](Problem &p) {
         p.args.allowed_stride = (p.vocab + 31) / 32;
         p.allowed.resize(p.rows * p.args.allowed_stride);
         std::generate(p.allowed.begin(), p.allowed.end(), std::mt19937(1));
         p.args.allowed = p.allowed.data();
     },
     forward},
    {"backward", ENTROPY_F32, want_gradient, backward},
    {"backward in place", ENTROPY_F32, want_gradient_in_place, backward},
    {"states", ENTROPY_F32, want_states, states},
    {"pieces", ENTROPY_F32, want_nothing_more, pieces},
    {"merge, per state", ENTROPY_F32,
     [](Problem &p) {
         make_states(p);
         p.others = p.states;
         p.bytes *= 3;
     },
     [](Problem &p) { return entropy_merge_states(p.states.data(), p.others.data(), p.rows); }},
    {"results, per state", ENTROPY_F32,
     [](Problem &p) {
         make_states(p);
         want_free_results(p);
     },
     [](Problem &p) { return entropy_results_of_states(p.states.data(), p.rows, &p.args); }},
};

} // namespace

const Call &call_named(const std::string &name)
{
    return *std::find_if(std::begin(calls), std::end(calls),
                         [&](const Call &call) { return call.name == name; });
}
