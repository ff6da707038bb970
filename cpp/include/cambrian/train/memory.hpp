// Aligned arrays of numbers, and one block of memory that values share which are never needed together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

namespace cambrian::train {

inline constexpr std::size_t kAlign = 64;  // bytes: a cache line, and the widest vector

// Numbers that are not set to anything, unless `clear` is called.
class Block {
  public:
    Block() = default;
    explicit Block(std::size_t n)
        : data_(static_cast<float*>(::operator new(n * sizeof(float) + 1, std::align_val_t{kAlign}))),
          size_(n) {}

    float* data() { return data_.get(); }
    const float* data() const { return data_.get(); }
    std::size_t size() const { return size_; }
    void clear();

  private:
    struct Free {
        void operator()(float* data) const { ::operator delete(data, std::align_val_t{kAlign}); }
    };
    std::unique_ptr<float, Free> data_;
    std::size_t size_ = 0;
};

// A value needed from time `first` to time `last`, both included.
struct Span {
    std::size_t size = 0;  // floats
    std::size_t first = 0, last = 0;
    std::size_t offset = 0;  // set by `place`
};

// Gives every span an offset such that no two that are needed at the same time overlap; returns the floats
// needed. Each takes the smallest gap that is large enough.
std::size_t place(std::vector<Span>& spans);

}  // namespace cambrian::train
