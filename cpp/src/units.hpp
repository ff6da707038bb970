// Which columns stay together in a crossover.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "bits.hpp"
#include "blend.hpp"
#include "cambrian/crossover.hpp"
#include "cambrian/limit.hpp"

namespace cambrian {

// Unit u is columns borders[u] … borders[u + 1] - 1.
std::vector<std::uint32_t> unit_borders(const Layout& layout, By by);

template <class T>
class Units {
  public:
    Units(const Layout& layout, By by) : borders_(unit_borders(layout, by)), limit_(layout) {}

    std::size_t size() const { return borders_.size() - 1; }
    std::size_t width() const { return borders_.back(); }
    bool genes() const { return size() == width(); }
    std::uint32_t begin(std::size_t unit) const { return borders_[unit]; }
    std::uint32_t end(std::size_t unit) const { return borders_[unit + 1]; }

    // Words of bits that a row takes.
    std::size_t stride() const { return bit_words(size()); }

    // Units whose bit is set come from the second parent; of row r, from bits[r * stride()] on. Where all are
    // genes, `children` may be the parents' rows, and no value is left beyond a gene's options.
    void exchange(const Brood& brood, const T* const* first, const T* const* second,
                  const std::uint32_t* bits, T* children) const {
        if (genes()) {
            blend_({first, second, bits, stride(), width(), children, nullptr, limit_.data()},
                   brood.rows.data(), brood.rows.size());
            return;
        }
        for (const std::size_t row : brood.rows) {
            T* child = children + row * width();
            std::copy_n(first[row], width(), child);
            for (std::size_t u = 0; u < size(); ++u) {
                if (has_bit(bits + row * stride(), u))
                    std::copy(second[row] + begin(u), second[row] + end(u), child + begin(u));
            }
        }
    }

  private:
    std::vector<std::uint32_t> borders_;
    Limit<T> limit_;
    Blend<T> blend_ = choose_blend<T>();
};

}  // namespace cambrian
