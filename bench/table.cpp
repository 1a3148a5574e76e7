#include "bench/table.hpp"

#include <algorithm>
#include <cstdio>
#include <map>

namespace
{

struct Entry {
    std::string name, site;
    bool is_read;
    std::vector<double> times, speeds; // ns per logit and GB/s of each repetition
};
std::vector<Entry> entries;

double median(std::vector<double> samples)
{
    std::sort(samples.begin(), samples.end());
    const std::size_t n = samples.size();
    return (samples[(n - 1) / 2] + samples[n / 2]) / 2;
}

} // namespace

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

bool Table::ReportContext(const Context &context)
{
    PrintBasicContext(&GetErrorStream(), context);
    return true;
}

void Table::ReportRuns(const std::vector<Run> &runs)
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

void Table::Finalize()
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
        std::printf("%-*s  %8.4f  %6.2f", width, entry.name.c_str(), median(entry.times), speed);
        if (read != nullptr) {
            std::printf("  %13.2f", speed / median(read->speeds));
        }
        std::printf("\n");
    }
}
