// Which slots of two parents belong together.
#pragma once

#include <cstdint>
#include <vector>

namespace cambrian {

// A longest common subsequence of two rows of operations, found from the end: a step towards the diagonal
// (equal positions) is taken wherever it costs no match; then equal operations are matched; else the first
// row's slot, or the second's if that costs a match, is passed over. Bit-parallel: Hyyro, "Bit-Parallel
// LCS-length Computation Revisited", AWOCA 2004.
class Alignment {
  public:
    // `most`: slots a row can have; `operations`: their number.
    Alignment(std::int32_t most, std::int32_t operations);

    // Leaves in partner[i] the slot of the second row that slot i of the first is matched with, or -1.
    void run(const std::int32_t* first, std::int32_t n, const std::int32_t* second, std::int32_t m,
             std::int32_t* partner);

  private:
    // Bit j of row i is 0 if the rows' first i and j + 1 operations have one more match than the first i and
    // j.
    std::uint64_t* row(std::int32_t i) { return rows_.data() + static_cast<std::size_t>(i) * words_; }
    bool left_is_free(std::int32_t i, std::int32_t j);
    bool up_is_free(std::int32_t i, std::int32_t j);
    void fill_word(const std::int32_t* first, std::int32_t n, const std::int32_t* second, std::int32_t m);
    void fill(const std::int32_t* first, std::int32_t n, const std::int32_t* second, std::int32_t m);

    std::size_t words_;
    std::vector<std::uint64_t> rows_;
    std::vector<std::uint64_t> where_;  // of each operation, in the second row; all 0 between calls
};

}  // namespace cambrian
