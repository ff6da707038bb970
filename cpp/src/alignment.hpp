// Which slots of two parents belong together.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace cambrian {

// What the slots of a parent do: a gene in each.
template <class T>
struct Operations {
    const T* gene;
    std::int32_t stride;

    std::int32_t operator[](std::int32_t slot) const { return gene[slot * stride]; }
};

// A longest common subsequence of two rows of operations, found from the end: a step towards the diagonal
// (equal positions) is taken wherever it costs no match; then equal operations are matched; else the first
// row's slot, or the second's if that costs a match, is passed over. Bit-parallel: Hyyro, "Bit-Parallel
// LCS-length Computation Revisited", AWOCA 2004.
class Alignment {
  public:
    // `most`: slots a row can have; `operations`: their number.
    Alignment(std::int32_t most, std::int32_t operations);

    // Writes for each slot of either row whether it is matched: 1, or nothing over the 0 that must be there.
    // The k-th matched ones are a pair. Returns how many pairs there are. All `most` operations are read;
    // those beyond the length may be any.
    template <class T>
    std::int32_t run(const Operations<T>& first, std::int32_t n, const Operations<T>& second, std::int32_t m,
                     std::uint8_t* first_matched, std::uint8_t* second_matched);

  private:
    // Bit j of row i is 0 if the rows' first i and j + 1 operations have one more match than the first i and
    // j.
    std::uint64_t* row(std::int32_t i) { return rows_.data() + static_cast<std::size_t>(i) * words_; }
    bool left_is_free(std::int32_t i, std::int32_t j);
    bool up_is_free(std::int32_t i, std::int32_t j);
    template <class T>
    std::int32_t run_word(const Operations<T>& first, std::int32_t n, const Operations<T>& second,
                          std::int32_t m, std::uint8_t* first_matched, std::uint8_t* second_matched);
    template <class T>
    void fill(const Operations<T>& first, std::int32_t n, const Operations<T>& second, std::int32_t m);

    std::size_t words_;
    std::vector<std::uint64_t> rows_;
    std::vector<std::uint64_t> where_;  // of each operation, in the second row; all 0 between calls
};

// The same for many pairs of rows of up to kMost slots at once, each in a lane of its own.
struct Pairs {
    static constexpr std::size_t kMost = 16, kLanes = 32;
    template <class Value>
    using Lanes = std::array<Value, kLanes>;

    // What the slots do. Those beyond the length may do anything.
    std::array<Lanes<std::uint16_t>, kMost> first, second;
    Lanes<std::uint16_t> n, m;
    // Whether each slot is matched, as bytes of 1 or 0; how many pairs there are; and whether, instead, both
    // rows are equal.
    std::array<Lanes<std::uint8_t>, kMost> first_matched, second_matched;
    Lanes<std::uint8_t> count, equal;
};

// Of rows that have up to `most` slots.
void align(Pairs& pairs, std::size_t most);

}  // namespace cambrian
