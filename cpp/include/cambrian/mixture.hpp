// Several operators of one kind, of which each child gets one, chosen by weight.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "cambrian/brood.hpp"
#include "cambrian/parallel.hpp"
#include "cambrian/rng.hpp"

namespace cambrian {

class Choice {
  public:
    // `weights`: none negative, some positive; kept to 2**-32 of their sum.
    explicit Choice(const std::vector<double>& weights);

    std::size_t size() const { return ends_.size(); }

    // Of the children `first` … first + count - 1; `purpose` is that of the first operator.
    void of(const Source& source, std::uint32_t purpose, std::uint32_t first, std::size_t count,
            std::uint8_t* out) const;

    // Calls work(operator, brood) with the rows that chose each, if any did.
    template <class Work>
    void split(const Brood& brood, Work work) const {
        std::array<std::uint8_t, kMostRows> chosen;
        if (brood.rows.empty()) return;
        of(brood.source, brood.purpose, brood.first, brood.rows.back() + std::size_t{1}, chosen.data());
        std::array<std::uint16_t, kMostRows> rows;
        for (std::size_t k = 0; k < size(); ++k) {
            std::size_t count = 0;
            for (const std::uint16_t row : brood.rows) {
                rows[count] = row;
                count += chosen[row] == k ? 1 : 0;
            }
            if (count == 0) continue;
            Brood part = brood;
            part.purpose += static_cast<std::uint32_t>(k);
            part.rows = {rows.data(), count};
            work(k, part);
        }
    }

  private:
    std::vector<std::uint64_t> ends_;  // operator k is chosen by words from ends_[k - 1] to below ends_[k]
};

// What each of n children chooses, as breed does it; `purpose`: kCross, or kMutate + place of the mixture.
void choices(const std::vector<double>& weights, std::uint32_t purpose, std::size_t n, const Source& source,
             const Threads& threads, std::uint8_t* out);

}  // namespace cambrian
