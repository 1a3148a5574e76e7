// entropy_f32 on every instruction set of this machine beside plain reads of the same buffer.
// Counters: ns per logit and bytes per second; the share of the plain read is the ratio of two rows
// of the table. README.md says how to get a quiet number.
#include <benchmark/benchmark.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <new>
#include <random>
#include <string>
#include <vector>

#include "bench/plain_read.h"
#include "entropy.h"

namespace
{

enum class Kind { ordinary, half_masked, ascending };

// Rows of logits on pages of either size, filled when they are first wanted.
class Buffer
{
public:
    Buffer(std::size_t n, std::size_t width, Kind kind_of_rows, bool huge_pages)
        : rows(n), vocab(width), out(n), kind(kind_of_rows)
    {
        constexpr std::size_t huge = std::size_t{2} << 20;
        bytes = (rows * vocab * sizeof(float) + huge - 1) / huge * huge + huge;
        map = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (map == MAP_FAILED) {
            throw std::bad_alloc();
        }
        auto address = (reinterpret_cast<std::uintptr_t>(map) + huge - 1) / huge * huge;
        start = reinterpret_cast<float *>(address);
        madvise(start, bytes - huge, huge_pages ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    }
    ~Buffer()
    {
        munmap(map, bytes);
    }
    Buffer(const Buffer &) = delete;
    Buffer &operator=(const Buffer &) = delete;

    std::size_t size() const
    {
        return rows * vocab;
    }

    const float *logits()
    {
        if (!filled) {
            fill();
            filled = true;
        }
        return start;
    }

    const std::size_t rows, vocab;
    std::vector<float> out;

private:
    void fill()
    {
        std::mt19937 random(1);
        std::normal_distribution<float> bell(0, 3);
        const std::size_t fresh = std::min<std::size_t>(rows, 8); // the rest repeats these
        for (std::size_t i = 0; i < size(); i++) {
            if (i >= fresh * vocab) {
                start[i] = start[i - fresh * vocab];
            } else if (kind == Kind::ascending) {
                start[i] = 1e-3f * static_cast<float>(i % vocab);
            } else {
                start[i] = bell(random);
                if (kind == Kind::half_masked && random() % 2 != 0) {
                    start[i] = -std::numeric_limits<float>::infinity();
                }
            }
        }
    }

    const Kind kind;
    bool filled = false;
    float *start;
    void *map;
    std::size_t bytes;
};

void count(benchmark::State &state, const Buffer &buffer)
{
    const auto logits = static_cast<double>(buffer.size());
    state.counters["ns/logit"] = benchmark::Counter(
        logits * 1e-9, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) *
                            static_cast<std::int64_t>(buffer.size() * sizeof(float)));
}

void read_rows(benchmark::State &state, plain_read *read, Buffer &buffer)
{
    const float *logits = buffer.logits();
    for (auto _ : state) {
        benchmark::DoNotOptimize(read(logits, buffer.size()));
    }
    count(state, buffer);
}

void entropy_rows(benchmark::State &state, const std::string &isa, Buffer &buffer)
{
    const float *logits = buffer.logits();
    entropy_set_isa(isa.c_str());
    for (auto _ : state) {
        if (entropy_f32(logits, 1, buffer.rows, buffer.vocab, buffer.out.data()) != ENTROPY_OK) {
            state.SkipWithError("entropy_f32 failed");
            break;
        }
        benchmark::ClobberMemory();
    }
    if (!(buffer.out[0] > 0)) { // NaN too
        state.SkipWithError("not an entropy");
    }
    entropy_set_isa(nullptr);
    count(state, buffer);
}

void register_all(const char *place, Buffer &buffer)
{
    const std::string where = std::string(place) + "/" + std::to_string(buffer.vocab) + "/";
    for (std::size_t i = 0; plain_reader_of(i).read != nullptr; i++) {
        const plain_reader reader = plain_reader_of(i);
        benchmark::RegisterBenchmark((where + "read " + reader.name).c_str(), read_rows,
                                     reader.read, std::ref(buffer));
    }
    for (const char *isa : {"scalar", "avx2", "avx512", "neon"}) {
        const bool pointless = isa == std::string("scalar") &&
                               buffer.size() > 10'000'000; // minutes, to show nothing new
        if (!pointless && entropy_set_isa(isa) == ENTROPY_OK) {
            benchmark::RegisterBenchmark((where + "entropy " + isa).c_str(), entropy_rows,
                                         std::string(isa), std::ref(buffer));
        }
    }
    entropy_set_isa(nullptr);
}

} // namespace

int main(int argc, char **argv)
{
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
        return 1;
    }
    Buffer short_rows(16, 1000, Kind::ordinary, true), rows(1, 32000, Kind::ordinary, true),
        row(1, 151936, Kind::ordinary, true);
    Buffer half_masked(1, 151936, Kind::half_masked, true),
        ascending(1, 151936, Kind::ascending, true);
    Buffer memory(1700, 151936, Kind::ordinary, true),
        small_pages(1700, 151936, Kind::ordinary, false);
    register_all("cache", short_rows);
    register_all("cache", rows);
    register_all("cache", row);
    register_all("cache half -inf", half_masked);
    register_all("cache ascending", ascending);
    register_all("memory", memory);
    register_all("memory 4 KB pages", small_pages);
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
