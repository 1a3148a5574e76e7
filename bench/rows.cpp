#include "bench/rows.hpp"

#include <benchmark/benchmark.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <random>
#include <stdexcept>
#include <vector>

#include "entropy.h"
#include "kernels/half.h"

namespace
{

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

// By what is in them. Several threads may want the same one.
std::map<std::string, std::unique_ptr<Buffer>> buffers;
std::mutex buffers_mutex;

} // namespace

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

std::string Site::name() const
{
    return name_of(place) + (pages == Pages::huge ? "/huge/" : "/4 KB/") + std::to_string(threads) +
           (threads == 1 ? " thread" : " threads");
}

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

const void *rows_of(const Site &site, int dtype, Kind kind, std::size_t vocab)
{
    const std::lock_guard<std::mutex> lock(buffers_mutex);
    const std::size_t width = kind == Kind::ordinary ? 1000 : vocab; // those suit any vocabulary
    auto &buffer = buffers[name_of(site.place) + std::to_string(static_cast<int>(site.pages)) +
                           std::to_string(dtype) + name_of(kind) + std::to_string(width)];
    if (!buffer) {
        buffer = std::make_unique<Buffer>(bytes_in(site.place), site.pages);
        buffer->repeat(fresh_rows(kind, width), dtype);
    }
    return buffer->start;
}

void *scratch_of(const Site &site)
{
    const std::lock_guard<std::mutex> lock(buffers_mutex);
    auto &buffer = buffers[name_of(site.place)];
    if (!buffer) {
        buffer = std::make_unique<Buffer>(bytes_in(site.place), Pages::huge);
        buffer->repeat(std::vector<float>(1000), ENTROPY_F32); // so that its pages are there
    }
    return buffer->start;
}
