// Every public call that computes, on every instruction set of this machine, beside plain reads of
// as many bytes in the same place. README.md says how to read the table and to get a quiet number.
#include <benchmark/benchmark.h>
#include <sys/mman.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <limits>
#include <map>
#include <memory>
#include <new>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/plain_read.h"
#include "entropy.h"
#include "kernels/half.h"

namespace
{

// ---- What is measured.

enum class Place { l1, l2, last_cache, memory };
enum class Pages { huge, small };
enum class Threads { one, all };
enum class Kind { ordinary, half_masked, peak, ascending, real };

std::string name_of(Place place)
{
    constexpr const char *names[] = {"L1", "L2", "last cache", "memory"};
    return names[static_cast<int>(place)];
}

std::string name_of(Kind kind)
{
    constexpr const char *names[] = {"ordinary", "half -inf", "one peak", "ascending", "real"};
    return names[static_cast<int>(kind)];
}

// Where rows lie, and how many threads read them: what a call shares with its plain reads.
struct Site {
    Place place;
    Pages pages;
    int threads;

    std::string name() const
    {
        return name_of(place) + (pages == Pages::huge ? "/huge/" : "/4 KB/") +
               std::to_string(threads) + (threads == 1 ? " thread" : " threads");
    }
};

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

constexpr std::size_t long_row = 151936, real_row = 49152;
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
    {true, {"merge", "results"}, {32}, {Place::last_cache}},
    {true, {"f32", "bf16", "varentropy", "backward in place"}, {long_row}, {Place::memory}},
    {true, {"f32"}, {long_row}, {Place::memory}, {huge}, {all}},
    {true, {"f32"}, {long_row}, {Place::memory}, {small}, {one}},

    {false, simple, lengths, {Place::l1, Place::l2, Place::last_cache}},
    {false, simple, lengths, {Place::memory}, {huge}, {one, all}},
    {false, simple, {long_row}, {Place::memory}, {small}, {one, all}},
    {false, on_logits, {1000}, {Place::l2}},
    {false, on_logits, {1000, long_row}, {Place::last_cache, Place::memory}, {huge}, {one, all}},
    {false, simple, {1000, long_row}, {Place::l2, Place::last_cache}, {huge}, {one}, odd},
    {false, {"f32"}, {long_row}, {Place::memory}, {huge}, {one}, odd},
    {false, simple, {real_row}, {Place::last_cache}, {huge}, {one, all}, {Kind::real}},
};
// clang-format on

// ---- Rows of logits.

// The kernel's answer, and a common one where there is none. sysconf multiplies the last cache by
// how often a virtual machine says that it is there.
std::size_t cache_size(int level, std::size_t otherwise)
{
    for (const auto &cache : benchmark::CPUInfo::Get().caches) {
        if (cache.level == level && cache.type != "Instruction") {
            return static_cast<std::size_t>(cache.size);
        }
    }
    return otherwise;
}

// A part of each cache, the rest of which is for results and for others that share it.
std::size_t bytes_in(Place place)
{
    const std::size_t last = cache_size(3, std::size_t{8} << 20);
    switch (place) {
    case Place::l1: return cache_size(1, std::size_t{32} << 10) / 2;
    case Place::l2: return cache_size(2, std::size_t{512} << 10) / 2;
    case Place::last_cache: return last / 4;
    default: return std::max(std::size_t{1} << 30, 4 * last);
    }
}

std::size_t size_of(int dtype)
{
    return dtype == ENTROPY_F32 ? sizeof(float) : sizeof(std::uint16_t);
}

std::vector<float> real_logits()
{
    std::ifstream file(REAL_LOGITS, std::ios::binary);
    std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
    constexpr std::size_t rows = 10;
    const std::size_t size = rows * real_row * sizeof(float);
    if (bytes.size() < size) {
        throw std::runtime_error("cannot read " REAL_LOGITS);
    }
    std::vector<float> z(rows * real_row);
    std::memcpy(z.data(), bytes.data() + bytes.size() - size, size); // behind the .npy header
    return z;
}

// Some rows, which a buffer repeats.
std::vector<float> fresh_rows(Kind kind, std::size_t vocab)
{
    if (kind == Kind::real) {
        return real_logits();
    }
    constexpr std::size_t enough = 250'000;
    std::mt19937 random(1);
    std::normal_distribution<float> bell(0, 3);
    std::vector<float> z((enough + vocab - 1) / vocab * vocab);
    for (std::size_t i = 0; i < z.size(); i++) {
        const bool masked = kind == Kind::half_masked && random() % 2 != 0;
        const bool peak = kind == Kind::peak && i % vocab == vocab / 2;
        z[i] = masked                    ? -std::numeric_limits<float>::infinity()
               : peak                    ? 30
               : kind == Kind::ascending ? 1e-3f * static_cast<float>(i % vocab)
                                         : bell(random);
    }
    return z;
}

class Buffer
{
public:
    Buffer(std::size_t n, Pages pages) : bytes((n + page - 1) / page * page)
    {
        map =
            mmap(nullptr, bytes + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (map == MAP_FAILED) {
            throw std::bad_alloc();
        }
        auto address = (reinterpret_cast<std::uintptr_t>(map) + page - 1) / page * page;
        start = reinterpret_cast<char *>(address);
        madvise(start, bytes, pages == Pages::huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    }
    ~Buffer()
    {
        munmap(map, bytes + page);
    }
    Buffer(const Buffer &) = delete;
    Buffer &operator=(const Buffer &) = delete;

    void repeat(const std::vector<float> &z, int dtype)
    {
        std::vector<std::uint16_t> half(dtype == ENTROPY_F32 ? 0 : z.size());
        std::transform(z.begin(), z.begin() + static_cast<std::ptrdiff_t>(half.size()),
                       half.begin(), dtype == ENTROPY_F16 ? ent_to_f16 : ent_to_bf16);
        const void *from = half.empty() ? static_cast<const void *>(z.data()) : half.data();
        const std::size_t period = z.size() * size_of(dtype);
        for (std::size_t i = 0; i < bytes; i += period) {
            std::memcpy(start + i, from, std::min(period, bytes - i));
        }
    }

    char *start;

private:
    static constexpr std::size_t page = std::size_t{2} << 20;
    const std::size_t bytes;
    void *map;
};

// Made when it is first wanted, and kept: repetitions are interleaved.
Buffer &buffer_of(const Site &site, int dtype, Kind kind, std::size_t vocab)
{
    static std::map<std::string, std::unique_ptr<Buffer>> buffers;
    const std::size_t width = kind == Kind::ordinary ? 1000 : vocab; // those suit any vocabulary
    auto &buffer = buffers[name_of(site.place) + std::to_string(static_cast<int>(site.pages)) +
                           std::to_string(dtype) + name_of(kind) + std::to_string(width)];
    if (!buffer) {
        buffer = std::make_unique<Buffer>(bytes_in(site.place), site.pages);
        buffer->repeat(fresh_rows(kind, width), dtype);
    }
    return *buffer;
}

Buffer &scratch_of(const Site &site)
{
    static std::map<std::string, std::unique_ptr<Buffer>> buffers;
    auto &buffer = buffers[name_of(site.place)];
    if (!buffer) {
        buffer = std::make_unique<Buffer>(bytes_in(site.place), Pages::huge);
        buffer->repeat(std::vector<float>(1000), ENTROPY_F32); // so that its pages are there
    }
    return *buffer;
}

// ---- Calls.

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

    Problem(const Site &at, int dtype, Kind kind, std::size_t width)
        : site(at), rows(bytes_in(at.place) / (width * size_of(dtype))), vocab(width),
          items(rows * vocab), bytes(items * size_of(dtype)),
          entropy(rows, std::numeric_limits<float>::quiet_NaN())
    {
        args.size = sizeof args;
        args.logits = buffer_of(at, dtype, kind, width).start;
        args.dtype = dtype;
        args.batch = 1;
        args.seq = rows;
        args.vocab = vocab;
        args.entropy = entropy.data();
    }

    template <class T> T *room(std::vector<T> &v)
    {
        v.resize(rows);
        return v.data();
    }

    bool sound()
    {
        if (!states.empty() &&
            entropy_results_of_states(states.data(), rows, &args) != ENTROPY_OK) {
            return false;
        }
        const auto *gradient = static_cast<const float *>(grads.logits);
        return entropy.front() > 0 && entropy.back() > 0 &&
               (gradient == nullptr || (gradient[0] != 0 && std::isfinite(gradient[0])));
    }
};

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
    p.grads.logits = scratch_of(p.site).start;
    p.bytes *= 2;
}

// From the second iteration on the logits are gradients, which take as long.
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

struct Call {
    const char *name;
    int dtype;
    void (*prepare)(Problem &);
    int (*run)(Problem &);
};

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
    {"merge", ENTROPY_F32,
     [](Problem &p) {
         make_states(p);
         p.others = p.states;
         p.bytes *= 3;
     },
     [](Problem &p) { return entropy_merge_states(p.states.data(), p.others.data(), p.rows); }},
    {"results", ENTROPY_F32,
     [](Problem &p) {
         make_states(p);
         want_free_results(p);
     },
     [](Problem &p) { return entropy_results_of_states(p.states.data(), p.rows, &p.args); }},
};

const Call &call_named(const std::string &name)
{
    return *std::find_if(std::begin(calls), std::end(calls),
                         [&](const Call &call) { return call.name == name; });
}

// ---- Measurements.

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
    const char *rows = buffer_of(site, ENTROPY_F32, Kind::ordinary, 1000).start;
    const float *mine = reinterpret_cast<const float *>(rows) +
                        static_cast<std::size_t>(state.thread_index()) * share;
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

// ---- The table.

// In the order of registration.
struct Entry {
    std::string name, site;
    bool is_read;
    std::vector<double> times, speeds; // ns per logit and GB/s of each repetition
};
std::vector<Entry> entries;

bool add_entry(const std::string &name, const Site &site, bool is_read)
{
    for (const Entry &entry : entries) {
        if (entry.name == name) {
            return false;
        }
    }
    entries.push_back({name, site.name(), is_read, {}, {}});
    return true;
}

double median(std::vector<double> samples)
{
    std::sort(samples.begin(), samples.end());
    const std::size_t n = samples.size();
    return (samples[(n - 1) / 2] + samples[n / 2]) / 2;
}

class Table : public benchmark::BenchmarkReporter
{
public:
    bool ReportContext(const Context &context) override
    {
        PrintBasicContext(&GetErrorStream(), context);
        return true;
    }

    void ReportRuns(const std::vector<Run> &runs) override
    {
        for (const Run &run : runs) {
            const auto time = run.counters.find("ns/logit"), speed = run.counters.find("GB/s");
            if (run.run_type == Run::RT_Iteration && time != run.counters.end()) {
                Entry &entry = *std::find_if(entries.begin(), entries.end(), [&](const Entry &e) {
                    return e.name == run.run_name.function_name;
                });
                entry.times.push_back(time->second);
                entry.speeds.push_back(speed->second);
            }
        }
    }

    void Finalize() override
    {
        std::map<std::string, const Entry *> fastest; // plain read of each site
        int width = 4;
        for (const Entry &entry : entries) {
            const Entry *&best = fastest[entry.site];
            if (entry.is_read && !entry.times.empty() &&
                (best == nullptr || median(entry.speeds) > median(best->speeds))) {
                best = &entry;
            }
            width = std::max(width, static_cast<int>(entry.name.size()));
        }
        std::printf("%-*s  ns/logit    GB/s  of plain read\n", width, "case");
        for (const Entry &entry : entries) {
            const Entry *read = fastest[entry.site];
            if (entry.times.empty() || (entry.is_read && &entry != read)) {
                continue;
            }
            const double speed = median(entry.speeds);
            std::printf("%-*s  %8.4f  %6.2f", width, entry.name.c_str(), median(entry.times),
                        speed);
            if (read != nullptr) {
                std::printf("  %13.2f", speed / median(read->speeds));
            }
            std::printf("\n");
        }
    }
};

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
        return; // it takes minutes to show nothing new, or no row fits
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
