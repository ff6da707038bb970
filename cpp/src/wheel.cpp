#include "wheel.hpp"

#include <algorithm>
#include <array>

#include "cambrian/brood.hpp"

namespace cambrian {

void Wheel::make_guide() {
    if (ends_.empty()) return;
    const auto wide = static_cast<unsigned>(std::bit_width(total() - 1));
    const auto many = static_cast<unsigned>(std::bit_width(ends_.size()));
    shift_ = wide > many ? wide - many : 0;
    // One more than is looked up: there the parents end that have no share and stand last.
    guide_.assign(((total() - 1) >> shift_) + 2, 0);
    const std::uint64_t up = (std::uint64_t{1} << shift_) - 1;
    std::uint64_t begin = 0;
    for (std::size_t i = 0; i < ends_.size(); ++i) {
        guide_[(begin + up) >> shift_] = static_cast<std::uint32_t>(i);
        begin = ends_[i];
    }
    std::uint32_t last = 0;
    for (std::uint32_t& parent : guide_) parent = last = std::max(last, parent);
}

void Wheel::find(const std::uint64_t* positions, std::size_t count, std::uint32_t* parents) const {
    for (std::size_t i = 0; i < count; ++i) prefetch(&guide_[positions[i] >> shift_]);
    for (std::size_t i = 0; i < count; ++i) {
        parents[i] = guide_[positions[i] >> shift_];
        prefetch(&ends_[parents[i]]);
    }
    for (std::size_t i = 0; i < count; ++i) {
        std::uint32_t parent = parents[i];
        // Two steps without a branch: they can't be predicted, and more are rare.
        parent += ends_[parent] <= positions[i] ? 1 : 0;
        parent += ends_[parent] <= positions[i] ? 1 : 0;
        while (ends_[parent] <= positions[i]) ++parent;
        parents[i] = parent;
    }
}

}  // namespace cambrian
