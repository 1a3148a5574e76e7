// Rows of logits, by kind, in every place where they may lie.
#ifndef BENCH_ROWS_HPP
#define BENCH_ROWS_HPP

#include <cstddef>
#include <string>

enum class Place { l1, l2, last_cache, memory };
enum class Pages { huge, small };
enum class Kind { ordinary, half_masked, peak, ascending, real };

std::string name_of(Place place);
std::string name_of(Kind kind);

// Where rows lie, and how many threads read them: what a call shares with its plain reads.
struct Site {
    Place place;
    Pages pages;
    int threads;

    std::string name() const;
};

// A part of each cache, the rest of which is for results and for others that share it; 1 GB of
// memory, or four times the last cache.
std::size_t bytes_in(Place place);

// Of one element.
std::size_t size_of(int dtype);

constexpr std::size_t real_row = 49152; // logits

// bytes_in(site.place) bytes of rows. Made when they are first wanted, and kept: repetitions are
// interleaved.
const void *rows_of(const Site &site, int dtype, Kind kind, std::size_t vocab);

// As many bytes to write to.
void *scratch_of(const Site &site);

#endif
