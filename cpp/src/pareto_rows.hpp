// What ranks and crowding are found from: the finite rows, and their lexicographic order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <vector>

namespace cambrian {

// The rows without NaN and infinity, copied: another thread may write to the caller's array meanwhile.
struct FiniteRows {
    FiniteRows(const double* cost, std::size_t n, std::size_t objectives);

    std::size_t size() const { return row.size(); }
    const std::uint64_t* operator[](std::size_t i) const { return bits.get() + i * width; }

    std::size_t width;
    std::unique_ptr<std::uint64_t[]> bits;  // ordered_bits of the costs
    std::vector<std::uint32_t> row;         // the caller's
};

// The finite rows sorted by the first objective, then the second, and so on: no row is dominated by a later
// one. Equal rows are one here.
struct ParetoRows {
    ParetoRows(const double* cost, std::size_t n, std::size_t objectives);

    std::size_t size() const { return start.size() - 1; }
    // How many rows of the caller's this one stands for.
    std::size_t copies(std::size_t i) const { return start[i + 1] - start[i]; }

    std::vector<std::vector<std::uint64_t>> columns;  // one an objective, in bits that order as the costs do
    std::vector<std::uint32_t> row;                   // the caller's, sorted
    std::vector<std::uint32_t> start;                 // row i here is row[start[i]] … row[start[i + 1] - 1]
};

// How many fronts are needed until `stop` of the caller's rows have a rank. Rows are added in any order.
class FrontsNeeded {
  public:
    static constexpr std::uint32_t kAll = std::numeric_limits<std::uint32_t>::max();

    explicit FrontsNeeded(std::size_t stop) : stop_(stop) {}

    // The first fronts that `stop` rows are known to lie in, or kAll.
    std::uint32_t fronts() const { return fronts_; }
    void add(std::uint32_t front, std::size_t copies) {
        if (stop_ == 0 || front >= fronts_) return;
        if (front >= count_.size()) count_.resize(front + std::size_t{1}, 0);
        count_[front] += copies;
        covered_ += copies;
        if (covered_ < stop_) return;
        if (fronts_ == kAll) fronts_ = static_cast<std::uint32_t>(count_.size());
        while (covered_ - count_[fronts_ - 1] >= stop_) covered_ -= count_[--fronts_];
    }

  private:
    std::size_t stop_;
    std::uint32_t fronts_ = kAll;
    std::size_t covered_ = 0;
    std::vector<std::size_t> count_;
};

// Front of every row: fronts[i] is right if it is below needed.fronts(), and at least that otherwise.
using Fronts = std::vector<std::uint32_t>;
using Poll = std::function<void()>;
Fronts fronts_of_two(const ParetoRows& rows, FrontsNeeded& needed, const Poll& poll);
Fronts fronts_of_three(const ParetoRows& rows, FrontsNeeded& needed, const Poll& poll);
Fronts fronts_of_many(const ParetoRows& rows, FrontsNeeded& needed, const Poll& poll);

}  // namespace cambrian
