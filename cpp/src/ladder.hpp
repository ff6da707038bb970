// A table that turns uniform numbers into those of a discrete distribution.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace cambrian {

// Falling numbers from (0, 1].
class Ladder {
  public:
    Ladder() = default;
    explicit Ladder(std::vector<double> rungs) : rungs_(std::move(rungs)) {
        std::size_t j = rungs_.size();
        for (std::size_t b = 0; b < kGuides; ++b) {
            while (j > 0 && rungs_[j - 1] < static_cast<double>(b + 1) / kGuides) --j;
            guide_[b] = static_cast<std::uint32_t>(j);
        }
    }

    bool empty() const { return rungs_.empty(); }
    double operator[](std::size_t i) const { return rungs_[i]; }

    // How many are above x, from (0, 1).
    std::size_t above(double x) const {
        std::size_t j = guide_[static_cast<std::size_t>(x * kGuides)];
        while (j < rungs_.size() && rungs_[j] > x) ++j;
        return j;
    }

  private:
    static constexpr std::size_t kGuides = 256;

    std::vector<double> rungs_;
    std::array<std::uint32_t, kGuides> guide_{};  // so many are above all of an interval of 1/256
};

}  // namespace cambrian
