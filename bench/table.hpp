// What is printed: one row for each case, in the order in which they were added.
#ifndef BENCH_TABLE_HPP
#define BENCH_TABLE_HPP

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "bench/rows.hpp"

// False if there is such a case already.
bool add_entry(const std::string &name, const Site &site, bool is_read);

// Medians of the counters "ns/logit" and "GB/s" of each case, and its speed in terms of the fastest
// plain read at the same site.
class Table : public benchmark::BenchmarkReporter
{
public:
    bool ReportContext(const Context &context) override;
    void ReportRuns(const std::vector<Run> &runs) override;
    void Finalize() override;
};

#endif
