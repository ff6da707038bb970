// A table that turns uniform numbers into those of a discrete distribution.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace cambrian {

// Falling numbers from 1 to 0.
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
    std::size_t size() const { return rungs_.size(); }
    double operator[](std::size_t i) const { return rungs_[i]; }

    // How many are above x, from (0, 1].
    std::size_t above(double x) const {
        std::size_t j = guide_[std::min(static_cast<std::size_t>(x * kGuides), kGuides - 1)];
        while (j < rungs_.size() && rungs_[j] > x) ++j;
        return j;
    }

  private:
    static constexpr std::size_t kGuides = 256;

    std::vector<double> rungs_;
    std::array<std::uint32_t, kGuides> guide_{};  // so many are above all of an interval of 1/256
};

// Picks one of the first k things by weight, for any k.
class Shares {
  public:
    explicit Shares(const std::vector<double>& weights) {
        double sum = 0.0;
        for (const double weight : weights) sums_.push_back(sum += weight);
        std::vector<double> left;
        for (const double part : sums_) left.push_back(1.0 - part / sum);
        left_ = Ladder(std::move(left));
    }

    // u is from (0, 1), and k not 0.
    std::size_t pick(std::size_t k, double u) const {
        return std::min(left_.above(1.0 - u * (sums_[k - 1] / sums_.back())), k - 1);
    }

  private:
    std::vector<double> sums_;
    Ladder left_;
};

}  // namespace cambrian
