#include "changes.hpp"

namespace cambrian {

Values::Values(const Brood& brood, std::size_t count, std::size_t each, std::vector<std::uint32_t>& words)
    : again_(brood.source, brood.purpose + kAgain, brood.first) {
    const std::size_t blocks = (count * each + 3) / 4;
    if (words.size() < 4 * blocks) words.resize(4 * blocks);
    words_ = words.data();
    constexpr std::uint32_t kFirst = 1U << 24;  // the blocks before are for finding the genes
    const Philox counter{kFirst, brood.purpose, brood.first, brood.source.generation};
    philox_fill(brood.source.key, counter, 0, blocks, words.data());
}

}  // namespace cambrian
