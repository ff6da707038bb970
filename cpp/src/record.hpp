// Reads a layout record word by word; every word is range-checked before it is used.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>

namespace cambrian {

class RecordReader {
  public:
    explicit RecordReader(std::span<const std::int64_t> words) : words_(words) {}

    std::int64_t next(const char* what, std::int64_t low, std::int64_t high) {
        if (position_ == words_.size()) fail(what, low, high, "the record ends here");
        const std::int64_t word = words_[position_];
        if (word < low || word > high) fail(what, low, high, "got " + std::to_string(word));
        ++position_;
        return word;
    }
    std::int32_t next32(const char* what, std::int64_t low, std::int64_t high) {
        return static_cast<std::int32_t>(next(what, low, high));
    }
    std::int64_t any(const char* what) { return next(what, INT64_MIN, INT64_MAX); }

    // A count of things that take at least `each` words, so that nothing is allocated for words that aren't
    // there.
    std::size_t count(const char* what, std::int64_t low, std::size_t each) {
        const std::size_t left = position_ < words_.size() ? words_.size() - position_ - 1 : 0;
        return static_cast<std::size_t>(next(what, low, static_cast<std::int64_t>(left / each)));
    }
    bool done() const { return position_ == words_.size(); }
    std::size_t position() const { return position_; }

  private:
    [[noreturn]] void fail(const char* what, std::int64_t low, std::int64_t high,
                           const std::string& came) const {
        throw std::invalid_argument("layout word " + std::to_string(position_) + ", " + what + ": expected " +
                                    std::to_string(low) + " … " + std::to_string(high) + ", " + came);
    }

    std::span<const std::int64_t> words_;
    std::size_t position_ = 0;
};

}  // namespace cambrian
