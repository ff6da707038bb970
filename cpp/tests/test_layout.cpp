#include <algorithm>
#include <random>
#include <set>
#include <span>
#include <stdexcept>
#include <vector>

#include "cambrian/activity.hpp"
#include "cambrian/decode.hpp"
#include "check.hpp"
#include "records.hpp"

using namespace cambrian;
using namespace cambrian::testing;

namespace {

using Record = std::vector<std::int64_t>;

Record valid() {
    return {std::begin(kConvolutional), std::end(kConvolutional)};
}

std::vector<std::uint8_t> random_genomes(const Layout& layout, std::size_t n, std::mt19937& random) {
    std::vector<std::uint8_t> genomes;
    for (std::size_t i = 0; i < n; ++i) {
        for (const Column& column : layout.columns) {
            genomes.push_back(static_cast<std::uint8_t>(random() % static_cast<unsigned>(column.options)));
        }
    }
    return genomes;
}

// 0: refused as a layout; 1: all genomes expand; 2: some are refused. Anything else ends the program.
int attempt(const Record& record, std::mt19937& random) {
    Layout layout;
    try {
        layout = Layout::parse(record);
    } catch (const std::invalid_argument&) {
        return 0;
    }
    if (layout.wide()) return 1;
    const auto genomes = random_genomes(layout, 3, random);
    std::vector<std::uint64_t> hash(6), recipe(6);
    std::vector<std::int64_t> counts(3 * Resources::kNames.size());
    Decoded out{hash.data(), recipe.data()};
    if (!layout.plain()) out.resources = counts.data();
    try {
        decode(layout, genomes.data(), 3, out, {});
    } catch (const std::invalid_argument&) {
        return 2;
    }
    return 1;
}

void changed_records_do_no_harm() {
    std::mt19937 random(1);
    const std::int64_t odd[] = {-1, 0, 1, 2, 7, 255, 65'536, INT32_MAX, INT64_MAX, INT64_MIN};
    std::set<int> seen;
    for (int i = 0; i < 20'000; ++i) {
        Record record = valid();
        for (unsigned k = 0; k <= random() % 3; ++k) {
            std::int64_t& word = record[random() % record.size()];
            word =
                random() % 2 == 0 ? odd[random() % std::size(odd)] : static_cast<std::int64_t>(random() % 20);
        }
        seen.insert(attempt(record, random));
    }
    CHECK(seen.size() == 3);
}

void truncated_records_are_refused() {
    const Record record = valid();
    for (std::size_t n = 0; n < record.size(); ++n) {
        CHECK_THROWS(Layout::parse(std::span(record).first(n)), std::invalid_argument);
    }
    Record longer = record;
    longer.push_back(0);
    CHECK_THROWS(Layout::parse(longer), std::invalid_argument);
}

void words_moved_about_do_no_harm() {
    std::mt19937 random(2);
    for (int i = 0; i < 5'000; ++i) {
        Record record = valid();
        const std::size_t at = random() % record.size();
        if (random() % 2 == 0) {
            record.erase(record.begin() + static_cast<std::ptrdiff_t>(at));
        } else {
            record.insert(record.begin() + static_cast<std::ptrdiff_t>(at), record[random() % record.size()]);
        }
        attempt(record, random);
    }
}

// A genome that another thread overwrites after it was checked must not lead outside anything.
void genomes_out_of_range_are_clamped() {
    const Layout layout = Layout::parse(valid());
    std::mt19937 random(3);
    std::vector<std::uint8_t> genome(layout.width()), normal(layout.width()), active(layout.width());
    for (int i = 0; i < 1'000; ++i) {
        for (auto& gene : genome) gene = static_cast<std::uint8_t>(random());
        normalise(layout, genome.data(), normal.data(), active.data());
        for (std::size_t c = 0; c < layout.width(); ++c) CHECK(normal[c] < layout.columns[c].options);
        std::vector<std::uint64_t> hash(2);
        decode(layout, genome.data(), 1, {hash.data()}, {});
    }
}

void threads_change_nothing() {
    const Layout layout = Layout::parse(valid());
    std::mt19937 random(4);
    const std::size_t n = 3'000;
    const auto genomes = random_genomes(layout, n, random);
    std::vector<std::uint64_t> one(2 * n), many(2 * n);
    decode(layout, genomes.data(), n, {one.data()}, {});
    for (const int threads : {2, 5}) {
        std::fill(many.begin(), many.end(), 0);
        decode(layout, genomes.data(), n, {many.data()}, {threads, {}});
        CHECK(one == many);
    }
}

}  // namespace

int main() {
    changed_records_do_no_harm();
    truncated_records_are_refused();
    words_moved_about_do_no_harm();
    genomes_out_of_range_are_clamped();
    threads_change_nothing();
    return failures();
}
