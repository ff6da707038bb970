// What was remembered of a layout and nobody uses at the moment, for whoever decodes next.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "known.hpp"
#include "memo.hpp"

namespace cambrian {

class Memos {
  public:
    Memos() {
        memos_.reserve(kMost);  // nothing may fail where it is given back
        known_.reserve(kMost);
    }

    std::unique_ptr<Memo> take(std::size_t sites) {
        const std::scoped_lock lock(mutex_);
        if (memos_.empty()) return std::make_unique<Memo>(sites);
        auto memo = std::move(memos_.back());
        memos_.pop_back();
        return memo;
    }
    void give_back(std::unique_ptr<Memo> memo) {
        const std::scoped_lock lock(mutex_);
        if (memos_.size() < kMost) memos_.push_back(std::move(memo));
    }

    // Null if there is none of what is asked.
    std::unique_ptr<Known> take(const Known::Asked& asked) {
        const std::scoped_lock lock(mutex_);
        const auto same = [&](const auto& known) { return known->asked() == asked; };
        const auto found = std::find_if(known_.begin(), known_.end(), same);
        if (found == known_.end()) return nullptr;
        auto known = std::move(*found);
        known_.erase(found);
        return known;
    }
    // The oldest give way.
    void give_back(std::unique_ptr<Known> known) {
        const std::scoped_lock lock(mutex_);
        if (known_.size() == kMost) known_.erase(known_.begin());
        known_.push_back(std::move(known));
    }

  private:
    static constexpr std::size_t kMost = 4;  // of each, as they take megabytes

    std::mutex mutex_;
    std::vector<std::unique_ptr<Memo>> memos_;
    std::vector<std::unique_ptr<Known>> known_;
};

}  // namespace cambrian
