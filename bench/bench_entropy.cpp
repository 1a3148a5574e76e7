// Every public call that computes, on every instruction set of this machine, beside plain reads of
// as many bytes in the same place. README.md says how to read the table and to get a quiet number.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "bench/calls.hpp"
#include "bench/plain_read.h"
#include "bench/rows.hpp"
#include "bench/table.hpp"
#include "entropy.h"

namespace
{

// ---- What is measured.

enum class Threads { one, all };

// Every combination of what is listed is a case. Those of the short table are run by default, the
// others too with --all.
struct Group {
    bool in_short_table;
    std::vector<const char *> calls;
    std::vector<std::size_t> vocabularies;
    std::vector<Place> places;
    std::vector<Pages> pages = {Pages::huge};
    std::vector<Threads> threads = {Threads::one};
    std::vector<Kind> kinds = {Kind::ordinary};
};

constexpr std::size_t long_row = 151936;
constexpr auto huge = Pages::huge, small = Pages::small;
constexpr auto one = Threads::one, all = Threads::all;
const std::vector<std::size_t> lengths = {32, 128, 1000, 4096, 32000, long_row, 262144};
const std::vector<const char *> simple = {"f32", "f16", "bf16"};
const std::vector<const char *> on_logits = {
    "f32",         "f16",     "bf16",     "free results",      "varentropy", "argmax and support",
    "all results", "allowed", "backward", "backward in place", "states",     "pieces"};
const std::vector<Kind> odd = {Kind::half_masked, Kind::peak, Kind::ascending};

// clang-format off
const Group groups[] = {
    {true, {"f32"}, {32, 128, 1000, 4096}, {Place::l1}},
    {true, on_logits, {long_row}, {Place::last_cache}},
    {true, {"f32"}, {long_row}, {Place::last_cache}, {huge}, {one}, odd},
    {true, {"f32"}, {real_row}, {Place::last_cache}, {huge}, {one}, {Kind::real}},
    {true, {"merge, per state", "results, per state"}, {32}, {Place::last_cache}},
    {true, {"f32", "bf16", "varentropy", "backward in place"}, {long_row}, {Place::memory}},
    {true, {"f32"}, {long_row}, {Place::memory}, {huge}, {all}},
    {true, {"f32"}, {long_row}, {Place::memory}, {small}, {one}},

    {false, simple, lengths, {Place::l1, Place::l2, Place::last_cache}},
    {false, simple, lengths, {Place::memory}, {huge}, {one, all}},
    {false, {"f32"}, {long_row}, {Place::memory}, {small}, {all}},
    {false, on_logits, {1000}, {Place::l2}},
    {false, on_logits, {1000, long_row}, {Place::last_cache, Place::memory}, {huge}, {one, all}},
    {false, simple, {1000, long_row}, {Place::l2, Place::last_cache}, {huge}, {one}, odd},
    {false, {"f32"}, {long_row}, {Place::memory}, {huge}, {one}, {Kind::half_masked}},
    {false, simple, {real_row}, {Place::last_cache}, {huge}, {one, all}, {Kind::real}},
};
// clang-format on

// ---- How.

bool failed = false;

void fail(benchmark::State &state, const std::string &message)
{
    failed = true;
    std::fprintf(stderr, "%s\n", message.c_str());
    state.SkipWithError(message.c_str());
}

// Given for each thread; sums over threads are what counts.
void count(benchmark::State &state, std::size_t items, std::size_t bytes)
{
    using benchmark::Counter;
    const double n = 1e-9 * static_cast<double>(state.iterations());
    state.counters["ns/logit"] =
        Counter(n * static_cast<double>(items), Counter::kIsRate | Counter::kInvert);
    state.counters["GB/s"] = Counter(n * static_cast<double>(bytes), Counter::kIsRate);
}

void measure_read(benchmark::State &state, const plain_reader &reader, const Site &site)
{
    const auto threads = static_cast<std::size_t>(site.threads);
    const std::size_t share = bytes_in(site.place) / sizeof(float) / threads;
    const auto *rows = static_cast<const float *>(rows_of(site, ENTROPY_F32, Kind::ordinary, 0));
    const float *mine = rows + static_cast<std::size_t>(state.thread_index()) * share;
    for (auto _ : state) {
        benchmark::DoNotOptimize(reader.read(mine, share));
    }
    count(state, share, share * sizeof(float));
}

void measure_call(benchmark::State &state, const std::string &name, const Call &call,
                  const char *isa, const Site &site, Kind kind, std::size_t vocab)
{
    // Both ask the operating system or the CPU, which takes long in a virtual machine.
    entropy_set_isa(isa);
    entropy_set_num_threads(site.threads);
    Problem p(site, call.dtype, kind, vocab);
    call.prepare(p);
    int status = ENTROPY_OK;
    for (auto _ : state) {
        status |= call.run(p);
        benchmark::ClobberMemory();
    }
    if (status != ENTROPY_OK || !p.sound()) {
        fail(state, name + ": not a result");
        return;
    }
    count(state, p.items, p.bytes);
}

// ---- The cases.

void register_reads(const Site &site)
{
    for (std::size_t i = 0; plain_reader_of(i).read != nullptr; i++) {
        const plain_reader reader = plain_reader_of(i);
        const std::string name = std::string("read/") + reader.name + "/" + site.name();
        if (add_entry(name, site, true)) {
            benchmark::RegisterBenchmark(name.c_str(), measure_read, reader, site)
                ->Threads(site.threads)
                ->UseRealTime();
        }
    }
}

void register_case(const Call &call, const char *isa, std::size_t vocab, const Site &site,
                   Kind kind)
{
    const bool pointless = std::string("scalar") == isa && site.place == Place::memory;
    if (pointless || vocab * size_of(call.dtype) > bytes_in(site.place)) {
        return; // it would take minutes to show nothing new, or no row fits
    }
    std::string name = std::string(call.name) + "/" + isa + "/" + std::to_string(vocab) + "/" +
                       site.name() + (kind == Kind::ordinary ? "" : "/" + name_of(kind));
    if (add_entry(name, site, false)) {
        benchmark::RegisterBenchmark(name.c_str(), measure_call, name, call, isa, site, kind, vocab)
            ->UseRealTime();
    }
}

std::vector<Site> sites_of(const Group &group, int all_threads)
{
    std::vector<Site> sites;
    for (Place place : group.places)
        for (Pages pages : group.pages)
            for (Threads threads : group.threads)
                sites.push_back({place, pages, threads == Threads::one ? 1 : all_threads});
    return sites;
}

void register_group(const Group &group, const std::vector<const char *> &isas, int all_threads)
{
    for (const Site &site : sites_of(group, all_threads)) {
        register_reads(site);
        for (Kind kind : group.kinds)
            for (const char *name : group.calls)
                for (std::size_t vocab : group.vocabularies)
                    for (const char *isa : isas)
                        register_case(call_named(name), isa, vocab, site, kind);
    }
}

} // namespace

int main(int argc, char **argv)
{
    // Medians of interleaved repetitions, unless the command line has it otherwise.
    std::vector<char *> arguments(argv, argv + argc);
    char repetitions[] = "--benchmark_repetitions=11", time[] = "--benchmark_min_time=0.02",
         interleaved[] = "--benchmark_enable_random_interleaving=true";
    arguments.insert(arguments.begin() + 1, {repetitions, time, interleaved});
    const auto all_cases = std::find(arguments.begin(), arguments.end(), std::string("--all"));
    const bool short_table = all_cases == arguments.end();
    if (!short_table) {
        arguments.erase(all_cases);
    }
    int count = static_cast<int>(arguments.size());
    arguments.push_back(nullptr);
    benchmark::Initialize(&count, arguments.data());
    if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) {
        return 1;
    }

    std::vector<const char *> isas;
    for (const char *isa : {"scalar", "avx2", "avx512", "neon"}) {
        if (entropy_set_isa(isa) == ENTROPY_OK) {
            isas.push_back(isa);
        }
    }
    const int threads = entropy_get_num_threads();
    for (const Group &group : groups) {
        if (group.in_short_table || !short_table) {
            register_group(group, isas, threads);
        }
    }
    Table table;
    const bool found = benchmark::RunSpecifiedBenchmarks(&table) > 0;
    return !found || failed;
}
