// What the tests of entropy.hpp share: logits with every option, and room for every result.
#ifndef PROBLEM_HPP
#define PROBLEM_HPP

#include <array>
#include <vector>

#include <entropy.hpp>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
extern "C" {
#include <cmocka.h>
}

// A type of somebody else's that holds a float16.
struct Half {
    std::uint16_t bits;
};
template <> struct entropy::dtype_of<Half> : entropy::dtype<ENTROPY_F16> {
};

using std::int64_t;
using std::size_t;

constexpr size_t batch = 3, seq = 5, rows = batch * seq, vocab = 70, padded = 80,
                 words = (vocab + 31) / 32;

// Logits, options and gradients, of no special values: those are the library's business.
struct problem {
    std::vector<float> z = std::vector<float>(batch * (seq + 1) * padded);
    std::vector<float> temperatures = std::vector<float>(rows), dL = std::vector<float>(rows);
    std::vector<int64_t> target = std::vector<int64_t>(rows);
    std::vector<std::uint8_t> row_mask = std::vector<std::uint8_t>(rows, 1);
    std::vector<std::uint32_t> allowed = std::vector<std::uint32_t>(rows * (words + 1));

    problem()
    {
        std::uint32_t x = 12345;
        const auto next = [&x] { return (x = x * 1664525u + 1013904223u) >> 8; };
        for (float &f : z) f = static_cast<float>(next() % 4096) / 256 - 8;
        for (float &f : temperatures) f = 0.5f + static_cast<float>(next() % 16) / 8;
        for (float &f : dL) f = static_cast<float>(next() % 100) / 50 - 1;
        for (int64_t &t : target) t = static_cast<int64_t>(next() % (vocab + 1)) - 1;
        for (std::uint32_t &w : allowed) w = next() | next() << 20 | 1;
        row_mask[7] = 0;
    }
    entropy::shape shape() const
    {
        return {batch, seq, vocab, (seq + 1) * padded, padded};
    }
    entropy::options options() const
    {
        entropy::options o;
        o.temperatures = temperatures;
        o.target = target;
        o.row_mask = row_mask;
        o.allowed = allowed;
        o.allowed_stride = words + 1;
        return o;
    }
    entropy_args args() const
    {
        entropy_args a = {};
        a.size = sizeof a;
        a.logits = z.data();
        a.batch = batch;
        a.seq = seq;
        a.vocab = vocab;
        a.batch_stride = (seq + 1) * padded;
        a.seq_stride = padded;
        a.temperature = temperatures.data();
        a.temperature_stride = 1;
        a.target = target.data();
        a.row_mask = row_mask.data();
        a.allowed = allowed.data();
        a.allowed_stride = words + 1;
        return a;
    }
};

struct arrays {
    std::array<float, rows> H{}, V{}, lse{}, top{}, top_log_p{}, log_p{};
    std::array<int64_t, rows> argmax{}, support{};

    entropy::results results()
    {
        entropy::results r;
        r.entropy = H;
        r.varentropy = V;
        r.logsumexp = lse;
        r.max_logit = top;
        r.max_logprob = top_log_p;
        r.target_logprob = log_p;
        r.argmax = argmax;
        r.support = support;
        return r;
    }
    void ask(entropy_args &a)
    {
        a.entropy = H.data();
        a.varentropy = V.data();
        a.logsumexp = lse.data();
        a.max_logit = top.data();
        a.max_logprob = top_log_p.data();
        a.target_logprob = log_p.data();
        a.argmax = argmax.data();
        a.support = support.data();
    }
};

inline void assert_same(const void *a, const void *b, size_t bytes)
{
    assert_memory_equal(a, b, bytes);
}

#endif
