#include "places.hpp"

#include <algorithm>
#include <bit>

#include "radix.hpp"

namespace cambrian {

std::vector<std::uint64_t> ordered(const Pool& pool) {
    std::vector<std::uint64_t> bits(pool.population);
    for (std::size_t i = 0; i < bits.size(); ++i) bits[i] = ordered_bits(pool.cost(i));
    return bits;
}

Place place_of(const std::vector<std::uint64_t>& bits, std::size_t place) {
    constexpr unsigned kDigit = 12;
    std::uint64_t low = bits[0], high = bits[0];
    for (const std::uint64_t b : bits) {
        low = std::min(low, b);
        high = std::max(high, b);
    }
    const auto width = static_cast<unsigned>(std::bit_width(high - low));
    const unsigned shift = width > kDigit ? width - kDigit : 0;
    std::vector<std::size_t> counts(std::size_t{1} << kDigit);
    for (const std::uint64_t b : bits) ++counts[(b - low) >> shift];
    std::size_t digit = 0, better = 0;
    for (; place - better >= counts[digit]; ++digit) better += counts[digit];
    std::vector<std::uint64_t> same(counts[digit] + 1);
    std::size_t found = 0;
    for (const std::uint64_t b : bits) {
        same[found] = b;
        found += (b - low) >> shift == digit ? 1 : 0;
    }
    same.pop_back();
    const auto at = same.begin() + static_cast<std::ptrdiff_t>(place - better);
    std::nth_element(same.begin(), at, same.end());
    const std::uint64_t value = *at;
    better += static_cast<std::size_t>(
        std::count_if(same.begin(), same.end(), [&](std::uint64_t b) { return b < value; }));
    return {value, better, static_cast<std::size_t>(std::count(same.begin(), same.end(), value))};
}

void split(const std::vector<std::uint64_t>& bits, const Place& place, std::vector<std::uint32_t>& better,
           std::vector<std::uint32_t>& equal) {
    // One more than there will be: each is written before it is known whether it counts.
    better.resize(place.better + 1);
    equal.resize(place.equal + 1);
    std::size_t first = 0, second = 0;
    for (std::uint32_t i = 0; i < bits.size(); ++i) {
        better[first] = i;
        first += bits[i] < place.bits ? 1 : 0;
        equal[second] = i;
        second += bits[i] == place.bits ? 1 : 0;
    }
    better.resize(first);
    equal.resize(second);
}

}  // namespace cambrian
