// The calls that are measured, each ready to be made again and again.
#ifndef BENCH_CALLS_HPP
#define BENCH_CALLS_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/rows.hpp"
#include "entropy.h"

// As many rows as the place holds, and all that a call on them needs.
struct Problem {
    Site site;
    std::size_t rows, vocab;
    entropy_args args{};
    entropy_grads grads{};
    // Of one iteration: logits, or states where there are none, and bytes read and written.
    std::size_t items, bytes;
    std::vector<float> entropy, varentropy, logsumexp, max_logit, max_logprob, target_logprob, ones;
    std::vector<std::int64_t> target, argmax, support;
    std::vector<std::uint32_t> allowed;
    std::vector<entropy_state> states, others;

    Problem(const Site &at, int dtype, Kind kind, std::size_t width);

    template <class T> T *room(std::vector<T> &v)
    {
        v.resize(rows);
        return v.data();
    }

    // Whether the last call has left results that may be right.
    bool sound();
};

struct Call {
    const char *name;
    int dtype;
    void (*prepare)(Problem &);
    int (*run)(Problem &);
};

const Call &call_named(const std::string &name);

#endif
