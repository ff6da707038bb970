#include "cambrian/limit.hpp"

#include <algorithm>
#include <cstdint>

#include "vector.hpp"

namespace cambrian {
namespace {

constexpr std::size_t kEnough = 4096;  // genes in one go

// Plain pointers: a byte that is written could otherwise be one of a vector's own, and no loop over bytes
// would become a vector loop.
template <class T>
CAMBRIAN_INLINE void lower(T* genes, const T* limits, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) genes[i] = genes[i] < limits[i] ? genes[i] : limits[i];
}
CAMBRIAN_INLINE void lower_narrow(std::uint8_t* genes, const std::uint8_t* limits, std::size_t count) {
    lower(genes, limits, count);
}
CAMBRIAN_INLINE void lower_wide(std::uint16_t* genes, const std::uint16_t* limits, std::size_t count) {
    lower(genes, limits, count);
}
CAMBRIAN_VERSIONS(void, lower_narrow, (std::uint8_t* genes, const std::uint8_t* limits, std::size_t count),
                  (genes, limits, count))
CAMBRIAN_VERSIONS(void, lower_wide, (std::uint16_t* genes, const std::uint16_t* limits, std::size_t count),
                  (genes, limits, count))

template <class T>
CAMBRIAN_INLINE bool beyond(const T* genes, const T* limits, std::size_t count) {
    T found = 0;
    for (std::size_t i = 0; i < count; ++i) found = static_cast<T>(found | T(genes[i] > limits[i]));
    return found != 0;
}
CAMBRIAN_INLINE bool beyond_narrow(const std::uint8_t* genes, const std::uint8_t* limits, std::size_t count) {
    return beyond(genes, limits, count);
}
CAMBRIAN_INLINE bool beyond_wide(const std::uint16_t* genes, const std::uint16_t* limits, std::size_t count) {
    return beyond(genes, limits, count);
}
CAMBRIAN_VERSIONS(bool, beyond_narrow,
                  (const std::uint8_t* genes, const std::uint8_t* limits, std::size_t count),
                  (genes, limits, count))
CAMBRIAN_VERSIONS(bool, beyond_wide,
                  (const std::uint16_t* genes, const std::uint16_t* limits, std::size_t count),
                  (genes, limits, count))

void lower_here(std::uint8_t* genes, const std::uint8_t* limits, std::size_t count) {
    static const auto here = choose_lower_narrow();
    here(genes, limits, count);
}
void lower_here(std::uint16_t* genes, const std::uint16_t* limits, std::size_t count) {
    static const auto here = choose_lower_wide();
    here(genes, limits, count);
}
bool beyond_here(const std::uint8_t* genes, const std::uint8_t* limits, std::size_t count) {
    static const auto here = choose_beyond_narrow();
    return here(genes, limits, count);
}
bool beyond_here(const std::uint16_t* genes, const std::uint16_t* limits, std::size_t count) {
    static const auto here = choose_beyond_wide();
    return here(genes, limits, count);
}

}  // namespace

template <class T>
Limit<T>::Limit(const Layout& layout)
    : width_(layout.width()),
      together_(std::max<std::size_t>(kEnough / std::max<std::size_t>(width_, 1), 1)) {
    limits_.resize(together_ * width_);
    for (std::size_t c = 0; c < width_; ++c) limits_[c] = static_cast<T>(layout.columns[c].options - 1);
    T* const limits = limits_.data();
    for (std::size_t filled = width_; filled > 0 && filled < limits_.size(); filled *= 2)
        std::copy_n(limits, std::min(filled, limits_.size() - filled), limits + filled);
}

template <class T>
void Limit<T>::apply(T* genomes, std::size_t rows) const {
    for (std::size_t row = 0; row < rows; row += together_) {
        lower_here(genomes + row * width_, limits_.data(), std::min(together_, rows - row) * width_);
    }
}

template <class T>
std::size_t Limit<T>::first_beyond(const T* genomes, std::size_t rows) const {
    for (std::size_t row = 0; row < rows; row += together_) {
        const std::size_t some = std::min(together_, rows - row);
        if (!beyond_here(genomes + row * width_, limits_.data(), some * width_)) continue;
        for (std::size_t i = row; i < row + some; ++i) {
            if (beyond_here(genomes + i * width_, limits_.data(), width_)) return i;
        }
    }
    return rows;
}

template class Limit<std::uint8_t>;
template class Limit<std::uint16_t>;

}  // namespace cambrian
