// Fuzz target: any bytes are refused as a layout, or make one that everything in the core can work with.
//
// Input: int64 words in native byte order; a rest of fewer than eight bytes is left out.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <vector>

#include "cambrian/activity.hpp"
#include "cambrian/breed.hpp"
#include "cambrian/decode.hpp"
#include "cambrian/diversity.hpp"
#include "cambrian/sample.hpp"
#include "change_record.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" bool fuzz_accepted();
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most,
                                               unsigned seed);

namespace {

using namespace cambrian;

constexpr std::size_t kRows = 6;
bool accepted = false;

void require(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "broken: %s\n", what);
    std::abort();
}

template <class T>
bool in_range(const Layout& layout, const std::vector<T>& genomes) {
    for (std::size_t i = 0; i < genomes.size(); ++i) {
        if (genomes[i] >= layout.columns[i % layout.width()].options) return false;
    }
    return true;
}

template <class T>
std::vector<T> normal_forms(const Layout& layout, const std::vector<T>& genomes) {
    std::vector<T> normal(genomes.size());
    std::vector<std::uint8_t> active(layout.width());
    for (std::size_t i = 0; i < genomes.size(); i += layout.width())
        normalise(layout, genomes.data() + i, normal.data() + i, active.data());
    return normal;
}

// None: the core refuses one of them as a network, and says so.
template <class T>
std::optional<std::vector<std::uint64_t>> hashes(const Layout& layout, const std::vector<T>& genomes) {
    std::vector<std::uint64_t> hash(2 * kRows), recipe(2 * kRows);
    std::vector<std::int64_t> counts(Resources::kNames.size() * kRows);
    Decoded out{hash.data(), recipe.data()};
    if (!layout.plain()) out.resources = counts.data();
    try {
        decode(layout, genomes.data(), kRows, out, {});
    } catch (const std::invalid_argument&) {
        return std::nullopt;
    }
    hash.insert(hash.end(), recipe.begin(), recipe.end());
    return hash;
}

template <class T>
void breed_some(const Layout& layout, const std::vector<T>& parents) {
    const double key[kRows] = {3, 1, 2, 1, 0, 5};
    const std::vector<Mutation> changes = {StructuralMutation{1.0, {1, 1, 1, 1, 1, 1, 1, 1}},
                                           StepMutation{0.3, 2}, ResetMutation{std::nullopt},
                                           PointMutation{}};
    const Crossover crossovers[] = {UniformCrossover{1.0, 0.5, By::kSlot}, PointCrossover{1.0, 1, By::kGene},
                                    PointCrossover{1.0, 2, By::kSlot}};
    std::uint32_t generation = 0;
    for (const Crossover& crossover : crossovers) {
        std::vector<T> children(parents.size());
        breed(layout, Parents<T>{parents.data(), key, kRows}, {Tournament{2}, crossover, changes},
              Source(7, 0, generation++), {}, Children<T>{children.data(), kRows});
        require(in_range(layout, children), "a child is in range");
    }
}

template <class T>
void use(const Layout& layout) {
    if (layout.width() == 0) return;
    std::vector<T> genomes(kRows * layout.width());
    sample(layout, kRows, Source(1, 0, 0), {}, genomes.data());
    require(in_range(layout, genomes), "a sample is in range");
    const std::vector<T> normal = normal_forms(layout, genomes);
    require(in_range(layout, normal), "a normal form is in range");
    require(normal_forms(layout, normal) == normal, "a normal form is its own");
    require(hashes(layout, genomes) == hashes(layout, normal), "a genome and its normal form are the same");
    breed_some(layout, genomes);

    std::vector<std::int64_t> distance(kRows);
    nearest_distance(layout, genomes.data(), kRows, normal.data(), kRows, {}, distance.data());
    for (const std::int64_t each : distance) require(each == 0, "a genome is as near as its normal form");

    // What another thread may write into a population after it was checked.
    Stream stream(Source(2, 0, 0), kSample, 0);
    for (T& gene : genomes) gene = static_cast<T>(stream.word());
    require(in_range(layout, normal_forms(layout, genomes)), "a normal form of anything is in range");
    hashes(layout, genomes);
    breed_some(layout, genomes);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::vector<std::int64_t> words(size / sizeof(std::int64_t));
    if (!words.empty()) std::memcpy(words.data(), data, words.size() * sizeof(std::int64_t));
    Layout layout;
    accepted = false;
    try {
        layout = Layout::parse(words);
    } catch (const std::invalid_argument&) {
        return 0;
    }
    accepted = true;
    require(layout.words == words, "a layout keeps its record");
    if (layout.wide()) {
        use<std::uint16_t>(layout);
    } else {
        use<std::uint8_t>(layout);
    }
    return 0;
}

// Whether the last input was a layout.
bool fuzz_accepted() {
    return accepted;
}

// Bytes changed at random hardly ever leave a record valid; words changed for likely ones do.
std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
    if (seed % 4 == 0) return LLVMFuzzerMutate(data, size, most);
    std::vector<std::int64_t> words(size / sizeof(std::int64_t));
    if (!words.empty()) std::memcpy(words.data(), data, words.size() * sizeof(std::int64_t));
    fuzz::change_record(words, most / sizeof(std::int64_t), seed);
    if (!words.empty()) std::memcpy(data, words.data(), words.size() * sizeof(std::int64_t));
    return words.size() * sizeof(std::int64_t);
}
