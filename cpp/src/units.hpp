// Which columns stay together in a crossover.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "bits.hpp"
#include "blend.hpp"
#include "cambrian/crossover.hpp"

namespace cambrian {

// Unit u is columns borders[u] … borders[u + 1] - 1.
std::vector<std::uint32_t> unit_borders(const Layout& layout, By by);

template <class T>
class Units {
  public:
    Units(const Layout& layout, By by) : borders_(unit_borders(layout, by)) {}

    std::size_t size() const { return borders_.size() - 1; }
    std::size_t width() const { return borders_.back(); }
    bool genes() const { return size() == width(); }
    std::uint32_t begin(std::size_t unit) const { return borders_[unit]; }
    std::uint32_t end(std::size_t unit) const { return borders_[unit + 1]; }

    // Units whose bit is set come from `second`.
    void exchange(const T* first, const T* second, const std::uint32_t* bits, T* child) const {
        if (genes()) {
            constexpr std::uint16_t kRow = 0;
            return blend_({&first, &second, bits, 0, width(), child}, &kRow, 1);
        }
        std::copy_n(first, width(), child);
        for (std::size_t u = 0; u < size(); ++u) {
            if (has_bit(bits, u)) std::copy(second + begin(u), second + end(u), child + begin(u));
        }
    }

  private:
    std::vector<std::uint32_t> borders_;
    Blend<T> blend_ = choose_blend<T>();
};

}  // namespace cambrian
