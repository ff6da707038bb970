#include "cambrian/limit.hpp"

#include <algorithm>
#include <cstdint>

#include "vector.hpp"

namespace cambrian {
namespace {

constexpr std::size_t kEnough = 4096;  // genes in one go

// Plain pointers: a byte that is written could otherwise be one of a vector's own, and no loop over bytes
// would become a vector loop. `out` may be `genes`.
template <class T>
CAMBRIAN_INLINE void lower_some(const T* genes, const T* limits, std::size_t count, T* out) {
#ifdef __GNUC__
#pragma GCC ivdep
#endif
    for (std::size_t i = 0; i < count; ++i) out[i] = genes[i] < limits[i] ? genes[i] : limits[i];
}
// Whole vectors; the last one begins where it must, as no harm is done to genes by doing it twice.
template <class T>
CAMBRIAN_INLINE void lower(const T* genes, const T* limits, std::size_t count, T* out) {
    constexpr std::size_t kSpan = 64 / sizeof(T);
    if (count < kSpan) return lower_some(genes, limits, count, out);
    for (std::size_t i = 0; i + kSpan <= count; i += kSpan) lower_some(genes + i, limits + i, kSpan, out + i);
    const std::size_t last = count - kSpan;
    if (count % kSpan != 0) lower_some(genes + last, limits + last, kSpan, out + last);
}
CAMBRIAN_INLINE void lower_narrow(const std::uint8_t* genes, const std::uint8_t* limits, std::size_t count,
                                  std::uint8_t* out) {
    lower(genes, limits, count, out);
}
CAMBRIAN_INLINE void lower_wide(const std::uint16_t* genes, const std::uint16_t* limits, std::size_t count,
                                std::uint16_t* out) {
    lower(genes, limits, count, out);
}
CAMBRIAN_VERSIONS(void, lower_narrow,
                  (const std::uint8_t* genes, const std::uint8_t* limits, std::size_t count,
                   std::uint8_t* out),
                  (genes, limits, count, out))
CAMBRIAN_VERSIONS(void, lower_wide,
                  (const std::uint16_t* genes, const std::uint16_t* limits, std::size_t count,
                   std::uint16_t* out),
                  (genes, limits, count, out))

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

void lower_here(const std::uint8_t* genes, const std::uint8_t* limits, std::size_t count, std::uint8_t* out) {
    static const auto here = choose_lower_narrow();
    here(genes, limits, count, out);
}
void lower_here(const std::uint16_t* genes, const std::uint16_t* limits, std::size_t count,
                std::uint16_t* out) {
    static const auto here = choose_lower_wide();
    here(genes, limits, count, out);
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
void Limit<T>::copy(const T* genomes, std::size_t rows, T* out) const {
    for (std::size_t row = 0; row < rows; row += together_) {
        const std::size_t count = std::min(together_, rows - row) * width_;
        lower_here(genomes + row * width_, limits_.data(), count, out + row * width_);
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
