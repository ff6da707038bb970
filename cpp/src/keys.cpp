#include "cambrian/keys.hpp"

#include <algorithm>
#include <bit>
#include <stdexcept>
#include <vector>

#include "cambrian/activity.hpp"

namespace cambrian {
namespace {

constexpr std::uint64_t kGolden = 0x9E37'79B9'7F4A'7C15;
constexpr std::size_t kAhead = 8;  // probes whose memory is asked for before it is needed

std::uint64_t mix(std::uint64_t word) {
    word = (word ^ (word >> 30)) * 0xBF58'476D'1CE4'E5B9;
    word = (word ^ (word >> 27)) * 0x94D0'49BB'1331'11EB;
    return word ^ (word >> 31);
}

// Whether every column takes part in every genome.
bool always_active(const Layout& layout) {
    const auto& gates = layout.activity.gates;
    return layout.repeats.empty() &&
           std::all_of(gates.begin(), gates.end(), [](const auto& gate) { return gate.tests.count == 0; });
}

template <class T>
std::uint64_t key_of(const T* normal, const std::vector<std::uint64_t>& factors) {
    std::uint64_t sum = kGolden;
    for (std::size_t i = 0; i < factors.size(); ++i) sum += normal[i] * factors[i];
    return std::max<std::uint64_t>(mix(sum), 1);
}

template <class T>
void keys_of(const Layout& layout, const T* genomes, std::size_t n, std::uint64_t* keys) {
    const std::size_t width = layout.width();
    std::vector<std::uint64_t> factors(width);
    for (std::size_t i = 0; i < width; ++i) factors[i] = mix((i + 1) * kGolden);
    if (always_active(layout)) {
        for (std::size_t row = 0; row < n; ++row) keys[row] = key_of(genomes + row * width, factors);
        return;
    }
    std::vector<T> normal(width);
    std::vector<std::uint8_t> active(width);
    for (std::size_t row = 0; row < n; ++row) {
        normalise(layout, genomes + row * width, normal.data(), active.data());
        keys[row] = key_of(normal.data(), factors);
    }
}

// The word that holds the key, or the free one where it would go; the table's size where all others are
// taken.
std::size_t place_of(const KeyTable& table, std::uint64_t key) {
    const std::size_t last = table.size - 1;
    std::size_t at = key & last;
    for (std::size_t probe = 0; probe < table.size; ++probe, at = (at + 1) & last) {
        if (table.words[at] == 0 || table.words[at] == key) return at;
    }
    return table.size;
}

void ask_for([[maybe_unused]] const KeyTable& table, [[maybe_unused]] std::uint64_t key) {
#ifdef __GNUC__
    __builtin_prefetch(table.words + (key & (table.size - 1)), 1);
#endif
}

}  // namespace

void genome_keys(const Layout& layout, const std::uint8_t* genomes, std::size_t n, std::uint64_t* keys) {
    keys_of(layout, genomes, n, keys);
}

void genome_keys(const Layout& layout, const std::uint16_t* genomes, std::size_t n, std::uint64_t* keys) {
    keys_of(layout, genomes, n, keys);
}

void add_keys(const KeyTable& table, const std::uint64_t* keys, std::size_t n, std::uint8_t* added) {
    for (std::size_t i = 0; i < n; ++i) {
        if (i + kAhead < n) ask_for(table, keys[i + kAhead]);
        const std::size_t at = place_of(table, keys[i]);
        if (at == table.size) throw std::length_error("table: full");
        added[i] = table.words[at] != keys[i];
        table.words[at] = keys[i];
    }
}

void absent_keys(const KeyTable& table, const std::uint64_t* keys, std::size_t n, std::uint8_t* absent) {
    std::vector<std::uint64_t> words(std::bit_ceil(2 * n + 1));
    add_keys({words.data(), words.size()}, keys, n, absent);  // of equal keys only the first counts
    for (std::size_t i = 0; i < n; ++i) {
        if (i + kAhead < n) ask_for(table, keys[i + kAhead]);
        const std::size_t at = place_of(table, keys[i]);
        if (at < table.size && table.words[at] == keys[i]) absent[i] = 0;
    }
}

}  // namespace cambrian
