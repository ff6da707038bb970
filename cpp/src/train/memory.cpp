#include "cambrian/train/memory.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <numeric>
#include <queue>

namespace cambrian::train {
namespace {

constexpr std::size_t kStep = kAlign / sizeof(float);

std::size_t rounded(std::size_t size) {
    return (size + kStep - 1) / kStep * kStep;
}

// Gaps by where they begin.
class Gaps {
  public:
    std::size_t take(std::size_t size) {
        auto best = gaps_.end();
        for (auto gap = gaps_.begin(); gap != gaps_.end(); ++gap) {
            if (gap->second >= size && (best == gaps_.end() || gap->second < best->second)) best = gap;
        }
        if (best == gaps_.end()) return grow(size);
        const auto [offset, room] = *best;
        gaps_.erase(best);
        if (room > size) gaps_.emplace(offset + size, room - size);
        return offset;
    }

    void give(std::size_t offset, std::size_t size) {
        auto after = gaps_.lower_bound(offset);
        if (after != gaps_.end() && after->first == offset + size) {
            size += after->second;
            after = gaps_.erase(after);
        }
        if (after != gaps_.begin()) {
            const auto before = std::prev(after);
            if (before->first + before->second == offset) {
                before->second += size;
                return;
            }
        }
        gaps_.emplace(offset, size);
    }

    std::size_t end() const { return end_; }

  private:
    std::size_t grow(std::size_t size) {  // from the last gap on, if that is at the end
        std::size_t offset = end_;
        if (!gaps_.empty()) {
            const auto last = std::prev(gaps_.end());
            if (last->first + last->second == end_) {
                offset = last->first;
                gaps_.erase(last);
            }
        }
        end_ = offset + size;
        return offset;
    }

    std::map<std::size_t, std::size_t> gaps_;
    std::size_t end_ = 0;
};

}  // namespace

void Block::clear() {
    if (size_ > 0) std::memset(data_.get(), 0, size_ * sizeof(float));
}

std::size_t place(std::vector<Span>& spans) {
    std::vector<std::size_t> order(spans.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return spans[a].first < spans[b].first; });
    const auto later = [&](std::size_t a, std::size_t b) { return spans[a].last > spans[b].last; };
    std::priority_queue<std::size_t, std::vector<std::size_t>, decltype(later)> live(later);
    Gaps gaps;
    for (const std::size_t i : order) {
        if (spans[i].size == 0) continue;
        while (!live.empty() && spans[live.top()].last < spans[i].first) {
            gaps.give(spans[live.top()].offset, rounded(spans[live.top()].size));
            live.pop();
        }
        spans[i].offset = gaps.take(rounded(spans[i].size));
        live.push(i);
    }
    return gaps.end();
}

}  // namespace cambrian::train
