#include <algorithm>
#include <cstdint>
#include <iterator>
#include <set>
#include <stdexcept>
#include <vector>

#include "cambrian/activity.hpp"
#include "cambrian/keys.hpp"
#include "cambrian/layout.hpp"
#include "cambrian/sample.hpp"
#include "cambrian/slot_edits.hpp"
#include "check.hpp"
#include "records.hpp"

using namespace cambrian;
using cambrian::testing::kConvolutional;

namespace {

// Three columns of 4, 7 and 2 options that always take part.
constexpr std::int64_t kPlain[] = {kLayoutMagic,
                                   kLayoutVersion,
                                   3,
                                   0,
                                   4,
                                   -1,
                                   -1,
                                   0,
                                   0,
                                   0,
                                   1,
                                   7,
                                   -1,
                                   -1,
                                   0,
                                   0,
                                   0,
                                   0,
                                   2,
                                   -1,
                                   -1,
                                   0,
                                   0,
                                   0,
                                   0,
                                   1,
                                   2,
                                   0,
                                   0,
                                   0,
                                   0,
                                   0,
                                   0,
                                   1,
                                   1,
                                   1,
                                   kLayoutMagic};

using Keys = std::vector<std::uint64_t>;
using Flags = std::vector<std::uint8_t>;

// Of a linear congruential generator: few values, so that many repeat and collide.
Keys some_keys(std::size_t n, std::uint64_t range, std::uint64_t& state) {
    Keys keys(n);
    for (auto& key : keys) {
        state = state * 6364136223846793005U + 1442695040888963407U;
        key = (state >> 33) % range * 1024 + 1;
    }
    return keys;
}

void a_table_is_a_set() {
    Keys words(1024);
    const KeyTable table{words.data(), words.size()};
    std::set<std::uint64_t> slow;
    std::uint64_t state = 1;
    for (std::size_t round = 0; round < 60; ++round) {
        const Keys keys = some_keys(round, 500, state);
        Flags absent(keys.size()), added(keys.size()), expected(keys.size());
        absent_keys(table, keys.data(), keys.size(), absent.data());
        for (std::size_t i = 0; i < keys.size(); ++i) expected[i] = slow.insert(keys[i]).second ? 1 : 0;
        add_keys(table, keys.data(), keys.size(), added.data());
        CHECK(absent == expected);
        CHECK(added == expected);
    }
    Keys held;
    std::copy_if(words.begin(), words.end(), std::back_inserter(held), [](auto word) { return word != 0; });
    CHECK(std::set<std::uint64_t>(held.begin(), held.end()) == slow);
}

void a_full_table_is_an_error() {
    Keys words(4);
    const KeyTable table{words.data(), words.size()};
    const Keys keys{5, 9, 13, 17, 21};
    Flags flags(5);
    add_keys(table, keys.data(), 4, flags.data());
    CHECK_THROWS(add_keys(table, keys.data() + 4, 1, flags.data()), std::length_error);
    absent_keys(table, keys.data(), 5, flags.data());
    CHECK((flags == Flags{0, 0, 0, 0, 1}));
}

void keys_follow_the_normal_form(const Layout& layout) {
    constexpr std::size_t kRows = 3000;
    const std::size_t width = layout.width();
    std::vector<std::uint8_t> genomes(kRows * width), active(width);
    sample(layout, kRows, Source(3, 0, 0), {}, genomes.data());
    std::vector<std::uint8_t> normal(genomes.size());
    for (std::size_t i = 0; i < genomes.size(); i += width)
        normalise(layout, genomes.data() + i, normal.data() + i, active.data());
    Keys keys(kRows), of_normal(kRows);
    genome_keys(layout, genomes.data(), kRows, keys.data());
    genome_keys(layout, normal.data(), kRows, of_normal.data());
    CHECK(keys == of_normal);
    std::set<std::vector<std::uint8_t>> forms;
    for (std::size_t i = 0; i < normal.size(); i += width)
        forms.emplace(normal.begin() + static_cast<std::ptrdiff_t>(i),
                      normal.begin() + static_cast<std::ptrdiff_t>(i + width));
    CHECK(std::set<std::uint64_t>(keys.begin(), keys.end()).size() == forms.size());
    CHECK(std::find(keys.begin(), keys.end(), 0U) == keys.end());
}

void edits_are_in_normal_form(const Layout& layout) {
    const std::size_t width = layout.width();
    std::vector<std::uint8_t> genomes(50 * width), active(width), normal(width);
    sample(layout, 50, Source(4, 0, 0), {}, genomes.data());
    for (std::size_t row = 0; row < 50; ++row) {
        const std::vector<std::uint8_t> found = slot_edits(layout, genomes.data() + row * width);
        CHECK(found.size() % width == 0 && !found.empty());
        for (std::size_t i = 0; i < found.size(); i += width) {
            normalise(layout, found.data() + i, normal.data(), active.data());
            CHECK(std::equal(normal.begin(), normal.end(), found.begin() + static_cast<std::ptrdiff_t>(i)));
        }
    }
}

}  // namespace

int main() {
    const Layout layout = Layout::parse(kConvolutional);
    a_table_is_a_set();
    a_full_table_is_an_error();
    keys_follow_the_normal_form(layout);
    keys_follow_the_normal_form(Layout::parse(kPlain));
    edits_are_in_normal_form(layout);
    return cambrian::testing::failures();
}
